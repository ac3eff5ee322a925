//! Few samples that become many: whether a classifier gets better by generated ones.
//!
//! ```text
//! cargo run --release --example augment -- --data-dir DIR --per-class 20
//! ```
//!
//! Keeps a few samples of each class, trains a conditional GAN on these alone, and then one classifier
//! four times: on the real samples, with generated ones beside them, with classical augmentation
//! (small shifts, rotations, scalings and shears), and with both. All four are scored on test samples
//! that nothing was trained on, over several trials of other few samples and other seeds.
//!
//! DIR holds MNIST's four files (or those of a set in the same form), CIFAR's, one CSV file with an image
//! on each line and its label behind it, or pictures in a folder for each class. Without a test set of
//! its own the samples that were not kept are the test set.
//!
//! The GAN learns the classically augmented distribution: real samples are changed on their way to
//! the discriminator, generated ones are not. `--gan plain` leaves that out, `--gan diff-augment`
//! changes both alike.

#[path = "../common/mod.rs"]
mod common;
mod data;
#[path = "../common/pictures.rs"]
mod pictures;
mod settings;
mod trial;

use std::process::ExitCode;

use burn_gan::Result;
use burn_gan::burn::tensor::backend::AutodiffBackend;
use burn_gan::metrics::Repeats;
use burn_gan::train::Ending;
use clap::Parser;
use clap::builder::RangedU64ValueParser;
use common::{Common, Program};
use serde::Serialize;

use data::Source;
use settings::Study;
use trial::{Arm, Trial};

/// Trains a GAN on few labelled images and measures what its samples are worth to a classifier.
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    common: Common,

    #[command(flatten)]
    source: Source,

    #[command(flatten)]
    study: Study,

    /// Trials, of the seeds `--seed`, `--seed` + 1, …
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = RangedU64ValueParser::<u64>::new().range(1..))]
    trials: u64,
}

fn main() -> ExitCode {
    let args = Args::parse();
    common::main_with(args.common.backend, args)
}

/// One number over all trials.
#[derive(Serialize)]
struct Measured {
    mean: f64,
    standard_error: Option<f64>,
    trials: Vec<f64>,
}

impl Measured {
    fn of(name: &str, values: Vec<f64>) -> Result<Self> {
        let Repeats {
            mean,
            standard_error,
            values: trials,
            ..
        } = Repeats::of(name, &values)?;
        Ok(Self {
            mean,
            standard_error,
            trials,
        })
    }

    /// In per cent.
    fn percent(&self) -> String {
        format!("{:.2}{}", 100.0 * self.mean, self.error())
    }

    /// In points, with the trials.
    fn points(&self) -> String {
        let trials = self
            .trials
            .iter()
            .map(|value| format!("{:+.2}", 100.0 * value));
        let trials = trials.collect::<Vec<_>>().join(", ");
        format!("{:+.2}{}  ({trials})", 100.0 * self.mean, self.error())
    }

    fn error(&self) -> String {
        let error = self.standard_error;
        error.map_or_else(String::new, |error| format!(" ± {:.2}", 100.0 * error))
    }
}

impl Program for Args {
    fn run<B: AutodiffBackend>(self, device: B::Device) -> Result<u8> {
        // What was done before is found in the folder, which the first process alone knows.
        common::in_one_process()?;
        let sets = self.source.open()?;
        self.study.validate(&sets)?;
        let out = self.common.out();
        let mut report = (self.common.report(&self.study))
            .setting("data", &self.source)
            .setting("classes", &sets.classes)
            .setting("steps", self.study.steps(&self.common))
            .setting("trials", self.trials);
        let (mut trials, mut ending) = (Vec::<Trial>::new(), Ending::Finished);
        for number in 0..self.trials {
            let seed = self.common.seed.saturating_add(number);
            common::say(format_args!(
                "trial {} of {}, seed {seed}",
                number + 1,
                self.trials
            ));
            let trial = trial::run::<B>(&self.common, &self.study, &sets, seed, &device)?;
            match trial {
                Ok(trial) => {
                    common::say(format_args!("seed {seed}: {}", trial.words()));
                    report = trial.report(report);
                    trials.push(trial);
                }
                Err(stopped) => {
                    ending = stopped;
                    break;
                }
            }
        }

        let mut outcome = "no trial is done".to_owned();
        if !trials.is_empty() {
            let (accuracy, gain) = self.measured(&trials)?;
            common::print(self.table(&accuracy, &gain));
            outcome = self.outcome(&accuracy, &gain);
            report = report
                .metric("accuracy", named(accuracy))
                .metric("gain", named(gain));
        }
        let seconds = |part: fn(&Trial) -> f64| trials.iter().map(part).sum::<f64>();
        let report = report
            .metric("trials", &trials)
            .timing("gan", seconds(|trial| trial.gan_seconds))
            .timing("classifiers", seconds(|trial| trial.classifier_seconds))
            .ending(ending.to_string())
            .files(trials.iter().map(|trial| out.join(&trial.generator)));
        let outcome = format!("{}, {outcome}", counted(trials.len()));
        self.common.finish(&report, &ending, outcome)?;
        Ok(ending.exit_code())
    }
}

fn counted(trials: usize) -> String {
    match trials {
        1 => "1 trial".to_owned(),
        _ => format!("{trials} trials"),
    }
}

type Rows = Vec<(&'static str, Measured)>;

/// As fields of a JSON object, in their order.
fn named(rows: Rows) -> serde_json::Map<String, serde_json::Value> {
    let rows = rows.into_iter();
    rows.map(|(name, row)| (name.to_owned(), serde_json::json!(row)))
        .collect()
}

impl Args {
    /// The accuracies of the arms, and paired differences of them.
    fn measured(&self, trials: &[Trial]) -> Result<(Rows, Rows)> {
        let of =
            |arm: Arm| -> Vec<f64> { trials.iter().map(|trial| trial.accuracy[arm]).collect() };
        let accuracy = Arm::ALL.map(|arm| Ok((arm.name(), Measured::of(arm.name(), of(arm))?)));
        let against = |name, arm, base| -> Result<_> {
            let pairs = of(arm).into_iter().zip(of(base));
            Ok((
                name,
                Measured::of(name, pairs.map(|(arm, base)| arm - base).collect())?,
            ))
        };
        let gain = [
            against("generated", Arm::Generated, Arm::Real)?,
            against("classical", Arm::Classical, Arm::Real)?,
            against("both", Arm::Both, Arm::Real)?,
            against("both_over_classical", Arm::Both, Arm::Classical)?,
        ];
        let accuracy = accuracy.into_iter().collect::<Result<_>>()?;
        Ok((accuracy, Vec::from(gain)))
    }

    fn table(&self, accuracy: &Rows, gain: &Rows) -> String {
        let mut table = format!(
            "{} real samples of each class, {}\n{:<20} {:<16} over real samples alone, in points\n",
            self.study.per_class,
            counted(accuracy[0].1.trials.len()),
            "trained on",
            "accuracy %"
        );
        for (index, (name, row)) in accuracy.iter().enumerate() {
            let gain = index.checked_sub(1).map(|place| gain[place].1.points());
            let line = format!(
                "{name:<20} {:<16} {}",
                row.percent(),
                gain.unwrap_or_default()
            );
            table.push_str(line.trim_end());
            table.push('\n');
        }
        let (_, last) = &gain[gain.len() - 1];
        table.push_str(&format!("{:<37} {}", "both over classical", last.points()));
        table
    }

    fn outcome(&self, accuracy: &Rows, gain: &Rows) -> String {
        format!(
            "{} of each class: accuracy {} % of real samples alone, {} points with generated ones",
            self.study.per_class,
            accuracy[0].1.percent(),
            gain[0].1.points()
        )
    }
}
