//! How good a generator is: one file per metric.

mod better;
mod classifier_features;
mod extractor;
mod feature_fn;
mod feature_metric;
mod features;
mod inception;
mod mode_coverage;
mod raw;
mod repeats;
mod score;
mod scorer;

pub use better::Better;
pub use classifier_features::{ClassifierFeatures, ClassifierOutput};
pub use extractor::{FeatureExtractor, features_of};
pub use feature_fn::{FeatureFn, feature_fn};
pub use feature_metric::{Estimate, FeatureMetric, Number};
pub use features::{ExtractorId, Features};
pub use inception::{
    Inception, InceptionNetwork, InceptionOutput, InceptionResize, InceptionSettings,
};
pub use mode_coverage::ModeCoverage;
pub use raw::Raw;
pub use repeats::Repeats;
pub use score::{Provenance, RealAgainstReal, SampleSet, Score};
pub use scorer::Scorer;
