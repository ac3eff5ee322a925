//! Layers whose weights all learn at the same rate.

use burn::module::{Initializer, Module, Param};
use burn::nn::PaddingConfig2d;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::{Activation, Conv2d, Conv2dConfig, Linear, LinearConfig};
use crate::error::{Error, Result, check};
use crate::settings::settings;

/// What weights and biases are multiplied by in use.
#[derive(Module, Debug, Clone, Copy)]
struct Scales {
    weight: f64,
    bias: f64,
}

/// The scales, and the distributions that weights and biases are drawn from.
fn scales(fan_in: usize, lr_multiplier: f64, gain: f64) -> Scales {
    Scales {
        weight: gain * lr_multiplier / (fan_in as f64).sqrt(),
        bias: gain * lr_multiplier,
    }
}

fn check_numbers(lr_multiplier: f64, gain: f64) -> Result<()> {
    check::positive("lr_multiplier", lr_multiplier)?;
    check::positive("gain", gain)
}

/// N(0, 1/λ²).
fn weights(lr_multiplier: f64) -> Initializer {
    Initializer::Normal {
        mean: 0.0,
        std: 1.0 / lr_multiplier,
    }
}

fn scaled_bias<B: Backend>(bias: Option<&Param<Tensor<B, 1>>>, scale: f64) -> Option<Tensor<B, 1>> {
    let bias = bias?.val();
    Some(match scale {
        1.0 => bias,
        _ => bias.mul_scalar(scale),
    })
}

settings! {
/// Settings of an [`EqualizedLinear`] layer.
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::nn::EqualizedLinearConfig;
///
/// let device = Default::default();
/// let layer = EqualizedLinearConfig::new(4, 2).with_lr_multiplier(0.01).init::<Flex>(&device);
/// assert_eq!(layer.forward(Tensor::<Flex, 2>::ones([5, 4], &device)).dims(), [5, 2]);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EqualizedLinearConfig {
    /// Size of the input features.
    pub d_input: usize,
    /// Size of the output features.
    pub d_output: usize,
    /// Whether a bias is added; true by default.
    pub bias: bool,
    /// What the bias in use begins as; 0 by default.
    pub initial_bias: f64,
    /// How fast the layer learns beside others, λ; 1 by default.
    pub lr_multiplier: f64,
    /// What the output is multiplied by before the activation, g; 1 by default. For a leaky ReLU it
    /// makes no difference whether that is done before or after.
    pub gain: f64,
}
}

impl EqualizedLinearConfig {
    /// A layer from `d_input` to `d_output` features, with bias.
    pub fn new(d_input: usize, d_output: usize) -> Self {
        Self {
            d_input,
            d_output,
            bias: true,
            initial_bias: 0.0,
            lr_multiplier: 1.0,
            gain: 1.0,
        }
    }

    /// Whether a bias is added.
    pub fn with_bias(mut self, bias: bool) -> Self {
        self.bias = bias;
        self
    }

    /// What the bias in use begins as.
    pub fn with_initial_bias(mut self, initial_bias: f64) -> Self {
        self.initial_bias = initial_bias;
        self
    }

    /// How fast the layer learns beside others.
    pub fn with_lr_multiplier(mut self, lr_multiplier: f64) -> Self {
        self.lr_multiplier = lr_multiplier;
        self
    }

    /// What the output is multiplied by before the activation.
    pub fn with_gain(mut self, gain: f64) -> Self {
        self.gain = gain;
        self
    }

    fn plain(&self) -> LinearConfig {
        LinearConfig::new(self.d_input, self.d_output)
            .with_bias(false)
            .with_initializer(weights(self.lr_multiplier))
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// Those of [`LinearConfig::validate`], or if the multiplier or the gain is not a finite number
    /// above 0, or the initial bias is not finite.
    pub fn validate(&self) -> Result<()> {
        check_numbers(self.lr_multiplier, self.gain)?;
        if !self.initial_bias.is_finite() {
            return Err(Error::setting(
                "initial_bias",
                self.initial_bias,
                "must be a finite number",
            ));
        }
        self.plain().validate()
    }

    /// Makes the layer; its weights are drawn at first use.
    ///
    /// # Panics
    /// If the settings are not [valid](Self::validate).
    pub fn init<B: Backend>(&self, device: &B::Device) -> EqualizedLinear<B> {
        if let Err(error) = self.validate() {
            panic!("{error}");
        }
        let value = self.initial_bias / self.lr_multiplier;
        let bias = self
            .bias
            .then(|| Initializer::Constant { value }.init([self.d_output], device));
        EqualizedLinear {
            layer: self.plain().init(device).with_bias(bias),
            scales: scales(self.d_input, self.lr_multiplier, self.gain),
        }
    }
}

/// A linear layer whose weights are drawn from one distribution whatever its size, and scaled in use:
/// `[…, d_input]` to `[…, d_output]`.
///
/// ```text
/// y = f(g·(x·W·λ/√d_input + λ·b)),     W ~ N(0, 1/λ²)
/// ```
///
/// Adam moves every weight by about its learning rate. Here this is the same share of a weight's size
/// in every layer, λ times that of others. Karras, Aila, Laine, Lehtinen 2017, *Progressive growing
/// of GANs*, arXiv:1710.10196, section 4.1; λ: Karras, Laine, Aila 2018, arXiv:1812.04948.
#[derive(Module, Debug)]
pub struct EqualizedLinear<B: Backend> {
    layer: Linear<B>,
    scales: Scales,
}

impl<B: Backend> EqualizedLinear<B> {
    /// Applies the layer, `[…, d_input]` to `[…, d_output]`.
    ///
    /// # Panics
    /// If the rank is below 2, or the last axis is not the layer's input.
    pub fn forward<const R: usize>(&self, input: Tensor<B, R>) -> Tensor<B, R> {
        self.forward_activated(input, Activation::Identity)
    }

    /// Applies the layer, then an activation, in one operation where there is a kernel for it.
    ///
    /// # Panics
    /// As [`forward`](Self::forward).
    pub fn forward_activated<const R: usize>(
        &self,
        input: Tensor<B, R>,
        activation: Activation,
    ) -> Tensor<B, R> {
        let weight = self.layer.weight().val().mul_scalar(self.scales.weight);
        let bias = scaled_bias(self.layer.bias(), self.scales.bias);
        super::linear::affine(input, weight, bias, activation)
    }
}

settings! {
/// Settings of an [`EqualizedConv2d`] layer.
///
/// ```
/// use burn_gan::burn::{backend::Flex, nn::PaddingConfig2d, tensor::Tensor};
/// use burn_gan::nn::EqualizedConv2dConfig;
///
/// let device = Default::default();
/// let layer = EqualizedConv2dConfig::new([3, 8], [3, 3])
///     .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
///     .init::<Flex>(&device);
/// assert_eq!(layer.forward(Tensor::ones([5, 3, 16, 16], &device)).dims(), [5, 8, 16, 16]);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EqualizedConv2dConfig {
    /// Channels of the input and of the output.
    pub channels: [usize; 2],
    /// Height and width of the kernel.
    pub kernel_size: [usize; 2],
    /// The kernel's step in height and width; 1 by default.
    pub stride: [usize; 2],
    /// Into how many groups the channels fall that have nothing to do with each other; 1 by
    /// default.
    pub groups: usize,
    /// Zeros around the input; none by default.
    #[serde(deserialize_with = "crate::settings::foreign")]
    pub padding: PaddingConfig2d,
    /// Whether a bias is added, 0 at first; true by default.
    pub bias: bool,
    /// How fast the layer learns beside others, λ; 1 by default.
    pub lr_multiplier: f64,
    /// What the output is multiplied by before the activation, g; 1 by default. For a leaky ReLU it
    /// makes no difference whether that is done before or after.
    pub gain: f64,
}
}

impl EqualizedConv2dConfig {
    /// A convolution from `channels[0]` to `channels[1]` channels, with bias.
    pub fn new(channels: [usize; 2], kernel_size: [usize; 2]) -> Self {
        Self {
            channels,
            kernel_size,
            stride: [1, 1],
            groups: 1,
            padding: PaddingConfig2d::Valid,
            bias: true,
            lr_multiplier: 1.0,
            gain: 1.0,
        }
    }

    /// The kernel's step in height and width.
    pub fn with_stride(mut self, stride: [usize; 2]) -> Self {
        self.stride = stride;
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

    /// How fast the layer learns beside others.
    pub fn with_lr_multiplier(mut self, lr_multiplier: f64) -> Self {
        self.lr_multiplier = lr_multiplier;
        self
    }

    /// What the output is multiplied by before the activation.
    pub fn with_gain(mut self, gain: f64) -> Self {
        self.gain = gain;
        self
    }

    fn plain(&self) -> Conv2dConfig {
        Conv2dConfig::new(self.channels, self.kernel_size)
            .with_stride(self.stride)
            .with_groups(self.groups)
            .with_padding(self.padding.clone())
            .with_bias(false)
            .with_initializer(weights(self.lr_multiplier))
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// Those of [`Conv2dConfig::validate`], or if the multiplier or the gain is not a finite number
    /// above 0.
    pub fn validate(&self) -> Result<()> {
        check_numbers(self.lr_multiplier, self.gain)?;
        self.plain().validate()
    }

    /// Makes the layer; its weights are drawn at first use.
    ///
    /// # Panics
    /// If the settings are not [valid](Self::validate).
    pub fn init<B: Backend>(&self, device: &B::Device) -> EqualizedConv2d<B> {
        if let Err(error) = self.validate() {
            panic!("{error}");
        }
        let bias = self
            .bias
            .then(|| Initializer::Zeros.init([self.channels[1]], device));
        let fan_in = self.channels[0] / self.groups * self.kernel_size[0] * self.kernel_size[1];
        EqualizedConv2d {
            layer: self.plain().init(device).with_bias(bias),
            scales: scales(fan_in, self.lr_multiplier, self.gain),
        }
    }
}

/// A convolution whose weights are drawn from one distribution whatever its size, and scaled in use.
///
/// ```text
/// y = f(g·(x ∗ W·λ/√fan_in + λ·b)),     W ~ N(0, 1/λ²),     fan_in = channels_in/groups·height·width
/// ```
///
/// For the reason see [`EqualizedLinear`]; shapes, layouts and order in memory are those of
/// [`Conv2d`].
#[derive(Module, Debug)]
pub struct EqualizedConv2d<B: Backend> {
    layer: Conv2d<B>,
    scales: Scales,
}

impl<B: Backend> EqualizedConv2d<B> {
    /// Applies the layer, `[batch, channels_in, height, width]` to
    /// `[batch, channels_out, height, width]`.
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
        let weight = self.layer.weight().val().mul_scalar(self.scales.weight);
        let bias = scaled_bias(self.layer.bias(), self.scales.bias);
        self.layer
            .forward_with_both(input, weight, bias, activation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::initialize;
    use crate::testing::{Cpu, for_each_backend, parameters};

    fn weights_are_drawn_alike_whatever_the_size<B: Backend>() {
        let device = B::Device::default();
        let square =
            |numbers: &[f64]| numbers.iter().map(|w| w * w).sum::<f64>() / numbers.len() as f64;
        let layer = EqualizedLinearConfig::new(50, 80)
            .with_lr_multiplier(0.01)
            .with_initial_bias(1.0)
            .init::<B>(&device);
        initialize(&layer);
        let all = parameters::<B, _>(&layer);
        // A mean of 4,000 squares: its deviation is .022 of it.
        let mean = square(&all[0]) * 1e-4;
        assert!((0.9..1.1).contains(&mean), "{mean}");
        assert!(all[1].iter().all(|b| (*b - 100.0).abs() < 1e-3));
        let conv = EqualizedConv2dConfig::new([20, 20], [3, 3]).init::<B>(&device);
        initialize(&conv);
        let all = parameters::<B, _>(&conv);
        let mean = square(&all[0]);
        assert!((0.9..1.1).contains(&mean), "{mean}");
        assert!(all[1].iter().all(|b| *b == 0.0));
    }

    for_each_backend!(weights_are_drawn_alike_whatever_the_size);

    #[test]
    fn wrong_settings_are_refused_by_name() {
        for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let linear = EqualizedLinearConfig::new(2, 2).with_lr_multiplier(wrong);
            let error = linear.validate().expect_err("a multiplier").to_string();
            assert!(error.contains("`lr_multiplier`"), "{error}");
            let conv = EqualizedConv2dConfig::new([2, 2], [3, 3]).with_gain(wrong);
            let error = conv.validate().expect_err("a gain").to_string();
            assert!(error.contains("`gain`"), "{error}");
        }
        let linear = EqualizedLinearConfig::new(2, 2).with_initial_bias(f64::NAN);
        assert!(linear.validate().is_err());
        assert!(EqualizedLinearConfig::new(0, 2).validate().is_err());
        assert!(
            EqualizedConv2dConfig::new([2, 3], [3, 3])
                .with_groups(2)
                .validate()
                .is_err()
        );
    }

    #[test]
    fn without_a_bias_there_is_none() {
        let device = Default::default();
        let layer = EqualizedLinearConfig::new(2, 3).with_bias(false);
        assert_eq!(layer.init::<Cpu>(&device).num_params(), 6);
        let layer = EqualizedConv2dConfig::new([2, 3], [1, 1]).with_bias(false);
        assert_eq!(layer.init::<Cpu>(&device).num_params(), 6);
    }
}
