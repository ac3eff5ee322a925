//! Files that PyTorch stored (`tests/golden/weights.py`), and what becomes of others.

use std::fs;
use std::path::{Path, PathBuf};

use burn::module::AutodiffModule;
use burn::tensor::Tensor;
use burn::tensor::TensorData;
use burn::tensor::backend::{AutodiffBackend, Backend};
use serde::Deserialize;

use super::*;
use crate::models::{
    DcganDiscriminator, DcganDiscriminatorConfig, DcganGenerator, DcganGeneratorConfig,
    MlpGenerator, MlpGeneratorConfig, ResNetDiscriminatorConfig, ResNetGeneratorConfig,
};
use crate::network::{Discriminator, Generator};
use crate::testing::{
    Cpu, assert_close, floats, for_each_autodiff_backend, for_each_backend, on_wgpu, parameters,
    values,
};

#[derive(Deserialize)]
struct Values {
    latents: Vec<f64>,
    mlp: Vec<f64>,
    images: Vec<f64>,
    logits: Vec<f64>,
    residual_images: Vec<f64>,
    residual_logits: Vec<f64>,
}

fn golden() -> Values {
    let text = include_str!("../../../tests/golden/weights/values.json");
    serde_json::from_str(text).expect("golden values")
}

fn file(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/weights");
    folder.join(name)
}

fn latents<B: Backend>() -> Tensor<B, 2> {
    floats(TensorData::new(golden().latents, [4, 3]))
}

fn close(actual: &[f64], expected: &[f64]) {
    assert_close(actual, expected, 0.0, 1e-5);
}

fn mlp<B: Backend>() -> MlpGenerator<B, 2> {
    let settings = MlpGeneratorConfig::new(3, [2]).with_hidden([5, 4]);
    settings.init(&Default::default()).expect("valid settings")
}

fn of_mlp() -> WeightTable {
    WeightTable::pytorch()
        .with_name("0.*", "mlp.layers.0.*")
        .with_name("2.*", "mlp.layers.1.*")
        .with_name("4.*", "mlp.layers.2.*")
}

fn generator<B: Backend>() -> DcganGenerator<B> {
    let settings = DcganGeneratorConfig::new(3, [1, 16, 16]).with_width(2);
    settings.init(&Default::default()).expect("valid settings")
}

/// Without saying where in the file.
fn of_generator() -> WeightTable {
    WeightTable::pytorch()
        .with_name("main.0.*", "project.*")
        .with_name("main.1.*", "norm.*")
        .with_name("main.3.*", "blocks.0.conv.*")
        .with_name("main.4.*", "blocks.0.norm.*")
        .with_name("main.6.*", "blocks.1.conv.*")
        .with_zeros("blocks.1.conv.bias")
}

fn discriminator<B: Backend>() -> DcganDiscriminator<B> {
    let settings = DcganDiscriminatorConfig::new([1, 16, 16]).with_width(2);
    settings.init(&Default::default()).expect("valid settings")
}

fn of_discriminator() -> WeightTable {
    WeightTable::pytorch()
        .within("discriminator")
        .with_name("main.0.*", "blocks.0.conv.*")
        .with_name("main.2.*", "blocks.1.conv.*")
        .with_name("main.3.*", "blocks.1.norm.*")
        .with_name("main.5.*", "head.*")
        .with_zeros("**.bias")
}

fn a_perceptron_of_pytorch_draws_the_same<B: Backend>() {
    let read = |name| load_weights(file(name), mlp::<B>(), &of_mlp()).expect("a fitting file");
    let (network, old) = (read("mlp.pt"), read("mlp_old.pth"));
    close(&values(network.generate(latents(), &())), &golden().mlp);
    assert_eq!(parameters(&network), parameters(&old));
}

fn a_convolutional_pair_of_pytorch_draws_and_judges_the_same<B: Backend>() {
    let golden = golden();
    let mut all = Vec::new();
    for name in ["gan.pt", "gan_old.pth", "gan.safetensors"] {
        let table = match name {
            "gan.safetensors" => of_generator(),
            _ => of_generator().within("generator"),
        };
        let network = load_weights(file(name), generator::<B>(), &table).expect("a fitting file");
        close(&values(network.generate(latents(), &())), &golden.images);
        all.push(parameters(&network));
    }
    assert_eq!(all[0], all[1]);
    assert_eq!(all[0], all[2]);
    for name in ["gan.pt", "gan_old.pth"] {
        let network = load_weights(file(name), discriminator::<B>(), &of_discriminator());
        let images = floats(TensorData::new(golden.images.clone(), [4, 1, 16, 16]));
        let verdict = network.expect("a fitting file").discriminate(images, &());
        close(&values(verdict.logits), &golden.logits);
    }
}

/// Modules within modules, under names of their author's, and spectral norms as PyTorch stores them.
fn a_residual_pair_of_pytorch_draws_and_judges_the_same<B: Backend>() {
    let (golden, device) = (golden(), B::Device::default());
    let table = [
        ("fc", "project"),
        ("layers.*.bn1", "blocks.*.norms.0"),
        ("layers.*.bn2", "blocks.*.norms.1"),
        ("layers.*.conv1", "blocks.*.convs.0"),
        ("layers.*.conv2", "blocks.*.convs.1"),
        ("layers.*.skip", "blocks.*.shortcut"),
        ("bn", "norm"),
        ("to_pixels", "head"),
    ]
    .iter()
    .fold(
        WeightTable::pytorch().within("generator"),
        |table, (from, to)| table.with_name(format!("{from}.*"), format!("{to}.Plain.*")),
    );
    let config = ResNetGeneratorConfig::new(3, [1, 8, 8]).with_channels([4, 3]);
    let network = config.init::<B>(&device).expect("valid settings");
    let network = load_weights(file("resnet.pt"), network, &table).expect("a fitting file");
    let images = network.generate(latents(), &());
    close(&values(images), &golden.residual_images);

    let table = [
        ("layers.*.conv1", "blocks.*.convs.0"),
        ("layers.*.conv2", "blocks.*.convs.1"),
        ("layers.*.skip", "blocks.*.shortcut"),
        ("fc", "head"),
    ]
    .iter()
    .fold(
        WeightTable::pytorch().within("discriminator"),
        |table, (from, to)| {
            table
                .with_name(
                    format!("{from}.weight_orig"),
                    format!("{to}.Normalized.layer.weight"),
                )
                .with_name(
                    format!("{from}.bias"),
                    format!("{to}.Normalized.layer.bias"),
                )
                .with_name(format!("{from}.weight_*"), format!("{to}.Normalized.*"))
        },
    );
    let config = ResNetDiscriminatorConfig::new([1, 8, 8]).with_channels([3, 4], 1);
    let network = config.init::<B>(&device).expect("valid settings");
    let network = load_weights(file("resnet.pt"), network, &table).expect("a fitting file");
    let images = floats(TensorData::new(golden.residual_images, [4, 1, 8, 8]));
    let verdict = network.discriminate(images, &());
    close(&values(verdict.logits), &golden.residual_logits);
}

for_each_backend!(
    a_residual_pair_of_pytorch_draws_and_judges_the_same,
    a_perceptron_of_pytorch_draws_the_same,
    a_convolutional_pair_of_pytorch_draws_and_judges_the_same,
);
on_wgpu!(Wgpu; a_perceptron_of_pytorch_draws_the_same);

fn what_was_read_is_trained_on<B: AutodiffBackend>() {
    let network = load_weights(file("mlp.pt"), mlp::<B>(), &of_mlp()).expect("a fitting file");
    let gradients = network.generate(latents(), &()).sum().backward();
    let gradients = crate::testing::gradients(&network, &gradients);
    assert_eq!(gradients.len(), 6);
    assert!(gradients.iter().flatten().any(|slope| *slope != 0.0));
    let inner = load_weights(file("mlp.pt"), mlp::<B::InnerBackend>(), &of_mlp());
    assert_eq!(
        parameters(&network.valid()),
        parameters(&inner.expect("a fitting file"))
    );
}

mod tracked {
    use super::*;
    for_each_autodiff_backend!(what_was_read_is_trained_on);
}

fn read(name: &str) -> std::collections::BTreeMap<String, stored::Stored> {
    let path = file(name);
    let bytes = fs::read(&path).expect("the file");
    state_dict::read(&path, bytes, None).expect("a state dict")
}

#[test]
fn every_type_and_view_of_a_storage_is_read() {
    let tensors = read("types.pt");
    let numbers: Vec<f64> = (0..12).map(|i| f64::from(i) / 8.0 - 0.5).collect();
    let data = |name: &str| {
        let data = tensors[name].data().expect("numbers");
        let values: Vec<f64> = data.iter::<f64>().collect();
        (data.shape.to_vec(), values)
    };
    for name in ["float64", "float32", "float16", "bfloat16"] {
        assert_eq!(data(name), (vec![3, 4], numbers.clone()), "{name}");
    }
    for name in ["int64", "int32", "int16", "int8"] {
        assert_eq!(
            data(name),
            (vec![2, 2], vec![3.0, -2.0, 100.0, 7.0]),
            "{name}"
        );
    }
    assert_eq!(data("uint8"), (vec![1, 2], vec![200.0, 0.0]));
    assert_eq!(data("bool"), (vec![3], vec![1.0, 0.0, 1.0]));
    let turned = (0..12).map(|i| numbers[i % 3 * 4 + i / 3]).collect();
    assert_eq!(data("turned"), (vec![4, 3], turned));
    let other = [4, 6, 8, 10].map(|i| numbers[i]).to_vec();
    assert_eq!(data("every_other"), (vec![2, 2], other));
    assert_eq!(data("repeated"), (vec![2, 3], vec![1.5; 6]));
    assert_eq!(data("number"), (vec![], vec![2.5]));
    assert_eq!(data("empty"), (vec![0, 3], vec![]));
    assert!(tensors["complex64"].data().is_err());

    let listed = stored_weights(file("types.pt"), None).expect("a list");
    assert_eq!(listed.len(), 16);
    let of = |name: &str| {
        let weight = listed.iter().find(|weight| weight.name == name);
        let weight = weight.expect("a tensor of this name");
        (weight.dtype.clone(), weight.shape.clone())
    };
    assert_eq!(of("turned"), ("F32".to_owned(), vec![4, 3]));
    assert_eq!(of("bfloat16"), ("BF16".to_owned(), vec![3, 4]));
    assert_eq!(of("complex64"), ("ComplexFloatStorage".to_owned(), vec![1]));
    let first = &stored_weights(file("gan.safetensors"), None).expect("a list")[0];
    assert_eq!(
        (first.name.as_str(), first.dtype.as_str()),
        ("main.0.weight", "F64")
    );
}

#[track_caller]
fn refused<T>(result: Result<T>, words: &[&str]) {
    let Err(error) = result else {
        panic!("a wrong file was read");
    };
    assert!(matches!(error, Error::Weights { .. }), "{error:?}");
    let error = error.to_string();
    for words in words {
        assert!(error.contains(words), "no `{words}` in: {error}");
    }
}

#[test]
fn all_that_does_not_fit_is_listed() {
    let path = file("mlp.pt");
    let table = WeightTable::pytorch()
        .with_name("0.*", "mlp.layers.0.*")
        .with_name("2.weight", "mlp.layers.1.weight");
    refused(
        load_weights::<Cpu, _>(&path, mlp(), &table),
        &[
            "`mlp.layers.1.bias`, `mlp.layers.2.weight`, `mlp.layers.2.bias` are missing",
            "the network has no `2.bias`, `4.bias`, `4.weight`",
        ],
    );
    let (network, unmatched) =
        load_weights_in_part::<Cpu, _>(&path, mlp(), &table).expect("some of it");
    assert_eq!((unmatched.missing.len(), unmatched.left_over.len()), (3, 3));
    let whole = load_weights::<Cpu, _>(&path, mlp(), &of_mlp()).expect("a fitting file");
    let (network, whole) = (parameters(&network), parameters(&whole));
    assert_eq!(network[..3], whole[..3]);
    assert_ne!(network[4], whole[4]);

    let wider = MlpGeneratorConfig::new(3, [2]).with_hidden([5, 5]);
    let wider = || wider.init::<Cpu, 2>(&Default::default()).expect("valid");
    let words = [
        "`mlp.layers.1.weight` (`2.weight` there) has shape [4, 5], the network needs [5, 5]",
        "`mlp.layers.1.bias` (`2.bias` there) has shape [4], the network needs [5]",
        "`mlp.layers.2.weight`",
    ];
    refused(load_weights(&path, wider(), &of_mlp()), &words);
    refused(load_weights_in_part(&path, wider(), &of_mlp()), &words);
    let nothing = load_weights_in_part(&path, wider(), &WeightTable::pytorch());
    refused(
        nothing,
        &["no name of the network is in the file", "`0.bias`"],
    );
    let twice = WeightTable::pytorch()
        .with_name("0.weight", "same")
        .with_name("0.bias", "same");
    refused(
        load_weights::<Cpu, _>(&path, mlp(), &twice),
        &["the table calls `same`: `0.bias` and `0.weight`"],
    );
    // As burn lays weights out, these are another network's.
    let burn = WeightTable {
        pytorch: false,
        ..of_mlp()
    };
    refused(
        load_weights::<Cpu, _>(&path, mlp(), &burn),
        &["has shape [5, 3], the network needs [3, 5]"],
    );
    let large = MlpGeneratorConfig::new(3, [2]).with_hidden([1 << 14, 1 << 14]);
    let large = large.init::<Cpu, 2>(&Default::default()).expect("valid");
    refused(load_weights(&path, large, &of_mlp()), &["more numbers"]);
    let error = load_weights::<Cpu, _>(&path, mlp(), &of_mlp().without(""));
    assert!(matches!(error, Err(Error::Setting { .. })));
}

#[test]
fn where_in_the_file_the_weights_are_has_to_be_said() {
    let table = of_generator();
    for name in ["gan.pt", "gan_old.pth"] {
        let load = |table: &WeightTable| load_weights::<Cpu, _>(file(name), generator(), table);
        refused(
            load(&table),
            &["`generator`, `discriminator`, `optimizer`: say by `within`"],
        );
        for (place, words) in [
            ("generators", "has nothing called `generators`, but `step`"),
            (
                "generator.main",
                "has nothing called `main`, but `main.0.weight`",
            ),
            ("step", "holds no dict of tensors"),
            ("device", "`torch.device`"),
            ("optimizer.state.0", "has nothing called `0`"),
        ] {
            refused(load(&table.clone().within(place)), &[words]);
        }
    }
    let safetensors = load_weights::<Cpu, _>(
        file("gan.safetensors"),
        generator(),
        &table.clone().within("generator"),
    );
    refused(safetensors, &["nothing within it"]);
    refused(
        load_weights::<Cpu, _>(file("model.pt"), generator(), &table),
        &["`torch.nn.modules.linear.Linear`", "`model.state_dict()`"],
    );
}

#[test]
fn damaged_files_are_errors_and_never_panics() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("damaged.pt");
    let table = of_mlp();
    let loaded = |bytes: &[u8]| {
        fs::write(&path, bytes).expect("a writable file");
        load_weights::<Cpu, _>(&path, mlp(), &table)
    };
    let whole = fs::read(file("mlp.pt")).expect("the file");
    assert!(loaded(&whole).is_ok());
    for length in (0..whole.len()).step_by(13) {
        assert!(loaded(&whole[..length]).is_err(), "{length}");
    }
    let expected = parameters(&loaded(&whole).expect("a fitting file"));
    for at in (0..whole.len()).step_by(7) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x20;
        // Unnoticed only where it does not count.
        if let Ok(network) = loaded(&bytes) {
            assert_eq!(parameters(&network), expected, "at {at}");
        }
    }
}

/// A pickle, put together.
mod program {
    pub(super) fn text(text: &str) -> Vec<u8> {
        let length = u32::try_from(text.len()).expect("a short text");
        [&b"X"[..], &length.to_le_bytes(), text.as_bytes()].concat()
    }

    pub(super) fn number(value: i64) -> Vec<u8> {
        [&b"\x8a\x08"[..], &value.to_le_bytes()].concat()
    }

    pub(super) fn tuple(items: &[Vec<u8>]) -> Vec<u8> {
        [b"(", items.concat().as_slice(), b"t"].concat()
    }

    pub(super) fn dict(items: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let items = items.iter();
        let items = items.map(|(key, value)| [text(key), value.clone(), b"s".to_vec()].concat());
        [b"}".to_vec(), items.collect::<Vec<_>>().concat()].concat()
    }

    pub(super) fn whole(value: &[u8]) -> Vec<u8> {
        [b"\x80\x02", value, b"."].concat()
    }
}

/// A tensor in single precision of storage `0`, as `torch.save` calls for it.
fn tensor(offset: i64, shape: &[i64], strides: &[i64]) -> Vec<u8> {
    use program::{number, text, tuple};
    let sizes = |sizes: &[i64]| tuple(&sizes.iter().map(|size| number(*size)).collect::<Vec<_>>());
    let storage = tuple(&[
        text("storage"),
        b"ctorch\nFloatStorage\n".to_vec(),
        text("0"),
        text("cpu"),
        number(4),
    ]);
    let arguments = tuple(&[
        [storage, b"Q".to_vec()].concat(),
        number(offset),
        sizes(shape),
        sizes(strides),
        b"\x89".to_vec(),
        b"}".to_vec(),
    ]);
    [
        &b"ctorch._utils\n_rebuild_tensor_v2\n"[..],
        &arguments,
        b"R",
    ]
    .concat()
}

/// A file of the older form with a storage of 4 numbers.
fn old_file(value: &[u8]) -> Vec<u8> {
    use program::{dict, number, text, whole};
    let about = dict(&[("little_endian", b"\x88".to_vec())]);
    let keys = [&b"]"[..], &text("0"), b"a"].concat();
    let storage = [1.0_f32, 2.0, 3.0, 4.0].map(f32::to_le_bytes).concat();
    [
        b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.".to_vec(),
        whole(&number(1001)),
        whole(&about),
        whole(value),
        whole(&keys),
        4_u64.to_le_bytes().to_vec(),
        storage,
    ]
    .concat()
}

fn tensors_of(value: &[u8]) -> Result<std::collections::BTreeMap<String, stored::Stored>> {
    state_dict::read(Path::new("x.pth"), old_file(value), None)
}

#[test]
fn views_that_reach_beyond_their_storage_are_refused() {
    let one = |tensor: Vec<u8>| tensors_of(&program::dict(&[("w", tensor)]));
    let data = |tensor: Vec<u8>| {
        let stored = one(tensor).expect("a state dict");
        let data = stored["w"].data().expect("numbers");
        data.iter::<f64>().collect::<Vec<f64>>()
    };
    assert_eq!(data(tensor(0, &[2, 2], &[1, 2])), [1.0, 3.0, 2.0, 4.0]);
    assert_eq!(data(tensor(3, &[1], &[1])), [4.0]);
    assert_eq!(data(tensor(3, &[1, 2], &[9, 0])), [4.0, 4.0]);
    let large = i64::MAX;
    for (offset, shape, strides) in [
        (0, &[5][..], &[1][..]),
        (3, &[2], &[1]),
        (4, &[1], &[1]),
        (0, &[2, 2], &[3, 2]),
        (0, &[large, large], &[0, 0]),
        (0, &[large, large], &[large, large]),
        (large, &[2], &[large]),
    ] {
        refused(
            one(tensor(offset, shape, strides)),
            &["holds `w`, which has shape", "a storage of 4 numbers"],
        );
    }
    for (offset, shape, strides) in [
        (-1, &[1][..], &[1][..]),
        (0, &[-1], &[1]),
        (0, &[2], &[-1]),
        (0, &[2, 2], &[1]),
    ] {
        refused(
            one(tensor(offset, shape, strides)),
            &["`torch.save` does not"],
        );
    }
}

#[test]
fn a_shape_without_end_takes_nothing_until_a_network_asks_for_it() {
    // 2⁴⁰ numbers that are one.
    let value = program::dict(&[("w", tensor(0, &[1 << 20, 1 << 20], &[0, 0]))]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("wide.pth");
    fs::write(&path, old_file(&value)).expect("a writable file");
    let listed = stored_weights(&path, None).expect("a list");
    assert_eq!(listed[0].shape, [1 << 20, 1 << 20]);
    let table = WeightTable::pytorch().with_name("w", "mlp.layers.0.weight");
    refused(
        load_weights_in_part::<Cpu, _>(&path, mlp(), &table),
        &["has shape [1048576, 1048576], the network needs [5, 3]"],
    );
}

#[test]
fn what_stands_beside_tensors_is_passed_over() {
    use program::{dict, number};
    let twice = [
        dict(&[("w", tensor(0, &[1], &[1]))]),
        program::text("w"),
        tensor(1, &[1], &[1]),
        b"s".to_vec(),
    ];
    let stored = tensors_of(&twice.concat()).expect("a state dict");
    let data = stored["w"].data().expect("numbers");
    assert_eq!(
        data.iter::<f64>().collect::<Vec<_>>(),
        [2.0],
        "the last one"
    );
    let one = || tensor(0, &[4], &[1]);
    let call = [&b"cposix\nsystem\n"[..], &one(), b"\x85R"].concat();
    let mixed = dict(&[("count", number(3)), ("w", one()), ("call", call.clone())]);
    let stored = tensors_of(&mixed).expect("a state dict");
    assert_eq!(stored.keys().collect::<Vec<_>>(), ["w"]);
    let deeper = dict(&[("count", number(3)), ("inside", program::tuple(&[one()]))]);
    refused(tensors_of(&deeper), &["no tensors at its top, but nothing"]);
    refused(
        tensors_of(&call),
        &["an object of Python's, `posix.system`"],
    );
}
