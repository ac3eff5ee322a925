//! Numbers on their way to scores, of what is no features: tables and series.

use serde_json::Value;

use super::{Better, Estimate, ExtractorId, Provenance, RealAgainstReal, SampleSet, Score};

/// A number before it has its provenance.
pub(super) struct Measured {
    pub name: &'static str,
    pub better: Better,
    pub metric: &'static str,
    pub settings: Value,
    pub estimate: Estimate,
    /// The same of real samples against real ones.
    pub real: Option<f64>,
}

/// Where numbers come from.
pub(super) struct Origin<'a> {
    /// What stands in the place of an extractor.
    pub kind: &'a str,
    pub real: SampleSet,
    pub generated: SampleSet,
    /// The samples that stood in for the generated ones.
    pub stand_in: SampleSet,
    pub seed: u64,
}

impl Origin<'_> {
    /// Numbers with this provenance.
    pub(super) fn scores(&self, measured: Vec<Measured>) -> Vec<Score> {
        let score = |measured: Measured| Score {
            name: measured.name.to_owned(),
            better: measured.better,
            estimate: measured.estimate,
            real_against_real: measured.real.map(|value| RealAgainstReal {
                value,
                count: self.stand_in.count,
                against: self.real.count,
            }),
            provenance: Provenance {
                metric: measured.metric.to_owned(),
                settings: measured.settings,
                extractor: ExtractorId::new(self.kind),
                real: self.real.clone(),
                stand_in: Some(self.stand_in.clone()),
                generated: self.generated.clone(),
                seed: self.seed,
                crate_version: env!("CARGO_PKG_VERSION").to_owned(),
            },
        };
        measured.into_iter().map(score).collect()
    }
}
