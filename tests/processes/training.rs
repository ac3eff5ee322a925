//! The runs that the tests start.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use burn_gan::burn::backend::{Autodiff, Flex};
use burn_gan::burn::module::{Module, ModuleVisitor, Param};
use burn_gan::burn::tensor::{Device, Tensor};
use burn_gan::data::{Dataset, LabelledDataset, MemoryDataset, Mixture};
use burn_gan::models::{
    DcganDiscriminatorConfig, DcganGeneratorConfig, MlpDiscriminatorConfig, MlpGeneratorConfig,
    R3ganDiscriminatorConfig, R3ganGeneratorConfig,
};
use burn_gan::network::{
    Augmentation, ConditionRule, DiffAugment, TrainableDiscriminator, TrainableGenerator,
};
use burn_gan::objective::{Augment, Loss, Objective, Term};
use burn_gan::process::{Alone, Mpi, Patience, ProcessGroup};
use burn_gan::random::Stream;
use burn_gan::step::{EmaConfig, Hooks, OptimizerConfig};
use burn_gan::train::health::Policy;
use burn_gan::train::{
    Checkpoints, Interrupt, Notice, Observer, Ramp, Rhythm, Schedule, Start, StepEvent, Trainer,
    TrainerConfig,
};
use burn_gan::{Error, Gan, Latent, Pair, Result};

use crate::child::{asked, newest, number};

type B = Autodiff<Flex>;

/// Says what happens.
struct Says {
    pause: Duration,
}

impl<P: Pair> Observer<P> for Says {
    fn observe(&mut self, event: &StepEvent<'_, P>) -> Result<()> {
        println!("step {} made", event.step);
        std::thread::sleep(self.pause);
        Ok(())
    }

    fn notice(&mut self, notice: &Notice) {
        println!("rank 0 notice {}: {notice}", notice.name());
    }

    fn shows_notices(&self) -> bool {
        true
    }
}

fn config(steps: u64, objective: Objective) -> TrainerConfig {
    TrainerConfig::new(steps, 12, Latent::normal(4))
        .with_seed(7)
        .with_objective(objective)
        .with_optimizers(OptimizerConfig::adam(1e-2).with_betas(0.0, 0.9))
        .with_schedule(Schedule::Cosine { floor: 0.1 })
        .with_ramp(Ramp::cosine("generator_optimizer.beta_2", 0.99, steps))
        .with_ema(EmaConfig::half_life(100.0).with_ramp_up(0.1))
}

/// Points, or noise in the shape of images.
fn points(count: usize) -> MemoryDataset<2> {
    let points = Mixture::ring().sample(count, &mut Stream::new(3, "points"));
    MemoryDataset::new(points, [2]).expect("pairs of numbers")
}

fn images(channels: usize) -> MemoryDataset<4> {
    let pixels = Stream::new(5, "pixels").uniform(40 * channels * 64, -1.0, 1.0);
    MemoryDataset::new(pixels, [channels, 8, 8]).expect("whole images")
}

/// Points that can't be read once some batches were.
struct Failing {
    points: MemoryDataset<2>,
    /// Batches that are given before.
    good: AtomicUsize,
}

impl Dataset<B> for Failing {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn len(&self) -> usize {
        Dataset::<B>::len(&self.points)
    }

    fn batch(&self, indices: &[usize], device: &Device<B>) -> Result<(Tensor<B, 2>, ())> {
        // The training's batches have four samples.
        let counts = indices.len() == 4;
        if counts && self.good.fetch_sub(1, Ordering::SeqCst) == 0 {
            self.good.store(0, Ordering::SeqCst);
            return Err(Error::data("points.bin", "is cut short"));
        }
        self.points.batch(indices, device)
    }
}

/// Makes one step with a rate at which everything explodes, once in a process.
struct Jump(Option<u64>);

impl<P: Pair> Hooks<P> for Jump {
    fn optimizers(
        &mut self,
        step: u64,
        generator: OptimizerConfig,
        discriminator: OptimizerConfig,
    ) -> (OptimizerConfig, OptimizerConfig) {
        match self.0.take_if(|at| *at == step) {
            Some(_) => (generator, OptimizerConfig::sgd(2e3, 0.0)),
            None => (generator, discriminator),
        }
    }
}

/// Of each of a module's tensors, running statistics too, a sum with weights of their own.
fn projections<M: Module<B>>(module: &M) -> Vec<f32> {
    struct Reader(Vec<f32>);
    impl ModuleVisitor<B> for Reader {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
            let values = param.val().into_data().to_vec::<f32>();
            let values = values.expect("single precision").into_iter();
            let weighted = values
                .enumerate()
                .map(|(index, x)| x * (index as f32).cos());
            self.0.push(weighted.sum());
        }
    }
    let mut reader = Reader(Vec::new());
    module.visit(&mut reader);
    reader.0
}

struct Case {
    group: Box<dyn ProcessGroup>,
    rank: usize,
}

/// The networks of `rank`: each process brings others, so that all that counts is handed on.
impl Case {
    fn run<G, D>(
        &self,
        config: TrainerConfig,
        (generator, discriminator): (G, D),
        data: &impl Dataset<B, Sample = G::Sample, Condition = G::Condition>,
    ) where
        G: TrainableGenerator<B>,
        D: TrainableDiscriminator<B, Sample = G::Sample, Condition = G::Condition>,
    {
        let folder = std::path::PathBuf::from(asked("FOLDER").expect("an order"));
        let device = Default::default();
        let stored = newest(&folder).is_some();
        let seed = if stored { 100 } else { 1 } + self.rank as u64;
        let gan = Gan::<_, _, B>::seeded(generator, discriminator, seed, &device);
        let interrupt = Interrupt::on_signals().expect("signal handlers");
        let case = asked("CASE").expect("a case");
        let every = match case.as_str() {
            "stored" => 3,
            "rolled back" => 5,
            _ => 0,
        };
        let pause = match case.as_str() {
            "slow" | "stored" => Duration::from_millis(5),
            _ => Duration::ZERO,
        };
        println!("rank {} process {}", self.rank, std::process::id());
        let run = Trainer::new(config.with_micro_batches(number("PARTS") as usize), &device)
            .expect("valid settings")
            .with_group(&*self.group)
            .with_checkpoints(Checkpoints::new(&folder).every(every).start(Start::Resume))
            .stop_on(&interrupt)
            .with_hooks(Jump((case == "rolled back").then_some(15)))
            .observe(Rhythm::Every(1), Says { pause })
            .run(gan, data);
        match run {
            Ok(run) => {
                println!("rank {} ended {}", self.rank, run.ending);
                if run.ending.is_finished() {
                    println!("rank {} digest {}", self.rank, run.state.digest());
                    let numbers = projections(&run.state.gan);
                    println!("rank {} numbers {numbers:?}", self.rank);
                }
                self.group.barrier().expect("all are done");
                let code = run.ending.exit_code();
                if code > 0 {
                    self.leave(code);
                }
            }
            Err(error) => {
                println!("rank {} error {error}", self.rank);
                self.leave(1);
            }
        }
    }

    /// As a program ends, not a test.
    fn leave(&self, code: u8) -> ! {
        // Dropping it would end MPI; a program's exit does not.
        self.group.fail("a test is over");
        finish();
        std::process::exit(code.into());
    }

    fn mlp(&self, width: usize) -> impl Fn() -> (MlpGeneratorConfig, MlpDiscriminatorConfig) {
        move || {
            (
                MlpGeneratorConfig::new(4, [2]).with_hidden([width, 16]),
                MlpDiscriminatorConfig::new([2]).with_hidden([16, 16]),
            )
        }
    }
}

static GROUP: std::sync::OnceLock<Option<Mpi>> = std::sync::OnceLock::new();

fn finish() {
    if let Some(Some(group)) = GROUP.get() {
        group.finish();
    }
}

pub fn train(case: &str) {
    let device: Device<B> = Default::default();
    let steps = number("STEPS");
    let mpi = GROUP.get_or_init(|| {
        Mpi::has_started_this().then(|| {
            let silence = asked("SILENCE").map_or(20, |_| number("SILENCE"));
            let patience = Patience::default().with_silence(Duration::from_secs(silence));
            Mpi::with_patience(patience).expect("MPI")
        })
    });
    let group: Box<dyn ProcessGroup> = match mpi {
        Some(mpi) => Box::new(mpi),
        None => Box::new(Alone),
    };
    let rank = group.rank();
    let case_of = Case { group, rank };
    let own = |width: usize| {
        let (generator, discriminator) = case_of.mlp(width)();
        (
            generator.init::<B, 2>(&device).expect("valid settings"),
            discriminator.init::<B, 2>(&device).expect("valid settings"),
        )
    };
    let is_second = rank == 1;
    let recommended = || config(steps, Objective::recommended());
    match case {
        "recommended" | "stored" | "slow" => {
            let config = recommended().with_gradient_clipping(5.0);
            case_of.run(config, own(16), &points(96));
        }
        "uneven" => case_of.run(recommended(), own(16), &points(96)),
        "other settings" => {
            let rate = if is_second { 2e-2 } else { 1e-2 };
            let config = recommended().with_optimizers(OptimizerConfig::adam(rate));
            case_of.run(config, own(16), &points(96));
        }
        "other data" => {
            let mut points = points(96).values().into_owned();
            points[0] += if is_second { 0.5 } else { 0.0 };
            // Without a digest, which would tell already.
            let points = MemoryDataset::<2>::new(points, [2]).expect("pairs of numbers");
            let data = Failing {
                points,
                good: AtomicUsize::new(usize::MAX),
            };
            case_of.run(recommended(), own(16), &data);
        }
        "less data" => {
            let count = if is_second { 95 } else { 96 };
            case_of.run(recommended(), own(16), &points(count));
        }
        "other networks" => {
            let width = if is_second { 8 } else { 16 };
            case_of.run(recommended(), own(width), &points(96));
        }
        "dragan" => {
            let objective = Objective::new(Loss::Hinge).with_term(Term::dragan(10.0));
            case_of.run(config(steps, objective), own(16), &points(96));
        }
        "failing data" => {
            let data = Failing {
                points: points(96),
                // Four that are looked at first, one that the objective is tried on, four steps.
                good: AtomicUsize::new(if rank == 2 { 9 } else { usize::MAX }),
            };
            case_of.run(recommended(), own(16), &data);
        }
        "rolled back" => {
            let sgd = OptimizerConfig::sgd(0.05, 0.0);
            let mut config = recommended().with_optimizers(sgd);
            config.ramps.clear();
            config.health.every = 1;
            config.health.explosion.loss_ratio = 20.0;
            config.health.explosion.policy = Policy::rollback();
            case_of.run(config, own(16), &points(96));
        }
        "wgan_gp" => {
            let config = config(steps, Objective::wgan_gp()).with_discriminator_steps(2);
            case_of.run(config, own(16), &points(96));
        }
        "ac_gan" => {
            let objective =
                Objective::new(Loss::NonSaturating).with_term(Term::auxiliary_class(1.0));
            let config = config(steps, objective).with_conditions(ConditionRule::Uniform);
            let (generator, discriminator) = case_of.mlp(16)();
            let networks = (
                generator
                    .init_conditional::<B, 2>(3, &device)
                    .expect("valid settings"),
                discriminator
                    .init_classifying::<B, 2>(3, &device)
                    .expect("valid settings"),
            );
            let labels = (0..96).map(|index| index % 3).collect();
            let data: LabelledDataset<2> = points(96).with_labels(labels, 3).expect("labels");
            case_of.run(config, networks, &data);
        }
        "diff_augment" => {
            let augment = Augment::diff_augment(DiffAugment::ALL);
            let objective = Objective::new(Loss::Hinge).with_augment(augment);
            let noise = Augmentation::Noise { std: 0.1 };
            let objective = objective.with_term(Term::consistency(1.0, noise));
            let networks = (
                MlpGeneratorConfig::new(4, [3, 8, 8])
                    .with_hidden([16])
                    .init::<B, 4>(&device)
                    .expect("valid settings"),
                MlpDiscriminatorConfig::new([3, 8, 8])
                    .with_hidden([16])
                    .init::<B, 4>(&device)
                    .expect("valid settings"),
            );
            case_of.run(config(steps, objective), networks, &images(3));
        }
        "batch_norm" | "local_batch_norm" => {
            let networks = (
                DcganGeneratorConfig::new(4, [3, 8, 8])
                    .with_width(4)
                    .init::<B>(&device)
                    .expect("valid settings"),
                DcganDiscriminatorConfig::new([3, 8, 8])
                    .with_width(4)
                    .with_batch_norm(true)
                    .init::<B>(&device)
                    .expect("valid settings"),
            );
            let objective = Objective::new(Loss::NonSaturating).with_term(Term::r1(0.3));
            let config = config(steps, objective)
                .with_optimizers(OptimizerConfig::sgd(0.05, 0.0))
                .with_synchronized_batch_norm(case == "batch_norm");
            case_of.run(
                TrainerConfig {
                    ramps: Vec::new(),
                    ..config
                },
                networks,
                &images(3),
            );
        }
        "r3gan" => {
            let networks = (
                R3ganGeneratorConfig::new(4, [1, 8, 8])
                    .with_widths([8, 8])
                    .with_group_width(4)
                    .init::<B>(&device)
                    .expect("valid settings"),
                R3ganDiscriminatorConfig::new([1, 8, 8])
                    .with_widths([8, 8])
                    .with_group_width(4)
                    .init::<B>(&device)
                    .expect("valid settings"),
            );
            case_of.run(config(steps, Objective::r3gan(0.5)), networks, &images(1));
        }
        other => panic!("no case is called {other}"),
    }
    finish();
}
