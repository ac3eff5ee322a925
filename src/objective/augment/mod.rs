//! What lies between the generator and the discriminator: random changes of real and generated
//! samples, on their way to being judged.

mod ada;
mod custom;
mod probability;
mod random_change;
#[cfg(test)]
mod tests;

pub use ada::{Ada, Transformations};
pub use custom::CustomAugment;
pub use probability::Probability;
pub use random_change::RandomChange;

use std::fmt::Debug;

use burn::backend::Autodiff;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::Memory;
use crate::error::Result;
use crate::network::{Augmentation, DiffAugment, Sample, Verdict};
use crate::pair::{LiftedSample, Pair};
use crate::random::Stream;
use crate::settings::settings;

/// A random change T that every sample goes through before the discriminator judges it, in both
/// halves of a step: D(T(x)) and D(T(G(z))).
///
/// It must be differentiable in the sample: the generator learns through it. Penalties on gradients
/// are with respect to the sample before it. Random numbers come from `noise` alone, so that a run
/// can be repeated and resumed; each half of a step draws anew for each of its two batches. Numbers
/// for each sample are drawn in one call for the batch ([`Stream::uniform`], [`Stream::normal`],
/// [`Stream::indices`]): so a micro-batch gets those that its samples get in the whole batch.
///
/// One that adapts keeps what it knows in its state, `[1]` each, empty before its first step: the
/// state is stored with the run. With micro-batches it adapts once, by the whole batch.
///
/// ```
/// use burn_gan::burn::backend::{Autodiff, Flex};
/// use burn_gan::burn::tensor::{Tensor, backend::Backend};
/// use burn_gan::models::{MlpDiscriminator, MlpGenerator};
/// use burn_gan::network::Sample;
/// use burn_gan::objective::{Augment, Loss, Objective, SampleAugment};
/// use burn_gan::random::Stream;
/// use burn_gan::Gan;
///
/// /// Points of the plane, mirrored at the origin or not.
/// #[derive(Debug)]
/// struct Mirror;
///
/// impl<B: Backend> SampleAugment<B, Tensor<B, 2>> for Mirror {
///     fn apply(
///         &self,
///         points: Tensor<B, 2>,
///         _state: &[Tensor<B, 1>],
///         noise: &mut Stream,
///     ) -> Tensor<B, 2> {
///         let [batch, width] = points.dims();
///         let signs = noise.uniform(batch, -1.0, 1.0);
///         let signs: Vec<f32> = signs.iter().map(|sign| sign.signum()).collect();
///         let signs = Tensor::<B, 1>::from_floats(signs.as_slice(), &points.device());
///         points * signs.reshape([batch, 1]).expand([batch, width])
///     }
/// }
///
/// type B = Autodiff<Flex>;
/// type Networks = Gan<MlpGenerator<B, 2>, MlpDiscriminator<B, 2>, B>;
/// let mirror = Augment::custom::<Networks>("mirror", Mirror);
/// Objective::new(Loss::Hinge).with_augment(mirror).validate()?;
/// # Ok::<(), burn_gan::Error>(())
/// ```
pub trait SampleAugment<B: Backend, S: Sample<B>>: Debug + Send + Sync {
    /// The samples after a random change of each.
    fn apply(&self, sample: S, state: &[Tensor<B, 1>], noise: &mut Stream) -> S;

    /// Moves the state by what the discriminator said in its half of the step about both batches as
    /// it saw them. `step` counts the discriminator's steps from 0, `samples` are those of the real
    /// batch.
    fn adapt(
        &self,
        _real: &Verdict<B>,
        _fake: &Verdict<B>,
        _step: u64,
        _samples: usize,
        _state: &mut Memory<B>,
    ) {
    }

    /// How strongly it changes samples now, `[1]`, for logs and observers: the probability of a
    /// change, say. `None` where it does not vary.
    fn strength(&self, _state: &[Tensor<B, 1>]) -> Option<Tensor<B, 1>> {
        None
    }
}

settings! {
/// What lies between the generator and the discriminator.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Augment {
    /// One of the crate's changes, with a probability that may adapt.
    Random(RandomChange),
    /// ADA's transformations of images, each with a probability that may adapt.
    Ada(Ada),
    /// A custom change.
    Custom(CustomAugment),
}
}

impl Augment {
    /// One of the crate's changes, of every sample.
    ///
    /// Without a probability below 1 the generator may learn the changes as well, unless the
    /// discriminator can tell a change from its absence (Karras et al. 2020, arXiv:2006.06676).
    pub fn always(change: Augmentation) -> Self {
        Self::with_probability(change, Probability::Fixed(1.0))
    }

    /// One of the crate's changes, of each sample with a probability.
    pub fn with_probability(change: Augmentation, probability: Probability) -> Self {
        Self::Random(RandomChange {
            change,
            probability,
        })
    }

    /// DiffAugment: all changes of a policy, always, of real and generated samples alike.
    pub fn diff_augment(policy: DiffAugment) -> Self {
        Self::always(Augmentation::DiffAugment(policy))
    }

    /// ADA as in its paper, with p adapted, from 0 to 1 in `samples` real samples at the fastest:
    /// 500,000 in the paper, fewer for short runs.
    pub fn ada(samples: f64) -> Self {
        Self::Ada(Ada::new(Probability::adaptive(samples)))
    }

    /// A custom change, under a name for the settings.
    pub fn custom<P: Pair>(
        name: impl Into<String>,
        augment: impl SampleAugment<P::Backend, P::Sample>
        + SampleAugment<Autodiff<P::Backend>, LiftedSample<P>>
        + 'static,
    ) -> Self {
        Self::Custom(CustomAugment::new::<P>(name, augment))
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// The first wrong setting; a custom change that was read from settings and has no functions.
    pub fn validate(&self) -> Result<()> {
        match self {
            Self::Random(change) => change.validate(),
            Self::Ada(ada) => ada.validate(),
            Self::Custom(custom) => custom.validate(),
        }
    }

    /// The probability of the crate's own.
    fn probability(&self) -> Option<Probability> {
        match self {
            Self::Random(change) => Some(change.probability),
            Self::Ada(ada) => Some(ada.probability),
            Self::Custom(_) => None,
        }
    }

    /// The fixed p, where it is one.
    pub(crate) fn fixed_probability(&self) -> Option<f64> {
        match self.probability() {
            Some(Probability::Fixed(p)) => Some(p),
            _ => None,
        }
    }

    /// The same with p = 1.
    pub(super) fn at_full_strength(&self) -> Self {
        let mut full = self.clone();
        match &mut full {
            Self::Random(change) => change.probability = Probability::Fixed(1.0),
            Self::Ada(ada) => ada.probability = Probability::Fixed(1.0),
            Self::Custom(_) => {}
        }
        full
    }

    fn functions<P: Pair>(&self) -> &dyn OnBothLevels<P> {
        match self {
            Self::Random(change) => change,
            Self::Ada(ada) => ada,
            Self::Custom(custom) => custom.functions::<P>(),
        }
    }
}

/// A change of a pair's samples, on the tape that it is trained on and one level above.
pub(super) trait OnBothLevels<P: Pair>: Debug + Send + Sync {
    fn plain(
        &self,
        sample: P::Sample,
        state: &[Tensor<P::Backend, 1>],
        noise: &mut Stream,
    ) -> P::Sample;
    fn lifted(
        &self,
        sample: LiftedSample<P>,
        state: &[Tensor<P::Backend, 1>],
        noise: &mut Stream,
    ) -> LiftedSample<P>;
    fn adapt(
        &self,
        verdicts: [&Verdict<P::Backend>; 2],
        step: u64,
        samples: usize,
        state: &mut Memory<P::Backend>,
    );
    fn strength(&self, state: &[Tensor<P::Backend, 1>]) -> Option<Tensor<P::Backend, 1>>;
}

impl<P, T> OnBothLevels<P> for T
where
    P: Pair,
    T: SampleAugment<P::Backend, P::Sample> + SampleAugment<Autodiff<P::Backend>, LiftedSample<P>>,
{
    fn plain(
        &self,
        sample: P::Sample,
        state: &[Tensor<P::Backend, 1>],
        noise: &mut Stream,
    ) -> P::Sample {
        self.apply(sample, state, noise)
    }

    fn lifted(
        &self,
        sample: LiftedSample<P>,
        state: &[Tensor<P::Backend, 1>],
        noise: &mut Stream,
    ) -> LiftedSample<P> {
        let state: Vec<_> = state.iter().cloned().map(Tensor::from_inner).collect();
        self.apply(sample, &state, noise)
    }

    fn adapt(
        &self,
        [real, fake]: [&Verdict<P::Backend>; 2],
        step: u64,
        samples: usize,
        state: &mut Memory<P::Backend>,
    ) {
        SampleAugment::<P::Backend, P::Sample>::adapt(self, real, fake, step, samples, state);
    }

    fn strength(&self, state: &[Tensor<P::Backend, 1>]) -> Option<Tensor<P::Backend, 1>> {
        SampleAugment::<P::Backend, P::Sample>::strength(self, state)
    }
}

/// A change, its state, and where its random numbers begin.
type Change<'a, P> = (
    &'a dyn OnBothLevels<P>,
    Memory<<P as Pair>::Backend>,
    Stream,
);

/// The change that one batch goes through in one half of a step: the same one whenever the batch is
/// judged.
#[derive(Debug)]
pub(super) struct Augmented<'a, P: Pair> {
    change: Option<Change<'a, P>>,
}

impl<'a, P: Pair> Augmented<'a, P> {
    /// Draws from a stream of its own, so that what terms draw does not depend on it.
    pub(super) fn new(
        augment: Option<&'a Augment>,
        state: Memory<P::Backend>,
        noise: &mut Stream,
    ) -> Self {
        let change = augment.map(|augment| (augment.functions::<P>(), state, noise.fork()));
        Self { change }
    }

    /// No change.
    pub(super) fn none() -> Self {
        Self { change: None }
    }

    /// The samples as the discriminator sees them.
    pub(super) fn of(&self, sample: P::Sample) -> P::Sample {
        match &self.change {
            Some((change, state, noise)) => change.plain(sample, state, &mut noise.clone()),
            None => sample,
        }
    }

    /// The same one level of automatic differentiation up.
    pub(super) fn lifted(&self, sample: LiftedSample<P>) -> LiftedSample<P> {
        match &self.change {
            Some((change, state, noise)) => change.lifted(sample, state, &mut noise.clone()),
            None => sample,
        }
    }
}

impl Augment {
    /// Moves the state after the discriminator's half.
    pub(super) fn adapt<P: Pair>(
        &self,
        verdicts: [&Verdict<P::Backend>; 2],
        step: u64,
        samples: usize,
        state: &mut Memory<P::Backend>,
    ) {
        self.functions::<P>().adapt(verdicts, step, samples, state);
    }

    /// How strongly samples are changed now, `[1]`; `None` where it does not vary.
    pub(super) fn strength<P: Pair>(
        &self,
        state: &[Tensor<P::Backend, 1>],
    ) -> Option<Tensor<P::Backend, 1>> {
        self.functions::<P>().strength(state)
    }
}
