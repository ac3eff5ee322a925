//! Weights for other programs and from them: the safetensors format both ways, PyTorch's files inwards.

#[cfg(all(test, feature = "pytorch"))]
mod golden;
mod load;
#[cfg(feature = "pytorch")]
mod pickle;
#[cfg(feature = "pytorch")]
mod state_dict;
mod stored;
mod table;

pub use load::{StoredWeight, Unmatched, load_weights, load_weights_in_part, stored_weights};
pub use table::{Renamed, WeightTable};

use std::collections::BTreeMap;
use std::path::Path;

use burn::module::Module;
use burn::tensor::backend::Backend;
use burn_store::{ModuleSnapshot, ModuleStore, SafetensorsStore, TensorSnapshot};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::refuse;
use crate::error::{Error, Result};
use crate::files::{self, write_whole};
use crate::network::guard::quietly;
use crate::network::initialize;
use crate::records;
use crate::text::hex;

/// Writes every parameter and buffer of a module (running statistics and the vectors of spectral
/// norms included) to one safetensors file, in the precision that it has. Folders above the file
/// are made; the file is whole or absent.
///
/// Names are the module's paths (`blocks.0.conv.weight`), shapes are this crate's: a linear weight
/// is `[d_input, d_output]`, PyTorch's transpose. `metadata` goes into the header beside `format`,
/// `producer` and `version`. The same weights and metadata give the same bytes.
///
/// An export of weights, nothing more: the format has no checksum, and it keeps no parameter's
/// identity, by which an optimiser finds its memory. A run is resumed from a checkpoint; a
/// generator with its settings is a [`SavedGenerator`](super::SavedGenerator).
///
/// ```
/// use burn_gan::burn::backend::{Autodiff, Flex};
/// use burn_gan::burn::module::AutodiffModule;
/// use burn_gan::models::{DcganGeneratorConfig, load_safetensors, save_safetensors};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("generator.safetensors");
/// let device = Default::default();
/// let settings = DcganGeneratorConfig::new(16, [1, 8, 8]).with_width(4);
/// let trained = settings.init::<Autodiff<Flex>>(&device)?;
/// save_safetensors(&path, &trained.valid(), &[("trained_on", "digits".to_owned())])?;
///
/// let again = load_safetensors(&path, settings.init::<Flex>(&device)?)?;
/// # let _ = again;
/// # Ok::<(), burn_gan::Error>(())
/// ```
///
/// # Errors
/// If a parameter is of a kind that the format does not have, or the file can't be written.
pub fn save_safetensors<B: Backend, M: Module<B>>(
    path: impl AsRef<Path>,
    module: &M,
    metadata: &[(&str, String)],
) -> Result<()> {
    let path = path.as_ref();
    initialize(module);
    // Running statistics keep their last update apart, where a visit does not see it; making a
    // record puts it in its place, for all clones.
    let _ = module.clone().into_record();
    let mut store = SafetensorsStore::from_bytes(None);
    for (key, value) in metadata {
        store = store.metadata(*key, value);
    }
    // The store panics where the format has no such type (quantised weights).
    let bytes = quietly(|| {
        module.save_into(&mut store)?;
        store.get_bytes()
    })
    .map_err(|words| refuse(path, format!("can't be stored: {words}")))?
    .map_err(|error| refuse(path, format!("can't be stored: {error}")))?;
    let Some(bytes) = in_order(&bytes) else {
        return Err(refuse(
            path,
            "can't be stored: its header can't be read back",
        ));
    };
    write_whole(path, &bytes)
}

/// Puts the weights of a safetensors file into `fresh`, a module just made with the settings of
/// the saved one. Parameters keep their identity and whether they take a gradient.
///
/// Numbers of another floating type than the parameter's are converted to it; of its own, they
/// come back bit for bit.
///
/// # Errors
/// If the file can't be read or is no whole safetensors file, if a parameter is missing, has
/// another shape, or holds no floats where floats are needed, or if the file has a tensor that the
/// module has not: by file and name. A flipped bit among the numbers can't be noticed.
pub fn load_safetensors<B: Backend, M: Module<B>>(path: impl AsRef<Path>, fresh: M) -> Result<M> {
    let path = path.as_ref();
    let bytes = files::read(path).map_err(|error| Error::io(path, error))?;
    load::small_enough::<B, M>(path, &fresh, bytes.len())?;
    let stored = load::safetensors(path, bytes)?;
    let (network, _) = load::fill(path, stored, fresh, &WeightTable::burn(), true)?;
    Ok(network)
}

/// A SHA-256 of a module's parameters and buffers, in hexadecimal: of their names, types and shapes
/// and of their numbers, whichever backend they are on. Modules of one hash compute the same.
///
/// # Errors
/// If a parameter is of a kind that is not stored (quantised weights), or not finite.
pub fn weights_hash<B: Backend, M: Module<B>>(module: &M) -> Result<String> {
    let stored = records::of::<B, M>(module);
    let bytes = records::finite(&stored).and_then(|()| records::write(&stored));
    let bytes = bytes.map_err(|problem| Error::data("the weights", problem))?;
    Ok(hex(&Sha256::digest(&bytes)))
}

/// The tensors of a safetensors file's bytes by their names; their numbers are read when somebody
/// asks for them.
pub(crate) fn stored_tensors(
    path: &Path,
    bytes: Vec<u8>,
) -> Result<BTreeMap<String, TensorSnapshot>> {
    let mut store = SafetensorsStore::from_bytes(Some(bytes));
    let stored = quietly(|| store.get_all_snapshots().cloned())
        .map_err(|words| foreign(path, words))?
        .map_err(|error| foreign(path, error.to_string()))?;
    Ok(stored)
}

fn foreign(path: &Path, problem: String) -> Error {
    refuse(path, format!("is no whole safetensors file: {problem}"))
}

/// Whether a file's bytes begin as those of `torch.save` do: an archive, or a pickle.
fn of_pytorch(bytes: &[u8]) -> bool {
    // A safetensors file begins with the length of its header, in eight bytes, and a brace.
    let safetensors = bytes.get(8) == Some(&b'{');
    let pickle = bytes.first() == Some(&0x80) && bytes.get(1).is_some_and(|version| *version < 6);
    bytes.starts_with(b"PK\x03\x04") || pickle && !safetensors
}

/// Names in an error: not more than are read.
fn listed(names: impl Iterator<Item = String>) -> String {
    const SHOWN: usize = 20;
    const LENGTH: usize = 200;
    let names: Vec<String> = names.collect();
    let short = |name: &String| match name.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.clone(),
    };
    let shown: Vec<String> = names.iter().take(SHOWN).map(short).collect();
    match names.len().saturating_sub(SHOWN) {
        0 if names.is_empty() => "nothing".to_owned(),
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// The header of a safetensors file, its metadata in the order of their names.
#[derive(Serialize, Deserialize)]
struct Header {
    #[serde(rename = "__metadata__", default)]
    metadata: BTreeMap<String, String>,
    #[serde(flatten)]
    tensors: BTreeMap<String, serde_json::Value>,
}

/// The same file with its header in order: the store's comes from a hash map.
fn in_order(bytes: &[u8]) -> Option<Vec<u8>> {
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    let (header, data) = rest.split_at_checked(length)?;
    let header: Header = serde_json::from_slice(header).ok()?;
    let mut header = serde_json::to_vec(&header).ok()?;
    // Numbers start at a multiple of 8, as the format wants it.
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut sorted = (header.len() as u64).to_le_bytes().to_vec();
    sorted.extend(header);
    sorted.extend(data);
    Some(sorted)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::Latent;
    use crate::models::{DcganGeneratorConfig, MlpGeneratorConfig};
    use crate::network::Generator;
    use crate::nn::{Linear, LinearConfig, SpectralNorm, update_spectral_norms};
    use crate::random::Stream;
    use crate::testing::{Cpu, for_each_autodiff_backend, for_each_backend, parameters, values};
    use burn::backend::Autodiff;
    use burn::module::{AutodiffModule, Param};
    use burn::optim::GradientsParams;
    use burn::tensor::backend::AutodiffBackend;
    use burn::tensor::{DType, Distribution, Tensor, TensorData};

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("a temporary folder")
    }

    /// A safetensors file by the format's description: header length, JSON, numbers. Name, type,
    /// shape and values of each tensor, and the metadata.
    type Parsed = (
        BTreeMap<String, (String, Vec<usize>, Vec<f64>)>,
        BTreeMap<String, String>,
    );

    fn parsed(path: &Path) -> Parsed {
        let bytes = fs::read(path).expect("the file");
        let length = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")) as usize;
        assert!(length.is_multiple_of(8), "numbers are aligned");
        let header: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(&bytes[8..8 + length]).expect("a header");
        let data = &bytes[8 + length..];
        let mut metadata = BTreeMap::new();
        let mut tensors = BTreeMap::new();
        let mut covered = 0;
        for (name, entry) in header {
            if name == "__metadata__" {
                metadata = serde_json::from_value(entry).expect("strings");
                continue;
            }
            let dtype = entry["dtype"].as_str().expect("a type").to_owned();
            let shape: Vec<usize> =
                serde_json::from_value(entry["shape"].clone()).expect("a shape");
            let [start, end]: [usize; 2] =
                serde_json::from_value(entry["data_offsets"].clone()).expect("offsets");
            covered += end - start;
            let numbers: Vec<f64> = match dtype.as_str() {
                "F32" => data[start..end]
                    .chunks_exact(4)
                    .map(|x| f32::from_le_bytes(x.try_into().expect("four bytes")).into())
                    .collect(),
                "F64" => data[start..end]
                    .chunks_exact(8)
                    .map(|x| f64::from_le_bytes(x.try_into().expect("eight bytes")))
                    .collect(),
                other => panic!("{other}"),
            };
            assert_eq!(numbers.len(), shape.iter().product::<usize>(), "{name}");
            tensors.insert(name, (dtype, shape, numbers));
        }
        assert_eq!(covered, data.len(), "no byte without a tensor");
        (tensors, metadata)
    }

    fn a_dcgan_comes_back_bit_for_bit_with_its_statistics<B: AutodiffBackend>() {
        let device = B::Device::default();
        let folder = folder();
        let settings = DcganGeneratorConfig::new(3, [1, 16, 16]).with_width(2);
        let trained = settings.init::<B>(&device).expect("valid settings");
        initialize(&trained);
        let before = parameters(&trained.valid());
        let z = || Tensor::<B, 2>::ones([6, 3], &device) * 0.3;
        let noise = Tensor::random([6, 3], Distribution::Normal(0.0, 1.0), &device);
        let _ = trained.generate(noise, &());

        // With the statistics still on their way, as a visit of the trained module would miss them.
        let path = folder.path().join("deep/pending.safetensors");
        save_safetensors(&path, &trained, &[]).expect("a written file");
        let expected = parameters(&trained.valid());
        assert_ne!(before, expected, "the pass moved the statistics");
        let (tensors, _) = parsed(&path);
        assert_eq!(tensors["norm.running_mean"].1, [4]);
        let fresh = settings.init::<B>(&device).expect("valid settings");
        let loaded = load_safetensors(&path, fresh).expect("a fitting file");
        assert_eq!(parameters(&loaded.valid()), expected);

        // Without the tape, as documented: the same bytes.
        let valid = folder.path().join("valid.safetensors");
        save_safetensors(&valid, &trained.valid(), &[]).expect("a written file");
        assert_eq!(
            fs::read(&path).expect("a file"),
            fs::read(&valid).expect("a file")
        );
        let fresh = settings.init(&device).expect("valid settings");
        let loaded = load_safetensors::<B::InnerBackend, _>(&valid, fresh).expect("fits");
        let drawn = |x: Tensor<B::InnerBackend, 4>| values(x);
        assert_eq!(
            drawn(loaded.generate(z().inner(), &())),
            drawn(trained.valid().generate(z().inner(), &()))
        );
    }

    fn spectral<B: Backend>() -> SpectralNorm<B, Linear<B>> {
        SpectralNorm::new(LinearConfig::new(4, 3).init(&Default::default()))
    }

    fn spectral_vectors_are_stored_and_take_no_gradient<B: AutodiffBackend>() {
        let folder = folder();
        let path = folder.path().join("spectral.safetensors");
        let layer = update_spectral_norms::<B, _>(spectral(), 3);
        save_safetensors(&path, &layer.valid(), &[]).expect("a written file");
        let (tensors, _) = parsed(&path);
        let names: Vec<_> = tensors.keys().map(String::as_str).collect();
        assert_eq!(names, ["layer.bias", "layer.weight", "u", "v"]);
        let loaded = load_safetensors(&path, spectral::<B>()).expect("a fitting file");
        assert_eq!(parameters::<B, _>(&loaded), parameters::<B, _>(&layer));
        let y = loaded.forward(Tensor::<B, 2>::ones([2, 4], &Default::default()));
        let gradients = GradientsParams::from_grads(y.sum().backward(), &loaded);
        assert_eq!(gradients.len(), 2, "weight and bias");
    }

    mod tracked {
        use super::*;
        for_each_autodiff_backend!(
            a_dcgan_comes_back_bit_for_bit_with_its_statistics,
            spectral_vectors_are_stored_and_take_no_gradient,
        );
    }

    /// What the file says is what burn's visit of the module says, tensor by tensor.
    fn the_file_holds_the_module_as_others_read_it<B: Backend>() {
        let folder = folder();
        let path = folder.path().join("mlp.safetensors");
        let settings = MlpGeneratorConfig::new(3, [2]).with_hidden([4]);
        let network = settings
            .init::<B, 2>(&Default::default())
            .expect("valid settings");
        let metadata = [("trained_on", "a ring".to_owned()), ("a", "b".to_owned())];
        save_safetensors(&path, &network, &metadata).expect("a written file");
        let (tensors, told) = parsed(&path);
        let expected = parameters(&network);
        // Single, unless another test of this process made its device one of doubles.
        let precision = format!("{:?}", network.collect(None, None, false)[0].dtype);
        let paths = ["0.weight", "0.bias", "1.weight", "1.bias"];
        let shapes: [&[usize]; 4] = [&[3, 4], &[4], &[4, 2], &[2]];
        assert_eq!(tensors.len(), 4);
        for ((path, shape), expected) in paths.iter().zip(shapes).zip(expected) {
            let (dtype, found, numbers) = &tensors[&format!("mlp.layers.{path}")];
            assert_eq!((dtype, found.as_slice()), (&precision, shape));
            assert_eq!(numbers, &expected);
        }
        assert_eq!(told["trained_on"], "a ring");
        assert_eq!(told["producer"], "burn");
        let first = fs::read(&path).expect("the file");
        for _ in 0..5 {
            save_safetensors(&path, &network, &metadata).expect("a written file");
            assert_eq!(fs::read(&path).expect("the file"), first);
        }
    }

    for_each_backend!(the_file_holds_the_module_as_others_read_it);

    #[test]
    fn double_precision_and_strided_weights_keep_every_bit() {
        let folder = folder();
        let path = folder.path().join("double.safetensors");
        let device = Default::default();
        let linear = || LinearConfig::new(2, 2).init::<Cpu>(&device);
        let double = |rows: [[f64; 2]; 2]| {
            Tensor::<Cpu, 2>::from_data(TensorData::from(rows), (&device, DType::F64))
        };
        let third = double([[1.0 / 3.0, 0.1], [1e-30, 7.0]]);
        let layer = with_weight(linear(), third.swap_dims(0, 1));
        save_safetensors(&path, &layer, &[]).expect("a written file");
        let (tensors, _) = parsed(&path);
        let (dtype, _, numbers) = &tensors["weight"];
        assert_eq!(dtype, "F64");
        assert_eq!(numbers, &[1.0 / 3.0, 1e-30, 0.1, 7.0]);
        let fresh = with_weight(linear(), double([[0.0; 2]; 2]));
        let loaded = load_safetensors(&path, fresh).expect("a fitting file");
        assert_eq!(parameters(&loaded), parameters(&layer));
        // Into single precision: rounded once.
        let single = load_safetensors(&path, linear()).expect("a fitting file");
        let rounded: Vec<f64> = numbers.iter().map(|x| f64::from(*x as f32)).collect();
        assert_eq!(parameters(&single)[0], rounded);
    }

    fn with_weight<B: Backend>(layer: Linear<B>, weight: Tensor<B, 2>) -> Linear<B> {
        struct Setter<B: Backend>(Option<Tensor<B, 2>>);
        impl<B: Backend> burn::module::ModuleMapper<B> for Setter<B> {
            fn map_float<const D: usize>(
                &mut self,
                param: Param<Tensor<B, D>>,
            ) -> Param<Tensor<B, D>> {
                match self.0.take() {
                    Some(weight) if D == 2 => param.map(|old| {
                        // Not reshaped, so that it keeps its order in memory.
                        assert_eq!(weight.dims().as_slice(), old.dims().as_slice());
                        Tensor::from_primitive(weight.into_primitive())
                    }),
                    _ => param.map(|old| old),
                }
            }
        }
        layer.map(&mut Setter(Some(weight)))
    }

    #[test]
    fn weights_of_another_network_are_refused_by_name() {
        let device = Default::default();
        let folder = folder();
        let path = folder.path().join("mlp.safetensors");
        let settings = MlpGeneratorConfig::new(3, [2]).with_hidden([4]);
        let network = settings.init::<Cpu, 2>(&device).expect("valid settings");
        save_safetensors(&path, &network, &[]).expect("a written file");
        let refused = |settings: MlpGeneratorConfig, words: &[&str]| {
            let fresh = settings.init::<Cpu, 2>(&device).expect("valid settings");
            let error = load_safetensors(&path, fresh).expect_err("another network");
            assert!(matches!(error, Error::Weights { .. }));
            let error = error.to_string();
            for words in words.iter().chain(&["mlp.safetensors: "]) {
                assert!(error.contains(words), "no `{words}` in: {error}");
            }
        };
        refused(
            settings.clone().with_hidden([5]),
            &["`mlp.layers.0.weight`", "[3, 4]", "[3, 5]"],
        );
        refused(
            settings.clone().with_hidden([4, 2]),
            &["`mlp.layers.2.weight`, `mlp.layers.2.bias` are missing"],
        );
        let mut shorter = settings;
        shorter.hidden.clear();
        shorter.latent = 3;
        // Its only layer is the file's first by name.
        shorter.shape = vec![4];
        refused(shorter, &["the network has no `mlp.layers.1.bias`"]);
    }

    #[test]
    fn a_damaged_file_is_an_error_and_never_a_panic() {
        let device = Default::default();
        let folder = folder();
        let path = folder.path().join("linear.safetensors");
        let fresh = || LinearConfig::new(2, 2).init::<Cpu>(&device);
        save_safetensors(&path, &fresh(), &[]).expect("a written file");
        let whole = fs::read(&path).expect("the file");
        let loaded = |bytes: &[u8]| {
            fs::write(&path, bytes).expect("a writable file");
            load_safetensors(&path, fresh())
        };
        assert!(loaded(&whole).is_ok());
        let fails = |bytes: &[u8]| match loaded(bytes) {
            Ok(_) => panic!("a damaged file was read"),
            Err(error) => assert!(matches!(error, Error::Weights { .. }), "{error}"),
        };
        for length in 0..whole.len() {
            fails(&whole[..length]);
        }
        fails(&[whole.as_slice(), &[0]].concat());
        // Every byte of length and header turned over in three ways: an error or the file's
        // numbers, never a panic. Only spaces and the metadata can be changed unnoticed.
        let length = u64::from_le_bytes(whole[..8].try_into().expect("eight bytes")) as usize;
        let mut noticed = 0;
        for at in 0..8 + length {
            for flip in [0x01, 0x20, 0x80] {
                let mut bytes = whole.clone();
                bytes[at] ^= flip;
                noticed += usize::from(loaded(&bytes).is_err());
            }
        }
        assert!(noticed > length, "{noticed} of {}", 3 * (8 + length));
        let text = String::from_utf8_lossy(&whole[8..8 + length]).into_owned();
        for (from, to) in [
            ("\"F32\"", "\"I32\""),
            ("\"F32\"", "\"F99\""),
            ("[2,2]", "[4,1]"),
            ("[2,2]", "[2,18446744073709551615]"),
            ("\"weight\"", "\"weird\""),
        ] {
            assert!(text.contains(from), "{text}");
            let header = text.replace(from, to);
            let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
            bytes.extend(header.as_bytes());
            bytes.extend(&whole[8 + length..]);
            fails(&bytes);
        }
        let absent = folder.path().join("absent.safetensors");
        let error = load_safetensors(&absent, fresh()).expect_err("no file");
        assert!(matches!(error, Error::Io { .. }), "{error}");
    }

    #[test]
    fn an_export_changes_nothing_in_the_trained_module() {
        type B = Autodiff<Cpu>;
        let folder = folder();
        let path = folder.path().join("twice.safetensors");
        let settings = DcganGeneratorConfig::new(3, [1, 16, 16]).with_width(2);
        let device = Default::default();
        let fresh = || settings.init::<B>(&device).expect("valid settings");
        // Drawn once: other tests draw from the same generator.
        let weights = fresh();
        initialize(&weights);
        let passes = |exported: bool| {
            let trained = fresh().load_record(weights.clone().into_record());
            let mut latents = Stream::new(1, "latent");
            for _ in 0..3 {
                let z = Latent::normal(3).draw(6, &mut latents, &device);
                let _ = trained.generate(z, &());
                if exported {
                    save_safetensors(&path, &trained, &[]).expect("a written file");
                }
            }
            parameters(&trained.valid())
        };
        assert_eq!(passes(true), passes(false));
    }
}
