//! A layer's weight as a matrix with a row for each output.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

/// A weight as a matrix, outputs by inputs: `[outputs, inputs·kernel]`.
pub(crate) fn weight_matrix<B: Backend, const R: usize>(
    weight: Tensor<B, R>,
    outputs_second: bool,
) -> Tensor<B, 2> {
    let weight = if outputs_second {
        weight.swap_dims(0, 1)
    } else {
        weight
    };
    let outputs = weight.dims()[0];
    let inputs = weight.dims()[1..].iter().product();
    weight.reshape([outputs, inputs])
}

/// Whether a weight's second dimension is that of its outputs, by burn's layouts: linear
/// `[in, out]`, convolution `[out, in, …]`, transposed `[in, out, …]`. `layer` is the container's
/// name in a visit.
pub(crate) fn outputs_second(rank: usize, layer: &str) -> bool {
    rank == 2 || layer.starts_with("Struct:ConvTranspose")
}
