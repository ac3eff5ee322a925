//! Whether generated windows are copies.

use serde::Serialize;

use super::comparable;
use super::windows::WindowNumbers;
use crate::data::series::SeriesSet;
use crate::error::Result;
use crate::metrics::{Memorisation, MemorisationScores};

pub(super) const NAME: &str = "closest_windows";

/// Windows that are no farther apart are copies: a hundredth of a deviation, root mean square.
const COPY: f64 = 0.01;

/// What [`closest_windows`] measures.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ClosestWindows {
    /// The share of generated windows that are a training window but for 0.01 deviations.
    pub copies: f64,
    /// The same share of held-out real windows.
    pub copies_held_out: f64,
    /// The median distance of a generated window to its nearest training window.
    pub median_distance: f64,
    /// That of a held-out real window.
    pub median_distance_held_out: f64,
    /// The probability that a generated window is nearer to the training windows than a held-out one; 0.5
    /// is right, above it windows are too near.
    pub nearer_than_held_out: f64,
    /// Its distance from 0.5 in standard errors.
    pub z: f64,
}

/// How near generated windows are to those that the generator was trained on, beside real windows that
/// it was not trained on.
///
/// ```text
/// d(a, b) = √( mean over channels c and moments t of ((a_c(t) − b_c(t))/σ_c)² )
/// ```
///
/// with σ_c the deviation of a channel over all training windows; a channel that is constant in them is
/// left out. A generator that draws from the distribution has as small distances as held-out windows
/// have. By [`Memorisation`]. *Cost*: windows of both kinds × training windows × values of a window.
///
/// ```
/// use burn_gan::data::series::SeriesSet;
/// use burn_gan::metrics::series::closest_windows;
/// use burn_gan::random::Stream;
///
/// let noise = |seed: u64| {
///     let values = Stream::new(seed, "noise").normal(400);
///     SeriesSet::new(values.iter().map(|x| f64::from(*x)).collect(), ["x"], 20)
/// };
/// let (training, held_out) = (noise(1)?, noise(2)?);
/// let copied = closest_windows(&training, &held_out, &training)?;
/// assert_eq!((copied.copies, copied.nearer_than_held_out), (1.0, 1.0));
/// # Ok::<(), burn_gan::Error>(())
/// ```
///
/// # Errors
/// If windows are of other shapes, there are fewer than two training windows, or all of these have copies
/// among each other.
pub fn closest_windows(
    training: &SeriesSet,
    held_out: &SeriesSet,
    generated: &SeriesSet,
) -> Result<ClosestWindows> {
    comparable(NAME, training, generated)?;
    comparable(NAME, training, held_out)?;
    let numbers = WindowNumbers::fit(training);
    let scores = Memorisation::default().measure_with_held_out(
        &numbers.features(training)?,
        &numbers.features(held_out)?,
        &numbers.features(generated)?,
    )?;
    Ok(ClosestWindows {
        copies: copies(&scores.generated),
        copies_held_out: copies(&scores.held_out),
        median_distance: scores.generated.median_distance,
        median_distance_held_out: scores.held_out.median_distance,
        nearer_than_held_out: scores.nearer_than_held_out,
        z: scores.z,
    })
}

fn copies(scores: &MemorisationScores) -> f64 {
    let near = scores.nearest.iter().filter(|near| near.distance <= COPY);
    near.count() as f64 / scores.nearest.len() as f64
}
