//! The watch: signs in, findings out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::config::HealthConfig;
use super::detector::{
    CollapseState, DivergenceState, GradientState, LossState, MemoryState, NarrowModesState,
    NonFiniteState, Now, Onset, OverfittingState, SaturationState, StallState, WorseningState,
};
use super::finding::{Finding, FindingKind};
use super::policy::Policy;
use super::signs::{GradientReading, VitalSigns};
use crate::error::Result;
use crate::network::Network;

/// Judges the numbers of a run, check by check.
///
/// A condition is found when it begins, and anew every [`HealthConfig::repeat`] steps while it
/// lasts. It counts as gone once 5 checks in a row don't show it, which is a finding too
/// ([`FindingKind::Passed`]); if it comes back after that, it is found again. A check costs
/// microseconds, and what is remembered from check to check has a fixed size.
///
/// ```
/// use burn_gan::train::health::{DiversityReading, HealthConfig, HealthWatch, VitalSigns};
///
/// let mut watch = HealthWatch::new(HealthConfig::default())?;
/// let mut found = Vec::new();
/// for step in [1, 10, 20, 30, 40, 50] {
///     let signs = VitalSigns {
///         step,
///         diversity: Some(DiversityReading { real: 2.0, fake: 1e-6 }),
///         ..VitalSigns::default()
///     };
///     found.extend(watch.check(&signs));
/// }
/// assert_eq!(found.len(), 1);
/// assert_eq!(found[0].step, 30);
/// assert_eq!(found[0].name(), "generator_collapse");
/// println!("{}\n{}\n{}", found[0], found[0].why(), found[0].advice());
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct HealthWatch {
    config: HealthConfig,
    state: HealthState,
}

/// What a [`HealthWatch`] remembers from check to check: readings that tell what is usual, and
/// what has been found already. Its size is bounded and its numbers are finite.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HealthState {
    non_finite: NonFiniteState,
    losses: LossState,
    generator: GradientState,
    discriminator: GradientState,
    saturation: SaturationState,
    collapse: CollapseState,
    stall: StallState,
    divergence: DivergenceState,
    overfitting: OverfittingState,
    memory: MemoryState,
    narrow_modes: NarrowModesState,
    worsening: BTreeMap<String, WorseningState>,
}

impl HealthWatch {
    /// A watch that has seen nothing yet.
    ///
    /// # Errors
    /// If a setting is wrong ([`HealthConfig::validate`]).
    pub fn new(config: HealthConfig) -> Result<Self> {
        Self::with_state(config, HealthState::default())
    }

    /// A watch that goes on where another has stopped.
    ///
    /// # Errors
    /// If a setting is wrong ([`HealthConfig::validate`]).
    pub fn with_state(config: HealthConfig, state: HealthState) -> Result<Self> {
        config.validate()?;
        Ok(Self { config, state })
    }

    /// The settings.
    pub fn config(&self) -> &HealthConfig {
        &self.config
    }

    /// What a checkpoint stores of it.
    pub fn state(&self) -> &HealthState {
        &self.state
    }

    /// Judges one check's numbers. Findings come in the order in which the things happened: a
    /// loss that is not finite, by its first step, before gradients and weights, and all of these
    /// before what is far from usual.
    ///
    /// Nothing is found that [`Policy::Ignore`] is set for.
    pub fn check(&mut self, signs: &VitalSigns) -> Vec<Finding> {
        let Self { config, state } = self;
        let now = Now {
            step: signs.step,
            repeat: config.repeat,
        };
        let mut kinds = Vec::new();
        state.non_finite.check(signs, now, &mut kinds);
        state
            .losses
            .check(&signs.losses, &config.explosion, now, &mut kinds);
        for (network, gradients, reading) in [
            (
                Network::Discriminator,
                &mut state.discriminator,
                &signs.discriminator_gradients,
            ),
            (
                Network::Generator,
                &mut state.generator,
                &signs.generator_gradients,
            ),
        ] {
            if let Some(reading) = reading {
                gradients.check(network, reading.norm(), config, now, &mut kinds);
            }
        }
        if let Some(reading) = &signs.logits {
            let found = state.saturation.check(reading, &config.saturation, now);
            kinds.extend(found);
        }
        if let Some(reading) = &signs.diversity {
            kinds.extend(state.collapse.check(reading, &config.collapse, now));
        }
        if let Some(guessing) = signs.loss_of_guessing {
            let logits = signs.logits.as_ref();
            let losses = &signs.losses;
            let found = state
                .stall
                .check(losses, logits, guessing, &config.stall, now);
            kinds.extend(found);
        }
        kinds.extend(
            state.divergence.check(
                &signs.losses,
                signs.diversity.as_ref(),
                signs
                    .generator_gradients
                    .as_ref()
                    .map(GradientReading::norm),
                &config.divergence,
                now,
            ),
        );
        if let Some(reading) = &signs.held_out {
            let found = state.overfitting.check(reading, &config.overfitting, now);
            kinds.extend(found);
        }
        if let Some(bytes) = signs.resident_bytes {
            kinds.extend(state.memory.check(bytes, &config.memory, now));
        }
        let narrow = state
            .narrow_modes
            .check(&signs.measurements, &config.narrow_modes, now);
        kinds.extend(narrow);
        state.check_measurements(signs, config, now, &mut kinds);
        kinds.extend(state.passed());
        kinds.retain(|kind| policy_of(config, kind) != Policy::Ignore);
        let step = signs.step;
        let finding = |kind| Finding { step, kind };
        kinds.into_iter().map(finding).collect()
    }

    /// What a run does about a finding.
    pub fn policy(&self, finding: &Finding) -> Policy {
        policy_of(&self.config, &finding.kind)
    }
}

impl HealthState {
    /// Judges the numbers of evaluators that are to be watched, and forgets those that are not.
    fn check_measurements(
        &mut self,
        signs: &VitalSigns,
        config: &HealthConfig,
        now: Now,
        kinds: &mut Vec<FindingKind>,
    ) {
        let watched = |name: &str| {
            let mut worsening = config.worsening.iter();
            worsening.find(|worsening| worsening.name == name && worsening.policy != Policy::Ignore)
        };
        self.worsening.retain(|name, _| watched(name).is_some());
        for number in &signs.measurements {
            if let Some(worsening) = watched(&number.name) {
                let state = self.worsening.entry(worsening.name.clone()).or_default();
                kinds.extend(state.check(number, worsening, now));
            }
        }
    }

    /// What has just come to count as gone.
    fn passed(&mut self) -> Vec<FindingKind> {
        let (generator, discriminator) = (Some(Network::Generator), Some(Network::Discriminator));
        let onsets: [(&str, Option<Network>, &mut Onset); 17] = [
            ("non_finite_loss", None, &mut self.non_finite.losses),
            (
                "non_finite_gradient",
                discriminator,
                &mut self.non_finite.discriminator,
            ),
            (
                "non_finite_gradient",
                generator,
                &mut self.non_finite.generator,
            ),
            ("non_finite_weight", None, &mut self.non_finite.weights),
            ("loss_explosion", None, &mut self.losses.exploded),
            (
                "gradient_explosion",
                discriminator,
                &mut self.discriminator.exploded,
            ),
            (
                "gradient_vanishing",
                discriminator,
                &mut self.discriminator.vanished,
            ),
            (
                "gradient_explosion",
                generator,
                &mut self.generator.exploded,
            ),
            (
                "gradient_vanishing",
                generator,
                &mut self.generator.vanished,
            ),
            (
                "discriminator_saturated",
                None,
                &mut self.saturation.separates,
            ),
            ("generator_collapse", None, &mut self.collapse.collapsed),
            ("discriminator_stalled", None, &mut self.stall.stalls),
            ("diverged", None, &mut self.divergence.diverged),
            ("diverged", None, &mut self.divergence.dead),
            (
                "discriminator_overfitting",
                None,
                &mut self.overfitting.overfits,
            ),
            ("memory_growth", None, &mut self.memory.grows),
            ("modes_too_narrow", None, &mut self.narrow_modes.narrow),
        ];
        let worsening = self.worsening.values_mut();
        let worsening = worsening.map(|state| ("measurement_worsened", None, &mut state.worsens));
        let passed = onsets
            .into_iter()
            .chain(worsening)
            .filter_map(|(what, network, onset)| {
                onset.take_passed().map(|told| FindingKind::Passed {
                    what: what.to_owned(),
                    network,
                    told,
                })
            });
        passed.collect()
    }
}

/// What is done about the findings of a name, in as far as they are told at all.
fn policy_of_name(config: &HealthConfig, name: &str) -> Policy {
    match name {
        "loss_explosion" | "gradient_explosion" => config.explosion.policy,
        "gradient_vanishing" => config.vanishing.policy,
        "discriminator_saturated" => config.saturation.policy,
        "generator_collapse" => config.collapse.policy,
        "discriminator_stalled" => config.stall.policy,
        "diverged" => config.divergence.policy,
        "discriminator_overfitting" => config.overfitting.policy,
        "memory_growth" => config.memory.policy,
        "modes_too_narrow" => config.narrow_modes.policy,
        // What is ignored there is not judged.
        "measurement_worsened" => Policy::Log,
        _ => config.non_finite,
    }
}

fn policy_of(config: &HealthConfig, kind: &FindingKind) -> Policy {
    match kind {
        // Nothing is to be done about what is gone.
        FindingKind::Passed { what, .. } => match policy_of_name(config, what) {
            Policy::Ignore => Policy::Ignore,
            _ => Policy::Log,
        },
        FindingKind::DiscriminatorStalled { .. } => config.stall.policy,
        FindingKind::Diverged { .. } => config.divergence.policy,
        FindingKind::NonFiniteLoss { .. }
        | FindingKind::NonFiniteGradient { .. }
        | FindingKind::NonFiniteWeight { .. } => config.non_finite,
        FindingKind::LossExplosion { .. } | FindingKind::GradientExplosion { .. } => {
            config.explosion.policy
        }
        FindingKind::GradientVanishing { .. } => config.vanishing.policy,
        FindingKind::DiscriminatorSaturated { .. } => config.saturation.policy,
        FindingKind::GeneratorCollapse { .. } => config.collapse.policy,
        FindingKind::DiscriminatorOverfitting { .. } => config.overfitting.policy,
        FindingKind::MemoryGrowth { .. } => config.memory.policy,
        FindingKind::ModesTooNarrow { .. } => config.narrow_modes.policy,
        FindingKind::MeasurementWorsened { name, .. } => {
            let mut worsening = config.worsening.iter();
            let watched = worsening.find(|worsening| worsening.name == *name);
            watched.map_or(Policy::Log, |worsening| worsening.policy)
        }
    }
}
