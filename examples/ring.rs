//! The ring of eight Gaussians: does the generator find all of its modes?
//!
//! ```text
//! cargo run --release --example ring
//! ```
//!
//! A non-saturating GAN with the R1 penalty finds all eight and gives each its share; with
//! `--gamma 0` the same networks lose modes, or balance them worse, depending on the seed.

mod common;

use std::process::ExitCode;
use std::time::Instant;

use burn_gan::burn::module::AutodiffModule;
use burn_gan::burn::tensor::backend::AutodiffBackend;
use burn_gan::data::{MemoryDataset, Mixture};
use burn_gan::metrics::ModeCoverage;
use burn_gan::models::{Activation, MlpDiscriminatorConfig, MlpGeneratorConfig};
use burn_gan::network::Generator;
use burn_gan::objective::{Loss, Objective, Penalty};
use burn_gan::plot::Scatter;
use burn_gan::random::Stream;
use burn_gan::train::{OptimizerConfig, Progress, Rhythm, Schedule, Trainer, TrainerConfig};
use burn_gan::{Gan, Latent, Result};
use clap::Parser;
use common::{Common, Program};

/// Trains a GAN on the ring of eight Gaussians and counts the modes it finds.
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    common: Common,

    /// Weight γ of the R1 penalty; 0 turns it off
    #[arg(
        long,
        default_value_t = 0.05,
        value_name = "GAMMA",
        allow_negative_numbers = true
    )]
    gamma: f64,
}

const STEPS: usize = 25_000;
const BATCH: usize = 256;
const TRAINING_POINTS: usize = 100_000;
const EVALUATED_SAMPLES: usize = 2_500;

fn main() -> ExitCode {
    let args = Args::parse();
    common::main_with(&args.common.clone(), args)
}

impl Program for Args {
    fn run<B: AutodiffBackend>(self, device: B::Device) -> Result<()> {
        let seed = self.common.seed;
        let out = self.common.out_dir("ring");

        let ring = Mixture::ring();
        let points = ring.sample(TRAINING_POINTS, &mut Stream::new(seed, "ring"));
        let data = MemoryDataset::<2>::new(points, [2])?;

        let latent = Latent::normal(16);
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

        let config = TrainerConfig::new(self.common.steps_or(STEPS) as u64, BATCH, latent)
            .with_seed(seed)
            .with_objective(
                Objective::new(Loss::NonSaturating).with_penalty(Penalty::r1(self.gamma)),
            )
            .with_optimizers(OptimizerConfig::adam(1e-3).with_betas(0.0, 0.99))
            .with_schedule(Schedule::Cosine { floor: 0.05 });
        let start = Instant::now();
        let trained = Trainer::new(config.clone(), &device)?
            .observe(Rhythm::Every(1), Progress::new())
            .run(gan, &data)?;
        let seconds = start.elapsed().as_secs_f64();

        let latents = latent.draw(
            EVALUATED_SAMPLES,
            &mut Stream::new(seed, "evaluation"),
            &device,
        );
        let samples = trained.gan.valid().generator.generate(latents, &());
        let samples: Vec<f32> = samples.into_data().iter().collect();
        let coverage = ModeCoverage::measure(&samples, &ring)?;

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
        .with_bounds((-1.5, 1.5), (-1.5, 1.5))
        .save(&picture)?;
        self.common
            .report("ring")
            .settings(&config)
            .timing("training", seconds)
            .metrics(&coverage)
            .file(&picture)
            .save(&out)?;
        common::finish(
            "ring",
            format!(
                "{} of {} modes, {:.1} % within 3σ, reverse KL {:.4}, {seconds:.0} s",
                coverage.modes_captured,
                coverage.modes_total,
                100.0 * coverage.high_quality,
                coverage.reverse_kl
            ),
            &out,
        );
        Ok(())
    }
}
