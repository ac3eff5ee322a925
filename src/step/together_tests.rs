//! Steps of a group of threads are the steps of one process.

use burn::tensor::Tensor;
use burn::tensor::backend::AutodiffBackend;

use super::{
    OptimizerConfig, Share, StepBatch, StepOutcome, StepSettings, TrainState, step, step_in_group,
};
use crate::Latent;
use crate::data::{Dataset, MemoryDataset, Mixture};
use crate::gan::Gan;
use crate::models::MlpGeneratorConfig;
use crate::network::{Augmentation, Discriminator, Generator, Verdict};
use crate::nn::{Activation, BatchNorm, BatchNormConfig, Linear, LinearConfig};
use crate::objective::{Augment, Loss, Objective, Pairing, Probability, Term, TopK};
use crate::process::threads::{Threads, together};
use crate::random::Stream;
use crate::testing::{
    PointsGan, assert_close, for_each_autodiff_backend, parameters, points_gan, values,
};

const BATCH: usize = 12;
const STEPS: usize = 4;

type Networks<B> = PointsGan<B>;

fn state<B: AutodiffBackend>(optimizer: OptimizerConfig) -> TrainState<Networks<B>> {
    let state = TrainState::new(points_gan(), optimizer, optimizer).expect("valid settings");
    state.with_seed(5).with_ema()
}

/// The part of a step's batch that a process reads and draws.
fn batch<B: AutodiffBackend>(number: usize, here: Share) -> StepBatch<Networks<B>> {
    let (real, latent) = numbers::<B>(number, here);
    StepBatch::new(real, (), latent).of_part(here)
}

fn numbers<B: AutodiffBackend>(number: usize, here: Share) -> (Tensor<B, 2>, Tensor<B, 2>) {
    let seed = number as u64;
    let points = Mixture::ring().sample(BATCH, &mut Stream::new(seed, "points"));
    let points = MemoryDataset::<2>::new(points, [2]).expect("pairs of numbers");
    let device = Default::default();
    let rows = here.range(BATCH);
    let indices: Vec<usize> = rows.clone().collect();
    let latent = Latent::normal(3).draw(BATCH, &mut Stream::new(seed, "z"), &device);
    (
        points.batch(&indices, &device).expect("a batch").0,
        latent.narrow(0, rows.start, rows.len()).detach(),
    )
}

fn settings(objective: &Objective, micro_batches: usize) -> StepSettings<'_> {
    let mut settings = StepSettings::new(objective);
    settings.micro_batches = micro_batches;
    settings.ema_decay = 0.9;
    settings.gradient_clipping = Some(10.0);
    settings.vitals = true;
    settings
}

type Ended<B> = (TrainState<Networks<B>>, StepOutcome<B>);

/// A run of one process.
fn alone<B: AutodiffBackend>(
    objective: &Objective,
    optimizer: OptimizerConfig,
    micro_batches: usize,
) -> Ended<B> {
    let settings = settings(objective, micro_batches);
    let mut ended = None;
    let mut now = state::<B>(optimizer);
    for number in 0..STEPS {
        let batches = [0, 1].map(|more| batch::<B>(2 * number + more, Share::WHOLE));
        let (next, outcome) = step(now, &settings, batches.into(), &mut ());
        now = next;
        ended = Some(outcome);
    }
    (now, ended.expect("a step"))
}

/// The same of one of a group.
fn as_one_of<B: AutodiffBackend>(
    group: &Threads,
    objective: &Objective,
    optimizer: OptimizerConfig,
    micro_batches: usize,
) -> Ended<B> {
    use crate::process::ProcessGroup;
    let settings = settings(objective, micro_batches);
    let here = Share::new(group.rank(), group.size());
    let mut ended = None;
    let mut now = state::<B>(optimizer);
    for number in 0..STEPS {
        let batches = [0, 1].map(|more| batch::<B>(2 * number + more, here));
        let stepped = step_in_group(now, &settings, batches.into(), &mut (), group);
        let (next, outcome) = stepped.expect("a group that holds");
        now = next;
        ended = Some(outcome);
    }
    (now, ended.expect("a step"))
}

fn objectives() -> Vec<Objective> {
    vec![
        Objective::recommended(),
        Objective::new(Loss::NonSaturating)
            .with_pairing(Pairing::Paired)
            .with_term(Term::r1(0.3))
            .with_term(Term::r2(0.3).every(2)),
        Objective::new(Loss::Wasserstein).with_term(Term::wgan_gp(10.0)),
        Objective::new(Loss::Hinge)
            .with_augment(Augment::with_probability(
                Augmentation::Noise { std: 0.1 },
                Probability::Fixed(0.5),
            ))
            .with_term(Term::consistency(1.0, Augmentation::Noise { std: 0.1 })),
    ]
}

fn a_group_makes_the_steps_of_one_process_bit_for_bit<B: AutodiffBackend>() {
    let optimizer = OptimizerConfig::adam(1e-2);
    for objective in objectives() {
        for size in [1, 2, 3, 4] {
            let (expected, seen) = alone::<B>(&objective, optimizer, size);
            let expected = expected.digest();
            let logits = values(seen.real.logits);
            let ended = together(size, |group| {
                let (state, outcome) = as_one_of::<B>(group, &objective, optimizer, 1);
                let loss = values(outcome.generator_loss);
                (state.digest(), values(outcome.real.logits), loss)
            });
            for (digest, own, loss) in ended {
                assert_eq!(digest, expected, "{size} threads, {objective:?}");
                assert_eq!(own, logits);
                assert_eq!(loss, values(seen.generator_loss.clone()));
            }
        }
    }
}

/// Two processes with two micro-batches each add up two and two, one process one after the other: the
/// sums differ in their last digits.
fn micro_batches_in_a_group_add_up_to_the_batch<B: AutodiffBackend>() {
    let objective = Objective::new(Loss::NonSaturating).with_term(Term::r1(0.3));
    let optimizer = OptimizerConfig::sgd(0.1, 0.0);
    let (expected, _) = alone::<B>(&objective, optimizer, 4);
    let expected = parameters::<B, _>(&expected.gan);
    let ended = together(2, |group| {
        let (state, _) = as_one_of::<B>(group, &objective, optimizer, 2);
        (state.digest(), parameters::<B, _>(&state.gan))
    });
    assert_eq!(ended[0].0, ended[1].0);
    for (own, expected) in ended[0].1.iter().zip(&expected) {
        assert_close(own, expected, 1e-5, 1e-6);
    }
}

/// What looks at the whole batch does so over all processes.
fn what_is_of_the_whole_batch_is_of_all_processes<B: AutodiffBackend>() {
    let adaptive = Probability::Adaptive {
        target: 0.1,
        samples: 200.0,
        interval: 2,
    };
    let objectives = [
        Objective::ragan(),
        Objective::new(Loss::LeastSquares(Default::default()))
            .with_pairing(Pairing::Average)
            .with_top_k(TopK::new(0.5, 0.5)),
        Objective::new(Loss::Hinge).with_top_k(TopK::new(0.4, 0.5)),
        Objective::new(Loss::NonSaturating).with_term(Term::lecam(0.5)),
        Objective::new(Loss::NonSaturating).with_term(Term::path_length(0.5)),
        Objective::new(Loss::NonSaturating).with_augment(Augment::with_probability(
            Augmentation::Noise { std: 0.3 },
            adaptive,
        )),
    ];
    let optimizer = OptimizerConfig::sgd(0.05, 0.0);
    for objective in objectives {
        let (expected, seen) = alone::<B>(&objective, optimizer, 1);
        let loss = values(seen.generator_loss);
        let memory = |state: &TrainState<Networks<B>>| -> Vec<f64> {
            let numbers = state.objective.memory(0).iter();
            let all = numbers.chain(state.objective.augmentation());
            all.flat_map(|number| values(number.clone())).collect()
        };
        let remembered = memory(&expected);
        let expected = parameters::<B, _>(&expected.gan);
        for size in [2, 3] {
            let ended = together(size, |group| {
                let (state, outcome) = as_one_of::<B>(group, &objective, optimizer, 1);
                let loss = values(outcome.generator_loss);
                let memory = memory(&state);
                (state.digest(), parameters::<B, _>(&state.gan), loss, memory)
            });
            for own in &ended {
                assert_eq!(own.0, ended[0].0, "ranks differ: {objective:?}");
            }
            for (own, expected) in ended[0].1.iter().zip(&expected) {
                assert_close(own, expected, 2e-5, 2e-6);
            }
            assert_close(&ended[0].2, &loss, 1e-5, 1e-6);
            assert_close(&ended[0].3, &remembered, 1e-5, 1e-6);
        }
    }
}

/// A linear layer, a batch norm, a linear layer.
#[derive(burn::module::Module, Debug)]
struct Normed<B: burn::tensor::backend::Backend> {
    first: Linear<B>,
    norm: BatchNorm<B>,
    last: Linear<B>,
}

impl<B: burn::tensor::backend::Backend> Normed<B> {
    fn new(inputs: usize, outputs: usize) -> Self {
        let device = Default::default();
        Self {
            first: LinearConfig::new(inputs, 6).init(&device),
            norm: BatchNormConfig::new(6).init(&device),
            last: LinearConfig::new(6, outputs).init(&device),
        }
    }

    fn forward(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        let hidden = self
            .norm
            .forward_activated(self.first.forward(x), Activation::Tanh);
        self.last.forward(hidden)
    }
}

impl<B: burn::tensor::backend::Backend> Generator<B> for Normed<B> {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn generate(&self, latent: Tensor<B, 2>, _condition: &()) -> Tensor<B, 2> {
        self.forward(latent)
    }
}

impl<B: burn::tensor::backend::Backend> Discriminator<B> for Normed<B> {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn discriminate(&self, sample: Tensor<B, 2>, _condition: &()) -> Verdict<B> {
        self.forward(sample).into()
    }
}

/// In both halves of the step, through the samples that the second takes from the first, too.
fn synchronized_batch_norms_are_those_of_the_whole_batch<B: AutodiffBackend>() {
    use crate::process::ProcessGroup;
    let objective = Objective::new(Loss::NonSaturating);
    let mut settings = StepSettings::new(&objective);
    settings.synchronized_batch_norm = true;
    let run = |group: Option<&Threads>| {
        let (rank, size) = group.map_or((0, 1), |group| (group.rank(), group.size()));
        let here = Share::new(rank, size);
        let gan =
            Gan::<_, _, B>::seeded(Normed::new(3, 2), Normed::new(2, 1), 4, &Default::default());
        let sgd = OptimizerConfig::sgd(0.3, 0.0);
        let mut state = TrainState::new(gan, sgd, sgd).expect("valid settings");
        for number in 0..STEPS {
            let (real, latent) = numbers::<B>(number, here);
            let batches = vec![StepBatch::new(real, (), latent).of_part(here)];
            state = match group {
                Some(group) => {
                    let stepped = step_in_group(state, &settings, batches, &mut (), group);
                    stepped.expect("a group").0
                }
                None => step(state, &settings, batches, &mut ()).0,
            };
        }
        // Running statistics are among them.
        parameters::<B, _>(&state.gan)
    };
    let expected = run(None);
    for size in [2, 3] {
        let parts = together(size, |group| run(Some(group)));
        for part in &parts {
            assert_eq!(*part, parts[0], "ranks differ");
        }
        for (own, expected) in parts[0].iter().zip(&expected) {
            assert_close(own, expected, 2e-5, 2e-6);
        }
    }
}

/// A discriminator whose features are matched.
#[derive(burn::module::Module, Debug)]
struct Featured<B: burn::tensor::backend::Backend> {
    hidden: Linear<B>,
    output: Linear<B>,
}

impl<B: burn::tensor::backend::Backend> Discriminator<B> for Featured<B> {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn discriminate(&self, sample: Tensor<B, 2>, _condition: &()) -> Verdict<B> {
        let features = self.hidden.forward(sample).tanh();
        let logits = self.output.forward(features.clone());
        Verdict::from(logits).with_features(features)
    }
}

fn feature_matching_is_over_the_whole_batch<B: AutodiffBackend>() {
    use crate::process::ProcessGroup;
    let objective = Objective::new(Loss::Hinge).with_term(Term::feature_matching(2.0));
    let settings = StepSettings::new(&objective);
    let state = || {
        let device = Default::default();
        let generator = MlpGeneratorConfig::new(3, [2]).with_hidden([8]);
        let discriminator = Featured {
            hidden: LinearConfig::new(2, 6).init(&device),
            output: LinearConfig::new(6, 1).init(&device),
        };
        let generator = generator.init(&device).expect("valid settings");
        let gan = Gan::<_, _, B>::seeded(generator, discriminator, 4, &device);
        let sgd = OptimizerConfig::sgd(0.1, 0.0);
        TrainState::new(gan, sgd, sgd).expect("valid settings")
    };
    let run = |group: Option<&Threads>| {
        let (rank, size) = group.map_or((0, 1), |group| (group.rank(), group.size()));
        let here = Share::new(rank, size);
        let (real, latent) = numbers::<B>(0, here);
        let batches = vec![StepBatch::new(real, (), latent).of_part(here)];
        let (state, _) = match group {
            Some(group) => {
                step_in_group(state(), &settings, batches, &mut (), group).expect("a group")
            }
            None => step(state(), &settings, batches, &mut ()),
        };
        parameters::<B, _>(&state.gan)
    };
    let expected = run(None);
    for own in together(3, |group| run(Some(group))) {
        for (own, expected) in own.iter().zip(&expected) {
            assert_close(own, expected, 1e-5, 1e-6);
        }
    }
}

#[test]
fn another_part_of_the_batch_than_the_own_one_is_refused() {
    type B = burn::backend::Autodiff<crate::testing::Cpu>;
    let objective = Objective::new(Loss::Hinge);
    let refused = crate::network::guard::caught(|| {
        let batches = vec![batch::<B>(0, Share::WHOLE)];
        let state = state::<B>(OptimizerConfig::sgd(0.1, 0.0));
        let group = OneOfTwo;
        step_in_group(state, &settings(&objective, 1), batches, &mut (), &group)
    });
    let words = refused.map(drop).expect_err("a panic");
    assert!(words.contains("this process' part"), "{words}");

    #[derive(Debug)]
    struct OneOfTwo;
    impl crate::process::ProcessGroup for OneOfTwo {
        fn rank(&self) -> usize {
            1
        }
        fn size(&self) -> usize {
            2
        }
        fn sum_f32(&self, values: Vec<f32>) -> crate::Result<Vec<f32>> {
            Ok(values)
        }
        fn sum_f64(&self, values: Vec<f64>) -> crate::Result<Vec<f64>> {
            Ok(values)
        }
        fn broadcast(&self, bytes: Vec<u8>) -> crate::Result<Vec<u8>> {
            Ok(bytes)
        }
        fn gather(&self, _bytes: Vec<u8>) -> crate::Result<Vec<Vec<u8>>> {
            Ok(Vec::new())
        }
        fn barrier(&self) -> crate::Result<()> {
            Ok(())
        }
        fn fail(&self, _problem: &str) {}
    }
}

for_each_autodiff_backend!(
    a_group_makes_the_steps_of_one_process_bit_for_bit,
    micro_batches_in_a_group_add_up_to_the_batch,
    what_is_of_the_whole_batch_is_of_all_processes,
    feature_matching_is_over_the_whole_batch,
    synchronized_batch_norms_are_those_of_the_whole_batch,
);
