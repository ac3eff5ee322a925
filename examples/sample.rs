//! New samples of a saved generator, as files for other programs.
//!
//! ```text
//! cargo run --release --example sample -- --generator out/mnist/generator.gan --count 1000
//! cargo run --release --example sample -- --generator out/mnist/generator.gan --format npy
//! cargo run --release --example sample -- --generator out/infogan/generator.gan --code 0=3 --code 1=0.5
//! ```
//!
//! PNG files, in a folder for each class where the generator is told classes; an array for NumPy; or a
//! CSV table. They are drawn and written a batch at a time, so that any number of them fits. The out
//! folder gets them as `samples`, `samples.npy` or `samples.csv`, with a picture of the first and the
//! report.
//!
//! A generator that is conditioned on vectors draws on those of `--condition`; one with codes (InfoGAN's) gives
//! all samples the codes of `--code`.

mod common;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use burn_gan::burn::tensor::backend::{AutodiffBackend, Backend};
use burn_gan::data::{ImageShape, NpyArray, NpyValues, PixelRange};
use burn_gan::plot::{GridStyle, image_grid};
use burn_gan::sampling::{Sampler, Written, write_images, write_npy, write_table};
use burn_gan::train::Ending;
use burn_gan::{Error, Result};
use clap::builder::RangedU64ValueParser;
use clap::{Parser, ValueEnum};
use common::{Common, Program, Untrained};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

/// Writes new samples of a saved generator.
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    common: Untrained,

    /// A generator of this crate's, a `.gan` file
    #[arg(long, value_name = "FILE")]
    generator: PathBuf,

    /// Samples to draw, of all classes in turns
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    count: usize,

    /// How they are written [default: png for images, csv for others]
    #[arg(long, value_enum, value_name = "NAME")]
    format: Option<Format>,

    /// Better samples that differ less: latents from the middle of the prior, at most so far from 0; of StyleGAN2
    /// ψ from 0 to 1, the part of the way from the mean style that is left
    #[arg(long, value_name = "THRESHOLD", allow_negative_numbers = true)]
    truncation: Option<f32>,

    /// The vectors of a generator that is conditioned on them, in turns: an array of numpy's (.npy),
    /// [count, numbers of a vector], or one vector
    #[arg(long, value_name = "FILE")]
    condition: Option<PathBuf>,

    /// A code that all samples have, of a generator whose latents hold codes (InfoGAN's), counted from 0 in their
    /// order: the class of a categorical one, the value of each number of a continuous one. Repeat it for
    /// others
    #[arg(long, value_name = "INDEX=VALUE", value_parser = code, allow_hyphen_values = true)]
    code: Vec<(usize, f32)>,

    /// What the classes' folders are called, or their column's values [default: their numbers]
    #[arg(long, value_name = "NAME", num_args = 1..)]
    names: Vec<String>,

    /// The values of pixels [default: those of the generator's last layer; symmetric where it has no
    /// bounds]
    #[arg(long, value_enum, value_name = "RANGE")]
    pixels: Option<Pixels>,

    /// Samples that are drawn at once
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    batch: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
enum Format {
    /// A picture for each
    Png,
    /// An array for NumPy, with the classes in another
    Npy,
    /// A table, the class last
    Csv,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Pixels {
    /// From −1 to 1, of generators that end in tanh
    Symmetric,
    /// From 0 to 1, of those that end in a sigmoid
    Unit,
}

impl Pixels {
    fn range(self) -> [f32; 2] {
        match self {
            Self::Symmetric => PixelRange::Symmetric.into(),
            Self::Unit => PixelRange::Unit.into(),
        }
    }
}

/// `INDEX=VALUE`.
fn code(text: &str) -> std::result::Result<(usize, f32), String> {
    let parts = text.split_once('=');
    let read = parts.and_then(|(index, value)| Some((index.parse().ok()?, value.parse().ok()?)));
    read.ok_or_else(|| "a code is INDEX=VALUE, a whole number from 0 and a number: 0=3".to_owned())
}

/// The vectors in a file, and their size.
fn vectors(path: &Path) -> Result<(Vec<f32>, usize)> {
    let refused = |problem| Error::setting("condition", path.display(), problem);
    let array = NpyArray::read(path)?;
    let (&[size] | &[_, size]) = array.shape() else {
        return Err(refused(format!(
            "holds an array of shape {:?}; vectors are [count, numbers of a vector], or one vector",
            array.shape()
        )));
    };
    let numbers = match array.values() {
        NpyValues::Bytes(bytes) => bytes.iter().map(|byte| f32::from(*byte)).collect(),
        NpyValues::Integers(numbers) => numbers.iter().map(|number| *number as f32).collect(),
        NpyValues::Floats(floats) => floats.clone(),
        _ => return Err(refused("holds no numbers".to_owned())),
    };
    Ok((numbers, size))
}

/// What decided the samples.
#[derive(Serialize)]
struct Settings<'a> {
    generator: &'a PathBuf,
    count: usize,
    format: Format,
    truncation: Option<f32>,
    condition: &'a Option<PathBuf>,
    code: &'a [(usize, f32)],
    batch: usize,
}

/// Samples in the picture.
const SHOWN: usize = 64;

fn main() -> ExitCode {
    let args = Args::parse();
    common::main_with(args.common.backend, args)
}

impl Args {
    /// The sampler on the vectors that were asked for, and only where it is conditioned on some.
    fn on_vectors<B: Backend>(&self, sampler: Sampler<B>) -> Result<Sampler<B>> {
        let Some(path) = &self.condition else {
            return match sampler.vector_size() {
                None => Ok(sampler),
                Some(size) => Err(Error::setting(
                    "condition",
                    "none",
                    format!(
                        "is needed: the generator is conditioned on vectors of {size} numbers; name an .npy \
                         file of shape [count, {size}], or of one vector"
                    ),
                )),
            };
        };
        let refused = |problem| Error::setting("condition", path.display(), problem);
        let Some(expected) = sampler.vector_size() else {
            let problem = "is for generators that are conditioned on vectors, and this one is not; leave \
                           it out";
            return Err(refused(problem.to_owned()));
        };
        let (vectors, size) = vectors(path)?;
        if size != expected {
            return Err(refused(format!(
                "holds vectors of {size} numbers, and the generator is conditioned on vectors of {expected}"
            )));
        }
        sampler.with_vectors(vectors, size)
    }
}

impl Program for Args {
    fn run<B: AutodiffBackend>(self, device: B::Device) -> Result<u8> {
        let common = Common::from(self.common.clone());
        let out = common.out();
        let started = Instant::now();
        let sampler = || {
            let sampler = Sampler::<B::InnerBackend>::open(&self.generator, &device)?;
            let sampler = sampler.with_seed(self.common.seed).with_batch(self.batch)?;
            let sampler = (self.code.iter())
                .try_fold(self.on_vectors(sampler)?, |sampler, code| {
                    sampler.with_code(code.0, code.1)
                })?;
            match self.truncation {
                None => Ok(sampler),
                Some(threshold) => (sampler.with_truncation(threshold))
                    .map_err(|error| Error::setting("truncation", threshold, error.to_string())),
            }
        };
        let first = sampler()?.draw(self.count.min(SHOWN))?;
        let image = <[usize; 3]>::try_from(first.shape()).ok();
        let format = self.format.unwrap_or(match image {
            Some(_) => Format::Png,
            None => Format::Csv,
        });

        let bar = progress(self.count);
        let told = |done: usize| bar.set_position(done as u64);
        let mut sampler = sampler()?;
        let of_generator = sampler.output_range();
        let range = match (self.pixels, of_generator) {
            (Some(pixels), _) => pixels.range(),
            (None, Some((low, high))) => [low as f32, high as f32],
            (None, None) => Pixels::Symmetric.range(),
        };
        let written = match format {
            Format::Png => {
                let folder = out.join("samples");
                write_images(&mut sampler, self.count, folder, range, &self.names, told)?
            }
            Format::Npy => write_npy(&mut sampler, self.count, out.join("samples.npy"), told)?,
            Format::Csv => {
                let path = out.join("samples.csv");
                write_table(&mut sampler, self.count, path, &[], &self.names, told)?
            }
        };
        bar.finish_and_clear();

        let Written {
            path,
            labels,
            count,
        } = written;
        let seconds = started.elapsed().as_secs_f64();
        let mut report = (common.report(&Settings {
            generator: &self.generator,
            count,
            format,
            truncation: self.truncation,
            condition: &self.condition,
            code: &self.code,
            batch: self.batch,
        }))
        .metric("classes", sampler.classes())
        .timing("sampling", seconds)
        .file(&path)
        .files(labels);
        if let Some(shape) = image {
            let style = GridStyle {
                range: range.into(),
                columns: 16,
                ..GridStyle::default()
            };
            let picture = out.join("first.png");
            image_grid(first.values(), ImageShape::new(shape), &style)?.save(&picture)?;
            report = report.picture("The first samples", &picture, None);
        }
        let what = format!("{count} samples in {}, {seconds:.1} s", path.display());
        common.finish(&report, &Ending::Finished, what)?;
        Ok(0)
    }
}

fn progress(count: usize) -> ProgressBar {
    let bar = ProgressBar::new(count as u64);
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} samples  {eta} left")
        .expect("a valid template");
    bar.set_style(style);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
