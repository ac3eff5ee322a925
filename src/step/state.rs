//! Everything that a step changes.

use burn::module::AutodiffModule;

use super::{Ema, NetworkOptimizer, OptimizerConfig, StandingStatistics};
use crate::error::Result;
use crate::objective::ObjectiveState;
use crate::pair::{GanOf, Pair, Sampler};

/// Everything that a step changes.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TrainState<P: Pair> {
    /// The two networks.
    pub gan: GanOf<P>,
    /// The generator's optimiser.
    pub generator_optimizer: NetworkOptimizer<P::Backend>,
    /// The discriminator's optimiser.
    pub discriminator_optimizer: NetworkOptimizer<P::Backend>,
    /// What the objective remembers.
    pub objective: ObjectiveState<P::Backend>,
    /// The moving average of the generator's weights, where there is one.
    pub ema: Option<Ema<P>>,
    /// How many steps were made.
    pub step: u64,
}

impl<P: Pair> TrainState<P> {
    /// The state before the first step; the objective's random stream starts at seed 0 until
    /// [`with_seed`](Self::with_seed).
    ///
    /// # Errors
    /// If an optimiser's setting is wrong.
    pub fn new(
        pair: P,
        generator: OptimizerConfig,
        discriminator: OptimizerConfig,
    ) -> Result<Self> {
        Self::of(pair.into_gan(), generator, discriminator)
    }

    pub(crate) fn of(
        gan: GanOf<P>,
        generator: OptimizerConfig,
        discriminator: OptimizerConfig,
    ) -> Result<Self> {
        Ok(Self {
            gan,
            generator_optimizer: NetworkOptimizer::new(generator)
                .map_err(|error| error.within("generator_optimizer"))?,
            discriminator_optimizer: NetworkOptimizer::new(discriminator)
                .map_err(|error| error.within("discriminator_optimizer"))?,
            objective: ObjectiveState::default(),
            ema: None,
            step: 0,
        })
    }

    /// Keeps a moving average of the generator's weights from here on.
    pub fn with_ema(mut self) -> Self {
        self.ema = Some(Ema::new(&self.gan.generator));
        self
    }

    /// The running statistics of the average are drawn by this whenever its generator is handed out
    /// ([`sampler`](Self::sampler)); a trainer does it by itself. Nothing where there is no
    /// average.
    pub fn with_standing_statistics(mut self, standing: StandingStatistics<P::Condition>) -> Self {
        self.ema = self
            .ema
            .map(|ema| ema.with_standing_statistics(Some(standing)));
        self
    }

    /// The generator to draw samples with, off the tape: the averaged one where there is one,
    /// otherwise the trained one. A copy of its own, which later steps leave alone.
    ///
    /// The running statistics of an averaged generator with batch norm are drawn for it
    /// ([`StandingStatistics`]): a few passes, once after each step that somebody asks.
    pub fn sampler(&self) -> Sampler<P> {
        match &self.ema {
            Some(ema) => ema.generator(),
            None => self.trained(),
        }
    }

    /// The trained generator, off the tape: a copy of its own.
    pub fn trained(&self) -> Sampler<P> {
        self.gan.generator.valid()
    }

    /// Draws the objective's interpolation weights and noise from this seed.
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.objective = ObjectiveState::new(seed);
        self
    }
}
