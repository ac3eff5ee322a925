//! Data: mixtures with known densities, folders of pictures, MNIST's and CIFAR's file formats, arrays
//! of numpy's, images in CSV files, tables, series, tensors in memory, and batches that are a function of a seed.

#[cfg(feature = "arrays")]
mod arrays;
mod batches;
mod cifar;
#[cfg(any(feature = "arrays", feature = "images", feature = "series"))]
mod classes;
mod dataset;
#[cfg(feature = "download")]
mod download;
mod few;
mod idx;
mod image_shape;
#[cfg(feature = "images")]
mod images;
#[cfg(any(feature = "arrays", feature = "series", feature = "tables"))]
mod lines;
mod loader;
mod loading;
#[cfg(any(feature = "arrays", feature = "images"))]
mod memory_limit;
mod mixture;
mod mnist;
mod order;
#[cfg(feature = "arrays")]
mod pixel_csv;
#[cfg(feature = "series")]
pub mod series;
#[cfg(feature = "tables")]
pub mod table;
mod vector_dataset;

#[cfg(feature = "arrays")]
pub use arrays::{NpyArray, NpyValues};
pub use batches::{BatchPlan, LastBatch};
pub use cifar::Cifar;
pub use dataset::{Dataset, LabelledDataset, MemoryDataset};
#[cfg(feature = "download")]
pub use download::{MNIST_URL, download_mnist};
pub use few::FewPerClass;
pub use idx::IdxArray;
pub use image_shape::ImageShape;
#[cfg(feature = "images")]
pub use images::{
    Faults, Fit, ImageColor, ImageConfig, ImageFolder, Images, LabelledImages, LabelsFrom,
    ResizeFilter, ScanBar, ScanProgress, ScanStage,
};
pub(crate) use loader::{Loaded, Loader};
pub use loading::Loading;
pub use mixture::Mixture;
pub use mnist::{Mnist, PixelRange};
pub(crate) use order::BatchIndices;
#[cfg(feature = "arrays")]
pub use pixel_csv::{LabelColumn, PixelCsv, PixelTable};
pub use vector_dataset::VectorDataset;
