//! Folders of pictures as data sets.
//!
//! ```text
//! folder.rs      ImageFolder: where pictures are, how they are read; open()
//!   walk.rs      the files of a folder
//!   labels/      which class each is of: folders' names, a CSV, a dataset.json
//!   scan.rs      work on all files, on threads
//!     header.rs  size and memory of a picture, by its header; jpeg.rs: that of JPEG
//! config.rs      ImageConfig: how a picture becomes a sample
//!   decode.rs    bytes to pixels; tiff_*.rs, webp.rs: what decoders lack; colour.rs: pixels to 8 bits of a colour model
//!   scale.rs     pixels to the sample's size
//! set.rs         Images and LabelledImages, the data sets
//!   store.rs     decoded samples, as many as fit
//! ```

mod colour;
mod config;
mod decode;
mod folder;
mod header;
mod jpeg;
mod labels;
mod scale;
mod scan;
mod set;
mod store;
#[cfg(test)]
mod tests;
mod tiff_directory;
mod tiff_pairs;
mod tiff_palette;
mod walk;
mod webp;

pub use config::{Fit, ImageColor, ImageConfig, ResizeFilter};
pub use folder::{Faults, ImageFolder};
pub use labels::LabelsFrom;
pub use scan::{ScanBar, ScanProgress, ScanStage};
pub use set::{Images, LabelledImages};
