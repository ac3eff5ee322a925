//! Terms: what is common to their tests.

mod behaviour;
mod differences;
mod golden;
mod probe;
mod recovered;
mod styles;

use burn::module::Module;
use burn::nn::{BatchNorm, BatchNormConfig};
use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};

use crate::gan::Gan;
use crate::models::{MlpDiscriminator, MlpDiscriminatorConfig, MlpGenerator, MlpGeneratorConfig};
use crate::network::{
    Discriminator, Network, SampleOf, TrainableDiscriminator, TrainableGenerator, Verdict,
    initialize,
};
use crate::nn::Activation;
use crate::nn::{Linear, LinearConfig};
use crate::objective::{Batch, DiscriminatorCost, Objective, ObjectiveState};

pub(super) fn mlp<B: Backend>(
    inputs: usize,
    hidden: impl Into<Vec<usize>>,
    activation: Activation,
) -> MlpDiscriminator<B, 2> {
    let network = MlpDiscriminatorConfig::new([inputs])
        .with_hidden(hidden)
        .with_activation(activation)
        .init(&Default::default())
        .expect("valid sizes");
    initialize(&network);
    network
}

/// A generator of samples of `shape` from latents of three numbers.
pub(super) fn generator<B: Backend, const R: usize>(shape: &[usize]) -> MlpGenerator<B, R> {
    let network = MlpGeneratorConfig::new(3, shape)
        .with_hidden([4])
        .with_activation(Activation::Tanh)
        .init(&Default::default())
        .expect("valid sizes");
    initialize(&network);
    network
}

/// A batch norm between two linear layers.
#[derive(Module, Debug)]
pub(super) struct Normed<B: Backend> {
    first: Linear<B>,
    pub(super) norm: BatchNorm<B>,
    last: Linear<B>,
}

impl<B: Backend> Normed<B> {
    pub(super) fn new() -> Self {
        let device = Default::default();
        let network = Self {
            first: LinearConfig::new(2, 3).init(&device),
            norm: BatchNormConfig::new(3).init(&device),
            last: LinearConfig::new(3, 1).init(&device),
        };
        initialize(&network);
        network
    }
}

impl<B: Backend> Discriminator<B> for Normed<B> {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn discriminate(&self, sample: Tensor<B, 2>, _condition: &()) -> Verdict<B> {
        let x = self.norm.forward(self.first.forward(sample));
        self.last.forward(x.tanh()).into()
    }
}

/// The discriminator's half of a step on these batches.
pub(super) fn discriminator_cost<G, D, B>(
    objective: &Objective,
    state: &mut ObjectiveState<B>,
    (generator, discriminator): (&G, &D),
    real: &SampleOf<D, B>,
    fake: &SampleOf<D, B>,
    condition: &D::Condition,
) -> DiscriminatorCost<B>
where
    B: AutodiffBackend,
    G: TrainableGenerator<B>,
    D: TrainableDiscriminator<B, Sample = G::Sample, Condition = G::Condition>,
{
    objective.validate().expect("valid settings");
    let batch = Batch {
        real,
        real_condition: condition,
        fake,
        fake_condition: condition,
        log_probabilities: None,
        latent: &latents(crate::network::Sample::batch_size(real)),
        prior: None,
    };
    let cost =
        objective.discriminator_cost::<Gan<G, D, B>>(state, generator, discriminator, &batch);
    state.count(Network::Discriminator);
    cost
}

/// Weights of the module's own precision, the same on every backend.
pub(super) fn fixed<B: Backend, M: Module<B>>(module: M, start: f64) -> M {
    let mut at = start;
    let mut next = |_: &f64| {
        at += 1.7;
        0.9 * at.sin()
    };
    let all = crate::testing::parameters::<B, _>(&module);
    let all = all
        .iter()
        .map(|numbers| numbers.iter().map(&mut next).collect());
    let all = all.collect();
    crate::testing::assign(module, all)
}

/// The gradient of a function of a module, in double precision and visiting order.
///
/// ```text
/// (f(θ + h) − f(θ − h))/(2h),   h = 1e-5
/// ```
pub(super) fn central_differences<B: Backend, M: Module<B>>(
    module: &M,
    value: impl Fn(&M) -> f64,
) -> Vec<f64> {
    let all = crate::testing::parameters::<B, _>(module);
    let mut found = Vec::new();
    for (tensor, numbers) in all.iter().enumerate() {
        for place in 0..numbers.len() {
            let at = |by: f64| {
                let mut moved = all.clone();
                moved[tensor][place] += by;
                value(&crate::testing::assign(module.clone(), moved))
            };
            found.push((at(1e-5) - at(-1e-5)) / 2e-5);
        }
    }
    found
}

/// `count` fixed latents of three numbers.
pub(super) fn latents<B: Backend>(count: usize) -> Tensor<B, 2> {
    let numbers: Vec<f64> = (0..3 * count).map(|i| (1.7 * i as f64).sin()).collect();
    crate::testing::tensor1::<B>(numbers).reshape([count, 3])
}

/// The generator's half of a step, its samples drawn from [`latents`].
pub(super) fn generator_cost<G, D, B>(
    objective: &Objective,
    state: &mut ObjectiveState<B>,
    (generator, discriminator): (&G, &D),
    real: &G::Sample,
) -> crate::objective::GeneratorCost<B>
where
    B: AutodiffBackend,
    G: TrainableGenerator<B> + crate::network::Generator<B, Condition = ()>,
    D: TrainableDiscriminator<B> + Discriminator<B, Sample = G::Sample, Condition = ()>,
{
    objective.validate().expect("valid settings");
    let latent = latents::<B>(crate::network::Sample::batch_size(real));
    let fake = generator.generate(latent.clone(), &());
    let batch = Batch {
        real,
        real_condition: &(),
        fake: &fake,
        fake_condition: &(),
        log_probabilities: None,
        latent: &latent,
        prior: None,
    };
    let still = discriminator.clone().no_grad();
    let cost = objective.generator_cost::<Gan<G, D, B>>(state, generator, &still, &batch);
    state.count(Network::Generator);
    cost
}
