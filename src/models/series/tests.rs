//! Shapes, settings and training of the pair for series.

use burn::tensor::Tensor;
use burn::tensor::backend::AutodiffBackend;

use super::pyramid::Pyramid;
use super::*;
use crate::Gan;
use crate::data::MemoryDataset;
use crate::latent::Latent;
use crate::models::SavedGenerator;
use crate::network::{Discriminator, Generator, Labels};
use crate::objective::logit_gradient;
use crate::random::Stream;
use crate::sampling::Sampler;
use crate::testing::{Cpu, for_each_autodiff_backend, values};
use crate::train::{Trainer, TrainerConfig};

#[test]
fn strides_reach_every_length_from_8() {
    assert_eq!(
        Pyramid::of(8),
        Pyramid {
            strides: vec![2],
            base: 4
        }
    );
    assert_eq!(
        Pyramid::of(24),
        Pyramid {
            strides: vec![2, 2],
            base: 6
        }
    );
    assert_eq!(
        Pyramid::of(150),
        Pyramid {
            strides: vec![4, 4, 2],
            base: 5
        }
    );
    assert_eq!(Pyramid::of(16_384).strides, [4, 4, 4, 4, 4, 2, 2]);
    for time in 8..700 {
        let pyramid = Pyramid::of(time);
        let made = pyramid.made();
        assert!((4..8).contains(&pyramid.base), "{time}: {pyramid:?}");
        // At most as much is cut as the coarsest step is long.
        let steps: usize = pyramid.strides.iter().product();
        assert!((time..time + steps).contains(&made), "{time}: {made}");
    }
}

fn networks_take_and_make_any_length_from_8<B: AutodiffBackend>() {
    let device = B::Device::default();
    let mut stream = Stream::new(1, "z");
    for (time, kernel) in [(8, 4), (9, 25), (24, 9), (33, 5), (150, 9)] {
        let shape = [2, time];
        let generator = SeriesGeneratorConfig::new(3, shape)
            .with_width(2)
            .with_kernel(kernel);
        let generator = generator.with_batch_norm(time % 2 == 0);
        let discriminator = SeriesDiscriminatorConfig::new(shape)
            .with_width(2)
            .with_kernel(kernel)
            .with_phase_shuffle(2)
            .with_spectral_norm(time % 2 == 0);
        let z = Latent::normal(3).draw(4, &mut stream, &device);
        let labels = Labels::from_slice(&[0, 1, 2, 0], 3, &device).unwrap();
        let series = generator
            .init::<B>(&device)
            .unwrap()
            .generate(z.clone(), &());
        assert_eq!(series.dims(), [4, 2, time]);
        let told = generator.init_conditional::<B>(3, &device).unwrap();
        assert_eq!(told.classes(), Some(3));
        let series = told.generate(z, &labels);
        assert!(values(series.clone()).iter().all(|x| x.abs() <= 1.0));
        let logits = discriminator.init::<B>(&device).unwrap();
        assert_eq!(
            logits.discriminate(series.clone(), &()).logits.dims(),
            [4, 1]
        );
        let projected = discriminator.init_projected::<B>(3, &device).unwrap();
        let verdict = projected.discriminate(series, &labels);
        assert_eq!(verdict.logits.dims(), [4, 1]);
        assert_eq!(verdict.features.unwrap().dims(), [4, 64]);
    }
}

fn a_penalty_has_gradients_with_and_without_a_shuffle<B: AutodiffBackend>() {
    let device = B::Device::default();
    for shuffle in [0, 2] {
        let config = SeriesDiscriminatorConfig::new([1, 24]).with_width(2);
        let config = config.with_phase_shuffle(shuffle);
        let network = config.init::<B>(&device).unwrap();
        let numbers = Stream::new(2, "x").normal(72);
        let x = Tensor::<B, 1>::from_floats(numbers.as_slice(), &device).reshape([3, 1, 24]);
        let penalty = logit_gradient(&network, x, &()).square().sum();
        let tape = penalty.backward();
        let found = crate::testing::gradients::<B, _>(&network, &tape);
        let largest = found
            .iter()
            .flatten()
            .fold(0.0_f64, |most, g| most.max(g.abs()));
        assert!(largest > 0.0 && largest.is_finite(), "{largest}");
    }
}

for_each_autodiff_backend!(
    networks_take_and_make_any_length_from_8,
    a_penalty_has_gradients_with_and_without_a_shuffle,
);

#[test]
fn settings_that_make_no_network_are_refused_by_name() {
    let generator = |change: fn(&mut SeriesGeneratorConfig)| {
        let mut config = SeriesGeneratorConfig::new(4, [1, 24]);
        change(&mut config);
        config
            .init::<Cpu>(&Default::default())
            .unwrap_err()
            .to_string()
    };
    assert!(generator(|c| c.latent = 0).contains("`latent` = 0"));
    assert!(generator(|c| c.channels = 0).contains("`channels` = 0"));
    assert!(generator(|c| c.time = 7).contains("`time` = 7: must be at least 8"));
    assert!(generator(|c| c.width = 0).contains("`width` = 0"));
    assert!(generator(|c| c.width = usize::MAX).contains("`width`"));
    assert!(generator(|c| c.width = 1 << 20).contains("`width`"));
    assert!(generator(|c| c.kernel = 3).contains("`kernel` = 3: must be at least 4"));
    let discriminator = |change: fn(&mut SeriesDiscriminatorConfig)| {
        let mut config = SeriesDiscriminatorConfig::new([1, 24]);
        change(&mut config);
        config
            .init::<Cpu>(&Default::default())
            .unwrap_err()
            .to_string()
    };
    assert!(discriminator(|c| c.features = 0).contains("`features` = 0"));
    assert!(discriminator(|c| c.phase_shuffle = 8).contains("`phase_shuffle` = 8"));
    assert!(discriminator(|c| c.time = 1 << 25).contains("`shape`"));
    let unknown = r#"{"latent":4,"channels":1,"time":24,"widht":3}"#;
    assert!(serde_json::from_str::<SeriesGeneratorConfig>(unknown).is_err());
}

#[test]
fn a_trained_generator_is_opened_by_what_its_file_says() {
    type B = burn::backend::Autodiff<Cpu>;
    let device = Default::default();
    let settings = SeriesGeneratorConfig::new(3, [1, 12]).with_width(2);
    let discriminator = SeriesDiscriminatorConfig::new([1, 12]).with_width(2);
    let gan = Gan::seeded(
        settings.init_conditional::<B>(2, &device).unwrap(),
        discriminator.init_projected::<B>(2, &device).unwrap(),
        1,
        &device,
    );
    let waves = (0..8 * 12).map(|place| (place as f32 * 0.7).sin() * 0.9);
    let data = MemoryDataset::<3>::new(waves.collect(), [1, 12]).unwrap();
    let data = data.with_labels([0, 1].repeat(4), 2).unwrap();
    let latent = Latent::normal(3);
    let config = TrainerConfig::new(2, 4, latent.clone());
    let run = Trainer::new(config, &device)
        .unwrap()
        .run(gan, &data)
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("generator.gan");
    SavedGenerator::save(&path, &settings, &latent, run.state.sampler()).unwrap();
    let mut sampler = Sampler::<Cpu>::open(&path, &device).unwrap();
    assert_eq!(sampler.classes(), Some(2));
    let drawn = sampler.draw_labelled(&[0, 1, 1]).unwrap();
    assert_eq!((drawn.shape(), drawn.values().len()), (&[1, 12][..], 36));
    let wrong = Latent::normal(4);
    assert!(SavedGenerator::save(&path, &settings, &wrong, run.state.sampler()).is_err());
}
