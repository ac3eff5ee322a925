//! What random shapes do not reach: tensors that lie in other ways, numbers in f64, NaN and
//! infinity, settings without a kernel, gradients that add up, records, threads, second order.

use burn::backend::{Autodiff, Flex};
use burn::module::{Module, ModuleMapper, Param};
use burn::nn::conv::{
    Conv1d as BurnConv1d, Conv1dConfig as BurnConv1dConfig, Conv2d as BurnConv2d,
    Conv2dConfig as BurnConv2dConfig, ConvTranspose1d as BurnConvTranspose1d,
    ConvTranspose1dConfig as BurnConvTranspose1dConfig, ConvTranspose2d as BurnConvTranspose2d,
    ConvTranspose2dConfig as BurnConvTranspose2dConfig,
};
use burn::nn::{
    BatchNorm as BurnBatchNorm, BatchNormConfig as BurnBatchNormConfig, Linear as BurnLinear,
    LinearConfig as BurnLinearConfig,
};
use burn::nn::{PaddingConfig1d, PaddingConfig2d};
use burn::record::{FullPrecisionSettings, NamedMpkBytesRecorder, Recorder};
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::ops::Device;
use burn::tensor::{DType, Tensor, TensorData};
use rayon::ThreadPoolBuilder;

use super::properties::{
    BOTH_ROUNDED, Coefficients, Exact, Fast, Layer, Numbers, TOLERANCE, check, close, compare,
    normal, outcome, run, slopes, uniform,
};
use crate::nn::{
    Activation, BatchNorm, BatchNormConfig, Conv1d, Conv1dConfig, Conv2d, Conv2dConfig,
    ConvTranspose1d, ConvTranspose1dConfig, ConvTranspose2d, ConvTranspose2dConfig, Linear,
    LinearConfig,
};
use crate::objective::input_gradient;
use crate::random::Stream;
use crate::testing::{assign, floats, for_each_autodiff_backend, gradients, parameters, values};

/// A convolution's sizes, up or down.
#[derive(Clone, Copy)]
struct Sizes {
    name: &'static str,
    input: [usize; 4],
    outputs: usize,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
    groups: usize,
}

impl Sizes {
    const fn channels(&self) -> [usize; 2] {
        [self.input[1], self.outputs]
    }

    /// Of weights: outputs then are of size 1, where activations bend.
    fn scale(&self) -> f32 {
        let fan_in = self.input[1] / self.groups * self.kernel[0] * self.kernel[1];
        1.0 / (fan_in as f32).sqrt()
    }
}

const SMALL: Sizes = Sizes {
    name: "small",
    input: [3, 5, 6, 7],
    outputs: 4,
    kernel: [3, 2],
    stride: [2, 1],
    padding: [1, 0],
    groups: 1,
};

/// Kernels of this size and of so many channels have a way of their own.
const WIDE: Sizes = Sizes {
    name: "wide",
    input: [4, 17, 10, 11],
    outputs: 20,
    kernel: [4, 4],
    stride: [2, 2],
    padding: [1, 1],
    groups: 1,
};

/// So have these.
const SQUARE: Sizes = Sizes {
    name: "square",
    input: [3, 16, 7, 8],
    outputs: 19,
    kernel: [3, 3],
    stride: [1, 1],
    padding: [1, 1],
    groups: 1,
};

const GROUPED: Sizes = Sizes {
    name: "grouped",
    input: [3, 12, 6, 7],
    outputs: 24,
    kernel: [3, 3],
    stride: [1, 1],
    padding: [1, 1],
    groups: 3,
};

const DEPTHWISE: Sizes = Sizes {
    name: "depthwise",
    input: [3, 6, 6, 7],
    outputs: 6,
    kernel: [4, 3],
    stride: [2, 1],
    padding: [1, 1],
    groups: 6,
};

/// A convolution's sizes over time, up or down. The last step of a stride fits: burn's layer has no gradient
/// where it does not.
#[derive(Clone, Copy)]
struct Windows {
    name: &'static str,
    input: [usize; 3],
    outputs: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
    groups: usize,
}

impl Windows {
    const fn channels(&self) -> [usize; 2] {
        [self.input[1], self.outputs]
    }

    /// Of weights: outputs then are of size 1, where activations bend.
    fn scale(&self) -> f32 {
        1.0 / ((self.input[1] / self.groups * self.kernel) as f32).sqrt()
    }
}

const SHORT: Windows = Windows {
    name: "short",
    input: [3, 5, 13],
    outputs: 4,
    kernel: 5,
    stride: 2,
    padding: 2,
    groups: 1,
};

/// WaveGAN's.
const WAVE: Windows = Windows {
    name: "wave",
    input: [4, 17, 27],
    outputs: 20,
    kernel: 25,
    stride: 4,
    padding: 11,
    groups: 1,
};

const GROUPED_WINDOWS: Windows = Windows {
    name: "grouped",
    input: [3, 12, 10],
    outputs: 24,
    kernel: 3,
    stride: 1,
    padding: 1,
    groups: 3,
};

const DEPTHWISE_WINDOWS: Windows = Windows {
    name: "depthwise",
    input: [3, 6, 10],
    outputs: 6,
    kernel: 4,
    stride: 2,
    padding: 1,
    groups: 6,
};

/// Ours, burn's, and burn's in f64.
fn down(sizes: Sizes) -> (Conv2d<Fast>, BurnConv2d<Fast>, BurnConv2d<Exact>) {
    let [vertical, horizontal] = sizes.padding;
    let padding = PaddingConfig2d::Explicit(vertical, horizontal, vertical, horizontal);
    let ours = Conv2dConfig::new(sizes.channels(), sizes.kernel)
        .with_stride(sizes.stride)
        .with_groups(sizes.groups)
        .with_padding(padding.clone());
    let burns = BurnConv2dConfig::new(sizes.channels(), sizes.kernel)
        .with_stride(sizes.stride)
        .with_groups(sizes.groups)
        .with_padding(padding);
    (
        ours.init(&Default::default()),
        burns.init(&Default::default()),
        burns.init(&Default::default()),
    )
}

fn up(
    sizes: Sizes,
) -> (
    ConvTranspose2d<Fast>,
    BurnConvTranspose2d<Fast>,
    BurnConvTranspose2d<Exact>,
) {
    let ours = ConvTranspose2dConfig::new(sizes.channels(), sizes.kernel)
        .with_stride(sizes.stride)
        .with_groups(sizes.groups)
        .with_padding(sizes.padding);
    let burns = BurnConvTranspose2dConfig::new(sizes.channels(), sizes.kernel)
        .with_stride(sizes.stride)
        .with_groups(sizes.groups)
        .with_padding(sizes.padding);
    (
        ours.init(&Default::default()),
        burns.init(&Default::default()),
        burns.init(&Default::default()),
    )
}

fn down_windows(sizes: Windows) -> (Conv1d<Fast>, BurnConv1d<Fast>, BurnConv1d<Exact>) {
    let padding = PaddingConfig1d::Explicit(sizes.padding, sizes.padding);
    let ours = Conv1dConfig::new(sizes.channels(), sizes.kernel)
        .with_stride(sizes.stride)
        .with_groups(sizes.groups)
        .with_padding(padding.clone());
    let [inputs, outputs] = sizes.channels();
    let burns = BurnConv1dConfig::new(inputs, outputs, sizes.kernel)
        .with_stride(sizes.stride)
        .with_groups(sizes.groups)
        .with_padding(padding);
    (
        ours.init(&Default::default()),
        burns.init(&Default::default()),
        burns.init(&Default::default()),
    )
}

fn up_windows(
    sizes: Windows,
) -> (
    ConvTranspose1d<Fast>,
    BurnConvTranspose1d<Fast>,
    BurnConvTranspose1d<Exact>,
) {
    let ours = ConvTranspose1dConfig::new(sizes.channels(), sizes.kernel)
        .with_stride(sizes.stride)
        .with_groups(sizes.groups)
        .with_padding(sizes.padding);
    let burns = BurnConvTranspose1dConfig::new(sizes.channels(), sizes.kernel)
        .with_stride(sizes.stride)
        .with_groups(sizes.groups)
        .with_padding(sizes.padding);
    (
        ours.init(&Default::default()),
        burns.init(&Default::default()),
        burns.init(&Default::default()),
    )
}

fn linear(inputs: usize, outputs: usize) -> (Linear<Fast>, BurnLinear<Fast>, BurnLinear<Exact>) {
    let burns = BurnLinearConfig::new(inputs, outputs);
    (
        LinearConfig::new(inputs, outputs).init(&Default::default()),
        burns.init(&Default::default()),
        burns.init(&Default::default()),
    )
}

fn norm(channels: usize) -> (BatchNorm<Fast>, BurnBatchNorm<Fast>, BurnBatchNorm<Exact>) {
    crate::testing::settle_precision();
    let burns = BurnBatchNormConfig::new(channels);
    (
        BatchNormConfig::new(channels).init(&Default::default()),
        burns.init(&Default::default()),
        burns.init(&Default::default()),
    )
}

/// An input of this shape and parameters for this layer, the first one's of `scale`.
fn draw<M: Module<Fast>, const R: usize>(
    layer: &M,
    shape: [usize; R],
    scale: f32,
    stream: &mut Stream,
) -> Numbers<R> {
    let parameters = parameters::<Fast, _>(layer)
        .iter()
        .enumerate()
        .map(|(which, old)| normal(stream, old.len(), if which == 0 { scale } else { 1.0 }))
        .collect();
    Numbers {
        shape,
        input: normal(stream, shape.iter().product(), 1.0),
        parameters,
    }
}

/// Calls a generic function `(name, (ours, burns, exact), numbers)` for every layer.
macro_rules! for_each_layer {
    ($check:ident) => {{
        let mut stream = Stream::new(5, stringify!($check));
        for sizes in [SMALL, WIDE, SQUARE, GROUPED, DEPTHWISE] {
            let layers = down(sizes);
            let numbers = draw(&layers.0, sizes.input, sizes.scale(), &mut stream);
            $check(&format!("{} convolution", sizes.name), layers, numbers);
            let layers = up(sizes);
            let numbers = draw(&layers.0, sizes.input, sizes.scale(), &mut stream);
            $check(
                &format!("{} transposed convolution", sizes.name),
                layers,
                numbers,
            );
        }
        for sizes in [SHORT, WAVE, GROUPED_WINDOWS, DEPTHWISE_WINDOWS] {
            let layers = down_windows(sizes);
            let numbers = draw(&layers.0, sizes.input, sizes.scale(), &mut stream);
            $check(
                &format!("{} convolution over time", sizes.name),
                layers,
                numbers,
            );
            let layers = up_windows(sizes);
            let numbers = draw(&layers.0, sizes.input, sizes.scale(), &mut stream);
            $check(
                &format!("{} transposed convolution over time", sizes.name),
                layers,
                numbers,
            );
        }
        let layers = linear(6, 5);
        let numbers = draw(&layers.0, [7, 6], 0.4, &mut stream);
        $check("linear layer", layers, numbers);
        let layers = norm(5);
        let numbers = draw(&layers.0, [3, 5, 6, 7], 1.0, &mut stream);
        $check("batch norm", layers, numbers);
    }};
}

/// Random tensors of a shape that are views of something else.
fn views<const R: usize>(
    shape: [usize; R],
    stream: &mut Stream,
) -> Vec<(&'static str, Tensor<Flex, R>)> {
    let mut random = |shape: [usize; R]| -> Tensor<Flex, R> {
        let count = shape.iter().product();
        floats(TensorData::new(normal(stream, count, 1.0), shape))
    };
    let with = |axis: usize, size: usize| {
        let mut changed = shape;
        changed[axis] = size;
        changed
    };
    let swapped = |a: usize, b: usize| {
        let mut swapped = shape;
        swapped.swap(a, b);
        swapped
    };
    let last = R - 1;
    let more = shape[0] + 2;
    let mut narrowed = random(shape.map(|size| size + 2));
    for (axis, size) in shape.iter().enumerate() {
        narrowed = narrowed.narrow(axis, 1, *size);
    }
    let mut all = vec![
        (
            "last axes swapped",
            random(swapped(last - 1, last)).swap_dims(last - 1, last),
        ),
        (
            "first axes swapped",
            random(swapped(0, 1)).swap_dims(0usize, 1usize),
        ),
        ("narrowed", narrowed),
        (
            "the start of a larger one",
            random(with(0, more)).narrow(0, 0, shape[0]),
        ),
        (
            "the end of a larger one",
            random(with(0, more)).narrow(0, 2, shape[0]),
        ),
        ("flipped", random(shape).flip([0, last as isize])),
        ("one sample for all", random(with(0, 1)).expand(shape)),
        ("one column for all", random(with(last, 1)).expand(shape)),
    ];
    if R > 2 {
        // [batch, channels, …] stored as [batch, …, channels].
        let (mut stored, mut axes) = (shape, [0; R]);
        stored[last] = shape[1];
        axes[1] = last;
        for (axis, size) in shape.iter().enumerate().skip(2) {
            stored[axis - 1] = *size;
            axes[axis] = axis - 1;
        }
        all.push(("channels innermost", random(stored).permute(axes)));
    }
    for (name, view) in &all {
        let inside = view.clone().into_primitive().tensor();
        let dense = size_of::<f32>() * inside.layout().num_elements();
        assert!(
            !inside.is_contiguous() || inside.bytes().len() > dense,
            "{name} is no view"
        );
    }
    all
}

fn input_may_lie_anyhow<O, F, E, const R: usize>(
    name: &str,
    (ours, _, _): (O, F, E),
    numbers: Numbers<R>,
) where
    O: Layer<Fast, R>,
{
    let layer = assign::<Fast, _>(ours, numbers.parameters.clone());
    let mut stream = Stream::new(6, name);
    for (how, view) in views(numbers.shape, &mut stream) {
        let rows: Tensor<Flex, R> = floats(TensorData::new(values(view.clone()), numbers.shape));
        let of = |x: Tensor<Flex, R>| {
            let x = Tensor::<Fast, R>::from_inner(x).require_grad();
            let y = layer.through(x.clone(), Activation::Tanh);
            (x, y)
        };
        let (x, y) = of(rows);
        let c = Coefficients::draw(&y, Activation::Tanh, &mut stream);
        let expected = outcome(&layer, &x, y, &c);
        let (x, y) = of(view);
        check(
            &(name, how),
            &outcome(&layer, &x, y, &c),
            &expected,
            TOLERANCE,
        );
    }
}

#[test]
fn inputs_may_lie_anyhow() {
    for_each_layer!(input_may_lie_anyhow);
}

/// Parameters of two axes or more, stored with the first two swapped.
struct Swapper;

impl ModuleMapper<Fast> for Swapper {
    fn map_float<const D: usize>(
        &mut self,
        param: Param<Tensor<Fast, D>>,
    ) -> Param<Tensor<Fast, D>> {
        if D < 2 {
            return param;
        }
        param.map(|old| {
            let tracked = old.is_require_grad();
            let swapped = old.inner().swap_dims(0usize, 1usize);
            let shape = swapped.dims();
            let stored: Tensor<Flex, D> = floats(TensorData::new(values(swapped), shape));
            Tensor::from_inner(stored.swap_dims(0usize, 1usize)).set_require_grad(tracked)
        })
    }
}

fn weight_may_lie_anyhow<O, F, E, const R: usize>(
    name: &str,
    (ours, _, _): (O, F, E),
    numbers: Numbers<R>,
) where
    O: Layer<Fast, R>,
{
    let layer = assign::<Fast, _>(ours, numbers.parameters.clone());
    let x = numbers.leaf::<Fast>();
    let y = layer.through(x.clone(), Activation::Tanh);
    let c = Coefficients::draw(&y, Activation::Tanh, &mut Stream::new(7, name));
    let expected = outcome(&layer, &x, y, &c);
    let layer = layer.map(&mut Swapper);
    let x = numbers.leaf::<Fast>();
    let y = layer.through(x.clone(), Activation::Tanh);
    check(&name, &outcome(&layer, &x, y, &c), &expected, TOLERANCE);
}

#[test]
fn weights_may_lie_anyhow() {
    for_each_layer!(weight_may_lie_anyhow);
}

type Look<const R: usize> = fn(Tensor<Fast, R>) -> Tensor<Fast, R>;

fn look<const R: usize>(name: &'static str, look: Look<R>) -> (&'static str, Look<R>) {
    (name, look)
}

/// Operations whose backward passes hand on views.
fn looks<const R: usize>() -> [(&'static str, Look<R>); 6] {
    [
        look::<R>("last axes swapped", |y| y.swap_dims(R - 2, R - 1)),
        look::<R>("first axes swapped", |y| y.swap_dims(0usize, 1usize)),
        look::<R>("flipped", |y| y.flip([0, R as isize - 1])),
        look::<R>("summed over channels", |y| y.sum_dim(1usize)),
        look::<R>("summed over the batch", |y| y.sum_dim(0usize)),
        look::<R>("narrowed", |y| y.narrow(0, 1, 2)),
    ]
}

fn gradient_may_lie_anyhow<O, F, E, const R: usize>(
    name: &str,
    (ours, _, _): (O, F, E),
    numbers: Numbers<R>,
) where
    O: Layer<Fast, R>,
{
    let layer = assign::<Fast, _>(ours, numbers.parameters.clone());
    let mut stream = Stream::new(8, name);
    for (how, look) in looks::<R>() {
        let x = numbers.leaf::<Fast>();
        let y = layer.through(x.clone(), Activation::Tanh);
        let seen = look(y.clone());
        let count = seen.shape().num_elements();
        let weights: Tensor<Fast, R> = floats(TensorData::new(
            normal(&mut stream, count, 1.0),
            seen.dims(),
        ));
        let mut found = vec![values(y.clone())];
        found.extend(slopes(&layer, &x, (seen * weights.clone()).sum()));

        // What reaches the layer, as burn passes it on, in rows.
        let leaf = floats::<Fast, R>(TensorData::new(found[0].clone(), y.dims())).require_grad();
        let tape = (look(leaf.clone()) * weights).sum().backward();
        let c = Coefficients {
            shape: y.dims(),
            values: values(leaf.grad(&tape).expect("a gradient")),
        };
        let x = numbers.leaf::<Fast>();
        let y = layer.through(x.clone(), Activation::Tanh);
        check(&(name, how), &found, &outcome(&layer, &x, y, &c), TOLERANCE);
    }
}

#[test]
fn gradients_may_lie_anyhow() {
    for_each_layer!(gradient_may_lie_anyhow);
}

/// The output of the first of three uses, and the gradients of all.
fn used_thrice<L: Layer<Fast, R>, const R: usize>(
    layer: L,
    numbers: &Numbers<R>,
    c: &Coefficients<R>,
) -> Vec<Vec<f64>> {
    let layer = assign::<Fast, _>(layer, numbers.parameters.clone());
    let c = floats::<Fast, R>(TensorData::new(c.values.clone(), c.shape));
    let x = numbers.leaf::<Fast>();
    let first = layer.through(x.clone(), Activation::Identity);
    let second = layer.through(x.clone() * 0.5, Activation::Tanh);
    let third = layer.through(x.clone(), Activation::Sigmoid);
    let mut all = vec![values(first.clone())];
    let scalar = ((first + second - third * 2.0) * c).sum() + x.clone().square().sum();
    all.extend(slopes(&layer, &x, scalar));
    all
}

fn gradient_adds_up<O, F, E, const R: usize>(
    name: &str,
    (ours, burns, _): (O, F, E),
    numbers: Numbers<R>,
) where
    O: Layer<Fast, R>,
    F: Layer<Fast, R>,
{
    let before = ours.through(numbers.leaf::<Fast>(), Activation::Identity);
    let c = Coefficients::draw(&before, Activation::Identity, &mut Stream::new(9, name));
    let found = used_thrice(ours, &numbers, &c);
    let expected = used_thrice(burns, &numbers, &c);
    check(&name, &found, &expected, BOTH_ROUNDED);
}

#[test]
fn gradients_of_what_is_used_thrice_add_up() {
    for_each_layer!(gradient_adds_up);
}

fn frozen_part_changes_no_other<O, F, E, const R: usize>(
    name: &str,
    (ours, _, _): (O, F, E),
    numbers: Numbers<R>,
) where
    O: Layer<Fast, R>,
{
    let layer = assign::<Fast, _>(ours, numbers.parameters.clone());
    let x = numbers.leaf::<Fast>();
    let y = layer.through(x.clone(), Activation::LEAKY);
    let c = Coefficients::draw(&y, Activation::Identity, &mut Stream::new(10, name));
    let expected = outcome(&layer, &x, y, &c);
    let c = floats::<Fast, R>(TensorData::new(c.values, c.shape));
    let constant = || Tensor::<Fast, R>::from_inner(numbers.leaf::<Flex>());

    let frozen = layer.clone().no_grad();
    let x = numbers.leaf::<Fast>();
    let y = frozen.through(x.clone(), Activation::LEAKY);
    let tape = (y * c.clone()).sum().backward();
    assert_eq!(
        values(x.grad(&tape).expect("a gradient")),
        expected[1],
        "{name}"
    );

    let y = layer.through(constant(), Activation::LEAKY);
    let tape = (y * c).sum().backward();
    assert_eq!(gradients::<Fast, _>(&layer, &tape), expected[2..], "{name}");

    let y = frozen.through(constant(), Activation::LEAKY);
    assert_eq!(values(y), expected[0], "{name}");
}

#[test]
fn frozen_parts_change_no_others() {
    for_each_layer!(frozen_part_changes_no_other);
}

fn doubles<const R: usize>(numbers: Vec<f64>, shape: [usize; R]) -> Tensor<Fast, R> {
    let device = Device::<Fast>::default();
    Tensor::from_data(TensorData::new(numbers, shape), (&device, DType::F64))
}

/// As `assign`, but in f64 on a backend of f32.
struct DoubleWriter(std::vec::IntoIter<Vec<f64>>);

impl ModuleMapper<Fast> for DoubleWriter {
    fn map_float<const D: usize>(
        &mut self,
        param: Param<Tensor<Fast, D>>,
    ) -> Param<Tensor<Fast, D>> {
        let numbers = self.0.next().expect("values for every parameter");
        param.map(|old| doubles(numbers, old.dims()).set_require_grad(old.is_require_grad()))
    }
}

fn double_is_not_rounded<O, F, E, const R: usize>(
    name: &str,
    (ours, _, exact): (O, F, E),
    mut numbers: Numbers<R>,
) where
    O: Layer<Fast, R>,
    E: Layer<Exact, R>,
{
    // Numbers that f32 does not have.
    for x in numbers
        .input
        .iter_mut()
        .chain(numbers.parameters.iter_mut().flatten())
    {
        *x /= 3.0;
    }
    let exact = assign::<Exact, _>(exact, numbers.parameters.clone());
    let x = numbers.leaf::<Exact>();
    let y = exact.through(x.clone(), Activation::Tanh);
    let c = Coefficients::draw(&y, Activation::Tanh, &mut Stream::new(11, name));
    let expected = outcome(&exact, &x, y, &c);

    let layer = ours.map(&mut DoubleWriter(numbers.parameters.into_iter()));
    let x = doubles(numbers.input, numbers.shape).require_grad();
    let y = layer.through(x.clone(), Activation::Tanh);
    assert_eq!(y.dtype(), DType::F64, "{name}");
    let mut found = vec![values(y.clone())];
    found.extend(slopes(&layer, &x, (y * doubles(c.values, c.shape)).sum()));
    // Sums in another order, twelve digits left of nearly sixteen.
    check(&name, &found, &expected, 1e-12);
}

#[test]
fn doubles_on_flex_are_not_rounded_to_f32() {
    for_each_layer!(double_is_not_rounded);
}

/// One letter for each number: what it is if it is not finite.
fn kinds(numbers: &[f64]) -> String {
    numbers
        .iter()
        .map(|x| match x {
            x if x.is_nan() => 'N',
            x if x.is_finite() => '.',
            x if *x > 0.0 => '+',
            _ => '-',
        })
        .collect()
}

/// A number in the second sample's third channel. For images in the middle: at the rim burn's
/// operations differ from each other, since some multiply the padding with it and some do not.
fn poison<const R: usize>(numbers: &Numbers<R>, with: f64) -> Numbers<R> {
    let index = (0..R).fold(0, |index, axis| {
        let place = match axis {
            0 => 1,
            1 => 2,
            _ => numbers.shape[axis] / 2,
        };
        index * numbers.shape[axis] + place
    });
    let mut poisoned = numbers.clone();
    poisoned.input[index] = with;
    poisoned
}

fn what_is_not_finite_spreads_as_in_burn<O, F, E, const R: usize>(
    name: &str,
    (ours, burns, _): (O, F, E),
    numbers: Numbers<R>,
) where
    O: Layer<Fast, R>,
    F: Layer<Fast, R>,
{
    let before = ours.through(numbers.leaf::<Fast>(), Activation::Identity);
    let c = Coefficients::draw(&before, Activation::Identity, &mut Stream::new(12, name));
    for with in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let numbers = poison(&numbers, with);
        let kinds_of = |all: Vec<Vec<f64>>| -> Vec<String> {
            all.iter().map(|numbers| kinds(numbers)).collect()
        };
        let identity = Activation::Identity;
        let found = kinds_of(run::<Fast, _, R>(ours.clone(), &numbers, identity, &c));
        let expected = kinds_of(run::<Fast, _, R>(burns.clone(), &numbers, identity, &c));
        assert_eq!(found, expected, "{name} with {with}");
        let finite = found[0].matches('.').count();
        assert!((1..found[0].len()).contains(&finite), "{name} with {with}");
    }
}

#[test]
fn nan_and_infinity_spread_as_in_burn() {
    for_each_layer!(what_is_not_finite_spreads_as_in_burn);
}

/// burn's relu on Flex makes 0 of NaN, which hides a run gone wrong; ours keeps it.
fn nan_passes_activations<O, F, E, const R: usize>(
    name: &str,
    (ours, _, _): (O, F, E),
    numbers: Numbers<R>,
) where
    O: Layer<Fast, R>,
{
    let numbers = poison(&numbers, f64::NAN);
    let layer = assign::<Fast, _>(ours, numbers.parameters.clone());
    let kinds_behind =
        |activation| kinds(&values(layer.through(numbers.leaf::<Fast>(), activation)));
    let expected = kinds_behind(Activation::Identity);
    assert!(expected.contains('N') && expected.contains('.'), "{name}");
    for activation in [
        Activation::Relu,
        Activation::LEAKY,
        Activation::Tanh,
        Activation::Sigmoid,
    ] {
        assert_eq!(kinds_behind(activation), expected, "{name}, {activation:?}");
    }
}

#[test]
fn nan_passes_every_activation() {
    for_each_layer!(nan_passes_activations);
}

fn slope_may_be_any<O, F, E, const R: usize>(name: &str, layers: (O, F, E), numbers: Numbers<R>)
where
    O: Layer<Fast, R>,
    F: Layer<Fast, R>,
    E: Layer<Exact, R>,
{
    let mut stream = Stream::new(13, name);
    // The output of neither tells where the input was: there is no kernel for them.
    for slope in [0.0, -0.5] {
        let activation = Activation::LeakyRelu { slope };
        compare(
            &(name, slope),
            layers.clone(),
            &numbers,
            activation,
            &mut stream,
        );
    }
}

#[test]
fn leaky_slopes_of_0_and_below_are_burns() {
    for_each_layer!(slope_may_be_any);
}

#[test]
fn groups_and_dilation_are_burns() {
    let mut stream = Stream::new(14, "groups and dilation");
    for (groups, dilation) in [(2, [1, 1]), (1, [2, 2]), (1, [1, 2]), (2, [2, 1])] {
        let case = (groups, dilation);
        let ours = Conv2dConfig::new([6, 4], [3, 2])
            .with_groups(groups)
            .with_dilation(dilation)
            .init::<Fast>(&Default::default());
        let burns = BurnConv2dConfig::new([6, 4], [3, 2])
            .with_groups(groups)
            .with_dilation(dilation);
        let numbers = draw(&ours, [2, 6, 7, 8], 0.2, &mut stream);
        let layers = (
            ours,
            burns.init::<Fast>(&Default::default()),
            burns.init::<Exact>(&Default::default()),
        );
        compare(&case, layers, &numbers, Activation::LEAKY, &mut stream);

        let ours = ConvTranspose2dConfig::new([6, 4], [3, 2])
            .with_groups(groups)
            .with_dilation(dilation)
            .with_stride([2, 1])
            .init::<Fast>(&Default::default());
        let burns = BurnConvTranspose2dConfig::new([6, 4], [3, 2])
            .with_groups(groups)
            .with_dilation(dilation)
            .with_stride([2, 1]);
        let numbers = draw(&ours, [2, 6, 4, 5], 0.2, &mut stream);
        let layers = (
            ours,
            burns.init::<Fast>(&Default::default()),
            burns.init::<Exact>(&Default::default()),
        );
        compare(&case, layers, &numbers, Activation::Tanh, &mut stream);
    }
}

/// On Flex only: burn pads unevenly in the device's default element type, which is not always f64
/// for a backend of f64.
#[test]
fn paddings_on_one_side_are_burns() {
    let mut stream = Stream::new(15, "uneven paddings");
    for padding in [
        PaddingConfig2d::Same,
        PaddingConfig2d::Explicit(0, 2, 1, 0),
        PaddingConfig2d::Explicit(2, 0, 0, 1),
    ] {
        for (channels, kernel, stride) in [
            ([3, 4], [4, 3], [1, 2]),
            ([3, 4], [2, 5], [3, 1]),
            ([16, 18], [4, 4], [2, 2]),
        ] {
            let case = (&padding, kernel, stride);
            let ours = Conv2dConfig::new(channels, kernel)
                .with_stride(stride)
                .with_padding(padding.clone())
                .init::<Fast>(&Default::default());
            let burns = BurnConv2dConfig::new(channels, kernel)
                .with_stride(stride)
                .with_padding(padding.clone())
                .init::<Fast>(&Default::default());
            let fan_in = channels[0] * kernel[0] * kernel[1];
            let scale = 1.0 / (fan_in as f32).sqrt();
            let numbers = draw(&ours, [4, channels[0], 12, 11], scale, &mut stream);
            let before = burns.through(numbers.leaf::<Fast>(), Activation::Identity);
            let c = Coefficients::draw(&before, Activation::Tanh, &mut stream);
            let found = run::<Fast, _, 4>(ours, &numbers, Activation::Tanh, &c);
            let expected = run::<Fast, _, 4>(burns, &numbers, Activation::Tanh, &c);
            check(&case, &found, &expected, BOTH_ROUNDED);
        }
    }
}

#[test]
fn a_batch_of_one_point_is_normalised_to_the_shift() {
    let shift = vec![0.5, -2.0, 1e-3];
    let parameters = vec![vec![3.0; 3], shift.clone(), vec![7.0; 3], vec![2.0; 3]];
    let numbers = Numbers {
        shape: [1, 3],
        input: vec![4.0, -0.1, 1e6],
        parameters,
    };
    let c = Coefficients {
        shape: [1, 3],
        values: vec![1.0, -1.0, 2.0],
    };
    let found = run::<Fast, _, 2>(norm(3).0, &numbers, Activation::Identity, &c);
    let zeros = vec![0.0; 3];
    close(&"the output", &found[0], &shift, 1e-7);
    assert_eq!(found[1], zeros, "the input's gradient");
    assert_eq!(found[2], zeros, "the scale's gradient");
    assert_eq!(found[3], c.values, "the shift's gradient");
}

fn recorder() -> NamedMpkBytesRecorder<FullPrecisionSettings> {
    NamedMpkBytesRecorder::default()
}

/// A layer with another one's record, which was bytes in between.
fn carried<S: Module<Fast>, T: Module<Fast>>(from: &S, to: T) -> T {
    let record = from.clone().into_record();
    let bytes = Recorder::<Fast>::record(&recorder(), record, ()).expect("a record");
    let record = Recorder::<Fast>::load(&recorder(), bytes, &Default::default());
    to.load_record(record.expect("a record of the same names"))
}

fn record_is_burns<O, F, E, const R: usize>(
    name: &str,
    (ours, burns, _): (O, F, E),
    numbers: Numbers<R>,
) where
    O: Layer<Fast, R>,
    F: Layer<Fast, R>,
{
    // Records before outputs: clones of a batch norm share the statistics that a pass moves.
    let other: Vec<Vec<f64>> = numbers
        .parameters
        .iter()
        .map(|numbers| numbers.iter().map(|x| 2.0 * x).collect())
        .collect();
    let mine = assign::<Fast, _>(ours.clone(), other.clone());
    let theirs = carried(&mine, burns.clone());
    assert_eq!(parameters::<Fast, _>(&theirs), other, "{name}");

    let theirs = assign::<Fast, _>(burns, numbers.parameters.clone());
    let mine = carried(&theirs, ours);
    assert_eq!(parameters::<Fast, _>(&mine), numbers.parameters, "{name}");
    let found = mine.through(numbers.leaf::<Fast>(), Activation::Identity);
    let expected = theirs.through(numbers.leaf::<Fast>(), Activation::Identity);
    close(&name, &values(found), &values(expected), BOTH_ROUNDED);
}

#[test]
fn records_are_exchangeable_with_burns() {
    for_each_layer!(record_is_burns);
}

/// What a layer and its gradients are for random numbers.
fn sample_of<L: Layer<Fast, R>, const R: usize>(
    layer: L,
    shape: [usize; R],
    scale: f32,
    stream: &mut Stream,
) -> Vec<Vec<f64>> {
    let numbers = draw(&layer, shape, scale, stream);
    let before = layer.through(numbers.leaf::<Fast>(), Activation::Identity);
    let c = Coefficients::draw(&before, Activation::Tanh, stream);
    run::<Fast, _, R>(layer, &numbers, Activation::Tanh, &c)
}

/// Every layer, in sizes that are shared out among threads.
fn shared_out() -> Vec<Vec<Vec<f64>>> {
    let stream = &mut Stream::new(16, "threads");
    vec![
        sample_of(down(SMALL).0, [7, 5, 16, 17], SMALL.scale(), stream),
        sample_of(down(WIDE).0, [7, 17, 10, 11], WIDE.scale(), stream),
        sample_of(up(SMALL).0, [7, 5, 16, 17], SMALL.scale(), stream),
        sample_of(up(WIDE).0, [7, 17, 5, 6], WIDE.scale(), stream),
        sample_of(down_windows(SHORT).0, [9, 5, 101], SHORT.scale(), stream),
        sample_of(down_windows(WAVE).0, [9, 17, 67], WAVE.scale(), stream),
        sample_of(up_windows(SHORT).0, [9, 5, 101], SHORT.scale(), stream),
        sample_of(up_windows(WAVE).0, [9, 17, 27], WAVE.scale(), stream),
        sample_of(linear(160, 150).0, [190, 160], 0.08, stream),
        sample_of(norm(8).0, [13, 8, 32, 31], 1.0, stream),
    ]
}

fn on_threads<T: Send>(count: usize, work: impl FnOnce() -> T + Send) -> T {
    ThreadPoolBuilder::new()
        .num_threads(count)
        .build()
        .expect("threads")
        .install(work)
}

#[test]
fn as_many_threads_give_the_same_bits() {
    let expected = on_threads(1, shared_out);
    for count in 1..=3 {
        let found = on_threads(count, shared_out);
        assert_eq!(found, on_threads(count, shared_out), "{count} threads");
        for (layer, (found, expected)) in found.iter().zip(&expected).enumerate() {
            check(&(count, layer), found, expected, TOLERANCE);
        }
    }
}

/// One of each.
#[derive(Module, Debug)]
struct Stack<B: Backend> {
    conv: Conv2d<B>,
    norm: BatchNorm<B>,
    up: ConvTranspose2d<B>,
    head: Linear<B>,
}

impl<B: Backend> Stack<B> {
    fn new() -> Self {
        let device = Default::default();
        Self {
            conv: Conv2dConfig::new([2, 4], [4, 4])
                .with_stride([2, 2])
                .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                .init(&device),
            norm: BatchNormConfig::new(4).init(&device),
            up: ConvTranspose2dConfig::new([4, 2], [4, 4])
                .with_stride([2, 2])
                .with_padding([1, 1])
                .init(&device),
            head: LinearConfig::new(2 * 6 * 6, 1).init(&device),
        }
    }

    /// Images `[batch, 2, 6, 6]` to `[batch, 1]`.
    fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 2> {
        let x = self.conv.forward_activated(x, Activation::Tanh);
        let x = self.norm.forward_activated(x, Activation::Tanh);
        let x = self.up.forward_activated(x, Activation::Tanh);
        let x: Tensor<B, 2> = x.flatten(1, 3);
        self.head.forward_activated(x, Activation::Tanh)
    }
}

/// Half the squared gradient of the outputs' sum with respect to the input, and its gradients
/// with respect to the input and each parameter.
fn squared_gradient<B: AutodiffBackend>(numbers: &Numbers<4>) -> (f64, Vec<Vec<f64>>) {
    let stack = assign::<B, _>(Stack::<B>::new(), numbers.parameters.clone());
    let x = numbers.leaf::<B>();
    let slope = input_gradient(
        &stack,
        x.clone(),
        |stack: &Stack<Autodiff<B>>, x: Tensor<Autodiff<B>, 4>| stack.forward(x).sum(),
    );
    let penalty = slope.square().sum() * 0.5;
    let value = values(penalty.clone())[0];
    (value, slopes(&stack, &x, penalty))
}

fn second_order_is_that_of_differences<B: AutodiffBackend>() {
    let mut stream = Stream::new(17, "second order");
    let parameters = vec![
        normal(&mut stream, 4 * 2 * 16, 0.2),
        normal(&mut stream, 4, 0.2),
        uniform(&mut stream, 4, 0.5, 1.5),
        normal(&mut stream, 4, 0.2),
        vec![0.0; 4],
        vec![1.0; 4],
        normal(&mut stream, 4 * 2 * 16, 0.2),
        normal(&mut stream, 2, 0.2),
        normal(&mut stream, 2 * 6 * 6, 0.2),
        normal(&mut stream, 1, 0.2),
    ];
    let numbers = Numbers {
        shape: [3, 2, 6, 6],
        input: normal(&mut stream, 3 * 2 * 6 * 6, 1.0),
        parameters,
    };
    let (value, gradient) = squared_gradient::<B>(&numbers);
    let length = gradient.iter().flatten().map(|g| g * g).sum::<f64>().sqrt();
    assert!(value > 0.0 && length > 0.0, "{value}, {length}");

    // A step along the gradient of everything: there the penalty grows by the gradient's length.
    let moved = |step: f64| {
        let mut moved = numbers.clone();
        let all = std::iter::once(&mut moved.input).chain(&mut moved.parameters);
        for (numbers, gradient) in all.zip(&gradient) {
            for (x, g) in numbers.iter_mut().zip(gradient) {
                *x += step * g / length;
            }
        }
        squared_gradient::<B>(&moved).0
    };
    let step = 0.01;
    let found = (moved(step) - moved(-step)) / (2.0 * step);
    // Differences in f32 keep three digits or so.
    assert!((found - length).abs() <= 0.01 * length, "{found}, {length}");
}

for_each_autodiff_backend!(second_order_is_that_of_differences);
