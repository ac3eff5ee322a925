//! ADA's transformations: twelve and more, each with a probability of its own.

mod compose;
mod draws;
mod forms;
#[cfg(test)]
mod tests;
mod transformations;

pub use transformations::Transformations;

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use self::compose::Strength;
use self::draws::Draws;
use super::{Probability, SampleAugment};
use crate::error::Result;
use crate::network::{Fill, Sample, Verdict};
use crate::objective::Memory;
use crate::random::Stream;
use crate::settings::settings;

settings! {
/// ADA: a list of transformations of images, each of which is made with its multiplier times p,
/// independently of the others and for each sample, with p fixed, on a ramp, or adapted.
///
/// Images are `[batch, …, height, width]` with pixels in [−1, 1]; colours are grey (1 channel), RGB
/// (3), or RGB and alpha (4, alpha as it was). As long as every transformation is left out often
/// enough (p up to about 0.8 in the paper) generated samples do not take it over.
///
/// Flips, quarter turns, whole shifts, colours and cutout are exact. The others are one affine map of
/// each image, with the exact geometric ones in it, by bilinear interpolation; the paper's own
/// scales up by wavelets before it and down after it, which keeps fine detail a little better. What
/// comes in at the border is the mirrored image, as often as it takes; the paper's is mirrored once,
/// and then 0.
///
/// R3GAN lets p rise along half a cosine instead of adapting it. That is a
/// [`Ramp`](crate::train::Ramp):
///
/// ```
/// use burn_gan::objective::{Ada, Augment, Loss, Objective, Probability, Transformations};
/// use burn_gan::train::{Ramp, TrainerConfig};
/// use burn_gan::Latent;
///
/// // As in the paper, faster: for small runs.
/// let adaptive = Ada::new(Probability::adaptive(50_000.0));
/// let objective = Objective::new(Loss::NonSaturating).with_augment(Augment::Ada(adaptive));
/// objective.validate()?;
///
/// // As R3GAN.
/// let rising = Ada::new(Probability::Fixed(0.0)).with_transformations(Transformations::R3GAN);
/// let objective = Objective::new(Loss::NonSaturating).with_augment(Augment::Ada(rising));
/// let config = TrainerConfig::new(10_000, 64, Latent::normal(64))
///     .with_objective(objective)
///     .with_ramp(Ramp::cosine("objective.augment.ada.probability.fixed", 0.3, 5_000));
/// # config.validate()?;
/// # Ok::<(), burn_gan::Error>(())
/// ```
///
/// Karras, Aittala, Hellsten, Laine, Lehtinen, Aila 2020, *Training generative adversarial networks
/// with limited data*, arXiv:2006.06676; Huang, Gokaslan, Kuleshov, Tompkin 2024, *The GAN is dead;
/// long live the GAN! A modern baseline GAN*, arXiv:2501.05441.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Ada {
    /// p.
    pub probability: Probability,
    /// Which transformations, and how often of p each.
    #[serde(default)]
    pub transformations: Transformations,
    /// What comes in at the border.
    #[serde(default = "reflected")]
    pub fill: Fill,
}
}

fn reflected() -> Fill {
    Fill::Reflect
}

impl Ada {
    /// The paper's twelve transformations.
    pub fn new(probability: Probability) -> Self {
        Self {
            probability,
            transformations: Transformations::default(),
            fill: reflected(),
        }
    }

    /// Which transformations, and how often of p each.
    pub fn with_transformations(mut self, transformations: Transformations) -> Self {
        self.transformations = transformations;
        self
    }

    /// What comes in at the border.
    pub fn with_fill(mut self, fill: Fill) -> Self {
        self.fill = fill;
        self
    }

    pub(super) fn validate(&self) -> Result<()> {
        self.transformations
            .validate()
            .map_err(|error| error.within("ada.transformations"))?;
        self.fill.validate().map_err(|error| error.within("ada"))?;
        self.probability
            .validate()
            .map_err(|error| error.within("ada.probability"))
    }

    /// p as far as it is known here; `None` before it has moved at all.
    fn strength<B: Backend>(&self, state: &[Tensor<B, 1>]) -> Option<Strength<B>> {
        match self.probability {
            Probability::Fixed(p) => Some(Strength::Known(p)),
            Probability::Adaptive { .. } => state.first().map(Strength::of),
        }
    }
}

impl<B: Backend, S: Sample<B>> SampleAugment<B, S> for Ada {
    fn apply(&self, sample: S, state: &[Tensor<B, 1>], noise: &mut Stream) -> S {
        let strength = match self.strength(state) {
            None | Some(Strength::Known(0.0)) => return sample,
            Some(strength) => strength,
        };
        let draws = Draws::new(&self.transformations, sample.batch_size(), noise);
        sample.map_pictures(&mut |pictures| {
            // All pictures of a sample alike: an image and its mask stay together.
            draws.apply(pictures, &strength, self.fill, &mut noise.clone())
        })
    }

    fn adapt(
        &self,
        real: &Verdict<B>,
        _fake: &Verdict<B>,
        step: u64,
        samples: usize,
        state: &mut Memory<B>,
    ) {
        self.probability.adapt(real, step, samples, state);
    }

    fn strength(&self, state: &[Tensor<B, 1>]) -> Option<Tensor<B, 1>> {
        self.probability.now(state)
    }
}

crate::compiled::compiled! {
    Draws::apply::<Tape>,
    Draws::apply::<Tapes>,
}
