//! What a classifier of the crate's sees, as features.

use std::path::Path;

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::extractor::FeatureExtractor;
use super::features::ExtractorId;
use crate::data::PixelRange;
use crate::error::Result;
use crate::models::{Classifier, SavedClassifier, weights_hash};
use crate::settings::settings;

settings! {
/// What of a classifier is an image's features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassifierOutput {
    /// What its last layer reads: for distances between sets of images.
    #[default]
    Features,
    /// The logits of its classes: for the inception score, and to count classes.
    Logits,
}
}

/// A [`Classifier`] as an extractor of features.
///
/// A Fréchet distance on them is one "on the classifier's features", never an FID.
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::data::PixelRange;
/// use burn_gan::metrics::{ClassifierFeatures, ClassifierOutput, FeatureExtractor};
/// use burn_gan::models::{ClassifierConfig, SavedClassifier};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("digits.classifier");
/// # let device = Default::default();
/// # let settings = ClassifierConfig::new([1, 28, 28], 10).with_width(2);
/// # SavedClassifier::save(&path, &settings, &settings.init::<Flex>(&device)?, None)?;
/// let classifier = ClassifierFeatures::<Flex>::open(&path, &device)?;
/// // Images from a generator that ends in a sigmoid.
/// let classifier = classifier.with_pixels(PixelRange::Unit);
/// let images = Tensor::<Flex, 4>::zeros([5, 1, 28, 28], &device);
/// assert_eq!(classifier.extract(images.clone())?.dims(), [5, 128]);
/// let logits = classifier.with_output(ClassifierOutput::Logits);
/// assert_eq!(logits.extract(images)?.dims(), [5, 10]);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ClassifierFeatures<B: Backend> {
    classifier: Classifier<B>,
    hash: String,
    output: ClassifierOutput,
    /// What it was trained on.
    trained: PixelRange,
    /// What comes in.
    pixels: PixelRange,
}

impl<B: Backend> ClassifierFeatures<B> {
    /// The features of a classifier that reads pixels of a range.
    ///
    /// # Errors
    /// If a weight is not finite.
    pub fn new(classifier: Classifier<B>, pixels: PixelRange) -> Result<Self> {
        Ok(Self {
            hash: weights_hash::<B, _>(&classifier)?,
            classifier,
            output: ClassifierOutput::Features,
            trained: pixels,
            pixels,
        })
    }

    /// Reads a file that [`SavedClassifier::save`] wrote.
    ///
    /// # Errors
    /// As [`SavedClassifier::open`] and [`SavedClassifier::restore`].
    pub fn open(path: impl AsRef<Path>, device: &B::Device) -> Result<Self> {
        let saved = SavedClassifier::open(path)?;
        Self::new(saved.restore(device)?, saved.settings().pixels)
    }

    /// What of it is the features.
    pub fn with_output(mut self, output: ClassifierOutput) -> Self {
        self.output = output;
        self
    }

    /// The range of the pixels that come in, where it is not the classifier's own.
    pub fn with_pixels(mut self, pixels: PixelRange) -> Self {
        self.pixels = pixels;
        self
    }

    /// The classifier.
    pub fn classifier(&self) -> &Classifier<B> {
        &self.classifier
    }
}

impl<B: Backend> FeatureExtractor<B, Tensor<B, 4>> for ClassifierFeatures<B> {
    fn id(&self) -> ExtractorId {
        let name = match self.output {
            ClassifierOutput::Features => "classifier",
            ClassifierOutput::Logits => "classifier logits",
        };
        ExtractorId::new(name).with_hash(&self.hash)
    }

    fn extract(&self, images: Tensor<B, 4>) -> Result<Tensor<B, 2>> {
        self.classifier.check(&images)?;
        let images = match (self.pixels, self.trained) {
            (PixelRange::Unit, PixelRange::Symmetric) => images.mul_scalar(2.0).sub_scalar(1.0),
            (PixelRange::Symmetric, PixelRange::Unit) => images.add_scalar(1.0).mul_scalar(0.5),
            _ => images,
        };
        let seen = self.classifier.see(images);
        Ok(match self.output {
            ClassifierOutput::Features => seen.features,
            ClassifierOutput::Logits => seen.logits,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::ClassifierConfig;
    use crate::testing::{assert_close, for_each_backend, values};
    use burn::tensor::TensorData;

    fn images<B: Backend>() -> Tensor<B, 4> {
        let numbers: Vec<f32> = (0..3 * 72).map(|i| (i as f32 * 0.37).sin()).collect();
        Tensor::from_data(TensorData::new(numbers, [3, 1, 8, 9]), &Default::default())
    }

    fn features<B: Backend>() -> ClassifierFeatures<B> {
        let settings = ClassifierConfig::new([1, 8, 9], 4)
            .with_width(2)
            .with_features(6);
        let classifier = settings.init(&Default::default()).expect("valid settings");
        ClassifierFeatures::new(classifier, PixelRange::Symmetric).expect("finite weights")
    }

    fn images_of_either_range_have_the_same_features<B: Backend>() {
        let features = features::<B>();
        let symmetric = features.extract(images()).expect("features");
        let unit = images::<B>().add_scalar(1.0).mul_scalar(0.5);
        let same = features.clone().with_pixels(PixelRange::Unit).extract(unit);
        let same = values(same.expect("features"));
        assert_close(&same, &values(symmetric), 1e-4, 1e-5);
    }

    fn logits_are_another_extractor_of_the_same_weights<B: Backend>() {
        let features = features::<B>();
        let logits = features.clone().with_output(ClassifierOutput::Logits);
        let found = logits.extract(images()).expect("logits");
        let expected = features.classifier().see(images()).logits;
        assert_eq!(values(found), values(expected));
        let (a, b) = (features.id(), logits.id());
        assert!(a.name != b.name && a.hash == b.hash && a.hash.is_some());
        let large = Tensor::<B, 4>::zeros([1, 1, 9, 9], &Default::default());
        let error = features.extract(large).expect_err("other images");
        assert!(error.to_string().contains("[1, 8, 9]"), "{error}");
    }

    for_each_backend!(
        images_of_either_range_have_the_same_features,
        logits_are_another_extractor_of_the_same_weights,
    );
}
