//! Settings that move over a run.

use std::f64::consts::PI;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::settings::{nearest, settings};

settings! {
/// How a [`Ramp`] goes from one value to the other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Curve {
    /// Half a cosine wave: level at both ends, steepest in the middle.
    #[default]
    Cosine,
    /// A straight line.
    Linear,
}
}

settings! {
/// A floating-point setting that moves from its own value to another while the run goes on, and
/// stays there.
///
/// ```text
/// Cosine:  v(t) = to + ½·(1 + cos(π·t/steps))·(from − to)
/// Linear:  v(t) = to + (1 − t/steps)·(from − to)          t < steps; then v = to
/// ```
///
/// `from` is the setting's value in the run's settings, t counts steps from 0. Values depend on t
/// alone, so that a run that goes on has nothing to restore.
///
/// R3GAN moves learning rates, β₂, γ and the half-life of the generator's average along a cosine:
/// Huang, Gokaslan, Kuleshov, Tompkin 2024, *The GAN is dead; long live the GAN! A modern baseline
/// GAN*, arXiv:2501.05441.
///
/// ```
/// use burn_gan::train::Ramp;
///
/// let ramp = Ramp::cosine("generator_optimizer.beta_2", 0.99, 1_000);
/// assert_eq!(ramp.value(0.9, 0), 0.9);
/// assert!((ramp.value(0.9, 500) - 0.945).abs() < 1e-12);
/// assert_eq!(ramp.value(0.9, 1_000), 0.99);
/// assert_eq!(ramp.value(0.9, 5_000), 0.99);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ramp {
    /// The setting's dotted name, as error messages have it: `generator_optimizer.beta_2`,
    /// `objective.penalties[0].weight`, `ema.images`.
    pub setting: String,
    /// The value at the end.
    pub to: f64,
    /// Steps until it is reached, at least 1.
    pub steps: u64,
    /// The way there; a cosine where settings leave it out.
    #[serde(default)]
    pub curve: Curve,
}
}

impl Ramp {
    /// Along half a cosine wave to `to` in `steps` steps.
    pub fn cosine(setting: impl Into<String>, to: f64, steps: u64) -> Self {
        Self {
            setting: setting.into(),
            to,
            steps,
            curve: Curve::Cosine,
        }
    }

    /// Along a straight line to `to` in `steps` steps.
    pub fn linear(setting: impl Into<String>, to: f64, steps: u64) -> Self {
        Self {
            curve: Curve::Linear,
            ..Self::cosine(setting, to, steps)
        }
    }

    /// The value at `step` (from 0) of a setting that starts at `from`.
    pub fn value(&self, from: f64, step: u64) -> f64 {
        if step >= self.steps {
            return self.to;
        }
        let progress = step as f64 / self.steps as f64;
        let left = match self.curve {
            Curve::Cosine => 0.5 * (1.0 + (PI * progress).cos()),
            Curve::Linear => 1.0 - progress,
        };
        // Exact at step 0.
        left * from + (1.0 - left) * self.to
    }

    /// Checks the end and the steps; whether there is such a setting, the settings know.
    ///
    /// # Errors
    /// If the end is not finite, or there are no steps.
    pub fn validate(&self) -> Result<()> {
        if !self.to.is_finite() {
            return Err(Error::setting("to", self.to, "must be a finite number"));
        }
        if self.steps == 0 {
            return Err(Error::setting(
                "steps",
                0,
                "must be at least 1; a setting that starts at its end needs no ramp",
            ));
        }
        Ok(())
    }
}

/// Settings whose numbers can move: they are stored, changed, and read back.
pub(super) trait Ramped: Clone + Serialize + DeserializeOwned {
    /// Settings that were read back, with what storing them loses (functions that are stored as a
    /// name) from the ones that were stored.
    fn with_functions_of(self, original: &Self) -> Self;

    /// Checks every setting but the ramps.
    ///
    /// # Errors
    /// The first wrong setting, by its dotted name.
    fn check(&self) -> Result<()>;
}

/// The settings of each step.
#[derive(Debug, Clone)]
pub(super) struct Ramps<C> {
    original: C,
    stored: Value,
    moves: Vec<Move>,
}

/// A ramp, where it acts, and where it starts.
#[derive(Debug, Clone)]
struct Move {
    pointer: String,
    from: f64,
    ramp: Ramp,
}

impl<C: Ramped> Ramps<C> {
    /// Finds the setting of each ramp.
    ///
    /// # Errors
    /// If a ramp is wrong in itself, is not of a floating-point setting with a value, is the
    /// second one of its setting, or leads to settings that no run can be made with.
    pub(super) fn new(original: &C, ramps: &[Ramp]) -> Result<Self> {
        let mut found = Self {
            original: original.clone(),
            stored: Value::Null,
            moves: Vec::with_capacity(ramps.len()),
        };
        if ramps.is_empty() {
            return Ok(found);
        }
        found.stored = serde_json::to_value(original).map_err(unstorable)?;
        let leaves = Leaf::all(&found.stored);
        for (index, ramp) in ramps.iter().enumerate() {
            let within = |error: Error| error.within(&format!("ramps[{index}]"));
            ramp.validate().map_err(within)?;
            let refused =
                |problem: String| within(Error::setting("setting", &ramp.setting, problem));
            let (leaf, from) = resolve(&leaves, &ramp.setting).map_err(refused)?;
            if let Some(first) = found.moves.iter().position(|m| m.pointer == leaf.pointer) {
                return Err(refused(format!(
                    "is ramped already, by ramps[{first}]; keep one of the two"
                )));
            }
            found.moves.push(Move {
                pointer: leaf.pointer.clone(),
                from,
                ramp: ramp.clone(),
            });
        }
        for Ramp { steps, .. } in ramps {
            found.at(*steps)?.check().map_err(|error| match error {
                Error::Setting {
                    field,
                    value,
                    problem,
                } => Error::setting(
                    &field,
                    value,
                    format!("{problem}; the ramps bring it there by step {steps}"),
                ),
                other => other,
            })?;
        }
        Ok(found)
    }

    /// The settings at `step` (from 0). At step 0 they are the original ones; without ramps they
    /// always are.
    ///
    /// # Errors
    /// If the settings can't be read back from what they are stored as.
    pub(super) fn at(&self, step: u64) -> Result<C> {
        if self.moves.is_empty() {
            return Ok(self.original.clone());
        }
        let mut stored = self.stored.clone();
        for Move {
            pointer,
            from,
            ramp,
        } in &self.moves
        {
            if let Some(number) = stored.pointer_mut(pointer) {
                // A single-precision setting is exact in double precision, and comes back so.
                *number = Value::from(ramp.value(*from, step));
            }
        }
        let moved: C = serde_json::from_value(stored).map_err(unstorable)?;
        Ok(moved.with_functions_of(&self.original))
    }
}

fn unstorable(error: serde_json::Error) -> Error {
    Error::setting(
        "ramps",
        error,
        "the settings can't be stored and read back, which ramps need; leave the ramps out",
    )
}

/// Groups of settings that no ramp moves: the ramps themselves, the watch, which compares, and what
/// holds for the run as a whole.
const STILL: [&str; 3] = ["ramps", "health", "limits"];

/// A setting without settings in it.
#[derive(Debug)]
struct Leaf<'a> {
    name: String,
    pointer: String,
    value: &'a Value,
}

impl<'a> Leaf<'a> {
    /// All but those that stay.
    fn all(settings: &'a Value) -> Vec<Self> {
        let mut leaves = Vec::new();
        Self::collect(settings, String::new(), String::new(), &mut leaves);
        leaves
    }

    fn collect(value: &'a Value, name: String, pointer: String, leaves: &mut Vec<Self>) {
        match value {
            Value::Object(fields) => {
                for (key, inner) in fields {
                    let name = match name.as_str() {
                        "" if STILL.contains(&key.as_str()) => continue,
                        "" => key.clone(),
                        outer => format!("{outer}.{key}"),
                    };
                    // RFC 6901: `~` and `/` are escaped.
                    let key = key.replace('~', "~0").replace('/', "~1");
                    Self::collect(inner, name, format!("{pointer}/{key}"), leaves);
                }
            }
            Value::Array(items) => {
                for (index, inner) in items.iter().enumerate() {
                    let name = format!("{name}[{index}]");
                    Self::collect(inner, name, format!("{pointer}/{index}"), leaves);
                }
            }
            _ => leaves.push(Self {
                name,
                pointer,
                value,
            }),
        }
    }

    fn number(&self) -> Option<f64> {
        match self.value {
            Value::Number(number) if number.is_f64() => number.as_f64(),
            _ => None,
        }
    }
}

/// The floating-point setting of that name and its value; otherwise what is wrong with the name.
fn resolve<'a, 'b>(
    leaves: &'a [Leaf<'b>],
    setting: &str,
) -> std::result::Result<(&'a Leaf<'b>, f64), String> {
    if STILL.iter().any(|group| is_within(setting, group)) {
        return Err("belongs to what stays as it is over a run; ramp another setting".to_owned());
    }
    if let Some(off) = leaves
        .iter()
        .find(|leaf| leaf.value.is_null() && is_within(setting, &leaf.name))
    {
        return Err(format!(
            "has no value to start from: `{}` is off; give it one in the settings",
            off.name
        ));
    }
    let Some(leaf) = leaves.iter().find(|leaf| leaf.name == setting) else {
        return Err(format!("is no number; {}", suggestion(leaves, setting)));
    };
    match (leaf.number(), leaf.value) {
        (Some(from), _) => Ok((leaf, from)),
        (None, Value::Number(whole)) => Err(format!(
            "is a whole number, {whole}, and stays as it is over a run; ramp a floating-point \
             setting"
        )),
        (None, other) => Err(format!(
            "is {other}, no number; {}",
            suggestion(leaves, setting)
        )),
    }
}

/// Whether a name is `outer` or of something inside it.
fn is_within(name: &str, outer: &str) -> bool {
    name.strip_prefix(outer)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Names that could have been meant: those inside the one given, its neighbours, and its
/// namesakes elsewhere; all there are if there is none of these.
fn suggestion(leaves: &[Leaf<'_>], setting: &str) -> String {
    let split = |name: &str| match name.rsplit_once('.') {
        Some((outer, last)) => (outer.to_owned(), last.to_owned()),
        None => (String::new(), name.to_owned()),
    };
    let (outer, last) = split(setting);
    let names = || {
        let numbers = leaves.iter().filter(|leaf| leaf.number().is_some());
        numbers.map(|leaf| leaf.name.as_str())
    };
    let is_near = |name: &&str| {
        let (its_outer, its_last) = split(name);
        is_within(name, setting) || its_last == last || (its_outer == outer && !outer.is_empty())
    };
    let mut near: Vec<&str> = names().filter(is_near).collect();
    if near.is_empty() {
        let all: Vec<&str> = names().collect();
        return match nearest(setting, all.iter().copied()) {
            Some(name) => format!("did you mean {name}?"),
            None => format!("those that can move are {}", all.join(", ")),
        };
    }
    // A slip in the last part: the likeliest of its neighbours comes first.
    if let Some(name) = nearest(setting, near.iter().copied())
        && near
            .iter()
            .all(|name| split(name).1 != last && !is_within(name, setting))
    {
        near.retain(|other| *other != name);
        near.insert(0, name);
    }
    format!("did you mean {}?", near.join(", "))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::error::check;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Settings {
        steps: u64,
        seed: u64,
        batches: Batches,
        objective: Objective,
        generator_optimizer: Optimizer,
        discriminator_optimizer: Optimizer,
        ema: Option<Average>,
        gradient_clipping: Option<f64>,
        #[serde(default)]
        ramps: Vec<Ramp>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Batches {
        batch_size: usize,
        shuffle: bool,
    }

    #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Objective {
        penalties: Vec<Penalty>,
        top_k: Option<f64>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Penalty {
        kind: Kind,
        weight: f64,
        interval: usize,
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        R1,
        WganGp { target: f64, one_sided: bool },
        Custom(Custom),
    }

    /// As `Named`: stored as a name.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Custom {
        name: String,
        #[serde(skip)]
        function: Option<u32>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "optimizer", rename_all = "snake_case")]
    enum Optimizer {
        Adam { learning_rate: f64, beta_2: f32 },
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "length", rename_all = "snake_case")]
    enum Average {
        HalfLife { images: f64, ramp_up: Option<f64> },
    }

    impl Ramped for Settings {
        fn with_functions_of(mut self, original: &Self) -> Self {
            let its = &original.objective.penalties;
            for (penalty, its) in self.objective.penalties.iter_mut().zip(its) {
                if let Kind::Custom(custom) = &its.kind {
                    penalty.kind = Kind::Custom(custom.clone());
                }
            }
            self
        }

        fn check(&self) -> Result<()> {
            let Optimizer::Adam { beta_2, .. } = self.generator_optimizer;
            check::below_one("generator_optimizer.beta_2", beta_2.into())
        }
    }

    fn settings() -> Settings {
        let optimizer = Optimizer::Adam {
            learning_rate: 2e-4,
            beta_2: 0.9,
        };
        let penalty = |kind, weight| Penalty {
            kind,
            weight,
            interval: 1,
        };
        let custom = Custom {
            name: "drift".to_owned(),
            function: Some(7),
        };
        let wgan_gp = Kind::WganGp {
            target: 1.0,
            one_sided: false,
        };
        Settings {
            steps: 1_000,
            seed: u64::MAX,
            batches: Batches {
                batch_size: 64,
                shuffle: true,
            },
            objective: Objective {
                penalties: vec![
                    penalty(Kind::R1, 0.1 + 0.2),
                    penalty(wgan_gp, 10.0),
                    penalty(Kind::Custom(custom), 1e-3),
                ],
                top_k: None,
            },
            generator_optimizer: optimizer.clone(),
            discriminator_optimizer: optimizer,
            ema: Some(Average::HalfLife {
                images: 0.0,
                ramp_up: None,
            }),
            gradient_clipping: None,
            ramps: Vec::new(),
        }
    }

    /// R3GAN's.
    fn ramps() -> Vec<Ramp> {
        vec![
            Ramp::cosine("generator_optimizer.learning_rate", 5e-5, 800),
            Ramp::cosine("generator_optimizer.beta_2", 0.99, 800),
            Ramp::cosine("objective.penalties[0].weight", 0.03, 400),
            Ramp::linear("objective.penalties[1].kind.wgan_gp.target", 0.0, 400),
            Ramp::linear("ema.images", 5e5, 800),
        ]
    }

    fn message(ramps: &[Ramp]) -> String {
        let mut settings = settings();
        settings.ramps = ramps.to_vec();
        Ramps::new(&settings, ramps).unwrap_err().to_string()
    }

    #[test]
    fn a_ramp_follows_its_curve() {
        let cosine = Ramp::cosine("x", 2.0, 6);
        let linear = Ramp::linear("x", 2.0, 6);
        // cos(π·t/6) = 1, √3/2, ½, 0, −½, −√3/2, −1.
        let high = 0.75_f64.sqrt();
        let waves = [1.0, high, 0.5, 0.0, -0.5, -high, -1.0];
        for (step, wave) in waves.into_iter().enumerate() {
            let value = cosine.value(10.0, step as u64);
            assert!((value - (6.0 + 4.0 * wave)).abs() < 1e-12, "{step}");
            let value = linear.value(10.0, step as u64);
            let expected = 10.0 - 8.0 * step as f64 / 6.0;
            assert!((value - expected).abs() < 1e-12, "{step}");
        }
        for ramp in [cosine, linear] {
            for from in [0.1 + 0.2, -7e300, 1e-300] {
                assert_eq!(ramp.value(from, 0), from);
                assert_eq!(ramp.value(from, 6), 2.0);
                assert_eq!(ramp.value(from, u64::MAX), 2.0);
            }
        }
    }

    #[test]
    fn settings_at_step_0_are_the_original_ones() {
        let ramps = Ramps::new(&settings(), &ramps()).unwrap();
        assert_eq!(ramps.at(0).unwrap(), settings());
    }

    #[test]
    fn settings_move_and_the_others_stay() {
        let mut expected = settings();
        let ramps = Ramps::new(&expected, &ramps()).unwrap();
        expected.generator_optimizer = Optimizer::Adam {
            learning_rate: 1.25e-4,
            beta_2: ((f64::from(0.9_f32) + 0.99) / 2.0) as f32,
        };
        expected.objective.penalties[0].weight = 0.03;
        expected.objective.penalties[1].kind = Kind::WganGp {
            target: 0.0,
            one_sided: false,
        };
        expected.ema = Some(Average::HalfLife {
            images: 2.5e5,
            ramp_up: None,
        });
        let mut half_way = ramps.at(400).unwrap();
        let Optimizer::Adam { learning_rate, .. } = &mut half_way.generator_optimizer;
        assert!((*learning_rate - 1.25e-4).abs() < 1e-18);
        *learning_rate = 1.25e-4;
        assert_eq!(half_way, expected);
        let Optimizer::Adam {
            learning_rate,
            beta_2,
        } = ramps.at(9_999).unwrap().generator_optimizer;
        assert_eq!((learning_rate, beta_2), (5e-5, 0.99));
    }

    #[test]
    fn functions_that_are_stored_as_a_name_are_kept() {
        let ramps = [Ramp::linear("objective.penalties[2].weight", 0.0, 10)];
        let moved = Ramps::new(&settings(), &ramps).unwrap().at(5).unwrap();
        let custom = &moved.objective.penalties[2];
        assert_eq!(custom.weight, 5e-4);
        assert_eq!(custom.kind, settings().objective.penalties[2].kind);
    }

    #[test]
    fn without_ramps_settings_stay() {
        let ramps = Ramps::new(&settings(), &[]).unwrap();
        assert_eq!(ramps.at(77).unwrap(), settings());
    }

    #[test]
    fn unknown_names_are_refused_with_near_ones() {
        // A slip in the last part, in the first, a group, and nothing alike.
        let error = message(&[Ramp::cosine("generator_optimizer.beta2", 0.9, 1)]);
        assert_eq!(
            error,
            "invalid setting `ramps[0].setting` = generator_optimizer.beta2: is no number; \
             did you mean generator_optimizer.beta_2, generator_optimizer.learning_rate?"
        );
        let error = message(&[Ramp::cosine("optimizer.beta_2", 0.9, 1)]);
        let both = "mean discriminator_optimizer.beta_2, generator_optimizer.beta_2?";
        assert!(error.contains(both), "{error}");
        let error = message(&[Ramp::cosine("objective.penalties[1]", 0.9, 1)]);
        let inner = "mean objective.penalties[1].kind.wgan_gp.target, \
                     objective.penalties[1].weight?";
        assert!(error.contains(inner), "{error}");
        let error = message(&[Ramp::cosine("generator_optimizer.learning_rat", 0.9, 1)]);
        let likeliest = "did you mean generator_optimizer.learning_rate, ";
        assert!(error.contains(likeliest), "{error}");
        for (name, meant) in [
            ("generator_optimizer/beta_2", "generator_optimizer.beta_2"),
            ("ema_images", "ema.images"),
            ("ema.images ", "ema.images"),
            (
                "objectiv.penalties[0].weigth",
                "objective.penalties[0].weight",
            ),
        ] {
            let error = message(&[Ramp::cosine(name, 0.9, 1)]);
            assert!(error.contains(&format!("did you mean {meant}")), "{error}");
        }
        for name in ["gamma", ""] {
            let error = message(&[Ramp::cosine(name, 0.9, 1)]);
            assert!(error.contains("those that can move are "), "{error}");
            assert!(error.contains("ema.images"), "{error}");
            assert!(!error.contains("ramps[0].to"), "{error}");
        }
    }

    #[test]
    fn settings_that_are_no_floating_point_numbers_are_refused() {
        for (name, told) in [
            ("steps", "is a whole number, 1000"),
            ("seed", "is a whole number, 18446744073709551615"),
            ("batches.batch_size", "is a whole number, 64"),
            ("objective.penalties[0].interval", "is a whole number, 1"),
            ("batches.shuffle", "is true, no number"),
            ("generator_optimizer.optimizer", "is \"adam\", no number"),
            ("objective.penalties[0].kind", "is \"r1\", no number"),
            ("gradient_clipping", "`gradient_clipping` is off; give it"),
            ("ema.ramp_up", "`ema.ramp_up` is off; give it"),
            ("objective.top_k.decay", "`objective.top_k` is off; give it"),
            ("ramps[0].to", "stays as it is over a run"),
            ("ramps", "stays as it is over a run"),
            ("health.collapse.ratio", "stays as it is over a run"),
        ] {
            let error = message(&[Ramp::cosine(name, 0.5, 10)]);
            assert!(error.contains(told), "{error}");
            assert!(error.contains(&format!("`ramps[0].setting` = {name}: ")));
        }
    }

    #[test]
    fn ramps_without_an_end_are_refused() {
        for to in [f64::NAN, f64::INFINITY] {
            let error = message(&[Ramp::cosine("ema.images", to, 1)]);
            assert!(error.contains("`ramps[0].to` = "), "{error}");
        }
        let error = message(&[
            Ramp::cosine("ema.images", 1.0, 1),
            Ramp::linear("objective.penalties[0].weight", 1.0, 0),
        ]);
        assert!(error.contains("`ramps[1].steps` = 0"), "{error}");
    }

    #[test]
    fn two_ramps_of_one_setting_are_refused() {
        let ramp = Ramp::cosine("ema.images", 1.0, 1);
        let other = Ramp::cosine("objective.penalties[0].weight", 1.0, 1);
        let error = message(&[other, ramp.clone(), ramp]);
        assert!(error.contains("`ramps[2].setting` = ema.images"), "{error}");
        assert!(error.contains("by ramps[1]; keep one"), "{error}");
    }

    #[test]
    fn an_end_that_no_run_can_be_made_with_is_refused() {
        // Below 1 in double precision, 1 in the setting's own.
        for to in [1.5, 1.0 - 1e-12, 1e300] {
            let error = message(&[Ramp::cosine("generator_optimizer.beta_2", to, 300)]);
            assert!(error.contains("`generator_optimizer.beta_2` = "), "{error}");
            assert!(error.contains("bring it there by step 300"), "{error}");
        }
    }

    #[test]
    fn ramps_are_stored_by_name() {
        let ramp = Ramp::linear("ema.images", 5e5, 800);
        let json = serde_json::to_string(&ramp).unwrap();
        assert_eq!(
            json,
            r#"{"setting":"ema.images","to":500000.0,"steps":800,"curve":"linear"}"#
        );
        assert_eq!(serde_json::from_str::<Ramp>(&json).unwrap(), ramp);
        let short: Ramp = serde_json::from_str(r#"{"setting":"x","to":1,"steps":2}"#).unwrap();
        assert_eq!(short, Ramp::cosine("x", 1.0, 2));
    }
}
