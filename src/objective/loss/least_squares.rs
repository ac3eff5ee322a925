//! The least-squares loss.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::{AdversarialLoss, LossInfo};
use crate::error::{Error, Result};
use crate::settings::settings;

settings! {
/// The least-squares game: logits are drawn to targets.
///
/// ```text
/// discriminator   ½·E (l_real − b)² + ½·E (l_fake − a)²
/// generator       ½·E (l_fake − c)²
/// ```
///
/// a is `fake`, b is `real`, c is `generator`. With b − c = 1 and b − a = 2 the generator minimises
/// the Pearson χ² divergence between p_data + p_g and 2·p_g; the usual targets are 0, 1, 1. With
/// those the discriminator's loss tends to ¼ when it can no longer tell, the generator's to ⅛. A
/// target b below 1 is one-sided label smoothing.
///
/// Mao et al. 2016, *Least squares generative adversarial networks*, arXiv:1611.04076.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(default)]
pub struct LeastSquares {
    /// a, the discriminator's target for generated samples.
    pub fake: f64,
    /// b, its target for real samples.
    pub real: f64,
    /// c, the generator's target.
    pub generator: f64,
}
}

impl LeastSquares {
    /// The targets 0, 1, 1.
    pub const ZERO_ONE: Self = Self {
        fake: 0.0,
        real: 1.0,
        generator: 1.0,
    };

    /// The targets −1, 1, 0, with which the generator minimises a Pearson χ² divergence.
    pub const PEARSON: Self = Self {
        fake: -1.0,
        real: 1.0,
        generator: 0.0,
    };

    pub(super) fn every() -> Vec<Self> {
        vec![Self::ZERO_ONE]
    }
}

impl Default for LeastSquares {
    fn default() -> Self {
        Self::ZERO_ONE
    }
}

/// ½(l − target)².
fn half_square<B: Backend>(logits: Tensor<B, 2>, target: f64) -> Tensor<B, 2> {
    logits.sub_scalar(target).square().mul_scalar(0.5)
}

impl LossInfo for LeastSquares {
    fn label(&self) -> String {
        "least squares".into()
    }

    fn validate(&self) -> Result<()> {
        for (field, value) in [
            ("fake", self.fake),
            ("real", self.real),
            ("generator", self.generator),
        ] {
            if !value.is_finite() {
                let field = format!("least_squares.{field}");
                return Err(Error::setting(&field, value, "must be a finite number"));
            }
        }
        if !(self.fake < self.real) {
            return Err(Error::setting(
                "least_squares.fake",
                self.fake,
                format!("must be below `real` = {}", self.real),
            ));
        }
        Ok(())
    }
}

impl<B: Backend> AdversarialLoss<B> for LeastSquares {
    fn real(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        half_square(logits, self.real)
    }

    fn fake(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        half_square(logits, self.fake)
    }

    fn generator(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        half_square(logits, self.generator)
    }
}
