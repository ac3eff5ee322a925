//! The sliced Wasserstein distance.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};

use super::distances::blocks;
use super::feature_metric::{Estimate, FeatureMetric, Number};
use super::features::{Features, comparable};
use crate::error::{Error, Result, check};
use crate::random::Stream;
use crate::settings::settings;

const NAME: &str = "sliced_wasserstein";

/// Directions that are projected on at once.
const TOGETHER: usize = 16;

/// Rows that are converted at once.
const ROWS: usize = 256;

settings! {
/// The sliced Wasserstein distance: how far mass has to be moved, on random lines.
///
/// On a line the Wasserstein distance of two sets is that of their quantile functions F⁻¹, G⁻¹,
/// exactly and for unequal counts too; the sliced distance is its mean over directions θ on the
/// unit sphere.
///
/// ```text
/// W_p^p(θ) = ∫₀¹ |F_θ⁻¹(t) − G_θ⁻¹(t)|^p dt,   F_θ the projections θ·x of real samples, G_θ of generated
/// SW_p     = (mean over θ of W_p^p(θ))^(1/p)
/// ```
///
/// Rabin et al. 2011; Bonneel et al. 2015. It has the unit of the features, and is about
/// 1/√d of the distance in d dimensions. It sees everything, spread within modes as well. *What is
/// perfect*: 0 in the limit only; two finite samples of one distribution are some n^(−1/2) apart,
/// which [`Scorer`](super::Scorer) shows beside it. *Bias*: upward by that. *Cost*: 2 n d products for
/// each direction and sorting n numbers. Memory beside the features: n numbers for each of 16
/// directions.
///
/// The standard error is over directions, for the given samples.
///
/// ```
/// use burn_gan::metrics::{Features, SlicedWasserstein};
/// use burn_gan::random::Stream;
///
/// let real = Features::new(vec![0.0, 1.0, 3.0], 1)?;
/// let moved = Features::new(vec![0.5, 1.5, 3.5], 1)?;
/// let result = SlicedWasserstein::default().measure(&real, &moved, &mut Stream::new(1, "slices"))?;
/// // On the line all directions are one.
/// assert!((result.distance - 0.5).abs() < 1e-12 && result.standard_error < 1e-9);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(default)]
pub struct SlicedWasserstein {
    /// p: 1 or 2; 2 by default.
    pub order: usize,
    /// The number of random directions, at least 2; 500 by default.
    pub directions: usize,
}
}

impl Default for SlicedWasserstein {
    fn default() -> Self {
        Self {
            order: 2,
            directions: 500,
        }
    }
}

/// What [`SlicedWasserstein`] measures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SlicedWassersteinScores {
    /// SW_p.
    pub distance: f64,
    /// Its standard error over directions: what other directions would change.
    pub standard_error: f64,
    /// The largest W_p of a direction, a lower bound on the maximum over all.
    pub largest: f64,
    /// W_p^p of each direction.
    pub slices: Vec<f64>,
}

impl SlicedWasserstein {
    /// Checks the settings.
    ///
    /// # Errors
    /// If the order is neither 1 nor 2, or if there are fewer than 2 directions or over a million.
    pub fn validate(&self) -> Result<()> {
        if !(1..=2).contains(&self.order) {
            return Err(Error::setting("order", self.order, "must be 1 or 2"));
        }
        check::at_least("directions", self.directions, 2)?;
        check::at_most("directions", self.directions, 1 << 20)
    }

    /// Measures generated features `[M, d]` against real ones `[N, d]`, on directions drawn from
    /// `stream`.
    ///
    /// # Errors
    /// If a setting is wrong, if the sets are not of one kind, or if a feature is not finite.
    pub fn measure(
        &self,
        real: &Features,
        generated: &Features,
        stream: &mut Stream,
    ) -> Result<SlicedWassersteinScores> {
        self.validate()?;
        comparable(NAME, 1, real, generated)?;
        let dimensions = real.dimensions();
        self.over(real, generated, self.directions, |count| {
            let mut directions: Vec<f64> = Vec::with_capacity(count * dimensions);
            for _ in 0..count {
                directions.extend(direction(dimensions, stream));
            }
            directions
        })
    }

    /// Measures on directions that `draw` gives: so many unit vectors, row-major.
    fn over(
        &self,
        real: &Features,
        generated: &Features,
        count: usize,
        mut draw: impl FnMut(usize) -> Vec<f64>,
    ) -> Result<SlicedWassersteinScores> {
        let mut slices = Vec::with_capacity(count);
        while slices.len() < count {
            let directions = draw(TOGETHER.min(count - slices.len()));
            let (real, generated) = (project(real, &directions), project(generated, &directions));
            let pairs = real.into_par_iter().zip(generated);
            slices.par_extend(pairs.map(|(a, b)| transport(a, b, self.order)));
        }
        let number = slices.len() as f64;
        let mean = slices.iter().sum::<f64>() / number;
        let squares: f64 = slices.iter().map(|slice| (slice - mean).powi(2)).sum();
        let error = (squares / (number - 1.0) / number).sqrt();
        let root = |power: f64| match self.order {
            1 => power,
            _ => power.sqrt(),
        };
        let distance = root(mean);
        let standard_error = match self.order {
            1 => error,
            // The root's derivative.
            _ if mean > 0.0 => error / (2.0 * distance),
            _ => 0.0,
        };
        Ok(SlicedWassersteinScores {
            distance,
            standard_error,
            largest: root(slices.iter().copied().fold(0.0, f64::max)),
            slices,
        })
    }
}

/// A direction that is uniform on the unit sphere.
fn direction(dimensions: usize, stream: &mut Stream) -> Vec<f64> {
    loop {
        let normal = stream.normal(dimensions).into_iter().map(f64::from);
        let normal: Vec<f64> = normal.collect();
        let length = normal.iter().map(|x| x * x).sum::<f64>().sqrt();
        // All zeros are not to be divided by; they hardly ever come.
        if length > 0.0 {
            return normal.into_iter().map(|x| x / length).collect();
        }
    }
}

/// The projections of all rows on each of the directions.
fn project(features: &Features, directions: &[f64]) -> Vec<Vec<f64>> {
    let dimensions = features.dimensions();
    let count = directions.len() / dimensions;
    let matrix = MatRef::from_row_major_slice(directions, count, dimensions);
    let parts: Vec<Vec<f64>> = blocks(features.count(), ROWS)
        .into_par_iter()
        .map(|rows| {
            let values = &features.values()[rows.start * dimensions..rows.end * dimensions];
            let values: Vec<f64> = values.iter().map(|x| f64::from(*x)).collect();
            let mut product = vec![0.0; rows.len() * count];
            matmul(
                MatMut::from_column_major_slice_mut(&mut product, rows.len(), count),
                Accum::Replace,
                MatRef::from_row_major_slice(&values, rows.len(), dimensions),
                matrix.transpose(),
                1.0,
                Par::Seq,
            );
            product
        })
        .collect();
    let of_direction = |index: usize| {
        let parts = parts.iter().map(|part| {
            let rows = part.len() / count;
            &part[index * rows..][..rows]
        });
        parts.collect::<Vec<_>>().concat()
    };
    (0..count).map(of_direction).collect()
}

/// `∫ |F⁻¹ − G⁻¹|^p` of two sets of numbers.
fn transport(mut a: Vec<f64>, mut b: Vec<f64>, order: usize) -> f64 {
    a.sort_unstable_by(f64::total_cmp);
    b.sort_unstable_by(f64::total_cmp);
    let cost = |x: f64, y: f64| {
        let distance = (x - y).abs();
        if order == 1 {
            distance
        } else {
            distance * distance
        }
    };
    // In units of 1/(m·n) each of a's m numbers has n and each of b's m units: steps are whole.
    let (m, n) = (a.len() as u128, b.len() as u128);
    let mut sum = 0.0;
    let (mut i, mut j, mut at) = (0, 0, 0u128);
    while i < a.len() && j < b.len() {
        let (a_end, b_end) = ((i as u128 + 1) * n, (j as u128 + 1) * m);
        let end = a_end.min(b_end);
        sum += (end - at) as f64 * cost(a[i], b[j]);
        at = end;
        i += usize::from(a_end == end);
        j += usize::from(b_end == end);
    }
    sum / (m * n) as f64
}

impl FeatureMetric for SlicedWasserstein {
    fn name(&self) -> &'static str {
        NAME
    }

    fn numbers(&self) -> &'static [Number] {
        const { &[Number::lower(NAME)] }
    }

    fn settings(&self) -> Value {
        json!(self)
    }

    fn validate(&self) -> Result<()> {
        Self::validate(self)
    }

    fn measure(
        &self,
        real: &Features,
        generated: &Features,
        stream: &mut Stream,
    ) -> Result<Vec<Estimate>> {
        let scores = Self::measure(self, real, generated, stream)?;
        Ok(vec![Estimate::with_error(
            scores.distance,
            scores.standard_error,
        )])
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::super::golden::{self, Made, assert_near, refusal};
    use super::*;

    fn normal(seed: u64, count: usize, dimensions: usize) -> Features {
        let values = Stream::new(seed, "features").normal(count * dimensions);
        Features::new(values, dimensions).unwrap()
    }

    fn stream() -> Stream {
        Stream::new(5, "slices")
    }

    fn of_order(order: usize) -> SlicedWasserstein {
        SlicedWasserstein {
            order,
            ..SlicedWasserstein::default()
        }
    }

    #[derive(Deserialize)]
    struct Case {
        real: Made,
        generated: Made,
        directions: Made,
        order_1: f64,
        order_2: f64,
        slices: Vec<f64>,
    }

    #[test]
    fn distances_are_those_of_pot_and_scipy() {
        for case in golden::part::<Vec<Case>>("sliced") {
            let (real, generated) = (
                golden::features(&case.real),
                golden::features(&case.generated),
            );
            let directions = golden::features(&case.directions);
            let unit = |row: &[f32]| -> Vec<f64> {
                let squares: f64 = row.iter().map(|x| f64::from(*x).powi(2)).sum();
                row.iter().map(|x| f64::from(*x) / squares.sqrt()).collect()
            };
            let all: Vec<Vec<f64>> = directions.rows().map(unit).collect();
            for (order, expected) in [(1, case.order_1), (2, case.order_2)] {
                let mut left = all.iter();
                let draw =
                    |count| -> Vec<f64> { left.by_ref().take(count).flatten().copied().collect() };
                let found = of_order(order)
                    .over(&real, &generated, all.len(), draw)
                    .unwrap();
                assert_near(found.distance, expected, 1e-12);
                if order == 1 {
                    for (found, expected) in found.slices.iter().zip(&case.slices) {
                        assert_near(*found, *expected, 1e-12);
                    }
                }
            }
        }
    }

    #[test]
    fn a_shift_and_a_scale_on_the_line_are_known() {
        let line = |values: &[f32]| Features::new(values.to_vec(), 1).unwrap();
        let real = line(&[0.0, 1.0, 2.0, 3.0]);
        let moved = line(&[0.5, 1.5, 2.5, 3.5]);
        for order in [1, 2] {
            let found = of_order(order)
                .measure(&real, &moved, &mut stream())
                .unwrap();
            assert_near(found.distance, 0.5, 1e-14);
            assert!(found.standard_error < 1e-12);
        }
        // Mean of |0|, |1|, |2|, |3|, and of their squares.
        let doubled = line(&[0.0, 2.0, 4.0, 6.0]);
        let one = of_order(1).measure(&real, &doubled, &mut stream()).unwrap();
        assert_near(one.distance, 1.5, 1e-14);
        let two = of_order(2).measure(&real, &doubled, &mut stream()).unwrap();
        assert_near(two.distance, 3.5f64.sqrt(), 1e-14);
        // The same distribution with other counts: no distance at all.
        let twice = line(&[0.0, 0.0, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0]);
        let found = of_order(2).measure(&real, &twice, &mut stream()).unwrap();
        assert_eq!((found.distance, found.largest), (0.0, 0.0));
        // 1/3 of the mass from 0 to 1.5, 1/3 half from 1 to 1.5 and to 1.5, …: ∫|F⁻¹ − 1.5|.
        let point = line(&[1.5]);
        let found = of_order(1).measure(&real, &point, &mut stream()).unwrap();
        assert_near(found.distance, 1.0, 1e-14);
    }

    #[test]
    fn a_dropped_mode_has_to_be_carried_there() {
        let line = |values: &[f32]| Features::new(values.to_vec(), 1).unwrap();
        let real = line(&[0.0, 0.0, 0.0, 0.0, 10.0, 10.0]);
        let generated = line(&[0.0, 0.0, 0.0]);
        // A third of the mass, by 10.
        let one = of_order(1)
            .measure(&real, &generated, &mut stream())
            .unwrap();
        assert_near(one.distance, 10.0 / 3.0, 1e-14);
        let two = of_order(2)
            .measure(&real, &generated, &mut stream())
            .unwrap();
        assert_near(two.distance, (100.0f64 / 3.0).sqrt(), 1e-14);
    }

    #[test]
    fn a_shift_in_space_is_its_length_over_the_root_of_the_dimensions() {
        // W₂² of direction θ is (θ·s)², of mean |s|²/d.
        let real = normal(1, 50, 9);
        let moved: Vec<f32> = real.values().iter().map(|x| x + 1.0).collect();
        let moved = Features::new(moved, 9).unwrap();
        let found = of_order(2).measure(&real, &moved, &mut stream()).unwrap();
        let error = found.standard_error;
        assert!(error > 0.0 && error < 0.05, "{error}");
        assert!((found.distance - 1.0).abs() < 5.0 * error, "{found:?}");
        assert!(found.largest <= 3.0 + 1e-6 && found.largest > found.distance);
        assert_eq!(found.slices.len(), 500);
    }

    #[test]
    fn the_stream_decides_and_threads_do_not() {
        let (a, b) = (normal(1, 300, 20), normal(2, 200, 20));
        let measure = || {
            SlicedWasserstein::default()
                .measure(&a, &b, &mut stream())
                .unwrap()
        };
        let threads = |count: usize| rayon::ThreadPoolBuilder::new().num_threads(count).build();
        let one = threads(1).unwrap().install(measure);
        assert_eq!(one, threads(3).unwrap().install(measure));
        let other = SlicedWasserstein::default()
            .measure(&a, &b, &mut Stream::new(6, "slices"))
            .unwrap();
        assert_ne!(one.distance, other.distance);
        let errors = one.standard_error.hypot(other.standard_error);
        assert!((one.distance - other.distance).abs() < 5.0 * errors);
    }

    #[test]
    fn wrong_settings_and_samples_are_refused() {
        let good = normal(1, 4, 2);
        let measure = |settings: SlicedWasserstein, b: &Features| {
            refusal(settings.measure(&good, b, &mut stream()))
        };
        assert!(measure(of_order(3), &good).contains("`order` = 3"));
        let one = SlicedWasserstein {
            directions: 1,
            ..SlicedWasserstein::default()
        };
        assert!(measure(one, &good).contains("`directions` = 1"));
        let text = measure(of_order(2), &normal(1, 4, 3));
        assert!(
            text.contains("sliced_wasserstein: features of 2 and of 3"),
            "{text}"
        );
        let nan = Features::new(vec![f32::INFINITY; 2], 2).unwrap();
        assert!(measure(of_order(2), &nan).contains("is inf"));
    }
}
