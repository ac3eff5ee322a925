//! Small affine changes of images: what classifiers are trained with.

use std::f64::consts::PI;

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::Fill;
use super::picture::{numbers_for, warp};
use crate::error::{Error, Result};
use crate::random::Stream;
use crate::settings::settings;

settings! {
/// Images moved, turned, scaled and sheared, each by amounts drawn uniformly from ± its bound, around
/// their centre, by bilinear interpolation.
///
/// ```text
/// offset from the centre ↦ R(a)·S·offset + t        a ~ U(±rotation), t ~ U(±shift) on each axis
/// S = e^u·[[1, v], [0, 1]]                          u ~ U(±ln(1 + scale)), v ~ U(±shear)
/// ```
///
/// It is the classical augmentation of classifiers, for images whose meaning survives it: digits,
/// say, at 12° and 2 pixels.
///
/// ```
/// use burn_gan::network::{Affine, Augmentation, Fill};
///
/// let digits = Affine {
///     shift: 2.0,
///     rotation: 12.0,
///     scale: 0.1,
///     shear: 0.1,
///     fill: Fill::Value(-1.0),
/// };
/// Augmentation::Affine(digits).validate()?;
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
#[serde(default)]
pub struct Affine {
    /// The largest shift along each axis, in pixels, fractions among them.
    pub shift: f64,
    /// The largest angle, in degrees.
    pub rotation: f64,
    /// The largest growth: 0.1 for sizes from 1/1.1 to 1.1.
    pub scale: f64,
    /// The largest shear: how far a row is moved for a row's distance from the middle.
    pub shear: f64,
    /// What comes in at the border.
    pub fill: Fill,
}
}

impl Affine {
    pub(super) fn validate(self) -> Result<()> {
        let bounds = [
            ("shift", self.shift, 1e6),
            ("rotation", self.rotation, 180.0),
            ("scale", self.scale, 10.0),
            ("shear", self.shear, 10.0),
        ];
        for (field, value, most) in bounds {
            let field = format!("affine.{field}");
            if !(0.0..=most).contains(&value) {
                let problem = format!("must be a number from 0 to {most}");
                return Err(Error::setting(&field, value, problem));
            }
        }
        if bounds.iter().all(|(_, value, _)| *value == 0.0) {
            return Err(Error::setting(
                "affine.shift",
                0,
                "changes nothing without `rotation`, `scale` or `shear`; shift by some pixels",
            ));
        }
        self.fill.validate().map_err(|error| error.within("affine"))
    }

    pub(super) fn apply<B: Backend>(self, x: Tensor<B, 4>, stream: &mut Stream) -> Tensor<B, 4> {
        let [batch, ..] = x.dims();
        let drawn = stream.uniform(5 * batch, -1.0, 1.0);
        let drawn = drawn.chunks_exact(5);
        let drawn: Vec<[f64; 5]> = drawn
            .map(|drawn| std::array::from_fn(|index| f64::from(drawn[index])))
            .collect();
        self.apply_drawn(x, &drawn)
    }

    /// With five numbers in [−1, 1] for each sample.
    pub(super) fn apply_drawn<B: Backend>(
        self,
        x: Tensor<B, 4>,
        drawn: &[[f64; 5]],
    ) -> Tensor<B, 4> {
        let [_, _, height, width] = x.dims();
        let numbers = drawn
            .iter()
            .flat_map(|drawn| self.numbers(*drawn, [height, width]));
        let numbers = numbers_for(&x, numbers.collect());
        warp(x, numbers, self.fill)
    }

    /// Where the pixels of a changed image come from, by five numbers in [−1, 1]: right, down, angle,
    /// size, shear.
    fn numbers(self, drawn: [f64; 5], [height, width]: [usize; 2]) -> [f64; 6] {
        let [right, down, angle, size, shear] = drawn;
        let (right, down) = (right * self.shift, down * self.shift);
        let (sin, cos) = (angle * self.rotation * PI / 180.0).sin_cos();
        let size = (size * (1.0 + self.scale).ln()).exp();
        let shear = shear * self.shear;
        // S⁻¹·R⁻¹: the inverse of [[1, v], [0, 1]] has −v.
        let matrix = [
            [(cos + shear * sin) / size, (sin - shear * cos) / size],
            [-sin / size, cos / size],
        ];
        let [across, below] = [width, height].map(|side| (side as f64 - 1.0) / 2.0);
        let row = |[a, b]: [f64; 2], centre: f64| {
            [a, b, centre - a * (across + right) - b * (below + down)]
        };
        let [x, y] = [row(matrix[0], across), row(matrix[1], below)];
        [x[0], x[1], x[2], y[0], y[1], y[2]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Augmentation;
    use crate::testing::{for_each_backend, values};

    fn every_image_is_moved_in_its_own_way_within_the_bounds<B: Backend>() {
        // A column's own number in each of its pixels: what comes in says from where.
        let (batch, side) = (40, 9);
        let columns = (0..batch * side * side)
            .map(|i| (i % side) as f64)
            .collect();
        let x = numbers_for(
            &Tensor::<B, 4>::zeros([batch, 1, 1, 1], &Default::default()),
            columns,
        );
        let x: Tensor<B, 4> = x.reshape([batch, 1, side, side]);
        let shift = Affine {
            shift: 1.5,
            ..Affine::default()
        };
        let change = Augmentation::Affine(shift);
        let moved = values(change.apply(x, &mut Stream::new(3, "shift")));
        let middle = moved
            .chunks(side * side)
            .map(|image| image[4 * side + 4] - 4.0);
        let by: Vec<f64> = middle.collect();
        assert!(by.iter().all(|by| by.abs() <= 1.5), "{by:?}");
        assert!(
            by.iter().any(|by| *by > 1.0) && by.iter().any(|by| *by < -1.0),
            "{by:?}"
        );
        assert!(by.iter().any(|by| by.fract().abs() > 0.1), "{by:?}");
    }

    for_each_backend!(every_image_is_moved_in_its_own_way_within_the_bounds);

    #[test]
    fn wrong_bounds_are_refused_by_name() {
        let none = Affine::default();
        for (affine, field) in [
            (none, "affine.shift"),
            (
                Affine {
                    shift: -1.0,
                    ..none
                },
                "affine.shift",
            ),
            (
                Affine {
                    rotation: f64::NAN,
                    ..none
                },
                "affine.rotation",
            ),
            (
                Affine {
                    rotation: 181.0,
                    ..none
                },
                "affine.rotation",
            ),
            (
                Affine {
                    scale: f64::INFINITY,
                    ..none
                },
                "affine.scale",
            ),
            (
                Affine {
                    shear: -0.1,
                    ..none
                },
                "affine.shear",
            ),
            (
                Affine {
                    shift: 1.0,
                    fill: Fill::Value(f64::NAN),
                    ..none
                },
                "affine.fill.value",
            ),
        ] {
            let error = Augmentation::Affine(affine).validate().expect_err(field);
            assert!(error.to_string().contains(&format!("`{field}`")), "{error}");
        }
    }

    #[test]
    fn bounds_that_are_not_said_are_0() {
        let json = r#"{"affine":{"rotation":12.0,"fill":"reflect"}}"#;
        let read: Augmentation = serde_json::from_str(json).expect("valid settings");
        let expected = Affine {
            rotation: 12.0,
            fill: Fill::Reflect,
            ..Affine::default()
        };
        assert_eq!(read, Augmentation::Affine(expected));
    }
}
