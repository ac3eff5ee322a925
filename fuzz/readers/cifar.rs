//! `Cifar`, of both forms.

use burn_gan::data::Cifar;

use super::{Input, Mutant, Outcome, Reader};
use crate::mutate::bytes;
use crate::random::Random;

pub struct CifarFile;

const IMAGE: usize = 3 * 32 * 32;

/// Images behind these labels.
fn encode<const N: usize>(labels: &[[u8; N]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (number, labels) in labels.iter().enumerate() {
        bytes.extend(labels);
        bytes.extend((0..IMAGE).map(|place| (place * 7 + number) as u8));
    }
    bytes
}

impl Reader for CifarFile {
    fn name(&self) -> &'static str {
        "cifar"
    }

    fn make_seeds(&self) -> Vec<(&'static str, Vec<u8>)> {
        vec![
            ("ten.bin", encode(&[[0], [9]])),
            ("hundred.bin", encode(&[[19, 99], [0, 0]])),
        ]
    }

    fn mutate(&self, random: &mut Random, seed: &[u8], other: &[u8]) -> Mutant {
        let mut changed = seed.to_vec();
        for _ in 0..=random.below(3) {
            bytes::mutate(random, &mut changed, other);
        }
        // Most changes are of the length; whole images get further.
        let form = if random.one_in(2) { 1 } else { 2 };
        if random.one_in(2) {
            changed.truncate(changed.len() / (IMAGE + form) * (IMAGE + form));
        }
        Mutant {
            bytes: changed,
            sealed: false,
        }
    }

    fn read(&self, input: &Input<'_>) -> Outcome {
        // Seeds are read the one way or the other.
        let read = Cifar::read_10(input.path).or_else(|_| Cifar::read_100(input.path));
        match read {
            Err(error) => Outcome::refused(error),
            Ok(cifar) => {
                let below = |labels: &[u8], classes: &[String]| {
                    labels
                        .iter()
                        .all(|label| usize::from(*label) < classes.len())
                };
                let whole = cifar.images.len() == IMAGE * cifar.len() && !cifar.is_empty();
                let known = below(&cifar.labels, &cifar.classes)
                    && below(&cifar.superclass_labels, &cifar.superclasses);
                if whole && known {
                    Outcome::Accepted
                } else {
                    Outcome::Broken(format!("{} images", cifar.len()))
                }
            }
        }
    }
}
