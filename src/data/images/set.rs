//! Opened folders: data sets with and without labels.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use sha2::{Digest, Sha256};

use super::config::ImageConfig;
use super::folder::Faults;
use super::header::Header;
use super::store::Store;
use crate::data::{Dataset, ImageShape, LabelledDataset, MemoryDataset};
use crate::error::{Error, Result};
use crate::network::Labels;
use crate::terminal::say;
use crate::text::{hex, visible, visible_path};

/// A picture of the folder.
#[derive(Debug, Clone)]
pub(super) struct Picture {
    /// Its path under the folder.
    pub(super) name: PathBuf,
    pub(super) header: Header,
}

/// What is behind the data sets.
#[derive(Debug)]
pub(super) struct Set {
    root: PathBuf,
    config: ImageConfig,
    faults: Faults,
    decode_limit: Option<u64>,
    pictures: Vec<Picture>,
    /// The classes' names; empty without labels.
    classes: Vec<String>,
    /// Of samples, mirrored ones included.
    labels: Option<Vec<usize>>,
    store: Store,
    /// Pictures that were replaced by others, and why.
    replaced: Mutex<BTreeMap<usize, String>>,
}

impl Set {
    pub(super) fn new(
        root: &Path,
        config: ImageConfig,
        faults: Faults,
        decode_limit: Option<u64>,
        pictures: Vec<Picture>,
        store: Store,
    ) -> Self {
        Self {
            root: root.to_owned(),
            config,
            faults,
            decode_limit,
            pictures,
            classes: Vec::new(),
            labels: None,
            store,
            replaced: Mutex::default(),
        }
    }

    pub(super) fn pictures(&self) -> usize {
        self.pictures.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pictures.is_empty()
    }

    pub(super) fn names(&self) -> Vec<PathBuf> {
        let names = self.pictures.iter().map(|picture| picture.name.clone());
        names.collect()
    }

    /// Samples: each picture, or each picture twice.
    fn len(&self) -> usize {
        self.pictures() * if self.config.mirror { 2 } else { 1 }
    }

    /// The same with labels, and without the pictures that have none.
    pub(super) fn with_labels(self, labels: &[Option<usize>], classes: Vec<String>) -> Self {
        let labelled = labels.iter().enumerate();
        let labelled = labelled.filter_map(|(index, label)| Some((index, (*label)?)));
        let (chosen, labels): (Vec<usize>, Vec<usize>) = labelled.unzip();
        let all = chosen.len() == self.pictures();
        let mut set = if all { self } else { self.only(&chosen) };
        set.classes = classes;
        set.labels = Some(match set.config.mirror {
            true => labels.repeat(2),
            false => labels,
        });
        set
    }

    /// Some of the pictures, with what is decoded of them.
    pub(super) fn only(&self, chosen: &[usize]) -> Self {
        let label = |labels: &Vec<usize>| {
            let once = chosen.iter().map(|index| labels[*index]);
            match self.config.mirror {
                true => once.clone().chain(once).collect(),
                false => once.collect(),
            }
        };
        Self {
            root: self.root.clone(),
            config: self.config.clone(),
            faults: self.faults,
            decode_limit: self.decode_limit,
            pictures: chosen
                .iter()
                .map(|index| self.pictures[*index].clone())
                .collect(),
            classes: self.classes.clone(),
            labels: self.labels.as_ref().map(label),
            store: self.store.only(chosen),
            replaced: Mutex::default(),
        }
    }

    fn path(&self, picture: usize) -> PathBuf {
        self.root.join(&self.pictures[picture].name)
    }

    fn read(&self, picture: usize) -> Result<Vec<u8>> {
        self.config
            .read_within(&self.path(picture), self.decode_limit)
    }

    /// Whether a picture can be decoded; what fits is kept.
    pub(super) fn check(&self, picture: usize) -> Result<()> {
        self.store.with(picture, || self.read(picture), |_| ())
    }

    /// Gives the bytes of a picture to `take`, or of the one in its place.
    fn with<T>(&self, picture: usize, take: impl FnOnce(&[u8]) -> T) -> Result<T> {
        let make = || match (self.read(picture), self.faults) {
            (Err(error), Faults::Skip) => self.another(picture, error),
            (read, _) => read,
        };
        self.store.with(picture, make, take)
    }

    /// The next picture of the same class that can be read. Which it is depends on the files alone,
    /// not on who asks or when.
    fn another(&self, picture: usize, error: Error) -> Result<Vec<u8>> {
        let count = self.pictures();
        let class = |picture: usize| self.labels.as_ref().map(|labels| labels[picture]);
        let others = (picture + 1..count).chain(0..picture);
        for other in others.filter(|other| class(*other) == class(picture)) {
            if let Ok(sample) = self.read(other) {
                let name = visible_path(&self.pictures[other].name);
                let told = format!("{error}: {name} is in its place");
                let mut replaced = self.replaced.lock().unwrap_or_else(PoisonError::into_inner);
                replaced.entry(picture).or_insert_with(|| {
                    log::warn!("{told}");
                    if !log::log_enabled!(log::Level::Warn) {
                        say(&told);
                    }
                    told
                });
                return Ok(sample);
            }
        }
        Err(error)
    }

    /// The bytes of a sample, `[channels, height, width]`, as numbers behind those in `values`.
    fn put(&self, sample: usize, numbers: &[f32; 256], values: &mut Vec<f32>) -> Result<()> {
        let count = self.pictures();
        assert!(sample < self.len(), "sample {sample} of {}", self.len());
        let number = |byte: &u8| numbers[usize::from(*byte)];
        self.with(sample % count, |bytes| match sample < count {
            true => values.extend(bytes.iter().map(number)),
            false => {
                for row in bytes.chunks_exact(self.config.width) {
                    values.extend(row.iter().rev().map(number));
                }
            }
        })
    }

    fn gather<B: Backend>(&self, samples: &[usize], device: &B::Device) -> Result<Tensor<B, 4>> {
        let numbers = self.numbers();
        let ImageShape {
            channels,
            height,
            width,
        } = self.config.shape();
        let mut values = Vec::with_capacity(samples.len() * channels * height * width);
        for sample in samples {
            self.put(*sample, &numbers, &mut values)?;
        }
        let shape = [samples.len(), channels, height, width];
        Ok(Tensor::from_data(TensorData::new(values, shape), device))
    }

    fn numbers(&self) -> [f32; 256] {
        std::array::from_fn(|byte| self.config.range.scale(byte as u8))
    }

    /// The bytes of all samples, one after the other.
    fn all(&self) -> Result<Vec<u8>> {
        let mut all = Vec::new();
        for picture in 0..self.pictures() {
            self.with(picture, |bytes| all.extend_from_slice(bytes))?;
        }
        if self.config.mirror {
            for row in 0..all.len() / self.config.width {
                let row = row * self.config.width..(row + 1) * self.config.width;
                let row = all[row].to_vec();
                all.extend(row.iter().rev());
            }
        }
        Ok(all)
    }

    /// What the samples are made of: the settings, each file's name and length, and a checksum of
    /// its first and last 16 KiB.
    fn digest(&self, with_labels: bool) -> String {
        let mut hash = Sha256::new();
        let settings = serde_json::to_string(&self.config).unwrap_or_default();
        hash.update(settings);
        for Picture { name, header } in &self.pictures {
            let name = name.as_os_str().as_encoded_bytes();
            hash.update((name.len() as u64).to_le_bytes());
            hash.update(name);
            hash.update(header.length.to_le_bytes());
            hash.update(header.hash);
        }
        if let (true, Some(labels)) = (with_labels, &self.labels) {
            for label in labels {
                hash.update((*label as u64).to_le_bytes());
            }
        }
        hex(&hash.finalize())
    }
}

/// The pictures of a folder as samples `[batch, channels, height, width]`, made by
/// [`ImageFolder::open`](super::ImageFolder::open). It is given to a trainer as it is for
/// unconditional networks, [`labelled`](Self::labelled) for conditional ones.
///
/// Where pictures are mirrored, samples are all pictures in their order, then all of them mirrored.
#[derive(Clone)]
pub struct Images {
    set: Arc<Set>,
    notices: Arc<[String]>,
}

impl fmt::Debug for Images {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Images")
            .field("folder", &self.set.root)
            .field("config", &self.set.config)
            .field("pictures", &self.set.pictures())
            .field("classes", &self.set.classes)
            .finish_non_exhaustive()
    }
}

impl Images {
    pub(super) fn of(set: Set, mut notices: Vec<String>) -> Self {
        let images = Self {
            set: Arc::new(set),
            notices: Arc::new([]),
        };
        let sizes = images.class_sizes();
        for (name, _) in images
            .classes()
            .iter()
            .zip(sizes)
            .filter(|(_, size)| *size == 1)
        {
            notices.push(format!("class {} has one picture only", visible(name)));
        }
        Self {
            notices: notices.into(),
            ..images
        }
    }

    /// The number of samples: of pictures, or twice as many where they are mirrored.
    pub fn len(&self) -> usize {
        self.set.len()
    }

    /// Whether there is none. Folders that were opened have at least one.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    /// How pictures become samples.
    pub fn config(&self) -> &ImageConfig {
        &self.set.config
    }

    /// The shape of a sample.
    pub fn shape(&self) -> ImageShape {
        self.set.config.shape()
    }

    /// The pictures' files, in the order of their samples.
    pub fn paths(&self) -> impl Iterator<Item = PathBuf> + '_ {
        (0..self.set.pictures()).map(|picture| self.set.path(picture))
    }

    /// The classes' names, in the order of their numbers; empty without labels. Names that are no
    /// UTF-8 have a replacement character for what is none.
    pub fn classes(&self) -> &[String] {
        &self.set.classes
    }

    /// The class of each sample, where there are labels.
    pub fn labels(&self) -> Option<&[usize]> {
        self.set.labels.as_deref()
    }

    /// The number of pictures of each class.
    pub fn class_sizes(&self) -> Vec<usize> {
        let mut sizes = vec![0; self.set.classes.len()];
        let labels = self.labels().unwrap_or_default();
        for label in &labels[..labels.len().min(self.set.pictures())] {
            sizes[*label] += 1;
        }
        sizes
    }

    /// What was left out when the folder was opened, and what is odd about it, a sentence each.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// Pictures that could not be decoded when a batch asked for them, and what is in their place
    /// ([`Faults::Skip`]).
    pub fn replaced(&self) -> Vec<String> {
        let replaced = self.set.replaced.lock();
        let replaced = replaced.unwrap_or_else(PoisonError::into_inner);
        replaced.values().cloned().collect()
    }

    /// Bytes of decoded samples that are kept just now.
    pub fn kept(&self) -> usize {
        self.set.store.kept()
    }

    /// The pictures with these numbers alone, in this order, as [`paths`](Self::paths) counts them;
    /// classes keep their numbers. A data set is cut into a training and a test part by this, or few
    /// samples of each class are taken.
    ///
    /// # Errors
    /// If there is none, or a number is not below the number of pictures.
    pub fn only(&self, pictures: &[usize]) -> Result<Self> {
        let count = self.set.pictures();
        if pictures.is_empty() {
            return Err(Error::setting(
                "pictures",
                "[]",
                "must be one picture or more",
            ));
        }
        if let Some(wrong) = pictures.iter().find(|picture| **picture >= count) {
            let problem = format!("must be below the number of pictures, {count}");
            return Err(Error::setting("pictures", wrong, problem));
        }
        Ok(Self {
            set: Arc::new(self.set.only(pictures)),
            notices: self.notices.clone(),
        })
    }

    /// The same pictures with their labels, as a data set for conditional networks. It shares what is
    /// decoded.
    ///
    /// # Errors
    /// If there are no labels.
    pub fn labelled(&self) -> Result<LabelledImages> {
        match self.set.labels {
            Some(_) => Ok(LabelledImages(self.clone())),
            None => Err(Error::data(
                &self.set.root,
                "has no labels: pictures have to lie in two folders or more, one for each class, or a \
                 file has to list them (`LabelsFrom::Csv`, `LabelsFrom::Json`)",
            )),
        }
    }

    /// All samples, decoded, in memory.
    ///
    /// # Errors
    /// If a picture can't be decoded.
    pub fn to_memory(&self) -> Result<MemoryDataset<4>> {
        let ImageShape {
            channels,
            height,
            width,
        } = self.shape();
        let range = self.set.config.range;
        MemoryDataset::from_bytes(self.set.all()?, [channels, height, width], range)
    }
}

impl<B: Backend> Dataset<B> for Images {
    type Sample = Tensor<B, 4>;
    type Condition = ();

    fn len(&self) -> usize {
        self.set.len()
    }

    fn batch(&self, indices: &[usize], device: &B::Device) -> Result<(Tensor<B, 4>, ())> {
        Ok((self.set.gather(indices, device)?, ()))
    }

    fn conditions(&self, _indices: &[usize], _device: &B::Device) -> Result<()> {
        Ok(())
    }

    /// Over the settings, the files' names and lengths, and the first and last 16 KiB of each: files
    /// of up to 32 KiB whole.
    fn digest(&self) -> Option<String> {
        Some(self.set.digest(false))
    }
}

/// [`Images`] with their labels.
#[derive(Debug, Clone)]
pub struct LabelledImages(Images);

impl LabelledImages {
    /// The pictures.
    pub fn images(&self) -> &Images {
        &self.0
    }

    /// The classes' names.
    pub fn classes(&self) -> &[String] {
        self.0.classes()
    }

    /// All samples with their labels, decoded, in memory.
    ///
    /// # Errors
    /// If a picture can't be decoded.
    pub fn to_memory(&self) -> Result<LabelledDataset<4>> {
        let labels = self.0.labels().unwrap_or_default().to_vec();
        self.0
            .to_memory()?
            .with_labels(labels, self.classes().len())
    }
}

impl<B: Backend> Dataset<B> for LabelledImages {
    type Sample = Tensor<B, 4>;
    type Condition = Labels<B>;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn labels(&self) -> Option<&[usize]> {
        self.0.labels()
    }

    fn batch(&self, indices: &[usize], device: &B::Device) -> Result<(Tensor<B, 4>, Labels<B>)> {
        let labels = Dataset::<B>::conditions(self, indices, device)?;
        Ok((self.0.set.gather(indices, device)?, labels))
    }

    fn conditions(&self, indices: &[usize], device: &B::Device) -> Result<Labels<B>> {
        let all = self.0.labels().unwrap_or_default();
        let labels: Vec<i32> = indices.iter().map(|index| all[*index] as i32).collect();
        Ok(Labels::new(Tensor::from_ints(labels.as_slice(), device)))
    }

    fn digest(&self) -> Option<String> {
        Some(self.0.set.digest(true))
    }
}
