//! How long steps take, and how much of it is waiting for sums.

use std::cell::Cell;
use std::time::Instant;

use burn_gan::burn::backend::{Autodiff, Flex};
use burn_gan::data::MemoryDataset;
use burn_gan::models::{DcganDiscriminatorConfig, DcganGeneratorConfig};
use burn_gan::objective::{Loss, Objective, Term};
use burn_gan::process::{Mpi, ProcessGroup};
use burn_gan::random::Stream;
use burn_gan::step::OptimizerConfig;
use burn_gan::train::{Rhythm, StepEvent, Trainer, TrainerConfig, observe_fn};
use burn_gan::{Gan, Latent, Result};

use crate::child::{asked, number};

type B = Autodiff<Flex>;

/// A group whose sums are timed.
#[derive(Debug)]
struct Timed<'a> {
    group: &'a dyn ProcessGroup,
    waited: Cell<f64>,
    numbers: Cell<usize>,
}

impl ProcessGroup for Timed<'_> {
    fn rank(&self) -> usize {
        self.group.rank()
    }
    fn size(&self) -> usize {
        self.group.size()
    }
    fn sum_f32(&self, values: Vec<f32>) -> Result<Vec<f32>> {
        self.numbers.set(values.len());
        let begun = Instant::now();
        let sum = self.group.sum_f32(values);
        self.waited
            .set(self.waited.get() + begun.elapsed().as_secs_f64());
        sum
    }
    fn sum_f64(&self, values: Vec<f64>) -> Result<Vec<f64>> {
        self.group.sum_f64(values)
    }
    fn broadcast(&self, bytes: Vec<u8>) -> Result<Vec<u8>> {
        self.group.broadcast(bytes)
    }
    fn gather(&self, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>> {
        self.group.gather(bytes)
    }
    fn barrier(&self) -> Result<()> {
        self.group.barrier()
    }
    fn fail(&self, problem: &str) {
        self.group.fail(problem);
    }
}

/// DCGAN on images of 32 pixels in batches of 64, with R1 or without: milliseconds a step, their median,
/// and those of a sum.
pub fn steps() {
    let device = Default::default();
    let steps = number("STEPS");
    let image = [3, 32, 32];
    let mpi = Mpi::start().expect("MPI");
    let group = Timed {
        group: &mpi,
        waited: Cell::new(0.0),
        numbers: Cell::new(0),
    };
    let gan = Gan::<_, _, B>::seeded(
        DcganGeneratorConfig::new(128, image)
            .init::<B>(&device)
            .expect("settings"),
        DcganDiscriminatorConfig::new(image)
            .init::<B>(&device)
            .expect("settings"),
        1,
        &device,
    );
    let pixels = Stream::new(5, "pixels").uniform(256 * 3 * 32 * 32, -1.0, 1.0);
    let data = MemoryDataset::<4>::new(pixels, image).expect("whole images");
    let objective = Objective::new(Loss::NonSaturating);
    let objective = match asked("R1").as_deref() {
        Some("1") => objective.with_term(Term::r1(0.05)),
        _ => objective,
    };
    let mut config = TrainerConfig::new(steps, 64, Latent::normal(128))
        .with_objective(objective)
        .with_optimizers(OptimizerConfig::adam(2e-4).with_betas(0.5, 0.999));
    config.health.every = 0;
    let mut taken = Vec::new();
    let mut last = Instant::now();
    let run = Trainer::new(config, &device)
        .expect("valid settings")
        .with_group(&group)
        .observe(
            Rhythm::Every(1),
            observe_fn(|_: &StepEvent<'_, _>| {
                taken.push(last.elapsed().as_secs_f64() * 1e3);
                last = Instant::now();
                Ok(())
            }),
        )
        .run(gan, &data)
        .expect("a run");
    assert!(run.ending.is_finished());
    if mpi.is_first() {
        let mut taken = taken.split_off(3);
        taken.sort_by(f64::total_cmp);
        println!(
            "median {:.1} least {:.1} ms a step, {:.2} ms of it in sums, the last of {} numbers",
            taken[taken.len() / 2],
            taken[0],
            group.waited.get() * 1e3 / steps as f64,
            group.numbers.get()
        );
    }
    mpi.finish();
}
