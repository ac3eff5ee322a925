//! A run that is killed and resumed, each part in a process of its own, is the run that was never
//! disturbed: weights, averages and what the optimisers remember, bit for bit.
//!
//! This file's tests start themselves again as child processes, through `child`. Twelve kills by
//! default; `BURN_GAN_KILLS=200 cargo test --test resume kills` makes more.

mod child;

use burn_gan::train::observe_fn;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use burn_gan::burn::backend::{Autodiff, Flex, NdArray};
use burn_gan::burn::module::Module;
use burn_gan::burn::tensor::Tensor;
use burn_gan::burn::tensor::backend::{AutodiffBackend, Backend};
use burn_gan::data::{Dataset, MemoryDataset, Mixture};
use burn_gan::models::{
    DcganDiscriminatorConfig, DcganGeneratorConfig, MlpDiscriminatorConfig, MlpGeneratorConfig,
};
use burn_gan::network::{Discriminator, TrainableDiscriminator, TrainableGenerator, Verdict};
use burn_gan::nn::{Linear, LinearConfig, SpectralNorm};
use burn_gan::objective::{Loss, Objective, Term};
use burn_gan::random::Stream;
use burn_gan::step::{EmaConfig, OptimizerConfig};
use burn_gan::train::{
    Checkpoints, Interrupt, Ramp, Rhythm, Schedule, Start, StepEvent, Trainer, TrainerConfig,
};
use burn_gan::{Gan, Latent, burn};
use child::{asked, newest, number, repetitions, words};

/// With spectral norm, whose vectors are buffers.
#[derive(Module, Debug)]
struct Spectral<B: Backend> {
    hidden: SpectralNorm<B, Linear<B>>,
    output: Linear<B>,
}

impl<B: Backend> Discriminator<B> for Spectral<B> {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn discriminate(&self, sample: Tensor<B, 2>, _condition: &()) -> Verdict<B> {
        self.output
            .forward(self.hidden.forward(sample).tanh())
            .into()
    }
}

fn config(steps: u64, objective: Objective) -> TrainerConfig {
    TrainerConfig::new(steps, 4, Latent::normal(4))
        .with_seed(7)
        .with_objective(objective)
        .with_optimizers(OptimizerConfig::adam(1e-3).with_betas(0.0, 0.9))
        .with_schedule(Schedule::Cosine { floor: 0.1 })
        .with_ramp(Ramp::cosine("generator_optimizer.beta_2", 0.99, steps))
        .with_ema(EmaConfig::half_life(100.0).with_ramp_up(0.1))
}

/// What a child process is asked to do.
struct Order {
    folder: std::path::PathBuf,
    steps: u64,
    /// The step behind which it stops by itself; 0 for none.
    stop: u64,
    every: u64,
}

impl Order {
    /// Trains, and prints the state's digest where the end is reached. The first weights of a run
    /// that starts afresh are those of seed 1; whoever resumes brings others, so that all that counts
    /// comes from the checkpoint.
    fn train<G, D, B>(
        &self,
        objective: Objective,
        networks: impl FnOnce(&B::Device) -> (G, D),
        data: &impl Dataset<B, Sample = G::Sample, Condition = G::Condition>,
    ) where
        B: AutodiffBackend,
        G: TrainableGenerator<B>,
        D: TrainableDiscriminator<B, Sample = G::Sample, Condition = G::Condition>,
    {
        let device = B::Device::default();
        let seed = if newest(&self.folder).is_some() { 2 } else { 1 };
        let (generator, discriminator) = networks(&device);
        let gan = Gan::seeded(generator, discriminator, seed, &device);
        let interrupt = Interrupt::new();
        let (button, stop) = (interrupt.clone(), self.stop);
        let run = Trainer::new(config(self.steps, objective), &device)
            .expect("valid settings")
            .with_checkpoints(
                Checkpoints::new(&self.folder)
                    .every(self.every)
                    .start(Start::Resume),
            )
            .stop_on(&interrupt)
            .observe(
                Rhythm::Every(1),
                observe_fn(move |event: &StepEvent<'_, Gan<G, D, B>>| {
                    if event.step == stop {
                        button.request();
                    }
                    Ok(())
                }),
            )
            .run(gan, data)
            .expect("a run");
        if run.ending.is_finished() {
            println!("digest {}", run.state.digest());
        }
    }

    /// The ring, with a spectral norm and LeCam.
    fn ring<B: AutodiffBackend>(&self) {
        let networks = |device: &B::Device| {
            let generator = MlpGeneratorConfig::new(4, [2]).with_hidden([16, 16]);
            let discriminator = Spectral {
                hidden: SpectralNorm::new(LinearConfig::new(2, 16).init(device)),
                output: LinearConfig::new(16, 1).init(device),
            };
            (
                generator.init(device).expect("valid settings"),
                discriminator,
            )
        };
        let points = Mixture::ring().sample(30, &mut Stream::new(3, "points"));
        let data = MemoryDataset::<2>::new(points, [2]).expect("pairs of numbers");
        let objective = Objective::recommended().with_term(Term::lecam(0.1));
        self.train::<_, _, B>(objective, networks, &data);
    }

    /// Perceptrons on images, with dropout in the discriminator.
    fn mlp<B: AutodiffBackend>(&self) {
        let image = [1, 8, 8];
        let networks = |device: &B::Device| {
            let generator = MlpGeneratorConfig::new(4, image).with_hidden([16]);
            let discriminator = MlpDiscriminatorConfig::new(image)
                .with_hidden([16])
                .with_dropout(0.3);
            (
                generator.init::<B, 4>(device).expect("valid settings"),
                discriminator.init::<B, 4>(device).expect("valid settings"),
            )
        };
        let objective = Objective::new(Loss::Hinge).with_term(Term::lecam(0.1));
        self.train::<_, _, B>(objective, networks, &images(8));
    }

    /// Convolutions with batch norms.
    fn dcgan<B: AutodiffBackend>(&self) {
        let image = [1, 16, 16];
        let networks = |device: &B::Device| {
            let generator = DcganGeneratorConfig::new(4, image).with_width(8);
            let discriminator = DcganDiscriminatorConfig::new(image).with_width(8);
            (
                generator.init::<B>(device).expect("valid settings"),
                discriminator.init::<B>(device).expect("valid settings"),
            )
        };
        let objective = Objective::new(Loss::NonSaturating).with_term(Term::lecam(0.1));
        self.train::<_, _, B>(objective, networks, &images(16));
    }
}

/// Two short runs that wait for signals one after the other, and then one that a signal ends; it
/// exits as a program does. In the last run each step takes `pause`.
fn wait_for_signals(order: &Order, pause: Duration) -> ! {
    let interrupt = Interrupt::on_signals().expect("signal handlers");
    let points = Mixture::ring().sample(30, &mut Stream::new(3, "points"));
    let data = MemoryDataset::<2>::new(points, [2]).expect("pairs of numbers");
    let device = Default::default();
    let run = |name: &str, steps, pause: Duration| {
        let gan = Gan::<_, _, Autodiff<Flex>>::seeded(
            MlpGeneratorConfig::new(4, [2])
                .init::<_, 2>(&device)
                .expect("valid settings"),
            MlpDiscriminatorConfig::new([2])
                .init::<_, 2>(&device)
                .expect("valid settings"),
            1,
            &device,
        );
        let config = TrainerConfig::new(steps, 4, Latent::normal(4));
        Trainer::new(config, &device)
            .expect("valid settings")
            .with_checkpoints(Checkpoints::new(order.folder.join(name)).every(0))
            .stop_on(&interrupt)
            .observe(
                Rhythm::Every(1),
                observe_fn(|event: &StepEvent<'_, _>| {
                    println!("{name} step {}", event.step);
                    std::thread::sleep(pause);
                    Ok(())
                }),
            )
            .run(gan, &data)
            .expect("a run")
    };
    assert!(run("first", 2, Duration::ZERO).ending.is_finished());
    let ending = run("second", 1_000_000, pause).ending;
    std::process::exit(ending.exit_code().into());
}

/// Noise in the shape of images.
fn images(side: usize) -> MemoryDataset<4> {
    let pixels = Stream::new(5, "pixels").uniform(18 * side * side, -1.0, 1.0);
    MemoryDataset::new(pixels, [1, side, side]).expect("whole images")
}

/// The other half of each test: does what the environment asks for, or nothing.
#[test]
fn child() {
    let Some(case) = asked("CASE") else {
        return;
    };
    let order = Order {
        folder: asked("FOLDER").expect("an order").into(),
        steps: number("STEPS"),
        stop: number("STOP"),
        every: number("EVERY"),
    };
    match case.as_str() {
        "ring on Flex" => order.ring::<Autodiff<Flex>>(),
        "ring on NdArray" => order.ring::<Autodiff<NdArray>>(),
        "ring in double precision" => order.ring::<Autodiff<NdArray<f64>>>(),
        "MLP on Flex" => order.mlp::<Autodiff<Flex>>(),
        "signals" => wait_for_signals(&order, Duration::from_millis(20)),
        "signals in a long step" => wait_for_signals(&order, Duration::from_secs(600)),
        "DCGAN on Flex" => order.dcgan::<Autodiff<Flex>>(),
        "DCGAN on NdArray" => order.dcgan::<Autodiff<NdArray>>(),
        other => panic!("no case is called {other}"),
    }
}

/// Starts a child process on a case.
fn start(case: &str, folder: &Path, steps: u64, stop: u64, every: u64) -> Child {
    child::Order::new(case, folder)
        .with("STEPS", steps)
        .with("STOP", stop)
        .with("EVERY", every)
        .start()
}

/// The digest that a child process prints at its run's end; `None` if it stopped before.
fn digest(case: &str, child: Child) -> Option<String> {
    let output = child.wait_with_output().expect("a child process");
    let words = words(&output);
    assert!(output.status.success(), "{case}: {words}");
    words.lines().find_map(|line| {
        let start = line.find("digest ")?;
        Some(line[start + 7..].to_owned())
    })
}

fn three_processes(case: &str, steps: u64) {
    let whole = tempfile::tempdir().expect("a folder");
    let expected = digest(case, start(case, whole.path(), steps, 0, 0)).expect("the end");
    // In the middle of an epoch for most of the choices.
    let stop = 1 + std::process::id() as u64 % (steps - 1);
    let parts = tempfile::tempdir().expect("a folder");
    assert_eq!(
        digest(case, start(case, parts.path(), steps, stop, 0)),
        None,
        "{case}: it stops behind step {stop}"
    );
    let resumed = digest(case, start(case, parts.path(), steps, 0, 0));
    assert_eq!(
        resumed,
        Some(expected),
        "{case}, stopped behind step {stop}"
    );
}

#[test]
fn a_ring_on_flex_resumes_bit_for_bit() {
    three_processes("ring on Flex", 40);
}

#[test]
fn a_ring_on_ndarray_resumes_bit_for_bit() {
    three_processes("ring on NdArray", 40);
}

#[test]
fn a_ring_in_double_precision_resumes_bit_for_bit() {
    three_processes("ring in double precision", 40);
}

#[test]
fn perceptrons_with_dropout_resume_bit_for_bit() {
    three_processes("MLP on Flex", 30);
}

#[test]
fn a_dcgan_on_flex_resumes_bit_for_bit() {
    three_processes("DCGAN on Flex", 12);
}

#[test]
fn a_dcgan_on_ndarray_resumes_bit_for_bit() {
    three_processes("DCGAN on NdArray", 6);
}

#[test]
fn kills_at_random_moments_leave_no_trace() {
    let case = "ring on Flex";
    let kills = repetitions("KILLS", 12);
    let steps = 100 * kills as u64;
    let whole = tempfile::tempdir().expect("a folder");
    let expected = digest(case, start(case, whole.path(), steps, 0, 0)).expect("the end");
    let parts = tempfile::tempdir().expect("a folder");
    let mut moments = Stream::new(std::process::id().into(), "kills");
    let mut killed = 0;
    while killed < kills {
        let mut child = start(case, parts.path(), steps, 0, 3);
        std::thread::sleep(Duration::from_millis(20 + moments.index(400) as u64));
        // SIGKILL: nothing in the process can answer it.
        match child.try_wait().expect("a child process") {
            Some(status) => {
                assert!(status.success(), "it can end, it can't fail: {status}");
                break;
            }
            None => child.kill().expect("a killed process"),
        }
        child.wait().expect("a child process");
        killed += 1;
    }
    let resumed = digest(case, start(case, parts.path(), steps, 0, 3));
    assert_eq!(resumed, Some(expected), "after {killed} kills");
    println!("{killed} kills in {steps} steps");
}

/// Starts a case of [`wait_for_signals`], waits for its last run, and sends it signals.
#[cfg(unix)]
fn signalled(case: &str, folder: &Path, signals: &[&str]) -> Option<i32> {
    use std::io::BufRead;
    let mut child = start(case, folder, 0, 0, 0);
    let output = std::io::BufReader::new(child.stdout.take().expect("its output"));
    for line in output.lines() {
        if line.expect("a line").contains("second step 1") {
            break;
        }
    }
    for signal in signals {
        let sent = Command::new("kill")
            .args([*signal, &child.id().to_string()])
            .status();
        assert!(sent.expect("a sent signal").success());
        std::thread::sleep(Duration::from_millis(300));
    }
    child.wait().expect("a child process").code()
}

#[cfg(unix)]
#[test]
fn a_signal_finishes_the_step_and_saves_and_a_second_one_exits_at_once() {
    let saved = |folder: &Path| {
        let files = std::fs::read_dir(folder.join("second")).expect("a folder");
        let is_checkpoint = |name: &str| name.starts_with("step-");
        files
            .filter(|file| {
                let name = file.as_ref().expect("an entry").file_name();
                is_checkpoint(&name.to_string_lossy())
            })
            .count()
    };
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let folder = tempfile::tempdir().expect("a folder");
        let ended = signalled("signals", folder.path(), &[signal]);
        assert_eq!((ended, saved(folder.path())), (Some(code), 1), "{signal}");
        let folder = tempfile::tempdir().expect("a folder");
        let long = "signals in a long step";
        let ended = signalled(long, folder.path(), &[signal, signal]);
        assert_eq!((ended, saved(folder.path())), (Some(code), 0), "{signal}");
    }
}
