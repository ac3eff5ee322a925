//! A whole run: data, latents, schedules and observers around the step.

use std::time::Instant;

use burn::tensor::backend::AutodiffBackend;
use serde::{Deserialize, Serialize};

use super::step::step;
use super::{
    Hooks, Observer, OptimizerConfig, RateFactors, Rhythm, Schedule, StepBatch, StepEvent,
    TrainState,
};
use crate::data::{BatchPlan, Dataset};
use crate::error::{Error, Result, check};
use crate::gan::Gan;
use crate::latent::Latent;
use crate::network::{TrainableDiscriminator, TrainableGenerator};
use crate::objective::Objective;
use crate::random::{Stream, reseed};

/// Settings of a run.
///
/// ```
/// use burn_gan::objective::{Loss, Objective, Penalty};
/// use burn_gan::train::{OptimizerConfig, Schedule, TrainerConfig};
/// use burn_gan::Latent;
///
/// let config = TrainerConfig::new(1_000, 64, Latent::normal(16))
///     .with_seed(42)
///     .with_objective(Objective::new(Loss::NonSaturating).with_penalty(Penalty::r1(0.05)))
///     .with_optimizers(OptimizerConfig::adam(1e-3).with_betas(0.0, 0.99))
///     .with_schedule(Schedule::Cosine { floor: 0.05 });
/// config.validate()?;
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainerConfig {
    /// Generator steps to make.
    pub steps: u64,
    /// The seed of data order, latents and the backend's own draws.
    pub seed: u64,
    /// How the data is cut into batches.
    pub batches: BatchPlan,
    /// The prior.
    pub latent: Latent,
    /// What the networks minimise.
    pub objective: Objective,
    /// Discriminator steps for each generator step.
    pub discriminator_steps: usize,
    /// The generator's optimiser.
    pub generator_optimizer: OptimizerConfig,
    /// The discriminator's optimiser.
    pub discriminator_optimizer: OptimizerConfig,
    /// The schedule of both learning rates.
    pub schedule: Schedule,
}

impl TrainerConfig {
    /// A run of `steps` steps on shuffled batches of `batch_size`: seed 0, non-saturating loss,
    /// Adam (2e-4, β₁ .5) for both networks, one discriminator step each.
    pub fn new(steps: u64, batch_size: usize, latent: Latent) -> Self {
        Self {
            steps,
            seed: 0,
            batches: BatchPlan::new(batch_size),
            latent,
            objective: Objective::default(),
            discriminator_steps: 1,
            generator_optimizer: OptimizerConfig::adam(2e-4),
            discriminator_optimizer: OptimizerConfig::adam(2e-4),
            schedule: Schedule::Constant,
        }
    }

    /// The run's seed.
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// How the data is cut into batches.
    pub fn with_batches(mut self, batches: BatchPlan) -> Self {
        self.batches = batches;
        self
    }

    /// What the networks minimise.
    pub fn with_objective(mut self, objective: Objective) -> Self {
        self.objective = objective;
        self
    }

    /// Discriminator steps for each generator step.
    pub fn with_discriminator_steps(mut self, discriminator_steps: usize) -> Self {
        self.discriminator_steps = discriminator_steps;
        self
    }

    /// One optimiser's settings for both networks.
    pub fn with_optimizers(mut self, optimizer: OptimizerConfig) -> Self {
        self.generator_optimizer = optimizer;
        self.discriminator_optimizer = optimizer;
        self
    }

    /// The schedule of both learning rates.
    pub fn with_schedule(mut self, schedule: Schedule) -> Self {
        self.schedule = schedule;
        self
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// The first wrong setting, by its dotted name.
    pub fn validate(&self) -> Result<()> {
        if self.steps == 0 {
            return Err(Error::setting("steps", 0, "must be at least 1"));
        }
        check::at_least("discriminator_steps", self.discriminator_steps, 1)?;
        self.batches.validate().map_err(|e| e.within("batches"))?;
        self.latent.validate().map_err(|e| e.within("latent"))?;
        self.objective
            .validate()
            .map_err(|e| e.within("objective"))?;
        self.generator_optimizer
            .validate()
            .map_err(|e| e.within("generator_optimizer"))?;
        self.discriminator_optimizer
            .validate()
            .map_err(|e| e.within("discriminator_optimizer"))?;
        self.schedule.validate().map_err(|e| e.within("schedule"))
    }
}

/// An observer and its rhythm.
type Watch<'a, G, D, B> = (Rhythm, Box<dyn Observer<G, D, B> + 'a>);

/// Runs the step over a data set.
///
/// The same seed, networks and data give the same run, bit for bit, on the CPU backends; burn
/// keeps one random generator per process (dropout draws from it), so only one run per process is
/// reproducible.
pub struct Trainer<'a, G, D, B>
where
    B: AutodiffBackend,
    G: TrainableGenerator<B>,
    D: TrainableDiscriminator<B>,
{
    config: TrainerConfig,
    device: B::Device,
    observers: Vec<Watch<'a, G, D, B>>,
    hooks: Box<dyn Hooks<G, D> + 'a>,
}

impl<G, D, B> std::fmt::Debug for Trainer<'_, G, D, B>
where
    B: AutodiffBackend,
    G: TrainableGenerator<B>,
    D: TrainableDiscriminator<B>,
{
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trainer")
            .field("config", &self.config)
            .field("observers", &self.observers.len())
            .finish_non_exhaustive()
    }
}

impl<'a, G, D, B> Trainer<'a, G, D, B>
where
    B: AutodiffBackend,
    G: TrainableGenerator<B>,
    D: TrainableDiscriminator<B, Sample = G::Sample, Condition = G::Condition>,
{
    /// A trainer without observers.
    ///
    /// # Errors
    /// If a setting is wrong.
    pub fn new(config: TrainerConfig, device: &B::Device) -> Result<Self> {
        config.validate()?;
        Ok(Self {
            config,
            device: device.clone(),
            observers: Vec::new(),
            hooks: Box::new(()),
        })
    }

    /// Adds an observer; observers are called in the order they were added.
    pub fn observe(mut self, rhythm: Rhythm, observer: impl Observer<G, D, B> + 'a) -> Self {
        self.observers.push((rhythm, Box::new(observer)));
        self
    }

    /// Steps in before discriminator steps and optimiser steps.
    pub fn with_hooks(mut self, hooks: impl Hooks<G, D> + 'a) -> Self {
        self.hooks = Box::new(hooks);
        self
    }

    /// Trains `gan` on `data` to the end.
    ///
    /// # Errors
    /// If the data holds less than a batch, the networks can't do what the objective asks of them
    /// ([`Objective::probe`]), a hook asks for settings that can't be, or an observer ends the run.
    pub fn run(
        mut self,
        gan: Gan<G, D, B>,
        data: &impl Dataset<B, Sample = G::Sample, Condition = G::Condition>,
    ) -> Result<TrainState<G, D, B>> {
        let config = &self.config;
        let mut state = TrainState::new(
            gan,
            config.generator_optimizer,
            config.discriminator_optimizer,
        )?
        .with_seed(config.seed);
        self.probe(&state, data)?;
        let mut batches = BatchIndices::new(config.batches.clone(), config.seed, data.len())?;
        let mut latents = Stream::new(config.seed, "latent");
        let start = Instant::now();
        for done in 0..config.steps {
            // Dropout draws from the backend's one hidden generator.
            reseed::<B>(&self.device, config.seed, "step", done);
            let mut step_batches = Vec::with_capacity(config.discriminator_steps);
            for _ in 0..config.discriminator_steps {
                let indices = batches.next_batch()?;
                let (real, condition) = data.batch(&indices, &self.device);
                let latent = config
                    .latent
                    .draw(indices.len(), &mut latents, &self.device);
                step_batches.push(StepBatch {
                    real,
                    condition,
                    latent,
                });
            }
            let (generator, discriminator) = self.hooks.optimizers(
                done,
                config.generator_optimizer,
                config.discriminator_optimizer,
            );
            state
                .generator_optimizer
                .set_config(generator)
                .map_err(|error| error.within("generator_optimizer"))?;
            state
                .discriminator_optimizer
                .set_config(discriminator)
                .map_err(|error| error.within("discriminator_optimizer"))?;
            let factor = config.schedule.factor(done, config.steps);
            let rates = RateFactors {
                generator: factor,
                discriminator: factor,
            };
            let outcome;
            (state, outcome) = step(
                state,
                &config.objective,
                step_batches,
                rates,
                self.hooks.as_mut(),
            );
            let event = StepEvent {
                step: state.step,
                steps: config.steps,
                state: &state,
                outcome: &outcome,
                elapsed: start.elapsed(),
            };
            for (rhythm, observer) in &mut self.observers {
                if rhythm.is_due(event.step, event.steps) {
                    observer.observe(&event)?;
                }
            }
        }
        Ok(state)
    }

    /// Tries the objective on the first batch, before anything is trained.
    fn probe(
        &self,
        state: &TrainState<G, D, B>,
        data: &impl Dataset<B, Sample = G::Sample, Condition = G::Condition>,
    ) -> Result<()> {
        let config = &self.config;
        let first =
            BatchIndices::new(config.batches.clone(), config.seed, data.len())?.next_batch()?;
        let (real, condition) = data.batch(&first, &self.device);
        // A stream of its own: the run's latents stay what they are.
        let mut stream = Stream::new(config.seed, "probe");
        let latent = config.latent.draw(first.len(), &mut stream, &self.device);
        let gan = &state.gan;
        let probed = config.objective.probe(
            &gan.generator,
            &gan.discriminator,
            &real,
            &condition,
            &latent,
        );
        probed.map_err(|error| error.within("objective"))
    }
}

/// The batches of one epoch after the other.
struct BatchIndices {
    plan: BatchPlan,
    seed: u64,
    len: usize,
    epoch: u64,
    pending: std::vec::IntoIter<Vec<usize>>,
}

impl BatchIndices {
    fn new(plan: BatchPlan, seed: u64, len: usize) -> Result<Self> {
        Ok(Self {
            pending: plan.epoch(len, seed, 0)?.into_iter(),
            plan,
            seed,
            len,
            epoch: 0,
        })
    }

    fn next_batch(&mut self) -> Result<Vec<usize>> {
        loop {
            if let Some(batch) = self.pending.next() {
                return Ok(batch);
            }
            self.epoch += 1;
            self.pending = self
                .plan
                .epoch(self.len, self.seed, self.epoch)?
                .into_iter();
        }
    }
}
