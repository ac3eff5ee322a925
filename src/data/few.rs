//! Few samples of each class out of many.

use crate::error::{Error, Result, check};
use crate::random::Stream;

/// So many samples of each class, drawn by a stream, and all others: what a study of few samples is
/// trained on, and what it may be tested on.
///
/// ```
/// use burn_gan::data::FewPerClass;
/// use burn_gan::random::Stream;
///
/// let labels = [0, 1, 0, 0, 1, 1, 0];
/// let split = FewPerClass::new(&labels, 2, 2, &mut Stream::new(1, "few"))?;
/// // Two of each class, one class after the other.
/// let few: Vec<usize> = split.few.iter().map(|sample| labels[*sample]).collect();
/// assert_eq!(few, [0, 0, 1, 1]);
/// assert_eq!(split.rest.len(), 3);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FewPerClass {
    /// The places of the samples that were drawn, those of class 0 first.
    pub few: Vec<usize>,
    /// The places of all others, in their order.
    pub rest: Vec<usize>,
}

impl FewPerClass {
    /// Draws `count` samples of each of so many classes.
    ///
    /// # Errors
    /// If `count` is 0, a label is not below `classes`, or a class has fewer samples.
    pub fn new(
        labels: &[usize],
        classes: usize,
        count: usize,
        stream: &mut Stream,
    ) -> Result<Self> {
        check::at_least("count", count, 1)?;
        check::at_least("classes", classes, 1)?;
        let mut of_class = vec![Vec::new(); classes];
        // In one order for all classes, so that a larger `count` takes the same samples and more.
        for place in stream.permutation(labels.len()) {
            let label = labels[place];
            let Some(places) = of_class.get_mut(label) else {
                let problem = format!("must be below the number of classes, {classes}");
                return Err(Error::setting("labels", label, problem));
            };
            places.push(place);
        }
        let mut drawn = vec![false; labels.len()];
        let mut few = Vec::with_capacity(classes * count);
        for (class, places) in of_class.iter().enumerate() {
            let Some(places) = places.get(..count) else {
                let problem = format!(
                    "is more than the {} samples of class {class}; take fewer of each",
                    places.len()
                );
                return Err(Error::setting("count", count, problem));
            };
            few.extend_from_slice(places);
            places.iter().for_each(|place| drawn[*place] = true);
        }
        let rest = (0..labels.len()).filter(|place| !drawn[*place]).collect();
        Ok(Self { few, rest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(count: usize, seed: u64) -> FewPerClass {
        let labels: Vec<usize> = (0..60).map(|place| place % 3).collect();
        FewPerClass::new(&labels, 3, count, &mut Stream::new(seed, "few")).expect("enough of each")
    }

    #[test]
    fn each_sample_is_in_one_part_and_each_class_has_its_count() {
        let FewPerClass { few, rest } = split(4, 1);
        assert_eq!((few.len(), rest.len()), (12, 48));
        for (index, place) in few.iter().enumerate() {
            assert_eq!(place % 3, index / 4);
        }
        let mut all = [few, rest].concat();
        all.sort_unstable();
        assert_eq!(all, (0..60).collect::<Vec<_>>());
    }

    #[test]
    fn a_seed_decides_them_and_more_are_the_same_and_more() {
        assert_eq!(split(4, 1), split(4, 1));
        assert_ne!(split(4, 1).few, split(4, 2).few);
        let more = split(9, 1).few;
        assert!(split(4, 1).few.iter().all(|place| more.contains(place)));
        assert!(split(20, 1).rest.is_empty());
    }

    #[test]
    fn too_few_and_wrong_labels_are_refused() {
        let draw = |labels: &[usize], count| {
            let drawn = FewPerClass::new(labels, 2, count, &mut Stream::new(0, "few"));
            drawn.expect_err("refused").to_string()
        };
        let error = draw(&[0, 0, 1], 2);
        assert!(
            error.contains("`count` = 2") && error.contains("1 samples of class 1"),
            "{error}"
        );
        assert!(draw(&[0, 1], 0).contains("`count` = 0"));
        assert!(draw(&[0, 2], 1).contains("`labels` = 2"));
    }
}
