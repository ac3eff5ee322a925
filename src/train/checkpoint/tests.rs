//! A run that goes on is the run that was never stopped, and what is not whole is refused.

use crate::gan::Gan;
use crate::train::{Tolerated, measure_fn, observe_fn};
use std::fs;
use std::path::{Path, PathBuf};

use burn::backend::Autodiff;
use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use burn::tensor::backend::AutodiffBackend;

use super::file;
use super::{Checkpoints, Start, best_checkpoint};
use crate::data::{MemoryDataset, Mixture};
use crate::metrics::Better;
use crate::network::Generator;
use crate::objective::{Loss, Objective, Term};
use crate::random::Stream;
use crate::step::{EmaConfig, Hooks, OptimizerConfig, TrainState};
use crate::testing::{Cpu, for_each_autodiff_backend, parameters};
use crate::train::tests::networks::{Normed, Restless, restless};
use crate::train::{
    Ending, HealthConfig, Interrupt, Notice, Ramp, Rhythm, Run, Schedule, StepEvent, Trainer,
    TrainerConfig,
};
use crate::{Latent, Result};

type State<B> = TrainState<Gan<Normed<B>, Restless<B>, B>>;
type Outcome<B> = Run<Gan<Normed<B>, Restless<B>, B>>;
type Event<'a> = StepEvent<'a, Gan<Normed<B>, Restless<B>, B>>;

fn points(count: usize) -> MemoryDataset<2> {
    let points = Mixture::ring().sample(count, &mut Stream::new(3, "points"));
    MemoryDataset::new(points, [2]).expect("pairs of numbers")
}

/// Everything that a step can depend on: two discriminator steps, epochs of three batches, lazy
/// penalties with noise and memory, an average, a ramp, a schedule, a warm-up.
pub(super) fn config(steps: u64) -> TrainerConfig {
    let objective = Objective::new(Loss::NonSaturating)
        .with_term(Term::r1(0.05).every(2))
        .with_term(Term::lecam(0.1))
        .with_term(Term::dragan(0.1).every(3));
    TrainerConfig::new(steps, 6, Latent::normal(3))
        .with_seed(11)
        .with_objective(objective)
        .with_discriminator_steps(2)
        .with_optimizers(OptimizerConfig::adam_w(1e-2, 0.01))
        .with_schedule(Schedule::Cosine { floor: 0.1 })
        .with_warm_up(3)
        .with_ramp(Ramp::cosine("generator_optimizer.beta_2", 0.9, 10))
        .with_ema(EmaConfig::half_life(40.0).with_ramp_up(0.5))
}

/// Runs, and stops behind step `stop`, if it is below the end.
fn run<B: AutodiffBackend>(
    config: TrainerConfig,
    seed: u64,
    plan: Option<Checkpoints>,
    stop: u64,
) -> Result<Outcome<B>> {
    let interrupt = Interrupt::new();
    let button = interrupt.clone();
    let mut trainer = Trainer::new(config, &Default::default())?
        .stop_on(&interrupt)
        .observe(
            Rhythm::Every(1),
            observe_fn(
                move |event: &StepEvent<'_, Gan<Normed<B>, Restless<B>, B>>| {
                    if event.step == stop {
                        button.request();
                    }
                    Ok(())
                },
            ),
        );
    if let Some(plan) = plan {
        trainer = trainer.with_checkpoints(plan);
    }
    trainer.run(restless(seed, 8), &points(20))
}

fn a_resumed_run_is_the_run_that_was_never_stopped<B: AutodiffBackend>() {
    let whole = run::<B>(config(13), 5, None, 99).expect("a run");
    assert!(whole.ending.is_finished());
    let expected = whole.state.digest();
    for stop in [1, 4, 7, 12] {
        let folder = tempfile::tempdir().expect("a folder");
        let plan = || {
            Checkpoints::new(folder.path())
                .every(0)
                .start(Start::Resume)
        };
        let first = run::<B>(config(13), 5, Some(plan()), stop).expect("a run");
        assert!(matches!(first.ending, Ending::Interrupted { signal: None }));
        assert_eq!(first.state.step, stop);
        assert_ne!(first.state.digest(), expected);
        // Fresh networks of another seed: all weights come from the file.
        let second = run::<B>(config(13), 6, Some(plan()), 99).expect("a run");
        let name = format!("step-{stop:09}.checkpoint");
        assert_eq!(second.resumed_from, Some(folder.path().join(name)));
        assert!(second.ending.is_finished());
        assert_eq!(
            parameters::<B, _>(&second.state.gan),
            parameters::<B, _>(&whole.state.gan),
            "stopped behind step {stop}"
        );
        assert_eq!(
            parameters(&second.state.sampler()),
            parameters(&whole.state.sampler())
        );
        assert_eq!(
            second.state.digest(),
            expected,
            "stopped behind step {stop}"
        );
    }
}

fn every_optimiser_remembers_through_a_checkpoint<B: AutodiffBackend>() {
    for optimizer in [
        OptimizerConfig::sgd(1e-2, 0.9),
        OptimizerConfig::sgd(1e-2, 0.0),
        OptimizerConfig::adam(1e-2),
    ] {
        let mut config = config(6).with_optimizers(optimizer).with_micro_batches(2);
        config.ramps.clear();
        let whole = run::<B>(config.clone(), 5, None, 99).expect("a run");
        let folder = tempfile::tempdir().expect("a folder");
        let plan = || {
            Checkpoints::new(folder.path())
                .every(0)
                .start(Start::Resume)
        };
        run::<B>(config.clone(), 5, Some(plan()), 3).expect("a run");
        let second = run::<B>(config, 6, Some(plan()), 99).expect("a run");
        assert!(second.resumed_from.is_some());
        assert_eq!(second.state.digest(), whole.state.digest(), "{optimizer:?}");
    }
}

fn stale_buffers_of_a_used_module_do_not_come_back<B: AutodiffBackend>() {
    let folder = tempfile::tempdir().expect("a folder");
    let plan = Checkpoints::new(folder.path()).every(6);
    let stopped = run::<B>(config(13), 5, Some(plan), 9).expect("a run");
    let file = file::read(&folder.path().join("step-000000006.checkpoint")).expect("a checkpoint");
    let fresh = |seed| {
        let adam = OptimizerConfig::adam_w(1e-2, 0.01);
        TrainState::new(restless::<B>(seed, 8), adam, adam)
            .expect("valid settings")
            .with_ema()
    };
    let device = Default::default();
    let restore = |state: &State<B>| super::state::restore(&file, state, &device).expect("a state");
    let (expected, _) = restore(&fresh(1));
    // The used networks hold running statistics that are not taken in yet.
    let (used, _) = restore(&stopped.state);
    assert_eq!(used.digest(), expected.digest());
    // And once more behind a forward pass in training mode, which leaves new ones pending.
    let z = Latent::normal(3).draw(6, &mut Stream::new(1, "z"), &device);
    let _ = used.gan.generator.generate(z, &());
    let (again, _) = restore(&used);
    assert_eq!(again.digest(), expected.digest());
    let average = |state: &State<B>| state.ema.as_ref().map(|ema| parameters(&ema.average()));
    assert_eq!(average(&again), average(&expected));
}

fn a_sampler_kept_aside_is_left_alone_by_later_steps<B: AutodiffBackend>() {
    let mut kept = Vec::new();
    let trainer = Trainer::new(config(6), &Default::default()).expect("valid settings");
    trainer
        .observe(
            Rhythm::Every(3),
            observe_fn(|event: &StepEvent<'_, Gan<Normed<B>, Restless<B>, B>>| {
                let copies = [event.state.sampler(), event.state.trained()];
                let values = copies.each_ref().map(parameters);
                kept.push((copies, values));
                Ok(())
            }),
        )
        .run(restless(5, 8), &points(20))
        .expect("a run");
    for (copies, values) in &kept {
        assert_eq!(&copies.each_ref().map(parameters), values);
    }
    assert_ne!(kept[0].1, kept[1].1);
}

for_each_autodiff_backend!(
    a_resumed_run_is_the_run_that_was_never_stopped,
    every_optimiser_remembers_through_a_checkpoint,
    stale_buffers_of_a_used_module_do_not_come_back,
    a_sampler_kept_aside_is_left_alone_by_later_steps,
);

type B = Autodiff<Cpu>;

/// A folder with checkpoints behind steps 4, 8 and 12, by a run of 13 steps stopped behind 12.
pub(super) fn stored() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let plan = Checkpoints::new(folder.path()).every(4);
    run::<B>(config(13), 5, Some(plan), 12).expect("a run");
    folder
}

pub(super) fn resume(folder: &Path, config: TrainerConfig) -> Result<Outcome<B>> {
    let plan = Checkpoints::new(folder).every(0).start(Start::Resume);
    run::<B>(config, 6, Some(plan), 99)
}

pub(super) fn newest(folder: &Path) -> PathBuf {
    super::folder::list(folder).expect("a folder")[0].1.clone()
}

#[test]
fn a_damaged_checkpoint_is_passed_over_for_an_older_one_and_named() {
    let folder = stored();
    let expected = run::<B>(config(13), 5, None, 99)
        .expect("a run")
        .state
        .digest();
    let path = newest(folder.path());
    let bytes = fs::read(&path).expect("the newest");
    fs::write(&path, &bytes[..bytes.len() / 2]).expect("a shorter file");
    let resumed = resume(folder.path(), config(13)).expect("the older one");
    let told = resumed.notices.iter().find_map(|notice| match notice {
        Notice::Resumed { step, skipped, .. } => Some((*step, skipped.clone())),
        _ => None,
    });
    let (step, skipped) = told.expect("a notice");
    assert_eq!(step, 8);
    assert!(
        skipped[0].contains("step-000000012") && skipped[0].contains("damaged"),
        "{skipped:?}"
    );
    assert_eq!(resumed.state.digest(), expected);
}

#[test]
fn nothing_damaged_is_ever_restored() {
    let folder = stored();
    let path = newest(folder.path());
    let whole = fs::read(&path).expect("the newest");
    for older in super::folder::list(folder.path())
        .expect("a folder")
        .split_off(1)
    {
        fs::remove_file(older.1).expect("a removable file");
    }
    let mut places = Stream::new(1, "damage");
    let cut = (0..50).map(|_| whole[..places.index(whole.len())].to_vec());
    let mut flips = Stream::new(2, "damage");
    let flipped = (0..50).map(|_| {
        let mut bytes = whole.clone();
        let place = flips.index(bytes.len());
        bytes[place] ^= 1 << flips.index(8);
        bytes
    });
    for bytes in cut.chain(flipped) {
        fs::write(&path, bytes).expect("a damaged file");
        let error = resume(folder.path(), config(13)).expect_err("a damaged checkpoint");
        let error = error.to_string();
        assert!(error.contains("step-000000012.checkpoint"), "{error}");
    }
}

#[test]
fn other_settings_are_refused_with_their_names_unless_they_are_accepted() {
    let folder = stored();
    let mut other = config(20).with_seed(12);
    other.objective.terms[0].weight = 0.5;
    let error = resume(folder.path(), other.clone()).expect_err("other settings");
    let error = error.to_string();
    for text in [
        "`steps` was 13, is 20",
        "`seed` was 11, is 12",
        "`objective.terms[0].weight` was 0.05, is 0.5",
    ] {
        assert!(error.contains(text), "{error}");
    }
    let plan = || {
        Checkpoints::new(folder.path())
            .every(0)
            .start(Start::Resume)
    };
    let plan_with = |names: &[&str]| names.iter().fold(plan(), |plan, name| plan.accept(*name));
    let error = run::<B>(
        other.clone(),
        6,
        Some(plan_with(&["steps", "objective"])),
        99,
    )
    .expect_err("one is not accepted")
    .to_string();
    assert!(
        error.contains("`seed`") && !error.contains("`steps`"),
        "{error}"
    );
    let run = run::<B>(
        other,
        6,
        Some(plan_with(&["steps", "objective", "seed"])),
        99,
    );
    assert_eq!(run.expect("accepted settings").state.step, 20);
}

#[test]
fn other_networks_are_refused_by_the_first_parameter_that_differs() {
    let folder = stored();
    let plan = Checkpoints::new(folder.path())
        .every(0)
        .start(Start::Resume);
    let trainer = Trainer::new(config(13), &Default::default()).expect("valid settings");
    let error = trainer
        .with_checkpoints(plan)
        .run(restless::<B>(5, 9), &points(20))
        .expect_err("a wider network")
        .to_string();
    assert!(
        error.contains("generator.hidden.weight") && error.contains("[3, 9]"),
        "{error}"
    );
    // Another amount of data gives other batches.
    let plan = Checkpoints::new(folder.path())
        .every(0)
        .start(Start::Resume);
    let trainer = Trainer::new(config(13), &Default::default()).expect("valid settings");
    let error = trainer
        .with_checkpoints(plan)
        .run(restless::<B>(5, 8), &points(24))
        .expect_err("other data")
        .to_string();
    assert!(error.contains("`samples` was 20, is 24"), "{error}");
}

#[test]
fn an_optimiser_of_other_parameters_is_refused() {
    let mine = stored();
    let path = newest(mine.path());
    let file = file::read(&path).expect("a checkpoint");
    let names: Vec<_> = file.names().map(str::to_owned).collect();
    let sections: Vec<(&str, Vec<u8>)> = names
        .iter()
        .map(|name| {
            let from = match name.as_str() {
                "generator_optimizer" => "discriminator_optimizer",
                name => name,
            };
            (name.as_str(), file.required(from).expect("a section"))
        })
        .collect();
    file::write(&path, file.header.clone(), &sections).expect("a written file");
    let error = resume(mine.path(), config(13)).expect_err("other parameters");
    assert!(
        error
            .to_string()
            .contains("in its generator_optimizer, it remembers"),
        "{error}"
    );
}

/// The names in a folder, sorted, without the lock.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> = entries
        .map(|entry| {
            let name = entry.expect("an entry").file_name();
            name.to_string_lossy().into_owned()
        })
        .filter(|name| name != ".lock")
        .collect();
    names.sort();
    names
}

fn steps(folder: &Path) -> Vec<u64> {
    let files = super::folder::list(folder).expect("a folder");
    files.into_iter().map(|(step, _)| step).collect()
}

fn told(run: &Outcome<B>, name: &str) -> Vec<String> {
    let notices = run.notices.iter().filter(|notice| notice.name() == name);
    notices.map(ToString::to_string).collect()
}

#[test]
fn an_earlier_run_is_neither_overwritten_nor_mixed_with_a_new_one() {
    let folder = stored();
    let start = |start| Some(Checkpoints::new(folder.path()).every(5).start(start));
    let error = run::<B>(config(7), 5, start(Start::Fresh), 99).expect_err("a used folder");
    assert!(error.to_string().contains("up to step 12"), "{error}");
    // From a file of one's choice; what was made after it is put aside.
    let elsewhere = stored();
    let from = elsewhere.path().join("step-000000004.checkpoint");
    let error = run::<B>(config(7), 5, start(Start::From(from)), 99).expect_err("a used folder");
    assert!(error.to_string().contains("up to step 12"), "{error}");
    run::<B>(config(7), 5, start(Start::Replace), 99).expect("a new run");
    assert_eq!(steps(folder.path()), [7, 5]);
    assert_eq!(names(folder.path()).len(), 2, "{:?}", names(folder.path()));
    let from = folder.path().join("step-000000005.checkpoint");
    let again = run::<B>(config(7), 6, start(Start::From(from.clone())), 6).expect("a run");
    assert_eq!(again.resumed_from, Some(from));
    assert_eq!(again.state.step, 6);
    let nothing = tempfile::tempdir().expect("a folder");
    let run = resume(nothing.path(), config(7)).expect("a run from the beginning");
    let mut told = run.notices.iter();
    assert!(told.any(|notice| matches!(notice, Notice::NothingToResume { .. })));
}

#[test]
fn newer_checkpoints_stay_until_the_run_has_caught_up_with_them() {
    let folder = stored();
    let whole = fs::read(newest(folder.path())).expect("the newest");
    let from = folder.path().join("step-000000004.checkpoint");
    let plan = |start| Some(Checkpoints::new(folder.path()).every(3).start(start));
    let aside = "step-000000012.checkpoint.superseded";
    let first = run::<B>(config(13), 6, plan(Start::From(from)), 6).expect("a run");
    assert_eq!(told(&first, "put_aside").len(), 2);
    assert_eq!(steps(folder.path()), [6, 4]);
    // Whoever did not mean it finds what there was.
    assert_eq!(fs::read(folder.path().join(aside)).expect("it"), whole);
    // A resume goes on with the new run.
    let second = run::<B>(config(13), 6, plan(Start::Resume), 9).expect("a run");
    assert_eq!(
        second.resumed_from.expect("a file"),
        folder.path().join("step-000000006.checkpoint")
    );
    assert!(names(folder.path()).contains(&aside.to_owned()));
    assert!(!names(folder.path()).contains(&aside.replace("12", "08")));
    run::<B>(config(13), 6, plan(Start::Resume), 99).expect("a run");
    assert_eq!(steps(folder.path()), [13, 12, 9]);
    assert_eq!(names(folder.path()).len(), 3);
}

#[test]
fn an_earlier_run_is_gone_only_when_the_new_one_is_stored() {
    let folder = stored();
    let before: Vec<_> = names(folder.path());
    let plan = |start| Some(Checkpoints::new(folder.path()).every(0).start(start));
    let mut failing = Trainer::new(config(13), &Default::default()).expect("valid settings");
    failing = failing
        .with_checkpoints(plan(Start::Replace).expect("a plan"))
        .with_hooks(Fails);
    failing
        .run(restless(5, 8), &points(20))
        .expect_err("a failing step");
    let replaced: Vec<_> = before
        .iter()
        .map(|name| format!("{name}.replaced"))
        .collect();
    assert_eq!(names(folder.path()), replaced);
    // Resumed, it is the new run's beginning and not the old run.
    let run = run::<B>(config(13), 6, plan(Start::Resume), 2).expect("a run");
    assert_eq!(run.resumed_from, None);
    assert_eq!(names(folder.path()), ["step-000000002.checkpoint"]);
}

/// Asks for settings that can't be.
struct Fails;

impl Hooks<Gan<Normed<B>, Restless<B>, B>> for Fails {
    fn optimizers(
        &mut self,
        _step: u64,
        _generator: OptimizerConfig,
        discriminator: OptimizerConfig,
    ) -> (OptimizerConfig, OptimizerConfig) {
        (OptimizerConfig::adam(f64::NAN), discriminator)
    }
}

#[test]
fn what_is_proven_damaged_is_put_aside_and_never_removed() {
    let folder = stored();
    let path = newest(folder.path());
    let whole = fs::read(&path).expect("the newest");
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    let damages = [&flipped[..], &whole[..whole.len() - 1], b"", &[0; 9_000]];
    for (number, damage) in damages.into_iter().enumerate() {
        fs::write(&path, damage).expect("a writable file");
        let plan = Checkpoints::new(folder.path())
            .every(4)
            .keep(1)
            .start(Start::Resume);
        let run = run::<B>(config(13), 6, Some(plan), 99).expect("the older one");
        assert_eq!(
            run.resumed_from.expect("a file"),
            folder.path().join("step-000000008.checkpoint")
        );
        let mut aside = path.clone().into_os_string();
        aside.push(".damaged");
        if number > 0 {
            aside.push(format!("-{}", number + 1));
        }
        assert_eq!(fs::read(aside).expect("what was put aside"), damage);
        assert_eq!(steps(folder.path()), [13]);
        // Again from the beginning.
        fs::remove_file(newest(folder.path())).expect("a removable file");
        let older = stored();
        for (step, file) in super::folder::list(older.path()).expect("a folder") {
            let name = format!("step-{step:09}.checkpoint");
            fs::copy(file, folder.path().join(name)).expect("a copy");
        }
    }
    assert_eq!(names(folder.path()).len(), 3 + 4);
}

#[test]
fn what_can_not_be_read_for_another_reason_ends_the_resume_and_stays() {
    let folder = stored();
    let path = newest(folder.path());
    let whole = fs::read(&path).expect("the newest");
    let text = String::from_utf8_lossy(&whole[..22]).into_owned();
    assert_eq!(text, "burn-gan checkpoint 4\n");
    let mut older = whole;
    older[20] = b'2';
    fs::write(&path, &older).expect("a writable file");
    let before = names(folder.path());
    let error = resume(folder.path(), config(13)).expect_err("another format");
    assert!(
        error.to_string().contains("is a checkpoint of format 2"),
        "{error}"
    );
    assert_eq!(names(folder.path()), before);
    let error = best_checkpoint(folder.path(), Better::Lower).expect_err("another format");
    assert!(error.to_string().contains("format 2"), "{error}");
    assert_eq!(fs::read(&path).expect("it"), older);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o0)).expect("permissions");
        // Root may read everything.
        if fs::read(&path).is_err() {
            let error = resume(folder.path(), config(13)).expect_err("no permission");
            assert!(matches!(error, crate::Error::Io { .. }), "{error}");
            assert_eq!(names(folder.path()), before);
        }
    }
}

#[cfg(unix)]
#[test]
fn what_is_named_like_a_checkpoint_and_is_none_is_passed_over() {
    let folder = stored();
    let at = |name: &str| folder.path().join(name);
    for name in [
        ".step-000000016.checkpoint.1",
        "step-000000016.checkpoint",
        "step-000000013.checkpoint",
    ] {
        fs::create_dir(at(name)).expect("a folder");
    }
    let pipe = at("step-000000020.checkpoint");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo").success());
    std::os::unix::fs::symlink(
        at("step-000000004.checkpoint"),
        at("step-000000024.checkpoint"),
    )
    .expect("a link");
    fs::write(at("step-1e3.checkpoint"), "").expect("a file");
    fs::write(at("step-+50.checkpoint"), "").expect("a file");
    let plan = Checkpoints::new(folder.path())
        .every(1)
        .keep(1)
        .start(Start::Resume);
    let run = run::<B>(config(14), 6, Some(plan.accept("steps")), 99).expect("a run");
    assert_eq!(run.resumed_from, Some(at("step-000000012.checkpoint")));
    assert_eq!(told(&run, "passed_over").len(), 6, "{:?}", run.notices);
    assert_eq!(told(&run, "put_aside").len(), 1, "a folder in the way");
    assert!(at("step-000000013.checkpoint.in-the-way").is_dir());
    assert_eq!(steps(folder.path()), [14]);
    for name in [
        "step-000000016.checkpoint",
        ".step-000000016.checkpoint.1",
        "step-1e3.checkpoint",
    ] {
        assert!(at(name).exists(), "{name}");
    }
    for path in [
        pipe.clone(),
        at("step-000000016.checkpoint"),
        "/dev/zero".into(),
    ] {
        let plan = Checkpoints::new(folder.path()).start(Start::From(path));
        assert!(super::tests::run::<B>(config(14), 6, Some(plan), 99).is_err());
    }
}

/// A run of 13 steps that measures a `distance` after each, and is stopped after step `stop`.
fn measured(plan: Checkpoints, stop: u64, distance: fn(u64) -> Result<f64>) -> Outcome<B> {
    let interrupt = Interrupt::new();
    let button = interrupt.clone();
    let distance = measure_fn("distance", move |event: &Event<'_>| {
        if event.step == stop {
            button.request();
        }
        distance(event.step)
    });
    let trainer = Trainer::new(config(13), &Default::default()).expect("valid settings");
    let trainer = (trainer.stop_on(&interrupt)).evaluate(Rhythm::Every(1), Tolerated(distance));
    let trainer = trainer.with_checkpoints(plan);
    trainer.run(restless(5, 8), &points(20)).expect("a run")
}

#[test]
fn a_metric_that_fails_leaves_a_checkpoint_that_is_not_the_best() {
    let folder = tempfile::tempdir().expect("a folder");
    let plan = Checkpoints::new(folder.path()).every(4);
    let plan = plan.keep_best("distance", Better::Lower);
    let run = measured(plan, 9, |step| match step {
        4 => Ok(0.5),
        8 => Err(crate::Error::data("the metric", "has no data")),
        _ => Ok(0.6),
    });
    assert_eq!(told(&run, "not_measured").len(), 1);
    assert_eq!(steps(folder.path()), [9, 8, 4]);
    let best = best_checkpoint(folder.path(), Better::Lower).expect("a folder");
    assert_eq!(
        best,
        Some((folder.path().join("step-000000004.checkpoint"), 0.5))
    );
    // A damaged one is no candidate.
    fs::write(&best.expect("the best").0, "").expect("a writable file");
    let best = best_checkpoint(folder.path(), Better::Lower).expect("a folder");
    assert_eq!(
        best,
        Some((folder.path().join("step-000000009.checkpoint"), 0.6))
    );
}

#[test]
fn the_best_checkpoint_stays_beside_the_last() {
    let folder = tempfile::tempdir().expect("a folder");
    let plan = Checkpoints::new(folder.path()).every(2).keep(2);
    let plan = plan.keep_best("distance", Better::Lower);
    // Best at step 5, where no checkpoint is due; unknown at step 8.
    measured(plan, 99, |step| match step {
        5 => Ok(0.5),
        8 => Ok(f64::NEG_INFINITY),
        step => Ok(step as f64),
    });
    let files = super::folder::list(folder.path()).expect("a folder");
    let steps: Vec<u64> = files.iter().map(|(step, _)| *step).collect();
    assert_eq!(steps, [13, 12, 5]);
    let best = best_checkpoint(folder.path(), Better::Lower).expect("a folder");
    assert_eq!(best, Some((files[2].1.clone(), 0.5)));
    let error = Checkpoints::new(folder.path()).keep(0);
    assert!(run::<B>(config(13), 5, Some(error), 99).is_err());
}

/// Makes the generator's gradients so large that Adam's second moment overflows, while the weights
/// stay finite: what is divided by infinity moves nothing.
struct Overflow;

impl Hooks<Gan<Normed<B>, Restless<B>, B>> for Overflow {
    fn generator_gradients(
        &mut self,
        generator: &Normed<B>,
        gradients: GradientsParams,
    ) -> GradientsParams {
        struct Large(GradientsParams);
        impl ModuleVisitor<B> for Large {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
                if let Some(gradient) = self.0.remove::<Cpu, D>(param.id) {
                    self.0
                        .register::<Cpu, D>(param.id, gradient.mul_scalar(1e30));
                }
            }
        }
        let mut large = Large(gradients);
        generator.visit(&mut large);
        large.0
    }
}

#[test]
fn moments_that_have_overflowed_are_not_stored() {
    let folder = tempfile::tempdir().expect("a folder");
    // The watch would halt at the first of them.
    let config = config(4).with_health(HealthConfig::off());
    let run = Trainer::new(config, &Default::default())
        .expect("valid settings")
        .with_checkpoints(Checkpoints::new(folder.path()).every(2))
        .with_hooks(Overflow)
        .run(restless(5, 8), &points(20))
        .expect("a run");
    let weights = parameters::<B, _>(&run.state.gan).concat();
    assert!(weights.iter().all(|weight| weight.is_finite()));
    let told = told(&run, "not_saved");
    assert_eq!(
        told,
        [2, 4].map(|step| format!(
            "step {step}: no checkpoint: an optimiser remembers numbers that are not finite"
        ))
    );
    assert_eq!(super::folder::list(folder.path()).expect("a folder"), []);
}
