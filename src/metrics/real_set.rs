//! Real samples, and what metrics have found out about them once.

#[cfg(feature = "metrics")]
use std::sync::OnceLock;

#[cfg(feature = "metrics")]
use super::factor::Factor;
use super::features::Features;
#[cfg(feature = "metrics")]
use super::moments::Moments;
#[cfg(feature = "metrics")]
use super::moments_file::{MomentsCache, MomentsKey};
#[cfg(feature = "metrics")]
use crate::error::Result;

/// The real samples that one set of generated samples after the other is measured against.
///
/// Part of a metric's work depends on the real samples alone: their covariance and its decomposition, the
/// distance of each to its nearest other one. It is done when a metric first asks for it, and kept for
/// the next measurement and for other metrics that need the same. Nothing that comes out depends on
/// whether it was kept.
///
/// Memory beside the features: `dimensions · rank` numbers of double precision once a Fréchet distance was
/// measured, one for each sample once copies were looked for.
#[derive(Debug)]
pub struct RealSet {
    features: Features,
    #[cfg(feature = "metrics")]
    factor: OnceLock<Factor>,
    /// The squared distance of each sample to its nearest other one.
    #[cfg(feature = "metrics")]
    own_distances: OnceLock<Vec<f64>>,
    #[cfg(feature = "metrics")]
    cache: Option<MomentsCache>,
}

impl RealSet {
    /// Samples of which nothing is known yet.
    pub fn new(features: Features) -> Self {
        Self {
            features,
            #[cfg(feature = "metrics")]
            factor: OnceLock::new(),
            #[cfg(feature = "metrics")]
            own_distances: OnceLock::new(),
            #[cfg(feature = "metrics")]
            cache: None,
        }
    }

    /// Looks for the samples' moments in a folder before they are gathered, and stores them there: other
    /// programs and later runs find them by the extractor and the features' SHA-256.
    #[cfg(feature = "metrics")]
    pub fn with_cache(mut self, cache: MomentsCache) -> Self {
        self.cache = Some(cache);
        self
    }

    /// The samples.
    pub fn features(&self) -> &Features {
        &self.features
    }

    /// Mean and covariance as a distance needs them; errors bear the name of the metric that asks.
    ///
    /// # Errors
    /// As [`Factor::of_features`]; if a stored file can't be read or written.
    #[cfg(feature = "metrics")]
    pub(super) fn factor(&self, metric: &str) -> Result<&Factor> {
        kept(&self.factor, || {
            let features = &self.features;
            Factor::of_features_with(metric, features, || match &self.cache {
                Some(cache) => {
                    let key = MomentsKey::of(features);
                    cache.get_or_measure(&key, || Moments::of(features))
                }
                None => Moments::of(features),
            })
        })
    }

    /// The squared distance of each sample to its nearest other one, by `measure` the first time.
    ///
    /// # Errors
    /// Those of `measure`.
    #[cfg(feature = "metrics")]
    pub(super) fn own_distances(
        &self,
        measure: impl FnOnce() -> Result<Vec<f64>>,
    ) -> Result<&[f64]> {
        kept(&self.own_distances, measure).map(Vec::as_slice)
    }
}

/// What is there, or else what `make` makes, which is kept.
#[cfg(feature = "metrics")]
fn kept<T>(place: &OnceLock<T>, make: impl FnOnce() -> Result<T>) -> Result<&T> {
    if let Some(value) = place.get() {
        return Ok(value);
    }
    let value = make()?;
    Ok(place.get_or_init(|| value))
}

#[cfg(all(test, feature = "metrics"))]
mod tests {
    use super::*;
    use crate::metrics::{FeatureMetric, FrechetDistance, Metric};
    use crate::random::Stream;

    fn normal(seed: u64, count: usize, dimensions: usize) -> Features {
        let values = Stream::new(seed, "real set").normal(count * dimensions);
        Features::new(values, dimensions).unwrap()
    }

    #[test]
    fn what_is_kept_changes_no_bit_of_any_metric() {
        // More samples than features and fewer; each set measured twice against the same real one.
        for (count, dimensions) in [(60, 5), (12, 20)] {
            let set = RealSet::new(normal(1, count, dimensions));
            for metric in Metric::all() {
                for seed in [2, 3] {
                    let generated = normal(seed, 50, dimensions);
                    let alone =
                        metric.measure(set.features(), &generated, &mut Stream::new(9, "m"));
                    let kept = metric.measure_against(&set, &generated, &mut Stream::new(9, "m"));
                    assert_eq!(alone.unwrap(), kept.unwrap(), "{}", metric.name());
                }
            }
        }
    }

    #[test]
    fn the_covariance_is_decomposed_once() {
        let set = RealSet::new(normal(1, 40, 3));
        let first = set.factor("one").unwrap();
        assert!(std::ptr::eq(first, set.factor("another").unwrap()));
        let measure = || Ok(vec![1.0]);
        assert_eq!(set.own_distances(measure).unwrap(), [1.0]);
        let again = set.own_distances(|| unreachable!("they are kept"));
        assert_eq!(again.unwrap(), [1.0]);
    }

    #[test]
    fn an_error_is_not_kept() {
        let set = RealSet::new(normal(1, 9, 3).select(&[4; 9]));
        let error = |metric: &str| set.factor(metric).unwrap_err().to_string();
        assert!(error("one").starts_with("one: "), "{}", error("one"));
        assert!(error("another").starts_with("another: "));
    }

    #[test]
    fn moments_are_found_in_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let cache = MomentsCache::new(folder.path());
        let (real, generated) = (normal(1, 40, 3), normal(2, 40, 3));
        let measure = || {
            let set = RealSet::new(real.clone()).with_cache(cache.clone());
            let stream = &mut Stream::new(0, "unused");
            FrechetDistance::default()
                .measure_against(&set, &generated, stream)
                .unwrap()[0]
                .value
        };
        let key = MomentsKey::of(&real);
        assert!(!cache.path(&key).exists());
        let first = measure();
        assert!(cache.path(&key).exists());
        assert_eq!(measure(), first);
        // What lies there is what is taken.
        cache.put(&key, &Moments::of(&generated).unwrap()).unwrap();
        assert!(measure() < 1e-12 && first > 1e-3, "{first}");
    }
}
