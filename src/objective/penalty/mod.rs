//! Penalties: what a network pays beside its loss. One file each.

mod consistency;
mod custom;
mod finite_difference;
mod gradient_norm;
mod interpolates;
mod lecam;
mod orthogonal;
mod pass;
mod path_length;
mod r1;
pub mod second_order;
#[cfg(test)]
mod tests;

pub use custom::{CustomPenalty, PenaltyTerm};
pub use gradient_norm::gradient_norm;
pub use orthogonal::orthogonal;
pub use pass::{DiscriminatorPass, GeneratorPass, Memory};
pub use r1::r1;

use crate::pair::Pair;
use burn::tensor::Tensor;
use serde::Serialize;

use crate::error::{Error, Result, check};
use crate::network::{Augmentation, Network, Sample};
use crate::random::Stream;
use crate::settings::settings;

settings! {
/// Which penalty.
///
/// Gradients are those of a sample's (summed) logits with respect to the sample,
/// g(x) = ∂/∂x Σ_patches D(x), one norm per sample; means are over the batch.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PenaltyKind {
    /// [`r1`]: the gradient at real samples.
    ///
    /// ```text
    /// ½·E ‖g(x)‖²
    /// ```
    ///
    /// Mescheder, Geiger, Nowozin 2018, arXiv:1801.04406.
    R1,
    /// R2: the gradient at generated samples.
    ///
    /// ```text
    /// ½·E ‖g(G(z))‖²
    /// ```
    ///
    /// Mescheder, Geiger, Nowozin 2018, arXiv:1801.04406.
    R2,
    /// WGAN-GP: the distance of the gradient's norm from a target, at random points between real
    /// and generated samples, each with an interpolation weight of its own.
    ///
    /// ```text
    /// E (‖g(x̂)‖ − t)²,   x̂_i = u_i·x_i + (1 − u_i)·G(z_i),  u_i ~ U[0, 1)
    /// one-sided:  E max(0, ‖g(x̂)‖ − t)²
    /// ```
    ///
    /// Not with batch norm in the discriminator: the penalty is about single samples.
    /// Gulrajani et al. 2017, arXiv:1704.00028.
    WganGp {
        /// t, the norm aimed at; 1 in the paper.
        target: f64,
        /// Whether smaller norms are forgiven.
        one_sided: bool,
    },
    /// DRAGAN: as WGAN-GP, at random points around real samples.
    ///
    /// ```text
    /// E (‖g(x̂)‖ − t)²,   x̂_i = x_i + u_i·c·s·ε_i,   ε_i ~ N(0, I),  u_i ~ U[0, 1)
    /// ```
    ///
    /// s is the standard deviation of the whole batch. Kodali, Abernethy, Hays, Kira 2017,
    /// arXiv:1705.07215.
    Dragan {
        /// c, the size of the perturbation in standard deviations of the data.
        scale: f64,
        /// t, the norm aimed at; 1 in the paper.
        target: f64,
    },
    /// The zero-centred penalty at random points between real and generated samples.
    ///
    /// ```text
    /// E ‖g(x̂)‖²,   x̂ as for WGAN-GP
    /// ```
    ///
    /// Thanh-Tung, Tran, Venkatesh 2019, *Improving generalization and stability of generative
    /// adversarial networks*, arXiv:1902.03984.
    ZeroCentered,
    /// LeCam: each side's logits are drawn towards a running mean of the other's.
    ///
    /// ```text
    /// E (r − α_F)² + E (f − α_R)²,   α ← d·α + (1 − d)·E logits
    /// ```
    ///
    /// For small data sets. Tseng et al. 2021, arXiv:2104.03310.
    LeCam {
        /// d, the decay of the running means; .99 in the paper.
        decay: f64,
    },
    /// CR: logits of real samples and of their augmented copies should agree.
    ///
    /// ```text
    /// E (D(x) − D(T(x)))²
    /// ```
    ///
    /// Zhang et al. 2019, arXiv:1910.12027.
    Consistency {
        /// T, a change that leaves a sample's meaning.
        augmentation: Augmentation,
    },
    /// Balanced CR: the same on generated samples as well.
    ///
    /// ```text
    /// E (D(x) − D(T(x)))² + ρ·E (D(G(z)) − D(T(G(z))))²
    /// ```
    ///
    /// Zhao et al. 2020, arXiv:2002.04724.
    BalancedConsistency {
        /// T, a change that leaves a sample's meaning.
        augmentation: Augmentation,
        /// ρ, the generated side's weight relative to the real one's; 1 in the paper.
        fake_ratio: f64,
    },
    /// Latent CR on the discriminator: samples of neighbouring latents get the same logits.
    ///
    /// ```text
    /// E (D(G(z)) − D(G(z + Δz)))²,   Δz ~ N(0, std²·I)
    /// ```
    ///
    /// Zhao et al. 2020, arXiv:2002.04724.
    LatentConsistency {
        /// The standard deviation of Δz.
        std: f64,
    },
    /// Latent CR on the generator: samples of neighbouring latents should differ.
    ///
    /// ```text
    /// −E ‖G(z) − G(z + Δz)‖² / d,   d numbers per sample
    /// ```
    ///
    /// The mean over numbers, where the paper has the sum. Zhao et al. 2020, arXiv:2002.04724.
    LatentDiversity {
        /// The standard deviation of Δz.
        std: f64,
    },
    /// [`orthogonal`]: filters of a layer should not look alike.
    ///
    /// ```text
    /// Σ_W ‖(WᵀW) ⊙ (1 − I)‖²_F
    /// ```
    ///
    /// Brock, Donahue, Simonyan 2018, arXiv:1809.11096.
    Orthogonal {
        /// Whose filters; the generator's in the paper.
        side: Network,
    },
    /// Path length, on the generator: a step in the latent changes the sample by a fixed size.
    ///
    /// ```text
    /// E (‖∂/∂z (G(z)·y)‖ − a)²,   y ~ N(0, I)/√positions,  a the running mean of the norm
    /// ```
    ///
    /// Karras et al. 2019, arXiv:1912.04958.
    PathLength {
        /// The decay of a; .99 in the paper.
        decay: f64,
    },
    /// A penalty of one's own.
    Custom(CustomPenalty),
}
}

impl PenaltyKind {
    /// The name in settings and messages.
    pub fn name(&self) -> &str {
        match self {
            Self::R1 => "r1",
            Self::R2 => "r2",
            Self::WganGp { .. } => "wgan_gp",
            Self::Dragan { .. } => "dragan",
            Self::ZeroCentered => "zero_centered",
            Self::LeCam { .. } => "le_cam",
            Self::Consistency { .. } => "consistency",
            Self::BalancedConsistency { .. } => "balanced_consistency",
            Self::LatentConsistency { .. } => "latent_consistency",
            Self::LatentDiversity { .. } => "latent_diversity",
            Self::Orthogonal { .. } => "orthogonal",
            Self::PathLength { .. } => "path_length",
            Self::Custom(custom) => custom.name(),
        }
    }

    /// Whether it is a function of a gradient, so that training differentiates twice.
    pub fn is_second_order(&self) -> bool {
        matches!(
            self,
            Self::R1
                | Self::R2
                | Self::WganGp { .. }
                | Self::Dragan { .. }
                | Self::ZeroCentered
                | Self::PathLength { .. }
        )
    }

    /// Whether it is about the discriminator's gradient at single samples. A layer that mixes the
    /// samples of a batch, as batch norm does, makes such a penalty one of the whole batch.
    pub fn is_per_sample(&self) -> bool {
        matches!(
            self,
            Self::R1 | Self::R2 | Self::WganGp { .. } | Self::Dragan { .. } | Self::ZeroCentered
        )
    }

    /// Whose cost it is a part of.
    pub fn acts_on(&self, side: Network) -> bool {
        match self {
            Self::Orthogonal { side: its } => side == *its,
            Self::LatentDiversity { .. } | Self::PathLength { .. } => side == Network::Generator,
            Self::Custom(_) => true,
            _ => side == Network::Discriminator,
        }
    }

    fn validate(&self) -> Result<()> {
        let within = |error: Error| error.within(&format!("kind.{}", self.name()));
        match self {
            Self::WganGp { target, .. } => check::positive("target", *target),
            Self::Dragan { scale, target } => {
                check::positive("scale", *scale).and(check::positive("target", *target))
            }
            Self::LeCam { decay } | Self::PathLength { decay } => check::below_one("decay", *decay),
            Self::Consistency { augmentation } => augmentation.validate(),
            Self::BalancedConsistency {
                augmentation,
                fake_ratio,
            } => augmentation
                .validate()
                .and(check::not_negative("fake_ratio", *fake_ratio)),
            Self::LatentConsistency { std } | Self::LatentDiversity { std } => {
                check::positive("std", *std)
            }
            Self::Custom(custom) => return custom.validate(),
            Self::R1 | Self::R2 | Self::ZeroCentered | Self::Orthogonal { .. } => Ok(()),
        }
        .map_err(within)
    }
}

settings! {
/// A penalty with its weight and its rhythm.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Penalty {
    /// Which penalty.
    pub kind: PenaltyKind,
    /// Its weight (γ of R1, λ of WGAN-GP, β of orthogonal regularisation).
    pub weight: f64,
    /// It is taken every so many steps of its network, times this number (lazy regularisation):
    /// the same pressure on average, at a fraction of the cost. 1 where settings leave it out.
    #[serde(default = "every_step")]
    pub interval: usize,
}
}

fn every_step() -> usize {
    1
}

impl Penalty {
    /// A penalty with its weight, at every step.
    pub fn new(kind: PenaltyKind, weight: f64) -> Self {
        Self {
            kind,
            weight,
            interval: 1,
        }
    }

    /// R1 with weight γ.
    pub fn r1(gamma: f64) -> Self {
        Self::new(PenaltyKind::R1, gamma)
    }

    /// R2 with weight γ.
    pub fn r2(gamma: f64) -> Self {
        Self::new(PenaltyKind::R2, gamma)
    }

    /// The two-sided WGAN-GP penalty with target 1; λ is 10 in the paper.
    pub fn wgan_gp(lambda: f64) -> Self {
        let kind = PenaltyKind::WganGp {
            target: 1.0,
            one_sided: false,
        };
        Self::new(kind, lambda)
    }

    /// DRAGAN with target 1 and perturbations of half a standard deviation; λ is 10 in the paper.
    pub fn dragan(lambda: f64) -> Self {
        let kind = PenaltyKind::Dragan {
            scale: 0.5,
            target: 1.0,
        };
        Self::new(kind, lambda)
    }

    /// The zero-centred penalty between real and generated samples; λ is 100 in the paper.
    pub fn zero_centered(lambda: f64) -> Self {
        Self::new(PenaltyKind::ZeroCentered, lambda)
    }

    /// LeCam with decay .99.
    pub fn lecam(lambda: f64) -> Self {
        Self::new(PenaltyKind::LeCam { decay: 0.99 }, lambda)
    }

    /// Consistency under an augmentation of real samples; λ is 10 in the paper.
    pub fn consistency(lambda: f64, augmentation: Augmentation) -> Self {
        Self::new(PenaltyKind::Consistency { augmentation }, lambda)
    }

    /// Consistency under an augmentation of real and of generated samples.
    pub fn balanced_consistency(lambda: f64, augmentation: Augmentation) -> Self {
        let kind = PenaltyKind::BalancedConsistency {
            augmentation,
            fake_ratio: 1.0,
        };
        Self::new(kind, lambda)
    }

    /// Consistency of logits under a change of the latent by N(0, std²·I).
    pub fn latent_consistency(lambda: f64, std: f64) -> Self {
        Self::new(PenaltyKind::LatentConsistency { std }, lambda)
    }

    /// Diversity of samples under a change of the latent by N(0, std²·I).
    pub fn latent_diversity(lambda: f64, std: f64) -> Self {
        Self::new(PenaltyKind::LatentDiversity { std }, lambda)
    }

    /// Orthogonal regularisation of one network; β is 1e-4 in the paper.
    pub fn orthogonal(beta: f64, side: Network) -> Self {
        Self::new(PenaltyKind::Orthogonal { side }, beta)
    }

    /// Path length regularisation with decay .99; the paper's weight is 2, every 4 steps.
    pub fn path_length(weight: f64) -> Self {
        Self::new(PenaltyKind::PathLength { decay: 0.99 }, weight)
    }

    /// A penalty of one's own, under a name for the settings.
    pub fn custom<P: Pair>(
        name: impl Into<String>,
        weight: f64,
        term: impl PenaltyTerm<P> + 'static,
    ) -> Self {
        let custom = CustomPenalty::new::<P>(name, term);
        Self::new(PenaltyKind::Custom(custom), weight)
    }

    /// Takes the penalty every `interval` steps only.
    pub fn every(mut self, interval: usize) -> Self {
        self.interval = interval;
        self
    }

    /// Checks weight, interval and the kind's own settings.
    ///
    /// # Errors
    /// If the weight is negative or not finite, the interval is 0, or a setting of the kind is
    /// wrong.
    pub fn validate(&self) -> Result<()> {
        check::not_negative("weight", self.weight)?;
        check::at_least("interval", self.interval, 1)?;
        self.kind.validate()
    }

    /// Whether the penalty is taken at step `step` (from 0) of its network. A weight of 0 is
    /// never taken.
    pub fn is_due(&self, step: u64) -> bool {
        self.weight != 0.0 && step.is_multiple_of(self.interval as u64)
    }

    /// weight × interval.
    fn factor(&self) -> f64 {
        self.weight * self.interval as f64
    }

    /// The weighted term of the discriminator's cost, `[1]`: weight × interval × penalty; `None`
    /// if the penalty is one on the generator.
    pub fn on_discriminator<P: Pair>(
        &self,
        pass: &DiscriminatorPass<'_, P>,
        noise: &mut Stream,
        memory: &mut Memory<P::Backend>,
    ) -> Option<Tensor<P::Backend, 1>> {
        let like = &pass.real_logits;
        let value = match &self.kind {
            PenaltyKind::R1 => pass.gradient_penalty_at_real(r1::half_mean),
            PenaltyKind::R2 => pass.gradient_penalty_at_fake(r1::half_mean),
            PenaltyKind::WganGp { target, one_sided } => {
                let (real, fake) = (pass.real.clone(), pass.fake.clone());
                let at = interpolates::between(real, fake, like, noise);
                pass.gradient_penalty(at, |norms| gradient_norm(norms, *target, *one_sided))
            }
            PenaltyKind::Dragan { scale, target } => {
                let at = interpolates::around(pass.real.clone(), *scale, like, noise);
                pass.gradient_penalty(at, |norms| gradient_norm(norms, *target, false))
            }
            PenaltyKind::ZeroCentered => {
                let (real, fake) = (pass.real.clone(), pass.fake.clone());
                let at = interpolates::between(real, fake, like, noise);
                pass.gradient_penalty(at, Tensor::mean)
            }
            PenaltyKind::LeCam { decay } => {
                lecam::lecam(&pass.real_logits, &pass.fake_logits, *decay, memory)
            }
            PenaltyKind::Consistency { augmentation } => {
                consistency::consistency(pass, pass.real, &pass.real_logits, augmentation, noise)
            }
            PenaltyKind::BalancedConsistency {
                augmentation,
                fake_ratio,
            } => {
                let mut on = |sample, logits| {
                    consistency::consistency(pass, sample, logits, augmentation, noise)
                };
                on(pass.real, &pass.real_logits)
                    + on(pass.fake, &pass.fake_logits).mul_scalar(*fake_ratio)
            }
            PenaltyKind::LatentConsistency { std } => {
                consistency::latent_consistency(pass, *std, noise)
            }
            PenaltyKind::Orthogonal {
                side: Network::Discriminator,
            } => orthogonal(pass.discriminator, &pass.real.device()),
            PenaltyKind::Custom(custom) => custom.term::<P>().discriminator(pass, noise, memory)?,
            PenaltyKind::Orthogonal {
                side: Network::Generator,
            }
            | PenaltyKind::LatentDiversity { .. }
            | PenaltyKind::PathLength { .. } => return None,
        };
        Some(value.mul_scalar(self.factor()))
    }

    /// The weighted term of the generator's cost, `[1]`; `None` if the penalty is one on the
    /// discriminator.
    pub fn on_generator<P: Pair>(
        &self,
        pass: &GeneratorPass<'_, P>,
        noise: &mut Stream,
        memory: &mut Memory<P::Backend>,
    ) -> Option<Tensor<P::Backend, 1>> {
        let value = match &self.kind {
            PenaltyKind::LatentDiversity { std } => {
                consistency::latent_diversity(pass, *std, noise)
            }
            PenaltyKind::PathLength { decay } => {
                path_length::path_length(pass, *decay, noise, memory)
            }
            PenaltyKind::Orthogonal {
                side: Network::Generator,
            } => orthogonal(pass.generator, &pass.fake.device()),
            PenaltyKind::Custom(custom) => custom.term::<P>().generator(pass, noise, memory)?,
            _ => return None,
        };
        Some(value.mul_scalar(self.factor()))
    }
}
