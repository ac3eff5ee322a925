//! Stock networks, each with a config that validates itself.

mod dcgan;
mod label;
mod mlp;
mod saved;

pub use dcgan::{
    DcganDiscriminator, DcganDiscriminatorConfig, DcganGenerator, DcganGeneratorConfig,
    DcganLabelDiscriminator, ImageShape, MIN_SIZE,
};
pub use label::{LabelEmbedding, LabelGenerator};
pub use mlp::{
    MlpDiscriminator, MlpDiscriminatorConfig, MlpGenerator, MlpGeneratorConfig,
    MlpLabelDiscriminator,
};
pub use saved::SavedGenerator;

pub use crate::nn::Activation;

#[cfg(test)]
mod tests;
