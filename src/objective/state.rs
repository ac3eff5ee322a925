//! What an objective carries from step to step.

use std::collections::HashMap;

use burn::tensor::backend::Backend;
use burn::tensor::{DType, Tensor, TensorPrimitive};
use serde::{Deserialize, Serialize};

use crate::network::Network;
use crate::random::Stream;
use crate::records::{Stored, data_of, float_of};

/// What an [`Objective`](super::Objective) carries from step to step: step counts, the random
/// stream of its terms, what single terms remember, and the augmentation's state.
///
/// Stored and restored with the networks, a run goes on as it was.
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

    /// What is stored of it: plain values, and tensors.
    #[inline(never)]
    pub(crate) fn stored(&self) -> (ObjectiveCounts, Vec<Stored>) {
        let counts = ObjectiveCounts {
            discriminator_steps: self.discriminator_steps,
            generator_steps: self.generator_steps,
            noise: self.noise.clone(),
            memory: self.memory.iter().map(Vec::len).collect(),
            augmentation: self.augmentation.len(),
        };
        let tensors = self.memory.iter().flatten().chain(&self.augmentation);
        let data = |tensor: &Tensor<B, 1>| data_of::<B>(tensor.clone().into_primitive().tensor());
        let names = counts.names().into_iter();
        let stored = names.zip(tensors.map(data));
        let stored = stored
            .map(|((name, _), data)| Stored::new(name, data))
            .collect();
        (counts, stored)
    }

    /// The state that was stored so; tensors are those that the counts name.
    #[inline(never)]
    pub(crate) fn restored(
        counts: ObjectiveCounts,
        stored: Vec<Stored>,
        device: &B::Device,
    ) -> Self {
        let mut tensors: HashMap<String, Stored> = HashMap::new();
        tensors.extend(
            stored
                .into_iter()
                .map(|tensor| (tensor.about.name.clone(), tensor)),
        );
        let mut memory = vec![Vec::new(); counts.memory.len()];
        let mut augmentation = Vec::new();
        for (name, term) in counts.names() {
            let Some(tensor) = tensors.remove(&name) else {
                continue;
            };
            let tensor = TensorPrimitive::Float(float_of::<B>(tensor.data, device));
            let tensor = Tensor::from_primitive(tensor);
            match term {
                Some(index) => memory[index].push(tensor),
                None => augmentation.push(tensor),
            }
        }
        Self {
            discriminator_steps: counts.discriminator_steps,
            generator_steps: counts.generator_steps,
            noise: counts.noise,
            memory,
            augmentation,
        }
    }

    /// One more step of this network was made: terms that are not taken at every step go by it.
    pub fn count(&mut self, network: Network) {
        match network {
            Network::Discriminator => self.discriminator_steps += 1,
            Network::Generator => self.generator_steps += 1,
        }
    }

    /// The state that part `index` of `of` parts of a batch begins with: what the whole batch
    /// draws, cut like it.
    pub(crate) fn for_share(&self, index: usize, of: usize) -> Self {
        Self {
            noise: self.noise.for_share(index, of),
            ..self.clone()
        }
    }

    /// The state after the whole batch that this and another part of it belong to, made of `own`
    /// and of `its` parts themselves: what terms remember is averaged.
    #[inline(never)]
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

    /// All numbers that terms remember, `[1]` each as a rule, in their order.
    pub(crate) fn remembered(&self) -> impl Iterator<Item = &Tensor<B, 1>> {
        self.memory.iter().flatten()
    }

    /// Puts others in the places of those.
    pub(crate) fn replace_remembered(&mut self, mut by: impl FnMut(&Tensor<B, 1>) -> Tensor<B, 1>) {
        for number in self.memory.iter_mut().flatten() {
            *number = by(number);
        }
    }

    /// The state after a whole batch.
    pub(crate) fn of_whole_batch(mut self) -> Self {
        self.noise = self.noise.for_share(0, 1);
        self
    }

    /// What the augmentation between generator and discriminator remembers, `[1]` each: empty
    /// before its first step, and for one without a state.
    pub fn augmentation(&self) -> &[Tensor<B, 1>] {
        &self.augmentation
    }

    /// Stores what the term at `index` remembers from now on.
    #[inline(never)]
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

/// What an [`ObjectiveState`] knows beside its tensors.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ObjectiveCounts {
    pub(crate) discriminator_steps: u64,
    pub(crate) generator_steps: u64,
    noise: Stream,
    /// How many tensors each term remembers, and the augmentation.
    memory: Vec<usize>,
    augmentation: usize,
}

impl ObjectiveCounts {
    /// Whether its random numbers come from the stream that they should come from.
    pub(crate) fn is_of_its_purpose(&self) -> bool {
        self.noise.is_for("objective")
    }

    /// How many tensors are remembered; `None` for more than there can be.
    fn tensors(&self) -> Option<usize> {
        let mut sizes = self.memory.iter();
        sizes.try_fold(self.augmentation, |sum, size| sum.checked_add(*size))
    }

    /// The tensors' names, and the place of the term that each belongs to.
    fn names(&self) -> Vec<(String, Option<usize>)> {
        let mut names = Vec::new();
        for (term, size) in self.memory.iter().enumerate() {
            names.extend((0..*size).map(|index| (format!("terms.{term}.{index}"), Some(term))));
        }
        names.extend((0..self.augmentation).map(|index| (format!("augmentation.{index}"), None)));
        names
    }

    /// Refuses tensors that are not those that are remembered: floats of one of the types that the
    /// networks have, of shape `[1]`; only what a program's own term remembers may be longer.
    pub(crate) fn check(
        &self,
        stored: &[Stored],
        types: &[DType],
        is_custom: impl Fn(usize) -> bool,
    ) -> Result<(), String> {
        if self.tensors() != Some(stored.len()) {
            return Err(format!(
                "{} tensors are not what is remembered",
                stored.len()
            ));
        }
        for ((name, term), Stored { about, .. }) in self.names().iter().zip(stored) {
            if *name != about.name {
                return Err(format!("`{}` stands where `{name}` is needed", about.name));
            }
            if !types.contains(&about.dtype) {
                return Err(format!("`{name}` is of type {:?}", about.dtype));
            }
            let shape = about.shape.as_slice();
            if !(shape == [1] || shape.len() == 1 && term.is_some_and(&is_custom)) {
                return Err(format!("`{name}` has shape {shape:?}, a memory has [1]"));
            }
        }
        Ok(())
    }
}

crate::compiled::compiled! {
    ObjectiveState::<Tape>::stored,
    ObjectiveState::<Tape>::restored,
    ObjectiveState::<Tape>::join,
    ObjectiveState::<Tape>::remember,
}
