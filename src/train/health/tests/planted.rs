//! Every fault is found within 50 steps of its beginning, named rightly, and told once.

use super::series::{Noise, checks, gradients, healthy, run};
use crate::objective::Side;
use crate::train::health::*;

/// When faults begin: with the run, and later.
const BEGINNINGS: [u64; 3] = [1, 105, 4_000];

/// The one finding, which must come within 50 steps of `begin`.
fn only(found: Vec<Finding>, begin: u64) -> Finding {
    let steps = begin..=begin + 50;
    let [finding] = <[Finding; 1]>::try_from(found).unwrap();
    assert!(steps.contains(&finding.step), "{begin}: {finding}");
    finding
}

#[test]
fn a_loss_that_is_nan_names_its_first_step_and_part() {
    for begin in BEGINNINGS {
        let found = run(begin + 2_000, |signs| {
            for loss in signs.losses.iter_mut().filter(|loss| loss.step >= begin) {
                loss.generator = f64::NAN;
                if loss.step > begin {
                    loss.discriminator = f64::NAN;
                }
            }
        });
        let finding = only(found, begin);
        assert_eq!(
            finding.kind,
            FindingKind::NonFiniteLoss {
                which: LossPart::Generator,
                step: begin,
                value: NonFinite::Nan,
                samples: Vec::new(),
            }
        );
        assert!(finding.step < begin + 10, "{finding}");
        assert_eq!(finding.severity(), Severity::Fatal);
    }
}

#[test]
fn an_infinite_penalty_is_told_from_the_loss_beside_it() {
    let found = run(100, |signs| {
        for loss in signs.losses.iter_mut().filter(|loss| loss.step == 33) {
            loss.discriminator_penalty = Some(f64::INFINITY);
        }
    });
    assert_eq!(
        only(found, 33).kind,
        FindingKind::NonFiniteLoss {
            which: LossPart::DiscriminatorPenalty,
            step: 33,
            value: NonFinite::Infinity,
            samples: Vec::new(),
        }
    );
}

#[test]
fn a_nan_gradient_names_network_and_first_parameter() {
    for begin in BEGINNINGS {
        let found = run(begin + 2_000, |signs| {
            if signs.step >= begin {
                let gradients = signs.generator_gradients.as_mut().unwrap();
                gradients.squared_norms[1..].fill(f64::NAN);
            }
        });
        assert_eq!(
            only(found, begin).kind,
            FindingKind::NonFiniteGradient {
                network: Side::Generator,
                parameter: "layers.0.bias".to_owned(),
                parameters: 2,
                value: NonFinite::Nan,
            }
        );
    }
}

#[test]
fn spoilt_weights_come_with_the_loss_and_the_gradients_in_the_order_of_a_step() {
    let found = run(60, |signs| {
        if signs.step >= 40 {
            for loss in &mut signs.losses {
                loss.discriminator = f64::NAN;
            }
            let reading = signs.discriminator_gradients.as_mut().unwrap();
            reading.squared_norms.fill(f64::NAN);
            signs.weights = vec!["layers.1.weight".to_owned(), "layers.1.bias".to_owned()];
        }
    });
    let names: Vec<_> = found.iter().map(Finding::name).collect();
    assert_eq!(
        names,
        [
            "non_finite_loss",
            "non_finite_gradient",
            "non_finite_weight"
        ]
    );
    assert!(found.iter().all(|finding| finding.step == 40));
    assert_eq!(
        found[2].kind,
        FindingKind::NonFiniteWeight {
            parameter: "layers.1.weight".to_owned(),
            parameters: 2,
        }
    );
}

#[test]
fn a_separating_discriminator_is_found() {
    for begin in BEGINNINGS {
        let mut noise = Noise::new(3);
        let found = run(begin + 2_000, |signs| {
            if signs.step >= begin {
                signs.logits = Some(LogitReading {
                    separated: 1.0,
                    js_lower_bound: std::f64::consts::LN_2 - 1e-3 * noise.uniform(),
                    real_mean: 9.0,
                    fake_mean: -9.0,
                });
            }
        });
        let finding = only(found, begin);
        let FindingKind::DiscriminatorSaturated { checks, .. } = finding.kind else {
            panic!("{finding}");
        };
        assert_eq!(checks, 3);
    }
}

#[test]
fn separation_without_certainty_is_no_saturation() {
    let found = run(3_000, |signs| {
        let logits = signs.logits.as_mut().unwrap();
        (logits.separated, logits.js_lower_bound) = (1.0, 0.6);
    });
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn gradients_that_explode_are_found_on_either_side() {
    for begin in [105, 4_000] {
        for network in [Side::Generator, Side::Discriminator] {
            let mut noise = Noise::new(5);
            let found = run(begin + 300, |signs| {
                if signs.step >= begin {
                    let reading = gradients(5e3 * noise.factor(1.0));
                    *match network {
                        Side::Generator => &mut signs.generator_gradients,
                        Side::Discriminator => &mut signs.discriminator_gradients,
                    } = Some(reading);
                }
            });
            let finding = only(found, begin);
            let FindingKind::GradientExplosion {
                network: found,
                norm,
                usual,
                ratio,
            } = finding.kind
            else {
                panic!("{finding}");
            };
            assert_eq!(found, network);
            assert!((ratio - norm / usual).abs() < 1e-9 * ratio);
            assert!(usual > 0.05 && usual < 20.0, "{usual}");
        }
    }
}

/// A learning rate that is far too high from the first step on: one ordinary reading, then numbers
/// that are orders of magnitude larger, and growing.
#[test]
fn a_run_that_explodes_from_its_first_step_is_found_by_losses_and_gradients() {
    let found = run(50, |signs| {
        for loss in signs.losses.iter_mut().filter(|loss| loss.step > 1) {
            loss.discriminator = 1e4 * loss.step as f64;
            loss.generator = 2e4 * loss.step as f64;
        }
        if signs.step > 1 {
            signs.discriminator_gradients = Some(gradients(1e5 * signs.step as f64));
            signs.generator_gradients = Some(gradients(1e7 * signs.step as f64));
        }
    });
    let names: Vec<_> = found.iter().map(Finding::name).collect();
    assert_eq!(
        names,
        ["loss_explosion", "gradient_explosion", "gradient_explosion"]
    );
    assert!(found.iter().all(|finding| finding.step == 10));
    let FindingKind::LossExplosion { which, step, .. } = found[0].kind else {
        panic!("{}", found[0]);
    };
    assert_eq!((which, step), (LossPart::Discriminator, 2));
}

#[test]
fn gradients_that_come_back_after_a_long_silence_are_no_explosion() {
    let found = run(4_000, |signs| {
        if (1_000..2_500).contains(&signs.step) {
            signs.discriminator_gradients = Some(gradients(5e-3));
        }
    });
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn gradients_that_vanish_are_found_on_either_side() {
    for begin in BEGINNINGS {
        for network in [Side::Generator, Side::Discriminator] {
            // From the beginning of a run they die away; later they fall at once.
            let found = run(begin + 2_000, |signs| {
                let since = signs.step.saturating_sub(begin);
                if since > 0 {
                    let reading = gradients(0.5 * (-(since as f64)).exp().max(1e-9));
                    *match network {
                        Side::Generator => &mut signs.generator_gradients,
                        Side::Discriminator => &mut signs.discriminator_gradients,
                    } = Some(reading);
                }
            });
            let finding = only(found, begin);
            let FindingKind::GradientVanishing { network: found, .. } = finding.kind else {
                panic!("{finding}");
            };
            assert_eq!(found, network);
        }
    }
}

#[test]
fn a_generator_without_gradients_from_the_start_is_found() {
    let found = run(1_000, |signs| {
        signs.generator_gradients = Some(gradients(0.0))
    });
    let finding = only(found, 1);
    assert_eq!(
        finding.kind,
        FindingKind::GradientVanishing {
            network: Side::Generator,
            norm: 0.0,
            usual: 0.0,
        }
    );
}

#[test]
fn a_constant_generator_is_found() {
    for begin in BEGINNINGS {
        let found = run(begin + 2_000, |signs| {
            if signs.step >= begin {
                signs.diversity.as_mut().unwrap().fake = 0.0;
            }
        });
        let finding = only(found, begin);
        assert_eq!(finding.name(), "generator_collapse");
    }
}

#[test]
fn a_generator_that_begins_with_small_weights_is_given_time_to_spread() {
    let spread = |doubling: f64| {
        run(1_000, move |signs| {
            let diversity = signs.diversity.as_mut().unwrap();
            diversity.fake *= (1e-4 * (signs.step as f64 / doubling).exp2()).min(1.0);
        })
    };
    assert!(spread(25.0).is_empty());
    // One that does not get on is found, and only once.
    assert_eq!(only(spread(1e4), 1).name(), "generator_collapse");
}

#[test]
fn an_overfitted_discriminator_is_found() {
    for begin in BEGINNINGS {
        let mut noise = Noise::new(11);
        let found = run(begin + 2_000, |signs| {
            if signs.step >= begin {
                let mut mean = |of: f64| of + noise.normal() / 8.0;
                signs.held_out = Some(HeldOutReading {
                    training: mean(2.0),
                    held_out: mean(-0.5),
                    fake: mean(-1.0),
                });
            }
        });
        let finding = only(found, begin);
        let FindingKind::DiscriminatorOverfitting { gap, .. } = finding.kind else {
            panic!("{finding}");
        };
        assert!(gap > 0.5 && gap < 1.1, "{gap}");
    }
}

#[test]
fn a_gap_between_logits_that_are_not_apart_is_noise() {
    let found = run(20_000, |signs| {
        let held_out = signs.held_out.as_mut().unwrap();
        *held_out = HeldOutReading {
            training: 0.10,
            held_out: 0.02,
            fake: 0.0,
        };
    });
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn a_leak_is_found_fast_or_slow() {
    // Bytes a step, and the step by which it must be found: a quarter of 1.5 GB is 375 steps of
    // the first and 37,500 of the second.
    for (leak, by) in [(1e6, 1_000), (1e4, 120_000)] {
        let found = run(by, |signs| {
            signs.resident_bytes = Some((1.5e9 + leak * signs.step as f64) as u64);
        });
        assert!(!found.is_empty(), "{leak}");
        for finding in &found {
            let FindingKind::MemoryGrowth {
                from_bytes,
                to_bytes,
                steps,
            } = finding.kind
            else {
                panic!("{finding}");
            };
            let rate = (to_bytes - from_bytes) as f64 / steps as f64;
            assert!((rate / leak - 1.0).abs() < 0.5, "{rate} for {leak}");
        }
    }
}

#[test]
fn memory_that_comes_to_rest_is_no_leak() {
    for time in [10.0, 30.0, 100.0] {
        let found = run(60_000, |signs| {
            let grown = 1.0 - (-(signs.step as f64) / time).exp();
            signs.resident_bytes = Some((5e8 + 5e9 * grown) as u64);
        });
        assert!(found.is_empty(), "{time}: {found:?}");
    }
}

#[test]
fn what_is_ignored_is_not_found_and_policies_are_told_by_kind() {
    let config = HealthConfig {
        collapse: Collapse {
            policy: Policy::Ignore,
            ..Collapse::default()
        },
        saturation: Saturation {
            policy: Policy::rollback(),
            ..Saturation::default()
        },
        ..HealthConfig::default()
    };
    let mut watch = HealthWatch::new(config).unwrap();
    let mut noise = Noise::new(2);
    let mut found = Vec::new();
    for step in checks(10, 100) {
        let mut signs = healthy(step, 10, &mut noise);
        signs.diversity.as_mut().unwrap().fake = 0.0;
        let logits = signs.logits.as_mut().unwrap();
        (logits.separated, logits.js_lower_bound) = (1.0, 0.69);
        if step == 100 {
            signs.losses[3].generator = f64::NEG_INFINITY;
        }
        found.extend(watch.check(&signs));
    }
    let told: Vec<_> = found
        .iter()
        .map(|finding| (finding.name(), watch.policy(finding)))
        .collect();
    assert_eq!(
        told,
        [
            ("discriminator_saturated", Policy::rollback()),
            ("non_finite_loss", Policy::Halt)
        ]
    );
}

#[test]
fn what_lasts_is_told_anew_at_the_interval() {
    let found = run(16_000, |signs| signs.diversity.as_mut().unwrap().fake = 0.0);
    let steps: Vec<_> = found.iter().map(|finding| finding.step).collect();
    assert_eq!(steps, [30, 5_030, 10_030, 15_030]);
}
