//! ADA in whole games: when its probability rises, where it stays, and what generated samples look
//! like after it.

use burn_gan::burn;
use burn_gan::burn::backend::{Autodiff, Flex};
use burn_gan::burn::module::{AutodiffModule, Module, Param};
use burn_gan::burn::tensor::backend::Backend;
use burn_gan::burn::tensor::{Tensor, TensorData};
use burn_gan::data::MemoryDataset;
use burn_gan::models::{
    MlpDiscriminator, MlpDiscriminatorConfig, MlpGenerator, MlpGeneratorConfig,
};
use burn_gan::network::{Augmentation, Fill, Generator};
use burn_gan::objective::{Ada, Augment, Loss, Objective, Probability, Term, Transformations};
use burn_gan::random::Stream;
use burn_gan::step::OptimizerConfig;
use burn_gan::train::{Rhythm, StepEvent, Trainer, TrainerConfig, observe_fn};
use burn_gan::{Gan, Latent};

type B = Autodiff<Flex>;

/// Noise images 8×8.
const PIXELS: usize = 64;
const SPREAD: f32 = 0.3;

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
fn with_real_samples(count: usize, steps: u64) -> Vec<[f64; 2]> {
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
    // All of the way in 4,000 of the real samples.
    let objective = Objective::new(Loss::NonSaturating).with_augment(Augment::ada(4_000.0));
    let config = TrainerConfig::new(steps, 16, Latent::normal(PIXELS))
        .with_objective(objective)
        .with_discriminator_optimizer(OptimizerConfig::adam(3e-3).with_betas(0.0, 0.99))
        .with_generator_optimizer(OptimizerConfig::adam(1e-6));
    let mut seen = Vec::new();
    Trainer::new(config, &device)
        .expect("valid settings")
        .observe(
            Rhythm::Every(1),
            observe_fn(|event: &StepEvent<'_, _>| {
                let p = event.outcome.augmentation.clone().expect("it adapts");
                let r = event.outcome.real.logits.clone().sign().mean();
                seen.push([p, r].map(|number| f64::from(number.into_scalar())));
                Ok(())
            }),
        )
        .run(networks, &data)
        .expect("a run");
    seen
}

fn means(seen: &[[f64; 2]]) -> [f64; 2] {
    [0, 1].map(|which| seen.iter().map(|step| step[which]).sum::<f64>() / seen.len() as f64)
}

#[test]
fn p_holds_r_at_its_target_where_the_discriminator_overfits() {
    let seen = with_real_samples(16, 1_200);
    for part in seen.chunks(100) {
        eprintln!("overfit {:?}", means(part));
    }
}

#[test]
fn p_stays_near_0_where_the_discriminator_does_not_overfit() {
    let seen = with_real_samples(16_000, 600);
    for part in seen.chunks(100) {
        eprintln!("fresh {:?}", means(part));
    }
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

/// How far a sample's pixels are from red in the upper left corner, on average: at least 0 and at
/// most about 1.
fn told(samples: &[f32]) {
    // The mean image's red per quarter and channels in the square.
    let count = samples.len() / 108;
    let mut quarters = [[0.0f64; 4]; 3];
    for image in samples.chunks_exact(108) {
        for (channel, plane) in image.chunks_exact(36).enumerate() {
            for (pixel, x) in plane.iter().enumerate() {
                let (row, column) = (pixel / 6, pixel % 6);
                if (1..5).contains(&row) && (1..5).contains(&column) {
                    quarters[channel][row / 3 * 2 + column / 3] += f64::from(*x) / 4.0 / count as f64;
                }
            }
        }
    }
    eprintln!("{quarters:.2?}");
    // Share of samples whose brightest red 2x2 is where it should be
    let right = samples.chunks_exact(108).filter(|image| {
        let mean = |channel: usize, rows: usize, columns: usize| -> f32 {
            (0..4).map(|i| image[channel * 36 + (rows + i / 2) * 6 + columns + i % 2]).sum::<f32>() / 4.0
        };
        let all: Vec<f32> = (0..12)
            .map(|i| mean(i / 4, [1, 1, 3, 3][i % 4], [1, 3, 1, 3][i % 4]))
            .collect();
        all[1..].iter().all(|x| *x < all[0]) && all[0] > 0.2
    });
    eprintln!("right {}", right.count() as f64 / count as f64);
}

#[test]
fn take_over() {
    for p in [0.0, 0.5, 0.8, 1.0] {
        let start = std::time::Instant::now();
        let ada = Augment::Ada(Ada::new(Probability::Fixed(p)));
        let samples = learnt(Objective::new(Loss::NonSaturating).with_augment(ada), 1500);
        eprintln!("p {p} {:?}", start.elapsed());
        told(&samples);
        let exact = Transformations {
            brightness: 1.0, contrast: 1.0, luma_flip: 1.0, hue: 1.0, saturation: 1.0,
            ..Transformations::BLIT
        };
        let ada = Augment::Ada(Ada::new(Probability::Fixed(p)).with_transformations(exact));
        let samples = learnt(Objective::new(Loss::NonSaturating).with_augment(ada), 1500);
        eprintln!("exact p {p} {:?}", start.elapsed());
        told(&samples);
    }
    let flip = Augmentation::Images { shift: 0, flip: true, fill: Fill::Edge };
    let samples = learnt(Objective::new(Loss::NonSaturating).with_augment_real(flip), 1500);
    told(&samples);
}
