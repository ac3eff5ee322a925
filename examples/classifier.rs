//! A classifier of handwritten digits, or of any pictures in classes, to judge generated ones by.
//!
//! ```text
//! cargo run --release --example classifier -- --data-dir DIR
//! cargo run --release --example classifier -- --data-dir FOLDER --size 32 --flip
//! ```
//!
//! The data are MNIST's four files, those of a set in the same form (Fashion-MNIST, KMNIST) or CIFAR's,
//! and are tested with their own test files; or a folder of pictures whose folders are the classes, an
//! array or a table, tested with `--test-dir` or with a tenth that is held back. The out folder gets
//! `digits.classifier` (of MNIST's files) or `pictures.classifier`, which `images`, `evaluate` and
//! `mode_collapse` take as their extractor, a picture of the test images that it names wrong, and
//! `report.html`.

mod common;
#[path = "common/pictures.rs"]
mod pictures;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use burn_gan::burn::tensor::backend::AutodiffBackend;
use burn_gan::data::{ImageShape, LabelledDataset, PixelRange};
use burn_gan::models::{ClassifierConfig, SavedClassifier};
use burn_gan::network::Augmentation;
use burn_gan::plot::{GridStyle, image_grid};
use burn_gan::prelude::*;
use burn_gan::train::{ClassifierTraining, Ending};
use burn_gan::{Error, Result};
use clap::Parser;
use clap::builder::RangedU64ValueParser;
use common::{Brief, Common, Program};
use pictures::PictureArgs;

/// Trains a classifier on MNIST, or on any pictures in classes.
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    common: Brief,

    #[command(flatten)]
    pictures: PictureArgs,

    /// A folder of pictures of the same classes to test with [default: the set's own test files, or a
    /// tenth of the samples, drawn by the seed, which are then not trained on]
    #[arg(long, value_name = "FOLDER")]
    test_dir: Option<PathBuf>,

    /// Channels at full size
    #[arg(long, default_value_t = 16, value_name = "N")]
    width: usize,

    /// Features of an image
    #[arg(long, default_value_t = 128, value_name = "N")]
    features: usize,

    /// Images in a batch
    #[arg(long, default_value_t = 64, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    batch: usize,

    /// Shift training images by up to so many pixels; 0 for none
    #[arg(long, default_value_t = 2, value_name = "N")]
    shift: usize,

    /// Exchange left and right of half of the training images
    #[arg(long)]
    flip: bool,
}

const RANGE: PixelRange = PixelRange::Symmetric;
const STEPS: usize = 2_000;
/// Test images that are looked at together.
const AT_ONCE: usize = 250;
/// One sample of so many is held back where there is no test set.
const HELD_BACK: usize = 10;
/// The fewest samples of which some are held back.
const FEWEST: usize = 20;
/// Mistakes that are shown, and how many of them in a row.
const SHOWN: usize = 80;
const COLUMNS: usize = 10;

fn main() -> ExitCode {
    let args = Args::parse();
    common::main_with(args.common.backend, args)
}

impl Program for Args {
    fn run<B: AutodiffBackend>(self, device: B::Device) -> Result<u8> {
        let common = Common::from(self.common.clone());
        let Sets {
            train,
            test,
            image,
            classes,
            digits,
        } = self.sets(common.seed)?;
        let settings = ClassifierConfig::new(image, classes)
            .with_width(self.width)
            .with_features(self.features);
        let steps = common.steps.unwrap_or(STEPS) as u64;
        let training = ClassifierTraining::new(steps)
            .with_seed(common.seed)
            .with_batch_size(self.batch)
            .with_augmentation(
                (self.shift > 0 || self.flip).then_some(Augmentation::Images {
                    shift: self.shift,
                    flip: self.flip,
                    fill: Default::default(),
                }),
            );

        let begun = Instant::now();
        let bar = common::bar(steps);
        let mut losses = Vec::new();
        let classifier = training.run::<B, _>(&settings, &train, &device, |step| {
            if step.step.is_multiple_of(10) || step.step == steps {
                losses.push((step.step as f64, step.loss()));
                bar.set_message(format!("loss {:.4}", step.loss()));
            }
            bar.set_position(step.step);
            Ok(())
        })?;
        bar.finish_and_clear();
        let seconds = begun.elapsed().as_secs_f64();

        let found = classifier.predictions(&test, AT_ONCE, &device)?;
        let labels = Dataset::<B>::labels(&test).unwrap_or_default();
        let wrong: Vec<usize> = (0..found.len())
            .filter(|i| found[*i] != labels[*i])
            .collect();
        let accuracy = 1.0 - wrong.len() as f64 / found.len() as f64;

        let out = common.out();
        let path = out.join(match digits {
            true => "digits.classifier",
            false => "pictures.classifier",
        });
        SavedClassifier::save(&path, &settings, &classifier, Some(accuracy))?;
        let mut report = common
            .report(&training)
            .setting("classifier", &settings)
            .ending(Ending::Finished.to_string())
            .timing("training", seconds)
            .metric("accuracy", accuracy)
            .metric("mistakes", wrong.len())
            .metric("test_images", found.len())
            .metric("hash", SavedClassifier::open(&path)?.hash())
            .curve("loss", "cross-entropy", losses)
            .file(&path);
        if let Some(caption) = mistakes::<B>(&test, &settings, &found, &wrong, &out)? {
            report = report.picture(caption, out.join("mistakes.png"), None);
        }
        let what = format!(
            "{:.2} % of {} test images right after {steps} steps, {seconds:.0} s",
            100.0 * accuracy,
            found.len()
        );
        common.finish(&report, &Ending::Finished, what)?;
        Ok(0)
    }
}

/// What is trained and tested with.
struct Sets {
    train: LabelledDataset<4>,
    test: LabelledDataset<4>,
    /// Channels, height and width of an image.
    image: [usize; 3],
    classes: usize,
    /// They are MNIST's files, or in their form.
    digits: bool,
}

impl Args {
    fn sets(&self, seed: u64) -> Result<Sets> {
        let pictures = self.pictures.open(RANGE, false)?;
        let names = pictures.classes.clone();
        let image @ [channels, ..] = pictures.dimensions();
        let mut own = self.pictures.test_set(RANGE)?;
        let digits = own.is_some() && channels == 1;
        if names.len() < 2 {
            let path = self.pictures.data_dir.display();
            let problem = "has no classes to tell apart: put pictures into a folder for each class, \
                           or give `--label-file`";
            return Err(Error::setting("data_dir", path, problem));
        }
        if let Some(folder) = &self.test_dir {
            let mut of_test = self.pictures.clone();
            of_test.data_dir = folder.clone();
            let test = of_test.open(RANGE, false)?;
            let ImageShape { height, width, .. } = test.shape;
            if (test.dimensions(), &test.classes) != (image, &names) {
                let problem = format!(
                    "has classes `{}` of {height} × {width}, not `{}` as what is trained on",
                    test.classes.join("`, `"),
                    names.join("`, `"),
                );
                return Err(Error::setting("test_dir", folder.display(), problem));
            }
            own = Some(test.into_labelled()?);
        }
        let (train, test) = match own {
            Some(test) => (pictures.into_labelled()?, test),
            None => {
                let count = pictures.count();
                if count < FEWEST {
                    let problem =
                        format!("must be {FEWEST} or more, to hold some back to test with");
                    return Err(Error::setting("pictures", count, problem));
                }
                let order = Stream::new(seed, "test").permutation(count);
                let (test, train) = order.split_at(count / HELD_BACK);
                (
                    pictures.only(train)?.into_labelled()?,
                    pictures.only(test)?.into_labelled()?,
                )
            }
        };
        Ok(Sets {
            train,
            test,
            image,
            classes: names.len(),
            digits,
        })
    }
}

/// Draws images that were named wrong, and says what they are and were taken for.
fn mistakes<B: AutodiffBackend>(
    test: &LabelledDataset<4>,
    settings: &ClassifierConfig,
    found: &[usize],
    wrong: &[usize],
    out: &std::path::Path,
) -> Result<Option<String>> {
    let shown = &wrong[..wrong.len().min(SHOWN)];
    if shown.is_empty() {
        return Ok(None);
    }
    let (images, _) = Dataset::<B>::batch(test, shown, &Default::default())?;
    let pixels: Vec<f32> = images.into_data().iter().collect();
    let style = GridStyle {
        columns: COLUMNS,
        scale: 2,
        ..GridStyle::default()
    };
    image_grid(&pixels, settings.image, &style)?.save(out.join("mistakes.png"))?;
    let labels = Dataset::<B>::labels(test).unwrap_or_default();
    let pairs: Vec<String> = shown
        .iter()
        .map(|i| format!("{}→{}", labels[*i], found[*i]))
        .collect();
    Ok(Some(format!(
        "Test images named wrong, row by row as label→answer: {}",
        pairs.join(" ")
    )))
}
