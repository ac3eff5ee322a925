//! Matrix products of Flex tensors.

use burn::backend::flex::FlexTensor;

use super::activation::{Elementwise, apply_with_bias};
use super::gemm::{Update, product_on_all_threads};
use super::storage::{from_rows, with_matrix};
use super::{buffers, threads};

/// f(A·B + b): `[rows, inner]` and `[inner, columns]` to `[rows, columns]`, either operand
/// transposed first where it says so.
pub(super) fn product(
    a: &FlexTensor,
    transpose_a: bool,
    b: &FlexTensor,
    transpose_b: bool,
    bias: Option<&[f32]>,
    activation: Elementwise,
) -> FlexTensor {
    let side = |tensor: &FlexTensor, first: bool| tensor.layout().shape()[usize::from(!first)];
    let rows = side(a, !transpose_a);
    let columns = side(b, transpose_b);
    let mut out = buffers::take(rows * columns);
    with_matrix(a, |a| {
        let a = if transpose_a { a.transposed() } else { a };
        with_matrix(b, |b| {
            let b = if transpose_b { b.transposed() } else { b };
            product_on_all_threads(&mut out, Update::Replace, a, b);
        });
    });
    if bias.is_some() || activation != Elementwise::Identity {
        let wanted = threads::for_numbers(out.len());
        let ranges = threads::split(rows, wanted);
        let pieces = threads::cut(&mut out, &ranges, columns);
        threads::run(pieces, |rows| apply_with_bias(rows, bias, activation));
    }
    from_rows(out, &[rows, columns])
}
