//! Starts workers, and takes what ends one as a finding.

use std::fs;
use std::iter;
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::options::Options;
use crate::readers::{self, FAULTS, Reader};
use crate::worker::{self, CASE, FINDINGS_AT_MOST, SUMMARY, Summary};

/// Mutated cases of each reader where nothing is asked for.
const MUTATIONS: u64 = 300;
/// How long the planted hang may take.
const PLANTED_DEADLINE: Duration = Duration::from_secs(2);

/// What is run of a reader.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Fixed,
    Mutated,
}

pub fn run(options: &Options) -> ExitCode {
    if let Some(name) = &options.reader
        && readers::by_name(name).is_none()
    {
        let names: Vec<_> = readers::all().iter().map(|reader| reader.name()).collect();
        eprintln!(
            "fuzz: there is no reader `{name}`; there are {}",
            names.join(", ")
        );
        return ExitCode::from(2);
    }
    let wanted: Vec<_> = readers::all()
        .into_iter()
        .filter(|reader| options.wants(reader.name()))
        .collect();
    let mut findings = 0;
    if !wanted.is_empty() && options.case.is_none() {
        findings += finds_what_is_planted(options);
    }
    findings += side_by_side(&wanted, options);
    if findings == 0 {
        ExitCode::SUCCESS
    } else {
        println!("{findings} findings; one again: --reader NAME --seed N --case N");
        ExitCode::FAILURE
    }
}

/// Runs readers, as many at once as there are processors, and returns the number of findings.
fn side_by_side(readers: &[&dyn Reader], options: &Options) -> u64 {
    let lanes = thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let lane = || -> u64 {
        let turns = iter::from_fn(|| readers.get(next.fetch_add(1, Ordering::Relaxed)));
        turns.map(|reader| all_cases(*reader, options)).sum()
    };
    thread::scope(|scope| {
        let lanes: Vec<_> = (0..lanes).map(|_| scope.spawn(lane)).collect();
        let ended = lanes.into_iter().map(|lane| lane.join().expect("a lane"));
        ended.sum()
    })
}

/// A folder that workers share with the supervisor: in memory, where the system has such.
fn shared_folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir());
    made.expect("a temporary folder")
}

/// Runs a reader's seeds, regressions and mutations, and returns the number of findings.
fn all_cases(reader: &dyn Reader, options: &Options) -> u64 {
    let start = Instant::now();
    let mut whole = Summary::default();
    if options.case.is_none() {
        whole = part(reader, options, Part::Fixed);
    }
    if whole.findings < FINDINGS_AT_MOST {
        whole.add(part(reader, options, Part::Mutated));
    }
    println!(
        "{}: {} cases, {} accepted, {} findings ({:.1} s)",
        reader.name(),
        whole.cases,
        whole.accepted,
        whole.findings,
        start.elapsed().as_secs_f64()
    );
    whole.findings
}

/// One part, in as many processes as it takes.
fn part(reader: &dyn Reader, options: &Options, part: Part) -> Summary {
    let start = Instant::now();
    let first = options.case.unwrap_or(0);
    let mutations = match (options.case, options.mutations, options.seconds) {
        (Some(_), _, _) => Some(1),
        (None, None, None) => Some(MUTATIONS),
        (None, mutations, _) => mutations,
    };
    let mut whole = Summary::default();
    let mut next = match part {
        Part::Fixed => 0,
        Part::Mutated => first,
    };
    let folder = shared_folder();
    let state = folder.path();
    loop {
        for file in [CASE, SUMMARY] {
            // Those of the worker before.
            let _ = fs::remove_file(state.join(file));
        }
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command
            .arg("--reader")
            .arg(reader.name())
            .arg("--seed")
            .arg(options.seed.to_string())
            .arg("--deadline")
            .arg(options.deadline.as_secs_f64().to_string())
            .arg("--out")
            .arg(&options.out)
            .arg("--state")
            .arg(state);
        match part {
            Part::Fixed => {
                command.arg("--fixed-from").arg(next.to_string());
            }
            Part::Mutated => {
                if let Some(mutations) = mutations {
                    let left = first.saturating_add(mutations).saturating_sub(next);
                    command.arg("--mutations").arg(left.to_string());
                }
                if let Some(seconds) = options.seconds {
                    let left = (seconds - start.elapsed().as_secs_f64()).max(0.0);
                    command.arg("--seconds").arg(left.to_string());
                }
                if let Some(case) = options.case {
                    command.arg("--case").arg(case.to_string());
                }
                command.arg("--mutated-from").arg(next.to_string());
            }
        }
        let errors = state.join("stderr");
        let status = command
            .stderr(fs::File::create(&errors).expect("a writable folder"))
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::null())
            .stdout(if options.quiet {
                Stdio::null()
            } else {
                Stdio::inherit()
            })
            .status()
            .expect("a worker");
        let errors = fs::read(&errors).unwrap_or_default();
        let errors = String::from_utf8_lossy(&errors);
        let summary = fs::read_to_string(state.join(SUMMARY)).ok();
        if let Some(summary) = summary.as_deref().and_then(Summary::from_text) {
            whole.add(summary);
            return whole;
        }
        if status.code() == Some(2) {
            // The harness, not the reader.
            print!("{errors}");
            whole.findings += 1;
            return whole;
        }
        let Some((number, before)) = ended(reader, options, state, status, &errors) else {
            whole.findings += 1;
            return whole;
        };
        whole.add(before);
        next = number + 1;
        let done = mutations.is_some_and(|count| next >= first.saturating_add(count));
        if part == Part::Mutated && done || whole.findings >= FINDINGS_AT_MOST {
            return whole;
        }
    }
}

/// Reports the case that ended its process, and returns its number and what its process had come to;
/// `None` where there is no such case.
fn ended(
    reader: &dyn Reader,
    options: &Options,
    state: &Path,
    status: ExitStatus,
    errors: &str,
) -> Option<(u64, Summary)> {
    let what = if status.code() == Some(worker::HANGS.into()) {
        format!("takes more than {:?}", options.deadline)
    } else {
        let last: Vec<&str> = errors.trim().lines().rev().take(3).collect();
        let last: Vec<&str> = last.into_iter().rev().collect();
        format!("ended its process ({status}): {}", last.join(": "))
    };
    let Ok(case) = fs::read_to_string(state.join(CASE)) else {
        println!("FOUND in {}, before the first case: {what}", reader.name());
        return None;
    };
    let (case, summary) = case.split_once('\n')?;
    let (number, name) = case.split_once(' ')?;
    let mut summary = Summary::from_text(summary)?;
    if worker::is_new(state, &what) {
        summary.findings += 1;
        let bytes = fs::read(state.join(reader.file())).unwrap_or_default();
        worker::report(options, reader.name(), name, &what, &bytes);
    }
    Some((number.parse().ok()?, summary))
}

/// Whether every planted fault is found: 1 where one is not.
fn finds_what_is_planted(options: &Options) -> u64 {
    let folder = shared_folder();
    let planted = Options {
        deadline: PLANTED_DEADLINE,
        out: folder.path().to_owned(),
        // Its findings would look like findings.
        quiet: true,
        ..options.clone()
    };
    let reader = readers::by_name("planted").expect("a planted reader");
    let told = part(reader, &planted, Part::Fixed).findings;
    let missing: Vec<_> = FAULTS
        .into_iter()
        .filter(|fault| {
            !folder
                .path()
                .join(worker::file_name("planted", fault))
                .exists()
        })
        .collect();
    if missing.is_empty() && told == FAULTS.len() as u64 {
        return 0;
    }
    println!("FOUND in the harness itself: {told} findings, none of what is planted: {missing:?}");
    1
}
