//! Pixels from other places.

use super::{Form, Part};
use crate::network::Fill;

/// Places further away are as good as here.
const FAR: f32 = 1e9;

/// Places along one axis that are looked up; further ones are computed.
const LONGEST: i64 = 1 << 12;

/// The pixels of the input that stand for places along one axis, also for those beside it.
struct Axis {
    fill: Fill,
    /// Pixels of the input.
    length: usize,
    /// From one of them to the next.
    stride: usize,
    first: i64,
    /// For each place from the first one on where its pixel begins, and 1; or 0 and 0 where none is.
    table: Vec<(u32, f32)>,
}

impl Axis {
    /// For places between two, and the one after the last.
    fn new(fill: Fill, length: usize, stride: usize, [least, most]: [f32; 2]) -> Self {
        let [first, last] = [least, most].map(|place| place.clamp(-FAR, FAR).floor() as i64);
        let mut axis = Self {
            fill,
            length,
            stride,
            first,
            table: Vec::new(),
        };
        axis.table = (first..(last + 2).min(first + LONGEST))
            .map(|place| axis.pixel(place))
            .collect();
        axis
    }

    fn pixel(&self, place: i64) -> (u32, f32) {
        let source = self.fill.source(place, self.length);
        if (0..self.length as i64).contains(&source) {
            ((source as usize * self.stride) as u32, 1.0)
        } else {
            (0, 0.0)
        }
    }

    /// Where the pixels before and after a place begin, and their weights.
    #[inline(always)]
    fn taps(&self, place: f32) -> ([usize; 2], [f32; 2]) {
        let place = place.clamp(-FAR, FAR);
        // `floor` is a call where the processor may not have it.
        let towards_zero = place as i32;
        let whole = towards_zero - i32::from(place < towards_zero as f32);
        let beyond = place - whole as f32;
        let index = (i64::from(whole) - self.first) as usize;
        let [before, after] = match self
            .table
            .get(index..)
            .and_then(|rest| rest.first_chunk::<2>())
        {
            Some(both) => *both,
            None => [0, 1].map(|after| self.pixel(i64::from(whole) + after)),
        };
        (
            [before.0 as usize, after.0 as usize],
            [(1.0 - beyond) * before.1, beyond * after.1],
        )
    }
}

impl Form {
    pub(super) fn warp(
        &self,
        part: Part,
        fill: Fill,
        from: &[f32],
        to: &mut [f32],
        numbers: &[f32],
    ) {
        let n: [f32; 6] = std::array::from_fn(|index| numbers[index]);
        let outside = match (part, fill) {
            (Part::Whole, Fill::Value(value)) => value as f32,
            _ => 0.0,
        };
        if let (Fill::Value(_), Some([right, down])) = (fill, whole_shift(n)) {
            let [right, down] = match part {
                Part::Whole | Part::Linear => [right, down],
                Part::Transposed => [-right, -down],
            };
            return self.shift([right, down], outside, from, to);
        }
        let last = [self.width, self.height].map(|side| (side - 1) as f32);
        let range = |row: usize| {
            let corners = [[0.0, 0.0], [last[0], 0.0], [0.0, last[1]], last]
                .map(|[x, y]| place(&n[row..], x, y));
            corners
                .iter()
                .fold([f32::MAX, f32::MIN], |[a, b], x| [a.min(*x), b.max(*x)])
        };
        let axes = [
            Axis::new(fill, self.width, self.by_pixel, range(0)),
            Axis::new(fill, self.height, self.by_pixel * self.width, range(3)),
        ];
        let warped = Warped { n, axes, outside };
        match (part, self.by_channel, self.channels) {
            (Part::Transposed, 1, 3) => self.scatter_pixels::<3>(&warped, from, to),
            (Part::Transposed, 1, 4) => self.scatter_pixels::<4>(&warped, from, to),
            (Part::Transposed, ..) => self.scatter(&warped, from, to),
            (_, 1, 3) => self.gather_pixels::<3>(&warped, from, to),
            (_, 1, 4) => self.gather_pixels::<4>(&warped, from, to),
            _ => self.gather(&warped, from, to),
        }
    }

    #[inline(always)]
    fn each_pixel(&self, warped: &Warped, mut work: impl FnMut(usize, [usize; 4], [f32; 4])) {
        let mut pixel = 0;
        for y in 0..self.height {
            for x in 0..self.width {
                let n = &warped.n;
                let ([left, right], [a, b]) =
                    warped.axes[0].taps(place(&n[..3], x as f32, y as f32));
                let ([up, down], [c, d]) = warped.axes[1].taps(place(&n[3..], x as f32, y as f32));
                work(
                    pixel,
                    [up + left, up + right, down + left, down + right],
                    [c * a, c * b, d * a, d * b],
                );
                pixel += self.by_pixel;
            }
        }
    }

    fn gather_pixels<const C: usize>(&self, warped: &Warped, from: &[f32], to: &mut [f32]) {
        self.each_pixel(warped, |pixel, places, weights| {
            let to: &mut [f32; C] = to[pixel..].first_chunk_mut().expect("a pixel");
            let mut sum = [warped.outside(weights); C];
            for (place, weight) in places.into_iter().zip(weights) {
                let from: &[f32; C] = from[place..].first_chunk().expect("a pixel");
                for (sum, x) in sum.iter_mut().zip(from) {
                    *sum += weight * x;
                }
            }
            *to = sum;
        });
    }

    fn gather(&self, warped: &Warped, from: &[f32], to: &mut [f32]) {
        self.each_pixel(warped, |pixel, places, weights| {
            let outside = warped.outside(weights);
            for channel in 0..self.channels {
                let channel = channel * self.by_channel;
                let mut sum = outside;
                for (place, weight) in places.iter().zip(weights) {
                    sum += weight * from[place + channel];
                }
                to[pixel + channel] = sum;
            }
        });
    }

    fn scatter_pixels<const C: usize>(&self, warped: &Warped, from: &[f32], to: &mut [f32]) {
        to.fill(0.0);
        self.each_pixel(warped, |pixel, places, weights| {
            let from: &[f32; C] = from[pixel..].first_chunk().expect("a pixel");
            for (place, weight) in places.into_iter().zip(weights) {
                let to: &mut [f32; C] = to[place..].first_chunk_mut().expect("a pixel");
                for (to, x) in to.iter_mut().zip(from) {
                    *to += weight * x;
                }
            }
        });
    }

    fn scatter(&self, warped: &Warped, from: &[f32], to: &mut [f32]) {
        to.fill(0.0);
        self.each_pixel(warped, |pixel, places, weights| {
            for channel in 0..self.channels {
                let channel = channel * self.by_channel;
                let gradient = from[pixel + channel];
                for (place, weight) in places.iter().zip(weights) {
                    to[place + channel] += weight * gradient;
                }
            }
        });
    }

    /// By a whole number of pixels: row for row.
    fn shift(&self, [right, down]: [i64; 2], outside: f32, from: &[f32], to: &mut [f32]) {
        // Rows of pixels with their channels, or of one channel's.
        let row = self.width * self.by_pixel;
        let plane = row * self.height;
        // What a row has of its source, and where that begins.
        let width = self.width as i64;
        let [first, end] =
            [-right, width - right].map(|x| x.clamp(0, width) as usize * self.by_pixel);
        let source = (right.clamp(0, width) as usize) * self.by_pixel;
        for (from, to) in from.chunks_exact(plane).zip(to.chunks_exact_mut(plane)) {
            for (y, to) in to.chunks_exact_mut(row).enumerate() {
                let y = y as i64 + down;
                if !(0..self.height as i64).contains(&y) {
                    to.fill(outside);
                    continue;
                }
                let from = &from[y as usize * row..][..row];
                to[..first].fill(outside);
                to[first..end].copy_from_slice(&from[source..][..end - first]);
                to[end..].fill(outside);
            }
        }
    }
}

struct Warped {
    n: [f32; 6],
    axes: [Axis; 2],
    outside: f32,
}

impl Warped {
    #[inline(always)]
    fn outside(&self, weights: [f32; 4]) -> f32 {
        if self.outside == 0.0 {
            return 0.0;
        }
        self.outside * (1.0 - weights.iter().sum::<f32>())
    }
}

#[inline(always)]
fn place(n: &[f32], x: f32, y: f32) -> f32 {
    n[0] * x + (n[1] * y + n[2])
}

/// Where pixels come from, to the right and down, if all are moved by one whole number of them.
fn whole_shift(n: [f32; 6]) -> Option<[i64; 2]> {
    let unturned = [n[0], n[1], n[3], n[4]] == [1.0, 0.0, 0.0, 1.0];
    let whole = [n[2], n[5]]
        .iter()
        .all(|by| by.fract() == 0.0 && by.abs() < FAR);
    (unturned && whole).then_some([n[2] as i64, n[5] as i64])
}
