//! Stock networks, each with a config that validates itself.

mod classifier;
mod conditional;
mod dcgan;
mod embedding;
mod light;
mod mlp;
mod projection;
mod saved;
mod squares;
mod stylegan2;
mod weights;

pub use classifier::{Classifier, ClassifierConfig, Halving, SavedClassifier, Seen};
pub use conditional::{ConcatenateFeatures, ConditionEmbedding, Conditional};
pub use dcgan::{
    DcganDiscriminator, DcganDiscriminatorConfig, DcganGenerator, DcganGeneratorConfig,
};
pub use embedding::{LabelEmbedding, VectorEmbedding};
pub use light::{
    LightDiscriminator, LightDiscriminatorConfig, LightGenerator, LightGeneratorConfig,
};
pub use mlp::{MlpDiscriminator, MlpDiscriminatorConfig, MlpGenerator, MlpGeneratorConfig};
pub use projection::Projection;
pub use saved::SavedGenerator;
pub(crate) use saved::{refuse, settings_type};
pub use stylegan2::{
    MappedEmbedding, StyleGan2Discriminator, StyleGan2DiscriminatorConfig, StyleGan2Generator,
    StyleGan2GeneratorConfig, StyleMapping,
};
pub(crate) use weights::stored_tensors;
pub use weights::{load_safetensors, save_safetensors, weights_hash};

use crate::nn::Activation;

/// The interval that an activation's values lie in, where it has bounds.
fn range_of(activation: Activation) -> Option<(f64, f64)> {
    match activation {
        Activation::Tanh => Some((-1.0, 1.0)),
        Activation::Sigmoid => Some((0.0, 1.0)),
        Activation::Relu => Some((0.0, f64::INFINITY)),
        Activation::Identity | Activation::LeakyRelu { .. } => None,
    }
}

/// A pack of one sample.
fn alone() -> usize {
    1
}

#[cfg(test)]
mod tests;
