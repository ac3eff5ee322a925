//! Scores of what a run's generator draws, while it trains.

use std::fmt;

use burn::module::Module;

use crate::error::{Result, check};
use crate::metrics::{FeatureExtractor, SetMeasure, features_of};
use crate::network::{Condition, Generator, Sample};
use crate::pair::{InnerBackend, Pair};
use crate::random::Stream;
use crate::train::{Evaluator, StepEvent};

type InnerCondition<P> = <<P as Pair>::Condition as Condition<<P as Pair>::Backend>>::Inner;
type InnerSample<P> = <<P as Pair>::Sample as Sample<<P as Pair>::Backend>>::Inner;

/// An evaluator that draws samples, makes features of them, and measures these: by a
/// [`Scorer`](crate::metrics::Scorer) against real samples, say. Its numbers go where all numbers of
/// [evaluators](Evaluator) go: logs, charts, progress, reports, `keep_best`, the health watch.
///
/// Samples come from the [`sampler`](crate::step::TrainState::sampler), of the same latents at every
/// call, so that what changes is the generator. They are drawn and turned into features in batches:
/// memory holds the features of all, the samples of one batch.
///
/// ```
/// use burn_gan::burn::backend::{Autodiff, Flex};
/// use burn_gan::data::{MemoryDataset, Mixture};
/// use burn_gan::metrics::{Features, Raw, Scorer, SlicedWasserstein};
/// use burn_gan::models::{MlpDiscriminatorConfig, MlpGeneratorConfig};
/// use burn_gan::random::Stream;
/// use burn_gan::train::{History, Rhythm, SampleScores, Trainer, TrainerConfig};
/// use burn_gan::{Gan, Latent};
///
/// let device = Default::default();
/// let gan = Gan::<_, _, Autodiff<Flex>>::seeded(
///     MlpGeneratorConfig::new(2, [2]).with_hidden([8]).init(&device)?,
///     MlpDiscriminatorConfig::new([2]).with_hidden([8]).init(&device)?,
///     1,
///     &device,
/// );
/// let points = Mixture::ring().sample(500, &mut Stream::new(1, "points"));
/// let real = Features::new(points.clone(), 2)?.with_set("training");
/// let data = MemoryDataset::<2>::new(points, [2])?;
///
/// let scorer = Scorer::new(real).with_metric(SlicedWasserstein::default());
/// let mut history = History::new();
/// Trainer::new(TrainerConfig::new(4, 8, Latent::normal(2)), &device)?
///     .evaluate(Rhythm::Every(2), SampleScores::new(Raw, scorer, 100))
///     .observe(Rhythm::Every(2), &mut history)
///     .run(gan, &data)?;
/// assert_eq!(history.points("sliced_wasserstein").len(), 2);
/// # Ok::<(), burn_gan::Error>(())
/// ```
pub struct SampleScores<P: Pair, E, M> {
    extractor: E,
    measure: M,
    count: usize,
    batch: usize,
    seed: Option<u64>,
    /// What the samples are conditioned on, one for each.
    condition: InnerCondition<P>,
}

/// Samples drawn at once, where nothing else is asked for.
const BATCH: usize = 100;

impl<P: Pair, E, M: fmt::Debug> fmt::Debug for SampleScores<P, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SampleScores")
            .field("measure", &self.measure)
            .field("count", &self.count)
            .field("batch", &self.batch)
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}

impl<P: Pair<Condition = ()>, E, M> SampleScores<P, E, M> {
    /// Measures so many samples of an unconditional generator.
    pub fn new(extractor: E, measure: M, count: usize) -> Self {
        Self {
            extractor,
            measure,
            count,
            batch: BATCH,
            seed: None,
            condition: Condition::<P::Backend>::inner(&()),
        }
    }
}

impl<P: Pair, E, M> SampleScores<P, E, M> {
    /// Measures samples of a conditional generator, one for each of `conditions`: labels as often as
    /// they occur in the data that the samples are held against.
    pub fn conditioned_on(extractor: E, measure: M, conditions: &P::Condition) -> Self {
        Self {
            extractor,
            measure,
            // Conditions that have no rows are refused before the first step.
            count: conditions.rows().unwrap_or(0),
            batch: BATCH,
            seed: None,
            condition: conditions.inner(),
        }
    }

    /// Sets how many samples are drawn at once; 100 if not given.
    pub fn with_batch(mut self, batch: usize) -> Self {
        self.batch = batch;
        self
    }

    /// Sets the seed of the latents; the run's own if not given.
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }
}

impl<P: Pair, E, M> SampleScores<P, E, M> {
    /// What measures: a [`Scorer`](crate::metrics::Scorer) has the last scores with their
    /// provenance.
    pub fn measure(&self) -> &M {
        &self.measure
    }
}

impl<P, E, M> Evaluator<P> for SampleScores<P, E, M>
where
    P: Pair,
    E: FeatureExtractor<InnerBackend<P>, InnerSample<P>>,
    M: SetMeasure,
{
    fn names(&self) -> Vec<String> {
        let numbers = self.measure.numbers();
        numbers
            .iter()
            .map(|number| number.name.to_owned())
            .collect()
    }

    fn check(&self, _sample_shape: &[usize]) -> Result<()> {
        check::at_least("sample_scores.count", self.count, 1)?;
        check::at_least("sample_scores.batch", self.batch, 1)?;
        self.measure.validate()
    }

    fn evaluate(&mut self, event: &StepEvent<'_, P>) -> Result<Vec<f64>> {
        let generator = event.state.sampler();
        let config = event.config;
        let devices = event.state.gan.generator.devices();
        let device = devices.into_iter().next().unwrap_or_default();
        let mut latents = Stream::new(self.seed.unwrap_or(config.seed), "evaluation");
        let batches = (0..self.count).step_by(self.batch).map(|start| {
            let count = self.batch.min(self.count - start);
            let latent = config.latent.draw(count, &mut latents, &device);
            let condition = self.condition.narrow(start, count);
            Ok(generator.generate(latent, &condition))
        });
        let features = features_of(&self.extractor, batches)?.with_set("generated");
        self.measure.measure(&features)
    }
}
