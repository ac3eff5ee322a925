//! Sizes in WebP that a decoder takes memory for before it compares them with anything.

/// What a lossy frame begins with behind the name of its chunk, the chunk's length and three bytes
/// (RFC 6386).
const NAME: &[u8] = b"VP8 ";
const SIGNATURE: &[u8] = &[0x9d, 0x01, 0x2a];
const BEFORE: usize = 4 + 3;

/// Refuses a frame with more pixels than the picture.
pub(super) fn check_frames(file: &[u8], width: u32, height: u32) -> Result<(), String> {
    let pixels = u64::from(width) * u64::from(height);
    let names = file.windows(NAME.len()).enumerate();
    for (at, _) in names.filter(|(_, name)| *name == NAME) {
        let signature = at + NAME.len() + BEFORE;
        let Some(&[a, b, c, w, wide, h, high]) = file.get(signature..signature + 7) else {
            continue;
        };
        if [a, b, c] != SIGNATURE {
            continue;
        }
        // 14 bits each; the upper two are for showing it larger.
        let side = |low: u8, high: u8| u64::from(u16::from_le_bytes([low, high]) & 0x3fff);
        let (w, h) = (side(w, wide), side(h, high));
        if w * h > pixels {
            return Err(format!(
                "has a frame of {w} × {h} pixels in a picture of {width} × {height}"
            ));
        }
    }
    Ok(())
}

/// Whether what the file says of itself (EXIF) is in the file.
pub(super) fn metadata_fits(file: &[u8]) -> bool {
    let names = file.windows(8).filter(|part| part.starts_with(b"EXIF"));
    let mut lengths = names.map(|part| u32::from_le_bytes([part[4], part[5], part[6], part[7]]));
    lengths.all(|length| length as usize <= file.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_may_be_as_large_as_the_picture_wherever_it_is() {
        let frame = |w: u8| [b"xxVP8 lllttt", SIGNATURE, &[w, 0, 2, 0xc0, 9]].concat();
        // One byte of the length is missing above.
        assert_eq!(check_frames(&frame(200), 1, 1), Ok(()));
        let frame = |w: u8| [b"xxVP8 llllttt", SIGNATURE, &[w, 0, 2, 0xc0, 9]].concat();
        assert_eq!(check_frames(&frame(4), 4, 2), Ok(()));
        let error = check_frames(&frame(5), 4, 2).expect_err("larger");
        assert!(
            error.contains("5 × 2 pixels in a picture of 4 × 2"),
            "{error}"
        );
        for length in 0..frame(5).len() - 1 {
            assert_eq!(check_frames(&frame(5)[..length], 4, 2), Ok(()), "{length}");
        }
    }

    #[test]
    fn metadata_that_is_longer_than_the_file_is_not_asked_for() {
        assert!(metadata_fits(b""));
        assert!(metadata_fits(b"EXIF\x0a\0\0\0xx"));
        assert!(!metadata_fits(b"EXIF\x0b\0\0\0xx"));
        assert!(!metadata_fits(b"RIFF\0\0\0\0EXIF\0\0\0\xff"));
    }
}
