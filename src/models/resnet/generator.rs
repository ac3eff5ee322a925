//! The residual generator.

use burn::module::{Initializer, Module};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::block::{Convolutions, Norm, UpBlock};
use super::{ResNetInit, check_image, check_layers, halvings};
use crate::data::ImageShape;
use crate::error::{Error, Result, check};
use crate::models::{Conditional, LabelEmbedding, VectorEmbedding, range_of};
use crate::network::Generator;
use crate::nn::{Activation, Conv2d, Linear, LinearConfig, SpectralOption, channels_last};
use crate::settings::settings;
use crate::sizes;

settings! {
/// Settings of a [`ResNetGenerator`].
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::models::ResNetGeneratorConfig;
/// use burn_gan::network::Generator;
///
/// let device = Default::default();
/// let config = ResNetGeneratorConfig::new(128, [3, 32, 32]).with_width(8);
/// let images = config.init::<Flex>(&device)?.generate(Tensor::zeros([2, 128], &device), &());
/// assert_eq!(images.dims(), [2, 3, 32, 32]);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ResNetGeneratorConfig {
    /// Components of a latent.
    pub latent: usize,
    /// The shape of an image; height and width can be halved once for each block.
    pub image: ImageShape,
    /// Channels of the smallest map, then those after each block, which doubles the size.
    pub channels: Vec<usize>,
    /// As how many numbers the blocks' norms are told a condition, where there is one; 128 by default.
    pub features: usize,
    /// Whether the latent is cut into one part for the first layer and one for each block, which the
    /// block's norms are conditioned on (BigGAN); false by default.
    #[serde(default)]
    pub hierarchical: bool,
    /// Whether the weights of convolutions and linear layers are spectrally normalised (SAGAN, BigGAN);
    /// false by default.
    #[serde(default)]
    pub spectral_norm: bool,
    /// How the weights are drawn; Glorot's by default.
    pub init: ResNetInit,
    /// The activation of the output; tanh by default, for pixels in [−1, 1].
    pub output: Activation,
}
}

impl ResNetGeneratorConfig {
    /// SNGAN's generator for images of `[channels, height, width]`: the sizes are halved while the
    /// shorter side stays at 4 or above and both stay whole. Up to three blocks are 256 channels wide;
    /// more have 64 at full size, doubled at each size below, 1,024 at most.
    pub fn new(latent: usize, image: [usize; 3]) -> Self {
        let image = ImageShape::new(image);
        let mut config = Self {
            latent,
            image,
            channels: Vec::new(),
            features: 128,
            hierarchical: false,
            spectral_norm: false,
            init: ResNetInit::Glorot,
            output: Activation::Tanh,
        };
        config.channels = config.pyramid(256);
        config
    }

    /// BigGAN's generator for small images: 256 channels at every size, a latent in parts, spectral
    /// norms. With [`init_conditional`](Self::init_conditional) its norms are conditioned on the class
    /// as well.
    pub fn big(latent: usize, image: [usize; 3]) -> Self {
        let mut config = Self::new(latent, image)
            .with_hierarchical(true)
            .with_spectral_norm(true)
            .with_init(ResNetInit::Orthogonal);
        config.channels = vec![256; config.channels.len()];
        config
    }

    /// Channels at each size for this width.
    fn pyramid(&self, width: usize) -> Vec<usize> {
        let blocks = halvings(&self.image, 4);
        if blocks <= 3 {
            return vec![width; blocks + 1];
        }
        let full = width.div_ceil(4);
        let at = |below: usize| full.saturating_mul(1 << below.min(4));
        (0..=blocks).rev().map(at).collect()
    }

    /// How wide the network is: 256 is as in the paper, other numbers scale all channels.
    pub fn with_width(mut self, width: usize) -> Self {
        self.channels = self.pyramid(width);
        self
    }

    /// Channels of the smallest map, then those after each block.
    pub fn with_channels(mut self, channels: impl Into<Vec<usize>>) -> Self {
        self.channels = channels.into();
        self
    }

    /// As how many numbers the norms are told a condition.
    pub fn with_features(mut self, features: usize) -> Self {
        self.features = features;
        self
    }

    /// Whether the latent is cut into a part for the first layer and one for each block.
    pub fn with_hierarchical(mut self, hierarchical: bool) -> Self {
        self.hierarchical = hierarchical;
        self
    }

    /// Whether the weights are spectrally normalised.
    pub fn with_spectral_norm(mut self, spectral_norm: bool) -> Self {
        self.spectral_norm = spectral_norm;
        self
    }

    /// How the weights are drawn.
    pub fn with_init(mut self, init: ResNetInit) -> Self {
        self.init = init;
        self
    }

    /// The activation of the output.
    pub fn with_output(mut self, output: Activation) -> Self {
        self.output = output;
        self
    }

    fn blocks(&self) -> usize {
        self.channels.len().saturating_sub(1)
    }

    /// Into how many parts the latent is cut.
    fn parts(&self) -> usize {
        if self.hierarchical {
            self.blocks() + 1
        } else {
            1
        }
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// If a size is 0 or too large, there is no block, height or width can't be halved once for each
    /// block, or the latent can't be cut into equal parts where it is to be.
    pub fn validate(&self) -> Result<()> {
        sizes::size("latent", self.latent)?;
        check::at_least("channels.len()", self.channels.len(), 2)?;
        check_image(&self.image, self.blocks()).map_err(|e| e.within("image"))?;
        self.init.validate().map_err(|e| e.within("init"))?;
        sizes::size("features", self.features)?;
        if !self.latent.is_multiple_of(self.parts()) {
            return Err(Error::setting(
                "latent",
                self.latent,
                format!(
                    "must be a multiple of {}: with `hierarchical` the first layer and each block take \
                     an equal part",
                    self.parts()
                ),
            ));
        }
        let [base, height, width] = self.base();
        check_layers(&self.channels, &[self.latent, base, height, width])
    }

    /// The smallest map.
    fn base(&self) -> [usize; 3] {
        let blocks = self.blocks();
        let channels = self.channels.first().copied().unwrap_or(0);
        [
            channels,
            self.image.height >> blocks,
            self.image.width >> blocks,
        ]
    }

    /// Makes the generator.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn init<B: Backend>(&self, device: &B::Device) -> Result<ResNetGenerator<B>> {
        self.network(0, device)
    }

    /// A generator whose norms are conditioned on so many numbers after the latent's own.
    pub(super) fn network<B: Backend>(
        &self,
        told: usize,
        device: &B::Device,
    ) -> Result<ResNetGenerator<B>> {
        self.validate()?;
        let convolutions = Convolutions {
            init: self.init,
            spectral_norm: self.spectral_norm,
        };
        let part = self.latent / self.parts();
        let condition = match self.hierarchical {
            true => told + part,
            false => told,
        };
        let [base, height, width] = self.base();
        let project = LinearConfig::new(part, base * height * width)
            .with_initializer(self.init.plain())
            .with_bias_initializer(Initializer::Zeros)
            .init(device);
        let last = self.channels[self.blocks()];
        Ok(ResNetGenerator {
            project: SpectralOption::new(project, self.spectral_norm),
            blocks: self
                .channels
                .windows(2)
                .map(|pair| UpBlock::new(convolutions, [pair[0], pair[1]], condition, device))
                .collect(),
            norm: Norm::new(last, 0, device),
            head: convolutions.square([last, self.image.channels], false, device),
            base: [base, height, width],
            latent: self.latent,
            part,
            condition: told,
            output: self.output,
        })
    }

    /// Makes a generator whose norms are conditioned on labels of `classes`, by a learned vector for each
    /// class that they share.
    ///
    /// # Errors
    /// As [`validate`](Self::validate), or if there is no class.
    pub fn init_conditional<B: Backend>(
        &self,
        classes: usize,
        device: &B::Device,
    ) -> Result<Conditional<B, LabelEmbedding<B>, ResNetGenerator<B>>> {
        let network = self.network(self.features, device)?;
        let embedding = LabelEmbedding::new(classes, self.features, device)?;
        Ok(Conditional::new(embedding, network))
    }

    /// Makes a generator whose norms are conditioned on vectors of `size` numbers.
    ///
    /// # Errors
    /// As [`validate`](Self::validate), or if vectors have no numbers.
    pub fn init_on_vectors<B: Backend>(
        &self,
        size: usize,
        device: &B::Device,
    ) -> Result<Conditional<B, VectorEmbedding<B>, ResNetGenerator<B>>> {
        let network = self.network(self.features, device)?;
        let embedding = VectorEmbedding::new(size, self.features, device)?;
        Ok(Conditional::new(embedding, network))
    }
}

/// A generator of residual blocks, each of which doubles the size; batch norm and ReLU before each
/// convolution but the shortcuts'.
///
/// Latents `[batch, latent]`, images `[batch, channels, height, width]`. Made for conditions, it finds
/// their features after the latent's own numbers, where [`Conditional`] puts them: the norms of the
/// blocks are conditioned on them (with a part of the latent where it is hierarchical), the first layer
/// and the last norm are not.
///
/// Miyato et al. 2018, arXiv:1802.05957 (SNGAN); Zhang et al. 2018, arXiv:1805.08318 (spectral norms in
/// the generator); Brock, Donahue, Simonyan 2018, arXiv:1809.11096 (BigGAN).
#[derive(Module, Debug)]
pub struct ResNetGenerator<B: Backend> {
    project: SpectralOption<B, Linear<B>>,
    blocks: Vec<UpBlock<B>>,
    norm: Norm<B>,
    head: SpectralOption<B, Conv2d<B>>,
    base: [usize; 3],
    latent: usize,
    part: usize,
    condition: usize,
    output: Activation,
}

impl<B: Backend> Generator<B> for ResNetGenerator<B> {
    type Sample = Tensor<B, 4>;
    type Condition = ();

    /// # Panics
    /// If latents have another number of components than the settings say.
    fn generate(&self, latent: Tensor<B, 2>, _condition: &()) -> Tensor<B, 4> {
        let [batch, width] = latent.dims();
        let expected = self.latent + self.condition;
        assert_eq!(
            width, expected,
            "latents of {width} numbers for a generator of {expected}: {} and {} of the condition",
            self.latent, self.condition
        );
        let features =
            (self.condition > 0).then(|| latent.clone().narrow(1, self.latent, self.condition));
        let part = |index: usize| latent.clone().narrow(1, index * self.part, self.part);
        let [channels, height, width] = self.base;
        let x = self.project.forward(part(0));
        let mut x = channels_last(x.reshape([batch, channels, height, width]));
        for (index, block) in self.blocks.iter().enumerate() {
            let of_block = (self.part < self.latent).then(|| part(index + 1));
            let condition = match (&features, of_block) {
                (Some(features), Some(part)) => Some(Tensor::cat(vec![features.clone(), part], 1)),
                (Some(features), None) => Some(features.clone()),
                (None, part) => part,
            };
            x = block.forward(x, condition.as_ref());
        }
        let x = self.norm.forward(x, None);
        self.head.forward_activated(x, self.output)
    }

    fn output_range(&self) -> Option<(f64, f64)> {
        range_of(self.output)
    }
}
