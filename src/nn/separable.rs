//! Maps of images that go along rows and along columns by themselves: resizing and means.

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};

use super::Activation;
use super::channels_last::in_their_order;
use super::linear::affine;

/// What each place along one axis of the output is a weighted sum of.
pub(super) struct Axis {
    input: usize,
    /// The first place of the input, and the weights from there on.
    places: Vec<(usize, Vec<f64>)>,
}

impl Axis {
    /// Linear interpolation between the centres of pixels; beyond the outermost centres, their
    /// values.
    pub(super) fn linear(input: usize, output: usize) -> Self {
        let scale = input as f64 / output as f64;
        let places = (0..output).map(|place| {
            let at = ((place as f64 + 0.5) * scale - 0.5).max(0.0);
            let first = (at as usize).min(input - 1);
            match first + 1 == input {
                true => (first, vec![1.0]),
                false => (first, vec![1.0 - at.fract(), at.fract()]),
            }
        });
        Self {
            input,
            places: places.collect(),
        }
    }

    /// Means of parts that are as equal as can be, and share a place where they are not whole.
    pub(super) fn means(input: usize, output: usize) -> Self {
        let places = (0..output).map(|place| {
            let start = place * input / output;
            let end = ((place + 1) * input).div_ceil(output);
            (start, vec![1.0 / (end - start) as f64; end - start])
        });
        Self {
            input,
            places: places.collect(),
        }
    }

    /// `[input, output]`.
    fn matrix<B: Backend>(&self, like: &Tensor<B, 4>) -> Tensor<B, 2> {
        let output = self.places.len();
        let mut values = vec![0.0; self.input * output];
        for (place, (first, weights)) in self.places.iter().enumerate() {
            for (offset, weight) in weights.iter().enumerate() {
                values[(first + offset) * output + place] = *weight;
            }
        }
        let values = TensorData::new(values, [self.input, output]);
        Tensor::from_data(values, (&like.device(), like.dtype()))
    }
}

/// `[batch, channels, height, width]` with both axes mapped.
pub(super) fn map_axes<B: Backend>(
    images: Tensor<B, 4>,
    rows: &Axis,
    columns: &Axis,
) -> Tensor<B, 4> {
    in_their_order(images, |images| {
        let images = along_the_last(images, columns);
        along_the_last(images.swap_dims(2, 3), rows).swap_dims(2, 3)
    })
}

fn along_the_last<B: Backend>(x: Tensor<B, 4>, axis: &Axis) -> Tensor<B, 4> {
    let [batch, channels, others, size] = x.dims();
    let matrix = axis.matrix(&x);
    let rows: Tensor<B, 2> = x.reshape([batch * channels * others, size]);
    let y = affine(rows, matrix, None, Activation::Identity);
    y.reshape([batch, channels, others, axis.places.len()])
}
