//! Samples as their own features.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::extractor::FeatureExtractor;
use super::features::ExtractorId;
use crate::error::Result;

/// The numbers of the samples themselves, one sample in a row: points of a plane, columns of a table,
/// pixels.
///
/// Distances between pixels say little about pictures: for images a network's features are better.
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::metrics::{FeatureExtractor, Raw};
///
/// let images = Tensor::<Flex, 4>::zeros([5, 3, 8, 8], &Default::default());
/// assert_eq!(Raw.extract(images)?.dims(), [5, 192]);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Raw;

impl<B: Backend, const R: usize> FeatureExtractor<B, Tensor<B, R>> for Raw {
    fn id(&self) -> ExtractorId {
        ExtractorId::raw()
    }

    fn extract(&self, samples: Tensor<B, R>) -> Result<Tensor<B, 2>> {
        let dims = samples.dims();
        Ok(samples.reshape([dims[0], dims[1..].iter().product()]))
    }
}
