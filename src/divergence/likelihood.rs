//! Likelihood: how well a density explains samples, and the densities that samples suggest.

use serde::{Deserialize, Serialize};

use crate::divergence::Gaussian;
use crate::error::{Error, Result};
use crate::sizes;

/// The mean log-likelihood of independent samples under a density, in nats per sample.
///
/// ```text
/// L = 1/N Σ_i ln p(x_i)
/// ```
///
/// The likelihood Π p(x_i) of independent samples has its maximum where this mean has it, for the
/// logarithm is increasing and N is fixed. As N grows, the mean tends to
/// E_{x∼p_data} ln p(x) = −H(p_data) − KL(p_data ‖ p).
///
/// −∞ where a sample has density 0.
///
/// ```
/// use burn_gan::divergence::{Gaussian, fit_gaussian, mean_log_likelihood};
///
/// let samples = [2.5, 3.0, 3.25, 3.5];
/// let best = fit_gaussian(&samples)?;
/// let other = Gaussian::new(3.0, 1.0)?;
/// let at_best = mean_log_likelihood(&samples, |x| best.log_density(x))?;
/// assert!(at_best > mean_log_likelihood(&samples, |x| other.log_density(x))?);
/// # Ok::<(), burn_gan::Error>(())
/// ```
///
/// # Errors
/// If there is no sample, a sample is not finite, or the log-density of a sample is NaN or +∞
/// (where it is unbounded, no likelihood can be compared).
pub fn mean_log_likelihood(samples: &[f64], log_density: impl Fn(f64) -> f64) -> Result<f64> {
    refuse_unusable(samples)?;
    let mut sum = 0.0;
    for &sample in samples {
        let term = log_density(sample);
        if term.is_nan() || term == f64::INFINITY {
            return Err(Error::setting(
                "log_density",
                term,
                format!("must be below infinity, also at the sample {sample}"),
            ));
        }
        sum += term;
    }
    Ok(sum / samples.len() as f64)
}

/// The Gaussian of highest likelihood for these samples.
///
/// ```text
/// mean = 1/N Σ_i x_i,   std = √(1/N Σ_i (x_i − mean)²)
/// ```
///
/// The standard deviation is the biased one (divided by N, not N − 1): it is the maximum of the
/// likelihood.
///
/// ```
/// use burn_gan::divergence::fit_gaussian;
///
/// let fit = fit_gaussian(&[1.0, 3.0])?;
/// assert_eq!((fit.mean(), fit.std()), (2.0, 1.0));
/// # Ok::<(), burn_gan::Error>(())
/// ```
///
/// # Errors
/// If there is no sample, a sample is not finite, or all samples are equal (the likelihood then
/// grows without bound as the standard deviation falls to 0).
pub fn fit_gaussian(samples: &[f64]) -> Result<Gaussian> {
    refuse_unusable(samples)?;
    let count = samples.len() as f64;
    // Measured from the first sample, so that equal samples have a spread of exactly 0 and a large
    // common offset costs no digits.
    let origin = samples[0];
    let shift = samples.iter().map(|x| x - origin).sum::<f64>() / count;
    let variance = samples
        .iter()
        .map(|x| (x - origin - shift).powi(2))
        .sum::<f64>()
        / count;
    if variance == 0.0 {
        return Err(Error::data(
            "samples",
            "all samples are equal, so that no Gaussian has the highest likelihood: give samples \
             that differ",
        ));
    }
    Gaussian::new(origin + shift, variance.sqrt())
}

/// A density estimate with no model: the share of samples that fall near a point.
///
/// ```text
/// p̂(x) = n_i / (N · width)   for x in bin i
/// ```
///
/// where n_i of the N samples fall in bin i. Bins are closed below and open above; the last one is
/// closed on both sides. Samples outside `[low, high]` count in N and fall in no bin, so that the
/// estimate tends to the true density everywhere in the range, whatever lies beyond.
///
/// ```
/// use burn_gan::divergence::Histogram;
///
/// let histogram = Histogram::new(&[0.1, 0.2, 0.3, 1.5], 0.0, 2.0, 2)?;
/// assert_eq!(histogram.share(0), 0.75);
/// assert_eq!(histogram.density(1.9), 0.25);
/// assert_eq!(histogram.density(2.1), 0.0);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    low: f64,
    high: f64,
    counts: Vec<usize>,
    total: usize,
}

impl Histogram {
    /// Counts the samples in `bins` bins of equal width over `[low, high]`.
    ///
    /// # Errors
    /// If there is no sample, a sample is not finite, `high` is not above `low` (or either is not
    /// finite), or `bins` is 0.
    pub fn new(samples: &[f64], low: f64, high: f64, bins: usize) -> Result<Self> {
        refuse_unusable(samples)?;
        check_range(low, high)?;
        sizes::size("bins", bins)?;
        let mut histogram = Self {
            low,
            high,
            counts: vec![0; bins],
            total: samples.len(),
        };
        for &sample in samples {
            if let Some(bin) = histogram.bin(sample) {
                histogram.counts[bin] += 1;
            }
        }
        Ok(histogram)
    }

    /// The number of bins.
    pub fn bins(&self) -> usize {
        self.counts.len()
    }

    /// The width of each bin.
    pub fn width(&self) -> f64 {
        (self.high - self.low) / self.counts.len() as f64
    }

    /// The middle of bin `index`.
    ///
    /// # Panics
    /// If there is no such bin.
    pub fn centre(&self, index: usize) -> f64 {
        assert!(
            index < self.bins(),
            "bin {index} of a histogram of {} bins",
            self.bins()
        );
        self.low + (index as f64 + 0.5) * self.width()
    }

    /// The share n_i / N of all samples that fall in bin `index`.
    ///
    /// # Panics
    /// If there is no such bin.
    pub fn share(&self, index: usize) -> f64 {
        self.counts[index] as f64 / self.total as f64
    }

    /// The estimated density at `x`: 0 outside the range.
    pub fn density(&self, x: f64) -> f64 {
        self.bin(x)
            .map_or(0.0, |bin| self.share(bin) / self.width())
    }

    /// The bin that `x` falls in.
    fn bin(&self, x: f64) -> Option<usize> {
        if !(self.low..=self.high).contains(&x) {
            return None;
        }
        let position = (x - self.low) / (self.high - self.low) * self.counts.len() as f64;
        // Only x = high, and values that round up to it, lie past the last bin.
        Some((position as usize).min(self.counts.len() - 1))
    }
}

/// `low < high`, with a finite distance between them.
pub(super) fn check_range(low: f64, high: f64) -> Result<()> {
    if !low.is_finite() {
        return Err(Error::setting("low", low, "must be a finite number"));
    }
    let width = high - low;
    // A NaN `high` makes the width NaN, which is not finite.
    if !width.is_finite() || width <= 0.0 {
        return Err(Error::setting(
            "high",
            high,
            format!("must be a finite number above `low` = {low}"),
        ));
    }
    Ok(())
}

/// Refuses no samples, and samples that are NaN or infinite.
fn refuse_unusable(samples: &[f64]) -> Result<()> {
    if samples.is_empty() {
        return Err(Error::data(
            "samples",
            "there are none: give at least one sample",
        ));
    }
    match samples.iter().position(|sample| !sample.is_finite()) {
        Some(index) => Err(Error::data(
            "samples",
            format!(
                "number {index} is {}: every sample must be finite",
                samples[index]
            ),
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::divergence::{Interval, expectation};
    use crate::random::Stream;

    fn gaussian(mean: f64, std: f64) -> Gaussian {
        Gaussian::new(mean, std).unwrap()
    }

    fn draw(p: &Gaussian, count: usize, seed: u64) -> Vec<f64> {
        Stream::new(seed, "likelihood")
            .normal(count)
            .into_iter()
            .map(|z| p.mean() + p.std() * f64::from(z))
            .collect()
    }

    fn mean_at(samples: &[f64], p: &Gaussian) -> f64 {
        mean_log_likelihood(samples, |x| p.log_density(x)).unwrap()
    }

    /// The index of the largest score.
    fn argmax(scores: impl IntoIterator<Item = f64>) -> usize {
        scores
            .into_iter()
            .enumerate()
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .unwrap()
            .0
    }

    #[test]
    fn unusable_samples_and_settings_are_refused_by_name() {
        let text = |error: Error| error.to_string();
        assert!(text(mean_log_likelihood(&[], |_| 0.0).unwrap_err()).contains("samples"));
        let message = text(fit_gaussian(&[1.0, f64::NAN]).unwrap_err());
        assert!(message.contains("number 1 is NaN"), "{message}");
        assert!(text(fit_gaussian(&[0.1; 7]).unwrap_err()).contains("all samples are equal"));
        assert!(text(mean_log_likelihood(&[1.0], |_| f64::NAN).unwrap_err()).contains("density"));
        assert!(mean_log_likelihood(&[1.0], |_| f64::INFINITY).is_err());
        for (low, high, bins, name) in [
            (f64::NAN, 1.0, 3, "`low`"),
            (0.0, 0.0, 3, "`high`"),
            (0.0, f64::NAN, 3, "`high`"),
            (-1e308, 1e308, 3, "`high`"),
            (0.0, 1.0, 0, "`bins`"),
        ] {
            let message = text(Histogram::new(&[0.5], low, high, bins).unwrap_err());
            assert!(message.contains(name), "{message}");
        }
        assert!(Histogram::new(&[], 0.0, 1.0, 1).is_err());
    }

    #[test]
    fn a_sample_of_density_zero_has_no_likelihood() {
        let uniform = |x: f64| {
            if (0.0..1.0).contains(&x) {
                0.0
            } else {
                f64::NEG_INFINITY
            }
        };
        assert_eq!(mean_log_likelihood(&[0.2, 0.9], uniform).unwrap(), 0.0);
        assert_eq!(
            mean_log_likelihood(&[0.2, 1.9], uniform).unwrap(),
            f64::NEG_INFINITY
        );
    }

    #[test]
    fn likelihood_and_mean_log_likelihood_have_the_same_maximum() {
        let samples = draw(&gaussian(1.0, 0.8), 20, 1);
        let family: Vec<_> = (0..41)
            .map(|i| gaussian(-1.0 + 0.1 * f64::from(i), 0.8))
            .collect();
        let by_product = argmax(
            family
                .iter()
                .map(|p| samples.iter().map(|x| p.density(*x)).product()),
        );
        let by_mean = argmax(family.iter().map(|p| mean_at(&samples, p)));
        assert_eq!(by_product, by_mean);
    }

    #[test]
    fn the_gaussian_fit_is_the_maximum_of_the_likelihood() {
        let samples = draw(&gaussian(3.0, 0.5), 500, 2);
        let fit = fit_gaussian(&samples).unwrap();
        let at_fit = mean_at(&samples, &fit);
        for (mean, std) in [(1e-3, 0.0), (-1e-3, 0.0), (0.0, 1e-3), (0.0, -1e-3)] {
            let moved = gaussian(fit.mean() + mean, fit.std() + std);
            assert!(mean_at(&samples, &moved) < at_fit);
        }
        // At its own fit the mean log-likelihood is the fit's negative entropy, by algebra.
        assert!((at_fit + fit.entropy()).abs() < 1e-12);
    }

    #[test]
    fn the_gaussian_fit_keeps_its_digits_far_from_the_origin() {
        let fit = fit_gaussian(&[1e9, 1e9 + 1.0, 1e9 + 2.0]).unwrap();
        assert_eq!(fit.mean(), 1e9 + 1.0);
        assert!((fit.std() - (2.0_f64 / 3.0).sqrt()).abs() < 1e-15);
    }

    #[test]
    fn expected_log_likelihood_is_minus_entropy_minus_kl() {
        let data = gaussian(3.0, 0.5);
        let interval = Interval::new(-5.0, 11.0, 2_000).unwrap();
        for (mean, std) in [(3.0, 0.5), (2.0, 0.5), (3.0, 2.0), (0.0, 1.0)] {
            let model = gaussian(mean, std);
            let expected =
                expectation(|x| data.log_density(x), |x| model.log_density(x), &interval);
            assert!((expected + data.entropy() + data.kl(&model)).abs() < 1e-10);
        }
    }

    #[test]
    fn mean_log_likelihood_tends_to_minus_entropy_minus_kl() {
        let data = gaussian(3.0, 0.5);
        let model = gaussian(2.5, 0.8);
        let samples = draw(&data, 100_000, 3);
        let limit = -data.entropy() - data.kl(&model);
        let mean = mean_at(&samples, &model);
        let variance = samples
            .iter()
            .map(|x| (model.log_density(*x) - mean).powi(2))
            .sum::<f64>()
            / samples.len() as f64;
        // Five standard errors: a right estimate fails once in 1.7 million seeds.
        let bound = 5.0 * (variance / samples.len() as f64).sqrt();
        assert!((mean - limit).abs() < bound, "{mean} {limit} {bound}");
    }

    #[test]
    fn highest_mean_log_likelihood_is_lowest_kl_over_a_family() {
        let data = gaussian(3.0, 0.5);
        let samples = draw(&data, 20_000, 4);
        // Steps of 0.1 in either parameter are 28 standard errors of the mean and 40 of the
        // standard deviation: the two searches disagree by chance practically never.
        let family: Vec<_> = (0..21)
            .flat_map(|i| {
                (0..10).map(move |j| gaussian(2.0 + 0.1 * f64::from(i), 0.2 + 0.1 * f64::from(j)))
            })
            .collect();
        let by_likelihood = argmax(family.iter().map(|p| mean_at(&samples, p)));
        let by_kl = argmax(family.iter().map(|p| -data.kl(p)));
        assert_eq!(by_likelihood, by_kl);
        assert!((family[by_kl].mean() - 3.0).abs() < 1e-9);
        assert!((family[by_kl].std() - 0.5).abs() < 1e-9);
    }

    #[test]
    fn histogram_bins_hold_their_edges() {
        let histogram = Histogram::new(&[0.0, 1.0, 2.0, 3.0, -0.1, 3.1], 0.0, 3.0, 3).unwrap();
        let shares: Vec<_> = (0..histogram.bins()).map(|i| histogram.share(i)).collect();
        assert_eq!(shares, [1.0 / 6.0, 1.0 / 6.0, 2.0 / 6.0]);
        assert_eq!(histogram.width(), 1.0);
        assert_eq!(histogram.centre(2), 2.5);
        assert_eq!(histogram.density(3.0), 2.0 / 6.0);
        assert_eq!(histogram.density(-0.01), 0.0);
        assert_eq!(histogram.density(f64::NAN), 0.0);
    }

    #[test]
    fn histogram_estimate_converges_to_the_density() {
        let data = gaussian(0.0, 1.0);
        let error = |count: usize, bins: usize| {
            let histogram = Histogram::new(&draw(&data, count, 5), -3.0, 3.0, bins).unwrap();
            (0..bins)
                .map(|i| {
                    let x = histogram.centre(i);
                    (histogram.density(x) - data.density(x)).abs() * histogram.width()
                })
                .sum::<f64>()
        };
        // Bins as the cube root of the samples, which balances noise and bin width. The noise's
        // part of the integrated error falls as count^(-1/3): by 4 over a factor of 64.
        let coarse = error(4_000, 32);
        let fine = error(256_000, 128);
        assert!(fine < 0.5 * coarse, "{coarse} {fine}");
        assert!(fine < 0.03, "{fine}");
    }

    #[test]
    fn histogram_shares_are_the_bin_probabilities() {
        let data = gaussian(0.0, 1.0);
        let count = 100_000;
        let histogram = Histogram::new(&draw(&data, count, 6), -2.0, 2.0, 16).unwrap();
        for i in 0..histogram.bins() {
            let x = histogram.centre(i);
            let half = 0.5 * histogram.width();
            let bin = Interval::new(x - half, x + half, 20).unwrap();
            let probability = bin.integrate(|x| data.density(x));
            // Five standard errors of a binomial share, sixteen times: one seed in 100,000 fails.
            let bound = 5.0 * (probability * (1.0 - probability) / count as f64).sqrt();
            assert!((histogram.share(i) - probability).abs() < bound);
        }
    }
}
