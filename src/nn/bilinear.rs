//! Bilinear resizing.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::separable::{Axis, map_axes};

/// Makes images larger by a whole factor, with straight lines between the centres of pixels:
/// `[batch, channels, height, width]` to `[batch, channels, factor·height, factor·width]`.
///
/// [`resize_bilinear`] to the larger size.
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::nn::upsample_bilinear;
///
/// let images = Tensor::<Flex, 4>::ones([2, 3, 4, 5], &Default::default());
/// assert_eq!(upsample_bilinear(images, 2).dims(), [2, 3, 8, 10]);
/// ```
///
/// # Panics
/// If the factor is 0.
pub fn upsample_bilinear<B: Backend>(images: Tensor<B, 4>, factor: usize) -> Tensor<B, 4> {
    let [_, _, height, width] = images.dims();
    resize_bilinear(images, [height * factor, width * factor])
}

/// Resizes images to `[height, width]` by bilinear interpolation.
///
/// ```text
/// at(i) = max((i + ½)·height/height_out − ½, 0)         in the input's pixels
/// y[i, j] = x at (at(i), at(j)), between the four pixels around it; beyond the edge, the edge's
/// ```
///
/// Pixels are squares whose centres lie at halves and images fill the same square: PyTorch's
/// `interpolate` with `align_corners=False`. Nothing is smoothed before an image becomes smaller.
/// Shapes: `[batch, channels, …]` to the same. It can be differentiated twice, which burn's
/// interpolations can't; the output lies in memory as the input does.
///
/// # Panics
/// If a side is 0.
pub fn resize_bilinear<B: Backend>(images: Tensor<B, 4>, size: [usize; 2]) -> Tensor<B, 4> {
    let [_, _, height, width] = images.dims();
    assert!(
        height > 0 && width > 0 && !size.contains(&0),
        "images of shape {:?} can't be resized to {size:?}",
        images.dims()
    );
    if size == [height, width] {
        return images;
    }
    let [rows, columns] = size;
    let (rows, columns) = (Axis::linear(height, rows), Axis::linear(width, columns));
    map_axes(images, &rows, &columns)
}
