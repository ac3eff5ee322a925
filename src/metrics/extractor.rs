//! What makes features of samples.

use burn::tensor::backend::Backend;
use burn::tensor::{ElementConversion, Tensor};

use super::features::{ExtractorId, Features};
use crate::error::Result;

/// Makes features of samples: their own numbers, or what a network sees in them.
///
/// `S` is a batch of samples as the networks have it, such as `Tensor<B, 4>` for images.
pub trait FeatureExtractor<B: Backend, S> {
    /// What decides its values.
    fn id(&self) -> ExtractorId;

    /// The features of a batch, `[batch, dimensions]`.
    ///
    /// # Errors
    /// If it can't work on such samples: their shape, their channels.
    fn extract(&self, samples: S) -> Result<Tensor<B, 2>>;
}

// Which extractor it is may be known at run time only.
impl<B: Backend, S, E: FeatureExtractor<B, S> + ?Sized> FeatureExtractor<B, S> for Box<E> {
    fn id(&self) -> ExtractorId {
        (**self).id()
    }

    fn extract(&self, samples: S) -> Result<Tensor<B, 2>> {
        (**self).extract(samples)
    }
}

/// The features of samples that come in batches, on the host and in their order.
///
/// Memory: the features of all, and the tensors of one batch.
///
/// # Errors
/// The first error of a batch or of the extractor; if there is no batch.
pub fn features_of<B, S, E>(
    extractor: &E,
    batches: impl IntoIterator<Item = Result<S>>,
) -> Result<Features>
where
    B: Backend,
    E: FeatureExtractor<B, S> + ?Sized,
{
    let mut values = Vec::new();
    let mut dimensions = 0;
    for batch in batches {
        let features = extractor.extract(batch?)?;
        dimensions = features.dims()[1];
        let data = features.into_data();
        values.extend(data.iter::<B::FloatElem>().map(|x| x.elem::<f32>()));
    }
    Ok(Features::new(values, dimensions)?.with_extractor(extractor.id()))
}
