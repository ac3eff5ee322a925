//! Activations that settings can name. What they compute is in [`nn`](crate::nn), on kernels where
//! there are some: both sides know them from here.

use serde::Serialize;

use crate::settings::settings;

settings! {
/// An elementwise function between or after layers.
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
    /// Leaky ReLU with the slope 0.2 that GANs use.
    pub const LEAKY: Self = Self::LeakyRelu { slope: 0.2 };
}
