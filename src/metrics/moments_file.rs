//! Moments in files, and a folder of them by what they are of.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::features::{ExtractorId, Features};
use super::moments::Moments;
use crate::error::{Error, Result};
use crate::files::sealed::{self, Heading, Kind, Sealed, Section, Unreadable};
use crate::text::hex;

const KIND: Kind = Kind {
    magic: "burn-gan moments",
    noun: "file of moments",
    version: 1,
};
const MEAN: &str = "mean";
const SCATTER: &str = "scatter";
/// What files in the folder of a cache end in.
const ENDING: &str = "moments";

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    crate_version: String,
    count: u64,
    dimensions: u64,
    extractor: ExtractorId,
    set: String,
    key: Option<MomentsKey>,
    sections: Vec<Section>,
}

impl Heading for Header {
    fn sections(&self) -> &[Section] {
        &self.sections
    }
}

/// What moments are of, as far as it decides their values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MomentsKey {
    /// What made the features.
    pub extractor: ExtractorId,
    /// A SHA-256 of the samples, in hexadecimal.
    pub data: String,
    /// Everything else: how many samples were taken, how they were prepared.
    pub settings: Value,
}

impl MomentsKey {
    /// Of features that are there already.
    pub fn of(features: &Features) -> Self {
        Self {
            extractor: features.extractor().clone(),
            data: features.digest(),
            settings: Value::Null,
        }
    }

    /// A SHA-256 of all of it, in hexadecimal.
    pub fn digest(&self) -> String {
        hex(&Sha256::digest(
            serde_json::to_string(self).unwrap_or_default(),
        ))
    }
}

impl Moments {
    /// Writes them to a file, whole or not at all: mean and covariance in double precision under a
    /// SHA-256, some 16 MB for 2,048 features. Folders above it are made.
    ///
    /// # Errors
    /// If there is no sample yet, or if the file can't be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        write(path.as_ref(), self, None)
    }

    /// Reads a file written by [`save`](Self::save).
    ///
    /// # Errors
    /// If the file can't be read, is no such file, is damaged, or holds what can't be moments.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        match read(path) {
            Ok((moments, _)) => Ok(moments),
            Err(error) => Err(error.at(path, |path, problem| Error::data(path, problem))),
        }
    }
}

/// A folder of moments that were measured once: those of a data set need not be gathered anew for
/// each generator.
///
/// ```
/// use burn_gan::metrics::{Features, Moments, MomentsCache, MomentsKey};
///
/// # let folder = tempfile::tempdir().unwrap();
/// let cache = MomentsCache::new(folder.path());
/// let data = Features::new(vec![0.0, 1.0, 2.0, 5.0], 2)?;
/// let key = MomentsKey::of(&data);
/// let first = cache.get_or_measure(&key, || Moments::of(&data))?;
/// let again = cache.get_or_measure(&key, || unreachable!("it is on the disk"))?;
/// assert_eq!(first.mean(), again.mean());
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct MomentsCache {
    folder: PathBuf,
}

impl MomentsCache {
    /// A cache in this folder, which is made when something is stored.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        Self { folder }
    }

    /// The file of moments of this key.
    pub fn path(&self, key: &MomentsKey) -> PathBuf {
        self.folder.join(format!("{}.{ENDING}", key.digest()))
    }

    /// The moments of `key`, if they are stored. A file that is damaged, of another version or of
    /// something else counts as none, with a warning in the log.
    ///
    /// # Errors
    /// If the file is there and the system does not give it.
    pub fn get(&self, key: &MomentsKey) -> Result<Option<Moments>> {
        let path = self.path(key);
        let problem = match read(&path) {
            Ok((moments, stored)) if stored.as_ref() == Some(key) => return Ok(Some(moments)),
            Ok(_) => "holds the moments of something else".to_owned(),
            Err(Unreadable::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(None);
            }
            Err(Unreadable::Io(error)) => return Err(Error::io(path, error)),
            Err(other) => other.to_string(),
        };
        let error = Error::data(&path, problem);
        log::warn!("moments are measured anew: {error}");
        Ok(None)
    }

    /// Stores the moments of `key`, in place of any that there are.
    ///
    /// # Errors
    /// If there is no sample in them, or if the file can't be written.
    pub fn put(&self, key: &MomentsKey, moments: &Moments) -> Result<()> {
        write(&self.path(key), moments, Some(key))
    }

    /// The moments of `key`: stored ones, or else those that `measure` gives, which are stored.
    ///
    /// # Errors
    /// As [`get`](Self::get), `measure` and [`put`](Self::put).
    pub fn get_or_measure(
        &self,
        key: &MomentsKey,
        measure: impl FnOnce() -> Result<Moments>,
    ) -> Result<Moments> {
        if let Some(moments) = self.get(key)? {
            return Ok(moments);
        }
        let moments = measure()?;
        self.put(key, &moments)?;
        Ok(moments)
    }
}

fn write(path: &Path, moments: &Moments, key: Option<&MomentsKey>) -> Result<()> {
    let (count, mean, scatter) = moments.parts();
    let Some(extractor) = moments.extractor().filter(|_| count > 0) else {
        return Err(Error::data(
            path,
            "moments of no sample can't be stored; add samples first",
        ));
    };
    let dimensions = mean.len();
    let lower = (0..dimensions).flat_map(|column| {
        let column = &scatter[column * dimensions..][column..dimensions];
        column.iter().copied()
    });
    let sections = [(MEAN, bytes(mean.iter().copied())), (SCATTER, bytes(lower))];
    let header = Header {
        crate_version: env!("CARGO_PKG_VERSION").to_owned(),
        count: count as u64,
        dimensions: dimensions as u64,
        extractor: extractor.clone(),
        set: moments.set().to_owned(),
        key: key.cloned(),
        sections: sealed::list(&sections),
    };
    let header = serde_json::to_string(&header)
        .map_err(|error| Error::data(path, format!("can't be stored: {error}")))?;
    sealed::write(path, &KIND, &header, &sections)?;
    Ok(())
}

fn bytes(numbers: impl Iterator<Item = f64>) -> Vec<u8> {
    numbers.flat_map(f64::to_le_bytes).collect()
}

fn read(path: &Path) -> Result<(Moments, Option<MomentsKey>), Unreadable> {
    let file = Sealed::<Header>::open(path, &KIND)?;
    let header = &file.header;
    let wrong = |what: &str| Unreadable::Wrong(format!("is inconsistent: {what}"));
    let mean = numbers(&file, MEAN)?;
    let lower = numbers(&file, SCATTER)?;
    let dimensions = mean.len();
    if dimensions == 0
        || header.dimensions != dimensions as u64
        || lower.len() != dimensions * (dimensions + 1) / 2
    {
        return Err(wrong(&format!(
            "{} and {} numbers are no mean and covariance of {} features",
            dimensions,
            lower.len(),
            header.dimensions
        )));
    }
    // More would not be an exact number of samples.
    let count = usize::try_from(header.count).ok();
    let count = count
        .filter(|_| (1..=1 << 53).contains(&header.count))
        .ok_or_else(|| wrong(&format!("it can't be of {} samples", header.count)))?;
    if !mean.iter().chain(&lower).all(|x| x.is_finite()) {
        return Err(wrong("it has a number that is not finite"));
    }
    let Ok(mut moments) = Moments::new(dimensions) else {
        return Err(wrong("it has too many features"));
    };
    let mut columns = lower.as_slice();
    let mut scatter = vec![0.0; dimensions * dimensions];
    for column in 0..dimensions {
        let (own, rest) = columns.split_at(dimensions - column);
        if own[0] < 0.0 {
            return Err(wrong("it has a variance below 0"));
        }
        scatter[column * dimensions..][column..dimensions].copy_from_slice(own);
        columns = rest;
    }
    moments.restore(count, mean, scatter, header.extractor.clone(), &header.set);
    Ok((moments, file.header.key))
}

fn numbers(file: &Sealed<Header>, section: &str) -> Result<Vec<f64>, Unreadable> {
    let bytes = file.section(section)?;
    let bytes = bytes
        .ok_or_else(|| Unreadable::Wrong(format!("is inconsistent: it has no `{section}`")))?;
    let (numbers, rest) = bytes.as_chunks();
    if !rest.is_empty() {
        let problem = format!("is inconsistent: `{section}` ends within a number");
        return Err(Unreadable::Wrong(problem));
    }
    Ok(numbers.iter().map(|x| f64::from_le_bytes(*x)).collect())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;
    use crate::random::Stream;

    fn features(seed: u64) -> Features {
        let values = Stream::new(seed, "moments").normal(700 * 3);
        let extractor = ExtractorId::new("classifier").with_hash("0123");
        let features = Features::new(values, 3).unwrap();
        features.with_extractor(extractor).with_set("training")
    }

    fn moments() -> Moments {
        Moments::of(&features(1)).unwrap()
    }

    #[test]
    fn what_was_stored_is_what_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/data.moments");
        let moments = moments();
        moments.save(&path).unwrap();
        let read = Moments::open(&path).unwrap();
        assert_eq!(read.covariance().unwrap(), moments.covariance().unwrap());
        assert_eq!(read.mean(), moments.mean());
        assert_eq!((read.count(), read.set()), (700, "training"));
        assert_eq!(read.extractor(), moments.extractor());
        assert!(Moments::new(2).unwrap().save(&path).is_err());
    }

    #[test]
    fn samples_are_added_to_stored_moments() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.moments");
        moments().save(&path).unwrap();
        let mut all = Moments::open(&path).unwrap();
        all.add(&features(2)).unwrap();
        let whole = Moments::of(&features(1).joined(&features(2)).unwrap()).unwrap();
        for (a, b) in all
            .covariance()
            .unwrap()
            .iter()
            .zip(whole.covariance().unwrap())
        {
            assert!((a - b).abs() < 1e-13);
        }
    }

    #[test]
    fn a_key_of_anything_else_finds_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let cache = MomentsCache::new(folder.path().join("cache"));
        let key = MomentsKey::of(&features(1));
        assert_eq!(cache.get(&key).unwrap(), None);
        cache.put(&key, &moments()).unwrap();
        assert!(cache.get(&key).unwrap().is_some());
        let others = [
            MomentsKey::of(&features(2)),
            MomentsKey {
                settings: json!({"samples": 5}),
                ..key.clone()
            },
            MomentsKey {
                extractor: ExtractorId::raw(),
                ..key.clone()
            },
        ];
        for other in others {
            assert_eq!(cache.get(&other).unwrap(), None);
            // Nor does its file under another's name.
            fs::copy(cache.path(&key), cache.path(&other)).unwrap();
            assert_eq!(cache.get(&other).unwrap(), None);
        }
    }

    #[test]
    fn what_is_damaged_is_measured_anew() {
        let folder = tempfile::tempdir().unwrap();
        let cache = MomentsCache::new(folder.path());
        let key = MomentsKey::of(&features(1));
        cache.put(&key, &moments()).unwrap();
        let mut bytes = fs::read(cache.path(&key)).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(cache.path(&key), &bytes).unwrap();
        assert!(Moments::open(cache.path(&key)).is_err());
        let mut measured = false;
        let found = cache.get_or_measure(&key, || {
            measured = true;
            Ok(moments())
        });
        assert!(measured);
        assert_eq!(found.unwrap().mean(), moments().mean());
        assert!(cache.get(&key).unwrap().is_some());
    }

    #[test]
    fn a_file_whose_checksum_is_right_is_not_believed_either() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.moments");
        let good = (moments().mean(), vec![1.0, 0.5, 0.0, 1.0, 0.0, 1.0]);
        let refused = |count: u64, dimensions: u64, mean: &[f64], scatter: &[f64]| {
            let sections = [
                (MEAN, bytes(mean.iter().copied())),
                (SCATTER, bytes(scatter.iter().copied())),
            ];
            let header = Header {
                crate_version: String::new(),
                count,
                dimensions,
                extractor: ExtractorId::raw(),
                set: String::new(),
                key: None,
                sections: sealed::list(&sections),
            };
            let header = serde_json::to_string(&header).unwrap();
            sealed::write(&path, &KIND, &header, &sections).unwrap();
            Moments::open(&path).err().map(|error| error.to_string())
        };
        let (mean, scatter) = (&good.0[..], &good.1[..]);
        assert_eq!(refused(7, 3, mean, scatter), None);
        let not_finite = [1.0, f64::NAN, 0.0, 1.0, 0.0, 1.0];
        let negative = [1.0, 0.5, 0.0, -1.0, 0.0, 1.0];
        for (found, words) in [
            (refused(0, 3, mean, scatter), "of 0 samples"),
            (refused(u64::MAX, 3, mean, scatter), "samples"),
            (refused(7, 4, mean, scatter), "of 4 features"),
            (refused(7, 3, mean, &scatter[..5]), "no mean and covariance"),
            (refused(7, 0, &[], &[]), "no mean and covariance"),
            (refused(7, 3, mean, &not_finite), "not finite"),
            (refused(7, 3, mean, &negative), "below 0"),
        ] {
            let error = found.expect("refused");
            assert!(error.contains(words), "{error}");
        }
    }
}
