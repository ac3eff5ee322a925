//! What threads that read ahead cost where the data is in memory, on the smallest work there is.
//!
//! ```text
//! cargo bench --bench loading
//! cargo bench --bench loading -- FOLDER
//! ```
//!
//! The same run on the ring, its batches read by the thread that trains, by one thread ahead and by
//! two, in turn. `ratio_1` and `ratio_2` are medians over the rounds of the time with threads / without
//! within the round. One JSON line on standard output, times in ms per step.
//!
//! With a folder of pictures that alone: a step of a DCGAN on them at 32×32 in RGB, batch 64 and
//! width 32. `ms_memory` has them decoded in memory (`to_memory`); `ms_first` begins with nothing
//! decoded, as a run does, and decodes every picture in its first epoch, one thread ahead;
//! `ms_kept` finds all of them decoded; `ms_always` keeps none and decodes each whenever it is asked
//! for.

use burn_gan::burn::backend::{Autodiff, Flex};
use burn_gan::burn::tensor::Tensor;
use burn_gan::data::{Dataset, ImageConfig, ImageFolder, Loading, MemoryDataset, Mixture};
use burn_gan::models::{
    DcganDiscriminatorConfig, DcganGeneratorConfig, MlpDiscriminatorConfig, MlpGeneratorConfig,
};
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
    // `cargo bench` passes options of its own.
    if let Some(folder) = std::env::args().skip(1).find(|it| !it.starts_with('-')) {
        return pictures(&folder);
    }
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

const WIDTH: usize = 32;
const PICTURE_BATCH: usize = 64;
/// Steps of a run on pictures: the first epoch of 1,900 of them is a quarter of it.
const PICTURE_STEPS: u64 = 120;
const PICTURE_ROUNDS: usize = 7;

fn pictures(folder: &str) -> Result<()> {
    let folder = ImageFolder::new(folder, ImageConfig::new(32, 32));
    let decoded = folder.open()?;
    let memory = decoded.to_memory()?;
    let never = folder.clone().with_memory(0).open()?;
    let mut times = Vec::with_capacity(PICTURE_ROUNDS);
    for round in 0..PICTURE_ROUNDS {
        let mut round_times = [0.0; 4];
        for turn in 0..4 {
            let which = (round + turn) % 4;
            round_times[which] = match which {
                0 => picture_step(&memory, 0)?,
                1 => picture_step(&folder.open()?, 1)?,
                2 => picture_step(&decoded, 1)?,
                _ => picture_step(&never, 1)?,
            };
        }
        times.push(round_times);
    }
    let ms = |which: usize| median(times.iter().map(|times| 1e3 * times[which]));
    let ratio = |which: usize| median(times.iter().map(|times| times[which] / times[0]));
    println!(
        r#"{{"work": "loading_pictures", "backend": "flex", "pictures": {}, "ms_memory": {:.2}, "ms_first": {:.2}, "ms_kept": {:.2}, "ms_always": {:.2}, "ratio_first": {:.4}, "ratio_kept": {:.4}, "ratio_always": {:.4}}}"#,
        decoded.len(),
        ms(0),
        ms(1),
        ms(2),
        ms(3),
        ratio(1),
        ratio(2),
        ratio(3),
    );
    Ok(())
}

/// Seconds for a step of a DCGAN on pictures that `threads` read ahead.
fn picture_step(
    data: &impl Dataset<B, Sample = Tensor<B, 4>, Condition = ()>,
    threads: usize,
) -> Result<f64> {
    let (device, image) = (Default::default(), [3, 32, 32]);
    let gan = Gan::<_, _, B>::seeded(
        DcganGeneratorConfig::new(64, image)
            .with_width(WIDTH)
            .init::<B>(&device)?,
        DcganDiscriminatorConfig::new(image)
            .with_width(WIDTH)
            .init::<B>(&device)?,
        1,
        &device,
    );
    let config = TrainerConfig::new(PICTURE_STEPS, PICTURE_BATCH, Latent::normal(64))
        .with_loading(Loading::on_threads(threads));
    let run = Trainer::new(config, &device)?.run(gan, data)?;
    Ok(run.elapsed.as_secs_f64() / PICTURE_STEPS as f64)
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
