//! What a step is made of: batches of the data, latents, conditions and styles to mix.

use burn::tensor::{Device, Tensor};

use super::TrainerConfig;
use super::checkpoint::Position;
use super::feed::{self, Expected};
use crate::data::{Dataset, Loaded, Loader};
use crate::error::Result;
use crate::network::{Condition, ConditionRule, ConditionSource, CustomConditions};
use crate::pair::Pair;
use crate::random::Stream;
use crate::step::{Share, StepBatch, StyleMixing};

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
    /// Which part of each batch this process has. All that is drawn is drawn for the whole batch.
    pub(super) here: Share,
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
            let batch = self.batch(config, &indices, batch?, &mut drawn.streams)?;
            drawn.indices.push(indices);
            drawn.batches.push(batch);
        }
        Ok(drawn)
    }

    /// This process' part of the batch of these samples, of which it has read its own.
    fn batch(
        &self,
        config: &TrainerConfig,
        indices: &[usize],
        (real, condition): RealBatch<P>,
        streams: &mut Streams,
    ) -> Result<StepBatch<P>> {
        let device = self.device;
        let count = indices.len();
        let here = self.here.range(count);
        let own = |latents: Tensor<P::Backend, 2>| match self.here {
            Share::WHOLE => latents,
            _ => latents.narrow(0, here.start, here.len()).detach(),
        };
        let latent = own(config.latent.draw(count, &mut streams.latents, device));
        let fake = self.conditions(config, indices, &condition, streams)?;
        let batch = StepBatch::new(real, condition, latent)
            .with_fake_condition(fake)
            .of_part(self.here);
        Ok(match self.crossovers(config, count, &mut streams.styles) {
            Some(crossovers) => {
                let second = own(config.latent.draw(count, &mut streams.latents, device));
                batch.with_mixing(StyleMixing::new(second, crossovers[here].to_vec()))
            }
            None => batch,
        })
    }

    /// The conditions of this process' part of the generated batch; `real` are those of its part of the
    /// real one.
    fn conditions(
        &self,
        config: &TrainerConfig,
        indices: &[usize],
        real: &P::Condition,
        streams: &mut Streams,
    ) -> Result<P::Condition> {
        let (device, rule, count) = (self.device, &config.conditions, indices.len());
        let at = |indices: &[usize]| feed::conditions(self.data, indices, self.expected, device);
        let source = ConditionSource {
            count,
            classes: self
                .expected
                .classes
                .iter()
                .map(|(_, classes)| *classes)
                .max(),
            samples: self.data.len(),
            at: &at,
            custom: self.rule,
        };
        let stream = &mut streams.conditions;
        let is_own = self.here == Share::WHOLE || matches!(rule, ConditionRule::Real);
        if is_own {
            return rule.draw::<P::Backend, _>(real, &source, stream, device);
        }
        // A program's own rule looks at the whole real batch.
        let whole = matches!(rule, ConditionRule::Custom(_)).then(|| at(indices));
        let whole = whole.transpose()?;
        let of = whole.as_ref().unwrap_or(real);
        let drawn = rule.draw::<P::Backend, _>(of, &source, stream, device)?;
        let here = self.here.range(count);
        Ok(Condition::<P::Backend>::narrow(
            &drawn,
            here.start,
            here.len(),
        ))
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
