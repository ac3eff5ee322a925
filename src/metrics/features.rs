//! Numbers that sets of samples are compared by.

use std::fmt;
use std::slice::ChunksExact;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::text::hex;

/// What made features of samples, as far as it decides their values.
///
/// Features of two extractors mean different things, and so do scores of them: metrics refuse to
/// compare them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtractorId {
    /// What it is called: `raw`, `inception`, `classifier`.
    pub name: String,
    /// A SHA-256 of the weights in hexadecimal, where there are weights.
    pub hash: Option<String>,
    /// What was done to samples before, in words: the resize, the range of pixels.
    pub input: Option<String>,
}

impl ExtractorId {
    /// An extractor without weights, known by its name.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            hash: None,
            input: None,
        }
    }

    /// The numbers of the samples themselves.
    pub fn raw() -> Self {
        Self::new("raw")
    }

    /// Sets the hash of the weights.
    pub fn with_hash(mut self, hash: impl Into<String>) -> Self {
        self.hash = Some(hash.into());
        self
    }

    /// Says what is done to samples before.
    pub fn with_input(mut self, input: impl Into<String>) -> Self {
        self.input = Some(input.into());
        self
    }
}

impl fmt::Display for ExtractorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(hash) = &self.hash {
            // Enough to tell two files apart in a sentence.
            let short: String = hash.chars().take(12).collect();
            write!(f, " {short}")?;
        }
        if let Some(input) = &self.input {
            write!(f, " ({input})")?;
        }
        Ok(())
    }
}

/// Features of a set of samples: a row of numbers for each, on the host.
///
/// Row-major `[count, dimensions]`. With them goes where they come from, so that metrics can refuse
/// what can't be compared: the [extractor](ExtractorId) and the name of the set.
///
/// ```
/// use burn_gan::metrics::Features;
///
/// // Three points of the plane, as they are.
/// let points = Features::new(vec![0.0, 0.0, 1.0, 0.0, 0.0, 1.0], 2)?.with_set("test");
/// assert_eq!((points.count(), points.dimensions()), (3, 2));
/// assert_eq!(points.row(1), [1.0, 0.0]);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    values: Vec<f32>,
    dimensions: usize,
    extractor: ExtractorId,
    set: String,
}

impl Features {
    /// Features as they stand in memory, row-major `[count, dimensions]`, of the extractor
    /// [`raw`](ExtractorId::raw).
    ///
    /// # Errors
    /// If there is no row, or if the length is no multiple of `dimensions`.
    pub fn new(values: Vec<f32>, dimensions: usize) -> Result<Self> {
        if values.is_empty() || dimensions == 0 || !values.len().is_multiple_of(dimensions) {
            return Err(Error::data(
                "features",
                format!(
                    "{} numbers are no rows of {dimensions}; give [count, dimensions] with at \
                     least one row",
                    values.len()
                ),
            ));
        }
        Ok(Self {
            values,
            dimensions,
            extractor: ExtractorId::raw(),
            set: String::new(),
        })
    }

    /// Says what made them.
    pub fn with_extractor(mut self, extractor: ExtractorId) -> Self {
        self.extractor = extractor;
        self
    }

    /// Names the set of samples: `training`, `test`, `generated`.
    pub fn with_set(mut self, set: impl Into<String>) -> Self {
        self.set = set.into();
        self
    }

    /// All numbers, row-major.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The number of samples.
    pub fn count(&self) -> usize {
        self.values.len() / self.dimensions
    }

    /// The number of features of a sample.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// The rows, one after the other.
    pub fn rows(&self) -> ChunksExact<'_, f32> {
        self.values.chunks_exact(self.dimensions)
    }

    /// The features of one sample.
    ///
    /// # Panics
    /// If `index` is not below [`count`](Self::count).
    pub fn row(&self, index: usize) -> &[f32] {
        &self.values[index * self.dimensions..][..self.dimensions]
    }

    /// The rows at `indices`, in their order; an index may come twice.
    ///
    /// # Panics
    /// If there is no index, or if one is not below [`count`](Self::count).
    pub fn select(&self, indices: &[usize]) -> Self {
        assert!(!indices.is_empty(), "select: no row was asked for");
        let mut values = Vec::with_capacity(indices.len() * self.dimensions);
        for index in indices {
            values.extend_from_slice(self.row(*index));
        }
        Self {
            values,
            dimensions: self.dimensions,
            extractor: self.extractor.clone(),
            set: self.set.clone(),
        }
    }

    /// The rows of both, those of `self` first.
    ///
    /// # Errors
    /// If extractors or dimensions differ.
    pub fn joined(mut self, other: &Self) -> Result<Self> {
        same_kind("features", &self, other)?;
        self.values.extend_from_slice(&other.values);
        Ok(self)
    }

    /// What made them.
    pub fn extractor(&self) -> &ExtractorId {
        &self.extractor
    }

    /// The name of the set of samples, empty if it has none.
    pub fn set(&self) -> &str {
        &self.set
    }

    /// A SHA-256 of all numbers and their shape, in hexadecimal.
    pub fn digest(&self) -> String {
        let mut digest = Sha256::new();
        digest.update((self.dimensions as u64).to_le_bytes());
        // In pieces, so that the bytes of all features are never there a second time.
        for values in self.values.chunks(4_096) {
            let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
            digest.update(&bytes);
        }
        hex(&digest.finalize())
    }
}

/// Refuses two sets whose features do not mean the same.
pub(super) fn same_kind(metric: &str, a: &Features, b: &Features) -> Result<()> {
    if a.extractor != b.extractor {
        return Err(Error::data(
            metric,
            format!(
                "features of two extractors can't be compared: {} and {}",
                a.extractor, b.extractor
            ),
        ));
    }
    if a.dimensions != b.dimensions {
        return Err(Error::data(
            metric,
            format!(
                "features of {} and of {} dimensions can't be compared",
                a.dimensions, b.dimensions
            ),
        ));
    }
    Ok(())
}

/// Refuses features that `metric` can't measure: fewer than `least` rows, or numbers that are not
/// finite.
pub(crate) fn usable(metric: &str, least: usize, features: &Features) -> Result<()> {
    let name = match features.set.as_str() {
        "" => String::from("the set"),
        set => format!("the set `{set}`"),
    };
    let count = features.count();
    if count < least {
        return Err(Error::data(
            metric,
            format!("{name} has {count} samples; it takes at least {least}"),
        ));
    }
    if let Some(place) = features.values.iter().position(|x| !x.is_finite()) {
        let (row, column) = (place / features.dimensions, place % features.dimensions);
        let value = features.values[place];
        return Err(Error::data(
            metric,
            format!(
                "feature {column} of sample {row} of {name} is {value}; look for what made it, or \
                 leave the sample out"
            ),
        ));
    }
    Ok(())
}

/// Refuses a set all of whose samples are the same: there is no spread to compare.
#[cfg(feature = "metrics")]
pub(crate) fn varied(metric: &str, features: &Features) -> Result<()> {
    let first = features.row(0);
    if features.rows().any(|row| row != first) {
        return Ok(());
    }
    Err(alike(metric, features.count(), &features.set))
}

/// The error of a set all of whose samples are the same.
#[cfg(feature = "metrics")]
pub(crate) fn alike(metric: &str, count: usize, set: &str) -> Error {
    let name = match set {
        "" => String::from("the set"),
        set => format!("the set `{set}`"),
    };
    Error::data(
        metric,
        format!(
            "all {count} samples of {name} have the same features: there is no spread to compare; \
             look at what made them"
        ),
    )
}

/// Refuses two sets that `metric` can't compare: of different extractors or dimensions, with fewer
/// than `least` rows, or with numbers that are not finite.
#[cfg(any(test, feature = "metrics"))]
pub(crate) fn comparable(
    metric: &str,
    least: usize,
    real: &Features,
    generated: &Features,
) -> Result<()> {
    same_kind(metric, real, generated)?;
    usable(metric, least, real)?;
    usable(metric, least, generated)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plane(values: &[f32]) -> Features {
        Features::new(values.to_vec(), 2).unwrap()
    }

    #[test]
    fn rows_are_where_they_were_given() {
        let features = plane(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(features.row(2), [4.0, 5.0]);
        let picked = features.select(&[2, 0, 2]);
        assert_eq!(picked.values(), [4.0, 5.0, 0.0, 1.0, 4.0, 5.0]);
        let joined = picked.joined(&features).unwrap();
        assert_eq!(joined.count(), 6);
        assert_eq!(joined.row(3), [0.0, 1.0]);
    }

    #[test]
    fn what_has_no_rows_is_refused() {
        for (values, dimensions) in [(vec![], 2), (vec![1.0; 3], 2), (vec![1.0], 0)] {
            let error = Features::new(values, dimensions).unwrap_err().to_string();
            assert!(error.contains("at least one row"), "{error}");
        }
    }

    #[test]
    fn unlike_sets_are_refused_by_what_differs() {
        let a = plane(&[0.0; 4]);
        let line = Features::new(vec![0.0; 4], 1).unwrap();
        let error = comparable("kid", 1, &a, &line).unwrap_err().to_string();
        assert_eq!(
            error,
            "kid: features of 2 and of 1 dimensions can't be compared"
        );
        let inception = ExtractorId::new("inception").with_hash("0123456789abcdef");
        let other = a.clone().with_extractor(inception);
        let error = comparable("kid", 1, &a, &other).unwrap_err().to_string();
        assert!(error.contains("raw and inception 0123456789ab"), "{error}");
        assert!(a.clone().joined(&other).is_err());
    }

    #[test]
    fn too_few_and_not_finite_are_named() {
        let few = plane(&[0.0; 4]).with_set("test");
        let error = usable("kid", 3, &few).unwrap_err().to_string();
        assert_eq!(
            error,
            "kid: the set `test` has 2 samples; it takes at least 3"
        );
        let broken = plane(&[0.0, 0.0, 0.0, f32::NAN]);
        let error = usable("kid", 1, &broken).unwrap_err().to_string();
        assert!(
            error.contains("feature 1 of sample 1 of the set is NaN"),
            "{error}"
        );
    }

    #[test]
    fn a_digest_tells_values_and_shapes_apart() {
        let a = plane(&[0.0, 1.0, 2.0, 3.0]);
        assert_eq!(a.digest(), a.clone().with_set("other").digest());
        assert_ne!(a.digest(), plane(&[0.0, 1.0, 2.0, 4.0]).digest());
        let line = Features::new(a.values().to_vec(), 1).unwrap();
        assert_ne!(a.digest(), line.digest());
    }
}
