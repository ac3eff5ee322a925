//! From maximum likelihood to the adversarial game, on data whose density is known.
//!
//! ```text
//! cargo run --release --example gaussian_1d
//! ```
//!
//! Points of N(3, 0.5²) are fitted four times: by maximum likelihood, which needs a density that can
//! be written down, and by a GAN with each of the generator's three costs, which needs none.
//! `docs/theory.md` tells why they aim at the same thing.
//!
//! All three costs come near N(3, 0.5²), and minimax does not saturate on data this easy. The
//! maximum-likelihood cost often starts slowest: it lives on the samples that pass, and at first hardly
//! any do. Early on D resembles D*; at the end D is ½ nearly everywhere and the bound on JS 0, while
//! the true JS is still some thousandths, D*'s ripples: the bound is one from below, and this
//! discriminator, followed by the generator at every step, no longer resolves what is left.

mod common;

use std::process::ExitCode;

use burn_gan::Result;
use burn_gan::burn::module::AutodiffModule;
use burn_gan::burn::tensor::activation::sigmoid;
use burn_gan::burn::tensor::backend::AutodiffBackend;
use burn_gan::burn::tensor::{Element, ElementConversion, TensorData};
use burn_gan::data::Mixture;
use burn_gan::divergence::{
    Gaussian, Histogram, Interval, fit_gaussian, js_divergence, js_lower_bound,
    optimal_discriminator,
};
use burn_gan::models::{
    MlpDiscriminator, MlpDiscriminatorConfig, MlpGenerator, MlpGeneratorConfig,
};
use burn_gan::nn::Activation;
use burn_gan::plot::{Color, LineChart, Panels, Series};
use burn_gan::prelude::*;
use burn_gan::train::{Ending, Memories};
use clap::Parser;
use common::{Common, Program};
use serde::{Deserialize, Serialize};

/// Fits N(3, 0.5²) by maximum likelihood and by a GAN with each of the three generator costs.
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    common: Common,
}

const MEAN: f64 = 3.0;
const STD: f64 = 0.5;
const POINTS: usize = 50_000;
const STEPS: usize = 5_000;
const BATCH: usize = 256;

/// Generated samples behind each estimate of the generator's density.
const SAMPLES: usize = 50_000;
/// Where that density is estimated, and in how many bins; the untrained generator's is inside.
const RANGE: (f64, f64) = (-1.0, 7.0);
const BINS: usize = 160;

/// The generator's three costs, in words.
const COSTS: [(Loss, &str); 3] = [
    (Loss::NonSaturating, "non-saturating"),
    (Loss::Minimax, "minimax"),
    (Loss::MaximumLikelihood, "maximum-likelihood cost"),
];

type Networks<B> = Gan<MlpGenerator<B, 2>, MlpDiscriminator<B, 2>, B>;

/// What a GAN came to.
#[derive(Serialize)]
struct Outcome {
    mean: f64,
    std: f64,
    /// The mean of |D − ½| over the data: 0 for a discriminator that sees no difference.
    discriminator_off_half: f64,
    /// What the trained discriminator shows of JS, over all data.
    js_lower_bound: f64,
    /// JS of the true density and the generator's estimated one.
    js: f64,
    /// KL of the true density and the best Gaussian for the generator's samples.
    kl: f64,
}

/// A GAN at one moment: the generator's density, and the discriminator's D(x) as a curve.
#[derive(Serialize, Deserialize)]
struct Portrait {
    samples: Vec<f64>,
    density: Histogram,
    verdicts: Vec<(f64, f64)>,
}

/// An observer that makes a portrait at its first call, and keeps it when the run is resumed.
#[derive(Default)]
struct FirstLook(Option<Portrait>);

impl<B: AutodiffBackend> Observer<Networks<B>> for &mut FirstLook {
    fn observe(&mut self, event: &StepEvent<'_, Networks<B>>) -> Result<()> {
        if self.0.is_none() {
            let device = event.outcome.generator_loss.device();
            self.0 = Some(portrait(&event.state.gan.valid(), event.config, &device)?);
        }
        Ok(())
    }

    fn remember(&self, memories: &mut Memories) -> Result<()> {
        memories.put("first look", &self.0)
    }

    fn recall(&mut self, _step: u64, memories: &Memories) -> Result<()> {
        self.0 = memories.get("first look")?.flatten();
        Ok(())
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    common::main_with(args.common.backend, args)
}

impl Program for Args {
    fn run<B: AutodiffBackend>(self, device: B::Device) -> Result<u8> {
        let (seed, out) = (self.common.seed, self.common.out());
        let truth = Gaussian::new(MEAN, STD)?;
        let mixture = Mixture::gaussian_1d(MEAN, STD)?;
        let data = common::points(&mixture, POINTS, Stream::new(seed, "data"))?;
        let values: Vec<f64> = data.values().iter().map(|&x| x.into()).collect();
        let fit = fit_gaussian(&values)?;

        // The same numbers by another formula, for whoever wants to check the fit.
        let moment = |power| values.iter().map(|x| x.powi(power)).sum::<f64>() / POINTS as f64;
        let sample = Gaussian::new(moment(1), (moment(2) - moment(1).powi(2)).sqrt())?;

        let mut report = (self.common.report(&self.settings(Loss::NonSaturating)))
            .setting("costs", COSTS.map(|cost| cost.0))
            .metric("truth", truth)
            .metric("sample", sample)
            .metric("max_likelihood", fit);
        let mut rows: [Vec<LineChart>; 3] = Default::default();
        let falling = |title| LineChart::new(title, "step", "lower bound on JS, nats, smoothed");
        let (mut fall, mut start_of_fall) = (falling("The whole run"), falling("Its first fifth"));
        let mut summary = vec![format!("ML fit {:.3} ± {:.3}", fit.mean(), fit.std())];

        for (index, (loss, name)) in COSTS.into_iter().enumerate() {
            common::say(name);
            // Its name in the report, and its colour in all pictures.
            let key = format!("gan_{}", name.trim_end_matches(" cost").replace('-', "_"));
            let color = Color::nth(index);
            let (settings, folder) = (self.settings(loss), out.join(&key));
            let early = (settings.steps / 100).max(1);
            let mut history = History::new();
            let mut first = FirstLook::default();
            let run = (self.common.trainer(&settings, &[], &folder, &device)?)
                .observe(Rhythm::Every(1), Progress::new())
                .observe(Rhythm::Every(5), &mut history)
                .observe(Rhythm::Every(early), &mut first)
                .run(networks::<B>(seed, &device)?, &data)?;
            report = report.timing(&key, run.elapsed.as_secs_f64());
            if !run.ending.is_finished() {
                let what = summary.join(", ");
                self.common.finish(&run.report(report), &run.ending, what)?;
                return Ok(run.exit_code());
            }

            let gan = run.state.gan.valid();
            let last = portrait(&gan, &settings, &device)?;
            let outcome = outcome(&gan, &last, &data, &truth, &device)?;
            summary.push(format!("{name} {:.3} ± {:.3}", outcome.mean, outcome.std));
            report = report
                .files(run.save_weights(&folder)?)
                .metric(&key, outcome);

            rows[0].push(last.density_chart(name, color, &truth, &fit));
            if let Some(first) = first.0 {
                let title = format!("after {early} steps");
                rows[1].push(first.discriminator_chart(&title, color, &truth));
            }
            rows[2].push(last.discriminator_chart("at the end", color, &truth));
            let bounds = history.points("js_lower_bound").into_iter();
            // A single batch's bound is mostly noise.
            let bounds = line(name, color, bounds.map(|(step, js)| (step as f64, js))).smoothed(20);
            let mut fifth = bounds.clone();
            fifth.points.truncate(bounds.points.len().div_ceil(5));
            fall = fall.with_series(bounds);
            start_of_fall = start_of_fall.with_series(fifth);
        }

        let (fits, js) = (out.join("fits.svg"), out.join("js.svg"));
        let portraits = Panels::new(COSTS.len()).with_cell(400, 300);
        (rows.into_iter().flatten())
            .fold(portraits, Panels::with)
            .save(&fits)?;
        Panels::new(2).with(fall).with(start_of_fall).save(&js)?;
        let report = report
            .ending("finished")
            .picture("The four fits, and what D makes of them", &fits, None)
            .picture("The lower bound on JS while they train", &js, None);
        self.common
            .finish(&report, &Ending::Finished, summary.join(", "))?;
        Ok(0)
    }
}

impl Args {
    /// The settings of a GAN; only the loss differs.
    fn settings(&self, loss: Loss) -> TrainerConfig {
        let adam = |rate| OptimizerConfig::adam(rate).with_betas(0.0, 0.99);
        (self.common.config(STEPS, BATCH, Latent::normal(2)))
            .with_objective(Objective::new(loss).with_term(Term::r1(0.02)))
            .with_schedule(Schedule::Cosine { floor: 0.02 })
            // The theory's discriminator is always the best one: it learns faster than the generator.
            .with_generator_optimizer(adam(1e-3))
            .with_discriminator_optimizer(adam(4e-3))
    }
}

/// Untrained networks, the same for every cost.
fn networks<B: Backend>(seed: u64, device: &B::Device) -> Result<Networks<B>> {
    let generator = MlpGeneratorConfig::new(2, [1])
        .with_hidden([32, 32])
        .with_output(Activation::Identity);
    // Wide at the bottom: few units of a fresh layer have their kink where the data are.
    let discriminator = MlpDiscriminatorConfig::new([1]).with_hidden([128, 32]);
    let (generator, discriminator) = (generator.init(device)?, discriminator.init(device)?);
    Ok(Gan::seeded(generator, discriminator, seed, device))
}

fn portrait<B: Backend>(
    gan: &Networks<B>,
    settings: &TrainerConfig,
    device: &B::Device,
) -> Result<Portrait> {
    let samples: Vec<f64> = common::samples(&gan.generator, settings, SAMPLES, device);
    let density = Histogram::new(&samples, RANGE.0, RANGE.1, BINS)?;
    let places: Vec<f64> = (0..BINS).map(|bin| density.centre(bin)).collect();
    let verdict = gan.discriminator.discriminate(column(&places, device), &());
    let real = sigmoid(verdict.logits).into_data();
    let verdicts = places.into_iter().zip(real.iter()).collect();
    Ok(Portrait {
        samples,
        density,
        verdicts,
    })
}

fn outcome<B: Backend>(
    gan: &Networks<B>,
    portrait: &Portrait,
    data: &MemoryDataset<2>,
    truth: &Gaussian,
    device: &B::Device,
) -> Result<Outcome> {
    let judge = |samples| gan.discriminator.discriminate(samples, &()).logits;
    let real = judge(column(&data.values(), device));
    let fake = judge(column(&portrait.samples, device));
    let off_half = sigmoid(real.clone()).sub_scalar(0.5).abs().mean();
    let best = fit_gaussian(&portrait.samples)?;
    let js = js_divergence(
        |x| truth.log_density(x),
        |x| portrait.density.density(x).ln(),
        &Interval::new(RANGE.0, RANGE.1, 5 * BINS)?,
    );
    Ok(Outcome {
        mean: best.mean(),
        std: best.std(),
        discriminator_off_half: off_half.into_scalar().elem(),
        js_lower_bound: js_lower_bound(real, fake).into_scalar().elem(),
        js,
        kl: truth.kl(&best),
    })
}

/// Numbers as a batch of one-dimensional samples.
fn column<B: Backend, E: Element>(values: &[E], device: &B::Device) -> Tensor<B, 2> {
    let values = TensorData::new(values.to_vec(), [values.len(), 1]);
    Tensor::from_data(values.convert::<f32>(), device)
}

fn line(name: &str, color: Color, points: impl Iterator<Item = (f64, f64)>) -> Series {
    Series::new(name, points).with_color(color)
}

impl Portrait {
    fn density_chart(
        &self,
        name: &str,
        color: Color,
        truth: &Gaussian,
        fit: &Gaussian,
    ) -> LineChart {
        let places = self.verdicts.iter().map(|place| place.0);
        let near = places.filter(|x| (x - MEAN).abs() < 5.0 * STD);
        let generated = near.clone().map(|x| (x, self.density.density(x)));
        let [fit, truth] = [fit, truth].map(|normal| near.clone().map(|x| (x, normal.density(x))));
        LineChart::new(name, "x", "density")
            .with_series(line("ML fit", Color::Grey, fit))
            .with_series(line("generator", color, generated))
            .with_series(line("data", Color::Black, truth).dashed())
    }

    fn discriminator_chart(&self, title: &str, color: Color, truth: &Gaussian) -> LineChart {
        let bin = self.density.width() * SAMPLES as f64;
        let optimum = self.verdicts.iter().map(|&(x, _)| {
            let (p, q) = (truth.density(x), self.density.density(x));
            // A ratio of two handfuls is noise: no line there.
            let known = (p + q) * bin > 50.0;
            let best = optimal_discriminator(p, q);
            (x, if known { best } else { f64::NAN })
        });
        LineChart::new(title, "x", "probability of \"real\"")
            .with_series(line("D", color, self.verdicts.iter().copied()))
            .with_series(line("D*", Color::Black, optimum).dashed())
            .with_y_range(-0.02, 1.02)
    }
}
