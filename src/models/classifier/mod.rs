//! A classifier of images that the crate trains itself: what generated images are told apart and
//! compared by where no published network fits.

mod network;
mod saved;

pub use network::{Classifier, ClassifierConfig, Halving, Seen};
pub use saved::SavedClassifier;
