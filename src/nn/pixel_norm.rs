//! Pixels, or vectors, of length √channels.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::channels_last::as_it_lies;

/// Keeps the root's derivative finite for a pixel of zeros.
const EPSILON: f64 = 1e-8;

/// Scales the channels of each pixel, or the numbers of each vector, to a mean square of 1.
///
/// ```text
/// y = x/√(mean over channels of x² + 1e-8)
/// ```
///
/// Shapes: `[batch, channels, …]` to the same. Nothing is learnt. StyleGAN2 does so with latents.
/// Karras, Aila, Laine, Lehtinen 2017, *Progressive growing of GANs*, arXiv:1710.10196, section 4.2.
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::nn::pixel_norm;
///
/// let latents = Tensor::<Flex, 2>::from_floats([[3.0, 4.0]], &Default::default());
/// let squares = pixel_norm(latents).square().sum().into_scalar();
/// assert!((squares - 2.0).abs() < 1e-5);
/// ```
pub fn pixel_norm<B: Backend, const R: usize>(x: Tensor<B, R>) -> Tensor<B, R> {
    as_it_lies(x, |x, channels| {
        let square = x.clone().square().mean_dim(channels);
        // No quotient: its derivative takes burn's reciprocal, which has 16 bits on NdArray.
        x * square.add_scalar(EPSILON).powf_scalar(-0.5)
    })
}
