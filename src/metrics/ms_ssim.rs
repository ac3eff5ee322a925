//! How alike images of a set are to each other.

use rayon::prelude::*;
use serde::Serialize;

use super::features::{Features, usable};
use crate::data::{ImageShape, PixelRange};
use crate::error::{Error, Result, check};
use crate::random::Stream;
use crate::settings::settings;
use crate::sizes;

const NAME: &str = "ms_ssim";

/// The weights of the scales, the finest first.
const WEIGHTS: [f64; 5] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];
/// The constants that keep quotients from 0/0, (0.01·L)² and (0.03·L)² with the pixels' range L of 1.
const LUMINANCE: f64 = 1e-4;
const CONTRAST: f64 = 9e-4;

settings! {
/// The multi-scale structural similarity of pairs of images, a measure of how diverse a set of them
/// is.
///
/// ```text
/// MS-SSIM(x, y) = lₘ^wₘ · Π_j csⱼ^wⱼ                over scales j of 1, 2, 4, … pixels
/// l  = (2·μxμy + C₁)/(μx² + μy² + C₁)               of the coarsest scale m
/// cs = (2·σxy + C₂)/(σx² + σy² + C₂)                under a Gaussian window, averaged over the image
/// ```
///
/// It is 1 for the same image and near 0 for images that have nothing in common; channels are
/// averaged. The mean over random pairs of generated images, of one class best, is high where a
/// generator has collapsed; hold the same of real images beside it. Wang, Simoncelli, Bovik 2003,
/// *Multiscale structural similarity for image quality assessment*; as a measure of diversity Odena,
/// Olah, Shlens 2016, arXiv:1610.09585 (100 pairs). *Bias*: none. *Cost*: some 50 operations a pixel
/// and pair at each scale.
///
/// Five scales with a window of 11 need images of more than 160 × 160 pixels; smaller ones take fewer
/// [`scales`](Self::scales) or a smaller [`window`](Self::window), which is another number.
///
/// ```
/// use burn_gan::data::ImageShape;
/// use burn_gan::metrics::{Features, MsSsim};
/// use burn_gan::random::Stream;
///
/// // Ten images of noise.
/// let shape = ImageShape::new([1, 28, 28]);
/// let pixels = Stream::new(1, "pixels").uniform(10 * 28 * 28, -1.0, 1.0);
/// let images = Features::new(pixels, 28 * 28)?.with_set("generated");
/// let two_scales = MsSsim { scales: 2, ..MsSsim::default() };
/// let found = two_scales.diversity(&images, shape, &mut Stream::new(1, "pairs"))?;
/// assert!(found.mean < 0.3);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(default)]
pub struct MsSsim {
    /// Random pairs of different images; 100 by default.
    pub pairs: usize,
    /// Scales, 1 to 5; of fewer than 5 the weights are the first ones over their sum.
    pub scales: usize,
    /// The window's side in pixels, odd; 11 by default.
    pub window: usize,
    /// The window's standard deviation in pixels; 1.5 by default.
    pub sigma: f64,
    /// The range of the pixels; [−1, 1] by default.
    pub pixels: PixelRange,
}
}

impl Default for MsSsim {
    fn default() -> Self {
        Self {
            pairs: 100,
            scales: 5,
            window: 11,
            sigma: 1.5,
            pixels: PixelRange::Symmetric,
        }
    }
}

/// What [`MsSsim::diversity`] measures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MsSsimScores {
    /// The mean over the pairs: the lower, the more diverse.
    pub mean: f64,
    /// The standard error of the mean.
    pub standard_error: f64,
    /// The similarity of each pair.
    pub pairs: Vec<f64>,
}

impl MsSsim {
    /// Checks the settings.
    ///
    /// # Errors
    /// If there are fewer than 2 pairs, not 1 to 5 scales, the window is even or larger than 2²⁴, or
    /// σ is not above 0.
    pub fn validate(&self) -> Result<()> {
        check::at_least("pairs", self.pairs, 2)?;
        sizes::size("pairs", self.pairs)?;
        check::at_least("scales", self.scales, 1)?;
        check::at_most("scales", self.scales, WEIGHTS.len())?;
        sizes::size("window", self.window)?;
        if self.window.is_multiple_of(2) {
            return Err(Error::setting(
                "window",
                self.window,
                "must be odd, so that it has a middle",
            ));
        }
        check::positive("sigma", self.sigma)
    }

    /// The smallest side of an image that it can be measured on.
    fn smallest_side(&self) -> usize {
        (self.window - 1).saturating_mul(1 << (self.scales - 1)) + 1
    }

    pub(super) fn fits(&self, shape: ImageShape) -> Result<()> {
        self.validate()?;
        let (side, least) = (shape.height.min(shape.width), self.smallest_side());
        if side >= least && shape.channels > 0 {
            return Ok(());
        }
        Err(Error::data(
            NAME,
            format!(
                "images of {} × {} × {} (channels, height, width) are too small for {} scales with a \
                 window of {}, which need sides of at least {least}; take fewer `scales` or a smaller \
                 `window`",
                shape.channels, shape.height, shape.width, self.scales, self.window
            ),
        ))
    }

    /// The similarity of two images, row-major `[channels, height, width]`; from 0 to 1.
    ///
    /// # Errors
    /// If a setting is wrong, the images are too small or not of this shape, or a pixel is not finite.
    pub fn similarity(&self, first: &[f32], second: &[f32], shape: ImageShape) -> Result<f64> {
        let numbers = numbers_of(shape);
        let images = Features::new([first, second].concat(), numbers.max(1))?;
        if [first.len(), second.len()] != [numbers; 2] {
            return Err(Error::data(
                NAME,
                format!(
                    "images of {} and {} numbers are not of shape {shape:?}",
                    first.len(),
                    second.len()
                ),
            ));
        }
        usable(NAME, 2, &images)?;
        self.fits(shape)?;
        Ok(self.of_pair(first, second, shape, &self.gaussian()))
    }

    /// The similarity of random pairs of a set of images, each of `shape`. Pairs come from `stream`.
    ///
    /// # Errors
    /// If a setting is wrong, there are fewer than two images, they are too small or not of this
    /// shape, or a pixel is not finite.
    pub fn diversity(
        &self,
        images: &Features,
        shape: ImageShape,
        stream: &mut Stream,
    ) -> Result<MsSsimScores> {
        if images.dimensions() != numbers_of(shape) {
            return Err(Error::data(
                NAME,
                format!(
                    "samples of {} numbers are no images of shape {shape:?}",
                    images.dimensions()
                ),
            ));
        }
        usable(NAME, 2, images)?;
        self.fits(shape)?;
        let window = self.gaussian();
        let count = images.count();
        let pairs: Vec<[usize; 2]> = (0..self.pairs)
            .map(|_| {
                let first = stream.index(count);
                // One of the others.
                let second = stream.index(count - 1);
                [first, second + usize::from(second >= first)]
            })
            .collect();
        let similarity = |[first, second]: &[usize; 2]| {
            self.of_pair(images.row(*first), images.row(*second), shape, &window)
        };
        let pairs: Vec<f64> = pairs.par_iter().map(similarity).collect();
        let count = pairs.len() as f64;
        let mean = pairs.iter().sum::<f64>() / count;
        let squares = pairs.iter().map(|pair| (pair - mean).powi(2)).sum::<f64>();
        Ok(MsSsimScores {
            mean,
            standard_error: (squares / (count - 1.0) / count).sqrt(),
            pairs,
        })
    }

    /// The window along one axis, its sum 1.
    fn gaussian(&self) -> Vec<f64> {
        let middle = (self.window / 2) as f64;
        let weight = |i: usize| (-0.5 * ((i as f64 - middle) / self.sigma).powi(2)).exp();
        let weights: Vec<f64> = (0..self.window).map(weight).collect();
        let sum: f64 = weights.iter().sum();
        weights.into_iter().map(|weight| weight / sum).collect()
    }

    fn of_pair(&self, first: &[f32], second: &[f32], shape: ImageShape, window: &[f64]) -> f64 {
        let pixels = shape.height * shape.width;
        let channels = first.chunks(pixels).zip(second.chunks(pixels));
        let sum: f64 = channels
            .map(|(first, second)| {
                let plane = |values: &[f32]| Plane {
                    values: values.iter().map(|x| self.unit(*x)).collect(),
                    width: shape.width,
                };
                self.of_planes(plane(first), plane(second), window)
            })
            .sum();
        sum / shape.channels as f64
    }

    /// A pixel in [0, 1].
    fn unit(&self, pixel: f32) -> f64 {
        match self.pixels {
            PixelRange::Symmetric => 0.5 * (f64::from(pixel) + 1.0),
            PixelRange::Unit => f64::from(pixel),
        }
    }

    fn of_planes(&self, mut first: Plane, mut second: Plane, window: &[f64]) -> f64 {
        let weights = &WEIGHTS[..self.scales];
        let sum: f64 = weights.iter().sum();
        let mut similarity = 1.0;
        for (scale, weight) in weights.iter().enumerate() {
            if scale > 0 {
                (first, second) = (first.halved(), second.halved());
            }
            let [whole, structure] = compare(&first, &second, window);
            let value = match scale + 1 == self.scales {
                true => whole,
                false => structure,
            };
            // Structures that are opposed count as unlike.
            similarity *= value.max(0.0).powf(weight / sum);
        }
        similarity
    }
}

fn numbers_of(shape: ImageShape) -> usize {
    let sides = [shape.height, shape.width];
    let numbers = sides
        .iter()
        .try_fold(shape.channels, |numbers, side| numbers.checked_mul(*side));
    numbers.unwrap_or(usize::MAX)
}

/// One channel of an image.
struct Plane {
    values: Vec<f64>,
    width: usize,
}

impl Plane {
    fn height(&self) -> usize {
        self.values.len() / self.width
    }

    /// The product of two, pixel by pixel.
    fn times(&self, other: &Self) -> Self {
        let pairs = self.values.iter().zip(&other.values);
        Self {
            values: pairs.map(|(a, b)| a * b).collect(),
            width: self.width,
        }
    }

    /// Under a window at each place where it fits.
    fn filtered(&self, window: &[f64]) -> Self {
        let width = self.width - window.len() + 1;
        let across = self.values.chunks_exact(self.width).flat_map(|row| {
            (0..width).map(move |x| {
                let under = row[x..].iter().zip(window);
                under.map(|(value, weight)| value * weight).sum::<f64>()
            })
        });
        let across: Vec<f64> = across.collect();
        let height = self.height() - window.len() + 1;
        let mut values = vec![0.0; height * width];
        for (y, to) in values.chunks_exact_mut(width).enumerate() {
            for (row, weight) in across[y * width..].chunks_exact(width).zip(window) {
                for (to, value) in to.iter_mut().zip(row) {
                    *to += weight * value;
                }
            }
        }
        Self { values, width }
    }

    /// Means of 2 × 2 pixels. A side of odd length begins with a pixel of zeros, as it does in
    /// pytorch-msssim.
    fn halved(&self) -> Self {
        let (height, odd) = (self.height(), [self.height() % 2, self.width % 2]);
        let width = self.width.div_ceil(2);
        let mut values = vec![0.0; height.div_ceil(2) * width];
        for (y, row) in self.values.chunks_exact(self.width).enumerate() {
            let to = &mut values[(y + odd[0]) / 2 * width..][..width];
            for (x, value) in row.iter().enumerate() {
                to[(x + odd[1]) / 2] += 0.25 * value;
            }
        }
        Self { values, width }
    }

    fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
        let count = values.len() as f64;
        values.sum::<f64>() / count
    }
}

/// The means of l·cs and of cs.
fn compare(first: &Plane, second: &Plane, window: &[f64]) -> [f64; 2] {
    let means = [first, second].map(|plane| plane.filtered(window).values);
    let squares = [(first, first), (second, second), (first, second)]
        .map(|(a, b)| a.times(b).filtered(window).values);
    let structure = |i: usize| {
        let (x, y) = (means[0][i], means[1][i]);
        let [xx, yy, xy] = [
            squares[0][i] - x * x,
            squares[1][i] - y * y,
            squares[2][i] - x * y,
        ];
        (2.0 * xy + CONTRAST) / (xx + yy + CONTRAST)
    };
    let luminance = |i: usize| {
        let (x, y) = (means[0][i], means[1][i]);
        (2.0 * x * y + LUMINANCE) / (x * x + y * y + LUMINANCE)
    };
    let places = 0..means[0].len();
    [
        Plane::mean(places.clone().map(|i| luminance(i) * structure(i))),
        Plane::mean(places.map(structure)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Case {
        shape: [usize; 3],
        share: u64,
        scales: usize,
        window: usize,
        sigma: f64,
        value: f64,
    }

    /// The pair of `tests/golden/ms_ssim.py`.
    fn pair([channels, height, width]: [usize; 3], share: u64) -> [Vec<f32>; 2] {
        let mut pair = [Vec::new(), Vec::new()];
        for c in 0..channels as u64 {
            for y in 0..height as u64 {
                for x in 0..width as u64 {
                    let first = (3 * x + 5 * y + 40 * c + (x / 9) * (y / 7) * 13) % 256;
                    let noise = ((x + 41 * y + 7919 * c) * 2_654_435_761 % (1 << 32)) >> 24;
                    let second = (share * first + (8 - share) * noise) / 8;
                    for (image, byte) in pair.iter_mut().zip([first, second]) {
                        image.push(byte as f32 / 255.0);
                    }
                }
            }
        }
        pair
    }

    #[test]
    fn similarities_are_pytorch_msssims() {
        let text = include_str!("../../tests/golden/ms_ssim.json");
        let cases: Vec<Case> = serde_json::from_str(text).unwrap();
        assert_eq!(cases.len(), 8);
        for case in cases {
            let settings = MsSsim {
                scales: case.scales,
                window: case.window,
                sigma: case.sigma,
                pixels: PixelRange::Unit,
                ..MsSsim::default()
            };
            let [first, second] = pair(case.shape, case.share);
            let shape = ImageShape::new(case.shape);
            let found = settings.similarity(&first, &second, shape).unwrap();
            // Pixels go in as single precision here, in double precision there.
            let near = (found - case.value).abs() <= 1e-6 * case.value;
            assert!(near, "{found}, and {} expected", case.value);
        }
    }

    fn small() -> (MsSsim, ImageShape) {
        let settings = MsSsim {
            scales: 2,
            window: 5,
            ..MsSsim::default()
        };
        (settings, ImageShape::new([2, 12, 11]))
    }

    #[test]
    fn images_of_one_kind_are_alike_and_noise_is_not() {
        let (settings, shape) = small();
        let mut stream = Stream::new(3, "images");
        let image = stream.uniform(264, -1.0, 1.0);
        let same = Features::new(image.repeat(6), 264).unwrap();
        let found = settings.diversity(&same, shape, &mut stream).unwrap();
        assert!((found.mean - 1.0).abs() < 1e-12 && found.standard_error < 1e-12);
        assert_eq!(found.pairs.len(), 100);
        let noise = Features::new(stream.uniform(264 * 6, -1.0, 1.0), 264).unwrap();
        let found = settings.diversity(&noise, shape, &mut stream).unwrap();
        assert!(found.mean < 0.2, "{found:?}");
        // An image of another range has the same similarities.
        let values = noise.values().iter().map(|x| 0.5 * (x + 1.0));
        let unit = Features::new(values.collect(), 264).unwrap();
        let of_unit = MsSsim {
            pixels: PixelRange::Unit,
            ..settings.clone()
        };
        let draw = || Stream::new(5, "pairs");
        let a = settings.diversity(&noise, shape, &mut draw()).unwrap();
        let b = of_unit.diversity(&unit, shape, &mut draw()).unwrap();
        assert!((a.mean - b.mean).abs() < 1e-6);
    }

    #[test]
    fn what_can_not_be_measured_is_refused_with_its_name() {
        let (settings, shape) = small();
        let draw = || Stream::new(5, "pairs");
        let images = Features::new(vec![0.0; 264 * 3], 264).unwrap();
        let error = |settings: &MsSsim, images: &Features, shape| {
            let found = settings.diversity(images, shape, &mut draw());
            found.unwrap_err().to_string()
        };
        let few = images.select(&[0]);
        let words = error(&settings, &few, shape);
        assert!(words.starts_with("ms_ssim: ") && words.contains("at least 2"));
        let words = error(&MsSsim::default(), &images, shape);
        assert!(words.contains("sides of at least 161"), "{words}");
        let words = error(&settings, &images, ImageShape::new([1, 12, 11]));
        assert!(words.contains("no images of shape"), "{words}");
        let nan = Features::new([vec![f32::NAN; 264], vec![0.0; 264]].concat(), 264).unwrap();
        assert!(error(&settings, &nan, shape).contains("NaN"));
        for (settings, words) in [
            (
                MsSsim {
                    window: 4,
                    ..settings.clone()
                },
                "`window` = 4",
            ),
            (
                MsSsim {
                    scales: 6,
                    ..settings.clone()
                },
                "`scales` = 6",
            ),
            (
                MsSsim {
                    scales: 0,
                    ..settings.clone()
                },
                "`scales` = 0",
            ),
            (
                MsSsim {
                    sigma: f64::NAN,
                    ..settings.clone()
                },
                "`sigma` = NaN",
            ),
            (
                MsSsim {
                    pairs: 1,
                    ..settings.clone()
                },
                "`pairs` = 1",
            ),
        ] {
            let found = error(&settings, &images, shape);
            assert!(found.contains(words), "{found}");
        }
        // Exactly large enough: one place under the window at the last scale.
        let least = ImageShape::new([1, 9, 9]);
        let tiny = Features::new(vec![0.5; 162], 81).unwrap();
        assert!(settings.diversity(&tiny, least, &mut draw()).is_ok());
    }
}
