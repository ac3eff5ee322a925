//! What a step is made of: batches of the data, latents, conditions and styles to mix.

use burn::tensor::Device;

use super::TrainerConfig;
use super::checkpoint::Position;
use super::feed::{self, Expected};
use crate::data::{Dataset, Loaded, Loader};
use crate::error::Result;
use crate::network::{ConditionSource, CustomConditions};
use crate::pair::Pair;
use crate::random::Stream;
use crate::step::{StepBatch, StyleMixing};

/// A batch of the data: samples and what is known about them.
pub(super) type RealBatch<P> = (<P as Pair>::Sample, <P as Pair>::Condition);

/// Where steps draw from.
pub(super) struct Source<'a, P: Pair> {
    pub(super) data: &'a dyn Dataset<P::Backend, Sample = P::Sample, Condition = P::Condition>,
    pub(super) expected: &'a Expected,
    /// The program's own rule for the conditions of generated batches.
    pub(super) rule: Option<&'a CustomConditions<P::Condition>>,
    /// The layers of the generator's style space, where it has one.
    pub(super) style_layers: Option<usize>,
    pub(super) device: &'a Device<P::Backend>,
}

/// A step's batches, and where the run's streams stand after them.
pub(super) struct Drawn<P: Pair> {
    pub(super) batches: Vec<StepBatch<P>>,
    /// Of each batch, to name samples by.
    pub(super) indices: Vec<Vec<usize>>,
    pub(super) streams: Streams,
}

/// The run's streams that a step draws from.
pub(super) struct Streams {
    latents: Stream,
    conditions: Stream,
    styles: Stream,
}

impl Streams {
    /// Those of a run that stands here.
    fn at(position: &Position) -> Self {
        Self {
            latents: position.latents.clone(),
            conditions: position.conditions.clone(),
            styles: position.styles.clone(),
        }
    }

    /// Moves the run on to where they stand.
    pub(super) fn keep_in(self, position: &mut Position) {
        position.latents = self.latents;
        position.conditions = self.conditions;
        position.styles = self.styles;
    }
}

impl<P: Pair> Source<'_, P> {
    /// The batches of the next step. The run's place is not moved yet: a step that is not made has
    /// used up nothing.
    pub(super) fn draw(
        &self,
        config: &TrainerConfig,
        loader: &mut Loader<'_, RealBatch<P>>,
        position: &Position,
    ) -> Result<Drawn<P>> {
        let mut drawn = Drawn {
            batches: Vec::new(),
            indices: Vec::new(),
            streams: Streams::at(position),
        };
        for _ in 0..config.discriminator_steps {
            let Loaded { indices, batch } = loader.next_batch();
            let batch = self.batch(config, indices.len(), batch?, &mut drawn.streams)?;
            drawn.indices.push(indices);
            drawn.batches.push(batch);
        }
        Ok(drawn)
    }

    fn batch(
        &self,
        config: &TrainerConfig,
        count: usize,
        (real, condition): RealBatch<P>,
        streams: &mut Streams,
    ) -> Result<StepBatch<P>> {
        let device = self.device;
        let latent = config.latent.draw(count, &mut streams.latents, device);
        let source = ConditionSource {
            count,
            classes: self
                .expected
                .classes
                .iter()
                .map(|(_, classes)| *classes)
                .max(),
            samples: self.data.len(),
            at: &|indices| feed::conditions(self.data, indices, self.expected, device),
            custom: self.rule,
        };
        let rule = &config.conditions;
        let fake =
            rule.draw::<P::Backend, _>(&condition, &source, &mut streams.conditions, device)?;
        let batch = StepBatch::new(real, condition, latent).with_fake_condition(fake);
        Ok(match self.crossovers(config, count, &mut streams.styles) {
            Some(crossovers) => {
                let second = config.latent.draw(count, &mut streams.latents, device);
                batch.with_mixing(StyleMixing::new(second, crossovers))
            }
            None => batch,
        })
    }

    /// For each sample how many layers take its first style: all of them where none is mixed.
    fn crossovers(
        &self,
        config: &TrainerConfig,
        count: usize,
        stream: &mut Stream,
    ) -> Option<Vec<usize>> {
        let layers = self.style_layers.filter(|_| config.style_mixing > 0.0)?;
        let chances = stream.uniform(count, 0.0, 1.0);
        let crossover = |chance: f32| match f64::from(chance) < config.style_mixing && layers > 1 {
            true => 1 + stream.index(layers - 1),
            false => layers,
        };
        Some(chances.into_iter().map(crossover).collect())
    }
}
