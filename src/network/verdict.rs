//! What a discriminator says.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

/// What a discriminator says about a batch.
///
/// Most discriminators return logits alone: `Verdict::from(logits)`, or `.into()`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Verdict<B: Backend> {
    /// One logit per sample and patch, `[batch, patches]`: ln of the odds that the sample is
    /// real. `patches` is 1 unless the network judges regions of a sample.
    pub logits: Tensor<B, 2>,
    /// Class logits of an auxiliary classifier, `[batch, classes]`.
    pub class_logits: Option<Tensor<B, 2>>,
    /// Features of an inner layer, `[batch, features]`, for feature matching.
    pub features: Option<Tensor<B, 2>>,
}

impl<B: Backend> Verdict<B> {
    /// Adds the class logits of an auxiliary classifier, `[batch, classes]`.
    pub fn with_class_logits(mut self, class_logits: Tensor<B, 2>) -> Self {
        self.class_logits = Some(class_logits);
        self
    }

    /// Adds features of an inner layer, `[batch, features]`.
    pub fn with_features(mut self, features: Tensor<B, 2>) -> Self {
        self.features = Some(features);
        self
    }
}

impl<B: Backend> From<Tensor<B, 2>> for Verdict<B> {
    fn from(logits: Tensor<B, 2>) -> Self {
        Self {
            logits,
            class_logits: None,
            features: None,
        }
    }
}
