//! The losses of a run, kept for charts and reports.

use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{ElementConversion, Tensor};
use serde::{Deserialize, Serialize};

use crate::divergence::js_lower_bound;
use crate::error::Result;
use crate::network::{TrainableDiscriminator, TrainableGenerator};
use crate::report::Report;
use crate::train::observer::observe_by_reference;
use crate::train::{Memories, Observer, StepEvent};

/// One reading of a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// Steps made.
    pub step: u64,
    /// The discriminator's loss without penalties.
    pub discriminator_loss: f64,
    /// The generator's loss without penalties.
    pub generator_loss: f64,
    /// The discriminator's weighted penalties; `None` where none was due.
    pub penalty: Option<f64>,
    /// The generator's weighted penalties; `None` where none was due.
    pub generator_penalty: Option<f64>,
    /// The lower bound on JS(p_data ‖ p_g) that the logits show, in nats
    /// ([`js_lower_bound`]).
    pub js_lower_bound: f64,
    /// The discriminator's learning rate in this step, schedule and ramps applied.
    pub discriminator_rate: f64,
    /// The generator's learning rate in this step, schedule and ramps applied.
    pub generator_rate: f64,
}

impl Reading {
    /// Reads the step's numbers; waits for the device.
    pub(super) fn of<G, D, B>(event: &StepEvent<'_, G, D, B>) -> Self
    where
        B: AutodiffBackend,
        G: TrainableGenerator<B>,
        D: TrainableDiscriminator<B>,
    {
        let (outcome, config) = (event.outcome, event.config);
        let bound = js_lower_bound(outcome.real_logits.clone(), outcome.fake_logits.clone());
        Self {
            step: event.step,
            discriminator_loss: scalar(&outcome.discriminator_loss),
            generator_loss: scalar(&outcome.generator_loss),
            penalty: outcome.penalty.as_ref().map(scalar),
            generator_penalty: outcome.generator_penalty.as_ref().map(scalar),
            js_lower_bound: scalar(&bound),
            discriminator_rate: config.discriminator_optimizer.learning_rate()
                * event.rates.discriminator,
            generator_rate: config.generator_optimizer.learning_rate() * event.rates.generator,
        }
    }
}

/// One number read back from the device.
pub(crate) fn scalar<B: Backend>(tensor: &Tensor<B, 1>) -> f64 {
    tensor.clone().into_scalar().elem()
}

/// An observer that keeps a [`Reading`] each time it is called.
///
/// Each reading waits for the device: give it a rhythm of tens of steps on a GPU. Checkpoints hold
/// the readings, so that the history of a resumed run is that of the whole run.
///
/// ```
/// use burn_gan::burn::backend::{Autodiff, Flex};
/// use burn_gan::data::MemoryDataset;
/// use burn_gan::models::{MlpDiscriminatorConfig, MlpGeneratorConfig};
/// use burn_gan::train::{History, Rhythm, Trainer, TrainerConfig};
/// use burn_gan::{Gan, Latent};
///
/// let device = Default::default();
/// let gan = Gan::<_, _, Autodiff<Flex>>::seeded(
///     MlpGeneratorConfig::new(2, [2]).with_hidden([8]).init(&device)?,
///     MlpDiscriminatorConfig::new([2]).with_hidden([8]).init(&device)?,
///     1,
///     &device,
/// );
/// let data = MemoryDataset::<2>::new(vec![0.5; 32], [2])?;
///
/// let mut history = History::new();
/// Trainer::new(TrainerConfig::new(6, 8, Latent::normal(2)), &device)?
///     .observe(Rhythm::Every(2), &mut history)
///     .run(gan, &data)?;
/// let steps: Vec<u64> = history.readings().iter().map(|reading| reading.step).collect();
/// assert_eq!(steps, [2, 4, 6]);
/// assert_eq!(history.readings()[0].generator_rate, 2e-4);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct History {
    name: String,
    readings: Vec<Reading>,
}

impl Default for History {
    fn default() -> Self {
        Self::new()
    }
}

impl History {
    /// An empty history.
    pub fn new() -> Self {
        Self {
            name: "history".to_owned(),
            readings: Vec::new(),
        }
    }

    /// Its name in checkpoints, `history` if not given. Each of several histories of a run needs its
    /// own.
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Adds the curves of a run to a report: losses, penalties, the bound on JS, learning rates.
    pub fn report(&self, report: Report) -> Report {
        type Value = fn(&Reading) -> Option<f64>;
        let curves: [(&str, &str, Value); 7] = [
            ("loss", "discriminator", |r| Some(r.discriminator_loss)),
            ("loss", "generator", |r| Some(r.generator_loss)),
            ("penalty", "discriminator", |r| r.penalty),
            ("penalty", "generator", |r| r.generator_penalty),
            ("lower bound on JS, nats", "of the batch", |r| {
                Some(r.js_lower_bound)
            }),
            ("learning rate", "discriminator", |r| {
                Some(r.discriminator_rate)
            }),
            ("learning rate", "generator", |r| Some(r.generator_rate)),
        ];
        curves
            .into_iter()
            .fold(report, |report, (chart, line, value)| {
                let points: Vec<(f64, f64)> = self
                    .readings
                    .iter()
                    .filter_map(|reading| Some((reading.step as f64, value(reading)?)))
                    .collect();
                if points.is_empty() {
                    return report;
                }
                report.curve(chart, line, points)
            })
    }

    /// The readings so far, in the order of their steps.
    pub fn readings(&self) -> &[Reading] {
        &self.readings
    }
}

impl<G, D, B> Observer<G, D, B> for History
where
    B: AutodiffBackend,
    G: TrainableGenerator<B>,
    D: TrainableDiscriminator<B>,
{
    fn observe(&mut self, event: &StepEvent<'_, G, D, B>) -> Result<()> {
        self.readings.push(Reading::of(event));
        Ok(())
    }

    fn remember(&self, memories: &mut Memories) -> Result<()> {
        memories.put(&self.name, &self.readings)
    }

    fn recall(&mut self, step: u64, memories: &Memories) -> Result<()> {
        if let Some(stored) = memories.get(&self.name)? {
            self.readings = stored;
        }
        self.readings.retain(|reading| reading.step <= step);
        Ok(())
    }
}

observe_by_reference!(History);
