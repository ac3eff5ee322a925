//! Rows of a table: from a CSV file to a CSV file of generated rows, and how good they are.
//!
//! ```text
//! cargo run --release --example table --features tables -- --data FILE --target COLUMN
//! ```
//!
//! FILE is plain or compressed by gzip; kinds of columns are guessed, or said by `--settings FILE`, as is how
//! they become numbers (`docs/tables.md`). A part of the rows is held back. The out folder gets `generated.csv`,
//! `generator.gan` and `table.json`, from which `TableSampler::open` draws more, a chart of each column,
//! and a report with `accuracy_real` and `accuracy_synthetic`: what a classifier learns of the target
//! from real rows and from generated ones, asked about those held back.

#[path = "../common/mod.rs"]
mod common;
mod data;

use std::process::ExitCode;

use burn_gan::burn::module::AutodiffModule;
use burn_gan::burn::tensor::Tensor;
use burn_gan::burn::tensor::backend::AutodiffBackend;
use burn_gan::data::table::{RowFilter, SavedTable, Table, TableCode, TableDraws, TableRows};
use burn_gan::metrics::Score;
use burn_gan::metrics::table::{TableClassifier, TableScorer, Utility, column_shapes};
use burn_gan::models::{SavedGenerator, TabularDiscriminatorConfig, TabularGeneratorConfig};
use burn_gan::network::{Generator, TrainableDiscriminator, TrainableGenerator};
use burn_gan::plot::column_charts;
use burn_gan::prelude::*;
use burn_gan::sampling::TableSampler;
use burn_gan::train::JsonLines;
use burn_gan::{Error, Result};
use clap::builder::RangedU64ValueParser;
use clap::{Parser, ValueEnum};
use common::{Common, Program};
use data::Data;

/// Trains a generator of the rows of a table.
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    common: Common,

    #[command(flatten)]
    data: Data,

    /// How it is trained
    #[arg(long, value_enum, default_value_t = Recipe::Relativistic, value_name = "NAME")]
    recipe: Recipe,

    /// Weight of the gradient penalties of the relativistic recipe
    #[arg(long, default_value_t = GAMMA, value_name = "GAMMA")]
    gamma: f64,

    /// Rows in a batch, a multiple of the pack; fewer where there are fewer rows
    #[arg(long, default_value_t = 500, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    batch: usize,

    /// Rows that are judged together
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..=1000))]
    pack: usize,

    /// Units of each hidden layer
    #[arg(long, default_value_t = 256, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    width: usize,

    /// What learns the target from real rows and from generated ones; trees take minutes on tens of
    /// thousands of rows
    #[arg(long, value_enum, default_value_t = Classifier::Logistic, value_name = "NAME")]
    classifier: Classifier,

    /// Generated rows [default: as many as are trained on, at most 100,000]
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    rows: Option<usize>,

    /// Write rows with as many of each value of the target, too, to `balanced.csv`: for a classifier whose
    /// classes are unequal
    #[arg(long)]
    balance: bool,

    /// Only rows with this value, such as 'sex = Female'; several times for several columns. They are
    /// written to `conditioned.csv` beside the others
    #[arg(long = "where", value_name = "COLUMN=VALUE")]
    filters: Vec<RowFilter>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Recipe {
    /// WGAN-GP with dropout, as the paper has it
    Ctgan,
    /// Relativistic pairs with R1 and R2
    Relativistic,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Classifier {
    /// Logistic regression
    Logistic,
    /// A random forest
    Forest,
    /// Boosted trees
    Boosted,
}

impl Classifier {
    fn settings(self) -> TableClassifier {
        match self {
            Self::Logistic => TableClassifier::logistic(),
            Self::Forest => TableClassifier::forest(),
            Self::Boosted => TableClassifier::boosted(),
        }
    }
}

const STEPS: usize = 3_000;
const GAMMA: f64 = 1.0;
/// Rows that are drawn where nobody says how many, at most.
const DRAWN: usize = 100_000;
/// Charts of columns, at most.
const CHARTS: usize = 200;

fn main() -> ExitCode {
    let args = Args::parse();
    common::main_with(args.common.backend, args)
}

impl Program for Args {
    fn run<B: AutodiffBackend>(self, device: B::Device) -> Result<u8> {
        let parts = self.data.open(self.common.seed)?;
        let SavedTable {
            transform,
            conditions,
        } = parts.saved.clone();
        let target = transform
            .columns()
            .find(|(schema, _)| schema.name == self.data.target);
        if self.balance && !matches!(target, Some((_, TableCode::Category(_)))) {
            let problem = "is for a target of names, and this one has numbers; leave it out";
            return Err(Error::setting("balance", true, problem));
        }
        let batch = self.batch.min(parts.training.rows()) / self.pack * self.pack;
        if batch == 0 {
            let problem = format!(
                "must be at most the rows that are trained on, {}",
                parts.training.rows()
            );
            return Err(Error::setting("pack", self.pack, problem));
        }
        let mut generator =
            TabularGeneratorConfig::new(transform.heads()).with_hidden([self.width; 2]);
        let dropout = match self.recipe {
            Recipe::Ctgan => 0.5,
            // What is compared in pairs is to be judged by one network.
            Recipe::Relativistic => 0.0,
        };
        let discriminator = TabularDiscriminatorConfig::new(transform.width())
            .with_hidden([self.width; 2])
            .with_dropout(dropout)
            .with_pack(self.pack);
        let digest = parts.training.digest();
        let coded = parts.coded.clone();
        match conditions {
            None => {
                let data = TableRows::new(coded, digest);
                let networks = (
                    generator.init::<B>(&device)?,
                    discriminator.init::<B>(&device)?,
                );
                let sampler = |trained, latent: &Latent| {
                    TableSampler::new(trained, latent.clone(), transform.clone(), &device)
                };
                self.train(
                    &parts,
                    &generator,
                    networks,
                    &data,
                    (batch, false),
                    sampler,
                    &device,
                )
            }
            Some(conditions) => {
                generator = generator.with_conditions(&conditions);
                let width = conditions.width();
                let data = TableDraws::new(coded, conditions.clone(), self.common.seed, digest)?;
                let networks = (
                    generator.init_conditional::<B>(&device)?,
                    discriminator.init_conditional::<B>(width, &device)?,
                );
                let sampler = |trained, latent: &Latent| {
                    let (transform, conditions) = (transform.clone(), conditions.clone());
                    TableSampler::conditional(
                        trained,
                        latent.clone(),
                        transform,
                        conditions,
                        &device,
                    )
                };
                self.train(
                    &parts,
                    &generator,
                    networks,
                    &data,
                    (batch, true),
                    sampler,
                    &device,
                )
            }
        }
    }
}

impl Args {
    fn config(&self, batch: usize, latent: Latent, conditional: bool) -> TrainerConfig {
        let config = self.common.config(STEPS, batch, latent);
        let (mut objective, betas) = match self.recipe {
            Recipe::Ctgan => (Objective::wgan_gp(), (0.5, 0.9)),
            Recipe::Relativistic => (Objective::r3gan(self.gamma), (0.0, 0.99)),
        };
        if conditional {
            objective = objective.with_term(Term::condition_match(1.0));
        }
        let adam = OptimizerConfig::adam(2e-4).with_betas(betas.0, betas.1);
        config.with_objective(objective).with_optimizers(adam)
    }

    #[allow(clippy::too_many_arguments)] // what differs with and without conditions
    fn train<B, G, D>(
        &self,
        parts: &data::Parts,
        settings: &TabularGeneratorConfig,
        (generator, discriminator): (G, D),
        data: &impl Dataset<B, Sample = Tensor<B, 2>, Condition = G::Condition>,
        (batch, conditional): (usize, bool),
        sampler: impl Fn(G::InnerModule, &Latent) -> TableSampler<B::InnerBackend>,
        device: &B::Device,
    ) -> Result<u8>
    where
        B: AutodiffBackend,
        G: TrainableGenerator<B> + Generator<B, Sample = Tensor<B, 2>> + AutodiffModule<B>,
        D: TrainableDiscriminator<B, Sample = G::Sample, Condition = G::Condition>,
        G::InnerModule: Generator<B::InnerBackend>,
    {
        let (seed, out) = (self.common.seed, self.common.out());
        let config = self.config(batch, settings.prior(), conditional);
        let gan = Gan::<_, _, B>::seeded(generator, discriminator, seed, device);
        let options = [
            ("recipe", common::name(&self.recipe)),
            ("width", self.width.to_string()),
            ("pack", self.pack.to_string()),
        ];
        let mut history = History::new();
        let run = (self.common.trainer(&config, &options, &out, device)?)
            .observe(Rhythm::Every(1), Progress::new())
            .observe(Rhythm::Every(10), &mut history)
            .observe(Rhythm::Every(10), JsonLines::new(out.join("log.jsonl")))
            .run(gan, data)?;
        if !common::is_first() {
            return Ok(run.exit_code());
        }

        let saved = out.join("generator.gan");
        SavedGenerator::save(&saved, settings, &config.latent, run.state.sampler())?;
        let mut sampler = sampler(run.state.sampler(), &config.latent).with_seed(seed);
        let table = out.join("table.json");
        parts.saved.save(&table)?;
        let rows = self.rows.unwrap_or(parts.training.rows().min(DRAWN));
        let made = sampler.draw(rows)?;
        let csv = out.join("generated.csv");
        made.write(&csv)?;
        let mut others = Vec::new();
        if self.balance {
            let balanced = out.join("balanced.csv");
            (sampler.draw_balanced(rows, &self.data.target)?).write(&balanced)?;
            others.push(balanced);
        }
        if !self.filters.is_empty() {
            let conditioned = out.join("conditioned.csv");
            let count = self.rows.unwrap_or(100);
            (sampler.draw_where(count, &self.filters)?).write(&conditioned)?;
            others.push(conditioned);
        }
        let charts = out.join("columns.svg");
        column_charts(&parts.training, &made, CHARTS).save(&charts)?;
        let drawn = match made.columns().len() {
            columns if columns > CHARTS => format!(
                "The first {CHARTS} of {columns} columns, real rows and generated ones; the others are left out"
            ),
            _ => "Columns: real rows and generated ones".to_owned(),
        };

        let scores = match &parts.held_back {
            Some(held_back) => self.scores(&parts.training, held_back, &made),
            None => Vec::new(),
        };
        let score = |name: &str| scores.iter().find(|score| score.name == name);
        let value = |name: &str| score(name).map_or(f64::NAN, Score::value);
        let report = (self.common.report(&config))
            .setting("data", self.data.data.display().to_string())
            .setting("target", &self.data.target)
            .setting("transform", &parts.transform)
            .setting("generator", settings)
            .scores(&scores)
            .metric("columns", column_shapes(&parts.training, &made)?.columns)
            .picture(drawn, &charts, None)
            .file(&csv)
            .files(others)
            .file(&saved)
            .file(&table);
        let (report, found) = match &parts.held_back {
            Some(_) => {
                let accuracy = value("accuracy_synthetic");
                let real = score("accuracy_synthetic").and_then(|score| score.real_against_real);
                let real = real.map_or(f64::NAN, |real| real.value);
                let found = format!(
                    "accuracy {accuracy:.3} (real rows {real:.3}), column shapes {:.3}, pair trends {:.3}",
                    value("column_shapes"),
                    value("pair_trends"),
                );
                let report = report.metric("accuracy_real", real);
                (report.metric("accuracy_synthetic", accuracy), found)
            }
            None => (report, "no scores, since no row was held back".to_owned()),
        };
        let seconds = run.elapsed.as_secs_f64();
        let what = format!("{} rows, {found}, {seconds:.0} s", made.rows());
        let report = history.report(run.report(report));
        self.common.finish(&report, &run.ending, what)?;
        Ok(run.exit_code())
    }

    /// What generated rows have, beside held-out real ones.
    fn scores(&self, training: &Table, held_back: &Table, made: &Table) -> Vec<Score> {
        let utility = Utility::new(&self.data.target).with_classifier(self.classifier.settings());
        let scorer = TableScorer::new(training.clone(), held_back.clone());
        let scorer = scorer.with_utility(utility).with_seed(self.common.seed);
        // Rows of a generator that has learnt little may have no score; they are there all the same.
        scorer.score(made).unwrap_or_else(|error| {
            common::say(format!("the rows have no scores: {error}"));
            Vec::new()
        })
    }
}
