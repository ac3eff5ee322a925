//! Conditions as features: a vector per class, a linear map of vectors.

use burn::module::{Initializer, Module};
use burn::nn::{Embedding, EmbeddingConfig};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::ConditionEmbedding;
use crate::error::{Result, check};
use crate::network::{Labels, Vectors};
use crate::nn::{Linear, LinearConfig, SpectralOption};
use crate::sizes;

/// The features of a condition in the stock networks.
pub(super) const FEATURES: usize = 16;

/// A learned vector for each class, `[batch]` labels to `[batch, features]`.
///
/// It stands on the label's path, not on the sample's, so that exact gradient penalties go
/// through discriminators that use it.
#[derive(Module, Debug)]
pub struct LabelEmbedding<B: Backend> {
    embedding: SpectralOption<B, Embedding<B>>,
    features: usize,
}

impl<B: Backend> LabelEmbedding<B> {
    /// A vector of `features` numbers for each of `classes`, drawn from N(0, 1).
    ///
    /// # Errors
    /// If there is no class or no feature, more than 2²⁴ of either, or more than 2²⁸ numbers.
    pub fn new(classes: usize, features: usize, device: &B::Device) -> Result<Self> {
        Self::with_std(classes, features, 1.0, device)
    }

    /// A vector of `features` numbers for each of `classes`, drawn from N(0, std²).
    ///
    /// # Errors
    /// As [`new`](Self::new), or if `std` is not a finite number above 0.
    pub fn with_std(classes: usize, features: usize, std: f64, device: &B::Device) -> Result<Self> {
        sizes::size("classes", classes)?;
        sizes::size("features", features)?;
        sizes::weights("classes", &[classes, features])?;
        check::positive("std", std)?;
        let initializer = Initializer::Normal { mean: 0.0, std };
        let embedding = EmbeddingConfig::new(classes, features).with_initializer(initializer);
        Ok(Self {
            embedding: SpectralOption::new(embedding.init(device), false),
            features,
        })
    }

    /// The same with its table spectrally normalised, or not.
    pub fn with_spectral_norm(mut self, spectral_norm: bool) -> Self {
        let table = match self.embedding {
            SpectralOption::Plain(table) => table,
            SpectralOption::Normalized(norm) => norm.into_layer(),
        };
        self.embedding = SpectralOption::new(table, spectral_norm);
        self
    }

    /// The number of classes; labels must lie below it.
    pub fn classes(&self) -> usize {
        let table = match &self.embedding {
            SpectralOption::Plain(table) => table,
            SpectralOption::Normalized(norm) => norm.layer(),
        };
        table.weight.lazy_shape()[0]
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

impl<B: Backend> ConditionEmbedding<B> for LabelEmbedding<B> {
    type Condition = Labels<B>;

    fn embed(&self, condition: &Labels<B>) -> Tensor<B, 2> {
        self.forward(condition)
    }

    fn classes(&self) -> Option<usize> {
        Some(self.classes())
    }
}

/// A learned linear map of vectors, `[batch, size]` to `[batch, features]`.
#[derive(Module, Debug)]
pub struct VectorEmbedding<B: Backend> {
    linear: Linear<B>,
    size: usize,
    features: usize,
}

impl<B: Backend> VectorEmbedding<B> {
    /// A map of vectors of `size` numbers to `features`.
    ///
    /// # Errors
    /// If there is no number or no feature, more than 2²⁴ of either, or more than 2²⁸ weights.
    pub fn new(size: usize, features: usize, device: &B::Device) -> Result<Self> {
        sizes::size("size", size)?;
        sizes::size("features", features)?;
        sizes::weights("size", &[size, features])?;
        Ok(Self {
            linear: LinearConfig::new(size, features).init(device),
            size,
            features,
        })
    }

    /// The features of the vectors, `[batch, features]`; of packs one after the other,
    /// `[batch, pack · features]`.
    ///
    /// # Panics
    /// If the vectors are not of its size, or of a multiple of it, as those of packs are.
    pub fn forward(&self, vectors: &Vectors<B>) -> Tensor<B, 2> {
        let [batch, width] = vectors.values.dims();
        assert!(
            width > 0 && width.is_multiple_of(self.size),
            "vectors of {width} numbers for networks made for {}",
            self.size
        );
        let pack = width / self.size;
        let each = vectors.values.clone().reshape([batch * pack, self.size]);
        let features = self.linear.forward(each);
        features.reshape([batch, pack * self.features])
    }
}

impl<B: Backend> ConditionEmbedding<B> for VectorEmbedding<B> {
    type Condition = Vectors<B>;

    fn embed(&self, condition: &Vectors<B>) -> Tensor<B, 2> {
        self.forward(condition)
    }

    fn vector_size(&self) -> Option<usize> {
        Some(self.size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::update_spectral_norms;
    use crate::testing::{assert_close, assign, for_each_backend, values};

    fn a_normalized_table_is_divided_by_its_largest_singular_value<B: Backend>() {
        let device = Default::default();
        let table = LabelEmbedding::<B>::new(2, 3, &device).expect("valid sizes");
        let normalized = table.with_spectral_norm(true);
        assert_eq!(normalized.classes(), 2);
        // Singular values 4 and 2.
        let numbers = vec![
            vec![0.0, 4.0, 0.0, 2.0, 0.0, 0.0],
            vec![0.6, 0.8, 0.0],
            vec![0.8, 0.6],
        ];
        let normalized = update_spectral_norms(assign::<B, _>(normalized, numbers), 40);
        let labels = Labels::from_slice(&[1, 0], 2, &device).expect("labels");
        let found = values(normalized.forward(&labels));
        assert_close(&found, &[0.5, 0.0, 0.0, 0.0, 1.0, 0.0], 1e-5, 1e-5);
        let plain = normalized.with_spectral_norm(false);
        let found = values(plain.forward(&labels));
        assert_close(&found, &[2.0, 0.0, 0.0, 0.0, 4.0, 0.0], 1e-5, 1e-5);
    }

    for_each_backend!(a_normalized_table_is_divided_by_its_largest_singular_value);
}
