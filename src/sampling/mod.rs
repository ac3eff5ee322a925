//! Samples of a trained generator for whatever comes after: in memory, chosen, or as files.
//!
//! ```
//! use burn_gan::burn::backend::Flex;
//! use burn_gan::models::{MlpGeneratorConfig, SavedGenerator};
//! use burn_gan::sampling::Sampler;
//! use burn_gan::Latent;
//!
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("generator.gan");
//! # let device = Default::default();
//! # let settings = MlpGeneratorConfig::new(8, [2]);
//! # let generator = settings.init::<Flex, 2>(&device)?;
//! # SavedGenerator::save(&path, &settings, &Latent::normal(8), generator)?;
//! let mut sampler = Sampler::<Flex>::open(&path, &device)?.with_seed(7);
//! let drawn = sampler.draw(1_000)?;
//! assert_eq!((drawn.count(), drawn.shape()), (1_000, &[2][..]));
//! # Ok::<(), burn_gan::Error>(())
//! ```

mod choose;
mod drawn;
mod fixed;
mod judge;
mod sampler;
mod source;
mod stock;
#[cfg(feature = "tables")]
mod table;
#[cfg(test)]
mod tests;
#[cfg(feature = "files")]
mod write;

pub use choose::Chosen;
pub use drawn::Drawn;
pub use judge::{Told, logits};
pub use sampler::Sampler;
#[cfg(feature = "tables")]
pub use table::TableSampler;
#[cfg(feature = "files")]
pub use write::{Written, write_images, write_npy, write_table};
