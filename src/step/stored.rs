//! A training state as lists of named tensors, and back.

use burn::module::AutodiffModule;
use burn::tensor::Device;

use super::{Ema, TrainState};
use crate::objective::{ObjectiveCounts, ObjectiveState};
use crate::pair::{InnerBackend, Pair};
use crate::records::{self, Parameter, Stored, Types};

/// Everything that the next step depends on, without a backend.
pub(crate) struct StoredState {
    /// How many steps were made.
    pub(crate) step: u64,
    pub(crate) networks: Vec<Stored>,
    pub(crate) generator_optimizer: Vec<Stored>,
    pub(crate) discriminator_optimizer: Vec<Stored>,
    /// The averaged generator.
    pub(crate) ema: Option<Vec<Stored>>,
    /// What terms and the augmentation remember.
    pub(crate) memory: Vec<Stored>,
    pub(crate) counts: ObjectiveCounts,
}

/// The lists of a [`StoredState`], to say in which of them something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Networks,
    GeneratorOptimizer,
    DiscriminatorOptimizer,
    Ema,
}

/// Where something is wrong, and what.
type Problem = (Part, String);

impl<P: Pair> TrainState<P> {
    /// What is stored of it; everything is read back from the device.
    pub(crate) fn stored(&self) -> StoredState {
        // Running statistics may wait to be taken in; `valid` does it.
        let gan = self.gan.valid();
        let network = records::parameters::<InnerBackend<P>, _>(&gan);
        let (generator, discriminator) = halves(network);
        let (counts, memory) = self.objective.stored();
        StoredState {
            step: self.step,
            networks: records::of::<InnerBackend<P>, _>(&gan),
            generator_optimizer: self.generator_optimizer.stored(&generator),
            discriminator_optimizer: self.discriminator_optimizer.stored(&discriminator),
            ema: self.ema.as_ref().map(Ema::stored),
            memory,
            counts,
        }
    }

    /// The state that was stored, in this one's networks, whose settings stay in force. Where
    /// something in it is not right, nothing has changed; where all is, this one is not to be used
    /// any more, since it shares its running statistics with what is returned.
    ///
    /// Parameters keep the identity that they have here. An average that was not stored starts at
    /// the restored weights.
    pub(crate) fn restored(
        &self,
        stored: StoredState,
        device: &Device<P::Backend>,
    ) -> Result<Self, Problem> {
        let network = records::parameters::<P::Backend, _>(&self.gan);
        fit(Part::Networks, &network, &stored.networks)?;
        let average = match (&self.ema, stored.ema) {
            (Some(ema), Some(average)) => {
                fit(Part::Ema, &ema.parameters(), &average)?;
                Some(average)
            }
            _ => None,
        };
        let (generator, discriminator) = halves(network);
        let generator_optimizer = self
            .generator_optimizer
            .restored(stored.generator_optimizer, &generator, stored.step, device)
            .map_err(|problem| (Part::GeneratorOptimizer, problem))?;
        let discriminator_optimizer = self
            .discriminator_optimizer
            .restored(
                stored.discriminator_optimizer,
                &discriminator,
                stored.counts.discriminator_steps,
                device,
            )
            .map_err(|problem| (Part::DiscriminatorOptimizer, problem))?;
        // Everything was looked through before the first of it is put in its place.
        let gan = records::put::<P::Backend, _>(stored.networks, self.gan.clone())
            .map_err(|problem| (Part::Networks, problem))?;
        let ema = match &self.ema {
            Some(ema) => {
                let restored = match average {
                    Some(average) => ema
                        .restored(average)
                        .map_err(|problem| (Part::Ema, problem))?,
                    None => Ema::new(&gan.generator),
                };
                Some(restored.with_standing_statistics(ema.standing_statistics().cloned()))
            }
            None => None,
        };
        Ok(Self {
            gan,
            generator_optimizer,
            discriminator_optimizer,
            objective: ObjectiveState::restored(stored.counts, stored.memory, device),
            ema,
            step: stored.step,
        })
    }
}

fn fit(part: Part, network: &[Parameter], stored: &[Stored]) -> Result<(), Problem> {
    let needed = network.iter().map(|parameter| &parameter.about);
    records::fit(needed, stored, Types::Same).map_err(|problem| (part, problem))
}

/// The parameters of the two networks of a pair.
fn halves(network: Vec<Parameter>) -> (Vec<Parameter>, Vec<Parameter>) {
    let is_generators = |parameter: &Parameter| parameter.about.name.starts_with("generator.");
    network.into_iter().partition(is_generators)
}
