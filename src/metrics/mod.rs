//! How good a generator is: one file per metric.

mod better;
mod extractor;
mod feature_metric;
mod features;
mod mode_coverage;

pub use better::Better;
pub use extractor::{FeatureExtractor, features_of};
pub use feature_metric::{Estimate, FeatureMetric, Number};
pub use features::{ExtractorId, Features};
pub use mode_coverage::ModeCoverage;
