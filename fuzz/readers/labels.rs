//! Labels of pictures in CSV and JSON: `LabelsFrom`.

use burn_gan::data::{Faults, ImageConfig, ImageFolder, LabelsFrom};

use super::{Input, Mutant, Outcome, Reader};
use crate::mutate::bytes;
use crate::random::Random;

pub struct LabelFile;

/// A bitmap of one pixel.
fn bitmap() -> Vec<u8> {
    let mut file =
        b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\x18\0".to_vec();
    file.extend([0; 24]);
    file.extend([10, 20, 30, 0]);
    file
}

impl Reader for LabelFile {
    fn name(&self) -> &'static str {
        "labels"
    }

    fn make_seeds(&self) -> Vec<(&'static str, Vec<u8>)> {
        vec![
            (
                "names.csv",
                b"file,label\na/1.bmp,cat\na/2.bmp,\"a, dog\"\n".to_vec(),
            ),
            ("numbers.csv", b"a/1,10\r\na/2,9\r\n".to_vec()),
            (
                "list.json",
                br#"{"labels": [["a/1.bmp", 3], ["a/2.bmp", 0]]}"#.to_vec(),
            ),
            (
                "names.json",
                br#"{"labels": {"a/1.bmp": "x", "a/2.bmp": "y"}}"#.to_vec(),
            ),
        ]
    }

    fn mutate(&self, random: &mut Random, seed: &[u8], other: &[u8]) -> Mutant {
        let mut changed = seed.to_vec();
        for _ in 0..=random.below(3) {
            bytes::mutate(random, &mut changed, other);
        }
        Mutant {
            bytes: changed,
            sealed: false,
        }
    }

    fn read(&self, input: &Input<'_>) -> Outcome {
        let folder = input.scratch.join("labelled");
        for name in ["a/1.bmp", "a/2.bmp"] {
            let path = folder.join(name);
            if !path.exists() {
                std::fs::create_dir_all(folder.join("a")).expect("a folder");
                std::fs::write(path, bitmap()).expect("a file");
            }
        }
        let file = input.path.to_owned();
        let labels = match input.bytes.first() {
            Some(b'{') => LabelsFrom::Json(file),
            _ => LabelsFrom::Csv(file),
        };
        let folder = ImageFolder::new(folder, ImageConfig::new(1, 1)).with_labels(labels);
        let skipping = folder.clone().with_faults(Faults::Skip).open();
        match folder.open() {
            Err(error) => Outcome::refused(error),
            Ok(images)
                if images.labels().is_some_and(|labels| {
                    labels.len() != 2 || labels.iter().any(|label| *label >= images.classes().len())
                }) =>
            {
                Outcome::Broken(format!(
                    "labels {:?} of {:?}",
                    images.labels(),
                    images.classes()
                ))
            }
            Ok(_) if skipping.is_err() => {
                Outcome::Broken("refused where faults are passed over".to_owned())
            }
            Ok(_) => Outcome::Accepted,
        }
    }
}
