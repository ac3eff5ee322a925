//! What a half-step of each network costs: forward passes, loss, and the terms that are due.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::AutodiffBackend;

use super::augment::Augmented;
use super::judged::Judge;
use super::{Judged, Objective, ObjectiveState, Pairing, Pass, SecondOrder, Term, average, top_k};
use crate::latent::Latent;
use crate::network::{Network, Sample, Verdict};
use crate::pair::Pair;
use crate::process::Across;

/// What half a step is made with.
#[derive(Debug)]
pub struct Batch<'a, P: Pair> {
    /// Real samples. The generator's half looks at them in relativistic pairings and where a term
    /// does.
    pub real: &'a P::Sample,
    /// What the real samples are conditioned on.
    pub real_condition: &'a P::Condition,
    /// Generated samples: cut from the tape in the discriminator's half, on it in the generator's.
    pub fake: &'a P::Sample,
    /// What the generated samples are conditioned on.
    pub fake_condition: &'a P::Condition,
    /// ln P of each entry of their condition's vector, of a generator that knows it, as it drew the
    /// samples; without them a term that reads them asks the generator once more.
    pub log_probabilities: Option<&'a Tensor<P::Backend, 2>>,
    /// The latents of the generated samples, `[batch, latent]`.
    pub latent: &'a Tensor<P::Backend, 2>,
    /// What the latents are drawn from, for terms that ask for codes.
    pub prior: Option<&'a Latent>,
}

/// What the discriminator's half of a step costs.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DiscriminatorCost<B: AutodiffBackend> {
    /// The adversarial loss, `[1]`.
    pub loss: Tensor<B, 1>,
    /// The weighted sum of the terms that were due, `[1]`.
    pub terms: Option<Tensor<B, 1>>,
    /// What the discriminator says about the real samples.
    pub real: Verdict<B>,
    /// What it says about the generated samples.
    pub fake: Verdict<B>,
}

/// What the generator's half of a step costs.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GeneratorCost<B: AutodiffBackend> {
    /// The adversarial loss, `[1]`; 0 where a term stands in its place.
    pub loss: Tensor<B, 1>,
    /// The weighted sum of the terms that were due, `[1]`.
    pub terms: Option<Tensor<B, 1>>,
}

impl<B: AutodiffBackend> DiscriminatorCost<B> {
    /// Loss and terms together, `[1]`: what one backward pass starts from.
    pub fn total(&self) -> Tensor<B, 1> {
        total(&self.loss, &self.terms)
    }
}

impl<B: AutodiffBackend> GeneratorCost<B> {
    /// Loss and terms together, `[1]`.
    pub fn total(&self) -> Tensor<B, 1> {
        total(&self.loss, &self.terms)
    }
}

fn total<B: AutodiffBackend>(loss: &Tensor<B, 1>, terms: &Option<Tensor<B, 1>>) -> Tensor<B, 1> {
    match terms {
        Some(terms) => loss.clone() + terms.clone(),
        None => loss.clone(),
    }
}

impl Objective {
    /// Judges both batches and adds up what the discriminator pays.
    ///
    /// Where a term asks for the gradient at real or generated samples, it is taken from the very
    /// pass that the loss is made of, unless the discriminator holds buffers (parameters without a
    /// gradient): running statistics belong to the module, and the lifted copy's are not the
    /// module's.
    ///
    /// `state` says which terms are due and takes up what they remember. After the half-step the
    /// augmentation adapts by [`adapt`](Self::adapt), and [`ObjectiveState::count`] counts the
    /// step.
    ///
    /// # Panics
    /// If the networks can't take the batches, or a term can't be computed on them
    /// ([`probe`](Self::probe) tells beforehand).
    pub fn discriminator_cost<P: Pair>(
        &self,
        state: &mut ObjectiveState<P::Backend>,
        generator: &P::Generator,
        discriminator: &P::Discriminator,
        batch: &Batch<'_, P>,
    ) -> DiscriminatorCost<P::Backend> {
        let nobody = Across::nobody();
        self.discriminator_cost_across::<P>(state, (generator, discriminator), batch, &nobody)
    }

    /// As [`discriminator_cost`](Self::discriminator_cost), of this process' part of a batch.
    pub(crate) fn discriminator_cost_across<P: Pair>(
        &self,
        state: &mut ObjectiveState<P::Backend>,
        (generator, discriminator): (&P::Generator, &P::Discriminator),
        batch: &Batch<'_, P>,
        across: &Across<'_>,
    ) -> DiscriminatorCost<P::Backend> {
        let step = state.discriminator_steps;
        let judges = [0, 1].map(|_| self.judge::<P>(state, discriminator));
        let due = || self.due(Network::Discriminator, step);
        let at_real = due().any(|(_, term)| term.kind.info().gradient_at_real());
        let at_fake = due().any(|(_, term)| term.kind.info().gradient_at_fake());
        let shared = (at_real || at_fake)
            && self.second_order == SecondOrder::Exact
            && !has_buffers::<P::Backend, P::Discriminator>(discriminator);
        let [of_real, of_fake] = &judges;
        let real = &self.real::<P>(state, batch.real);
        let fake = batch.fake;
        let pass = Pass {
            network: Network::Discriminator,
            generator,
            discriminator,
            real: Judged::now(of_real, real, batch.real_condition, shared && at_real),
            fake: Judged::now(of_fake, fake, batch.fake_condition, shared && at_fake),
            latent: batch.latent,
            log_probabilities: batch.log_probabilities,
            prior: batch.prior,
            second_order: self.second_order,
            across,
        };
        let (real, fake) = (pass.real.logits().clone(), pass.fake.logits().clone());
        let loss = match self.pairing == Pairing::Average && !across.is_alone() {
            true => average::discriminator_loss(self, real, fake, across),
            false => self.discriminator_loss(real, fake),
        };
        let terms = self.terms(state, step, &pass);
        DiscriminatorCost {
            loss,
            terms,
            real: pass.real.verdict().clone(),
            fake: pass.fake.verdict().clone(),
        }
    }

    /// Moves the augmentation's state on after the discriminator's half of a step and before it is
    /// counted, by what was said about the whole of both batches, `samples` each. Without an
    /// augmentation nothing happens.
    pub fn adapt<P: Pair>(
        &self,
        state: &mut ObjectiveState<P::Backend>,
        [real, fake]: [&Verdict<P::Backend>; 2],
        samples: usize,
    ) {
        let Some(augment) = &self.augment else {
            return;
        };
        let step = state.discriminator_steps;
        let mut memory = state.augmentation.clone();
        augment.adapt::<P>([real, fake], step, samples, &mut memory);
        // Without its history, as what terms remember.
        state.augmentation = memory.into_iter().map(Tensor::detach).collect();
    }

    /// Judges the generated batch and adds up what the generator pays.
    ///
    /// The discriminator comes without gradients of its own (`no_grad`), so that only the samples'
    /// are computed. `state` is used as by [`discriminator_cost`](Self::discriminator_cost).
    ///
    /// # Panics
    /// If the networks can't take the batches, or a term can't be computed on them.
    pub fn generator_cost<P: Pair>(
        &self,
        state: &mut ObjectiveState<P::Backend>,
        generator: &P::Generator,
        discriminator: &P::Discriminator,
        batch: &Batch<'_, P>,
    ) -> GeneratorCost<P::Backend> {
        let nobody = Across::nobody();
        self.generator_cost_across::<P>(state, (generator, discriminator), batch, &nobody)
    }

    /// As [`generator_cost`](Self::generator_cost), of this process' part of a batch.
    pub(crate) fn generator_cost_across<P: Pair>(
        &self,
        state: &mut ObjectiveState<P::Backend>,
        (generator, discriminator): (&P::Generator, &P::Discriminator),
        batch: &Batch<'_, P>,
        across: &Across<'_>,
    ) -> GeneratorCost<P::Backend> {
        let step = state.generator_steps;
        let judges = [0, 1].map(|_| self.judge::<P>(state, discriminator));
        let [of_real, of_fake] = &judges;
        let paired = self.pairing.is_relativistic();
        let real = if paired || self.due(Network::Generator, step).next().is_some() {
            &self.real::<P>(state, batch.real)
        } else {
            // Nobody looks at it.
            batch.real
        };
        let pass = Pass {
            network: Network::Generator,
            generator,
            discriminator,
            real: Judged::later(of_real, real, batch.real_condition),
            fake: Judged::now(of_fake, batch.fake, batch.fake_condition, false),
            latent: batch.latent,
            log_probabilities: batch.log_probabilities,
            prior: batch.prior,
            second_order: self.second_order,
            across,
        };
        let mut due = self.due(Network::Generator, step);
        let replaced = due.any(|(_, term)| term.kind.info().replaces_loss());
        let loss = if replaced {
            Tensor::zeros_like(&pass.fake.logits().clone().mean().detach())
        } else {
            let real = paired.then(|| pass.real.logits().clone());
            self.loss_of_the_best(step, real, pass.fake.logits().clone(), across)
        };
        let terms = self.terms(state, step, &pass);
        GeneratorCost { loss, terms }
    }

    /// The real samples as they are learnt from. What changes them draws from a stream of its own, as
    /// all augmentations do.
    fn real<P: Pair>(
        &self,
        state: &mut ObjectiveState<P::Backend>,
        samples: &P::Sample,
    ) -> P::Sample {
        let samples = samples.clone();
        match &self.augment_real {
            Some(augmentation) => samples.augment(augmentation, &mut state.noise.fork()),
            None => samples,
        }
    }

    /// The discriminator with the change that one batch goes through before it.
    fn judge<'a, P: Pair>(
        &'a self,
        state: &mut ObjectiveState<P::Backend>,
        discriminator: &'a P::Discriminator,
    ) -> Judge<'a, P> {
        let memory = state.augmentation.clone();
        Judge {
            discriminator,
            augmented: Augmented::new(self.augment.as_ref(), memory, &mut state.noise),
            second_order: self.second_order,
        }
    }

    /// The generator's adversarial loss of the samples that count.
    #[inline(never)]
    fn loss_of_the_best<B: AutodiffBackend>(
        &self,
        step: u64,
        real: Option<Tensor<B, 2>>,
        fake: Tensor<B, 2>,
        across: &Across<'_>,
    ) -> Tensor<B, 1> {
        let own = fake.dims()[0];
        let batch = own * across.size();
        let count = self.top_k.map_or(batch, |top_k| top_k.count(step, batch));
        let best: Box<dyn Fn(Tensor<B, 2>) -> Tensor<B, 2>> = if count >= batch {
            Box::new(|costs| costs)
        } else if across.is_alone() {
            let best = top_k::best_rows(fake.clone(), count);
            Box::new(move |costs| costs.select(0, best.clone()))
        } else {
            let left_out = top_k::left_out(fake.clone(), count, across);
            // The mean over all that is left of the batch is the mean over processes of this.
            let share = batch as f64 / count as f64;
            Box::new(move |costs| {
                let left_out = left_out.clone().expand(costs.shape());
                costs.mask_fill(left_out, 0.0).mul_scalar(share)
            })
        };
        let functions = self.loss.functions::<B>();
        match (self.pairing, real) {
            (Pairing::Average, Some(real)) if !across.is_alone() => {
                average::generator_loss(functions, [real, fake], best, across)
            }
            (pairing, real) => pairing.generator_loss(functions, real, fake, best),
        }
    }

    /// The terms of one network's cost that are due, with their places in the list.
    fn due(&self, network: Network, step: u64) -> impl Iterator<Item = (usize, &Term)> {
        let all = self.terms.iter().enumerate();
        all.filter(move |(_, term)| term.kind.info().acts_on(network) && term.is_due(step))
    }

    /// The sum of the terms that are due; each finds its memory and leaves it.
    fn terms<P: Pair>(
        &self,
        state: &mut ObjectiveState<P::Backend>,
        step: u64,
        pass: &Pass<'_, P>,
    ) -> Option<Tensor<P::Backend, 1>> {
        let mut sum: Option<Tensor<P::Backend, 1>> = None;
        for (index, term) in self.due(pass.network, step) {
            let mut memory = state.memory(index).to_vec();
            let value = term.value(pass, &mut state.noise, &mut memory);
            state.remember(index, memory);
            sum = Some(match sum {
                Some(sum) => sum + value,
                None => value,
            });
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

crate::compiled::compiled! {
    Objective::loss_of_the_best::<Tape>,
}
