//! A checkpoint that a run goes on from: read, restored, and one step further.

use burn_gan::train::observe_fn;
use std::path::Path;

use burn_gan::burn::backend::{Autodiff, Flex};
use burn_gan::data::{MemoryDataset, Mixture};
use burn_gan::models::{
    MlpDiscriminator, MlpDiscriminatorConfig, MlpGenerator, MlpGeneratorConfig,
};
use burn_gan::nn::Activation;
use burn_gan::objective::{Loss, Objective, Term};
use burn_gan::random::Stream;
use burn_gan::step::{EmaConfig, OptimizerConfig};
use burn_gan::train::{
    Checkpoints, History, Interrupt, Rhythm, Run, Start, StepEvent, Trainer, TrainerConfig,
};
use burn_gan::{Gan, Latent, Result};

use super::{Input, Mutant, Outcome, Reader};
use crate::mutate::{bytes, sealed};
use crate::random::Random;

pub struct Checkpoint;

type B = Autodiff<Flex>;
type Generator = MlpGenerator<B, 2>;
type Discriminator = MlpDiscriminator<B, 2>;

/// The step after which the seeds' runs stopped, and the one at which a resumed run ends.
const STORED: u64 = 2;
const END: u64 = 3;

fn config() -> TrainerConfig {
    TrainerConfig::new(END, 4, Latent::normal(2))
        .with_objective(Objective::new(Loss::NonSaturating).with_term(Term::lecam(0.1)))
        .with_optimizers(OptimizerConfig::adam(1e-3))
        .with_ema(EmaConfig::half_life(100.0))
}

/// A run of the tiniest pair, up to its end or to `stop`.
fn run(
    config: TrainerConfig,
    folder: &Path,
    start: Start,
    stop: Option<u64>,
) -> Result<Run<Gan<Generator, Discriminator, B>>> {
    let device = Default::default();
    let gan = Gan::<_, _, B>::seeded(
        MlpGeneratorConfig::new(2, [2])
            .with_hidden([3])
            .with_output(Activation::Identity)
            .init::<B, 2>(&device)?,
        MlpDiscriminatorConfig::new([2])
            .with_hidden([3])
            .init::<B, 2>(&device)?,
        1,
        &device,
    );
    let points = Mixture::ring().sample(12, &mut Stream::new(3, "points"));
    let data = MemoryDataset::<2>::new(points, [2])?;
    // Every setting may have been changed: what follows the comparison is to be reached.
    let names = serde_json::to_value(&config).expect("settings");
    let names = names.as_object().expect("named settings").keys().cloned();
    let beside = [
        "backend",
        "samples",
        "crate_version",
        "data",
        "unknown",
        "x",
    ];
    let plan = names
        .chain(beside.map(str::to_owned))
        .fold(Checkpoints::new(folder).every(0), Checkpoints::accept);
    let interrupt = Interrupt::new();
    let button = interrupt.clone();
    Trainer::new(config, &device)?
        .with_checkpoints(plan.start(start))
        .stop_on(&interrupt)
        .observe(Rhythm::Every(1), History::new())
        .observe(
            Rhythm::Every(1),
            observe_fn(
                move |event: &StepEvent<'_, Gan<Generator, Discriminator, B>>| {
                    if Some(event.step) == stop {
                        button.request();
                    }
                    Ok(())
                },
            ),
        )
        .run(gan, &data)
}

fn stored(config: TrainerConfig) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    run(config, folder.path(), Start::Fresh, Some(STORED)).expect("a run");
    std::fs::read(folder.path().join(Checkpoint.file())).expect("a checkpoint")
}

impl Reader for Checkpoint {
    fn name(&self) -> &'static str {
        "checkpoint"
    }

    fn file(&self) -> &'static str {
        "step-000000002.checkpoint"
    }

    fn make_seeds(&self) -> Vec<(&'static str, Vec<u8>)> {
        // The second has no average: a run that keeps one starts it at the restored weights.
        let plain = TrainerConfig {
            ema: None,
            ..config()
        };
        vec![
            ("average.checkpoint", stored(config())),
            ("plain.checkpoint", stored(plain)),
        ]
    }

    fn mutate(&self, random: &mut Random, seed: &[u8], other: &[u8]) -> Mutant {
        if !random.one_in(5)
            && let Some(bytes) = sealed::mutate(random, seed, other)
        {
            return Mutant {
                bytes,
                sealed: true,
            };
        }
        let mut bytes = seed.to_vec();
        for _ in 0..=random.below(2) {
            bytes::mutate(random, &mut bytes, other);
        }
        Mutant {
            bytes,
            sealed: false,
        }
    }

    fn read(&self, input: &Input<'_>) -> Outcome {
        let folder = input.scratch.join("run");
        // A checkpoint from elsewhere starts a run in a folder without any.
        let _ = std::fs::remove_dir_all(&folder);
        match run(config(), &folder, Start::From(input.path.to_owned()), None) {
            Err(error) => Outcome::refused(error),
            Ok(_) if input.must_be_refused => {
                Outcome::Broken("a changed file was restored".to_owned())
            }
            Ok(run) if run.state.step < END && run.ending.is_finished() => {
                Outcome::Broken(format!("finished after step {}", run.state.step))
            }
            Ok(_) => Outcome::Accepted,
        }
    }

    fn has_checksum(&self) -> bool {
        true
    }
}
