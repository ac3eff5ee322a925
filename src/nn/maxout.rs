//! The maxout layer.

use burn::module::{Initializer, Module};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::{Linear, LinearConfig};
use crate::error::Result;
use crate::settings::settings;
use crate::sizes;

settings! {
/// Settings of a [`Maxout`] layer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MaxoutConfig {
    /// Size of the input features.
    pub d_input: usize,
    /// Number of units.
    pub d_output: usize,
    /// Linear pieces of each unit.
    pub pieces: usize,
    /// How weights and biases are drawn; U(±1/√d_input) by default.
    #[serde(deserialize_with = "crate::settings::foreign")]
    pub initializer: Initializer,
}
}

impl MaxoutConfig {
    /// `d_output` units of `pieces` linear pieces each.
    pub fn new(d_input: usize, d_output: usize, pieces: usize) -> Self {
        Self {
            d_input,
            d_output,
            pieces,
            initializer: LinearConfig::new(d_input, d_output).initializer,
        }
    }

    /// How weights and biases are drawn.
    pub fn with_initializer(mut self, initializer: Initializer) -> Self {
        self.initializer = initializer;
        self
    }

    /// Checks the sizes.
    ///
    /// # Errors
    /// If a size or the number of pieces is 0, there are more than 2²⁴ pieces in all, or more than
    /// 2²⁸ weights.
    pub fn validate(&self) -> Result<()> {
        sizes::size("d_input", self.d_input)?;
        sizes::size("d_output", self.d_output)?;
        sizes::size("pieces", self.pieces)?;
        let units = [self.d_output, self.pieces];
        let width = sizes::product("pieces", &units, sizes::SIZE, "pieces in all")?;
        sizes::weights("pieces", &[self.d_input, width])
    }

    /// Makes the layer; its weights are drawn at first use.
    ///
    /// # Panics
    /// If the settings are not [valid](Self::validate).
    pub fn init<B: Backend>(&self, device: &B::Device) -> Maxout<B> {
        if let Err(error) = self.validate() {
            panic!("{error}");
        }
        Maxout {
            linear: LinearConfig::new(self.d_input, self.d_output * self.pieces)
                .with_initializer(self.initializer.clone())
                .init(device),
            pieces: self.pieces,
        }
    }
}

/// Maxout units: each is the largest of several linear functions of the input.
///
/// ```text
/// y_j = max_p (x·W + b)_{j·pieces + p}
/// ```
///
/// Shapes: `[batch, d_input]` to `[batch, d_output]`. The gradient goes to the largest piece. On the
/// CPU backend Flex it runs on kernels of this crate's own. Goodfellow et al. 2013, *Maxout networks*,
/// arXiv:1302.4389.
#[derive(Module, Debug)]
pub struct Maxout<B: Backend> {
    linear: Linear<B>,
    pieces: usize,
}

impl<B: Backend> Maxout<B> {
    /// Applies the layer, `[batch, d_input]` to `[batch, d_output]`.
    pub fn forward(&self, input: Tensor<B, 2>) -> Tensor<B, 2> {
        let pieces = self.linear.forward(input);
        #[cfg(feature = "flex")]
        if let Some(largest) = crate::kernels::maxout(&pieces, self.pieces) {
            return largest;
        }
        let [batch, width] = pieces.dims();
        let units = width / self.pieces;
        // A running maximum over the pieces: `max_dim` keeps its backward pass on integer
        // indices, `max_pair` is a comparison and a mask, which every backend differentiates
        // twice.
        let pieces: Tensor<B, 3> = pieces.reshape([batch, units, self.pieces]);
        let mut largest = pieces.clone().narrow(2, 0, 1);
        for piece in 1..self.pieces {
            largest = largest.max_pair(pieces.clone().narrow(2, piece, 1));
        }
        largest.reshape([batch, units])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, for_each_backend, on_wgpu, tensor2, values};

    fn takes_the_largest_piece<B: Backend>() {
        let device = Default::default();
        let layer = MaxoutConfig::new(2, 3, 4).init::<B>(&device);
        let x = tensor2::<B, 2>([[0.5, -1.0], [2.0, 0.25], [0.0, 0.0]]);
        let all = values(layer.linear.forward(x.clone()));
        let expected: Vec<f64> = all
            .chunks(4)
            .map(|pieces| pieces.iter().copied().fold(f64::NEG_INFINITY, f64::max))
            .collect();
        assert_close(&values(layer.forward(x)), &expected, 1e-6, 1e-7);
    }

    for_each_backend!(takes_the_largest_piece);
    on_wgpu!(Wgpu; takes_the_largest_piece);
}
