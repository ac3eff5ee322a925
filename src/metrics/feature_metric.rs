//! What a metric of two sets of features is.

use std::fmt::Debug;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::better::Better;
use super::features::Features;
use super::real_set::RealSet;
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

/// A measured value, how uncertain it is where the metric knows, and what a reader has to know of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// What was measured.
    pub value: f64,
    /// Its standard error: what other draws of the same kind would change, as far as the metric can
    /// tell from one measurement.
    pub error: Option<f64>,
    /// What makes the value say less than it seems to, a sentence each: covariances that lack
    /// directions, a setting at the edge of its grid.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl From<f64> for Estimate {
    fn from(value: f64) -> Self {
        Self {
            value,
            error: None,
            notes: Vec::new(),
        }
    }
}

impl Estimate {
    /// A value with its standard error.
    pub fn with_error(value: f64, error: f64) -> Self {
        Self {
            error: Some(error),
            ..value.into()
        }
    }

    /// Adds notes.
    pub fn with_notes(mut self, notes: impl IntoIterator<Item = String>) -> Self {
        self.notes.extend(notes);
        self
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

    /// The same against real samples that are measured against more than once: a metric that does part
    /// of its work on them alone takes it from there. What comes out is the same to the last bit.
    ///
    /// # Errors
    /// As [`measure`](Self::measure).
    fn measure_against(
        &self,
        real: &RealSet,
        generated: &Features,
        stream: &mut Stream,
    ) -> Result<Vec<Estimate>> {
        self.measure(real.features(), generated, stream)
    }
}
