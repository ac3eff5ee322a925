//! A classifier of handwritten digits, to judge generated ones by.
//!
//! ```text
//! cargo run --release --example classifier -- --data-dir DIR
//! ```
//!
//! DIR holds MNIST's four files, plain or gzip, or those of a set in the same form with the labels 0
//! to 9 (Fashion-MNIST, KMNIST). The out folder gets `digits.classifier`, which `evaluate` and
//! `mode_collapse` take as their extractor, a picture of the test images that it names wrong, and
//! `report.html`.

mod common;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use burn_gan::Result;
use burn_gan::burn::tensor::backend::AutodiffBackend;
use burn_gan::data::{LabelledDataset, Mnist, PixelRange};
use burn_gan::models::{ClassifierConfig, SavedClassifier};
use burn_gan::network::Augmentation;
use burn_gan::plot::{GridStyle, image_grid};
use burn_gan::prelude::*;
use burn_gan::train::{ClassifierTraining, Ending};
use clap::Parser;
use clap::builder::RangedU64ValueParser;
use common::{Brief, Common, Program};

/// Trains a classifier on MNIST.
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    common: Brief,

    /// Folder with MNIST's four files, plain or gzip
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,

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
}

const STEPS: usize = 2_000;
/// Test images that are looked at together.
const AT_ONCE: usize = 250;
/// Mistakes that are shown, and how many of them in a row.
const SHOWN: usize = 80;
const COLUMNS: usize = 10;

fn main() -> ExitCode {
    let args = Args::parse();
    common::main_with(args.common.backend, args)
}

impl Program for Args {
    fn run<B: AutodiffBackend>(self, device: B::Device) -> Result<u8> {
        let [train, test] = [Mnist::train(&self.data_dir)?, Mnist::test(&self.data_dir)?];
        let settings = ClassifierConfig::new([1, train.height, train.width], train.classes)
            .with_width(self.width)
            .with_features(self.features);
        let common = Common::from(self.common);
        let steps = common.steps.unwrap_or(STEPS) as u64;
        let training = ClassifierTraining::new(steps)
            .with_seed(common.seed)
            .with_batch_size(self.batch)
            .with_augmentation((self.shift > 0).then_some(Augmentation::Images {
                shift: self.shift,
                flip: false,
                fill: Default::default(),
            }));
        let train = train.into_dataset(PixelRange::Symmetric)?;

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

        let test = test.into_dataset(PixelRange::Symmetric)?;
        let found = classifier.predictions(&test, AT_ONCE, &device)?;
        let labels = Dataset::<B>::labels(&test).unwrap_or_default();
        let wrong: Vec<usize> = (0..found.len())
            .filter(|i| found[*i] != labels[*i])
            .collect();
        let accuracy = 1.0 - wrong.len() as f64 / found.len() as f64;

        let out = common.out();
        let path = out.join("digits.classifier");
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
