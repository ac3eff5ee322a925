//! The discriminator as a measuring device: the best one there is, and what any one tells.

use std::f64::consts::LN_2;

use burn::tensor::{Tensor, backend::Backend};

use super::quadrature::{Interval, log_sigmoid, weighted};
use crate::error::{Error, Result};
use crate::objective::softplus;

/// The probability that the best discriminator gives to "real" at a point, from the two densities
/// there.
///
/// ```text
/// D*(x) = p_data(x) / (p_data(x) + p_g(x))
/// ```
///
/// ½ where both are 0: no sample ever falls there, and any answer is as good.
///
/// Goodfellow et al. 2014, proposition 1, [arXiv:1406.2661](https://arxiv.org/abs/1406.2661).
///
/// ```
/// use burn_gan::divergence::optimal_discriminator;
///
/// assert_eq!(optimal_discriminator(0.3, 0.3), 0.5);
/// assert_eq!(optimal_discriminator(0.25, 0.75), 0.25);
/// assert_eq!(optimal_discriminator(0.0, 0.1), 0.0);
/// ```
pub fn optimal_discriminator(p_data: f64, p_generator: f64) -> f64 {
    if p_data == 0.0 && p_generator == 0.0 {
        return 0.5;
    }
    // The same quotient; the sum of two large densities would overflow.
    1.0 / (1.0 + p_generator / p_data)
}

/// The logit of the best discriminator at a point, from the logarithms of the two densities there.
///
/// ```text
/// logit*(x) = ln D*(x) − ln(1 − D*(x)) = ln p_data(x) − ln p_g(x)
/// ```
///
/// 0 where both densities are 0 (both logarithms −∞), as with [`optimal_discriminator`]. So a
/// discriminator trained to the end knows the ratio of the two densities, although neither need
/// be known.
///
/// Goodfellow et al. 2014, [arXiv:1406.2661](https://arxiv.org/abs/1406.2661).
///
/// ```
/// use burn_gan::divergence::optimal_logit;
///
/// assert_eq!(optimal_logit(-1.0, -3.0), 2.0);
/// assert_eq!(optimal_logit(f64::NEG_INFINITY, f64::NEG_INFINITY), 0.0);
/// ```
pub fn optimal_logit(log_p_data: f64, log_p_generator: f64) -> f64 {
    if log_p_data == f64::NEG_INFINITY && log_p_generator == f64::NEG_INFINITY {
        return 0.0;
    }
    log_p_data - log_p_generator
}

/// The value function of the adversarial game, in nats, for a discriminator given by its logit.
///
/// ```text
/// V(G, D) = E_{x∼p_data} ln D(x) + E_{x∼p_g} ln(1 − D(x)),   D(x) = σ(logit(x))
/// ```
///
/// Both densities are given by their logarithms. The discriminator wants V high, the generator
/// low. At the best discriminator ([`optimal_logit`]) it is 2·JS(p_data, p_g) − 2 ln 2, which is
/// lowest, −2 ln 2, where the two densities are equal. −∞ for a discriminator that is certain, and
/// wrong, at a point of positive density.
///
/// Goodfellow et al. 2014, equation 1 and theorem 1,
/// [arXiv:1406.2661](https://arxiv.org/abs/1406.2661).
///
/// ```
/// use burn_gan::divergence::{Gaussian, Interval, value};
///
/// let p = Gaussian::new(0.0, 1.0)?;
/// let interval = Interval::new(-12.0, 12.0, 500)?;
/// // Two equal densities, and a discriminator that cannot tell: ln ½ + ln ½.
/// let v = value(|x| p.log_density(x), |x| p.log_density(x), |_| 0.0, &interval);
/// assert!((v + 2.0 * 2_f64.ln()).abs() < 1e-12);
/// # Ok::<(), burn_gan::Error>(())
/// ```
pub fn value(
    log_p_data: impl Fn(f64) -> f64,
    log_p_generator: impl Fn(f64) -> f64,
    logit: impl Fn(f64) -> f64,
    interval: &Interval,
) -> f64 {
    interval.integrate(|x| {
        let logit = logit(x);
        weighted(log_p_data(x), || log_sigmoid(logit))
            + weighted(log_p_generator(x), || log_sigmoid(-logit))
    })
}

/// A lower bound on the Jensen–Shannon divergence, in nats, from a discriminator's logits.
///
/// ```text
/// JS(p_data, p_g) ≥ ½ (E_real ln σ(logit) + E_fake ln(1 − σ(logit))) + ln 2
/// ```
///
/// The bound holds for the expectations, whatever the discriminator, and is tight at the best one;
/// the means of finitely many logits lie within sampling noise of it. On samples that the
/// discriminator was trained on, memorising makes the estimate too high: take samples it has not
/// seen. At most ln 2; negative for a discriminator worse than none. Finite for logits of any
/// finite size.
///
/// Goodfellow et al. 2014, theorem 1, [arXiv:1406.2661](https://arxiv.org/abs/1406.2661).
///
/// ```
/// use burn_gan::divergence::js_lower_bound_from_slices;
///
/// assert_eq!(js_lower_bound_from_slices(&[0.0], &[0.0, 0.0])?, 0.0);
/// assert_eq!(js_lower_bound_from_slices(&[500.0], &[-500.0])?, 2_f64.ln());
/// # Ok::<(), burn_gan::Error>(())
/// ```
///
/// # Errors
/// If either has no logit, or one is NaN.
pub fn js_lower_bound_from_slices(real_logits: &[f64], fake_logits: &[f64]) -> Result<f64> {
    let real = mean_of("real_logits", real_logits, log_sigmoid)?;
    let fake = mean_of("fake_logits", fake_logits, |logit| log_sigmoid(-logit))?;
    Ok(0.5 * (real + fake) + LN_2)
}

/// A lower bound on the Jensen–Shannon divergence, in nats, from tensors of logits.
///
/// The same as [`js_lower_bound_from_slices`], on any backend and with nothing read back: it can
/// be logged during training.
///
/// Shapes: `real_logits` and `fake_logits` `[batch, patches]` (the two batches may differ), the
/// result `[1]`. Exact and finite for logits of ±500, in value and gradient. NaN logits give NaN.
///
/// ```text
/// ½ (mean(ln σ(real)) + mean(ln σ(−fake))) + ln 2
/// ```
///
/// Goodfellow et al. 2014, theorem 1, [arXiv:1406.2661](https://arxiv.org/abs/1406.2661).
///
/// ```
/// # #[cfg(feature = "flex")]
/// # {
/// use burn_gan::burn::backend::Flex;
/// use burn_gan::burn::tensor::Tensor;
/// use burn_gan::divergence::js_lower_bound;
///
/// let device = Default::default();
/// let real = Tensor::<Flex, 2>::from_floats([[2.0], [3.0]], &device);
/// let fake = Tensor::<Flex, 2>::from_floats([[-1.0], [-4.0]], &device);
/// let bound: f32 = js_lower_bound(real, fake).into_scalar();
/// assert!(bound > 0.5 && bound < 2_f32.ln());
/// # }
/// ```
///
/// # Panics
/// If either tensor is empty.
#[inline(never)]
pub fn js_lower_bound<B: Backend>(
    real_logits: Tensor<B, 2>,
    fake_logits: Tensor<B, 2>,
) -> Tensor<B, 1> {
    let (real, fake) = (real_logits.dims(), fake_logits.dims());
    assert!(
        real.iter().chain(&fake).all(|size| *size > 0),
        "the bound needs logits: real_logits {real:?}, fake_logits {fake:?}"
    );
    // Each sample's patches first: some backends add a very large tensor in no fixed order.
    let mean = |costs: Tensor<B, 2>| costs.mean_dim(1).mean();
    let cost = mean(softplus(-real_logits)) + mean(softplus(fake_logits));
    cost * -0.5 + LN_2
}

/// The mean of `term` over logits that must exist and be numbers.
fn mean_of(name: &str, logits: &[f64], term: impl Fn(f64) -> f64) -> Result<f64> {
    if logits.is_empty() {
        return Err(Error::data(name, "there are none: give at least one logit"));
    }
    if let Some(index) = logits.iter().position(|logit| logit.is_nan()) {
        return Err(Error::data(name, format!("number {index} is NaN")));
    }
    Ok(logits.iter().map(|logit| term(*logit)).sum::<f64>() / logits.len() as f64)
}

crate::compiled::compiled! {
    js_lower_bound::<Plain>,
}

#[cfg(test)]
mod tests {
    use burn::backend::{Autodiff, NdArray};
    use burn::tensor::TensorData;
    use burn::tensor::backend::AutodiffBackend;

    use super::*;
    use crate::divergence::{Gaussian, GaussianMixture, expectation, js_divergence};
    use crate::random::Stream;

    fn gaussian(mean: f64, std: f64) -> Gaussian {
        Gaussian::new(mean, std).unwrap()
    }

    /// Wide enough for every density below, narrow enough that no density ratio overflows.
    fn interval() -> Interval {
        Interval::new(-16.0, 16.0, 3_000).unwrap()
    }

    /// (data, generator): apart in the mean, in the spread, in both, and with either one wider.
    fn pairs() -> Vec<(Gaussian, Gaussian)> {
        vec![
            (gaussian(0.5, 1.0), gaussian(-0.4, 1.1)),
            (gaussian(0.5, 1.2), gaussian(-0.4, 0.9)),
            (gaussian(-1.0, 0.6), gaussian(1.0, 1.5)),
            (gaussian(0.0, 1.0), gaussian(0.3, 0.8)),
        ]
    }

    fn js(p: &Gaussian, q: &Gaussian) -> f64 {
        js_divergence(|x| p.log_density(x), |x| q.log_density(x), &interval())
    }

    /// The optimal logit of a data density and a generator that stay as they are.
    fn frozen_logit(data: Gaussian, generator: Gaussian) -> impl Fn(f64) -> f64 {
        move |x| optimal_logit(data.log_density(x), generator.log_density(x))
    }

    /// The derivative of `f` with respect to a Gaussian's mean and standard deviation, by central
    /// differences: error of the order of 1e-8.
    fn difference(at: &Gaussian, f: impl Fn(&Gaussian) -> f64) -> [f64; 2] {
        let step = 1e-4;
        let (mean, std) = (at.mean(), at.std());
        let slope = |up: Gaussian, down: Gaussian| (f(&up) - f(&down)) / (2.0 * step);
        [
            slope(gaussian(mean + step, std), gaussian(mean - step, std)),
            slope(gaussian(mean, std + step), gaussian(mean, std - step)),
        ]
    }

    /// The expected gradient of a generator cost E f(logit(x)), the discriminator held at the
    /// optimum for `generator`, with respect to the generator's mean and standard deviation.
    ///
    /// Score-function form: E f(logit(x)) ∂ ln p_g(x). It needs no derivative of f.
    fn score_gradient(
        data: &Gaussian,
        generator: &Gaussian,
        cost: impl Fn(f64) -> f64,
    ) -> [f64; 2] {
        let logit = frozen_logit(*data, *generator);
        let std = generator.std();
        let z = |x: f64| (x - generator.mean()) / std;
        let expected = |score: &dyn Fn(f64) -> f64| {
            expectation(
                |x| generator.log_density(x),
                |x| cost(logit(x)) * score(x),
                &interval(),
            )
        };
        [
            expected(&|x| z(x) / std),
            expected(&|x| (z(x).powi(2) - 1.0) / std),
        ]
    }

    /// The same gradient in its pathwise form, as back-propagation through x = mean + std · z
    /// takes it: E f′(logit(x)) logit′(x) ∂x, with ∂x = 1 for the mean and z for the spread.
    fn path_gradient(
        data: &Gaussian,
        generator: &Gaussian,
        cost_slope: impl Fn(f64) -> f64,
    ) -> [f64; 2] {
        let logit = frozen_logit(*data, *generator);
        let z = |x: f64| (x - generator.mean()) / generator.std();
        let logit_slope = |x: f64| z(x) / generator.std() - (x - data.mean()) / data.std().powi(2);
        let expected = |path: &dyn Fn(f64) -> f64| {
            expectation(
                |x| generator.log_density(x),
                |x| cost_slope(logit(x)) * logit_slope(x) * path(x),
                &interval(),
            )
        };
        [expected(&|_| 1.0), expected(&z)]
    }

    /// The gradient of KL(data ‖ generator) with respect to the generator's mean and standard
    /// deviation: the derivatives of the closed form.
    fn kl_gradient(data: &Gaussian, generator: &Gaussian) -> [f64; 2] {
        let shift = generator.mean() - data.mean();
        let std = generator.std();
        [
            shift / std.powi(2),
            1.0 / std - (data.std().powi(2) + shift.powi(2)) / std.powi(3),
        ]
    }

    fn assert_close(a: [f64; 2], b: [f64; 2], tolerance: f64) {
        for (a, b) in a.iter().zip(&b) {
            assert!(
                (a - b).abs() < tolerance * (1.0 + b.abs()),
                "{a} against {b}"
            );
        }
    }

    fn sigmoid(x: f64) -> f64 {
        1.0 / (1.0 + (-x).exp())
    }

    fn maximum_likelihood(logit: f64) -> f64 {
        -0.5 * logit.exp()
    }

    #[test]
    fn the_optimal_discriminator_is_the_density_share() {
        assert_eq!(optimal_discriminator(0.0, 0.0), 0.5);
        assert_eq!(optimal_discriminator(2.0, 0.0), 1.0);
        assert_eq!(optimal_discriminator(0.0, 2.0), 0.0);
        assert_eq!(optimal_discriminator(1e308, 1e308), 0.5);
        assert!(optimal_discriminator(f64::NAN, 1.0).is_nan());
        assert!(optimal_discriminator(0.0, f64::NAN).is_nan());
        for (data, generator) in pairs() {
            for x in [-3.0, -0.4, 0.0, 0.5, 2.0] {
                let (p, q) = (data.density(x), generator.density(x));
                let logit = optimal_logit(data.log_density(x), generator.log_density(x));
                assert!((optimal_discriminator(p, q) - p / (p + q)).abs() < 1e-15);
                assert!((sigmoid(logit) - p / (p + q)).abs() < 1e-14);
            }
        }
    }

    #[test]
    fn the_optimal_discriminator_maximises_the_value_at_each_point() {
        // p ln D + q ln(1 − D) on a grid of D: the highest grid point lies next to p/(p+q).
        for (p, q) in [(0.3, 0.1), (0.2, 0.2), (0.05, 0.9)] {
            let best = (1..1_000)
                .map(|i| f64::from(i) / 1_000.0)
                .max_by(|a, b| {
                    let at = |d: f64| p * d.ln() + q * (1.0 - d).ln();
                    at(*a).total_cmp(&at(*b))
                })
                .unwrap();
            assert!((best - optimal_discriminator(p, q)).abs() <= 1e-3);
        }
    }

    #[test]
    fn value_at_the_optimum_is_twice_js_minus_two_ln_two() {
        for (data, generator) in pairs() {
            let v = value(
                |x| data.log_density(x),
                |x| generator.log_density(x),
                frozen_logit(data, generator),
                &interval(),
            );
            assert!((v - (2.0 * js(&data, &generator) - 2.0 * LN_2)).abs() < 1e-10);
        }
        // And for densities that share nothing: a discriminator that is never wrong, V = 0.
        let step = |low: f64| {
            move |x: f64| {
                if (low..low + 1.0).contains(&x) {
                    0.0
                } else {
                    f64::NEG_INFINITY
                }
            }
        };
        let apart = Interval::new(0.0, 3.0, 30).unwrap();
        let best = |x| optimal_logit(step(0.0)(x), step(2.0)(x));
        assert_eq!(value(step(0.0), step(2.0), best, &apart), 0.0);
    }

    #[test]
    fn the_games_optimum_is_minus_two_ln_two_at_equal_densities() {
        let data = GaussianMixture::new(&[(1.0, gaussian(-2.0, 0.7)), (3.0, gaussian(1.0, 1.0))]);
        let data = data.unwrap();
        let at_best = |log_generator: &dyn Fn(f64) -> f64| {
            value(
                |x| data.log_density(x),
                log_generator,
                |x| optimal_logit(data.log_density(x), log_generator(x)),
                &interval(),
            )
        };
        let lowest = at_best(&|x| data.log_density(x));
        assert!((lowest + 2.0 * LN_2).abs() < 1e-10);
        for (mean, std) in [(0.0, 1.0), (0.25, 1.6), (1.0, 1.0)] {
            let generator = gaussian(mean, std);
            assert!(at_best(&|x| generator.log_density(x)) > lowest + 1e-3);
        }
    }

    #[test]
    fn every_other_discriminator_has_a_lower_value() {
        for (data, generator) in pairs() {
            let best = frozen_logit(data, generator);
            let v = |logit: &dyn Fn(f64) -> f64| {
                value(
                    |x| data.log_density(x),
                    |x| generator.log_density(x),
                    logit,
                    &interval(),
                )
            };
            let at_best = v(&best);
            let others: [&dyn Fn(f64) -> f64; 7] = [
                &|_| 0.0,
                &|_| 1.0,
                &|x| best(x) + 0.01,
                &|x| 0.99 * best(x),
                &|x| 2.0 * best(x),
                &|x| -best(x),
                &|x| best(x) + 0.1 * (3.0 * x).sin(),
            ];
            for (index, other) in others.into_iter().enumerate() {
                assert!(v(other) < at_best - 1e-7, "discriminator {index}");
            }
        }
    }

    #[test]
    fn a_certain_and_wrong_discriminator_has_value_minus_infinity() {
        let p = gaussian(0.0, 1.0);
        let log_p = |x| p.log_density(x);
        let v = value(log_p, log_p, |_| f64::INFINITY, &interval());
        assert_eq!(v, f64::NEG_INFINITY);
    }

    #[test]
    fn maximum_likelihood_cost_has_half_the_gradient_of_kl() {
        for (data, generator) in pairs() {
            let kl = kl_gradient(&data, &generator);
            assert_close(difference(&generator, |g| data.kl(g)), kl, 1e-6);

            let half = kl.map(|slope| 0.5 * slope);
            let by_score = score_gradient(&data, &generator, maximum_likelihood);
            assert_close(by_score, half, 1e-8);
            // d/dl (−½ e^l) = −½ e^l: the cost is its own slope.
            let by_path = path_gradient(&data, &generator, maximum_likelihood);
            assert_close(by_path, half, 1e-8);
            // Move the generator, leave the discriminator: the definition of the gradient.
            let logit = frozen_logit(data, generator);
            let moved = difference(&generator, |g| {
                expectation(
                    |x| g.log_density(x),
                    |x| maximum_likelihood(logit(x)),
                    &interval(),
                )
            });
            assert_close(moved, half, 1e-6);

            // The factor itself, from both sides: ½, and so neither 1 nor ¼.
            for (slope, kl) in by_score.iter().zip(&kl) {
                assert!(kl.abs() > 0.1, "a gradient near 0 would prove nothing");
                assert!((slope / kl - 0.5).abs() < 1e-6, "factor {}", slope / kl);
            }
        }
    }

    #[test]
    fn maximum_likelihood_cost_is_constant_along_optimal_discriminators() {
        // E_g exp(logit*) = ∫ p_data = 1: only its gradient at a held discriminator says anything.
        for (data, generator) in pairs() {
            let logit = frozen_logit(data, generator);
            let cost = expectation(
                |x| generator.log_density(x),
                |x| maximum_likelihood(logit(x)),
                &interval(),
            );
            assert!((cost + 0.5).abs() < 1e-10, "{cost}");
        }
    }

    #[test]
    fn autodiff_through_samples_gives_half_the_gradient_of_kl() {
        type B = Autodiff<NdArray<f64>>;
        crate::testing::settle_precision();
        let device = Default::default();
        // The expectation over z as a weighted sum over quadrature nodes: no sampling noise.
        let prior = gaussian(0.0, 1.0);
        let (z, weights): (Vec<f64>, Vec<f64>) = Interval::new(-14.0, 14.0, 1_000)
            .unwrap()
            .nodes()
            .map(|(z, weight)| (z, weight * prior.density(z)))
            .unzip();
        let column = |values: Vec<f64>| {
            let count = values.len();
            Tensor::<B, 1>::from_data(TensorData::new(values, [count]), &device)
        };
        let (z, weights) = (column(z), column(weights));
        for (data, generator) in pairs() {
            let mean = column(vec![generator.mean()]).require_grad();
            let std = column(vec![generator.std()]).require_grad();
            let x = mean.clone() + std.clone() * z.clone();
            let log_density = |p: Gaussian| {
                ((x.clone() - p.mean()) / p.std()).powi_scalar(2) * -0.5 - p.std().ln()
            };
            // The discriminator's own generator is a constant here: it is held.
            let logit = log_density(data) - log_density(generator);
            let cost = (logit.exp() * weights.clone()).sum() * -0.5;
            let gradients = cost.backward();
            let slope =
                |parameter: &Tensor<B, 1>| parameter.grad(&gradients).unwrap().into_scalar();
            let half = kl_gradient(&data, &generator).map(|slope| 0.5 * slope);
            assert_close([slope(&mean), slope(&std)], half, 1e-6);
        }
    }

    #[test]
    fn minimax_cost_has_the_gradient_of_twice_js() {
        for (data, generator) in pairs() {
            let twice_js = difference(&generator, |g| 2.0 * js(&data, g));
            let cost = |logit: f64| log_sigmoid(-logit);
            assert_close(score_gradient(&data, &generator, cost), twice_js, 1e-6);
            // d/dl ln σ(−l) = −σ(l).
            let slope = |logit: f64| -sigmoid(logit);
            assert_close(path_gradient(&data, &generator, slope), twice_js, 1e-6);
            assert!(
                twice_js.iter().all(|slope| slope.abs() > 1e-2),
                "{twice_js:?}"
            );
        }
    }

    #[test]
    fn non_saturating_cost_has_the_gradient_of_reverse_kl_minus_twice_js() {
        for (data, generator) in pairs() {
            let target = difference(&generator, |g| g.kl(&data) - 2.0 * js(&data, g));
            let cost = |logit: f64| -log_sigmoid(logit);
            assert_close(score_gradient(&data, &generator, cost), target, 1e-6);
            // d/dl (−ln σ(l)) = −σ(−l).
            let slope = |logit: f64| -sigmoid(-logit);
            assert_close(path_gradient(&data, &generator, slope), target, 1e-6);
        }
    }

    #[test]
    fn minimax_saturates_where_the_discriminator_is_sure() {
        // The generator is far off: at its samples the optimal logit is about −200.
        let data = gaussian(0.0, 0.5);
        let generator = gaussian(10.0, 0.5);
        let minimax = path_gradient(&data, &generator, |logit| -sigmoid(logit));
        let non_saturating = path_gradient(&data, &generator, |logit| -sigmoid(-logit));
        assert!(minimax[0].abs() < 1e-15, "{minimax:?}");
        // KL(p_g ‖ p_data) leads: its slope in the mean is 10/0.5² = 40.
        assert!(
            (non_saturating[0] - 40.0).abs() < 1e-6,
            "{non_saturating:?}"
        );
    }

    #[test]
    fn js_lower_bound_of_samples_is_tight_at_the_optimum_and_low_elsewhere() {
        let (data, generator) = (gaussian(1.0, 1.0), gaussian(-0.5, 1.5));
        let exact = js(&data, &generator);
        let count = 100_000;
        let mut stream = Stream::new(1, "js");
        let mut draw = |p: &Gaussian| -> Vec<f64> {
            let noise = stream.normal(count);
            noise
                .iter()
                .map(|z| p.mean() + p.std() * f64::from(*z))
                .collect()
        };
        let (real, fake) = (draw(&data), draw(&generator));
        let bound = |logit: &dyn Fn(f64) -> f64| {
            let logits = |samples: &[f64]| samples.iter().map(|x| logit(*x)).collect::<Vec<_>>();
            js_lower_bound_from_slices(&logits(&real), &logits(&fake)).unwrap()
        };
        let best = frozen_logit(data, generator);
        // Five standard errors, the terms' variances from the samples themselves: a right estimate
        // fails once in 1.7 million seeds.
        let variance = |samples: &[f64], sign: f64| {
            let terms = || samples.iter().map(|x| log_sigmoid(sign * best(*x)));
            let mean = terms().sum::<f64>() / count as f64;
            terms().map(|term| (term - mean).powi(2)).sum::<f64>() / count as f64
        };
        let both = variance(&real, 1.0) + variance(&fake, -1.0);
        let noise = 5.0 * 0.5 * (both / count as f64).sqrt();
        assert!(noise < 0.01, "{noise}");
        assert!(
            (bound(&best) - exact).abs() < noise,
            "{} {exact}",
            bound(&best)
        );
        assert!(bound(&|x| 3.0 * best(x)) < exact - 0.02);
        assert!(bound(&|x| 0.2 * best(x)) < exact - 0.02);
        // A discriminator that cannot tell says nothing, up to the rounding of a long sum.
        assert!(bound(&|_| 0.0).abs() < 1e-10);
    }

    #[test]
    fn js_lower_bound_of_slices_is_exact_at_extreme_logits_and_refuses_bad_ones() {
        let bound = |real: f64, fake: f64| js_lower_bound_from_slices(&[real], &[fake]).unwrap();
        assert_eq!(bound(500.0, -500.0), LN_2);
        assert_eq!(bound(-500.0, 500.0), LN_2 - 500.0);
        assert_eq!(bound(0.0, 0.0), 0.0);
        // ½ (−ln(1 + e^-2) − ln(1 + e^-1)) + ln 2.
        let expected = LN_2 - 0.5 * ((-2_f64).exp().ln_1p() + (-1_f64).exp().ln_1p());
        assert!((bound(2.0, -1.0) - expected).abs() < 1e-15);

        let refused = |real: &[f64], fake: &[f64]| {
            js_lower_bound_from_slices(real, fake)
                .unwrap_err()
                .to_string()
        };
        assert!(refused(&[], &[0.0]).contains("real_logits"));
        assert!(refused(&[0.0], &[]).contains("fake_logits"));
        assert!(refused(&[0.0], &[1.0, f64::NAN]).contains("number 1"));
    }

    fn matrix<B: Backend>(values: &[f64], shape: [usize; 2]) -> Tensor<B, 2> {
        crate::testing::floats(TensorData::new(values.to_vec(), shape))
    }

    fn check_tensors<B: AutodiffBackend>(tolerance: f64) {
        let real = [500.0, -500.0, 0.0, 2.0, -1.5, 40.0];
        let fake = [-500.0, 500.0, 0.0, 3.0];
        let real_logits = matrix::<B>(&real, [3, 2]).require_grad();
        let fake_logits = matrix::<B>(&fake, [2, 2]).require_grad();
        let bound = js_lower_bound(real_logits.clone(), fake_logits.clone());
        let expected = js_lower_bound_from_slices(&real, &fake).unwrap();
        let got = bound.clone().into_data().iter::<f64>().next().unwrap();
        assert!((got / expected - 1.0).abs() < tolerance, "{got} {expected}");

        // ½ σ(−l)/N for a real logit, −½ σ(l)/N for a fake one.
        let gradients = bound.backward();
        let check = |logits: &Tensor<B, 2>, values: &[f64], slope: &dyn Fn(f64) -> f64| {
            let gradient = logits.grad(&gradients).unwrap().into_data();
            for (got, logit) in gradient.iter::<f64>().zip(values) {
                let expected = slope(*logit) / values.len() as f64;
                assert!(
                    (got - expected).abs() < tolerance,
                    "{logit}: {got} {expected}"
                );
            }
        };
        check(&real_logits, &real, &|l| 0.5 * sigmoid(-l));
        check(&fake_logits, &fake, &|l| -0.5 * sigmoid(l));
    }

    #[test]
    fn js_lower_bound_of_tensors_is_that_of_slices_in_value_and_gradient() {
        // Some rounding steps of each element type.
        check_tensors::<Autodiff<NdArray<f32>>>(1e-6);
        check_tensors::<Autodiff<NdArray<f64>>>(1e-14);
        #[cfg(feature = "flex")]
        check_tensors::<Autodiff<burn::backend::Flex>>(1e-6);
    }

    #[test]
    #[should_panic(expected = "real_logits [0, 1]")]
    fn js_lower_bound_of_nothing_panics_with_the_shapes() {
        js_lower_bound(
            matrix::<NdArray>(&[], [0, 1]),
            matrix::<NdArray>(&[1.0], [1, 1]),
        );
    }
}
