//! The layers with their activations against PyTorch in float64 (`tests/golden/layers.py`):
//! outputs, gradients, and the gradients of half a squared gradient.

use burn::backend::{Autodiff, NdArray};
use burn::module::{AutodiffModule, HasAutodiffModule, Module};
use burn::nn::PaddingConfig2d;
use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};
use serde::Deserialize;

use crate::nn::{
    Activation, BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig, ConvTranspose2d,
    ConvTranspose2dConfig, Linear, LinearConfig,
};
use crate::objective::input_gradient;
use crate::testing::golden::{
    Gradients, IN_F32, IN_F64, SecondOrder, Shaped, Tolerance, check, check_gradients,
};
use crate::testing::{assign, for_each_autodiff_backend, parameters, values};

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    layer: Settings,
    activation: Activation,
    input: Shaped,
    parameters: Vec<Vec<f64>>,
    coefficients: Shaped,
    output: Shaped,
    gradients: Gradients,
    second_order: SecondOrder,
    running: Option<Running>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Settings {
    Linear {
        features: [usize; 2],
        bias: bool,
    },
    Conv2d {
        channels: [usize; 2],
        kernel: [usize; 2],
        stride: [usize; 2],
        padding: [usize; 2],
        bias: bool,
    },
    ConvTranspose2d {
        channels: [usize; 2],
        kernel: [usize; 2],
        stride: [usize; 2],
        padding: [usize; 2],
        padding_out: [usize; 2],
        bias: bool,
    },
    BatchNorm {
        channels: usize,
    },
}

/// The statistics after one pass, and the output in evaluation with them.
#[derive(Deserialize)]
struct Running {
    mean: Vec<f64>,
    variance: Vec<f64>,
    output: Vec<f64>,
}

fn all() -> Vec<Case> {
    let golden: Golden = serde_json::from_str(include_str!("../../../tests/golden/layers.json"))
        .expect("golden values parse");
    golden.cases
}

/// The layers as one, and one level up.
trait Layer<B: Backend, const R: usize>: Module<B> {
    fn plain(&self, x: Tensor<B, R>) -> Tensor<B, R>;
    fn activated(&self, x: Tensor<B, R>, activation: Activation) -> Tensor<B, R>;
}

impl<B: Backend, const R: usize> Layer<B, R> for Linear<B> {
    fn plain(&self, x: Tensor<B, R>) -> Tensor<B, R> {
        self.forward(x)
    }

    fn activated(&self, x: Tensor<B, R>, activation: Activation) -> Tensor<B, R> {
        self.forward_activated(x, activation)
    }
}

impl<B: Backend, const R: usize> Layer<B, R> for BatchNorm<B> {
    fn plain(&self, x: Tensor<B, R>) -> Tensor<B, R> {
        self.forward(x)
    }

    fn activated(&self, x: Tensor<B, R>, activation: Activation) -> Tensor<B, R> {
        self.forward_activated(x, activation)
    }
}

impl<B: Backend> Layer<B, 4> for Conv2d<B> {
    fn plain(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        self.forward(x)
    }

    fn activated(&self, x: Tensor<B, 4>, activation: Activation) -> Tensor<B, 4> {
        self.forward_activated(x, activation)
    }
}

impl<B: Backend> Layer<B, 4> for ConvTranspose2d<B> {
    fn plain(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        self.forward(x)
    }

    fn activated(&self, x: Tensor<B, 4>, activation: Activation) -> Tensor<B, 4> {
        self.forward_activated(x, activation)
    }
}

/// A layer's output and its gradients of both orders against a golden case.
fn compare<B, L, const R: usize>(case: &Case, layer: L, tolerance: Tolerance)
where
    B: AutodiffBackend,
    L: Layer<B, R> + HasAutodiffModule<Autodiff<B>, TrainModule: Layer<Autodiff<B>, R>>,
{
    let layer = assign::<B, _>(layer, case.parameters.clone());
    let activation = case.activation;
    let x = case.input.tensor::<B, R>().require_grad();
    let c = case.coefficients.tensor::<B, R>();

    let y = layer.activated(x.clone(), activation);
    assert_eq!(y.dims()[..], case.output.shape, "{}", case.name);
    let expected = &case.output.values;
    check(
        &case.name,
        "output",
        &values(y.clone()),
        expected,
        tolerance.first,
    );
    let unfused = values(activation.apply(layer.plain(x.clone())));
    check(
        &case.name,
        "unfused output",
        &unfused,
        expected,
        tolerance.first,
    );
    let scalar = (y * c.clone()).sum();
    let expected = &case.gradients;
    check_gradients(
        (&case.name, "gradient"),
        scalar,
        (&layer, &x),
        expected,
        (tolerance.first, tolerance.of_all),
    );

    let c: Tensor<Autodiff<B>, R> = Tensor::from_inner(c);
    // A leaf of its own: the tape of the first pass is used up.
    let x = case.input.tensor::<B, R>().require_grad();
    let slope = input_gradient(&layer, x.clone(), |layer, x| {
        (layer.activated(x, activation) * c).sum()
    });
    let penalty = slope.square().sum() * 0.5;
    let expected = &case.second_order;
    check(
        &case.name,
        "squared gradient",
        &values(penalty.clone()),
        &[expected.value],
        tolerance.second,
    );
    check_gradients(
        (&case.name, "second gradient"),
        penalty,
        (&layer, &x),
        &expected.gradients,
        (tolerance.second, tolerance.of_all),
    );
}

fn linear<B: Backend>([inputs, outputs]: [usize; 2], bias: bool) -> Linear<B> {
    LinearConfig::new(inputs, outputs)
        .with_bias(bias)
        .init(&Default::default())
}

/// Every case of a kind, and how many there are.
fn compare_all<B: AutodiffBackend>(kind: &str, tolerance: Tolerance) -> usize {
    let device = Default::default();
    let all = all();
    let cases = all.iter().filter(|case| case.name.starts_with(kind));
    let mut count = 0;
    for case in cases {
        count += 1;
        match (&case.layer, case.input.shape.len()) {
            (&Settings::Linear { features, bias }, 2) => {
                compare::<B, _, 2>(case, linear::<B>(features, bias), tolerance)
            }
            (&Settings::Linear { features, bias }, 3) => {
                compare::<B, _, 3>(case, linear::<B>(features, bias), tolerance)
            }
            (
                &Settings::Conv2d {
                    channels,
                    kernel,
                    stride,
                    padding: [vertical, horizontal],
                    bias,
                },
                4,
            ) => {
                let layer = Conv2dConfig::new(channels, kernel)
                    .with_stride(stride)
                    .with_padding(PaddingConfig2d::Explicit(
                        vertical, horizontal, vertical, horizontal,
                    ))
                    .with_bias(bias)
                    .init::<B>(&device);
                compare::<B, _, 4>(case, layer, tolerance)
            }
            (
                &Settings::ConvTranspose2d {
                    channels,
                    kernel,
                    stride,
                    padding,
                    padding_out,
                    bias,
                },
                4,
            ) => {
                let layer = ConvTranspose2dConfig::new(channels, kernel)
                    .with_stride(stride)
                    .with_padding(padding)
                    .with_padding_out(padding_out)
                    .with_bias(bias)
                    .init::<B>(&device);
                compare::<B, _, 4>(case, layer, tolerance)
            }
            (&Settings::BatchNorm { channels }, rank) => {
                let layer = BatchNormConfig::new(channels).init::<B>(&device);
                match rank {
                    2 => compare::<B, _, 2>(case, layer, tolerance),
                    _ => compare::<B, _, 4>(case, layer, tolerance),
                }
            }
            (_, rank) => panic!("{}: no layer takes inputs of rank {rank}", case.name),
        }
    }
    count
}

/// One pass in training, then one in evaluation.
fn compare_statistics<B: AutodiffBackend, const R: usize>(
    case: &Case,
    expected: &Running,
    layer: BatchNorm<B>,
    tolerance: Tolerance,
) {
    let layer = assign::<B, _>(layer, case.parameters.clone());
    let _ = layer.forward_activated(case.input.tensor::<B, R>(), case.activation);
    // A visitor sees the statistics of one pass before; `valid` brings them up to date.
    let layer = layer.valid();
    let after = parameters::<B::InnerBackend, _>(&layer);
    let relative = tolerance.first;
    check(
        &case.name,
        "running mean",
        &after[2],
        &expected.mean,
        relative,
    );
    check(
        &case.name,
        "running variance",
        &after[3],
        &expected.variance,
        relative,
    );
    let y = layer.forward_activated(case.input.tensor::<B::InnerBackend, R>(), case.activation);
    check(
        &case.name,
        "evaluated output",
        &values(y),
        &expected.output,
        relative,
    );
}

fn compare_all_statistics<B: AutodiffBackend>(tolerance: Tolerance) -> usize {
    let all = all();
    let mut count = 0;
    for case in &all {
        let (Settings::BatchNorm { channels }, Some(running)) = (&case.layer, &case.running) else {
            continue;
        };
        count += 1;
        let layer = BatchNormConfig::new(*channels).init::<B>(&Default::default());
        match case.input.shape.len() {
            2 => compare_statistics::<B, 2>(case, running, layer, tolerance),
            _ => compare_statistics::<B, 4>(case, running, layer, tolerance),
        }
    }
    count
}

fn linear_layers_match_pytorch<B: AutodiffBackend>() {
    assert_eq!(compare_all::<B>("linear_", IN_F32), 7);
}

fn convolutions_match_pytorch<B: AutodiffBackend>() {
    assert_eq!(compare_all::<B>("conv2d_", IN_F32), 12);
}

fn transposed_convolutions_match_pytorch<B: AutodiffBackend>() {
    assert_eq!(compare_all::<B>("conv_transpose2d_", IN_F32), 10);
}

fn batch_norms_match_pytorch<B: AutodiffBackend>() {
    assert_eq!(compare_all::<B>("batch_norm_", IN_F32), 6);
}

fn running_statistics_follow_burns_rule<B: AutodiffBackend>() {
    assert_eq!(compare_all_statistics::<B>(IN_F32), 6);
}

#[test]
fn in_f64_they_match_to_nine_digits() {
    crate::testing::settle_precision();
    type B = Autodiff<NdArray<f64>>;
    assert_eq!(compare_all::<B>("", IN_F64), 35);
    assert_eq!(compare_all_statistics::<B>(IN_F64), 6);
}

for_each_autodiff_backend!(
    linear_layers_match_pytorch,
    convolutions_match_pytorch,
    transposed_convolutions_match_pytorch,
    batch_norms_match_pytorch,
    running_statistics_follow_burns_rule,
);
