//! Windows as files.

use std::fmt::Write;
use std::path::Path;

use super::read::is_ts;
use super::set::SeriesSet;
use crate::error::{Error, Result};
use crate::files;

/// The columns that a written CSV file has beside the channels.
const SERIES: &str = "series";
const CLASS: &str = "class";

impl SeriesSet {
    /// Writes the windows, as `.ts` or CSV by the file's name: so that
    /// [`SeriesSettings::read`](super::SeriesSettings::read) gives them back, of a CSV file with the columns
    /// `series` and, where there are classes, `class`. Folders above the file are made.
    ///
    /// # Errors
    /// If the file can't be written, or a class's or a channel's name would be read as something else.
    pub fn save(&self, file: impl AsRef<Path>) -> Result<()> {
        let path = file.as_ref();
        let text = match is_ts(path) {
            true => self.ts(path)?,
            false => self.csv(path)?,
        };
        files::write_whole(path, text.as_bytes())
    }

    fn class(&self, window: usize) -> Option<&str> {
        let label = self.labels.get(window)?;
        Some(&self.classes[*label])
    }

    fn ts(&self, path: &Path) -> Result<String> {
        let broken =
            |name: &&String| name.is_empty() || name.contains([' ', '\t', '\n', '\r', ':']);
        if let Some(name) = self.classes.iter().find(broken) {
            let problem =
                format!("a class can't be named `{name}` in a `.ts` file; write a CSV file");
            return Err(Error::data(path, problem));
        }
        let mut text = String::from("@problemName generated\n@timeStamps false\n@missing false\n");
        let univariate = self.channels() == 1;
        // Writing to a string can't fail.
        let _ = writeln!(text, "@univariate {univariate}");
        if !univariate {
            let _ = writeln!(text, "@dimensions {}", self.channels());
        }
        let _ = writeln!(text, "@equalLength true\n@seriesLength {}", self.time());
        match self.classes.is_empty() {
            true => text.push_str("@classLabel false\n"),
            false => {
                let _ = writeln!(text, "@classLabel true {}", self.classes.join(" "));
            }
        }
        text.push_str("@data\n");
        for window in 0..self.count() {
            let channels = self.window(window).chunks(self.time());
            let channels: Vec<String> = channels
                .map(|channel| {
                    channel
                        .iter()
                        .map(f64::to_string)
                        .collect::<Vec<_>>()
                        .join(",")
                })
                .collect();
            text.push_str(&channels.join(":"));
            if let Some(class) = self.class(window) {
                let _ = write!(text, ":{class}");
            }
            text.push('\n');
        }
        Ok(text)
    }

    fn csv(&self, path: &Path) -> Result<String> {
        let failed = |error: csv::Error| Error::data(path, error.to_string());
        let mut writer = csv::Writer::from_writer(Vec::new());
        let labelled = !self.classes.is_empty();
        let mut names = vec![SERIES];
        names.extend(labelled.then_some(CLASS));
        if let Some(name) = self
            .names
            .iter()
            .find(|name| names.contains(&name.as_str()))
        {
            let problem =
                format!("a channel can't be named `{name}`: that column tells windows apart");
            return Err(Error::data(path, problem));
        }
        names.extend(self.names.iter().map(String::as_str));
        writer.write_record(&names).map_err(failed)?;
        for window in 0..self.count() {
            let (values, number) = (self.window(window), window.to_string());
            for moment in 0..self.time() {
                let mut cells = vec![number.clone()];
                cells.extend(self.class(window).map(str::to_owned));
                let channels = values.chunks(self.time());
                cells.extend(channels.map(|channel| channel[moment].to_string()));
                writer.write_record(&cells).map_err(failed)?;
            }
        }
        let bytes = writer
            .into_inner()
            .map_err(|error| Error::data(path, error.to_string()))?;
        String::from_utf8(bytes).map_err(|error| Error::data(path, error.to_string()))
    }
}
