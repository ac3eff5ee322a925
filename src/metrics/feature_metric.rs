//! What a metric of two sets of features is.

use std::fmt::Debug;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::better::Better;
use super::features::Features;
use crate::error::Result;
use crate::random::Stream;

/// A number that a metric gives: its name, and which way it is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number {
    /// The name in logs, reports and settings: `frechet_distance`, `recall`.
    pub name: &'static str,
    /// Which way it is good.
    pub better: Better,
}

impl Number {
    /// A number that is the better the lower it is.
    pub const fn lower(name: &'static str) -> Self {
        let better = Better::Lower;
        Self { name, better }
    }

    /// A number that is the better the higher it is.
    pub const fn higher(name: &'static str) -> Self {
        let better = Better::Higher;
        Self { name, better }
    }
}

/// A measured value, and how uncertain it is where the metric knows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// What was measured.
    pub value: f64,
    /// Its standard error: what other draws of the same kind would change, as far as the metric can
    /// tell from one measurement.
    pub error: Option<f64>,
}

impl From<f64> for Estimate {
    fn from(value: f64) -> Self {
        Self { value, error: None }
    }
}

impl Estimate {
    /// A value with its standard error.
    pub fn with_error(value: f64, error: f64) -> Self {
        Self {
            value,
            error: Some(error),
        }
    }
}

/// A metric of two sets of features: of real samples, and of generated ones.
///
/// A [`Scorer`](super::Scorer) turns what it measures into scores with their provenance. The
/// metrics of this room have typed results of their own besides.
pub trait FeatureMetric: Debug + Send + Sync {
    /// What it is called in settings and errors: `kernel_distance`.
    fn name(&self) -> &'static str;

    /// The numbers that it gives.
    fn numbers(&self) -> &'static [Number];

    /// Its settings, as they are stored with a score: scores of other settings are not compared
    /// with it.
    fn settings(&self) -> Value;

    /// Checks its settings.
    ///
    /// # Errors
    /// The first wrong setting.
    fn validate(&self) -> Result<()>;

    /// Measures: an estimate for each of [`numbers`](Self::numbers), in their order. Random
    /// choices come from `stream`.
    ///
    /// # Errors
    /// If the sets can't be compared, are too small, or hold numbers that are not finite: the
    /// metric's name and the cause.
    fn measure(
        &self,
        real: &Features,
        generated: &Features,
        stream: &mut Stream,
    ) -> Result<Vec<Estimate>>;
}
