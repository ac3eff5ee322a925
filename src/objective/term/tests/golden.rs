//! Exact penalties and penalties by finite differences against PyTorch's double backward in
//! float64 (`tests/golden/second_order.py`), and against central differences in f64.

use burn::backend::{Autodiff, NdArray};
use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{LayerNorm, LayerNormConfig, PaddingConfig2d};
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Tensor, TensorData};
use serde::Deserialize;

use super::{discriminator_cost, generator, mlp};
use crate::models::{Conditional, LabelEmbedding};
use crate::network::{
    ConditionOf, Discriminator, Generator, Labels, SampleOf, TrainableDiscriminator,
    TrainableGenerator, Verdict,
};
use crate::nn::Activation;
use crate::nn::{Linear, LinearConfig, SpectralNorm};
use crate::objective::term::second_order::input_gradient;
use crate::objective::term::{TermKind, WganGp, r1};
use crate::objective::{Loss, Objective, ObjectiveState, SecondOrder, Term};
use crate::testing::{
    assert_close, assign, floats, for_each_autodiff_backend, gradients, on_wgpu, parameters,
    tensor2, values,
};

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
    path_length: PathLength,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    weights: Vec<Named>,
    input: Shaped,
    labels: Option<Vec<usize>>,
    penalties: Penalties,
}

#[derive(Deserialize)]
struct Penalties {
    r1: Expected,
    wgan_gp: Expected,
    wgan_gp_one_sided: Expected,
}

#[derive(Deserialize)]
struct Expected {
    value: f64,
    gradients: Vec<Named>,
}

#[derive(Deserialize)]
struct PathLength {
    mean: f64,
    weights: Vec<Named>,
    input: Shaped,
    noise: Shaped,
    value: f64,
    gradients: Vec<Named>,
}

#[derive(Deserialize)]
struct Shaped {
    shape: Vec<usize>,
    values: Vec<f64>,
}

impl Shaped {
    fn tensor<B: Backend, const R: usize>(&self) -> Tensor<B, R> {
        floats(TensorData::new(self.values.clone(), self.shape.clone()))
    }
}

#[derive(Deserialize)]
struct Named {
    name: String,
    shape: Vec<usize>,
    values: Vec<f64>,
}

impl Named {
    /// Our linear weights are the transposes of PyTorch's; all else has one layout.
    fn in_our_layout(&self) -> Vec<f64> {
        match self.shape[..] {
            [rows, columns] if !self.name.starts_with("embedding") => (0..columns)
                .flat_map(|c| (0..rows).map(move |r| self.values[r * columns + c]))
                .collect(),
            _ => self.values.clone(),
        }
    }
}

fn all() -> Golden {
    serde_json::from_str(include_str!("../../../../tests/golden/second_order.json"))
        .expect("golden values parse")
}

fn golden(name: &str) -> Case {
    let case = all().cases.into_iter().find(|case| case.name == name);
    case.expect("a golden case of this name")
}

/// A network of two strided convolutions and a linear layer.
#[derive(Module, Debug)]
struct ConvNet<B: Backend> {
    conv1: Conv2d<B>,
    conv2: Conv2d<B>,
    linear: Linear<B>,
}

impl<B: Backend> ConvNet<B> {
    fn new(device: &B::Device) -> Self {
        let conv = |from, to| {
            Conv2dConfig::new([from, to], [4, 4])
                .with_stride([2, 2])
                .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                .init(device)
        };
        Self {
            conv1: conv(1, 3),
            conv2: conv(3, 4),
            linear: LinearConfig::new(16, 1).init(device),
        }
    }
}

impl<B: Backend> Discriminator<B> for ConvNet<B> {
    type Sample = Tensor<B, 4>;
    type Condition = ();

    fn discriminate(&self, sample: Tensor<B, 4>, _condition: &()) -> Verdict<B> {
        let x = Activation::LEAKY.apply(self.conv1.forward(sample));
        let x = Activation::LEAKY.apply(self.conv2.forward(x));
        self.linear.forward(x.flatten(1, 3)).into()
    }
}

/// A conditional network with an embedding on the label's path.
#[derive(Module, Debug)]
struct ConditionalNet<B: Backend> {
    embedding: LabelEmbedding<B>,
    hidden: Linear<B>,
    output: Linear<B>,
}

impl<B: Backend> ConditionalNet<B> {
    fn new(device: &B::Device) -> Self {
        Self {
            embedding: LabelEmbedding::new(3, 4, device).expect("valid sizes"),
            hidden: LinearConfig::new(6, 8).init(device),
            output: LinearConfig::new(8, 1).init(device),
        }
    }
}

impl<B: Backend> Discriminator<B> for ConditionalNet<B> {
    type Sample = Tensor<B, 2>;
    type Condition = Labels<B>;

    fn discriminate(&self, sample: Tensor<B, 2>, condition: &Labels<B>) -> Verdict<B> {
        let x = Tensor::cat(vec![sample, self.embedding.forward(condition)], 1);
        self.output.forward(self.hidden.forward(x).tanh()).into()
    }
}

/// Strided 3×3 convolutions with eight channels.
fn wide_conv_net<B: Backend>(device: &B::Device) -> ConvNet<B> {
    let conv = |from, to| {
        Conv2dConfig::new([from, to], [3, 3])
            .with_stride([2, 2])
            .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
            .init(device)
    };
    ConvNet {
        conv1: conv(4, 8),
        conv2: conv(8, 8),
        linear: LinearConfig::new(32, 1).init(device),
    }
}

/// A layer norm behind the first layer.
#[derive(Module, Debug)]
struct LayerNormNet<B: Backend> {
    linear1: Linear<B>,
    norm: LayerNorm<B>,
    linear2: Linear<B>,
}

impl<B: Backend> LayerNormNet<B> {
    fn new(device: &B::Device) -> Self {
        Self {
            linear1: LinearConfig::new(8, 16).init(device),
            norm: LayerNormConfig::new(16).init(device),
            linear2: LinearConfig::new(16, 1).init(device),
        }
    }
}

impl<B: Backend> Discriminator<B> for LayerNormNet<B> {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn discriminate(&self, sample: Tensor<B, 2>, _condition: &()) -> Verdict<B> {
        let x = self.norm.forward(self.linear1.forward(sample));
        self.linear2.forward(x.tanh()).into()
    }
}

/// Spectral norm around every layer, its vectors cold.
#[derive(Module, Debug)]
struct SpectralNet<B: Backend> {
    linear1: SpectralNorm<B, Linear<B>>,
    linear2: SpectralNorm<B, Linear<B>>,
    linear3: SpectralNorm<B, Linear<B>>,
}

impl<B: Backend> SpectralNet<B> {
    fn new(device: &B::Device) -> Self {
        let layer = |from, to| SpectralNorm::new(LinearConfig::new(from, to).init(device));
        Self {
            linear1: layer(8, 16),
            linear2: layer(16, 16),
            linear3: layer(16, 1),
        }
    }
}

impl<B: Backend> Discriminator<B> for SpectralNet<B> {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn discriminate(&self, sample: Tensor<B, 2>, _condition: &()) -> Verdict<B> {
        let x = self.linear1.forward(sample).tanh();
        let x = self.linear2.forward(x).tanh();
        self.linear3.forward(x).into()
    }
}

/// How far gradients may be from PyTorch's, relative to the largest of their parameter: single
/// entries may cancel to near 0.
#[derive(Clone, Copy)]
struct Tolerance {
    value: f64,
    gradient: f64,
}

const IN_F32: Tolerance = Tolerance {
    value: 1e-4,
    gradient: 1e-4,
};

/// Three penalties with their parameter gradients against a golden case.
fn compare<B, G, D, const R: usize>(
    case: &Case,
    generator: &G,
    discriminator: D,
    condition: ConditionOf<D, B>,
    second_order: SecondOrder,
    tolerance: Tolerance,
) -> f64
where
    B: AutodiffBackend,
    G: TrainableGenerator<B> + Generator<B, Sample = Tensor<B, R>>,
    D: TrainableDiscriminator<B>
        + Discriminator<B, Sample = Tensor<B, R>, Condition = G::Condition>,
{
    let weights = case.weights.iter().map(Named::in_our_layout).collect();
    let discriminator = assign::<B, _>(discriminator, weights);
    let x: SampleOf<D, B> = case.input.tensor();
    let norm = |one_sided| {
        TermKind::WganGp(WganGp {
            target: 1.0,
            one_sided,
        })
    };
    let mut worst = 0.0f64;
    for (kind, expected) in [
        (TermKind::R1, &case.penalties.r1),
        (TermKind::R2, &case.penalties.r1),
        (norm(false), &case.penalties.wgan_gp),
        (norm(true), &case.penalties.wgan_gp_one_sided),
    ] {
        let what = format!("{} of {}", kind.info().name(), case.name);
        let objective = Objective::new(Loss::Wasserstein)
            .with_term(Term::new(kind, 1.0))
            .with_second_order(second_order);
        // Between a batch and itself lies the batch, whatever the interpolation weights.
        let cost = discriminator_cost(
            &objective,
            &mut ObjectiveState::default(),
            (generator, &discriminator),
            &x,
            &x,
            &condition,
        );
        let penalty = cost.terms.expect("due");
        let actual = gradients::<B, _>(&discriminator, &penalty.backward());
        assert_close(&values(penalty), &[expected.value], tolerance.value, 1e-12);
        assert_eq!(actual.len(), expected.gradients.len(), "{what}");
        let largest = |all: &[f64]| all.iter().fold(0.0f64, |m, g| m.max(g.abs()));
        for (actual, expected) in actual.iter().zip(&expected.gradients) {
            let golden = expected.in_our_layout();
            // At a maximum of the penalty over a parameter, rounding is all there is.
            let scale = largest(&golden).max(1e-3);
            let apart: Vec<f64> = actual.iter().zip(&golden).map(|(a, g)| a - g).collect();
            let error = largest(&apart) / scale;
            assert!(
                error <= tolerance.gradient,
                "{what}, {}: {error:.1e}",
                expected.name
            );
            worst = worst.max(error);
        }
    }
    worst
}

fn points<B: Backend>(size: usize) -> crate::models::MlpGenerator<B, 2> {
    generator(&[size])
}

/// The networks with sizes that are multiples of eight: those that wgpu multiplies rightly.
fn even_cases<B: AutodiffBackend>(second_order: SecondOrder, tolerance: Tolerance) -> f64 {
    let device = Default::default();
    let g = points::<B>(8);
    let wide = mlp(8, [16, 16], Activation::LEAKY);
    let case = golden("mlp_wide");
    let worst = [
        compare::<B, _, _, 2>(&case, &g, wide, (), second_order, tolerance),
        compare::<B, _, _, 2>(
            &golden("mlp_layer_norm"),
            &g,
            LayerNormNet::new(&device),
            (),
            second_order,
            tolerance,
        ),
        compare::<B, _, _, 2>(
            &golden("mlp_spectral"),
            &g,
            SpectralNet::new(&device),
            (),
            second_order,
            tolerance,
        ),
        compare::<B, _, _, 4>(
            &golden("conv_wide"),
            &generator(&[4, 8, 8]),
            wide_conv_net(&device),
            (),
            second_order,
            tolerance,
        ),
    ];
    worst.into_iter().fold(0.0, f64::max)
}

fn odd_cases<B: AutodiffBackend>(second_order: SecondOrder, tolerance: Tolerance) -> f64 {
    let device = Default::default();
    let tanh = mlp(2, [8, 8], Activation::Tanh);
    let leaky = mlp(3, [6], Activation::LEAKY);
    let conditional = golden("mlp_conditional");
    let labels = conditional.labels.clone().expect("golden labels");
    let labels = Labels::from_slice(&labels, 3, &device).expect("labels in range");
    let embedding = LabelEmbedding::new(3, 2, &device).expect("valid sizes");
    let labelled = Conditional::new(embedding, points::<B>(2));
    let worst = [
        compare::<B, _, _, 2>(
            &golden("mlp_tanh"),
            &points(2),
            tanh,
            (),
            second_order,
            tolerance,
        ),
        compare::<B, _, _, 2>(
            &golden("mlp_leaky_relu"),
            &points(3),
            leaky,
            (),
            second_order,
            tolerance,
        ),
        compare::<B, _, _, 4>(
            &golden("conv_leaky_relu"),
            &generator(&[1, 8, 8]),
            ConvNet::new(&device),
            (),
            second_order,
            tolerance,
        ),
        compare::<B, _, _, 2>(
            &conditional,
            &labelled,
            ConditionalNet::new(&device),
            labels,
            second_order,
            tolerance,
        ),
    ];
    worst.into_iter().fold(0.0, f64::max)
}

fn those_of_odd_sizes_match_pytorchs_double_backward<B: AutodiffBackend>() {
    odd_cases::<B>(SecondOrder::Exact, IN_F32);
}

fn those_of_even_sizes_match_pytorchs_double_backward<B: AutodiffBackend>() {
    even_cases::<B>(SecondOrder::Exact, IN_F32);
}

fn finite_differences_come_within_a_hundredth<B: AutodiffBackend>() {
    let tolerance = Tolerance {
        value: 1e-4,
        gradient: 1e-2,
    };
    let second_order = SecondOrder::finite_differences();
    let odd = odd_cases::<B>(second_order, tolerance);
    let even = even_cases::<B>(second_order, tolerance);
    println!("finite differences: {:.1e} at most", odd.max(even));
}

fn path_lengths_match_pytorch<B: AutodiffBackend>() {
    let case = all().path_length;
    let g = crate::models::MlpGeneratorConfig::new(4, [8])
        .with_hidden([16])
        .with_activation(Activation::Tanh)
        .with_output(Activation::Identity)
        .init::<B, 2>(&Default::default())
        .expect("valid sizes");
    let g = assign::<B, _>(g, case.weights.iter().map(Named::in_our_layout).collect());
    let noise: Tensor<Autodiff<B>, 2> = Tensor::from_inner(case.noise.tensor::<B, 2>());
    let slopes = input_gradient(&g, case.input.tensor::<B, 2>(), |g, z| {
        (g.generate(z, &()) * noise).sum()
    });
    let lengths = slopes.square().sum_dim(1).sqrt();
    let penalty = (lengths - case.mean).square().mean();
    let actual = gradients::<B, _>(&g, &penalty.backward());
    assert_close(&values(penalty), &[case.value], 1e-4, 0.0);
    for (actual, expected) in actual.iter().zip(&case.gradients) {
        let golden = expected.in_our_layout();
        let scale = golden.iter().fold(0.0f64, |m, g| m.max(g.abs()));
        assert_close(actual, &golden, 0.0, 1e-4 * scale.max(1e-3));
    }
}

#[test]
fn in_f64_they_match_to_nine_digits() {
    crate::testing::settle_precision();
    let tolerance = Tolerance {
        value: 1e-9,
        gradient: 1e-9,
    };
    odd_cases::<Autodiff<NdArray<f64>>>(SecondOrder::Exact, tolerance);
    even_cases::<Autodiff<NdArray<f64>>>(SecondOrder::Exact, tolerance);
}

/// Central differences of R1 itself in f64, for each parameter.
#[test]
fn they_match_finite_differences_in_f64() {
    crate::testing::settle_precision();
    type B = Autodiff<NdArray<f64>>;
    let discriminator = mlp::<B>(3, [5, 4], Activation::Tanh);
    // Drawn in the device's default precision, which another backend may have set.
    let drawn = parameters::<B, _>(&discriminator);
    let discriminator = assign::<B, _>(discriminator, drawn);
    let real = tensor2::<B, 3>([[0.3, -1.2, 0.7], [1.1, 0.2, -0.4], [-0.6, 0.9, 1.5]]);
    let value = |weights: Vec<Vec<f64>>| {
        let moved = assign::<B, _>(discriminator.clone(), weights);
        values(r1::<B, _>(&moved, real.clone(), &()))[0]
    };
    let penalty = r1::<B, _>(&discriminator, real.clone(), &());
    let exact = gradients::<B, _>(&discriminator, &penalty.backward());
    let weights = parameters::<B, _>(&discriminator);
    let step = 1e-5;
    let mut compared = 0;
    for (p, row) in exact.iter().enumerate() {
        for (i, gradient) in row.iter().enumerate() {
            let moved = |by: f64| {
                let mut weights = weights.clone();
                weights[p][i] += by;
                value(weights)
            };
            let difference = (moved(step) - moved(-step)) / (2.0 * step);
            // Central differences of step 1e-5 are good to about 1e-10 here.
            assert_close(&[*gradient], &[difference], 1e-4, 1e-8);
            compared += 1;
        }
    }
    assert_eq!(compared, 3 * 5 + 5 + 5 * 4 + 4 + 4 + 1);
}

for_each_autodiff_backend!(
    those_of_odd_sizes_match_pytorchs_double_backward,
    those_of_even_sizes_match_pytorchs_double_backward,
    finite_differences_come_within_a_hundredth,
    path_lengths_match_pytorch,
);
on_wgpu!(Autodiff<Wgpu>; those_of_even_sizes_match_pytorchs_double_backward);
