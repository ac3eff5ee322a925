//! Pictures of one format, by their headers and whole: `ImageFolder` and `ImageConfig::read`.

use burn_gan::data::{Fit, ImageColor, ImageConfig, ImageFolder};

use super::{Input, Mutant, Outcome, Reader};
use crate::mutate::bytes;
use crate::random::Random;

/// The pictures whose names in `tests/golden/images.json` begin with this.
pub struct Pictures(pub &'static str);

const SIDE: usize = 16;

/// All golden pictures, by name.
fn golden() -> Vec<(&'static str, Vec<u8>)> {
    let text = include_str!("../../tests/golden/images.json");
    let golden: serde_json::Value = serde_json::from_str(text).expect("JSON");
    let unhex = |digits: &str| -> Vec<u8> {
        let digits = digits.as_bytes().chunks_exact(2);
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("digits"), 16);
        digits.map(|pair| byte(pair).expect("a byte")).collect()
    };
    let case = |case: &serde_json::Value| {
        let name = case["name"].as_str()?.to_owned();
        // Names live as long as the process, which makes seeds once.
        Some((&*name.leak(), unhex(case["file"].as_str()?)))
    };
    golden["cases"]
        .as_array()
        .expect("cases")
        .iter()
        .filter_map(case)
        .collect()
}

/// Another number in the place of this many bytes.
fn put(random: &mut Random, bytes: &mut [u8], place: usize, width: usize, little: bool) {
    let Some(place) = bytes.get_mut(place..place + width) else {
        return;
    };
    // Of any size: what is just small enough to be decoded takes the most memory.
    let most = 1_u64 << random.below(8 * width.min(4) + 1);
    let number = random.below(most as usize + 1) as u64;
    let all = number.to_be_bytes();
    place.copy_from_slice(&all[8 - width..]);
    if little {
        place.reverse();
    }
}

/// Claims another size where the format has it.
fn resize(random: &mut Random, bytes: &mut [u8]) {
    let find = |bytes: &[u8], what: &[u8]| bytes.windows(what.len()).position(|part| part == what);
    match bytes {
        [0x89, b'P', ..] => {
            put(random, bytes, 16, 4, false);
            put(random, bytes, 20, 4, false);
        }
        [0xff, 0xd8, ..] => {
            let marks = [[0xff, 0xc0], [0xff, 0xc1], [0xff, 0xc2]];
            if let Some(at) = marks.iter().find_map(|mark| find(bytes, mark)) {
                put(random, bytes, at + 5, 2, false);
                put(random, bytes, at + 7, 2, false);
            }
        }
        [b'G', b'I', ..] => {
            put(random, bytes, 6, 2, true);
            put(random, bytes, 8, 2, true);
            if random.one_in(2)
                && let Some(at) = find(bytes, b",\0\0\0\0")
            {
                put(random, bytes, at + 5, 2, true);
                put(random, bytes, at + 7, 2, true);
            }
        }
        [b'B', b'M', ..] => {
            put(random, bytes, 18, 4, true);
            put(random, bytes, 22, 4, true);
        }
        [b'R', b'I', ..] => {
            if let Some(at) = find(bytes, b"\x9d\x01\x2a") {
                put(random, bytes, at + 3, 2, true);
                put(random, bytes, at + 5, 2, true);
            }
            if let Some(at) = find(bytes, b"VP8L") {
                put(random, bytes, at + 9, 4, true);
            }
            if let Some(at) = find(bytes, b"VP8X") {
                put(random, bytes, at + 12, 3, true);
                put(random, bytes, at + 15, 3, true);
            }
        }
        [b'I', b'I', ..] => {
            // Width, length, rows of a strip.
            for tag in [0x0100_u16, 0x0101, 0x0116] {
                let tag = tag.to_le_bytes();
                if let Some(at) = find(&bytes[8.min(bytes.len())..], &tag) {
                    put(random, bytes, 8 + at + 8, 4, true);
                }
            }
        }
        _ => {}
    }
}

/// PNG's checksums made anew, so that what was changed is read.
fn sealed(bytes: &mut [u8]) {
    let mut at = 8;
    while let Some(length) = bytes.get(at..at + 4) {
        let length = u32::from_be_bytes([length[0], length[1], length[2], length[3]]) as usize;
        let end = at.saturating_add(8).saturating_add(length);
        let Some(part) = bytes.get(at + 4..end) else {
            return;
        };
        let mut crc = flate2::Crc::new();
        crc.update(part);
        let sum = crc.sum().to_be_bytes();
        match bytes.get_mut(end..end + 4) {
            Some(place) => place.copy_from_slice(&sum),
            None => return,
        }
        at = end + 4;
    }
}

impl Reader for Pictures {
    fn name(&self) -> &'static str {
        self.0
    }

    fn make_seeds(&self) -> Vec<(&'static str, Vec<u8>)> {
        let mut seeds = golden();
        seeds.retain(|(name, _)| name.starts_with(self.0));
        seeds
    }

    fn mutate(&self, random: &mut Random, seed: &[u8], other: &[u8]) -> Mutant {
        let mut changed = seed.to_vec();
        if random.one_in(6) {
            resize(random, &mut changed);
        }
        if !random.one_in(4) {
            for _ in 0..=random.below(3) {
                bytes::mutate(random, &mut changed, other);
            }
        }
        if changed.starts_with(b"\x89PNG") && !random.one_in(4) {
            sealed(&mut changed);
        }
        Mutant {
            bytes: changed,
            sealed: false,
        }
    }

    fn read(&self, input: &Input<'_>) -> Outcome {
        let color = [ImageColor::Rgb, ImageColor::Rgba, ImageColor::Grey][input.bytes.len() % 3];
        let fit = [Fit::Stretch, Fit::Crop, Fit::Border][input.bytes.len() / 3 % 3];
        let config = ImageConfig::new(SIDE, SIDE).with_color(color).with_fit(fit);
        let folder = input.scratch.join("pictures");
        let written = std::fs::create_dir_all(&folder)
            .and_then(|()| std::fs::write(folder.join("x.png"), input.bytes));
        if let Err(error) = written {
            return Outcome::Broken(format!("the harness can't write: {error}"));
        }
        let whole = config.read(input.path);
        let headers = ImageFolder::new(&folder, config.clone()).open();
        match (whole, headers) {
            (Ok(pixels), Ok(images)) => {
                let expected = color.channels() * SIDE * SIDE;
                let of_folder = images.to_memory().map(|data| data.values().len());
                match (pixels.len() == expected, of_folder) {
                    (true, Ok(count)) if count == expected => Outcome::Accepted,
                    other => Outcome::Broken(format!("read as {other:?}")),
                }
            }
            (Ok(_), Err(error)) => {
                Outcome::Broken(format!("decoded, but its header refused: {error}"))
            }
            (Err(error), _) => Outcome::refused(error),
        }
    }
}
