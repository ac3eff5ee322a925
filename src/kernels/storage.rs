//! Flex tensors as slices and back.
//!
//! Kernels want channels innermost: `[rows, channels]`, and images in the order batch, height,
//! width, channel. A tensor keeps its shape `[batch, channels, height, width]`; only its strides
//! say how it lies, and every operation of burn's honours strides, most of them slowly. So an
//! operation gives back what it was given: channels innermost for channels innermost, and then
//! nothing is moved between two layers of ours; row by row for anything else, and burn's
//! operations in between go on at their full speed.

use std::ops::Deref;

use burn::backend::flex::{FlexTensor, Layout};
use burn::tensor::{Bytes, DType, Shape};

use super::buffers::{self, Buffer};
use super::gemm::Matrix;
use super::threads;

/// Numbers in the order that a kernel wants: where they lie, or copied.
pub(super) enum Dense<'a> {
    Lent(&'a [f32]),
    Copied(Buffer),
}

impl Deref for Dense<'_> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match self {
            Self::Lent(slice) => slice,
            Self::Copied(buffer) => buffer,
        }
    }
}

impl Dense<'_> {
    /// A buffer that nobody else holds.
    pub(super) fn into_buffer(self) -> Buffer {
        match self {
            Self::Copied(buffer) => buffer,
            Self::Lent(slice) => {
                let mut buffer = buffers::take(slice.len());
                buffer.copy_from_slice(slice);
                buffer
            }
        }
    }
}

/// A shape's channels and pixels: `[n, c]` has one pixel, a vector one channel.
fn channels_and_pixels(shape: &[usize]) -> [usize; 2] {
    match shape {
        [_, channels, pixels @ ..] => [*channels, pixels.iter().product()],
        _ => [1, 1],
    }
}

/// Batch and channels of an image tensor.
pub(super) fn batch_and_channels(tensor: &FlexTensor) -> [usize; 2] {
    let shape: &[usize] = tensor.layout().shape();
    [shape[0], shape[1]]
}

/// The strides of a tensor with its channels innermost.
///
/// One channel or one pixel lie the same way in either order; they get the usual strides, for
/// which burn's operations have fast paths.
fn channels_last_strides(shape: &[usize]) -> Vec<isize> {
    let [channels, pixels] = channels_and_pixels(shape);
    let mut strides = vec![1isize; shape.len()];
    if channels == 1 || pixels == 1 {
        for axis in (0..shape.len() - 1).rev() {
            strides[axis] = strides[axis + 1] * shape[axis + 1] as isize;
        }
        return strides;
    }
    let mut stride = channels as isize;
    for axis in (2..shape.len()).rev() {
        strides[axis] = stride;
        stride *= shape[axis] as isize;
    }
    strides[0] = stride;
    strides
}

/// Whether strides mean the same place for every index of a shape.
fn same_places(shape: &[usize], a: &[isize], b: &[isize]) -> bool {
    shape
        .iter()
        .zip(a.iter().zip(b))
        .all(|(size, (a, b))| *size == 1 || a == b)
}

/// Whether a tensor's channels lie innermost, without gaps.
pub(super) fn lies_channels_last(tensor: &FlexTensor) -> bool {
    let layout = tensor.layout();
    let shape: &[usize] = layout.shape();
    same_places(shape, layout.strides(), &channels_last_strides(shape))
}

/// The numbers row by row, in the order of the shape.
pub(super) fn row_major(tensor: &FlexTensor) -> Dense<'_> {
    if let Some(slice) = tensor.as_slice() {
        return Dense::Lent(slice);
    }
    let rows = tensor.to_contiguous();
    let mut copy = buffers::take(rows.layout().num_elements());
    copy.copy_from_slice(rows.storage());
    Dense::Copied(copy)
}

/// The numbers of `[batch, channels, …]` with the channels innermost; those of a vector as they
/// are.
pub(super) fn channels_last(tensor: &FlexTensor) -> Dense<'_> {
    let layout = tensor.layout();
    let shape: &[usize] = layout.shape();
    let start = layout.start_offset();
    if lies_channels_last(tensor) {
        let storage: &[f32] = tensor.storage();
        return Dense::Lent(&storage[start..start + layout.num_elements()]);
    }
    let [channels, pixels] = channels_and_pixels(shape);
    let from = row_major(tensor);
    let mut to = buffers::take(from.len());
    transpose_images(&from, &mut to, channels, pixels);
    Dense::Copied(to)
}

/// Each image's `[rows, columns]` as `[columns, rows]`.
fn transpose_images(from: &[f32], to: &mut [f32], rows: usize, columns: usize) {
    const TILE: usize = 16;
    let image = rows * columns;
    if image == 0 {
        return;
    }
    let wanted = threads::for_numbers(from.len());
    let ranges = threads::split(from.len() / image, wanted);
    let pieces = threads::cut(to, &ranges, image);
    threads::run(ranges.into_iter().zip(pieces), |(range, to)| {
        let from = from[range.start * image..range.end * image].chunks_exact(image);
        for (from, to) in from.zip(to.chunks_exact_mut(image)) {
            for top in (0..rows).step_by(TILE) {
                let bottom = (top + TILE).min(rows);
                for column in 0..columns {
                    let target = &mut to[column * rows + top..column * rows + bottom];
                    for (row, target) in (top..bottom).zip(target) {
                        *target = from[row * columns + column];
                    }
                }
            }
        }
    });
}

/// A tensor of numbers that lie with the channels innermost.
pub(super) fn from_channels_last(numbers: Buffer, shape: &[usize]) -> FlexTensor {
    let layout = Layout::new(Shape::from(shape.to_vec()), channels_last_strides(shape), 0);
    FlexTensor::new(Bytes::from_elems(numbers.into_vec()), layout, DType::F32)
}

/// A tensor of numbers that lie with the channels innermost, to lie as another does.
pub(super) fn from_channels_last_like(
    numbers: Buffer,
    shape: &[usize],
    like: &FlexTensor,
) -> FlexTensor {
    if lies_channels_last(like) {
        return from_channels_last(numbers, shape);
    }
    let [channels, pixels] = channels_and_pixels(shape);
    let mut rows = buffers::take(numbers.len());
    transpose_images(&numbers, &mut rows, pixels, channels);
    from_rows(rows, shape)
}

/// A tensor of numbers in row-major order.
pub(super) fn from_rows(numbers: Buffer, shape: &[usize]) -> FlexTensor {
    let layout = Layout::contiguous(Shape::from(shape.to_vec()));
    FlexTensor::new(Bytes::from_elems(numbers.into_vec()), layout, DType::F32)
}

/// The order in which a tensor's numbers lie, or come to lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    ChannelsLast,
    Rows,
}

impl Order {
    /// A tensor's own; row by row for what lies in neither.
    pub(super) fn of(tensor: &FlexTensor) -> Self {
        if lies_channels_last(tensor) {
            Self::ChannelsLast
        } else {
            Self::Rows
        }
    }

    /// A tensor's numbers in this order.
    pub(super) fn numbers(self, tensor: &FlexTensor) -> Dense<'_> {
        match self {
            Self::ChannelsLast => channels_last(tensor),
            Self::Rows => row_major(tensor),
        }
    }

    /// A tensor of numbers in this order.
    pub(super) fn tensor(self, numbers: Buffer, shape: &[usize]) -> FlexTensor {
        match self {
            Self::ChannelsLast => from_channels_last(numbers, shape),
            Self::Rows => from_rows(numbers, shape),
        }
    }
}

/// `work(out, x)` for shares of a tensor, in the order in which it lies.
pub(super) fn map(x: &FlexTensor, work: impl Fn(&mut [f32], &[f32]) + Sync) -> FlexTensor {
    let order = Order::of(x);
    let numbers = order.numbers(x);
    let mut out = buffers::take(numbers.len());
    let ranges = threads::split(out.len(), threads::for_numbers(numbers.len()));
    let pieces = threads::cut(&mut out, &ranges, 1);
    threads::run(ranges.into_iter().zip(pieces), |(range, out)| {
        work(out, &numbers[range]);
    });
    order.tensor(out, x.layout().shape())
}

/// `work(out, a, b)` for shares of two tensors of one shape, in the order in which `a` lies.
pub(super) fn zip(
    a: &FlexTensor,
    b: &FlexTensor,
    work: impl Fn(&mut [f32], &[f32], &[f32]) + Sync,
) -> FlexTensor {
    let order = Order::of(a);
    let (x, y) = (order.numbers(a), order.numbers(b));
    let mut out = buffers::take(x.len());
    let ranges = threads::split(x.len(), threads::for_numbers(x.len()));
    let pieces = threads::cut(&mut out, &ranges, 1);
    threads::run(ranges.into_iter().zip(pieces), |(range, out)| {
        work(out, &x[range.clone()], &y[range]);
    });
    order.tensor(out, a.layout().shape())
}

/// A matrix as it lies, if it lies in rows or in columns, with what keeps a copy alive if not.
pub(super) fn with_matrix<R>(tensor: &FlexTensor, work: impl FnOnce(Matrix) -> R) -> R {
    let layout = tensor.layout();
    let shape: &[usize] = layout.shape();
    let [rows, columns] = [shape[0], shape[1]];
    let (by_row, by_column) = (layout.strides()[0], layout.strides()[1]);
    let row_major = by_column == 1 && by_row >= columns as isize;
    let column_major = by_row == 1 && by_column >= rows as isize;
    if row_major || column_major {
        let storage: &[f32] = tensor.storage();
        let data = &storage[layout.start_offset()..];
        return work(Matrix::new(
            data,
            [rows, columns],
            [by_row as usize, by_column as usize],
        ));
    }
    let copy = tensor.to_contiguous();
    work(Matrix::row_major(copy.storage(), rows, columns))
}

/// Whether a tensor's storage holds its own numbers, all of them, and nothing else.
pub(super) fn is_dense(tensor: &FlexTensor) -> bool {
    let layout = tensor.layout();
    layout.start_offset() == 0
        && tensor.bytes().len() == layout.num_elements() * size_of::<f32>()
        && layout.strides().iter().all(|stride| *stride > 0)
}

/// The axes of a tensor that is dense from the outermost to the innermost.
pub(super) fn axes_in_memory(tensor: &FlexTensor) -> Option<Vec<usize>> {
    if !is_dense(tensor) {
        return None;
    }
    let strides = tensor.layout().strides();
    let mut axes: Vec<usize> = (0..strides.len()).collect();
    axes.sort_by_key(|axis| std::cmp::Reverse(strides[*axis]));
    Some(axes)
}

/// Takes the memory of a tensor that nobody else holds.
pub(super) fn recycle(tensor: FlexTensor) {
    if tensor.dtype() != DType::F32 || !tensor.is_unique() {
        return;
    }
    let count = tensor.bytes().len() / size_of::<f32>();
    let whole = Layout::contiguous(Shape::from(vec![count]));
    if let Ok(numbers) = tensor
        .with_layout(whole)
        .into_data()
        .bytes
        .try_into_vec::<f32>()
    {
        buffers::give_back(numbers);
    }
}
