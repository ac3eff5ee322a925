//! What all examples share: the command line, the choice of a backend, the closing line.
//!
//! Exit codes: 0 when the run is done, 2 for arguments that no run can be made with, 1 for anything
//! that went wrong while running, 130 and 143 when Ctrl-C or SIGTERM stopped it.

// Each example compiles this file for itself and uses a part of it.
#![allow(dead_code)]

use burn_gan::Gan;
use std::fmt::Display;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::OnceLock;

use burn_gan::burn::tensor::backend::AutodiffBackend;
use burn_gan::network::{TrainableDiscriminator, TrainableGenerator};
use burn_gan::report::Report;
use burn_gan::train::{Checkpoints, Ending, Interrupt, Start, Trainer, TrainerConfig};
use burn_gan::{Error, Result};
use clap::builder::RangedU64ValueParser;

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

/// The backends that an example can run on, where the build has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum BackendName {
    /// The fast CPU backend
    Flex,
    /// The reference CPU backend
    #[value(name = "ndarray")]
    NdArray,
    /// A GPU through Vulkan, Metal or DirectX 12
    Wgpu,
}

impl BackendName {
    /// Its name on the command line, which is also the name of its feature.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flex => "flex",
            Self::NdArray => "ndarray",
            Self::Wgpu => "wgpu",
        }
    }
}

impl Common {
    /// The steps asked for, or the example's own number.
    pub fn steps_or(&self, default: usize) -> usize {
        self.steps.unwrap_or(default)
    }

    /// The folder asked for, or `out/<example>`.
    pub fn out_dir(&self, example: &str) -> PathBuf {
        let default = || Path::new("out").join(example);
        self.out.clone().unwrap_or_else(default)
    }

    /// A report that knows the backend and the seed already.
    pub fn report(&self, example: &str) -> Report {
        Report::new(example)
            .backend(self.backend.name())
            .seed(self.seed)
    }

    /// A trainer that stores checkpoints in `folder`, goes on from the newest one with `--resume`,
    /// and stops at a signal. `options` are the example's own that decide what is computed: a run
    /// is resumed with the same ones only.
    pub fn trainer<'a, G, D, B>(
        &self,
        config: &TrainerConfig,
        options: &[(&str, String)],
        folder: &Path,
        device: &B::Device,
    ) -> Result<Trainer<'a, Gan<G, D, B>>>
    where
        B: AutodiffBackend,
        G: TrainableGenerator<B>,
        D: TrainableDiscriminator<B, Sample = G::Sample, Condition = G::Condition>,
    {
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
        let plan = options.iter().fold(plan, |plan, (name, value)| {
            plan.compare(format!("--{name}"), value.as_str())
        });
        Ok(Trainer::new(config.clone(), device)?
            .with_checkpoints(plan)
            .stop_on(interrupt()?))
    }
}

/// The wish to stop that signals make, one for the whole program.
fn interrupt() -> Result<&'static Interrupt> {
    static INTERRUPT: OnceLock<Interrupt> = OnceLock::new();
    if let Some(interrupt) = INTERRUPT.get() {
        return Ok(interrupt);
    }
    let interrupt = Interrupt::on_signals()?;
    Ok(INTERRUPT.get_or_init(|| interrupt))
}

/// An example's work, on any backend.
pub trait Program {
    /// Does it all: trains, draws, writes the report, prints the closing line. Returns the
    /// exit code that its training asks for.
    fn run<B: AutodiffBackend>(self, device: B::Device) -> Result<u8>;
}

/// Runs the program on the backend that was asked for. Errors go to standard error.
pub fn main_with<P: Program>(common: &Common, program: P) -> ExitCode {
    // Without one of the features its arm is left out, and `program` unused in it.
    match common.backend {
        #[cfg(feature = "flex")]
        BackendName::Flex => on::<burn_gan::burn::backend::Flex, P>(program),
        #[cfg(feature = "ndarray")]
        BackendName::NdArray => on::<burn_gan::burn::backend::NdArray, P>(program),
        #[cfg(feature = "wgpu")]
        BackendName::Wgpu => on::<burn_gan::burn::backend::Wgpu, P>(program),
        #[allow(unreachable_patterns)] // with all the features
        missing => {
            let name = missing.name();
            refuse(format!(
                "this build has no `{name}` backend: add `--features {name}`"
            ))
        }
    }
}

/// Runs the program on backend `B`, with its default device.
fn on<B, P>(program: P) -> ExitCode
where
    B: burn_gan::burn::tensor::backend::Backend,
    P: Program,
{
    use burn_gan::burn::backend::Autodiff;
    match program.run::<Autodiff<B>>(Default::default()) {
        Ok(code) => ExitCode::from(code),
        Err(error @ Error::Setting { .. }) => refuse(error),
        Err(error) => {
            say(format_args!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Writes one line to standard error. `eprintln!` panics where nobody reads any more.
pub fn say(line: impl Display) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Refuses an argument: prints why, and gives exit code 2 as clap does.
pub fn refuse(problem: impl Display) -> ExitCode {
    say(format_args!("error: {problem}"));
    ExitCode::from(2)
}

/// The closing line: what came out, and where it lies; of a run that was stopped, how to go on.
pub fn finish(example: &str, ending: &Ending, outcome: impl Display, out: &Path) {
    let stopped = match ending {
        Ending::Finished => String::new(),
        Ending::Interrupted { .. } | Ending::TimeUp => {
            format!("{ending}, `--resume` goes on; so far: ")
        }
        _ => format!("{ending}; so far: "),
    };
    // The folder's name is the user's: what would steer the terminal is escaped.
    let out: String = out
        .display()
        .to_string()
        .chars()
        .flat_map(|c| {
            let steers = c.is_control();
            let escaped = steers.then(|| c.escape_default()).into_iter().flatten();
            escaped.chain((!steers).then_some(c))
        })
        .collect();
    // A closed pipe (`| head`) is no reason to fail at the very end.
    let _ = writeln!(
        std::io::stdout(),
        "{example}: {stopped}{outcome} (pictures and report.html in {out})"
    );
}
