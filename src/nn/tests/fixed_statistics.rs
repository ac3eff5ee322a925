//! Batch norms with fixed statistics are what they are without a tape, and differentiable.

use burn::module::AutodiffModule;
use burn::tensor::Tensor;
use burn::tensor::backend::AutodiffBackend;

use crate::network::guard::quietly;
use crate::nn::fixed_statistics::with_fixed_statistics;
use crate::nn::{
    Activation, BatchNorm, BatchNormConfig, ConditionalBatchNorm, ConditionalBatchNormConfig,
};
use crate::random::Stream;
use crate::testing::{assert_close, floats, for_each_autodiff_backend, parameters, values};

const SHAPE: [usize; 4] = [5, 3, 2, 4];

fn images<B: AutodiffBackend>(seed: u64) -> Tensor<B, 4> {
    let count = SHAPE.iter().product();
    let numbers = Stream::new(seed, "images").uniform(count, -1.0, 2.0);
    floats(burn::tensor::TensorData::new(numbers, SHAPE))
}

/// A norm that has seen three batches.
fn used<B: AutodiffBackend>() -> BatchNorm<B> {
    let norm = BatchNormConfig::new(SHAPE[1]).init::<B>(&Default::default());
    for seed in 0..3 {
        let _ = norm.forward(images::<B>(seed));
    }
    norm
}

fn fixed_statistics_are_those_of_inference<B: AutodiffBackend>() {
    let norm = used::<B>();
    let still = norm.valid();
    let before = parameters(&still);
    let x = images::<B>(7);
    let by_itself = norm.forward_activated(x.clone(), Activation::Tanh);
    // That batch moved the statistics of the layer, not of the copy.
    let norm = BatchNorm::<B>::from_inner(still.clone());
    let fixed = with_fixed_statistics(true, || norm.forward_activated(x.clone(), Activation::Tanh));
    let expected = still.forward_activated(x.clone().inner(), Activation::Tanh);
    assert_close(&values(fixed.clone()), &values(expected), 1e-5, 1e-6);
    assert!(values(fixed) != values(by_itself));
    assert_eq!(parameters(&norm.valid()), before);
    // A pass that fails leaves nothing behind.
    let _ = quietly(|| with_fixed_statistics(true, || panic!("a layer of the user's")));
    let _ = norm.forward(x);
    assert!(parameters(&norm.valid()) != before);
}

/// y = γ·(x − m)/√(v + ε) + β of fixed m and v: ∂/∂x ½·Σ y² = y·γ/√(v + ε), sample by sample.
fn gradients_through_fixed_statistics_are_of_single_samples<B: AutodiffBackend>() {
    let norm = used::<B>();
    let variance = parameters(&norm.valid())[3].clone();
    let x = images::<B>(7).require_grad();
    let y = with_fixed_statistics(true, || norm.forward(x.clone()));
    let tape = y.clone().square().sum().mul_scalar(0.5).backward();
    let found = values(x.grad(&tape).expect("a gradient"));
    let expected: Vec<f64> = (values(y).chunks(SHAPE[2] * SHAPE[3]).enumerate())
        .flat_map(|(place, y)| {
            let slope = (variance[place % SHAPE[1]] + 1e-5).sqrt().recip();
            y.iter().map(move |y| y * slope).collect::<Vec<_>>()
        })
        .collect();
    assert_close(&found, &expected, 1e-4, 1e-5);
}

fn conditional_norms_keep_theirs<B: AutodiffBackend>() {
    let device = Default::default();
    let norm = ConditionalBatchNormConfig::new(SHAPE[1], 2).init::<B>(&device);
    let condition = Tensor::<B, 2>::ones([SHAPE[0], 2], &device);
    let _ = norm.forward_activated(images::<B>(1), condition.clone(), Activation::Identity);
    let still = norm.valid();
    let before = parameters(&still);
    let norm = ConditionalBatchNorm::<B>::from_inner(still.clone());
    let x = images::<B>(2);
    let fixed = with_fixed_statistics(true, || {
        norm.forward_activated(x.clone(), condition.clone(), Activation::Identity)
    });
    let expected = still.forward_activated(x.inner(), condition.inner(), Activation::Identity);
    assert_close(&values(fixed), &values(expected), 1e-5, 1e-6);
    assert_eq!(parameters(&norm.valid()), before);
}

for_each_autodiff_backend!(
    fixed_statistics_are_those_of_inference,
    gradients_through_fixed_statistics_are_of_single_samples,
    conditional_norms_keep_theirs,
);
