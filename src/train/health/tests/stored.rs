//! A watch that goes on from a checkpoint finds what the uninterrupted one finds.

use super::series::{Noise, checks, healthy};
use crate::train::health::*;

/// A run in which anything may happen at any check.
fn wild(step: u64, noise: &mut Noise) -> VitalSigns {
    let mut signs = healthy(step, 10, noise);
    let scale = match (8.0 * noise.uniform()) as u32 {
        0 => 1e6,
        1 => 1e-9,
        2 => f64::NAN,
        _ => 1.0,
    };
    let phase = (step / 200) % 3;
    if phase == 1 {
        for reading in [
            &mut signs.generator_gradients,
            &mut signs.discriminator_gradients,
        ] {
            for square in &mut reading.as_mut().unwrap().squared_norms {
                *square *= scale;
            }
        }
        signs.losses[0].generator *= scale;
        signs.diversity.as_mut().unwrap().fake *= scale;
        signs.held_out.as_mut().unwrap().held_out *= scale;
        let logits = signs.logits.as_mut().unwrap();
        (logits.separated, logits.js_lower_bound) = (1.0, 0.69 * scale.min(1.0));
    }
    if phase == 2 {
        signs.diversity = None;
        signs.resident_bytes = Some(step << 22);
        if scale.is_nan() {
            signs.weights.push("layers.0.weight".to_owned());
        }
    }
    signs
}

#[test]
fn a_stored_watch_goes_on_as_if_it_had_not_stopped() {
    let mut findings = 0;
    for seed in 0..20 {
        let mut noise = Noise::new(seed);
        let mut whole = HealthWatch::new(HealthConfig::default()).unwrap();
        let mut stored = whole.clone();
        for step in checks(10, 3_000) {
            let signs = wild(step, &mut noise);
            let (expected, found) = (whole.check(&signs), stored.check(&signs));
            assert_eq!(expected, found, "seed {seed}, step {step}");
            findings += found.len();
            if noise.uniform() < 0.2 {
                let bytes = rmp_serde::to_vec(stored.state()).unwrap();
                let state = rmp_serde::from_slice(&bytes).unwrap();
                stored = HealthWatch::with_state(stored.config().clone(), state).unwrap();
            }
            assert_eq!(whole, stored, "seed {seed}, step {step}");
        }
    }
    assert!(findings > 100, "{findings}");
}

#[test]
fn a_state_may_go_through_json_since_its_numbers_are_finite() {
    let mut noise = Noise::new(1);
    let mut watch = HealthWatch::new(HealthConfig::default()).unwrap();
    for step in checks(10, 2_000) {
        watch.check(&wild(step, &mut noise));
    }
    let json = serde_json::to_string(watch.state()).unwrap();
    let state: HealthState = serde_json::from_str(&json).unwrap();
    assert_eq!(&state, watch.state());
}

#[test]
fn an_empty_state_is_that_of_a_new_watch() {
    let state: HealthState = serde_json::from_str("{}").unwrap();
    assert_eq!(state, HealthState::default());
}

#[test]
fn a_wrong_setting_is_refused_with_or_without_a_state() {
    let config = HealthConfig {
        collapse: Collapse {
            ratio: f64::NAN,
            ..Collapse::default()
        },
        ..HealthConfig::default()
    };
    assert!(HealthWatch::new(config.clone()).is_err());
    let error = HealthWatch::with_state(config, HealthState::default()).unwrap_err();
    assert!(error.to_string().contains("`collapse.ratio`"), "{error}");
}
