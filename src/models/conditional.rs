//! Networks that are conditioned on labels or vectors: unconditional ones that find the
//! condition's features beside their input.

use burn::module::{Module, ModuleDisplay};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use crate::network::{Condition, Discriminator, Generated, Generator, StyleSpace, Verdict};

/// How a condition becomes numbers that a network reads.
pub trait ConditionEmbedding<B: Backend>: Module<B> {
    /// What it reads.
    type Condition: Condition<B>;

    /// The features of each sample's condition: `[batch, features]`; of packs one after the other,
    /// `[batch, pack · features]`.
    fn embed(&self, condition: &Self::Condition) -> Tensor<B, 2>;

    /// The number of classes, where conditions are labels: they must lie below it.
    fn classes(&self) -> Option<usize> {
        None
    }

    /// The numbers of a vector, where conditions are vectors of one size.
    fn vector_size(&self) -> Option<usize> {
        None
    }
}

/// An unconditional discriminator that can be shown features beside its sample.
pub trait ConcatenateFeatures<B: Backend>: Discriminator<B, Condition = ()> {
    /// Judges samples beside which `features` `[batch, features]` are laid, in the way that suits
    /// the samples' shape.
    fn discriminate_with(&self, sample: Self::Sample, features: Tensor<B, 2>) -> Verdict<B>;
}

/// A generator or a discriminator that is conditioned on what `E` reads: an unconditional one
/// with the condition's features beside its latent, or its sample.
///
/// The stock networks' configs make it (`init_conditional`, `init_on_vectors`). Around a generator
/// of your own: latents are wider by the features. Around a discriminator of your own: it
/// implements [`ConcatenateFeatures`].
///
/// Mirza, Osindero 2014, *Conditional generative adversarial nets*, arXiv:1411.1784.
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::models::MlpGeneratorConfig;
/// use burn_gan::network::{Generator, Labels, Vectors};
///
/// let (config, device) = (MlpGeneratorConfig::new(16, [2]), Default::default());
/// let latent = Tensor::<Flex, 2>::zeros([3, 16], &device);
/// let of_a_class = config.init_conditional::<Flex, 2>(10, &device)?;
/// let labels = Labels::from_slice(&[7, 0, 7], 10, &device)?;
/// assert_eq!(of_a_class.generate(latent.clone(), &labels).dims(), [3, 2]);
/// let of_attributes = config.init_on_vectors::<Flex, 2>(40, &device)?;
/// let attributes = Vectors::new(Tensor::ones([3, 40], &device));
/// assert_eq!(of_attributes.generate(latent, &attributes).dims(), [3, 2]);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Module, Debug)]
pub struct Conditional<B: Backend, E, N> {
    embedding: E,
    network: N,
    backend: std::marker::PhantomData<B>,
}

impl<B: Backend, E: ConditionEmbedding<B>, N: Module<B>> Conditional<B, E, N> {
    /// `network` with the features of `embedding` beside its input.
    pub fn new(embedding: E, network: N) -> Self {
        Self {
            embedding,
            network,
            backend: std::marker::PhantomData,
        }
    }

    /// The same around what `map` makes of the network.
    pub(super) fn map_network<M>(self, map: impl FnOnce(N) -> M) -> Conditional<B, E, M> {
        Conditional {
            embedding: self.embedding,
            network: map(self.network),
            backend: self.backend,
        }
    }
}

#[cfg(test)]
impl<B: Backend, E, N> Conditional<B, E, N> {
    pub(super) fn network(&self) -> &N {
        &self.network
    }
}

impl<B, E, N> Generator<B> for Conditional<B, E, N>
where
    B: Backend,
    E: ConditionEmbedding<B> + ModuleDisplay,
    N: Generator<B, Condition = ()> + ModuleDisplay,
{
    type Sample = N::Sample;
    type Condition = E::Condition;

    fn generate(&self, latent: Tensor<B, 2>, condition: &E::Condition) -> N::Sample {
        let features = self.embedding.embed(condition);
        self.network
            .generate(Tensor::cat(vec![latent, features], 1), &())
    }

    fn style_space(&self) -> Option<&dyn StyleSpace<B, N::Sample, E::Condition>> {
        self.network.style_space()?;
        Some(self)
    }

    fn generate_with_log_probabilities(
        &self,
        latent: Tensor<B, 2>,
        condition: &E::Condition,
    ) -> Generated<B, N::Sample> {
        let features = self.embedding.embed(condition);
        let input = Tensor::cat(vec![latent, features], 1);
        self.network.generate_with_log_probabilities(input, &())
    }

    fn output_range(&self) -> Option<(f64, f64)> {
        self.network.output_range()
    }

    fn classes(&self) -> Option<usize> {
        self.embedding.classes()
    }

    fn vector_size(&self) -> Option<usize> {
        self.embedding.vector_size()
    }
}

/// The network's own styles; the condition is in them.
impl<B, E, N> StyleSpace<B, N::Sample, E::Condition> for Conditional<B, E, N>
where
    B: Backend,
    E: ConditionEmbedding<B> + ModuleDisplay,
    N: Generator<B, Condition = ()> + ModuleDisplay,
{
    fn layers(&self) -> usize {
        styles(&self.network).layers()
    }

    fn map_latent(&self, latent: Tensor<B, 2>, condition: &E::Condition) -> Tensor<B, 2> {
        let input = Tensor::cat(vec![latent, self.embedding.embed(condition)], 1);
        styles(&self.network).map_latent(input, &())
    }

    fn synthesize(&self, styles_of_layers: Tensor<B, 3>, _condition: &E::Condition) -> N::Sample {
        styles(&self.network).synthesize(styles_of_layers, &())
    }
}

fn styles<B: Backend, N: Generator<B>>(network: &N) -> &dyn StyleSpace<B, N::Sample, N::Condition> {
    match network.style_space() {
        Some(space) => space,
        None => panic!("the network has no style space"),
    }
}

impl<B, E, N> Discriminator<B> for Conditional<B, E, N>
where
    B: Backend,
    E: ConditionEmbedding<B> + ModuleDisplay,
    N: ConcatenateFeatures<B> + ModuleDisplay,
{
    type Sample = N::Sample;
    type Condition = E::Condition;

    fn discriminate(&self, sample: N::Sample, condition: &E::Condition) -> Verdict<B> {
        self.network
            .discriminate_with(sample, self.embedding.embed(condition))
    }

    fn classes(&self) -> Option<usize> {
        self.embedding.classes()
    }
}
