//! Scores of generated series.
//!
//! | number | better | what it is |
//! |---|---|---|
//! | `autocorrelation_distance` | lower | [`Autocorrelation`] |
//! | `spectrum_distance`, `log_spectrum_distance` | lower | [`Spectrum`] |
//! | `accuracy_synthetic` | higher | [`neighbour_accuracy`], where there are classes |
//! | `error_synthetic` | lower | [`Prediction`], where there are none |
//! | `nearest_neighbour_accuracy`, `two_sample_accuracy` | lower | [`NearestNeighbourTest`](crate::metrics::NearestNeighbourTest) and [`TwoSample`](crate::metrics::TwoSample) of windows |
//! | `copies`, `nearer_than_held_out` | lower | [`closest_windows`] |
//!
//! A [`SeriesScorer`] measures all of them, with their provenance.

mod autocorrelation;
#[cfg(test)]
mod golden;
mod prediction;
mod privacy;
mod scorer;
mod spectrum;
mod utility;
mod windows;

pub use autocorrelation::Autocorrelation;
pub use prediction::Prediction;
pub use privacy::{ClosestWindows, closest_windows};
pub use scorer::SeriesScorer;
pub use spectrum::{Spectrum, SpectrumDistances};
pub use utility::neighbour_accuracy;

use rayon::prelude::*;

use crate::data::series::SeriesSet;
use crate::error::{Error, Result};

/// Refuses windows of other shapes.
fn comparable(metric: &str, real: &SeriesSet, generated: &SeriesSet) -> Result<()> {
    let shape = |set: &SeriesSet| [set.channels(), set.time()];
    if shape(real) == shape(generated) {
        return Ok(());
    }
    let problem = format!(
        "real windows are {:?}, generated ones {:?} [channels, time]; compare windows of one shape",
        shape(real),
        shape(generated)
    );
    Err(Error::data(metric, problem))
}

/// The mean over windows of what `of` gives for each channel without its mean: `[channels, length]`.
///
/// # Errors
/// If no window of a channel moves.
fn mean_over_windows(
    metric: &str,
    set: &SeriesSet,
    of: impl Fn(&[f64]) -> Vec<f64> + Sync,
) -> Result<Vec<Vec<f64>>> {
    let of_channel = |channel: usize| -> Result<Vec<f64>> {
        let place = channel * set.time()..(channel + 1) * set.time();
        let window = |window: usize| &set.window(window)[place.clone()];
        let moves = |window: &[f64]| window.iter().any(|x| *x != window[0]);
        if !(0..set.count()).any(|place| moves(window(place))) {
            let name = &set.names[channel];
            let problem = format!("channel `{name}` is constant in every window");
            return Err(Error::data(metric, problem));
        }
        let mut sum: Vec<f64> = Vec::new();
        // A part in parallel, its sum in order: the same on any number of threads.
        for start in (0..set.count()).step_by(AT_ONCE) {
            let part = start..(start + AT_ONCE).min(set.count());
            let found: Vec<Vec<f64>> = (part.into_par_iter())
                .map(|place| of(&centred(window(place))))
                .collect();
            for numbers in found {
                sum.resize(numbers.len(), 0.0);
                sum.iter_mut().zip(numbers).for_each(|(sum, x)| *sum += x);
            }
        }
        let count = set.count() as f64;
        sum.iter_mut().for_each(|sum| *sum /= count);
        Ok(sum)
    };
    (0..set.channels()).map(of_channel).collect()
}

/// Windows whose numbers are in memory together.
const AT_ONCE: usize = 256;

/// A window's values less their mean, relative to the largest: sizes do not count in either number, and
/// the squares of some are no numbers.
fn centred(values: &[f64]) -> Vec<f64> {
    let largest = values.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
    let size = if largest > 0.0 { largest } else { 1.0 };
    let mean = values.iter().map(|x| x / size).sum::<f64>() / values.len() as f64;
    values.iter().map(|x| x / size - mean).collect()
}

/// Numbers as shares of `all` of them; 0 where that is 0.
fn shares(mut numbers: Vec<f64>, all: f64) -> Vec<f64> {
    let share = |x: &mut f64| *x = if all > 0.0 { *x / all } else { 0.0 };
    numbers.iter_mut().for_each(share);
    numbers
}
