//! Objectives by the names of the papers they come from.

use super::{Loss, Objective, Pairing, Term};

impl Objective {
    /// DCGAN: the non-saturating loss alone.
    ///
    /// Its paper trains with Adam (2e-4, β₁ .5), batch 128. Radford, Metz, Chintala 2015,
    /// arXiv:1511.06434.
    pub fn dcgan() -> Self {
        Self::new(Loss::NonSaturating)
    }

    /// WGAN-GP: the Wasserstein loss with the two-sided gradient penalty, λ = 10.
    ///
    /// Its paper makes five critic steps per generator step, with Adam (1e-4, β 0 and .9), and no
    /// batch norm in the critic. Gulrajani et al. 2017, arXiv:1704.00028.
    pub fn wgan_gp() -> Self {
        Self::new(Loss::Wasserstein).with_term(Term::wgan_gp(10.0))
    }

    /// SN-GAN: the hinge loss, for a discriminator of spectrally normalised layers
    /// ([`nn::SpectralNorm`](crate::nn::SpectralNorm)).
    ///
    /// Its paper makes five discriminator steps per generator step, with Adam (2e-4, β 0 and .9).
    /// Miyato et al. 2018, arXiv:1802.05957.
    pub fn sngan_hinge() -> Self {
        Self::new(Loss::Hinge)
    }

    /// LSGAN: least squares with the targets 0, 1, 1.
    ///
    /// Mao et al. 2016, arXiv:1611.04076.
    pub fn lsgan() -> Self {
        Self::new(Loss::least_squares())
    }

    /// RaGAN: the non-saturating loss relative to the mean of the other side.
    ///
    /// Its paper trains with Adam (2e-4, β .5 and .999), one step each. Jolicoeur-Martineau 2018,
    /// arXiv:1807.00734.
    pub fn ragan() -> Self {
        Self::new(Loss::NonSaturating).with_pairing(Pairing::Average)
    }

    /// R3GAN: the non-saturating loss in relativistic pairs, with R1 and R2 of the same weight γ.
    ///
    /// γ is about data: .01–.05 on the ring of radius 1, up to hundreds on large images; see
    /// `docs/objectives.md`. Its paper trains with Adam (2e-4, β₁ 0, β₂ from .9 to .99) and lets
    /// learning rate and γ fall along a cosine. Huang, Gokaslan, Kuleshov, Tompkin 2024,
    /// arXiv:2501.05441.
    pub fn r3gan(gamma: f64) -> Self {
        Self::new(Loss::NonSaturating)
            .with_pairing(Pairing::Paired)
            .with_term(Term::r1(gamma))
            .with_term(Term::r2(gamma))
    }

    /// StyleGAN2: the non-saturating loss with R1 of weight γ in every 16th discriminator step, and path
    /// lengths of weight 2 in every fourth generator step.
    ///
    /// γ is about data: 0.0002·height²/batch is a start (arXiv:2006.06676). The paper trains with Adam,
    /// learning rate 0.002 (0.0025 below 1,024 pixels), β 0 and 0.99, and mixes the styles of nine
    /// batches in ten
    /// ([`with_style_mixing`](crate::train::TrainerConfig::with_style_mixing)). Its program makes
    /// optimiser steps of their own for the two terms, k + 1 for k, and so takes the k/(k + 1)-th part of
    /// Adam's numbers; here they are a part of the step, and nothing is to be corrected. Karras et al.
    /// 2019, arXiv:1912.04958.
    pub fn stylegan2(gamma: f64) -> Self {
        Self::new(Loss::NonSaturating)
            .with_term(Term::r1(gamma).every(16))
            .with_term(Term::path_length(2.0).every(4))
    }

    /// FastGAN, for few images: the hinge loss with [reconstruction](super::Reconstruction), for a
    /// discriminator that returns one ([`LightDiscriminator`](crate::models::LightDiscriminator)).
    ///
    /// Its paper adds DiffAugment with colour and translation
    /// ([`with_augment`](Self::with_augment)), and trains with Adam (2e-4, β .5 and .999), batch 8, and an
    /// average of decay .999. Liu, Zhu, Song, Elgammal 2021, arXiv:2101.04775.
    pub fn few_shot() -> Self {
        Self::new(Loss::Hinge).with_term(Term::reconstruction(1.0))
    }

    /// What this crate recommends to start with: the non-saturating loss with R1, γ = .05 for data
    /// of size 1.
    ///
    /// On a ring of eight and a grid of twenty-five Gaussians it found every mode on every seed
    /// tried, as relativistic pairs and averages and the hinge loss did with the same R1; it is the
    /// cheapest of them, since a relativistic generator judges the real batch too. The figures are
    /// in `docs/objectives.md`, and how γ goes with data of another size. Adam (1e-3, β 0 and .99)
    /// with a learning rate that falls along a cosine was used for them.
    pub fn recommended() -> Self {
        Self::new(Loss::NonSaturating).with_term(Term::r1(0.05))
    }
}
