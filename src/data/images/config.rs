//! How a picture becomes a sample.

use std::path::Path;

use serde::Serialize;

use super::{decode, header, scale};
use crate::data::{ImageShape, PixelRange};
use crate::error::{Error, Result};
use crate::settings::settings;
use crate::{files, sizes};

settings! {
/// The channels of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageColor {
    /// One channel, the luma of ITU-R BT.601: `0.299 R + 0.587 G + 0.114 B`.
    Grey,
    /// Red, green and blue. What is not opaque is laid over the background.
    #[default]
    Rgb,
    /// Red, green, blue and opacity (not multiplied into the colours). Where a pixel can't be seen
    /// at all, its colour is the background, whatever the file hides there.
    Rgba,
}
}

impl ImageColor {
    /// The number of channels.
    pub fn channels(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }
}

settings! {
/// How a picture of another shape than the sample's fills it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// The largest part of the sample's shape is cut out of the middle and resized.
    #[default]
    Crop,
    /// The whole picture is resized, and a border of the background (transparent in
    /// [`ImageColor::Rgba`]) fills what is left at two of its sides.
    Border,
    /// The whole picture is resized, its sides each by a factor of its own.
    Stretch,
}
}

settings! {
/// What a picture is resized with. All but [`Nearest`](Self::Nearest) look at every pixel of the
/// picture, so that nothing aliases however much smaller the sample is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ResizeFilter {
    /// The sharpest, with three lobes (PIL's `LANCZOS`).
    #[default]
    Lanczos,
    /// A cubic of Keys' with a = −0.5 (PIL's `BICUBIC`).
    Bicubic,
    /// A triangle (PIL's `BILINEAR`).
    Bilinear,
    /// The mean of the pixels under each of the sample's (PIL's `BOX`).
    Box,
    /// The pixel in the middle: for pixel art that is enlarged by a whole factor.
    Nearest,
}
}

settings! {
/// How a picture becomes a sample: its size, its channels, its numbers.
///
/// Files are decoded to 8 bits a channel, turned upright by their EXIF orientation, brought to the
/// channels of [`color`](Self::color), then to the size. Colour profiles are not applied. The first
/// picture of an animation is taken.
///
/// ```
/// use burn_gan::data::{Fit, ImageColor, ImageConfig};
///
/// let icons = ImageConfig::new(32, 32)
///     .with_color(ImageColor::Rgba)
///     .with_fit(Fit::Border);
/// assert_eq!(icons.shape().channels, 4);
/// icons.validate()?;
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImageConfig {
    /// Rows of a sample.
    pub height: usize,
    /// Columns of a sample.
    pub width: usize,
    /// Its channels; RGB by default.
    pub color: ImageColor,
    /// Red, green and blue of what lies behind pictures that are not opaque, and of borders; white
    /// by default.
    pub background: [u8; 3],
    /// How a picture of another shape fills the sample; by its middle by default.
    pub fit: Fit,
    /// What it is resized with; Lanczos' filter by default.
    pub filter: ResizeFilter,
    /// The numbers that the bytes 0 to 255 become; [−1, 1] by default.
    pub range: PixelRange,
    /// Whether each picture is in the data set twice, the second time with left and right exchanged
    /// (horizontal flips; `xflip` of StyleGAN's programs). Off by default: letters and road signs
    /// have a left and a right.
    pub mirror: bool,
}
}

impl ImageConfig {
    /// Samples of `height` rows and `width` columns, in RGB, with the defaults of the fields above.
    pub fn new(height: usize, width: usize) -> Self {
        Self {
            height,
            width,
            color: ImageColor::default(),
            background: [255; 3],
            fit: Fit::default(),
            filter: ResizeFilter::default(),
            range: PixelRange::default(),
            mirror: false,
        }
    }

    /// The channels of a sample.
    pub fn with_color(mut self, color: ImageColor) -> Self {
        self.color = color;
        self
    }

    /// What lies behind pictures that are not opaque, and what borders are made of.
    pub fn with_background(mut self, background: [u8; 3]) -> Self {
        self.background = background;
        self
    }

    /// How a picture of another shape fills the sample.
    pub fn with_fit(mut self, fit: Fit) -> Self {
        self.fit = fit;
        self
    }

    /// What pictures are resized with.
    pub fn with_filter(mut self, filter: ResizeFilter) -> Self {
        self.filter = filter;
        self
    }

    /// The numbers that bytes become.
    pub fn with_range(mut self, range: PixelRange) -> Self {
        self.range = range;
        self
    }

    /// Whether each picture is there as it is and mirrored.
    pub fn with_mirror(mut self, mirror: bool) -> Self {
        self.mirror = mirror;
        self
    }

    /// The shape of a sample.
    pub fn shape(&self) -> ImageShape {
        ImageShape::new([self.color.channels(), self.height, self.width])
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// If a side is 0 or above 2²⁴, or a sample has more than 2²⁴ numbers.
    pub fn validate(&self) -> Result<()> {
        sizes::size("height", self.height)?;
        sizes::size("width", self.width)?;
        let shape = [self.color.channels(), self.height, self.width];
        sizes::shape("size", &shape).map(|_| ())
    }

    /// The sample that one file becomes, as bytes `[channels, height, width]`.
    ///
    /// Memory is bounded as by [`ImageFolder::with_decode_limit`](super::ImageFolder): 64 MiB for
    /// files below one MiB.
    ///
    /// ```
    /// use burn_gan::data::{ImageColor, ImageConfig};
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("dot.bmp");
    /// // A bitmap of one pixel.
    /// let mut file = b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\x18\0".to_vec();
    /// file.extend([0; 24]);
    /// file.extend([10, 20, 30, 0]);
    /// std::fs::write(&path, file).unwrap();
    /// let pixels = ImageConfig::new(1, 2).read(&path)?;
    /// // Red, red, green, green, blue, blue.
    /// assert_eq!(pixels, [30, 30, 20, 20, 10, 10]);
    /// # Ok::<(), burn_gan::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the settings are refused, or the file can't be read, is no picture of a format that is
    /// read (PNG, JPEG, WebP, GIF, BMP, TIFF), is damaged, or would take more memory: the file and
    /// why.
    pub fn read(&self, path: impl AsRef<Path>) -> Result<Vec<u8>> {
        self.validate()?;
        self.read_within(path.as_ref(), None)
    }

    /// [`read`](Self::read), with a limit of the user's on the memory.
    pub(super) fn read_within(&self, path: &Path, limit: Option<u64>) -> Result<Vec<u8>> {
        let bytes = files::read(path).map_err(|error| Error::io(path, error))?;
        let limit = limit.unwrap_or_else(|| header::limit_of(bytes.len() as u64));
        let raster = decode::decode(bytes, self, limit);
        let raster = raster.map_err(|problem| Error::data(path, problem))?;
        Ok(scale::sample(raster, self))
    }
}
