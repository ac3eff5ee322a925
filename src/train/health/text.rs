//! Findings in words: their titles, their numbers, why they happen and what to try.

use super::finding::{Finding, FindingKind, LossPart};
use crate::network::Network;
use crate::text::digits;

impl Finding {
    /// What it is, in a few words.
    pub fn title(&self) -> &'static str {
        match &self.kind {
            FindingKind::NonFiniteLoss { which, .. } => match which {
                LossPart::Discriminator | LossPart::Generator => "loss not finite",
                LossPart::DiscriminatorPenalty | LossPart::GeneratorPenalty => "penalty not finite",
            },
            FindingKind::NonFiniteGradient { .. } => "gradient not finite",
            FindingKind::NonFiniteWeight { .. } => "weights not finite",
            FindingKind::LossExplosion { which, .. } => match which {
                LossPart::Discriminator | LossPart::Generator => "exploding loss",
                LossPart::DiscriminatorPenalty | LossPart::GeneratorPenalty => "exploding penalty",
            },
            FindingKind::GradientExplosion { .. } => "exploding gradients",
            FindingKind::GradientVanishing { .. } => "vanishing gradients",
            FindingKind::DiscriminatorSaturated { .. } => "discriminator separates everything",
            FindingKind::GeneratorCollapse { .. } => "generator collapse",
            FindingKind::DiscriminatorOverfitting { .. } => "discriminator overfitting",
            FindingKind::MeasurementWorsened { .. } => "a measurement gets worse",
            FindingKind::MemoryGrowth { .. } => "growing memory",
            FindingKind::ModesTooNarrow { .. } => "modes too narrow",
            FindingKind::DiscriminatorStalled { .. } => "the discriminator learns nothing",
            FindingKind::Diverged { .. } => "the run is lost",
            FindingKind::Passed { .. } => "passed",
        }
    }

    /// What to try first, in a few words; empty where there is nothing to do.
    pub fn hint(&self) -> &'static str {
        match &self.kind {
            FindingKind::NonFiniteLoss { samples, .. } if !samples.is_empty() => {
                "repair the data, and go back to the last checkpoint"
            }
            FindingKind::NonFiniteLoss { .. } | FindingKind::NonFiniteWeight { .. } => {
                "try smaller learning rates from the last checkpoint on"
            }
            FindingKind::NonFiniteGradient { .. } => {
                "look for roots and quotients in that layer, and try smaller learning rates"
            }
            FindingKind::LossExplosion { .. } | FindingKind::GradientExplosion { .. } => {
                "try smaller learning rates, or `gradient_clipping`"
            }
            FindingKind::GradientVanishing { network, .. } => match network {
                Network::Discriminator => "if it lasts, try a smaller learning rate for it, or R1",
                Network::Generator => "try `Loss::NonSaturating`, `Pairing::Paired` or R1",
            },
            FindingKind::DiscriminatorSaturated { .. } => {
                "normal at first; if it stays, try R1 or a smaller learning rate for it"
            }
            FindingKind::GeneratorCollapse { .. } => {
                "if it stays, try smaller learning rates, `nn::MinibatchStd` or `Objective::r3gan`"
            }
            FindingKind::DiscriminatorOverfitting { .. } => {
                "try more data, `Term::consistency` or `Term::lecam`"
            }
            FindingKind::MeasurementWorsened { .. } => {
                "go back to the best checkpoint (`Checkpoints::keep_best`)"
            }
            FindingKind::MemoryGrowth { .. } => "look at what observers and hooks keep",
            FindingKind::ModesTooNarrow { .. } => {
                "try a smaller weight of R1, or one that falls (`Ramp`), and longer training"
            }
            FindingKind::DiscriminatorStalled { .. } => {
                "try a smaller weight of R1, or a larger learning rate for it"
            }
            FindingKind::Diverged { .. } => {
                "try learning rates 10 to 100 times smaller, from an earlier checkpoint or anew"
            }
            FindingKind::Passed { .. } => "",
        }
    }

    /// The numbers that show it, in one line.
    pub fn evidence(&self) -> String {
        match &self.kind {
            FindingKind::NonFiniteLoss {
                which,
                step,
                value,
                samples,
            } => format!("{which} is {value} since step {step}{}", spoilt(samples)),
            FindingKind::NonFiniteGradient {
                network,
                parameter,
                parameters,
                value,
            } => format!(
                "the square of the gradient of `{parameter}` in the {} is {value}{}",
                name(*network),
                others(*parameters)
            ),
            FindingKind::NonFiniteWeight {
                parameter,
                parameters,
            } => format!(
                "`{parameter}` holds a number that is not finite{}",
                others(*parameters)
            ),
            FindingKind::LossExplosion {
                which,
                step,
                value,
                usual,
            } => format!(
                "{which} is {} at step {step}, usually about {}",
                digits(*value),
                digits(*usual)
            ),
            FindingKind::GradientExplosion {
                network,
                norm,
                usual,
                ratio,
            } => format!(
                "the {}'s gradient norm is {}, {} times the usual {}",
                name(*network),
                digits(*norm),
                digits(*ratio),
                digits(*usual)
            ),
            FindingKind::GradientVanishing {
                network,
                norm,
                usual,
            } => format!(
                "the {}'s gradient norm is {}, usually {}",
                name(*network),
                digits(*norm),
                digits(*usual)
            ),
            FindingKind::DiscriminatorSaturated {
                separated,
                js_lower_bound,
                checks,
            } => format!(
                "{:.2} % of pairs of a real and a generated sample are told apart, JS ≥ {:.3} of \
                 at most 0.693 nats, at {checks} checks in a row",
                100.0 * separated,
                js_lower_bound
            ),
            FindingKind::GeneratorCollapse { fake, real, ratio } => format!(
                "the mean squared distance between generated samples is {}, {} % of the {} \
                 between real ones",
                digits(*fake),
                digits(100.0 * ratio),
                digits(*real)
            ),
            FindingKind::DiscriminatorOverfitting {
                gap,
                training,
                held_out,
                fake,
            } => format!(
                "unseen real samples are judged {:.0} % of the way from known ones to generated \
                 ones (mean logits {}, {} and {})",
                100.0 * gap,
                digits(*held_out),
                digits(*training),
                digits(*fake)
            ),
            FindingKind::MeasurementWorsened {
                name,
                value,
                best,
                step,
                evaluations,
            } => format!(
                "`{name}` is {}, its best was {} at step {step}; {evaluations} evaluations in a row \
                 were worse",
                digits(*value),
                digits(*best)
            ),
            FindingKind::ModesTooNarrow {
                spread,
                least,
                evaluations,
            } => format!(
                "within modes samples have {} of the data's spread, less than {} at {evaluations} \
                 evaluations in a row",
                digits(*spread),
                digits(*least)
            ),
            FindingKind::MemoryGrowth {
                from_bytes,
                to_bytes,
                steps,
            } => format!(
                "from {} MiB to {} MiB in {steps} steps",
                from_bytes >> 20,
                to_bytes >> 20
            ),
            FindingKind::DiscriminatorStalled {
                loss,
                guessing,
                real_logit,
                fake_logit,
            } => format!(
                "its loss is {loss:.4}, guessing costs {guessing:.4}, and it was never better (mean \
                 logits {} of real and {} of generated samples)",
                digits(*real_logit),
                digits(*fake_logit)
            ),
            FindingKind::Diverged {
                times,
                gradient,
                ratio,
                checks,
            } => {
                let gradient = match gradient {
                    Some(norm) => format!(", the generator's gradient norm is {}", digits(*norm)),
                    None => String::new(),
                };
                format!(
                    "losses have come to {} times those of the first step{gradient}, and generated \
                     samples differ by {} % of what real ones do, at {checks} checks in a row",
                    digits(*times),
                    digits(100.0 * ratio)
                )
            }
            FindingKind::Passed {
                what,
                network,
                told,
            } => {
                let whose = match network {
                    Some(network) => format!(" of the {}", name(*network)),
                    None => String::new(),
                };
                let what = title_of(what);
                format!("{what}{whose}, told after step {told}, is not seen any more")
            }
        }
    }

    /// Why that happens when GANs are trained.
    pub fn why(&self) -> &'static str {
        match &self.kind {
            FindingKind::NonFiniteLoss { which, .. } => match which {
                LossPart::Discriminator | LossPart::Generator => {
                    "Logits have overflowed, because the networks drive each other to ever larger \
                     ones or because a weight is spoilt already; or the data holds such a number, \
                     or a loss of one's own takes the logarithm of 0."
                }
                LossPart::DiscriminatorPenalty | LossPart::GeneratorPenalty => {
                    "A penalty on gradients squares them, so it overflows before the loss does; a \
                     penalty of one's own may divide by a norm of 0."
                }
            },
            FindingKind::NonFiniteGradient { .. } => {
                "The backward pass has overflowed, or has differentiated something at a point \
                 where it has no slope, such as a norm at 0. An optimiser that takes such a \
                 gradient spoils its weights and its moments for good."
            }
            FindingKind::NonFiniteWeight { .. } => {
                "An optimiser has taken a gradient that was not finite, or a step so large that \
                 the weights overflowed. From then on every number that the network gives is \
                 spoilt."
            }
            FindingKind::LossExplosion { .. } => {
                "The logits have become very large: a learning rate too high for the loss, or a \
                 discriminator that nothing keeps smooth, so that each network answers the \
                 other's step with a larger one."
            }
            FindingKind::GradientExplosion { network, .. } => match network {
                Network::Discriminator => {
                    "The discriminator has become steep around the samples: a learning rate too \
                     high, or nothing that keeps it smooth. It cuts the data from the generated \
                     samples ever more sharply, and its weights grow with it."
                }
                Network::Generator => {
                    "The generator's gradient comes through the discriminator, and is as large as \
                     that is steep; or the generator's own steps are too large, and undo what \
                     they have reached."
                }
            },
            FindingKind::GradientVanishing { network, .. } => match network {
                Network::Discriminator => {
                    "A discriminator that separates all samples has nothing left to learn: its \
                     loss is flat where it is sure. The same shows where its activations are dead."
                }
                Network::Generator => {
                    "The generator learns from the discriminator's slope. The saturating minimax \
                     loss is flat where generated samples are recognised with certainty, and a \
                     discriminator that is flat at the samples has no slope to pass on; dead \
                     activations pass nothing on either."
                }
            },
            FindingKind::DiscriminatorSaturated { .. } => {
                "Real and generated samples lie apart, as they do at first in nearly every run: in \
                 the first steps this is normal and passes. If it stays, the discriminator learns \
                 faster than the generator, and its verdict says little about which way to go. The \
                 critic of a Wasserstein distance is meant to separate."
            }
            FindingKind::GeneratorCollapse { .. } => {
                "The discriminator judges each sample by itself, so the generator may answer with \
                 the one sample that it likes best just now, and follow it around. In the first \
                 steps it can also mean that the generator starts with too small weights, or has \
                 lost its latents to dead or saturated activations."
            }
            FindingKind::DiscriminatorOverfitting { .. } => {
                "The discriminator knows its training samples by heart and takes other real ones \
                 for generated. What it then teaches the generator is no longer about the data's \
                 distribution; with few samples this is what ends training."
            }
            FindingKind::MeasurementWorsened { .. } => {
                "The two networks play a game: the losses may look the same while samples get worse. \
                 The discriminator may know its data by heart, the generator may have dropped modes, \
                 or the learning rates are too high for the end of a run."
            }
            FindingKind::ModesTooNarrow { .. } => {
                "Every mode is found, and each is partly collapsed: the generator draws its middle. \
                 A discriminator that a penalty keeps flat can't see structure that is much smaller \
                 than the distance between modes, so nothing pulls samples apart there; measures of \
                 quality even prefer narrow modes."
            }
            FindingKind::MemoryGrowth { .. } => {
                "Something keeps what belongs to a step: tensors that were stored with their tape \
                 hold the whole graph behind them, and a list of readings grows with every step."
            }
            FindingKind::DiscriminatorStalled { .. } => {
                "It has given real and generated samples the same logits since the run began, so the \
                 generator has nobody to learn from. A penalty on gradients that is too heavy for \
                 the data's scale keeps it flat; so do a learning rate that is far too small, dead \
                 activations, and an output that is squashed or does not depend on the samples."
            }
            FindingKind::Diverged { .. } => {
                "The networks have driven each other out of all measure: learning rates that are too \
                 high by orders of magnitude, or data on another scale than the networks are made \
                 for. Weights of such a size do not come back."
            }
            FindingKind::Passed { .. } => {
                "Five looks in a row have not shown it: the networks have found back by themselves, or \
                 what was changed has helped."
            }
        }
    }

    /// What to try, by the names of this crate's settings.
    pub fn advice(&self) -> &'static str {
        match &self.kind {
            FindingKind::NonFiniteLoss { .. } => {
                "Go back to the last checkpoint with smaller learning rates \
                 (`Policy::Rollback` does so by itself), set `TrainerConfig::gradient_clipping` \
                 and `TrainerConfig::warm_up`, and keep the discriminator smooth with \
                 `Term::r1`. Check the data for NaN; in losses and penalties of one's own take \
                 `softplus` of logits instead of logarithms of probabilities, and add a small \
                 number under each root."
            }
            FindingKind::NonFiniteGradient { .. } => {
                "Look at the layer that is named and at what it feeds: add a small number under \
                 each root and each quotient there. Go back to the last checkpoint with smaller \
                 learning rates (`Policy::Rollback`), with `TrainerConfig::gradient_clipping` and \
                 `TrainerConfig::warm_up`. Clipping alone does not mend a gradient that is NaN."
            }
            FindingKind::NonFiniteWeight { .. } => {
                "These weights are lost: go back to the last checkpoint \
                 (`Policy::Rollback`), with smaller learning rates, \
                 `TrainerConfig::gradient_clipping` and `TrainerConfig::warm_up`. If it happens in \
                 the first steps, the learning rate is too high by far or the initial weights \
                 are broken."
            }
            FindingKind::LossExplosion { .. } | FindingKind::GradientExplosion { .. } => {
                "Lower the learning rates of `TrainerConfig::generator_optimizer` and \
                 `TrainerConfig::discriminator_optimizer` by a factor of 3 to 10, let them rise \
                 with `TrainerConfig::warm_up`, and set `TrainerConfig::gradient_clipping` to a \
                 few times the usual norm. Keep the discriminator smooth: `Term::r1` (or \
                 `Term::wgan_gp`), or `nn::SpectralNorm` in its layers. A lower β₁ of Adam \
                 (0 or .5) damps oscillations. `TrainerConfig::ema` gives samples that suffer less \
                 from them."
            }
            FindingKind::GradientVanishing { network, .. } => match network {
                Network::Discriminator => {
                    "If it lasts, slow the discriminator down: a smaller learning rate for \
                     `TrainerConfig::discriminator_optimizer` than for the generator's, \
                     `Term::r1`, `LabelSmoothing::one_sided`, or noise on the data \
                     (`Augmentation::Noise` in a consistency penalty). If it is so from step 1, \
                     check the initial weights and the data's scale, and use \
                     `Activation::LEAKY`."
                }
                Network::Generator => {
                    "Use `Loss::NonSaturating` instead of `Loss::Minimax`, or a comparison with \
                     real samples (`Pairing::Paired`), which never saturate where the generator \
                     is losing. Give the discriminator a slope everywhere with `Term::r1` \
                     and `Term::r2` or `Term::wgan_gp`, and a smaller learning rate. If it \
                     is so from step 1, check the generator's initial weights and its output \
                     activation against the data's range."
                }
            },
            FindingKind::DiscriminatorSaturated { .. } => {
                "Nothing in the first few hundred steps. If it stays: `Term::r1` with a larger \
                 weight, a smaller learning rate for `TrainerConfig::discriminator_optimizer` \
                 than for `TrainerConfig::generator_optimizer` (two time scales), fewer \
                 `TrainerConfig::discriminator_steps`, `Pairing::Paired`, or \
                 `LabelSmoothing::one_sided`. For a Wasserstein critic set \
                 `health.saturation.policy` to `ignore`."
            }
            FindingKind::GeneratorCollapse { .. } => {
                "Show the discriminator several samples at once: `nn::MinibatchStd` near its end, \
                 or `network::Packed` around it. Compare real with generated samples \
                 (`Pairing::Paired`) under `Term::r1` and `Term::r2`, which has no basins \
                 of dropped modes; `Objective::r3gan` is that. `Term::latent_diversity` \
                 pulls samples of different latents apart. Lower the learning rates, above all \
                 the generator's, and look at the initial weights if it never drew different \
                 samples."
            }
            FindingKind::DiscriminatorOverfitting { .. } => {
                "Use more data, or show it in more forms: `Term::balanced_consistency` or \
                 `Term::consistency` with an `Augmentation`. `Term::lecam` is made for few \
                 samples; a larger weight of `Term::r1`, a smaller discriminator or dropout in \
                 it help too. Otherwise stop here, and keep the generator of the best checkpoint \
                 (with `TrainerConfig::ema`)."
            }
            FindingKind::MeasurementWorsened { .. } => {
                "Compare the samples of then and now. The best checkpoint is kept by \
                 `Checkpoints::keep_best`; go on from it with smaller learning rates or a `Schedule` \
                 that lowers them, keep an average of the generator (`TrainerConfig::ema`), and with \
                 little data add `Augment`. `health.worsening[..].policy` can end the run, or send \
                 it back."
            }
            FindingKind::ModesTooNarrow { .. } => {
                "Let the weight of `Term::r1` fall during the run (a `Ramp`), make the discriminator \
                 wider or sharper, train longer at a falling rate, and draw from an average of the \
                 generator (`TrainerConfig::ema`). docs/objectives.md has a table of what was tried."
            }
            FindingKind::MemoryGrowth { .. } => {
                "Look at what observers and hooks keep: turn readings into numbers instead of \
                 storing tensors, detach what must be stored, and give `History` a slower rhythm. \
                 A penalty of one's own must store detached tensors in its memory."
            }
            FindingKind::DiscriminatorStalled { .. } => {
                "Lower the weight of `Term::r1` (and `Term::r2`) by a factor of 10 or more: \
                 what is right goes with the square of the data's size. Raise the learning rate of \
                 `TrainerConfig::discriminator_optimizer`, make the discriminator larger, and check \
                 that it ends without an activation and uses its input. Samples that were good from \
                 the start, as those of a trained generator, look the same."
            }
            FindingKind::Diverged { .. } => {
                "Start anew, or from a checkpoint of before, with the learning rates of \
                 `TrainerConfig::generator_optimizer` and `TrainerConfig::discriminator_optimizer` 10 \
                 to 100 times smaller (1e-4 to 2e-3 is usual with Adam), with \
                 `TrainerConfig::warm_up` and `TrainerConfig::gradient_clipping`; rescale the data \
                 to [−1, 1]. With `health.divergence.policy` a run goes back by itself, or goes on."
            }
            FindingKind::Passed { .. } => {
                "Nothing is to be done. If it comes and goes, what is advised for it still helps."
            }
        }
    }
}

fn name(network: Network) -> &'static str {
    match network {
        Network::Generator => "generator",
        Network::Discriminator => "discriminator",
    }
}

/// The title of the findings of a name.
fn title_of(name: &str) -> &str {
    match name {
        "non_finite_loss" => "loss not finite",
        "non_finite_gradient" => "gradient not finite",
        "non_finite_weight" => "weights not finite",
        "loss_explosion" => "exploding loss",
        "gradient_explosion" => "exploding gradients",
        "gradient_vanishing" => "vanishing gradients",
        "discriminator_saturated" => "discriminator separates everything",
        "generator_collapse" => "generator collapse",
        "discriminator_overfitting" => "discriminator overfitting",
        "measurement_worsened" => "a measurement that gets worse",
        "memory_growth" => "growing memory",
        "modes_too_narrow" => "modes that are too narrow",
        "discriminator_stalled" => "a discriminator that learns nothing",
        "diverged" => "a run that is lost",
        other => other,
    }
}

/// Samples that are at fault, where there are any.
fn spoilt(samples: &[usize]) -> String {
    let others = match samples {
        [] => return String::new(),
        [_] => String::new(),
        [_, rest @ ..] => {
            let rest: Vec<String> = rest.iter().map(usize::to_string).collect();
            format!(" (and {})", rest.join(", "))
        }
    };
    format!(
        "; sample {}{others} of the data (counted from 0), met in that step, holds a number that is \
         not finite",
        samples[0]
    )
}

/// The rest of a list of which the first is named.
fn others(count: usize) -> String {
    match count {
        0 | 1 => String::new(),
        2 => ", and 1 other".to_owned(),
        _ => format!(", and {} others", count - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::health::NonFinite;

    fn every_kind() -> Vec<FindingKind> {
        let mut kinds = vec![
            FindingKind::NonFiniteWeight {
                parameter: "layers.0.weight".to_owned(),
                parameters: 4,
            },
            FindingKind::DiscriminatorSaturated {
                separated: 1.0,
                js_lower_bound: 0.692,
                checks: 3,
            },
            FindingKind::GeneratorCollapse {
                fake: 0.001,
                real: 2.0,
                ratio: 0.0005,
            },
            FindingKind::DiscriminatorOverfitting {
                gap: 0.75,
                training: 2.0,
                held_out: -1.0,
                fake: -2.0,
            },
            FindingKind::MeasurementWorsened {
                name: "fid".to_owned(),
                value: 40.0,
                best: 20.0,
                step: 7_000,
                evaluations: 5,
            },
            FindingKind::ModesTooNarrow {
                spread: 0.5,
                least: 0.75,
                evaluations: 5,
            },
            FindingKind::MemoryGrowth {
                from_bytes: 1 << 30,
                to_bytes: 3 << 29,
                steps: 500,
            },
            FindingKind::DiscriminatorStalled {
                loss: 1.386,
                guessing: 1.386,
                real_logit: 1e-4,
                fake_logit: 0.0,
            },
            FindingKind::Diverged {
                times: 6e11,
                gradient: Some(0.0),
                ratio: 0.0,
                checks: 3,
            },
            FindingKind::Passed {
                what: "generator_collapse".to_owned(),
                network: None,
                told: 30,
            },
        ];
        for which in [
            LossPart::Discriminator,
            LossPart::DiscriminatorPenalty,
            LossPart::Generator,
            LossPart::GeneratorPenalty,
        ] {
            kinds.push(FindingKind::NonFiniteLoss {
                which,
                step: 7,
                value: NonFinite::Nan,
                samples: vec![3, 5],
            });
            kinds.push(FindingKind::LossExplosion {
                which,
                step: 7,
                value: 1e6,
                usual: 0.7,
            });
        }
        for network in [Network::Generator, Network::Discriminator] {
            kinds.push(FindingKind::NonFiniteGradient {
                network,
                parameter: "layers.0.weight".to_owned(),
                parameters: 2,
                value: NonFinite::Infinity,
            });
            kinds.push(FindingKind::GradientExplosion {
                network,
                norm: 1e6,
                usual: 0.5,
                ratio: 2e6,
            });
            kinds.push(FindingKind::GradientVanishing {
                network,
                norm: 0.0,
                usual: 0.0,
            });
        }
        kinds
    }

    #[test]
    fn every_kind_is_explained_in_sentences_and_has_a_name_of_its_own() {
        let mut names = std::collections::BTreeSet::new();
        for kind in every_kind() {
            let finding = Finding { step: 9, kind };
            for sentence in [finding.why(), finding.advice()] {
                assert!(sentence.len() > 60, "{finding}: {sentence}");
                assert!(sentence.ends_with('.'), "{finding}: {sentence}");
                assert!(!sentence.contains("  "), "{finding}: {sentence}");
            }
            let line = finding.to_string();
            assert!(line.starts_with("step 9: "), "{line}");
            assert!(!line.contains('\n') && !line.contains("  "), "{line}");
            assert!(
                finding
                    .name()
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c == '_')
            );
            let passed = finding.name() == "passed";
            assert_eq!(finding.hint().is_empty(), passed, "{line}");
            assert!(line.ends_with(finding.hint()), "{line}");
            assert_ne!(
                title_of(finding.name()) == finding.name(),
                !passed,
                "{line}"
            );
            // A finding is stored under its name.
            let stored = serde_json::to_value(&finding).unwrap();
            assert!(stored["kind"][finding.name()].is_object(), "{stored}");
            names.insert(finding.name());
        }
        assert_eq!(names.len(), 15);
    }

    #[test]
    fn evidence_holds_the_numbers() {
        let evidence = |kind| Finding { step: 9, kind }.evidence();
        let collapse = evidence(FindingKind::GeneratorCollapse {
            fake: 0.0123,
            real: 4.1,
            ratio: 0.003,
        });
        assert_eq!(
            collapse,
            "the mean squared distance between generated samples is 0.0123, 0.300 % of the 4.10 \
             between real ones"
        );
        let memory = evidence(FindingKind::MemoryGrowth {
            from_bytes: 1 << 30,
            to_bytes: 3 << 29,
            steps: 500,
        });
        assert_eq!(memory, "from 1024 MiB to 1536 MiB in 500 steps");
        let passed = |what: &str, network| {
            evidence(FindingKind::Passed {
                what: what.to_owned(),
                network,
                told: 30,
            })
        };
        assert_eq!(
            passed("gradient_explosion", Some(Network::Generator)),
            "exploding gradients of the generator, told after step 30, is not seen any more"
        );
        let loss = |samples: &[usize]| {
            evidence(FindingKind::NonFiniteLoss {
                which: LossPart::Generator,
                step: 7,
                value: NonFinite::Nan,
                samples: samples.to_vec(),
            })
        };
        assert_eq!(loss(&[]), "the generator's loss is NaN since step 7");
        assert_eq!(
            loss(&[20_031, 5]),
            "the generator's loss is NaN since step 7; sample 20031 (and 5) of the data (counted from \
             0), met in that step, holds a number that is not finite"
        );
        let weights = evidence(FindingKind::NonFiniteWeight {
            parameter: "a.weight".to_owned(),
            parameters: 3,
        });
        assert_eq!(
            weights,
            "`a.weight` holds a number that is not finite, and 2 others"
        );
    }
}
