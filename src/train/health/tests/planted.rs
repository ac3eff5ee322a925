//! Every fault is found within 50 steps of its beginning, named rightly, and told once.

use super::series::{Noise, checks, gradients, healthy, run};
use crate::metrics::Better;
use crate::network::Network;
use crate::report::Severity;
use crate::train::Measurement;
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
        assert_eq!(finding.severity(), Severity::Error);
    }
}

#[test]
fn an_infinite_penalty_is_told_from_the_loss_beside_it() {
    let found = run(80, |signs| {
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
                network: Network::Generator,
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
        for network in [Network::Generator, Network::Discriminator] {
            let mut noise = Noise::new(5);
            let found = run(begin + 300, |signs| {
                if signs.step >= begin {
                    let reading = gradients(5e3 * noise.factor(1.0));
                    *match network {
                        Network::Generator => &mut signs.generator_gradients,
                        Network::Discriminator => &mut signs.discriminator_gradients,
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

/// What is usual follows them; they have not passed.
#[test]
fn an_explosion_that_stays_does_not_pass() {
    let found = run(3_000, |signs| {
        if signs.step > 300 {
            signs.generator_gradients = Some(gradients(5e3));
            for loss in &mut signs.losses {
                loss.generator = 5e4;
            }
        }
    });
    let names: Vec<_> = found.iter().map(Finding::name).collect();
    assert_eq!(names, ["loss_explosion", "gradient_explosion"]);
}

#[test]
fn gradients_that_vanish_are_found_on_either_side() {
    for begin in BEGINNINGS {
        for network in [Network::Generator, Network::Discriminator] {
            // From the beginning of a run they die away; later they fall at once.
            let found = run(begin + 2_000, |signs| {
                let since = signs.step.saturating_sub(begin);
                if since > 0 {
                    let reading = gradients(0.5 * (-(since as f64)).exp().max(1e-9));
                    *match network {
                        Network::Generator => &mut signs.generator_gradients,
                        Network::Discriminator => &mut signs.discriminator_gradients,
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
            network: Network::Generator,
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

/// Healthy DCGANs go through such a dip: the generator finds the data's brightness before anything
/// else.
#[test]
fn samples_that_are_nearly_alike_at_a_runs_start_are_left_in_peace() {
    let dip = |from: u64, to: u64, share: f64| {
        run(2_000, move |signs| {
            if (from..to).contains(&signs.step) {
                signs.diversity.as_mut().unwrap().fake *= share;
            }
        })
    };
    // 0.75 % of the data's diversity.
    for to in [40, 100, 500] {
        let found = dip(20, to, 0.01);
        assert!(found.is_empty(), "{to}: {found:?}");
    }
    // What does not differ at all is told at the start too, and what lasts is told after it.
    assert_eq!(dip(20, 300, 1e-6)[0].step, 30);
    assert_eq!(dip(20, 1_000, 0.01)[0].step, 520);
    assert_eq!(dip(700, 800, 0.01)[0].step, 710);
}

#[test]
fn what_passes_says_so_once() {
    let found = run(3_000, |signs| {
        if (400..1_000).contains(&signs.step) {
            signs.diversity.as_mut().unwrap().fake = 0.0;
            signs.generator_gradients = Some(gradients(1e-9));
        }
    });
    let told: Vec<_> = found
        .iter()
        .map(|finding| (finding.step, finding.name()))
        .collect();
    assert_eq!(
        told,
        [
            (410, "generator_collapse"),
            (420, "gradient_vanishing"),
            (1_040, "passed"),
            (1_040, "passed")
        ]
    );
    let passed = |what: &str, network, told| FindingKind::Passed {
        what: what.to_owned(),
        network,
        told,
    };
    let vanished = passed("gradient_vanishing", Some(Network::Generator), 420);
    assert_eq!(found[2].kind, vanished);
    assert_eq!(found[3].kind, passed("generator_collapse", None, 410));
    assert_eq!(found[3].severity(), Severity::Info);
    assert_eq!(
        found[3].to_string(),
        "step 1040: passed: generator collapse, told after step 410, is not seen any more"
    );
}

const GUESSING: f64 = 2.0 * std::f64::consts::LN_2;

/// A run whose discriminator loss is `loss(step)`.
fn with_loss(steps: u64, mut loss: impl FnMut(u64) -> f64) -> Vec<Finding> {
    run(steps, |signs| {
        for reading in &mut signs.losses {
            reading.discriminator = loss(reading.step);
        }
    })
}

#[test]
fn a_discriminator_that_learns_nothing_is_found() {
    // Quite flat, or with the noise of logits of standard deviation 0.3 on batches of 32.
    for (above, noise_of) in [(0.0, 0.0), (0.0225, 0.0375)] {
        let mut noise = Noise::new(21);
        let found = with_loss(5_000, |_| GUESSING + above + noise_of * noise.normal());
        let [finding] = <[Finding; 1]>::try_from(found).unwrap();
        let FindingKind::DiscriminatorStalled { loss, guessing, .. } = finding.kind else {
            panic!("{finding}");
        };
        // Looked for after 500 steps, at three checks.
        assert_eq!(finding.step, 530);
        assert!((loss - guessing).abs() < 0.03 * guessing, "{finding}");
        assert_eq!(finding.severity(), Severity::Warning);
        assert!(
            finding.to_string().contains("guessing costs 1.3863"),
            "{finding}"
        );
    }
}

#[test]
fn a_discriminator_that_was_better_than_guessing_once_has_learnt() {
    let mut noise = Noise::new(22);
    let mut near = |loss: f64| loss + 0.003 * noise.normal();
    // The generator wins soon, late, slowly: then the loss stays at that of guessing for good.
    for better in [60, 300, 2_000] {
        let found = with_loss(10_000, |step| {
            near(if step <= better {
                0.95 * GUESSING
            } else {
                GUESSING
            })
        });
        assert!(found.is_empty(), "{better}: {found:?}");
    }
    // A little better for long, as under a heavy penalty, or far better for a moment is enough.
    assert!(with_loss(3_000, |_| near(0.997 * GUESSING)).is_empty());
    let found = with_loss(3_000, |step| {
        near(if (20..35).contains(&step) {
            0.7
        } else {
            GUESSING
        })
    });
    assert!(found.is_empty(), "{found:?}");
    // Worse than guessing is another fault than learning nothing.
    assert!(with_loss(3_000, |_| near(1.1 * GUESSING)).is_empty());
}

#[test]
fn a_discriminator_that_learns_at_last_passes() {
    let mut noise = Noise::new(23);
    let found = with_loss(5_000, |step| {
        let loss = if step < 2_000 { GUESSING } else { 0.8 };
        loss + 0.003 * noise.normal()
    });
    let told: Vec<_> = found.iter().map(|f| (f.step, f.name())).collect();
    assert_eq!(told, [(530, "discriminator_stalled"), (2_050, "passed")]);
}

#[test]
fn a_loss_that_is_nothing_at_a_guess_is_judged_in_its_own_unit_or_not_at_all() {
    let found = |guessing, loss: f64| {
        run(2_000, move |signs| {
            signs.loss_of_guessing = guessing;
            for reading in &mut signs.losses {
                reading.discriminator = loss;
            }
        })
    };
    assert_eq!(found(Some(0.0), -5e-4)[0].name(), "discriminator_stalled");
    assert!(found(Some(0.0), -0.005).is_empty());
    assert_eq!(found(Some(0.5), 0.4999)[0].name(), "discriminator_stalled");
    assert!(found(Some(0.5), 0.49).is_empty());
    // The Wasserstein loss has no scale.
    assert!(found(None, -1e-4).is_empty());
}

/// As a learning rate of 1 does it: within some steps every loss is out of all measure, and the
/// generator sits at the ends of its range.
#[test]
fn a_run_that_is_lost_ends() {
    let lost = |signs: &mut VitalSigns, from: u64| {
        for loss in signs.losses.iter_mut().filter(|loss| loss.step >= from) {
            // The networks take turns.
            let losses = [6e11, 0.0];
            loss.discriminator = losses[(loss.step % 2) as usize];
            loss.generator = losses[((loss.step + 1) % 2) as usize];
        }
    };
    for begin in [2, 105, 4_000] {
        let mut watch = HealthWatch::new(HealthConfig::default()).unwrap();
        let mut noise = Noise::new(8);
        let mut halted = None;
        for step in checks(10, begin + 500) {
            let mut signs = healthy(step, 10, &mut noise);
            lost(&mut signs, begin);
            if step >= begin {
                signs.diversity.as_mut().unwrap().fake = 0.0;
            }
            for finding in watch.check(&signs) {
                if watch.policy(&finding) == Policy::Halt {
                    halted.get_or_insert(finding);
                }
            }
        }
        let finding = halted.unwrap();
        assert_eq!(finding.name(), "diverged");
        assert_eq!(finding.severity(), Severity::Error);
        assert!((begin..begin + 40).contains(&finding.step), "{finding}");
    }
    // Neither losses alone, nor samples alone, nor a single step.
    let names = |found: Vec<Finding>| -> Vec<&str> { found.iter().map(Finding::name).collect() };
    assert!(!names(run(500, |signs| lost(signs, 105))).contains(&"diverged"));
    let alike = |signs: &mut VitalSigns| signs.diversity.as_mut().unwrap().fake = 0.0;
    assert!(!names(run(500, alike)).contains(&"diverged"));
    let found = run(500, |signs| signs.losses[0].discriminator = 1e12);
    assert!(!names(found).contains(&"diverged"));
    // After an explosion, or out of reach of any gradient, one sample for long is the end.
    let found = run(500, |signs| {
        for loss in signs.losses.iter_mut().filter(|loss| loss.step == 2) {
            loss.discriminator = 7e4;
        }
        if signs.step > 100 {
            alike(signs);
        }
    });
    let finding = found.iter().find(|finding| finding.name() == "diverged");
    assert_eq!(finding.unwrap().step, 200, "{found:?}");
    let found = run(500, |signs| {
        alike(signs);
        signs.generator_gradients = Some(gradients(0.0));
    });
    let finding = found.iter().find(|finding| finding.name() == "diverged");
    assert_eq!(finding.unwrap().step, 90, "{found:?}");
    // Samples that are scattered over orders of magnitude are no less lost.
    let found = run(500, |signs| {
        lost(signs, 105);
        signs.diversity.as_mut().unwrap().fake = 1e30;
    });
    assert!(names(found).contains(&"diverged"));
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
fn memory_that_an_allocator_keeps_for_a_while_is_no_leak() {
    // As measured on small runs: up from 50 to 150 MiB in 560 steps, and back.
    let found = run(20_000, |signs| {
        let up = (signs.step % 1_200) as f64 / 560.0;
        signs.resident_bytes = Some((5e7 + 1e8 * up.min(1.0)) as u64);
    });
    assert!(found.is_empty(), "{found:?}");
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

/// A watch of `fid`, which is better the lower it is, measured every 50 steps, looked at every 10.
fn fid_findings(policy: Policy, fid: impl Fn(u64) -> f64) -> Vec<Finding> {
    let config = HealthConfig {
        worsening: vec![Worsening {
            policy,
            ..Worsening::new("fid", Better::Lower)
        }],
        ..HealthConfig::default()
    };
    let mut watch = HealthWatch::new(config).unwrap();
    let mut noise = Noise::new(2);
    let mut found = Vec::new();
    for step in checks(10, 2_000) {
        let mut signs = healthy(step, 10, &mut noise);
        let measured = step - step % 50;
        if measured > 0 {
            signs.measurements.push(Measurement {
                name: "fid".into(),
                value: fid(measured),
                step: measured,
            });
        }
        found.extend(watch.check(&signs));
    }
    found
}

#[test]
fn a_measurement_that_stays_worse_than_its_best_is_found_and_passes() {
    // Best at step 500; worse by more than a tenth from step 800 on, and better again from 1,500
    // on.
    let fid = |step: u64| match step {
        ..=500 => 40.0 - step as f64 / 25.0,
        550..800 => 21.9,
        800..1_500 => 30.0,
        _ => 15.0,
    };
    let found = fid_findings(Policy::Log, fid);
    let [worse, passed] = <[Finding; 2]>::try_from(found).unwrap();
    // Five evaluations: 800, 850, 900, 950 and 1,000.
    assert_eq!(worse.step, 1_000);
    assert_eq!(
        worse.kind,
        FindingKind::MeasurementWorsened {
            name: "fid".to_owned(),
            value: 30.0,
            best: 20.0,
            step: 500,
            evaluations: 5,
        }
    );
    assert_eq!(
        (passed.step, passed.name()),
        (1_500 + 4 * 50, "passed"),
        "{passed}"
    );
    assert!(fid_findings(Policy::Ignore, fid).is_empty());
}

#[test]
fn a_measurement_that_is_bad_now_and_then_or_not_finite_is_none() {
    let now_and_then = |step: u64| if step.is_multiple_of(250) { 20.0 } else { 90.0 };
    assert!(fid_findings(Policy::Log, now_and_then).is_empty());
    let unknown = |step: u64| if step > 500 { f64::NAN } else { 20.0 };
    assert!(fid_findings(Policy::Log, unknown).is_empty());
}

/// A watch that finds `spread_mean` measured every 50 steps.
fn spread_findings(config: HealthConfig, spread: impl Fn(u64) -> f64) -> Vec<Finding> {
    let mut watch = HealthWatch::new(config).unwrap();
    let mut noise = Noise::new(2);
    let mut found = Vec::new();
    for step in checks(10, 2_000) {
        let mut signs = healthy(step, 10, &mut noise);
        let measured = step - step % 50;
        if measured > 0 {
            signs.measurements.push(Measurement {
                name: "spread_mean".into(),
                value: spread(measured),
                step: measured,
            });
        }
        found.extend(watch.check(&signs));
    }
    found
}

#[test]
fn modes_that_stay_narrow_are_found_and_pass() {
    let spread = |step: u64| if step < 1_000 { 0.65 } else { 0.95 };
    let found = spread_findings(HealthConfig::default(), spread);
    let [narrow, passed] = <[Finding; 2]>::try_from(found).unwrap();
    // Five evaluations: 50 to 250.
    assert_eq!(narrow.step, 250);
    let expected = FindingKind::ModesTooNarrow {
        spread: 0.65,
        least: 0.75,
        evaluations: 5,
    };
    assert_eq!(narrow.kind, expected);
    assert_eq!((passed.step, passed.name()), (1_000 + 4 * 50, "passed"));
    let mut ignoring = HealthConfig::default();
    ignoring.narrow_modes.policy = Policy::Ignore;
    assert!(spread_findings(ignoring, spread).is_empty());
}

#[test]
fn a_spread_that_falls_is_found_by_default() {
    let spread = |step: u64| if step < 1_000 { 1.0 } else { 0.85 };
    let found = spread_findings(HealthConfig::default(), spread);
    let names: Vec<_> = found.iter().map(Finding::name).collect();
    assert_eq!(names, ["measurement_worsened"]);
}
