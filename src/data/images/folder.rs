//! Where pictures are, and how they are read.

use std::path::{Path, PathBuf};

use super::config::ImageConfig;
use super::header::Header;
use super::labels::LabelsFrom;
use super::scan::{self, ScanProgress, ScanStage};
use super::set::{Images, Picture, Set};
use super::store::Store;
use super::walk;
use crate::error::{Error, Result, check};
use crate::text::visible_path;

/// Decoded samples that are kept, in bytes, where nobody says it.
const MEMORY: usize = 1 << 30;
/// Notices of one kind that are kept.
const NOTICES: usize = 20;

/// What becomes of what can't be used: files that can't be read, folders without a picture, pictures
/// without a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Faults {
    /// An error before the first step, which names the first of them.
    #[default]
    Refuse,
    /// They are left out, with a notice each ([`Images::notices`]). A picture that turns out to be
    /// damaged, or is gone, when a batch asks for it is replaced by the next one of its class that
    /// can be read, and told on standard error; a run doesn't end because of it.
    Skip,
}

/// A folder of pictures, to be opened as a data set.
///
/// All pictures in it and in the folders in it are taken, in the order of their names: files that end
/// in `png`, `jpg`, `webp`, `gif`, `bmp`, `tif` and the like, whichever of these formats they hold.
/// What begins with a dot is hidden and stays so; links are followed, but in no circle.
///
/// ```
/// use burn_gan::burn::backend::Flex;
/// use burn_gan::data::{Dataset, ImageConfig, ImageFolder};
///
/// # let place = tempfile::tempdir().unwrap();
/// # let folder = place.path();
/// # let mut file = b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\x18\0".to_vec();
/// # file.extend([0; 24]);
/// # file.extend([10, 20, 30, 0]);
/// # for name in ["cats/tom.bmp", "dogs/rex.bmp", "dogs/bello.bmp"] {
/// #     std::fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
/// #     std::fs::write(folder.join(name), &file).unwrap();
/// # }
/// // cats/tom.bmp, dogs/rex.bmp, dogs/bello.bmp
/// let pets = ImageFolder::new(folder, ImageConfig::new(32, 32)).open()?;
/// let (batch, ()) = Dataset::<Flex>::batch(&pets, &[0, 2], &Default::default())?;
/// assert_eq!(batch.dims(), [2, 3, 32, 32]);
///
/// // The same pictures with their classes, for conditional networks.
/// let labelled = pets.labelled()?;
/// assert_eq!(pets.classes(), ["cats", "dogs"]);
/// assert_eq!(Dataset::<Flex>::labels(&labelled), Some(&[0, 1, 1][..]));
/// # Ok::<(), burn_gan::Error>(())
/// ```
///
/// Opening reads every file's header, so that what is no picture, or claims to be a huge one, is
/// found before the first step; with [`check`](Self::with_check) every pixel. Pictures are decoded
/// when a batch asks for them, by as many threads as the run reads ahead on
/// ([`Loading`](crate::data::Loading)), and kept as bytes while they fit
/// ([`memory`](Self::with_memory)). Neither changes a batch.
#[derive(Debug, Clone)]
pub struct ImageFolder {
    folder: PathBuf,
    images: ImageConfig,
    labels: LabelsFrom,
    faults: Faults,
    check: bool,
    memory: usize,
    decode_limit: Option<u64>,
}

impl ImageFolder {
    /// The pictures in `folder`, each made a sample as `images` says.
    pub fn new(folder: impl Into<PathBuf>, images: ImageConfig) -> Self {
        Self {
            folder: folder.into(),
            images,
            labels: LabelsFrom::default(),
            faults: Faults::default(),
            check: false,
            memory: MEMORY,
            decode_limit: None,
        }
    }

    /// Where labels are; by default where there seem to be some.
    pub fn with_labels(mut self, labels: LabelsFrom) -> Self {
        self.labels = labels;
        self
    }

    /// What becomes of files that can't be read.
    pub fn with_faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// Whether every pixel is decoded before the data set is there, not the headers alone. What fits
    /// in memory stays there, so that it costs little but the wait.
    pub fn with_check(mut self, check: bool) -> Self {
        self.check = check;
        self
    }

    /// How many bytes of decoded samples are kept, 1 GiB by default. A sample has
    /// `channels·height·width` of them. Those beyond are decoded whenever they are asked for.
    pub fn with_memory(mut self, bytes: usize) -> Self {
        self.memory = bytes;
        self
    }

    /// How many bytes of memory decoding one file may take.
    ///
    /// By default 64 times the file's length, but at least 64 MiB and at most 1 GiB: a file of a few
    /// bytes can claim to be a picture of gigabytes.
    pub fn with_decode_limit(mut self, bytes: usize) -> Self {
        self.decode_limit = Some(bytes as u64);
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// As [`ImageConfig::validate`]; or if the limit on decoding is below 1 MiB.
    pub fn validate(&self) -> Result<()> {
        self.images.validate()?;
        match self.decode_limit {
            Some(limit) => check::at_least("decode_limit", limit as usize, 1 << 20),
            None => Ok(()),
        }
    }

    /// Looks through the folder.
    ///
    /// # Errors
    /// If a setting is refused, the folder can't be read or has no picture; or, unless they are to be
    /// left out ([`Faults::Skip`]), if a file can't be read, a class has no picture or a picture no
    /// label: the first such file, why, and how many more there are.
    pub fn open(&self) -> Result<Images> {
        self.open_with(|_| ())
    }

    /// [`open`](Self::open), with a function that is told how far it is
    /// ([`ScanBar`](super::ScanBar) shows it).
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(&self, mut progress: impl FnMut(ScanProgress)) -> Result<Images> {
        self.open_telling(&mut progress)
    }

    fn open_telling(&self, progress: &mut dyn FnMut(ScanProgress)) -> Result<Images> {
        self.validate()?;
        let root = self.folder.as_path();
        let mut notices = Vec::new();
        let mut found = walk::pictures(root)?;
        self.pass_over(std::mem::take(&mut found.failed), &mut notices)?;
        let pictures = self.with_headers(&found.pictures, progress, &mut notices)?;
        let store = Store::new(pictures.len(), self.memory);
        let set = Set::new(
            root,
            self.images.clone(),
            self.faults,
            self.decode_limit,
            pictures,
            store,
        );
        let set = match self.check {
            true => self.checked(set, progress, &mut notices)?,
            false => set,
        };
        let names = set.names();
        if names.is_empty() {
            return Err(Error::data(
                root,
                format!(
                    "holds no picture{}; files that end in png, jpg, webp, gif, bmp or tif are looked for, \
                     in it and in the folders in it",
                    if notices.is_empty() {
                        ""
                    } else {
                        " that can be read"
                    }
                ),
            ));
        }
        let known = self.labels.read(root, &found, &names, self.faults)?;
        notices.extend(known.notices);
        let set = match known.labels {
            Some(labels) => set.with_labels(&labels, known.classes),
            None => set,
        };
        if set.is_empty() {
            return Err(Error::data(root, "holds no picture that has a label"));
        }
        Ok(Images::of(set, notices))
    }

    /// Those of `names` whose headers can be read.
    fn with_headers(
        &self,
        names: &[PathBuf],
        progress: &mut dyn FnMut(ScanProgress),
        notices: &mut Vec<String>,
    ) -> Result<Vec<Picture>> {
        let header = |index: usize| {
            let path = self.folder.join(&names[index]);
            Header::read(&path, &self.images, self.decode_limit)
        };
        let headers = scan::each(names.len(), header, |done| {
            progress(ScanProgress {
                stage: ScanStage::Headers,
                done,
                total: names.len(),
            });
        });
        let (mut pictures, mut failed) = (Vec::with_capacity(names.len()), Vec::new());
        for (name, header) in names.iter().zip(headers) {
            match header {
                Ok(header) => pictures.push(Picture {
                    name: name.clone(),
                    header,
                }),
                Err(error) => failed.push(error),
            }
        }
        self.pass_over(failed, notices)?;
        Ok(pictures)
    }

    /// The set without the pictures that can't be decoded.
    fn checked(
        &self,
        set: Set,
        progress: &mut dyn FnMut(ScanProgress),
        notices: &mut Vec<String>,
    ) -> Result<Set> {
        let total = set.pictures();
        let decoded = scan::each(
            total,
            |index| set.check(index),
            |done| {
                progress(ScanProgress {
                    stage: ScanStage::Pixels,
                    done,
                    total,
                });
            },
        );
        let (mut whole, mut failed) = (Vec::with_capacity(total), Vec::new());
        for (index, decoded) in decoded.into_iter().enumerate() {
            match decoded {
                Ok(()) => whole.push(index),
                Err(error) => failed.push(error),
            }
        }
        if failed.is_empty() {
            return Ok(set);
        }
        self.pass_over(failed, notices)?;
        Ok(set.only(&whole))
    }

    /// Refuses what failed, or notes it.
    fn pass_over(&self, failed: Vec<Error>, notices: &mut Vec<String>) -> Result<()> {
        let Some(first) = failed.first() else {
            return Ok(());
        };
        match self.faults {
            Faults::Refuse => {
                let (path, problem): (&Path, String) = match first {
                    Error::Data { path, problem } => (path, problem.clone()),
                    Error::Io { path, source } => (path, source.to_string()),
                    other => (&self.folder, other.to_string()),
                };
                let more = match failed.len() {
                    1 => String::new(),
                    count => format!(" ({} more can't be read)", count - 1),
                };
                let cure = "remove it, or leave out what can't be read (`Faults::Skip`)";
                Err(Error::data(path, format!("{problem}{more}; {cure}")))
            }
            Faults::Skip => {
                let told = failed.iter().take(NOTICES);
                notices.extend(told.map(|error| format!("{error}: left out")));
                if failed.len() > NOTICES {
                    let folder = visible_path(&self.folder);
                    let count = failed.len() - NOTICES;
                    notices.push(format!(
                        "{folder}: {count} more files can't be read: left out"
                    ));
                }
                Ok(())
            }
        }
    }
}
