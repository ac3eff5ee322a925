//! Means over parts of an image, as many as are asked for.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::mean_pool;
use super::separable::{Axis, map_axes};

/// Means over `size` parts of each image, whatever the image's size: `[batch, channels, height,
/// width]` to `[batch, channels, size[0], size[1]]`.
///
/// ```text
/// y[i, j] = mean of x over rows ⌊i·height/size⌋ … ⌈(i + 1)·height/size⌉ − 1, columns alike
/// ```
///
/// Parts overlap by a row or a column where the size does not divide the image's: PyTorch's
/// `adaptive_avg_pool2d`. It can be differentiated twice, which burn's can't; the output lies in
/// memory as the input does.
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::nn::adaptive_mean_pool;
///
/// let images = Tensor::<Flex, 4>::ones([2, 3, 9, 5], &Default::default());
/// assert_eq!(adaptive_mean_pool(images, [4, 4]).dims(), [2, 3, 4, 4]);
/// ```
///
/// # Panics
/// If a side is 0.
pub fn adaptive_mean_pool<B: Backend>(images: Tensor<B, 4>, size: [usize; 2]) -> Tensor<B, 4> {
    let [_, _, height, width] = images.dims();
    assert!(
        height > 0 && width > 0 && !size.contains(&0),
        "images of shape {:?} have no means over {size:?} parts",
        images.dims()
    );
    if size == [height, width] {
        return images;
    }
    let [rows, columns] = size;
    if height % rows == 0 && width % columns == 0 && height / rows == width / columns {
        return mean_pool(images, height / rows);
    }
    map_axes(
        images,
        &Axis::means(height, rows),
        &Axis::means(width, columns),
    )
}
