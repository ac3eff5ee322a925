//! Who watches a run, and how often.

use crate::pair::Pair;
use std::cell::OnceCell;
use std::time::Duration;

use super::{Measurement, Memories, Notice, Reading, TrainerConfig};
use crate::error::Result;
use crate::step::{RateFactors, StepOutcome, TrainState};

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
pub struct StepEvent<'a, P: Pair> {
    /// Steps made so far, from 1.
    pub step: u64,
    /// Steps that the run will have.
    pub steps: u64,
    /// Real samples shown to the discriminator so far.
    pub samples: u64,
    /// The settings in force in this step, ramps applied.
    pub config: &'a TrainerConfig,
    /// The factors that schedule, warm-up and rollbacks put on the learning rates in this step.
    pub rates: RateFactors,
    /// The networks and what trains them.
    pub state: &'a TrainState<P>,
    /// The step's losses and logits, still on the device.
    pub outcome: &'a StepOutcome<P::Backend>,
    /// The newest of each number that an [`Evaluator`](super::Evaluator) of the run has measured:
    /// those with this `step` in this very step.
    pub measurements: &'a [Measurement],
    /// Time since the run's start, observers counted; of a resumed run, with the time before.
    pub elapsed: Duration,
    /// Time since this process began to train.
    pub session: Duration,
    /// Steps made in that time.
    pub session_steps: u64,
    /// The step's numbers, once somebody has read them.
    pub(super) reading: OnceCell<Reading>,
}

impl<P: Pair> StepEvent<'_, P> {
    /// All numbers of the step, its own and those of evaluators, each by its name. The first call
    /// in a step waits for the device; all who ask see the same.
    pub fn reading(&self) -> &Reading {
        self.reading.get_or_init(|| Reading::of(self))
    }

    /// The same step with other measurements.
    pub(super) fn with_measurements<'b>(
        &'b self,
        measurements: &'b [Measurement],
    ) -> StepEvent<'b, P> {
        StepEvent {
            measurements,
            reading: OnceCell::new(),
            ..*self
        }
    }
}

/// Somebody who watches a run. [`observe_fn`] makes one of a closure; a mutable reference to an
/// observer is one, for those that are asked something afterwards, such as
/// [`History`](super::History).
pub trait Observer<P: Pair> {
    /// Called before the first step, with the shape of a sample (without the batch): refuses what
    /// the observer could not do later.
    ///
    /// # Errors
    /// An error keeps the run from being begun.
    fn check(&self, _sample_shape: &[usize]) -> Result<()> {
        Ok(())
    }

    /// Called after a step, in the observer's rhythm.
    ///
    /// # Errors
    /// An error ends the run, unless [`ends_run`](Self::ends_run) says otherwise; a panic is taken
    /// for one. The other observers see the step, and the state after it is stored first.
    fn observe(&mut self, event: &StepEvent<'_, P>) -> Result<()>;

    /// Called for whatever is told beside the steps, whatever the rhythm.
    fn notice(&mut self, _notice: &Notice) {}

    /// Whether an error of [`observe`](Self::observe) ends the run. Where it does not, as with the
    /// crate's own pictures and logs, it is a [`Notice::ObserverFailed`], and the observer is
    /// called again when it is due.
    fn ends_run(&self) -> bool {
        true
    }

    /// Whether people see what [`notice`](Self::notice) gets. Warnings of a run that has no such
    /// observer, in a program without a logger, are written to standard error.
    fn shows_notices(&self) -> bool {
        false
    }

    /// Whether [`observe`](Self::observe) is called before the step's checkpoint is written, so
    /// that what it makes of the step is in what it [remembers](Self::remember). All others are
    /// called after it: whatever they do, the checkpoint is there.
    fn is_remembered(&self) -> bool {
        false
    }

    /// Stores in a checkpoint what a resumed run's observer must know; see
    /// [`is_remembered`](Self::is_remembered).
    ///
    /// # Errors
    /// An error is a [`Notice::ObserverFailed`]; the checkpoint then holds what was remembered
    /// before.
    fn remember(&self, _memories: &mut Memories) -> Result<()> {
        Ok(())
    }

    /// Takes back what a checkpoint made after `step` steps holds: the run goes on from there,
    /// whatever was observed later never happened. Called with `step` 0 and nothing remembered when
    /// a run starts at its beginning.
    ///
    /// # Errors
    /// An error ends the run.
    fn recall(&mut self, _step: u64, _memories: &Memories) -> Result<()> {
        Ok(())
    }
}

/// The methods of an observer that hands everything on to another, whether a run ends by its errors
/// apart: one list for all who do, so that none forgets a method and falls back to a default.
macro_rules! hand_on {
    ($self:ident, $shared:expr, $unique:expr, ends_run: $ends_run:expr) => {
        fn check(&$self, sample_shape: &[usize]) -> $crate::error::Result<()> {
            $crate::train::Observer::<P>::check($shared, sample_shape)
        }
        fn observe(
            &mut $self,
            event: &$crate::train::StepEvent<'_, P>,
        ) -> $crate::error::Result<()> {
            $crate::train::Observer::<P>::observe($unique, event)
        }
        fn notice(&mut $self, notice: &$crate::train::Notice) {
            $crate::train::Observer::<P>::notice($unique, notice);
        }
        fn ends_run(&$self) -> bool {
            $ends_run
        }
        fn shows_notices(&$self) -> bool {
            $crate::train::Observer::<P>::shows_notices($shared)
        }
        fn is_remembered(&$self) -> bool {
            $crate::train::Observer::<P>::is_remembered($shared)
        }
        fn remember(&$self, memories: &mut $crate::train::Memories) -> $crate::error::Result<()> {
            $crate::train::Observer::<P>::remember($shared, memories)
        }
        fn recall(
            &mut $self,
            step: u64,
            memories: &$crate::train::Memories,
        ) -> $crate::error::Result<()> {
            $crate::train::Observer::<P>::recall($unique, step, memories)
        }
    };
}
pub(crate) use hand_on;

// Asked something after the run, an observer is handed over as a reference.
impl<P: Pair, O: Observer<P> + ?Sized> Observer<P> for &mut O {
    hand_on!(self, &**self, &mut **self, ends_run: Observer::<P>::ends_run(&**self));
}

/// A closure as an observer; see [`observe_fn`].
pub struct ObserverFn<F>(F);

impl<F> std::fmt::Debug for ObserverFn<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ObserverFn")
    }
}

/// Makes an observer of a closure. An error of it ends the run, as with every observer of a user's.
///
/// ```
/// use burn_gan::Pair;
/// use burn_gan::train::{Observer, StepEvent, observe_fn};
///
/// fn steps<P: Pair>() -> impl Observer<P> {
///     observe_fn(|event: &StepEvent<'_, P>| {
///         println!("step {}", event.step);
///         Ok(())
///     })
/// }
/// ```
pub fn observe_fn<P, F>(observe: F) -> ObserverFn<F>
where
    P: Pair,
    F: FnMut(&StepEvent<'_, P>) -> Result<()>,
{
    ObserverFn(observe)
}

impl<P, F> Observer<P> for ObserverFn<F>
where
    P: Pair,
    F: FnMut(&StepEvent<'_, P>) -> Result<()>,
{
    fn observe(&mut self, event: &StepEvent<'_, P>) -> Result<()> {
        (self.0)(event)
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
