//! Comparison with what PyTorch computed in float64: outputs, gradients, and the gradients of half a
//! squared gradient, as `tests/golden/*.json` have them.

use burn::backend::Autodiff;
use burn::module::{HasAutodiffModule, Module};
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Tensor, TensorData};
use serde::Deserialize;

use super::{floats, gradients, values};
use crate::objective::input_gradient;

#[derive(Deserialize)]
pub(crate) struct Gradients {
    pub(crate) input: Vec<f64>,
    pub(crate) parameters: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
pub(crate) struct SecondOrder {
    pub(crate) value: f64,
    #[serde(flatten)]
    pub(crate) gradients: Gradients,
}

#[derive(Deserialize)]
pub(crate) struct Shaped {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f64>,
}

impl Shaped {
    pub(crate) fn tensor<B: Backend, const R: usize>(&self) -> Tensor<B, R> {
        floats(TensorData::new(self.values.clone(), self.shape.clone()))
    }
}

/// How far numbers may be from PyTorch's, relative to the largest of their tensor: single entries
/// may cancel to near 0.
#[derive(Clone, Copy)]
pub(crate) struct Tolerance {
    pub(crate) first: f64,
    pub(crate) second: f64,
    /// The largest gradient by any parameter, times this, counts as part of every tensor: sums that
    /// cancel, as those of a bias before a batch norm, keep the rounding of what they are made of.
    pub(crate) of_all: f64,
}

pub(crate) const IN_F32: Tolerance = Tolerance {
    first: 1e-5,
    second: 1e-4,
    of_all: 0.0,
};

pub(crate) const IN_F64: Tolerance = Tolerance {
    first: 1e-9,
    second: 1e-9,
    of_all: 0.0,
};

/// Tensors of small numbers are sums of larger ones, whose rounding they keep.
const SMALLEST_SCALE: f64 = 0.1;

#[track_caller]
pub(crate) fn check(name: &str, what: &str, actual: &[f64], expected: &[f64], relative: f64) {
    check_beside(SMALLEST_SCALE, (name, what), actual, expected, relative);
}

fn scale(smallest: f64, expected: &[f64]) -> f64 {
    expected.iter().fold(smallest, |m, e| m.max(e.abs()))
}

#[track_caller]
fn check_beside(
    smallest: f64,
    (name, what): (&str, &str),
    actual: &[f64],
    expected: &[f64],
    relative: f64,
) {
    assert_eq!(actual.len(), expected.len(), "{name}, {what}");
    let scale = scale(smallest, expected);
    for (index, (a, e)) in actual.iter().zip(expected).enumerate() {
        assert!(
            (a - e).abs() <= relative * scale,
            "{name}, {what} at {index}: {a} is not {e} within {relative:.0e} of {scale:.1e}"
        );
    }
}

/// The gradients of a scalar with respect to an input and to every parameter of a layer.
pub(crate) fn check_gradients<B: AutodiffBackend, M: Module<B>, const R: usize>(
    (name, what): (&str, &str),
    scalar: Tensor<B, 1>,
    (layer, x): (&M, &Tensor<B, R>),
    expected: &Gradients,
    (relative, of_all): (f64, f64),
) {
    let tape = scalar.backward();
    // Nothing is recorded for an input that the scalar does not depend on.
    let actual = match x.grad(&tape) {
        Some(gradient) => values(gradient),
        None => vec![0.0; expected.input.len()],
    };
    let of_input = format!("{what} of the input");
    check(name, &of_input, &actual, &expected.input, relative);
    let actual = gradients::<B, _>(layer, &tape);
    assert_eq!(actual.len(), expected.parameters.len(), "{name}");
    let largest = expected.parameters.iter().map(|e| scale(0.0, e));
    let smallest = SMALLEST_SCALE.max(of_all * largest.fold(0.0, f64::max));
    for (index, (actual, expected)) in actual.iter().zip(&expected.parameters).enumerate() {
        let what = format!("{what} of parameter {index}");
        check_beside(smallest, (name, &what), actual, expected, relative);
    }
}

/// Σ c·y + ½·Σ y², whose gradient depends on y: what is linear has a second order then too.
fn of_output<B: Backend, const S: usize>(y: Tensor<B, S>, c: Tensor<B, S>) -> Tensor<B, 1> {
    (c * y.clone()).sum() + y.square().sum().mul_scalar(0.5)
}

/// What a layer or a network is fed, and what comes of it: `output` y, the gradients of
/// s = Σ c·y + ½·Σ y², and `second_order` of ½·‖∂s/∂x‖².
#[derive(Deserialize)]
pub(crate) struct Passes {
    pub(crate) input: Shaped,
    pub(crate) parameters: Vec<Vec<f64>>,
    pub(crate) coefficients: Shaped,
    pub(crate) output: Shaped,
    pub(crate) gradients: Gradients,
    pub(crate) second_order: SecondOrder,
}

/// A module as a function of one tensor, on a tape and on a tape above it.
pub(crate) trait Function<B: Backend, const R: usize, const S: usize>: Module<B> {
    fn apply(&self, x: Tensor<B, R>) -> Tensor<B, S>;
}

impl Passes {
    /// Output and gradients of both orders of a module that has the parameters already.
    pub(crate) fn compare<B, M, const R: usize, const S: usize>(
        &self,
        name: &str,
        module: M,
        tolerance: Tolerance,
    ) where
        B: AutodiffBackend,
        M: Function<B, R, S>
            + HasAutodiffModule<Autodiff<B>, TrainModule: Function<Autodiff<B>, R, S>>,
    {
        let Tolerance {
            first,
            second,
            of_all,
        } = tolerance;
        let module = super::assign::<B, _>(module, self.parameters.clone());
        let x = self.input.tensor::<B, R>().require_grad();
        let c = self.coefficients.tensor::<B, S>();
        let y = module.apply(x.clone());
        assert_eq!(y.dims()[..], self.output.shape, "{name}");
        check(
            name,
            "output",
            &values(y.clone()),
            &self.output.values,
            first,
        );
        let scalar = of_output(y, c.clone());
        let expected = &self.gradients;
        let what = (name, "gradient");
        check_gradients(what, scalar, (&module, &x), expected, (first, of_all));

        let c: Tensor<Autodiff<B>, S> = Tensor::from_inner(c);
        // A leaf of its own: the tape of the first pass is used up.
        let x = self.input.tensor::<B, R>().require_grad();
        let slope = input_gradient(&module, x.clone(), |module, x| {
            of_output(module.apply(x), c)
        });
        let penalty = slope.square().sum() * 0.5;
        let expected = &self.second_order;
        check(
            name,
            "squared gradient",
            &values(penalty.clone()),
            &[expected.value],
            second,
        );
        check_gradients(
            (name, "second gradient"),
            penalty,
            (&module, &x),
            &expected.gradients,
            (second, of_all),
        );
    }
}
