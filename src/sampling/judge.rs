//! What a discriminator says of samples that were drawn.

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};

use super::Drawn;
use crate::error::{Error, Result};
use crate::network::{Condition, Discriminator, Labels};

/// A condition that samples of a [`Sampler`](super::Sampler) have: `()`, or [`Labels`].
pub trait Told<B: Backend>: Condition<B> {
    /// That of samples of these classes.
    ///
    /// # Errors
    /// If there are none where they are needed.
    fn told(labels: Option<&[usize]>, device: &B::Device) -> Result<Self>
    where
        Self: Sized;
}

impl<B: Backend> Told<B> for () {
    fn told(_labels: Option<&[usize]>, _device: &B::Device) -> Result<Self> {
        Ok(())
    }
}

impl<B: Backend> Told<B> for Labels<B> {
    fn told(labels: Option<&[usize]>, device: &B::Device) -> Result<Self> {
        let Some(labels) = labels else {
            let problem = "of samples without labels; this discriminator is told a class";
            return Err(Error::setting("labels", "none", problem));
        };
        let most = labels.iter().max().copied().unwrap_or(0);
        Labels::from_slice(labels, most + 1, device)
    }
}

/// The logit of each sample, by the discriminator that was trained with the generator: the larger,
/// the more it takes the sample for a real one. Of a discriminator of patches it is their mean.
///
/// For [`Sampler::draw_best`](super::Sampler::draw_best); with a threshold for
/// [`draw_accepted`](super::Sampler::draw_accepted). At equilibrium a discriminator has nothing to
/// say; away from it samples that it takes for real ones are better on average (Azadi et al. 2018,
/// *Discriminator rejection sampling*, arXiv:1810.06758).
///
/// ```
/// use burn_gan::burn::backend::Flex;
/// use burn_gan::models::{MlpDiscriminatorConfig, MlpGeneratorConfig};
/// use burn_gan::sampling::{Sampler, logits};
/// use burn_gan::Latent;
///
/// let device = Default::default();
/// let generator = MlpGeneratorConfig::new(8, [2]).init::<Flex, 2>(&device)?;
/// let discriminator = MlpDiscriminatorConfig::new([2]).init::<Flex, 2>(&device)?;
/// let mut sampler = Sampler::new(generator, Latent::normal(8), &device);
/// let best = sampler.draw_best(10, 4, |drawn| logits(&discriminator, drawn, &device))?;
/// assert_eq!((best.samples.count(), best.drawn), (10, 40));
/// # Ok::<(), burn_gan::Error>(())
/// ```
///
/// # Errors
/// If the discriminator is told a class and the samples have none.
///
/// # Panics
/// Where the discriminator does, if the samples are not of the shape that it judges.
pub fn logits<B, D, const R: usize>(
    discriminator: &D,
    drawn: &Drawn,
    device: &B::Device,
) -> Result<Vec<f32>>
where
    B: Backend,
    D: Discriminator<B, Sample = Tensor<B, R>>,
    D::Condition: Told<B>,
{
    let mut shape = vec![drawn.count()];
    shape.extend_from_slice(drawn.shape());
    let condition = D::Condition::told(drawn.labels(), device)?;
    let samples = TensorData::new(drawn.values().to_vec(), shape);
    let verdict = discriminator.discriminate(Tensor::from_data(samples, device), &condition);
    let logits = verdict.logits.mean_dim(1).into_data();
    Ok(logits.iter::<f32>().collect())
}
