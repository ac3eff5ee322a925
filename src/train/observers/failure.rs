//! What an observer's failure does to the run, where it should be otherwise than usual.

use burn::tensor::backend::AutodiffBackend;

use crate::error::Result;
use crate::network::{TrainableDiscriminator, TrainableGenerator};
use crate::train::{Memories, Notice, Observer, StepEvent};

/// An observer whose errors end the run, which the crate's own pictures and logs do not: for a run
/// that is worth nothing without them.
///
/// ```
/// use burn_gan::train::observers::{JsonLines, Required};
///
/// let log = Required(JsonLines::new("log.jsonl"));
/// # let _ = log;
/// ```
#[derive(Debug)]
pub struct Required<O>(
    /// The observer.
    pub O,
);

/// An observer whose errors and panics are notices, and the run goes on.
///
/// ```
/// use burn_gan::train::observers::{History, Tolerated};
///
/// let history = Tolerated(History::new());
/// # let _ = history;
/// ```
#[derive(Debug)]
pub struct Tolerated<O>(
    /// The observer.
    pub O,
);

macro_rules! observe_within {
    ($wrapper:ident, $ends_run:literal) => {
        impl<G, D, B, O> Observer<G, D, B> for $wrapper<O>
        where
            B: AutodiffBackend,
            G: TrainableGenerator<B>,
            D: TrainableDiscriminator<B>,
            O: Observer<G, D, B>,
        {
            fn check(&self, sample_shape: &[usize]) -> Result<()> {
                self.0.check(sample_shape)
            }
            fn observe(&mut self, event: &StepEvent<'_, G, D, B>) -> Result<()> {
                self.0.observe(event)
            }
            fn notice(&mut self, notice: &Notice) {
                self.0.notice(notice);
            }
            fn ends_run(&self) -> bool {
                $ends_run
            }
            fn shows_notices(&self) -> bool {
                self.0.shows_notices()
            }
            fn is_remembered(&self) -> bool {
                self.0.is_remembered()
            }
            fn remember(&self, memories: &mut Memories) -> Result<()> {
                self.0.remember(memories)
            }
            fn recall(&mut self, step: u64, memories: &Memories) -> Result<()> {
                self.0.recall(step, memories)
            }
        }
    };
}

observe_within!(Required, true);
observe_within!(Tolerated, false);
