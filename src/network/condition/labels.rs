//! Class labels.

use burn::backend::Autodiff;
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Int, Tensor};

use super::Condition;
use crate::error::{Error, Result};
use crate::random::Stream;

/// Class labels, one per sample: `[batch]`, each in `0..classes` of the network that reads them.
///
/// Packed samples ([`Packed`](crate::network::Packed)) have one for each sample of a pack.
#[derive(Debug, Clone)]
pub struct Labels<B: Backend> {
    /// The class of each sample, `[batch]`; of packs, sample after sample, `[batch · pack]`.
    pub classes: Tensor<B, 1, Int>,
    per_sample: usize,
}

impl<B: Backend> Labels<B> {
    /// Labels that are on a device already, `[batch]`.
    pub fn new(classes: Tensor<B, 1, Int>) -> Self {
        Self {
            classes,
            per_sample: 1,
        }
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
        Ok(Self::of(labels.iter().copied(), device))
    }

    fn of(labels: impl Iterator<Item = usize>, device: &B::Device) -> Self {
        let labels: Vec<i32> = labels.map(|label| label as i32).collect();
        Self::new(Tensor::from_ints(labels.as_slice(), device))
    }

    /// How many labels a sample has: 1, or as many as a pack has samples.
    pub fn per_sample(&self) -> usize {
        self.per_sample
    }

    /// `[batch, per sample]`.
    fn table(&self) -> Tensor<B, 2, Int> {
        let rows = self.classes.dims()[0] / self.per_sample;
        self.classes.clone().reshape([rows, self.per_sample])
    }

    /// Other labels, as many per sample.
    fn like(&self, classes: Tensor<B, 1, Int>) -> Self {
        Self {
            classes,
            per_sample: self.per_sample,
        }
    }
}

impl<B: Backend> Condition<B> for Labels<B> {
    type Lifted = Labels<Autodiff<B>>;
    type Inner
        = Labels<B::InnerBackend>
    where
        B: AutodiffBackend;

    fn lift(&self) -> Self::Lifted {
        Labels {
            classes: Tensor::from_inner(self.classes.clone()),
            per_sample: self.per_sample,
        }
    }

    fn inner(&self) -> Self::Inner
    where
        B: AutodiffBackend,
    {
        Labels {
            classes: self.classes.clone().inner(),
            per_sample: self.per_sample,
        }
    }

    fn select(&self, indices: Tensor<B, 1, Int>) -> Self {
        if self.per_sample == 1 {
            return Self::new(self.classes.clone().select(0, indices));
        }
        self.like(self.table().select(0, indices).flatten(0, 1))
    }

    fn narrow(&self, start: usize, count: usize) -> Self {
        let classes = self.classes.clone();
        self.like(classes.narrow(0, start * self.per_sample, count * self.per_sample))
    }

    fn concatenate(batches: Vec<Self>) -> Self {
        assert!(!batches.is_empty(), "no labels to concatenate");
        let per_sample = batches[0].per_sample;
        assert!(
            batches.iter().all(|batch| batch.per_sample == per_sample),
            "labels of packs of different sizes can't be concatenated"
        );
        let batches = batches.into_iter().map(|labels| labels.classes);
        Self {
            classes: Tensor::cat(batches.collect(), 0),
            per_sample,
        }
    }

    fn pack(&self, count: usize) -> Self {
        let batch = self.classes.dims()[0] / self.per_sample;
        assert!(
            count > 0 && batch.is_multiple_of(count),
            "labels of shape [{batch}] can't be packed by {count}"
        );
        Self {
            classes: self.classes.clone(),
            per_sample: self.per_sample * count,
        }
    }

    fn rows(&self) -> Option<usize> {
        Some(self.classes.dims()[0] / self.per_sample)
    }

    fn uniform(
        count: usize,
        classes: usize,
        stream: &mut Stream,
        device: &B::Device,
    ) -> Option<Self> {
        Some(Self::of((0..count).map(|_| stream.index(classes)), device))
    }

    fn classes(&self) -> Option<Tensor<B, 1, Int>> {
        Some(self.classes.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Cpu, for_each_backend, int_values, on_wgpu};

    fn labels_follow_their_samples<B: Backend>() {
        let device = Default::default();
        let labels = Labels::<B>::from_slice(&[3, 1, 2, 0], 4, &device).expect("labels in range");
        assert_eq!(int_values(Condition::narrow(&labels, 1, 2).classes), [1, 2]);
        let picked = Condition::select(&labels, Tensor::from_ints([3, 0], &device));
        assert_eq!(int_values(picked.classes), [0, 3]);
        let both = Condition::concatenate(vec![labels.clone(), labels]);
        assert_eq!(both.classes.dims(), [8]);
        assert_eq!(Condition::labels(&both), Some(vec![3, 1, 2, 0, 3, 1, 2, 0]));
        assert_eq!(Condition::rows(&both), Some(8));
        assert_eq!(Condition::<B>::labels(&()), None);
    }

    fn all_labels_of_a_pack_follow_it<B: Backend>() {
        let device = Default::default();
        let labels = Labels::<B>::from_slice(&[3, 1, 2, 0, 1, 1], 4, &device);
        let packs = Condition::pack(&labels.expect("labels in range"), 2);
        assert_eq!((packs.per_sample(), Condition::rows(&packs)), (2, Some(3)));
        assert_eq!(Condition::labels(&packs), Some(vec![3, 1, 2, 0, 1, 1]));
        let last = Condition::narrow(&packs, 1, 2);
        assert_eq!(Condition::labels(&last), Some(vec![2, 0, 1, 1]));
        let picked = Condition::select(&packs, Tensor::from_ints([2, 0], &device));
        assert_eq!(Condition::labels(&picked), Some(vec![1, 1, 3, 1]));
        let both = Condition::concatenate(vec![last, picked]);
        assert_eq!((both.per_sample(), Condition::rows(&both)), (2, Some(4)));
        assert_eq!(Condition::labels(&both), Some(vec![2, 0, 1, 1, 1, 1, 3, 1]));
        // Packs of packs.
        let four = Condition::pack(&both, 2);
        assert_eq!((four.per_sample(), Condition::rows(&four)), (4, Some(2)));
        let lifted = Condition::lift(&four);
        assert_eq!(lifted.per_sample(), 4);
        assert_eq!(Condition::inner(&lifted).per_sample(), 4);
    }

    for_each_backend!(labels_follow_their_samples, all_labels_of_a_pack_follow_it);
    on_wgpu!(Wgpu; labels_follow_their_samples, all_labels_of_a_pack_follow_it);

    #[test]
    fn a_label_out_of_range_is_refused() {
        let error = Labels::<Cpu>::from_slice(&[0, 10], 10, &Default::default())
            .expect_err("10 is no class of 10");
        assert!(error.to_string().contains("`labels` = 10"), "{error}");
    }

    #[test]
    fn uniform_labels_hit_every_class_alike() {
        let (count, device) = (50_000, Default::default());
        let mut stream = Stream::new(4, "conditions");
        let labels: Labels<Cpu> =
            Condition::uniform(count, 10, &mut stream, &device).expect("classes");
        let mut hits = [0_usize; 10];
        for label in Condition::labels(&labels).expect("labels") {
            hits[label as usize] += 1;
        }
        for hits in hits {
            // Five standard errors: √(p(1 − p)/n) is 0.00134.
            let share = hits as f64 / count as f64;
            assert!((share - 0.1).abs() < 0.0067, "{share}");
        }
    }

    #[test]
    #[should_panic(expected = "labels of shape [3] can't be packed by 2")]
    fn labels_that_make_no_whole_packs_panic() {
        let labels = Labels::<Cpu>::from_slice(&[0, 1, 2], 3, &Default::default());
        Condition::pack(&labels.expect("labels in range"), 2);
    }
}
