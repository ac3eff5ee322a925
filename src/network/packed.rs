//! Packing: a discriminator that judges several samples at once.

use burn::module::{Module, ModuleDisplay};
use burn::tensor::backend::Backend;

use super::{Condition, Discriminator, Sample, Verdict};

/// PacGAN's packing around any discriminator: it judges `count` neighbours of a batch together.
///
/// The inner discriminator takes samples that are `count` times as wide along the dimension after
/// the batch (features of points, channels of images); the verdict of a batch of n samples has
/// n / `count` rows. A generator that drops modes gives itself away by packs without variety.
/// Losses and pairings work as they are; gradient penalties have one norm per pack. The batch must
/// be divisible by `count`, or judging it panics with its shape. The conditions of a pack all reach
/// the inner discriminator ([`Condition::pack`]): labels one after the other, vectors joined. Stock
/// discriminators are made for packs by `with_pack`.
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
/// let inner = MlpDiscriminatorConfig::new([2]).with_pack(3).init::<Flex, 2>(&device)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Labels, Vectors};
    use crate::testing::{for_each_backend, tensor2, values};
    use burn::tensor::Tensor;

    /// Says what it was given: the sum of a pack's numbers, and of its labels by their place,
    /// Σ 10ⁱ·label_i.
    #[derive(Module, Debug)]
    struct Places<B: Backend> {
        backend: std::marker::PhantomData<B>,
    }

    impl<B: Backend> Discriminator<B> for Places<B> {
        type Sample = Tensor<B, 2>;
        type Condition = Labels<B>;

        fn discriminate(&self, sample: Tensor<B, 2>, condition: &Labels<B>) -> Verdict<B> {
            let rows = sample.dims()[0];
            let pack = condition.per_sample();
            let labels: Tensor<B, 2> = condition.classes.clone().reshape([rows, pack]).float();
            let mut logits = sample.sum_dim(1).mul_scalar(1000.0);
            for i in 0..pack {
                let column = labels.clone().narrow(1, i, 1);
                logits = logits + column.mul_scalar(10f64.powi(i as i32));
            }
            Verdict::from(logits)
        }
    }

    /// The same of vectors: their numbers by their place.
    #[derive(Module, Debug)]
    struct VectorPlaces<B: Backend> {
        backend: std::marker::PhantomData<B>,
    }

    impl<B: Backend> Discriminator<B> for VectorPlaces<B> {
        type Sample = Tensor<B, 2>;
        type Condition = Vectors<B>;

        fn discriminate(&self, sample: Tensor<B, 2>, condition: &Vectors<B>) -> Verdict<B> {
            let mut logits = sample.sum_dim(1).mul_scalar(1000.0);
            for i in 0..condition.values.dims()[1] {
                let column = condition.values.clone().narrow(1, i, 1);
                logits = logits + column.mul_scalar(10f64.powi(i as i32));
            }
            Verdict::from(logits)
        }
    }

    fn all_conditions_of_a_pack_reach_the_discriminator<B: Backend>() {
        let device = Default::default();
        let x = || tensor2::<B, 1>([[1.0], [2.0], [3.0], [4.0], [5.0], [6.0]]);
        let labels = Labels::from_slice(&[1, 2, 3, 4, 5, 6], 7, &device).expect("in range");
        let pairs = Packed::new(
            Places::<B> {
                backend: std::marker::PhantomData,
            },
            2,
        );
        let logits = values(pairs.discriminate(x(), &labels).logits);
        assert_eq!(logits, [3021.0, 7043.0, 11065.0]);
        let triples = Packed::new(
            Places::<B> {
                backend: std::marker::PhantomData,
            },
            3,
        );
        let logits = values(triples.discriminate(x(), &labels).logits);
        assert_eq!(logits, [6321.0, 15654.0]);
        let vectors = Vectors::new(tensor2::<B, 2>([
            [1.0, 2.0],
            [3.0, 4.0],
            [5.0, 6.0],
            [7.0, 8.0],
            [9.0, 0.0],
            [1.0, 2.0],
        ]));
        let pairs = Packed::new(
            VectorPlaces::<B> {
                backend: std::marker::PhantomData,
            },
            2,
        );
        let logits = values(pairs.discriminate(x(), &vectors).logits);
        assert_eq!(logits, [7321.0, 15765.0, 13109.0]);
    }

    for_each_backend!(all_conditions_of_a_pack_reach_the_discriminator);
}
