//! R1's parameter gradients against PyTorch's double backward in float64
//! (`tests/golden/second_order.py`) and against finite differences in f64.

use burn::backend::{Autodiff, NdArray};
use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, PaddingConfig2d};
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Tensor, TensorData};
use serde::Deserialize;

use super::{Penalty, r1};
use crate::models::{Activation, LabelEmbedding, MlpDiscriminator, MlpDiscriminatorConfig};
use crate::network::{
    ConditionOf, Discriminator, Labels, SampleOf, TrainableDiscriminator, Verdict, initialize,
};
use crate::nn::{Linear, LinearConfig};
use crate::objective::{Loss, Objective, ObjectiveState};
use crate::testing::{
    assert_close, assign, floats, for_each_autodiff_backend, gradients, on_wgpu, parameters,
    tensor2, values,
};

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    gamma: f64,
    weights: Vec<Named>,
    input: Shaped,
    labels: Option<Vec<usize>>,
    penalty: f64,
    gradients: Vec<Named>,
}

#[derive(Deserialize)]
struct Shaped {
    shape: Vec<usize>,
    values: Vec<f64>,
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

fn golden(name: &str) -> Case {
    let golden: Golden =
        serde_json::from_str(include_str!("../../../tests/golden/second_order.json"))
            .expect("golden values parse");
    let case = golden.cases.into_iter().find(|case| case.name == name);
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

fn mlp<B: Backend>(
    inputs: usize,
    hidden: impl Into<Vec<usize>>,
    activation: Activation,
) -> MlpDiscriminator<B, 2> {
    MlpDiscriminatorConfig::new([inputs])
        .with_hidden(hidden)
        .with_activation(activation)
        .init(&Default::default())
        .expect("valid sizes")
}

/// γ·R1 and its parameter gradients against a golden case, to `relative`.
fn compare<B, D, const R: usize>(
    case: &Case,
    discriminator: D,
    condition: ConditionOf<D, B>,
    relative: f64,
) where
    B: AutodiffBackend,
    D: TrainableDiscriminator<B> + Discriminator<B, Sample = Tensor<B, R>>,
{
    let weights = case.weights.iter().map(Named::in_our_layout).collect();
    let discriminator = assign::<B, _>(discriminator, weights);
    let input = TensorData::new(case.input.values.clone(), case.input.shape.clone());
    let real: SampleOf<D, B> = floats(input);
    let penalty = Penalty::r1(case.gamma).evaluate(&discriminator, &real, &condition);
    let actual = gradients::<B, _>(&discriminator, &penalty.backward());
    assert_close(&values(penalty), &[case.penalty], relative, 0.0);
    assert_eq!(
        actual.len(),
        case.gradients.len(),
        "parameters of {}",
        case.name
    );
    for (actual, expected) in actual.iter().zip(&case.gradients) {
        // Relative to the parameter's largest gradient: single entries may cancel to near 0.
        let expected = expected.in_our_layout();
        let scale = expected.iter().fold(0.0f64, |m, g| m.max(g.abs()));
        assert_close(actual, &expected, 0.0, relative * scale);
    }
}

fn every_case<B: AutodiffBackend>(relative: f64) {
    let device = Default::default();
    let case = golden("mlp_tanh");
    compare::<B, _, 2>(&case, mlp(2, [8, 8], Activation::Tanh), (), relative);
    let case = golden("mlp_leaky_relu");
    compare::<B, _, 2>(&case, mlp(3, [6], Activation::LEAKY), (), relative);
    let case = golden("conv_leaky_relu");
    compare::<B, _, 4>(&case, ConvNet::new(&device), (), relative);
    let case = golden("mlp_conditional");
    let labels = case.labels.clone().expect("golden labels");
    let labels = Labels::from_slice(&labels, 3, &device).expect("labels in range");
    compare::<B, _, 2>(&case, ConditionalNet::new(&device), labels, relative);
}

fn parameter_gradients_match_pytorchs_double_backward<B: AutodiffBackend>() {
    every_case::<B>(1e-4);
}

#[test]
fn in_f64_they_match_to_nine_digits() {
    every_case::<Autodiff<NdArray<f64>>>(1e-9);
}

/// Central differences of γ·R1 itself in f64, for each parameter.
#[test]
fn they_match_finite_differences_in_f64() {
    type B = Autodiff<NdArray<f64>>;
    let discriminator = mlp::<B>(3, [5, 4], Activation::Tanh);
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

/// A discriminator that judges four patches of each sample.
#[derive(Module, Debug)]
struct Patches<B: Backend> {
    linear: Linear<B>,
}

impl<B: Backend> Discriminator<B> for Patches<B> {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn discriminate(&self, sample: Tensor<B, 2>, _condition: &()) -> Verdict<B> {
        self.linear.forward(sample).into()
    }
}

/// D is linear: the gradient of a sample's summed patches is the sum of W's rows, for any input.
fn patch_logits_are_summed_per_sample<B: AutodiffBackend>() {
    let device = Default::default();
    let discriminator = assign::<B, _>(
        Patches {
            linear: LinearConfig::new(2, 4).init(&device),
        },
        vec![
            vec![1.0, 2.0, 3.0, 4.0, 0.5, -0.5, 0.25, 0.75],
            vec![0.0; 4],
        ],
    );
    let real = Tensor::<B, 2>::from_floats([[7.0, -3.0], [0.0, 1.0], [2.0, 2.0]], &device);
    let penalty = r1::<B, _>(&discriminator, real, &());
    assert_close(&values(penalty), &[0.5 * (10.0 * 10.0 + 1.0)], 1e-5, 0.0);
}

/// A batch norm between two linear layers.
#[derive(Module, Debug)]
struct Normed<B: Backend> {
    first: Linear<B>,
    norm: BatchNorm<B>,
    last: Linear<B>,
}

impl<B: Backend> Discriminator<B> for Normed<B> {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn discriminate(&self, sample: Tensor<B, 2>, _condition: &()) -> Verdict<B> {
        let x = self.norm.forward(self.first.forward(sample));
        self.last.forward(x.tanh()).into()
    }
}

fn running_statistics_are_left_alone<B: AutodiffBackend>() {
    let device = Default::default();
    let discriminator = Normed::<B> {
        first: LinearConfig::new(2, 3).init(&device),
        norm: BatchNormConfig::new(3).init(&device),
        last: LinearConfig::new(3, 1).init(&device),
    };
    initialize(&discriminator);
    let real = Tensor::<B, 2>::from_floats([[1.0, 2.0], [3.0, -1.0], [0.5, 0.5]], &device);
    let statistics = |net: &Normed<B>| {
        let net = burn::module::AutodiffModule::valid(net);
        [
            values(net.norm.running_mean.value()),
            values(net.norm.running_var.value()),
        ]
    };
    let before = statistics(&discriminator);
    let penalty = r1::<B, _>(&discriminator, real.clone(), &());
    let _ = penalty.backward();
    assert_eq!(statistics(&discriminator), before);
    // The same statistics do move in an ordinary forward pass: the test can fail.
    let _ = discriminator.discriminate(real, &());
    assert_ne!(statistics(&discriminator), before);
}

fn a_lazy_penalty_is_taken_every_interval_times_the_interval<B: AutodiffBackend>() {
    let discriminator = mlp::<B>(2, [4], Activation::Tanh);
    initialize(&discriminator);
    let real = Tensor::<B, 2>::from_floats([[1.0, 2.0], [3.0, -1.0]], &Default::default());
    let every_step = Objective::new(Loss::NonSaturating).with_penalty(Penalty::r1(0.3));
    let lazy = Objective::new(Loss::NonSaturating).with_penalty(Penalty::r1(0.3).every(3));
    let (full, _) = every_step.penalty(ObjectiveState::default(), &discriminator, &real, &());
    let full = values(full.expect("due"))[0];
    let mut state = ObjectiveState::default();
    let mut taken = Vec::new();
    for _ in 0..7 {
        let penalty;
        (penalty, state) = lazy.penalty(state, &discriminator, &real, &());
        taken.push(penalty.map_or(0.0, |penalty| values(penalty)[0]));
    }
    let expected = [3.0 * full, 0.0, 0.0, 3.0 * full, 0.0, 0.0, 3.0 * full];
    assert_close(&taken, &expected, 1e-5, 0.0);
}

for_each_autodiff_backend!(
    parameter_gradients_match_pytorchs_double_backward,
    patch_logits_are_summed_per_sample,
    running_statistics_are_left_alone,
    a_lazy_penalty_is_taken_every_interval_times_the_interval,
);
// Not the golden cases: burn-wgpu 0.21 multiplies some small matrices of odd sizes wrongly on
// lavapipe (a 5×7 by a 7×1, forward, without a tape). R1 on wgpu is proven by the parity of runs
// in `train::tests::parity`.
on_wgpu!(Autodiff<Wgpu>; patch_logits_are_summed_per_sample, running_statistics_are_left_alone);

/// burn's own linear layer has no second derivative: the reason for `nn::Linear`. Should burn
/// learn it, this test says so.
#[test]
#[should_panic]
fn burns_own_linear_layer_still_panics() {
    #[derive(Module, Debug)]
    struct Theirs<B: Backend> {
        linear: burn::nn::Linear<B>,
    }
    impl<B: Backend> Discriminator<B> for Theirs<B> {
        type Sample = Tensor<B, 2>;
        type Condition = ();
        fn discriminate(&self, sample: Tensor<B, 2>, _condition: &()) -> Verdict<B> {
            self.linear.forward(sample.tanh()).into()
        }
    }
    type B = Autodiff<crate::testing::Cpu>;
    let device = Default::default();
    let net = Theirs::<B> {
        linear: burn::nn::LinearConfig::new(2, 1).init(&device),
    };
    let _ = r1::<B, _>(&net, Tensor::ones([2, 2], &device), &()).backward();
}
