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

use std::process::ExitCode;

use burn_gan::burn::tensor::backend::AutodiffBackend;
use burn_gan::data::Mixture;
use burn_gan::metrics::ModeCoverage;
use burn_gan::models::{
    MlpDiscriminator, MlpDiscriminatorConfig, MlpGenerator, MlpGeneratorConfig,
};
use burn_gan::nn::Activation;
use burn_gan::objective::FDivergence;
use burn_gan::plot::Panels;
use burn_gan::prelude::*;
use burn_gan::train::Ending;
use burn_gan::{Error, Result};
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
    common::main_with(args.common.backend, args)
}

impl Args {
    /// The losses to train: all of the crate's but those that give the very gradients of another.
    fn losses(&self) -> Result<Vec<Loss>> {
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
        if losses.is_empty() {
            let problem = "no loss has it in its name: leave it out to see them all";
            return Err(Error::setting("only", wanted, problem));
        }
        // The one that takes no pairing goes last, where it leaves no hole in the page.
        losses.sort_by_key(|loss| !loss.info().can_be_paired());
        Ok(losses)
    }

    fn config(&self, objective: Objective) -> TrainerConfig {
        (self.common.config(STEPS, BATCH, Latent::normal(2)))
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

/// What judges: for the energy-based loss an autoencoder, whose logit is minus the squared error of its
/// reconstruction.
#[derive(Module, Debug)]
enum Critic<B: Backend> {
    Mlp(MlpDiscriminator<B, 2>),
    Autoencoder(MlpGenerator<B, 2>),
}

impl<B: Backend> Discriminator<B> for Critic<B> {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn discriminate(&self, sample: Tensor<B, 2>, _condition: &()) -> Verdict<B> {
        match self {
            Self::Mlp(network) => network.discriminate(sample, &()),
            Self::Autoencoder(network) => {
                let again = network.generate(sample.clone(), &());
                (sample - again).square().sum_dim(1).neg().into()
            }
        }
    }
}

impl Program for Args {
    fn run<B: AutodiffBackend>(self, device: B::Device) -> Result<u8> {
        let (seed, out) = (self.common.seed, self.common.out());
        let ring = Mixture::ring();
        let data = common::points(&ring, TRAINING_POINTS, Stream::new(seed, "ring"))?;
        let mlp = MlpGeneratorConfig::new(2, [2])
            .with_hidden([WIDTH; 3])
            .with_activation(Activation::Relu)
            .with_output(Activation::Identity);
        let critic = MlpDiscriminatorConfig::new([2])
            .with_hidden([WIDTH; 3])
            .with_activation(Activation::Relu);

        let combinations: Vec<Objective> = self
            .losses()?
            .into_iter()
            .flat_map(|loss| Pairing::ALL.map(|p| Objective::new(loss.clone()).with_pairing(p)))
            .filter(|objective| objective.validate().is_ok())
            .collect();
        let style = ProgressStyle::with_template("{pos}/{len} [{bar:30}] {elapsed} {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::new(combinations.len() as u64).with_style(style);
        // Three losses to a row, three pairings each.
        let mut page = Panels::new(9)
            .with_title("Every loss, every pairing, on the ring of eight Gaussians")
            .with_cell(230, 250);
        let (mut outcomes, mut seconds, mut ending) = (Vec::new(), 0.0, Ending::Finished);
        for (index, objective) in combinations.into_iter().enumerate() {
            let title = title(&objective);
            bar.set_message(title.clone());
            let config = self.config(objective.clone());
            let critic = match objective.loss {
                Loss::EnergyBased(_) => Critic::Autoencoder(mlp.init(&device)?),
                _ => Critic::Mlp(critic.init(&device)?),
            };
            let gan = Gan::seeded(mlp.init::<B, 2>(&device)?, critic, seed, &device);
            let folder = out.join("runs").join(format!("{:02}", index + 1));
            let trainer = self.common.trainer(&config, &[], &folder, &device)?;
            let run = trainer.run(gan, &data)?;
            run.save_weights(&folder)?;
            let elapsed = run.elapsed.as_secs_f64();
            seconds += elapsed;
            if !run.ending.is_finished() {
                ending = run.ending;
                break;
            }

            let generator = run.state.sampler();
            let samples = common::samples(&generator, &config, EVALUATED_SAMPLES, &device);
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
            let drawn = &samples[..2 * DRAWN_SAMPLES];
            page = page.with(common::scatter(&title, &data, drawn, 1.5).with_labels(numbers, ""));
            outcomes.push(Outcome {
                loss: objective.loss,
                pairing: objective.pairing,
                coverage,
                seconds: elapsed,
            });
            bar.inc(1);
        }
        bar.finish_and_clear();

        let all = outcomes.len();
        let report = (self.common)
            .report(&self.config(Objective::new(Loss::NonSaturating)))
            .timing("training", seconds)
            .metric("combinations", &outcomes);
        let (report, what) = if ending.is_finished() {
            let picture = out.join("objectives.svg");
            page.save(&picture)?;
            let whole = outcomes.iter().filter(|o| o.coverage.modes_captured == 8);
            let whole = whole.count();
            (
                report
                    .ending("finished")
                    .picture("Every loss, every pairing", &picture, None),
                format!("{whole} of {all} combinations find all 8 modes, {seconds:.0} s"),
            )
        } else {
            let at = format!("{ending}, at combination {}", all + 1);
            (report.ending(at), format!("{all} combinations"))
        };
        self.common.finish(&report, &ending, what)?;
        Ok(ending.exit_code())
    }
}

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
