//! The minibatch standard deviation layer.

use burn::module::Module;
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
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
/// Shapes: `[batch, channels, …]` to `[batch, channels + 1, …]`. A batch has `batch / group`
/// groups, rounded down, and at least one; sample i is in group i modulo their number. So groups
/// have `group` samples where that divides the batch, otherwise they are as even as can be and none
/// is smaller than `group` (of 37 samples, `group` 4: eight groups of 4, one of 5); a smaller batch
/// is one group. Each group's variance is over its own samples. A generator that collapses to few
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
    /// The least number of samples in a group; 4 in the papers.
    pub group: usize,
}
}

impl MinibatchStd {
    /// Groups of `group` samples, or somewhat more where that does not divide the batch; 0 counts
    /// as 1.
    pub fn new(group: usize) -> Self {
        Self { group }
    }

    /// Applies the layer, `[batch, channels, …]` to `[batch, channels + 1, …]`.
    pub fn forward<B: Backend, const R: usize>(&self, input: Tensor<B, R>) -> Tensor<B, R> {
        let shape = input.dims();
        let batch = shape[0];
        let groups = (batch / self.group.max(1)).max(1);
        let features: usize = shape[1..].iter().product();
        // Row r holds the samples r·groups, r·groups + 1, …, one of each group; the last row may be
        // short.
        let rows = batch.div_ceil(groups);
        let missing = rows * groups - batch;
        let mut x: Tensor<B, 2> = input.clone().reshape([batch, features]);
        if missing > 0 {
            x = Tensor::cat(vec![x.clone(), x.zeros_like().narrow(0, 0, missing)], 0);
        }
        let x: Tensor<B, 3> = x.reshape([rows, groups, features]);
        let shares = Shares {
            rows,
            groups,
            missing,
        };
        let mean = shares.mean(x.clone());
        let distance = shares.present(x - mean);
        let spread = shares.mean(distance.square()).add_scalar(EPSILON).sqrt();
        let spread: Tensor<B, 3> = spread.mean_dim(2);
        let mut channel = shape;
        channel[1] = 1;
        let mut single = [1; R];
        single[0] = batch;
        let spread: Tensor<B, 2> = spread.repeat_dim(0, rows).reshape([rows * groups, 1]);
        let spread: Tensor<B, R> = spread.narrow(0, 0, batch).reshape(single);
        Tensor::cat(vec![input, spread.expand(channel)], 1)
    }
}

/// Which places of `[rows, groups, features]` hold a sample: the last row is without its last
/// `missing`.
struct Shares {
    rows: usize,
    groups: usize,
    missing: usize,
}

impl Shares {
    /// The mean of each group, `[1, groups, features]`; places without a sample must hold 0.
    fn mean<B: Backend>(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        if self.missing == 0 {
            return x.mean_dim(0);
        }
        let whole = self.groups - self.missing;
        let shares = (0..self.groups).map(|group| {
            let samples = if group < whole {
                self.rows
            } else {
                self.rows - 1
            };
            1.0 / samples as f64
        });
        let shares = self.constant(&x, shares.collect(), [1, self.groups, 1]);
        x.sum_dim(0) * shares
    }

    /// 0 where there is no sample.
    fn present<B: Backend>(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        if self.missing == 0 {
            return x;
        }
        let samples = self.rows * self.groups - self.missing;
        let mask = (0..self.rows * self.groups).map(|place| f64::from(u8::from(place < samples)));
        let mask = self.constant(&x, mask.collect(), [self.rows, self.groups, 1]);
        x * mask
    }

    fn constant<B: Backend>(
        &self,
        like: &Tensor<B, 3>,
        values: Vec<f64>,
        shape: [usize; 3],
    ) -> Tensor<B, 3> {
        let values = TensorData::new(values, shape);
        Tensor::from_data(values, (&like.device(), like.dtype()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        assert_close, for_each_autodiff_backend, on_wgpu, tensor1, tensor2, values,
    };
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

    /// The new channel's number for each sample, and its sum's gradient, from the definition.
    fn by_hand(x: &[Vec<f64>], group: usize) -> (Vec<f64>, Vec<f64>) {
        let (batch, features) = (x.len(), x[0].len());
        let groups = (batch / group).max(1);
        let mut channel = vec![0.0; batch];
        let mut gradient = vec![0.0; batch * features];
        for first in 0..groups {
            let members: Vec<usize> = (first..batch).step_by(groups).collect();
            let count = members.len() as f64;
            for j in 0..features {
                let mean = members.iter().map(|i| x[*i][j]).sum::<f64>() / count;
                let square = members.iter().map(|i| (x[*i][j] - mean).powi(2));
                let spread = (square.sum::<f64>() / count + EPSILON).sqrt();
                for i in &members {
                    channel[*i] += spread / features as f64;
                    // Each of the group's `count` copies of s has ∂s/∂x = (x − mean)/(count·s).
                    gradient[i * features + j] = (x[*i][j] - mean) / spread / features as f64;
                }
            }
        }
        (channel, gradient)
    }

    fn uneven_groups_have_the_statistics_of_their_own_samples<B: AutodiffBackend>() {
        for (batch, group, sizes) in [
            (37, 4, vec![5, 4, 4, 4, 4, 4, 4, 4, 4]),
            (35, 4, vec![5, 5, 5, 4, 4, 4, 4, 4]),
            (36, 4, vec![4; 9]),
            (7, 4, vec![7]),
            (5, 2, vec![3, 2]),
            (3, 4, vec![3]),
        ] {
            let groups = sizes.len();
            let found: Vec<_> = (0..groups)
                .map(|first| (first..batch).step_by(groups).count())
                .collect();
            assert_eq!(found, sizes);
            let mut stream = crate::random::Stream::new(3, "uneven groups");
            let rows: Vec<Vec<f64>> = (0..batch)
                .map(|_| stream.normal(3).into_iter().map(f64::from).collect())
                .collect();
            let flat: Vec<f64> = rows.iter().flatten().copied().collect();
            let x: Tensor<B, 2> = tensor1::<B>(flat).reshape([batch, 3]);
            let x = x.require_grad();
            let channel = MinibatchStd::new(group).forward(x.clone()).narrow(1, 3, 1);
            let (expected, slopes) = by_hand(&rows, group);
            assert_close(&values(channel.clone()), &expected, 1e-5, 0.0);
            assert!(expected.iter().all(|spread| *spread > 0.1), "{expected:?}");
            let gradient = x.grad(&channel.sum().backward()).expect("a gradient");
            assert_close(&values(gradient), &slopes, 1e-4, 1e-5);
        }
    }

    fn uneven_groups_can_be_differentiated_twice<B: AutodiffBackend>() {
        type Tape<B> = burn::backend::Autodiff<B>;
        let x: Vec<f64> = vec![0.3, -1.0, 0.8, 2.0, -0.4];
        // ½·‖∂(Σ channel)/∂x‖², of groups {0, 2, 4} and {1, 3}, and its gradient by differences of
        // the closed form's.
        let half_square = |x: &[f64]| {
            let rows: Vec<Vec<f64>> = x.iter().map(|x| vec![*x]).collect();
            let (_, gradient) = by_hand(&rows, 2);
            0.5 * gradient.iter().map(|g| g * g).sum::<f64>()
        };
        let expected: Vec<f64> = (0..x.len())
            .map(|i| {
                let at = |step: f64| {
                    let mut x = x.clone();
                    x[i] += step;
                    half_square(&x)
                };
                (at(1e-3) - at(-1e-3)) / 2e-3
            })
            .collect();
        let inner: Tensor<B, 2> = tensor1::<B>(&x).reshape([5, 1]);
        let inner = inner.require_grad();
        let outer = Tensor::<Tape<B>, 2>::from_inner(inner.clone()).require_grad();
        let channel = MinibatchStd::new(2).forward(outer.clone()).narrow(1, 1, 1);
        let gradient = outer.grad(&channel.sum().backward()).expect("a gradient");
        let penalty = gradient.square().sum().mul_scalar(0.5);
        assert_close(&values(penalty.clone()), &[half_square(&x)], 1e-5, 0.0);
        let second = inner.grad(&penalty.backward()).expect("a second gradient");
        assert_close(&values(second), &expected, 1e-3, 1e-5);
    }

    fn no_group_has_no_members<B: AutodiffBackend>() {
        let x = Tensor::<B, 4>::ones([6, 1, 2, 2], &Default::default());
        for group in [0, 1, 4, 6, 7, usize::MAX] {
            let shape = MinibatchStd::new(group).forward(x.clone()).dims();
            assert_eq!(shape, [6, 2, 2, 2]);
        }
    }

    for_each_autodiff_backend!(
        each_group_gets_its_mean_deviation,
        uneven_groups_have_the_statistics_of_their_own_samples,
        uneven_groups_can_be_differentiated_twice,
        no_group_has_no_members,
    );
    on_wgpu!(
        Autodiff<Wgpu>;
        each_group_gets_its_mean_deviation,
        uneven_groups_have_the_statistics_of_their_own_samples,
    );
}
