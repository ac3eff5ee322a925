//! Channels scaled and shifted sample by sample.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::Activation;

/// Each channel of each sample times a number of its own, plus one where there is a `shift`, then an
/// activation: what styles, conditions and excitations do to images.
///
/// ```text
/// y[n, c, i, j] = f(scale[n, c]·x[n, c, i, j] + shift[n, c])
/// ```
///
/// `x` is `[batch, channels, …]`, `scale` and `shift` are `[batch, channels]`; the output lies in memory
/// as `x` does.
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::nn::{Activation, modulate};
///
/// let device = Default::default();
/// let images = Tensor::<Flex, 4>::ones([2, 3, 4, 5], &device);
/// let scale = Tensor::ones([2, 3], &device) * 2.0;
/// let images = modulate(images, scale, None, Activation::Identity);
/// assert_eq!(images.sum().into_scalar(), 2.0 * 2.0 * 3.0 * 4.0 * 5.0);
/// ```
///
/// # Panics
/// If the shapes don't fit each other.
pub fn modulate<B: Backend, const R: usize>(
    x: Tensor<B, R>,
    scale: Tensor<B, 2>,
    shift: Option<Tensor<B, 2>>,
    activation: Activation,
) -> Tensor<B, R> {
    let shape = x.dims();
    let fits = |numbers: &Tensor<B, 2>| R >= 2 && numbers.dims()[..] == shape[..2];
    assert!(
        fits(&scale) && shift.as_ref().is_none_or(fits),
        "{shape:?} can't be scaled by {:?} and shifted by {:?}: both must be [batch, channels]",
        scale.dims(),
        shift.map(|shift| shift.dims()),
    );
    #[cfg(feature = "flex")]
    if let Some(y) = crate::kernels::channel_scale(&x, &scale, shift.as_ref(), activation) {
        crate::kernels::released(x);
        return y;
    }
    let mut wide = [1; R];
    wide[..2].copy_from_slice(&shape[..2]);
    let mut y = x * scale.reshape(wide);
    if let Some(shift) = shift {
        y = y + shift.reshape(wide);
    }
    activation.apply(y)
}
