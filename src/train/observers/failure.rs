//! What an observer's failure does to the run, where it should be otherwise than usual.

use crate::pair::Pair;

use crate::train::Observer;
use crate::train::observer::hand_on;

/// An observer whose errors end the run, which the crate's own pictures and logs do not: for a run
/// that is worth nothing without them.
///
/// ```
/// use burn_gan::train::{JsonLines, Required};
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
/// use burn_gan::train::{History, Tolerated};
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
        impl<P: Pair, O> Observer<P> for $wrapper<O>
        where
            O: Observer<P>,
        {
            hand_on!(self, &self.0, &mut self.0, ends_run: $ends_run);
        }
    };
}

observe_within!(Required, true);
observe_within!(Tolerated, false);
