//! Numbers read back from the device.

use burn::tensor::backend::Backend;
use burn::tensor::{ElementConversion, Tensor};

/// The number in a tensor `[1]`; waits for the device.
#[inline(never)]
pub(crate) fn scalar<B: Backend>(tensor: &Tensor<B, 1>) -> f64 {
    tensor.clone().into_scalar().elem()
}

crate::compiled::compiled! {
    scalar::<Plain>,
    scalar::<Tape>,
}
