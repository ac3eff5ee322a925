//! CTGAN's pair for rows of tables.

mod discriminator;
mod generator;
mod plain_vectors;
#[cfg(test)]
mod tests;

pub use discriminator::{TabularDiscriminator, TabularDiscriminatorConfig};
pub use generator::{TabularGenerator, TabularGeneratorConfig};
pub use plain_vectors::PlainVectors;
