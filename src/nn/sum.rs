//! Sums of branches.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

/// a + b, where two branches of a network meet.
///
/// Shapes are equal. The sum lies in memory as `a` does: images with their
/// [channels innermost](super::channels_last()) stay so at full speed on the CPU backend Flex, where
/// burn's own addition is slow on them. Elsewhere it is burn's.
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::nn::sum;
///
/// let images = Tensor::<Flex, 4>::ones([2, 3, 4, 5], &Default::default());
/// assert_eq!(sum(images.clone(), images).dims(), [2, 3, 4, 5]);
/// ```
///
/// # Panics
/// If the shapes differ.
pub fn sum<B: Backend, const R: usize>(a: Tensor<B, R>, b: Tensor<B, R>) -> Tensor<B, R> {
    let (left, right) = (a.dims(), b.dims());
    assert_eq!(
        left, right,
        "branches of shapes {left:?} and {right:?} can't be added"
    );
    #[cfg(feature = "flex")]
    return crate::kernels::added(a, b);
    #[cfg(not(feature = "flex"))]
    return a + b;
}
