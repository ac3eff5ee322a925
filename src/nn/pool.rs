//! Smaller images: the mean or the largest of each block of pixels.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

/// The means over blocks of `factor` × `factor` pixels, `[batch, channels, height, width]` to
/// `[batch, channels, height/factor, width/factor]`.
///
/// It can be differentiated any number of times on every backend, which burn's `avg_pool2d` can't.
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::nn::mean_pool;
///
/// let images = Tensor::<Flex, 4>::ones([2, 3, 4, 6], &Default::default());
/// assert_eq!(mean_pool(images, 2).dims(), [2, 3, 2, 3]);
/// ```
///
/// # Panics
/// If `factor` is 0 or does not divide height and width.
pub fn mean_pool<B: Backend>(images: Tensor<B, 4>, factor: usize) -> Tensor<B, 4> {
    let blocks = check(&images, factor);
    if factor == 1 {
        return images;
    }
    #[cfg(feature = "flex")]
    {
        let [_, _, height, width] = images.dims();
        let taps: std::sync::Arc<[f32]> = vec![1.0 / factor as f32; factor].into();
        let filter = crate::kernels::Resample {
            taps: [taps.clone(), taps],
            up: [1, 1],
            down: [factor, factor],
            begin: [0, 0],
            input: [height, width],
            output: [blocks[2], blocks[4]],
        };
        match crate::kernels::resampled(&filter, images) {
            Ok(smaller) => smaller,
            Err(images) => means(images, blocks),
        }
    }
    #[cfg(not(feature = "flex"))]
    means(images, blocks)
}

/// By burn's operations.
fn means<B: Backend>(images: Tensor<B, 4>, blocks: [usize; 6]) -> Tensor<B, 4> {
    let [batch, channels, height, _, width, _] = blocks;
    images
        .reshape(blocks)
        .mean_dim(5)
        .mean_dim(3)
        .reshape([batch, channels, height, width])
}

/// The largest of each block of `factor` × `factor` pixels, shapes as for [`mean_pool`].
///
/// It can be differentiated any number of times on every backend, which burn's `max_pool2d` can't. Of
/// several equal ones the gradient goes to one.
///
/// # Panics
/// If `factor` is 0 or does not divide height and width.
pub fn max_pool<B: Backend>(images: Tensor<B, 4>, factor: usize) -> Tensor<B, 4> {
    let blocks = check(&images, factor);
    if factor == 1 {
        return images;
    }
    let [batch, channels, height, _, width, _] = blocks;
    images
        .reshape(blocks)
        .max_dim(5)
        .max_dim(3)
        .reshape([batch, channels, height, width])
}

/// The shape `[batch, channels, height/factor, factor, width/factor, factor]`.
fn check<B: Backend>(images: &Tensor<B, 4>, factor: usize) -> [usize; 6] {
    let [batch, channels, height, width] = images.dims();
    assert!(
        factor > 0 && height % factor == 0 && width % factor == 0,
        "images of {height}×{width} don't fall into blocks of {factor}×{factor} pixels"
    );
    let (rows, columns) = (height / factor, width / factor);
    [batch, channels, rows, factor, columns, factor]
}
