//! The transposed convolution.

use burn::module::{Content, DisplaySettings, Initializer, Module, ModuleDisplay, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::{Activation, LinearConfig, convolution};
use crate::error::Result;
use crate::settings::settings;

settings! {
/// Settings of a [`ConvTranspose2d`] layer.
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::nn::ConvTranspose2dConfig;
///
/// let device = Default::default();
/// let doubling = ConvTranspose2dConfig::new([8, 3], [4, 4])
///     .with_stride([2, 2])
///     .with_padding([1, 1])
///     .init::<Flex>(&device);
/// assert_eq!(doubling.forward(Tensor::ones([5, 8, 16, 16], &device)).dims(), [5, 3, 32, 32]);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConvTranspose2dConfig {
    /// Channels of the input and of the output.
    pub channels: [usize; 2],
    /// Height and width of the kernel.
    pub kernel_size: [usize; 2],
    /// The distance that neighbours of the input have in the output; 1 by default.
    pub stride: [usize; 2],
    /// The distance between the kernel's elements; 1 by default.
    pub dilation: [usize; 2],
    /// Into how many groups the channels fall that have nothing to do with each other; 1 by
    /// default.
    pub groups: usize,
    /// Rows and columns cut off each side of the output; 0 by default.
    pub padding: [usize; 2],
    /// Rows and columns added below and to the right of the output; 0 by default.
    pub padding_out: [usize; 2],
    /// Whether a bias is added; true by default.
    pub bias: bool,
    /// How weight and bias are drawn; U(±1/√fan_in) by default, as in PyTorch, which counts the
    /// output's channels here.
    #[serde(deserialize_with = "crate::settings::foreign")]
    pub initializer: Initializer,
}
}

impl ConvTranspose2dConfig {
    /// A transposed convolution from `channels[0]` to `channels[1]` channels, with bias.
    pub fn new(channels: [usize; 2], kernel_size: [usize; 2]) -> Self {
        Self {
            channels,
            kernel_size,
            stride: [1, 1],
            dilation: [1, 1],
            groups: 1,
            padding: [0, 0],
            padding_out: [0, 0],
            bias: true,
            initializer: LinearConfig::new(1, 1).initializer,
        }
    }

    /// The distance that neighbours of the input have in the output.
    pub fn with_stride(mut self, stride: [usize; 2]) -> Self {
        self.stride = stride;
        self
    }

    /// The distance between the kernel's elements.
    pub fn with_dilation(mut self, dilation: [usize; 2]) -> Self {
        self.dilation = dilation;
        self
    }

    /// Into how many groups the channels fall.
    pub fn with_groups(mut self, groups: usize) -> Self {
        self.groups = groups;
        self
    }

    /// Rows and columns cut off each side of the output.
    pub fn with_padding(mut self, padding: [usize; 2]) -> Self {
        self.padding = padding;
        self
    }

    /// Rows and columns added below and to the right of the output.
    pub fn with_padding_out(mut self, padding_out: [usize; 2]) -> Self {
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
            self.kernel_size,
            self.stride,
            self.dilation,
            self.groups,
        )
    }

    /// Makes the layer; its weights are drawn at first use.
    ///
    /// # Panics
    /// If the settings are not [valid](Self::validate).
    pub fn init<B: Backend>(&self, device: &B::Device) -> ConvTranspose2d<B> {
        if let Err(error) = self.validate() {
            panic!("{error}");
        }
        let [inputs, outputs] = self.channels;
        let [height, width] = self.kernel_size;
        let outputs_in_group = outputs / self.groups;
        let fan_in = Some(outputs_in_group * height * width);
        ConvTranspose2d {
            weight: self.initializer.init_with(
                [inputs, outputs_in_group, height, width],
                fan_in,
                None,
                device,
            ),
            bias: self
                .bias
                .then(|| self.initializer.init_with([outputs], fan_in, None, device)),
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

/// A transposed convolution, `[batch, channels_in, height, width]` to
/// `[batch, channels_out, height, width]`: the gradient of a convolution with respect to its
/// input, which goes the other way.
///
/// ```text
/// y[n, o, stride·i + k − padding, stride·j + l − padding] += w[c, o, k, l] · x[n, c, i, j],  then + b[o]
/// height_out = stride·(height − 1) + dilation·(kernel − 1) + 1 − 2·padding + padding_out
/// ```
///
/// The mathematics, the parameters' names and their layout, `weight`
/// `[channels_in, channels_out/groups, height, width]` and `bias` `[channels_out]`, are those of
/// burn's layer of this name and of PyTorch's. On which kernels it runs and how its output lies is
/// as for [`Conv2d`](super::Conv2d).
#[derive(Module, Debug)]
#[module(custom_display)]
pub struct ConvTranspose2d<B: Backend> {
    weight: Param<Tensor<B, 4>>,
    bias: Option<Param<Tensor<B, 1>>>,
    stride: [usize; 2],
    kernel_size: [usize; 2],
    dilation: [usize; 2],
    groups: usize,
    padding: [usize; 2],
    padding_out: [usize; 2],
    channels: [usize; 2],
}

impl<B: Backend> ConvTranspose2d<B> {
    /// Applies the layer.
    ///
    /// # Shapes
    /// - input: `[batch, channels_in, height, width]`
    /// - output: `[batch, channels_out, height, width]`
    ///
    /// # Panics
    /// If the input has other channels, or the padding cuts off the whole output.
    pub fn forward(&self, input: Tensor<B, 4>) -> Tensor<B, 4> {
        self.forward_activated(input, Activation::Identity)
    }

    /// Applies the layer, then an activation, in one operation where there is a kernel for it.
    ///
    /// # Panics
    /// As [`forward`](Self::forward).
    pub fn forward_activated(&self, input: Tensor<B, 4>, activation: Activation) -> Tensor<B, 4> {
        self.forward_with(input, self.weight.val(), activation)
    }

    pub(super) fn weight(&self) -> &Param<Tensor<B, 4>> {
        &self.weight
    }

    /// Applies the layer with another weight in the place of its own.
    pub(super) fn forward_with(
        &self,
        input: Tensor<B, 4>,
        weight: Tensor<B, 4>,
        activation: Activation,
    ) -> Tensor<B, 4> {
        let bias = self.bias.as_ref().map(Param::val);
        self.forward_with_both(input, weight, bias, activation)
    }

    /// Applies the layer with another weight and another bias in the place of its own.
    pub(super) fn forward_with_both(
        &self,
        input: Tensor<B, 4>,
        weight: Tensor<B, 4>,
        bias: Option<Tensor<B, 1>>,
        activation: Activation,
    ) -> Tensor<B, 4> {
        assert_eq!(
            input.dims()[1],
            weight.dims()[0],
            "a transposed convolution of weight {:?} can't take an input of shape {:?}",
            weight.dims(),
            input.dims()
        );
        let sizes = convolution::Sizes {
            stride: self.stride,
            padding: [self.padding, self.padding_out],
            dilation: self.dilation,
            groups: self.groups,
        };
        convolution::convolve_transposed(input, weight, bias, activation, sizes)
    }
}

impl<B: Backend> ModuleDisplay for ConvTranspose2d<B> {
    fn custom_settings(&self) -> Option<DisplaySettings> {
        DisplaySettings::new()
            .with_new_line_after_attribute(false)
            .optional()
    }

    fn custom_content(&self, content: Content) -> Option<Content> {
        content
            .add("channels", &format!("{:?}", self.channels))
            .add("kernel_size", &format!("{:?}", self.kernel_size))
            .add("stride", &format!("{:?}", self.stride))
            .add("dilation", &format!("{:?}", self.dilation))
            .add("groups", &self.groups)
            .add("padding", &format!("{:?}", self.padding))
            .add("padding_out", &format!("{:?}", self.padding_out))
            .optional()
    }
}
