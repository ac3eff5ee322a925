//! How alike images of a set are, as a score beside that of real ones.

use serde_json::{Value, json};

use super::feature_metric::{Estimate, FeatureMetric, Number};
use super::features::{Features, same_kind};
use super::ms_ssim::MsSsim;
use crate::data::ImageShape;
use crate::error::Result;
use crate::random::Stream;

const NAME: &str = "ms_ssim";

/// [`MsSsim`] of images of one shape, as a metric of two sets whose features are the pixels
/// ([`Raw`](super::Raw)).
///
/// It looks at the generated images alone: real ones are there for real against real, which says how
/// alike real images are. The lower, the more diverse; far below the real ones it is noise that makes
/// images unlike.
///
/// ```
/// use burn_gan::data::ImageShape;
/// use burn_gan::metrics::{Features, ImageDiversity, MsSsim, Scorer};
/// use burn_gan::random::Stream;
///
/// let shape = ImageShape::new([1, 28, 28]);
/// let noise = |seed| {
///     let pixels = Stream::new(seed, "pixels").uniform(20 * 28 * 28, -1.0, 1.0);
///     Features::new(pixels, 28 * 28)
/// };
/// // As many scales as images of 28 × 28 pixels have.
/// let metric = ImageDiversity::new(shape).expect("not too small");
/// assert_eq!(metric.ms_ssim().scales, 2);
/// let score = &Scorer::new(noise(1)?).with_metric(metric).score(&noise(2)?)?[0];
/// assert!((score.value() - score.real_against_real.unwrap().value).abs() < 0.05);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ImageDiversity {
    ms_ssim: MsSsim,
    shape: ImageShape,
}

impl ImageDiversity {
    /// The default settings, with the most scales up to five that images of this shape have room for;
    /// `None` where there is not even one.
    pub fn new(shape: ImageShape) -> Option<Self> {
        let of_scales = |scales| MsSsim {
            scales,
            ..MsSsim::default()
        };
        let mut settings = (1..=MsSsim::default().scales).rev().map(of_scales);
        let ms_ssim = settings.find(|settings| settings.fits(shape).is_ok())?;
        Some(Self { ms_ssim, shape })
    }

    /// Settings of one's own.
    ///
    /// # Errors
    /// If one is wrong, or if images of this shape are too small for them.
    pub fn with_settings(ms_ssim: MsSsim, shape: ImageShape) -> Result<Self> {
        ms_ssim.fits(shape)?;
        Ok(Self { ms_ssim, shape })
    }

    /// The settings.
    pub fn ms_ssim(&self) -> &MsSsim {
        &self.ms_ssim
    }
}

impl FeatureMetric for ImageDiversity {
    fn name(&self) -> &'static str {
        NAME
    }

    fn numbers(&self) -> &'static [Number] {
        const { &[Number::lower(NAME)] }
    }

    fn settings(&self) -> Value {
        json!(self.ms_ssim)
    }

    fn validate(&self) -> Result<()> {
        self.ms_ssim.fits(self.shape)
    }

    fn measure(
        &self,
        real: &Features,
        generated: &Features,
        stream: &mut Stream,
    ) -> Result<Vec<Estimate>> {
        same_kind(NAME, real, generated)?;
        let scores = self.ms_ssim.diversity(generated, self.shape, stream)?;
        Ok(vec![Estimate::with_error(
            scores.mean,
            scores.standard_error,
        )])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Scorer;

    #[test]
    fn there_are_as_many_scales_as_images_have_room_for() {
        let scales = |side| {
            let found = ImageDiversity::new(ImageShape::new([1, side, side]));
            found.map(|found| found.ms_ssim().scales)
        };
        // (11 − 1) · 2^(scales − 1) + 1 pixels.
        for (side, expected) in [(10, None), (11, Some(1)), (20, Some(1)), (21, Some(2))] {
            assert_eq!(scales(side), expected, "{side}");
        }
        assert_eq!([160, 161, 1_024].map(scales), [Some(4), Some(5), Some(5)]);
        let small = ImageShape::new([1, 28, 28]);
        let error = ImageDiversity::with_settings(MsSsim::default(), small).unwrap_err();
        assert!(
            error.to_string().contains("too small for 5 scales"),
            "{error}"
        );
    }

    #[test]
    fn a_set_of_one_picture_is_told_from_a_varied_one() {
        let shape = ImageShape::new([1, 12, 12]);
        let noise = |seed: u64| {
            let pixels = Stream::new(seed, "pixels").uniform(30 * 144, -1.0, 1.0);
            Features::new(pixels, 144).unwrap()
        };
        let metric = ImageDiversity::new(shape).unwrap();
        let scorer = Scorer::new(noise(1)).with_metric(metric);
        let varied = scorer.score(&noise(2)).unwrap().remove(0);
        let collapsed = scorer.score(&noise(3).select(&[4; 30])).unwrap().remove(0);
        assert!((collapsed.value() - 1.0).abs() < 1e-12, "{collapsed}");
        assert!(varied.is_better_than(&collapsed).unwrap(), "{varied}");
        let real = varied.real_against_real.unwrap();
        assert!((real.value - varied.value()).abs() < 0.1, "{varied}");
        assert_eq!(varied.provenance.settings["scales"], 1);
    }
}
