//! Series: windows of time, read from `.ts` and CSV files, and scaled for networks and back.
//!
//! | file | what is in it |
//! |---|---|
//! | `settings.rs` | how a file is read |
//! | `set.rs` | windows of one length in memory, and as a data set |
//! | `read.rs` | which format a file has; its lines, plain or gzip |
//! | `ts.rs`, `csv_file.rs` | the two formats |
//! | `collect.rs` | series to windows, within the limit on memory |
//! | `scale.rs` | values as a network's numbers, and back |
//! | `write.rs` | generated windows as files |

mod collect;
mod csv_file;
mod read;
mod scale;
mod set;
mod settings;
#[cfg(test)]
mod tests;
mod ts;
mod write;

pub use scale::{SeriesScale, SeriesScaling};
pub use set::SeriesSet;
pub use settings::{MissingValues, SeriesSettings};
