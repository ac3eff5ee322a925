//! Whether samples are of the classes that were asked for.

use serde::Serialize;

use super::features::{Features, usable};
use crate::error::{Error, Result};

const NAME: &str = "class_accuracy";

/// How often a classifier finds in a sample the class that the generator was told.
///
/// ```text
/// accuracy = share of samples (x, c) with argmax_k logits(x)_k = c
/// ```
///
/// Of real samples with their labels the same number is the classifier's own accuracy, which generated
/// ones have where they are as real ones, and exceed where they are easier to tell. A sample whose two largest logits are equal counts for
/// the first of them. It sees no variety: one good sample of each class is perfect, so
/// [`PrecisionRecall`](super::PrecisionRecall) belongs beside it. The classifier must be another than the
/// one that an AC-GAN's discriminator is, which its generator was trained to please.
///
/// Shmelkov, Schmid, Alahari 2018, *How good is my GAN?*, [arXiv:1807.09499](https://arxiv.org/abs/1807.09499)
/// (GAN-test); of ImageNet's Inception it is the accuracy of Odena, Olah, Shlens 2016,
/// [arXiv:1610.09585](https://arxiv.org/abs/1610.09585).
///
/// ```
/// use burn_gan::metrics::{ClassAccuracy, Features};
///
/// // Two classes; the third sample is taken for the first class.
/// let logits = Features::new(vec![3.0, 0.0, 0.0, 1.0, 0.5, 0.2], 2)?;
/// let found = ClassAccuracy::of_logits(&logits, &[0, 1, 1])?;
/// assert!((found.accuracy() - 2.0 / 3.0).abs() < 1e-12);
/// assert_eq!(found.of_class(1), Some(0.5));
/// assert_eq!(found.counts()[1], [1, 1]);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClassAccuracy {
    counts: Vec<Vec<usize>>,
}

impl ClassAccuracy {
    /// Of a classifier's logits or probabilities, `[n, classes]`, and the class asked for of each sample.
    ///
    /// # Errors
    /// If there is one class only, another number of labels than of samples, a label that
    /// the classifier has no class for, or a number that is not finite.
    pub fn of_logits(logits: &Features, asked: &[usize]) -> Result<Self> {
        usable(NAME, 1, logits)?;
        let classes = logits.dimensions();
        if classes < 2 {
            let problem = "the classifier has one class; there must be at least two";
            return Err(Error::data(NAME, problem));
        }
        if asked.len() != logits.count() {
            let problem = format!("must be one for each sample, {}", logits.count());
            return Err(Error::setting("asked", asked.len(), problem));
        }
        if let Some(label) = asked.iter().find(|label| **label >= classes) {
            let problem = format!("is no class of the classifier, which has {classes}");
            return Err(Error::setting("asked", label, problem));
        }
        let mut counts = vec![vec![0; classes]; classes];
        for (row, label) in logits.rows().zip(asked) {
            // The first of equals, which `max_by` is not.
            let found = (1..classes).fold(0, |best, class| match row[class] > row[best] {
                true => class,
                false => best,
            });
            counts[*label][found] += 1;
        }
        Ok(Self { counts })
    }

    /// How many samples of each class asked for were taken for which: a row for each class asked for, in it
    /// a number for each class found.
    pub fn counts(&self) -> &[Vec<usize>] {
        &self.counts
    }

    /// The share of samples that are of the class asked for, 0 to 1.
    pub fn accuracy(&self) -> f64 {
        let right: usize = (0..self.counts.len()).map(|c| self.counts[c][c]).sum();
        right as f64 / self.samples() as f64
    }

    /// The standard error of the accuracy A of n samples, √(A·(1 − A)/n).
    pub fn standard_error(&self) -> f64 {
        let accuracy = self.accuracy();
        (accuracy * (1.0 - accuracy) / self.samples() as f64).sqrt()
    }

    /// The share of the samples of this class that are of it; `None` where none was asked for, or there is
    /// no such class.
    pub fn of_class(&self, class: usize) -> Option<f64> {
        let row = self.counts.get(class)?;
        let all: usize = row.iter().sum();
        (all > 0).then(|| row[class] as f64 / all as f64)
    }

    fn samples(&self) -> usize {
        self.counts.iter().flatten().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::refusal;
    use super::*;

    fn of(logits: &[f32], classes: usize, asked: &[usize]) -> Result<ClassAccuracy> {
        let logits = Features::new(logits.to_vec(), classes).expect("whole rows");
        ClassAccuracy::of_logits(&logits, asked)
    }

    #[test]
    fn who_is_taken_for_whom_is_counted() {
        let logits = [
            [9.0, 1.0, 2.0],
            [-1.0, -2.0, -0.5],
            [0.0, 0.0, 0.0],
            [0.0, 7.0, 7.0],
        ];
        let found = of(&logits.concat(), 3, &[0, 2, 2, 0]).expect("valid");
        // The first of equals.
        assert_eq!(found.counts(), [[1, 1, 0], [0, 0, 0], [1, 0, 1]]);
        assert_eq!(found.accuracy(), 0.5);
        assert_eq!(found.standard_error(), 0.25);
        assert_eq!(found.of_class(0), Some(0.5));
        assert_eq!(found.of_class(1), None);
        assert_eq!(found.of_class(3), None);
    }

    #[test]
    fn wrong_input_is_refused() {
        let error = |values: &[f32], classes, asked: &[usize]| {
            refusal(of(values, classes, asked).map(|found| found.accuracy()))
        };
        for (message, part) in [
            (error(&[1.0], 1, &[0]), "one class"),
            (error(&[1.0, 2.0], 2, &[0, 1]), "`asked` = 2: must be one"),
            (error(&[1.0, 2.0], 2, &[2]), "`asked` = 2: is no class"),
            (error(&[1.0, f32::NAN], 2, &[0]), "NaN"),
        ] {
            assert!(message.contains(part), "{message}");
        }
    }
}
