//! The energy-based loss with a margin (EBGAN).

use burn::tensor::Tensor;
use burn::tensor::activation::relu;
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::{AdversarialLoss, LossInfo};
use crate::error::{Result, check};
use crate::settings::settings;

settings! {
/// The energy-based game: low energy for real samples, at least a margin for generated ones.
///
/// ```text
/// energy          E = −l
/// discriminator   E[E_real] + E[max(0, m − E_fake)]
/// generator       E[E_fake]
/// ```
///
/// The energy must not be negative, or the discriminator's loss has no bound: the discriminator
/// returns minus an energy as its logit, the reconstruction error of an autoencoder in the paper. A
/// network of which nothing else is known can return `−softplus(−x)`. Where both kinds of samples
/// have one energy below the margin, the discriminator's loss is m and the generator's that energy;
/// generated samples beyond the margin no longer teach the discriminator. Not for relativistic
/// pairings: a difference of energies has no sign.
///
/// Zhao, Mathieu, LeCun 2016, *Energy-based generative adversarial network*, arXiv:1609.03126.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(default)]
pub struct EnergyBased {
    /// m, the energy that generated samples are pushed up to.
    pub margin: f64,
}
}

impl Default for EnergyBased {
    fn default() -> Self {
        Self { margin: 1.0 }
    }
}

impl EnergyBased {
    pub(super) fn every() -> Vec<Self> {
        vec![Self::default()]
    }
}

impl LossInfo for EnergyBased {
    fn label(&self) -> String {
        "energy-based".into()
    }

    fn can_be_paired(&self) -> bool {
        false
    }

    fn validate(&self) -> Result<()> {
        check::positive("margin", self.margin).map_err(|e| e.within("energy_based"))
    }
}

impl<B: Backend> AdversarialLoss<B> for EnergyBased {
    fn real(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        -logits
    }

    fn fake(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        relu(logits.add_scalar(self.margin))
    }

    fn generator(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        -logits
    }
}
