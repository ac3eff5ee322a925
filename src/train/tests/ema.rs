//! The averaged generator: weights follow, buffers are copied.

use burn::tensor::Tensor;
use burn::tensor::backend::AutodiffBackend;

use crate::Latent;
use crate::models::{DcganGenerator, DcganGeneratorConfig};
use crate::network::{Generator, initialize};
use crate::random::Stream;
use crate::testing::{assert_close, assign, for_each_autodiff_backend, parameters};
use crate::train::Ema;

fn generator<B: AutodiffBackend>() -> DcganGenerator<B> {
    let generator = DcganGeneratorConfig::new(3, [1, 8, 8])
        .with_width(2)
        .init::<B>(&Default::default())
        .expect("valid settings");
    initialize(&generator);
    generator
}

/// A forward pass in training mode, which moves running statistics.
fn pass<B: AutodiffBackend>(generator: &DcganGenerator<B>, seed: u64) -> Tensor<B, 4> {
    let device = Default::default();
    let z = Latent::normal(3).draw(5, &mut Stream::new(seed, "z"), &device);
    generator.generate(z, &())
}

fn weights_follow_by_the_decay_and_buffers_are_copied<B: AutodiffBackend>() {
    let generator = generator::<B>();
    let start = parameters::<B, _>(&generator);
    let ema = Ema::<_, B>::new(&generator);
    assert_eq!(parameters(&ema.generator()), start);

    // Trained: all weights moved by one, and statistics that are still pending.
    let statistics = statistics::<B>(&generator);
    assert!(statistics.iter().any(|is| *is) && !statistics.iter().all(|is| *is));
    let moved: Vec<Vec<f64>> = start
        .iter()
        .zip(&statistics)
        .map(|(values, statistic)| {
            let by = if *statistic { 0.0 } else { 1.0 };
            values.iter().map(|value| value + by).collect()
        })
        .collect();
    let trained = assign::<B, _>(generator, moved);
    let _ = pass(&trained, 1);
    let copy = ema.generator();
    let ema = ema.update(&trained, 0.75);
    let now = parameters(&burn::module::AutodiffModule::valid(&trained));
    for (index, average) in parameters(&ema.generator()).iter().enumerate() {
        let expected: Vec<f64> = start[index]
            .iter()
            .zip(&now[index])
            .map(|(old, new)| {
                if statistics[index] {
                    *new
                } else {
                    0.75 * old + 0.25 * new
                }
            })
            .collect();
        assert_close(average, &expected, 1e-5, 1e-6);
        assert_eq!(
            statistics[index],
            start[index] == now[index] || now[index] == *average
        );
    }
    // What was taken before is what it was.
    assert_eq!(parameters(&copy), start);
    // Without decay the average is the generator itself.
    let ema = ema.update(&trained, 0.0);
    assert_eq!(parameters(&ema.generator()), now);
}

/// Which parameters are running statistics: those that a forward pass alone moves.
fn statistics<B: AutodiffBackend>(generator: &DcganGenerator<B>) -> Vec<bool> {
    let before = parameters(&burn::module::AutodiffModule::valid(generator));
    let _ = pass(generator, 2);
    let after = parameters(&burn::module::AutodiffModule::valid(generator));
    before.iter().zip(&after).map(|(b, a)| b != a).collect()
}

for_each_autodiff_backend!(weights_follow_by_the_decay_and_buffers_are_copied);
