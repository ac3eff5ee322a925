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

use burn_gan::burn::module::AutodiffModule;
use burn_gan::burn::tensor::activation::sigmoid;
use burn_gan::burn::tensor::backend::{AutodiffBackend, Backend};
use burn_gan::burn::tensor::{Element, ElementConversion, Tensor, TensorData};
use burn_gan::data::{MemoryDataset, Mixture};
use burn_gan::divergence::{
    Gaussian, Histogram, Interval, fit_gaussian, js_divergence, js_lower_bound,
    optimal_discriminator,
};
use burn_gan::models::{
    MlpDiscriminator, MlpDiscriminatorConfig, MlpGenerator, MlpGeneratorConfig, save_safetensors,
};
use burn_gan::network::{Discriminator, Generator};
use burn_gan::nn::Activation;
use burn_gan::objective::{Loss, Objective, Term};
use burn_gan::plot::{Color, LineChart, Panels, Series};
use burn_gan::random::Stream;
use burn_gan::step::OptimizerConfig;
use burn_gan::train::{
    Ending, History, Memories, Observer, Progress, Rhythm, Schedule, StepEvent, TrainerConfig,
};
use burn_gan::{Gan, Latent, Result};
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

/// The generator's three costs: name in the report, title and colour in the pictures.
const COSTS: [(Loss, &str, &str, Color); 3] = [
    (
        Loss::NonSaturating,
        "gan_non_saturating",
        "non-saturating",
        Color::Blue,
    ),
    (Loss::Minimax, "gan_minimax", "minimax", Color::Vermillion),
    (
        Loss::MaximumLikelihood,
        "gan_maximum_likelihood",
        "maximum-likelihood cost",
        Color::Green,
    ),
];

type Pair<B> = Gan<MlpGenerator<B, 2>, MlpDiscriminator<B, 2>, B>;

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

impl<B: AutodiffBackend> Observer<Gan<MlpGenerator<B, 2>, MlpDiscriminator<B, 2>, B>>
    for &mut FirstLook
{
    fn observe(
        &mut self,
        event: &StepEvent<'_, Gan<MlpGenerator<B, 2>, MlpDiscriminator<B, 2>, B>>,
    ) -> Result<()> {
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
    common::main_with(&args.common.clone(), args)
}

impl Program for Args {
    fn run<B: AutodiffBackend>(self, device: B::Device) -> Result<u8> {
        let seed = self.common.seed;
        let out = self.common.out_dir("gaussian_1d");

        let truth = Gaussian::new(MEAN, STD)?;
        let points =
            Mixture::gaussian_1d(MEAN, STD)?.sample(POINTS, &mut Stream::new(seed, "data"));
        let data = MemoryDataset::<2>::new(points, [1])?;
        let values: Vec<f64> = data.values().iter().map(|&x| x.into()).collect();
        let fit = fit_gaussian(&values)?;

        // The same numbers by another formula, for whoever wants to check the fit.
        let moment = |power| values.iter().map(|x| x.powi(power)).sum::<f64>() / POINTS as f64;
        let sample = Gaussian::new(moment(1), (moment(2) - moment(1).powi(2)).sqrt())?;

        let mut report = self
            .common
            .report("gaussian_1d")
            .settings(&self.settings(Loss::NonSaturating))
            .setting("costs", COSTS.map(|cost| cost.0))
            .metric("truth", truth)
            .metric("sample", sample)
            .metric("max_likelihood", fit);
        let mut portraits = Panels::new(COSTS.len()).with_cell(400, 300);
        let mut rows: [Vec<LineChart>; 3] = Default::default();
        let falling = |title| LineChart::new(title, "step", "lower bound on JS, nats, smoothed");
        let (mut fall, mut start_of_fall) = (falling("The whole run"), falling("Its first fifth"));
        let mut summary = vec![format!("ML fit {:.3} ± {:.3}", fit.mean(), fit.std())];

        for (loss, key, name, color) in COSTS {
            common::say(name);
            let settings = self.settings(loss);
            let early = (settings.steps / 100).max(1);
            let mut history = History::new();
            let mut first = FirstLook::default();
            let run = self
                .common
                .trainer(&settings, &[], &out.join(key), &device)?
                .observe(Rhythm::Every(1), Progress::new())
                .observe(Rhythm::Every(5), &mut history)
                .observe(Rhythm::Every(early), &mut first)
                .run(networks::<B>(&settings, &device)?, &data)?;
            report = report.timing(key, run.elapsed.as_secs_f64());
            if !run.ending.is_finished() {
                run.report(report).save(&out)?;
                common::finish("gaussian_1d", &run.ending, summary.join(", "), &out);
                return Ok(run.exit_code());
            }

            let gan = run.state.gan.valid();
            let weights = out.join(key).join("generator.safetensors");
            save_safetensors(&weights, &gan.generator, &[])?;
            report = report.file(weights);
            let last = portrait(&gan, &settings, &device)?;
            let outcome = outcome(&gan, &last, &data, &truth, &device)?;
            summary.push(format!("{name} {:.3} ± {:.3}", outcome.mean, outcome.std));
            report = report.metric(key, outcome);

            rows[0].push(density_chart(name, color, &last, &truth, &fit));
            rows[2].push(discriminator_chart("at the end", color, &last, &truth));
            if let Some(first) = first.0 {
                let title = format!("after {early} steps");
                rows[1].push(discriminator_chart(&title, color, &first, &truth));
            }
            let bounds = smoothed(history.points("js_lower_bound").into_iter());
            let fifth = bounds[..bounds.len().div_ceil(5)].to_vec();
            fall = fall.with_series(Series::new(name, bounds).with_color(color));
            start_of_fall = start_of_fall.with_series(Series::new(name, fifth).with_color(color));
        }

        for chart in rows.into_iter().flatten() {
            portraits = portraits.with(chart);
        }
        let (fits, js) = (out.join("fits.svg"), out.join("js.svg"));
        portraits.save(&fits)?;
        Panels::new(2).with(fall).with(start_of_fall).save(&js)?;
        report
            .ending("finished")
            .picture("The four fits, and what D makes of them", &fits, None)
            .picture("The lower bound on JS while they train", &js, None)
            .save(&out)?;
        common::finish("gaussian_1d", &Ending::Finished, summary.join(", "), &out);
        Ok(0)
    }
}

impl Args {
    /// The settings of a GAN; only the loss differs.
    fn settings(&self, loss: Loss) -> TrainerConfig {
        let adam = |rate| OptimizerConfig::adam(rate).with_betas(0.0, 0.99);
        let mut settings =
            TrainerConfig::new(self.common.steps_or(STEPS) as u64, BATCH, Latent::normal(2))
                .with_seed(self.common.seed)
                .with_objective(Objective::new(loss).with_term(Term::r1(0.02)))
                .with_schedule(Schedule::Cosine { floor: 0.02 });
        // The theory's discriminator is always the best one: let it learn faster than the generator.
        settings.generator_optimizer = adam(1e-3);
        settings.discriminator_optimizer = adam(4e-3);
        settings
    }
}

/// Untrained networks, the same for every cost.
fn networks<B: Backend>(settings: &TrainerConfig, device: &B::Device) -> Result<Pair<B>> {
    let generator = MlpGeneratorConfig::new(settings.latent.dimensions(), [1])
        .with_hidden([32, 32])
        .with_output(Activation::Identity);
    // Wide at the bottom: few units of a fresh layer have their kink where the data are.
    let discriminator = MlpDiscriminatorConfig::new([1]).with_hidden([128, 32]);
    Ok(Gan::seeded(
        generator.init(device)?,
        discriminator.init(device)?,
        settings.seed,
        device,
    ))
}

fn portrait<B: Backend>(
    gan: &Pair<B>,
    settings: &TrainerConfig,
    device: &B::Device,
) -> Result<Portrait> {
    let mut stream = Stream::new(settings.seed, "evaluation");
    let latents = settings.latent.draw(SAMPLES, &mut stream, device);
    let samples: Vec<f64> = gan
        .generator
        .generate(latents, &())
        .into_data()
        .iter()
        .collect();
    let density = Histogram::new(&samples, RANGE.0, RANGE.1, BINS)?;
    let places: Vec<f64> = (0..BINS).map(|bin| density.centre(bin)).collect();
    let logits = gan
        .discriminator
        .discriminate(column(&places, device), &())
        .logits;
    let verdicts = places
        .into_iter()
        .zip(sigmoid(logits).into_data().iter())
        .collect();
    Ok(Portrait {
        samples,
        density,
        verdicts,
    })
}

fn outcome<B: Backend>(
    gan: &Pair<B>,
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

fn density_chart(
    name: &str,
    color: Color,
    portrait: &Portrait,
    truth: &Gaussian,
    fit: &Gaussian,
) -> LineChart {
    let places = || portrait.verdicts.iter().map(|place| place.0);
    let near = || places().filter(|x| (x - MEAN).abs() < 5.0 * STD);
    LineChart::new(name, "x", "density")
        .with_series(
            Series::new("ML fit", near().map(|x| (x, fit.density(x)))).with_color(Color::Grey),
        )
        .with_series(
            Series::new(
                "generator",
                near().map(|x| (x, portrait.density.density(x))),
            )
            .with_color(color),
        )
        .with_series(
            Series::new("data", near().map(|x| (x, truth.density(x))))
                .with_color(Color::Black)
                .dashed(),
        )
}

fn discriminator_chart(
    title: &str,
    color: Color,
    portrait: &Portrait,
    truth: &Gaussian,
) -> LineChart {
    let bin = portrait.density.width() * SAMPLES as f64;
    let optimum = portrait.verdicts.iter().map(|&(x, _)| {
        let (p, q) = (truth.density(x), portrait.density.density(x));
        // A ratio of two handfuls is noise: no line there.
        let known = (p + q) * bin > 50.0;
        (
            x,
            if known {
                optimal_discriminator(p, q)
            } else {
                f64::NAN
            },
        )
    });
    LineChart::new(title, "x", "probability of \"real\"")
        .with_series(Series::new("D", portrait.verdicts.iter().copied()).with_color(color))
        .with_series(Series::new("D*", optimum).with_color(Color::Black).dashed())
        .with_y_range(-0.02, 1.02)
}

/// A moving average over the last readings: a single batch's is mostly noise.
fn smoothed(readings: impl Iterator<Item = (u64, f64)>) -> Vec<(f64, f64)> {
    const WINDOW: usize = 20;
    let readings: Vec<_> = readings.collect();
    let mean = |end: usize| {
        let window = &readings[(end + 1).saturating_sub(WINDOW)..=end];
        window.iter().map(|reading| reading.1).sum::<f64>() / window.len() as f64
    };
    (0..readings.len())
        .map(|index| (readings[index].0 as f64, mean(index)))
        .collect()
}
