//! Whole runs with the objectives, layers and adapters that take part in a step.

use burn::module::{AutodiffModule, Module};
use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};

use crate::data::{MemoryDataset, Mixture};
use crate::gan::Gan;
use crate::models::{MlpDiscriminator, MlpDiscriminatorConfig, MlpGenerator, MlpGeneratorConfig};
use crate::network::Network;
use crate::network::{Augmentation, Discriminator, Packed, TrainableDiscriminator, Verdict};
use crate::nn::{Linear, LinearConfig, MinibatchStd, SpectralNorm};
use crate::objective::{LabelSmoothing, Loss, Objective, Pairing, SecondOrder, Term, TopK};
use crate::random::Stream;
use crate::step::TrainState;
use crate::testing::{Cpu, for_each_autodiff_backend, parameters};
use crate::train::{History, Rhythm, Trainer, TrainerConfig};
use crate::{Latent, Result};

fn generator<B: AutodiffBackend>() -> MlpGenerator<B, 2> {
    MlpGeneratorConfig::new(3, [2])
        .with_hidden([8])
        .init(&Default::default())
        .expect("valid settings")
}

fn judge<B: AutodiffBackend>(inputs: usize) -> MlpDiscriminator<B, 2> {
    MlpDiscriminatorConfig::new([inputs])
        .with_hidden([8, 8])
        .init(&Default::default())
        .expect("valid settings")
}

/// What is left of a run, and its readings.
type Run<D, B> = (TrainState<Gan<MlpGenerator<B, 2>, D, B>>, History);

/// Six steps on the ring, all readings taken.
fn run<B, D>(objective: Objective, discriminator: D) -> Result<Run<D, B>>
where
    B: AutodiffBackend,
    D: TrainableDiscriminator<B> + Discriminator<B, Sample = Tensor<B, 2>, Condition = ()>,
{
    let points = Mixture::ring().sample(100, &mut Stream::new(3, "points"));
    let data = MemoryDataset::<2>::new(points, [2])?;
    let device = Default::default();
    let gan = Gan::seeded(generator(), discriminator, 5, &device);
    let config = TrainerConfig::new(6, 16, Latent::normal(3))
        .with_seed(5)
        .with_discriminator_steps(2)
        .with_objective(objective);
    let mut history = History::new();
    let run = Trainer::new(config, &device)?
        .observe(Rhythm::Every(1), &mut history)
        .run(gan, &data)?;
    Ok((run.state, history))
}

/// One objective with everything that can stand together.
fn crowded() -> Objective {
    let noise = Augmentation::Noise { std: 0.05 };
    Objective::new(Loss::NonSaturating)
        .with_pairing(Pairing::Average)
        .with_term(Term::r1(0.1).every(2))
        .with_term(Term::wgan_gp(0.1))
        .with_term(Term::dragan(0.1))
        .with_term(Term::lecam(0.1))
        .with_term(Term::balanced_consistency(0.1, noise))
        .with_term(Term::latent_consistency(0.1, 0.1))
        .with_term(Term::latent_diversity(0.1, 0.1))
        .with_term(Term::orthogonal(1e-3, Network::Discriminator))
        .with_term(Term::path_length(0.1).every(2))
        .with_label_smoothing(LabelSmoothing::one_sided(0.1))
        .with_top_k(TopK::new(0.5, 0.9))
        .with_term(Term::feature_matching(0.1))
        .with_weight_clipping(0.3)
}

fn a_seed_decides_a_run_with_everything_in_it<B: AutodiffBackend>() {
    let once = || {
        let (state, history) = run::<B, _>(crowded(), judge(2)).expect("a run");
        (parameters::<B, _>(&state.gan), history)
    };
    let (first, history) = once();
    let (again, history_again) = once();
    assert_eq!(first, again);
    assert_eq!(history.readings(), history_again.readings());
    assert!(first.iter().flatten().all(|w| w.is_finite()));
}

fn weights_stay_clipped<B: AutodiffBackend>() {
    let objective = Objective::new(Loss::Wasserstein).with_weight_clipping(0.02);
    let (state, _) = run::<B, _>(objective, judge(2)).expect("a run");
    let weights = parameters::<B, _>(&state.gan.discriminator);
    let largest = |all: &[Vec<f64>]| all.iter().flatten().fold(0.0f64, |m, w| m.max(w.abs()));
    assert!((largest(&weights) - 0.02).abs() < 1e-8);
    // The generator's are not.
    assert!(largest(&parameters::<B, _>(&state.gan.generator)) > 0.05);
}

/// Two layers with spectral norm, and the minibatch's spread between them.
#[derive(Module, Debug)]
struct Spectral<B: Backend> {
    first: SpectralNorm<B, Linear<B>>,
    spread: MinibatchStd,
    last: SpectralNorm<B, Linear<B>>,
}

impl<B: Backend> Spectral<B> {
    fn new() -> Self {
        let device = Default::default();
        Self {
            first: SpectralNorm::new(LinearConfig::new(2, 8).init(&device)),
            spread: MinibatchStd::new(4),
            last: SpectralNorm::new(LinearConfig::new(9, 1).init(&device)),
        }
    }
}

impl<B: Backend> Discriminator<B> for Spectral<B> {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn discriminate(&self, sample: Tensor<B, 2>, _condition: &()) -> Verdict<B> {
        let x = self.spread.forward(self.first.forward(sample).tanh());
        self.last.forward(x).into()
    }
}

/// After training, the stored vectors still belong to the first singular values: the layers
/// stretch by 1, as the power iteration of each step keeps them.
fn spectral_norms_follow_their_weights<B: AutodiffBackend>() {
    let objective = Objective::sngan_hinge().with_term(Term::r1(0.1));
    let (state, _) = run::<B, _>(objective, Spectral::new()).expect("a run");
    let inner = state.gan.discriminator.valid();
    let stretch = |x: [[f32; 2]; 1]| {
        let device = Default::default();
        let x = Tensor::<B::InnerBackend, 2>::from_floats(x, &device);
        let zero = inner.first.forward(x.zeros_like());
        let moved = inner.first.forward(x) - zero;
        crate::testing::values(moved.square().sum().sqrt())[0]
    };
    let turns = (0..360).map(|i| f32::to_radians(i as f32 / 2.0));
    let largest = turns
        .map(|a| stretch([[a.cos(), a.sin()]]))
        .fold(0.0, f64::max);
    assert!((largest - 1.0).abs() < 0.01, "{largest}");
}

fn packs_of_samples_are_judged_together<B: AutodiffBackend>() {
    for objective in [Objective::r3gan(0.1), Objective::wgan_gp(), crowded()] {
        let packed = Packed::<B, _>::new(judge(4), 2);
        let (state, history) = run::<B, _>(objective, packed).expect("a run");
        assert!(
            parameters::<B, _>(&state.gan)
                .iter()
                .flatten()
                .all(|w| w.is_finite())
        );
        assert_eq!(history.readings().len(), 6);
    }
}

for_each_autodiff_backend!(
    a_seed_decides_a_run_with_everything_in_it,
    weights_stay_clipped,
    spectral_norms_follow_their_weights,
    packs_of_samples_are_judged_together,
);

type B = burn::backend::Autodiff<Cpu>;

#[test]
fn every_loss_in_every_pairing_trains() {
    for loss in Loss::all() {
        for pairing in Pairing::ALL {
            let objective = Objective::new(loss.clone())
                .with_pairing(pairing)
                .with_term(Term::r1(0.1));
            if objective.validate().is_err() {
                continue;
            }
            let (state, _) = run::<B, _>(objective.clone(), judge(2)).expect("a run");
            let weights = parameters::<B, _>(&state.gan);
            assert!(
                weights.iter().flatten().all(|w| w.is_finite()),
                "{objective:?}"
            );
        }
    }
}

/// burn's own linear layer: differentiable once.
#[derive(Module, Debug)]
struct Theirs<B: Backend> {
    layer: burn::nn::Linear<B>,
}

impl<B: Backend> Discriminator<B> for Theirs<B> {
    type Sample = Tensor<B, 2>;
    type Condition = ();
    fn discriminate(&self, sample: Tensor<B, 2>, _condition: &()) -> Verdict<B> {
        self.layer.forward(sample.tanh()).into()
    }
}

#[test]
fn a_network_without_a_second_derivative_is_refused_before_training_or_trains_by_differences() {
    let theirs = || Theirs::<B> {
        layer: burn::nn::LinearConfig::new(2, 1).init(&Default::default()),
    };
    let error = run::<B, _>(Objective::recommended(), theirs()).expect_err("no second derivative");
    let error = error.to_string();
    assert!(error.contains("`objective.terms` = r1"), "{error}");
    let differences = Objective::recommended().with_second_order(SecondOrder::finite_differences());
    let (state, _) = run::<B, _>(differences, theirs()).expect("a run");
    assert_eq!(state.step, 6);
}
