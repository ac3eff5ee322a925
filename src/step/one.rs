//! One training step, without data, files or clocks.

use burn::tensor::Tensor;
use burn::tensor::backend::AutodiffBackend;

use super::half::apply_after;
use super::vitals::{Vitals, diversity};
use super::{
    HalfStep, Hooks, Share, StepBatch, StepSettings, TrainState, begin_discriminator, begin_step,
    discriminator_gradients, generator_gradients,
};
use crate::network::Verdict;
use crate::pair::{InnerBackend, Pair};

/// What a step leaves to look at. Nothing is read back from the device until somebody asks.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StepOutcome<B: AutodiffBackend> {
    /// The discriminator's adversarial loss in its last step, `[1]`.
    pub discriminator_loss: Tensor<B::InnerBackend, 1>,
    /// The discriminator's weighted terms in that step, `[1]`; `None` where none was due.
    pub discriminator_terms: Option<Tensor<B::InnerBackend, 1>>,
    /// The generator's adversarial loss, `[1]`.
    pub generator_loss: Tensor<B::InnerBackend, 1>,
    /// The weighted terms of the generator's step, `[1]`; `None` where none was due.
    pub generator_terms: Option<Tensor<B::InnerBackend, 1>>,
    /// What the discriminator said about the real batch of its last step.
    pub real: Verdict<B::InnerBackend>,
    /// What it said about its generated batch.
    pub fake: Verdict<B::InnerBackend>,
    /// How strongly samples are changed between generator and discriminator, `[1]`, where that
    /// adapts.
    pub augmentation: Option<Tensor<B::InnerBackend, 1>>,
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
/// from the same latents. Which gradients are those of the whole batch, [`HalfStep`] says.
///
/// It is made of [`begin_step`], [`begin_discriminator`], [`discriminator_gradients`],
/// [`generator_gradients`] and [`apply`](super::apply).
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
    state: TrainState<P>,
    settings: &StepSettings<'_>,
    batches: Vec<StepBatch<P>>,
    hooks: &mut dyn Hooks<P>,
    before_update: &mut dyn FnMut(),
) -> (TrainState<P>, StepOutcome<P::Backend>) {
    let mut state = begin_step(state);
    let mut last = None;
    for batch in batches {
        state = begin_discriminator(state, hooks);
        let half = in_parts(&state, settings, |share| {
            discriminator_gradients(&state, settings, &batch, share)
        });
        let looked = Looked::at(&half);
        let fake = (settings.micro_batches == 1).then(|| half.fake.clone());
        let norms;
        (state, norms) = apply_after(state, settings, half, hooks, before_update);
        last = Some((batch, fake, looked, norms));
    }
    let Some((batch, fake, judged, discriminator_norms)) = last else {
        panic!("a training step needs at least one batch for the discriminator");
    };
    let half = in_parts(&state, settings, |share| {
        generator_gradients(&state, settings, &batch, share, fake.clone())
    });
    drop(fake);
    let generated = half.fake.clone();
    let looked = Looked::at(&half);
    let (mut state, generator_norms) = apply_after(state, settings, half, hooks, before_update);
    state.step += 1;
    state.ema = state
        .ema
        .map(|ema| ema.update(&state.gan.generator, settings.ema_decay));

    let vitals = match (discriminator_norms, generator_norms) {
        (Some(discriminator_gradients), Some(generator_gradients)) => Some(Vitals {
            generator_gradients,
            discriminator_gradients,
            real_diversity: diversity::<_, P::Backend>(batch.real),
            fake_diversity: diversity::<_, P::Backend>(generated),
        }),
        _ => None,
    };
    let Some([real, fake]) = judged.verdicts else {
        unreachable!("the discriminator's half has verdicts");
    };
    let strength = settings.objective.strength::<P>(&state.objective);
    let outcome = StepOutcome {
        discriminator_loss: judged.loss,
        discriminator_terms: judged.terms,
        generator_loss: looked.loss,
        generator_terms: looked.terms,
        real,
        fake,
        augmentation: strength.map(Tensor::inner),
        vitals,
    };
    (state, outcome)
}

/// What the outcome takes over from half a step.
struct Looked<P: Pair> {
    loss: Tensor<InnerBackend<P>, 1>,
    terms: Option<Tensor<InnerBackend<P>, 1>>,
    verdicts: Option<[Verdict<InnerBackend<P>>; 2]>,
}

impl<P: Pair> Looked<P> {
    fn at(half: &HalfStep<P>) -> Self {
        Self {
            loss: half.loss.clone(),
            terms: half.terms.clone(),
            verdicts: half.verdicts.clone(),
        }
    }
}

/// The gradients of a batch, share after share.
fn in_parts<P: Pair>(
    state: &TrainState<P>,
    settings: &StepSettings<'_>,
    mut gradients: impl FnMut(Share) -> HalfStep<P>,
) -> HalfStep<P> {
    let mut sum: Option<HalfStep<P>> = None;
    for share in Share::all(settings.micro_batches) {
        let half = gradients(share);
        match &mut sum {
            Some(sum) => sum.add(half, state),
            None => sum = Some(half),
        }
    }
    match sum {
        Some(sum) => sum,
        None => panic!("0 micro-batches must divide a batch"),
    }
}
