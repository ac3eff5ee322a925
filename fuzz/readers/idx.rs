//! `IdxArray::read`, plain and compressed.

use std::io::Read;

use burn_gan::data::IdxArray;
use flate2::read::MultiGzDecoder;

use super::{Input, Mutant, Outcome, Reader};
use crate::mutate::bytes;
use crate::mutate::text::{gzip, is_gzip};
use crate::random::Random;

pub struct Idx;

fn encode(shape: &[usize], data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, shape.len() as u8];
    for length in shape {
        bytes.extend((*length as u32).to_be_bytes());
    }
    bytes.extend_from_slice(data);
    bytes
}

fn unpacked(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut inner = Vec::new();
    MultiGzDecoder::new(bytes).read_to_end(&mut inner).ok()?;
    Some(inner)
}

impl Reader for Idx {
    fn name(&self) -> &'static str {
        "idx"
    }

    fn make_seeds(&self) -> Vec<(&'static str, Vec<u8>)> {
        let numbers: Vec<u8> = (0..60).map(|i| (i * 37 % 256) as u8).collect();
        let images = encode(&[3, 4, 5], &numbers);
        let labels = encode(&[9], &numbers[..9]);
        let parts = [gzip(&images[..20]), gzip(&images[20..])].concat();
        vec![
            ("images", images.clone()),
            ("images.gz", gzip(&images)),
            ("images-in-two-members.gz", parts),
            ("labels", labels.clone()),
            ("labels.gz", gzip(&labels)),
            ("no-images", encode(&[0, 28, 28], &[])),
        ]
    }

    fn mutate(&self, random: &mut Random, seed: &[u8], other: &[u8]) -> Mutant {
        // Half of the compressed ones are changed inside their compression.
        let inside = is_gzip(seed) && random.one_in(2);
        let mut bytes = match unpacked(seed) {
            Some(inner) if inside => inner,
            _ => seed.to_vec(),
        };
        for _ in 0..=random.below(3) {
            bytes::mutate(random, &mut bytes, other);
        }
        Mutant {
            bytes: if inside { gzip(&bytes) } else { bytes },
            sealed: false,
        }
    }

    fn read(&self, input: &Input<'_>) -> Outcome {
        let array = match IdxArray::read(input.path) {
            Ok(array) => array,
            Err(error) => return Outcome::refused(error),
        };
        // What was read is all that the file says, and nothing else.
        let said = if is_gzip(input.bytes) {
            unpacked(input.bytes)
        } else {
            Some(input.bytes.to_vec())
        };
        if said.as_ref() == Some(&encode(&array.shape, &array.data)) {
            Outcome::Accepted
        } else {
            Outcome::Broken(format!("read as an array of shape {:?}", array.shape))
        }
    }
}
