//! The operations that layers are made of, each linear in both operands.
//!
//! ```text
//! matrix product          C = A·B, either transposed first
//! convolution             y = x ∗ w
//! its input's gradient    x = y ∗ᵀ w          (a transposed convolution)
//! its weight's gradient   w = x ⋆ y
//! channels scaled         y = x·s             (each channel of each sample times a number)
//! its scale's gradient    s = ⟨x, y⟩          (over the pixels of each channel)
//! numbers by numbers      y = x ⊙ w           (of one shape)
//! ```
//!
//! The derivatives of each are operations of the same list: with ⟨y, x ∗ w⟩ = ⟨x, y ∗ᵀ w⟩ =
//! ⟨w, x ⋆ y⟩, whichever two are given, the third's gradient is their product. So the list is
//! closed, and gradients of any order run on the same kernels.

use burn::tensor::ops::FloatTensor;

use super::backend::Kernels;

/// The sizes of a convolution, dilation 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Geometry {
    /// Height and width of the kernel.
    pub(crate) kernel: [usize; 2],
    /// The kernel's step.
    pub(crate) stride: [usize; 2],
    /// Zeros above and to the left of the input; those below and to the right follow from the
    /// sizes.
    pub(crate) padding: [usize; 2],
    /// Height and width of x.
    pub(crate) input: [usize; 2],
    /// Height and width of y.
    pub(crate) output: [usize; 2],
    /// Into how many groups the channels fall that have nothing to do with each other.
    pub(crate) groups: usize,
}

/// An operation that is linear in both operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bilinear {
    /// A·B, with Aᵀ or Bᵀ in the place of A or B where it says so.
    Product {
        /// Aᵀ instead of A.
        transpose_a: bool,
        /// Bᵀ instead of B.
        transpose_b: bool,
    },
    /// (x `[n, c, h, w]`, w `[o, c/groups, kh, kw]`) to y `[n, o, oh, ow]`.
    Convolution(Geometry),
    /// (y, w) to x.
    InputGradient(Geometry),
    /// (x, y) to w.
    WeightGradient(Geometry),
    /// (x `[n, c, …]`, s `[n, c]`) to x·s, each channel of each sample times its number.
    ChannelScale,
    /// (x, y), both `[n, c, …]`, to Σ x·y over all axes but the first two, `[n, c]`.
    ChannelDot,
    /// (x, w) of one shape to x ⊙ w.
    Elementwise,
}

impl Bilinear {
    /// A·B.
    pub(crate) const PRODUCT: Self = Self::Product {
        transpose_a: false,
        transpose_b: false,
    };

    /// The gradient with respect to the first operand, from the output's and the second operand.
    pub(super) fn first_gradient<B: Kernels>(
        self,
        gradient: FloatTensor<B>,
        second: FloatTensor<B>,
    ) -> FloatTensor<B> {
        match self {
            Self::Product {
                transpose_a: false,
                transpose_b,
            } => B::bilinear(
                Self::Product {
                    transpose_a: false,
                    transpose_b: !transpose_b,
                },
                gradient,
                second,
            ),
            Self::Product {
                transpose_a: true,
                transpose_b,
            } => B::bilinear(
                Self::Product {
                    transpose_a: transpose_b,
                    transpose_b: true,
                },
                second,
                gradient,
            ),
            Self::Convolution(sizes) => B::bilinear(Self::InputGradient(sizes), gradient, second),
            Self::InputGradient(sizes) => B::bilinear(Self::Convolution(sizes), gradient, second),
            Self::WeightGradient(sizes) => {
                B::bilinear(Self::InputGradient(sizes), second, gradient)
            }
            Self::ChannelScale => B::bilinear(Self::ChannelScale, gradient, second),
            Self::ChannelDot => B::bilinear(Self::ChannelScale, second, gradient),
            Self::Elementwise => B::bilinear(Self::Elementwise, gradient, second),
        }
    }

    /// The gradient with respect to the second operand, from the output's and the first operand.
    pub(super) fn second_gradient<B: Kernels>(
        self,
        gradient: FloatTensor<B>,
        first: FloatTensor<B>,
    ) -> FloatTensor<B> {
        match self {
            Self::Product {
                transpose_a,
                transpose_b: false,
            } => B::bilinear(
                Self::Product {
                    transpose_a: !transpose_a,
                    transpose_b: false,
                },
                first,
                gradient,
            ),
            Self::Product {
                transpose_a,
                transpose_b: true,
            } => B::bilinear(
                Self::Product {
                    transpose_a: true,
                    transpose_b: transpose_a,
                },
                gradient,
                first,
            ),
            Self::Convolution(sizes) => B::bilinear(Self::WeightGradient(sizes), first, gradient),
            Self::InputGradient(sizes) => B::bilinear(Self::WeightGradient(sizes), gradient, first),
            Self::WeightGradient(sizes) => B::bilinear(Self::Convolution(sizes), first, gradient),
            Self::ChannelScale => B::bilinear(Self::ChannelDot, first, gradient),
            Self::ChannelDot => B::bilinear(Self::ChannelScale, first, gradient),
            Self::Elementwise => B::bilinear(Self::Elementwise, gradient, first),
        }
    }

    /// Whether a bias is added to each channel of each sample, `[n, c]`, not to each channel.
    pub(super) fn has_bias_per_sample(self) -> bool {
        self == Self::ChannelScale
    }
}
