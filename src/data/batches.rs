//! Which samples come together: batches as a pure function of seed and epoch.

use serde::Serialize;

use crate::error::{Error, Result, check};
use crate::random::{Stream, derived_seed};
use crate::settings::settings;
use crate::sizes;

settings! {
/// What becomes of a last batch that is shorter than the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LastBatch {
    /// It is left out, so that every batch has the same size. With shuffling, other samples are
    /// left out in the next epoch.
    #[default]
    Drop,
    /// It is given as it is, short. It is never padded.
    Keep,
}
}

settings! {
/// How a data set is cut into batches.
///
/// An epoch's batches depend on the seed and the epoch's number alone. A run that goes on at
/// batch k of epoch e therefore needs no stored state to see the very samples that it would have
/// seen.
///
/// ```
/// use burn_gan::data::{BatchPlan, LastBatch};
///
/// let plan = BatchPlan::new(4).with_last(LastBatch::Keep);
/// let batches = plan.epoch(10, 42, 0)?;
/// let sizes: Vec<usize> = batches.iter().map(Vec::len).collect();
/// assert_eq!(sizes, [4, 4, 2]);
/// assert_eq!(batches, plan.epoch(10, 42, 0)?);
/// assert_ne!(batches, plan.epoch(10, 42, 1)?);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BatchPlan {
    /// Samples per batch, at least 1.
    pub batch_size: usize,
    /// Whether each epoch has its own random order; otherwise samples come as they are stored.
    pub shuffle: bool,
    /// What becomes of a short last batch.
    pub last: LastBatch,
}
}

impl BatchPlan {
    /// Shuffled batches of `batch_size` samples; a short last one is dropped.
    pub fn new(batch_size: usize) -> Self {
        Self {
            batch_size,
            shuffle: true,
            last: LastBatch::Drop,
        }
    }

    /// Whether each epoch has its own random order.
    pub fn with_shuffle(mut self, shuffle: bool) -> Self {
        self.shuffle = shuffle;
        self
    }

    /// What becomes of a short last batch.
    pub fn with_last(mut self, last: LastBatch) -> Self {
        self.last = last;
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// If `batch_size` is 0 or above 2²⁰.
    pub fn validate(&self) -> Result<()> {
        check::at_least("batch_size", self.batch_size, 1)?;
        check::at_most("batch_size", self.batch_size, sizes::BATCH)
    }

    /// The number of batches of an epoch over `len` samples; at least 1.
    ///
    /// ```text
    /// Drop: ⌊len / batch_size⌋,   Keep: ⌈len / batch_size⌉
    /// ```
    ///
    /// # Errors
    /// If `batch_size` is 0, if there are no samples, or if short batches are dropped and there
    /// are too few samples for a whole one.
    pub fn batches(&self, len: usize) -> Result<usize> {
        self.validate()?;
        if len == 0 {
            return Err(Error::data(
                "data set",
                "has no samples to make batches of; it needs at least one",
            ));
        }
        match self.last {
            LastBatch::Keep => Ok(len.div_ceil(self.batch_size)),
            LastBatch::Drop if len < self.batch_size => Err(Error::setting(
                "batch_size",
                self.batch_size,
                format!(
                    "is more than the {len} samples of the data set, and a short batch is \
                     dropped, so that no batch is left; take at most {len}, or keep the last \
                     batch (`last` = `keep`)"
                ),
            )),
            LastBatch::Drop => Ok(len / self.batch_size),
        }
    }

    /// The batches of one epoch over `len` samples, each a list of sample indices.
    ///
    /// The order is that of [`Stream::permutation`] from a seed that `seed` and `epoch` make; no
    /// index comes twice in an epoch.
    ///
    /// # Errors
    /// As [`batches`](Self::batches).
    pub fn epoch(&self, len: usize, seed: u64, epoch: u64) -> Result<Vec<Vec<usize>>> {
        let count = self.batches(len)?;
        let order = self.order(len, seed, epoch);
        // With short batches dropped, `count` leaves the rest of `order` out.
        let batches = order.chunks(self.batch_size).take(count);
        Ok(batches.map(<[usize]>::to_vec).collect())
    }

    /// The samples of one epoch in their order, those of a dropped batch included.
    pub(crate) fn order(&self, len: usize, seed: u64, epoch: u64) -> Vec<usize> {
        if self.shuffle {
            Stream::new(derived_seed(seed, "data", epoch), "data").permutation(len)
        } else {
            (0..len).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(batches: &[Vec<usize>]) -> Vec<usize> {
        batches.iter().map(Vec::len).collect()
    }

    fn sorted(batches: &[Vec<usize>]) -> Vec<usize> {
        let mut all = batches.concat();
        all.sort_unstable();
        all
    }

    #[test]
    fn sizes_follow_the_rule_for_the_last_batch() {
        for (len, drop, keep) in [
            (8, vec![4, 4], vec![4, 4]),
            (9, vec![4, 4], vec![4, 4, 1]),
            (11, vec![4, 4], vec![4, 4, 3]),
            (4, vec![4], vec![4]),
        ] {
            for shuffle in [false, true] {
                let plan = BatchPlan::new(4).with_shuffle(shuffle);
                assert_eq!(sizes(&plan.epoch(len, 1, 0).unwrap()), drop);
                assert_eq!(plan.batches(len).unwrap(), drop.len());
                let plan = plan.with_last(LastBatch::Keep);
                assert_eq!(sizes(&plan.epoch(len, 1, 0).unwrap()), keep);
                assert_eq!(plan.batches(len).unwrap(), keep.len());
            }
        }
    }

    #[test]
    fn every_sample_comes_once_an_epoch() {
        let plan = BatchPlan::new(7).with_last(LastBatch::Keep);
        for epoch in 0..5 {
            let batches = plan.epoch(100, 3, epoch).unwrap();
            assert_eq!(sorted(&batches), (0..100).collect::<Vec<_>>());
        }
        // Dropped: 98 of them, none twice.
        let mut seen = sorted(&BatchPlan::new(7).epoch(100, 3, 0).unwrap());
        assert_eq!(seen.len(), 98);
        seen.dedup();
        assert_eq!(seen.len(), 98);
    }

    #[test]
    fn batches_depend_on_seed_and_epoch_alone() {
        let plan = BatchPlan::new(10);
        let there = plan.epoch(200, 1, 5).unwrap();
        // Other epochs asked for in between change nothing.
        plan.epoch(200, 1, 6).unwrap();
        assert_eq!(plan.epoch(200, 1, 5).unwrap(), there);
        assert_ne!(plan.epoch(200, 1, 6).unwrap(), there);
        assert_ne!(plan.epoch(200, 2, 5).unwrap(), there);
        // The batch size cuts the order, it does not choose it.
        let pairs = BatchPlan::new(2).epoch(200, 1, 5).unwrap();
        assert_eq!(pairs.concat(), there.concat());
    }

    #[test]
    fn shuffling_drops_other_samples_each_epoch() {
        let plan = BatchPlan::new(9);
        let dropped = |epoch| {
            let kept = plan.epoch(10, 1, epoch).unwrap().concat();
            (0..10).find(|i| !kept.contains(i)).unwrap()
        };
        let mut left_out: Vec<usize> = (0..200).map(dropped).collect();
        left_out.sort_unstable();
        left_out.dedup();
        // That one of ten is never left out in 200 epochs has a chance of 10 · 0.9²⁰⁰ = 7e-9.
        assert_eq!(left_out, (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn without_shuffling_samples_come_as_stored() {
        let plan = BatchPlan::new(2)
            .with_shuffle(false)
            .with_last(LastBatch::Keep);
        for epoch in [0, 9] {
            let batches = plan.epoch(5, 1, epoch).unwrap();
            assert_eq!(batches, [vec![0, 1], vec![2, 3], vec![4]]);
        }
    }

    #[test]
    fn too_few_samples_are_refused_with_the_way_out() {
        let error = BatchPlan::new(64).epoch(63, 1, 0).unwrap_err().to_string();
        assert!(error.contains("`batch_size` = 64"), "{error}");
        assert!(error.contains("at most 63"), "{error}");
        assert!(error.contains("keep the last batch"), "{error}");
        // Both ways out work.
        assert_eq!(sizes(&BatchPlan::new(63).epoch(63, 1, 0).unwrap()), [63]);
        let keep = BatchPlan::new(64).with_last(LastBatch::Keep);
        assert_eq!(sizes(&keep.epoch(63, 1, 0).unwrap()), [63]);
    }

    #[test]
    fn empty_data_and_empty_batches_are_refused() {
        for last in [LastBatch::Drop, LastBatch::Keep] {
            let plan = BatchPlan::new(1).with_last(last);
            let error = plan.epoch(0, 1, 0).unwrap_err().to_string();
            assert!(error.contains("no samples"), "{error}");
            let plan = BatchPlan::new(0).with_last(last);
            assert!(plan.validate().is_err());
            let error = plan.epoch(5, 1, 0).unwrap_err().to_string();
            assert!(error.contains("`batch_size` = 0"), "{error}");
        }
    }

    #[test]
    fn settings_are_stored_by_name() {
        let plan = BatchPlan::new(32).with_last(LastBatch::Keep);
        let json = serde_json::to_string(&plan).unwrap();
        assert_eq!(json, r#"{"batch_size":32,"shuffle":true,"last":"keep"}"#);
        assert_eq!(serde_json::from_str::<BatchPlan>(&json).unwrap(), plan);
        let mistyped = json.replace("shuffle", "shufle");
        assert!(serde_json::from_str::<BatchPlan>(&mistyped).is_err());
    }
}
