//! Means and covariances of features, in one pass and in memory that does not grow with samples.

use std::borrow::Cow;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::features::{ExtractorId, Features, usable};
use crate::error::{Error, Result};

/// Rows that are centred and multiplied at a time.
const CHUNK: usize = 512;
/// Columns of the scatter matrix that one task adds to.
const PANEL: usize = 128;
/// More would take more than 2 GiB for the scatter matrix alone.
const DIMENSIONS_AT_MOST: usize = 1 << 14;

/// The mean and the covariance of features, in double precision, gathered in one pass.
///
/// ```text
/// mean       = 1/n · Σ xᵢ
/// covariance = 1/(n − 1) · Σ (xᵢ − mean)(xᵢ − mean)ᵀ
/// ```
///
/// Rows are taken in chunks of 512: each is centred at its own mean, and its scatter is added by
/// Chan's update (Chan, Golub and LeVeque, 1983), so that no digits are lost to means that are large
/// beside the spread. Memory is that of one `[dimensions, dimensions]` matrix, however many samples
/// come: 32 MiB for 2,048 features. It takes `n · dimensions²` multiplications and additions.
///
/// The result is the same to the last bit for every number of threads, and however the rows are
/// cut into calls of [`add`](Self::add). [`merge`](Self::merge) gives the same but for rounding.
///
/// ```
/// use burn_gan::metrics::{Features, Moments};
///
/// let mut moments = Moments::new(2)?;
/// for batch in [vec![0.0, 0.0, 2.0, 0.0], vec![0.0, 4.0, 2.0, 4.0]] {
///     moments.add(&Features::new(batch, 2)?)?;
/// }
/// assert_eq!(moments.count(), 4);
/// assert_eq!(moments.mean(), [1.0, 2.0]);
/// let covariance = moments.covariance()?;
/// assert!((covariance[0] - 4.0 / 3.0).abs() < 1e-15 && covariance[1] == 0.0);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    dimensions: usize,
    /// Rows that are in `mean` and `scatter`.
    count: usize,
    mean: Vec<f64>,
    /// Σ (x − mean)(x − mean)ᵀ, column-major; what is above the diagonal means nothing.
    scatter: Vec<f64>,
    /// Rows that came and fill no chunk yet: where calls were cut must not matter.
    pending: Vec<f32>,
    extractor: Option<ExtractorId>,
    set: String,
}

impl Moments {
    /// Moments of no sample yet.
    ///
    /// # Errors
    /// If there is no dimension, or more than 16,384.
    pub fn new(dimensions: usize) -> Result<Self> {
        if dimensions == 0 || dimensions > DIMENSIONS_AT_MOST {
            return Err(Error::data(
                "moments",
                format!(
                    "a covariance of {dimensions} features can't be had: it takes at least 1 and \
                     at most {DIMENSIONS_AT_MOST}; take fewer features"
                ),
            ));
        }
        Ok(Self {
            dimensions,
            count: 0,
            mean: vec![0.0; dimensions],
            scatter: vec![0.0; dimensions * dimensions],
            pending: Vec::new(),
            extractor: None,
            set: String::new(),
        })
    }

    /// The moments of a set.
    ///
    /// # Errors
    /// As [`new`](Self::new) and [`add`](Self::add).
    pub fn of(features: &Features) -> Result<Self> {
        let mut moments = Self::new(features.dimensions())?;
        moments.add(features)?;
        Ok(moments)
    }

    /// Adds samples.
    ///
    /// # Errors
    /// If they have another number of features or come from another extractor than those before, or
    /// if a feature is not finite.
    pub fn add(&mut self, features: &Features) -> Result<()> {
        usable("moments", 1, features)?;
        self.same_kind(features.dimensions(), Some(features.extractor()))?;
        if self.extractor.is_none() {
            self.extractor = Some(features.extractor().clone());
            features.set().clone_into(&mut self.set);
        }
        let chunk = CHUNK * self.dimensions;
        let mut values = features.values();
        if !self.pending.is_empty() {
            let (first, rest) = values.split_at(values.len().min(chunk - self.pending.len()));
            self.pending.extend_from_slice(first);
            values = rest;
            if self.pending.len() == chunk {
                let pending = std::mem::take(&mut self.pending);
                self.fold(&pending);
            }
        }
        let mut chunks = values.chunks_exact(chunk);
        for rows in &mut chunks {
            self.fold(rows);
        }
        self.pending.extend_from_slice(chunks.remainder());
        Ok(())
    }

    /// Adds the samples that `other` was made of.
    ///
    /// # Errors
    /// If they have another number of features or come from another extractor.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        self.same_kind(other.dimensions, other.extractor.as_ref())?;
        let other = other.settled();
        if other.count == 0 {
            return Ok(());
        }
        if self.count() == 0 {
            *self = other.into_owned();
            return Ok(());
        }
        let pending = std::mem::take(&mut self.pending);
        self.fold(&pending);
        let between = self.shift(&other.mean, other.count);
        self.scatter
            .par_chunks_mut(self.dimensions)
            .zip(other.scatter.par_chunks(self.dimensions))
            .enumerate()
            .for_each(|(column, (own, others))| {
                for row in column..own.len() {
                    own[row] += others[row] + between[row] * between[column];
                }
            });
        Ok(())
    }

    /// How many samples they are of.
    pub fn count(&self) -> usize {
        self.count + self.pending.len() / self.dimensions
    }

    /// The number of features of a sample.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// What made the features; `None` as long as there are none.
    pub fn extractor(&self) -> Option<&ExtractorId> {
        self.extractor.as_ref()
    }

    /// The name of the first set that was added.
    pub fn set(&self) -> &str {
        &self.set
    }

    /// The mean of each feature; zeros of no sample.
    pub fn mean(&self) -> Vec<f64> {
        self.settled().into_owned().mean
    }

    /// The unbiased covariance, row-major `[dimensions, dimensions]`.
    ///
    /// # Errors
    /// If there are fewer than two samples.
    pub fn covariance(&self) -> Result<Vec<f64>> {
        let settled = self.settled();
        if settled.count < 2 {
            return Err(Error::data(
                "moments",
                format!(
                    "a covariance takes at least 2 samples; there is {}",
                    settled.count
                ),
            ));
        }
        let Self {
            dimensions,
            count,
            mut scatter,
            ..
        } = settled.into_owned();
        let factor = 1.0 / (count - 1) as f64;
        for column in 0..dimensions {
            for row in column..dimensions {
                let value = scatter[column * dimensions + row] * factor;
                scatter[column * dimensions + row] = value;
                scatter[row * dimensions + column] = value;
            }
        }
        Ok(scatter)
    }

    /// Count, mean and scatter with no rows pending; of the scatter, column-major, what lies on and
    /// below the diagonal.
    pub(super) fn parts(&self) -> (usize, Cow<'_, [f64]>, Cow<'_, [f64]>) {
        match self.settled() {
            Cow::Borrowed(own) => (
                own.count,
                Cow::Borrowed(own.mean.as_slice()),
                Cow::Borrowed(own.scatter.as_slice()),
            ),
            Cow::Owned(own) => (own.count, Cow::Owned(own.mean), Cow::Owned(own.scatter)),
        }
    }

    /// Takes over what a file has stored, in the form of [`parts`](Self::parts).
    pub(super) fn restore(
        &mut self,
        count: usize,
        mean: Vec<f64>,
        scatter: Vec<f64>,
        extractor: ExtractorId,
        set: &str,
    ) {
        self.count = count;
        self.mean = mean;
        self.scatter = scatter;
        self.extractor = Some(extractor);
        set.clone_into(&mut self.set);
    }

    /// With no rows pending.
    fn settled(&self) -> Cow<'_, Self> {
        if self.pending.is_empty() {
            return Cow::Borrowed(self);
        }
        let mut settled = self.clone();
        settled.pending = Vec::new();
        settled.fold(&self.pending);
        Cow::Owned(settled)
    }

    fn same_kind(&self, dimensions: usize, extractor: Option<&ExtractorId>) -> Result<()> {
        if dimensions != self.dimensions {
            return Err(Error::data(
                "moments",
                format!(
                    "samples of {dimensions} features can't be added to those of {}",
                    self.dimensions
                ),
            ));
        }
        match (&self.extractor, extractor) {
            (Some(own), Some(other)) if own != other => Err(Error::data(
                "moments",
                format!("features of {other} can't be added to those of {own}"),
            )),
            _ => Ok(()),
        }
    }

    /// Adds at most a chunk of rows.
    fn fold(&mut self, rows: &[f32]) {
        let dimensions = self.dimensions;
        let count = rows.len() / dimensions;
        if count == 0 {
            return;
        }
        let mean = mean_of(rows, dimensions);
        // The centred rows, and below them one for the distance of the means: with it their product
        // is all that the scatter gains.
        let mut centred = Vec::with_capacity((count + 1) * dimensions);
        for row in rows.chunks_exact(dimensions) {
            centred.extend(row.iter().zip(&mean).map(|(x, mean)| f64::from(*x) - mean));
        }
        centred.extend(self.shift(&mean, count));
        let centred = MatRef::from_row_major_slice(&centred, count + 1, dimensions);
        self.scatter
            .par_chunks_mut(PANEL * dimensions)
            .enumerate()
            .for_each(|(panel, columns)| {
                let first = panel * PANEL;
                let width = columns.len() / dimensions;
                let columns = MatMut::from_column_major_slice_mut(columns, dimensions, width);
                matmul(
                    columns.subrows_mut(first, dimensions - first),
                    Accum::Add,
                    centred.subcols(first, dimensions - first).transpose(),
                    centred.subcols(first, width),
                    1.0,
                    Par::Seq,
                );
            });
    }

    /// Moves the mean and the count to what they are with `count` more samples of `mean`, and gives
    /// the vector whose square the scatter gains for the distance between the means.
    fn shift(&mut self, mean: &[f64], count: usize) -> Vec<f64> {
        let (own, new) = (self.count as f64, count as f64);
        let all = own + new;
        let weight = (own * new / all).sqrt();
        self.count += count;
        self.mean
            .iter_mut()
            .zip(mean)
            .map(|(own, mean)| {
                let distance = mean - *own;
                *own += distance * (new / all);
                distance * weight
            })
            .collect()
    }
}

/// The mean of rows, by the distances from the first of them: exact where all are the same.
fn mean_of(rows: &[f32], dimensions: usize) -> Vec<f64> {
    let first = &rows[..dimensions];
    let mut sums = vec![0.0; dimensions];
    for row in rows.chunks_exact(dimensions) {
        for ((sum, x), origin) in sums.iter_mut().zip(row).zip(first) {
            *sum += f64::from(*x) - f64::from(*origin);
        }
    }
    let count = (rows.len() / dimensions) as f64;
    sums.iter()
        .zip(first)
        .map(|(sum, origin)| f64::from(*origin) + sum / count)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    /// Correlated features whose means are large beside their spread.
    fn features(count: usize, dimensions: usize) -> Features {
        let mut stream = Stream::new(7, "moments");
        let mut values = stream.normal(count * dimensions);
        for row in values.chunks_exact_mut(dimensions) {
            for i in (1..dimensions).rev() {
                row[i] = 100.0 * i as f32 + row[i] + 0.5 * row[i - 1];
            }
        }
        Features::new(values, dimensions).unwrap()
    }

    /// Two passes over all rows, sums of one number each.
    fn direct(features: &Features) -> (Vec<f64>, Vec<f64>) {
        let (n, d) = (features.count() as f64, features.dimensions());
        let sum = |f: &dyn Fn(&[f32]) -> f64| features.rows().map(f).sum::<f64>();
        let mean: Vec<f64> = (0..d).map(|i| sum(&|row| f64::from(row[i])) / n).collect();
        let mut covariance = Vec::new();
        for i in 0..d {
            for j in 0..d {
                let product =
                    |row: &[f32]| (f64::from(row[i]) - mean[i]) * (f64::from(row[j]) - mean[j]);
                covariance.push(sum(&product) / (n - 1.0));
            }
        }
        (mean, covariance)
    }

    fn near(a: &[f64], b: &[f64], most: f64) {
        assert_eq!(a.len(), b.len());
        for (a, b) in a.iter().zip(b) {
            assert!((a - b).abs() <= most * b.abs().max(1.0), "{a} and {b}");
        }
    }

    #[test]
    fn one_pass_gives_what_two_passes_give() {
        // Fewer than a chunk, whole chunks, and what is left over.
        for count in [2, CHUNK, 2 * CHUNK + 3] {
            let features = features(count, 5);
            let moments = Moments::of(&features).unwrap();
            let (mean, covariance) = direct(&features);
            near(&moments.mean(), &mean, 1e-14);
            near(&moments.covariance().unwrap(), &covariance, 1e-12);
        }
    }

    #[test]
    fn panels_of_columns_meet() {
        let features = features(40, 2 * PANEL + 3);
        let covariance = Moments::of(&features).unwrap().covariance().unwrap();
        near(&covariance, &direct(&features).1, 1e-12);
    }

    #[test]
    fn where_rows_are_cut_changes_no_bit() {
        let features = features(2 * CHUNK + 100, 3);
        let whole = Moments::of(&features).unwrap();
        let mut cut = Moments::new(3).unwrap();
        let rows: Vec<usize> = (0..features.count()).collect();
        for part in [&rows[..1], &rows[1..700], &rows[700..1_123], &rows[1_123..]] {
            cut.add(&features.select(part)).unwrap();
            // Looking does not disturb it.
            assert!(cut.mean()[0].is_finite());
        }
        assert_eq!(cut, whole);
        assert_eq!(cut.covariance().unwrap(), whole.covariance().unwrap());
    }

    #[test]
    fn the_number_of_threads_changes_no_bit() {
        let features = features(CHUNK + 7, PANEL + 5);
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let pool = pool.unwrap();
            pool.install(|| Moments::of(&features).unwrap().covariance().unwrap())
        };
        assert_eq!(on(1), on(3));
    }

    #[test]
    fn merged_parts_are_the_whole() {
        let features = features(1_500, 4);
        let rows: Vec<usize> = (0..1_500).collect();
        let of = |rows: &[usize]| Moments::of(&features.select(rows)).unwrap();
        let mut merged = Moments::new(4).unwrap();
        for part in [&rows[..3], &rows[3..900], &rows[900..]] {
            merged.merge(&of(part)).unwrap();
        }
        merged.merge(&Moments::new(4).unwrap()).unwrap();
        let whole = of(&rows);
        assert_eq!(merged.count(), 1_500);
        near(&merged.mean(), &whole.mean(), 1e-14);
        near(
            &merged.covariance().unwrap(),
            &whole.covariance().unwrap(),
            1e-12,
        );
    }

    #[test]
    fn a_constant_feature_has_no_variance_at_all() {
        let mut values = Vec::new();
        for i in 0..1_300 {
            values.extend([0.1_f32, (i % 7) as f32]);
        }
        let moments = Moments::of(&Features::new(values, 2).unwrap()).unwrap();
        let covariance = moments.covariance().unwrap();
        assert_eq!(covariance[..2], [0.0, 0.0]);
        assert!(covariance[3] > 1.0);
        assert_eq!(moments.mean()[0], f64::from(0.1_f32));
    }

    #[test]
    fn unlike_samples_are_refused() {
        let mut moments = Moments::of(&features(3, 2)).unwrap();
        let refused = |result: Result<()>| result.unwrap_err().to_string();
        assert_eq!(
            refused(moments.add(&features(3, 4))),
            "moments: samples of 4 features can't be added to those of 2"
        );
        let other = features(3, 2).with_extractor(ExtractorId::new("classifier"));
        assert_eq!(
            refused(moments.add(&other)),
            "moments: features of classifier can't be added to those of raw"
        );
        assert!(moments.merge(&Moments::of(&other).unwrap()).is_err());
        let broken = Features::new(vec![1.0, f32::NAN], 2).unwrap();
        assert!(refused(moments.add(&broken)).contains("feature 1 of sample 0"));
        assert_eq!(moments.count(), 3);
        assert!(Moments::new(0).is_err() && Moments::new(20_000).is_err());
        let one = Moments::of(&features(1, 2)).unwrap();
        assert!(one.covariance().is_err());
    }
}
