//! What the trainer and its progress bar cost, beside a loop written by hand.
//!
//! ```text
//! cargo bench --bench trainer_overhead
//! ```
//!
//! Both train the MLP pair on the same data with the same calls, in turn, a chunk of steps each;
//! the next round goes the other way about. `ratio` is the median over the rounds of trainer /
//! hand within the round: what slows the machine for a while slows both. One JSON line on
//! standard output, times in ms per step; the progress goes to standard error.

#[path = "works/mod.rs"]
mod works;

use std::time::Instant;

use burn_gan::burn::backend::{Autodiff, Flex};
use burn_gan::data::{BatchPlan, Dataset, MemoryDataset};
use burn_gan::models::{MlpDiscriminator, MlpGenerator};
use burn_gan::random::Stream;
use burn_gan::step::{StepBatch, StepSettings, TrainState, step};
use burn_gan::train::{Progress, Rhythm, Trainer, TrainerConfig};
use burn_gan::{Gan, Result};
use works::{BATCH, PIXELS, adam, latent, mlp_pair, objective, pixels};

type B = Autodiff<Flex>;
type Pair = Gan<MlpGenerator<B, 2>, MlpDiscriminator<B, 2>, B>;

/// Batches in the data set: a chunk stays within one epoch.
const BATCHES: usize = 64;
const SEED: u64 = 1;
/// Rounds at the start that only warm up.
const DISCARDED: usize = 2;

fn main() -> Result<()> {
    // `cargo bench` passes `--bench`; anything else only wants to see that this runs.
    let (rounds, steps) = if std::env::args().any(|argument| argument == "--bench") {
        (DISCARDED + 21, 40)
    } else {
        (DISCARDED + 1, 1)
    };
    let data = MemoryDataset::<2>::new(pixels(BATCHES * BATCH * PIXELS), [PIXELS])?;
    let mut gan = mlp_pair(&Default::default());
    let mut times = Vec::with_capacity(rounds);
    for round in 0..rounds {
        let (trainer, hand);
        if round % 2 == 0 {
            (gan, trainer) = timed(gan, |gan| with_trainer(gan, &data, steps))?;
            (gan, hand) = timed(gan, |gan| by_hand(gan, &data, steps))?;
        } else {
            (gan, hand) = timed(gan, |gan| by_hand(gan, &data, steps))?;
            (gan, trainer) = timed(gan, |gan| with_trainer(gan, &data, steps))?;
        }
        times.push((trainer, hand));
    }
    let kept = &times[DISCARDED..];
    let per_step = 1e3 / steps as f64;
    println!(
        r#"{{"work": "trainer_overhead", "backend": "flex", "trainer_ms": {:.3}, "hand_ms": {:.3}, "ratio": {:.4}}}"#,
        median(kept.iter().map(|(trainer, _)| trainer * per_step)),
        median(kept.iter().map(|(_, hand)| hand * per_step)),
        median(kept.iter().map(|(trainer, hand)| trainer / hand)),
    );
    Ok(())
}

/// The trainer as the examples use it.
fn with_trainer(gan: Pair, data: &MemoryDataset<2>, steps: usize) -> Result<Pair> {
    let config = TrainerConfig::new(steps as u64, BATCH, latent())
        .with_seed(SEED)
        .with_objective(objective())
        .with_optimizers(adam());
    let trained = Trainer::new(config, &Default::default())?
        .observe(Rhythm::Every(1), Progress::new())
        .run(gan, data)?;
    Ok(trained.state.gan)
}

/// The same steps on the same batches and latents, with nothing around them.
fn by_hand(gan: Pair, data: &MemoryDataset<2>, steps: usize) -> Result<Pair> {
    let device = Default::default();
    let objective = objective();
    let mut state = TrainState::new(gan, adam(), adam())?;
    let mut latents = Stream::new(SEED, "latent");
    let batches = BatchPlan::new(BATCH).epoch(BATCHES * BATCH, SEED, 0)?;
    for indices in batches.iter().take(steps) {
        let (real, condition) = data.batch(indices, &device).expect("a batch");
        let latent = latent().draw(indices.len(), &mut latents, &device);
        let batch = StepBatch::new(real, condition, latent);
        (state, _) = step(state, &StepSettings::new(&objective), vec![batch], &mut ());
    }
    Ok(state.gan)
}

/// The pair that comes out, and the seconds it took.
fn timed(gan: Pair, train: impl FnOnce(Pair) -> Result<Pair>) -> Result<(Pair, f64)> {
    let start = Instant::now();
    let gan = train(gan)?;
    Ok((gan, start.elapsed().as_secs_f64()))
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    if values.len() % 2 == 1 {
        values[half]
    } else {
        (values[half - 1] + values[half]) / 2.0
    }
}
