//! The discriminator.

use burn::module::Module;
use burn::nn::PaddingConfig1d;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::pyramid::{Pyramid, Sizes, keeping_size};
use crate::error::{Error, Result};
use crate::models::{LabelEmbedding, Projection};
use crate::network::{Discriminator, Verdict};
use crate::nn::{
    Activation, Conv1d, Conv1dConfig, Linear, LinearConfig, PhaseShuffle, SpectralOption,
    channels_last,
};
use crate::settings::settings;
use crate::sizes;

/// The standard deviation of a projection's vectors, and of the last layer's weights.
const STD: f64 = 0.02;

settings! {
/// Settings of a [`SeriesDiscriminator`].
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::models::SeriesDiscriminatorConfig;
/// use burn_gan::network::{Discriminator, Labels};
///
/// let device = Default::default();
/// let config = SeriesDiscriminatorConfig::new([1, 150]).with_width(8);
/// let discriminator = config.init_projected::<Flex>(2, &device)?;
/// let labels = Labels::from_slice(&[0, 1], 2, &device)?;
/// let verdict = discriminator.discriminate(Tensor::zeros([2, 1, 150], &device), &labels);
/// assert_eq!(verdict.logits.dims(), [2, 1]);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeriesDiscriminatorConfig {
    /// Channels of a series.
    pub channels: usize,
    /// Moments of a series, at least 8.
    pub time: usize,
    /// Channels of the network at the full length, doubled at each length below up to 16 times; 32 by
    /// default.
    pub width: usize,
    /// Moments that a kernel reaches over, at least 4; 9 by default. WaveGAN has 25.
    pub kernel: usize,
    /// By how many moments hidden series are [shuffled](PhaseShuffle) at most, below 8; 0 by default, not
    /// at all. WaveGAN has 2, for sounds, whose phase means nothing. Where the place in a window means
    /// something, the hour of a day say, it hides that from the network.
    pub phase_shuffle: usize,
    /// Whether weights are [normed](crate::nn::SpectralNorm); false by default.
    pub spectral_norm: bool,
    /// Numbers of a hidden layer before the last, its features; 64 by default.
    pub features: usize,
}
}

impl SeriesDiscriminatorConfig {
    /// A discriminator of series of `[channels, time]`.
    pub fn new([channels, time]: [usize; 2]) -> Self {
        Self {
            channels,
            time,
            width: 32,
            kernel: 9,
            phase_shuffle: 0,
            spectral_norm: false,
            features: 64,
        }
    }

    /// Channels of the network at the full length.
    pub fn with_width(mut self, width: usize) -> Self {
        self.width = width;
        self
    }

    /// Moments that a kernel reaches over.
    pub fn with_kernel(mut self, kernel: usize) -> Self {
        self.kernel = kernel;
        self
    }

    /// By how many moments hidden series are shuffled at most.
    pub fn with_phase_shuffle(mut self, phase_shuffle: usize) -> Self {
        self.phase_shuffle = phase_shuffle;
        self
    }

    /// Whether weights are normed.
    pub fn with_spectral_norm(mut self, spectral_norm: bool) -> Self {
        self.spectral_norm = spectral_norm;
        self
    }

    /// Numbers of a hidden layer before the last.
    pub fn with_features(mut self, features: usize) -> Self {
        self.features = features;
        self
    }

    fn checked(&self) -> Result<Pyramid> {
        sizes::size("features", self.features)?;
        // Hidden series have at least 4 moments, the longest ones at least 8; what has no room is not
        // shuffled.
        if self.phase_shuffle >= 8 {
            return Err(Error::setting(
                "phase_shuffle",
                self.phase_shuffle,
                "must be below 8, the shortest window",
            ));
        }
        let sizes = Sizes {
            channels: self.channels,
            time: self.time,
            width: self.width,
            kernel: self.kernel,
        };
        sizes.check(self.features)
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// If a size is 0 or too large, `time` is below 8, `kernel` below 4, or `phase_shuffle` above 7.
    pub fn validate(&self) -> Result<()> {
        self.checked().map(|_| ())
    }

    /// Makes the discriminator.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn init<B: Backend>(&self, device: &B::Device) -> Result<SeriesDiscriminator<B>> {
        let pyramid = self.checked()?;
        let widths = pyramid.widths(self.width);
        let conv = |inputs: usize, outputs: usize, stride: usize| {
            let conv = Conv1dConfig::new([inputs, outputs], self.kernel)
                .with_stride(stride)
                .with_padding(PaddingConfig1d::Same)
                .with_initializer(keeping_size((inputs * self.kernel) as f64));
            SpectralOption::new(conv.init(device), self.spectral_norm)
        };
        let linear = |sizes: [usize; 2], std: f64| {
            let initializer = burn::module::Initializer::Normal { mean: 0.0, std };
            let linear = LinearConfig::new(sizes[0], sizes[1]).with_initializer(initializer);
            SpectralOption::new(linear.init(device), self.spectral_norm)
        };
        let halvings = pyramid.strides.iter().zip(widths.windows(2));
        let mut convs = vec![conv(self.channels, widths[0], 1)];
        convs.extend(halvings.map(|(stride, pair)| conv(pair[0], pair[1], *stride)));
        let flat = widths[widths.len() - 1] * pyramid.base;
        Ok(SeriesDiscriminator {
            convs,
            shuffle: PhaseShuffle::new(self.phase_shuffle),
            hidden: linear([flat, self.features], (2.0 / flat as f64).sqrt()),
            head: linear([self.features, 1], STD),
        })
    }

    /// Makes a discriminator that is conditioned on labels of `classes` by a [projection](Projection) of
    /// its features.
    ///
    /// # Errors
    /// As [`validate`](Self::validate), or if there is no class.
    pub fn init_projected<B: Backend>(
        &self,
        classes: usize,
        device: &B::Device,
    ) -> Result<Projection<B, LabelEmbedding<B>, SeriesDiscriminator<B>>> {
        let network = self.init(device)?;
        let embedding = LabelEmbedding::with_std(classes, self.features, STD, device)?;
        let embedding = embedding.with_spectral_norm(self.spectral_norm);
        Ok(Projection::new(embedding, network))
    }
}

/// A discriminator of strided convolutions over time with leaky ReLU (0.2): series
/// `[batch, channels, time]`, logits `[batch, 1]`.
///
/// ```text
/// x = lrelu(conv(series))                         as long as the series
/// x ← lrelu(conv(shuffle(x)))                     half or a quarter as long, twice the channels, until x is short
/// features = lrelu(W·x),     logit = w·features
/// ```
///
/// There is no layer that mixes samples, so gradient penalties are exact; the shuffle's shifts are the
/// same in a penalty's both passes. Donahue, McAuley, Puckette 2018, arXiv:1802.04208.
#[derive(Module, Debug)]
pub struct SeriesDiscriminator<B: Backend> {
    convs: Vec<SpectralOption<B, Conv1d<B>>>,
    shuffle: PhaseShuffle,
    hidden: SpectralOption<B, Linear<B>>,
    head: SpectralOption<B, Linear<B>>,
}

impl<B: Backend> Discriminator<B> for SeriesDiscriminator<B> {
    type Sample = Tensor<B, 3>;
    type Condition = ();

    fn discriminate(&self, sample: Tensor<B, 3>, _condition: &()) -> Verdict<B> {
        let mut x = channels_last(sample);
        for (place, conv) in self.convs.iter().enumerate() {
            // Hidden series, as long as there is something to reflect.
            if place > 0 && x.dims()[2] > self.shuffle.shift() {
                x = self.shuffle.forward(x);
            }
            x = conv.forward_activated(x, Activation::LEAKY);
        }
        let flat: Tensor<B, 2> = x.flatten(1, 2);
        let features = self.hidden.forward_activated(flat, Activation::LEAKY);
        Verdict::from(self.head.forward(features.clone())).with_features(features)
    }
}
