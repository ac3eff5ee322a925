//! A light pair for few images: a generator with skip-layer excitation, and a discriminator that makes
//! what it sees again.
//!
//! Liu, Zhu, Song, Elgammal 2021, *Towards faster and stabilized GAN training for high-fidelity few-shot
//! image synthesis*, arXiv:2101.04775 (FastGAN), with blurred changes of size and the plain squared
//! error in the place of a perceptual one.

mod discriminator;
mod generator;
mod presets;
#[cfg(test)]
mod tests;

pub use discriminator::{LightDiscriminator, LightDiscriminatorConfig};
pub use generator::{LightGenerator, LightGeneratorConfig};
pub use presets::LightPreset;

/// Channels at a height: `widest` at 4, half of that at each doubling up to 32, as many at 64, then half
/// again; at least 2, so that they have halves.
fn channels(side: usize, widest: usize) -> usize {
    let numerator = if side <= 32 { 4 } else { 8 };
    (widest * numerator / side).max(2)
}
