//! A batch of images as one picture.

use std::path::Path;

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

use crate::error::{Error, Result};
use crate::models::ImageShape;

/// Longest side of a picture in pixels: more is a mistake in the settings.
const LONGEST: usize = 32_768;

/// What a pixel that is not a number looks like: magenta, which neither greys nor photographs hold.
const NOT_A_NUMBER: [u8; 3] = [255, 0, 255];

/// The colour between images, and of empty places.
const BACKGROUND: [u8; 3] = [255, 255, 255];

/// How images are laid out and coloured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GridStyle {
    /// The values of black and of white. They are fixed, never taken from the batch, so that pictures
    /// of different steps can be compared and a generator that has gone grey looks grey.
    pub range: (f32, f32),
    /// Images in a row.
    pub columns: usize,
    /// Pixels between images and around them (not enlarged).
    pub padding: usize,
    /// How many pixels wide and high a pixel of an image is drawn.
    pub scale: usize,
}

impl Default for GridStyle {
    /// Values −1 to 1 (a generator that ends in tanh), 8 columns, 2 pixels between images, not
    /// enlarged.
    fn default() -> Self {
        Self {
            range: (-1.0, 1.0),
            columns: 8,
            padding: 2,
            scale: 1,
        }
    }
}

/// A picture of red, green and blue bytes, made by [`image_grid`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

impl Picture {
    /// Its width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Its height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Red, green and blue of the pixel in column `x` and row `y`, both counted from 0 at the top
    /// left; `None` outside.
    pub fn pixel(&self, x: usize, y: usize) -> Option<[u8; 3]> {
        if x >= self.width || y >= self.height {
            return None;
        }
        let at = 3 * (y * self.width + x);
        Some([self.rgb[at], self.rgb[at + 1], self.rgb[at + 2]])
    }

    /// Writes the picture as PNG, creating the folders above it.
    ///
    /// # Errors
    /// [`Error::Plot`] where encoding fails, [`Error::Io`] where the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let mut bytes = Vec::new();
        // The sides are at most LONGEST, so that the casts are exact.
        PngEncoder::new(&mut bytes)
            .write_image(
                &self.rgb,
                self.width as u32,
                self.height as u32,
                ExtendedColorType::Rgb8,
            )
            .map_err(|error| Error::Plot {
                path: path.to_owned(),
                problem: error.to_string(),
            })?;
        crate::files::write_whole(path, &bytes)
    }

    /// Fills the square of side `side` whose top left corner is at `(x, y)`.
    fn fill(&mut self, (x, y): (usize, usize), side: usize, color: [u8; 3]) {
        for row in y..y + side {
            let start = 3 * (row * self.width + x);
            for pixel in self.rgb[start..start + 3 * side].chunks_exact_mut(3) {
                pixel.copy_from_slice(&color);
            }
        }
    }
}

/// Lays a batch of images out in rows, on a fixed scale of values.
///
/// `pixels` holds the images one after another, each of shape `[channels, height, width]` in row-major
/// order: the values of a tensor `[batch, channels, height, width]`. A value `v` becomes the byte
/// `255 (v − low) / (high − low)`, rounded; values outside the range are drawn as its end, and a pixel
/// with a NaN in magenta. Places without an image stay white.
///
/// # Errors
/// [`Error::Setting`] when there are no images or their values do not fill whole ones, when the shape
/// is not of 1 or 3 channels of at least one pixel, the range is empty or not finite, columns or scale
/// are 0, or the picture would be longer than 32768 pixels on a side.
///
/// ```
/// use burn_gan::models::ImageShape;
/// use burn_gan::plot::{GridStyle, image_grid};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("samples.png");
/// // Ten grey images of 4 × 4 pixels, each darker than the one before.
/// let pixels: Vec<f32> = (0..10).flat_map(|k| [1.0 - 0.2 * k as f32; 16]).collect();
/// let shape = ImageShape { channels: 1, height: 4, width: 4 };
/// let style = GridStyle { columns: 5, scale: 3, ..GridStyle::default() };
///
/// let picture = image_grid(&pixels, shape, &style)?;
/// assert_eq!((picture.width(), picture.height()), (5 * (12 + 2) + 2, 2 * (12 + 2) + 2));
/// assert_eq!(picture.pixel(2, 2), Some([255; 3]));
/// picture.save(&path)?;
/// # Ok::<(), burn_gan::Error>(())
/// ```
pub fn image_grid(pixels: &[f32], shape: ImageShape, style: &GridStyle) -> Result<Picture> {
    let each = check(pixels, shape, style)?;
    let count = pixels.len() / each;
    let columns = style.columns.min(count);
    let side = |field: &str, images: usize, length: usize| {
        (length.checked_mul(style.scale))
            .and_then(|drawn| drawn.checked_add(style.padding))
            .and_then(|pitch| pitch.checked_mul(images))
            .and_then(|all| all.checked_add(style.padding))
            .filter(|&all| all <= LONGEST)
            .ok_or_else(|| {
                let problem = format!(
                    "{images} images of {length} pixels at scale {} are longer than {LONGEST} pixels",
                    style.scale
                );
                Error::setting(field, length, problem)
            })
    };
    let width = side("shape.width", columns, shape.width)?;
    let height = side("shape.height", count.div_ceil(columns), shape.height)?;

    let mut picture = Picture {
        width,
        height,
        rgb: BACKGROUND.repeat(width * height),
    };
    for (index, image) in pixels.chunks_exact(each).enumerate() {
        let (row, column) = (index / columns, index % columns);
        let left = style.padding + column * (shape.width * style.scale + style.padding);
        let top = style.padding + row * (shape.height * style.scale + style.padding);
        for y in 0..shape.height {
            for x in 0..shape.width {
                let color = color(image, shape, (x, y), style.range);
                let at = (left + x * style.scale, top + y * style.scale);
                picture.fill(at, style.scale, color);
            }
        }
    }
    Ok(picture)
}

/// Refuses what no picture can be made of; returns the numbers in one image.
fn check(pixels: &[f32], shape: ImageShape, style: &GridStyle) -> Result<usize> {
    if shape.channels != 1 && shape.channels != 3 {
        let problem = "must be 1 (grey) or 3 (red, green, blue)";
        return Err(Error::setting("shape.channels", shape.channels, problem));
    }
    let values = shape.channels.checked_mul(shape.height);
    let values = values.and_then(|rows| rows.checked_mul(shape.width));
    let each = values.filter(|&each| each > 0).ok_or_else(|| {
        let value = format!("{} × {}", shape.height, shape.width);
        Error::setting("shape", value, "an image has at least one pixel")
    })?;
    if pixels.is_empty() || !pixels.len().is_multiple_of(each) {
        let problem = format!(
            "must be the values of one or more whole images of {each} = {} × {} × {}",
            shape.channels, shape.height, shape.width
        );
        return Err(Error::setting(
            "pixels",
            format!("{} values", pixels.len()),
            problem,
        ));
    }
    let (low, high) = style.range;
    // NaN and infinite ends give no finite width, and −3e38 to 3e38 has none in f32 either.
    let width = high - low;
    if !width.is_finite() || width <= 0.0 {
        let value = format!("({low}, {high})");
        return Err(Error::setting(
            "style.range",
            value,
            "must be finite, the first below the second",
        ));
    }
    crate::error::check::at_least("style.columns", style.columns, 1)?;
    crate::error::check::at_least("style.scale", style.scale, 1)?;
    Ok(each)
}

/// The colour of one pixel of an image.
fn color(
    image: &[f32],
    shape: ImageShape,
    (x, y): (usize, usize),
    (low, high): (f32, f32),
) -> [u8; 3] {
    let plane = shape.height * shape.width;
    let value = |channel: usize| image[channel * plane + y * shape.width + x];
    let byte = |value: f32| {
        (255.0 * (value - low) / (high - low))
            .clamp(0.0, 255.0)
            .round() as u8
    };
    let values = match shape.channels {
        1 => [value(0); 3],
        _ => [value(0), value(1), value(2)],
    };
    if values.iter().any(|value| value.is_nan()) {
        return NOT_A_NUMBER;
    }
    values.map(byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: ImageShape = ImageShape {
        channels: 1,
        height: 1,
        width: 1,
    };

    fn style(columns: usize, padding: usize, scale: usize) -> GridStyle {
        GridStyle {
            range: (-1.0, 1.0),
            columns,
            padding,
            scale,
        }
    }

    #[test]
    fn values_have_a_fixed_scale_and_are_clamped() {
        let values = [
            -1.0,
            0.0,
            1.0,
            -7.0,
            7.0,
            f32::INFINITY,
            f32::NEG_INFINITY,
            0.2,
        ];
        let picture = image_grid(&values, ONE, &style(8, 0, 1)).unwrap();
        let grey: Vec<u8> = (0..8).map(|x| picture.pixel(x, 0).unwrap()[0]).collect();
        assert_eq!(grey, [0, 128, 255, 0, 255, 255, 0, 153]);
        // The same value looks the same whatever stands next to it.
        let alone = image_grid(&[0.2], ONE, &style(8, 0, 1)).unwrap();
        assert_eq!(alone.pixel(0, 0), Some([153; 3]));
    }

    #[test]
    fn nan_is_magenta_in_any_channel() {
        let shape = ImageShape {
            channels: 3,
            height: 1,
            width: 2,
        };
        let values = [1.0, 1.0, -1.0, f32::NAN, -1.0, -1.0];
        let picture = image_grid(&values, shape, &style(1, 0, 1)).unwrap();
        assert_eq!(picture.pixel(0, 0), Some([255, 0, 0]));
        assert_eq!(picture.pixel(1, 0), Some([255, 0, 255]));
    }

    #[test]
    fn images_stand_where_they_should() {
        let shape = ImageShape {
            channels: 1,
            height: 1,
            width: 2,
        };
        // Three images in two columns, one pixel between, each pixel drawn 2 × 2.
        let values = [-1.0, 0.0, -1.0, -1.0, 0.0, -1.0];
        let picture = image_grid(&values, shape, &style(2, 1, 2)).unwrap();
        assert_eq!((picture.width(), picture.height()), (11, 7));
        let rows: Vec<String> = (0..7)
            .map(|y| {
                (0..11)
                    .map(|x| match picture.pixel(x, y).unwrap()[0] {
                        0 => '#',
                        128 => '+',
                        _ => '.',
                    })
                    .collect()
            })
            .collect();
        assert_eq!(
            rows,
            [
                "...........",
                ".##++.####.",
                ".##++.####.",
                "...........",
                ".++##......",
                ".++##......",
                "...........",
            ]
        );
        assert_eq!(picture.pixel(11, 0), None);
        assert_eq!(picture.pixel(0, 7), None);
    }

    #[test]
    fn a_saved_picture_is_read_back_the_same() {
        let shape = ImageShape {
            channels: 3,
            height: 2,
            width: 1,
        };
        let values: Vec<f32> = (0..30).map(|k| k as f32 / 15.0 - 1.0).collect();
        let picture = image_grid(&values, shape, &style(3, 1, 1)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/folder/grid.png");
        picture.save(&path).unwrap();
        let read = image::open(&path).unwrap().to_rgb8();
        assert_eq!(read.dimensions(), (7, 7));
        assert_eq!(read.into_raw(), picture.rgb);
    }

    #[test]
    fn impossible_grids_are_refused_by_name() {
        let refused = |values: &[f32], shape, style: GridStyle| {
            image_grid(values, shape, &style).unwrap_err().to_string()
        };
        let shape = |channels, height, width| ImageShape {
            channels,
            height,
            width,
        };
        let plain = style(2, 1, 1);
        assert!(refused(&[], ONE, plain).contains("`pixels`"));
        assert!(refused(&[0.0; 5], shape(1, 2, 2), plain).contains("`pixels` = 5 values"));
        assert!(refused(&[0.0; 4], shape(2, 1, 1), plain).contains("`shape.channels` = 2"));
        assert!(refused(&[0.0; 4], shape(1, 0, 1), plain).contains("`shape`"));
        assert!(refused(&[0.0], shape(1, usize::MAX, 2), plain).contains("`shape`"));
        assert!(refused(&[0.0], ONE, style(0, 1, 1)).contains("`style.columns`"));
        assert!(refused(&[0.0], ONE, style(1, 1, 0)).contains("`style.scale`"));
        assert!(refused(&[0.0], ONE, style(1, 1, usize::MAX)).contains("longer than"));
        for range in [
            (1.0, 1.0),
            (1.0, -1.0),
            (f32::NAN, 1.0),
            (f32::MIN, f32::MAX),
        ] {
            let style = GridStyle { range, ..plain };
            assert!(refused(&[0.0], ONE, style).contains("`style.range`"));
        }
    }
}
