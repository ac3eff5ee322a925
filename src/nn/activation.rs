//! What activations compute.

use burn::tensor::Tensor;
use burn::tensor::activation::{leaky_relu, relu};
use burn::tensor::backend::Backend;

pub use crate::activation::Activation;

impl Activation {
    /// Applies the function; the output lies in memory as the input does. On the CPU backend Flex it
    /// runs on a kernel of this crate, which images with their
    /// [channels innermost](super::channels_last()) need: burn's activations are slow on those.
    pub fn apply<B: Backend, const R: usize>(&self, x: Tensor<B, R>) -> Tensor<B, R> {
        if *self == Self::Identity {
            return x;
        }
        #[cfg(feature = "flex")]
        let x = match crate::kernels::applied(*self, x) {
            Ok(y) => return y,
            Err(x) => x,
        };
        match *self {
            Self::Identity => x,
            Self::Relu => relu(x),
            Self::LeakyRelu { slope } => leaky_relu(x, slope),
            Self::Tanh => x.tanh(),
            Self::Sigmoid => sigmoid(x),
        }
    }
}

/// 1/(1 + e^−x), which keeps its digits, and those of its gradient, far out on both sides.
///
/// ```text
/// σ(x) = e/(1 + e), e = eˣ   x < 0
/// σ(x) = 1/(1 + e), e = e^−x  otherwise
/// ```
///
/// burn's own goes through f32, whatever the tensor is of.
fn sigmoid<B: Backend, const R: usize>(x: Tensor<B, R>) -> Tensor<B, R> {
    let below = x.clone().lower_elem(0.0);
    let e = x.clone().neg().mask_where(below.clone(), x).exp();
    let above = e.ones_like().mask_where(below, e.clone());
    // No quotient: its derivative takes burn's reciprocal, which has 16 bits on NdArray.
    let root = e.add_scalar(1.0).powf_scalar(-0.5);
    above * root.clone() * root
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        assert_close, floats, for_each_autodiff_backend, on_wgpu, tensor1, values,
    };
    use burn::backend::{Autodiff, NdArray};
    use burn::tensor::backend::AutodiffBackend;

    const AT: [f64; 13] = [
        -80.0, -20.0, -9.0, -3.0, -0.7, -1e-3, 0.0, 1e-3, 0.7, 3.0, 9.0, 20.0, 80.0,
    ];

    fn exact_sigmoid(x: f64) -> [f64; 3] {
        let e = (-x.abs()).exp();
        let y = if x < 0.0 {
            e / (1.0 + e)
        } else {
            1.0 / (1.0 + e)
        };
        let slope = e / (1.0 + e).powi(2);
        [y, slope, -(0.5 * x).tanh() * slope]
    }

    fn exact_tanh(x: f64) -> [f64; 3] {
        let (y, slope) = (x.tanh(), x.cosh().powi(-2));
        [y, slope, -2.0 * y * slope]
    }

    /// Values, first and second derivatives at [`AT`].
    fn derivatives<B: AutodiffBackend>(activation: Activation) -> [Vec<f64>; 3] {
        let inner = tensor1::<B>(AT).require_grad();
        let outer = Tensor::<Autodiff<B>, 1>::from_inner(inner.clone()).require_grad();
        let y = activation.apply(outer.clone());
        let first = outer.grad(&y.clone().sum().backward()).expect("a gradient");
        let second = inner
            .grad(&first.clone().sum().backward())
            .expect("a second one");
        [values(y), values(first), values(second)]
    }

    fn compare<B: AutodiffBackend>(
        activation: Activation,
        exact: fn(f64) -> [f64; 3],
        relative: f64,
    ) {
        let expected = AT.map(exact);
        for (order, found) in derivatives::<B>(activation).into_iter().enumerate() {
            for (found, expected) in found.iter().zip(&expected) {
                // Near 0 the second derivative is a difference of terms of the slope's size.
                let absolute = if order == 2 {
                    (relative * expected[1]).max(1e-37)
                } else {
                    1e-37
                };
                assert_close(&[*found], &[expected[order]], relative, absolute);
            }
        }
    }

    fn a_sigmoid_and_its_derivatives_keep_their_digits<B: AutodiffBackend>() {
        compare::<B>(Activation::Sigmoid, exact_sigmoid, 2e-6);
    }

    for_each_autodiff_backend!(a_sigmoid_and_its_derivatives_keep_their_digits);
    on_wgpu!(Autodiff<Wgpu>; a_sigmoid_and_its_derivatives_keep_their_digits);

    #[test]
    fn a_tanh_of_the_kernels_and_its_derivatives_keep_their_digits() {
        compare::<Autodiff<crate::testing::Cpu>>(Activation::Tanh, exact_tanh, 2e-6);
    }

    #[test]
    fn in_double_precision_a_sigmoid_has_its_digits() {
        crate::testing::settle_precision();
        compare::<Autodiff<NdArray<f64>>>(Activation::Sigmoid, exact_sigmoid, 1e-13);
        // Its ends, and what is no number.
        let ends = [f64::INFINITY, f64::NEG_INFINITY, f64::NAN, -700.0];
        let x: Tensor<NdArray<f64>, 1> = floats(burn::tensor::TensorData::from(ends));
        let y = values(Activation::Sigmoid.apply(x));
        assert_eq!((y[0], y[1]), (1.0, 0.0));
        assert!(y[2].is_nan());
        assert_close(&y[3..], &[(-700f64).exp()], 1e-13, 0.0);
    }
}
