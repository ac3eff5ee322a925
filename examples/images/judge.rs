//! What the generator is measured by: a Fréchet distance to real pictures.

use std::path::Path;

use burn_gan::Result;
use burn_gan::metrics::{
    ClassifierFeatures, FeatureExtractor, Features, FrechetDistance, RandomNetwork, Scorer,
    features_of,
};
use burn_gan::prelude::*;

use crate::data::RANGE;
use crate::pictures::{Pictures, Set};

/// Real samples at most, and generated ones.
const REAL: usize = 10_000;
const GENERATED: usize = 2_000;
/// Samples that are looked at together.
const AT_ONCE: usize = 100;
/// The seed of the network that looks where no classifier is given: the same for all runs, so that
/// their distances compare.
const SEED: u64 = 0;

pub type Extractor<B> = Box<dyn FeatureExtractor<B, Tensor<B, 4>>>;

/// An extractor, real samples' features, and of which classes samples are drawn to be held against
/// them.
pub struct Judge<B: Backend> {
    pub extractor: Extractor<B>,
    pub scorer: Scorer,
    pub count: usize,
    pub labels: Vec<usize>,
}

impl<B: Backend> Judge<B> {
    /// Looks at the real pictures.
    pub fn new(
        classifier: Option<&Path>,
        real: &Pictures,
        name: &str,
        seed: u64,
        device: &B::Device,
    ) -> Result<Self> {
        let extractor: Extractor<B> = match classifier {
            Some(file) => Box::new(ClassifierFeatures::open(file, device)?.with_pixels(RANGE)),
            None => Box::new(RandomNetwork::new(real.dimensions(), SEED, device)?),
        };
        let mut chosen = Stream::new(seed, "judged").permutation(real.count());
        chosen.truncate(REAL);
        let features = match &real.set {
            Set::Folder(images) => seen(&extractor, images, &chosen, device)?,
            Set::Memory(data) => seen(&extractor, data, &chosen, device)?,
        };
        let count = chosen.len().min(GENERATED);
        let labels = chosen[..count].iter().map(|place| real.labels[*place]);
        let labels = labels.collect();
        let scorer = Scorer::new(features.with_set(name))
            .with_seed(seed)
            .with_metric(FrechetDistance::default());
        Ok(Self {
            extractor,
            scorer,
            count,
            labels,
        })
    }
}

fn seen<B: Backend>(
    extractor: &Extractor<B>,
    data: &impl Dataset<B, Sample = Tensor<B, 4>>,
    chosen: &[usize],
    device: &B::Device,
) -> Result<Features> {
    let batches = chosen.chunks(AT_ONCE);
    let batches = batches.map(|batch| Ok(data.batch(batch, device)?.0));
    features_of(extractor, batches)
}
