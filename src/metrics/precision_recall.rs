//! Precision, recall, density and coverage of generated samples among real ones.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde::Serialize;
use serde_json::{Value, json};

use super::feature_metric::{Estimate, FeatureMetric, Number};
use super::features::{Features, comparable};
use super::neighbours::Neighbours;
use crate::error::{Error, Result};
use crate::random::Stream;
use crate::settings::settings;
use crate::sizes;

const NAME: &str = "precision_recall";

settings! {
/// Precision and recall by nearest neighbours, and density and coverage.
///
/// Around each sample lies a ball that ends at its k-th nearest neighbour among the samples of its
/// own set: together the balls are a rough picture of where the set's distribution has its mass.
///
/// ```text
/// r_k(x)    = distance of x to its k-th nearest other sample of its own set
/// precision = share of generated y with ‖x − y‖ < r_k(x) for some real x
/// recall    = share of real x with ‖x − y‖ < r_k(y) for some generated y
/// density   = 1/(k·M) Σ_y #{ real x : ‖x − y‖ < r_k(x) }      M generated samples
/// coverage  = share of real x with ‖x − y‖ < r_k(x) for some generated y
/// ```
///
/// Precision and density say how good samples are, recall and coverage how much of the data they
/// reach. Precision and recall: Kynkäänniemi et al. 2019,
/// [arXiv:1904.06991](https://arxiv.org/abs/1904.06991), k = 3. A single outlier has a large ball, so
/// that both are too kind where there are outliers: precision for real ones, recall for
/// generated ones. Density and coverage count real balls only: Naeem et al. 2020,
/// [arXiv:2002.09797](https://arxiv.org/abs/2002.09797), k = 5. Density may be above 1.
///
/// *What is perfect*: for N real and M generated samples of one distribution without ties, density is
/// 1 and coverage `1 − Π_{i=1..k} (N − i)/(N + M − i)` in expectation (`1 − 2⁻ᵏ` for many, as many of
/// each), whatever the distribution; precision and recall depend on it. *Bias*: precision and recall
/// depend on the counts, and coverage on their ratio: compare at equal counts.
/// *Cost*: 2 n² d products for n samples of d features in each set, in single precision; what that
/// leaves open is settled in double, so that the counts are exact. Memory beside the features: a few
/// megabytes for each thread.
///
/// Balls are open, as in the `prdc` package of the second paper's authors: with ties it matters, and
/// the ball of a sample of which there are more than k copies is empty
/// ([`NeighbourCounts::empty_real_balls`]).
///
/// ```
/// use burn_gan::data::Mixture;
/// use burn_gan::metrics::{Features, PrecisionRecall};
/// use burn_gan::random::Stream;
///
/// let ring = Mixture::ring();
/// let draw = |seed| Features::new(ring.sample(500, &mut Stream::new(seed, "ring")), 2);
/// let result = PrecisionRecall::default().measure(&draw(1)?, &draw(2)?)?;
/// assert!(result.coverage > 0.9 && (result.density - 1.0).abs() < 0.2);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(default)]
pub struct PrecisionRecall {
    /// k of precision and recall, at least 1; 3 by default.
    pub neighbours: usize,
    /// k of density and coverage, at least 1; 5 by default.
    pub density_neighbours: usize,
}
}

impl Default for PrecisionRecall {
    fn default() -> Self {
        Self {
            neighbours: 3,
            density_neighbours: 5,
        }
    }
}

/// What [`PrecisionRecall`] measures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PrecisionRecallScores {
    /// The share of generated samples within the balls of real ones, 0 to 1.
    pub precision: f64,
    /// The share of real samples within the balls of generated ones, 0 to 1.
    pub recall: f64,
    /// How many real balls a generated sample lies in on average, in k: at least 0, 1 for the
    /// real distribution.
    pub density: f64,
    /// The share of real samples whose ball holds a generated one, 0 to 1.
    pub coverage: f64,
    /// What they were counted from.
    pub counts: NeighbourCounts,
}

/// The counts behind [`PrecisionRecallScores`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NeighbourCounts {
    /// Real samples.
    pub real: usize,
    /// Generated samples.
    pub generated: usize,
    /// Generated samples within a real ball.
    pub precise: usize,
    /// Real samples within a generated ball.
    pub recalled: usize,
    /// Pairs of a generated sample and a real ball that it lies in.
    pub pairs: u64,
    /// Real samples with a generated one in their ball.
    pub covered: usize,
    /// Real samples of which the set has so many copies that the smallest of their balls is empty:
    /// nothing can lie in it.
    pub empty_real_balls: usize,
    /// The same of generated samples: more than a few show a collapse.
    pub empty_generated_balls: usize,
}

impl PrecisionRecall {
    /// Checks the settings.
    ///
    /// # Errors
    /// If a k is 0.
    pub fn validate(&self) -> Result<()> {
        sizes::size("neighbours", self.neighbours)?;
        sizes::size("density_neighbours", self.density_neighbours)
    }

    /// Measures generated features `[M, d]` against real ones `[N, d]`.
    ///
    /// # Errors
    /// If a setting is wrong, if the sets are not of one kind, if one has not at least k + 1
    /// samples or a feature that is not finite, or if all samples of a set are equal.
    pub fn measure(&self, real: &Features, generated: &Features) -> Result<PrecisionRecallScores> {
        self.reach(real, generated).map(|reach| reach.scores)
    }

    /// What [`measure`](Self::measure) counts, and which real samples it has counted.
    pub(super) fn reach(&self, real: &Features, generated: &Features) -> Result<Reach> {
        self.validate()?;
        let most = self.neighbours.max(self.density_neighbours);
        comparable(NAME, most + 1, real, generated)?;
        let neighbours = Neighbours::new(real, generated);
        let of_real = neighbours.nearest_others_in_a(most);
        let real_radii = |k: usize| radii(&of_real, most, k);
        let (manifold, balls) = (
            real_radii(self.neighbours),
            real_radii(self.density_neighbours),
        );
        refuse_constant("real", real, &of_real, most)?;
        let of_generated = neighbours.nearest_others_in_b(self.neighbours);
        refuse_constant("generated", generated, &of_generated, self.neighbours)?;
        let generated_manifold = radii(&of_generated, self.neighbours, self.neighbours);

        let flags = |count: usize| -> Vec<AtomicBool> {
            (0..count).map(|_| AtomicBool::new(false)).collect()
        };
        let (recalled, covered) = (flags(real.count()), flags(real.count()));
        let precise = flags(generated.count());
        let pairs = AtomicU64::new(0);
        let largest: Vec<f64> = (manifold.iter().zip(&balls))
            .map(|(a, b)| a.max(*b))
            .collect();
        // Counts and flags that are only ever set: the order of the pairs does not matter.
        let order = Ordering::Relaxed;
        neighbours.close_pairs(&largest, &generated_manifold, |i, j, pair| {
            if !precise[j].load(order) && pair.is_below(manifold[i]) {
                precise[j].store(true, order);
            }
            if !recalled[i].load(order) && pair.is_below(generated_manifold[j]) {
                recalled[i].store(true, order);
            }
            if pair.is_below(balls[i]) {
                pairs.fetch_add(1, order);
                covered[i].store(true, order);
            }
        });

        let plain = |flags: Vec<AtomicBool>| -> Vec<bool> {
            flags.into_iter().map(AtomicBool::into_inner).collect()
        };
        let (precise, recalled, covered) = (plain(precise), plain(recalled), plain(covered));
        let set = |flags: &[bool]| flags.iter().filter(|flag| **flag).count();
        let empty = |radii: &[f64]| radii.iter().filter(|radius| **radius == 0.0).count();
        let counts = NeighbourCounts {
            real: real.count(),
            generated: generated.count(),
            precise: set(&precise),
            recalled: set(&recalled),
            pairs: pairs.into_inner(),
            covered: set(&covered),
            empty_real_balls: empty(&manifold).max(empty(&balls)),
            empty_generated_balls: empty(&generated_manifold),
        };
        let (real, generated) = (counts.real as f64, counts.generated as f64);
        let scores = PrecisionRecallScores {
            precision: counts.precise as f64 / generated,
            recall: counts.recalled as f64 / real,
            density: counts.pairs as f64 / (self.density_neighbours as f64 * generated),
            coverage: counts.covered as f64 / real,
            counts,
        };
        Ok(Reach {
            scores,
            recalled,
            covered,
        })
    }
}

/// What was measured, and of each real sample whether recall and coverage have counted it.
pub(super) struct Reach {
    pub(super) scores: PrecisionRecallScores,
    pub(super) recalled: Vec<bool>,
    pub(super) covered: Vec<bool>,
}

/// The squared distance of each row to its `k`-th neighbour, of lists of `most`.
fn radii(lists: &[f64], most: usize, k: usize) -> Vec<f64> {
    lists.chunks_exact(most).map(|list| list[k - 1]).collect()
}

/// Refuses a set of which all samples are one, or so many of them that no ball is left.
fn refuse_constant(name: &str, features: &Features, lists: &[f64], k: usize) -> Result<()> {
    if lists.iter().any(|squared| *squared > 0.0) {
        return Ok(());
    }
    let first = features.row(0);
    let cause = if features.rows().all(|row| row == first) {
        "all samples are equal".to_owned()
    } else {
        format!("each sample has at least {k} copies")
    };
    Err(Error::data(
        NAME,
        format!(
            "{name} samples: {cause}, so that every distance to a neighbour is 0 and no ball has \
             an inside; look at what made the features"
        ),
    ))
}

impl FeatureMetric for PrecisionRecall {
    fn name(&self) -> &'static str {
        NAME
    }

    fn numbers(&self) -> &'static [Number] {
        const {
            &[
                Number::higher("precision"),
                Number::higher("recall"),
                Number::higher("density"),
                Number::higher("coverage"),
            ]
        }
    }

    fn settings(&self) -> Value {
        json!(self)
    }

    fn validate(&self) -> Result<()> {
        Self::validate(self)
    }

    fn measure(
        &self,
        real: &Features,
        generated: &Features,
        _stream: &mut Stream,
    ) -> Result<Vec<Estimate>> {
        let scores = Self::measure(self, real, generated)?;
        let numbers = [
            scores.precision,
            scores.recall,
            scores.density,
            scores.coverage,
        ];
        Ok(numbers.map(Estimate::from).to_vec())
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::super::golden::{self, Made, refusal};
    use super::*;

    fn measure(real: &Features, generated: &Features) -> PrecisionRecallScores {
        PrecisionRecall::default().measure(real, generated).unwrap()
    }

    fn normal(seed: u64, count: usize, dimensions: usize) -> Features {
        let values = Stream::new(seed, "features").normal(count * dimensions);
        Features::new(values, dimensions).unwrap()
    }

    fn line(values: &[f32]) -> Features {
        Features::new(values.to_vec(), 1).unwrap()
    }

    #[derive(Deserialize)]
    struct Case {
        real: Made,
        generated: Made,
        neighbours: (usize, usize),
        precision: f64,
        recall: f64,
        density: f64,
        coverage: f64,
    }

    #[test]
    fn the_four_are_those_of_prdc() {
        for case in golden::part::<Vec<Case>>("precision_recall") {
            let (real, generated) = (
                golden::features(&case.real),
                golden::features(&case.generated),
            );
            let settings = PrecisionRecall {
                neighbours: case.neighbours.0,
                density_neighbours: case.neighbours.1,
            };
            let found = settings.measure(&real, &generated).unwrap();
            // Counts: nothing but the last bit of the quotients may differ.
            golden::assert_near(found.precision, case.precision, 1e-14);
            golden::assert_near(found.recall, case.recall, 1e-14);
            golden::assert_near(found.density, case.density, 1e-14);
            golden::assert_near(found.coverage, case.coverage, 1e-14);
        }
    }

    #[test]
    fn the_same_samples_are_perfect() {
        let real = normal(1, 300, 12);
        let found = measure(&real, &real);
        // In an open ball around a sample lie itself and k − 1 others.
        let perfect = (found.precision, found.recall, found.density, found.coverage);
        assert_eq!(perfect, (1.0, 1.0, 1.0, 1.0));
    }

    #[test]
    fn samples_of_one_distribution_have_the_expected_density_and_coverage() {
        let (n, m, repeats) = (160, 120, 12);
        let (mut density, mut coverage) = (Vec::new(), Vec::new());
        for seed in 0..repeats {
            let found = measure(&normal(2 * seed, n, 3), &normal(2 * seed + 1, m, 3));
            density.push(found.density);
            coverage.push(found.coverage);
        }
        let missed: f64 = (1..=5)
            .map(|i| (n - i) as f64 / (n + m - i) as f64)
            .product();
        for (name, values, expected) in [
            ("density", density, 1.0),
            ("coverage", coverage, 1.0 - missed),
        ] {
            let count = repeats as f64;
            let mean = values.iter().sum::<f64>() / count;
            let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
            let error = (squares / (count - 1.0) / count).sqrt();
            // Five standard errors, as the repeats themselves show them.
            assert!(error < 0.03, "{name}: {error}");
            let near = (mean - expected).abs() < 5.0 * error;
            assert!(near, "{name}: {mean} ± {error}, and {expected} expected");
        }
    }

    #[test]
    fn a_dropped_mode_is_missed_by_recall_and_coverage_alone() {
        // Two modes far apart, of which a quarter of the real samples is in one.
        let mode = |seed, count: usize, at: f32| {
            let values = Stream::new(seed, "mode").normal(2 * count);
            Features::new(values.iter().map(|x| at + x).collect(), 2).unwrap()
        };
        let real = mode(1, 150, 0.0).joined(&mode(2, 50, 1e3)).unwrap();
        // The same samples of the first mode: in it, all is perfect.
        let generated = mode(1, 150, 0.0);
        let found = measure(&real, &generated);
        assert_eq!((found.precision, found.recall), (1.0, 0.75));
        assert_eq!((found.density, found.coverage), (1.0, 0.75));
    }

    #[test]
    fn the_numbers_are_those_of_a_hand() {
        let real = line(&[0.0, 1.0, 3.0, 7.0]);
        let generated = line(&[0.5, 2.5, 30.0, 30.5]);
        let one = PrecisionRecall {
            neighbours: 1,
            density_neighbours: 2,
        };
        let found = one.measure(&real, &generated).unwrap();
        // Radii of real ones: 1, 1, 2, 4 to the first, 3, 2, 3, 6 to the second neighbour; of
        // generated ones 2, 2, 0.5, 0.5.
        assert_eq!((found.counts.precise, found.counts.recalled), (2, 3));
        // 0.5 lies in the wider balls of 0, 1 and 3; 2.5 in those of 0, 1, 3 and 7.
        assert_eq!(found.counts.pairs, 7);
        assert_eq!(found.density, 7.0 / 8.0);
        assert_eq!(found.coverage, 1.0);
    }

    #[test]
    fn copies_leave_no_ball() {
        let mut values = vec![5.0; 10];
        values.extend((0..10).map(|i| i as f32 * 10.0));
        let found = measure(
            &line(&values),
            &line(
                &[5.0; 8].map(|x: f32| x + 0.5)[..7]
                    .iter()
                    .copied()
                    .chain([90.0])
                    .collect::<Vec<_>>(),
            ),
        );
        assert_eq!(found.counts.empty_real_balls, 10);
        assert_eq!(found.counts.empty_generated_balls, 7);
    }

    #[test]
    fn what_can_not_be_measured_is_refused_with_its_cause() {
        let measure = |a: &Features, b: &Features| PrecisionRecall::default().measure(a, b);
        let good = normal(1, 8, 2);
        let text = refusal(measure(&good, &normal(2, 5, 2)));
        assert_eq!(
            text,
            "precision_recall: the set has 5 samples; it takes at least 6"
        );
        let text = refusal(measure(&normal(1, 8, 3), &good));
        assert!(text.contains("of 3 and of 2 dimensions"), "{text}");
        let mut values = good.values().to_vec();
        values[3] = f32::NAN;
        let text = refusal(measure(&good, &Features::new(values, 2).unwrap()));
        assert!(
            text.contains("feature 1 of sample 1 of the set is NaN"),
            "{text}"
        );
        let text = refusal(measure(&good, &Features::new(vec![3.0; 16], 2).unwrap()));
        assert!(
            text.contains("generated samples: all samples are equal"),
            "{text}"
        );
        let pairs = Features::new([1.0f32, 2.0].repeat(8), 1).unwrap();
        let text = refusal(measure(&pairs, &line(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])));
        assert!(text.contains("at least 5 copies"), "{text}");
        let none = PrecisionRecall {
            neighbours: 0,
            ..PrecisionRecall::default()
        };
        let text = refusal(none.measure(&good, &good));
        assert!(text.contains("`neighbours` = 0"), "{text}");
    }
}
