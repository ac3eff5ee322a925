//! Adam's update in one pass over parameter, gradient and both moments.

use burn::backend::flex::{FlexTensor, Layout};
use burn::tensor::{Bytes, DType};

use super::buffers;
use super::simd::{Once, vectorized};
use super::storage::{is_dense, recycle};
use super::threads;

/// The numbers of one step, the same for all elements of a tensor.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AdamStep {
    /// β₁.
    pub(crate) beta_1: f32,
    /// β₂.
    pub(crate) beta_2: f32,
    /// What the ratio of the corrected moments is multiplied with.
    pub(crate) rate: f32,
    /// ε, in units of the uncorrected second moment's root.
    pub(crate) epsilon: f32,
    /// What the parameter is multiplied with first: 1 − learning rate × decay, or 1.
    pub(crate) decay: f32,
}

/// The same tensor with the given dense strides, moved only if it lies otherwise.
pub(super) fn lay_out(tensor: FlexTensor, layout: &Layout) -> FlexTensor {
    if tensor.layout() == layout && is_dense(&tensor) {
        return tensor;
    }
    let from = tensor.to_contiguous();
    let numbers: &[f32] = from.storage();
    let shape: &[usize] = layout.shape();
    let strides = layout.strides();
    let mut to = buffers::take(numbers.len());
    let mut index = vec![0usize; shape.len()];
    let mut place = 0usize;
    for number in numbers {
        to[place] = *number;
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            place += strides[axis] as usize;
            if index[axis] < shape[axis] {
                break;
            }
            place -= strides[axis] as usize * shape[axis];
            index[axis] = 0;
        }
    }
    FlexTensor::new(Bytes::from_elems(to.into_vec()), layout.clone(), DType::F32)
}

/// One step; moments of `None` are zeros. Returns the parameter and both moments, in the
/// gradient's order, in place where nobody else holds them.
pub(crate) fn step(
    parameter: FlexTensor,
    gradient: FlexTensor,
    moments: Option<[FlexTensor; 2]>,
    numbers: AdamStep,
) -> [FlexTensor; 3] {
    let gradient = if is_dense(&gradient) {
        gradient
    } else {
        gradient.to_contiguous()
    };
    let layout = gradient.layout().clone();
    let count = layout.num_elements();
    let zeros = || {
        let zeros = Bytes::from_elems(buffers::zeros(count).into_vec());
        FlexTensor::new(zeros, layout.clone(), DType::F32)
    };
    let moments = moments.unwrap_or_else(|| [zeros(), zeros()]);
    let [mut first, mut second] = moments.map(|moment| lay_out(moment, &layout));
    let mut parameter = lay_out(parameter, &layout);
    {
        let g: &[f32] = gradient.storage();
        let shares = threads::split(count, threads::for_numbers(count));
        let p = threads::cut(parameter.storage_mut(), &shares, 1);
        let m = threads::cut(first.storage_mut(), &shares, 1);
        let v = threads::cut(second.storage_mut(), &shares, 1);
        let parts = shares.into_iter().zip(p).zip(m.into_iter().zip(v));
        threads::run(parts, |((share, p), (m, v))| {
            update(p, &g[share], m, v, numbers);
        });
    }
    recycle(gradient);
    [parameter, first, second]
}

/// The arithmetic of burn's Adam, element by element.
fn update(p: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32], numbers: AdamStep) {
    let AdamStep {
        beta_1,
        beta_2,
        rate,
        epsilon,
        decay,
    } = numbers;
    let (fresh_1, fresh_2) = (1.0 - beta_1, 1.0 - beta_2);
    let once = Once;
    vectorized(move || {
        let _once = once;
        for (((p, g), m), v) in p.iter_mut().zip(g).zip(m).zip(v) {
            *m = *m * beta_1 + g * fresh_1;
            *v = *v * beta_2 + g * g * fresh_2;
            *p = *p * decay - rate * (*m / (v.sqrt() + epsilon));
        }
    });
}
