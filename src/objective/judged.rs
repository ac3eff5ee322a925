//! Batches as the discriminator has judged them.

use std::cell::OnceCell;

use burn::module::{AutodiffModule, Module};
use burn::tensor::Tensor;

use super::augment::Augmented;
use super::term::finite_difference::{finite_difference, packed_norms};
use super::term::second_order::{SecondOrder, judged_aside, verdict_and_gradient};
use crate::network::{Discriminator, Sample, Verdict, initialize};
use crate::pair::Pair;

/// A discriminator with what lies before it: how every batch of a half-step is judged.
#[derive(Debug)]
pub(super) struct Judge<'a, P: Pair> {
    pub(super) discriminator: &'a P::Discriminator,
    /// What changes samples on their way to the discriminator.
    pub(super) augmented: Augmented<'a, P>,
    pub(super) second_order: SecondOrder,
}

/// A batch of real or of generated samples, and what the discriminator says about it.
#[derive(Debug)]
pub struct Judged<'a, P: Pair> {
    /// The samples, before any augmentation.
    pub sample: &'a P::Sample,
    /// What both networks are conditioned on, of these samples.
    pub condition: &'a P::Condition,
    pub(super) judge: &'a Judge<'a, P>,
    pub(super) verdict: OnceCell<Verdict<P::Backend>>,
    pub(super) gradient: Option<P::Sample>,
}

impl<'a, P: Pair> Judged<'a, P> {
    /// A batch that is judged when somebody asks.
    pub(super) fn later(
        judge: &'a Judge<'a, P>,
        sample: &'a P::Sample,
        condition: &'a P::Condition,
    ) -> Self {
        Self {
            sample,
            condition,
            judge,
            verdict: OnceCell::new(),
            gradient: None,
        }
    }

    /// A batch that is judged now, with the gradient of its logits where `with_gradient` asks for
    /// it.
    pub(super) fn now(
        judge: &'a Judge<'a, P>,
        sample: &'a P::Sample,
        condition: &'a P::Condition,
        with_gradient: bool,
    ) -> Self {
        let mut judged = Self::later(judge, sample, condition);
        if with_gradient {
            let (verdict, gradient) = verdict_and_gradient::<P>(
                judge.discriminator,
                sample.clone().detach(),
                condition,
                &judge.augmented,
            );
            judged.verdict = OnceCell::from(verdict);
            judged.gradient = Some(gradient);
        } else {
            judged.verdict();
        }
        judged
    }

    /// What the discriminator says about the batch, whole, on the tape. It is asked once.
    pub fn verdict(&self) -> &Verdict<P::Backend> {
        self.verdict.get_or_init(|| {
            let sample = self.judge.augmented.of(self.sample.clone());
            let discriminator = self.judge.discriminator;
            discriminator.discriminate(sample, self.condition)
        })
    }

    /// The logits of the samples, on the tape, `[batch, patches]`.
    pub fn logits(&self) -> &Tensor<P::Backend, 2> {
        &self.verdict().logits
    }

    /// What the discriminator says about other samples in the place of these, on the tape of its
    /// parameters, without a trace in running statistics.
    pub fn verdict_on(&self, samples: P::Sample) -> Verdict<P::Backend> {
        let judge = self.judge;
        judged_aside::<P>(
            judge.discriminator,
            samples,
            self.condition,
            &judge.augmented,
        )
    }

    /// A function of the discriminator's squared gradient norms at some points in the place of
    /// these samples, its own gradient with respect to the parameters included, exact or by
    /// differences as the objective says.
    ///
    /// ```text
    /// penalty(‖∂/∂x_1 D(x_1)‖², …, ‖∂/∂x_n D(x_n)‖²)
    /// ```
    ///
    /// `penalty` maps `[count]` to `[1]`. There is one norm for each thing that is judged: each
    /// sample, or each pack of samples of a [`Packed`](crate::network::Packed) discriminator.
    /// Gradients are with respect to samples before their augmentation. Running statistics are left
    /// alone.
    pub fn gradient_penalty_at(
        &self,
        at: P::Sample,
        penalty: impl FnOnce(Tensor<P::Backend, 1>) -> Tensor<P::Backend, 1>,
    ) -> Tensor<P::Backend, 1> {
        let packed = self.samples_per_logit();
        let judge = self.judge;
        let penalty =
            |gradient: P::Sample| penalty(packed_norms::<P::Backend, _>(gradient, packed));
        match judge.second_order {
            SecondOrder::Exact => {
                let at = at.detach();
                let (_, gradient) = verdict_and_gradient::<P>(
                    judge.discriminator,
                    at,
                    self.condition,
                    &judge.augmented,
                );
                penalty(gradient)
            }
            SecondOrder::FiniteDifferences { step } => {
                initialize(judge.discriminator);
                let still = P::Discriminator::from_inner(judge.discriminator.valid()).no_grad();
                // One number per sample: a pack's logits are shared out among its samples.
                let per_sample = |logits: Tensor<P::Backend, 2>| {
                    let [rows, _] = logits.dims();
                    let sums = logits.sum_dim(1);
                    let shares: Tensor<P::Backend, 2> = sums.repeat_dim(1, packed);
                    shares
                        .mul_scalar(1.0 / packed as f64)
                        .reshape([rows * packed])
                };
                let judged_still = |x: P::Sample| {
                    let x = judge.augmented.of(x);
                    per_sample(still.discriminate(x, self.condition).logits)
                };
                finite_difference(
                    at.detach(),
                    step,
                    packed,
                    judged_still,
                    |x| per_sample(self.verdict_on(x).logits),
                    penalty,
                )
            }
        }
    }

    /// As [`gradient_penalty_at`](Self::gradient_penalty_at) the samples themselves, with the
    /// gradient of the pass that the loss is made of, where that pass has made it.
    pub fn gradient_penalty(
        &self,
        penalty: impl FnOnce(Tensor<P::Backend, 1>) -> Tensor<P::Backend, 1>,
    ) -> Tensor<P::Backend, 1> {
        match &self.gradient {
            Some(gradient) => {
                let packed = self.samples_per_logit();
                penalty(packed_norms::<P::Backend, _>(gradient.clone(), packed))
            }
            None => self.gradient_penalty_at(self.sample.clone(), penalty),
        }
    }

    /// 1, or the size of a pack.
    fn samples_per_logit(&self) -> usize {
        (self.sample.batch_size() / self.logits().dims()[0]).max(1)
    }
}
