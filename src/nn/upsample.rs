//! Larger images.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

/// Each pixel as a block of `factor` × `factor` of them (nearest-neighbour upsampling),
/// `[batch, channels, height, width]` to `[batch, channels, height·factor, width·factor]`.
///
/// It can be differentiated any number of times on every backend, which burn's `interpolate` can't.
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::nn::upsample_nearest;
///
/// let images = Tensor::<Flex, 4>::ones([2, 3, 4, 6], &Default::default());
/// assert_eq!(upsample_nearest(images, 2).dims(), [2, 3, 8, 12]);
/// ```
///
/// # Panics
/// If `factor` is 0.
pub fn upsample_nearest<B: Backend>(images: Tensor<B, 4>, factor: usize) -> Tensor<B, 4> {
    assert!(factor > 0, "images can't be made larger by a factor of 0");
    if factor == 1 {
        return images;
    }
    #[cfg(feature = "flex")]
    {
        let [_, _, height, width] = images.dims();
        let taps: std::sync::Arc<[f32]> = vec![1.0; factor].into();
        let filter = crate::kernels::Resample {
            taps: [taps.clone(), taps],
            up: [factor, factor],
            down: [1, 1],
            begin: [factor as isize - 1; 2],
            input: [height, width],
            output: [height * factor, width * factor],
        };
        match crate::kernels::resampled(&filter, images) {
            Ok(larger) => larger,
            Err(images) => repeated(images, factor),
        }
    }
    #[cfg(not(feature = "flex"))]
    repeated(images, factor)
}

/// By burn's operations.
fn repeated<B: Backend>(images: Tensor<B, 4>, factor: usize) -> Tensor<B, 4> {
    let [batch, channels, height, width] = images.dims();
    images
        .reshape([batch, channels, height, 1, width, 1])
        .expand([batch, channels, height, factor, width, factor])
        .reshape([batch, channels, height * factor, width * factor])
}
