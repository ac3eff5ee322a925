//! The Inception network's weights. They take 95 MB, more than an input may have: a file is taken for
//! accepted here where all that keeps it from being read is that it is not the whole network.

use burn_gan::burn::backend::Flex;
use burn_gan::metrics::{Inception, InceptionSettings};

use super::{Input, Mutant, Outcome, Reader, safetensors};
use crate::random::Random;

pub struct InceptionFile;

/// Names, shapes and lengths in bytes of the first tensors, one behind the other.
fn first(count: usize) -> Vec<u8> {
    let norm = ["weight", "bias", "running_mean", "running_var"];
    let tensors = [("conv.weight".to_owned(), "[32,3,3,3]", 3_456)]
        .into_iter()
        .chain(norm.map(|part| (format!("bn.{part}"), "[32]", 128)));
    let (mut entries, mut end) = (Vec::new(), 0);
    for (name, shape, bytes) in tensors.take(count) {
        entries.push(format!(
            r#""Conv2d_1a_3x3.{name}":{{"dtype":"F32","shape":{shape},"data_offsets":[{end},{}]}}"#,
            end + bytes
        ));
        end += bytes;
    }
    let mut header = format!("{{{}}}", entries.join(",")).into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');
    let length = (header.len() as u64).to_le_bytes();
    [&length[..], &header, &vec![0; end]].concat()
}

impl Reader for InceptionFile {
    fn name(&self) -> &'static str {
        "inception"
    }

    fn make_seeds(&self) -> Vec<(&'static str, Vec<u8>)> {
        vec![
            ("first-unit.safetensors", first(5)),
            ("half-a-unit.safetensors", first(2)),
        ]
    }

    fn mutate(&self, random: &mut Random, seed: &[u8], other: &[u8]) -> Mutant {
        Mutant {
            bytes: safetensors::mutated(random, seed, other),
            sealed: false,
        }
    }

    fn read(&self, input: &Input<'_>) -> Outcome {
        let settings = InceptionSettings::default();
        match Inception::<Flex>::open(input.path, settings, &Default::default()) {
            Ok(_) => Outcome::Broken("a network of a few kilobytes".to_owned()),
            Err(error) if error.to_string().ends_with(" is missing") => Outcome::Accepted,
            Err(error) => Outcome::refused(error),
        }
    }
}
