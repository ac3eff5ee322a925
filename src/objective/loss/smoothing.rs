//! Label smoothing.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::AdversarialLoss;
use crate::error::{Error, Result};
use crate::settings::settings;

settings! {
/// Label smoothing: the discriminator's labels are not quite sure.
///
/// ```text
/// real'(l) = (1 − s_real)·real(l) + s_real·fake(l)
/// fake'(l) = (1 − s_fake)·fake(l) + s_fake·real(l)
/// ```
///
/// For losses that are a cross-entropy (minimax, non-saturating, maximum likelihood) this is the
/// cross-entropy with the targets 1 − s_real and s_fake. One-sided smoothing (`real` only) keeps
/// logits of real samples from growing without end; smoothing the generated side as well teaches
/// the discriminator to agree with samples where there is no data, so it is 0 unless asked for.
/// The generator's cost stays as it is.
///
/// Salimans et al. 2016, *Improved techniques for training GANs*, arXiv:1606.03498, section 3.4.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[serde(default)]
pub struct LabelSmoothing {
    /// s_real, in [0, ½).
    pub real: f64,
    /// s_fake, in [0, ½).
    pub fake: f64,
}
}

impl LabelSmoothing {
    /// Smooths the real label only: 1 becomes `1 − amount`.
    pub fn one_sided(amount: f64) -> Self {
        Self {
            real: amount,
            fake: 0.0,
        }
    }

    /// Smooths both labels.
    pub fn two_sided(amount: f64) -> Self {
        Self {
            real: amount,
            fake: amount,
        }
    }

    pub(crate) fn is_off(&self) -> bool {
        self.real == 0.0 && self.fake == 0.0
    }

    pub(crate) fn validate(&self) -> Result<()> {
        for (field, value) in [("real", self.real), ("fake", self.fake)] {
            if !(0.0..0.5).contains(&value) {
                return Err(Error::setting(
                    &format!("label_smoothing.{field}"),
                    value,
                    "must be at least 0 and below 0.5, where a label says nothing any more",
                ));
            }
        }
        Ok(())
    }
}

/// A loss with smoothed labels.
#[derive(Debug)]
pub(crate) struct Smoothed<'a, B: Backend> {
    pub(crate) loss: &'a dyn AdversarialLoss<B>,
    pub(crate) labels: LabelSmoothing,
}

impl<B: Backend> Smoothed<'_, B> {
    /// (1 − s)·right + s·wrong.
    fn mixed(
        share: f64,
        right: Tensor<B, 2>,
        wrong: impl FnOnce() -> Tensor<B, 2>,
    ) -> Tensor<B, 2> {
        if share == 0.0 {
            return right;
        }
        right.mul_scalar(1.0 - share) + wrong().mul_scalar(share)
    }
}

impl<B: Backend> AdversarialLoss<B> for Smoothed<'_, B> {
    fn real(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        Self::mixed(self.labels.real, self.loss.real(logits.clone()), || {
            self.loss.fake(logits)
        })
    }

    fn fake(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        Self::mixed(self.labels.fake, self.loss.fake(logits.clone()), || {
            self.loss.real(logits)
        })
    }

    fn generator(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        self.loss.generator(logits)
    }

    fn relative_fake(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        self.loss.relative_fake(logits)
    }

    fn relative_real(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        self.loss.relative_real(logits)
    }
}
