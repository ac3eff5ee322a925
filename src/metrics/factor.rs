//! A covariance as the product of a factor with itself, no wider than its rank.

use faer::Mat;

use super::distances::mean_row;
use super::features::{ExtractorId, Features, alike};
use super::linear::{Cholesky, cholesky, product};
use super::moments::Moments;
use crate::error::{Error, Result};

/// The moments of a set as a distance needs them: the mean, and F with covariance = F Fᵀ.
///
/// F is `[dimensions, rank]`, from a Cholesky decomposition with pivots of the correlations: features
/// of different scales count alike where the rank is decided. What is left of a feature's variance
/// when the features before it are known is no more than rounding below a share of about
/// `dimensions · 1e-15`; there the decomposition ends. It ends at `count − 1` in any case, since no
/// more directions are in so many samples.
#[derive(Debug)]
pub(super) struct Factor {
    pub(super) count: usize,
    pub(super) mean: Vec<f64>,
    /// The sum of all variances.
    pub(super) trace: f64,
    pub(super) factor: Mat<f64>,
    /// The directions that the samples differ in.
    pub(super) rank: usize,
    pub(super) extractor: Option<ExtractorId>,
}

impl Factor {
    /// Of a set of features, in the way that takes less memory.
    ///
    /// # Errors
    /// As the two.
    pub(super) fn of_features(metric: &str, features: &Features) -> Result<Self> {
        Self::of_features_with(metric, features, || Moments::of(features))
    }

    /// The same, with the way to the set's moments where it takes them.
    ///
    /// # Errors
    /// As [`of_features`](Self::of_features), and those of `moments`.
    pub(super) fn of_features_with(
        metric: &str,
        features: &Features,
        moments: impl FnOnce() -> Result<Moments>,
    ) -> Result<Self> {
        match features.count() <= features.dimensions() {
            true => Self::of_few(metric, features),
            false => Self::of(metric, &moments()?),
        }
    }

    /// # Errors
    /// If there are fewer than two samples, or if all of them are the same.
    pub(super) fn of(metric: &str, moments: &Moments) -> Result<Self> {
        let dimensions = moments.dimensions();
        let name = match moments.set() {
            "" => String::from("the set"),
            set => format!("the set `{set}`"),
        };
        let (count, mean, scatter) = moments.parts();
        if count < 2 {
            return Err(Error::data(
                metric,
                format!("{name} has {count} samples; it takes at least 2"),
            ));
        }
        let scale = 1.0 / (count - 1) as f64;
        let variance = |i: usize| scatter[i * dimensions + i] * scale;
        let varying: Vec<usize> = (0..dimensions).filter(|i| variance(*i) > 0.0).collect();
        if varying.is_empty() {
            return Err(alike(metric, count, moments.set()));
        }
        let deviations: Vec<f64> = varying.iter().map(|i| variance(*i).sqrt()).collect();
        // `varying` ascends, so that only what is below the diagonal is read.
        let correlations = Mat::from_fn(varying.len(), varying.len(), |row, column| {
            if row < column {
                return 0.0;
            }
            let value = scatter[varying[column] * dimensions + varying[row]];
            value * scale / (deviations[row] * deviations[column])
        });
        let Cholesky { lower, rank, order } = cholesky(metric, correlations)?;
        let rank = rank.min(count - 1);
        let mut factor = Mat::zeros(dimensions, rank);
        for column in 0..rank {
            for (row, from) in order.iter().enumerate().skip(column) {
                factor[(varying[*from], column)] = deviations[*from] * lower[(row, column)];
            }
        }
        Ok(Self {
            count,
            mean: mean.into_owned(),
            trace: (0..dimensions).map(variance).sum(),
            factor,
            rank,
            extractor: moments.extractor().cloned(),
        })
    }

    /// The same of a set that has no more samples than features: F is the centred samples themselves,
    /// and no matrix of `dimensions²` numbers is made.
    ///
    /// # Errors
    /// If all samples are the same.
    fn of_few(metric: &str, features: &Features) -> Result<Self> {
        let (count, dimensions) = (features.count(), features.dimensions());
        let mean = mean_row(features);
        let scale = 1.0 / ((count - 1) as f64).sqrt();
        let factor = Mat::from_fn(dimensions, count, |row, column| {
            (f64::from(features.row(column)[row]) - mean[row]) * scale
        });
        let gram = product(factor.transpose(), factor.as_ref());
        let trace: f64 = (0..count).map(|i| gram[(i, i)]).sum();
        if !(trace > 0.0) {
            return Err(alike(metric, count, features.set()));
        }
        let rank = cholesky(metric, gram)?.rank.min(count - 1);
        Ok(Self {
            count,
            mean,
            trace,
            factor,
            rank,
            extractor: Some(features.extractor().clone()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Features;
    use crate::random::Stream;

    fn factor(features: &Features) -> Factor {
        Factor::of("test", &Moments::of(features).unwrap()).unwrap()
    }

    fn normal(count: usize, dimensions: usize) -> Features {
        let values = Stream::new(3, "factor").normal(count * dimensions);
        Features::new(values, dimensions).unwrap()
    }

    /// The largest distance of F Fᵀ from the covariance, as a share of the deviations' product.
    fn error(features: &Features) -> f64 {
        let covariance = Moments::of(features).unwrap().covariance().unwrap();
        let factor = factor(features).factor;
        let product = &factor * factor.transpose();
        let d = features.dimensions();
        let deviation = |i: usize| covariance[i * d + i].sqrt().max(f64::MIN_POSITIVE);
        let mut worst = 0_f64;
        for i in 0..d {
            for j in 0..d {
                let error = (product[(i, j)] - covariance[i * d + j]).abs();
                worst = worst.max(error / deviation(i) / deviation(j));
            }
        }
        worst
    }

    #[test]
    fn the_factor_is_a_root_of_the_covariance() {
        for (count, dimensions) in [(60, 7), (9, 30), (2, 5), (200, 160)] {
            let features = normal(count, dimensions);
            let rank = dimensions.min(count - 1);
            assert_eq!(factor(&features).rank, rank, "{count} × {dimensions}");
            let error = error(&features);
            assert!(error < 1e-13, "{count} × {dimensions}: {error}");
        }
    }

    #[test]
    fn the_rank_is_that_of_the_features_whatever_their_scale() {
        // A feature that two others make, one that is constant, and scales from 1e-6 to 1e6.
        let mut values = Vec::new();
        for row in normal(300, 3).rows() {
            let (a, b, c) = (row[0].round(), row[1], row[2]);
            values.extend([a, 1e6 * b, 1e-6 * c, 2.0 * a, 3.0]);
        }
        let features = Features::new(values, 5).unwrap();
        assert_eq!(factor(&features).rank, 3);
        assert!(error(&features) < 1e-13);
    }
}
