//! The order of images and series in memory.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

/// The same images, or series, with their channels innermost in memory, where that makes the layers that
/// follow faster.
///
/// Shape and numbers stay. On the CPU backend Flex this crate's convolutions and batch norms
/// compute with the channels innermost and give back what they were given: after this function they
/// pass images on without moving anything, in front of it each of them moves its input and its
/// output. burn's own operations are fastest on images that lie row by row; so put it at the
/// beginning of a stack of this crate's layers, as the stock DCGAN does, and leave it away where
/// additions or burn's activations stand between them. On other backends it does nothing.
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::nn::channels_last;
///
/// let images = Tensor::<Flex, 4>::ones([2, 3, 4, 5], &Default::default());
/// assert_eq!(channels_last(images).dims(), [2, 3, 4, 5]);
/// ```
pub fn channels_last<B: Backend, const R: usize>(images: Tensor<B, R>) -> Tensor<B, R> {
    #[cfg(feature = "flex")]
    if let Some(moved) = crate::kernels::channels_last(&images) {
        return moved;
    }
    images
}

/// What `compute` makes of images, which lies in memory as they do.
///
/// For operations of burn's, which give back what they like.
pub(super) fn in_their_order<B: Backend, const R: usize>(
    images: Tensor<B, R>,
    compute: impl FnOnce(Tensor<B, R>) -> Tensor<B, R>,
) -> Tensor<B, R> {
    #[cfg(feature = "flex")]
    if crate::kernels::lies_channels_last(&images) {
        let computed = compute(images);
        return crate::kernels::channels_last(&computed).unwrap_or(computed);
    }
    compute(images)
}

/// What `compute` makes of a tensor for each place by itself, or along the channels, whose axis is its
/// second argument. The result lies in memory as the tensor does.
///
/// burn's operations are fast on memory without gaps in the order of the shape: so what lies otherwise
/// is given another shape.
pub(super) fn as_it_lies<B: Backend, const R: usize>(
    x: Tensor<B, R>,
    compute: impl FnOnce(Tensor<B, R>, usize) -> Tensor<B, R>,
) -> Tensor<B, R> {
    #[cfg(feature = "flex")]
    if crate::kernels::lies_channels_last(&x) {
        // [0, 2, 3, …, 1] and back.
        let mut last: [usize; R] = std::array::from_fn(|axis| axis + 1);
        let mut back: [usize; R] = std::array::from_fn(|axis| axis.saturating_sub(1));
        (last[0], last[R - 1]) = (0, 1);
        (back[0], back[1]) = (0, R - 1);
        return compute(x.permute(last), R - 1).permute(back);
    }
    compute(x, 1)
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use crate::network::initialize;
    use crate::nn::{
        Activation, BatchNormConfig, Conv2dConfig, ConvTranspose2dConfig, LinearConfig,
    };
    use crate::testing::{gradients, values};
    use burn::backend::{Autodiff, Flex};
    use burn::module::Module;
    use burn::tensor::TensorData;

    type B = Autodiff<Flex>;

    /// Whether a tensor lies row by row.
    fn in_rows(x: Tensor<Flex, 4>) -> bool {
        x.into_primitive().tensor().is_contiguous()
    }

    fn images() -> Tensor<B, 4> {
        let numbers: Vec<f32> = (0..2 * 3 * 6 * 5)
            .map(|i| (i as f32 * 0.37).sin())
            .collect();
        Tensor::from_data(TensorData::new(numbers, [2, 3, 6, 5]), &Default::default())
    }

    /// Output, input's gradient and parameters' gradients; the first two lie as the input does.
    fn run<M: Module<B>>(
        layer: &M,
        last: bool,
        forward: impl Fn(&M, Tensor<B, 4>) -> Tensor<B, 4>,
    ) -> Vec<Vec<f64>> {
        let x = images();
        let x = if last { channels_last(x) } else { x };
        let x = Tensor::<B, 4>::from_inner(x.inner()).require_grad();
        let y = forward(layer, x.clone());
        let all = (y.clone() * y.clone()).sum().backward();
        let gradient = x.grad(&all).expect("a gradient of the input");
        assert_eq!(in_rows(y.clone().inner()), !last);
        let mut found = vec![values(y), values(gradient)];
        found.extend(gradients(layer, &all));
        found
    }

    #[test]
    fn layers_give_back_what_they_were_given() {
        let device = Default::default();
        let conv = Conv2dConfig::new([3, 4], [3, 3]).init::<B>(&device);
        let back = ConvTranspose2dConfig::new([3, 4], [3, 3]).init::<B>(&device);
        let norm = BatchNormConfig::new(3).init::<B>(&device);
        initialize(&conv);
        initialize(&back);
        let leaky = Activation::LEAKY;
        for last in [false, true] {
            // The order changes no number's arithmetic but that of burn's y².
            assert_eq!(
                run(&conv, last, |l, x| l.forward_activated(x, leaky)),
                run(&conv, false, |l, x| l.forward_activated(x, leaky))
            );
            assert_eq!(
                run(&back, last, |l, x| l.forward_activated(x, leaky)),
                run(&back, false, |l, x| l.forward_activated(x, leaky))
            );
            assert_eq!(
                run(&norm, last, |l, x| l.forward_activated(x, leaky)),
                run(&norm, false, |l, x| l.forward_activated(x, leaky))
            );
        }
    }

    #[test]
    fn a_gradient_goes_through_as_it_is() {
        let x = images().require_grad();
        let y = channels_last(x.clone());
        assert!(!in_rows(y.clone().inner()));
        assert_eq!(values(y.clone()), values(x.clone()));
        let weights = images().mul_scalar(3.0);
        let all = (y * weights.clone()).sum().backward();
        let gradient = x.grad(&all).expect("a gradient of the input");
        assert_eq!(values(gradient), values(weights));
        // A vector has one order only, and the layer after it takes it either way.
        let flat: Tensor<B, 2> = channels_last(images()).flatten(1, 3);
        let linear = LinearConfig::new(90, 2).init::<B>(&Default::default());
        assert_eq!(linear.forward(flat).dims(), [2, 2]);
    }
}
