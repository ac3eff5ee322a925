//! Matrix products through the `gemm` crate: the only `unsafe` of this crate.
//!
//! The micro-kernel (AVX-512, AVX2 and FMA, NEON or plain code) is chosen at run time. What is
//! unsafe about it are addresses, so every address is checked against its slice before the call.

#![allow(unsafe_code)]

use std::marker::PhantomData;

use gemm::Parallelism;

use super::threads;

/// Multiply-adds below which a second thread costs more than it saves.
const WORTH_A_THREAD: usize = 1 << 20;
/// Columns or rows are dealt out in multiples of this, the width of a micro-kernel.
const GRAIN: usize = 16;

/// A matrix of f32 within a slice.
#[derive(Debug, Clone, Copy)]
pub(super) struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// A matrix whose element (i, j) is `data[i·row_stride + j·column_stride]`.
    ///
    /// # Panics
    /// If an element would lie outside the slice.
    pub(super) fn new(
        data: &'a [f32],
        [rows, columns]: [usize; 2],
        [row_stride, column_stride]: [usize; 2],
    ) -> Self {
        let matrix = Self {
            data,
            rows,
            columns,
            row_stride,
            column_stride,
        };
        matrix.check();
        matrix
    }

    /// A matrix that lies row by row.
    pub(super) fn row_major(data: &'a [f32], rows: usize, columns: usize) -> Self {
        Self::new(data, [rows, columns], [columns, 1])
    }

    /// The same numbers, rows as columns.
    pub(super) fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }

    /// The last element's place is the largest, strides being no less than 0.
    fn check(&self) {
        if self.rows == 0 || self.columns == 0 {
            return;
        }
        let last = (self.rows - 1)
            .checked_mul(self.row_stride)
            .zip((self.columns - 1).checked_mul(self.column_stride))
            .and_then(|(row, column)| row.checked_add(column));
        assert!(
            last.is_some_and(|last| last < self.data.len())
                && self.row_stride <= isize::MAX as usize
                && self.column_stride <= isize::MAX as usize,
            "a matrix of {} by {}, strides {} and {}, does not fit into {} numbers",
            self.rows,
            self.columns,
            self.row_stride,
            self.column_stride,
            self.data.len()
        );
    }
}

/// What becomes of the numbers that the output holds already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Update {
    /// They are overwritten, unread.
    Replace,
    /// The product is added to them.
    Add,
}

/// out = a·b, or out + a·b, on the calling thread; `out` lies row by row.
///
/// # Panics
/// If the sizes do not fit each other, or `out` is not of the product's size.
pub(super) fn product(out: &mut [f32], update: Update, a: Matrix, b: Matrix) {
    check_sizes(out, a, b);
    let columns = b.columns;
    let out = Output {
        start: out.as_mut_ptr(),
        stride: columns,
        slice: PhantomData,
    };
    // SAFETY: `check_sizes` has compared out's length with rows × columns, and `out` is borrowed
    // mutably for the whole call.
    unsafe { block(&out, [0, a.rows], [0, columns], update, a, b) }
}

/// As [`product`], shared out among the threads where it is large enough.
pub(super) fn product_on_all_threads(out: &mut [f32], update: Update, a: Matrix, b: Matrix) {
    check_sizes(out, a, b);
    let [rows, columns, inner] = [a.rows, b.columns, a.columns];
    // By the longer side: each thread then packs a part of the larger operand, not all of it.
    let by_columns = columns >= rows;
    let side = if by_columns { columns } else { rows };
    let work = rows.saturating_mul(columns).saturating_mul(inner);
    let wanted = (work / WORTH_A_THREAD).clamp(1, threads::count());
    let parts = threads::split(side.div_ceil(GRAIN), wanted)
        .into_iter()
        .map(|part| [part.start * GRAIN, (part.end * GRAIN).min(side)]);
    let out = Output {
        start: out.as_mut_ptr(),
        stride: columns,
        slice: PhantomData,
    };
    threads::run(parts, |part| {
        let (row_range, column_range) = if by_columns {
            ([0, rows], part)
        } else {
            (part, [0, columns])
        };
        // SAFETY: as in `product`; the parts of `threads::split` do not overlap, so no element
        // of `out` is written by two threads.
        unsafe { block(&out, row_range, column_range, update, a, b) }
    });
}

fn check_sizes(out: &[f32], a: Matrix, b: Matrix) {
    assert_eq!(
        a.columns, b.rows,
        "a {} by {} matrix can't be multiplied by one of {} by {}",
        a.rows, a.columns, b.rows, b.columns
    );
    assert_eq!(
        Some(out.len()),
        a.rows.checked_mul(b.columns),
        "the product of {} by {} and {} by {} has another size",
        a.rows,
        a.columns,
        b.rows,
        b.columns
    );
}

/// A matrix that several threads write disjoint blocks of.
struct Output<'a> {
    start: *mut f32,
    stride: usize,
    slice: PhantomData<&'a mut [f32]>,
}

// SAFETY: it stands for an exclusively borrowed slice of f32, which may be sent; who writes
// through it (`block`) promises that no two blocks overlap.
unsafe impl Sync for Output<'_> {}

/// One block of rows and columns of the product.
///
/// # Safety
/// `out` must stand for a slice of at least a.rows × out.stride elements with out.stride ≥
/// b.columns, both ranges must lie within the product, and nobody else may touch that block.
unsafe fn block(
    out: &Output<'_>,
    [row, row_end]: [usize; 2],
    [column, column_end]: [usize; 2],
    update: Update,
    a: Matrix,
    b: Matrix,
) {
    assert!(row <= row_end && row_end <= a.rows && column <= column_end && column_end <= b.columns);
    let [rows, columns] = [row_end - row, column_end - column];
    if rows == 0 || columns == 0 {
        return;
    }
    if a.columns == 0 {
        if update == Update::Replace {
            for row in row..row_end {
                for column in column..column_end {
                    // SAFETY: within the block.
                    unsafe { *out.start.add(row * out.stride + column) = 0.0 };
                }
            }
        }
        return;
    }
    a.check();
    b.check();
    // SAFETY: all three matrices lie within their slices: a and b by `check` (the block's corner
    // is one of their elements), out by this function's contract; out aliases neither, being
    // borrowed mutably. Strides fit isize, checked in `Matrix`.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            a.columns,
            out.start.add(row * out.stride + column),
            1,
            out.stride as isize,
            update == Update::Add,
            a.data.as_ptr().add(row * a.row_stride),
            a.column_stride as isize,
            a.row_stride as isize,
            b.data.as_ptr().add(column * b.column_stride),
            b.column_stride as isize,
            b.row_stride as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}
