//! Sums of a branch and what it goes past.

use burn::module::{Initializer, Module, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::{Activation, modulate, sum};

/// Adds a branch by a learnt share.
///
/// ```text
/// y = x + γ·f(x)
/// ```
///
/// γ is one number for the whole branch. From 0 on, a deep network begins as a shallow one (Bachlechner
/// et al. 2020, *ReZero is all you need*, arXiv:2003.04887; Zhang et al. 2018, arXiv:1805.08318).
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::nn::ResidualScale;
///
/// let device = Default::default();
/// let x = Tensor::<Flex, 4>::ones([2, 3, 4, 5], &device);
/// let y = ResidualScale::new(0.5, &device).forward(x.clone(), x * 4.0);
/// assert_eq!(y.max().into_scalar(), 3.0);
/// ```
#[derive(Module, Debug)]
pub struct ResidualScale<B: Backend> {
    gamma: Param<Tensor<B, 1>>,
}

impl<B: Backend> ResidualScale<B> {
    /// A share that begins at `gamma`.
    pub fn new(gamma: f64, device: &B::Device) -> Self {
        Self {
            gamma: Initializer::Constant { value: gamma }.init([1], device),
        }
    }

    /// x + γ·f, each `[batch, channels, …]`.
    ///
    /// # Panics
    /// If the shapes differ, or have no channels.
    pub fn forward<const R: usize>(&self, x: Tensor<B, R>, f: Tensor<B, R>) -> Tensor<B, R> {
        assert_eq!(x.dims(), f.dims(), "a branch and what it goes past");
        assert!(R >= 2, "a branch of shape {:?} has no channels", f.dims());
        let [batch, channels] = [f.dims()[0], f.dims()[1]];
        let share = self.gamma.val().reshape([1, 1]).expand([batch, channels]);
        sum(x, modulate(f, share, None, Activation::Identity))
    }
}

/// The sum of two branches, as large as each of them: (x + y)·√½.
///
/// Independent branches of variance 1 have a sum of variance 2. Karras et al. 2019, arXiv:1912.04958.
///
/// # Panics
/// If the shapes differ.
pub fn balanced_sum<B: Backend, const R: usize>(x: Tensor<B, R>, y: Tensor<B, R>) -> Tensor<B, R> {
    assert_eq!(x.dims(), y.dims(), "two branches");
    let factor = std::f64::consts::FRAC_1_SQRT_2;
    #[cfg(feature = "flex")]
    return crate::kernels::times(sum(x, y), factor);
    #[cfg(not(feature = "flex"))]
    return sum(x, y).mul_scalar(factor);
}
