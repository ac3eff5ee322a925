//! How many modes of a mixture a generator reaches, how well, and how evenly.

use serde::{Deserialize, Serialize};

use crate::data::Mixture;
use crate::error::{Error, Result};

/// A sample is of high quality within this many standard deviations of its mode.
const SIGMAS: f64 = 3.0;
/// What the mean spread within modes is called in measurements.
pub(crate) const SPREAD_MEAN: &str = "spread_mean";

/// Mode coverage of a known mixture by PacGAN's protocol (arXiv:1712.04086, section 4.1).
///
/// Each sample belongs to the mode whose mean is nearest (Euclidean; the first of two equally
/// near). It is of *high quality* if that distance is at most 3σ.
///
/// ```text
/// modes_captured = #{ i : a high-quality sample belongs to mode i }
/// high_quality   = #{ high-quality samples } / #{ samples }
/// reverse_kl     = Σᵢ qᵢ · ln(qᵢ / wᵢ),   qᵢ = #{ samples of mode i } / #{ finite samples }
/// ```
///
/// wᵢ are the mixture's weights: with equal ones, as on PacGAN's ring and grid, `reverse_kl` is
/// the KL divergence of the mode histogram from the uniform distribution. The histogram counts
/// **every finite sample**, of high quality or not. A sample with a coordinate that is NaN or
/// infinite belongs to no mode: it is missing from the histogram and counts as not of high
/// quality.
///
/// The protocol's figures are for 2,500 samples. Real data of a mixture in the plane has
/// `1 − exp(−9/2)` = 98.9 % of high quality; in many dimensions points lie about σ√d from their
/// mode, and none is within 3σ.
///
/// ```
/// use burn_gan::data::Mixture;
/// use burn_gan::metrics::ModeCoverage;
/// use burn_gan::random::Stream;
///
/// let ring = Mixture::ring();
/// let real = ring.sample(2_500, &mut Stream::new(1, "evaluation"));
/// let coverage = ModeCoverage::measure(&real, &ring)?;
/// assert_eq!((coverage.modes_captured, coverage.modes_total), (8, 8));
/// assert!(coverage.high_quality > 0.97);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModeCoverage {
    /// Modes with at least one high-quality sample.
    pub modes_captured: usize,
    /// Modes of the mixture.
    pub modes_total: usize,
    /// Share of high-quality samples among all, from 0 to 1.
    pub high_quality: f64,
    /// KL(generated ‖ mixture) of the mode histogram, in nats: 0 for the mixture's own shares,
    /// at most `−ln min wᵢ` (ln 8 for a ring of which one mode is left).
    ///
    /// If no sample is finite it is that largest value, so that a run that diverged does not
    /// look good.
    pub reverse_kl: f64,
    /// The number of samples that were measured.
    pub samples: usize,
    /// Those among them with a coordinate that is NaN or infinite.
    pub not_finite: usize,
    /// How many standard deviations from its mode a high-quality sample may be: 3.
    pub sigmas: f64,
}

impl ModeCoverage {
    /// Measures `samples`, row-major `[count, d]`, against the modes of `mixture`.
    ///
    /// # Errors
    /// If there are no samples, or if their length is no multiple of the mixture's d.
    pub fn measure(samples: &[f32], mixture: &Mixture) -> Result<Self> {
        let dimensions = mixture.dimensions();
        if samples.is_empty() || !samples.len().is_multiple_of(dimensions) {
            return Err(Error::data(
                "samples",
                format!(
                    "has {} numbers; expected [count, {dimensions}] with a count of at least 1",
                    samples.len()
                ),
            ));
        }
        let modes = mixture.means().len();
        let count = samples.len() / dimensions;
        let radius = SIGMAS * mixture.std();
        let mut histogram = vec![0usize; modes];
        let mut captured = vec![false; modes];
        let mut high_quality = 0usize;
        for sample in samples.chunks_exact(dimensions) {
            if sample.iter().any(|x| !x.is_finite()) {
                continue;
            }
            let (mode, distance) = nearest(sample, mixture.means());
            histogram[mode] += 1;
            if distance <= radius {
                captured[mode] = true;
                high_quality += 1;
            }
        }
        Ok(Self {
            modes_captured: captured.iter().filter(|captured| **captured).count(),
            modes_total: modes,
            high_quality: high_quality as f64 / count as f64,
            reverse_kl: reverse_kl(&histogram, &mixture.weights()),
            samples: count,
            not_finite: count - histogram.iter().sum::<usize>(),
            sigmas: SIGMAS,
        })
    }
}

/// The index of the mean nearest to `sample`, and its distance.
fn nearest(sample: &[f32], means: &[Vec<f64>]) -> (usize, f64) {
    let mut nearest = (0, f64::INFINITY);
    for (mode, mean) in means.iter().enumerate() {
        // In f64: the squares of large f32 are infinite in f32.
        let squares = sample
            .iter()
            .zip(mean)
            .map(|(x, m)| (f64::from(*x) - m).powi(2));
        let distance = squares.sum::<f64>();
        if distance < nearest.1 {
            nearest = (mode, distance);
        }
    }
    (nearest.0, nearest.1.sqrt())
}

/// `Σ q ln(q / w)` of a histogram; the largest value there is for an empty one.
fn reverse_kl(histogram: &[usize], weights: &[f64]) -> f64 {
    let total: usize = histogram.iter().sum();
    if total == 0 {
        return -weights.iter().copied().fold(f64::INFINITY, f64::min).ln();
    }
    let terms = histogram.iter().zip(weights).map(|(count, weight)| {
        let share = *count as f64 / total as f64;
        // 0 · ln 0 is 0 in the limit, NaN in floating point.
        if *count == 0 {
            0.0
        } else {
            share * (share / weight).ln()
        }
    });
    // Equal histograms may come out a rounding error below 0, which no divergence is.
    terms.sum::<f64>().max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    /// `count` samples exactly on each of these modes of the ring.
    fn on_modes(counts: &[usize]) -> Vec<f32> {
        let ring = Mixture::ring();
        let modes = ring.means().iter().zip(counts);
        modes
            .flat_map(|(mean, count)| vec![[mean[0] as f32, mean[1] as f32]; *count])
            .flatten()
            .collect()
    }

    fn on_ring(samples: &[f32]) -> ModeCoverage {
        ModeCoverage::measure(samples, &Mixture::ring()).unwrap()
    }

    #[test]
    fn real_data_has_its_share_within_three_sigmas() {
        let n = 100_000;
        // P(‖x − μ‖ ≤ 3σ): Rayleigh in the plane; 2Φ(3) − 1 on the line.
        let plane = 1.0 - (-4.5f64).exp();
        let line = 0.997_300_203_936_74;
        for (mixture, expected) in [
            (Mixture::ring(), plane),
            (Mixture::grid(), plane),
            (Mixture::gaussian_1d(3.0, 0.5).unwrap(), line),
        ] {
            let real = mixture.sample(n, &mut Stream::new(4, "evaluation"));
            let coverage = ModeCoverage::measure(&real, &mixture).unwrap();
            let modes = mixture.means().len();
            assert_eq!(coverage.modes_captured, modes);
            assert_eq!(coverage.modes_total, modes);
            assert_eq!((coverage.samples, coverage.not_finite), (n, 0));
            assert_eq!(coverage.sigmas, 3.0);
            // Five standard errors of a binomial share: 0.0017 on the ring.
            let allowed = 5.0 * (expected * (1.0 - expected) / n as f64).sqrt();
            let found = coverage.high_quality;
            assert!(
                (found - expected).abs() < allowed,
                "{found}, not {expected}"
            );
            // 2n·KL is about χ² with (modes − 1) degrees of freedom: mean k, deviation √2k.
            let freedom = modes as f64 - 1.0;
            let allowed = (freedom + 6.0 * (2.0 * freedom).sqrt()) / (2.0 * n as f64);
            assert!(coverage.reverse_kl <= allowed, "{}", coverage.reverse_kl);
        }
    }

    #[test]
    fn collapse_to_one_mode_is_ln_8() {
        let coverage = on_ring(&on_modes(&[0, 0, 0, 500]));
        assert_eq!(coverage.modes_captured, 1);
        assert_eq!(coverage.high_quality, 1.0);
        assert!((coverage.reverse_kl - 8f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn the_histogram_gives_the_kl_of_its_shares() {
        assert_eq!(on_ring(&on_modes(&[5; 8])).reverse_kl, 0.0);
        // Half the modes, evenly: ln 2.
        let half = on_ring(&on_modes(&[3, 0, 3, 0, 3, 0, 3, 0]));
        assert_eq!(half.modes_captured, 4);
        assert!((half.reverse_kl - 2f64.ln()).abs() < 1e-12);
        // Shares ½, ¼, ¼: ½ ln 4 + ½ ln 2.
        let uneven = on_ring(&on_modes(&[2, 1, 1]));
        let expected = 0.5 * 4f64.ln() + 0.5 * 2f64.ln();
        assert!((uneven.reverse_kl - expected).abs() < 1e-12);
    }

    #[test]
    fn unequal_weights_are_the_reference() {
        let means = vec![vec![0.0], vec![10.0]];
        let mixture = Mixture::new(means, 1.0, Some(vec![3.0, 1.0])).unwrap();
        let fair = ModeCoverage::measure(&[0.0, 0.0, 0.0, 10.0], &mixture).unwrap();
        assert!(fair.reverse_kl < 1e-12);
        let even = ModeCoverage::measure(&[0.0, 10.0], &mixture).unwrap();
        let expected = 0.5 * (0.5f64 / 0.75).ln() + 0.5 * (0.5f64 / 0.25).ln();
        assert!((even.reverse_kl - expected).abs() < 1e-12);
    }

    #[test]
    fn high_quality_ends_at_three_sigmas_in_every_direction() {
        // σ is 0.01: 0.0299 is inside, 0.0301 is outside, along an axis and across.
        let across = |r: f32| [1.0 + r * 0.6, r * 0.8];
        for (sample, inside) in [
            ([1.0299, 0.0], true),
            ([1.0301, 0.0], false),
            (across(0.0299), true),
            (across(0.0301), false),
            // Each coordinate within 3σ, the distance not.
            ([1.025, 0.025], false),
        ] {
            let coverage = on_ring(&sample);
            let expected = f64::from(u8::from(inside));
            assert_eq!(coverage.high_quality, expected, "{sample:?}");
            assert_eq!(coverage.modes_captured, usize::from(inside), "{sample:?}");
        }
    }

    #[test]
    fn samples_of_low_quality_count_in_the_histogram_but_capture_nothing() {
        // Seven good samples, and one twice as far out as the eighth mode.
        let mut samples = on_modes(&[1, 1, 1, 1, 1, 1, 1, 0]);
        let mean = Mixture::ring().means()[7].clone();
        samples.extend([2.0 * mean[0] as f32, 2.0 * mean[1] as f32]);
        let coverage = on_ring(&samples);
        assert_eq!(coverage.modes_captured, 7);
        assert_eq!(coverage.high_quality, 7.0 / 8.0);
        assert_eq!(coverage.reverse_kl, 0.0);
    }

    #[test]
    fn samples_that_are_not_finite_belong_to_no_mode() {
        let mut samples = on_modes(&[1; 8]);
        samples.extend([
            f32::NAN,
            0.0,
            1.0,
            f32::INFINITY,
            f32::NEG_INFINITY,
            f32::NAN,
        ]);
        let coverage = on_ring(&samples);
        assert_eq!((coverage.samples, coverage.not_finite), (11, 3));
        assert_eq!(coverage.modes_captured, 8);
        assert_eq!(coverage.high_quality, 8.0 / 11.0);
        // They are in no bin, so the histogram is still even.
        assert_eq!(coverage.reverse_kl, 0.0);
    }

    #[test]
    fn a_run_that_diverged_has_the_worst_figures() {
        let coverage = on_ring(&[f32::NAN; 20]);
        assert_eq!((coverage.modes_captured, coverage.not_finite), (0, 10));
        assert_eq!(coverage.high_quality, 0.0);
        assert!((coverage.reverse_kl - 8f64.ln()).abs() < 1e-12);
        // Finite, but so far out that squares overflow in f32.
        let coverage = on_ring(&[f32::MAX, 0.0]);
        assert_eq!((coverage.not_finite, coverage.high_quality), (0, 0.0));
        assert!((coverage.reverse_kl - 8f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn no_samples_and_half_samples_are_refused() {
        for samples in [&[][..], &[1.0, 0.0, 1.0][..]] {
            let error = ModeCoverage::measure(samples, &Mixture::ring()).unwrap_err();
            let error = error.to_string();
            let expected = format!("samples: has {} numbers; expected", samples.len());
            assert!(error.contains(&expected), "{error}");
        }
    }

    #[test]
    fn a_report_can_be_stored() {
        let coverage = on_ring(&on_modes(&[2, 1, 1]));
        let json = serde_json::to_string(&coverage).unwrap();
        for name in [
            "modes_captured",
            "modes_total",
            "high_quality",
            "reverse_kl",
        ] {
            assert!(json.contains(&format!("\"{name}\":")), "{json}");
        }
        let again: ModeCoverage = serde_json::from_str(&json).unwrap();
        // serde_json's fast parser may miss the last bit of an f64.
        assert!((again.reverse_kl - coverage.reverse_kl).abs() < 1e-15);
        let reverse_kl = coverage.reverse_kl;
        assert_eq!(
            ModeCoverage {
                reverse_kl,
                ..again
            },
            coverage
        );
    }
}
