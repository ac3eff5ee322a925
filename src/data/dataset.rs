//! What a run trains on.

use std::borrow::Cow;

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use sha2::{Digest, Sha256};

use super::mnist::in_range;
use crate::error::{Error, Result};
use crate::network::{Condition, Labels, Sample};
use crate::sizes;
use crate::text::hex;

/// Values that are hashed in one call.
const HASHED_AT_ONCE: usize = 4_096;

/// A data set that can be asked for any of its samples, by several threads at once.
pub trait Dataset<B: Backend>: Send + Sync {
    /// What it holds.
    type Sample: Sample<B>;
    /// What is known about each sample: `()` or labels.
    type Condition: Condition<B>;

    /// The number of samples.
    fn len(&self) -> usize;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The labels of all samples, where they are at hand: preflight looks for classes without a
    /// sample.
    fn labels(&self) -> Option<&[usize]> {
        None
    }

    /// The samples at `indices`, in their order, with what is known about them: the same ones at
    /// each call, on whatever thread. A data set that changes its samples at random draws from a
    /// [`Stream`](crate::random::Stream) of its own by the index; the backend's generator
    /// (`Tensor::random`) is the process', and gives other numbers where threads read ahead
    /// ([`Loading`](super::Loading)).
    ///
    /// # Errors
    /// If a sample can't be read: its file and what is wrong with it
    /// ([`Error::data`](crate::Error::data)). A run then stores its state and ends with an error
    /// that names the sample and the step; a panic here does the same.
    ///
    /// # Panics
    /// If an index is not below [`len`](Self::len).
    fn batch(
        &self,
        indices: &[usize],
        device: &B::Device,
    ) -> Result<(Self::Sample, Self::Condition)>;

    /// What is known about the samples at `indices`, in their order, without the samples.
    ///
    /// Asks [`batch`](Self::batch) and drops the samples; a data set that knows its conditions
    /// without reading a sample returns them itself.
    ///
    /// # Errors
    /// As [`batch`](Self::batch).
    ///
    /// # Panics
    /// If an index is not below [`len`](Self::len).
    fn conditions(&self, indices: &[usize], device: &B::Device) -> Result<Self::Condition> {
        let (_, condition) = self.batch(indices, device)?;
        Ok(condition)
    }

    /// What tells these samples from others, such as a checksum over all of them; `None` where that
    /// would cost too much. A run is resumed on data of the same digest only.
    fn digest(&self) -> Option<String> {
        None
    }
}

/// What a data set behind a reference or in a box is: chosen at run time, such as
/// `Box<dyn Dataset<B, Sample = Tensor<B, 4>, Condition = ()>>`.
macro_rules! behind {
    ($($pointer:ty),*) => {$(
        impl<B: Backend, D: Dataset<B> + ?Sized> Dataset<B> for $pointer {
            type Sample = D::Sample;
            type Condition = D::Condition;

            fn len(&self) -> usize {
                (**self).len()
            }

            fn is_empty(&self) -> bool {
                (**self).is_empty()
            }

            fn labels(&self) -> Option<&[usize]> {
                (**self).labels()
            }

            fn batch(
                &self,
                indices: &[usize],
                device: &B::Device,
            ) -> Result<(D::Sample, D::Condition)> {
                (**self).batch(indices, device)
            }

            fn conditions(&self, indices: &[usize], device: &B::Device) -> Result<D::Condition> {
                (**self).conditions(indices, device)
            }

            fn digest(&self) -> Option<String> {
                (**self).digest()
            }
        }
    )*};
}

behind!(&D, Box<D>);

/// Samples in host memory, handed out as tensors of rank `R` (the batch counted).
///
/// They are kept as floats ([`new`](Self::new)), or as bytes that become floats when a batch is
/// made ([`from_bytes`](Self::from_bytes)): a quarter of the memory.
///
/// ```
/// use burn_gan::burn::backend::Flex;
/// use burn_gan::data::{Dataset, MemoryDataset};
///
/// // Three points of the plane.
/// let points = MemoryDataset::<2>::new(vec![0.0, 0.0, 1.0, 0.0, 0.0, 1.0], [2])?;
/// let (batch, ()) = Dataset::<Flex>::batch(&points, &[2, 0], &Default::default())?;
/// assert_eq!(batch.dims(), [2, 2]);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct MemoryDataset<const R: usize> {
    values: Values,
    shape: Vec<usize>,
}

/// The numbers of all samples, one sample after the other.
#[derive(Debug, Clone)]
enum Values {
    Floats(Vec<f32>),
    Bytes {
        bytes: Vec<u8>,
        /// What the bytes 0 and 255 stand for.
        range: [f32; 2],
    },
}

impl<const R: usize> MemoryDataset<R> {
    /// Samples of `shape` (without the batch), one after the other in `values`.
    ///
    /// # Errors
    /// If `R` is not the number of dimensions of `shape` and one, a size is 0, `values` does not
    /// hold a whole number of samples, or a value is not finite or too large to be squared: the
    /// message names its sample and its place in it.
    pub fn new(values: Vec<f32>, shape: impl Into<Vec<usize>>) -> Result<Self> {
        let shape = shape.into();
        Self::whole(values.len(), &shape)?;
        finite(&values, &shape)?;
        let values = Values::Floats(values);
        Ok(Self { values, shape })
    }

    /// Samples of `shape` (without the batch), one after the other in `bytes`, which are stretched
    /// over a range, `[low, high]` or a [`PixelRange`](super::PixelRange):
    ///
    /// ```text
    /// x = low + (high − low)·byte / 255
    /// ```
    ///
    /// ```
    /// use burn_gan::burn::backend::Flex;
    /// use burn_gan::data::{Dataset, MemoryDataset, PixelRange};
    ///
    /// // Two images of one row of two pixels.
    /// let pixels = vec![0, 255, 255, 0];
    /// let images = MemoryDataset::<4>::from_bytes(pixels, [1, 1, 2], PixelRange::Symmetric)?;
    /// let (batch, ()) = Dataset::<Flex>::batch(&images, &[1], &Default::default())?;
    /// assert_eq!(batch.into_data().to_vec::<f32>().unwrap(), [1.0, -1.0]);
    /// # Ok::<(), burn_gan::Error>(())
    /// ```
    ///
    /// # Errors
    /// If `R` is not the number of dimensions of `shape` and one, a size is 0, `bytes` does not
    /// hold a whole number of samples, or `low` is not below `high`, one of them is not finite or
    /// too large to be squared, or they are too close for 255 steps between them.
    pub fn from_bytes(
        bytes: Vec<u8>,
        shape: impl Into<Vec<usize>>,
        range: impl Into<[f32; 2]>,
    ) -> Result<Self> {
        let (shape, range) = (shape.into(), range.into());
        Self::whole(bytes.len(), &shape)?;
        let [low, high] = range;
        let squares = low * low + high * high;
        if !(low < high && squares.is_finite() && (255.0 / (high - low)).is_finite()) {
            return Err(Error::setting(
                "range",
                format!("{range:?}"),
                "must be the finite numbers that the bytes 0 and 255 stand for, the smaller one first, \
                 such as [-1.0, 1.0]",
            ));
        }
        let values = Values::Bytes { bytes, range };
        Ok(Self { values, shape })
    }

    /// Refuses a shape of another rank, and so many values that are no whole number of samples.
    fn whole(values: usize, shape: &[usize]) -> Result<()> {
        if shape.len() + 1 != R {
            return Err(Error::setting(
                "shape",
                format!("{shape:?}"),
                format!("must have {} dimensions for tensors of rank {R}", R - 1),
            ));
        }
        let width = sizes::shape("shape", shape)?;
        if !values.is_multiple_of(width) {
            return Err(Error::data(
                "data in memory",
                format!("{values} values are no whole number of samples of shape {shape:?}"),
            ));
        }
        Ok(())
    }

    /// Samples that nobody has looked through, as those of other data sets are.
    #[cfg(test)]
    pub(crate) fn unchecked(values: Vec<f32>, shape: impl Into<Vec<usize>>) -> Self {
        let shape = shape.into();
        assert_eq!(shape.len() + 1, R);
        Self {
            values: Values::Floats(values),
            shape,
        }
    }

    /// Adds a label to each sample.
    ///
    /// # Errors
    /// If there is not one label per sample, or a label is not below `classes`.
    pub fn with_labels(self, labels: Vec<usize>, classes: usize) -> Result<LabelledDataset<R>> {
        let count = self.count();
        if labels.len() != count {
            return Err(Error::data(
                "data in memory",
                format!("{count} samples, but {} labels", labels.len()),
            ));
        }
        if let Some(wrong) = labels.iter().find(|label| **label >= classes) {
            return Err(Error::data(
                "data in memory",
                format!("label {wrong} is not below the number of classes, {classes}"),
            ));
        }
        Ok(LabelledDataset {
            samples: self,
            labels,
            classes,
        })
    }

    /// The values of all samples, one after the other; copied where they are kept as bytes.
    pub fn values(&self) -> Cow<'_, [f32]> {
        match &self.values {
            Values::Floats(floats) => Cow::Borrowed(floats),
            Values::Bytes { bytes, range } => Cow::Owned(stretched(bytes, *range).collect()),
        }
    }

    /// The samples at these places alone, in this order: a data set is cut into a training and a test
    /// part by this, or [few samples of each class](super::FewPerClass) are taken.
    ///
    /// # Errors
    /// If there is none, or a place is not below the number of samples.
    pub fn only(&self, places: &[usize]) -> Result<Self> {
        let (count, width) = (self.count(), self.width());
        if places.is_empty() {
            return Err(Error::setting("places", "[]", "must be one sample or more"));
        }
        if let Some(wrong) = places.iter().find(|place| **place >= count) {
            let problem = format!("must be below the number of samples, {count}");
            return Err(Error::setting("places", wrong, problem));
        }
        let samples = places
            .iter()
            .map(|place| place * width..(place + 1) * width);
        let values = match &self.values {
            Values::Floats(floats) => Values::Floats(
                samples
                    .flat_map(|sample| &floats[sample])
                    .copied()
                    .collect(),
            ),
            Values::Bytes { bytes, range } => Values::Bytes {
                bytes: samples.flat_map(|sample| &bytes[sample]).copied().collect(),
                range: *range,
            },
        };
        Ok(Self {
            values,
            shape: self.shape.clone(),
        })
    }

    fn width(&self) -> usize {
        self.shape.iter().product()
    }

    pub(super) fn count(&self) -> usize {
        let values = match &self.values {
            Values::Floats(floats) => floats.len(),
            Values::Bytes { bytes, .. } => bytes.len(),
        };
        values / self.width()
    }

    /// Shape and values, under a hash that more can be put into.
    pub(super) fn hashed(&self) -> Sha256 {
        let mut hash = Sha256::new();
        for size in &self.shape {
            hash.update((*size as u64).to_le_bytes());
        }
        match &self.values {
            Values::Floats(floats) => {
                // In pieces: hashing four bytes at a time takes three times as long.
                let mut bytes = Vec::with_capacity(4 * HASHED_AT_ONCE);
                for values in floats.chunks(HASHED_AT_ONCE) {
                    bytes.clear();
                    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
                    hash.update(&bytes);
                }
            }
            Values::Bytes { bytes, range } => {
                hash.update(b"bytes");
                range.iter().for_each(|end| hash.update(end.to_le_bytes()));
                hash.update(bytes);
            }
        }
        hash
    }

    #[inline(never)]
    pub(super) fn gather<B: Backend>(&self, indices: &[usize], device: &B::Device) -> Tensor<B, R> {
        let width = self.width();
        let mut values = Vec::with_capacity(indices.len() * width);
        let places = indices
            .iter()
            .map(|index| index * width..(index + 1) * width);
        match &self.values {
            Values::Floats(floats) => {
                places.for_each(|place| values.extend_from_slice(&floats[place]));
            }
            Values::Bytes { bytes, range } => {
                places.for_each(|place| values.extend(stretched(&bytes[place], *range)));
            }
        }
        let mut shape = vec![indices.len()];
        shape.extend(&self.shape);
        Tensor::from_data(TensorData::new(values, shape), device)
    }
}

/// The numbers in a range that bytes stand for.
fn stretched(bytes: &[u8], range: [f32; 2]) -> impl Iterator<Item = f32> {
    bytes.iter().map(move |byte| in_range(*byte, range))
}

/// Refuses values that are not finite or can't be squared: one of them spoils every weight in the
/// step that meets it.
fn finite(values: &[f32], shape: &[usize]) -> Result<()> {
    let spoilt = |value: &f32| !(value * value).is_finite();
    let Some(first) = values.iter().position(spoilt) else {
        return Ok(());
    };
    let width: usize = shape.iter().product();
    let samples = values.chunks_exact(width);
    let samples = samples.filter(|sample| sample.iter().any(spoilt)).count();
    let (row, mut place) = (first / width, first % width);
    let place = match shape {
        [_] => format!("column {place}"),
        _ => {
            let mut indices = vec![0; shape.len()];
            for (index, size) in indices.iter_mut().zip(shape).rev() {
                *index = place % size;
                place /= size;
            }
            format!("place {indices:?}")
        }
    };
    let what = match values[first] {
        large if large.is_finite() => format!("{large:e}, too large to be squared"),
        value => value.to_string(),
    };
    let others = match samples {
        1 => String::new(),
        count => format!(" ({count} samples hold such values)"),
    };
    Err(Error::data(
        "data in memory",
        format!(
            "row {row}, {place} (both counted from 0) is {what}{others}: a run would carry it into \
             every weight; leave such samples out, or put a number there"
        ),
    ))
}

impl<B: Backend, const R: usize> Dataset<B> for MemoryDataset<R> {
    type Sample = Tensor<B, R>;
    type Condition = ();

    fn len(&self) -> usize {
        self.count()
    }

    fn batch(&self, indices: &[usize], device: &B::Device) -> Result<(Tensor<B, R>, ())> {
        Ok((self.gather(indices, device), ()))
    }

    fn conditions(&self, _indices: &[usize], _device: &B::Device) -> Result<()> {
        Ok(())
    }

    #[inline(never)]
    fn digest(&self) -> Option<String> {
        Some(hex(&self.hashed().finalize()))
    }
}

/// A [`MemoryDataset`] with a label for each sample.
#[derive(Debug, Clone)]
pub struct LabelledDataset<const R: usize> {
    samples: MemoryDataset<R>,
    labels: Vec<usize>,
    classes: usize,
}

impl<const R: usize> LabelledDataset<R> {
    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The samples, without their labels.
    pub fn samples(&self) -> &MemoryDataset<R> {
        &self.samples
    }

    /// The samples at these places alone, with their labels, in this order.
    ///
    /// # Errors
    /// As [`MemoryDataset::only`].
    pub fn only(&self, places: &[usize]) -> Result<Self> {
        Ok(Self {
            samples: self.samples.only(places)?,
            labels: places.iter().map(|place| self.labels[*place]).collect(),
            classes: self.classes,
        })
    }
}

impl<B: Backend, const R: usize> Dataset<B> for LabelledDataset<R> {
    type Sample = Tensor<B, R>;
    type Condition = Labels<B>;

    fn len(&self) -> usize {
        self.labels.len()
    }

    fn labels(&self) -> Option<&[usize]> {
        Some(&self.labels)
    }

    fn batch(&self, indices: &[usize], device: &B::Device) -> Result<(Tensor<B, R>, Labels<B>)> {
        let labels = Dataset::<B>::conditions(self, indices, device)?;
        Ok((self.samples.gather(indices, device), labels))
    }

    fn conditions(&self, indices: &[usize], device: &B::Device) -> Result<Labels<B>> {
        let labels: Vec<i32> = indices.iter().map(|i| self.labels[*i] as i32).collect();
        Ok(Labels::new(Tensor::from_ints(labels.as_slice(), device)))
    }

    fn digest(&self) -> Option<String> {
        let mut hash = self.samples.hashed();
        for label in &self.labels {
            hash.update((*label as u64).to_le_bytes());
        }
        Some(hex(&hash.finalize()))
    }
}

crate::compiled::compiled! {
    MemoryDataset::<2>::gather::<Tape>,
    MemoryDataset::<4>::gather::<Tape>,
    <MemoryDataset<2> as Dataset<Tape>>::digest,
    <MemoryDataset<4> as Dataset<Tape>>::digest,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::PixelRange;
    use crate::testing::{for_each_backend, int_values, values};

    fn samples_and_labels_stay_together<B: Backend>() {
        let data = MemoryDataset::<3>::new((0..24).map(|v| v as f32).collect(), [2, 3])
            .and_then(|data| data.with_labels(vec![5, 6, 7, 8], 9))
            .expect("consistent data");
        let (x, labels) =
            Dataset::<B>::batch(&data, &[3, 1], &Default::default()).expect("a batch");
        assert_eq!(x.dims(), [2, 2, 3]);
        assert_eq!(values(x)[..2], [18.0, 19.0]);
        assert_eq!(int_values(labels.classes), [8, 6]);
        let alone = Dataset::<B>::conditions(&data, &[3, 1], &Default::default());
        assert_eq!(int_values(alone.expect("labels").classes), [8, 6]);
    }

    #[test]
    fn behind_a_box_or_a_reference_it_is_the_same() {
        type B = crate::testing::Cpu;
        let device = Default::default();
        let data = MemoryDataset::<2>::new(vec![0.0, 1.0, 2.0, 3.0], [2]);
        let data = data.and_then(|data| data.with_labels(vec![1, 0], 2));
        let data = data.expect("consistent data");
        let boxed: Box<dyn Dataset<B, Sample = Tensor<B, 2>, Condition = Labels<B>>> =
            Box::new(data.clone());
        fn told<D>(data: D) -> (usize, Vec<usize>, Option<String>)
        where
            D: Dataset<B, Sample = Tensor<B, 2>, Condition = Labels<B>>,
        {
            let labels = data.labels().unwrap_or_default().to_vec();
            (data.len(), labels, data.digest())
        }
        assert!(Dataset::<B>::digest(&data).is_some());
        assert_eq!(told(&data), told(data.clone()));
        assert_eq!(told(&boxed), told(data));
        let (samples, labels) = boxed.batch(&[1], &device).expect("a batch");
        assert_eq!(values(samples), [2.0, 3.0]);
        assert_eq!(int_values(labels.classes), [0]);
        let alone = boxed.conditions(&[0, 1], &device).expect("labels");
        assert_eq!(int_values(alone.classes), [1, 0]);
    }

    #[test]
    fn a_digest_tells_values_shapes_and_labels_apart() {
        type B = crate::testing::Cpu;
        let data = |values: Vec<f32>| MemoryDataset::<2>::new(values, [2]).expect("pairs");
        let digest = |data: &MemoryDataset<2>| Dataset::<B>::digest(data).expect("a digest");
        let plain = digest(&data(vec![0.0, 1.0, 2.0, 3.0]));
        assert_eq!(plain, digest(&data(vec![0.0, 1.0, 2.0, 3.0])));
        assert_ne!(plain, digest(&data(vec![0.0, 1.0, 3.0, 2.0])));
        let wide = MemoryDataset::<2>::new(vec![0.0, 1.0, 2.0, 3.0], [4]).expect("one row");
        assert_ne!(plain, digest(&wide));
        let labelled = |labels: Vec<usize>| {
            let data = data(vec![0.0, 1.0, 2.0, 3.0]).with_labels(labels, 2);
            Dataset::<B>::digest(&data.expect("labels")).expect("a digest")
        };
        assert_ne!(labelled(vec![0, 1]), labelled(vec![1, 0]));
        assert_ne!(labelled(vec![0, 1]), plain);
    }

    fn bytes_are_the_floats_they_stand_for<B: Backend>() {
        let bytes: Vec<u8> = (0..=255).collect();
        for range in [PixelRange::Symmetric, PixelRange::Unit] {
            let floats: Vec<f32> = bytes.iter().map(|byte| range.scale(*byte)).collect();
            let kept = MemoryDataset::<4>::from_bytes(bytes.clone(), [2, 4, 4], range)
                .expect("eight images");
            assert_eq!(*kept.values(), *floats);
            let plain = MemoryDataset::<4>::new(floats, [2, 4, 4]).expect("eight images");
            let batch = |data: &MemoryDataset<4>| {
                let batch = Dataset::<B>::batch(data, &[7, 0, 3], &Default::default());
                values(batch.expect("a batch").0)
            };
            assert_eq!(batch(&kept), batch(&plain));
            let labels: Vec<usize> = (0..8).collect();
            let labelled = kept.with_labels(labels, 8).expect("a label each");
            assert_eq!(Dataset::<B>::len(&labelled), 8);
        }
    }

    for_each_backend!(
        samples_and_labels_stay_together,
        bytes_are_the_floats_they_stand_for
    );

    #[test]
    fn bytes_are_stretched_over_any_range_and_stay_inside() {
        for range in [
            [0.0, 1.0],
            [-1.0, 1.0],
            [-0.3, 0.7],
            [0.1, 0.3],
            [-1e18, 1e-3],
            [3.0, 10.0],
        ] {
            let data = MemoryDataset::<2>::from_bytes((0..=255).collect(), [1], range);
            let values = data.expect("a range").values().into_owned();
            let [low, high] = range.map(f64::from);
            assert_eq!((f64::from(values[0]), f64::from(values[255])), (low, high));
            for (byte, value) in values.iter().enumerate() {
                let exact = low + (high - low) * byte as f64 / 255.0;
                // Two roundings of numbers as large as the range, and the last one.
                let tolerance = 2e-7 * (low.abs() + high.abs());
                let value = f64::from(*value);
                assert!(
                    (value - exact).abs() <= tolerance,
                    "{range:?}, {byte}: {value}, {exact}"
                );
                assert!((low..=high).contains(&value));
            }
        }
        for wrong in [
            [1.0, 1.0],
            [1.0, -1.0],
            [f32::NAN, 1.0],
            [0.0, f32::INFINITY],
            [-2e19, 1.0],
            [0.0, 1e-40],
        ] {
            let refused = MemoryDataset::<2>::from_bytes(vec![1], [1], wrong);
            let error = refused.expect_err("no range").to_string();
            assert!(error.contains("`range` = "), "{error}");
        }
        assert!(MemoryDataset::<2>::from_bytes(vec![1; 5], [2], [0.0, 1.0]).is_err());
        assert!(MemoryDataset::<3>::from_bytes(vec![1; 4], [2], [0.0, 1.0]).is_err());
    }

    #[test]
    fn a_part_has_its_samples_and_labels_in_the_order_asked_for() {
        let floats = MemoryDataset::<2>::new((0..8).map(|v| v as f32).collect(), [2]);
        let bytes = MemoryDataset::<2>::from_bytes((0..8).collect(), [2], [0.0, 255.0]);
        for data in [floats, bytes] {
            let data = data.and_then(|data| data.with_labels(vec![3, 2, 1, 0], 4));
            let data = data.expect("four points");
            let part = data.only(&[3, 0]).expect("two of them");
            assert_eq!(*part.samples().values(), [6.0, 7.0, 0.0, 1.0]);
            assert_eq!(part.labels, [0, 3]);
            assert_eq!(part.classes(), 4);
            let error = data.only(&[4]).expect_err("four points").to_string();
            assert!(error.contains("`places` = 4"), "{error}");
            assert!(data.only(&[]).is_err());
        }
    }

    #[test]
    fn a_digest_tells_bytes_and_their_ranges_apart() {
        type B = crate::testing::Cpu;
        let digest = |bytes: &[u8], range: [f32; 2]| {
            let data = MemoryDataset::<2>::from_bytes(bytes.to_vec(), [2], range).expect("pairs");
            Dataset::<B>::digest(&data).expect("a digest")
        };
        let plain = digest(&[0, 1, 2, 3], [0.0, 1.0]);
        assert_eq!(plain, digest(&[0, 1, 2, 3], [0.0, 1.0]));
        assert_ne!(plain, digest(&[0, 1, 3, 2], [0.0, 1.0]));
        assert_ne!(plain, digest(&[0, 1, 2, 3], [-1.0, 1.0]));
    }

    #[test]
    fn a_value_that_is_not_finite_is_refused_by_row_and_column() {
        let mut points = vec![0.5; 2 * 20_032];
        points[2 * 20_031 + 1] = f32::NAN;
        let error = MemoryDataset::<2>::new(points, [2])
            .expect_err("NaN")
            .to_string();
        for words in ["row 20031, column 1 ", "is NaN:", "leave such samples out"] {
            assert!(error.contains(words), "no `{words}` in: {error}");
        }
        let mut images = vec![0.0; 3 * 2 * 3 * 4];
        images[24 + 12 + 4 + 3] = f32::NEG_INFINITY;
        images[50] = f32::INFINITY;
        images[51] = f32::NAN;
        let error = MemoryDataset::<4>::new(images, [2, 3, 4]).expect_err("an infinity");
        let error = error.to_string();
        for words in ["row 1, place [1, 1, 3]", "is -inf (2 samples"] {
            assert!(error.contains(words), "no `{words}` in: {error}");
        }
        let error = MemoryDataset::<2>::new(vec![0.0, 2e19], [2]).expect_err("too large");
        let error = error.to_string();
        assert!(
            error.contains("column 1 (both counted from 0) is 2e19, too"),
            "{error}"
        );
        // Large numbers and small ones are numbers.
        let ends = vec![1e19, -1e19, f32::MIN_POSITIVE, 1e-45, -0.0, 0.0];
        assert!(MemoryDataset::<2>::new(ends, [2]).is_ok());
    }

    #[test]
    fn data_that_does_not_fit_is_refused() {
        assert!(MemoryDataset::<2>::new(vec![0.0; 5], [2]).is_err());
        assert!(MemoryDataset::<3>::new(vec![0.0; 4], [2]).is_err());
        let four = || MemoryDataset::<2>::new(vec![0.0; 4], [1]).expect("four numbers");
        assert!(four().with_labels(vec![0, 1, 2], 3).is_err());
        assert!(four().with_labels(vec![0, 1, 2, 3], 3).is_err());
    }
}
