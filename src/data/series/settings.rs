//! How a file of series is read.

use serde::Serialize;

use crate::error::{Error, Result, check};
use crate::settings::settings;
use crate::sizes;

/// Windows are made of values in memory up to so many bytes: 1 GiB.
const MEMORY: u64 = 1 << 30;

settings! {
/// What becomes of values that are missing: `?`, `NaN` or nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingValues {
    /// The file is refused.
    #[default]
    Refuse,
    /// They are put on the straight line between their neighbours in time; at an end they are as the
    /// nearest one.
    Interpolate,
}
}

settings! {
/// How a file of series is read.
///
/// Two formats are known, each plain or compressed by gzip:
///
/// - `.ts` as UCR's and sktime's archives have it: after lines that begin with `@`, and `@data`, a series
///   on each line, `v,v,…` or with several channels `v,v,…:v,v,…`, with a class behind it where
///   `@classLabel true` says so. Values with time stamps and targets of regressions are refused.
/// - CSV: the first line names columns; a line is a moment, a column a channel. A new series begins where
///   the class or the name of the series changes.
///
/// ```
/// use burn_gan::data::series::{SeriesScale, SeriesScaling, SeriesSettings};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("demand.ts");
/// # std::fs::write(&path, "@problemName d\n@classLabel true winter summer\n@data\n\
/// #   1,2,3,4,5,6,7,8:winter\n8,7,6,5,4,3,2,1:summer\n").unwrap();
/// // @classLabel true winter summer
/// // @data
/// // 1,2,3,4,5,6,7,8:winter
/// // 8,7,6,5,4,3,2,1:summer
/// let series = SeriesSettings::default().read(&path)?;
/// assert_eq!((series.count(), series.channels(), series.time()), (2, 1, 8));
/// assert_eq!(series.classes, ["winter", "summer"]);
/// let scale = SeriesScale::fit(SeriesScaling::PerChannel, &series)?;
/// let data = series.labelled(&scale)?;
/// # let _ = data;
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(default)]
pub struct SeriesSettings {
    /// Moments of a window; by default whole series, which then must have one length.
    pub window: Option<usize>,
    /// Moments from the beginning of a window to that of the next; by default as many as a window has, so
    /// that windows do not overlap.
    pub stride: Option<usize>,
    /// The columns of a CSV file that are channels; by default all but those of [`class`](Self::class)
    /// and [`series`](Self::series).
    pub columns: Vec<String>,
    /// The column of a CSV file that names the class.
    pub class: Option<String>,
    /// The column of a CSV file that names the series.
    pub series: Option<String>,
    /// What becomes of missing values.
    pub missing: MissingValues,
    /// Bytes that values may take in memory; 1 GiB by default.
    pub memory: u64,
}
}

impl Default for SeriesSettings {
    fn default() -> Self {
        Self {
            window: None,
            stride: None,
            columns: Vec::new(),
            class: None,
            series: None,
            missing: MissingValues::default(),
            memory: MEMORY,
        }
    }
}

impl SeriesSettings {
    /// Moments of a window.
    pub fn with_window(mut self, window: usize) -> Self {
        self.window = Some(window);
        self
    }

    /// Moments from the beginning of a window to that of the next.
    pub fn with_stride(mut self, stride: usize) -> Self {
        self.stride = Some(stride);
        self
    }

    /// The columns of a CSV file that are channels.
    pub fn with_columns(mut self, columns: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.columns = columns.into_iter().map(Into::into).collect();
        self
    }

    /// The column of a CSV file that names the class.
    pub fn with_class(mut self, class: impl Into<String>) -> Self {
        self.class = Some(class.into());
        self
    }

    /// The column of a CSV file that names the series.
    pub fn with_series(mut self, series: impl Into<String>) -> Self {
        self.series = Some(series.into());
        self
    }

    /// What becomes of missing values.
    pub fn with_missing(mut self, missing: MissingValues) -> Self {
        self.missing = missing;
        self
    }

    /// Bytes that values may take in memory.
    pub fn with_memory(mut self, memory: u64) -> Self {
        self.memory = memory;
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// If a size is 0 or above 2²⁴, there is a stride without a window, or one column has two meanings.
    pub fn validate(&self) -> Result<()> {
        if let Some(window) = self.window {
            sizes::size("window", window)?;
        }
        if let Some(stride) = self.stride {
            sizes::size("stride", stride)?;
            if self.window.is_none() {
                let problem = "takes a `window`: without one, whole series are read";
                return Err(Error::setting("stride", stride, problem));
            }
        }
        check::at_least(
            "memory",
            usize::try_from(self.memory).unwrap_or(usize::MAX),
            1,
        )?;
        let named = self.columns.iter().chain(&self.class).chain(&self.series);
        let mut seen = std::collections::HashSet::new();
        for name in named {
            if !seen.insert(name) {
                let problem =
                    "names a column twice, or one that is named as the class or the series";
                return Err(Error::setting("columns", name, problem));
            }
        }
        Ok(())
    }
}
