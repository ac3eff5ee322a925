//! Random changes of samples that leave their meaning.

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
    /// Images `[batch, …, height, width]` shifted by up to `shift` pixels in each direction, the
    /// uncovered border filled with 0, and, if `flip`, mirrored left to right half of the time.
    Images {
        /// The largest shift, in pixels.
        shift: usize,
        /// Whether images are mirrored; not for digits or letters.
        flip: bool,
    },
}
}

impl Augmentation {
    /// Checks the settings.
    ///
    /// # Errors
    /// If the noise has no positive standard deviation, or an image change changes nothing.
    pub fn validate(&self) -> Result<()> {
        match *self {
            Self::Noise { std } => check::positive("std", std),
            Self::Images {
                shift: 0,
                flip: false,
            } => Err(Error::setting(
                "shift",
                0,
                "changes nothing without `flip`; shift by at least 1 pixel",
            )),
            Self::Images { shift, .. } => check::at_most("shift", shift, sizes::SIZE),
        }
    }

    /// Changes each sample of a batch.
    ///
    /// # Panics
    /// If an image change meets samples of less than two dimensions, or a shift as large as them.
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
            Self::Images { shift, flip } => shifted(x, shift, flip, stream),
        }
    }
}

/// Shifts and mirrors by a product with a matrix of zeros and ones on each side: exact, and
/// differentiable any number of times on every backend.
fn shifted<B: Backend, const R: usize>(
    x: Tensor<B, R>,
    shift: usize,
    flip: bool,
    stream: &mut Stream,
) -> Tensor<B, R> {
    let dims = x.dims();
    assert!(
        R >= 3 && shift < dims[R - 1] && shift < dims[R - 2],
        "samples of shape {dims:?} can't be shifted by {shift} pixels as images"
    );
    let (batch, height, width) = (dims[0], dims[R - 2], dims[R - 1]);
    let channels = dims[1..R - 2].iter().product::<usize>();
    let device = x.device();
    let mut draw = || stream.index(2 * shift + 1) as i64 - shift as i64;
    let mut rows = Vec::with_capacity(batch * height);
    let mut columns = Vec::with_capacity(batch * width);
    for _ in 0..batch {
        let (down, right) = (draw(), draw());
        rows.extend((0..height as i64).map(|y| y - down));
        columns.extend((0..width as i64).map(|x| x - right));
    }
    if flip {
        for columns in columns.chunks_exact_mut(width) {
            if stream.index(2) == 1 {
                columns.reverse();
            }
        }
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
    images.reshape(dims)
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
    fn by_hand(image: &[f64], down: i64, right: i64, mirror: bool) -> Vec<f64> {
        let (height, width) = (4i64, 5i64);
        let mut out = Vec::new();
        for channel in 0..2 {
            for y in 0..height {
                for x in 0..width {
                    let x = if mirror { width - 1 - x } else { x };
                    let (from_y, from_x) = (y - down, x - right);
                    let inside = (0..height).contains(&from_y) && (0..width).contains(&from_x);
                    out.push(if inside {
                        image[((channel * height + from_y) * width + from_x) as usize]
                    } else {
                        0.0
                    });
                }
            }
        }
        out
    }

    fn every_image_is_shifted_and_mirrored_whole<B: Backend>() {
        let before = values(images::<B>());
        let mut stream = Stream::new(5, "augmentation");
        let change = Augmentation::Images {
            shift: 2,
            flip: true,
        };
        let after = values(change.apply(images::<B>(), &mut stream));
        let mut kinds = std::collections::BTreeSet::new();
        for (before, after) in before.chunks(40).zip(after.chunks(40)) {
            let mut all = (-2..=2).flat_map(|down| {
                (-2..=2).flat_map(move |right| [false, true].map(|mirror| (down, right, mirror)))
            });
            let kind = all
                .find(|(down, right, mirror)| by_hand(before, *down, *right, *mirror) == after)
                .expect("one of the changes");
            kinds.insert(kind);
        }
        assert!(
            kinds.len() > 3,
            "each image has a change of its own: {kinds:?}"
        );
    }

    fn noise_has_its_size<B: Backend>() {
        let x = Tensor::<B, 2>::zeros([500, 20], &Default::default());
        let noisy = Augmentation::Noise { std: 0.3 }.apply(x, &mut Stream::new(1, "noise"));
        let square = values(noisy.square().mean())[0];
        // 10,000 draws: the standard error of the mean square is .0013.
        assert!((square - 0.09).abs() < 0.006, "{square}");
    }

    for_each_backend!(
        every_image_is_shifted_and_mirrored_whole,
        noise_has_its_size
    );
    on_wgpu!(Wgpu; every_image_is_shifted_and_mirrored_whole);

    #[test]
    fn a_change_that_changes_nothing_is_refused() {
        assert!(Augmentation::Noise { std: 0.0 }.validate().is_err());
        assert!(Augmentation::Noise { std: f64::NAN }.validate().is_err());
        assert!(
            Augmentation::Images {
                shift: 0,
                flip: false
            }
            .validate()
            .is_err()
        );
        assert!(
            Augmentation::Images {
                shift: 0,
                flip: true
            }
            .validate()
            .is_ok()
        );
    }
}
