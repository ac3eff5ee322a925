//! Objectives as a whole: the smaller choices beside loss and penalties, and presets.

use burn::tensor::Tensor;
use burn::tensor::backend::AutodiffBackend;

use super::{
    Batch, LabelSmoothing, Loss, Objective, ObjectiveState, Pairing, Term, TopK,
    term::feature_distance,
};
use crate::gan::Gan;
use crate::models::{MlpDiscriminator, MlpDiscriminatorConfig, MlpGenerator, MlpGeneratorConfig};
use crate::network::{Discriminator, Generator, Network, initialize};
use crate::nn::Activation;
use crate::testing::{
    assert_close, for_each_autodiff_backend, gradients, on_wgpu, tensor2, values,
};

type Networks<B> = Gan<MlpGenerator<B, 2>, MlpDiscriminator<B, 2>, B>;

/// The generator's loss of given samples under an objective, and its gradient at the samples.
fn on_samples<B: AutodiffBackend>(
    objective: &Objective,
    steps: usize,
) -> (f64, Vec<f64>, [Vec<f64>; 2]) {
    let device = Default::default();
    let d = MlpDiscriminatorConfig::new([2])
        .with_hidden([5])
        .with_activation(Activation::Tanh)
        .init::<B, 2>(&device)
        .expect("valid sizes");
    let g = MlpGeneratorConfig::new(3, [2])
        .init::<B, 2>(&device)
        .expect("valid sizes");
    initialize(&g);
    let weights = (0..21)
        .map(|i| (1.3 * f64::from(i)).cos())
        .collect::<Vec<_>>();
    let weights = vec![
        weights[..10].to_vec(),
        weights[10..15].to_vec(),
        weights[15..20].to_vec(),
        weights[20..].to_vec(),
    ];
    let d = crate::testing::assign::<B, _>(d, weights);
    let real = tensor2::<B, 2>([[1.0, 0.5], [-0.5, 0.25], [0.3, 0.3], [2.0, -1.0]]);
    let fake = tensor2::<B, 2>([[0.1, 0.4], [1.5, 0.2], [-0.3, -0.9], [0.7, 0.8]]).require_grad();
    let latent = Tensor::zeros([4, 3], &device);
    let batch = Batch {
        real: &real,
        real_condition: &(),
        fake: &fake,
        fake_condition: &(),
        log_probabilities: None,
        latent: &latent,
        prior: None,
    };
    let mut state = ObjectiveState::default();
    for _ in 1..steps {
        state.count(Network::Generator);
    }
    let cost = objective.generator_cost::<Networks<B>>(&mut state, &g, &d, &batch);
    let total = cost.total();
    let gradients = total.backward();
    let logits = [real, fake.clone()].map(|x| values(d.discriminate(x, &()).logits));
    let slope = fake.grad(&gradients).map(values).expect("a gradient");
    (values(total)[0], slope, logits)
}

fn softplus(x: f64) -> f64 {
    x.exp().ln_1p()
}

fn only_the_best_samples_count<B: AutodiffBackend>() {
    // ½ of the batch from the second step on.
    let objective = Objective::new(Loss::NonSaturating).with_top_k(TopK::new(0.5, 0.5));
    objective.validate().expect("valid settings");
    let (all, slope, [_, logits]) = on_samples::<B>(&objective, 1);
    let mean =
        |logits: &[f64]| logits.iter().map(|l| softplus(-l)).sum::<f64>() / logits.len() as f64;
    assert_close(&[all], &[mean(&logits)], 1e-5, 0.0);
    assert!(slope.iter().all(|s| *s != 0.0));

    let (best, slope, _) = on_samples::<B>(&objective, 2);
    let mut order: Vec<usize> = (0..4).collect();
    order.sort_by(|a, b| logits[*b].total_cmp(&logits[*a]));
    assert_close(
        &[best],
        &[mean(&[logits[order[0]], logits[order[1]]])],
        1e-5,
        0.0,
    );
    for (place, sample) in order.iter().enumerate() {
        let pulls = slope[2 * sample..2 * sample + 2].iter().any(|s| *s != 0.0);
        assert_eq!(pulls, place < 2, "sample {sample} at place {place}");
    }
    // In pairs the best count as well, relative to their real partners.
    let paired = objective.with_pairing(Pairing::Paired);
    let (best, _, [real, fake]) = on_samples::<B>(&paired, 2);
    let expected = order[..2]
        .iter()
        .map(|i| softplus(real[*i] - fake[*i]))
        .sum::<f64>()
        / 2.0;
    assert_close(&[best], &[expected], 1e-5, 0.0);
}

fn the_rows_with_the_largest_means_are_picked<B: AutodiffBackend>() {
    let logits = tensor2::<B, 2>([[0.0, 1.0], [5.0, -1.0], [-2.0, -2.0], [3.0, 0.5]]);
    let rows = super::top_k::best_rows(logits.clone(), 2);
    assert_eq!(values(logits.select(0, rows)), [5.0, -1.0, 3.0, 0.5]);
}

fn features_are_matched_by_their_means<B: AutodiffBackend>() {
    let real = tensor2::<B, 2>([[1.0, 2.0], [3.0, 4.0]]);
    let fake = tensor2::<B, 2>([[0.0, 2.0], [0.0, 0.0]]);
    // Means (2, 3) and (0, 1).
    assert_close(&values(feature_distance(real, fake)), &[8.0], 1e-6, 0.0);

    let loss = Objective::new(Loss::NonSaturating);
    let (adversarial, _, _) = on_samples::<B>(&loss, 1);
    let alone = loss.clone().with_term(Term::feature_matching_alone());
    let (distance, _, _) = on_samples::<B>(&alone, 1);
    let beside = loss.with_term(Term::feature_matching(0.3));
    let (both, _, _) = on_samples::<B>(&beside, 1);
    assert!(distance > 0.0);
    assert_close(&[both], &[adversarial + 0.3 * distance], 1e-5, 0.0);
}

/// A relativistic generator sees the real batch; the discriminator gets no gradient.
fn a_relativistic_generator_compares_with_real_samples<B: AutodiffBackend>() {
    for pairing in [Pairing::Paired, Pairing::Average] {
        let objective = Objective::new(Loss::NonSaturating).with_pairing(pairing);
        let (loss, _, [real, fake]) = on_samples::<B>(&objective, 1);
        let mean = |x: &[f64]| x.iter().sum::<f64>() / 4.0;
        let expected = match pairing {
            Pairing::Paired => mean(&[0, 1, 2, 3].map(|i: usize| softplus(real[i] - fake[i]))),
            _ => {
                let (r, f) = (mean(&real), mean(&fake));
                mean(&fake.iter().map(|l| softplus(r - l)).collect::<Vec<_>>())
                    + mean(&real.iter().map(|l| softplus(l - f)).collect::<Vec<_>>())
            }
        };
        assert_close(&[loss], &[expected], 1e-5, 0.0);
    }
}

for_each_autodiff_backend!(
    only_the_best_samples_count,
    the_rows_with_the_largest_means_are_picked,
    features_are_matched_by_their_means,
    a_relativistic_generator_compares_with_real_samples,
);
on_wgpu!(Autodiff<Wgpu>; the_rows_with_the_largest_means_are_picked);

#[test]
fn the_share_of_the_best_falls_to_its_floor() {
    let top_k = TopK::new(0.5, 0.99);
    assert_eq!(top_k.count(0, 64), 64);
    assert_eq!(top_k.count(10, 64), 58);
    assert_eq!(top_k.count(1_000_000, 64), 32);
    assert_eq!(TopK::new(0.01, 0.5).count(100, 8), 1);
}

#[test]
fn presets_are_the_papers() {
    for (preset, json) in [
        (Objective::dcgan(), r#"{"loss":"non_saturating"}"#),
        (
            Objective::wgan_gp(),
            r#"{"loss":"wasserstein","terms":[{"kind":{"wgan_gp":{"target":1.0,"one_sided":false}},"weight":10.0,"interval":1}]}"#,
        ),
        (Objective::sngan_hinge(), r#"{"loss":"hinge"}"#),
        (
            Objective::lsgan(),
            r#"{"loss":{"least_squares":{"fake":0.0,"real":1.0,"generator":1.0}}}"#,
        ),
        (
            Objective::ragan(),
            r#"{"loss":"non_saturating","pairing":"average"}"#,
        ),
        (
            Objective::r3gan(0.05),
            r#"{"loss":"non_saturating","pairing":"paired","terms":[{"kind":"r1","weight":0.05,"interval":1},{"kind":"r2","weight":0.05,"interval":1}]}"#,
        ),
        (
            Objective::few_shot(),
            r#"{"loss":"hinge","terms":[{"kind":"reconstruction","weight":1.0,"interval":1}]}"#,
        ),
        (
            Objective::stylegan2(0.05),
            r#"{"loss":"non_saturating","terms":[{"kind":"r1","weight":0.05,"interval":16},{"kind":{"path_length":{"decay":0.99}},"weight":2.0,"interval":4}]}"#,
        ),
    ] {
        preset.validate().expect("a preset is valid");
        let read: Objective = serde_json::from_str(json).expect("settings in JSON");
        assert_eq!(read, preset);
    }
}

#[test]
fn a_wrong_name_in_settings_is_refused() {
    for json in [
        r#"{"loss":"hinge","term":[]}"#,
        r#"{"loss":"hinges"}"#,
        r#"{"loss":"hinge","pairing":"triple"}"#,
    ] {
        assert!(serde_json::from_str::<Objective>(json).is_err(), "{json}");
    }
}

#[test]
fn wrong_settings_are_refused_by_name() {
    let objective = || Objective::new(Loss::NonSaturating);
    for (objective, field) in [
        (objective().with_weight_clipping(0.0), "weight_clipping"),
        (
            objective().with_weight_clipping(f64::NAN),
            "weight_clipping",
        ),
        (objective().with_top_k(TopK::new(0.0, 0.9)), "top_k.floor"),
        (
            objective().with_top_k(TopK::new(0.5, f64::NAN)),
            "top_k.decay",
        ),
        (
            objective().with_term(Term::feature_matching(-1.0)),
            "terms[0].weight",
        ),
    ] {
        let error = objective.validate().expect_err(field).to_string();
        assert!(error.contains(field), "{error}");
    }
}

/// The generator's gradients don't reach the discriminator in its half of the step.
#[test]
fn the_discriminator_gets_no_gradient_from_the_generators_loss() {
    use burn::module::Module;
    type B = burn::backend::Autodiff<crate::testing::Cpu>;
    let device = Default::default();
    let d = MlpDiscriminatorConfig::new([2])
        .init::<B, 2>(&device)
        .expect("valid sizes");
    let g = MlpGeneratorConfig::new(3, [2])
        .init::<B, 2>(&device)
        .expect("valid sizes");
    initialize(&d);
    initialize(&g);
    let latent = Tensor::ones([4, 3], &device);
    let fake = g.generate(latent.clone(), &());
    let real = Tensor::ones([4, 2], &device);
    let batch = Batch {
        real: &real,
        real_condition: &(),
        fake: &fake,
        fake_condition: &(),
        log_probabilities: None,
        latent: &latent,
        prior: None,
    };
    let still = d.clone().no_grad();
    let state = &mut ObjectiveState::default();
    let cost = Objective::ragan().generator_cost::<Networks<B>>(state, &g, &still, &batch);
    let found = cost.total().backward();
    assert!(
        gradients::<B, _>(&d, &found)
            .iter()
            .flatten()
            .all(|g| *g == 0.0)
    );
    assert!(
        gradients::<B, _>(&g, &found)
            .iter()
            .flatten()
            .any(|g| *g != 0.0)
    );
}

#[test]
fn guessing_costs_what_closed_forms_say() {
    use std::f64::consts::LN_2;
    let of = |objective: &Objective| {
        objective
            .loss_of_guessing::<burn::backend::Autodiff<crate::testing::Cpu>>(&Default::default())
    };
    let paired = |pairing| Objective::new(Loss::NonSaturating).with_pairing(pairing);
    // Cross-entropies at one probability for both: 2·H(½); with real labels of 0.9, 2·H(0.45).
    let entropy = |p: f64| -p * p.ln() - (1.0 - p) * (1.0 - p).ln();
    let smoothed =
        Objective::new(Loss::NonSaturating).with_label_smoothing(LabelSmoothing::one_sided(0.1));
    for (objective, expected) in [
        (Objective::new(Loss::NonSaturating), 2.0 * LN_2),
        (Objective::new(Loss::Minimax), 2.0 * LN_2),
        (Objective::new(Loss::Hinge), 2.0),
        (Objective::new(Loss::least_squares()), 0.25),
        (Objective::new(Loss::energy_based(1.5)), 1.5),
        (paired(Pairing::Paired), LN_2),
        (paired(Pairing::Average), 2.0 * LN_2),
        (smoothed, 2.0 * entropy(0.45)),
    ] {
        let found = of(&objective).expect("a loss with a scale");
        // A grid of 1/64 is off by at most (1/128)²/8 in the flattest of them.
        assert!(
            (found - expected).abs() < 2e-5,
            "{objective:?}: {found} for {expected}"
        );
    }
    assert_eq!(of(&Objective::new(Loss::Wasserstein)), None);
    for loss in Loss::all() {
        // The largest value of a divergence's bound that tells nothing apart is 0.
        if let Loss::FDivergence(divergence) = &loss {
            let found = of(&Objective::new(loss.clone())).expect("nats");
            let expected = match divergence.divergence {
                crate::objective::loss::FDivergence::Gan => 2.0 * LN_2,
                _ => 0.0,
            };
            assert!((found - expected).abs() < 1e-3, "{divergence:?}: {found}");
        }
    }
}
