//! How good a generator is: one file per metric.

mod better;
mod extractor;
#[cfg(feature = "metrics")]
mod factor;
mod feature_metric;
mod features;
#[cfg(feature = "metrics")]
mod frechet_distance;
#[cfg(feature = "metrics")]
mod linear;
mod mode_coverage;
#[cfg(feature = "metrics")]
mod moments;
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
#[cfg(feature = "metrics")]
pub use frechet_distance::{Frechet, FrechetDistance};
pub use mode_coverage::ModeCoverage;
pub(crate) use mode_coverage::SPREAD_MEAN;
#[cfg(feature = "metrics")]
pub use moments::Moments;
pub use repeats::Repeats;
pub use score::{Provenance, RealAgainstReal, SampleSet, Score};
pub use scorer::Scorer;
pub use set_measure::SetMeasure;
