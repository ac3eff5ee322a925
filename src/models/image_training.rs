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
    /// What this network is trained with: relativistic pairs with R1 and R2, γ = 0.02 every fourth step, for
    /// the networks without norms in the discriminator; the hinge loss for those with spectral norms,
    /// which do a penalty's work, with [reconstruction](crate::objective::Reconstruction) for the light
    /// pair. All with ADA's transformations, each with probability 0.1.
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
    /// [objective](Self::objective), and Adam with the rates of the network's paper. A DCGAN's are larger
    /// than its paper's, which had no penalty: measured on digits and emoji of 32×32.
    ///
    /// | network | rates of generator, discriminator | β |
    /// |---|---|---|
    /// | DCGAN | 10⁻³ | 0, 0.99 |
    /// | residual pair (SNGAN), R3GAN | 2·10⁻⁴ | 0, 0.99 |
    /// | StyleGAN2 (2006.06676, for small images) | 2.5·10⁻³ | 0, 0.99 |
    /// | light (FastGAN) | 2·10⁻⁴ | 0.5, 0.999 |
    /// | BigGAN, BigGAN-deep (SAGAN's, for one discriminator step) | 10⁻⁴, 4·10⁻⁴ | 0, 0.999 |
    ///
    /// All fall along a cosine to a tenth; the generator's average has a half-life of 10,000 images. They
    /// are where to start: a run of few steps stands larger rates, one that collapses wants smaller ones.
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
        let ([generator, discriminator], betas) = match self {
            Self::Dcgan => ([1e-3; 2], [0.0, 0.99]),
            Self::Resnet | Self::R3gan => ([2e-4; 2], [0.0, 0.99]),
            Self::Stylegan2 => ([2.5e-3; 2], [0.0, 0.99]),
            Self::Light => ([2e-4; 2], [0.5, 0.999]),
            Self::Biggan | Self::BigganDeep => ([1e-4, 4e-4], [0.0, 0.999]),
        };
        let adam = |rate| OptimizerConfig::adam(rate).with_betas(betas[0], betas[1]);
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
