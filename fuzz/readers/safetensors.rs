//! `load_safetensors` into a small network.

use burn_gan::burn::backend::Flex;
use burn_gan::models::{MlpGenerator, MlpGeneratorConfig, load_safetensors, save_safetensors};
use burn_gan::network::Generator;
use burn_gan::random::Stream;
use burn_gan::{Latent, Result};

use super::{Input, Mutant, Outcome, Reader};
use crate::mutate::{bytes, json};
use crate::random::Random;

pub struct Safetensors;

fn network() -> Result<MlpGenerator<Flex, 2>> {
    MlpGeneratorConfig::new(2, [2])
        .with_hidden([3])
        .init(&Default::default())
}

fn saved(metadata: &[(&str, String)]) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("generator.safetensors");
    let network = network().expect("valid settings");
    save_safetensors::<Flex, _>(&path, &network, metadata).expect("a written file");
    std::fs::read(&path).expect("the file")
}

fn read(input: &Input<'_>) -> Result<Vec<usize>> {
    let network = load_safetensors::<Flex, _>(input.path, network()?)?;
    let stream = &mut Stream::new(1, "sample");
    let latents = Latent::normal(2).draw(4, stream, &Default::default());
    Ok(network.generate(latents, &()).dims().to_vec())
}

/// The header's length, its JSON, the numbers.
fn split(file: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (length, rest) = file.split_first_chunk::<8>()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    let (header, numbers) = rest.split_at_checked(length)?;
    Some((header.to_vec(), numbers.to_vec()))
}

/// A changed file of the format.
pub fn mutated(random: &mut Random, seed: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    match split(seed) {
        Some((mut header, mut numbers)) if !random.one_in(4) => {
            for _ in 0..=random.below(3) {
                if random.one_in(4) {
                    bytes::mutate(random, &mut numbers, other);
                } else {
                    json::mutate(random, &mut header);
                }
            }
            let length = match random.below(8) {
                0 => header.len() as u64 + 1,
                1 => u64::MAX,
                2 => 1 << 40,
                _ => header.len() as u64,
            };
            bytes = [&length.to_le_bytes()[..], &header, &numbers].concat();
        }
        _ => {
            for _ in 0..=random.below(3) {
                bytes::mutate(random, &mut bytes, other);
            }
        }
    }
    bytes
}

impl Reader for Safetensors {
    fn name(&self) -> &'static str {
        "safetensors"
    }

    fn make_seeds(&self) -> Vec<(&'static str, Vec<u8>)> {
        let metadata = [("trained_on", "rings".to_owned())];
        vec![
            ("plain.safetensors", saved(&[])),
            ("metadata.safetensors", saved(&metadata)),
        ]
    }

    fn mutate(&self, random: &mut Random, seed: &[u8], other: &[u8]) -> Mutant {
        Mutant {
            bytes: mutated(random, seed, other),
            sealed: false,
        }
    }

    fn read(&self, input: &Input<'_>) -> Outcome {
        match read(input) {
            Err(error) => Outcome::refused(error),
            Ok(shape) if shape != [4, 2] => {
                Outcome::Broken(format!("drew samples of shape {shape:?}"))
            }
            Ok(_) => Outcome::Accepted,
        }
    }
}
