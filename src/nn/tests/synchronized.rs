//! Batch norms over all processes, here threads, are those of the whole batch to the second order. That
//! those are right is `golden.rs`' to show.

use burn::backend::Autodiff;
use burn::module::Module;
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Tensor, TensorData};

use crate::nn::{Activation, BatchNormConfig, ConditionalBatchNormConfig};
use crate::process::threads::together;
use crate::process::{Across, ProcessGroup, synchronized};
use crate::random::Stream;
use crate::testing::{assert_close, floats, for_each_autodiff_backend, values};

const BATCH: usize = 6;
const SHAPE: [usize; 4] = [BATCH, 3, 2, 4];
const CLASSES: usize = 2;

/// Of a part of the batch: the output, the input's gradient of Σ (y + y³/3), that of half its square, both
/// of the whole batch, and the running statistics.
fn found<B: AutodiffBackend>(
    conditional: bool,
    rank: usize,
    of: usize,
    between: impl Fn(),
) -> Vec<Vec<f64>> {
    let device = Default::default();
    let mut stream = Stream::new(3, "synchronized");
    let mut part = |width: usize| {
        let numbers = stream.uniform(BATCH * width, -1.0, 2.0);
        let own = BATCH / of * width;
        numbers[rank * own..(rank + 1) * own].to_vec()
    };
    let numbers = part(SHAPE[1] * SHAPE[2] * SHAPE[3]);
    let condition = part(CLASSES);
    let shape = [BATCH / of, SHAPE[1], SHAPE[2], SHAPE[3]];
    let x = floats::<B, 4>(TensorData::new(numbers, shape)).require_grad();
    let condition = floats::<Autodiff<B>, 2>(TensorData::new(condition, [BATCH / of, CLASSES]));
    let outer = Tensor::<Autodiff<B>, 4>::from_inner(x.clone()).require_grad();

    let (y, running) = if conditional {
        let norm = ConditionalBatchNormConfig::new(SHAPE[1], CLASSES)
            .with_initializer(burn::module::Initializer::Constant { value: 0.3 })
            .init::<Autodiff<B>>(&device);
        let y = norm.forward_activated(outer.clone(), condition, Activation::Tanh);
        (y, numbers_in(&norm))
    } else {
        let norm = BatchNormConfig::new(SHAPE[1]).init::<Autodiff<B>>(&device);
        let y = norm.forward_activated(outer.clone(), Activation::Tanh);
        (y, numbers_in(&norm))
    };
    let cubed = y.clone() * y.clone() * y.clone();
    let tape = (y.clone() + cubed.div_scalar(3.0)).sum().backward();
    let first = outer.grad(&tape).expect("a gradient");
    between();
    let tape = first.clone().square().sum().mul_scalar(0.5).backward();
    let second = x.grad(&tape).expect("a second one");
    vec![values(y), values(first), values(second), running]
}

/// All numbers of a layer, running statistics among them.
fn numbers_in<B: Backend, M: Module<B>>(module: &M) -> Vec<f64> {
    crate::testing::parameters::<B, _>(module)
        .into_iter()
        .flatten()
        .collect()
}

fn parts_together_are_the_whole<B: AutodiffBackend>() {
    for conditional in [false, true] {
        let whole = found::<B>(conditional, 0, 1, || ());
        // What each has by itself is something else.
        let apart = found::<B>(conditional, 0, 2, || ());
        assert!((apart[0][0] - whole[0][0]).abs() > 1e-3);
        for size in [2, 3] {
            let parts = together(size, |group| {
                let across = Across::of(group);
                let found = synchronized(&across, || {
                    // All tapes lie in one place of burn's, and who tidies up after a gradient waits for
                    // those at work on theirs: nobody begins the next before all have done so.
                    let between = || group.barrier().expect("a group");
                    found::<B>(conditional, group.rank(), size, between)
                });
                across.failed().expect("a group that holds");
                found
            });
            for (rank, part) in parts.iter().enumerate() {
                for (order, (found, whole)) in part.iter().zip(&whole).take(3).enumerate() {
                    let own = whole.len() / size;
                    let expected = &whole[rank * own..(rank + 1) * own];
                    let tolerance = [1e-5, 1e-5, 1e-4][order];
                    assert_close(found, expected, tolerance, tolerance);
                }
                assert_close(&part[3], &whole[3], 1e-5, 1e-6);
                assert_eq!(part[3], parts[0][3], "the same on every process");
            }
        }
    }
}

for_each_autodiff_backend!(parts_together_are_the_whole);
