//! The average pairing where a batch lies in several processes.
//!
//! Each process' cost c_s has the means M of all logits in it, of which it has a part:
//!
//! ```text
//! d/dθ mean over s of c_s(logits_s, M)
//!   = mean over s of (∂c_s/∂logits_s · dlogits_s/dθ + g · dm_s/dθ),   g = mean over s of ∂c_s/∂M
//! ```
//!
//! So two sums of two numbers are enough: of the means, and of the slopes with respect to them, which are
//! found on a tape of their own from the logits up.

use burn::tensor::Tensor;
use burn::tensor::backend::AutodiffBackend;

use super::Objective;
use super::loss::{AdversarialLoss, mean};
use super::pairing::{average_discriminator_loss, average_generator_loss};
use crate::process::Across;

/// [`Pairing::Average`](super::Pairing::Average) for the discriminator, `[1]`: its mean over processes is
/// the whole batch's loss.
pub(super) fn discriminator_loss<B: AutodiffBackend>(
    objective: &Objective,
    real: Tensor<B, 2>,
    fake: Tensor<B, 2>,
    across: &Across<'_>,
) -> Tensor<B, 1> {
    objective.with_costs(|loss| {
        over([real, fake], across, |logits, means| {
            average_discriminator_loss(loss, logits, means)
        })
    })
}

/// The same for the generator; `best` picks the costs of generated samples that count.
pub(super) fn generator_loss<B: AutodiffBackend>(
    loss: &dyn AdversarialLoss<B>,
    logits: [Tensor<B, 2>; 2],
    best: impl Fn(Tensor<B, 2>) -> Tensor<B, 2>,
    across: &Across<'_>,
) -> Tensor<B, 1> {
    over(logits, across, |logits, means| {
        average_generator_loss(loss, logits, means, &best)
    })
}

/// A cost of real and generated logits and of the means of both over all processes.
fn over<B: AutodiffBackend>(
    logits: [Tensor<B, 2>; 2],
    across: &Across<'_>,
    cost: impl Fn([Tensor<B, 2>; 2], [Tensor<B, 2>; 2]) -> Tensor<B, 1>,
) -> Tensor<B, 1> {
    let own = Tensor::cat(logits.clone().map(mean).to_vec(), 0);
    let all = across.mean(own.clone());
    let sides =
        |means: Tensor<B, 1>| [0, 1].map(|side| means.clone().narrow(0, side, 1).unsqueeze());
    let at = Tensor::<B, 1>::from_inner(all.clone().inner()).require_grad();
    let still = logits.clone().map(Tensor::detach);
    let gradients = cost(still, sides(at.clone())).backward();
    let slope = match at.grad(&gradients) {
        Some(slope) => Tensor::from_inner(slope),
        None => all.zeros_like(),
    };
    cost(logits, sides(all)) + across.mean_in_own_cost(own, slope)
}
