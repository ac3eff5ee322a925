//! A layer's weight as a matrix with a row for each output.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::LayerKind;

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
/// `[in, out]`, convolution `[out, in, …]`, transposed `[in, out, …]`.
pub(crate) fn outputs_second(rank: usize, layer: Option<LayerKind>) -> bool {
    rank == 2 || layer == Some(LayerKind::ConvTranspose)
}
