//! Convolutions as matrix products: patches gathered into rows, and rows scattered back.
//!
//! Everything lies with the channels innermost. A row of `columns` is the patch under one output
//! pixel, in the order of the kernel: `[kernel height, kernel width, channels]`.

use std::ops::Range;

use super::bilinear::Geometry;

/// One convolution's sizes, and its rows of output pixels numbered through the batch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patches {
    pub(super) sizes: Geometry,
    pub(super) channels: usize,
}

impl Patches {
    /// Numbers in a patch.
    pub(super) fn length(&self) -> usize {
        self.sizes.kernel[0] * self.sizes.kernel[1] * self.channels
    }

    /// Numbers in one image of the input.
    pub(super) fn image(&self) -> usize {
        self.sizes.input[0] * self.sizes.input[1] * self.channels
    }

    /// Whether the patches are the input itself.
    pub(super) fn are_pixels(&self) -> bool {
        let sizes = &self.sizes;
        sizes.kernel == [1, 1] && sizes.stride == [1, 1] && sizes.input == sizes.output
    }

    /// The part of the kernel's width that lies on the image at output column `x`, and where it
    /// begins in the image's row.
    fn overlap(&self, x: usize) -> (Range<usize>, usize) {
        let sizes = &self.sizes;
        let left = x * sizes.stride[1];
        let begin = sizes.padding[1].saturating_sub(left).min(sizes.kernel[1]);
        let end = (sizes.input[1] + sizes.padding[1])
            .saturating_sub(left)
            .clamp(begin, sizes.kernel[1]);
        if begin == end {
            return (begin..end, 0);
        }
        (begin..end, left + begin - sizes.padding[1])
    }

    /// The image's row under the kernel's row, if there is one.
    fn row(&self, y: usize, kernel_row: usize) -> Option<usize> {
        let sizes = &self.sizes;
        (y * sizes.stride[0] + kernel_row)
            .checked_sub(sizes.padding[0])
            .filter(|row| *row < sizes.input[0])
    }

    /// Gathers the patches of these rows of output pixels (row y of image i is i·height + y).
    pub(super) fn gather(&self, input: &[f32], rows: Range<usize>, columns: &mut [f32]) {
        let [height, width] = self.sizes.output;
        let line = self.sizes.kernel[1] * self.channels;
        let mut patches = columns.chunks_exact_mut(self.length());
        for row in rows {
            let image = &input[row / height * self.image()..][..self.image()];
            for (x, patch) in (0..width).zip(&mut patches) {
                let (overlap, column) = self.overlap(x);
                let numbers = overlap.len() * self.channels;
                for (kernel_row, line) in patch.chunks_exact_mut(line).enumerate() {
                    let Some(image_row) = self.row(row % height, kernel_row) else {
                        line.fill(0.0);
                        continue;
                    };
                    let begin = overlap.start * self.channels;
                    let from = (image_row * self.sizes.input[1] + column) * self.channels;
                    line[..begin].fill(0.0);
                    line[begin..begin + numbers].copy_from_slice(&image[from..from + numbers]);
                    line[begin + numbers..].fill(0.0);
                }
            }
        }
    }

    /// Adds the patches of these rows of output pixels, all of them of the given images, to the
    /// images that they lie on. `rows` are counted from the first image's.
    pub(super) fn scatter(&self, columns: &[f32], rows: Range<usize>, images: &mut [f32]) {
        let [height, width] = self.sizes.output;
        let line = self.sizes.kernel[1] * self.channels;
        let mut patches = columns.chunks_exact(self.length());
        for row in rows {
            let image = &mut images[row / height * self.image()..][..self.image()];
            for (x, patch) in (0..width).zip(&mut patches) {
                let (overlap, column) = self.overlap(x);
                let numbers = overlap.len() * self.channels;
                for (kernel_row, line) in patch.chunks_exact(line).enumerate() {
                    let Some(image_row) = self.row(row % height, kernel_row) else {
                        continue;
                    };
                    let begin = overlap.start * self.channels;
                    let to = (image_row * self.sizes.input[1] + column) * self.channels;
                    let target = &mut image[to..to + numbers];
                    for (target, value) in target.iter_mut().zip(&line[begin..begin + numbers]) {
                        *target += value;
                    }
                }
            }
        }
    }
}
