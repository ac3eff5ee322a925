//! Layers that burn lacks, and layers of burn's that had to be differentiable twice.

mod linear;
mod maxout;

pub use linear::{Linear, LinearConfig};
pub use maxout::{Maxout, MaxoutConfig};
