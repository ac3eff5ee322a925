//! What a JPEG file says of itself before its pixels.

use std::io::{BufRead, Seek, SeekFrom};

/// Size and structure, as ITU-T T.81 has them in the segments before the first scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) components: u8,
    /// Whether all coefficients are in memory before the first pixel is: in progressive files, and
    /// in those whose components come one after the other.
    pub(super) in_passes: bool,
}

/// Reads on to the first scan. The marker that every file begins with is read already.
pub(super) fn frame(file: &mut (impl BufRead + Seek)) -> Result<Frame, String> {
    let mut frame: Option<Frame> = None;
    loop {
        let (marker, length) = segment(file)?;
        match (marker, frame) {
            // Start of frame; C4, C8 and CC are tables.
            (0xc0..=0xcf, _) if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                if length < 6 {
                    return Err(cut());
                }
                let about: [u8; 6] = bytes(file)?;
                skip(file, length - 6)?;
                frame = Some(Frame {
                    height: u16::from_be_bytes([about[1], about[2]]).into(),
                    width: u16::from_be_bytes([about[3], about[4]]).into(),
                    components: about[5],
                    in_passes: !matches!(marker, 0xc0 | 0xc1),
                });
            }
            // Start of scan.
            (0xda, Some(frame)) => {
                let [components] = bytes(file)?;
                let in_passes = frame.in_passes || components < frame.components;
                return Ok(Frame { in_passes, ..frame });
            }
            (0xda | 0xd9, None) => return Err("has no frame before its first scan".to_owned()),
            (0xd9, Some(_)) => return Err(cut()),
            _ => skip(file, length)?,
        }
    }
}

/// Whether the end of the picture follows somewhere; coded pixels can't look like it.
pub(super) fn has_end(scans: &[u8]) -> bool {
    scans.windows(2).any(|pair| pair == [0xff, 0xd9])
}

/// The next marker, and how many bytes follow the length of its segment.
fn segment(file: &mut impl BufRead) -> Result<(u8, u16), String> {
    let [mut byte] = bytes(file)?;
    // Between segments there is nothing; decoders pass over what is there all the same.
    while byte != 0xff {
        [byte] = bytes(file)?;
    }
    while byte == 0xff {
        [byte] = bytes(file)?;
    }
    // Markers that stand alone.
    if matches!(byte, 0x00 | 0x01 | 0xd0..=0xd9) {
        return Ok((byte, 0));
    }
    let length = u16::from_be_bytes(bytes(file)?);
    let length = length.checked_sub(2);
    Ok((
        byte,
        length.ok_or("has a segment that is shorter than its length")?,
    ))
}

fn bytes<const N: usize>(file: &mut impl BufRead) -> Result<[u8; N], String> {
    let mut bytes = [0; N];
    file.read_exact(&mut bytes).map_err(|_| cut())?;
    Ok(bytes)
}

fn skip(file: &mut (impl BufRead + Seek), count: u16) -> Result<(), String> {
    let sought = file.seek_relative(i64::from(count));
    // Behind the end too: the next byte tells.
    sought
        .or_else(|_| file.seek(SeekFrom::Current(i64::from(count))).map(|_| ()))
        .map_err(|error| error.to_string())
}

fn cut() -> String {
    "ends within its header".to_owned()
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn read(parts: &[&[u8]]) -> Result<Frame, String> {
        frame(&mut Cursor::new(parts.concat()))
    }

    /// A frame of three components, 2 × 3 pixels.
    const FRAME: &[u8] = &[0xff, 0xc0, 0, 8, 8, 0, 2, 0, 3, 3];
    const SCAN: &[u8] = &[0xff, 0xda, 0, 8, 3];

    #[test]
    fn size_and_structure_are_found_behind_other_segments() {
        let comment = [&[0xff, 0xfe, 0, 4][..], &[0xff, 0xc0]].concat();
        let whole = read(&[&comment, &[0xff, 0xff], FRAME, SCAN]).unwrap();
        let expected = Frame {
            width: 3,
            height: 2,
            components: 3,
            in_passes: false,
        };
        assert_eq!(whole, expected);
        let mut progressive = FRAME.to_vec();
        progressive[1] = 0xc2;
        assert!(read(&[&progressive, SCAN]).unwrap().in_passes);
        let one_at_a_time = [0xff, 0xda, 0, 8, 1];
        assert!(read(&[FRAME, &one_at_a_time]).unwrap().in_passes);
    }

    #[test]
    fn what_ends_early_or_has_no_frame_is_refused() {
        for length in 0..FRAME.len() {
            assert!(read(&[&FRAME[..length]]).is_err());
        }
        assert!(read(&[FRAME]).is_err());
        assert!(read(&[SCAN]).is_err());
        assert!(read(&[&[0xff, 0xfe, 0, 1]]).is_err());
        assert!(read(&[&[0xff, 0xfe, 0xff, 0xff], FRAME]).is_err());
        assert!(read(&[&[0xff, 0xc0, 0, 3, 8]]).is_err());
    }
}
