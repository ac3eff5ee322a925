//! Layers that burn lacks, and layers of burn's that had to be differentiable twice.

mod linear;
mod maxout;
mod minibatch_std;
mod spectral_norm;
mod weight_matrix;

pub use linear::{Linear, LinearConfig};
pub use maxout::{Maxout, MaxoutConfig};
pub use minibatch_std::MinibatchStd;
pub use spectral_norm::{SpectralNorm, update_spectral_norms};
pub(crate) use weight_matrix::{outputs_second, weight_matrix};
