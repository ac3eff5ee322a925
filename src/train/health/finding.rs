//! What a health check found.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::network::Network;
use crate::report::Severity;

/// Something that is wrong with a run.
///
/// Its `Display` is one plain line: step, title, numbers, and what to try first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The step, from 1, after which the check was made.
    pub step: u64,
    /// What was found.
    pub kind: FindingKind,
}

/// What was found, with the numbers that show it. All of them are finite.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FindingKind {
    /// A loss or a penalty is not finite.
    NonFiniteLoss {
        /// The first that was not, in the order in which a step computes them.
        which: LossPart,
        /// The first step, from 1, in which it was not.
        step: u64,
        /// What it was.
        value: NonFinite,
        /// Samples of that step that hold a number that is not finite, by their places in the data
        /// set, counted from 0; of very many the first [`NAMED`](Self::NAMED).
        #[serde(default)]
        samples: Vec<usize>,
    },
    /// A gradient is not finite, or too large to be squared.
    NonFiniteGradient {
        /// Whose gradient.
        network: Network,
        /// The first such parameter, in the module's order.
        parameter: String,
        /// How many parameters have such a gradient.
        parameters: usize,
        /// What the sum of squares of the first one's gradient was.
        value: NonFinite,
    },
    /// Weights are not finite.
    NonFiniteWeight {
        /// The first such parameter.
        parameter: String,
        /// How many parameters hold such a number.
        parameters: usize,
    },
    /// A loss or a penalty is far larger than usual.
    LossExplosion {
        /// Which.
        which: LossPart,
        /// The first step, from 1, in which it was.
        step: u64,
        /// Its value in that step.
        value: f64,
        /// Its usual size.
        usual: f64,
    },
    /// A network's gradients are far larger than usual.
    GradientExplosion {
        /// Whose gradients.
        network: Network,
        /// Their norm.
        norm: f64,
        /// Their usual norm.
        usual: f64,
        /// norm / usual.
        ratio: f64,
    },
    /// A network's gradients are next to nothing.
    GradientVanishing {
        /// Whose gradients.
        network: Network,
        /// Their norm.
        norm: f64,
        /// Their usual norm; 0 if they have been nothing from the first check on.
        usual: f64,
    },
    /// The discriminator tells all real samples from all generated ones, and is sure of it.
    DiscriminatorSaturated {
        /// The area under its ROC curve.
        separated: f64,
        /// The lower bound on JS(p_data ‖ p_g) that its logits show, in nats.
        js_lower_bound: f64,
        /// At how many checks in a row.
        checks: u32,
    },
    /// Generated samples hardly differ from each other.
    GeneratorCollapse {
        /// The mean squared distance between generated samples.
        fake: f64,
        /// The same between real samples.
        real: f64,
        /// fake / real.
        ratio: f64,
    },
    /// The discriminator takes real samples that it does not know for generated ones.
    DiscriminatorOverfitting {
        /// r_v of the means below.
        gap: f64,
        /// The mean logit of real samples that it is trained on, over the last readings.
        training: f64,
        /// That of real samples that it has never seen.
        held_out: f64,
        /// That of generated samples.
        fake: f64,
    },
    /// The discriminator's loss has never been below what guessing costs.
    DiscriminatorStalled {
        /// The mean loss of about the last 100 steps, without penalties.
        loss: f64,
        /// The loss of a discriminator that gives every sample one logit.
        guessing: f64,
        /// The mean logit of real samples.
        real_logit: f64,
        /// The mean logit of generated samples.
        fake_logit: f64,
    },
    /// Losses are beyond all measure and samples have nothing of the data's diversity, or the
    /// generator draws one sample and can't come back.
    Diverged {
        /// How many times its size in the first step a loss is, or has been.
        times: f64,
        /// The norm of the generator's gradients.
        gradient: Option<f64>,
        /// The mean squared distance between generated samples, divided by that between real ones.
        ratio: f64,
        /// At how many checks in a row.
        checks: u32,
    },
    /// Something that was found has not been seen for some checks.
    Passed {
        /// The name of the finding: `generator_collapse`, …
        what: String,
        /// Whose, where there is one for each network.
        network: Option<Network>,
        /// The step after which it was last told.
        told: u64,
    },
    /// A number that an evaluator measures stays worse than it was.
    MeasurementWorsened {
        /// Its name.
        name: String,
        /// Its value.
        value: f64,
        /// Its best value.
        best: f64,
        /// The step that the best value was measured in.
        step: u64,
        /// For how many evaluations in a row.
        evaluations: u32,
    },
    /// The modes that are drawn are narrower than the data's: collapsed inside.
    ModesTooNarrow {
        /// The mean spread within modes, 1 for that of the data.
        spread: f64,
        /// The spread below which modes are too narrow.
        least: f64,
        /// At how many evaluations in a row.
        evaluations: u32,
    },
    /// The process takes ever more memory.
    MemoryGrowth {
        /// Memory at the beginning of the growth, in bytes.
        from_bytes: u64,
        /// Memory now, in bytes.
        to_bytes: u64,
        /// Steps between the two.
        steps: u64,
    },
}

impl FindingKind {
    /// Samples that a finding names at most.
    pub const NAMED: usize = 16;
}

/// One of the four numbers that a step minimises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LossPart {
    /// The discriminator's loss without penalties.
    Discriminator,
    /// The discriminator's weighted penalties.
    DiscriminatorPenalty,
    /// The generator's loss without penalties.
    Generator,
    /// The generator's weighted penalties.
    GeneratorPenalty,
}

impl fmt::Display for LossPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Discriminator => "the discriminator's loss",
            Self::DiscriminatorPenalty => "the discriminator's penalty",
            Self::Generator => "the generator's loss",
            Self::GeneratorPenalty => "the generator's penalty",
        })
    }
}

/// A number that is not finite, in a form that JSON can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NonFinite {
    /// Not a number.
    Nan,
    /// +∞.
    Infinity,
    /// −∞.
    NegativeInfinity,
}

impl NonFinite {
    /// What `value` is; `None` if it is finite.
    pub fn of(value: f64) -> Option<Self> {
        if value.is_nan() {
            Some(Self::Nan)
        } else if value == f64::INFINITY {
            Some(Self::Infinity)
        } else if value == f64::NEG_INFINITY {
            Some(Self::NegativeInfinity)
        } else {
            None
        }
    }
}

impl fmt::Display for NonFinite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nan => "NaN",
            Self::Infinity => "infinite",
            Self::NegativeInfinity => "minus infinite",
        })
    }
}

impl Finding {
    /// Its identifier, in snake case, for files and filters.
    pub fn name(&self) -> &'static str {
        match self.kind {
            FindingKind::NonFiniteLoss { .. } => "non_finite_loss",
            FindingKind::NonFiniteGradient { .. } => "non_finite_gradient",
            FindingKind::NonFiniteWeight { .. } => "non_finite_weight",
            FindingKind::LossExplosion { .. } => "loss_explosion",
            FindingKind::GradientExplosion { .. } => "gradient_explosion",
            FindingKind::GradientVanishing { .. } => "gradient_vanishing",
            FindingKind::DiscriminatorSaturated { .. } => "discriminator_saturated",
            FindingKind::GeneratorCollapse { .. } => "generator_collapse",
            FindingKind::DiscriminatorOverfitting { .. } => "discriminator_overfitting",
            FindingKind::MeasurementWorsened { .. } => "measurement_worsened",
            FindingKind::MemoryGrowth { .. } => "memory_growth",
            FindingKind::ModesTooNarrow { .. } => "modes_too_narrow",
            FindingKind::DiscriminatorStalled { .. } => "discriminator_stalled",
            FindingKind::Diverged { .. } => "diverged",
            FindingKind::Passed { .. } => "passed",
        }
    }

    /// How bad it is.
    pub fn severity(&self) -> Severity {
        match self.kind {
            FindingKind::NonFiniteLoss { .. }
            | FindingKind::NonFiniteGradient { .. }
            | FindingKind::NonFiniteWeight { .. }
            | FindingKind::Diverged { .. } => Severity::Error,
            FindingKind::DiscriminatorSaturated { .. } | FindingKind::Passed { .. } => {
                Severity::Info
            }
            FindingKind::LossExplosion { .. }
            | FindingKind::GradientExplosion { .. }
            | FindingKind::GradientVanishing { .. }
            | FindingKind::GeneratorCollapse { .. }
            | FindingKind::DiscriminatorOverfitting { .. }
            | FindingKind::DiscriminatorStalled { .. }
            | FindingKind::MeasurementWorsened { .. }
            | FindingKind::ModesTooNarrow { .. }
            | FindingKind::MemoryGrowth { .. } => Severity::Warning,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "step {}: {}: {}",
            self.step,
            self.title(),
            self.evidence()
        )?;
        match self.hint() {
            "" => Ok(()),
            hint => write!(f, "; {hint}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_not_finite_is_called_what_it_is() {
        assert_eq!(NonFinite::of(f64::NAN), Some(NonFinite::Nan));
        assert_eq!(NonFinite::of(f64::INFINITY), Some(NonFinite::Infinity));
        assert_eq!(
            NonFinite::of(f64::NEG_INFINITY),
            Some(NonFinite::NegativeInfinity)
        );
        assert_eq!(NonFinite::of(f64::MAX), None);
    }

    #[test]
    fn a_finding_is_one_line() {
        let finding = Finding {
            step: 10,
            kind: FindingKind::NonFiniteLoss {
                which: LossPart::Generator,
                step: 7,
                value: NonFinite::Nan,
                samples: Vec::new(),
            },
        };
        assert_eq!(
            finding.to_string(),
            "step 10: loss not finite: the generator's loss is NaN since step 7; try smaller learning \
             rates from the last checkpoint on"
        );
    }

    #[test]
    fn a_finding_survives_json() {
        let finding = Finding {
            step: 10,
            kind: FindingKind::NonFiniteGradient {
                network: Network::Discriminator,
                parameter: "layers.0.weight".to_owned(),
                parameters: 3,
                value: NonFinite::Infinity,
            },
        };
        let json = serde_json::to_string(&finding).unwrap();
        assert!(json.contains(r#""non_finite_gradient""#), "{json}");
        assert_eq!(serde_json::from_str::<Finding>(&json).unwrap(), finding);
    }
}
