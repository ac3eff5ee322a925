//! What a half-step of each network costs: forward passes, loss, and the penalties that are due.

use crate::pair::Pair;
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::AutodiffBackend;

use super::penalty::second_order::logits_and_gradient;
use super::penalty::{DiscriminatorPass, GeneratorPass};
use super::{Objective, ObjectiveState, PenaltyKind, SecondOrder, feature_distance, top_k};
use crate::network::Network;
use crate::network::{Discriminator, Sample, Verdict};

/// What half a step is made with.
#[derive(Debug)]
pub struct Batch<'a, P: Pair> {
    /// Real samples. The generator's half looks at them in relativistic pairings and feature
    /// matching only.
    pub real: &'a P::Sample,
    /// Generated samples, as many as real ones: cut from the tape in the discriminator's half, on
    /// it in the generator's.
    pub fake: &'a P::Sample,
    /// What the networks were told, of both batches.
    pub condition: &'a P::Condition,
    /// The latents of the generated samples, `[batch, latent]`.
    pub latent: &'a Tensor<P::Backend, 2>,
}

/// What the discriminator's half of a step costs.
#[derive(Debug, Clone)]
pub struct DiscriminatorCost<B: AutodiffBackend> {
    /// The loss, `[1]`, without penalties.
    pub loss: Tensor<B, 1>,
    /// The weighted sum of the penalties that were due, `[1]`.
    pub penalty: Option<Tensor<B, 1>>,
    /// The logits of the real samples, `[batch, patches]`.
    pub real_logits: Tensor<B, 2>,
    /// The logits of the generated samples, `[batch, patches]`.
    pub fake_logits: Tensor<B, 2>,
}

/// What the generator's half of a step costs.
#[derive(Debug, Clone)]
pub struct GeneratorCost<B: AutodiffBackend> {
    /// The loss, `[1]`, without penalties.
    pub loss: Tensor<B, 1>,
    /// The weighted sum of the penalties that were due, `[1]`.
    pub penalty: Option<Tensor<B, 1>>,
}

impl<B: AutodiffBackend> DiscriminatorCost<B> {
    /// Loss and penalties together, `[1]`: what one backward pass starts from.
    pub fn total(&self) -> Tensor<B, 1> {
        total(&self.loss, &self.penalty)
    }
}

impl<B: AutodiffBackend> GeneratorCost<B> {
    /// Loss and penalties together, `[1]`.
    pub fn total(&self) -> Tensor<B, 1> {
        total(&self.loss, &self.penalty)
    }
}

fn total<B: AutodiffBackend>(loss: &Tensor<B, 1>, penalty: &Option<Tensor<B, 1>>) -> Tensor<B, 1> {
    match penalty {
        Some(penalty) => loss.clone() + penalty.clone(),
        None => loss.clone(),
    }
}

impl Objective {
    /// Judges both batches and adds up what the discriminator pays; counts one discriminator step.
    ///
    /// Where R1 or R2 is due, the gradient is taken from the very pass that the loss is made of,
    /// unless the discriminator holds buffers (parameters without a gradient): running statistics
    /// are updated by a pass of their own only.
    ///
    /// # Panics
    /// If the discriminator can't judge the batches, or can't be differentiated twice where a
    /// penalty needs it ([`probe`](Self::probe) tells beforehand).
    pub fn discriminator_cost<P: Pair>(
        &self,
        state: &mut ObjectiveState<P::Backend>,
        generator: &P::Generator,
        discriminator: &P::Discriminator,
        batch: &Batch<'_, P>,
    ) -> DiscriminatorCost<P::Backend> {
        let step = state.discriminator_steps;
        state.discriminator_steps += 1;
        let due = |kind: &PenaltyKind| {
            let mut all = self.penalties.iter();
            all.any(|penalty| penalty.kind == *kind && penalty.is_due(step))
        };
        let (at_real, at_fake) = (due(&PenaltyKind::R1), due(&PenaltyKind::R2));
        let shared = (at_real || at_fake)
            && self.second_order == SecondOrder::Exact
            && !has_buffers::<P::Backend, P::Discriminator>(discriminator);
        let judge = |sample: &P::Sample, with_gradient: bool| {
            if with_gradient {
                let sample = sample.clone().detach();
                let (logits, gradient) =
                    logits_and_gradient(discriminator, sample, batch.condition);
                (logits, Some(gradient))
            } else {
                let verdict = discriminator.discriminate(sample.clone(), batch.condition);
                (verdict.logits, None)
            }
        };
        let (real_logits, real_gradient) = judge(batch.real, shared && at_real);
        let (fake_logits, fake_gradient) = judge(batch.fake, shared && at_fake);
        let loss = self.discriminator_loss(real_logits.clone(), fake_logits.clone());
        let pass = DiscriminatorPass::<P> {
            generator,
            discriminator,
            real: batch.real,
            fake: batch.fake,
            condition: batch.condition,
            latent: batch.latent,
            real_logits,
            fake_logits,
            second_order: self.second_order,
            real_gradient,
            fake_gradient,
        };
        let penalty = self.sum(
            state,
            step,
            Network::Discriminator,
            |penalty, state, memory| penalty.on_discriminator(&pass, &mut state.noise, memory),
        );
        DiscriminatorCost {
            loss,
            penalty,
            real_logits: pass.real_logits,
            fake_logits: pass.fake_logits,
        }
    }

    /// Judges the generated batch and adds up what the generator pays; counts one generator step.
    ///
    /// The discriminator comes without gradients of its own (`no_grad`), so that only the
    /// samples' are computed.
    ///
    /// # Panics
    /// If feature matching is asked for and the discriminator returns no features.
    pub fn generator_cost<P: Pair>(
        &self,
        state: &mut ObjectiveState<P::Backend>,
        generator: &P::Generator,
        discriminator: &P::Discriminator,
        batch: &Batch<'_, P>,
    ) -> GeneratorCost<P::Backend> {
        let step = state.generator_steps;
        state.generator_steps += 1;
        let judged = discriminator.discriminate(batch.fake.clone(), batch.condition);
        let looks_at_real = self.pairing.is_relativistic() || self.feature_matching.is_some();
        let real =
            looks_at_real.then(|| discriminator.discriminate(batch.real.clone(), batch.condition));
        let loss = self.generator_terms(step, real, judged.clone());
        let pass = GeneratorPass::<P> {
            generator,
            discriminator,
            fake: batch.fake,
            condition: batch.condition,
            latent: batch.latent,
            fake_logits: judged.logits,
            second_order: self.second_order,
        };
        let penalty = self.sum(state, step, Network::Generator, |penalty, state, memory| {
            penalty.on_generator(&pass, &mut state.noise, memory)
        });
        GeneratorCost { loss, penalty }
    }

    /// The adversarial loss of the samples that count, and feature matching.
    fn generator_terms<B: AutodiffBackend>(
        &self,
        step: u64,
        real: Option<Verdict<B>>,
        fake: Verdict<B>,
    ) -> Tensor<B, 1> {
        let matched = self.feature_matching.map(|matching| {
            let features = |verdict: Option<&Verdict<B>>| match verdict
                .and_then(|verdict| verdict.features.clone())
            {
                Some(features) => features,
                None => panic!("feature matching needs a discriminator that returns features"),
            };
            let distance = feature_distance(features(real.as_ref()), features(Some(&fake)));
            (matching, distance.mul_scalar(matching.weight))
        });
        if let Some((matching, distance)) = &matched
            && matching.alone
        {
            return distance.clone();
        }
        let batch = fake.logits.dims()[0];
        let count = self.top_k.map_or(batch, |top_k| top_k.count(step, batch));
        let best = (count < batch).then(|| top_k::best_rows(fake.logits.clone(), count));
        let loss = self.pairing.generator_loss(
            self.loss.functions::<B>(),
            real.map(|verdict| verdict.logits),
            fake.logits,
            |costs| match &best {
                Some(best) => costs.select(0, best.clone()),
                None => costs,
            },
        );
        match matched {
            Some((_, distance)) => loss + distance,
            None => loss,
        }
    }

    /// The sum of one side's penalties that are due; each finds its memory and leaves it.
    fn sum<B: AutodiffBackend>(
        &self,
        state: &mut ObjectiveState<B>,
        step: u64,
        side: Network,
        evaluate: impl Fn(
            &super::Penalty,
            &mut ObjectiveState<B>,
            &mut Vec<Tensor<B, 1>>,
        ) -> Option<Tensor<B, 1>>,
    ) -> Option<Tensor<B, 1>> {
        let mut sum: Option<Tensor<B, 1>> = None;
        for (index, penalty) in self.penalties.iter().enumerate() {
            if !penalty.kind.acts_on(side) || !penalty.is_due(step) {
                continue;
            }
            let mut memory = state.memory(index).to_vec();
            let term = evaluate(penalty, state, &mut memory);
            state.remember(index, memory);
            sum = match (sum, term) {
                (Some(sum), Some(term)) => Some(sum + term),
                (sum, term) => sum.or(term),
            };
        }
        sum
    }
}

/// Whether a module holds floats that take no gradient: running statistics among them.
fn has_buffers<B: AutodiffBackend, M: Module<B>>(module: &M) -> bool {
    struct Finder(bool);
    impl<B: AutodiffBackend> ModuleVisitor<B> for Finder {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
            self.0 |= !param.is_require_grad();
        }
    }
    let mut finder = Finder(false);
    module.visit(&mut finder);
    finder.0
}
