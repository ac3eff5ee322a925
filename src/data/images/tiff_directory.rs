//! What a TIFF claims of its lists, before a decoder believes it.

use std::io::{Read, Seek, SeekFrom};

/// Bytes of a value of each type of TIFF 6.0 and BigTIFF, by the type's number.
const WIDTHS: [u64; 19] = [1, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 1, 1, 8, 8, 8];

/// Refuses a first directory with a list that is longer than the file: decoders take memory for it
/// first.
pub(super) fn check(file: &mut (impl Read + Seek), length: u64) -> Result<(), String> {
    let io = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => "ends within its directory".to_owned(),
        _ => error.to_string(),
    };
    file.seek(SeekFrom::Start(0)).map_err(io)?;
    let start: [u8; 4] = bytes(file).map_err(io)?;
    let little = start[0] == b'I';
    let big = start[2..4].contains(&43);
    let number = |mut bytes: Vec<u8>| {
        if little {
            bytes.reverse();
        }
        bytes
            .iter()
            .fold(0, |number: u64, byte| number << 8 | u64::from(*byte))
    };
    if big {
        let _: [u8; 4] = bytes(file).map_err(io)?;
    }
    // The width of places and counts, and that of the number of entries.
    let (wide, entries) = if big { (8, 8) } else { (4, 2) };
    let place = number(some(file, wide).map_err(io)?);
    file.seek(SeekFrom::Start(place)).map_err(io)?;
    let entries = number(some(file, entries).map_err(io)?);
    let mut left = length.saturating_sub(place) / (4 + 2 * wide as u64);
    for _ in 0..entries {
        left = left.checked_sub(1).ok_or("ends within its directory")?;
        let tag = number(some(file, 2).map_err(io)?);
        let kind = number(some(file, 2).map_err(io)?) as usize;
        let count = number(some(file, wide).map_err(io)?);
        let _ = some(file, wide).map_err(io)?;
        let width = WIDTHS.get(kind).copied().unwrap_or(1);
        if count.checked_mul(width).is_none_or(|bytes| bytes > length) {
            return Err(format!(
                "claims {count} values of tag {tag}, more than the file can hold"
            ));
        }
    }
    file.seek(SeekFrom::Start(0)).map(|_| ()).map_err(io)
}

fn bytes<const N: usize>(file: &mut impl Read) -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    file.read_exact(&mut bytes).map(|()| bytes)
}

fn some(file: &mut impl Read, count: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; count];
    file.read_exact(&mut bytes).map(|()| bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn of(file: &[u8]) -> Result<(), String> {
        check(&mut Cursor::new(file), file.len() as u64)
    }

    #[test]
    fn a_list_that_is_longer_than_the_file_is_refused() {
        let entry =
            |count: u8| [&[0x15, 1, 3, 0, count, 0, 0, 0, 0, 0, 0, 0][..], &[0; 4]].concat();
        let file = |count: u8| [b"II*\0\x08\0\0\0\x01\0", &entry(count)[..]].concat();
        assert_eq!(of(&file(13)), Ok(()));
        let error = of(&file(14)).expect_err("28 bytes of 26");
        assert!(error.contains("claims 14 values of tag 277"), "{error}");
        let turned = [
            &b"MM\0*\0\0\0\x08\0\x01"[..],
            &[1, 0x15, 0, 3, 0, 0, 1, 0, 0, 0, 0, 0],
        ]
        .concat();
        assert!(
            of(&turned)
                .expect_err("512 bytes")
                .contains("claims 256 values of tag 277")
        );
        let wide = [
            &b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0"[..],
            &[
                0x15, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0,
            ],
        ];
        assert!(
            of(&wide.concat())
                .expect_err("too many")
                .contains("of tag 277")
        );
        for length in 0..22 {
            assert!(of(&file(1)[..length]).is_err(), "{length}");
        }
    }
}
