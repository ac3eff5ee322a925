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

use burn_gan::Result;
use burn_gan::burn::tensor::backend::AutodiffBackend;
use burn_gan::data::Mixture;
use burn_gan::metrics::ModeCoverage;
use burn_gan::models::{MlpDiscriminatorConfig, MlpGeneratorConfig};
use burn_gan::nn::Activation;
use burn_gan::prelude::*;
use clap::{Parser, ValueEnum};
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
    #[arg(
        long,
        value_name = "JSON",
        value_parser = |json: &str| serde_json::from_str::<Objective>(json)
    )]
    objective: Option<Objective>,

    /// Weight γ of the gradient penalties; 0 turns them off [default: the objective's own]
    #[arg(long, value_name = "GAMMA", allow_negative_numbers = true)]
    gamma: Option<f64>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Data {
    /// Eight modes on the circle of radius 1
    Ring,
    /// Twenty-five modes on the grid from −4 to 4
    Grid,
}

const STEPS: usize = 20_000;
const BATCH: usize = 256;
const TRAINING_POINTS: usize = 100_000;
const EVALUATED_SAMPLES: usize = 2_500;

fn main() -> ExitCode {
    let args = Args::parse();
    common::main_with(args.common.backend, args)
}

impl Program for Args {
    fn run<B: AutodiffBackend>(self, device: B::Device) -> Result<u8> {
        let (seed, out) = (self.common.seed, self.common.out());
        // With the edge of the plane that the picture shows.
        let (mixture, edge) = match self.data {
            Data::Ring => (Mixture::ring(), 1.5),
            Data::Grid => (Mixture::grid(), 5.5),
        };
        let data = common::points(&mixture, TRAINING_POINTS, Stream::new(seed, "points"))?;

        let mut objective = self.objective.unwrap_or_else(Objective::recommended);
        if let Some(gamma) = self.gamma {
            for penalty in &mut objective.terms {
                penalty.weight = gamma;
            }
        }
        let config = (self.common.config(STEPS, BATCH, Latent::normal(2)))
            .with_objective(objective)
            .with_optimizers(OptimizerConfig::adam(1e-3).with_betas(0.0, 0.99))
            .with_schedule(Schedule::Cosine { floor: 0.01 });

        let generator = MlpGeneratorConfig::new(2, [2])
            .with_hidden([128; 3])
            .with_activation(Activation::Relu)
            .with_output(Activation::Identity)
            .init::<B, 2>(&device)?;
        let discriminator = MlpDiscriminatorConfig::new([2])
            .with_hidden([128; 3])
            .with_activation(Activation::Relu)
            .init::<B, 2>(&device)?;
        let gan = Gan::seeded(generator, discriminator, seed, &device);

        let mut history = History::new();
        let options = [("data", common::name(&self.data))];
        let trainer = self.common.trainer(&config, &options, &out, &device)?;
        let run = trainer
            .observe(Rhythm::Every(1), Progress::new())
            .observe(Rhythm::Every(50), &mut history)
            .run(gan, &data)?;

        let generator = run.state.sampler();
        let samples: Vec<f32> = common::samples(&generator, &config, EVALUATED_SAMPLES, &device);
        let coverage = ModeCoverage::measure(&samples, &mixture)?;
        let modes = format!(
            "{} of {} modes",
            coverage.modes_captured, coverage.modes_total
        );
        let picture = out.join("samples.svg");
        common::scatter(&modes, &data, &samples, edge).save(&picture)?;
        let report = (self.common.report(&config))
            .metrics(&coverage)
            .picture("Samples over the data", &picture, None)
            .files(run.save_weights(&out)?);
        let what = format!(
            "{modes}, {:.1} % within 3σ, reverse KL {:.4}, {:.0} s",
            100.0 * coverage.high_quality,
            coverage.reverse_kl,
            run.elapsed.as_secs_f64()
        );
        let report = history.report(run.report(report));
        self.common.finish(&report, &run.ending, what)?;
        Ok(run.exit_code())
    }
}
