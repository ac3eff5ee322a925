//! Any folder of pictures: a GAN that makes more of them.
//!
//! ```text
//! cargo run --release --example images -- --data-dir FOLDER
//! cargo run --release --example images -- --data-dir FOLDER --labels
//! cargo run --release --example images -- --data-dir FOLDER --only Flags --augmentation ada
//! ```
//!
//! PNG, JPEG, WebP, GIF, BMP and TIFF files, in the folder and in those in it; the folders' names are
//! the classes of `--labels`. MNIST's and CIFAR's files and arrays of numpy's are read too. The out
//! folder gets sample grids through time, a log, checkpoints (Ctrl-C stores one, `--resume` goes on
//! from it), the generator as `generator.gan` (the examples `sample` and `evaluate` open it) and
//! `.safetensors`, and `report.html`.

#[path = "../common/mod.rs"]
mod common;
mod data;
mod judge;
#[path = "../common/pictures.rs"]
mod pictures;

use std::path::PathBuf;
use std::process::ExitCode;

use burn_gan::burn::module::AutodiffModule;
use burn_gan::burn::tensor::backend::AutodiffBackend;
use burn_gan::data::Loading;
use burn_gan::metrics::{Better, Scorer};
use burn_gan::models::{
    ImageDiscriminatorConfig, ImageGeneratorConfig, ImageNetwork, SavedGenerator,
};
use burn_gan::network::{Augmentation, DiffAugment, TrainableDiscriminator, TrainableGenerator};
use burn_gan::objective::{Ada, Augment, AuxiliaryClass, Probability, TermKind};
use burn_gan::plot::{GridSize, first_batch};
use burn_gan::prelude::*;
use burn_gan::step::StandingStatistics;
use burn_gan::train::{
    Interpolations, JsonLines, SampleGrid, SampleScores, StoredRun, best_checkpoint,
};
use burn_gan::{Error, Result};
use clap::builder::RangedU64ValueParser;
use clap::{Parser, ValueEnum};
use common::{Common, Program};
use data::{Data, DataArgs, Parts, RANGE};
use judge::{Extractor, Judge};
use pictures::Pictures;
use serde::Serialize;
use serde_json::Value;

/// Trains a GAN on a folder of pictures.
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    common: Common,

    #[command(flatten)]
    data: DataArgs,

    /// Tell both networks the class: folders' names, or those of a file
    #[arg(long)]
    labels: bool,

    /// How the discriminator goes by the class
    #[arg(long, value_enum, default_value_t = ConditionName::Projection, value_name = "NAME", requires = "labels")]
    condition: ConditionName,

    /// The networks
    #[arg(long, value_enum, default_value_t = NetworkName::Dcgan, value_name = "NAME")]
    network: NetworkName,

    /// Channels of both networks at half the full size, or near it
    #[arg(long, default_value_t = 32, value_name = "N")]
    width: usize,

    /// Samples of a batch
    #[arg(long, default_value_t = 64, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    batch: usize,

    /// Components of a latent [default: 64, or a few more where `biggan` cuts it into equal parts]
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    latent: Option<usize>,

    /// What real and generated pictures go through before they are judged: the fewer pictures, the more
    /// [default: the network's, ada_fixed]
    #[arg(long, value_enum, value_name = "NAME")]
    augmentation: Option<Augmented>,

    /// The loss [default: the network's; non_saturating with `--augmentation ada`]
    #[arg(long, value_enum, value_name = "NAME")]
    loss: Option<LossName>,

    /// Weight γ of the gradient penalties, where the loss has them [default: 0.02]
    #[arg(long, value_name = "GAMMA", allow_negative_numbers = true)]
    gamma: Option<f64>,

    /// Settings of another objective, such as '{"loss":"hinge","terms":[{"kind":"r1","weight":1}]}'
    #[arg(long, value_name = "JSON", conflicts_with_all = ["loss", "gamma"], value_parser = |json: &str| serde_json::from_str::<Objective>(json))]
    objective: Option<Objective>,

    /// Adam's learning rate, for both networks [default: the network's]
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    learning_rate: Option<f64>,

    /// Threads that read and decode ahead; 0 for none
    #[arg(long, default_value_t = 1, value_name = "N")]
    threads: usize,

    /// Measure by the features of this classifier, as the example `classifier` trains one [default:
    /// those of a network of random weights]
    #[arg(long, value_name = "FILE")]
    classifier: Option<PathBuf>,

    /// Steps between two measurements of the Fréchet distance; 0 for none [default: a tenth of the run]
    #[arg(long, value_name = "STEPS")]
    measure_every: Option<u64>,

    /// Keep the checkpoint with the smallest distance, and save its generator as generator_best.gan
    #[arg(long)]
    keep_best: bool,

    /// Steps between two sample grids [default: a tenth of the run]
    #[arg(long, value_name = "STEPS")]
    sample_every: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum NetworkName {
    /// Strided convolutions
    Dcgan,
    /// SNGAN's residual blocks
    Resnet,
    /// StyleGAN2: squares of 8, 16, 32 … pixels
    Stylegan2,
    /// R3GAN: residual blocks of grouped convolutions
    R3gan,
    /// Light, for few pictures: squares of 8, 16, 32 … pixels
    Light,
    /// BigGAN: residual blocks with attention, a part of the latent for each
    Biggan,
    /// BigGAN-deep
    #[value(name = "biggan_deep")]
    BigganDeep,
}

impl From<NetworkName> for ImageNetwork {
    fn from(name: NetworkName) -> Self {
        match name {
            NetworkName::Dcgan => Self::Dcgan,
            NetworkName::Resnet => Self::Resnet,
            NetworkName::Stylegan2 => Self::Stylegan2,
            NetworkName::R3gan => Self::R3gan,
            NetworkName::Light => Self::Light,
            NetworkName::Biggan => Self::Biggan,
            NetworkName::BigganDeep => Self::BigganDeep,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ConditionName {
    /// It is told the class, and judges by a projection on it
    Projection,
    /// It names the class beside its judgement, which it learns from real pictures (AC-GAN, with Adam's β of
    /// its paper): pictures of a class are hardly varied
    Auxiliary,
}

impl ConditionName {
    fn name(self) -> &'static str {
        match self {
            Self::Projection => "projection",
            Self::Auxiliary => AUXILIARY,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum LossName {
    /// Each logit against that of the other side's sample, R1 and R2 (R3GAN's)
    Relativistic,
    /// Each logit by itself, R1
    NonSaturating,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Augmented {
    /// Pictures as they are
    None,
    /// Mirrored or not: right where left and right mean nothing
    Flip,
    /// DiffAugment: colours, shifts, a square cut out
    #[value(name = "diff_augment")]
    DiffAugment,
    /// DiffAugment without colours
    #[value(name = "translation,cutout")]
    TranslationCutout,
    /// ADA's flips, turns, shifts, scales and colours, each with probability 0.1
    #[value(name = "ada_fixed")]
    AdaFixed,
    /// The same, as often as the discriminator's overfitting asks for
    Ada,
}

impl Augmented {
    /// `samples` real ones are shown in the run.
    fn augment(self, samples: f64) -> Option<Augment> {
        let policy = |policy| Some(Augment::diff_augment(policy));
        match self {
            Self::None => None,
            Self::Flip => Some(Augment::always(Augmentation::Images {
                shift: 0,
                flip: true,
                fill: Default::default(),
            })),
            Self::DiffAugment => policy(DiffAugment::ALL),
            Self::TranslationCutout => policy(DiffAugment {
                color: false,
                ..DiffAugment::ALL
            }),
            Self::AdaFixed => Some(Augment::Ada(Ada::new(Probability::Fixed(ADA_FIXED)))),
            // The paper's 500,000 belong to runs of 25 million samples.
            Self::Ada => Some(Augment::ada(ADA_SAMPLES.min(samples / 4.0))),
        }
    }
}

/// The network's objective with another weight of its gradient penalties.
fn with_gamma(mut objective: Objective, gamma: Option<f64>) -> Result<Objective> {
    let Some(gamma) = gamma else {
        return Ok(objective);
    };
    let penalties = (objective.terms.iter_mut())
        .filter(|term| matches!(term.kind, TermKind::R1 | TermKind::R2));
    let mut count = 0;
    for penalty in penalties {
        penalty.weight = gamma;
        count += 1;
    }
    if count == 0 {
        let problem = "weighs gradient penalties, and this network's objective has none; leave it out, \
                       or take `--loss`";
        return Err(Error::setting("gamma", gamma, problem));
    }
    Ok(objective)
}

const STEPS: usize = 11_500;
/// Components of a latent where none are asked for, at the least.
const LATENT: usize = 64;
/// How often each of ADA's transformations is made where nothing adapts.
const ADA_FIXED: f64 = 0.1;
/// Real samples in which ADA's p goes from 0 to 1 at the fastest.
const ADA_SAMPLES: f64 = 100_000.0;
/// Rows and columns of a sample grid; with labels each row is a class, at most so many.
const GRID: GridSize = GridSize {
    rows: 8,
    columns: 12,
};
const MOST_ROWS: usize = 20;
/// Real samples are fewer than these: what is held back is no measure.
const FEW: usize = 100;
const DISTANCE: &str = "frechet_distance";
/// What a checkpoint says of a discriminator that names classes.
const AUXILIARY: &str = "auxiliary";
/// Adam's β of AC-GAN's paper.
const AC_GAN_BETAS: [f32; 2] = [0.5, 0.999];

/// What judges a run.
type Scores<G, D, B> =
    SampleScores<Gan<G, D, B>, Extractor<<B as AutodiffBackend>::InnerBackend>, Scorer>;

fn main() -> ExitCode {
    let args = Args::parse();
    common::main_with(args.common.backend, args)
}

impl Program for Args {
    fn run<B: AutodiffBackend>(self, device: B::Device) -> Result<u8> {
        let parts = self.data.open(self.common.seed)?;
        let rest = parts.held_back.as_ref();
        match (self.labels, self.condition) {
            (false, _) => {
                let rest = rest.map(data::unlabelled);
                self.unconditional::<B>(&*data::unlabelled(&parts.training), rest, &parts, device)
            }
            (true, condition) => {
                let rest = rest.map(data::labelled::<B>).transpose()?;
                let data = data::labelled::<B>(&parts.training)?;
                match condition {
                    ConditionName::Projection => {
                        let init = ImageDiscriminatorConfig::init_projected;
                        self.conditional(&*data, rest, &parts, init, device)
                    }
                    ConditionName::Auxiliary => {
                        let init = ImageDiscriminatorConfig::init_classifying;
                        self.conditional(&*data, rest, &parts, init, device)
                    }
                }
            }
        }
    }
}

impl Args {
    fn networks(&self, image: [usize; 3]) -> (ImageGeneratorConfig, ImageDiscriminatorConfig) {
        let network = ImageNetwork::from(self.network);
        let latent = (self.latent).unwrap_or_else(|| network.smallest_latent(LATENT, image));
        (
            ImageGeneratorConfig::new(network, latent, image).with_width(self.width),
            ImageDiscriminatorConfig::new(network, image).with_width(self.width),
        )
    }

    fn unconditional<B: AutodiffBackend>(
        &self,
        data: &Data<'_, B, ()>,
        rest: Option<Box<Data<'_, B, ()>>>,
        parts: &Parts,
        device: B::Device,
    ) -> Result<u8> {
        let (generator, discriminator) = self.networks(parts.training.dimensions());
        let settings = (generator.clone(), discriminator.clone());
        let make = || {
            Ok((
                generator.init::<B>(&device)?,
                discriminator.init::<B>(&device)?,
            ))
        };
        let scores = self
            .judge::<B>(parts, &device)?
            .map(|judge| SampleScores::new(judge.extractor, judge.scorer, judge.count));
        let study = Study {
            parts,
            settings,
            make,
            tell: |_: &[usize]| Ok(()),
        };
        self.train(study, data, rest, scores, &device)
    }

    /// `init` makes the discriminator for so many classes.
    fn conditional<B, D>(
        &self,
        data: &Data<'_, B, Labels<B>>,
        rest: Option<Box<Data<'_, B, Labels<B>>>>,
        parts: &Parts,
        init: impl Fn(&ImageDiscriminatorConfig, usize, &B::Device) -> Result<D>,
        device: B::Device,
    ) -> Result<u8>
    where
        B: AutodiffBackend,
        D: TrainableDiscriminator<B, Sample = Tensor<B, 4>, Condition = Labels<B>>,
    {
        let classes = parts.training.classes.len();
        if classes < 2 {
            let problem = "takes two classes or more: pictures in folders, or in a file's list";
            return Err(Error::setting("labels", true, problem));
        }
        let (generator, discriminator) = self.networks(parts.training.dimensions());
        let settings = (generator.clone(), discriminator.clone());
        let make = || {
            Ok((
                generator.init_conditional::<B>(classes, &device)?,
                init(&discriminator, classes, &device)?,
            ))
        };
        let tell = |labels: &[usize]| Labels::from_slice(labels, classes, &device);
        let scores = match self.judge::<B>(parts, &device)? {
            None => None,
            Some(judge) => {
                let labels = tell(&judge.labels)?;
                Some(SampleScores::conditioned_on(
                    judge.extractor,
                    judge.scorer,
                    &labels,
                ))
            }
        };
        let study = Study {
            parts,
            settings,
            make,
            tell,
        };
        self.train(study, data, rest, scores, &device)
    }

    /// Who measures the run, against what is held back where it is enough.
    fn judge<B: AutodiffBackend>(
        &self,
        parts: &Parts,
        device: &B::Device,
    ) -> Result<Option<Judge<B::InnerBackend>>> {
        if self.measure_every == Some(0) {
            return Ok(None);
        }
        let held_back = parts.held_back.as_ref();
        let (real, name) = match held_back.filter(|rest| rest.count() >= FEW) {
            Some(rest) => (rest, "held back"),
            None => (&parts.training, "training"),
        };
        Judge::new(
            self.classifier.as_deref(),
            real,
            name,
            self.common.seed,
            device,
        )
        .map(Some)
    }

    /// The objective of `--objective`, `--loss`, or the network's own.
    fn objective(&self, own: &Objective, samples: f64) -> Result<Objective> {
        let adapts = self.augmentation == Some(Augmented::Ada);
        let loss = match self.loss {
            // Only differences of logits mean something in pairs, and it adapts by their sign.
            None if adapts && own.pairing != Pairing::None => Some(LossName::NonSaturating),
            loss => loss,
        };
        if adapts && loss == Some(LossName::Relativistic) {
            let problem = "adapts by the sign of real pictures' logits, which says nothing with \
                           relativistic pairs; take `--loss non_saturating` or ada_fixed";
            return Err(Error::setting("augmentation", "ada", problem));
        }
        // The pairs and penalties of a network without norms.
        let pairs = || ImageNetwork::Dcgan.objective();
        let mut objective = match (&self.objective, loss) {
            (Some(objective), _) => objective.clone(),
            (None, None) => own.clone(),
            (None, Some(LossName::Relativistic)) => pairs(),
            (None, Some(LossName::NonSaturating)) => {
                let mut alone = pairs().with_pairing(Pairing::None);
                alone.terms.retain(|term| matches!(term.kind, TermKind::R1));
                alone
            }
        };
        objective = with_gamma(objective, self.gamma)?;
        // One that another objective brings stays.
        if self.objective.is_none() || objective.augment.is_none() {
            objective.augment = match self.augmentation {
                Some(asked) => asked.augment(samples),
                None => own.augment.clone(),
            };
        }
        let named = |term: &Term| matches!(term.kind, TermKind::AuxiliaryClass(_));
        if self.condition == ConditionName::Auxiliary && !objective.terms.iter().any(named) {
            // Classes are learnt from real pictures alone: from generated ones, too, discriminator and
            // generator agree on marks of their own.
            let kind = TermKind::AuxiliaryClass(AuxiliaryClass { fake_ratio: 0.0 });
            objective = objective.with_term(Term::new(kind, 1.0));
        }
        Ok(objective)
    }

    fn config(&self, latent: usize) -> Result<TrainerConfig> {
        let network = ImageNetwork::from(self.network);
        let common = (self.common).config(STEPS, self.batch, Latent::normal(latent));
        let config = network.trainer(common.steps, self.batch, latent)?;
        let samples = (config.steps * self.batch as u64) as f64;
        let objective = self.objective(&config.objective, samples)?;
        let mut config = config
            .with_seed(common.seed)
            .with_objective(objective)
            .with_loading(Loading::on_threads(self.threads));
        if self.condition == ConditionName::Auxiliary {
            // Without momentum the generator jumps from one picture of a class to the next.
            let [one, two] = AC_GAN_BETAS;
            config.generator_optimizer = config.generator_optimizer.with_betas(one, two);
            config.discriminator_optimizer = config.discriminator_optimizer.with_betas(one, two);
        }
        Ok(match self.learning_rate {
            Some(rate) => {
                let optimizers = [config.generator_optimizer, config.discriminator_optimizer];
                let [generator, discriminator] = optimizers.map(|o| o.with_learning_rate(rate));
                config
                    .with_generator_optimizer(generator)
                    .with_discriminator_optimizer(discriminator)
            }
            None => config,
        })
    }

    fn train<B, G, D, Make, Tell>(
        &self,
        study: Study<'_, Make, Tell>,
        data: &Data<'_, B, G::Condition>,
        rest: Option<Box<Data<'_, B, G::Condition>>>,
        mut scores: Option<Scores<G, D, B>>,
        device: &B::Device,
    ) -> Result<u8>
    where
        B: AutodiffBackend,
        G: TrainableGenerator<B> + Generator<B, Sample = Tensor<B, 4>> + AutodiffModule<B>,
        D: TrainableDiscriminator<B, Sample = G::Sample, Condition = G::Condition>,
        Make: Fn() -> Result<(G, D)>,
        Tell: Fn(&[usize]) -> Result<G::Condition>,
    {
        let (seed, out) = (self.common.seed, self.common.out());
        let config = self.config(study.settings.0.latent)?;
        let training = &study.parts.training;
        let tenth = config.steps.div_ceil(10);
        let networks = || -> Result<_> {
            let (generator, discriminator) = (study.make)()?;
            Ok(Gan::<_, _, B>::seeded(
                generator,
                discriminator,
                seed,
                device,
            ))
        };

        let first = out.join("first_batch.png");
        first_batch(data, &config, RANGE, device)?.save(&first)?;
        // The same latents at every look, so that pictures of different steps compare; a class to a
        // row where labels are told.
        let size = GridSize {
            rows: match self.labels {
                true => training.classes.len().min(MOST_ROWS),
                false => GRID.rows,
            },
            ..GRID
        };
        let rows: Vec<_> = (0..size.rows * size.columns)
            .map(|place| place / size.columns)
            .collect();
        let (asked, latent) = ((study.tell)(&rows)?, config.latent.clone());
        let scale = (64 / training.shape.height).max(1);
        let mut grid = SampleGrid::<B>::new(&out, &latent, size, seed, device)?
            .with_conditions(&asked)
            .with_scale(scale);
        let mut walks = Interpolations::<B>::new(&out, &latent, size, seed, device)?
            .with_conditions(&asked)
            .with_scale(scale);

        // What decides the networks and what they are told: a run is resumed with the same, and the
        // example `evaluate` makes a checkpoint's networks by it.
        let (generator, discriminator) = &study.settings;
        let mut plan = (self.common.checkpoints(&config, &[], &out))
            .compare("generator", json(generator)?)
            .compare("discriminator", json(discriminator)?)
            .compare("classes", self.labels.then_some(training.classes.len()));
        if self.condition != ConditionName::Projection {
            plan = plan.compare("condition", AUXILIARY);
        }
        if self.keep_best {
            plan = plan.keep_best(DISTANCE, Better::Lower);
        }
        let mut history = History::new();
        let mut trainer = (self.common.trainer(&config, &[], &out, device)?).with_checkpoints(plan);
        if let Some(scores) = &mut scores {
            let every = self.measure_every.unwrap_or(tenth);
            trainer = trainer.evaluate(Rhythm::Every(every), scores);
        }
        if let Some(rest) = rest.filter(|rest| rest.len() >= self.batch) {
            trainer = trainer.with_held_out(rest);
        }
        let run = trainer
            .observe(Rhythm::Every(1), Progress::new())
            .observe(Rhythm::Every(10), &mut history)
            .observe(Rhythm::Every(10), JsonLines::new(out.join("log.jsonl")))
            .observe(Rhythm::Every(self.sample_every.unwrap_or(tenth)), &mut grid)
            .observe(Rhythm::AtEnd, &mut walks)
            .run(networks()?, data)?;
        if !common::is_first() {
            return Ok(run.exit_code());
        }

        let saved = out.join("generator.gan");
        SavedGenerator::save(&saved, generator, &latent, run.state.sampler())?;
        let mut report = (self.common.report(&config))
            .setting("data", self.data.pictures.data_dir.display().to_string())
            .setting("generator", generator)
            .setting("labels", self.labels)
            .setting("condition", self.labels.then(|| self.condition.name()))
            .setting("classes", training.class_sizes())
            .metric("pictures", training.count())
            .picture("The first batch, as the networks see it", first, None)
            .file(&saved)
            .files(run.save_weights(&out)?);
        if let Some(scores) = &scores {
            report = report.scores(scores.measure().last());
        }
        if self.keep_best {
            let folder = out.join("checkpoints");
            if let Some((file, distance)) = best_checkpoint(&folder, Better::Lower)? {
                let stored = StoredRun::open(&file)?;
                // Batch norms' statistics belong to the average, and are not in the file.
                let turns: Vec<usize> = (0..self.batch)
                    .map(|place| place % rows_of(training))
                    .collect();
                let standing = vec![(study.tell)(&turns)?; STANDING_BATCHES];
                let standing = StandingStatistics::new(latent.clone(), self.batch, seed, standing);
                let state = stored
                    .state(networks()?, device)?
                    .with_standing_statistics(standing);
                let best = out.join("generator_best.gan");
                SavedGenerator::save(&best, generator, &latent, state.sampler())?;
                report = (report.file(best))
                    .metric("best_step", stored.step())
                    .metric("best_distance", distance);
            }
        }
        let report = walks.report(grid.report(history.report(run.report(report))));
        let distance = run
            .measurements
            .iter()
            .find(|number| number.name == DISTANCE);
        let distance = distance.map_or_else(String::new, |d| {
            format!(", Fréchet distance {:.4}", d.value)
        });
        let what = format!(
            "{} pictures, {} steps{distance}, {:.0} s",
            training.count(),
            run.state.step,
            run.elapsed.as_secs_f64()
        );
        self.common.finish(&report, &run.ending, what)?;
        Ok(run.exit_code())
    }
}

/// What differs between networks that are told classes and those that are not.
struct Study<'a, Make, Tell> {
    parts: &'a Parts,
    settings: (ImageGeneratorConfig, ImageDiscriminatorConfig),
    /// Fresh networks.
    make: Make,
    /// Labels as they are told.
    tell: Tell,
}

/// Settings as a checkpoint stores them.
fn json(settings: &impl Serialize) -> Result<Value> {
    serde_json::to_value(settings).map_err(|error| Error::data("settings", error.to_string()))
}

const STANDING_BATCHES: usize = 16;

fn rows_of(pictures: &Pictures) -> usize {
    pictures.classes.len().max(1)
}
