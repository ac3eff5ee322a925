//! The residual discriminator.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::block::{Convolutions, DownBlock};
use super::table::PAPERS_WIDTH;
use super::{
    ResNetInit, ResNetTable, attended, big_attention, blocks_at_a_size, check_image, check_layers,
    halvings,
};
use crate::data::ImageShape;
use crate::error::{Error, Result, check};
use crate::latent::Latent;
use crate::models::{
    AuxiliaryClassifier, CodeHead, CodeHeadConfig, LabelEmbedding, Projection, VectorEmbedding,
};
use crate::network::{Discriminator, Verdict};
use crate::nn::{
    Activation, Conv2d, Linear, LinearConfig, SelfAttention, SelfAttentionConfig, SpectralOption,
    channels_last,
};
use crate::settings::settings;
use crate::sizes;

/// The deviation of a projection's vectors at the start, as small as the last layer's weights.
const EMBEDDING_STD: f64 = 0.02;

settings! {
/// Settings of a [`ResNetDiscriminator`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ResNetDiscriminatorConfig {
    /// The shape of an image; height and width can be halved `halvings` times.
    pub image: ImageShape,
    /// Channels after each block; of deep ones those of the convolution before them, then those after each
    /// two blocks.
    pub channels: Vec<usize>,
    /// Whose channels [`with_width`](Self::with_width) scales: those of the function that made the
    /// settings.
    #[serde(default)]
    pub table: ResNetTable,
    /// How many blocks, or pairs of deep ones, from the first, halve the size.
    pub halvings: usize,
    /// Whether what lies between the two convolutions of a block has as many channels as the block's
    /// output (BigGAN), not its input; false by default.
    #[serde(default)]
    pub wide: bool,
    /// Whether the blocks are BigGAN-deep's: four convolutions with a quarter of the channels in between,
    /// in pairs of which the first changes channels and size. False by default.
    #[serde(default)]
    pub deep: bool,
    /// Whether all weights are spectrally normalised; true by default. Gradient penalties do the same
    /// work: turn it off with them.
    pub spectral_norm: bool,
    /// The height of the map, after a block, that gets self-attention (SAGAN); none by default.
    #[serde(default)]
    pub attention: Option<usize>,
    /// How many images are judged together, by [`Packed`](crate::network::Packed) around it; 1 by
    /// default.
    #[serde(default = "crate::models::alone")]
    pub pack: usize,
    /// How the weights are drawn; Glorot's by default.
    pub init: ResNetInit,
}
}

impl ResNetDiscriminatorConfig {
    /// SNGAN's discriminator for images of `[channels, height, width]`. Below 64 pixels it has four
    /// blocks of 128 channels, of which up to two halve the size; from there on the first has 64, each
    /// doubles them to 1,024 at most and halves the size, to 2 pixels of 64 and 4 of larger ones, where
    /// one more block keeps it.
    pub fn new(image: [usize; 3]) -> Self {
        let config = Self {
            image: ImageShape::new(image),
            channels: Vec::new(),
            table: ResNetTable::Sngan,
            halvings: 0,
            wide: false,
            deep: false,
            spectral_norm: true,
            attention: None,
            pack: 1,
            init: ResNetInit::Glorot,
        };
        config.with_width(128)
    }

    /// BigGAN's discriminator: orthogonal weights, and the paper's channels for images of 64, 128 and 256
    /// pixels (96 after the first block of 128), with attention at 64 pixels in the last two; smaller ones
    /// have four blocks of 256 channels.
    pub fn big(image: [usize; 3]) -> Self {
        let mut config = Self::new(image);
        config.wide = true;
        config.made_big(ResNetTable::Biggan)
    }

    /// BigGAN-deep's discriminator: as [`big`](Self::big) with [deep](Self::deep) blocks and a convolution
    /// to 128 channels before them.
    pub fn big_deep(image: [usize; 3]) -> Self {
        let mut config = Self::new(image);
        config.deep = true;
        config.made_big(ResNetTable::BigganDeep)
    }

    /// Channels and weights of BigGAN.
    fn made_big(mut self, table: ResNetTable) -> Self {
        self.table = table;
        self.attention = big_attention(&self.image, halvings(&self.image, 4));
        self.with_width(PAPERS_WIDTH)
            .with_init(ResNetInit::Orthogonal)
    }

    /// How wide the network is: 128 is as in SNGAN's paper, 256 as in BigGAN's, as its
    /// [table](Self::table) says; other numbers scale all channels of that. Takes the place of
    /// [`with_channels`](Self::with_channels) before it.
    pub fn with_width(self, width: usize) -> Self {
        let halved = halvings(&self.image, 4);
        let side = self.image.height.min(self.image.width);
        match self.table {
            // Of deep blocks the first number is that of the convolution before them.
            ResNetTable::Biggan if halved < 4 => self.with_channels(vec![width; 4], halved.min(2)),
            ResNetTable::Biggan | ResNetTable::BigganDeep => {
                let channels = self.table.downwards(halved, width);
                self.with_channels(channels, halved)
            }
            ResNetTable::Sngan if side < 64 => self.with_channels(vec![width; 4], halved.min(2)),
            ResNetTable::Sngan => {
                let smallest = if side < 128 { 2 } else { 4 };
                let halved = halvings(&self.image, smallest);
                let full = width.div_ceil(2);
                let at = |block: usize| full.saturating_mul(1 << block.min(4));
                let mut channels: Vec<usize> = (0..halved).map(at).collect();
                if side >= 128 {
                    channels.extend(channels.last().copied());
                }
                self.with_channels(channels, halved)
            }
        }
    }

    /// Channels after each block, the first `halvings` of which halve the size; of deep blocks as
    /// [`channels`](Self::channels) says.
    pub fn with_channels(mut self, channels: impl Into<Vec<usize>>, halvings: usize) -> Self {
        self.channels = channels.into();
        self.halvings = halvings;
        self
    }

    /// Whether the blocks are BigGAN-deep's.
    pub fn with_deep(mut self, deep: bool) -> Self {
        self.deep = deep;
        self
    }

    /// Whether all weights are spectrally normalised.
    pub fn with_spectral_norm(mut self, spectral_norm: bool) -> Self {
        self.spectral_norm = spectral_norm;
        self
    }

    /// The height of the map that gets self-attention.
    pub fn with_attention(mut self, height: usize) -> Self {
        self.attention = Some(height);
        self
    }

    /// How many images are judged together.
    pub fn with_pack(mut self, pack: usize) -> Self {
        self.pack = pack;
        self
    }

    /// How the weights are drawn.
    pub fn with_init(mut self, init: ResNetInit) -> Self {
        self.init = init;
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// If a size is 0 or too large, there is no block, fewer blocks than halvings, height or width can't be
    /// halved so often, or deep blocks are to have fewer channels than their input.
    pub fn validate(&self) -> Result<()> {
        let stem = usize::from(self.deep);
        check::at_least("channels.len()", self.channels.len(), 1 + stem)?;
        check::at_most("halvings", self.halvings, self.channels.len() - stem)?;
        check::at_least("pack", self.pack, 1)?;
        check::at_most("pack", self.pack, sizes::REPEATS)?;
        check_image(&self.image, self.halvings).map_err(|e| e.within("image"))?;
        self.init.validate().map_err(|e| e.within("init"))?;
        attended(self.attention, self.heights())?;
        let fewer = self.channels.windows(2).find(|pair| pair[1] < pair[0]);
        if let (true, Some(pair)) = (self.deep, fewer) {
            let problem = format!(
                "can't be fewer than the {} before: a deep block's shortcut keeps all channels of its \
                 input",
                pair[0]
            );
            return Err(Error::setting("channels", pair[1], problem));
        }
        let mut channels = vec![self.pack * self.image.channels];
        channels.extend(&self.channels);
        check_layers(&channels, &[self.features(), 1])
    }

    /// The height after each block, or pair of deep ones.
    fn heights(&self) -> Vec<usize> {
        let blocks = 1..=self.channels.len() - usize::from(self.deep);
        blocks
            .map(|block| self.image.height >> block.min(self.halvings))
            .collect()
    }

    /// Numbers that the last layer reads.
    fn features(&self) -> usize {
        self.channels.last().copied().unwrap_or(0)
    }

    /// How many features the network's verdicts have: what is read by a [`Projection`], an
    /// [`AuxiliaryClassifier`] or a [`CodeHead`] around it.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn verdict_features(&self) -> Result<usize> {
        self.validate()?;
        Ok(self.features())
    }

    /// Makes the discriminator.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn init<B: Backend>(&self, device: &B::Device) -> Result<ResNetDiscriminator<B>> {
        self.validate()?;
        let convolutions = Convolutions {
            init: self.init,
            spectral_norm: self.spectral_norm,
        };
        let mut inputs = self.pack * self.image.channels;
        let mut outputs = self.channels.iter().copied();
        let stem = self.deep.then(|| {
            let first = outputs.next().expect("validated above");
            let stem = convolutions.square([inputs, first], false, device);
            inputs = first;
            stem
        });
        let mut blocks = Vec::new();
        for (index, outputs) in outputs.enumerate() {
            let halves = index < self.halvings;
            if self.deep {
                let deep = |inputs: usize, halves: bool| {
                    DownBlock::deep(convolutions, [inputs, outputs], halves, device)
                };
                blocks.extend([deep(inputs, halves), deep(outputs, false)]);
            } else {
                // The first block's input has the image's few channels.
                let hidden = match self.wide || index == 0 {
                    true => outputs,
                    false => inputs,
                };
                let channels = [inputs, hidden, outputs];
                let first = index == 0;
                blocks.push(DownBlock::plain(
                    convolutions,
                    channels,
                    first,
                    halves,
                    device,
                ));
            }
            inputs = outputs;
        }
        let head = LinearConfig::new(self.features(), 1)
            .with_bias(false)
            .with_initializer(self.init.plain())
            .init(device);
        let place = attended(self.attention, self.heights())?;
        Ok(ResNetDiscriminator {
            stem,
            blocks,
            attention: place.map(|place| {
                SelfAttentionConfig::new(self.channels[place + usize::from(self.deep)])
                    .with_spectral_norm(self.spectral_norm)
                    .with_initializer(self.init.plain())
                    .init(device)
            }),
            place,
            head: SpectralOption::new(head, self.spectral_norm),
        })
    }

    /// Makes a discriminator that is conditioned on labels of `classes` by a [projection](Projection).
    ///
    /// # Errors
    /// As [`validate`](Self::validate), if there is no class, or if images are packed: a projection has
    /// one label for each verdict.
    pub fn init_projected<B: Backend>(
        &self,
        classes: usize,
        device: &B::Device,
    ) -> Result<Projection<B, LabelEmbedding<B>, ResNetDiscriminator<B>>> {
        check::at_most("pack", self.pack, 1)?;
        let network = self.init(device)?;
        let embedding = LabelEmbedding::with_std(classes, self.features(), EMBEDDING_STD, device)?;
        let embedding = embedding.with_spectral_norm(self.spectral_norm);
        Ok(Projection::new(embedding, network))
    }

    /// Makes a discriminator that is conditioned on vectors of `size` numbers by a
    /// [projection](Projection).
    ///
    /// # Errors
    /// As [`init_projected`](Self::init_projected), or if vectors have no numbers.
    pub fn init_projected_on_vectors<B: Backend>(
        &self,
        size: usize,
        device: &B::Device,
    ) -> Result<Projection<B, VectorEmbedding<B>, ResNetDiscriminator<B>>> {
        check::at_most("pack", self.pack, 1)?;
        let network = self.init(device)?;
        let embedding = VectorEmbedding::new(size, self.features(), device)?;
        Ok(Projection::new(embedding, network))
    }

    /// Makes a discriminator that tells the classes of samples ([`AuxiliaryClassifier`]).
    ///
    /// # Errors
    /// As [`validate`](Self::validate), if there is no class, or if images are packed.
    pub fn init_classifying<B: Backend>(
        &self,
        classes: usize,
        device: &B::Device,
    ) -> Result<AuxiliaryClassifier<B, ResNetDiscriminator<B>>> {
        check::at_most("pack", self.pack, 1)?;
        AuxiliaryClassifier::new(self.init(device)?, self.features(), classes, device)
    }

    /// Makes a discriminator that recovers the codes of `prior` from samples ([`CodeHead`]).
    ///
    /// # Errors
    /// As [`validate`](Self::validate), those of the head, or if images are packed.
    pub fn init_recovering<B: Backend>(
        &self,
        prior: &Latent,
        head: &CodeHeadConfig,
        device: &B::Device,
    ) -> Result<CodeHead<B, ResNetDiscriminator<B>>> {
        check::at_most("pack", self.pack, 1)?;
        head.init(self.init(device)?, self.features(), prior, device)
    }
}

/// A discriminator of residual blocks without norms, ReLU before each convolution, and a linear layer
/// of the sums over all pixels.
///
/// Images `[batch, channels, height, width]`, logits `[batch, 1]`; its features are those sums, `[batch,
/// channels]`. Miyato et al. 2018, arXiv:1802.05957 (SNGAN); Brock, Donahue, Simonyan 2018, arXiv:1809.11096
/// (BigGAN, BigGAN-deep).
#[derive(Module, Debug)]
pub struct ResNetDiscriminator<B: Backend> {
    /// A convolution before deep blocks.
    stem: Option<SpectralOption<B, Conv2d<B>>>,
    blocks: Vec<DownBlock<B>>,
    attention: Option<SelfAttention<B>>,
    /// The block that attention comes after.
    place: Option<usize>,
    head: SpectralOption<B, Linear<B>>,
}

impl<B: Backend> Discriminator<B> for ResNetDiscriminator<B> {
    type Sample = Tensor<B, 4>;
    type Condition = ();

    fn discriminate(&self, sample: Tensor<B, 4>, _condition: &()) -> Verdict<B> {
        let mut x = channels_last(sample);
        if let Some(stem) = &self.stem {
            x = stem.forward(x);
        }
        let at_a_size = blocks_at_a_size(self.stem.is_some());
        for (index, blocks) in self.blocks.chunks(at_a_size).enumerate() {
            for block in blocks {
                x = block.forward(x);
            }
            if let (Some(attention), true) = (&self.attention, self.place == Some(index)) {
                x = attention.forward(x);
            }
        }
        let [batch, channels, height, width] = x.dims();
        let features = Activation::Relu
            .apply(x)
            .reshape([batch, channels, height * width])
            .sum_dim(2)
            .reshape([batch, channels]);
        Verdict::from(self.head.forward(features.clone())).with_features(features)
    }
}
