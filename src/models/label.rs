//! Networks that are told a class label.

use burn::module::Module;
use burn::nn::{Embedding, EmbeddingConfig};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use crate::error::Result;
use crate::network::{Generator, Labels};
use crate::sizes;

/// A learned vector for each class, `[batch]` labels to `[batch, features]`.
///
/// It stands on the label's path, not on the sample's, so that exact gradient penalties go
/// through discriminators that use it.
#[derive(Module, Debug)]
pub struct LabelEmbedding<B: Backend> {
    embedding: Embedding<B>,
    features: usize,
}

impl<B: Backend> LabelEmbedding<B> {
    /// The size of a class's vector in the stock networks.
    pub const FEATURES: usize = 16;

    /// A vector of `features` numbers for each of `classes`, drawn from N(0, 1).
    ///
    /// # Errors
    /// If there is no class or no feature, more than 2²⁴ of either, or more than 2²⁸ numbers.
    pub fn new(classes: usize, features: usize, device: &B::Device) -> Result<Self> {
        sizes::size("classes", classes)?;
        sizes::size("features", features)?;
        sizes::weights("classes", &[classes, features])?;
        Ok(Self {
            embedding: EmbeddingConfig::new(classes, features).init(device),
            features,
        })
    }

    /// The number of classes; labels must lie below it.
    pub fn classes(&self) -> usize {
        self.embedding.weight.lazy_shape()[0]
    }

    /// The vectors of the labels' classes, `[batch, features]`; of packs one after the other,
    /// `[batch, pack · features]`.
    pub fn forward(&self, labels: &Labels<B>) -> Tensor<B, 2> {
        let batch = labels.classes.dims()[0];
        self.embedding
            .forward(labels.classes.clone().reshape([batch, 1]))
            .reshape([
                batch / labels.per_sample(),
                labels.per_sample() * self.features,
            ])
    }
}

/// A generator that is told a label: an unconditional one that finds the label's vector behind
/// its latent.
#[derive(Module, Debug)]
pub struct LabelGenerator<B: Backend, G> {
    embedding: LabelEmbedding<B>,
    generator: G,
}

impl<B: Backend, G: Module<B>> LabelGenerator<B, G> {
    /// `generator` takes latents that are wider by the embedding's features.
    pub fn new(embedding: LabelEmbedding<B>, generator: G) -> Self {
        Self {
            embedding,
            generator,
        }
    }
}

impl<B, G> Generator<B> for LabelGenerator<B, G>
where
    B: Backend,
    G: Generator<B, Condition = ()> + burn::module::ModuleDisplay,
{
    type Sample = G::Sample;
    type Condition = Labels<B>;

    fn generate(&self, latent: Tensor<B, 2>, condition: &Labels<B>) -> G::Sample {
        let label = self.embedding.forward(condition);
        self.generator
            .generate(Tensor::cat(vec![latent, label], 1), &())
    }

    fn output_range(&self) -> Option<(f64, f64)> {
        self.generator.output_range()
    }

    fn classes(&self) -> Option<usize> {
        Some(self.embedding.classes())
    }
}
