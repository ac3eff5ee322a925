//! From maximum likelihood to the adversarial game, on data whose density is known.
//!
//! ```text
//! cargo run --release --example gaussian_1d
//! ```
//!
//! Draws points of N(3, 0.5²) and fits them four times: by maximum likelihood, which needs a density
//! that can be written down, and by a GAN with each of the generator's three costs, which does not.
//! `docs/theory.md` tells why they aim at the same thing.

mod common;

use std::process::ExitCode;
use std::time::Instant;

use burn_gan::burn::module::AutodiffModule;
use burn_gan::burn::tensor::activation::sigmoid;
use burn_gan::burn::tensor::backend::{AutodiffBackend, Backend};
use burn_gan::burn::tensor::{Tensor, TensorData};
use burn_gan::data::{MemoryDataset, Mixture};
use burn_gan::divergence::{
    Gaussian, Histogram, Interval, fit_gaussian, js_divergence, js_lower_bound, optimal_discriminator,
};
use burn_gan::models::{Activation, MlpDiscriminatorConfig, MlpGeneratorConfig};
use burn_gan::network::{Discriminator, Generator};
use burn_gan::objective::{Loss, Objective, Penalty};
use burn_gan::plot::{Color, LineChart, Panels, Series};
use burn_gan::random::Stream;
use burn_gan::train::{
    History, OptimizerConfig, Progress, Reading, Rhythm, Schedule, Trainer, TrainerConfig,
};
use burn_gan::{Gan, Latent, Result};
use clap::Parser;
use common::{Common, Program};
use serde::Serialize;

/// Fits N(3, 0.5²) by maximum likelihood and by a GAN with each of the three generator costs.
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    common: Common,
}

const MEAN: f64 = 3.0;
const STD: f64 = 0.5;
const POINTS: usize = 50_000;
const SAMPLES: usize = 50_000;

fn env(name: &str, default: f64) -> f64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

fn act(i: f64) -> Activation {
    if i == 1.0 { Activation::Tanh } else if i == 2.0 { Activation::Relu } else { Activation::LEAKY }
}

fn main() -> ExitCode {
    let args = Args::parse();
    common::main_with(&args.common.clone(), args)
}

/// What one cost came to.
#[derive(Serialize)]
struct Outcome {
    mean: f64,
    std: f64,
    discriminator_off_half: f64,
    js_lower_bound: f64,
    js: f64,
    kl: f64,
}

struct Run {
    outcome: Outcome,
    readings: Vec<Reading>,
    density: Histogram,
    verdicts: Vec<(f64, f64)>,
    seconds: f64,
}

impl Program for Args {
    fn run<B: AutodiffBackend>(self, device: B::Device) -> Result<()> {
        let seed = self.common.seed;
        let truth = Gaussian::new(MEAN, STD)?;
        let points = Mixture::gaussian_1d(MEAN, STD)?.sample(POINTS, &mut Stream::new(seed, "data"));
        let data = MemoryDataset::<2>::new(points, [1])?;
        let values: Vec<f64> = data.values().iter().map(|&x| x.into()).collect();
        let fit = fit_gaussian(&values)?;
        println!("ml {:.5} {:.5}", fit.mean(), fit.std());
        for loss in [Loss::NonSaturating, Loss::Minimax, Loss::MaximumLikelihood] {
            let run = train::<B>(&self.config(loss), &data, &truth, &device)?;
            let o = run.outcome;
            println!(
                "seed {seed} {loss:?}: mean {:.4} std {:.4} off {:.4} bound {:.5} js {:.5} kl {:.5}  {:.1}s",
                o.mean, o.std, o.discriminator_off_half, o.js_lower_bound, o.js, o.kl, run.seconds
            );
            if env("ONLY", 0.0) > 0.0 { break; }
        }
        Ok(())
    }
}

impl Args {
    fn config(&self, loss: Loss) -> TrainerConfig {
        let g = env("GAMMA", 0.1);
        let mut objective = Objective::new(loss);
        if g > 0.0 {
            objective = objective.with_penalty(Penalty::r1(g));
        }
        TrainerConfig::new(
            self.common.steps_or(env("STEPS", 3000.0) as usize) as u64,
            env("BATCH", 256.0) as usize,
            Latent::normal(env("LATENT", 2.0) as usize),
        )
        .with_seed(self.common.seed)
        .with_objective(objective)
        .with_discriminator_steps(env("DSTEPS", 1.0) as usize)
        .with_optimizers(
            OptimizerConfig::adam(env("LR", 1e-3)).with_betas(env("BETA1", 0.0) as f32, env("BETA2", 0.99) as f32),
        )
        .with_schedule(Schedule::Cosine { floor: env("FLOOR", 0.02) })
    }
}

fn train<B: AutodiffBackend>(
    config: &TrainerConfig,
    data: &MemoryDataset<2>,
    truth: &Gaussian,
    device: &B::Device,
) -> Result<Run> {
    let hidden = vec![env("HID", 32.0) as usize; env("LAYERS", 2.0) as usize];
    let generator = MlpGeneratorConfig::new(config.latent.dimensions(), [1])
        .with_hidden(hidden.clone())
        .with_activation(act(env("GACT", 0.0)))
        .with_output(Activation::Identity);
    let discriminator = MlpDiscriminatorConfig::new([1]).with_hidden([env("DH1", 128.0) as usize, env("DH2", 32.0) as usize]).with_activation(act(env("DACT", 0.0)));
    let mut config = config.clone();
    config.discriminator_optimizer = OptimizerConfig::adam(env("LR", 1e-3) * env("DLR", 1.0)).with_betas(env("BETA1", 0.0) as f32, env("BETA2", 0.99) as f32);
    let config = &config;
    let gan = Gan::seeded(
        generator.init::<B, 2>(device)?,
        discriminator.init::<B, 2>(device)?,
        config.seed,
        device,
    );
    let mut history = History::new();
    let start = Instant::now();
    let trained = Trainer::new(config.clone(), device)?
        .observe(Rhythm::Every(10), &mut history)
        .run(gan, data)?;
    let seconds = start.elapsed().as_secs_f64();

    let gan = trained.gan.valid();
    let latents = config.latent.draw(SAMPLES, &mut Stream::new(config.seed, "evaluation"), device);
    let samples = gan.generator.generate(latents, &());
    let real = column(data.values().to_vec(), device);
    let real_logits = gan.discriminator.discriminate(real, &()).logits;
    let fake_logits = gan.discriminator.discriminate(samples.clone(), &()).logits;
    let off = sigmoid(real_logits.clone()).sub_scalar(0.5).abs().mean();
    let bound = js_lower_bound(real_logits, fake_logits);
    let values: Vec<f64> = samples.into_data().iter().collect();
    let fit = fit_gaussian(&values)?;
    let density = Histogram::new(&values, MEAN - 8.0 * STD, MEAN + 8.0 * STD, 160)?;
    let interval = Interval::new(MEAN - 8.0 * STD, MEAN + 8.0 * STD, 800)?;
    let js = js_divergence(|x| truth.log_density(x), |x| density.density(x).ln(), &interval);
    Ok(Run {
        outcome: Outcome {
            mean: fit.mean(),
            std: fit.std(),
            discriminator_off_half: off.into_data().iter::<f64>().next().unwrap_or(f64::NAN),
            js_lower_bound: bound.into_data().iter::<f64>().next().unwrap_or(f64::NAN),
            js,
            kl: truth.kl(&fit),
        },
        readings: history.readings().to_vec(),
        density,
        verdicts: vec![],
        seconds,
    })
}

fn column<B: Backend>(values: Vec<f32>, device: &B::Device) -> Tensor<B, 2> {
    let shape = [values.len(), 1];
    Tensor::from_data(TensorData::new(values, shape), device)
}
