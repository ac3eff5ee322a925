//! Colours of pixels.

use super::{Form, Part};

impl Form {
    pub(super) fn colour(&self, part: Part, from: &[f32], to: &mut [f32], numbers: &[f32]) {
        if self.by_channel == 1 {
            match self.channels {
                1 => return self.by_pixels::<1>(part, from, to, numbers),
                3 => return self.by_pixels::<3>(part, from, to, numbers),
                4 => return self.by_pixels::<4>(part, from, to, numbers),
                _ => {}
            }
        } else {
            return self.by_planes(part, from, to, numbers);
        }
        let mean = self.mean(from, numbers);
        let pixels = from.chunks_exact(self.channels);
        for (to, from) in to.chunks_exact_mut(self.channels).zip(pixels) {
            for (output, to) in to.iter_mut().enumerate() {
                *to = self.added(part, numbers, output, mean);
                for (input, x) in from.iter().enumerate() {
                    *to += self.entry(part, numbers, output, input) * x;
                }
            }
        }
    }

    /// Channels innermost.
    fn by_pixels<const C: usize>(&self, part: Part, from: &[f32], to: &mut [f32], numbers: &[f32]) {
        let mean = self.mean(from, numbers);
        let matrix: [[f32; C]; C] =
            std::array::from_fn(|o| std::array::from_fn(|i| self.entry(part, numbers, o, i)));
        let added: [f32; C] = std::array::from_fn(|o| self.added(part, numbers, o, mean));
        for (to, from) in to.chunks_exact_mut(C).zip(from.chunks_exact(C)) {
            for o in 0..C {
                let mut sum = added[o];
                for i in 0..C {
                    sum += matrix[o][i] * from[i];
                }
                to[o] = sum;
            }
        }
    }

    /// A channel after the other.
    fn by_planes(&self, part: Part, from: &[f32], to: &mut [f32], numbers: &[f32]) {
        let mean = self.mean(from, numbers);
        let pixels = self.height * self.width;
        for (output, to) in to.chunks_exact_mut(pixels).enumerate() {
            to.fill(self.added(part, numbers, output, mean));
            for (input, from) in from.chunks_exact(pixels).enumerate() {
                let weight = self.entry(part, numbers, output, input);
                for (to, x) in to.iter_mut().zip(from) {
                    *to += weight * x;
                }
            }
        }
    }

    /// What is added to each pixel's channel.
    fn added(&self, part: Part, numbers: &[f32], channel: usize, mean: f32) -> f32 {
        let squared = self.channels * self.channels;
        // The share of the mean is its own transpose.
        let shared = numbers[squared + self.channels] * mean;
        match part {
            Part::Whole => shared + numbers[squared + channel],
            Part::Linear | Part::Transposed => shared,
        }
    }

    /// The mean of a picture, where a map asks for it.
    fn mean(&self, from: &[f32], numbers: &[f32]) -> f32 {
        if numbers[self.channels * (self.channels + 1)] == 0.0 {
            return 0.0;
        }
        let mut lanes = [0.0f32; 16];
        let chunks = from.chunks_exact(16);
        let rest: f32 = chunks.remainder().iter().sum();
        for chunk in chunks {
            for (lane, x) in lanes.iter_mut().zip(chunk) {
                *lane += x;
            }
        }
        (lanes.iter().sum::<f32>() + rest) / from.len() as f32
    }

    /// The entry of M, or of its transpose.
    fn entry(&self, part: Part, numbers: &[f32], to: usize, from: usize) -> f32 {
        match part {
            Part::Whole | Part::Linear => numbers[to * self.channels + from],
            Part::Transposed => numbers[from * self.channels + to],
        }
    }
}
