//! Handwritten digits, by linear layers or convolutions, with or without labels.
//!
//! ```text
//! cargo run --release --example mnist -- --data-dir DIR
//! cargo run --release --example mnist -- --data-dir DIR --model mlp --labels
//! ```
//!
//! DIR holds MNIST's four files, plain or gzip; `--download` (with `--features download`) puts
//! them there first. The generator is saved as `generator.gan` in the out folder.

mod common;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use burn_gan::burn::module::AutodiffModule;
use burn_gan::burn::tensor::Tensor;
use burn_gan::burn::tensor::backend::AutodiffBackend;
use burn_gan::data::{Dataset, MemoryDataset, Mnist, PixelRange};
use burn_gan::models::{
    DcganDiscriminatorConfig, DcganGeneratorConfig, ImageShape, MlpDiscriminatorConfig,
    MlpGeneratorConfig, SavedGenerator,
};
use burn_gan::network::{Condition, Generator, Labels, TrainableDiscriminator, TrainableGenerator};
use burn_gan::objective::{Loss, Objective, Penalty};
use burn_gan::plot::{GridStyle, LineChart, Series, image_grid};
use burn_gan::random::Stream;
use burn_gan::train::{
    History, OptimizerConfig, Progress, Rhythm, Schedule, StepEvent, Trainer, TrainerConfig,
};
use burn_gan::{Gan, Latent, Result};
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
/// Rows of a sample grid; each has one of every digit where labels are told.
const GRID_ROWS: usize = 8;

fn main() -> ExitCode {
    let args = Args::parse();
    common::main_with(&args.common.clone(), args)
}

impl Program for Args {
    fn run<B: AutodiffBackend>(self, device: B::Device) -> Result<()> {
        self.fetch()?;
        let mnist = Mnist::train(&self.data_dir)?;
        let image = [1, mnist.height, mnist.width];
        let data = MemoryDataset::<4>::new(mnist.pixels(PixelRange::Symmetric), image)?;
        let digits: Vec<usize> = mnist
            .labels
            .iter()
            .map(|label| usize::from(*label))
            .collect();
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
    ) -> Result<()>
    where
        B: AutodiffBackend,
        G: TrainableGenerator<B> + Generator<B, Sample = Tensor<B, 4>>,
        D: TrainableDiscriminator<B, Sample = G::Sample, Condition = G::Condition>,
    {
        let (seed, out) = (self.common.seed, self.common.out_dir("mnist"));
        let gan = Gan::<_, _, B>::seeded(generator, discriminator, seed, &device);
        let latent = Latent::normal(LATENT);
        let steps = self.common.steps_or(match self.model {
            Model::Mlp => 6_000,
            Model::Dcgan => 1_500,
        });
        let config = TrainerConfig::new(steps as u64, BATCH, latent)
            .with_seed(seed)
            .with_objective(
                Objective::new(Loss::NonSaturating).with_penalty(Penalty::r1(self.gamma())),
            )
            .with_optimizers(OptimizerConfig::adam(5e-4).with_betas(0.0, 0.99))
            .with_schedule(Schedule::Cosine { floor: 0.1 });

        // The same latents at every look, so that pictures of different steps compare.
        let preview = latent.draw::<B::InnerBackend>(
            CLASSES * GRID_ROWS,
            &mut Stream::new(seed, "preview"),
            &device,
        );
        let asked = asked.inner();
        let draw = |generator: &G, name: &str| -> Result<PathBuf> {
            let images = generator.valid().generate(preview.clone(), &asked);
            let [_, channels, height, width] = images.dims();
            let pixels: Vec<f32> = images.into_data().iter().collect();
            let style = GridStyle {
                columns: CLASSES,
                scale: 2,
                ..GridStyle::default()
            };
            let path = out.join(name);
            image_grid(&pixels, ImageShape::new([channels, height, width]), &style)?.save(&path)?;
            Ok(path)
        };

        let mut history = History::new();
        let start = Instant::now();
        let trained = Trainer::new(config.clone(), &device)?
            .observe(Rhythm::Every(1), Progress::new())
            .observe(Rhythm::Every(10), &mut history)
            .observe(
                Rhythm::Every(self.sample_every),
                |event: &StepEvent<'_, G, D, B>| {
                    let name = format!("samples-{:06}.png", event.step);
                    draw(&event.state.gan.generator, &name).map(|_| ())
                },
            )
            .run(gan, data)?;
        let seconds = start.elapsed().as_secs_f64();

        let samples = draw(&trained.gan.generator, "samples.png")?;
        let losses = out.join("losses.svg");
        let series = |name: &str, value: fn(&burn_gan::train::Reading) -> f64| {
            let readings = history.readings().iter();
            Series::new(name, readings.map(|r| (r.step as f64, value(r))))
        };
        LineChart::new("MNIST", "step", "loss")
            .with_series(series("discriminator", |r| r.discriminator_loss))
            .with_series(series("generator", |r| r.generator_loss))
            .with_series(series("JS bound (nats)", |r| r.js_lower_bound))
            .save(&losses)?;
        let weights = out.join("generator.gan");
        SavedGenerator::save(&weights, settings, &latent, trained.gan.valid().generator)?;
        self.common
            .report("mnist")
            .settings(&config)
            .setting("generator", settings)
            .setting("labels", self.labels)
            .timing("training", seconds)
            .metric("last", history.readings().last())
            .file(&samples)
            .file(&losses)
            .file(&weights)
            .save(&out)?;
        let what = format!(
            "{} digits after {steps} steps, {seconds:.0} s",
            CLASSES * GRID_ROWS
        );
        common::finish("mnist", what, &out);
        Ok(())
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
