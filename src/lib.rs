#![allow(missing_docs, dead_code)]
pub use burn;
pub mod data;
pub mod divergence;
mod error;
mod gan;
mod latent;
pub mod metrics;
pub mod models;
pub mod network;
pub mod nn;
pub mod objective;
#[cfg(feature = "plot")]
pub mod plot;
pub mod random;
pub mod report;
#[cfg(test)]
mod testing;
pub mod train;
pub use error::{Error, Result};
pub use gan::{Gan, GanRecord, GanRecordItem};
pub use latent::Latent;
