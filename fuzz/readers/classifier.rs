//! A saved classifier: opened, restored, shown images.

use burn_gan::burn::backend::Flex;
use burn_gan::burn::tensor::Tensor;
use burn_gan::models::{ClassifierConfig, SavedClassifier};

use super::{Input, Mutant, Outcome, Reader};
use crate::mutate::{bytes, sealed};
use crate::random::Random;

pub struct SavedClassifierFile;

const SHOWN: usize = 2;
/// The mutations may ask for images of any size; of larger ones none is shown.
const PIXELS_AT_MOST: usize = 4_096;

fn saved(settings: &ClassifierConfig, accuracy: Option<f64>) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("digits.classifier");
    let classifier = settings
        .init::<Flex>(&Default::default())
        .expect("valid settings");
    SavedClassifier::save(&path, settings, &classifier, accuracy).expect("a written file");
    std::fs::read(&path).expect("the file")
}

/// The shape of the logits, and what it should be.
fn read(input: &Input<'_>) -> burn_gan::Result<Option<[[usize; 2]; 2]>> {
    let device = Default::default();
    let saved = SavedClassifier::open(input.path)?;
    let classifier = saved.restore::<Flex>(&device)?;
    let [channels, height, width] = classifier.image();
    if channels * height * width > PIXELS_AT_MOST {
        return Ok(None);
    }
    let images = Tensor::zeros([SHOWN, channels, height, width], &device);
    let logits = classifier.see(images).logits.dims();
    Ok(Some([logits, [SHOWN, saved.settings().classes]]))
}

impl Reader for SavedClassifierFile {
    fn name(&self) -> &'static str {
        "classifier"
    }

    fn make_seeds(&self) -> Vec<(&'static str, Vec<u8>)> {
        let small = ClassifierConfig::new([1, 8, 8], 2)
            .with_width(1)
            .with_features(3);
        let wide = ClassifierConfig::new([2, 8, 17], 3)
            .with_width(2)
            .with_features(2);
        vec![
            ("small.classifier", saved(&small, Some(0.5))),
            ("wide.classifier", saved(&wide, None)),
        ]
    }

    fn mutate(&self, random: &mut Random, seed: &[u8], other: &[u8]) -> Mutant {
        if !random.one_in(5)
            && let Some(bytes) = sealed::mutate(random, seed, other)
        {
            return Mutant {
                bytes,
                sealed: true,
            };
        }
        let mut bytes = seed.to_vec();
        for _ in 0..=random.below(2) {
            bytes::mutate(random, &mut bytes, other);
        }
        Mutant {
            bytes,
            sealed: false,
        }
    }

    fn read(&self, input: &Input<'_>) -> Outcome {
        match read(input) {
            Err(error) => Outcome::refused(error),
            Ok(_) if input.must_be_refused => {
                Outcome::Broken("a changed file was opened".to_owned())
            }
            Ok(Some([found, expected])) if found != expected => {
                Outcome::Broken(format!("gave logits of shape {found:?}"))
            }
            Ok(_) => Outcome::Accepted,
        }
    }

    fn has_checksum(&self) -> bool {
        true
    }
}
