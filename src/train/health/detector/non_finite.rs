//! Losses, gradients and weights that are not finite.

use serde::{Deserialize, Serialize};

use super::losses::parts;
use super::onset::{Now, Onset};
use crate::network::Network;
use crate::train::health::finding::{FindingKind, NonFinite};
use crate::train::health::signs::{GradientReading, LossReading, VitalSigns};

/// What has been told of numbers that are not finite.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::train::health) struct NonFiniteState {
    pub(in crate::train::health) losses: Onset,
    pub(in crate::train::health) generator: Onset,
    pub(in crate::train::health) discriminator: Onset,
    pub(in crate::train::health) weights: Onset,
}

impl NonFiniteState {
    pub(in crate::train::health) fn check(
        &mut self,
        signs: &VitalSigns,
        now: Now,
        kinds: &mut Vec<FindingKind>,
    ) {
        let loss = signs
            .losses
            .iter()
            .find_map(|reading| first_loss(reading, &signs.spoilt_samples));
        let gradient = |network, reading: &Option<GradientReading>| {
            let reading = reading.as_ref()?;
            first_gradient(network, reading)
        };
        let generator = gradient(Network::Generator, &signs.generator_gradients);
        let discriminator = gradient(Network::Discriminator, &signs.discriminator_gradients);
        let weights = signs
            .weights
            .first()
            .map(|parameter| FindingKind::NonFiniteWeight {
                parameter: parameter.clone(),
                parameters: signs.weights.len(),
            });
        for (onset, found) in [
            (&mut self.losses, loss),
            (&mut self.discriminator, discriminator),
            (&mut self.generator, generator),
            (&mut self.weights, weights),
        ] {
            if onset.note(found.is_some(), 1, now) {
                kinds.extend(found);
            }
        }
    }
}

fn first_loss(reading: &LossReading, samples: &[usize]) -> Option<FindingKind> {
    parts(reading).into_iter().find_map(|(which, value)| {
        Some(FindingKind::NonFiniteLoss {
            which,
            step: reading.step,
            value: NonFinite::of(value?)?,
            samples: samples.iter().take(FindingKind::NAMED).copied().collect(),
        })
    })
}

fn first_gradient(network: Network, reading: &GradientReading) -> Option<FindingKind> {
    let squares = &reading.squared_norms;
    let (first, value) = squares
        .iter()
        .enumerate()
        .find_map(|(i, square)| Some((i, NonFinite::of(*square)?)))?;
    Some(FindingKind::NonFiniteGradient {
        network,
        parameter: reading.names.get(first).cloned().unwrap_or_default(),
        parameters: squares.iter().filter(|square| !square.is_finite()).count(),
        value,
    })
}
