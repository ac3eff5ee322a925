//! Where a classifier's batches come from.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::Targets;
use crate::data::{BatchIndices, Dataset};
use crate::error::Result;
use crate::network::Augmentation;
use crate::random::Stream;
use crate::train::feed::{self, Expected};

/// Images that a classifier is trained on beside its data, such as generated ones.
///
/// They come in batches of the data's size, in an order of their own. With vectors as
/// [targets](super::Targets) each has a weight of its own, and as much of each class as a judge saw in
/// it.
#[derive(Debug, Clone)]
pub struct Beside<'a, D> {
    /// The images and what they are.
    pub data: &'a D,
    /// How much a batch of them counts, against 1 for a batch of the data.
    pub weight: f64,
    /// The change that each of them meets; none by default.
    pub augmentation: Option<Augmentation>,
}

impl<'a, D> Beside<'a, D> {
    /// A batch of these counts `weight` times as much as one of the data.
    pub fn new(data: &'a D, weight: f64) -> Self {
        Self {
            data,
            weight,
            augmentation: None,
        }
    }

    /// The change that each of them meets.
    pub fn with_augmentation(mut self, augmentation: impl Into<Option<Augmentation>>) -> Self {
        self.augmentation = augmentation.into();
        self
    }
}

/// A data set, and where in it the training is.
pub(super) struct Feed<'a, D> {
    pub(super) data: &'a D,
    pub(super) batches: BatchIndices,
    pub(super) changes: Stream,
    pub(super) augmentation: Option<&'a Augmentation>,
    pub(super) weight: f64,
}

/// Batches one after the other, whatever data set they are of.
pub(super) trait Source<B: Backend> {
    fn weight(&self) -> f64;

    /// Images, changed, and their targets `[batch, classes]`.
    fn next(
        &mut self,
        expected: &Expected,
        device: &B::Device,
    ) -> Result<(Tensor<B, 4>, Tensor<B, 2>)>;
}

impl<B, D> Source<B> for Feed<'_, D>
where
    B: Backend,
    D: Dataset<B, Sample = Tensor<B, 4>>,
    D::Condition: Targets<B>,
{
    fn weight(&self) -> f64 {
        self.weight
    }

    fn next(
        &mut self,
        expected: &Expected,
        device: &B::Device,
    ) -> Result<(Tensor<B, 4>, Tensor<B, 2>)> {
        let indices = self.batches.next_batch();
        let (images, targets) = feed::batch(self.data, &indices, expected, device)?;
        let images = match self.augmentation {
            Some(augmentation) => augmentation.apply(images, &mut self.changes),
            None => images,
        };
        let (_, classes) = expected.classes[0];
        Ok((images, targets.table(classes)?))
    }
}
