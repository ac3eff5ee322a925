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
                let [down, right] =
                    [(0, height), (1, width)].map(|(axis, side)| whole_shift(drawn[axis], side));
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
            pairs
                .map(|pair| [pair[0], pair[1]].map(f64::from))
                .collect()
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

#[cfg(test)]
mod tests {
    use burn::tensor::backend::AutodiffBackend;

    use super::super::golden::{Case, Given, check};
    use super::*;
    use crate::network::Augmentation;
    use crate::testing::{for_each_autodiff_backend, for_each_backend, on_wgpu, values};

    struct Policy;

    impl Given for Policy {
        fn change<B: Backend>(&self, case: &Case, x: Tensor<B, 4>) -> Tensor<B, 4> {
            let names: Vec<&str> = case.draws.keys().map(String::as_str).collect();
            let policy: DiffAugment = names.join(",").parse().expect("names");
            let draws = Draws {
                color: case.of("color").unwrap_or_default(),
                translation: case.of("translation").unwrap_or_default(),
                cutout: case.of("cutout").unwrap_or_default(),
            };
            policy.apply_drawn(x, &draws)
        }
    }

    mod golden {
        use super::*;

        fn every_change_agrees_with_the_paper_in_both_gradients<B: AutodiffBackend>() {
            check::<B>("diff_augment", &Policy, 1e-5);
        }

        for_each_autodiff_backend!(every_change_agrees_with_the_paper_in_both_gradients);
        on_wgpu!(Autodiff<Wgpu>; every_change_agrees_with_the_paper_in_both_gradients);
    }

    #[test]
    fn places_are_uniform_over_their_range() {
        // By all places of a fine grid: each comes equally often.
        let counts = |place: &dyn Fn(f64) -> i64| {
            let mut counts = std::collections::BTreeMap::new();
            for step in 0..9_000 {
                *counts
                    .entry(place((f64::from(step) + 0.5) / 9_000.0))
                    .or_insert(0) += 1;
            }
            counts
        };
        for (side, most) in [(32, 4), (28, 4), (8, 1), (3, 0)] {
            let shifts = counts(&|u| whole_shift(u, side) as i64);
            let range: Vec<i64> = shifts.keys().copied().collect();
            assert_eq!(range, (-most..=most).collect::<Vec<_>>(), "side {side}");
            let (least, largest) = (shifts.values().min(), shifts.values().max());
            assert!(largest.unwrap() - least.unwrap() <= 1, "{shifts:?}");
        }
        // 5: squares of 3 around each of the 5 pixels, clipped. 4: squares of 2 at 5 places.
        let squares = |side: usize| {
            let mut all: Vec<[f64; 2]> = (0..50)
                .map(|i| cut_out(f64::from(i) / 50.0, side))
                .collect();
            all.dedup();
            all
        };
        assert_eq!(
            squares(5),
            [[0.0, 2.0], [0.0, 3.0], [1.0, 4.0], [2.0, 5.0], [3.0, 5.0]]
        );
        assert_eq!(
            squares(4),
            [[0.0, 1.0], [0.0, 2.0], [1.0, 3.0], [2.0, 4.0], [3.0, 4.0]]
        );
    }

    fn draws_have_the_papers_ranges<B: Backend>() {
        let draws = Draws::new(DiffAugment::ALL, 4_000, &mut Stream::new(2, "draws"));
        for (index, low, high) in [(0, -0.5, 0.5), (1, 0.0, 2.0), (2, 0.5, 1.5)] {
            let all = draws.color.iter().map(|drawn| drawn[index]);
            let mean = all.clone().sum::<f64>() / 4_000.0;
            let (least, most) = all.fold((f64::MAX, f64::MIN), |(a, b), x| (a.min(x), b.max(x)));
            let width = high - low;
            assert!(
                low <= least && least < low + 0.01 * width,
                "{index}: {least}"
            );
            assert!(
                high - 0.01 * width < most && most <= high,
                "{index}: {most}"
            );
            // Five standard errors of a uniform mean.
            let error = width / 12f64.sqrt() / 4_000f64.sqrt();
            assert!(
                (mean - 0.5 * (low + high)).abs() < 5.0 * error,
                "{index}: {mean}"
            );
        }
        // Each image of a batch in its own way: all start as one.
        let x = Tensor::<B, 4>::full([8, 3, 6, 6], 0.3, &Default::default());
        let change = Augmentation::DiffAugment(DiffAugment::ALL);
        let changed = values(change.apply(x, &mut Stream::new(1, "images")));
        for (index, image) in changed.chunks(108).enumerate() {
            let others = changed.chunks(108).take(index);
            assert!(others.clone().all(|other| other != image), "{index}");
        }
    }

    for_each_backend!(draws_have_the_papers_ranges);

    #[test]
    fn a_policy_is_read_and_written_as_names() {
        for (names, color, translation, cutout) in [
            ("color,translation,cutout", true, true, true),
            ("translation,cutout", false, true, true),
            ("color", true, false, false),
        ] {
            let policy = DiffAugment {
                color,
                translation,
                cutout,
            };
            assert_eq!(names.parse::<DiffAugment>().expect("names"), policy);
            let stored = serde_json::to_string(&policy).expect("settings");
            assert_eq!(stored, format!("{names:?}"));
            assert_eq!(
                serde_json::from_str::<DiffAugment>(&stored).expect("settings"),
                policy
            );
        }
        assert_eq!(
            "cutout, color"
                .parse::<DiffAugment>()
                .expect("names")
                .to_string(),
            "color,cutout"
        );
        for wrong in ["", "colour", "color,,cutout", "all"] {
            let error = wrong.parse::<DiffAugment>().expect_err(wrong).to_string();
            assert!(
                error.contains("`color`, `translation` and `cutout`"),
                "{error}"
            );
        }
        let none = DiffAugment {
            color: false,
            translation: false,
            cutout: false,
        };
        let error = Augmentation::DiffAugment(none)
            .validate()
            .expect_err("nothing");
        assert!(error.to_string().contains("changes nothing"), "{error}");
    }

    #[test]
    #[should_panic(expected = "[4, 2] can't be changed as images")]
    fn points_are_not_images() {
        let x = Tensor::<crate::testing::Cpu, 2>::zeros([4, 2], &Default::default());
        let change = Augmentation::DiffAugment(DiffAugment::ALL);
        let _ = change.apply(x, &mut Stream::new(1, "points"));
    }
}
