//! The papers' networks and how they were trained.

use serde::Serialize;

use super::{StyleGan2DiscriminatorConfig, StyleGan2GeneratorConfig};
use crate::error::{Result, check};
use crate::latent::Latent;
use crate::network::ConditionRule;
use crate::objective::{Objective, TermKind};
use crate::settings::settings;
use crate::step::{EmaConfig, OptimizerConfig};
use crate::train::TrainerConfig;

/// Components of a latent.
const LATENT: usize = 512;
/// The share of the samples shown so far that the average remembers at the most, where it is limited.
const RAMP_UP: f64 = 0.05;

settings! {
/// The papers' settings of StyleGAN2, by the data that they were made for.
///
/// | preset | mapping layers | batch | group of the minibatch deviation | learning rate | γ | path lengths, mixing | half-life | samples |
/// |---|---|---|---|---|---|---|---|---|
/// | FFHQ, 1024×1024 | 8 | 32 | 4 | 0.002 | 10 | 2, 0.9 | 10,000 | 25 M |
/// | CIFAR-10, 32×32, 10 classes | 2 | 64 | 32 | 0.0025 | 0.01 | none, 0 | 500,000, up to 0.05 of the run | 100 M |
///
/// The first is configuration F of Karras et al. 2019, arXiv:1912.04958, the other is of Karras et al.
/// 2020, arXiv:2006.06676. Half-life (of the generator's average) and samples are in images. These are days
/// of many accelerators: `with_base` and `with_widest` of the networks make small ones of them.
///
/// ```
/// use burn_gan::models::StyleGan2Preset;
///
/// let preset = StyleGan2Preset::Cifar10;
/// let generator = preset.generator().with_widest(32);
/// let config = preset.training().trainer(10_000)?;
/// assert_eq!((generator.latent, config.batches.batch_size), (512, 64));
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StyleGan2Preset {
    /// FFHQ at 1024×1024: the paper's configuration F.
    Ffhq1024,
    /// CIFAR-10, 32×32; conditioned on its 10 classes or not.
    Cifar10,
}
}

impl StyleGan2Preset {
    /// Every preset.
    pub const ALL: [Self; 2] = [Self::Ffhq1024, Self::Cifar10];

    fn image(self) -> [usize; 3] {
        let side = match self {
            Self::Ffhq1024 => 1_024,
            Self::Cifar10 => 32,
        };
        [3, side, side]
    }

    /// The number of classes, where the networks can be conditioned on them.
    pub fn classes(self) -> Option<usize> {
        match self {
            Self::Ffhq1024 => None,
            Self::Cifar10 => Some(10),
        }
    }

    /// The generator's settings; `init_conditional` makes it where there are
    /// [classes](Self::classes).
    pub fn generator(self) -> StyleGan2GeneratorConfig {
        match self {
            Self::Ffhq1024 => StyleGan2GeneratorConfig::paper(self.image()),
            Self::Cifar10 => StyleGan2GeneratorConfig::cifar(),
        }
    }

    /// The discriminator's settings; `init_conditional` makes it where there are
    /// [classes](Self::classes).
    pub fn discriminator(self) -> StyleGan2DiscriminatorConfig {
        match self {
            Self::Ffhq1024 => StyleGan2DiscriminatorConfig::paper(self.image()),
            Self::Cifar10 => StyleGan2DiscriminatorConfig::cifar(),
        }
    }

    /// How it was trained.
    pub fn training(self) -> StyleGan2Training {
        let [_, side, _] = self.image();
        match self {
            Self::Ffhq1024 => StyleGan2Training::new(32, side)
                .with_gamma(10.0)
                .with_ramp_up(None),
            Self::Cifar10 => StyleGan2Training::new(64, side)
                .with_gamma(0.01)
                .with_path_lengths(false)
                .with_style_mixing(0.0)
                .with_half_life(500_000.0),
        }
    }
}

settings! {
/// How StyleGAN2 is trained.
///
/// ```text
/// loss             non-saturating
/// R1               weight γ, every 16th step of the discriminator
/// path lengths     weight 2, every 4th step of the generator
/// Adam             β 0 and 0.99, ε = 10⁻⁸, both networks at the same rate
/// styles           of two latents in so many samples
/// average          half-life in images, at most a share of those shown
/// labels           of generated samples by their frequencies in the data
/// ```
///
/// Nothing moves over the run. For few images add ADA to
/// [the trainer's objective](TrainerConfig::objective): `with_augment(Augment::ada(500_000.0))`. What the
/// paper's program does otherwise: optimiser steps of their own for R1 and path lengths, with Adam's numbers
/// corrected for them (see [`Objective::stylegan2`]); path lengths of half a batch; one place for a whole
/// batch at which styles are mixed.
///
/// ```
/// use burn_gan::models::StyleGan2Training;
///
/// // A small run: images of 32×32 in batches of 32, γ by the papers' rule of thumb.
/// let training = StyleGan2Training::new(32, 32);
/// assert!((training.gamma - 0.0064).abs() < 1e-12);
/// let config = training.trainer(4_000)?;
/// assert_eq!(config.style_mixing, 0.9);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct StyleGan2Training {
    /// Images of a batch.
    pub batch: usize,
    /// γ of R1.
    pub gamma: f64,
    /// Adam's learning rate of both networks.
    pub learning_rate: f64,
    /// Whether path lengths are regularised.
    pub path_lengths: bool,
    /// In which share of the generated samples the styles of two latents are mixed.
    pub style_mixing: f64,
    /// The half-life of the generator's average, in images.
    pub half_life: f64,
    /// The share of the images shown so far that the half-life is at the most; none for no limit.
    pub ramp_up: Option<f64>,
}
}

impl StyleGan2Training {
    /// The settings of arXiv:2006.06676 for batches of any size and images of any side: γ =
    /// 0.0002·side²/batch, a learning rate of 0.0025 below 1,024 pixels and 0.002 from there on, styles
    /// mixed in nine samples of ten, and an average of 10,000 images for each 32 of a batch, at most 0.05
    /// of those shown.
    pub fn new(batch: usize, side: usize) -> Self {
        Self {
            batch,
            gamma: 0.0002 * (side as f64).powi(2) / batch as f64,
            learning_rate: if side < 1_024 { 0.0025 } else { 0.002 },
            path_lengths: true,
            style_mixing: 0.9,
            half_life: 10_000.0 * batch as f64 / 32.0,
            ramp_up: Some(RAMP_UP),
        }
    }

    /// γ of R1.
    pub fn with_gamma(mut self, gamma: f64) -> Self {
        self.gamma = gamma;
        self
    }

    /// Adam's learning rate of both networks.
    pub fn with_learning_rate(mut self, learning_rate: f64) -> Self {
        self.learning_rate = learning_rate;
        self
    }

    /// Whether path lengths are regularised.
    pub fn with_path_lengths(mut self, path_lengths: bool) -> Self {
        self.path_lengths = path_lengths;
        self
    }

    /// In which share of the generated samples the styles of two latents are mixed.
    pub fn with_style_mixing(mut self, probability: f64) -> Self {
        self.style_mixing = probability;
        self
    }

    /// The half-life of the generator's average, in images.
    pub fn with_half_life(mut self, images: f64) -> Self {
        self.half_life = images;
        self
    }

    /// The share of the images shown so far that the half-life is at the most.
    pub fn with_ramp_up(mut self, share: impl Into<Option<f64>>) -> Self {
        self.ramp_up = share.into();
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// If the batch is 0; γ, the learning rate, the half-life or the share are not above 0; or the
    /// probability of mixing is not in [0, 1].
    pub fn validate(&self) -> Result<()> {
        check::at_least("batch", self.batch, 1)?;
        check::positive("gamma", self.gamma)?;
        check::positive("learning_rate", self.learning_rate)?;
        check::at_most_one("style_mixing", self.style_mixing)?;
        check::positive("half_life", self.half_life)?;
        match self.ramp_up {
            Some(share) => check::positive("ramp_up", share),
            None => Ok(()),
        }
    }

    /// The settings of a run of `steps` steps.
    ///
    /// # Errors
    /// As [`validate`](Self::validate), or if there are no steps.
    pub fn trainer(&self, steps: u64) -> Result<TrainerConfig> {
        self.validate()?;
        let mut objective = Objective::stylegan2(self.gamma);
        if !self.path_lengths {
            (objective.terms).retain(|term| matches!(term.kind, TermKind::R1));
        }
        let average = EmaConfig::half_life(self.half_life);
        let average = match self.ramp_up {
            Some(share) => average.with_ramp_up(share),
            None => average,
        };
        let adam = OptimizerConfig::adam(self.learning_rate).with_betas(0.0, 0.99);
        let config = TrainerConfig::new(steps, self.batch, Latent::normal(LATENT))
            .with_objective(objective)
            .with_optimizers(adam.with_epsilon(1e-8))
            .with_style_mixing(self.style_mixing)
            .with_conditions(ConditionRule::Frequencies)
            .with_ema(average);
        config.validate()?;
        Ok(config)
    }
}
