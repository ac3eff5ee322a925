//! Windows of one length.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use super::scale::SeriesScale;
use crate::data::{LabelledDataset, MemoryDataset};
use crate::error::{Error, Result};
use crate::random::Stream;
use crate::sizes;
use crate::text::hex;

/// Windows of series, `[count, channels, time]`, as their file has them, and their classes.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesSet {
    /// The values, row-major `[count, channels, time]`.
    pub(super) values: Vec<f64>,
    pub(super) time: usize,
    /// The names of the channels.
    pub names: Vec<String>,
    /// The names of the classes; empty where there are none.
    pub classes: Vec<String>,
    /// The class of each window; empty where there are none.
    pub labels: Vec<usize>,
}

/// What data in memory is called in messages.
pub(super) const NAME: &str = "series";

impl SeriesSet {
    /// Windows from values in memory, row-major `[count, channels, time]` with a name for each channel.
    ///
    /// # Errors
    /// If there is none, a size is 0, the values are no whole number of windows, or one is not finite.
    pub fn new(
        values: Vec<f64>,
        names: impl IntoIterator<Item = impl Into<String>>,
        time: usize,
    ) -> Result<Self> {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        let width = sizes::shape("shape", &[names.len(), time])?;
        if values.is_empty() || !values.len().is_multiple_of(width) {
            let problem = format!(
                "{} values are no windows of {} channels and {time} moments",
                values.len(),
                names.len()
            );
            return Err(Error::data(NAME, problem));
        }
        if let Some(place) = values.iter().position(|value| !value.is_finite()) {
            let problem = format!(
                "window {}, place {} is {}; values are finite numbers",
                place / width,
                place % width,
                values[place]
            );
            return Err(Error::data(NAME, problem));
        }
        Ok(Self {
            values,
            time,
            names,
            classes: Vec::new(),
            labels: Vec::new(),
        })
    }

    /// Adds the class of each window, a place in `classes`.
    ///
    /// # Errors
    /// If there is not one for each window, or one is not below the number of classes.
    pub fn with_labels(
        mut self,
        labels: Vec<usize>,
        classes: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Self> {
        let classes: Vec<String> = classes.into_iter().map(Into::into).collect();
        let wrong = labels.iter().any(|label| *label >= classes.len());
        if labels.len() != self.count() || wrong {
            let problem = format!(
                "{} labels below {} are needed, one for each window",
                self.count(),
                classes.len()
            );
            return Err(Error::data(NAME, problem));
        }
        (self.labels, self.classes) = (labels, classes);
        Ok(self)
    }

    /// The number of windows.
    pub fn count(&self) -> usize {
        self.values.len() / self.width()
    }

    /// The number of channels.
    pub fn channels(&self) -> usize {
        self.names.len()
    }

    /// The moments of a window.
    pub fn time(&self) -> usize {
        self.time
    }

    /// The values of all windows, row-major `[count, channels, time]`.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The values of one window, `[channels, time]`.
    ///
    /// # Panics
    /// If there is none of this number.
    pub fn window(&self, index: usize) -> &[f64] {
        &self.values[index * self.width()..(index + 1) * self.width()]
    }

    pub(super) fn width(&self) -> usize {
        self.names.len() * self.time
    }

    /// The windows at these places alone, in this order.
    ///
    /// # Errors
    /// If a place is not below their number, or there is none.
    pub fn only(&self, places: &[usize]) -> Result<Self> {
        if places.is_empty() || places.iter().any(|place| *place >= self.count()) {
            let problem = format!("there are windows 0 to {} to choose from", self.count() - 1);
            return Err(Error::data(NAME, problem));
        }
        let labels = match self.labels.is_empty() {
            true => Vec::new(),
            false => places.iter().map(|place| self.labels[*place]).collect(),
        };
        let windows = places.iter().flat_map(|place| self.window(*place).to_vec());
        Ok(Self {
            values: windows.collect(),
            time: self.time,
            names: self.names.clone(),
            classes: self.classes.clone(),
            labels,
        })
    }

    /// The windows, or so many of them drawn at random, in their order, where there are more.
    ///
    /// # Errors
    /// If none are asked for.
    pub fn at_most(&self, count: usize, stream: &mut Stream) -> Result<Cow<'_, Self>> {
        if self.count() <= count {
            return Ok(Cow::Borrowed(self));
        }
        let mut drawn = stream.permutation(self.count());
        drawn.truncate(count);
        drawn.sort_unstable();
        self.only(&drawn).map(Cow::Owned)
    }

    /// A SHA-256 of sizes, values and classes, in hexadecimal.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for size in [self.count(), self.channels(), self.time] {
            hash.update((size as u64).to_le_bytes());
        }
        self.values
            .iter()
            .for_each(|x| hash.update(x.to_le_bytes()));
        let labels = self.labels.iter();
        labels.for_each(|label| hash.update((*label as u64).to_le_bytes()));
        hex(&hash.finalize())
    }

    /// The windows to be trained on, `[batch, channels, time]`, without their classes.
    ///
    /// # Errors
    /// If the scale was fitted to other channels.
    pub fn unlabelled(&self, scale: &SeriesScale) -> Result<MemoryDataset<3>> {
        MemoryDataset::new(scale.apply(self)?, [self.channels(), self.time])
    }

    /// The windows to be trained on, with their classes.
    ///
    /// # Errors
    /// As [`unlabelled`](Self::unlabelled), or if there are no classes.
    pub fn labelled(&self, scale: &SeriesScale) -> Result<LabelledDataset<3>> {
        if self.classes.is_empty() {
            return Err(Error::data(NAME, "has no classes"));
        }
        self.unlabelled(scale)?
            .with_labels(self.labels.clone(), self.classes.len())
    }
}
