//! Top-k: the generator learns from its best samples only.

use burn::tensor::backend::Backend;
use burn::tensor::{Bool, Int, Tensor, TensorData};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::process::Across;
use crate::settings::settings;

settings! {
/// Top-k updates: the generator's loss counts only the samples with the largest logits.
///
/// ```text
/// share_t = max(floor, decayᵗ),    k_t = max(1, round(share_t·batch))
/// ```
///
/// t counts generator steps; a sample's logit is the mean over its patches. Bad samples often
/// have gradients that lead away from the data; leaving them out late in training helps.
///
/// Sinha, Zhao, Goyal, Raffel, Odena 2020, *Top-k training of GANs*, arXiv:2002.06224. There the
/// share falls by 1 % an epoch down to ½.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TopK {
    /// The share of the batch that is left in the end, in (0, 1].
    pub floor: f64,
    /// The factor on the share at each generator step, in (0, 1].
    pub decay: f64,
}
}

impl TopK {
    /// Down to `floor` of the batch, the share falling by the factor `decay` at each step.
    pub fn new(floor: f64, decay: f64) -> Self {
        Self { floor, decay }
    }

    /// How many of `batch` samples count at generator step `step` (from 0).
    pub fn count(&self, step: u64, batch: usize) -> usize {
        let share = self.decay.powf(step as f64).max(self.floor);
        ((share * batch as f64).round() as usize).clamp(1, batch)
    }

    pub(super) fn validate(&self) -> Result<()> {
        for (field, value) in [("top_k.floor", self.floor), ("top_k.decay", self.decay)] {
            if !(value > 0.0 && value <= 1.0) {
                return Err(Error::setting(
                    field,
                    value,
                    "must be above 0 and at most 1",
                ));
            }
        }
        Ok(())
    }
}

/// The indices of the `count` rows with the largest mean, `[count]`.
pub(super) fn best_rows<B: Backend>(logits: Tensor<B, 2>, count: usize) -> Tensor<B, 1, Int> {
    let scores = logits.detach().mean_dim(1);
    let (_, indices) = scores.topk_with_indices(count, 0);
    indices.reshape([count])
}

/// Which of this process' rows, `[rows, 1]`, are not among the `count` ones with the largest mean of
/// all processes'. Of equal ones the first count.
pub(super) fn left_out<B: Backend>(
    logits: Tensor<B, 2>,
    count: usize,
    across: &Across<'_>,
) -> Tensor<B, 2, Bool> {
    let device = logits.device();
    let own: Vec<f64> = logits.detach().mean_dim(1).into_data().iter().collect();
    let all = across.rows(&own);
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by(|a, b| all[*b].total_cmp(&all[*a]));
    let mut left_out = vec![true; all.len()];
    for best in order.into_iter().take(count) {
        left_out[best] = false;
    }
    let first = across.first_row(own.len());
    let own = left_out[first..first + own.len()].to_vec();
    let rows = own.len();
    Tensor::from_data(TensorData::new(own, [rows, 1]), &device)
}
