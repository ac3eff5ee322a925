//! Layers that burn lacks, and layers of burn's that had to be differentiable twice, or fast on a
//! CPU.

mod activation;
mod batch_norm;
mod channels_last;
mod conditional_batch_norm;
mod conv2d;
mod conv_transpose2d;
mod convolution;
mod fir;
mod fourier_features;
mod layer_kind;
mod linear;
mod maxout;
mod minibatch_std;
mod modulate;
mod pool;
mod spectral_norm;
mod spectral_option;
mod sum;
mod upsample;
mod weight_matrix;

pub use activation::Activation;
pub use batch_norm::{BatchNorm, BatchNormConfig};
pub use channels_last::channels_last;
pub use conditional_batch_norm::{ConditionalBatchNorm, ConditionalBatchNormConfig};
pub use conv_transpose2d::{ConvTranspose2d, ConvTranspose2dConfig};
pub use conv2d::{Conv2d, Conv2dConfig};
pub use fir::Fir;
pub use fourier_features::FourierFeatures;
pub(crate) use layer_kind::LayerKind;
pub use linear::{Linear, LinearConfig};
pub use maxout::{Maxout, MaxoutConfig};
pub use minibatch_std::MinibatchStd;
pub use modulate::modulate;
pub use pool::{max_pool, mean_pool};
pub use spectral_norm::{SpectralNorm, update_spectral_norms};
pub use spectral_option::SpectralOption;
pub use sum::sum;
pub use upsample::upsample_nearest;
pub(crate) use weight_matrix::{outputs_second, weight_matrix};

#[cfg(test)]
mod tests;
