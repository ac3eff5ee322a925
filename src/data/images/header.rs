//! What a picture's file says of itself, before a pixel of it is decoded.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use image::{ColorType, ImageDecoder, ImageFormat, ImageReader, Limits};
use sha2::{Digest, Sha256};

use super::config::ImageConfig;
use super::tiff_pairs::Pairs;
use super::{colour, jpeg, tiff_directory, tiff_palette};
use crate::data::memory_limit;
use crate::error::{Error, Result};
use crate::files;
use crate::network::guard::quietly;

const MIB: u64 = 1 << 20;
/// The most that is taken for a file without being told: decoders run on several threads.
const AT_MOST: u64 = 1 << 30;
/// What decoders take beside pixels: tables, rows, the file itself.
const BESIDE: u64 = 2 * MIB;

/// What of a file is hashed: all, or so much at its beginning and at its end.
const HASHED: u64 = 16 << 10;

/// The formats that are read.
const FORMATS: &str = "PNG, JPEG, WebP, GIF, BMP, TIFF";

/// What a scan learns of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) width: u32,
    pub(super) height: u32,
    /// The file's length, and a checksum over its beginning and its end.
    pub(super) length: u64,
    pub(super) hash: [u8; 32],
}

/// The memory that decoding a file of this length may take, where the user has not said it.
pub(super) fn limit_of(length: u64) -> u64 {
    memory_limit::of_file(length).min(AT_MOST)
}

impl Header {
    /// Reads a file's header, and no pixel. `limit` is the user's.
    pub(super) fn read(path: &Path, config: &ImageConfig, limit: Option<u64>) -> Result<Self> {
        let (file, length) = files::open(path).map_err(|error| Error::io(path, error))?;
        let mut file = BufReader::new(file);
        let io = |error| Error::io(path, error);
        let hash = hash(&mut file, length).map_err(io)?;
        file.seek(SeekFrom::Start(0)).map_err(io)?;
        let limit = limit.unwrap_or_else(|| limit_of(length));
        let (width, height) = quietly(|| size(&mut file, config, length, limit))
            .unwrap_or_else(|words| Err(panicked(&words)))
            .map_err(|problem| Error::data(path, problem))?;
        Ok(Self {
            width,
            height,
            length,
            hash,
        })
    }
}

/// A decoder's panic as a refusal.
pub(super) fn panicked(words: &str) -> String {
    format!("can't be decoded: the decoder panicked: {words}")
}

fn hash(file: &mut BufReader<File>, length: u64) -> std::io::Result<[u8; 32]> {
    let mut digest = Sha256::new();
    let mut bytes = Vec::new();
    file.by_ref()
        .take(HASHED.min(length))
        .read_to_end(&mut bytes)?;
    if length > HASHED {
        let rest = (length - HASHED).min(HASHED);
        file.seek(SeekFrom::Start(length - rest))?;
        file.by_ref().take(rest).read_to_end(&mut bytes)?;
    }
    digest.update(&bytes);
    Ok(digest.finalize().into())
}

/// The format that a file's first bytes are of.
pub(super) fn format_of(start: &[u8]) -> Result<ImageFormat, String> {
    use ImageFormat::{Bmp, Gif, Jpeg, Png, Tiff, WebP};
    if start.is_empty() {
        return Err("is empty".to_owned());
    }
    match image::guess_format(start) {
        Ok(format @ (Png | Jpeg | WebP | Gif | Bmp | Tiff)) => Ok(format),
        Ok(other) => Err(format!(
            "is a picture of another format ({other:?}) than those that are read: {FORMATS}"
        )),
        Err(_) => Err(format!("is no picture of a format that is read: {FORMATS}")),
    }
}

/// Width and height, where the picture may be decoded.
fn size(
    file: &mut BufReader<File>,
    config: &ImageConfig,
    length: u64,
    limit: u64,
) -> Result<(u32, u32), String> {
    let start = file.fill_buf().map_err(|error| error.to_string())?;
    let format = format_of(start)?;
    if format == ImageFormat::Tiff {
        tiff_directory::check(file, length)?;
    }
    let about = if format == ImageFormat::Jpeg {
        file.seek_relative(2).map_err(|error| error.to_string())?;
        About::of_jpeg(jpeg::frame(file)?)
    } else {
        let decoder = decoder(&mut *file, format, limit);
        match decoder.map(|decoder| About::of(&decoder, format)) {
            Ok(about) => about,
            Err(problem) if format == ImageFormat::Tiff => {
                other_tiff(file, limit)?.ok_or(problem)?
            }
            Err(problem) => return Err(problem),
        }
    };
    about.check(config, length, limit)?;
    Ok((about.width, about.height))
}

/// What a TIFF says that its decoder refuses and this crate reads.
fn other_tiff(file: &mut BufReader<File>, limit: u64) -> Result<Option<About>, String> {
    let io = |error: std::io::Error| error.to_string();
    file.seek(SeekFrom::Start(0)).map_err(io)?;
    if let Some(pairs) = Pairs::open(&mut *file, limit) {
        return Ok(Some(About::of_pairs(&pairs)));
    }
    file.seek(SeekFrom::Start(0)).map_err(io)?;
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes).map_err(io)?;
    if tiff_palette::take(&mut bytes).is_none() {
        return Ok(None);
    }
    let decoder = decoder(std::io::Cursor::new(&bytes), ImageFormat::Tiff, limit)?;
    Ok(Some(About::of(&decoder, ImageFormat::Tiff)))
}

/// A decoder of this format, which has read the header.
pub(super) fn decoder<'a, R: BufRead + Seek + 'a>(
    source: R,
    format: ImageFormat,
    limit: u64,
) -> Result<impl ImageDecoder + 'a, String> {
    let mut reader = ImageReader::with_format(source, format);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(limit);
    reader.limits(limits);
    reader.into_decoder().map_err(words)
}

/// What the decoder says, as the problem of a file.
pub(super) fn words(error: image::ImageError) -> String {
    match error {
        image::ImageError::Limits(_) => too_large(),
        image::ImageError::IoError(error) => format!("can't be decoded: {error}"),
        other => format!("can't be decoded: {other}"),
    }
}

fn too_large() -> String {
    "takes more memory to decode than it may for a file of its length; if it is what it says, raise \
     the limit (`with_decode_limit`)"
        .to_owned()
}

/// The size that a picture claims, and what decoding it takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct About {
    pub(super) width: u32,
    pub(super) height: u32,
    /// The channels of the decoder's output, and the bytes of each.
    channels: u8,
    depth: u64,
    /// Bytes that the decoder has at one time, its output counted, for each pixel.
    decoding: u64,
}

impl About {
    pub(super) fn of(decoder: &impl ImageDecoder, format: ImageFormat) -> Self {
        Self::of_color(decoder.dimensions(), decoder.color_type(), format)
    }

    pub(super) fn of_pairs<R: BufRead + Seek>(pairs: &Pairs<R>) -> Self {
        let size = (pairs.width, pairs.height);
        Self::of_color(size, pairs.color, ImageFormat::Tiff)
    }

    fn of_color((width, height): (u32, u32), color: ColorType, format: ImageFormat) -> Self {
        Self {
            width,
            height,
            channels: color.channel_count(),
            depth: u64::from(color.bytes_per_pixel() / color.channel_count()),
            decoding: decoding(format, color),
        }
    }

    /// The same for JPEG, whose decoder doesn't say how it goes about it.
    pub(super) fn of_jpeg(frame: jpeg::Frame) -> Self {
        Self {
            width: frame.width,
            height: frame.height,
            // Four components are made three by the decoder.
            channels: frame.components.min(3),
            depth: 1,
            decoding: jpeg_bytes(&frame),
        }
    }

    /// Refuses a picture without pixels, and one that takes more than `limit` on its way to a sample.
    pub(super) fn check(
        &self,
        config: &ImageConfig,
        length: u64,
        limit: u64,
    ) -> Result<(), String> {
        let pixels = u64::from(self.width) * u64::from(self.height);
        if pixels == 0 {
            return Err(format!(
                "has no pixels: it is {} × {}",
                self.width, self.height
            ));
        }
        let needed = self.memory(pixels, config).saturating_add(2 * length);
        if needed <= limit {
            return Ok(());
        }
        Err(format!(
            "claims {} × {} pixels, which would take {} MiB to decode, and a file of its length may \
             take {} MiB; if it is what it says, raise the limit (`with_decode_limit`)",
            self.width,
            self.height,
            needed.div_ceil(MIB),
            limit / MIB
        ))
    }

    /// The most bytes that there are at one time.
    fn memory(&self, pixels: u64, config: &ImageConfig) -> u64 {
        let native = u64::from(self.channels);
        let working = colour::worked_in(self.channels, config.color) as u64;
        let to_eight_bits = if self.depth > 1 {
            (self.depth + 1) * native
        } else {
            0
        };
        let to_channels = if working == native {
            native
        } else {
            native + working
        };
        let per_pixel = self.decoding.max(to_eight_bits).max(to_channels);
        // Resizing goes across first, as far as the sample is wide (or high, where it is turned).
        let wide = config.width.max(config.height) as u64;
        let rows = wide.saturating_mul(u64::from(self.width.max(self.height)));
        let resizing = pixels.saturating_add(rows).saturating_mul(working);
        (pixels.saturating_mul(per_pixel))
            .max(resizing)
            .saturating_add(BESIDE)
    }
}

/// Bytes for each pixel: the output, and coefficients of 16 bits where they are kept.
fn jpeg_bytes(frame: &jpeg::Frame) -> u64 {
    let components = u64::from(frame.components);
    components + if frame.in_passes { 2 * components } else { 0 }
}

/// Bytes for each pixel: the output, and whole pictures that the decoder keeps beside it.
fn decoding(format: ImageFormat, color: ColorType) -> u64 {
    let output = u64::from(color.bytes_per_pixel());
    match format {
        // Planes of brightness, colour and opacity, and a picture of all channels before the last
        // conversion.
        ImageFormat::WebP => 3 * output,
        // A first picture that does not fill the screen is decoded for itself.
        ImageFormat::Gif => 2 * output,
        // All strips or planes, four components where there are three in the output; the colours of a
        // palette.
        ImageFormat::Tiff => output + output * 4 / 3 + 2,
        _ => output,
    }
}
