//! Discriminators that tell classes: AC-GAN's.

use burn::module::{Module, ModuleDisplay};
use burn::tensor::backend::Backend;

use crate::error::Result;
use crate::network::{Discriminator, Labels, Verdict};
use crate::nn::{Linear, LinearConfig};
use crate::sizes;

/// A discriminator that is not told the classes of samples: it tells them. An unconditional one, with
/// a linear layer on its features.
///
/// ```text
/// D(x): the network's logit                P(c | x) = softmax(W·φ(x) + b)_c        φ(x): its features
/// ```
///
/// The class logits cost something by
/// [`Term::auxiliary_class`](crate::objective::Term::auxiliary_class). The generator is
/// [`Conditional`](super::Conditional). What it makes is easy to recognise, and for that less varied
/// than by a [`Projection`](super::Projection) where classes overlap. Its logit does not know the class,
/// so a generator can draw one picture of each class, and another when that is found out. On digits it
/// did so within hundreds of steps with Adam's β of 0 and 0.99, which a projection is trained with, and
/// less with the paper's, 0.5 and 0.999.
///
/// Odena, Olah, Shlens 2016, *Conditional image synthesis with auxiliary classifier GANs*,
/// arXiv:1610.09585.
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::models::DcganDiscriminatorConfig;
/// use burn_gan::network::{Discriminator, Labels};
/// use burn_gan::objective::{Loss, Objective, Term};
///
/// let (config, device) = (DcganDiscriminatorConfig::new([1, 8, 8]), Default::default());
/// let discriminator = config.with_width(4).init_classifying::<Flex>(10, &device)?;
/// let labels = Labels::from_slice(&[7, 0, 7], 10, &device)?;
/// let verdict = discriminator.discriminate(Tensor::zeros([3, 1, 8, 8], &device), &labels);
/// assert_eq!(verdict.class_logits.expect("it tells classes").dims(), [3, 10]);
///
/// let objective = Objective::new(Loss::NonSaturating).with_term(Term::auxiliary_class(1.0));
/// # objective.validate()?;
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Module, Debug)]
pub struct AuxiliaryClassifier<B: Backend, N> {
    network: N,
    classes: Linear<B>,
    count: usize,
}

impl<B: Backend, N: Module<B>> AuxiliaryClassifier<B, N> {
    /// `network`, whose verdicts have so many features, and a layer to `classes` on it.
    ///
    /// # Errors
    /// If there is no class or no feature, more than 2²⁴ of either, or more than 2²⁸ weights.
    pub fn new(network: N, features: usize, classes: usize, device: &B::Device) -> Result<Self> {
        sizes::size("features", features)?;
        sizes::size("classes", classes)?;
        sizes::weights("classes", &[features, classes])?;
        Ok(Self {
            network,
            classes: LinearConfig::new(features, classes).init(device),
            count: classes,
        })
    }
}

impl<B, N> Discriminator<B> for AuxiliaryClassifier<B, N>
where
    B: Backend,
    N: Discriminator<B, Condition = ()> + ModuleDisplay,
{
    type Sample = N::Sample;
    type Condition = Labels<B>;

    /// # Panics
    /// If the network's verdicts have no features, or another number than it was made for.
    fn discriminate(&self, sample: N::Sample, _condition: &Labels<B>) -> Verdict<B> {
        let verdict = self.network.discriminate(sample, &());
        let features = verdict.features.clone();
        let features = features
            .expect("an auxiliary classifier needs a discriminator that gives its features");
        verdict.with_class_logits(self.classes.forward(features))
    }

    fn classes(&self) -> Option<usize> {
        Some(self.count)
    }
}
