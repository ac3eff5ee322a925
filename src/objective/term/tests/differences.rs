//! How near finite differences come to the exact gradients, over many networks.

use burn::tensor::Tensor;
use burn::tensor::backend::AutodiffBackend;

use super::{discriminator_cost, generator, mlp};
use crate::nn::Activation;
use crate::objective::{Loss, Objective, ObjectiveState, SecondOrder, Term};
use crate::random::{Stream, reseed};
use crate::testing::{assign, for_each_autodiff_backend, gradients, parameters};

/// Parameter gradients of a penalty, exact ones and differences.
fn both<B: AutodiffBackend>(
    inputs: usize,
    hidden: &[usize],
    activation: Activation,
    penalty: &Term,
    gain: f64,
    seed: u64,
) -> [Vec<Vec<f64>>; 2] {
    let device = Default::default();
    reseed::<B>(&device, seed, "network", 0);
    let d = mlp::<B>(inputs, hidden, activation);
    let mut weights = parameters::<B, _>(&d);
    weights.iter_mut().flatten().for_each(|w| *w *= gain);
    let d = assign::<B, _>(d, weights);
    let g = generator::<B, 2>(&[inputs]);
    let mut stream = Stream::new(seed, "points");
    let mut points = || {
        let points = burn::tensor::TensorData::new(stream.normal(8 * inputs), [8, inputs]);
        Tensor::<B, 2>::from_data(points, &device)
    };
    let (real, fake) = (points(), points());
    [SecondOrder::Exact, SecondOrder::finite_differences()].map(|second_order| {
        let mut objective = Objective::new(Loss::NonSaturating).with_second_order(second_order);
        objective.terms = vec![penalty.clone()];
        let state = &mut ObjectiveState::new(seed);
        let cost = discriminator_cost(&objective, state, (&g, &d), &real, &fake, &());
        gradients::<B, _>(&d, &cost.terms.expect("due").backward())
    })
}

/// The error of each network's, seed's and penalty's worst parameter, relative to the largest
/// gradient of the network, in order.
fn errors<B: AutodiffBackend>(activation: Activation, gain: f64) -> Vec<f64> {
    let networks: [(usize, &[usize]); 4] =
        [(5, &[7, 6]), (2, &[32, 32]), (3, &[8]), (24, &[16, 8, 8])];
    let penalties = [Term::r1(1.0), Term::r2(1.0), Term::wgan_gp(1.0)];
    let mut all = Vec::new();
    for (inputs, hidden) in networks {
        for penalty in &penalties {
            for seed in 0..6 {
                let case = both::<B>(inputs, hidden, activation, penalty, gain, seed);
                let [exact, found] = case.map(|gradients| gradients.concat());
                let scale = exact.iter().fold(0.0f64, |most, x| most.max(x.abs()));
                let pairs = exact.iter().zip(&found);
                let error = pairs.fold(0.0f64, |most, (e, f)| most.max((e - f).abs()));
                all.push(error / scale);
            }
        }
    }
    all.sort_unstable_by(f64::total_cmp);
    all
}

fn smooth_networks_come_near_and_large_weights_less_so<B: AutodiffBackend>() {
    // At the weights that layers start with, and with three times these: curvature is what it
    // takes.
    for (gain, least, most) in [(1.0, 1e-5, 1e-4), (3.0, 5e-4, 5e-3)] {
        let worst = errors::<B>(Activation::Tanh, gain).pop().expect("cases");
        println!("smooth, weights times {gain}: {worst:.1e}");
        assert!((least..most).contains(&worst), "{gain}: {worst:e}");
    }
}

fn a_kink_that_a_step_crosses_costs_more_than_the_gradient<B: AutodiffBackend>() {
    let errors = errors::<B>(Activation::LEAKY, 1.0);
    let near = errors.iter().filter(|error| **error < 1e-3).count();
    let worst = errors[errors.len() - 1];
    println!(
        "leaky: {near} of {} within 1e-3, at worst {worst:.1e}",
        errors.len()
    );
    assert!((10..errors.len() - 10).contains(&near), "{near}");
    assert!((1.0..100.0).contains(&worst), "{worst:e}");
}

for_each_autodiff_backend!(
    smooth_networks_come_near_and_large_weights_less_so,
    a_kink_that_a_step_crosses_costs_more_than_the_gradient,
);
