//! Handwritten digits, by linear layers or convolutions, with or without labels.
//!
//! ```text
//! cargo run --release --example mnist -- --data-dir DIR
//! cargo run --release --example mnist -- --data-dir DIR --model mlp --labels
//! ```
//!
//! DIR holds MNIST's four files, plain or gzip; `--download` (with `--features download`) puts
//! them there first. The out folder gets sample grids through time, a log, checkpoints (Ctrl-C stores
//! one, `--resume` goes on from it), the generator as `generator.gan` for this crate and as
//! `generator.safetensors` and `generator_ema.safetensors` for everybody, and `report.html`.

mod common;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use burn_gan::Result;
use burn_gan::burn::tensor::backend::AutodiffBackend;
use burn_gan::data::{Mnist, PixelRange};
use burn_gan::models::{
    DcganDiscriminatorConfig, DcganGeneratorConfig, MlpDiscriminatorConfig, MlpGeneratorConfig,
    SavedGenerator,
};
use burn_gan::network::{TrainableDiscriminator, TrainableGenerator};
use burn_gan::plot::GridSize;
use burn_gan::prelude::*;
use burn_gan::train::{Interpolations, JsonLines, SampleGrid};
use clap::{Parser, ValueEnum};
use common::{Common, Program};
use serde::Serialize;

/// Trains a GAN on MNIST.
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    common: Common,

    /// Folder with MNIST's four files, plain or gzip
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,

    /// Fetch the files into the data folder first
    #[arg(long)]
    download: bool,

    /// The networks
    #[arg(long, value_enum, default_value_t = Model::Dcgan, value_name = "NAME")]
    model: Model,

    /// Tell both networks the digit
    #[arg(long)]
    labels: bool,

    /// Weight γ of the R1 penalty; 0 turns it off, and the DCGAN's batch norms on [default: 1 for
    /// mlp, 0 for dcgan]
    #[arg(long, value_name = "GAMMA", allow_negative_numbers = true)]
    gamma: Option<f64>,

    /// Channels of the DCGAN at half the full size
    #[arg(long, default_value_t = 32, value_name = "N")]
    width: usize,

    /// Draw a sample grid every so many steps
    #[arg(long, default_value_t = 250, value_name = "N")]
    sample_every: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Model {
    Mlp,
    Dcgan,
}

const BATCH: usize = 64;
const LATENT: usize = 64;
const CLASSES: usize = 10;
/// Half-life of the generator's average, in images: some 150 steps.
const EMA_IMAGES: f64 = 10_000.0;
/// Rows of a sample grid; each has one of every digit where labels are told.
const GRID_ROWS: usize = 8;

fn main() -> ExitCode {
    let args = Args::parse();
    common::main_with(args.common.backend, args)
}

impl Program for Args {
    fn run<B: AutodiffBackend>(self, device: B::Device) -> Result<u8> {
        self.fetch()?;
        let mnist = Mnist::train(&self.data_dir)?;
        let image = [1, mnist.height, mnist.width];
        let data = MemoryDataset::<4>::from_bytes(mnist.images, image, PixelRange::Symmetric)?;
        let digits = mnist.labels.into_iter().map(usize::from).collect();
        let asked: Vec<usize> = (0..CLASSES * GRID_ROWS).map(|i| i % CLASSES).collect();
        let asked = Labels::from_slice(&asked, CLASSES, &device)?;

        let mlp = (
            MlpGeneratorConfig::new(LATENT, image),
            MlpDiscriminatorConfig::new(image),
        );
        // Batch norms mix samples, which a penalty per sample forbids.
        let dcgan = (
            DcganGeneratorConfig::new(LATENT, image).with_width(self.width),
            DcganDiscriminatorConfig::new(image)
                .with_width(self.width)
                .with_batch_norm(self.gamma() == 0.0),
        );
        match (self.model, self.labels) {
            (Model::Mlp, false) => {
                let networks = (mlp.0.init::<B, 4>(&device)?, mlp.1.init::<B, 4>(&device)?);
                self.train(networks, &mlp.0, &data, (), device)
            }
            (Model::Mlp, true) => {
                let networks = (
                    mlp.0.init_conditional::<B, 4>(CLASSES, &device)?,
                    mlp.1.init_conditional::<B, 4>(CLASSES, &device)?,
                );
                let data = data.with_labels(digits, CLASSES)?;
                self.train(networks, &mlp.0, &data, asked, device)
            }
            (Model::Dcgan, false) => {
                let networks = (dcgan.0.init::<B>(&device)?, dcgan.1.init::<B>(&device)?);
                self.train(networks, &dcgan.0, &data, (), device)
            }
            (Model::Dcgan, true) => {
                let networks = (
                    dcgan.0.init_conditional::<B>(CLASSES, &device)?,
                    dcgan.1.init_conditional::<B>(CLASSES, &device)?,
                );
                let data = data.with_labels(digits, CLASSES)?;
                self.train(networks, &dcgan.0, &data, asked, device)
            }
        }
    }
}

impl Args {
    fn gamma(&self) -> f64 {
        self.gamma.unwrap_or(match self.model {
            Model::Mlp => 1.0,
            Model::Dcgan => 0.0,
        })
    }

    fn train<B, G, D>(
        self,
        (generator, discriminator): (G, D),
        settings: &impl Serialize,
        data: &impl Dataset<B, Sample = G::Sample, Condition = G::Condition>,
        asked: G::Condition,
        device: B::Device,
    ) -> Result<u8>
    where
        B: AutodiffBackend,
        G: TrainableGenerator<B> + Generator<B, Sample = Tensor<B, 4>>,
        D: TrainableDiscriminator<B, Sample = G::Sample, Condition = G::Condition>,
    {
        let (seed, out) = (self.common.seed, self.common.out());
        let gan = Gan::<_, _, B>::seeded(generator, discriminator, seed, &device);
        let latent = Latent::normal(LATENT);
        let steps = match self.model {
            Model::Mlp => 6_000,
            Model::Dcgan => 1_500,
        };
        let config = (self.common.config(steps, BATCH, latent.clone()))
            .with_objective(Objective::new(Loss::NonSaturating).with_term(Term::r1(self.gamma())))
            .with_optimizers(OptimizerConfig::adam(5e-4).with_betas(0.0, 0.99))
            .with_schedule(Schedule::Cosine { floor: 0.1 })
            .with_ema(EmaConfig::half_life(EMA_IMAGES).with_ramp_up(0.05));

        // The same latents at every look, so that pictures of different steps compare.
        let size = GridSize::new(GRID_ROWS, CLASSES);
        let mut grid = SampleGrid::<B>::new(&out, &latent, size, seed, &device)?
            .with_conditions(&asked)
            .with_scale(2);
        // One digit to a row here, where labels are told.
        let rows: Vec<_> = (0..CLASSES * GRID_ROWS)
            .map(|i| (i / GRID_ROWS) as i32)
            .collect();
        let size = GridSize::new(CLASSES, GRID_ROWS);
        let mut walks = Interpolations::<B>::new(&out, &latent, size, seed, &device)?
            .with_conditions(&asked.select(Tensor::from_ints(rows.as_slice(), &device)))
            .with_scale(2);

        // What decides the networks and what they are told.
        let options = [
            ("model", common::name(&self.model)),
            ("labels", self.labels.to_string()),
            ("width", self.width.to_string()),
        ];
        let mut history = History::new();
        let run = (self.common.trainer(&config, &options, &out, &device)?)
            .observe(Rhythm::Every(1), Progress::new())
            .observe(Rhythm::Every(10), &mut history)
            .observe(Rhythm::Every(10), JsonLines::new(out.join("log.jsonl")))
            .observe(Rhythm::Every(self.sample_every), &mut grid)
            .observe(Rhythm::AtEnd, &mut walks)
            .run(gan, data)?;
        if !common::is_first() {
            return Ok(run.exit_code());
        }

        let saved = out.join("generator.gan");
        SavedGenerator::save(&saved, settings, &latent, run.state.sampler())?;
        let last = history.readings().last().map(|reading| {
            let numbers = reading.numbers.iter();
            let named = numbers.map(|number| (number.name.to_string(), number.value));
            named.collect::<BTreeMap<_, _>>()
        });
        let report = (self.common.report(&config))
            .setting("generator", settings)
            .setting("labels", self.labels)
            .metric("last", last)
            .file(&saved)
            .files(run.save_weights(&out)?);
        let report = walks.report(grid.report(history.report(run.report(report))));
        let what = format!(
            "{} digits after {} steps, {:.0} s",
            CLASSES * GRID_ROWS,
            run.state.step,
            run.elapsed.as_secs_f64()
        );
        self.common.finish(&report, &run.ending, what)?;
        Ok(run.exit_code())
    }

    /// Brings the files where the build can, and refuses where it can't.
    fn fetch(&self) -> Result<()> {
        if !self.download {
            return Ok(());
        }
        #[cfg(feature = "download")]
        return burn_gan::data::download_mnist(&self.data_dir);
        #[cfg(not(feature = "download"))]
        Err(burn_gan::Error::setting(
            "download",
            true,
            "this build can't fetch files: add `--features download`",
        ))
    }
}
