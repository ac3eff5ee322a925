//! Attention of an image's places to each other.

use burn::module::{Initializer, Module};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::pool::largest_of_blocks;
use super::spectral_option::normable;
use super::{Conv2d, Conv2dConfig, ResidualScale, SpectralOption};
use crate::error::Result;
use crate::settings::settings;
use crate::sizes;

settings! {
/// Settings of a [`SelfAttention`] layer.
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::nn::SelfAttentionConfig;
///
/// let device = Default::default();
/// let layer = SelfAttentionConfig::new(16).init::<Flex>(&device);
/// assert_eq!(layer.forward(Tensor::ones([2, 16, 8, 8], &device)).dims(), [2, 16, 8, 8]);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SelfAttentionConfig {
    /// Channels of the images.
    pub channels: usize,
    /// Channels of queries and keys; an eighth by default, at least 1.
    pub keys: usize,
    /// Channels of values; half by default, at least 1.
    pub values: usize,
    /// Whether keys and values are the largest of 2×2 places; true by default.
    pub pooling: bool,
    /// Whether the convolutions are [normed](super::SpectralNorm); true by default.
    pub spectral_norm: bool,
    /// How the convolutions' weights are drawn; Glorot's uniform distribution by default.
    #[serde(
        default = "glorot",
        deserialize_with = "crate::settings::foreign"
    )]
    pub initializer: Initializer,
}
}

fn glorot() -> Initializer {
    Initializer::XavierUniform { gain: 1.0 }
}

impl SelfAttentionConfig {
    /// Attention for images of so many channels.
    pub fn new(channels: usize) -> Self {
        Self {
            channels,
            keys: (channels / 8).max(1),
            values: (channels / 2).max(1),
            pooling: true,
            spectral_norm: true,
            initializer: glorot(),
        }
    }

    /// Channels of queries and keys.
    pub fn with_keys(mut self, keys: usize) -> Self {
        self.keys = keys;
        self
    }

    /// Channels of values.
    pub fn with_values(mut self, values: usize) -> Self {
        self.values = values;
        self
    }

    /// Whether keys and values are the largest of 2×2 places.
    pub fn with_pooling(mut self, pooling: bool) -> Self {
        self.pooling = pooling;
        self
    }

    /// Whether the convolutions are normed.
    pub fn with_spectral_norm(mut self, spectral_norm: bool) -> Self {
        self.spectral_norm = spectral_norm;
        self
    }

    /// How the convolutions' weights are drawn.
    pub fn with_initializer(mut self, initializer: Initializer) -> Self {
        self.initializer = initializer;
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// If one is 0 or above 2²⁴, there are more than 2²⁸ weights, or weights that are to be normed are 0.
    pub fn validate(&self) -> Result<()> {
        normable(self.spectral_norm, &self.initializer)?;
        sizes::size("channels", self.channels)?;
        for (field, size) in [("keys", self.keys), ("values", self.values)] {
            sizes::size(field, size)?;
            sizes::weights(field, &[self.channels, size])?;
        }
        Ok(())
    }

    /// Makes the layer; its weights are drawn at first use.
    ///
    /// # Panics
    /// If the settings are not [valid](Self::validate).
    pub fn init<B: Backend>(&self, device: &B::Device) -> SelfAttention<B> {
        if let Err(error) = self.validate() {
            panic!("{error}");
        }
        let pointwise = |channels: [usize; 2]| {
            let conv = Conv2dConfig::new(channels, [1, 1])
                .with_bias(false)
                .with_initializer(self.initializer.clone())
                .init(device);
            SpectralOption::new(conv, self.spectral_norm)
        };
        SelfAttention {
            query: pointwise([self.channels, self.keys]),
            key: pointwise([self.channels, self.keys]),
            value: pointwise([self.channels, self.values]),
            output: pointwise([self.values, self.channels]),
            share: ResidualScale::new(0.0, device),
            pooling: self.pooling,
        }
    }
}

/// Lets each place of an image see all others: `[batch, channels, height, width]` to the same.
///
/// ```text
/// y = x + γ·o(A·v(x)),     A[i, j] = softmax over j of ⟨q(x)[i], k(x)[j]⟩
/// ```
///
/// q, k, v and o are convolutions 1×1 without bias; γ, a number, begins at 0. With pooling j counts the
/// places of an image of half the height and width, where keys and values are the largest of 2×2, as in
/// the paper's program. There is no division by the root of the keys' channels. A has (height·width)²
/// numbers for each image, a quarter with pooling: put the layer where images are 32×32 or so.
///
/// The output lies in memory as the input does. Zhang, Goodfellow, Metaxas, Odena 2018,
/// *Self-attention generative adversarial networks*, arXiv:1805.08318.
#[derive(Module, Debug)]
pub struct SelfAttention<B: Backend> {
    query: SpectralOption<B, Conv2d<B>>,
    key: SpectralOption<B, Conv2d<B>>,
    value: SpectralOption<B, Conv2d<B>>,
    output: SpectralOption<B, Conv2d<B>>,
    share: ResidualScale<B>,
    pooling: bool,
}

impl<B: Backend> SelfAttention<B> {
    /// Applies the layer.
    ///
    /// # Panics
    /// If images have other channels, or with pooling, less than two rows or columns.
    pub fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 4> {
        let [batch, _, height, width] = images.dims();
        assert!(
            !self.pooling || (height >= 2 && width >= 2),
            "images of shape {:?} can't be pooled",
            images.dims()
        );
        let [queries, keys, values] = [&self.query, &self.key, &self.value]
            .map(|conv| channels_innermost(conv.forward(images.clone())));
        let [keys, values] = match self.pooling {
            true => [keys, values].map(|x| largest_of_blocks(x, 2)),
            false => [keys, values],
        };
        let [queries, keys, values] = [queries, keys, values].map(places);
        let attention = softmax(queries.matmul(turned_over(keys)));
        let seen = attention.matmul(values);
        let channels = seen.dims()[2];
        let seen: Tensor<B, 4> = seen.reshape([batch, height, width, channels]);
        let seen = self.output.forward(seen.permute([0, 3, 1, 2]));
        self.share.forward(images, seen)
    }
}

/// `[batch, height, width, channels]`; of images that lie so already, without moving anything.
fn channels_innermost<B: Backend>(images: Tensor<B, 4>) -> Tensor<B, 4> {
    images.permute([0, 2, 3, 1])
}

/// `[batch, height·width, channels]`.
fn places<B: Backend>(x: Tensor<B, 4>) -> Tensor<B, 3> {
    let [batch, height, width, channels] = x.dims();
    x.reshape([batch, height * width, channels])
}

/// `[batch, channels, height·width]`.
///
/// Of one channel by a reshape, which is as cheap: burn 0.21 gives what a view with a last axis of 1 is reshaped
/// to the wrong strides on GPUs, and so the gradient of the keys (mended by tracel-ai/burn#5071).
fn turned_over<B: Backend>(x: Tensor<B, 3>) -> Tensor<B, 3> {
    match x.dims() {
        [batch, places, 1] => x.reshape([batch, 1, places]),
        _ => x.swap_dims(1, 2),
    }
}

/// The softmax along the last axis.
fn softmax<B: Backend>(x: Tensor<B, 3>) -> Tensor<B, 3> {
    // It does not depend on what is subtracted.
    let e = (x.clone() - x.detach().max_dim(2)).exp();
    // No quotient and no power −1: they take burn's reciprocal, which has 16 bits on NdArray.
    let root = e.clone().sum_dim(2).powf_scalar(-0.5);
    e * root.clone() * root
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::initialize;
    use crate::testing::{Cpu, for_each_backend, parameters, values};

    fn it_begins_as_nothing<B: Backend>() {
        let device = B::Device::default();
        let layer = SelfAttentionConfig::new(8).init::<B>(&device);
        let x = Tensor::<B, 1, burn::tensor::Int>::arange(0..8 * 20, &device).float();
        let x: Tensor<B, 4> = x.sin().reshape([1, 8, 4, 5]);
        assert_eq!(values(layer.forward(x.clone())), values(x));
    }

    for_each_backend!(it_begins_as_nothing);

    #[test]
    fn its_spectral_norms_move_with_the_others() {
        let layer = SelfAttentionConfig::new(8).init::<Cpu>(&Default::default());
        initialize(&layer);
        let before = parameters::<Cpu, _>(&layer);
        let layer = crate::nn::update_spectral_norms::<Cpu, _>(layer, 1);
        let after = parameters::<Cpu, _>(&layer);
        // Weight, u and v of four convolutions, and the share.
        assert_eq!(after.len(), 13);
        for conv in 0..4 {
            assert_eq!(before[3 * conv], after[3 * conv]);
            // A vector of a single number is ±1.
            let moved = before[3 * conv + 2] != after[3 * conv + 2];
            assert!(moved, "convolution {conv}");
        }
        let plain = SelfAttentionConfig::new(8).with_spectral_norm(false);
        let plain = plain.init::<Cpu>(&Default::default());
        initialize(&plain);
        assert_eq!(parameters::<Cpu, _>(&plain).len(), 5);
    }

    #[test]
    fn wrong_sizes_are_refused_by_name() {
        for (wrong, field) in [
            (SelfAttentionConfig::new(0), "`channels`"),
            (SelfAttentionConfig::new(8).with_keys(0), "`keys`"),
            (SelfAttentionConfig::new(8).with_values(1 << 30), "`values`"),
            (
                SelfAttentionConfig::new(8).with_initializer(Initializer::Zeros),
                "`initializer`",
            ),
        ] {
            let error = wrong.validate().expect_err(field).to_string();
            assert!(error.contains(field), "no {field} in {error}");
        }
    }
}
