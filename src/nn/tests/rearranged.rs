//! What puts channels and pixels elsewhere, and the gated linear unit, over random shapes: on every
//! backend what burn's operations give on NdArray in f64, output, gradient, and the gradient of the
//! squared gradient, whichever way the images lie.

use burn::backend::{Autodiff, NdArray};
use burn::tensor::backend::AutodiffBackend;
use burn::tensor::{Tensor, TensorData};

use crate::nn::{
    Activation, balanced_sum, channels_last, gated_linear_unit, pixel_norm, pixel_shuffle,
    pixel_unshuffle,
};
use crate::random::Stream;
use crate::testing::{floats, for_each_autodiff_backend, settle_precision, values};

use super::properties::{TOLERANCE, close, normal};

/// What is done to images.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Gated,
    Shuffle(usize),
    Unshuffle(usize),
    PixelNorm,
    BalancedSum,
}

#[derive(Debug)]
struct Case {
    kind: Kind,
    shape: [usize; 4],
    numbers: Vec<f64>,
}

const CASES: usize = 40;

impl Case {
    fn draw(stream: &mut Stream, index: usize) -> Self {
        let mut between = |low: usize, high: usize| low + stream.index(high - low + 1);
        let factor = between(2, 4);
        let [batch, channels] = [between(1, 3), between(1, 33)];
        let [height, width] = [between(1, 7), between(1, 7)];
        let (kind, shape) = match index % 5 {
            0 => (Kind::Gated, [batch, 2 * channels, height, width]),
            1 => {
                let channels = channels.div_ceil(factor) * factor * factor;
                (Kind::Shuffle(factor), [batch, channels, height, width])
            }
            2 => {
                let shape = [batch, channels, factor * height, factor * width];
                (Kind::Unshuffle(factor), shape)
            }
            3 => (Kind::PixelNorm, [batch, channels, height, width]),
            _ => (Kind::BalancedSum, [batch, channels, height, width]),
        };
        let numbers = normal(stream, shape.iter().product(), 1.0);
        Self {
            kind,
            shape,
            numbers,
        }
    }

    fn ours<B: AutodiffBackend>(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        match self.kind {
            Kind::Gated => gated_linear_unit(x),
            Kind::Shuffle(factor) => pixel_shuffle(x, factor),
            Kind::Unshuffle(factor) => pixel_unshuffle(x, factor),
            Kind::PixelNorm => pixel_norm(x),
            Kind::BalancedSum => balanced_sum(x.clone(), x.square()),
        }
    }

    /// By burn's operations alone.
    fn by_burn<B: AutodiffBackend>(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        let [batch, channels, height, width] = self.shape;
        match self.kind {
            Kind::Gated => {
                let half = channels / 2;
                let gate = Activation::Sigmoid.apply(x.clone().narrow(1, half, half));
                x.narrow(1, 0, half) * gate
            }
            Kind::Shuffle(factor) => {
                let channels = channels / (factor * factor);
                let parts: Tensor<B, 6> =
                    x.reshape([batch, channels, factor, factor, height, width]);
                let parts = parts.permute([0, 1, 4, 2, 5, 3]);
                parts.reshape([batch, channels, factor * height, factor * width])
            }
            Kind::Unshuffle(factor) => {
                let [height, width] = [height / factor, width / factor];
                let parts: Tensor<B, 6> =
                    x.reshape([batch, channels, height, factor, width, factor]);
                let parts = parts.permute([0, 1, 3, 5, 2, 4]);
                parts.reshape([batch, channels * factor * factor, height, width])
            }
            Kind::PixelNorm => {
                let square = x.clone().square().mean_dim(1);
                x * square.add_scalar(1e-8).powf_scalar(-0.5)
            }
            Kind::BalancedSum => (x.clone() + x.square()) * 0.5f64.sqrt(),
        }
    }

    /// The output, the gradient of Σ (y + y³/3), and that of half its square.
    fn found<B: AutodiffBackend>(
        &self,
        last: bool,
        function: impl Fn(&Self, Tensor<Autodiff<B>, 4>) -> Tensor<Autodiff<B>, 4>,
    ) -> [Vec<f64>; 3] {
        let x = floats::<B, 4>(TensorData::new(self.numbers.clone(), self.shape)).require_grad();
        let outer = Tensor::<Autodiff<B>, 4>::from_inner(x.clone()).require_grad();
        let given = match last {
            true => channels_last(outer.clone()),
            false => outer.clone(),
        };
        let y = function(self, given);
        let cubed = y.clone() * y.clone() * y.clone();
        let tape = (y.clone() + cubed.div_scalar(3.0)).sum().backward();
        let first = outer.grad(&tape).expect("a gradient");
        let tape = first.clone().square().sum().mul_scalar(0.5).backward();
        let second = x.grad(&tape).expect("a second one");
        [values(y), values(first), values(second)]
    }
}

fn they_are_burns_over_random_shapes<B: AutodiffBackend>() {
    settle_precision();
    let mut stream = Stream::new(7, "rearranged");
    for index in 0..CASES {
        let case = Case::draw(&mut stream, index);
        let expected = case.found::<Autodiff<NdArray<f64>>>(false, Case::by_burn);
        for last in [false, true] {
            let found = case.found::<B>(last, Case::ours);
            for (order, (found, expected)) in found.iter().zip(&expected).enumerate() {
                let what = (case.kind, case.shape, last, order);
                close(&what, found, expected, 4.0 * TOLERANCE);
            }
        }
    }
}

for_each_autodiff_backend!(they_are_burns_over_random_shapes);

#[test]
fn they_leave_images_as_they_lie() {
    type Flex = burn::backend::Flex;
    let in_rows = |x: Tensor<Flex, 4>| x.into_primitive().tensor().is_contiguous();
    let x = Tensor::<Flex, 4>::ones([2, 8, 4, 6], &Default::default());
    for (x, rows) in [(x.clone(), true), (channels_last(x), false)] {
        assert_eq!(in_rows(gated_linear_unit(x.clone())), rows);
        assert_eq!(in_rows(pixel_shuffle(x.clone(), 2)), rows);
        assert_eq!(in_rows(pixel_unshuffle(x.clone(), 2)), rows);
        assert_eq!(in_rows(pixel_norm(x.clone())), rows);
        assert_eq!(in_rows(balanced_sum(x.clone(), x)), rows);
    }
}
