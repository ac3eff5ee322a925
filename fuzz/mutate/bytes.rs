//! Mutations that know nothing of the format.

use crate::random::Random;

/// Lengths and counts that break arithmetic.
const NUMBERS: [u64; 14] = [
    0,
    1,
    2,
    0x7f,
    0x80,
    0xff,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    i64::MAX as u64,
    1 << 63,
    u64::MAX,
];

/// One mutation. `other` is another input of the kind, to splice with.
pub fn mutate(random: &mut Random, input: &mut Vec<u8>, other: &[u8]) {
    let length = input.len();
    match random.below(10) {
        0 | 1 if length > 0 => input[random.below(length)] ^= 1 << random.below(8),
        2 if length > 0 => {
            let byte = random.byte();
            let value = [0, 1, 0x7f, 0x80, 0xff, byte][random.below(6)];
            input[random.below(length)] = value;
        }
        3 => input.truncate(random.below(length + 1)),
        4 => {
            let place = random.below(length + 1);
            let new: Vec<u8> = (0..=random.below(8)).map(|_| random.byte()).collect();
            input.splice(place..place, new);
        }
        5 => {
            let place = random.below(length + 1);
            let new = vec![random.byte(); random.below(2_000)];
            input.splice(place..place, new);
        }
        6 => {
            let (start, end) = random.range(length);
            input.drain(start..end);
        }
        7 => {
            let (start, end) = random.range(length);
            let part = input[start..end].to_vec();
            let place = random.below(length + 1);
            input.splice(place..place, part);
        }
        8 => {
            input.truncate(random.below(length + 1));
            input.extend(&other[random.below(other.len() + 1)..]);
        }
        _ => {
            let number = NUMBERS[random.below(NUMBERS.len())];
            let width = [1, 2, 4, 8][random.below(4)];
            let mut bytes = number.to_le_bytes()[..width].to_vec();
            if random.one_in(2) {
                bytes.reverse();
            }
            let place = random.below(length + 1);
            let end = (place + width).min(length);
            input.splice(place..end, bytes);
        }
    }
}
