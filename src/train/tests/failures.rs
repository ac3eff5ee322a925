//! Whatever ends a run, its last whole step is stored first, and the run that goes on from there is
//! the run that was never disturbed.

use crate::pair::Pair;
use crate::train::{Tolerated, measure_fn, observe_fn};
use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use burn::backend::Autodiff;
use burn::module::Module;
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Int, Tensor};

use super::networks::{Normed, Restless, restless};
use crate::data::{BatchPlan, Dataset, MemoryDataset, Mixture};
use crate::metrics::Better;
use crate::network::{Discriminator, Labels, Verdict};
use crate::random::Stream;
use crate::step::{EmaConfig, Hooks, OptimizerConfig};
use crate::testing::{Cpu, for_each_autodiff_backend};
use crate::train::{
    Checkpoints, Ending, History, Notice, Observer, Rhythm, Run, Start, StepEvent, Trainer,
    TrainerConfig,
};
use crate::{Error, Gan, Latent, Result};

type Tape = Autodiff<Cpu>;
type Event<'a, B> = StepEvent<'a, Gan<Normed<B>, Restless<B>, B>>;

fn points(count: usize) -> MemoryDataset<2> {
    let points = Mixture::ring().sample(count, &mut Stream::new(3, "points"));
    MemoryDataset::new(points, [2]).expect("pairs of numbers")
}

fn config(steps: u64) -> TrainerConfig {
    TrainerConfig::new(steps, 6, Latent::normal(3))
        .with_seed(11)
        .with_discriminator_steps(2)
        .with_optimizers(OptimizerConfig::adam(1e-2))
        .with_ema(EmaConfig::half_life(40.0))
}

/// What a data set does instead of reading a sample.
type Fault<'a> = &'a (dyn Fn() -> Result<()> + Sync);

/// Ring points, of which sample 13 can be told to fail once it was asked for so many times.
struct Faulty<'a> {
    points: MemoryDataset<2>,
    fault: Option<Fault<'a>>,
    /// How many times it can still be read.
    left: AtomicU32,
}

impl<'a> Faulty<'a> {
    fn new(left: u32, fault: Option<Fault<'a>>) -> Self {
        Self {
            points: points(20),
            fault,
            left: AtomicU32::new(left),
        }
    }
}

impl<B: Backend> Dataset<B> for Faulty<'_> {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn len(&self) -> usize {
        20
    }

    fn batch(&self, indices: &[usize], device: &B::Device) -> Result<(Tensor<B, 2>, ())> {
        if let (true, Some(fault)) = (indices.contains(&13), self.fault) {
            match self.left.load(Ordering::Relaxed) {
                0 => fault()?,
                left => self.left.store(left - 1, Ordering::Relaxed),
            }
        }
        self.points.batch(indices, device)
    }
}

/// Panics in a pass of the discriminator's half, or of the generator's, of a step.
struct Panicking {
    step: u64,
    /// In the half of the generator.
    late: bool,
    now: u64,
}

impl<P: Pair> Hooks<P> for Panicking {
    fn optimizers(
        &mut self,
        step: u64,
        generator: OptimizerConfig,
        discriminator: OptimizerConfig,
    ) -> (OptimizerConfig, OptimizerConfig) {
        self.now = step + 1;
        (generator, discriminator)
    }

    fn discriminator_gradients(
        &mut self,
        _discriminator: &P::Discriminator,
        gradients: burn::optim::GradientsParams,
    ) -> burn::optim::GradientsParams {
        assert!(self.late || self.now != self.step, "no more memory");
        gradients
    }

    fn generator_gradients(
        &mut self,
        _generator: &P::Generator,
        gradients: burn::optim::GradientsParams,
    ) -> burn::optim::GradientsParams {
        assert!(self.now != self.step, "no more memory");
        gradients
    }
}

type TrainerOf<'a, B> = Trainer<'a, Gan<Normed<B>, Restless<B>, B>>;
type RunOf<B> = Run<Gan<Normed<B>, Restless<B>, B>>;

fn plan(folder: &Path, every: u64) -> Checkpoints {
    Checkpoints::new(folder).every(every).start(Start::Resume)
}

fn trainer<'a, B: AutodiffBackend>(folder: Option<&Path>, every: u64) -> TrainerOf<'a, B> {
    let trainer = Trainer::new(config(13), &Default::default()).expect("valid settings");
    match folder {
        Some(folder) => trainer.with_checkpoints(plan(folder, every)),
        None => trainer,
    }
}

/// The run that nothing disturbs.
fn undisturbed<B: AutodiffBackend>() -> String {
    let run = trainer::<B>(None, 0).run(restless(5, 8), &Faulty::new(0, None));
    run.expect("a run").state.digest()
}

/// Goes on in the folder, from networks of another seed.
fn gone_on<B: AutodiffBackend>(folder: &Path) -> RunOf<B> {
    let run = trainer::<B>(Some(folder), 0).run(restless(6, 8), &Faulty::new(0, None));
    run.expect("a run")
}

/// The steps that checkpoints lie at.
fn stored(folder: &Path) -> Vec<u64> {
    let mut steps: Vec<u64> = fs::read_dir(folder)
        .expect("the folder")
        .filter_map(|entry| {
            let name = entry.expect("an entry").file_name();
            let name = name.to_string_lossy();
            name.strip_prefix("step-")?
                .strip_suffix(".checkpoint")?
                .parse()
                .ok()
        })
        .collect();
    steps.sort_unstable();
    steps
}

fn a_step_that_panics_before_its_first_update_leaves_the_state_before_it<B: AutodiffBackend>() {
    let folder = tempfile::tempdir().expect("a folder");
    let hooks = Panicking {
        step: 9,
        late: false,
        now: 0,
    };
    let error = trainer::<B>(Some(folder.path()), 5)
        .with_hooks(hooks)
        .run(restless(5, 8), &Faulty::new(0, None))
        .expect_err("a panic");
    assert!(
        matches!(&error, Error::Panic { what, words } if what == "step 9" && words.contains("no more memory")),
        "{error}"
    );
    assert_eq!(stored(folder.path()), [5, 8]);
    assert_eq!(
        gone_on::<B>(folder.path()).state.digest(),
        undisturbed::<B>()
    );
}

for_each_autodiff_backend!(a_step_that_panics_before_its_first_update_leaves_the_state_before_it);

#[test]
fn a_panic_in_the_generators_half_is_an_error_and_leaves_the_checkpoints() {
    let folder = tempfile::tempdir().expect("a folder");
    let hooks = Panicking {
        step: 9,
        late: true,
        now: 0,
    };
    let error = trainer::<Tape>(Some(folder.path()), 5)
        .with_hooks(hooks)
        .run(restless(5, 8), &Faulty::new(0, None))
        .expect_err("a panic");
    assert!(error.to_string().contains("step 9 panicked"), "{error}");
    assert_eq!(stored(folder.path()), [5]);
    let run = gone_on::<Tape>(folder.path());
    assert_eq!(run.state.digest(), undisturbed::<Tape>());
}

#[test]
fn data_that_fail_in_the_middle_name_sample_and_step_and_lose_nothing() {
    let faults: [(Fault<'_>, &str, &str); 2] = [
        (
            &|| Err(Error::data("thirteen.png", "is cut short")),
            "thirteen.png",
            "sample 13 (counted from 0) of the data set: is cut short",
        ),
        (
            &|| panic!("thirteen is gone"),
            "data set",
            "sample 13 (counted from 0): reading it panicked: thirteen is gone",
        ),
    ];
    for (fault, file, words) in faults {
        let folder = tempfile::tempdir().expect("a folder");
        let error = trainer::<Tape>(Some(folder.path()), 0)
            .run(restless(5, 8), &Faulty::new(5, Some(fault)))
            .expect_err("data that fail");
        assert!(matches!(error, Error::Data { .. }));
        let text = error.to_string();
        let steps = stored(folder.path());
        assert_eq!(steps.len(), 1, "{text}");
        let expected = format!("{file}: step {}: {words}", steps[0] + 1);
        assert_eq!(text, expected);
        let run = gone_on::<Tape>(folder.path());
        assert!(run.resumed_from.is_some());
        assert_eq!(run.state.digest(), undisturbed::<Tape>());
    }
}

#[test]
fn data_that_fail_before_the_first_step_are_an_error_that_names_the_sample() {
    let panics: Fault<'_> = &|| panic!("thirteen is gone");
    let error = trainer::<Tape>(None, 0)
        .run(restless(5, 8), &Faulty::new(0, Some(panics)))
        .expect_err("data that fail");
    assert!(error.to_string().contains("sample 13 "), "{error}");
}

/// A discriminator that wants to know a label.
#[derive(Module, Debug)]
struct Told<B: Backend> {
    points: Restless<B>,
}

impl<B: Backend> Discriminator<B> for Told<B> {
    type Sample = Tensor<B, 2>;
    type Condition = Labels<B>;

    fn discriminate(&self, sample: Tensor<B, 2>, _labels: &Labels<B>) -> Verdict<B> {
        self.points.discriminate(sample, &())
    }

    fn classes(&self) -> Option<usize> {
        Some(3)
    }
}

/// A generator that is told one.
#[derive(Module, Debug)]
struct Telling<B: Backend> {
    points: Normed<B>,
}

impl<B: Backend> crate::network::Generator<B> for Telling<B> {
    type Sample = Tensor<B, 2>;
    type Condition = Labels<B>;

    fn generate(&self, latent: Tensor<B, 2>, _labels: &Labels<B>) -> Tensor<B, 2> {
        self.points.generate(latent, &())
    }
}

/// Points with labels, of which one is wrong from the third epoch on.
struct Relabelled {
    points: MemoryDataset<2>,
    read: AtomicU32,
}

impl<B: Backend> Dataset<B> for Relabelled {
    type Sample = Tensor<B, 2>;
    type Condition = Labels<B>;

    fn len(&self) -> usize {
        20
    }

    fn batch(&self, indices: &[usize], device: &B::Device) -> Result<(Tensor<B, 2>, Labels<B>)> {
        let read = self.read.fetch_add(1, Ordering::Relaxed) + 1;
        // 32 batches are read for the average's statistics, a few before that.
        let wrong = read > 48;
        let labels: Vec<i32> = indices
            .iter()
            .map(|index| if wrong && *index == 13 { 3 } else { 1 })
            .collect();
        let classes = Tensor::<B, 1, Int>::from_ints(labels.as_slice(), device);
        Ok((self.points.batch(indices, device)?.0, Labels::new(classes)))
    }
}

#[test]
fn a_label_without_a_class_in_the_middle_of_a_run_is_named() {
    let device = Default::default();
    let pair = restless::<Tape>(5, 8);
    let gan = Gan::<_, _, Tape>::seeded(
        Telling {
            points: pair.generator,
        },
        Told {
            points: pair.discriminator,
        },
        5,
        &device,
    );
    let data = Relabelled {
        points: points(20),
        read: AtomicU32::new(0),
    };
    let error = Trainer::new(config(30), &device)
        .expect("valid settings")
        .run(gan, &data)
        .expect_err("a label without a class")
        .to_string();
    assert!(
        error.contains("step ") && error.contains("sample 13 (counted from 0) has label 3"),
        "{error}"
    );
}

#[test]
fn an_observer_that_fails_ends_the_run_after_its_step_is_stored() {
    for panics in [false, true] {
        for (every, expected) in [(5, vec![5, 8]), (8, vec![8]), (0, vec![8])] {
            let folder = tempfile::tempdir().expect("a folder");
            let seen = Cell::new(0);
            let error = trainer::<Tape>(Some(folder.path()), every)
                .observe(
                    Rhythm::Every(1),
                    observe_fn(|event: &Event<'_, Tape>| {
                        if event.step < 8 {
                            return Ok(());
                        }
                        assert!(!panics, "the screen is gone");
                        Err(Error::Observer("the screen is gone".to_owned()))
                    }),
                )
                .observe(
                    Rhythm::Every(1),
                    observe_fn(|event: &Event<'_, Tape>| {
                        seen.set(event.step);
                        Ok(())
                    }),
                )
                .run(restless(5, 8), &Faulty::new(0, None))
                .expect_err("an observer's end");
            assert!(error.to_string().contains("the screen is gone"), "{error}");
            // The others saw the step as well.
            assert_eq!(seen.get(), 8);
            assert_eq!(stored(folder.path()), expected, "every {every}");
            let run = gone_on::<Tape>(folder.path());
            assert_eq!(run.state.digest(), undisturbed::<Tape>());
        }
    }
}

#[test]
fn the_due_checkpoint_is_there_before_observers_are_called() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut lacking = Vec::new();
    trainer::<Tape>(Some(folder.path()), 3)
        .observe(
            Rhythm::Every(3),
            observe_fn(|event: &Event<'_, Tape>| {
                if event.step.is_multiple_of(3) && !stored(folder.path()).contains(&event.step) {
                    lacking.push(event.step);
                }
                Ok(())
            }),
        )
        .run(restless(5, 8), &Faulty::new(0, None))
        .expect("a run");
    assert_eq!(lacking, [0; 0]);
}

/// An observer whose failures are no reason to stop.
struct Picture;

impl<B: AutodiffBackend> Observer<Gan<Normed<B>, Restless<B>, B>> for Picture {
    fn observe(&mut self, event: &Event<'_, B>) -> Result<()> {
        assert!(event.step != 4, "no colours");
        Err(Error::Plot {
            path: "samples.png".into(),
            problem: "a folder is in its place".to_owned(),
        })
    }

    fn ends_run(&self) -> bool {
        false
    }
}

#[test]
fn a_picture_that_fails_is_a_notice() {
    let run = trainer::<Tape>(None, 0)
        .observe(Rhythm::Every(2), Picture)
        .run(restless(5, 8), &Faulty::new(0, None))
        .expect("a run");
    assert!(run.ending.is_finished());
    let failed: Vec<_> = run
        .notices
        .iter()
        .filter_map(|notice| match notice {
            Notice::ObserverFailed { step, problem } => Some((*step, problem.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(failed.len(), 7);
    assert!(failed[1].0 == 4 && failed[1].1.contains("no colours"));
    assert!(failed[0].1.contains("samples.png") && failed[0].1.contains("a folder"));
    assert_eq!(run.state.digest(), undisturbed::<Tape>());
}

#[test]
fn two_observers_of_one_name_are_refused_before_the_first_step() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut histories = [History::new(), History::new()];
    let run = |folder, histories: &mut [History; 2]| {
        let [one, other] = histories;
        trainer::<Tape>(folder, 2)
            .observe(Rhythm::Every(1), one)
            .observe(Rhythm::Every(1), other)
            .run(restless(5, 8), &points(20))
            .map(|run| run.state.step)
    };
    let error = run(Some(folder.path()), &mut histories).expect_err("one name");
    let told = "`memory` = history: is stored twice";
    assert!(error.to_string().contains(told), "{error}");
    assert!(histories[0].readings().is_empty());
    assert!(stored(folder.path()).is_empty());
    // Without checkpoints nothing is stored, and a name of its own is enough.
    assert!(run(None, &mut histories).is_ok());
    let [one, other] = histories;
    let mut named = [one, other.with_name("another")];
    assert!(run(Some(folder.path()), &mut named).is_ok());
}

#[test]
fn a_measure_that_fails_costs_no_checkpoint() {
    for panics in [false, true] {
        let folder = tempfile::tempdir().expect("a folder");
        let measured = plan(folder.path(), 5).keep_best("kl", Better::Lower);
        let kl = measure_fn("kl", |_: &Event<'_, Tape>| {
            assert!(!panics, "no data");
            Err(Error::data("evaluation", "no data"))
        });
        let run = Trainer::new(config(13), &Default::default())
            .expect("valid settings")
            .with_checkpoints(measured)
            .evaluate(Rhythm::Every(5), Tolerated(kl))
            .run(restless(5, 8), &Faulty::new(0, None))
            .expect("a run");
        assert_eq!(stored(folder.path()), [5, 10, 13]);
        let words = run.notices.iter().map(ToString::to_string);
        let told: Vec<String> = words.filter(|line| line.contains("`kl`")).collect();
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].contains("no data"), "{told:?}");
    }
}

#[test]
fn a_run_whose_folder_goes_away_keeps_its_state_and_says_that_it_is_not_stored() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = place.path().join("checkpoints");
    let run = trainer::<Tape>(Some(&folder), 5)
        .observe(
            Rhythm::Every(1),
            observe_fn(|event: &Event<'_, Tape>| {
                if event.step == 7 {
                    fs::remove_dir_all(&folder).expect("a folder");
                    fs::write(&folder, "in the way").expect("a file");
                }
                Ok(())
            }),
        )
        .run(restless(5, 8), &Faulty::new(0, None))
        .expect("a run");
    assert!(matches!(run.ending, Ending::Finished));
    assert_eq!(run.state.digest(), undisturbed::<Tape>());
    let problem = run.unsaved.as_deref().expect("no checkpoint of the end");
    assert!(problem.contains("checkpoints"), "{problem}");
    assert_ne!(run.exit_code(), 0);
    let not_saved = |notice: &&Notice| matches!(notice, Notice::NotSaved { .. });
    assert_eq!(run.notices.iter().filter(not_saved).count(), 2);
}

#[test]
fn other_data_of_the_same_length_are_refused_unless_accepted() {
    let folder = tempfile::tempdir().expect("a folder");
    let other = || {
        let points = Mixture::ring().sample(20, &mut Stream::new(4, "points"));
        MemoryDataset::<2>::new(points, [2]).expect("pairs of numbers")
    };
    trainer::<Tape>(Some(folder.path()), 0)
        .run(restless::<Tape>(5, 8), &points(20))
        .expect("a run");
    let error = trainer::<Tape>(Some(folder.path()), 0)
        .run(restless::<Tape>(5, 8), &other())
        .expect_err("other data");
    assert!(error.to_string().contains("`data` was "), "{error}");
    let accepting = plan(folder.path(), 0).accept("data");
    Trainer::new(config(13), &Default::default())
        .expect("valid settings")
        .with_checkpoints(accepting)
        .run(restless::<Tape>(5, 8), &other())
        .expect("a run");
}

#[test]
fn what_a_program_adds_to_the_settings_is_compared() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = |data: &str| {
        let plan = plan(folder.path(), 0).compare("option.data", data);
        Trainer::new(config(13), &Default::default())
            .expect("valid settings")
            .with_checkpoints(plan)
            .run(restless::<Tape>(5, 8), &points(20))
    };
    run("ring").expect("a run");
    run("ring").expect("the same run");
    let error = run("grid").expect_err("another option").to_string();
    assert!(
        error.contains("`option.data` was \"ring\", is \"grid\""),
        "{error}"
    );
}

#[test]
fn a_resumed_run_of_another_batch_size_shows_each_sample_of_the_epoch_once() {
    /// Writes down what is asked for.
    struct Listed(MemoryDataset<2>, Mutex<Vec<usize>>);
    impl<B: Backend> Dataset<B> for Listed {
        type Sample = Tensor<B, 2>;
        type Condition = ();
        fn len(&self) -> usize {
            100
        }
        fn batch(&self, indices: &[usize], device: &B::Device) -> Result<(Tensor<B, 2>, ())> {
            self.1.lock().expect("a list").extend(indices);
            self.0.batch(indices, device)
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let shown = |size: usize, steps: u64| -> Vec<usize> {
        let data = Listed(points(100), Default::default());
        let config = config(steps)
            .with_discriminator_steps(1)
            .with_batches(BatchPlan::new(size));
        let plan = plan(folder.path(), 0).accept("batches").accept("steps");
        Trainer::new(config, &Default::default())
            .expect("valid settings")
            .with_checkpoints(plan)
            .observe(
                Rhythm::Every(1),
                observe_fn(|event: &Event<'_, Tape>| {
                    // What preflight reads does not count.
                    if event.session_steps == 1 {
                        let mut list = data.1.lock().expect("a list");
                        let before = list.len() - size;
                        list.drain(..before);
                    }
                    Ok(())
                }),
            )
            .run(restless(5, 8), &data)
            .expect("a run");
        data.1.into_inner().expect("a list")
    };
    let mut all = shown(10, 5);
    assert_eq!(all.len(), 50);
    all.extend(&shown(20, 8)[..50]);
    all.sort_unstable();
    assert_eq!(all, (0..100).collect::<Vec<_>>());
}

#[cfg(feature = "plot")]
#[test]
fn the_crates_pictures_end_no_run_unless_they_are_required() {
    use crate::train::LossChart;
    use crate::train::observers::{Required, Tolerated};

    let folder = tempfile::tempdir().expect("a folder");
    let chart = || LossChart::new(folder.path());
    let failures = |run: &RunOf<Tape>| {
        let failed = |notice: &&Notice| matches!(notice, Notice::ObserverFailed { .. });
        run.notices.iter().filter(failed).count()
    };
    let tries = |trainer: TrainerOf<'_, Tape>| trainer.run(restless(5, 8), &points(20));

    let mut by_reference = chart();
    let run = tries(trainer(None, 0).observe(Rhythm::Every(5), &mut by_reference));
    assert_eq!(failures(&run.expect("a run")), 3);
    let error = tries(trainer(None, 0).observe(Rhythm::Every(5), Required(chart())));
    assert!(error.is_err());
    let fails = |_: &Event<'_, Tape>| Err(Error::Observer("no".to_owned()));
    let run = tries(trainer(None, 0).observe(Rhythm::Every(5), Tolerated(observe_fn(fails))));
    assert_eq!(failures(&run.expect("a run")), 3);
}
