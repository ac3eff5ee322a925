//! Path length in a style space: a closed form where mapping and synthesis are linear, central
//! differences in f64 where they are not.

use burn::backend::{Autodiff, NdArray};
use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};

use super::{central_differences, fixed, generator_cost, latents, mlp};
use crate::network::{Generator, StyleSpace, for_all_layers};
use crate::nn::Activation;
use crate::nn::{Linear, LinearConfig};
use crate::objective::term::PathLength;
use crate::objective::{Loss, Objective, ObjectiveState, SecondOrder, Term, TermKind};
use crate::testing::{
    assert_close, assign, for_each_autodiff_backend, gradients, parameters, settle_precision,
    tensor2, values,
};

/// w = z·A, G = w₁·W₁ + w₂·W₂, or with a tanh after each; styles of two numbers, samples of three.
#[derive(Module, Debug)]
struct Styled<B: Backend> {
    mapping: Linear<B>,
    first: Linear<B>,
    second: Linear<B>,
    bent: bool,
}

impl<B: Backend> Styled<B> {
    fn new(bent: bool) -> Self {
        let linear = |from, to| {
            let config = LinearConfig::new(from, to).with_bias(false);
            config.init(&Default::default())
        };
        let network = Self {
            mapping: linear(3, 2),
            first: linear(2, 3),
            second: linear(2, 3),
            bent,
        };
        fixed::<B, _>(network, 0.3)
    }

    fn bend<const R: usize>(&self, x: Tensor<B, R>) -> Tensor<B, R> {
        if self.bent { x.tanh() } else { x }
    }
}

impl<B: Backend> Generator<B> for Styled<B> {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn generate(&self, latent: Tensor<B, 2>, condition: &()) -> Tensor<B, 2> {
        let styles = for_all_layers(self.map_latent(latent, condition), 2);
        self.synthesize(styles, condition)
    }

    fn style_space(&self) -> Option<&dyn StyleSpace<B, Tensor<B, 2>, ()>> {
        Some(self)
    }
}

impl<B: Backend> StyleSpace<B, Tensor<B, 2>, ()> for Styled<B> {
    fn layers(&self) -> usize {
        2
    }

    fn map_latent(&self, latent: Tensor<B, 2>, _condition: &()) -> Tensor<B, 2> {
        self.bend(self.mapping.forward(latent))
    }

    fn synthesize(&self, styles: Tensor<B, 3>, _condition: &()) -> Tensor<B, 2> {
        let style = |layer| styles.clone().narrow(1, layer, 1).squeeze_dim::<2>(1);
        let first = self.bend(self.first.forward(style(0)));
        self.bend(first + self.second.forward(style(1)))
    }
}

fn objective(decay: f64, second_order: SecondOrder) -> Objective {
    let kind = TermKind::PathLength(PathLength { decay });
    Objective::new(Loss::NonSaturating)
        .with_term(Term::new(kind, 1.0))
        .with_second_order(second_order)
}

fn real<B: Backend>() -> Tensor<B, 2> {
    tensor2([
        [0.0, 1.0, 2.0],
        [1.0, 0.0, 0.5],
        [0.5, 0.5, 0.5],
        [2.0, 1.0, 0.0],
    ])
}

/// One step of the term on a generator from a state.
fn path_length<B: AutodiffBackend>(
    generator: &Styled<B>,
    state: &mut ObjectiveState<B>,
    objective: &Objective,
) -> Tensor<B, 1> {
    let discriminator = fixed::<B, _>(mlp::<B>(3, [4], Activation::Tanh), 0.7);
    let cost = generator_cost(objective, state, (generator, &discriminator), &real());
    cost.terms.expect("it is due")
}

/// ∂/∂w_l (G·y) = W_l·y for each of two layers: ℓ = √(½·Σ_l ‖W_l·y‖²), whatever the mapping is.
fn lengths_of_linear_synthesis_are_its_weights<B: AutodiffBackend>() {
    for second_order in [SecondOrder::Exact, SecondOrder::finite_differences()] {
        let generator = Styled::<B>::new(false);
        let all = parameters::<B, _>(&generator);
        let state = &mut ObjectiveState::new(7);
        let mut stream = state.noise.clone();
        let objective = objective(0.8, second_order);
        let mut anchor = None;
        for _ in 0..3 {
            let drawn = stream.normal(12);
            let lengths: Vec<f64> = drawn
                .chunks(3)
                .map(|y| {
                    let squares = all[1..].iter().flat_map(|weights| {
                        let rows = weights.chunks(3);
                        rows.map(|row| {
                            let pairs = row.iter().zip(y);
                            pairs.map(|(w, y)| w * f64::from(*y)).sum::<f64>().powi(2)
                        })
                    });
                    (0.5 * squares.sum::<f64>()).sqrt()
                })
                .collect();
            let now = lengths.iter().sum::<f64>() / 4.0;
            let moved = anchor.map_or(now, |old: f64| 0.8 * old + 0.2 * now);
            anchor = Some(moved);
            let expected = lengths.iter().map(|l| (l - moved).powi(2)).sum::<f64>() / 4.0;
            let found = path_length(&generator, state, &objective);
            assert_close(&values(found.clone()), &[expected], 1e-4, 1e-6);
            let remembered = state.memory(0)[0].clone();
            assert_close(&values(remembered), &[moved], 1e-5, 0.0);
            // A linear synthesis is as long everywhere: the mapping has no part in it.
            let found = gradients::<B, _>(&generator, &found.backward());
            assert!(found[0].iter().all(|g| g.abs() < 1e-4), "{:?}", found[0]);
            assert!(found[1].iter().any(|g| g.abs() > 1e-3));
        }
    }
}

for_each_autodiff_backend!(lengths_of_linear_synthesis_are_its_weights);

#[test]
fn gradients_are_central_differences_and_reach_the_mapping_network() {
    settle_precision();
    type B = Autodiff<NdArray<f64>>;
    let generator = Styled::<B>::new(true);
    let of = |generator: &Styled<B>, second_order| {
        // The first anchor is the mean itself, where its change changes nothing.
        let state = &mut ObjectiveState::new(7);
        path_length(generator, state, &objective(0.9, second_order))
    };
    let expected =
        central_differences::<B, _>(&generator, |g| values(of(g, SecondOrder::Exact))[0]);
    let largest = expected.iter().fold(0.0f64, |most, g| most.max(g.abs()));
    // The mapping's six weights come first.
    assert!(expected[..6].iter().any(|g| g.abs() > 0.05 * largest));
    // Differences of first order leave out what is of the order of their step squared.
    let step = |step| SecondOrder::FiniteDifferences { step };
    for (second_order, tolerance) in [
        (SecondOrder::Exact, 1e-8),
        (step(0.01), 1e-3),
        (step(0.001), 1e-5),
    ] {
        let value = of(&generator, second_order);
        let exact = of(&generator, SecondOrder::Exact);
        assert_close(&values(value.clone()), &values(exact), 1e-12, 0.0);
        let found = gradients::<B, _>(&generator, &value.backward()).concat();
        assert_close(&found, &expected, 0.0, tolerance * largest);
    }
}

/// A styled generator that does not say so.
#[derive(Module, Debug)]
struct Latents<B: Backend> {
    styled: Styled<B>,
}

impl<B: Backend> Generator<B> for Latents<B> {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn generate(&self, latent: Tensor<B, 2>, condition: &()) -> Tensor<B, 2> {
        self.styled.generate(latent, condition)
    }
}

/// Without a style space the same generator is as long as a step in the latent.
#[test]
fn without_styles_lengths_are_in_the_latent() {
    type B = Autodiff<crate::testing::Cpu>;
    let one = vec![
        vec![1.0, 0.0, 0.0, 1.0, 0.0, 0.0],
        vec![1.0; 6],
        vec![0.0; 6],
    ];
    let styled = assign::<B, _>(Styled::<B>::new(false), one);
    let plain = Latents {
        styled: styled.clone(),
    };
    let discriminator = fixed::<B, _>(mlp::<B>(3, [4], Activation::Tanh), 0.7);
    let objective = objective(0.9, SecondOrder::Exact);
    let of = |styles| {
        let state = &mut ObjectiveState::new(7);
        let cost = match styles {
            true => generator_cost(&objective, state, (&styled, &discriminator), &real()),
            false => generator_cost(&objective, state, (&plain, &discriminator), &real()),
        };
        values(cost.terms.expect("it is due"))[0]
    };
    // The first two latents are the style, the second layer does nothing: the lengths differ by √2
    // for the two layers, their squares by 2.
    let (in_styles, in_latents) = (of(true), of(false));
    assert!(in_latents > 0.0);
    assert_close(&[2.0 * in_styles], &[in_latents], 1e-5, 0.0);
    assert_eq!(latents::<B>(2).dims(), [2, 3]);
}
