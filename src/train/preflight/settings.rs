//! What settings alone tell.

use super::Warning;
use crate::error::{Error, Result};
use crate::network::Network;
use crate::objective::{Loss, Pairing, PenaltyKind};
use crate::step::OptimizerConfig;
use crate::train::TrainerConfig;

/// Data sets below this many samples are learnt by heart.
const SMALL: usize = 1_000;

/// How many samples a pass of a network sees: the sizes that come up in the first epoch, the
/// usual one first.
pub(super) fn parts(config: &TrainerConfig, batches: &[Vec<usize>]) -> Result<Vec<usize>> {
    let micro_batches = config.micro_batches.max(1);
    let mut parts = Vec::new();
    // Only the last batch can be another than the first.
    for batch in batches.first().into_iter().chain(batches.last()) {
        if !batch.len().is_multiple_of(micro_batches) {
            let size = batch.len();
            let problem = if size == config.batches.batch_size {
                format!("must divide the batch size, {size}")
            } else {
                format!(
                    "must divide the last batch of an epoch too, of {size} samples; drop short \
                     batches (`batches.last` = `drop`)"
                )
            };
            return Err(Error::setting("micro_batches", micro_batches, problem));
        }
        let part = batch.len() / micro_batches;
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    Ok(parts)
}

pub(super) fn clipping_with_momentum(config: &TrainerConfig) -> Option<Warning> {
    let limit = config.objective.weight_clipping?;
    let (setting, value) = match config.discriminator_optimizer {
        OptimizerConfig::Adam { beta_1, .. } | OptimizerConfig::AdamW { beta_1, .. } => {
            ("beta_1", f64::from(beta_1))
        }
        OptimizerConfig::Sgd { momentum, .. } => ("momentum", momentum),
    };
    (value > 0.0).then(|| Warning::ClippingWithMomentum {
        limit,
        setting: format!("discriminator_optimizer.{setting}"),
        value,
    })
}

pub(super) fn small_data_set(config: &TrainerConfig, samples: usize) -> Option<Warning> {
    let penalties = &config.objective.penalties;
    let provided_for = penalties.iter().any(|penalty| {
        penalty.weight != 0.0
            && matches!(
                penalty.kind,
                PenaltyKind::LeCam { .. }
                    | PenaltyKind::Consistency { .. }
                    | PenaltyKind::BalancedConsistency { .. }
            )
    });
    (samples < SMALL && !provided_for).then_some(Warning::SmallDataSet { samples })
}

pub(super) fn norms_under_penalties(config: &TrainerConfig, norms: &[String]) -> Option<Warning> {
    let per_sample = |penalty: &&crate::objective::Penalty| {
        penalty.weight != 0.0
            && penalty.kind.is_per_sample()
            && penalty.kind.acts_on(Network::Discriminator)
    };
    let penalty = config.objective.penalties.iter().find(per_sample)?;
    (!norms.is_empty()).then(|| Warning::BatchNormUnderPenalty {
        layers: norms.to_vec(),
        penalty: penalty.kind.name().to_owned(),
    })
}

/// A loss whose discriminator must be kept smooth, without anything that does it.
pub(super) fn nothing_keeps_smooth(config: &TrainerConfig, spectral: bool) -> Option<Warning> {
    let objective = &config.objective;
    let needs = matches!(objective.loss, Loss::Hinge | Loss::Wasserstein);
    // Whatever it is: a penalty of one's own may be the one.
    let penalised = objective
        .penalties
        .iter()
        .any(|penalty| penalty.weight != 0.0 && penalty.kind.acts_on(Network::Discriminator));
    let kept = spectral || penalised || objective.weight_clipping.is_some();
    (needs && !kept).then(|| Warning::NothingKeepsSmooth {
        loss: objective.loss.label(),
    })
}

/// What the objective takes over a batch as a whole, by the settings' names.
pub(super) fn over_a_batch(config: &TrainerConfig) -> Vec<String> {
    let objective = &config.objective;
    let mut found = Vec::new();
    if objective.pairing == Pairing::Average {
        found.push("objective.pairing".to_owned());
    }
    for penalty in objective.penalties.iter().filter(|p| p.weight != 0.0) {
        // Running means; the spread of the real batch.
        if let PenaltyKind::LeCam { .. }
        | PenaltyKind::Dragan { .. }
        | PenaltyKind::PathLength { .. } = penalty.kind
        {
            found.push(format!("objective.penalties.{}", penalty.kind.name()));
        }
    }
    if objective.top_k.is_some() {
        found.push("objective.top_k".to_owned());
    }
    if objective.feature_matching.is_some() {
        found.push("objective.feature_matching".to_owned());
    }
    found
}
