//! Half a step in two parts: the gradients of a share of the batch, then the update.

use burn::module::{AutodiffModule, Module};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use burn::tensor::backend::AutodiffBackend;

use super::gradients::{add, clip_norm, squared_norms};
use super::{GradientNorms, Hooks, Share, StepBatch, StepSettings, TrainState};
use crate::network::{Generated, Network, Sample, Verdict};
use crate::nn::update_spectral_norms;
use crate::objective::{Batch, ObjectiveState, clip_weights};
use crate::pair::{InnerBackend, Pair};
use crate::process::Across;

/// The gradients of one network's half of a step, of a share of the batch or of all of it, and what
/// was computed on the way to them.
///
/// Shares [add up](Self::add) to the whole batch, unless something looks at a batch as a whole:
/// batch norm, minibatch statistics, the average pairing, top-k, and the terms that say so
/// ([`TermInfo::is_of_the_whole_batch`](crate::objective::TermInfo::is_of_the_whole_batch)).
#[derive(Debug)]
#[non_exhaustive]
pub struct HalfStep<P: Pair> {
    /// Whose half it is.
    pub network: Network,
    /// The share's part of the gradients of the whole batch, by parameter id.
    pub gradients: GradientsParams,
    /// The share's part of the adversarial loss, `[1]`.
    pub loss: Tensor<InnerBackend<P>, 1>,
    /// The share's part of the weighted terms that were due, `[1]`; `None` where none was.
    pub terms: Option<Tensor<InnerBackend<P>, 1>>,
    /// What the discriminator said about the real and the generated samples, in its half. Summed over
    /// processes, the logits and class logits on the whole batch.
    pub verdicts: Option<[Verdict<InnerBackend<P>>; 2]>,
    /// The generated samples of this process. Those of a whole batch have their tape in the
    /// discriminator's half: they serve the generator's.
    pub fake: Generated<P::Backend, P::Sample>,
    /// What the objective remembers after these shares.
    pub(super) objective: ObjectiveState<P::Backend>,
    /// How many shares it is made of.
    pub(super) shares: usize,
    /// Of how many generated samples.
    pub(super) samples: usize,
}

impl<P: Pair> HalfStep<P> {
    /// Takes another share of the same batch in. `state` is the one that both were computed on.
    pub fn add(&mut self, other: Self, state: &TrainState<P>) {
        let (sum, more) = (&mut self.gradients, other.gradients);
        match self.network {
            Network::Generator => add::<P::Backend, _>(&state.gan.generator, sum, more),
            Network::Discriminator => add::<P::Backend, _>(&state.gan.discriminator, sum, more),
        }
        self.loss = self.loss.clone() + other.loss;
        self.terms = match (self.terms.take(), other.terms) {
            (Some(sum), Some(more)) => Some(sum + more),
            (sum, more) => sum.or(more),
        };
        self.verdicts = (self.verdicts.take().zip(other.verdicts)).map(|(first, second)| {
            let [real, fake] = first;
            let [more_real, more_fake] = second;
            [
                Verdict::concatenate(vec![real, more_real]),
                Verdict::concatenate(vec![fake, more_fake]),
            ]
        });
        let fakes = [&self.fake, &other.fake].map(|fake| fake.sample.clone().detach());
        self.fake = P::Sample::concatenate(fakes.to_vec()).into();
        (self.objective).join(self.shares, other.objective, other.shares);
        self.shares += other.shares;
        self.samples += other.samples;
    }
}

/// Layers with spectral norm make one power iteration before a step.
pub fn begin_step<P: Pair>(mut state: TrainState<P>) -> TrainState<P> {
    state.gan.generator = update_spectral_norms(state.gan.generator, 1);
    state
}

/// The same before the discriminator's half of a step.
pub fn begin_discriminator<P: Pair>(
    mut state: TrainState<P>,
    hooks: &mut dyn Hooks<P>,
) -> TrainState<P> {
    let discriminator = hooks.before_discriminator_step(state.gan.discriminator);
    state.gan.discriminator = update_spectral_norms(discriminator, 1);
    state
}

/// The discriminator's gradients of a share of a batch; nothing is changed but batch statistics.
///
/// # Panics
/// If the lengths of samples and latents differ, or the networks can't take the batch.
pub fn discriminator_gradients<P: Pair>(
    state: &TrainState<P>,
    settings: &StepSettings<'_>,
    batch: &StepBatch<P>,
    share: Share,
) -> HalfStep<P> {
    discriminator_gradients_across(state, settings, batch, share, &Across::nobody())
}

/// [`discriminator_gradients`] where other processes have the rest of the batch. Samples of one that is
/// here in one piece keep their tape.
pub(super) fn discriminator_gradients_across<P: Pair>(
    state: &TrainState<P>,
    settings: &StepSettings<'_>,
    batch: &StepBatch<P>,
    share: Share,
    across: &Across<'_>,
) -> HalfStep<P> {
    assert_eq!(
        batch.real.batch_size(),
        batch.len(),
        "real samples {:?} and latents {:?} must have one batch length",
        batch.real.shape(),
        batch.latent.dims()
    );
    let part = batch.share(share);
    let gan = &state.gan;
    let mut objective = state.objective.for_share(share.index(), share.of());
    // With its tape: in training mode for batch norms, and ready for the generator's half.
    let fake = part.generate(&gan.generator, settings.objective);
    let detached = Generated::from(fake.sample.clone().detach());
    let cost = settings.objective.discriminator_cost_across::<P>(
        &mut objective,
        (&gan.generator, &gan.discriminator),
        &judged(&part, &detached, settings),
        across,
    );
    let total = cost.total();
    HalfStep {
        network: Network::Discriminator,
        gradients: gradients_of::<P::Backend, _>(total, share, &gan.discriminator),
        loss: part_of(cost.loss.inner(), share),
        terms: cost.terms.map(|terms| part_of(terms.inner(), share)),
        verdicts: Some([cost.real.inner(), cost.fake.inner()]),
        fake: match share == batch.part() {
            true => fake,
            false => detached,
        },
        objective,
        shares: 1,
        samples: part.len(),
    }
}

/// The generator's gradients of a share of a batch, judged by the discriminator as it is now;
/// nothing is changed but batch statistics. `fake` are the samples of all that is here of the batch,
/// where they were drawn with their tape already: of a share that is all of it they are taken.
///
/// # Panics
/// If the networks can't take the batch.
pub fn generator_gradients<P: Pair>(
    state: &TrainState<P>,
    settings: &StepSettings<'_>,
    batch: &StepBatch<P>,
    share: Share,
    fake: Option<Generated<P::Backend, P::Sample>>,
) -> HalfStep<P> {
    generator_gradients_across(state, settings, (batch, share), fake, &Across::nobody())
}

/// [`generator_gradients`] where other processes have the rest of the batch.
pub(super) fn generator_gradients_across<P: Pair>(
    state: &TrainState<P>,
    settings: &StepSettings<'_>,
    (batch, share): (&StepBatch<P>, Share),
    fake: Option<Generated<P::Backend, P::Sample>>,
    across: &Across<'_>,
) -> HalfStep<P> {
    let part = batch.share(share);
    let generator = &state.gan.generator;
    // Without gradients of its own the discriminator passes on only the sample's.
    let discriminator = state.gan.discriminator.clone().no_grad();
    let mut objective = state.objective.for_share(share.index(), share.of());
    let fake = match fake.filter(|_| share == batch.part()) {
        Some(fake) => fake,
        None => part.generate(generator, settings.objective),
    };
    let cost = settings.objective.generator_cost_across::<P>(
        &mut objective,
        (generator, &discriminator),
        &judged(&part, &fake, settings),
        across,
    );
    let total = cost.total();
    HalfStep {
        network: Network::Generator,
        gradients: gradients_of::<P::Backend, _>(total, share, generator),
        loss: part_of(cost.loss.inner(), share),
        terms: cost.terms.map(|terms| part_of(terms.inner(), share)),
        verdicts: None,
        fake: fake.sample.detach().into(),
        objective,
        shares: 1,
        samples: part.len(),
    }
}

/// Updates the network whose half it is: hooks, the limit on the gradients' norm, the optimiser,
/// weight clipping; and the objective's state, the augmentation's with it. Returns the norms of the
/// gradients where the settings ask for vitals.
pub fn apply<P: Pair>(
    state: TrainState<P>,
    settings: &StepSettings<'_>,
    half: HalfStep<P>,
    hooks: &mut dyn Hooks<P>,
) -> (TrainState<P>, Option<GradientNorms<P::Backend>>) {
    apply_after(state, settings, half, hooks, &mut || {})
}

/// [`apply`], which calls `before_update` before it changes a weight.
pub(super) fn apply_after<P: Pair>(
    mut state: TrainState<P>,
    settings: &StepSettings<'_>,
    half: HalfStep<P>,
    hooks: &mut dyn Hooks<P>,
    before_update: &mut dyn FnMut(),
) -> (TrainState<P>, Option<GradientNorms<P::Backend>>) {
    let gradients = half.gradients;
    let norms = match half.network {
        Network::Discriminator => {
            let discriminator = state.gan.discriminator;
            let gradients = hooks.discriminator_gradients(&discriminator, gradients);
            let (gradients, norms) =
                settings.measure_and_clip::<P::Backend, _>(&discriminator, gradients, &half.loss);
            before_update();
            let rate = settings.rates.discriminator;
            let optimizer = &mut state.discriminator_optimizer;
            let discriminator = optimizer.step(rate, discriminator, gradients);
            state.gan.discriminator = match settings.objective.weight_clipping {
                Some(limit) => clip_weights::<P::Backend, _>(discriminator, limit),
                None => discriminator,
            };
            norms
        }
        Network::Generator => {
            let generator = state.gan.generator;
            let gradients = hooks.generator_gradients(&generator, gradients);
            let (gradients, norms) =
                settings.measure_and_clip::<P::Backend, _>(&generator, gradients, &half.loss);
            before_update();
            let rate = settings.rates.generator;
            let optimizer = &mut state.generator_optimizer;
            state.gan.generator = optimizer.step(rate, generator, gradients);
            norms
        }
    };
    state.objective = half.objective.of_whole_batch();
    if let Some(verdicts) = half.verdicts {
        let [real, fake] = verdicts.map(Verdict::from_inner);
        let objective = &mut state.objective;
        (settings.objective).adapt::<P>(objective, [&real, &fake], half.samples);
    }
    state.objective.count(half.network);
    (state, norms)
}

/// The batch as an objective takes it.
fn judged<'a, P: Pair>(
    part: &'a StepBatch<P>,
    fake: &'a Generated<P::Backend, P::Sample>,
    settings: &StepSettings<'a>,
) -> Batch<'a, P> {
    Batch {
        real: &part.real,
        real_condition: &part.real_condition,
        fake: &fake.sample,
        fake_condition: &part.fake_condition,
        log_probabilities: fake.log_probabilities.as_ref(),
        latent: &part.latent,
        prior: settings.prior,
    }
}

/// A share's part of the gradients: its cost is a mean over the share.
fn gradients_of<B: AutodiffBackend, M: AutodiffModule<B>>(
    total: Tensor<B, 1>,
    share: Share,
    module: &M,
) -> GradientsParams {
    GradientsParams::from_grads(part_of(total, share).backward(), module)
}

/// A share's part of a mean over the batch.
fn part_of<B: burn::tensor::backend::Backend>(mean: Tensor<B, 1>, share: Share) -> Tensor<B, 1> {
    match share {
        Share::WHOLE => mean,
        _ => mean.mul_scalar(share.weight()),
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
