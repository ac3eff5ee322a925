//! Each layer of ours beside burn's layer of the same name, on Flex: where a slow step loses its
//! time.
//!
//! ```text
//! cargo bench --bench layers
//! cargo bench --bench layers -- conv2d/64x64x16x16-128/training
//! ```
//!
//! A name is operation/input-output/mode/side. `conv2d` and `conv_transpose2d` have the DCGAN's
//! kernel, 4×4 with stride 2 and padding 1; `conv2d_3x3` has stride 1 and padding 1. The modes:
//!
//! - `forward`: without a tape;
//! - `training`: forward with a tape, then backward from a gradient of ones, for the input and the
//!   parameters;
//! - `second_order`: what R1 does to a layer, ours alone, since burn's `Linear` can't: the
//!   gradient of Σ y² with respect to the input, and the parameters' gradients of its square;
//! - `step`: one step of Adam on the MLP pair's generator, burn's Adam beside ours.
//!
//! Input and incoming gradient lie row by row, as burn's layers have it. Ours, which want channels
//! innermost, reorder them here at every call; within a network they seldom have to.

#[path = "works/mod.rs"]
mod works;

use std::time::{Duration, Instant};

use burn_gan::burn::backend::{Autodiff, Flex};
use burn_gan::burn::module::{AutodiffModule, HasAutodiffModule};
use burn_gan::burn::nn::PaddingConfig2d;
use burn_gan::burn::optim::{AdamConfig, GradientsParams, Optimizer};
use burn_gan::burn::tensor::backend::Backend;
use burn_gan::burn::tensor::{Tensor, TensorData};
use burn_gan::models::MlpGenerator;
use burn_gan::network::{Generator, initialize};
use burn_gan::nn;
use burn_gan::objective::input_gradient;
use burn_gan::step::NetworkOptimizer;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, SamplingMode};

/// burn's layers, under their own names.
mod burns {
    pub use burn_gan::burn::nn::conv::{
        Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig,
    };
    pub use burn_gan::burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig};
}

type Tape = Autodiff<Flex>;
/// What the optimisers step.
type Network = MlpGenerator<Tape, 2>;

/// What all layers do.
trait Layer<B: Backend, const R: usize> {
    fn apply(&self, x: Tensor<B, R>) -> Tensor<B, R>;
}

macro_rules! layers {
    ($($layer:ident: $rank:literal),+) => {$(
        impl<B: Backend> Layer<B, $rank> for nn::$layer<B> {
            fn apply(&self, x: Tensor<B, $rank>) -> Tensor<B, $rank> {
                self.forward(x)
            }
        }

        impl<B: Backend> Layer<B, $rank> for burns::$layer<B> {
            fn apply(&self, x: Tensor<B, $rank>) -> Tensor<B, $rank> {
                self.forward(x)
            }
        }
    )+};
}

layers!(Linear: 2, Conv2d: 4, ConvTranspose2d: 4, BatchNorm: 4);

/// A layer that can be timed with a tape and without one.
trait Subject<const R: usize>:
    Layer<Tape, R> + AutodiffModule<Tape, InnerModule: Layer<Flex, R>>
{
}

impl<M, const R: usize> Subject<R> for M where
    M: Layer<Tape, R> + AutodiffModule<Tape, InnerModule: Layer<Flex, R>>
{
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    linear(&mut criterion);
    conv2d(&mut criterion);
    conv_transpose2d(&mut criterion);
    batch_norm(&mut criterion);
    adam(&mut criterion);
    criterion.final_summary();
}

fn linear(criterion: &mut Criterion) {
    let device = Default::default();
    for [batch, inputs, outputs] in [[64, 784, 512], [64, 100, 4096], [256, 128, 128]] {
        let name = format!("linear/{batch}x{inputs}-{outputs}");
        let ours = nn::LinearConfig::new(inputs, outputs).init::<Tape>(&device);
        let theirs = burns::LinearConfig::new(inputs, outputs).init::<Tape>(&device);
        compare(criterion, &name, [batch, inputs], &ours, &theirs);
        second_order(criterion, &name, [batch, inputs], &ours);
    }
}

fn conv2d(criterion: &mut Criterion) {
    let device = Default::default();
    // Batch, channels, height and width of the input; channels of the output; kernel and stride.
    let sizes = [
        ([64, 3, 32, 32], 64, 4, 2),
        ([64, 64, 16, 16], 128, 4, 2),
        ([64, 128, 8, 8], 256, 4, 2),
        ([16, 64, 32, 32], 64, 3, 1),
    ];
    for (shape, outputs, kernel, stride) in sizes {
        let operation = if kernel == 4 { "conv2d" } else { "conv2d_3x3" };
        let name = format!("{operation}/{}-{outputs}", sides(shape));
        let channels = [shape[1], outputs];
        let padding = PaddingConfig2d::Explicit(1, 1, 1, 1);
        let ours = nn::Conv2dConfig::new(channels, [kernel; 2])
            .with_stride([stride; 2])
            .with_padding(padding.clone())
            .init::<Tape>(&device);
        let theirs = burns::Conv2dConfig::new(channels, [kernel; 2])
            .with_stride([stride; 2])
            .with_padding(padding)
            .init::<Tape>(&device);
        compare(criterion, &name, shape, &ours, &theirs);
        second_order(criterion, &name, shape, &ours);
    }
}

fn conv_transpose2d(criterion: &mut Criterion) {
    let device = Default::default();
    let sizes = [
        ([64, 256, 4, 4], 128),
        ([64, 128, 8, 8], 64),
        ([64, 64, 16, 16], 3),
    ];
    for (shape, outputs) in sizes {
        let name = format!("conv_transpose2d/{}-{outputs}", sides(shape));
        let channels = [shape[1], outputs];
        let ours = nn::ConvTranspose2dConfig::new(channels, [4, 4])
            .with_stride([2, 2])
            .with_padding([1, 1])
            .init::<Tape>(&device);
        let theirs = burns::ConvTranspose2dConfig::new(channels, [4, 4])
            .with_stride([2, 2])
            .with_padding([1, 1])
            .init::<Tape>(&device);
        compare(criterion, &name, shape, &ours, &theirs);
    }
}

fn batch_norm(criterion: &mut Criterion) {
    let device = Default::default();
    for shape in [[64, 128, 8, 8], [64, 64, 16, 16]] {
        let name = format!("batch_norm/{}", sides(shape));
        let ours = nn::BatchNormConfig::new(shape[1]).init::<Tape>(&device);
        let theirs = burns::BatchNormConfig::new(shape[1]).init::<Tape>(&device);
        compare(criterion, &name, shape, &ours, &theirs);
    }
}

/// `64x3x32x32`.
fn sides(shape: [usize; 4]) -> String {
    shape.map(|side| side.to_string()).join("x")
}

/// Ours and burn's, without a tape, then with one.
fn compare<const R: usize>(
    criterion: &mut Criterion,
    name: &str,
    shape: [usize; R],
    ours: &impl Subject<R>,
    theirs: &impl Subject<R>,
) {
    let mut forward_group = group(criterion, &format!("{name}/forward"));
    forward(&mut forward_group, "ours", shape, ours);
    forward(&mut forward_group, "burn", shape, theirs);
    forward_group.finish();
    let mut training_group = group(criterion, &format!("{name}/training"));
    training(&mut training_group, "ours", shape, ours);
    training(&mut training_group, "burn", shape, theirs);
    training_group.finish();
}

fn forward<M: Subject<R>, const R: usize>(
    group: &mut BenchmarkGroup<WallTime>,
    side: &str,
    shape: [usize; R],
    layer: &M,
) {
    initialize::<Tape, M>(layer);
    let layer = layer.valid();
    let x = input::<Flex, R>(shape);
    group.bench_function(side, |bencher| {
        bencher.iter(|| layer.apply(x.clone()));
    });
}

fn training<M: Subject<R>, const R: usize>(
    group: &mut BenchmarkGroup<WallTime>,
    side: &str,
    shape: [usize; R],
    layer: &M,
) {
    initialize::<Tape, M>(layer);
    let x = input::<Tape, R>(shape).require_grad();
    group.bench_function(side, |bencher| {
        bencher.iter(|| {
            // Backward from y itself starts with ones: the gradient of a sum, without the sum.
            let mut gradients = layer.apply(x.clone()).backward();
            let input = x.grad_remove(&mut gradients);
            let parameters = GradientsParams::from_grads::<Tape, M>(gradients, layer);
            (input, parameters)
        });
    });
}

fn second_order<M, const R: usize>(
    criterion: &mut Criterion,
    name: &str,
    shape: [usize; R],
    layer: &M,
) where
    M: Subject<R> + HasAutodiffModule<Autodiff<Tape>, TrainModule: Layer<Autodiff<Tape>, R>>,
{
    let x = input::<Tape, R>(shape);
    group(criterion, &format!("{name}/second_order")).bench_function("ours", |bencher| {
        bencher.iter(|| {
            // Squares, so that the gradient depends on the output as it does within a network.
            let gradient = input_gradient::<Tape, M, _>(layer, x.clone(), |layer, x| {
                layer.apply(x).powi_scalar(2).sum()
            });
            let gradients = gradient.powi_scalar(2).sum().backward();
            GradientsParams::from_grads::<Tape, M>(gradients, layer)
        });
    });
}

/// Values in [−1, 1], row by row.
fn input<B: Backend, const R: usize>(shape: [usize; R]) -> Tensor<B, R> {
    let device: B::Device = Default::default();
    let values = works::pixels(shape.iter().product());
    Tensor::from_data(TensorData::new(values, shape), &device)
}

fn adam(criterion: &mut Criterion) {
    let mut group = group(criterion, "adam/mlp_generator/step");
    let settings = works::adam();
    let mut optimizer = NetworkOptimizer::<Tape>::new(settings).expect("valid settings");
    let mut steps =
        optimizer_steps(move |network, gradients| optimizer.step(1.0, network, gradients));
    group.bench_function("ours", |bencher| bencher.iter_custom(&mut steps));

    let mut optimizer = AdamConfig::new()
        .with_beta_1(0.5)
        .with_beta_2(0.999)
        .with_epsilon(1e-8)
        .init::<Tape, Network>();
    let rate = settings.learning_rate();
    let mut steps =
        optimizer_steps(move |network, gradients| optimizer.step(rate, network, gradients));
    group.bench_function("burn", |bencher| bencher.iter_custom(&mut steps));
    group.finish();
}

/// Takes as many steps as it is told, and tells the time of the optimiser alone: a step consumes
/// its gradients, which are made anew in between.
fn optimizer_steps(
    mut step: impl FnMut(Network, GradientsParams) -> Network,
) -> impl FnMut(u64) -> Duration {
    // Nobody else holds the network: its parameters are updated in place, as in training.
    let mut network = Some(works::mlp_pair::<Tape>(&Default::default()).generator);
    // One latent: the gradients are quickly made, and as large as those of a batch.
    let latent = input::<Tape, 2>([1, works::latent().dimensions()]);
    move |steps| {
        let mut time = Duration::ZERO;
        for _ in 0..steps {
            let before = network.take().expect("the last step gave it back");
            let gradients = before.generate(latent.clone(), &()).backward();
            let gradients = GradientsParams::from_grads::<Tape, Network>(gradients, &before);
            let start = Instant::now();
            let after = step(before, gradients);
            time += start.elapsed();
            network = Some(after);
        }
        time
    }
}

/// Few and short samples: the whole bench takes less than three minutes.
fn group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group
        .sampling_mode(SamplingMode::Flat)
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(700));
    group
}
