//! Who watches a run, and how often.

use std::time::Duration;

use burn::tensor::backend::AutodiffBackend;

use super::{StepOutcome, TrainState};
use crate::error::Result;
use crate::network::{TrainableDiscriminator, TrainableGenerator};

/// When an observer is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rhythm {
    /// After every so many steps (0 counts as 1), and after the last one.
    Every(u64),
    /// After the last step only.
    AtEnd,
}

impl Rhythm {
    /// Whether an observer of this rhythm is called after `step` steps of `steps`.
    pub fn is_due(&self, step: u64, steps: u64) -> bool {
        match *self {
            Self::Every(n) => step == steps || step.is_multiple_of(n.max(1)),
            Self::AtEnd => step == steps,
        }
    }
}

/// What an observer sees after a step.
#[derive(Debug)]
pub struct StepEvent<'a, G, D, B>
where
    B: AutodiffBackend,
    G: TrainableGenerator<B>,
    D: TrainableDiscriminator<B>,
{
    /// Steps made so far, from 1.
    pub step: u64,
    /// Steps that the run will have.
    pub steps: u64,
    /// The networks and what trains them.
    pub state: &'a TrainState<G, D, B>,
    /// The step's losses and logits, still on the device.
    pub outcome: &'a StepOutcome<B>,
    /// Time since the run's start, observers counted.
    pub elapsed: Duration,
}

/// Somebody who watches a run. Closures `FnMut(&StepEvent<_, _, _>) -> Result<()>` are observers,
/// and so are mutable references to observers, for those who are asked something afterwards.
pub trait Observer<G, D, B>
where
    B: AutodiffBackend,
    G: TrainableGenerator<B>,
    D: TrainableDiscriminator<B>,
{
    /// Called after a step, in the observer's rhythm.
    ///
    /// # Errors
    /// An error ends the run.
    fn observe(&mut self, event: &StepEvent<'_, G, D, B>) -> Result<()>;
}

impl<G, D, B, F> Observer<G, D, B> for F
where
    B: AutodiffBackend,
    G: TrainableGenerator<B>,
    D: TrainableDiscriminator<B>,
    F: FnMut(&StepEvent<'_, G, D, B>) -> Result<()>,
{
    fn observe(&mut self, event: &StepEvent<'_, G, D, B>) -> Result<()> {
        self(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rhythm_always_includes_the_end() {
        let due = |rhythm: Rhythm| -> Vec<u64> {
            (1..=7).filter(|step| rhythm.is_due(*step, 7)).collect()
        };
        assert_eq!(due(Rhythm::Every(3)), [3, 6, 7]);
        assert_eq!(due(Rhythm::Every(0)), [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(due(Rhythm::AtEnd), [7]);
    }
}
