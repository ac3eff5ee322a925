//! The convolution.

use burn::module::{Content, DisplaySettings, Initializer, Module, ModuleDisplay, Param};
use burn::nn::PaddingConfig2d;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::{Activation, LinearConfig, convolution};
use crate::error::Result;
use crate::settings::settings;

settings! {
/// Settings of a [`Conv2d`] layer.
///
/// ```
/// use burn_gan::burn::{backend::Flex, nn::PaddingConfig2d, tensor::Tensor};
/// use burn_gan::nn::Conv2dConfig;
///
/// let device = Default::default();
/// let halving = Conv2dConfig::new([3, 8], [4, 4])
///     .with_stride([2, 2])
///     .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
///     .init::<Flex>(&device);
/// assert_eq!(halving.forward(Tensor::ones([5, 3, 32, 32], &device)).dims(), [5, 8, 16, 16]);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Conv2dConfig {
    /// Channels of the input and of the output.
    pub channels: [usize; 2],
    /// Height and width of the kernel.
    pub kernel_size: [usize; 2],
    /// The kernel's step in height and width; 1 by default.
    pub stride: [usize; 2],
    /// The distance between the kernel's elements; 1 by default.
    pub dilation: [usize; 2],
    /// Into how many groups the channels fall that have nothing to do with each other; 1 by
    /// default.
    pub groups: usize,
    /// Zeros around the input; none by default.
    #[serde(deserialize_with = "crate::settings::foreign")]
    pub padding: PaddingConfig2d,
    /// Whether a bias is added; true by default.
    pub bias: bool,
    /// How weight and bias are drawn; U(±1/√fan_in) by default, as in PyTorch.
    #[serde(deserialize_with = "crate::settings::foreign")]
    pub initializer: Initializer,
    /// How the bias is drawn, where not as the weight.
    #[serde(default, deserialize_with = "crate::settings::foreign")]
    pub bias_initializer: Option<Initializer>,
}
}

impl Conv2dConfig {
    /// A convolution from `channels[0]` to `channels[1]` channels, with bias.
    pub fn new(channels: [usize; 2], kernel_size: [usize; 2]) -> Self {
        Self {
            channels,
            kernel_size,
            stride: [1, 1],
            dilation: [1, 1],
            groups: 1,
            padding: PaddingConfig2d::Valid,
            bias: true,
            initializer: LinearConfig::new(1, 1).initializer,
            bias_initializer: None,
        }
    }

    /// The kernel's step in height and width.
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

    /// Zeros around the input.
    pub fn with_padding(mut self, padding: PaddingConfig2d) -> Self {
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

    /// How the bias is drawn, where not as the weight.
    pub fn with_bias_initializer(mut self, initializer: Initializer) -> Self {
        self.bias_initializer = Some(initializer);
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
    pub fn init<B: Backend>(&self, device: &B::Device) -> Conv2d<B> {
        if let Err(error) = self.validate() {
            panic!("{error}");
        }
        let [inputs, outputs] = self.channels;
        let [height, width] = self.kernel_size;
        let inputs = inputs / self.groups;
        let fan_in = Some(inputs * height * width);
        let fan_out = Some(outputs / self.groups * height * width);
        Conv2d {
            weight: self.initializer.init_with(
                [outputs, inputs, height, width],
                fan_in,
                fan_out,
                device,
            ),
            bias: self.bias.then(|| {
                self.bias_initializer
                    .as_ref()
                    .unwrap_or(&self.initializer)
                    .init_with([outputs], fan_in, fan_out, device)
            }),
            stride: self.stride,
            kernel_size: self.kernel_size,
            dilation: self.dilation,
            groups: self.groups,
            padding: self.padding.clone(),
        }
    }
}

/// A convolution, `[batch, channels_in, height, width]` to
/// `[batch, channels_out, height, width]`.
///
/// ```text
/// y[n, o, i, j] = b[o] + Σ_{c, k, l} w[o, c, k, l] · x[n, c, stride·i + k − padding, stride·j + l − padding]
/// ```
///
/// The mathematics, the parameters' names and their layout, `weight`
/// `[channels_out, channels_in/groups, height, width]` and `bias` `[channels_out]`, are those of
/// burn's layer of this name and of PyTorch's, and so records are exchangeable. On the CPU backend
/// Flex it runs on this crate's own kernels where the dilation is 1, in a penalty's second order as
/// well; elsewhere on burn's operations.
///
/// The output lies in memory as the input does; see [`channels_last`](super::channels_last()).
#[derive(Module, Debug)]
#[module(custom_display)]
pub struct Conv2d<B: Backend> {
    weight: Param<Tensor<B, 4>>,
    bias: Option<Param<Tensor<B, 1>>>,
    stride: [usize; 2],
    kernel_size: [usize; 2],
    dilation: [usize; 2],
    groups: usize,
    padding: PaddingConfig2d,
}

impl<B: Backend> Conv2d<B> {
    /// A layer of these weights, which takes no gradient.
    pub(crate) fn of(
        weight: Tensor<B, 4>,
        bias: Tensor<B, 1>,
        stride: [usize; 2],
        padding: PaddingConfig2d,
    ) -> Self {
        let [_, _, height, width] = weight.dims();
        Self {
            weight: Param::from_tensor(weight).set_require_grad(false),
            bias: Some(Param::from_tensor(bias).set_require_grad(false)),
            stride,
            kernel_size: [height, width],
            dilation: [1, 1],
            groups: 1,
            padding,
        }
    }

    /// Applies the layer.
    ///
    /// # Shapes
    /// - input: `[batch, channels_in, height, width]`
    /// - output: `[batch, channels_out, height, width]`
    ///
    /// # Panics
    /// If the input has other channels, or is smaller than the kernel.
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

    pub(super) fn bias(&self) -> Option<&Param<Tensor<B, 1>>> {
        self.bias.as_ref()
    }

    /// The layer with another bias.
    pub(super) fn with_bias(mut self, bias: Option<Param<Tensor<B, 1>>>) -> Self {
        self.bias = bias;
        self
    }

    /// The zeros above and to the left, and those below and to the right.
    fn zeros(&self, size: [usize; 2]) -> [[usize; 2]; 2] {
        match self.padding {
            PaddingConfig2d::Valid => [[0, 0], [0, 0]],
            PaddingConfig2d::Explicit(top, left, bottom, right) => [[top, left], [bottom, right]],
            PaddingConfig2d::Same => {
                let mut zeros = [[0, 0], [0, 0]];
                for axis in 0..2 {
                    let (stride, kernel) = (self.stride[axis], self.kernel_size[axis]);
                    let [before, after] = convolution::same(size[axis], stride, kernel);
                    (zeros[0][axis], zeros[1][axis]) = (before, after);
                }
                zeros
            }
        }
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
        let [_, channels, height, width] = input.dims();
        assert_eq!(
            channels,
            weight.dims()[1] * self.groups,
            "a convolution of weight {:?} and {} groups can't take an input of shape {:?}",
            weight.dims(),
            self.groups,
            input.dims()
        );
        let sizes = convolution::Sizes {
            stride: self.stride,
            padding: self.zeros([height, width]),
            dilation: self.dilation,
            groups: self.groups,
        };
        convolution::convolve(input, weight, bias, activation, sizes)
    }
}

impl<B: Backend> ModuleDisplay for Conv2d<B> {
    fn custom_settings(&self) -> Option<DisplaySettings> {
        DisplaySettings::new()
            .with_new_line_after_attribute(false)
            .optional()
    }

    fn custom_content(&self, content: Content) -> Option<Content> {
        let [outputs, inputs, _, _] = self.weight.shape().dims();
        content
            .add(
                "channels",
                &format!("{:?}", [inputs * self.groups, outputs]),
            )
            .add("kernel_size", &format!("{:?}", self.kernel_size))
            .add("stride", &format!("{:?}", self.stride))
            .add("dilation", &format!("{:?}", self.dilation))
            .add("groups", &self.groups)
            .add_debug_attribute("padding", &self.padding)
            .optional()
    }
}
