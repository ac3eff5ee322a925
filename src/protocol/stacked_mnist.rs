//! Stacked MNIST: three digits as the channels of an image, a thousand modes.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Tensor, TensorData};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Column, Evaluation, Protocol, ResultTable, Samples};
use crate::data::{Dataset, Mnist, PixelRange};
use crate::error::{Error, Result};
use crate::latent::Latent;
use crate::metrics::{Better, ExtractorId};
use crate::models::{
    Classifier, DcganDiscriminator, DcganDiscriminatorConfig, DcganGenerator, DcganGeneratorConfig,
    SavedClassifier,
};
use crate::objective::{Loss, Objective};
use crate::random::{Stream, derived_seed};
use crate::settings::settings;
use crate::step::{EmaConfig, OptimizerConfig};
use crate::text::hex;
use crate::train::TrainerConfig;

/// Stacked images to train on.
const IMAGES: usize = 128_000;
const BATCH: usize = 64;
const EPOCHS: u64 = 50;
const EVALUATED: usize = 26_000;
/// Samples that are drawn and read at once.
const READ_AT_ONCE: usize = 1_000;
/// Digits that a classifier reads at once.
const DIGITS_AT_ONCE: usize = 500;
const LATENT: usize = 100;
const CHANNELS: usize = 3;
const CLASSES: usize = 10;
const MODES: usize = CLASSES * CLASSES * CLASSES;

/// Reads digits: a classifier.
pub trait ReadDigits {
    /// The class of each of so many images, row-major `[count, height, width]`, pixels in [−1, 1];
    /// each below 10.
    ///
    /// # Errors
    /// If it can't read such images.
    fn read(&self, images: &[f32], count: usize) -> Result<Vec<usize>>;

    /// What it is, to stand beside what it read; unknown where it does not say so.
    fn id(&self) -> Option<ExtractorId> {
        None
    }
}

impl<F: Fn(&[f32], usize) -> Result<Vec<usize>>> ReadDigits for F {
    fn read(&self, images: &[f32], count: usize) -> Result<Vec<usize>> {
        self(images, count)
    }
}

/// Reads digits with a classifier of this crate's, made by the example `classifier`, say.
#[derive(Debug)]
pub struct ClassifierReader<B: Backend> {
    classifier: Classifier<B>,
    id: ExtractorId,
    device: B::Device,
}

impl<B: Backend> ClassifierReader<B> {
    /// The classifier in a file that [`SavedClassifier::save`] has written.
    ///
    /// # Errors
    /// Those of [`SavedClassifier::open`] and [`SavedClassifier::restore`]; if it was not trained on
    /// grey images of ten classes with pixels in [−1, 1].
    pub fn open(path: impl AsRef<Path>, device: &B::Device) -> Result<Self> {
        let path = path.as_ref();
        let saved = SavedClassifier::open(path)?;
        let settings = saved.settings();
        let (channels, classes) = (settings.image.channels, settings.classes);
        if (channels, classes, settings.pixels) != (1, CLASSES, PixelRange::Symmetric) {
            let problem = format!(
                "reads images of {channels} channels and {classes} classes with pixels {:?}; digits \
                 have one channel, ten classes and pixels in [−1, 1]",
                settings.pixels
            );
            return Err(Error::data(path, problem));
        }
        Ok(Self {
            classifier: saved.restore(device)?,
            id: ExtractorId::new("classifier")
                .with_hash(saved.hash())
                .with_input(format!("file {}", path.display())),
            device: device.clone(),
        })
    }
}

impl<B: Backend> ReadDigits for ClassifierReader<B> {
    fn read(&self, images: &[f32], count: usize) -> Result<Vec<usize>> {
        let [_, height, width] = self.classifier.image();
        if images.len() != count * height * width {
            let problem = format!(
                "{} numbers for {count} images; the classifier reads images of {height} × {width}",
                images.len()
            );
            return Err(Error::data("digit reader", problem));
        }
        let mut digits = Vec::with_capacity(count);
        for images in images.chunks(DIGITS_AT_ONCE * height * width) {
            let shape = [images.len() / (height * width), 1, height, width];
            let images = Tensor::from_data(TensorData::new(images.to_vec(), shape), &self.device);
            let classes = self.classifier.classify(images).into_data();
            digits.extend(classes.iter::<i64>().map(|class| class as usize));
        }
        Ok(digits)
    }

    fn id(&self) -> Option<ExtractorId> {
        Some(self.id.clone())
    }
}

/// The protocol of stacked MNIST: images whose three channels are digits drawn at random, so that
/// there are a thousand kinds of them, all equally frequent.
///
/// | | |
/// |---|---|
/// | data | 128,000 random triples of the digits given, as 3 × 28 × 28 images in [−1, 1], the same ones in each epoch |
/// | prior | U[−1, 1) of 100 numbers |
/// | networks | the crate's [DCGAN](crate::models::DcganGeneratorConfig); for objectives with a penalty per sample the discriminator has no batch norm |
/// | plain | the non-saturating loss; Adam, learning rate 2e-4, β 0.5 and 0.999; 50 epochs of batches of 64 |
/// | evaluation | each channel of 26,000 samples is read by a digit classifier; modes read at least once; KL of their histogram from the uniform one ([`StackedModes`]) |
///
/// What is different here: the paper draws its triples from all 70,000 digits of MNIST; its DCGAN
/// has four layers with kernels of 5 × 5, two here with kernels of 4 × 4; its program makes two
/// generator steps for each discriminator step, here it is one.
///
/// Lin, Khetan, Fanti, Oh 2017, *PacGAN*, arXiv:1712.04086, section 4.2, after Srivastava et al.
/// 2017, arXiv:1705.07761; settings by PacGAN's public program.
pub struct StackedMnist {
    digits: Arc<Mnist>,
    reader: Box<dyn ReadDigits>,
    width: usize,
}

impl fmt::Debug for StackedMnist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StackedMnist")
            .field("digits", &self.digits.len())
            .field("width", &self.width)
            .finish_non_exhaustive()
    }
}

impl StackedMnist {
    /// The protocol on these digits, with a classifier that reads what is drawn.
    ///
    /// # Errors
    /// If there are no digits, or not of ten classes.
    pub fn new(digits: Mnist, reader: impl ReadDigits + 'static) -> Result<Self> {
        if digits.is_empty() || digits.classes != CLASSES {
            let problem = format!(
                "{} images of {} classes; stacked MNIST needs digits",
                digits.len(),
                digits.classes
            );
            return Err(Error::data("stacked MNIST", problem));
        }
        Ok(Self {
            digits: Arc::new(digits),
            reader: Box::new(reader),
            width: 64,
        })
    }

    /// Channels of the DCGAN at half the full size; 64 by default, as in the paper.
    pub fn with_width(mut self, width: usize) -> Self {
        self.width = width;
        self
    }

    /// The shape of an image.
    pub fn image(&self) -> [usize; 3] {
        [CHANNELS, self.digits.height, self.digits.width]
    }

    /// Reads images, row-major `[count, 3, height, width]`: the mode of each, from 0 to 999, the
    /// first channel's digit its hundreds.
    ///
    /// # Errors
    /// If they are no whole images; if the reader fails, or gives not a class below 10 for each.
    pub fn read(&self, images: &[f32]) -> Result<Vec<usize>> {
        let each: usize = self.image().iter().product();
        if !images.len().is_multiple_of(each) {
            let problem = format!(
                "{} numbers are no whole images of {:?}",
                images.len(),
                self.image()
            );
            return Err(Error::data("stacked digits", problem));
        }
        // Channel after channel of each image: digits one after the other.
        let count = CHANNELS * images.len() / each;
        let classes = self.reader.read(images, count)?;
        if classes.len() != count {
            let problem = format!("read {} digits of {count}", classes.len());
            return Err(Error::data("digit reader", problem));
        }
        if let Some(wrong) = classes.iter().find(|class| **class >= CLASSES) {
            let problem = format!("class {wrong} is no digit");
            return Err(Error::data("digit reader", problem));
        }
        let modes = classes.chunks_exact(CHANNELS);
        Ok(modes
            .map(|digits| digits.iter().fold(0, |mode, digit| CLASSES * mode + digit))
            .collect())
    }
}

/// Random triples of digits as images.
#[derive(Debug, Clone)]
pub struct StackedDigits {
    digits: Arc<Mnist>,
    /// Three digits by their places, for each image.
    triples: Vec<[u32; CHANNELS]>,
    digest: String,
}

impl StackedDigits {
    /// 128,000 triples that the seed decides.
    pub fn new(digits: Arc<Mnist>, seed: u64) -> Self {
        let mut stream = Stream::new(derived_seed(seed, "stacked digits", 0), "stacked digits");
        let places = stream.indices(CHANNELS * IMAGES, digits.len());
        let triples: Vec<[u32; CHANNELS]> = (places.chunks_exact(CHANNELS))
            .map(|triple| [triple[0] as u32, triple[1] as u32, triple[2] as u32])
            .collect();
        let mut hash = Sha256::new();
        hash.update(&digits.images);
        for place in triples.iter().flatten() {
            hash.update(place.to_le_bytes());
        }
        Self {
            digits,
            triples,
            digest: hex(&hash.finalize()),
        }
    }

    /// The mode of an image, from 0 to 999, by the labels of its digits.
    ///
    /// # Panics
    /// If there is no image of this index.
    pub fn mode(&self, index: usize) -> usize {
        let digits = self.triples[index].iter();
        digits.fold(0, |mode, place| {
            CLASSES * mode + usize::from(self.digits.labels[*place as usize])
        })
    }
}

impl<B: AutodiffBackend> Dataset<B> for StackedDigits {
    type Sample = Tensor<B, 4>;
    type Condition = ();

    fn len(&self) -> usize {
        self.triples.len()
    }

    fn batch(&self, indices: &[usize], device: &B::Device) -> Result<(Tensor<B, 4>, ())> {
        let (height, width) = (self.digits.height, self.digits.width);
        let each = height * width;
        let mut values = Vec::with_capacity(indices.len() * CHANNELS * each);
        for place in indices.iter().flat_map(|index| self.triples[*index]) {
            let start = place as usize * each;
            let bytes = &self.digits.images[start..start + each];
            values.extend(bytes.iter().map(|byte| PixelRange::Symmetric.scale(*byte)));
        }
        let data = TensorData::new(values, [indices.len(), CHANNELS, height, width]);
        Ok((Tensor::from_data(data, device), ()))
    }

    fn digest(&self) -> Option<String> {
        Some(self.digest.clone())
    }
}

settings! {
/// Which of the thousand modes samples are of, and how evenly.
///
/// ```text
/// modes = #{ i : a sample is read as mode i }
/// kl    = Σᵢ qᵢ · ln(1000·qᵢ),   qᵢ = #{ samples of mode i } / #{ samples }
/// ```
///
/// KL in nats: 0 for equal shares, ln 1000 = 6.91 of a single mode. Of n samples with equal
/// chances it is about 999/2n above 0: 0.019 at 26,000.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StackedModes {
    /// Modes that were read.
    pub modes: usize,
    /// KL(generated ‖ uniform).
    pub kl: f64,
    /// The number of samples.
    pub samples: usize,
}
}

impl StackedModes {
    /// Counts modes, each from 0 to 999.
    ///
    /// # Errors
    /// If there are none, or one is above 999.
    pub fn measure(modes: &[usize]) -> Result<Self> {
        let mut histogram = vec![0_usize; MODES];
        for mode in modes {
            let Some(count) = histogram.get_mut(*mode) else {
                let problem = format!("mode {mode} is not one of {MODES}");
                return Err(Error::data("stacked modes", problem));
            };
            *count += 1;
        }
        if modes.is_empty() {
            return Err(Error::data("stacked modes", "there is no sample"));
        }
        let share = |count: &usize| *count as f64 / modes.len() as f64;
        let terms = histogram.iter().filter(|count| **count > 0).map(share);
        let kl: f64 = terms.map(|share| share * (share * MODES as f64).ln()).sum();
        Ok(Self {
            modes: histogram.iter().filter(|count| **count > 0).count(),
            // Equal shares may come out a rounding error below 0.
            kl: kl.max(0.0),
            samples: modes.len(),
        })
    }
}

impl<B: AutodiffBackend> Protocol<B, 4> for StackedMnist {
    type Generator = DcganGenerator<B>;
    type Discriminator = DcganDiscriminator<B>;
    type Data = StackedDigits;

    fn published(&self) -> ResultTable {
        let columns = [
            Column::new("modes_captured", "modes (of 1000)", Better::Higher, 1),
            Column::new("reverse_kl", "KL", Better::Lower, 3),
        ];
        let row = |modes, kl| [Some((modes, None)), Some((kl, None))];
        ResultTable::new("Stacked MNIST", columns)
            .published(
                "DCGAN",
                &[Some((78.9, Some(6.5))), Some((4.50, None))],
                "Lin et al. 2017: 10 trials",
            )
            .published("VEEGAN", &row(150.0, 2.95), "Srivastava et al. 2017")
            .published(
                "PacDCGAN2",
                &row(1000.0, 0.06),
                "Lin et al. 2017: 10 trials",
            )
            .published("WGAN-GP", &row(959.0, 0.73), "as quoted by later papers")
            .published("EnGAN", &row(1000.0, 0.0313), "Kumar et al. 2019")
    }

    fn epochs(&self) -> u64 {
        EPOCHS
    }

    fn steps_per_epoch(&self) -> u64 {
        (IMAGES / BATCH) as u64
    }

    fn plain(&self, steps: u64) -> TrainerConfig {
        TrainerConfig::new(steps, BATCH, Latent::uniform(LATENT))
            .with_objective(Objective::new(Loss::NonSaturating))
            .with_optimizers(OptimizerConfig::adam(2e-4).with_betas(0.5, 0.999))
    }

    fn recommended(&self, steps: u64) -> TrainerConfig {
        // γ for data of 2,352 numbers: see `docs/objectives.md`.
        let mut objective = Objective::recommended();
        for term in &mut objective.terms {
            term.weight = 1.0;
        }
        TrainerConfig::new(steps, BATCH, Latent::uniform(LATENT))
            .with_objective(objective)
            .with_optimizers(OptimizerConfig::adam(2e-4).with_betas(0.0, 0.99))
            .with_ema(EmaConfig::decay(0.998))
    }

    fn data(&self, seed: u64) -> Result<StackedDigits> {
        Ok(StackedDigits::new(self.digits.clone(), seed))
    }

    fn networks(
        &self,
        objective: &Objective,
        device: &B::Device,
    ) -> Result<(Self::Generator, Self::Discriminator)> {
        let generator = DcganGeneratorConfig::new(LATENT, self.image()).with_width(self.width);
        // Batch norms mix samples, which a penalty per sample forbids.
        let discriminator = DcganDiscriminatorConfig::new(self.image())
            .with_width(self.width)
            .with_batch_norm(objective.terms.is_empty());
        Ok((generator.init(device)?, discriminator.init(device)?))
    }

    fn evaluated(&self) -> usize {
        EVALUATED
    }

    fn reader(&self) -> Option<ExtractorId> {
        self.reader.id()
    }

    fn evaluate(&self, samples: &mut Samples<'_>) -> Result<Evaluation> {
        let mut modes = Vec::with_capacity(EVALUATED);
        while modes.len() < EVALUATED {
            let count = READ_AT_ONCE.min(EVALUATED - modes.len());
            modes.extend(self.read(&samples.draw(count))?);
        }
        let found = StackedModes::measure(&modes)?;
        Ok(Evaluation {
            numbers: vec![found.modes as f64, found.kl],
            details: serde_json::to_value(&found)
                .map_err(|error| Error::data("stacked modes", error.to_string()))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::ClassifierConfig;
    use crate::testing::{Cpu, values};
    use burn::backend::Autodiff;

    type B = Autodiff<Cpu>;

    /// Ten images of 8 × 8, each all of its digit's grey, ten times the digit.
    fn digits() -> Mnist {
        Mnist {
            images: (0..10u8).flat_map(|digit| vec![10 * digit; 64]).collect(),
            labels: (0..10).collect(),
            classes: 10,
            height: 8,
            width: 8,
        }
    }

    /// Reads the grey of an image's first pixel.
    fn by_grey(images: &[f32], count: usize) -> Result<Vec<usize>> {
        let images = images.chunks_exact(images.len() / count);
        let grey = images.map(|image| ((image[0] + 1.0) * 127.5 / 10.0).round() as usize);
        Ok(grey.collect())
    }

    fn protocol() -> StackedMnist {
        StackedMnist::new(digits(), by_grey)
            .expect("digits")
            .with_width(2)
    }

    #[test]
    fn a_perfect_reader_reads_the_modes_of_the_data() {
        let protocol = protocol();
        let data = Protocol::<B, 4>::data(&protocol, 3).expect("data");
        assert_eq!(Dataset::<B>::len(&data), IMAGES);
        let indices: Vec<usize> = (0..500).map(|i| 250 * i).collect();
        let (images, ()) =
            Dataset::<B>::batch(&data, &indices, &Default::default()).expect("images");
        assert_eq!(images.dims(), [500, 3, 8, 8]);
        let images: Vec<f32> = values(images).iter().map(|x| *x as f32).collect();
        let expected: Vec<usize> = indices.iter().map(|index| data.mode(*index)).collect();
        assert_eq!(protocol.read(&images).expect("images"), expected);
        // All of the data: a thousand modes, in shares that differ by chance alone.
        let modes: Vec<usize> = (0..IMAGES).map(|index| data.mode(index)).collect();
        let found = StackedModes::measure(&modes).expect("modes");
        assert_eq!(found.modes, 1_000);
        // About 999/2n = 0.0039, give or take √(2·999)/2n = 0.00017.
        assert!((found.kl - 0.0039).abs() < 0.001, "{}", found.kl);
    }

    #[test]
    fn another_seed_gives_other_triples() {
        let of = |seed| StackedDigits::new(Arc::new(digits()), seed);
        assert_eq!(of(1).triples, of(1).triples);
        assert_ne!(of(1).triples, of(2).triples);
        assert_ne!(Dataset::<B>::digest(&of(1)), Dataset::<B>::digest(&of(2)));
    }

    #[test]
    fn kl_is_what_arithmetic_says() {
        let one = StackedModes::measure(&[7; 50]).expect("modes");
        assert_eq!(one.modes, 1);
        assert!((one.kl - 1000f64.ln()).abs() < 1e-12);
        let all: Vec<usize> = (0..1_000).chain(0..1_000).collect();
        assert_eq!(StackedModes::measure(&all).expect("modes").kl, 0.0);
        // Half of the modes in equal shares: ln 2.
        let half: Vec<usize> = (0..500).collect();
        let half = StackedModes::measure(&half).expect("modes");
        assert!((half.kl - 2f64.ln()).abs() < 1e-12);
        assert!(StackedModes::measure(&[]).is_err());
        let error = StackedModes::measure(&[3, 1_000]).unwrap_err().to_string();
        assert!(error.contains("mode 1000 is not one of 1000"), "{error}");
    }

    #[test]
    fn an_evaluation_reads_every_channel_of_every_sample() {
        // Samples of the mode 123 and of 124 by turns.
        let channel = |digit: u8| vec![PixelRange::Symmetric.scale(10 * digit); 64];
        let image = move |last| [channel(1), channel(2), channel(last)].concat();
        let mut drawn = 0;
        let mut samples = Samples::from_fn(move |count| {
            drawn += count;
            assert!(drawn <= EVALUATED);
            (0..count).flat_map(|i| image(3 + (i % 2) as u8)).collect()
        });
        let evaluation = Protocol::<B, 4>::evaluate(&protocol(), &mut samples).expect("samples");
        assert_eq!(evaluation.numbers[0], 2.0);
        assert!((evaluation.numbers[1] - 500f64.ln()).abs() < 1e-12);
        assert_eq!(evaluation.details["samples"], EVALUATED);
    }

    #[test]
    fn a_reader_that_reads_wrong_is_an_error() {
        let with = |reader: fn(&[f32], usize) -> Result<Vec<usize>>| {
            let protocol = StackedMnist::new(digits(), reader).expect("digits");
            let error = protocol.read(&[0.0; 3 * 64]).expect_err("a wrong reader");
            error.to_string()
        };
        let few = with(|_, _| Ok(vec![1]));
        assert!(few.contains("read 1 digits of 3"), "{few}");
        let high = with(|_, count| Ok(vec![10; count]));
        assert!(high.contains("class 10 is no digit"), "{high}");
        let error = protocol().read(&[0.0; 100]).unwrap_err().to_string();
        assert!(error.contains("no whole images"), "{error}");
        let letters = Mnist {
            classes: 26,
            ..digits()
        };
        assert!(StackedMnist::new(letters, by_grey).is_err());
    }

    #[test]
    fn a_saved_classifier_reads_digits_and_others_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("digits.classifier");
        let device = Default::default();
        let saved = |settings: ClassifierConfig| {
            let classifier = settings.init::<Cpu>(&device).expect("valid settings");
            SavedClassifier::save(&path, &settings, &classifier, None).expect("a file");
            ClassifierReader::<Cpu>::open(&path, &device)
        };
        let digits = ClassifierConfig::new([1, 8, 8], 10).with_width(2);
        let reader = saved(digits.clone()).expect("a classifier of digits");
        let id = reader.id().expect("it is in a file");
        let stored = SavedClassifier::open(&path).expect("a classifier");
        assert_eq!(id.hash, Some(stored.hash()));
        let input = id.input.expect("the file's path");
        assert!(input.ends_with("digits.classifier"), "{input}");
        let images = vec![0.5; 1_001 * 64];
        let read = reader.read(&images, 1_001).expect("digits");
        assert_eq!(read, vec![read[0]; 1_001]);
        let error = reader.read(&images, 1_000).unwrap_err().to_string();
        assert!(error.contains("images of 8 × 8"), "{error}");
        for other in [
            ClassifierConfig::new([3, 8, 8], 10).with_width(2),
            ClassifierConfig::new([1, 8, 8], 9).with_width(2),
            digits.with_pixels(PixelRange::Unit),
        ] {
            let error = saved(other).unwrap_err().to_string();
            assert!(error.contains("ten classes"), "{error}");
        }
    }

    #[test]
    fn the_discriminator_has_batch_norms_where_no_penalty_forbids_it() {
        let device = Default::default();
        // At 16 × 16 there are two layers, of which the second has a norm.
        let digits = Mnist {
            images: vec![0; 256],
            labels: vec![0],
            classes: 10,
            height: 16,
            width: 16,
        };
        let protocol = StackedMnist::new(digits, by_grey)
            .expect("digits")
            .with_width(2);
        for (config, normalized) in [
            (Protocol::<B, 4>::plain(&protocol, 5), true),
            (Protocol::<B, 4>::recommended(&protocol, 5), false),
        ] {
            config.validate().expect("valid settings");
            let (_, discriminator) =
                Protocol::<B, 4>::networks(&protocol, &config.objective, &device)
                    .expect("networks");
            let text = format!("{discriminator:?}");
            assert_eq!(text.contains("norm: Some"), normalized, "{text}");
        }
        let table = Protocol::<B, 4>::published(&protocol);
        assert!(table.rows.iter().any(|row| row.method == "PacDCGAN2"));
    }
}
