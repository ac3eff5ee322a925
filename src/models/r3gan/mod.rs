//! R3GAN: a pair of residual networks with grouped convolutions and without norms.

mod blocks;
mod discriminator;
mod generator;
mod presets;
#[cfg(test)]
mod tests;

pub use discriminator::{R3ganDiscriminator, R3ganDiscriminatorConfig};
pub use generator::{R3ganGenerator, R3ganGeneratorConfig};
pub use presets::{R3ganPreset, R3ganTraining};
