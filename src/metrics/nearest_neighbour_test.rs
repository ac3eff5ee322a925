//! The leave-one-out accuracy of a nearest-neighbour classifier of real against generated samples.

use serde::Serialize;
use serde_json::{Value, json};

use super::feature_metric::{Estimate, FeatureMetric, Number};
use super::features::{Features, comparable};
use super::neighbours::{Nearest, Neighbours};
use super::two_sample::share_error;
use crate::error::{Error, Result};
use crate::random::Stream;
use crate::settings::settings;

const NAME: &str = "nearest_neighbour_test";

settings! {
/// The two-sample test by the nearest neighbour, leaving one out.
///
/// Each sample is taken for real or generated as its nearest other sample of both sets is:
///
/// ```text
/// real_accuracy      = share of real samples whose nearest other sample is real
/// generated_accuracy = share of generated samples whose nearest other sample is generated
/// accuracy           = the mean over all samples; a tie of the two sets counts a half
/// ```
///
/// A half is perfect, for sets of the same size. 1: the sets lie apart. Below a half: generated samples
/// lie on real ones, as copies do. The two parts tell failures apart: a collapsed generator has a
/// high accuracy of generated samples, as they are each other's neighbours, and a low one of real samples
/// that lie around the mode that is left. Lopez-Paz and Oquab 2017,
/// [arXiv:1610.06545](https://arxiv.org/abs/1610.06545); Xu et al. 2018,
/// [arXiv:1806.07755](https://arxiv.org/abs/1806.07755). *Bias*: chance is
/// `(n − 1)/(2n − 1)`, a little below a half. *Cost*: 2 n² d products.
///
/// Samples of the larger set beyond the smaller one's count are left out at random.
///
/// ```
/// use burn_gan::metrics::{Features, NearestNeighbourTest};
/// use burn_gan::random::Stream;
///
/// let real = Features::new(vec![0.0, 0.1, 5.0, 5.1], 1)?;
/// let collapsed = Features::new(vec![5.2, 5.21, 5.22, 5.23], 1)?;
/// let mut stream = Stream::new(1, "test");
/// let result = NearestNeighbourTest::default().measure(&real, &collapsed, &mut stream)?;
/// assert_eq!((result.generated_accuracy, result.real_accuracy), (1.0, 0.875));
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(default)]
pub struct NearestNeighbourTest {}
}

/// What [`NearestNeighbourTest`] measures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NearestNeighbourScores {
    /// Over all samples, 0 to 1; 0.5 is chance.
    pub accuracy: f64,
    /// Over real samples.
    pub real_accuracy: f64,
    /// Over generated samples.
    pub generated_accuracy: f64,
    /// The accuracy's standard error as a share of independent samples. Neighbours are not quite
    /// independent, and the true one is larger, by a fifth to a third.
    pub standard_error: f64,
    /// The samples of each set.
    pub count: usize,
}

impl NearestNeighbourTest {
    /// Measures generated features `[M, d]` against real ones `[N, d]`, as many of each as the smaller
    /// set has.
    ///
    /// # Errors
    /// If the sets are not of one kind, if one has fewer than two samples or a feature that is not
    /// finite, or if all samples of both are equal.
    pub fn measure(
        &self,
        real: &Features,
        generated: &Features,
        stream: &mut Stream,
    ) -> Result<NearestNeighbourScores> {
        comparable(NAME, 2, real, generated)?;
        let count = real.count().min(generated.count());
        let mut cut = |features: &Features| {
            (features.count() > count).then(|| {
                let mut order = stream.permutation(features.count());
                order.truncate(count);
                features.select(&order)
            })
        };
        let (cut_real, cut_generated) = (cut(real), cut(generated));
        let real = cut_real.as_ref().unwrap_or(real);
        let generated = cut_generated.as_ref().unwrap_or(generated);
        let neighbours = Neighbours::new(real, generated);
        let (to_generated, to_real) = neighbours.nearest_across();
        let of_real = neighbours.nearest_others_in_a(1);
        let of_generated = neighbours.nearest_others_in_b(1);
        let zero = |own: &[f64], across: &[Nearest]| {
            own.iter().all(|x| *x == 0.0) && across.iter().all(|x| x.squared == 0.0)
        };
        if zero(&of_real, &to_generated) && zero(&of_generated, &to_real) {
            return Err(Error::data(
                NAME,
                "every sample has copies in both sets, so that all distances to a neighbour are 0 \
                 and none is the nearest; look at what made the features",
            ));
        }
        let right = |own: Vec<f64>, across: Vec<Nearest>| -> f64 {
            let pairs = own.into_iter().zip(across);
            pairs
                .map(|(own, across)| match own.partial_cmp(&across.squared) {
                    Some(std::cmp::Ordering::Less) => 1.0,
                    Some(std::cmp::Ordering::Equal) => 0.5,
                    _ => 0.0,
                })
                .sum()
        };
        let (of_real, of_generated) = (right(of_real, to_generated), right(of_generated, to_real));
        let number = count as f64;
        let accuracy = (of_real + of_generated) / (2.0 * number);
        Ok(NearestNeighbourScores {
            accuracy,
            real_accuracy: of_real / number,
            generated_accuracy: of_generated / number,
            standard_error: share_error(accuracy, 2 * count),
            count,
        })
    }
}

impl FeatureMetric for NearestNeighbourTest {
    fn name(&self) -> &'static str {
        NAME
    }

    fn numbers(&self) -> &'static [Number] {
        const {
            &[
                Number::lower("nearest_neighbour_accuracy"),
                Number::lower("nearest_neighbour_accuracy_real"),
                Number::lower("nearest_neighbour_accuracy_generated"),
            ]
        }
    }

    fn settings(&self) -> Value {
        json!(self)
    }

    fn validate(&self) -> Result<()> {
        Ok(())
    }

    fn measure(
        &self,
        real: &Features,
        generated: &Features,
        stream: &mut Stream,
    ) -> Result<Vec<Estimate>> {
        let scores = Self::measure(self, real, generated, stream)?;
        let part = |share| Estimate::with_error(share, share_error(share, scores.count));
        Ok(vec![
            Estimate::with_error(scores.accuracy, scores.standard_error),
            part(scores.real_accuracy),
            part(scores.generated_accuracy),
        ])
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::super::golden::{self, Made, assert_near, refusal};
    use super::*;

    fn normal(seed: u64, count: usize, dimensions: usize) -> Features {
        let values = Stream::new(seed, "features").normal(count * dimensions);
        Features::new(values, dimensions).unwrap()
    }

    fn measure(real: &Features, generated: &Features) -> NearestNeighbourScores {
        let stream = &mut Stream::new(1, "test");
        NearestNeighbourTest::default()
            .measure(real, generated, stream)
            .unwrap()
    }

    #[derive(Deserialize)]
    struct Case {
        real: Made,
        generated: Made,
        real_accuracy: f64,
        generated_accuracy: f64,
    }

    #[test]
    fn accuracies_are_those_of_scikit_learn() {
        for case in golden::part::<Vec<Case>>("nearest") {
            let (real, generated) = (
                golden::features(&case.real),
                golden::features(&case.generated),
            );
            // The reference takes the first of each.
            let count = real.count().min(generated.count());
            let first: Vec<usize> = (0..count).collect();
            let found = measure(&real.select(&first), &generated.select(&first));
            assert_near(found.real_accuracy, case.real_accuracy, 1e-14);
            assert_near(found.generated_accuracy, case.generated_accuracy, 1e-14);
        }
    }

    #[test]
    fn apart_is_one_copies_are_none_and_one_distribution_is_a_half() {
        let real = normal(1, 400, 3);
        let moved: Vec<f32> = real.values().iter().map(|x| x + 100.0).collect();
        let apart = measure(&real, &Features::new(moved, 3).unwrap());
        assert_eq!(apart.accuracy, 1.0);
        assert_eq!(measure(&real, &real).accuracy, 0.0);
        let fresh = measure(&real, &normal(2, 500, 3));
        assert_eq!(fresh.count, 400);
        let chance = 399.0 / 799.0;
        // A third more than of independent samples.
        let error = 1.33 * fresh.standard_error;
        assert!((fresh.accuracy - chance).abs() < 5.0 * error, "{fresh:?}");
    }

    #[test]
    fn a_tie_counts_a_half() {
        let line = |values: &[f32]| Features::new(values.to_vec(), 1).unwrap();
        // 0 has −1 of its own and 1 of the other set equally near.
        let found = measure(&line(&[0.0, -1.0]), &line(&[1.0, 2.0]));
        assert_eq!(
            (found.real_accuracy, found.generated_accuracy),
            (0.75, 0.75)
        );
    }

    #[test]
    fn what_can_not_be_measured_is_refused_with_its_cause() {
        let good = normal(1, 4, 2);
        let refused = |a: &Features, b: &Features| {
            let stream = &mut Stream::new(1, "test");
            refusal(NearestNeighbourTest::default().measure(a, b, stream))
        };
        let text = refused(&good, &good.select(&[0]));
        assert!(
            text.contains("nearest_neighbour_test: the set has 1 samples"),
            "{text}"
        );
        let constant = Features::new(vec![1.0; 8], 2).unwrap();
        assert!(refused(&constant, &constant).contains("every sample has copies"));
        assert!(refused(&normal(1, 4, 3), &good).contains("dimensions"));
        let nan = Features::new(vec![f32::NAN; 4], 2).unwrap();
        assert!(refused(&good, &nan).contains("is NaN"));
    }
}
