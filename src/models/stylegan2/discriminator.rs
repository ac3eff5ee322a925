//! The discriminator: residual blocks that halve an image down to 4×4.

use burn::module::{Module, ModuleDisplay};
use burn::nn::PaddingConfig2d;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::mapping::{MappedEmbedding, StyleMapping, check_sizes};
use super::{channels, check_widths};
use crate::data::ImageShape;
use crate::error::{Result, check};
use crate::latent::Latent;
use crate::models::squares::{SMALLEST, check_image, sides};
use crate::models::{
    AuxiliaryClassifier, CodeHead, CodeHeadConfig, ConditionEmbedding, LabelEmbedding, Projection,
    VectorEmbedding,
};
use crate::network::{Discriminator, Verdict};
use crate::nn::{
    Activation, EqualizedConv2d, EqualizedConv2dConfig, EqualizedLinear, EqualizedLinearConfig,
    Fir, MinibatchStd, channels_last, sum,
};
use crate::settings::settings;
use crate::sizes;

/// What keeps a leaky ReLU's output as large as its input.
const GAIN: f64 = std::f64::consts::SQRT_2;
/// What keeps a sum of two branches as large as each of them.
const HALF: f64 = std::f64::consts::FRAC_1_SQRT_2;

/// The deviation of a projection's vectors at the start: they would drown the logit.
const EMBEDDING_STD: f64 = 0.02;

settings! {
/// Settings of a [`StyleGan2Discriminator`].
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::models::StyleGan2DiscriminatorConfig;
/// use burn_gan::network::{Discriminator, Labels};
///
/// let device = Default::default();
/// let config = StyleGan2DiscriminatorConfig::new([3, 32, 32]).with_widest(4);
/// let discriminator = config.init_conditional::<Flex>(10, &device)?;
/// let labels = Labels::from_slice(&[7, 0], 10, &device)?;
/// let verdict = discriminator.discriminate(Tensor::ones([2, 3, 32, 32], &device), &labels);
/// assert_eq!(verdict.logits.dims(), [2, 1]);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StyleGan2DiscriminatorConfig {
    /// The shape of an image; height and width the same power of two, from 8 to 1,024.
    pub image: ImageShape,
    /// Channels times height: an image of height r within the network has base/r channels, at most
    /// `widest`; 16,384 by default, twice that from 512 pixels on.
    pub base: usize,
    /// The most channels; 512 by default.
    pub widest: usize,
    /// Whether blocks have a branch past their convolutions; true by default.
    pub residual: bool,
    /// Samples of a [`MinibatchStd`]'s group; 4 by default.
    pub group: usize,
    /// Layers of the mapping of labels, where there are some; 8 by default.
    pub mapping_layers: usize,
}
}

impl StyleGan2DiscriminatorConfig {
    /// A discriminator of images of `[channels, height, width]`, with the paper's widths.
    pub fn new(image: [usize; 3]) -> Self {
        let image = ImageShape::new(image);
        Self {
            base: super::base(&image),
            widest: 512,
            residual: true,
            group: 4,
            mapping_layers: 8,
            image,
        }
    }

    /// The settings of arXiv:1912.04958 (its configuration F) for images of `[channels, height, width]`,
    /// the default ones. At 256×256 it has 24.0 million parameters, at 1024×1024 29.0 million.
    pub fn paper(image: [usize; 3]) -> Self {
        Self::new(image)
    }

    /// The settings of arXiv:2006.06676 for CIFAR-10, `[3, 32, 32]`: no branches past the convolutions,
    /// groups of 32, two mapping layers.
    pub fn cifar() -> Self {
        Self::new([3, 32, 32])
            .with_residual(false)
            .with_group(32)
            .with_mapping_layers(2)
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

    /// Whether blocks have a branch past their convolutions.
    pub fn with_residual(mut self, residual: bool) -> Self {
        self.residual = residual;
        self
    }

    /// Samples of a minibatch standard deviation's group.
    pub fn with_group(mut self, group: usize) -> Self {
        self.group = group;
        self
    }

    /// Layers of the mapping of labels.
    pub fn with_mapping_layers(mut self, mapping_layers: usize) -> Self {
        self.mapping_layers = mapping_layers;
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// If a size is 0 or too large, or the image is no square with a power of two from 8 to 1,024 as
    /// its side.
    pub fn validate(&self) -> Result<()> {
        check_image(&self.image).map_err(|e| e.within("image"))?;
        check_widths(self.base, self.widest)?;
        check::at_least("group", self.group, 1)?;
        check::at_most("group", self.group, sizes::BATCH)?;
        check_sizes(
            self.channels(SMALLEST),
            self.channels(SMALLEST),
            self.mapping_layers,
        )?;
        let mut layers = Vec::new();
        let mut before = self.channels(SMALLEST);
        layers.push(vec![before, before + 1, 3, 3]);
        layers.push(vec![before * SMALLEST * SMALLEST, before]);
        for side in sides(&self.image).skip(1) {
            let now = self.channels(side);
            layers.push(vec![now, now, 3, 3]);
            layers.push(vec![now, before, 3, 3]);
            layers.push(vec![now, before]);
            before = now;
        }
        layers.push(vec![self.image.channels, before]);
        sizes::network("widest", &layers)
    }

    fn channels(&self, side: usize) -> usize {
        channels(side, self.base, self.widest)
    }

    /// How many features the network's verdicts have: what is read by a [`Projection`], an
    /// [`AuxiliaryClassifier`] or a [`CodeHead`] around it.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn verdict_features(&self) -> Result<usize> {
        self.validate()?;
        Ok(self.channels(SMALLEST))
    }

    /// Makes the discriminator.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn init<B: Backend>(&self, device: &B::Device) -> Result<StyleGan2Discriminator<B>> {
        self.validate()?;
        Ok(self.stack(None, device))
    }

    /// Makes a discriminator that is conditioned on labels of `classes`: its logit is what its features
    /// and the [mapped](MappedEmbedding) label have in common.
    ///
    /// # Errors
    /// As [`validate`](Self::validate), or if there is no class.
    pub fn init_conditional<B: Backend>(
        &self,
        classes: usize,
        device: &B::Device,
    ) -> Result<StyleGan2Projection<B, LabelEmbedding<B>>> {
        self.validate()?;
        let features = self.channels(SMALLEST);
        let embedding = LabelEmbedding::new(classes, features, device)?;
        Ok(self.projected(embedding, device))
    }

    /// Makes a discriminator that is conditioned on labels of `classes` by a [projection](Projection) of
    /// its features beside its own logit, without a mapping.
    ///
    /// # Errors
    /// As [`validate`](Self::validate), or if there is no class.
    pub fn init_projected<B: Backend>(
        &self,
        classes: usize,
        device: &B::Device,
    ) -> Result<Projection<B, LabelEmbedding<B>, StyleGan2Discriminator<B>>> {
        let network = self.init(device)?;
        let features = self.channels(SMALLEST);
        let embedding = LabelEmbedding::with_std(classes, features, EMBEDDING_STD, device)?;
        Ok(Projection::new(embedding, network))
    }

    /// Makes a discriminator that is conditioned on vectors of `size` numbers, as
    /// [`init_conditional`](Self::init_conditional) does on labels.
    ///
    /// # Errors
    /// As [`validate`](Self::validate), or if vectors have no numbers.
    pub fn init_on_vectors<B: Backend>(
        &self,
        size: usize,
        device: &B::Device,
    ) -> Result<StyleGan2Projection<B, VectorEmbedding<B>>> {
        self.validate()?;
        let features = self.channels(SMALLEST);
        let embedding = VectorEmbedding::new(size, features, device)?;
        Ok(self.projected(embedding, device))
    }

    /// Makes a discriminator that is conditioned on vectors of `size` numbers by a
    /// [projection](Projection) of its features beside its own logit, without a mapping.
    ///
    /// # Errors
    /// As [`validate`](Self::validate), or if vectors have no numbers.
    pub fn init_projected_on_vectors<B: Backend>(
        &self,
        size: usize,
        device: &B::Device,
    ) -> Result<Projection<B, VectorEmbedding<B>, StyleGan2Discriminator<B>>> {
        let network = self.init(device)?;
        let embedding = VectorEmbedding::new(size, self.channels(SMALLEST), device)?;
        Ok(Projection::new(embedding, network))
    }

    /// Makes a discriminator that tells which of `classes` a sample is of, beside its logit
    /// ([`AuxiliaryClassifier`]).
    ///
    /// # Errors
    /// As [`validate`](Self::validate), or if there is no class.
    pub fn init_classifying<B: Backend>(
        &self,
        classes: usize,
        device: &B::Device,
    ) -> Result<AuxiliaryClassifier<B, StyleGan2Discriminator<B>>> {
        let network = self.init(device)?;
        AuxiliaryClassifier::new(network, self.channels(SMALLEST), classes, device)
    }

    /// Makes a discriminator that recovers the codes of `prior` from samples, beside its logit
    /// ([`CodeHead`]).
    ///
    /// # Errors
    /// As [`validate`](Self::validate), if the prior has no codes or the head is wrong.
    pub fn init_recovering<B: Backend>(
        &self,
        prior: &Latent,
        head: &CodeHeadConfig,
        device: &B::Device,
    ) -> Result<CodeHead<B, StyleGan2Discriminator<B>>> {
        let network = self.init(device)?;
        head.init(network, self.channels(SMALLEST), prior, device)
    }

    fn projected<B: Backend, E: ConditionEmbedding<B> + ModuleDisplay>(
        &self,
        embedding: E,
        device: &B::Device,
    ) -> StyleGan2Projection<B, E> {
        let features = self.channels(SMALLEST);
        let mapping = StyleMapping::new([0, features], features, self.mapping_layers, device);
        let embedding = MappedEmbedding::new(embedding, mapping, features);
        Projection::new(embedding, self.stack(Some(features), device))
    }

    /// The layers; a logit comes out, or as many features as are asked for, which a projection makes one
    /// of.
    fn stack<B: Backend>(
        &self,
        projected: Option<usize>,
        device: &B::Device,
    ) -> StyleGan2Discriminator<B> {
        let conv = |channels: [usize; 2], side: usize, gain: f64| {
            let zeros = side / 2;
            EqualizedConv2dConfig::new(channels, [side; 2])
                .with_padding(PaddingConfig2d::Explicit(zeros, zeros, zeros, zeros))
                .with_gain(gain)
        };
        let mut all: Vec<usize> = sides(&self.image).map(|side| self.channels(side)).collect();
        all.reverse();
        let blocks = all.windows(2).map(|pair| {
            let [from, to] = [pair[0], pair[1]];
            let share = if self.residual { HALF } else { 1.0 };
            DownBlock {
                keep: conv([from, from], 3, GAIN).init(device),
                // As far out as the convolution and the filter together need.
                blur: Fir::blur(Fir::BINOMIAL).with_padding([2, 2]),
                down: conv([from, to], 3, GAIN * share)
                    .with_padding(PaddingConfig2d::Valid)
                    .with_stride([2, 2])
                    .init(device),
                past: self.residual.then(|| Past {
                    down: Fir::downsample(Fir::BINOMIAL, 2),
                    conv: conv([from, to], 1, share).with_bias(false).init(device),
                }),
            }
        });
        let last = all[all.len() - 1];
        StyleGan2Discriminator {
            from_colours: conv([self.image.channels, all[0]], 1, GAIN).init(device),
            blocks: blocks.collect(),
            std: MinibatchStd::new(self.group),
            last: conv([last + 1, last], 3, GAIN).init(device),
            hidden: EqualizedLinearConfig::new(last * SMALLEST * SMALLEST, last)
                .with_gain(GAIN)
                .init(device),
            head: EqualizedLinearConfig::new(last, projected.unwrap_or(1)).init(device),
            // One feature is not a logit.
            projected: projected.is_some(),
        }
    }
}

/// A conditional [`StyleGan2Discriminator`]: its features, projected on the mapped condition that `E`
/// reads.
pub type StyleGan2Projection<B, E> =
    Projection<B, MappedEmbedding<B, E>, StyleGan2Discriminator<B>>;

/// What halves the size.
#[derive(Module, Debug)]
struct DownBlock<B: Backend> {
    keep: EqualizedConv2d<B>,
    blur: Fir,
    down: EqualizedConv2d<B>,
    past: Option<Past<B>>,
}

/// The branch past the convolutions.
#[derive(Module, Debug)]
struct Past<B: Backend> {
    down: Fir,
    conv: EqualizedConv2d<B>,
}

impl<B: Backend> DownBlock<B> {
    fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        let y = self.keep.forward_activated(x.clone(), Activation::LEAKY);
        let y = self
            .down
            .forward_activated(self.blur.forward(y), Activation::LEAKY);
        match &self.past {
            // Both have the root of one half in their gain.
            Some(past) => sum(past.conv.forward(past.down.forward(x)), y),
            None => y,
        }
    }
}

/// StyleGAN2's discriminator: images `[batch, channels, height, width]`, logits `[batch, 1]`.
///
/// ```text
/// x = √2·lrelu(conv₁ₓ₁(image))
/// x ← (√2·lrelu(conv₃ₓ₃↓(√2·lrelu(conv₃ₓ₃(x)))) + conv₁ₓ₁(x↓))·√½        until x is 4×4
/// logit = linear(√2·lrelu(linear(√2·lrelu(conv₃ₓ₃(x, minibatch std)))))
/// ```
///
/// ↓ is a [filter](Fir) of 1, 3, 3, 1 with every second pixel taken, lrelu has slope 0.2, and all layers
/// have an [equalised learning rate](EqualizedConv2d). Its features are what the last layer reads; of a
/// conditional one, what the last layer gives: as many numbers as there are channels at 4×4, which are
/// projected on the mapped condition, and nothing else is in the logit.
///
/// Karras et al. 2019, arXiv:1912.04958, section 4.1 and appendix B; conditional: Karras et al. 2020,
/// arXiv:2006.06676.
#[derive(Module, Debug)]
pub struct StyleGan2Discriminator<B: Backend> {
    from_colours: EqualizedConv2d<B>,
    blocks: Vec<DownBlock<B>>,
    std: MinibatchStd,
    last: EqualizedConv2d<B>,
    hidden: EqualizedLinear<B>,
    head: EqualizedLinear<B>,
    projected: bool,
}

impl<B: Backend> Discriminator<B> for StyleGan2Discriminator<B> {
    type Sample = Tensor<B, 4>;
    type Condition = ();

    fn discriminate(&self, sample: Tensor<B, 4>, _condition: &()) -> Verdict<B> {
        let batch = sample.dims()[0];
        let sample = channels_last(sample);
        let mut x = self
            .from_colours
            .forward_activated(sample, Activation::LEAKY);
        for block in &self.blocks {
            x = block.forward(x);
        }
        let x = self
            .last
            .forward_activated(self.std.forward(x), Activation::LEAKY);
        let hidden: Tensor<B, 2> = x.flatten(1, 3);
        let hidden = self.hidden.forward_activated(hidden, Activation::LEAKY);
        let output = self.head.forward(hidden.clone());
        if self.projected {
            let nothing = Tensor::zeros([batch, 1], (&output.device(), output.dtype()));
            return Verdict::from(nothing).with_features(output);
        }
        Verdict::from(output).with_features(hidden)
    }
}
