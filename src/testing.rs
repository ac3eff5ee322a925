//! Shared by the unit tests: one test body, every CPU backend.

use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor};

/// The backend of tests that need only one.
pub(crate) type Cpu = burn::backend::Flex;
/// [`Cpu`] with a tape.
pub(crate) type CpuTape = burn::backend::Autodiff<Cpu>;

/// Runs generic test functions on Flex and NdArray.
macro_rules! for_each_backend {
    ($($name:ident),+ $(,)?) => {
        mod flex {
            $(#[test] fn $name() { super::$name::<burn::backend::Flex>(); })+
        }
        mod ndarray {
            $(#[test] fn $name() { super::$name::<burn::backend::NdArray>(); })+
        }
    };
}

/// Runs generic test functions on Flex and NdArray, each with a tape.
macro_rules! for_each_autodiff_backend {
    ($($name:ident),+ $(,)?) => {
        mod flex {
            $(#[test] fn $name() {
                super::$name::<burn::backend::Autodiff<burn::backend::Flex>>();
            })+
        }
        mod ndarray {
            $(#[test] fn $name() {
                super::$name::<burn::backend::Autodiff<burn::backend::NdArray>>();
            })+
        }
    };
}

pub(crate) use {for_each_autodiff_backend, for_each_backend};

pub(crate) fn tensor1<B: Backend>(values: impl AsRef<[f64]>) -> Tensor<B, 1> {
    Tensor::from_data(values.as_ref(), &Default::default())
}

pub(crate) fn tensor2<B: Backend, const C: usize>(
    rows: impl IntoIterator<Item = [f64; C]>,
) -> Tensor<B, 2> {
    let flat: Vec<f64> = rows.into_iter().flatten().collect();
    let count = flat.len() / C;
    tensor1::<B>(flat).reshape([count, C])
}

pub(crate) fn values<B: Backend, const R: usize>(tensor: Tensor<B, R>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}

pub(crate) fn int_values<B: Backend, const R: usize>(tensor: Tensor<B, R, Int>) -> Vec<i64> {
    tensor.into_data().iter::<i64>().collect()
}

/// Every pair of values agrees within `relative` of the larger one, or `absolute`.
#[track_caller]
pub(crate) fn assert_close(actual: &[f64], expected: &[f64], relative: f64, absolute: f64) {
    assert_eq!(actual.len(), expected.len(), "lengths differ");
    for (index, (a, e)) in actual.iter().zip(expected).enumerate() {
        let bound = absolute.max(relative * a.abs().max(e.abs()));
        assert!(
            (a - e).abs() <= bound,
            "at {index}: {a} is not {e} within {bound:.3e}"
        );
    }
}
