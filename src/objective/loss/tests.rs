//! Every loss with every pairing: against PyTorch's float64 values and gradients
//! (`tests/golden/losses.py`), against published numbers, and by the rules that all obey.

use burn::tensor::backend::AutodiffBackend;
use burn::tensor::{Tensor, TensorData};
use serde::Deserialize;

use super::{AdversarialLoss, FDivergence, LabelSmoothing, LeastSquares, Loss, softplus};
use crate::objective::{Objective, Pairing};
use crate::testing::{assert_close, floats, for_each_autodiff_backend, on_wgpu, tensor2, values};

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    shape: [usize; 2],
    real: Vec<f64>,
    fake: Vec<f64>,
    results: Vec<Outcome>,
}

#[derive(Deserialize)]
struct Outcome {
    loss: Loss,
    pairing: Pairing,
    discriminator: Network,
    generator: Network,
}

#[derive(Deserialize)]
struct Network {
    value: f64,
    grad_real: Vec<f64>,
    grad_fake: Vec<f64>,
}

fn golden() -> Vec<Case> {
    let golden: Golden = serde_json::from_str(include_str!("../../../tests/golden/losses.json"))
        .expect("golden values parse");
    golden.cases
}

/// f32 comes as near to PyTorch's float64 as this; what is below 1e-30 is 0 in f32.
const RELATIVE: f64 = 1e-5;
const ABSOLUTE: f64 = 1e-30;

fn logits<B: AutodiffBackend>(shape: [usize; 2], values: &[f64]) -> Tensor<B, 2> {
    floats(TensorData::new(values.to_vec(), shape)).require_grad()
}

fn gradient<B: AutodiffBackend>(of: &Tensor<B, 2>, gradients: &B::Gradients) -> Vec<f64> {
    match of.grad(gradients) {
        Some(gradient) => values(gradient),
        None => vec![0.0; of.shape().num_elements()],
    }
}

fn compare<B: AutodiffBackend>(
    case: &Case,
    costs: &Loss,
    loss: impl Fn(Tensor<B, 2>, Tensor<B, 2>) -> Tensor<B, 1>,
    expected: &Network,
    what: &str,
) {
    let real = logits::<B>(case.shape, &case.real);
    let fake = logits::<B>(case.shape, &case.fake);
    let value = loss(real.clone(), fake.clone());
    let gradients = value.backward();
    // A value is a sum of costs: where large ones cancel, rounding is that of the largest.
    let rounding = 1e-6 * largest_cost::<B>(case, costs);
    assert_near(&values(value), &[expected.value], rounding, what);
    let scale = |gradient: &[f64]| gradient.iter().fold(0.0f64, |m, g| m.max(g.abs()));
    for (found, expected) in [(&real, &expected.grad_real), (&fake, &expected.grad_fake)] {
        let found = gradient(found, &gradients);
        // Gradients through the means of the average pairing are sums, too.
        let rounding = 1e-6 * scale(expected).max(ABSOLUTE);
        assert_near(&found, expected, rounding, what);
    }
}

/// The largest single cost that a value of this case may be a sum of.
fn largest_cost<B: AutodiffBackend>(case: &Case, loss: &Loss) -> f64 {
    let pairs = case.real.iter().zip(&case.fake);
    let mut all: Vec<f64> = pairs.flat_map(|(r, f)| [*r, *f, r - f, f - r]).collect();
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
    let (real_mean, fake_mean) = (mean(&case.real), mean(&case.fake));
    all.extend(case.real.iter().map(|r| r - fake_mean));
    all.extend(case.fake.iter().map(|f| f - real_mean));
    let logits = logits::<B>([all.len(), 1], &all);
    let costs = [
        loss.real(logits.clone()),
        loss.fake(logits.clone()),
        loss.generator(logits),
    ];
    let costs = costs.into_iter().flat_map(values);
    costs.fold(1.0, |largest, cost| largest.max(cost.abs()))
}

#[track_caller]
fn assert_near(found: &[f64], expected: &[f64], absolute: f64, what: &str) {
    for (found, expected) in found.iter().zip(expected) {
        let bound = absolute.max(RELATIVE * found.abs().max(expected.abs()));
        assert!(
            (found - expected).abs() <= bound,
            "{what}: {found} is not {expected} within {bound:.1e}"
        );
    }
}

fn values_and_gradients_match_pytorch<B: AutodiffBackend>() {
    // Both sides of 31 losses in three pairings and of one in one, in four cases.
    assert_eq!(compared::<B>(|_, _| true), 2 * 4 * (3 * 31 + 1));
}

/// For wgpu, which compiles a kernel for each expression: every formula once, at extreme logits,
/// and the pairings with one loss.
fn each_formula_matches_pytorch<B: AutodiffBackend>() {
    let compared = compared::<B>(|case, outcome| {
        let alone = outcome.pairing == Pairing::None
            && !matches!(&outcome.loss, Loss::FDivergence(f) if f.saturating);
        case.name == "extreme" && (alone || outcome.loss == Loss::NonSaturating)
    });
    assert_eq!(compared, 2 * (8 + 12 + 2));
}

/// Compares the chosen golden results; how many sides there were.
fn compared<B: AutodiffBackend>(choose: impl Fn(&Case, &Outcome) -> bool) -> usize {
    let mut compared = 0;
    for case in golden() {
        for outcome in case.results.iter().filter(|outcome| choose(&case, outcome)) {
            let objective = Objective::new(outcome.loss.clone()).with_pairing(outcome.pairing);
            objective.validate().expect("valid settings");
            let what = format!("{}, {:?}", case.name, objective);
            compare::<B>(
                &case,
                &outcome.loss,
                |real, fake| objective.discriminator_loss(real, fake),
                &outcome.discriminator,
                &what,
            );
            compare::<B>(
                &case,
                &outcome.loss,
                |real, fake| objective.generator_loss(Some(real), fake),
                &outcome.generator,
                &what,
            );
            compared += 2;
        }
    }
    compared
}

/// The published numbers of TF-GAN's tests, on the logits of the first golden case.
fn published_numbers_come_out<B: AutodiffBackend>() {
    let real = || tensor2::<B, 1>([[-5.0], [1.4], [12.5], [2.7]]);
    let fake = || tensor2::<B, 1>([[10.0], [4.4], [-5.5], [3.6]]);
    for (loss, generator, discriminator) in [
        (Loss::least_squares(), 17.69625, 41.73375),
        (Loss::Wasserstein, -3.125, 0.225),
        (Loss::Hinge, -3.125, 6.75),
        (Loss::NonSaturating, 1.38582, 5.83387),
    ] {
        let objective = Objective::new(loss);
        let found = values(objective.generator_loss(None, fake()));
        assert_close(&found, &[generator], 5e-6, 0.0);
        let found = values(objective.discriminator_loss(real(), fake()));
        assert_close(&found, &[discriminator], 5e-6, 0.0);
    }
}

/// Every loss of the crate in every pairing it can stand in.
fn every_combination() -> impl Iterator<Item = Objective> {
    Loss::all().into_iter().flat_map(|loss| {
        Pairing::ALL
            .into_iter()
            .map(move |pairing| Objective::new(loss.clone()).with_pairing(pairing))
            .filter(|objective| objective.validate().is_ok())
    })
}

fn extreme_logits_are_finite_for_every_combination<B: AutodiffBackend>() {
    for objective in every_combination() {
        for logit in [-500.0, 500.0] {
            // A batch of 64: sums of costs of maximum likelihood, say, would overflow f32.
            let real = logits::<B>([64, 1], &[-logit; 64]);
            let fake = logits::<B>([64, 1], &[logit; 64]);
            let discriminator = objective.discriminator_loss(real.clone(), fake.clone());
            let generator = objective.generator_loss(Some(real.clone()), fake.clone());
            let both = [values(discriminator.clone()), values(generator.clone())].concat();
            assert!(
                both.iter().all(|v| v.is_finite()),
                "{objective:?}: {both:?}"
            );
            let gradients = discriminator.backward();
            let mut all = gradient(&real, &gradients);
            all.extend(gradient(&fake, &gradients));
            all.extend(gradient(&fake, &generator.backward()));
            assert!(all.iter().all(|g| g.is_finite()), "{objective:?}: {all:?}");
        }
    }
}

/// A batch of patches costs what its patches cost as a batch.
fn patches_are_a_mean_over_patches<B: AutodiffBackend>() {
    let real = [0.3, -1.2, 2.5, 0.7, -0.4, 1.9];
    let fake = [-0.6, 1.4, 0.2, -2.1, 0.9, -0.3];
    for objective in every_combination() {
        let both = |shape| {
            let real = logits::<B>(shape, &real);
            let fake = logits::<B>(shape, &fake);
            let discriminator = objective.discriminator_loss(real.clone(), fake.clone());
            [
                values(discriminator),
                values(objective.generator_loss(Some(real), fake)),
            ]
            .concat()
        };
        assert_close(&both([2, 3]), &both([6, 1]), 1e-6, 1e-6);
    }
}

/// With a loss of its own sigmoid form, the relativistic pairs of the papers come out.
fn relativistic_pairings_are_those_of_the_papers<B: AutodiffBackend>() {
    let real = || tensor2::<B, 1>([[0.3], [-1.2], [2.5]]);
    let fake = || tensor2::<B, 1>([[-0.6], [1.4], [0.2]]);
    let sp = |x: f64| x.exp().ln_1p();
    let (r, f) = ([0.3, -1.2, 2.5], [-0.6, 1.4, 0.2]);
    let mean = |x: [f64; 3]| x.iter().sum::<f64>() / 3.0;
    let pairs = |sign: f64| mean([0, 1, 2].map(|i| sp(sign * (r[i] - f[i]))));
    let objective = Objective::new(Loss::NonSaturating).with_pairing(Pairing::Paired);
    let found = values(objective.discriminator_loss(real(), fake()));
    assert_close(&found, &[pairs(-1.0)], 1e-6, 0.0);
    let found = values(objective.generator_loss(Some(real()), fake()));
    assert_close(&found, &[pairs(1.0)], 1e-6, 0.0);

    let objective = Objective::new(Loss::Hinge).with_pairing(Pairing::Average);
    let hinge = |x: f64| x.max(0.0);
    let expected =
        mean(r.map(|r| hinge(1.0 - (r - mean(f))))) + mean(f.map(|f| hinge(1.0 + (f - mean(r)))));
    let found = values(objective.discriminator_loss(real(), fake()));
    assert_close(&found, &[expected], 1e-6, 0.0);
    let expected =
        mean(r.map(|r| hinge(1.0 + (r - mean(f))))) + mean(f.map(|f| hinge(1.0 - (f - mean(r)))));
    let found = values(objective.generator_loss(Some(real()), fake()));
    assert_close(&found, &[expected], 1e-6, 0.0);
}

fn smoothed_labels_are_a_cross_entropy_with_soft_targets<B: AutodiffBackend>() {
    let real = tensor2::<B, 1>([[0.3], [-1.2]]);
    let fake = tensor2::<B, 1>([[-0.6], [1.4]]);
    let log_sigmoid = |l: f64| -(-l).exp().ln_1p();
    let entropy = |target: f64, l: f64| -target * log_sigmoid(l) - (1.0 - target) * log_sigmoid(-l);
    for (smoothing, real_target, fake_target) in [
        (LabelSmoothing::one_sided(0.1), 0.9, 0.0),
        (LabelSmoothing::two_sided(0.2), 0.8, 0.2),
    ] {
        let objective = Objective::new(Loss::NonSaturating).with_label_smoothing(smoothing);
        objective.validate().expect("a cross-entropy");
        let expected = 0.5 * (entropy(real_target, 0.3) + entropy(real_target, -1.2))
            + 0.5 * (entropy(fake_target, -0.6) + entropy(fake_target, 1.4));
        let found = values(objective.discriminator_loss(real.clone(), fake.clone()));
        assert_close(&found, &[expected], 1e-6, 0.0);
        // The generator's side stays.
        assert_eq!(
            values(objective.generator_loss(None, fake.clone())),
            values(Objective::new(Loss::NonSaturating).generator_loss(None, fake.clone()))
        );
    }
}

/// A loss of a user's own: Wasserstein, squashed.
#[derive(Debug)]
struct Squashed;

impl<B: burn::tensor::backend::Backend> AdversarialLoss<B> for Squashed {
    fn real(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        softplus(-logits)
    }
    fn fake(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        logits.tanh()
    }
    fn generator(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        logits.tanh().neg()
    }
}

fn a_custom_loss_takes_part_in_everything<B: AutodiffBackend>() {
    let loss = Loss::custom::<B>("squashed", Squashed);
    let real = || tensor2::<B, 1>([[0.3], [-1.2]]);
    let fake = || tensor2::<B, 1>([[-0.6], [1.4]]);
    let objective = Objective::new(loss.clone());
    objective.validate().expect("bound");
    let found = values(objective.generator_loss(None, fake()));
    let expected = 0.5 * ((0.6f64).tanh() - (1.4f64).tanh());
    assert_close(&found, &[expected], 1e-5, 0.0);
    let paired = objective.with_pairing(Pairing::Average);
    assert!(values(paired.discriminator_loss(real(), fake()))[0].is_finite());

    // Settings keep the name; the functions come back by binding them.
    let json = serde_json::to_string(&paired).expect("settings serialise");
    assert!(json.contains(r#""loss":{"custom":"squashed"}"#), "{json}");
    let read: Objective = serde_json::from_str(&json).expect("and come back");
    assert_eq!(read, paired);
    let error = read.validate().expect_err("no functions").to_string();
    assert!(
        error.contains("squashed") && error.contains("bind"),
        "{error}"
    );
    let Loss::Custom(custom) = read.loss.clone() else {
        panic!("a custom loss, not {:?}", read.loss);
    };
    let bound = Objective {
        loss: Loss::Custom(custom.bind::<B>(Squashed)),
        ..read
    };
    bound.validate().expect("bound again");
    assert_eq!(
        values(bound.discriminator_loss(real(), fake())),
        values(paired.discriminator_loss(real(), fake()))
    );
}

for_each_autodiff_backend!(
    values_and_gradients_match_pytorch,
    published_numbers_come_out,
    extreme_logits_are_finite_for_every_combination,
    patches_are_a_mean_over_patches,
    relativistic_pairings_are_those_of_the_papers,
    smoothed_labels_are_a_cross_entropy_with_soft_targets,
    a_custom_loss_takes_part_in_everything,
    each_formula_matches_pytorch,
);
on_wgpu!(Autodiff<Wgpu>; each_formula_matches_pytorch);

#[test]
fn settings_survive_json() {
    for objective in every_combination() {
        let json = serde_json::to_string(&objective).expect("settings serialise");
        let back: Objective = serde_json::from_str(&json).expect("the same settings");
        assert_eq!(back, objective);
    }
    // The form that stored runs and the golden values rely on.
    let json = serde_json::to_string(&Loss::LeastSquares(LeastSquares::PEARSON)).expect("a name");
    assert_eq!(
        json,
        r#"{"least_squares":{"fake":-1.0,"real":1.0,"generator":0.0}}"#
    );
}

#[test]
fn labels_tell_the_losses_apart() {
    let mut labels: Vec<String> = Loss::all().iter().map(Loss::label).collect();
    labels.sort_unstable();
    labels.dedup();
    assert_eq!(labels.len(), Loss::all().len());
}

#[test]
fn wrong_settings_are_refused_by_name() {
    let least_squares = |fake, real| {
        Loss::LeastSquares(LeastSquares {
            fake,
            real,
            generator: 1.0,
        })
    };
    let smooth =
        |loss, amount| Objective::new(loss).with_label_smoothing(LabelSmoothing::one_sided(amount));
    for (objective, field) in [
        (
            Objective::new(least_squares(1.0, 0.0)),
            "least_squares.fake",
        ),
        (
            Objective::new(least_squares(0.0, f64::NAN)),
            "least_squares.real",
        ),
        (
            Objective::new(Loss::energy_based(0.0)),
            "energy_based.margin",
        ),
        (
            Objective::new(Loss::energy_based(f64::NAN)),
            "energy_based.margin",
        ),
        (
            Objective::new(Loss::energy_based(1.0)).with_pairing(Pairing::Paired),
            "pairing",
        ),
        (smooth(Loss::Hinge, 0.1), "label_smoothing"),
        (smooth(Loss::NonSaturating, 0.5), "label_smoothing.real"),
        (
            smooth(Loss::NonSaturating, f64::NAN),
            "label_smoothing.real",
        ),
    ] {
        let error = objective.validate().expect_err(field).to_string();
        assert!(error.contains(field), "{error}");
    }
}

#[test]
fn in_double_precision_gradients_have_its_digits() {
    type B = burn::backend::Autodiff<burn::backend::NdArray<f64>>;
    crate::testing::settle_precision();
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    // 1/7 and 1/49 are no numbers of f32.
    for count in [7, 49] {
        let n = count as f64;
        let at = |phase: f64| -> Vec<f64> {
            (0..count).map(|i| 3.0 * (phase + i as f64).sin()).collect()
        };
        let (real, fake) = (at(0.1), at(2.0));
        let mapped =
            |x: &[f64], f: &dyn Fn(f64) -> f64| x.iter().map(|x| f(*x)).collect::<Vec<_>>();
        let gradients = |objective: &Objective| {
            let [real, fake] = [&real, &fake].map(|x| logits::<B>([count, 1], x));
            let loss = objective.discriminator_loss(real.clone(), fake.clone());
            let found = loss.backward();
            [gradient(&real, &found), gradient(&fake, &found)]
        };
        let compare = |objective: Objective, slopes: [Vec<f64>; 2]| {
            for (found, expected) in gradients(&objective).iter().zip(&slopes) {
                assert_close(found, expected, 1e-13, 1e-16);
            }
        };
        compare(
            Objective::new(Loss::NonSaturating),
            [
                mapped(&real, &|x| -sigmoid(-x) / n),
                mapped(&fake, &|x| sigmoid(x) / n),
            ],
        );
        compare(
            Objective::new(Loss::Wasserstein),
            [vec![-1.0 / n; count], vec![1.0 / n; count]],
        );
        // f*′ of the α-divergence: the slopes of −T(r) and f*(T(f)), e^βl and e^αl of each side.
        let alpha = 1.7;
        compare(
            Objective::new(Loss::f_divergence(FDivergence::Alpha { alpha })),
            [
                mapped(&real, &|x| -((alpha - 1.0) * x).exp() / n),
                mapped(&fake, &|x| (alpha * x).exp() / n),
            ],
        );
    }
}

#[test]
#[should_panic(expected = "real [2, 1], generated [3, 1]")]
fn pairs_of_different_lengths_panic_with_both_shapes() {
    type B = burn::backend::Autodiff<crate::testing::Cpu>;
    let _ = Objective::new(Loss::NonSaturating)
        .with_pairing(Pairing::Paired)
        .discriminator_loss(
            tensor2::<B, 1>([[0.0], [1.0]]),
            tensor2::<B, 1>([[0.0], [1.0], [2.0]]),
        );
}
