//! A training state to go back to, for as long as a step has changed no weight.

use burn::module::{AutodiffModule, Module};
use burn::tensor::backend::AutodiffBackend;

use super::TrainState;
use crate::gan::Gan;
use crate::network::{TrainableDiscriminator, TrainableGenerator};

/// Everything that a step changes, as it is now. It shares memory with the state: while it is kept,
/// optimisers can't change weights where they lie.
pub(super) struct Snapshot<G, D, B>
where
    B: AutodiffBackend,
    G: TrainableGenerator<B>,
    D: TrainableDiscriminator<B>,
{
    state: TrainState<G, D, B>,
    /// Running statistics are shared by clones of a module and move with the next forward pass; in
    /// a record they stay what they are.
    record: <Gan<G, D, B> as Module<B>>::Record,
}

impl<G, D, B> Snapshot<G, D, B>
where
    B: AutodiffBackend,
    G: TrainableGenerator<B>,
    D: TrainableDiscriminator<B>,
{
    pub(super) fn of(state: &TrainState<G, D, B>) -> Self {
        Self {
            state: state.clone(),
            record: state.gan.clone().into_record(),
        }
    }

    /// The state as it was.
    pub(super) fn restore(self) -> TrainState<G, D, B> {
        // Takes in the updates of running statistics that are pending, which would come back later.
        let _ = self.state.gan.valid();
        TrainState {
            gan: self.state.gan.load_record(self.record),
            ..self.state
        }
    }
}
