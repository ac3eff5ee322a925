//! The discriminator.

use burn::module::{Initializer, Module};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::channels;
use super::generator::keeping;
use crate::data::ImageShape;
use crate::error::Result;
use crate::latent::Latent;
use crate::models::squares::{SMALLEST, check_image, sides};
use crate::models::{
    AuxiliaryClassifier, CodeHead, CodeHeadConfig, LabelEmbedding, Projection, VectorEmbedding,
};
use crate::network::{Discriminator, RECONSTRUCTION, Verdict};
use crate::nn::{
    Activation, Conv2d, Conv2dConfig, Fir, SpectralOption, balanced_sum, channels_last,
    gated_linear_unit, mean_pool, pixel_unshuffle, resize_bilinear, upsample_nearest,
};
use crate::settings::settings;
use crate::sizes;

/// Height and width of the map that is judged, and made an image again.
const MAP: usize = 2 * SMALLEST;
/// Height and width that images are made again in, at the most.
const LARGEST: usize = 64;
/// The standard deviation of a projection's vectors.
const STD: f64 = 0.02;
const LEAKY: Activation = Activation::LeakyRelu { slope: 0.1 };

settings! {
/// Settings of a [`LightDiscriminator`].
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::models::LightDiscriminatorConfig;
/// use burn_gan::network::{Discriminator, RECONSTRUCTION};
///
/// let device = Default::default();
/// let config = LightDiscriminatorConfig::new([3, 32, 32]).with_widest(8);
/// let discriminator = config.init::<Flex>(&device)?;
/// let verdict = discriminator.discriminate(Tensor::ones([2, 3, 32, 32], &device), &());
/// assert_eq!(verdict.logits.dims(), [2, 25]);
/// assert_eq!(verdict.output(RECONSTRUCTION).unwrap().dims(), [2, 1]);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LightDiscriminatorConfig {
    /// The shape of an image; height and width the same power of two, from 8 to 1,024.
    pub image: ImageShape,
    /// Channels at a height of 4, of other heights as for
    /// [`LightGeneratorConfig::widest`](super::LightGeneratorConfig::widest); 512 by default.
    pub widest: usize,
    /// Whether convolutions are [normed](crate::nn::SpectralNorm); true by default.
    pub spectral_norm: bool,
}
}

impl LightDiscriminatorConfig {
    /// A discriminator of images of `[channels, height, width]`.
    pub fn new(image: [usize; 3]) -> Self {
        Self {
            image: ImageShape::new(image),
            widest: 512,
            spectral_norm: true,
        }
    }

    /// Channels at a height of 4.
    pub fn with_widest(mut self, widest: usize) -> Self {
        self.widest = widest;
        self
    }

    /// Whether convolutions are normed.
    pub fn with_spectral_norm(mut self, spectral_norm: bool) -> Self {
        self.spectral_norm = spectral_norm;
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// If a size is 0 or too large, or the image is no square with a power of two from 8 to 1,024 as
    /// its side.
    pub fn validate(&self) -> Result<()> {
        sizes::size("widest", self.widest)?;
        check_image(&self.image).map_err(|e| e.within("image"))?;
        let all: Vec<usize> = sides(&self.image).map(|side| self.channels(side)).collect();
        let mut layers = vec![vec![self.image.channels, all[all.len() - 1], 3, 3]];
        for pair in all[1..].windows(2) {
            layers.push(vec![4 * pair[1], pair[0]]);
            layers.push(vec![pair[0], pair[0], 3, 3]);
            layers.push(vec![pair[0], 2 * pair[1], 3, 3]);
        }
        sizes::network("widest", &layers)
    }

    fn channels(&self, side: usize) -> usize {
        channels(side, self.widest)
    }

    /// How many features the network's verdicts have: what is read by a [`Projection`], an
    /// [`AuxiliaryClassifier`] or a [`CodeHead`] around it.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn verdict_features(&self) -> Result<usize> {
        self.validate()?;
        Ok(self.channels(MAP))
    }

    /// Makes the discriminator.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn init<B: Backend>(&self, device: &B::Device) -> Result<LightDiscriminator<B>> {
        self.validate()?;
        let option = |conv: Conv2dConfig| {
            SpectralOption::new(conv.with_bias(true).init(device), self.spectral_norm)
        };
        let without_padding = |inputs: usize, outputs: usize, side: usize| {
            let xavier = Initializer::XavierUniform { gain: 1.0 };
            Conv2dConfig::new([inputs, outputs], [side; 2]).with_initializer(xavier)
        };
        let (side, map) = (self.image.height, self.channels(MAP));
        let halvings = sides(&self.image)
            .filter(|side| *side > MAP)
            .collect::<Vec<_>>();
        let blocks = halvings.iter().rev().map(|side| {
            let (from, to) = (self.channels(*side), self.channels(side / 2));
            DownBlock {
                blur: Fir::blur([1.0, 2.0, 1.0]),
                squares: option(without_padding(4 * from, to, 1)),
                conv: option(keeping(to, to)),
                mean: option(without_padding(from, to, 1)),
            }
        });
        let again = halvings
            .iter()
            .filter(|side| **side <= LARGEST)
            .map(|side| {
                let (from, to) = (self.channels(side / 2), self.channels(*side));
                option(keeping(from, 2 * to))
            });
        let largest = side.min(LARGEST);
        Ok(LightDiscriminator {
            from_colours: option(keeping(self.image.channels, self.channels(side))),
            blocks: blocks.collect(),
            hidden: option(without_padding(map, map, 1)),
            judge: option(without_padding(map, 1, 4)),
            again: again.collect(),
            colours: option(keeping(self.channels(largest), self.image.channels)),
        })
    }

    /// Makes a discriminator that is conditioned on labels of `classes` by a
    /// [projection](Projection) of its features.
    ///
    /// # Errors
    /// As [`validate`](Self::validate), or if there is no class.
    pub fn init_projected<B: Backend>(
        &self,
        classes: usize,
        device: &B::Device,
    ) -> Result<Projection<B, LabelEmbedding<B>, LightDiscriminator<B>>> {
        let network = self.init(device)?;
        let embedding = LabelEmbedding::with_std(classes, self.channels(MAP), STD, device)?;
        Ok(Projection::new(embedding, network))
    }

    /// Makes a discriminator that is conditioned on vectors of `size` numbers by a
    /// [projection](Projection) of its features beside its own logits.
    ///
    /// # Errors
    /// As [`validate`](Self::validate), or if vectors have no numbers.
    pub fn init_projected_on_vectors<B: Backend>(
        &self,
        size: usize,
        device: &B::Device,
    ) -> Result<Projection<B, VectorEmbedding<B>, LightDiscriminator<B>>> {
        let network = self.init(device)?;
        let embedding = VectorEmbedding::new(size, self.channels(MAP), device)?;
        Ok(Projection::new(embedding, network))
    }

    /// Makes a discriminator that tells which of `classes` a sample is of, beside its logits
    /// ([`AuxiliaryClassifier`]).
    ///
    /// # Errors
    /// As [`validate`](Self::validate), or if there is no class.
    pub fn init_classifying<B: Backend>(
        &self,
        classes: usize,
        device: &B::Device,
    ) -> Result<AuxiliaryClassifier<B, LightDiscriminator<B>>> {
        let network = self.init(device)?;
        AuxiliaryClassifier::new(network, self.channels(MAP), classes, device)
    }

    /// Makes a discriminator that recovers the codes of `prior` from samples, beside its logits
    /// ([`CodeHead`]).
    ///
    /// # Errors
    /// As [`validate`](Self::validate), if the prior has no codes or the head is wrong.
    pub fn init_recovering<B: Backend>(
        &self,
        prior: &Latent,
        head: &CodeHeadConfig,
        device: &B::Device,
    ) -> Result<CodeHead<B, LightDiscriminator<B>>> {
        let network = self.init(device)?;
        head.init(network, self.channels(MAP), prior, device)
    }
}

/// What halves the size: two ways, one of which loses nothing.
#[derive(Module, Debug)]
struct DownBlock<B: Backend> {
    blur: Fir,
    squares: SpectralOption<B, Conv2d<B>>,
    conv: SpectralOption<B, Conv2d<B>>,
    mean: SpectralOption<B, Conv2d<B>>,
}

impl<B: Backend> DownBlock<B> {
    fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        let x = self.blur.forward(x);
        let squares = pixel_unshuffle(x.clone(), 2);
        let detail = self.squares.forward_activated(squares, LEAKY);
        let detail = self.conv.forward_activated(detail, LEAKY);
        balanced_sum(detail, self.mean.forward(mean_pool(x, 2)))
    }
}

/// A light discriminator: images `[batch, channels, height, width]`, 25 logits for each, of overlapping
/// parts.
///
/// ```text
/// x = lrelu(conv₃ₓ₃(image))
/// x ← (lrelu(conv₃ₓ₃(lrelu(conv₁ₓ₁(unshuffle(x̃))))) + conv₁ₓ₁(mean₂ₓ₂(x̃)))·√½,   x̃ = blur(x)        until x is 8×8
/// logits = conv₄ₓ₄(lrelu(conv₁ₓ₁(x)))                                            5×5
/// reconstruction = E (conv₃ₓ₃(glu(conv₃ₓ₃(nearest₂(…x…)))) − image)²             for each sample
/// ```
///
/// lrelu has slope 0.1. The error of what it makes again of the 8×8 map, in a height of at most 64, is the
/// output [`RECONSTRUCTION`], which the term of this name
/// ([`Term::reconstruction`](crate::objective::Term::reconstruction)) is made of. Features are the means
/// of the map's channels. There is no layer that mixes samples, so gradient penalties are exact.
///
/// Liu, Zhu, Song, Elgammal 2021, arXiv:2101.04775, section 3.2.
#[derive(Module, Debug)]
pub struct LightDiscriminator<B: Backend> {
    from_colours: SpectralOption<B, Conv2d<B>>,
    blocks: Vec<DownBlock<B>>,
    hidden: SpectralOption<B, Conv2d<B>>,
    judge: SpectralOption<B, Conv2d<B>>,
    again: Vec<SpectralOption<B, Conv2d<B>>>,
    colours: SpectralOption<B, Conv2d<B>>,
}

impl<B: Backend> LightDiscriminator<B> {
    /// What the map is made again into, `[batch, channels, height, width]` of at most 64 pixels a side.
    fn made_again(&self, map: Tensor<B, 4>) -> Tensor<B, 4> {
        let mut x = map;
        for conv in &self.again {
            x = gated_linear_unit(conv.forward(upsample_nearest(x, 2)));
        }
        self.colours.forward(x)
    }
}

impl<B: Backend> Discriminator<B> for LightDiscriminator<B> {
    type Sample = Tensor<B, 4>;
    type Condition = ();

    fn discriminate(&self, sample: Tensor<B, 4>, _condition: &()) -> Verdict<B> {
        let sample = channels_last(sample);
        let mut x = self.from_colours.forward_activated(sample.clone(), LEAKY);
        for block in &self.blocks {
            x = block.forward(x);
        }
        let [batch, channels, height, width] = x.dims();
        let logits = self
            .judge
            .forward(self.hidden.forward_activated(x.clone(), LEAKY));
        let made = self.made_again(x.clone());
        let [_, _, rows, columns] = made.dims();
        // In the order in which both lie on the CPU, where burn's operations are fast on them so.
        let [made, real] = [made, resize_bilinear(sample, [rows, columns])]
            .map(|images| images.permute([0, 2, 3, 1]));
        let error = (made - real).square();
        let error: Tensor<B, 2> = error.flatten(1, 3);
        let features: Tensor<B, 3> = x.reshape([batch, channels, height * width]);
        let features = features.mean_dim(2).reshape([batch, channels]);
        Verdict::from(logits.flatten(1, 3))
            .with_features(features)
            .with_output(RECONSTRUCTION, error.mean_dim(1))
    }
}
