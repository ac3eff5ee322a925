//! The layers for series: against burn's own over random shapes, in both orders in memory, and their
//! second order.

use burn::backend::{Autodiff, Flex};
use burn::module::Module;
use burn::nn::conv::{
    Conv1d as BurnConv1d, Conv2d as BurnConv2d, Conv2dConfig as BurnConv2dConfig,
    ConvTranspose1d as BurnConvTranspose1d, ConvTranspose1dConfig as BurnConvTranspose1dConfig,
};
use burn::nn::{PaddingConfig1d, PaddingConfig2d};
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Int, Tensor};

use super::properties::{
    Exact, Fast, Layer, Numbers, any_activation, by_burn, check, compare, normal, slopes,
};
use crate::nn::{
    Activation, Conv1d, Conv1dConfig, ConvTranspose1d, ConvTranspose1dConfig, Linear, LinearConfig,
    PhaseShuffle, SpectralNorm, channels_last, update_spectral_norms,
};
use crate::objective::input_gradient;
use crate::random::Stream;
use crate::testing::{assign, for_each_autodiff_backend, gradients, values};

impl<B: Backend> Layer<B, 3> for Conv1d<B> {
    fn through(&self, x: Tensor<B, 3>, activation: Activation) -> Tensor<B, 3> {
        self.forward_activated(x, activation)
    }
}

impl<B: Backend> Layer<B, 3> for ConvTranspose1d<B> {
    fn through(&self, x: Tensor<B, 3>, activation: Activation) -> Tensor<B, 3> {
        self.forward_activated(x, activation)
    }
}

/// Of a height of 1: the weight's gradient of burn 0.21's `Conv1d` panics where the last step of a stride
/// does not fit.
impl<B: Backend> Layer<B, 3> for BurnConv2d<B> {
    fn through(&self, x: Tensor<B, 3>, activation: Activation) -> Tensor<B, 3> {
        let row: Tensor<B, 4> = x.unsqueeze_dim(2);
        by_burn(activation, self.forward(row).squeeze_dim(2))
    }
}

/// Where it does fit.
impl<B: Backend> Layer<B, 3> for BurnConv1d<B> {
    fn through(&self, x: Tensor<B, 3>, activation: Activation) -> Tensor<B, 3> {
        by_burn(activation, self.forward(x))
    }
}

impl<B: Backend> Layer<B, 3> for BurnConvTranspose1d<B> {
    fn through(&self, x: Tensor<B, 3>, activation: Activation) -> Tensor<B, 3> {
        by_burn(activation, self.forward(x))
    }
}

/// A convolution over time, or a transposed one.
#[derive(Debug, Clone, Copy)]
struct Convolution {
    batch: usize,
    channels: [usize; 2],
    time: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
    padding_out: usize,
    dilation: usize,
    groups: usize,
    bias: bool,
    activation: Activation,
}

impl Convolution {
    /// Draws until there is an output. Every third is WaveGAN's, every fifth has groups.
    fn draw(stream: &mut Stream, index: usize, up: bool) -> Self {
        loop {
            let mut between = |low: usize, high: usize| low + stream.index(high - low + 1);
            let [kernel, stride, padding] = match index % 3 {
                0 => [25, 4, 11],
                _ => [between(1, 9), between(1, 4), between(0, 4)],
            };
            let groups = if index.is_multiple_of(5) {
                between(2, 4)
            } else {
                1
            };
            let case = Self {
                batch: between(1, 5),
                channels: [groups * between(1, 9), groups * between(1, 9)],
                time: between(1, 40),
                kernel,
                stride,
                padding,
                padding_out: between(0, stride - 1),
                dilation: if index % 7 == 6 { 2 } else { 1 },
                groups,
                bias: between(0, 1) == 0,
                activation: any_activation(stream),
            };
            let reach = case.dilation * (kernel - 1) + 1;
            let fits = match up {
                true => (case.time - 1) * stride + reach + case.padding_out > 2 * padding,
                false => case.time + 2 * padding >= reach,
            };
            if fits {
                return case;
            }
        }
    }

    fn numbers(&self, stream: &mut Stream) -> Numbers<3> {
        let [inputs, outputs] = self.channels;
        let fan_in = inputs / self.groups * self.kernel;
        let scale = 1.0 / (fan_in as f32).sqrt();
        let mut parameters = vec![normal(stream, fan_in * outputs, scale)];
        if self.bias {
            parameters.push(normal(stream, outputs, 1.0));
        }
        Numbers {
            shape: [self.batch, inputs, self.time],
            input: normal(stream, self.batch * inputs * self.time, 1.0),
            parameters,
        }
    }
}

const CASES: usize = 72;

#[test]
fn convolutions_over_time_are_burns_over_random_shapes() {
    let mut stream = Stream::new(21, "random convolutions over time");
    let (here, there) = (Default::default(), Default::default());
    for index in 0..CASES {
        let case = Convolution::draw(&mut stream, index, false);
        let padding = PaddingConfig1d::Explicit(case.padding, case.padding);
        let ours = Conv1dConfig::new(case.channels, case.kernel)
            .with_stride(case.stride)
            .with_padding(padding)
            .with_dilation(case.dilation)
            .with_groups(case.groups)
            .with_bias(case.bias)
            .init::<Fast>(&here);
        let burns = BurnConv2dConfig::new(case.channels, [1, case.kernel])
            .with_stride([1, case.stride])
            .with_padding(PaddingConfig2d::Explicit(0, case.padding, 0, case.padding))
            .with_dilation([1, case.dilation])
            .with_groups(case.groups)
            .with_bias(case.bias);
        let layers = (ours, burns.init::<Fast>(&here), burns.init::<Exact>(&there));
        let numbers = case.numbers(&mut stream);
        compare(&case, layers, &numbers, case.activation, &mut stream);
    }
}

#[test]
fn transposed_convolutions_over_time_are_burns_over_random_shapes() {
    let mut stream = Stream::new(22, "random transposed convolutions over time");
    let (here, there) = (Default::default(), Default::default());
    for index in 0..CASES {
        let case = Convolution::draw(&mut stream, index, true);
        let ours = ConvTranspose1dConfig::new(case.channels, case.kernel)
            .with_stride(case.stride)
            .with_padding(case.padding)
            .with_padding_out(case.padding_out)
            .with_dilation(case.dilation)
            .with_groups(case.groups)
            .with_bias(case.bias)
            .init::<Fast>(&here);
        let burns = BurnConvTranspose1dConfig::new(case.channels, case.kernel)
            .with_stride(case.stride)
            .with_padding(case.padding)
            .with_padding_out(case.padding_out)
            .with_dilation(case.dilation)
            .with_groups(case.groups)
            .with_bias(case.bias);
        let layers = (ours, burns.init::<Fast>(&here), burns.init::<Exact>(&there));
        let numbers = case.numbers(&mut stream);
        compare(&case, layers, &numbers, case.activation, &mut stream);
    }
}

fn padding_that_keeps_the_length_is_burns<B: Backend>() {
    let device = B::Device::default();
    for (time, kernel, stride) in [(9_usize, 4, 1), (10, 5, 2), (7, 25, 4)] {
        let layer = Conv1dConfig::new([2, 3], kernel)
            .with_stride(stride)
            .with_padding(PaddingConfig1d::Same)
            .init::<B>(&device);
        let y = layer.forward(Tensor::ones([2, 2, time], &device));
        assert_eq!(y.dims(), [2, 3, time.div_ceil(stride)]);
    }
}

fn in_rows(x: Tensor<Autodiff<Flex>, 3>) -> bool {
    x.inner().into_primitive().tensor().is_contiguous()
}

#[test]
fn series_lie_in_memory_as_they_were_given() {
    type B = Autodiff<Flex>;
    let device = Default::default();
    let mut stream = Stream::new(23, "order in memory");
    let numbers = Numbers {
        shape: [2, 3, 8],
        input: normal(&mut stream, 48, 1.0),
        parameters: vec![normal(&mut stream, 60, 0.3), normal(&mut stream, 4, 1.0)],
    };
    let down = Conv1dConfig::new([3, 4], 5)
        .with_stride(2)
        .with_padding(PaddingConfig1d::Same);
    let down = assign::<B, _>(down.init(&device), numbers.parameters.clone());
    let up = ConvTranspose1dConfig::new([3, 4], 5).with_stride(2);
    let up = assign::<B, _>(up.init(&device), numbers.parameters.clone());
    let run = |last: bool, transposed: bool| {
        let x = numbers.leaf::<B>();
        let given = if last {
            channels_last(x.clone())
        } else {
            x.clone()
        };
        assert_eq!(in_rows(given.clone()), !last);
        let y = match transposed {
            false => down.forward_activated(given, Activation::LEAKY),
            true => up.forward_activated(given, Activation::LEAKY),
        };
        assert_eq!(in_rows(y.clone()), !last);
        let shifts = Tensor::from_ints([1, -2], &device);
        let y = PhaseShuffle::new(2).forward_with(y, shifts);
        assert!(
            !in_rows(y.clone()),
            "channels are innermost behind a shuffle"
        );
        let all = y.clone().square().sum().backward();
        let slope = x.grad(&all).expect("a gradient of the input");
        let mut found = vec![values(y), values(slope)];
        found.extend(match transposed {
            false => gradients(&down, &all),
            true => gradients(&up, &all),
        });
        found
    };
    for transposed in [false, true] {
        let (rows, last) = (run(false, transposed), run(true, transposed));
        check(&("order", transposed), &last, &rows, 1e-6);
    }
}

fn a_normalized_convolution_over_time_stretches_by_one<B: Backend>() {
    let device = B::Device::default();
    // As matrices [2, 2] both have the singular values 4 and 2.
    let numbers = || {
        let weight = vec![0.0, 4.0, 2.0, 0.0];
        vec![weight, vec![0.0; 2], vec![0.6, 0.8], vec![0.8, 0.6]]
    };
    let conv = SpectralNorm::new(Conv1dConfig::new([2, 2], 1).init::<B>(&device));
    let conv = update_spectral_norms(assign::<B, _>(conv, numbers()), 40);
    let up = SpectralNorm::new(ConvTranspose1dConfig::new([2, 2], 1).init::<B>(&device));
    let up = update_spectral_norms(assign::<B, _>(up, numbers()), 40);
    let x = Tensor::<B, 3>::from_floats([[[1.0], [2.0]]], &device);
    let near = |found: Tensor<B, 3>, expected: [f64; 2]| {
        for (found, expected) in values(found).iter().zip(expected) {
            assert!((found - expected).abs() < 1e-5, "{found} is not {expected}");
        }
    };
    near(conv.forward(x.clone()), [2.0, 0.5]);
    near(up.forward(x), [1.0, 1.0]);
}

#[derive(Module, Debug)]
struct Stack<B: Backend> {
    down: Conv1d<B>,
    shuffle: PhaseShuffle,
    up: ConvTranspose1d<B>,
    head: Linear<B>,
}

impl<B: Backend> Stack<B> {
    fn new() -> Self {
        let device = Default::default();
        Self {
            down: Conv1dConfig::new([2, 4], 5)
                .with_stride(2)
                .with_padding(PaddingConfig1d::Explicit(2, 2))
                .init(&device),
            shuffle: PhaseShuffle::new(2),
            up: ConvTranspose1dConfig::new([4, 3], 4)
                .with_stride(2)
                .with_padding(1)
                .init(&device),
            head: LinearConfig::new(3 * 12, 1).init(&device),
        }
    }

    /// Series `[3, 2, 12]` to `[3, 1]`.
    fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 2> {
        let x = self.down.forward_activated(x, Activation::Tanh);
        let shifts = Tensor::<B, 1, Int>::from_ints([2, -1, 0], &x.device());
        let x = self.shuffle.forward_with(x, shifts);
        let x = self.up.forward_activated(x, Activation::Tanh);
        let x: Tensor<B, 2> = x.flatten(1, 2);
        self.head.forward_activated(x, Activation::Tanh)
    }
}

/// Half the squared gradient of the outputs' sum with respect to the input, and its gradients.
fn squared_gradient<B: AutodiffBackend>(numbers: &Numbers<3>) -> (f64, Vec<Vec<f64>>) {
    let stack = assign::<B, _>(Stack::<B>::new(), numbers.parameters.clone());
    let x = numbers.leaf::<B>();
    let slope = input_gradient(
        &stack,
        x.clone(),
        |stack: &Stack<Autodiff<B>>, x: Tensor<Autodiff<B>, 3>| stack.forward(x).sum(),
    );
    let penalty = slope.square().sum() * 0.5;
    let value = values(penalty.clone())[0];
    (value, slopes(&stack, &x, penalty))
}

fn second_order_is_that_of_differences<B: AutodiffBackend>() {
    let mut stream = Stream::new(24, "second order over time");
    let parameters = vec![
        normal(&mut stream, 4 * 2 * 5, 0.3),
        normal(&mut stream, 4, 0.2),
        normal(&mut stream, 4 * 3 * 4, 0.3),
        normal(&mut stream, 3, 0.2),
        normal(&mut stream, 36, 0.2),
        normal(&mut stream, 1, 0.2),
    ];
    let numbers = Numbers {
        shape: [3, 2, 12],
        input: normal(&mut stream, 72, 1.0),
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
    let found = (moved(0.01) - moved(-0.01)) / 0.02;
    assert!((found - length).abs() <= 0.01 * length, "{found}, {length}");
}

for_each_autodiff_backend!(
    padding_that_keeps_the_length_is_burns,
    a_normalized_convolution_over_time_stretches_by_one,
    second_order_is_that_of_differences,
);
