//! Whatever goes wrong around a run, nothing of it is lost: not by a full disk, a folder that can't be
//! written, a terminal that is gone, an observer or a data set that fails. The run ends with an error
//! that says what was wrong, or goes on where it can; no checkpoint newer than the newest that is
//! stored ever goes; and the resumed run is the run that was never disturbed, bit for bit.
//!
//! This file's tests start themselves again as child processes. A few failures of each kind by
//! default; `BURN_GAN_FAILURES=40 cargo test --test failures` makes more.
#![cfg(unix)]

mod child;

use burn_gan::train::observe_fn;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use burn_gan::burn::backend::{Autodiff, Flex};
use burn_gan::burn::tensor::{Device, Tensor};
use burn_gan::data::{Dataset, MemoryDataset, Mixture};
use burn_gan::models::{
    MlpDiscriminator, MlpDiscriminatorConfig, MlpGenerator, MlpGeneratorConfig,
};
use burn_gan::objective::{Objective, Term};
use burn_gan::random::Stream;
use burn_gan::step::{EmaConfig, OptimizerConfig};
use burn_gan::train::{Checkpoints, Progress, Rhythm, Start, StepEvent, Trainer, TrainerConfig};
use burn_gan::{Error, Gan, Latent, Result};
use child::{Order, asked, newest, number, repetitions, words};

type B = Autodiff<Flex>;
type Event<'a> = StepEvent<'a, Gan<MlpGenerator<B, 2>, MlpDiscriminator<B, 2>, B>>;

const STEPS: u64 = 60;
/// Steps between two checkpoints.
const EVERY: u64 = 4;
/// What a planted failure says of itself.
const PLANTED: &str = "planted failure";

/// The child's exit codes: done, ended by an error, done but not stored.
const DONE: i32 = 0;
const FAILED: i32 = 10;
const UNSAVED: i32 = 11;

// ---- the child ----

/// Points of a ring; asking for the batch of one step fails, in the way that was ordered.
struct Points {
    data: MemoryDataset<2>,
    asked: AtomicU64,
    /// The request that fails; 0 for none.
    fails: u64,
    panics: bool,
}

impl Dataset<B> for Points {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn len(&self) -> usize {
        Dataset::<B>::len(&self.data)
    }

    fn batch(
        &self,
        indices: &[usize],
        device: &Device<B>,
    ) -> Result<(Self::Sample, Self::Condition)> {
        if self.asked.fetch_add(1, Ordering::Relaxed) + 1 == self.fails {
            if self.panics {
                panic!("{PLANTED} of the data");
            }
            return Err(Error::data("points", format!("{PLANTED} of the data")));
        }
        Dataset::<B>::batch(&self.data, indices, device)
    }
}

/// The other half of each test: trains, or fails on the way.
#[test]
fn child() {
    let Some(case) = asked("CASE") else {
        return;
    };
    let folder = PathBuf::from(asked("FOLDER").expect("an order"));
    let (at, result) = (number("AT"), asked("RESULT").expect("an order"));
    let outcome = train(&case, &folder, at);
    let (code, text) = match outcome {
        Ok((digest, None)) => (DONE, digest),
        Ok((digest, Some(unsaved))) => (UNSAVED, format!("{digest}\n{unsaved}")),
        Err(error) => (FAILED, error.to_string()),
    };
    fs::write(result, text).expect("a place for the result");
    // The test harness would write to a terminal that may be gone.
    std::process::exit(code);
}

/// A run to its end; the digest of its state, and why it is not stored, where it is not.
fn train(case: &str, folder: &Path, at: u64) -> Result<(String, Option<String>)> {
    let device = Default::default();
    let points = Mixture::ring().sample(30, &mut Stream::new(3, "points"));
    // Whoever resumes brings other weights, so that all that counts comes from the checkpoint.
    let seed = if newest(folder).is_some() { 2 } else { 1 };
    let gan = Gan::<_, _, B>::seeded(
        MlpGeneratorConfig::new(4, [2])
            .with_hidden([8])
            .init::<B, 2>(&device)?,
        MlpDiscriminatorConfig::new([2])
            .with_hidden([8])
            .with_dropout(0.2)
            .init::<B, 2>(&device)?,
        seed,
        &device,
    );
    let data = Points {
        data: MemoryDataset::new(points, [2])?,
        asked: AtomicU64::new(0),
        fails: if case.starts_with("data set") { at } else { 0 },
        panics: case.ends_with("panics"),
    };
    let config = TrainerConfig::new(STEPS, 4, Latent::normal(4))
        .with_seed(7)
        .with_objective(Objective::recommended().with_term(Term::lecam(0.1)))
        .with_optimizers(OptimizerConfig::adam(1e-3).with_betas(0.0, 0.9))
        .with_ema(EmaConfig::half_life(100.0));
    let trouble = |event: &Event<'_>| -> Result<()> {
        if event.step != at {
            return Ok(());
        }
        match case {
            "observer fails" => Err(Error::Observer(format!("{PLANTED} of an observer"))),
            "observer panics" => panic!("{PLANTED} of an observer"),
            // A file in the folder's place: nobody can write into it, whatever the rights.
            "folder goes" => {
                fs::rename(folder, away(folder)).expect("a folder");
                fs::write(folder, "in the way").expect("a file");
                Ok(())
            }
            "folder comes back" => {
                fs::rename(folder, away(folder)).expect("a folder");
                fs::write(folder, "in the way").expect("a file");
                Ok(())
            }
            "disk fills" | "disk fills for a while" => {
                fill(folder);
                Ok(())
            }
            _ => Ok(()),
        }
    };
    let relief = |event: &Event<'_>| -> Result<()> {
        if event.step != at + 2 * EVERY {
            return Ok(());
        }
        match case {
            "folder comes back" => {
                fs::remove_file(folder).expect("a file");
                fs::rename(away(folder), folder).expect("a folder");
            }
            "disk fills for a while" => fs::remove_file(ballast(folder)).expect("a file"),
            _ => {}
        }
        Ok(())
    };
    // Time to close a terminal in.
    let pause = Duration::from_millis(if case == "terminal" { 4 } else { 0 });
    let run = Trainer::new(config, &device)?
        .with_checkpoints(
            Checkpoints::new(folder)
                .every(EVERY)
                .keep(2)
                .start(Start::Resume),
        )
        .observe(Rhythm::Every(1), Progress::new())
        .observe(Rhythm::Every(1), observe_fn(trouble))
        .observe(Rhythm::Every(1), observe_fn(relief))
        .observe(
            Rhythm::Every(1),
            observe_fn(|event: &Event<'_>| {
                // A terminal that is gone is none of the program's business.
                let _ = writeln!(std::io::stdout(), "step {}", event.step);
                let _ = writeln!(std::io::stderr(), "step {}", event.step);
                std::thread::sleep(pause);
                Ok(())
            }),
        )
        .run(gan, &data)?;
    Ok((run.state.digest(), run.unsaved))
}

fn away(folder: &Path) -> PathBuf {
    folder.with_extension("away")
}

fn ballast(folder: &Path) -> PathBuf {
    folder.with_extension("ballast")
}

/// Writes until the disk is full.
fn fill(folder: &Path) {
    let mut file = fs::File::create(ballast(folder)).expect("a file");
    while file.write_all(&[0; 512]).is_ok() {}
}

// ---- the parent ----

/// A place for a run, and what its processes come to.
struct Place {
    /// Holds the folder of checkpoints, or only the results where that is elsewhere.
    scratch: tempfile::TempDir,
    folder: PathBuf,
}

/// How a process ended.
struct Ended {
    code: Option<i32>,
    /// The digest, and the reason why it is not stored; or the error.
    result: String,
    /// What it wrote to the terminal.
    words: String,
}

impl Place {
    fn new() -> Self {
        let scratch = tempfile::tempdir().expect("a folder");
        let folder = scratch.path().join("checkpoints");
        Self { scratch, folder }
    }

    fn result(&self) -> PathBuf {
        self.scratch.path().join("result")
    }

    fn order(&self, case: &str, at: u64) -> Order {
        let _ = fs::remove_file(self.result());
        Order::new(case, &self.folder)
            .with("AT", at)
            .with("RESULT", self.result().display())
    }

    fn ended(&self, output: &Output) -> Ended {
        let ended = Ended {
            code: output.status.code(),
            result: fs::read_to_string(self.result()).unwrap_or_default(),
            words: words(output),
        };
        let panicked = ended.words.contains("panicked at");
        assert!(
            !panicked || ended.result.contains(PLANTED),
            "{}",
            ended.told()
        );
        ended
    }

    fn run(&self, case: &str, at: u64) -> Ended {
        self.run_within(&[], case, at)
    }

    fn run_within(&self, wrapper: &[&str], case: &str, at: u64) -> Ended {
        let output = self.order(case, at).within(wrapper).output();
        self.ended(&output.expect("a child process"))
    }

    /// The step of the newest checkpoint, which is whole: it is gone on from in the end.
    fn stored(&self) -> u64 {
        newest(&self.folder).map_or(0, |(step, _)| step)
    }

    /// Resumes and compares with the run that was never disturbed.
    fn ends_undisturbed(&self, expected: &str, what: &str) {
        let before = self.stored();
        let ended = self.run("nothing", 0);
        assert_eq!(ended.code, Some(DONE), "{what}: {}", ended.told());
        assert_eq!(ended.result, expected, "{what}");
        if before > 0 {
            let words = ended.words;
            assert!(
                !words.lines().any(|line| line == format!("step {before}")),
                "{what}: it goes on after step {before}\n{words}"
            );
        }
        assert_eq!(self.stored(), STEPS, "{what}: the end is stored");
    }
}

impl Ended {
    fn told(&self) -> String {
        format!("{:?} {}\n{}", self.code, self.result, self.words)
    }

    /// It ended by an error of the crate, which says this.
    fn failed_by(&self, says: &[&str], what: &str) {
        assert_eq!(self.code, Some(FAILED), "{what}: {}", self.told());
        for part in says {
            assert!(self.result.contains(part), "{what}: {}", self.told());
        }
    }
}

/// The digest of a run that nothing disturbs.
fn undisturbed() -> String {
    let place = Place::new();
    let ended = place.run("nothing", 0);
    assert_eq!(ended.code, Some(DONE), "{}", ended.told());
    ended.result
}

/// Random moments, a few by default.
fn moments(purpose: &str) -> impl Iterator<Item = u64> {
    let mut stream = Stream::new(std::process::id().into(), purpose);
    (0..repetitions("FAILURES", 3)).map(move |_| 1 + stream.index(STEPS as usize - 1) as u64)
}

/// A failure that ends the run: the step before it is stored, whatever the rhythm of checkpoints.
fn an_end(case: &str, says: &[&str]) {
    let expected = undisturbed();
    for at in moments(case) {
        let what = format!("{case} at {at}");
        let place = Place::new();
        let ended = place.run(case, at);
        ended.failed_by(says, &what);
        let made = last_step(&ended.words);
        // Before the first step there is none to name.
        if made > 0 && case.starts_with("data set") {
            ended.failed_by(&[&format!("step {}", made + 1)], &what);
        }
        assert_eq!(place.stored(), made, "{what}: {}", ended.told());
        place.ends_undisturbed(&expected, &what);
    }
}

/// The last step that a process has told of.
fn last_step(words: &str) -> u64 {
    words
        .lines()
        .filter_map(|line| line.strip_prefix("step ")?.parse().ok())
        .max()
        .unwrap_or(0)
}

#[test]
fn an_observer_that_fails_ends_the_run_behind_a_checkpoint_of_its_last_step() {
    an_end("observer fails", &[PLANTED]);
}

#[test]
fn an_observer_that_panics_ends_the_run_behind_a_checkpoint_of_its_last_step() {
    an_end("observer panics", &[PLANTED]);
}

#[test]
fn a_data_set_that_fails_ends_the_run_behind_a_checkpoint_of_its_last_step() {
    an_end("data set fails", &[PLANTED, "data set"]);
}

#[test]
fn a_data_set_that_panics_ends_the_run_behind_a_checkpoint_of_its_last_step() {
    an_end("data set panics", &[PLANTED, "data set"]);
}

/// Two failures one after the other, and both ends of the run among them.
#[test]
fn failures_may_follow_each_other() {
    let expected = undisturbed();
    let place = Place::new();
    let mut before = 0;
    for (case, at) in [
        ("observer fails", 1),
        ("data set panics", 9),
        ("data set fails", 3),
        ("observer panics", STEPS - 1),
        ("observer fails", STEPS),
    ] {
        let ended = place.run(case, at);
        ended.failed_by(&[PLANTED], case);
        assert!(place.stored() >= before, "{case}: {}", ended.told());
        before = place.stored();
    }
    place.ends_undisturbed(&expected, "five failures");
}

/// A run whose last checkpoint can't be written: it goes on to its end, and says at its end that it
/// is not stored, and where. What was stored before stays.
fn not_stored(place: &Place, ended: &Ended, at: u64, what: &str) {
    assert!(
        matches!(ended.code, Some(FAILED | UNSAVED)),
        "{what}: {}",
        ended.told()
    );
    assert!(
        ended.result.contains("checkpoint"),
        "{what}: it names the file or folder: {}",
        ended.told()
    );
    assert!(
        ended.words.contains("checkpoint"),
        "{what}: it is told on the way: {}",
        ended.told()
    );
    // A step with a checkpoint writes it before or after the failing observer.
    let whole = at / EVERY * EVERY;
    assert!(
        place.stored() == whole || place.stored() + EVERY == whole,
        "{what}: step {} is stored\n{}",
        place.stored(),
        ended.told()
    );
}

#[test]
fn a_folder_that_goes_is_told_and_takes_nothing_along() {
    let expected = undisturbed();
    for at in moments("folder goes").map(|at| at.max(EVERY + 1)) {
        let what = format!("the folder goes in step {at}");
        let place = Place::new();
        let ended = place.run("folder goes", at);
        fs::remove_file(&place.folder).expect("the file in its place");
        fs::rename(away(&place.folder), &place.folder).expect("the folder");
        not_stored(&place, &ended, at, &what);
        place.ends_undisturbed(&expected, &what);
    }
}

#[test]
fn a_folder_that_comes_back_is_written_again() {
    let expected = undisturbed();
    for at in moments("folder comes back").map(|at| at.min(STEPS - 3 * EVERY)) {
        let what = format!("the folder is gone from step {at} on");
        let place = Place::new();
        let ended = place.run("folder comes back", at);
        assert_eq!(ended.code, Some(DONE), "{what}: {}", ended.told());
        assert_eq!(ended.result, expected, "{what}");
        assert_eq!(place.stored(), STEPS, "{what}");
    }
}

/// A limit on the size of files: what a full disk is to those who may not make one. The signal that
/// goes with it is ignored, as a full disk sends none.
#[test]
fn a_disk_that_is_full_from_the_start_loses_no_older_checkpoint() {
    let expected = undisturbed();
    let limited = ["sh", "-c", "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\""];
    for at in moments("limit") {
        let what = format!("no file may be large after step {at}");
        let place = Place::new();
        place.run("observer fails", at).failed_by(&[PLANTED], &what);
        let before = place.stored();
        assert_eq!(before, at, "{what}");
        let ended = place.run_within(&limited, "nothing", 0);
        assert!(
            matches!(ended.code, Some(FAILED | UNSAVED)),
            "{what}: {}",
            ended.told()
        );
        assert!(
            ended.result.contains("checkpoint"),
            "{what}: {}",
            ended.told()
        );
        assert_eq!(place.stored(), before, "{what}: {}", ended.told());
        place.ends_undisturbed(&expected, &what);
    }
}

/// A small disk of one's own, which only root may have.
struct Disk(PathBuf);

impl Disk {
    fn new(place: &Path) -> Option<Self> {
        let place = place.join("disk");
        fs::create_dir(&place).expect("a folder");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=128k", "tmpfs"])
            .arg(&place)
            .stderr(Stdio::null())
            .status();
        mounted
            .is_ok_and(|status| status.success())
            .then_some(Self(place))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

/// A run on a small disk that fills up in it.
fn on_a_small_disk(case: &str, check: impl Fn(&Place, &Ended, u64, &str)) {
    for at in moments(case).map(|at| at.clamp(EVERY + 1, STEPS - 3 * EVERY)) {
        let mut place = Place::new();
        let Some(disk) = Disk::new(place.scratch.path()) else {
            println!("no right to mount a disk: not tried");
            return;
        };
        place.folder = disk.0.join("checkpoints");
        let ended = place.run(case, at);
        check(&place, &ended, at, &format!("{case} in step {at}"));
    }
}

#[test]
fn a_disk_that_fills_up_is_told_and_takes_nothing_along() {
    let expected = undisturbed();
    on_a_small_disk("disk fills", |place, ended, at, what| {
        not_stored(place, ended, at, what);
        fs::remove_file(ballast(&place.folder)).expect("the ballast");
        place.ends_undisturbed(&expected, what);
    });
}

#[test]
fn a_disk_that_is_full_for_a_while_is_written_again() {
    let expected = undisturbed();
    on_a_small_disk("disk fills for a while", |place, ended, _, what| {
        assert_eq!(ended.code, Some(DONE), "{what}: {}", ended.told());
        assert_eq!(ended.result, expected, "{what}");
        assert_eq!(place.stored(), STEPS, "{what}");
    });
}

/// `… 2>&1 | head -n`, and a log reader that dies: both pipes are closed after some lines.
#[test]
fn a_terminal_that_is_closed_ends_no_run() {
    let expected = undisturbed();
    for at in moments("terminal") {
        let what = format!("closed after step {at}");
        let place = Place::new();
        let mut process = place.order("terminal", 0).start();
        let output = process.stdout.take().expect("its output");
        for line in BufReader::new(output).lines() {
            if line.expect("a line").contains(&format!("step {at}")) {
                break;
            }
        }
        drop(process.stderr.take());
        let output = process.wait_with_output().expect("a child process");
        let ended = place.ended(&output);
        assert_eq!(ended.code, Some(DONE), "{what}: {}", ended.told());
        assert_eq!(ended.result, expected, "{what}");
        assert_eq!(place.stored(), STEPS, "{what}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn standard_error_on_a_full_disk_ends_no_run() {
    let expected = undisturbed();
    let place = Place::new();
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .expect("a device that is always full");
    let output = place.order("nothing", 0).command().stderr(full).output();
    let ended = place.ended(&output.expect("a child process"));
    assert_eq!(ended.code, Some(DONE), "{}", ended.told());
    assert_eq!(ended.result, expected);
}
