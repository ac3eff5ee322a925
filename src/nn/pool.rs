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
    #[cfg(feature = "flex")]
    if crate::kernels::lies_channels_last(&images) {
        return largest_of_blocks(images.permute([0, 2, 3, 1]), factor).permute([0, 3, 1, 2]);
    }
    let [batch, channels, height, _, width, _] = blocks;
    let alone = images.reshape([batch * channels, height * factor, width * factor, 1]);
    largest_of_blocks(alone, factor).reshape([batch, channels, height, width])
}

/// The largest of each block of places, `[batch, height, width, channels]` to
/// `[batch, height/factor, width/factor, channels]`; rows and columns that fill no block are left out.
pub(super) fn largest_of_blocks<B: Backend>(x: Tensor<B, 4>, factor: usize) -> Tensor<B, 4> {
    let [batch, height, width, channels] = x.dims();
    let [rows, columns] = [height / factor, width / factor];
    let x = x.narrow(1, 0, rows * factor).narrow(2, 0, columns * factor);
    let x: Tensor<B, 5> = x.reshape([batch, rows, factor, columns * factor, channels]);
    let x: Tensor<B, 5> = largest_along(x, 2).reshape([batch, rows, columns, factor, channels]);
    largest_along(x, 3).reshape([batch, rows, columns, channels])
}

/// The largest along an axis: pair by pair, in the order in which numbers lie, where burn's `max_dim` looks
/// for each by itself.
fn largest_along<B: Backend>(x: Tensor<B, 5>, axis: usize) -> Tensor<B, 5> {
    let mut slices = (0..x.dims()[axis]).map(|place| x.clone().narrow(axis, place, 1));
    let first = slices.next().expect("a block is not empty");
    slices.fold(first, larger)
}

/// The larger of two numbers at each place, a NaN where one of them is none; of equal ones the gradient goes
/// to the first. burn's `max_pair` passes over a NaN in the second.
pub(super) fn larger<B: Backend, const R: usize>(a: Tensor<B, R>, b: Tensor<B, R>) -> Tensor<B, R> {
    let takes_over = b.clone().greater(a.clone()).bool_or(b.clone().is_nan());
    a.mask_where(takes_over, b)
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
