//! Distances between all pairs of rows, a tile at a time: the memory does not grow with the pairs.

use std::ops::Range;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::features::Features;

/// Below this many dimensions sums of squared differences are faster than a matrix product.
pub(super) const FEW_DIMENSIONS: usize = 8;

/// Squared distances below this share of the two rows' squared lengths are summed anew: of a
/// difference of large numbers, too few digits would be left.
const CANCELLED: f64 = 1e-7;

/// `Σ (aᵢ − bᵢ)²` in double precision. Exactly 0 for equal rows, and the same for `(b, a)`.
pub(super) fn squared_distance(a: &[f32], b: &[f32]) -> f64 {
    // Eight sums side by side: a single one would wait for itself at every step.
    let mut sums = [0.0; 8];
    let (a_whole, a_rest) = a.as_chunks::<8>();
    let (b_whole, b_rest) = b.as_chunks::<8>();
    for (a, b) in a_whole.iter().zip(b_whole) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            let difference = f64::from(*a) - f64::from(*b);
            *sum += difference * difference;
        }
    }
    for ((sum, a), b) in sums.iter_mut().zip(a_rest).zip(b_rest) {
        let difference = f64::from(*a) - f64::from(*b);
        *sum += difference * difference;
    }
    let [a, b, c, d, e, f, g, h] = sums;
    ((a + b) + (c + d)) + ((e + f) + (g + h))
}

/// The mean row. Where a set is centred, products of its rows lose few digits.
pub(super) fn mean_row(features: &Features) -> Vec<f64> {
    let mut sums = vec![0.0; features.dimensions()];
    for row in features.rows() {
        for (sum, x) in sums.iter_mut().zip(row) {
            *sum += f64::from(*x);
        }
    }
    let count = features.count() as f64;
    sums.iter_mut().for_each(|sum| *sum /= count);
    sums
}

/// How many rows a side of a tile has: enough for a product at full speed, and a few megabytes of
/// rows for each thread.
pub(super) fn rows_of_a_tile(dimensions: usize) -> usize {
    ((1 << 20) / dimensions).clamp(128, 512)
}

/// `0..count` in ranges of at most `rows`.
pub(super) fn blocks(count: usize, rows: usize) -> Vec<Range<usize>> {
    (0..count)
        .step_by(rows)
        .map(|start| start..(start + rows).min(count))
        .collect()
}

/// Squared distances of some rows of one set to some rows of another.
#[derive(Debug)]
pub(super) struct Tile<'t> {
    /// Which rows of the second.
    pub columns: Range<usize>,
    /// Row-major `[rows, columns]`.
    pub values: &'t [f64],
}

/// Goes through the squared distances of all rows of `a` to all rows of `b`, in double precision.
///
/// For each block of rows of `a` a state is made and is shown the tiles of that block, from the
/// first row of `b` to the last. The states come back in the order of the blocks. Blocks are worked
/// on in parallel; what comes out does not depend on the number of threads.
///
/// A distance is within some 1e-8 of its value, relatively, and exactly 0 between equal rows.
/// Memory: three tiles for each thread.
pub(super) fn squared_distances<S: Send>(
    a: &Features,
    b: &Features,
    state: impl Fn(Range<usize>) -> S + Sync,
    step: impl Fn(&mut S, Tile<'_>) + Sync,
) -> Vec<S> {
    let centre = mean_row(b);
    let size = rows_of_a_tile(a.dimensions());
    blocks(a.count(), size)
        .into_par_iter()
        .map(|rows| {
            let mut state = state(rows.clone());
            let mut left = Panel::default();
            let mut right = Panel::default();
            let mut values = Vec::new();
            left.fill(a, rows.clone(), &centre);
            for columns in blocks(b.count(), size) {
                right.fill(b, columns.clone(), &centre);
                fill_tile(&mut values, (a, &left), (b, &right));
                let values = values.as_slice();
                step(&mut state, Tile { columns, values });
            }
            state
        })
        .collect()
}

/// Centred rows in double precision, and their squared lengths.
#[derive(Debug, Default)]
struct Panel {
    rows: Range<usize>,
    values: Vec<f64>,
    squares: Vec<f64>,
}

impl Panel {
    fn fill(&mut self, features: &Features, rows: Range<usize>, centre: &[f64]) {
        self.values.clear();
        self.squares.clear();
        for index in rows.clone() {
            let start = self.values.len();
            let row = features.row(index).iter().zip(centre);
            self.values.extend(row.map(|(x, c)| f64::from(*x) - c));
            let squares = self.values[start..].iter().map(|x| x * x);
            self.squares.push(squares.sum());
        }
        self.rows = rows;
    }

    fn matrix(&self) -> MatRef<'_, f64> {
        let rows = self.rows.len();
        MatRef::from_row_major_slice(&self.values, rows, self.values.len() / rows)
    }
}

fn fill_tile(
    values: &mut Vec<f64>,
    (a, left): (&Features, &Panel),
    (b, right): (&Features, &Panel),
) {
    let (rows, columns) = (left.rows.len(), right.rows.len());
    values.clear();
    values.resize(rows * columns, 0.0);
    let exact = |i: usize, j: usize| {
        let (i, j) = (left.rows.start + i, right.rows.start + j);
        squared_distance(a.row(i), b.row(j))
    };
    if a.dimensions() < FEW_DIMENSIONS {
        for (i, row) in values.chunks_exact_mut(columns).enumerate() {
            for (j, value) in row.iter_mut().enumerate() {
                *value = exact(i, j);
            }
        }
        return;
    }
    // A row of the tile is a column of the product, whose columns lie together.
    let product = MatMut::from_column_major_slice_mut(values, columns, rows);
    let transposed = left.matrix().transpose();
    matmul(
        product,
        Accum::Replace,
        right.matrix(),
        transposed,
        1.0,
        Par::Seq,
    );
    for (i, row) in values.chunks_exact_mut(columns).enumerate() {
        let squares = left.squares[i];
        for (j, value) in row.iter_mut().enumerate() {
            let both = squares + right.squares[j];
            let distance = both - 2.0 * *value;
            *value = if distance > CANCELLED * both {
                distance
            } else {
                exact(i, j)
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    fn features(count: usize, dimensions: usize, offset: f32) -> Features {
        let mut values = Stream::new(1, "features").normal(count * dimensions);
        values.iter_mut().for_each(|x| *x += offset);
        Features::new(values, dimensions).unwrap()
    }

    fn all(a: &Features, b: &Features) -> Vec<f64> {
        let tiles = squared_distances(
            a,
            b,
            |rows| vec![0.0; rows.len() * b.count()],
            |all, tile| {
                let start = tile.columns.start;
                for (i, row) in tile.values.chunks_exact(tile.columns.len()).enumerate() {
                    let at = i * b.count() + start;
                    all[at..at + row.len()].copy_from_slice(row);
                }
            },
        );
        tiles.concat()
    }

    #[test]
    fn distances_are_those_of_the_definition() {
        // Few dimensions and many, more than one tile, and an offset that would cost digits.
        for (dimensions, offset) in [(2, 0.0), (9, 0.0), (9, 1e4)] {
            let a = features(140, dimensions, offset);
            let b = features(600, dimensions, offset);
            for (index, distance) in all(&a, &b).into_iter().enumerate() {
                let (i, j) = (index / 600, index % 600);
                let pairs = a.row(i).iter().zip(b.row(j));
                let exact: f64 = pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum();
                // The differences of f32 are rounded in f32 here where an offset is large.
                let near = (distance - exact).abs() <= 1e-6 * exact;
                assert!(near, "{i} {j}: {distance} and {exact}");
                // The stream is the same: row i of one is row i of the other.
                assert_eq!(i == j, distance == 0.0, "{i} {j}: {distance}");
            }
        }
    }

    #[test]
    fn a_single_distance_is_exact_and_symmetric() {
        let features = features(2, 19, 3.0);
        let (a, b) = (features.row(0), features.row(1));
        let exact: f64 = (a.iter().zip(b))
            .map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2))
            .sum();
        assert!((squared_distance(a, b) - exact).abs() < 1e-14 * exact);
        assert_eq!(squared_distance(a, b), squared_distance(b, a));
        assert_eq!(squared_distance(a, a), 0.0);
    }
}
