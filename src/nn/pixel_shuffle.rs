//! Pixels from channels, and back.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

#[cfg(feature = "flex")]
use crate::kernels::{Rearrange, rearranged};

/// Makes images larger by pixels that stand in channels: `[batch, channels·factor², height, width]`
/// to `[batch, channels, factor·height, factor·width]`.
///
/// ```text
/// y[n, c, factor·i + a, factor·j + b] = x[n, factor²·c + factor·a + b, i, j]
/// ```
///
/// The order is PyTorch's; the output lies in memory as the input does. Shi et al. 2016, *Real-time single image and video super-resolution using
/// an efficient sub-pixel convolutional neural network*, arXiv:1609.05158.
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::nn::{pixel_shuffle, pixel_unshuffle};
///
/// let images = Tensor::<Flex, 4>::ones([2, 12, 4, 5], &Default::default());
/// let larger = pixel_shuffle(images, 2);
/// assert_eq!(larger.dims(), [2, 3, 8, 10]);
/// assert_eq!(pixel_unshuffle(larger, 2).dims(), [2, 12, 4, 5]);
/// ```
///
/// # Panics
/// If the square of the factor does not divide the channels.
pub fn pixel_shuffle<B: Backend>(images: Tensor<B, 4>, factor: usize) -> Tensor<B, 4> {
    let [batch, channels, height, width] = images.dims();
    assert!(
        factor > 0 && channels.is_multiple_of(factor * factor),
        "the channels of images of shape {:?} are no squares of {factor} by {factor} pixels",
        images.dims()
    );
    #[cfg(feature = "flex")]
    let images = match rearranged(Rearrange::Shuffle(factor), images) {
        Ok(larger) => return larger,
        Err(images) => images,
    };
    let channels = channels / (factor * factor);
    let parts: Tensor<B, 6> = images.reshape([batch, channels, factor, factor, height, width]);
    parts
        .permute([0, 1, 4, 2, 5, 3])
        .reshape([batch, channels, height * factor, width * factor])
}

/// Makes images smaller, their pixels channels: `[batch, channels, factor·height, factor·width]` to
/// `[batch, channels·factor², height, width]`, what [`pixel_shuffle`] turns back.
///
/// # Panics
/// If the factor does not divide height and width.
pub fn pixel_unshuffle<B: Backend>(images: Tensor<B, 4>, factor: usize) -> Tensor<B, 4> {
    let [batch, channels, height, width] = images.dims();
    assert!(
        factor > 0 && height.is_multiple_of(factor) && width.is_multiple_of(factor),
        "images of shape {:?} are not made of squares of {factor} by {factor} pixels",
        images.dims()
    );
    #[cfg(feature = "flex")]
    let images = match rearranged(Rearrange::Unshuffle(factor), images) {
        Ok(smaller) => return smaller,
        Err(images) => images,
    };
    let [height, width] = [height / factor, width / factor];
    let parts: Tensor<B, 6> = images.reshape([batch, channels, height, factor, width, factor]);
    parts
        .permute([0, 1, 3, 5, 2, 4])
        .reshape([batch, channels * factor * factor, height, width])
}
