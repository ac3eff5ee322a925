//! A Gaussian mixture of numbers that finds out how many components it needs.

use serde::{Deserialize, Serialize};

use crate::error::{Result, check};
use crate::settings::settings;

/// Fits look at no more values: of more, neighbours are put together.
const VALUES: usize = 1 << 14;
/// Rounds of k-means that give the first responsibilities.
const ROUNDS: usize = 30;
/// The most rounds of the fit.
const ITERATIONS: usize = 300;
/// A round that changes the mean log-likelihood by less is the last.
const TOLERANCE: f64 = 1e-6;
/// Added to every variance of values of variance 1.
const FLOOR: f64 = 1e-6;

settings! {
/// How a [`NormalMixture`] is fitted.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(default)]
pub struct NormalMixtureConfig {
    /// The most components; 10 by default.
    pub components: usize,
    /// The concentration of the Dirichlet process: the smaller, the fewer components; 0.001 by default.
    pub concentration: f64,
    /// Components of at most this weight are left out; 0.005 by default.
    pub prune: f64,
}
}

impl Default for NormalMixtureConfig {
    fn default() -> Self {
        Self {
            components: 10,
            concentration: 1e-3,
            prune: 5e-3,
        }
    }
}

impl NormalMixtureConfig {
    /// Checks the settings.
    ///
    /// # Errors
    /// If there is no component or more than 100, the concentration is not above 0, or the weight is
    /// not in [0, 1).
    pub fn validate(&self) -> Result<()> {
        check::at_least("components", self.components, 1)?;
        check::at_most("components", self.components, 100)?;
        check::positive("concentration", self.concentration)?;
        check::below_one("prune", self.prune)
    }
}

/// A mixture of Gaussians on the line.
///
/// ```text
/// p(x) = Σ_k w_k·N(x; μ_k, σ_k²)
/// ```
///
/// It is fitted by variational inference with a truncated Dirichlet process on the weights (stick
/// breaking) and a Gaussian–Wishart prior on each component, of the data's mean and variance: Blei,
/// Jordan 2006, *Variational inference for Dirichlet process mixtures*; Bishop 2006, section 10.2. The
/// prior empties components that are not needed. Beginning and end are the data's alone: k-means from
/// evenly spaced quantiles gives the first responsibilities.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NormalMixture {
    /// w, which sum to 1.
    pub weights: Vec<f64>,
    /// μ, from the least to the largest.
    pub means: Vec<f64>,
    /// σ.
    pub deviations: Vec<f64>,
}

/// The posterior of one component.
#[derive(Debug, Clone, Copy, Default)]
struct Component {
    /// Values that it is responsible for.
    count: f64,
    mean: f64,
    /// β and ν of the Gaussian–Wishart distribution; its inverse scale is `variance · ν`.
    beta: f64,
    nu: f64,
    variance: f64,
}

impl NormalMixture {
    /// Fits a mixture to values.
    ///
    /// # Panics
    /// If there is no value, or one is not finite.
    pub fn fit(values: &[f64], config: &NormalMixtureConfig) -> Self {
        assert!(!values.is_empty(), "no values to fit a mixture to");
        let points = points(values);
        let (mean, deviation) = moments(&points);
        if deviation == 0.0 {
            return Self {
                weights: vec![1.0],
                means: vec![mean],
                deviations: vec![0.0],
            };
        }
        let standard: Vec<(f64, f64)> = (points.iter())
            .map(|(value, count)| ((value - mean) / deviation, *count))
            .collect();
        let (components, weights) = variational(&standard, config);
        let kept: Vec<usize> = (0..components.len())
            .filter(|k| weights[*k] > config.prune)
            .collect();
        let largest = (0..weights.len()).max_by(|a, b| weights[*a].total_cmp(&weights[*b]));
        let mut kept = match kept.is_empty() {
            true => largest.into_iter().collect(),
            false => kept,
        };
        kept.sort_by(|a, b| components[*a].mean.total_cmp(&components[*b].mean));
        let all: f64 = kept.iter().map(|k| weights[*k]).sum();
        let of = |part: &dyn Fn(usize) -> f64| kept.iter().map(|k| part(*k)).collect();
        Self {
            weights: of(&|k| weights[k] / all),
            means: of(&|k| mean + deviation * components[k].mean),
            deviations: of(&|k| deviation * components[k].variance.sqrt()),
        }
    }

    /// The number of components.
    pub fn len(&self) -> usize {
        self.weights.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.weights.is_empty()
    }

    /// ln(w_k·N(x; μ_k, σ_k²)).
    ///
    /// # Panics
    /// If there is no such component.
    pub fn log_joint(&self, component: usize, x: f64) -> f64 {
        let deviation = self.deviations[component];
        let z = (x - self.means[component]) / deviation;
        self.weights[component].ln() - deviation.ln() - 0.5 * (LN_2PI + z * z)
    }

    /// ln p(x).
    pub fn log_density(&self, x: f64) -> f64 {
        log_sum((0..self.len()).map(|k| self.log_joint(k, x)))
    }
}

const LN_2PI: f64 = 1.837_877_066_409_345_3;

/// ln Σ exp.
fn log_sum(terms: impl Iterator<Item = f64> + Clone) -> f64 {
    let most = terms.clone().fold(f64::NEG_INFINITY, f64::max);
    if most == f64::NEG_INFINITY {
        return most;
    }
    most + terms.map(|term| (term - most).exp()).sum::<f64>().ln()
}

/// The values in their order, each once with how often it is there; of very many, means of neighbours.
fn points(values: &[f64]) -> Vec<(f64, f64)> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let distinct: Vec<(f64, f64)> = (sorted.chunk_by(|a, b| a == b))
        .map(|equal| (equal[0], equal.len() as f64))
        .collect();
    if distinct.len() <= VALUES {
        return distinct;
    }
    (distinct.chunks(distinct.len().div_ceil(VALUES)))
        .map(|near| {
            let count: f64 = near.iter().map(|(_, count)| count).sum();
            let sum: f64 = near
                .iter()
                .map(|(value, each)| value * (each / count))
                .sum();
            (sum, count)
        })
        .collect()
}

fn moments(points: &[(f64, f64)]) -> (f64, f64) {
    let count: f64 = points.iter().map(|(_, count)| count).sum();
    let mean: f64 = points
        .iter()
        .map(|(value, each)| value * (each / count))
        .sum();
    // By the largest deviation, whose square might be infinite.
    let most = points
        .iter()
        .fold(0.0_f64, |most, (value, _)| most.max((value - mean).abs()));
    if most == 0.0 {
        return (mean, 0.0);
    }
    let square = |value: f64| ((value - mean) / most).powi(2);
    let variance: f64 = points
        .iter()
        .map(|(v, each)| square(*v) * (each / count))
        .sum();
    (mean, most * variance.sqrt())
}

/// Which of some centres each of sorted points is nearest to.
fn nearest(points: &[(f64, f64)], mut centres: Vec<f64>) -> Vec<usize> {
    let mut labels = vec![0; points.len()];
    for _ in 0..ROUNDS {
        let mut sums = vec![(0.0, 0.0); centres.len()];
        let mut own = 0;
        for ((value, count), label) in points.iter().zip(&mut labels) {
            while own + 1 < centres.len() && value - centres[own] > centres[own + 1] - value {
                own += 1;
            }
            *label = own;
            sums[own].0 += value * count;
            sums[own].1 += count;
        }
        let before = centres.clone();
        for (centre, (sum, count)) in centres.iter_mut().zip(sums) {
            if count > 0.0 {
                *centre = sum / count;
            }
        }
        if centres == before {
            break;
        }
    }
    labels
}

/// Posteriors and weights of the components for values of mean 0 and variance 1: the likelier of two
/// fits, one that begins with as many values in each component, one with as wide a range.
fn variational(points: &[(f64, f64)], config: &NormalMixtureConfig) -> (Vec<Component>, Vec<f64>) {
    let count = config.components.min(points.len());
    let total: f64 = points.iter().map(|(_, count)| count).sum();
    let mut below = 0.0;
    let ranks: Vec<f64> = (points.iter())
        .map(|(_, each)| {
            below += each;
            below / total
        })
        .collect();
    let share = |k: usize| (k as f64 + 0.5) / count as f64;
    let by_rank = (0..count).map(|k| points[ranks.partition_point(|rank| *rank < share(k))].0);
    let (low, high) = (points[0].0, points[points.len() - 1].0);
    let by_range = (0..count).map(|k| low + share(k) * (high - low));
    let (a, first) = fit(points, total, by_rank.collect(), config);
    let (b, second) = fit(points, total, by_range.collect(), config);
    let components = if second > first { b } else { a };
    let weights = weights(&components, config.concentration);
    (components, weights)
}

/// A fit from these centres, and its mean log-likelihood.
fn fit(
    points: &[(f64, f64)],
    total: f64,
    centres: Vec<f64>,
    config: &NormalMixtureConfig,
) -> (Vec<Component>, f64) {
    let count = centres.len();
    let labels = nearest(points, centres);
    // Σ r, Σ r·x and Σ r·x² of each component.
    let mut sums = vec![[0.0; 3]; count];
    for ((value, each), label) in points.iter().zip(&labels) {
        add(&mut sums[*label], *value, *each);
    }
    let mut components = vec![Component::default(); count];
    let mut before = f64::NEG_INFINITY;
    let mut logs = vec![0.0; count];
    for _ in 0..ITERATIONS {
        for (component, sums) in components.iter_mut().zip(&sums) {
            *component = posterior(*sums);
        }
        let constants = expectations(&components, config.concentration);
        sums.fill([0.0; 3]);
        let mut likelihood = 0.0;
        for (value, each) in points {
            for ((log, component), constant) in logs.iter_mut().zip(&components).zip(&constants) {
                let z = value - component.mean;
                *log = constant - 0.5 * z * z / component.variance;
            }
            let whole = log_sum(logs.iter().copied());
            likelihood += each * whole;
            for (sums, log) in sums.iter_mut().zip(&logs) {
                add(sums, *value, each * (log - whole).exp());
            }
        }
        likelihood /= total;
        let change = (likelihood - before).abs();
        before = likelihood;
        if change < TOLERANCE {
            break;
        }
    }
    (components, before)
}

fn add(sums: &mut [f64; 3], value: f64, responsibility: f64) {
    sums[0] += responsibility;
    sums[1] += responsibility * value;
    sums[2] += responsibility * value * value;
}

/// The posterior under the prior N(0, 1/λ) × Wishart(1, 1).
fn posterior([count, sum, squares]: [f64; 3]) -> Component {
    // An empty component is its prior.
    let count = count + 10.0 * f64::EPSILON;
    let mean = sum / count;
    let variance = (squares / count - mean * mean).max(0.0) + FLOOR;
    let (beta, nu) = (1.0 + count, 1.0 + count);
    let inverse_scale = 1.0 + count * variance + count / beta * mean * mean;
    Component {
        count,
        mean: count * mean / beta,
        beta,
        nu,
        variance: inverse_scale / nu,
    }
}

/// The share of what is left that each component breaks off: its two counts.
fn sticks(components: &[Component], concentration: f64) -> Vec<(f64, f64)> {
    let mut behind: f64 = components.iter().map(|component| component.count).sum();
    (components.iter())
        .map(|component| {
            behind -= component.count;
            (1.0 + component.count, concentration + behind.max(0.0))
        })
        .collect()
}

/// What the expected log-density of a value has without the square: of each component.
fn expectations(components: &[Component], concentration: f64) -> Vec<f64> {
    let mut left = 0.0;
    (components.iter().zip(sticks(components, concentration)))
        .map(|(component, (own, rest))| {
            let both = digamma(own + rest);
            let weight = left + digamma(own) - both;
            left += digamma(rest) - both;
            let precision =
                digamma(0.5 * component.nu) - (0.5 * component.nu * component.variance).ln();
            weight + 0.5 * (precision - LN_2PI - 1.0 / component.beta)
        })
        .collect()
}

fn weights(components: &[Component], concentration: f64) -> Vec<f64> {
    let mut left = 1.0;
    let shares = sticks(components, concentration).into_iter();
    let weights: Vec<f64> = shares
        .map(|(own, rest)| {
            let weight = left * own / (own + rest);
            left *= rest / (own + rest);
            weight
        })
        .collect();
    let all: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / all).collect()
}

/// ψ(x) for x > 0: its asymptotic series, after steps up to where that holds.
fn digamma(mut x: f64) -> f64 {
    let mut below = 0.0;
    while x < 10.0 {
        below -= 1.0 / x;
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    let series = square
        * (1.0 / 12.0
            - square
                * (1.0 / 120.0 - square * (1.0 / 252.0 - square * (1.0 / 240.0 - square / 132.0))));
    below + x.ln() - 0.5 / x - series
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    #[test]
    fn digamma_is_that_of_the_tables() {
        for (x, expected) in [
            (1.0, -0.577_215_664_901_532_9),
            (0.5, -1.963_510_026_021_423_5),
            (10.0, 2.251_752_589_066_721),
            (1e-3, -1000.575_571_931_859_3),
            (1e6, 13.815_510_057_964_191),
        ] {
            assert!(
                (digamma(x) - expected).abs() < 1e-11 * expected.abs().max(1.0),
                "{x}"
            );
        }
    }

    #[test]
    fn modes_that_lie_apart_are_found_and_no_others() {
        let noise = Stream::new(1, "values").normal(3_000);
        let values: Vec<f64> = (noise.iter().enumerate())
            .map(|(i, x)| match i % 4 {
                0 => -50.0 + 0.5 * f64::from(*x),
                _ => 100.0 + 5.0 * f64::from(*x),
            })
            .collect();
        let mixture = NormalMixture::fit(&values, &NormalMixtureConfig::default());
        // Two components may share a mode; none lies between modes.
        assert!((2..=3).contains(&mixture.len()), "{mixture:?}");
        assert!((mixture.means[0] + 50.0).abs() < 1.0, "{mixture:?}");
        assert!((mixture.weights[0] - 0.25).abs() < 0.01, "{mixture:?}");
        for k in 1..mixture.len() {
            assert!((mixture.means[k] - 100.0).abs() < 1.0, "{mixture:?}");
            // The prior widens small components.
            assert!((4.5..10.0).contains(&mixture.deviations[k]), "{mixture:?}");
        }
    }

    #[test]
    fn a_constant_is_a_mode_without_width() {
        let mixture = NormalMixture::fit(&[3.0; 7], &NormalMixtureConfig::default());
        assert_eq!((mixture.means, mixture.deviations), (vec![3.0], vec![0.0]));
    }

    #[test]
    fn numbers_of_any_size_are_fitted() {
        for scale in [1e-150, 1e-30, 1e30, 1e299] {
            let values: Vec<f64> = [0.0, 0.1, 0.2, 0.3, 5.0, 5.1].map(|x| x * scale).to_vec();
            let mixture = NormalMixture::fit(&values, &NormalMixtureConfig::default());
            for part in [&mixture.means, &mixture.deviations, &mixture.weights] {
                assert!(part.iter().all(|x| x.is_finite()), "{scale}: {mixture:?}");
            }
            assert!(mixture.log_density(0.1 * scale).is_finite());
        }
    }
}
