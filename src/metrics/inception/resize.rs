//! The two packages' ways of making 299 × 299 pixels of an image.

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use serde::Serialize;

use super::network::SIDE;
use crate::settings::settings;

settings! {
/// Whose way of making 299 × 299 pixels of an image is meant. They differ in the third digit of a
/// Fréchet distance.
///
/// Both interpolate linearly between the two nearest pixels along each axis, without smoothing
/// before an image is made smaller. Pixel i of 299 lies, of an image of n pixels, at
///
/// ```text
/// pytorch_fid:     max(0, (i + ½)·n/299 − ½)      then  y = 2·x/255 − 1
/// torch_fidelity:  i·n/299                        then  y = (x − 128)/128
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InceptionResize {
    /// That of the package `pytorch-fid`.
    #[default]
    PytorchFid,
    /// That of the package `torch-fidelity`, which is TensorFlow 1's: the numbers of papers that
    /// used the authors' own code.
    TorchFidelity,
}
}

impl InceptionResize {
    /// It in words, for who reads a score.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::PytorchFid => "pytorch-fid's resize",
            Self::TorchFidelity => "torch-fidelity's resize",
        }
    }

    /// Where output pixel `index` lies in an image of `length` pixels.
    fn place(self, index: usize, length: usize) -> f64 {
        let step = length as f64 / SIDE as f64;
        match self {
            Self::PytorchFid => ((index as f64 + 0.5) * step - 0.5).max(0.0),
            Self::TorchFidelity => index as f64 * step,
        }
    }

    /// The matrix `[299, length]` of the interpolation along one axis.
    fn matrix(self, length: usize) -> Vec<f32> {
        let mut matrix = vec![0.0; SIDE * length];
        for (index, row) in matrix.chunks_exact_mut(length).enumerate() {
            let place = self.place(index, length);
            let low = (place.floor() as usize).min(length - 1);
            let weight = (place - low as f64) as f32;
            row[low] += 1.0 - weight;
            row[(low + 1).min(length - 1)] += weight;
        }
        matrix
    }

    /// Images of bytes, `[batch, channels, height, width]`, as the network takes them: by a product
    /// with a matrix along each axis, on any backend.
    pub(super) fn apply<B: Backend>(self, bytes: Tensor<B, 4>) -> Tensor<B, 4> {
        let [batch, channels, height, width] = bytes.dims();
        let options = (&bytes.device(), bytes.dtype());
        let matrix = |length: usize| -> Tensor<B, 2> {
            let data = TensorData::new(self.matrix(length), [SIDE, length]);
            Tensor::from_data(data, options)
        };
        let along_rows: Tensor<B, 2> = bytes
            .reshape([batch * channels * height, width])
            .matmul(matrix(width).transpose());
        // The images' rows side by side: one product for all of them.
        let down: Tensor<B, 3> = along_rows.reshape([batch * channels, height, SIDE]);
        let down: Tensor<B, 2> = down
            .permute([1, 0, 2])
            .reshape([height, batch * channels * SIDE]);
        let resized: Tensor<B, 3> =
            matrix(height)
                .matmul(down)
                .reshape([SIDE, batch * channels, SIDE]);
        let resized = resized
            .permute([1, 0, 2])
            .reshape([batch, channels, SIDE, SIDE]);
        match self {
            Self::PytorchFid => resized.mul_scalar(2.0 / 255.0).sub_scalar(1.0),
            Self::TorchFidelity => resized.sub_scalar(128.0).mul_scalar(1.0 / 128.0),
        }
    }
}
