//! KL and JS divergence of any two one-dimensional densities, by numerical integration.

use std::f64::consts::LN_2;

use serde::{Deserialize, Serialize};

use super::likelihood::check_range;
use crate::error::{Error, Result, check};
use crate::settings::settings;

/// The nodes of five-point Gauss–Legendre quadrature on [−1, 1], with their weights.
const RULE: [(f64, f64); 5] = [
    (-0.906_179_845_938_664, 0.236_926_885_056_189_08),
    (-0.538_469_310_105_683_1, 0.478_628_670_499_366_47),
    (0.0, 0.568_888_888_888_888_9),
    (0.538_469_310_105_683_1, 0.478_628_670_499_366_47),
    (0.906_179_845_938_664, 0.236_926_885_056_189_08),
];

/// Where a density is integrated, and at how many points.
///
/// The interval is cut into panels of equal width h, and each panel takes five points
/// (Gauss–Legendre): exact for polynomials of degree 9, so that the error of a smooth integrand
/// falls as h¹⁰. The mass of a Gaussian of standard deviation σ comes out right to 1e-9 at h = σ,
/// and to 1e-12 at h = σ/2. A panel's ends are never evaluated, so that a jump at the end of a
/// panel does no harm; a jump within a panel costs an error of the order of h.
///
/// The interval must hold the mass of every density in play: what lies outside counts as 0.
///
/// ```
/// use burn_gan::divergence::Interval;
///
/// let interval = Interval::new(0.0, 1.0, 5)?;
/// assert!((interval.integrate(|x| x.powi(9)) - 0.1).abs() < 1e-15);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawInterval")]
pub struct Interval {
    low: f64,
    high: f64,
    points: usize,
}

settings! {
/// What serde reads before the values are checked.
#[derive()]
struct RawInterval {
    low: f64,
    high: f64,
    points: usize,
}
}

impl TryFrom<RawInterval> for Interval {
    type Error = Error;

    fn try_from(raw: RawInterval) -> Result<Self> {
        Self::new(raw.low, raw.high, raw.points)
    }
}

impl Interval {
    /// The interval from `low` to `high`, evaluated at `points` points; where that is no multiple
    /// of five, at up to four more.
    ///
    /// # Errors
    /// If `high` is not above `low`, either is not finite, or `points` is below 5.
    pub fn new(low: f64, high: f64, points: usize) -> Result<Self> {
        check_range(low, high)?;
        check::at_least("points", points, RULE.len())?;
        Ok(Self { low, high, points })
    }

    /// The lower end.
    pub fn low(&self) -> f64 {
        self.low
    }

    /// The upper end.
    pub fn high(&self) -> f64 {
        self.high
    }

    /// The points and their weights: ∫ f ≈ Σ weight · f(point). In increasing order.
    pub fn nodes(&self) -> impl Iterator<Item = (f64, f64)> {
        let panels = self.points.div_ceil(RULE.len());
        let half = 0.5 * (self.high - self.low) / panels as f64;
        let low = self.low;
        (0..panels).flat_map(move |panel| {
            let centre = low + (2 * panel + 1) as f64 * half;
            RULE.into_iter()
                .map(move |(node, weight)| (centre + half * node, half * weight))
        })
    }

    /// The integral of `f` over the interval.
    pub fn integrate(&self, f: impl Fn(f64) -> f64) -> f64 {
        self.nodes().map(|(x, weight)| weight * f(x)).sum()
    }
}

/// The expectation of `f` under the density whose logarithm is `log_p`.
///
/// ```text
/// E_{x∼p} f(x) = ∫ p(x) f(x) dx
/// ```
///
/// A point of density 0 counts as 0, whatever `f` is there; an infinite `f` at a point of positive
/// density makes the expectation infinite. NaN from either closure gives NaN.
///
/// ```
/// use burn_gan::divergence::{Gaussian, Interval, expectation};
///
/// let p = Gaussian::new(1.0, 2.0)?;
/// let interval = Interval::new(-19.0, 21.0, 500)?;
/// let second_moment = expectation(|x| p.log_density(x), |x| x * x, &interval);
/// assert!((second_moment - 5.0).abs() < 1e-10);
/// # Ok::<(), burn_gan::Error>(())
/// ```
pub fn expectation(log_p: impl Fn(f64) -> f64, f: impl Fn(f64) -> f64, interval: &Interval) -> f64 {
    interval.integrate(|x| weighted(log_p(x), || f(x)))
}

/// The Kullback–Leibler divergence of two densities given by their logarithms, in nats.
///
/// ```text
/// KL(p ‖ q) = ∫ p(x) (ln p(x) − ln q(x)) dx
/// ```
///
/// 0 ln 0 counts as 0. Where q is 0 (its logarithm −∞) and p is not, the divergence is +∞.
///
/// Kullback and Leibler, "On Information and Sufficiency", 1951.
///
/// ```
/// use burn_gan::divergence::{Gaussian, Interval, kl_divergence};
///
/// let p = Gaussian::new(0.0, 1.0)?;
/// let q = Gaussian::new(1.0, 2.0)?;
/// let interval = Interval::new(-20.0, 21.0, 1_000)?;
/// let kl = kl_divergence(|x| p.log_density(x), |x| q.log_density(x), &interval);
/// assert!((kl - p.kl(&q)).abs() < 1e-12);
/// # Ok::<(), burn_gan::Error>(())
/// ```
pub fn kl_divergence(
    log_p: impl Fn(f64) -> f64,
    log_q: impl Fn(f64) -> f64,
    interval: &Interval,
) -> f64 {
    interval.integrate(|x| {
        let log_p = log_p(x);
        weighted(log_p, || log_p - log_q(x))
    })
}

/// The Jensen–Shannon divergence of two densities given by their logarithms, in nats.
///
/// ```text
/// JS(p, q) = ½ KL(p ‖ m) + ½ KL(q ‖ m),   m = (p + q) / 2
/// ```
///
/// Symmetric, between 0 (equal densities) and ln 2 (densities that share no point).
///
/// Lin, "Divergence Measures Based on the Shannon Entropy", 1991.
///
/// ```
/// use burn_gan::divergence::{Gaussian, Interval, js_divergence};
///
/// let p = Gaussian::new(-20.0, 1.0)?;
/// let q = Gaussian::new(20.0, 1.0)?;
/// let interval = Interval::new(-40.0, 40.0, 1_000)?;
/// let js = js_divergence(|x| p.log_density(x), |x| q.log_density(x), &interval);
/// assert!((js - 2_f64.ln()).abs() < 1e-12);
/// # Ok::<(), burn_gan::Error>(())
/// ```
pub fn js_divergence(
    log_p: impl Fn(f64) -> f64,
    log_q: impl Fn(f64) -> f64,
    interval: &Interval,
) -> f64 {
    interval.integrate(|x| {
        let (log_p, log_q) = (log_p(x), log_q(x));
        // p/m = 2σ(ln p − ln q): written so, nothing is divided and nothing underflows.
        let p_part = weighted(log_p, || LN_2 + log_sigmoid(log_p - log_q));
        let q_part = weighted(log_q, || LN_2 + log_sigmoid(log_q - log_p));
        0.5 * (p_part + q_part)
    })
}

/// exp(`log_weight`) · `value()`, with 0 · anything = 0 and positive · ±∞ = ±∞.
///
/// A weight is 0 only where its logarithm is −∞: one that merely underflows is still positive.
pub(super) fn weighted(log_weight: f64, value: impl FnOnce() -> f64) -> f64 {
    if log_weight == f64::NEG_INFINITY {
        return 0.0;
    }
    let value = value();
    if value.is_infinite() && !log_weight.is_nan() {
        return value;
    }
    log_weight.exp() * value
}

/// ln σ(x) = −ln(1 + e^(−x)), exact and finite for every finite x.
pub(crate) fn log_sigmoid(x: f64) -> f64 {
    x.min(0.0) - (-x.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::divergence::{Gaussian, GaussianMixture};

    fn gaussian(mean: f64, std: f64) -> Gaussian {
        Gaussian::new(mean, std).unwrap()
    }

    fn uniform(low: f64, high: f64) -> impl Fn(f64) -> f64 {
        move |x| {
            if (low..high).contains(&x) {
                -(high - low).ln()
            } else {
                f64::NEG_INFINITY
            }
        }
    }

    #[test]
    fn settings_are_validated_and_named() {
        for (low, high, points, name) in [
            (f64::NAN, 1.0, 5, "`low` = NaN"),
            (f64::NEG_INFINITY, 1.0, 5, "`low` = -inf"),
            (1.0, 1.0, 5, "`high` = 1"),
            (0.0, f64::NAN, 5, "`high` = NaN"),
            (0.0, f64::INFINITY, 5, "`high` = inf"),
            (0.0, 1.0, 4, "`points` = 4"),
        ] {
            let message = Interval::new(low, high, points).unwrap_err().to_string();
            assert!(message.contains(name), "{message}");
        }
        assert!(serde_json::from_str::<Interval>(r#"{"low":0,"high":1,"points":5}"#).is_ok());
        assert!(serde_json::from_str::<Interval>(r#"{"low":0,"high":-1,"points":5}"#).is_err());
    }

    #[test]
    fn the_rule_is_exact_to_degree_nine_and_rounds_points_up() {
        let interval = Interval::new(-1.0, 2.0, 6).unwrap();
        assert_eq!(interval.nodes().count(), 10);
        for degree in 0..=9 {
            let exact =
                (2_f64.powi(degree + 1) - (-1_f64).powi(degree + 1)) / f64::from(degree + 1);
            let sum = interval.integrate(|x| x.powi(degree));
            assert!(
                (sum - exact).abs() < 1e-13,
                "degree {degree}: {sum} {exact}"
            );
        }
        let points: Vec<_> = interval.nodes().map(|(x, _)| x).collect();
        assert!(points.is_sorted() && points[0] > -1.0 && points[9] < 2.0);
    }

    #[test]
    fn the_stated_accuracy_holds_for_gaussians() {
        let p = gaussian(0.3, 1.0);
        // Panels as wide as one standard deviation, then half of it.
        for (panels, tolerance) in [(24, 1e-9), (48, 1e-12)] {
            let interval = Interval::new(-12.0, 12.0, 5 * panels).unwrap();
            let mass = interval.integrate(|x| p.density(x));
            assert!((mass - 1.0).abs() < tolerance, "{panels}: {mass}");
        }
    }

    #[test]
    fn kl_by_quadrature_is_the_closed_form() {
        let interval = Interval::new(-60.0, 60.0, 3_000).unwrap();
        for (p, q) in [
            (gaussian(0.0, 1.0), gaussian(0.0, 1.0)),
            (gaussian(0.0, 1.0), gaussian(1.0, 2.0)),
            (gaussian(3.0, 0.5), gaussian(-2.0, 1.5)),
            (gaussian(-1.0, 3.0), gaussian(2.0, 0.7)),
        ] {
            let kl = kl_divergence(|x| p.log_density(x), |x| q.log_density(x), &interval);
            let exact = p.kl(&q);
            // 1e-8 is asked for; relative, because the last pair is some 20 nats apart.
            assert!((kl - exact).abs() < 1e-10 * (1.0 + exact), "{kl} {exact}");
            assert!(kl > -1e-12);
        }
    }

    #[test]
    fn kl_holds_its_convention_where_a_density_is_zero() {
        let interval = Interval::new(0.0, 4.0, 20).unwrap();
        let (half, whole) = (uniform(0.0, 2.0), uniform(0.0, 4.0));
        // Where p = 0 it counts nothing: ∫ ½ ln(½ / ¼) over [0, 2] = ln 2.
        assert!((kl_divergence(&half, &whole, &interval) - LN_2).abs() < 1e-14);
        // Where q = 0 < p it is infinite.
        assert_eq!(kl_divergence(&whole, &half, &interval), f64::INFINITY);
        // A density that only underflows is no zero: e^-5000 is 0 in f64, the divergence finite.
        let p = gaussian(0.0, 1.0);
        let q = gaussian(100.0, 1.0);
        let wide = Interval::new(-12.0, 112.0, 2_000).unwrap();
        let kl = kl_divergence(|x| p.log_density(x), |x| q.log_density(x), &wide);
        assert!((kl / 5_000.0 - 1.0).abs() < 1e-12, "{kl}");
    }

    #[test]
    fn js_is_symmetric_and_bounded() {
        let interval = Interval::new(-40.0, 40.0, 2_000).unwrap();
        let p = GaussianMixture::new(&[(1.0, gaussian(-3.0, 0.5)), (2.0, gaussian(2.0, 1.0))]);
        let p = p.unwrap();
        for (mean, std) in [(0.0, 1.0), (2.0, 1.0), (-3.0, 3.0), (15.0, 0.4)] {
            let q = gaussian(mean, std);
            let pq = js_divergence(|x| p.log_density(x), |x| q.log_density(x), &interval);
            let qp = js_divergence(|x| q.log_density(x), |x| p.log_density(x), &interval);
            assert!((pq - qp).abs() < 1e-14);
            assert!(pq > 0.0 && pq <= LN_2 + 1e-12, "{pq}");
        }
        let own = js_divergence(|x| p.log_density(x), |x| p.log_density(x), &interval);
        assert!(own.abs() < 1e-14);
    }

    #[test]
    fn js_is_the_mean_of_two_kl_to_the_middle() {
        let interval = Interval::new(-30.0, 30.0, 2_000).unwrap();
        let (p, q) = (gaussian(1.0, 0.8), gaussian(-1.0, 2.0));
        let middle = GaussianMixture::new(&[(0.5, p), (0.5, q)]).unwrap();
        let to_middle = |from: Gaussian| {
            kl_divergence(
                |x| from.log_density(x),
                |x| middle.log_density(x),
                &interval,
            )
        };
        let js = js_divergence(|x| p.log_density(x), |x| q.log_density(x), &interval);
        assert!((js - 0.5 * (to_middle(p) + to_middle(q))).abs() < 1e-13);
    }

    #[test]
    fn js_of_uniforms_has_its_closed_form() {
        let interval = Interval::new(0.0, 3.0, 30).unwrap();
        // No point shared: ln 2.
        let disjoint = js_divergence(uniform(0.0, 1.0), uniform(2.0, 3.0), &interval);
        assert!((disjoint - LN_2).abs() < 1e-14);
        // Half shared: the shared half adds nothing, the rest is distinguished with certainty.
        let half = js_divergence(uniform(0.0, 2.0), uniform(1.0, 3.0), &interval);
        assert!((half - 0.5 * LN_2).abs() < 1e-14);
    }

    #[test]
    fn a_density_that_is_nan_is_not_hidden() {
        let interval = Interval::new(0.0, 1.0, 5).unwrap();
        assert!(kl_divergence(|_| f64::NAN, |_| 0.0, &interval).is_nan());
        assert!(kl_divergence(|_| 0.0, |_| f64::NAN, &interval).is_nan());
        assert!(js_divergence(|_| f64::NAN, |_| f64::NEG_INFINITY, &interval).is_nan());
    }

    #[test]
    fn log_sigmoid_is_exact_at_the_extremes() {
        assert_eq!(log_sigmoid(0.0), -LN_2);
        assert_eq!(log_sigmoid(-500.0), -500.0);
        assert_eq!(log_sigmoid(500.0), -(-500_f64).exp());
        assert_eq!(log_sigmoid(f64::INFINITY), 0.0);
        assert_eq!(log_sigmoid(f64::NEG_INFINITY), f64::NEG_INFINITY);
    }
}
