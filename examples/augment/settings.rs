//! What decides a trial.

use burn_gan::Result;
use burn_gan::data::PixelRange;
use burn_gan::models::{ClassifierConfig, DcganDiscriminatorConfig, DcganGeneratorConfig};
use burn_gan::network::{Affine, Augmentation, DiffAugment, Fill};
use burn_gan::objective::Augment;
use burn_gan::prelude::*;
use burn_gan::train::ClassifierTraining;
use clap::ValueEnum;
use clap::builder::RangedU64ValueParser;
use serde::Serialize;

use crate::common::Common;
use crate::data::Sets;

/// How few samples there are, and what is made of them.
#[derive(Debug, Clone, clap::Args, Serialize)]
pub struct Study {
    /// Real samples that are kept of each class
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    pub per_class: usize,

    /// What the GAN's discriminator sees
    #[arg(long, value_enum, default_value_t = GanKind::Leaking, value_name = "NAME")]
    pub gan: GanKind,

    /// Generated samples of each class
    #[arg(long, default_value_t = 1_000, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    pub samples: usize,

    /// Which generated samples are kept
    #[arg(long, value_enum, default_value_t = Choice::All, value_name = "NAME")]
    pub choose: Choice,

    /// Teach the classifier what one that was trained on real samples sees in generated ones, not
    /// the class that they were generated for
    #[arg(long)]
    pub soft_labels: bool,

    /// How much generated samples count beside real ones
    #[arg(
        long,
        default_value_t = 1.0,
        value_name = "WEIGHT",
        allow_negative_numbers = true
    )]
    pub weight: f64,

    /// How much they count beside real ones that are classically augmented
    #[arg(
        long,
        default_value_t = 0.3,
        value_name = "WEIGHT",
        allow_negative_numbers = true
    )]
    pub weight_both: f64,

    /// Largest shift of classical augmentation, in pixels [default: a fourteenth of the side]
    #[arg(long, value_name = "PIXELS", allow_negative_numbers = true)]
    pub shift: Option<f64>,

    /// Largest rotation, in degrees
    #[arg(
        long,
        default_value_t = 12.0,
        value_name = "DEGREES",
        allow_negative_numbers = true
    )]
    pub rotation: f64,

    /// Largest growth
    #[arg(
        long,
        default_value_t = 0.1,
        value_name = "SHARE",
        allow_negative_numbers = true
    )]
    pub scale: f64,

    /// Largest shear
    #[arg(
        long,
        default_value_t = 0.1,
        value_name = "SHARE",
        allow_negative_numbers = true
    )]
    pub shear: f64,

    /// Channels of the GAN's networks at half the full size
    #[arg(long, default_value_t = 32, value_name = "N")]
    pub width: usize,

    /// Weight γ of its R1 penalty
    #[arg(
        long,
        default_value_t = 1.0,
        value_name = "GAMMA",
        allow_negative_numbers = true
    )]
    pub gamma: f64,

    /// Its learning rate
    #[arg(
        long,
        default_value_t = 1e-3,
        value_name = "RATE",
        allow_negative_numbers = true
    )]
    pub rate: f64,

    /// Its batch
    #[arg(long, default_value_t = 32, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    pub batch: usize,

    /// Steps of each classifier
    #[arg(long, default_value_t = 4_000, value_name = "N", value_parser = RangedU64ValueParser::<u64>::new().range(1..))]
    pub classifier_steps: u64,

    /// Channels of the classifier at full size
    #[arg(long, default_value_t = 16, value_name = "N")]
    pub classifier_width: usize,

    /// Its dropout
    #[arg(
        long,
        default_value_t = 0.5,
        value_name = "SHARE",
        allow_negative_numbers = true
    )]
    pub dropout: f64,

    /// Its weight decay
    #[arg(
        long,
        default_value_t = 1e-3,
        value_name = "DECAY",
        allow_negative_numbers = true
    )]
    pub weight_decay: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GanKind {
    /// Real samples classically augmented, generated ones as they are: the generator learns the
    /// augmented distribution
    Leaking,
    /// Both as they are
    Plain,
    /// Both changed by DiffAugment's shifts and cutout: the generator learns the samples' own
    /// distribution
    DiffAugment,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// All
    All,
    /// Those in which a classifier that was trained on classically augmented real samples sees the
    /// class that they were generated for
    Agreed,
    /// The half that the discriminator takes for real most
    Best,
}

/// The values of pixels, those of generators that end in tanh.
pub const RANGE: PixelRange = PixelRange::Symmetric;
/// Digits have no colours to change.
const POLICY: DiffAugment = DiffAugment {
    color: false,
    ..DiffAugment::ALL
};
const LATENT: usize = 64;
/// What the class is projected on. On the convolutions' own numbers, thousands, 94.6 % of samples were of
/// the class asked for in the place of 96.7 % (one trial), and a class has as many weights.
const FEATURES: usize = 128;
const STEPS: usize = 4_000;
/// Half-life of the generator's average, in steps.
const EMA_STEPS: f64 = 140.0;
/// Images of a classifier's batch.
const CLASSIFIER_BATCH: usize = 32;
/// R1 is measured at every fourth step.
const R1_EVERY: usize = 4;

impl Study {
    /// Refuses what no trial can be made with before the first is begun.
    pub fn validate(&self, sets: &Sets) -> Result<()> {
        self.augmentation(sets).validate()?;
        self.classifier(sets).validate()?;
        self.generator(sets).validate()?;
        self.discriminator(sets).validate()
    }

    /// Steps of the GAN.
    pub fn steps(&self, common: &Common) -> usize {
        common.steps.unwrap_or(STEPS)
    }

    pub fn latent(&self) -> Latent {
        Latent::normal(LATENT)
    }

    /// Classical augmentation.
    pub fn augmentation(&self, sets: &Sets) -> Augmentation {
        let [_, height, width] = sets.image;
        let side = height.min(width);
        Augmentation::Affine(Affine {
            shift: self.shift.unwrap_or(side as f64 / 14.0),
            rotation: self.rotation,
            scale: self.scale,
            shear: self.shear,
            fill: Fill::Edge,
        })
    }

    pub fn generator(&self, sets: &Sets) -> DcganGeneratorConfig {
        DcganGeneratorConfig::new(LATENT, sets.image).with_width(self.width)
    }

    pub fn discriminator(&self, sets: &Sets) -> DcganDiscriminatorConfig {
        // A penalty per sample forbids batch norms, which mix them.
        DcganDiscriminatorConfig::new(sets.image)
            .with_width(self.width)
            .with_batch_norm(false)
            .with_features(FEATURES)
    }

    /// The GAN's run, on so many samples.
    pub fn config(&self, common: &Common, sets: &Sets, samples: usize) -> TrainerConfig {
        let r1 = Term::r1(self.gamma).every(R1_EVERY);
        let objective = Objective::new(Loss::NonSaturating).with_term(r1);
        let objective = match self.gan {
            GanKind::Leaking => objective.with_augment_real(self.augmentation(sets)),
            GanKind::Plain => objective,
            GanKind::DiffAugment => objective.with_augment(Augment::diff_augment(POLICY)),
        };
        let batch = self.batch.min(samples);
        let optimizer = OptimizerConfig::adam(self.rate).with_betas(0.0, 0.99);
        (common.config(STEPS, batch, self.latent()))
            .with_objective(objective)
            .with_optimizers(optimizer)
            .with_schedule(Schedule::Cosine { floor: 0.1 })
            .with_ema(EmaConfig::half_life(EMA_STEPS * batch as f64).with_ramp_up(0.05))
    }

    pub fn classifier(&self, sets: &Sets) -> ClassifierConfig {
        ClassifierConfig::for_few(sets.image, sets.classes.len())
            .with_width(self.classifier_width)
            .with_pixels(RANGE)
            .with_dropout(self.dropout)
    }

    /// How a classifier is trained on so many samples; without augmentation.
    pub fn training(&self, seed: u64, samples: usize) -> ClassifierTraining {
        ClassifierTraining::new(self.classifier_steps)
            .with_seed(seed)
            .with_batch_size(CLASSIFIER_BATCH.min(samples))
            .with_optimizer(OptimizerConfig::adam_w(2e-3, self.weight_decay).with_betas(0.9, 0.999))
            .with_augmentation(None)
    }
}
