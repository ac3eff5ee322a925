//! What a network is conditioned on: nothing, labels, or vectors.

mod labels;
mod rule;
mod vectors;

pub use labels::Labels;
pub use rule::{ConditionRule, ConditionSource, CustomConditions};
pub use vectors::Vectors;

use std::fmt::Debug;

use burn::backend::Autodiff;
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Int, Tensor};

use crate::random::Stream;

/// What both networks are conditioned on: `()` for an unconditional pair, [`Labels`] for a
/// class-conditional one, [`Vectors`] for attributes, embeddings of a text, measurements.
pub trait Condition<B: Backend>: Clone + Debug + Send + 'static {
    /// The same condition one level of automatic differentiation up.
    type Lifted: Condition<Autodiff<B>, Inner = Self>;
    /// The same condition without the outermost tape.
    type Inner: Condition<B::InnerBackend>
    where
        B: AutodiffBackend;

    /// The condition on `Autodiff<B>`.
    fn lift(&self) -> Self::Lifted;

    /// The condition without the outermost tape.
    fn inner(&self) -> Self::Inner
    where
        B: AutodiffBackend;

    /// The conditions of the samples at `indices` (`[count]`).
    fn select(&self, indices: Tensor<B, 1, Int>) -> Self;

    /// The conditions of the samples `start..start + count`.
    fn narrow(&self, start: usize, count: usize) -> Self;

    /// Conditions of batches put one after the other.
    ///
    /// # Panics
    /// If `batches` is empty, or their conditions differ in shape beyond the batch.
    fn concatenate(batches: Vec<Self>) -> Self;

    /// The conditions of packed samples: those of `count` neighbours together, none left out.
    ///
    /// # Panics
    /// If the batch is not divisible by `count`.
    fn pack(&self, count: usize) -> Self;

    /// The number of samples that it belongs to; `None` where it has no rows, as `()`.
    fn rows(&self) -> Option<usize> {
        None
    }

    /// Conditions of `count` samples, each one of `classes` with the same probability; `None` where
    /// conditions are not classes.
    fn uniform(
        count: usize,
        classes: usize,
        stream: &mut Stream,
        device: &B::Device,
    ) -> Option<Self> {
        let _ = (count, classes, stream, device);
        None
    }

    /// The class of each sample, on the device: `[batch]`, or of packed samples one class after the
    /// other, `[batch · pack]`; `None` where nothing is labelled.
    fn classes(&self) -> Option<Tensor<B, 1, Int>> {
        None
    }

    /// The vector of each sample, on the device, `[batch, size]`; `None` where conditions are none.
    fn vectors(&self) -> Option<Tensor<B, 2>> {
        None
    }

    /// [`classes`](Self::classes), read back from the device.
    fn labels(&self) -> Option<Vec<i64>> {
        let classes = self.classes()?;
        Some(classes.into_data().iter::<i64>().collect())
    }
}

impl<B: Backend> Condition<B> for () {
    type Lifted = ();
    type Inner
        = ()
    where
        B: AutodiffBackend;

    fn lift(&self) {}
    fn inner(&self)
    where
        B: AutodiffBackend,
    {
    }
    fn select(&self, _indices: Tensor<B, 1, Int>) {}
    fn narrow(&self, _start: usize, _count: usize) {}
    fn concatenate(_batches: Vec<Self>) {}
    fn pack(&self, _count: usize) {}
}
