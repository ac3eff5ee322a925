//! Finds out before training whether networks can do what an objective asks of them.

use crate::pair::Pair;
use burn::module::AutodiffModule;
use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::AutodiffBackend;

use super::augment::{Augment, Augmented};
use super::term::second_order::{NO_GRADIENT, verdict_and_gradient};
use super::{Batch, Objective, ObjectiveState, SecondOrder};
use crate::error::{Error, Result};
use crate::latent::Latent;
use crate::network::Network;
use crate::network::guard::{is_of_the_machine, quietly};
use crate::network::{Discriminator, Generator, Sample, initialize};
use crate::random::alone;

/// Logits of one batch twice through a network without random layers agree to this, relative to
/// the largest: GPUs add in no fixed order.
const REPEATABLE: f64 = 1e-3;

/// One batch to try an objective on.
pub(super) struct Trial<'a, P: Pair> {
    pub(super) generator: &'a P::Generator,
    pub(super) discriminator: &'a P::Discriminator,
    pub(super) real: &'a P::Sample,
    pub(super) condition: &'a P::Condition,
    pub(super) latent: &'a Tensor<P::Backend, 2>,
    pub(super) prior: Option<&'a Latent>,
}

impl<P: Pair> Trial<'_, P> {
    fn batch<'a>(&'a self, fake: &'a P::Sample) -> Batch<'a, P> {
        Batch {
            real: self.real,
            real_condition: self.condition,
            fake,
            fake_condition: self.condition,
            log_probabilities: None,
            latent: self.latent,
            prior: self.prior,
        }
    }

    /// One half of a step with its backward pass; the words of its panic where it has one. Samples
    /// are drawn anew each time: a backward pass uses up the graph behind it.
    fn half(&self, objective: &Objective, network: Network) -> std::result::Result<(), String> {
        quietly(|| {
            let state = &mut ObjectiveState::<P::Backend>::default();
            let (generator, discriminator) = (self.generator, self.discriminator);
            let fake = generator.generate(self.latent.clone(), self.condition);
            let total = match network {
                Network::Discriminator => {
                    let batch = self.batch(&fake);
                    let fake = batch.fake.clone().detach();
                    let batch = Batch {
                        fake: &fake,
                        ..batch
                    };
                    let cost =
                        objective.discriminator_cost(state, generator, discriminator, &batch);
                    let verdicts = [&cost.real, &cost.fake];
                    objective.adapt::<P>(state, verdicts, self.real.batch_size());
                    cost.total()
                }
                Network::Generator => {
                    let still = discriminator.clone().no_grad();
                    let batch = self.batch(&fake);
                    let cost = objective.generator_cost(state, generator, &still, &batch);
                    cost.total()
                }
            };
            let _ = total.backward();
        })
    }
}

impl Objective {
    /// Tries the objective's demands on copies of the networks, with one batch.
    ///
    /// Which layers can be differentiated twice can't be told from their names, nor what a
    /// discriminator returns, so each term is taken once, forward and backward. The trainer does
    /// this before its first step; a loop of one's own calls it by itself. Nothing is changed by
    /// it.
    ///
    /// A layer that can't be differentiated twice panics in burn; here that becomes an error. In
    /// a program built with `panic = "abort"` it stays a panic.
    ///
    /// # Errors
    /// If the discriminator's output does not depend on its input, if a term needs a second
    /// derivative that burn does not have or something else that the networks don't give, or if
    /// finite differences meet layers that draw at random.
    ///
    /// # Panics
    /// If the networks can't take the batch at all.
    pub fn probe<P: Pair>(
        &self,
        generator: &P::Generator,
        discriminator: &P::Discriminator,
        real: &P::Sample,
        condition: &P::Condition,
        latent: &Tensor<P::Backend, 2>,
        prior: Option<&Latent>,
    ) -> Result<()> {
        // Dropout draws from the generator that other threads draw from.
        let _alone = alone();
        initialize(generator);
        initialize(discriminator);
        depends_on_its_input::<P>(discriminator, real, condition)?;
        let changes = self.augment.is_some() || self.augment_real.is_some();
        if self.terms.iter().all(|term| term.weight == 0.0) && !changes {
            return Ok(());
        }
        // Copies with running statistics of their own.
        let generator = &P::Generator::from_inner(generator.valid());
        let discriminator = &P::Discriminator::from_inner(discriminator.valid());
        if let SecondOrder::FiniteDifferences { .. } = self.second_order {
            let on = |network| {
                let mut terms = self.terms.iter();
                terms.any(|term| term.weighs_on(network) && term.kind.info().is_second_order())
            };
            if on(Network::Discriminator) {
                let logits = || discriminator.discriminate(real.clone(), condition).logits;
                repeatable(logits(), logits(), "discriminator")?;
            }
            if on(Network::Generator) {
                let norms = || {
                    let sample = generator.generate(latent.clone(), condition);
                    sample.squared_norms().unsqueeze_dim(1)
                };
                repeatable(norms(), norms(), "generator")?;
            }
        }
        self.try_terms::<P>(&Trial {
            generator,
            discriminator,
            real,
            condition,
            latent,
            prior,
        })
    }

    /// Each term alone, so that the error can name it.
    pub(super) fn try_terms<P: Pair>(&self, trial: &Trial<'_, P>) -> Result<()> {
        let plain = Self {
            terms: Vec::new(),
            augment: None,
            augment_real: None,
            ..self.clone()
        };
        // A pass that fails without a term too is not the term's fault.
        let plain_fails = || match trial.half(&plain, Network::Discriminator) {
            Ok(()) => Ok(()),
            Err(words) => Err(Error::Network {
                network: "discriminator".to_owned(),
                problem: format!("{words} (in a step without any term)"),
            }),
        };
        // One that adapts does nothing yet: what it will do is tried.
        let augmented = Self {
            augment: self.augment.as_ref().map(Augment::at_full_strength),
            ..plain.clone()
        };
        let real_augmented = Self {
            augment_real: self.augment_real,
            ..plain.clone()
        };
        let augmented = self.augment.as_ref().map(|_| ("augment", augmented));
        let real_augmented = (self.augment_real).map(|_| ("augment_real", real_augmented));
        for (setting, augmented) in augmented.into_iter().chain(real_augmented) {
            for network in [Network::Discriminator, Network::Generator] {
                if let Err(words) = trial.half(&augmented, network) {
                    plain_fails()?;
                    return Err(Error::setting(
                        setting,
                        "on",
                        format!("does not fit these samples ({words})"),
                    ));
                }
            }
        }
        for term in self.terms.iter().filter(|term| term.weight != 0.0) {
            let alone = Self {
                terms: vec![term.clone()],
                ..self.clone()
            };
            for network in [Network::Discriminator, Network::Generator] {
                if !term.kind.info().acts_on(network) {
                    continue;
                }
                let Err(words) = trial.half(&alone, network) else {
                    continue;
                };
                plain_fails()?;
                let name = term.kind.info().name();
                if is_of_the_machine(&words) {
                    return Err(Error::Network {
                        network: "discriminator".to_owned(),
                        problem: format!("{words} (under the term `{name}`)"),
                    });
                }
                let exact = self.second_order == SecondOrder::Exact;
                let problem = if exact && term.kind.info().is_second_order() {
                    format!(
                        "needs the gradient of a gradient, and a layer has none ({words}). Two ways \
                         out: layers that can be differentiated twice (those of `burn_gan::nn`, \
                         convolutions, norms, activations; not burn's own `Linear`, poolings or \
                         interpolations), or \
                         `with_second_order(SecondOrder::finite_differences())`"
                    )
                } else {
                    format!("can't be computed on these networks: {words}")
                };
                return Err(Error::setting("terms", name, problem));
            }
        }
        Ok(())
    }
}

/// Refuses a discriminator that no sample can reach: nothing could be learnt from it.
fn depends_on_its_input<P: Pair>(
    discriminator: &P::Discriminator,
    real: &P::Sample,
    condition: &P::Condition,
) -> Result<()> {
    let untouched = Augmented::<P>::none();
    let gradient = || verdict_and_gradient::<P>(discriminator, real.clone(), condition, &untouched);
    match quietly(gradient) {
        Err(words) if words == NO_GRADIENT => Err(Error::setting(
            "discriminator",
            "independent of its input",
            "the discriminator's output does not depend on its input, so that nothing can be learnt \
             from it: look in `discriminate` for a sample that is not used, is cut from the tape \
             (`detach`, `inner`, a trip through `into_data`), or is replaced by a constant",
        )),
        // Other panics are found where they belong.
        _ => Ok(()),
    }
}

/// Refuses a network that answers one batch differently the second time.
#[inline(never)]
fn repeatable<B: AutodiffBackend>(
    first: Tensor<B, 2>,
    second: Tensor<B, 2>,
    network: &str,
) -> Result<()> {
    let [first, second] = [first, second].map(|x| x.into_data().iter::<f64>().collect::<Vec<_>>());
    let largest = first.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    let apart = first
        .iter()
        .zip(&second)
        .fold(0.0f64, |m, (a, b)| m.max((a - b).abs()));
    if apart > REPEATABLE * largest {
        return Err(Error::setting(
            "second_order",
            "finite_differences",
            format!(
                "can't be used with a {network} that draws at random (dropout, noise): both ends \
                 of a difference must be one network; leave those layers out, or use \
                 `SecondOrder::Exact`"
            ),
        ));
    }
    Ok(())
}

crate::compiled::compiled! {
    repeatable::<Tape>,
}
