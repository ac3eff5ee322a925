//! The kernel distance (KID): the unbiased MMD² with a polynomial kernel, averaged over subsets.

use rayon::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};

use super::feature_metric::{Estimate, FeatureMetric, Number};
use super::features::{Features, comparable, varied};
use super::kernel_sums::{Pair, Rows, across, within};
use crate::error::{Error, Result, check};
use crate::random::Stream;
use crate::settings::settings;
use crate::sizes;

const NAME: &str = "kernel_distance";
/// Samples of a subset by the published protocol.
const SUBSET: usize = 1_000;

settings! {
/// The kernel distance: the squared maximum mean discrepancy with a polynomial kernel, unbiased, as
/// the mean over random subsets.
///
/// ```text
/// k(x, y) = (γ xᵀy + c)^p                                   γ = 1/d, c = 1, p = 3
/// MMD²    = 1/(m(m−1)) Σ_{i≠j} [k(xᵢ, xⱼ) + k(yᵢ, yⱼ)] − 2/m² Σ_{ij} k(xᵢ, yⱼ)
/// value   = the mean of MMD² over subsets of m samples of each set, drawn without replacement
/// ```
///
/// On features of FID's Inception it is the KID of Bińkowski et al. 2018,
/// [arXiv:1801.01401](https://arxiv.org/abs/1801.01401): 100 subsets of 1,000, often printed times
/// 1,000. *What is perfect*: 0 in expectation, so that values below 0 occur. *Bias*: none, whatever
/// the number of samples, so values of different counts compare; that is what it has over the
/// Fréchet distance. It sees the first three moments of features. *Cost*: `4 m² d` operations for
/// each subset, 100 of 1,000 × 2,048 some five to ten seconds on two cores. Memory beside the
/// features: those of a few subsets for each thread.
///
/// ```
/// use burn_gan::metrics::{Features, KernelDistance};
/// use burn_gan::random::Stream;
///
/// let draw = |seed| Features::new(Stream::new(seed, "points").normal(600), 3);
/// let distance = KernelDistance::default();
/// let found = distance.between(&draw(1)?, &draw(2)?, &mut Stream::new(1, "subsets"))?;
/// assert_eq!(found.subset_size, 100);
/// assert!(found.mean.abs() < 4.0 * found.standard_error.unwrap());
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(default)]
pub struct KernelDistance {
    /// The number of subsets, at least 1; 100 by default.
    pub subsets: usize,
    /// Samples of a subset, at least 2. Without it, 1,000, or half of the smaller set where that has
    /// no 1,000.
    pub subset_size: Option<usize>,
    /// The kernel's power p, at least 1; 3 by default.
    pub degree: usize,
    /// The kernel's γ, above 0; without it, one over the number of features.
    pub gamma: Option<f64>,
    /// The kernel's c, at least 0; 1 by default.
    pub coef: f64,
}
}

impl Default for KernelDistance {
    fn default() -> Self {
        Self {
            subsets: 100,
            subset_size: None,
            degree: 3,
            gamma: None,
            coef: 1.0,
        }
    }
}

/// What [`KernelDistance`] measures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KernelDistanceScores {
    /// The mean of the subsets' MMD².
    pub mean: f64,
    /// Their standard deviation, as it is printed beside a KID (that of the subsets at hand, not an
    /// estimate: divided by their number).
    pub std: f64,
    /// The standard error of the mean over draws of new samples.
    ///
    /// ```text
    /// s · √(1/B + m/(n − m))        s: deviation of B subsets (over B − 1), n: samples of the smaller set
    /// ```
    ///
    /// Subsets of one set share samples, so that the mean of however many is no more certain than all
    /// n allow: the common `s/√B` leaves that out. For two sets of one distribution it is too
    /// large. `None` where there is one subset, or where subsets are the whole set.
    pub standard_error: Option<f64>,
    /// The number of subsets.
    pub subsets: usize,
    /// Samples of a subset.
    pub subset_size: usize,
}

impl KernelDistance {
    /// Checks the settings.
    ///
    /// # Errors
    /// The first wrong setting.
    pub fn validate(&self) -> Result<()> {
        sizes::size("subsets", self.subsets)?;
        if let Some(size) = self.subset_size {
            check::at_least("subset_size", size, 2)?;
            check::at_most("subset_size", size, sizes::SIZE)?;
        }
        check::at_least("degree", self.degree, 1)?;
        check::at_most("degree", self.degree, 16)?;
        if let Some(gamma) = self.gamma {
            check::positive("gamma", gamma)?;
        }
        check::not_negative("coef", self.coef)
    }

    /// The distance of two sets of features; subsets are drawn from `stream`.
    ///
    /// # Errors
    /// If a setting is wrong, if the sets are of different extractors or dimensions, have fewer
    /// samples than a subset, features that are not finite, or only samples that are all the same.
    pub fn between(
        &self,
        real: &Features,
        generated: &Features,
        stream: &mut Stream,
    ) -> Result<KernelDistanceScores> {
        self.validate()?;
        comparable(NAME, self.subset_size.unwrap_or(4), real, generated)?;
        varied(NAME, real)?;
        varied(NAME, generated)?;
        let smaller = real.count().min(generated.count());
        let size = match self.subset_size {
            Some(size) => size,
            None if smaller < SUBSET => smaller / 2,
            None => SUBSET,
        };
        let mut draw = |count: usize| -> Vec<usize> {
            let mut rows = stream.permutation(count);
            rows.truncate(size);
            rows
        };
        let subsets: Vec<_> = (0..self.subsets)
            .map(|_| (draw(real.count()), draw(generated.count())))
            .collect();
        let values: Vec<f64> = subsets
            .into_par_iter()
            .map(|(x, y)| self.squared_mmd(&real.select(&x), &generated.select(&y)))
            .collect();
        if let Some(value) = values.iter().find(|value| !value.is_finite()) {
            return Err(Error::data(
                NAME,
                format!(
                    "the kernel of these features is {value}: they are too large for this degree \
                     and gamma"
                ),
            ));
        }
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let standard_error = (values.len() > 1 && size < smaller).then(|| {
            let shared = size as f64 / (smaller - size) as f64;
            (squares / (count - 1.0) * (1.0 / count + shared)).sqrt()
        });
        Ok(KernelDistanceScores {
            mean,
            std: (squares / count).sqrt(),
            standard_error,
            subsets: values.len(),
            subset_size: size,
        })
    }

    /// MMD² of two subsets of one size.
    fn squared_mmd(&self, x: &Features, y: &Features) -> f64 {
        let gamma = self.gamma.unwrap_or(1.0 / x.dimensions() as f64);
        let degree = self.degree as i32;
        let kernel = |pair: &Pair<'_>| (pair.product * gamma + self.coef).powi(degree);
        let size = x.count() as f64;
        let (x, y) = (Rows::of(x), Rows::of(y));
        let own = (within(&x, kernel) + within(&y, kernel)) / (size * (size - 1.0));
        own - 2.0 * across(&x, &y, kernel) / (size * size)
    }
}

impl FeatureMetric for KernelDistance {
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
        let scores = self.between(real, generated, stream)?;
        Ok(vec![Estimate {
            error: scores.standard_error,
            ..scores.mean.into()
        }])
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::metrics::golden::{Distances, assert_near, features, refusal};

    fn normal(seed: u64, count: usize, dimensions: usize) -> Features {
        let values = Stream::new(seed, "kid").normal(count * dimensions);
        Features::new(values, dimensions).unwrap()
    }

    fn measured(metric: &KernelDistance, x: &Features, y: &Features) -> KernelDistanceScores {
        metric
            .between(x, y, &mut Stream::new(5, "subsets"))
            .unwrap()
    }

    #[test]
    fn it_is_torch_fidelitys() {
        #[derive(Deserialize)]
        struct Case {
            real: Vec<f64>,
            generated: Vec<f64>,
            subset_size: usize,
            degree: usize,
            gamma: Option<f64>,
            coef: f64,
            value: f64,
        }
        for case in Distances::part::<Vec<Case>>("kernel") {
            // One subset, which is the whole set: no draw decides.
            let metric = KernelDistance {
                subsets: 1,
                subset_size: Some(case.subset_size),
                degree: case.degree,
                gamma: case.gamma,
                coef: case.coef,
            };
            let found = measured(&metric, &features(&case.real), &features(&case.generated));
            assert_near(found.mean, case.value, 1e-6);
            assert_eq!(found.standard_error, None);
            assert_eq!(found.std, 0.0);
        }
    }

    #[test]
    fn one_subset_after_the_other_is_drawn_from_the_stream() {
        let (x, y) = (normal(1, 40, 3), normal(2, 50, 3));
        let metric = KernelDistance {
            subsets: 3,
            ..Default::default()
        };
        let found = measured(&metric, &x, &y);
        assert_eq!(found.subset_size, 20);
        let mut stream = Stream::new(5, "subsets");
        let values: Vec<f64> = (0..3)
            .map(|_| {
                let rows = stream.permutation(40)[..20].to_vec();
                let others = stream.permutation(50)[..20].to_vec();
                metric.squared_mmd(&x.select(&rows), &y.select(&others))
            })
            .collect();
        let mean = values.iter().sum::<f64>() / 3.0;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        assert_eq!(found.mean, mean);
        assert!((found.std - (squares / 3.0).sqrt()).abs() < 1e-15);
        let error = (squares / 2.0 * (1.0 / 3.0 + 20.0 / 20.0)).sqrt();
        assert!((found.standard_error.unwrap() - error).abs() < 1e-15);
    }

    #[test]
    fn the_standard_error_is_that_of_new_samples() {
        // Sets that differ, drawn 60 times anew: how their distances vary is what each run says.
        let metric = KernelDistance {
            subsets: 40,
            subset_size: Some(20),
            ..Default::default()
        };
        let (mut values, mut errors) = (Vec::new(), Vec::new());
        for seed in 0..60 {
            let wide: Vec<f32> = normal(2 * seed + 1, 100, 2)
                .values()
                .iter()
                .map(|x| 1.5 * x + 0.5)
                .collect();
            let generated = Features::new(wide, 2).unwrap();
            let found = measured(&metric, &normal(2 * seed, 100, 2), &generated);
            values.push(found.mean);
            errors.push(found.standard_error.unwrap().powi(2));
        }
        let mean = values.iter().sum::<f64>() / 60.0;
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 59.0;
        let said = errors.iter().sum::<f64>() / 60.0;
        // A variance of 60 draws has a standard error of 18 %, more where tails are heavy.
        let ratio = said / variance;
        assert!((0.5..2.0).contains(&ratio), "{ratio}");
    }

    #[test]
    fn identical_distributions_are_at_zero_on_average() {
        let metric = KernelDistance {
            subsets: 10,
            ..Default::default()
        };
        let values: Vec<f64> = (0..40)
            .map(|seed| measured(&metric, &normal(seed, 60, 4), &normal(seed + 100, 60, 4)).mean)
            .collect();
        let mean = values.iter().sum::<f64>() / 40.0;
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 39.0;
        assert!(values.iter().any(|value| *value < 0.0));
        assert!(mean.abs() < 3.0 * (variance / 40.0).sqrt(), "{mean}");
    }

    #[test]
    fn what_can_not_be_measured_is_named() {
        let metric = KernelDistance {
            subset_size: Some(50),
            ..Default::default()
        };
        let mut stream = Stream::new(1, "subsets");
        let x = normal(1, 60, 2);
        let few = normal(2, 49, 2).with_set("generated");
        let error = refusal(metric.between(&x, &few, &mut stream));
        assert_eq!(
            error,
            "kernel_distance: the set `generated` has 49 samples; it takes at least 50"
        );
        let constant = Features::new(vec![0.25; 200], 2).unwrap();
        let error = refusal(metric.between(&constant, &x, &mut stream));
        assert!(
            error.starts_with("kernel_distance: all 100 samples"),
            "{error}"
        );
        let huge = Features::new(x.values().iter().map(|x| x * 1e38).collect(), 2).unwrap();
        let error = refusal(
            KernelDistance {
                degree: 16,
                ..metric.clone()
            }
            .between(&huge, &huge, &mut stream),
        );
        assert!(error.contains("too large for this degree"), "{error}");
        for wrong in [
            KernelDistance {
                subsets: 0,
                ..Default::default()
            },
            KernelDistance {
                subset_size: Some(1),
                ..Default::default()
            },
            KernelDistance {
                degree: 0,
                ..Default::default()
            },
            KernelDistance {
                gamma: Some(f64::NAN),
                ..Default::default()
            },
            KernelDistance {
                coef: -1.0,
                ..Default::default()
            },
        ] {
            assert!(refusal(wrong.between(&x, &x, &mut stream)).starts_with("invalid setting"));
        }
    }
}
