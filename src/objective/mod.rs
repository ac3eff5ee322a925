//! What the two networks minimise: a loss, and the penalties beside it.
//!
//! An [`Objective`] is a serialisable value that names both; what must be remembered between
//! steps is apart from it, in an [`ObjectiveState`]. Where the losses come from is told in
//! `docs/theory.md` and computed in [`divergence`](crate::divergence).

pub mod loss;
pub mod penalty;
mod state;

pub use loss::{AdversarialLoss, Loss};
pub use penalty::{Penalty, PenaltyKind};
pub use state::{ObjectiveState, ObjectiveStateItem};

use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::network::{ConditionOf, SampleOf, TrainableDiscriminator};

/// A loss and its penalties.
///
/// ```
/// use burn_gan::objective::{Loss, Objective, Penalty};
///
/// let objective = Objective::new(Loss::NonSaturating).with_penalty(Penalty::r1(0.05));
/// objective.validate()?;
/// let json = serde_json::to_string(&objective).expect("settings serialise");
/// assert_eq!(
///     json,
///     r#"{"loss":"non_saturating","penalties":[{"kind":"r1","weight":0.05,"interval":1}]}"#
/// );
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Objective {
    /// The adversarial loss.
    pub loss: Loss,
    /// What the discriminator pays beside it.
    pub penalties: Vec<Penalty>,
}

impl Objective {
    /// A loss without penalties.
    pub fn new(loss: Loss) -> Self {
        Self {
            loss,
            penalties: Vec::new(),
        }
    }

    /// Adds a penalty.
    pub fn with_penalty(mut self, penalty: Penalty) -> Self {
        self.penalties.push(penalty);
        self
    }

    /// Checks every penalty's settings.
    ///
    /// # Errors
    /// The first wrong setting, named with its place in the list.
    pub fn validate(&self) -> Result<()> {
        for (index, penalty) in self.penalties.iter().enumerate() {
            penalty
                .validate()
                .map_err(|error| error.within(&format!("penalties[{index}]")))?;
        }
        Ok(())
    }

    /// The discriminator's loss, `[1]`, without penalties.
    ///
    /// ```text
    /// L_D = E real(D(x)) + E fake(D(G(z)))
    /// ```
    ///
    /// Logits are `[batch, patches]`; the batches may differ in size.
    pub fn discriminator_loss<B: Backend>(
        &self,
        real_logits: Tensor<B, 2>,
        fake_logits: Tensor<B, 2>,
    ) -> Tensor<B, 1> {
        loss::mean(self.loss.real(real_logits)) + loss::mean(self.loss.fake(fake_logits))
    }

    /// The generator's loss, `[1]`.
    ///
    /// ```text
    /// L_G = E generator(D(G(z)))
    /// ```
    pub fn generator_loss<B: Backend>(&self, fake_logits: Tensor<B, 2>) -> Tensor<B, 1> {
        loss::mean(self.loss.generator(fake_logits))
    }

    /// The weighted sum of the penalties that are due at this discriminator step, `[1]`, or
    /// `None` if none is, with the state for the next step.
    pub fn penalty<B, D>(
        &self,
        mut state: ObjectiveState<B>,
        discriminator: &D,
        real: &SampleOf<D, B>,
        condition: &ConditionOf<D, B>,
    ) -> (Option<Tensor<B, 1>>, ObjectiveState<B>)
    where
        B: AutodiffBackend,
        D: TrainableDiscriminator<B>,
    {
        let step = state.discriminator_steps;
        state.discriminator_steps += 1;
        let sum = self
            .penalties
            .iter()
            .filter(|penalty| penalty.is_due(step))
            .map(|penalty| penalty.evaluate(discriminator, real, condition))
            .reduce(|sum, penalty| sum + penalty);
        (sum, state)
    }
}
