//! The generator: a mapping, and a synthesis that its styles steer.

use burn::module::{Initializer, Module, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::mapping::{StyleMapping, check_sizes};
use super::{channels, check_widths};
use crate::data::ImageShape;
use crate::error::Result;
use crate::models::squares::{SMALLEST, check_image, sides};
use crate::models::{Conditional, LabelEmbedding, VectorEmbedding};
use crate::network::{Generator, StyleSpace, for_all_layers};
use crate::nn::{
    Activation, Fir, ModulatedConv2d, ModulatedConv2dConfig, NoiseInjection, channels_last, sum,
};
use crate::settings::settings;
use crate::sizes;

/// What keeps a leaky ReLU's output as large as its input.
const GAIN: f64 = std::f64::consts::SQRT_2;

settings! {
/// Settings of a [`StyleGan2Generator`].
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::models::StyleGan2GeneratorConfig;
/// use burn_gan::network::Generator;
///
/// let device = Default::default();
/// let config = StyleGan2GeneratorConfig::new(16, [3, 32, 32]).with_widest(4).with_style(16);
/// let generator = config.init::<Flex>(&device)?;
/// let images = generator.generate(Tensor::ones([2, 16], &device), &());
/// assert_eq!(images.dims(), [2, 3, 32, 32]);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StyleGan2GeneratorConfig {
    /// Components of a latent.
    pub latent: usize,
    /// The shape of an image; height and width the same power of two, from 8 to 1,024.
    pub image: ImageShape,
    /// Components of a style; 512 by default.
    pub style: usize,
    /// Layers of the mapping from latents to styles; 8 by default.
    pub mapping_layers: usize,
    /// Channels times height: an image of height r within the network has base/r channels, at most
    /// `widest`; 16,384 by default, twice that from 512 pixels on.
    pub base: usize,
    /// The most channels; 512 by default.
    pub widest: usize,
}
}

impl StyleGan2GeneratorConfig {
    /// A generator of images of `[channels, height, width]`, with the paper's widths.
    pub fn new(latent: usize, image: [usize; 3]) -> Self {
        let image = ImageShape::new(image);
        Self {
            latent,
            style: 512,
            mapping_layers: 8,
            base: super::base(&image),
            widest: 512,
            image,
        }
    }

    /// The settings of arXiv:1912.04958 (its configuration F) for images of `[channels, height, width]`:
    /// latents of 512 components, eight mapping layers. At 256×256 it has 24.8 million parameters, at
    /// 1024×1024 30.4 million.
    pub fn paper(image: [usize; 3]) -> Self {
        Self::new(512, image)
    }

    /// The settings of arXiv:2006.06676 for CIFAR-10, `[3, 32, 32]`: as [`paper`](Self::paper) with two
    /// mapping layers. It is trained without path lengths and style mixing, R1 with γ = 0.01.
    pub fn cifar() -> Self {
        Self::new(512, [3, 32, 32]).with_mapping_layers(2)
    }

    /// Components of a style.
    pub fn with_style(mut self, style: usize) -> Self {
        self.style = style;
        self
    }

    /// Layers of the mapping from latents to styles.
    pub fn with_mapping_layers(mut self, mapping_layers: usize) -> Self {
        self.mapping_layers = mapping_layers;
        self
    }

    /// Channels times height.
    pub fn with_base(mut self, base: usize) -> Self {
        self.base = base;
        self
    }

    /// The most channels.
    pub fn with_widest(mut self, widest: usize) -> Self {
        self.widest = widest;
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// If a size is 0 or too large, or the image is no square with a power of two from 8 to 1,024 as
    /// its side.
    pub fn validate(&self) -> Result<()> {
        self.check(0)
    }

    /// With so many features of a condition beside the latent.
    fn check(&self, features: usize) -> Result<()> {
        sizes::size("latent", self.latent)?;
        check_image(&self.image).map_err(|e| e.within("image"))?;
        check_widths(self.base, self.widest)?;
        // Features are as many as a style has, which is not looked at before that.
        let inputs = self.latent.saturating_add(features);
        check_sizes(inputs, self.style, self.mapping_layers)?;
        let mut layers = Vec::new();
        let mut before = self.channels(SMALLEST);
        for side in sides(&self.image) {
            let now = self.channels(side);
            layers.push(vec![before, now, 3, 3]);
            layers.push(vec![now, now, 3, 3]);
            layers.push(vec![self.style, before + now + now]);
            before = now;
        }
        sizes::network("widest", &layers)
    }

    fn channels(&self, side: usize) -> usize {
        channels(side, self.base, self.widest)
    }

    /// Makes the generator.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn init<B: Backend>(&self, device: &B::Device) -> Result<StyleGan2Generator<B>> {
        self.validate()?;
        Ok(self.stack(0, device))
    }

    /// Makes a generator that is conditioned on labels of `classes`: their embedding, as long as a
    /// style, stands beside the latent before the mapping.
    ///
    /// # Errors
    /// As [`validate`](Self::validate), or if there is no class.
    pub fn init_conditional<B: Backend>(
        &self,
        classes: usize,
        device: &B::Device,
    ) -> Result<Conditional<B, LabelEmbedding<B>, StyleGan2Generator<B>>> {
        self.check(self.style)?;
        let embedding = LabelEmbedding::new(classes, self.style, device)?;
        Ok(Conditional::new(embedding, self.stack(self.style, device)))
    }

    /// Makes a generator that is conditioned on vectors of `size` numbers: a linear map of them, as
    /// long as a style, stands beside the latent before the mapping.
    ///
    /// # Errors
    /// As [`validate`](Self::validate), or if vectors have no numbers.
    pub fn init_on_vectors<B: Backend>(
        &self,
        size: usize,
        device: &B::Device,
    ) -> Result<Conditional<B, VectorEmbedding<B>, StyleGan2Generator<B>>> {
        self.check(self.style)?;
        let embedding = VectorEmbedding::new(size, self.style, device)?;
        Ok(Conditional::new(embedding, self.stack(self.style, device)))
    }

    fn stack<B: Backend>(&self, features: usize, device: &B::Device) -> StyleGan2Generator<B> {
        let mut seed = 0;
        let mut styled = |channels: [usize; 2], upsampling: bool| {
            seed += 1;
            StyledConv {
                conv: ModulatedConv2dConfig::new(channels, 3, self.style)
                    .with_upsampling(upsampling)
                    .with_gain(GAIN)
                    .init(device),
                noise: NoiseInjection::new(seed, device),
                bias: Initializer::Zeros.init([channels[1]], device),
            }
        };
        let colours = |channels: usize| {
            ModulatedConv2dConfig::new([channels, self.image.channels], 1, self.style)
                .with_demodulation(false)
                .with_bias(true)
                .init(device)
        };
        let smallest = self.channels(SMALLEST);
        let first = styled([smallest, smallest], false);
        let mut before = smallest;
        let blocks = sides(&self.image).skip(1).map(|side| {
            let now = self.channels(side);
            let block = Block {
                up: styled([before, now], true),
                conv: styled([now, now], false),
                colours: colours(now),
            };
            before = now;
            block
        });
        let normal = Initializer::Normal {
            mean: 0.0,
            std: 1.0,
        };
        StyleGan2Generator {
            mapping: StyleMapping::new(
                [self.latent, features],
                self.style,
                self.mapping_layers,
                device,
            ),
            constant: normal.init([1, smallest, SMALLEST, SMALLEST], device),
            colours: colours(smallest),
            blocks: blocks.collect(),
            first,
            upsample: Fir::upsample(Fir::BINOMIAL, 2),
        }
    }
}

/// A convolution that a style steers, with noise, bias and activation.
#[derive(Module, Debug)]
struct StyledConv<B: Backend> {
    conv: ModulatedConv2d<B>,
    noise: NoiseInjection<B>,
    bias: Param<Tensor<B, 1>>,
}

impl<B: Backend> StyledConv<B> {
    /// √2·lrelu(conv(x, w) + noise + b); the √2 is in the convolution's gain and the others'.
    fn forward(
        &self,
        x: Tensor<B, 4>,
        style: Tensor<B, 2>,
        noise: Option<Tensor<B, 4>>,
    ) -> Tensor<B, 4> {
        let y = self.conv.forward(x, style);
        self.noise
            .forward_biased(y, noise, self.bias.val(), GAIN, Activation::LEAKY)
    }
}

/// What doubles the size.
#[derive(Module, Debug)]
struct Block<B: Backend> {
    up: StyledConv<B>,
    conv: StyledConv<B>,
    colours: ModulatedConv2d<B>,
}

/// StyleGAN2's generator: latents `[batch, latent]` to images `[batch, channels, height, width]`.
///
/// ```text
/// w = map(z)                                          StyleMapping
/// x₄ = conv(constant, w₀),    i₄ = colours(x₄, w₁)
/// x₂ᵣ = conv(conv↑(xᵣ, …), …),    i₂ᵣ = upsample(iᵣ) + colours(x₂ᵣ, …)        until the image's size
/// ```
///
/// Each conv is a [`ModulatedConv2d`] of 3×3 with [noise](NoiseInjection), bias and √2·lrelu (slope
/// 0.2); colours are modulated convolutions 1×1 without demodulation. An image of side 2ⁿ takes 2n − 2
/// styles: one for each convolution and one for the last colours; the colours of a size take the style of
/// the convolution after them. There is no activation at the end: pixels are about [−1, 1].
///
/// It has a style space, so that style mixing, the path length term and truncation towards the mean style
/// ([`truncate_styles`](crate::network::truncate_styles),
/// [`TruncatedStyles`](crate::network::TruncatedStyles)) act on w. The objective of the paper is
/// [`Objective::stylegan2`](crate::objective::Objective::stylegan2).
///
/// Karras et al. 2019, arXiv:1912.04958.
#[derive(Module, Debug)]
pub struct StyleGan2Generator<B: Backend> {
    mapping: StyleMapping<B>,
    constant: Param<Tensor<B, 4>>,
    first: StyledConv<B>,
    colours: ModulatedConv2d<B>,
    blocks: Vec<Block<B>>,
    upsample: Fir,
}

impl<B: Backend> StyleGan2Generator<B> {
    /// As [`StyleSpace::synthesize`], with the maps of noise of each convolution,
    /// `[batch, 1, side, side]` or `[1, 1, side, side]`; none: drawn, or without a tape the fixed ones.
    ///
    /// # Panics
    /// If there are not so many styles or maps.
    pub fn synthesize_with(
        &self,
        styles: Tensor<B, 3>,
        noise: Option<&[Tensor<B, 4>]>,
    ) -> Tensor<B, 4> {
        let [batch, layers, style] = styles.dims();
        let expected = self.layers();
        assert_eq!(layers, expected, "styles for {expected} layers");
        if let Some(noise) = noise {
            assert_eq!(noise.len(), expected - 1, "maps of noise");
        }
        let of = |layer: usize| styles.clone().narrow(1, layer, 1).reshape([batch, style]);
        let map = |layer: usize| noise.map(|noise| noise[layer].clone());
        let [_, channels, height, width] = self.constant.val().dims();
        let constant = self.constant.val().expand([batch, channels, height, width]);
        let mut x = self.first.forward(channels_last(constant), of(0), map(0));
        let mut image = self.colours.forward(x.clone(), of(1));
        for (index, block) in self.blocks.iter().enumerate() {
            let layer = 2 * index + 1;
            x = block.up.forward(x, of(layer), map(layer));
            x = block.conv.forward(x, of(layer + 1), map(layer + 1));
            let colours = block.colours.forward(x.clone(), of(layer + 2));
            image = sum(self.upsample.forward(image), colours);
        }
        image
    }
}

impl<B: Backend> StyleSpace<B, Tensor<B, 4>, ()> for StyleGan2Generator<B> {
    fn layers(&self) -> usize {
        2 * self.blocks.len() + 2
    }

    fn map_latent(&self, latent: Tensor<B, 2>, _condition: &()) -> Tensor<B, 2> {
        self.mapping.forward(latent)
    }

    fn synthesize(&self, styles: Tensor<B, 3>, _condition: &()) -> Tensor<B, 4> {
        self.synthesize_with(styles, None)
    }
}

impl<B: Backend> Generator<B> for StyleGan2Generator<B> {
    type Sample = Tensor<B, 4>;
    type Condition = ();

    fn generate(&self, latent: Tensor<B, 2>, _condition: &()) -> Tensor<B, 4> {
        let styles = self.mapping.forward(latent);
        self.synthesize_with(for_all_layers(styles, self.layers()), None)
    }

    fn style_space(&self) -> Option<&dyn StyleSpace<B, Tensor<B, 4>, ()>> {
        Some(self)
    }
}
