//! The distance between mean autocorrelation functions.

use serde::Serialize;

use super::{comparable, mean_over_windows, shares};
use crate::data::series::SeriesSet;
use crate::error::{Error, Result};
use crate::settings::settings;

pub(super) const NAME: &str = "autocorrelation_distance";

settings! {
/// The distance between the mean autocorrelation functions of two sets of windows.
///
/// ```text
/// r(k)     = Σ_t (x_t − x̄)(x_{t+k} − x̄) / Σ_t (x_t − x̄)²      of each window and channel;  0 of a constant one
/// distance = √( mean over channels and lags k = 1…lags of (r̄_real(k) − r̄_generated(k))² )
/// ```
///
/// 0 for the same functions; some hundredths are seen in a picture. It sees how values go with later ones
/// within a window, whatever their level and size; it does not see where in the window something
/// happens, nor how windows differ from each other. *Bias*: that of few windows adds up, so sets of one
/// size compare. *Cost*: n·d·T·lags products.
///
/// ```
/// use burn_gan::data::series::SeriesSet;
/// use burn_gan::metrics::series::Autocorrelation;
///
/// let waves = |speed: f64| {
///     let values = (0..80).map(|place| (speed * place as f64).sin()).collect();
///     SeriesSet::new(values, ["x"], 20)
/// };
/// let distance = Autocorrelation::default().measure(&waves(0.7)?, &waves(1.4)?)?;
/// assert!(distance > 0.3);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(default)]
pub struct Autocorrelation {
    /// The longest lag; half a window by default.
    pub lags: Option<usize>,
}
}

impl Autocorrelation {
    /// The mean autocorrelation function of each channel at the lags 0, 1, …: `[channels, lags + 1]`.
    ///
    /// # Errors
    /// If there are no such lags in a window, or no window of a channel moves.
    pub fn function(&self, series: &SeriesSet) -> Result<Vec<Vec<f64>>> {
        let time = series.time();
        let lags = self.lags.unwrap_or(time / 2);
        if !(1..time).contains(&lags) {
            let problem = format!("must be from 1 to {}, within a window", time - 1);
            return Err(Error::setting("lags", lags, problem));
        }
        mean_over_windows(NAME, series, |x| {
            let product = |lag: usize| {
                x[..time - lag]
                    .iter()
                    .zip(&x[lag..])
                    .map(|(a, b)| a * b)
                    .sum()
            };
            let products: Vec<f64> = (0..=lags).map(product).collect();
            let all = products[0];
            shares(products, all)
        })
    }

    /// Measures generated windows against real ones.
    ///
    /// # Errors
    /// If windows are of other shapes, or as [`function`](Self::function).
    pub fn measure(&self, real: &SeriesSet, generated: &SeriesSet) -> Result<f64> {
        comparable(NAME, real, generated)?;
        let (real, generated) = (self.function(real)?, self.function(generated)?);
        let pairs = real.iter().zip(&generated);
        let squares =
            pairs.flat_map(|(a, b)| a[1..].iter().zip(&b[1..]).map(|(a, b)| (a - b).powi(2)));
        let count = real.len() * (real[0].len() - 1);
        Ok((squares.sum::<f64>() / count as f64).sqrt())
    }
}
