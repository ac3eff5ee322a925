//! DiffAugment: colours, whole shifts and a square cut out.

use std::fmt;
use std::str::FromStr;

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};

use super::Fill;
use super::picture::{colour, cut, numbers_for, warp};
use crate::error::{Error, Result};
use crate::random::Stream;
use crate::settings::numbers::Numbers;

/// DiffAugment's policy: which of its changes are made, each of every image, in this order.
///
/// ```text
/// color          brightness   x + u,                 u ~ U[−½, ½)
///                saturation   (x − m)·u + m,         u ~ U[0, 2),    m the pixel's mean over channels
///                contrast     (x − M)·u + M,         u ~ U[½, 3/2),  M the image's mean
/// translation    each axis by a whole number of pixels, uniform in ±round(size/8); 0 comes in
/// cutout         a square of half of each side is 0, its centre uniform over the image
/// ```
///
/// Images are `[batch, …, height, width]` with pixels in [−1, 1] and any number of channels; with one
/// channel saturation changes nothing. Exact, and differentiable any number of times. The paper
/// takes translation and cutout with BigGAN on CIFAR, and all three with few images.
///
/// In settings it is the list of names:
///
/// ```
/// use burn_gan::network::{Augmentation, DiffAugment};
/// use burn_gan::objective::{Augment, Loss, Objective};
///
/// let policy: DiffAugment = "translation,cutout".parse()?;
/// assert!(!policy.color && policy.translation && policy.cutout);
/// assert_eq!(policy.to_string(), "translation,cutout");
/// let augment = Augment::always(Augmentation::DiffAugment(DiffAugment::ALL));
/// let objective = Objective::new(Loss::NonSaturating).with_augment(augment);
/// let json = serde_json::to_string(&objective.augment).expect("settings serialise");
/// assert!(json.contains(r#"{"diff_augment":"color,translation,cutout"}"#));
/// # Ok::<(), burn_gan::Error>(())
/// ```
///
/// Zhao, Liu, Lin, Zhu, Han 2020, *Differentiable augmentation for data-efficient GAN training*,
/// arXiv:2006.10738.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct DiffAugment {
    /// Brightness, saturation, contrast.
    pub color: bool,
    /// Shifts by whole pixels.
    pub translation: bool,
    /// A square cut out.
    pub cutout: bool,
}

impl Numbers for DiffAugment {}

impl DiffAugment {
    /// All three: `color,translation,cutout`.
    pub const ALL: Self = Self {
        color: true,
        translation: true,
        cutout: true,
    };

    pub(super) fn validate(self) -> Result<()> {
        if self.color || self.translation || self.cutout {
            return Ok(());
        }
        Err(Error::setting(
            "diff_augment",
            "none",
            "changes nothing; name some of `color`, `translation` and `cutout`",
        ))
    }

    pub(super) fn apply<B: Backend>(self, x: Tensor<B, 4>, stream: &mut Stream) -> Tensor<B, 4> {
        let [batch, ..] = x.dims();
        self.apply_drawn(x, &Draws::new(self, batch, stream))
    }

    fn apply_drawn<B: Backend>(self, x: Tensor<B, 4>, draws: &Draws) -> Tensor<B, 4> {
        let [_, channels, height, width] = x.dims();
        let mut x = x;
        if self.color {
            let numbers = draws.color.iter();
            let numbers = numbers.flat_map(|drawn| color_numbers(*drawn, channels));
            let numbers = numbers_for(&x, numbers.collect());
            x = colour(x, numbers);
        }
        if self.translation {
            let numbers = draws.translation.iter().flat_map(|drawn| {
                let [down, right] = [(0, height), (1, width)]
                    .map(|(axis, side)| whole_shift(drawn[axis], side));
                [1.0, 0.0, -right, 0.0, 1.0, -down]
            });
            let numbers = numbers_for(&x, numbers.collect());
            x = warp(x, numbers, Fill::Value(0.0));
        }
        if self.cutout {
            let numbers = draws.cutout.iter().flat_map(|drawn| {
                let [[top, bottom], [left, right]] =
                    [(0, height), (1, width)].map(|(axis, side)| cut_out(drawn[axis], side));
                [top, bottom, left, right]
            });
            let numbers = numbers_for(&x, numbers.collect());
            x = cut(x, numbers);
        }
        x
    }
}

/// What is drawn for each sample; the same whatever the size of images.
#[derive(Debug, Clone, Default)]
struct Draws {
    /// Brightness, saturation, contrast, as they are used.
    color: Vec<[f64; 3]>,
    /// In [0, 1), down and right.
    translation: Vec<[f64; 2]>,
    /// In [0, 1), down and right.
    cutout: Vec<[f64; 2]>,
}

impl Draws {
    fn new(policy: DiffAugment, batch: usize, stream: &mut Stream) -> Self {
        let mut draws = Self::default();
        if policy.color {
            let [brightness, saturation, contrast] = [(-0.5, 0.5), (0.0, 2.0), (0.5, 1.5)]
                .map(|(low, high)| stream.uniform(batch, low, high));
            draws.color = (0..batch)
                .map(|i| [brightness[i], saturation[i], contrast[i]].map(f64::from))
                .collect();
        }
        let mut places = || -> Vec<[f64; 2]> {
            let drawn = stream.uniform(2 * batch, 0.0, 1.0);
            let pairs = drawn.chunks_exact(2);
            pairs.map(|pair| [pair[0], pair[1]].map(f64::from)).collect()
        };
        if policy.translation {
            draws.translation = places();
        }
        if policy.cutout {
            draws.cutout = places();
        }
        draws
    }
}

/// The three changes of colours as one: with the pixel's mean m and the image's M,
///
/// ```text
/// y = c·(s·(x − m) + m) + (1 − c)·M + b        brightness b, saturation s, contrast c
/// ```
fn color_numbers([brightness, saturation, contrast]: [f64; 3], channels: usize) -> Vec<f64> {
    let share = (1.0 - saturation) / channels as f64;
    let mut numbers = Vec::with_capacity(channels * (channels + 1) + 1);
    for output in 0..channels {
        numbers.extend((0..channels).map(|input| {
            let own = if input == output { saturation } else { 0.0 };
            contrast * (own + share)
        }));
    }
    numbers.extend(std::iter::repeat_n(brightness, channels));
    numbers.push(1.0 - contrast);
    numbers
}

/// A whole number of pixels within ±round(side/8), from u in [0, 1).
fn whole_shift(u: f64, side: usize) -> f64 {
    let most = (side as f64 / 8.0 + 0.5).floor();
    (u * (2.0 * most + 1.0)).floor() - most
}

/// From where to where half a side is cut out, the centre from u in [0, 1).
fn cut_out(u: f64, side: usize) -> [f64; 2] {
    let size = (side as f64 / 2.0 + 0.5).floor();
    // A square of an even size lies between pixels: one place more.
    let places = side as f64 + 1.0 - size % 2.0;
    let first = (u * places).floor() - (size / 2.0).floor();
    [first.max(0.0), (first + size).min(side as f64)]
}

impl fmt::Display for DiffAugment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (self.color, "color"),
            (self.translation, "translation"),
            (self.cutout, "cutout"),
        ];
        let names = names.into_iter().filter(|(on, _)| *on);
        let names: Vec<&str> = names.map(|(_, name)| name).collect();
        f.write_str(&names.join(","))
    }
}

impl FromStr for DiffAugment {
    type Err = Error;

    /// Reads names with commas between them, in any order.
    fn from_str(names: &str) -> Result<Self> {
        let mut policy = Self {
            color: false,
            translation: false,
            cutout: false,
        };
        for name in names.split(',').map(str::trim) {
            match name {
                "color" => policy.color = true,
                "translation" => policy.translation = true,
                "cutout" => policy.cutout = true,
                _ => {
                    return Err(Error::setting(
                        "diff_augment",
                        names,
                        "must be names with commas between them, of `color`, `translation` and \
                         `cutout`",
                    ));
                }
            }
        }
        Ok(policy)
    }
}

impl From<DiffAugment> for String {
    fn from(policy: DiffAugment) -> Self {
        policy.to_string()
    }
}

impl TryFrom<String> for DiffAugment {
    type Error = Error;

    fn try_from(names: String) -> Result<Self> {
        names.parse()
    }
}
