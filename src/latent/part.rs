//! One of the distributions that stand side by side in a prior.

use serde::Serialize;

use crate::error::{Error, Result, check};
use crate::random::Stream;
use crate::settings::settings;
use crate::sizes;

settings! {
#[tag = "distribution"]
/// A part of a prior in parts ([`Latent::parts`](super::Latent::parts)): noise without a name, or
/// a code that has one, so that a term of the objective can ask for it.
///
/// The codes of InfoGAN: Chen, Duan, Houthooft, Schulman, Sutskever, Abbeel 2016,
/// arXiv:1606.03657.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Part {
    /// Noise: z ~ N(0, I).
    Normal {
        /// The number of components.
        dimensions: usize,
    },
    /// Noise: z ~ U[low, high) in each component.
    Uniform {
        /// The number of components.
        dimensions: usize,
        /// The lower bound.
        low: f32,
        /// The upper bound.
        high: f32,
    },
    /// A code: one class of many, all equally likely, as a one-hot vector of `classes` components.
    Categorical {
        /// What it is called, once in a prior.
        name: String,
        /// The number of classes, at least 2.
        classes: usize,
    },
    /// A code: c ~ U[low, high) in each component.
    Continuous {
        /// What it is called, once in a prior.
        name: String,
        /// The number of components.
        dimensions: usize,
        /// The lower bound.
        low: f32,
        /// The upper bound.
        high: f32,
    },
}
}

impl Part {
    /// Noise from N(0, I) in `dimensions` components.
    pub fn normal(dimensions: usize) -> Self {
        Self::Normal { dimensions }
    }

    /// Noise from U[−1, 1) in each of `dimensions` components.
    pub fn uniform(dimensions: usize) -> Self {
        Self::Uniform {
            dimensions,
            low: -1.0,
            high: 1.0,
        }
    }

    /// A code that is one of `classes`, all equally likely.
    pub fn categorical(name: impl Into<String>, classes: usize) -> Self {
        Self::Categorical {
            name: name.into(),
            classes,
        }
    }

    /// A code from U[−1, 1) in each of `dimensions` components.
    pub fn continuous(name: impl Into<String>, dimensions: usize) -> Self {
        Self::Continuous {
            name: name.into(),
            dimensions,
            low: -1.0,
            high: 1.0,
        }
    }

    /// The number of components of a latent that it takes; a categorical code has one for each
    /// class.
    pub fn dimensions(&self) -> usize {
        match *self {
            Self::Normal { dimensions }
            | Self::Uniform { dimensions, .. }
            | Self::Continuous { dimensions, .. } => dimensions,
            Self::Categorical { classes, .. } => classes,
        }
    }

    /// What the code is called; `None` for noise.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Normal { .. } | Self::Uniform { .. } => None,
            Self::Categorical { name, .. } | Self::Continuous { name, .. } => Some(name),
        }
    }

    /// Checks the settings of this part alone.
    ///
    /// # Errors
    /// If there is no component or more than 2²⁴, fewer than 2 classes, bounds that are not finite
    /// and in order, or a code without a name.
    pub fn validate(&self) -> Result<()> {
        if let Some(name) = self.name()
            && name.trim().is_empty()
        {
            return Err(Error::setting(
                "name",
                format!("{name:?}"),
                "must not be empty: a code is asked for by its name",
            ));
        }
        match *self {
            Self::Normal { dimensions } => sizes::size("dimensions", dimensions),
            Self::Categorical { classes, .. } => {
                check::at_least("classes", classes, 2)?;
                check::at_most("classes", classes, sizes::SIZE)
            }
            Self::Uniform {
                dimensions,
                low,
                high,
            }
            | Self::Continuous {
                dimensions,
                low,
                high,
                ..
            } => {
                sizes::size("dimensions", dimensions)?;
                in_order(low, high)
            }
        }
    }

    /// Draws for a batch, row after row of [`dimensions`](Self::dimensions) numbers.
    pub(super) fn draw(&self, batch: usize, stream: &mut Stream) -> Vec<f32> {
        let count = batch * self.dimensions();
        match *self {
            Self::Normal { .. } => stream.normal(count),
            Self::Uniform { low, high, .. } | Self::Continuous { low, high, .. } => {
                stream.uniform(count, low, high)
            }
            Self::Categorical { classes, .. } => {
                let mut rows = vec![0.0; count];
                for row in rows.chunks_exact_mut(classes) {
                    row[stream.index(classes)] = 1.0;
                }
                rows
            }
        }
    }
}

/// Refuses bounds that are not finite and in order, or too far apart for a number between.
fn in_order(low: f32, high: f32) -> Result<()> {
    // Of bounds too far apart the width is infinite, and so would be what is drawn.
    if !(low < high) || (high - low).is_infinite() {
        return Err(Error::setting(
            "low",
            low,
            format!("must be finite and below `high` = {high}"),
        ));
    }
    Ok(())
}
