//! What a small image lets through of a large one.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::{Activation, Conv2d, Conv2dConfig, SpectralOption, adaptive_mean_pool, modulate};
use crate::error::Result;
use crate::settings::settings;
use crate::sizes;

/// Height and width of what the first convolution sees, all at once.
const SIDE: usize = 4;

settings! {
/// Settings of a [`SkipExcitation`] layer.
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::nn::SkipExcitationConfig;
///
/// let device = Default::default();
/// let layer = SkipExcitationConfig::new([32, 8]).init::<Flex>(&device);
/// let (low, high) = (Tensor::ones([2, 32, 8, 8], &device), Tensor::ones([2, 8, 64, 64], &device));
/// assert_eq!(layer.forward(low, high).dims(), [2, 8, 64, 64]);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SkipExcitationConfig {
    /// Channels of the small image and of the large one.
    pub channels: [usize; 2],
    /// Whether the convolutions are [normed](super::SpectralNorm); false by default.
    pub spectral_norm: bool,
}
}

impl SkipExcitationConfig {
    /// From a small image of `channels[0]` channels to a large one of `channels[1]`.
    pub fn new(channels: [usize; 2]) -> Self {
        Self {
            channels,
            spectral_norm: false,
        }
    }

    /// Whether the convolutions are normed.
    pub fn with_spectral_norm(mut self, spectral_norm: bool) -> Self {
        self.spectral_norm = spectral_norm;
        self
    }

    /// Checks the sizes.
    ///
    /// # Errors
    /// If one is 0 or above 2²⁴, or there are more than 2²⁸ weights.
    pub fn validate(&self) -> Result<()> {
        let [low, high] = self.channels;
        for channels in self.channels {
            sizes::size("channels", channels)?;
        }
        sizes::weights("channels", &[low, high, SIDE, SIDE])?;
        sizes::weights("channels", &[high, high])
    }

    /// Makes the layer; its weights are drawn at first use.
    ///
    /// # Panics
    /// If the settings are not [valid](Self::validate).
    pub fn init<B: Backend>(&self, device: &B::Device) -> SkipExcitation<B> {
        if let Err(error) = self.validate() {
            panic!("{error}");
        }
        let [low, high] = self.channels;
        let conv = |channels, side| {
            let conv = Conv2dConfig::new(channels, [side; 2])
                .with_bias(false)
                .init(device);
            SpectralOption::new(conv, self.spectral_norm)
        };
        SkipExcitation {
            whole: conv([low, high], SIDE),
            gate: conv([high, high], 1),
        }
    }
}

/// Scales the channels of a large image by what a small one from earlier in the generator says.
///
/// ```text
/// y = high ⊙ σ(W₂·swish(W₁·mean₄ₓ₄(low))),     swish(x) = x·σ(x)
/// ```
///
/// The small image becomes means over 4×4 parts, which a convolution 4×4 sees at once; one number for
/// each channel comes out. Images `[batch, channels[0], …]` and `[batch, channels[1], height, width]` to
/// the latter's shape. Gradients reach the early layers by a short way, and style and content come
/// apart. Liu, Zhu, Song, Elgammal 2021, *Towards faster and stabilized GAN training for high-fidelity
/// few-shot image synthesis*, arXiv:2101.04775, section 3.1.
#[derive(Module, Debug)]
pub struct SkipExcitation<B: Backend> {
    whole: SpectralOption<B, Conv2d<B>>,
    gate: SpectralOption<B, Conv2d<B>>,
}

impl<B: Backend> SkipExcitation<B> {
    /// Applies the layer to a small image and a large one.
    ///
    /// # Panics
    /// If channels are other than the settings', or batches differ.
    pub fn forward(&self, low: Tensor<B, 4>, high: Tensor<B, 4>) -> Tensor<B, 4> {
        let seen = self.whole.forward(adaptive_mean_pool(low, [SIDE, SIDE]));
        let swish = seen.clone() * Activation::Sigmoid.apply(seen);
        let gate = self.gate.forward_activated(swish, Activation::Sigmoid);
        let [batch, channels, _, _] = gate.dims();
        modulate(
            high,
            gate.reshape([batch, channels]),
            None,
            Activation::Identity,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_sizes_are_refused_by_name() {
        for channels in [[0, 2], [2, 0], [1 << 20, 1 << 20]] {
            let error = SkipExcitationConfig::new(channels).validate();
            let error = error.expect_err("channels").to_string();
            assert!(error.contains("`channels`"), "{error}");
        }
    }
}
