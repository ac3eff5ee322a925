//! Samples with a vector for each.

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};

use super::{Dataset, MemoryDataset};
use crate::error::{Error, Result};
use crate::network::Vectors;
use crate::sizes;
use crate::text::hex;

/// Samples in host memory with a vector for each: attributes that a generator is conditioned on, or
/// what a classifier is to say of them (its [`Targets`](crate::train::Targets)).
///
/// ```
/// use burn_gan::burn::backend::Flex;
/// use burn_gan::data::{Dataset, MemoryDataset};
///
/// // Two numbers, each with a vector of three.
/// let data = MemoryDataset::<2>::new(vec![0.0, 1.0], [1])?
///     .with_vectors(vec![1.0, 0.0, 0.0, 0.2, 0.3, 0.5], 3)?;
/// let (_, vectors) = Dataset::<Flex>::batch(&data, &[1], &Default::default())?;
/// assert_eq!(vectors.values.dims(), [1, 3]);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct VectorDataset<const R: usize> {
    samples: MemoryDataset<R>,
    vectors: Vec<f32>,
    size: usize,
}

impl<const R: usize> MemoryDataset<R> {
    /// Adds a vector of `size` numbers to each sample, one after the other.
    ///
    /// # Errors
    /// If the size is 0, there are not as many numbers, or one is not finite.
    pub fn with_vectors(self, vectors: Vec<f32>, size: usize) -> Result<VectorDataset<R>> {
        sizes::size("size", size)?;
        let count = self.count();
        if Some(vectors.len()) != count.checked_mul(size) {
            let problem = format!(
                "{count} samples, but {} numbers for vectors of {size}",
                vectors.len()
            );
            return Err(Error::data("data in memory", problem));
        }
        if let Some(place) = vectors.iter().position(|number| !number.is_finite()) {
            let (row, column) = (place / size, place % size);
            let number = vectors[place];
            let problem =
                format!("the vector of row {row} has {number} in column {column} (counted from 0)");
            return Err(Error::data("data in memory", problem));
        }
        Ok(VectorDataset {
            samples: self,
            vectors,
            size,
        })
    }
}

impl<B: Backend, const R: usize> Dataset<B> for VectorDataset<R> {
    type Sample = Tensor<B, R>;
    type Condition = Vectors<B>;

    fn len(&self) -> usize {
        self.vectors.len() / self.size
    }

    fn batch(&self, indices: &[usize], device: &B::Device) -> Result<(Tensor<B, R>, Vectors<B>)> {
        let vectors = Dataset::<B>::conditions(self, indices, device)?;
        Ok((self.samples.gather(indices, device), vectors))
    }

    fn conditions(&self, indices: &[usize], device: &B::Device) -> Result<Vectors<B>> {
        let rows = indices.iter();
        let rows = rows.map(|row| &self.vectors[row * self.size..(row + 1) * self.size]);
        let data = TensorData::new(
            rows.collect::<Vec<_>>().concat(),
            [indices.len(), self.size],
        );
        Ok(Vectors::new(Tensor::from_data(data, device)))
    }

    fn digest(&self) -> Option<String> {
        use sha2::Digest;
        let mut hash = self.samples.hashed();
        for number in &self.vectors {
            hash.update(number.to_le_bytes());
        }
        Some(hex(&hash.finalize()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{for_each_backend, values};

    fn points(count: usize) -> MemoryDataset<2> {
        let values = (0..count).map(|value| value as f32).collect();
        MemoryDataset::new(values, [1]).expect("numbers")
    }

    fn samples_and_vectors_stay_together<B: Backend>() {
        let vectors = (0..8).map(|value| 10.0 * value as f32).collect();
        let data = points(4).with_vectors(vectors, 2).expect("two for each");
        let (x, found) = Dataset::<B>::batch(&data, &[3, 1], &Default::default()).expect("a batch");
        assert_eq!(values(x), [3.0, 1.0]);
        assert_eq!(values(found.values), [60.0, 70.0, 20.0, 30.0]);
        assert_eq!(Dataset::<B>::len(&data), 4);
    }

    for_each_backend!(samples_and_vectors_stay_together);

    #[test]
    fn vectors_that_do_not_fit_are_refused() {
        let refused = |vectors, size| {
            let refused = points(2).with_vectors(vectors, size);
            refused.expect_err("no vector for each").to_string()
        };
        assert!(refused(vec![0.0; 5], 2).contains("5 numbers for vectors of 2"));
        assert!(refused(vec![], 0).contains("`size` = 0"));
        let broken = refused(vec![0.0, 1.0, f32::NAN, 2.0], 2);
        assert!(broken.contains("row 1 has NaN in column 0"), "{broken}");
    }

    #[test]
    fn a_digest_tells_vectors_apart() {
        let digest = |last| {
            let data = points(2).with_vectors(vec![0.0, last], 1);
            Dataset::<crate::testing::Cpu>::digest(&data.expect("one for each"))
        };
        assert_eq!(digest(1.0), digest(1.0));
        assert_ne!(digest(1.0), digest(2.0));
    }
}
