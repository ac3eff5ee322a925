//! The convolution over time.

use burn::module::{Content, DisplaySettings, Initializer, Module, ModuleDisplay, Param};
use burn::nn::PaddingConfig1d;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::one_row::{as_kernel, as_row, as_series};
use super::{Activation, LinearConfig, convolution};
use crate::error::Result;
use crate::settings::settings;

settings! {
/// Settings of a [`Conv1d`] layer.
///
/// ```
/// use burn_gan::burn::{backend::Flex, nn::PaddingConfig1d, tensor::Tensor};
/// use burn_gan::nn::Conv1dConfig;
///
/// let device = Default::default();
/// let quartering = Conv1dConfig::new([3, 8], 25)
///     .with_stride(4)
///     .with_padding(PaddingConfig1d::Explicit(11, 11))
///     .init::<Flex>(&device);
/// assert_eq!(quartering.forward(Tensor::ones([5, 3, 64], &device)).dims(), [5, 8, 16]);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Conv1dConfig {
    /// Channels of the input and of the output.
    pub channels: [usize; 2],
    /// Length of the kernel.
    pub kernel_size: usize,
    /// The kernel's step; 1 by default.
    pub stride: usize,
    /// The distance between the kernel's elements; 1 by default.
    pub dilation: usize,
    /// Into how many groups the channels fall that have nothing to do with each other; 1 by
    /// default.
    pub groups: usize,
    /// Zeros before and after the input; none by default.
    #[serde(deserialize_with = "crate::settings::foreign")]
    pub padding: PaddingConfig1d,
    /// Whether a bias is added; true by default.
    pub bias: bool,
    /// How weight and bias are drawn; U(±1/√fan_in) by default, as in PyTorch.
    #[serde(deserialize_with = "crate::settings::foreign")]
    pub initializer: Initializer,
}
}

impl Conv1dConfig {
    /// A convolution from `channels[0]` to `channels[1]` channels, with bias.
    pub fn new(channels: [usize; 2], kernel_size: usize) -> Self {
        Self {
            channels,
            kernel_size,
            stride: 1,
            dilation: 1,
            groups: 1,
            padding: PaddingConfig1d::Valid,
            bias: true,
            initializer: LinearConfig::new(1, 1).initializer,
        }
    }

    /// The kernel's step.
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

    /// Zeros before and after the input.
    pub fn with_padding(mut self, padding: PaddingConfig1d) -> Self {
        self.padding = padding;
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
    pub fn init<B: Backend>(&self, device: &B::Device) -> Conv1d<B> {
        if let Err(error) = self.validate() {
            panic!("{error}");
        }
        let [inputs, outputs] = self.channels;
        let inputs = inputs / self.groups;
        let fan_in = Some(inputs * self.kernel_size);
        let fan_out = Some(outputs / self.groups * self.kernel_size);
        let draw = &self.initializer;
        let shape = [outputs, inputs, self.kernel_size];
        Conv1d {
            weight: draw.init_with(shape, fan_in, fan_out, device),
            bias: self
                .bias
                .then(|| draw.init_with([outputs], fan_in, fan_out, device)),
            stride: self.stride,
            kernel_size: self.kernel_size,
            dilation: self.dilation,
            groups: self.groups,
            padding: self.padding.clone(),
        }
    }
}

/// A convolution over time, `[batch, channels_in, time]` to `[batch, channels_out, time]`.
///
/// ```text
/// y[n, o, i] = b[o] + Σ_{c, k} w[o, c, k] · x[n, c, stride·i + k − padding]
/// ```
///
/// The mathematics, the parameters' names and their layout, `weight`
/// `[channels_out, channels_in/groups, kernel]` and `bias` `[channels_out]`, are those of burn's layer of
/// this name and of PyTorch's. It is computed as [`Conv2d`](super::Conv2d) of a height of 1, on the same
/// kernels; how its output lies in memory is as there.
#[derive(Module, Debug)]
#[module(custom_display)]
pub struct Conv1d<B: Backend> {
    weight: Param<Tensor<B, 3>>,
    bias: Option<Param<Tensor<B, 1>>>,
    stride: usize,
    kernel_size: usize,
    dilation: usize,
    groups: usize,
    padding: PaddingConfig1d,
}

impl<B: Backend> Conv1d<B> {
    /// Applies the layer.
    ///
    /// # Shapes
    /// - input: `[batch, channels_in, time]`
    /// - output: `[batch, channels_out, time]`
    ///
    /// # Panics
    /// If the input has other channels, or is shorter than the kernel.
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
        let [_, channels, time] = input.dims();
        assert_eq!(
            channels,
            weight.dims()[1] * self.groups,
            "a convolution of weight {:?} and {} groups can't take an input of shape {:?}",
            weight.dims(),
            self.groups,
            input.dims()
        );
        let [before, after] = match self.padding {
            PaddingConfig1d::Valid => [0, 0],
            PaddingConfig1d::Explicit(before, after) => [before, after],
            PaddingConfig1d::Same => convolution::same(time, self.stride, self.kernel_size),
        };
        let sizes = convolution::Sizes {
            stride: [1, self.stride],
            padding: [[0, before], [0, after]],
            dilation: [1, self.dilation],
            groups: self.groups,
        };
        let bias = self.bias.as_ref().map(Param::val);
        let (row, kernel) = (as_row(input), as_kernel(weight));
        as_series(convolution::convolve(row, kernel, bias, activation, sizes))
    }
}

impl<B: Backend> ModuleDisplay for Conv1d<B> {
    fn custom_settings(&self) -> Option<DisplaySettings> {
        DisplaySettings::new()
            .with_new_line_after_attribute(false)
            .optional()
    }

    fn custom_content(&self, content: Content) -> Option<Content> {
        let [outputs, inputs, _] = self.weight.shape().dims();
        content
            .add(
                "channels",
                &format!("{:?}", [inputs * self.groups, outputs]),
            )
            .add("kernel_size", &self.kernel_size)
            .add("stride", &self.stride)
            .add("dilation", &self.dilation)
            .add("groups", &self.groups)
            .add("padding", &format!("{:?}", self.padding))
            .optional()
    }
}
