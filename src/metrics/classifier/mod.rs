//! Classifiers of real against generated features, on the host: how well they do on samples that
//! they have not seen tells how far the two sets are apart.

mod logistic;
mod network;
mod standard;

pub use logistic::LogisticRegression;
pub use network::NetworkClassifier;

use super::features::Features;
use crate::error::{Error, Result};
use crate::random::Stream;

/// Real and generated features of one kind.
#[derive(Debug)]
pub(super) struct Labelled {
    pub real: Features,
    pub generated: Features,
    /// Whether each set has half of the weight, however many rows it has.
    pub balanced: bool,
}

impl Labelled {
    /// Rows of both sets, by their indices.
    fn select(real: (&Features, &[usize]), generated: (&Features, &[usize])) -> Self {
        Self {
            real: real.0.select(real.1),
            generated: generated.0.select(generated.1),
            balanced: true,
        }
    }

    fn count(&self) -> usize {
        self.real.count() + self.generated.count()
    }

    fn row(&self, index: usize) -> &[f32] {
        match index.checked_sub(self.real.count()) {
            None => self.real.row(index),
            Some(index) => self.generated.row(index),
        }
    }

    /// 1 for a real row, −1 for a generated one.
    fn sign(&self, index: usize) -> f64 {
        if index < self.real.count() { 1.0 } else { -1.0 }
    }

    /// What a row counts: the mean is 1.
    fn weight(&self, index: usize) -> f64 {
        if !self.balanced {
            return 1.0;
        }
        let own = match index < self.real.count() {
            true => self.real.count(),
            false => self.generated.count(),
        };
        0.5 * self.count() as f64 / own as f64
    }
}

/// Splits both sets at random into parts of these shares of each; the last part has the rest. Each
/// part has at least one row of each set.
///
/// # Errors
/// If a set has not as many rows as there are parts.
pub(super) fn split(
    metric: &str,
    real: &Features,
    generated: &Features,
    shares: &[f64],
    stream: &mut Stream,
) -> Result<Vec<Labelled>> {
    let parts = shares.len() + 1;
    let mut orders = Vec::new();
    for (name, set) in [("real", real), ("generated", generated)] {
        if set.count() < parts {
            return Err(Error::data(
                metric,
                format!(
                    "there are {} {name} samples; it takes at least {parts}, one for each part",
                    set.count()
                ),
            ));
        }
        orders.push(cut(stream.permutation(set.count()), shares));
    }
    let pairs = orders[0].iter().zip(&orders[1]);
    let part = |(a, b): (&Vec<usize>, &Vec<usize>)| Labelled::select((real, a), (generated, b));
    Ok(pairs.map(part).collect())
}

fn cut(order: Vec<usize>, shares: &[f64]) -> Vec<Vec<usize>> {
    let count = order.len();
    let mut parts = Vec::new();
    let mut rest = order.as_slice();
    for (index, share) in shares.iter().enumerate() {
        let wanted = (share * count as f64).round() as usize;
        // One is left for each part that comes after.
        let most = rest.len() - (shares.len() - index);
        let (part, after) = rest.split_at(wanted.clamp(1, most));
        parts.push(part.to_vec());
        rest = after;
    }
    parts.push(rest.to_vec());
    parts
}

#[cfg(test)]
mod tests {
    use super::super::golden::{assert_near, features, refusal};
    use super::*;

    #[test]
    fn parts_are_disjoint_and_have_their_shares() {
        let line = |count: usize| Features::new((0..count).map(|x| x as f32).collect(), 1).unwrap();
        let stream = &mut Stream::new(1, "parts");
        let parts = split("test", &line(40), &line(9), &[0.5, 0.25], stream).unwrap();
        let counts = parts
            .iter()
            .map(|part| (part.real.count(), part.generated.count()));
        assert_eq!(counts.collect::<Vec<_>>(), [(20, 5), (10, 2), (10, 2)]);
        let mut all: Vec<f32> = parts
            .iter()
            .flat_map(|p| p.real.values().to_vec())
            .collect();
        all.sort_by(f32::total_cmp);
        assert_eq!(all, line(40).values());
        // No part is empty, however small its share.
        let parts = split("test", &line(3), &line(3), &[0.9, 0.01], stream).unwrap();
        assert!(parts.iter().all(|part| part.count() == 2));
        let text = refusal(split("test", &line(2), &line(9), &[0.5, 0.25], stream));
        assert!(
            text.contains("test: there are 2 real samples; it takes at least 3"),
            "{text}"
        );
    }

    #[test]
    fn each_set_has_half_of_the_weight() {
        let data = Labelled {
            real: features(&[1.0, 6.0, 2.0]),
            generated: features(&[2.0, 2.0, 2.0]),
            balanced: true,
        };
        let weights: Vec<f64> = (0..8).map(|index| data.weight(index)).collect();
        for own in [&weights[..6], &weights[6..]] {
            assert_near(own.iter().sum(), 4.0, 1e-14);
        }
        assert_eq!(data.row(7), data.generated.row(1));
        assert_eq!((data.sign(5), data.sign(6)), (1.0, -1.0));
    }
}
