//! A function or a user's own network as an extractor.

use std::fmt;

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::extractor::FeatureExtractor;
use super::features::ExtractorId;
use crate::error::{Error, Result};
use crate::models::weights_hash;
use crate::network::guard::tried;

/// A function as a [`FeatureExtractor`]; see [`feature_fn`].
pub struct FeatureFn<F> {
    id: ExtractorId,
    function: F,
}

impl<F> fmt::Debug for FeatureFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FeatureFn").field(&self.id).finish()
    }
}

/// Makes an extractor of a function that gives features `[batch, dimensions]` of a batch of samples.
///
/// What decides the features is in `id`: a name alone where there are no weights, and
/// [`ExtractorId::of_module`] for a network of one's own, so that scores by other weights are not
/// compared with these. A panic of the function becomes an error.
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::metrics::{ExtractorId, FeatureExtractor, feature_fn};
/// use burn_gan::nn::LinearConfig;
///
/// let device = Default::default();
/// // A network that somebody has trained.
/// let network = LinearConfig::new(64, 16).init::<Flex>(&device);
/// let id = ExtractorId::of_module::<Flex, _>("own network", &network)?;
/// let extractor = feature_fn(id, move |images: Tensor<Flex, 4>| {
///     Ok(network.forward(images.flatten::<2>(1, 3)))
/// });
/// let features = extractor.extract(Tensor::zeros([5, 1, 8, 8], &device))?;
/// assert_eq!(features.dims(), [5, 16]);
///
/// // No weights: the mean and the spread of an image's pixels.
/// let contrast = feature_fn(ExtractorId::new("contrast"), |images: Tensor<Flex, 4>| {
///     let pixels = images.flatten::<2>(1, 3);
///     Ok(Tensor::cat(vec![pixels.clone().mean_dim(1), pixels.var(1).sqrt()], 1))
/// });
/// # let _ = contrast;
/// # Ok::<(), burn_gan::Error>(())
/// ```
pub fn feature_fn<B, S, F>(id: ExtractorId, function: F) -> FeatureFn<F>
where
    B: Backend,
    F: Fn(S) -> Result<Tensor<B, 2>>,
{
    FeatureFn { id, function }
}

impl<B, S, F> FeatureExtractor<B, S> for FeatureFn<F>
where
    B: Backend,
    F: Fn(S) -> Result<Tensor<B, 2>>,
{
    fn id(&self) -> ExtractorId {
        self.id.clone()
    }

    fn extract(&self, samples: S) -> Result<Tensor<B, 2>> {
        tried(|| (self.function)(samples))
            .map_err(|words| Error::data(format!("the extractor `{}`", self.id.name), words))
    }
}

impl ExtractorId {
    /// An extractor that is a module, known by its name and the hash of its weights.
    ///
    /// # Errors
    /// If a weight is not finite, or of a kind that is not stored.
    pub fn of_module<B: Backend, M: Module<B>>(
        name: impl Into<String>,
        module: &M,
    ) -> Result<Self> {
        Ok(Self::new(name).with_hash(weights_hash::<B, M>(module)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::features_of;
    use crate::network::initialize;
    use crate::nn::LinearConfig;
    use crate::testing::{Cpu, for_each_backend, values};

    fn a_closure_gives_its_features_batch_by_batch<B: Backend>() {
        let device = B::Device::default();
        let twice = feature_fn(ExtractorId::new("twice"), |x: Tensor<B, 2>| Ok(x * 2.0));
        let batches = [3, 1].map(|rows| Ok(Tensor::<B, 2>::ones([rows, 2], &device)));
        let features = features_of::<B, _, _>(&twice, batches).expect("features");
        assert_eq!((features.count(), features.dimensions()), (4, 2));
        assert_eq!(features.values(), [2.0; 8]);
        assert_eq!(features.extractor(), &ExtractorId::new("twice"));
    }

    fn a_network_is_known_by_its_weights<B: Backend>() {
        let device = B::Device::default();
        let layer = || {
            let layer = LinearConfig::new(3, 2).init::<B>(&device);
            initialize(&layer);
            layer
        };
        let (first, second) = (layer(), layer());
        let clone = first.clone();
        let id = |layer| ExtractorId::of_module::<B, _>("own", layer).expect("finite weights");
        assert_eq!(id(&first), id(&clone));
        assert_ne!(id(&first), id(&second));
        assert_eq!(id(&first).hash.expect("a hash").len(), 64);
    }

    fn samples_are_their_own_features<B: Backend>() {
        let device = B::Device::default();
        let x = Tensor::<B, 1, burn::tensor::Int>::arange(0..24, &device).float();
        let images: Tensor<B, 4> = x.clone().reshape([2, 3, 2, 2]);
        let rows = crate::metrics::Raw.extract(images).expect("features");
        assert_eq!(rows.dims(), [2, 12]);
        assert_eq!(values(rows), values(x.clone()));
        let points: Tensor<B, 2> = x.reshape([12, 2]);
        let same = crate::metrics::Raw.extract(points.clone());
        assert_eq!(values(same.expect("features")), values(points));
    }

    for_each_backend!(
        a_closure_gives_its_features_batch_by_batch,
        a_network_is_known_by_its_weights,
        samples_are_their_own_features,
    );

    #[test]
    fn a_panic_of_a_function_is_an_error_with_its_name() {
        let wrong = feature_fn(ExtractorId::new("mine"), |x: Tensor<Cpu, 2>| {
            Ok(x.reshape([7, 7]))
        });
        let error = wrong.extract(Tensor::ones([2, 2], &Default::default()));
        let error = error.expect_err("49 numbers of 4").to_string();
        assert!(error.contains("the extractor `mine`"), "{error}");
    }
}
