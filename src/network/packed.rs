//! Packing: a discriminator that judges several samples at once.

use burn::module::{Module, ModuleDisplay};
use burn::tensor::backend::Backend;

use super::{Condition, Discriminator, Sample, Verdict};

/// PacGAN's packing around any discriminator: it judges `count` neighbours of a batch together.
///
/// The inner discriminator takes samples that are `count` times as wide along the dimension behind
/// the batch (features of points, channels of images); the verdict of a batch of n samples has
/// n / `count` rows. A generator that drops modes gives itself away by packs without variety.
/// Losses and pairings work as they are; gradient penalties have one norm per pack. The batch must
/// be divisible by `count`, or judging it panics with its shape. Of labels the first of a pack
/// counts: batches of one class each are needed for packing with labels.
///
/// Lin, Khetan, Fanti, Oh 2017, *PacGAN: the power of two samples in generative adversarial
/// networks*, arXiv:1712.04086.
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::models::MlpDiscriminatorConfig;
/// use burn_gan::network::{Discriminator, Packed};
///
/// let device = Default::default();
/// let inner = MlpDiscriminatorConfig::new([2 * 3]).init::<Flex, 2>(&device)?;
/// let discriminator = Packed::new(inner, 3);
/// let points = Tensor::<Flex, 2>::ones([12, 2], &device);
/// assert_eq!(discriminator.discriminate(points, &()).logits.dims(), [4, 1]);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Module, Debug)]
pub struct Packed<B: Backend, D> {
    discriminator: D,
    count: usize,
    backend: std::marker::PhantomData<B>,
}

impl<B: Backend, D: Discriminator<B>> Packed<B, D> {
    /// Joins `count` samples into one for `discriminator`.
    ///
    /// # Panics
    /// If `count` is 0.
    pub fn new(discriminator: D, count: usize) -> Self {
        assert!(count > 0, "a pack holds at least one sample, not 0");
        Self {
            discriminator,
            count,
            backend: std::marker::PhantomData,
        }
    }
}

impl<B: Backend, D: Discriminator<B> + ModuleDisplay> Discriminator<B> for Packed<B, D> {
    type Sample = D::Sample;
    type Condition = D::Condition;

    fn discriminate(&self, sample: D::Sample, condition: &D::Condition) -> Verdict<B> {
        let condition = condition.pack(self.count);
        self.discriminator
            .discriminate(sample.pack(self.count), &condition)
    }

    fn classes(&self) -> Option<usize> {
        self.discriminator.classes()
    }
}
