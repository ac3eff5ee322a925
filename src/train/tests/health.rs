//! Faults planted into real runs: each is found within 50 steps and called by its name.

use crate::pair::Pair;
use crate::train::observe_fn;
use std::path::Path;

use burn::backend::Autodiff;
use burn::module::{Module, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};

use crate::data::{BatchPlan, Loading, MemoryDataset, Mixture};
use crate::models::{MlpDiscriminator, MlpDiscriminatorConfig, MlpGenerator, MlpGeneratorConfig};
use crate::network::Network;
use crate::network::{self, Generator};
use crate::nn::Activation;
use crate::objective::{Loss, Objective, Term};
use crate::random::Stream;
use crate::records;
use crate::report::Severity;
use crate::step::{EmaConfig, Hooks, OptimizerConfig};
use crate::testing::{Cpu, for_each_autodiff_backend, parameters, values};
use crate::train::health::{
    Explosion, Finding, FindingKind, HealthConfig, LossPart, NonFinite, Policy,
};
use crate::train::tests::networks::restless;
use crate::train::{
    Checkpoints, Ending, Interrupt, Notice, Rhythm, Run, Start, StepEvent, Trainer, TrainerConfig,
};
use crate::{Gan, Latent};

type Draws<B> = MlpGenerator<B, 2>;
type Judges<B> = MlpDiscriminator<B, 2>;
type Mlps<B> = Gan<Draws<B>, Judges<B>, B>;
type Event<'a, B> = StepEvent<'a, Mlps<B>>;

/// The step that meets what [`spoilt`] spoils, with [`config`]'s batches.
const SPOILT: u64 = 28;

fn mlps<B: AutodiffBackend>() -> Mlps<B> {
    let device = Default::default();
    let generator = MlpGeneratorConfig::new(3, [2])
        .with_hidden([16])
        .with_output(Activation::Identity);
    let discriminator = MlpDiscriminatorConfig::new([2]).with_hidden([16, 16]);
    Gan::seeded(
        generator.init(&device).expect("valid settings"),
        discriminator.init(&device).expect("valid settings"),
        1,
        &device,
    )
}

fn points(values: Vec<f32>) -> MemoryDataset<2> {
    MemoryDataset::new(values, [2]).expect("pairs of numbers")
}

fn ring() -> Vec<f32> {
    Mixture::ring().sample(480, &mut Stream::new(3, "points"))
}

/// One NaN, behind what preflight looks at, in a data set that nobody has looked through.
fn spoilt() -> MemoryDataset<2> {
    let mut values = ring();
    values[2 * (8 * (SPOILT as usize - 1) + 5)] = f32::NAN;
    MemoryDataset::unchecked(values, [2])
}

/// Healthy settings; sample 8·k + i is the i-th of step k + 1.
fn config(steps: u64) -> TrainerConfig {
    TrainerConfig::new(steps, 8, Latent::normal(3))
        .with_seed(7)
        .with_batches(BatchPlan::new(8).with_shuffle(false))
        .with_objective(Objective::recommended())
        .with_optimizers(adam(1e-3))
}

fn adam(rate: f64) -> OptimizerConfig {
    OptimizerConfig::adam(rate).with_betas(0.0, 0.99)
}

fn trainer<'a, G, D, B>(config: TrainerConfig) -> Trainer<'a, Gan<G, D, B>>
where
    B: AutodiffBackend,
    G: network::TrainableGenerator<B>,
    D: network::TrainableDiscriminator<B, Sample = G::Sample, Condition = G::Condition>,
{
    Trainer::new(config, &Default::default()).expect("valid settings")
}

fn names(findings: &[Finding]) -> Vec<&'static str> {
    findings.iter().map(Finding::name).collect()
}

/// The first finding of this name, which must come within 50 steps.
#[track_caller]
fn found<'a>(findings: &'a [Finding], name: &str) -> &'a Finding {
    let found = findings.iter().find(|finding| finding.name() == name);
    let found = found.unwrap_or_else(|| panic!("no {name} in {findings:?}"));
    assert!(found.step <= 50, "{found}");
    found
}

/// The findings among a run's notices.
fn told(notices: &[Notice]) -> Vec<Finding> {
    let finding = |notice: &Notice| match notice {
        Notice::Finding(finding) => Some(finding.clone()),
        _ => None,
    };
    notices.iter().filter_map(finding).collect()
}

/// From which step to which, and the factor on the rates then.
fn rollbacks(notices: &[Notice]) -> Vec<(u64, u64, f64)> {
    let rollback = |notice: &Notice| match *notice {
        Notice::RolledBack {
            from,
            to,
            rate_scale,
        } => Some((from, to, rate_scale)),
        _ => None,
    };
    notices.iter().filter_map(rollback).collect()
}

/// The steps that a folder holds checkpoints of, in order.
fn stored(folder: &Path) -> Vec<u64> {
    let mut steps: Vec<u64> = std::fs::read_dir(folder)
        .expect("a folder")
        .filter_map(|entry| {
            let name = entry.expect("an entry").file_name().into_string().ok()?;
            let step = name.strip_prefix("step-")?.strip_suffix(".checkpoint")?;
            step.parse().ok()
        })
        .collect();
    steps.sort_unstable();
    steps
}

/// Makes the gradient of the generator's last bias NaN.
struct Spoil {
    /// In this step, from 1.
    step: u64,
    /// So often, if the run comes there again.
    times: usize,
    now: u64,
}

impl Spoil {
    fn new(step: u64, times: usize) -> Self {
        let now = 0;
        Self { step, times, now }
    }
}

impl<B: AutodiffBackend> Hooks<Gan<Draws<B>, Judges<B>, B>> for Spoil {
    fn optimizers(
        &mut self,
        step: u64,
        generator: OptimizerConfig,
        discriminator: OptimizerConfig,
    ) -> (OptimizerConfig, OptimizerConfig) {
        self.now = step + 1;
        (generator, discriminator)
    }

    fn generator_gradients(
        &mut self,
        generator: &Draws<B>,
        mut gradients: GradientsParams,
    ) -> GradientsParams {
        if self.now != self.step || self.times == 0 {
            return gradients;
        }
        self.times -= 1;
        let bias = records::parameters::<B, _>(generator)
            .pop()
            .expect("a parameter");
        assert_eq!(bias.about.name, "mlp.layers.1.bias");
        let gradient = gradients
            .remove::<B::InnerBackend, 1>(bias.id)
            .expect("a gradient");
        gradients.register(bias.id, gradient.mul_scalar(f64::NAN));
        gradients
    }
}

/// Learning rates far too high from this step on, counted from 1.
struct Raise {
    from: u64,
    rate: f64,
}

impl<P: Pair> Hooks<P> for Raise {
    fn optimizers(
        &mut self,
        step: u64,
        generator: OptimizerConfig,
        discriminator: OptimizerConfig,
    ) -> (OptimizerConfig, OptimizerConfig) {
        if step + 1 < self.from {
            return (generator, discriminator);
        }
        (adam(self.rate), adam(self.rate))
    }
}

fn a_nan_in_the_data_halts_the_run_and_is_told_by_its_first_step<B: AutodiffBackend>() {
    let folder = tempfile::tempdir().expect("a folder");
    let plan = || Checkpoints::new(folder.path()).every(1).keep(100);
    let run = trainer(config(100))
        .with_checkpoints(plan())
        .run(mlps::<B>(), &spoilt())
        .expect("a run");
    let Ending::Halted(finding) = &run.ending else {
        panic!("{}", run.ending);
    };
    let sample = 8 * (SPOILT as usize - 1) + 5;
    let first = FindingKind::NonFiniteLoss {
        which: LossPart::Discriminator,
        step: SPOILT,
        value: NonFinite::Nan,
        samples: vec![sample],
    };
    let words = format!("sample {sample} of the data");
    assert!(finding.to_string().contains(&words), "{finding}");
    assert_eq!((finding.step, &finding.kind), (30, &first));
    assert_eq!(run.state.step, 30);
    assert_eq!(
        names(&run.findings),
        [
            "non_finite_loss",
            "non_finite_gradient",
            "non_finite_gradient",
            "non_finite_weight"
        ]
    );
    assert_eq!(&run.findings[0], finding);
    let lost: Vec<(&Network, &str)> = run.findings[1..3]
        .iter()
        .map(|finding| match &finding.kind {
            FindingKind::NonFiniteGradient {
                network, parameter, ..
            } => (network, parameter.as_str()),
            _ => panic!("{finding}"),
        })
        .collect();
    let weight = "mlp.layers.0.weight";
    let expected = [
        (&Network::Discriminator, weight),
        (&Network::Generator, weight),
    ];
    assert_eq!(lost, expected);
    let all = FindingKind::NonFiniteWeight {
        parameter: "generator.mlp.layers.0.weight".to_owned(),
        parameters: 4 + 6,
    };
    assert_eq!(run.findings[3].kind, all);
    assert_eq!(told(&run.notices), run.findings);

    // Steps 28 to 30 left nothing worth storing.
    assert_eq!(stored(folder.path()), (1..SPOILT).collect::<Vec<_>>());
    let interrupt = Interrupt::new();
    interrupt.request();
    let last = trainer(config(100))
        .with_checkpoints(plan().start(Start::Resume))
        .stop_on(&interrupt)
        .run(mlps::<B>(), &spoilt())
        .expect("a run");
    assert_eq!(last.state.step, SPOILT - 1);
    let weights = parameters::<B, _>(&last.state.gan).concat();
    assert!(weights.iter().all(|weight| weight.is_finite()));
}

fn a_gradient_alone_that_is_nan_is_told_by_its_parameter<B: AutodiffBackend>() {
    let run = |step| {
        trainer(config(100))
            .with_hooks(Spoil::new(step, 1))
            .run(mlps::<B>(), &points(ring()))
            .expect("a run")
    };
    let run_to_check = run(30);
    let gradient = FindingKind::NonFiniteGradient {
        network: Network::Generator,
        parameter: "mlp.layers.1.bias".to_owned(),
        parameters: 1,
        value: NonFinite::Nan,
    };
    let weight = FindingKind::NonFiniteWeight {
        parameter: "generator.mlp.layers.1.bias".to_owned(),
        parameters: 1,
    };
    let kinds = |findings: &[Finding]| -> Vec<_> {
        let kinds = findings.iter().map(|finding| finding.kind.clone());
        kinds.collect()
    };
    assert_eq!(kinds(&run_to_check.findings), [gradient, weight]);
    assert!(matches!(run_to_check.ending, Ending::Halted(_)));
    assert_eq!(run_to_check.state.step, 30);

    // Between two checks the loss of the step behind it shows it first.
    let run_between = run(33);
    let loss = FindingKind::NonFiniteLoss {
        which: LossPart::Discriminator,
        step: 34,
        value: NonFinite::Nan,
        // The data is not at fault.
        samples: Vec::new(),
    };
    assert_eq!(run_between.findings[0].kind, loss);
    assert_eq!(run_between.findings[0].step, 40);
}

fn a_number_that_is_not_finite_is_found_at_the_end_of_a_run<B: AutodiffBackend>() {
    // No multiple of 10 comes between the fault and the end.
    let run = trainer(config(SPOILT + 1))
        .run(mlps::<B>(), &spoilt())
        .expect("a run");
    assert!(matches!(run.ending, Ending::Halted(_)), "{}", run.ending);
    assert_eq!(run.findings[0].name(), "non_finite_loss");
    assert_eq!(run.findings[0].step, SPOILT + 1);
}

fn a_learning_rate_of_ten_is_an_explosion_before_anything_else<B: AutodiffBackend>() {
    let run = trainer(config(50).with_optimizers(adam(10.0)))
        .run(mlps::<B>(), &points(ring()))
        .expect("a run");
    let first = run.findings.first().expect("a finding");
    assert_eq!((first.name(), first.step), ("loss_explosion", 10));
    assert_eq!(first.severity(), Severity::Warning);
    found(&run.findings, "gradient_explosion");
}

fn the_first_step_of_an_explosion_is_the_one_whose_loss_exploded<B: AutodiffBackend>() {
    let mut losses = Vec::new();
    let run = trainer(config(40))
        .with_hooks(Raise {
            from: 23,
            rate: 10.0,
        })
        .observe(
            Rhythm::Every(1),
            observe_fn(|event: &Event<'_, B>| {
                let outcome = event.outcome;
                let penalty = outcome
                    .discriminator_terms
                    .clone()
                    .expect("R1 is due in every step");
                losses.push([
                    values(outcome.discriminator_loss.clone())[0],
                    values(penalty)[0],
                    values(outcome.generator_loss.clone())[0],
                ]);
                Ok(())
            }),
        )
        .run(mlps::<B>(), &points(ring()))
        .expect("a run");
    let finding = found(&run.findings, "loss_explosion");
    let &FindingKind::LossExplosion { step, value, .. } = &finding.kind else {
        unreachable!("it has this name");
    };
    assert_eq!(finding.step, 30);
    // Of penalty and generator what is usual is below 1, which then stands for it.
    let healthy = losses[..20].iter();
    assert!(
        healthy
            .clone()
            .all(|losses| losses[1] < 1.0 && losses[2] < 1.0)
    );
    let mean = healthy.map(|losses| losses[0]).sum::<f64>() / 20.0;
    let exploded = |losses: &[f64; 3]| {
        let bounds = [1e3 * mean, 1e3, 1e3];
        losses
            .iter()
            .zip(bounds)
            .any(|(loss, bound)| loss.abs() > bound)
    };
    let first = losses.iter().position(exploded).expect("an explosion") as u64 + 1;
    assert!((23..=30).contains(&first), "{first}");
    assert_eq!(step, first);
    assert!(losses[step as usize - 1].contains(&value), "{value}");
}

/// Draws one point, whatever the latent.
#[derive(Module, Debug)]
struct Constant<B: Backend> {
    point: Param<Tensor<B, 2>>,
}

impl<B: Backend> Generator<B> for Constant<B> {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn generate(&self, latent: Tensor<B, 2>, _condition: &()) -> Tensor<B, 2> {
        self.point.val().repeat_dim(0, latent.dims()[0])
    }
}

fn a_generator_of_one_sample_has_collapsed<B: AutodiffBackend>() {
    let generator = Constant {
        point: Param::from_tensor(Tensor::ones([1, 2], &Default::default())),
    };
    let gan = Gan::new(generator, mlps::<B>().discriminator);
    let run = trainer(config(50)).run(gan, &points(ring())).expect("run");
    let finding = found(&run.findings, "generator_collapse");
    // It is judged from step 21 on.
    assert_eq!(finding.step, 30);
    assert!(
        matches!(finding.kind, FindingKind::GeneratorCollapse { fake, real, ratio }
            if fake == 0.0 && real > 1.0 && ratio == 0.0),
        "{finding}"
    );
    assert!(run.ending.is_finished());
}

/// Points that generated ones are far from, a discriminator that learns fast, and a generator
/// that does not learn.
fn apart(steps: u64, loss: Loss) -> (TrainerConfig, MemoryDataset<2>) {
    let config = config(steps)
        .with_objective(Objective::new(loss))
        .with_generator_optimizer(adam(1e-9))
        .with_discriminator_optimizer(adam(0.1));
    let far = ring().into_iter().map(|x| x + 5.0).collect();
    (config, points(far))
}

fn a_discriminator_that_separates_at_once_is_saturated<B: AutodiffBackend>() {
    let (config, data) = apart(50, Loss::NonSaturating);
    let run = trainer(config).run(mlps::<B>(), &data).expect("a run");
    let finding = found(&run.findings, "discriminator_saturated");
    assert!(
        matches!(finding.kind, FindingKind::DiscriminatorSaturated { separated, checks, .. }
            if separated == 1.0 && checks == 3),
        "{finding}"
    );
    assert_eq!(finding.severity(), Severity::Info);
    assert_eq!(&run.findings[0], finding);
}

fn the_minimax_loss_of_a_beaten_generator_has_no_gradient<B: AutodiffBackend>() {
    let (config, data) = apart(50, Loss::Minimax);
    let prepared = config
        .clone()
        .with_discriminator_optimizer(adam(1.0))
        .with_health(HealthConfig::off());
    let separated = trainer(prepared).run(mlps::<B>(), &data).expect("a run");
    let vanished = |gan: Mlps<B>, rate: f64| {
        let config = config.clone().with_discriminator_optimizer(adam(rate));
        let run = trainer(config).run(gan, &data).expect("a run");
        let vanished = run.findings.iter().find_map(|finding| match finding.kind {
            FindingKind::GradientVanishing {
                network: Network::Generator,
                norm,
                usual,
            } => Some((finding.step, norm, usual)),
            _ => None,
        });
        vanished.unwrap_or_else(|| panic!("{:?}", run.findings))
    };
    // Beaten from the first step on: checks 1, 10 and 20 are three in a row.
    let (step, norm, usual) = vanished(separated.state.gan, 1e-3);
    assert_eq!(step, 20);
    assert!(norm < 1e-10 && usual < 1e-10, "{norm}, {usual}");
    // Beaten by and by: there was a gradient at first.
    let (step, norm, usual) = vanished(mlps(), 0.5);
    assert!(step <= 50 && usual > 1e-3, "{step}, {usual}");
    assert!(norm < 1e-4 * usual, "{norm}, {usual}");
}

/// Draws from the very distribution of the images: they can be told apart only one by one.
#[derive(Module, Debug)]
struct Scaled<B: Backend> {
    factor: Param<Tensor<B, 1>>,
}

impl<B: Backend> Generator<B> for Scaled<B> {
    type Sample = Tensor<B, 4>;
    type Condition = ();

    fn generate(&self, latent: Tensor<B, 2>, _condition: &()) -> Tensor<B, 4> {
        let images = latent.reshape([-1, 1, 8, 8]);
        images * self.factor.val().reshape([1, 1, 1, 1])
    }
}

fn a_discriminator_that_learns_64_images_by_heart_overfits<B: AutodiffBackend>() {
    let device = Default::default();
    let images = |seed| {
        let values = Stream::new(seed, "images").normal(64 * 64);
        MemoryDataset::<4>::new(values, [1, 8, 8]).expect("64 images")
    };
    let run = |known: u64, unseen: u64| {
        let generator = Scaled {
            factor: Param::from_tensor(Tensor::ones([1], &device)),
        };
        let discriminator = MlpDiscriminatorConfig::new([1, 8, 8]).with_hidden([256]);
        let discriminator = discriminator.init::<B, 4>(&device).expect("valid settings");
        let gan = Gan::<_, _, B>::seeded(generator, discriminator, 1, &device);
        let config = TrainerConfig::new(50, 32, Latent::normal(64))
            .with_generator_optimizer(OptimizerConfig::adam(1e-6))
            .with_discriminator_optimizer(OptimizerConfig::adam(3e-3));
        trainer(config)
            .with_held_out(images(unseen))
            .run(gan, &images(known))
            .expect("a run")
    };
    let run_unseen = run(1, 2);
    let finding = found(&run_unseen.findings, "discriminator_overfitting");
    let FindingKind::DiscriminatorOverfitting {
        gap,
        training,
        held_out,
        fake,
    } = finding.kind
    else {
        unreachable!("it has this name");
    };
    assert!(
        gap > 0.5 && training > held_out && training > fake + 0.5,
        "{finding}"
    );
    // The same discriminator on images that it knows.
    let findings = names(&run(1, 1).findings);
    assert!(
        !findings.contains(&"discriminator_overfitting"),
        "{findings:?}"
    );
}

/// Goes back where numbers are not finite.
fn going_back(rate_factor: f64, at_most: u32) -> HealthConfig {
    let policy = Policy::Rollback {
        rate_factor,
        at_most,
    };
    HealthConfig {
        non_finite: policy,
        explosion: Explosion {
            policy,
            ..Explosion::default()
        },
        ..HealthConfig::default()
    }
}

fn a_rollback_is_as_if_the_fault_had_never_been<B: AutodiffBackend>() {
    let expected = trainer(config(50))
        .run(mlps::<B>(), &points(ring()))
        .expect("a run");
    // What is read ahead of the fault is not what comes after the rollback.
    for loading in [Loading::default(), Loading::on_threads(2)] {
        let folder = tempfile::tempdir().expect("a folder");
        let config = config(50).with_health(going_back(1.0, 1));
        let run = trainer(config.with_loading(loading))
            .with_checkpoints(Checkpoints::new(folder.path()).every(20))
            .with_hooks(Spoil::new(27, 1))
            .run(mlps::<B>(), &points(ring()))
            .expect("a run");
        assert!(run.ending.is_finished());
        assert_eq!(rollbacks(&run.notices), [(30, 20, 1.0)]);
        assert_eq!(run.state.digest(), expected.state.digest());
        assert_eq!(run.findings[0].name(), "non_finite_loss");
        assert_eq!(told(&run.notices), run.findings);
    }
}

fn a_rate_that_is_too_high_is_lowered_by_a_rollback<B: AutodiffBackend>() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut rates = Vec::new();
    let run = trainer(config(60).with_health(going_back(1e-4, 3)))
        .with_checkpoints(Checkpoints::new(folder.path()).every(20))
        // After the rollback it is what it was before.
        .with_hooks(Raise {
            from: 23,
            rate: 10.0,
        })
        .observe(
            Rhythm::Every(1),
            observe_fn(|event: &Event<'_, B>| {
                assert_eq!(event.rates.generator, event.rates.discriminator);
                rates.push((event.step, event.rates.generator));
                Ok(())
            }),
        )
        .run(mlps::<B>(), &points(ring()))
        .expect("a run");
    assert!(run.ending.is_finished(), "{}", run.ending);
    assert_eq!(run.state.step, 60);
    assert_eq!(rollbacks(&run.notices), [(30, 20, 1e-4)]);
    let before = (1..=30).map(|step| (step, 1.0));
    let after = (21..=60).map(|step| (step, 1e-4));
    assert_eq!(rates, before.chain(after).collect::<Vec<_>>());

    assert_eq!(run.findings[0].name(), "loss_explosion");
    assert!(run.findings.iter().all(|finding| finding.step == 30));
    assert_eq!(told(&run.notices), run.findings);
    // The finding is told before what is done about it.
    let kinds: Vec<&str> = run.notices.iter().map(Notice::name).collect();
    let place = |name| kinds.iter().position(|kind| *kind == name);
    assert!(place("finding") < place("rolled_back"), "{kinds:?}");
    let largest = parameters::<B, _>(&run.state.gan).concat();
    assert!(largest.into_iter().all(|weight| weight.abs() < 2.0));
}

fn a_rollback_passes_over_checkpoints_made_since_the_fault<B: AutodiffBackend>() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = trainer(config(60).with_health(going_back(1e-4, 3)))
        .with_checkpoints(Checkpoints::new(folder.path()).every(4).keep(4))
        .with_hooks(Raise {
            from: 23,
            rate: 10.0,
        })
        .run(mlps::<B>(), &points(ring()))
        .expect("a run");
    assert!(run.ending.is_finished(), "{}", run.ending);
    // That of step 28 is finite, but six steps at that rate have blown it up.
    assert_eq!(rollbacks(&run.notices), [(30, 20, 1e-4)]);
}

fn a_fault_that_comes_back_halts_the_run_when_its_rollbacks_are_used_up<B: AutodiffBackend>() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = trainer(config(60).with_health(going_back(0.5, 2)))
        .with_checkpoints(Checkpoints::new(folder.path()).every(10))
        .run(mlps::<B>(), &spoilt())
        .expect("a run");
    assert_eq!(
        rollbacks(&run.notices),
        [(30, 20, 0.5), (30, 20, 0.25)],
        "factors multiply"
    );
    let Ending::Halted(finding) = &run.ending else {
        panic!("{}", run.ending);
    };
    assert_eq!((finding.name(), finding.step), ("non_finite_loss", 30));
    let losses = names(&run.findings)
        .into_iter()
        .filter(|name| *name == "non_finite_loss");
    assert_eq!(losses.count(), 3);
    assert_eq!(stored(folder.path()), [10, 20]);
}

fn a_rollback_without_a_checkpoint_halts<B: AutodiffBackend>() {
    let folder = tempfile::tempdir().expect("a folder");
    let late = Checkpoints::new(folder.path()).every(50);
    for plan in [None, Some(late)] {
        let mut trainer = trainer(config(60).with_health(HealthConfig::rolling_back()));
        if let Some(plan) = plan {
            trainer = trainer.with_checkpoints(plan);
        }
        let run = trainer.run(mlps::<B>(), &spoilt()).expect("a run");
        assert!(matches!(run.ending, Ending::Halted(_)), "{}", run.ending);
        assert!(rollbacks(&run.notices).is_empty());
        assert_eq!(run.state.step, 30);
    }
    assert!(stored(folder.path()).is_empty());
}

/// Steps whose vitals were measured, and the run.
fn vitals<B: AutodiffBackend>(health: HealthConfig) -> (Vec<u64>, Run<Mlps<B>>) {
    let mut measured = Vec::new();
    let run = trainer(config(40).with_health(health))
        .observe(
            Rhythm::Every(1),
            observe_fn(|event: &Event<'_, B>| {
                measured.extend(event.outcome.vitals.as_ref().map(|_| event.step));
                Ok(())
            }),
        )
        .run(mlps::<B>(), &spoilt())
        .expect("a run");
    (measured, run)
}

fn what_is_ignored_is_not_told<B: AutodiffBackend>() {
    let ignored = HealthConfig {
        non_finite: Policy::Ignore,
        ..HealthConfig::default()
    };
    let (measured, run) = vitals::<B>(ignored);
    assert_eq!(measured, [1, 10, 20, 30, 40]);
    assert!(run.ending.is_finished());
    assert!(run.findings.is_empty(), "{:?}", run.findings);
    assert!(told(&run.notices).is_empty());
    // The fault was there.
    assert!(!network::not_finite::<B, _>(&run.state.gan).is_empty());
}

fn a_watch_that_is_off_never_looks<B: AutodiffBackend>() {
    let (measured, run) = vitals::<B>(HealthConfig::off());
    assert!(measured.is_empty(), "{measured:?}");
    assert!(run.ending.is_finished());
    assert!(run.findings.is_empty() && told(&run.notices).is_empty());
}

fn what_is_logged_does_not_stop_the_run<B: AutodiffBackend>() {
    let logged = HealthConfig {
        non_finite: Policy::Log,
        ..HealthConfig::default()
    };
    let (_, run) = vitals::<B>(logged);
    assert!(run.ending.is_finished());
    assert_eq!(run.findings[0].name(), "non_finite_loss");
    // What lasts is told once.
    assert!(run.findings.iter().all(|finding| finding.step == 30));
}

fn the_watch_does_not_change_the_run<B: AutodiffBackend>() {
    let digest = |every: u64, clipping: Option<f64>| {
        let mut config = config(23)
            .with_objective(Objective::new(Loss::NonSaturating))
            .with_discriminator_steps(2)
            .with_ema(EmaConfig::half_life(40.0))
            .with_health(HealthConfig {
                every,
                ..HealthConfig::default()
            });
        config.gradient_clipping = clipping;
        let unseen = Mixture::ring().sample(50, &mut Stream::new(4, "unseen"));
        let run = trainer(config)
            .with_held_out(points(unseen))
            .run(restless::<B>(1, 8), &points(ring()))
            .expect("a run");
        assert!(run.ending.is_finished());
        run.state.digest()
    };
    let off = digest(0, None);
    let clipped = digest(0, Some(0.1));
    assert_ne!(off, clipped);
    for every in [1, 10] {
        assert_eq!(digest(every, None), off, "every {every}");
        assert_eq!(digest(every, Some(0.1)), clipped, "every {every}");
    }
}

fn a_resumed_run_finds_what_the_undisturbed_one_finds<B: AutodiffBackend>() {
    let run = |plan: Option<Checkpoints>, stop: u64| {
        let interrupt = Interrupt::new();
        let button = interrupt.clone();
        let mut trainer = trainer(config(60))
            .with_hooks(Raise {
                from: 23,
                rate: 1.0,
            })
            .stop_on(&interrupt)
            .observe(
                Rhythm::Every(1),
                observe_fn(move |event: &Event<'_, B>| {
                    if event.step == stop {
                        button.request();
                    }
                    Ok(())
                }),
            );
        if let Some(plan) = plan {
            trainer = trainer.with_checkpoints(plan);
        }
        trainer.run(mlps::<B>(), &points(ring())).expect("a run")
    };
    let whole = run(None, 99);
    let explosion = found(&whole.findings, "loss_explosion");
    let &FindingKind::LossExplosion { step: first, .. } = &explosion.kind else {
        unreachable!("it has this name");
    };
    // Stopped between the fault and the check that finds it, at that check, and behind it.
    assert!(first < explosion.step, "{explosion}");
    for stop in [first, explosion.step, explosion.step + 5] {
        let folder = tempfile::tempdir().expect("a folder");
        let plan = || {
            Checkpoints::new(folder.path())
                .every(0)
                .start(Start::Resume)
        };
        let stopped = run(Some(plan()), stop);
        assert_eq!(stopped.state.step, stop);
        let resumed = run(Some(plan()), 99);
        assert!(resumed.resumed_from.is_some() && resumed.ending.is_finished());
        assert_eq!(resumed.findings, whole.findings, "stopped behind {stop}");
        assert_eq!(resumed.state.digest(), whole.state.digest());
        // Each is told by one of the two.
        let both = [told(&stopped.notices), told(&resumed.notices)].concat();
        assert_eq!(both, whole.findings);
    }
}

for_each_autodiff_backend!(
    a_nan_in_the_data_halts_the_run_and_is_told_by_its_first_step,
    a_gradient_alone_that_is_nan_is_told_by_its_parameter,
    a_number_that_is_not_finite_is_found_at_the_end_of_a_run,
    a_learning_rate_of_ten_is_an_explosion_before_anything_else,
    the_first_step_of_an_explosion_is_the_one_whose_loss_exploded,
    a_generator_of_one_sample_has_collapsed,
    a_discriminator_that_separates_at_once_is_saturated,
    the_minimax_loss_of_a_beaten_generator_has_no_gradient,
    a_discriminator_that_learns_64_images_by_heart_overfits,
    a_rollback_is_as_if_the_fault_had_never_been,
    a_rate_that_is_too_high_is_lowered_by_a_rollback,
    a_rollback_passes_over_checkpoints_made_since_the_fault,
    a_fault_that_comes_back_halts_the_run_when_its_rollbacks_are_used_up,
    a_rollback_without_a_checkpoint_halts,
    what_is_ignored_is_not_told,
    a_watch_that_is_off_never_looks,
    what_is_logged_does_not_stop_the_run,
    the_watch_does_not_change_the_run,
    a_resumed_run_finds_what_the_undisturbed_one_finds,
);

type B = Autodiff<Cpu>;

#[test]
fn a_healthy_run_is_left_in_peace() {
    let config = TrainerConfig::new(300, 32, Latent::normal(3))
        .with_seed(42)
        .with_objective(Objective::recommended())
        .with_optimizers(adam(1e-3));
    let run = trainer(config)
        .with_held_out(points(
            Mixture::ring().sample(480, &mut Stream::new(4, "unseen")),
        ))
        .run(mlps::<B>(), &points(ring()))
        .expect("a run");
    assert!(run.ending.is_finished());
    let ill = |finding: &&Finding| finding.severity() >= Severity::Warning;
    let ill: Vec<&Finding> = run.findings.iter().filter(ill).collect();
    assert!(ill.is_empty(), "{ill:?}");
}

/// Under a penalty so heavy that the discriminator stays flat.
#[test]
fn a_discriminator_that_a_penalty_keeps_flat_learns_nothing() {
    let run = |weight: f64| {
        let config = TrainerConfig::new(540, 8, Latent::normal(3))
            .with_seed(7)
            .with_objective(Objective::new(Loss::NonSaturating).with_term(Term::r1(weight)))
            .with_optimizers(adam(1e-3));
        let run = trainer(config)
            .run(mlps::<B>(), &points(ring()))
            .expect("a run");
        run.findings
            .into_iter()
            .find(|finding| finding.name() == "discriminator_stalled")
    };
    let finding = run(1e5).expect("it is flat");
    assert_eq!(finding.step, 530);
    assert!(
        finding.to_string().contains("guessing costs 1.3863"),
        "{finding}"
    );
    assert_eq!(run(0.05), None);
}

#[test]
fn a_run_at_a_learning_rate_beyond_all_measure_is_halted_not_finished() {
    let run = trainer(config(300).with_optimizers(adam(10.0)))
        .run(mlps::<B>(), &points(ring()))
        .expect("a run");
    let Ending::Halted(finding) = &run.ending else {
        panic!("{}", run.ending);
    };
    assert_eq!((finding.name(), finding.step), ("diverged", 30));
    assert_eq!(finding.severity(), Severity::Error);
    assert_eq!(run.ending.exit_code(), 1);
}
