//! How often samples are changed.

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use serde::Serialize;

use crate::error::{Error, Result, check};
use crate::network::{Sample, Verdict};
use crate::objective::Memory;
use crate::random::Stream;
use crate::settings::settings;

settings! {
/// The probability that a sample is changed.
///
/// The adaptive one rises while the discriminator is sure of the real samples, which is what
/// overfitting looks like, and falls otherwise:
///
/// ```text
/// r = E sign(D(x)), over the batches since the last move
/// p ← clamp(p + sign(r − target)·n/samples, 0, 1)        n real samples since the last move
/// ```
///
/// Karras, Aittala, Hellsten, Laine, Lehtinen, Aila 2020, *Training generative adversarial networks
/// with limited data*, arXiv:2006.06676, section 3.1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Probability {
    /// p, in [0, 1].
    Fixed(f64),
    /// p starts at 0 and is moved.
    Adaptive {
        /// The r that is aimed at, in (−1, 1); 0.6 in the paper.
        target: f64,
        /// Real samples in which p goes from 0 to 1; 500,000 in the paper.
        samples: f64,
        /// Discriminator steps between two moves; 4 in the paper.
        interval: usize,
    },
}
}

impl Probability {
    /// The paper's adaptive probability, from 0 to 1 in `samples` real samples.
    pub fn adaptive(samples: f64) -> Self {
        Self::Adaptive {
            target: 0.6,
            samples,
            interval: 4,
        }
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// If p is not in [0, 1], the target not between −1 and 1, or there are no samples or no steps.
    pub fn validate(&self) -> Result<()> {
        match *self {
            Self::Fixed(p) if !(0.0..=1.0).contains(&p) => Err(Error::setting(
                "fixed",
                p,
                "must be a probability, from 0 to 1",
            )),
            Self::Fixed(_) => Ok(()),
            Self::Adaptive {
                target,
                samples,
                interval,
            } => {
                if !(target > -1.0 && target < 1.0) {
                    return Err(Error::setting(
                        "adaptive.target",
                        target,
                        "must lie between −1 and 1: it is a mean of signs",
                    ));
                }
                check::positive("adaptive.samples", samples)?;
                check::at_least("adaptive.interval", interval, 1)
            }
        }
    }

    /// `changed` samples with the probability, the others as they were.
    #[inline(never)]
    pub fn mix<B: Backend, S: Sample<B>>(
        &self,
        sample: S,
        changed: S,
        state: &[Tensor<B, 1>],
        noise: &mut Stream,
    ) -> S {
        let batch = sample.batch_size();
        let device = sample.device();
        // Runs of two precisions may share a device: its default is not to be trusted.
        let dtype = sample.clone().narrow(0, 1).squared_norms().dtype();
        let drawn = noise.uniform(batch, 0.0, 1.0);
        let changes = match self {
            Self::Fixed(p) => {
                let changes: Vec<f32> = (drawn.iter())
                    .map(|u| f32::from(u8::from(f64::from(*u) < *p)))
                    .collect();
                Tensor::from_data(TensorData::new(changes, [batch]), (&device, dtype))
            }
            Self::Adaptive { .. } => {
                let Some(p) = state.first() else {
                    return sample;
                };
                let drawn = TensorData::new(drawn, [batch]);
                let drawn = Tensor::<B, 1>::from_data(drawn, (&device, dtype));
                let changes = drawn.lower(p.clone().cast(dtype).expand([batch]));
                changes.float().cast(dtype)
            }
        };
        changed.interpolate(sample, changes)
    }

    /// Moves an adaptive p: the state is p and the sum of the means of signs since its last move.
    #[inline(never)]
    pub fn adapt<B: Backend>(
        &self,
        real: &Verdict<B>,
        step: u64,
        batch: usize,
        state: &mut Memory<B>,
    ) {
        let Self::Adaptive {
            target,
            samples,
            interval,
        } = *self
        else {
            return;
        };
        let now = real.logits.clone().detach().sign().mean();
        let (p, sum) = match state.as_slice() {
            [p, sum] => (p.clone(), sum.clone() + now),
            _ => (now.zeros_like(), now),
        };
        *state = if (step + 1).is_multiple_of(interval as u64) {
            let mean = sum.clone().mul_scalar(1.0 / interval as f64);
            let move_by = (batch * interval) as f64 / samples;
            let p = p + mean.sub_scalar(target).sign().mul_scalar(move_by);
            vec![p.clamp(0.0, 1.0), sum.zeros_like()]
        } else {
            vec![p, sum]
        };
    }

    /// p where it adapts, `[1]`.
    pub fn now<B: Backend>(&self, state: &[Tensor<B, 1>]) -> Option<Tensor<B, 1>> {
        match self {
            Self::Fixed(_) => None,
            Self::Adaptive { .. } => state.first().cloned(),
        }
    }
}

crate::compiled::compiled! {
    Probability::mix::<Tape, Tensor<Tape, 2>>,
    Probability::mix::<Tape, Tensor<Tape, 4>>,
    Probability::mix::<Tapes, Tensor<Tapes, 2>>,
    Probability::mix::<Tapes, Tensor<Tapes, 4>>,
    Probability::adapt::<Tape>,
}
