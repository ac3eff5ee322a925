//! Some of the channels, and more of them.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

#[cfg(feature = "flex")]
use super::sum;
#[cfg(feature = "flex")]
use crate::kernels::{Rearrange, rearranged};

/// The first `count` channels: `[batch, channels, …]` to `[batch, count, …]`.
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::nn::{concatenate_channels, first_channels};
///
/// let images = Tensor::<Flex, 4>::ones([2, 6, 4, 5], &Default::default());
/// let few = first_channels(images.clone(), 2);
/// assert_eq!(few.dims(), [2, 2, 4, 5]);
/// assert_eq!(concatenate_channels(few, images).dims(), [2, 8, 4, 5]);
/// ```
///
/// # Panics
/// If there are fewer, or `count` is 0.
pub fn first_channels<B: Backend, const R: usize>(x: Tensor<B, R>, count: usize) -> Tensor<B, R> {
    let shape = x.dims();
    assert!(
        R >= 2 && (1..=shape[1]).contains(&count),
        "no first {count} channels in shape {shape:?}"
    );
    if count == shape[1] {
        return x;
    }
    #[cfg(feature = "flex")]
    let x = {
        let (first, of) = (0, shape[1]);
        match rearranged(Rearrange::Take { first, count, of }, x) {
            Ok(taken) => return taken,
            Err(x) => x,
        }
    };
    x.narrow(1, 0, count)
}

/// The channels of both, those of `a` first: `[batch, a, …]` and `[batch, b, …]` to `[batch, a + b, …]`.
///
/// # Panics
/// If they differ in more than their channels.
pub fn concatenate_channels<B: Backend, const R: usize>(
    a: Tensor<B, R>,
    b: Tensor<B, R>,
) -> Tensor<B, R> {
    let (left, right) = (a.dims(), b.dims());
    assert!(
        R >= 2 && left[0] == right[0] && left[2..] == right[2..],
        "shapes {left:?} and {right:?} differ in more than their channels"
    );
    #[cfg(feature = "flex")]
    let (a, b) = {
        let of = left[1] + right[1];
        let put = |x: Tensor<B, R>, first: usize| {
            let count = x.dims()[1];
            rearranged(Rearrange::Put { first, count, of }, x)
        };
        match (put(a, 0), put(b, left[1])) {
            (Ok(a), Ok(b)) => return sum(a, b),
            (Err(a), Err(b)) => (a, b),
            _ => unreachable!("both are of one backend"),
        }
    };
    Tensor::cat(vec![a, b], 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::channels_last;
    use crate::testing::{for_each_autodiff_backend, values};
    use burn::tensor::backend::AutodiffBackend;
    use burn::tensor::{Int, TensorData};

    fn numbered<B: AutodiffBackend>(shape: [usize; 4]) -> Tensor<B, 4> {
        let count = shape.iter().product::<usize>() as i64;
        let numbers = Tensor::<B, 1, Int>::arange(0..count, &Default::default()).float();
        numbers.reshape(shape)
    }

    fn channels_are_where_they_belong_and_so_are_their_gradients<B: AutodiffBackend>() {
        for last in [false, true] {
            let order = |x: Tensor<B, 4>| if last { channels_last(x) } else { x };
            let x = numbered::<B>([2, 5, 2, 3]).require_grad();
            let first = first_channels(order(x.clone()), 2);
            let expected = x.clone().slice([0..2, 0..2]);
            assert_eq!(values(first.clone()), values(expected));
            let y = numbered::<B>([2, 3, 2, 3]).mul_scalar(-1.0).require_grad();
            let both = concatenate_channels(first, order(y.clone()));
            assert_eq!(both.dims(), [2, 5, 2, 3]);
            assert_eq!(values(both.clone().slice([0..2, 2..5])), values(y.clone()));
            let c = numbered::<B>([2, 5, 2, 3]).add_scalar(1.0);
            let tape = (both * c.clone()).sum().backward();
            let c = c.inner();
            let by_y = y.grad(&tape).expect("a gradient");
            assert_eq!(values(by_y), values(c.clone().slice([0..2, 2..5])));
            let by_x = x.grad(&tape).expect("a gradient");
            let zeros = vec![0.0; 2 * 3 * 6];
            assert_eq!(values(by_x.clone().slice([0..2, 2..5])), zeros);
            assert_eq!(
                values(by_x.slice([0..2, 0..2])),
                values(c.slice([0..2, 0..2]))
            );
        }
        let all = numbered::<B>([1, 2, 1, 1]);
        assert_eq!(values(first_channels(all, 2)), [0.0, 1.0]);
    }

    for_each_autodiff_backend!(channels_are_where_they_belong_and_so_are_their_gradients);

    #[test]
    #[should_panic(expected = "no first 3 channels in shape [1, 2, 1]")]
    fn more_channels_than_there_are_can_t_be_taken() {
        let data = TensorData::new(vec![0.0f32; 2], [1, 2, 1]);
        let x = Tensor::<crate::testing::Cpu, 3>::from_data(data, &Default::default());
        first_channels(x, 3);
    }
}
