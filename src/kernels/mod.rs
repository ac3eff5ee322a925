//! What makes the layers fast on the CPU backend Flex.
//!
//! | file | what is in it |
//! |---|---|
//! | `dispatch` | from a tensor of any backend to the kernels |
//! | `backend`, `tape` | the operations on Flex, and on tapes above it |
//! | `bilinear` | the operations and their derivatives, which are of the same list |
//! | `product`, `convolution`, `im2col` | the bilinear operations on slices |
//! | `tiles` | convolutions 3×3 with stride 1 and 4×4 with stride 2 in fewer multiplications |
//! | `grouped` | convolutions whose channels fall into groups |
//! | `scale` | channels times numbers of their samples |
//! | `resample` | pictures smaller, larger or smoother by a fixed filter |
//! | `rearrange` | ranges of channels, and pixels that become channels |
//! | `gated` | the gated linear unit |
//! | `activation`, `norm`, `batch_norm`, `adam`, `average` | what is done element by element |
//! | `picture` | affine maps of pictures: colours, warps, rectangles cut out |
//! | `pieces` | the largest of a maxout unit's pieces |
//! | `gemm` | the matrix product of slices, the only `unsafe` |
//! | `storage`, `buffers`, `threads`, `simd` | tensors as slices, memory used again, shares of work, vectors |
//!
//! A new operation is a function on slices, a line in `backend`, and its derivative in `tape`.

mod activation;
mod adam;
mod average;
mod backend;
mod batch_norm;
mod bilinear;
mod buffers;
mod convolution;
mod dispatch;
mod gated;
mod gemm;
mod grouped;
mod im2col;
mod norm;
mod picture;
mod pieces;
mod product;
mod rearrange;
mod resample;
mod scale;
mod simd;
mod storage;
mod tape;
mod threads;
mod tiles;

#[cfg(test)]
mod tests;

pub(crate) use adam::AdamStep;
pub(crate) use dispatch::{
    adam, adam_suits, added, applied, axes_in_memory, batch_norm_inference, batch_norm_training,
    channel_scale, channels_last, conv_transpose2d, conv2d, gated, known, lies_channels_last,
    linear, maxout, moving_average, picture, rearranged, released, resampled, scaled,
    sum_of_squares, times,
};
pub(crate) use picture::Picture;
pub(crate) use rearrange::Rearrange;
pub(crate) use resample::Resample;
