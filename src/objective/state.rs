//! What an objective carries from step to step.

use burn::record::{PrecisionSettings, Record};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};

use crate::network::Network;
use crate::random::Stream;

/// What an [`Objective`](super::Objective) carries from step to step: step counts, the random
/// stream of its terms, what single terms remember, and the augmentation's state.
///
/// A burn record: stored and restored with the networks, a run goes on as it was.
#[derive(Debug, Clone)]
pub struct ObjectiveState<B: Backend> {
    pub(super) discriminator_steps: u64,
    pub(super) generator_steps: u64,
    /// Interpolation weights, noise and augmentations come from here.
    pub(super) noise: Stream,
    /// One entry for each term of the objective, in its order: running means, `[1]` each.
    pub(super) memory: Vec<Vec<Tensor<B, 1>>>,
    /// What the augmentation between generator and discriminator remembers, `[1]` each.
    pub(super) augmentation: Vec<Tensor<B, 1>>,
}

impl<B: Backend> ObjectiveState<B> {
    /// The state before the first step of a run with `seed`.
    pub fn new(seed: u64) -> Self {
        Self {
            discriminator_steps: 0,
            generator_steps: 0,
            noise: Stream::new(seed, "objective"),
            memory: Vec::new(),
            augmentation: Vec::new(),
        }
    }

    /// How many discriminator steps were made.
    pub fn discriminator_steps(&self) -> u64 {
        self.discriminator_steps
    }

    /// How many generator steps were made.
    pub fn generator_steps(&self) -> u64 {
        self.generator_steps
    }

    /// What the term at `index` of the objective's list remembers, `[1]` each: empty before its
    /// first time, and for a term without a memory.
    pub fn memory(&self, index: usize) -> &[Tensor<B, 1>] {
        self.memory.get(index).map_or(&[], Vec::as_slice)
    }

    /// Whether its random numbers come from the stream that they should come from.
    pub(crate) fn is_of_its_purpose(&self) -> bool {
        self.noise.is_for("objective")
    }

    /// One more step of this network was made: terms that are not taken at every step go by it.
    pub fn count(&mut self, network: Network) {
        match network {
            Network::Discriminator => self.discriminator_steps += 1,
            Network::Generator => self.generator_steps += 1,
        }
    }

    /// The state that part `index` of `of` parts of a batch begins with: what the whole batch draws,
    /// cut like it.
    pub(crate) fn for_share(&self, index: usize, of: usize) -> Self {
        Self {
            noise: self.noise.for_share(index, of),
            ..self.clone()
        }
    }

    /// The state after the whole batch that this and another part of it belong to, made of `own` and
    /// of `its` parts themselves: what terms remember is averaged.
    pub(crate) fn join(&mut self, own: usize, other: Self, its: usize) {
        let average = |mine: &mut Vec<Tensor<B, 1>>, theirs: Vec<Tensor<B, 1>>| {
            let share = its as f64 / (own + its) as f64;
            for (mine, theirs) in mine.iter_mut().zip(theirs) {
                let kept = mine.clone().mul_scalar(1.0 - share);
                *mine = kept + theirs.mul_scalar(share);
            }
        };
        for (mine, theirs) in self.memory.iter_mut().zip(other.memory) {
            average(mine, theirs);
        }
    }

    /// The state after a whole batch.
    pub(crate) fn of_whole_batch(mut self) -> Self {
        self.noise = self.noise.for_share(0, 1);
        self
    }

    /// What the augmentation between generator and discriminator remembers, `[1]` each: empty before
    /// its first step, and for one without a state.
    pub fn augmentation(&self) -> &[Tensor<B, 1>] {
        &self.augmentation
    }

    /// Stores what the term at `index` remembers from now on.
    pub(super) fn remember(&mut self, index: usize, memory: Vec<Tensor<B, 1>>) {
        if self.memory.len() <= index {
            self.memory.resize_with(index + 1, Vec::new);
        }
        // Without its history: a memory must not keep the graphs of past steps alive.
        self.memory[index] = memory.into_iter().map(Tensor::detach).collect();
    }
}

impl<B: Backend> Default for ObjectiveState<B> {
    /// The state before the first step of a run with seed 0.
    fn default() -> Self {
        Self::new(0)
    }
}

/// The serialisable form of an [`ObjectiveState`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct ObjectiveStateItem<B: Backend, S: PrecisionSettings> {
    discriminator_steps: u64,
    generator_steps: u64,
    noise: Stream,
    memory: Vec<Vec<<Tensor<B, 1> as Record<B>>::Item<S>>>,
    augmentation: Vec<<Tensor<B, 1> as Record<B>>::Item<S>>,
}

impl<B: Backend> Record<B> for ObjectiveState<B> {
    type Item<S: PrecisionSettings> = ObjectiveStateItem<B, S>;

    fn into_item<S: PrecisionSettings>(self) -> Self::Item<S> {
        let item = |tensor: Tensor<B, 1>| Record::<B>::into_item::<S>(tensor);
        ObjectiveStateItem {
            discriminator_steps: self.discriminator_steps,
            generator_steps: self.generator_steps,
            noise: self.noise,
            memory: self
                .memory
                .into_iter()
                .map(|tensors| tensors.into_iter().map(item).collect())
                .collect(),
            augmentation: self.augmentation.into_iter().map(item).collect(),
        }
    }

    fn from_item<S: PrecisionSettings>(item: Self::Item<S>, device: &B::Device) -> Self {
        let tensor = |item| <Tensor<B, 1> as Record<B>>::from_item::<S>(item, device);
        Self {
            discriminator_steps: item.discriminator_steps,
            generator_steps: item.generator_steps,
            noise: item.noise,
            memory: item
                .memory
                .into_iter()
                .map(|items| items.into_iter().map(tensor).collect())
                .collect(),
            augmentation: item.augmentation.into_iter().map(tensor).collect(),
        }
    }
}
