//! Augmentation between generator and discriminator: a program's own, with a state that adapts, and
//! the crate's with an adaptive probability.

use burn_gan::burn::backend::{Autodiff, Flex};
use burn_gan::burn::module::Module;
use burn_gan::burn::tensor::backend::Backend;
use burn_gan::burn::tensor::{Tensor, TensorData};
use burn_gan::data::{MemoryDataset, Mixture};
use burn_gan::models::{
    MlpDiscriminator, MlpDiscriminatorConfig, MlpGenerator, MlpGeneratorConfig,
};
use burn_gan::network::{Augmentation, Discriminator, Verdict};
use burn_gan::nn::{Linear, LinearConfig};
use burn_gan::objective::Probability;
use burn_gan::objective::{Augment, Loss, Memory, Objective, SampleAugment, Term};
use burn_gan::random::Stream;
use burn_gan::step::{
    OptimizerConfig, Share, StepBatch, StepSettings, TrainState, discriminator_gradients,
};
use burn_gan::train::{
    Checkpoints, Interrupt, Rhythm, Run, Start, StepEvent, Trainer, TrainerConfig, observe_fn,
};
use burn_gan::{Gan, Latent, burn};

/// Points scaled by 1 + s·u with u ~ U[−1, 1): s rises by 1/10 while the discriminator is right about
/// real samples on average, and falls otherwise.
#[derive(Debug)]
struct Breathing;

impl<B: Backend> SampleAugment<B, Tensor<B, 2>> for Breathing {
    fn apply(
        &self,
        points: Tensor<B, 2>,
        state: &[Tensor<B, 1>],
        noise: &mut Stream,
    ) -> Tensor<B, 2> {
        let [batch, _] = points.dims();
        let drawn = TensorData::new(noise.uniform(batch, -1.0, 1.0), [batch]);
        let Some(strength) = state.first() else {
            return points;
        };
        let factors = Tensor::<B, 1>::from_data(drawn, &points.device()) * strength.clone() + 1.0;
        points * factors.unsqueeze_dim(1)
    }

    fn adapt(
        &self,
        real: &Verdict<B>,
        _fake: &Verdict<B>,
        _step: u64,
        _samples: usize,
        state: &mut Memory<B>,
    ) {
        let right = real.logits.clone().mean();
        let strength = match state.pop() {
            Some(strength) => strength,
            None => right.zeros_like(),
        };
        *state = vec![(strength + right.sign() * 0.1).clamp(0.0, 1.0)];
    }

    fn strength(&self, state: &[Tensor<B, 1>]) -> Option<Tensor<B, 1>> {
        state.first().cloned()
    }
}

/// Points times two.
#[derive(Debug)]
struct Doubled;

impl<B: Backend> SampleAugment<B, Tensor<B, 2>> for Doubled {
    fn apply(
        &self,
        points: Tensor<B, 2>,
        _state: &[Tensor<B, 1>],
        _noise: &mut Stream,
    ) -> Tensor<B, 2> {
        points * 2.0
    }
}

type B = Autodiff<Flex>;
type Networks = Gan<MlpGenerator<B, 2>, MlpDiscriminator<B, 2>, B>;

fn networks(seed: u64) -> Networks {
    let device = Default::default();
    let generator = MlpGeneratorConfig::new(2, [2]).with_hidden([8]);
    let discriminator = MlpDiscriminatorConfig::new([2]).with_hidden([8]);
    Gan::seeded(
        generator.init(&device).expect("valid sizes"),
        discriminator.init(&device).expect("valid sizes"),
        seed,
        &device,
    )
}

fn data() -> MemoryDataset<2> {
    let points = Mixture::ring().sample(64, &mut Stream::new(1, "points"));
    MemoryDataset::new(points, [2]).expect("points of the plane")
}

fn config(steps: u64, augment: Augment) -> TrainerConfig {
    let objective = Objective::new(Loss::NonSaturating)
        .with_term(Term::r1(0.1))
        .with_augment(augment);
    TrainerConfig::new(steps, 16, Latent::normal(2))
        .with_seed(4)
        .with_objective(objective)
        .with_discriminator_optimizer(OptimizerConfig::adam(1e-2))
        .with_generator_optimizer(OptimizerConfig::adam(1e-4))
}

/// The run, and the strength after each step, as an observer sees it.
fn watched(
    trainer: Trainer<'_, Networks>,
    networks: Networks,
    data: &MemoryDataset<2>,
) -> (Run<Networks>, Vec<f64>) {
    let mut seen = Vec::new();
    let run = trainer
        .observe(
            Rhythm::Every(1),
            observe_fn(|event: &StepEvent<'_, Networks>| {
                let strength = event.outcome.augmentation.clone().expect("it adapts");
                seen.push(f64::from(strength.into_scalar()));
                Ok(())
            }),
        )
        .run(networks, data)
        .expect("a run");
    (run, seen)
}

#[test]
fn a_state_of_ones_own_adapts_and_is_stored() {
    let device = Default::default();
    let config = || config(30, Augment::custom::<Networks>("breathing", Breathing));
    let trainer = || Trainer::<Networks>::new(config(), &device).expect("valid settings");
    let (whole, seen) = watched(trainer(), networks(1), &data());
    assert!(whole.ending.is_finished() && seen.len() == 30);
    for pair in seen.windows(2) {
        let by = (pair[1] - pair[0]).abs();
        // It stops at 0 and at 1.
        assert!(by < 1e-6 || (by - 0.1).abs() < 1e-6, "{seen:?}");
    }
    assert!(seen.iter().any(|strength| *strength > 0.2), "{seen:?}");
    let kept = whole.state.objective.augmentation();
    assert_eq!(f64::from(kept[0].clone().into_scalar()), seen[29]);

    // Ten steps, then the rest with other weights to begin with: all that counts is stored.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let checkpoints = || Checkpoints::new(folder.path()).start(Start::Resume);
    let stop = Interrupt::new();
    let button = stop.clone();
    let first = trainer()
        .with_checkpoints(checkpoints())
        .stop_on(&stop)
        .observe(
            Rhythm::Every(1),
            observe_fn(move |event: &StepEvent<'_, Networks>| {
                if event.step == 10 {
                    button.request();
                }
                Ok(())
            }),
        )
        .run(networks(1), &data())
        .expect("a run");
    assert_eq!(first.state.step, 10);
    let (rest, seen_later) = watched(
        trainer().with_checkpoints(checkpoints()),
        networks(2),
        &data(),
    );
    assert!(rest.resumed_from.is_some());
    assert_eq!(seen_later, seen[10..]);
    assert_eq!(rest.state.digest(), whole.state.digest());
    assert_ne!(first.state.digest(), whole.state.digest());
}

/// D(x) = w·x + b.
#[derive(Module, Debug)]
struct Plane<B: Backend> {
    linear: Linear<B>,
}

impl<B: Backend> Discriminator<B> for Plane<B> {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn discriminate(&self, sample: Tensor<B, 2>, _condition: &()) -> Verdict<B> {
        self.linear.forward(sample).into()
    }
}

/// The gradient of w·(2x) + b with respect to x is 2w, not w.
#[test]
fn r1_is_with_respect_to_the_sample_before_its_augmentation() {
    type Networks = Gan<MlpGenerator<B, 2>, Plane<B>, B>;
    let device = Default::default();
    let discriminator = Plane {
        linear: LinearConfig::new(2, 1).init(&device),
    };
    let generator = networks(1).generator;
    let gan: Networks = Gan::seeded(generator, discriminator, 2, &device);
    let adam = OptimizerConfig::adam(1e-3);
    let state = TrainState::new(gan, adam, adam).expect("valid settings");
    let points = Tensor::<B, 2>::from_floats([[1.0, 2.0], [3.0, -1.0]], &device);
    let latent = Tensor::ones([2, 2], &device);
    let batch = StepBatch::<Networks>::new(points, (), latent);
    let r1 = |augment: Option<Augment>| {
        let mut objective = Objective::new(Loss::NonSaturating).with_term(Term::r1(1.0));
        objective.augment = augment;
        let settings = StepSettings::new(&objective);
        let half = discriminator_gradients(&state, &settings, &batch, Share::WHOLE);
        f64::from(half.terms.expect("it is due").into_scalar())
    };
    // D at the unit vectors less D at the origin.
    let unit = Tensor::<B, 2>::from_floats([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], &device);
    let logits = state.gan.discriminator.discriminate(unit, &()).logits;
    let logits: Vec<f64> = logits.into_data().iter::<f64>().collect();
    let squares = (logits[1] - logits[0]).powi(2) + (logits[2] - logits[0]).powi(2);
    let plain = r1(None);
    assert!((plain / (0.5 * squares) - 1.0).abs() < 1e-5, "{plain}");
    let doubled = r1(Some(Augment::custom::<Networks>("doubled", Doubled)));
    assert!((doubled / (2.0 * squares) - 1.0).abs() < 1e-5, "{doubled}");
}

/// p after each of 40 steps on points around a mean. The generator draws in [−1, 1]².
fn adapted(mean: f64) -> Vec<f64> {
    let noise = Augmentation::Noise { std: 0.1 };
    // All of the way in 400 of the 640 real samples.
    let augment = Augment::with_probability(noise, Probability::adaptive(400.0));
    let trainer = Trainer::new(config(40, augment), &Default::default()).expect("valid settings");
    let around = Mixture::new(vec![vec![mean, mean]], 0.3, None).expect("a Gaussian");
    let points = around.sample(64, &mut Stream::new(1, "points"));
    let data = MemoryDataset::new(points, [2]).expect("points of the plane");
    watched(trainer, networks(1), &data).1
}

#[test]
fn an_adaptive_probability_rises_while_the_discriminator_is_sure() {
    // Out of the generator's reach.
    let seen = adapted(5.0);
    assert!(seen[0] == 0.0 && seen[39] == 1.0, "{seen:?}");
    let moves = seen.windows(2).map(|pair| pair[1] - pair[0]);
    for (step, by) in moves.enumerate() {
        // Every fourth step moves it, by 4·16 of 400 samples; it ends at 1.
        let moved = (step + 2).is_multiple_of(4) && seen[step + 1] < 1.0;
        let began = seen[step] > 0.0;
        assert!((-1e-6..0.1601).contains(&by), "{step}: {seen:?}");
        assert!(!(moved && began) || by > 0.1599, "{step}: {seen:?}");
    }
    // In the middle of what the generator draws.
    let seen = adapted(0.0);
    assert!(seen.iter().all(|p| *p < 0.5), "{seen:?}");
}

#[test]
fn functions_that_stored_settings_do_not_have_are_missed_by_name() {
    let augment = Augment::custom::<Networks>("breathing", Breathing);
    let objective = Objective::new(Loss::Hinge).with_augment(augment);
    let stored = serde_json::to_string(&objective).expect("settings");
    let read: Objective = serde_json::from_str(&stored).expect("settings");
    assert_eq!(read, objective);
    let error = read.validate().expect_err("no functions").to_string();
    assert!(error.contains("`augment.custom` = breathing"), "{error}");
    assert!(error.contains("CustomAugment::bind"), "{error}");
}
