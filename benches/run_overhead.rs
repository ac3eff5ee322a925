//! What the things around a step cost: the generator's average, the health watch and observers,
//! at their defaults; sample grids; checkpoints, and going on from one.
//!
//! ```text
//! cargo bench --bench run_overhead
//! cargo bench --bench run_overhead -- --pair mnist_dcgan --part ema --steps 100 --rounds 10
//! ```
//!
//! `all`, `ema`, `health` and `observers` are runs of the trainer on one DCGAN, with it and with
//! nothing around the step, in turn; the next round goes the other way about. `ratio` is the median
//! over the rounds of with / without within the round: what slows the machine for a while slows
//! both; `lowest` and `highest` are those of single rounds. `samples` draws a grid after each step,
//! its `ratio` is that of a run that draws one every 250. `checkpoint` writes and reads the pairs
//! of the examples in the system's temporary folder: on a real disk a write waits for it, and what
//! was just written is read from memory.
//!
//! One JSON line a comparison on standard output, times in ms; the progress goes to standard error.

#[path = "works/mod.rs"]
mod works;

use burn_gan::train::observe_fn;
use std::cell::Cell;
use std::path::Path;
use std::time::{Duration, Instant};

use burn_gan::burn::backend::{Autodiff, Flex};
use burn_gan::burn::module::Module;
use burn_gan::data::{Dataset, MemoryDataset};
use burn_gan::models::{
    DcganDiscriminator, DcganDiscriminatorConfig, DcganGenerator, DcganGeneratorConfig,
    MlpDiscriminatorConfig, MlpGeneratorConfig,
};
use burn_gan::network::{TrainableDiscriminator, TrainableGenerator};
use burn_gan::plot::GridSize;
use burn_gan::step::EmaConfig;
use burn_gan::train::health::HealthConfig;
use burn_gan::train::{
    Checkpoints, History, JsonLines, Notice, Progress, Rhythm, SampleGrid, Start, StepEvent,
    Trainer, TrainerConfig,
};
use burn_gan::{Error, Gan, Latent, Result};
use works::{BATCH, adam, objective, pixels};

type B = Autodiff<Flex>;
type G = DcganGenerator<B>;
type D = DcganDiscriminator<B>;

/// Batches in the data set.
const BATCHES: usize = 16;
const SEED: u64 = 1;
/// Steps of a run before the clock starts. Health is checked after step 1 as well, which would
/// count for more in a short run than in a long one.
const UNTIMED: usize = 2;
/// What the health watch and the observers that read losses have in common by default.
const RHYTHM: usize = 10;
/// Rounds, writes, drawings at the start that only warm up.
const DISCARDED: usize = 1;
/// Half-life of the generator's average, in images, as in `examples/mnist.rs`.
const EMA_IMAGES: f64 = 10_000.0;
/// A sample grid of `examples/mnist.rs`, and the steps between two.
const GRID: [usize; 2] = [10, 8];
const GRID_EVERY: usize = 250;

/// What is put around the step.
#[derive(Clone, Copy)]
struct Around {
    ema: bool,
    health: bool,
    observers: bool,
}

const NOTHING: Around = Around {
    ema: false,
    health: false,
    observers: false,
};
const COMPARED: [(&str, Around); 4] = [
    (
        "all",
        Around {
            ema: true,
            health: true,
            observers: true,
        },
    ),
    (
        "ema",
        Around {
            ema: true,
            ..NOTHING
        },
    ),
    (
        "health",
        Around {
            health: true,
            ..NOTHING
        },
    ),
    (
        "observers",
        Around {
            observers: true,
            ..NOTHING
        },
    ),
];

/// A DCGAN pair by its sizes.
#[derive(Clone, Copy)]
struct Dcgan {
    name: &'static str,
    latent: usize,
    image: [usize; 3],
    width: usize,
}

/// That of the work `dcgan_step`, and that of `examples/mnist.rs`.
const DCGANS: [Dcgan; 2] = [
    Dcgan {
        name: "dcgan_step",
        latent: 100,
        image: [3, 32, 32],
        width: 64,
    },
    Dcgan {
        name: "mnist_dcgan",
        latent: 64,
        image: [1, 28, 28],
        width: 32,
    },
];
/// One that only shows that this runs.
const SMALL: Dcgan = Dcgan {
    name: "small",
    latent: 8,
    image: [1, 8, 8],
    width: 4,
};

impl Dcgan {
    fn prior(&self) -> Latent {
        Latent::normal(self.latent)
    }

    fn pair(&self) -> Result<Gan<G, D, B>> {
        let device = Default::default();
        let generator = DcganGeneratorConfig::new(self.latent, self.image).with_width(self.width);
        let discriminator = DcganDiscriminatorConfig::new(self.image).with_width(self.width);
        let networks = (generator.init(&device)?, discriminator.init(&device)?);
        Ok(Gan::seeded(networks.0, networks.1, SEED, &device))
    }
}

/// What is asked for, and how long it is measured.
struct Plan {
    part: Option<String>,
    dcgan: Dcgan,
    checkpointed: Dcgan,
    steps: usize,
    rounds: usize,
    /// Drawings, writes and reads that count.
    repeats: usize,
}

impl Plan {
    fn from_arguments() -> Result<Self> {
        let given = |name: &str| {
            let mut arguments = std::env::args().skip_while(|argument| argument != name);
            arguments.nth(1)
        };
        let number = |name: &str, default: usize| match given(name) {
            Some(text) => match text.parse() {
                Ok(number) if number > 0 => Ok(number),
                _ => Err(Error::setting(name, text, "must be a number of at least 1")),
            },
            None => Ok(default),
        };
        let has = |name: &str| std::env::args().any(|argument| argument == name);
        let part = given("--part");
        if let Some(part) = &part {
            let mut parts = COMPARED.iter().map(|(name, _)| *name);
            if !parts.any(|name| name == part) && part != "samples" && part != "checkpoint" {
                let problem = "must be all, ema, health, observers, samples or checkpoint";
                return Err(Error::setting("--part", part, problem));
            }
        }
        // `cargo bench` passes `--bench`; anything else only wants to see that this runs.
        if !has("--bench") || has("--test") {
            return Ok(Self {
                part,
                dcgan: SMALL,
                checkpointed: SMALL,
                steps: 1,
                rounds: 1,
                repeats: 1,
            });
        }
        let pair = given("--pair").unwrap_or_else(|| DCGANS[0].name.to_owned());
        let Some(dcgan) = DCGANS.into_iter().find(|dcgan| dcgan.name == pair) else {
            let problem = "must be dcgan_step or mnist_dcgan";
            return Err(Error::setting("--pair", pair, problem));
        };
        Ok(Self {
            part,
            dcgan,
            checkpointed: DCGANS[1],
            // Whole rhythms: each thing has its share in the time.
            steps: number("--steps", 40)?.next_multiple_of(RHYTHM),
            rounds: number("--rounds", 6)?,
            repeats: 9,
        })
    }

    fn wants(&self, part: &str) -> bool {
        self.part.as_ref().is_none_or(|wanted| wanted == part)
    }
}

fn main() -> Result<()> {
    let plan = Plan::from_arguments()?;
    let data = data(plan.dcgan.image)?;
    for (part, around) in COMPARED {
        if plan.wants(part) {
            compare(&plan, part, around, &data)?;
        }
    }
    if plan.wants("samples") {
        samples(&plan, &data)?;
    }
    if plan.wants("checkpoint") {
        checkpoints(&plan)?;
    }
    Ok(())
}

/// Random images, or points, of this shape.
fn data<const R: usize>(shape: impl Into<Vec<usize>>) -> Result<MemoryDataset<R>> {
    let shape = shape.into();
    let values = BATCHES * BATCH * shape.iter().product::<usize>();
    MemoryDataset::new(pixels(values), shape)
}

fn config(steps: usize, prior: Latent) -> TrainerConfig {
    TrainerConfig::new(steps as u64, BATCH, prior)
        .with_seed(SEED)
        .with_objective(objective())
        .with_optimizers(adam())
}

/// Runs with `around` beside runs with nothing.
fn compare(plan: &Plan, part: &str, around: Around, data: &MemoryDataset<4>) -> Result<()> {
    let folder = temporary()?;
    let run = |around| step_ms(&plan.dcgan, plan.steps, around, data, folder.path());
    let mut times = Vec::new();
    for round in 0..DISCARDED + plan.rounds {
        let (with, without);
        if round % 2 == 0 {
            with = run(around)?;
            without = run(NOTHING)?;
        } else {
            without = run(NOTHING)?;
            with = run(around)?;
        }
        times.push((with, without));
    }
    let kept = &times[DISCARDED..];
    let ratios = || kept.iter().map(|(with, without)| with / without);
    println!(
        r#"{{"work": "run_overhead", "backend": "flex", "part": "{part}", "pair": "{}", "with_ms": {:.3}, "without_ms": {:.3}, "ratio": {:.4}, "lowest": {:.4}, "highest": {:.4}}}"#,
        plan.dcgan.name,
        median(kept.iter().map(|(with, _)| *with)),
        median(kept.iter().map(|(_, without)| *without)),
        median(ratios()),
        ratios().fold(f64::INFINITY, f64::min),
        ratios().fold(0.0, f64::max),
    );
    Ok(())
}

/// The time of a step and of what is around it, in a run of its own.
fn step_ms(
    dcgan: &Dcgan,
    steps: usize,
    around: Around,
    data: &MemoryDataset<4>,
    folder: &Path,
) -> Result<f64> {
    let mut config = config(UNTIMED + steps, dcgan.prior());
    if around.ema {
        config = config.with_ema(EmaConfig::half_life(EMA_IMAGES));
    }
    if !around.health {
        config = config.with_health(HealthConfig::off());
    }
    // The clock of a step's event stops before its observers and its health check: those of the
    // last step, which are due at the end of a run whatever their rhythm, are not counted.
    let (mut start, mut end) = (Duration::ZERO, Duration::ZERO);
    let clock = |event: &StepEvent<'_, Gan<G, D, B>>| {
        if event.step == UNTIMED as u64 {
            start = event.session;
        }
        end = event.session;
        Ok(())
    };
    let mut trainer =
        Trainer::new(config, &Default::default())?.observe(Rhythm::Every(1), observe_fn(clock));
    if around.observers {
        let rhythm = Rhythm::Every(RHYTHM as u64);
        trainer = trainer
            .observe(Rhythm::Every(1), Progress::new())
            .observe(rhythm, History::new())
            .observe(rhythm, JsonLines::new(folder.join("log.jsonl")));
    }
    // The same networks at the beginning of each run: all do the same work.
    let run = trainer.run(dcgan.pair()?, data)?;
    assert!(run.ending.is_finished(), "{}", run.ending);
    Ok(milliseconds(end - start) / steps as f64)
}

/// Draws a grid after each step.
fn samples(plan: &Plan, data: &MemoryDataset<4>) -> Result<()> {
    let (folder, dcgan) = (temporary()?, &plan.dcgan);
    let [columns, rows] = GRID;
    let device = Default::default();
    let prior = dcgan.prior();
    let grid = SampleGrid::<B>::new(
        folder.path(),
        &prior,
        GridSize { rows, columns },
        SEED,
        &device,
    )?;
    let config = config(UNTIMED + plan.repeats, prior)
        .with_health(HealthConfig::off())
        .with_ema(EmaConfig::half_life(EMA_IMAGES));
    // Observers are called in their order: these two stand before and behind the grid.
    let (before, behind) = (Cell::new(Instant::now()), Cell::new(Instant::now()));
    let (mut steps, mut drawn) = (Vec::new(), Vec::new());
    let run = Trainer::new(config, &device)?
        .observe(
            Rhythm::Every(1),
            observe_fn(|_: &StepEvent<'_, Gan<G, D, B>>| {
                before.set(Instant::now());
                steps.push(milliseconds(behind.get().elapsed()));
                Ok(())
            }),
        )
        .observe(Rhythm::Every(1), grid.with_scale(2))
        .observe(
            Rhythm::Every(1),
            observe_fn(|_: &StepEvent<'_, Gan<G, D, B>>| {
                drawn.push(milliseconds(before.get().elapsed()));
                behind.set(Instant::now());
                Ok(())
            }),
        )
        .run(dcgan.pair()?, data)?;
    assert!(run.ending.is_finished(), "{}", run.ending);
    let draw = median(drawn.into_iter().skip(UNTIMED));
    let step = median(steps.into_iter().skip(UNTIMED));
    println!(
        r#"{{"work": "run_overhead", "backend": "flex", "part": "samples", "pair": "{}", "images": {}, "draw_ms": {draw:.3}, "step_ms": {step:.3}, "every": {GRID_EVERY}, "ratio": {:.4}}}"#,
        dcgan.name,
        columns * rows,
        1.0 + draw / (GRID_EVERY as f64 * step),
    );
    Ok(())
}

/// The pairs of `examples/ring.rs` and `examples/mnist.rs`.
fn checkpoints(plan: &Plan) -> Result<()> {
    let device = Default::default();
    let writes = plan.repeats;
    let ring = || {
        let generator = MlpGeneratorConfig::new(2, [2]).with_hidden([128; 3]);
        let discriminator = MlpDiscriminatorConfig::new([2]).with_hidden([128; 3]);
        let networks = (
            generator.init::<B, 2>(&device)?,
            discriminator.init::<B, 2>(&device)?,
        );
        Ok(Gan::seeded(networks.0, networks.1, SEED, &device))
    };
    checkpoint("ring", Latent::normal(2), writes, ring, &data::<2>([2])?)?;

    let Dcgan { latent, image, .. } = DCGANS[1];
    let mlp = || {
        let networks = (
            MlpGeneratorConfig::new(latent, image).init::<B, 4>(&device)?,
            MlpDiscriminatorConfig::new(image).init::<B, 4>(&device)?,
        );
        Ok(Gan::seeded(networks.0, networks.1, SEED, &device))
    };
    let digits = data::<4>(image)?;
    checkpoint("mnist_mlp", Latent::normal(latent), writes, mlp, &digits)?;

    let dcgan = plan.checkpointed;
    let images = data::<4>(dcgan.image)?;
    checkpoint(dcgan.name, dcgan.prior(), writes, || dcgan.pair(), &images)
}

/// Writes a checkpoint after each step of a run, then goes on from the last one, at the run's end,
/// several times.
///
/// `resume_ms` is a call of `run` that finds nothing left to do; `check_ms` of it are what every
/// run does before its first step, resumed or not.
fn checkpoint<G, D>(
    name: &str,
    prior: Latent,
    writes: usize,
    pair: impl Fn() -> Result<Gan<G, D, B>>,
    data: &impl Dataset<B, Sample = G::Sample, Condition = G::Condition>,
) -> Result<()>
where
    G: TrainableGenerator<B>,
    D: TrainableDiscriminator<B, Sample = G::Sample, Condition = G::Condition>,
{
    let folder = temporary()?;
    let config = config(DISCARDED + writes, prior).with_ema(EmaConfig::half_life(EMA_IMAGES));
    let trainer = |start| {
        let checkpoints = Checkpoints::new(folder.path()).every(1).start(start);
        let trainer = Trainer::new(config.clone(), &Default::default())?;
        Ok::<_, Error>(trainer.with_checkpoints(checkpoints))
    };
    let run = trainer(Start::Fresh)?.run(pair()?, data)?;
    let saved: Vec<(u64, f64)> = (run.notices.iter())
        .filter_map(|notice| match notice {
            Notice::Saved { bytes, seconds, .. } => Some((*bytes, seconds * 1e3)),
            _ => None,
        })
        .skip(DISCARDED)
        .collect();
    assert_eq!(saved.len(), writes, "{}", run.ending);

    let (mut checks, mut resumes) = (Vec::new(), Vec::new());
    for _ in 0..DISCARDED + writes {
        let (trainer, gan) = (trainer(Start::Resume)?, pair()?);
        let start = Instant::now();
        trainer.check(&gan, data)?;
        checks.push(milliseconds(start.elapsed()));
        let start = Instant::now();
        let resumed = trainer.run(gan, data)?;
        resumes.push(milliseconds(start.elapsed()));
        assert!(resumed.resumed_from.is_some(), "{}", resumed.ending);
    }
    println!(
        r#"{{"work": "run_overhead", "backend": "flex", "part": "checkpoint", "pair": "{name}", "parameters": {}, "bytes": {}, "write_ms": {:.3}, "resume_ms": {:.3}, "check_ms": {:.3}}}"#,
        run.state.gan.num_params(),
        median(saved.iter().map(|(bytes, _)| *bytes as f64)),
        median(saved.iter().map(|(_, ms)| *ms)),
        median(resumes.into_iter().skip(DISCARDED)),
        median(checks.into_iter().skip(DISCARDED)),
    );
    Ok(())
}

fn temporary() -> Result<tempfile::TempDir> {
    tempfile::tempdir().map_err(|error| Error::io(std::env::temp_dir(), error))
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
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
