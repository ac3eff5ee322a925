//! Values as a network's numbers, and back.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::set::{NAME, SeriesSet};
use crate::error::{Error, Result};
use crate::files;
use crate::random::Stream;
use crate::settings::settings;

/// What the ends of a range become: the tanh of a generator comes near them, not near 1.
const END: f64 = 0.9;

settings! {
/// Over what a range is taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SeriesScaling {
    /// Each channel over all windows: levels and sizes are learnt.
    #[default]
    PerChannel,
    /// Each channel of each window by itself: shapes are learnt, and levels and sizes of generated windows
    /// are drawn from those of the data.
    PerSeries,
}
}

/// The middle of a range and half its width.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Range {
    middle: f64,
    half: f64,
}

impl Range {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let ends = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| {
            (low.min(x), high.max(x))
        });
        // Halves first: the width of the largest numbers is no number.
        Self {
            middle: 0.5 * ends.0 + 0.5 * ends.1,
            half: 0.5 * ends.1 - 0.5 * ends.0,
        }
    }

    fn apply(self, x: f64) -> f32 {
        match self.half > 0.0 {
            true => (END * ((x - self.middle) / self.half)) as f32,
            false => 0.0,
        }
    }

    fn invert(self, y: f32) -> f64 {
        self.middle + self.half * (f64::from(y) / END)
    }
}

/// A linear map of values to −0.9…0.9 and back, which can be stored.
///
/// ```text
/// y = 0.9·(x − m)/h,     m, h the middle and half the width of the range;  0 where it has no width
/// ```
///
/// Fitted in double precision; what comes back differs from what went in by the rounding of y to single
/// precision, some 1e-7 of the range's width.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeriesScale {
    scaling: SeriesScaling,
    channels: usize,
    /// For each channel, or for each window and channel.
    ranges: Vec<Range>,
}

impl SeriesScale {
    /// The scale of these windows.
    ///
    /// # Errors
    /// If there is none.
    pub fn fit(scaling: SeriesScaling, series: &SeriesSet) -> Result<Self> {
        let (channels, time) = (series.channels(), series.time());
        if series.values().is_empty() {
            return Err(Error::data(NAME, "there is no window to fit a scale to"));
        }
        let ranges = match scaling {
            SeriesScaling::PerSeries => {
                let rows = series.values().chunks_exact(time);
                rows.map(|row| Range::of(row.iter().copied())).collect()
            }
            SeriesScaling::PerChannel => (0..channels)
                .map(|channel| {
                    let rows = series.values().chunks_exact(time);
                    let rows = rows.skip(channel).step_by(channels);
                    Range::of(rows.flatten().copied())
                })
                .collect(),
        };
        Ok(Self {
            scaling,
            channels,
            ranges,
        })
    }

    /// Writes the scale as JSON, to be kept beside a generator; the file is whole or absent.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        files::write_json(path.as_ref(), self)
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// If it can't be read, holds something else, or has no range for a channel.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        files::read_json(path.as_ref(), "scale of series", Self::consistent)
    }

    fn consistent(&self) -> Result<(), String> {
        let (channels, ranges) = (self.channels, self.ranges.len());
        let fits = channels > 0
            && match self.scaling {
                SeriesScaling::PerChannel => ranges == channels,
                SeriesScaling::PerSeries => ranges > 0 && ranges.is_multiple_of(channels),
            };
        if !fits {
            return Err(format!("it has {ranges} ranges for {channels} channels"));
        }
        let number =
            |range: &Range| range.middle.is_finite() && range.half >= 0.0 && range.half.is_finite();
        match self.ranges.iter().position(|range| !number(range)) {
            Some(place) => Err(format!("range {place} (counted from 0) is none")),
            None => Ok(()),
        }
    }

    /// Over what ranges were taken.
    pub fn scaling(&self) -> SeriesScaling {
        self.scaling
    }

    fn check(&self, channels: usize) -> Result<()> {
        if channels == self.channels {
            return Ok(());
        }
        let problem = format!(
            "the scale is one of {} channels, the series have {channels}",
            self.channels
        );
        Err(Error::data(NAME, problem))
    }

    /// A network's numbers of windows, row-major `[count, channels, time]`. Scaled per series, windows
    /// have ranges of their own, whichever the scale was fitted to.
    ///
    /// # Errors
    /// If the scale was fitted to other channels.
    pub fn apply(&self, series: &SeriesSet) -> Result<Vec<f32>> {
        self.check(series.channels())?;
        let rows = series.values().chunks_exact(series.time());
        let scaled = rows.enumerate().flat_map(|(row, values)| {
            let range = match self.scaling {
                SeriesScaling::PerChannel => self.ranges[row % self.channels],
                SeriesScaling::PerSeries => Range::of(values.iter().copied()),
            };
            values.iter().map(move |x| range.apply(*x))
        });
        Ok(scaled.collect())
    }

    /// Values of a network's numbers, row-major `[count, channels, time]`; scaled per series, with the
    /// ranges of the windows `of` that the scale was fitted to, one for each.
    ///
    /// # Errors
    /// If the numbers are no whole number of windows of these channels, or `of` does not name a window
    /// for each.
    pub fn invert(&self, numbers: &[f32], time: usize, of: &[usize]) -> Result<Vec<f64>> {
        let width = self.channels * time;
        if width == 0 || !numbers.len().is_multiple_of(width) {
            let problem = format!(
                "{} numbers are no windows of {} channels and {time} moments",
                numbers.len(),
                self.channels
            );
            return Err(Error::data(NAME, problem));
        }
        let fitted = self.ranges.len() / self.channels;
        if self.scaling == SeriesScaling::PerSeries
            && (of.len() != numbers.len() / width || of.iter().any(|place| *place >= fitted))
        {
            let problem = format!(
                "{} windows take as many of the {fitted} ranges of windows, {} are named",
                numbers.len() / width,
                of.len()
            );
            return Err(Error::data(NAME, problem));
        }
        let rows = numbers.chunks_exact(time).enumerate();
        let values = rows.flat_map(|(row, numbers)| {
            let (window, channel) = (row / self.channels, row % self.channels);
            let range = match self.scaling {
                SeriesScaling::PerChannel => self.ranges[channel],
                SeriesScaling::PerSeries => self.ranges[of[window] * self.channels + channel],
            };
            numbers.iter().map(move |y| range.invert(*y))
        });
        Ok(values.collect())
    }

    /// Generated windows in the units of the data: those of a network's numbers `[count, channels, time]`
    /// with their labels, if there are any; scaled per series, with ranges drawn from those of `real`
    /// windows of the same class, to which the scale was fitted.
    ///
    /// # Errors
    /// As [`invert`](Self::invert); if there is not one label for each; or, scaled per series, if a class
    /// has no real window.
    pub fn generated(
        &self,
        numbers: &[f32],
        labels: &[usize],
        real: &SeriesSet,
        stream: &mut Stream,
    ) -> Result<SeriesSet> {
        self.check(real.channels())?;
        let count = numbers.len() / real.width();
        let mut of = Vec::new();
        if self.scaling == SeriesScaling::PerSeries {
            for window in 0..count {
                let label = labels.get(window);
                let like: Vec<usize> = (0..real.count())
                    .filter(|place| {
                        label.is_none_or(|label| real.labels.get(*place) == Some(label))
                    })
                    .collect();
                if like.is_empty() {
                    let problem = format!("there is no real window of class {label:?}");
                    return Err(Error::data(NAME, problem));
                }
                of.push(like[stream.index(like.len())]);
            }
        }
        let values = self.invert(numbers, real.time(), &of)?;
        let made = SeriesSet::new(values, real.names.clone(), real.time())?;
        match labels.is_empty() {
            true => Ok(made),
            false => made.with_labels(labels.to_vec(), real.classes.clone()),
        }
    }
}
