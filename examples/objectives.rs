//! Every loss in every pairing on the ring: one page of small pictures.
//!
//! ```text
//! cargo run --release --example objectives
//! ```
//!
//! The same networks, data, seed and R1 penalty throughout; a panel shows what the generator draws
//! after a few thousand steps, and under it modes found, samples within 3σ and reverse KL. It is a
//! look at all of them, not a contest: each loss would have settings of its own that suit it better.

mod common;

use std::path::Path;
use std::process::ExitCode;

use burn_gan::burn;
use burn_gan::burn::module::Module;
use burn_gan::burn::tensor::Tensor;
use burn_gan::burn::tensor::backend::{AutodiffBackend, Backend};
use burn_gan::data::{MemoryDataset, Mixture};
use burn_gan::metrics::ModeCoverage;
use burn_gan::models::{
    MlpDiscriminatorConfig, MlpGenerator, MlpGeneratorConfig, save_safetensors,
};
use burn_gan::network::{Discriminator, Generator, TrainableDiscriminator, Verdict};
use burn_gan::nn::Activation;
use burn_gan::objective::FDivergence;
use burn_gan::objective::{Loss, Objective, Pairing, Term};
use burn_gan::plot::{Panels, Scatter};
use burn_gan::random::Stream;
use burn_gan::step::OptimizerConfig;
use burn_gan::train::{Ending, Run, Schedule, TrainerConfig};
use burn_gan::{Gan, Latent, Result};
use clap::Parser;
use common::{Common, Program};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

/// Trains every loss in every pairing on the ring and draws them on one page.
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

    /// Only losses whose name contains this, in any case
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
}

const STEPS: usize = 4_000;
const BATCH: usize = 128;
const WIDTH: usize = 64;
const TRAINING_POINTS: usize = 50_000;
const EVALUATED_SAMPLES: usize = 2_500;
const DRAWN_SAMPLES: usize = 500;

fn main() -> ExitCode {
    let args = Args::parse();
    let wanted = args.losses();
    if wanted.is_empty() {
        return common::refuse(format!(
            "no loss has `{}` in its name: leave out `--only` to see them all",
            args.only.as_deref().unwrap_or_default()
        ));
    }
    common::main_with(&args.common.clone(), args)
}

impl Args {
    /// The losses to train: all of the crate's but those that give the very gradients of another.
    fn losses(&self) -> Vec<Loss> {
        let twin = |loss: &Loss| {
            let Loss::FDivergence(f) = loss else {
                return false;
            };
            match f.divergence {
                // The minimax and the non-saturating game, plus a constant.
                FDivergence::Gan | FDivergence::JensenShannon => true,
                // Its activation and its conjugate are one function.
                FDivergence::TotalVariation => f.saturating,
                _ => false,
            }
        };
        let wanted = self.only.as_deref().unwrap_or_default().to_lowercase();
        let mut losses = Loss::all();
        losses.retain(|loss| !twin(loss) && loss.label().to_lowercase().contains(&wanted));
        // The one that takes no pairing goes last, where it leaves no hole in the page.
        losses.sort_by_key(|loss| !loss.info().can_be_paired());
        losses
    }

    fn config(&self, objective: Objective) -> TrainerConfig {
        let latent = Latent::normal(2);
        TrainerConfig::new(self.common.steps_or(STEPS) as u64, BATCH, latent)
            .with_seed(self.common.seed)
            .with_objective(objective.with_term(Term::r1(self.gamma)))
            .with_optimizers(OptimizerConfig::adam(1e-3).with_betas(0.0, 0.99))
            .with_schedule(Schedule::Cosine { floor: 0.05 })
    }
}

/// What came out of one combination.
#[derive(Serialize)]
struct Outcome {
    loss: Loss,
    pairing: Pairing,
    coverage: ModeCoverage,
    seconds: f64,
}

/// An autoencoder as a discriminator, for the energy-based loss: its logit is minus the squared
/// error of its reconstruction.
#[derive(Module, Debug)]
struct Autoencoder<B: Backend> {
    network: MlpGenerator<B, 2>,
}

impl<B: Backend> Discriminator<B> for Autoencoder<B> {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn discriminate(&self, sample: Tensor<B, 2>, _condition: &()) -> Verdict<B> {
        let again = self.network.generate(sample.clone(), &());
        (sample - again).square().sum_dim(1).neg().into()
    }
}

impl Program for Args {
    fn run<B: AutodiffBackend>(self, device: B::Device) -> Result<u8> {
        let out = self.common.out_dir("objectives");
        let ring = Mixture::ring();
        let points = ring.sample(TRAINING_POINTS, &mut Stream::new(self.common.seed, "ring"));
        let data = MemoryDataset::<2>::new(points, [2])?;
        let mlp = |inputs| {
            MlpGeneratorConfig::new(inputs, [2])
                .with_hidden([WIDTH; 3])
                .with_activation(Activation::Relu)
                .with_output(Activation::Identity)
        };
        let generator = || mlp(2).init::<B, 2>(&device);
        let critic = MlpDiscriminatorConfig::new([2])
            .with_hidden([WIDTH; 3])
            .with_activation(Activation::Relu);

        let combinations: Vec<Objective> = self
            .losses()
            .into_iter()
            .flat_map(|loss| Pairing::ALL.map(|p| Objective::new(loss.clone()).with_pairing(p)))
            .filter(|objective| objective.validate().is_ok())
            .collect();
        let bar = ProgressBar::new(combinations.len() as u64).with_style(style());
        // Three losses to a row, three pairings each.
        let mut page = Panels::new(9)
            .with_title("Every loss, every pairing, on the ring of eight Gaussians")
            .with_cell(230, 250);
        let mut outcomes = Vec::new();
        let mut seconds = 0.0;
        for (index, objective) in combinations.into_iter().enumerate() {
            let title = title(&objective);
            bar.set_message(title.clone());
            let config = self.config(objective.clone());
            let folder = out.join("runs").join(format!("{:02}", index + 1));
            let trained = if matches!(objective.loss, Loss::EnergyBased(_)) {
                let network = mlp(2).init(&device)?;
                let critic = Autoencoder { network };
                self.train::<B, _>(config, &folder, (generator()?, critic), &data, &device)?
            } else {
                let critic = critic.init::<B, 2>(&device)?;
                self.train::<B, _>(config, &folder, (generator()?, critic), &data, &device)?
            };
            seconds += trained.seconds;
            let samples = match trained.ending {
                Ending::Finished => trained.samples,
                stopped => {
                    bar.finish_and_clear();
                    self.common
                        .report("objectives")
                        .ending(format!("{stopped}, at combination {}", index + 1))
                        .settings(&self.config(Objective::new(Loss::NonSaturating)))
                        .timing("training", seconds)
                        .metric("combinations", &outcomes)
                        .save(&out)?;
                    let done = format!("{index} combinations");
                    common::finish("objectives", &stopped, done, &out);
                    return Ok(stopped.exit_code());
                }
            };
            let coverage = ModeCoverage::measure(&samples, &ring)?;
            let numbers = format!(
                "{}/{} modes, {:.0} %, KL {:.2}",
                coverage.modes_captured,
                coverage.modes_total,
                100.0 * coverage.high_quality,
                coverage.reverse_kl
            );
            if bar.is_hidden() {
                // No terminal to draw a bar on: a line for the log.
                common::say(format_args!("{title}: {numbers}"));
            }
            let drawn = pairs(&samples[..2 * DRAWN_SAMPLES]);
            let real = pairs(&data.values()[..2 * DRAWN_SAMPLES]);
            page = page.with(
                Scatter::new(title, real, drawn)
                    .with_labels(numbers, "")
                    .with_bounds(EDGE, EDGE),
            );
            outcomes.push(Outcome {
                loss: objective.loss,
                pairing: objective.pairing,
                coverage,
                seconds: trained.seconds,
            });
            bar.inc(1);
        }
        bar.finish_and_clear();

        let picture = out.join("objectives.svg");
        page.save(&picture)?;
        let whole = outcomes
            .iter()
            .filter(|o| o.coverage.modes_captured == 8)
            .count();
        self.common
            .report("objectives")
            .settings(&self.config(Objective::new(Loss::NonSaturating)))
            .timing("training", seconds)
            .ending("finished")
            .metric("combinations", &outcomes)
            .picture("Every loss, every pairing", &picture, None)
            .save(&out)?;
        common::finish(
            "objectives",
            &Ending::Finished,
            format!(
                "{whole} of {} combinations find all 8 modes, {seconds:.0} s",
                outcomes.len()
            ),
            &out,
        );
        Ok(0)
    }
}

/// What training one combination gives.
struct Trained {
    samples: Vec<f32>,
    seconds: f64,
    ending: Ending,
}

impl Args {
    /// Trains one combination and draws from its generator.
    fn train<B, D>(
        &self,
        config: TrainerConfig,
        folder: &Path,
        (generator, discriminator): (MlpGenerator<B, 2>, D),
        data: &MemoryDataset<2>,
        device: &B::Device,
    ) -> Result<Trained>
    where
        B: AutodiffBackend,
        D: TrainableDiscriminator<B> + Discriminator<B, Sample = Tensor<B, 2>, Condition = ()>,
    {
        let (seed, latent) = (config.seed, config.latent.clone());
        let gan = Gan::seeded(generator, discriminator, seed, device);
        let run: Run<Gan<_, _, B>> = self
            .common
            .trainer(&config, &[], folder, device)?
            .run(gan, data)?;
        let latents = latent.draw(
            EVALUATED_SAMPLES,
            &mut Stream::new(seed, "evaluation"),
            device,
        );
        let generator = run.state.sampler();
        save_safetensors(folder.join("generator.safetensors"), &generator, &[])?;
        let samples = generator.generate(latents, &());
        Ok(Trained {
            samples: samples.into_data().iter().collect(),
            seconds: run.elapsed.as_secs_f64(),
            ending: run.ending,
        })
    }
}

/// The plane that every panel shows.
const EDGE: (f64, f64) = (-1.5, 1.5);

/// Loss and pairing, short enough for a small panel.
fn title(objective: &Objective) -> String {
    let pairing = match objective.pairing {
        Pairing::None => "",
        Pairing::Paired => ", paired",
        Pairing::Average => ", average",
    };
    let loss = [
        ("maximum likelihood", "max. likelihood"),
        ("squared Hellinger", "Hellinger²"),
        ("weighted JS (π = 0.3)", "JS(.3)"),
        ("α-divergence (α = 0.5)", "α = .5"),
        (" (saturating)", " sat."),
    ]
    .into_iter()
    .fold(objective.loss.label(), |label, (long, short)| {
        label.replace(long, short)
    });
    format!("{loss}{pairing}")
}

fn pairs(values: &[f32]) -> Vec<[f32; 2]> {
    values.chunks_exact(2).map(|p| [p[0], p[1]]).collect()
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{pos}/{len} [{bar:30}] {elapsed} {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}
