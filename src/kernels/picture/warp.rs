//! Pixels from other places.

use super::{Form, Part};
use crate::network::Fill;

/// Places further away are as good as here.
const FAR: f32 = 1e9;

/// What one pixel of the output is made of: four places in the input, and a share of what lies outside
/// of it.
struct Taps {
    places: [usize; 4],
    weights: [f32; 4],
    outside: f32,
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
        if part == Part::Transposed {
            to.fill(0.0);
        }
        let mut pixel = 0;
        for down in 0..self.height {
            let [across_from, down_from] = [0, 3].map(|row| n[row + 1] * down as f32 + n[row + 2]);
            for across in 0..self.width {
                let right = n[0] * across as f32 + across_from;
                let below = n[3] * across as f32 + down_from;
                let taps = self.taps(fill, [right, below]);
                if part == Part::Transposed {
                    for channel in 0..self.channels {
                        let channel = channel * self.by_channel;
                        let gradient = from[pixel + channel];
                        for (place, weight) in taps.places.iter().zip(taps.weights) {
                            to[place + channel] += weight * gradient;
                        }
                    }
                } else {
                    for channel in 0..self.channels {
                        let channel = channel * self.by_channel;
                        let mut sum = taps.outside * outside;
                        for (place, weight) in taps.places.iter().zip(taps.weights) {
                            sum += weight * from[place + channel];
                        }
                        to[pixel + channel] = sum;
                    }
                }
                pixel += self.by_pixel;
            }
        }
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

    #[inline(always)]
    fn taps(&self, fill: Fill, place: [f32; 2]) -> Taps {
        let whole = place.map(f32::floor);
        let [right, down] = [place[0] - whole[0], place[1] - whole[1]];
        let [left, up] = [1.0 - right, 1.0 - down];
        let weights = [up * left, up * right, down * left, down * right];
        let [column, row] = whole.map(|place| place.clamp(-FAR, FAR) as i64);
        let [last_column, last_row] = [self.width, self.height].map(|side| side as i64 - 1);
        if (0..last_column).contains(&column) && (0..last_row).contains(&row) {
            let first = (row as usize * self.width + column as usize) * self.by_pixel;
            let below = first + self.width * self.by_pixel;
            let places = [first, first + self.by_pixel, below, below + self.by_pixel];
            return Taps {
                places,
                weights,
                outside: 0.0,
            };
        }
        let mut taps = Taps {
            places: [0; 4],
            weights: [0.0; 4],
            outside: 0.0,
        };
        for (index, weight) in weights.into_iter().enumerate() {
            let row = fill.source(row + index as i64 / 2, self.height);
            let column = fill.source(column + index as i64 % 2, self.width);
            if (0..=last_row).contains(&row) && (0..=last_column).contains(&column) {
                taps.places[index] = (row as usize * self.width + column as usize) * self.by_pixel;
                taps.weights[index] = weight;
            } else {
                taps.outside += weight;
            }
        }
        taps
    }
}

/// Where pixels come from, to the right and down, if all are moved by one whole number of them.
fn whole_shift(n: [f32; 6]) -> Option<[i64; 2]> {
    let unturned = [n[0], n[1], n[3], n[4]] == [1.0, 0.0, 0.0, 1.0];
    let whole = [n[2], n[5]]
        .iter()
        .all(|by| by.fract() == 0.0 && by.abs() < FAR);
    (unturned && whole).then_some([n[2] as i64, n[5] as i64])
}
