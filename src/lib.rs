pub use burn;
mod error;
mod gan;
mod latent;
pub mod models;
pub mod network;
pub mod nn;
pub mod objective;
pub mod random;
#[cfg(test)]
mod testing;
pub use error::{Error, Result};
pub use gan::{Gan, GanRecord, GanRecordItem};
pub use latent::Latent;
