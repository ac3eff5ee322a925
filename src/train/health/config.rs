//! How often health is checked, and what counts as ill.

use serde::Serialize;

use super::policy::Policy;
use crate::error::{Error, Result, check};
use crate::metrics::{Better, SPREAD_MEAN};
use crate::settings::settings;

settings! {
/// Settings of a [`HealthWatch`](super::HealthWatch). Settings left out when they are read keep
/// their defaults.
///
/// ```
/// use burn_gan::train::health::{HealthConfig, Policy};
///
/// let json = r#"{"every": 25, "collapse": {"ratio": 0.05, "policy": "halt"}}"#;
/// let config: HealthConfig = serde_json::from_str(json).unwrap();
/// config.validate()?;
/// assert_eq!(config.collapse.policy, Policy::Halt);
/// assert_eq!(config.non_finite, HealthConfig::default().non_finite);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(default)]
pub struct HealthConfig {
    /// Health is checked after step 1, then every so many steps, and after the last; 0 turns the
    /// watch off. 10 by default.
    pub every: u64,
    /// What lasts is found anew after so many steps; 0 means once only. 5,000 by default.
    pub repeat: u64,
    /// What is done where a loss, a gradient or a weight is not finite.
    /// [`Halt`](Policy::Halt) by default.
    pub non_finite: Policy,
    /// When a discriminator separates too well.
    pub saturation: Saturation,
    /// When losses or gradients explode.
    pub explosion: Explosion,
    /// When gradients vanish.
    pub vanishing: Vanishing,
    /// When a generator draws one sample only.
    pub collapse: Collapse,
    /// When a discriminator has learnt nothing.
    pub stall: Stall,
    /// When a run is lost.
    pub divergence: Divergence,
    /// When a discriminator knows its data by heart.
    pub overfitting: Overfitting,
    /// When the process takes ever more memory.
    pub memory: MemoryGrowth,
    /// When modes count as too narrow, where an evaluator measures the spread within them.
    pub narrow_modes: NarrowModes,
    /// Which numbers of evaluators are watched, and when they count as getting worse. By default
    /// `recall`, `coverage` and `spread_mean`, where they are measured.
    pub worsening: Vec<Worsening>,
}
}

impl Default for HealthConfig {
    fn default() -> Self {
        Self {
            every: 10,
            repeat: 5_000,
            non_finite: Policy::Halt,
            saturation: Saturation::default(),
            explosion: Explosion::default(),
            vanishing: Vanishing::default(),
            collapse: Collapse::default(),
            stall: Stall::default(),
            divergence: Divergence::default(),
            overfitting: Overfitting::default(),
            memory: MemoryGrowth::default(),
            narrow_modes: NarrowModes::default(),
            worsening: ["recall", "coverage", SPREAD_MEAN]
                .map(|name| Worsening::new(name, Better::Higher))
                .into(),
        }
    }
}

impl HealthConfig {
    /// A watch that never looks.
    pub fn off() -> Self {
        Self {
            every: 0,
            ..Self::default()
        }
    }

    /// The defaults, but numbers that are not finite, explosions and a lost run send the run back
    /// to its last checkpoint ([`Policy::rollback`]).
    pub fn rolling_back() -> Self {
        Self {
            non_finite: Policy::rollback(),
            explosion: Explosion {
                policy: Policy::rollback(),
                ..Explosion::default()
            },
            divergence: Divergence {
                policy: Policy::rollback(),
                ..Divergence::default()
            },
            ..Self::default()
        }
    }

    /// Whether health is checked after `step` steps of `steps`.
    pub fn is_due(&self, step: u64, steps: u64) -> bool {
        self.every != 0 && (step == 1 || step == steps || step.is_multiple_of(self.every))
    }

    /// Checks every threshold and policy.
    ///
    /// # Errors
    /// The first wrong setting, by its dotted name.
    pub fn validate(&self) -> Result<()> {
        let within = |part: &'static str| move |error: Error| error.within(part);
        self.non_finite.validate().map_err(within("non_finite"))?;
        self.saturation.validate().map_err(within("saturation"))?;
        self.explosion.validate().map_err(within("explosion"))?;
        self.vanishing.validate().map_err(within("vanishing"))?;
        self.collapse.validate().map_err(within("collapse"))?;
        self.stall.validate().map_err(within("stall"))?;
        self.divergence.validate().map_err(within("divergence"))?;
        self.overfitting.validate().map_err(within("overfitting"))?;
        self.memory.validate().map_err(within("memory"))?;
        self.narrow_modes
            .validate()
            .map_err(within("narrow_modes"))?;
        for (index, worsening) in self.worsening.iter().enumerate() {
            let part = format!("worsening[{index}]");
            let earlier = &self.worsening[..index];
            if earlier.iter().any(|other| other.name == worsening.name) {
                let reason = "is watched already; give it once";
                return Err(Error::setting("name", &worsening.name, reason).within(&part));
            }
            worsening.validate().map_err(|error| error.within(&part))?;
        }
        Ok(())
    }
}

fn checks_and_policy(checks: u32, policy: Policy) -> Result<()> {
    check::at_least("checks", checks as usize, 1)?;
    policy.validate().map_err(|error| error.within("policy"))
}

fn above_one(field: &str, value: f64) -> Result<()> {
    if !(value > 1.0) || value.is_infinite() {
        return Err(Error::setting(field, value, "must be a number above 1"));
    }
    Ok(())
}

/// Above 0 and at most 1.
fn share(field: &str, value: f64) -> Result<()> {
    if !(value > 0.0 && value <= 1.0) {
        return Err(Error::setting(
            field,
            value,
            "must be above 0 and at most 1",
        ));
    }
    Ok(())
}

/// Above 0 and below 1.
fn between(field: &str, value: f64) -> Result<()> {
    if !(value > 0.0 && value < 1.0) {
        return Err(Error::setting(field, value, "must be above 0 and below 1"));
    }
    Ok(())
}

settings! {
/// When a discriminator counts as saturated: it separates real from generated samples without
/// error, and is sure of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(default)]
pub struct Saturation {
    /// The area under the ROC curve from which on, in (½, 1]; .999 by default.
    pub separated: f64,
    /// The lower bound on JS(p_data ‖ p_g) from which on, as a share of its largest value ln 2,
    /// in (0, 1]; .98 by default.
    pub js_share: f64,
    /// Checks in a row; 3 by default.
    pub checks: u32,
    /// What is done then.
    pub policy: Policy,
}
}

impl Default for Saturation {
    fn default() -> Self {
        Self {
            separated: 0.999,
            js_share: 0.98,
            checks: 3,
            policy: Policy::Log,
        }
    }
}

impl Saturation {
    fn validate(&self) -> Result<()> {
        if !(self.separated > 0.5 && self.separated <= 1.0) {
            return Err(Error::setting(
                "separated",
                self.separated,
                "must be above 0.5, which is guessing, and at most 1",
            ));
        }
        share("js_share", self.js_share)?;
        checks_and_policy(self.checks, self.policy)
    }
}

settings! {
/// When losses or gradients count as exploding.
///
/// What is usual is the median of the last 50 checks, or, where that is higher, the highest such
/// median of earlier ones, which is halved every 100 checks: a network whose gradients were small
/// for a while may have its old ones back.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(default)]
pub struct Explosion {
    /// How many times its usual value a gradient norm is then; 100 by default.
    pub ratio: f64,
    /// The same while fewer than 5 checks tell what is usual; 10,000 by default.
    pub early_ratio: f64,
    /// Gradient norms below this never explode; 1 by default.
    pub least_norm: f64,
    /// How many times its usual size, or 1 where that is smaller, a loss or a penalty is then;
    /// 1,000 by default.
    pub loss_ratio: f64,
    /// What is done then.
    pub policy: Policy,
}
}

impl Default for Explosion {
    fn default() -> Self {
        Self {
            ratio: 100.0,
            early_ratio: 1e4,
            least_norm: 1.0,
            loss_ratio: 1e3,
            policy: Policy::Log,
        }
    }
}

impl Explosion {
    fn validate(&self) -> Result<()> {
        above_one("ratio", self.ratio)?;
        above_one("early_ratio", self.early_ratio)?;
        check::not_negative("least_norm", self.least_norm)?;
        above_one("loss_ratio", self.loss_ratio)?;
        self.policy.validate().map_err(|e| e.within("policy"))
    }
}

settings! {
/// When gradients count as vanishing. What is usual is told at [`Explosion`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(default)]
pub struct Vanishing {
    /// The share of its usual value below which a gradient norm is then; 1e-4 by default.
    pub ratio: f64,
    /// Norms below this have vanished whatever is usual; 1e-10 by default.
    pub least_norm: f64,
    /// Checks in a row; 3 by default.
    pub checks: u32,
    /// What is done then.
    pub policy: Policy,
}
}

impl Default for Vanishing {
    fn default() -> Self {
        Self {
            ratio: 1e-4,
            least_norm: 1e-10,
            checks: 3,
            policy: Policy::Log,
        }
    }
}

impl Vanishing {
    fn validate(&self) -> Result<()> {
        check::below_one("ratio", self.ratio)?;
        check::not_negative("least_norm", self.least_norm)?;
        checks_and_policy(self.checks, self.policy)
    }
}

settings! {
/// When a generator counts as collapsed: its samples hardly differ from each other.
///
/// A run begins near that: networks with small weights draw samples that are nearly alike, and many
/// generators go to one end of their range before they learn anything finer. So nothing is said in
/// the first steps; up to [`start`](Self::start) only samples count that are alike beyond that; and
/// until samples have differed once, a check at which they differ a fifth more than ever before is
/// no collapse.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(default)]
pub struct Collapse {
    /// The mean squared distance between generated samples, as a share of that between real ones,
    /// below which; .01 by default.
    pub ratio: f64,
    /// Checks in a row; 2 by default.
    pub checks: u32,
    /// The first steps, in which nothing is said; what is seen there counts if it lasts. 20 by
    /// default.
    pub grace: u64,
    /// The steps that count as the run's start; 500 by default.
    pub start: u64,
    /// The share below which, up to then; 1e-4 by default.
    pub early_ratio: f64,
    /// What is done then.
    pub policy: Policy,
}
}

impl Default for Collapse {
    fn default() -> Self {
        Self {
            ratio: 0.01,
            checks: 2,
            grace: 20,
            start: 500,
            early_ratio: 1e-4,
            policy: Policy::Log,
        }
    }
}

impl Collapse {
    fn validate(&self) -> Result<()> {
        between("ratio", self.ratio)?;
        between("early_ratio", self.early_ratio)?;
        checks_and_policy(self.checks, self.policy)
    }
}

settings! {
/// When a discriminator counts as having learnt nothing: its loss has never been below what
/// guessing costs since the run began.
///
/// Guessing is one logit for every sample. At the end of a good run the loss comes back to it,
/// since the samples are good: a discriminator that was better for 50 steps, or once by three times
/// the share, is not judged any more. Judged is the mean loss of about the last 100 steps. The
/// Wasserstein loss has no scale and is not judged.
///
/// On the ring of eight Gaussians, batches of 64, the gain is 14 % of the loss under R1 of weight
/// 0.05, 3 % of weight 1, 0.3 % of weight 30, all of which learn the ring, and 0.08 % of weight
/// 1,000.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(default)]
pub struct Stall {
    /// By how much a loss is below that of guessing where something was learnt, as a share of it
    /// (of 1 where that is about 0), in (0, 1); .002 by default.
    pub share: f64,
    /// The first steps, in which nothing is said; 500 by default.
    pub grace: u64,
    /// Checks in a row; 3 by default.
    pub checks: u32,
    /// What is done then.
    pub policy: Policy,
}
}

impl Default for Stall {
    fn default() -> Self {
        Self {
            share: 0.002,
            grace: 500,
            checks: 3,
            policy: Policy::Log,
        }
    }
}

impl Stall {
    fn validate(&self) -> Result<()> {
        between("share", self.share)?;
        checks_and_policy(self.checks, self.policy)
    }
}

settings! {
/// When the modes that a generator draws count as too narrow: collapsed inside, though all of them
/// are there.
///
/// Judged is `spread_mean` of the [mode coverage](crate::metrics::ModeCoverage), 1 for the data's own
/// spread, at each new evaluation; nothing is judged where no evaluator measures it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(default)]
pub struct NarrowModes {
    /// The spread below which modes are too narrow, in (0, 1); 0.75 by default.
    pub least: f64,
    /// Evaluations in a row; 5 by default.
    pub evaluations: u32,
    /// What is done then.
    pub policy: Policy,
}
}

impl Default for NarrowModes {
    fn default() -> Self {
        Self {
            least: 0.75,
            evaluations: 5,
            policy: Policy::Log,
        }
    }
}

impl NarrowModes {
    fn validate(&self) -> Result<()> {
        between("least", self.least)?;
        check::at_least("evaluations", self.evaluations as usize, 1)?;
        self.policy.validate().map_err(|e| e.within("policy"))
    }
}

settings! {
/// When a run counts as lost: its losses have left those of the first step behind by orders of
/// magnitude, and its samples have nothing of the data's diversity left.
///
/// It counts as lost too when its generator draws one sample (a millionth of the data's diversity)
/// at 10 checks in a row, after a loss has once been 1,000 times that of the first step, or without
/// any gradient.
///
/// Either alone may be part of a run that lives: the critic of a Wasserstein distance may drift far
/// while samples are good, and samples may be alike for a while at losses of ordinary size.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(default)]
pub struct Divergence {
    /// How many times its size in the first step, or 1 where that is smaller, a loss is in half of
    /// the steps since the last check; 10,000 by default.
    pub loss_ratio: f64,
    /// The mean squared distance between generated samples, as a share of that between real ones,
    /// below which, in (0, 1), or above the inverse of which; .01 by default.
    pub diversity: f64,
    /// Checks in a row; 3 by default. Of one sample at least 10.
    pub checks: u32,
    /// What is done then; [`Halt`](Policy::Halt) by default.
    pub policy: Policy,
}
}

impl Default for Divergence {
    fn default() -> Self {
        Self {
            loss_ratio: 1e4,
            diversity: 0.01,
            checks: 3,
            policy: Policy::Halt,
        }
    }
}

impl Divergence {
    fn validate(&self) -> Result<()> {
        above_one("loss_ratio", self.loss_ratio)?;
        between("diversity", self.diversity)?;
        checks_and_policy(self.checks, self.policy)
    }
}

settings! {
/// When a discriminator counts as overfitted: it takes real samples that it does not know for
/// generated ones.
///
/// Judged are the last 4 readings together. All of them must point that way, and their mean must
/// do so by four standard errors; the noise of a reading is told from how much the last 16
/// readings differ from one to the next. The more samples the means are taken over, the earlier
/// overfitting is seen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(default)]
pub struct Overfitting {
    /// The gap r_v ([`HeldOutReading::gap`](super::HeldOutReading::gap)) above which, in (0, 1);
    /// ½ by default.
    pub gap: f64,
    /// How far the mean logits of known real and of generated samples must be apart: where they
    /// are closer, the share of a distance means little. ½ by default.
    pub least_separation: f64,
    /// Readings at least, 1 to 4; 3 by default.
    pub checks: u32,
    /// What is done then.
    pub policy: Policy,
}
}

impl Default for Overfitting {
    fn default() -> Self {
        Self {
            gap: 0.5,
            least_separation: 0.5,
            checks: 3,
            policy: Policy::Log,
        }
    }
}

impl Overfitting {
    fn validate(&self) -> Result<()> {
        if !(self.gap > 0.0 && self.gap < 1.0) {
            return Err(Error::setting(
                "gap",
                self.gap,
                "must be above 0 and below 1",
            ));
        }
        check::not_negative("least_separation", self.least_separation)?;
        if self.checks as usize > super::detector::OVERFITTING_WINDOW {
            return Err(Error::setting(
                "checks",
                self.checks,
                "must be at most 4, the readings that are kept",
            ));
        }
        checks_and_policy(self.checks, self.policy)
    }
}

settings! {
/// When the memory of the process counts as growing.
///
/// The run is cut into at most 16 pieces of equal length, at first of 50 steps and later of more;
/// each counts with its least memory. Growth is at least 5 rises in a row from piece to piece, the
/// later half of them with a fair part in it: what is taken once, when a run starts, is none. A
/// leak is found after 400 steps at the earliest.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(default)]
pub struct MemoryGrowth {
    /// The growth from which on, as a share of the memory before; ¼ by default.
    pub growth: f64,
    /// Growth of less than so many bytes is none; 256 MiB by default. Allocators that keep what was
    /// freed rise and fall by 100 MiB, for some hundred steps at a time.
    pub least_bytes: u64,
    /// The first steps, which are not looked at; 50 by default.
    pub warm_up: u64,
    /// What is done then.
    pub policy: Policy,
}
}

impl Default for MemoryGrowth {
    fn default() -> Self {
        Self {
            growth: 0.25,
            least_bytes: 256 << 20,
            warm_up: 50,
            policy: Policy::Log,
        }
    }
}

impl MemoryGrowth {
    fn validate(&self) -> Result<()> {
        check::positive("growth", self.growth)?;
        self.policy.validate().map_err(|e| e.within("policy"))
    }
}

settings! {
/// When a number that an [`Evaluator`](crate::train::Evaluator) gives counts as getting worse: it
/// stays worse than the best so far.
///
/// ```text
/// |value − best| > by · |best|
/// ```
///
/// Values that are not finite are passed over. Where an evaluator's rhythm is faster than that of
/// the health checks, the newest value at each check is judged.
///
/// ```
/// use burn_gan::train::health::{HealthConfig, Worsening};
/// use burn_gan::metrics::Better;
///
/// let config = HealthConfig {
///     worsening: vec![Worsening::new("fid", Better::Lower)],
///     ..HealthConfig::default()
/// };
/// config.validate()?;
/// let json = r#"{"worsening": [{"name": "fid", "better": "lower"}]}"#;
/// assert_eq!(serde_json::from_str::<HealthConfig>(json).unwrap(), config);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Worsening {
    /// The number's name.
    pub name: String,
    /// Which of two values is the better one.
    pub better: Better,
    /// The difference to the best value beyond which one is worse, as a share of the best; 0.1
    /// where settings leave it out.
    #[serde(default = "tenth")]
    pub by: f64,
    /// Evaluations in a row; 5 where settings leave it out.
    #[serde(default = "five")]
    pub evaluations: u32,
    /// What is done then.
    #[serde(default)]
    pub policy: Policy,
}
}

fn tenth() -> f64 {
    0.1
}

fn five() -> u32 {
    5
}

impl Worsening {
    /// Five evaluations in a row that are a tenth worse than the best, which are told.
    pub fn new(name: impl Into<String>, better: Better) -> Self {
        Self {
            name: name.into(),
            better,
            by: tenth(),
            evaluations: five(),
            policy: Policy::Log,
        }
    }

    fn validate(&self) -> Result<()> {
        check::positive("by", self.by)?;
        check::at_least("evaluations", self.evaluations as usize, 1)?;
        self.policy.validate().map_err(|e| e.within("policy"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The message for a config with one threshold changed.
    fn refusal(part: &str, field: &str, value: f64) -> String {
        let mut config = serde_json::to_value(HealthConfig::default()).unwrap();
        assert!(!config[part][field].is_null(), "{part}.{field}");
        config[part][field] = serde_json::json!(value);
        let config: HealthConfig = serde_json::from_value(config).unwrap();
        config.validate().unwrap_err().to_string()
    }

    #[test]
    fn defaults_and_presets_are_valid() {
        for config in [
            HealthConfig::default(),
            HealthConfig::off(),
            HealthConfig::rolling_back(),
        ] {
            assert!(config.validate().is_ok());
            let json = serde_json::to_string(&config).unwrap();
            assert_eq!(serde_json::from_str::<HealthConfig>(&json).unwrap(), config);
        }
        assert_eq!(
            HealthConfig::rolling_back().explosion.policy,
            Policy::rollback()
        );
    }

    #[test]
    fn checks_come_after_the_first_step_in_their_rhythm_and_at_the_end() {
        let due = |config: &HealthConfig| -> Vec<u64> {
            (1..=32).filter(|step| config.is_due(*step, 32)).collect()
        };
        assert_eq!(due(&HealthConfig::default()), [1, 10, 20, 30, 32]);
        assert!(due(&HealthConfig::off()).is_empty());
    }

    #[test]
    fn thresholds_out_of_their_range_are_refused_by_name() {
        for (part, field, value) in [
            ("saturation", "separated", 0.5),
            ("saturation", "separated", 1.1),
            ("saturation", "js_share", 0.0),
            ("explosion", "ratio", 1.0),
            ("explosion", "early_ratio", 0.5),
            ("explosion", "least_norm", -1.0),
            ("explosion", "loss_ratio", 1.0),
            ("vanishing", "ratio", 1.0),
            ("vanishing", "least_norm", -1e-9),
            ("collapse", "ratio", 0.0),
            ("collapse", "ratio", 1.0),
            ("collapse", "early_ratio", 0.0),
            ("stall", "share", 0.0),
            ("stall", "share", 1.0),
            ("divergence", "loss_ratio", 1.0),
            ("divergence", "diversity", 0.0),
            ("divergence", "diversity", 1.0),
            ("overfitting", "gap", 1.0),
            ("overfitting", "least_separation", -0.5),
            ("memory", "growth", 0.0),
            ("narrow_modes", "least", 0.0),
            ("narrow_modes", "least", 1.0),
        ] {
            let message = refusal(part, field, value);
            assert!(message.contains(&format!("`{part}.{field}`")), "{message}");
        }
    }

    #[test]
    fn nan_is_refused_in_every_threshold() {
        type Set = fn(&mut HealthConfig);
        let cases: [(&str, Set); 17] = [
            ("saturation.separated", |c| {
                c.saturation.separated = f64::NAN;
            }),
            ("saturation.js_share", |c| c.saturation.js_share = f64::NAN),
            ("explosion.ratio", |c| c.explosion.ratio = f64::NAN),
            ("explosion.early_ratio", |c| {
                c.explosion.early_ratio = f64::NAN;
            }),
            ("explosion.least_norm", |c| {
                c.explosion.least_norm = f64::NAN;
            }),
            ("explosion.loss_ratio", |c| {
                c.explosion.loss_ratio = f64::NAN;
            }),
            ("vanishing.ratio", |c| c.vanishing.ratio = f64::NAN),
            ("vanishing.least_norm", |c| {
                c.vanishing.least_norm = f64::NAN;
            }),
            ("collapse.ratio", |c| c.collapse.ratio = f64::NAN),
            ("collapse.early_ratio", |c| {
                c.collapse.early_ratio = f64::NAN;
            }),
            ("stall.share", |c| c.stall.share = f64::NAN),
            ("divergence.loss_ratio", |c| {
                c.divergence.loss_ratio = f64::NAN;
            }),
            ("divergence.diversity", |c| {
                c.divergence.diversity = f64::NAN;
            }),
            ("overfitting.gap", |c| c.overfitting.gap = f64::NAN),
            ("overfitting.least_separation", |c| {
                c.overfitting.least_separation = f64::NAN;
            }),
            ("memory.growth", |c| c.memory.growth = f64::NAN),
            ("non_finite.rollback.rate_factor", |c| {
                c.non_finite = Policy::Rollback {
                    rate_factor: f64::NAN,
                    at_most: 1,
                };
            }),
        ];
        for (name, set) in cases {
            let mut config = HealthConfig::default();
            set(&mut config);
            let message = config.validate().unwrap_err().within("health").to_string();
            assert!(message.contains(&format!("`health.{name}`")), "{message}");
        }
    }

    #[test]
    fn a_number_that_cannot_be_watched_is_refused_by_name() {
        let fid = Worsening::new("fid", Better::Lower);
        let refusal = |worsening: Vec<Worsening>| {
            let config = HealthConfig {
                worsening,
                ..HealthConfig::default()
            };
            config.validate().unwrap_err().to_string()
        };
        for by in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let message = refusal(vec![Worsening { by, ..fid.clone() }]);
            assert!(message.contains("`worsening[0].by`"), "{message}");
        }
        let never = Worsening {
            evaluations: 0,
            ..fid.clone()
        };
        let message = refusal(vec![fid.clone(), never]);
        assert!(message.contains("`worsening[1].name` = fid"), "{message}");
        let never = Worsening {
            evaluations: 0,
            ..Worsening::new("kid", Better::Lower)
        };
        let message = refusal(vec![fid, never]);
        assert!(message.contains("`worsening[1].evaluations`"), "{message}");
    }

    #[test]
    fn counts_of_checks_have_bounds() {
        for part in [
            "saturation",
            "vanishing",
            "collapse",
            "stall",
            "divergence",
            "overfitting",
        ] {
            let json = format!(r#"{{"{part}": {{"checks": 0}}}}"#);
            let config: HealthConfig = serde_json::from_str(&json).unwrap();
            let message = config.validate().unwrap_err().to_string();
            assert!(message.contains(&format!("`{part}.checks`")), "{message}");
        }
        let json = r#"{"overfitting": {"checks": 5}}"#;
        let config: HealthConfig = serde_json::from_str(json).unwrap();
        assert!(config.validate().is_err());
    }

    #[test]
    fn an_unknown_setting_is_refused() {
        for json in [r#"{"evry": 5}"#, r#"{"collapse": {"ration": 0.1}}"#] {
            assert!(
                serde_json::from_str::<HealthConfig>(json).is_err(),
                "{json}"
            );
        }
    }
}
