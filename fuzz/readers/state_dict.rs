//! `load_weights` from files of `torch.save` into a small network.

use std::io::{Cursor, Read, Write};

use burn_gan::Result;
use burn_gan::burn::backend::Flex;
use burn_gan::burn::tensor::Tensor;
use burn_gan::models::{
    MlpGenerator, MlpGeneratorConfig, WeightTable, load_weights, load_weights_in_part,
    stored_weights,
};
use burn_gan::network::Generator;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::{Input, Mutant, Outcome, Reader};
use crate::mutate::bytes;
use crate::random::Random;

pub struct StateDict;

/// The network that `tests/golden/weights.py` stores as `mlp.pt`.
fn network() -> Result<MlpGenerator<Flex, 2>> {
    MlpGeneratorConfig::new(3, [2])
        .with_hidden([5, 4])
        .init(&Default::default())
}

fn table() -> WeightTable {
    WeightTable::pytorch()
        .with_name("0.*", "mlp.layers.0.*")
        .with_name("2.*", "mlp.layers.1.*")
        .with_name("4.*", "mlp.layers.2.*")
}

/// Lists what is there, and loads it where it fits.
fn read(input: &Input<'_>) -> Result<Option<Vec<usize>>> {
    let listed = stored_weights(input.path, None)
        .or_else(|_| stored_weights(input.path, Some("generator")))?;
    for weight in listed {
        // What is listed is shown.
        let _ = format!("{weight:?}");
    }
    let whole = load_weights::<Flex, _>(input.path, network()?, &table());
    let in_part = load_weights_in_part::<Flex, _>(input.path, network()?, &table());
    let in_part = in_part.map(|(network, _)| network);
    let Ok(network) = whole.or(in_part) else {
        return Ok(None);
    };
    let latents = Tensor::<Flex, 2>::zeros([4, 3], &Default::default());
    Ok(Some(network.generate(latents, &()).dims().to_vec()))
}

/// The entries of an archive that is one.
fn unpacked(file: &[u8]) -> Option<Vec<(String, Vec<u8>)>> {
    let mut archive = ZipArchive::new(Cursor::new(file)).ok()?;
    let mut entries = Vec::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).ok()?;
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).ok()?;
        entries.push((entry.name().to_owned(), bytes));
    }
    Some(entries)
}

fn packed(entries: &[(String, Vec<u8>)], method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, bytes) in entries {
        // A name that is there already is left out.
        if writer.start_file(name.as_str(), options).is_ok() {
            writer.write_all(bytes).expect("memory");
        }
    }
    writer.finish().expect("memory").into_inner()
}

/// Instructions of pickles that make, keep and call things, and what refers to what is not there.
const INSTRUCTIONS: [&[u8]; 16] = [
    b"(",
    b")",
    b"]",
    b"}",
    b"t",
    b"\x86",
    b"2\x86",
    b"R",
    b"b",
    b"u",
    b"Q",
    b"q\x00",
    b"h\x00",
    b"X\xff\xff\xff\x7f",
    b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"cos\nsystem\n",
];

fn changed_pickle(random: &mut Random, pickle: &mut Vec<u8>, other: &[u8]) {
    for _ in 0..=random.below(3) {
        if random.one_in(2) {
            bytes::mutate(random, pickle, other);
        } else {
            let instruction = INSTRUCTIONS[random.below(INSTRUCTIONS.len())];
            let times = [1, 1, 2, 2_000][random.below(4)];
            let place = random.below(pickle.len() + 1);
            pickle.splice(place..place, instruction.repeat(times));
        }
    }
}

impl Reader for StateDict {
    fn name(&self) -> &'static str {
        "state_dict"
    }

    fn make_seeds(&self) -> Vec<(&'static str, Vec<u8>)> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/weights");
        let files = ["mlp.pt", "mlp_old.pth", "types.pt", "gan_old.pth"];
        let file = |name: &'static str| {
            let bytes = std::fs::read(format!("{folder}/{name}"));
            (name, bytes.expect("a file that the tests have"))
        };
        files.map(file).to_vec()
    }

    fn mutate(&self, random: &mut Random, seed: &[u8], other: &[u8]) -> Mutant {
        let mut changed = seed.to_vec();
        match unpacked(seed) {
            // What is in the archive, with checksums made anew.
            Some(mut entries) if !entries.is_empty() && !random.one_in(4) => {
                let of_pickle = entries.iter().position(|(name, _)| name.ends_with(".pkl"));
                let place = match of_pickle {
                    Some(place) if !random.one_in(4) => place,
                    _ => random.below(entries.len()),
                };
                changed_pickle(random, &mut entries[place].1, other);
                if random.one_in(8) {
                    let name = entries[random.below(entries.len())].0.clone();
                    entries[place].0 = name;
                }
                let method = match random.one_in(16) {
                    true => CompressionMethod::Deflated,
                    false => CompressionMethod::Stored,
                };
                changed = packed(&entries, method);
            }
            _ => changed_pickle(random, &mut changed, other),
        }
        if random.one_in(4) {
            bytes::mutate(random, &mut changed, other);
        }
        Mutant {
            bytes: changed,
            sealed: false,
        }
    }

    fn read(&self, input: &Input<'_>) -> Outcome {
        match read(input) {
            Err(error) => Outcome::refused(error),
            Ok(Some(shape)) if shape != [4, 2] => {
                Outcome::Broken(format!("drew samples of shape {shape:?}"))
            }
            Ok(_) => Outcome::Accepted,
        }
    }
}
