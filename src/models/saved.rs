//! A trained generator as one file: its settings, its prior and its weights.

use std::io::Read;
use std::path::{Path, PathBuf};

use burn::tensor::backend::Backend;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::files;
use crate::files::sealed::{self, Heading, Kind, Sealed, Section, Unreadable};
use crate::latent::Latent;
use crate::network::Generator;
use crate::records::{self, Types};

const KIND: Kind = Kind {
    magic: "burn-gan generator",
    noun: "saved generator",
    version: 3,
};
/// What files of the first format begin with.
const FORMAT_1: &[u8] = br#"{"format":"burn-gan generator","version":1,"#;
const WEIGHTS: &str = "weights";

/// What stands before the weights, as JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header<S> {
    crate_version: String,
    /// The name of the settings' type, to be told where they are opened as another.
    settings_type: String,
    latent: Latent,
    /// Of a generator that is told labels, where it knows how many there are.
    classes: Option<usize>,
    /// Of a generator that is conditioned on vectors, where it knows their size. Files from before
    /// this was stored have no such field, and neither have those of other generators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vector_size: Option<usize>,
    settings: S,
    sections: Vec<Section>,
}

impl Heading for Header<Value> {
    fn sections(&self) -> &[Section] {
        &self.sections
    }
}

/// A generator read from a file: what it was made with, and weights for a network made so.
///
/// The file holds a SHA-256 of what follows it, one line of JSON (settings, prior, number of
/// classes or size of vectors, the crate's version) and the weights after it, in the precision that they have: a list
/// of their names, types and shapes in JSON, and their numbers. It is whole or absent: written
/// beside its place and renamed. What it holds is looked through before a network takes it; floats
/// of another width than the network's are converted.
///
/// ```
/// use burn_gan::burn::backend::Flex;
/// use burn_gan::models::{MlpGeneratorConfig, SavedGenerator};
/// use burn_gan::{Latent, random::Stream, network::Generator};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("generator.gan");
/// let device = Default::default();
/// let latent = Latent::normal(8);
/// let settings = MlpGeneratorConfig::new(latent.dimensions(), [2]);
/// let generator = settings.init::<Flex, 2>(&device)?;
/// SavedGenerator::save(&path, &settings, &latent, generator)?;
///
/// let saved = SavedGenerator::<MlpGeneratorConfig>::open(&path)?;
/// let generator = saved.restore(saved.settings().init::<Flex, 2>(&device)?)?;
/// let z = saved.latent().draw(5, &mut Stream::new(1, "sample"), &device);
/// assert_eq!(generator.generate(z, &()).dims(), [5, 2]);
/// # Ok::<(), burn_gan::Error>(())
/// ```
///
/// A generator that is told labels is made with the classes that the file names, and one that is
/// conditioned on vectors by `init_on_vectors` with [`vector_size`](Self::vector_size):
///
/// ```
/// # use burn_gan::burn::backend::Flex;
/// # use burn_gan::models::{MlpGeneratorConfig, SavedGenerator};
/// # use burn_gan::Latent;
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("generator.gan");
/// # let device = Default::default();
/// # let settings = MlpGeneratorConfig::new(8, [2]);
/// # let generator = settings.init_conditional::<Flex, 2>(10, &device)?;
/// # SavedGenerator::save(&path, &settings, &Latent::normal(8), generator)?;
/// let saved = SavedGenerator::<MlpGeneratorConfig>::open(&path)?;
/// let classes = saved.classes().expect("it is told labels");
/// let fresh = saved.settings().init_conditional::<Flex, 2>(classes, &device)?;
/// let generator = saved.restore(fresh)?;
/// # let _ = generator;
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct SavedGenerator<S> {
    path: PathBuf,
    latent: Latent,
    classes: Option<usize>,
    vector_size: Option<usize>,
    settings: S,
    weights: Vec<u8>,
}

/// The last part of a type's name.
fn type_name<S>() -> &'static str {
    let whole = std::any::type_name::<S>();
    let end = whole.find('<').unwrap_or(whole.len());
    let start = whole[..end].rfind("::").map_or(0, |place| place + 2);
    &whole[start..]
}

impl<S> SavedGenerator<S> {
    /// Writes a generator to `path`, with the settings that a network for its weights is made
    /// with. Folders above the file are made.
    ///
    /// # Errors
    /// If the settings can't be serialised, a weight is not finite, the prior's latents are not
    /// those that the settings of a stock network say, or the file can't be written.
    pub fn save<B: Backend, M: Generator<B>>(
        path: impl AsRef<Path>,
        settings: &S,
        latent: &Latent,
        generator: M,
    ) -> Result<()>
    where
        S: Serialize,
    {
        let path = path.as_ref();
        let plain = serde_json::to_value(settings)
            .map_err(|error| refuse(path, format!("the settings can't be stored: {error}")))?;
        same_latent(type_name::<S>(), &plain, latent).map_err(|problem| refuse(path, problem))?;
        let (classes, vector_size) = (generator.classes(), generator.vector_size());
        let weights = records::of::<B, M>(&generator);
        let weights = records::finite(&weights)
            .and_then(|()| records::write(&weights))
            .map_err(|problem| refuse(path, format!("the weights can't be stored: {problem}")))?;
        let sections = [(WEIGHTS, weights)];
        let header = Header {
            crate_version: env!("CARGO_PKG_VERSION").to_owned(),
            settings_type: type_name::<S>().to_owned(),
            latent: latent.clone(),
            classes,
            vector_size,
            settings: plain,
            sections: sealed::list(&sections),
        };
        let header = serde_json::to_string(&header)
            .map_err(|error| refuse(path, format!("the settings can't be stored: {error}")))?;
        sealed::write(path, &KIND, &header, &sections)?;
        Ok(())
    }

    /// Reads a file written by [`save`](Self::save).
    ///
    /// # Errors
    /// If the file can't be read, is no such file, is damaged, of another format, or holds other
    /// settings.
    pub fn open(path: impl AsRef<Path>) -> Result<Self>
    where
        S: DeserializeOwned,
    {
        let path = path.as_ref();
        let (header, weights) = read(path)?;
        let settings = serde_json::from_value(header.settings).map_err(|error| {
            let (stored, asked) = (header.settings_type, type_name::<S>());
            let problem = if stored == asked {
                format!("was saved with other settings: {error}")
            } else {
                format!(
                    "holds the settings of a `{stored}`, not of a `{asked}`: open it as \
                     `SavedGenerator::<{stored}>` ({error})"
                )
            };
            refuse(path, problem)
        })?;
        Ok(Self {
            path: path.to_owned(),
            latent: header.latent,
            classes: header.classes,
            vector_size: header.vector_size,
            settings,
            weights,
        })
    }

    /// The settings that were stored with the weights.
    pub fn settings(&self) -> &S {
        &self.settings
    }

    /// The prior that the generator was trained with.
    pub fn latent(&self) -> &Latent {
        &self.latent
    }

    /// The number of classes, where the generator is told labels and knows it
    /// ([`Generator::classes`]).
    pub fn classes(&self) -> Option<usize> {
        self.classes
    }

    /// The numbers of a vector, where the generator is conditioned on vectors and knows it
    /// ([`Generator::vector_size`]). `None` of a file from before this was stored.
    pub fn vector_size(&self) -> Option<usize> {
        self.vector_size
    }

    /// Puts the weights into `fresh`, a network just made from [`settings`](Self::settings), for
    /// [`classes`](Self::classes) or [`vector_size`](Self::vector_size) where the file names one.
    ///
    /// # Errors
    /// If the weights belong to a network with other parameters, shapes, classes or vectors, or one
    /// of them is not finite.
    pub fn restore<B: Backend, M: Generator<B>>(&self, fresh: M) -> Result<M> {
        self.same_vectors(fresh.vector_size())?;
        self.same_classes(fresh.classes())?;
        records::load::<B, M>(&self.weights, fresh, Types::OfItsKind)
            .map_err(|problem| refuse(&self.path, format!("belongs to another network: {problem}")))
    }

    /// A file that says nothing of vectors may be older than the field: its weights tell.
    fn same_vectors(&self, now: Option<usize>) -> Result<()> {
        let Some(stored) = self.vector_size.filter(|stored| now != Some(*stored)) else {
            return Ok(());
        };
        let network = now.map_or("on none".to_owned(), |now| format!("on ones of {now}"));
        let problem = format!(
            "is of a generator that is conditioned on vectors of {stored} numbers, the network is \
             conditioned {network}: make it for the saved vectors (`init_on_vectors({stored}, …)`)"
        );
        Err(refuse(&self.path, problem))
    }

    fn same_classes(&self, now: Option<usize>) -> Result<()> {
        let problem = match (self.classes, now) {
            (stored, now) if stored == now => return Ok(()),
            (Some(stored), None) => format!(
                "is of a conditional generator, which is told one of {stored} classes; the network \
                 is told none: make it for the saved classes (`init_conditional({stored}, …)`)"
            ),
            (None, Some(now)) => format!(
                "is of an unconditional generator; the network is told one of {now} classes: make \
                 it without labels (`init(…)`)"
            ),
            (Some(stored), Some(now)) => format!(
                "is of a generator for {stored} classes, the network is one for {now}: make it for \
                 the saved classes (`init_conditional({stored}, …)`)"
            ),
            (None, None) => return Ok(()),
        };
        Err(refuse(&self.path, problem))
    }
}

/// The name of the settings that a file of [`SavedGenerator`] holds: what to open it as.
pub(crate) fn settings_type(path: &Path) -> Result<String> {
    Ok(read(path)?.0.settings_type)
}

/// A file's header and weights.
fn read(path: &Path) -> Result<(Header<Value>, Vec<u8>)> {
    let unreadable = |error: Unreadable| error.at(path, refuse);
    let file = match Sealed::<Header<Value>>::open(path, &KIND) {
        Err(Unreadable::Foreign(_)) if is_format_1(path) => {
            return Err(refuse(
                path,
                "is a saved generator of format 1, which has no checksum; this version of the \
                 crate reads format 3: save it again with a version that reads both, or from its \
                 run's checkpoint",
            ));
        }
        other => other.map_err(unreadable)?,
    };
    let Some(weights) = file.section(WEIGHTS).map_err(unreadable)? else {
        return Err(refuse(path, "has no section `weights`"));
    };
    let latent = file.header.latent.validate();
    latent.map_err(|error| refuse(path, format!("has a prior that can't be: {error}")))?;
    let header = &file.header;
    same_latent(&header.settings_type, &header.settings, &header.latent)
        .map_err(|problem| refuse(path, problem))?;
    Ok((file.header, weights))
}

/// Refuses a prior of other latents than the settings of a stock network say; what the field means
/// in others is not known.
fn same_latent(settings_type: &str, settings: &Value, latent: &Latent) -> Result<(), String> {
    let stock = [
        "MlpGeneratorConfig",
        "DcganGeneratorConfig",
        "ImageGeneratorConfig",
        "ResNetGeneratorConfig",
        "R3ganGeneratorConfig",
        "StyleGan2GeneratorConfig",
        "LightGeneratorConfig",
        "SeriesGeneratorConfig",
    ];
    let drawn = latent.dimensions();
    match settings["latent"].as_u64() {
        Some(taken) if stock.contains(&settings_type) && taken != drawn as u64 => Err(format!(
            "has a prior of {drawn} components, and a generator that takes {taken}"
        )),
        _ => Ok(()),
    }
}

fn is_format_1(path: &Path) -> bool {
    let mut start = [0; FORMAT_1.len()];
    files::open(path).is_ok_and(|(mut file, _)| file.read_exact(&mut start).is_ok())
        && start == *FORMAT_1
}

pub(crate) fn refuse(path: &Path, problem: impl Into<String>) -> Error {
    Error::Weights {
        path: path.to_owned(),
        problem: problem.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::models::{DcganGeneratorConfig, MlpGeneratorConfig};
    use crate::network::Generator;
    use crate::random::Stream;
    use crate::testing::{Cpu, values};
    use burn::backend::{Autodiff, NdArray};
    use burn::module::AutodiffModule;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("a temporary folder")
    }

    #[test]
    fn a_trained_generator_draws_the_same_on_another_backend_with_its_statistics() {
        type B = Autodiff<Cpu>;
        let (device, latent) = (Default::default(), Latent::normal(3));
        let settings = DcganGeneratorConfig::new(3, [1, 8, 9]).with_width(2);
        let generator = settings.init::<B>(&device).expect("valid settings");
        // A forward pass with the tape moves the batch norms' running statistics.
        let z = || Stream::new(5, "z");
        let _ = generator.generate(latent.draw(16, &mut z(), &device), &());
        let expected = generator
            .valid()
            .generate(latent.draw(4, &mut z(), &device), &());

        let folder = folder();
        let path = folder.path().join("deep/generator.gan");
        SavedGenerator::save(&path, &settings, &latent, generator).expect("a written file");
        let saved = SavedGenerator::<DcganGeneratorConfig>::open(&path).expect("a readable file");
        assert_eq!(saved.settings(), &settings);
        assert_eq!(saved.latent(), &latent);
        let device = Default::default();
        let restored = saved
            .restore::<NdArray, _>(settings.init(&device).expect("valid settings"))
            .expect("fitting weights");
        let drawn = restored.generate(latent.draw(4, &mut z(), &device), &());
        // Two backends add in different orders.
        crate::testing::assert_close(&values(drawn), &values(expected), 1e-4, 1e-6);
        let left: Vec<_> = fs::read_dir(folder.path().join("deep"))
            .expect("the folder")
            .collect();
        assert_eq!(left.len(), 1, "no temporary file stays");
    }

    fn small() -> MlpGeneratorConfig {
        MlpGeneratorConfig::new(3, [2]).with_hidden([4])
    }

    /// A saved generator, its file and the file's bytes.
    fn saved() -> (tempfile::TempDir, PathBuf, Vec<u8>) {
        let folder = folder();
        let path = folder.path().join("generator.gan");
        let generator = small().init::<Cpu, 2>(&Default::default());
        let generator = generator.expect("valid settings");
        SavedGenerator::save(&path, &small(), &Latent::normal(3), generator)
            .expect("a written file");
        let whole = fs::read(&path).expect("the file");
        (folder, path, whole)
    }

    fn refused(path: &Path) -> String {
        let error = SavedGenerator::<MlpGeneratorConfig>::open(path).expect_err("a wrong file");
        assert!(matches!(error, Error::Weights { .. }), "{error:?}");
        let error = error.to_string();
        assert!(error.contains("generator.gan: "), "{error}");
        error
    }

    #[test]
    fn every_truncation_and_every_flipped_bit_is_refused() {
        let (_folder, path, whole) = saved();
        let opened = |bytes: &[u8]| {
            fs::write(&path, bytes).expect("a writable file");
            refused(&path)
        };
        for length in 0..whole.len() {
            if length < 300 || length % 20 == 0 || length + 5 > whole.len() {
                opened(&whole[..length]);
            }
        }
        for place in (0..whole.len()).filter(|place| *place < 300 || place % 20 == 0) {
            let mut bytes = whole.clone();
            bytes[place] ^= 1 << (place % 8);
            opened(&bytes);
        }
        assert!(opened(&[whole.as_slice(), b"0"].concat()).contains("is damaged"));
        assert!(opened(b"no header").contains("is no saved generator"));
        assert!(opened(b"{}\n").contains("is no saved generator"));
        assert!(opened(b"burn-gan checkpoint 2\n").contains("begins as a `checkpoint 2`"));
        assert!(opened(b"burn-gan generator 2\n").contains("of format 2"));
        let first = br#"{"format":"burn-gan generator","version":1,"crate_version":"0.1.0"}"#;
        assert!(opened(first).contains("of format 1, which has no checksum"));
        fs::write(&path, &whole).expect("a writable file");
        assert!(SavedGenerator::<MlpGeneratorConfig>::open(&path).is_ok());
        let absent = SavedGenerator::<MlpGeneratorConfig>::open(path.with_extension("absent"));
        assert!(matches!(absent, Err(Error::Io { .. })));
        let folder = SavedGenerator::<MlpGeneratorConfig>::open(path.parent().expect("it"));
        assert!(matches!(folder, Err(Error::Io { .. })));
    }

    #[test]
    fn weights_of_another_network_are_refused_by_what_differs() {
        let (_folder, path, _) = saved();
        let saved = SavedGenerator::<MlpGeneratorConfig>::open(&path).expect("a whole file");
        let device = Default::default();
        let refused = |settings: MlpGeneratorConfig, words: &[&str]| {
            let fresh = settings.init::<Cpu, 2>(&device).expect("valid settings");
            let error = saved.restore(fresh).expect_err("another network");
            assert!(matches!(error, Error::Weights { .. }));
            let error = error.to_string();
            for words in words {
                assert!(error.contains(words), "no `{words}` in: {error}");
            }
        };
        refused(
            small().with_hidden([5]),
            &["`mlp.layers.0.weight`", "[3, 4]", "[3, 5]"],
        );
        refused(
            small().with_hidden([4, 4]),
            &["`mlp.layers.1.weight`", "[4, 2]", "[4, 4]"],
        );
        refused(
            small().with_hidden([4, 2]),
            &["it has no `mlp.layers.2.weight`"],
        );
        let mut shorter = small().with_hidden([]);
        shorter.shape = vec![4];
        refused(shorter, &["the network has no `mlp.layers.1.weight`"]);
        // Nothing of a network that is larger than the file is drawn.
        refused(
            small().with_hidden([1 << 20]),
            &["belongs to another network: the network has"],
        );
        let images = MlpGeneratorConfig::new(3, [1, 2]).with_hidden([4]);
        let same = saved.restore(images.init::<Cpu, 3>(&device).expect("valid"));
        assert!(same.is_ok(), "the same weights, another shape of samples");
    }

    /// The file with its weights changed and its checksum right.
    fn resealed(path: &Path, change: &dyn Fn(Vec<u8>) -> Vec<u8>) {
        let file = Sealed::<Header<Value>>::open(path, &KIND).expect("a whole file");
        let weights = file.section(WEIGHTS).expect("it").expect("it");
        let sections = [(WEIGHTS, change(weights))];
        let header = Header {
            sections: sealed::list(&sections),
            ..file.header
        };
        let header = serde_json::to_string(&header).expect("JSON");
        sealed::write(path, &KIND, &header, &sections).expect("a written file");
    }

    /// All places of `from`, as the first of which `to` is put.
    fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
        let mut windows = bytes.windows(from.len());
        let place = windows.position(|part| part == from).expect("the words");
        [&bytes[..place], to, &bytes[place + from.len()..]].concat()
    }

    #[test]
    fn weights_with_a_right_checksum_that_can_not_be_are_refused() {
        let device = Default::default();
        type Change = Box<dyn Fn(Vec<u8>) -> Vec<u8>>;
        /// The length of the list of tensors, and the first of their numbers.
        fn start(bytes: &[u8]) -> usize {
            let length = bytes.first_chunk::<8>().expect("a length");
            8 + u64::from_le_bytes(*length) as usize
        }
        let number = |value: f32| -> Change {
            Box::new(move |mut bytes| {
                let start = start(&bytes);
                bytes[start..start + 4].copy_from_slice(&value.to_ne_bytes());
                bytes
            })
        };
        // Words in the list become others, and its length is right.
        let words = |from: &'static str, to: &'static str| -> Change {
            Box::new(move |bytes| {
                let (list, numbers) = bytes.split_at(start(&bytes));
                let list = replaced(&list[8..], from.as_bytes(), to.as_bytes());
                let length = (list.len() as u64).to_le_bytes();
                [&length, list.as_slice(), numbers].concat()
            })
        };
        let changes: Vec<(Change, &str)> = vec![
            (
                number(f32::NAN),
                "`mlp.layers.0.weight` holds a number that is not finite",
            ),
            (number(f32::INFINITY), "not finite"),
            (words("[3,4]", "[4,3]"), "[4, 3]"),
            (words("[3,4]", "[12]"), "has shape [12] in it"),
            (words("[3,4]", "[3,5]"), "is of shape"),
            (words("[3,4]", "[3,-4]"), "can't be read"),
            (words("[3,4]", "[9223372036854775807,4]"), "bytes are left"),
            (words("\"f32\"", "\"i32\""), "is of type i32"),
            (words("\"f32\"", "\"f99\""), "is of type f99"),
            (words("\"f32\"", "\"f64\""), "bytes are left"),
            (
                words("0.weight", "0.weighs"),
                "the network has no `mlp.layers.0.weighs`",
            ),
            (words("0.weight", "1.weight"), "two tensors"),
            (
                words("\"shape\":[3,4]", "\"shape\":[3,4],\"same_as\":\"b\""),
                "the same parameter as `b` in it",
            ),
            (
                words("\"shape\":[3,4]", "\"shape\":[3,4],\"x\":1"),
                "unknown field",
            ),
            (
                Box::new(|bytes| bytes[..bytes.len() - 1].to_vec()),
                "bytes are left",
            ),
            (
                Box::new(|bytes| [bytes, vec![0]].concat()),
                "1 bytes follow its end",
            ),
            (Box::new(|_| vec![]), "another network"),
            (Box::new(|_| vec![0xff; 1_000]), "it ends before its list"),
            (
                Box::new(|_| [&1_000_u64.to_le_bytes(), [b'['; 1_000].as_slice()].concat()),
                "can't be read",
            ),
            (Box::new(|_| vec![0; 1_000]), "can't be read"),
        ];
        for (change, words) in changes {
            let (_folder, path, _) = saved();
            resealed(&path, &change);
            let saved = SavedGenerator::<MlpGeneratorConfig>::open(&path).expect("a right sum");
            let fresh = small().init::<Cpu, 2>(&device).expect("valid settings");
            let error = saved.restore(fresh).expect_err("wrong weights");
            let error = error.to_string();
            assert!(error.contains(words), "no `{words}` in: {error}");
        }
    }

    #[test]
    fn a_prior_of_other_latents_than_the_generator_takes_is_refused() {
        let (_folder, path, _) = saved();
        let fresh = small().init::<Cpu, 2>(&Default::default());
        let other = Latent::normal(4);
        let error = SavedGenerator::save(&path, &small(), &other, fresh.expect("valid"));
        let error = error.expect_err("another prior").to_string();
        assert!(
            error.contains("of 4 components") && error.contains("takes 3"),
            "{error}"
        );
        let file = Sealed::<Header<Value>>::open(&path, &KIND).expect("a whole file");
        let sections = [(WEIGHTS, file.section(WEIGHTS).expect("it").expect("it"))];
        for (dimensions, words) in [(4, "of 4 components"), (0, "a prior that can't be")] {
            let mut header = file.header.clone();
            header.latent = Latent::normal(dimensions);
            let header = serde_json::to_string(&header).expect("JSON");
            sealed::write(&path, &KIND, &header, &sections).expect("a written file");
            let error = refused(&path);
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn vectors_are_named_with_the_way_out_and_older_files_are_read() {
        let (device, latent) = (Default::default(), Latent::normal(3));
        let (_folder, path, whole) = saved();
        let open = || SavedGenerator::<MlpGeneratorConfig>::open(&path).expect("a whole file");
        let plain = || small().init::<Cpu, 2>(&device).expect("valid settings");
        let on = |size| {
            let on = small().init_on_vectors::<Cpu, 2>(size, &device);
            on.expect("valid settings")
        };
        // What older versions wrote, and read.
        assert!(!String::from_utf8_lossy(&whole).contains("vector_size"));
        assert_eq!(open().vector_size(), None);
        assert!(open().restore(on(5)).is_err(), "other weights");

        SavedGenerator::save(&path, &small(), &latent, on(5)).expect("a written file");
        assert_eq!((open().classes(), open().vector_size()), (None, Some(5)));
        assert!(open().restore(on(5)).is_ok());
        let told = small().init_conditional::<Cpu, 2>(5, &device);
        for error in [
            open().restore(plain()).map(|_| ()),
            open().restore(on(4)).map(|_| ()),
            open().restore(told.expect("valid settings")).map(|_| ()),
        ] {
            let error = error.expect_err("other vectors").to_string();
            assert!(
                error.contains("vectors of 5 numbers") && error.contains("`init_on_vectors(5, …)`"),
                "{error}"
            );
        }

        let file = Sealed::<Header<Value>>::open(&path, &KIND).expect("a whole file");
        let sections = [(WEIGHTS, file.section(WEIGHTS).expect("it").expect("it"))];
        let header = serde_json::to_string(&file.header).expect("JSON");
        let before = replaced(header.as_bytes(), br#""vector_size":5,"#, b"");
        let before = String::from_utf8(before).expect("JSON");
        sealed::write(&path, &KIND, &before, &sections).expect("a written file");
        assert_eq!(open().vector_size(), None);
        assert!(
            open().restore(on(5)).is_ok(),
            "its weights are those of the network"
        );
        assert!(open().restore(on(4)).is_err() && open().restore(plain()).is_err());
    }

    #[test]
    fn labels_and_other_settings_are_named_with_the_way_out() {
        let (device, latent) = (Default::default(), Latent::normal(3));
        let (_folder, path, _) = saved();
        let open = || SavedGenerator::<MlpGeneratorConfig>::open(&path).expect("a whole file");
        let plain = || small().init::<Cpu, 2>(&device).expect("valid settings");
        let told = |classes| {
            let told = small().init_conditional::<Cpu, 2>(classes, &device);
            told.expect("valid settings")
        };
        assert_eq!(open().classes(), None);
        let error = open().restore(told(7)).expect_err("labels");
        let error = error.to_string();
        assert!(
            error.contains("unconditional") && error.contains("`init(…)`"),
            "{error}"
        );

        SavedGenerator::save(&path, &small(), &latent, told(7)).expect("a written file");
        assert_eq!(open().classes(), Some(7));
        assert!(open().restore(told(7)).is_ok());
        for error in [
            open().restore(plain()).map(|_| ()),
            open().restore(told(6)).map(|_| ()),
        ] {
            let error = error.expect_err("other labels").to_string();
            assert!(
                error.contains("7 classes") && error.contains("`init_conditional(7, …)`"),
                "{error}"
            );
        }
        let images = DcganGeneratorConfig::new(3, [1, 8, 8]).with_width(2);
        let network = images.init::<Cpu>(&device).expect("valid settings");
        SavedGenerator::save(&path, &images, &latent, network).expect("a written file");
        let error = refused(&path);
        assert!(
            error.contains("`SavedGenerator::<DcganGeneratorConfig>`"),
            "{error}"
        );
        assert_eq!(
            type_name::<Vec<Option<u8>>>(),
            "Vec<core::option::Option<u8>>"
        );
    }
}
