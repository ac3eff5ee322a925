//! Sums of a kernel over pairs of rows, a tile at a time: the memory does not grow with the pairs.

use std::ops::Range;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::distances::{blocks, rows_of_a_tile};
use super::features::Features;

/// Squared distances below this share of the two rows' squared lengths are summed anew: of a
/// difference of large numbers, too few digits would be left.
const CANCELLED: f64 = 1e-7;

/// What a kernel knows of a pair of rows x and y.
#[derive(Debug)]
pub(super) struct Pair<'p> {
    /// xᵀy.
    pub(super) product: f64,
    squares: (f64, f64),
    rows: (&'p [f64], &'p [f64]),
}

impl Pair<'_> {
    /// |x − y|².
    pub(super) fn squared_distance(&self) -> f64 {
        let both = self.squares.0 + self.squares.1;
        let distance = both - 2.0 * self.product;
        if distance > CANCELLED * both {
            return distance;
        }
        let pairs = self.rows.0.iter().zip(self.rows.1);
        pairs.map(|(x, y)| (x - y).powi(2)).sum()
    }
}

/// Features as a kernel sees them, in double precision.
#[derive(Debug)]
pub(super) struct Rows<'f> {
    features: &'f Features,
    /// Taken off each row.
    centre: Option<Vec<f64>>,
    unit_length: bool,
}

impl<'f> Rows<'f> {
    /// As they are.
    pub(super) fn of(features: &'f Features) -> Self {
        Self {
            features,
            centre: None,
            unit_length: false,
        }
    }

    /// Seen from `centre`.
    pub(super) fn around(features: &'f Features, centre: Vec<f64>) -> Self {
        Self {
            centre: Some(centre),
            ..Self::of(features)
        }
    }

    /// Each divided by its length, which is not 0.
    pub(super) fn of_unit_length(features: &'f Features) -> Self {
        Self {
            unit_length: true,
            ..Self::of(features)
        }
    }

    fn panel(&self, rows: Range<usize>) -> Panel {
        let dimensions = self.features.dimensions();
        let mut values = Vec::with_capacity(rows.len() * dimensions);
        for index in rows.clone() {
            let row = self.features.row(index).iter();
            match &self.centre {
                Some(centre) => values.extend(row.zip(centre).map(|(x, c)| f64::from(*x) - c)),
                None => values.extend(row.map(|x| f64::from(*x))),
            }
        }
        let square = |row: &[f64]| row.iter().map(|x| x * x).sum::<f64>();
        if self.unit_length {
            for row in values.chunks_exact_mut(dimensions) {
                let length = square(row).sqrt();
                row.iter_mut().for_each(|x| *x /= length);
            }
        }
        let squares = values.chunks_exact(dimensions).map(square).collect();
        Panel {
            rows,
            dimensions,
            values,
            squares,
        }
    }
}

/// Some rows, and their squared lengths.
#[derive(Debug)]
struct Panel {
    rows: Range<usize>,
    dimensions: usize,
    values: Vec<f64>,
    squares: Vec<f64>,
}

impl Panel {
    fn matrix(&self) -> MatRef<'_, f64> {
        MatRef::from_row_major_slice(&self.values, self.rows.len(), self.dimensions)
    }

    fn row(&self, index: usize) -> &[f64] {
        &self.values[index * self.dimensions..][..self.dimensions]
    }
}

/// The kernel's sum over all pairs of a row of `a` and a row of `b`.
///
/// Blocks of rows are worked on in parallel and added in their order: the sum does not depend on the
/// number of threads. Memory: three tiles for each thread.
pub(super) fn across(a: &Rows<'_>, b: &Rows<'_>, kernel: impl Fn(&Pair<'_>) -> f64 + Sync) -> f64 {
    let size = rows_of_a_tile(a.features.dimensions());
    let columns = blocks(b.features.count(), size);
    let sums: Vec<f64> = blocks(a.features.count(), size)
        .into_par_iter()
        .map(|rows| {
            let left = a.panel(rows);
            let tile = |columns: &Range<usize>| tile_sum(&left, &b.panel(columns.clone()), &kernel);
            columns.iter().map(tile).sum()
        })
        .collect();
    sums.iter().sum()
}

/// The kernel's sum over all ordered pairs of different rows of `a`, for a symmetric kernel.
pub(super) fn within(a: &Rows<'_>, kernel: impl Fn(&Pair<'_>) -> f64 + Sync) -> f64 {
    let all = blocks(a.features.count(), rows_of_a_tile(a.features.dimensions()));
    let sums: Vec<f64> = (0..all.len())
        .into_par_iter()
        .map(|index| {
            let left = a.panel(all[index].clone());
            let own = tile_sum(&left, &left, |pair: &Pair<'_>| {
                // The same memory: the row itself.
                if std::ptr::eq(pair.rows.0, pair.rows.1) {
                    0.0
                } else {
                    kernel(pair)
                }
            });
            let tile = |columns: &Range<usize>| tile_sum(&left, &a.panel(columns.clone()), &kernel);
            own + 2.0 * all[index + 1..].iter().map(tile).sum::<f64>()
        })
        .collect();
    sums.iter().sum()
}

fn tile_sum(left: &Panel, right: &Panel, kernel: impl Fn(&Pair<'_>) -> f64) -> f64 {
    let (rows, columns) = (left.rows.len(), right.rows.len());
    let mut products = vec![0.0; rows * columns];
    // A row of the tile is a column of the product, whose columns lie together.
    matmul(
        MatMut::from_column_major_slice_mut(&mut products, columns, rows),
        Accum::Replace,
        right.matrix(),
        left.matrix().transpose(),
        1.0,
        Par::Seq,
    );
    let mut sum = 0.0;
    for (i, products) in products.chunks_exact(columns).enumerate() {
        // By rows, so that the rounding of a sum does not grow with the tile.
        sum += (products.iter().enumerate())
            .map(|(j, product)| {
                kernel(&Pair {
                    product: *product,
                    squares: (left.squares[i], right.squares[j]),
                    rows: (left.row(i), right.row(j)),
                })
            })
            .sum::<f64>();
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    fn features(seed: u64, count: usize) -> Features {
        let values = Stream::new(seed, "kernel").normal(count * 3);
        Features::new(values, 3).unwrap()
    }

    fn row(features: &Features, index: usize) -> Vec<f64> {
        features.row(index).iter().map(|x| f64::from(*x)).collect()
    }

    #[test]
    fn sums_are_those_over_all_pairs() {
        // More than a tile of rows.
        let (a, b) = (features(1, 600), features(2, 530));
        let cube = |pair: &Pair<'_>| pair.product.powi(3);
        let direct = |a: &Features, b: &Features, skip: bool| -> f64 {
            let mut sum = 0.0;
            for i in 0..a.count() {
                for j in (0..b.count()).filter(|j| !skip || i != *j) {
                    let (x, y) = (row(a, i), row(b, j));
                    let product: f64 = x.iter().zip(&y).map(|(x, y)| x * y).sum();
                    sum += product.powi(3);
                }
            }
            sum
        };
        let found = across(&Rows::of(&a), &Rows::of(&b), cube);
        let expected = direct(&a, &b, false);
        assert!((found - expected).abs() < 1e-9 * expected.abs(), "{found}");
        let (found, expected) = (within(&Rows::of(&a), cube), direct(&a, &a, true));
        assert!((found - expected).abs() < 1e-9 * expected.abs(), "{found}");
    }

    #[test]
    fn distances_keep_their_digits_near_each_other() {
        let a = Features::new(vec![1_000.0, 0.0, 0.0, 0.25, 500.0, -3.0], 3).unwrap();
        let near: Vec<f32> = a.values().iter().map(|x| x + 0.031_25).collect();
        let b = Features::new(near, 3).unwrap();
        let distance = |pair: &Pair<'_>| pair.squared_distance();
        let pairs = [(0, 0), (0, 1), (1, 0), (1, 1)];
        let expected: f64 = (pairs.iter())
            .map(|(i, j)| {
                let (x, y) = (row(&a, *i), row(&b, *j));
                x.iter().zip(y).map(|(x, y)| (x - y).powi(2)).sum::<f64>()
            })
            .sum();
        let found = across(&Rows::of(&a), &Rows::of(&b), distance);
        assert!((found - expected).abs() < 1e-12 * expected);
        let one = |row: usize| a.select(&[row]);
        let other = |row: usize| b.select(&[row]);
        let (x, y) = (one(0), other(0));
        let found = across(&Rows::of(&x), &Rows::of(&y), distance);
        assert_eq!(found, 3.0 * 0.031_25_f64.powi(2));
    }

    #[test]
    fn the_number_of_threads_changes_no_bit() {
        let (a, b) = (features(1, 1_100), features(2, 700));
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let sums = || {
                let kernel = |pair: &Pair<'_>| pair.squared_distance();
                let (a, b) = (Rows::of(&a), Rows::of(&b));
                (across(&a, &b, kernel), within(&a, kernel))
            };
            pool.unwrap().install(sums)
        };
        assert_eq!(on(1), on(3));
    }
}
