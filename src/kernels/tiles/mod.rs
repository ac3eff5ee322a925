//! Convolutions in fewer multiplications, by minimal filtering of tiles of 2×2 outputs.
//!
//! | file | which |
//! |---|---|
//! | `stride_one` | 3×3 kernels with stride 1, the residual networks': 4/9 of the multiplications |
//! | `stride_two` | 4×4 kernels with stride 2, the DCGAN's: 9/16 |

mod lanes;
mod stride_one;
mod stride_two;

use super::activation::Elementwise;
use super::bilinear::Geometry;
use super::buffers::Buffer;

/// A convolution that is computed in tiles.
#[derive(Debug, Clone, Copy)]
pub(super) enum Tiles {
    StrideOne(stride_one::Tiles),
    StrideTwo(stride_two::Tiles),
}

impl Tiles {
    /// The tiles of a convolution that gains from them.
    pub(super) fn of(
        sizes: Geometry,
        batch: usize,
        channels: usize,
        outputs: usize,
    ) -> Option<Self> {
        stride_one::Tiles::of(sizes, batch, channels, outputs)
            .map(Self::StrideOne)
            .or_else(|| stride_two::Tiles::of(sizes, batch, channels, outputs).map(Self::StrideTwo))
    }

    /// f(x ∗ w + b) of dense operands; `None` where a number is not finite.
    pub(super) fn forward(
        self,
        x: &[f32],
        weight: &[f32],
        bias: Option<&[f32]>,
        activation: Elementwise,
    ) -> Option<Buffer> {
        match self {
            Self::StrideOne(tiles) => stride_one::forward(tiles, x, weight, bias, activation),
            Self::StrideTwo(tiles) => stride_two::forward(tiles, x, weight, bias, activation),
        }
    }

    /// f(y ∗ᵀ w + b) of dense operands; `None` where a number is not finite.
    pub(super) fn input_gradient(
        self,
        y: &[f32],
        weight: &[f32],
        bias: Option<&[f32]>,
        activation: Elementwise,
    ) -> Option<Buffer> {
        match self {
            Self::StrideOne(tiles) => {
                stride_one::input_gradient(tiles, y, weight, bias, activation)
            }
            Self::StrideTwo(tiles) => {
                stride_two::input_gradient(tiles, y, weight, bias, activation)
            }
        }
    }

    /// x ⋆ y of dense operands, as the weight lies; `None` where a number is not finite.
    pub(super) fn weight_gradient(self, x: &[f32], y: &[f32]) -> Option<Buffer> {
        match self {
            Self::StrideOne(tiles) => stride_one::weight_gradient(tiles, x, y),
            Self::StrideTwo(tiles) => stride_two::weight_gradient(tiles, x, y),
        }
    }
}
