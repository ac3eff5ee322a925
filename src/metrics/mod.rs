//! How good a generator is: one file per metric.

mod better;
mod class_accuracy;
#[cfg(feature = "metrics")]
mod class_recall;
#[cfg(feature = "metrics")]
mod classifier;
mod classifier_features;
#[cfg(feature = "metrics")]
mod distances;
mod extractor;
#[cfg(feature = "metrics")]
mod factor;
#[cfg(feature = "metrics")]
mod feature_file;
mod feature_fn;
mod feature_metric;
mod features;
#[cfg(feature = "metrics")]
mod frechet_distance;
#[cfg(feature = "metrics")]
mod frechet_infinity;
#[cfg(feature = "metrics")]
mod gaussian_mmd;
#[cfg(all(test, feature = "metrics"))]
mod golden;
#[cfg(feature = "metrics")]
mod held_out_divergence;
#[cfg(feature = "metrics")]
mod image_diversity;
mod inception;
mod inception_score;
#[cfg(feature = "metrics")]
mod kernel_distance;
#[cfg(feature = "metrics")]
mod kernel_sums;
#[cfg(feature = "metrics")]
mod linear;
#[cfg(feature = "metrics")]
mod list;
#[cfg(any(feature = "series", feature = "tables"))]
mod measured;
#[cfg(feature = "metrics")]
mod memorisation;
#[cfg(feature = "metrics")]
mod mode_coverage;
#[cfg(feature = "metrics")]
mod mode_spread;
#[cfg(feature = "metrics")]
mod moments;
#[cfg(feature = "metrics")]
mod moments_file;
#[cfg(feature = "metrics")]
mod ms_ssim;
#[cfg(feature = "metrics")]
mod nearest_neighbour_test;
#[cfg(feature = "metrics")]
mod neighbours;
#[cfg(feature = "metrics")]
mod parzen;
mod perceptual_path;
#[cfg(feature = "metrics")]
mod precision_recall;
#[cfg(feature = "metrics")]
mod principal_axes;
mod random_network;
mod raw;
mod real_set;
mod repeats;
mod score;
mod scorer;
#[cfg(feature = "series")]
pub mod series;
mod set_measure;
#[cfg(feature = "metrics")]
mod sliced_wasserstein;
#[cfg(feature = "tables")]
pub mod table;
#[cfg(feature = "metrics")]
mod two_sample;

#[cfg(test)]
pub(crate) use score::tests;

pub use better::Better;
pub use class_accuracy::ClassAccuracy;
#[cfg(feature = "metrics")]
pub use class_recall::ClassRecall;
#[cfg(feature = "metrics")]
pub use classifier::{LogisticRegression, NetworkClassifier};
pub use classifier_features::{ClassifierFeatures, ClassifierOutput};
pub use extractor::{FeatureExtractor, features_of};
pub use feature_fn::{FeatureFn, feature_fn};
pub use feature_metric::{Estimate, FeatureMetric, Number};
pub use features::{ExtractorId, Features};
#[cfg(feature = "metrics")]
pub use frechet_distance::{Frechet, FrechetDistance};
#[cfg(feature = "metrics")]
pub use frechet_infinity::{FrechetInfinity, FrechetLimit, FrechetPoint};
#[cfg(feature = "metrics")]
pub use gaussian_mmd::{GaussianMmd, GaussianMmdScores};
#[cfg(feature = "metrics")]
pub use held_out_divergence::{HeldOutDivergence, HeldOutDivergenceScores};
#[cfg(feature = "metrics")]
pub use image_diversity::ImageDiversity;
pub use inception::{
    Inception, InceptionNetwork, InceptionOutput, InceptionResize, InceptionSettings,
};
pub use inception_score::{InceptionScore, InceptionScores};
#[cfg(feature = "metrics")]
pub use kernel_distance::{KernelDistance, KernelDistanceScores};
#[cfg(feature = "metrics")]
pub use list::Metric;
#[cfg(feature = "metrics")]
pub use memorisation::{CopyingScores, Memorisation, MemorisationScores, NearestTraining};
#[cfg(feature = "metrics")]
pub use mode_coverage::{ModeCoverage, ModeStatistics};
#[cfg(feature = "metrics")]
pub use mode_spread::ModeSpread;
#[cfg(feature = "metrics")]
pub use moments::Moments;
#[cfg(feature = "metrics")]
pub use moments_file::{MomentsCache, MomentsKey};
#[cfg(feature = "metrics")]
pub use ms_ssim::{MsSsim, MsSsimScores};
#[cfg(feature = "metrics")]
pub use nearest_neighbour_test::{NearestNeighbourScores, NearestNeighbourTest};
#[cfg(feature = "metrics")]
pub use parzen::{Parzen, ParzenScores};
pub use perceptual_path::{PathLengths, PathPlace, PathSpace, PerceptualPathLength};
#[cfg(feature = "metrics")]
pub use precision_recall::{NeighbourCounts, PrecisionRecall, PrecisionRecallScores};
pub use random_network::RandomNetwork;
pub use raw::Raw;
pub use real_set::RealSet;
pub use repeats::Repeats;
pub use score::{Provenance, RealAgainstReal, SampleSet, Score};
pub use scorer::Scorer;
pub(crate) use set_measure::SPREAD_MEAN;
pub use set_measure::SetMeasure;
#[cfg(feature = "metrics")]
pub use sliced_wasserstein::{SlicedWasserstein, SlicedWassersteinScores};
#[cfg(feature = "metrics")]
pub use two_sample::{TwoSample, TwoSampleClassifier, TwoSampleScores};
