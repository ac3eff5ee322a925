//! What a backend with our kernels can do: Flex, and every tape above it.

use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::tensor::FloatDType;
use burn::tensor::backend::Backend;
use burn::tensor::ops::{FloatTensor, FloatTensorOps};

use super::activation::{self, Elementwise};
use super::bilinear::Bilinear;
use super::picture::{self, Part, Picture};
use super::rearrange::{self, Rearrange};
use super::resample::{self, Resample};
use super::storage::{
    self, channels_last, from_channels_last, from_rows, is_dense, lies_channels_last, recycle,
};
use super::{average, convolution, gated, grouped, norm, pieces, product, scale, threads};

/// The operations that the layers' fast paths are made of. All tensors are f32 and not empty.
pub(crate) trait Kernels: Backend {
    /// A bilinear operation by itself.
    fn bilinear(
        operation: Bilinear,
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        Self::layer(operation, Elementwise::Identity, a, b, None)
    }

    /// f(operation(x, w) + b), the bias `[channels]` added along the second axis, after
    /// [`Bilinear::ChannelScale`] `[n, channels]`; f linear on both sides of 0.
    fn layer(
        operation: Bilinear,
        activation: Elementwise,
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: Option<FloatTensor<Self>>,
    ) -> FloatTensor<Self>;

    /// g·f′ with f′ computed from f(x), or from x where f is smooth.
    fn activation_gradient(
        activation: Elementwise,
        gradient: FloatTensor<Self>,
        told_from: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    /// f(x).
    fn apply(activation: Elementwise, x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// f′(x) of a smooth f.
    fn smooth_slope(activation: Elementwise, x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// The sums over all axes but the second, `[channels]`.
    fn channel_sums(x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// The sums over all axes but the first two, `[n, channels]`.
    fn sample_sums(x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Pictures `[n, c, h, w]` made larger, smaller or smoother.
    fn resample(filter: &Resample, x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Channels or pixels `[n, c, …]` put elsewhere.
    fn rearrange(map: Rearrange, x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// a·σ(b), x = (a, b) along the channels: `[n, 2·c, …]` to `[n, c, …]`.
    fn gated(x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// What the output's gradient makes that of x, (g·σ(b), g·a·σ′(b)).
    fn gated_gradient(gradient: FloatTensor<Self>, x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// The same tensor with its channels innermost in memory.
    fn channels_last(x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// The place of the largest of each unit's pieces, as a number that no gradient goes through:
    /// `[rows, units·pieces]` to `[rows, units]`.
    fn winners(x: FloatTensor<Self>, pieces: usize) -> FloatTensor<Self>;

    /// Of each unit the piece at its place: `[rows, units·pieces]` to `[rows, units]`.
    fn chosen(x: FloatTensor<Self>, places: FloatTensor<Self>, pieces: usize) -> FloatTensor<Self>;

    /// Each number at its place among its unit's pieces, zeros at the others: `[rows, units]` to
    /// `[rows, units·pieces]`.
    fn scattered(
        y: FloatTensor<Self>,
        places: FloatTensor<Self>,
        pieces: usize,
    ) -> FloatTensor<Self>;

    /// A map of each picture by the numbers of its sample, which no gradient goes through:
    /// `[batch, channels, height, width]` and `[batch, …]`.
    fn picture(
        picture: Picture,
        part: Part,
        x: FloatTensor<Self>,
        numbers: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    /// x times a number.
    fn times(x: FloatTensor<Self>, factor: f32) -> FloatTensor<Self>;

    /// a + b of one shape, in the memory of a where that can be, and lying as a does.
    fn add(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self>;

    /// A tensor that is not needed any more: its memory may serve another.
    fn recycle(tensor: FloatTensor<Self>);
}

impl Kernels for Flex {
    fn layer(
        operation: Bilinear,
        activation: Elementwise,
        x: FlexTensor,
        weight: FlexTensor,
        bias: Option<FlexTensor>,
    ) -> FlexTensor {
        let bias = bias.as_ref().map(channels_last);
        let bias = bias.as_deref();
        let y = match operation {
            Bilinear::Product {
                transpose_a,
                transpose_b,
            } => product::product(&x, transpose_a, &weight, transpose_b, bias, activation),
            Bilinear::Convolution(sizes) if sizes.groups > 1 => {
                grouped::forward(&x, &weight, bias, activation, sizes)
            }
            Bilinear::InputGradient(sizes) if sizes.groups > 1 => {
                grouped::input_gradient(&x, &weight, bias, activation, sizes)
            }
            Bilinear::WeightGradient(sizes) if sizes.groups > 1 => {
                grouped::weight_gradient(&x, &weight, sizes)
            }
            Bilinear::Convolution(sizes) => {
                convolution::forward(&x, &weight, bias, activation, sizes)
            }
            Bilinear::InputGradient(sizes) => {
                convolution::input_gradient(&x, &weight, bias, activation, sizes)
            }
            Bilinear::WeightGradient(sizes) => {
                debug_assert!(bias.is_none() && activation == Elementwise::Identity);
                convolution::weight_gradient(&x, &weight, sizes)
            }
            Bilinear::ChannelScale => scale::scale(&x, &weight, bias, activation),
            Bilinear::ChannelDot => scale::dot(&x, &weight),
            Bilinear::Elementwise => {
                debug_assert!(bias.is_none() && activation == Elementwise::Identity);
                storage::zip(&x, &weight, |out, x, weight| {
                    for (out, (x, weight)) in out.iter_mut().zip(x.iter().zip(weight)) {
                        *out = x * weight;
                    }
                })
            }
        };
        recycle(x);
        recycle(weight);
        y
    }

    fn activation_gradient(
        activation: Elementwise,
        gradient: FlexTensor,
        y: FlexTensor,
    ) -> FlexTensor {
        if activation == Elementwise::Identity {
            return gradient;
        }
        // In y's order, whichever of the two it is.
        let out = storage::zip(&y, &gradient, |out, y, gradient| {
            activation::gradient(out, gradient, y, activation);
        });
        recycle(gradient);
        out
    }

    fn apply(activation: Elementwise, x: FlexTensor) -> FlexTensor {
        if is_dense(&x) && x.is_unique() {
            let mut y = x;
            let count = y.layout().num_elements();
            let ranges = threads::split(count, threads::for_numbers(count));
            let pieces = threads::cut(y.storage_mut::<f32>(), &ranges, 1);
            threads::run(pieces, |piece| activation::apply(piece, activation));
            return y;
        }
        storage::map(&x, |y, x| {
            y.copy_from_slice(x);
            activation::apply(y, activation);
        })
    }

    fn smooth_slope(activation: Elementwise, x: FlexTensor) -> FlexTensor {
        let shape = x.layout().shape().to_vec().into();
        let ones = Self::float_ones(shape, &Default::default(), FloatDType::F32);
        Self::activation_gradient(activation, ones, x)
    }

    fn channel_sums(x: FlexTensor) -> FlexTensor {
        let channels = x.layout().shape()[1];
        let sums = norm::channel_sums(&channels_last(&x), channels);
        from_rows(sums, &[channels])
    }

    fn sample_sums(x: FlexTensor) -> FlexTensor {
        scale::sums(&x)
    }

    fn resample(filter: &Resample, x: FlexTensor) -> FlexTensor {
        let y = resample::apply(filter, &x);
        recycle(x);
        y
    }

    fn rearrange(map: Rearrange, x: FlexTensor) -> FlexTensor {
        let y = rearrange::apply(map, &x);
        recycle(x);
        y
    }

    fn gated(x: FlexTensor) -> FlexTensor {
        let y = gated::forward(&x);
        recycle(x);
        y
    }

    fn gated_gradient(gradient: FlexTensor, x: FlexTensor) -> FlexTensor {
        let found = gated::gradient(&gradient, &x);
        recycle(gradient);
        found
    }

    fn channels_last(x: FlexTensor) -> FlexTensor {
        if lies_channels_last(&x) {
            return x;
        }
        let shape = x.layout().shape().to_vec();
        let last = from_channels_last(channels_last(&x).into_buffer(), &shape);
        recycle(x);
        last
    }

    fn winners(x: FlexTensor, pieces: usize) -> FlexTensor {
        pieces::winners(&x, pieces)
    }

    fn chosen(x: FlexTensor, places: FlexTensor, pieces: usize) -> FlexTensor {
        let y = pieces::chosen(&x, &places, pieces);
        recycle(x);
        y
    }

    fn scattered(y: FlexTensor, places: FlexTensor, pieces: usize) -> FlexTensor {
        let x = pieces::scattered(&y, &places, pieces);
        recycle(y);
        x
    }

    fn picture(picture: Picture, part: Part, x: FlexTensor, numbers: FlexTensor) -> FlexTensor {
        let y = picture::apply(picture, part, &x, &numbers);
        recycle(x);
        y
    }

    fn times(x: FlexTensor, factor: f32) -> FlexTensor {
        if is_dense(&x) && x.is_unique() {
            return average::scaled(x, factor);
        }
        storage::map(&x, |y, x| {
            for (y, x) in y.iter_mut().zip(x) {
                *y = factor * x;
            }
        })
    }

    fn add(mut a: FlexTensor, mut b: FlexTensor) -> FlexTensor {
        let alike = a.layout() == b.layout() && is_dense(&a) && is_dense(&b);
        if alike && !a.is_unique() {
            // Where the one can't be written to, the other may.
            std::mem::swap(&mut a, &mut b);
        }
        if !(alike && a.is_unique()) {
            let sum = storage::zip(&a, &b, |out, a, b| {
                for (out, (a, b)) in out.iter_mut().zip(a.iter().zip(b)) {
                    *out = a + b;
                }
            });
            recycle(a);
            recycle(b);
            return sum;
        }
        let count = a.layout().num_elements();
        let ranges = threads::split(count, threads::for_numbers(count));
        let pieces = threads::cut(a.storage_mut::<f32>(), &ranges, 1);
        let numbers: &[f32] = b.storage();
        threads::run(ranges.into_iter().zip(pieces), |(range, a)| {
            for (a, b) in a.iter_mut().zip(&numbers[range]) {
                *a += b;
            }
        });
        recycle(b);
        a
    }

    fn recycle(tensor: FlexTensor) {
        recycle(tensor);
    }
}
