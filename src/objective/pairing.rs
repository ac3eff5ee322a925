//! Pairings: what a logit is compared with.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::loss::{AdversarialLoss, mean};

use crate::settings::settings;

settings! {
/// What the loss sees of a logit: itself, or how far it lies above those of the other side.
///
/// Below, r and f are the logits of real and generated samples; `real`, `fake`, `generator`,
/// `relative_fake` and `relative_real` are the functions of an [`AdversarialLoss`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pairing {
    /// Each logit by itself.
    ///
    /// ```text
    /// L_D = E real(r) + E fake(f)
    /// L_G = E generator(f)
    /// ```
    #[default]
    None,
    /// Relativistic pairing (RpGAN): each real sample against one generated sample.
    ///
    /// ```text
    /// d_i = r_i − f_i
    /// L_D = ½·(E real(d) + E fake(−d))
    /// L_G = ½·(E relative_fake(−d) + E relative_real(d))
    /// ```
    ///
    /// With the non-saturating loss both halves are one: L_D = E softplus(−d), L_G = E
    /// softplus(d). Both batches must have one length. The game has no bad local basins of mode
    /// dropping (Sun, Fang, Schwing 2020, arXiv:2011.04926), and R1 with R2 makes it converge
    /// (Huang et al. 2024, arXiv:2501.05441).
    ///
    /// Jolicoeur-Martineau 2018, *The relativistic discriminator*, arXiv:1807.00734.
    Paired,
    /// Relativistic average (RaGAN): each sample against the mean of the other side.
    ///
    /// ```text
    /// a_i = r_i − E f,   b_i = f_i − E r
    /// L_D = E real(a) + E fake(b)
    /// L_G = E relative_fake(b) + E relative_real(a)
    /// ```
    ///
    /// Means are over batch and patches, and gradients flow through them.
    ///
    /// Jolicoeur-Martineau 2018, arXiv:1807.00734, section 4.
    Average,
}
}

impl Pairing {
    /// Every pairing.
    pub const ALL: [Self; 3] = [Self::None, Self::Paired, Self::Average];

    /// The discriminator's loss, `[1]`. Logits are `[batch, patches]`.
    ///
    /// # Panics
    /// If the pairing is [`Paired`](Self::Paired) and the shapes differ.
    pub fn discriminator_loss<B: Backend>(
        self,
        loss: &dyn AdversarialLoss<B>,
        real: Tensor<B, 2>,
        fake: Tensor<B, 2>,
    ) -> Tensor<B, 1> {
        match self {
            Self::None => mean(loss.real(real)) + mean(loss.fake(fake)),
            Self::Paired => {
                let difference = difference(real, fake);
                (mean(loss.real(difference.clone())) + mean(loss.fake(-difference))).mul_scalar(0.5)
            }
            Self::Average => {
                let means = means(&real, &fake);
                average_discriminator_loss(loss, [real, fake], means)
            }
        }
    }

    /// The generator's loss, `[1]`.
    ///
    /// `real` are the logits of real samples, by the same discriminator; only a relativistic
    /// pairing looks at them. `best` picks the rows of generated samples that count (top-k).
    ///
    /// # Panics
    /// If a relativistic pairing gets no real logits, or the shapes of paired ones differ.
    pub fn generator_loss<B: Backend>(
        self,
        loss: &dyn AdversarialLoss<B>,
        real: Option<Tensor<B, 2>>,
        fake: Tensor<B, 2>,
        best: impl Fn(Tensor<B, 2>) -> Tensor<B, 2>,
    ) -> Tensor<B, 1> {
        let real = || match real {
            Some(real) => real,
            None => panic!("a relativistic pairing needs the logits of real samples"),
        };
        match self {
            Self::None => mean(best(loss.generator(fake))),
            Self::Paired => {
                let difference = difference(real(), fake);
                let fake = mean(best(loss.relative_fake(-difference.clone())));
                (fake + mean(best(loss.relative_real(difference)))).mul_scalar(0.5)
            }
            Self::Average => {
                let real = real();
                let means = means(&real, &fake);
                average_generator_loss(loss, [real, fake], means, best)
            }
        }
    }

    /// Whether the generator's loss looks at real samples.
    pub fn is_relativistic(self) -> bool {
        self != Self::None
    }
}

fn difference<B: Backend>(real: Tensor<B, 2>, fake: Tensor<B, 2>) -> Tensor<B, 2> {
    assert_eq!(
        real.dims(),
        fake.dims(),
        "paired logits must have one shape: real {:?}, generated {:?}",
        real.dims(),
        fake.dims()
    );
    real - fake
}

/// Means of real and of generated logits, `[1, 1]` each.
fn means<B: Backend>(real: &Tensor<B, 2>, fake: &Tensor<B, 2>) -> [Tensor<B, 2>; 2] {
    [real, fake].map(|logits| mean(logits.clone()).unsqueeze())
}

/// Each side's logits relative to the mean of the other one.
fn relative_to<B: Backend>(
    [real, fake]: [Tensor<B, 2>; 2],
    [real_mean, fake_mean]: [Tensor<B, 2>; 2],
) -> (Tensor<B, 2>, Tensor<B, 2>) {
    (real - fake_mean, fake - real_mean)
}

/// [`Pairing::Average`] for the discriminator, with these means of real and generated logits.
pub(super) fn average_discriminator_loss<B: Backend>(
    loss: &dyn AdversarialLoss<B>,
    logits: [Tensor<B, 2>; 2],
    means: [Tensor<B, 2>; 2],
) -> Tensor<B, 1> {
    let (real, fake) = relative_to(logits, means);
    mean(loss.real(real)) + mean(loss.fake(fake))
}

/// The same for the generator.
pub(super) fn average_generator_loss<B: Backend>(
    loss: &dyn AdversarialLoss<B>,
    logits: [Tensor<B, 2>; 2],
    means: [Tensor<B, 2>; 2],
    best: impl Fn(Tensor<B, 2>) -> Tensor<B, 2>,
) -> Tensor<B, 1> {
    let (real, fake) = relative_to(logits, means);
    mean(best(loss.relative_fake(fake))) + mean(loss.relative_real(real))
}
