//! The residual generator.

use burn::module::{Initializer, Module};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::block::{Convolutions, Norm, UpBlock};
use super::table::PAPERS_WIDTH;
use super::{
    ResNetInit, ResNetTable, attended, big_attention, blocks_at_a_size, check_image, check_layers,
    halvings, multiples,
};
use crate::data::ImageShape;
use crate::error::{Error, Result, check};
use crate::models::{Conditional, LabelEmbedding, VectorEmbedding, range_of};
use crate::network::Generator;
use crate::nn::{
    Activation, Conv2d, Linear, LinearConfig, SelfAttention, SelfAttentionConfig, SpectralOption,
    channels_last,
};
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
    /// Channels of the smallest map, then those after each doubling of the size: by one block, or by two
    /// where they are deep.
    pub channels: Vec<usize>,
    /// Whose channels [`with_width`](Self::with_width) scales: those of the function that made the
    /// settings.
    #[serde(default)]
    pub table: ResNetTable,
    /// As how many numbers the blocks' norms are told a condition, where there is one; 128 by default.
    pub features: usize,
    /// Whether the latent is cut into one part for the first layer and one for each block, which the
    /// block's norms are conditioned on (BigGAN); false by default.
    #[serde(default)]
    pub hierarchical: bool,
    /// Whether the blocks are BigGAN-deep's: four convolutions with a quarter of the channels in between,
    /// and two blocks at each size, of which the second doubles it. The latent then goes whole to the
    /// first layer and to all norms, beside the condition. False by default.
    #[serde(default)]
    pub deep: bool,
    /// Whether the weights of convolutions and linear layers are spectrally normalised (SAGAN, BigGAN);
    /// false by default.
    #[serde(default)]
    pub spectral_norm: bool,
    /// The height of the map, after a block, that gets self-attention (SAGAN); none by default.
    #[serde(default)]
    pub attention: Option<usize>,
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
        let config = Self {
            latent,
            image,
            channels: Vec::new(),
            table: ResNetTable::Sngan,
            features: 128,
            hierarchical: false,
            deep: false,
            spectral_norm: false,
            attention: None,
            init: ResNetInit::Glorot,
            output: Activation::Tanh,
        };
        config.with_width(PAPERS_WIDTH)
    }

    /// BigGAN's generator: a latent in parts, spectral norms, orthogonal weights, and the paper's channels
    /// for images of 64, 128 and 256 pixels (96 at the full size of 128), with attention at 64 pixels in
    /// the last two; smaller ones have 256 channels at every size. With
    /// [`init_conditional`](Self::init_conditional) its norms are conditioned on the class as well.
    pub fn big(latent: usize, image: [usize; 3]) -> Self {
        Self::new(latent, image)
            .with_hierarchical(true)
            .made_big(ResNetTable::Biggan)
    }

    /// BigGAN-deep's generator: as [`big`](Self::big) with [deep](Self::deep) blocks and 128 channels at
    /// the full size of 128 pixels.
    pub fn big_deep(latent: usize, image: [usize; 3]) -> Self {
        Self::new(latent, image)
            .with_deep(true)
            .made_big(ResNetTable::BigganDeep)
    }

    /// Channels and weights of BigGAN.
    fn made_big(mut self, table: ResNetTable) -> Self {
        self.table = table;
        self.attention = big_attention(&self.image, halvings(&self.image, 4));
        self.with_width(PAPERS_WIDTH)
            .with_spectral_norm(true)
            .with_init(ResNetInit::Orthogonal)
    }

    /// SNGAN's channels at each size for this width.
    fn pyramid(blocks: usize, width: usize) -> Vec<usize> {
        if blocks <= 3 {
            return vec![width; blocks + 1];
        }
        let full = width.div_ceil(4);
        let at = |below: usize| full.saturating_mul(1 << below.min(4));
        (0..=blocks).rev().map(at).collect()
    }

    /// How wide the network is: 256 is as in the paper, SNGAN's, BigGAN's or BigGAN-deep's, as its
    /// [table](Self::table) says; other numbers scale all channels of that. Takes the place of
    /// [`with_channels`](Self::with_channels) before it.
    pub fn with_width(mut self, width: usize) -> Self {
        let blocks = halvings(&self.image, 4);
        self.channels = match self.table {
            ResNetTable::Sngan => Self::pyramid(blocks, width),
            big => big.upwards(blocks, width),
        };
        self
    }

    /// Channels of the smallest map, then those after each doubling of the size.
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

    /// Whether the blocks are BigGAN-deep's.
    pub fn with_deep(mut self, deep: bool) -> Self {
        self.deep = deep;
        self
    }

    /// Whether the weights are spectrally normalised.
    pub fn with_spectral_norm(mut self, spectral_norm: bool) -> Self {
        self.spectral_norm = spectral_norm;
        self
    }

    /// The height of the map that gets self-attention.
    pub fn with_attention(mut self, height: usize) -> Self {
        self.attention = Some(height);
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

    /// Into how many equal parts the latent is cut: [`latent`](Self::latent) must be a multiple of it. 1
    /// but where it is [hierarchical](Self::hierarchical).
    pub fn latent_parts(&self) -> usize {
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
    /// block, the latent can't be cut into equal parts where it is to be, or deep blocks are to have more
    /// channels than their input or a latent in parts.
    pub fn validate(&self) -> Result<()> {
        sizes::size("latent", self.latent)?;
        check::at_least("channels.len()", self.channels.len(), 2)?;
        check_image(&self.image, self.blocks()).map_err(|e| e.within("image"))?;
        self.init.validate().map_err(|e| e.within("init"))?;
        sizes::size("features", self.features)?;
        attended(self.attention, self.heights())?;
        if !self.latent.is_multiple_of(self.latent_parts()) {
            return Err(Error::setting(
                "latent",
                self.latent,
                format!(
                    "must be a multiple of {}: with `hierarchical` the first layer and each block take \
                     an equal part; {} would do",
                    self.latent_parts(),
                    multiples(self.latent, self.latent_parts())
                ),
            ));
        }
        if self.deep {
            if self.hierarchical {
                let problem =
                    "can't be: deep blocks are given the whole latent; leave `hierarchical` off";
                return Err(Error::setting("hierarchical", true, problem));
            }
            let more = self.channels.windows(2).find(|pair| pair[1] > pair[0]);
            if let Some(pair) = more {
                let problem = format!(
                    "can't be more than the {} before: a deep block's shortcut keeps the first channels \
                     of its input",
                    pair[0]
                );
                return Err(Error::setting("channels", pair[1], problem));
            }
        }
        let [base, height, width] = self.base();
        check_layers(&self.channels, &[self.latent, base, height, width])
    }

    /// The height after each block.
    fn heights(&self) -> Vec<usize> {
        let blocks = self.blocks();
        (1..=blocks)
            .map(|block| self.image.height >> (blocks - block))
            .collect()
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
        let part = self.latent / self.latent_parts();
        let condition = match self.hierarchical || self.deep {
            true => told + part,
            false => told,
        };
        let [base, height, width] = self.base();
        let read = if self.deep { condition } else { part };
        let project = LinearConfig::new(read, base * height * width)
            .with_initializer(self.init.plain())
            .with_bias_initializer(Initializer::Zeros)
            .init(device);
        let last = self.channels[self.blocks()];
        let stage = |pair: &[usize]| {
            let [inputs, outputs] = [pair[0], pair[1]];
            let deep = |outputs: usize, doubles: bool| {
                let channels = [inputs, outputs];
                UpBlock::deep(convolutions, channels, condition, doubles, device)
            };
            match self.deep {
                true => vec![deep(inputs, false), deep(outputs, true)],
                false => vec![UpBlock::plain(
                    convolutions,
                    [inputs, outputs],
                    condition,
                    device,
                )],
            }
        };
        let place = attended(self.attention, self.heights())?;
        Ok(ResNetGenerator {
            project: SpectralOption::new(project, self.spectral_norm),
            blocks: self.channels.windows(2).flat_map(stage).collect(),
            attention: place.map(|place| {
                SelfAttentionConfig::new(self.channels[place + 1])
                    .with_spectral_norm(self.spectral_norm)
                    .with_initializer(self.init.plain())
                    .init(device)
            }),
            place,
            norm: convolutions.norm(last, 0, device),
            head: convolutions.square([last, self.image.channels], false, device),
            base: [base, height, width],
            latent: self.latent,
            part,
            condition: told,
            deep: self.deep,
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

/// A generator of residual blocks, each of which, or each second one of deep ones, doubles the size; batch
/// norm and ReLU before each convolution but the shortcuts'.
///
/// Latents `[batch, latent]`, images `[batch, channels, height, width]`. Made for conditions, it finds
/// their features after the latent's own numbers, where [`Conditional`] puts them: the norms of the
/// blocks are conditioned on them (with a part of the latent where it is hierarchical, with all of it where
/// the blocks are deep), the last norm is not, the first layer in front of deep blocks alone.
///
/// Miyato et al. 2018, arXiv:1802.05957 (SNGAN); Zhang et al. 2018, arXiv:1805.08318 (spectral norms in
/// the generator); Brock, Donahue, Simonyan 2018, arXiv:1809.11096 (BigGAN).
#[derive(Module, Debug)]
pub struct ResNetGenerator<B: Backend> {
    project: SpectralOption<B, Linear<B>>,
    blocks: Vec<UpBlock<B>>,
    attention: Option<SelfAttention<B>>,
    /// The doubling that attention comes after.
    place: Option<usize>,
    norm: Norm<B>,
    head: SpectralOption<B, Conv2d<B>>,
    base: [usize; 3],
    latent: usize,
    part: usize,
    condition: usize,
    deep: bool,
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
        let whole = self.deep.then(|| match &features {
            Some(features) => Tensor::cat(vec![features.clone(), part(0)], 1),
            None => part(0),
        });
        let x = self
            .project
            .forward(whole.clone().unwrap_or_else(|| part(0)));
        let mut x = channels_last(x.reshape([batch, channels, height, width]));
        for (index, blocks) in self.blocks.chunks(blocks_at_a_size(self.deep)).enumerate() {
            let of_block = (self.part < self.latent).then(|| part(index + 1));
            let condition = match (&whole, &features, of_block) {
                (Some(whole), ..) => Some(whole.clone()),
                (None, Some(features), Some(part)) => {
                    Some(Tensor::cat(vec![features.clone(), part], 1))
                }
                (None, Some(features), None) => Some(features.clone()),
                (None, None, part) => part,
            };
            for block in blocks {
                x = block.forward(x, condition.as_ref());
            }
            if let (Some(attention), true) = (&self.attention, self.place == Some(index)) {
                x = attention.forward(x);
            }
        }
        let x = self.norm.forward(x, None);
        self.head.forward_activated(x, self.output)
    }

    fn output_range(&self) -> Option<(f64, f64)> {
        range_of(self.output)
    }
}
