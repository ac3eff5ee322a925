//! What settings alone tell.

use super::Warning;
use crate::error::{Error, Result};
use crate::network::Network;
use crate::objective::Pairing;
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

/// Styles can be mixed where there are some.
pub(super) fn mixing(config: &TrainerConfig, has_styles: bool) -> Result<()> {
    if config.style_mixing > 0.0 && !has_styles {
        return Err(Error::setting(
            "style_mixing",
            config.style_mixing,
            "needs a generator with a style space (`Generator::style_space`); leave it at 0",
        ));
    }
    Ok(())
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
    let provided_for = (config.objective.terms.iter())
        .any(|term| term.weight != 0.0 && term.kind.info().helps_small_data())
        || config.objective.augment.is_some()
        || config.objective.augment_real.is_some();
    (samples < SMALL && !provided_for).then_some(Warning::SmallDataSet { samples })
}

pub(super) fn norms_under_penalties(config: &TrainerConfig, norms: &[String]) -> Option<Warning> {
    let mut terms = config.objective.terms.iter();
    let term = terms
        .find(|term| term.weighs_on(Network::Discriminator) && term.kind.info().is_per_sample())?;
    (!norms.is_empty()).then(|| Warning::BatchNormUnderPenalty {
        layers: norms.to_vec(),
        penalty: term.kind.info().name().to_owned(),
    })
}

/// A loss whose discriminator must be kept smooth, without anything that does it.
pub(super) fn nothing_keeps_smooth(config: &TrainerConfig, spectral: bool) -> Option<Warning> {
    let objective = &config.objective;
    let needs = objective.loss.info().needs_smooth();
    // Whatever it is: a custom term may be the one.
    let mut terms = objective.terms.iter();
    let penalised = terms.any(|term| term.weighs_on(Network::Discriminator));
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
    for term in objective.terms.iter().filter(|term| term.weight != 0.0) {
        let info = term.kind.info();
        if info.is_of_the_whole_batch() {
            found.push(format!("objective.terms.{}", info.name()));
        }
    }
    if objective.top_k.is_some() {
        found.push("objective.top_k".to_owned());
    }
    found
}
