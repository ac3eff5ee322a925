//! Changes with given random numbers against PyTorch in float64 (`tests/golden/augment.py`): values,
//! gradients, and gradients of gradients.

use std::collections::HashMap;

use burn::backend::Autodiff;
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Tensor, TensorData};
use serde::Deserialize;

use super::{Affine, Fill};
use crate::nn::channels_last;
use crate::testing::{assert_close, floats, for_each_autodiff_backend, on_wgpu, values};

#[derive(Deserialize)]
struct Golden {
    images: HashMap<String, Image>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Image {
    shape: [usize; 4],
    values: Vec<f64>,
}

/// A change of two images, and what comes of it.
#[derive(Deserialize)]
pub(crate) struct Case {
    family: String,
    image: String,
    fill: String,
    /// What each sample gets, by the name of a change.
    pub(crate) draws: HashMap<String, Vec<Vec<f64>>>,
    value: Vec<f64>,
    gradient: Vec<f64>,
    second: Vec<f64>,
}

impl Case {
    /// What comes in at the border.
    pub(crate) fn fill(&self) -> Fill {
        match self.fill.as_str() {
            "edge" => Fill::Edge,
            "reflect" => Fill::Reflect,
            _ => Fill::Value(0.0),
        }
    }

    /// The numbers of both samples for one change.
    pub(crate) fn of<const N: usize>(&self, name: &str) -> Option<Vec<[f64; N]>> {
        let samples = self.draws.get(name)?.iter();
        Some(
            samples
                .map(|drawn| std::array::from_fn(|i| drawn[i]))
                .collect(),
        )
    }
}

/// A change of a family that is given its numbers, one level up from `B`.
pub(crate) trait Given {
    fn change<B: Backend>(&self, case: &Case, x: Tensor<B, 4>) -> Tensor<B, 4>;
}

/// Every case of a family: T(x), the gradient of `L(x) = Σ sin(w_i·T(x)_i)`, and the gradient of its
/// square, by tapes above one another.
pub(crate) fn check<B: AutodiffBackend>(family: &str, given: &impl Given, tolerance: f64) {
    let json = include_str!("../../../tests/golden/augment.json");
    let golden: Golden = serde_json::from_str(json).expect("golden values parse");
    let mut seen = 0;
    for case in golden.cases.iter().filter(|case| case.family == family) {
        let image = &golden.images[&case.image];
        let data = TensorData::new(image.values.clone(), image.shape);
        let weights = (0..image.values.len()).map(|i| 0.5 + (7 * i % 5) as f64 / 5.0);
        let weights = TensorData::new(weights.collect::<Vec<f64>>(), image.shape);
        // Rows in order, and channels innermost.
        for last in [false, true] {
            let x = floats::<B, 4>(data.clone());
            let x = if last { channels_last(x) } else { x };
            let x = x.detach().require_grad();
            let lifted = Tensor::<Autodiff<B>, 4>::from_inner(x.clone()).require_grad();
            let changed = given.change(case, lifted.clone());
            let found = values(changed.clone());
            assert_close(&found, &case.value, tolerance, tolerance);
            let weights = Tensor::from_inner(floats::<B, 4>(weights.clone()));
            let gradients = (changed * weights).sin().sum().backward();
            let gradient = lifted.grad(&gradients).expect("it depends on it");
            assert_close(
                &values(gradient.clone()),
                &case.gradient,
                tolerance,
                tolerance,
            );
            // x goes into the gradient through the change.
            let gradients = gradient.square().sum().backward();
            let second = x.grad(&gradients).expect("it depends on it");
            assert_close(
                &values(second),
                &case.second,
                4.0 * tolerance,
                4.0 * tolerance,
            );
        }
        seen += 1;
    }
    assert!(seen > 1, "{family}");
}

struct Small;

impl Given for Small {
    fn change<B: Backend>(&self, case: &Case, x: Tensor<B, 4>) -> Tensor<B, 4> {
        let affine = Affine {
            shift: 1.5,
            rotation: 20.0,
            scale: 0.25,
            shear: 0.3,
            fill: case.fill(),
        };
        affine.apply_drawn(x, &case.of("affine").expect("numbers"))
    }
}

fn small_affine_changes_agree<B: AutodiffBackend>() {
    check::<B>("affine", &Small, 1e-5);
}

for_each_autodiff_backend!(small_affine_changes_agree);
on_wgpu!(Autodiff<Wgpu>; small_affine_changes_agree);
