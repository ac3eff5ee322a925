//! What convolutions have in common, in one dimension and in two, transposed or not.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use burn::tensor::ops::{ConvTransposeOptions, PaddedConvOptions};

use super::Activation;
use crate::error::{Error, Result};
use crate::sizes;

/// Refuses sizes that no convolution, transposed or not, can have.
pub(super) fn check(
    channels: [usize; 2],
    kernel_size: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    groups: usize,
) -> Result<()> {
    let sizes = [
        ("channels", channels),
        ("kernel_size", kernel_size),
        ("stride", stride),
        ("dilation", dilation),
    ];
    for (field, values) in sizes {
        for value in values {
            sizes::size(field, value)?;
        }
    }
    sizes::size("groups", groups)?;
    if channels.iter().any(|count| count % groups != 0) {
        return Err(Error::setting(
            "groups",
            groups,
            format!("must divide the channels {channels:?}"),
        ));
    }
    let weights = [channels[0], channels[1], kernel_size[0], kernel_size[1]];
    sizes::weights("channels", &weights)
}

/// The zeros before and after that make an output of ⌈size/stride⌉.
pub(super) fn same(size: usize, stride: usize, kernel: usize) -> [usize; 2] {
    let needed = (size.div_ceil(stride).max(1) - 1) * stride + kernel;
    let all = needed.saturating_sub(size);
    // Of an odd number the one more goes to the end, as in burn and ONNX.
    [all / 2, all - all / 2]
}

/// How a kernel goes over its input.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub stride: [usize; 2],
    /// The zeros above and to the left, and those below and to the right. Of a transposed one: what is cut
    /// off on all sides, and what is added below and to the right.
    pub padding: [[usize; 2]; 2],
    pub dilation: [usize; 2],
    pub groups: usize,
}

/// f(x ∗ w + b); weight `[out, in/groups, height, width]`.
pub(super) fn convolve<B: Backend>(
    input: Tensor<B, 4>,
    weight: Tensor<B, 4>,
    bias: Option<Tensor<B, 1>>,
    activation: Activation,
    sizes: Sizes,
) -> Tensor<B, 4> {
    let Sizes {
        stride,
        padding,
        dilation,
        groups,
    } = sizes;
    #[cfg(feature = "flex")]
    if dilation == [1, 1]
        && let Some(output) = crate::kernels::conv2d(
            &input,
            &weight,
            bias.as_ref(),
            activation,
            stride,
            padding,
            groups,
        )
    {
        crate::kernels::released(input);
        crate::kernels::released(weight);
        return output;
    }
    let [begin, end] = padding;
    let options = PaddedConvOptions::asymmetric(stride, begin, end, dilation, groups);
    activation.apply(burn::tensor::module::conv2d(input, weight, bias, options))
}

/// f(x ∗ᵀ w + b); weight `[in, out/groups, height, width]`.
pub(super) fn convolve_transposed<B: Backend>(
    input: Tensor<B, 4>,
    weight: Tensor<B, 4>,
    bias: Option<Tensor<B, 1>>,
    activation: Activation,
    sizes: Sizes,
) -> Tensor<B, 4> {
    let Sizes {
        stride,
        padding,
        dilation,
        groups,
    } = sizes;
    #[cfg(feature = "flex")]
    if dilation == [1, 1]
        && let Some(output) = crate::kernels::conv_transpose2d(
            &input,
            &weight,
            bias.as_ref(),
            activation,
            stride,
            padding,
            groups,
        )
    {
        crate::kernels::released(input);
        crate::kernels::released(weight);
        return output;
    }
    let [cut, added] = padding;
    let options = ConvTransposeOptions::new(stride, cut, added, dilation, groups);
    activation.apply(burn::tensor::module::conv_transpose2d(
        input, weight, bias, options,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_divide_the_channels_and_no_size_is_0() {
        let grouped = |groups| check([4, 6], [3, 3], [1, 1], [1, 1], groups);
        assert!(grouped(2).is_ok());
        assert!(grouped(4).is_err());
        assert!(grouped(0).is_err());
        assert!(check([4, 6], [3, 0], [1, 1], [1, 1], 1).is_err());
    }
}
