//! Convolutions with a 4×4 kernel and stride 2, the DCGAN's, in 9/16 of the multiplications.
//!
//! With stride 2 the even and the odd rows and columns of input and kernel never meet: the
//! convolution is the sum over four phases of convolutions with 2×2 kernels and stride 1. For
//! those, minimal filtering computes two neighbouring outputs in three products, not four:
//!
//! ```text
//! y₀ = x₀·w₀ + x₁·w₁ = (x₀ − x₁)·w₀ + x₁·(w₀ + w₁)
//! y₁ = x₁·w₀ + x₂·w₁ = x₁·(w₀ + w₁) + (x₂ − x₁)·w₁
//! ```
//!
//! and so in both directions, four outputs in nine products instead of sixteen:
//!
//! ```text
//! Y = Fᵀ·[(F·w·Fᵀ) ⊙ (D·x·Dᵀ)]·F,   F = (1 0; 1 1; 0 1),  D = (1 −1 0; 0 1 0; 0 −1 1)
//! ```
//!
//! Summed over channels and phases, each of the nine ⊙ is a matrix product. Y is linear in x and in
//! w, and the two gradients are the same products with the transposed transforms around them.
//! Winograd 1980, *Arithmetic complexity of computations*; Lavin, Gray 2015, arXiv:1509.09308.
//!
//! The transforms only add, so that little precision is lost, but differences of infinities are
//! NaN: where an operand holds a number that is not finite, the functions return `None`, and the
//! plain way is taken, in which only those outputs suffer that the number is a part of.

use std::ops::Range;
use std::sync::atomic::AtomicBool;

use super::super::activation::{Elementwise, apply_with_bias};
use super::super::bilinear::Geometry;
use super::super::buffers::{self, Buffer};
use super::super::gemm::{Matrix, Update, product};
use super::super::simd::{Once, vectorized};
use super::super::threads;
use super::lanes::{add, lanes, note, sub};

/// Products for a tile: 3 × 3.
const POINTS: usize = 9;
/// Even and odd rows × even and odd columns.
const PHASES: usize = 4;
/// Tiles in a block: enough rows for the matrix product, few enough for the cache.
const BLOCK: usize = 128;
/// Fewer channels make matrices too thin.
const CHANNELS: usize = 16;
/// Fewer tiles don't pay for transforming the weight.
const TILES: usize = 32;

/// A convolution's sizes as tiles of 2×2 outputs.
#[derive(Debug, Clone, Copy)]
pub(in crate::kernels) struct Tiles {
    sizes: Geometry,
    channels: usize,
    outputs: usize,
    /// Tiles along height and width.
    grid: [usize; 2],
}

impl Tiles {
    /// The tiles of a convolution that gains from them.
    pub(super) fn of(
        sizes: Geometry,
        batch: usize,
        channels: usize,
        outputs: usize,
    ) -> Option<Self> {
        let grid = sizes.output.map(|size| size.div_ceil(2));
        let gains = sizes.groups == 1
            && sizes.kernel == [4, 4]
            && sizes.stride == [2, 2]
            && channels >= CHANNELS
            && outputs >= CHANNELS
            && batch * grid[0] * grid[1] >= TILES;
        gains.then_some(Self {
            sizes,
            channels,
            outputs,
            grid,
        })
    }

    fn per_image(&self) -> usize {
        self.grid[0] * self.grid[1]
    }

    /// Numbers in a row of transformed inputs: each phase's channels.
    fn depth(&self) -> usize {
        PHASES * self.channels
    }

    /// Numbers in an image of x and of y.
    fn images(&self) -> [usize; 2] {
        let area = |[height, width]: [usize; 2]| height * width;
        [
            area(self.sizes.input) * self.channels,
            area(self.sizes.output) * self.outputs,
        ]
    }

    /// Where the pixel of x at (row, column), counted from the padding's corner, begins in its
    /// image.
    fn pixel(&self, row: usize, column: usize) -> Option<usize> {
        let [height, width] = self.sizes.input;
        let row = row.checked_sub(self.sizes.padding[0])?;
        let column = column.checked_sub(self.sizes.padding[1])?;
        (row < height && column < width).then(|| (row * width + column) * self.channels)
    }

    /// The same of y.
    fn output(&self, row: usize, column: usize) -> Option<usize> {
        let [height, width] = self.sizes.output;
        (row < height && column < width).then(|| (row * width + column) * self.outputs)
    }

    /// F·w·Fᵀ of each phase, `[9, outputs, 4·channels]`; the weight lies as
    /// `[outputs, 4, 4, channels]`.
    fn transform_weight(&self, weight: &[f32], finite: &AtomicBool) -> Buffer {
        let (channels, depth) = (self.channels, self.depth());
        let mut out = buffers::take(POINTS * self.outputs * depth);
        let ranges = threads::split(self.outputs, threads::count());
        // Each thread takes some outputs of all nine matrices.
        let parts = threads::cut_each(&mut out, self.outputs * depth, &ranges, depth);
        threads::run(ranges.into_iter().zip(parts), |(range, mut points)| {
            let mut seen = vec![0.0f32; channels];
            for (row, output) in range.enumerate() {
                let weight = &weight[output * 16 * channels..][..16 * channels];
                for phase in 0..PHASES {
                    let (a, b) = (phase / 2, phase % 2);
                    let corner = |k: usize, l: usize| {
                        &weight[((2 * k + a) * 4 + 2 * l + b) * channels..][..channels]
                    };
                    let corners = [corner(0, 0), corner(0, 1), corner(1, 0), corner(1, 1)];
                    let at = row * depth + phase * channels;
                    spread(corners, &mut points, at, &mut seen);
                }
            }
            note(&seen, finite);
        });
        out
    }

    /// D·x·Dᵀ of each phase for the tiles of some images, `[9, tiles, 4·channels]`.
    fn transform_input(&self, x: &[f32], images: Range<usize>, out: &mut [f32], seen: &mut [f32]) {
        let (channels, depth) = (self.channels, self.depth());
        let [image, _] = self.images();
        let tiles = images.len() * self.per_image();
        let mut points: Vec<&mut [f32]> = out.chunks_exact_mut(tiles * depth).collect();
        let outside = vec![0.0f32; channels];
        for (index, image_index) in images.enumerate() {
            let x = &x[image_index * image..][..image];
            for tile in 0..self.per_image() {
                let (top, left) = (4 * (tile / self.grid[1]), 4 * (tile % self.grid[1]));
                let row = index * self.per_image() + tile;
                for phase in 0..PHASES {
                    let (a, b) = (phase / 2, phase % 2);
                    let pixels: [&[f32]; POINTS] = std::array::from_fn(|point| {
                        let (i, j) = (point / 3, point % 3);
                        match self.pixel(top + a + 2 * i, left + b + 2 * j) {
                            Some(start) => &x[start..start + channels],
                            None => &outside,
                        }
                    });
                    differences(pixels, &mut points, row * depth + phase * channels, seen);
                }
            }
        }
    }

    /// F·y·Fᵀ for the tiles of some images, `[9, tiles, outputs]`.
    fn transform_gradient(
        &self,
        y: &[f32],
        images: Range<usize>,
        out: &mut [f32],
        seen: &mut [f32],
    ) {
        let outputs = self.outputs;
        let [_, image] = self.images();
        let tiles = images.len() * self.per_image();
        let mut points: Vec<&mut [f32]> = out.chunks_exact_mut(tiles * outputs).collect();
        let outside = vec![0.0f32; outputs];
        for (index, image_index) in images.enumerate() {
            let y = &y[image_index * image..][..image];
            for tile in 0..self.per_image() {
                let (top, left) = (2 * (tile / self.grid[1]), 2 * (tile % self.grid[1]));
                let corners: [&[f32]; 4] = std::array::from_fn(|corner| {
                    match self.output(top + corner / 2, left + corner % 2) {
                        Some(start) => &y[start..start + outputs],
                        None => &outside,
                    }
                });
                let at = (index * self.per_image() + tile) * outputs;
                spread(corners, &mut points, at, seen);
            }
        }
    }

    /// How many images make a block.
    fn step(&self, images: usize) -> usize {
        (BLOCK / self.per_image()).clamp(1, images)
    }
}

/// f(x ∗ w + b) of dense operands.
pub(super) fn forward(
    tiles: Tiles,
    x: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    activation: Elementwise,
) -> Option<Buffer> {
    let finite = AtomicBool::new(true);
    let (outputs, depth) = (tiles.outputs, tiles.depth());
    let [x_image, y_image] = tiles.images();
    let batch = x.len() / x_image;
    let weight = tiles.transform_weight(weight, &finite);
    let mut y = buffers::take(batch * y_image);

    let ranges = threads::split(batch, threads::count());
    let pieces = threads::cut(&mut y, &ranges, y_image);
    threads::run(ranges.into_iter().zip(pieces), |(images, y)| {
        let step = tiles.step(images.len());
        let rows = step * tiles.per_image();
        let mut transformed = buffers::take(POINTS * rows * depth);
        let mut products = buffers::take(POINTS * rows * outputs);
        let mut seen = vec![0.0f32; tiles.channels];
        for (start, y) in images
            .clone()
            .step_by(step)
            .zip(y.chunks_mut(step * y_image))
        {
            let block = start..(start + step).min(images.end);
            let rows = block.len() * tiles.per_image();
            let transformed = &mut transformed[..POINTS * rows * depth];
            let products = &mut products[..POINTS * rows * outputs];
            tiles.transform_input(x, block, transformed, &mut seen);
            let operands = transformed
                .chunks_exact(rows * depth)
                .zip(weight.chunks_exact(outputs * depth));
            for (out, (x, weight)) in products.chunks_exact_mut(rows * outputs).zip(operands) {
                let x = Matrix::row_major(x, rows, depth);
                let weight = Matrix::row_major(weight, outputs, depth);
                product(out, Update::Replace, x, weight.transposed());
            }
            let points: Vec<&[f32]> = products.chunks_exact(rows * outputs).collect();
            for (index, y) in y.chunks_exact_mut(y_image).enumerate() {
                for tile in 0..tiles.per_image() {
                    let (top, left) = (2 * (tile / tiles.grid[1]), 2 * (tile % tiles.grid[1]));
                    let at = (index * tiles.per_image() + tile) * outputs;
                    for corner in 0..4 {
                        let (row, column) = (top + corner / 2, left + corner % 2);
                        if let Some(to) = tiles.output(row, column) {
                            fold(&points, at, corner, &mut y[to..to + outputs]);
                        }
                    }
                }
            }
            apply_with_bias(y, bias, activation);
        }
        note(&seen, &finite);
    });
    finite.into_inner().then_some(y)
}

/// f(y ∗ᵀ w + b) of dense operands.
pub(super) fn input_gradient(
    tiles: Tiles,
    y: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    activation: Elementwise,
) -> Option<Buffer> {
    let finite = AtomicBool::new(true);
    let (channels, outputs, depth) = (tiles.channels, tiles.outputs, tiles.depth());
    let [x_image, y_image] = tiles.images();
    let batch = y.len() / y_image;
    let weight = tiles.transform_weight(weight, &finite);
    let mut x = buffers::take(batch * x_image);

    let ranges = threads::split(batch, threads::count());
    let pieces = threads::cut(&mut x, &ranges, x_image);
    threads::run(ranges.into_iter().zip(pieces), |(images, x)| {
        let step = tiles.step(images.len());
        let rows = step * tiles.per_image();
        let mut transformed = buffers::take(POINTS * rows * outputs);
        let mut products = buffers::take(POINTS * rows * depth);
        let mut seen = vec![0.0f32; outputs];
        for (start, x) in images
            .clone()
            .step_by(step)
            .zip(x.chunks_mut(step * x_image))
        {
            let block = start..(start + step).min(images.end);
            let rows = block.len() * tiles.per_image();
            let transformed = &mut transformed[..POINTS * rows * outputs];
            let products = &mut products[..POINTS * rows * depth];
            tiles.transform_gradient(y, block, transformed, &mut seen);
            let operands = transformed
                .chunks_exact(rows * outputs)
                .zip(weight.chunks_exact(outputs * depth));
            for (out, (y, weight)) in products.chunks_exact_mut(rows * depth).zip(operands) {
                let y = Matrix::row_major(y, rows, outputs);
                let weight = Matrix::row_major(weight, outputs, depth);
                product(out, Update::Replace, y, weight);
            }
            let points: Vec<&[f32]> = products.chunks_exact(rows * depth).collect();
            x.fill(0.0);
            for (index, x) in x.chunks_exact_mut(x_image).enumerate() {
                for tile in 0..tiles.per_image() {
                    let (top, left) = (4 * (tile / tiles.grid[1]), 4 * (tile % tiles.grid[1]));
                    let at = (index * tiles.per_image() + tile) * depth;
                    for phase in 0..PHASES {
                        let (a, b) = (phase / 2, phase % 2);
                        for pixel in 0..POINTS {
                            let (row, column) =
                                (top + a + 2 * (pixel / 3), left + b + 2 * (pixel % 3));
                            if let Some(to) = tiles.pixel(row, column) {
                                let to = &mut x[to..to + channels];
                                add_differences(&points, at + phase * channels, pixel, to);
                            }
                        }
                    }
                }
            }
            apply_with_bias(x, bias, activation);
        }
        note(&seen, &finite);
    });
    finite.into_inner().then_some(x)
}

/// x ⋆ y of dense operands, `[outputs, 4, 4, channels]`.
pub(super) fn weight_gradient(tiles: Tiles, x: &[f32], y: &[f32]) -> Option<Buffer> {
    let finite = AtomicBool::new(true);
    let (channels, outputs, depth) = (tiles.channels, tiles.outputs, tiles.depth());
    let [x_image, _] = tiles.images();
    let batch = x.len() / x_image;

    // Each thread sums over images of its own; the sums are added in the threads' order.
    let ranges = threads::split(batch, threads::count());
    let mut sums: Vec<Buffer> = ranges
        .iter()
        .map(|_| buffers::take(POINTS * outputs * depth))
        .collect();
    threads::run(ranges.into_iter().zip(&mut sums), |(images, sum)| {
        let step = tiles.step(images.len());
        let rows = step * tiles.per_image();
        let mut inputs = buffers::take(POINTS * rows * depth);
        let mut gradients = buffers::take(POINTS * rows * outputs);
        let (mut seen_x, mut seen_y) = (vec![0.0f32; channels], vec![0.0f32; outputs]);
        for start in images.clone().step_by(step) {
            let block = start..(start + step).min(images.end);
            let rows = block.len() * tiles.per_image();
            let inputs = &mut inputs[..POINTS * rows * depth];
            let gradients = &mut gradients[..POINTS * rows * outputs];
            tiles.transform_input(x, block.clone(), inputs, &mut seen_x);
            tiles.transform_gradient(y, block, gradients, &mut seen_y);
            let update = if start == images.start {
                Update::Replace
            } else {
                Update::Add
            };
            let operands = inputs
                .chunks_exact(rows * depth)
                .zip(gradients.chunks_exact(rows * outputs));
            for (out, (x, y)) in sum.chunks_exact_mut(outputs * depth).zip(operands) {
                let x = Matrix::row_major(x, rows, depth);
                let y = Matrix::row_major(y, rows, outputs);
                product(out, update, y.transposed(), x);
            }
        }
        note(&seen_x, &finite);
        note(&seen_y, &finite);
    });
    let total = threads::total(sums)?;

    let points: Vec<&[f32]> = total.chunks_exact(outputs * depth).collect();
    let mut weight = buffers::take(outputs * 16 * channels);
    let ranges = threads::split(outputs, threads::count());
    let pieces = threads::cut(&mut weight, &ranges, 16 * channels);
    threads::run(ranges.into_iter().zip(pieces), |(range, weight)| {
        for (output, weight) in range.zip(weight.chunks_exact_mut(16 * channels)) {
            for phase in 0..PHASES {
                let (a, b) = (phase / 2, phase % 2);
                for corner in 0..4 {
                    let (k, l) = (corner / 2, corner % 2);
                    let to = ((2 * k + a) * 4 + 2 * l + b) * channels;
                    let at = output * depth + phase * channels;
                    fold(&points, at, corner, &mut weight[to..to + channels]);
                }
            }
        }
    });
    finite.into_inner().then_some(weight)
}

/// Numbers that a transform takes at a time. It reads them all before it writes the first, so that
/// the compiler needs no proof that eighteen slices do not overlap.
const LANES: usize = 8;

/// F·g·Fᵀ of 2×2 vectors g, to `at` in each of the nine points.
fn spread(corners: [&[f32]; 4], points: &mut [&mut [f32]], at: usize, seen: &mut [f32]) {
    let once = Once;
    vectorized(move || {
        let _once = once;
        let whole = seen.len() / LANES * LANES;
        for i in (0..whole).step_by(LANES) {
            spread_lanes::<LANES>(&corners, points, i, at, seen);
        }
        for i in whole..seen.len() {
            spread_lanes::<1>(&corners, points, i, at, seen);
        }
    });
}

#[inline(always)]
fn spread_lanes<const L: usize>(
    corners: &[&[f32]; 4],
    points: &mut [&mut [f32]],
    i: usize,
    at: usize,
    seen: &mut [f32],
) {
    let [g00, g01, g10, g11] = corners.map(|corner| lanes::<L>(corner, i));
    let (top, bottom) = (add(g00, g01), add(g10, g11));
    let spread = [
        g00,
        top,
        g01,
        add(g00, g10),
        add(top, bottom),
        add(g01, g11),
        g10,
        bottom,
        g11,
    ];
    write(points, at + i, spread);
    see(seen, i, spread);
}

/// D·d·Dᵀ of 3×3 vectors d, to `at` in each of the nine points.
fn differences(pixels: [&[f32]; POINTS], points: &mut [&mut [f32]], at: usize, seen: &mut [f32]) {
    let once = Once;
    vectorized(move || {
        let _once = once;
        let whole = seen.len() / LANES * LANES;
        for i in (0..whole).step_by(LANES) {
            differences_lanes::<LANES>(&pixels, points, i, at, seen);
        }
        for i in whole..seen.len() {
            differences_lanes::<1>(&pixels, points, i, at, seen);
        }
    });
}

#[inline(always)]
fn differences_lanes<const L: usize>(
    pixels: &[&[f32]; POINTS],
    points: &mut [&mut [f32]],
    i: usize,
    at: usize,
    seen: &mut [f32],
) {
    let [d00, d01, d02, d10, d11, d12, d20, d21, d22] = pixels.map(|pixel| lanes::<L>(pixel, i));
    let (a0, a1, a2) = (sub(d00, d10), sub(d01, d11), sub(d02, d12));
    let (c0, c1, c2) = (sub(d20, d10), sub(d21, d11), sub(d22, d12));
    let differences = [
        sub(a0, a1),
        a1,
        sub(a2, a1),
        sub(d10, d11),
        d11,
        sub(d12, d11),
        sub(c0, c1),
        c1,
        sub(c2, c1),
    ];
    write(points, at + i, differences);
    see(seen, i, differences);
}

#[inline(always)]
fn write<const L: usize>(points: &mut [&mut [f32]], at: usize, values: [[f32; L]; POINTS]) {
    for (point, values) in points.iter_mut().zip(values) {
        point[at..at + L].copy_from_slice(&values);
    }
}

/// Leaves a 0 a 0 if all values are finite.
#[inline(always)]
fn see<const L: usize>(seen: &mut [f32], at: usize, values: [[f32; L]; POINTS]) {
    let sum = values.into_iter().fold([0.0; L], add);
    for (seen, sum) in seen[at..at + L].iter_mut().zip(sum) {
        *seen += sum * 0.0;
    }
}

/// One corner of Fᵀ·m·F: the sum of the four points around it.
fn fold(points: &[&[f32]], at: usize, corner: usize, to: &mut [f32]) {
    let once = Once;
    let first = corner / 2 * 3 + corner % 2;
    let length = to.len();
    let [a, b, c, d] =
        [first, first + 1, first + 3, first + 4].map(|point| &points[point][at..at + length]);
    vectorized(move || {
        let _once = once;
        for i in 0..length {
            to[i] = (a[i] + b[i]) + (c[i] + d[i]);
        }
    });
}

/// Adds one pixel of Dᵀ·v·D.
fn add_differences(points: &[&[f32]], at: usize, pixel: usize, to: &mut [f32]) {
    let once = Once;
    let length = to.len();
    let point = |row: usize, column: usize| &points[row * 3 + column][at..at + length];
    let (row, column) = (pixel / 3, pixel % 3);
    match (row == 1, column == 1) {
        (false, false) => {
            let v = point(row, column);
            vectorized(move || {
                let _once = once;
                for i in 0..length {
                    to[i] += v[i];
                }
            });
        }
        (false, true) => {
            let (left, middle, right) = (point(row, 0), point(row, 1), point(row, 2));
            vectorized(move || {
                let _once = once;
                for i in 0..length {
                    to[i] += middle[i] - left[i] - right[i];
                }
            });
        }
        (true, false) => {
            let (top, middle, bottom) = (point(0, column), point(1, column), point(2, column));
            vectorized(move || {
                let _once = once;
                for i in 0..length {
                    to[i] += middle[i] - top[i] - bottom[i];
                }
            });
        }
        (true, true) => {
            let [v00, v01, v02] = [0, 1, 2].map(|column| point(0, column));
            let [v10, v11, v12] = [0, 1, 2].map(|column| point(1, column));
            let [v20, v21, v22] = [0, 1, 2].map(|column| point(2, column));
            vectorized(move || {
                let _once = once;
                for i in 0..length {
                    let corners = (v00[i] + v02[i]) + (v20[i] + v22[i]);
                    let edges = (v01[i] + v21[i]) + (v10[i] + v12[i]);
                    to[i] += v11[i] - edges + corners;
                }
            });
        }
    }
}
