//! Pixels brought to the sample's size, upright.

use fast_image_resize::images::Image;
use fast_image_resize::{FilterType, MulDiv, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::metadata::Orientation;

use super::config::{Fit, ImageColor, ImageConfig, ResizeFilter};
use super::decode::Raster;

/// The sample that a picture becomes, `[channels, height, width]`.
pub(super) fn sample(raster: Raster, config: &ImageConfig) -> Vec<u8> {
    let (orientation, channels) = (raster.orientation, raster.channels);
    // It is resized as it lies, which leaves fewer pixels to turn.
    let lies = lying([config.width, config.height], orientation);
    let (size, part) = layout([raster.width, raster.height], lies, config.fit);
    let pixels = resized(raster, size, part, config.filter);
    let upright = turned(&pixels, size, channels, orientation);
    planes(&upright, lying(size, orientation), channels, config)
}

/// A part of a picture: left, top, width and height.
type Part = [f64; 4];

/// The size, width first, of a picture that lies as `orientation` stands upright.
fn lying([width, height]: [usize; 2], orientation: Orientation) -> [usize; 2] {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    match orientation {
        Rotate90 | Rotate90FlipH | Rotate270 | Rotate270FlipH => [height, width],
        _ => [width, height],
    }
}

/// The size that a picture is resized to, and which part of it.
fn layout(from: [u32; 2], to: [usize; 2], fit: Fit) -> ([usize; 2], Part) {
    let [width, height] = from.map(f64::from);
    let [across, down] = to.map(|side| side as f64);
    let whole = [0.0, 0.0, width, height];
    let (least, most) = {
        let (x, y) = (across / width, down / height);
        (x.min(y), x.max(y))
    };
    match fit {
        Fit::Stretch => (to, whole),
        Fit::Crop => {
            let (wide, tall) = ((across / most).min(width), (down / most).min(height));
            let part = [(width - wide) / 2.0, (height - tall) / 2.0, wide, tall];
            (to, part)
        }
        Fit::Border => {
            let side =
                |length: f64, most: usize| ((length * least).round() as usize).clamp(1, most);
            ([side(width, to[0]), side(height, to[1])], whole)
        }
    }
}

fn resized(raster: Raster, to: [usize; 2], part: Part, filter: ResizeFilter) -> Vec<u8> {
    let Raster {
        width,
        height,
        channels,
        pixels,
        ..
    } = raster;
    let whole = [0.0, 0.0, f64::from(width), f64::from(height)];
    if to == [width as usize, height as usize] && part == whole {
        return pixels;
    }
    let kind = match channels {
        1 => PixelType::U8,
        3 => PixelType::U8x3,
        _ => PixelType::U8x4,
    };
    // A filter takes the mean of colours by how much they are seen.
    let opacity = channels == 4 && filter != ResizeFilter::Nearest;
    let mut from = Image::from_vec_u8(width, height, pixels, kind)
        .expect("the decoder's size and its number of bytes go together");
    // Sides of samples are below 2²⁴.
    let mut target = Image::new(to[0] as u32, to[1] as u32, kind);
    let alpha = MulDiv::new();
    if opacity {
        alpha
            .multiply_alpha_inplace(&mut from)
            .expect("four channels have opacity");
    }
    let [left, top, wide, tall] = part;
    let options = ResizeOptions::new()
        .resize_alg(algorithm(filter))
        .crop(left, top, wide, tall)
        .use_alpha(false);
    Resizer::new()
        .resize(&from, &mut target, &options)
        .expect("both pictures are of one kind, and the part lies in the first");
    if opacity {
        alpha
            .divide_alpha_inplace(&mut target)
            .expect("four channels have opacity");
    }
    target.into_vec()
}

fn algorithm(filter: ResizeFilter) -> ResizeAlg {
    ResizeAlg::Convolution(match filter {
        ResizeFilter::Lanczos => FilterType::Lanczos3,
        ResizeFilter::Bicubic => FilterType::CatmullRom,
        ResizeFilter::Bilinear => FilterType::Bilinear,
        ResizeFilter::Box => FilterType::Box,
        ResizeFilter::Nearest => return ResizeAlg::Nearest,
    })
}

/// The picture upright. `[width, height]` is its size as it lies.
fn turned(
    pixels: &[u8],
    [width, height]: [usize; 2],
    channels: usize,
    orientation: Orientation,
) -> Vec<u8> {
    use Orientation::{
        FlipHorizontal, FlipVertical, NoTransforms, Rotate90, Rotate90FlipH, Rotate180, Rotate270,
        Rotate270FlipH,
    };
    let [wide, tall] = lying([width, height], orientation);
    // Where the pixel at (x, y) of the upright picture lies.
    let lies = |x: usize, y: usize| match orientation {
        NoTransforms => (x, y),
        FlipHorizontal => (width - 1 - x, y),
        FlipVertical => (x, height - 1 - y),
        Rotate180 => (width - 1 - x, height - 1 - y),
        Rotate90 => (y, height - 1 - x),
        Rotate270 => (width - 1 - y, x),
        Rotate90FlipH => (y, x),
        Rotate270FlipH => (width - 1 - y, height - 1 - x),
    };
    let places = (0..tall).flat_map(|y| (0..wide).map(move |x| (x, y)));
    let mut upright = Vec::with_capacity(pixels.len());
    for (x, y) in places {
        let (x, y) = lies(x, y);
        let at = channels * (y * width + x);
        upright.extend_from_slice(&pixels[at..at + channels]);
    }
    upright
}

/// The sample's channels one after the other, with the border where there is one.
fn planes(
    pixels: &[u8],
    [width, height]: [usize; 2],
    channels: usize,
    config: &ImageConfig,
) -> Vec<u8> {
    let count = config.color.channels();
    let plane = config.height * config.width;
    let mut sample = Vec::with_capacity(count * plane);
    for channel in 0..count {
        let border = match (config.color, channel) {
            (ImageColor::Grey, _) => super::colour::luma(config.background),
            (_, 3) => 0,
            (_, channel) => config.background[channel],
        };
        sample.resize((channel + 1) * plane, border);
        let (left, top) = ((config.width - width) / 2, (config.height - height) / 2);
        let plane = &mut sample[channel * plane..];
        for (y, row) in pixels.chunks_exact(channels * width).enumerate() {
            let start = (top + y) * config.width + left;
            let places = &mut plane[start..start + width];
            for (place, pixel) in places.iter_mut().zip(row.chunks_exact(channels)) {
                *place = match (channels, channel) {
                    // Opaque.
                    (1 | 3, 3) => 255,
                    (1, _) => pixel[0],
                    _ => pixel[channel],
                };
            }
        }
    }
    // Where nothing is seen, a filter leaves black.
    if let (ImageColor::Rgba, 4) = (config.color, channels) {
        let (colors, alpha) = sample.split_at_mut(3 * plane);
        for (channel, colors) in colors.chunks_exact_mut(plane).enumerate() {
            let hidden = colors
                .iter_mut()
                .zip(&*alpha)
                .filter(|(_, alpha)| **alpha == 0);
            hidden.for_each(|(color, _)| *color = config.background[channel]);
        }
    }
    sample
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raster(width: u32, height: u32, channels: usize, pixels: &[u8]) -> Raster {
        Raster {
            width,
            height,
            channels,
            pixels: pixels.to_vec(),
            orientation: Orientation::NoTransforms,
        }
    }

    fn grey(height: usize, width: usize) -> ImageConfig {
        ImageConfig::new(height, width)
            .with_color(ImageColor::Grey)
            .with_background([9; 3])
    }

    #[test]
    fn a_picture_is_turned_by_its_orientation_as_exif_numbers_them() {
        // 1 2 3
        // 4 5 6
        let pixels = [1, 2, 3, 4, 5, 6];
        for (number, upright) in [
            (1, [1, 2, 3, 4, 5, 6]),
            (2, [3, 2, 1, 6, 5, 4]),
            (3, [6, 5, 4, 3, 2, 1]),
            (4, [4, 5, 6, 1, 2, 3]),
            (5, [1, 4, 2, 5, 3, 6]),
            (6, [4, 1, 5, 2, 6, 3]),
            (7, [6, 3, 5, 2, 4, 1]),
            (8, [3, 6, 2, 5, 1, 4]),
        ] {
            let orientation = Orientation::from_exif(number).unwrap();
            assert_eq!(turned(&pixels, [3, 2], 1, orientation), upright, "{number}");
            // And through the whole way, to a sample of the upright size.
            let [width, height] = lying([3, 2], orientation);
            let raster = Raster {
                orientation,
                ..raster(3, 2, 1, &pixels)
            };
            assert_eq!(sample(raster, &grey(height, width)), upright);
        }
    }

    #[test]
    fn the_middle_is_cut_out_or_a_border_added_or_neither() {
        // Four columns, two rows.
        let pixels = [10, 20, 30, 40, 50, 60, 70, 80];
        let of = |fit, height, width| {
            let config = grey(height, width)
                .with_fit(fit)
                .with_filter(ResizeFilter::Box);
            sample(raster(4, 2, 1, &pixels), &config)
        };
        assert_eq!(of(Fit::Crop, 2, 2), [20, 30, 60, 70]);
        assert_eq!(of(Fit::Stretch, 2, 2), [15, 35, 55, 75]);
        assert_eq!(of(Fit::Border, 4, 4)[..4], [9; 4]);
        assert_eq!(of(Fit::Border, 4, 4)[4..12], pixels);
        assert_eq!(of(Fit::Border, 2, 2), [35, 55, 9, 9]);
        assert_eq!(of(Fit::Border, 1, 5), [9, 35, 55, 9, 9]);
    }

    #[test]
    fn every_size_fits_into_every_other() {
        for (width, height) in [(1, 1), (1, 300), (300, 1), (7, 5), (64, 64)] {
            let pixels = vec![100; (width * height) as usize];
            for (rows, columns) in [(1, 1), (1, 9), (9, 1), (5, 7), (33, 32)] {
                for fit in [Fit::Crop, Fit::Border, Fit::Stretch] {
                    for filter in [
                        ResizeFilter::Lanczos,
                        ResizeFilter::Bicubic,
                        ResizeFilter::Bilinear,
                        ResizeFilter::Box,
                        ResizeFilter::Nearest,
                    ] {
                        let config = grey(rows, columns).with_fit(fit).with_filter(filter);
                        let made = sample(raster(width, height, 1, &pixels), &config);
                        assert_eq!(made.len(), rows * columns);
                        let inside = |byte: &u8| *byte == 100 || (fit == Fit::Border && *byte == 9);
                        assert!(
                            made.iter().all(inside),
                            "{width} {height} {config:?} {made:?}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_not_seen_does_not_bleed_into_what_is() {
        // Red beside green that can't be seen, to one pixel.
        let pixels = [200, 0, 0, 255, 0, 200, 0, 0];
        let config = ImageConfig::new(1, 1)
            .with_color(ImageColor::Rgba)
            .with_fit(Fit::Stretch)
            .with_filter(ResizeFilter::Box);
        let made = sample(raster(2, 1, 4, &pixels), &config);
        assert_eq!(made[1..], [0, 0, 128]);
        assert!(made[0].abs_diff(200) <= 1, "{made:?}");
        let hidden = sample(raster(2, 1, 4, &[1, 2, 3, 0, 4, 5, 6, 0]), &config);
        assert_eq!(hidden, [255, 255, 255, 0]);
    }

    #[test]
    fn channels_lie_one_after_the_other_and_grey_becomes_them_all() {
        let config = ImageConfig::new(1, 2);
        assert_eq!(
            sample(raster(2, 1, 3, &[1, 2, 3, 4, 5, 6]), &config),
            [1, 4, 2, 5, 3, 6]
        );
        assert_eq!(
            sample(raster(2, 1, 1, &[7, 8]), &config),
            [7, 8, 7, 8, 7, 8]
        );
        let config = config.with_color(ImageColor::Rgba);
        assert_eq!(
            sample(raster(2, 1, 1, &[7, 8]), &config),
            [7, 8, 7, 8, 7, 8, 255, 255]
        );
    }
}
