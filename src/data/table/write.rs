//! Tables as CSV files.

use std::path::Path;

use super::whole::Table;
use crate::error::{Error, Result};
use crate::files;

impl Table {
    /// Writes a CSV file: a line with the names of the columns, then a line for each row; missing
    /// values are empty. The file is whole or absent.
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let failed = |error: csv::Error| Error::io(path, error.into());
        files::write_streamed(path, |file| {
            let mut writer = csv::Writer::from_writer(file);
            let names = self.columns().iter().map(|column| &column.schema.name);
            writer.write_record(names).map_err(failed)?;
            for row in 0..self.rows() {
                let cells = self.columns().iter().map(|column| column.text(row));
                writer.write_record(cells).map_err(failed)?;
            }
            writer.flush().map_err(|error| Error::io(path, error))
        })
    }
}
