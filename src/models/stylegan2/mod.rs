//! StyleGAN2: a generator that styles steer layer by layer, and a residual discriminator.
//!
//! Karras, Laine, Aittala, Hellsten, Lehtinen, Aila 2019, *Analyzing and improving the image quality of
//! StyleGAN*, arXiv:1912.04958; its settings for smaller images and data: Karras et al. 2020, *Training
//! generative adversarial networks with limited data*, arXiv:2006.06676.

mod discriminator;
mod generator;
mod mapping;
mod presets;
#[cfg(test)]
mod tests;

pub use discriminator::{
    StyleGan2Discriminator, StyleGan2DiscriminatorConfig, StyleGan2Projection,
};
pub use generator::{StyleGan2Generator, StyleGan2GeneratorConfig};
pub use mapping::{MappedEmbedding, StyleMapping};
pub use presets::{StyleGan2Preset, StyleGan2Training};

use crate::data::ImageShape;
use crate::error::Result;
use crate::sizes;

/// Channels times height in the papers: less for images that have less to show.
fn base(image: &ImageShape) -> usize {
    match image.height {
        ..512 => 16_384,
        _ => 32_768,
    }
}

/// min(⌊base/side⌋, widest), at least 1.
fn channels(side: usize, base: usize, widest: usize) -> usize {
    (base / side).clamp(1, widest.max(1))
}

fn check_widths(base: usize, widest: usize) -> Result<()> {
    sizes::size("base", base)?;
    sizes::size("widest", widest)
}
