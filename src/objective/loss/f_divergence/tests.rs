//! The variational bound against quadrature: two Gaussians of known densities, the optimal critic
//! and others.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::FDivergence;
use crate::divergence::{Gaussian, Interval};
use crate::testing::{Cpu, assert_close, for_each_backend, tensor1, values};

const ALL: [FDivergence; 13] = [
    FDivergence::TotalVariation,
    FDivergence::Kl,
    FDivergence::ReverseKl,
    FDivergence::Pearson,
    FDivergence::Neyman,
    FDivergence::SquaredHellinger,
    FDivergence::JensenShannon,
    FDivergence::WeightedJensenShannon { pi: 0.3 },
    FDivergence::WeightedJensenShannon { pi: 0.8 },
    FDivergence::Gan,
    FDivergence::Alpha { alpha: 0.5 },
    FDivergence::Alpha { alpha: 2.0 },
    FDivergence::Alpha { alpha: -1.0 },
];

/// N(0, 1) and N(.5, .9²): every χ² between them is finite.
fn densities() -> (Gaussian, Gaussian) {
    (
        Gaussian::new(0.0, 1.0).expect("a Gaussian"),
        Gaussian::new(0.5, 0.9).expect("a Gaussian"),
    )
}

fn interval() -> Interval {
    Interval::new(-9.0, 9.0, 1_000).expect("an interval")
}

/// The logit whose activation is the optimal critic at the density ratio u.
fn optimal_logit(divergence: FDivergence, u: f64) -> f64 {
    let l = u.ln();
    match divergence {
        // ½·tanh reaches ±½ to the last bit of f32 at ±20.
        FDivergence::TotalVariation => 40.0 * l.signum(),
        FDivergence::Kl => 1.0 + l,
        FDivergence::Pearson => 2.0 * (u - 1.0),
        FDivergence::Neyman => 2.0 * l,
        FDivergence::SquaredHellinger => 0.5 * l,
        FDivergence::WeightedJensenShannon { pi } => l + (pi / (1.0 - pi)).ln(),
        FDivergence::ReverseKl
        | FDivergence::JensenShannon
        | FDivergence::Gan
        | FDivergence::Alpha { .. } => l,
    }
}

fn column<B: Backend>(at: &[f64]) -> Tensor<B, 2> {
    tensor1::<B>(at).reshape([at.len(), 1])
}

/// E_p[g(l)] − E_q[f*(g(l))] by quadrature, the critic evaluated as tensors.
fn bound<B: Backend>(divergence: FDivergence, logit: impl Fn(f64) -> f64) -> f64 {
    let (p, q) = densities();
    let nodes: Vec<(f64, f64)> = interval().nodes().collect();
    let logits: Vec<f64> = nodes.iter().map(|(x, _)| logit(*x)).collect();
    let t = values(divergence.activation(column::<B>(&logits)));
    let conjugate = values(divergence.conjugate(column::<B>(&logits)));
    nodes
        .iter()
        .zip(t.iter().zip(&conjugate))
        .map(|((x, weight), (t, c))| weight * (p.density(*x) * t - q.density(*x) * c))
        .sum()
}

/// ∫ q·f(p/q) by quadrature.
fn divergence_by_quadrature(divergence: FDivergence) -> f64 {
    let (p, q) = densities();
    interval().integrate(|x| {
        let u = (p.log_density(x) - q.log_density(x)).exp();
        q.density(x) * divergence.f(u)
    })
}

fn ratio(x: f64) -> f64 {
    let (p, q) = densities();
    (p.log_density(x) - q.log_density(x)).exp()
}

fn the_optimal_critic_attains_the_divergence<B: Backend>() {
    for divergence in ALL {
        let exact = divergence_by_quadrature(divergence);
        let found = bound::<B>(divergence, |x| optimal_logit(divergence, ratio(x)));
        // Total variation has its kink within a panel of the quadrature: both sides miss it alike.
        assert!(
            (found - exact).abs() < 1e-4,
            "{divergence}: {found}, not {exact}"
        );
    }
}

fn any_other_critic_stays_below<B: Backend>() {
    for divergence in ALL {
        let exact = divergence_by_quadrature(divergence);
        for (scale, shift) in [(0.5, 0.0), (1.5, 0.0), (1.0, 0.3), (1.0, -0.3), (-1.0, 0.0)] {
            let found = bound::<B>(divergence, |x| {
                scale * optimal_logit(divergence, ratio(x)) + shift
            });
            // A total variation critic at ±40 hardly feels a change of scale.
            let slack = if matches!(divergence, FDivergence::TotalVariation) {
                1e-5
            } else {
                -1e-4
            };
            assert!(
                found < exact + slack,
                "{divergence}, scale {scale}, shift {shift}: {found} exceeds {exact}"
            );
        }
    }
}

for_each_backend!(
    the_optimal_critic_attains_the_divergence,
    any_other_critic_stays_below,
);

#[test]
fn activations_of_the_optimal_logit_are_the_optimal_critic() {
    for divergence in ALL {
        for u in [0.2, 0.9, 1.5, 4.0] {
            let logit = column::<Cpu>(&[optimal_logit(divergence, u)]);
            let critic = values(divergence.activation(logit));
            assert_close(&critic, &[divergence.optimal_critic(u)], 1e-5, 1e-6);
        }
    }
}

#[test]
fn derivatives_are_those_of_f() {
    for divergence in ALL {
        for u in [0.2, 0.9, 1.5, 4.0] {
            let h = 1e-6;
            let slope = (divergence.f(u + h) - divergence.f(u - h)) / (2.0 * h);
            assert_close(&[divergence.optimal_critic(u)], &[slope], 1e-6, 1e-8);
        }
    }
}

#[test]
fn thresholds_are_those_of_the_paper() {
    for (divergence, threshold) in [
        (FDivergence::TotalVariation, 0.0),
        (FDivergence::Kl, 1.0),
        (FDivergence::ReverseKl, -1.0),
        (FDivergence::Pearson, 0.0),
        (FDivergence::Neyman, 0.0),
        (FDivergence::SquaredHellinger, 0.0),
        (FDivergence::JensenShannon, 0.0),
        (FDivergence::WeightedJensenShannon { pi: 0.3 }, 0.0),
        (FDivergence::Gan, -std::f64::consts::LN_2),
        (FDivergence::Alpha { alpha: 0.5 }, 0.0),
    ] {
        assert_close(&[divergence.threshold()], &[threshold], 1e-15, 1e-15);
    }
}

#[test]
fn known_divergences_come_out() {
    let (p, q) = densities();
    let js =
        crate::divergence::js_divergence(|x| p.log_density(x), |x| q.log_density(x), &interval());
    let of = divergence_by_quadrature;
    assert_close(&[of(FDivergence::Kl)], &[p.kl(&q)], 1e-6, 0.0);
    assert_close(&[of(FDivergence::ReverseKl)], &[q.kl(&p)], 1e-6, 0.0);
    assert_close(&[of(FDivergence::JensenShannon)], &[2.0 * js], 1e-6, 0.0);
    let gan = 2.0 * js - 2.0 * std::f64::consts::LN_2;
    assert_close(&[of(FDivergence::Gan)], &[gan], 1e-6, 0.0);
    let half = FDivergence::WeightedJensenShannon { pi: 0.5 };
    assert_close(&[of(half)], &[js], 1e-6, 0.0);
}

#[test]
fn settings_out_of_range_are_refused() {
    for divergence in [
        FDivergence::WeightedJensenShannon { pi: 0.0 },
        FDivergence::WeightedJensenShannon { pi: f64::NAN },
        FDivergence::Alpha { alpha: 1.0 },
        FDivergence::Alpha { alpha: 0.0 },
        FDivergence::Alpha { alpha: f64::NAN },
    ] {
        assert!(divergence.validate().is_err(), "{divergence}");
    }
}
