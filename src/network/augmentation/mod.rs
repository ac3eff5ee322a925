//! Random changes of samples that leave their meaning.

mod affine;
mod diff_augment;
#[cfg(test)]
pub(crate) mod golden;
pub(crate) mod picture;

pub use affine::Affine;
pub use diff_augment::DiffAugment;

use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor, TensorData};
use serde::Serialize;

use super::Sample;
use crate::error::{Error, Result, check};
use crate::random::Stream;
use crate::settings::settings;
use crate::sizes;

settings! {
/// A random change of each sample of a batch, differentiable in the sample.
///
/// Draws come from a [`Stream`]: the same seed gives the same changes on every backend.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Augmentation {
    /// x + std·ε with ε ~ N(0, I), for samples of any rank.
    Noise {
        /// The noise's standard deviation, in units of the data.
        std: f64,
    },
    /// x·e^(std·ε) with one ε ~ N(0, 1) for each sample, for samples of any rank.
    Scale {
        /// The standard deviation of the factor's logarithm.
        std: f64,
    },
    /// Images `[batch, …, height, width]` shifted by up to `shift` pixels in each direction, the
    /// uncovered border filled as `fill` says, and, if `flip`, mirrored left to right half of the
    /// time.
    Images {
        /// The largest shift, in pixels.
        shift: usize,
        /// Whether images are mirrored; not for digits or letters.
        flip: bool,
        /// What comes in at the border; its nearest pixels where it is not said.
        #[serde(default)]
        fill: Fill,
    },
    /// Images `[batch, …, height, width]` moved, turned, scaled and sheared a little.
    Affine(Affine),
    /// Images `[batch, …, height, width]` under DiffAugment: colours, whole shifts, and a square
    /// cut out.
    DiffAugment(DiffAugment),
}
}

settings! {
/// What a shifted image shows where it was moved away.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fill {
    /// The nearest pixel of the image: a b c shifted by 2 is a a a.
    #[default]
    Edge,
    /// The image mirrored at its border pixel: a b c shifted by 2 is c b a.
    Reflect,
    /// One number, in units of the data: −1 for black where pixels lie in [−1, 1].
    Value(f64),
}
}

impl Augmentation {
    /// Checks the settings.
    ///
    /// # Errors
    /// If the noise has no positive standard deviation, an image change changes nothing, or it
    /// fills with a number that is not finite.
    pub fn validate(&self) -> Result<()> {
        match *self {
            Self::Noise { std } => check::positive("std", std),
            Self::Scale { std } => check::positive("std", std),
            Self::Images {
                shift: 0,
                flip: false,
                fill,
            } => fill.validate().and(Err(Error::setting(
                "shift",
                0,
                "changes nothing without `flip`; shift by at least 1 pixel",
            ))),
            Self::Images { shift, fill, .. } => {
                fill.validate()?;
                check::at_most("shift", shift, sizes::SIZE)
            }
            Self::Affine(affine) => affine.validate(),
            Self::DiffAugment(policy) => policy.validate(),
        }
    }

    /// Whether it moves the numbers of a sample as a picture, instead of changing each in its
    /// place.
    pub fn is_geometric(&self) -> bool {
        match self {
            Self::Noise { .. } | Self::Scale { .. } => false,
            Self::Images { .. } | Self::Affine(_) | Self::DiffAugment(_) => true,
        }
    }

    /// Changes each sample of a batch.
    ///
    /// # Panics
    /// If an image change meets samples of less than two dimensions, or a shift as large as them.
    #[inline(never)]
    pub fn apply<B: Backend, const R: usize>(
        &self,
        x: Tensor<B, R>,
        stream: &mut Stream,
    ) -> Tensor<B, R> {
        match *self {
            Self::Noise { std } => {
                let noise = x.standard_normal_like(stream);
                x + noise.mul_scalar(std)
            }
            Self::Scale { std } => {
                let dims = x.dims();
                let drawn = stream.normal(dims[0]).into_iter();
                let factors: Vec<f64> = drawn.map(|e| (std * f64::from(e)).exp()).collect();
                let mut shape = [1; R];
                shape[0] = dims[0];
                let factors = TensorData::new(factors, shape);
                x.clone() * Tensor::from_data(factors, (&x.device(), x.dtype()))
            }
            Self::Images { shift, flip, fill } => shifted(x, shift, flip, fill, stream),
            Self::Affine(affine) => of_pictures(x, &mut |pictures| affine.apply(pictures, stream)),
            Self::DiffAugment(policy) => {
                of_pictures(x, &mut |pictures| policy.apply(pictures, stream))
            }
        }
    }
}

/// `[batch, …, height, width]` as pictures `[batch, channels, height, width]`, and back.
///
/// # Panics
/// If samples have less than two dimensions.
pub(crate) fn of_pictures<B: Backend, const R: usize>(
    x: Tensor<B, R>,
    change: &mut dyn FnMut(Tensor<B, 4>) -> Tensor<B, 4>,
) -> Tensor<B, R> {
    let dims = x.dims();
    assert!(
        R >= 3,
        "samples of shape {dims:?} can't be changed as images: these have two dimensions at least"
    );
    if R == 4 {
        // The same rank under another name: nothing is moved, in whichever order it lies.
        let pictures = Tensor::from_primitive(x.into_primitive());
        return Tensor::from_primitive(change(pictures).into_primitive());
    }
    let channels = dims[1..R - 2].iter().product::<usize>();
    change(x.reshape([dims[0], channels, dims[R - 2], dims[R - 1]])).reshape(dims)
}

/// Shifts and mirrors by a product with a matrix of zeros and ones on each side: exact, and
/// differentiable any number of times on every backend.
#[inline(never)]
fn shifted<B: Backend, const R: usize>(
    x: Tensor<B, R>,
    shift: usize,
    flip: bool,
    fill: Fill,
    stream: &mut Stream,
) -> Tensor<B, R> {
    let dims = x.dims();
    assert!(
        R >= 3 && shift < dims[R - 1] && shift < dims[R - 2],
        "samples of shape {dims:?} can't be shifted by {shift} pixels as images"
    );
    let (batch, height, width) = (dims[0], dims[R - 2], dims[R - 1]);
    let channels = dims[1..R - 2].iter().product::<usize>();
    let (device, dtype) = (x.device(), x.dtype());
    let shifts = stream.indices(2 * batch, 2 * shift + 1);
    let mut rows = Vec::with_capacity(batch * height);
    let mut columns = Vec::with_capacity(batch * width);
    for shifts in shifts.chunks_exact(2) {
        let [down, right] = [0, 1].map(|axis| shifts[axis] as i64 - shift as i64);
        rows.extend((0..height as i64).map(|y| y - down));
        columns.extend((0..width as i64).map(|x| x - right));
    }
    if flip {
        let mirrored = stream.indices(batch, 2);
        for (columns, mirrored) in columns.chunks_exact_mut(width).zip(mirrored) {
            if mirrored == 1 {
                columns.reverse();
            }
        }
    }
    for source in &mut rows {
        *source = fill.source(*source, height);
    }
    for source in &mut columns {
        *source = fill.source(*source, width);
    }
    // Entry (i, j) of a sample's matrix is 1 where output i is taken from input j; a source
    // outside the image matches no j and leaves 0.
    let select = |sources: Vec<i64>, length: usize| -> Tensor<B, 3> {
        let sources = TensorData::new(sources, [batch, length, 1]);
        let sources = Tensor::<B, 3, Int>::from_data(sources, &device);
        let positions = Tensor::<B, 1, Int>::arange(0..length as i64, &device);
        let positions: Tensor<B, 3, Int> = positions.reshape([1, 1, length]);
        sources
            .repeat_dim(2, length)
            .equal(positions.expand([batch, length, length]))
            .float()
            // Runs of two precisions may share a device: its default is not to be trusted.
            .cast(dtype)
    };
    let uncovered = match fill {
        Fill::Value(value) if value != 0.0 => {
            let mut uncovered = Vec::with_capacity(batch * height * width);
            for (rows, columns) in rows.chunks_exact(height).zip(columns.chunks_exact(width)) {
                for y in rows {
                    let inside = |source: i64, length| (0..length as i64).contains(&source);
                    let pixel = |x: &i64| inside(*y, height) && inside(*x, width);
                    uncovered.extend(columns.iter().map(|x| if pixel(x) { 0.0 } else { value }));
                }
            }
            let uncovered = TensorData::new(uncovered, [batch, 1, height, width]);
            Some(Tensor::<B, 4>::from_data(uncovered, (&device, dtype)))
        }
        _ => None,
    };
    let down = select(rows, height).reshape([batch, 1, height, height]);
    let across = select(columns, width).reshape([batch, 1, width, width]);
    let images: Tensor<B, 4> = x.reshape([batch, channels, height, width]);
    let images = down
        .expand([batch, channels, height, height])
        .matmul(images)
        .matmul(
            across
                .swap_dims(2, 3)
                .expand([batch, channels, width, width]),
        );
    let images = match uncovered {
        Some(uncovered) => images + uncovered,
        None => images,
    };
    images.reshape(dims)
}

impl Fill {
    /// The pixel that stands for `source`, a place among the `length` pixels of a row or beyond them;
    /// outside of them where none does.
    pub(crate) fn source(self, source: i64, length: usize) -> i64 {
        let last = length as i64 - 1;
        match self {
            Self::Edge => source.clamp(0, last),
            Self::Reflect if (0..=last).contains(&source) => source,
            Self::Reflect => last - (source.rem_euclid((2 * last).max(1)) - last).abs(),
            Self::Value(_) => source,
        }
    }

    pub(crate) fn validate(self) -> Result<()> {
        match self {
            Self::Value(value) if !value.is_finite() => Err(Error::setting(
                "fill.value",
                value,
                "must be a number that is finite, in units of the data",
            )),
            _ => Ok(()),
        }
    }
}

crate::compiled::compiled! {
    Augmentation::apply::<Tape, 2>,
    Augmentation::apply::<Tape, 4>,
    Augmentation::apply::<Tapes, 2>,
    Augmentation::apply::<Tapes, 4>,
    shifted::<Tape, 2>,
    shifted::<Tape, 4>,
    shifted::<Tapes, 2>,
    shifted::<Tapes, 4>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{for_each_backend, on_wgpu, values};

    fn images<B: Backend>() -> Tensor<B, 4> {
        Tensor::<B, 1, Int>::arange(1..1 + 6 * 2 * 4 * 5, &Default::default())
            .float()
            .reshape([6, 2, 4, 5])
    }

    /// The image that `shift` and mirroring make of another, by loops.
    fn by_hand(image: &[f64], down: i64, right: i64, mirror: bool, fill: Fill) -> Vec<f64> {
        let (height, width) = (4i64, 5i64);
        // One step at a time, as one would with paper.
        let place = |mut at: i64, length: i64| match fill {
            Fill::Value(_) => (0..length).contains(&at).then_some(at),
            Fill::Edge => {
                while at < 0 {
                    at += 1;
                }
                while at >= length {
                    at -= 1;
                }
                Some(at)
            }
            Fill::Reflect => {
                let there_and_back: Vec<i64> = (0..length).chain((1..length - 1).rev()).collect();
                let period = there_and_back.len() as i64;
                Some(there_and_back[at.rem_euclid(period) as usize])
            }
        };
        let mut out = Vec::new();
        for channel in 0..2 {
            for y in 0..height {
                for x in 0..width {
                    let x = if mirror { width - 1 - x } else { x };
                    out.push(
                        match (place(y - down, height), place(x - right, width), fill) {
                            (Some(y), Some(x), _) => {
                                image[((channel * height + y) * width + x) as usize]
                            }
                            (_, _, Fill::Value(value)) => value,
                            _ => unreachable!("every place has a pixel"),
                        },
                    );
                }
            }
        }
        out
    }

    fn every_image_is_shifted_and_mirrored_whole<B: Backend>() {
        let before = values(images::<B>());
        let fills = [
            Fill::Edge,
            Fill::Reflect,
            Fill::Value(-1.0),
            Fill::Value(0.0),
        ];
        for fill in fills {
            let mut stream = Stream::new(5, "augmentation");
            let change = Augmentation::Images {
                shift: 2,
                flip: true,
                fill,
            };
            let after = values(change.apply(images::<B>(), &mut stream));
            let mut kinds = std::collections::BTreeSet::new();
            for (before, after) in before.chunks(40).zip(after.chunks(40)) {
                let mut all = (-2..=2).flat_map(|down| {
                    (-2..=2)
                        .flat_map(move |right| [false, true].map(|mirror| (down, right, mirror)))
                });
                let kind = all
                    .find(|(down, right, mirror)| {
                        by_hand(before, *down, *right, *mirror, fill) == after
                    })
                    .expect("one of the changes");
                kinds.insert(kind);
            }
            assert!(
                kinds.len() > 3,
                "each image has a change of its own: {kinds:?}"
            );
        }
    }

    /// One row of three pixels moved by `right`, as `fill` says.
    fn row(right: i64, fill: Fill) -> Vec<i64> {
        (0..3).map(|x| fill.source(x - right, 3)).collect()
    }

    #[test]
    fn the_border_is_the_nearest_pixel_the_mirror_image_or_a_number() {
        assert_eq!(row(2, Fill::Edge), [0, 0, 0]);
        assert_eq!(row(-1, Fill::Edge), [1, 2, 2]);
        assert_eq!(row(2, Fill::Reflect), [2, 1, 0]);
        assert_eq!(row(-1, Fill::Reflect), [1, 2, 1]);
        assert_eq!(row(2, Fill::Value(7.0)), [-2, -1, 0]);
    }

    fn a_ground_of_one_colour_stays_so<B: Backend>() {
        // Black where pixels lie in [−1, 1]: no grey bars at the border.
        let ground = Tensor::<B, 4>::full([32, 1, 6, 6], -1.0, &Default::default());
        for fill in [Fill::Edge, Fill::Reflect, Fill::Value(-1.0)] {
            let change = Augmentation::Images {
                shift: 3,
                flip: true,
                fill,
            };
            let after = change.apply(ground.clone(), &mut Stream::new(1, "ground"));
            assert_eq!(values(after), vec![-1.0; 32 * 36], "{fill:?}");
        }
    }

    fn noise_has_its_size<B: Backend>() {
        let x = Tensor::<B, 2>::zeros([500, 20], &Default::default());
        let noisy = Augmentation::Noise { std: 0.3 }.apply(x, &mut Stream::new(1, "noise"));
        let square = values(noisy.square().mean())[0];
        // 10,000 draws: the standard error of the mean square is 0.0013.
        assert!((square - 0.09).abs() < 0.006, "{square}");
    }

    fn each_sample_has_one_factor<B: Backend>() {
        let x = Tensor::<B, 3>::ones([2_000, 2, 3], &Default::default());
        let scaled = Augmentation::Scale { std: 0.3 }.apply(x, &mut Stream::new(1, "scale"));
        let scaled = values(scaled);
        let factors: Vec<f64> = scaled.chunks(6).map(|sample| sample[0].ln()).collect();
        for sample in scaled.chunks(6) {
            assert!(sample.iter().all(|x| *x == sample[0]), "{sample:?}");
        }
        let mean = factors.iter().sum::<f64>() / 2_000.0;
        let square = factors.iter().map(|f| f * f).sum::<f64>() / 2_000.0;
        // Standard errors: 0.0067 of the mean, 0.0028 of the mean square.
        assert!(
            mean.abs() < 0.034 && (square - 0.09).abs() < 0.014,
            "{mean} {square}"
        );
    }

    for_each_backend!(
        each_sample_has_one_factor,
        every_image_is_shifted_and_mirrored_whole,
        a_ground_of_one_colour_stays_so,
        noise_has_its_size
    );
    on_wgpu!(Wgpu; every_image_is_shifted_and_mirrored_whole);

    #[test]
    fn a_change_that_changes_nothing_is_refused() {
        assert!(Augmentation::Noise { std: 0.0 }.validate().is_err());
        assert!(Augmentation::Noise { std: f64::NAN }.validate().is_err());
        assert!(Augmentation::Scale { std: 0.0 }.validate().is_err());
        let images = |shift, flip, fill| Augmentation::Images { shift, flip, fill };
        assert!(images(0, false, Fill::Edge).validate().is_err());
        assert!(images(0, true, Fill::Edge).validate().is_ok());
        for value in [f64::NAN, f64::INFINITY] {
            let error = images(1, false, Fill::Value(value)).validate();
            let error = error.expect_err("no number").to_string();
            assert!(error.contains("`fill.value`"), "{error}");
        }
    }

    #[test]
    fn a_fill_that_is_not_said_is_the_edge() {
        let read = |json: &str| serde_json::from_str::<Augmentation>(json);
        let all = [
            (r#"{"images":{"shift":2,"flip":true}}"#, Fill::Edge),
            (
                r#"{"images":{"shift":2,"flip":true,"fill":"reflect"}}"#,
                Fill::Reflect,
            ),
            (
                r#"{"images":{"shift":2,"flip":true,"fill":{"value":-1.0}}}"#,
                Fill::Value(-1.0),
            ),
        ];
        for (json, fill) in all {
            let expected = Augmentation::Images {
                shift: 2,
                flip: true,
                fill,
            };
            assert_eq!(read(json).expect("valid settings"), expected);
        }
    }
}
