//! The convolution that a style steers.

use burn::module::{Initializer, Module, Param};
use burn::nn::PaddingConfig2d;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::linear::affine;
use super::{
    Activation, Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig, EqualizedLinear,
    EqualizedLinearConfig, Fir, modulate,
};
use crate::error::{Error, Result, check};
use crate::settings::settings;
use crate::sizes;

/// Keeps the demodulation's root from being divided by 0.
const EPSILON: f64 = 1e-8;

settings! {
/// Settings of a [`ModulatedConv2d`] layer.
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::nn::ModulatedConv2dConfig;
///
/// let device = Default::default();
/// let doubling = ModulatedConv2dConfig::new([8, 4], 3, 16).with_upsampling(true).init::<Flex>(&device);
/// let (images, styles) = (Tensor::ones([5, 8, 4, 4], &device), Tensor::ones([5, 16], &device));
/// assert_eq!(doubling.forward(images, styles).dims(), [5, 4, 8, 8]);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModulatedConv2dConfig {
    /// Channels of the input and of the output.
    pub channels: [usize; 2],
    /// Height and width of the kernel, an odd number.
    pub kernel_size: usize,
    /// Components of a style.
    pub style: usize,
    /// Whether the output is scaled back to the input's variance; true by default.
    pub demodulate: bool,
    /// Whether the output is twice as high and wide; false by default.
    pub upsampling: bool,
    /// The filter after a convolution that upsamples, longer than the kernel; 1, 3, 3, 1 by default.
    pub taps: Vec<f64>,
    /// What the output is multiplied by; 1 by default.
    pub gain: f64,
    /// Whether a bias is added at last, 0 at first; false by default.
    pub bias: bool,
}
}

impl ModulatedConv2dConfig {
    /// A convolution from `channels[0]` to `channels[1]` channels that styles of `style` components
    /// steer; it keeps an image's size and demodulates.
    pub fn new(channels: [usize; 2], kernel_size: usize, style: usize) -> Self {
        Self {
            channels,
            kernel_size,
            style,
            demodulate: true,
            upsampling: false,
            taps: Fir::BINOMIAL.to_vec(),
            gain: 1.0,
            bias: false,
        }
    }

    /// Whether the output is scaled back to the input's variance.
    pub fn with_demodulation(mut self, demodulate: bool) -> Self {
        self.demodulate = demodulate;
        self
    }

    /// Whether the output is twice as high and wide.
    pub fn with_upsampling(mut self, upsampling: bool) -> Self {
        self.upsampling = upsampling;
        self
    }

    /// The filter after a convolution that upsamples.
    pub fn with_taps(mut self, taps: impl Into<Vec<f64>>) -> Self {
        self.taps = taps.into();
        self
    }

    /// What the output is multiplied by.
    pub fn with_gain(mut self, gain: f64) -> Self {
        self.gain = gain;
        self
    }

    /// Whether a bias is added at last.
    pub fn with_bias(mut self, bias: bool) -> Self {
        self.bias = bias;
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// If a size is 0 or too large, the kernel's is even, the filter is not valid or not longer than
    /// the kernel, or the gain is not a finite number above 0.
    pub fn validate(&self) -> Result<()> {
        check::positive("gain", self.gain)?;
        if self.kernel_size.is_multiple_of(2) {
            return Err(Error::setting(
                "kernel_size",
                self.kernel_size,
                "must be odd, so that images keep their size",
            ));
        }
        self.keeping().validate()?;
        sizes::size("style", self.style)?;
        sizes::weights("style", &[self.style, self.channels[0]])?;
        if self.upsampling {
            check::at_least("taps.len()", self.taps.len(), self.kernel_size + 1)?;
            self.filter().validate()?;
        }
        Ok(())
    }

    fn initializer() -> Initializer {
        Initializer::Normal {
            mean: 0.0,
            std: 1.0,
        }
    }

    fn keeping(&self) -> Conv2dConfig {
        let zeros = self.kernel_size / 2;
        Conv2dConfig::new(self.channels, [self.kernel_size; 2])
            .with_padding(PaddingConfig2d::Explicit(zeros, zeros, zeros, zeros))
            .with_bias(false)
            .with_initializer(Self::initializer())
    }

    fn doubling(&self) -> ConvTranspose2dConfig {
        ConvTranspose2dConfig::new(self.channels, [self.kernel_size; 2])
            .with_stride([2, 2])
            .with_bias(false)
            .with_initializer(Self::initializer())
    }

    /// What the transposed convolution, 2·size + kernel − 2 high and wide, goes through.
    fn filter(&self) -> Fir {
        let around = (self.taps.len() - 2).saturating_sub(self.kernel_size - 1);
        Fir::blur(self.taps.clone())
            .with_padding([around.div_ceil(2) + 1, around / 2 + 1])
            .with_gain(4.0)
    }

    /// Makes the layer; its weights are drawn at first use.
    ///
    /// # Panics
    /// If the settings are not [valid](Self::validate).
    pub fn init<B: Backend>(&self, device: &B::Device) -> ModulatedConv2d<B> {
        if let Err(error) = self.validate() {
            panic!("{error}");
        }
        let fan_in = self.channels[0] * self.kernel_size * self.kernel_size;
        ModulatedConv2d {
            affine: EqualizedLinearConfig::new(self.style, self.channels[0])
                .with_initial_bias(1.0)
                // A demodulated output does not depend on its scale.
                .with_gain(match self.demodulate {
                    true => 1.0,
                    false => self.gain * (fan_in as f64).powf(-0.5),
                })
                .init(device),
            conv: match self.upsampling {
                true => Convolution::Doubling(self.doubling().init(device)),
                false => Convolution::Keeping(self.keeping().init(device)),
            },
            bias: (self.bias).then(|| Initializer::Zeros.init([self.channels[1]], device)),
            filter: self.upsampling.then(|| self.filter()),
            demodulate: self.demodulate,
            gain: self.gain,
        }
    }
}

/// A convolution whose weights a style scales, input channel by input channel, and whose output keeps
/// the input's variance.
///
/// ```text
/// s = A·w + 1                               the style of the sample, a number for each input channel
/// w'[o, i, k, l] = s[i]·W[o, i, k, l],      W ~ N(0, 1)
/// w''[o, …] = w'[o, …]/√(Σ w'[o, …]² + 1e-8)      demodulated, or w' /√(channels_in·kernel²)
/// y = gain · x ∗ w''
/// ```
///
/// The 1 is where the learnt bias begins. No sample has a weight of its own here: the input is scaled by
/// s, the convolution is an ordinary one, and its output is scaled by the demodulation, which is the
/// same and runs on the fast kernels. Upsampling is a transposed convolution of stride 2 with a
/// [filter](Fir) after it, of gain 4. There is no bias by default, since noise comes before it.
///
/// Images `[batch, channels_in, height, width]` and styles `[batch, style]` to
/// `[batch, channels_out, height, width]`, twice as high and wide with upsampling. Parameters: `affine`
/// to the style, `conv`: weight `[out, in, kernel, kernel]`, with upsampling
/// `[in, out, kernel, kernel]`, `bias`. Karras et al. 2019, *Analyzing and improving the image quality of
/// StyleGAN*, arXiv:1912.04958, section 2.2.
#[derive(Module, Debug)]
pub struct ModulatedConv2d<B: Backend> {
    affine: EqualizedLinear<B>,
    conv: Convolution<B>,
    bias: Option<Param<Tensor<B, 1>>>,
    filter: Option<Fir>,
    demodulate: bool,
    gain: f64,
}

#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)]
enum Convolution<B: Backend> {
    Keeping(Conv2d<B>),
    Doubling(ConvTranspose2d<B>),
}

impl<B: Backend> ModulatedConv2d<B> {
    /// Applies the layer to images, `[batch, channels_in, height, width]`, by styles
    /// `[batch, style]`.
    ///
    /// # Panics
    /// If the images have other channels, the styles other components, or there is not one for each
    /// image.
    pub fn forward(&self, images: Tensor<B, 4>, styles: Tensor<B, 2>) -> Tensor<B, 4> {
        let scale = self.affine.forward(styles);
        let x = modulate(images, scale.clone(), None, Activation::Identity);
        let bias = self.bias.as_ref().map(Param::val);
        let y = match (&self.conv, &self.filter) {
            (Convolution::Keeping(conv), _) if !self.demodulate => {
                let weight = conv.weight().val();
                return conv.forward_with_both(x, weight, bias, Activation::Identity);
            }
            (Convolution::Keeping(conv), _) => conv.forward(x),
            (Convolution::Doubling(conv), Some(filter)) => filter.forward(conv.forward(x)),
            (Convolution::Doubling(conv), None) => conv.forward(x),
        };
        let [batch, channels, _, _] = y.dims();
        let bias = bias.map(|bias| bias.reshape([1, channels]).expand([batch, channels]));
        let factors = match self.demodulate {
            true => self.demodulation(scale),
            false if bias.is_none() => return y,
            false => Tensor::ones([batch, channels], (&y.device(), y.dtype())),
        };
        modulate(y, factors, bias, Activation::Identity)
    }

    /// gain/√(Σ w'² + 1e-8), `[batch, channels_out]`.
    fn demodulation(&self, scale: Tensor<B, 2>) -> Tensor<B, 2> {
        let squares = |weight: Tensor<B, 4>| -> Tensor<B, 2> {
            let [first, second, height, width] = weight.dims();
            let rows = weight.square().reshape([first * second, height * width]);
            rows.sum_dim(1).reshape([first, second])
        };
        let weights = match &self.conv {
            Convolution::Keeping(conv) => squares(conv.weight().val()).swap_dims(0, 1),
            Convolution::Doubling(conv) => squares(conv.weight().val()),
        };
        let sums = affine(scale.square(), weights, None, Activation::Identity);
        let factors = sums.add_scalar(EPSILON).powf_scalar(-0.5);
        match self.gain {
            1.0 => factors,
            gain => factors.mul_scalar(gain),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_settings_are_refused_by_name() {
        let up = |kernel| ModulatedConv2dConfig::new([2, 3], kernel, 4).with_upsampling(true);
        for (wrong, field) in [
            (up(2), "`kernel_size`"),
            (up(0), "`kernel_size`"),
            (up(5), "`taps.len()`"),
            (up(3).with_taps([1.0, -1.0, 1.0, -1.0]), "`taps`"),
            (up(3).with_gain(f64::NAN), "`gain`"),
            (ModulatedConv2dConfig::new([2, 0], 3, 4), "`channels`"),
            (ModulatedConv2dConfig::new([2, 3], 3, 0), "`style`"),
        ] {
            let error = wrong.validate().expect_err(field).to_string();
            assert!(error.contains(field), "no {field} in {error}");
        }
        assert!(up(3).validate().is_ok());
        assert!(up(1).validate().is_ok());
    }
}
