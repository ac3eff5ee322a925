//! How good a generator is: one file per metric.

mod better;
mod extractor;
mod feature_metric;
mod features;
mod mode_coverage;
mod mode_spread;
mod principal_axes;
mod repeats;
mod score;
mod scorer;
mod set_measure;

#[cfg(test)]
pub(crate) use score::tests;

pub use better::Better;
pub use extractor::{FeatureExtractor, features_of};
pub use feature_metric::{Estimate, FeatureMetric, Number};
pub use features::{ExtractorId, Features};
pub use mode_coverage::{ModeCoverage, ModeStatistics};
pub use mode_spread::ModeSpread;
pub use repeats::Repeats;
pub use score::{Provenance, RealAgainstReal, SampleSet, Score};
pub use scorer::Scorer;
pub use set_measure::SetMeasure;
