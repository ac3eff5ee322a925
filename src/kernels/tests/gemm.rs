//! The matrix product against its definition, and attempts to make it touch what is not its own.

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::kernels::gemm::{Matrix, Update, product, product_on_all_threads};
use crate::random::Stream;

/// How a matrix lies in memory; the elements between its own are NaN.
#[derive(Debug, Clone, Copy)]
enum Layout {
    Rows,
    Columns,
    /// Rows of a wider matrix.
    PaddedRows,
    PaddedColumns,
    /// No element next to another.
    Apart,
}

const LAYOUTS: [Layout; 5] = [
    Layout::Rows,
    Layout::Columns,
    Layout::PaddedRows,
    Layout::PaddedColumns,
    Layout::Apart,
];

/// A matrix's numbers row by row, and the same numbers in another layout.
struct Stored {
    rows: usize,
    columns: usize,
    numbers: Vec<f32>,
    data: Vec<f32>,
    strides: [usize; 2],
    /// Whether what is stored is the transposed matrix.
    transposed: bool,
}

impl Stored {
    fn new(
        [rows, columns]: [usize; 2],
        (layout, transposed): (Layout, bool),
        stream: &mut Stream,
    ) -> Self {
        let numbers = stream.normal(rows * columns);
        let [height, width] = if transposed {
            [columns, rows]
        } else {
            [rows, columns]
        };
        let strides = match layout {
            Layout::Rows => [width, 1],
            Layout::Columns => [1, height],
            Layout::PaddedRows => [width + 3, 1],
            Layout::PaddedColumns => [1, height + 5],
            Layout::Apart => [2 * width + 1, 2],
        };
        // Not one element more than the matrix needs.
        let length = match height.min(width) {
            0 => 0,
            _ => (height - 1) * strides[0] + (width - 1) * strides[1] + 1,
        };
        let mut data = vec![f32::NAN; length];
        for i in 0..height {
            for j in 0..width {
                let (row, column) = if transposed { (j, i) } else { (i, j) };
                data[i * strides[0] + j * strides[1]] = numbers[row * columns + column];
            }
        }
        Self {
            rows,
            columns,
            numbers,
            data,
            strides,
            transposed,
        }
    }

    fn matrix(&self) -> Matrix<'_> {
        if self.transposed {
            Matrix::new(&self.data, [self.columns, self.rows], self.strides).transposed()
        } else {
            Matrix::new(&self.data, [self.rows, self.columns], self.strides)
        }
    }
}

/// A product by its definition, in f64.
struct Expected {
    size: [usize; 2],
    values: Vec<f64>,
    /// Σ |a·b|.
    magnitudes: Vec<f64>,
    /// How many products are added.
    inner: usize,
}

impl Expected {
    fn new(a: &[f32], b: &[f32], [rows, inner, columns]: [usize; 3]) -> Self {
        let mut values = vec![0.0; rows * columns];
        let mut magnitudes = vec![0.0; rows * columns];
        for i in 0..rows {
            let out = i * columns..(i + 1) * columns;
            for k in 0..inner {
                let a = f64::from(a[i * inner + k]);
                let b = &b[k * columns..(k + 1) * columns];
                let sums = values[out.clone()]
                    .iter_mut()
                    .zip(&mut magnitudes[out.clone()]);
                for ((value, magnitude), b) in sums.zip(b) {
                    let term = a * f64::from(*b);
                    *value += term;
                    *magnitude += term.abs();
                }
            }
        }
        Self {
            size: [rows, columns],
            values,
            magnitudes,
            inner,
        }
    }
}

type Multiply = fn(&mut [f32], Update, Matrix, Matrix);

/// Numbers on either side of an output, which must not change.
const GUARD: usize = 37;
const SENTINEL: f32 = -12_345.5;

/// Multiplies into the middle of a buffer; returns the product.
#[track_caller]
fn attempt(
    case: &str,
    multiply: Multiply,
    update: Update,
    (a, b): (Matrix, Matrix),
    expected: &Expected,
) -> Vec<f32> {
    let [rows, columns] = expected.size;
    let count = rows * columns;
    // What is replaced must not be read: NaN would stay.
    let before: Vec<f32> = match update {
        Update::Replace => vec![f32::NAN; count],
        Update::Add => Stream::new(2, "output").normal(count),
    };
    let mut buffer = vec![SENTINEL; GUARD + count + GUARD];
    buffer[GUARD..GUARD + count].copy_from_slice(&before);
    multiply(&mut buffer[GUARD..GUARD + count], update, a, b);

    let out = &buffer[GUARD..GUARD + count];
    for (index, found) in out.iter().enumerate() {
        let start = match update {
            Update::Replace => 0.0,
            Update::Add => f64::from(before[index]),
        };
        let wanted = start + expected.values[index];
        // Rounding can't do worse, in whatever order the terms are added.
        let roundings = (expected.inner + 1) as f64 * f64::from(f32::EPSILON);
        let bound = roundings * (start.abs() + expected.magnitudes[index]);
        assert!(
            (f64::from(*found) - wanted).abs() <= bound,
            "{case}, {update:?}, {rows} by {columns} of {} terms at {index}: {found} is not {wanted}",
            expected.inner
        );
    }
    let outside = buffer[..GUARD].iter().chain(&buffer[GUARD + count..]);
    assert!(
        outside.into_iter().all(|x| *x == SENTINEL),
        "{case}, {update:?}: written outside"
    );
    out.to_vec()
}

fn pool(threads: usize) -> ThreadPool {
    ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .expect("threads")
}

const UPDATES: [Update; 2] = [Update::Replace, Update::Add];

#[test]
fn products_are_right_however_their_matrices_lie() {
    let mut stream = Stream::new(1, "layouts");
    let ways = || {
        LAYOUTS
            .into_iter()
            .flat_map(|layout| [(layout, false), (layout, true)])
    };
    // 2100: more than any block of the sum.
    for [rows, inner, columns] in [
        [7, 5, 9],
        [33, 17, 20],
        [1, 40, 6],
        [6, 40, 1],
        [5, 2100, 3],
    ] {
        for a_way in ways() {
            for b_way in ways() {
                let a = Stored::new([rows, inner], a_way, &mut stream);
                let b = Stored::new([inner, columns], b_way, &mut stream);
                let expected = Expected::new(&a.numbers, &b.numbers, [rows, inner, columns]);
                let case = format!("{a_way:?} {b_way:?}");
                for update in UPDATES {
                    let operands = (a.matrix(), b.matrix());
                    attempt(&case, product, update, operands, &expected);
                }
            }
        }
    }
}

#[test]
fn products_of_random_sizes_are_right_on_any_number_of_threads() {
    let mut stream = Stream::new(3, "sizes");
    let pools = [1, 2, 5].map(|threads| (threads, pool(threads)));
    for _ in 0..300 {
        let sizes = [(); 3].map(|()| stream.index(41));
        let [rows, inner, columns] = sizes;
        let mut way = || (LAYOUTS[stream.index(5)], stream.index(2) == 0);
        let (a_way, b_way) = (way(), way());
        let a = Stored::new([rows, inner], a_way, &mut stream);
        let b = Stored::new([inner, columns], b_way, &mut stream);
        let expected = Expected::new(&a.numbers, &b.numbers, sizes);
        let case = format!("{a_way:?} {b_way:?}");
        for update in UPDATES {
            let operands = || (a.matrix(), b.matrix());
            attempt(&case, product, update, operands(), &expected);
            for (threads, pool) in &pools {
                let case = format!("{case}, {threads} threads");
                pool.install(|| {
                    attempt(&case, product_on_all_threads, update, operands(), &expected)
                });
            }
        }
    }
}

#[test]
fn large_products_are_shared_out_right_and_repeat_bit_by_bit() {
    let mut stream = Stream::new(4, "large sizes");
    let pools = [1, 2, 5].map(|threads| (threads, pool(threads)));
    for sizes in [
        // By rows and by columns; then shares of unequal width, and of nothing but one line.
        [300, 200, 150],
        [150, 200, 300],
        [33, 4000, 17],
        [17, 4000, 35],
        [1, 3000, 1001],
        [1001, 3000, 1],
        [1200, 2, 1001],
    ] {
        let [rows, inner, columns] = sizes;
        let mut way = || (LAYOUTS[stream.index(5)], stream.index(2) == 0);
        let (a_way, b_way) = (way(), way());
        let a = Stored::new([rows, inner], a_way, &mut stream);
        let b = Stored::new([inner, columns], b_way, &mut stream);
        let expected = Expected::new(&a.numbers, &b.numbers, sizes);
        for (threads, pool) in &pools {
            let case = format!("{a_way:?} {b_way:?}, {threads} threads");
            for update in UPDATES {
                let once = || {
                    let operands = (a.matrix(), b.matrix());
                    attempt(&case, product_on_all_threads, update, operands, &expected)
                };
                let first = pool.install(once);
                assert!(
                    first == pool.install(once),
                    "{case}, {update:?}: not repeated"
                );
            }
        }
    }
}

#[test]
fn a_sum_of_no_terms_is_0() {
    for multiply in [product as Multiply, product_on_all_threads] {
        let mut out = [f32::NAN; 6];
        let (a, b) = (Matrix::row_major(&[], 2, 0), Matrix::row_major(&[], 0, 3));
        multiply(&mut out, Update::Replace, a, b);
        assert_eq!(out, [0.0; 6]);
        let mut out = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        multiply(&mut out, Update::Add, a, b);
        assert_eq!(out, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        // Nothing at all.
        let rows = Matrix::row_major(&[], 0, 4);
        multiply(&mut [], Update::Replace, rows, rows.transposed());
    }
}

#[test]
fn elements_may_share_their_place() {
    let numbers: Vec<f32> = (0..12).map(|i| 0.5 + i as f32).collect();
    // Element (i, j) is number i + j; one number everywhere; one row again and again.
    let sums = Matrix::new(&numbers, [5, 8], [1, 1]);
    let constant = Matrix::new(&numbers[3..4], [8, 6], [0, 0]);
    let again = Matrix::new(&numbers[..6], [8, 6], [0, 1]);
    let dense = |rows: usize, columns: usize, at: &dyn Fn(usize, usize) -> usize| -> Vec<f32> {
        (0..rows * columns)
            .map(|index| numbers[at(index / columns, index % columns)])
            .collect()
    };
    let a = dense(5, 8, &|i, j| i + j);
    for (name, b, b_numbers) in [
        ("constant", constant, dense(8, 6, &|_, _| 3)),
        ("again", again, dense(8, 6, &|_, j| j)),
    ] {
        let expected = Expected::new(&a, &b_numbers, [5, 8, 6]);
        attempt(name, product, Update::Replace, (sums, b), &expected);
        attempt(
            name,
            product_on_all_threads,
            Update::Add,
            (sums, b),
            &expected,
        );
    }
}

#[test]
#[should_panic(expected = "does not fit into 11 numbers")]
fn a_matrix_beyond_its_slice_is_refused() {
    let _ = Matrix::row_major(&[0.0; 11], 3, 4);
}

#[test]
#[should_panic(expected = "does not fit into 8 numbers")]
fn a_strided_matrix_beyond_its_slice_is_refused() {
    // The last element would be number 2·3 + 1·2 = 8.
    let _ = Matrix::new(&[0.0; 8], [3, 2], [3, 2]);
}

#[test]
#[should_panic(expected = "does not fit into 0 numbers")]
fn a_matrix_of_nothing_is_refused() {
    let _ = Matrix::new(&[], [1, 1], [0, 0]);
}

#[test]
#[should_panic(expected = "does not fit into 8 numbers")]
fn a_row_stride_that_overflows_is_refused() {
    // 2·(2⁶³) is 0 in 64 bits.
    let _ = Matrix::new(&[0.0; 8], [3, 1], [usize::MAX / 2 + 1, 1]);
}

#[test]
#[should_panic(expected = "does not fit into 8 numbers")]
fn strides_whose_sum_overflows_are_refused() {
    // (2⁶⁴ − 1) + 1 is 0 in 64 bits.
    let _ = Matrix::new(&[0.0; 8], [2, 2], [usize::MAX, 1]);
}

#[test]
#[should_panic(expected = "does not fit into 8 numbers")]
fn a_stride_that_is_negative_when_signed_is_refused() {
    let _ = Matrix::new(&[0.0; 8], [1, 4], [usize::MAX, 1]);
}

#[test]
#[should_panic(expected = "a 2 by 3 matrix can't be multiplied by one of 4 by 2")]
fn inner_sizes_that_differ_are_refused() {
    let (a, b) = ([0.0; 6], [0.0; 8]);
    let (a, b) = (Matrix::row_major(&a, 2, 3), Matrix::row_major(&b, 4, 2));
    product(&mut [0.0; 4], Update::Replace, a, b);
}

/// 2 by 3 times 3 by 2, into an output of some length.
fn multiply_into(length: usize, multiply: Multiply) {
    let numbers = [0.0; 6];
    let a = Matrix::row_major(&numbers, 2, 3);
    multiply(&mut vec![0.0; length], Update::Replace, a, a.transposed());
}

#[test]
fn the_outputs_length_is_the_products() {
    multiply_into(4, product);
    multiply_into(4, product_on_all_threads);
}

#[test]
#[should_panic(expected = "the product of 2 by 3 and 3 by 2 has another size")]
fn an_output_too_short_is_refused() {
    multiply_into(3, product);
}

#[test]
#[should_panic(expected = "the product of 2 by 3 and 3 by 2 has another size")]
fn an_output_too_long_is_refused() {
    multiply_into(5, product);
}

#[test]
#[should_panic(expected = "the product of 2 by 3 and 3 by 2 has another size")]
fn an_output_too_short_is_refused_on_all_threads() {
    multiply_into(3, product_on_all_threads);
}

#[test]
#[should_panic(expected = "the product of 2 by 3 and 3 by 2 has another size")]
fn an_output_too_long_is_refused_on_all_threads() {
    multiply_into(5, product_on_all_threads);
}

#[test]
#[should_panic(expected = "has another size")]
fn an_output_whose_size_overflows_is_refused() {
    // Matrices without elements may have any size: rows × columns is 0 in 64 bits.
    let a = Matrix::new(&[], [usize::MAX / 2 + 1, 0], [0, 0]);
    let b = Matrix::new(&[], [0, 2], [0, 0]);
    product(&mut [], Update::Replace, a, b);
}
