//! The settings of a run.

use std::sync::Arc;

use serde::Serialize;
use serde_json::json;

use super::ramp::{Ramped, Ramps};
use super::{HealthConfig, Limits, Ramp, Schedule};
use crate::data::{BatchPlan, Loading};
use crate::error::{Error, Result, check};
use crate::latent::Latent;
use crate::network::ConditionRule;
use crate::objective::Objective;
use crate::settings::settings;
use crate::sizes;
use crate::step::{EmaConfig, OptimizerConfig};

settings! {
/// Settings of a run.
///
/// ```
/// use burn_gan::objective::{Loss, Objective, Term};
/// use burn_gan::train::{Schedule, TrainerConfig};
/// use burn_gan::step::OptimizerConfig;
/// use burn_gan::Latent;
///
/// let config = TrainerConfig::new(1_000, 64, Latent::normal(16))
///     .with_seed(42)
///     .with_objective(Objective::new(Loss::NonSaturating).with_term(Term::r1(0.05)))
///     .with_optimizers(OptimizerConfig::adam(1e-3).with_betas(0.0, 0.99))
///     .with_schedule(Schedule::Cosine { floor: 0.05 });
/// config.validate()?;
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrainerConfig {
    /// Generator steps to make.
    pub steps: u64,
    /// The seed of data order, latents and the backend's own draws.
    pub seed: u64,
    /// How the data is cut into batches.
    pub batches: BatchPlan,
    /// The prior.
    pub latent: Latent,
    /// What generated batches are conditioned on.
    #[serde(default)]
    pub conditions: ConditionRule,
    /// The probability that a generated sample's styles are those of two latents, the first ones up
    /// to a random layer (style mixing; 0.9 in StyleGAN). For generators with a [style
    /// space](crate::network::StyleSpace) only; 0 for none.
    #[serde(default)]
    pub style_mixing: f64,
    /// What the networks minimise.
    pub objective: Objective,
    /// Discriminator steps for each generator step, 1 to 1,000.
    pub discriminator_steps: usize,
    /// The generator's optimiser.
    pub generator_optimizer: OptimizerConfig,
    /// The discriminator's optimiser.
    pub discriminator_optimizer: OptimizerConfig,
    /// The schedule of both learning rates.
    pub schedule: Schedule,
    /// Steps over which both learning rates rise from near 0 to the schedule's; 0 for none.
    #[serde(default)]
    pub warm_up: u64,
    /// Settings that move to other values over the run.
    #[serde(default)]
    pub ramps: Vec<Ramp>,
    /// The moving average of the generator's weights; `None` for none.
    #[serde(default)]
    pub ema: Option<EmaConfig>,
    /// The largest Euclidean norm that all gradients of a network together may have; larger ones
    /// are scaled down to it. `None` for no limit.
    #[serde(default)]
    pub gradient_clipping: Option<f64>,
    /// Parts that a batch is taken in, one after the other, their gradients added up: less memory,
    /// the same step. 1 for the whole batch at once. In a group of processes, parts of what each of
    /// them has of the batch.
    #[serde(default = "whole")]
    pub micro_batches: usize,
    /// Whether batch norms of this crate, conditional ones too, take their statistics over what all
    /// processes of a group have of the batch, in place of each over its own part; in one process it
    /// is the same. Two sums of a number for each channel go over the network at each layer of each
    /// pass. Backends Flex, NdArray and Wgpu; false by default.
    #[serde(default)]
    pub synchronized_batch_norm: bool,
    /// Steps after which batch norms of this crate, conditional ones too, take their running statistics
    /// as they are, in training too, and these move no more. From there on what is trained is what is
    /// used: a sample no longer depends on its batch, and the discriminator judges what the generator
    /// draws by itself. It helps where a batch says little of the statistics, as a small one does, or one
    /// of many modes. burn's own batch norms are left alone. `None`, never, by default.
    #[serde(default)]
    pub frozen_batch_norm: Option<u64>,
    /// What is watched while the run goes on.
    #[serde(default)]
    pub health: HealthConfig,
    /// What the run may take of memory and time.
    #[serde(default)]
    pub limits: Limits,
    /// Threads that read the data ahead.
    #[serde(default)]
    pub loading: Loading,
}
}

fn whole() -> usize {
    1
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
            conditions: ConditionRule::Real,
            style_mixing: 0.0,
            objective: Objective::default(),
            discriminator_steps: 1,
            generator_optimizer: OptimizerConfig::adam(2e-4),
            discriminator_optimizer: OptimizerConfig::adam(2e-4),
            schedule: Schedule::Constant,
            warm_up: 0,
            ramps: Vec::new(),
            ema: None,
            gradient_clipping: None,
            micro_batches: 1,
            synchronized_batch_norm: false,
            frozen_batch_norm: None,
            health: HealthConfig::default(),
            limits: Limits::default(),
            loading: Loading::default(),
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

    /// What generated batches are conditioned on; a custom rule is bound by
    /// [`Trainer::with_conditions`](super::Trainer::with_conditions).
    pub fn with_conditions(mut self, conditions: ConditionRule) -> Self {
        self.conditions = conditions;
        self
    }

    /// The probability that a generated sample's styles are those of two latents.
    pub fn with_style_mixing(mut self, probability: f64) -> Self {
        self.style_mixing = probability;
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

    /// The generator's optimiser. A smaller learning rate here than the discriminator's is the
    /// two-time-scale rule (TTUR; Heusel et al. 2017, arXiv:1706.08500).
    pub fn with_generator_optimizer(mut self, optimizer: OptimizerConfig) -> Self {
        self.generator_optimizer = optimizer;
        self
    }

    /// The discriminator's optimiser.
    pub fn with_discriminator_optimizer(mut self, optimizer: OptimizerConfig) -> Self {
        self.discriminator_optimizer = optimizer;
        self
    }

    /// The schedule of both learning rates.
    pub fn with_schedule(mut self, schedule: Schedule) -> Self {
        self.schedule = schedule;
        self
    }

    /// Steps over which both learning rates rise to the schedule's.
    pub fn with_warm_up(mut self, steps: u64) -> Self {
        self.warm_up = steps;
        self
    }

    /// Adds a setting that moves to another value over the run.
    pub fn with_ramp(mut self, ramp: Ramp) -> Self {
        self.ramps.push(ramp);
        self
    }

    /// Keeps a moving average of the generator's weights.
    pub fn with_ema(mut self, ema: EmaConfig) -> Self {
        self.ema = Some(ema);
        self
    }

    /// The largest norm of a network's gradients.
    pub fn with_gradient_clipping(mut self, norm: f64) -> Self {
        self.gradient_clipping = Some(norm);
        self
    }

    /// Parts that a batch is taken in.
    pub fn with_micro_batches(mut self, micro_batches: usize) -> Self {
        self.micro_batches = micro_batches;
        self
    }

    /// Whether batch norms take their statistics over all processes of a group.
    pub fn with_synchronized_batch_norm(mut self, synchronized: bool) -> Self {
        self.synchronized_batch_norm = synchronized;
        self
    }

    /// Steps after which batch norms take their running statistics as they are.
    pub fn with_frozen_batch_norm(mut self, after: u64) -> Self {
        self.frozen_batch_norm = Some(after);
        self
    }

    /// What is watched while the run goes on.
    pub fn with_health(mut self, health: HealthConfig) -> Self {
        self.health = health;
        self
    }

    /// What the run may take of memory and time.
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Threads that read the data ahead.
    pub fn with_loading(mut self, loading: Loading) -> Self {
        self.loading = loading;
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
        check::at_most(
            "discriminator_steps",
            self.discriminator_steps,
            sizes::REPEATS,
        )?;
        self.batches.validate().map_err(|e| e.within("batches"))?;
        self.latent.validate().map_err(|e| e.within("latent"))?;
        let drawn = [
            self.latent.dimensions(),
            self.batches.batch_size,
            // One more for the generator's own step.
            self.discriminator_steps + 1,
        ];
        sizes::latents("latent.dimensions", &drawn)?;
        self.conditions
            .validate()
            .map_err(|e| e.within("conditions"))?;
        if !(0.0..=1.0).contains(&self.style_mixing) {
            return Err(Error::setting(
                "style_mixing",
                self.style_mixing,
                "must be a probability, from 0 to 1",
            ));
        }
        self.objective
            .validate()
            .map_err(|e| e.within("objective"))?;
        self.generator_optimizer
            .validate()
            .map_err(|e| e.within("generator_optimizer"))?;
        self.discriminator_optimizer
            .validate()
            .map_err(|e| e.within("discriminator_optimizer"))?;
        self.schedule.validate().map_err(|e| e.within("schedule"))?;
        if let Some(ema) = &self.ema {
            ema.validate().map_err(|e| e.within("ema"))?;
        }
        if let Some(norm) = self.gradient_clipping {
            check::positive("gradient_clipping", norm)?;
        }
        check::at_least("micro_batches", self.micro_batches, 1)?;
        let batch_size = self.batches.batch_size;
        if !batch_size.is_multiple_of(self.micro_batches) {
            return Err(Error::setting(
                "micro_batches",
                self.micro_batches,
                format!("must divide the batch size, {batch_size}"),
            ));
        }
        if self.frozen_batch_norm == Some(0) {
            let problem = "must be at least 1: until then there are no statistics to be kept";
            return Err(Error::setting("frozen_batch_norm", 0, problem));
        }
        self.health.validate().map_err(|e| e.within("health"))?;
        self.limits.validate().map_err(|e| e.within("limits"))?;
        self.loading.validate().map_err(|e| e.within("loading"))
    }
}

/// Compiled once, for all networks.
impl TrainerConfig {
    /// The settings as they move over the run.
    pub(super) fn ramped(&self) -> Result<Ramps<Self>> {
        Ramps::new(self)
    }

    /// Whether the step after so many others leaves the statistics of batch norms alone.
    pub(super) fn is_batch_norm_frozen(&self, steps: u64) -> bool {
        self.frozen_batch_norm.is_some_and(|after| steps >= after)
    }

    /// The settings at `step` (from 0).
    pub(super) fn at(ramps: &mut Ramps<Self>, step: u64) -> Arc<Self> {
        ramps.at(step)
    }

    /// What a resumed run is compared with: all settings, and what else decides the numbers.
    pub(super) fn of_run(
        &self,
        backend: &str,
        samples: usize,
        data: Option<String>,
    ) -> Result<serde_json::Value> {
        let mut settings = serde_json::to_value(self)
            .map_err(|error| Error::data("settings of the run", error.to_string()))?;
        settings["backend"] = json!(backend);
        settings["samples"] = json!(samples);
        settings["data"] = json!(data);
        // A resumed run may be given more memory, time or threads: none of them decides a number.
        if let Some(settings) = settings.as_object_mut() {
            settings.remove("limits");
            settings.remove("loading");
        }
        settings["crate_version"] = json!(env!("CARGO_PKG_VERSION"));
        Ok(settings)
    }
}

impl Ramped for TrainerConfig {
    fn ramps(&self) -> &[Ramp] {
        &self.ramps
    }

    fn check(&self) -> Result<()> {
        self.validate()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(config: TrainerConfig) -> String {
        config.validate().expect_err("a slip").to_string()
    }

    #[test]
    fn sizes_that_no_memory_holds_are_refused_by_name() {
        let config = || TrainerConfig::new(1, 4, Latent::normal(2));
        for size in [1 << 25, 1 << 32, usize::MAX] {
            let mut wide = config();
            wide.latent = Latent::normal(size);
            let error = refusal(wide);
            assert!(error.contains("`latent.dimensions` = "), "{error}");
            let error = refusal(config().with_discriminator_steps(size));
            assert!(error.contains("`discriminator_steps` = "), "{error}");
            let error = refusal(config().with_batches(BatchPlan::new(size)));
            assert!(error.contains("`batches.batch_size` = "), "{error}");
        }
        // Each of them may be, their product not.
        let product = TrainerConfig::new(1, 1 << 18, Latent::normal(1 << 12));
        let error = refusal(product);
        assert!(
            error.contains("`latent.dimensions` = 4096×262144×2: "),
            "{error}"
        );
        TrainerConfig::new(1, 1 << 12, Latent::normal(1 << 12))
            .validate()
            .expect("large, and possible");
    }
}
