//! One trial: few samples, a GAN trained on them, and four classifiers.

use std::fs;
use std::ops::Index;
use std::path::{Path, PathBuf};
use std::time::Instant;

use burn_gan::burn::module::AutodiffModule;
use burn_gan::burn::tensor::backend::AutodiffBackend;
use burn_gan::burn::tensor::{TensorData, activation};
use burn_gan::data::{FewPerClass, ImageShape, LabelledDataset, VectorDataset};
use burn_gan::models::{Classifier, SavedGenerator};
use burn_gan::plot::{GridStyle, image_grid};
use burn_gan::prelude::*;
use burn_gan::report::Report;
use burn_gan::sampling::{Drawn, Sampler, logits};
use burn_gan::train::{Beside, Ending};
use burn_gan::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::common::{self, Common};
use crate::data::Sets;
use crate::settings::{Choice, Study};

/// Images that are looked at together.
const AT_ONCE: usize = 250;
/// Images of each class in a picture.
const SHOWN: usize = 16;
/// Samples that are drawn for one that is accepted, at most.
const TRIES: usize = 20;
/// Of how many samples the best one is kept.
const BEST_OF: usize = 2;

/// What a classifier is trained on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arm {
    /// Real samples.
    Real,
    /// Real and generated ones.
    Generated,
    /// Real ones, classically augmented.
    Classical,
    /// Those, and generated ones.
    Both,
}

impl Arm {
    pub const ALL: [Self; 4] = [Self::Real, Self::Generated, Self::Classical, Self::Both];

    pub fn name(self) -> &'static str {
        match self {
            Self::Real => "real",
            Self::Generated => "generated",
            Self::Classical => "classical",
            Self::Both => "both",
        }
    }
}

/// The share of test samples that each arm's classifier names right.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Accuracy {
    real: f64,
    generated: f64,
    classical: f64,
    both: f64,
}

impl Index<Arm> for Accuracy {
    type Output = f64;

    fn index(&self, arm: Arm) -> &f64 {
        match arm {
            Arm::Real => &self.real,
            Arm::Generated => &self.generated,
            Arm::Classical => &self.classical,
            Arm::Both => &self.both,
        }
    }
}

/// What a trial came to. It is kept in a file, so that a study that was stopped loses none.
#[derive(Debug, Serialize, Deserialize)]
pub struct Trial {
    pub seed: u64,
    pub accuracy: Accuracy,
    /// In how many generated samples a classifier that was trained on classically augmented real ones
    /// sees the class that they were generated for.
    pub agreed: f64,
    pub gan_seconds: f64,
    pub classifier_seconds: f64,
    /// Files, in the out folder.
    pub generator: PathBuf,
    pictures: [PathBuf; 2],
    /// What it was made with.
    settings: Value,
}

impl Trial {
    pub fn words(&self) -> String {
        let arms =
            Arm::ALL.map(|arm| format!("{} {:.2} %", arm.name(), 100.0 * self.accuracy[arm]));
        arms.join(", ")
    }

    /// With this trial's pictures.
    pub fn report(&self, report: Report) -> Report {
        let [real, generated] = &self.pictures;
        let seed = self.seed;
        report
            .picture(format!("seed {seed}: real samples"), real, None)
            .picture(format!("seed {seed}: generated samples"), generated, None)
    }
}

/// Makes a trial, or takes the one that a stopped study has left. `Err` inside: how it was stopped.
pub fn run<B: AutodiffBackend>(
    common: &Common,
    study: &Study,
    sets: &Sets,
    seed: u64,
    device: &B::Device,
) -> Result<std::result::Result<Trial, Ending>> {
    let labels = Dataset::<B>::labels(&sets.train).unwrap_or_default();
    let (classes, count) = (sets.classes.len(), study.per_class);
    let split = FewPerClass::new(
        labels,
        classes,
        count,
        &mut Stream::new(seed, "few samples"),
    )
    .map_err(|error| named_per_class(error, count))?;
    let few = sets.train.only(&split.few)?;
    let settings = json!({
        "study": study,
        "steps": study.steps(common),
        "backend": common::name(&common.backend),
        "few": Dataset::<B>::digest(&few),
        "separate_test": sets.test.is_some(),
    });
    let file = common.out().join(format!("trial-{seed}.json"));
    if let Some(done) = stored(common, &file, &settings)? {
        return Ok(Ok(done));
    }
    let rest;
    let test = match &sets.test {
        Some(test) => test,
        None if split.rest.is_empty() => {
            let problem = "keeps all samples, and there is no test set; keep fewer";
            return Err(Error::setting("per_class", count, problem));
        }
        None => {
            rest = sets.train.only(&split.rest)?;
            &rest
        }
    };

    let work = Work::<B> {
        common,
        study,
        sets,
        seed,
        few: &few,
        test,
        device,
    };
    let trial = match work.run(settings) {
        // What a classifier's training is ended by.
        Err(_) if common::interrupt()?.is_requested() => Err(Ending::Interrupted {
            signal: common::interrupt()?.signal(),
        }),
        other => other?,
    };
    if let Ok(trial) = &trial {
        let failed = |error| Error::io(&file, error);
        let text = serde_json::to_vec_pretty(trial).map_err(|error| failed(error.into()))?;
        fs::write(&file, text).map_err(failed)?;
    }
    Ok(trial)
}

/// The trial that an earlier run of the same settings has left.
fn stored(common: &Common, file: &Path, settings: &Value) -> Result<Option<Trial>> {
    if !common.resume || !file.exists() {
        return Ok(None);
    }
    let text = fs::read(file).map_err(|error| Error::io(file, error))?;
    let trial: Trial =
        serde_json::from_slice(&text).map_err(|error| Error::data(file, error.to_string()))?;
    if trial.settings != *settings {
        let problem = format!(
            "{} was made with other settings or samples; leave `--resume` out to make it anew",
            file.display()
        );
        return Err(Error::setting("resume", true, problem));
    }
    Ok(Some(trial))
}

/// The option that a user knows.
fn named_per_class(error: Error, count: usize) -> Error {
    match error {
        Error::Setting { field, problem, .. } if field == "count" => {
            Error::setting("per_class", count, problem)
        }
        other => other,
    }
}

struct Work<'a, B: AutodiffBackend> {
    common: &'a Common,
    study: &'a Study,
    sets: &'a Sets,
    seed: u64,
    few: &'a LabelledDataset<4>,
    test: &'a LabelledDataset<4>,
    device: &'a B::Device,
}

impl<B: AutodiffBackend> Work<'_, B> {
    fn run(&self, settings: Value) -> Result<std::result::Result<Trial, Ending>> {
        let (common, study, sets, device) = (self.common, self.study, self.sets, self.device);
        let out = common.out();
        let generator = study.generator(sets);
        let classes = sets.classes.len();
        let few = Dataset::<B>::len(self.few);
        let gan = Gan::<_, _, B>::seeded(
            generator.init_conditional::<B>(classes, device)?,
            study
                .discriminator(sets)
                .init_projected::<B>(classes, device)?,
            self.seed,
            device,
        );
        let config = study.config(common, sets, few).with_seed(self.seed);
        let options = [
            ("gan", format!("{:?}", study.gan)),
            ("width", study.width.to_string()),
        ];
        let run = common
            .trainer(
                &config,
                &options,
                &out.join(format!("gan-{}", self.seed)),
                device,
            )?
            .observe(Rhythm::Every(1), Progress::new())
            .run(gan, self.few)?;
        if !run.ending.is_finished() {
            return Ok(Err(run.ending));
        }
        let saved = PathBuf::from(format!("generator-{}.gan", self.seed));
        let latent = study.latent();
        SavedGenerator::save(out.join(&saved), &generator, &latent, run.state.sampler())?;

        let begun = Instant::now();
        let real = self.classifier(false, None)?;
        let judge = self.classifier(true, None)?;
        let mut sampler =
            Sampler::conditional(run.state.sampler(), latent, classes, device).with_seed(self.seed);
        let count = study.samples * classes;
        let drawn = match study.choose {
            Choice::All => sampler.draw(count)?,
            Choice::Agreed => {
                let accept = |drawn: &Drawn| agrees(&judge, drawn, device);
                sampler.draw_accepted(count, TRIES, accept)?.samples
            }
            Choice::Best => {
                let discriminator = run.state.gan.discriminator.valid();
                let score = |drawn: &Drawn| logits(&discriminator, drawn, device);
                sampler.draw_best(count, BEST_OF, score)?.samples
            }
        };
        let agreed = agreed(&judge, &drawn, device)?;
        let pictures = self.pictures(&drawn)?;
        let others = self.targets(&judge, drawn)?;
        let generated = self.classifier(false, Some((&others, study.weight)))?;
        let both = self.classifier(true, Some((&others, study.weight_both)))?;
        let accuracy = |classifier: &Classifier<B::InnerBackend>| {
            classifier.accuracy(self.test, AT_ONCE, device)
        };
        Ok(Ok(Trial {
            seed: self.seed,
            accuracy: Accuracy {
                real: accuracy(&real)?,
                generated: accuracy(&generated)?,
                classical: accuracy(&judge)?,
                both: accuracy(&both)?,
            },
            agreed,
            gan_seconds: run.elapsed.as_secs_f64(),
            classifier_seconds: begun.elapsed().as_secs_f64(),
            generator: saved,
            pictures,
            settings,
        }))
    }

    /// Trains a classifier on the few samples, with others beside them or not, all of them classically
    /// augmented or none.
    fn classifier(
        &self,
        classical: bool,
        others: Option<(&VectorDataset<4>, f64)>,
    ) -> Result<Classifier<B::InnerBackend>> {
        let augmentation = classical.then(|| self.study.augmentation(self.sets));
        let training = self
            .study
            .training(self.seed, Dataset::<B>::len(self.few))
            .with_augmentation(augmentation);
        let settings = self.study.classifier(self.sets);
        let bar = common::bar(training.steps);
        bar.set_message(match (classical, others.is_some()) {
            (false, false) => "classifier of real samples",
            (true, false) => "classifier of augmented samples",
            (false, true) => "classifier of real and generated samples",
            (true, true) => "classifier of augmented and generated samples",
        });
        let interrupt = common::interrupt()?;
        let progress = |step: &burn_gan::train::ClassifierStep<'_, B>| {
            bar.set_position(step.step);
            match interrupt.is_requested() {
                true => Err(Error::Observer("a signal".to_owned())),
                false => Ok(()),
            }
        };
        let trained = match others {
            None => training.run(&settings, self.few, self.device, progress),
            Some((others, weight)) => {
                let beside = Beside::new(others, weight).with_augmentation(augmentation);
                training.run_beside(&settings, self.few, &beside, self.device, progress)
            }
        };
        bar.finish_and_clear();
        trained
    }

    /// Generated samples and what a classifier is to say of them: the class that they were generated
    /// for, or what another classifier sees.
    fn targets(
        &self,
        judge: &Classifier<B::InnerBackend>,
        drawn: Drawn,
    ) -> Result<VectorDataset<4>> {
        let classes = self.sets.classes.len();
        let table = match self.study.soft_labels {
            true => by_batch(judge, &drawn, self.device, |logits| {
                activation::softmax(logits, 1)
            })?,
            false => {
                let labels = drawn.labels().unwrap_or_default();
                let row = |label: &usize| {
                    let label = *label;
                    (0..classes).map(move |class| if class == label { 1.0 } else { 0.0 })
                };
                labels.iter().flat_map(row).collect()
            }
        };
        MemoryDataset::new(drawn.into_values(), self.sets.image)?.with_vectors(table, classes)
    }

    /// A class to a row: the real samples, and generated ones.
    fn pictures(&self, drawn: &Drawn) -> Result<[PathBuf; 2]> {
        let shape = ImageShape::new(self.sets.image);
        let size = self.sets.image.iter().product::<usize>();
        let classes = self.sets.classes.len();
        let of_class = |labels: &[usize], class: usize, count| -> Vec<usize> {
            let places = (0..labels.len()).filter(|place| labels[*place] == class);
            places.take(count).collect()
        };
        let save =
            |name: &str, values: &[f32], labels: &[usize], count: usize| -> Result<PathBuf> {
                let mut pixels = Vec::with_capacity(classes * count * size);
                for class in 0..classes {
                    for place in of_class(labels, class, count) {
                        pixels.extend_from_slice(&values[place * size..(place + 1) * size]);
                    }
                }
                let style = GridStyle {
                    columns: count,
                    scale: if shape.height < 20 { 4 } else { 2 },
                    ..GridStyle::default()
                };
                let path = self.common.out().join(format!("{name}-{}.png", self.seed));
                image_grid(&pixels, shape, &style)?.save(&path)?;
                Ok(path)
            };
        let labels = Dataset::<B>::labels(self.few).unwrap_or_default();
        let values = self.few.samples().values();
        let shown = SHOWN.min(self.study.per_class);
        let real = save("real", &values, labels, shown)?;
        let labels = drawn.labels().unwrap_or_default();
        let shown = SHOWN.min(self.study.samples);
        Ok([real, save("generated", drawn.values(), labels, shown)?])
    }
}

/// What `read` makes of a classifier's logits, sample by sample.
fn by_batch<B: Backend>(
    classifier: &Classifier<B>,
    drawn: &Drawn,
    device: &B::Device,
    read: impl Fn(Tensor<B, 2>) -> Tensor<B, 2>,
) -> Result<Vec<f32>> {
    let size: usize = drawn.shape().iter().product();
    let mut all = Vec::new();
    for batch in drawn.values().chunks(AT_ONCE * size) {
        let mut shape = vec![batch.len() / size];
        shape.extend_from_slice(drawn.shape());
        let images = Tensor::from_data(TensorData::new(batch.to_vec(), shape), device);
        let found = read(classifier.see(images).logits).into_data();
        all.extend(found.iter::<f32>());
    }
    Ok(all)
}

/// Whether a classifier sees in each sample what it was generated for.
fn agrees<B: Backend>(
    classifier: &Classifier<B>,
    drawn: &Drawn,
    device: &B::Device,
) -> Result<Vec<bool>> {
    let logits = by_batch(classifier, drawn, device, |logits| logits)?;
    let rows = logits.chunks_exact(classifier.classes());
    let labels = drawn.labels().unwrap_or_default();
    Ok(rows
        .zip(labels)
        .map(|(row, label)| row.iter().all(|logit| *logit <= row[*label]))
        .collect())
}

/// The share of samples in which it does.
fn agreed<B: Backend>(
    classifier: &Classifier<B>,
    drawn: &Drawn,
    device: &B::Device,
) -> Result<f64> {
    let agrees = agrees(classifier, drawn, device)?;
    Ok(agrees.iter().filter(|agrees| **agrees).count() as f64 / agrees.len() as f64)
}
