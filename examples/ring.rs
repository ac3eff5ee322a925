//! A ring of eight Gaussians, or a grid of twenty-five: does the generator find all modes?
//!
//! ```text
//! cargo run --release --example ring
//! cargo run --release --example ring -- --data grid
//! ```
//!
//! The recommended objective finds all of them and gives each its share; with `--gamma 0` the same
//! networks lose modes, or balance them worse, depending on the seed.

mod common;

use std::process::ExitCode;

use burn_gan::burn::tensor::backend::AutodiffBackend;
use burn_gan::data::{MemoryDataset, Mixture};
use burn_gan::metrics::ModeCoverage;
use burn_gan::models::{MlpDiscriminatorConfig, MlpGeneratorConfig, save_safetensors};
use burn_gan::network::Generator;
use burn_gan::nn::Activation;
use burn_gan::objective::Objective;
use burn_gan::plot::Scatter;
use burn_gan::random::Stream;
use burn_gan::step::OptimizerConfig;
use burn_gan::train::{History, Progress, Rhythm, Schedule, TrainerConfig};
use burn_gan::{Gan, Latent, Result};
use clap::Parser;
use common::{Common, Program};

/// Trains a GAN on a mixture of Gaussians and counts the modes it finds.
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    common: Common,

    /// Which mixture
    #[arg(long, value_enum, default_value_t = Data::Ring, value_name = "NAME")]
    data: Data,

    /// Settings of another objective, such as '{"loss":"hinge","pairing":"average"}' [default: the
    /// recommended one]
    #[arg(long, value_name = "JSON", value_parser = objective)]
    objective: Option<Objective>,

    /// Weight γ of the gradient penalties; 0 turns them off [default: the objective's own]
    #[arg(long, value_name = "GAMMA", allow_negative_numbers = true)]
    gamma: Option<f64>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Data {
    /// Eight modes on the circle of radius 1
    Ring,
    /// Twenty-five modes on the grid from −4 to 4
    Grid,
}

impl Data {
    fn mixture(self) -> Mixture {
        match self {
            Self::Ring => Mixture::ring(),
            Self::Grid => Mixture::grid(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Ring => "ring",
            Self::Grid => "grid",
        }
    }

    /// The edge of the plane that the picture shows.
    fn edge(self) -> f64 {
        match self {
            Self::Ring => 1.5,
            Self::Grid => 5.5,
        }
    }
}

/// An objective from its settings, as stored with every run.
fn objective(json: &str) -> std::result::Result<Objective, String> {
    serde_json::from_str(json).map_err(|error| error.to_string())
}

const STEPS: usize = 20_000;
const BATCH: usize = 256;
const TRAINING_POINTS: usize = 100_000;
const EVALUATED_SAMPLES: usize = 2_500;

fn main() -> ExitCode {
    let args = Args::parse();
    common::main_with(&args.common.clone(), args)
}

impl Program for Args {
    fn run<B: AutodiffBackend>(self, device: B::Device) -> Result<u8> {
        let seed = self.common.seed;
        let out = self.common.out_dir("ring");

        let mixture = self.data.mixture();
        let points = mixture.sample(TRAINING_POINTS, &mut Stream::new(seed, "points"));
        let data = MemoryDataset::<2>::new(points, [2])?;

        let mut objective = self.objective.unwrap_or_else(Objective::recommended);
        if let Some(gamma) = self.gamma {
            for penalty in &mut objective.terms {
                penalty.weight = gamma;
            }
        }

        let latent = Latent::normal(2);
        let generator = MlpGeneratorConfig::new(latent.dimensions(), [2])
            .with_hidden([128; 3])
            .with_activation(Activation::Relu)
            .with_output(Activation::Identity);
        let discriminator = MlpDiscriminatorConfig::new([2])
            .with_hidden([128; 3])
            .with_activation(Activation::Relu);
        let gan = Gan::seeded(
            generator.init::<B, 2>(&device)?,
            discriminator.init::<B, 2>(&device)?,
            seed,
            &device,
        );

        let config = TrainerConfig::new(self.common.steps_or(STEPS) as u64, BATCH, latent.clone())
            .with_seed(seed)
            .with_objective(objective)
            .with_optimizers(OptimizerConfig::adam(1e-3).with_betas(0.0, 0.99))
            .with_schedule(Schedule::Cosine { floor: 0.01 });
        let mut history = History::new();
        let options = [("data", self.data.name().to_owned())];
        let trainer = self.common.trainer(&config, &options, &out, &device)?;
        let run = trainer
            .observe(Rhythm::Every(1), Progress::new())
            .observe(Rhythm::Every(50), &mut history)
            .run(gan, &data)?;

        let latents = latent.draw(
            EVALUATED_SAMPLES,
            &mut Stream::new(seed, "evaluation"),
            &device,
        );
        let generator = run.state.sampler();
        let samples = generator.generate(latents, &());
        let samples: Vec<f32> = samples.into_data().iter().collect();
        let coverage = ModeCoverage::measure(&samples, &mixture)?;

        let edge = self.data.edge();
        let picture = out.join("samples.svg");
        let pairs = |values: &[f32]| -> Vec<[f32; 2]> {
            values.chunks_exact(2).map(|p| [p[0], p[1]]).collect()
        };
        Scatter::new(
            format!(
                "{} of {} modes",
                coverage.modes_captured, coverage.modes_total
            ),
            pairs(&data.values()[..2 * EVALUATED_SAMPLES]),
            pairs(&samples),
        )
        .with_bounds((-edge, edge), (-edge, edge))
        .save(&picture)?;
        let weights = out.join("generator.safetensors");
        save_safetensors(&weights, &generator, &[])?;
        let report = self
            .common
            .report("ring")
            .settings(&config)
            .metrics(&coverage)
            .picture("Samples over the data", &picture, None)
            .file(&weights);
        history.report(run.report(report)).save(&out)?;
        common::finish(
            "ring",
            &run.ending,
            format!(
                "{} of {} modes, {:.1} % within 3σ, reverse KL {:.4}, {:.0} s",
                coverage.modes_captured,
                coverage.modes_total,
                100.0 * coverage.high_quality,
                coverage.reverse_kl,
                run.elapsed.as_secs_f64()
            ),
            &out,
        );
        Ok(run.exit_code())
    }
}
