//! Training of a classifier: a plain supervised loop.

use burn::module::AutodiffModule;
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use burn::tensor::activation::log_softmax;
use burn::tensor::backend::AutodiffBackend;
use serde::Serialize;

mod source;
mod targets;

pub use source::Beside;
use source::{Feed, Source};
pub use targets::Targets;

use super::feed::Expected;
use super::{Schedule, warm_up};
use crate::data::{BatchIndices, BatchPlan, Dataset};
use crate::error::{Error, Result, check};
use crate::models::{Classifier, ClassifierConfig};
use crate::network::{Augmentation, Fill, initialize};
use crate::random::{Stream, alone, derived_seed, reseed};
use crate::readback::scalar;
use crate::settings::settings;
use crate::step::{NetworkOptimizer, OptimizerConfig};

/// The share of the steps in which the learning rate rises.
const WARM_UP: u64 = 20;

settings! {
/// How a [`Classifier`] is trained: the cross-entropy of shuffled, slightly changed batches, by
/// AdamW with a learning rate that rises over the first twentieth of the steps and then follows the
/// schedule.
///
/// ```text
/// loss = −(1/n)·Σᵢ Σ_c tᵢ[c]·ln softmax(logits(T(xᵢ)))[c]        t: 1 at the label, 0 elsewhere
/// ```
///
/// A seed decides it to the last bit: the weights that it starts from, the order of the data and
/// the changes T.
///
/// ```
/// use burn_gan::burn::backend::{Autodiff, Flex};
/// use burn_gan::data::MemoryDataset;
/// use burn_gan::models::ClassifierConfig;
/// use burn_gan::train::ClassifierTraining;
///
/// // Black images and white ones.
/// let pixels: Vec<f32> = (0..64).flat_map(|i| [if i % 2 == 0 { -1.0 } else { 1.0 }; 64]).collect();
/// let labels = (0..64).map(|i| i % 2).collect();
/// let data = MemoryDataset::<4>::new(pixels, [1, 8, 8])?.with_labels(labels, 2)?;
///
/// let settings = ClassifierConfig::new([1, 8, 8], 2).with_width(2);
/// let training = ClassifierTraining::new(20).with_batch_size(16).with_seed(1);
/// let device = Default::default();
/// let classifier = training.run::<Autodiff<Flex>, _>(&settings, &data, &device, |step| {
///     if step.step % 10 == 0 {
///         println!("{} of {}: loss {:.3}", step.step, step.steps, step.loss());
///     }
///     Ok(())
/// })?;
/// assert_eq!(classifier.accuracy(&data, 64, &device)?, 1.0);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassifierTraining {
    /// Steps to make.
    pub steps: u64,
    /// The seed of weights, data order and changes.
    pub seed: u64,
    /// How the data is cut into batches; shuffled ones of 64 by default.
    pub batches: BatchPlan,
    /// The optimiser; AdamW with the rate 2e-3, β₁ 0.9, β₂ 0.999 and weight decay 0.01 by default.
    pub optimizer: OptimizerConfig,
    /// The schedule of the learning rate; a cosine down to 0 by default.
    pub schedule: Schedule,
    /// The change that every image meets; a shift by up to 2 pixels by default, `None` for none.
    pub augmentation: Option<Augmentation>,
}
}

impl ClassifierTraining {
    /// So many steps on shuffled batches of 64.
    pub fn new(steps: u64) -> Self {
        Self {
            steps,
            seed: 0,
            batches: BatchPlan::new(64),
            optimizer: OptimizerConfig::adam_w(2e-3, 0.01).with_betas(0.9, 0.999),
            schedule: Schedule::Cosine { floor: 0.0 },
            augmentation: Some(Augmentation::Images {
                shift: 2,
                flip: false,
                fill: Fill::Edge,
            }),
        }
    }

    /// The seed.
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Images in a batch.
    pub fn with_batch_size(mut self, batch_size: usize) -> Self {
        self.batches.batch_size = batch_size;
        self
    }

    /// The optimiser.
    pub fn with_optimizer(mut self, optimizer: OptimizerConfig) -> Self {
        self.optimizer = optimizer;
        self
    }

    /// The schedule of the learning rate.
    pub fn with_schedule(mut self, schedule: Schedule) -> Self {
        self.schedule = schedule;
        self
    }

    /// The change that every image meets.
    pub fn with_augmentation(mut self, augmentation: impl Into<Option<Augmentation>>) -> Self {
        self.augmentation = augmentation.into();
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// The first wrong one.
    pub fn validate(&self) -> Result<()> {
        check::at_least(
            "steps",
            usize::try_from(self.steps).unwrap_or(usize::MAX),
            1,
        )?;
        self.batches.validate().map_err(|e| e.within("batches"))?;
        self.optimizer
            .validate()
            .map_err(|e| e.within("optimizer"))?;
        self.schedule.validate().map_err(|e| e.within("schedule"))?;
        match &self.augmentation {
            Some(augmentation) => augmentation
                .validate()
                .map_err(|e| e.within("augmentation")),
            None => Ok(()),
        }
    }

    /// Trains a classifier of these settings on a data set with [targets](Targets): labels, or
    /// vectors of how much of each class. `progress` is called after each step; an error of its own
    /// ends the training.
    ///
    /// # Errors
    /// If a setting is wrong, the data can't be read, is no images of the classifier's shape or has
    /// a target that is none of its classes; if the loss at the end is not finite; or what `progress`
    /// says.
    pub fn run<B, D>(
        &self,
        settings: &ClassifierConfig,
        data: &D,
        device: &B::Device,
        progress: impl FnMut(&ClassifierStep<'_, B>) -> Result<()>,
    ) -> Result<Classifier<B::InnerBackend>>
    where
        B: AutodiffBackend,
        D: Dataset<B, Sample = Tensor<B, 4>>,
        D::Condition: Targets<B>,
    {
        self.validate()?;
        let own = self.feed(data, data.len(), 1.0, self.augmentation.as_ref(), "")?;
        self.train(settings, vec![Box::new(own)], device, progress)
    }

    /// As [`run`](Self::run), with a batch of other images, such as generated ones, in each step:
    /// `weight` of it counts as much as a whole batch of the data.
    ///
    /// ```text
    /// loss = (loss of the data's batch + weight · loss of the others') / (1 + weight)
    /// ```
    ///
    /// Both go through the network at once. The others are changed by `beside.augmentation`, the data
    /// by the settings' own.
    ///
    /// # Errors
    /// As [`run`](Self::run), of either; if the weight is not a number of at least 0.
    pub fn run_beside<B, D, E>(
        &self,
        settings: &ClassifierConfig,
        data: &D,
        beside: &Beside<'_, E>,
        device: &B::Device,
        progress: impl FnMut(&ClassifierStep<'_, B>) -> Result<()>,
    ) -> Result<Classifier<B::InnerBackend>>
    where
        B: AutodiffBackend,
        D: Dataset<B, Sample = Tensor<B, 4>>,
        D::Condition: Targets<B>,
        E: Dataset<B, Sample = Tensor<B, 4>>,
        E::Condition: Targets<B>,
    {
        self.validate()?;
        check::not_negative("beside.weight", beside.weight)?;
        if let Some(augmentation) = &beside.augmentation {
            let valid = augmentation.validate();
            valid.map_err(|error| error.within("beside.augmentation"))?;
        }
        let own = self.feed(data, data.len(), 1.0, self.augmentation.as_ref(), "")?;
        let (others, count) = (beside.data, beside.data.len());
        let change = beside.augmentation.as_ref();
        let other = self.feed(others, count, beside.weight, change, "beside")?;
        let sources: Vec<Box<dyn Source<B> + '_>> = vec![Box::new(own), Box::new(other)];
        self.train(settings, sources, device, progress)
    }

    /// Batches of a data set, from what the seed and `purpose` decide.
    fn feed<'a, D>(
        &self,
        data: &'a D,
        count: usize,
        weight: f64,
        augmentation: Option<&'a Augmentation>,
        purpose: &str,
    ) -> Result<Feed<'a, D>> {
        let seed = derived_seed(self.seed, purpose, 0);
        let seed = if purpose.is_empty() { self.seed } else { seed };
        Ok(Feed {
            data,
            batches: BatchIndices::from(&self.batches, seed, count, (0, 0))
                .map_err(|e| e.within("batches"))?,
            changes: Stream::new(seed, "classifier's changes"),
            augmentation,
            weight,
        })
    }

    fn train<B: AutodiffBackend>(
        &self,
        settings: &ClassifierConfig,
        mut sources: Vec<Box<dyn Source<B> + '_>>,
        device: &B::Device,
        mut progress: impl FnMut(&ClassifierStep<'_, B>) -> Result<()>,
    ) -> Result<Classifier<B::InnerBackend>> {
        let mut classifier = {
            let _alone = alone();
            reseed::<B>(device, self.seed, "initialize classifier", 0);
            let fresh = settings.init::<B>(device)?;
            initialize(&fresh);
            fresh
        };
        let mut optimizer = NetworkOptimizer::<B>::new(self.optimizer)?;
        let expected = Expected {
            shape: classifier.image().to_vec(),
            classes: vec![("classifier", classifier.classes())],
        };
        let all: f64 = sources.iter().map(|source| source.weight()).sum();
        let rising = self.steps / WARM_UP;
        for step in 0..self.steps {
            let (mut images, mut targets) = (Vec::new(), Vec::new());
            for source in &mut sources {
                let (batch, table) = source.next(&expected, device)?;
                let share = source.weight() / all / batch.dims()[0] as f64;
                images.push(batch);
                targets.push(table.mul_scalar(share));
            }
            let loss = {
                // Dropout draws from the backend's own generator.
                let _alone = (settings.dropout > 0.0).then(alone);
                if settings.dropout > 0.0 {
                    reseed::<B>(device, self.seed, "classifier's dropout", step);
                }
                let logits = classifier.see(Tensor::cat(images, 0)).logits;
                -(log_softmax(logits, 1) * Tensor::cat(targets, 0)).sum()
            };
            let gradients = GradientsParams::from_grads(loss.backward(), &classifier);
            let factor = self.schedule.factor(step, self.steps) * warm_up(step, rising);
            classifier = optimizer.step(factor, classifier, gradients);
            let done = ClassifierStep {
                step: step + 1,
                steps: self.steps,
                loss: &loss,
            };
            progress(&done)?;
            if step + 1 == self.steps && !done.loss().is_finite() {
                return Err(Error::setting(
                    "optimizer.learning_rate",
                    self.optimizer.learning_rate(),
                    format!("the loss came to {}; take a lower one", done.loss()),
                ));
            }
        }
        Ok(classifier.valid())
    }
}

/// A step of a classifier's training, after it was made.
#[derive(Debug)]
pub struct ClassifierStep<'a, B: AutodiffBackend> {
    /// Steps made.
    pub step: u64,
    /// Steps to make in all.
    pub steps: u64,
    loss: &'a Tensor<B, 1>,
}

impl<B: AutodiffBackend> ClassifierStep<'_, B> {
    /// The mean cross-entropy of the step's batch, in nats; waits for the device.
    pub fn loss(&self) -> f64 {
        scalar(self.loss)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{LabelledDataset, MemoryDataset};
    use crate::models::weights_hash;
    use crate::testing::for_each_autodiff_backend;

    /// Bars that stand, lie or cross, somewhere in 9 × 9 pixels, under noise.
    fn bars(count: usize, seed: u64) -> LabelledDataset<4> {
        let mut stream = Stream::new(seed, "bars");
        let mut pixels = stream.normal(count * 81);
        let mut labels = Vec::new();
        for image in pixels.chunks_exact_mut(81) {
            let (row, column, label) = (stream.index(9), stream.index(9), stream.index(3));
            for place in 0..9 {
                if label != 1 {
                    image[9 * row + place] += 4.0;
                }
                if label != 0 {
                    image[9 * place + column] += 4.0;
                }
            }
            labels.push(label);
        }
        let data = MemoryDataset::<4>::new(pixels, [1, 9, 9]).expect("finite images");
        data.with_labels(labels, 3).expect("labels in range")
    }

    fn settings() -> ClassifierConfig {
        ClassifierConfig::new([1, 9, 9], 3)
            .with_width(4)
            .with_features(16)
    }

    fn a_seed_decides_every_weight<B: AutodiffBackend>() {
        let hash = |seed| {
            let training = ClassifierTraining::new(3)
                .with_batch_size(8)
                .with_seed(seed);
            // Drawn by others in between.
            let device = B::Device::default();
            let _ = Tensor::<B, 1>::random([3], burn::tensor::Distribution::Default, &device);
            let trained = training.run::<B, _>(&settings(), &bars(20, 1), &device, |_| Ok(()));
            weights_hash::<B::InnerBackend, _>(&trained.expect("trained")).expect("finite")
        };
        assert_eq!(hash(1), hash(1));
        assert_ne!(hash(1), hash(2));
    }

    for_each_autodiff_backend!(a_seed_decides_every_weight);

    type B = burn::backend::Autodiff<crate::testing::Cpu>;

    // burn's convolutions on NdArray take a quarter of a minute for it.
    #[test]
    fn what_was_learnt_holds_for_other_images() {
        let few = ClassifierConfig::for_few([1, 9, 9], 3).with_width(8);
        for settings in [settings(), few.with_dropout(0.1)] {
            let (device, mut losses) = (Default::default(), Vec::new());
            let training = ClassifierTraining::new(120)
                .with_batch_size(32)
                // A shift may move a bar out of the image.
                .with_augmentation(None)
                .with_seed(3);
            let classifier = training
                .run::<B, _>(&settings, &bars(400, 1), &device, |step| {
                    assert_eq!((step.step, step.steps), (losses.len() as u64 + 1, 120));
                    losses.push(step.loss());
                    Ok(())
                })
                .expect("a trained classifier");
            let accuracy = classifier.accuracy(&bars(300, 2), 128, &device);
            let accuracy = accuracy.expect("images of its shape");
            // Three classes: guessing has 0.33.
            assert!(accuracy > 0.95, "{accuracy}");
            assert!(losses[119] < 0.3 * losses[0], "{losses:?}");
        }
    }

    fn pixels(data: &LabelledDataset<4>) -> (Vec<f32>, Vec<usize>) {
        let indices: Vec<usize> = (0..Dataset::<B>::len(data)).collect();
        let batch = Dataset::<B>::batch(data, &indices, &Default::default());
        let (images, _) = batch.expect("images");
        let labels = Dataset::<B>::labels(data).expect("labels").to_vec();
        (images.into_data().to_vec().expect("floats"), labels)
    }

    #[test]
    fn vectors_of_one_class_are_its_label() {
        let (images, labels) = pixels(&bars(20, 1));
        let vectors = |weight: f32| {
            let rows = labels.iter().flat_map(|label| {
                (0..3).map(move |class| if class == *label { weight } else { 0.0 })
            });
            let data = MemoryDataset::<4>::new(images.clone(), [1, 9, 9]).expect("images");
            data.with_vectors(rows.collect(), 3).expect("one for each")
        };
        let training = ClassifierTraining::new(3).with_batch_size(8);
        let device = Default::default();
        let hash =
            |classifier| weights_hash::<crate::testing::Cpu, _>(&classifier).expect("finite");
        let of_labels = training.run::<B, _>(&settings(), &bars(20, 1), &device, |_| Ok(()));
        let of_vectors = training.run::<B, _>(&settings(), &vectors(1.0), &device, |_| Ok(()));
        let (of_labels, of_vectors) = (of_labels.expect("trained"), of_vectors.expect("trained"));
        assert_eq!(hash(of_labels.clone()), hash(of_vectors));

        // Weights of samples: with all at 0 the loss is 0.
        let mut losses = Vec::new();
        let trained = training.run::<B, _>(&settings(), &vectors(0.0), &device, |step| {
            losses.push(step.loss());
            Ok(())
        });
        assert!(
            trained.is_ok() && losses.iter().all(|loss| *loss == 0.0),
            "{losses:?}"
        );

        // A weight of 0 beside is as without, but for the batch's statistics; it still trains.
        let others = vectors(1.0);
        let beside = Beside::new(&others, 1.0).with_augmentation(None);
        let mixed = training.run_beside(&settings(), &bars(20, 1), &beside, &device, |step| {
            let _: &ClassifierStep<'_, B> = step;
            Ok(())
        });
        assert_ne!(hash(mixed.expect("trained")), hash(of_labels));
    }

    #[test]
    fn others_beside_are_learnt_too() {
        // Of the third class there is nothing in the data, and everything beside.
        let (images, labels) = pixels(&bars(300, 1));
        let of = |wanted: fn(usize) -> bool| {
            let chosen: Vec<usize> = (0..300).filter(|place| wanted(labels[*place])).collect();
            let rows = chosen
                .iter()
                .flat_map(|place| &images[81 * place..81 * (place + 1)]);
            let data = MemoryDataset::<4>::new(rows.copied().collect(), [1, 9, 9]);
            let labels = chosen.iter().map(|place| labels[*place]).collect();
            data.expect("images")
                .with_labels(labels, 3)
                .expect("labels in range")
        };
        let (data, others) = (of(|label| label < 2), of(|label| label == 2));
        let training = ClassifierTraining::new(100)
            .with_batch_size(32)
            .with_augmentation(None);
        let device = Default::default();
        let accuracy = |weight| {
            let beside = Beside::new(&others, weight);
            let trained = training.run_beside(&settings(), &data, &beside, &device, |step| {
                let _: &ClassifierStep<'_, B> = step;
                Ok(())
            });
            let test = bars(200, 2);
            trained
                .expect("trained")
                .accuracy(&test, 100, &device)
                .expect("a share")
        };
        assert!(accuracy(0.0) < 0.75);
        assert!(accuracy(1.0) > 0.9);
    }

    #[test]
    fn dropout_is_of_the_seed_and_ends_with_the_training() {
        let hash = |dropout, seed| {
            let settings = settings().with_dropout(dropout);
            let training = ClassifierTraining::new(3)
                .with_batch_size(8)
                .with_seed(seed);
            let device = Default::default();
            let _ = Tensor::<B, 1>::random([3], burn::tensor::Distribution::Default, &device);
            let trained = training.run::<B, _>(&settings, &bars(20, 1), &device, |_| Ok(()));
            let trained = trained.expect("trained");
            let data = bars(10, 4);
            let found = |_| trained.predictions(&data, 5, &device).expect("classes");
            assert_eq!(found(0), found(1));
            weights_hash::<crate::testing::Cpu, _>(&trained).expect("finite")
        };
        assert_eq!(hash(0.5, 1), hash(0.5, 1));
        assert_ne!(hash(0.5, 1), hash(0.0, 1));
    }

    fn refused(training: &ClassifierTraining, settings: &ClassifierConfig) -> String {
        let device = Default::default();
        let trained = training.run::<B, _>(settings, &bars(20, 1), &device, |_| Ok(()));
        trained.expect_err("nothing to train").to_string()
    }

    #[test]
    fn what_can_not_be_trained_is_refused_with_its_name() {
        let training = ClassifierTraining::new(2).with_batch_size(8);
        let two = ClassifierConfig::new([1, 9, 9], 2).with_width(1);
        let error = refused(&training, &two);
        assert!(error.contains("label") && error.contains('2'), "{error}");
        let other = ClassifierConfig::new([1, 9, 8], 3).with_width(1);
        let error = refused(&training, &other);
        assert!(error.contains("[1, 9, 8]"), "{error}");
        let error = refused(&training.clone().with_batch_size(21), &settings());
        assert!(error.contains("`batches.batch_size` = 21"), "{error}");
        let error = refused(&ClassifierTraining::new(0), &settings());
        assert!(error.contains("`steps` = 0"), "{error}");
        let huge = OptimizerConfig::sgd(1e30, 0.0);
        let error = refused(&training.clone().with_optimizer(huge), &settings());
        assert!(error.contains("`optimizer.learning_rate`"), "{error}");
        let flat = Augmentation::Images {
            shift: 0,
            flip: false,
            fill: Fill::Edge,
        };
        let error = refused(&training.with_augmentation(flat), &settings());
        assert!(error.contains("`augmentation.shift` = 0"), "{error}");
    }

    #[test]
    fn who_watches_can_end_it() {
        let device = Default::default();
        let mut seen = 0;
        let trained = ClassifierTraining::new(9).with_batch_size(4).run::<B, _>(
            &settings(),
            &bars(20, 1),
            &device,
            |step| {
                seen = step.step;
                match step.step {
                    2 => Err(Error::Observer("enough".to_owned())),
                    _ => Ok(()),
                }
            },
        );
        assert!(matches!(trained, Err(Error::Observer(_))));
        assert_eq!(seen, 2);
    }
}
