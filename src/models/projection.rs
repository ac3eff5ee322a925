//! Discriminators that are conditioned on labels or vectors by a projection of their features.

use burn::module::{Module, ModuleDisplay};
use burn::tensor::backend::Backend;

use super::ConditionEmbedding;
use crate::network::{Discriminator, Verdict};

/// A discriminator that is conditioned on what `E` reads: an unconditional one, whose logit is
/// moved by how well its features go with the condition.
///
/// ```text
/// D(x, y) = D(x) + ⟨e(y), φ(x)⟩        φ(x): the verdict's features [batch, F], e: the embedding
/// ```
///
/// or the second part alone, where the network was made for it ([`inner_product`](Self::inner_product)).
///
/// Only the last layer knows the condition, so that the layers before learn from all classes at once:
/// with few samples of each class it learns them sooner than one that sees the condition beside the
/// sample ([`Conditional`](super::Conditional)). The embedding is the last layer's weights, one set for
/// each class, and starts as small as those
/// ([`LabelEmbedding::with_std`](super::LabelEmbedding::with_std)): vectors of N(0, 1) would drown the
/// logit, and take long to move.
///
/// Miyato, Koyama 2018, *cGANs with projection discriminator*, arXiv:1802.05637.
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::models::DcganDiscriminatorConfig;
/// use burn_gan::network::{Discriminator, Labels};
///
/// let (config, device) = (DcganDiscriminatorConfig::new([1, 8, 8]), Default::default());
/// let discriminator = config.with_width(4).init_projected::<Flex>(10, &device)?;
/// let labels = Labels::from_slice(&[7, 0, 7], 10, &device)?;
/// let verdict = discriminator.discriminate(Tensor::zeros([3, 1, 8, 8], &device), &labels);
/// assert_eq!(verdict.logits.dims(), [3, 1]);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Module, Debug)]
pub struct Projection<B: Backend, E, N> {
    embedding: E,
    network: N,
    /// Whether the network's own logit counts.
    own_logit: bool,
    backend: std::marker::PhantomData<B>,
}

impl<B: Backend, E: ConditionEmbedding<B>, N: Module<B>> Projection<B, E, N> {
    /// `network`, whose verdicts have as many features as `embedding` gives.
    pub fn new(embedding: E, network: N) -> Self {
        Self {
            embedding,
            network,
            own_logit: true,
            backend: std::marker::PhantomData,
        }
    }

    /// `network`, whose verdicts have as many features as `embedding` gives, and whose own logit does not
    /// count:
    ///
    /// ```text
    /// D(x, y) = ⟨e(y), φ(x)⟩
    /// ```
    ///
    /// So StyleGAN, with embeddings that are as long as √F, and R3GAN.
    pub fn inner_product(embedding: E, network: N) -> Self {
        Self {
            own_logit: false,
            ..Self::new(embedding, network)
        }
    }

    /// The same around what `map` makes of the network.
    pub(super) fn map_network<M>(self, map: impl FnOnce(N) -> M) -> Projection<B, E, M> {
        Projection {
            embedding: self.embedding,
            network: map(self.network),
            own_logit: self.own_logit,
            backend: self.backend,
        }
    }
}

impl<B, E, N> Discriminator<B> for Projection<B, E, N>
where
    B: Backend,
    E: ConditionEmbedding<B> + ModuleDisplay,
    N: Discriminator<B, Condition = ()> + ModuleDisplay,
{
    type Sample = N::Sample;
    type Condition = E::Condition;

    /// # Panics
    /// If the network's verdicts have no features, or another number than the embedding.
    fn discriminate(&self, sample: N::Sample, condition: &E::Condition) -> Verdict<B> {
        let mut verdict = self.network.discriminate(sample, &());
        let features = verdict.features.clone();
        let features =
            features.expect("a projection needs a discriminator that gives its features");
        let embedded = self.embedding.embed(condition);
        let (dims, expected) = (features.dims(), embedded.dims());
        assert_eq!(
            dims, expected,
            "features {dims:?} can't be projected on an embedding {expected:?}"
        );
        let common = (features * embedded).sum_dim(1);
        verdict.logits = match self.own_logit {
            true => verdict.logits + common,
            false => common,
        };
        verdict
    }

    fn classes(&self) -> Option<usize> {
        self.embedding.classes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{LabelEmbedding, MlpDiscriminatorConfig};
    use crate::network::Labels;
    use crate::testing::{for_each_backend, values};
    use burn::tensor::Tensor;

    fn a_logit_is_moved_by_what_features_and_class_have_in_common<B: Backend>() {
        let device = B::Device::default();
        let points = Tensor::<B, 2>::from_floats([[1.0, -2.0], [0.5, 0.0]], &device);
        let labels = Labels::from_slice(&[2, 0], 3, &device).expect("labels");
        let config = MlpDiscriminatorConfig::new([2]);
        let network = config.init::<B, 2>(&device).expect("a network");
        let plain = network.discriminate(points.clone(), &());
        let features = plain.features.expect("features");
        let width = features.dims()[1];
        let embedding = LabelEmbedding::<B>::new(3, width, &device).expect("an embedding");
        let vectors = values(embedding.forward(&labels));
        let alone = Projection::inner_product(embedding.clone(), network.clone());
        let alone = values(alone.discriminate(points.clone(), &labels).logits);
        let projected = Projection::new(embedding, network);
        assert_eq!(projected.classes(), Some(3));
        let logits = values(projected.discriminate(points, &labels).logits);
        let (plain, features) = (values(plain.logits), values(features));
        for sample in 0..2 {
            let place = sample * width..(sample + 1) * width;
            let pairs = features[place.clone()].iter().zip(&vectors[place]);
            let dot: f64 = pairs.map(|(feature, number)| feature * number).sum();
            let expected = plain[sample] + dot;
            assert!(
                (logits[sample] - expected).abs() < 1e-4 * (1.0 + expected.abs()),
                "{} and {expected}",
                logits[sample]
            );
            assert!((alone[sample] - dot).abs() < 1e-4 * (1.0 + dot.abs()));
        }
    }

    for_each_backend!(a_logit_is_moved_by_what_features_and_class_have_in_common);
}
