//! What tests of metrics share: features that the reference scripts make as well.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::features::Features;

/// `[seed, count, dimensions, scale, shift]` as the scripts have it; the last two may be missing.
pub(super) type Made = Vec<f64>;

/// The features that `features` of `tests/golden/metrics_neighbours.py` makes.
pub(super) fn features(made: &[f64]) -> Features {
    let (seed, count, dimensions) = (made[0] as u64, made[1] as u64, made[2] as usize);
    let scale = made.get(3).copied().unwrap_or(1.0);
    let shift = made.get(4).copied().unwrap_or(0.0);
    let values = (0..count * dimensions as u64).map(|index| {
        let mut x = index.wrapping_add(seed.wrapping_mul(1_000_000_007));
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^= x >> 31;
        let sum: u64 = (0..4).map(|part| (x >> (12 * part)) & 0xFFF).sum();
        ((sum as f64 - 8_190.0) / 2_048.0 * scale + shift) as f32
    });
    Features::new(values.collect(), dimensions).unwrap()
}

/// Part `name` of `tests/golden/metrics_neighbours.json`.
pub(super) fn part<T: DeserializeOwned>(name: &str) -> T {
    let text = include_str!("../../tests/golden/metrics_neighbours.json");
    let mut golden: Value = serde_json::from_str(text).unwrap();
    serde_json::from_value(golden[name].take()).unwrap()
}

/// `tests/golden/metrics_distances.json`, on the same features.
#[derive(Debug)]
pub(super) struct Distances;

impl Distances {
    /// Its part `name`.
    pub(super) fn part<T: DeserializeOwned>(name: &str) -> T {
        let text = include_str!("../../tests/golden/metrics_distances.json");
        let mut golden: Value = serde_json::from_str(text).unwrap();
        serde_json::from_value(golden[name].take()).unwrap()
    }
}

#[track_caller]
pub(super) fn assert_near(found: f64, expected: f64, tolerance: f64) {
    let near = (found - expected).abs() <= tolerance * expected.abs();
    assert!(near, "{found}, and {expected} expected");
}

/// The words of the error.
pub(super) fn refusal<T: std::fmt::Debug>(result: crate::error::Result<T>) -> String {
    result.unwrap_err().to_string()
}
