//! Every loss against PyTorch's float64 values and gradients (`tests/golden/losses.py`).

use std::collections::HashMap;

use burn::tensor::backend::AutodiffBackend;
use burn::tensor::{Tensor, TensorData};
use serde::Deserialize;

use super::Loss;
use crate::objective::Objective;
use crate::testing::{assert_close, floats, for_each_autodiff_backend, on_wgpu, values};

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    shape: [usize; 2],
    real: Vec<f64>,
    fake: Vec<f64>,
    losses: HashMap<String, Sides>,
}

#[derive(Deserialize)]
struct Sides {
    discriminator: Option<Side>,
    generator: Side,
}

#[derive(Deserialize)]
struct Side {
    value: f64,
    grad_real: Option<Vec<f64>>,
    grad_fake: Vec<f64>,
}

/// PyTorch's values are exact in f32 to this; values and gradients below 1e-30 are 0 in f32.
const RELATIVE: f64 = 1e-5;
const ABSOLUTE: f64 = 1e-30;

fn logits<B: AutodiffBackend>(case: &Case, values: &[f64]) -> Tensor<B, 2> {
    floats(TensorData::new(values.to_vec(), case.shape)).require_grad()
}

fn gradient<B: AutodiffBackend>(of: &Tensor<B, 2>, gradients: &B::Gradients) -> Vec<f64> {
    values(of.grad(gradients).expect("a gradient"))
}

fn values_and_gradients_match_pytorch<B: AutodiffBackend>() {
    let golden: Golden = serde_json::from_str(include_str!("../../../tests/golden/losses.json"))
        .expect("golden values parse");
    let mut compared = 0;
    for case in &golden.cases {
        for (name, sides) in &case.losses {
            let loss: Loss = serde_json::from_value(name.as_str().into()).expect("a loss's name");
            let objective = Objective::new(loss);
            if let Some(side) = &sides.discriminator {
                let real = logits::<B>(case, &case.real);
                let fake = logits::<B>(case, &case.fake);
                let value = objective.discriminator_loss(real.clone(), fake.clone());
                let gradients = value.backward();
                assert_close(&values(value), &[side.value], RELATIVE, ABSOLUTE);
                let expected = side.grad_real.as_ref().expect("a golden gradient");
                assert_close(&gradient(&real, &gradients), expected, RELATIVE, ABSOLUTE);
                assert_close(
                    &gradient(&fake, &gradients),
                    &side.grad_fake,
                    RELATIVE,
                    ABSOLUTE,
                );
                compared += 1;
            }
            let fake = logits::<B>(case, &case.fake);
            let value = objective.generator_loss(fake.clone());
            let gradients = value.backward();
            let side = &sides.generator;
            assert_close(&values(value), &[side.value], RELATIVE, ABSOLUTE);
            assert_close(
                &gradient(&fake, &gradients),
                &side.grad_fake,
                RELATIVE,
                ABSOLUTE,
            );
            compared += 1;
        }
    }
    // Two sides of two losses in four cases, one side of the third in two.
    assert_eq!(compared, 18);
}

fn extreme_logits_are_finite_for_every_loss<B: AutodiffBackend>() {
    for loss in Loss::ALL {
        let objective = Objective::new(loss);
        for logit in [-500.0, 500.0] {
            // A batch of 64: the sum of maximum-likelihood costs would overflow f32.
            let case = Case {
                shape: [64, 1],
                real: vec![-logit; 64],
                fake: vec![logit; 64],
                losses: HashMap::new(),
            };
            let real = logits::<B>(&case, &case.real);
            let fake = logits::<B>(&case, &case.fake);
            let discriminator = objective.discriminator_loss(real.clone(), fake.clone());
            let generator = objective.generator_loss(fake.clone());
            let both = [values(discriminator.clone()), values(generator.clone())].concat();
            assert!(both.iter().all(|v| v.is_finite()), "{loss:?}: {both:?}");
            let gradients = discriminator.backward();
            let mut all = gradient(&real, &gradients);
            all.extend(gradient(&fake, &gradients));
            all.extend(gradient(&fake, &generator.backward()));
            assert!(all.iter().all(|g| g.is_finite()), "{loss:?}: {all:?}");
        }
    }
}

for_each_autodiff_backend!(
    values_and_gradients_match_pytorch,
    extreme_logits_are_finite_for_every_loss,
);
on_wgpu!(Autodiff<Wgpu>; values_and_gradients_match_pytorch, extreme_logits_are_finite_for_every_loss);

#[test]
fn names_survive_json() {
    for loss in Loss::ALL {
        let json = serde_json::to_string(&loss).expect("a name");
        let back: Loss = serde_json::from_str(&json).expect("the same name");
        assert_eq!(back, loss);
    }
}
