//! The gated linear unit.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::Activation;

/// One half of the channels, each times what the other half lets through.
///
/// ```text
/// y = a ⊙ σ(b),     x = (a, b) along the channels
/// ```
///
/// Shapes: `[batch, 2·channels, …]` to `[batch, channels, …]`; the output lies in memory as the input
/// does, on the CPU backend Flex it is made in one pass. Dauphin, Fan, Auli, Grangier 2016,
/// *Language modeling with gated convolutional networks*, arXiv:1612.08083.
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::nn::gated_linear_unit;
///
/// let images = Tensor::<Flex, 4>::ones([2, 6, 4, 5], &Default::default());
/// assert_eq!(gated_linear_unit(images).dims(), [2, 3, 4, 5]);
/// ```
///
/// # Panics
/// If the number of channels is odd.
pub fn gated_linear_unit<B: Backend, const R: usize>(x: Tensor<B, R>) -> Tensor<B, R> {
    let shape = x.dims();
    assert!(
        R >= 2 && shape[1].is_multiple_of(2),
        "the channels of shape {shape:?} have no halves"
    );
    #[cfg(feature = "flex")]
    let x = match crate::kernels::gated(x) {
        Ok(y) => return y,
        Err(x) => x,
    };
    let half = shape[1] / 2;
    let gate = x.clone().narrow(1, half, half);
    x.narrow(1, 0, half) * Activation::Sigmoid.apply(gate)
}
