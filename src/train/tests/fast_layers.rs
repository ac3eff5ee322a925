//! Training with our kernels against training with burn's operations: networks and Adam.

use crate::train::observe_fn;
use burn::backend::autodiff::checkpoint::strategy::BalancedCheckpointing;
use burn::backend::{Autodiff, Flex, NdArray};
use burn::optim::{AdamConfig, SimpleOptimizer};
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Tensor, TensorData};

use crate::Latent;
use crate::data::{Dataset, MemoryDataset, Mixture};
use crate::gan::Gan;
use crate::models::{
    DcganDiscriminatorConfig, DcganGeneratorConfig, MlpDiscriminatorConfig, MlpGeneratorConfig,
    R3ganDiscriminatorConfig, R3ganGeneratorConfig, ResNetDiscriminatorConfig,
    ResNetGeneratorConfig,
};
use crate::objective::{Loss, Objective, Term};
use crate::pair::{GanOf, Pair};
use crate::random::Stream;
use crate::step::Adam;
use crate::step::{OptimizerConfig, StepBatch, StepSettings, TrainState, step};
use crate::testing::{assert_close, assign, floats, parameters, values};
use crate::train::{Rhythm, StepEvent, Trainer, TrainerConfig};

/// The backend with our kernels.
pub(super) type Fast = Autodiff<Flex>;
/// The same numbers on the same backend, but another type: layers take burn's operations.
pub(super) type Burns = Autodiff<Flex, BalancedCheckpointing>;

const STEPS: u64 = 200;
/// Enough for the kernels of small maps: 32 tiles of 2×2 at 4×4.
pub(super) const BATCH: usize = 8;
pub(super) const LATENT: usize = 8;
/// How far two losses may be apart, either way. Both round, and training amplifies it.
const TOLERANCE: f64 = 1e-3;
/// The learning rate of the MLPs.
const MLP_RATE: f64 = 2e-4;
/// That of the DCGAN. At 2e-4 training is chaos: on burn's operations alone, one weight changed by
/// 2e-7 of itself moves a loss by .002 within 160 steps and by .01 within 200, so that no two
/// orders of summation could agree. At a tenth of it the same change moves none by 1e-6.
const DCGAN_RATE: f64 = 2e-5;
/// That of R3GAN: the one that its paper ends at.
const R3GAN_RATE: f64 = 5e-5;

/// Discriminator and generator losses of each step. The first run's weights are everybody's.
fn losses<P: Pair>(
    pair: P,
    weights: &mut Option<Vec<Vec<f64>>>,
    data: &impl Dataset<P::Backend, Sample = P::Sample, Condition = P::Condition>,
    objective: Objective,
    rate: f64,
) -> Vec<f64> {
    mixed_losses(pair, weights, data, objective, rate, 0.0)
}

/// The same with mixed styles.
pub(super) fn mixed_losses<P: Pair>(
    pair: P,
    weights: &mut Option<Vec<Vec<f64>>>,
    data: &impl Dataset<P::Backend, Sample = P::Sample, Condition = P::Condition>,
    objective: Objective,
    rate: f64,
    style_mixing: f64,
) -> Vec<f64> {
    let all = weights.get_or_insert_with(|| parameters::<P::Backend, _>(pair.gan()));
    let gan = assign::<P::Backend, _>(pair.into_gan(), all.clone());
    let config = TrainerConfig::new(STEPS, BATCH, Latent::normal(LATENT))
        .with_seed(4)
        .with_objective(objective)
        .with_optimizers(OptimizerConfig::adam(rate))
        .with_style_mixing(style_mixing);
    let mut losses = Vec::new();
    Trainer::new(config, &Default::default())
        .expect("valid settings")
        .observe(
            Rhythm::Every(1),
            observe_fn(|event: &StepEvent<'_, GanOf<P>>| {
                losses.extend(values(event.outcome.discriminator_loss.clone()));
                losses.extend(values(event.outcome.generator_loss.clone()));
                Ok(())
            }),
        )
        .run(gan, data)
        .expect("a run");
    losses
}

fn mlp<B: AutodiffBackend>(weights: &mut Option<Vec<Vec<f64>>>, objective: Objective) -> Vec<f64> {
    let device = Default::default();
    let generator = MlpGeneratorConfig::new(LATENT, [2]).with_hidden([32, 32]);
    let discriminator = MlpDiscriminatorConfig::new([2]).with_hidden([32, 32]);
    let gan = Gan::<_, _, B>::seeded(
        generator.init::<B, 2>(&device).expect("valid settings"),
        discriminator.init::<B, 2>(&device).expect("valid settings"),
        1,
        &device,
    );
    let points = Mixture::ring().sample(512, &mut Stream::new(9, "ring"));
    let data = MemoryDataset::<2>::new(points, [2]).expect("whole points");
    losses(gan, weights, &data, objective, MLP_RATE)
}

fn dcgan<B: AutodiffBackend>(
    weights: &mut Option<Vec<Vec<f64>>>,
    objective: Objective,
) -> Vec<f64> {
    let device = Default::default();
    let shape = [3, 16, 16];
    let gan = Gan::<_, _, B>::seeded(
        DcganGeneratorConfig::new(LATENT, shape)
            // 32 and 16 channels: enough for the kernels of 4×4 convolutions.
            .with_width(16)
            .init::<B>(&device)
            .expect("valid settings"),
        DcganDiscriminatorConfig::new(shape)
            .with_width(16)
            .init::<B>(&device)
            .expect("valid settings"),
        1,
        &device,
    );
    let pixels = Stream::new(9, "pixels").uniform(64 * 3 * 16 * 16, -1.0, 1.0);
    let data = MemoryDataset::<4>::new(pixels, shape).expect("whole images");
    losses(gan, weights, &data, objective, DCGAN_RATE)
}

fn r3gan<B: AutodiffBackend>(weights: &mut Option<Vec<Vec<f64>>>) -> Vec<f64> {
    let device = Default::default();
    let shape = [3, 8, 8];
    let gan = Gan::<_, _, B>::seeded(
        R3ganGeneratorConfig::new(LATENT, shape)
            .with_widths([16, 8])
            .init::<B>(&device)
            .expect("valid settings"),
        R3ganDiscriminatorConfig::new(shape)
            .with_widths([16, 8])
            .init::<B>(&device)
            .expect("valid settings"),
        1,
        &device,
    );
    let pixels = Stream::new(9, "pixels").uniform(64 * 3 * 8 * 8, -1.0, 1.0);
    let data = MemoryDataset::<4>::new(pixels, shape).expect("whole images");
    losses(gan, weights, &data, Objective::r3gan(0.1), R3GAN_RATE)
}

pub(super) fn assert_same_losses(fast: &[f64], burns: &[f64]) {
    assert_eq!(fast.len(), 2 * STEPS as usize);
    assert_eq!(burns.len(), fast.len());
    for (index, (fast, burns)) in fast.iter().zip(burns).enumerate() {
        let (step, which) = (index / 2, ["discriminator", "generator"][index % 2]);
        assert!(
            (fast - burns).abs() <= TOLERANCE,
            "step {step}, {which}: {fast} is not {burns} within {TOLERANCE}"
        );
    }
    // Sums in another order: the same bits all along would mean the same code.
    assert_ne!(fast, burns, "burn's operations were not compared with");
}

fn plain() -> Objective {
    Objective::new(Loss::NonSaturating)
}

#[test]
fn two_hundred_steps_of_the_mlp_are_those_of_burns_operations() {
    let mut weights = None;
    let fast = mlp::<Fast>(&mut weights, plain());
    assert_same_losses(&fast, &mlp::<Burns>(&mut weights, plain()));
}

#[test]
fn two_hundred_steps_of_the_mlp_with_r1_are_those_of_burns_operations() {
    let mut weights = None;
    let r1 = || plain().with_term(Term::r1(0.1));
    let fast = mlp::<Fast>(&mut weights, r1());
    assert_same_losses(&fast, &mlp::<Burns>(&mut weights, r1()));
}

#[test]
fn two_hundred_steps_of_the_dcgan_are_those_of_burns_operations() {
    let mut weights = None;
    let fast = dcgan::<Fast>(&mut weights, plain());
    assert_same_losses(&fast, &dcgan::<Burns>(&mut weights, plain()));
}

/// 16 channels: enough for the kernels of 3×3 convolutions.
fn resnet<B: AutodiffBackend>(
    weights: &mut Option<Vec<Vec<f64>>>,
    objective: Objective,
    spectral_norm: bool,
) -> Vec<f64> {
    let device = Default::default();
    let shape = [3, 8, 8];
    let gan = Gan::<_, _, B>::seeded(
        ResNetGeneratorConfig::new(LATENT, shape)
            .with_width(16)
            .init::<B>(&device)
            .expect("valid settings"),
        ResNetDiscriminatorConfig::new(shape)
            .with_channels([16, 16], 1)
            .with_spectral_norm(spectral_norm)
            .init::<B>(&device)
            .expect("valid settings"),
        1,
        &device,
    );
    let pixels = Stream::new(9, "pixels").uniform(64 * 3 * 8 * 8, -1.0, 1.0);
    let data = MemoryDataset::<4>::new(pixels, shape).expect("whole images");
    losses(gan, weights, &data, objective, DCGAN_RATE)
}

/// With a stack as large as a program's: balanced checkpointing, which `Burns` has, recomputes by
/// recursion, and residual blocks are long chains of what it recomputes.
pub(super) fn on_a_large_stack(test: fn()) {
    let thread = std::thread::Builder::new().stack_size(32 << 20);
    let thread = thread.spawn(test).expect("a thread");
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn two_hundred_steps_of_the_residual_pair_are_those_of_burns_operations() {
    on_a_large_stack(|| {
        let mut weights = None;
        let hinge = || Objective::new(Loss::Hinge);
        let fast = resnet::<Fast>(&mut weights, hinge(), true);
        assert_same_losses(&fast, &resnet::<Burns>(&mut weights, hinge(), true));
    });
}

#[test]
fn two_hundred_steps_of_the_residual_pair_with_r1_are_those_of_burns_operations() {
    on_a_large_stack(|| {
        let mut weights = None;
        let r1 = || plain().with_term(Term::r1(0.1));
        let fast = resnet::<Fast>(&mut weights, r1(), false);
        assert_same_losses(&fast, &resnet::<Burns>(&mut weights, r1(), false));
    });
}

#[test]
fn two_hundred_steps_of_r3gan_with_r1_and_r2_are_those_of_burns_operations() {
    let mut weights = None;
    let fast = r3gan::<Fast>(&mut weights);
    assert_same_losses(&fast, &r3gan::<Burns>(&mut weights));
}

/// Adam keeps a convolution's weight in the kernels' order; what is read from a file lies row by
/// row.
#[test]
fn weights_that_lie_otherwise_train_to_the_same_bits() {
    let device = Default::default();
    let shape = [3, 8, 8];
    let gan = Gan::<_, _, Fast>::seeded(
        MlpGeneratorConfig::new(LATENT, shape)
            .with_hidden([16])
            .init::<Fast, 4>(&device)
            .expect("valid settings"),
        DcganDiscriminatorConfig::new(shape)
            .with_width(4)
            // Clones would share the running statistics.
            .with_batch_norm(false)
            .init::<Fast>(&device)
            .expect("valid settings"),
        1,
        &device,
    );
    let objective = plain().with_term(Term::r1(0.1));
    let mut stream = Stream::new(3, "steps");
    let batches: Vec<_> = (0..4)
        .map(|_| {
            let pixels = stream.uniform(4 * 3 * 8 * 8, -1.0, 1.0);
            let real = Tensor::from_data(TensorData::new(pixels, [4, 3, 8, 8]), &device);
            let latent = Latent::normal(LATENT).draw(4, &mut stream, &device);
            StepBatch::new(real, (), latent)
        })
        .collect();
    let adam = OptimizerConfig::adam(1e-3);
    let settings = StepSettings::new(&objective);
    let advance = |mut state: TrainState<Gan<_, _, Fast>>, batches: &[StepBatch<_>]| {
        for batch in batches {
            (state, _) = step(state, &settings, vec![batch.clone()], &mut ());
        }
        state
    };
    let state = TrainState::new(gan, adam, adam).expect("valid settings");
    let state = advance(state, &batches[..2]);
    let mut moved = state.clone();
    let weights = parameters::<Fast, _>(&moved.gan);
    moved.gan = assign::<Fast, _>(moved.gan, weights);
    let [kept, moved] = [state, moved].map(|state| {
        let state = advance(state, &batches[2..]);
        parameters::<Fast, _>(&state.gan)
    });
    assert_eq!(kept, moved);
}

const RATE: f64 = 1e-2;

fn adam(weight_decay: f64) -> Adam {
    Adam {
        beta_1: 0.5,
        beta_2: 0.999,
        epsilon: 1e-8,
        weight_decay,
    }
}

fn normal(stream: &mut Stream, count: usize) -> Vec<f64> {
    stream.normal(count).into_iter().map(f64::from).collect()
}

fn matrix<B: Backend>(numbers: &[f64], shape: [usize; 2]) -> Tensor<B, 2> {
    floats(TensorData::new(numbers.to_vec(), shape))
}

/// The parameter and both moments after a step down each gradient.
fn descend<B: Backend>(
    adam: &Adam,
    start: Tensor<B, 2>,
    gradients: impl IntoIterator<Item = Tensor<B, 2>>,
) -> [Vec<f64>; 3] {
    let (mut parameter, mut memory) = (start, None);
    for gradient in gradients {
        let (moved, moments) = adam.step(RATE, parameter, gradient, memory);
        (parameter, memory) = (moved, Some(moments));
    }
    let (_, [moment_1, moment_2]) = memory.expect("a memory after a step");
    [values(parameter), values(moment_1), values(moment_2)]
}

#[test]
fn twenty_steps_of_adam_in_one_pass_are_those_in_double_precision() {
    crate::testing::settle_precision();
    // Large enough to be shared out among threads.
    let shape = [260, 257];
    let count = shape[0] * shape[1];
    let mut stream = Stream::new(1, "adam");
    let start = normal(&mut stream, count);
    let gradients: Vec<_> = (0..20).map(|_| normal(&mut stream, count)).collect();
    for weight_decay in [0.0, 0.1] {
        let adam = adam(weight_decay);
        let found = descend::<Flex>(
            &adam,
            matrix(&start, shape),
            gradients.iter().map(|g| matrix(g, shape)),
        );
        let expected = descend::<NdArray<f64>>(
            &adam,
            matrix(&start, shape),
            gradients.iter().map(|g| matrix(g, shape)),
        );
        for (found, expected) in found.iter().zip(&expected) {
            // Twenty roundings of each number.
            let largest = expected.iter().fold(0.0f64, |m, x| m.max(x.abs()));
            assert_close(found, expected, 0.0, 1e-6 * largest);
        }
        // In f32 the other way runs the same operations in the same order.
        let general = descend::<NdArray>(
            &adam,
            matrix(&start, shape),
            gradients.iter().map(|g| matrix(g, shape)),
        );
        for (found, general) in found.iter().zip(&general) {
            assert_close(found, general, 1e-6, 1e-7);
        }
    }
}

/// Gradients of a shape, most of them views of something else.
fn gradient_views([rows, columns]: [usize; 2], stream: &mut Stream) -> Vec<Tensor<Flex, 2>> {
    let mut random = |shape: [usize; 2]| -> Tensor<Flex, 2> {
        matrix(&normal(stream, shape[0] * shape[1]), shape)
    };
    vec![
        random([rows, columns]),
        random([columns, rows]).swap_dims(0, 1),
        random([rows + 2, columns + 2])
            .narrow(0, 1, rows)
            .narrow(1, 1, columns),
        random([columns, rows]).swap_dims(0, 1),
        random([rows, columns]).flip([0, 1]),
        random([1, columns]).expand([rows, columns]),
        random([rows, 1]).expand([rows, columns]),
        random([rows + 2, columns]).narrow(0, 0, rows),
        random([rows + 2, columns]).narrow(0, 2, rows),
        random([columns, rows]).swap_dims(0, 1),
    ]
}

#[test]
fn adam_does_not_mind_how_gradients_lie() {
    let shape = [6, 5];
    let fresh = || gradient_views(shape, &mut Stream::new(2, "gradients"));
    let views = fresh();
    let rows: Vec<Vec<f64>> = views.iter().map(|view| values(view.clone())).collect();
    let start = normal(&mut Stream::new(2, "parameter"), 30);
    let adam = adam(0.1);
    let expected = descend::<Flex>(
        &adam,
        matrix(&start, shape),
        rows.iter().map(|numbers| matrix(numbers, shape)),
    );
    // Views that nobody else holds, then views that others hold too.
    assert_eq!(descend(&adam, matrix(&start, shape), fresh()), expected);
    assert_eq!(
        descend(&adam, matrix(&start, shape), views.clone()),
        expected
    );
    // A parameter that is itself a view, and held elsewhere.
    let turned: Tensor<Flex, 2> = matrix::<Flex>(&start, shape).swap_dims(0, 1);
    let turned: Tensor<Flex, 2> = matrix::<Flex>(&values(turned), [5, 6]).swap_dims(0, 1);
    assert_eq!(descend(&adam, turned.clone(), views.clone()), expected);
    assert_eq!(values(turned), start, "somebody else's parameter changed");
    for (view, numbers) in views.into_iter().zip(rows) {
        assert_eq!(values(view), numbers, "somebody else's gradient changed");
    }
}

#[test]
fn what_burns_adam_remembers_goes_on_with_ours() {
    let shape = [6, 5];
    let mut stream = Stream::new(3, "burn's adam");
    let burns = AdamConfig::new()
        .with_beta_1(0.5)
        .with_beta_2(0.999)
        .with_epsilon(1e-8)
        .build();
    let ours = adam(0.0);
    let (mut theirs, mut state) = (matrix::<Flex>(&normal(&mut stream, 30), shape), None);
    let gradients: Vec<Tensor<Flex, 2>> = (0..10)
        .map(|_| matrix(&normal(&mut stream, 30), shape))
        .collect();
    for gradient in gradients[..5].iter().cloned() {
        (theirs, state) = SimpleOptimizer::<Flex>::step(&burns, RATE, theirs, gradient, state);
    }

    let momentum = state.clone().expect("a state after a step").momentum;
    let mut memory = (momentum.time as u64, [momentum.moment_1, momentum.moment_2]);
    let mut mine = theirs.clone();
    for gradient in &gradients[5..] {
        (mine, memory) = ours.step(RATE, mine, gradient.clone(), Some(memory));
        (theirs, state) =
            SimpleOptimizer::<Flex>::step(&burns, RATE, theirs, gradient.clone(), state);
    }
    // burn computes 1 − .999ᵗ in f32, to four digits; a forgotten state would cost .01.
    assert_close(&values(mine), &values(theirs), 0.0, 1e-5);
    let theirs = state.expect("a state").momentum;
    let (time, [moment_1, moment_2]) = memory;
    assert_eq!(time, theirs.time as u64);
    assert_close(&values(moment_1), &values(theirs.moment_1), 1e-6, 1e-7);
    assert_close(&values(moment_2), &values(theirs.moment_2), 1e-6, 1e-9);
}
