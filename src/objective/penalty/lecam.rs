//! The LeCam penalty.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::Memory;
use crate::objective::loss::mean;

/// LeCam regularisation: each side's logits are drawn towards a running mean of the other's.
///
/// ```text
/// α_R ← d·α_R + (1 − d)·E r,     α_F ← d·α_F + (1 − d)·E f
/// penalty = E (r − α_F)² + E (f − α_R)²
/// ```
///
/// r and f are real and generated logits, `[batch, patches]`; d is `decay`. The memory holds α_R
/// and α_F, which start at the first batch's means.
///
/// Tseng, Jiang, Liu, Yang, Yang 2021, *Regularizing generative adversarial networks under limited
/// data*, arXiv:2104.03310.
pub(super) fn lecam<B: Backend>(
    real_logits: &Tensor<B, 2>,
    fake_logits: &Tensor<B, 2>,
    decay: f64,
    memory: &mut Memory<B>,
) -> Tensor<B, 1> {
    let now = [real_logits, fake_logits].map(|logits| mean(logits.clone()).detach());
    let anchors = match memory.as_slice() {
        [real, fake] => {
            let moved = |old: &Tensor<B, 1>, new: &Tensor<B, 1>| {
                old.clone().mul_scalar(decay) + new.clone().mul_scalar(1.0 - decay)
            };
            [moved(real, &now[0]), moved(fake, &now[1])]
        }
        _ => now,
    };
    let distance = |logits: &Tensor<B, 2>, anchor: &Tensor<B, 1>| {
        let anchor: Tensor<B, 2> = anchor.clone().unsqueeze();
        mean((logits.clone() - anchor).square())
    };
    let [real, fake] = &anchors;
    let penalty = distance(real_logits, fake) + distance(fake_logits, real);
    *memory = anchors.into();
    penalty
}
