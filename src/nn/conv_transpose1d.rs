//! The transposed convolution over time.

use burn::module::{Content, DisplaySettings, Initializer, Module, ModuleDisplay, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::one_row::{as_kernel, as_row, as_series};
use super::{Activation, LinearConfig, convolution};
use crate::error::Result;
use crate::settings::settings;

settings! {
/// Settings of a [`ConvTranspose1d`] layer.
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::nn::ConvTranspose1dConfig;
///
/// let device = Default::default();
/// let quadrupling = ConvTranspose1dConfig::new([8, 3], 25)
///     .with_stride(4)
///     .with_padding(11)
///     .with_padding_out(1)
///     .init::<Flex>(&device);
/// assert_eq!(quadrupling.forward(Tensor::ones([5, 8, 16], &device)).dims(), [5, 3, 64]);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConvTranspose1dConfig {
    /// Channels of the input and of the output.
    pub channels: [usize; 2],
    /// Length of the kernel.
    pub kernel_size: usize,
    /// The distance that neighbours of the input have in the output; 1 by default.
    pub stride: usize,
    /// The distance between the kernel's elements; 1 by default.
    pub dilation: usize,
    /// Into how many groups the channels fall that have nothing to do with each other; 1 by
    /// default.
    pub groups: usize,
    /// Places cut off each end of the output; 0 by default.
    pub padding: usize,
    /// Places added at the end of the output; 0 by default.
    pub padding_out: usize,
    /// Whether a bias is added; true by default.
    pub bias: bool,
    /// How weight and bias are drawn; U(±1/√fan_in) by default, as in PyTorch, which counts the
    /// output's channels here.
    #[serde(deserialize_with = "crate::settings::foreign")]
    pub initializer: Initializer,
}
}

impl ConvTranspose1dConfig {
    /// A transposed convolution from `channels[0]` to `channels[1]` channels, with bias.
    pub fn new(channels: [usize; 2], kernel_size: usize) -> Self {
        Self {
            channels,
            kernel_size,
            stride: 1,
            dilation: 1,
            groups: 1,
            padding: 0,
            padding_out: 0,
            bias: true,
            initializer: LinearConfig::new(1, 1).initializer,
        }
    }

    /// The distance that neighbours of the input have in the output.
    pub fn with_stride(mut self, stride: usize) -> Self {
        self.stride = stride;
        self
    }

    /// The distance between the kernel's elements.
    pub fn with_dilation(mut self, dilation: usize) -> Self {
        self.dilation = dilation;
        self
    }

    /// Into how many groups the channels fall.
    pub fn with_groups(mut self, groups: usize) -> Self {
        self.groups = groups;
        self
    }

    /// Places cut off each end of the output.
    pub fn with_padding(mut self, padding: usize) -> Self {
        self.padding = padding;
        self
    }

    /// Places added at the end of the output.
    pub fn with_padding_out(mut self, padding_out: usize) -> Self {
        self.padding_out = padding_out;
        self
    }

    /// Whether a bias is added.
    pub fn with_bias(mut self, bias: bool) -> Self {
        self.bias = bias;
        self
    }

    /// How weight and bias are drawn.
    pub fn with_initializer(mut self, initializer: Initializer) -> Self {
        self.initializer = initializer;
        self
    }

    /// Checks the sizes.
    ///
    /// # Errors
    /// If a size is 0 or above 2²⁴, the groups do not divide the channels, or there are more than
    /// 2²⁸ weights.
    pub fn validate(&self) -> Result<()> {
        convolution::check(
            self.channels,
            [1, self.kernel_size],
            [1, self.stride],
            [1, self.dilation],
            self.groups,
        )
    }

    /// Makes the layer; its weights are drawn at first use.
    ///
    /// # Panics
    /// If the settings are not [valid](Self::validate).
    pub fn init<B: Backend>(&self, device: &B::Device) -> ConvTranspose1d<B> {
        if let Err(error) = self.validate() {
            panic!("{error}");
        }
        let [inputs, outputs] = self.channels;
        let outputs_in_group = outputs / self.groups;
        let fan_in = Some(outputs_in_group * self.kernel_size);
        let draw = &self.initializer;
        let shape = [inputs, outputs_in_group, self.kernel_size];
        ConvTranspose1d {
            weight: draw.init_with(shape, fan_in, None, device),
            bias: self
                .bias
                .then(|| draw.init_with([outputs], fan_in, None, device)),
            stride: self.stride,
            kernel_size: self.kernel_size,
            dilation: self.dilation,
            groups: self.groups,
            padding: self.padding,
            padding_out: self.padding_out,
            channels: self.channels,
        }
    }
}

/// A transposed convolution over time, `[batch, channels_in, time]` to `[batch, channels_out, time]`: the
/// gradient of a convolution with respect to its input, which goes the other way.
///
/// ```text
/// y[n, o, stride·i + k − padding] += w[c, o, k] · x[n, c, i],  then + b[o]
/// time_out = stride·(time − 1) + dilation·(kernel − 1) + 1 − 2·padding + padding_out
/// ```
///
/// The mathematics, the parameters' names and their layout, `weight`
/// `[channels_in, channels_out/groups, kernel]` and `bias` `[channels_out]`, are those of burn's layer of
/// this name and of PyTorch's. On which kernels it runs and how its output lies is as for
/// [`Conv1d`](super::Conv1d).
#[derive(Module, Debug)]
#[module(custom_display)]
pub struct ConvTranspose1d<B: Backend> {
    weight: Param<Tensor<B, 3>>,
    bias: Option<Param<Tensor<B, 1>>>,
    stride: usize,
    kernel_size: usize,
    dilation: usize,
    groups: usize,
    padding: usize,
    padding_out: usize,
    channels: [usize; 2],
}

impl<B: Backend> ConvTranspose1d<B> {
    /// Applies the layer.
    ///
    /// # Shapes
    /// - input: `[batch, channels_in, time]`
    /// - output: `[batch, channels_out, time]`
    ///
    /// # Panics
    /// If the input has other channels, or the padding cuts off the whole output.
    pub fn forward(&self, input: Tensor<B, 3>) -> Tensor<B, 3> {
        self.forward_activated(input, Activation::Identity)
    }

    /// Applies the layer, then an activation, in one operation where there is a kernel for it.
    ///
    /// # Panics
    /// As [`forward`](Self::forward).
    pub fn forward_activated(&self, input: Tensor<B, 3>, activation: Activation) -> Tensor<B, 3> {
        self.forward_with(input, self.weight.val(), activation)
    }

    pub(super) fn weight(&self) -> &Param<Tensor<B, 3>> {
        &self.weight
    }

    /// Applies the layer with another weight in the place of its own.
    pub(super) fn forward_with(
        &self,
        input: Tensor<B, 3>,
        weight: Tensor<B, 3>,
        activation: Activation,
    ) -> Tensor<B, 3> {
        assert_eq!(
            input.dims()[1],
            weight.dims()[0],
            "a transposed convolution of weight {:?} can't take an input of shape {:?}",
            weight.dims(),
            input.dims()
        );
        let sizes = convolution::Sizes {
            stride: [1, self.stride],
            padding: [[0, self.padding], [0, self.padding_out]],
            dilation: [1, self.dilation],
            groups: self.groups,
        };
        let bias = self.bias.as_ref().map(Param::val);
        let (row, kernel) = (as_row(input), as_kernel(weight));
        as_series(convolution::convolve_transposed(
            row, kernel, bias, activation, sizes,
        ))
    }
}

impl<B: Backend> ModuleDisplay for ConvTranspose1d<B> {
    fn custom_settings(&self) -> Option<DisplaySettings> {
        DisplaySettings::new()
            .with_new_line_after_attribute(false)
            .optional()
    }

    fn custom_content(&self, content: Content) -> Option<Content> {
        content
            .add("channels", &format!("{:?}", self.channels))
            .add("kernel_size", &self.kernel_size)
            .add("stride", &self.stride)
            .add("dilation", &self.dilation)
            .add("groups", &self.groups)
            .add("padding", &self.padding)
            .add("padding_out", &self.padding_out)
            .optional()
    }
}
