//! The prior p(z) that a generator draws from; truncated draws, and paths from one latent to
//! another.

mod interpolation;
mod truncation;

pub use interpolation::{lerp, slerp};

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::random::Stream;
use crate::settings::settings;
use crate::sizes;

settings! {
#[tag = "distribution"]
/// A prior over latents: a distribution of independent components.
///
/// Latents are drawn on the host from a [`Stream`] and uploaded, a few thousand numbers a step:
/// the same seed gives the same latents on every backend, and a stored stream goes on with the
/// very next one.
///
/// ```
/// use burn_gan::burn::backend::Flex;
/// use burn_gan::{Latent, random::Stream};
///
/// let prior = Latent::normal(16);
/// let z = prior.draw::<Flex>(4, &mut Stream::new(42, "latent"), &Default::default());
/// assert_eq!(z.dims(), [4, 16]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Latent {
    /// z ~ N(0, I).
    Normal {
        /// The number of components.
        dimensions: usize,
    },
    /// z ~ U[low, high) in each component.
    Uniform {
        /// The number of components.
        dimensions: usize,
        /// The lower bound.
        low: f32,
        /// The upper bound.
        high: f32,
    },
}
}

impl Latent {
    /// N(0, I) in `dimensions` components.
    pub fn normal(dimensions: usize) -> Self {
        Self::Normal { dimensions }
    }

    /// U[−1, 1) in each of `dimensions` components.
    pub fn uniform(dimensions: usize) -> Self {
        Self::Uniform {
            dimensions,
            low: -1.0,
            high: 1.0,
        }
    }

    /// The number of components of a latent.
    pub fn dimensions(&self) -> usize {
        match self {
            Self::Normal { dimensions } | Self::Uniform { dimensions, .. } => *dimensions,
        }
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// If there is no component or more than 2²⁴, or the bounds are not finite and in order.
    pub fn validate(&self) -> Result<()> {
        sizes::size("dimensions", self.dimensions())?;
        if let Self::Uniform { low, high, .. } = *self
            && (!(low < high) || low.is_infinite() || high.is_infinite())
        {
            return Err(Error::setting(
                "low",
                low,
                format!("must be finite and below `high` = {high}"),
            ));
        }
        Ok(())
    }

    /// Draws a batch of latents, `[batch, dimensions]`.
    pub fn draw<B: Backend>(
        &self,
        batch: usize,
        stream: &mut Stream,
        device: &B::Device,
    ) -> Tensor<B, 2> {
        let count = batch * self.dimensions();
        let values = match *self {
            Self::Normal { .. } => stream.normal(count),
            Self::Uniform { low, high, .. } => stream.uniform(count, low, high),
        };
        Tensor::from_data(TensorData::new(values, [batch, self.dimensions()]), device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Cpu, values};
    use burn::backend::NdArray;

    #[test]
    fn the_same_seed_gives_the_same_latents_on_every_backend() {
        for prior in [Latent::normal(7), Latent::uniform(7)] {
            let a = prior.draw::<Cpu>(5, &mut Stream::new(1, "z"), &Default::default());
            let b = prior.draw::<NdArray>(5, &mut Stream::new(1, "z"), &Default::default());
            assert_eq!(values(a), values(b));
        }
    }

    #[test]
    fn wrong_settings_are_refused() {
        assert!(Latent::normal(0).validate().is_err());
        let backwards = Latent::Uniform {
            dimensions: 2,
            low: 1.0,
            high: f32::NAN,
        };
        assert!(backwards.validate().is_err());
        assert!(Latent::uniform(2).validate().is_ok());
    }

    #[test]
    fn settings_survive_json() {
        let prior = Latent::uniform(3);
        let json = serde_json::to_string(&prior).expect("settings serialise");
        assert_eq!(
            json,
            r#"{"distribution":"uniform","dimensions":3,"low":-1.0,"high":1.0}"#
        );
        let back: Latent = serde_json::from_str(&json).expect("settings parse");
        assert_eq!(back, prior);
    }
}
