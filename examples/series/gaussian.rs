//! What the generator is compared with: the Gaussian of the same mean and covariance over time.

use burn_gan::Result;
use burn_gan::data::series::SeriesSet;
use burn_gan::prelude::Stream;

use crate::of_class;

/// Draws from the Gaussian with the mean and the covariance of the windows of each class:
///
/// ```text
/// x = m + Σ_i ε_i·(x_i − m)/√(n − 1),     ε_i ~ N(0, 1)
/// ```
///
/// whose covariance is that of the x_i, whether there are more of them than moments or fewer.
pub fn like(
    series: &SeriesSet,
    count: usize,
    labels: &[usize],
    stream: &mut Stream,
) -> Result<SeriesSet> {
    let width = series.channels() * series.time();
    let mut values = Vec::with_capacity(count * width);
    for window in 0..count {
        let places = of_class(series, labels.get(window).copied());
        let n = places.len() as f64;
        let mut mean = vec![0.0; width];
        for place in &places {
            let pairs = mean.iter_mut().zip(series.window(*place));
            pairs.for_each(|(mean, x)| *mean += x / n);
        }
        let mut x = mean.clone();
        for (place, draw) in places.iter().zip(stream.normal(places.len())) {
            let weight = f64::from(draw) / (n - 1.0).max(1.0).sqrt();
            for ((x, one), mean) in x.iter_mut().zip(series.window(*place)).zip(&mean) {
                *x += weight * (one - mean);
            }
        }
        values.extend(x);
    }
    let made = SeriesSet::new(values, series.names.clone(), series.time())?;
    match labels.is_empty() {
        true => Ok(made),
        false => made.with_labels(labels.to_vec(), series.classes.clone()),
    }
}
