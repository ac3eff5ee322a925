//! A separable filter, with a change of size.

use burn::module::Module;
use burn::tensor::backend::Backend;
use burn::tensor::module::{conv_transpose2d, conv2d};
use burn::tensor::ops::{ConvTransposeOptions, PaddedConvOptions};
use burn::tensor::{Tensor, TensorData};
use serde::Serialize;

use super::channels_last::in_their_order;
use crate::error::{Error, Result, check};
use crate::settings::settings;

/// The most taps, and the largest factor.
const LONGEST: usize = 64;

settings! {
/// Filters each channel of images, rows and columns alike, and makes them larger or smaller by a
/// whole factor.
///
/// ```text
/// u[up·i] = x[i], u = 0 elsewhere, padded with zeros       f = taps/Σ taps
/// y[i, j] = gain · Σ_{k, l} f[k] · f[l] · u[down·i + taps − 1 − k, down·j + taps − 1 − l]
/// height_out = (up·height + padding[0] + padding[1] − taps)/down + 1, rounded down
/// ```
///
/// Images are `[batch, channels, height, width]`. Nothing is learnt. Sampling without a filter folds
/// detail that a smaller image can't hold into wrong places, and repeats it in a larger one: StyleGAN
/// and its successors blur with the taps 1, 3, 3, 1 at each change of size. The ready ones are
/// [`blur`](Self::blur), [`upsample`](Self::upsample) and [`downsample`](Self::downsample); by another
/// padding the filter goes along with a convolution that changes the size itself.
///
/// The output lies in memory as the input does; see [`channels_last`](super::channels_last()).
///
/// Zhang 2019, *Making convolutional networks shift-invariant again*, arXiv:1904.11486; Karras, Laine,
/// Aila 2018, arXiv:1812.04948; Karras et al. 2019, arXiv:1912.04958, appendix B.
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::nn::Fir;
///
/// let images = Tensor::<Flex, 4>::ones([2, 3, 8, 8], &Default::default());
/// assert_eq!(Fir::blur(Fir::BINOMIAL).forward(images.clone()).dims(), [2, 3, 8, 8]);
/// assert_eq!(Fir::upsample(Fir::BINOMIAL, 2).forward(images.clone()).dims(), [2, 3, 16, 16]);
/// assert_eq!(Fir::downsample(Fir::BINOMIAL, 2).forward(images).dims(), [2, 3, 4, 4]);
/// ```
#[derive(Module, Debug, Clone, PartialEq, Serialize)]
pub struct Fir {
    /// The filter along one axis, to be divided by its sum.
    pub taps: Vec<f64>,
    /// How many times larger the image becomes before it is filtered.
    pub up: usize,
    /// How many times smaller it becomes afterwards.
    pub down: usize,
    /// Zeros before and after each row and column of what is filtered, in its pixels.
    pub padding: [usize; 2],
    /// What the output is multiplied by; up² keeps the brightness.
    pub gain: f64,
}
}

impl Fir {
    /// The taps 1, 3, 3, 1.
    pub const BINOMIAL: [f64; 4] = [1.0, 3.0, 3.0, 1.0];

    /// Filters and keeps the size.
    pub fn blur(taps: impl Into<Vec<f64>>) -> Self {
        let taps = taps.into();
        let around = taps.len().saturating_sub(1);
        Self {
            up: 1,
            down: 1,
            padding: [around - around / 2, around / 2],
            gain: 1.0,
            taps,
        }
    }

    /// Makes images larger by a whole factor, as bright as they were.
    ///
    /// The padding is (taps + factor − 1)/2 before and (taps − factor)/2 after, rounded down.
    pub fn upsample(taps: impl Into<Vec<f64>>, factor: usize) -> Self {
        let taps = taps.into();
        let spread = taps.len().saturating_add(factor).saturating_sub(1);
        Self {
            up: factor,
            down: 1,
            padding: [spread / 2, taps.len().saturating_sub(factor) / 2],
            gain: (factor as f64).powi(2),
            taps,
        }
    }

    /// Makes images smaller by a whole factor.
    ///
    /// The padding is (taps − factor + 1)/2 before and (taps − factor)/2 after, rounded down.
    pub fn downsample(taps: impl Into<Vec<f64>>, factor: usize) -> Self {
        let taps = taps.into();
        let around = taps.len().saturating_sub(factor);
        Self {
            up: 1,
            down: factor,
            padding: [around - around / 2, around / 2],
            gain: 1.0,
            taps,
        }
    }

    /// Zeros before and after each row and column of what is filtered.
    pub fn with_padding(mut self, padding: [usize; 2]) -> Self {
        self.padding = padding;
        self
    }

    /// What the output is multiplied by.
    pub fn with_gain(mut self, gain: f64) -> Self {
        self.gain = gain;
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// If there are no taps or over 64, one is not finite or they add up to 0 or less, a factor is 0 or
    /// above the number of taps, the padding is above 64, or the gain is not finite.
    pub fn validate(&self) -> Result<()> {
        check::at_least("taps.len()", self.taps.len(), 1)?;
        check::at_most("taps.len()", self.taps.len(), LONGEST)?;
        let sum: f64 = self.taps.iter().sum();
        if !(sum > 0.0 && sum.is_finite()) {
            return Err(Error::setting(
                "taps",
                format!("{:?}", self.taps),
                "must be finite numbers with a sum above 0, which they are divided by",
            ));
        }
        for (field, factor) in [("up", self.up), ("down", self.down)] {
            check::at_least(field, factor, 1)?;
            check::at_most(field, factor, self.taps.len())?;
        }
        for zeros in self.padding {
            check::at_most("padding", zeros, LONGEST)?;
        }
        if !self.gain.is_finite() {
            return Err(Error::setting("gain", self.gain, "must be a finite number"));
        }
        Ok(())
    }

    /// Height or width of the output for that of an input; `None` where nothing is left.
    pub fn size(&self, input: usize) -> Option<usize> {
        let padded = input * self.up + self.padding[0] + self.padding[1];
        let free = padded.checked_sub(self.taps.len())?;
        Some(free / self.down + 1)
    }

    /// Applies the filter, `[batch, channels, height, width]` to
    /// `[batch, channels, height_out, width_out]`.
    ///
    /// # Panics
    /// If the settings are not [valid](Self::validate), or images are smaller than the filter.
    pub fn forward<B: Backend>(&self, images: Tensor<B, 4>) -> Tensor<B, 4> {
        if let Err(error) = self.validate() {
            panic!("{error}");
        }
        let [batch, channels, height, width] = images.dims();
        let (Some(height_out), Some(width_out)) = (self.size(height), self.size(width)) else {
            panic!(
                "a filter of {} taps with padding {:?} can't take images of shape {:?}",
                self.taps.len(),
                self.padding,
                images.dims()
            );
        };
        #[cfg(feature = "flex")]
        let images = match self.by_kernel(images, [height_out, width_out]) {
            Ok(filtered) => return filtered,
            Err(images) => images,
        };
        in_their_order(images, |images| {
            // A channel is an image of its own.
            let single = images.reshape([batch * channels, 1, height, width]);
            let filtered = match self.up {
                1 => self.smaller(single),
                _ => self.larger(single),
            };
            filtered.reshape([batch, channels, height_out, width_out])
        })
    }

    /// On the kernels; what they don't take comes back as it is.
    #[cfg(feature = "flex")]
    fn by_kernel<B: Backend>(
        &self,
        images: Tensor<B, 4>,
        output: [usize; 2],
    ) -> Result<Tensor<B, 4>, Tensor<B, 4>> {
        let [_, _, height, width] = images.dims();
        let sum: f64 = self.taps.iter().sum();
        let scaled = |factor: f64| -> std::sync::Arc<[f32]> {
            let taps = self.taps.iter().rev();
            taps.map(|tap| (tap * factor / sum) as f32).collect()
        };
        let filter = crate::kernels::Resample {
            taps: [scaled(self.gain), scaled(1.0)],
            up: [self.up; 2],
            down: [self.down; 2],
            begin: [self.padding[0] as isize; 2],
            input: [height, width],
            output,
        };
        crate::kernels::resampled(&filter, images)
    }

    /// Convolves with every `down`-th place.
    fn smaller<B: Backend>(&self, single: Tensor<B, 4>) -> Tensor<B, 4> {
        // What burn and others call a convolution runs the other way.
        let kernel = self.kernel(&single, self.taps.iter().rev());
        let [before, after] = self.padding;
        // What burn's operation pads unevenly is of its default precision, not of the tensor's.
        let even = before.min(after);
        let mut padded = single;
        for axis in [2, 3] {
            let wanted = padded.dims()[axis] + before + after - 2 * even;
            padded = window(padded, axis, 0, before - even, wanted);
        }
        let options =
            PaddedConvOptions::asymmetric([self.down; 2], [even; 2], [even; 2], [1, 1], 1);
        conv2d(padded, kernel, None, options)
    }

    /// Spreads each pixel over the places that its taps reach, then takes those of the output.
    fn larger<B: Backend>(&self, single: Tensor<B, 4>) -> Tensor<B, 4> {
        let [_, _, height, width] = single.dims();
        let kernel = self.kernel(&single, self.taps.iter());
        let options = ConvTransposeOptions::new([self.up; 2], [0, 0], [0, 0], [1, 1], 1);
        let mut y = conv_transpose2d(single, kernel, None, options);
        for (axis, size) in [(2, height), (3, width)] {
            let wanted = size * self.up + self.padding[0] + self.padding[1] + 1 - self.taps.len();
            y = window(y, axis, self.taps.len() - 1, self.padding[0], wanted);
        }
        if self.down == 1 {
            return y;
        }
        let one = y
            .ones_like()
            .narrow(0, 0, 1)
            .narrow(2, 0, 1)
            .narrow(3, 0, 1);
        let every = PaddedConvOptions::asymmetric([self.down; 2], [0, 0], [0, 0], [1, 1], 1);
        conv2d(y, one, None, every)
    }

    /// The filter of both axes, `[1, 1, taps, taps]`.
    fn kernel<'a, B: Backend>(
        &self,
        like: &Tensor<B, 4>,
        taps: impl Iterator<Item = &'a f64> + Clone,
    ) -> Tensor<B, 4> {
        let sum: f64 = self.taps.iter().sum();
        let scale = self.gain / (sum * sum);
        let rows = taps.clone();
        let values: Vec<f64> = rows
            .flat_map(|row| taps.clone().map(move |column| row * column * scale))
            .collect();
        let side = self.taps.len();
        let values = TensorData::new(values, [1, 1, side, side]);
        Tensor::from_data(values, (&like.device(), like.dtype()))
    }
}

/// `wanted` places along an axis of what begins `reach` places early; `before` of them may be had
/// of it, what lies outside is 0.
fn window<B: Backend>(
    x: Tensor<B, 4>,
    axis: usize,
    reach: usize,
    before: usize,
    wanted: usize,
) -> Tensor<B, 4> {
    let skipped = reach.saturating_sub(before);
    let missing = before.saturating_sub(reach);
    let there = (x.dims()[axis] - skipped).min(wanted - missing);
    let mut parts = Vec::new();
    let zeros = |count: usize| {
        let mut shape = x.dims();
        shape[axis] = count;
        Tensor::zeros(shape, (&x.device(), x.dtype()))
    };
    if missing > 0 {
        parts.push(zeros(missing));
    }
    let end = wanted - missing - there;
    let rest = (end > 0).then(|| zeros(end));
    parts.push(x.narrow(axis, skipped, there));
    parts.extend(rest);
    match parts.len() {
        1 => parts.remove(0),
        _ => Tensor::cat(parts, axis),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, for_each_backend, on_wgpu, tensor1, values};

    /// The definition, pixel by pixel.
    fn by_hand(fir: &Fir, x: &[f64], [height, width]: [usize; 2]) -> Vec<f64> {
        let sum: f64 = fir.taps.iter().sum();
        // Where a place of the padded, spread image comes from.
        let source = |place: usize, size: usize| {
            let place = place.checked_sub(fir.padding[0])?;
            (place % fir.up == 0 && place / fir.up < size).then_some(place / fir.up)
        };
        let last = fir.taps.len() - 1;
        let [rows, columns] = [height, width].map(|size| fir.size(size).expect("a size"));
        let mut y = Vec::new();
        for i in 0..rows {
            for j in 0..columns {
                let mut total = 0.0;
                for (k, row) in fir.taps.iter().enumerate() {
                    for (l, column) in fir.taps.iter().enumerate() {
                        let from = (
                            source(fir.down * i + last - k, height),
                            source(fir.down * j + last - l, width),
                        );
                        if let (Some(a), Some(b)) = from {
                            total += row * column * x[a * width + b];
                        }
                    }
                }
                y.push(fir.gain * total / (sum * sum));
            }
        }
        y
    }

    fn every_change_of_size_is_the_definition<B: Backend>() {
        let lopsided = [1.0, 4.0, -0.5, 2.0, 0.25];
        let cases = [
            Fir::blur(Fir::BINOMIAL),
            Fir::blur([1.0]),
            Fir::blur([1.0, 2.0, 1.0]),
            Fir::blur(lopsided).with_padding([0, 3]).with_gain(-1.5),
            Fir::upsample(Fir::BINOMIAL, 2),
            Fir::upsample([1.0, 1.0], 2),
            Fir::upsample(lopsided, 3),
            Fir::upsample(lopsided, 2).with_padding([7, 9]),
            Fir::upsample(lopsided, 2).with_padding([0, 0]),
            Fir::downsample(Fir::BINOMIAL, 2),
            Fir::downsample(lopsided, 3),
            Fir::downsample(Fir::BINOMIAL, 2).with_padding([2, 2]),
            Fir {
                up: 3,
                down: 2,
                ..Fir::upsample(lopsided, 3)
            },
        ];
        for fir in cases {
            for [height, width] in [[6, 6], [5, 7], [4, 9]] {
                let x: Vec<f64> = (0..2 * height * width)
                    .map(|i| (i as f64 * 0.7).sin())
                    .collect();
                let images = tensor1::<B>(&x).reshape([1, 2, height, width]);
                let y = fir.forward(images);
                let expected: Vec<f64> = x
                    .chunks(height * width)
                    .flat_map(|x| by_hand(&fir, x, [height, width]))
                    .collect();
                assert_close(&values(y), &expected, 1e-5, 1e-5);
            }
        }
    }

    for_each_backend!(every_change_of_size_is_the_definition);
    on_wgpu!(Wgpu; every_change_of_size_is_the_definition);

    #[test]
    #[cfg(feature = "flex")]
    fn images_keep_their_order_in_memory() {
        use burn::backend::Flex;
        let images = Tensor::<Flex, 4>::ones([2, 3, 4, 6], &Default::default());
        let fir = Fir::upsample(Fir::BINOMIAL, 2);
        let rows = fir.forward(images.clone());
        assert!(!crate::kernels::lies_channels_last(&rows));
        let last = fir.forward(crate::nn::channels_last(images));
        assert!(crate::kernels::lies_channels_last(&last));
        assert_eq!(values(rows), values(last));
    }

    #[test]
    fn wrong_settings_are_refused_by_name() {
        let blur = || Fir::blur(Fir::BINOMIAL);
        for (wrong, field) in [
            (Fir::blur([]), "`taps.len()`"),
            (Fir::blur([1.0; 65]), "`taps.len()`"),
            (Fir::blur([1.0, -1.0]), "`taps`"),
            (Fir::blur([f64::NAN]), "`taps`"),
            (Fir::upsample(Fir::BINOMIAL, 0), "`up`"),
            (Fir::upsample(Fir::BINOMIAL, 5), "`up`"),
            (Fir::downsample(Fir::BINOMIAL, usize::MAX), "`down`"),
            (blur().with_padding([0, 65]), "`padding`"),
            (blur().with_gain(f64::INFINITY), "`gain`"),
        ] {
            let error = wrong.validate().expect_err(field).to_string();
            assert!(error.contains(field), "no {field} in {error}");
        }
        assert!(blur().validate().is_ok());
    }

    #[test]
    #[should_panic(expected = "can't take images of shape [1, 1, 1, 8]")]
    fn images_smaller_than_the_filter_panic_with_the_shape() {
        let images = Tensor::<crate::testing::Cpu, 4>::ones([1, 1, 1, 8], &Default::default());
        let _ = Fir::blur(Fir::BINOMIAL)
            .with_padding([1, 1])
            .forward(images);
    }
}
