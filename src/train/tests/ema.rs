//! The averaged generator: weights follow, buffers are copied.

use burn::backend::Flex;
use burn::module::{AutodiffModule, Module};
use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};

use crate::data::{MemoryDataset, Mixture};
use crate::models::{
    DcganDiscriminator, DcganGenerator, DcganGeneratorConfig, MlpDiscriminator,
    MlpDiscriminatorConfig, MlpGeneratorConfig, load_safetensors,
};
use crate::network::{Generator, initialize};
use crate::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig};
use crate::random::Stream;
use crate::step::{Ema, EmaConfig, OptimizerConfig, StandingStatistics};
use crate::testing::{assert_close, assign, for_each_autodiff_backend, parameters, values};
use crate::train::{Trainer, TrainerConfig};
use crate::{Gan, Latent};

fn generator<B: AutodiffBackend>() -> DcganGenerator<B> {
    let generator = DcganGeneratorConfig::new(3, [1, 8, 8])
        .with_width(2)
        .init::<B>(&Default::default())
        .expect("valid settings");
    initialize(&generator);
    generator
}

/// A forward pass in training mode, which moves running statistics.
fn pass<B: AutodiffBackend>(generator: &DcganGenerator<B>, seed: u64) -> Tensor<B, 4> {
    let device = Default::default();
    let z = Latent::normal(3).draw(5, &mut Stream::new(seed, "z"), &device);
    generator.generate(z, &())
}

fn weights_follow_by_the_decay_and_buffers_are_copied<B: AutodiffBackend>() {
    let generator = generator::<B>();
    let start = parameters::<B, _>(&generator);
    let ema = Ema::<Gan<DcganGenerator<B>, DcganDiscriminator<B>, B>>::new(&generator);
    assert_eq!(parameters(&ema.generator()), start);

    // Trained: all weights moved by one, and statistics that are still pending.
    let statistics = statistics::<B>(&generator);
    assert!(statistics.iter().any(|is| *is) && !statistics.iter().all(|is| *is));
    let moved: Vec<Vec<f64>> = start
        .iter()
        .zip(&statistics)
        .map(|(values, statistic)| {
            let by = if *statistic { 0.0 } else { 1.0 };
            values.iter().map(|value| value + by).collect()
        })
        .collect();
    let trained = assign::<B, _>(generator, moved);
    let _ = pass(&trained, 1);
    let copy = ema.generator();
    let ema = ema.update(&trained, 0.75);
    let now = parameters(&burn::module::AutodiffModule::valid(&trained));
    for (index, average) in parameters(&ema.generator()).iter().enumerate() {
        let expected: Vec<f64> = start[index]
            .iter()
            .zip(&now[index])
            .map(|(old, new)| {
                if statistics[index] {
                    *new
                } else {
                    0.75 * old + 0.25 * new
                }
            })
            .collect();
        assert_close(average, &expected, 1e-5, 1e-6);
        assert_eq!(
            statistics[index],
            start[index] == now[index] || now[index] == *average
        );
    }
    // What was taken before is what it was.
    assert_eq!(parameters(&copy), start);
    // Without decay the average is the generator itself.
    let ema = ema.update(&trained, 0.0);
    assert_eq!(parameters(&ema.generator()), now);
}

/// Which parameters are running statistics: those that a forward pass alone moves.
fn statistics<B: AutodiffBackend>(generator: &DcganGenerator<B>) -> Vec<bool> {
    let before = parameters(&burn::module::AutodiffModule::valid(generator));
    let _ = pass(generator, 2);
    let after = parameters(&burn::module::AutodiffModule::valid(generator));
    before.iter().zip(&after).map(|(b, a)| b != a).collect()
}

/// Latents through this crate's batch norm, then burn's.
#[derive(Module, Debug)]
struct Norms<B: Backend> {
    ours: BatchNorm<B>,
    theirs: burn::nn::BatchNorm<B>,
}

impl<B: Backend> Generator<B> for Norms<B> {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn generate(&self, latent: Tensor<B, 2>, _condition: &()) -> Tensor<B, 2> {
        self.theirs.forward(self.ours.forward(latent))
    }
}

fn standing_statistics_are_the_means_over_their_batches<B: AutodiffBackend>() {
    let device = Default::default();
    let (count, batches, seed) = (16, 5, 7);
    for (momentum, truncation) in [(0.1, None), (0.37, Some(0.5)), (1.0, None)] {
        let norms = Norms::<B> {
            ours: BatchNormConfig::new(3)
                .with_momentum(momentum)
                .init(&device),
            theirs: burn::nn::BatchNormConfig::new(3)
                .with_momentum(0.01)
                .init(&device),
        };
        initialize(&norms);
        let latent = match truncation {
            None => Latent::uniform(3),
            Some(_) => Latent::normal(3),
        };
        let ema = Ema::<Gan<Norms<B>, MlpDiscriminator<B, 2>, B>>::new(&norms);
        let copied = parameters(&ema.generator());
        let prior = latent.clone();
        let standing = StandingStatistics::new(latent, count, seed, vec![(); batches]);
        let standing = match truncation {
            None => standing,
            Some(threshold) => standing.with_truncation(threshold).expect("a normal prior"),
        };
        let ema = ema.with_standing_statistics(Some(standing));
        let found = parameters(&ema.generator());

        let mut stream = Stream::new(seed, "standing statistics");
        let mut expected = [vec![0.0; 3], vec![0.0; 3], vec![0.0; 3], vec![0.0; 3]];
        for _ in 0..batches {
            let z: Tensor<B::InnerBackend, 2> = match truncation {
                None => prior.draw(count, &mut stream, &device),
                Some(threshold) => prior
                    .draw_truncated(count, threshold, &mut stream, &device)
                    .expect("a normal prior"),
            };
            let z = values(z);
            for channel in 0..3 {
                let column: Vec<f64> = z.iter().skip(channel).step_by(3).copied().collect();
                let mean = column.iter().sum::<f64>() / count as f64;
                let square = column.iter().map(|z| (z - mean).powi(2)).sum::<f64>();
                let variance = square / count as f64;
                // The second norm sees batches of mean 0 and nearly of variance 1.
                let seen = [mean, variance, 0.0, variance / (variance + 1e-5)];
                for (expected, seen) in expected.iter_mut().zip(seen) {
                    expected[channel] += seen / batches as f64;
                }
            }
        }
        for (index, expected) in [2, 3, 6, 7].into_iter().zip(&expected) {
            assert_close(&found[index], expected, 1e-4, 1e-5);
            assert_ne!(found[index], copied[index]);
        }
        // Scales and shifts stay; what is handed out is the same each time, and a copy of its own.
        for index in [0, 1, 4, 5] {
            assert_eq!(found[index], copied[index]);
        }
        assert_eq!(parameters(&ema.generator()), found);
        assert_eq!(parameters(&ema.average()), copied);
        // An average of other weights has statistics of its own again.
        let ema = ema.update(&norms, 0.5);
        assert_eq!(parameters(&ema.generator()), found);
    }
}

#[test]
fn standing_statistics_of_latents_that_can_not_be_truncated_are_refused() {
    let of = |latent| StandingStatistics::new(latent, 4, 1, vec![()]);
    for threshold in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        let error = of(Latent::normal(2)).with_truncation(threshold);
        let error = error.expect_err("no threshold").to_string();
        assert!(error.contains("`threshold`"), "{error}");
    }
    assert!(of(Latent::uniform(2)).with_truncation(1.0).is_err());
}

/// The weights that a file holds.
fn stored<B: AutodiffBackend>(file: &std::path::Path) -> Vec<Vec<f64>> {
    let fresh = MlpGeneratorConfig::new(2, [2])
        .init::<B::InnerBackend, 2>(&Default::default())
        .expect("valid settings");
    parameters(&load_safetensors(file, fresh).expect("weights"))
}

fn a_run_saves_the_trained_weights_and_their_average<B: AutodiffBackend>() {
    let device = Default::default();
    let generator = MlpGeneratorConfig::new(2, [2]).init::<B, 2>(&device);
    let discriminator = MlpDiscriminatorConfig::new([2]).init::<B, 2>(&device);
    let gan = Gan::<_, _, B>::seeded(
        generator.expect("valid settings"),
        discriminator.expect("valid settings"),
        1,
        &device,
    );
    let data = MemoryDataset::<2>::new(vec![0.5; 32], [2]).expect("whole points");
    let plain = TrainerConfig::new(3, 8, Latent::normal(2));
    let averaged = plain.clone().with_ema(EmaConfig::decay(0.9));
    let names = ["generator.safetensors", "generator_ema.safetensors"];
    for (config, names) in [(plain, &names[..1]), (averaged, &names[..])] {
        let run = Trainer::new(config, &device)
            .expect("valid settings")
            .run(gan.clone(), &data)
            .expect("a run");
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path().join("new");
        let files = run.save_weights(&folder).expect("files");
        let expected: Vec<_> = names.iter().map(|name| folder.join(name)).collect();
        assert_eq!(files, expected);
        let [trained, sampler] =
            [run.state.trained(), run.state.sampler()].map(|network| parameters(&network));
        assert_eq!(stored::<B>(&files[0]), trained);
        assert_eq!(stored::<B>(&files[files.len() - 1]), sampler);
        // An average lags after what is trained.
        assert_eq!(trained != sampler, files.len() == 2);
    }
}

for_each_autodiff_backend!(
    a_run_saves_the_trained_weights_and_their_average,
    weights_follow_by_the_decay_and_buffers_are_copied,
    standing_statistics_are_the_means_over_their_batches,
);

/// Latents to points of the plane, with batch norms between.
#[derive(Module, Debug)]
struct Points<B: Backend> {
    first: Linear<B>,
    first_norm: BatchNorm<B>,
    second: Linear<B>,
    second_norm: BatchNorm<B>,
    output: Linear<B>,
}

impl<B: Backend> Generator<B> for Points<B> {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn generate(&self, latent: Tensor<B, 2>, _condition: &()) -> Tensor<B, 2> {
        let x = self.first_norm.forward(self.first.forward(latent));
        let x = burn::tensor::activation::relu(x);
        let x = self.second_norm.forward(self.second.forward(x));
        self.output.forward(burn::tensor::activation::relu(x))
    }
}

fn spread<B: Backend>(points: Tensor<B, 2>) -> f64 {
    let numbers = values(points);
    let count = numbers.len() as f64;
    let mean = numbers.iter().sum::<f64>() / count;
    (numbers.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count).sqrt()
}

#[test]
fn samples_of_an_average_with_batch_norm_are_not_washed_out() {
    type B = burn::backend::Autodiff<crate::testing::Cpu>;
    let device = Default::default();
    let generator = Points::<B> {
        first: LinearConfig::new(4, 16).init(&device),
        first_norm: BatchNormConfig::new(16).init(&device),
        second: LinearConfig::new(16, 16).init(&device),
        second_norm: BatchNormConfig::new(16).init(&device),
        output: LinearConfig::new(16, 2).init(&device),
    };
    let discriminator = MlpDiscriminatorConfig::new([2])
        .with_hidden([16, 16])
        .init::<B, 2>(&device)
        .expect("valid settings");
    let gan = Gan::seeded(generator, discriminator, 3, &device);
    let points = Mixture::ring();
    let points = points.sample(1_000, &mut Stream::new(1, "ring"));
    let points = MemoryDataset::<2>::new(points, [2]).expect("whole points");
    let config = TrainerConfig::new(500, 32, Latent::normal(4))
        .with_seed(3)
        .with_optimizers(OptimizerConfig::adam(5e-3).with_betas(0.5, 0.999))
        .with_ema(EmaConfig::decay(0.999));
    let run = Trainer::new(config, &device)
        .expect("valid settings")
        .run(gan, &points)
        .expect("a run");
    let ema = run.state.ema.as_ref().expect("an average");

    let z = Latent::normal(4).draw::<Flex>(2_000, &mut Stream::new(9, "z"), &device);
    // What the averaged weights draw with the statistics of the batch itself.
    let training = Points::<B>::from_inner(ema.average());
    let right = spread(training.generate(Tensor::from_inner(z.clone()), &()));
    let found = spread(run.state.sampler().generate(z.clone(), &()));
    let copied = spread(ema.average().generate(z, &()));
    println!("spread {found:.4}, in training mode {right:.4}, of copied statistics {copied:.4}");
    // 2,048 samples in batches of 32 against 2,000 others: within 5 %.
    assert!((found / right - 1.0).abs() < 0.05, "{found} for {right}");
    assert!((copied / right - 1.0).abs() > 0.1, "{copied} for {right}");
}
