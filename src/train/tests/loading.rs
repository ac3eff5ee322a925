//! Threads that read ahead change nothing but the time that a run takes.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use burn::backend::Autodiff;
use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};

use super::networks::{Normed, Restless, restless};
use crate::data::{BatchPlan, Dataset, LastBatch, Loading, MemoryDataset, Mixture};
use crate::random::{Stream, alone};
use crate::step::{EmaConfig, OptimizerConfig};
use crate::testing::{Cpu, for_each_autodiff_backend};
use crate::train::{
    Checkpoints, Ending, Interrupt, Rhythm, Run, Start, StepEvent, Trainer, TrainerConfig,
    observe_fn,
};
use crate::{Error, Gan, Latent, Result};

type Tape = Autodiff<Cpu>;
type PairOf<B> = Gan<Normed<B>, Restless<B>, B>;

/// Ring points that come after a time that their batch decides.
struct Slow {
    points: MemoryDataset<2>,
    /// The sample that can't be read once it is gone.
    missing: usize,
    gone: AtomicBool,
}

impl Slow {
    fn new(missing: usize) -> Self {
        let points = Mixture::ring().sample(22, &mut Stream::new(3, "points"));
        let points = MemoryDataset::new(points, [2]).expect("pairs of numbers");
        Self {
            points,
            missing,
            gone: AtomicBool::new(false),
        }
    }
}

impl<B: Backend> Dataset<B> for Slow {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn len(&self) -> usize {
        22
    }

    fn batch(&self, indices: &[usize], device: &B::Device) -> Result<(Tensor<B, 2>, ())> {
        // Waits for the backend's generator, as a data set that draws does.
        drop(alone());
        if self.gone.load(Ordering::SeqCst) && indices.contains(&self.missing) {
            return Err(Error::data("missing.png", "is cut short"));
        }
        thread::sleep(Duration::from_millis(indices[0] as u64 % 3));
        self.points.batch(indices, device)
    }
}

fn config(threads: usize) -> TrainerConfig {
    TrainerConfig::new(15, 5, Latent::normal(3))
        .with_seed(11)
        .with_batches(BatchPlan::new(5).with_last(LastBatch::Keep))
        .with_discriminator_steps(2)
        .with_optimizers(OptimizerConfig::adam(1e-2))
        .with_ema(EmaConfig::half_life(40.0))
        .with_loading(Loading::on_threads(threads))
}

fn trainer<'a, B: AutodiffBackend>(threads: usize) -> Trainer<'a, PairOf<B>> {
    Trainer::new(config(threads), &Default::default()).expect("valid settings")
}

fn plan(folder: &Path) -> Checkpoints {
    Checkpoints::new(folder).start(Start::Resume)
}

fn finished<B: AutodiffBackend>(run: Result<Run<PairOf<B>>>) -> String {
    let run = run.expect("a run");
    assert!(run.ending.is_finished(), "{}", run.ending);
    run.state.digest()
}

fn any_number_of_threads_makes_the_same_run<B: AutodiffBackend>() {
    let digest = |threads| finished(trainer::<B>(threads).run(restless(5, 8), &Slow::new(0)));
    let expected = digest(0);
    for threads in [1, 4] {
        assert_eq!(digest(threads), expected, "{threads} threads");
    }
}

for_each_autodiff_backend!(any_number_of_threads_makes_the_same_run);

#[test]
fn a_run_that_is_interrupted_goes_on_with_another_number_of_threads() {
    let expected = finished(trainer::<Tape>(0).run(restless(5, 8), &Slow::new(0)));
    for [before, after] in [[3, 0], [0, 2], [2, 3]] {
        let folder = tempfile::tempdir().expect("a folder");
        let interrupt = Interrupt::new();
        let stop = observe_fn(|event: &StepEvent<'_, PairOf<Tape>>| {
            if event.step == 6 {
                interrupt.request();
            }
            Ok(())
        });
        let run = trainer::<Tape>(before)
            .with_checkpoints(plan(folder.path()))
            .stop_on(&interrupt)
            .observe(Rhythm::Every(1), stop)
            .run(restless(5, 8), &Slow::new(0))
            .expect("a run");
        assert!(matches!(run.ending, Ending::Interrupted { .. }));
        let run = trainer::<Tape>(after)
            .with_checkpoints(plan(folder.path()))
            .run(restless(6, 8), &Slow::new(0));
        assert_eq!(finished(run), expected, "{before}, then {after} threads");
    }
}

#[test]
fn a_sample_that_is_missing_ends_the_run_in_its_own_step() {
    let expected = finished(trainer::<Tape>(0).run(restless(5, 8), &Slow::new(0)));
    // It comes with the last batch of the fifth epoch, the first one of step 13.
    let missing = BatchPlan::new(5).order(22, 11, 4)[21];
    for threads in [0, 3] {
        let folder = tempfile::tempdir().expect("a folder");
        let data = Slow::new(missing);
        let goes = observe_fn(|event: &StepEvent<'_, PairOf<Tape>>| {
            // The epochs before it are read; of this one, three batches at most.
            data.gone.fetch_or(event.step == 10, Ordering::SeqCst);
            Ok(())
        });
        let config = config(0).with_loading(Loading::on_threads(threads).with_ahead(1));
        let error = Trainer::new(config, &Default::default())
            .expect("valid settings")
            .with_checkpoints(plan(folder.path()))
            .observe(Rhythm::Every(1), goes)
            .run(restless(5, 8), &data)
            .expect_err("a sample that is missing")
            .to_string();
        assert_eq!(
            error,
            format!(
                "missing.png: step 13: sample {missing} (counted from 0) of the data set: is cut short"
            )
        );
        let run = trainer::<Tape>(threads)
            .with_checkpoints(plan(folder.path()))
            .run(restless(6, 8), &Slow::new(0));
        let from = run.as_ref().ok().and_then(|run| run.resumed_from.clone());
        assert!(from.is_some_and(|file| file.to_string_lossy().contains("12")));
        assert_eq!(finished(run), expected, "{threads} threads");
    }
}
