//! The works that the benches time: whole training steps of several pairs, and sampling.
//!
//! `peers/pytorch_step.py` and the files beside it build the same networks; a change here is a change
//! there.

// Each bench compiles this file for itself and uses a part of it.
#![allow(dead_code)]

use std::rc::Rc;

use burn_gan::burn::module::{AutodiffModule, Module};
use burn_gan::burn::tensor::backend::AutodiffBackend;
use burn_gan::burn::tensor::{ElementConversion, Tensor, TensorData};
use burn_gan::models::{
    DcganDiscriminator, DcganDiscriminatorConfig, DcganGenerator, DcganGeneratorConfig,
    MlpDiscriminator, MlpDiscriminatorConfig, MlpGenerator, MlpGeneratorConfig, R3ganDiscriminator,
    R3ganDiscriminatorConfig, R3ganGenerator, R3ganGeneratorConfig, ResNetDiscriminator,
    ResNetDiscriminatorConfig, ResNetGenerator, ResNetGeneratorConfig, ResNetInit,
    StyleGan2Discriminator, StyleGan2DiscriminatorConfig, StyleGan2Generator,
    StyleGan2GeneratorConfig,
};
use burn_gan::network::{
    DiffAugment, Discriminator, Generator, Sample, TrainableDiscriminator, TrainableGenerator,
};
use burn_gan::nn::Activation;
use burn_gan::objective::{Ada, Augment, Loss, Objective, Probability, Term};
use burn_gan::process::{Alone, ProcessGroup};
use burn_gan::random::Stream;
use burn_gan::step::{
    OptimizerConfig, Share, StepBatch, StepSettings, StyleMixing, TrainState, step_in_group,
};
use burn_gan::{Gan, Latent};

/// glibc gives memory of a tensor's size back to the system at each free and faults it in again
/// at the next allocation: a quarter of a small step. mimalloc keeps it, as the examples do.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Samples in a batch of the MLP and the DCGAN pair.
pub const BATCH: usize = 64;
/// Points in a batch of the ring's pair.
const RING_BATCH: usize = 256;
/// Values in a sample of the MLP pair: an MNIST digit.
pub const PIXELS: usize = 784;
/// The shape of an image of the DCGAN pair.
const IMAGE: [usize; 3] = [3, 32, 32];
/// Images that the work `dcgan_sample` draws, and how many of them at once.
const SAMPLES: usize = 1_000;
const SAMPLE_BATCH: usize = 100;
const SEED: u64 = 1;
/// The weight of R1 wherever it is in the objective; the ring has its own.
const GAMMA: f64 = 1.0;
/// Channels at each size of the pairs of R3GAN, StyleGAN2 and BigGAN.
const CHANNELS: usize = 128;
/// How many samples of `stylegan2_step` take their later layers' styles from a second latent.
const MIXING: f32 = 0.9;
/// Steps of `stylegan2_step` until each of its terms was due as often as it is to be.
pub const STYLEGAN2_CYCLE: usize = 16;

/// The prior of the MLP and the DCGAN pair.
pub fn latent() -> Latent {
    Latent::normal(100)
}

/// The optimiser of their networks.
pub fn adam() -> OptimizerConfig {
    OptimizerConfig::adam(2e-4).with_betas(0.5, 0.999)
}

/// What they minimise.
pub fn objective() -> Objective {
    Objective::new(Loss::NonSaturating)
}

/// The same with R1 at every discriminator step.
fn r1_objective() -> Objective {
    objective().with_term(Term::r1(GAMMA))
}

/// The MLP pair: 100-256-512-784 with tanh, 784-512-256-1.
pub fn mlp_pair<B: AutodiffBackend>(
    device: &B::Device,
) -> Gan<MlpGenerator<B, 2>, MlpDiscriminator<B, 2>, B> {
    let generator = MlpGeneratorConfig::new(latent().dimensions(), [PIXELS])
        .with_hidden([256, 512])
        .init(device)
        .expect("valid settings");
    let discriminator = MlpDiscriminatorConfig::new([PIXELS])
        .with_hidden([512, 256])
        .init(device)
        .expect("valid settings");
    Gan::seeded(generator, discriminator, SEED, device)
}

/// The prior of the ring's pair.
fn ring_latent() -> Latent {
    Latent::normal(2)
}

/// The pair of `examples/ring.rs`: 2-128-128-128-2 and 2-128-128-128-1, with ReLU.
fn ring_pair<B: AutodiffBackend>(
    device: &B::Device,
) -> Gan<MlpGenerator<B, 2>, MlpDiscriminator<B, 2>, B> {
    let generator = MlpGeneratorConfig::new(ring_latent().dimensions(), [2])
        .with_hidden([128; 3])
        .with_activation(Activation::Relu)
        .with_output(Activation::Identity)
        .init(device)
        .expect("valid settings");
    let discriminator = MlpDiscriminatorConfig::new([2])
        .with_hidden([128; 3])
        .with_activation(Activation::Relu)
        .init(device)
        .expect("valid settings");
    Gan::seeded(generator, discriminator, SEED, device)
}

/// The DCGAN pair for 3×32×32, width 64, with batch norms in the generator, and in the
/// discriminator too where `batch_norm` says so: not for R1, which is about single samples.
fn dcgan_pair<B: AutodiffBackend>(
    batch_norm: bool,
    device: &B::Device,
) -> Gan<DcganGenerator<B>, DcganDiscriminator<B>, B> {
    let generator = DcganGeneratorConfig::new(latent().dimensions(), IMAGE)
        .with_width(64)
        .init(device)
        .expect("valid settings");
    let discriminator = DcganDiscriminatorConfig::new(IMAGE)
        .with_width(64)
        .with_batch_norm(batch_norm)
        .init(device)
        .expect("valid settings");
    Gan::seeded(generator, discriminator, SEED, device)
}

/// SNGAN's residual pair for 3×32×32, 64 channels wide.
fn resnet_pair<B: AutodiffBackend>(
    spectral_norm: bool,
    device: &B::Device,
) -> Gan<ResNetGenerator<B>, ResNetDiscriminator<B>, B> {
    let generator = ResNetGeneratorConfig::new(latent().dimensions(), IMAGE)
        .with_width(64)
        .init(device)
        .expect("valid settings");
    let discriminator = ResNetDiscriminatorConfig::new(IMAGE)
        .with_width(64)
        .with_spectral_norm(spectral_norm)
        .init(device)
        .expect("valid settings");
    Gan::seeded(generator, discriminator, SEED, device)
}

/// R3GAN's pair for 3×32×32, scaled: one block at each of four sizes, 128 channels, groups of 16.
fn r3gan_pair<B: AutodiffBackend>(
    latent: usize,
    device: &B::Device,
) -> Gan<R3ganGenerator<B>, R3ganDiscriminator<B>, B> {
    let widths = [CHANNELS; 4];
    let generator = R3ganGeneratorConfig::new(latent, IMAGE)
        .with_widths(widths)
        .with_blocks(1)
        .with_group_width(16)
        .init(device)
        .expect("valid settings");
    let discriminator = R3ganDiscriminatorConfig::new(IMAGE)
        .with_widths(widths)
        .with_blocks(1)
        .with_group_width(16)
        .init(device)
        .expect("valid settings");
    Gan::seeded(generator, discriminator, SEED, device)
}

/// StyleGAN2's pair for 3×32×32, 128 channels at each size, styles as long as latents.
fn stylegan2_pair<B: AutodiffBackend>(
    latent: usize,
    device: &B::Device,
) -> Gan<StyleGan2Generator<B>, StyleGan2Discriminator<B>, B> {
    let generator = StyleGan2GeneratorConfig::new(latent, IMAGE)
        .with_widest(CHANNELS)
        .with_style(latent)
        .with_mapping_layers(2)
        .init(device)
        .expect("valid settings");
    let discriminator = StyleGan2DiscriminatorConfig::new(IMAGE)
        .with_widest(CHANNELS)
        .init(device)
        .expect("valid settings");
    Gan::seeded(generator, discriminator, SEED, device)
}

/// BigGAN's options of the residual pair for 3×32×32, 128 channels at each size, with attention.
fn biggan_pair<B: AutodiffBackend>(
    latent: usize,
    device: &B::Device,
) -> Gan<ResNetGenerator<B>, ResNetDiscriminator<B>, B> {
    // Orthogonal weights take seconds to draw, and steps of any weights are as fast.
    let init = ResNetInit::Normal { std: 0.02 };
    let generator = ResNetGeneratorConfig::big(latent, IMAGE)
        .with_width(CHANNELS)
        .with_attention(16)
        .with_init(init)
        .init(device)
        .expect("valid settings");
    let discriminator = ResNetDiscriminatorConfig::big(IMAGE)
        .with_width(CHANNELS)
        .with_attention(16)
        .with_init(init)
        .init(device)
        .expect("valid settings");
    Gan::seeded(generator, discriminator, SEED, device)
}

/// A batch of images.
fn images<B: AutodiffBackend>(device: &B::Device) -> Tensor<B, 4> {
    let [channels, height, width] = IMAGE;
    let count = BATCH * channels * height * width;
    let numbers = TensorData::new(pixels(count), [BATCH, channels, height, width]);
    Tensor::from_data(numbers, device)
}

/// `count` values as a data set in [−1, 1] has them.
pub fn pixels(count: usize) -> Vec<f32> {
    Stream::new(SEED, "pixels").uniform(count, -1.0, 1.0)
}

/// A GAN in training: each call of [`step`](Self::step) is one step of the trainer.
///
/// The real batch is always the same, so that no data set is timed; latents are drawn anew.
pub struct Work<G, D, B>
where
    B: AutodiffBackend,
    G: TrainableGenerator<B>,
    D: TrainableDiscriminator<B, Sample = G::Sample, Condition = G::Condition>,
{
    /// A step takes it and gives it back: never `None` between steps.
    state: Option<TrainState<Gan<G, D, B>>>,
    objective: Objective,
    real: <G as Generator<B>>::Sample,
    prior: Latent,
    latents: Stream,
    /// What decides where styles are mixed, if they are.
    mixing: Option<Stream>,
    /// The processes that share a batch; this one alone, unless [`in_group`](Self::in_group) was said.
    group: Rc<dyn ProcessGroup>,
    device: B::Device,
}

/// [`mlp_pair`] or [`ring_pair`] in training.
pub type MlpWork<B> = Work<MlpGenerator<B, 2>, MlpDiscriminator<B, 2>, B>;
/// [`dcgan_pair`] in training.
pub type DcganWork<B> = Work<DcganGenerator<B>, DcganDiscriminator<B>, B>;

/// [`resnet_pair`] or [`biggan_pair`] in training.
pub type ResNetWork<B> = Work<ResNetGenerator<B>, ResNetDiscriminator<B>, B>;

/// [`r3gan_pair`] in training.
pub type R3ganWork<B> = Work<R3ganGenerator<B>, R3ganDiscriminator<B>, B>;

/// [`stylegan2_pair`] in training.
pub type StyleGan2Work<B> = Work<StyleGan2Generator<B>, StyleGan2Discriminator<B>, B>;

impl<B: AutodiffBackend> MlpWork<B> {
    /// The work `mlp_step`, before its first step.
    pub fn mlp_step(device: B::Device) -> Self {
        Self::mlp(objective(), device)
    }

    /// The work `mlp_r1_step`: `mlp_step` with R1.
    pub fn mlp_r1_step(device: B::Device) -> Self {
        Self::mlp(r1_objective(), device)
    }

    /// The work `ring_step`: the defaults of `examples/ring.rs`, before its rates fall.
    pub fn ring_step(device: B::Device) -> Self {
        let real = TensorData::new(pixels(RING_BATCH * 2), [RING_BATCH, 2]);
        let real = Tensor::from_data(real, &device);
        let adam = OptimizerConfig::adam(1e-3).with_betas(0.0, 0.99);
        let objective = Objective::recommended();
        let pair = ring_pair(&device);
        Self::new(pair, adam, objective, real, ring_latent(), device)
    }

    fn mlp(objective: Objective, device: B::Device) -> Self {
        let real = TensorData::new(pixels(BATCH * PIXELS), [BATCH, PIXELS]);
        let real = Tensor::from_data(real, &device);
        let pair = mlp_pair(&device);
        Self::new(pair, adam(), objective, real, latent(), device)
    }
}

impl<B: AutodiffBackend> DcganWork<B> {
    /// The work `dcgan_step`, before its first step.
    pub fn dcgan_step(device: B::Device) -> Self {
        Self::dcgan(true, objective(), device)
    }

    /// The work `dcgan_plain_step`: `dcgan_step` without batch norm in the discriminator, which is
    /// what `dcgan_r1_step` is compared with.
    pub fn dcgan_plain_step(device: B::Device) -> Self {
        Self::dcgan(false, objective(), device)
    }

    /// The work `dcgan_r1_step`: `dcgan_plain_step` with R1.
    pub fn dcgan_r1_step(device: B::Device) -> Self {
        Self::dcgan(false, r1_objective(), device)
    }

    /// The work `dcgan_diffaugment`: `dcgan_step` with DiffAugment of colours, translation and cutout.
    pub fn dcgan_diffaugment(device: B::Device) -> Self {
        let augment = Augment::diff_augment(DiffAugment::ALL);
        Self::dcgan(true, objective().with_augment(augment), device)
    }

    /// The work `dcgan_ada`: `dcgan_step` with ADA's twelve transformations at p = 1.
    pub fn dcgan_ada(device: B::Device) -> Self {
        let augment = Augment::Ada(Ada::new(Probability::Fixed(1.0)));
        Self::dcgan(true, objective().with_augment(augment), device)
    }

    fn dcgan(batch_norm: bool, objective: Objective, device: B::Device) -> Self {
        let pair = dcgan_pair(batch_norm, &device);
        let real = images(&device);
        Self::new(pair, adam(), objective, real, latent(), device)
    }
}

impl<B: AutodiffBackend> ResNetWork<B> {
    /// The work `resnet_step`: hinge loss, spectral norm.
    pub fn resnet_step(device: B::Device) -> Self {
        Self::resnet(true, Objective::new(Loss::Hinge), device)
    }

    /// The work `resnet_r1_step`: R1 in the place of the spectral norm.
    pub fn resnet_r1_step(device: B::Device) -> Self {
        Self::resnet(false, r1_objective(), device)
    }

    /// The work `biggan_step`: hinge loss, spectral norm in both, a latent in four parts.
    pub fn biggan_step(device: B::Device) -> Self {
        let prior = Latent::normal(120);
        let pair = biggan_pair(prior.dimensions(), &device);
        let adam = OptimizerConfig::adam(2e-4).with_betas(0.0, 0.999);
        let real = images(&device);
        Self::new(pair, adam, Objective::new(Loss::Hinge), real, prior, device)
    }

    fn resnet(spectral_norm: bool, objective: Objective, device: B::Device) -> Self {
        let pair = resnet_pair(spectral_norm, &device);
        let adam = OptimizerConfig::adam(2e-4).with_betas(0.0, 0.9);
        let real = images(&device);
        Self::new(pair, adam, objective, real, latent(), device)
    }
}

impl<B: AutodiffBackend> R3ganWork<B> {
    /// The work `r3gan_step`: R1 and R2 at each step.
    pub fn r3gan_step(device: B::Device) -> Self {
        let prior = Latent::normal(64);
        let pair = r3gan_pair(prior.dimensions(), &device);
        let adam = OptimizerConfig::adam(2e-4).with_betas(0.0, 0.99);
        let real = images(&device);
        Self::new(pair, adam, Objective::r3gan(GAMMA), real, prior, device)
    }
}

impl<B: AutodiffBackend> StyleGan2Work<B> {
    /// The work `stylegan2_step`: R1 in one step of 16, path lengths in one of 4, styles mixed. Only
    /// the mean over whole cycles of [`STYLEGAN2_CYCLE`] steps is the time of a step.
    pub fn stylegan2_step(device: B::Device) -> Self {
        let prior = Latent::normal(128);
        let pair = stylegan2_pair(prior.dimensions(), &device);
        let adam = OptimizerConfig::adam(2.5e-3).with_betas(0.0, 0.99);
        let real = images(&device);
        let objective = Objective::stylegan2(GAMMA);
        let mut work = Self::new(pair, adam, objective, real, prior, device);
        work.mixing = Some(Stream::new(SEED, "styles"));
        work
    }
}

impl<G, D, B> Work<G, D, B>
where
    B: AutodiffBackend,
    G: TrainableGenerator<B> + Generator<B, Condition = ()>,
    D: TrainableDiscriminator<B> + Discriminator<B, Sample = G::Sample, Condition = ()>,
{
    fn new(
        gan: Gan<G, D, B>,
        optimizer: OptimizerConfig,
        objective: Objective,
        real: G::Sample,
        prior: Latent,
        device: B::Device,
    ) -> Self {
        let state = TrainState::new(gan, optimizer, optimizer).expect("valid settings");
        Self {
            state: Some(state),
            objective,
            real,
            prior,
            latents: Stream::new(SEED, "latent"),
            mixing: None,
            group: Rc::new(Alone),
            device,
        }
    }

    /// The same with each batch shared by the processes of a group, which its length must divide; all
    /// make the steps together.
    pub fn in_group(mut self, group: Rc<dyn ProcessGroup>) -> Self {
        let rows = self.real.clone().rows();
        let [batch, width] = rows.dims();
        assert!(
            batch.is_multiple_of(group.size()),
            "{batch} samples are not cut evenly"
        );
        let own = batch / group.size();
        let first = group.rank() * own;
        let rows = rows.slice([first..first + own, 0..width]);
        self.real = self.real.with_rows(rows);
        self.latents = Stream::new(SEED + group.rank() as u64, "latent");
        self.group = group;
        self
    }

    /// One training step; returns the generator's loss once the device has done all of it.
    pub fn step(&mut self) -> f32 {
        let state = self.state.take().expect("the last step gave it back");
        let count = self.real.batch_size();
        let mut draw = || self.prior.draw(count, &mut self.latents, &self.device);
        let mut batch = StepBatch::new(self.real.clone(), (), draw());
        if let (Some(chances), Some(styles)) = (&mut self.mixing, state.gan.generator.style_space())
        {
            let layers = styles.layers();
            let mixed = chances.uniform(count, 0.0, 1.0).into_iter();
            let crossovers = mixed.map(|chance| match chance < MIXING {
                true => 1 + chances.index(layers - 1),
                false => layers,
            });
            batch = batch.with_mixing(StyleMixing::new(draw(), crossovers.collect()));
        }
        let (state, outcome) = step_in_group(
            state,
            &StepSettings::new(&self.objective),
            vec![batch.of_part(Share::new(self.group.rank(), self.group.size()))],
            &mut (),
            &*self.group,
        )
        .expect("all processes are there");
        self.state = Some(state);
        // CPU backends have computed everything by now. A GPU has been given its orders, the
        // optimiser's behind those that the loss waits for.
        let loss = outcome.generator_loss.into_scalar().elem();
        B::sync(&self.device).expect("the device answers");
        loss
    }

    /// How many numbers both networks hold, running statistics counted.
    pub fn parameters(&self) -> usize {
        self.state
            .as_ref()
            .map_or(0, |state| state.gan.num_params())
    }
}

/// The DCGAN pair's generator in evaluation mode: each call of [`sample`](Self::sample) draws
/// [`SAMPLES`] images from new latents.
pub struct SampleWork<B: AutodiffBackend> {
    generator: DcganGenerator<B::InnerBackend>,
    latents: Stream,
    device: B::Device,
}

impl<B: AutodiffBackend> SampleWork<B> {
    /// The work `dcgan_sample`, before its first image.
    pub fn dcgan_sample(device: B::Device) -> Self {
        Self {
            // Without a tape batch norms use their running statistics.
            generator: dcgan_pair::<B>(true, &device).valid().generator,
            latents: Stream::new(SEED, "latent"),
            device,
        }
    }

    /// Draws the images; returns a number of the last batch once the device has computed all.
    pub fn sample(&mut self) -> f32 {
        let mut images = self.draw_batch();
        for _ in 1..SAMPLES / SAMPLE_BATCH {
            images = self.draw_batch();
        }
        let number = images.slice([0..1, 0..1, 0..1, 0..1]).into_scalar().elem();
        B::sync(&self.device).expect("the device answers");
        number
    }

    fn draw_batch(&mut self) -> Tensor<B::InnerBackend, 4> {
        let latents = latent().draw(SAMPLE_BATCH, &mut self.latents, &self.device);
        self.generator.generate(latents, &())
    }

    /// How many numbers the generator holds, running statistics counted.
    pub fn parameters(&self) -> usize {
        self.generator.num_params()
    }
}
