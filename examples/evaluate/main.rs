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
//! Each score stands beside that of real samples against real ones: MNIST's other part, the samples of
//! `--held-out`, or else two halves of the real samples. Copies are looked for in what the generator was
//! trained on. The out folder gets `report.html`, and `report.json` with the provenance of every score.

mod as_asked;
mod asked;
mod by_class;
#[path = "../common/mod.rs"]
mod common;
mod images;
mod networks;
mod open;
mod sets;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use asked::Asked;
use burn_gan::burn::tensor::backend::AutodiffBackend;
use burn_gan::data::{ImageShape, PixelRange};
use burn_gan::metrics::{
    ClassifierFeatures, ClassifierOutput, ExtractorId, FeatureExtractor, FeatureMetric, Features,
    ImageDiversity, Inception, InceptionOutput, InceptionResize, InceptionSettings, Metric,
    MomentsCache, PathLengths, PerceptualPathLength, Raw, Score, Scorer,
};
use burn_gan::plot::{GridStyle, image_grid};
use burn_gan::prelude::*;
use burn_gan::report::Report;
use burn_gan::train::Ending;
use burn_gan::{Error, Result};
use clap::builder::RangedU64ValueParser;
use clap::{Parser, ValueEnum};
use common::{Common, Program, Untrained};
use indicatif::ProgressBar;
use open::Training;
use serde::Serialize;
use sets::{Generated, Sets};

/// Scores generated samples against real ones.
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    common: Untrained,

    /// What is scored: a `.gan` file, a checkpoint of `images` or `mnist` or a folder of them, a folder
    /// of pictures, or features as `.npy` or `.safetensors`
    #[arg(long, value_name = "PATH")]
    generated: PathBuf,

    /// The real samples: a folder with MNIST's files or of pictures, which are brought to the size of
    /// the generated ones; or features as `.npy` or `.safetensors`
    #[arg(long, value_name = "PATH")]
    data_dir: PathBuf,

    /// Which of MNIST's two parts samples are held against. The other one stands in for them where real
    /// is measured against real; copies are looked for in the training part, whichever it is
    #[arg(long, value_enum, default_value_t = Split::Test, value_name = "NAME")]
    split: Split,

    /// Real samples that the generator was not trained on, of the kind of `--data-dir`, which is what it
    /// was trained on: they stand in for generated ones where real is measured against real [default:
    /// two halves of the real samples are compared]
    #[arg(long, value_name = "PATH")]
    held_out: Option<PathBuf>,

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

    /// Metrics, by name or as JSON with settings, such as '{"precision_recall":{"neighbours":5}}'; of
    /// images also `inception_score` (by a classifier), `class_accuracy` (of a generator that is told
    /// classes, by a classifier of the same ones), `ms_ssim` and `perceptual_path_length` (of a
    /// generator) [default: all that can be measured]
    #[arg(long, value_name = "METRIC", value_delimiter = ' ', num_args = 1.., value_parser = Asked::parse)]
    metrics: Vec<Asked>,

    /// Recall and coverage of each class of the real samples, too: which ones the generator does not
    /// reach
    #[arg(long)]
    by_class: bool,

    /// Folder that keeps what networks make of real images, and the moments of real samples where there
    /// are more of them than features: later runs find it by its content [default: nothing is kept]
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
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
/// What features of files are said to be made by where nobody says it.
const STORED: &str = "stored features";

fn main() -> ExitCode {
    let args = Args::parse();
    common::main_with(args.common.backend, args)
}

impl Program for Args {
    fn run<B: AutodiffBackend>(self, device: B::Device) -> Result<u8> {
        let common = Common::from(self.common.clone());
        let report = common
            .report(&serde_json::json!({"batch": self.batch}))
            .setting("generated", self.generated.display().to_string())
            .setting("real", self.data_dir.display().to_string())
            .ending(Ending::Finished.to_string());

        let (scores, report) = match (is_features(&self.data_dir), is_features(&self.generated)) {
            (true, true) => (self.of_features()?, report),
            (false, false) => self.of_images::<B>(&common, report, &device)?,
            _ => {
                return Err(Error::setting(
                    "generated",
                    self.generated.display(),
                    "features are scored against features, images against images",
                ));
            }
        };
        let report = match scores.first().map(stood_in) {
            Some(how) => {
                common::print(format_args!("real against real: {how}"));
                report.setting("real_against_real", how)
            }
            None => report,
        };
        // The notes stand above.
        let bare = |score: &Score| {
            let mut score = score.clone();
            score.estimate.notes.clear();
            score.to_string()
        };
        // What is no score was printed.
        let first = scores
            .first()
            .map_or_else(|| "measured, see above".to_owned(), bare);
        common.finish(&report.scores(&scores), &Ending::Finished, first)?;
        Ok(0)
    }
}

/// What real was measured against real on, in words.
fn stood_in(score: &Score) -> String {
    let real = &score.provenance.real;
    match (&score.provenance.stand_in, score.real_against_real) {
        (Some(other), _) => {
            let count = score
                .real_against_real
                .map_or(other.count, |real| real.count);
            format!(
                "{count} of {} against {} of {}",
                other.name, real.count, real.name
            )
        }
        (None, Some(halves)) => format!(
            "two halves of {}, {} against {}",
            real.name, halves.count, halves.against
        ),
        (None, None) => "not measured".to_owned(),
    }
}

/// A path's length, with what it depends on.
#[derive(Serialize)]
struct PathLength<'a> {
    #[serde(flatten)]
    lengths: PathLengths,
    settings: &'a PerceptualPathLength,
    extractor: ExtractorId,
    seed: u64,
}

/// Makes features of images; which ones, the command line says.
type Extractor<B> = Box<dyn FeatureExtractor<B, Tensor<B, 4>>>;

impl Args {
    /// Refuses a metric that was asked for by name; without names, all are taken that can be had.
    fn refused(&self, name: &str, problem: &str) -> Result<()> {
        match self.metrics.as_slice() {
            [] => Ok(()),
            _ => Err(Error::setting("metrics", name, problem)),
        }
    }

    fn asked(&self) -> Vec<Asked> {
        match self.metrics.as_slice() {
            [] => Asked::all(),
            some => some.to_vec(),
        }
    }

    /// Scores of two files of features.
    fn of_features(&self) -> Result<Vec<Score>> {
        if self.by_class {
            let problem = "needs images in classes, and these are features";
            return Err(Error::setting("by_class", true, problem));
        }
        let mut metrics = Vec::new();
        for asked in self.asked() {
            let name = match asked {
                Asked::OfFeatures(metric) => {
                    metrics.push(metric);
                    continue;
                }
                Asked::InceptionScore(_) => "inception_score",
                Asked::ClassAccuracy => "class_accuracy",
                Asked::MsSsim(_) => "ms_ssim",
                Asked::PathLength(_) => "perceptual_path_length",
            };
            self.refused(name, "is measured on images, and these are features")?;
        }
        let sets = Sets {
            real: self.stored(&self.data_dir)?,
            held_out: (self.held_out.as_deref())
                .map(|path| self.stored(path))
                .transpose()?,
            generated: self.stored(&self.generated)?,
        };
        let count = sets.real.count();
        let training = match sets.held_out {
            Some(_) => Training::Real(count, count),
            None => Training::Unknown,
        };
        self.scores(&sets, metrics, &training)
    }

    /// Features of a file. That one extractor made those of all files is the caller's word.
    fn stored(&self, path: &Path) -> Result<Features> {
        let made_by = self.extractor.as_deref().unwrap_or(STORED);
        let features = Features::read_made_by(path, ExtractorId::new(made_by))?;
        Ok(match self.samples {
            Some(most) if most < features.count() => sets::first(&features, most),
            _ => features,
        })
    }

    /// Scores of images, with pictures of both sets in the report.
    fn of_images<B: AutodiffBackend>(
        &self,
        common: &Common,
        mut report: Report,
        device: &B::Device,
    ) -> Result<(Vec<Score>, Report)> {
        if let Some(name) = &self.extractor {
            let problem = "names what made stored features; those of images are made here, by \
                           `--classifier` or `--inception`";
            return Err(Error::setting("extractor", name, problem));
        }
        let (images, training) = self.images::<B>(device)?;
        self.needs_classes(&images.real)?;
        let [channels, height, width] = images.real.shape;
        let shape = ImageShape::new([channels, height, width]);
        let (mut of_features, mut of_logits) = (Vec::new(), Vec::new());
        let (mut of_pixels, mut of_paths) = (Vec::new(), Vec::new());
        let mut as_asked = false;
        for asked in self.asked() {
            match asked {
                Asked::OfFeatures(metric) => of_features.push(metric),
                Asked::InceptionScore(settings) if self.has_classes() => of_logits.push(settings),
                Asked::InceptionScore(_) => {
                    self.refused("inception_score", "needs `--classifier` or `--inception`")?;
                }
                Asked::ClassAccuracy => as_asked = self.can_be_as_asked(&images)?,
                Asked::MsSsim(Some(settings)) => {
                    of_pixels.push(ImageDiversity::with_settings(settings, shape)?);
                }
                Asked::MsSsim(None) => match ImageDiversity::new(shape) {
                    Some(metric) => of_pixels.push(metric),
                    None => self.refused("ms_ssim", "needs images of at least 11 × 11 pixels")?,
                },
                Asked::PathLength(settings) => match &images.generated {
                    Generated::Drawn(_) => of_paths.push(settings.unwrap_or_else(|| {
                        // As many samples as all else takes.
                        PerceptualPathLength {
                            pairs: (images.draws / 2).max(2),
                            ..PerceptualPathLength::default()
                        }
                    })),
                    Generated::Images(_) => {
                        self.refused("perceptual_path_length", "needs a generator, not images")?;
                    }
                },
            }
        }

        let real = images
            .real
            .batch(0, images.real.len().min(SHOWN * SHOWN), device);
        let generated = images.generated(0, SHOWN * SHOWN)?;
        for (caption, file, batch) in [
            ("Generated", "generated.png", generated),
            ("Real", "real.png", real),
        ] {
            let path = common.out().join(file);
            draw(batch, &path)?;
            report = report.picture(caption, path, None);
        }

        let mut scores = Vec::new();
        let extractor = self.extractor::<B::InnerBackend>(device, false)?;
        let mut sets = None;
        if !of_features.is_empty() || self.by_class {
            let sets = sets.insert(images.features(&*extractor)?);
            scores.extend(self.scores(sets, of_features, &training)?);
            if self.by_class {
                report = report.metric("by_class", self.by_class(&images.real, sets)?);
            }
        }
        if !of_logits.is_empty() || as_asked {
            let classifier = self.extractor::<B::InnerBackend>(device, true)?;
            let logits = images.features(&*classifier)?;
            scores.extend(self.score(&logits, of_logits, None)?);
            if as_asked && let Some(found) = self.as_asked(&images, &logits, classifier.id())? {
                report = report.metric("class_accuracy", found);
            }
        }
        if !of_pixels.is_empty() {
            // Without a network the features are the pixels already.
            let pixels = match sets.filter(|_| !self.has_classes()) {
                Some(sets) => sets,
                None => images.features(&Raw)?,
            };
            scores.extend(self.score(&pixels, of_pixels, None)?);
        }
        for settings in of_paths {
            if let Some(lengths) = images.path_lengths(&*extractor, &settings)? {
                // No score: it is held against nothing real.
                common::print(format_args!(
                    "perceptual_path_length {:.3} ± {:.3}",
                    lengths.mean, lengths.standard_error
                ));
                let length = PathLength {
                    lengths,
                    settings: &settings,
                    extractor: extractor.id(),
                    seed: self.common.seed,
                };
                report = report.metric("perceptual_path_length", length);
            }
        }
        Ok((scores, report))
    }

    fn has_classes(&self) -> bool {
        self.classifier.is_some() || self.inception.is_some()
    }

    /// Scores by features; copies are looked for in what the generator was trained on.
    fn scores(&self, sets: &Sets, metrics: Vec<Metric>, training: &Training) -> Result<Vec<Score>> {
        let of_copies = |metric: &Metric| matches!(metric, Metric::Memorisation(_));
        let (copies, others): (Vec<_>, Vec<_>) = metrics.into_iter().partition(of_copies);
        let mut scores = self.score(sets, others, None)?;
        if copies.is_empty() {
            return Ok(scores);
        }
        let swapped = match training {
            Training::HeldOut(..) => sets.swapped(),
            _ => None,
        };
        let sets = swapped.as_ref().unwrap_or(sets);
        scores.extend(self.score(sets, copies, training.note())?);
        Ok(scores)
    }

    /// Scores of generated samples with a note on all of them, each printed.
    fn score<M: FeatureMetric + 'static>(
        &self,
        sets: &Sets,
        metrics: Vec<M>,
        note: Option<String>,
    ) -> Result<Vec<Score>> {
        if metrics.is_empty() {
            return Ok(Vec::new());
        }
        let scorer = Scorer::new(sets.real.clone()).with_seed(self.common.seed);
        let mut scorer = metrics.into_iter().fold(scorer, Scorer::with_metric);
        if let Some(held_out) = &sets.held_out {
            // As many as there are generated ones, so that the two compare.
            scorer = scorer.with_held_out(sets::first(held_out, sets.generated.count()));
        }
        if let Some(folder) = &self.cache {
            scorer = scorer.with_cache(MomentsCache::new(folder));
        }
        let bar = ProgressBar::new_spinner().with_message("measuring");
        bar.enable_steady_tick(Duration::from_millis(200));
        let scores = scorer.score(&sets.generated);
        bar.finish_and_clear();
        let mut scores = scores?;
        for score in &mut scores {
            score.estimate.notes.extend(note.clone());
            common::print(score);
        }
        Ok(scores)
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

/// Whether a file holds features, by its name.
fn is_features(path: &Path) -> bool {
    (path.extension()).is_some_and(|end| end == "npy" || end == "safetensors")
}
