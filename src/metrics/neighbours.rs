//! Nearest neighbours in sets of features, exactly, by products in single precision.
//!
//! A product of two matrices gives bounds on all distances of a tile,
//!
//! ```text
//! |‖x − y‖² − (‖x‖² + ‖y‖² − 2 x·y)| ≤ γ (‖x‖² + ‖y‖²),   γ = (d + 16)·2⁻²⁴
//! ```
//!
//! which holds for any order of the additions in single precision. What the bounds leave open is
//! settled by the sum of squared differences in double precision, so that what comes out is that of
//! these sums: it does not depend on the product, the tiles or the threads.

use std::cell::Cell;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::distances::{FEW_DIMENSIONS, blocks, mean_row, rows_of_a_tile, squared_distance};
use super::features::Features;

/// Elements of a tile that are looked at together before any of them is by itself.
const LANES: usize = 16;

/// Two sets of one kind of features, made ready for searches among their pairs.
#[derive(Debug)]
pub(super) struct Neighbours<'f> {
    a: Side<'f>,
    b: Side<'f>,
    frame: Frame,
    /// The most rows on a side of a tile.
    rows: usize,
}

/// The nearest row of another set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Nearest {
    /// The squared distance.
    pub squared: f64,
    /// The row; the first of several that are equally near.
    pub index: usize,
}

impl<'f> Neighbours<'f> {
    /// Takes sets whose numbers are finite and of the same dimensions.
    pub(super) fn new(a: &'f Features, b: &'f Features) -> Self {
        let frame = Frame::around(a, b);
        Self {
            a: Side::new(a, &frame),
            b: Side::new(b, &frame),
            rows: rows_of_a_tile(a.dimensions()),
            frame,
        }
    }

    /// For each row of the first set the squared distances to its `k` nearest other rows of the
    /// set, ascending, row-major `[count, k]`.
    pub(super) fn nearest_others_in_a(&self, k: usize) -> Vec<f64> {
        self.nearest_others(&self.a, k)
    }

    /// The same of the second set.
    pub(super) fn nearest_others_in_b(&self, k: usize) -> Vec<f64> {
        self.nearest_others(&self.b, k)
    }

    fn nearest_others(&self, side: &Side<'_>, k: usize) -> Vec<f64> {
        let frame = &self.frame;
        let blocks = blocks(side.features.count(), self.rows);
        let state = states(&blocks, |count| OthersBlock {
            k,
            squared: vec![f64::INFINITY; count * k],
            limits: vec![f32::INFINITY; count],
        });
        // Each pair of blocks once: a distance is that of both its ends.
        let halves = pairs(blocks.len(), blocks.len());
        let halves: Vec<_> = halves.into_iter().filter(|(i, j)| i <= j).collect();
        halves
            .into_par_iter()
            .for_each_init(Scratch::default, |scratch, (i, j)| {
                let (rows, columns) = (blocks[i].clone(), blocks[j].clone());
                scratch.fill(frame, (side, &rows), (side, &columns));
                let mut own = locked(&state[i]);
                // A block with itself has one state for both.
                let mut other = (i != j).then(|| locked(&state[j]));
                let bounds = &side.bounds[columns.clone()];
                for (i, at) in rows.enumerate() {
                    let row = scratch.row(i);
                    let base = side.bounds[at];
                    // In a block with itself, each pair once.
                    let mut from = if other.is_some() { 0 } else { i + 1 };
                    loop {
                        let limits = &other.as_deref().unwrap_or(&own).limits;
                        let Some(j) = hit(row, bounds, limits, base, || own.limits[i], &mut from)
                        else {
                            break;
                        };
                        let squared = squared_distance(side.row(at), side.row(columns.start + j));
                        own.offer(i, squared, frame);
                        let other = other.as_deref_mut().unwrap_or(&mut own);
                        other.offer(j, squared, frame);
                    }
                }
            });
        let rows = state.into_iter().flat_map(|block| {
            let lists = unlocked(block).squared;
            lists
                .chunks_exact(k)
                .map(<[f64]>::to_vec)
                .collect::<Vec<_>>()
        });
        side.in_order(rows).concat()
    }

    /// For each row of the first set the nearest of the second, and the other way round.
    pub(super) fn nearest_across(&self) -> (Vec<Nearest>, Vec<Nearest>) {
        let a_blocks = blocks(self.a.features.count(), self.rows);
        let b_blocks = blocks(self.b.features.count(), self.rows);
        let a_state = states(&a_blocks, NearestBlock::new);
        let b_state = states(&b_blocks, NearestBlock::new);
        pairs(a_blocks.len(), b_blocks.len())
            .into_par_iter()
            .for_each_init(Scratch::default, |scratch, (i, j)| {
                let (rows, columns) = (a_blocks[i].clone(), b_blocks[j].clone());
                scratch.fill(&self.frame, (&self.a, &rows), (&self.b, &columns));
                let mut a = locked(&a_state[i]);
                let mut b = locked(&b_state[j]);
                for (i, at) in rows.enumerate() {
                    let (a_row, a_index) = (self.a.row(at), self.a.order(at));
                    let (row, bounds) = (scratch.row(i), &self.b.bounds[columns.clone()]);
                    let base = self.a.bounds[at];
                    let mut from = 0;
                    while let Some(j) = hit(row, bounds, &b.limits, base, || a.limits[i], &mut from)
                    {
                        let at = columns.start + j;
                        let (b_row, b_index) = (self.b.row(at), self.b.order(at));
                        let squared = squared_distance(a_row, b_row);
                        a.offer(i, squared, b_index, &self.frame);
                        b.offer(j, squared, a_index, &self.frame);
                    }
                }
            });
        let in_order = |side: &Side<'_>, blocks: Vec<Mutex<NearestBlock>>| {
            let found = blocks.into_iter().flat_map(|block| unlocked(block).found);
            side.in_order(found)
        };
        (in_order(&self.a, a_state), in_order(&self.b, b_state))
    }

    /// Calls `visit` with each pair whose squared distance may be below the limit of its row in the
    /// first set or of its row in the second: with all that are, and with few others. In no order,
    /// from several threads.
    pub(super) fn close_pairs(
        &self,
        a_limits: &[f64],
        b_limits: &[f64],
        visit: impl Fn(usize, usize, &ClosePair<'_>) + Sync,
    ) {
        let a_blocks = blocks(self.a.features.count(), self.rows);
        let b_blocks = blocks(self.b.features.count(), self.rows);
        let limits = |side: &Side<'_>, limits: &[f64]| -> Vec<f32> {
            let rows = (0..limits.len()).map(|at| limits[side.order(at)]);
            rows.map(|limit| self.frame.limit(limit)).collect()
        };
        let (a_limits, b_limits) = (limits(&self.a, a_limits), limits(&self.b, b_limits));
        pairs(a_blocks.len(), b_blocks.len())
            .into_par_iter()
            .for_each_init(Scratch::default, |scratch, (i, j)| {
                let (rows, columns) = (a_blocks[i].clone(), b_blocks[j].clone());
                scratch.fill(&self.frame, (&self.a, &rows), (&self.b, &columns));
                let bounds = &self.b.bounds[columns.clone()];
                let limits = &b_limits[columns.clone()];
                for (i, at) in rows.enumerate() {
                    let row = scratch.row(i);
                    let base = self.a.bounds[at];
                    let mut from = 0;
                    while let Some(j) = hit(row, bounds, limits, base, || a_limits[at], &mut from) {
                        let other = columns.start + j;
                        let pair = ClosePair {
                            frame: &self.frame,
                            rows: (self.a.row(at), self.b.row(other)),
                            both: self.a.squares[at] + self.b.squares[other],
                            product: f64::from(row[j]),
                            exact: Cell::new(None),
                        };
                        visit(self.a.order(at), self.b.order(other), &pair);
                    }
                }
            });
    }
}

/// Two rows whose distance is computed when it is needed.
#[derive(Debug)]
pub(super) struct ClosePair<'p> {
    frame: &'p Frame,
    rows: (&'p [f32], &'p [f32]),
    /// The sum of their squared lengths, scaled.
    both: f64,
    product: f64,
    exact: Cell<Option<f64>>,
}

impl ClosePair<'_> {
    /// Whether the squared distance is below `limit`.
    pub(super) fn is_below(&self, limit: f64) -> bool {
        if let Some(exact) = self.exact.get() {
            return exact < limit;
        }
        if !self.frame.direct {
            let middle = self.both - 2.0 * self.product;
            let error = self.both * self.frame.gamma + self.frame.tiny;
            let limit = limit * self.frame.scale_squared();
            if middle + error < limit {
                return true;
            }
            if middle - error >= limit {
                return false;
            }
        }
        let exact = squared_distance(self.rows.0, self.rows.1);
        self.exact.set(Some(exact));
        exact < limit
    }
}

/// What rows are moved by and scaled with before they are multiplied in single precision.
#[derive(Debug)]
struct Frame {
    /// The origin, scaled.
    centre: Vec<f32>,
    /// A power of two: multiplying by it rounds nothing, and makes all numbers at most about 2.
    scale: f64,
    /// The bound on the relative error.
    gamma: f64,
    /// More than what underflow takes from a distance.
    tiny: f64,
    /// Whether distances are summed at once instead.
    direct: bool,
}

impl Frame {
    fn around(a: &Features, b: &Features) -> Self {
        let centre = mean_row(a);
        let largest = |features: &Features| {
            let rows = features.rows();
            rows.flat_map(|row| row.iter().zip(&centre))
                .map(|(x, c)| (f64::from(*x) - c).abs())
                .fold(0.0, f64::max)
        };
        let scale = match largest(a).max(largest(b)) {
            // All rows are equal.
            0.0 => 1.0,
            // The scaled numbers have to stay numbers of single precision.
            largest => (-largest.log2().ceil()).clamp(-130.0, 100.0).exp2(),
        };
        let centre: Vec<f32> = centre.iter().map(|c| (c * scale) as f32).collect();
        let dimensions = centre.len();
        let units = (dimensions + 16) as f64 * 0.5 * f64::from(f32::EPSILON);
        Self {
            scale,
            // Beyond half a million dimensions the bound would say nothing.
            direct: dimensions < FEW_DIMENSIONS || units > 0.03,
            gamma: units / (1.0 - units),
            tiny: 16.0 * dimensions as f64 * f64::from(f32::MIN_POSITIVE),
            centre,
        }
    }

    fn scale_squared(&self) -> f64 {
        self.scale * self.scale
    }

    /// A squared distance in single precision, scaled, and no lower than it is: what lies at or
    /// above this can't be below it.
    fn limit(&self, squared: f64) -> f32 {
        ((squared * self.scale_squared()) as f32).next_up()
    }
}

/// One set.
#[derive(Debug)]
struct Side<'f> {
    features: &'f Features,
    /// Rows are gone through by this step, so that what comes first is spread over the set: in a
    /// set in which neighbours lie together each row would be nearer than the ones before.
    stride: usize,
    /// In the order of the search: squared lengths, scaled.
    squares: Vec<f64>,
    /// In the order of the search: each row's part in the lower bound of a squared distance.
    bounds: Vec<f32>,
}

impl<'f> Side<'f> {
    fn new(features: &'f Features, frame: &Frame) -> Self {
        let stride = stride(features.count());
        let mut side = Self {
            features,
            stride,
            squares: Vec::new(),
            bounds: vec![0.0; features.count()],
        };
        if frame.direct {
            side.squares = vec![0.0; features.count()];
            return side;
        }
        side.squares = (0..features.count())
            .into_par_iter()
            .map(|at| {
                let row = side.row(at).iter().zip(&frame.centre);
                row.map(|(x, c)| (f64::from(*x) * frame.scale - f64::from(*c)).powi(2))
                    .sum()
            })
            .collect();
        let lower = |squares: &f64| (squares * (1.0 - frame.gamma) - frame.tiny) as f32;
        side.bounds = side.squares.iter().map(|s| lower(s).next_down()).collect();
        side
    }

    /// The row of the set that is at place `at` of the search.
    fn order(&self, at: usize) -> usize {
        (at as u128 * self.stride as u128 % self.features.count() as u128) as usize
    }

    fn row(&self, at: usize) -> &'f [f32] {
        self.features.row(self.order(at))
    }

    /// Results in the order of the set, given in that of the search.
    fn in_order<T: Clone>(&self, found: impl Iterator<Item = T>) -> Vec<T> {
        let mut placed: Vec<Option<T>> = vec![None; self.features.count()];
        for (at, found) in found.enumerate() {
            placed[self.order(at)] = Some(found);
        }
        placed.into_iter().flatten().collect()
    }
}

/// About the golden section of `count`, and prime to it, so that its multiples are all rows.
fn stride(count: usize) -> usize {
    let divisor = |mut a: usize, mut b: usize| {
        while b != 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    let start = (count as f64 * 0.618_033_988_75) as usize;
    (start.max(1)..)
        .find(|stride| divisor(*stride, count) == 1)
        .unwrap_or(1)
}

/// The buffers of a thread: rows of both sides, and the tile of their products.
#[derive(Debug, Default)]
struct Scratch {
    left: Vec<f32>,
    right: Vec<f32>,
    tile: Vec<f32>,
    columns: usize,
}

impl Scratch {
    fn fill(
        &mut self,
        frame: &Frame,
        (a, rows): (&Side<'_>, &Range<usize>),
        (b, columns): (&Side<'_>, &Range<usize>),
    ) {
        self.columns = columns.len();
        self.tile.clear();
        self.tile.resize(rows.len() * columns.len(), 0.0);
        if frame.direct {
            self.fill_direct(frame, (a, rows), (b, columns));
            return;
        }
        let panel = |panel: &mut Vec<f32>, side: &Side<'_>, rows: &Range<usize>| {
            panel.clear();
            let scale = frame.scale as f32;
            for at in rows.clone() {
                let row = side.row(at).iter().zip(&frame.centre);
                panel.extend(row.map(|(x, c)| x * scale - c));
            }
        };
        panel(&mut self.left, a, rows);
        panel(&mut self.right, b, columns);
        let dimensions = frame.centre.len();
        // A row of the tile is a column of the product, whose columns lie together.
        let left = MatRef::from_row_major_slice(&self.left, rows.len(), dimensions);
        let right = MatRef::from_row_major_slice(&self.right, columns.len(), dimensions);
        let product =
            MatMut::from_column_major_slice_mut(&mut self.tile, columns.len(), rows.len());
        matmul(
            product,
            Accum::Replace,
            right,
            left.transpose(),
            1.0,
            Par::Seq,
        );
    }

    /// Few dimensions: a "product" of which `−2 · product` is a lower bound of the squared distance
    /// by itself, within one rounding.
    fn fill_direct(
        &mut self,
        frame: &Frame,
        (a, rows): (&Side<'_>, &Range<usize>),
        (b, columns): (&Side<'_>, &Range<usize>),
    ) {
        let scale = frame.scale_squared();
        for (row, at) in self.tile.chunks_exact_mut(self.columns).zip(rows.clone()) {
            let a_row = a.row(at);
            for (value, at) in row.iter_mut().zip(columns.clone()) {
                let squared = squared_distance(a_row, b.row(at)) * scale;
                *value = -0.5 * (squared as f32).next_down();
            }
        }
    }

    fn row(&self, index: usize) -> &[f32] {
        &self.tile[index * self.columns..][..self.columns]
    }
}

/// The next column at or after `from` whose distance may be below the limit of its row or of its
/// column; `from` moves behind it. The row's limit may fall from one call to the next.
fn hit(
    products: &[f32],
    bounds: &[f32],
    limits: &[f32],
    base: f32,
    row_limit: impl Fn() -> f32,
    from: &mut usize,
) -> Option<usize> {
    let row_limit = row_limit();
    let below = |product: f32, bound: f32, limit: f32| {
        (base + bound) - 2.0 * product < row_limit.max(limit)
    };
    let count = products.len();
    while *from < count {
        let start = *from;
        // Whole groups first, all of one group at once.
        if start.is_multiple_of(LANES) && start + LANES <= count {
            let group = (
                products[start..].first_chunk::<LANES>(),
                bounds[start..].first_chunk::<LANES>(),
                limits[start..].first_chunk::<LANES>(),
            );
            if let (Some(products), Some(bounds), Some(limits)) = group
                && !(0..LANES).fold(false, |any, lane| {
                    any | below(products[lane], bounds[lane], limits[lane])
                })
            {
                *from += LANES;
                continue;
            }
        }
        *from += 1;
        if below(products[start], bounds[start], limits[start]) {
            return Some(start);
        }
    }
    None
}

/// The `k` nearest others of the rows of a block.
#[derive(Debug)]
struct OthersBlock {
    k: usize,
    squared: Vec<f64>,
    limits: Vec<f32>,
}

impl OthersBlock {
    fn offer(&mut self, row: usize, squared: f64, frame: &Frame) {
        let list = &mut self.squared[row * self.k..][..self.k];
        let last = list.len() - 1;
        if !(squared < list[last]) {
            return;
        }
        let place = list.partition_point(|other| *other <= squared);
        list[place..].rotate_right(1);
        list[place] = squared;
        self.limits[row] = if list[last] == 0.0 {
            // Nothing is nearer.
            f32::NEG_INFINITY
        } else {
            frame.limit(list[last])
        };
    }
}

/// The nearest rows of another set of the rows of a block.
#[derive(Debug)]
struct NearestBlock {
    found: Vec<Nearest>,
    limits: Vec<f32>,
}

impl NearestBlock {
    fn new(count: usize) -> Self {
        let none = Nearest {
            squared: f64::INFINITY,
            index: usize::MAX,
        };
        Self {
            found: vec![none; count],
            limits: vec![f32::INFINITY; count],
        }
    }

    fn offer(&mut self, row: usize, squared: f64, index: usize, frame: &Frame) {
        let best = &mut self.found[row];
        if squared < best.squared || (squared == best.squared && index < best.index) {
            *best = Nearest { squared, index };
            self.limits[row] = frame.limit(squared);
        }
    }
}

/// All pairs of two numbers of blocks.
fn pairs(a: usize, b: usize) -> Vec<(usize, usize)> {
    (0..a).flat_map(|i| (0..b).map(move |j| (i, j))).collect()
}

/// A state for each block, to be held by one thread at a time. Who needs two takes that of the
/// lower index, or that of the first set, before the other.
fn states<T>(blocks: &[Range<usize>], state: impl Fn(usize) -> T) -> Vec<Mutex<T>> {
    let states = blocks.iter().map(|rows| Mutex::new(state(rows.len())));
    states.collect()
}

fn locked<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unlocked<T>(state: Mutex<T>) -> T {
    state.into_inner().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    fn normal(seed: u64, count: usize, dimensions: usize) -> Vec<f32> {
        Stream::new(seed, "features").normal(count * dimensions)
    }

    fn set(values: Vec<f32>, dimensions: usize) -> Features {
        Features::new(values, dimensions).unwrap()
    }

    /// With several tiles for few rows.
    fn in_small_tiles<'f>(a: &'f Features, b: &'f Features) -> Neighbours<'f> {
        Neighbours {
            rows: 25,
            ..Neighbours::new(a, b)
        }
    }

    /// Sets that bounds have trouble with: tight groups far apart, copies, an offset, an outlier,
    /// numbers of the largest and of the smallest size, neighbours side by side.
    fn troubles(dimensions: usize) -> Vec<Features> {
        let count = 120;
        let map = |f: &dyn Fn(usize, f32) -> f32| {
            let values = normal(1, count, dimensions).into_iter().enumerate();
            let values = values.map(|(place, x)| f(place / dimensions, x));
            set(values.collect(), dimensions)
        };
        vec![
            map(&|_, x| x),
            map(&|row, x| (row % 3) as f32 * 100.0 + 1e-3 * x),
            map(&|row, _| (row % 7) as f32),
            map(&|_, x| 1e5 + x),
            map(&|row, x| if row == 17 { 1e6 * x } else { x }),
            map(&|_, x| 1e37 * x),
            map(&|_, x| 1e-37 * x),
            map(&|row, x| row as f32 + 1e-2 * x),
        ]
    }

    fn lists_by_definition(features: &Features, k: usize) -> Vec<f64> {
        let rows: Vec<&[f32]> = features.rows().collect();
        let lists = rows.iter().enumerate().map(|(i, row)| {
            let others = rows.iter().enumerate().filter(|(j, _)| *j != i);
            let mut list: Vec<f64> = others.map(|(_, b)| squared_distance(row, b)).collect();
            list.sort_by(f64::total_cmp);
            list.truncate(k);
            list
        });
        lists.collect::<Vec<_>>().concat()
    }

    #[test]
    fn neighbours_are_those_of_the_definition_to_the_last_bit() {
        for dimensions in [2, 33] {
            for (number, a) in troubles(dimensions).into_iter().enumerate() {
                let mut values = a.values()[..dimensions * 90].to_vec();
                // Copies, and rows between others.
                for x in &mut values[dimensions * 30..] {
                    *x *= 0.75;
                }
                let b = set(values, dimensions);
                let search = in_small_tiles(&a, &b);
                let name = format!("set {number} of {dimensions} dimensions");
                assert_eq!(
                    search.nearest_others_in_a(4),
                    lists_by_definition(&a, 4),
                    "{name}"
                );
                assert_eq!(
                    search.nearest_others_in_b(1),
                    lists_by_definition(&b, 1),
                    "{name}"
                );

                let nearest = |row: &[f32], of: &Features| {
                    let distances = of.rows().map(|other| squared_distance(row, other));
                    let all = distances.enumerate();
                    let (index, squared) = all.min_by(|x, y| x.1.total_cmp(&y.1)).unwrap();
                    Nearest { squared, index }
                };
                let (to_b, to_a) = search.nearest_across();
                let by_definition = |a: &Features, b: &Features| -> Vec<Nearest> {
                    a.rows().map(|row| nearest(row, b)).collect()
                };
                assert_eq!(to_b, by_definition(&a, &b), "{name}");
                assert_eq!(to_a, by_definition(&b, &a), "{name}");
            }
        }
    }

    #[test]
    fn close_pairs_are_those_of_the_definition() {
        for dimensions in [2, 33] {
            for (number, a) in troubles(dimensions).into_iter().enumerate() {
                let b = set(a.values()[..dimensions * 70].to_vec(), dimensions);
                let search = in_small_tiles(&a, &b);
                let a_limits: Vec<f64> = lists_by_definition(&a, 1);
                let b_limits: Vec<f64> = lists_by_definition(&b, 1);
                let found = Mutex::new(Vec::new());
                search.close_pairs(&a_limits, &b_limits, |i, j, pair| {
                    let flags = (pair.is_below(a_limits[i]), pair.is_below(b_limits[j]));
                    if flags.0 || flags.1 {
                        found.lock().unwrap().push((i, j, flags));
                    }
                });
                let mut found = found.into_inner().unwrap();
                found.sort();
                let mut expected = Vec::new();
                for (i, row) in a.rows().enumerate() {
                    for (j, other) in b.rows().enumerate() {
                        let squared = squared_distance(row, other);
                        let flags = (squared < a_limits[i], squared < b_limits[j]);
                        if flags.0 || flags.1 {
                            expected.push((i, j, flags));
                        }
                    }
                }
                assert_eq!(found, expected, "set {number} of {dimensions} dimensions");
            }
        }
    }

    #[test]
    fn few_distances_are_summed_where_bounds_decide() {
        // Of 300 × 300 pairs, those within a tenth of all limits: what else is looked at is little.
        let (a, b) = (set(normal(1, 300, 64), 64), set(normal(2, 300, 64), 64));
        let search = Neighbours::new(&a, &b);
        let limits = vec![70.0; 300];
        let seen = std::sync::atomic::AtomicUsize::new(0);
        let summed = std::sync::atomic::AtomicUsize::new(0);
        search.close_pairs(&limits, &limits, |_, _, pair| {
            let below = pair.is_below(70.0);
            let order = std::sync::atomic::Ordering::Relaxed;
            seen.fetch_add(usize::from(below), order);
            summed.fetch_add(usize::from(pair.exact.get().is_some()), order);
        });
        let (seen, summed) = (seen.into_inner(), summed.into_inner());
        assert!(seen > 50 && summed * 100 < seen.max(100), "{seen} {summed}");
    }

    #[test]
    fn a_stride_goes_through_all_rows() {
        for count in [1, 2, 3, 4, 10, 97, 100, 1_024] {
            let stride = stride(count);
            let mut rows: Vec<usize> = (0..count).map(|at| at * stride % count).collect();
            rows.sort_unstable();
            assert_eq!(rows, (0..count).collect::<Vec<_>>(), "{count}");
        }
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let (a, b) = (set(normal(3, 200, 20), 20), set(normal(4, 200, 20), 20));
        let all = || {
            let search = in_small_tiles(&a, &b);
            (search.nearest_others_in_a(3), search.nearest_across())
        };
        let threads = |count: usize| rayon::ThreadPoolBuilder::new().num_threads(count).build();
        let one = threads(1).unwrap().install(all);
        let four = threads(4).unwrap().install(all);
        assert_eq!(one, four);
    }
}
