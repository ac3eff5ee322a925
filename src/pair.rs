//! What is generic over a pair of networks is generic over one parameter.

use std::fmt::Debug;

use burn::tensor::backend::AutodiffBackend;

use crate::gan::Gan;
use crate::network::{
    Condition, InnerGenerator, Sample, TrainableDiscriminator, TrainableGenerator, TrainingBackend,
};

/// A generator and a discriminator that can be trained against each other, as one type parameter:
/// what [`Trainer`](crate::train::Trainer), observers, hooks and terms of an objective are generic
/// over.
///
/// Not to be implemented by hand: every [`Gan<G, D, B>`](Gan) of two trainable networks is a pair.
///
/// ```
/// use burn_gan::train::{Observer, StepEvent};
/// use burn_gan::{Pair, Result};
///
/// /// Counts the steps that it sees, of any pair of networks.
/// struct Count(u64);
///
/// impl<P: Pair> Observer<P> for Count {
///     fn observe(&mut self, _event: &StepEvent<'_, P>) -> Result<()> {
///         self.0 += 1;
///         Ok(())
///     }
/// }
/// ```
pub trait Pair: Clone + Debug + 'static {
    /// The backend that they are trained on.
    type Backend: TrainingBackend;
    /// What the generator draws and the discriminator judges.
    type Sample: Sample<Self::Backend>;
    /// What both are conditioned on.
    type Condition: Condition<Self::Backend>;
    /// The network that draws samples.
    type Generator: TrainableGenerator<Self::Backend, Sample = Self::Sample, Condition = Self::Condition>;
    /// The network that judges them.
    type Discriminator: TrainableDiscriminator<Self::Backend, Sample = Self::Sample, Condition = Self::Condition>;

    /// The two networks.
    fn gan(&self) -> &GanOf<Self>;

    /// The two networks, by value.
    fn into_gan(self) -> GanOf<Self>;
}

impl<G, D, B> Pair for Gan<G, D, B>
where
    B: TrainingBackend,
    G: TrainableGenerator<B>,
    D: TrainableDiscriminator<B, Sample = G::Sample, Condition = G::Condition>,
{
    type Backend = B;
    type Sample = G::Sample;
    type Condition = G::Condition;
    type Generator = G;
    type Discriminator = D;

    fn gan(&self) -> &Self {
        self
    }

    fn into_gan(self) -> Self {
        self
    }
}

/// A pair's two networks.
pub type GanOf<P> = Gan<<P as Pair>::Generator, <P as Pair>::Discriminator, <P as Pair>::Backend>;
/// A pair's backend without its tape.
pub type InnerBackend<P> = <<P as Pair>::Backend as AutodiffBackend>::InnerBackend;
/// A pair's generator without its tape, for sampling and metrics.
pub type Sampler<P> = InnerGenerator<<P as Pair>::Generator, <P as Pair>::Backend>;
/// A pair's samples one level of automatic differentiation up.
pub type LiftedSample<P> = <<P as Pair>::Sample as Sample<<P as Pair>::Backend>>::Lifted;
