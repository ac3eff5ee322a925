//! The batches of a run: one epoch after the other, from any place on.

use super::batches::{BatchPlan, LastBatch};
use crate::error::Result;

/// Gives batch after batch; its place is two numbers.
///
/// The place is counted in samples, not in batches: a run that is resumed with another batch size
/// goes on with exactly the samples of the epoch that were not shown yet. Where the new size does
/// not divide what is left, the rest is not dropped as at the end of an epoch of whole batches but
/// filled up from the next epoch, so that it is not lost and no batch is short.
#[derive(Debug)]
pub(crate) struct BatchIndices {
    plan: BatchPlan,
    seed: u64,
    epoch: u64,
    /// Samples of the epoch that are used up.
    used: usize,
    /// The epoch's samples in their order.
    order: Vec<usize>,
}

impl BatchIndices {
    /// The batches from `used` samples into `epoch` on.
    pub(crate) fn from(
        plan: &BatchPlan,
        seed: u64,
        len: usize,
        (epoch, used): (u64, u64),
    ) -> Result<Self> {
        // Refuses a plan that leaves no batch.
        plan.batches(len)?;
        Ok(Self {
            order: plan.order(len, seed, epoch),
            plan: plan.clone(),
            seed,
            epoch,
            used: usize::try_from(used).unwrap_or(usize::MAX).min(len),
        })
    }

    /// The epoch of the next batch, and how many of its samples are used up.
    pub(crate) fn place(&self) -> (u64, u64) {
        (self.epoch, self.used as u64)
    }

    pub(crate) fn next_batch(&mut self) -> Vec<usize> {
        let size = self.plan.batch_size;
        let left = self.order.len() - self.used;
        if left >= size {
            return self.take(size);
        }
        if self.plan.last == LastBatch::Keep && left > 0 {
            return self.take(left);
        }
        // Whole batches from the epoch's beginning leave out its last samples, if any; a place that
        // another batch size led to leaves out none.
        let rest = match self.used % size {
            0 => Vec::new(),
            _ if self.plan.last == LastBatch::Keep => Vec::new(),
            _ => self.take(left),
        };
        self.begin_next_epoch();
        let mut batch = rest;
        batch.extend(self.take((size - batch.len()).min(self.order.len())));
        batch
    }

    fn begin_next_epoch(&mut self) {
        self.epoch += 1;
        self.used = 0;
        self.order = self.plan.order(self.order.len(), self.seed, self.epoch);
    }

    fn take(&mut self, count: usize) -> Vec<usize> {
        let taken = self.order[self.used..self.used + count].to_vec();
        self.used += count;
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(size: usize, len: usize, place: (u64, u64)) -> BatchIndices {
        BatchIndices::from(&BatchPlan::new(size), 7, len, place).expect("valid settings")
    }

    #[test]
    fn from_any_place_the_same_batches_follow() {
        for plan in [
            BatchPlan::new(3),
            BatchPlan::new(3).with_last(LastBatch::Keep),
        ] {
            let from = |place| BatchIndices::from(&plan, 7, 10, place).expect("valid settings");
            let mut whole = from((0, 0));
            let mut places = Vec::new();
            let mut batches = Vec::new();
            for _ in 0..11 {
                places.push(whole.place());
                batches.push(whole.next_batch());
            }
            assert_eq!(places[3], (0, 9));
            for (start, place) in places.into_iter().enumerate() {
                let mut resumed = from(place);
                for batch in &batches[start..] {
                    assert_eq!(resumed.next_batch(), *batch);
                }
            }
        }
    }

    #[test]
    fn epochs_are_those_of_the_plan() {
        for last in [LastBatch::Drop, LastBatch::Keep] {
            let plan = BatchPlan::new(4).with_last(last);
            let mut batches = BatchIndices::from(&plan, 7, 10, (0, 0)).expect("valid settings");
            for epoch in 0..3 {
                for expected in plan.epoch(10, 7, epoch).expect("valid settings") {
                    assert_eq!(batches.next_batch(), expected);
                }
            }
        }
    }

    #[test]
    fn another_batch_size_goes_on_with_exactly_the_samples_that_were_not_shown() {
        for (len, before, steps, after) in [
            (100, 10, 5, 20),
            (100, 10, 5, 25),
            (100, 10, 3, 7),
            (100, 7, 9, 10),
            (100, 32, 2, 9),
        ] {
            let mut first = from(before, len, (0, 0));
            let mut shown: Vec<usize> = (0..steps).flat_map(|_| first.next_batch()).collect();
            let mut second = from(after, len, first.place());
            while shown.len() < len {
                let batch = second.next_batch();
                assert_eq!(batch.len(), after);
                shown.extend(batch);
            }
            shown.truncate(len);
            shown.sort_unstable();
            let all: Vec<usize> = (0..len).collect();
            assert_eq!(shown, all, "{before} to {after} after {steps} steps");
        }
    }

    #[test]
    fn a_changed_batch_size_can_be_resumed_again_at_any_place() {
        let mut first = from(10, 100, (0, 0));
        for _ in 0..5 {
            first.next_batch();
        }
        let mut whole = from(20, 100, first.place());
        for _ in 0..15 {
            let mut resumed = from(20, 100, whole.place());
            let batch = whole.next_batch();
            assert_eq!(resumed.next_batch(), batch);
        }
    }
}
