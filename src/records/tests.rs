//! What fits a module is loaded, and nothing else.

use burn::backend::Autodiff;
use burn::module::{Module, Param};
use burn::tensor::backend::Backend;
use burn::tensor::{DType, Int, Tensor, TensorData};

use super::{Stored, Types, load, of, read, write};
use crate::network::initialize;
use crate::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig};
use crate::testing::{Cpu, for_each_backend, parameters};

/// Everything that a record can have: parameters, buffers, integers, lists, what may be missing,
/// weights that two layers share.
#[derive(Module, Debug)]
struct Mixed<B: Backend> {
    layers: Vec<Linear<B>>,
    norm: Option<BatchNorm<B>>,
    counts: Param<Tensor<B, 1, Int>>,
    tied: Param<Tensor<B, 1>>,
    again: Param<Tensor<B, 1>>,
}

fn mixed<B: Backend>(layers: usize, norm: bool, tied: bool, fill: f64) -> Mixed<B> {
    let device = Default::default();
    let vector = || Param::from_tensor(Tensor::<B, 1>::ones([2], &device) * fill);
    let first = vector();
    let again = if tied { first.clone() } else { vector() };
    let module = Mixed {
        layers: (0..layers)
            .map(|_| LinearConfig::new(2, 2).init(&device))
            .collect(),
        norm: norm.then(|| BatchNormConfig::new(2).init(&device)),
        counts: Param::initialized(Default::default(), Tensor::from_ints([1, 2, 3], &device)),
        tied: first,
        again,
    };
    // What is not drawn yet would be drawn anew by each clone.
    initialize(&module);
    module
}

fn written<B: Backend>(module: &Mixed<B>) -> Vec<u8> {
    write(&of::<B, _>(module)).expect("bytes")
}

fn what_was_written_is_loaded_and_ids_stay<B: Backend>() {
    let module = mixed::<B>(2, true, true, 3.0);
    let fresh = mixed::<B>(2, true, true, 1.0);
    let own = |module: &Mixed<B>| -> Vec<_> {
        let all = super::parameters::<B, _>(module).into_iter();
        all.map(|parameter| parameter.id).collect()
    };
    let ids = own(&fresh);
    let loaded = load::<B, _>(&written(&module), fresh, Types::Same).expect("fitting tensors");
    assert_eq!(parameters(&loaded), parameters(&module));
    assert_eq!(own(&loaded), ids);
    assert_eq!(loaded.tied.id, loaded.again.id);
    let counts = |module: &Mixed<B>| module.counts.val().into_data();
    counts(&loaded).assert_eq(&counts(&module), true);
}

for_each_backend!(what_was_written_is_loaded_and_ids_stay);

#[test]
fn what_takes_no_gradient_takes_none_afterwards() {
    type B = Autodiff<Cpu>;
    let fresh = mixed::<B>(1, true, true, 1.0);
    let bytes = written(&fresh);
    let tied = fresh.tied.clone().set_require_grad(false);
    let fresh = Mixed { tied, ..fresh };
    let loaded = load::<B, _>(&bytes, fresh, Types::Same).expect("fitting tensors");
    assert!(!loaded.tied.is_require_grad() && loaded.again.is_require_grad());
}

#[test]
fn names_lists_and_numbers_are_in_their_places() {
    let module = mixed::<Cpu>(1, false, true, 3.0);
    let names: Vec<_> = of::<Cpu, _>(&module)
        .into_iter()
        .map(|tensor| (tensor.about.name, tensor.about.same_as))
        .collect();
    let own = |name: &str| (name.to_owned(), None);
    assert_eq!(
        names,
        [
            own("layers.0.weight"),
            own("layers.0.bias"),
            own("counts"),
            own("tied"),
            ("again".to_owned(), Some("tied".to_owned())),
        ]
    );
    let bytes = write(&[
        Stored::new("a".to_owned(), TensorData::from([[1.5f32, -2.0]])),
        Stored::new("b.c".to_owned(), TensorData::from([true, false])),
    ]);
    let list =
        r#"[{"name":"a","dtype":"f32","shape":[1,2]},{"name":"b.c","dtype":"bool","shape":[2]}]"#;
    let numbers = [1.5f32.to_ne_bytes(), (-2.0f32).to_ne_bytes()].concat();
    let length = (list.len() as u64).to_le_bytes();
    let expected = [&length, list.as_bytes(), &numbers, &[1, 0]].concat();
    assert_eq!(bytes, Ok(expected));
}

/// Every type comes back as it was, to the last bit.
#[test]
fn types_stay_what_they_are() {
    let tensors: Vec<_> = [
        TensorData::from([1.5f64, -1e300, f64::MIN_POSITIVE]),
        TensorData::from([1.5f32, -0.0, 1e-45]),
        TensorData::from([1.5f32, -2.0]).convert_dtype(DType::F16),
        TensorData::from([1.5f32, -2.0]).convert_dtype(DType::BF16),
        TensorData::from([i64::MIN, i64::MAX]),
        TensorData::from([i32::MIN, 7]),
        TensorData::from([u8::MAX, 0]),
        TensorData::from([u64::MAX, 0]),
        TensorData::from([true, false, true]),
        TensorData::from([0.0f32; 0]),
    ]
    .into_iter()
    .enumerate()
    .map(|(index, data)| Stored::new(index.to_string(), data))
    .collect();
    let again = read(&write(&tensors).expect("bytes")).expect("tensors");
    assert_eq!(again.len(), tensors.len());
    for (again, tensor) in again.iter().zip(&tensors) {
        assert_eq!(again.about, tensor.about);
        assert_eq!(*again.data.bytes, *tensor.data.bytes);
    }
    for dtype in [DType::F32, DType::F64, DType::F16, DType::BF16] {
        let data = TensorData::from([1.0f32, f32::INFINITY]).convert_dtype(dtype);
        let bytes = write(&[Stored::new("x".to_owned(), data)]).expect("bytes");
        let error = read(&bytes).expect_err("infinity");
        assert_eq!(error, "`x` holds a number that is not finite");
    }
}

#[test]
fn what_is_cut_short_goes_on_or_claims_too_much_is_an_error() {
    let bytes = written(&mixed::<Cpu>(1, true, true, 3.0));
    for length in 0..bytes.len() {
        assert!(read(&bytes[..length]).is_err(), "{length}");
    }
    assert!(read(&[bytes.as_slice(), &[0]].concat()).is_err());
    let with_list = |list: &str, numbers: &[u8]| {
        let length = (list.len() as u64).to_le_bytes();
        read(&[&length, list.as_bytes(), numbers].concat()).map(|_| ())
    };
    let refused = |list: &str, words: &str| {
        let error = with_list(list, &[2; 8]).expect_err("a wrong list");
        assert!(error.contains(words), "no `{words}` in: {error}");
    };
    refused(
        r#"[{"name":"a","dtype":"f32","shape":[1]}]"#,
        "4 bytes follow",
    );
    refused(
        r#"[{"name":"a","dtype":"f32","shape":[3]}]"#,
        "8 bytes are left",
    );
    refused(
        r#"[{"name":"a","dtype":"u8","shape":[18446744073709551615,18446744073709551615]}]"#,
        "are left",
    );
    refused(
        r#"[{"name":"a","dtype":"bool","shape":[8]}]"#,
        "no truth value",
    );
    refused(r#"[{"name":"a","dtype":"q8","shape":[8]}]"#, "of type q8");
    let half = r#"{"name":"a","dtype":"u8","shape":[4]}"#;
    refused(&format!("[{half},{half}]"), "two tensors `a`");
    refused(&"[".repeat(100_000), "can't be read");
    let all = with_list(r#"[{"name":"a","dtype":"u8","shape":[8]}]"#, &[2; 8]);
    assert_eq!(all, Ok(()));
}

#[test]
fn another_module_is_refused_by_what_differs() {
    type B = Cpu;
    let refused = |bytes: &[u8], fresh: Mixed<B>, words: &str| {
        let error = load::<B, _>(bytes, fresh, Types::Same).expect_err("another module");
        assert!(error.contains(words), "no `{words}` in: {error}");
    };
    let bytes = written(&mixed::<B>(2, true, true, 3.0));
    refused(
        &bytes,
        mixed(1, true, true, 1.0),
        "the network has no `layers.1.weight`",
    );
    refused(
        &bytes,
        mixed(3, true, true, 1.0),
        "it has no `layers.2.weight`",
    );
    refused(
        &bytes,
        mixed(2, false, true, 1.0),
        "the network has no `norm.gamma`",
    );
    // Weights that are one here would be two there.
    refused(
        &bytes,
        mixed(2, true, false, 1.0),
        "`again` is the same parameter as `tied` in it, a parameter of its own in the network",
    );
    let bytes = written(&mixed::<B>(2, false, false, 3.0));
    refused(&bytes, mixed(2, true, false, 1.0), "it has no `norm.gamma`");
    refused(
        &bytes,
        mixed(2, false, true, 1.0),
        "`again` is a parameter of its own in it",
    );
}

#[test]
fn other_widths_are_converted_only_where_that_is_asked_for() {
    crate::testing::settle_precision();
    type Wide = burn::backend::NdArray<f64>;
    let bytes = written(&mixed::<Cpu>(1, true, true, 3.25));
    let fresh = || {
        use burn::tensor::FloatDType::F64;
        let ones = Tensor::<Wide, 1>::ones([2], &Default::default()).cast(F64);
        let first = Param::from_tensor(ones);
        Two {
            second: first.clone(),
            first,
        }
    };
    let two = of::<Wide, _>(&fresh());
    assert_eq!(two[0].about.dtype, DType::F64);
    let narrow: Vec<_> = two
        .iter()
        .cloned()
        .map(|tensor| {
            let data = TensorData::from([0.1f32, 3.25]);
            let about = super::About {
                dtype: DType::F32,
                ..tensor.about
            };
            Stored { about, data }
        })
        .collect();
    let narrow = write(&narrow).expect("bytes");
    let error = load::<Wide, _>(&narrow, fresh(), Types::Same).expect_err("another type");
    assert_eq!(error, "`first` is of type f32 in it, the network needs f64");
    let loaded = load::<Wide, _>(&narrow, fresh(), Types::OfItsKind).expect("floats");
    let numbers = loaded.first.val().into_data();
    numbers.assert_eq(&TensorData::from([f64::from(0.1f32), 3.25]), true);
    assert!(load::<Wide, _>(&bytes, fresh(), Types::OfItsKind).is_err());
}

/// The same parameter twice, nothing else.
#[derive(Module, Debug)]
struct Two<B: Backend> {
    first: Param<Tensor<B, 1>>,
    second: Param<Tensor<B, 1>>,
}

#[test]
fn what_is_refused_changes_nothing() {
    type B = Autodiff<Cpu>;
    let module = mixed::<B>(2, true, true, f64::NAN);
    let fresh = mixed::<B>(2, true, true, 1.0);
    let before = parameters::<B, _>(&fresh);
    let error = load::<B, _>(&written(&module), fresh.clone(), Types::Same);
    let error = error.expect_err("a number that is not finite");
    assert_eq!(error, "`tied` holds a number that is not finite");
    assert_eq!(parameters::<B, _>(&fresh), before);
    for bytes in [vec![], vec![0x91; 10_000], vec![0], b"{}".repeat(500)] {
        assert!(load::<B, _>(&bytes, fresh.clone(), Types::Same).is_err());
    }
}
