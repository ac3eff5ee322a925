//! What a generator hands over in training.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

/// Generated samples, and what the generator knew when it chose them.
#[derive(Debug, Clone)]
pub struct Generated<B: Backend, S> {
    /// The samples.
    pub sample: S,
    /// ln P of each entry of the condition's vector, `[batch, size]`, by the generator that drew the
    /// samples: only where it was asked for and the generator [knows
    /// it](super::Generator::generate_with_log_probabilities).
    pub log_probabilities: Option<Tensor<B, 2>>,
}

impl<B: Backend, S> From<S> for Generated<B, S> {
    fn from(sample: S) -> Self {
        Self {
            sample,
            log_probabilities: None,
        }
    }
}
