//! Pictures with a palette in TIFF, which the decoder knows no colours of.

/// Tags of TIFF 6.0.
const BITS_PER_SAMPLE: u16 = 258;
const PHOTOMETRIC: u16 = 262;
const COLOR_MAP: u16 = 320;
/// Values of the second tag.
const BLACK_IS_ZERO: u8 = 1;
const PALETTE: u16 = 3;

/// Colours by the numbers of pixels.
pub(super) type Palette = [[u8; 3]; 256];

/// The colours of a file whose first picture has pixels of 8 bits with a palette. That picture is
/// made a grey one, whose greys are the numbers of the colours.
pub(super) fn take(file: &mut [u8]) -> Option<Box<Palette>> {
    let order = match file.get(..4)? {
        b"II*\0" => u16::from_le_bytes,
        b"MM\0*" => u16::from_be_bytes,
        _ => return None,
    };
    let little = file[0] == b'I';
    let short = |at: usize| -> Option<u16> {
        let pair = file.get(at..at.checked_add(2)?)?;
        Some(order([pair[0], pair[1]]))
    };
    let long = |at: usize| -> Option<usize> {
        let (first, second) = (
            usize::from(short(at)?),
            usize::from(short(at.checked_add(2)?)?),
        );
        Some(match little {
            true => second << 16 | first,
            false => first << 16 | second,
        })
    };
    let directory = long(4)?;
    let (mut photometric, mut bits, mut map) = (None, None, None);
    for entry in 0..usize::from(short(directory)?) {
        let at = directory + 2 + 12 * entry;
        match short(at)? {
            PHOTOMETRIC if short(at + 8)? == PALETTE => photometric = Some(at + 8),
            BITS_PER_SAMPLE => bits = Some(short(at + 8)?),
            COLOR_MAP if long(at + 4)? == 3 * 256 => map = Some(long(at + 8)?),
            _ => {}
        }
    }
    let (photometric, Some(8), map) = (photometric?, bits, map?) else {
        return None;
    };
    let mut palette = Box::new([[0; 3]; 256]);
    for (number, color) in palette.iter_mut().enumerate() {
        for (channel, value) in color.iter_mut().enumerate() {
            // All reds, all greens, all blues, in 16 bits.
            let sixteen = short(map.checked_add(2 * (channel * 256 + number))?)?;
            *value = ((u32::from(sixteen) + 128) / 257) as u8;
        }
    }
    let place = if little { photometric } else { photometric + 1 };
    file[place] = BLACK_IS_ZERO;
    file[if little { place + 1 } else { place - 1 }] = 0;
    Some(palette)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_or_has_no_palette_is_left_as_it_is() {
        let mut grey = b"II*\0\x08\0\0\0\x01\0\x06\x01\x03\0\x01\0\0\0\x01\0\0\0\0\0\0\0".to_vec();
        for length in 0..=grey.len() {
            let before = grey[..length].to_vec();
            assert!(take(&mut grey[..length]).is_none());
            assert_eq!(grey[..length], before);
        }
        let mut far = b"MM\0*\xff\xff\xff\xff".to_vec();
        assert!(take(&mut far).is_none());
    }
}
