//! Our side of `peers/metrics.py`: a resident process that measures when told to.
//!
//! ```text
//! metrics --serve --case frechet --features FOLDER --dimensions 2048
//! ```
//!
//! The folder has `real.f32` and `generated.f32`: numbers in single precision, little-endian, row by
//! row. It prints `ready` when they are read, then answers lines on its standard input: `run N`
//! measures N times and answers `{"ms": ..., "peak_mb": ..., "ready_mb": ..., "values": {...}}`: the
//! mean time, the peak resident memory in MB (2^20 bytes; null where there is no `/proc`) until now
//! and when it was ready, and what was measured, by name. `quit`, or the end of the input, ends it.

use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use burn_gan::metrics::{Features, FrechetDistance, PrecisionRecall};
use clap::{Parser, ValueEnum};
use serde_json::{Value, json};

/// Measures on demand
#[derive(Parser)]
struct Args {
    /// Stay and answer `run N` lines
    #[arg(long, required = true)]
    serve: bool,

    /// What is measured
    #[arg(long, value_enum)]
    case: Case,

    /// The folder with real.f32 and generated.f32
    #[arg(long)]
    features: PathBuf,

    /// The number of features of a sample
    #[arg(long)]
    dimensions: usize,
}

/// A further case is a further line here and in [`measure`].
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Case {
    Frechet,
    PrecisionRecall,
}

/// From the features to the values.
fn measure(case: Case, real: &Features, generated: &Features) -> burn_gan::Result<Value> {
    match case {
        Case::Frechet => {
            let frechet = FrechetDistance::default().between(real, generated)?;
            Ok(json!({ "frechet_distance": frechet.distance }))
        }
        Case::PrecisionRecall => {
            // One k for all four, as the peer has it.
            let settings = PrecisionRecall {
                neighbours: 5,
                density_neighbours: 5,
            };
            let found = settings.measure(real, generated)?;
            Ok(json!({
                "precision": found.precision,
                "recall": found.recall,
                "density": found.density,
                "coverage": found.coverage,
            }))
        }
    }
}

fn main() -> ExitCode {
    // Cargo runs every bench, with arguments of its own: no reason to fail.
    if !std::env::args().any(|argument| argument == "--serve") {
        println!("metrics: the side of benches/peers/metrics.py that is ours; run that instead");
        return ExitCode::SUCCESS;
    }
    match serve(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("metrics: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(args: &Args) -> Result<(), Box<dyn std::error::Error>> {
    let read = |name: &str| read(&args.features.join(name), args.dimensions);
    let (real, generated) = (read("real.f32")?, read("generated.f32")?);
    let ready_mb = peak_mb();
    let mut out = std::io::stdout();
    writeln!(out, "ready")?;
    out.flush()?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let times: u32 = match words[..] {
            ["quit"] => return Ok(()),
            ["run", count] => count.parse().unwrap_or(0),
            _ => 0,
        };
        if times == 0 {
            return Err(
                format!("expected `run N` with N of at least 1, or `quit`; got {line:?}").into(),
            );
        }
        let start = Instant::now();
        let mut values = Value::Null;
        for _ in 0..times {
            values = measure(args.case, &real, &generated)?;
        }
        let ms = start.elapsed().as_secs_f64() * 1e3 / f64::from(times);
        let answer = json!({
            "ms": ms,
            "peak_mb": peak_mb(),
            "ready_mb": ready_mb,
            "values": values,
        });
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

fn read(path: &Path, dimensions: usize) -> Result<Features, Box<dyn std::error::Error>> {
    let bytes = std::fs::read(path)?;
    let (numbers, _) = bytes.as_chunks();
    let values = numbers.iter().map(|x| f32::from_le_bytes(*x)).collect();
    Ok(Features::new(values, dimensions)?)
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
