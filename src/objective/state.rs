//! What an objective carries from step to step.

use std::marker::PhantomData;

use burn::record::{PrecisionSettings, Record};
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};

/// What an [`Objective`](super::Objective) carries from step to step: the count that lazy
/// penalties go by.
///
/// A burn record: stored and restored with the networks, a run goes on as it was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectiveState<B: Backend> {
    pub(super) discriminator_steps: u64,
    backend: PhantomData<B>,
}

impl<B: Backend> ObjectiveState<B> {
    /// How many discriminator steps were made.
    pub fn discriminator_steps(&self) -> u64 {
        self.discriminator_steps
    }
}

/// The serialisable form of an [`ObjectiveState`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectiveStateItem {
    discriminator_steps: u64,
}

impl<B: Backend> Record<B> for ObjectiveState<B> {
    type Item<S: PrecisionSettings> = ObjectiveStateItem;

    fn into_item<S: PrecisionSettings>(self) -> Self::Item<S> {
        ObjectiveStateItem {
            discriminator_steps: self.discriminator_steps,
        }
    }

    fn from_item<S: PrecisionSettings>(item: Self::Item<S>, _device: &B::Device) -> Self {
        Self {
            discriminator_steps: item.discriminator_steps,
            backend: PhantomData,
        }
    }
}
