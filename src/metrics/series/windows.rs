//! Windows as numbers that do not depend on units.

use crate::data::series::SeriesSet;
use crate::error::Result;
use crate::metrics::{ExtractorId, Features};

/// A map of windows to numbers, fitted to some of them: each channel has the mean 0 and the deviation 1
/// over all of their moments.
#[derive(Debug, Clone)]
pub(super) struct WindowNumbers {
    /// Of each channel the mean and one over the deviation; 0 of a constant one.
    channels: Vec<(f64, f64)>,
}

impl WindowNumbers {
    pub(super) fn fit(series: &SeriesSet) -> Self {
        let count = (series.count() * series.time()) as f64;
        let channel = |channel: usize| {
            let values = || {
                let place = channel * series.time()..(channel + 1) * series.time();
                (0..series.count()).flat_map(move |window| &series.window(window)[place.clone()])
            };
            let mean: f64 = values().map(|x| x / count).sum();
            // In units of the largest: squares of 1e200 are infinite.
            let most = values().fold(0.0_f64, |most, x| most.max((x - mean).abs()));
            let squares: f64 = values().map(|x| ((x - mean) / most).powi(2)).sum();
            let deviation = most * (squares / count).sqrt();
            let varies = deviation > 1e-12 * mean.abs().max(f64::MIN_POSITIVE);
            (mean, if varies { 1.0 / deviation } else { 0.0 })
        };
        Self {
            channels: (0..series.channels()).map(channel).collect(),
        }
    }

    /// The numbers of all windows, `[count, channels, time]`.
    pub(super) fn numbers(&self, series: &SeriesSet) -> Vec<f64> {
        let moments = series.values().chunks_exact(series.time());
        let channels = moments.zip(self.channels.iter().cycle());
        channels
            .flat_map(|(moments, (mean, inverse))| {
                moments.iter().map(move |x| (x - mean) * inverse)
            })
            .collect()
    }

    /// The numbers as features whose Euclidean distance is the root mean square over a window's values.
    pub(super) fn features(&self, series: &SeriesSet) -> Result<Features> {
        let width = series.channels() * series.time();
        let unit = (width as f64).sqrt();
        let numbers = self.numbers(series);
        let numbers = numbers.into_iter().map(|x| (x / unit) as f32).collect();
        let extractor = ExtractorId::new("windows").with_input("standardised channels");
        Ok(Features::new(numbers, width)?.with_extractor(extractor))
    }
}
