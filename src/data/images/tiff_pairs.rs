//! Grey pictures with opacity in TIFF, whose second channel the decoder has no name for.

use std::io::{BufRead, Seek};

use image::ColorType;
use image::metadata::Orientation;
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;

/// A picture with two channels, whose header is read.
pub(super) struct Pairs<R: BufRead + Seek> {
    decoder: Decoder<R>,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) color: ColorType,
}

impl<R: BufRead + Seek> Pairs<R> {
    /// The picture, if it is one.
    pub(super) fn open(source: R, limit: u64) -> Option<Self> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut limits = Limits::default();
        limits.decoding_buffer_size = limit;
        limits.intermediate_buffer_size = limit;
        let mut decoder = Decoder::new(source).ok()?.with_limits(limits);
        let color = match decoder.colortype().ok()? {
            tiff::ColorType::Multiband {
                bit_depth,
                num_samples: 2,
            } => match bit_depth {
                8 => ColorType::La8,
                16 => ColorType::La16,
                _ => return None,
            },
            _ => return None,
        };
        let (width, height) = decoder.dimensions().ok()?;
        Some(Self {
            decoder,
            width,
            height,
            color,
        })
    }

    pub(super) fn orientation(&mut self) -> Orientation {
        let tag = self.decoder.find_tag_unsigned::<u16>(Tag::Orientation);
        let number = tag.ok().flatten().and_then(|tag| u8::try_from(tag).ok());
        number
            .and_then(Orientation::from_exif)
            .unwrap_or(Orientation::NoTransforms)
    }

    /// Grey and opacity of each pixel, in the machine's order of bytes.
    pub(super) fn pixels(mut self) -> Result<Vec<u8>, String> {
        let read = self.decoder.read_image();
        let pixels = match read.map_err(|error| format!("can't be decoded: {error}"))? {
            DecodingResult::U8(pixels) => pixels,
            DecodingResult::U16(pixels) => pixels
                .iter()
                .flat_map(|sample| sample.to_ne_bytes())
                .collect(),
            _ => return Err("holds numbers that are no pixels".to_owned()),
        };
        let expected = u64::from(self.width) * u64::from(self.height);
        let expected = expected * u64::from(self.color.bytes_per_pixel());
        if pixels.len() as u64 != expected {
            return Err("can't be decoded: its channels lie apart".to_owned());
        }
        Ok(pixels)
    }
}
