//! The numbers of a step, each by its name.

use std::borrow::Cow;

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use super::{StepEvent, TrainerConfig};
use crate::divergence::js_lower_bound;
use crate::pair::Pair;
use crate::readback::scalar;

/// A number with its name, and the step that it was measured in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measurement {
    /// What was measured.
    pub name: Cow<'static, str>,
    /// The number; not finite where there was none to be had.
    pub value: f64,
    /// The steps made when it was measured.
    pub step: u64,
}

/// All numbers of a step: its own, by the names below, and the newest of each
/// [`Evaluator`](super::Evaluator) of the run, by the names that they have there.
///
/// ```text
/// discriminator_loss   the adversarial loss of the last discriminator step
/// generator_loss       the adversarial loss of the generator step
/// discriminator_terms  the weighted terms of the discriminator step, where some were due
/// generator_terms      the weighted terms of the generator step, where some were due
/// js_lower_bound       the lower bound on JS(p_data ‖ p_g) that the logits show, in nats
/// real_logit           the mean logit of the last discriminator step's real samples
/// fake_logit           the mean logit of its generated samples
/// augmentation         the probability of augmentation, where it adapts or a ramp moves it
/// discriminator_rate   the discriminator's learning rate, schedule and ramps applied
/// generator_rate       the generator's learning rate, schedule and ramps applied
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    /// Steps made.
    pub step: u64,
    /// The step's own numbers, then those of evaluators, which may be of earlier steps.
    pub numbers: Vec<Measurement>,
}

/// A number that every step has of its own.
struct Own {
    name: &'static str,
    /// The chart that it is drawn in, and its line there.
    chart: (&'static str, &'static str),
}

const fn own(name: &'static str, chart: &'static str, line: &'static str) -> Own {
    Own {
        name,
        chart: (chart, line),
    }
}

/// The numbers of a step, in the order in which they are told.
const OWN: [Own; 10] = [
    own("discriminator_loss", "loss", "discriminator"),
    own("generator_loss", "loss", "generator"),
    own("discriminator_terms", "weighted terms", "discriminator"),
    own("generator_terms", "weighted terms", "generator"),
    own("js_lower_bound", "lower bound on JS, nats", "of the batch"),
    own("real_logit", "mean logit", "real samples"),
    own("fake_logit", "mean logit", "generated samples"),
    own("augmentation", "probability of augmentation", "in force"),
    own("discriminator_rate", "learning rate", "discriminator"),
    own("generator_rate", "learning rate", "generator"),
];

/// Names that stand for something else beside a run's numbers, in logs and reports.
const TAKEN: [&str; 9] = [
    "step", "seconds", "samples", "measured", "notice", "text", "steps", "digest", "unsaved",
];

/// Whether a step has a number of this name of its own.
pub(super) fn is_of_the_step(name: &str) -> bool {
    OWN.iter().any(|own| own.name == name)
}

/// Whether a number of an evaluator can't have this name.
pub(super) fn is_taken(name: &str) -> bool {
    is_of_the_step(name) || TAKEN.contains(&name)
}

/// The chart that a number is drawn in, and its line there; what an evaluator measures has a chart
/// of its own.
pub(super) fn chart_of(name: &str) -> (&str, &str) {
    let own = OWN.iter().find(|own| own.name == name);
    own.map_or((name, name), |own| own.chart)
}

/// A map of `step` and the numbers by their names.
impl Serialize for Reading {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1 + self.numbers.len()))?;
        map.serialize_entry("step", &self.step)?;
        for number in &self.numbers {
            map.serialize_entry(&number.name, &number.value)?;
        }
        map.end()
    }
}

/// The fixed probability of augmentation, where a ramp moves it.
fn ramped_probability(config: &TrainerConfig) -> Option<f64> {
    let mut ramps = config.ramps.iter();
    let moves = ramps.any(|ramp| ramp.setting.starts_with("objective.augment."));
    let augment = config.objective.augment.as_ref().filter(|_| moves)?;
    augment.fixed_probability()
}

impl Reading {
    /// Reads the step's numbers; waits for the device.
    pub(super) fn of<P: Pair>(event: &StepEvent<'_, P>) -> Self {
        let (outcome, config) = (event.outcome, event.config);
        let (real, fake) = (&outcome.real.logits, &outcome.fake.logits);
        let value = |name: &str| match name {
            "discriminator_loss" => Some(scalar(&outcome.discriminator_loss)),
            "generator_loss" => Some(scalar(&outcome.generator_loss)),
            "discriminator_terms" => outcome.discriminator_terms.as_ref().map(scalar),
            "generator_terms" => outcome.generator_terms.as_ref().map(scalar),
            "js_lower_bound" => Some(scalar(&js_lower_bound(real.clone(), fake.clone()))),
            "real_logit" => Some(scalar(&real.clone().mean())),
            "fake_logit" => Some(scalar(&fake.clone().mean())),
            "augmentation" => match &outcome.augmentation {
                Some(adapted) => Some(scalar(adapted)),
                None => ramped_probability(config),
            },
            "discriminator_rate" => {
                Some(config.discriminator_optimizer.learning_rate() * event.rates.discriminator)
            }
            "generator_rate" => {
                Some(config.generator_optimizer.learning_rate() * event.rates.generator)
            }
            _ => None,
        };
        let step = event.step;
        let numbers = OWN.iter().filter_map(|own| {
            Some(Measurement {
                name: Cow::Borrowed(own.name),
                value: value(own.name)?,
                step,
            })
        });
        Self {
            step,
            numbers: numbers.chain(event.measurements.iter().cloned()).collect(),
        }
    }

    /// The number of this name, whatever step it is of; `None` where there is none.
    pub fn get(&self, name: &str) -> Option<f64> {
        newest(&self.numbers, name).map(|number| number.value)
    }
}

/// The number of this name.
pub(super) fn newest<'a>(numbers: &'a [Measurement], name: &str) -> Option<&'a Measurement> {
    numbers.iter().find(|number| number.name == name)
}

/// Puts a number in the place of an older one of its name.
pub(super) fn renew(numbers: &mut Vec<Measurement>, number: Measurement) {
    match numbers.iter_mut().find(|old| old.name == number.name) {
        Some(old) => *old = number,
        None => numbers.push(number),
    }
}
