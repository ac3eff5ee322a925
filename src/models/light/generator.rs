//! The generator.

use burn::module::{Initializer, Module};
use burn::nn::PaddingConfig2d;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::channels;
use crate::data::ImageShape;
use crate::error::{Error, Result, check};
use crate::models::embedding::FEATURES;
use crate::models::squares::{SMALLEST, check_image, sides};
use crate::models::{Conditional, LabelEmbedding, VectorEmbedding};
use crate::network::Generator;
use crate::nn::{
    Activation, BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig, Linear, LinearConfig,
    NoiseInjection, SkipExcitation, SkipExcitationConfig, SpectralOption, channels_last,
    gated_linear_unit, pixel_norm, upsample_nearest,
};
use crate::settings::settings;
use crate::sizes;

/// How far apart in size two images are at the least, one of which excites the other.
const REACH: usize = 4;

settings! {
/// Settings of a [`LightGenerator`].
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::models::LightGeneratorConfig;
/// use burn_gan::network::Generator;
///
/// let device = Default::default();
/// let generator = LightGeneratorConfig::new(16, [3, 32, 32]).with_widest(8).init::<Flex>(&device)?;
/// let images = generator.generate(Tensor::ones([2, 16], &device), &());
/// assert_eq!(images.dims(), [2, 3, 32, 32]);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LightGeneratorConfig {
    /// Components of a latent; 256 in the paper.
    pub latent: usize,
    /// The shape of an image; height and width the same power of two, from 8 to 1,024.
    pub image: ImageShape,
    /// Channels at a height of 4; 512 by default, 1,024 in the paper. There are half as many at each
    /// doubling up to 32, as many at 64 as at 32, and half again from then on; at least 2.
    pub widest: usize,
    /// How many times larger an image is than the one that excites it; a power of two of at least 4: 16
    /// by default from 256 pixels on, as in the paper, 8 at 128, 4 below.
    pub reach: usize,
    /// Whether convolutions and the first layer are [normed](crate::nn::SpectralNorm); true by default.
    pub spectral_norm: bool,
}
}

impl LightGeneratorConfig {
    /// A generator of images of `[channels, height, width]`.
    pub fn new(latent: usize, image: [usize; 3]) -> Self {
        let image = ImageShape::new(image);
        Self {
            latent,
            widest: 512,
            reach: match image.height {
                ..128 => REACH,
                128 => 8,
                _ => 16,
            },
            spectral_norm: true,
            image,
        }
    }

    /// Channels at a height of 4.
    pub fn with_widest(mut self, widest: usize) -> Self {
        self.widest = widest;
        self
    }

    /// How many times larger an image is than the one that excites it.
    pub fn with_reach(mut self, reach: usize) -> Self {
        self.reach = reach;
        self
    }

    /// Whether convolutions and the first layer are normed.
    pub fn with_spectral_norm(mut self, spectral_norm: bool) -> Self {
        self.spectral_norm = spectral_norm;
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// If a size is 0 or too large, the image is no square with a power of two from 8 to 1,024 as its
    /// side, or the reach is no power of two of at least 4.
    pub fn validate(&self) -> Result<()> {
        sizes::size("latent", self.latent)?;
        sizes::size("widest", self.widest)?;
        check_image(&self.image).map_err(|e| e.within("image"))?;
        check::at_least("reach", self.reach, REACH)?;
        if !self.reach.is_power_of_two() {
            return Err(Error::setting(
                "reach",
                self.reach,
                "must be a power of two, as the sizes of images are",
            ));
        }
        let mut layers = vec![vec![self.latent, 2 * self.first(), SMALLEST, SMALLEST]];
        let mut before = self.first();
        for side in sides(&self.image).skip(1) {
            let now = channels(side, self.widest);
            layers.push(vec![before, 2 * now, 3, 3]);
            layers.push(vec![self.first(), now, SMALLEST, SMALLEST]);
            before = now;
        }
        sizes::network("widest", &layers)
    }

    fn first(&self) -> usize {
        channels(SMALLEST, self.widest)
    }

    /// Makes the generator.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn init<B: Backend>(&self, device: &B::Device) -> Result<LightGenerator<B>> {
        self.validate()?;
        let first = self.first();
        let latent = LinearConfig::new(self.latent, 2 * first * SMALLEST * SMALLEST)
            .with_bias(false)
            .with_initializer(Initializer::XavierUniform { gain: 1.0 })
            .init(device);
        let mut before = first;
        let mut blocks = Vec::new();
        for (index, side) in sides(&self.image).enumerate().skip(1) {
            let now = channels(side, self.widest);
            let low = side / self.reach;
            let excitation = (low >= SMALLEST).then(|| Excited {
                layer: SkipExcitationConfig::new([channels(low, self.widest), now])
                    .with_spectral_norm(self.spectral_norm)
                    .init(device),
                low: (low / SMALLEST).ilog2() as usize,
            });
            blocks.push(UpBlock {
                conv: SpectralOption::new(
                    keeping(before, 2 * now).init(device),
                    self.spectral_norm,
                ),
                noise: NoiseInjection::new(index as u64, device),
                norm: BatchNormConfig::new(2 * now).init(device),
                excitation,
            });
            before = now;
        }
        Ok(LightGenerator {
            latent: SpectralOption::new(latent, self.spectral_norm),
            norm: BatchNormConfig::new(2 * first).init(device),
            blocks,
            colours: SpectralOption::new(
                keeping(before, self.image.channels)
                    .with_bias(true)
                    .init(device),
                self.spectral_norm,
            ),
            first,
        })
    }

    /// Makes a generator that is conditioned on labels of `classes`.
    ///
    /// # Errors
    /// As [`validate`](Self::validate), or if there is no class.
    pub fn init_conditional<B: Backend>(
        &self,
        classes: usize,
        device: &B::Device,
    ) -> Result<Conditional<B, LabelEmbedding<B>, LightGenerator<B>>> {
        let network = self.wider()?.init(device)?;
        let embedding = LabelEmbedding::new(classes, FEATURES, device)?;
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
    ) -> Result<Conditional<B, VectorEmbedding<B>, LightGenerator<B>>> {
        let network = self.wider()?.init(device)?;
        let embedding = VectorEmbedding::new(size, FEATURES, device)?;
        Ok(Conditional::new(embedding, network))
    }

    /// With room for a condition's features beside the latent.
    fn wider(&self) -> Result<Self> {
        self.validate()?;
        Ok(Self {
            latent: self.latent + FEATURES,
            ..self.clone()
        })
    }
}

/// A convolution 3×3 that keeps the size, without bias.
pub(super) fn keeping(inputs: usize, outputs: usize) -> Conv2dConfig {
    Conv2dConfig::new([inputs, outputs], [3, 3])
        .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
        .with_bias(false)
        .with_initializer(Initializer::XavierUniform { gain: 1.0 })
}

/// What doubles the size.
#[derive(Module, Debug)]
struct UpBlock<B: Backend> {
    conv: SpectralOption<B, Conv2d<B>>,
    noise: NoiseInjection<B>,
    norm: BatchNorm<B>,
    excitation: Option<Excited<B>>,
}

/// An excitation by the image after so many doublings.
#[derive(Module, Debug)]
struct Excited<B: Backend> {
    layer: SkipExcitation<B>,
    low: usize,
}

/// A light generator: latents `[batch, latent]` to images `[batch, channels, height, width]`.
///
/// ```text
/// x₄ = glu(norm(linear(z)))                                   z scaled to a mean square of 1
/// x₂ᵣ = glu(norm(conv₃ₓ₃(nearest₂(xᵣ)) + noise)),    x₂ᵣ ← excite(x of 2r/reach, x₂ᵣ)        where there is one
/// image = tanh(conv₃ₓ₃(x))
/// ```
///
/// One convolution for each size, [gated linear units](gated_linear_unit), batch norms, [noise](NoiseInjection)
/// by learnt shares, and [skip-layer excitation](SkipExcitation) from small images to large ones. Liu, Zhu,
/// Song, Elgammal 2021, arXiv:2101.04775. For training see
/// [`Objective::few_shot`](crate::objective::Objective::few_shot).
#[derive(Module, Debug)]
pub struct LightGenerator<B: Backend> {
    latent: SpectralOption<B, Linear<B>>,
    norm: BatchNorm<B>,
    blocks: Vec<UpBlock<B>>,
    colours: SpectralOption<B, Conv2d<B>>,
    first: usize,
}

impl<B: Backend> LightGenerator<B> {
    /// As [`Generator::generate`], with the maps of noise of each doubling, `[batch, 1, side, side]` or
    /// `[1, 1, side, side]`; none: drawn, or without a tape the fixed ones.
    ///
    /// # Panics
    /// If there are not so many maps.
    pub fn generate_with(
        &self,
        latent: Tensor<B, 2>,
        noise: Option<&[Tensor<B, 4>]>,
    ) -> Tensor<B, 4> {
        let expected = self.blocks.len();
        assert!(
            noise.is_none_or(|noise| noise.len() == expected),
            "there must be {expected} maps of noise"
        );
        let batch = latent.dims()[0];
        let x: Tensor<B, 4> = self.latent.forward(pixel_norm(latent)).reshape([
            batch,
            2 * self.first,
            SMALLEST,
            SMALLEST,
        ]);
        // One for each size.
        let mut all = vec![gated_linear_unit(self.norm.forward(channels_last(x)))];
        for (index, block) in self.blocks.iter().enumerate() {
            let x = block.conv.forward(upsample_nearest(all[index].clone(), 2));
            let x = match noise {
                Some(noise) => block.noise.forward_with(x, noise[index].clone()),
                None => block.noise.forward(x),
            };
            let x = gated_linear_unit(block.norm.forward(x));
            all.push(match &block.excitation {
                Some(excited) => excited.layer.forward(all[excited.low].clone(), x),
                None => x,
            });
        }
        let last = all.swap_remove(self.blocks.len());
        self.colours.forward_activated(last, Activation::Tanh)
    }
}

impl<B: Backend> Generator<B> for LightGenerator<B> {
    type Sample = Tensor<B, 4>;
    type Condition = ();

    fn generate(&self, latent: Tensor<B, 2>, _condition: &()) -> Tensor<B, 4> {
        self.generate_with(latent, None)
    }

    fn output_range(&self) -> Option<(f64, f64)> {
        Some((-1.0, 1.0))
    }
}
