//! Which sets of images the command line names.

use std::fs;
use std::path::Path;

use burn_gan::burn::tensor::backend::AutodiffBackend;
use burn_gan::data::{LabelsFrom, Mnist};
use burn_gan::sampling::Sampler;
use burn_gan::train::StoredRun;
use burn_gan::{Error, Result};

use crate::asked::Asked;
use crate::images::{self, Images};
use crate::networks;
use crate::sets::{Generated, ImageSets};
use crate::{Args, SAMPLES, Split};

/// What the generator was trained on, which copies are looked for in.
pub enum Training {
    /// The real samples, so many of so many.
    Real(usize, usize),
    /// The held-out ones, so many of so many.
    HeldOut(usize, usize),
    /// Nobody said so; the real ones, it is assumed.
    Unknown,
}

impl Training {
    /// What there is to say of a share of copies.
    pub fn note(&self) -> Option<String> {
        match self {
            Self::Real(count, whole) | Self::HeldOut(count, whole) if count < whole => {
                Some(format!(
                    "looked for in {count} of {whole} training samples: copies of the others are not found"
                ))
            }
            Self::Real(..) | Self::HeldOut(..) => None,
            Self::Unknown => Some(
                "the samples of `--data-dir` are taken for those that the generator was trained on"
                    .to_owned(),
            ),
        }
    }
}

impl Args {
    /// The sets of images, or what draws them, and what the generator was trained on.
    pub fn images<B: AutodiffBackend>(
        &self,
        device: &B::Device,
    ) -> Result<(ImageSets<B::InnerBackend>, Training)> {
        let most = self.samples.unwrap_or(SAMPLES);
        let path = self.generated.as_path();
        let saved = path.extension().is_some_and(|end| end == "gan");
        let stored = match !saved && is_stored_run(path) {
            true => Some(StoredRun::open(path)?),
            false => None,
        };
        let mut sampler = match &stored {
            Some(stored) => networks::of_described::<B>(stored, device)?,
            None if saved => Some(Sampler::open(path, device)?),
            None => None,
        };
        let mnist = is_mnist(&self.data_dir);
        // What is drawn decides the shape; otherwise the files do.
        let (real, files) = match &mut sampler {
            _ if mnist => (self.part(self.split, most)?, None),
            Some(sampler) => {
                let shape = self.shape_of(sampler.draw(1)?.shape())?;
                let labels = self.labels_from();
                (
                    Images::in_folder(&self.data_dir, most, shape, labels)?,
                    None,
                )
            }
            None => self.in_folders(most, stored.is_some())?,
        };
        let counts = |images: &Images| (images.len(), images.whole);
        let (held_out, training) = match (&self.held_out, self.split) {
            (Some(folder), _) if mnist => {
                let problem = "MNIST's other part is held out already: see `--split`";
                return Err(Error::setting("held_out", folder.display(), problem));
            }
            (Some(folder), _) => {
                let (count, whole) = counts(&real);
                let held_out = Images::in_folder(folder, most, real.shape, LabelsFrom::Nothing)?;
                (Some(held_out), Training::Real(count, whole))
            }
            (None, Split::Train) if mnist => {
                let (count, whole) = counts(&real);
                let held_out = self.part(Split::Test, most)?;
                (Some(held_out), Training::Real(count, whole))
            }
            (None, Split::Test) if mnist => {
                let held_out = self.part(Split::Train, most)?;
                let (count, whole) = counts(&held_out);
                (Some(held_out), Training::HeldOut(count, whole))
            }
            (None, _) => (None, Training::Unknown),
        };
        let draws = self.samples.unwrap_or(real.len());
        let generated = match (sampler, files, stored) {
            (Some(sampler), ..) => Generated::Drawn(Box::new(sampler)),
            (None, Some(images), _) => Generated::Images(images),
            (None, None, Some(stored)) => {
                let sampler = networks::of_mnist::<B>(&stored, real.shape, device)?;
                Generated::Drawn(Box::new(sampler))
            }
            (None, None, None) => {
                let generated = Images::in_folder(path, most, real.shape, LabelsFrom::Nothing)?;
                Generated::Images(generated)
            }
        };
        let sets = ImageSets {
            real,
            held_out,
            generated,
            draws,
            batch: self.batch,
            seed: self.common.seed,
            cache: self.cache.clone(),
            device: device.clone(),
        };
        Ok((sets, training))
    }

    /// Where the real pictures' classes are, if anybody asks for them.
    fn labels_from(&self) -> LabelsFrom {
        let named = |asked: &Asked| matches!(asked, Asked::ClassAccuracy);
        match self.by_class || self.metrics.iter().any(named) {
            true => LabelsFrom::Auto,
            false => LabelsFrom::Nothing,
        }
    }

    /// One of MNIST's parts.
    fn part(&self, split: Split, most: usize) -> Result<Images> {
        Ok(match split {
            Split::Train => Images::of(Mnist::train(&self.data_dir)?, "training", most),
            Split::Test => Images::of(Mnist::test(&self.data_dir)?, "test", most),
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
        let in_color = |folder, labels| Images::in_folder(folder, most, [3, height, width], labels);
        let real = in_color(real, self.labels_from())?;
        let generated = match stored {
            true => None,
            false => Some(in_color(generated, LabelsFrom::Nothing)?),
        };
        if real.is_grey() && generated.as_ref().is_none_or(Images::is_grey) {
            return Ok((real.first_channel(), generated.map(Images::first_channel)));
        }
        Ok((real, generated))
    }
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
