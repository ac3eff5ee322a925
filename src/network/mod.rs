//! The contracts that networks fulfil.
//!
//! A project brings two modules: a [`Generator`] and a [`Discriminator`]. Both derive burn's
//! `Module` with the backend parameter named `B` (the derive gives misleading errors for another
//! name), and each implements one method. [`TrainableGenerator`] and [`TrainableDiscriminator`]
//! then come by themselves, and are the only bounds that generic code has to write.

mod augmentation;
mod condition;
#[doc(hidden)]
pub mod fields;
mod generated;
pub(crate) mod guard;
mod initialize;
mod packed;
mod parameters;
mod sample;
mod style;
mod trainable;
mod truncated;
mod verdict;
mod which;

#[cfg(test)]
pub(crate) use augmentation::golden as augmentation_golden;
pub use augmentation::{Affine, Augmentation, DiffAugment, Fill};
pub(crate) use augmentation::{of_pictures, picture};
pub use condition::{Condition, ConditionRule, ConditionSource, CustomConditions, Labels, Vectors};
pub use generated::Generated;
pub(crate) use initialize::draw;
pub use initialize::initialize;
pub use packed::Packed;
pub(crate) use parameters::{names, not_finite};
pub use sample::Sample;
pub use style::{StyleSpace, for_all_layers, mean_style, mix_styles, truncate_styles};
pub use trainable::{
    ConditionOf, InnerGenerator, LiftedGenerator, SampleOf, TrainableDiscriminator,
    TrainableGenerator, TrainingBackend,
};
pub use truncated::TruncatedStyles;
pub use verdict::{RECONSTRUCTION, Verdict};
pub use which::Network;

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

/// A network that turns latents into samples.
///
/// ```
/// use burn_gan::burn;
/// use burn::module::Module;
/// use burn::tensor::{Tensor, backend::Backend};
/// use burn_gan::network::Generator;
/// use burn_gan::nn::{Linear, LinearConfig};
///
/// #[derive(Module, Debug)]
/// struct Affine<B: Backend> {
///     linear: Linear<B>,
/// }
///
/// impl<B: Backend> Generator<B> for Affine<B> {
///     type Sample = Tensor<B, 2>;
///     type Condition = ();
///
///     fn generate(&self, latent: Tensor<B, 2>, _condition: &()) -> Tensor<B, 2> {
///         self.linear.forward(latent)
///     }
/// }
///
/// type B = burn::backend::Flex;
/// let device = Default::default();
/// let generator = Affine::<B> { linear: LinearConfig::new(3, 2).init(&device) };
/// let sample = generator.generate(Tensor::zeros([5, 3], &device), &());
/// assert_eq!(sample.dims(), [5, 2]);
/// ```
pub trait Generator<B: Backend>: Module<B> {
    /// What it draws: a tensor of any rank, the batch first.
    type Sample: Sample<B>;
    /// What it is conditioned on: `()`, [`Labels`] or [`Vectors`].
    type Condition: Condition<B>;

    /// Draws one sample for each row of `latent`, `[batch, latent]`.
    fn generate(&self, latent: Tensor<B, 2>, condition: &Self::Condition) -> Self::Sample;

    /// The style space between latents and samples, of a generator that has one: `Some(self)`.
    fn style_space(&self) -> Option<&dyn StyleSpace<B, Self::Sample, Self::Condition>> {
        None
    }

    /// The interval that every number of a sample lies in, where the network knows it: (−1, 1)
    /// after a tanh. Preflight compares the data with it.
    fn output_range(&self) -> Option<(f64, f64)> {
        None
    }

    /// The same samples, with ln P of each entry of the condition's vector, `[batch, size]`, of a
    /// generator that chooses among such entries ([`Vectors`] of one-hot columns): what
    /// [`ConditionMatch`](crate::objective::ConditionMatch) asks it for.
    fn generate_with_log_probabilities(
        &self,
        latent: Tensor<B, 2>,
        condition: &Self::Condition,
    ) -> Generated<B, Self::Sample> {
        self.generate(latent, condition).into()
    }

    /// The number of classes, where the network is conditioned on labels and knows it: labels must
    /// lie below it. Preflight compares the data with it.
    fn classes(&self) -> Option<usize> {
        None
    }

    /// The numbers of a vector, where the network is conditioned on [`Vectors`] and knows it. A saved
    /// generator says it, so that it is made again for vectors of this size.
    fn vector_size(&self) -> Option<usize> {
        None
    }
}

/// A network that tells real samples from generated ones.
///
/// It returns logits, not probabilities: the losses need ln D and ln(1 − D) without rounding.
pub trait Discriminator<B: Backend>: Module<B> {
    /// What it judges; the type its generator draws.
    type Sample: Sample<B>;
    /// What it is conditioned on; the type its generator is conditioned on.
    type Condition: Condition<B>;

    /// Judges a batch.
    fn discriminate(&self, sample: Self::Sample, condition: &Self::Condition) -> Verdict<B>;

    /// The number of classes, where the network is conditioned on labels and knows it: labels must
    /// lie below it. Preflight compares the data with it.
    fn classes(&self) -> Option<usize> {
        None
    }
}
