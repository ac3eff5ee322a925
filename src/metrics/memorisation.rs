//! Whether generated samples are copies of the training data.

use serde::Serialize;
use serde_json::{Value, json};

use super::feature_metric::{Estimate, FeatureMetric, Number};
use super::features::{Features, comparable};
use super::neighbours::{Nearest, Neighbours};
use super::real_set::RealSet;
use super::two_sample::share_error;
use crate::error::{Error, Result};
use crate::random::Stream;
use crate::settings::settings;

const NAME: &str = "memorisation";

settings! {
/// The share of memorised samples, and each generated sample's nearest training sample.
///
/// A generated sample counts as *memorised* if it lies at least as near to a training sample as that
/// one's own nearest neighbour does:
///
/// ```text
/// n(y)      = the training sample nearest to y
/// memorised = share of generated y with ‖y − n(y)‖ ≤ min over other training x of ‖n(y) − x‖
/// ```
///
/// `1 − memorised` is the AuthPct of Alaa et al. 2022,
/// [arXiv:2102.08921](https://arxiv.org/abs/2102.08921), as Stein et al. 2023
/// ([arXiv:2306.04675](https://arxiv.org/abs/2306.04675)) measure it. *What is perfect*: not 0. Fresh
/// samples of the data's own distribution have two thirds on a line, 0.4 in eight dimensions and a
/// tenth in hundreds (1,000 normal samples of each), since the nearest training sample is often the
/// nearer of two. 1 is a copy of the training data; values below those of fresh real samples say
/// that samples lie off the data. Read it beside the same number of
/// held-out real samples, or take
/// [`measure_with_held_out`](Self::measure_with_held_out), which compares with them.
/// *Cost*: 1.5 n² d products.
///
/// The real samples have to be those that the generator was trained on.
///
/// ```
/// use burn_gan::metrics::{Features, Memorisation};
///
/// let training = Features::new(vec![0.0, 1.0, 3.0], 1)?;
/// let generated = Features::new(vec![1.1, 2.0, 8.0], 1)?;
/// let result = Memorisation::default().measure(&training, &generated)?;
/// // 1.1 is nearer to 1 than 0 is; 2 is as far from 1 as 0 is; 8 is 5 from 3, whose next is at 2.
/// assert_eq!(result.memorised, 2.0 / 3.0);
/// assert_eq!(result.nearest[2].training, 2);
/// assert_eq!(result.nearest[2].distance, 5.0);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(default)]
pub struct Memorisation {}
}

/// What [`Memorisation`] measures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MemorisationScores {
    /// The share of memorised samples, 0 to 1.
    pub memorised: f64,
    /// The median distance of a generated sample to its nearest training sample.
    pub median_distance: f64,
    /// For each generated sample, in their order, the nearest training sample: the pairs to look
    /// at in a picture.
    pub nearest: Vec<NearestTraining>,
}

/// A training sample that is nearest to some other sample.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct NearestTraining {
    /// Its row among the training features; the first of several that are equally near.
    pub training: usize,
    /// The Euclidean distance.
    pub distance: f64,
    /// Whether the other sample counts as memorised.
    pub memorised: bool,
}

/// What [`Memorisation::measure_with_held_out`] measures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CopyingScores {
    /// Of the generated samples.
    pub generated: MemorisationScores,
    /// Of the held-out real samples: what a generator that copies nothing has.
    pub held_out: MemorisationScores,
    /// The probability that a generated sample is nearer to the training data than a held-out one,
    /// ties counting half: 0.5 without copying, 1 where every generated sample is nearer; below
    /// 0.5 where samples lie off the data.
    pub nearer_than_held_out: f64,
    /// How many standard errors that is above 0.5 (Mann–Whitney): above 3, say, the generator copies.
    pub z: f64,
}

impl MemorisationScores {
    /// The share, with the error of a share of independent samples.
    fn estimate(&self) -> Estimate {
        let error = share_error(self.memorised, self.nearest.len());
        Estimate::with_error(self.memorised, error)
    }

    /// The generated samples that are nearest to a training sample, the nearest first: the most
    /// suspicious pairs.
    pub fn closest(&self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.nearest.len()).collect();
        let distance = |index: usize| self.nearest[index].distance;
        order.sort_by(|a, b| distance(*a).total_cmp(&distance(*b)));
        order.truncate(count);
        order
    }
}

impl Memorisation {
    /// Measures generated features `[M, d]` against those of the training samples `[N, d]`.
    ///
    /// # Errors
    /// If the sets are not of one kind, if there are fewer than two training samples, if a feature
    /// is not finite, or if all training samples are equal.
    pub fn measure(&self, training: &Features, generated: &Features) -> Result<MemorisationScores> {
        check(training, generated)?;
        Ok(against(training, generated, &own_distances(training)?))
    }

    /// Measures generated samples, and as a yardstick real samples that the generator was not
    /// trained on.
    ///
    /// The distances to the training data of both are compared: Meehan et al. 2020,
    /// [arXiv:2004.05675](https://arxiv.org/abs/2004.05675), over the whole space as one cell.
    ///
    /// # Errors
    /// As [`measure`](Self::measure), for both sets.
    pub fn measure_with_held_out(
        &self,
        training: &Features,
        held_out: &Features,
        generated: &Features,
    ) -> Result<CopyingScores> {
        check(training, generated)?;
        check(training, held_out)?;
        let own = own_distances(training)?;
        let generated = against(training, generated, &own);
        let held_out = against(training, held_out, &own);
        let distances = |scores: &MemorisationScores| -> Vec<f64> {
            scores
                .nearest
                .iter()
                .map(|nearest| nearest.distance)
                .collect()
        };
        let (nearer, z) = mann_whitney(&distances(&generated), &distances(&held_out));
        Ok(CopyingScores {
            generated,
            held_out,
            nearer_than_held_out: nearer,
            z,
        })
    }
}

/// Refuses sets that can't be held against each other.
fn check(training: &Features, samples: &Features) -> Result<()> {
    comparable(NAME, 1, training, samples)?;
    comparable(NAME, 2, training, training)
}

/// The squared distance of each training sample to its nearest other one.
fn own_distances(training: &Features) -> Result<Vec<f64>> {
    let own = Neighbours::new(training, training).nearest_others_in_a(1);
    if own.iter().all(|squared| *squared == 0.0) {
        return Err(Error::data(
            NAME,
            "each training sample has a copy among the others, so that every distance to a \
             neighbour is 0; look at what made the features, or leave copies out",
        ));
    }
    Ok(own)
}

fn against(training: &Features, samples: &Features, own: &[f64]) -> MemorisationScores {
    let (_, nearest) = Neighbours::new(training, samples).nearest_across();
    let of_sample = |nearest: Nearest| NearestTraining {
        training: nearest.index,
        distance: nearest.squared.sqrt(),
        memorised: nearest.squared <= own[nearest.index],
    };
    let nearest: Vec<NearestTraining> = nearest.into_iter().map(of_sample).collect();
    let memorised = nearest.iter().filter(|nearest| nearest.memorised).count();
    let mut distances: Vec<f64> = nearest.iter().map(|nearest| nearest.distance).collect();
    distances.sort_by(f64::total_cmp);
    let middle = distances.len() / 2;
    let median_distance = if distances.len().is_multiple_of(2) {
        0.5 * (distances[middle - 1] + distances[middle])
    } else {
        distances[middle]
    };
    MemorisationScores {
        memorised: memorised as f64 / nearest.len() as f64,
        median_distance,
        nearest,
    }
}

/// The probability that one of `a` is below one of `b`, ties counting half, and its distance from a
/// half in standard errors, with the correction for ties. 0 errors where all are equal.
fn mann_whitney(a: &[f64], b: &[f64]) -> (f64, f64) {
    let mut all: Vec<(f64, bool)> = a.iter().map(|x| (*x, true)).collect();
    all.extend(b.iter().map(|x| (*x, false)));
    all.sort_by(|x, y| x.0.total_cmp(&y.0));
    // Twice the number of pairs with a below b, a tie counting one.
    let mut doubled = 0.0;
    let mut ties = 0.0;
    let mut seen_a = 0.0;
    for equal in all.chunk_by(|x, y| x.0 == y.0) {
        let count = equal.len() as f64;
        let of_a = equal.iter().filter(|(_, is_a)| *is_a).count() as f64;
        let of_b = count - of_a;
        doubled += of_b * (2.0 * seen_a + of_a);
        seen_a += of_a;
        ties += count.powi(3) - count;
    }
    let (m, n) = (a.len() as f64, b.len() as f64);
    let total = m + n;
    let below = 0.5 * doubled / (m * n);
    let variance = (total + 1.0 - ties / (total * (total - 1.0))) / (12.0 * m * n);
    if variance > 0.0 {
        (below, (below - 0.5) / variance.sqrt())
    } else {
        (below, 0.0)
    }
}

impl FeatureMetric for Memorisation {
    fn name(&self) -> &'static str {
        NAME
    }

    fn numbers(&self) -> &'static [Number] {
        const { &[Number::lower("memorised")] }
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
        _stream: &mut Stream,
    ) -> Result<Vec<Estimate>> {
        let scores = Self::measure(self, real, generated)?;
        Ok(vec![scores.estimate()])
    }

    fn measure_against(
        &self,
        real: &RealSet,
        generated: &Features,
        _stream: &mut Stream,
    ) -> Result<Vec<Estimate>> {
        let training = real.features();
        check(training, generated)?;
        let own = real.own_distances(|| own_distances(training))?;
        Ok(vec![against(training, generated, own).estimate()])
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

    #[derive(Deserialize)]
    struct Case {
        real: Made,
        generated: Made,
        indices: Vec<usize>,
        distances: Vec<f64>,
        memorised: f64,
    }

    #[test]
    fn nearest_samples_and_the_share_are_those_of_scikit_learn() {
        for case in golden::part::<Vec<Case>>("nearest") {
            let (real, generated) = (
                golden::features(&case.real),
                golden::features(&case.generated),
            );
            let found = Memorisation::default().measure(&real, &generated).unwrap();
            assert_near(found.memorised, case.memorised, 1e-14);
            for ((found, index), distance) in
                found.nearest.iter().zip(&case.indices).zip(&case.distances)
            {
                assert_eq!(found.training, *index);
                assert_near(found.distance, *distance, 1e-12);
            }
        }
    }

    #[test]
    fn copies_are_all_memorised_and_found() {
        let training = normal(1, 100, 5);
        let copies = training.select(&[7, 3, 99, 3]);
        let found = Memorisation::default().measure(&training, &copies).unwrap();
        assert_eq!((found.memorised, found.median_distance), (1.0, 0.0));
        let rows: Vec<usize> = found
            .nearest
            .iter()
            .map(|nearest| nearest.training)
            .collect();
        assert_eq!(rows, [7, 3, 99, 3]);
        // Far away nothing is.
        let far = Features::new(vec![1e3; 10], 5).unwrap();
        let found = Memorisation::default().measure(&training, &far).unwrap();
        assert_eq!(found.memorised, 0.0);
    }

    #[test]
    fn the_closest_pairs_come_first() {
        let training = Features::new(vec![0.0, 10.0, 20.0], 1).unwrap();
        let generated = Features::new(vec![4.0, 11.0, 20.5, 10.0], 1).unwrap();
        let found = Memorisation::default()
            .measure(&training, &generated)
            .unwrap();
        assert_eq!(found.closest(3), [3, 2, 1]);
        assert_eq!(found.median_distance, 0.75);
    }

    #[test]
    fn held_out_samples_tell_copies_from_fresh_ones() {
        let training = normal(1, 300, 4);
        let held_out = normal(2, 200, 4);
        let measure = |generated: &Features| {
            Memorisation::default()
                .measure_with_held_out(&training, &held_out, generated)
                .unwrap()
        };
        let fresh = measure(&normal(3, 250, 4));
        // Five standard errors.
        assert!(fresh.z.abs() < 5.0, "{fresh:?}");
        let mut noisy = training.values().to_vec();
        let noise = Stream::new(4, "noise").normal(noisy.len());
        noisy
            .iter_mut()
            .zip(noise)
            .for_each(|(x, noise)| *x += 0.05 * noise);
        let copied = measure(&Features::new(noisy, 4).unwrap());
        assert!(
            copied.z > 10.0 && copied.nearer_than_held_out > 0.95,
            "{}",
            copied.z
        );
        assert_eq!(copied.held_out.nearest.len(), 200);
    }

    #[test]
    fn the_rank_test_is_that_of_scipy() {
        #[derive(Deserialize)]
        struct Golden {
            below: f64,
            z: f64,
        }
        let golden: Golden = golden::part("mann_whitney");
        let rounded = |made: &[f64]| -> Vec<f64> {
            let features = golden::features(made);
            // NumPy rounds halves to even.
            let values = features.values().iter();
            values
                .map(|x| (f64::from(*x) * 8.0).round_ties_even())
                .collect()
        };
        let a = rounded(&[71.0, 60.0, 1.0]);
        let b = rounded(&[72.0, 45.0, 1.0, 1.0, 0.25]);
        let (below, z) = mann_whitney(&a, &b);
        assert_near(below, golden.below, 1e-14);
        assert_near(z, golden.z, 1e-9);
        assert_eq!(mann_whitney(&[1.0; 3], &[1.0; 4]), (0.5, 0.0));
    }

    #[test]
    fn what_can_not_be_measured_is_refused_with_its_cause() {
        let measure = |a: &Features, b: &Features| Memorisation::default().measure(a, b);
        let good = normal(1, 8, 2);
        let one = good.select(&[0]);
        let text = refusal(measure(&one, &good));
        assert!(
            text.contains("memorisation: the set has 1 samples"),
            "{text}"
        );
        assert!(measure(&good, &one).is_ok());
        let equal = Features::new(vec![1.0; 8], 2).unwrap();
        let text = refusal(measure(&equal, &good));
        assert!(text.contains("each training sample has a copy"), "{text}");
        let nan = Features::new(vec![f32::NAN; 2], 2).unwrap();
        assert!(refusal(measure(&good, &nan)).contains("is NaN"));
        assert!(refusal(measure(&normal(1, 4, 3), &good)).contains("dimensions"));
        let text = refusal(Memorisation::default().measure_with_held_out(&good, &nan, &good));
        assert!(text.contains("is NaN"), "{text}");
    }
}
