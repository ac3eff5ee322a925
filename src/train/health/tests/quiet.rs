//! Healthy runs are left in peace.

use super::series::{Noise, checks, healthy};
use crate::train::health::*;

#[test]
fn twenty_thousand_checks_of_a_healthy_run_find_nothing() {
    for (seed, every) in [(1, 10), (2, 10), (3, 1)] {
        let config = HealthConfig {
            every,
            ..HealthConfig::default()
        };
        let mut watch = HealthWatch::new(config).unwrap();
        let mut noise = Noise::new(seed);
        for step in checks(every, 20_000 * every) {
            let found = watch.check(&healthy(step, every, &mut noise));
            assert!(found.is_empty(), "seed {seed}: {found:?}");
        }
    }
}

#[test]
fn a_check_without_numbers_finds_nothing() {
    let mut watch = HealthWatch::new(HealthConfig::default()).unwrap();
    for step in 1..200 {
        let signs = VitalSigns {
            step,
            ..VitalSigns::default()
        };
        assert!(watch.check(&signs).is_empty());
    }
}

#[test]
fn what_is_remembered_does_not_grow() {
    let mut watch = HealthWatch::new(HealthConfig::default()).unwrap();
    let mut noise = Noise::new(4);
    let mut sizes = Vec::new();
    for step in checks(10, 50_000) {
        watch.check(&healthy(step, 10, &mut noise));
        if step % 10_000 == 0 {
            sizes.push(rmp_serde::to_vec_named(watch.state()).unwrap().len());
        }
    }
    let (least, most) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
    // Integers take more bytes as they grow.
    assert!(most - least < 200 && *most < 4_500, "{sizes:?}");
}
