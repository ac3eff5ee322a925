//! Text files, plain or compressed by gzip.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::bytes;
use crate::random::Random;

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

pub fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

/// A text that a file is made of, and what it is made longer by.
pub struct Text {
    pub plain: &'static [u8],
    /// One of them, repeated fewer than 2^`doublings` times, makes a compressed file hold far more than it
    /// is long.
    pub parts: [&'static [u8]; 3],
    pub doublings: usize,
}

impl Text {
    /// The seed's bytes changed, or the text inside a compressed one.
    pub fn mutate(&self, random: &mut Random, seed: &[u8], other: &[u8]) -> Vec<u8> {
        let inside = is_gzip(seed) && random.one_in(2);
        let mut changed = match inside {
            true => self.plain.to_vec(),
            false => seed.to_vec(),
        };
        for _ in 0..=random.below(3) {
            bytes::mutate(random, &mut changed, other);
        }
        if inside && random.one_in(16) {
            let part = self.parts[random.below(3)];
            changed.extend(part.repeat(1 << random.below(self.doublings)));
        }
        if inside { gzip(&changed) } else { changed }
    }
}
