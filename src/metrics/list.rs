//! All metrics of two sets of features, a line each.

use serde::Serialize;
use serde_json::Value;

use super::{
    Estimate, FeatureMetric, Features, FrechetDistance, FrechetInfinity, GaussianMmd,
    HeldOutDivergence, KernelDistance, Memorisation, NearestNeighbourTest, Number, Parzen,
    PrecisionRecall, RealSet, SlicedWasserstein, TwoSample,
};
use crate::error::{Error, Result};
use crate::random::Stream;
use crate::settings::{nearest, settings};

/// Defines [`Metric`] from a list of the types of its settings.
macro_rules! metrics {
    ( $($name:ident($metric:ident)),* $(,)? ) => {
        settings! {
        /// A metric of two sets of features, by name, with its settings:
        /// `{"precision_recall": {"k": 5}}`.
        ///
        /// ```
        /// use burn_gan::metrics::{FeatureMetric, Metric};
        ///
        /// let metric = Metric::named("sliced_wasserstein")?;
        /// assert_eq!(metric.name(), "sliced_wasserstein");
        /// let error = Metric::named("sliced_waserstein").unwrap_err().to_string();
        /// assert!(error.contains("`sliced_wasserstein`"), "{error}");
        /// # Ok::<(), burn_gan::Error>(())
        /// ```
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum Metric {
            $(
                #[doc = concat!("[`", stringify!($metric), "`].")]
                $name($metric),
            )*
        }
        }

        impl Metric {
            /// Every metric with its default settings.
            pub fn all() -> Vec<Self> {
                vec![$( Self::$name($metric::default()) ),*]
            }

            fn metric(&self) -> &dyn FeatureMetric {
                match self {
                    $( Self::$name(metric) => metric, )*
                }
            }
        }
    };
}

metrics! {
    FrechetDistance(FrechetDistance),
    FrechetInfinity(FrechetInfinity),
    KernelDistance(KernelDistance),
    GaussianMmd(GaussianMmd),
    PrecisionRecall(PrecisionRecall),
    SlicedWasserstein(SlicedWasserstein),
    Memorisation(Memorisation),
    NearestNeighbourTest(NearestNeighbourTest),
    TwoSample(TwoSample),
    HeldOutDivergence(HeldOutDivergence),
    Parzen(Parzen),
}

impl Metric {
    /// The metric of this name with its default settings.
    ///
    /// # Errors
    /// If there is none; the error has the nearest name.
    pub fn named(name: &str) -> Result<Self> {
        let all = Self::all();
        let names: Vec<&str> = all.iter().map(FeatureMetric::name).collect();
        let problem = match nearest(name, names.iter().copied()) {
            Some(near) => format!("is no metric; did you mean `{near}`?"),
            None => format!("is no metric; there are {}", names.join(", ")),
        };
        let found = all.into_iter().find(|metric| metric.name() == name);
        found.ok_or_else(|| Error::setting("metric", name, problem))
    }
}

impl FeatureMetric for Metric {
    fn name(&self) -> &'static str {
        self.metric().name()
    }

    fn numbers(&self) -> &'static [Number] {
        self.metric().numbers()
    }

    fn settings(&self) -> Value {
        self.metric().settings()
    }

    fn validate(&self) -> Result<()> {
        self.metric().validate()
    }

    fn measure(
        &self,
        real: &Features,
        generated: &Features,
        stream: &mut Stream,
    ) -> Result<Vec<Estimate>> {
        self.metric().measure(real, generated, stream)
    }

    fn measure_against(
        &self,
        real: &RealSet,
        generated: &Features,
        stream: &mut Stream,
    ) -> Result<Vec<Estimate>> {
        self.metric().measure_against(real, generated, stream)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::metrics::Scorer;

    /// 64 points of a Gaussian of three dimensions around `mean`.
    fn cloud(seed: u64, mean: f32) -> Features {
        let points = Stream::new(seed, "points").normal(3 * 64);
        Features::new(points.iter().map(|x| x + mean).collect(), 3).unwrap()
    }

    #[test]
    fn each_has_a_name_that_settings_have_too_and_numbers_of_its_own() {
        let mut numbers = HashSet::new();
        for metric in Metric::all() {
            let stored = serde_json::to_value(&metric).unwrap();
            assert!(stored[metric.name()].is_object(), "{stored}");
            assert_eq!(stored[metric.name()], metric.settings());
            assert_eq!(serde_json::from_value::<Metric>(stored).unwrap(), metric);
            assert_eq!(Metric::named(metric.name()).unwrap(), metric);
            for number in metric.numbers() {
                assert!(numbers.insert(number.name), "{} twice", number.name);
            }
        }
    }

    #[test]
    fn each_prefers_samples_of_the_distribution_itself() {
        for metric in Metric::all() {
            let number = metric.numbers()[0];
            let scorer = Scorer::new(cloud(1, 0.0)).with_metric(metric);
            let near = &scorer.score(&cloud(2, 0.0)).unwrap()[0];
            let far = &scorer.score(&cloud(3, 4.0)).unwrap()[0];
            // Nothing far away is a copy: that number is about something else.
            if number.name != "memorised" {
                assert!(near.is_better_than(far).unwrap(), "{near}; {far}");
            }
        }
    }

    #[test]
    fn each_names_itself_and_the_cause_of_an_error() {
        let real = cloud(1, 0.0);
        let mut broken = cloud(2, 0.0).values().to_vec();
        broken[4] = f32::NAN;
        let plane = Features::new(vec![0.5; 64], 2).unwrap();
        for metric in Metric::all() {
            let error = |generated: &Features| {
                let mut stream = Stream::new(0, "test");
                let measured = metric.measure(&real, generated, &mut stream);
                let error = measured.expect_err(metric.name()).to_string();
                assert!(error.starts_with(metric.name()), "{error}");
                error
            };
            let not_finite = error(&Features::new(broken.clone(), 3).unwrap());
            assert!(not_finite.contains("feature 1 of sample 1"), "{not_finite}");
            assert!(error(&plane).contains("of 3 and of 2 dimensions"));
        }
    }

    #[test]
    fn unknown_settings_are_refused() {
        let json = r#"{"precision_recall": {"nearest": 3}}"#;
        assert!(serde_json::from_str::<Metric>(json).is_err());
        let error = Metric::named("inception").unwrap_err().to_string();
        assert!(
            error.contains("invalid setting `metric` = inception"),
            "{error}"
        );
    }
}
