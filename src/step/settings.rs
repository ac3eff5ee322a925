//! What a step is made with, beside its batches.

use crate::latent::Latent;
use crate::objective::Objective;

/// The factors that a step's schedule puts on the two learning rates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateFactors {
    /// On the generator's.
    pub generator: f64,
    /// On the discriminator's.
    pub discriminator: f64,
}

impl Default for RateFactors {
    fn default() -> Self {
        Self {
            generator: 1.0,
            discriminator: 1.0,
        }
    }
}

/// What a step is made with, beside its batches.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StepSettings<'a> {
    /// What the networks minimise.
    pub objective: &'a Objective,
    /// What latents are drawn from, for terms that ask for its codes.
    pub prior: Option<&'a Latent>,
    /// The factors on the learning rates.
    pub rates: RateFactors,
    /// The largest norm of a network's gradients; `None` for no limit.
    pub gradient_clipping: Option<f64>,
    /// Parts that each batch is taken in; 1 for the whole.
    pub micro_batches: usize,
    /// How much of the generator's moving average stays, where there is one.
    pub ema_decay: f64,
    /// Whether batch norms of this crate take their statistics over all processes of a group.
    pub synchronized_batch_norm: bool,
    /// Whether batch norms of this crate take their running statistics as they are.
    pub frozen_batch_norm: bool,
    /// Whether [`StepOutcome::vitals`](super::StepOutcome::vitals) is measured.
    pub vitals: bool,
}

impl<'a> StepSettings<'a> {
    /// Learning rates as they are, no clipping, whole batches, an average that follows at once.
    pub fn new(objective: &'a Objective) -> Self {
        Self {
            objective,
            prior: None,
            rates: RateFactors::default(),
            gradient_clipping: None,
            micro_batches: 1,
            ema_decay: 0.0,
            synchronized_batch_norm: false,
            frozen_batch_norm: false,
            vitals: false,
        }
    }

    /// What latents are drawn from, for terms that ask for its codes.
    pub fn with_prior(mut self, prior: &'a Latent) -> Self {
        self.prior = Some(prior);
        self
    }

    /// The factors on the learning rates.
    pub fn with_rates(mut self, rates: RateFactors) -> Self {
        self.rates = rates;
        self
    }
}
