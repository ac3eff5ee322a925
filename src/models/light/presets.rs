//! The paper's networks and how they were trained.

use serde::Serialize;

use super::{LightDiscriminatorConfig, LightGeneratorConfig};
use crate::error::Result;
use crate::latent::Latent;
use crate::network::DiffAugment;
use crate::objective::{Augment, Objective};
use crate::settings::settings;
use crate::step::{EmaConfig, OptimizerConfig};
use crate::train::TrainerConfig;

/// Components of a latent, and the generator's channels at a height of 4.
const LATENT: usize = 256;
const WIDEST: usize = 1_024;
/// DiffAugment without squares that are cut out.
const POLICY: DiffAugment = DiffAugment {
    color: true,
    translation: true,
    cutout: false,
};

settings! {
/// FastGAN's settings for few images, by the images' side.
///
/// ```text
/// generator        latents of 256 components, 1,024 channels at a height of 4, excitation over 16 times
/// objective        hinge, reconstruction of weight 1 (Objective::few_shot)
/// augmentation     DiffAugment: colours and translation
/// Adam             2·10⁻⁴, β 0.5 and 0.999, both networks
/// batch            8
/// average          decay 0.999 a step
/// ```
///
/// The discriminator is this crate's ([`LightDiscriminatorConfig`]) with its default width. The paper's
/// program draws the hinge's margins from [0.8, 1]; here they are 1.
///
/// Liu, Zhu, Song, Elgammal 2021, arXiv:2101.04775.
///
/// ```
/// use burn_gan::models::LightPreset;
///
/// let preset = LightPreset::Px256;
/// let generator = preset.generator().with_widest(64);
/// let config = preset.trainer(10_000)?;
/// assert_eq!((generator.latent, config.batches.batch_size), (256, 8));
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LightPreset {
    /// Colour images of 256×256.
    Px256,
    /// Colour images of 1024×1024.
    Px1024,
}
}

impl LightPreset {
    /// Every preset.
    pub const ALL: [Self; 2] = [Self::Px256, Self::Px1024];

    fn image(self) -> [usize; 3] {
        let side = match self {
            Self::Px256 => 256,
            Self::Px1024 => 1_024,
        };
        [3, side, side]
    }

    /// The generator's settings.
    pub fn generator(self) -> LightGeneratorConfig {
        LightGeneratorConfig::new(LATENT, self.image()).with_widest(WIDEST)
    }

    /// The discriminator's settings.
    pub fn discriminator(self) -> LightDiscriminatorConfig {
        LightDiscriminatorConfig::new(self.image())
    }

    /// The settings of a run of `steps` steps.
    ///
    /// # Errors
    /// If there are no steps.
    pub fn trainer(self, steps: u64) -> Result<TrainerConfig> {
        let augment = Augment::diff_augment(POLICY);
        let config = TrainerConfig::new(steps, 8, Latent::normal(LATENT))
            .with_objective(Objective::few_shot().with_augment(augment))
            .with_optimizers(OptimizerConfig::adam(2e-4).with_betas(0.5, 0.999))
            .with_ema(EmaConfig::decay(0.999));
        config.validate()?;
        Ok(config)
    }
}
