//! Runs the cases of one reader, one after the other, in a process that any of them may end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::ALLOCATOR;
use crate::options::{Options, Order};
use crate::random::Random;
use crate::readers::{self, Input, Outcome, Reader};

/// What a case may allocate beyond what was there before it.
const MEMORY: usize = 64 << 20;
/// Longer inputs are cut: the limit on memory is for files below it.
const LONGEST: usize = (1 << 20) - 1;
/// That of a thread's stack where nobody asks for another.
const STACK: usize = 2 << 20;
/// A reader with this many faults has enough to be looked at.
pub const FINDINGS_AT_MOST: u64 = 20;

/// Exit code of a case that takes too long.
pub const HANGS: u8 = 3;

/// Names of the files in the folder that a worker shares with its supervisor.
pub const CASE: &str = "case";
pub const SUMMARY: &str = "summary";
const KNOWN: &str = "known";

/// The last panic's words and place.
static PANIC: Mutex<Option<String>> = Mutex::new(None);

/// Milliseconds since the worker's start at which the case began; 0 between cases.
static BEGUN: AtomicU64 = AtomicU64::new(0);

/// What the cases came to.
#[derive(Debug, Default, Clone, Copy)]
pub struct Summary {
    pub cases: u64,
    pub accepted: u64,
    pub findings: u64,
}

impl Summary {
    pub fn add(&mut self, other: Self) {
        self.cases += other.cases;
        self.accepted += other.accepted;
        self.findings += other.findings;
    }

    pub fn to_text(self) -> String {
        format!("{} {} {}", self.cases, self.accepted, self.findings)
    }

    pub fn from_text(text: &str) -> Option<Self> {
        let mut numbers = text.split(' ').map(|number| number.parse().ok());
        Some(Self {
            cases: numbers.next()??,
            accepted: numbers.next()??,
            findings: numbers.next()??,
        })
    }
}

struct Worker<'a> {
    reader: &'static dyn Reader,
    options: &'a Options,
    /// The file that the reader is given.
    path: PathBuf,
    scratch: PathBuf,
    seeds: Vec<(PathBuf, Vec<u8>)>,
    summary: Summary,
    start: Instant,
}

/// Does what the supervisor asks for.
pub fn work(options: &Options, order: &Order) -> ExitCode {
    let name = options.reader.as_deref().unwrap_or_default();
    let Some(reader) = readers::by_name(name) else {
        eprintln!("fuzz: there is no reader `{name}`");
        return ExitCode::from(2);
    };
    std::panic::set_hook(Box::new(|panic| {
        let words = panic.to_string().replace('\n', ": ");
        *PANIC.lock().unwrap_or_else(|error| error.into_inner()) = Some(words);
    }));
    let start = Instant::now();
    std::thread::scope(|scope| {
        let cases = std::thread::Builder::new()
            .stack_size(STACK)
            .spawn_scoped(scope, || Worker::new(reader, options, start).run(order))
            .expect("a thread");
        while !cases.is_finished() {
            let begun = BEGUN.load(Ordering::Acquire);
            let now = start.elapsed().as_millis() as u64;
            if begun != 0 && now.saturating_sub(begun) > options.deadline.as_millis() as u64 {
                std::process::exit(HANGS.into());
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
        match cases.join() {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => {
                let words = PANIC.lock().unwrap_or_else(|error| error.into_inner());
                eprintln!("fuzz: the harness itself panicked: {words:?}");
                ExitCode::from(2)
            }
        }
    })
}

impl<'a> Worker<'a> {
    fn new(reader: &'static dyn Reader, options: &'a Options, start: Instant) -> Self {
        let scratch = options.state.join("scratch");
        std::fs::create_dir_all(&scratch).expect("a folder");
        Self {
            reader,
            options,
            path: options.state.join(reader.file()),
            scratch,
            seeds: seeds(reader),
            summary: Summary::default(),
            start,
        }
    }

    fn run(mut self, order: &Order) {
        match order {
            Order::Fixed(from) => self.fixed(*from),
            Order::Mutated(from) => self.mutated(*from),
        }
        std::fs::write(self.options.state.join(SUMMARY), self.summary.to_text())
            .expect("a writable folder");
    }

    /// Seeds, which must be accepted, and inputs that once failed.
    fn fixed(&mut self, from: usize) {
        let seeds = self.seeds.clone();
        let regressions = readers::files(&readers::folder("regressions", self.reader.name()));
        let count = seeds.len();
        for (index, (path, bytes)) in seeds.iter().chain(&regressions).enumerate().skip(from) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let before = self.summary.findings;
            let outcome = self.case(index as u64, &name, bytes, false);
            let told = self.summary.findings > before;
            if let (true, Some(Outcome::Refused(why))) = (index < count && !told, outcome) {
                self.found(
                    &name,
                    &format!("a seed is refused ({why}); if the format has changed, --make-seeds"),
                    bytes,
                );
            }
        }
    }

    fn mutated(&mut self, from: u64) {
        let until = self
            .options
            .mutations
            .map(|count| from.saturating_add(count));
        let seconds = self.options.seconds;
        let over = |number: u64, start: Instant| {
            until.is_some_and(|until| number >= until)
                || seconds.is_some_and(|seconds| start.elapsed().as_secs_f64() >= seconds)
        };
        let mut number = from;
        while !over(number, self.start) && self.summary.findings < FINDINGS_AT_MOST {
            let mut random = Random::new(self.options.seed, self.reader.name(), number);
            let seed = &self.seeds[random.below(self.seeds.len())].1;
            let other = &self.seeds[random.below(self.seeds.len())].1;
            let mut mutant = self.reader.mutate(&mut random, seed, other);
            mutant.bytes.truncate(LONGEST);
            let must_be_refused = self.reader.has_checksum()
                && !mutant.sealed
                && self.seeds.iter().all(|(_, seed)| *seed != mutant.bytes);
            let name = format!("seed-{}-case-{number}", self.options.seed);
            let outcome = self.case(number, &name, &mutant.bytes, must_be_refused);
            if self.options.case.is_some() {
                println!("{} bytes: {outcome:?}", mutant.bytes.len());
            }
            number += 1;
        }
    }

    /// One case; `None` where it panicked.
    fn case(
        &mut self,
        number: u64,
        name: &str,
        bytes: &[u8],
        must_be_refused: bool,
    ) -> Option<Outcome> {
        // What ends this process leaves both behind.
        std::fs::write(&self.path, bytes).expect("a writable folder");
        self.summary.cases += 1;
        let case = format!("{number} {name}\n{}", self.summary.to_text());
        std::fs::write(self.options.state.join(CASE), case).expect("a writable folder");
        let input = Input {
            path: &self.path,
            bytes,
            must_be_refused,
            scratch: &self.scratch,
        };
        BEGUN.store(
            1 + self.start.elapsed().as_millis() as u64,
            Ordering::Release,
        );
        // It fails only where more is in use than the new limit.
        let _ = ALLOCATOR.set_limit(ALLOCATOR.allocated() + MEMORY);
        let outcome = catch_unwind(AssertUnwindSafe(|| self.reader.read(&input)));
        let _ = ALLOCATOR.set_limit(usize::MAX);
        BEGUN.store(0, Ordering::Release);
        match &outcome {
            Ok(Outcome::Accepted) => self.summary.accepted += 1,
            Ok(Outcome::Refused(why)) => {
                let hidden = |letter: char| letter.is_control() && letter != '\n';
                if why.trim().is_empty() {
                    self.found(name, "refused without a word", bytes);
                } else if why.contains(hidden) {
                    let what = format!("control characters in an error: {why:?}");
                    self.found_of("control characters", name, &what, bytes);
                }
            }
            Ok(Outcome::Broken(what)) => self.found(name, what, bytes),
            Err(_) => {
                let words = PANIC
                    .lock()
                    .unwrap_or_else(|error| error.into_inner())
                    .take();
                self.found(name, &words.unwrap_or_default(), bytes);
            }
        }
        outcome.ok()
    }

    fn found(&mut self, name: &str, what: &str, bytes: &[u8]) {
        self.found_of(what, name, what, bytes);
    }

    /// A finding of a kind that is known by other words than its own.
    fn found_of(&mut self, kind: &str, name: &str, what: &str, bytes: &[u8]) {
        if is_new(&self.options.state, kind) {
            self.summary.findings += 1;
            report(self.options, self.reader.name(), name, what, bytes);
        }
    }
}

/// Whether a fault was not found before, by this worker or another: one input is kept of each.
pub fn is_new(state: &Path, what: &str) -> bool {
    // Those of one kind differ in their numbers, and in what they quote.
    let kind: String = what
        .chars()
        .filter(|letter| letter.is_ascii_alphabetic())
        .take(100)
        .chain(['\n'])
        .collect();
    let file = state.join(KNOWN);
    let known = std::fs::read_to_string(&file).unwrap_or_default();
    let new = !known.contains(&kind);
    if new {
        std::fs::write(&file, known + &kind).expect("a writable folder");
    }
    new
}

/// A reader's seeds: those that are checked in, of the planted one those that it makes.
fn seeds(reader: &dyn Reader) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = readers::folder("seeds", reader.name());
    let found = readers::files(&folder);
    if !found.is_empty() {
        return found;
    }
    let made = reader.make_seeds();
    made.into_iter()
        .map(|(name, bytes)| (name.into(), bytes))
        .collect()
}

/// Tells of a finding and keeps its input.
pub fn report(options: &Options, reader: &str, name: &str, what: &str, bytes: &[u8]) {
    let file = options.out.join(file_name(reader, name));
    let kept = std::fs::create_dir_all(&options.out).and_then(|()| std::fs::write(&file, bytes));
    if options.quiet {
        return;
    }
    let place = match kept {
        Ok(()) => file.display().to_string(),
        Err(error) => format!("not kept: {}: {error}", file.display()),
    };
    println!("FOUND in {reader}, {name}: {what}\n    {place}");
}

/// What the input of a finding is kept under.
pub fn file_name(reader: &str, name: &str) -> String {
    format!("{reader}-{}", name.replace(' ', "-"))
}
