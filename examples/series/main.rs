//! Series from a file: a GAN that makes more of them.
//!
//! ```text
//! cargo run --release --example series -- --data TRAIN.ts --test TEST.ts
//! cargo run --release --example series -- --data readings.csv --columns load --window 24
//! ```
//!
//! `.ts` files as UCR's archive has them, or CSV with a moment on each line, plain or gzip; where there are
//! classes, both networks are told them. The out folder gets `generated.ts` and `generated.csv`, pictures of
//! real and generated series drawn over each other, a log, checkpoints, the generator as `generator.gan`
//! and `scale.json`, and `report.html` with scores against held-out windows: those of `--test`, or a
//! quarter of the file. Beside them stand those of a Gaussian of the same mean and covariance.

#[path = "../common/mod.rs"]
mod common;
mod data;
mod gaussian;
mod pictures;

use std::process::ExitCode;

use burn_gan::Result;
use burn_gan::burn::module::AutodiffModule;
use burn_gan::burn::tensor::backend::AutodiffBackend;
use burn_gan::data::series::SeriesSet;
use burn_gan::metrics::series::SeriesScorer;
use burn_gan::models::{SavedGenerator, SeriesDiscriminatorConfig, SeriesGeneratorConfig};
use burn_gan::network::{TrainableDiscriminator, TrainableGenerator};
use burn_gan::prelude::*;
use burn_gan::train::JsonLines;
use clap::Parser;
use clap::builder::RangedU64ValueParser;
use common::{Common, Program};
use data::{DataArgs, Parts};

/// Trains a GAN on windows of series.
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    common: Common,

    #[command(flatten)]
    data: DataArgs,

    /// Channels of both networks at the full length
    #[arg(long, default_value_t = 16, value_name = "N")]
    width: usize,

    /// Moments that a kernel reaches over, at least 4
    #[arg(long, default_value_t = 9, value_name = "N")]
    kernel: usize,

    /// Shuffle the phases of hidden series by up to so many moments
    #[arg(long, default_value_t = 0, value_name = "N")]
    phase_shuffle: usize,

    /// Samples of a batch, at most as many as there are windows
    #[arg(long, default_value_t = 64, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    batch: usize,

    /// Components of a latent
    #[arg(long, default_value_t = 16, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    latent: usize,

    /// Weight γ of the gradient penalties, taken every fourth step
    #[arg(
        long,
        default_value_t = 0.1,
        value_name = "GAMMA",
        allow_negative_numbers = true
    )]
    gamma: f64,

    /// Settings of another objective, such as '{"loss":"hinge","terms":[{"kind":"r1","weight":1}]}'
    #[arg(long, value_name = "JSON", conflicts_with = "gamma", value_parser = |json: &str| serde_json::from_str::<Objective>(json))]
    objective: Option<Objective>,

    /// Adam's learning rate, for both networks
    #[arg(
        long,
        default_value_t = 1e-3,
        value_name = "RATE",
        allow_negative_numbers = true
    )]
    learning_rate: f64,

    /// Windows to generate [default: as many as are held out]
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    count: Option<usize>,
}

const STEPS: usize = 4_000;
/// Penalties are taken once in so many steps, times this number.
const LAZY: usize = 4;
/// Half-life of the generator's average, in windows.
const EMA_WINDOWS: f64 = 10_000.0;
/// What the closing line has; the report has all.
const SAID: [&str; 5] = [
    "autocorrelation_distance",
    "spectrum_distance",
    "log_spectrum_distance",
    "accuracy",
    "error",
];
/// Windows that are generated together.
const AT_ONCE: usize = 256;

fn main() -> ExitCode {
    let args = Args::parse();
    common::main_with(args.common.backend, args)
}

impl Program for Args {
    fn run<B: AutodiffBackend>(self, device: B::Device) -> Result<u8> {
        let parts = self.data.open(self.common.seed)?;
        let shape = [parts.training.channels(), parts.training.time()];
        let generator = SeriesGeneratorConfig::new(self.latent, shape)
            .with_width(self.width)
            .with_kernel(self.kernel);
        let discriminator = SeriesDiscriminatorConfig::new(shape)
            .with_width(self.width)
            .with_kernel(self.kernel)
            .with_phase_shuffle(self.phase_shuffle);
        let seed = self.common.seed;
        match parts.training.classes.len() {
            0 => {
                let gan = Gan::<_, _, B>::seeded(
                    generator.init(&device)?,
                    discriminator.init(&device)?,
                    seed,
                    &device,
                );
                let data = parts.training.unlabelled(&parts.scale)?;
                self.train(gan, &generator, &data, &parts, |_| Ok(()), &device)
            }
            classes => {
                let gan = Gan::<_, _, B>::seeded(
                    generator.init_conditional(classes, &device)?,
                    discriminator.init_projected(classes, &device)?,
                    seed,
                    &device,
                );
                let data = parts.training.labelled(&parts.scale)?;
                let tell = |labels: &[usize]| Labels::from_slice(labels, classes, &device);
                self.train(gan, &generator, &data, &parts, tell, &device)
            }
        }
    }
}

impl Args {
    fn config(&self, windows: usize) -> TrainerConfig {
        let latent = Latent::normal(self.latent);
        let objective = self.objective.clone().unwrap_or_else(|| {
            Objective::new(Loss::NonSaturating)
                .with_pairing(Pairing::Paired)
                .with_term(Term::r1(self.gamma).every(LAZY))
                .with_term(Term::r2(self.gamma).every(LAZY))
        });
        self.common
            .config(STEPS, self.batch.min(windows), latent)
            .with_objective(objective)
            .with_optimizers(OptimizerConfig::adam(self.learning_rate).with_betas(0.0, 0.99))
            .with_schedule(Schedule::Cosine { floor: 0.1 })
            .with_ema(EmaConfig::half_life(EMA_WINDOWS).with_ramp_up(0.05))
    }

    fn train<B, G, D>(
        &self,
        gan: Gan<G, D, B>,
        settings: &SeriesGeneratorConfig,
        data: &impl Dataset<B, Sample = Tensor<B, 3>, Condition = G::Condition>,
        parts: &Parts,
        tell: impl Fn(&[usize]) -> Result<G::Condition>,
        device: &B::Device,
    ) -> Result<u8>
    where
        B: AutodiffBackend,
        G: TrainableGenerator<B> + Generator<B, Sample = Tensor<B, 3>> + AutodiffModule<B>,
        D: TrainableDiscriminator<B, Sample = G::Sample, Condition = G::Condition>,
    {
        let (seed, out) = (self.common.seed, self.common.out());
        let Parts {
            training,
            held_out,
            scale,
        } = parts;
        let config = self.config(training.count());
        let options = [
            ("width", self.width.to_string()),
            ("kernel", self.kernel.to_string()),
        ];
        let mut history = History::new();
        let run = self
            .common
            .trainer(&config, &options, &out, device)?
            .observe(Rhythm::Every(1), Progress::new())
            .observe(Rhythm::Every(10), &mut history)
            .observe(Rhythm::Every(10), JsonLines::new(out.join("log.jsonl")))
            .run(gan, data)?;
        if !common::is_first() {
            return Ok(run.exit_code());
        }

        let latent = &config.latent;
        let count = self.count.unwrap_or(held_out.count());
        let labels = parts.labels(count);
        let mut stream = Stream::new(seed, "generated series");
        let mut numbers: Vec<f32> = Vec::new();
        for start in (0..count).step_by(AT_ONCE) {
            let part = start..(start + AT_ONCE).min(count);
            let asked = tell(labels.get(part.clone()).unwrap_or_default())?;
            let z = latent.draw(part.len(), &mut stream, device);
            let made = run.state.sampler().generate(z, &asked.inner());
            numbers.extend(made.into_data().iter::<f32>());
        }
        let made = scale.generated(&numbers, &labels, training, &mut stream)?;
        let gaussian = gaussian::like(training, count, &labels, &mut stream)?;

        let files = [out.join("generated.ts"), out.join("generated.csv")];
        files.iter().try_for_each(|file| made.save(file))?;
        let stored = out.join("scale.json");
        scale.save(&stored)?;
        let saved = out.join("generator.gan");
        SavedGenerator::save(&saved, settings, latent, run.state.sampler())?;

        let scorer = SeriesScorer::new(training.clone(), held_out.clone()).with_seed(seed);
        let scores = scorer.score(&made)?;
        let mut report = (self.common.report(&config))
            .setting("data", self.data.data.display().to_string())
            .setting("generator", settings)
            .setting("classes", &training.classes)
            .metric("training_windows", training.count())
            .metric("held_out_windows", held_out.count())
            .metric("generated_windows", count)
            .scores(&scores);
        let mut what = Vec::new();
        for (score, of_gaussian) in scores.iter().zip(scorer.score(&gaussian)?) {
            let real = score.real_against_real.map_or(f64::NAN, |real| real.value);
            let name = score.name.strip_suffix("_synthetic").unwrap_or(&score.name);
            report = (report)
                .metric(&format!("{name}_real"), real)
                .metric(&format!("{name}_gaussian"), of_gaussian.value());
            if SAID.contains(&name) {
                what.push(format!(
                    "{name} {:.4} (real {real:.4}, Gaussian {:.4})",
                    score.value(),
                    of_gaussian.value()
                ));
            }
        }
        let drawn = pictures::draw(held_out, &made, &gaussian, &out)?;
        for (caption, file) in drawn {
            report = report.picture(caption, file, None);
        }
        let report =
            (report.file(&saved).file(&stored).files(files)).files(run.save_weights(&out)?);
        let report = history.report(run.report(report));
        let what = format!(
            "{} windows, {} steps, {}, {:.0} s",
            training.count(),
            run.state.step,
            what.join(", "),
            run.elapsed.as_secs_f64()
        );
        self.common.finish(&report, &run.ending, what)?;
        Ok(run.exit_code())
    }
}

/// The windows of a class, or all where there are none.
fn of_class(series: &SeriesSet, class: Option<usize>) -> Vec<usize> {
    let counts = |place: &usize| class.is_none_or(|class| series.labels[*place] == class);
    (0..series.count()).filter(counts).collect()
}
