//! What the examples share: the command line, the choice of a backend, the closing line.
//!
//! Started by `mpirun` or Slurm and built with the feature `mpi`, an example trains one GAN in all
//! processes; the first one shows, measures and writes, the others end with the training.
//!
//! Exit codes: 0 when the run is done, 2 for arguments that no run can be made with, 1 for anything
//! that went wrong while running, 130 and 143 when Ctrl-C or SIGTERM stopped it.

// Each example compiles this file for itself and uses a part of it.
#![allow(dead_code)]

use std::fmt::Display;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::OnceLock;

use burn_gan::burn::tensor::backend::AutodiffBackend;
use burn_gan::burn::tensor::{Device, Element};
use burn_gan::data::Mixture;
use burn_gan::plot::Scatter;
use burn_gan::prelude::*;
#[cfg(not(feature = "mpi"))]
use burn_gan::process::Alone;
#[cfg(feature = "mpi")]
use burn_gan::process::Mpi;
use burn_gan::process::ProcessGroup;
use burn_gan::report::Report;
use burn_gan::train::{Ending, Interrupt};
use burn_gan::{Error, Result};
use clap::ValueEnum;
use clap::builder::RangedU64ValueParser;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

/// The program's name, that of its file.
const NAME: &str = env!("CARGO_BIN_NAME");

/// Tensors come and go at every operation: an allocator that keeps their memory at hand takes a
/// quarter off a small step.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The options of every example; flatten them into its own: `#[command(flatten)] common: Common`.
#[derive(Debug, Clone, clap::Args)]
pub struct Common {
    /// Seed of everything random: the same seed gives the same run
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub seed: u64,

    /// Training steps [default: the example's own]
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    pub steps: Option<usize>,

    /// What computes
    #[arg(long, value_enum, default_value_t = BackendName::Flex, value_name = "NAME")]
    pub backend: BackendName,

    /// Folder for pictures, checkpoints and the report [default: out/<example>]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// Go on where the run in this folder was stopped
    #[arg(long)]
    pub resume: bool,

    /// Steps between two checkpoints; Ctrl-C and SIGTERM store one too [default: a tenth of the run]
    #[arg(long, value_name = "STEPS")]
    pub checkpoint_every: Option<u64>,

    /// Resume although this setting was changed, such as `steps`
    #[arg(long, value_name = "SETTING", requires = "resume")]
    pub accept: Vec<String>,
}

/// The options of an example that is done in a few minutes and keeps no checkpoints to go on from.
#[derive(Debug, Clone, clap::Args)]
pub struct Brief {
    /// Seed of everything random: the same seed gives the same run
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub seed: u64,

    /// Training steps [default: the example's own]
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    pub steps: Option<usize>,

    /// What computes
    #[arg(long, value_enum, default_value_t = BackendName::Flex, value_name = "NAME")]
    pub backend: BackendName,

    /// Folder for pictures and the report [default: out/<example>]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// The options of an example that trains nothing.
#[derive(Debug, Clone, clap::Args)]
pub struct Untrained {
    /// Seed of everything random: the same seed gives the same result
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub seed: u64,

    /// What computes
    #[arg(long, value_enum, default_value_t = BackendName::Flex, value_name = "NAME")]
    pub backend: BackendName,

    /// Folder for what comes out and the report [default: out/<example>]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

impl From<Untrained> for Common {
    fn from(untrained: Untrained) -> Self {
        let Untrained { seed, backend, out } = untrained;
        Self::from(Brief {
            seed,
            steps: None,
            backend,
            out,
        })
    }
}

impl From<Brief> for Common {
    fn from(brief: Brief) -> Self {
        let Brief {
            seed,
            steps,
            backend,
            out,
        } = brief;
        Self {
            seed,
            steps,
            backend,
            out,
            resume: false,
            checkpoint_every: None,
            accept: Vec::new(),
        }
    }
}

/// The backends that an example can run on, where the build has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BackendName {
    /// The fast CPU backend
    Flex,
    /// The reference CPU backend
    #[value(name = "ndarray")]
    NdArray,
    /// A GPU through Vulkan, Metal or DirectX 12
    Wgpu,
}

/// An option's value as the command line has it.
pub fn name(value: &impl ValueEnum) -> String {
    let value = value.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}

impl Common {
    /// Settings of a run of so many steps, where no others are asked for.
    pub fn config(&self, steps: usize, batch: usize, latent: Latent) -> TrainerConfig {
        let steps = self.steps.unwrap_or(steps) as u64;
        TrainerConfig::new(steps, batch, latent).with_seed(self.seed)
    }

    /// The folder asked for, or `out/<example>`. What a process beside the first one writes is of no use
    /// and goes elsewhere.
    pub fn out(&self) -> PathBuf {
        let default = || Path::new("out").join(NAME);
        match is_first() {
            true => self.out.clone().unwrap_or_else(default),
            false => aside(),
        }
    }

    /// A report that knows the backend, the seed and the settings already.
    pub fn report(&self, settings: &impl Serialize) -> Report {
        Report::new(NAME)
            .backend(name(&self.backend))
            .seed(self.seed)
            .settings(settings)
    }

    /// A trainer that stores checkpoints in `folder`, goes on from the newest one with `--resume`,
    /// and stops at a signal. `options` are the example's own that decide what is computed: a run
    /// is resumed with the same ones only.
    pub fn trainer<'a, P: Pair>(
        &self,
        config: &TrainerConfig,
        options: &[(&str, String)],
        folder: &Path,
        device: &Device<P::Backend>,
    ) -> Result<Trainer<'a, P>> {
        let plan = self.checkpoints(config, options, folder);
        Ok(Trainer::new(config.clone(), device)?
            .with_group(group()?)
            .with_checkpoints(plan)
            .stop_on(interrupt()?))
    }

    /// The checkpoints of that trainer, for an example that keeps the best one too.
    pub fn checkpoints(
        &self,
        config: &TrainerConfig,
        options: &[(&str, String)],
        folder: &Path,
    ) -> Checkpoints {
        let every = self.checkpoint_every.unwrap_or(config.steps.div_ceil(10));
        let start = if self.resume {
            Start::Resume
        } else {
            Start::Replace
        };
        let plan = Checkpoints::new(folder.join("checkpoints"))
            .every(every)
            .start(start);
        let plan = self.accept.iter().fold(plan, Checkpoints::accept);
        options.iter().fold(plan, |plan, (name, value)| {
            plan.compare(format!("--{name}"), value.as_str())
        })
    }

    /// Saves the report and prints the closing line: what came out, and where it lies; of a run that
    /// was stopped, how to go on.
    pub fn finish(&self, report: &Report, ending: &Ending, outcome: impl Display) -> Result<()> {
        if !is_first() {
            return Ok(());
        }
        let out = self.out();
        report.save(&out)?;
        let stopped = match ending {
            Ending::Finished => String::new(),
            Ending::Interrupted { .. } | Ending::TimeUp => {
                format!("{ending}, `--resume` goes on; so far: ")
            }
            _ => format!("{ending}; so far: "),
        };
        // The folder's name is the user's: what would steer the terminal is escaped.
        let visible = |c: char| match c.is_control() {
            true => c.escape_default().to_string(),
            false => c.to_string(),
        };
        let out: String = out.display().to_string().chars().map(visible).collect();
        // A closed pipe (`| head`) is no reason to fail at the very end.
        let _ = writeln!(
            std::io::stdout(),
            "{NAME}: {stopped}{outcome} (pictures and report.html in {out})"
        );
        Ok(())
    }
}

/// Points of a mixture as data to train on.
pub fn points(mixture: &Mixture, count: usize, mut stream: Stream) -> Result<MemoryDataset<2>> {
    MemoryDataset::new(mixture.sample(count, &mut stream), [mixture.dimensions()])
}

/// What a generator draws to be judged by: of the same latents each time.
pub fn samples<B: Backend, E: Element>(
    generator: &impl Generator<B, Sample = Tensor<B, 2>, Condition = ()>,
    config: &TrainerConfig,
    count: usize,
    device: &B::Device,
) -> Vec<E> {
    let mut stream = Stream::new(config.seed, "evaluation");
    let latents = config.latent.draw(count, &mut stream, device);
    let samples = generator.generate(latents, &());
    samples.into_data().iter().collect()
}

/// Samples over as many points of the data, in the square that reaches so far from 0.
pub fn scatter(title: &str, data: &MemoryDataset<2>, samples: &[f32], edge: f64) -> Scatter {
    let points = |values: &[f32]| values.as_chunks::<2>().0.to_vec();
    let data = points(&data.values()[..samples.len()]);
    Scatter::new(title, data, points(samples)).with_bounds((-edge, edge), (-edge, edge))
}

/// The wish to stop that signals make, one for the whole program.
pub fn interrupt() -> Result<&'static Interrupt> {
    static INTERRUPT: OnceLock<Interrupt> = OnceLock::new();
    if let Some(interrupt) = INTERRUPT.get() {
        return Ok(interrupt);
    }
    let interrupt = Interrupt::on_signals()?;
    Ok(INTERRUPT.get_or_init(|| interrupt))
}

/// A bar over so many steps of a classifier's training.
pub fn bar(steps: u64) -> ProgressBar {
    let bar = ProgressBar::new(steps);
    let style =
        ProgressStyle::with_template("{bar:32} {pos}/{len} steps  {per_sec}  {eta} left  {msg}");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar
}

/// An example's work, on any backend.
pub trait Program {
    /// Does it all: trains, draws, writes the report, prints the closing line. Returns the
    /// exit code that its training asks for.
    fn run<B: AutodiffBackend>(self, device: B::Device) -> Result<u8>;
}

/// The processes that train together: those that MPI has started, or this one alone.
#[cfg(feature = "mpi")]
pub fn group() -> Result<&'static dyn ProcessGroup> {
    match mpi()? {
        Some(group) => Ok(group),
        None => Ok(&burn_gan::process::Alone),
    }
}

/// MPI, once in the program; nothing where it was not started by it.
#[cfg(feature = "mpi")]
fn mpi() -> Result<Option<&'static Mpi>> {
    static GROUP: OnceLock<Option<Mpi>> = OnceLock::new();
    if let Some(group) = GROUP.get() {
        return Ok(group.as_ref());
    }
    let group = Mpi::has_started_this().then(Mpi::start).transpose()?;
    Ok(GROUP.get_or_init(|| group).as_ref())
}

/// The processes that train together: this one alone.
#[cfg(not(feature = "mpi"))]
pub fn group() -> Result<&'static dyn ProcessGroup> {
    let count = std::env::var("OMPI_COMM_WORLD_SIZE").or_else(|_| std::env::var("PMI_SIZE"));
    match count.ok().filter(|count| count != "1") {
        // They would all write the same files.
        Some(count) => Err(Error::setting(
            "processes",
            count,
            "can't train together in this build: add `--features mpi`",
        )),
        None => Ok(&Alone),
    }
}

/// Whether this is the process that shows, measures and writes.
pub fn is_first() -> bool {
    group().map_or(true, |group| group.is_first())
}

/// Refuses several processes, for a program that has no use for them.
pub fn in_one_process() -> Result<()> {
    match group()?.size() {
        1 => Ok(()),
        size => Err(Error::setting(
            "processes",
            size,
            "are of no use to this example: start it alone",
        )),
    }
}

/// A folder for what is of no use.
fn aside() -> PathBuf {
    std::env::temp_dir().join(format!("{NAME}-{}", std::process::id()))
}

/// Runs the program on the backend that was asked for, on its default device. Errors go to standard
/// error.
pub fn main_with<P: Program>(backend: BackendName, program: P) -> ExitCode {
    let ran = group().and_then(|_| run_on(backend, program));
    let code = match &ran {
        Ok(code) => *code,
        Err(error) => {
            say(format_args!("error: {error}"));
            // An argument that is refused gives the exit code that clap gives.
            let refused = matches!(error, Error::Setting { .. });
            if refused { 2 } else { 1 }
        }
    };
    leave(ran.err());
    ExitCode::from(code)
}

/// Ends the group: the others are told where this process can't go on.
fn leave(error: Option<Error>) {
    if !is_first() {
        let _ = std::fs::remove_dir_all(aside());
    }
    #[cfg(feature = "mpi")]
    if let Ok(Some(group)) = mpi() {
        if let Some(error) = error {
            group.fail(&error.to_string());
        }
        group.finish();
    }
    #[cfg(not(feature = "mpi"))]
    let _ = error;
}

fn run_on<P: Program>(backend: BackendName, program: P) -> Result<u8> {
    // Without one of the features its arm is left out, and `program` unused in it.
    match backend {
        #[cfg(feature = "flex")]
        BackendName::Flex => program.run::<Autodiff<Flex>>(Default::default()),
        #[cfg(feature = "ndarray")]
        BackendName::NdArray => program.run::<Autodiff<burn::backend::NdArray>>(Default::default()),
        #[cfg(feature = "wgpu")]
        BackendName::Wgpu => program.run::<Autodiff<burn::backend::Wgpu>>(Default::default()),
        #[allow(unreachable_patterns)] // with all the features
        missing => {
            let name = name(&missing);
            let problem = format!("this build does not have it: add `--features {name}`");
            Err(Error::setting("backend", name, problem))
        }
    }
}

/// Writes one line to standard output. `println!` panics where nobody reads any more.
pub fn print(line: impl Display) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Writes one line to standard error. `eprintln!` panics where nobody reads any more.
pub fn say(line: impl Display) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
