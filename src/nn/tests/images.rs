//! The layers of images against PyTorch in float64 (`tests/golden/image_layers.py`): outputs,
//! gradients, and the gradients of half a squared gradient.

use std::marker::PhantomData;

use burn::backend::{Autodiff, NdArray};
use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};
use serde::Deserialize;

use crate::nn::Fir;
use crate::testing::for_each_autodiff_backend;
use crate::testing::golden::{Function, IN_F32, IN_F64, Passes, Tolerance};

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    layer: Settings,
    #[serde(flatten)]
    passes: Passes,
}

#[derive(Deserialize, Clone, Debug)]
#[serde(rename_all = "snake_case")]
enum Settings {
    Fir(Fir),
}

/// A function without parameters.
#[derive(Module, Debug)]
struct Still<B: Backend> {
    #[module(skip)]
    settings: Settings,
    backend: PhantomData<B>,
}

impl<B: Backend> Function<B, 4, 4> for Still<B> {
    fn apply(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        match &self.settings {
            Settings::Fir(fir) => fir.forward(x),
        }
    }
}

/// Every case whose name begins so, and how many there are.
fn compare_all<B: AutodiffBackend>(kind: &str, tolerance: Tolerance) -> usize {
    let golden: Golden =
        serde_json::from_str(include_str!("../../../tests/golden/image_layers.json"))
            .expect("golden values parse");
    let cases = golden
        .cases
        .iter()
        .filter(|case| case.name.starts_with(kind));
    let mut count = 0;
    for Case {
        name,
        layer,
        passes,
    } in cases
    {
        count += 1;
        match layer {
            Settings::Fir(_) => {
                let still = Still {
                    settings: layer.clone(),
                    backend: PhantomData,
                };
                passes.compare::<B, Still<B>, 4, 4>(name, still, tolerance);
            }
        }
    }
    count
}

fn filters_match_pytorch<B: AutodiffBackend>() {
    assert_eq!(compare_all::<B>("fir_", IN_F32), 4);
}

#[test]
fn in_f64_they_match_to_nine_digits() {
    assert_eq!(compare_all::<Autodiff<NdArray<f64>>>("", IN_F64), 4);
}

for_each_autodiff_backend!(filters_match_pytorch);
