//! The same run on every backend, from the same weights.

use crate::train::observe_fn;
use burn::backend::{Autodiff, Flex, NdArray};
use burn::module::Module;
use burn::record::{FullPrecisionSettings, NamedMpkBytesRecorder, Recorder};
use burn::tensor::backend::AutodiffBackend;

use crate::Latent;
use crate::data::{Dataset, MemoryDataset};
use crate::gan::Gan;
use crate::models::{
    DcganDiscriminatorConfig, DcganGeneratorConfig, MlpDiscriminatorConfig, MlpGeneratorConfig,
};
use crate::network::Sample;
use crate::objective::{Loss, Objective, Term};
use crate::pair::{GanOf, Pair};
use crate::random::Stream;
use crate::testing::{assert_close, values};
use crate::train::{Rhythm, StepEvent, Trainer, TrainerConfig};

const LATENT: usize = 12;

fn recorder() -> NamedMpkBytesRecorder<FullPrecisionSettings> {
    NamedMpkBytesRecorder::default()
}

/// Discriminator and generator losses of each step.
fn losses<P: Pair>(
    pair: P,
    weights: &mut Option<Vec<u8>>,
    data: &impl Dataset<P::Backend, Sample = P::Sample, Condition = P::Condition>,
    config: &TrainerConfig,
) -> Vec<f64> {
    let device = Default::default();
    let gan = pair.into_gan();
    // The first backend's weights are everybody's.
    let gan = match weights {
        Some(weights) => {
            let record = Recorder::<P::Backend>::load(&recorder(), weights.clone(), &device);
            gan.load_record(record.expect("weights of the same networks"))
        }
        None => {
            let record = gan.clone().into_record();
            let bytes = Recorder::<P::Backend>::record(&recorder(), record, ());
            *weights = Some(bytes.expect("weights as bytes"));
            gan
        }
    };
    let mut losses = Vec::new();
    Trainer::new(config.clone(), &device)
        .expect("valid settings")
        .observe(
            Rhythm::Every(1),
            observe_fn(|event: &StepEvent<'_, GanOf<P>>| {
                losses.extend(values(event.outcome.discriminator_loss.clone()));
                losses.extend(values(event.outcome.generator_loss.clone()));
                Ok(())
            }),
        )
        .run(gan, data)
        .expect("a run");
    losses
}

fn pixels<const R: usize>(count: usize, shape: &[usize]) -> MemoryDataset<R> {
    let width: usize = shape.iter().product();
    let values = Stream::new(9, "pixels").uniform(count * width, -1.0, 1.0);
    MemoryDataset::new(values, shape).expect("whole samples")
}

fn mlp<B: AutodiffBackend>(weights: &mut Option<Vec<u8>>) -> Vec<f64> {
    let device = Default::default();
    let generator = MlpGeneratorConfig::new(LATENT, [1, 8, 8]).with_hidden([32, 48]);
    let discriminator = MlpDiscriminatorConfig::new([1, 8, 8]).with_hidden([48, 32]);
    let gan = Gan::<_, _, B>::seeded(
        generator.init::<B, 4>(&device).expect("valid settings"),
        discriminator.init::<B, 4>(&device).expect("valid settings"),
        1,
        &device,
    );
    let config = TrainerConfig::new(10, 16, Latent::normal(LATENT))
        .with_seed(4)
        .with_objective(Objective::new(Loss::NonSaturating).with_term(Term::r1(1.0)));
    let data = pixels::<4>(64, &[1, 8, 8]);
    assert_eq!(
        Sample::<B>::shape(&data.batch(&[0], &device).expect("a batch").0),
        [1, 1, 8, 8]
    );
    losses(gan, weights, &data, &config)
}

fn dcgan<B: AutodiffBackend>(weights: &mut Option<Vec<u8>>) -> Vec<f64> {
    let device = Default::default();
    let generator = DcganGeneratorConfig::new(LATENT, [1, 28, 28]).with_width(8);
    let discriminator = DcganDiscriminatorConfig::new([1, 28, 28]).with_width(8);
    let gan = Gan::<_, _, B>::seeded(
        generator.init(&device).expect("valid settings"),
        discriminator.init(&device).expect("valid settings"),
        1,
        &device,
    );
    let config = TrainerConfig::new(5, 4, Latent::normal(LATENT)).with_seed(4);
    losses(gan, weights, &pixels::<4>(16, &[1, 28, 28]), &config)
}

/// Sums are added in another order on each backend, and training amplifies the difference.
const RELATIVE: f64 = 1e-3;

macro_rules! parity {
    ($name:ident, $run:ident, $count:literal) => {
        #[test]
        fn $name() {
            let mut weights = None;
            let flex = $run::<Autodiff<Flex>>(&mut weights);
            assert_eq!(flex.len(), $count);
            assert!(flex.iter().all(|loss| loss.is_finite()));
            let ndarray = $run::<Autodiff<NdArray>>(&mut weights);
            assert_close(&ndarray, &flex, RELATIVE, 0.0);
            #[cfg(feature = "wgpu")]
            {
                let wgpu = $run::<Autodiff<burn::backend::Wgpu>>(&mut weights);
                assert_close(&wgpu, &flex, RELATIVE, 0.0);
            }
        }
    };
}

parity!(
    ten_mlp_steps_with_r1_agree_on_every_backend_wgpu_included,
    mlp,
    20
);
parity!(
    five_dcgan_steps_agree_on_every_backend_wgpu_included,
    dcgan,
    10
);
