//! What the two networks minimise: a loss, how logits are compared, and the terms beside it.
//!
//! ```text
//! objective = loss × pairing × terms
//! ```
//!
//! An [`Objective`] is a serialisable value that names any combination; what must be remembered
//! between steps is apart from it, in an [`ObjectiveState`]. Where the losses come from is told in
//! `docs/theory.md` and computed in [`divergence`](crate::divergence); `docs/objectives.md` is a
//! table of all of them with advice.

mod augment;
mod average;
mod clipping;
mod cost;
mod judged;
mod loss;
mod named;
mod pairing;
mod pass;
mod presets;
mod probe;
mod state;
mod term;
crate::compiled::compiled! {
    Objective::discriminator_loss::<Tape>,
    Objective::generator_loss::<Tape>,
    Objective::loss_of_guessing::<Tape>,
}

#[cfg(test)]
mod tests;
mod top_k;

pub use augment::{
    Ada, Augment, CustomAugment, Probability, RandomChange, SampleAugment, Transformations,
};
pub use clipping::clip_weights;
pub use cost::{Batch, DiscriminatorCost, GeneratorCost};
pub use judged::Judged;
pub use loss::{
    AdversarialLoss, CustomLoss, EXP_JOINT, EnergyBased, FDivergence, FGan, Hinge, LabelSmoothing,
    LeastSquares, Loss, LossInfo, MaximumLikelihood, Minimax, NonSaturating, Wasserstein,
    exp_then_linear, mean, softplus,
};
pub use pairing::Pairing;
pub use pass::{Memory, Pass};
pub(crate) use state::ObjectiveCounts;
pub use state::ObjectiveState;
pub use term::second_order::{SecondOrder, input_gradient, logit_gradient};
pub use term::{
    AuxiliaryClass, BalancedConsistency, ConditionMatch, Consistency, CostTerm, CustomTerm, Dragan,
    FeatureMatching, InvariantInformation, LatentConsistency, LatentDiversity, LeCam,
    MutualInformation, Orthogonal, PathLength, R1, R2, Reconstruction, Term, TermInfo, TermKind,
    WganGp, ZeroCentered, feature_distance, gradient_norm, orthogonal, r1,
};
pub use top_k::TopK;

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use crate::error::{Error, Result, check};
use crate::network::Augmentation;
use crate::pair::Pair;
use crate::settings::settings;

settings! {
/// A loss, its pairing, its terms, and the smaller choices beside them.
///
/// ```
/// use burn_gan::objective::{Loss, Objective, Pairing, Term};
///
/// let objective = Objective::new(Loss::Hinge)
///     .with_pairing(Pairing::Average)
///     .with_term(Term::r1(0.05))
///     .with_term(Term::lecam(0.1).every(4));
/// objective.validate()?;
/// let json = serde_json::to_string(&objective).expect("settings serialise");
/// let again: Objective = serde_json::from_str(&json).expect("and come back");
/// assert_eq!(again, objective);
///
/// // What is left out of stored settings is as `Objective::new` has it.
/// let short: Objective = serde_json::from_str(r#"{"loss":"hinge"}"#).expect("a loss is enough");
/// assert_eq!(short, Objective::new(Loss::Hinge));
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Objective {
    /// The adversarial loss.
    #[serde(default)]
    pub loss: Loss,
    /// What the loss compares a logit with.
    #[serde(default)]
    pub pairing: Pairing,
    /// What the networks pay beside it.
    #[serde(default)]
    pub terms: Vec<Term>,
    /// What lies between the generator and the discriminator; `None` for nothing.
    #[serde(default)]
    pub augment: Option<Augment>,
    /// A random change of real samples alone, before anything else; `None` for nothing.
    #[serde(default)]
    pub augment_real: Option<Augmentation>,
    /// How terms that are functions of a gradient get the gradient of it.
    #[serde(default)]
    pub second_order: SecondOrder,
    /// How sure the discriminator's labels are.
    #[serde(default)]
    pub label_smoothing: LabelSmoothing,
    /// c, if every discriminator step ends with clipping its weights to [−c, c].
    #[serde(default)]
    pub weight_clipping: Option<f64>,
    /// Whether the generator learns from its best samples only.
    #[serde(default)]
    pub top_k: Option<TopK>,
}
}

/// What settings that leave something out have there: nothing beside the loss.
fn plain() -> Objective {
    Objective {
        loss: Loss::default(),
        pairing: Pairing::None,
        terms: Vec::new(),
        augment: None,
        augment_real: None,
        second_order: SecondOrder::Exact,
        label_smoothing: LabelSmoothing::default(),
        weight_clipping: None,
        top_k: None,
    }
}

impl Default for Objective {
    /// [`Objective::recommended`].
    fn default() -> Self {
        Self::recommended()
    }
}

impl Objective {
    /// A loss without pairing or terms.
    pub fn new(loss: Loss) -> Self {
        Self { loss, ..plain() }
    }

    /// What the loss compares a logit with.
    pub fn with_pairing(mut self, pairing: Pairing) -> Self {
        self.pairing = pairing;
        self
    }

    /// Adds a term.
    pub fn with_term(mut self, term: Term) -> Self {
        self.terms.push(term);
        self
    }

    /// Changes real and generated samples on their way to the discriminator.
    pub fn with_augment(mut self, augment: Augment) -> Self {
        self.augment = Some(augment);
        self
    }

    /// Changes real samples alone, in both halves of a step and before anything else: the generator
    /// learns the distribution of the changed samples, as if the data set had more of them.
    ///
    /// That is the other kind of augmentation. One between the generator and the discriminator
    /// ([`with_augment`](Self::with_augment)) changes both, so that the generator is to learn the data
    /// as they are. This one is for changes that samples may well have: shifts and small turns of
    /// digits, where the generated ones are to train a classifier. Penalties are with respect to the
    /// changed samples, which are the data here. Both kinds may be used at once.
    ///
    /// ```
    /// use burn_gan::network::{Affine, Augmentation, Fill};
    /// use burn_gan::objective::{Loss, Objective};
    ///
    /// let shifts = Augmentation::Affine(Affine {
    ///     shift: 2.0,
    ///     rotation: 12.0,
    ///     fill: Fill::Value(-1.0),
    ///     ..Affine::default()
    /// });
    /// Objective::new(Loss::NonSaturating).with_augment_real(shifts).validate()?;
    /// # Ok::<(), burn_gan::Error>(())
    /// ```
    pub fn with_augment_real(mut self, augmentation: Augmentation) -> Self {
        self.augment_real = Some(augmentation);
        self
    }

    /// How terms that are functions of a gradient get the gradient of it.
    pub fn with_second_order(mut self, second_order: SecondOrder) -> Self {
        self.second_order = second_order;
        self
    }

    /// How sure the discriminator's labels are, for losses that are a cross-entropy.
    pub fn with_label_smoothing(mut self, label_smoothing: LabelSmoothing) -> Self {
        self.label_smoothing = label_smoothing;
        self
    }

    /// Ends every discriminator step with clipping its weights to [−limit, limit].
    pub fn with_weight_clipping(mut self, limit: f64) -> Self {
        self.weight_clipping = Some(limit);
        self
    }

    /// Lets the generator learn from its best samples only.
    pub fn with_top_k(mut self, top_k: TopK) -> Self {
        self.top_k = Some(top_k);
        self
    }

    /// Checks every setting, and that they fit together.
    ///
    /// # Errors
    /// The first wrong setting, named with its place.
    pub fn validate(&self) -> Result<()> {
        self.loss.validate()?;
        if self.pairing.is_relativistic() && !self.loss.info().can_be_paired() {
            return Err(Error::setting(
                "pairing",
                format!("{:?}", self.pairing),
                format!(
                    "can't be used with the {} loss: a difference of energies is no energy; \
                     leave the pairing out",
                    self.loss.label()
                ),
            ));
        }
        self.label_smoothing.validate()?;
        let cross_entropy = self.loss.info().is_cross_entropy();
        if !self.label_smoothing.is_off() && !cross_entropy {
            return Err(Error::setting(
                "label_smoothing",
                format!("{:?}", self.label_smoothing),
                format!(
                    "is for the minimax, non-saturating and maximum-likelihood losses, not for {}; \
                     least squares takes a `real` target below 1 instead",
                    self.loss.label()
                ),
            ));
        }
        for (index, term) in self.terms.iter().enumerate() {
            term.validate()
                .map_err(|error| error.within(&format!("terms[{index}]")))?;
        }
        if let Some(augment) = &self.augment {
            augment
                .validate()
                .map_err(|error| error.within("augment"))?;
        }
        if let Some(augmentation) = &self.augment_real {
            augmentation
                .validate()
                .map_err(|error| error.within("augment_real"))?;
        }
        self.second_order.validate()?;
        if let Some(limit) = self.weight_clipping {
            check::positive("weight_clipping", limit)?;
        }
        if let Some(top_k) = &self.top_k {
            top_k.validate()?;
        }
        Ok(())
    }

    /// How strongly samples are changed between generator and discriminator, `[1]`, where that
    /// adapts.
    pub(crate) fn strength<P: Pair>(
        &self,
        state: &ObjectiveState<P::Backend>,
    ) -> Option<Tensor<P::Backend, 1>> {
        self.augment.as_ref()?.strength::<P>(state.augmentation())
    }

    /// The discriminator's loss, `[1]`, without terms.
    ///
    /// Logits are `[batch, patches]`. Without pairing, or with the average one, the batches may
    /// differ in size.
    ///
    /// ```text
    /// L_D = E real(D(x)) + E fake(D(G(z)))          without pairing
    /// ```
    ///
    /// # Panics
    /// As [`Pairing::discriminator_loss`].
    #[inline(never)]
    pub fn discriminator_loss<B: Backend>(
        &self,
        real_logits: Tensor<B, 2>,
        fake_logits: Tensor<B, 2>,
    ) -> Tensor<B, 1> {
        self.with_costs(|loss| (self.pairing).discriminator_loss(loss, real_logits, fake_logits))
    }

    /// Does something with the loss' functions, under this objective's label smoothing.
    fn with_costs<B: Backend, R>(&self, what: impl FnOnce(&dyn AdversarialLoss<B>) -> R) -> R {
        let loss = self.loss.functions::<B>();
        if self.label_smoothing.is_off() {
            return what(loss);
        }
        what(&loss::Smoothed {
            loss,
            labels: self.label_smoothing,
        })
    }

    /// Whether a term reads the generator's log-probabilities.
    pub(crate) fn reads_log_probabilities(&self) -> bool {
        let mut terms = self.terms.iter();
        terms.any(|term| term.kind.info().reads_log_probabilities())
    }

    /// Whether logits cost the same as in another objective, terms apart.
    pub(crate) fn has_the_costs_of(&self, other: &Self) -> bool {
        let costs = |of: &Self| (of.pairing, of.label_smoothing);
        costs(self) == costs(other) && self.loss == other.loss
    }

    /// What a discriminator pays that tells nothing apart: the loss at the best logit that it could
    /// give to every sample. 2 ln 2 for the non-saturating loss, 2 for hinge, ¼ for least squares,
    /// 0 for an f-divergence.
    ///
    /// ```text
    /// min over c of real(c) + fake(c)          without pairing
    /// ```
    ///
    /// `None` where the loss has no scale to tell by how far another value is off: the Wasserstein
    /// loss, and a loss of one's own that is 0 there.
    #[inline(never)]
    pub(crate) fn loss_of_guessing<B: Backend>(&self, device: &B::Device) -> Option<f64> {
        // In steps of 1/64, which hold the best logits of all losses here: 0, ½, the margins.
        let logits: Vec<f32> = match self.pairing {
            Pairing::None => (-1024..=1024).map(|i| i as f32 / 64.0).collect(),
            Pairing::Paired | Pairing::Average => vec![0.0],
        };
        let count = logits.len();
        let logits = Tensor::<B, 1>::from_floats(logits.as_slice(), device).reshape([count, 1]);
        let costs = self.with_costs(|loss: &dyn AdversarialLoss<B>| {
            loss.real(logits.clone()) + loss.fake(logits)
        });
        let least = costs
            .into_data()
            .iter::<f64>()
            .filter(|cost| cost.is_finite())
            .min_by(f64::total_cmp)?;
        let share = match self.pairing {
            Pairing::Paired => 0.5,
            Pairing::None | Pairing::Average => 1.0,
        };
        let has_scale = self.loss.info().has_scale(least);
        has_scale.then_some(share * least)
    }

    /// The generator's adversarial loss, `[1]`, of all its samples.
    ///
    /// A relativistic pairing needs the logits of real samples; without one they are not looked at.
    ///
    /// ```text
    /// L_G = E generator(D(G(z)))          without pairing
    /// ```
    ///
    /// # Panics
    /// As [`Pairing::generator_loss`].
    #[inline(never)]
    pub fn generator_loss<B: Backend>(
        &self,
        real_logits: Option<Tensor<B, 2>>,
        fake_logits: Tensor<B, 2>,
    ) -> Tensor<B, 1> {
        let loss = self.loss.functions::<B>();
        self.pairing
            .generator_loss(loss, real_logits, fake_logits, |costs| costs)
    }
}
