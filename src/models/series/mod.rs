//! A pair of one-dimensional convolutions for series.

mod discriminator;
mod generator;
mod pyramid;
#[cfg(test)]
mod tests;

pub use discriminator::{SeriesDiscriminator, SeriesDiscriminatorConfig};
pub use generator::{SeriesGenerator, SeriesGeneratorConfig};
