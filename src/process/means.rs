//! Means over all processes within a network's pass, and their way back through the tape.

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::tensor::backend::Backend;
use burn::tensor::ops::FloatTensor;
use burn::tensor::{Tensor, TensorPrimitive};
use scoped_tls_hkt::scoped_thread_local;

use super::Across;
use crate::retyped::{is, taken, tensor};

scoped_thread_local!(static NOW: for<'a> &'a Across<'a>);

/// Makes layers that can take their statistics over all processes while `pass` goes on, forward or
/// backward. The first error of the group is kept by `across`.
pub(crate) fn synchronized<R>(across: &Across<'_>, pass: impl FnOnce() -> R) -> R {
    match across.is_alone() {
        true => pass(),
        false => NOW.set(across, pass),
    }
}

/// Whether a pass goes on in which statistics are to be those of all processes.
pub(crate) fn is_synchronized() -> bool {
    NOW.is_set()
}

/// A backend, or a tape over one, on which means over processes are an operation.
///
/// ```text
/// M = mean over r of m_r          ∂c/∂m_r = mean over s of ∂c/∂M at process s
/// ```
///
/// where c is the sum of what all processes compute. The operation is linear and its own adjoint, so a
/// tape over a tape differentiates it as often as it likes.
pub(crate) trait Means: Backend {
    fn mean(x: FloatTensor<Self>) -> FloatTensor<Self>;
}

/// The mean on a backend without a tape.
fn plain<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    assert!(
        NOW.is_set(),
        "statistics of all processes are differentiated after the step that they belong to"
    );
    // The rank does not matter to a sum over processes.
    let x = Tensor::<B, 1>::from_primitive(TensorPrimitive::Float(x));
    let mean = NOW.with(|across| across.mean(x));
    mean.into_primitive().tensor()
}

#[derive(Debug)]
struct MeanStep;

impl<B: Means> Backward<B, 1> for MeanStep {
    type State = ();

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        unary::<B, _>(ops.parents, ops.node, gradients, B::mean);
    }
}

impl<B: Means> Means for Autodiff<B> {
    fn mean(x: FloatTensor<Self>) -> FloatTensor<Self> {
        match MeanStep
            .prepare::<NoCheckpointing>([x.node])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(step) => step.finish((), B::mean(x.primitive)),
            OpsKind::UnTracked(step) => step.finish(B::mean(x.primitive)),
        }
    }
}

fn run<B: Backend, K: Means>(x: Tensor<B, 1>) -> Tensor<B, 1> {
    tensor::<B, K, 1>(K::mean(taken::<B, K, 1>(x)))
}

/// Backends without a tape that have the operation, and how they are known by their names, with or
/// without tapes.
macro_rules! backends {
    ($($feature:literal: $backend:ty),* $(,)?) => {
        $(
            #[cfg(feature = $feature)]
            impl Means for $backend {
                fn mean(x: FloatTensor<Self>) -> FloatTensor<Self> {
                    plain::<Self>(x)
                }
            }
        )*

        fn known<B: Backend>() -> Option<fn(Tensor<B, 1>) -> Tensor<B, 1>> {
            $(
                #[cfg(feature = $feature)]
                {
                    if is::<B, $backend>() {
                        return Some(run::<B, $backend>);
                    }
                    if is::<B, Autodiff<$backend>>() {
                        return Some(run::<B, Autodiff<$backend>>);
                    }
                    if is::<B, Autodiff<Autodiff<$backend>>>() {
                        return Some(run::<B, Autodiff<Autodiff<$backend>>>);
                    }
                }
            )*
            None
        }
    };
}

backends! {
    "flex": burn::backend::Flex,
    "ndarray": burn::backend::NdArray,
    "ndarray": burn::backend::NdArray<f64>,
    "wgpu": burn::backend::Wgpu,
}

/// Whether statistics of all processes can be taken on a backend.
pub(crate) fn can_be_synchronized<B: Backend>() -> bool {
    known::<B>().is_some()
}

/// The mean over all processes, where they are asked for; otherwise what was given.
///
/// # Panics
/// If they are asked for on a backend that has none.
pub(crate) fn mean_of_all<B: Backend>(x: Tensor<B, 1>) -> Tensor<B, 1> {
    if !is_synchronized() {
        return x;
    }
    let mean = known::<B>().expect("a backend that was looked at before the run");
    mean(x)
}
