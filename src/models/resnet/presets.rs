//! The papers' residual pairs and how they were trained.

use serde::Serialize;

use super::{ResNetDiscriminatorConfig, ResNetGeneratorConfig, ResNetInit};
use crate::error::Result;
use crate::latent::Latent;
use crate::network::{ConditionRule, Network};
use crate::objective::{Loss, Objective, Term};
use crate::settings::settings;
use crate::step::{EmaConfig, OptimizerConfig};
use crate::train::{Schedule, TrainerConfig};

settings! {
/// The papers' settings of the residual pair, by the data that they were made for.
///
/// | preset | classes | latent | batch | learning rates of generator, discriminator | Adam's β | discriminator's steps | steps | average |
/// |---|---|---|---|---|---|---|---|---|
/// | SNGAN, CIFAR-10, 32×32 | none | 128 | 64 | 2·10⁻⁴, 2·10⁻⁴, linear to 0 | 0, 0.9 | 5 | 50,000 | none |
/// | SNGAN, dogs and cats of ImageNet, 64×64 | 143 | 128 | 64 | 2·10⁻⁴, 2·10⁻⁴, linear to 0 in the last fifth | 0, 0.9 | 5 | 250,000 | none |
/// | SAGAN, ImageNet, 128×128 | 1,000 | 128 | 256 | 10⁻⁴, 4·10⁻⁴ | 0, 0.9 | 1 | 1,000,000 | none |
/// | BigGAN, CIFAR-10, 32×32 | 10 | 128, in 4 parts | 50 | 2·10⁻⁴, 2·10⁻⁴ | 0, 0.999 | 4 | 125,000 | 0.9999 |
/// | BigGAN, ImageNet, 128×128 | 1,000 | 120, in 6 parts | 2,048 | 5·10⁻⁵, 2·10⁻⁴ | 0, 0.999 | 2 | 150,000 | 0.9999 |
/// | BigGAN-deep, ImageNet, 128×128 | 1,000 | 128 | 2,048 | 5·10⁻⁵, 2·10⁻⁴ | 0, 0.999 | 2 | 150,000 | 0.9999 |
///
/// All have the hinge loss and spectral norms, SNGAN's in the discriminator alone. BigGAN regularises its
/// generator towards orthogonal filters, β = 10⁻⁴, so that truncation works. The numbers of steps are of the
/// generator; those of SAGAN and BigGAN are where the papers' runs had their best scores, about.
/// SNGAN's program gives its generator batches of 128 for CIFAR-10; here both networks have the batch.
///
/// Where there are classes, generated samples are of classes drawn uniformly
/// ([`ConditionRule::Uniform`]), as in the papers' programs. SNGAN's settings for ImageNet at 128×128 are
/// not here: its program says them for each of a number of processes that it does not say.
///
/// The large ones are days of many accelerators; `with_width` and `with_channels` of their networks make
/// small ones of them.
///
/// Miyato et al. 2018, arXiv:1802.05957; Zhang et al. 2018, arXiv:1805.08318; Brock, Donahue, Simonyan 2018,
/// arXiv:1809.11096.
///
/// ```
/// use burn_gan::models::ResNetPreset;
///
/// let preset = ResNetPreset::SnganCifar10;
/// let generator = preset.generator().with_width(32);
/// let config = preset.trainer(10_000)?;
/// assert_eq!((generator.latent, config.discriminator_steps), (128, 5));
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ResNetPreset {
    /// SNGAN's for CIFAR-10, without classes.
    SnganCifar10,
    /// SNGAN's with a projection for the 143 classes of dogs and cats in ImageNet, at 64×64.
    Sngan64,
    /// SAGAN's for ImageNet at 128×128.
    Sagan128,
    /// BigGAN's for CIFAR-10.
    BigganCifar10,
    /// BigGAN's for ImageNet at 128×128.
    Biggan128,
    /// BigGAN-deep's for ImageNet at 128×128.
    BigganDeep128,
}
}

impl ResNetPreset {
    /// Every preset.
    pub const ALL: [Self; 6] = [
        Self::SnganCifar10,
        Self::Sngan64,
        Self::Sagan128,
        Self::BigganCifar10,
        Self::Biggan128,
        Self::BigganDeep128,
    ];

    fn image(self) -> [usize; 3] {
        match self {
            Self::SnganCifar10 | Self::BigganCifar10 => [3, 32, 32],
            Self::Sngan64 => [3, 64, 64],
            Self::Sagan128 | Self::Biggan128 | Self::BigganDeep128 => [3, 128, 128],
        }
    }

    fn latent(self) -> usize {
        match self {
            Self::Biggan128 => 120,
            _ => 128,
        }
    }

    /// The number of classes, where the networks are conditioned on them.
    pub fn classes(self) -> Option<usize> {
        match self {
            Self::SnganCifar10 => None,
            Self::Sngan64 => Some(143),
            Self::BigganCifar10 => Some(10),
            Self::Sagan128 | Self::Biggan128 | Self::BigganDeep128 => Some(1_000),
        }
    }

    /// The generator's settings; `init_conditional` makes it where there are [classes](Self::classes).
    pub fn generator(self) -> ResNetGeneratorConfig {
        let (latent, image) = (self.latent(), self.image());
        match self {
            Self::SnganCifar10 | Self::Sngan64 => ResNetGeneratorConfig::new(latent, image),
            Self::Sagan128 => ResNetGeneratorConfig::new(latent, image)
                .with_spectral_norm(true)
                .with_attention(32),
            Self::BigganCifar10 => ResNetGeneratorConfig::big(latent, image).with_init(SMALL),
            Self::Biggan128 => ResNetGeneratorConfig::big(latent, image),
            Self::BigganDeep128 => ResNetGeneratorConfig::big_deep(latent, image),
        }
    }

    /// The discriminator's settings; `init_projected` makes it where there are [classes](Self::classes).
    pub fn discriminator(self) -> ResNetDiscriminatorConfig {
        let image = self.image();
        match self {
            Self::SnganCifar10 | Self::Sngan64 => ResNetDiscriminatorConfig::new(image),
            Self::Sagan128 => ResNetDiscriminatorConfig::new(image).with_attention(32),
            Self::BigganCifar10 => ResNetDiscriminatorConfig::big(image).with_init(SMALL),
            Self::Biggan128 => ResNetDiscriminatorConfig::big(image),
            Self::BigganDeep128 => ResNetDiscriminatorConfig::big_deep(image),
        }
    }

    /// The settings of a run of `steps` steps; where there are [classes](Self::classes), with generated
    /// samples of all of them alike.
    ///
    /// # Errors
    /// If there are no steps.
    pub fn trainer(self, steps: u64) -> Result<TrainerConfig> {
        let hinge = Objective::new(Loss::Hinge);
        let (batch, rates, beta_2, discriminator_steps) = match self {
            Self::SnganCifar10 | Self::Sngan64 => (64, [2e-4; 2], 0.9, 5),
            Self::Sagan128 => (256, [1e-4, 4e-4], 0.9, 1),
            Self::BigganCifar10 => (50, [2e-4; 2], 0.999, 4),
            Self::Biggan128 | Self::BigganDeep128 => (2_048, [5e-5, 2e-4], 0.999, 2),
        };
        let adam = |rate: f64| {
            OptimizerConfig::adam(rate)
                .with_betas(0.0, beta_2)
                .with_epsilon(match self {
                    Self::SnganCifar10 | Self::Sngan64 | Self::Sagan128 => 1e-8,
                    _ => 1e-6,
                })
        };
        let mut config = TrainerConfig::new(steps, batch, Latent::normal(self.latent()))
            .with_generator_optimizer(adam(rates[0]))
            .with_discriminator_optimizer(adam(rates[1]))
            .with_discriminator_steps(discriminator_steps);
        config = match self {
            Self::SnganCifar10 => config
                .with_objective(hinge)
                .with_schedule(Schedule::Linear { floor: 0.0 }),
            // 50,000 of 250,000 steps.
            Self::Sngan64 => config
                .with_objective(hinge)
                .with_schedule(Schedule::LinearAfter {
                    from: 0.8,
                    floor: 0.0,
                }),
            Self::Sagan128 => config.with_objective(hinge),
            Self::BigganCifar10 => config.with_objective(hinge).with_ema(average()),
            Self::Biggan128 | Self::BigganDeep128 => config
                .with_objective(hinge.with_term(Term::orthogonal(1e-4, Network::Generator)))
                .with_ema(average()),
        };
        if self.classes().is_some() {
            config = config.with_conditions(ConditionRule::Uniform);
        }
        config.validate()?;
        Ok(config)
    }
}

/// Of BigGAN's weights for small images.
const SMALL: ResNetInit = ResNetInit::Normal { std: 0.02 };

/// The papers' runs begin to average after thousands of steps; this one's memory grows with the run until it
/// is as long.
fn average() -> EmaConfig {
    EmaConfig::decay(0.9999).with_ramp_up(0.05)
}
