//! A data set of a program's own that is slow: threads that read ahead make the same run in a part of
//! the time.

use std::thread;
use std::time::{Duration, Instant};

use burn_gan::burn::backend::{Autodiff, Flex};
use burn_gan::burn::tensor::{Device, Tensor};
use burn_gan::data::{Dataset, Loading, MemoryDataset, Mixture};
use burn_gan::models::{MlpDiscriminatorConfig, MlpGeneratorConfig};
use burn_gan::random::Stream;
use burn_gan::train::{Trainer, TrainerConfig};
use burn_gan::{Gan, Latent, Result};

type B = Autodiff<Flex>;

const STEPS: u32 = 16;
/// Long beside a step of these networks.
const DELAY: Duration = Duration::from_millis(200);

/// Ring points, each batch of which takes its time.
struct Slow(MemoryDataset<2>);

impl Dataset<B> for Slow {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn len(&self) -> usize {
        Dataset::<B>::len(&self.0)
    }

    fn batch(&self, indices: &[usize], device: &Device<B>) -> Result<(Tensor<B, 2>, ())> {
        thread::sleep(DELAY);
        self.0.batch(indices, device)
    }
}

/// The digest of a run whose batches `threads` read, and the time that its steps took.
fn run(threads: usize) -> Result<(String, Duration)> {
    let device = Default::default();
    let points = Mixture::ring().sample(40, &mut Stream::new(3, "points"));
    let gan = Gan::<_, _, B>::seeded(
        MlpGeneratorConfig::new(4, [2])
            .with_hidden([8])
            .init::<B, 2>(&device)?,
        MlpDiscriminatorConfig::new([2])
            .with_hidden([8])
            .with_dropout(0.2)
            .init::<B, 2>(&device)?,
        1,
        &device,
    );
    let config = TrainerConfig::new(STEPS.into(), 4, Latent::normal(4))
        .with_seed(7)
        .with_loading(Loading::on_threads(threads));
    let begun = Instant::now();
    let run = Trainer::new(config, &device)?.run(gan, &Slow(MemoryDataset::new(points, [2])?))?;
    let before = begun.elapsed() - run.elapsed;
    assert!(before > DELAY, "the look before the first step reads too");
    Ok((run.state.digest(), run.elapsed))
}

#[test]
fn threads_read_ahead_and_change_nothing() {
    let (expected, alone) = run(0).expect("a run");
    assert!(alone >= STEPS * DELAY, "{alone:?}");
    let (digest, ahead) = run(4).expect("a run");
    assert_eq!(digest, expected);
    // Four at a time take a quarter; half leaves room for a machine that has other things to do.
    assert!(ahead < alone / 2, "{ahead:?}, {alone:?} without threads");
}
