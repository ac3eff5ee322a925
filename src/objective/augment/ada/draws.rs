//! What is drawn for a batch, and the batch after it.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::Transformations;
use super::compose::{Factor, Strength, composed};
use super::forms::{Chromatic, Geometric};
use crate::network::Fill;
use crate::network::Sample;
use crate::network::picture::{colour, cut, numbers_for, warp};
use crate::random::Stream;

/// What was drawn for one transformation of a batch.
#[derive(Debug, Clone)]
pub(super) struct Drawn<K> {
    pub(super) kind: K,
    /// For each sample what p has to be above for it to be made.
    pub(super) above: Vec<f64>,
    /// For each sample what it is made with; a second number only of shifts.
    pub(super) numbers: Vec<[f64; 2]>,
}

/// What was drawn for a batch; the same whatever the size of images.
#[derive(Debug, Clone, Default)]
pub(super) struct Draws {
    pub(super) geometry: Vec<Drawn<Geometric>>,
    pub(super) colour: Vec<Drawn<Chromatic>>,
    pub(super) noise: Option<Drawn<()>>,
    pub(super) cutout: Option<Drawn<()>>,
}

/// From which distribution a transformation's numbers are.
#[derive(Debug, Clone, Copy)]
enum From {
    /// U[0, 1).
    Unit,
    /// U[−1, 1).
    Symmetric,
    /// N(0, 1).
    Normal,
}

impl Draws {
    pub(super) fn new(multipliers: &Transformations, batch: usize, stream: &mut Stream) -> Self {
        let geometry = [
            (Geometric::XFlip, multipliers.x_flip, From::Unit),
            (Geometric::Rotation90, multipliers.rotation_90, From::Unit),
            (
                Geometric::IntegerTranslation,
                multipliers.integer_translation,
                From::Symmetric,
            ),
            (
                Geometric::IsotropicScaling,
                multipliers.isotropic_scaling,
                From::Normal,
            ),
            (Geometric::Rotation, multipliers.rotation, From::Symmetric),
            (
                Geometric::AnisotropicScaling,
                multipliers.anisotropic_scaling,
                From::Normal,
            ),
            (Geometric::Rotation, multipliers.rotation, From::Symmetric),
            (
                Geometric::FractionalTranslation,
                multipliers.fractional_translation,
                From::Normal,
            ),
        ];
        let mut draw = Drawer { batch, stream };
        let geometry = geometry.into_iter().filter_map(|(kind, multiplier, from)| {
            let mut drawn = draw.one(kind, multiplier, from)?;
            if kind == Geometric::Rotation {
                // Of two, each with 1 − √(1 − p), so that one at least is made with p.
                for above in &mut drawn.above {
                    let u = *above * multiplier;
                    *above = u * (2.0 - u) / multiplier;
                }
            }
            Some(drawn)
        });
        let geometry = geometry.collect();
        let colour = [
            (Chromatic::Brightness, multipliers.brightness, From::Normal),
            (Chromatic::Contrast, multipliers.contrast, From::Normal),
            (Chromatic::LumaFlip, multipliers.luma_flip, From::Unit),
            (Chromatic::Hue, multipliers.hue, From::Symmetric),
            (Chromatic::Saturation, multipliers.saturation, From::Normal),
        ];
        let colour = colour
            .into_iter()
            .filter_map(|(kind, multiplier, from)| draw.one(kind, multiplier, from));
        Self {
            geometry,
            colour: colour.collect(),
            noise: draw.one((), multipliers.noise, From::Normal),
            cutout: draw.one((), multipliers.cutout, From::Unit),
        }
    }

    /// The transformed pictures; the numbers of noise are drawn here.
    ///
    /// # Panics
    /// If colours are to change and pictures have other than 1, 3 or 4 channels.
    #[inline(never)]
    pub(super) fn apply<B: Backend>(
        &self,
        x: Tensor<B, 4>,
        strength: &Strength<B>,
        fill: Fill,
        stream: &mut Stream,
    ) -> Tensor<B, 4> {
        let [batch, channels, height, width] = x.dims();
        let mut x = x;
        let geometry: Vec<Factor<3>> = (self.geometry.iter())
            .map(|drawn| drawn.factor(|kind, numbers| kind.source(numbers, [height, width])))
            .collect();
        if let Some(matrices) = composed(&geometry, strength, &x) {
            x = warp(x, matrices.narrow(1, 0, 2).reshape([batch, 6]), fill);
        }
        // A later one stands to the left.
        let chromatic: Vec<Factor<4>> = (self.colour.iter().rev())
            .map(|drawn| drawn.factor(|kind, numbers| kind.matrix(numbers[0], channels == 1)))
            .collect();
        if let Some(matrices) = composed(&chromatic, strength, &x) {
            x = colour(x, colour_numbers(matrices, channels));
        }
        if let Some(noise) = &self.noise {
            let sigma: Vec<f64> = noise.numbers.iter().map(|n| 0.1 * n[0].abs()).collect();
            let sigma = numbers_for(&x, sigma) * strength.made(&noise.above, &x);
            let drawn = x.standard_normal_like(stream);
            x = x + drawn * sigma.reshape([batch, 1, 1, 1]);
        }
        if let Some(cutout) = &self.cutout {
            let rectangles = cutout.numbers.iter().flat_map(|[across, down]| {
                let [[left, right], [top, bottom]] =
                    [(across, width), (down, height)].map(|(centre, side)| half(*centre, side));
                [top, bottom, left, right]
            });
            let rectangles = numbers_for(&x, rectangles.collect());
            // Where it is not made it is empty.
            let rectangles = rectangles * strength.made(&cutout.above, &x);
            x = cut(x, rectangles);
        }
        x
    }
}

impl<K: Copy> Drawn<K> {
    fn factor<const N: usize>(&self, matrix: impl Fn(K, [f64; 2]) -> [[f64; N]; N]) -> Factor<N> {
        let matrices = self.numbers.iter();
        Factor {
            above: self.above.clone(),
            matrices: matrices
                .map(|numbers| matrix(self.kind, *numbers))
                .collect(),
        }
    }
}

/// Draws for a batch.
struct Drawer<'a> {
    batch: usize,
    stream: &'a mut Stream,
}

impl Drawer<'_> {
    /// A transformation that is made with its multiplier times p; `None` where it never is.
    fn one<K>(&mut self, kind: K, multiplier: f64, from: From) -> Option<Drawn<K>> {
        if multiplier == 0.0 {
            return None;
        }
        let above = self.stream.uniform(self.batch, 0.0, 1.0);
        let above = above.into_iter().map(|u| f64::from(u) / multiplier);
        let drawn = match from {
            From::Unit => self.stream.uniform(2 * self.batch, 0.0, 1.0),
            From::Symmetric => self.stream.uniform(2 * self.batch, -1.0, 1.0),
            From::Normal => self.stream.normal(2 * self.batch),
        };
        let numbers = drawn.chunks_exact(2);
        Some(Drawn {
            kind,
            above: above.collect(),
            numbers: numbers
                .map(|pair| [pair[0], pair[1]].map(f64::from))
                .collect(),
        })
    }
}

/// The numbers of [`colour`] for pictures of so many channels.
fn colour_numbers<B: Backend>(matrices: Tensor<B, 3>, channels: usize) -> Tensor<B, 2> {
    let [batch, ..] = matrices.dims();
    let colours = channels.min(3);
    let rows = matrices.narrow(1, 0, colours);
    let mixed = rows.clone().narrow(2, 0, colours);
    let offset = rows.narrow(2, 3, 1);
    let none = |shape: [usize; 3]| {
        mixed
            .zeros_like()
            .narrow(1, 0, 1)
            .narrow(2, 0, 1)
            .expand(shape)
    };
    let (mixed, offset) = match channels {
        1 | 3 => (mixed.clone(), offset),
        4 => {
            // Alpha is itself.
            let alpha = none([batch, 1, 1]).add_scalar(1.0);
            let last = Tensor::cat(vec![none([batch, 1, 3]), alpha], 2);
            let colours = Tensor::cat(vec![mixed.clone(), none([batch, 3, 1])], 2);
            (
                Tensor::cat(vec![colours, last], 1),
                Tensor::cat(vec![offset, none([batch, 1, 1])], 1),
            )
        }
        _ => panic!(
            "images of {channels} channels have no colours that ADA knows: 1 is grey, 3 are RGB, \
             4 RGB and alpha; for others set `brightness`, `contrast`, `luma_flip`, `hue` and \
             `saturation` to 0"
        ),
    };
    let none = none([batch, 1, 1]).reshape([batch, 1]);
    let mixed = mixed.reshape([batch, channels * channels]);
    Tensor::cat(vec![mixed, offset.reshape([batch, channels]), none], 1)
}

/// From where to where half a side is cut out around a centre in [0, 1).
fn half(centre: f64, side: usize) -> [f64; 2] {
    let side = side as f64;
    // Pixels whose middle is less than a quarter of the side away.
    let from = (side * (centre - 0.25) - 0.5).floor() + 1.0;
    let to = (side * (centre + 0.25) - 0.5).ceil();
    [from.max(0.0), to.min(side)]
}
