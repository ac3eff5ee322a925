//! Features of mean 0 and deviation 1.

use super::Labelled;

/// What standardises features: that of the training rows, for all rows.
#[derive(Debug, Clone)]
pub(super) struct Standard {
    pub mean: Vec<f64>,
    /// The inverse of the standard deviation; 0 for a feature that is the same in all rows, which
    /// tells nothing.
    pub inverse: Vec<f64>,
}

impl Standard {
    /// `None` if no feature varies.
    pub(super) fn of(data: &Labelled) -> Option<Self> {
        let count = data.count() as f64;
        let rows = || (0..data.count()).map(|index| data.row(index));
        let mut mean = vec![0.0; data.real.dimensions()];
        for row in rows() {
            mean.iter_mut()
                .zip(row)
                .for_each(|(sum, x)| *sum += f64::from(*x));
        }
        mean.iter_mut().for_each(|sum| *sum /= count);
        let mut squares = vec![0.0; mean.len()];
        for row in rows() {
            for ((sum, mean), x) in squares.iter_mut().zip(&mean).zip(row) {
                *sum += (f64::from(*x) - mean).powi(2);
            }
        }
        let first = data.row(0).to_vec();
        let varies = |feature: usize| rows().any(|row| row[feature] != first[feature]);
        let inverse: Vec<f64> = (squares.iter().enumerate())
            .map(|(feature, sum)| {
                let deviation = (sum / count).sqrt();
                // The mean of equal numbers may be a rounding error beside them.
                if deviation > 1e-6 * mean[feature].abs() || varies(feature) {
                    1.0 / deviation
                } else {
                    0.0
                }
            })
            .collect();
        inverse
            .iter()
            .any(|x| *x > 0.0)
            .then_some(Self { mean, inverse })
    }

    /// A row as classifiers see it.
    pub(super) fn row<'r>(&'r self, row: &'r [f32]) -> impl Iterator<Item = f64> + 'r {
        let parts = row.iter().zip(&self.mean).zip(&self.inverse);
        parts.map(|((x, mean), inverse)| (f64::from(*x) - mean) * inverse)
    }
}
