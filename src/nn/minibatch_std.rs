//! The minibatch standard deviation layer.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use crate::settings::settings;

/// Keeps the root's derivative finite for a batch of equal samples.
const EPSILON: f64 = 1e-8;

settings! {
/// Tells a discriminator how much the samples of a batch differ: one more channel, constant over
/// each group of samples.
///
/// ```text
/// s_jk = √(Var over the group of x_·jk + 1e-8),     new channel = mean over j, k of s_jk
/// ```
///
/// Shapes: `[batch, channels, …]` to `[batch, channels + 1, …]`. Groups have `group` samples, or,
/// where the batch can't be cut so, as many as divide it. A generator that collapses to few
/// modes makes batches without spread, which the discriminator now sees.
///
/// Karras, Aila, Laine, Lehtinen 2017, *Progressive growing of GANs*, arXiv:1710.10196, section 3.
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::nn::MinibatchStd;
///
/// let images = Tensor::<Flex, 4>::ones([8, 3, 4, 4], &Default::default());
/// assert_eq!(MinibatchStd::new(4).forward(images).dims(), [8, 4, 4, 4]);
/// ```
#[derive(Module, Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct MinibatchStd {
    /// The number of samples in a group; 4 in the papers.
    pub group: usize,
}
}

impl MinibatchStd {
    /// Groups of `group` samples; 0 counts as 1.
    pub fn new(group: usize) -> Self {
        Self { group }
    }

    /// Applies the layer, `[batch, channels, …]` to `[batch, channels + 1, …]`.
    pub fn forward<B: Backend, const R: usize>(&self, input: Tensor<B, R>) -> Tensor<B, R> {
        let shape = input.dims();
        let batch = shape[0];
        let size = (1..=self.group.clamp(1, batch))
            .rev()
            .find(|size| batch.is_multiple_of(*size))
            .unwrap_or(1);
        let features = shape[1..].iter().product();
        // Group g holds the samples g, g + groups, g + 2·groups, …
        let groups = batch / size;
        let x: Tensor<B, 3> = input.clone().reshape([size, groups, features]);
        let distance = x.clone() - x.mean_dim(0);
        let spread = distance.square().mean_dim(0).add_scalar(EPSILON).sqrt();
        let spread: Tensor<B, 3> = spread.mean_dim(2);
        let mut channel = shape;
        channel[1] = 1;
        let mut single = [1; R];
        single[0] = batch;
        let spread: Tensor<B, R> = spread.repeat_dim(0, size).reshape(single);
        Tensor::cat(vec![input, spread.expand(channel)], 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, for_each_autodiff_backend, on_wgpu, tensor2, values};
    use burn::tensor::backend::AutodiffBackend;

    fn each_group_gets_its_mean_deviation<B: AutodiffBackend>() {
        // Groups of two: samples 0 and 2, 1 and 3.
        let x = tensor2::<B, 2>([[1.0, 5.0], [2.0, 2.0], [3.0, -1.0], [2.0, 2.0]]).require_grad();
        let y = MinibatchStd::new(2).forward(x.clone());
        let last = values(y.clone().narrow(1, 2, 1));
        // Deviations 1 and 3 in the first group; none in the second, the root of 1e-8.
        assert_close(&last, &[2.0, 1e-4, 2.0, 1e-4], 1e-5, 0.0);
        let gradient = x
            .grad(&y.narrow(1, 2, 1).sum().backward())
            .expect("a gradient");
        // ∂s/∂x = (x − mean)/(2·s), half of it by the mean over features, twice by the two copies.
        let half = 0.5;
        let expected = [-half, half, 0.0, 0.0, half, -half, 0.0, 0.0];
        assert_close(&values(gradient), &expected, 1e-5, 1e-6);
    }

    fn a_group_that_does_not_divide_the_batch_shrinks<B: AutodiffBackend>() {
        let x = Tensor::<B, 4>::ones([6, 1, 2, 2], &Default::default());
        assert_eq!(MinibatchStd::new(4).forward(x.clone()).dims(), [6, 2, 2, 2]);
        assert_eq!(MinibatchStd::new(0).forward(x).dims(), [6, 2, 2, 2]);
    }

    for_each_autodiff_backend!(
        each_group_gets_its_mean_deviation,
        a_group_that_does_not_divide_the_batch_shrinks,
    );
    on_wgpu!(Autodiff<Wgpu>; each_group_gets_its_mean_deviation);
}
