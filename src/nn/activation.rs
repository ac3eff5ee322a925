//! Activations that a model's settings can name.

use burn::tensor::Tensor;
use burn::tensor::activation::{leaky_relu, relu};
use burn::tensor::backend::Backend;
use serde::Serialize;

use crate::settings::settings;

settings! {
/// An elementwise function between or behind layers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Activation {
    /// x
    Identity,
    /// max(x, 0)
    Relu,
    /// x above 0, slope·x below.
    LeakyRelu {
        /// The slope below 0.
        slope: f64,
    },
    /// tanh(x): samples in [−1, 1].
    Tanh,
    /// 1/(1 + e^−x): samples in [0, 1].
    Sigmoid,
}
}

impl Activation {
    /// Leaky ReLU with the slope .2 that GANs use.
    pub const LEAKY: Self = Self::LeakyRelu { slope: 0.2 };

    /// Applies the function.
    pub fn apply<B: Backend, const R: usize>(&self, x: Tensor<B, R>) -> Tensor<B, R> {
        match *self {
            Self::Identity => x,
            Self::Relu => relu(x),
            Self::LeakyRelu { slope } => leaky_relu(x, slope),
            Self::Tanh => x.tanh(),
            // burn's own goes through f32, whatever the tensor is of.
            Self::Sigmoid => x.div_scalar(2.0).tanh().mul_scalar(0.5).add_scalar(0.5),
        }
    }
}
