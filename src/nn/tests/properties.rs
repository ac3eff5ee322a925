//! The layers against burn's own over random shapes: outputs and every gradient.
//!
//! Numbers are drawn in f32, so that burn's layers on NdArray compute the same thing in f64.

use std::fmt::Debug;

use burn::backend::{Autodiff, Flex, NdArray};
use burn::module::{AutodiffModule, Module};
use burn::nn::PaddingConfig2d;
use burn::nn::conv::{
    Conv2d as BurnConv2d, Conv2dConfig as BurnConv2dConfig, ConvTranspose2d as BurnConvTranspose2d,
    ConvTranspose2dConfig as BurnConvTranspose2dConfig,
};
use burn::nn::{
    BatchNorm as BurnBatchNorm, BatchNormConfig as BurnBatchNormConfig, Linear as BurnLinear,
    LinearConfig as BurnLinearConfig,
};
use burn::tensor::activation::sigmoid;
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Tensor, TensorData};

use crate::nn::{
    Activation, BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig, ConvTranspose2d,
    ConvTranspose2dConfig, Linear, LinearConfig,
};
use crate::random::Stream;
use crate::testing::{assign, floats, gradients, parameters, settle_precision, values};

/// The backend with our kernels.
pub(super) type Fast = Autodiff<Flex>;
/// The backend that says what is right.
pub(super) type Exact = Autodiff<NdArray<f64>>;

/// How far a number may be from that in f64, either way, relative to the largest of its tensor:
/// single entries may cancel to near 0.
pub(super) const TOLERANCE: f64 = 1e-5;
/// burn's f32 may be as far off as ours, to the other side.
pub(super) const BOTH_ROUNDED: f64 = 2.0 * TOLERANCE;
/// Tensors of small numbers are sums of larger ones, whose rounding they keep.
const SMALLEST_SCALE: f64 = 0.1;
/// A parameter's gradient collects terms from all pixels, most of which may cancel: with the square
/// root of their number grows what is usually left of them, and of their rounding.
const SCALE_PER_ROOT: f64 = 0.1;
/// Closer to a ReLU's kink than this, rounding may choose the side.
const AT_THE_KINK: f64 = 1e-4;

/// A layer with an activation after it, ours or burn's.
pub(super) trait Layer<B: Backend, const R: usize>: Module<B> {
    fn through(&self, x: Tensor<B, R>, activation: Activation) -> Tensor<B, R>;
}

/// An activation by burn's own function.
pub(super) fn by_burn<B: Backend, const R: usize>(
    activation: Activation,
    x: Tensor<B, R>,
) -> Tensor<B, R> {
    match activation {
        Activation::Sigmoid => sigmoid(x),
        other => other.apply(x),
    }
}

macro_rules! layer {
    ($ours:ident, $burns:ident, [$($rank:tt)*], $R:tt) => {
        impl<B: Backend, $($rank)*> Layer<B, $R> for $ours<B> {
            fn through(&self, x: Tensor<B, $R>, activation: Activation) -> Tensor<B, $R> {
                self.forward_activated(x, activation)
            }
        }

        impl<B: Backend, $($rank)*> Layer<B, $R> for $burns<B> {
            fn through(&self, x: Tensor<B, $R>, activation: Activation) -> Tensor<B, $R> {
                by_burn(activation, self.forward(x))
            }
        }
    };
}

layer!(Linear, BurnLinear, [const R: usize], R);
layer!(BatchNorm, BurnBatchNorm, [const R: usize], R);
layer!(Conv2d, BurnConv2d, [], 4);
layer!(ConvTranspose2d, BurnConvTranspose2d, [], 4);

/// An input, and parameters in visiting order.
#[derive(Debug, Clone)]
pub(super) struct Numbers<const R: usize> {
    pub(super) shape: [usize; R],
    pub(super) input: Vec<f64>,
    pub(super) parameters: Vec<Vec<f64>>,
}

impl<const R: usize> Numbers<R> {
    /// The input as a leaf of the tape, if there is one.
    pub(super) fn leaf<B: Backend>(&self) -> Tensor<B, R> {
        floats::<B, R>(TensorData::new(self.input.clone(), self.shape)).require_grad()
    }
}

/// What each number of an output is multiplied with before all are summed to a scalar.
#[derive(Debug, Clone)]
pub(super) struct Coefficients<const R: usize> {
    pub(super) shape: [usize; R],
    pub(super) values: Vec<f64>,
}

impl<const R: usize> Coefficients<R> {
    /// Random ones for this output before its activation; 0 where a kink is too near.
    pub(super) fn draw<B: Backend>(
        before: &Tensor<B, R>,
        activation: Activation,
        stream: &mut Stream,
    ) -> Self {
        let kinked = matches!(activation, Activation::Relu | Activation::LeakyRelu { .. });
        let before_values = values(before.clone());
        let values = normal(stream, before_values.len(), 1.0)
            .into_iter()
            .zip(before_values)
            .map(|(c, x)| match kinked && x.abs() < AT_THE_KINK {
                true => 0.0,
                false => c,
            })
            .collect();
        Self {
            shape: before.dims(),
            values,
        }
    }
}

/// Draws from N(0, scale²).
pub(super) fn normal(stream: &mut Stream, count: usize, scale: f32) -> Vec<f64> {
    // Before a layer of the exact backend is made.
    settle_precision();
    stream
        .normal(count)
        .into_iter()
        .map(|x| f64::from(scale * x))
        .collect()
}

pub(super) fn uniform(stream: &mut Stream, count: usize, low: f32, high: f32) -> Vec<f64> {
    // Before a layer of the exact backend is made.
    settle_precision();
    stream
        .uniform(count, low, high)
        .into_iter()
        .map(f64::from)
        .collect()
}

/// The gradients of a scalar with respect to a layer's input and to each of its parameters.
pub(super) fn slopes<B, M, const R: usize>(
    layer: &M,
    x: &Tensor<B, R>,
    scalar: Tensor<B, 1>,
) -> Vec<Vec<f64>>
where
    B: AutodiffBackend,
    M: Module<B>,
{
    let tape = scalar.backward();
    let slope = x.grad(&tape).expect("a scalar that depends on the input");
    let mut all = vec![values(slope)];
    all.extend(gradients::<B, _>(layer, &tape));
    all
}

/// An output, then the gradients of Σ c·y.
pub(super) fn outcome<B, M, const R: usize>(
    layer: &M,
    x: &Tensor<B, R>,
    y: Tensor<B, R>,
    c: &Coefficients<R>,
) -> Vec<Vec<f64>>
where
    B: AutodiffBackend,
    M: Module<B>,
{
    assert_eq!(y.dims(), c.shape);
    let mut all = vec![values(y.clone())];
    let c = floats::<B, R>(TensorData::new(c.values.clone(), c.shape));
    all.extend(slopes(layer, x, (y * c).sum()));
    all
}

/// As [`outcome`], of a layer with these numbers.
pub(super) fn run<B, L, const R: usize>(
    layer: L,
    numbers: &Numbers<R>,
    activation: Activation,
    c: &Coefficients<R>,
) -> Vec<Vec<f64>>
where
    B: AutodiffBackend,
    L: Layer<B, R>,
{
    let layer = assign::<B, _>(layer, numbers.parameters.clone());
    let x = numbers.leaf::<B>();
    outcome(&layer, &x, layer.through(x.clone(), activation), c)
}

/// Compares tensors; the message names the case.
#[track_caller]
pub(super) fn check(case: &dyn Debug, actual: &[Vec<f64>], expected: &[Vec<f64>], relative: f64) {
    assert_eq!(actual.len(), expected.len(), "{case:?}");
    let outputs = actual.first().map_or(0, Vec::len);
    for (which, (actual, expected)) in actual.iter().zip(expected).enumerate() {
        let terms = outputs as f64 / expected.len() as f64;
        let (what, smallest) = match which {
            0 => ("the output".to_owned(), SMALLEST_SCALE),
            1 => ("the gradient of the input".to_owned(), SMALLEST_SCALE),
            _ => (
                format!("the gradient of parameter {}", which - 2),
                SMALLEST_SCALE.max(SCALE_PER_ROOT * terms.sqrt()),
            ),
        };
        close_at(&(case, what), actual, expected, relative, smallest);
    }
}

/// Compares numbers of one tensor.
#[track_caller]
pub(super) fn close(what: &dyn Debug, actual: &[f64], expected: &[f64], relative: f64) {
    close_at(what, actual, expected, relative, SMALLEST_SCALE);
}

#[track_caller]
fn close_at(what: &dyn Debug, actual: &[f64], expected: &[f64], relative: f64, smallest: f64) {
    assert_eq!(actual.len(), expected.len(), "{what:?}");
    let scale = expected.iter().fold(smallest, |m, e| m.max(e.abs()));
    for (index, (a, e)) in actual.iter().zip(expected).enumerate() {
        assert!(
            (a - e).abs() <= relative * scale,
            "{what:?} at {index}: {a} is not {e} within {relative:.0e} of {scale:.1e}"
        );
    }
}

/// A layer of ours against burn's: in f64 on NdArray, and in f32 on Flex.
pub(super) fn compare<O, F, E, const R: usize>(
    case: &dyn Debug,
    (ours, burns, exact): (O, F, E),
    numbers: &Numbers<R>,
    activation: Activation,
    stream: &mut Stream,
) where
    O: Layer<Fast, R>,
    F: Layer<Fast, R>,
    E: Layer<Exact, R>,
{
    let exact = assign::<Exact, _>(exact, numbers.parameters.clone());
    let x = numbers.leaf::<Exact>();
    let before = exact.through(x.clone(), Activation::Identity);
    let c = Coefficients::draw(&before, activation, stream);
    // Not `by_burn`: NdArray's sigmoid goes through f32.
    let expected = outcome(&exact, &x, activation.apply(before), &c);

    let found = run::<Fast, _, R>(ours, numbers, activation, &c);
    check(case, &found, &expected, TOLERANCE);
    let rounded = run::<Fast, _, R>(burns, numbers, activation, &c);
    check(&(case, "burn's on Flex"), &found, &rounded, BOTH_ROUNDED);
}

/// A draw from low..=high.
fn between(stream: &mut Stream, low: usize, high: usize) -> usize {
    low + stream.index(high - low + 1)
}

fn pair(stream: &mut Stream, low: usize, high: usize) -> [usize; 2] {
    [between(stream, low, high), between(stream, low, high)]
}

pub(super) fn any_activation(stream: &mut Stream) -> Activation {
    let all = [
        Activation::Identity,
        Activation::Relu,
        Activation::LEAKY,
        Activation::Tanh,
        Activation::Sigmoid,
    ];
    all[stream.index(all.len())]
}

/// A convolution, or a transposed one.
#[derive(Debug, Clone, Copy)]
struct Convolution {
    batch: usize,
    channels: [usize; 2],
    size: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
    /// Of the transposed one.
    padding_out: [usize; 2],
    groups: usize,
    bias: bool,
    activation: Activation,
}

/// Which sizes a convolution has.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Any,
    /// 4×4 with stride 2 and many channels, which has kernels of its own.
    Halving,
    /// 3×3 with stride 1 and many channels, which has, too.
    Square,
    /// 3×3 with stride 2 and many channels.
    SquareHalving,
    /// Channels in groups, one in each or several.
    Grouped,
    /// 3×3 in so many groups, one or several channels in each.
    GroupedSquare {
        groups: usize,
        stride: usize,
    },
}

/// Each case's, in turn.
const KINDS: [Kind; 7] = [
    Kind::Halving,
    Kind::Any,
    Kind::Grouped,
    Kind::Square,
    Kind::Any,
    Kind::Grouped,
    Kind::SquareHalving,
];

/// Multiply-adds of a case at most: this crate is tested without optimisation.
const WORK: usize = 2_000_000;

impl Convolution {
    /// Draws until there is an output, and it does not take long. `pixels` counts the places of
    /// the kernel, `None` if there is none.
    fn draw(stream: &mut Stream, kind: Kind, pixels: impl Fn(&Self) -> Option<usize>) -> Self {
        loop {
            let wide = matches!(kind, Kind::Halving | Kind::Square | Kind::SquareHalving);
            let (batches, channels, sizes) = match wide {
                true => ((1, 3), (16, 33), (2, 17)),
                false => ((1, 9), (1, 17), (1, 33)),
            };
            let [kernel, stride] = match kind {
                Kind::Halving => [[4, 4], [2, 2]],
                Kind::Square => [[3, 3], [1, 1]],
                Kind::SquareHalving => [[3, 3], [2, 2]],
                Kind::GroupedSquare { stride, .. } => [[3, 3], [stride; 2]],
                Kind::Any | Kind::Grouped => [pair(stream, 1, 5), pair(stream, 1, 3)],
            };
            let mut channels = pair(stream, channels.0, channels.1);
            let groups = match kind {
                Kind::Grouped => between(stream, 2, 16),
                Kind::GroupedSquare { groups, .. } => groups,
                _ => 1,
            };
            if matches!(kind, Kind::Grouped | Kind::GroupedSquare { .. }) {
                let widths = [[1, 1], [4, 8], [16, 16], [1, 2], [3, 1], [5, 16], [8, 4]];
                channels = widths[stream.index(widths.len())].map(|width| width * groups);
            }
            let case = Self {
                batch: between(stream, batches.0, batches.1),
                channels,
                size: pair(stream, sizes.0, sizes.1),
                kernel,
                stride,
                padding: pair(stream, 0, 2),
                padding_out: stride.map(|stride| stream.index(stride)),
                groups,
                bias: stream.index(2) == 0,
                activation: any_activation(stream),
            };
            let [inputs, outputs] = case.channels;
            let per_pixel = case.batch * inputs * outputs / groups * kernel[0] * kernel[1];
            if pixels(&case).is_some_and(|pixels| pixels > 0 && pixels * per_pixel <= WORK) {
                return case;
            }
        }
    }

    /// Pixels of a convolution's output.
    fn down(&self) -> Option<usize> {
        let mut pixels = 1;
        for axis in 0..2 {
            let padded = self.size[axis] + 2 * self.padding[axis];
            pixels *= padded.checked_sub(self.kernel[axis])? / self.stride[axis] + 1;
        }
        Some(pixels)
    }

    /// Pixels of a transposed convolution's input, if its padding leaves something of the output.
    fn up(&self) -> Option<usize> {
        for axis in 0..2 {
            let spread = (self.size[axis] - 1) * self.stride[axis] + self.kernel[axis];
            let cut = 2 * self.padding[axis];
            (spread + self.padding_out[axis])
                .checked_sub(cut)
                .filter(|size| *size > 0)?;
        }
        Some(self.size[0] * self.size[1])
    }

    fn numbers(&self, stream: &mut Stream) -> Numbers<4> {
        let [inputs, outputs] = self.channels;
        let [height, width] = self.size;
        let fan_in = inputs / self.groups * self.kernel[0] * self.kernel[1];
        // Outputs of size 1, where activations bend.
        let scale = 1.0 / (fan_in as f32).sqrt();
        let mut parameters = vec![normal(stream, fan_in * outputs, scale)];
        if self.bias {
            parameters.push(normal(stream, outputs, 1.0));
        }
        Numbers {
            shape: [self.batch, inputs, height, width],
            input: normal(stream, self.batch * inputs * height * width, 1.0),
            parameters,
        }
    }
}

const CONVOLUTIONS: usize = 77;

/// A convolution of this kind against burn's.
fn convolution(kind: Kind, stream: &mut Stream) {
    let (here, there) = (Default::default(), Default::default());
    let case = Convolution::draw(stream, kind, Convolution::down);
    let [vertical, horizontal] = case.padding;
    let padding = PaddingConfig2d::Explicit(vertical, horizontal, vertical, horizontal);
    let ours = Conv2dConfig::new(case.channels, case.kernel)
        .with_stride(case.stride)
        .with_padding(padding.clone())
        .with_groups(case.groups)
        .with_bias(case.bias)
        .init::<Fast>(&here);
    let burns = BurnConv2dConfig::new(case.channels, case.kernel)
        .with_stride(case.stride)
        .with_padding(padding)
        .with_groups(case.groups)
        .with_bias(case.bias);
    let layers = (ours, burns.init::<Fast>(&here), burns.init::<Exact>(&there));
    let numbers = case.numbers(stream);
    compare(&case, layers, &numbers, case.activation, stream);
}

#[test]
fn convolutions_are_burns_over_random_shapes() {
    let mut stream = Stream::new(1, "random convolutions");
    for index in 0..CONVOLUTIONS {
        convolution(KINDS[index % KINDS.len()], &mut stream);
    }
}

/// R3GAN's own, and those around it.
#[test]
fn convolutions_of_3x3_in_1_to_16_groups_are_burns() {
    let mut stream = Stream::new(4, "grouped convolutions");
    for groups in 1..=16 {
        for stride in [1, 2] {
            convolution(Kind::GroupedSquare { groups, stride }, &mut stream);
        }
    }
}

#[test]
fn transposed_convolutions_are_burns_over_random_shapes() {
    let mut stream = Stream::new(2, "random transposed convolutions");
    let (here, there) = (Default::default(), Default::default());
    for index in 0..CONVOLUTIONS {
        let case = Convolution::draw(&mut stream, KINDS[index % KINDS.len()], Convolution::up);
        let ours = ConvTranspose2dConfig::new(case.channels, case.kernel)
            .with_stride(case.stride)
            .with_padding(case.padding)
            .with_padding_out(case.padding_out)
            .with_groups(case.groups)
            .with_bias(case.bias)
            .init::<Fast>(&here);
        let burns = BurnConvTranspose2dConfig::new(case.channels, case.kernel)
            .with_stride(case.stride)
            .with_padding(case.padding)
            .with_padding_out(case.padding_out)
            .with_groups(case.groups)
            .with_bias(case.bias);
        let layers = (ours, burns.init::<Fast>(&here), burns.init::<Exact>(&there));
        let numbers = case.numbers(&mut stream);
        compare(&case, layers, &numbers, case.activation, &mut stream);
    }
}

/// A linear layer on inputs `[…leading, features[0]]`.
#[derive(Debug, Clone, Copy)]
struct Rows {
    leading: [usize; 2],
    features: [usize; 2],
    bias: bool,
    activation: Activation,
}

impl Rows {
    fn compare<const R: usize>(&self, shape: [usize; R], stream: &mut Stream) {
        let (here, there) = (Default::default(), Default::default());
        let [inputs, outputs] = self.features;
        let scale = 1.0 / (inputs as f32).sqrt();
        let mut parameters = vec![normal(stream, inputs * outputs, scale)];
        if self.bias {
            parameters.push(normal(stream, outputs, 1.0));
        }
        let numbers = Numbers {
            shape,
            input: normal(stream, shape.iter().product(), 1.0),
            parameters,
        };
        let ours = LinearConfig::new(inputs, outputs)
            .with_bias(self.bias)
            .init::<Fast>(&here);
        let burns = BurnLinearConfig::new(inputs, outputs).with_bias(self.bias);
        let layers = (ours, burns.init::<Fast>(&here), burns.init::<Exact>(&there));
        compare(self, layers, &numbers, self.activation, stream);
    }
}

#[test]
fn linear_layers_are_burns_over_random_shapes() {
    let mut stream = Stream::new(3, "random linear layers");
    for index in 0..40 {
        // Every eighth is large enough to be shared out among threads.
        let large = index % 8 == 0;
        let features = if large { (128, 200) } else { (1, 33) };
        let case = Rows {
            leading: match large {
                true => [between(&mut stream, 8, 9), between(&mut stream, 8, 9)],
                false => [between(&mut stream, 1, 9), between(&mut stream, 1, 17)],
            },
            features: pair(&mut stream, features.0, features.1),
            bias: stream.index(2) == 0,
            activation: any_activation(&mut stream),
        };
        let ([a, b], inputs) = (case.leading, case.features[0]);
        match index % 2 {
            0 => case.compare([a * b, inputs], &mut stream),
            _ => case.compare([a, b, inputs], &mut stream),
        }
    }
}

/// A batch norm's input.
#[derive(Debug, Clone, Copy)]
struct Batch {
    batch: usize,
    channels: usize,
    size: [usize; 2],
    activation: Activation,
}

impl Batch {
    /// One in which each channel has four numbers or more. Fewer are normalised to ±1 or nearly
    /// so, whatever they are: the input's gradient is a rounding error.
    fn draw(stream: &mut Stream, images: bool) -> Self {
        loop {
            let case = Self {
                batch: between(stream, 1, 9),
                channels: between(stream, 1, 17),
                size: if images { pair(stream, 1, 33) } else { [1, 1] },
                activation: any_activation(stream),
            };
            if case.batch * case.size[0] * case.size[1] >= 4 {
                return case;
            }
        }
    }

    fn compare<const R: usize>(&self, shape: [usize; R], stream: &mut Stream) {
        let (here, there) = (Default::default(), Default::default());
        let channels = self.channels;
        let numbers = Numbers {
            shape,
            // Neither centred nor of deviation 1.
            input: stream
                .normal(shape.iter().product())
                .into_iter()
                .map(|x| f64::from(1.0 + 2.0 * x))
                .collect(),
            parameters: vec![
                uniform(stream, channels, 0.5, 1.5),
                normal(stream, channels, 1.0),
                normal(stream, channels, 1.0),
                uniform(stream, channels, 0.5, 2.0),
            ],
        };
        let ours = BatchNormConfig::new(channels);
        let burns = BurnBatchNormConfig::new(channels);
        let layers = (
            ours.init::<Fast>(&here),
            burns.init::<Fast>(&here),
            burns.init::<Exact>(&there),
        );
        compare(self, layers, &numbers, self.activation, stream);

        // In evaluation, after one batch of training: layers of their own, since clones share
        // their statistics.
        let ours = assign::<Fast, _>(ours.init::<Fast>(&here), numbers.parameters.clone());
        let exact = assign::<Exact, _>(burns.init::<Exact>(&there), numbers.parameters.clone());
        let _ = ours.forward(numbers.leaf::<Fast>());
        let _ = exact.forward(numbers.leaf::<Exact>());
        let (ours, exact) = (ours.valid(), exact.valid());
        let found = parameters::<Flex, _>(&ours);
        let expected = parameters::<NdArray<f64>, _>(&exact);
        for (name, which) in [("running mean", 2), ("running variance", 3)] {
            let what = (self, name);
            close(&what, &found[which], &expected[which], TOLERANCE);
        }
        let found = ours.forward_activated(numbers.leaf::<Flex>(), self.activation);
        let expected = self
            .activation
            .apply(exact.forward(numbers.leaf::<NdArray<f64>>()));
        let what = (self, "evaluated");
        close(&what, &values(found), &values(expected), TOLERANCE);
    }
}

#[test]
fn batch_norms_are_burns_over_random_shapes() {
    let mut stream = Stream::new(4, "random batch norms");
    for index in 0..30 {
        let images = index % 3 != 0;
        let case = Batch::draw(&mut stream, images);
        let Batch {
            batch,
            channels,
            size: [height, width],
            ..
        } = case;
        match images {
            true => case.compare([batch, channels, height, width], &mut stream),
            false => case.compare([batch, channels], &mut stream),
        }
    }
}
