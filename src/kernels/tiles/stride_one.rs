//! Convolutions with a 3×3 kernel and stride 1 in 4/9 of the multiplications.
//!
//! Minimal filtering computes two neighbouring outputs of a kernel of three in four products instead
//! of six:
//!
//! ```text
//! y₀ = m₀ + m₁ + m₂          m₀ = (x₀ − x₂)·w₀        m₁ = (x₁ + x₂)·(w₀ + w₁ + w₂)/2
//! y₁ = m₁ − m₂ − m₃          m₃ = (x₁ − x₃)·w₂        m₂ = (x₂ − x₁)·(w₀ − w₁ + w₂)/2
//! ```
//!
//! and so in both directions, four outputs in sixteen products instead of 36:
//!
//! ```text
//! Y = Aᵀ·[(G·w·Gᵀ) ⊙ (Bᵀ·x·B)]·A
//! G = (1 0 0; ½ ½ ½; ½ −½ ½; 0 0 1),  Bᵀ = (1 0 −1 0; 0 1 1 0; 0 −1 1 0; 0 1 0 −1),
//! Aᵀ = (1 1 1 0; 0 1 −1 −1)
//! ```
//!
//! Summed over channels, each of the sixteen ⊙ is a matrix product. The input's gradient is the
//! convolution of the output's with the kernel turned around, and the weight's gradient the same
//! products with the transposed transforms around them. Winograd 1980, *Arithmetic complexity of
//! computations*; Lavin, Gray 2015, arXiv:1509.09308.
//!
//! Differences of infinities are NaN: where an output is not finite, the functions return `None`, and
//! the plain way is taken, in which only those outputs suffer that such a number is a part of.

use std::ops::Range;
use std::sync::atomic::AtomicBool;

use super::super::activation::{Elementwise, apply_with_bias};
use super::super::bilinear::Geometry;
use super::super::buffers::{self, Buffer};
use super::super::gemm::{Matrix, Update, product};
use super::super::simd::{Loop, Once, vectorized};
use super::super::threads;
use super::lanes::{Lanes, add, lanes, note, sub};

/// Products for a tile: 4 × 4.
const POINTS: usize = 16;
/// Numbers of a block's transformed inputs and products, which should stay in a core's cache.
const BLOCK: usize = 1 << 17;
/// Numbers between the sixteen points of a block: at distances of a power of two they would be at the
/// same places of a cache.
const GAP: usize = 16;
/// Fewer channels make matrices too thin.
const CHANNELS: usize = 16;
/// Fewer tiles don't pay for transforming the weight.
const TILES: usize = 32;

/// A convolution's sizes as tiles of 2×2 outputs.
#[derive(Debug, Clone, Copy)]
pub(in crate::kernels) struct Tiles {
    padding: [usize; 2],
    input: [usize; 2],
    output: [usize; 2],
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
        let Geometry {
            kernel,
            stride,
            padding,
            input,
            output,
            groups,
        } = sizes;
        let grid = output.map(|size| size.div_ceil(2));
        // What the gradient is computed as has padding, too.
        let padded = (0..2)
            .all(|axis| padding[axis] <= 2 && output[axis] + 2 >= input[axis] + padding[axis]);
        let gains = groups == 1
            && kernel == [3, 3]
            && stride == [1, 1]
            && padded
            && channels >= CHANNELS
            && outputs >= CHANNELS
            && batch * grid[0] * grid[1] >= TILES;
        gains.then_some(Self {
            padding,
            input,
            output,
            channels,
            outputs,
            grid,
        })
    }

    /// The convolution that the input's gradient is.
    fn reversed(self) -> Self {
        Self {
            padding: self.padding.map(|padding| 2 - padding),
            input: self.output,
            output: self.input,
            channels: self.outputs,
            outputs: self.channels,
            grid: self.input.map(|size| size.div_ceil(2)),
        }
    }

    /// Numbers in an image of x and of y.
    fn images(&self) -> [usize; 2] {
        let area = |[height, width]: [usize; 2]| height * width;
        [
            area(self.input) * self.channels,
            area(self.output) * self.outputs,
        ]
    }

    /// Numbers of the output before this row of tiles, rows being numbered through the batch.
    fn before(&self, row: usize) -> usize {
        let (image, row) = (row / self.grid[0], 2 * (row % self.grid[0]));
        image * self.images()[1] + row * self.output[1] * self.outputs
    }

    /// How many rows of tiles make a block.
    fn step(&self, rows: usize) -> usize {
        let row = POINTS * self.grid[1] * (self.channels + self.outputs);
        (BLOCK / row).clamp(1, rows)
    }

    /// Bᵀ·x·B of some rows of tiles, `[16, tiles, channels]`. `lines` has room for
    /// [`Self::lines`].
    fn transform_input(&self, x: &[f32], rows: Range<usize>, lines: &mut [f32], out: &mut [f32]) {
        let [height, width] = self.input;
        let [image, _] = self.images();
        let channels = self.channels;
        let line = (2 * self.grid[1] + 2) * channels;
        let size = rows.len() * self.grid[1] * channels + GAP;
        // Pixels of a line that are the image's; the others stay 0.
        let begin = self.padding[1];
        let count = width.min(2 * self.grid[1] + 2 - begin);
        for (index, row) in rows.enumerate() {
            let x = &x[row / self.grid[0] * image..][..image];
            let top = 2 * (row % self.grid[0]);
            let source = |k: usize| {
                let row = (top + k)
                    .checked_sub(self.padding[0])
                    .filter(|row| *row < height)?;
                Some(&x[row * width * channels..][..count * channels])
            };
            vertical(std::array::from_fn(source), lines, begin * channels, line);
            let at = index * self.grid[1] * channels;
            horizontal(lines, line, channels, self.grid[1], out, size, at);
        }
    }

    /// Numbers that [`Self::transform_input`] needs room for.
    fn lines(&self) -> usize {
        4 * (2 * self.grid[1] + 2) * self.channels
    }

    /// A·y·Aᵀ of some rows of tiles, `[16, tiles, outputs]`.
    fn transform_gradient(&self, y: &[f32], rows: Range<usize>, out: &mut [f32]) {
        let [height, width] = self.output;
        let [_, image] = self.images();
        let outputs = self.outputs;
        let size = rows.len() * self.grid[1] * outputs + GAP;
        let outside = vec![0.0f32; outputs];
        for (index, row) in rows.enumerate() {
            let y = &y[row / self.grid[0] * image..][..image];
            let top = 2 * (row % self.grid[0]);
            for tile in 0..self.grid[1] {
                let corners: [&[f32]; 4] = std::array::from_fn(|corner| {
                    let (row, column) = (top + corner / 2, 2 * tile + corner % 2);
                    if row < height && column < width {
                        &y[(row * width + column) * outputs..][..outputs]
                    } else {
                        &outside
                    }
                });
                spread(corners, out, size, (index * self.grid[1] + tile) * outputs);
            }
        }
    }
}

/// G·w·Gᵀ, the weight lying as `[outputs, 3, 3, channels]`: `[16, channels, outputs]`.
fn transform_weight(weight: &[f32], channels: usize, outputs: usize) -> Buffer {
    let matrix = channels * outputs;
    let mut out = buffers::take(POINTS * matrix);
    let ranges = threads::split(
        channels.div_ceil(LANES),
        threads::for_numbers(POINTS * matrix),
    );
    let ranges: Vec<_> = ranges
        .into_iter()
        .map(|range| range.start * LANES..(range.end * LANES).min(channels))
        .collect();
    let parts = threads::cut_each(&mut out, matrix, &ranges, outputs);
    threads::run(ranges.into_iter().zip(parts), |(range, mut points)| {
        let mut block = [[[0.0f32; LANES]; POINTS]; LANES];
        for first in (0..outputs).step_by(LANES) {
            let some = LANES.min(outputs - first);
            for at in range.clone().step_by(LANES) {
                let lanes = LANES.min(range.end - at);
                for (output, block) in block.iter_mut().enumerate().take(some) {
                    let weight = &weight[(first + output) * 9 * channels..][..9 * channels];
                    *block = kernel_point(weight, channels, at, lanes, false);
                }
                for (p, point) in points.iter_mut().enumerate() {
                    for lane in 0..lanes {
                        let to = (at - range.start + lane) * outputs + first;
                        for (to, block) in point[to..to + some].iter_mut().zip(&block) {
                            *to = block[p][lane];
                        }
                    }
                }
            }
        }
    });
    out
}

/// The same of the kernel turned around, `[16, outputs, channels]`.
fn transform_reversed_weight(weight: &[f32], channels: usize, outputs: usize) -> Buffer {
    let matrix = channels * outputs;
    let mut out = buffers::take(POINTS * matrix);
    let ranges = threads::split(outputs, threads::for_numbers(POINTS * matrix));
    let parts = threads::cut_each(&mut out, matrix, &ranges, channels);
    threads::run(ranges.into_iter().zip(parts), |(range, mut points)| {
        for (row, output) in range.enumerate() {
            let weight = &weight[output * 9 * channels..][..9 * channels];
            for at in (0..channels).step_by(LANES) {
                let lanes = LANES.min(channels - at);
                let block = kernel_point(weight, channels, at, lanes, true);
                for (point, block) in points.iter_mut().zip(&block) {
                    point[row * channels + at..][..lanes].copy_from_slice(&block[..lanes]);
                }
            }
        }
    });
    out
}

/// f(x ∗ w + b) of dense operands.
pub(super) fn forward(
    tiles: Tiles,
    x: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    activation: Elementwise,
) -> Option<Buffer> {
    let weight = transform_weight(weight, tiles.channels, tiles.outputs);
    convolve(tiles, x, &weight, bias, activation)
}

/// f(y ∗ᵀ w + b) of dense operands.
pub(super) fn input_gradient(
    tiles: Tiles,
    y: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    activation: Elementwise,
) -> Option<Buffer> {
    let weight = transform_reversed_weight(weight, tiles.channels, tiles.outputs);
    convolve(tiles.reversed(), y, &weight, bias, activation)
}

/// f(x ∗ w + b), the weight transformed.
fn convolve(
    tiles: Tiles,
    x: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    activation: Elementwise,
) -> Option<Buffer> {
    let finite = AtomicBool::new(true);
    let (channels, outputs) = (tiles.channels, tiles.outputs);
    let [x_image, y_image] = tiles.images();
    let batch = x.len() / x_image;
    let mut y = buffers::take(batch * y_image);

    let ranges = threads::split(batch * tiles.grid[0], threads::count());
    let numbers: Vec<_> = ranges
        .iter()
        .map(|rows| tiles.before(rows.start)..tiles.before(rows.end))
        .collect();
    let pieces = threads::cut(&mut y, &numbers, 1);
    threads::run(ranges.into_iter().zip(pieces), |(rows, y)| {
        let step = tiles.step(rows.len());
        let most = step * tiles.grid[1];
        let mut lines = buffers::zeros(tiles.lines());
        let mut transformed = buffers::take(POINTS * (most * channels + GAP));
        let mut products = buffers::take(POINTS * (most * outputs + GAP));
        let mut seen = vec![0.0f32; outputs];
        let first = tiles.before(rows.start);
        for start in rows.clone().step_by(step) {
            let block = start..(start + step).min(rows.end);
            let count = block.len() * tiles.grid[1];
            let (from, to) = (count * channels + GAP, count * outputs + GAP);
            let transformed = &mut transformed[..POINTS * from];
            let products = &mut products[..POINTS * to];
            tiles.transform_input(x, block.clone(), &mut lines, transformed);
            let operands = transformed
                .chunks_exact(from)
                .zip(weight.chunks_exact(channels * outputs));
            for (out, (x, weight)) in products.chunks_exact_mut(to).zip(operands) {
                let out = &mut out[..count * outputs];
                let x = Matrix::row_major(x, count, channels);
                let weight = Matrix::row_major(weight, channels, outputs);
                product(out, Update::Replace, x, weight);
            }
            let place = tiles.before(block.start) - first..tiles.before(block.end) - first;
            let y = &mut y[place];
            fold_rows(&tiles, products, block, y, &mut seen);
            apply_with_bias(y, bias, activation);
        }
        note(&seen, &finite);
    });
    finite.into_inner().then_some(y)
}

/// Aᵀ·m·A of some rows of tiles, to their rows of the output.
fn fold_rows(
    tiles: &Tiles,
    products: &[f32],
    rows: Range<usize>,
    mut y: &mut [f32],
    seen: &mut [f32],
) {
    let [height, width] = tiles.output;
    let outputs = tiles.outputs;
    let size = rows.len() * tiles.grid[1] * outputs + GAP;
    let mut corners = vec![0.0f32; 4 * outputs];
    for (index, row) in rows.enumerate() {
        let top = 2 * (row % tiles.grid[0]);
        let lines = 2.min(height - top);
        let (here, rest) = y.split_at_mut(lines * width * outputs);
        y = rest;
        for tile in 0..tiles.grid[1] {
            let at = (index * tiles.grid[1] + tile) * outputs;
            fold(products, size, at, &mut corners, seen);
            for line in 0..lines {
                let columns = 2.min(width - 2 * tile);
                let to = (line * width + 2 * tile) * outputs;
                here[to..to + columns * outputs]
                    .copy_from_slice(&corners[2 * line * outputs..][..columns * outputs]);
            }
        }
    }
}

/// x ⋆ y of dense operands, `[outputs, 3, 3, channels]`.
pub(super) fn weight_gradient(tiles: Tiles, x: &[f32], y: &[f32]) -> Option<Buffer> {
    let (channels, outputs) = (tiles.channels, tiles.outputs);
    let matrix = channels * outputs;
    let [x_image, _] = tiles.images();
    let batch = x.len() / x_image;

    // Each thread sums over rows of its own; the sums are added in the threads' order.
    let ranges = threads::split(batch * tiles.grid[0], threads::count());
    let mut sums: Vec<Buffer> = ranges
        .iter()
        .map(|_| buffers::take(POINTS * matrix))
        .collect();
    threads::run(ranges.into_iter().zip(&mut sums), |(rows, sum)| {
        let step = tiles.step(rows.len());
        let most = step * tiles.grid[1];
        let mut lines = buffers::zeros(tiles.lines());
        let mut inputs = buffers::take(POINTS * (most * channels + GAP));
        let mut gradients = buffers::take(POINTS * (most * outputs + GAP));
        for start in rows.clone().step_by(step) {
            let block = start..(start + step).min(rows.end);
            let count = block.len() * tiles.grid[1];
            let (of_x, of_y) = (count * channels + GAP, count * outputs + GAP);
            let inputs = &mut inputs[..POINTS * of_x];
            let gradients = &mut gradients[..POINTS * of_y];
            tiles.transform_input(x, block.clone(), &mut lines, inputs);
            tiles.transform_gradient(y, block, gradients);
            let update = if start == rows.start {
                Update::Replace
            } else {
                Update::Add
            };
            let operands = inputs.chunks_exact(of_x).zip(gradients.chunks_exact(of_y));
            for (out, (x, y)) in sum.chunks_exact_mut(matrix).zip(operands) {
                let x = Matrix::row_major(x, count, channels);
                let y = Matrix::row_major(y, count, outputs);
                product(out, update, y.transposed(), x);
            }
        }
    });
    let total = threads::total(sums)?;

    let finite = AtomicBool::new(true);
    let mut weight = buffers::take(outputs * 9 * channels);
    let ranges = threads::split(outputs, threads::count());
    let pieces = threads::cut(&mut weight, &ranges, 9 * channels);
    threads::run(ranges.into_iter().zip(pieces), |(range, weight)| {
        let mut seen = vec![0.0f32; channels];
        for (output, weight) in range.zip(weight.chunks_exact_mut(9 * channels)) {
            gather(&total, matrix, output * channels, weight, &mut seen);
        }
        note(&seen, &finite);
    });
    finite.into_inner().then_some(weight)
}

/// Numbers that a transform takes at a time. It reads them all before it writes the first, so that
/// the compiler needs no proof that slices do not overlap.
const LANES: usize = 16;

/// In pieces of [`LANES`], and what is left one by one.
macro_rules! in_lanes {
    ($length:expr, |$at:ident, $L:ident| $body:expr) => {{
        let length = $length;
        let whole = length / LANES * LANES;
        for $at in (0..whole).step_by(LANES) {
            const $L: usize = LANES;
            $body
        }
        for $at in whole..length {
            const $L: usize = 1;
            $body
        }
    }};
}

/// Bᵀ·x of four rows of pixels, absent ones being 0: four lines of `length` numbers, from `begin`.
fn vertical(rows: [Option<&[f32]>; 4], lines: &mut [f32], begin: usize, length: usize) {
    let (first, rest) = lines.split_at_mut(length);
    let (second, rest) = rest.split_at_mut(length);
    let (third, fourth) = rest.split_at_mut(length);
    combine(&mut first[begin..], rows[0], rows[2], -1.0);
    combine(&mut second[begin..], rows[1], rows[2], 1.0);
    combine(&mut third[begin..], rows[2], rows[1], -1.0);
    combine(&mut fourth[begin..], rows[1], rows[3], -1.0);
}

/// a + sign·b.
fn combine(out: &mut [f32], a: Option<&[f32]>, b: Option<&[f32]>, sign: f32) {
    let Some(length) = a.or(b).map(<[f32]>::len) else {
        return out.fill(0.0);
    };
    let out = &mut out[..length];
    let once = Once;
    match (a, b) {
        (Some(a), Some(b)) => vectorized(move || {
            let _once = once;
            for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
                *out = a + sign * b;
            }
        }),
        (Some(a), None) => out.copy_from_slice(a),
        (None, Some(b)) => vectorized(move || {
            let _once = once;
            for (out, b) in out.iter_mut().zip(b) {
                *out = sign * b;
            }
        }),
        (None, None) => {}
    }
}

/// …·B of four lines, for a row of tiles: to `at` in each of the sixteen points of `size` numbers.
fn horizontal(
    lines: &[f32],
    line: usize,
    channels: usize,
    tiles: usize,
    out: &mut [f32],
    size: usize,
    at: usize,
) {
    vectorized(Horizontal {
        lines,
        line,
        channels,
        tiles,
        out,
        size,
        at,
    });
}

struct Horizontal<'a> {
    lines: &'a [f32],
    line: usize,
    channels: usize,
    tiles: usize,
    out: &'a mut [f32],
    size: usize,
    at: usize,
}

impl Loop for Horizontal<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self {
            lines,
            line,
            channels,
            tiles,
            out,
            size,
            at,
        } = self;
        for (points, line) in out.chunks_exact_mut(4 * size).zip(lines.chunks_exact(line)) {
            let (p0, rest) = points.split_at_mut(size);
            let (p1, rest) = rest.split_at_mut(size);
            let (p2, p3) = rest.split_at_mut(size);
            let count = tiles * channels;
            let [p0, p1, p2, p3] = [p0, p1, p2, p3].map(|p| &mut p[at..at + count]);
            let targets = p0
                .chunks_exact_mut(channels)
                .zip(p1.chunks_exact_mut(channels))
                .zip(p2.chunks_exact_mut(channels))
                .zip(p3.chunks_exact_mut(channels));
            for (tile, (((p0, p1), p2), p3)) in targets.enumerate() {
                let pixels = &line[2 * tile * channels..][..4 * channels];
                let (a, rest) = pixels.split_at(channels);
                let (b, rest) = rest.split_at(channels);
                let (c, d) = rest.split_at(channels);
                for i in 0..channels {
                    p0[i] = a[i] - c[i];
                    p1[i] = b[i] + c[i];
                    p2[i] = c[i] - b[i];
                    p3[i] = b[i] - d[i];
                }
            }
        }
    }
}

/// A·g·Aᵀ of 2×2 vectors, to `at` in each of the sixteen points of `size` numbers.
fn spread(corners: [&[f32]; 4], out: &mut [f32], size: usize, at: usize) {
    vectorized(Spread {
        corners,
        out,
        size,
        at,
    });
}

struct Spread<'a> {
    corners: [&'a [f32]; 4],
    out: &'a mut [f32],
    size: usize,
    at: usize,
}

impl Loop for Spread<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self {
            corners,
            out,
            size,
            at,
        } = self;
        let length = corners[0].len();
        in_lanes!(length, |i, L| {
            let [g00, g01, g10, g11] = corners.map(|corner| lanes::<L>(corner, i));
            let rows = [
                [g00, g01],
                [add(g00, g10), add(g01, g11)],
                [sub(g00, g10), sub(g01, g11)],
                [sub([0.0; L], g10), sub([0.0; L], g11)],
            ];
            for (row, [a, b]) in rows.into_iter().enumerate() {
                let values = [a, add(a, b), sub(a, b), sub([0.0; L], b)];
                for (column, values) in values.into_iter().enumerate() {
                    let to = (row * 4 + column) * size + at + i;
                    out[to..to + L].copy_from_slice(&values);
                }
            }
        });
    }
}

/// Aᵀ·m·A of one tile, `[4, outputs]`. Leaves 0 in `seen` where all is finite.
fn fold(products: &[f32], size: usize, at: usize, corners: &mut [f32], seen: &mut [f32]) {
    vectorized(Fold {
        products,
        size,
        at,
        corners,
        seen,
    });
}

struct Fold<'a> {
    products: &'a [f32],
    size: usize,
    at: usize,
    corners: &'a mut [f32],
    seen: &'a mut [f32],
}

impl Loop for Fold<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self {
            products,
            size,
            at,
            corners,
            seen,
        } = self;
        let outputs = seen.len();
        in_lanes!(outputs, |i, L| {
            let point = |row: usize, column: usize| {
                lanes::<L>(products, (row * 4 + column) * size + at + i)
            };
            let columns: [[Lanes<L>; 2]; 4] = std::array::from_fn(|column| {
                let m: [Lanes<L>; 4] = std::array::from_fn(|row| point(row, column));
                [add(add(m[0], m[1]), m[2]), sub(sub(m[1], m[2]), m[3])]
            });
            let mut sum = [0.0; L];
            for row in 0..2 {
                let [a, b, c, d] = columns.map(|column| column[row]);
                let y = [add(add(a, b), c), sub(sub(b, c), d)];
                for (column, y) in y.into_iter().enumerate() {
                    corners[(2 * row + column) * outputs + i..][..L].copy_from_slice(&y);
                    sum = add(sum, y);
                }
            }
            for (seen, sum) in seen[i..i + L].iter_mut().zip(sum) {
                *seen += sum * 0.0;
            }
        });
    }
}

/// G·w·Gᵀ of some channels of one output's kernel, `[3, 3, channels]`, turned around or not.
fn kernel_point(
    weight: &[f32],
    channels: usize,
    at: usize,
    count: usize,
    turned: bool,
) -> [[f32; LANES]; POINTS] {
    let tap = |k: usize, l: usize| -> [f32; LANES] {
        let (k, l) = if turned { (2 - k, 2 - l) } else { (k, l) };
        let from = &weight[(k * 3 + l) * channels + at..][..count];
        std::array::from_fn(|lane| from.get(lane).copied().unwrap_or(0.0))
    };
    let thirds = |w: [Lanes<LANES>; 3]| -> [Lanes<LANES>; 4] {
        let outer = add(w[0], w[2]);
        let half = |x: Lanes<LANES>| x.map(|x| 0.5 * x);
        [w[0], half(add(outer, w[1])), half(sub(outer, w[1])), w[2]]
    };
    let columns: [[Lanes<LANES>; 4]; 3] =
        std::array::from_fn(|l| thirds([tap(0, l), tap(1, l), tap(2, l)]));
    let mut points = [[0.0; LANES]; POINTS];
    for row in 0..4 {
        let line = thirds([columns[0][row], columns[1][row], columns[2][row]]);
        points[row * 4..row * 4 + 4].copy_from_slice(&line);
    }
    points
}

/// Gᵀ·s·G of one output's kernel, `[3, 3, channels]`.
fn gather(sums: &[f32], size: usize, at: usize, weight: &mut [f32], seen: &mut [f32]) {
    vectorized(Gather {
        sums,
        size,
        at,
        weight,
        seen,
    });
}

struct Gather<'a> {
    sums: &'a [f32],
    size: usize,
    at: usize,
    weight: &'a mut [f32],
    seen: &'a mut [f32],
}

impl Loop for Gather<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self {
            sums,
            size,
            at,
            weight,
            seen,
        } = self;
        let channels = seen.len();
        in_lanes!(channels, |i, L| {
            let point =
                |row: usize, column: usize| lanes::<L>(sums, (row * 4 + column) * size + at + i);
            let thirds = |s: [Lanes<L>; 4]| -> [Lanes<L>; 3] {
                let (sum, difference) = (add(s[1], s[2]), sub(s[1], s[2]));
                let half = |x: Lanes<L>| x.map(|x| 0.5 * x);
                [add(s[0], half(sum)), half(difference), add(half(sum), s[3])]
            };
            let columns: [[Lanes<L>; 3]; 4] =
                std::array::from_fn(|column| thirds(std::array::from_fn(|row| point(row, column))));
            let mut sum = [0.0; L];
            for row in 0..3 {
                let line = thirds(columns.map(|column| column[row]));
                for (column, values) in line.into_iter().enumerate() {
                    weight[(row * 3 + column) * channels + i..][..L].copy_from_slice(&values);
                    sum = add(sum, values);
                }
            }
            for (seen, sum) in seen[i..i + L].iter_mut().zip(sum) {
                *seen += sum * 0.0;
            }
        });
    }
}
