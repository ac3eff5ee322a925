//! Convolutions whose channels fall into groups, on Flex tensors.
//!
//! A group's products are too thin for the matrix product; they are computed pixel by pixel, with
//! some neighbouring pixels in registers ([`direct`]), or, where each channel is a group of its own,
//! all channels at once ([`depthwise`]). Threads take images of their own; an image is copied into a
//! frame of zeros, so that no pixel is an exception.

mod depthwise;
mod direct;

use burn::backend::flex::FlexTensor;

use super::activation::{Elementwise, apply_with_bias};
use super::bilinear::Geometry;
use super::buffers::{self, Buffer};
use super::storage::{
    batch_and_channels, channels_last, from_channels_last, from_channels_last_like,
};
use super::threads;

/// One convolution's sizes.
#[derive(Debug, Clone, Copy)]
struct Grouped {
    sizes: Geometry,
    batch: usize,
    /// Channels of x and of y, of all groups.
    channels: usize,
    outputs: usize,
}

impl Grouped {
    fn of(sizes: Geometry, batch: usize, channels: usize, outputs: usize) -> Self {
        Self {
            sizes,
            batch,
            channels,
            outputs,
        }
    }

    /// Channels of x and of y in a group.
    fn group(&self) -> [usize; 2] {
        [self.channels, self.outputs].map(|channels| channels / self.sizes.groups)
    }

    fn is_depthwise(&self) -> bool {
        self.group() == [1, 1]
    }

    /// The pixels of a kernel.
    fn taps(&self) -> usize {
        self.sizes.kernel[0] * self.sizes.kernel[1]
    }

    /// Numbers in an image of x and of y.
    fn images(&self) -> [usize; 2] {
        let area = |[height, width]: [usize; 2]| height * width;
        [
            area(self.sizes.input) * self.channels,
            area(self.sizes.output) * self.outputs,
        ]
    }

    /// Height and width of what the kernels pass over, padding included.
    fn framed(&self) -> [usize; 2] {
        let sizes = &self.sizes;
        [0, 1].map(|axis| (sizes.output[axis] - 1) * sizes.stride[axis] + sizes.kernel[axis])
    }

    /// Where a row of the image and its part within the frame lie: in the image, in the frame, and
    /// how many numbers.
    fn rows(&self) -> impl Iterator<Item = [usize; 3]> + use<> {
        let this = *self;
        let [height, width] = this.framed();
        let [top, left] = this.sizes.padding;
        let rows = this.sizes.input[0].min(height.saturating_sub(top));
        let columns = this.sizes.input[1].min(width.saturating_sub(left));
        (0..rows).map(move |row| {
            [
                row * this.sizes.input[1] * this.channels,
                ((row + top) * width + left) * this.channels,
                columns * this.channels,
            ]
        })
    }

    /// A frame of zeros.
    fn frame(&self) -> Buffer {
        let [height, width] = self.framed();
        buffers::zeros(height * width * self.channels)
    }

    /// Copies an image into its frame.
    fn enter(&self, image: &[f32], frame: &mut [f32]) {
        for [from, to, count] in self.rows() {
            frame[to..to + count].copy_from_slice(&image[from..from + count]);
        }
    }

    /// Copies an image out of its frame; what no kernel passes over is 0.
    fn leave(&self, frame: &[f32], image: &mut [f32]) {
        image.fill(0.0);
        for [to, from, count] in self.rows() {
            image[to..to + count].copy_from_slice(&frame[from..from + count]);
        }
    }

    /// Where the number of (output, tap, channel within the group) lies: in the weight as it is
    /// given, `[outputs, taps, channels of a group]`, and as the loops want it, by groups
    /// `[taps, channels, outputs]`, or `[taps, outputs, channels]` with `turned`.
    fn places(&self, turned: bool) -> impl Iterator<Item = [usize; 2]> + use<> {
        let this = *self;
        let [channels, outputs] = this.group();
        let taps = this.taps();
        (0..this.outputs).flat_map(move |output| {
            let (group, within) = (output / outputs, output % outputs);
            (0..taps).flat_map(move |tap| {
                (0..channels).map(move |channel| {
                    let given = (output * taps + tap) * channels + channel;
                    if this.is_depthwise() {
                        return [given, tap * this.outputs + output];
                    }
                    let matrix = (group * taps + tap) * channels * outputs;
                    let wanted = if turned {
                        matrix + within * channels + channel
                    } else {
                        matrix + channel * outputs + within
                    };
                    [given, wanted]
                })
            })
        })
    }

    fn arranged(&self, weight: &[f32], turned: bool) -> Buffer {
        let mut out = buffers::take(weight.len());
        for [given, wanted] in self.places(turned) {
            out[wanted] = weight[given];
        }
        out
    }
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
    let grouped = Grouped::of(sizes, batch, channels, outputs);
    let [x_image, y_image] = grouped.images();
    let given = x;
    let (x, weight) = (channels_last(x), channels_last(weight));
    let weight = grouped.arranged(&weight, false);
    let mut y = buffers::take(batch * y_image);
    let ranges = threads::split(batch, threads::count());
    let pieces = threads::cut(&mut y, &ranges, y_image);
    threads::run(ranges.into_iter().zip(pieces), |(images, y)| {
        let mut frame = grouped.frame();
        for (index, y) in images.zip(y.chunks_exact_mut(y_image)) {
            grouped.enter(&x[index * x_image..][..x_image], &mut frame);
            if grouped.is_depthwise() {
                depthwise::forward(&grouped, &frame, &weight, y);
            } else {
                direct::forward(&grouped, &frame, &weight, y);
            }
            apply_with_bias(y, bias, activation);
        }
    });
    let [height, width] = sizes.output;
    from_channels_last_like(y, &[batch, outputs, height, width], given)
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
    let channels = batch_and_channels(weight)[1] * sizes.groups;
    let grouped = Grouped::of(sizes, batch, channels, outputs);
    let [x_image, y_image] = grouped.images();
    let given = y;
    let (y, weight) = (channels_last(y), channels_last(weight));
    let weight = grouped.arranged(&weight, true);
    let mut x = buffers::take(batch * x_image);
    let ranges = threads::split(batch, threads::count());
    let pieces = threads::cut(&mut x, &ranges, x_image);
    threads::run(ranges.into_iter().zip(pieces), |(images, x)| {
        let mut frame = grouped.frame();
        for (index, x) in images.zip(x.chunks_exact_mut(x_image)) {
            let y = &y[index * y_image..][..y_image];
            frame.fill(0.0);
            if grouped.is_depthwise() {
                depthwise::input_gradient(&grouped, y, &weight, &mut frame);
            } else {
                direct::input_gradient(&grouped, y, &weight, &mut frame);
            }
            grouped.leave(&frame, x);
            apply_with_bias(x, bias, activation);
        }
    });
    let [height, width] = sizes.input;
    from_channels_last_like(x, &[batch, channels, height, width], given)
}

/// x ⋆ y: the convolution's weight's gradient.
pub(super) fn weight_gradient(x: &FlexTensor, y: &FlexTensor, sizes: Geometry) -> FlexTensor {
    let [batch, channels] = batch_and_channels(x);
    let [_, outputs] = batch_and_channels(y);
    let grouped = Grouped::of(sizes, batch, channels, outputs);
    let [x_image, y_image] = grouped.images();
    let (x, y) = (channels_last(x), channels_last(y));
    let count = channels / sizes.groups * outputs * grouped.taps();

    // Each thread sums over images of its own; the sums are added in the threads' order.
    let ranges = threads::split(grouped.batch, threads::count());
    let mut sums: Vec<Buffer> = ranges.iter().map(|_| buffers::zeros(count)).collect();
    threads::run(ranges.into_iter().zip(&mut sums), |(images, sum)| {
        let mut frame = grouped.frame();
        for index in images {
            grouped.enter(&x[index * x_image..][..x_image], &mut frame);
            let y = &y[index * y_image..][..y_image];
            if grouped.is_depthwise() {
                depthwise::weight_gradient(&grouped, &frame, y, sum);
            } else {
                direct::weight_gradient(&grouped, &frame, y, sum);
            }
        }
    });
    let Some(total) = threads::total(sums) else {
        unreachable!("tensors are not empty");
    };
    let mut weight = buffers::take(count);
    for [given, wanted] in grouped.places(false) {
        weight[given] = total[wanted];
    }
    let [height, width] = sizes.kernel;
    from_channels_last(weight, &[outputs, channels / sizes.groups, height, width])
}
