//! The scores against SciPy and scikit-learn, and what is refused.

use serde::Deserialize;

use super::*;
use crate::metrics::Score;
use crate::metrics::golden::assert_near;
use crate::random::Stream;

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
    errors: [f64; 2],
    median_distance: f64,
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
        // Of smooth windows the equations are nearly singular: half of the digits are left.
        for (training, expected) in [&made, &real].into_iter().zip(case.errors) {
            let found = Prediction::default().measure(training, &real).unwrap();
            assert_near(found, expected, 1e-7);
        }
        let found = closest_windows(&real, &real, &made).unwrap();
        // In single precision.
        assert_near(found.median_distance, case.median_distance, 1e-5);

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
        // Training and held-out windows are the same, and too few for a classifier.
        assert_eq!(of_real, [0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.5]);
        assert_eq!(scores[0].provenance.real.digest, real.digest());
    }
}

/// Windows of a process that takes so much of the last value on.
fn process(seed: u64, count: usize, memory: f64) -> SeriesSet {
    // After forty moments nothing is left of the start.
    let noise = Stream::new(seed, "noise").normal(count * 60);
    let windows = noise.chunks(60).flat_map(|noise| {
        let next = |x: &mut f64, noise: &f32| {
            *x = memory * *x + f64::from(*noise);
            Some(*x)
        };
        noise.iter().scan(0.0, next).skip(40).collect::<Vec<_>>()
    });
    SeriesSet::new(windows.collect(), ["x"], 20).unwrap()
}

#[test]
fn a_process_is_told_as_well_as_it_can_be_and_worse_from_another() {
    let prediction = Prediction { lags: Some(2) };
    let test = process(1, 2_000, 0.9);
    let error = |memory| {
        prediction
            .measure(&process(2, 2_000, memory), &test)
            .unwrap()
    };
    // Of a variance of 1/(1 − 0.81) what comes anew is 1: a share of 0.19.
    let own = error(0.9);
    assert!((own - 0.19_f64.sqrt()).abs() < 0.02, "{own}");
    // What is told from no memory is the mean.
    assert!((error(0.0) - 1.0).abs() < 0.05);
    assert!(error(-0.9) > 1.5);
    // In any unit, and far from 0.
    for (size, level) in [(1e-150, 0.0), (1e150, 0.0), (1.0, 1e6)] {
        let moved = |set: &SeriesSet| {
            let values = set.values().iter().map(|x| size * x + level).collect();
            SeriesSet::new(values, ["x"], 20).unwrap()
        };
        let found = prediction.measure(&moved(&process(2, 2_000, 0.9)), &moved(&test));
        assert_near(found.unwrap(), own, 1e-6);
    }
}

#[test]
fn windows_without_classes_are_scored_by_what_they_tell_of_the_next_moment() {
    let scorer = SeriesScorer::new(process(1, 300, 0.9), process(2, 300, 0.9)).with_seed(4);
    let score = |made: &SeriesSet| -> Vec<(String, f64, f64)> {
        let scores = scorer.score(made).unwrap();
        let value = |s: &Score| s.real_against_real.unwrap().value;
        scores
            .iter()
            .map(|s| (s.name.clone(), s.value(), value(s)))
            .collect()
    };
    let (alike, other) = (score(&process(3, 300, 0.9)), score(&process(3, 300, 0.0)));
    let copied = score(&process(1, 300, 0.9));
    let names: Vec<&str> = alike.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(
        names[3..],
        [
            "error_synthetic",
            "nearest_neighbour_accuracy",
            "two_sample_accuracy",
            "copies",
            "nearer_than_held_out",
        ]
    );
    let (_, own, real) = alike[3];
    assert!(
        (own - real).abs() < 0.02 && other[3].1 > own + 0.3,
        "{own}, {real}, {other:?}"
    );
    // Five standard errors of six hundred windows, a third more as they are not independent.
    assert!((alike[4].1 - 0.5).abs() < 0.14, "{alike:?}");
    let away = process(3, 300, 0.9)
        .values()
        .iter()
        .map(|x| x + 20.0)
        .collect();
    let away = score(&SeriesSet::new(away, ["x"], 20).unwrap());
    assert_eq!((away[4].1, away[5].1, away[7].1), (1.0, 1.0, 0.0));
    assert!((alike[7].1 - 0.5).abs() < 0.12, "{alike:?}");
    assert_eq!((alike[6].1, copied[6].1, copied[7].1), (0.0, 1.0, 1.0));
    assert_eq!((copied[6].2, copied[7].2), (0.0, 0.5));

    let made = process(3, 300, 0.9);
    let some = scorer.clone().with_windows(50).score(&made).unwrap();
    for (place, score) in some.iter().enumerate() {
        let windows = score.provenance.settings.get("windows").cloned();
        assert_eq!(windows, (place > 3).then(|| 50.into()), "{}", score.name);
        let name = if place < 6 { "held out" } else { "training" };
        assert_eq!(
            (score.provenance.seed, score.provenance.real.name.as_str()),
            (4, name)
        );
    }
    // One window has no neighbour, and seven teach no classifier.
    for (windows, numbers) in [(1, 4), (7, 7)] {
        let few = SeriesScorer::new(process(1, windows, 0.9), process(2, 300, 0.9));
        assert_eq!(few.score(&made).unwrap().len(), numbers);
    }
}

#[test]
fn a_window_that_is_moved_by_a_little_is_a_copy_in_any_unit() {
    let training = process(1, 50, 0.9);
    let deviation = {
        let values = training.values();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
    };
    let moved = |by: f64, size: f64| {
        let values = training.values().iter();
        let values = values.map(|x| size * (x + by * deviation)).collect();
        SeriesSet::new(values, ["x"], 20).unwrap()
    };
    for size in [1e-20, 1.0, 1e20] {
        let (training, held_out) = (moved(0.0, size), moved(3.0, size));
        let near = closest_windows(&training, &held_out, &moved(0.009, size)).unwrap();
        assert_eq!((near.copies, near.copies_held_out), (1.0, 0.0));
        assert_near(near.median_distance, 0.009, 1e-3);
        let far = closest_windows(&training, &held_out, &moved(0.011, size)).unwrap();
        assert_eq!(far.copies, 0.0);
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
    let far = Prediction { lags: Some(12) };
    let error = words(far.measure(&real, &real).unwrap_err());
    assert!(error.contains("`lags` = 12: must be at most 11"), "{error}");
    let error = words(Prediction::default().measure(&real, &constant).unwrap_err());
    assert!(
        error.contains("error_synthetic: channel `x` is constant"),
        "{error}"
    );
    // What teaches nothing is the mean, however constant.
    let of_constant = Prediction::default().measure(&constant, &real).unwrap();
    assert!(
        of_constant.is_finite() && of_constant > 0.9,
        "{of_constant}"
    );
    let error = words(closest_windows(&constant, &real, &real).unwrap_err());
    assert!(error.contains("copy"), "{error}");
    let error = words(neighbour_accuracy(&constant, &real).unwrap_err());
    assert!(error.contains("accuracy_synthetic"), "{error}");
    // One constant window among others is none that moves: it has no correlation.
    let mut values = real.values().to_vec();
    values[..12].fill(5.0);
    let mixed = SeriesSet::new(values, ["x", "y"], 12).unwrap();
    let function = correlation.function(&mixed).unwrap();
    assert!((function[0][0] - 0.75).abs() < 1e-12 && (function[1][0] - 1.0).abs() < 1e-12);
}
