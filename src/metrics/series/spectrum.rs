//! Distances between mean power spectra.

use std::f64::consts::TAU;

use serde::Serialize;

use super::{comparable, mean_over_windows, shares};
use crate::data::series::SeriesSet;
use crate::error::{Error, Result};
use crate::settings::settings;

pub(super) const NAME: &str = "spectrum_distance";
pub(super) const LOG_NAME: &str = "log_spectrum_distance";

/// Powers below this share of all are none: rounding, of which logarithms make much.
const FLOOR: f64 = 1e-10;

settings! {
/// The distances between the mean power spectra of two sets of windows.
///
/// ```text
/// p(j)          = |Σ_t (x_t − x̄)·exp(−2πi·jt/T)|²        j = 1…⌊T/2⌋, doubled where −j is another frequency
/// P(j)          = mean over windows of p(j)/Σ_j p(j)      the share of the power;  0 of a constant window
/// spectrum      = mean over channels of ½ Σ_j |P_real(j) − P_generated(j)|
/// log_spectrum  = √( mean over channels and j of (10·log₁₀(P_real(j)/P_generated(j)))² )     dB
/// ```
///
/// The first is the share of the power that lies at other frequencies, from 0 to 1: what is large counts.
/// The second counts each frequency alike: it sees noise on smooth series, and smoothness where there is
/// noise. Shares below 1e-10 are taken for 1e-10. *Bias*: that of few windows adds up, so sets of one size
/// compare. By the transform's definition. *Cost*: n·d·T²/2
/// products.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(default)]
pub struct Spectrum {}
}

/// What [`Spectrum`] measures.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SpectrumDistances {
    /// The share of the power that lies at other frequencies.
    pub spectrum: f64,
    /// The distance of logarithms, in dB.
    pub log_spectrum: f64,
}

impl Spectrum {
    /// The mean shares of the power of each channel at the frequencies 1/T, 2/T, …, ½ of the sampling
    /// rate: `[channels, ⌊T/2⌋]`.
    ///
    /// # Errors
    /// If windows are of one moment, or no window of a channel moves.
    pub fn shares(&self, series: &SeriesSet) -> Result<Vec<Vec<f64>>> {
        let time = series.time();
        if time < 2 {
            return Err(Error::data(NAME, "windows of one moment have no frequency"));
        }
        // A turn in `time` steps; products of frequencies and times are steps of it.
        let turn: Vec<(f64, f64)> = (0..time)
            .map(|step| (TAU * step as f64 / time as f64).sin_cos())
            .collect();
        mean_over_windows(NAME, series, |x| {
            let power = |frequency: usize| {
                let mut sum = (0.0, 0.0);
                let mut step = 0;
                for x in x {
                    let (sine, cosine) = turn[step];
                    sum.0 += x * cosine;
                    sum.1 += x * sine;
                    step = (step + frequency) % time;
                }
                let both = if 2 * frequency == time { 1.0 } else { 2.0 };
                both * (sum.0 * sum.0 + sum.1 * sum.1)
            };
            let powers: Vec<f64> = (1..=time / 2).map(power).collect();
            let all = powers.iter().sum();
            shares(powers, all)
        })
    }

    /// Measures generated windows against real ones.
    ///
    /// # Errors
    /// If windows are of other shapes, or as [`shares`](Self::shares).
    pub fn measure(&self, real: &SeriesSet, generated: &SeriesSet) -> Result<SpectrumDistances> {
        comparable(NAME, real, generated)?;
        let (real, generated) = (self.shares(real)?, self.shares(generated)?);
        let pairs = || real.iter().flatten().zip(generated.iter().flatten());
        let apart: f64 = pairs().map(|(a, b)| (a - b).abs()).sum();
        let squares = pairs().map(|(a, b)| {
            let ratio = a.max(FLOOR) / b.max(FLOOR);
            (10.0 * ratio.log10()).powi(2)
        });
        let count = real.len() * real[0].len();
        Ok(SpectrumDistances {
            spectrum: 0.5 * apart / real.len() as f64,
            log_spectrum: (squares.sum::<f64>() / count as f64).sqrt(),
        })
    }
}
