//! Which transformations there are, and how often each is made.

use serde::Serialize;

use crate::error::{Error, Result};
use crate::settings::settings;

settings! {
/// The multipliers of p, each in [0, 1], in the order in which the transformations are made; 0 leaves
/// one out. Draws are the paper's, N(0, 1) by its ε, and independent for each sample.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(default)]
pub struct Transformations {
    /// Mirrored left to right or not, by a coin.
    pub x_flip: f64,
    /// Turned by 0, 90, 180 or 270 degrees; where height and width differ by 0 or 180.
    pub rotation_90: f64,
    /// Moved along each axis by U(±1/8) of its side, rounded to pixels.
    pub integer_translation: f64,
    /// Scaled by 2^(ε/5).
    pub isotropic_scaling: f64,
    /// Turned by an angle from U(±180°), before or after the next or both: each with 1 − √(1 − p).
    pub rotation: f64,
    /// Stretched along the axes by s and 1/s, s = 2^(ε/5).
    pub anisotropic_scaling: f64,
    /// Moved along each axis by ε/8 of its side.
    pub fractional_translation: f64,
    /// ε/5 is added.
    pub brightness: f64,
    /// Multiplied by 2^(ε/2).
    pub contrast: f64,
    /// Mirrored at the plane of one luma, by a coin: light for dark, with hue and saturation as they
    /// are; a grey image's sign.
    pub luma_flip: f64,
    /// Colours turned around the grey axis by U(±180°). A grey image has none.
    pub hue: f64,
    /// Distances from the grey axis multiplied by 2^ε. A grey image has none.
    pub saturation: f64,
    /// σ·ε added with an ε for each number, σ = |ε|/10; not in the paper's choice.
    pub noise: f64,
    /// A rectangle of half of each side set to 0, its centre uniform; not in the paper's choice.
    pub cutout: f64,
}
}

impl Transformations {
    /// None.
    pub const NONE: Self = Self {
        x_flip: 0.0,
        rotation_90: 0.0,
        integer_translation: 0.0,
        isotropic_scaling: 0.0,
        rotation: 0.0,
        anisotropic_scaling: 0.0,
        fractional_translation: 0.0,
        brightness: 0.0,
        contrast: 0.0,
        luma_flip: 0.0,
        hue: 0.0,
        saturation: 0.0,
        noise: 0.0,
        cutout: 0.0,
    };

    /// Flips, quarter turns and whole shifts: pixels to pixels.
    pub const BLIT: Self = Self {
        x_flip: 1.0,
        rotation_90: 1.0,
        integer_translation: 1.0,
        ..Self::NONE
    };

    /// All that moves pixels.
    pub const GEOMETRY: Self = Self {
        isotropic_scaling: 1.0,
        rotation: 1.0,
        anisotropic_scaling: 1.0,
        fractional_translation: 1.0,
        ..Self::BLIT
    };

    /// The paper's choice, `bgc`: the first twelve.
    pub const BGC: Self = Self {
        brightness: 1.0,
        contrast: 1.0,
        luma_flip: 1.0,
        hue: 1.0,
        saturation: 1.0,
        ..Self::GEOMETRY
    };

    /// R3GAN's: colours half as often as the geometry, and cutout.
    pub const R3GAN: Self = Self {
        brightness: 0.5,
        contrast: 0.5,
        luma_flip: 0.5,
        hue: 0.5,
        saturation: 0.5,
        cutout: 1.0,
        ..Self::GEOMETRY
    };

    pub(super) fn validate(&self) -> Result<()> {
        let all = self.all();
        for (name, multiplier) in all {
            if !(0.0..=1.0).contains(&multiplier) {
                return Err(Error::setting(
                    name,
                    multiplier,
                    "must be a share of p, from 0 to 1",
                ));
            }
        }
        if all.iter().all(|(_, multiplier)| *multiplier == 0.0) {
            return Err(Error::setting(
                "x_flip",
                0,
                "nor is any other transformation made: give some a multiplier, or leave the \
                 augmentation out",
            ));
        }
        Ok(())
    }

    fn all(&self) -> [(&'static str, f64); 14] {
        [
            ("x_flip", self.x_flip),
            ("rotation_90", self.rotation_90),
            ("integer_translation", self.integer_translation),
            ("isotropic_scaling", self.isotropic_scaling),
            ("rotation", self.rotation),
            ("anisotropic_scaling", self.anisotropic_scaling),
            ("fractional_translation", self.fractional_translation),
            ("brightness", self.brightness),
            ("contrast", self.contrast),
            ("luma_flip", self.luma_flip),
            ("hue", self.hue),
            ("saturation", self.saturation),
            ("noise", self.noise),
            ("cutout", self.cutout),
        ]
    }
}

impl Default for Transformations {
    /// [`Transformations::BGC`].
    fn default() -> Self {
        Self::BGC
    }
}
