//! A trained generator as one file: its settings, its prior and its weights.

use std::fs;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::record::{FullPrecisionSettings, NamedMpkBytesRecorder, Recorder};
use burn::tensor::backend::Backend;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::files::write_whole;
use crate::latent::Latent;
use crate::network::parameters;

const FORMAT: &str = "burn-gan generator";
const VERSION: u32 = 1;

/// The first line of the file, as JSON; the weights follow it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Header<S> {
    format: String,
    version: u32,
    crate_version: String,
    latent: Latent,
    settings: S,
    weights_bytes: usize,
}

/// A generator read from a file: what it was made with, and weights for a network made so.
///
/// The file holds one line of JSON (settings, prior, the crate's version) and the weights behind
/// it in single precision, as burn's named MessagePack record. It is whole or absent: written
/// beside its place and renamed.
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
/// let generator = saved.restore(saved.settings().init::<Flex, 2>(&device)?, &device)?;
/// let z = saved.latent().draw(5, &mut Stream::new(1, "sample"), &device);
/// assert_eq!(generator.generate(z, &()).dims(), [5, 2]);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct SavedGenerator<S> {
    path: PathBuf,
    header: Header<S>,
    weights: Vec<u8>,
}

impl<S> SavedGenerator<S> {
    /// Writes a generator to `path`, with the settings that a network for its weights is made
    /// with. Folders above the file are made.
    ///
    /// # Errors
    /// If the settings can't be serialised or the file can't be written.
    pub fn save<B: Backend, M: Module<B>>(
        path: impl AsRef<Path>,
        settings: &S,
        latent: &Latent,
        generator: M,
    ) -> Result<()>
    where
        S: Serialize,
    {
        let path = path.as_ref();
        let weights = Recorder::<B>::record(&recorder(), generator.into_record(), ())
            .map_err(|error| refuse(path, format!("the weights can't be stored: {error}")))?;
        let header = Header {
            format: FORMAT.to_owned(),
            version: VERSION,
            crate_version: env!("CARGO_PKG_VERSION").to_owned(),
            latent: *latent,
            settings,
            weights_bytes: weights.len(),
        };
        let mut bytes = serde_json::to_vec(&header)
            .map_err(|error| refuse(path, format!("the settings can't be stored: {error}")))?;
        bytes.push(b'\n');
        bytes.extend(weights);
        write_whole(path, &bytes)
    }

    /// Reads a file written by [`save`](Self::save).
    ///
    /// # Errors
    /// If the file can't be read, is no such file, is cut short, or holds other settings.
    pub fn open(path: impl AsRef<Path>) -> Result<Self>
    where
        S: DeserializeOwned,
    {
        let path = path.as_ref();
        let mut bytes = fs::read(path).map_err(|error| Error::io(path, error))?;
        let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
            return Err(refuse(path, "is no saved generator: it has no header line"));
        };
        // Format and version first: an error about them says more than one about a missing field.
        let any: Header<serde_json::Value> = serde_json::from_slice(&bytes[..end])
            .map_err(|error| refuse(path, format!("is no saved generator: {error}")))?;
        if any.format != FORMAT || any.version != VERSION {
            return Err(refuse(
                path,
                format!(
                    "holds `{}` of version {}; this version of the crate reads `{FORMAT}` of \
                     version {VERSION}",
                    any.format, any.version
                ),
            ));
        }
        let header: Header<S> = serde_json::from_slice(&bytes[..end])
            .map_err(|error| refuse(path, format!("was saved with other settings: {error}")))?;
        let weights = bytes.split_off(end + 1);
        if weights.len() != header.weights_bytes {
            return Err(refuse(
                path,
                format!(
                    "should hold {} bytes of weights, it holds {}",
                    header.weights_bytes,
                    weights.len()
                ),
            ));
        }
        Ok(Self {
            path: path.to_owned(),
            header,
            weights,
        })
    }

    /// The settings that were stored with the weights.
    pub fn settings(&self) -> &S {
        &self.header.settings
    }

    /// The prior that the generator was trained with.
    pub fn latent(&self) -> &Latent {
        &self.header.latent
    }

    /// Puts the weights into `fresh`, a network just made from [`settings`](Self::settings).
    ///
    /// # Errors
    /// If the weights belong to a network with other parameters or shapes.
    pub fn restore<B: Backend, M: Module<B>>(&self, fresh: M, device: &B::Device) -> Result<M> {
        let expected = parameters(&fresh);
        let record = Recorder::<B>::load(&recorder(), self.weights.clone(), device)
            .map_err(|error| refuse(&self.path, format!("belongs to another network: {error}")))?;
        let restored = fresh.load_record(record);
        let found = parameters(&restored);
        if expected.len() != found.len() {
            return Err(refuse(
                &self.path,
                format!(
                    "belongs to another network: it has {} parameters, the network {}",
                    found.len(),
                    expected.len()
                ),
            ));
        }
        for (expected, found) in expected.iter().zip(&found) {
            if expected.shape != found.shape {
                return Err(refuse(
                    &self.path,
                    format!(
                        "belongs to another network: `{}` has shape {:?}, the network needs {:?}",
                        expected.name, found.shape, expected.shape
                    ),
                ));
            }
        }
        Ok(restored)
    }
}

fn recorder() -> NamedMpkBytesRecorder<FullPrecisionSettings> {
    NamedMpkBytesRecorder::default()
}

pub(super) fn refuse(path: &Path, problem: impl Into<String>) -> Error {
    Error::Weights {
        path: path.to_owned(),
        problem: problem.into(),
    }
}

#[cfg(test)]
mod tests {
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
            .restore::<NdArray, _>(settings.init(&device).expect("valid settings"), &device)
            .expect("fitting weights");
        let drawn = restored.generate(latent.draw(4, &mut z(), &device), &());
        // Two backends add in different orders.
        crate::testing::assert_close(&values(drawn), &values(expected), 1e-4, 1e-6);
        let left: Vec<_> = fs::read_dir(folder.path().join("deep"))
            .expect("the folder")
            .collect();
        assert_eq!(left.len(), 1, "no temporary file stays");
    }

    #[test]
    fn damaged_and_foreign_files_are_refused_by_name() {
        let (device, latent) = (Default::default(), Latent::normal(3));
        let settings = MlpGeneratorConfig::new(3, [2]).with_hidden([4]);
        let folder = folder();
        let path = folder.path().join("generator.gan");
        let generator = settings.init::<Cpu, 2>(&device).expect("valid settings");
        SavedGenerator::save(&path, &settings, &latent, generator).expect("a written file");
        let whole = fs::read(&path).expect("the file");
        let opened = |bytes: &[u8]| {
            fs::write(&path, bytes).expect("a writable file");
            SavedGenerator::<MlpGeneratorConfig>::open(&path)
                .expect_err("a damaged file")
                .to_string()
        };
        let cut = opened(&whole[..whole.len() - 1]);
        assert!(
            cut.contains("generator.gan") && cut.contains("bytes of weights"),
            "{cut}"
        );
        assert!(opened(b"no header").contains("no header line"));
        assert!(opened(b"{}\n").contains("no saved generator"));
        let newer = String::from_utf8_lossy(&whole).replace("\"version\":1", "\"version\":2");
        assert!(opened(newer.as_bytes()).contains("of version 2"));

        fs::write(&path, &whole).expect("a writable file");
        let saved = SavedGenerator::<MlpGeneratorConfig>::open(&path).expect("a whole file");
        let wider = settings.with_hidden([5]).init::<Cpu, 2>(&device);
        let error = saved
            .restore(wider.expect("valid settings"), &device)
            .expect_err("another network")
            .to_string();
        assert!(
            error.contains("mlp.layers.0.weight") && error.contains("[3, 5]"),
            "{error}"
        );
    }
}
