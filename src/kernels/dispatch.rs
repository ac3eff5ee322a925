//! From a tensor of any backend to the kernels, if the backend has them.
//!
//! A layer asks here first; `None` means: take burn's operations. The backend is known by its
//! `TypeId`. Kernels are there for f32 on [`Flex`], on a tape above it, and on a tape above that,
//! where exact gradient penalties are computed.

use burn::backend::{Autodiff, Flex};
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::ops::FloatTensor;
use burn::tensor::{DType, ElementConversion, Tensor};

use super::activation::Elementwise;
use super::adam::{self, AdamStep};
use super::average;
use super::backend::Kernels;
use super::batch_norm;
use super::bilinear::{Bilinear, Geometry};
use super::picture::{Part, Picture};
use super::rearrange::Rearrange;
use super::resample::Resample;
use super::storage;
use crate::activation::Activation;
use crate::retyped::{cast, is, taken, tensor};

type Tape = Autodiff<Flex>;
type TapeOfTape = Autodiff<Autodiff<Flex>>;

/// A float tensor of backend `B`, known to be `K`, as a primitive.
fn primitive<B: Backend, K: Backend, const R: usize>(tensor: &Tensor<B, R>) -> FloatTensor<K> {
    taken::<B, K, R>(tensor.clone())
}

/// Whether kernels take a tensor: f32, and something in it.
fn suits<B: Backend, const R: usize>(tensor: &Tensor<B, R>) -> bool {
    tensor.dtype() == DType::F32 && tensor.shape().num_elements() > 0
}

/// Calls a generic function for the backend's own kernels, if it has some.
macro_rules! on_kernels {
    ($B:ty, $call:ident, $($argument:expr),*) => {
        if is::<$B, Flex>() {
            Some($call::<$B, Flex, _>($($argument),*))
        } else if is::<$B, Tape>() {
            Some($call::<$B, Tape, _>($($argument),*))
        } else if is::<$B, TapeOfTape>() {
            Some($call::<$B, TapeOfTape, _>($($argument),*))
        } else {
            None
        }
    };
}

fn run_layer<B: Backend, K: Kernels, const R: usize>(
    operation: Bilinear,
    activation: Elementwise,
    x: &Tensor<B, R>,
    weight: &Tensor<B, R>,
    bias: Option<&Tensor<B, 1>>,
) -> Tensor<B, R> {
    let y = K::layer(
        operation,
        activation,
        primitive::<B, K, R>(x),
        primitive::<B, K, R>(weight),
        bias.map(primitive::<B, K, 1>),
    );
    tensor::<B, K, R>(y)
}

fn layer<B: Backend, const R: usize>(
    operation: Bilinear,
    activation: Activation,
    x: &Tensor<B, R>,
    weight: &Tensor<B, R>,
    bias: Option<&Tensor<B, 1>>,
) -> Option<Tensor<B, R>> {
    let (within, after) = within_and_after(activation)?;
    if !suits(x) || !suits(weight) || bias.is_some_and(|bias| !suits(bias)) {
        return None;
    }
    let y = on_kernels!(B, run_layer, operation, within, x, weight, bias)?;
    match after {
        Some(smooth) => on_kernels!(B, run_apply, smooth, y),
        None => Some(y),
    }
}

/// What a layer's kernel applies itself, and what is applied to its output: the slope of a smooth
/// function is computed from its input, which is then kept.
fn within_and_after(activation: Activation) -> Option<(Elementwise, Option<Elementwise>)> {
    let function = Elementwise::of(activation)?;
    Some(if function.is_piecewise_linear() {
        (function, None)
    } else {
        (Elementwise::Identity, Some(function))
    })
}

fn run_apply<B: Backend, K: Kernels, const R: usize>(
    activation: Elementwise,
    x: Tensor<B, R>,
) -> Tensor<B, R> {
    tensor::<B, K, R>(K::apply(activation, taken::<B, K, R>(x)))
}

/// An activation by itself; what there is no kernel for comes back as it is.
pub(crate) fn applied<B: Backend, const R: usize>(
    activation: Activation,
    x: Tensor<B, R>,
) -> Result<Tensor<B, R>, Tensor<B, R>> {
    match Elementwise::of(activation) {
        Some(activation) if has_kernels::<B>() && suits(&x) => {
            Ok(on_kernels!(B, run_apply, activation, x).expect("a backend with kernels"))
        }
        _ => Err(x),
    }
}

/// Whether a backend has kernels.
fn has_kernels<B: Backend>() -> bool {
    is::<B, Flex>() || is::<B, Tape>() || is::<B, TapeOfTape>()
}

fn run_added<B: Backend, K: Kernels, const R: usize>(
    a: Tensor<B, R>,
    b: Tensor<B, R>,
) -> Tensor<B, R> {
    let [a, b] = [a, b].map(taken::<B, K, R>);
    tensor::<B, K, R>(K::add(a, b))
}

/// a + b of one shape, lying in memory as a does, by burn's operation where there is no kernel.
pub(crate) fn added<B: Backend, const R: usize>(a: Tensor<B, R>, b: Tensor<B, R>) -> Tensor<B, R> {
    if !(has_kernels::<B>() && suits(&a) && suits(&b) && a.dims() == b.dims()) {
        return a + b;
    }
    // By value: the sum may take the memory of either.
    on_kernels!(B, run_added, a, b).expect("a backend with kernels")
}

fn run_released<B: Backend, K: Kernels, const R: usize>(x: Tensor<B, R>) {
    K::recycle(taken::<B, K, R>(x));
}

/// A tensor that is not needed any more: unless somebody else holds it, its memory serves another.
pub(crate) fn released<B: Backend, const R: usize>(x: Tensor<B, R>) {
    if has_kernels::<B>() {
        on_kernels!(B, run_released, x);
    }
}

fn run_times<B: Backend, K: Kernels, const R: usize>(x: Tensor<B, R>, factor: f32) -> Tensor<B, R> {
    tensor::<B, K, R>(K::times(taken::<B, K, R>(x), factor))
}

/// x times a number, lying as x does, by burn's operation where there is no kernel.
pub(crate) fn times<B: Backend, const R: usize>(x: Tensor<B, R>, factor: f64) -> Tensor<B, R> {
    if !(has_kernels::<B>() && suits(&x)) {
        return x.mul_scalar(factor);
    }
    on_kernels!(B, run_times, x, factor as f32).expect("a backend with kernels")
}

fn run_resampled<B: Backend, K: Kernels, const R: usize>(
    filter: &Resample,
    x: Tensor<B, R>,
) -> Tensor<B, R> {
    tensor::<B, K, R>(K::resample(filter, taken::<B, K, R>(x)))
}

/// Pictures made larger, smaller or smoother by a fixed filter; what there is no kernel for comes back
/// as it is.
pub(crate) fn resampled<B: Backend>(
    filter: &Resample,
    x: Tensor<B, 4>,
) -> Result<Tensor<B, 4>, Tensor<B, 4>> {
    if !(has_kernels::<B>() && suits(&x) && filter.suits(x.dims())) {
        return Err(x);
    }
    Ok(on_kernels!(B, run_resampled, filter, x).expect("a backend with kernels"))
}

fn run_rearranged<B: Backend, K: Kernels, const R: usize>(
    map: Rearrange,
    x: Tensor<B, R>,
) -> Tensor<B, R> {
    tensor::<B, K, R>(K::rearrange(map, taken::<B, K, R>(x)))
}

/// Channels or pixels put elsewhere; what there is no kernel for comes back as it is.
pub(crate) fn rearranged<B: Backend, const R: usize>(
    map: Rearrange,
    x: Tensor<B, R>,
) -> Result<Tensor<B, R>, Tensor<B, R>> {
    if !(has_kernels::<B>() && suits(&x) && map.suits(&x.dims())) {
        return Err(x);
    }
    Ok(on_kernels!(B, run_rearranged, map, x).expect("a backend with kernels"))
}

fn run_gated<B: Backend, K: Kernels, const R: usize>(x: Tensor<B, R>) -> Tensor<B, R> {
    tensor::<B, K, R>(K::gated(taken::<B, K, R>(x)))
}

/// a·σ(b), x = (a, b) along the channels; what there is no kernel for comes back as it is.
pub(crate) fn gated<B: Backend, const R: usize>(
    x: Tensor<B, R>,
) -> Result<Tensor<B, R>, Tensor<B, R>> {
    if !(has_kernels::<B>() && suits(&x) && x.dims()[1].is_multiple_of(2)) {
        return Err(x);
    }
    Ok(on_kernels!(B, run_gated, x).expect("a backend with kernels"))
}

fn run_channel_scale<B: Backend, K: Kernels, const R: usize>(
    x: &Tensor<B, R>,
    scale: &Tensor<B, 2>,
    shift: Option<&Tensor<B, 2>>,
    activation: Elementwise,
) -> Tensor<B, R> {
    let y = K::layer(
        Bilinear::ChannelScale,
        activation,
        primitive::<B, K, R>(x),
        primitive::<B, K, 2>(scale),
        shift.map(primitive::<B, K, 2>),
    );
    tensor::<B, K, R>(y)
}

/// f(x·s + b), s and b of `[n, channels]`.
pub(crate) fn channel_scale<B: Backend, const R: usize>(
    x: &Tensor<B, R>,
    scale: &Tensor<B, 2>,
    shift: Option<&Tensor<B, 2>>,
    activation: Activation,
) -> Option<Tensor<B, R>> {
    let (within, after) = within_and_after(activation)?;
    if !(suits(x) && suits(scale) && shift.is_none_or(suits)) {
        return None;
    }
    let y = on_kernels!(B, run_channel_scale, x, scale, shift, within)?;
    match after {
        Some(smooth) => on_kernels!(B, run_apply, smooth, y),
        None => Some(y),
    }
}

fn run_maxout<B: Backend, K: Kernels, const R: usize>(
    x: &Tensor<B, R>,
    pieces: usize,
) -> Tensor<B, R> {
    let x = primitive::<B, K, R>(x);
    let places = K::winners(x.clone(), pieces);
    tensor::<B, K, R>(K::chosen(x, places, pieces))
}

/// The largest of each unit's pieces, `[rows, units·pieces]` to `[rows, units]`.
pub(crate) fn maxout<B: Backend>(x: &Tensor<B, 2>, pieces: usize) -> Option<Tensor<B, 2>> {
    if !suits(x) {
        return None;
    }
    on_kernels!(B, run_maxout, x, pieces)
}

fn run_channels_last<B: Backend, K: Kernels, const R: usize>(x: &Tensor<B, R>) -> Tensor<B, R> {
    tensor::<B, K, R>(K::channels_last(primitive::<B, K, R>(x)))
}

/// The same tensor with its channels innermost in memory.
pub(crate) fn channels_last<B: Backend, const R: usize>(x: &Tensor<B, R>) -> Option<Tensor<B, R>> {
    if !suits(x) {
        return None;
    }
    on_kernels!(B, run_channels_last, x)
}

/// Whether images lie with their channels innermost in memory.
pub(crate) fn lies_channels_last<B: Backend, const R: usize>(x: &Tensor<B, R>) -> bool {
    if !suits(x) {
        return false;
    }
    let flex = if is::<B, Flex>() {
        primitive::<B, Flex, R>(x)
    } else if is::<B, Tape>() {
        primitive::<B, Tape, R>(x).primitive
    } else if is::<B, TapeOfTape>() {
        primitive::<B, TapeOfTape, R>(x).primitive.primitive
    } else {
        return false;
    };
    // A single channel or pixel lies the same way in either order.
    storage::lies_channels_last(&flex) && !flex.is_contiguous()
}

fn run_picture<B: Backend, K: Kernels, const R: usize>(
    picture: Picture,
    x: Tensor<B, R>,
    numbers: &Tensor<B, 2>,
) -> Tensor<B, R> {
    let x = cast::<_, Tensor<K, R>>(x).into_primitive().tensor();
    let numbers = primitive::<B, K, 2>(numbers);
    tensor::<B, K, R>(K::picture(picture, Part::Whole, x, numbers))
}

/// A map of each picture of a batch by the numbers of its sample, `[batch, …]`, which no gradient
/// goes through.
pub(crate) fn picture<B: Backend>(
    picture: Picture,
    x: &Tensor<B, 4>,
    numbers: &Tensor<B, 2>,
) -> Option<Tensor<B, 4>> {
    if !(suits(x) && suits(numbers)) {
        return None;
    }
    on_kernels!(B, run_picture, picture, x.clone(), numbers)
}

/// A number, `[1]`, where the backend has computed it already and reading it costs nothing.
pub(crate) fn known<B: Backend>(number: &Tensor<B, 1>) -> Option<f64> {
    has_kernels::<B>()
        .then(|| number.clone().into_data().iter::<f64>().next())
        .flatten()
}

/// f(x·W + b): `[rows, inputs]` to `[rows, outputs]`; weight `[inputs, outputs]`.
pub(crate) fn linear<B: Backend>(
    x: &Tensor<B, 2>,
    weight: &Tensor<B, 2>,
    bias: Option<&Tensor<B, 1>>,
    activation: Activation,
) -> Option<Tensor<B, 2>> {
    layer(Bilinear::PRODUCT, activation, x, weight, bias)
}

/// f(x ∗ w + b), dilation 1; weight `[out, in/groups, height, width]`, `begin` and `end` the zeros above
/// and to the left, below and to the right.
pub(crate) fn conv2d<B: Backend>(
    x: &Tensor<B, 4>,
    weight: &Tensor<B, 4>,
    bias: Option<&Tensor<B, 1>>,
    activation: Activation,
    stride: [usize; 2],
    [begin, end]: [[usize; 2]; 2],
    groups: usize,
) -> Option<Tensor<B, 4>> {
    let [_, channels, input @ ..] = x.dims();
    let [_, inputs, kernel @ ..] = weight.dims();
    if channels != inputs * groups {
        return None;
    }
    let mut output = [0; 2];
    for axis in 0..2 {
        let free = (input[axis] + begin[axis] + end[axis]).checked_sub(kernel[axis])?;
        output[axis] = free / stride[axis] + 1;
    }
    let sizes = Geometry {
        kernel,
        stride,
        padding: begin,
        input,
        output,
        groups,
    };
    layer(Bilinear::Convolution(sizes), activation, x, weight, bias)
}

/// f(x ∗ᵀ w + b), dilation 1; weight `[in, out/groups, height, width]`, `padding`
/// what is cut off on all sides, `padding_out` what is added below and to the right.
pub(crate) fn conv_transpose2d<B: Backend>(
    x: &Tensor<B, 4>,
    weight: &Tensor<B, 4>,
    bias: Option<&Tensor<B, 1>>,
    activation: Activation,
    stride: [usize; 2],
    [padding, padding_out]: [[usize; 2]; 2],
    groups: usize,
) -> Option<Tensor<B, 4>> {
    let [_, channels, output @ ..] = x.dims();
    let [inputs, _, kernel @ ..] = weight.dims();
    if channels != inputs {
        return None;
    }
    let mut input = [0; 2];
    for axis in 0..2 {
        let spread = output[axis].checked_sub(1)? * stride[axis] + kernel[axis];
        input[axis] = (spread + padding_out[axis]).checked_sub(2 * padding[axis])?;
    }
    // The layer's input is the convolution's output: what it computes is a gradient.
    let sizes = Geometry {
        kernel,
        stride,
        padding,
        input,
        output,
        groups,
    };
    if input.contains(&0) {
        return None;
    }
    layer(Bilinear::InputGradient(sizes), activation, x, weight, bias)
}

/// A batch norm's output and its batch's statistics, `[channels]` each, off the tape.
pub(crate) struct Normalized<B: Backend, const R: usize> {
    pub(crate) y: Tensor<B, R>,
    pub(crate) mean: Tensor<B, 1>,
    /// Biased: the mean of squared distances.
    pub(crate) variance: Tensor<B, 1>,
}

/// f(γ·x̂ + β) with the batch's own statistics. On one tape only: one level further up, burn's
/// operations are differentiated.
pub(crate) fn batch_norm_training<B: Backend, const R: usize>(
    x: &Tensor<B, R>,
    [gamma, beta]: [&Tensor<B, 1>; 2],
    epsilon: f64,
    activation: Activation,
) -> Option<Normalized<B, R>> {
    let (within, after) = within_and_after(activation)?;
    if !(is::<B, Tape>() && suits(x) && suits(gamma) && suits(beta)) {
        return None;
    }
    let trained = batch_norm::train(
        primitive::<B, Tape, R>(x),
        primitive::<B, Tape, 1>(gamma),
        primitive::<B, Tape, 1>(beta),
        epsilon as f32,
        within,
    );
    let constant = |inner| tensor::<B, Tape, 1>(Tape::from_inner(inner));
    Some(Normalized {
        y: tensor::<B, Tape, R>(match after {
            Some(smooth) => Tape::apply(smooth, trained.y),
            None => trained.y,
        }),
        mean: constant(trained.mean),
        variance: constant(trained.variance),
    })
}

/// f(γ·(x − mean)/√(variance + ε) + β) with given statistics, off any tape.
pub(crate) fn batch_norm_inference<B: Backend, const R: usize>(
    x: &Tensor<B, R>,
    [gamma, beta]: [&Tensor<B, 1>; 2],
    [mean, variance]: [&Tensor<B, 1>; 2],
    epsilon: f64,
    activation: Activation,
) -> Option<Tensor<B, R>> {
    let (within, after) = within_and_after(activation)?;
    let vectors = [gamma, beta, mean, variance];
    if !is::<B, Flex>() || !suits(x) || !vectors.into_iter().all(suits) {
        return None;
    }
    let [gamma, beta, mean, variance] = vectors.map(primitive::<B, Flex, 1>);
    let y = batch_norm::infer(
        &primitive::<B, Flex, R>(x),
        &gamma,
        &beta,
        &mean,
        &variance,
        epsilon as f32,
        within,
    );
    Some(tensor::<B, Flex, R>(match after {
        Some(smooth) => Flex::apply(smooth, y),
        None => y,
    }))
}

/// Whether [`adam`] takes a parameter and its gradient.
pub(crate) fn adam_suits<B: Backend, const R: usize>(
    parameter: &Tensor<B, R>,
    gradient: &Tensor<B, R>,
) -> bool {
    is::<B, Flex>() && suits(parameter) && suits(gradient)
}

/// One step of Adam: the parameter and both moments, `None` before the first step.
///
/// # Panics
/// If [`adam_suits`] says no.
pub(crate) fn adam<B: Backend, const R: usize>(
    parameter: Tensor<B, R>,
    gradient: Tensor<B, R>,
    moments: Option<[Tensor<B, R>; 2]>,
    numbers: AdamStep,
) -> [Tensor<B, R>; 3] {
    // By value: what nobody else holds is updated where it lies.
    let take = |tensor| {
        cast::<Tensor<B, R>, Tensor<Flex, R>>(tensor)
            .into_primitive()
            .tensor()
    };
    let moments = moments.map(|moments| moments.map(take));
    adam::step(take(parameter), take(gradient), moments, numbers).map(tensor::<B, Flex, R>)
}

/// decay·average + (1 − decay)·value.
pub(crate) fn moving_average<B: Backend, const R: usize>(
    average: Tensor<B, R>,
    value: Tensor<B, R>,
    decay: f64,
) -> Tensor<B, R> {
    if !(is::<B, Flex>() && suits(&average) && suits(&value)) {
        return average.mul_scalar(decay) + value.mul_scalar(1.0 - decay);
    }
    // By value: the average is updated where it lies.
    let take = |tensor| {
        cast::<Tensor<B, R>, Tensor<Flex, R>>(tensor)
            .into_primitive()
            .tensor()
    };
    tensor::<B, Flex, R>(average::towards(take(average), take(value), decay as f32))
}

/// x times the number in `factor`, `[1]`.
#[inline(never)]
pub(crate) fn scaled<B: Backend, const R: usize>(
    x: Tensor<B, R>,
    factor: &Tensor<B, 1>,
) -> Tensor<B, R> {
    if !(is::<B, Flex>() && suits(&x) && suits(factor)) {
        return x * factor.clone().reshape([1; R]);
    }
    let x = cast::<Tensor<B, R>, Tensor<Flex, R>>(x)
        .into_primitive()
        .tensor();
    let factor: f32 = factor.clone().into_scalar().elem();
    tensor::<B, Flex, R>(average::scaled(x, factor))
}

/// A tensor's axes from the outermost in memory to the innermost, if it is the kernels' and holds nothing
/// but its own numbers.
pub(crate) fn axes_in_memory<B: Backend, const R: usize>(x: &Tensor<B, R>) -> Option<[usize; R]> {
    if !(is::<B, Flex>() && suits(x)) {
        return None;
    }
    let x = primitive::<B, Flex, R>(x);
    storage::axes_in_memory(&x)?.try_into().ok()
}

/// Σx², if the backend has a kernel for it.
pub(crate) fn sum_of_squares<B: Backend, const R: usize>(x: &Tensor<B, R>) -> Option<f64> {
    (is::<B, Flex>() && suits(x)).then(|| average::sum_of_squares(&primitive::<B, Flex, R>(x)))
}

crate::compiled::compiled! {
    scaled::<Plain, 1>,
    scaled::<Plain, 2>,
    scaled::<Plain, 4>,
}
