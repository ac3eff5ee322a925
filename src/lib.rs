pub use burn;
mod error;
pub mod network;
pub mod nn;
pub mod random;
#[cfg(test)]
mod testing;
pub use error::{Error, Result};
