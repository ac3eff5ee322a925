//! What fits a module is loaded, and nothing else.

use burn::backend::Autodiff;
use burn::module::{Module, Param};
use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor};

use super::{Precision, load};
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
    let record = module.clone().into_record();
    Precision::Full.write::<B, _>(record).expect("bytes")
}

fn what_was_written_is_loaded_with_its_ids<B: Backend>() {
    let module = mixed::<B>(2, true, true, 3.0);
    let fresh = mixed::<B>(2, true, true, 1.0);
    let loaded = load(
        Precision::Full,
        written(&module),
        fresh,
        &Default::default(),
    );
    let loaded = loaded.expect("a fitting record");
    assert_eq!(parameters(&loaded), parameters(&module));
    assert_eq!(loaded.tied.id, module.tied.id);
    assert_eq!(loaded.tied.id, loaded.again.id);
    let counts = |module: &Mixed<B>| module.counts.val().into_data();
    counts(&loaded).assert_eq(&counts(&module), true);
}

for_each_backend!(what_was_written_is_loaded_with_its_ids);

#[test]
fn another_module_is_refused_by_what_differs() {
    type B = Cpu;
    let bytes = written(&mixed::<B>(2, true, true, 3.0));
    let refused = |fresh: Mixed<B>, words: &str| {
        let error = load(Precision::Full, bytes.clone(), fresh, &Default::default());
        let error = error.expect_err("another module");
        assert!(error.contains(words), "no `{words}` in: {error}");
    };
    refused(mixed(1, true, true, 1.0), "the network has no `layers.1`");
    refused(mixed(3, true, true, 1.0), "it has no `layers.2`");
    refused(mixed(2, false, true, 1.0), "the network has no `norm`");
    // Weights that are one here would be two there.
    refused(mixed(2, true, false, 1.0), "the id of another parameter");
    let bytes = written(&mixed::<B>(2, false, false, 3.0));
    for (fresh, words) in [
        (mixed::<B>(2, true, false, 1.0), "it has no `norm`"),
        (
            mixed::<B>(2, false, true, 1.0),
            "the id of another parameter",
        ),
    ] {
        let error = load(Precision::Full, bytes.clone(), fresh, &Default::default());
        let error = error.expect_err("another module");
        assert!(error.contains(words), "no `{words}` in: {error}");
    }
}

#[test]
fn what_is_refused_changes_nothing() {
    type B = Autodiff<Cpu>;
    let module = mixed::<B>(2, true, true, f64::NAN);
    let fresh = mixed::<B>(2, true, true, 1.0);
    let before = parameters::<B, _>(&fresh);
    let error = load(
        Precision::Full,
        written(&module),
        fresh.clone(),
        &Default::default(),
    );
    let error = error.expect_err("a number that is not finite");
    assert_eq!(error, "`tied` holds a number that is not finite");
    assert_eq!(parameters::<B, _>(&fresh), before);
    for bytes in [vec![], vec![0x91; 10_000], vec![0x80], b"{}".repeat(500)] {
        let loaded = load(Precision::Full, bytes, fresh.clone(), &Default::default());
        assert!(loaded.is_err());
    }
}
