//! Recall and coverage of each class of the real samples.

use std::collections::BTreeMap;

use serde::Serialize;

use super::features::Features;
use super::precision_recall::PrecisionRecall;
use crate::error::{Error, Result};

/// How much of one class generated samples reach, as [`PrecisionRecall::by_class`] measures it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassRecall {
    /// The class's number, as the labels have it.
    pub class: usize,
    /// Real samples of the class.
    pub real: usize,
    /// The share of them within the balls of generated samples, 0 to 1.
    pub recall: f64,
    /// The share of them whose ball holds a generated sample, 0 to 1.
    pub coverage: f64,
}

impl PrecisionRecall {
    /// Recall and coverage of each class among the real samples, in the order of their numbers: which
    /// classes a generator does not reach, though it may do well on the whole.
    ///
    /// The balls are those of [`measure`](Self::measure), of all real and all generated samples, whichever
    /// their classes. So the generator needs none, one with classes and one without compare, and the mean
    /// over the classes, each weighted by its number of samples, is the recall of all.
    ///
    /// ```text
    /// recall_c = share of real x of class c with ‖x − y‖ < r_k(y) for some generated y
    /// ```
    ///
    /// The standard error of a class's recall R of n samples is √(R·(1 − R)/n): one of 100 samples is known
    /// to 0.05.
    ///
    /// ```
    /// use burn_gan::metrics::{Features, PrecisionRecall};
    /// use burn_gan::random::Stream;
    ///
    /// let normal = |seed, mean: f32| -> Vec<f32> {
    ///     let values = Stream::new(seed, "class").normal(200);
    ///     values.into_iter().map(|x| x + mean).collect()
    /// };
    /// // Two classes far apart, and a generator that draws the first alone.
    /// let real = Features::new([normal(1, 0.0), normal(2, 50.0)].concat(), 1)?;
    /// let generated = Features::new(normal(3, 0.0), 1)?;
    /// let labels: Vec<usize> = (0..400).map(|sample| sample / 200).collect();
    /// let classes = PrecisionRecall::default().by_class(&real, &labels, &generated)?;
    /// assert!(classes[0].recall > 0.9 && classes[1].recall == 0.0);
    /// # Ok::<(), burn_gan::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`measure`](Self::measure), or if there are not as many labels as real samples.
    pub fn by_class(
        &self,
        real: &Features,
        labels: &[usize],
        generated: &Features,
    ) -> Result<Vec<ClassRecall>> {
        if labels.len() != real.count() {
            let problem = format!("must be one for each real sample, {}", real.count());
            return Err(Error::setting("labels", labels.len(), problem));
        }
        let reach = self.reach(real, generated)?;
        // Samples, recalled ones and covered ones of each class: numbers may be any.
        let mut counts = BTreeMap::<usize, [usize; 3]>::new();
        for ((class, recalled), covered) in labels.iter().zip(&reach.recalled).zip(&reach.covered) {
            let counts = counts.entry(*class).or_default();
            for (count, flag) in counts.iter_mut().zip([true, *recalled, *covered]) {
                *count += usize::from(flag);
            }
        }
        let classes = counts
            .into_iter()
            .map(|(class, [real, recalled, covered])| ClassRecall {
                class,
                real,
                recall: recalled as f64 / real as f64,
                coverage: covered as f64 / real as f64,
            });
        Ok(classes.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::refusal;
    use super::*;
    use crate::random::Stream;

    /// Normal samples around a place, two numbers each.
    fn mode(seed: u64, count: usize, at: f32) -> Features {
        let values = Stream::new(seed, "mode").normal(2 * count);
        Features::new(values.iter().map(|x| at + x).collect(), 2).unwrap()
    }

    #[test]
    fn a_class_that_is_not_drawn_has_no_recall_and_others_have_theirs() {
        let real = mode(1, 150, 0.0).joined(&mode(2, 50, 1e3)).unwrap();
        let labels: Vec<usize> = (0..200)
            .map(|i| if i < 150 { usize::MAX } else { 0 })
            .collect();
        // The same samples of the first mode: in it, all is perfect.
        let found = PrecisionRecall::default().by_class(&real, &labels, &mode(1, 150, 0.0));
        let class = |class, real, reached| ClassRecall {
            class,
            real,
            recall: reached,
            coverage: reached,
        };
        // Classes between the two have no real sample.
        assert_eq!(
            found.unwrap(),
            [class(0, 50, 0.0), class(usize::MAX, 150, 1.0)]
        );
    }

    #[test]
    fn the_shares_are_those_of_a_hand() {
        let line = |values: &[f32]| Features::new(values.to_vec(), 1).unwrap();
        let settings = PrecisionRecall {
            neighbours: 1,
            density_neighbours: 1,
        };
        // Radii of generated ones: 2, 2, 0.5, 0.5: of the real ones 7 lies in none. Radii of real
        // ones: 1, 1, 2, 4: all but 7 have a generated one within them.
        let real = line(&[0.0, 1.0, 3.0, 7.0]);
        let generated = line(&[0.5, 2.5, 30.0, 30.5]);
        let found = settings.by_class(&real, &[1, 0, 1, 1], &generated).unwrap();
        let recalls: Vec<_> = found.iter().map(|class| class.recall).collect();
        let coverages: Vec<_> = found.iter().map(|class| class.coverage).collect();
        assert_eq!(recalls, [1.0, 2.0 / 3.0]);
        assert_eq!(coverages, [1.0, 2.0 / 3.0]);
    }

    #[test]
    fn the_classes_add_up_to_all() {
        let real = mode(3, 301, 0.0);
        let generated = mode(4, 200, 0.7);
        let labels: Vec<usize> = (0..301).map(|i| i * i % 7).collect();
        let settings = PrecisionRecall::default();
        let classes = settings.by_class(&real, &labels, &generated).unwrap();
        let all = settings.measure(&real, &generated).unwrap().counts;
        let sum = |share: fn(&ClassRecall) -> f64| -> f64 {
            let counts = classes.iter().map(|class| share(class) * class.real as f64);
            counts.map(f64::round).sum()
        };
        assert_eq!(sum(|class| class.recall), all.recalled as f64);
        assert_eq!(sum(|class| class.coverage), all.covered as f64);
        assert_eq!(classes.iter().map(|class| class.real).sum::<usize>(), 301);
        assert!(all.recalled > 0 && all.recalled < 301, "{all:?}");
    }

    #[test]
    fn labels_of_another_number_are_refused() {
        let real = mode(5, 20, 0.0);
        let found = PrecisionRecall::default().by_class(&real, &[0; 19], &real);
        let text = refusal(found);
        assert!(text.contains("`labels` = 19"), "{text}");
        assert!(text.contains("one for each real sample, 20"), "{text}");
    }
}
