//! Pixels of a decoder in the channels that are worked with.

use image::ColorType;

use super::config::{ImageColor, ImageConfig};

/// The channels that pixels of so many are worked with in, for samples of `color`. Grey stays one as
/// long as it is the same in all colours: they are made at the end, of a sample's few pixels.
pub(super) fn worked_in(from: u8, color: ImageColor) -> usize {
    use ImageColor::{Grey, Rgb, Rgba};
    match (from, color) {
        (1, _) | (_, Grey) => 1,
        (3, _) | (_, Rgb) => 3,
        (_, Rgba) => 4,
    }
}

/// The pixels in the channels of [`worked_in`], and how many these are.
pub(super) fn converted(
    pixels: Vec<u8>,
    from: ColorType,
    config: &ImageConfig,
) -> (Vec<u8>, usize) {
    let ground = config.background;
    let dark = luma(ground);
    let from = from.channel_count();
    let to = worked_in(from, config.color);
    let pixels = match (from, to) {
        (2, 1) => mapped(&pixels, |&[grey, alpha]| [over(grey, alpha, dark)]),
        (2, 3) => mapped(&pixels, |&[grey, alpha]| {
            ground.map(|ground| over(grey, alpha, ground))
        }),
        (2, _) => mapped(&pixels, |&[grey, alpha]| {
            shown([grey, grey, grey, alpha], ground)
        }),
        (3, 1) => mapped(&pixels, |rgb| [luma(*rgb)]),
        (4, 1) => mapped(&pixels, |rgba| [luma(laid(rgba, ground))]),
        (4, 3) => mapped(&pixels, |rgba| laid(rgba, ground)),
        (4, _) => {
            let mut pixels = pixels;
            let (fours, _) = pixels.as_chunks_mut::<4>();
            fours
                .iter_mut()
                .for_each(|rgba| *rgba = shown(*rgba, ground));
            pixels
        }
        _ => pixels,
    };
    (pixels, to)
}

/// Each pixel of `N` bytes as one of `M`.
pub(super) fn mapped<const N: usize, const M: usize>(
    pixels: &[u8],
    to: impl Fn(&[u8; N]) -> [u8; M],
) -> Vec<u8> {
    let (pixels, _) = pixels.as_chunks::<N>();
    let mut made = vec![0; pixels.len() * M];
    let (places, _) = made.as_chunks_mut::<M>();
    for (place, pixel) in places.iter_mut().zip(pixels) {
        *place = to(pixel);
    }
    made
}

/// ITU-R BT.601's luma in whole numbers of 16 bits, as PIL and libjpeg have it.
pub(super) fn luma([red, green, blue]: [u8; 3]) -> u8 {
    let sum = 19_595 * u32::from(red) + 38_470 * u32::from(green) + 7_471 * u32::from(blue);
    ((sum + 0x8000) >> 16) as u8
}

/// `(value·alpha + ground·(255 − alpha)) / 255`, rounded.
fn over(value: u8, alpha: u8, ground: u8) -> u8 {
    let [value, alpha, ground] = [value, alpha, ground].map(u32::from);
    ((value * alpha + ground * (255 - alpha) + 127) / 255) as u8
}

fn laid(&[red, green, blue, alpha]: &[u8; 4], ground: [u8; 3]) -> [u8; 3] {
    [
        over(red, alpha, ground[0]),
        over(green, alpha, ground[1]),
        over(blue, alpha, ground[2]),
    ]
}

/// What can't be seen at all has the ground's colour: files have anything there.
fn shown(rgba: [u8; 4], [red, green, blue]: [u8; 3]) -> [u8; 4] {
    match rgba[3] {
        0 => [red, green, blue, 0],
        _ => rgba,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greys_keep_their_value_and_the_ends_are_black_and_white() {
        for grey in 0..=255 {
            assert_eq!(luma([grey; 3]), grey);
            assert_eq!(over(grey, 255, 7), grey);
            assert_eq!(over(7, 0, grey), grey);
            assert_eq!(over(grey, 100, grey), grey);
        }
        assert_eq!(luma([255, 0, 0]), 76);
        assert_eq!(luma([0, 255, 0]), 150);
        assert_eq!(luma([0, 0, 255]), 29);
    }
}
