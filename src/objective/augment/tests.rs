//! What lies between the generator and the discriminator, by closed forms: D is linear, T a random
//! scale.

use burn::module::Module;
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Tensor, TensorData};

use super::{Augment, CustomAugment, Probability, SampleAugment};
use crate::gan::Gan;
use crate::models::{MlpGenerator, MlpGeneratorConfig};
use crate::network::{Augmentation, Discriminator, Network, Verdict, initialize};
use crate::nn::{Linear, LinearConfig};
use crate::objective::{
    Batch, DiscriminatorCost, Loss, Memory, Objective, ObjectiveState, SecondOrder, Term,
};
use crate::random::Stream;
use crate::testing::{assert_close, assign, for_each_autodiff_backend, tensor1, tensor2, values};

/// Each sample times u ~ U[½, 2).
#[derive(Debug)]
struct Scaled;

impl<B: Backend> SampleAugment<B, Tensor<B, 2>> for Scaled {
    fn apply(
        &self,
        points: Tensor<B, 2>,
        _state: &[Tensor<B, 1>],
        noise: &mut Stream,
    ) -> Tensor<B, 2> {
        let [batch, _] = points.dims();
        let drawn = TensorData::new(noise.uniform(batch, 0.5, 2.0), [batch]);
        let dtype = points.dtype();
        let factors = Tensor::<B, 1>::from_data(drawn, (&points.device(), dtype));
        points * factors.unsqueeze_dim(1)
    }
}

const W: [f64; 2] = [1.5, -0.5];
const SQUARED: f64 = 1.5 * 1.5 + 0.5 * 0.5;
const REAL: [[f64; 2]; 3] = [[1.0, 2.0], [3.0, -1.0], [0.5, 0.25]];
const FAKE: [[f64; 2]; 3] = [[0.2, -0.3], [1.0, 1.5], [-0.5, 0.75]];

/// D(x) = w·x + ¼.
#[derive(Module, Debug)]
struct Affine<B: Backend> {
    linear: Linear<B>,
}

impl<B: Backend> Affine<B> {
    fn new() -> Self {
        let linear = LinearConfig::new(2, 1).init(&Default::default());
        assign(Self { linear }, vec![W.to_vec(), vec![0.25]])
    }
}

impl<B: Backend> Discriminator<B> for Affine<B> {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn discriminate(&self, sample: Tensor<B, 2>, _condition: &()) -> Verdict<B> {
        self.linear.forward(sample).into()
    }
}

type Networks<B> = Gan<MlpGenerator<B, 2>, Affine<B>, B>;

fn generator<B: Backend>() -> MlpGenerator<B, 2> {
    let generator = MlpGeneratorConfig::new(3, [2]).with_hidden([4]);
    let generator = generator.init(&Default::default()).expect("valid sizes");
    initialize(&generator);
    generator
}

fn scaled<B: AutodiffBackend>() -> Augment {
    Augment::custom::<Networks<B>>("scaled", Scaled)
}

fn discriminator_cost<B: AutodiffBackend>(
    objective: &Objective,
    state: &mut ObjectiveState<B>,
) -> DiscriminatorCost<B> {
    objective.validate().expect("valid settings");
    let batch = Batch {
        real: &tensor2(REAL),
        real_condition: &(),
        fake: &tensor2(FAKE),
        fake_condition: &(),
        log_probabilities: None,
        latent: &Tensor::zeros([3, 3], &Default::default()),
        prior: None,
    };
    objective.discriminator_cost::<Networks<B>>(state, &generator(), &Affine::new(), &batch)
}

/// The factors that the two batches of a half-step get, real ones first.
fn factors(noise: &mut Stream) -> [Vec<f64>; 2] {
    [(); 2].map(|()| {
        let drawn = noise.fork().uniform(3, 0.5, 2.0);
        drawn.into_iter().map(f64::from).collect()
    })
}

/// D(T(x)) of points under these factors.
fn judged(points: [[f64; 2]; 3], factors: &[f64]) -> Vec<f64> {
    let points = points.iter().zip(factors);
    let logit = |(x, u): (&[f64; 2], &f64)| u * (W[0] * x[0] + W[1] * x[1]) + 0.25;
    points.map(logit).collect()
}

fn mean(numbers: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = numbers.len() as f64;
    numbers.sum::<f64>() / count
}

fn the_discriminator_sees_changed_samples_each_batch_in_its_own_way<B: AutodiffBackend>() {
    let objective = Objective::new(Loss::Wasserstein).with_augment(scaled::<B>());
    let state = &mut ObjectiveState::new(7);
    let mut noise = state.noise.clone();
    for _ in 0..2 {
        let [of_real, of_fake] = factors(&mut noise);
        assert_ne!(of_real, of_fake);
        let cost = discriminator_cost::<B>(&objective, state);
        let (real, fake) = (judged(REAL, &of_real), judged(FAKE, &of_fake));
        assert_close(&values(cost.real.logits), &real, 1e-5, 1e-6);
        assert_close(&values(cost.fake.logits), &fake, 1e-5, 1e-6);
        let loss = mean(fake.into_iter()) - mean(real.into_iter());
        assert_close(&values(cost.loss), &[loss], 1e-5, 1e-6);
    }
    // Two numbers of the objective's stream for each half-step, whatever is drawn from them.
    assert_eq!(state.noise, noise);
}

fn the_generator_learns_through_the_change<B: AutodiffBackend>() {
    let objective = Objective::new(Loss::Wasserstein).with_augment(scaled::<B>());
    let state = &mut ObjectiveState::new(7);
    let [_, of_fake] = factors(&mut state.noise.clone());
    let fake = tensor2::<B, 2>(FAKE).require_grad();
    let batch = Batch {
        real: &tensor2(REAL),
        real_condition: &(),
        fake: &fake,
        fake_condition: &(),
        log_probabilities: None,
        latent: &Tensor::zeros([3, 3], &Default::default()),
        prior: None,
    };
    let discriminator = Affine::new().no_grad();
    let cost = objective.generator_cost::<Networks<B>>(state, &generator(), &discriminator, &batch);
    let slope = values(fake.grad(&cost.total().backward()).expect("a gradient"));
    // ∂/∂x_i −(1/3)·Σ w·(u_i·x_i) = −u_i·w/3.
    let expected: Vec<f64> = (of_fake.iter())
        .flat_map(|u| W.map(|w| -u * w / 3.0))
        .collect();
    assert_close(&slope, &expected, 1e-5, 0.0);
}

/// ∂/∂x D(T(x)) = u·w: the gradient of a penalty is with respect to x.
fn penalties_are_with_respect_to_samples_before_the_change<B: AutodiffBackend>() {
    for second_order in [SecondOrder::Exact, SecondOrder::finite_differences()] {
        let squares = |factors: &[f64]| mean(factors.iter().map(|u| u * u * SQUARED));
        let norms =
            |factors: &[f64]| mean(factors.iter().map(|u| (u * SQUARED.sqrt() - 1.0).powi(2)));
        let [of_real, of_fake] = factors(&mut ObjectiveState::<B>::new(7).noise);
        for (term, expected) in [
            (Term::r1(1.0), 0.5 * squares(&of_real)),
            (Term::r2(1.0), 0.5 * squares(&of_fake)),
            (Term::zero_centered(1.0), squares(&of_real)),
            (Term::wgan_gp(1.0), norms(&of_real)),
            (Term::dragan(1.0), norms(&of_real)),
        ] {
            let objective = Objective::new(Loss::NonSaturating)
                .with_term(term)
                .with_second_order(second_order)
                .with_augment(scaled::<B>());
            let cost = discriminator_cost::<B>(&objective, &mut ObjectiveState::new(7));
            let value = values(cost.terms.expect("due"));
            assert_close(&value, &[expected], 1e-4, 0.0);
        }
    }
}

/// The pass that makes loss and gradient at once, and the two that make them apart.
fn the_change_is_the_same_whenever_a_batch_is_judged<B: AutodiffBackend>() {
    let plain = Objective::new(Loss::NonSaturating).with_augment(scaled::<B>());
    let with_r1 = plain.clone().with_term(Term::r1(1.0));
    let logits = |objective: &Objective| {
        let cost = discriminator_cost::<B>(objective, &mut ObjectiveState::new(7));
        [values(cost.real.logits), values(cost.fake.logits)]
    };
    let expected = logits(&plain);
    assert_eq!(logits(&with_r1), expected);
    let apart = with_r1.with_second_order(SecondOrder::finite_differences());
    assert_eq!(logits(&apart), expected);
    // Consistency compares D(T(x)) with D(T(x + ε)) under one T: u·w·ε apart.
    let consistent = plain.with_term(Term::consistency(1.0, Augmentation::Noise { std: 0.2 }));
    let state = &mut ObjectiveState::<B>::new(7);
    let mut noise = state.noise.clone();
    let [of_real, _] = factors(&mut noise);
    let moved = noise.normal(6);
    let apart = moved.chunks(2).zip(&of_real).map(|(e, u)| {
        let along = W[0] * f64::from(e[0]) + W[1] * f64::from(e[1]);
        (0.2 * u * along).powi(2)
    });
    let expected = apart.sum::<f64>() / 3.0;
    let cost = discriminator_cost::<B>(&consistent, state);
    assert_close(&values(cost.terms.expect("due")), &[expected], 1e-4, 0.0);
}

fn without_augmentation_no_number_is_drawn<B: AutodiffBackend>() {
    let objective = Objective::new(Loss::NonSaturating).with_term(Term::r1(1.0));
    let state = &mut ObjectiveState::<B>::new(7);
    let before = state.noise.clone();
    let _ = discriminator_cost::<B>(&objective, state);
    assert_eq!(state.noise, before);
    assert!(state.augmentation().is_empty());
    assert!(objective.strength::<Networks<B>>(state).is_none());
    // One that is always made has no state either, and a strength that does not vary.
    let fixed = objective.with_augment(Augment::always(Augmentation::Noise { std: 0.1 }));
    let cost = discriminator_cost::<B>(&fixed, state);
    fixed.adapt::<Networks<B>>(state, [&cost.real, &cost.fake], 3);
    assert_ne!(state.noise, before);
    assert!(state.augmentation().is_empty());
    assert!(fixed.strength::<Networks<B>>(state).is_none());
}

/// Each real sample times e^(ε/2).
fn real_factors(noise: &mut Stream) -> Vec<f64> {
    let drawn = noise.fork().normal(3).into_iter();
    drawn.map(|e| (0.5 * f64::from(e)).exp()).collect()
}

/// D(x) of points times their factors; the penalty is with respect to what was judged.
fn real_samples_alone_are_changed_and_are_the_data_then<B: AutodiffBackend>() {
    let objective = Objective::new(Loss::Wasserstein)
        .with_pairing(crate::objective::Pairing::Paired)
        .with_term(Term::r1(1.0))
        .with_augment_real(Augmentation::Scale { std: 0.5 });
    let state = &mut ObjectiveState::new(7);
    let mut noise = state.noise.clone();
    for _ in 0..2 {
        let factors = real_factors(&mut noise);
        let cost = discriminator_cost::<B>(&objective, state);
        assert_close(
            &values(cost.real.logits),
            &judged(REAL, &factors),
            1e-5,
            1e-6,
        );
        assert_close(
            &values(cost.fake.logits),
            &judged(FAKE, &[1.0; 3]),
            1e-5,
            1e-6,
        );
        let terms = values(cost.terms.expect("due"));
        assert_close(&terms, &[0.5 * SQUARED], 1e-5, 0.0);
    }
    // And in the generator's half, where it compares; drawn anew.
    let real = real_factors(&mut noise);
    let batch = Batch {
        real: &tensor2(REAL),
        real_condition: &(),
        fake: &tensor2(FAKE),
        fake_condition: &(),
        log_probabilities: None,
        latent: &Tensor::zeros([3, 3], &Default::default()),
        prior: None,
    };
    let discriminator = Affine::new().no_grad();
    let cost = objective.generator_cost::<Networks<B>>(state, &generator(), &discriminator, &batch);
    let apart = judged(REAL, &real).into_iter().zip(judged(FAKE, &[1.0; 3]));
    let apart: Vec<f64> = apart.map(|(real, fake)| real - fake).collect();
    assert_close(&values(cost.loss), &[mean(apart.into_iter())], 1e-5, 1e-6);
    assert_eq!(state.noise, noise);
}

fn an_objective_adapts_by_what_was_said<B: AutodiffBackend>() {
    let probability = Probability::Adaptive {
        target: 0.0,
        samples: 12.0,
        interval: 1,
    };
    let change = Augmentation::Noise { std: 0.1 };
    let objective = Objective::new(Loss::NonSaturating)
        .with_augment(Augment::with_probability(change, probability));
    let state = &mut ObjectiveState::<B>::new(7);
    let said = |logits: [f64; 3]| Verdict::from(tensor1::<B>(logits).reshape([3, 1]));
    let fake = said([0.0; 3]);
    for (real, expected) in [
        ([1.0, 2.0, -1.0], 0.25),
        ([0.5, 0.1, 0.1], 0.5),
        ([-0.5, -9.0, 0.1], 0.25),
        ([-0.5, -9.0, 0.1], 0.0),
        ([-0.5, -9.0, 0.1], 0.0),
    ] {
        objective.adapt::<Networks<B>>(state, [&said(real), &fake], 3);
        state.count(Network::Discriminator);
        let p = objective.strength::<Networks<B>>(state).expect("it adapts");
        assert_close(&values(p), &[expected], 1e-6, 1e-6);
    }
}

for_each_autodiff_backend!(
    the_discriminator_sees_changed_samples_each_batch_in_its_own_way,
    the_generator_learns_through_the_change,
    penalties_are_with_respect_to_samples_before_the_change,
    the_change_is_the_same_whenever_a_batch_is_judged,
    without_augmentation_no_number_is_drawn,
    real_samples_alone_are_changed_and_are_the_data_then,
    an_objective_adapts_by_what_was_said,
    an_adaptive_probability_follows_its_formula,
    as_many_samples_are_changed_as_the_probability_says,
);

/// p by the formula: four steps between two moves, signs of all logits of these.
fn an_adaptive_probability_follows_its_formula<B: Backend>() {
    let probability = Probability::Adaptive {
        target: 0.3,
        samples: 100.0,
        interval: 4,
    };
    let mut state = Vec::new();
    assert!(probability.now::<B>(&state).is_none());
    let mut by_hand = (0.0f64, 0.0f64);
    let mut most = 0.0f64;
    for step in 0..32u64 {
        // Mostly right about real samples at first, mostly wrong later.
        let offset = if step < 20 { 0.8 } else { -0.8 };
        let logits = [0, 1, 2].map(|i| (2.3 * step as f64 + 0.9 * f64::from(i)).sin() + offset);
        let real = Verdict::from(tensor1::<B>(logits).reshape([3, 1]));
        probability.adapt(&real, step, 3, &mut state);
        by_hand.1 += logits.iter().map(|l| l.signum()).sum::<f64>();
        if step % 4 == 3 {
            // r over the 12 logits since the last move; 12 of 100 samples.
            let r = by_hand.1 / 12.0;
            assert!((r - 0.3).abs() > 1e-3, "a tie decides nothing");
            most = most.max(by_hand.0);
            by_hand = ((by_hand.0 + (r - 0.3).signum() * 0.12).clamp(0.0, 1.0), 0.0);
        }
        let p = probability.now(&state).expect("it adapts");
        assert_close(&values(p), &[by_hand.0], 1e-5, 1e-6);
    }
    assert!(0.0 < by_hand.0 && by_hand.0 < most, "it rose and fell");
    Probability::Fixed(0.5).adapt(&Verdict::from(tensor2::<B, 1>([[1.0]])), 3, 1, &mut state);
    assert_eq!(state.len(), 2, "a fixed one leaves the state alone");
    assert!(Probability::Fixed(0.5).now(&state).is_none());
}

fn as_many_samples_are_changed_as_the_probability_says<B: Backend>() {
    let count = 10_000;
    let device = Default::default();
    let plain = Tensor::<B, 2>::zeros([count, 2], &device);
    let share = |probability: Probability, state: &Memory<B>| {
        let mut noise = Stream::new(5, "noise");
        let changed = plain.ones_like();
        let mixed = values(probability.mix(plain.clone(), changed, state, &mut noise));
        for point in mixed.chunks(2) {
            assert_eq!(
                point[0], point[1],
                "a sample is changed whole or not at all"
            );
            assert!(point[0] == 0.0 || point[0] == 1.0);
        }
        mixed.iter().sum::<f64>() / mixed.len() as f64
    };
    let adaptive = Probability::adaptive(500_000.0);
    let at = |p: f64| vec![tensor1::<B>([p]), tensor1([0.0])];
    for (p, fixed) in [(0.0, 0.0), (1.0, 1.0)] {
        assert_eq!(share(Probability::Fixed(p), &Vec::new()), fixed);
        assert_eq!(share(adaptive, &at(p)), fixed);
    }
    assert_eq!(share(adaptive, &Vec::new()), 0.0, "it starts at 0");
    // Five standard errors: √(0.3·0.7/10,000) is 0.0046.
    for found in [
        share(Probability::Fixed(0.3), &Vec::new()),
        share(adaptive, &at(0.3)),
    ] {
        assert!((found - 0.3).abs() < 0.023, "{found}");
    }
}

#[test]
fn a_wrong_change_of_real_samples_is_refused_by_name() {
    let wrong = Augmentation::Scale { std: f64::NAN };
    let objective = Objective::new(Loss::Hinge).with_augment_real(wrong);
    let error = objective.validate().expect_err("no scale").to_string();
    assert!(error.contains("`augment_real.std`"), "{error}");
}

#[test]
fn wrong_settings_are_refused_by_name() {
    let noise = Augmentation::Noise { std: 0.1 };
    let with = |probability| Augment::with_probability(noise, probability);
    let adaptive = |target, samples, interval| Probability::Adaptive {
        target,
        samples,
        interval,
    };
    for (augment, field) in [
        (
            with(Probability::Fixed(1.5)),
            "augment.random.probability.fixed",
        ),
        (
            with(Probability::Fixed(f64::NAN)),
            "augment.random.probability.fixed",
        ),
        (
            with(adaptive(1.0, 1e3, 4)),
            "augment.random.probability.adaptive.target",
        ),
        (
            with(adaptive(f64::NAN, 1e3, 4)),
            "augment.random.probability.adaptive.target",
        ),
        (
            with(adaptive(0.6, 0.0, 4)),
            "augment.random.probability.adaptive.samples",
        ),
        (
            with(adaptive(0.6, 1e3, 0)),
            "augment.random.probability.adaptive.interval",
        ),
        (
            Augment::always(Augmentation::Noise { std: -1.0 }),
            "augment.random.change.std",
        ),
    ] {
        let objective = Objective::new(Loss::Hinge).with_augment(augment);
        let error = objective.validate().expect_err(field).to_string();
        assert!(error.contains(&format!("`{field}`")), "{error}");
    }
    for augment in [
        with(Probability::Fixed(0.0)),
        with(Probability::adaptive(5e5)),
    ] {
        Objective::new(Loss::Hinge)
            .with_augment(augment)
            .validate()
            .expect("valid settings");
    }
}

#[test]
fn settings_come_back_from_json() {
    let noise = Augmentation::Noise { std: 0.1 };
    let augment = Augment::with_probability(noise, Probability::adaptive(1e3));
    let stored = serde_json::to_string(&augment).expect("settings");
    assert_eq!(
        stored,
        r#"{"random":{"change":{"noise":{"std":0.1}},"probability":{"adaptive":{"target":0.6,"samples":1000.0,"interval":4}}}}"#
    );
    let read: Augment = serde_json::from_str(&stored).expect("settings");
    assert_eq!(read, augment);
    let slip = stored.replace("target", "tagret");
    assert!(serde_json::from_str::<Augment>(&slip).is_err());
}

#[test]
fn functions_are_bound_to_the_name_that_was_read() {
    type B = burn::backend::Autodiff<crate::testing::Cpu>;
    let stored = serde_json::to_string(&scaled::<B>()).expect("settings");
    assert_eq!(stored, r#"{"custom":"scaled"}"#);
    let read: Augment = serde_json::from_str(&stored).expect("settings");
    let error = read.validate().expect_err("no functions").to_string();
    assert!(error.contains("CustomAugment::bind"), "{error}");
    let Augment::Custom(custom) = read else {
        panic!("a custom change");
    };
    let bound = Augment::Custom(CustomAugment::bind::<Networks<B>>(custom, Scaled));
    bound.validate().expect("it has functions");
    let objective = Objective::new(Loss::Wasserstein).with_augment(bound);
    let cost = discriminator_cost::<B>(&objective, &mut ObjectiveState::new(7));
    let [of_real, _] = factors(&mut ObjectiveState::<B>::new(7).noise);
    assert_close(
        &values(cost.real.logits),
        &judged(REAL, &of_real),
        1e-5,
        1e-6,
    );
}
