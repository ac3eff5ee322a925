//! The generator.

use burn::module::Module;
use burn::nn::PaddingConfig1d;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::pyramid::{Pyramid, Sizes, keeping_size};
use crate::error::Result;
use crate::models::embedding::FEATURES;
use crate::models::{Conditional, LabelEmbedding, range_of};
use crate::network::Generator;
use crate::nn::{
    Activation, BatchNorm, BatchNormConfig, Conv1d, Conv1dConfig, ConvTranspose1d,
    ConvTranspose1dConfig, Linear, LinearConfig, channels_last,
};
use crate::settings::settings;
use crate::sizes;

settings! {
/// Settings of a [`SeriesGenerator`].
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::models::SeriesGeneratorConfig;
/// use burn_gan::network::Generator;
///
/// let device = Default::default();
/// // Days of an hour's mean each, and windows of 150 moments.
/// for time in [24, 150] {
///     let generator = SeriesGeneratorConfig::new(16, [1, time]).with_width(8).init::<Flex>(&device)?;
///     let series = generator.generate(Tensor::zeros([2, 16], &device), &());
///     assert_eq!(series.dims(), [2, 1, time]);
/// }
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeriesGeneratorConfig {
    /// Components of a latent.
    pub latent: usize,
    /// Channels of a series.
    pub channels: usize,
    /// Moments of a series, at least 8.
    pub time: usize,
    /// Channels of the network at the full length, doubled at each length below up to 16 times; 32 by
    /// default.
    pub width: usize,
    /// Moments that a kernel reaches over, at least 4; 9 by default. WaveGAN has 25.
    pub kernel: usize,
    /// Whether hidden layers have a batch norm; true by default.
    pub batch_norm: bool,
    /// The activation of the output; tanh by default, for values scaled to [−1, 1].
    pub output: Activation,
}
}

impl SeriesGeneratorConfig {
    /// A generator of series of `[channels, time]`.
    pub fn new(latent: usize, [channels, time]: [usize; 2]) -> Self {
        Self {
            latent,
            channels,
            time,
            width: 32,
            kernel: 9,
            batch_norm: true,
            output: Activation::Tanh,
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

    /// Whether hidden layers have a batch norm.
    pub fn with_batch_norm(mut self, batch_norm: bool) -> Self {
        self.batch_norm = batch_norm;
        self
    }

    /// The activation of the output.
    pub fn with_output(mut self, output: Activation) -> Self {
        self.output = output;
        self
    }

    fn checked(&self) -> Result<Pyramid> {
        sizes::size("latent", self.latent)?;
        let sizes = Sizes {
            channels: self.channels,
            time: self.time,
            width: self.width,
            kernel: self.kernel,
        };
        sizes.check(self.latent)
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// If a size is 0 or too large, `time` is below 8 or `kernel` below 4.
    pub fn validate(&self) -> Result<()> {
        self.checked().map(|_| ())
    }

    /// Makes the generator.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn init<B: Backend>(&self, device: &B::Device) -> Result<SeriesGenerator<B>> {
        let pyramid = self.checked()?;
        let widths = pyramid.widths(self.width);
        let last = widths.len() - 1;
        let norm = |width: usize| {
            self.batch_norm
                .then(|| BatchNormConfig::new(width).init(device))
        };
        let blocks = (0..last).rev().map(|stage| {
            let (stride, [out, inputs]) =
                (pyramid.strides[stage], [widths[stage], widths[stage + 1]]);
            // What is cut off and added makes the output `stride` times as long.
            let cut = (self.kernel - stride).div_ceil(2);
            let terms = (inputs * self.kernel) as f64 / stride as f64;
            UpBlock {
                conv: ConvTranspose1dConfig::new([inputs, out], self.kernel)
                    .with_stride(stride)
                    .with_padding(cut)
                    .with_padding_out(2 * cut + stride - self.kernel)
                    // A norm after it has a bias of its own.
                    .with_bias(!self.batch_norm)
                    .with_initializer(keeping_size(terms))
                    .init(device),
                norm: norm(out),
            }
        });
        let blocks = blocks.collect();
        let base = [widths[last], pyramid.base];
        Ok(SeriesGenerator {
            project: LinearConfig::new(self.latent, base[0] * base[1])
                .with_bias(!self.batch_norm)
                .with_initializer(keeping_size(self.latent as f64))
                .init(device),
            norm: norm(base[0]),
            blocks,
            head: Conv1dConfig::new([widths[0], self.channels], self.kernel)
                .with_padding(PaddingConfig1d::Same)
                .init(device),
            base,
            // The same is cut at both ends, where convolutions see zeros.
            begin: (pyramid.made() - self.time) / 2,
            time: self.time,
            output: self.output,
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
    ) -> Result<Conditional<B, LabelEmbedding<B>, SeriesGenerator<B>>> {
        self.validate()?;
        let wider = Self {
            latent: self.latent + FEATURES,
            ..self.clone()
        };
        let embedding = LabelEmbedding::new(classes, FEATURES, device)?;
        Ok(Conditional::new(embedding, wider.init(device)?))
    }
}

#[derive(Module, Debug)]
struct UpBlock<B: Backend> {
    conv: ConvTranspose1d<B>,
    norm: Option<BatchNorm<B>>,
}

/// A generator of transposed convolutions over time: latents `[batch, latent]`, series
/// `[batch, channels, time]`.
///
/// ```text
/// x = relu(norm(W·z))                       [width·2^stages, base]
/// x ← relu(norm(convᵀ(x)))                  2 or 4 times as long, half the channels, until x is long enough
/// series = tanh(conv(x))                    cut at both ends to `time`
/// ```
///
/// It makes the next length that its strides reach and cuts: any length from 8 will do. The form is
/// WaveGAN's (Donahue, McAuley, Puckette 2018, arXiv:1802.04208), for windows of tens of moments as well: a
/// last convolution without a stride smooths what strides repeat, and batch norms can be left out, as
/// there.
#[derive(Module, Debug)]
pub struct SeriesGenerator<B: Backend> {
    project: Linear<B>,
    norm: Option<BatchNorm<B>>,
    blocks: Vec<UpBlock<B>>,
    head: Conv1d<B>,
    base: [usize; 2],
    begin: usize,
    time: usize,
    output: Activation,
}

impl<B: Backend> Generator<B> for SeriesGenerator<B> {
    type Sample = Tensor<B, 3>;
    type Condition = ();

    fn generate(&self, latent: Tensor<B, 2>, _condition: &()) -> Tensor<B, 3> {
        let batch = latent.dims()[0];
        let [channels, time] = self.base;
        let relu = Activation::Relu;
        let x = match &self.norm {
            None => self.project.forward_activated(latent, relu),
            Some(_) => self.project.forward(latent),
        };
        let long: Tensor<B, 3> = x.reshape([batch, channels, time]);
        let long = channels_last(long);
        let mut series = match &self.norm {
            None => long,
            Some(norm) => norm.forward_activated(long, relu),
        };
        for block in &self.blocks {
            series = match &block.norm {
                None => block.conv.forward_activated(series, relu),
                Some(norm) => norm.forward_activated(block.conv.forward(series), relu),
            };
        }
        let series = self.head.forward_activated(series, self.output);
        series.narrow(2, self.begin, self.time)
    }

    fn output_range(&self) -> Option<(f64, f64)> {
        range_of(self.output)
    }
}
