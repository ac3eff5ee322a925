//! What threads that read ahead cost where the data is in memory, on the smallest work there is.
//!
//! ```text
//! cargo bench --bench loading
//! ```
//!
//! The same run on the ring, its batches read by the thread that trains, by one thread ahead and by
//! two, in turn. `ratio_1` and `ratio_2` are medians over the rounds of the time with threads / without
//! within the round. One JSON line on standard output, times in ms per step.

use burn_gan::burn::backend::{Autodiff, Flex};
use burn_gan::data::{Loading, MemoryDataset, Mixture};
use burn_gan::models::{MlpDiscriminatorConfig, MlpGeneratorConfig};
use burn_gan::objective::Objective;
use burn_gan::random::Stream;
use burn_gan::train::{Trainer, TrainerConfig};
use burn_gan::{Gan, Latent, Result};

type B = Autodiff<Flex>;

/// As the examples have it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BATCH: usize = 128;
const THREADS: [usize; 3] = [0, 1, 2];
/// Rounds at the start that only warm up.
const DISCARDED: usize = 2;

fn main() -> Result<()> {
    // `cargo bench` passes `--bench`; anything else only wants to see that this runs.
    let (rounds, steps) = if std::env::args().any(|argument| argument == "--bench") {
        (DISCARDED + 31, 300)
    } else {
        (DISCARDED + 1, 2)
    };
    let points = Mixture::ring().sample(10_000, &mut Stream::new(1, "points"));
    let data = MemoryDataset::<2>::new(points, [2])?;
    let mut times = Vec::with_capacity(rounds);
    for round in 0..rounds {
        let mut round_times = [0.0; THREADS.len()];
        for turn in 0..THREADS.len() {
            let which = (round + turn) % THREADS.len();
            round_times[which] = per_step(&data, steps, THREADS[which])?;
        }
        times.push(round_times);
    }
    let kept = &times[DISCARDED..];
    let ms = |which: usize| median(kept.iter().map(|times| 1e3 * times[which]));
    let ratio = |which: usize| median(kept.iter().map(|times| times[which] / times[0]));
    println!(
        r#"{{"work": "loading", "backend": "flex", "ms_0": {:.3}, "ms_1": {:.3}, "ms_2": {:.3}, "ratio_1": {:.4}, "ratio_2": {:.4}}}"#,
        ms(0),
        ms(1),
        ms(2),
        ratio(1),
        ratio(2),
    );
    Ok(())
}

/// Seconds for a step of a run whose batches `threads` read ahead.
fn per_step(data: &MemoryDataset<2>, steps: u64, threads: usize) -> Result<f64> {
    let device = Default::default();
    let gan = Gan::<_, _, B>::seeded(
        MlpGeneratorConfig::new(16, [2]).init::<B, 2>(&device)?,
        MlpDiscriminatorConfig::new([2]).init::<B, 2>(&device)?,
        1,
        &device,
    );
    let config = TrainerConfig::new(steps, BATCH, Latent::normal(16))
        .with_objective(Objective::recommended())
        .with_loading(Loading::on_threads(threads));
    let run = Trainer::new(config, &device)?.run(gan, data)?;
    Ok(run.elapsed.as_secs_f64() / steps as f64)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
