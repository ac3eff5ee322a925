//! A batch of images as one picture.

use std::path::Path;

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

use crate::data::ImageShape;
use crate::error::{Error, Result};

/// Longest side of a picture in pixels: more is a mistake in the settings.
const LONGEST: usize = 32_768;

/// What a pixel that is not a number looks like: magenta, which neither greys nor photographs hold.
const NOT_A_NUMBER: [u8; 3] = [255, 0, 255];

/// The colour between images, and of empty places.
const BACKGROUND: [u8; 3] = [255, 255, 255];

/// Most pixels in a picture, three bytes each: more is a mistake in the settings too.
const MOST: usize = 100_000_000;

/// Channels that are drawn side by side; of more there are rows.
const IN_A_ROW: usize = 8;

/// The two shades of what is seen through an image that is not opaque, and the side of its squares
/// in pixels of the image.
const GROUND: [f32; 2] = [1.0, 0.8];
const SQUARE: usize = 4;

/// How many images a picture has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GridSize {
    /// Rows of images.
    pub rows: usize,
    /// Images in a row.
    pub columns: usize,
}

impl GridSize {
    /// So many rows of so many images.
    pub fn new(rows: usize, columns: usize) -> Self {
        Self { rows, columns }
    }
}

/// How images are laid out and coloured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GridStyle {
    /// The values of black and of white. They are fixed, never taken from the batch, so that
    /// pictures of different steps can be compared and a generator that has gone grey looks grey.
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
/// `pixels` holds the images one after another, each of shape `[channels, height, width]` in
/// row-major order: the values of a tensor `[batch, channels, height, width]`. A value `v` becomes
/// the byte `255 (v − low) / (high − low)`, rounded; values outside the range are drawn as its end,
/// and a pixel with a NaN in magenta. Places without an image stay white.
///
/// | channels | drawn as |
/// |---|---|
/// | 1 | grey |
/// | 2 | grey and opacity, over a chequered ground |
/// | 3 | red, green, blue |
/// | 4 | red, green, blue and opacity, over a chequered ground |
/// | more | each channel in grey: up to 8 side by side, more in rows that make about a square |
///
/// Opacity is 0 at the low end of the range and 1 at the high one.
///
/// # Errors
/// [`Error::Setting`] when there are no images or their values do not fill whole ones, when an
/// image has no pixel, the range is empty or not finite, columns or scale are 0, or the picture
/// would be longer than 32,768 pixels on a side or hold more than 100,000,000 pixels (300 MB in
/// memory).
///
/// ```
/// use burn_gan::data::ImageShape;
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
    let each = numbers_of(shape)?;
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
    let layout = Layout::of(pixels.len() / each, shape, style)?;
    let mut picture = Picture {
        width: layout.width,
        height: layout.height,
        rgb: BACKGROUND.repeat(layout.width * layout.height),
    };
    let [wide, tall] = layout.image;
    for (index, image) in pixels.chunks_exact(each).enumerate() {
        let (row, column) = (index / layout.columns, index % layout.columns);
        let left = style.padding + column * (wide * style.scale + style.padding);
        let top = style.padding + row * (tall * style.scale + style.padding);
        for y in 0..tall {
            for x in 0..wide {
                if let Some(color) = layout.channels.color(image, shape, (x, y), style.range) {
                    let at = (left + x * style.scale, top + y * style.scale);
                    picture.fill(at, style.scale, color);
                }
            }
        }
    }
    Ok(picture)
}

/// Refuses a grid of so many images that can't be drawn, as [`image_grid`] would.
pub(crate) fn check_grid(images: usize, shape: ImageShape, style: &GridStyle) -> Result<()> {
    Layout::of(images, shape, style).map(|_| ())
}

/// The numbers in one image; refuses one without a pixel.
fn numbers_of(shape: ImageShape) -> Result<usize> {
    let values = shape.channels.checked_mul(shape.height);
    let values = values.and_then(|rows| rows.checked_mul(shape.width));
    values.filter(|&each| each > 0).ok_or_else(|| {
        let value = format!("{} × {} × {}", shape.channels, shape.height, shape.width);
        Error::setting(
            "shape",
            value,
            "an image has at least one channel and one pixel, and no more than can be counted",
        )
    })
}

/// Where everything in a picture lies.
struct Layout {
    width: usize,
    height: usize,
    /// Images in a row.
    columns: usize,
    /// Width and height of an image, not enlarged, its channels laid out.
    image: [usize; 2],
    channels: Channels,
}

impl Layout {
    fn of(count: usize, shape: ImageShape, style: &GridStyle) -> Result<Self> {
        numbers_of(shape)?;
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

        let channels = Channels::of(shape.channels);
        let [across, down] = channels.tiles(shape.channels);
        let columns = style.columns.min(count.max(1));
        let side = |field: &str, images: usize, length: usize, tiles: usize| {
            (length.checked_mul(tiles))
                .and_then(|image| image.checked_mul(style.scale))
                .and_then(|drawn| drawn.checked_add(style.padding))
                .and_then(|pitch| pitch.checked_mul(images))
                .and_then(|all| all.checked_add(style.padding))
                .filter(|&all| all <= LONGEST)
                .ok_or_else(|| {
                    let each = match tiles {
                        1 => format!("{length} pixels"),
                        _ => format!("{tiles} channels of {length} pixels"),
                    };
                    let problem = format!(
                        "{images} images of {each} at scale {} are longer than {LONGEST} pixels: \
                         draw fewer of them or at a smaller scale",
                        style.scale
                    );
                    Error::setting(field, length, problem)
                })
        };
        let width = side("shape.width", columns, shape.width, across)?;
        let rows = count.div_ceil(columns);
        let height = side("shape.height", rows, shape.height, down)?;
        if width * height > MOST {
            return Err(Error::setting(
                "shape",
                format!("{} × {}", shape.height, shape.width),
                format!(
                    "{count} images at scale {} make a picture of {width} × {height} pixels, more \
                     than {MOST}: draw fewer of them or at a smaller scale",
                    style.scale
                ),
            ));
        }
        Ok(Self {
            width,
            height,
            columns,
            // Not longer than the sides above.
            image: [shape.width * across, shape.height * down],
            channels,
        })
    }
}

/// How the channels of an image become colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Channels {
    /// Grey, or red, green and blue.
    Color,
    /// The same, and opacity as the last channel.
    Opacity,
    /// Each for itself in grey, so many in a row.
    Apart(usize),
}

impl Channels {
    fn of(count: usize) -> Self {
        match count {
            1 | 3 => Self::Color,
            2 | 4 => Self::Opacity,
            0..=IN_A_ROW => Self::Apart(count),
            _ => Self::Apart(count.isqrt() + usize::from(!is_square(count))),
        }
    }

    /// How many images wide and high an image's channels take.
    fn tiles(self, count: usize) -> [usize; 2] {
        match self {
            Self::Color | Self::Opacity => [1, 1],
            Self::Apart(columns) => [columns, count.div_ceil(columns.max(1))],
        }
    }

    /// The colour of one pixel of an image; `None` where it has none.
    fn color(
        self,
        image: &[f32],
        shape: ImageShape,
        (x, y): (usize, usize),
        (low, high): (f32, f32),
    ) -> Option<[u8; 3]> {
        let plane = shape.height * shape.width;
        let (tile_x, tile_y) = (x / shape.width, y / shape.height);
        let (x, y) = (x % shape.width, y % shape.height);
        // From 0 to 1.
        let level = |channel: usize| {
            let value = image[channel * plane + y * shape.width + x];
            // `clamp` lets NaN pass.
            ((value - low) / (high - low)).clamp(0.0, 1.0)
        };
        let colors = |count: usize| match count {
            1 => [level(0); 3],
            _ => [level(0), level(1), level(2)],
        };
        let levels = match self {
            Self::Color => colors(shape.channels),
            Self::Opacity => {
                let opacity = level(shape.channels - 1);
                let ground = GROUND[(x / SQUARE + y / SQUARE) % 2];
                colors(shape.channels - 1).map(|level| opacity * level + (1.0 - opacity) * ground)
            }
            Self::Apart(columns) => {
                let channel = tile_y * columns + tile_x;
                if channel >= shape.channels {
                    return None;
                }
                [level(channel); 3]
            }
        };
        if levels.iter().any(|level| level.is_nan()) {
            return Some(NOT_A_NUMBER);
        }
        Some(levels.map(|level| (255.0 * level).round() as u8))
    }
}

fn is_square(count: usize) -> bool {
    count.isqrt().pow(2) == count
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

    fn shape(channels: usize, height: usize, width: usize) -> ImageShape {
        ImageShape {
            channels,
            height,
            width,
        }
    }

    #[test]
    fn a_last_channel_of_two_or_four_is_opacity_over_a_chequered_ground() {
        // Grey 153, white: through nothing, half and all of it; five pixels, so that the ground
        // changes.
        let grey = [0.2, 0.2, 1.0, 1.0, 1.0];
        let opacity = [1.0, 0.0, -1.0, 0.0, -1.0];
        let picture = image_grid(&[grey, opacity].concat(), shape(2, 1, 5), &style(1, 0, 1));
        let picture = picture.unwrap();
        let row: Vec<u8> = (0..5).map(|x| picture.pixel(x, 0).unwrap()[0]).collect();
        // 153 itself; (153 + 255) / 2; the light ground; white over white; the dark ground, 0.8 ·
        // 255.
        assert_eq!(row, [153, 204, 255, 255, 204]);

        // Red, opaque and half so over white: 255, (0 + 255) / 2 = 127.5, rounded up.
        let values = [1.0, 1.0, -1.0, -1.0, -1.0, -1.0, 1.0, 0.0];
        let picture = image_grid(&values, shape(4, 1, 2), &style(1, 0, 1)).unwrap();
        assert_eq!(picture.pixel(0, 0), Some([255, 0, 0]));
        assert_eq!(picture.pixel(1, 0), Some([255, 128, 128]));
        // A NaN in the opacity is one too, even where the ground alone would be seen.
        let picture = image_grid(&[0.0, f32::NAN], shape(2, 1, 1), &style(1, 0, 1)).unwrap();
        assert_eq!(picture.pixel(0, 0), Some(NOT_A_NUMBER));
    }

    #[test]
    fn other_channels_are_drawn_in_grey_side_by_side_or_in_rows() {
        // Two images of five channels of one pixel, whose values rise from channel to channel.
        let values: Vec<f32> = (0..10).map(|k| (k % 5) as f32 / 2.0 - 1.0).collect();
        let picture = image_grid(&values, shape(5, 1, 1), &style(2, 1, 1)).unwrap();
        assert_eq!((picture.width(), picture.height()), (2 * (5 + 1) + 1, 3));
        let row: Vec<u8> = (0..13).map(|x| picture.pixel(x, 1).unwrap()[1]).collect();
        let image = [0, 64, 128, 191, 255];
        assert_eq!(row, [&[255][..], &image, &[255], &image, &[255]].concat());

        // Eleven channels: four in a row, the last place empty.
        let values: Vec<f32> = vec![-1.0; 11 * 6];
        let picture = image_grid(&values, shape(11, 2, 3), &style(1, 0, 1)).unwrap();
        assert_eq!((picture.width(), picture.height()), (4 * 3, 3 * 2));
        assert_eq!(picture.pixel(8, 5), Some([0; 3]));
        assert_eq!(picture.pixel(9, 4), Some([255; 3]));
        let sixteen = image_grid(&[0.0; 16], shape(16, 1, 1), &style(1, 0, 1)).unwrap();
        assert_eq!((sixteen.width(), sixteen.height()), (4, 4));
    }

    #[test]
    fn a_picture_is_refused_before_it_is_drawn_where_it_is_too_large() {
        // Both sides are allowed by themselves.
        let refused = check_grid(1024, shape(3, 512, 512), &style(32, 0, 2));
        let message = refused.unwrap_err().to_string();
        assert!(message.contains("32768 × 32768 pixels"), "{message}");
        assert!(check_grid(1024, shape(3, 512, 512), &style(1024, 0, 1)).is_err());
        assert!(check_grid(64, shape(3, 512, 512), &style(8, 2, 1)).is_ok());
        // Channels count where they are drawn side by side.
        assert!(check_grid(1, shape(8, 1, 8192), &style(1, 0, 1)).is_err());
        assert!(check_grid(1, shape(4, 1, 8192), &style(1, 0, 1)).is_ok());
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
        let plain = style(2, 1, 1);
        assert!(refused(&[], ONE, plain).contains("`pixels`"));
        assert!(refused(&[0.0; 5], shape(1, 2, 2), plain).contains("`pixels` = 5 values"));
        assert!(refused(&[0.0; 4], shape(0, 1, 1), plain).contains("`shape` = 0 × 1 × 1"));
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
