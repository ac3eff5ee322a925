//! A trained classifier as one file: its settings and its weights.

use std::path::{Path, PathBuf};

use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Classifier, ClassifierConfig};
use crate::error::{Error, Result};
use crate::files::sealed::{self, Heading, Kind, Sealed, Section, Unreadable};
use crate::models::saved::refuse;
use crate::records::{self, Types};
use crate::text::hex;

const KIND: Kind = Kind {
    magic: "burn-gan classifier",
    noun: "saved classifier",
    version: 1,
};
const WEIGHTS: &str = "weights";

/// What stands before the weights, as JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    crate_version: String,
    settings: ClassifierConfig,
    /// The share of test samples that it names right.
    accuracy: Option<f64>,
    sections: Vec<Section>,
}

impl Heading for Header {
    fn sections(&self) -> &[Section] {
        &self.sections
    }
}

/// A classifier read from a file: its settings, how good it is, its weights and their hash.
///
/// The file has the form of a [`SavedGenerator`](crate::models::SavedGenerator)'s: whole or absent,
/// under a checksum, looked through before a network takes what is in it.
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::models::{ClassifierConfig, SavedClassifier};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("digits.classifier");
/// let device = Default::default();
/// let settings = ClassifierConfig::new([1, 28, 28], 10).with_width(2);
/// let trained = settings.init::<Flex>(&device)?;
/// SavedClassifier::save(&path, &settings, &trained, Some(0.1))?;
///
/// let saved = SavedClassifier::open(&path)?;
/// let classifier = saved.restore::<Flex>(&device)?;
/// assert_eq!(classifier.classify(Tensor::zeros([3, 1, 28, 28], &device)).dims(), [3]);
/// assert_eq!(saved.hash().len(), 64);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct SavedClassifier {
    path: PathBuf,
    settings: ClassifierConfig,
    accuracy: Option<f64>,
    weights: Vec<u8>,
}

impl SavedClassifier {
    /// Writes a classifier to `path`, with the settings that it was made with and the share of test
    /// samples that it names right, where that was measured. Folders above the file are made.
    ///
    /// # Errors
    /// If a weight or the accuracy is not finite, the settings make another network, or the file
    /// can't be written.
    pub fn save<B: Backend>(
        path: impl AsRef<Path>,
        settings: &ClassifierConfig,
        classifier: &Classifier<B>,
        accuracy: Option<f64>,
    ) -> Result<()> {
        let path = path.as_ref();
        if let Some(accuracy) = accuracy.filter(|accuracy| !(0.0..=1.0).contains(accuracy)) {
            return Err(Error::setting(
                "accuracy",
                accuracy,
                "must be a share of samples, from 0 to 1",
            ));
        }
        let weights = records::of::<B, _>(classifier);
        let weights = records::finite(&weights)
            .and_then(|()| records::write(&weights))
            .map_err(|problem| refuse(path, format!("the weights can't be stored: {problem}")))?;
        let saved = Self {
            path: path.to_owned(),
            settings: settings.clone(),
            accuracy,
            weights,
        };
        // What could not be read again is not written.
        saved.restore::<B>(&Default::default())?;
        let sections = [(WEIGHTS, saved.weights)];
        let header = Header {
            crate_version: env!("CARGO_PKG_VERSION").to_owned(),
            settings: settings.clone(),
            accuracy,
            sections: sealed::list(&sections),
        };
        let header = serde_json::to_string(&header)
            .map_err(|error| refuse(path, format!("the settings can't be stored: {error}")))?;
        sealed::write(path, &KIND, &header, &sections)?;
        Ok(())
    }

    /// Reads a file written by [`save`](Self::save).
    ///
    /// # Errors
    /// If the file can't be read, is no such file, is damaged, of another format, or holds settings
    /// that no classifier can be made with.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let unreadable = |error: Unreadable| error.at(path, refuse);
        let file = Sealed::<Header>::open(path, &KIND).map_err(unreadable)?;
        let Some(weights) = file.section(WEIGHTS).map_err(unreadable)? else {
            return Err(refuse(path, "has no section `weights`"));
        };
        let Header {
            settings, accuracy, ..
        } = file.header;
        settings
            .validate()
            .map_err(|error| refuse(path, format!("has settings that can't be: {error}")))?;
        Ok(Self {
            path: path.to_owned(),
            settings,
            accuracy,
            weights,
        })
    }

    /// The settings that were stored with the weights.
    pub fn settings(&self) -> &ClassifierConfig {
        &self.settings
    }

    /// The share of test samples that it names right, as it was measured before it was saved.
    pub fn accuracy(&self) -> Option<f64> {
        self.accuracy
    }

    /// A SHA-256 of the weights in hexadecimal, which tells classifiers apart; that of
    /// [`weights_hash`](crate::models::weights_hash).
    pub fn hash(&self) -> String {
        hex(&Sha256::digest(&self.weights))
    }

    /// The classifier.
    ///
    /// # Errors
    /// If the weights are not those of a network of these settings, or one of them is not finite.
    pub fn restore<B: Backend>(&self, device: &B::Device) -> Result<Classifier<B>> {
        let fresh = self.settings.init::<B>(device)?;
        records::load::<B, _>(&self.weights, fresh, Types::OfItsKind)
            .map_err(|problem| refuse(&self.path, format!("belongs to another network: {problem}")))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::models::weights_hash;
    use crate::testing::{Cpu, assert_close, values};
    use burn::backend::{Autodiff, NdArray};
    use burn::module::AutodiffModule;
    use burn::tensor::{Tensor, TensorData};

    fn images<B: Backend>() -> Tensor<B, 4> {
        let numbers: Vec<f32> = (0..4 * 80).map(|i| (i as f32 * 0.37).sin()).collect();
        Tensor::from_data(TensorData::new(numbers, [4, 1, 8, 10]), &Default::default())
    }

    fn settings() -> ClassifierConfig {
        ClassifierConfig::new([1, 8, 10], 3)
            .with_width(2)
            .with_features(6)
    }

    #[test]
    fn a_classifier_comes_back_on_another_backend_with_its_statistics_and_its_hash() {
        type B = Autodiff<Cpu>;
        let device = Default::default();
        let trained = settings().init::<B>(&device).expect("valid settings");
        // A pass with the tape moves the batch norms' running statistics.
        let _ = trained.see(images());
        let trained = trained.valid();
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep/it.classifier");
        SavedClassifier::save(&path, &settings(), &trained, Some(0.75)).expect("a written file");
        let saved = SavedClassifier::open(&path).expect("a readable file");
        assert_eq!(
            (saved.settings(), saved.accuracy()),
            (&settings(), Some(0.75))
        );
        assert_eq!(
            saved.hash(),
            weights_hash::<Cpu, _>(&trained).expect("finite weights")
        );
        let restored = saved.restore::<NdArray>(&Default::default());
        let restored = restored.expect("fitting weights");
        assert_eq!(
            saved.hash(),
            weights_hash::<NdArray, _>(&restored).expect("finite weights")
        );
        let (seen, expected) = (restored.see(images()), trained.see(images()));
        // Two backends add in different orders.
        assert_close(&values(seen.logits), &values(expected.logits), 1e-4, 1e-6);
        assert_close(
            &values(seen.features),
            &values(expected.features),
            1e-4,
            1e-6,
        );
    }

    #[test]
    fn what_is_no_classifier_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("it.classifier");
        let device = Default::default();
        let classifier = settings().init::<Cpu>(&device).expect("valid settings");
        let wider = settings().with_width(3);
        let error = SavedClassifier::save(&path, &wider, &classifier, None).unwrap_err();
        assert!(error.to_string().contains("another network"), "{error}");
        let error = SavedClassifier::save(&path, &settings(), &classifier, Some(f64::NAN));
        assert!(error.unwrap_err().to_string().contains("`accuracy` = NaN"));
        assert!(!path.exists());

        SavedClassifier::save(&path, &settings(), &classifier, None).expect("a written file");
        let whole = fs::read(&path).expect("the file");
        let refused = |bytes: &[u8]| {
            fs::write(&path, bytes).expect("a writable file");
            SavedClassifier::open(&path).unwrap_err().to_string()
        };
        for length in (0..whole.len()).step_by(37) {
            refused(&whole[..length]);
        }
        for place in (0..whole.len()).step_by(23) {
            let mut bytes = whole.clone();
            bytes[place] ^= 1 << (place % 8);
            refused(&bytes);
        }
        assert!(refused(b"burn-gan generator 3\n").contains("begins as a `generator 3`"));
    }
}
