//! The scores against SciPy and scikit-learn, and what is refused.

use serde::Deserialize;

use super::*;
use crate::metrics::golden::assert_near;

/// The windows of `tests/golden/series_scores.py`.
fn windows(first: usize, count: usize, channels: usize, time: usize, speed: f64) -> SeriesSet {
    let mut values = Vec::new();
    for i in (first..first + count).map(|i| i as f64) {
        for c in (0..channels).map(|c| c as f64) {
            for t in (0..time).map(|t| t as f64) {
                let wave = ((speed + 0.05 * ((7.0 * i) % 5.0)) * t + i).sin();
                let other = 0.3 * (1.3 * t * (c + 1.0) + 2.0 * i).cos();
                values.push(wave + other + 0.01 * i * c);
            }
        }
    }
    let names = (0..channels).map(|channel| channel.to_string());
    let labels = (0..count).map(|place| (3 * place + 1) % 2).collect();
    let set = SeriesSet::new(values, names, time).unwrap();
    set.with_labels(labels, ["a", "b"]).unwrap()
}

#[derive(Deserialize)]
struct Case {
    sizes: [usize; 4],
    lags: Option<usize>,
    autocorrelation: f64,
    function: Vec<f64>,
    spectrum: f64,
    log_spectrum: f64,
    accuracy: f64,
}

#[test]
fn scores_are_those_of_scipy_and_scikit_learn() {
    let text = include_str!("../../../tests/golden/series_scores.json");
    let cases: Vec<Case> = serde_json::from_str(text).unwrap();
    assert_eq!(cases.len(), 3);
    for case in cases {
        let [count, other, channels, time] = case.sizes;
        let real = windows(0, count, channels, time, 0.2);
        let made = windows(100, other, channels, time, 0.27);
        let correlation = Autocorrelation { lags: case.lags };
        let found = correlation.function(&real).unwrap();
        for (found, expected) in found[channels - 1].iter().zip(&case.function) {
            assert!((found - expected).abs() < 1e-12, "{found} and {expected}");
        }
        assert_near(
            correlation.measure(&real, &made).unwrap(),
            case.autocorrelation,
            1e-9,
        );
        let spectrum = Spectrum::default().measure(&real, &made).unwrap();
        assert_near(spectrum.spectrum, case.spectrum, 1e-9);
        assert_near(spectrum.log_spectrum, case.log_spectrum, 1e-9);
        assert_eq!(neighbour_accuracy(&made, &real).unwrap(), case.accuracy);

        let scorer =
            SeriesScorer::new(real.clone(), real.clone()).with_autocorrelation(correlation);
        let scores = scorer.score(&made).unwrap();
        let value = |name: &str| {
            scores
                .iter()
                .find(|score| score.name == name)
                .unwrap()
                .value()
        };
        assert_near(
            value("autocorrelation_distance"),
            case.autocorrelation,
            1e-9,
        );
        assert_near(value("spectrum_distance"), case.spectrum, 1e-9);
        assert_near(value("log_spectrum_distance"), case.log_spectrum, 1e-9);
        assert_eq!(value("accuracy_synthetic"), case.accuracy);
        let of_real: Vec<f64> = scores
            .iter()
            .map(|s| s.real_against_real.unwrap().value)
            .collect();
        assert_eq!(of_real, [0.0, 0.0, 0.0, 1.0]);
        assert_eq!(scores[0].provenance.real.digest, real.digest());
    }
}

#[test]
fn level_and_size_do_not_count() {
    let real = windows(0, 4, 1, 12, 0.2);
    for size in [1e-150, 1.0, 1e200] {
        let values = real
            .values()
            .iter()
            .map(|x| (3.0 - 2.0 * x) * size)
            .collect();
        let moved = SeriesSet::new(values, ["x"], 12).unwrap();
        assert!(Autocorrelation::default().measure(&real, &moved).unwrap() < 1e-12);
        let spectrum = Spectrum::default().measure(&real, &moved).unwrap();
        assert!(spectrum.spectrum < 1e-12 && spectrum.log_spectrum < 1e-6);
    }
}

#[test]
fn what_cannot_be_compared_is_refused_by_the_metrics_name() {
    let real = windows(0, 4, 2, 12, 0.2);
    let constant = SeriesSet::new(vec![1.0; 48], ["x", "y"], 12).unwrap();
    let correlation = Autocorrelation::default();
    let words = |error: Error| error.to_string();
    let error = words(correlation.measure(&real, &constant).unwrap_err());
    assert!(
        error.contains("autocorrelation_distance: channel `x` is constant"),
        "{error}"
    );
    let error = words(
        correlation
            .measure(&real, &windows(0, 4, 1, 12, 0.2))
            .unwrap_err(),
    );
    assert!(
        error.contains("[2, 12]") && error.contains("[1, 12]"),
        "{error}"
    );
    let far = Autocorrelation { lags: Some(12) };
    let error = words(far.measure(&real, &real).unwrap_err());
    assert!(
        error.contains("`lags` = 12: must be from 1 to 11"),
        "{error}"
    );
    let error = words(neighbour_accuracy(&constant, &real).unwrap_err());
    assert!(error.contains("accuracy_synthetic"), "{error}");
    // One constant window among others is none that moves: it has no correlation.
    let mut values = real.values().to_vec();
    values[..12].fill(5.0);
    let mixed = SeriesSet::new(values, ["x", "y"], 12).unwrap();
    let function = correlation.function(&mixed).unwrap();
    assert!((function[0][0] - 0.75).abs() < 1e-12 && (function[1][0] - 1.0).abs() < 1e-12);
}
