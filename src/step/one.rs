//! One training step, without data, files or clocks.

use burn::tensor::Tensor;
use burn::tensor::backend::AutodiffBackend;

use super::half::{apply_after, discriminator_gradients_across, generator_gradients_across};
use super::together::{Together, summed};
use super::vitals::{Vitals, diversity};
use super::{
    HalfStep, Hooks, Share, StepBatch, StepSettings, TrainState, begin_discriminator, begin_step,
};
use crate::error::Result;
use crate::network::{Generated, Verdict};
use crate::nn::with_fixed_statistics;
use crate::pair::{InnerBackend, Pair};
use crate::process::{Across, Alone, ProcessGroup, synchronized};

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
    /// What the discriminator said about the real batch of its last step. In a group of processes the
    /// logits and class logits on the whole batch, without features and further outputs.
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
/// a step but those of penalties, unless they are frozen
/// ([`StepSettings::frozen_batch_norm`]).
///
/// With micro-batches each half of a step goes through its batch part by part and adds the
/// gradients up, so that only one part's graph is alive; the generator step draws its samples anew,
/// from the same latents. Which gradients are those of the whole batch, [`HalfStep`] says.
///
/// It is made of [`begin_step`], [`begin_discriminator`],
/// [`discriminator_gradients`](super::discriminator_gradients),
/// [`generator_gradients`](super::generator_gradients) and [`apply`](super::apply).
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
    let mut together = Together::of(&Alone);
    match guarded_step(state, settings, batches, hooks, &mut together, &mut || {}) {
        Ok(stepped) => *stepped,
        Err(error) => panic!("a group of one process has failed: {error}"),
    }
}

/// [`step`] in a group of processes, each of which has its part of every batch
/// ([`StepBatch::of_part`]): gradients, losses and what terms remember are summed, and the same update
/// is made everywhere.
///
/// Part `r` of `n` is the one of process `r`. With micro-batches each process goes through its part in
/// so many. The result is that of one process that takes the batch in n micro-batches, to the last
/// bit where each process takes its part at once and nothing looks at a batch as a whole; what does,
/// takes its means over all processes where it can ([`TermInfo::adds_up_over_processes`]). Batch
/// statistics of networks are those of each part, and the running ones those of each process, unless
/// [`StepSettings::synchronized_batch_norm`] says otherwise.
///
/// # Errors
/// [`Error::Process`](crate::Error::Process) if the group fails; the state is gone then, as after a
/// panic.
///
/// # Panics
/// As [`step`], and if a batch is not this process' part, or batch norms are to be synchronised on
/// another backend than Flex, NdArray and Wgpu.
///
/// [`TermInfo::adds_up_over_processes`]: crate::objective::TermInfo::adds_up_over_processes
pub fn step_in_group<P: Pair>(
    state: TrainState<P>,
    settings: &StepSettings<'_>,
    batches: Vec<StepBatch<P>>,
    hooks: &mut dyn Hooks<P>,
    group: &dyn ProcessGroup,
) -> Result<(TrainState<P>, StepOutcome<P::Backend>)> {
    let mut together = Together::of(group);
    let stepped = guarded_step(state, settings, batches, hooks, &mut together, &mut || {})?;
    Ok(*stepped)
}

/// [`step_in_group`], which calls `before_update` before it changes a weight: until then a panic or an
/// error leaves nothing half done.
///
/// States and halves of steps are large values, and without optimisation every move of one takes its
/// room on the stack once more, below the deepest pass of a network: they are handed on in boxes.
pub(crate) fn guarded_step<P: Pair>(
    state: TrainState<P>,
    settings: &StepSettings<'_>,
    batches: Vec<StepBatch<P>>,
    hooks: &mut dyn Hooks<P>,
    together: &mut Together<'_>,
    before_update: &mut dyn FnMut(),
) -> Result<Box<Stepped<P>>> {
    let mut state = begin_step(state);
    let across = Across::of(together.group);
    let here = Share::new(together.group.rank(), together.group.size());
    let mut last = None;
    for batch in batches {
        assert_eq!(batch.part(), here, "the batch must be this process' part");
        state = begin_discriminator(state, hooks);
        let (half, fake, spread) = discriminator_half(&state, settings, &batch, &across, together)?;
        let looked = Looked::at(&half);
        let norms;
        (state, norms) = apply_after(state, settings, *half, hooks, before_update);
        last = Some((batch, fake, looked, norms.zip(spread)));
    }
    let Some((batch, fake, judged, of_discriminator)) = last else {
        panic!("a training step needs at least one batch for the discriminator");
    };
    let (half, spread) = generator_half(&state, settings, (&batch, fake), &across, together)?;
    let looked = Looked::at(&half);
    let (mut state, norms) = apply_after(state, settings, *half, hooks, before_update);
    let of_generator = norms.zip(spread);
    state.step += 1;
    state.ema = state
        .ema
        .map(|ema| ema.update(&state.gan.generator, settings.ema_decay))
        .map(|ema| ema.with_frozen_statistics(settings.frozen_batch_norm));

    let vitals = match (of_discriminator, of_generator) {
        (
            Some((discriminator_gradients, real_diversity)),
            Some((generator_gradients, fake_diversity)),
        ) => Some(Vitals {
            generator_gradients,
            discriminator_gradients,
            real_diversity,
            fake_diversity,
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
    Ok(Box::new((state, outcome)))
}

/// The next state, and what the step leaves to look at.
type Stepped<P> = (TrainState<P>, StepOutcome<<P as Pair>::Backend>);

/// Generated samples with what is known of them.
type Drawn<P> = Generated<<P as Pair>::Backend, <P as Pair>::Sample>;

/// How different samples are, where the health watch asks for it.
type Spread<P> = Option<Tensor<InnerBackend<P>, 1>>;

/// The discriminator's half, of all processes; the generated samples of this one, where they serve the
/// generator's half; and how different the real ones are.
#[inline(never)]
#[allow(clippy::type_complexity)]
fn discriminator_half<P: Pair>(
    state: &TrainState<P>,
    settings: &StepSettings<'_>,
    batch: &StepBatch<P>,
    across: &Across<'_>,
    together: &mut Together<'_>,
) -> Result<(Box<HalfStep<P>>, Option<Drawn<P>>, Spread<P>)> {
    let half = in_parts(state, settings, batch, across, |share| {
        discriminator_gradients_across(state, settings, batch, share, across)
    })?;
    let fake = (settings.micro_batches == 1).then(|| half.fake.clone());
    let spread = (settings.vitals).then(|| diversity::<_, P::Backend>(batch.real.clone()));
    let (half, spread) = summed(half, state, together, spread)?;
    Ok((half, fake, spread))
}

/// The generator's half, of all processes, and how different the generated samples are.
#[inline(never)]
fn generator_half<P: Pair>(
    state: &TrainState<P>,
    settings: &StepSettings<'_>,
    (batch, fake): (&StepBatch<P>, Option<Drawn<P>>),
    across: &Across<'_>,
    together: &mut Together<'_>,
) -> Result<(Box<HalfStep<P>>, Spread<P>)> {
    let mut fake = fake;
    let half = in_parts(state, settings, batch, across, |share| {
        generator_gradients_across(state, settings, (batch, share), fake.take(), across)
    })?;
    let spread = (settings.vitals).then(|| diversity::<_, P::Backend>(half.fake.sample.clone()));
    summed(half, state, together, spread)
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

/// The gradients of what is here of a batch, share after share.
fn in_parts<P: Pair>(
    state: &TrainState<P>,
    settings: &StepSettings<'_>,
    batch: &StepBatch<P>,
    across: &Across<'_>,
    mut gradients: impl FnMut(Share) -> HalfStep<P>,
) -> Result<Box<HalfStep<P>>> {
    let mut sum: Option<Box<HalfStep<P>>> = None;
    for share in batch.shares(settings.micro_batches) {
        let mut pass =
            || with_fixed_statistics(settings.frozen_batch_norm, || Box::new(gradients(share)));
        let half = match settings.synchronized_batch_norm {
            true => synchronized(across, pass),
            false => pass(),
        };
        across.failed()?;
        match &mut sum {
            Some(sum) => sum.add(*half, state),
            None => sum = Some(half),
        }
    }
    match sum {
        Some(sum) => Ok(sum),
        None => panic!("0 micro-batches must divide a batch"),
    }
}
