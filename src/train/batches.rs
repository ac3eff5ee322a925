//! The batches of a run: one epoch after the other, from any place on.

use crate::data::BatchPlan;
use crate::error::Result;

/// Gives batch after batch; its place is two numbers.
#[derive(Debug)]
pub(super) struct BatchIndices {
    plan: BatchPlan,
    seed: u64,
    len: usize,
    epoch: u64,
    used: u64,
    batches: Vec<Vec<usize>>,
}

impl BatchIndices {
    /// The batches from `used` batches into `epoch` on.
    pub(super) fn from(
        plan: &BatchPlan,
        seed: u64,
        len: usize,
        (epoch, used): (u64, u64),
    ) -> Result<Self> {
        Ok(Self {
            batches: plan.epoch(len, seed, epoch)?,
            plan: plan.clone(),
            seed,
            len,
            epoch,
            used,
        })
    }

    /// The epoch of the next batch, and how many of its batches are used up.
    pub(super) fn place(&self) -> (u64, u64) {
        (self.epoch, self.used)
    }

    pub(super) fn next_batch(&mut self) -> Result<Vec<usize>> {
        while self.used >= self.batches.len() as u64 {
            self.epoch += 1;
            self.used = 0;
            self.batches = self.plan.epoch(self.len, self.seed, self.epoch)?;
        }
        let batch = std::mem::take(&mut self.batches[self.used as usize]);
        self.used += 1;
        Ok(batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_any_place_the_same_batches_follow() {
        let plan = BatchPlan::new(3);
        let from = |place| BatchIndices::from(&plan, 7, 10, place).expect("valid settings");
        let mut whole = from((0, 0));
        let mut places = Vec::new();
        let mut batches = Vec::new();
        for _ in 0..11 {
            places.push(whole.place());
            batches.push(whole.next_batch().expect("a batch"));
        }
        assert!(batches.iter().all(|batch| batch.len() == 3));
        assert_eq!(places[3], (0, 3));
        for (start, place) in places.into_iter().enumerate() {
            let mut resumed = from(place);
            for batch in &batches[start..] {
                assert_eq!(resumed.next_batch().expect("a batch"), *batch);
            }
        }
    }
}
