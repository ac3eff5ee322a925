//! Our side of `peers/compare.py`: a resident process that does steps of a work when told to.
//!
//! ```text
//! peer_step --serve --work mlp_step --backend flex
//! mpirun -n 2 peer_step --serve --work dcgan_step --processes
//! ```
//!
//! It prints `ready`, then answers lines on its standard input: `run N` takes N steps and answers
//! `{"ms": ..., "peak_mb": ..., "parameters": ...}`, the mean time of a step, the peak resident
//! memory of the process so far in MB (2^20 bytes; null where there is no `/proc`) and how many
//! numbers the work's networks hold; `quit`, or the end of the input, ends it. A step is one of
//! training; of `dcgan_sample` it is 1,000 images. The steps of `stylegan2_step` differ: N is rounded
//! up to a multiple of 16, after which everything was due as often as it is to be.
//!
//! With `--processes` (feature `mpi`) the processes that `mpirun` has started share each batch; the first
//! one reads and answers, and tells the others.

#[path = "works/mod.rs"]
mod works;

use std::error::Error;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Instant;

use burn_gan::burn::backend::{Autodiff, Flex, NdArray};
use burn_gan::burn::tensor::backend::{AutodiffBackend, Backend};
use burn_gan::network::{Discriminator, Generator, TrainableDiscriminator, TrainableGenerator};
use burn_gan::process::{Alone, ProcessGroup};
use clap::{Parser, ValueEnum};
use works::{
    DcganWork, MlpWork, R3ganWork, ResNetWork, STYLEGAN2_CYCLE, SampleWork, StyleGan2Work, Work,
};

/// Takes steps on demand
#[derive(Parser)]
struct Args {
    /// Stay and answer `run N` lines
    #[arg(long, required = true)]
    serve: bool,

    /// What a step does
    #[arg(long, value_enum)]
    work: WorkName,

    /// What computes
    #[arg(long, value_enum, default_value_t = BackendName::Flex)]
    backend: BackendName,

    /// Share each batch with the other processes that mpirun has started
    #[cfg(feature = "mpi")]
    #[arg(long)]
    processes: bool,
}

/// A group that the step and the loop both hold.
type Group = Rc<dyn ProcessGroup>;

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum WorkName {
    MlpStep,
    MlpR1Step,
    DcganStep,
    DcganPlainStep,
    DcganR1Step,
    #[value(name = "dcgan_diffaugment")]
    DcganDiffAugment,
    DcganAda,
    DcganSample,
    #[value(name = "resnet_step")]
    ResNetStep,
    #[value(name = "resnet_r1_step")]
    ResNetR1Step,
    #[value(name = "r3gan_step")]
    R3ganStep,
    #[value(name = "stylegan2_step")]
    StyleGan2Step,
    #[value(name = "biggan_step")]
    BigGanStep,
    RingStep,
}

impl WorkName {
    /// Steps of which only all together are as long as they should be.
    fn cycle(self) -> usize {
        match self {
            Self::StyleGan2Step => STYLEGAN2_CYCLE,
            _ => 1,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "lower")]
enum BackendName {
    Flex,
    NdArray,
    #[cfg(feature = "wgpu")]
    Wgpu,
}

fn main() -> ExitCode {
    // Cargo runs every bench, with arguments of its own: no reason to fail.
    if !std::env::args().any(|argument| argument == "--serve") {
        println!("peer_step: the side of benches/peers/compare.py that is ours; run that instead");
        return ExitCode::SUCCESS;
    }
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("peer_step: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let alone = || Rc::new(Alone) as Group;
    #[cfg(feature = "mpi")]
    let group = match args.processes {
        // Ended with the process: whoever is the last to hold it says farewell.
        true => Rc::new(burn_gan::process::Mpi::start()?) as Group,
        false => alone(),
    };
    #[cfg(not(feature = "mpi"))]
    let group = alone();
    let (parameters, step) = match args.backend {
        BackendName::Flex => resident::<Flex>(args.work, &group),
        BackendName::NdArray => resident::<NdArray>(args.work, &group),
        #[cfg(feature = "wgpu")]
        BackendName::Wgpu => resident::<burn_gan::burn::backend::Wgpu>(args.work, &group),
    };
    serve(parameters, args.work.cycle(), step, &*group)
}

/// The size of the work's networks, and its step.
fn resident<B: Backend>(work: WorkName, group: &Group) -> (usize, Box<dyn FnMut() -> f32>) {
    let device = Default::default();
    match work {
        WorkName::MlpStep => stepper(MlpWork::<Autodiff<B>>::mlp_step(device), group),
        WorkName::MlpR1Step => stepper(MlpWork::<Autodiff<B>>::mlp_r1_step(device), group),
        WorkName::DcganStep => stepper(DcganWork::<Autodiff<B>>::dcgan_step(device), group),
        WorkName::DcganPlainStep => {
            stepper(DcganWork::<Autodiff<B>>::dcgan_plain_step(device), group)
        }
        WorkName::DcganR1Step => stepper(DcganWork::<Autodiff<B>>::dcgan_r1_step(device), group),
        WorkName::DcganDiffAugment => {
            stepper(DcganWork::<Autodiff<B>>::dcgan_diffaugment(device), group)
        }
        WorkName::DcganAda => stepper(DcganWork::<Autodiff<B>>::dcgan_ada(device), group),
        WorkName::DcganSample => {
            let mut work = SampleWork::<Autodiff<B>>::dcgan_sample(device);
            (work.parameters(), Box::new(move || work.sample()))
        }
        WorkName::ResNetStep => stepper(ResNetWork::<Autodiff<B>>::resnet_step(device), group),
        WorkName::ResNetR1Step => stepper(ResNetWork::<Autodiff<B>>::resnet_r1_step(device), group),
        WorkName::R3ganStep => stepper(R3ganWork::<Autodiff<B>>::r3gan_step(device), group),
        WorkName::StyleGan2Step => {
            stepper(StyleGan2Work::<Autodiff<B>>::stylegan2_step(device), group)
        }
        WorkName::BigGanStep => stepper(ResNetWork::<Autodiff<B>>::biggan_step(device), group),
        WorkName::RingStep => stepper(MlpWork::<Autodiff<B>>::ring_step(device), group),
    }
}

/// The same of one work that trains, whatever its networks.
fn stepper<G, D, B>(work: Work<G, D, B>, group: &Group) -> (usize, Box<dyn FnMut() -> f32>)
where
    B: AutodiffBackend,
    G: TrainableGenerator<B> + Generator<B, Condition = ()>,
    D: TrainableDiscriminator<B> + Discriminator<B, Sample = G::Sample, Condition = ()>,
{
    let mut work = work.in_group(group.clone());
    (work.parameters(), Box::new(move || work.step()))
}

/// Answers lines until there are no more. The first process has them; the others do what it says.
fn serve(
    parameters: usize,
    cycle: usize,
    mut step: Box<dyn FnMut() -> f32>,
    group: &dyn ProcessGroup,
) -> Result<(), Box<dyn Error>> {
    if group.is_first() {
        println!("ready");
    }
    loop {
        let line = match group.is_first() {
            true => next_line()?,
            false => Vec::new(),
        };
        let line = String::from_utf8(group.broadcast(line)?)?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let steps: usize = match words[..] {
            ["quit"] => return Ok(()),
            ["run", count] => count.parse().unwrap_or(0),
            _ => 0,
        };
        if steps == 0 {
            let problem = "expected `run N` with N of at least 1, or `quit`";
            return Err(format!("{problem}; got {line:?}").into());
        }
        let steps = steps.next_multiple_of(cycle);
        let start = Instant::now();
        for _ in 0..steps {
            let number = step();
            // A step that computes nonsense may be a fast one.
            if !number.is_finite() {
                return Err(format!("a step computed {number}").into());
            }
        }
        let ms = start.elapsed().as_secs_f64() * 1e3 / steps as f64;
        if group.is_first() {
            let answer = serde_json::json!({
                "ms": ms,
                "peak_mb": peak_mb(),
                "parameters": parameters,
            });
            println!("{answer}");
        }
    }
}

/// The next line of the standard input, `quit` at its end.
fn next_line() -> std::io::Result<Vec<u8>> {
    let mut line = String::new();
    Ok(match std::io::stdin().read_line(&mut line)? {
        0 => b"quit".to_vec(),
        _ => line.into_bytes(),
    })
}

/// The peak resident memory of this process in MB (2^20 bytes), where Linux tells it.
fn peak_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes / 1024.0)
}
