//! The command line: the harness's own options, and those that `cargo test` passes to any test.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// How long one case may take.
const DEADLINE: u64 = 30;

/// What is asked for.
#[derive(Clone)]
pub enum Task {
    /// Names of the readers, as other tests list theirs.
    List,
    MakeSeeds,
    /// To supervise workers.
    Run,
    /// To be one.
    Work(Order),
}

/// What a worker runs.
#[derive(Clone)]
pub enum Order {
    /// Seeds and regressions from this one on, by their order.
    Fixed(usize),
    /// Mutated cases from this number on.
    Mutated(u64),
}

#[derive(Clone)]
pub struct Options {
    pub task: Task,
    /// A reader by its whole name.
    pub reader: Option<String>,
    /// Parts of names, as `cargo test` takes them; whole names where `exact`.
    pub filters: Vec<String>,
    pub exact: bool,
    pub skip: Vec<String>,
    pub mutations: Option<u64>,
    pub seconds: Option<f64>,
    pub seed: u64,
    pub case: Option<u64>,
    pub deadline: Duration,
    /// Whether findings are kept without a word.
    pub quiet: bool,
    /// Where inputs that fail are kept.
    pub out: PathBuf,
    /// Where a worker says what it is at.
    pub state: PathBuf,
}

impl Options {
    pub fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            task: Task::Run,
            reader: None,
            filters: Vec::new(),
            exact: false,
            skip: Vec::new(),
            mutations: None,
            seconds: None,
            seed: 0,
            case: None,
            deadline: Duration::from_secs(DEADLINE),
            quiet: false,
            out: PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/findings"),
            state: PathBuf::new(),
        };
        let mut ignored_only = false;
        let mut arguments = arguments.flat_map(|argument| match argument.split_once('=') {
            Some((name, value)) if name.starts_with("--") => {
                vec![name.to_owned(), value.to_owned()]
            }
            _ => vec![argument],
        });
        while let Some(name) = arguments.next() {
            let mut value = || {
                let missing = || format!("`{name}` needs a value");
                arguments.next().ok_or_else(missing)
            };
            match name.as_str() {
                "--reader" => options.reader = Some(value()?),
                "--mutations" => options.mutations = Some(number(&name, &value()?)?),
                "--seconds" => options.seconds = Some(number(&name, &value()?)?),
                "--seed" => options.seed = number(&name, &value()?)?,
                "--case" => options.case = Some(number(&name, &value()?)?),
                "--deadline" => {
                    let seconds: f64 = number(&name, &value()?)?;
                    options.deadline = Duration::try_from_secs_f64(seconds)
                        .map_err(|error| format!("`{name} {seconds}`: {error}"))?;
                }
                "--out" => options.out = value()?.into(),
                "--make-seeds" => options.task = Task::MakeSeeds,
                // From the supervisor.
                "--state" => options.state = value()?.into(),
                "--fixed-from" => {
                    options.task = Task::Work(Order::Fixed(number(&name, &value()?)?))
                }
                "--mutated-from" => {
                    options.task = Task::Work(Order::Mutated(number(&name, &value()?)?));
                }
                // From `cargo test` and those who run tests in its place.
                "--list" => options.task = Task::List,
                "--exact" => options.exact = true,
                "--skip" => options.skip.push(value()?),
                "--ignored" => ignored_only = true,
                "--format" | "--color" | "--test-threads" | "--logfile" | "-Z"
                | "--shuffle-seed" => drop(value()?),
                "--include-ignored" | "--nocapture" | "--no-capture" | "--show-output"
                | "--quiet" | "-q" | "--test" | "--bench" | "--report-time" | "--shuffle" => {}
                unknown if unknown.starts_with('-') => {
                    return Err(format!(
                        "unknown option `{unknown}`; there are --reader NAME, --mutations N, \
                         --seconds S, --seed N, --case N, --deadline S, --out DIR, --make-seeds"
                    ));
                }
                _ => options.filters.push(name),
            }
        }
        if ignored_only {
            // None of these tests is ignored.
            options.skip.push(String::new());
        }
        if options.seconds.is_some_and(|seconds| !(seconds >= 0.0)) {
            return Err("`--seconds` must be 0 or more".to_owned());
        }
        if options.case.is_some() && options.reader.is_none() {
            return Err("`--case` needs a `--reader`".to_owned());
        }
        Ok(options)
    }

    /// Whether a reader is asked for.
    pub fn wants(&self, name: &str) -> bool {
        let fits = |filter: &String| {
            if self.exact {
                name == filter
            } else {
                name.contains(filter.as_str())
            }
        };
        self.reader.as_ref().is_none_or(|reader| reader == name)
            && (self.filters.is_empty() || self.filters.iter().any(fits))
            && !self.skip.iter().any(fits)
    }
}

fn number<T: FromStr>(name: &str, text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("`{name} {text}` is no number that fits"))
}
