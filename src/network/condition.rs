//! What a network is told beside its input: nothing, or labels.

use std::fmt::Debug;

use burn::backend::Autodiff;
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Int, Tensor};

use crate::error::{Error, Result};

/// What both networks are told about each sample: `()` for an unconditional pair, [`Labels`] for
/// a class-conditional one.
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

    /// Conditions of batches put one behind the other.
    ///
    /// # Panics
    /// If `batches` is empty.
    fn concatenate(batches: Vec<Self>) -> Self;

    /// The condition of packed samples, `count` neighbours each: that of the first of them.
    fn pack(&self, count: usize) -> Self;

    /// The class of each sample, read back from the device; `None` where nothing is labelled.
    fn labels(&self) -> Option<Vec<i64>> {
        None
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

/// Class labels, one per sample: `[batch]`, each in `0..classes` of the network that reads them.
#[derive(Debug, Clone)]
pub struct Labels<B: Backend> {
    /// The class of each sample, `[batch]`.
    pub classes: Tensor<B, 1, Int>,
}

impl<B: Backend> Labels<B> {
    /// Labels that stand on a device already, `[batch]`.
    pub fn new(classes: Tensor<B, 1, Int>) -> Self {
        Self { classes }
    }

    /// Labels from host memory.
    ///
    /// # Errors
    /// If a label is not below `class_count`: an embedding would read beyond its table.
    pub fn from_slice(labels: &[usize], class_count: usize, device: &B::Device) -> Result<Self> {
        if let Some(wrong) = labels.iter().find(|label| **label >= class_count) {
            return Err(Error::setting(
                "labels",
                wrong,
                format!("must be below the number of classes, {class_count}"),
            ));
        }
        let labels: Vec<i32> = labels.iter().map(|label| *label as i32).collect();
        Ok(Self::new(Tensor::from_ints(labels.as_slice(), device)))
    }
}

impl<B: Backend> Condition<B> for Labels<B> {
    type Lifted = Labels<Autodiff<B>>;
    type Inner
        = Labels<B::InnerBackend>
    where
        B: AutodiffBackend;

    fn lift(&self) -> Self::Lifted {
        Labels::new(Tensor::from_inner(self.classes.clone()))
    }

    fn inner(&self) -> Self::Inner
    where
        B: AutodiffBackend,
    {
        Labels::new(self.classes.clone().inner())
    }

    fn select(&self, indices: Tensor<B, 1, Int>) -> Self {
        Self::new(self.classes.clone().select(0, indices))
    }

    fn narrow(&self, start: usize, count: usize) -> Self {
        Self::new(self.classes.clone().narrow(0, start, count))
    }

    fn concatenate(batches: Vec<Self>) -> Self {
        assert!(!batches.is_empty(), "no labels to concatenate");
        Self::new(Tensor::cat(
            batches.into_iter().map(|labels| labels.classes).collect(),
            0,
        ))
    }

    fn pack(&self, count: usize) -> Self {
        let batch = self.classes.dims()[0];
        assert!(
            count > 0 && batch.is_multiple_of(count),
            "labels of shape [{batch}] can't be packed by {count}"
        );
        let rows: Tensor<B, 2, Int> = self.classes.clone().reshape([batch / count, count]);
        Self::new(rows.narrow(1, 0, 1).reshape([batch / count]))
    }

    fn labels(&self) -> Option<Vec<i64>> {
        Some(self.classes.clone().into_data().iter::<i64>().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{for_each_backend, int_values, on_wgpu};

    fn labels_follow_their_samples<B: Backend>() {
        let device = Default::default();
        let labels = Labels::<B>::from_slice(&[3, 1, 2, 0], 4, &device).expect("labels in range");
        assert_eq!(int_values(Condition::narrow(&labels, 1, 2).classes), [1, 2]);
        assert_eq!(int_values(Condition::pack(&labels, 2).classes), [3, 2]);
        let picked = Condition::select(&labels, Tensor::from_ints([3, 0], &device));
        assert_eq!(int_values(picked.classes), [0, 3]);
        let both = Condition::concatenate(vec![labels.clone(), labels]);
        assert_eq!(both.classes.dims(), [8]);
        assert_eq!(Condition::labels(&both), Some(vec![3, 1, 2, 0, 3, 1, 2, 0]));
        assert_eq!(Condition::<B>::labels(&()), None);
    }

    for_each_backend!(labels_follow_their_samples);
    on_wgpu!(Wgpu; labels_follow_their_samples);

    #[test]
    fn a_label_out_of_range_is_refused() {
        let error = Labels::<crate::testing::Cpu>::from_slice(&[0, 10], 10, &Default::default())
            .expect_err("10 is no class of 10");
        assert!(error.to_string().contains("`labels` = 10"), "{error}");
    }
}
