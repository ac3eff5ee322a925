//! Kernels against what they stand for, and attacks on those that take slices on trust.

mod average;
mod gemm;
mod rearrange;
