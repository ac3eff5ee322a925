//! A training state to go back to, for as long as a step has changed no weight.

use crate::pair::{GanOf, Pair};
use burn::module::{AutodiffModule, Module};

use crate::step::TrainState;

/// Everything that a step changes, as it is now. It shares memory with the state: while it is kept,
/// optimisers can't change weights where they lie.
pub(super) struct Snapshot<P: Pair> {
    state: TrainState<P>,
    /// Running statistics are shared by clones of a module and move with the next forward pass; in
    /// a record they stay what they are.
    record: <GanOf<P> as Module<P::Backend>>::Record,
}

impl<P: Pair> Snapshot<P> {
    pub(super) fn of(state: &TrainState<P>) -> Self {
        Self {
            state: state.clone(),
            record: state.gan.clone().into_record(),
        }
    }

    /// The state as it was.
    pub(super) fn restore(self) -> TrainState<P> {
        // Takes in the updates of running statistics that are pending, which would come back later.
        let _ = self.state.gan.valid();
        TrainState {
            gan: self.state.gan.load_record(self.record),
            ..self.state
        }
    }
}
