//! The crate's own changes between generator and discriminator.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::{Probability, SampleAugment};
use crate::error::Result;
use crate::network::{Augmentation, Sample, Verdict};
use crate::objective::Memory;
use crate::random::Stream;
use crate::settings::settings;

settings! {
/// One of the crate's changes, of each sample with a probability.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RandomChange {
    /// The change.
    pub change: Augmentation,
    /// How often a sample is changed.
    pub probability: Probability,
}
}

impl RandomChange {
    pub(super) fn validate(&self) -> Result<()> {
        self.change
            .validate()
            .map_err(|error| error.within("random.change"))?;
        self.probability
            .validate()
            .map_err(|error| error.within("random.probability"))
    }
}

impl<B: Backend, S: Sample<B>> SampleAugment<B, S> for RandomChange {
    fn apply(&self, sample: S, state: &[Tensor<B, 1>], noise: &mut Stream) -> S {
        if self.probability == Probability::Fixed(1.0) {
            return sample.augment(&self.change, noise);
        }
        let changed = sample.clone().augment(&self.change, noise);
        self.probability.mix(sample, changed, state, noise)
    }

    fn adapt(
        &self,
        real: &Verdict<B>,
        _fake: &Verdict<B>,
        step: u64,
        samples: usize,
        state: &mut Memory<B>,
    ) {
        self.probability.adapt(real, step, samples, state);
    }

    fn strength(&self, state: &[Tensor<B, 1>]) -> Option<Tensor<B, 1>> {
        self.probability.now(state)
    }
}
