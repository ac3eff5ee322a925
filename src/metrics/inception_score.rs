//! The inception score, of any classifier.

use serde::Serialize;
use serde_json::{Value, json};

use super::feature_metric::{Estimate, FeatureMetric, Number};
use super::features::{Features, same_kind, usable};
use crate::error::{Error, Result, check};
use crate::random::Stream;
use crate::settings::settings;

const NAME: &str = "inception_score";

/// How far from 1 the sum of a row of probabilities in single precision may lie.
const SUM_TOLERANCE: f64 = 1e-3;

settings! {
/// The inception score: how sure a classifier is of each sample, and how many classes there are.
///
/// ```text
/// IS = exp(1/n Σᵢ KL(p(·|xᵢ) ‖ p̄)),   p̄ = 1/n Σᵢ p(·|xᵢ)
/// ```
///
/// over each of ten parts of the samples; the score is the mean over parts. From 1, for a classifier
/// that says the same of all samples, to the number of classes, for one that is certain and
/// finds all classes equally often. Salimans et al. 2016,
/// [arXiv:1606.03498](https://arxiv.org/abs/1606.03498), with ImageNet's Inception and 50,000 samples;
/// of another classifier it is another number. *Bias*: downward, by up to about
/// `(classes − 1)/(2·samples of a part)` of itself. It sees no real data: one good sample of each class,
/// again and again, is perfect. *Cost*: that of the classifier.
///
/// As a [`FeatureMetric`] it takes the classifier's logits as features, and does not look at the real
/// ones: they are there for real against real, which is the score of real samples. Its error is the
/// standard error of the mean over parts, not their deviation, which papers print.
///
/// ```
/// use burn_gan::metrics::{Features, InceptionScore};
/// use burn_gan::random::Stream;
///
/// // A classifier that is certain, and finds two classes equally often.
/// let certain = Features::new([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]].concat(), 3)?;
/// let whole = InceptionScore { splits: 1, ..InceptionScore::default() };
/// let result = whole.of_probabilities(&certain, &mut Stream::new(1, "order"))?;
/// assert!((result.score - 2.0).abs() < 1e-12);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(default)]
pub struct InceptionScore {
    /// The number of parts, at least 1; 10 by default.
    pub splits: usize,
    /// Whether samples are put in random order before they are split, as those of a folder that is
    /// sorted by classes have to be; `true` by default.
    pub shuffle: bool,
}
}

impl Default for InceptionScore {
    fn default() -> Self {
        Self {
            splits: 10,
            shuffle: true,
        }
    }
}

/// What [`InceptionScore`] measures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InceptionScores {
    /// The mean over the parts.
    pub score: f64,
    /// The standard deviation over the parts (of the population, as it is published).
    pub deviation: f64,
    /// The score of each part.
    pub parts: Vec<f64>,
    /// The share of each class, by the classifier's probabilities, over all samples.
    pub classes: Vec<f64>,
}

impl InceptionScores {
    /// The standard error of the mean over parts; `None` of one part.
    pub fn standard_error(&self) -> Option<f64> {
        let count = self.parts.len() as f64;
        // The deviation divides by the number of parts.
        (self.parts.len() > 1).then(|| self.deviation / (count - 1.0).sqrt())
    }
}

impl InceptionScore {
    /// Checks the settings.
    ///
    /// # Errors
    /// If there is no part, or more than a million.
    pub fn validate(&self) -> Result<()> {
        check::at_least("splits", self.splits, 1)?;
        check::at_most("splits", self.splits, 1 << 20)
    }

    /// The score of a classifier's probabilities, `[n, classes]`.
    ///
    /// # Errors
    /// If there are fewer than two classes or fewer samples than parts, or if a row is no
    /// distribution: a probability is not in `[0, 1]`, or they do not add up to 1.
    pub fn of_probabilities(
        &self,
        probabilities: &Features,
        stream: &mut Stream,
    ) -> Result<InceptionScores> {
        self.check(probabilities)?;
        for (index, row) in probabilities.rows().enumerate() {
            let sum: f64 = row.iter().map(|p| f64::from(*p)).sum();
            let wrong = row.iter().position(|p| !(0.0..=1.0).contains(p));
            let cause = match wrong {
                Some(class) => format!("the probability of class {class} is {}", row[class]),
                None if (sum - 1.0).abs() > SUM_TOLERANCE => {
                    format!("its probabilities add up to {sum}, not to 1")
                }
                None => continue,
            };
            return Err(Error::data(
                NAME,
                format!(
                    "row {index} is no distribution: {cause}; give the outputs of a softmax, or \
                     logits to `of_logits`"
                ),
            ));
        }
        let order = self.order(probabilities.count(), stream);
        Ok(self.score(probabilities, &order, |row, out| {
            for (out, p) in out.iter_mut().zip(row) {
                let p = f64::from(*p);
                *out = (p, p.ln());
            }
        }))
    }

    /// The score of a classifier's logits, `[n, classes]`: the softmax is taken here, in double
    /// precision.
    ///
    /// # Errors
    /// If there are fewer than two classes or fewer samples than parts, or if a logit is not finite.
    pub fn of_logits(&self, logits: &Features, stream: &mut Stream) -> Result<InceptionScores> {
        self.check(logits)?;
        let order = self.order(logits.count(), stream);
        Ok(self.score(logits, &order, |row, out| {
            let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let shifted = |logit: f32| f64::from(logit) - f64::from(largest);
            let sum: f64 = row.iter().map(|logit| shifted(*logit).exp()).sum();
            let constant = sum.ln();
            for (out, logit) in out.iter_mut().zip(row) {
                let ln = shifted(*logit) - constant;
                *out = (ln.exp(), ln);
            }
        }))
    }

    fn check(&self, outputs: &Features) -> Result<()> {
        self.validate()?;
        usable(NAME, self.splits, outputs)?;
        if outputs.dimensions() < 2 {
            return Err(Error::data(
                NAME,
                "the classifier has one class; a score takes at least two",
            ));
        }
        Ok(())
    }

    fn order(&self, count: usize, stream: &mut Stream) -> Vec<usize> {
        match self.shuffle {
            true => stream.permutation(count),
            false => (0..count).collect(),
        }
    }

    /// `read` turns a row into probabilities and their logarithms.
    fn score(
        &self,
        outputs: &Features,
        order: &[usize],
        read: impl Fn(&[f32], &mut [(f64, f64)]),
    ) -> InceptionScores {
        let (count, classes) = (outputs.count(), outputs.dimensions());
        let mut row = vec![(0.0, 0.0); classes];
        let mut all = vec![0.0; classes];
        let part = |part: usize| part * count / self.splits;
        let parts: Vec<f64> = (0..self.splits)
            .map(|index| {
                let own = &order[part(index)..part(index + 1)];
                let mut mean = vec![0.0; classes];
                // Σ p ln p: minus the entropies.
                let mut certain = 0.0;
                for place in own {
                    read(outputs.row(*place), &mut row);
                    for (mean, (p, ln)) in mean.iter_mut().zip(&row) {
                        *mean += p;
                        // 0 · ln 0 is 0 in the limit.
                        certain += if *p > 0.0 { p * ln } else { 0.0 };
                    }
                }
                all.iter_mut()
                    .zip(&mean)
                    .for_each(|(all, mean)| *all += mean);
                let number = own.len() as f64;
                let marginal = mean.iter().filter(|mean| **mean > 0.0);
                let marginal: f64 = marginal.map(|mean| mean * (mean / number).ln()).sum();
                ((certain - marginal) / number).exp()
            })
            .collect();
        let number = parts.len() as f64;
        let score = parts.iter().sum::<f64>() / number;
        let squares: f64 = parts.iter().map(|part| (part - score).powi(2)).sum();
        InceptionScores {
            score,
            deviation: (squares / number).sqrt(),
            parts,
            classes: all.iter().map(|sum| sum / count as f64).collect(),
        }
    }
}

impl FeatureMetric for InceptionScore {
    fn name(&self) -> &'static str {
        NAME
    }

    fn numbers(&self) -> &'static [Number] {
        const { &[Number::higher(NAME)] }
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
        stream: &mut Stream,
    ) -> Result<Vec<Estimate>> {
        same_kind(NAME, real, generated)?;
        let scores = self.of_logits(generated, stream)?;
        Ok(vec![Estimate {
            error: scores.standard_error(),
            ..scores.score.into()
        }])
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::super::golden::{self, Made, assert_near, refusal};
    use super::*;
    use crate::metrics::{Better, Scorer};

    fn stream() -> Stream {
        Stream::new(1, "order")
    }

    fn in_order(splits: usize) -> InceptionScore {
        InceptionScore {
            splits,
            shuffle: false,
        }
    }

    fn rows(rows: &[&[f32]]) -> Features {
        Features::new(rows.concat(), rows[0].len()).unwrap()
    }

    #[derive(Deserialize)]
    struct Case {
        logits: Made,
        splits: usize,
        score: f64,
        deviation: f64,
    }

    #[test]
    fn scores_are_those_of_torch_fidelity() {
        for case in golden::part::<Vec<Case>>("inception_score") {
            let logits = golden::features(&case.logits);
            let found = in_order(case.splits)
                .of_logits(&logits, &mut stream())
                .unwrap();
            assert_near(found.score, case.score, 1e-12);
            assert!((found.deviation - case.deviation).abs() < 1e-12 * case.score);
            assert_eq!(found.parts.len(), case.splits);
        }
    }

    #[test]
    fn a_score_of_logits_stands_beside_that_of_held_out_logits() {
        // A classifier that is certain: of two classes in the real samples, of one in the generated.
        let certain = |classes: [usize; 6]| {
            let one = |class| match class {
                0 => [99.0, 0.0],
                _ => [0.0, 99.0],
            };
            let rows = classes.map(one);
            Features::new(rows.concat(), 2).unwrap().with_set("logits")
        };
        let both = certain([0, 1, 0, 1, 0, 1]);
        let scorer = Scorer::new(both.clone())
            .with_held_out(both)
            .with_metric(in_order(3));
        let score = scorer.score(&certain([1; 6])).unwrap().remove(0);
        assert_eq!((score.name.as_str(), score.better), (NAME, Better::Higher));
        assert_near(score.value(), 1.0, 1e-12);
        assert_eq!(score.estimate.error, Some(0.0));
        assert_near(score.real_against_real.unwrap().value, 2.0, 1e-12);
        assert_eq!(
            score.provenance.settings,
            json!({"splits": 3, "shuffle": false})
        );
        let three = Features::new(vec![0.0; 9], 3).unwrap();
        assert!(
            scorer
                .score(&three)
                .unwrap_err()
                .to_string()
                .contains("dimensions")
        );
    }

    #[test]
    fn probabilities_and_their_logits_have_one_score() {
        let p = rows(&[&[0.5, 0.25, 0.25], &[1.0, 0.0, 0.0], &[0.125, 0.375, 0.5]]);
        let logits =
            Features::new(p.values().iter().map(|p| p.max(1e-30).ln()).collect(), 3).unwrap();
        let a = in_order(1).of_probabilities(&p, &mut stream()).unwrap();
        let b = in_order(1).of_logits(&logits, &mut stream()).unwrap();
        assert_near(a.score, b.score, 1e-6);
        let classes = [1.625 / 3.0, 0.625 / 3.0, 0.75 / 3.0];
        for (found, expected) in a.classes.iter().zip(classes) {
            assert_near(*found, expected, 1e-12);
        }
        assert_eq!(a.standard_error(), None);
    }

    #[test]
    fn certain_and_diverse_is_the_number_of_classes_and_anything_less_is_less() {
        let certain: Vec<f32> = (0..40)
            .flat_map(|i| (0..4).map(move |c| f32::from(u8::from(c == i % 4))))
            .collect();
        let certain = Features::new(certain, 4).unwrap();
        let found = in_order(10)
            .of_probabilities(&certain, &mut stream())
            .unwrap();
        assert_near(found.score, 4.0, 1e-14);
        assert_eq!(found.standard_error(), Some(0.0));
        // Two of the four classes.
        let two: Vec<usize> = (0..40).filter(|i| i % 4 < 2).collect();
        let found = in_order(10).of_probabilities(&certain.select(&two), &mut stream());
        assert_near(found.unwrap().score, 2.0, 1e-14);
        // Always the same class; nothing known of any.
        for row in [[1.0, 0.0, 0.0, 0.0], [0.25; 4]] {
            let found = in_order(2)
                .of_probabilities(&rows(&[row.as_slice(); 6]), &mut stream())
                .unwrap();
            assert_near(found.score, 1.0, 1e-14);
        }
    }

    #[test]
    fn sorted_samples_are_shuffled() {
        let sorted: Vec<f32> = (0..400)
            .flat_map(|i| (0..4).map(move |c| f32::from(u8::from(c == i / 100))))
            .collect();
        let sorted = Features::new(sorted, 4).unwrap();
        let as_they_are = in_order(4)
            .of_probabilities(&sorted, &mut stream())
            .unwrap();
        assert_near(as_they_are.score, 1.0, 1e-14);
        let settings = InceptionScore {
            splits: 4,
            shuffle: true,
        };
        let shuffled = settings.of_probabilities(&sorted, &mut stream()).unwrap();
        assert!(
            shuffled.score > 3.8 && shuffled.score <= 4.0,
            "{shuffled:?}"
        );
    }

    #[test]
    fn what_is_no_distribution_is_refused() {
        let measure = |p: &Features| refusal(in_order(1).of_probabilities(p, &mut stream()));
        let good: &[f32] = &[0.5, 0.5];
        let text = measure(&rows(&[good, &[0.5, 0.6]]));
        assert!(
            text.contains("inception_score: row 1 is no distribution"),
            "{text}"
        );
        assert!(text.contains("add up to 1.1"), "{text}");
        let text = measure(&rows(&[&[-0.5, 1.5]]));
        assert!(
            text.contains("the probability of class 0 is -0.5"),
            "{text}"
        );
        assert!(measure(&rows(&[&[f32::NAN, 1.0]])).contains("is NaN"));
        assert!(measure(&rows(&[&[1.0]])).contains("has one class"));
        let text = refusal(in_order(3).of_logits(&rows(&[good, good]), &mut stream()));
        assert!(
            text.contains("has 2 samples; it takes at least 3"),
            "{text}"
        );
        assert!(
            refusal(in_order(0).of_logits(&rows(&[good]), &mut stream())).contains("`splits` = 0")
        );
    }
}
