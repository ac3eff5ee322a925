//! Vectors as they are.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use crate::models::ConditionEmbedding;
use crate::network::Vectors;

/// Vectors as their own features, `[batch, size]`: for one-hot vectors, which a first layer maps
/// anyway.
#[derive(Module, Debug)]
pub struct PlainVectors<B: Backend> {
    backend: std::marker::PhantomData<B>,
}

impl<B: Backend> PlainVectors<B> {
    /// Vectors as they are.
    #[allow(clippy::new_without_default)] // no module of the crate has a default
    pub fn new() -> Self {
        Self {
            backend: std::marker::PhantomData,
        }
    }
}

impl<B: Backend> ConditionEmbedding<B> for PlainVectors<B> {
    type Condition = Vectors<B>;

    fn embed(&self, condition: &Vectors<B>) -> Tensor<B, 2> {
        condition.values.clone()
    }
}
