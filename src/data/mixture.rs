//! Mixtures of isotropic Gaussians: data whose density and whose modes are known.

use rand::{Rng, RngExt};
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, check};
use crate::random::Stream;
use crate::settings::settings;

/// Means closer than this many standard deviations are one mode, apart from rounding.
///
/// It is wide enough for the error of `cos` and `sin` at both ends of a full turn, and far below
/// any overlap that somebody could mean.
const SAME_MODE: f64 = 1e-6;

/// A mixture of Gaussians with one standard deviation in every direction and every mode.
///
/// ```text
/// p(x) = Σᵢ wᵢ · (2πσ²)^(−d/2) · exp(−‖x − μᵢ‖² / 2σ²),   Σᵢ wᵢ = 1
/// ```
///
/// `x` and the means μᵢ have d coordinates; σ is in the same unit as they are. The two presets of
/// the plane, [`ring`](Self::ring) and [`grid`](Self::grid), have the parameters of PacGAN
/// (arXiv:1712.04086), so that results compare with its Table 1.
///
/// ```
/// use burn_gan::data::Mixture;
/// use burn_gan::random::Stream;
///
/// let ring = Mixture::ring();
/// let points = ring.sample(100, &mut Stream::new(1, "mixture"));
/// assert_eq!(points.len(), 100 * ring.dimensions());
/// # for point in points.chunks(2) {
/// #     let radius = f64::from(point[0]).hypot(f64::from(point[1]));
/// #     assert!((radius - 1.0).abs() < 0.1);
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parameters")]
pub struct Mixture {
    means: Vec<Vec<f64>>,
    std: f64,
    /// As they were given, so that storing and reading again does not divide them once more;
    /// `None` is equal ones.
    weights: Option<Vec<f64>>,
}

settings! {
/// What is stored: it becomes a [`Mixture`] only through the checks of [`Mixture::new`].
#[derive()]
struct Parameters {
    means: Vec<Vec<f64>>,
    std: f64,
    weights: Option<Vec<f64>>,
}
}

impl TryFrom<Parameters> for Mixture {
    type Error = Error;

    fn try_from(given: Parameters) -> Result<Self> {
        Self::new(given.means, given.std, given.weights)
    }
}

impl Mixture {
    /// A mixture of one Gaussian around each of `means`, all with standard deviation `std`.
    ///
    /// `weights` are positive, one per mean, in any unit: they are divided by their sum. `None`
    /// makes all modes equally likely.
    ///
    /// # Errors
    /// If there are no means, if they differ in length or have no coordinates, if a number is not
    /// finite or out of the range of `f32` (samples are `f32`), if `std` or a weight is not above
    /// 0, if there is not one weight per mean, or if two means are the same (closer than 1e-6
    /// `std`): that is one mode, and whoever counts modes would never find the other.
    pub fn new(means: Vec<Vec<f64>>, std: f64, weights: Option<Vec<f64>>) -> Result<Self> {
        check::positive("std", std)?;
        if std as f32 == 0.0 || (std as f32).is_infinite() {
            return Err(Error::setting("std", std, "must be in the range of f32"));
        }
        check_means(&means, std)?;
        if let Some(weights) = &weights {
            check_weights(weights, means.len())?;
        }
        Ok(Self {
            means,
            std,
            weights,
        })
    }

    /// One Gaussian on the line: N(`mean`, `std`²).
    ///
    /// # Errors
    /// If `mean` is not finite or `std` is not a finite number above 0.
    pub fn gaussian_1d(mean: f64, std: f64) -> Result<Self> {
        Self::new(vec![vec![mean]], std, None)
    }

    /// Eight equally likely modes on the unit circle, σ = 0.01 (PacGAN, arXiv:1712.04086).
    ///
    /// ```text
    /// μᵢ = (cos 2πi/8, sin 2πi/8),   i = 0 … 7
    /// ```
    pub fn ring() -> Self {
        // Eight steps of an eighth turn. Eight points from 0 to a full turn, both included, would
        // name one mode twice and leave seven.
        let means = (0..8)
            .map(|i| {
                let angle = std::f64::consts::TAU * f64::from(i) / 8.0;
                vec![angle.cos(), angle.sin()]
            })
            .collect();
        Self {
            means,
            std: 0.01,
            weights: None,
        }
    }

    /// Twenty-five equally likely modes at {−4, −2, 0, 2, 4}², σ = 0.05 (PacGAN,
    /// arXiv:1712.04086).
    pub fn grid() -> Self {
        const TICKS: [f64; 5] = [-4.0, -2.0, 0.0, 2.0, 4.0];
        let means = TICKS
            .iter()
            .flat_map(|x| TICKS.iter().map(|y| vec![*x, *y]))
            .collect();
        Self {
            means,
            std: 0.05,
            weights: None,
        }
    }

    /// The number of coordinates of a point, d.
    pub fn dimensions(&self) -> usize {
        self.means[0].len()
    }

    /// The modes' means, `[modes][d]`.
    pub fn means(&self) -> &[Vec<f64>] {
        &self.means
    }

    /// The standard deviation σ of every mode in every direction.
    pub fn std(&self) -> f64 {
        self.std
    }

    /// The probability of each mode, `[modes]`; they sum to 1.
    pub fn weights(&self) -> Vec<f64> {
        let modes = self.means.len();
        match &self.weights {
            None => vec![1.0 / modes as f64; modes],
            Some(weights) => {
                let total: f64 = weights.iter().sum();
                weights.iter().map(|weight| weight / total).collect()
            }
        }
    }

    /// `count` independent points, row-major `[count, d]`.
    ///
    /// The points come one after the other from the stream: two calls draw what one call for
    /// both would have drawn.
    pub fn sample(&self, count: usize, stream: &mut Stream) -> Vec<f32> {
        self.sample_with_modes(count, stream).0
    }

    /// `count` independent points, row-major `[count, d]`, and the index of the mode that each
    /// was drawn from, `[count]`.
    ///
    /// From the same place of a stream the points are those of [`sample`](Self::sample).
    pub fn sample_with_modes(&self, count: usize, stream: &mut Stream) -> (Vec<f32>, Vec<usize>) {
        let cumulative = self.weights.as_ref().map(|_| cumulative(&self.weights()));
        let mut points = Vec::with_capacity(count * self.dimensions());
        let mut modes = Vec::with_capacity(count);
        for _ in 0..count {
            let mode = match &cumulative {
                None => stream.index(self.means.len()),
                Some(cumulative) => weighted_index(cumulative, stream.rng()),
            };
            let generator = stream.rng();
            points.extend(self.means[mode].iter().map(|mean| {
                let noise: f64 = generator.sample(StandardNormal);
                (mean + self.std * noise) as f32
            }));
            modes.push(mode);
        }
        (points, modes)
    }

    /// The logarithm of the density at `point`, in nats.
    ///
    /// ```text
    /// ln p(x) = lnΣexpᵢ( ln wᵢ − ‖x − μᵢ‖² / 2σ² ) − (d/2)·ln(2πσ²)
    /// ```
    ///
    /// It stays finite where the density itself is far below the smallest `f64`. A coordinate
    /// that is infinite gives −∞, one that is NaN gives NaN.
    ///
    /// # Panics
    /// If `point` does not have [`dimensions`](Self::dimensions) coordinates.
    pub fn log_density(&self, point: &[f64]) -> f64 {
        let dimensions = self.dimensions();
        assert_eq!(
            point.len(),
            dimensions,
            "log_density: a point of {} coordinates for a mixture in {dimensions} dimensions",
            point.len(),
        );
        if point.iter().any(|x| x.is_nan()) {
            return f64::NAN;
        }
        let exponents: Vec<f64> = self
            .means
            .iter()
            .zip(self.weights())
            .map(|(mean, weight)| {
                // Divided by σ before squaring: σ² of a tiny σ would be 0.
                let squares = point.iter().zip(mean);
                let squares = squares.map(|(x, m)| ((x - m) / self.std).powi(2));
                weight.ln() - 0.5 * squares.sum::<f64>()
            })
            .collect();
        let log_scale = self.std.ln() + 0.5 * std::f64::consts::TAU.ln();
        log_sum_exp(&exponents) - dimensions as f64 * log_scale
    }
}

/// `ln Σ exp(xᵢ)`; taking the largest out keeps every exponential at most 1 and one at exactly 1.
fn log_sum_exp(values: &[f64]) -> f64 {
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        // −∞ − (−∞) would be NaN.
        return largest;
    }
    let sum: f64 = values.iter().map(|value| (value - largest).exp()).sum();
    largest + sum.ln()
}

/// Running sums, the last of them about 1.
fn cumulative(weights: &[f64]) -> Vec<f64> {
    weights
        .iter()
        .scan(0.0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        })
        .collect()
}

/// An index drawn with the probabilities that `cumulative` sums up.
fn weighted_index(cumulative: &[f64], generator: &mut impl Rng) -> usize {
    let draw: f64 = generator.random();
    let index = cumulative.partition_point(|sum| *sum <= draw);
    // The last sum may be a rounding error below 1, and the draw above it.
    index.min(cumulative.len() - 1)
}

fn check_means(means: &[Vec<f64>], std: f64) -> Result<()> {
    let Some(first) = means.first() else {
        return Err(Error::setting("means", "[]", "needs at least one mean"));
    };
    for (i, mean) in means.iter().enumerate() {
        let refused = |problem: String| {
            let field = format!("means[{i}]");
            Err(Error::setting(&field, format!("{mean:?}"), problem))
        };
        if mean.is_empty() {
            return refused("needs at least one coordinate".to_owned());
        }
        if mean.len() != first.len() {
            return refused(format!(
                "has {} coordinates where means[0] has {}; all means must have the same number",
                mean.len(),
                first.len()
            ));
        }
        if mean.iter().any(|x| !(*x as f32).is_finite()) {
            return refused("must be finite numbers in the range of f32".to_owned());
        }
        let same = |other: &&Vec<f64>| {
            let pairs = mean.iter().zip(other.iter());
            pairs
                .into_iter()
                .all(|(a, b)| (a - b).abs() <= SAME_MODE * std)
        };
        if let Some(j) = means[..i].iter().position(|other| same(&other)) {
            return refused(format!(
                "is the same mode as means[{j}]; leave one out, and give the other more weight \
                 if it is to be more likely"
            ));
        }
    }
    Ok(())
}

fn check_weights(weights: &[f64], modes: usize) -> Result<()> {
    if weights.len() != modes {
        return Err(Error::setting(
            "weights",
            format!("{weights:?}"),
            format!("has {} numbers for {modes} means", weights.len()),
        ));
    }
    for (i, weight) in weights.iter().enumerate() {
        check::positive(&format!("weights[{i}]"), *weight)?;
    }
    let total: f64 = weights.iter().sum();
    // A share that rounds to 0 belongs to a mode that never comes.
    if total.is_infinite() || weights.iter().any(|weight| weight / total == 0.0) {
        return Err(Error::setting(
            "weights",
            format!("{weights:?}"),
            "are too large, or too far apart, to be divided by their sum",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distance(a: &[f64], b: &[f64]) -> f64 {
        let squares = a.iter().zip(b).map(|(a, b)| (a - b).powi(2));
        squares.sum::<f64>().sqrt()
    }

    /// The smallest distance between two means.
    fn closest(mixture: &Mixture) -> f64 {
        let means = mixture.means();
        let mut closest = f64::INFINITY;
        for (i, a) in means.iter().enumerate() {
            for b in &means[..i] {
                closest = closest.min(distance(a, b));
            }
        }
        closest
    }

    #[test]
    fn the_ring_has_eight_distinct_modes_on_the_unit_circle() {
        let ring = Mixture::ring();
        assert_eq!(ring.means().len(), 8);
        assert_eq!(ring.dimensions(), 2);
        assert_eq!(ring.std(), 0.01);
        for mean in ring.means() {
            assert!((mean[0].hypot(mean[1]) - 1.0).abs() < 1e-12);
        }
        // Neighbours on the circle: 2 sin(π/8).
        let expected = 2.0 * (std::f64::consts::PI / 8.0).sin();
        assert!((closest(&ring) - expected).abs() < 1e-12);
        assert_eq!(ring.means()[0], [1.0, 0.0]);
        let diagonal = std::f64::consts::FRAC_1_SQRT_2;
        assert!(distance(&ring.means()[3], &[-diagonal, diagonal]) < 1e-12);
    }

    #[test]
    fn a_ring_closed_at_both_ends_is_refused() {
        let means = (0..8)
            .map(|i| {
                let angle = std::f64::consts::TAU * f64::from(i) / 7.0;
                vec![angle.cos(), angle.sin()]
            })
            .collect();
        let error = Mixture::new(means, 0.01, None).unwrap_err().to_string();
        assert!(
            error.contains("means[7]") && error.contains("same mode as means[0]"),
            "{error}"
        );
    }

    #[test]
    fn the_grid_has_25_distinct_modes_two_apart() {
        let grid = Mixture::grid();
        assert_eq!(grid.means().len(), 25);
        assert_eq!(grid.std(), 0.05);
        assert_eq!(closest(&grid), 2.0);
        for axis in 0..2 {
            let values = grid.means().iter().map(|mean| mean[axis]);
            assert_eq!(values.clone().fold(f64::INFINITY, f64::min), -4.0);
            assert_eq!(values.fold(f64::NEG_INFINITY, f64::max), 4.0);
        }
    }

    #[test]
    fn presets_pass_the_checks_of_the_constructor() {
        for preset in [Mixture::ring(), Mixture::grid()] {
            let again = Mixture::new(preset.means().to_vec(), preset.std(), None).unwrap();
            assert_eq!(again, preset);
        }
    }

    #[test]
    fn wrong_parameters_are_refused_by_name() {
        let at = |means: &[&[f64]], std, weights: Option<&[f64]>| {
            let means = means.iter().map(|mean| mean.to_vec()).collect();
            match Mixture::new(means, std, weights.map(<[f64]>::to_vec)) {
                Err(Error::Setting { field, .. }) => field,
                other => panic!("{other:?}"),
            }
        };
        let two: &[&[f64]] = &[&[0.0], &[1.0]];
        assert_eq!(at(&[], 1.0, None), "means");
        assert_eq!(at(&[&[]], 1.0, None), "means[0]");
        assert_eq!(at(&[&[0.0], &[1.0, 2.0]], 1.0, None), "means[1]");
        assert_eq!(at(&[&[0.0], &[f64::NAN]], 1.0, None), "means[1]");
        assert_eq!(at(&[&[1e39]], 1.0, None), "means[0]");
        assert_eq!(at(&[&[1.0], &[0.0], &[1.0]], 1.0, None), "means[2]");
        for std in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-60, 1e39] {
            assert_eq!(at(two, std, None), "std");
        }
        assert_eq!(at(two, 1.0, Some(&[1.0])), "weights");
        assert_eq!(at(two, 1.0, Some(&[1.0, 0.0])), "weights[1]");
        assert_eq!(at(two, 1.0, Some(&[f64::NAN, 1.0])), "weights[0]");
        assert_eq!(at(two, 1.0, Some(&[f64::MAX, f64::MAX])), "weights");
        assert_eq!(at(two, 1.0, Some(&[1e-300, 1e300])), "weights");
        assert!(Mixture::gaussian_1d(f64::NAN, 1.0).is_err());
    }

    #[test]
    fn a_gaussian_has_its_moments() {
        let n = 100_000;
        let mixture = Mixture::gaussian_1d(3.0, 0.5).unwrap();
        let points = mixture.sample(n, &mut Stream::new(1, "mixture"));
        assert_eq!(points.len(), n);
        let mean = points.iter().map(|x| f64::from(*x)).sum::<f64>() / n as f64;
        let squares = points.iter().map(|x| (f64::from(*x) - mean).powi(2));
        let variance = squares.sum::<f64>() / n as f64;
        // Five standard errors: a correct generator fails once in 1.7 million seeds.
        let root = (n as f64).sqrt();
        assert!((mean - 3.0).abs() < 5.0 * 0.5 / root, "mean {mean}");
        let allowed = 5.0 * 0.25 * 2f64.sqrt() / root;
        assert!((variance - 0.25).abs() < allowed, "variance {variance}");
    }

    #[test]
    fn modes_come_as_often_as_their_weights_say() {
        let n = 100_000;
        let means = vec![vec![0.0, 0.0], vec![10.0, 0.0], vec![0.0, 10.0]];
        let weighted = Mixture::new(means.clone(), 0.1, Some(vec![1.0, 2.0, 5.0])).unwrap();
        let equal = Mixture::new(means, 0.1, None).unwrap();
        for (mixture, expected) in [
            (weighted, [0.125, 0.25, 0.625]),
            (equal, [1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0]),
        ] {
            let shares = mixture.weights();
            let (points, modes) = mixture.sample_with_modes(n, &mut Stream::new(2, "mixture"));
            for (mode, share) in expected.into_iter().enumerate() {
                assert!((shares[mode] - share).abs() < 1e-15);
                let count = modes.iter().filter(|m| **m == mode).count();
                // Five standard errors of a binomial share.
                let allowed = 5.0 * (share * (1.0 - share) / n as f64).sqrt();
                let found = count as f64 / n as f64;
                assert!(
                    (found - share).abs() < allowed,
                    "{mode}: {found}, not {share}"
                );
            }
            // Each point lies at the mode that is named for it: ten σ, which no draw exceeds.
            for (point, mode) in points.chunks(2).zip(&modes) {
                let point = [f64::from(point[0]), f64::from(point[1])];
                assert!(distance(&point, &mixture.means()[*mode]) < 1.0);
            }
        }
    }

    #[test]
    fn a_stream_goes_on_where_the_last_call_left_it() {
        let means = vec![vec![0.0, 1.0, 2.0], vec![5.0, 5.0, 5.0]];
        let weighted = Mixture::new(means, 0.3, Some(vec![1.0, 3.0])).unwrap();
        for mixture in [Mixture::ring(), weighted] {
            let whole = mixture.sample(20, &mut Stream::new(5, "mixture"));
            let mut stream = Stream::new(5, "mixture");
            let mut parts = mixture.sample(7, &mut stream);
            parts.extend(mixture.sample(13, &mut stream));
            assert_eq!(parts, whole);
            assert_ne!(whole, mixture.sample(20, &mut Stream::new(6, "mixture")));
        }
    }

    #[test]
    fn the_log_density_agrees_with_the_formula() {
        // ln N(3; 3, 0.5²) = −ln(0.5·√(2π)), and one σ away half a nat less.
        let gaussian = Mixture::gaussian_1d(3.0, 0.5).unwrap();
        let peak = -0.225_791_352_644_727_4;
        assert!((gaussian.log_density(&[3.0]) - peak).abs() < 1e-12);
        assert!((gaussian.log_density(&[3.5]) - (peak - 0.5)).abs() < 1e-12);

        // Halfway between two modes at ±1 with σ = 1 both weigh in, whatever their weights:
        // p(0) = exp(−½)/√(2π).
        let pair = Mixture::new(vec![vec![-1.0], vec![1.0]], 1.0, Some(vec![1.0, 3.0])).unwrap();
        let expected = -0.5 - 0.5 * std::f64::consts::TAU.ln();
        assert!((pair.log_density(&[0.0]) - expected).abs() < 1e-12);
        // Away from the middle the weights tell: p(1) = (¼·exp(−2) + ¾)/√(2π).
        let expected = (0.25 * (-2f64).exp() + 0.75).ln() - 0.5 * std::f64::consts::TAU.ln();
        assert!((pair.log_density(&[1.0]) - expected).abs() < 1e-12);
    }

    #[test]
    fn the_density_integrates_to_one_in_the_plane() {
        let means = vec![vec![-1.0, 0.0], vec![0.5, 1.0]];
        let mixture = Mixture::new(means, 0.4, Some(vec![0.3, 0.7])).unwrap();
        // The midpoint rule on a smooth density that vanishes at the borders (σ 0.4, 10 σ away)
        // is exact to rounding.
        let step = 0.05;
        let mut mass = 0.0;
        for i in 0..240 {
            for j in 0..240 {
                let x = -6.0 + (f64::from(i) + 0.5) * step;
                let y = -6.0 + (f64::from(j) + 0.5) * step;
                mass += mixture.log_density(&[x, y]).exp() * step * step;
            }
        }
        assert!((mass - 1.0).abs() < 1e-9, "{mass}");
    }

    #[test]
    fn the_log_density_is_stable_far_away_and_for_tiny_deviations() {
        // exp of it is 0 in f64, itself it is −½·(99/0.01)² and the constants.
        let far = Mixture::ring().log_density(&[100.0, 0.0]);
        let expected = -0.5 * 9_900f64.powi(2) - 8f64.ln() - (std::f64::consts::TAU * 1e-4).ln();
        assert!(
            (far / expected - 1.0).abs() < 1e-12,
            "{far}, not {expected}"
        );

        let tiny = Mixture::gaussian_1d(0.0, 1e-30).unwrap();
        let peak = 30.0 * 10f64.ln() - 0.5 * std::f64::consts::TAU.ln();
        assert!((tiny.log_density(&[0.0]) - peak).abs() < 1e-9);

        let ring = Mixture::ring();
        assert_eq!(ring.log_density(&[f64::INFINITY, 0.0]), f64::NEG_INFINITY);
        assert!(ring.log_density(&[f64::NAN, 0.0]).is_nan());
        assert!(ring.log_density(&[f64::INFINITY, f64::NAN]).is_nan());
    }

    #[test]
    #[should_panic(expected = "a point of 3 coordinates for a mixture in 2 dimensions")]
    fn a_point_of_another_dimension_panics() {
        Mixture::ring().log_density(&[0.0; 3]);
    }

    #[test]
    fn serde_keeps_the_parameters_and_runs_the_checks() {
        let means = vec![vec![0.1, 0.2], vec![1.0 / 3.0, 7.0]];
        let mixture = Mixture::new(means, 0.7, Some(vec![0.1, 0.3])).unwrap();
        for mixture in [mixture, Mixture::ring()] {
            let json = serde_json::to_string(&mixture).unwrap();
            let again: Mixture = serde_json::from_str(&json).unwrap();
            // serde_json's fast parser may miss the last bit of an f64.
            for (a, b) in again.means.iter().zip(&mixture.means) {
                assert!(distance(a, b) < 1e-15, "{a:?}, not {b:?}");
            }
            assert_eq!(again.means.len(), mixture.means.len());
            assert!((again.std - mixture.std).abs() < 1e-15);
            assert_eq!(again.weights.is_some(), mixture.weights.is_some());
            for (a, b) in again.weights().iter().zip(mixture.weights()) {
                assert!((a - b).abs() < 1e-15, "{a}, not {b}");
            }
        }
        let short: Mixture = serde_json::from_str(r#"{"means": [[1.0]], "std": 2.0}"#).unwrap();
        assert_eq!(short, Mixture::gaussian_1d(1.0, 2.0).unwrap());
        let refused = serde_json::from_str::<Mixture>(r#"{"means": [[1.0]], "std": -2.0}"#);
        assert!(refused.unwrap_err().to_string().contains("`std` = -2"));
    }
}
