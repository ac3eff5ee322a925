//! Discriminators that tell the classes of samples.

use burn::module::{Module, ModuleDisplay};
use burn::tensor::backend::Backend;

use crate::error::Result;
use crate::network::{Discriminator, Labels, Verdict};
use crate::nn::{Linear, LinearConfig};
use crate::sizes;

/// A discriminator with a second head: beside the logit of an unconditional one, class logits of its
/// features.
///
/// ```text
/// D(x) as before,     P(c | x) = softmax(φ(x)·W + b)        φ(x): the verdict's features [batch, F]
/// ```
///
/// It is not told the classes, it tells them, and with
/// [`AuxiliaryClass`](crate::objective::AuxiliaryClass) in the objective the generator learns to make
/// samples of the class that it was told.
///
/// Odena, Olah, Shlens 2016, *Conditional image synthesis with auxiliary classifier GANs*,
/// arXiv:1610.09585.
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::models::ResNetDiscriminatorConfig;
/// use burn_gan::network::{Discriminator, Labels};
///
/// let (config, device) = (ResNetDiscriminatorConfig::new([1, 8, 8]), Default::default());
/// let discriminator = config.with_width(4).init_auxiliary::<Flex>(10, &device)?;
/// let labels = Labels::from_slice(&[7, 0, 7], 10, &device)?;
/// let verdict = discriminator.discriminate(Tensor::zeros([3, 1, 8, 8], &device), &labels);
/// assert_eq!(verdict.class_logits.expect("class logits").dims(), [3, 10]);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Module, Debug)]
pub struct AuxiliaryClassifier<B: Backend, N> {
    network: N,
    head: Linear<B>,
    classes: usize,
}

impl<B: Backend, N: Module<B>> AuxiliaryClassifier<B, N> {
    /// `network`, whose verdicts have so many features, with a head for `classes`.
    ///
    /// # Errors
    /// If there is no class or no feature, or too many.
    pub fn new(network: N, features: usize, classes: usize, device: &B::Device) -> Result<Self> {
        sizes::size("features", features)?;
        sizes::size("classes", classes)?;
        sizes::weights("classes", &[features, classes])?;
        Ok(Self {
            network,
            head: LinearConfig::new(features, classes).init(device),
            classes,
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
    /// If the network's verdicts have no features.
    fn discriminate(&self, sample: N::Sample, _condition: &Labels<B>) -> Verdict<B> {
        let verdict = self.network.discriminate(sample, &());
        let features = verdict
            .features
            .clone()
            .expect("an auxiliary classifier needs a discriminator that gives its features");
        verdict.with_class_logits(self.head.forward(features))
    }

    fn classes(&self) -> Option<usize> {
        Some(self.classes)
    }
}
