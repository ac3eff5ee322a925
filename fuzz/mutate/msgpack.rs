//! Mutations of MessagePack by its tokens: a value of another type or size, lengths that lie, nesting
//! without end.

use crate::random::Random;

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Scalar,
    /// Text or bytes: a length and what follows.
    Bytes,
    /// A list's or a map's length; what it holds are tokens of their own.
    Container,
}

#[derive(Clone, Copy)]
struct Token {
    kind: Kind,
    start: usize,
    /// Where the marker and the length end.
    head: usize,
    end: usize,
}

/// The tokens, up to the first that is cut short.
fn tokens(bytes: &[u8]) -> Vec<Token> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(token) = token(bytes, at) {
        at = token.end;
        found.push(token);
    }
    found
}

fn token(bytes: &[u8], start: usize) -> Option<Token> {
    let marker = *bytes.get(start)?;
    let number = |width: usize| {
        let digits = bytes.get(start + 1..start + 1 + width)?;
        let value = digits
            .iter()
            .fold(0, |sum, digit| sum << 8 | usize::from(*digit));
        Some(value)
    };
    // Kind, bytes of the head, bytes behind it.
    let (kind, head, rest) = match marker {
        0x80..=0x9f => (Kind::Container, 1, 0),
        0xa0..=0xbf => (Kind::Bytes, 1, usize::from(marker & 31)),
        0xc4 | 0xd9 => (Kind::Bytes, 2, number(1)?),
        0xc5 | 0xda => (Kind::Bytes, 3, number(2)?),
        0xc6 | 0xdb => (Kind::Bytes, 5, number(4)?),
        0xdc | 0xde => (Kind::Container, 3, 0),
        0xdd | 0xdf => (Kind::Container, 5, 0),
        0xcc | 0xd0 => (Kind::Scalar, 2, 0),
        0xcd | 0xd1 => (Kind::Scalar, 3, 0),
        0xca | 0xce | 0xd2 => (Kind::Scalar, 5, 0),
        0xcb | 0xcf | 0xd3 => (Kind::Scalar, 9, 0),
        // Extensions are not used.
        0xc1 | 0xc7..=0xc9 | 0xd4..=0xd8 => return None,
        _ => (Kind::Scalar, 1, 0),
    };
    let end = start.checked_add(head)?.checked_add(rest)?;
    (end <= bytes.len()).then_some(Token {
        kind,
        start,
        head: start + head,
        end,
    })
}

/// A value that its reader may not have thought of.
fn scalar(random: &mut Random) -> Vec<u8> {
    let double = |value: f64| [&[0xcb][..], &value.to_be_bytes()].concat();
    let unsigned = |value: u64| [&[0xcf][..], &value.to_be_bytes()].concat();
    match random.below(18) {
        0 => vec![0],
        1 => vec![1],
        2 => vec![0xff], // −1
        3 => vec![0xc0], // nil
        4 => vec![0xc2 + random.below(2) as u8],
        5 => double(f64::NAN),
        6 => double(f64::INFINITY),
        7 => double(-1.0),
        8 => double(1e300),
        9 => [&[0xca][..], &f32::NAN.to_be_bytes()].concat(),
        10 => unsigned(u64::MAX),
        11 => unsigned(1 << 63),
        12 => unsigned(1 << 32),
        13 => [&[0xce][..], &u32::MAX.to_be_bytes()].concat(),
        14 => [&[0xd3][..], &i64::MIN.to_be_bytes()].concat(),
        15 => vec![0xa1, b'x'],
        16 => vec![0x90],
        _ => vec![0x80],
    }
}

/// A head that claims another length.
fn length(random: &mut Random, marker: u8) -> Vec<u8> {
    let claimed: u32 = [0, 1, 2, 17, 1_000, 1 << 20, 1 << 31, u32::MAX][random.below(8)];
    let long = match marker {
        0x80..=0x8f | 0xde | 0xdf => 0xdf,
        0x90..=0x9f | 0xdc | 0xdd => 0xdd,
        0xc4..=0xc6 => 0xc6,
        _ => 0xdb,
    };
    [&[long][..], &claimed.to_be_bytes()].concat()
}

/// One mutation.
pub fn mutate(random: &mut Random, bytes: &mut Vec<u8>) {
    let tokens = tokens(bytes);
    if tokens.is_empty() {
        bytes.extend(scalar(random));
        return;
    }
    let token = tokens[random.below(tokens.len())];
    let Token {
        kind,
        start,
        head,
        end,
    } = token;
    match (random.below(8), kind) {
        (0, _) => drop(bytes.splice(start..end, scalar(random))),
        (1, _) => drop(bytes.drain(start..end)),
        (2, _) => {
            let copy = bytes[start..end].to_vec();
            bytes.splice(start..start, copy);
        }
        (3, _) => {
            let depth = [1, 10, 1_000, 1_024, 100_000][random.below(5)];
            let bomb = match random.below(3) {
                0 => vec![0x91],
                1 => vec![0x81, 0xa1, b'a'],
                _ => vec![0x81],
            };
            bytes.splice(start..start, bomb.repeat(depth));
        }
        (4, _) => {
            // Another token in its place: a field's name, another parameter's numbers.
            let from = tokens[random.below(tokens.len())];
            let copy = bytes[from.start..from.end].to_vec();
            bytes.splice(start..end, copy);
        }
        (_, Kind::Scalar) => drop(bytes.splice(start..end, scalar(random))),
        (5, _) => {
            let claim = length(random, bytes[start]);
            bytes.splice(start..head, claim);
        }
        (_, Kind::Container) => {
            // One more or one fewer, in the short forms.
            bytes[start] = bytes[start].wrapping_add([1, 0xff][random.below(2)]);
        }
        (_, Kind::Bytes) => {
            // Other bytes, or fewer with a length that fits: a tensor of other numbers.
            let mut inner = bytes[head..end].to_vec();
            match random.below(4) {
                0 => inner.truncate(random.below(inner.len() + 1)),
                1 => {
                    let number = [f32::NAN, f32::INFINITY, -1.0, 1e30][random.below(4)];
                    let place = random.below(inner.len() / 4) * 4;
                    for (byte, new) in inner.iter_mut().skip(place).zip(number.to_le_bytes()) {
                        *byte = new;
                    }
                }
                _ => super::bytes::mutate(random, &mut inner, b"x"),
            }
            let marker = match bytes[start] {
                0xc4..=0xc6 => 0xc6,
                _ => 0xdb,
            };
            let mut new = vec![marker];
            new.extend((inner.len() as u32).to_be_bytes());
            new.extend(inner);
            bytes.splice(start..end, new);
        }
    }
}
