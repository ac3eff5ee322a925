//! Series to windows.

use std::path::Path;

use super::set::SeriesSet;
use super::settings::{MissingValues, SeriesSettings};
use crate::data::classes::numbered;
use crate::error::{Error, Result};
use crate::sizes;

/// A value that is missing.
pub(super) const MISSING: f64 = f64::NAN;

/// What a class of a window takes.
const LABEL: u64 = 8;

/// A value: a finite number, or one that is missing.
pub(super) fn value(cell: &str) -> Option<f64> {
    let cell = cell.trim();
    if cell.is_empty() || cell == "?" || cell.eq_ignore_ascii_case("nan") {
        return Some(MISSING);
    }
    cell.parse().ok().filter(|value: &f64| value.is_finite())
}

/// Collects the windows of one series after the other.
pub(super) struct Collector<'a> {
    settings: &'a SeriesSettings,
    path: &'a Path,
    /// The names of the channels.
    pub names: Vec<String>,
    values: Vec<f64>,
    /// Moments of a window, once they are known, and the line they are known from.
    time: Option<(usize, u64)>,
    /// Names of classes and their places, in the order in which they came.
    classes: Vec<String>,
    labels: Vec<usize>,
    bytes: u64,
}

impl<'a> Collector<'a> {
    pub(super) fn new(settings: &'a SeriesSettings, path: &'a Path) -> Self {
        Self {
            settings,
            path,
            names: Vec::new(),
            values: Vec::new(),
            time: None,
            classes: Vec::new(),
            labels: Vec::new(),
            bytes: 0,
        }
    }

    pub(super) fn refused(&self, problem: impl Into<String>) -> Error {
        Error::data(self.path, problem)
    }

    /// Refuses so many more bytes than the limit allows.
    pub(super) fn within_memory(&self, more: u64) -> Result<()> {
        let limit = self.settings.memory;
        if self.bytes.saturating_add(more) <= limit {
            return Ok(());
        }
        Err(self.refused(format!(
            "takes more than the {limit} bytes that `memory` allows; take a larger `stride`, a part of \
             the file, or a larger `memory`"
        )))
    }

    /// Adds a series: the values of its channels, of one length each, and its class. `line` is where it
    /// begins.
    pub(super) fn add(
        &mut self,
        mut channels: Vec<Vec<f64>>,
        class: Option<&str>,
        line: u64,
    ) -> Result<()> {
        let length = channels.first().map_or(0, Vec::len);
        if self.names.is_empty() {
            self.names = (0..channels.len())
                .map(|c| format!("channel_{c}"))
                .collect();
        }
        if channels.len() != self.names.len() {
            return Err(self.refused(format!(
                "line {line} has {} channels, the series before it {}",
                channels.len(),
                self.names.len()
            )));
        }
        if let Some(other) = channels.iter().find(|channel| channel.len() != length) {
            return Err(self.refused(format!(
                "line {line} has channels of {length} and of {} values",
                other.len()
            )));
        }
        self.complete(&mut channels, line)?;
        let time = match (self.settings.window, self.time) {
            (Some(window), _) => window,
            (None, Some((time, _))) => time,
            (None, None) => length,
        };
        if self.settings.window.is_none() && length != time {
            let first = self.time.map_or(line, |(_, line)| line);
            return Err(self.refused(format!(
                "the series of line {line} has {length} values, that of line {first} has {time}; set \
                 `window` for windows of one length"
            )));
        }
        if length < time || length == 0 {
            return Err(self.refused(format!(
                "the series of line {line} has {length} values, less than a window of {time}"
            )));
        }
        sizes::shape("shape", &[self.names.len(), time])?;
        self.time.get_or_insert((time, line));
        let stride = self.settings.stride.unwrap_or(time);
        let starts = (0..=length - time).step_by(stride);
        let label = class.map(|class| {
            let known = self.classes.iter().position(|known| known == class);
            known.unwrap_or_else(|| {
                self.classes.push(class.to_owned());
                self.classes.len() - 1
            })
        });
        let window = (8 * self.names.len() * time) as u64 + LABEL;
        let bytes = window.saturating_mul(((length - time) / stride + 1) as u64);
        self.within_memory(bytes)?;
        self.bytes += bytes;
        for start in starts {
            for channel in &channels {
                self.values.extend(&channel[start..start + time]);
            }
            self.labels.extend(label);
        }
        Ok(())
    }

    /// Fills in missing values, or refuses them.
    fn complete(&self, channels: &mut [Vec<f64>], line: u64) -> Result<()> {
        for (number, channel) in channels.iter_mut().enumerate() {
            let Some(first) = channel.iter().position(|value| value.is_nan()) else {
                continue;
            };
            let place = format!(
                "value {} of channel `{}` in the series of line {line}",
                first + 1,
                self.names[number]
            );
            if self.settings.missing == MissingValues::Refuse {
                return Err(self.refused(format!(
                    "{place} is missing; `missing` = interpolate fills it in from its neighbours"
                )));
            }
            if !interpolate(channel) {
                return Err(self.refused(format!("{place} is missing, and so are all others")));
            }
        }
        Ok(())
    }

    /// The windows. `listed` are the names of classes in their order, where the file has a list.
    pub(super) fn finish(self, listed: &[String]) -> Result<SeriesSet> {
        let Some((time, _)) = self.time else {
            return Err(self.refused("holds no series"));
        };
        let (classes, labels) = match listed.is_empty() {
            false => {
                let place = |class: &String| listed.iter().position(|listed| listed == class);
                let places: Vec<usize> = self.classes.iter().filter_map(place).collect();
                let labels = self.labels.iter().map(|label| places[*label]).collect();
                (listed.to_vec(), labels)
            }
            true => {
                let (names, places) = numbered(self.classes.iter().map(|name| Some(name.as_str())));
                let place = |label: &usize| places[*label].unwrap_or_default();
                (names, self.labels.iter().map(place).collect())
            }
        };
        Ok(SeriesSet {
            values: self.values,
            time,
            names: self.names,
            classes,
            labels,
        })
    }
}

/// Puts missing values on the line between their neighbours; false where all are missing.
fn interpolate(values: &mut [f64]) -> bool {
    let known: Vec<usize> = (0..values.len())
        .filter(|at| !values[*at].is_nan())
        .collect();
    let (Some(first), Some(last)) = (known.first(), known.last()) else {
        return false;
    };
    let (start, end) = (values[*first], values[*last]);
    values[..*first].fill(start);
    values[last + 1..].fill(end);
    for pair in known.windows(2) {
        let [from, to] = [pair[0], pair[1]];
        let (low, high) = (values[from], values[to]);
        for (step, value) in values[from + 1..to].iter_mut().enumerate() {
            let share = (step + 1) as f64 / (to - from) as f64;
            *value = low * (1.0 - share) + high * share;
        }
    }
    true
}
