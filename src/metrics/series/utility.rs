//! What a classifier learns from windows.

use rayon::prelude::*;

use super::comparable;
use crate::data::series::SeriesSet;
use crate::error::{Error, Result};

pub(super) const NAME: &str = "accuracy_synthetic";

/// The share of `test` windows whose nearest `training` window, by the Euclidean distance of all values, is
/// of their class; of several at one distance, the first counts.
///
/// This is the classifier of one nearest neighbour, the yardstick of the UCR archive: nothing is drawn,
/// tuned or left half trained in it, so a difference of two accuracies is one of the training windows. Train
/// on generated windows, test on held-out real ones, and compare with real training windows: *TSTR* against
/// *TRTR* (Esteban, Hyland, Rätsch 2017, [arXiv:1706.02633](https://arxiv.org/abs/1706.02633)). *Cost*:
/// n·m·d·T products.
///
/// ```
/// use burn_gan::data::series::SeriesSet;
/// use burn_gan::metrics::series::neighbour_accuracy;
///
/// let set = |values: Vec<f64>, labels| {
///     SeriesSet::new(values, ["x"], 2)?.with_labels(labels, ["up", "down"])
/// };
/// let training = set(vec![0.0, 1.0, 1.0, 0.0], vec![0, 1])?;
/// let test = set(vec![0.1, 0.9, 0.2, 0.3], vec![0, 1])?;
/// assert_eq!(neighbour_accuracy(&training, &test)?, 0.5);
/// # Ok::<(), burn_gan::Error>(())
/// ```
///
/// # Errors
/// If windows are of other shapes, or the sets have no classes or others.
pub fn neighbour_accuracy(training: &SeriesSet, test: &SeriesSet) -> Result<f64> {
    comparable(NAME, test, training)?;
    if training.classes.is_empty() || training.classes != test.classes {
        let problem = format!(
            "the windows to learn from have the classes {:?}, those to be told {:?}; they take the same",
            training.classes, test.classes
        );
        return Err(Error::data(NAME, problem));
    }
    let right = (0..test.count())
        .into_par_iter()
        .filter(|place| {
            training.labels[nearest(training, test.window(*place))] == test.labels[*place]
        })
        .count();
    Ok(right as f64 / test.count() as f64)
}

/// The first of the nearest windows.
fn nearest(training: &SeriesSet, window: &[f64]) -> usize {
    let mut best = (f64::INFINITY, 0);
    for place in 0..training.count() {
        let pairs = training.window(place).iter().zip(window);
        let squared: f64 = pairs.map(|(a, b)| (a - b) * (a - b)).sum();
        if squared < best.0 {
            best = (squared, place);
        }
    }
    best.1
}
