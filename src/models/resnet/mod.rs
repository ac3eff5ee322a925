//! The residual pair of SNGAN, with the options that SAGAN, BigGAN and BigGAN-deep added to it.

mod block;
mod discriminator;
mod generator;
mod presets;
mod table;

#[cfg(test)]
mod tests;

pub use discriminator::{ResNetDiscriminator, ResNetDiscriminatorConfig};
pub use generator::{ResNetGenerator, ResNetGeneratorConfig};
pub use presets::ResNetPreset;
pub use table::ResNetTable;

use burn::module::Initializer;

use crate::data::ImageShape;
use crate::error::{Error, Result, check};
use crate::settings::settings;
use crate::sizes;

settings! {
/// How the weights of a residual network are drawn.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ResNetInit {
    /// Glorot's uniform distribution; the 3×3 convolutions of blocks times √2 (SNGAN).
    Glorot,
    /// Orthogonal matrices (BigGAN).
    Orthogonal,
    /// N(0, std²); 0.02 in BigGAN's settings for small images.
    Normal {
        /// The standard deviation.
        std: f64,
    },
}
}

impl ResNetInit {
    fn validate(&self) -> Result<()> {
        match self {
            Self::Normal { std } => check::positive("std", *std),
            Self::Glorot | Self::Orthogonal => Ok(()),
        }
    }

    /// Of a block's 3×3 convolutions.
    fn residual(self) -> Initializer {
        self.with_gain(std::f64::consts::SQRT_2)
    }

    /// Of all other layers.
    fn plain(self) -> Initializer {
        self.with_gain(1.0)
    }

    fn with_gain(self, gain: f64) -> Initializer {
        match self {
            Self::Glorot => Initializer::XavierUniform { gain },
            Self::Orthogonal => Initializer::Orthogonal { gain: 1.0 },
            Self::Normal { std } => Initializer::Normal { mean: 0.0, std },
        }
    }
}

/// The height at which BigGAN has attention: 64 pixels of the shorter side, where the smallest map of 4 is
/// doubled more than that.
fn big_attention(image: &ImageShape, doublings: usize) -> Option<usize> {
    (doublings > 4).then(|| image.height >> (doublings - 4))
}

/// How many blocks there are for each size: one, or two deep ones.
fn blocks_at_a_size(deep: bool) -> usize {
    if deep { 2 } else { 1 }
}

/// How often height and width can be halved to no less than `smallest`, both even each time.
fn halvings(image: &ImageShape, smallest: usize) -> usize {
    let mut count = 0;
    let side = |size: usize, count: usize| size >> count;
    while [image.height, image.width]
        .into_iter()
        .all(|size| side(size, count).is_multiple_of(2) && side(size, count + 1) >= smallest)
    {
        count += 1;
    }
    count
}

/// The multiples of a number on both sides of a value, in words.
pub(super) fn multiples(value: usize, of: usize) -> String {
    let below = value - value % of;
    match (below, below.checked_add(of)) {
        (0, Some(above)) => above.to_string(),
        (below, Some(above)) => format!("{below} or {above}"),
        (below, None) => below.to_string(),
    }
}

/// Refuses images that can't be halved so often.
fn check_image(image: &ImageShape, halvings: usize) -> Result<()> {
    check::at_least("channels", image.channels, 1)?;
    let shape = [image.channels, image.height, image.width];
    sizes::shape("shape", &shape)?;
    for (field, size) in [("height", image.height), ("width", image.width)] {
        let whole = u32::try_from(halvings)
            .ok()
            .and_then(|halvings| 1usize.checked_shl(halvings))
            .is_some_and(|factor| size > 0 && size.is_multiple_of(factor));
        if !whole {
            return Err(Error::setting(
                field,
                size,
                format!(
                    "can't be halved {halvings} times, which is what `channels` asks for: give other \
                     images, or another number of `channels`"
                ),
            ));
        }
    }
    Ok(())
}

/// The block after which the map has the height that gets attention.
fn attended(height: Option<usize>, heights: Vec<usize>) -> Result<Option<usize>> {
    let Some(height) = height else {
        return Ok(None);
    };
    let place = heights
        .iter()
        .position(|have| *have == height && height > 1);
    let heights = heights.iter().filter(|height| **height > 1);
    place.map(Some).ok_or_else(|| {
        let heights: Vec<_> = heights.collect();
        let problem = format!("is the height of no map after a block; take one of {heights:?}");
        Error::setting("attention", height, problem)
    })
}

/// Refuses layers that are too large: 3×3 convolutions between these channels, and a linear one between
/// as many numbers as the product of `ends`.
fn check_layers(channels: &[usize], ends: &[usize]) -> Result<()> {
    for count in channels {
        sizes::size("channels", *count)?;
    }
    let mut layers: Vec<Vec<usize>> = channels
        .windows(2)
        .flat_map(|pair| [vec![pair[0], pair[1], 3, 3], vec![pair[1], pair[1], 3, 3]])
        .collect();
    layers.push(ends.to_vec());
    sizes::network("channels", &layers)
}
