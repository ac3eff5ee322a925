//! A reader with every fault that the harness looks for, so that it is seen to find them.

use std::hint::black_box;

use super::{Input, Mutant, Outcome, Reader};
use crate::random::Random;

pub struct Planted;

/// The inputs that fail; each says what happens.
pub const FAULTS: [&str; 7] = [
    "aborts",
    "asks for memory",
    "breaks a promise",
    "hangs",
    "overflows the stack",
    "panics",
    "shows control characters",
];

fn deep(depth: u64) -> u64 {
    if black_box(depth) == u64::MAX {
        return 0;
    }
    let frame = black_box([depth; 64]);
    deep(depth + 1) + frame[(depth % 64) as usize]
}

impl Reader for Planted {
    fn name(&self) -> &'static str {
        "planted"
    }

    fn make_seeds(&self) -> Vec<(&'static str, Vec<u8>)> {
        FAULTS
            .into_iter()
            .chain(["is fine"])
            .map(|name| (name, name.as_bytes().to_vec()))
            .collect()
    }

    fn mutate(&self, _: &mut Random, seed: &[u8], _: &[u8]) -> Mutant {
        Mutant {
            bytes: seed.to_vec(),
            sealed: false,
        }
    }

    fn read(&self, input: &Input<'_>) -> Outcome {
        match input.bytes {
            b"panics" => panic!("planted"),
            b"aborts" => std::process::abort(),
            b"hangs" => loop {
                std::thread::sleep(std::time::Duration::from_secs(1));
            },
            b"asks for memory" => {
                // Zeroed memory is not touched: only the counting sees it.
                black_box(vec![0u8; 65 << 20]);
                Outcome::Accepted
            }
            b"overflows the stack" => {
                black_box(deep(0));
                Outcome::Accepted
            }
            b"breaks a promise" => Outcome::Broken("planted".to_owned()),
            b"shows control characters" => Outcome::refused("\u{1b}[2J"),
            _ => Outcome::Accepted,
        }
    }
}
