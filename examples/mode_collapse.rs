//! Published tables of mode collapse, with rows of this crate's in them.
//!
//! ```text
//! cargo run --release --example mode_collapse -- --protocol pacgan-ring --epochs 40
//! cargo run --release --example mode_collapse -- --protocol stacked-mnist --data-dir DIR --epochs 5
//! ```
//!
//! Trains by the protocol of a paper (its data, networks and settings: `burn_gan::protocol`), scores
//! by the paper's rules, and prints its table: `table.txt` and `table.json` in the out folder, with a
//! picture of what each trial draws. Papers train for hundreds of epochs: `--epochs` shortens all
//! runs alike.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use burn_gan::burn::tensor::backend::AutodiffBackend;
use burn_gan::plot::Scatter;
use burn_gan::prelude::*;
use burn_gan::protocol::{Evaluation, Pacgan, Protocol, Samples, Veegan};
use burn_gan::train::Ending;
use burn_gan::{Error, Result};
use clap::builder::RangedU64ValueParser;
use clap::{Parser, ValueEnum};
use common::{Common, Program};
use serde::Serialize;

/// Trains by a published protocol and prints the paper's table with rows of its own.
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    common: Common,

    /// Which protocol
    #[arg(long, value_enum, default_value_t = Name::PacganRing, value_name = "NAME")]
    protocol: Name,

    /// What is trained, once or more: `plain`, the paper's GAN; `recommended`, this crate's settings;
    /// an objective such as '{"loss":"hinge"}' in the place of the recommended one [default: plain and
    /// recommended]
    #[arg(long, value_name = "OBJECTIVE", value_parser = Choice::parse)]
    objective: Vec<Choice>,

    /// Trials, of the seeds `--seed`, `--seed` + 1, …
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = RangedU64ValueParser::<u64>::new().range(1..))]
    trials: u64,

    /// Epochs of each trial [default: the paper's]; `--steps` says it in steps
    #[arg(long, value_name = "N", conflicts_with = "steps", value_parser = RangedU64ValueParser::<u64>::new().range(1..))]
    epochs: Option<u64>,

    /// Samples that the discriminator of pacgan-ring and pacgan-grid judges together
    #[arg(long, default_value_t = 1, value_name = "N")]
    packing: usize,

    /// Settings of all runs in the place of the rows', each whole, such as
    /// '{"ema":{"length":"decay","decay":0.999}}'
    #[arg(long, value_name = "JSON", value_parser = |json: &str| serde_json::from_str::<serde_json::Value>(json))]
    settings: Option<serde_json::Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Name {
    /// Eight Gaussians on a ring (Lin et al. 2017)
    PacganRing,
    /// Twenty-five Gaussians on a grid (Lin et al. 2017)
    PacganGrid,
    /// Ten Gaussians in 1,200 dimensions (Srivastava et al. 2017)
    #[value(name = "veegan-1200d")]
    Veegan1200d,
}

/// A row of the table.
#[derive(Debug, Clone)]
enum Choice {
    Plain,
    Recommended,
    Objective(Box<Objective>),
}

impl Choice {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "plain" => Ok(Self::Plain),
            "recommended" => Ok(Self::Recommended),
            json => match serde_json::from_str(json) {
                Ok(objective) => Ok(Self::Objective(Box::new(objective))),
                Err(error) => Err(format!("neither `plain` nor `recommended`: {error}")),
            },
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Recommended => "recommended",
            Self::Objective(_) => "objective",
        }
    }

    fn config<B, const R: usize, P>(&self, protocol: &P, steps: u64) -> TrainerConfig
    where
        B: AutodiffBackend,
        P: Protocol<B, R>,
    {
        match self {
            Self::Plain => protocol.plain(steps),
            Self::Recommended => protocol.recommended(steps),
            Self::Objective(objective) => protocol
                .recommended(steps)
                .with_objective(Objective::clone(objective)),
        }
    }
}

/// What a trial left.
#[derive(Debug, Serialize)]
struct Trial {
    objective: &'static str,
    seed: u64,
    steps: u64,
    seconds: f64,
    #[serde(flatten)]
    evaluation: Evaluation,
}

fn main() -> ExitCode {
    let args = Args::parse();
    common::main_with(args.common.backend, args)
}

impl Program for Args {
    fn run<B: AutodiffBackend>(self, device: B::Device) -> Result<u8> {
        match self.protocol {
            Name::PacganRing => self.pacgan::<B>(Pacgan::ring(), 1.5, device),
            Name::PacganGrid => self.pacgan::<B>(Pacgan::grid(), 5.5, device),
            Name::Veegan1200d => {
                let protocol = Veegan::new();
                let data = Protocol::<B, 2>::data(&protocol, self.common.seed)?;
                let real: Vec<f32> = (0..DRAWN).flat_map(|index| data.point(index).0).collect();
                let picture = |title: &str, samples: &mut Samples<'_>, path: PathBuf| {
                    Scatter::new(
                        title,
                        Veegan::view(&real),
                        Veegan::view(&samples.draw(DRAWN)),
                    )
                    .with_labels("mean of the coordinates", "distance from the nearest mean")
                    .save(path.with_extension("svg"))
                    .map(|()| path.with_extension("svg"))
                };
                self.bench::<B, 2, _>(protocol, picture, device)
            }
        }
    }
}

/// Samples in a picture.
const DRAWN: usize = 500;

impl Args {
    fn pacgan<B: AutodiffBackend>(
        self,
        protocol: Pacgan,
        edge: f64,
        device: B::Device,
    ) -> Result<u8> {
        let protocol = protocol.with_pack(self.packing)?;
        let data = Protocol::<B, 2>::data(&protocol, self.common.seed)?;
        let picture = |title: &str, samples: &mut Samples<'_>, path: PathBuf| {
            common::scatter(title, &data, &samples.draw(5 * DRAWN), edge)
                .save(path.with_extension("svg"))
                .map(|()| path.with_extension("svg"))
        };
        self.bench::<B, 2, _>(protocol, picture, device)
    }

    /// Trains every trial of every row; prints and stores the table.
    fn bench<B, const R: usize, P>(
        self,
        protocol: P,
        picture: impl Fn(&str, &mut Samples<'_>, PathBuf) -> Result<PathBuf>,
        device: B::Device,
    ) -> Result<u8>
    where
        B: AutodiffBackend,
        P: Protocol<B, R>,
    {
        let (out, first) = (self.common.out(), self.common.seed);
        let epoch = protocol.steps_per_epoch();
        let steps = (self.epochs.unwrap_or_else(|| protocol.epochs())).saturating_mul(epoch);
        let steps = self.common.steps.map_or(steps, |steps| steps as u64);
        let rows = match self.objective.as_slice() {
            [] => vec![Choice::Plain, Choice::Recommended],
            rows => rows.to_vec(),
        };

        let mut table = protocol.published();
        let mut report = self
            .common
            .report(&self.config(&rows[0], &protocol, steps, first)?);
        let (mut trials, mut ending) = (Vec::<Trial>::new(), Ending::Finished);
        'rows: for row in &rows {
            for seed in first..first.saturating_add(self.trials) {
                let name = format!("{}-{seed}", row.name());
                let config = self.config(row, &protocol, steps, seed)?;
                let folder = out.join("runs").join(&name);
                let data = protocol.data(seed)?;
                let (generator, discriminator) = protocol.networks(&config.objective, &device)?;
                let gan = Gan::seeded(generator, discriminator, seed, &device);
                let options = [
                    ("protocol", common::name(&self.protocol)),
                    ("packing", self.packing.to_string()),
                ];
                let run = (self.common.trainer(&config, &options, &folder, &device)?)
                    .observe(Rhythm::Every(1), Progress::new())
                    .run(gan, &data)?;
                run.save_weights(&folder)?;
                if !run.ending.is_finished() {
                    ending = run.ending;
                    break 'rows;
                }

                let samples =
                    || Samples::new::<B::InnerBackend, _, R>(run.state.sampler(), &config, &device);
                let evaluation = protocol.evaluate(&mut samples())?;
                let numbers = table.text(&evaluation);
                common::say(format_args!("{name}: {numbers}"));
                let title = format!("{}, seed {seed}: {numbers}", row.name());
                let path = picture(&title, &mut samples(), out.join(&name))?;
                report = report.picture(title, path, None);
                trials.push(Trial {
                    objective: row.name(),
                    seed,
                    steps,
                    seconds: run.elapsed.as_secs_f64(),
                    evaluation,
                });
            }
            let of_row = trials.iter().filter(|trial| trial.objective == row.name());
            let of_row: Vec<Evaluation> = of_row.map(|trial| trial.evaluation.clone()).collect();
            let numbers = table.repeats(&of_row)?;
            let how = format!(
                "{} trials of {} epochs",
                self.trials,
                steps as f64 / epoch as f64
            );
            report = report.metric(row.name(), &numbers);
            table = table.measured(row.name(), &numbers, how)?;
        }

        let text = table.to_string();
        print!("{text}");
        let seconds = trials.iter().map(|trial| trial.seconds).sum();
        let report = (report.metric("table", &table))
            .metric("trials", &trials)
            .timing("training", seconds)
            .ending(ending.to_string())
            .files(store(&out, &text, &table)?);
        let what = format!("{} trials, {seconds:.0} s of training", trials.len());
        self.common.finish(&report, &ending, what)?;
        Ok(ending.exit_code())
    }

    /// Settings of a trial.
    fn config<B, const R: usize, P>(
        &self,
        row: &Choice,
        protocol: &P,
        steps: u64,
        seed: u64,
    ) -> Result<TrainerConfig>
    where
        B: AutodiffBackend,
        P: Protocol<B, R>,
    {
        let config = row.config(protocol, steps).with_seed(seed);
        let Some(changes) = &self.settings else {
            return Ok(config);
        };
        let refused = |problem: String| Error::setting("settings", changes, problem);
        let mut settings =
            serde_json::to_value(&config).map_err(|error| refused(error.to_string()))?;
        let (Some(settings_of), Some(changes_to)) = (settings.as_object_mut(), changes.as_object())
        else {
            return Err(refused("must be a JSON object".to_owned()));
        };
        for (name, change) in changes_to {
            settings_of.insert(name.clone(), change.clone());
        }
        serde_json::from_value(settings).map_err(|error| refused(error.to_string()))
    }
}

/// The table as files.
fn store(out: &Path, text: &str, table: &impl Serialize) -> Result<[PathBuf; 2]> {
    let [as_text, as_json] = [out.join("table.txt"), out.join("table.json")];
    let json = serde_json::to_string_pretty(table);
    let json = json.map_err(|error| Error::data(&as_json, error.to_string()))?;
    fs::create_dir_all(out).map_err(|error| Error::io(out, error))?;
    fs::write(&as_text, text).map_err(|error| Error::io(&as_text, error))?;
    fs::write(&as_json, json).map_err(|error| Error::io(&as_json, error))?;
    Ok([as_text, as_json])
}
