//! The sets of images: real ones, others that are real too, and generated ones.

use std::path::PathBuf;

use burn_gan::burn::tensor::TensorData;
use burn_gan::metrics::{
    ExtractorId, FeatureExtractor, Features, PathLengths, PerceptualPathLength, features_of,
};
use burn_gan::prelude::*;
use burn_gan::sampling::Sampler;
use burn_gan::{Error, Result};
use indicatif::{ProgressBar, ProgressStyle};

use crate::images::Images;

/// Features of the sets.
pub struct Sets {
    pub real: Features,
    /// Real ones apart from those.
    pub held_out: Option<Features>,
    pub generated: Features,
}

impl Sets {
    /// With the held-out samples as the real ones, and the other way round.
    pub fn swapped(&self) -> Option<Self> {
        Some(Self {
            real: self.held_out.clone()?,
            held_out: Some(self.real.clone()),
            generated: self.generated.clone(),
        })
    }
}

/// The first rows.
pub fn first(features: &Features, most: usize) -> Features {
    let rows: Vec<usize> = (0..most.min(features.count())).collect();
    features.select(&rows)
}

/// The classes of a batch: they take turns within each.
pub fn turns(count: usize, classes: usize) -> Vec<usize> {
    (0..count).map(|place| place % classes).collect()
}

/// Where generated images come from.
pub enum Generated<B: Backend> {
    Images(Images),
    Drawn(Box<Sampler<B>>),
}

/// Real and generated images.
pub struct ImageSets<B: Backend> {
    pub real: Images,
    pub held_out: Option<Images>,
    pub generated: Generated<B>,
    /// How many are drawn.
    pub draws: usize,
    /// How many are looked at together.
    pub batch: usize,
    pub seed: u64,
    /// Where features of real images are kept.
    pub cache: Option<PathBuf>,
    pub device: B::Device,
}

type Extractor<'a, B> = dyn FeatureExtractor<B, Tensor<B, 4>> + 'a;

impl<B: Backend> ImageSets<B> {
    /// How many generated ones are looked at.
    pub fn generated_count(&self) -> usize {
        match &self.generated {
            Generated::Images(images) => images.len(),
            Generated::Drawn(_) => self.draws,
        }
    }

    /// How many classes the generated images are of, where the generator is told them.
    pub fn classes(&self) -> Option<usize> {
        match &self.generated {
            Generated::Images(_) => None,
            Generated::Drawn(sampler) => sampler.classes(),
        }
    }

    /// The class that each generated image was asked for.
    pub fn asked(&self) -> Option<Vec<usize>> {
        let classes = self.classes()?;
        let count = self.generated_count();
        let starts = (0..count).step_by(self.batch);
        let batches = starts.map(|start| turns(self.batch.min(count - start), classes));
        Some(batches.flatten().collect())
    }

    /// `count` of the generated images, or as many as there are; the same ones at each call.
    pub fn generated(&self, start: usize, count: usize) -> Result<Tensor<B, 4>> {
        let count = count.min(self.generated_count() - start);
        match &self.generated {
            Generated::Images(images) => Ok(images.batch(start, count, &self.device)),
            Generated::Drawn(sampler) => {
                // A stream for each batch: they can be drawn again in any order.
                let purpose = format!("evaluation from {start}");
                let mut stream = Stream::new(self.seed, &purpose);
                let latents = sampler.latent().draw(count, &mut stream, &self.device);
                let labels = self.classes().map(|classes| turns(count, classes));
                self.drawn(sampler, latents, &labels.unwrap_or_default())
            }
        }
    }

    /// Images of these latents, in the range of the real ones.
    fn drawn(
        &self,
        sampler: &Sampler<B>,
        latents: Tensor<B, 2>,
        labels: &[usize],
    ) -> Result<Tensor<B, 4>> {
        let drawn = sampler.generate(latents, labels)?;
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
        let shape = [drawn.count(), channels, height, width];
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

    /// Features of all sets.
    pub fn features(&self, extractor: &Extractor<'_, B>) -> Result<Sets> {
        let of = |images: &Images| self.of_real(extractor, images);
        let generated = self.batches(extractor, self.generated_count(), |start, count| {
            self.generated(start, count)
        });
        Ok(Sets {
            real: of(&self.real)?,
            held_out: self.held_out.as_ref().map(of).transpose()?,
            generated: generated?.with_set("generated"),
        })
    }

    /// Features of real images: those that an earlier run has kept, or else new ones, which are kept.
    fn of_real(&self, extractor: &Extractor<'_, B>, images: &Images) -> Result<Features> {
        let make = || {
            self.batches(extractor, images.len(), |start, count| {
                Ok(images.batch(start, count, &self.device))
            })
        };
        let id = extractor.id();
        // Pixels are there already.
        let folder = self.cache.as_ref().filter(|_| id != ExtractorId::raw());
        let features = match folder {
            None => make()?,
            Some(folder) => {
                let path = folder.join(format!("{}.npy", images.digest(&id)));
                if path.exists() {
                    Features::read_made_by(&path, id)?
                } else {
                    let features = make()?;
                    features.save(&path)?;
                    features
                }
            }
        };
        Ok(features.with_set(&images.set))
    }

    /// Features of so many images that come in batches, with a bar.
    fn batches(
        &self,
        extractor: &Extractor<'_, B>,
        count: usize,
        images: impl Fn(usize, usize) -> Result<Tensor<B, 4>>,
    ) -> Result<Features> {
        let bar = ProgressBar::new(count as u64);
        if let Ok(style) = ProgressStyle::with_template("{bar:32} {pos}/{len} images  {eta} left") {
            bar.set_style(style);
        }
        let batches = (0..count).step_by(self.batch).map(|start| {
            bar.set_position(start as u64);
            images(start, self.batch.min(count - start))
        });
        let features = features_of(extractor, batches);
        bar.finish_and_clear();
        features
    }

    /// How fast features change on the way between two latents; nothing where no generator draws. Classes
    /// take turns.
    pub fn path_lengths(
        &self,
        extractor: &Extractor<'_, B>,
        settings: &PerceptualPathLength,
    ) -> Result<Option<PathLengths>> {
        let Generated::Drawn(sampler) = &self.generated else {
            return Ok(None);
        };
        let features = |latents: Tensor<B, 2>| {
            let ends = latents.dims()[0];
            // Both ends of a step are of one class.
            let turns = |classes| (0..ends).map(|end| end / 2 % classes).collect();
            let labels = sampler.classes().map_or_else(Vec::new, turns);
            extractor.extract(self.drawn(sampler, latents, &labels)?)
        };
        let mut stream = Stream::new(self.seed, "paths");
        let lengths =
            settings.measure_by::<B>(sampler.latent(), features, &mut stream, &self.device)?;
        Ok(Some(lengths))
    }
}
