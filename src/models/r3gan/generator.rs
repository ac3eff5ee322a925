//! The generator.

use burn::module::{Initializer, Module, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::blocks::{Plan, Stage, even_widths, linear, pointwise};
use crate::data::ImageShape;
use crate::error::Result;
use crate::models::{Conditional, LabelEmbedding, VectorEmbedding};
use crate::network::Generator;
use crate::nn::{Conv2d, Fir, Linear, channels_last};
use crate::settings::settings;
use crate::sizes;

settings! {
/// Settings of an [`R3ganGenerator`].
///
/// The defaults are a small one for a CPU; the paper's are in [`R3ganPreset`](super::R3ganPreset).
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::models::R3ganGeneratorConfig;
/// use burn_gan::network::Generator;
///
/// let device = Default::default();
/// let config = R3ganGeneratorConfig::new(64, [3, 16, 16]).with_widths([32, 16]);
/// let generator = config.init::<Flex>(&device)?;
/// let images = generator.generate(Tensor::zeros([2, 64], &device), &());
/// assert_eq!(images.dims(), [2, 3, 16, 16]);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct R3ganGeneratorConfig {
    /// Components of a latent; 64 in the paper.
    pub latent: usize,
    /// The shape of an image. Height and width are multiples of 2 to the number of widths less one.
    pub image: ImageShape,
    /// Channels of each stage, from the smallest images up, each stage twice as large as the one before;
    /// 128 by default, in as many stages as the image can be halved with 4 pixels or more left.
    pub widths: Vec<usize>,
    /// Residual blocks of a stage; 1 by default, 2 in the paper.
    pub blocks: usize,
    /// How many times wider a block is inside; 2 by default, as in the paper.
    pub expansion: usize,
    /// Channels of a group of the 3×3 convolutions; 16 by default, as in the paper for all but ImageNet
    /// (32).
    pub group_width: usize,
}
}

impl R3ganGeneratorConfig {
    /// A generator of images of `[channels, height, width]`.
    pub fn new(latent: usize, image: [usize; 3]) -> Self {
        let image = ImageShape::new(image);
        Self {
            latent,
            image,
            widths: even_widths(&image, 128),
            blocks: 1,
            expansion: 2,
            group_width: 16,
        }
    }

    /// Channels of each stage, from the smallest images up.
    pub fn with_widths(mut self, widths: impl Into<Vec<usize>>) -> Self {
        self.widths = widths.into();
        self
    }

    /// Residual blocks of a stage.
    pub fn with_blocks(mut self, blocks: usize) -> Self {
        self.blocks = blocks;
        self
    }

    /// How many times wider a block is inside.
    pub fn with_expansion(mut self, expansion: usize) -> Self {
        self.expansion = expansion;
        self
    }

    /// Channels of a group of the 3×3 convolutions.
    pub fn with_group_width(mut self, group_width: usize) -> Self {
        self.group_width = group_width;
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// If a size is 0 or too large, there are no widths, the image can't be halved so often, or the
    /// groups do not divide the channels.
    pub fn validate(&self) -> Result<()> {
        self.check(self.latent)
    }

    /// With so many numbers in the place of the latent.
    fn check(&self, latent: usize) -> Result<()> {
        sizes::size("latent", latent)?;
        let (first, last) = self.ends();
        let ends = [vec![latent, first], vec![self.image.channels, last]];
        self.plan().validate(&ends)
    }

    fn plan(&self) -> Plan<'_> {
        Plan {
            image: &self.image,
            widths: &self.widths,
            blocks: self.blocks,
            expansion: self.expansion,
            group_width: self.group_width,
        }
    }

    /// The widths at both ends; 1 where there are none, which is refused elsewhere.
    fn ends(&self) -> (usize, usize) {
        let width = |width: Option<&usize>| width.copied().unwrap_or(1);
        (width(self.widths.first()), width(self.widths.last()))
    }

    /// Makes the generator.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn init<B: Backend>(&self, device: &B::Device) -> Result<R3ganGenerator<B>> {
        self.make(self.latent, device)
    }

    fn make<B: Backend>(&self, latent: usize, device: &B::Device) -> Result<R3ganGenerator<B>> {
        self.check(latent)?;
        let plan = self.plan();
        let (first, last) = self.ends();
        let [height, width] = plan.base();
        let stages = (0..self.widths.len()).map(|stage| {
            let change = stage.checked_sub(1);
            let change = change.map(|before| [self.widths[before], self.widths[stage]]);
            plan.stage(stage, change, device)
        });
        let initializer = Initializer::Normal {
            mean: 0.0,
            std: 1.0,
        };
        Ok(R3ganGenerator {
            basis: initializer.init([first, height, width], device),
            project: linear(latent, first, device),
            stages: stages.collect(),
            output: pointwise(last, self.image.channels, device),
        })
    }

    /// Makes a generator that is conditioned on labels of `classes`: as many features of the class as
    /// the latent has components stand beside it, by a linear layer without bias in the paper's words.
    ///
    /// # Errors
    /// As [`validate`](Self::validate), or if there is no class.
    pub fn init_conditional<B: Backend>(
        &self,
        classes: usize,
        device: &B::Device,
    ) -> Result<Conditional<B, LabelEmbedding<B>, R3ganGenerator<B>>> {
        let network = self.wider(device)?;
        // One label of so many is what the layer reads.
        let std = (classes.max(1) as f64).powf(-0.5);
        let embedding = LabelEmbedding::with_std(classes, self.latent, std, device)?;
        Ok(Conditional::new(embedding, network))
    }

    /// Makes a generator that is conditioned on vectors of `size` numbers.
    ///
    /// # Errors
    /// As [`validate`](Self::validate), or if vectors have no numbers.
    pub fn init_on_vectors<B: Backend>(
        &self,
        size: usize,
        device: &B::Device,
    ) -> Result<Conditional<B, VectorEmbedding<B>, R3ganGenerator<B>>> {
        let network = self.wider(device)?;
        let embedding = VectorEmbedding::new(size, self.latent, device)?;
        Ok(Conditional::new(embedding, network))
    }

    /// With room for a condition's features beside the latent.
    fn wider<B: Backend>(&self, device: &B::Device) -> Result<R3ganGenerator<B>> {
        self.validate()?;
        self.make(2 * self.latent, device)
    }
}

/// R3GAN's generator: a learned picture of 4×4 pixels, its channels scaled by the latent, then residual
/// blocks and doublings in turn.
///
/// ```text
/// x = basis · (W·z)                                        per channel
/// x + W₃·φ(W₂ ∗ φ(W₁·x + b₁) + b₂)                         block; W₂: 3×3, in groups; φ leaky ReLU (0.2)
/// x ← up(W·x)                                              between stages; taps 1, 3, 3, 1; W where widths differ
/// image = W·x                                              without an activation
/// ```
///
/// There is no norm; what takes its place is the initialisation. The third convolution of a block
/// starts at 0, so that the network begins as one of few layers; the first two are N(0, g²/fan_in) with
/// g = √(2/1.04)·L^(−1/4) for L blocks in all; everything else has g = 1, biases are 0.
///
/// Latents `[batch, latent]`, images `[batch, channels, height, width]`. Huang, Gokaslan, Kuleshov,
/// Tompkin 2024, *The GAN is dead; long live the GAN! A modern baseline GAN*, arXiv:2501.05441. The
/// paper's smallest image of 4×4 pixels is here as large as the image halved.
#[derive(Module, Debug)]
pub struct R3ganGenerator<B: Backend> {
    basis: Param<Tensor<B, 3>>,
    project: Linear<B>,
    stages: Vec<Stage<B>>,
    output: Conv2d<B>,
}

impl<B: Backend> Generator<B> for R3ganGenerator<B> {
    type Sample = Tensor<B, 4>;
    type Condition = ();

    fn generate(&self, latent: Tensor<B, 2>, _condition: &()) -> Tensor<B, 4> {
        let scales: Tensor<B, 3> = self.project.forward(latent).unsqueeze_dim(2);
        let basis = self.basis.val().unsqueeze::<4>();
        let mut x = channels_last(basis * scales.unsqueeze_dim(3));
        for (index, stage) in self.stages.iter().enumerate() {
            if index > 0 {
                x = Fir::upsample(Fir::BINOMIAL, 2).forward(stage.changed(x));
            }
            x = stage.forward(x);
        }
        self.output.forward(x)
    }
}
