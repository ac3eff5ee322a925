//! Finds out before training whether networks can do what an objective asks of them.

use crate::pair::Pair;
use burn::module::AutodiffModule;
use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::AutodiffBackend;

use super::penalty::second_order::{NO_GRADIENT, logits_and_gradient};
use super::{Batch, Objective, ObjectiveState, PenaltyKind, SecondOrder};
use crate::error::{Error, Result};
use crate::network::Network;
use crate::network::guard::{is_of_the_machine, quietly};
use crate::network::{Discriminator, Generator, Sample, initialize};
use crate::random::alone;

/// Logits of one batch twice through a network without random layers agree to this, relative to
/// the largest: GPUs add in no fixed order.
const REPEATABLE: f64 = 1e-3;

impl Objective {
    /// Tries the objective's demands on copies of the networks, with one batch.
    ///
    /// Which layers can be differentiated twice can't be told from their names, so the penalties
    /// that need it are taken once, forward and backward. The trainer does this before its first
    /// step; a loop of one's own calls it by itself. Nothing is changed by it.
    ///
    /// A layer that can't be differentiated twice panics in burn; here that becomes an error. In
    /// a program built with `panic = "abort"` it stays a panic.
    ///
    /// # Errors
    /// If the discriminator's output does not depend on its input, if a penalty needs a second
    /// derivative that burn does not have, if finite differences meet layers that draw at random, or if
    /// feature matching meets a discriminator without features.
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
    ) -> Result<()> {
        // Dropout draws from the generator that other threads draw from.
        let _alone = alone();
        initialize(generator);
        initialize(discriminator);
        depends_on_its_input::<P>(discriminator, real, condition)?;
        let mut asked = self.clone();
        asked
            .penalties
            .retain(|penalty| penalty.weight != 0.0 && may_be_second_order(&penalty.kind));
        if asked.penalties.is_empty() && asked.feature_matching.is_none() {
            return Ok(());
        }
        // Copies with running statistics of their own.
        let generator = P::Generator::from_inner(generator.valid());
        let discriminator = P::Discriminator::from_inner(discriminator.valid());
        let verdict = discriminator.discriminate(real.clone(), condition);
        if asked.feature_matching.is_some() && verdict.features.is_none() {
            return Err(Error::setting(
                "feature_matching",
                "on",
                "needs a discriminator that returns features: fill in `Verdict::features`",
            ));
        }
        let on = |side: Network| asked.penalties.iter().any(|p| p.kind.acts_on(side));
        match asked.second_order {
            SecondOrder::FiniteDifferences { .. } => {
                if on(Network::Discriminator) {
                    let again = discriminator.discriminate(real.clone(), condition);
                    repeatable(verdict.logits, again.logits, "discriminator")?;
                }
                if on(Network::Generator) {
                    let norms = || {
                        let sample = generator.generate(latent.clone(), condition);
                        sample.squared_norms().unsqueeze_dim(1)
                    };
                    repeatable(norms(), norms(), "generator")?;
                }
                Ok(())
            }
            SecondOrder::Exact => {
                asked.differentiate_twice::<P>(&generator, &discriminator, real, condition, latent)
            }
        }
    }

    /// Each penalty alone, so that the error can name it.
    pub(super) fn differentiate_twice<P: Pair>(
        &self,
        generator: &P::Generator,
        discriminator: &P::Discriminator,
        real: &P::Sample,
        condition: &P::Condition,
        latent: &Tensor<P::Backend, 2>,
    ) -> Result<()> {
        for penalty in &self.penalties {
            let alone = Self {
                penalties: vec![penalty.clone()],
                ..self.clone()
            };
            // Drawn anew each time: a backward pass uses up the graph behind it.
            let fake = generator.generate(latent.clone(), condition);
            let detached = fake.clone().detach();
            let tried = quietly(|| {
                let state = &mut ObjectiveState::<P::Backend>::default();
                if penalty.kind.acts_on(Network::Discriminator) {
                    let batch = Batch::<P> {
                        real,
                        fake: &detached,
                        condition,
                        latent,
                    };
                    let cost = alone.discriminator_cost(state, generator, discriminator, &batch);
                    let _ = cost.total().backward();
                }
                if penalty.kind.acts_on(Network::Generator) {
                    let batch = Batch::<P> {
                        real,
                        fake: &fake,
                        condition,
                        latent,
                    };
                    let still = discriminator.clone().no_grad();
                    let cost = alone.generator_cost(state, generator, &still, &batch);
                    let _ = cost.total().backward();
                }
            });
            if let Err(words) = tried {
                // A pass that fails without the penalty too is not the penalty's fault.
                let free = Self {
                    penalties: Vec::new(),
                    ..self.clone()
                };
                let without = quietly(|| {
                    let state = &mut ObjectiveState::<P::Backend>::default();
                    let fake = generator.generate(latent.clone(), condition);
                    let detached = fake.clone().detach();
                    let batch = Batch::<P> {
                        real,
                        fake: &detached,
                        condition,
                        latent,
                    };
                    let cost = free.discriminator_cost(state, generator, discriminator, &batch);
                    let _ = cost.total().backward();
                });
                if let Err(words) = without {
                    return Err(Error::Network {
                        network: "discriminator".to_owned(),
                        problem: format!("{words} (in a step without any penalty)"),
                    });
                }
                if is_of_the_machine(&words) {
                    return Err(Error::Network {
                        network: "discriminator".to_owned(),
                        problem: format!("{words} (under the penalty `{}`)", penalty.kind.name()),
                    });
                }
                return Err(Error::setting(
                    "penalties",
                    penalty.kind.name(),
                    format!(
                        "needs the gradient of a gradient, and a layer has none ({words}). Two ways \
                         out: layers that can be differentiated twice (those of `burn_gan::nn`, \
                         convolutions, norms, activations; not burn's own `Linear`, poolings or \
                         interpolations), or \
                         `with_second_order(SecondOrder::finite_differences())`"
                    ),
                ));
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
    let gradient = || {
        logits_and_gradient::<P::Backend, P::Discriminator>(discriminator, real.clone(), condition)
    };
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

/// A penalty of a user's own may be anything.
fn may_be_second_order(kind: &PenaltyKind) -> bool {
    kind.is_second_order() || matches!(kind, PenaltyKind::Custom(_))
}

/// Refuses a network that answers one batch differently the second time.
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
