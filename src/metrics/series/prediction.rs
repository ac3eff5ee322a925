//! How well the next moment is told from those before it.

use faer::Mat;
use serde::Serialize;

use super::comparable;
use super::windows::WindowNumbers;
use crate::data::series::SeriesSet;
use crate::error::{Error, Result, check};
use crate::metrics::linear::{product, solve};
use crate::settings::settings;

pub(super) const NAME: &str = "error_synthetic";

/// Moments that a value is told from, where nobody says how many.
const LAGS: usize = 8;
/// Numbers that a value is told from, at most: their matrix takes 128 MiB.
const MOST: usize = 4_096;
/// The weight of the penalty. Smooth series have lags that are nearly the same, which leaves the
/// coefficients open; it decides them, and changes no error that is seen.
const RIDGE: f64 = 1e-6;
/// Moments that are worked on together.
const ROWS: usize = 4_096;

settings! {
/// The error of telling the next moment of held-out windows, by a linear autoregression of all channels
/// that has learnt from other windows.
///
/// ```text
/// x̂_c(t) = b_c + Σ_{k=1…lags} Σ_d a_{c,d,k}·x_d(t − k)          t = lags…T − 1
/// a, b   = argmin over the training windows of  mean_t (x − x̂)² + 1e-6·‖a‖²
/// error  = √( mean over channels c of  Σ (x_c − x̂_c)² / Σ (x_c − x̄_c)² )       over the test windows
/// ```
///
/// Values are in units of the test windows' deviations, channel by channel. 0: the next moment is told
/// without an error; 1: no better than by the mean of what is told. Learn from generated windows, test on
/// held-out real ones, and compare with what real training windows teach: *TSTR* against *TRTR* of
/// a task that needs no classes, as in Yoon, Jarrett, van der Schaar 2019, *Time-series generative
/// adversarial networks*, section 5, which takes a recurrent network. A linear model has one solution, so
/// that a difference of two errors is one of the windows; it does not see what is not linear. *Cost*:
/// n·T·(d·lags)² products.
///
/// ```
/// use burn_gan::data::series::SeriesSet;
/// use burn_gan::metrics::series::Prediction;
///
/// let waves = |speed: f64| {
///     let values = (0..80).map(|place| (speed * place as f64).sin()).collect();
///     SeriesSet::new(values, ["x"], 20)
/// };
/// let prediction = Prediction::default();
/// assert!(prediction.measure(&waves(0.7)?, &waves(0.7)?)? < 0.01);
/// assert!(prediction.measure(&waves(2.0)?, &waves(0.7)?)? > 0.5);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(default)]
pub struct Prediction {
    /// The moments that a value is told from; 8 by default, or half of a window where that is less.
    pub lags: Option<usize>,
}
}

impl Prediction {
    /// Learns from `training` windows and measures on `test` windows.
    ///
    /// # Errors
    /// If windows are of other shapes, there are no such lags in a window or more than 4,096 of all
    /// channels together, a channel of the test windows is constant, or training windows are beyond
    /// what squares can hold.
    pub fn measure(&self, training: &SeriesSet, test: &SeriesSet) -> Result<f64> {
        comparable(NAME, test, training)?;
        let lags = self.lags_of(test)?;
        let scale = WindowNumbers::fit(test);
        let numbers = |series: &SeriesSet| Lagged {
            numbers: scale.numbers(series),
            channels: series.channels(),
            time: series.time(),
            lags,
        };
        let told = numbers(test);
        // The numbers of a channel that is constant in all moments are 0.
        let spreads = told.spreads();
        if let Some(channel) = spreads.iter().position(|spread| !(*spread > 0.0)) {
            let name = &test.names[channel];
            let problem = format!("channel `{name}` is constant: there is nothing to tell");
            return Err(Error::data(NAME, problem));
        }
        let errors = Autoregression::fit(&numbers(training))?.squared_errors(&told);
        let shares = errors.iter().zip(&spreads).map(|(error, all)| error / all);
        Ok((shares.sum::<f64>() / errors.len() as f64).sqrt())
    }

    fn lags_of(&self, series: &SeriesSet) -> Result<usize> {
        let (time, channels) = (series.time(), series.channels());
        if time < 2 {
            return Err(Error::data(NAME, "windows of one moment have no next one"));
        }
        let most = (time - 1).min(MOST / channels);
        if most == 0 {
            let problem = format!("{channels} channels are more than the {MOST} that it takes");
            return Err(Error::data(NAME, problem));
        }
        let lags = self.lags.unwrap_or(LAGS.min(time / 2).min(most));
        check::at_least("lags", lags, 1)?;
        check::at_most("lags", lags, most)?;
        Ok(lags)
    }
}

/// Numbers of windows `[count, channels, time]`, and how far back one looks.
struct Lagged {
    numbers: Vec<f64>,
    channels: usize,
    time: usize,
    lags: usize,
}

impl Lagged {
    /// What a value is told from.
    fn inputs(&self) -> usize {
        self.channels * self.lags
    }

    /// The moments that are told.
    fn rows(&self) -> usize {
        self.numbers.len() / (self.channels * self.time) * (self.time - self.lags)
    }

    /// Of a moment that is told: what it is told from, the nearest moments first, and behind that itself.
    fn at(&self, row: usize, column: usize) -> f64 {
        let each = self.time - self.lags;
        let (window, moment) = (row / each, row % each + self.lags);
        let (channel, back) = (column % self.channels, column / self.channels + 1);
        let back = if column < self.inputs() { back } else { 0 };
        self.numbers[(window * self.channels + channel) * self.time + moment - back]
    }

    /// The columns' means over all rows.
    fn means(&self) -> Vec<f64> {
        let rows = self.rows();
        let mean = |column| (0..rows).map(|row| self.at(row, column)).sum::<f64>() / rows as f64;
        (0..self.inputs() + self.channels).map(mean).collect()
    }

    /// All rows less these means, some at once.
    fn blocks<'a>(&'a self, means: &'a [f64]) -> impl Iterator<Item = Mat<f64>> + 'a {
        let rows = self.rows();
        (0..rows).step_by(ROWS).map(move |start| {
            let count = ROWS.min(rows - start);
            Mat::from_fn(count, means.len(), |row, column| {
                self.at(start + row, column) - means[column]
            })
        })
    }

    /// The squares of what is told around its mean, of each channel.
    fn spreads(&self) -> Vec<f64> {
        let told = self.inputs()..self.inputs() + self.channels;
        let rows = self.rows();
        let spread = |column| {
            let values = || (0..rows).map(move |row| self.at(row, column));
            let mean = values().sum::<f64>() / rows as f64;
            values().map(|x| (x - mean).powi(2)).sum()
        };
        told.map(spread).collect()
    }
}

/// What has been learnt.
struct Autoregression {
    means: Vec<f64>,
    /// `[inputs, channels]`.
    coefficients: Mat<f64>,
}

impl Autoregression {
    fn fit(training: &Lagged) -> Result<Self> {
        let means = training.means();
        let (inputs, all) = (training.inputs(), means.len());
        let mut products = Mat::<f64>::zeros(all, all);
        for block in training.blocks(&means) {
            products += product(block.transpose(), block.as_ref());
        }
        let count = training.rows() as f64;
        let own = Mat::from_fn(inputs, inputs, |row, column| {
            products[(row, column)] / count + if row == column { RIDGE } else { 0.0 }
        });
        let across = Mat::from_fn(inputs, all - inputs, |row, column| {
            products[(row, inputs + column)] / count
        });
        Ok(Self {
            means,
            coefficients: solve(NAME, own, across)?,
        })
    }

    /// The sum of squared errors of each channel.
    fn squared_errors(&self, test: &Lagged) -> Vec<f64> {
        let inputs = test.inputs();
        let mut sums = vec![0.0; test.channels];
        for block in test.blocks(&self.means) {
            let told = product(block.get(.., ..inputs), self.coefficients.as_ref());
            for (channel, sum) in sums.iter_mut().enumerate() {
                let errors = (0..block.nrows())
                    .map(|row| (block[(row, inputs + channel)] - told[(row, channel)]).powi(2));
                *sum += errors.sum::<f64>();
            }
        }
        sums
    }
}
