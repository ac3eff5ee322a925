//! Data: mixtures with known densities, MNIST's file format, tensors in memory, and batches that
//! are a function of a seed.

mod batches;
mod dataset;
#[cfg(feature = "download")]
mod download;
mod idx;
mod image_shape;
mod loader;
mod loading;
mod mixture;
mod mnist;
mod order;
mod vector_dataset;

pub use batches::{BatchPlan, LastBatch};
pub use dataset::{Dataset, LabelledDataset, MemoryDataset};
#[cfg(feature = "download")]
pub use download::{MNIST_URL, download_mnist};
pub use idx::IdxArray;
pub use image_shape::ImageShape;
pub(crate) use loader::{Loaded, Loader};
pub use loading::Loading;
pub use mixture::Mixture;
pub use mnist::{Mnist, PixelRange};
pub(crate) use order::BatchIndices;
pub use vector_dataset::VectorDataset;
