//! What each penalty is, by closed forms, and the rules that all obey.

use burn::module::{AutodiffModule, Module};
use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};

use super::{Normed, discriminator_cost, generator, generator_cost, latents, mlp};
use crate::gan::Gan;
use crate::models::{MlpDiscriminator, MlpGenerator};
use crate::network::{
    Augmentation, Discriminator, Generator, Network, Packed, Sample, TrainableDiscriminator,
    TrainableGenerator, Verdict, initialize,
};
use crate::nn::Activation;
use crate::nn::{Linear, LinearConfig};
use crate::objective::term::{
    BalancedConsistency, CustomTerm, Dragan, LeCam, PathLength, WganGp, r1,
};
use crate::objective::{
    CostTerm, Loss, Memory, Objective, ObjectiveState, Pass, SecondOrder, Term, TermInfo, TermKind,
};
use crate::pair::Pair;
use crate::random::Stream;
use crate::records;
use crate::testing::{assert_close, assign, for_each_autodiff_backend, gradients, tensor2, values};

fn only(penalty: Term) -> Objective {
    Objective::new(Loss::NonSaturating).with_term(penalty)
}

/// Every penalty of the crate, with weight 1.
fn all() -> Vec<Term> {
    let noise = Augmentation::Noise { std: 0.1 };
    vec![
        Term::r1(1.0),
        Term::r2(1.0),
        Term::wgan_gp(1.0),
        Term::dragan(1.0),
        Term::zero_centered(1.0),
        Term::lecam(1.0),
        Term::consistency(1.0, noise),
        Term::balanced_consistency(1.0, noise),
        Term::latent_consistency(1.0, 0.1),
        Term::latent_diversity(1.0, 0.1),
        Term::orthogonal(1.0, Network::Generator),
        Term::orthogonal(1.0, Network::Discriminator),
        Term::path_length(1.0),
    ]
}

fn real<B: Backend>() -> Tensor<B, 2> {
    tensor2([[1.0, 2.0], [3.0, -1.0], [0.5, 0.5], [-0.7, 0.4]])
}

fn fake<B: Backend>() -> Tensor<B, 2> {
    tensor2([[0.2, -0.3], [1.0, 1.5], [-0.5, 0.1], [0.9, -2.0]])
}

/// The weighted penalty on the discriminator, from a fresh state.
fn penalty_of<B, G, D, const R: usize>(
    penalty: Term,
    networks: (&G, &D),
    real: &Tensor<B, R>,
    fake: &Tensor<B, R>,
) -> Tensor<B, 1>
where
    B: AutodiffBackend,
    G: TrainableGenerator<B> + Generator<B, Sample = Tensor<B, R>, Condition = ()>,
    D: TrainableDiscriminator<B> + Discriminator<B, Sample = Tensor<B, R>, Condition = ()>,
{
    let state = &mut ObjectiveState::new(7);
    discriminator_cost(&only(penalty), state, networks, real, fake, &())
        .terms
        .expect("due")
}

/// D(x) = x·W + b, patches side by side.
#[derive(Module, Debug)]
struct Affine<B: Backend> {
    linear: Linear<B>,
}

impl<B: Backend> Affine<B> {
    fn new<const P: usize>(weights: [[f64; P]; 2]) -> Self {
        let linear = LinearConfig::new(2, P).init(&Default::default());
        let weights = weights.iter().flatten().copied().collect();
        assign(Self { linear }, vec![weights, vec![0.25; P]])
    }
}

impl<B: Backend> Discriminator<B> for Affine<B> {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn discriminate(&self, sample: Tensor<B, 2>, _condition: &()) -> Verdict<B> {
        self.linear.forward(sample).into()
    }
}

/// G(z) = z·W.
#[derive(Module, Debug)]
struct LinearGenerator<B: Backend> {
    linear: Linear<B>,
}

impl<B: Backend> Generator<B> for LinearGenerator<B> {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn generate(&self, latent: Tensor<B, 2>, _condition: &()) -> Tensor<B, 2> {
        self.linear.forward(latent)
    }
}

/// D is linear: the gradient of a sample's summed patches is the sum of W's columns, for any
/// input.
fn patch_logits_are_summed_per_sample<B: AutodiffBackend>() {
    let discriminator = Affine::new([[1.0, 2.0, 3.0, 4.0], [0.5, -0.5, 0.25, 0.75]]);
    let networks = (&generator::<B, 2>(&[2]), &discriminator);
    let squared = 10.0 * 10.0 + 1.0;
    let norm = f64::sqrt(squared);
    for (penalty, expected) in [
        (Term::r1(1.0), 0.5 * squared),
        (Term::r2(3.0), 1.5 * squared),
        (Term::zero_centered(1.0), squared),
        (Term::wgan_gp(1.0), (norm - 1.0).powi(2)),
        (Term::dragan(2.0), 2.0 * (norm - 1.0).powi(2)),
    ] {
        let found = penalty_of::<B, _, _, 2>(penalty, networks, &real(), &fake());
        assert_close(&values(found), &[expected], 1e-5, 0.0);
    }
}

/// The mean of penalties of single samples is the penalty of the batch, however large the
/// gradient at one of them is.
fn norms_are_per_sample<B: AutodiffBackend>() {
    let g = generator::<B, 2>(&[2]);
    // Six parallel, steep steps at the origin: the gradient is large there and small elsewhere.
    let steep = (0..12).map(|i| 2.0 + 0.1 * f64::from(i % 6)).collect();
    let discriminator = assign::<B, _>(
        mlp::<B>(2, [6], Activation::Tanh),
        vec![steep, vec![0.0; 6], vec![1.0; 6], vec![0.0]],
    );
    let x = tensor2::<B, 2>([[0.7, 0.5], [0.01, 0.0], [-0.6, -0.4]]);
    let one_sided = TermKind::WganGp(WganGp {
        target: 1.0,
        one_sided: true,
    });
    for penalty in [
        Term::r1(1.0),
        Term::r2(1.0),
        Term::wgan_gp(1.0),
        Term::new(one_sided, 1.0),
        Term::zero_centered(1.0),
    ] {
        // Real and generated alike: what is between them is known.
        let of = |x: &Tensor<B, 2>| {
            let value = penalty_of::<B, _, _, 2>(penalty.clone(), (&g, &discriminator), x, x);
            values(value)[0]
        };
        let single: Vec<f64> = (0..3).map(|i| of(&x.clone().narrow(0, i, 1))).collect();
        let largest = single.iter().copied().fold(0.0, f64::max);
        let others: f64 = single.iter().sum::<f64>() - largest;
        assert!(largest > 2.0 * others, "one gradient is large: {single:?}");
        let mean = single.iter().sum::<f64>() / 3.0;
        assert_close(&[of(&x)], &[mean], 1e-5, 0.0);
    }
}

/// Loss and penalty from one pass are those of two, and so are their gradients.
fn a_shared_pass_changes_nothing<B: AutodiffBackend>() {
    let discriminator = mlp::<B>(2, [6, 5], Activation::LEAKY);
    let g = generator::<B, 2>(&[2]);
    let objective = Objective::new(Loss::NonSaturating)
        .with_term(Term::r1(0.7))
        .with_term(Term::r2(0.2));
    let state = &mut ObjectiveState::default();
    let networks = (&g, &discriminator);
    let cost = discriminator_cost(&objective, state, networks, &real(), &fake(), &());
    let together = gradients::<B, _>(&discriminator, &cost.total().backward());

    let judge = |x| discriminator.discriminate(x, &()).logits;
    let loss = objective.discriminator_loss(judge(real()), judge(fake()));
    let apart = r1::<B, _>(&discriminator, real(), &()).mul_scalar(0.7)
        + r1::<B, _>(&discriminator, fake(), &()).mul_scalar(0.2);
    assert_close(&values(cost.loss), &values(loss.clone()), 1e-6, 0.0);
    assert_close(
        &values(cost.terms.expect("due")),
        &values(apart.clone()),
        1e-6,
        0.0,
    );
    let expected = gradients::<B, _>(&discriminator, &(loss + apart).backward());
    for (found, expected) in together.iter().zip(&expected) {
        assert_close(found, expected, 1e-4, 1e-7);
    }
}

fn running_statistics_are_left_alone<B: AutodiffBackend>() {
    let statistics = |net: &Normed<B>| {
        let net = net.valid();
        [
            values(net.norm.running_mean.value()),
            values(net.norm.running_var.value()),
        ]
    };
    let g = generator::<B, 2>(&[2]);
    let weights = crate::testing::parameters::<B, _>(&Normed::<B>::new());
    let after = |objective: &Objective| {
        let discriminator = assign::<B, _>(Normed::<B>::new(), weights.clone());
        let before = statistics(&discriminator);
        let networks = (&g, &discriminator);
        let state = &mut ObjectiveState::default();
        let cost = discriminator_cost(objective, state, networks, &real(), &fake(), &());
        let _ = cost.total().backward();
        let moved = statistics(&discriminator);
        assert_ne!(moved, before, "the loss's passes move them");
        moved
    };
    let without = after(&Objective::new(Loss::NonSaturating));
    for penalty in all() {
        for second_order in [SecondOrder::Exact, SecondOrder::finite_differences()] {
            let objective = only(penalty.clone()).with_second_order(second_order);
            assert_eq!(after(&objective), without, "{penalty:?}, {second_order:?}");
        }
    }
}

fn a_lazy_penalty_is_taken_every_interval_times_the_interval<B: AutodiffBackend>() {
    let discriminator = mlp::<B>(2, [4], Activation::Tanh);
    let networks = (&generator::<B, 2>(&[2]), &discriminator);
    let full = values(penalty_of::<B, _, _, 2>(
        Term::r1(0.3),
        networks,
        &real(),
        &fake(),
    ));
    let lazy = only(Term::r1(0.3).every(3));
    let mut state = ObjectiveState::default();
    let taken: Vec<f64> = (0..7)
        .map(|_| {
            let cost = discriminator_cost(&lazy, &mut state, networks, &real(), &fake(), &());
            cost.terms.map_or(0.0, |penalty| values(penalty)[0])
        })
        .collect();
    let full = 3.0 * full[0];
    assert_close(&taken, &[full, 0.0, 0.0, full, 0.0, 0.0, full], 1e-5, 0.0);
    assert_eq!(state.discriminator_steps(), 7);
}

fn each_penalty_is_on_its_side_and_moves_its_network<B: AutodiffBackend>() {
    let d = mlp::<B>(2, [6, 5], Activation::Tanh);
    let g = generator::<B, 2>(&[2]);
    for penalty in all() {
        let objective = only(penalty.clone());
        let state = &mut ObjectiveState::default();
        let on_d = discriminator_cost(&objective, state, (&g, &d), &real(), &fake(), &());
        let on_g = generator_cost(&objective, state, (&g, &d), &real());
        let sides =
            [Network::Discriminator, Network::Generator].map(|s| penalty.kind.info().acts_on(s));
        assert_eq!([on_d.terms.is_some(), on_g.terms.is_some()], sides);
        assert_eq!(sides.iter().filter(|side| **side).count(), 1, "{penalty:?}");
        let moves = |gradients: Vec<Vec<f64>>| gradients.iter().flatten().any(|g| *g != 0.0);
        if let Some(penalty) = on_d.terms {
            // LeCam's first anchors are the batch's own means: still no zero gradient.
            let gradients = penalty.backward();
            assert!(
                moves(self::gradients::<B, _>(&d, &gradients)),
                "{objective:?}"
            );
            assert!(
                !moves(self::gradients::<B, _>(&g, &gradients)),
                "{objective:?}"
            );
        }
        if let Some(penalty) = on_g.terms {
            let gradients = penalty.backward();
            // A path length's first anchor is the mean: lengths differ, so that it still pulls.
            assert!(
                moves(self::gradients::<B, _>(&g, &gradients)),
                "{objective:?}"
            );
            assert!(
                !moves(self::gradients::<B, _>(&d, &gradients)),
                "{objective:?}"
            );
        }
    }
}

fn lecam_draws_logits_to_the_other_sides_running_mean<B: AutodiffBackend>() {
    // D(x) = x₀ + ¼.
    let discriminator = Affine::new([[1.0], [0.0]]);
    let networks = (&generator::<B, 2>(&[2]), &discriminator);
    let kind = TermKind::LeCam(LeCam { decay: 0.9 });
    let objective = only(Term::new(kind, 1.0));
    let mut state = ObjectiveState::default();
    let mut step = |r: [f64; 2], f: [f64; 2]| {
        let column = |x: [f64; 2]| tensor2::<B, 2>(x.map(|x| [x - 0.25, 0.0]));
        let (real, fake) = (column(r), column(f));
        let cost = discriminator_cost(&objective, &mut state, networks, &real, &fake, &());
        values(cost.terms.expect("due"))[0]
    };
    let by_hand = |r: [f64; 2], f: [f64; 2], anchor_r: f64, anchor_f: f64| {
        r.iter().map(|r| (r - anchor_f).powi(2)).sum::<f64>() / 2.0
            + f.iter().map(|f| (f - anchor_r).powi(2)).sum::<f64>() / 2.0
    };
    let first = step([1.0, 3.0], [-1.0, 0.0]);
    assert_close(
        &[first],
        &[by_hand([1.0, 3.0], [-1.0, 0.0], 2.0, -0.5)],
        1e-5,
        0.0,
    );
    let second = step([0.0, 2.0], [1.0, 2.0]);
    let expected = by_hand([0.0, 2.0], [1.0, 2.0], 0.9 * 2.0 + 0.1, 0.9 * -0.5 + 0.15);
    assert_close(&[second], &[expected], 1e-5, 0.0);
}

fn consistency_is_the_squared_change_of_a_logit<B: AutodiffBackend>() {
    // D is linear: the logit changes by w·ε, ε the noise of the same stream.
    let discriminator = Affine::new([[1.5], [-0.5]]);
    let networks = (&generator::<B, 2>(&[2]), &discriminator);
    let noise = Augmentation::Noise { std: 0.2 };
    let mut stream = ObjectiveState::<B>::new(7).noise;
    let mut change = || {
        let noise = stream.normal(8);
        let squares = noise
            .chunks(2)
            .map(|e| (0.2 * (1.5 * f64::from(e[0]) - 0.5 * f64::from(e[1]))).powi(2));
        squares.sum::<f64>() / 4.0
    };
    let (on_real, on_fake) = (change(), change());
    let found =
        penalty_of::<B, _, _, 2>(Term::consistency(10.0, noise), networks, &real(), &fake());
    assert_close(&values(found), &[10.0 * on_real], 1e-4, 0.0);
    let balanced = TermKind::BalancedConsistency(BalancedConsistency {
        augmentation: noise,
        fake_ratio: 0.5,
    });
    let found = penalty_of::<B, _, _, 2>(Term::new(balanced, 1.0), networks, &real(), &fake());
    assert_close(&values(found), &[on_real + 0.5 * on_fake], 1e-4, 0.0);
}

fn linear_generator<B: Backend>() -> LinearGenerator<B> {
    let linear = LinearConfig::new(3, 2)
        .with_bias(false)
        .init(&Default::default());
    assign(
        LinearGenerator { linear },
        vec![vec![1.0, 0.5, -2.0, 0.25, 0.0, 3.0]],
    )
}

/// G and D are linear: a change Δz of the latent moves the sample by Δz·W.
fn latent_penalties_are_the_squared_changes<B: AutodiffBackend>() {
    let g = linear_generator::<B>();
    let d = Affine::new([[1.5], [-0.5]]);
    let std = 0.3;
    let mut stream = ObjectiveState::<B>::new(7).noise;
    let moves: Vec<[f64; 2]> = stream
        .normal(12)
        .chunks(3)
        .map(|e| {
            let e: Vec<f64> = e.iter().map(|e| std * f64::from(*e)).collect();
            [e[0] - 2.0 * e[1], 0.5 * e[0] + 0.25 * e[1] + 3.0 * e[2]]
        })
        .collect();
    let mean = |f: &dyn Fn(&[f64; 2]) -> f64| moves.iter().map(f).sum::<f64>() / 4.0;
    let fake = g.generate(latents(4), &());
    let found = penalty_of::<B, _, _, 2>(
        Term::latent_consistency(1.0, std),
        (&g, &d),
        &real(),
        &fake.detach(),
    );
    let expected = mean(&|m| (1.5 * m[0] - 0.5 * m[1]).powi(2));
    assert_close(&values(found), &[expected], 1e-4, 0.0);

    let state = &mut ObjectiveState::new(7);
    let objective = only(Term::latent_diversity(1.0, std));
    let cost = generator_cost(&objective, state, (&g, &d), &real());
    let expected = -mean(&|m| m[0].powi(2) + m[1].powi(2)) / 2.0;
    assert_close(&values(cost.terms.expect("due")), &[expected], 1e-4, 0.0);
}

/// G is linear: the slope along y is W·y, whatever the latent; its running mean is remembered.
fn path_lengths_are_kept_near_their_running_mean<B: AutodiffBackend>() {
    let g = linear_generator::<B>();
    let d = Affine::new([[1.5], [-0.5]]);
    let kind = TermKind::PathLength(PathLength { decay: 0.9 });
    for second_order in [SecondOrder::Exact, SecondOrder::finite_differences()] {
        let objective = only(Term::new(kind.clone(), 1.0)).with_second_order(second_order);
        let mut state = ObjectiveState::<B>::new(7);
        let mut stream = state.noise.clone();
        let mut anchor = None;
        for _ in 0..3 {
            let lengths: Vec<f64> = stream
                .normal(8)
                .chunks(2)
                .map(|y| {
                    let (a, b) = (f64::from(y[0]), f64::from(y[1]));
                    let slopes = [a + 0.5 * b, -2.0 * a + 0.25 * b, 3.0 * b];
                    slopes.iter().map(|s| s * s).sum::<f64>().sqrt()
                })
                .collect();
            let now = lengths.iter().sum::<f64>() / 4.0;
            let mean = anchor.map_or(now, |old| 0.9 * old + 0.1 * now);
            anchor = Some(mean);
            let expected = lengths.iter().map(|l| (l - mean).powi(2)).sum::<f64>() / 4.0;
            let cost = generator_cost(&objective, &mut state, (&g, &d), &real());
            assert_close(&values(cost.terms.expect("due")), &[expected], 1e-4, 0.0);
        }
        let remembered = values(state.memory(0)[0].clone());
        assert_close(&remembered, &[anchor.expect("three steps")], 1e-5, 0.0);
    }
}

/// Packs of two points are points of a space with twice the dimensions.
fn packs_have_one_norm_each<B: AutodiffBackend>() {
    let inner = mlp::<B>(4, [5], Activation::Tanh);
    let wide = generator::<B, 2>(&[4]);
    let packed = Packed::<B, _>::new(inner.clone(), 2);
    let g = generator::<B, 2>(&[2]);
    for penalty in [Term::r1(1.0), Term::r2(1.0), Term::wgan_gp(1.0)] {
        let found = penalty_of::<B, _, _, 2>(penalty.clone(), (&g, &packed), &real(), &real());
        let (real, fake) = (real().reshape([2, 4]), real().reshape([2, 4]));
        let expected = penalty_of::<B, _, _, 2>(penalty.clone(), (&wide, &inner), &real, &fake);
        assert_close(&values(found), &values(expected), 1e-5, 0.0);
    }
    // The gradient is that of the inner network, by differences as well.
    let by = |second_order| {
        let objective = only(Term::r1(1.0)).with_second_order(second_order);
        let state = &mut ObjectiveState::default();
        let networks = (&g, &packed);
        let cost = discriminator_cost(&objective, state, networks, &real(), &fake(), &());
        gradients::<B, _>(&packed, &cost.total().backward())
    };
    let exact = by(SecondOrder::Exact);
    let differences = by(SecondOrder::finite_differences());
    for (exact, differences) in exact.iter().zip(&differences) {
        let scale = exact.iter().fold(0.0f64, |m, g| m.max(g.abs()));
        assert_close(differences, exact, 0.0, 0.01 * scale);
    }
}

/// The same state, stored and read back, draws the same noise and remembers the same means.
fn a_stored_state_goes_on_as_it_was<B: AutodiffBackend>() {
    let d = mlp::<B>(2, [4], Activation::Tanh);
    let g = generator::<B, 2>(&[2]);
    let objective = Objective::new(Loss::NonSaturating)
        .with_term(Term::wgan_gp(1.0))
        .with_term(Term::lecam(1.0))
        .with_term(Term::path_length(1.0).every(2));
    let step = |state: &mut ObjectiveState<B>, scale: f64| {
        let real = real::<B>() * scale;
        let on_d = discriminator_cost(&objective, state, (&g, &d), &real, &fake(), &());
        let on_g = generator_cost(&objective, state, (&g, &d), &real);
        let on_g = on_g.terms.map_or(0.0, |p| values(p)[0]);
        [values(on_d.terms.expect("due"))[0], on_g]
    };
    let mut state = ObjectiveState::new(3);
    for scale in [1.0, 2.0, 3.0] {
        let _ = step(&mut state, scale);
    }
    let (counts, tensors) = state.stored();
    let counts = rmp_serde::to_vec_named(&counts).expect("bytes");
    let counts = rmp_serde::from_slice(&counts).expect("the counts");
    let tensors = records::read(&records::write(&tensors).expect("bytes")).expect("the tensors");
    let mut restored = ObjectiveState::<B>::restored(counts, tensors, &Default::default());
    for scale in [4.0, 5.0] {
        assert_eq!(step(&mut restored, scale), step(&mut state, scale));
    }
    assert_eq!(restored.generator_steps(), 5);
}

/// A user's own penalty: the squared mean logit, on the discriminator.
#[derive(Debug)]
struct Drift;

impl TermInfo for Drift {
    fn name(&self) -> &str {
        "drift"
    }

    fn acts_on(&self, network: Network) -> bool {
        network == Network::Discriminator
    }
}

impl<P: Pair> CostTerm<P> for Drift {
    fn value(
        &self,
        pass: &Pass<'_, P>,
        _noise: &mut Stream,
        memory: &mut Memory<P::Backend>,
    ) -> Tensor<P::Backend, 1> {
        memory.push(pass.real.logits().clone().mean());
        let points = pass.real.sample.clone();
        let penalty = |norms: Tensor<P::Backend, 1>| norms.sqrt().mean();
        let flat = pass.real.gradient_penalty_at(points, penalty);
        pass.real.logits().clone().square().mean() + flat
    }
}

fn a_custom_penalty_takes_part<B: AutodiffBackend>() {
    let d = Affine::<B>::new([[3.0], [4.0]]);
    let g = generator::<B, 2>(&[2]);
    type Networks<B> = Gan<MlpGenerator<B, 2>, Affine<B>, B>;
    let penalty = Term::custom::<Networks<B>>(0.5, Drift).every(2);
    let objective = only(penalty);
    let state = &mut ObjectiveState::default();
    let cost = discriminator_cost(&objective, state, (&g, &d), &real(), &fake(), &());
    let logits = values(d.discriminate(real(), &()).logits);
    let square = logits.iter().map(|l| l * l).sum::<f64>() / 4.0;
    let expected = 0.5 * 2.0 * (square + 5.0);
    assert_close(&values(cost.terms.expect("due")), &[expected], 1e-5, 0.0);
    assert_eq!(state.memory(0).len(), 1);
    assert!(
        generator_cost(&objective, state, (&g, &d), &real())
            .terms
            .is_none()
    );

    let json = serde_json::to_string(&objective).expect("settings serialise");
    let mut read: Objective = serde_json::from_str(&json).expect("and come back");
    assert_eq!(read, objective);
    let error = read.validate().expect_err("no functions").to_string();
    assert!(error.contains("terms[0].kind.custom"), "{error}");
    let TermKind::Custom(custom) = read.terms[0].kind.clone() else {
        panic!("a custom penalty, not {:?}", read.terms[0]);
    };
    let custom: CustomTerm = custom.bind::<Networks<B>>(Drift);
    read.terms[0].kind = TermKind::Custom(custom);
    read.validate().expect("bound again");
}

/// A network whose labels come by an embedding is golden case `mlp_conditional`; here what is
/// left of a penalty with weight 0.
fn a_weight_of_zero_is_never_taken<B: AutodiffBackend>() {
    let d: MlpDiscriminator<B, 2> = mlp(2, [4], Activation::Tanh);
    let networks = (&generator::<B, 2>(&[2]), &d);
    let state = &mut ObjectiveState::default();
    let objective = only(Term::r1(0.0));
    let cost = discriminator_cost(&objective, state, networks, &real(), &fake(), &());
    assert!(cost.terms.is_none());
}

for_each_autodiff_backend!(
    patch_logits_are_summed_per_sample,
    norms_are_per_sample,
    a_shared_pass_changes_nothing,
    running_statistics_are_left_alone,
    a_lazy_penalty_is_taken_every_interval_times_the_interval,
    each_penalty_is_on_its_side_and_moves_its_network,
    lecam_draws_logits_to_the_other_sides_running_mean,
    consistency_is_the_squared_change_of_a_logit,
    latent_penalties_are_the_squared_changes,
    path_lengths_are_kept_near_their_running_mean,
    packs_have_one_norm_each,
    a_stored_state_goes_on_as_it_was,
    a_custom_penalty_takes_part,
    a_weight_of_zero_is_never_taken,
);
// On wgpu the golden cases: each new kernel costs a second there.

#[test]
fn wrong_settings_are_refused_by_name() {
    let norm = |target| {
        let kind = TermKind::WganGp(WganGp {
            target,
            one_sided: false,
        });
        Term::new(kind, 1.0)
    };
    let dragan = TermKind::Dragan(Dragan {
        scale: f64::NAN,
        target: 1.0,
    });
    let still = Augmentation::Noise { std: 0.0 };
    for (penalty, field) in [
        (Term::r1(-1.0), "terms[0].weight"),
        (Term::r2(f64::NAN), "terms[0].weight"),
        (Term::r1(1.0).every(0), "terms[0].interval"),
        (norm(0.0), "terms[0].kind.wgan_gp.target"),
        (Term::new(dragan, 1.0), "kind.dragan.scale"),
        (
            Term::new(TermKind::LeCam(LeCam { decay: 1.0 }), 1.0),
            "kind.le_cam.decay",
        ),
        (Term::consistency(1.0, still), "kind.consistency.std"),
        (Term::latent_diversity(1.0, -0.1), "latent_diversity.std"),
    ] {
        let error = only(penalty).validate().expect_err(field).to_string();
        assert!(error.contains(field), "{error}");
    }
    let objective =
        only(Term::r1(1.0)).with_second_order(SecondOrder::FiniteDifferences { step: f64::NAN });
    let error = objective.validate().expect_err("a step").to_string();
    assert!(
        error.contains("second_order.finite_differences.step"),
        "{error}"
    );
}

#[test]
fn settings_survive_json() {
    for penalty in all() {
        let json = serde_json::to_string(&penalty).expect("settings serialise");
        let back: Term = serde_json::from_str(&json).expect("the same settings");
        assert_eq!(back, penalty);
    }
    let json = serde_json::to_string(&Term::r1(0.05)).expect("settings serialise");
    assert_eq!(json, r#"{"kind":"r1","weight":0.05,"interval":1}"#);
}

#[test]
fn a_batch_of_one_sample_is_a_batch() {
    type B = burn::backend::Autodiff<crate::testing::Cpu>;
    let d = mlp::<B>(2, [4], Activation::Tanh);
    initialize(&d);
    let networks = (&generator::<B, 2>(&[2]), &d);
    let one = real::<B>().narrow(0, 0, 1);
    assert_eq!(Sample::batch_size(&one), 1);
    let found = penalty_of::<B, _, _, 2>(Term::wgan_gp(1.0), networks, &one, &one);
    assert!(values(found)[0].is_finite());
}
