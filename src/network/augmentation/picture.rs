//! Maps of pictures on every backend: colours, warps, and rectangles cut out.
//!
//! Each is affine in a picture, with numbers of its own for each sample. Where the backend has a
//! kernel it takes that, and burn's operations elsewhere: all of these can be differentiated any
//! number of times.

use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor, TensorData};

use super::Fill;
#[cfg(feature = "flex")]
use crate::kernels::{self, Picture};

/// Numbers from the host for each sample of a batch of pictures, `[batch, …]`.
pub(crate) fn numbers_for<B: Backend>(pictures: &Tensor<B, 4>, numbers: Vec<f64>) -> Tensor<B, 2> {
    let [batch, ..] = pictures.dims();
    let each = numbers.len() / batch.max(1);
    // Runs of two precisions may share a device: its default is not to be trusted.
    let place = (&pictures.device(), pictures.dtype());
    Tensor::from_data(TensorData::new(numbers, [batch, each]), place)
}

/// Each pixel's channels through a matrix, an offset, and a share of the picture's mean.
///
/// ```text
/// y_o = Σ_i M_oi·x_i + μ·mean(x) + b_o        numbers: M row by row, b, μ; [batch, c² + c + 1]
/// ```
#[inline(never)]
pub(crate) fn colour<B: Backend>(x: Tensor<B, 4>, numbers: Tensor<B, 2>) -> Tensor<B, 4> {
    let [batch, channels, _, _] = x.dims();
    let squared = channels * channels;
    assert_eq!(numbers.dims(), [batch, squared + channels + 1]);
    #[cfg(feature = "flex")]
    if let Some(y) = kernels::picture(Picture::Colour, &x, &numbers) {
        return y;
    }
    let part = |from: usize, count: usize| -> Tensor<B, 4> {
        (numbers.clone().narrow(1, from, count)).reshape([batch, count, 1, 1])
    };
    // A product for each channel: small matrices are the backends' weak point.
    let mixed = (0..channels).map(|input| {
        let column = (0..channels).map(|output| part(output * channels + input, 1));
        let column: Tensor<B, 4> = Tensor::cat(column.collect(), 1);
        column * x.clone().narrow(1, input, 1)
    });
    let mixed = mixed.reduce(|sum, next| sum + next).expect("a channel");
    let mean = x.mean_dim(1).mean_dim(2).mean_dim(3);
    mixed + part(squared, channels) + mean * part(squared + channels, 1)
}

/// Pixels from other places, by bilinear interpolation; exact where these are pixels.
///
/// ```text
/// y(X, Y) = x(n₀·X + n₁·Y + n₂, n₃·X + n₄·Y + n₅)        X to the right, Y down; [batch, 6]
/// ```
#[inline(never)]
pub(crate) fn warp<B: Backend>(x: Tensor<B, 4>, numbers: Tensor<B, 2>, fill: Fill) -> Tensor<B, 4> {
    let [batch, channels, height, width] = x.dims();
    assert_eq!(numbers.dims(), [batch, 6]);
    #[cfg(feature = "flex")]
    if let Some(y) = kernels::picture(Picture::Warp(fill), &x, &numbers) {
        return y;
    }
    let pixels = height * width;
    let (device, dtype) = (x.device(), x.dtype());
    let places = Tensor::<B, 1, Int>::arange(0..pixels as i64, &device).reshape([1, pixels]);
    let [rows, columns] = [
        places.clone().div_scalar(width as i64),
        places.remainder_scalar(width as i64),
    ]
    .map(|places: Tensor<B, 2, Int>| places.float().cast(dtype));
    let place = |row: usize| -> Tensor<B, 2> {
        let number = |index: usize| numbers.clone().narrow(1, 3 * row + index, 1);
        number(0) * columns.clone() + number(1) * rows.clone() + number(2)
    };
    let [across, down] = [place(0), place(1)].map(|place| Taps::new(place));
    let flat: Tensor<B, 3> = x.reshape([batch, channels, pixels]);
    let mut sum: Option<Tensor<B, 3>> = None;
    let mut covered: Option<Tensor<B, 2>> = None;
    for lower in [0, 1] {
        let (row, by_row) = down.tap(lower, fill, height);
        for further in [0, 1] {
            let (column, by_column) = across.tap(further, fill, width);
            let source = (row.clone().mul_scalar(width as f64) + column).int();
            let source = (source.unsqueeze_dim::<3>(1)).expand([batch, channels, pixels]);
            let weight = by_row.clone() * by_column;
            let tap = flat.clone().gather(2, source) * weight.clone().unsqueeze_dim(1);
            sum = Some(match sum {
                Some(sum) => sum + tap,
                None => tap,
            });
            covered = Some(match covered {
                Some(covered) => covered + weight,
                None => weight,
            });
        }
    }
    let (sum, covered) = (sum.expect("four taps"), covered.expect("four taps"));
    let y = match fill {
        Fill::Value(value) if value != 0.0 => {
            sum + (covered.neg().add_scalar(1.0).mul_scalar(value)).unsqueeze_dim(1)
        }
        _ => sum,
    };
    y.reshape([batch, channels, height, width])
}

/// Places along one axis: the pixel before, and how far beyond it they are.
struct Taps<B: Backend> {
    whole: Tensor<B, 2>,
    beyond: Tensor<B, 2>,
}

impl<B: Backend> Taps<B> {
    fn new(place: Tensor<B, 2>) -> Self {
        let whole = place.clone().floor();
        let beyond = place - whole.clone();
        Self { whole, beyond }
    }

    /// The pixel before, or the one after it, with its weight: one that there is, 0 the weight of
    /// one that there is not.
    fn tap(&self, after: i64, fill: Fill, length: usize) -> (Tensor<B, 2>, Tensor<B, 2>) {
        let place = self.whole.clone().add_scalar(after);
        let weight = match after {
            0 => self.beyond.clone().neg().add_scalar(1.0),
            _ => self.beyond.clone(),
        };
        let last = length as f64 - 1.0;
        match fill {
            Fill::Edge => (place.clamp(0.0, last), weight),
            Fill::Reflect if length == 1 => (place.zeros_like(), weight),
            Fill::Reflect => {
                let period = 2.0 * last;
                // Half a pixel further, a quotient is never so near to a whole number that its
                // rounding counts.
                let periods = place.clone().add_scalar(0.5).div_scalar(period).floor();
                let within = place - periods.mul_scalar(period);
                (within.sub_scalar(last).abs().neg().add_scalar(last), weight)
            }
            Fill::Value(_) => {
                let inside = place.clone().clamp(0.0, last);
                let weight = weight.mask_fill(inside.clone().not_equal(place), 0.0);
                (inside, weight)
            }
        }
    }
}

/// Zeros in a rectangle of each picture: rows from, rows to, columns from, columns to, `[batch, 4]`.
#[inline(never)]
pub(crate) fn cut<B: Backend>(x: Tensor<B, 4>, numbers: Tensor<B, 2>) -> Tensor<B, 4> {
    let [batch, _, height, width] = x.dims();
    assert_eq!(numbers.dims(), [batch, 4]);
    #[cfg(feature = "flex")]
    if let Some(y) = kernels::picture(Picture::Cut, &x, &numbers) {
        return y;
    }
    let (device, dtype) = (x.device(), x.dtype());
    // 1 in what is cut, along one axis.
    let along = |first: usize, length: usize| -> Tensor<B, 2> {
        let places = Tensor::<B, 1, Int>::arange(0..length as i64, &device).float();
        let places = (places.cast(dtype).reshape([1, length])).expand([batch, length]);
        let bound = |index: usize| {
            let bound = numbers.clone().narrow(1, first + index, 1);
            bound.expand([batch, length])
        };
        let from = places.clone().greater_equal(bound(0)).float().cast(dtype);
        let to = places.lower(bound(1)).float().cast(dtype);
        from * to
    };
    let rows: Tensor<B, 4> = along(0, height).reshape([batch, 1, height, 1]);
    let columns: Tensor<B, 4> = along(2, width).reshape([batch, 1, 1, width]);
    x * (rows * columns).neg().add_scalar(1.0)
}

crate::compiled::compiled! {
    colour::<Tape>,
    colour::<Tapes>,
    warp::<Tape>,
    warp::<Tapes>,
    cut::<Tape>,
    cut::<Tapes>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::channels_last;
    use crate::testing::{assert_close, for_each_backend, on_wgpu, values};

    /// Bilinear interpolation by its definition.
    fn interpolated(x: &[f64], [height, width]: [usize; 2], at: [f64; 2], fill: Fill) -> f64 {
        let [right, down] = at;
        let mut sum = 0.0;
        for (row, by_row) in [
            (down.floor(), 1.0 - down.rem_euclid(1.0)),
            (down.floor() + 1.0, down.rem_euclid(1.0)),
        ] {
            for (column, by_column) in [
                (right.floor(), 1.0 - right.rem_euclid(1.0)),
                (right.floor() + 1.0, right.rem_euclid(1.0)),
            ] {
                let (row, column) = (
                    fill.source(row as i64, height),
                    fill.source(column as i64, width),
                );
                let inside =
                    (0..height as i64).contains(&row) && (0..width as i64).contains(&column);
                let pixel = match fill {
                    Fill::Value(value) if !inside => value,
                    _ => x[row as usize * width + column as usize],
                };
                sum += by_row * by_column * pixel;
            }
        }
        sum
    }

    fn places_far_from_a_picture_are_filled_as_those_beside_it<B: Backend>() {
        let (channels, sides) = (3, [3, 5]);
        let [height, width] = sides;
        let pixels = height * width;
        let count = 3 * channels * pixels;
        let x: Vec<f64> = (0..count).map(|i| (i * i % 17) as f64 - 8.0).collect();
        // Places that f32 has exactly: mirrored and half a pixel down; zoomed out so far that all
        // but a few lie thousands of pixels away; far away altogether.
        let maps = [
            [-1.0, 0.0, 4.0, 0.0, 1.0, 0.5],
            [2048.25, -512.5, -3000.0, 100.75, 1500.5, -1500.25],
            [0.5, 0.25, 40_000.0, -0.25, 0.5, -30_000.5],
        ];
        for fill in [
            Fill::Edge,
            Fill::Reflect,
            Fill::Value(0.0),
            Fill::Value(-1.5),
        ] {
            let mut expected = Vec::new();
            for (sample, n) in x.chunks(channels * pixels).zip(&maps) {
                for channel in sample.chunks(pixels) {
                    for place in 0..pixels {
                        let (row, column) = ((place / width) as f64, (place % width) as f64);
                        let at = [0, 3].map(|i| n[i] * column + n[i + 1] * row + n[i + 2]);
                        expected.push(interpolated(channel, sides, at, fill));
                    }
                }
            }
            let data = TensorData::new(x.clone(), [3, channels, height, width]);
            let x = Tensor::<B, 4>::from_data(data, &Default::default());
            for x in [x.clone(), channels_last(x)] {
                let numbers = numbers_for(&x, maps.as_flattened().to_vec());
                assert_close(&values(warp(x, numbers, fill)), &expected, 1e-5, 1e-5);
            }
        }
    }

    for_each_backend!(places_far_from_a_picture_are_filled_as_those_beside_it);
    on_wgpu!(Wgpu; places_far_from_a_picture_are_filled_as_those_beside_it);
}
