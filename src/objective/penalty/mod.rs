//! Penalties: what a discriminator pays beside its loss. One file each.

mod r1;
pub mod second_order;
#[cfg(test)]
mod tests;

pub use r1::r1;

use burn::tensor::Tensor;
use burn::tensor::backend::AutodiffBackend;
use serde::{Deserialize, Serialize};

use crate::error::{Result, check};
use crate::network::{ConditionOf, SampleOf, TrainableDiscriminator};

/// Which penalty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PenaltyKind {
    /// [`r1`]: the gradient norm at real samples.
    R1,
}

/// A penalty with its weight and its rhythm.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Penalty {
    /// Which penalty.
    pub kind: PenaltyKind,
    /// Its weight (γ of R1).
    pub weight: f64,
    /// It is taken every so many discriminator steps, times this number (lazy regularisation):
    /// the same pressure on average, at a fraction of the cost.
    pub interval: usize,
}

impl Penalty {
    /// R1 with weight γ, at every discriminator step.
    pub fn r1(gamma: f64) -> Self {
        Self {
            kind: PenaltyKind::R1,
            weight: gamma,
            interval: 1,
        }
    }

    /// Takes the penalty every `interval` discriminator steps only.
    pub fn every(mut self, interval: usize) -> Self {
        self.interval = interval;
        self
    }

    /// Checks weight and interval.
    ///
    /// # Errors
    /// If the weight is negative or not finite, or the interval is 0.
    pub fn validate(&self) -> Result<()> {
        check::not_negative("weight", self.weight)?;
        check::at_least("interval", self.interval, 1)
    }

    /// Whether the penalty is taken at discriminator step `step` (from 0). A weight of 0 is
    /// never taken.
    pub fn is_due(&self, step: u64) -> bool {
        self.weight != 0.0 && step.is_multiple_of(self.interval as u64)
    }

    /// The weighted penalty, `[1]`: weight × interval × penalty.
    pub fn evaluate<B, D>(
        &self,
        discriminator: &D,
        real: &SampleOf<D, B>,
        condition: &ConditionOf<D, B>,
    ) -> Tensor<B, 1>
    where
        B: AutodiffBackend,
        D: TrainableDiscriminator<B>,
    {
        let value = match self.kind {
            PenaltyKind::R1 => r1(discriminator, real.clone(), condition),
        };
        value.mul_scalar(self.weight * self.interval as f64)
    }
}
