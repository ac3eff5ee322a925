//! `Features::read`: arrays of numpy's and safetensors.

use burn_gan::metrics::Features;

use super::{Input, Mutant, Outcome, Reader, safetensors};
use crate::mutate::bytes;
use crate::random::Random;

pub struct FeatureFile;

/// Headers that no array of numbers has, and shapes that no file holds.
const PARTS: [&str; 16] = [
    "'<f4'",
    "'>f8'",
    "'<f2'",
    "'|O'",
    "[('a', '<f4')]",
    "True",
    "False",
    "None",
    "(6, 2)",
    "(2, 6)",
    "(12,)",
    "()",
    "(0, 2)",
    "(18446744073709551615, 2)",
    "(4294967296, 4294967296)",
    "(3, 4, 1)",
];

/// An `.npy` file of the format's first version.
pub fn npy(descr: &str, fortran: bool, shape: &str, numbers: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    let header = format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}");
    with_header(header.as_bytes(), numbers)
}

pub fn with_header(header: &[u8], numbers: &[u8]) -> Vec<u8> {
    let mut header = header.to_vec();
    // Numbers begin at a multiple of 64, behind a line's end.
    header.resize((header.len() + 11).next_multiple_of(64) - 11, b' ');
    header.push(b'\n');
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], &header, numbers].concat()
}

/// The header and what follows it.
pub fn split(file: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let rest = file.strip_prefix(b"\x93NUMPY\x01\x00")?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let (header, numbers) = rest.split_at_checked(u16::from_le_bytes(*length).into())?;
    Some((header.trim_ascii_end().to_vec(), numbers.to_vec()))
}

fn tensor(dtype: &str, shape: &str, numbers: &[u8]) -> Vec<u8> {
    let end = numbers.len();
    let header =
        format!(r#"{{"features":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[0,{end}]}}}}"#);
    let mut header = header.into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');
    [&(header.len() as u64).to_le_bytes()[..], &header, numbers].concat()
}

/// Puts another part in the place of a value of the header.
pub fn mutate_header(random: &mut Random, header: &mut Vec<u8>) {
    let text = String::from_utf8_lossy(header).into_owned();
    let values: Vec<usize> = text
        .match_indices(": ")
        .map(|(place, _)| place + 2)
        .collect();
    if values.is_empty() || random.one_in(3) {
        bytes::mutate(random, header, b"([{'<f4', (1, 2), }])");
        return;
    }
    let start = values[random.below(values.len())];
    let end = [", '", ", }"]
        .iter()
        .filter_map(|end| text[start..].find(end))
        .min();
    let end = start + end.unwrap_or(text.len() - start);
    let part = match random.below(8) {
        0 => "(".repeat(1 << random.below(12)),
        1 => "'".repeat(1 << random.below(12)),
        2 => format!(
            "({}, {})",
            1u64 << random.below(64),
            1u64 << random.below(64)
        ),
        _ => PARTS[random.below(PARTS.len())].to_owned(),
    };
    *header = [&text[..start], &part, &text[end..]].concat().into_bytes();
}

impl Reader for FeatureFile {
    fn name(&self) -> &'static str {
        "features"
    }

    fn make_seeds(&self) -> Vec<(&'static str, Vec<u8>)> {
        let single: Vec<u8> = (0..12).flat_map(|i| (i as f32).to_le_bytes()).collect();
        let double: Vec<u8> = (0..12).flat_map(|i| f64::from(i).to_be_bytes()).collect();
        vec![
            ("single.npy", npy("'<f4'", false, "(6, 2)", &single)),
            ("double.npy", npy("'>f8'", true, "(3, 4)", &double)),
            ("single.safetensors", tensor("F32", "[4,3]", &single)),
            ("half.safetensors", tensor("F16", "[12,2]", &single)),
        ]
    }

    fn mutate(&self, random: &mut Random, seed: &[u8], other: &[u8]) -> Mutant {
        let bytes = match split(seed) {
            Some((mut header, mut numbers)) if !random.one_in(4) => {
                for _ in 0..=random.below(2) {
                    match random.one_in(4) {
                        true => bytes::mutate(random, &mut numbers, other),
                        false => mutate_header(random, &mut header),
                    }
                }
                with_header(&header, &numbers)
            }
            _ => safetensors::mutated(random, seed, other),
        };
        Mutant {
            bytes,
            sealed: false,
        }
    }

    fn read(&self, input: &Input<'_>) -> Outcome {
        match Features::read(input.path) {
            Err(error) => Outcome::refused(error),
            // A number has at least two bytes.
            Ok(features) if 2 * features.values().len() > input.bytes.len() => {
                Outcome::Broken(format!("read {} numbers", features.values().len()))
            }
            Ok(_) => Outcome::Accepted,
        }
    }
}
