//! The settings of the average: how long it remembers.

use serde::Serialize;

use crate::error::{Error, Result, check};
use crate::settings::settings;

settings! {
#[tag = "length"]
/// How long the moving average of a generator's weights remembers.
///
/// ```text
/// θ̄ ← d·θ̄ + (1 − d)·θ          after each step, b real samples to a step
///
/// Decay:     d as it is given
/// HalfLife:  d = ½^(b/h)         a weight counts half as much h samples later
/// ramp-up r: h ← min(h, r·n)     n real samples shown so far
/// ```
///
/// A half-life means the same at every batch size, a decay per step does not; they are one
/// setting in two units, d = ½^(b/h) and h = b·ln ½/ln d. The ramp-up keeps the first, random
/// weights out of the average: early on it remembers a fixed share of the run.
///
/// The average makes better samples than the weights that it follows, which circle around an
/// equilibrium: Yazıcı et al. 2018, *The unusual effectiveness of averaging in GAN training*,
/// arXiv:1806.04498. The ramp-up is that of Karras et al. 2020, *Training generative adversarial
/// networks with limited data*, arXiv:2006.06676.
///
/// ```
/// use burn_gan::step::EmaConfig;
///
/// let ema = EmaConfig::half_life(10_000.0).with_ramp_up(0.05);
/// ema.validate()?;
/// // 1,000 samples into the run the half-life is 50 samples, a batch of 50 is one of them.
/// assert_eq!(ema.decay_at(1_000, 50), 0.5);
/// // From 200,000 samples on it is the one that was asked for.
/// assert_eq!(ema.decay_at(200_000, 10_000), 0.5);
/// assert!(EmaConfig::decay(1.0).validate().is_err());
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EmaConfig {
    /// A fixed decay per step.
    Decay {
        /// d, in [0, 1).
        decay: f64,
        /// r, above 0; `None` for no ramp-up.
        ramp_up: Option<f64>,
    },
    /// A half-life in real samples.
    HalfLife {
        /// h, in samples, at least 0; at 0 the average is the generator itself.
        samples: f64,
        /// r, above 0; `None` for no ramp-up.
        ramp_up: Option<f64>,
    },
}
}

impl EmaConfig {
    /// A decay per step, without ramp-up; .999 and .9999 are usual.
    pub fn decay(decay: f64) -> Self {
        Self::Decay {
            decay,
            ramp_up: None,
        }
    }

    /// A half-life in real samples, without ramp-up; StyleGAN2-ADA has 10,000 to 20,000 of
    /// them, or 500,000 on CIFAR-10.
    pub fn half_life(samples: f64) -> Self {
        Self::HalfLife {
            samples,
            ramp_up: None,
        }
    }

    /// A half-life of at most `ratio` times the samples shown so far; .05 in StyleGAN2-ADA.
    pub fn with_ramp_up(mut self, ratio: f64) -> Self {
        match &mut self {
            Self::Decay { ramp_up, .. } | Self::HalfLife { ramp_up, .. } => *ramp_up = Some(ratio),
        }
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// If the decay is not in [0, 1), the half-life is below 0, or the ramp-up is not above 0.
    pub fn validate(&self) -> Result<()> {
        let ramp_up = match *self {
            Self::Decay { decay, ramp_up } => {
                if !(0.0..1.0).contains(&decay) {
                    return Err(Error::setting(
                        "decay",
                        decay,
                        "must be at least 0 and below 1, where the average would never move",
                    ));
                }
                ramp_up
            }
            Self::HalfLife { samples, ramp_up } => {
                check::not_negative("samples", samples)?;
                ramp_up
            }
        };
        match ramp_up {
            Some(ratio) => check::positive("ramp_up", ratio),
            None => Ok(()),
        }
    }

    /// d for the step that ends with `samples` real samples shown, `batch` of them its own.
    pub fn decay_at(&self, samples: u64, batch: usize) -> f64 {
        let (decay, ramp_up) = match *self {
            Self::Decay { decay, ramp_up } => (decay, ramp_up),
            Self::HalfLife {
                samples: half_life,
                ramp_up,
            } => (halved(batch, half_life), ramp_up),
        };
        match ramp_up {
            // The decay rises with the half-life: the smaller half-life has the smaller decay.
            Some(ratio) => decay.min(halved(batch, ratio * samples as f64)),
            None => decay,
        }
    }
}

/// ½^(batch/half_life), 0 at a half-life of 0.
fn halved(batch: usize, half_life: f64) -> f64 {
    if half_life > 0.0 {
        0.5_f64.powf(batch as f64 / half_life)
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn close(actual: f64, expected: f64) {
        assert!(
            (actual - expected).abs() <= 1e-13 * expected,
            "{actual} is not {expected}"
        );
    }

    #[test]
    fn a_half_life_halves_whatever_the_batch_size() {
        for batch in [1, 32, 256] {
            let ema = EmaConfig::half_life(4_096.0);
            let mut left = 1.0;
            for step in 1..=4_096 / batch {
                left *= ema.decay_at((step * batch) as u64, batch);
            }
            assert!((left - 0.5).abs() < 1e-12, "{batch}: {left}");
        }
    }

    #[test]
    fn a_half_life_that_grows_with_the_samples_forgets_by_a_power_law() {
        // With h = r·n a batch b multiplies by ½^(b/(r·n)): over n = b, 2b, …, k·b the exponents
        // sum to (1 + ½ + … + 1/k)/r.
        let ema = EmaConfig::half_life(1e9).with_ramp_up(0.5);
        let left: f64 = (1..=4).map(|step| ema.decay_at(step * 64, 64)).product();
        let exponent = (1.0 + 1.0 / 2.0 + 1.0 / 3.0 + 1.0 / 4.0) / 0.5;
        close(left, 0.5_f64.powf(exponent));
    }

    #[test]
    fn the_ramp_up_ends_where_the_half_life_is_reached() {
        let plain = EmaConfig::half_life(1_000.0);
        let ramped = plain.with_ramp_up(0.05);
        // h = r·n at n = 20,000.
        assert!(ramped.decay_at(19_936, 64) < plain.decay_at(19_936, 64));
        assert_eq!(ramped.decay_at(20_064, 64), plain.decay_at(20_064, 64));
        close(ramped.decay_at(6_400, 64), 0.5_f64.powf(64.0 / 320.0));
        // Karras et al. print .5^(batch/max(h, 1e-8)), which is 0 here.
        assert_eq!(ramped.decay_at(0, 64), 0.0);
    }

    #[test]
    fn a_decay_ramps_up_through_its_half_life() {
        let decay: f64 = 0.999;
        let ramped = EmaConfig::decay(decay).with_ramp_up(0.05);
        assert_eq!(EmaConfig::decay(decay).decay_at(64, 64), decay);
        let half_life = 64.0 * 0.5_f64.ln() / decay.ln();
        for samples in [64_u64, 6_400, 640_000, 6_400_000] {
            let expected = 0.5_f64.powf(64.0 / half_life.min(0.05 * samples as f64));
            close(ramped.decay_at(samples, 64), expected);
        }
        assert_eq!(ramped.decay_at(6_400_000, 64), decay);
    }

    #[test]
    fn without_memory_the_average_is_the_generator() {
        for ema in [EmaConfig::half_life(0.0), EmaConfig::decay(0.0)] {
            ema.validate().unwrap();
            for ema in [ema, ema.with_ramp_up(0.05)] {
                assert_eq!(ema.decay_at(1_000_000, 64), 0.0);
            }
        }
    }

    #[test]
    fn wrong_settings_are_refused_by_name() {
        for (ema, field) in [
            (EmaConfig::decay(1.0), "decay"),
            (EmaConfig::decay(f64::NAN), "decay"),
            (EmaConfig::decay(-0.1), "decay"),
            (EmaConfig::half_life(-1.0), "samples"),
            (EmaConfig::half_life(f64::NAN), "samples"),
            (EmaConfig::half_life(f64::INFINITY), "samples"),
            (EmaConfig::decay(0.9).with_ramp_up(0.0), "ramp_up"),
            (EmaConfig::half_life(9.0).with_ramp_up(f64::NAN), "ramp_up"),
        ] {
            let error = ema.validate().unwrap_err().to_string();
            assert!(error.contains(&format!("`{field}` = ")), "{error}");
        }
    }

    #[test]
    fn settings_survive_json() {
        let ema = EmaConfig::half_life(500.0).with_ramp_up(0.05);
        let json = serde_json::to_string(&ema).unwrap();
        assert_eq!(
            json,
            r#"{"length":"half_life","samples":500.0,"ramp_up":0.05}"#
        );
        assert_eq!(serde_json::from_str::<EmaConfig>(&json).unwrap(), ema);
        let short: EmaConfig = serde_json::from_str(r#"{"length":"decay","decay":0.9}"#).unwrap();
        assert_eq!(short, EmaConfig::decay(0.9));
        let mistyped = json.replace("ramp_up", "rampup");
        assert!(serde_json::from_str::<EmaConfig>(&mistyped).is_err());
    }
}
