//! How each of the stock networks for images is trained.

use super::ImageNetwork;
use crate::error::Result;
use crate::latent::Latent;
use crate::objective::{Ada, Augment, Loss, Objective, Pairing, Probability, Term};
use crate::step::{EmaConfig, OptimizerConfig};
use crate::train::{Schedule, TrainerConfig};

/// Weight γ of the gradient penalties, and in how many steps they are taken once.
const GAMMA: f64 = 0.02;
const LAZY: usize = 4;
/// Half-life of the generator's average, in images.
const EMA_IMAGES: f64 = 10_000.0;
/// How often each of ADA's transformations is made.
const CHANGED: f64 = 0.1;

impl ImageNetwork {
    /// What this network's discriminator takes: relativistic pairs with R1 and R2, γ = 0.02 every fourth
    /// step, and the hinge loss for BigGAN's, whose spectral norms do the penalties' work; the light one's
    /// has [reconstruction](crate::objective::Reconstruction) beside the pairs. All with ADA's transformations, each
    /// with probability 0.1.
    pub fn objective(self) -> Objective {
        let pairs = Objective::new(Loss::NonSaturating)
            .with_pairing(Pairing::Paired)
            .with_term(Term::r1(GAMMA).every(LAZY))
            .with_term(Term::r2(GAMMA).every(LAZY));
        let objective = match self {
            Self::Dcgan | Self::Resnet | Self::Stylegan2 | Self::R3gan => pairs,
            Self::Light => Objective::few_shot(),
            Self::Biggan | Self::BigganDeep => Objective::new(Loss::Hinge),
        };
        objective.with_augment(Augment::Ada(Ada::new(Probability::Fixed(CHANGED))))
    }

    /// The settings of a run of `steps` steps on batches of `batch` images: the network's
    /// [objective](Self::objective), and optimisers that were chosen for runs of minutes to hours on
    /// images of 32×32, `docs/networks.md` says how.
    ///
    /// | network | Adam's rates of generator, discriminator | β |
    /// |---|---|---|
    /// | DCGAN, residual pair | 10⁻³ | 0, 0.99 |
    /// | StyleGAN2 | 2.5·10⁻³ | 0, 0.99 |
    /// | R3GAN, light | 5·10⁻⁴ | 0, 0.99 |
    /// | BigGAN, BigGAN-deep | 2·10⁻⁴, 8·10⁻⁴ | 0, 0.999 |
    ///
    /// All fall along a cosine to a tenth; the generator's average has a half-life of 10,000 images.
    ///
    /// ```
    /// use burn_gan::models::ImageNetwork;
    ///
    /// let config = ImageNetwork::Dcgan.trainer(10_000, 64, 64)?;
    /// assert_eq!(config.objective, ImageNetwork::Dcgan.objective());
    /// # Ok::<(), burn_gan::Error>(())
    /// ```
    ///
    /// # Errors
    /// If a size is 0.
    pub fn trainer(self, steps: u64, batch: usize, latent: usize) -> Result<TrainerConfig> {
        let ([generator, discriminator], beta_2) = match self {
            Self::Dcgan | Self::Resnet => ([1e-3; 2], 0.99),
            Self::Stylegan2 => ([2.5e-3; 2], 0.99),
            Self::R3gan | Self::Light => ([5e-4; 2], 0.99),
            Self::Biggan | Self::BigganDeep => ([2e-4, 8e-4], 0.999),
        };
        let adam = |rate| OptimizerConfig::adam(rate).with_betas(0.0, beta_2);
        let config = TrainerConfig::new(steps, batch, Latent::normal(latent))
            .with_objective(self.objective())
            .with_generator_optimizer(adam(generator))
            .with_discriminator_optimizer(adam(discriminator))
            .with_schedule(Schedule::Cosine { floor: 0.1 })
            .with_ema(EmaConfig::half_life(EMA_IMAGES).with_ramp_up(0.05));
        config.validate()?;
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_network_has_settings_that_hold() {
        for network in ImageNetwork::ALL {
            let config = network.trainer(10, 4, 8).expect("valid settings");
            assert_eq!(
                (config.steps, config.batches.batch_size),
                (10, 4),
                "{network:?}"
            );
            let penalised = config.objective.terms.iter();
            let penalised = penalised
                .filter(|term| term.kind.info().is_per_sample())
                .count();
            // Spectral norms and penalties do the same work.
            let normed = matches!(
                network,
                ImageNetwork::Light | ImageNetwork::Biggan | ImageNetwork::BigganDeep
            );
            assert_eq!(penalised == 0, normed, "{network:?}");
            for refused in [
                network.trainer(0, 4, 8),
                network.trainer(10, 0, 8),
                network.trainer(10, 4, 0),
            ] {
                let error = refused.expect_err("a size of 0").to_string();
                assert!(error.contains("= 0"), "{error}");
            }
        }
    }
}
