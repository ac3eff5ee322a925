//! Who is updated when, what is drawn, and that a seed decides it all.

use crate::network::TrainingBackend;
use crate::pair::Pair;
use crate::train::observe_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use burn::module::{AutodiffModule, Module};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};

use crate::Latent;
use crate::data::{Dataset, MemoryDataset, Mixture};
use crate::gan::Gan;
use crate::models::{
    DcganDiscriminator, DcganDiscriminatorConfig, DcganGenerator, DcganGeneratorConfig,
    MlpDiscriminator, MlpDiscriminatorConfig, MlpGenerator, MlpGeneratorConfig,
};
use crate::network::{Discriminator, Generator, Verdict};
use crate::objective::{Loss, Objective, Term};
use crate::random::Stream;
use crate::step::{Hooks, OptimizerConfig, RateFactors, StepBatch, StepSettings, TrainState, step};
use crate::testing::{for_each_autodiff_backend, parameters, values};
use crate::train::{History, Rhythm, Trainer, TrainerConfig};

type Mlps<B> = Gan<MlpGenerator<B, 2>, MlpDiscriminator<B, 2>, B>;
type Dcgans<B> = Gan<DcganGenerator<B>, DcganDiscriminator<B>, B>;

fn mlps<B: AutodiffBackend>(seed: u64, dropout: f64) -> Mlps<B> {
    let device = Default::default();
    let generator = MlpGeneratorConfig::new(3, [2]).with_hidden([8]);
    let discriminator = MlpDiscriminatorConfig::new([2])
        .with_hidden([8, 8])
        .with_dropout(dropout);
    Gan::seeded(
        generator.init(&device).expect("valid settings"),
        discriminator.init(&device).expect("valid settings"),
        seed,
        &device,
    )
}

fn dcgans<B: AutodiffBackend>() -> Dcgans<B> {
    let device = Default::default();
    let generator = DcganGeneratorConfig::new(3, [1, 8, 8]).with_width(2);
    // Two norms need three stages: the first convolution has none.
    let discriminator = DcganDiscriminatorConfig::new([1, 16, 16]).with_width(2);
    let generator = DcganGeneratorConfig {
        image: discriminator.image,
        ..generator
    };
    Gan::seeded(
        generator.init(&device).expect("valid settings"),
        discriminator.init(&device).expect("valid settings"),
        1,
        &device,
    )
}

fn points() -> MemoryDataset<2> {
    let points = Mixture::ring().sample(100, &mut Stream::new(3, "points"));
    MemoryDataset::new(points, [2]).expect("pairs of numbers")
}

fn batch<B, P>(seed: u64) -> StepBatch<P>
where
    B: TrainingBackend,
    P: Pair<Backend = B, Sample = Tensor<B, 2>, Condition = ()>,
{
    let device = Default::default();
    let indices: Vec<usize> = (0..6).collect();
    StepBatch::new(
        points().batch(&indices, &device).expect("a batch").0,
        (),
        Latent::normal(3).draw(6, &mut Stream::new(seed, "z"), &device),
    )
}

fn images<B, P>() -> StepBatch<P>
where
    B: TrainingBackend,
    P: Pair<Backend = B, Sample = Tensor<B, 4>, Condition = ()>,
{
    let device = Default::default();
    let latent = Latent::normal(3).draw(4, &mut Stream::new(1, "z"), &device);
    let real = Latent::normal(256).draw::<B>(4, &mut Stream::new(2, "x"), &device);
    StepBatch::new(real.reshape([4, 1, 16, 16]), (), latent)
}

fn state<G, D, B>(gan: Gan<G, D, B>) -> TrainState<Gan<G, D, B>>
where
    B: AutodiffBackend,
    G: crate::network::TrainableGenerator<B>,
    D: crate::network::TrainableDiscriminator<B, Sample = G::Sample, Condition = G::Condition>,
{
    let adam = OptimizerConfig::adam(1e-2);
    TrainState::new(gan, adam, adam).expect("valid settings")
}

fn each_network_is_changed_by_its_own_update_alone<B: AutodiffBackend>() {
    let objective = Objective::new(Loss::NonSaturating);
    let changed = |rates: RateFactors| {
        let before = mlps::<B>(1, 0.0);
        let (generator, discriminator) = (
            parameters::<B, _>(&before.generator),
            parameters::<B, _>(&before.discriminator),
        );
        let (after, _) = step(
            state(before),
            &StepSettings::new(&objective).with_rates(rates),
            vec![batch(1)],
            &mut (),
        );
        (
            parameters::<B, _>(&after.gan.generator) != generator,
            parameters::<B, _>(&after.gan.discriminator) != discriminator,
        )
    };
    let rates = |generator, discriminator| RateFactors {
        generator,
        discriminator,
    };
    assert_eq!(changed(rates(1.0, 1.0)), (true, true));
    assert_eq!(changed(rates(0.0, 1.0)), (false, true));
    assert_eq!(changed(rates(1.0, 0.0)), (true, false));
}

/// Every parameter of both networks, in particular those that burn would have drawn late.
fn every_parameter_is_trained<B: AutodiffBackend>() {
    #[derive(Module, Debug)]
    struct Late<B: Backend> {
        first: burn::nn::Linear<B>,
        last: burn::nn::Linear<B>,
    }
    impl<B: Backend> Late<B> {
        fn new(from: usize, to: usize) -> Self {
            let layer = |from, to| burn::nn::LinearConfig::new(from, to).init(&Default::default());
            Self {
                first: layer(from, 5),
                last: layer(5, to),
            }
        }
        fn forward(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
            self.last.forward(self.first.forward(x).tanh())
        }
    }
    #[derive(Module, Debug)]
    struct Draws<B: Backend> {
        net: Late<B>,
    }
    #[derive(Module, Debug)]
    struct Judges<B: Backend> {
        net: Late<B>,
    }
    impl<B: Backend> Generator<B> for Draws<B> {
        type Sample = Tensor<B, 2>;
        type Condition = ();
        fn generate(&self, latent: Tensor<B, 2>, _condition: &()) -> Tensor<B, 2> {
            self.net.forward(latent)
        }
    }
    impl<B: Backend> Discriminator<B> for Judges<B> {
        type Sample = Tensor<B, 2>;
        type Condition = ();
        fn discriminate(&self, sample: Tensor<B, 2>, _condition: &()) -> Verdict<B> {
            self.net.forward(sample).into()
        }
    }
    let gan = Gan::<_, _, B>::new(
        Draws {
            net: Late::new(3, 2),
        },
        Judges {
            net: Late::new(2, 1),
        },
    );
    let before = parameters::<B, _>(&gan);
    let (after, _) = step(
        state(gan),
        &StepSettings::new(&Objective::new(Loss::NonSaturating)),
        vec![batch(1)],
        &mut (),
    );
    let after = parameters::<B, _>(&after.gan);
    assert_eq!(before.len(), 8);
    for (index, (before, after)) in before.iter().zip(&after).enumerate() {
        assert_ne!(before, after, "parameter {index} was not trained");
    }
}

/// The discriminator's running statistics without its weights: norms, by their place.
fn statistics<B: AutodiffBackend>(discriminator: &DcganDiscriminator<B>) -> Vec<Vec<f64>> {
    // `visit` shows statistics that are one update old; `valid` flushes them.
    let all = parameters::<B::InnerBackend, _>(&discriminator.valid());
    // conv weight, conv bias | conv weight, gamma, beta, mean, variance | head weight, bias
    assert_eq!(all.len(), 2 + 5 + 2);
    all[5..7].to_vec()
}

/// Looks at the statistics before and after the discriminator's two passes.
#[derive(Default)]
struct Statistics {
    seen: Vec<Vec<Vec<f64>>>,
}

impl<P, B> Hooks<P> for Statistics
where
    P: Pair<Backend = B, Discriminator = DcganDiscriminator<B>>,
    B: AutodiffBackend,
{
    fn before_discriminator_step(
        &mut self,
        discriminator: DcganDiscriminator<B>,
    ) -> DcganDiscriminator<B> {
        self.seen.push(statistics(&discriminator));
        discriminator
    }

    fn discriminator_gradients(
        &mut self,
        discriminator: &DcganDiscriminator<B>,
        gradients: GradientsParams,
    ) -> GradientsParams {
        self.seen.push(statistics(discriminator));
        gradients
    }
}

fn batch_statistics_follow_the_rule<B: AutodiffBackend>() {
    let run = |objective: Objective| {
        let mut hooks = Statistics::default();
        let (after, _) = step(
            state(dcgans::<B>()),
            &StepSettings::new(&objective),
            vec![images()],
            &mut hooks,
        );
        let mut seen = hooks.seen;
        seen.push(statistics(&after.gan.discriminator));
        seen
    };
    let plain = run(Objective::new(Loss::NonSaturating));
    let [before, judged, after] = &plain[..] else {
        panic!("three looks at the statistics");
    };
    assert_ne!(before, judged, "the discriminator step updates them");
    assert_ne!(
        judged, after,
        "the generator step updates them, as in PyTorch"
    );
    let penalised = run(Objective::new(Loss::NonSaturating).with_term(Term::r1(0.1)));
    assert_eq!(penalised[1], plain[1], "the penalty leaves them alone");
}

/// A generator that counts its forward passes.
#[derive(Module, Debug)]
struct Counting<B: Backend> {
    net: MlpGenerator<B, 2>,
    #[module(skip)]
    calls: Arc<AtomicUsize>,
}

impl<B: Backend> Generator<B> for Counting<B> {
    type Sample = Tensor<B, 2>;
    type Condition = ();
    fn generate(&self, latent: Tensor<B, 2>, condition: &()) -> Tensor<B, 2> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.net.generate(latent, condition)
    }
}

fn the_last_fake_batch_serves_the_generator_step<B: AutodiffBackend>() {
    let calls = Arc::new(AtomicUsize::new(0));
    let Gan {
        generator,
        discriminator,
        ..
    } = mlps::<B>(1, 0.0);
    let gan = Gan::<_, _, B>::new(
        Counting {
            net: generator,
            calls: calls.clone(),
        },
        discriminator,
    );
    let batches = vec![batch(1), batch(2), batch(3)];
    let lazy = Objective::new(Loss::NonSaturating).with_term(Term::r1(0.1).every(2));
    let (after, outcome) = step(state(gan), &StepSettings::new(&lazy), batches, &mut ());
    assert_eq!(
        calls.load(Ordering::Relaxed),
        3,
        "one fake batch per discriminator step"
    );
    assert_eq!((after.step, after.objective.discriminator_steps()), (1, 3));
    assert!(
        outcome.discriminator_terms.is_some(),
        "due at discriminator steps 0 and 2"
    );
}

fn run<B: AutodiffBackend>(seed: u64, dropout: f64) -> (Vec<Vec<f64>>, History) {
    let mut history = History::new();
    let config = TrainerConfig::new(12, 16, Latent::normal(3))
        .with_seed(seed)
        .with_discriminator_steps(2)
        .with_objective(Objective::new(Loss::NonSaturating).with_term(Term::r1(0.1)));
    let trained = Trainer::new(config, &Default::default())
        .expect("valid settings")
        .observe(Rhythm::Every(4), &mut history)
        .run(mlps::<B>(seed, dropout), &points())
        .expect("a run");
    (parameters::<B, _>(&trained.state.gan), history)
}

fn a_seed_decides_a_run_to_the_last_bit_dropout_included<B: AutodiffBackend>() {
    let (first, history) = run::<B>(5, 0.3);
    let (again, history_again) = run::<B>(5, 0.3);
    assert_eq!(first, again);
    assert_eq!(history.readings(), history_again.readings());
    let steps: Vec<u64> = history.readings().iter().map(|r| r.step).collect();
    assert_eq!(steps, [4, 8, 12]);
    assert_ne!(run::<B>(6, 0.3).0, first);
    assert_ne!(run::<B>(5, 0.0).0, first);
}

fn runs_in_threads_are_those_of_a_program_of_their_own<B: AutodiffBackend>() {
    // With dropout and without, so that some take turns and others do not wait.
    let cases = [(5, 0.3), (6, 0.3), (7, 0.0), (8, 0.5)];
    let alone = cases.map(|(seed, dropout)| run::<B>(seed, dropout).0);
    for _ in 0..3 {
        let start = std::sync::Barrier::new(cases.len());
        let found = std::thread::scope(|scope| {
            let runs = cases.map(|(seed, dropout)| {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    run::<B>(seed, dropout).0
                })
            });
            runs.map(|run| run.join().expect("a run"))
        });
        assert_eq!(found, alone);
    }
}

/// Sets β₁ to the same value from some step on.
struct Ramp {
    from: u64,
    beta_1: f32,
}

impl<P: Pair> Hooks<P> for Ramp {
    fn optimizers(
        &mut self,
        step: u64,
        generator: OptimizerConfig,
        discriminator: OptimizerConfig,
    ) -> (OptimizerConfig, OptimizerConfig) {
        if step < self.from {
            return (generator, discriminator);
        }
        (generator.with_betas(self.beta_1, 0.999), discriminator)
    }
}

fn a_hook_changes_optimizer_settings_at_its_step<B: AutodiffBackend>() {
    let run = |ramp: Ramp| {
        let config = TrainerConfig::new(4, 16, Latent::normal(3));
        let device = Default::default();
        Trainer::new(config, &device)
            .expect("valid settings")
            .with_hooks(ramp)
            .run(mlps::<B>(1, 0.0), &points())
            .map(|trained| parameters::<B, _>(&trained.state.gan))
    };
    let plain = run(Ramp {
        from: 9,
        beta_1: 0.9,
    })
    .expect("a run");
    // The run's own β₁ is .5: setting it anew must keep what the optimiser remembers.
    assert_eq!(
        run(Ramp {
            from: 2,
            beta_1: 0.5
        })
        .expect("a run"),
        plain
    );
    assert_ne!(
        run(Ramp {
            from: 2,
            beta_1: 0.9
        })
        .expect("a run"),
        plain
    );
    let refused = run(Ramp {
        from: 2,
        beta_1: 1.0,
    })
    .expect_err("no decay rate");
    assert!(
        refused
            .to_string()
            .contains("`generator_optimizer.beta_1` = 1"),
        "{refused}"
    );
}

/// The trainer adds nothing to the step but data, latents and the schedule.
fn the_trainer_is_a_loop_around_the_step<B: AutodiffBackend>() {
    let config = TrainerConfig::new(5, 16, Latent::normal(3)).with_seed(7);
    let trained = Trainer::new(config.clone(), &Default::default())
        .expect("valid settings")
        .run(mlps::<B>(7, 0.0), &points())
        .expect("a run");

    let device = Default::default();
    let data = points();
    let mut latents = Stream::new(7, "latent");
    let batches = config.batches.epoch(100, 7, 0).expect("enough data");
    let mut by_hand = TrainState::new(
        mlps::<B>(7, 0.0),
        config.generator_optimizer,
        config.discriminator_optimizer,
    )
    .expect("valid settings");
    for indices in &batches[..5] {
        let (real, condition) = data.batch(indices, &device).expect("a batch");
        let latent = config.latent.draw(16, &mut latents, &device);
        let batch = StepBatch::new(real, condition, latent);
        let rates = RateFactors::default();
        by_hand = step(
            by_hand,
            &StepSettings::new(&config.objective).with_rates(rates),
            vec![batch],
            &mut (),
        )
        .0;
    }
    assert_eq!(
        parameters::<B, _>(&trained.state.gan),
        parameters::<B, _>(&by_hand.gan)
    );
}

for_each_autodiff_backend!(
    each_network_is_changed_by_its_own_update_alone,
    every_parameter_is_trained,
    batch_statistics_follow_the_rule,
    the_last_fake_batch_serves_the_generator_step,
    a_seed_decides_a_run_to_the_last_bit_dropout_included,
    runs_in_threads_are_those_of_a_program_of_their_own,
    the_trainer_is_a_loop_around_the_step,
    a_hook_changes_optimizer_settings_at_its_step,
);

#[test]
fn an_observer_ends_a_run_with_its_error() {
    type B = burn::backend::Autodiff<crate::testing::Cpu>;
    let config = TrainerConfig::new(10, 16, Latent::normal(3));
    let mut seen = 0;
    let result = Trainer::new(config, &Default::default())
        .expect("valid settings")
        .observe(
            Rhythm::Every(2),
            observe_fn(
                |event: &crate::train::StepEvent<
                    '_,
                    Gan<MlpGenerator<B, 2>, MlpDiscriminator<B, 2>, B>,
                >| {
                    seen = event.step;
                    if event.step == 4 {
                        return Err(crate::Error::Observer("enough".to_owned()));
                    }
                    let _ = values(event.outcome.generator_loss.clone());
                    Ok(())
                },
            ),
        )
        .run(mlps::<B>(1, 0.0), &points());
    assert!(result.expect_err("stopped").to_string().contains("enough"));
    assert_eq!(seen, 4);
}

#[test]
fn wrong_settings_are_refused_by_their_dotted_name() {
    let good = TrainerConfig::new(10, 16, Latent::normal(3));
    let refused = |config: TrainerConfig| config.validate().expect_err("wrong").to_string();
    assert!(good.validate().is_ok());
    let with = |change: fn(&mut TrainerConfig)| {
        let mut config = good.clone();
        change(&mut config);
        refused(config)
    };
    assert!(with(|c| c.steps = 0).contains("`steps` = 0"));
    assert!(with(|c| c.batches.batch_size = 0).contains("`batches.batch_size` = 0"));
    assert!(with(|c| c.discriminator_steps = 0).contains("`discriminator_steps` = 0"));
    assert!(with(|c| c.latent = Latent::normal(0)).contains("`latent.dimensions` = 0"));
    assert!(
        with(|c| c.generator_optimizer = OptimizerConfig::adam(-1.0))
            .contains("`generator_optimizer.learning_rate` = -1")
    );
    assert!(
        with(|c| c.objective.terms = vec![Term::r1(f64::NAN)])
            .contains("`objective.terms[0].weight` = NaN")
    );
}

#[test]
fn trainer_settings_survive_json() {
    let config = TrainerConfig::new(10, 16, Latent::uniform(3))
        .with_objective(Objective::new(Loss::Minimax).with_term(Term::r1(0.1).every(16)));
    let json = serde_json::to_string(&config).expect("settings serialise");
    let back: TrainerConfig = serde_json::from_str(&json).expect("settings parse");
    assert_eq!(back, config);
}
