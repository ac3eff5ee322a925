//! What a network draws or judges: a batch of samples of any rank.

use std::fmt::Debug;

use burn::backend::Autodiff;
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Int, Tensor, TensorData};

use super::{Augmentation, of_pictures};
use crate::random::Stream;

/// A batch of samples: every float tensor whose first dimension is the batch, and every struct of
/// such tensors.
///
/// The trait is what lets a loss, a penalty or the trainer work on points, images and sequences
/// alike. A sample can be *lifted* one level of automatic differentiation up (exact gradient
/// penalties need that) and *lowered* one level down (sampling and metrics do without a tape).
///
/// Shapes: `[batch, …]`, the same rank throughout a network.
///
/// A sample of your own, an image with its mask say, is a struct of samples, and
/// [`impl_sample!`](crate::impl_sample) implements the trait field by field. By hand the seven
/// methods without a body are to be written: five that move between levels of differentiation, and
/// two that show the batch as rows of numbers, which all arithmetic goes by.
///
/// ```
/// use burn_gan::burn;
/// use burn::{backend::Flex, tensor::{Tensor, backend::Backend}};
/// use burn_gan::network::Sample;
///
/// /// Images with masks.
/// #[derive(Debug, Clone)]
/// struct Masked<B: Backend> {
///     image: Tensor<B, 4>,
///     mask: Tensor<B, 3>,
/// }
/// burn_gan::impl_sample!(Masked { image, mask });
///
/// let device = Default::default();
/// let batch = Masked::<Flex> {
///     image: Tensor::ones([5, 3, 8, 8], &device),
///     mask: Tensor::zeros([5, 8, 8], &device),
/// };
/// assert_eq!(batch.batch_size(), 5);
/// assert_eq!(batch.squared_norms().into_data().to_vec::<f32>()?, [192.0; 5]);
/// # Ok::<(), burn_gan::burn::tensor::DataError>(())
/// ```
pub trait Sample<B: Backend>: Clone + Debug + Send + 'static {
    /// The same sample one level of automatic differentiation up.
    type Lifted: Sample<Autodiff<B>, Inner = Self>;
    /// The same sample without the outermost tape.
    type Inner: Sample<B::InnerBackend>
    where
        B: AutodiffBackend;

    /// The batch on `Autodiff<B>`, a leaf there whose gradient is recorded.
    fn lift(self) -> Self::Lifted;

    /// The batch without the outermost tape.
    fn into_inner(self) -> Self::Inner
    where
        B: AutodiffBackend;

    /// A batch on the tape's backend that no gradient flows into.
    fn from_inner(inner: Self::Inner) -> Self
    where
        B: AutodiffBackend;

    /// The batch as a leaf of this backend's own tape, its gradient recorded.
    fn leaf(self) -> Self
    where
        B: AutodiffBackend;

    /// The batch's gradient, taken out of `gradients`; `None` if nothing depended on it.
    fn take_gradient(&self, gradients: &mut B::Gradients) -> Option<Self::Inner>
    where
        B: AutodiffBackend;

    /// The batch as rows, `[batch, numbers of a sample]`, on the same tape.
    fn rows(self) -> Tensor<B, 2>;

    /// Samples of the same form with other numbers, `[batch, numbers of a sample]`, on the tape of
    /// `rows`; there may be more or fewer of them.
    fn with_rows(&self, rows: Tensor<B, 2>) -> Self;

    /// The sizes of all dimensions, the batch first; `[batch, numbers of a sample]` where a sample
    /// is more than one tensor.
    fn shape(&self) -> Vec<usize> {
        self.clone().rows().dims().to_vec()
    }

    /// The number of samples in the batch.
    fn batch_size(&self) -> usize {
        self.shape()[0]
    }

    /// The device that holds the batch.
    fn device(&self) -> B::Device {
        self.clone().rows().device()
    }

    /// The same values, cut from the tape.
    fn detach(self) -> Self {
        let rows = self.clone().rows().detach();
        self.with_rows(rows)
    }

    /// The squared Euclidean norm of each sample, `[batch]`.
    ///
    /// ```text
    /// n_i = Σ_j x_ij²
    /// ```
    fn squared_norms(self) -> Tensor<B, 1> {
        self.rows().square().sum_dim(1).squeeze_dim(1)
    }

    /// The inner product of each sample with its counterpart, `[batch]`.
    ///
    /// ```text
    /// p_i = Σ_j x_ij·y_ij
    /// ```
    ///
    /// # Panics
    /// If the shapes differ.
    fn dot(self, other: Self) -> Tensor<B, 1> {
        one_shape(&self.shape(), &other.shape());
        (self.rows() * other.rows()).sum_dim(1).squeeze_dim(1)
    }

    /// Adds another batch, with one weight per sample.
    ///
    /// ```text
    /// z_i = x_i + w_i·y_i
    /// ```
    ///
    /// # Panics
    /// If the shapes differ, or `weights` is not `[batch]`.
    fn add_scaled(self, other: Self, weights: Tensor<B, 1>) -> Self {
        let rows = self.clone().rows();
        let sum = Sample::add_scaled(rows, other.rows(), weights);
        self.with_rows(sum)
    }

    /// The standard deviation of all numbers of the batch together, `[1]`.
    fn spread(&self) -> Tensor<B, 1> {
        let rows = self.clone().rows();
        let count = rows.dims().iter().product::<usize>();
        let all: Tensor<B, 1> = rows.reshape([count]);
        let mean = all.clone().mean();
        (all - mean).square().mean().sqrt()
    }

    /// The smallest and the largest number of each sample, each `[batch]`.
    ///
    /// With NaN among a sample's numbers, the backend decides what is returned.
    fn extremes(self) -> [Tensor<B, 1>; 2] {
        let rows = self.rows();
        [
            rows.clone().min_dim(1).squeeze_dim(1),
            rows.max_dim(1).squeeze_dim(1),
        ]
    }

    /// Draws from N(0, 1) in the batch's shape, made on the host.
    fn standard_normal_like(&self, stream: &mut Stream) -> Self {
        let noise = self.clone().rows().standard_normal_like(stream);
        self.with_rows(noise)
    }

    /// Each sample changed at random.
    ///
    /// # Panics
    /// If the change does not fit the sample's shape: changes of images take samples that are
    /// tensors, or structs of them by [`impl_sample!`](crate::impl_sample), whose images are all
    /// changed alike.
    fn augment(self, augmentation: &Augmentation, stream: &mut Stream) -> Self {
        let rows = self.clone().rows();
        self.with_rows(augmentation.apply(rows, stream))
    }

    /// Each picture of the samples, `[batch, channels, height, width]`, after a change that leaves its
    /// shape.
    ///
    /// # Panics
    /// If the samples are not pictures: tensors of at least two dimensions beside the batch, or structs
    /// of them by [`impl_sample!`](crate::impl_sample). A sample that is implemented by hand may leave
    /// this out.
    fn map_pictures(self, _change: &mut dyn FnMut(Tensor<B, 4>) -> Tensor<B, 4>) -> Self {
        panic!(
            "samples of this type can't be changed as images: their `Sample::map_pictures` is not \
             written"
        );
    }

    /// The samples at `indices` (`[count]`), in their order.
    fn select(self, indices: Tensor<B, 1, Int>) -> Self {
        let rows = self.clone().rows().select(0, indices);
        self.with_rows(rows)
    }

    /// The samples `start..start + count`.
    fn narrow(self, start: usize, count: usize) -> Self {
        let rows = self.clone().rows().narrow(0, start, count);
        self.with_rows(rows)
    }

    /// Batches put one after the other.
    ///
    /// # Panics
    /// If `batches` is empty, or the shapes differ beyond the batch.
    fn concatenate(batches: Vec<Self>) -> Self {
        let form = batches.first().expect("batches to concatenate").clone();
        let rows = batches.into_iter().map(Self::rows).collect();
        form.with_rows(Tensor::cat(rows, 0))
    }

    /// A mixture of two batches, with one weight per sample.
    ///
    /// ```text
    /// x_i = w_i·self_i + (1 − w_i)·other_i
    /// ```
    ///
    /// # Panics
    /// If the shapes differ, or `weights` is not `[batch]`.
    fn interpolate(self, other: Self, weights: Tensor<B, 1>) -> Self {
        let rows = Sample::interpolate(self.clone().rows(), other.rows(), weights);
        self.with_rows(rows)
    }

    /// `count` neighbours of the batch joined into one sample along the dimension after the
    /// batch (features of points, channels of images): `[batch, c, …]` becomes
    /// `[batch / count, count·c, …]`.
    ///
    /// # Panics
    /// If the batch is not divisible by `count`, a sample is a single number, or a sample that is
    /// implemented by hand leaves this out.
    fn pack(self, count: usize) -> Self {
        panic!(
            "samples of this type can't be packed by {count}: their `Sample::pack` is not written"
        );
    }
}

impl<B: Backend, const R: usize> Sample<B> for Tensor<B, R> {
    type Lifted = Tensor<Autodiff<B>, R>;
    type Inner
        = Tensor<B::InnerBackend, R>
    where
        B: AutodiffBackend;

    fn shape(&self) -> Vec<usize> {
        self.dims().to_vec()
    }

    fn device(&self) -> B::Device {
        Tensor::device(self)
    }

    fn detach(self) -> Self {
        Tensor::detach(self)
    }

    fn lift(self) -> Self::Lifted {
        Tensor::<Autodiff<B>, R>::from_inner(self).require_grad()
    }

    fn into_inner(self) -> Self::Inner
    where
        B: AutodiffBackend,
    {
        self.inner()
    }

    fn from_inner(inner: Self::Inner) -> Self
    where
        B: AutodiffBackend,
    {
        Tensor::from_inner(inner)
    }

    fn leaf(self) -> Self
    where
        B: AutodiffBackend,
    {
        Tensor::detach(self).require_grad()
    }

    fn take_gradient(&self, gradients: &mut B::Gradients) -> Option<Self::Inner>
    where
        B: AutodiffBackend,
    {
        self.grad_remove(gradients)
    }

    fn rows(self) -> Tensor<B, 2> {
        let batch = self.dims()[0];
        let width = self.dims().iter().skip(1).product();
        self.reshape([batch, width])
    }

    fn with_rows(&self, rows: Tensor<B, 2>) -> Self {
        let mut shape = self.dims();
        shape[0] = rows.dims()[0];
        rows.reshape(shape)
    }

    fn add_scaled(self, other: Self, weights: Tensor<B, 1>) -> Self {
        one_shape(&self.dims(), &other.dims());
        let weights = per_sample(weights, &self);
        self + other * weights
    }

    fn standard_normal_like(&self, stream: &mut Stream) -> Self {
        let shape = self.dims();
        let values = stream.normal(shape.iter().product());
        Tensor::from_data(
            TensorData::new(values, shape),
            (&Tensor::device(self), self.dtype()),
        )
    }

    fn augment(self, augmentation: &Augmentation, stream: &mut Stream) -> Self {
        augmentation.apply(self, stream)
    }

    fn map_pictures(self, change: &mut dyn FnMut(Tensor<B, 4>) -> Tensor<B, 4>) -> Self {
        of_pictures(self, change)
    }

    fn select(self, indices: Tensor<B, 1, Int>) -> Self {
        Tensor::select(self, 0, indices)
    }

    fn narrow(self, start: usize, count: usize) -> Self {
        Tensor::narrow(self, 0, start, count)
    }

    fn concatenate(batches: Vec<Self>) -> Self {
        assert!(!batches.is_empty(), "no batches to concatenate");
        Tensor::cat(batches, 0)
    }

    fn interpolate(self, other: Self, weights: Tensor<B, 1>) -> Self {
        one_shape(&self.dims(), &other.dims());
        let weights = per_sample(weights, &self);
        // other + w·(self − other): exact at w = 0, one product less than the textbook form.
        other.clone() + weights * (self - other)
    }

    fn pack(self, count: usize) -> Self {
        let mut shape = self.dims();
        assert!(
            R >= 2 && count > 0 && shape[0].is_multiple_of(count),
            "a batch of shape {shape:?} can't be packed by {count}: \
             the batch must be divisible by it and samples must have a dimension of their own",
        );
        shape[0] /= count;
        shape[1] *= count;
        self.reshape(shape)
    }
}

fn one_shape(x: &[usize], y: &[usize]) {
    assert_eq!(x, y, "two batches must have one shape: {x:?} and {y:?}");
}

/// Weights `[batch]` in a shape that multiplies a batch.
#[inline(never)]
fn per_sample<B: Backend, const R: usize>(
    weights: Tensor<B, 1>,
    batch: &Tensor<B, R>,
) -> Tensor<B, R> {
    let mut shape = [1; R];
    shape[0] = batch.dims()[0];
    assert_eq!(
        weights.dims()[0],
        shape[0],
        "one weight per sample: weights {:?}, batch {:?}",
        weights.dims(),
        batch.dims()
    );
    weights.reshape(shape)
}

crate::compiled::compiled! {
    per_sample::<Tape, 2>,
    per_sample::<Tape, 3>,
    per_sample::<Tape, 4>,
    per_sample::<Plain, 2>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{for_each_backend, on_wgpu, tensor1, tensor2, values};

    fn operations_match_their_formulas<B: Backend>() {
        let x = tensor2::<B, 2>([[1.0, 2.0], [3.0, 4.0]]);
        let y = tensor2::<B, 2>([[0.0, -2.0], [5.0, 4.0]]);
        assert_eq!(values(Sample::squared_norms(x.clone())), [5.0, 25.0]);
        assert_eq!(values(Sample::dot(x.clone(), y.clone())), [-4.0, 31.0]);
        let [least, most] = Sample::extremes(y.clone());
        assert_eq!(values(least), [-2.0, 4.0]);
        assert_eq!(values(most), [0.0, 5.0]);
        assert_eq!(
            values(Sample::add_scaled(
                x.clone(),
                y.clone(),
                tensor1([2.0, -1.0])
            )),
            [1.0, -2.0, -2.0, 0.0]
        );
        // 1, 2, 3, 4: the mean is 2.5, the variance 1.25.
        assert!((values(Sample::spread(&x))[0] - 1.25f64.sqrt()).abs() < 1e-6);
        assert_eq!(
            values(Sample::interpolate(
                x.clone(),
                y.clone(),
                tensor1([0.25, 1.0])
            )),
            [0.25, -1.0, 3.0, 4.0]
        );
        assert_eq!(Sample::shape(&Sample::pack(x.clone(), 2)), [1, 4]);
        assert_eq!(values(Sample::pack(x.clone(), 2)), [1.0, 2.0, 3.0, 4.0]);
        let both = <Tensor<B, 2> as Sample<B>>::concatenate(vec![x.clone(), y]);
        assert_eq!(Sample::batch_size(&both), 4);
        assert_eq!(values(Sample::narrow(both, 1, 1)), [3.0, 4.0]);
    }

    fn images_pack_along_channels<B: Backend>() {
        let x = Tensor::<B, 1, Int>::arange(0..32, &Default::default())
            .float()
            .reshape([4, 2, 2, 2]);
        let packed = Sample::pack(x.clone(), 2);
        assert_eq!(Sample::shape(&packed), [2, 4, 2, 2]);
        // The first packed image is the first two images, channel after channel.
        assert_eq!(
            values(Sample::narrow(packed, 0, 1)),
            values(Sample::narrow(x, 0, 2))
        );
    }

    for_each_backend!(operations_match_their_formulas, images_pack_along_channels);
    on_wgpu!(Wgpu; operations_match_their_formulas, images_pack_along_channels);

    #[test]
    #[should_panic(expected = "[3, 1] can't be packed by 2")]
    fn packing_an_odd_batch_panics_with_its_shape() {
        let x = tensor2::<crate::testing::Cpu, 1>([[1.0], [2.0], [3.0]]);
        let _ = Sample::pack(x, 2);
    }
}
