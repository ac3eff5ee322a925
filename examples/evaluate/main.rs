//! Scores generated samples against real ones: a saved generator, a checkpoint, a folder of images, or
//! features that another program made.
//!
//! ```text
//! cargo run --release --example evaluate -- --generated out/mnist/generator.gan --data-dir DIR \
//!     --classifier out/classifier/digits.classifier
//! cargo run --release --example evaluate -- --generated FOLDER --data-dir FOLDER --inception FILE
//! cargo run --release --example evaluate -- --generated a.npy --data-dir b.npy --extractor clip
//! ```
//!
//! Each score stands beside that of real samples against real ones. The out folder gets `report.html`,
//! and `report.json` with the provenance of every score.

#[path = "../common/mod.rs"]
mod common;
mod images;
mod networks;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use burn_gan::burn::tensor::TensorData;
use burn_gan::burn::tensor::backend::AutodiffBackend;
use burn_gan::data::{ImageShape, Mnist, PixelRange};
use burn_gan::metrics::{
    ClassifierFeatures, ClassifierOutput, ExtractorId, FeatureExtractor, Features, Inception,
    InceptionOutput, InceptionResize, InceptionScore, InceptionScores, InceptionSettings, Metric,
    Raw, Score, Scorer, features_of,
};
use burn_gan::plot::{GridStyle, image_grid};
use burn_gan::prelude::*;
use burn_gan::sampling::Sampler;
use burn_gan::train::Ending;
use burn_gan::{Error, Result};
use clap::builder::RangedU64ValueParser;
use clap::{Parser, ValueEnum};
use common::{Common, Program, Untrained};
use images::Images;
use indicatif::{ProgressBar, ProgressStyle};

/// Scores generated samples against real ones.
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    common: Untrained,

    /// What is scored: a `.gan` file, a checkpoint of `mnist` or a folder of them, a folder of
    /// pictures, or features as `.npy` or `.safetensors`
    #[arg(long, value_name = "PATH")]
    generated: PathBuf,

    /// The real samples: a folder with MNIST's files or of pictures, which are brought to the size of
    /// the generated ones; or features as `.npy` or `.safetensors`
    #[arg(long, value_name = "PATH")]
    data_dir: PathBuf,

    /// Which of MNIST's two parts
    #[arg(long, value_enum, default_value_t = Split::Test, value_name = "NAME")]
    split: Split,

    /// Score the features of this classifier, as the example `classifier` trains one
    #[arg(long, value_name = "FILE", conflicts_with = "inception")]
    classifier: Option<PathBuf>,

    /// Score the features of FID's Inception, from this safetensors file
    #[arg(long, value_name = "FILE")]
    inception: Option<PathBuf>,

    /// What made the features of both files, where `.npy` or `.safetensors` are scored: it stands beside
    /// every score [default: stored features]
    #[arg(long, value_name = "NAME", conflicts_with_all = ["classifier", "inception"])]
    extractor: Option<String>,

    /// How images are resized for Inception: as one or the other package does it
    #[arg(long, value_enum, default_value_t = Resize::PytorchFid, value_name = "NAME", requires = "inception")]
    resize: Resize,

    /// Generated samples, and real ones at most [default: as many as there are real ones, at most
    /// 10000]
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(2..))]
    samples: Option<usize>,

    /// Samples that are drawn and looked at together
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    batch: usize,

    /// Metrics, by name or as JSON with settings, such as '{"precision_recall":{"neighbours":5}}'
    /// [default: all]
    #[arg(long, value_name = "METRIC", value_delimiter = ' ', num_args = 1.., value_parser = metric)]
    metrics: Vec<Metric>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Split {
    Train,
    Test,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Resize {
    PytorchFid,
    TorchFidelity,
}

/// At most so many samples where nothing else is asked for.
const SAMPLES: usize = 10_000;
/// Images in a row and in a column of a picture.
const SHOWN: usize = 10;

fn metric(text: &str) -> Result<Metric, String> {
    if text.starts_with('{') {
        return serde_json::from_str(text).map_err(|error| error.to_string());
    }
    Metric::named(text).map_err(|error| error.to_string())
}

fn main() -> ExitCode {
    let args = Args::parse();
    common::main_with(args.common.backend, args)
}

impl Program for Args {
    fn run<B: AutodiffBackend>(self, device: B::Device) -> Result<u8> {
        let common = Common::from(self.common.clone());
        let mut report = common
            .report(&serde_json::json!({"batch": self.batch}))
            .setting("generated", self.generated.display().to_string())
            .setting("real", self.data_dir.display().to_string())
            .ending(Ending::Finished.to_string());

        let (real, generated) = match (is_features(&self.data_dir), is_features(&self.generated)) {
            (true, true) => (self.stored(&self.data_dir)?, self.stored(&self.generated)?),
            (false, false) => {
                if let Some(name) = &self.extractor {
                    let problem = "names what made stored features; those of images are made here, \
                                   by `--classifier` or `--inception`";
                    return Err(Error::setting("extractor", name, problem));
                }
                let images = self.images::<B>(&device)?;
                for (caption, file, batch) in [
                    (
                        "Generated",
                        "generated.png",
                        images.generated(0, SHOWN * SHOWN),
                    ),
                    ("Real", "real.png", images.real(0, SHOWN * SHOWN)),
                ] {
                    let path = common.out().join(file);
                    draw(batch?, &path)?;
                    report = report.picture(caption, path, None);
                }
                if let Some(score) = self.inception_score(&images, &device)? {
                    report = report.metric("inception_score", score);
                }
                let extractor = self.extractor::<B::InnerBackend>(&device, false)?;
                (
                    images.real_features(&*extractor, self.batch)?,
                    images.generated_features(&*extractor, self.batch)?,
                )
            }
            _ => {
                return Err(Error::setting(
                    "generated",
                    self.generated.display(),
                    "features are scored against features, images against images",
                ));
            }
        };

        let metrics = match self.metrics.as_slice() {
            [] => Metric::all(),
            some => some.to_vec(),
        };
        let scorer = Scorer::new(real).with_seed(self.common.seed);
        let scorer = metrics
            .into_iter()
            .fold(scorer, |scorer, metric| scorer.with_metric(metric));
        let bar = ProgressBar::new_spinner().with_message("measuring");
        bar.enable_steady_tick(Duration::from_millis(200));
        let scores = scorer.score(&generated);
        bar.finish_and_clear();
        let scores = scores?;
        for score in &scores {
            common::print(score);
        }
        let first = scores.first().map(Score::to_string).unwrap_or_default();
        common.finish(&report.scores(&scores), &Ending::Finished, first)?;
        Ok(0)
    }
}

/// Makes features of images; which ones, the command line says.
type Extractor<B> = Box<dyn FeatureExtractor<B, Tensor<B, 4>>>;

/// What features of files are said to be made by where nobody says it.
const STORED: &str = "stored features";

impl Args {
    /// Features of a file. That one extractor made those of all files is the caller's word.
    fn stored(&self, path: &Path) -> Result<Features> {
        let made_by = self.extractor.as_deref().unwrap_or(STORED);
        let features = Features::read_made_by(path, ExtractorId::new(made_by))?;
        let most = self.samples.unwrap_or(usize::MAX);
        match features.count() > most {
            true => Ok(features.select(&(0..most).collect::<Vec<_>>())),
            false => Ok(features),
        }
    }

    /// Both sets of images, or what draws them.
    fn images<B: AutodiffBackend>(&self, device: &B::Device) -> Result<Pair<B::InnerBackend>> {
        let most = self.samples.unwrap_or(SAMPLES);
        let path = self.generated.as_path();
        let saved = path.extension().is_some_and(|end| end == "gan");
        let mut sampler = match saved {
            true => Some(Sampler::open(path, device)?),
            false => None,
        };
        let stored = !saved && is_stored_run(path);
        // What is drawn decides the shape; otherwise the files do.
        let (real, files) = match &mut sampler {
            _ if is_mnist(&self.data_dir) => {
                let real = match self.split {
                    Split::Train => Images::of(Mnist::train(&self.data_dir)?, "training"),
                    Split::Test => Images::of(Mnist::test(&self.data_dir)?, "test"),
                };
                (real, None)
            }
            Some(sampler) => {
                let shape = self.shape_of(sampler.draw(1)?.shape())?;
                (Images::in_folder(&self.data_dir, most, shape)?, None)
            }
            None => self.in_folders(most, stored)?,
        };
        let count = most.min(real.len());
        let generated = match (sampler, files) {
            (Some(sampler), _) => Generated::Drawn(Box::new(sampler)),
            (None, Some(images)) => Generated::Images(images),
            (None, None) if stored => Generated::Drawn(Box::new(networks::of_checkpoint::<B>(
                path, real.shape, device,
            )?)),
            (None, None) => Generated::Images(Images::in_folder(path, most, real.shape)?),
        };
        Ok(Pair {
            real,
            count,
            generated,
            asked: self.samples,
            seed: self.common.seed,
            device: device.clone(),
        })
    }

    /// A sample's shape, that of an image.
    fn shape_of(&self, sample: &[usize]) -> Result<[usize; 3]> {
        <[usize; 3]>::try_from(sample).map_err(|_| {
            let problem = format!("its samples, of shape {sample:?}, are no images");
            Error::data(&self.generated, problem)
        })
    }

    /// The real pictures, and the generated ones unless a stored run is to draw them: of the size of the
    /// first generated one, or of the first real one, grey where none has a colour.
    fn in_folders(&self, most: usize, stored: bool) -> Result<(Images, Option<Images>)> {
        let (real, generated) = (&self.data_dir, &self.generated);
        let [height, width] = images::size_of_first(if stored { real } else { generated })?;
        let in_color = |folder| Images::in_folder(folder, most, [3, height, width]);
        let real = in_color(real)?;
        let generated = match stored {
            true => None,
            false => Some(in_color(generated)?),
        };
        if real.is_grey() && generated.as_ref().is_none_or(Images::is_grey) {
            return Ok((real.first_channel(), generated.map(Images::first_channel)));
        }
        Ok((real, generated))
    }

    /// What makes features, or logits where it has classes.
    fn extractor<B: Backend>(&self, device: &B::Device, logits: bool) -> Result<Extractor<B>> {
        if let Some(file) = &self.classifier {
            let output = match logits {
                true => ClassifierOutput::Logits,
                false => ClassifierOutput::Features,
            };
            let classifier = ClassifierFeatures::open(file, device)?;
            return Ok(Box::new(
                classifier
                    .with_output(output)
                    .with_pixels(PixelRange::Symmetric),
            ));
        }
        if let Some(file) = &self.inception {
            let resize = match self.resize {
                Resize::PytorchFid => InceptionResize::PytorchFid,
                Resize::TorchFidelity => InceptionResize::TorchFidelity,
            };
            let settings = InceptionSettings::default().with_resize(resize);
            let settings = match logits {
                true => settings.with_output(InceptionOutput::Logits),
                false => settings,
            };
            return Ok(Box::new(Inception::open(file, settings, device)?));
        }
        Ok(Box::new(Raw))
    }

    /// The inception score by a classifier's classes.
    fn inception_score<B: Backend>(
        &self,
        images: &Pair<B>,
        device: &B::Device,
    ) -> Result<Option<InceptionScores>> {
        if self.classifier.is_none() && self.inception.is_none() {
            return Ok(None);
        }
        let logits = images.generated_features(&*self.extractor(device, true)?, self.batch)?;
        let score = InceptionScore::default().of_logits(
            &logits,
            &mut Stream::new(self.common.seed, "inception score"),
        )?;
        common::print(format_args!(
            "inception_score {:.3} ± {:.3}",
            score.score, score.deviation
        ));
        Ok(Some(score))
    }
}

/// Where generated images come from.
enum Generated<B: Backend> {
    Images(Images),
    Drawn(Box<Sampler<B>>),
}

/// Real and generated images.
struct Pair<B: Backend> {
    real: Images,
    /// How many real ones are looked at.
    count: usize,
    generated: Generated<B>,
    asked: Option<usize>,
    seed: u64,
    device: B::Device,
}

impl<B: Backend> Pair<B> {
    fn real(&self, start: usize, count: usize) -> Result<Tensor<B, 4>> {
        let count = count.min(self.count - start);
        Ok(self.real.batch(start, count, &self.device))
    }

    /// How many generated ones are looked at.
    fn generated_count(&self) -> usize {
        match &self.generated {
            Generated::Images(images) => images.len(),
            Generated::Drawn(_) => self.asked.unwrap_or(self.count),
        }
    }

    /// The first `count` of the generated images; the same ones at each call.
    fn generated(&self, start: usize, count: usize) -> Result<Tensor<B, 4>> {
        let count = count.min(self.generated_count() - start);
        match &self.generated {
            Generated::Images(images) => Ok(images.batch(start, count, &self.device)),
            Generated::Drawn(sampler) => {
                // A stream for each batch: they can be drawn again in any order.
                let purpose = format!("evaluation from {start}");
                let mut stream = Stream::new(self.seed, &purpose);
                let latents = sampler.latent().draw(count, &mut stream, &self.device);
                // Classes take turns within a batch.
                let labels = sampler.classes().map_or_else(Vec::new, |classes| {
                    (0..count).map(|place| place % classes).collect()
                });
                let drawn = sampler.generate(latents, &labels)?;
                let [channels, height, width] = self.real.shape;
                if drawn.shape() != self.real.shape {
                    return Err(Error::data(
                        "generated",
                        format!(
                            "samples of shape {:?}, the real images are [channels, height, width] {:?}",
                            drawn.shape(),
                            self.real.shape
                        ),
                    ));
                }
                let shape = [count, channels, height, width];
                let images = TensorData::new(drawn.into_values(), shape);
                let images = Tensor::from_data(images, &self.device);
                // Real ones are in [−1, 1].
                Ok(match sampler.output_range() {
                    Some((low, high)) if (low, high) != (-1.0, 1.0) => {
                        images.sub_scalar(low) * (2.0 / (high - low)) - 1.0
                    }
                    _ => images,
                })
            }
        }
    }

    fn real_features(
        &self,
        extractor: &dyn FeatureExtractor<B, Tensor<B, 4>>,
        batch: usize,
    ) -> Result<Features> {
        let features = features(extractor, self.count, batch, |start| {
            self.real(start, batch)
        });
        Ok(features?.with_set(&self.real.set))
    }

    fn generated_features(
        &self,
        extractor: &dyn FeatureExtractor<B, Tensor<B, 4>>,
        batch: usize,
    ) -> Result<Features> {
        let count = self.generated_count();
        let features = features(extractor, count, batch, |start| {
            self.generated(start, batch)
        });
        Ok(features?.with_set("generated"))
    }
}

/// Features of images that come in batches, with a bar.
fn features<B: Backend>(
    extractor: &dyn FeatureExtractor<B, Tensor<B, 4>>,
    count: usize,
    batch: usize,
    images: impl Fn(usize) -> Result<Tensor<B, 4>>,
) -> Result<Features> {
    let bar = ProgressBar::new(count as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:32} {pos}/{len} images  {eta} left") {
        bar.set_style(style);
    }
    let batches = (0..count).step_by(batch).map(|start| {
        bar.set_position(start as u64);
        images(start)
    });
    let features = features_of(extractor, batches);
    bar.finish_and_clear();
    features
}

/// Images in rows, as a picture.
fn draw<B: Backend>(images: Tensor<B, 4>, path: &Path) -> Result<()> {
    let [_, channels, height, width] = images.dims();
    let pixels: Vec<f32> = images.into_data().iter().collect();
    let style = GridStyle {
        columns: SHOWN,
        scale: (64 / height).max(1),
        ..GridStyle::default()
    };
    image_grid(&pixels, ImageShape::new([channels, height, width]), &style)?.save(path)
}

/// Whether a folder holds MNIST's files, or those of a set in the same form.
fn is_mnist(folder: &Path) -> bool {
    holds(folder, |name| name.contains("-idx3-ubyte"))
}

/// Whether a path is a checkpoint, or a folder of them.
fn is_stored_run(path: &Path) -> bool {
    let is_checkpoint = |name: &str| name.ends_with(".checkpoint");
    match path.is_dir() {
        true => holds(path, is_checkpoint),
        false => is_checkpoint(&path.to_string_lossy()),
    }
}

/// Whether a folder holds a file of such a name.
fn holds(folder: &Path, is_such: impl Fn(&str) -> bool) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names = entries.map(|entry| entry.file_name());
    names.any(|name| is_such(&name.to_string_lossy()))
}

/// Whether a file holds features, by its name.
fn is_features(path: &Path) -> bool {
    (path.extension()).is_some_and(|end| end == "npy" || end == "safetensors")
}
