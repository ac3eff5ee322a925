//! What `mode_collapse` and `parzen` share: trials of a protocol, and the table with their rows.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use burn_gan::burn::tensor::backend::AutodiffBackend;
use burn_gan::plot::ResultChart;
use burn_gan::prelude::*;
use burn_gan::protocol::{Evaluation, Measured, Protocol, ProtocolScores, ResultTable, Samples};
use burn_gan::train::Ending;
use burn_gan::{Error, Result};
use clap::builder::RangedU64ValueParser;
use serde::Serialize;
use serde_json::Value;

use crate::common::{self, Common};

/// Which rows a table gets, and how they are trained.
#[derive(Debug, Clone, clap::Args)]
pub struct Rows {
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

    /// Score so many times while training too, for curves in the report
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<u64>::new().range(1..))]
    evaluations: Option<u64>,

    /// Settings of all runs in the place of the rows', each whole, such as
    /// '{"ema":{"length":"decay","decay":0.999}}'
    #[arg(long, value_name = "JSON", value_parser = |json: &str| serde_json::from_str::<Value>(json))]
    settings: Option<Value>,
}

/// The row of what was trained on, scored by the same rules.
const DATA: &str = "the data itself";

/// What a row is of.
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
struct Trial<'a> {
    row: &'a str,
    seed: u64,
    steps: u64,
    seconds: f64,
    #[serde(flatten)]
    evaluation: Evaluation,
}

impl Rows {
    /// The rows, each with its name.
    fn named(&self) -> Vec<(String, Choice)> {
        let rows = match self.objective.as_slice() {
            [] => vec![Choice::Plain, Choice::Recommended],
            rows => rows.to_vec(),
        };
        let rows = rows.into_iter().enumerate();
        rows.map(|(index, row)| {
            let name = match row {
                Choice::Plain => "plain".to_owned(),
                Choice::Recommended => "recommended".to_owned(),
                Choice::Objective(_) => format!("objective {}", index + 1),
            };
            (name, row)
        })
        .collect()
    }

    /// Trains every trial of every row; prints and stores the table. `options` are the example's own
    /// that decide what is computed, `picture` draws what a trained generator draws, under a title
    /// and into a file whose ending it adds.
    pub fn train<B, const R: usize, P>(
        &self,
        common: &Common,
        options: &[(&str, String)],
        protocol: &P,
        picture: impl Fn(&str, &mut Samples<'_>, &Path) -> Result<PathBuf>,
        device: &B::Device,
    ) -> Result<u8>
    where
        B: AutodiffBackend,
        P: Protocol<B, R>,
    {
        let (out, rows) = (common.out(), self.named());
        let epoch = protocol.steps_per_epoch();
        let steps = (self.epochs.unwrap_or_else(|| protocol.epochs())).saturating_mul(epoch);
        let steps = common.steps.map_or(steps, |steps| steps as u64);
        let mut table = protocol.published();
        let mut report = common.report(&self.config(&rows[0].1, protocol, steps, common.seed)?);
        let (mut trials, mut ending) = (Vec::<Trial<'_>>::new(), Ending::Finished);
        let seeds = common.seed..common.seed.saturating_add(self.trials);
        let measured = |how: String| {
            Measured::new(how)
                .with_seeds(seeds.clone())
                .with_samples(protocol.evaluated())
                .with_reader(protocol.reader())
        };
        if common::is_first() {
            let data = seeds
                .clone()
                .map(|seed| protocol.evaluate_data(seed, device));
            let numbers = table.repeats(&data.collect::<Result<Vec<_>>>()?)?;
            report = report.metric(DATA, &numbers);
            let how = format!("training data of {} seeds", self.trials);
            table = table.measured(DATA, &numbers, measured(how))?;
        }
        'rows: for (row, choice) in &rows {
            let mut of_row = Vec::new();
            for seed in seeds.clone() {
                let name = format!("{row} {seed}").replace(' ', "-");
                let config = self.config(choice, protocol, steps, seed)?;
                let folder = out.join("runs").join(&name);
                let data = protocol.data(seed)?;
                let (generator, discriminator) = protocol.networks(&config.objective, device)?;
                let gan = Gan::seeded(generator, discriminator, seed, device);
                let mut history = History::new();
                let mut trainer = (common.trainer(&config, options, &folder, device)?)
                    .observe(Rhythm::Every(1), Progress::new());
                if let Some(times) = self.evaluations {
                    let every = Rhythm::Every(steps.div_ceil(times));
                    let scores = ProtocolScores::<P, B, R>::new(protocol, device);
                    trainer = trainer.evaluate(every, scores).observe(every, &mut history);
                }
                let run = trainer.run(gan, &data)?;
                run.save_weights(&folder)?;
                if !run.ending.is_finished() {
                    ending = run.ending;
                    break 'rows;
                }

                let samples =
                    || Samples::new::<B::InnerBackend, _, R>(run.state.sampler(), &config, device);
                let evaluation = protocol.evaluate(&mut samples())?;
                let numbers = table.text(&evaluation);
                common::say(format_args!("{name}: {numbers}"));
                // The numbers stand beside the picture: in its title they would not find room.
                let title = format!("{row}, seed {seed}");
                let path = picture(&title, &mut samples(), &out.join(&name))?;
                report = report.picture(format!("{title}: {numbers}"), path, None);
                for column in &table.columns {
                    let points = history.points(&column.key);
                    if !points.is_empty() {
                        let points = points.iter().map(|(step, value)| (*step as f64, *value));
                        report = report.curve(&column.name, &name, points);
                    }
                }
                of_row.push(evaluation.clone());
                trials.push(Trial {
                    row,
                    seed,
                    steps,
                    seconds: run.elapsed.as_secs_f64(),
                    evaluation,
                });
            }
            let numbers = table.repeats(&of_row)?;
            let epochs = steps as f64 / epoch as f64;
            let how = format!("{} trials of {epochs} epochs", self.trials);
            report = report.metric(row, &numbers);
            table = table.measured(row, &numbers, measured(how))?;
        }

        let text = table.to_string();
        // A closed pipe is no reason to lose the report.
        let _ = std::io::stdout().write_all(text.as_bytes());
        let seconds = (trials.iter()).fold(0.0, |all, trial| all + trial.seconds);
        let chart = out.join("table.svg");
        ResultChart::new(&table).save(&chart)?;
        let report = (report.metric("table", &table))
            .picture(&table.title, chart, None)
            .metric("trials", &trials)
            .timing("training", seconds)
            .ending(ending.to_string())
            .files(store(&out, &text, &table)?);
        let what = format!("{} trials, {seconds:.0} s of training", trials.len());
        common.finish(&report, &ending, what)?;
        Ok(ending.exit_code())
    }

    /// Settings of a trial.
    fn config<B, const R: usize, P>(
        &self,
        choice: &Choice,
        protocol: &P,
        steps: u64,
        seed: u64,
    ) -> Result<TrainerConfig>
    where
        B: AutodiffBackend,
        P: Protocol<B, R>,
    {
        let config = choice.config(protocol, steps).with_seed(seed);
        let Some(changes) = &self.settings else {
            return Ok(config);
        };
        let refused = |problem: String| Error::setting("settings", changes, problem);
        let Some(changed) = changes.as_object() else {
            return Err(refused("must be a JSON object".to_owned()));
        };
        let mut settings =
            serde_json::to_value(&config).map_err(|error| refused(error.to_string()))?;
        for (name, change) in changed {
            settings[name] = change.clone();
        }
        serde_json::from_value(settings).map_err(|error| refused(error.to_string()))
    }
}

/// The table as files.
fn store(out: &Path, text: &str, table: &ResultTable) -> Result<[PathBuf; 2]> {
    let [as_text, as_json] = [out.join("table.txt"), out.join("table.json")];
    let json = serde_json::to_string_pretty(table);
    let json = json.map_err(|error| Error::data(&as_json, error.to_string()))?;
    fs::create_dir_all(out).map_err(|error| Error::io(out, error))?;
    fs::write(&as_text, text).map_err(|error| Error::io(&as_text, error))?;
    fs::write(&as_json, json).map_err(|error| Error::io(&as_json, error))?;
    Ok([as_text, as_json])
}
