//! The maxout layer.

use burn::module::{Initializer, Module};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::pool::larger;
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
        // indices, this is a comparison and a mask, which every backend differentiates twice.
        let pieces: Tensor<B, 3> = pieces.reshape([batch, units, self.pieces]);
        let mut largest = pieces.clone().narrow(2, 0, 1);
        for piece in 1..self.pieces {
            largest = larger(largest, pieces.clone().narrow(2, piece, 1));
        }
        largest.reshape([batch, units])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        assert_close, for_each_autodiff_backend, for_each_backend, on_wgpu, parameters, tensor2,
        values,
    };
    use burn::backend::Autodiff;
    use burn::tensor::backend::AutodiffBackend;

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

    fn a_nan_is_not_passed_over<B: Backend>() {
        let layer = MaxoutConfig::new(1, 2, 3).init::<B>(&Default::default());
        let biases = vec![0.0, 0.0, 0.0, 0.0, f64::NAN, 0.0];
        let weights = vec![1.0, 1.0, 0.5, -1.0, 2.0, 2.0];
        let layer = crate::testing::assign::<B, _>(layer, vec![weights, biases]);
        let y = values(layer.forward(tensor2::<B, 1>([[2.0], [-1.0]])));
        assert_eq!((y[0], y[2]), (2.0, -0.5));
        assert!(y[1].is_nan() && y[3].is_nan());
    }

    /// f(x) = Σ c·y is linear in the largest pieces: ∇f is Σ c_j w_j over their columns w_j, and
    /// the gradient of ‖∇f‖² with respect to w_j is 2·c_j·∇f, nothing for any other piece.
    fn gradients_of_both_orders_go_to_the_largest_piece<B: AutodiffBackend>() {
        let device = B::Device::default();
        let (inputs, units, pieces) = (3, 4, 5);
        let layer = MaxoutConfig::new(inputs, units, pieces).init::<B>(&device);
        crate::network::initialize(&layer);
        let weight = parameters::<B, _>(&layer)[0].clone();
        let column = |piece: usize| (0..inputs).map(move |i| i * units * pieces + piece);
        let x = tensor2::<B, 3>([[0.4, -1.2, 0.7]]);
        let all = values(layer.linear.forward(x.clone()));
        let largest: Vec<usize> = (0..units)
            .map(|unit| {
                let places = unit * pieces..(unit + 1) * pieces;
                let best = places.max_by(|a, b| all[*a].total_cmp(&all[*b]));
                best.expect("pieces")
            })
            .collect();
        let c = [1.0, -2.0, 0.5, 3.0];
        let mut gradient = vec![0.0; inputs];
        for (piece, c) in largest.iter().zip(c) {
            for (sum, place) in gradient.iter_mut().zip(column(*piece)) {
                *sum += c * weight[place];
            }
        }
        let mut expected = vec![0.0; weight.len()];
        for (piece, c) in largest.iter().zip(c) {
            for (place, g) in column(*piece).zip(&gradient) {
                expected[place] = 2.0 * c * g;
            }
        }

        let lifted = layer.clone().train::<Autodiff<B>>().no_grad();
        let input = Tensor::<Autodiff<B>, 2>::from_inner(x).require_grad();
        let c = Tensor::<Autodiff<B>, 2>::from_inner(tensor2::<B, 4>([c]));
        let gradients = (lifted.forward(input.clone()) * c).sum().backward();
        let found = input.grad(&gradients).expect("a gradient");
        assert_close(&values(found.clone()), &gradient, 1e-5, 1e-6);
        let gradients = found.square().sum().backward();
        let found = crate::testing::gradients::<B, _>(&layer, &gradients);
        assert_close(&found[0], &expected, 1e-5, 1e-6);
    }

    mod tracked {
        use super::*;
        for_each_autodiff_backend!(gradients_of_both_orders_go_to_the_largest_piece);
    }

    for_each_backend!(a_nan_is_not_passed_over, takes_the_largest_piece);
    on_wgpu!(Wgpu; takes_the_largest_piece);
}
