//! Maximum mean discrepancy with a Gaussian kernel, and CMMD's settings of it.

use serde::Serialize;
use serde_json::{Value, json};

use super::distances::{mean_row, squared_distance};
use super::feature_metric::{Estimate, FeatureMetric, Number};
use super::features::{Features, comparable, varied};
use super::kernel_sums::{Pair, Rows, across, within};
use crate::error::{Error, Result, check};
use crate::random::Stream;
use crate::settings::settings;

const NAME: &str = "gaussian_mmd";
/// Real samples that the median distance is taken of.
const FOR_THE_MEDIAN: usize = 1_000;

settings! {
/// The squared maximum mean discrepancy with a Gaussian kernel.
///
/// ```text
/// k(x, y)  = exp(−|x − y|² / (2σ²))
/// unbiased = 1/(n(n−1)) Σ_{i≠j} k(xᵢ, xⱼ) + 1/(m(m−1)) Σ_{i≠j} k(yᵢ, yⱼ) − 2/(nm) Σ_{ij} k(xᵢ, yⱼ)
/// biased   = the same with i = j in it, over n² and m²
/// ```
///
/// Times `scale`. It is 0 for equal distributions and for no others, whatever they are (Gretton et
/// al. 2012, *A kernel two-sample test*, JMLR 13); but differences that are small or large beside σ
/// hardly count. The unbiased form is 0 on average for equal distributions, and may be negative; the
/// biased one is positive, too large by about `(1/n + 1/m)(1 − E k)`: compare at equal counts.
/// *Cost*: `(n + m)² d` operations. Memory beside the features: a few megabytes for each thread.
///
/// [`cmmd`](Self::cmmd) has the settings of CMMD.
///
/// ```
/// use burn_gan::metrics::{Features, GaussianMmd};
/// use burn_gan::random::Stream;
///
/// let draw = |seed| Features::new(Stream::new(seed, "points").normal(600), 3);
/// let found = GaussianMmd::default().between(&draw(1)?, &draw(2)?, &mut Stream::new(1, "mmd"))?;
/// assert!(found.value.abs() < 0.02 && found.bandwidth > 1.0);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(default)]
pub struct GaussianMmd {
    /// σ, above 0. Without it, the median distance between two real samples (1,000 of them, drawn,
    /// where there are more): the generated ones have no say in it, so that generators compare.
    pub bandwidth: Option<f64>,
    /// Whether pairs of a sample with itself are left out; by default they are.
    pub unbiased: bool,
    /// Whether each sample's features are divided by their length first; by default not.
    pub unit_length: bool,
    /// What the result is multiplied by, above 0; 1 by default.
    pub scale: f64,
}
}

impl Default for GaussianMmd {
    fn default() -> Self {
        Self {
            bandwidth: None,
            unbiased: true,
            unit_length: false,
            scale: 1.0,
        }
    }
}

/// What [`GaussianMmd`] measures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GaussianMmdScores {
    /// MMD² times the scale.
    pub value: f64,
    /// The σ that it was measured with.
    pub bandwidth: f64,
}

impl GaussianMmd {
    /// The settings of CMMD: σ = 10 on features of unit length, biased, times 1,000 (Jayasumana et
    /// al. 2024, [arXiv:2401.09603](https://arxiv.org/abs/2401.09603)).
    ///
    /// It is CMMD on embeddings of CLIP (ViT-L/14 at 336 pixels), read from a file; on other features
    /// it is a number of its own.
    pub fn cmmd() -> Self {
        Self {
            bandwidth: Some(10.0),
            unbiased: false,
            unit_length: true,
            scale: 1_000.0,
        }
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// The first wrong setting.
    pub fn validate(&self) -> Result<()> {
        if let Some(bandwidth) = self.bandwidth {
            check::positive("bandwidth", bandwidth)?;
        }
        check::positive("scale", self.scale)
    }

    /// The distance of two sets of features; `stream` draws the samples whose median distance is the
    /// bandwidth, where there is none.
    ///
    /// # Errors
    /// If a setting is wrong, if the sets are of different extractors or dimensions, have fewer than
    /// two samples, features that are not finite, only samples that are all the same, or, where they
    /// are to have unit length, a sample of zeros; if most real samples are the same and no
    /// bandwidth is set.
    pub fn between(
        &self,
        real: &Features,
        generated: &Features,
        stream: &mut Stream,
    ) -> Result<GaussianMmdScores> {
        self.validate()?;
        comparable(NAME, 2, real, generated)?;
        for set in [real, generated] {
            varied(NAME, set)?;
            if self.unit_length {
                refuse_zeros(set)?;
            }
        }
        // Distances are the same from anywhere; from here they keep their digits.
        let centre = mean_row(real);
        let bandwidth = match self.bandwidth {
            Some(bandwidth) => bandwidth,
            None => self.median_distance(real, stream)?,
        };
        let factor = -0.5 / (bandwidth * bandwidth);
        // One less than the kernel: the ones would cancel in the end, and take digits along.
        let kernel = |pair: &Pair<'_>| (factor * pair.squared_distance()).exp_m1();
        let own = |set: &Features| {
            let count = set.count() as f64;
            let others = if self.unbiased { count - 1.0 } else { count };
            within(&self.rows(set, &centre), kernel) / (count * others)
        };
        let pairs = real.count() as f64 * generated.count() as f64;
        let (x, y) = (self.rows(real, &centre), self.rows(generated, &centre));
        let across = across(&x, &y, kernel) / pairs;
        Ok(GaussianMmdScores {
            value: self.scale * (own(real) + own(generated) - 2.0 * across),
            bandwidth,
        })
    }

    fn rows<'f>(&self, features: &'f Features, centre: &[f64]) -> Rows<'f> {
        if self.unit_length {
            Rows::of_unit_length(features)
        } else {
            Rows::around(features, centre.to_vec())
        }
    }

    /// The median of the distances between real samples.
    fn median_distance(&self, real: &Features, stream: &mut Stream) -> Result<f64> {
        let mut drawn = stream.permutation(real.count());
        drawn.truncate(FOR_THE_MEDIAN);
        let drawn = if self.unit_length {
            of_unit_length(&real.select(&drawn))?
        } else {
            real.select(&drawn)
        };
        let mut squared = Vec::with_capacity(drawn.count() * (drawn.count() - 1) / 2);
        for i in 1..drawn.count() {
            squared.extend((0..i).map(|j| squared_distance(drawn.row(i), drawn.row(j))));
        }
        let middle = squared.len() / 2;
        let (_, median, _) = squared.select_nth_unstable_by(middle, f64::total_cmp);
        if *median > 0.0 {
            return Ok(median.sqrt());
        }
        Err(Error::data(
            NAME,
            "more than half of the pairs of real samples are the same, so that their median \
             distance is 0 and no bandwidth; set one",
        ))
    }
}

fn refuse_zeros(features: &Features) -> Result<()> {
    let zeros = |row: &[f32]| row.iter().all(|x| *x == 0.0);
    match features.rows().position(zeros) {
        None => Ok(()),
        Some(row) => Err(Error::data(
            NAME,
            format!("all features of sample {row} are 0: it can't be given unit length"),
        )),
    }
}

/// Rows of unit length, in single precision: enough for a bandwidth.
fn of_unit_length(features: &Features) -> Result<Features> {
    let mut values = features.values().to_vec();
    for row in values.chunks_exact_mut(features.dimensions()) {
        let square: f64 = row.iter().map(|x| f64::from(*x).powi(2)).sum();
        let length = square.sqrt();
        row.iter_mut()
            .for_each(|x| *x = (f64::from(*x) / length) as f32);
    }
    Features::new(values, features.dimensions())
}

impl FeatureMetric for GaussianMmd {
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
        Ok(vec![self.between(real, generated, stream)?.value.into()])
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::metrics::golden::{Distances, assert_near, features, refusal};

    fn normal(seed: u64, count: usize, shift: f32) -> Features {
        let values = Stream::new(seed, "mmd").normal(count * 2);
        Features::new(values.iter().map(|x| x + shift).collect(), 2).unwrap()
    }

    fn measured(metric: &GaussianMmd, x: &Features, y: &Features) -> GaussianMmdScores {
        metric.between(x, y, &mut Stream::new(5, "mmd")).unwrap()
    }

    #[test]
    fn it_is_what_scikit_learns_kernel_gives() {
        #[derive(Deserialize)]
        struct Case {
            real: Vec<f64>,
            generated: Vec<f64>,
            sigma: f64,
            biased: f64,
            unbiased: f64,
            cmmd: f64,
        }
        for case in Distances::part::<Vec<Case>>("gaussian") {
            let (x, y) = (features(&case.real), features(&case.generated));
            let metric = |unbiased| GaussianMmd {
                bandwidth: Some(case.sigma),
                unbiased,
                ..Default::default()
            };
            assert_near(measured(&metric(false), &x, &y).value, case.biased, 1e-6);
            assert_near(measured(&metric(true), &x, &y).value, case.unbiased, 1e-6);
            assert_near(
                measured(&GaussianMmd::cmmd(), &x, &y).value,
                case.cmmd,
                1e-6,
            );
        }
    }

    #[test]
    fn gaussians_are_as_far_apart_as_they_are_in_closed_form() {
        // N(0, I) and N(a, I) in the plane: E k = v · exp(−|a|²/(4 + 2σ²)) with v = σ²/(σ² + 2).
        let metric = GaussianMmd {
            bandwidth: Some(1.5),
            ..Default::default()
        };
        let v = 2.25 / (2.25 + 2.0);
        let expected = 2.0 * v * (1.0 - (-2.0_f64 / (4.0 + 2.0 * 2.25)).exp());
        let values: Vec<f64> = (0..20)
            .map(|seed| {
                measured(
                    &metric,
                    &normal(seed, 200, 0.0),
                    &normal(seed + 50, 200, 1.0),
                )
                .value
            })
            .collect();
        let mean = values.iter().sum::<f64>() / 20.0;
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 19.0;
        let error = (variance / 20.0).sqrt();
        assert!((mean - expected).abs() < 3.0 * error, "{mean} {expected}");
        assert!(error < 0.05 * expected);
    }

    #[test]
    fn a_set_is_at_zero_from_itself() {
        let x = normal(1, 300, 7.0);
        for metric in [
            GaussianMmd {
                unbiased: false,
                ..Default::default()
            },
            GaussianMmd::cmmd(),
        ] {
            let value = measured(&metric, &x, &x).value;
            assert!(value.abs() < 1e-13, "{value}");
        }
    }

    #[test]
    fn the_bandwidth_is_the_median_distance_of_real_samples() {
        let line = Features::new(vec![0.0, 1.0, 3.0], 1).unwrap();
        let other = Features::new(vec![-50.0, 50.0], 1).unwrap();
        assert_eq!(
            measured(&GaussianMmd::default(), &line, &other).bandwidth,
            2.0
        );
        // On the circle: a quarter and a half turn.
        let plane = Features::new(vec![5.0, 0.0, 0.0, 2.0, -1.0, 0.0], 2).unwrap();
        let metric = GaussianMmd {
            unit_length: true,
            ..Default::default()
        };
        let bandwidth = measured(&metric, &plane, &plane).bandwidth;
        assert!((bandwidth - 2.0_f64.sqrt()).abs() < 1e-7, "{bandwidth}");
    }

    #[test]
    fn what_can_not_be_measured_is_named() {
        let mut stream = Stream::new(1, "mmd");
        let x = normal(1, 30, 0.0);
        let mut values = x.values().to_vec();
        values[4..6].fill(0.0);
        let zeros = Features::new(values, 2).unwrap();
        let error = refusal(GaussianMmd::cmmd().between(&x, &zeros, &mut stream));
        assert_eq!(
            error,
            "gaussian_mmd: all features of sample 2 are 0: it can't be given unit length"
        );
        let constant = Features::new(vec![3.0; 8], 2).unwrap();
        let error = refusal(GaussianMmd::default().between(&x, &constant, &mut stream));
        assert!(error.starts_with("gaussian_mmd: all 4 samples"), "{error}");
        let mostly = Features::new(vec![1.0, 1.0, 1.0, 1.0, 1.0, 2.0], 1).unwrap();
        let error = refusal(GaussianMmd::default().between(&mostly, &mostly, &mut stream));
        assert!(error.contains("set one"), "{error}");
        for wrong in [
            GaussianMmd {
                bandwidth: Some(0.0),
                ..Default::default()
            },
            GaussianMmd {
                scale: f64::NAN,
                ..Default::default()
            },
        ] {
            assert!(refusal(wrong.between(&x, &x, &mut stream)).starts_with("invalid setting"));
        }
    }
}
