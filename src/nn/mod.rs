//! Layers that burn lacks, and layers of burn's that had to be differentiable twice, or fast on a
//! CPU.

mod activation;
mod adaptive_mean_pool;
mod batch_norm;
mod bilinear;
mod channels;
mod channels_last;
mod conditional_batch_norm;
mod conv1d;
mod conv2d;
mod conv_transpose1d;
mod conv_transpose2d;
mod convolution;
mod equalized;
mod fir;
mod fixed_statistics;
mod fourier_features;
mod gated_linear_unit;
mod layer_kind;
mod linear;
mod maxout;
mod minibatch_std;
mod modulate;
mod modulated_conv2d;
mod noise;
mod one_row;
mod phase_shuffle;
mod pixel_norm;
mod pixel_shuffle;
mod pool;
mod residual;
mod self_attention;
mod separable;
mod skip_excitation;
mod spectral_norm;
mod spectral_option;
mod sum;
mod upsample;
mod weight_matrix;

pub use activation::Activation;
pub use adaptive_mean_pool::adaptive_mean_pool;
pub use batch_norm::{BatchNorm, BatchNormConfig};
pub use bilinear::{resize_bilinear, upsample_bilinear};
pub use channels::{concatenate_channels, first_channels};
pub use channels_last::channels_last;
pub use conditional_batch_norm::{ConditionalBatchNorm, ConditionalBatchNormConfig};
pub use conv_transpose1d::{ConvTranspose1d, ConvTranspose1dConfig};
pub use conv_transpose2d::{ConvTranspose2d, ConvTranspose2dConfig};
pub use conv1d::{Conv1d, Conv1dConfig};
pub use conv2d::{Conv2d, Conv2dConfig};
pub use equalized::{
    EqualizedConv2d, EqualizedConv2dConfig, EqualizedLinear, EqualizedLinearConfig,
};
pub use fir::Fir;
pub(crate) use fixed_statistics::with_fixed_statistics;
pub use fourier_features::FourierFeatures;
pub use gated_linear_unit::gated_linear_unit;
pub(crate) use layer_kind::LayerKind;
pub use linear::{Linear, LinearConfig};
pub use maxout::{Maxout, MaxoutConfig};
pub use minibatch_std::MinibatchStd;
pub use modulate::modulate;
pub use modulated_conv2d::{ModulatedConv2d, ModulatedConv2dConfig};
pub use noise::NoiseInjection;
pub use phase_shuffle::PhaseShuffle;
pub use pixel_norm::pixel_norm;
pub use pixel_shuffle::{pixel_shuffle, pixel_unshuffle};
pub use pool::{max_pool, mean_pool};
pub use residual::{ResidualScale, balanced_sum};
pub use self_attention::{SelfAttention, SelfAttentionConfig};
pub use skip_excitation::{SkipExcitation, SkipExcitationConfig};
pub use spectral_norm::{SpectralNorm, update_spectral_norms};
pub use spectral_option::SpectralOption;
pub use sum::sum;
pub use upsample::upsample_nearest;
pub(crate) use weight_matrix::{outputs_second, weight_matrix};

#[cfg(test)]
mod tests;
