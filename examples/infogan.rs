//! InfoGAN: pictures sorted into kinds, and by what else differs, without a single label.
//!
//! ```text
//! cargo run --release --example infogan -- --data-dir DIR
//! cargo run --release --example infogan -- --data-dir DIR --classifier out/classifier/digits.classifier
//! ```
//!
//! The generator is given a code of `--kinds` values and two numbers beside its noise, and the
//! discriminator has to find them again in the picture, so that they come to mean something. What, is
//! the run's own: in the paper the kind became the digit, the numbers its slant and width. Here, on
//! 10,000 digits, 96, 85 and 99 % of a kind's pictures were of one digit after 5,000 steps (seeds 0 to 2).
//! The discriminator sees pictures that are turned, sheared, scaled and moved a little, so that none of this
//! makes a kind, and the kind that it sees in a real picture should be the one in its changed copy
//! (`--invariance`): without the second it was 68 % (seed 0), without both 67 %, kinds being shapes of
//! strokes; with `--game paper` 40 % after 8,000 steps. The data are what the example `images` reads. With
//! `--classifier` the report says how many pictures of a kind are of one class. The out folder gets grids
//! of kinds (a row each) through time, a walk along each number (`walk-1`, `walk-2`: a row for each kind,
//! from −2 to 2), a log, checkpoints, the generator as `generator.gan`, and `report.html`.
//!
//! Chen, Duan, Houthooft, Schulman, Sutskever, Abbeel 2016, arXiv:1606.03657.

#[path = "common/mod.rs"]
mod common;
#[path = "common/pictures.rs"]
mod pictures;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use burn_gan::burn::tensor::backend::AutodiffBackend;
use burn_gan::data::PixelRange;
use burn_gan::models::{
    CodeHeadConfig, DcganDiscriminatorConfig, DcganGeneratorConfig, ImageNetwork, SavedClassifier,
    SavedGenerator,
};
use burn_gan::network::{Affine, Augmentation, Fill};
use burn_gan::objective::{Augment, Probability};
use burn_gan::prelude::*;
use burn_gan::train::{JsonLines, SampleGrid};
use burn_gan::{Error, Result};
use clap::builder::RangedU64ValueParser;
use clap::{Parser, ValueEnum};
use common::{Common, Program};
use pictures::PictureArgs;

/// Trains an InfoGAN on pictures.
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    common: Common,

    #[command(flatten)]
    pictures: PictureArgs,

    /// Values of the code that stands for the kind
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(2..=100))]
    kinds: usize,

    /// Channels of both networks at half the full size
    #[arg(long, default_value_t = 32, value_name = "N")]
    width: usize,

    /// Numbers of the paper's hidden layers between latent and maps, and between maps and logit; 0 for none
    #[arg(long, default_value_t = 0, value_name = "N")]
    hidden: usize,

    /// What the networks play for
    #[arg(long, value_enum, default_value_t = Game::Relativistic, value_name = "NAME")]
    game: Game,

    /// Components of the noise beside the codes
    #[arg(long, default_value_t = 62, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    noise: usize,

    /// Weight of the kind's mutual information
    #[arg(
        long,
        default_value_t = 1.0,
        value_name = "WEIGHT",
        allow_negative_numbers = true
    )]
    weight: f64,

    /// Weight of the numbers' mutual information
    #[arg(
        long,
        default_value_t = 0.1,
        value_name = "WEIGHT",
        allow_negative_numbers = true
    )]
    numbers_weight: f64,

    /// How far pictures are turned, sheared, scaled and moved before the discriminator sees them, so that
    /// none of it makes a kind: 1 is 15°, 0.3, 0.15 and 2 pixels, 0 nothing [default: 1; 0 in the paper's game]
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true)]
    vary: Option<f64>,

    /// Weight of the information that the kinds of real pictures keep as the pictures are varied; without
    /// `--vary` there is none
    #[arg(
        long,
        default_value_t = 1.0,
        value_name = "WEIGHT",
        allow_negative_numbers = true
    )]
    invariance: f64,

    /// Say how many pictures of a kind are of one class by this classifier, as the example `classifier`
    /// trains one
    #[arg(long, value_name = "FILE")]
    classifier: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Game {
    /// The paper's: the non-saturating loss, batch norms in both networks
    Paper,
    /// What the example `images` trains a DCGAN with: relativistic pairs, R1 and R2, no batch norm in the
    /// discriminator
    Relativistic,
}

const RANGE: PixelRange = PixelRange::Symmetric;
const STEPS: usize = 8_000;
const BATCH: usize = 64;
/// In the paper the generator learns faster: it is what has to make codes visible.
const RATES: [f64; 2] = [1e-3, 2e-4];
/// By then a picture is turned by up to 60°: a 6 begins to be a 9.
const MOST_VARIED: f64 = 4.0;
const KIND: &str = "kind";
const NUMBERS: &str = "numbers";
/// How many numbers there are, and to where they are walked; they are drawn from −1 to 1.
const WALKED: usize = 2;
const FAR: f32 = 2.0;
/// Half-life of the generator's average, in images.
const EMA_IMAGES: f64 = 10_000.0;
/// Pictures in a row of a grid.
const COLUMNS: usize = 12;
/// Pictures that the classifier names, in batches of so many.
const NAMED: usize = 10_000;
const AT_ONCE: usize = 100;

fn paper_adam(rate: f64) -> OptimizerConfig {
    OptimizerConfig::adam(rate).with_betas(0.5, 0.999)
}

/// Changes that leave a digit the digit that it is. Not always: what is always done to both sides, a
/// generator need not undo.
fn varied(amount: f64) -> Augmentation {
    Augmentation::Affine(Affine {
        shift: 2.0 * amount,
        rotation: 15.0 * amount,
        scale: 0.15 * amount,
        shear: 0.3 * amount,
        fill: Fill::Edge,
    })
}

fn main() -> ExitCode {
    let args = Args::parse();
    common::main_with(args.common.backend, args)
}

impl Program for Args {
    fn run<B: AutodiffBackend>(self, device: B::Device) -> Result<u8> {
        let pictures = self.pictures.open(RANGE, false)?;
        let image = pictures.dimensions();
        let pictures = pictures.into_labelled()?;
        let prior = Latent::normal(self.noise)
            .with_categorical(KIND, self.kinds)
            .with_continuous(NUMBERS, WALKED);
        let settings = DcganGeneratorConfig::new(prior.dimensions(), image)
            .with_width(self.width)
            .with_hidden(self.hidden);
        let discriminator = DcganDiscriminatorConfig::new(image)
            .with_width(self.width)
            .with_features(self.hidden)
            .with_batch_norm(self.game == Game::Paper);
        let gan = Gan::<_, _, B>::seeded(
            settings.init(&device)?,
            discriminator.init_recovering(&prior, &CodeHeadConfig::new(), &device)?,
            self.common.seed,
            &device,
        );

        let (objective, [generator_adam, discriminator_adam]) = match self.game {
            Game::Paper => (Objective::new(Loss::NonSaturating), RATES.map(paper_adam)),
            Game::Relativistic => {
                let own = ImageNetwork::Dcgan.trainer(STEPS as u64, BATCH, prior.dimensions())?;
                let optimizers = [own.generator_optimizer, own.discriminator_optimizer];
                (own.objective, optimizers)
            }
        };
        let vary = self.vary.unwrap_or(match self.game {
            Game::Paper => 0.0,
            Game::Relativistic => 1.0,
        });
        if !(0.0..=MOST_VARIED).contains(&vary) {
            let problem = format!("must be a number from 0 to {MOST_VARIED}");
            return Err(Error::setting("vary", vary, problem));
        }
        let objective = match vary {
            0.0 => objective,
            amount => objective
                .with_augment(Augment::with_probability(
                    varied(amount),
                    Probability::Fixed(0.8),
                ))
                .with_term(Term::invariant_information(
                    self.invariance,
                    [KIND],
                    varied(amount),
                )),
        };
        let objective = objective
            .with_term(Term::mutual_information(self.weight, [KIND]))
            .with_term(Term::mutual_information(self.numbers_weight, [NUMBERS]));
        let config = (self.common.config(STEPS, BATCH, prior.clone()))
            .with_objective(objective)
            .with_generator_optimizer(generator_adam)
            .with_discriminator_optimizer(discriminator_adam)
            .with_schedule(Schedule::Cosine { floor: 0.1 })
            .with_ema(EmaConfig::half_life(EMA_IMAGES).with_ramp_up(0.05));

        let out = self.common.out();
        let scale = (64 / image[1]).max(1);
        let grid = |latents| {
            SampleGrid::<B>::from_latents(&out, latents, COLUMNS).map(|grid| grid.with_scale(scale))
        };
        let mut kinds = grid(self.of_kinds::<B::InnerBackend>(&prior, &device)?)?;
        let mut walks = (0..WALKED)
            .map(|number| {
                let latents = self.walk::<B::InnerBackend>(&prior, number, &device)?;
                Ok(grid(latents)?.with_name(format!("walk-{}", number + 1)))
            })
            .collect::<Result<Vec<_>>>()?;

        let options = [
            ("kinds", self.kinds.to_string()),
            ("width", self.width.to_string()),
            ("hidden", self.hidden.to_string()),
            ("game", common::name(&self.game)),
            ("vary", vary.to_string()),
        ];
        let mut history = History::new();
        let mut trainer = (self.common.trainer(&config, &options, &out, &device)?)
            .observe(Rhythm::Every(1), Progress::new())
            .observe(Rhythm::Every(10), &mut history)
            .observe(Rhythm::Every(10), JsonLines::new(out.join("log.jsonl")))
            .observe(Rhythm::Every(config.steps.div_ceil(10)), &mut kinds);
        for walk in &mut walks {
            trainer = trainer.observe(Rhythm::AtEnd, walk);
        }
        let run = trainer.run(gan, pictures.samples())?;
        if !common::is_first() {
            return Ok(run.exit_code());
        }

        let saved = out.join("generator.gan");
        SavedGenerator::save(&saved, &settings, &prior, run.state.sampler())?;
        let mut report = (self.common.report(&config))
            .setting("data", self.pictures.data_dir.display().to_string())
            .setting("generator", &settings)
            .file(&saved)
            .files(run.save_weights(&out)?);
        report = walks
            .iter()
            .fold(report, |report, walk| walk.report(report));
        let mut found = String::new();
        if let Some(file) = &self.classifier {
            let generator = run.state.sampler();
            let named = self.named::<B::InnerBackend>(file, &generator, &prior, &device)?;
            report = report.metric("of_one_class", named.share);
            report = report.metric("class_of_each_kind", &named.classes);
            found = format!(
                ", {:.1} % of a kind's pictures are of one class, {} classes",
                100.0 * named.share,
                named.different()
            );
        }
        let report = kinds.report(history.report(run.report(report)));
        let what = format!(
            "{} kinds, {} steps{found}, {:.0} s",
            self.kinds,
            run.state.step,
            run.elapsed.as_secs_f64()
        );
        self.common.finish(&report, &run.ending, what)?;
        Ok(run.exit_code())
    }
}

/// The class that a classifier sees in each kind, and how often it sees that one.
struct Named {
    classes: Vec<usize>,
    share: f64,
}

impl Named {
    /// How many classes have a kind.
    fn different(&self) -> usize {
        let mut classes = self.classes.clone();
        classes.sort_unstable();
        classes.dedup();
        classes.len()
    }
}

impl Args {
    /// Latents of a row of pictures for each kind; the same noise in each row.
    fn of_kinds<B: Backend>(&self, prior: &Latent, device: &B::Device) -> Result<Tensor<B, 2>> {
        let mut stream = Stream::new(self.common.seed, "kinds");
        let row = prior.draw::<B>(COLUMNS, &mut stream, device);
        let rows = (0..self.kinds).map(|kind| self.of_kind(row.clone(), prior, kind));
        Ok(Tensor::cat(rows.collect::<Result<Vec<_>>>()?, 0))
    }

    /// Latents in which one number goes from one end to the other, a row for each kind; noise and the
    /// other numbers are one draw for a row.
    fn walk<B: Backend>(
        &self,
        prior: &Latent,
        number: usize,
        device: &B::Device,
    ) -> Result<Tensor<B, 2>> {
        let mut stream = Stream::new(self.common.seed, "walks");
        let starts = prior.draw::<B>(self.kinds, &mut stream, device);
        let numbers = prior.code(NUMBERS)?;
        let at = |column: usize| FAR * (2.0 * column as f32 / (COLUMNS - 1) as f32 - 1.0);
        let codes: Vec<f32> = (0..COLUMNS)
            .flat_map(|column| (0..WALKED).map(move |k| if k == number { at(column) } else { 0.0 }))
            .collect();
        let codes = Tensor::<B, 1>::from_floats(codes.as_slice(), device);
        let codes = codes.reshape([COLUMNS, WALKED]);
        let rows = (0..self.kinds).map(|kind| {
            let row = starts.clone().narrow(0, kind, 1).repeat_dim(0, COLUMNS);
            self.of_kind(numbers.replace(row, codes.clone()), prior, kind)
        });
        Ok(Tensor::cat(rows.collect::<Result<Vec<_>>>()?, 0))
    }

    /// The same latents with this kind.
    fn of_kind<B: Backend>(
        &self,
        latents: Tensor<B, 2>,
        prior: &Latent,
        kind: usize,
    ) -> Result<Tensor<B, 2>> {
        let one_hot: Vec<f32> = (0..self.kinds).map(|k| f32::from(k == kind)).collect();
        let one_hot = Tensor::<B, 1>::from_floats(one_hot.as_slice(), &latents.device());
        let rows = latents.dims()[0];
        let codes = one_hot.reshape([1, self.kinds]).repeat_dim(0, rows);
        Ok(prior.code(KIND)?.replace(latents, codes))
    }

    /// What a classifier sees in pictures of each kind.
    fn named<B: Backend>(
        &self,
        file: &Path,
        generator: &impl Generator<B, Sample = Tensor<B, 4>, Condition = ()>,
        prior: &Latent,
        device: &B::Device,
    ) -> Result<Named> {
        let saved = SavedClassifier::open(file)?;
        let classifier = saved.restore::<B>(device)?;
        let mut stream = Stream::new(self.common.seed, "named");
        let batches = NAMED.div_ceil(self.kinds * AT_ONCE);
        let mut counts = vec![vec![0usize; classifier.classes()]; self.kinds];
        for (kind, counts) in counts.iter_mut().enumerate() {
            for _ in 0..batches {
                let latents = prior.draw::<B>(AT_ONCE, &mut stream, device);
                let made = generator.generate(self.of_kind(latents, prior, kind)?, &());
                let [_, channels, height, width] = made.dims();
                if [channels, height, width] != classifier.image() {
                    let problem = format!(
                        "was trained on images of {:?}, these have {:?} (channels, height, width)",
                        classifier.image(),
                        [channels, height, width]
                    );
                    return Err(Error::setting("classifier", file.display(), problem));
                }
                let classes = classifier.classify(made).into_data();
                for class in classes.iter::<i64>() {
                    counts[usize::try_from(class).expect("a class")] += 1;
                }
            }
        }
        let best = counts
            .iter()
            .map(|of| (0..of.len()).max_by_key(|class| of[*class]));
        let classes: Vec<usize> = best.map(Option::unwrap_or_default).collect();
        let right: usize = (counts.iter().zip(&classes))
            .map(|(of, class)| of[*class])
            .sum();
        Ok(Named {
            share: right as f64 / (self.kinds * batches * AT_ONCE) as f64,
            classes,
        })
    }
}
