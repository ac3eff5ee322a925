//! The three operations of a convolution on Flex tensors.
//!
//! Each thread takes images (or rows of output pixels) of its own and goes through them in
//! blocks: patches, one matrix product, bias and activation while the block is in the cache. The
//! kernels that networks are mostly made of have a way of their own, [`tiles`](super::tiles), and so
//! have [`grouped`] convolutions.
//! Weights are wanted as `[out, kernel height, kernel width, in]`: that is
//! [`channels_last`](super::storage::channels_last) of `[out, in, height, width]`. The weight's
//! gradient comes in that order too, our Adam keeps a weight in its gradient's order, and so a
//! weight is put in order once.

use burn::backend::flex::FlexTensor;

use super::activation::{Elementwise, apply_with_bias};
use super::bilinear::Geometry;
use super::gemm::{Matrix, Update, product};
use super::im2col::Patches;
use super::storage::{
    batch_and_channels, channels_last, from_channels_last, from_channels_last_like,
};
use super::tiles::Tiles;
use super::{buffers, threads};

/// Numbers of patches in a block: they and their products fit into the caches of one core.
const BLOCK: usize = 1 << 18;

/// How many rows of output pixels make a block.
fn block_rows(patches: &Patches) -> usize {
    (BLOCK / (patches.length() * patches.sizes.output[1])).max(1)
}

/// f(x ∗ w + b).
pub(super) fn forward(
    x: &FlexTensor,
    weight: &FlexTensor,
    bias: Option<&[f32]>,
    activation: Elementwise,
    sizes: Geometry,
) -> FlexTensor {
    let [batch, channels] = batch_and_channels(x);
    let [outputs, _] = batch_and_channels(weight);
    let [height, width] = sizes.output;
    let patches = Patches { sizes, channels };
    let length = patches.length();
    let given = x;
    let (x, weight) = (channels_last(x), channels_last(weight));
    let shape = [batch, outputs, height, width];
    if let Some(tiles) = Tiles::of(sizes, batch, channels, outputs)
        && let Some(y) = tiles.forward(&x, &weight, bias, activation)
    {
        return from_channels_last_like(y, &shape, given);
    }
    let weight = Matrix::row_major(&weight, outputs, length).transposed();
    let mut y = buffers::take(batch * height * width * outputs);

    let ranges = threads::split(batch * height, threads::count());
    let pieces = threads::cut(&mut y, &ranges, width * outputs);
    threads::run(ranges.into_iter().zip(pieces), |(rows, y)| {
        if patches.are_pixels() {
            let pixels = rows.len() * width;
            let pixels = Matrix::row_major(&x[rows.start * width * channels..], pixels, channels);
            product(y, Update::Replace, pixels, weight);
            return apply_with_bias(y, bias, activation);
        }
        let step = block_rows(&patches).min(rows.len());
        let mut columns = buffers::take(step * width * length);
        for (start, y) in rows
            .clone()
            .step_by(step)
            .zip(y.chunks_mut(step * width * outputs))
        {
            let rows = start..(start + step).min(rows.end);
            let pixels = rows.len() * width;
            let columns = &mut columns[..pixels * length];
            patches.gather(&x, rows, columns);
            let columns = Matrix::row_major(columns, pixels, length);
            product(y, Update::Replace, columns, weight);
            apply_with_bias(y, bias, activation);
        }
    });
    from_channels_last_like(y, &shape, given)
}

/// f(y ∗ᵀ w + b): the convolution's input's gradient, or a transposed convolution.
pub(super) fn input_gradient(
    y: &FlexTensor,
    weight: &FlexTensor,
    bias: Option<&[f32]>,
    activation: Elementwise,
    sizes: Geometry,
) -> FlexTensor {
    let [batch, outputs] = batch_and_channels(y);
    let [_, channels] = batch_and_channels(weight);
    let [height, width] = sizes.output;
    let patches = Patches { sizes, channels };
    let length = patches.length();
    let given = y;
    let (y, weight) = (channels_last(y), channels_last(weight));
    let shape = [batch, channels, sizes.input[0], sizes.input[1]];
    if let Some(tiles) = Tiles::of(sizes, batch, channels, outputs)
        && let Some(x) = tiles.input_gradient(&y, &weight, bias, activation)
    {
        return from_channels_last_like(x, &shape, given);
    }
    let weight = Matrix::row_major(&weight, outputs, length);
    let mut x = buffers::take(batch * patches.image());

    // Patches of neighbouring rows overlap: the smallest share is an image.
    let ranges = threads::split(batch, threads::count());
    let pieces = threads::cut(&mut x, &ranges, patches.image());
    threads::run(ranges.into_iter().zip(pieces), |(images, x)| {
        let y = &y[images.start * height * width * outputs..];
        let rows = images.len() * height;
        if patches.are_pixels() {
            let pixels = Matrix::row_major(y, rows * width, outputs);
            product(x, Update::Replace, pixels, weight);
            return apply_with_bias(x, bias, activation);
        }
        x.fill(0.0);
        let step = block_rows(&patches).min(rows);
        let mut columns = buffers::take(step * width * length);
        for start in (0..rows).step_by(step) {
            let rows = start..(start + step).min(rows);
            let pixels = rows.len() * width;
            let columns = &mut columns[..pixels * length];
            let y = Matrix::row_major(&y[start * width * outputs..], pixels, outputs);
            product(columns, Update::Replace, y, weight);
            patches.scatter(columns, rows, x);
        }
        apply_with_bias(x, bias, activation);
    });
    from_channels_last_like(x, &shape, given)
}

/// x ⋆ y: the convolution's weight's gradient.
pub(super) fn weight_gradient(x: &FlexTensor, y: &FlexTensor, sizes: Geometry) -> FlexTensor {
    let [batch, channels] = batch_and_channels(x);
    let [_, outputs] = batch_and_channels(y);
    let [height, width] = sizes.output;
    let patches = Patches { sizes, channels };
    let length = patches.length();
    let (x, y) = (channels_last(x), channels_last(y));
    let shape = [outputs, channels, sizes.kernel[0], sizes.kernel[1]];
    if let Some(tiles) = Tiles::of(sizes, batch, channels, outputs)
        && let Some(weight) = tiles.weight_gradient(&x, &y)
    {
        return from_channels_last(weight, &shape);
    }

    // Each thread sums over rows of its own; the sums are added in the threads' order.
    let ranges = threads::split(batch * height, threads::count());
    let mut sums: Vec<_> = ranges
        .iter()
        .map(|_| buffers::take(outputs * length))
        .collect();
    threads::run(ranges.into_iter().zip(&mut sums), |(rows, sum)| {
        let step = block_rows(&patches).min(rows.len());
        let mut columns = buffers::take(step * width * length);
        for start in rows.clone().step_by(step) {
            let block = start..(start + step).min(rows.end);
            let pixels = block.len() * width;
            let update = if start == rows.start {
                Update::Replace
            } else {
                Update::Add
            };
            let columns = if patches.are_pixels() {
                &x[start * width * channels..]
            } else {
                patches.gather(&x, block, &mut columns[..pixels * length]);
                &columns
            };
            let columns = Matrix::row_major(columns, pixels, length);
            let y = Matrix::row_major(&y[start * width * outputs..], pixels, outputs);
            product(sum, update, y.transposed(), columns);
        }
    });
    let Some(total) = threads::total(sums) else {
        unreachable!("tensors are not empty");
    };
    from_channels_last(total, &shape)
}
