//! A training state in one line: equal for states that are equal bit for bit.

use sha2::{Digest, Sha256};

use super::{StoredState, TrainState};
use crate::pair::Pair;
use crate::records::Stored;
use crate::text::hex;

impl<P: Pair> TrainState<P> {
    /// A SHA-256 over everything that the next step depends on: weights and buffers of both
    /// networks, the averaged generator, what the optimisers remember, what the objective carries,
    /// and the step. Two states with one digest are equal bit for bit; parameter ids, which are
    /// drawn anew in each process, do not count.
    ///
    /// It reads everything back from the device.
    pub fn digest(&self) -> String {
        self.stored().digest()
    }
}

impl StoredState {
    fn digest(&self) -> String {
        let mut sum = Sha256::new();
        sum.update(self.step.to_le_bytes());
        let none = Vec::new();
        for (index, list) in [
            &self.networks,
            self.ema.as_ref().unwrap_or(&none),
            &self.generator_optimizer,
            &self.discriminator_optimizer,
            &self.memory,
        ]
        .into_iter()
        .enumerate()
        {
            // Where a list begins, and where a name ends.
            sum.update([index as u8]);
            for Stored { about, data } in list {
                sum.update((about.name.len() as u64).to_le_bytes());
                sum.update(&about.name);
                for size in &about.shape {
                    sum.update((*size as u64).to_le_bytes());
                }
                sum.update(&*data.bytes);
            }
        }
        // Counts are made to be serialised; a failure leaves a mark of its own.
        let counts = rmp_serde::to_vec(&self.counts);
        sum.update(counts.unwrap_or_else(|error| error.to_string().into_bytes()));
        hex(&sum.finalize())
    }
}
