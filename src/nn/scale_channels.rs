//! Channels times numbers of their sample's.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::channels_last::in_their_order;

/// Multiplies each channel of each image by a number: `[batch, channels, height, width]` and
/// `[batch, channels]`, or `[1, channels]` for all images alike.
///
/// The output lies in memory as the images do.
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::nn::scale_channels;
///
/// let images = Tensor::<Flex, 4>::ones([2, 3, 4, 5], &Default::default());
/// let twice = Tensor::ones([2, 3], &Default::default()) * 2.0;
/// assert_eq!(scale_channels(images, twice).sum().into_scalar(), 240.0);
/// ```
///
/// # Panics
/// If there is not a number for each channel.
pub fn scale_channels<B: Backend>(images: Tensor<B, 4>, scale: Tensor<B, 2>) -> Tensor<B, 4> {
    let [batch, channels, _, _] = images.dims();
    let [samples, numbers] = scale.dims();
    assert!(
        numbers == channels && (samples == batch || samples == 1),
        "images of shape {:?} can't be scaled by numbers of shape {:?}",
        images.dims(),
        scale.dims()
    );
    in_their_order(images, |images| {
        images * scale.reshape([samples, channels, 1, 1])
    })
}
