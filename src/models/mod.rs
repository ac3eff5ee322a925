//! Stock networks, each with a config that validates itself.

mod auxiliary_classifier;
mod classifier;
mod code_head;
mod conditional;
mod dcgan;
mod embedding;
mod image_pair;
mod image_training;
mod light;
mod mlp;
mod projection;
mod r3gan;
mod resnet;
mod saved;
mod series;
mod squares;
mod stylegan2;
#[cfg(feature = "tables")]
mod tabular;
mod weights;

pub use auxiliary_classifier::AuxiliaryClassifier;
pub use classifier::{Classifier, ClassifierConfig, Halving, SavedClassifier, Seen};
pub use code_head::{CodeHead, CodeHeadConfig};
pub use conditional::{ConcatenateFeatures, ConditionEmbedding, Conditional};
pub use dcgan::{
    DcganDiscriminator, DcganDiscriminatorConfig, DcganGenerator, DcganGeneratorConfig,
};
pub use embedding::{LabelEmbedding, VectorEmbedding};
pub use image_pair::{
    ImageDiscriminator, ImageDiscriminatorConfig, ImageGenerator, ImageGeneratorConfig,
    ImageNetwork,
};
pub use light::{
    LightDiscriminator, LightDiscriminatorConfig, LightGenerator, LightGeneratorConfig, LightPreset,
};
pub use mlp::{MlpDiscriminator, MlpDiscriminatorConfig, MlpGenerator, MlpGeneratorConfig};
pub use projection::Projection;
pub use r3gan::{
    R3ganDiscriminator, R3ganDiscriminatorConfig, R3ganGenerator, R3ganGeneratorConfig,
    R3ganPreset, R3ganTraining,
};
pub use resnet::{
    ResNetDiscriminator, ResNetDiscriminatorConfig, ResNetGenerator, ResNetGeneratorConfig,
    ResNetInit, ResNetPreset, ResNetTable,
};
pub use saved::SavedGenerator;
pub(crate) use saved::{refuse, settings_type};
pub use series::{
    SeriesDiscriminator, SeriesDiscriminatorConfig, SeriesGenerator, SeriesGeneratorConfig,
};
pub use stylegan2::{
    MappedEmbedding, StyleGan2Discriminator, StyleGan2DiscriminatorConfig, StyleGan2Generator,
    StyleGan2GeneratorConfig, StyleGan2Preset, StyleGan2Projection, StyleGan2Training,
    StyleMapping,
};
#[cfg(feature = "tables")]
pub use tabular::{
    PlainVectors, TabularDiscriminator, TabularDiscriminatorConfig, TabularGenerator,
    TabularGeneratorConfig,
};
pub(crate) use weights::stored_tensors;
pub use weights::{
    Renamed, StoredWeight, Unmatched, WeightTable, load_safetensors, load_weights,
    load_weights_in_part, save_safetensors, stored_weights, weights_hash,
};

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
mod conditions_golden;
#[cfg(test)]
mod image_conditions;
#[cfg(test)]
mod tests;
