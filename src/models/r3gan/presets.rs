//! The paper's networks and how they were trained.

use serde::Serialize;

use super::{R3ganDiscriminatorConfig, R3ganGeneratorConfig};
use crate::error::{Result, check};
use crate::latent::Latent;
use crate::network::ConditionRule;
use crate::objective::{Ada, Augment, Objective, Probability, Transformations};
use crate::settings::settings;
use crate::step::{EmaConfig, OptimizerConfig};
use crate::train::{Ramp, TrainerConfig};

/// Components of a latent.
const LATENT: usize = 64;

settings! {
/// The paper's settings, by the data that they were made for.
///
/// | preset | widths from 4×4 up | channels of a group | parameters of generator, discriminator | γ | p | half-life | decay | batch |
/// |---|---|---|---|---|---|---|---|---|
/// | CIFAR-10, 10 classes | 768 ×4 | 16 | 20.8 M, 21.3 M | 0.05 → 0.005 | 0.55 | 5 M | 20 M | 512 |
/// | FFHQ, 64×64 | 768 ×4, 384 | 16 | 22.4 M, 22.4 M | 2 → 0.2 | 0.3 | 500,000 | 20 M | 256 |
/// | FFHQ, 256×256 | 768 ×4, 384, 192, 96 | 16 | 23.1 M, 23.0 M | 150 → 15 | 0.3 | 500,000 | 20 M | 256 |
/// | ImageNet, 32×32, 1,000 classes | 1536 ×4 | 32 | 82.9 M, 86.5 M | 0.5 → 0.05 | 0.5 | 50 M | 200 M | 4096 |
/// | ImageNet, 64×64, 1,000 classes | 1536 ×5 | 32 | 103.6 M, 107.2 M | 1 → 0.1 | 0.4 | 50 M | 200 M | 4096 |
///
/// Two blocks a stage, expansion 2, latents of 64 components. p is the probability of an augmentation at
/// the end; half-life (of the generator's average) and decay are in images. A step of the
/// smallest takes two CPU cores one to two seconds an image: [`R3ganGeneratorConfig::new`] is one to train
/// there.
///
/// Huang, Gokaslan, Kuleshov, Tompkin 2024, arXiv:2501.05441.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum R3ganPreset {
    /// CIFAR-10, 32×32, conditioned on its 10 classes.
    Cifar10,
    /// FFHQ at 64×64.
    Ffhq64,
    /// FFHQ at 256×256.
    Ffhq256,
    /// ImageNet at 32×32, conditioned on its 1,000 classes.
    ImageNet32,
    /// ImageNet at 64×64, conditioned on its 1,000 classes.
    ImageNet64,
}
}

impl R3ganPreset {
    /// Every preset.
    pub const ALL: [Self; 5] = [
        Self::Cifar10,
        Self::Ffhq64,
        Self::Ffhq256,
        Self::ImageNet32,
        Self::ImageNet64,
    ];

    /// Channels of each stage, from 4×4 up.
    fn widths(self) -> Vec<usize> {
        match self {
            Self::Cifar10 => vec![768; 4],
            Self::Ffhq64 => vec![768, 768, 768, 768, 384],
            Self::Ffhq256 => vec![768, 768, 768, 768, 384, 192, 96],
            Self::ImageNet32 => vec![1536; 4],
            Self::ImageNet64 => vec![1536; 5],
        }
    }

    fn group_width(self) -> usize {
        match self {
            Self::ImageNet32 | Self::ImageNet64 => 32,
            Self::Cifar10 | Self::Ffhq64 | Self::Ffhq256 => 16,
        }
    }

    fn image(self) -> [usize; 3] {
        let side = 4 << (self.widths().len() - 1);
        [3, side, side]
    }

    /// The number of classes, where the networks are conditioned on them.
    pub fn classes(self) -> Option<usize> {
        match self {
            Self::Cifar10 => Some(10),
            Self::Ffhq64 | Self::Ffhq256 => None,
            Self::ImageNet32 | Self::ImageNet64 => Some(1_000),
        }
    }

    /// The generator's settings; `init_conditional` makes it where there are
    /// [classes](Self::classes).
    pub fn generator(self) -> R3ganGeneratorConfig {
        R3ganGeneratorConfig::new(LATENT, self.image())
            .with_widths(self.widths())
            .with_blocks(2)
            .with_group_width(self.group_width())
    }

    /// The discriminator's settings; `init_projected` makes it where there are
    /// [classes](Self::classes).
    pub fn discriminator(self) -> R3ganDiscriminatorConfig {
        R3ganDiscriminatorConfig::new(self.image())
            .with_widths(self.widths())
            .with_blocks(2)
            .with_group_width(self.group_width())
    }

    /// How it was trained.
    pub fn training(self) -> R3ganTraining {
        let (gamma, augment, half_life, decay, batch) = match self {
            Self::Cifar10 => (0.05, 0.55, 5e6, 20_000_000, 512),
            Self::Ffhq64 => (2.0, 0.3, 5e5, 20_000_000, 256),
            Self::Ffhq256 => (150.0, 0.3, 5e5, 20_000_000, 256),
            Self::ImageNet32 => (0.5, 0.5, 5e7, 200_000_000, 4_096),
            Self::ImageNet64 => (1.0, 0.4, 5e7, 200_000_000, 4_096),
        };
        R3ganTraining {
            batch,
            decay,
            gamma,
            augment,
            half_life,
        }
    }
}

settings! {
/// How R3GAN is trained: all that moves, moves along half a cosine until so many images were seen, and
/// then stays.
///
/// ```text
/// learning rates   2·10⁻⁴ → 5·10⁻⁵        Adam, β₁ = 0, ε = 10⁻⁸
/// β₂               0.9 → 0.99
/// γ of R1 and R2   γ → γ/10
/// p of ADA         0 → augment
/// half-life        0 → half_life
/// ```
///
/// The loss is the relativistic one in pairs, with R1 and R2 in each step
/// ([`Objective::r3gan`](crate::objective::Objective::r3gan)). Generated samples have the conditions of the
/// real ones that they are compared with ([`ConditionRule::Real`]). Mirror the data set. A difference from the
/// paper: the generator's step is compared with the discriminator's real batch, not with one of its own.
///
/// ```
/// use burn_gan::models::R3ganTraining;
///
/// // A small run: 200,000 images of 32×32, in batches of 64.
/// let training = R3ganTraining::new(64, 200_000, 0.5);
/// let config = training.trainer(4_000)?;
/// assert_eq!(config.ramps.len(), 8);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct R3ganTraining {
    /// Images of a batch.
    pub batch: usize,
    /// Images until everything is at its end.
    pub decay: u64,
    /// γ at the beginning, of R1 and R2; the smaller the images and the more alike, the smaller: 0.05 for
    /// CIFAR-10, 150 for faces at 256×256.
    pub gamma: f64,
    /// The probability p of ADA's transformations at the end; 0 for no augmentation.
    pub augment: f64,
    /// The half-life of the generator's average at the end, in images.
    pub half_life: f64,
}
}

impl R3ganTraining {
    /// For `decay` images in all, or until everything is at its end: augmentation up to 0.3, and an
    /// average that remembers a fortieth of them, as for the paper's faces.
    pub fn new(batch: usize, decay: u64, gamma: f64) -> Self {
        Self {
            batch,
            decay,
            gamma,
            augment: 0.3,
            half_life: decay as f64 / 40.0,
        }
    }

    /// The probability of ADA's transformations at the end.
    pub fn with_augment(mut self, probability: f64) -> Self {
        self.augment = probability;
        self
    }

    /// The half-life of the generator's average at the end, in images.
    pub fn with_half_life(mut self, images: f64) -> Self {
        self.half_life = images;
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// If the batch or the decay is 0, γ or the half-life is not above 0, or the probability is not in
    /// [0, 1).
    pub fn validate(&self) -> Result<()> {
        check::at_least("batch", self.batch, 1)?;
        check::positive("decay", self.decay as f64)?;
        check::positive("gamma", self.gamma)?;
        check::below_one("augment", self.augment)?;
        check::positive("half_life", self.half_life)
    }

    /// The settings of a run of `steps` steps.
    ///
    /// # Errors
    /// As [`validate`](Self::validate), or if there are no steps.
    pub fn trainer(&self, steps: u64) -> Result<TrainerConfig> {
        self.validate()?;
        let decay = self.decay.div_ceil(self.batch as u64);
        let mut objective = Objective::r3gan(self.gamma);
        let mut ramps = Vec::new();
        for optimizer in ["generator_optimizer", "discriminator_optimizer"] {
            ramps.push((format!("{optimizer}.learning_rate"), 5e-5));
            ramps.push((format!("{optimizer}.beta_2"), 0.99));
        }
        for term in 0..2 {
            ramps.push((format!("objective.terms[{term}].weight"), self.gamma / 10.0));
        }
        ramps.push(("ema.samples".to_owned(), self.half_life));
        if self.augment > 0.0 {
            let ada = Ada::new(Probability::Fixed(0.0));
            let ada = ada.with_transformations(Transformations::R3GAN);
            objective = objective.with_augment(Augment::Ada(ada));
            let setting = "objective.augment.ada.probability.fixed".to_owned();
            ramps.push((setting, self.augment));
        }
        let mut config = TrainerConfig::new(steps, self.batch, Latent::normal(LATENT))
            .with_objective(objective)
            .with_conditions(ConditionRule::Real)
            .with_optimizers(OptimizerConfig::adam(2e-4).with_betas(0.0, 0.9))
            .with_ema(EmaConfig::half_life(0.0));
        for (setting, to) in ramps {
            config = config.with_ramp(Ramp::cosine(setting, to, decay));
        }
        config.validate()?;
        Ok(config)
    }
}
