//! One training step, without data, files or clocks.

use crate::pair::{GanOf, InnerBackend, Pair, Sampler};
use burn::module::AutodiffModule;
use burn::module::Module;
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};

use super::gradients::{clip_norm, squared_norms};
use super::vitals::{GradientNorms, Vitals, diversity};
use super::{Ema, Hooks, NetworkOptimizer, OptimizerConfig, StandingStatistics};
use crate::error::Result;
use crate::network::Network;
use crate::network::{Condition, Generator, Sample};
use crate::nn::update_spectral_norms;
use crate::objective::{Batch, Objective, ObjectiveState, clip_weights};

/// Everything that a step changes.
#[derive(Debug, Clone)]
pub struct TrainState<P: Pair> {
    /// The two networks.
    pub gan: GanOf<P>,
    /// The generator's optimiser.
    pub generator_optimizer: NetworkOptimizer<P::Generator, P::Backend>,
    /// The discriminator's optimiser.
    pub discriminator_optimizer: NetworkOptimizer<P::Discriminator, P::Backend>,
    /// What the objective remembers.
    pub objective: ObjectiveState<P::Backend>,
    /// The moving average of the generator's weights, where there is one.
    pub ema: Option<Ema<P::Generator, P::Backend>>,
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
    /// ([`sampler`](Self::sampler)); a trainer does it by itself. Nothing where there is no average.
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

/// What one discriminator step needs: a real batch, and latents for a generated one.
///
/// The generated batch has the real one's conditions, so both have one length.
#[derive(Debug, Clone)]
pub struct StepBatch<P: Pair> {
    /// Real samples.
    pub real: P::Sample,
    /// What both networks are conditioned on.
    pub condition: P::Condition,
    /// Latents, `[batch, latent]`.
    pub latent: Tensor<P::Backend, 2>,
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

/// What a step is made with, beside its batches.
#[derive(Debug, Clone)]
pub struct StepSettings<'a> {
    /// What the networks minimise.
    pub objective: &'a Objective,
    /// The factors on the learning rates.
    pub rates: RateFactors,
    /// The largest norm of a network's gradients; `None` for no limit.
    pub gradient_clipping: Option<f64>,
    /// Parts that each batch is taken in; 1 for the whole.
    pub micro_batches: usize,
    /// How much of the generator's moving average stays, where there is one.
    pub ema_decay: f64,
    /// Whether [`StepOutcome::vitals`] is measured.
    pub vitals: bool,
}

impl<'a> StepSettings<'a> {
    /// Learning rates as they are, no clipping, whole batches, an average that follows at once.
    pub fn new(objective: &'a Objective) -> Self {
        Self {
            objective,
            rates: RateFactors::default(),
            gradient_clipping: None,
            micro_batches: 1,
            ema_decay: 0.0,
            vitals: false,
        }
    }

    /// The factors on the learning rates.
    pub fn with_rates(mut self, rates: RateFactors) -> Self {
        self.rates = rates;
        self
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
    /// What the health watch looks at, where it was asked for.
    pub vitals: Option<Vitals<B>>,
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
/// With micro-batches each half of a step goes through its batch part by part and adds the
/// gradients up, so that only one part's graph is alive; the generator step draws its samples anew,
/// from the same latents. The gradients are those of the whole batch, unless something looks at a
/// batch as a whole: batch norm, minibatch statistics, the average pairing, feature matching, top-k,
/// the means of LeCam and path length, DRAGAN's spread.
///
/// # Panics
/// If `batches` is empty, the batch lengths of samples and latents differ, or the micro-batches do
/// not divide a batch.
pub fn step<P: Pair>(
    state: TrainState<P>,
    settings: &StepSettings<'_>,
    batches: Vec<StepBatch<P>>,
    hooks: &mut dyn Hooks<P>,
) -> (TrainState<P>, StepOutcome<P::Backend>) {
    guarded_step(state, settings, batches, hooks, &mut || {})
}

/// [`step`], which calls `before_update` before it changes a weight: until then a panic leaves
/// nothing half done.
pub(crate) fn guarded_step<P: Pair>(
    mut state: TrainState<P>,
    settings: &StepSettings<'_>,
    batches: Vec<StepBatch<P>>,
    hooks: &mut dyn Hooks<P>,
    before_update: &mut dyn FnMut(),
) -> (TrainState<P>, StepOutcome<P::Backend>) {
    state.gan.generator = update_spectral_norms(state.gan.generator, 1);
    let mut last = None;
    for batch in batches {
        let judged;
        (state, judged) = discriminator_step(state, settings, batch, hooks, before_update);
        last = Some(judged);
    }
    let Some(judged) = last else {
        panic!("a training step needs at least one batch for the discriminator");
    };

    let generated;
    (state, generated) = generator_step(state, settings, &judged, hooks);
    state.step += 1;
    state.ema = state
        .ema
        .map(|ema| ema.update(&state.gan.generator, settings.ema_decay));

    let vitals = match (judged.gradients, generated.gradients) {
        (Some(discriminator_gradients), Some(generator_gradients)) => Some(Vitals {
            generator_gradients,
            discriminator_gradients,
            real_diversity: diversity::<_, P::Backend>(judged.batch.real),
            fake_diversity: diversity::<_, P::Backend>(generated.fake),
        }),
        _ => None,
    };
    let outcome = StepOutcome {
        discriminator_loss: judged.loss,
        penalty: judged.penalty,
        generator_loss: generated.loss,
        generator_penalty: generated.penalty,
        real_logits: judged.real_logits,
        fake_logits: judged.fake_logits,
        vitals,
    };
    (state, outcome)
}

/// What the generator step and the outcome take over from the last discriminator step.
struct Judged<P: Pair> {
    batch: StepBatch<P>,
    /// The generated batch with its tape, where it was made in one piece.
    fake: Option<P::Sample>,
    loss: Tensor<InnerBackend<P>, 1>,
    penalty: Option<Tensor<InnerBackend<P>, 1>>,
    real_logits: Tensor<InnerBackend<P>, 2>,
    fake_logits: Tensor<InnerBackend<P>, 2>,
    gradients: Option<GradientNorms<P::Backend>>,
}

/// What the outcome takes over from the generator step.
struct Generated<S, B: AutodiffBackend> {
    fake: S,
    loss: Tensor<B::InnerBackend, 1>,
    penalty: Option<Tensor<B::InnerBackend, 1>>,
    gradients: Option<GradientNorms<B>>,
}

fn discriminator_step<P: Pair>(
    mut state: TrainState<P>,
    settings: &StepSettings<'_>,
    batch: StepBatch<P>,
    hooks: &mut dyn Hooks<P>,
    before_update: &mut dyn FnMut(),
) -> (TrainState<P>, Judged<P>) {
    assert_eq!(
        batch.real.batch_size(),
        batch.latent.dims()[0],
        "real samples {:?} and latents {:?} must have one batch length",
        batch.real.shape(),
        batch.latent.dims()
    );
    let objective = settings.objective;
    let discriminator = hooks.before_discriminator_step(state.gan.discriminator);
    let discriminator = update_spectral_norms(discriminator, 1);

    let mut sum = Sum::new(settings.micro_batches);
    let (mut real_logits, mut fake_logits) = (Vec::new(), Vec::new());
    let mut whole_fake = None;
    for (index, part) in batch.parts(settings.micro_batches).enumerate() {
        if index > 0 {
            state.objective.same_step(Network::Discriminator);
        }
        // With its tape: in training mode for batch norms, and ready for the generator step.
        let fake = state
            .gan
            .generator
            .generate(part.latent.clone(), &part.condition);
        let cost = objective.discriminator_cost(
            &mut state.objective,
            &state.gan.generator,
            &discriminator,
            &part.judged_with(&fake.clone().detach()),
        );
        sum.add(&discriminator, cost.total(), cost.loss, cost.penalty);
        real_logits.push(cost.real_logits.inner());
        fake_logits.push(cost.fake_logits.inner());
        whole_fake = (settings.micro_batches == 1).then_some(fake);
    }
    let (gradients, loss, penalty) = sum.finish();
    let gradients = hooks.discriminator_gradients(&discriminator, gradients);
    let (gradients, norms) =
        settings.measure_and_clip::<P::Backend, P::Discriminator>(&discriminator, gradients, &loss);
    before_update();
    let discriminator =
        state
            .discriminator_optimizer
            .step(settings.rates.discriminator, discriminator, gradients);
    state.gan.discriminator = match objective.weight_clipping {
        Some(limit) => clip_weights::<P::Backend, P::Discriminator>(discriminator, limit),
        None => discriminator,
    };
    let judged = Judged {
        batch,
        fake: whole_fake,
        loss,
        penalty,
        real_logits: joined(real_logits),
        fake_logits: joined(fake_logits),
        gradients: norms,
    };
    (state, judged)
}

fn generator_step<P: Pair>(
    mut state: TrainState<P>,
    settings: &StepSettings<'_>,
    judged: &Judged<P>,
    hooks: &mut dyn Hooks<P>,
) -> (TrainState<P>, Generated<P::Sample, P::Backend>) {
    // Without gradients of its own the discriminator passes on only the sample's.
    let discriminator = state.gan.discriminator.clone().no_grad();
    let generator = state.gan.generator;
    let mut sum = Sum::new(settings.micro_batches);
    let mut fakes = Vec::new();
    for (index, part) in judged.batch.parts(settings.micro_batches).enumerate() {
        if index > 0 {
            state.objective.same_step(Network::Generator);
        }
        let fake = match &judged.fake {
            Some(fake) => fake.clone(),
            None => generator.generate(part.latent.clone(), &part.condition),
        };
        let cost = settings.objective.generator_cost(
            &mut state.objective,
            &generator,
            &discriminator,
            &part.judged_with(&fake),
        );
        sum.add(&generator, cost.total(), cost.loss, cost.penalty);
        fakes.push(fake.detach());
    }
    let (gradients, loss, penalty) = sum.finish();
    let gradients = hooks.generator_gradients(&generator, gradients);
    let (gradients, norms) =
        settings.measure_and_clip::<P::Backend, P::Generator>(&generator, gradients, &loss);
    state.gan.generator =
        state
            .generator_optimizer
            .step(settings.rates.generator, generator, gradients);
    let generated = Generated {
        fake: match fakes.pop() {
            Some(fake) if fakes.is_empty() => fake,
            last => {
                fakes.extend(last);
                P::Sample::concatenate(fakes)
            }
        },
        loss,
        penalty,
        gradients: norms,
    };
    (state, generated)
}

impl<P: Pair> StepBatch<P> {
    /// The batch in so many parts of one length.
    fn parts(&self, count: usize) -> impl Iterator<Item = Self> {
        let batch = self.latent.dims()[0];
        assert!(
            count > 0 && batch.is_multiple_of(count),
            "{count} micro-batches must divide a batch of {batch}"
        );
        let length = batch / count;
        (0..count).map(move |index| {
            if count == 1 {
                return self.clone();
            }
            let start = index * length;
            Self {
                real: self.real.clone().narrow(start, length),
                condition: self.condition.narrow(start, length),
                latent: self.latent.clone().narrow(0, start, length),
            }
        })
    }

    /// The batch as an objective takes it.
    fn judged_with<'a>(&'a self, fake: &'a P::Sample) -> Batch<'a, P> {
        Batch {
            real: &self.real,
            fake,
            condition: &self.condition,
            latent: &self.latent,
        }
    }
}

/// The gradients, the loss and the penalties of a half-step, part by part.
struct Sum<M, B: AutodiffBackend> {
    parts: usize,
    gradients: Gradients<M>,
    loss: Vec<Tensor<B::InnerBackend, 1>>,
    penalty: Vec<Tensor<B::InnerBackend, 1>>,
}

/// One part's gradients as they are, several parts' added up.
enum Gradients<M> {
    None,
    One(GradientsParams),
    Sum(GradientsAccumulator<M>),
}

impl<M: AutodiffModule<B>, B: AutodiffBackend> Sum<M, B> {
    fn new(parts: usize) -> Self {
        Self {
            parts,
            gradients: Gradients::None,
            loss: Vec::new(),
            penalty: Vec::new(),
        }
    }

    /// Goes back through one part's graph.
    fn add(
        &mut self,
        module: &M,
        total: Tensor<B, 1>,
        loss: Tensor<B, 1>,
        penalty: Option<Tensor<B, 1>>,
    ) {
        self.loss.push(loss.inner());
        self.penalty.extend(penalty.map(Tensor::inner));
        if self.parts == 1 {
            let gradients = GradientsParams::from_grads(total.backward(), module);
            self.gradients = Gradients::One(gradients);
            return;
        }
        // Each part's cost is a mean over the part.
        let share = total.mul_scalar(1.0 / self.parts as f64);
        let gradients = GradientsParams::from_grads(share.backward(), module);
        if let Gradients::None = self.gradients {
            self.gradients = Gradients::Sum(GradientsAccumulator::new());
        }
        if let Gradients::Sum(sum) = &mut self.gradients {
            sum.accumulate(module, gradients);
        }
    }

    /// The gradients of the whole batch, its loss and its penalties.
    #[allow(clippy::type_complexity)]
    fn finish(
        self,
    ) -> (
        GradientsParams,
        Tensor<B::InnerBackend, 1>,
        Option<Tensor<B::InnerBackend, 1>>,
    ) {
        let mean = |parts: Vec<Tensor<B::InnerBackend, 1>>| match parts.len() {
            1 => parts.into_iter().next(),
            0 => None,
            _ => Some(Tensor::cat(parts, 0).mean()),
        };
        let gradients = match self.gradients {
            Gradients::None => GradientsParams::new(),
            Gradients::One(gradients) => gradients,
            Gradients::Sum(mut sum) => sum.grads(),
        };
        let Some(loss) = mean(self.loss) else {
            unreachable!("a batch has at least one part");
        };
        (gradients, loss, mean(self.penalty))
    }
}

impl StepSettings<'_> {
    /// Measures the gradients where somebody wants to know, and keeps them within their limit.
    fn measure_and_clip<B: AutodiffBackend, M: AutodiffModule<B>>(
        &self,
        module: &M,
        gradients: GradientsParams,
        loss: &Tensor<B::InnerBackend, 1>,
    ) -> (GradientsParams, Option<GradientNorms<B>>) {
        if !self.vitals && self.gradient_clipping.is_none() {
            return (gradients, None);
        }
        let squares = squared_norms::<B, M>(module, &gradients, &loss.device());
        let norms = self
            .vitals
            .then(|| GradientNorms::new(module, &gradients, squares.clone()));
        let gradients = match self.gradient_clipping {
            Some(limit) => clip_norm::<B, M>(module, gradients, squares, limit),
            None => gradients,
        };
        (gradients, norms)
    }
}

/// Logits of parts, one behind the other.
fn joined<B: Backend>(mut parts: Vec<Tensor<B, 2>>) -> Tensor<B, 2> {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => {
            parts.extend(last);
            Tensor::cat(parts, 0)
        }
    }
}
