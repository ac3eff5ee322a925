//! One training step, without data, files or clocks.

use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use burn::tensor::backend::AutodiffBackend;

use super::{Hooks, NetworkOptimizer, OptimizerConfig};
use crate::error::Result;
use crate::gan::Gan;
use crate::network::{Sample, TrainableDiscriminator, TrainableGenerator};
use crate::nn::update_spectral_norms;
use crate::objective::{Batch, Objective, ObjectiveState, clip_weights};

/// Everything that a step changes.
#[derive(Debug, Clone)]
pub struct TrainState<G: TrainableGenerator<B>, D: TrainableDiscriminator<B>, B: AutodiffBackend> {
    /// The two networks.
    pub gan: Gan<G, D, B>,
    /// The generator's optimiser.
    pub generator_optimizer: NetworkOptimizer<G, B>,
    /// The discriminator's optimiser.
    pub discriminator_optimizer: NetworkOptimizer<D, B>,
    /// What the objective remembers.
    pub objective: ObjectiveState<B>,
    /// How many steps were made.
    pub step: u64,
}

impl<G: TrainableGenerator<B>, D: TrainableDiscriminator<B>, B: AutodiffBackend>
    TrainState<G, D, B>
{
    /// The state before the first step; the objective's random stream starts at seed 0 until
    /// [`with_seed`](Self::with_seed).
    ///
    /// # Errors
    /// If an optimiser's setting is wrong.
    pub fn new(
        gan: Gan<G, D, B>,
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
            step: 0,
        })
    }

    /// Draws the objective's interpolation weights and noise from this seed.
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.objective = ObjectiveState::new(seed);
        self
    }
}

/// What one discriminator step needs: a real batch, and latents for a generated one.
///
/// The generated batch has the real one's conditions, so both have one length.
#[derive(Debug, Clone)]
pub struct StepBatch<S, C, B: AutodiffBackend> {
    /// Real samples.
    pub real: S,
    /// What both networks are told.
    pub condition: C,
    /// Latents, `[batch, latent]`.
    pub latent: Tensor<B, 2>,
}

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

/// What a step leaves to look at. Nothing is read back from the device until somebody asks.
#[derive(Debug, Clone)]
pub struct StepOutcome<B: AutodiffBackend> {
    /// The discriminator's loss in its last step, without penalties, `[1]`.
    pub discriminator_loss: Tensor<B::InnerBackend, 1>,
    /// The discriminator's weighted penalties in that step, `[1]`; `None` where none was due.
    pub penalty: Option<Tensor<B::InnerBackend, 1>>,
    /// The generator's loss, `[1]`, without penalties.
    pub generator_loss: Tensor<B::InnerBackend, 1>,
    /// The weighted penalties of the generator's step, `[1]`; `None` where none was due.
    pub generator_penalty: Option<Tensor<B::InnerBackend, 1>>,
    /// The logits of the last discriminator step's real batch, `[batch, patches]`.
    pub real_logits: Tensor<B::InnerBackend, 2>,
    /// The logits of its generated batch, `[batch, patches]`.
    pub fake_logits: Tensor<B::InnerBackend, 2>,
}

/// One training step: a discriminator step for each of `batches`, then one generator step.
///
/// The generated batch of the last discriminator step, judged anew by the updated discriminator,
/// serves the generator step, with the last real batch where the objective compares; the
/// discriminator's weight gradients are not computed there. Layers with spectral norm make one
/// power iteration before each step of their network, and weights are clipped after it, where the
/// objective says so. Batch statistics of running-mean layers are updated by every forward pass of
/// a step but those of penalties.
///
/// # Panics
/// If `batches` is empty, or the batch lengths of samples and latents differ.
pub fn step<G, D, B>(
    mut state: TrainState<G, D, B>,
    objective: &Objective,
    batches: Vec<StepBatch<G::Sample, G::Condition, B>>,
    rates: RateFactors,
    hooks: &mut dyn Hooks<G, D>,
) -> (TrainState<G, D, B>, StepOutcome<B>)
where
    B: AutodiffBackend,
    G: TrainableGenerator<B>,
    D: TrainableDiscriminator<B, Sample = G::Sample, Condition = G::Condition>,
{
    state.gan.generator = update_spectral_norms(state.gan.generator, 1);
    let mut last = None;
    for batch in batches {
        let judged;
        (state, judged) = discriminator_step(state, objective, batch, rates, hooks);
        last = Some(judged);
    }
    let Some(judged) = last else {
        panic!("a training step needs at least one batch for the discriminator");
    };

    // Without gradients of its own the discriminator passes on only the sample's.
    let discriminator = state.gan.discriminator.clone().no_grad();
    let generator = state.gan.generator;
    let batch = Batch {
        real: &judged.real,
        fake: &judged.fake,
        condition: &judged.condition,
        latent: &judged.latent,
    };
    let cost = objective.generator_cost(&mut state.objective, &generator, &discriminator, &batch);
    let gradients = GradientsParams::from_grads(cost.total().backward(), &generator);
    let gradients = hooks.generator_gradients(&generator, gradients);
    state.gan.generator = state
        .generator_optimizer
        .step(rates.generator, generator, gradients);
    state.step += 1;

    let outcome = StepOutcome {
        discriminator_loss: judged.loss,
        penalty: judged.penalty,
        generator_loss: cost.loss.inner(),
        generator_penalty: cost.penalty.map(Tensor::inner),
        real_logits: judged.real_logits,
        fake_logits: judged.fake_logits,
    };
    (state, outcome)
}

/// What the generator step and the outcome take over from the last discriminator step.
struct Judged<G: TrainableGenerator<B>, B: AutodiffBackend> {
    real: G::Sample,
    fake: G::Sample,
    condition: G::Condition,
    latent: Tensor<B, 2>,
    loss: Tensor<B::InnerBackend, 1>,
    penalty: Option<Tensor<B::InnerBackend, 1>>,
    real_logits: Tensor<B::InnerBackend, 2>,
    fake_logits: Tensor<B::InnerBackend, 2>,
}

fn discriminator_step<G, D, B>(
    mut state: TrainState<G, D, B>,
    objective: &Objective,
    batch: StepBatch<G::Sample, G::Condition, B>,
    rates: RateFactors,
    hooks: &mut dyn Hooks<G, D>,
) -> (TrainState<G, D, B>, Judged<G, B>)
where
    B: AutodiffBackend,
    G: TrainableGenerator<B>,
    D: TrainableDiscriminator<B, Sample = G::Sample, Condition = G::Condition>,
{
    let StepBatch {
        real,
        condition,
        latent,
    } = batch;
    assert_eq!(
        real.batch_size(),
        latent.dims()[0],
        "real samples {:?} and latents {:?} must have one batch length",
        real.shape(),
        latent.dims()
    );
    let discriminator = hooks.before_discriminator_step(state.gan.discriminator);
    let discriminator = update_spectral_norms(discriminator, 1);

    // With its tape: in training mode for batch norms, and ready for the generator step.
    let fake = state.gan.generator.generate(latent.clone(), &condition);
    let detached = fake.clone().detach();
    let batch = Batch {
        real: &real,
        fake: &detached,
        condition: &condition,
        latent: &latent,
    };
    let cost = objective.discriminator_cost(
        &mut state.objective,
        &state.gan.generator,
        &discriminator,
        &batch,
    );
    let gradients = GradientsParams::from_grads(cost.total().backward(), &discriminator);
    let gradients = hooks.discriminator_gradients(&discriminator, gradients);
    let discriminator =
        state
            .discriminator_optimizer
            .step(rates.discriminator, discriminator, gradients);
    state.gan.discriminator = match objective.weight_clipping {
        Some(limit) => clip_weights::<B, D>(discriminator, limit),
        None => discriminator,
    };

    let judged = Judged {
        real,
        fake,
        condition,
        latent,
        loss: cost.loss.inner(),
        penalty: cost.penalty.map(Tensor::inner),
        real_logits: cost.real_logits.inner(),
        fake_logits: cost.fake_logits.inner(),
    };
    (state, judged)
}
