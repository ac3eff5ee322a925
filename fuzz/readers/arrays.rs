//! Arrays of numpy's, alone and in archives: `NpyArray`.

use std::io::{Cursor, Write};

use burn_gan::data::{NpyArray, NpyValues};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::features::{mutate_header, npy, split, with_header};
use super::{Input, Mutant, Outcome, Reader};
use crate::mutate::bytes;
use crate::random::Random;

pub struct ArrayFile;

fn npz(method: CompressionMethod, arrays: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, bytes) in arrays {
        writer.start_file(*name, options).expect("memory");
        writer.write_all(bytes).expect("memory");
    }
    writer.finish().expect("memory").into_inner()
}

fn array() -> Vec<u8> {
    let numbers: Vec<u8> = (0..12).collect();
    npy("'|u1'", false, "(2, 2, 3)", &numbers)
}

impl Reader for ArrayFile {
    fn name(&self) -> &'static str {
        "arrays"
    }

    fn make_seeds(&self) -> Vec<(&'static str, Vec<u8>)> {
        let double: Vec<u8> = (0..12).flat_map(|i| f64::from(i).to_be_bytes()).collect();
        let long: Vec<u8> = (0..6_i64).flat_map(i64::to_le_bytes).collect();
        let labels = npy("'<i8'", false, "(6,)", &long);
        let two = [("images.npy", array()), ("labels.npy", labels.clone())];
        vec![
            ("bytes.npy", array()),
            ("double.npy", npy("'>f8'", true, "(3, 2, 2)", &double)),
            ("labels.npy", labels),
            ("stored.npz", npz(CompressionMethod::Stored, &two)),
            ("deflated.npz", npz(CompressionMethod::Deflated, &two)),
        ]
    }

    fn mutate(&self, random: &mut Random, seed: &[u8], other: &[u8]) -> Mutant {
        let changed = match split(seed) {
            Some((mut header, mut numbers)) if !random.one_in(4) => {
                for _ in 0..=random.below(2) {
                    match random.one_in(4) {
                        true => bytes::mutate(random, &mut numbers, other),
                        false => mutate_header(random, &mut header),
                    }
                }
                with_header(&header, &numbers)
            }
            _ => {
                let mut changed = seed.to_vec();
                // An array that was changed, in a whole archive; or far more of it than the file is long.
                if seed.starts_with(b"PK") && random.one_in(2) {
                    let mut inside = array();
                    match random.one_in(4) {
                        true => {
                            let count = 1_usize << random.below(25);
                            let shape = format!("({count},)");
                            inside = npy("'|u1'", false, &shape, &vec![0; count]);
                        }
                        false => bytes::mutate(random, &mut inside, other),
                    }
                    changed = npz(CompressionMethod::Deflated, &[("x.npy", inside)]);
                }
                for _ in 0..random.below(3) {
                    bytes::mutate(random, &mut changed, other);
                }
                changed
            }
        };
        Mutant {
            bytes: changed,
            sealed: false,
        }
    }

    fn read(&self, input: &Input<'_>) -> Outcome {
        let array = match NpyArray::names(input.path) {
            Ok(names) if !names.is_empty() => NpyArray::read_from(input.path, &names[0]),
            _ => NpyArray::read(input.path),
        };
        let array = match array {
            Ok(array) => array,
            Err(error) => return Outcome::refused(error),
        };
        let count = match array.values() {
            NpyValues::Bytes(values) => values.len(),
            NpyValues::Integers(values) => values.len(),
            NpyValues::Floats(values) => values.len(),
            _ => return Outcome::Broken("another kind of numbers".to_owned()),
        };
        if count == array.shape().iter().product::<usize>() {
            Outcome::Accepted
        } else {
            Outcome::Broken(format!("{count} numbers of shape {:?}", array.shape()))
        }
    }
}
