//! A file's bytes as pixels.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{ColorType, ImageDecoder, ImageFormat, Limits};

use super::config::ImageConfig;
use super::header::{self, About};
use super::tiff_pairs::Pairs;
use super::tiff_palette::{self, Palette};
use super::{colour, jpeg, tiff_directory, webp};
use crate::network::guard::quietly;

/// A picture as it lies in the file, with 8 bits a channel.
#[derive(Debug, Clone)]
pub(super) struct Raster {
    pub(super) width: u32,
    pub(super) height: u32,
    /// 1 for grey, 3 for colours, 4 for colours with opacity.
    pub(super) channels: usize,
    /// Row by row, the channels of a pixel together.
    pub(super) pixels: Vec<u8>,
    /// What stands it upright.
    pub(super) orientation: Orientation,
}

/// Decodes a picture, in at most `limit` bytes of memory, the file's own counted.
pub(super) fn decode(
    mut bytes: Vec<u8>,
    config: &ImageConfig,
    limit: u64,
) -> Result<Raster, String> {
    let palette = tiff_palette::take(&mut bytes);
    quietly(|| decoded(&bytes, palette.as_deref(), config, limit))
        .unwrap_or_else(|words| Err(header::panicked(&words)))
}

fn decoded(
    bytes: &[u8],
    palette: Option<&Palette>,
    config: &ImageConfig,
    limit: u64,
) -> Result<Raster, String> {
    let format = header::format_of(bytes)?;
    let length = bytes.len() as u64;
    if format == ImageFormat::Jpeg {
        // Its decoder copies the file first.
        let mut file = Cursor::new(bytes);
        file.set_position(2);
        About::of_jpeg(jpeg::frame(&mut file)?).check(config, length, limit)?;
        let scan = usize::try_from(file.position()).unwrap_or(usize::MAX);
        if !jpeg::has_end(bytes.get(scan..).unwrap_or_default()) {
            // The decoder would fill up what is missing.
            return Err("is cut off: the marker of its end is missing".to_owned());
        }
    }
    if format == ImageFormat::Tiff {
        tiff_directory::check(&mut Cursor::new(bytes), length)?;
    }
    let mut decoder = match header::decoder(Cursor::new(bytes), format, limit) {
        Ok(decoder) => decoder,
        Err(problem) => return pairs(bytes, format, config, limit).unwrap_or(Err(problem)),
    };
    if format != ImageFormat::Jpeg {
        About::of(&decoder, format).check(config, length, limit)?;
    }
    match format {
        ImageFormat::WebP => {
            let (width, height) = decoder.dimensions();
            webp::check_frames(bytes, width, height)?;
        }
        ImageFormat::Gif => {
            // A frame that is larger than the screen.
            let mut limits = Limits::no_limits();
            limits.max_alloc = Some(decoder.total_bytes());
            decoder.set_limits(limits).map_err(header::words)?;
        }
        _ => {}
    }
    // A picture whose EXIF block is damaged is a picture.
    let orientation = match format == ImageFormat::WebP && !webp::metadata_fits(bytes) {
        true => Orientation::NoTransforms,
        false => decoder.orientation().unwrap_or(Orientation::NoTransforms),
    };
    let (width, height) = decoder.dimensions();
    let color = decoder.color_type();
    let length = usize::try_from(decoder.total_bytes()).map_err(|_| "is too large".to_owned())?;
    let mut native = vec![0; length];
    decoder.read_image(&mut native).map_err(header::words)?;
    let (pixels, color) = match (palette, color) {
        (Some(palette), ColorType::L8) => {
            let colors = colour::mapped(&native, |&[number]| palette[usize::from(number)]);
            (colors, ColorType::Rgb8)
        }
        _ => (eight_bits(native, color), color),
    };
    let (pixels, channels) = colour::converted(pixels, color, config);
    Ok(Raster {
        width,
        height,
        channels,
        pixels,
        orientation,
    })
}

/// What [`Pairs`] reads.
fn pairs(
    bytes: &[u8],
    format: ImageFormat,
    config: &ImageConfig,
    limit: u64,
) -> Option<Result<Raster, String>> {
    if format != ImageFormat::Tiff {
        return None;
    }
    let mut pairs = Pairs::open(Cursor::new(bytes), limit)?;
    let about = About::of_pairs(&pairs).check(config, bytes.len() as u64, limit);
    let (width, height, color) = (pairs.width, pairs.height, pairs.color);
    let orientation = pairs.orientation();
    Some(about.and_then(|()| pairs.pixels()).map(|native| {
        let (pixels, channels) = colour::converted(eight_bits(native, color), color, config);
        Raster {
            width,
            height,
            channels,
            pixels,
            orientation,
        }
    }))
}

/// The samples in 8 bits, rounded: 16 bits by 255 / 65,535, floats from [0, 1].
fn eight_bits(native: Vec<u8>, color: ColorType) -> Vec<u8> {
    let bytes = color.bytes_per_pixel() / color.channel_count();
    match bytes {
        1 => native,
        2 => {
            let whole = |pair: &[u8; 2]| u32::from(u16::from_ne_bytes(*pair));
            let (pairs, _) = native.as_chunks::<2>();
            let eight = |pair| ((whole(pair) + 128) / 257) as u8;
            pairs.iter().map(eight).collect()
        }
        _ => {
            let (fours, _) = native.as_chunks::<4>();
            // NaN becomes 0.
            let eight = |four: &[u8; 4]| (f32::from_ne_bytes(*four) * 255.0).round() as u8;
            fours.iter().map(eight).collect()
        }
    }
}
