//! Vectors as conditions.

use burn::backend::Autodiff;
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Int, Tensor};

use super::Condition;

/// A vector for each sample, `[batch, size]`: attributes, the embedding of a text, measurements.
///
/// Packed samples ([`Packed`](crate::network::Packed)) have the vectors of a pack one after the
/// other, `[batch / pack, pack · size]`.
#[derive(Debug, Clone)]
pub struct Vectors<B: Backend> {
    /// The vectors, `[batch, size]`.
    pub values: Tensor<B, 2>,
}

impl<B: Backend> Vectors<B> {
    /// Vectors that are on a device already, `[batch, size]`.
    pub fn new(values: Tensor<B, 2>) -> Self {
        Self { values }
    }
}

impl<B: Backend> Condition<B> for Vectors<B> {
    type Lifted = Vectors<Autodiff<B>>;
    type Inner
        = Vectors<B::InnerBackend>
    where
        B: AutodiffBackend;

    fn lift(&self) -> Self::Lifted {
        Vectors::new(Tensor::from_inner(self.values.clone()))
    }

    fn inner(&self) -> Self::Inner
    where
        B: AutodiffBackend,
    {
        Vectors::new(self.values.clone().inner())
    }

    fn select(&self, indices: Tensor<B, 1, Int>) -> Self {
        Self::new(self.values.clone().select(0, indices))
    }

    fn narrow(&self, start: usize, count: usize) -> Self {
        Self::new(self.values.clone().narrow(0, start, count))
    }

    fn concatenate(batches: Vec<Self>) -> Self {
        assert!(!batches.is_empty(), "no vectors to concatenate");
        let batches = batches.into_iter().map(|vectors| vectors.values);
        Self::new(Tensor::cat(batches.collect(), 0))
    }

    fn pack(&self, count: usize) -> Self {
        let [batch, size] = self.values.dims();
        assert!(
            count > 0 && batch.is_multiple_of(count),
            "vectors of shape [{batch}, {size}] can't be packed by {count}"
        );
        Self::new(self.values.clone().reshape([batch / count, size * count]))
    }

    fn rows(&self) -> Option<usize> {
        Some(self.values.dims()[0])
    }

    fn vectors(&self) -> Option<Tensor<B, 2>> {
        Some(self.values.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;
    use crate::testing::{Cpu, for_each_backend, tensor2, values};

    fn vectors_follow_their_samples<B: Backend>() {
        let device = Default::default();
        let vectors = Vectors::new(tensor2::<B, 2>([
            [1.0, 2.0],
            [3.0, 4.0],
            [5.0, 6.0],
            [7.0, 8.0],
        ]));
        let middle = Condition::narrow(&vectors, 1, 2);
        assert_eq!(values(middle.values.clone()), [3.0, 4.0, 5.0, 6.0]);
        let picked = Condition::select(&vectors, Tensor::from_ints([3, 0], &device));
        assert_eq!(values(picked.values.clone()), [7.0, 8.0, 1.0, 2.0]);
        let both = Condition::concatenate(vec![middle, picked]);
        assert_eq!(Condition::rows(&both), Some(4));
        let packs = Condition::pack(&both, 2);
        assert_eq!(packs.values.dims(), [2, 4]);
        assert_eq!(
            values(packs.values.clone()),
            [3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 1.0, 2.0]
        );
        let down = Condition::inner(&Condition::lift(&packs));
        assert_eq!(values(down.values), values(packs.values));
    }

    for_each_backend!(vectors_follow_their_samples);

    #[test]
    fn vectors_are_no_classes() {
        let vectors = Vectors::new(tensor2::<Cpu, 2>([[1.0, 2.0]]));
        assert!(Condition::classes(&vectors).is_none());
        assert!(Condition::labels(&vectors).is_none());
        let mut stream = Stream::new(1, "conditions");
        assert!(
            <Vectors<Cpu> as Condition<Cpu>>::uniform(2, 3, &mut stream, &Default::default())
                .is_none()
        );
    }

    #[test]
    #[should_panic(expected = "vectors of shape [1, 2] can't be packed by 2")]
    fn vectors_that_make_no_whole_packs_panic() {
        Condition::pack(&Vectors::new(tensor2::<Cpu, 2>([[1.0, 2.0]])), 2);
    }
}
