//! How many modes of a mixture a generator reaches, how well, how evenly, and how widely.

use serde::{Deserialize, Serialize};

use super::principal_axes;
use crate::data::Mixture;
use crate::error::{Error, Result};

/// A sample is of high quality within this many standard deviations of its mode.
const SIGMAS: f64 = 3.0;

/// Mode coverage of a known mixture by PacGAN's protocol (arXiv:1712.04086, section 4.1).
///
/// Each sample belongs to the mode whose mean is nearest (Euclidean; the first of two equally
/// near). It is of *high quality* if that distance is at most 3σ.
///
/// ```text
/// modes_captured = #{ i : a high-quality sample belongs to mode i }
/// high_quality   = #{ high-quality samples } / #{ samples }
/// reverse_kl     = Σᵢ qᵢ · ln(qᵢ / wᵢ),   qᵢ = #{ samples of mode i } / #{ finite samples }
/// js             = ½ Σᵢ qᵢ · ln(qᵢ / mᵢ) + ½ Σᵢ wᵢ · ln(wᵢ / mᵢ),   mᵢ = ½(qᵢ + wᵢ)
/// spread_mean    = mean over modes i and their principal axes j of sᵢⱼ / σ
/// spread_min     = the smallest of them
/// ```
///
/// wᵢ are the mixture's weights: with equal ones, as on PacGAN's ring and grid, `reverse_kl` is
/// the KL divergence of the mode histogram from the uniform distribution. The histogram counts
/// **every finite sample**, of high quality or not. A sample with a coordinate that is NaN or
/// infinite belongs to no mode: it is missing from the histogram and counts as not of high
/// quality.
///
/// **Spread.** The protocol's figures say nothing about the inside of a mode: a generator that gives
/// its mean every time has 100 % of high quality. sᵢⱼ is the standard deviation of the samples of
/// mode i along the j-th of their principal axes: 1 in units of the mixture's σ for real data, 0.5
/// for a mode shrunk to half, 0 along an axis across which it collapsed to a line. Samples between
/// modes do not count, however far they are: along each axis those further than three of the mode's
/// own standard deviations from its centre are left out, and what is left is corrected for the tails
/// of a Gaussian that are cut off with them. A mode without samples, or with one, has a spread of 0.
///
/// The mean hardly depends on the number n of samples of a mode. The smallest axis does, since noise
/// makes one axis shorter: in d dimensions that of real data is about `1 − √(d/n)` in each mode, and
/// `spread_min` is the smallest of all modes: 0.9 on the ring and 0.8 on the grid with 2,500 samples,
/// 0.97 and 0.94 with 25,000. So measure the spread with thousands of samples a mode, and real data
/// beside it. A mode of d samples or fewer has a smallest axis of 0 whatever it is. Modes should lie
/// several σ apart, since a sample counts for the nearest.
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
    /// Jensen-Shannon divergence of the mode histogram from the mixture's shares, in nats, at most
    /// ln 2, which it is too if no sample is finite.
    pub js: f64,
    /// The samples' standard deviation within a mode by the mixture's σ, the mean over modes and
    /// their principal axes: 1 for real data.
    pub spread_mean: f64,
    /// The same along the shortest axis of all modes: 0 if a mode is lost, or collapsed to a line.
    pub spread_min: f64,
    /// Each mode by itself, in the mixture's order.
    pub modes: Vec<ModeStatistics>,
    /// The number of samples that were measured.
    pub samples: usize,
    /// Those among them with a coordinate that is NaN or infinite.
    pub not_finite: usize,
    /// How many standard deviations from its mode a high-quality sample may be: 3.
    pub sigmas: f64,
}

/// The samples of one mode.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ModeStatistics {
    /// Finite samples that are nearer to its mean than to any other.
    pub samples: usize,
    /// Those of them within 3σ.
    pub high_quality: usize,
    /// Their standard deviation by the mixture's σ, the mean over the principal axes.
    pub spread_mean: f64,
    /// The same along the shortest axis.
    pub spread_min: f64,
}

impl ModeStatistics {
    /// The statistics of `samples`, row-major `[count, d]`, which belong to this mode.
    fn of(samples: &[f64], high_quality: usize, mixture: &Mixture) -> Self {
        let dimensions = mixture.dimensions();
        let widths = principal_axes::standard_deviations(samples, dimensions);
        Self {
            samples: samples.len() / dimensions,
            high_quality,
            spread_mean: widths.iter().sum::<f64>() / dimensions as f64 / mixture.std(),
            spread_min: widths[0] / mixture.std(),
        }
    }
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
        let total = mixture.means().len();
        let count = samples.len() / dimensions;
        let radius = SIGMAS * mixture.std();
        let mut members = vec![Vec::new(); total];
        let mut good = vec![0usize; total];
        for sample in samples.chunks_exact(dimensions) {
            if sample.iter().any(|x| !x.is_finite()) {
                continue;
            }
            let (mode, distance) = nearest(sample, mixture.means());
            members[mode].extend(sample.iter().map(|x| f64::from(*x)));
            good[mode] += usize::from(distance <= radius);
        }
        let modes: Vec<ModeStatistics> = (members.iter().zip(&good))
            .map(|(samples, good)| ModeStatistics::of(samples, *good, mixture))
            .collect();
        let histogram: Vec<usize> = modes.iter().map(|mode| mode.samples).collect();
        let spreads = modes.iter().map(|mode| mode.spread_min);
        Ok(Self {
            modes_captured: good.iter().filter(|good| **good > 0).count(),
            modes_total: total,
            high_quality: good.iter().sum::<usize>() as f64 / count as f64,
            reverse_kl: reverse_kl(&histogram, &mixture.weights()),
            js: jensen_shannon(&histogram, &mixture.weights()),
            spread_mean: modes.iter().map(|mode| mode.spread_mean).sum::<f64>() / total as f64,
            spread_min: spreads.fold(f64::INFINITY, f64::min),
            samples: count,
            not_finite: count - histogram.iter().sum::<usize>(),
            sigmas: SIGMAS,
            modes,
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
    match shares(histogram) {
        Some(shares) => kl(&shares, weights),
        None => -weights.iter().copied().fold(f64::INFINITY, f64::min).ln(),
    }
}

/// Jensen-Shannon divergence of a histogram from the weights; ln 2 for an empty one.
fn jensen_shannon(histogram: &[usize], weights: &[f64]) -> f64 {
    let Some(shares) = shares(histogram) else {
        return std::f64::consts::LN_2;
    };
    let middle: Vec<f64> = (shares.iter().zip(weights))
        .map(|(q, w)| 0.5 * (q + w))
        .collect();
    0.5 * kl(&shares, &middle) + 0.5 * kl(weights, &middle)
}

/// The shares of a histogram that has anything in it.
fn shares(histogram: &[usize]) -> Option<Vec<f64>> {
    let total: usize = histogram.iter().sum();
    let share = |count: &usize| *count as f64 / total as f64;
    (total > 0).then(|| histogram.iter().map(share).collect())
}

/// `Σ p ln(p / q)`, q above 0 wherever p is.
fn kl(p: &[f64], q: &[f64]) -> f64 {
    // 0 · ln 0 is 0 in the limit, NaN in floating point.
    let term = |p: f64, q: f64| if p == 0.0 { 0.0 } else { p * (p / q).ln() };
    let sum: f64 = p.iter().zip(q).map(|(p, q)| term(*p, *q)).sum();
    // Equal histograms may come out a rounding error below 0, which no divergence is.
    sum.max(0.0)
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

    /// Real samples of a mixture, each mode's squeezed towards its mean by a matrix `[[a, b], [c, d]]`
    /// of its own.
    fn squeezed(
        mixture: &Mixture,
        count: usize,
        squeeze: impl Fn(usize) -> [[f64; 2]; 2],
    ) -> Vec<f32> {
        let mut stream = Stream::new(11, "evaluation");
        let (points, modes) = mixture.sample_with_modes(count, &mut stream);
        (points.chunks_exact(2).zip(modes))
            .flat_map(|(point, mode)| {
                let mean = &mixture.means()[mode];
                let (u, v) = (f64::from(point[0]) - mean[0], f64::from(point[1]) - mean[1]);
                squeeze(mode)
                    .map(|row| row[0] * u + row[1] * v)
                    .iter()
                    .zip(mean)
                    .map(|(x, m)| (x + m) as f32)
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    const WHOLE: [[f64; 2]; 2] = [[1.0, 0.0], [0.0, 1.0]];

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
    fn the_histogram_gives_the_js_of_its_shares() {
        assert_eq!(on_ring(&on_modes(&[5; 8])).js, 0.0);
        // Half the modes, evenly: q = ¼ against w = ⅛ there, 0 against ⅛ elsewhere.
        let half = on_ring(&on_modes(&[3, 0, 3, 0, 3, 0, 3, 0]));
        let from_samples = (4f64 / 3.0).ln();
        let from_weights = 0.5 * (2f64 / 3.0).ln() + 0.5 * 2f64.ln();
        assert!((half.js - 0.5 * (from_samples + from_weights)).abs() < 1e-12);
        // One of two modes far apart in weight: at most ln 2.
        let collapsed = on_ring(&on_modes(&[1]));
        assert!(collapsed.js < std::f64::consts::LN_2 && collapsed.js > 0.4);
    }

    #[test]
    fn real_data_has_a_spread_of_1() {
        for mixture in [Mixture::ring(), Mixture::grid()] {
            let n = 25_000;
            let real = mixture.sample(n, &mut Stream::new(5, "evaluation"));
            let coverage = ModeCoverage::measure(&real, &mixture).unwrap();
            // A standard deviation of k draws has a standard error of 1/√(2k), 3 % more for the
            // draws that are cut off; all axes together have 2n draws. Four of them.
            let allowed = 4.0 * 1.03 / (2.0 * 2.0 * n as f64).sqrt();
            let found = coverage.spread_mean;
            assert!((found - 1.0).abs() < allowed, "{found}, not 1");
            // Four standard errors of a mode's own, on the side that the shortest axis is on.
            let a_mode = n as f64 / mixture.means().len() as f64;
            let found = coverage.spread_min;
            let least = 1.0 - 5.0 / (2.0 * a_mode).sqrt();
            assert!(found > least && found < 1.0, "{found}, not above {least}");
        }
    }

    #[test]
    fn a_shrunk_mode_has_half_the_spread() {
        let ring = Mixture::ring();
        let n = 25_000;
        let real = on_ring(&squeezed(&ring, n, |_| WHOLE));
        let half = on_ring(&squeezed(&ring, n, |mode| match mode {
            2 => [[0.5, 0.0], [0.0, 0.5]],
            _ => WHOLE,
        }));
        // The same draws: exactly half, but for the rounding of samples to f32.
        for (mode, (half, real)) in half.modes.iter().zip(&real.modes).enumerate() {
            let factor = if mode == 2 { 0.5 } else { 1.0 };
            assert!((half.spread_mean / real.spread_mean - factor).abs() < 1e-4);
            assert!((half.spread_min / real.spread_min - factor).abs() < 1e-4);
            assert_eq!(half.samples, real.samples);
        }
        assert_eq!(half.spread_min, half.modes[2].spread_min);
        let expected = (7.5 / 8.0) * real.spread_mean;
        assert!((half.spread_mean - expected).abs() < 0.002);
    }

    #[test]
    fn an_ellipse_has_its_axes_in_any_direction() {
        let grid = Mixture::grid();
        // Mode 3 squeezed to 0.2 along the direction (0.6, 0.8): 1 − 0.8·uuᵀ.
        let matrix = [
            [1.0 - 0.8 * 0.36, -0.8 * 0.48],
            [-0.8 * 0.48, 1.0 - 0.8 * 0.64],
        ];
        let samples = squeezed(
            &grid,
            100_000,
            |mode| if mode == 3 { matrix } else { WHOLE },
        );
        let coverage = ModeCoverage::measure(&samples, &grid).unwrap();
        let ellipse = coverage.modes[3];
        // Four standard errors: 1/√(2·4,000) is 1.1 %.
        assert!((ellipse.spread_min / 0.2 - 1.0).abs() < 0.045);
        assert!((ellipse.spread_mean / 0.6 - 1.0).abs() < 0.04);
        assert_eq!(coverage.spread_min, ellipse.spread_min);
    }

    #[test]
    fn samples_between_the_modes_do_not_widen_them() {
        let ring = Mixture::ring();
        let mut samples = squeezed(&ring, 2_500, |_| WHOLE);
        let alone = on_ring(&samples);
        // Twenty on the way from one mode to the next, a few just outside, one far away.
        for i in 1..20 {
            let t = i as f32 / 20.0;
            let to = &ring.means()[1];
            samples.extend([1.0 + t * (to[0] as f32 - 1.0), t * to[1] as f32]);
        }
        samples.extend([1.045, 0.0, 1e9, 0.0]);
        let among = on_ring(&samples);
        assert!((among.modes[0].spread_mean / alone.modes[0].spread_mean - 1.0).abs() < 0.02);
        assert!(among.modes[0].samples > alone.modes[0].samples + 8);
        assert_eq!(among.modes[4], alone.modes[4]);
    }

    #[test]
    fn a_lost_mode_has_no_spread() {
        let ring = Mixture::ring();
        let real = squeezed(&ring, 25_000, |_| WHOLE);
        let kept: Vec<f32> = (real.chunks_exact(2).filter(|point| point[0] > -0.9))
            .flatten()
            .copied()
            .collect();
        let coverage = on_ring(&kept);
        let lost = coverage.modes[4];
        assert_eq!(
            (lost.samples, lost.spread_mean, lost.spread_min),
            (0, 0.0, 0.0)
        );
        assert_eq!((coverage.modes_captured, coverage.spread_min), (7, 0.0));
        assert!((coverage.spread_mean - 7.0 / 8.0).abs() < 0.01);
        // All on their means: captured, of high quality, and without any spread.
        let collapsed = on_ring(&on_modes(&[10; 8]));
        assert_eq!((collapsed.modes_captured, collapsed.high_quality), (8, 1.0));
        assert!(collapsed.spread_mean < 1e-6 && collapsed.spread_min < 1e-6);
    }

    #[test]
    fn a_line_has_its_standard_deviation() {
        let line = Mixture::gaussian_1d(3.0, 0.5).unwrap();
        let real = line.sample(20_000, &mut Stream::new(6, "evaluation"));
        let coverage = ModeCoverage::measure(&real, &line).unwrap();
        // Four standard errors, 1/√(2n) each.
        assert!((coverage.spread_mean - 1.0).abs() < 0.02);
        assert_eq!(coverage.spread_mean, coverage.spread_min);
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
        assert_eq!(coverage.js, std::f64::consts::LN_2);
        assert_eq!((coverage.spread_mean, coverage.spread_min), (0.0, 0.0));
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
            "js",
            "spread_mean",
            "spread_min",
        ] {
            assert!(json.contains(&format!("\"{name}\":")), "{json}");
        }
        let again: ModeCoverage = serde_json::from_str(&json).unwrap();
        assert_eq!(again, coverage);
    }
}
