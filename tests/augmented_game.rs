//! ADA in whole games: when its probability rises, where it stays, and what generated samples look
//! like after it.

use std::path::Path;

use burn_gan::burn;
use burn_gan::burn::backend::{Autodiff, Flex};
use burn_gan::burn::module::{AutodiffModule, Module, Param};
use burn_gan::burn::tensor::Tensor;
use burn_gan::burn::tensor::backend::Backend;
use burn_gan::data::MemoryDataset;
use burn_gan::models::{
    MlpDiscriminator, MlpDiscriminatorConfig, MlpGenerator, MlpGeneratorConfig,
};
use burn_gan::network::{Augmentation, DiffAugment, Fill, Generator};
use burn_gan::objective::{Ada, Augment, Loss, Objective, Probability, Term, Transformations};
use burn_gan::random::Stream;
use burn_gan::step::OptimizerConfig;
use burn_gan::train::{
    Checkpoints, History, Interrupt, Ramp, Rhythm, Run, Start, StepEvent, Trainer, TrainerConfig,
    observe_fn,
};
use burn_gan::{Gan, Latent};

type B = Autodiff<Flex>;

/// Noise images 8×8.
const PIXELS: usize = 64;
const SPREAD: f32 = 0.3;
const BATCH: usize = 16;

/// Draws exactly what the data are drawn from, so that a discriminator has nothing to learn but the
/// real samples by heart.
#[derive(Module, Debug)]
struct Truth<B: Backend> {
    /// What a generator needs to be one, far from mattering.
    nothing: Param<Tensor<B, 1>>,
}

impl<B: Backend> Generator<B> for Truth<B> {
    type Sample = Tensor<B, 4>;
    type Condition = ();

    fn generate(&self, latent: Tensor<B, 2>, _condition: &()) -> Tensor<B, 4> {
        let [batch, _] = latent.dims();
        let nothing = self.nothing.val().mul_scalar(0.0).reshape([1, 1]);
        (latent.mul_scalar(SPREAD) + nothing).reshape([batch, 1, 8, 8])
    }
}

/// p and r = E sign(D(x)) after each step, with so many real samples.
fn with_real_samples(count: usize, steps: u64, probability: Probability) -> Vec<[f64; 2]> {
    let device = Default::default();
    let generator = Truth {
        nothing: Param::from_tensor(Tensor::<B, 1>::ones([1], &device)),
    };
    let discriminator = MlpDiscriminatorConfig::new([1, 8, 8]).with_hidden([64]);
    let discriminator: MlpDiscriminator<B, 4> = discriminator.init(&device).expect("valid sizes");
    let networks = Gan::seeded(generator, discriminator, 1, &device);
    let drawn = Stream::new(2, "images").normal(count * PIXELS);
    let images = drawn.iter().map(|e| SPREAD * e).collect::<Vec<f32>>();
    let data = MemoryDataset::new(images, [1, 8, 8]).expect("images");
    let augment = Augment::Ada(Ada::new(probability));
    let objective = Objective::new(Loss::NonSaturating).with_augment(augment);
    let config = TrainerConfig::new(steps, BATCH, Latent::normal(PIXELS))
        .with_objective(objective)
        .with_discriminator_optimizer(OptimizerConfig::adam(3e-3).with_betas(0.0, 0.99))
        .with_generator_optimizer(OptimizerConfig::adam(1e-6));
    let mut seen = Vec::new();
    Trainer::new(config, &device)
        .expect("valid settings")
        .observe(
            Rhythm::Every(1),
            observe_fn(|event: &StepEvent<'_, _>| {
                let p = event.outcome.augmentation.clone();
                let p = p.map_or(0.0, |p| f64::from(p.into_scalar()));
                let r = event.outcome.real.logits.clone().sign().mean();
                seen.push([p, f64::from(r.into_scalar())]);
                Ok(())
            }),
        )
        .run(networks, &data)
        .expect("a run");
    seen
}

/// Of p and of r.
fn means(seen: &[[f64; 2]]) -> [f64; 2] {
    [0, 1].map(|which| seen.iter().map(|step| step[which]).sum::<f64>() / seen.len() as f64)
}

/// All of the way in 2,000 real samples.
fn adaptive() -> Probability {
    Probability::adaptive(2_000.0)
}

#[test]
fn p_holds_r_at_its_target_where_the_discriminator_overfits() {
    // Sixteen samples are learnt by heart in no time.
    let [_, r] = means(&with_real_samples(BATCH, 200, Probability::Fixed(0.0))[150..]);
    assert!(r > 0.95, "{r}");
    // Changed, they are not, and p stops where r is what is aimed at.
    let seen = with_real_samples(BATCH, 800, adaptive());
    let [p, r] = means(&seen[400..]);
    assert!((r - 0.6).abs() < 0.06, "r = {r} at p = {p}");
    assert!(0.02 < p && p < 0.9, "p = {p} at r = {r}");
}

#[test]
fn p_stays_near_0_where_the_discriminator_does_not_overfit() {
    let seen = with_real_samples(8_000, 400, adaptive());
    let [p, r] = means(&seen);
    assert!(p < 0.02 && r.abs() < 0.2, "p = {p} at r = {r}");
}

/// Images 3×6×6: a red square in the upper left corner, of one of a few brightnesses.
fn squares(count: usize) -> MemoryDataset<4> {
    let mut images = vec![-0.8f32; count * 3 * 36];
    let lights = Stream::new(3, "lights").uniform(count, 0.4, 0.9);
    for (image, light) in images.chunks_exact_mut(3 * 36).zip(lights) {
        for row in 1..3 {
            for column in 1..3 {
                image[row * 6 + column] = light;
            }
        }
    }
    MemoryDataset::new(images, [3, 6, 6]).expect("images")
}

type Networks = Gan<MlpGenerator<B, 4>, MlpDiscriminator<B, 4>, B>;

/// Samples of a GAN that learnt the squares.
fn learnt(objective: Objective, steps: u64) -> Vec<f32> {
    let device = Default::default();
    let generator = MlpGeneratorConfig::new(8, [3, 6, 6]).with_hidden([64]);
    let discriminator = MlpDiscriminatorConfig::new([3, 6, 6]).with_hidden([64]);
    let networks: Networks = Gan::seeded(
        generator.init(&device).expect("valid sizes"),
        discriminator.init(&device).expect("valid sizes"),
        5,
        &device,
    );
    let config = TrainerConfig::new(steps, 32, Latent::normal(8))
        .with_objective(objective.with_term(Term::r1(0.1)))
        .with_discriminator_optimizer(OptimizerConfig::adam(2e-3).with_betas(0.0, 0.99))
        .with_generator_optimizer(OptimizerConfig::adam(2e-3).with_betas(0.0, 0.99));
    let run = Trainer::new(config, &device)
        .expect("valid settings")
        .run(networks, &squares(512))
        .expect("a run");
    let generator = run.state.gan.generator.valid();
    let latent = Latent::normal(8).draw(256, &mut Stream::new(9, "latents"), &device);
    let samples = generator.generate(latent, &());
    samples.into_data().iter::<f32>().collect()
}

/// The share of samples that are brightest in the red of their upper left quarter.
fn as_the_data(samples: &[f32]) -> f64 {
    let mean = |image: &[f32], channel: usize, row: usize, column: usize| -> f32 {
        let pixels = (0..4).map(|i| image[channel * 36 + (row + i / 2) * 6 + column + i % 2]);
        pixels.sum::<f32>() / 4.0
    };
    let images = samples.chunks_exact(3 * 36);
    let count = images.len() as f64;
    let right = images.filter(|image| {
        let squares = (0..12).map(|i| mean(image, i / 4, 1 + i % 4 / 2 * 2, 1 + i % 2 * 2));
        let squares: Vec<f32> = squares.collect();
        squares[0] > 0.2 && squares[1..].iter().all(|other| *other < 0.0)
    });
    right.count() as f64 / count
}

/// Every change that is exact: of positions and of colours.
fn exact(p: f64) -> Objective {
    let transformations = Transformations {
        brightness: 1.0,
        contrast: 1.0,
        luma_flip: 1.0,
        hue: 1.0,
        saturation: 1.0,
        ..Transformations::BLIT
    };
    let ada = Ada::new(Probability::Fixed(p)).with_transformations(transformations);
    Objective::new(Loss::NonSaturating).with_augment(Augment::Ada(ada))
}

#[test]
fn generated_samples_do_not_take_over_the_augmentation() {
    let share = as_the_data(&learnt(exact(0.8), 300));
    assert!(share > 0.9, "{share}");
    // Without a sample that is left as it is nobody can tell which way is up.
    let share = as_the_data(&learnt(exact(1.0), 300));
    assert!(share < 0.5, "{share}");
}

#[test]
fn augmentation_of_real_samples_alone_is_learnt() {
    let flip = Augmentation::Images {
        shift: 0,
        flip: true,
        fill: Fill::Edge,
    };
    let objective = Objective::new(Loss::NonSaturating).with_augment_real(flip);
    let share = as_the_data(&learnt(objective, 500));
    assert!((share - 0.5).abs() < 0.2, "{share}");
}

/// A short run on the squares, from a checkpoint if there is one, until `stop_at` if that is said.
fn short_run(
    augment: Augment,
    ramp: Option<Ramp>,
    folder: Option<&Path>,
    stop_at: Option<u64>,
) -> (Run<Networks>, Vec<f64>) {
    let device = Default::default();
    let generator = MlpGeneratorConfig::new(2, [3, 6, 6]).with_hidden([4]);
    let discriminator = MlpDiscriminatorConfig::new([3, 6, 6]).with_hidden([4]);
    let networks: Networks = Gan::seeded(
        generator.init(&device).expect("valid sizes"),
        discriminator.init(&device).expect("valid sizes"),
        5,
        &device,
    );
    let objective = Objective::new(Loss::NonSaturating).with_augment(augment);
    let config = TrainerConfig::new(12, 8, Latent::normal(2))
        .with_objective(objective.with_term(Term::r1(0.1)))
        .with_discriminator_optimizer(OptimizerConfig::adam(1e-2));
    let config = match ramp {
        Some(ramp) => config.with_ramp(ramp),
        None => config,
    };
    let mut history = History::new();
    let stop = Interrupt::new();
    let button = stop.clone();
    let mut trainer = Trainer::new(config, &device)
        .expect("valid settings")
        .stop_on(&stop)
        .observe(Rhythm::Every(1), &mut history)
        .observe(
            Rhythm::Every(1),
            observe_fn(move |event: &StepEvent<'_, Networks>| {
                if stop_at == Some(event.step) {
                    button.request();
                }
                Ok(())
            }),
        );
    if let Some(folder) = folder {
        trainer = trainer.with_checkpoints(Checkpoints::new(folder).start(Start::Resume));
    }
    let run = trainer.run(networks, &squares(64)).expect("a run");
    let p = history.points("augmentation");
    (run, p.into_iter().map(|(_, p)| p).collect())
}

#[test]
fn a_run_goes_on_with_its_p_where_it_was() {
    let augment = || Augment::ada(100.0);
    let (whole, seen) = short_run(augment(), None, None, None);
    assert_eq!(seen.len(), 12);
    assert!(seen[11] > 0.2, "{seen:?}");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (first, before) = short_run(augment(), None, Some(folder.path()), Some(6));
    let (rest, after) = short_run(augment(), None, Some(folder.path()), None);
    assert_eq!([first.state.step, rest.state.step], [6, 12]);
    assert_eq!(before, seen[..6]);
    // The readings go on too.
    assert_eq!(after, seen);
    assert_eq!(rest.state.digest(), whole.state.digest());
}

#[test]
fn p_on_a_ramp_is_in_the_log() {
    let rising = Augment::Ada(
        Ada::new(Probability::Fixed(0.0)).with_transformations(Transformations::R3GAN),
    );
    let ramp = Ramp::linear("objective.augment.ada.probability.fixed", 0.5, 8);
    let (_, seen) = short_run(rising, Some(ramp), None, None);
    let expected: Vec<f64> = (0..12)
        .map(|step| 0.5 * f64::from(step.min(8)) / 8.0)
        .collect();
    assert_eq!(seen, expected);
    // One that stays where it is tells nothing.
    let still = Augment::Ada(Ada::new(Probability::Fixed(0.5)));
    assert!(short_run(still, None, None, None).1.is_empty());
}

#[test]
fn augmentation_of_pictures_is_refused_where_samples_are_none() {
    let device = Default::default();
    let points = MemoryDataset::new(vec![0.5f32; 64], [2]).expect("points");
    let plain = Objective::new(Loss::NonSaturating);
    for (objective, setting) in [
        (plain.clone().with_augment(Augment::ada(1e3)), "augment"),
        (
            plain
                .clone()
                .with_augment(Augment::diff_augment(DiffAugment::ALL)),
            "augment",
        ),
        (
            plain.with_augment_real(Augmentation::DiffAugment(DiffAugment::ALL)),
            "augment_real",
        ),
    ] {
        let generator = MlpGeneratorConfig::new(2, [2]).with_hidden([4]);
        let discriminator = MlpDiscriminatorConfig::new([2]).with_hidden([4]);
        let networks: Gan<MlpGenerator<B, 2>, MlpDiscriminator<B, 2>, B> = Gan::seeded(
            generator.init(&device).expect("valid sizes"),
            discriminator.init(&device).expect("valid sizes"),
            5,
            &device,
        );
        let config = TrainerConfig::new(1, 8, Latent::normal(2)).with_objective(objective);
        let trainer = Trainer::new(config, &device).expect("valid settings");
        let error = trainer
            .run(networks, &points)
            .expect_err("points")
            .to_string();
        assert!(error.contains(&format!("{setting}` = on")), "{error}");
        assert!(error.contains("can't be changed as images"), "{error}");
    }
}

#[test]
fn settings_in_the_guide_are_read_and_valid() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/augmentation.md");
    let guide = std::fs::read_to_string(guide).expect("the guide");
    let blocks: Vec<&str> = (guide.split("```json\n").skip(1))
        .map(|rest| rest.split("```").next().expect("an end"))
        .collect();
    assert!(blocks.len() > 3, "{blocks:?}");
    for block in blocks {
        let objective: Objective = serde_json::from_str(block).expect(block);
        assert!(objective.augment.is_some() || objective.augment_real.is_some());
        objective.validate().expect(block);
    }
}
