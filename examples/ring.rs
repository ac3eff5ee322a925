//! A ring of eight Gaussians, or a grid of twenty-five: does the generator find all modes?
//!
//! ```text
//! cargo run --release --example ring
//! cargo run --release --example ring -- --data grid
//! ```
//!
//! It finds all of them, gives each its share, and fills each as widely as the data does. Four
//! settings do it: a discriminator with Fourier features, which sees what lies within a mode; noise on
//! what it judges, which goes to 0 and keeps those features quiet until the modes are found; a
//! penalty that starts strong and ends weak; and, on the ring, large batches, for the last percents.
//! `docs/objectives.md` tells what each is good for; with `--gamma 0` modes are lost, or their shares
//! are wrong.

mod common;

use std::process::ExitCode;

use burn_gan::Result;
use burn_gan::burn::tensor::backend::AutodiffBackend;
use burn_gan::data::Mixture;
use burn_gan::metrics::{Features, ModeCoverage, ModeSpread, Raw, SlicedWasserstein};
use burn_gan::models::{MlpDiscriminatorConfig, MlpGeneratorConfig};
use burn_gan::network::Augmentation;
use burn_gan::nn::Activation;
use burn_gan::objective::Augment;
use burn_gan::prelude::*;
use burn_gan::train::{Ramp, SampleScores};
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
    /// non-saturating loss with R1]
    #[arg(
        long,
        value_name = "JSON",
        value_parser = |json: &str| serde_json::from_str::<Objective>(json)
    )]
    objective: Option<Objective>,

    /// Weight γ that the gradient penalties begin with, to end at a fortieth of it on the ring, a
    /// fiftieth on the grid; 0 turns them off
    /// [default: 0.2 on the ring, 5 on the grid]
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

const TRAINING_POINTS: usize = 100_000;
/// Modes are counted by this many, as published protocols have it.
const EVALUATED_SAMPLES: usize = 2_500;
/// The spread within modes takes more; Wasserstein distances are a mean over as many sets.
const SETS: usize = 10;

/// Samples that the spread within modes is measured by during the run, and the part of it between two
/// looks.
const WATCHED: usize = 10_000;
const WATCHED_PART: f64 = 0.1;

/// The part of the run after which the noise is gone.
const NOISE_PART: f64 = 0.2;

/// What goes with a mixture.
struct Recipe {
    mixture: Mixture,
    /// The edge of the plane that the picture shows.
    edge: f64,
    /// Sines and cosines that the discriminator reads, up to about 1/σ. Low ones lose modes where there
    /// are many.
    frequencies: [f64; 3],
    /// Units of each of the discriminator's hidden layers.
    width: usize,
    /// The noise on both batches to begin with, some σ.
    noise: f64,
    /// R1's weight to begin with. The grid is five times as large, and γ goes with the square.
    gamma: f64,
    /// The part of it that is left at the end.
    gamma_left: f64,
    batch: usize,
    steps: usize,
}

impl Data {
    fn recipe(self) -> Recipe {
        match self {
            Self::Ring => Recipe {
                mixture: Mixture::ring(),
                edge: 1.5,
                frequencies: [4.0, 16.0, 64.0],
                width: 64,
                noise: 0.2,
                gamma: 0.2,
                gamma_left: 0.025,
                batch: 1_024,
                steps: 20_000,
            },
            Self::Grid => Recipe {
                mixture: Mixture::grid(),
                edge: 5.5,
                frequencies: [7.0, 12.0, 20.0],
                width: 128,
                noise: 0.5,
                gamma: 5.0,
                gamma_left: 0.02,
                // More steps find all of many modes, where larger batches lost some.
                batch: 256,
                steps: 30_000,
            },
        }
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    common::main_with(args.common.backend, args)
}

impl Program for Args {
    fn run<B: AutodiffBackend>(self, device: B::Device) -> Result<u8> {
        let (seed, out) = (self.common.seed, self.common.out());
        let recipe = self.data.recipe();
        let (mixture, edge) = (recipe.mixture, recipe.edge);
        let data = common::points(&mixture, TRAINING_POINTS, Stream::new(seed, "points"))?;

        let mut objective = self.objective.clone().unwrap_or_else(|| {
            Objective::new(Loss::NonSaturating).with_term(Term::r1(recipe.gamma))
        });
        if let Some(gamma) = self.gamma {
            for penalty in &mut objective.terms {
                penalty.weight = gamma;
            }
        }
        let mut config = self
            .common
            .config(recipe.steps, recipe.batch, Latent::normal(2));
        let steps = config.steps as f64;
        let part = |share: f64| ((steps * share) as u64).max(1);
        let (whole, quiet) = (part(1.0), part(NOISE_PART));
        for (index, term) in objective.terms.iter().enumerate() {
            let weight = format!("objective.terms[{index}].weight");
            config = config.with_ramp(Ramp::cosine(weight, recipe.gamma_left * term.weight, whole));
        }
        if objective.augment.is_none() {
            let std = recipe.noise;
            objective = objective.with_augment(Augment::always(Augmentation::Noise { std }));
            let std = "objective.augment.random.change.noise.std";
            config = config.with_ramp(Ramp::cosine(std, 1e-6, quiet));
        }
        let config = config
            .with_objective(objective)
            .with_optimizers(OptimizerConfig::adam(1e-3).with_betas(0.0, 0.99))
            .with_schedule(Schedule::Cosine { floor: 0.01 });

        let generator = MlpGeneratorConfig::new(2, [2])
            .with_hidden([128; 3])
            .with_activation(Activation::Relu)
            .with_output(Activation::Identity)
            .init::<B, 2>(&device)?;
        let discriminator = MlpDiscriminatorConfig::new([2])
            .with_frequencies(recipe.frequencies)
            .with_hidden([recipe.width; 3])
            .with_activation(Activation::Relu)
            .init::<B, 2>(&device)?;
        let gan = Gan::seeded(generator, discriminator, seed, &device);

        // Modes that are found and too narrow are told of while there is time to do something.
        let spread = ModeSpread::new(mixture.clone());
        let spread = SampleScores::new(Raw, spread, WATCHED).with_batch(EVALUATED_SAMPLES);
        let mut history = History::new();
        let options = [("data", common::name(&self.data))];
        let trainer = self.common.trainer(&config, &options, &out, &device)?;
        let run = trainer
            .evaluate(Rhythm::Every(part(WATCHED_PART)), spread)
            .observe(Rhythm::Every(1), Progress::new())
            .observe(Rhythm::Every(50), &mut history)
            .run(gan, &data)?;
        if !common::is_first() {
            return Ok(run.exit_code());
        }

        let generator = run.state.sampler();
        let all: Vec<f32> = common::samples(&generator, &config, SETS * EVALUATED_SAMPLES, &device);
        let samples = &all[..2 * EVALUATED_SAMPLES];
        let mut coverage = ModeCoverage::measure(samples, &mixture)?;
        // The inside of each mode by all of them.
        let wide = ModeCoverage::measure(&all, &mixture)?;
        (coverage.spread_mean, coverage.spread_min) = (wide.spread_mean, wide.spread_min);
        coverage.modes = wide.modes;
        let (distance, perfect) = wasserstein(&all, &mixture, seed)?;

        let modes = format!(
            "{} of {} modes",
            coverage.modes_captured, coverage.modes_total
        );
        let picture = out.join("samples.svg");
        common::scatter(&modes, &data, samples, edge).save(&picture)?;
        let report = (self.common.report(&config))
            .metrics(&coverage)
            .metric("sliced_wasserstein", distance)
            .metric("sliced_wasserstein_real_to_real", perfect)
            .picture("Samples over the data", &picture, None)
            .files(run.save_weights(&out)?);
        let what = format!(
            "{modes}, {:.1} % within 3σ, reverse KL {:.4}, spread {:.2} (least {:.2}), \
             sliced Wasserstein {:.2} times real to real, {:.0} s",
            100.0 * coverage.high_quality,
            coverage.reverse_kl,
            coverage.spread_mean,
            coverage.spread_min,
            distance / perfect,
            run.elapsed.as_secs_f64()
        );
        // The last look on the way took fewer samples: its numbers give place to the final ones.
        let report = history.report(run.report(report)).metrics(&coverage);
        self.common.finish(&report, &run.ending, what)?;
        Ok(run.exit_code())
    }
}

/// The sliced Wasserstein distance of generated points to fresh real ones, and that of real points to
/// real ones: the means over as many pairs of sets, since chance puts up to twice as much between two
/// sets of real points as between two others.
fn wasserstein(generated: &[f32], mixture: &Mixture, seed: u64) -> Result<(f64, f64)> {
    let mut stream = Stream::new(seed, "fresh points");
    let metric = SlicedWasserstein::default();
    let (mut distance, mut perfect) = (0.0, 0.0);
    for set in generated.chunks_exact(2 * EVALUATED_SAMPLES) {
        let mut fresh = || Features::new(mixture.sample(EVALUATED_SAMPLES, &mut stream), 2);
        let (real, other) = (fresh()?, fresh()?);
        let set = Features::new(set.to_vec(), 2)?;
        let mut directions = Stream::new(seed, "directions");
        distance += metric.measure(&real, &set, &mut directions)?.distance;
        perfect += metric.measure(&real, &other, &mut directions)?.distance;
    }
    Ok((distance / SETS as f64, perfect / SETS as f64))
}
