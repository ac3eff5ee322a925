//! Paths from one latent to another.

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};

use super::{Latent, Part};
use crate::error::{Result, check};
use crate::sizes;

impl Latent {
    /// Latents on the way from each latent of one batch to that of another, in `steps` equal
    /// steps with both ends: `[batch, dimensions]` twice to `[batch·steps, dimensions]`.
    ///
    /// A normal prior takes [`slerp`]: latents on a straight line between two draws are shorter
    /// than draws, and a generator has seen hardly any of them. A uniform prior takes [`lerp`],
    /// which does not leave its box.
    ///
    /// In a prior in parts each goes its own way: normal ones on arcs, uniform ones and continuous
    /// codes on lines, and a categorical code, which has nothing between its classes, changes from
    /// the one to the other after half of the way.
    ///
    /// Latent j of pair i is row `i·steps + j`, so that pair i is row i of a grid of `steps`
    /// columns.
    ///
    /// # Errors
    /// If there are fewer than two steps.
    ///
    /// # Panics
    /// If the shapes differ, or are not those of this prior's latents.
    ///
    /// ```
    /// use burn_gan::burn::backend::Flex;
    /// use burn_gan::{Latent, random::Stream};
    ///
    /// let (prior, mut stream) = (Latent::normal(16), Stream::new(42, "paths"));
    /// let from = prior.draw::<Flex>(3, &mut stream, &Default::default());
    /// let to = prior.draw(3, &mut stream, &Default::default());
    /// // Three rows of eight: straight into a generator, and its images into a grid.
    /// assert_eq!(prior.path(from, to, 8)?.dims(), [24, 16]);
    /// # Ok::<(), burn_gan::Error>(())
    /// ```
    pub fn path<B: Backend>(
        &self,
        from: Tensor<B, 2>,
        to: Tensor<B, 2>,
        steps: usize,
    ) -> Result<Tensor<B, 2>> {
        check::at_least("steps", steps, 2)?;
        let [rows, dimensions] = from.dims();
        sizes::latents("steps", &[rows, dimensions, steps])?;
        let weights: Vec<f64> = (0..steps).map(|j| j as f64 / (steps - 1) as f64).collect();
        Ok(self.between(from, to, Weights::Shared(&weights)))
    }

    /// Latents between those of two batches at weights, each part on its own way as on a
    /// [`path`](Self::path); row `i·weights + j` is pair i at its weight j.
    ///
    /// # Panics
    /// If the shapes differ, or are not those of this prior's latents.
    pub(crate) fn between<B: Backend>(
        &self,
        from: Tensor<B, 2>,
        to: Tensor<B, 2>,
        weights: Weights<'_>,
    ) -> Tensor<B, 2> {
        assert_eq!(
            from.dims()[1],
            self.dimensions(),
            "a path between latents of another prior, by their number of components"
        );
        let parts = self.as_parts();
        if let [only] = parts.as_ref() {
            return along(only, from, to, weights);
        }
        let mut offset = 0;
        let columns = parts.iter().map(|part| {
            let width = part.dimensions();
            let [from, to] = [&from, &to].map(|end| end.clone().narrow(1, offset, width));
            offset += width;
            along(part, from, to, weights)
        });
        Tensor::cat(columns.collect(), 1)
    }
}

/// Where on the ways between pairs latents are asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Weights<'a> {
    /// The same for each pair.
    Shared(&'a [f64]),
    /// Two for each pair.
    Own(&'a [[f64; 2]]),
}

impl<'a> Weights<'a> {
    fn of_pair(self, pair: usize) -> &'a [f64] {
        match self {
            Self::Shared(weights) => weights,
            Self::Own(weights) => &weights[pair],
        }
    }
}

/// One part's way.
fn along<B: Backend>(
    part: &Part,
    from: Tensor<B, 2>,
    to: Tensor<B, 2>,
    weights: Weights<'_>,
) -> Tensor<B, 2> {
    match part {
        Part::Normal { .. } => on_arcs(from, to, weights),
        Part::Uniform { .. } | Part::Continuous { .. } => on_lines(from, to, weights),
        Part::Categorical { .. } => interpolate(from, to, weights, |_, _| nearer),
    }
}

/// The nearer end as it is, the first of the two at half of the way.
fn nearer(weight: f64) -> [f64; 2] {
    if weight <= 0.5 {
        [1.0, 0.0]
    } else {
        [0.0, 1.0]
    }
}

/// Linear interpolation of the rows of two tensors: `[rows, d]` twice to `[rows·weights, d]`.
///
/// ```text
/// z = (1 − w)·p + w·q
/// ```
///
/// Row `i·weights + j` is pair i at weight j. Computed on the host in double precision, the same
/// on every backend; the result has no tape.
///
/// # Panics
/// If the shapes differ, or there are no weights.
pub fn lerp<B: Backend>(from: Tensor<B, 2>, to: Tensor<B, 2>, weights: &[f64]) -> Tensor<B, 2> {
    on_lines(from, to, Weights::Shared(weights))
}

/// [`lerp`] at weights of each pair's own.
pub(crate) fn on_lines<B: Backend>(
    from: Tensor<B, 2>,
    to: Tensor<B, 2>,
    weights: Weights<'_>,
) -> Tensor<B, 2> {
    interpolate(from, to, weights, |_, _| linear)
}

/// Spherical linear interpolation of the rows of two tensors: `[rows, d]` twice to
/// `[rows·weights, d]`.
///
/// ```text
/// z = sin((1 − w)·Ω)/sin Ω · p + sin(w·Ω)/sin Ω · q,     Ω the angle between p and q
/// ```
///
/// Between latents of the same length it is the great circle at constant angular speed. Draws
/// from N(0, I) in many dimensions are nearly of the same length, √d, and nearly orthogonal; a
/// straight line between two of them passes at √(d/2), where there are no draws. Where sin Ω is 0
/// (parallel, opposite, or a latent 0) there is no such circle, and the line is straight.
///
/// Row `i·weights + j` is pair i at weight j; weights 0 and 1 give the latents themselves.
/// Computed on the host in double precision, the same on every backend; the result has no tape.
///
/// Shoemake 1985, *Animating rotation with quaternion curves*, SIGGRAPH; White 2016, *Sampling
/// generative networks*, arXiv:1609.04468.
///
/// # Panics
/// If the shapes differ, or there are no weights.
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::latent::slerp;
///
/// let from = Tensor::<Flex, 2>::from_data([[2.0, 0.0]], &Default::default());
/// let to = Tensor::from_data([[0.0, 2.0]], &Default::default());
/// let path = slerp(from, to, &[0.0, 0.5, 1.0]).into_data();
/// let half = 2.0_f32.sqrt();
/// assert_eq!(path.to_vec::<f32>()?, [2.0, 0.0, half, half, 0.0, 2.0]);
/// # Ok::<(), burn_gan::burn::tensor::DataError>(())
/// ```
pub fn slerp<B: Backend>(from: Tensor<B, 2>, to: Tensor<B, 2>, weights: &[f64]) -> Tensor<B, 2> {
    on_arcs(from, to, Weights::Shared(weights))
}

/// [`slerp`] at weights of each pair's own.
fn on_arcs<B: Backend>(from: Tensor<B, 2>, to: Tensor<B, 2>, weights: Weights<'_>) -> Tensor<B, 2> {
    interpolate(from, to, weights, |p, q| {
        let angle = angle(p, q);
        let sine = angle.sin();
        move |weight| {
            if sine < PARALLEL {
                return linear(weight);
            }
            [1.0 - weight, weight].map(|share| (share * angle).sin() / sine)
        }
    })
}

/// The sine below which latents count as parallel: there the circle and the line differ by less
/// than single precision, and between opposite ones rounding would choose the circle.
const PARALLEL: f64 = 1e-6;

fn linear(weight: f64) -> [f64; 2] {
    [1.0 - weight, weight]
}

/// The angle between two vectors, in [0, π]; 0 where one of them is 0.
///
/// Kahan's form 2·atan2(‖p̂ − q̂‖, ‖p̂ + q̂‖) keeps its digits near 0 and π, where the arc cosine
/// of a product loses half of them.
fn angle(p: &[f64], q: &[f64]) -> f64 {
    let norm = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
    let (p_norm, q_norm) = (norm(p), norm(q));
    if p_norm == 0.0 || q_norm == 0.0 {
        return 0.0;
    }
    let combined = |sign: f64| {
        let pairs = p.iter().zip(q);
        norm(
            &pairs
                .map(|(p, q)| p / p_norm + sign * q / q_norm)
                .collect::<Vec<_>>(),
        )
    };
    2.0 * combined(-1.0).atan2(combined(1.0))
}

/// Each pair of rows at each weight; `shares` makes the two factors at a weight from a pair.
fn interpolate<B: Backend, S: Fn(f64) -> [f64; 2]>(
    from: Tensor<B, 2>,
    to: Tensor<B, 2>,
    weights: Weights<'_>,
    shares: impl Fn(&[f64], &[f64]) -> S,
) -> Tensor<B, 2> {
    let [rows, dimensions] = from.dims();
    assert_eq!(
        from.dims(),
        to.dims(),
        "paths need as many ends as beginnings, of the same length"
    );
    if let Weights::Shared(weights) = weights {
        assert!(!weights.is_empty(), "a path needs at least one weight");
    }
    let (device, dtype) = (from.device(), from.dtype());
    let read = |tensor: Tensor<B, 2>| tensor.into_data().iter::<f64>().collect::<Vec<_>>();
    let (from, to) = (read(from), read(to));
    let mut path = Vec::new();
    for (pair, (p, q)) in from
        .chunks(dimensions)
        .zip(to.chunks(dimensions))
        .enumerate()
    {
        let shares = shares(p, q);
        for weight in weights.of_pair(pair) {
            let [a, b] = shares(*weight);
            path.extend(p.iter().zip(q).map(|(p, q)| a * p + b * q));
        }
    }
    let per_pair = path.len() / (rows * dimensions).max(1);
    let data = TensorData::new(path, [rows * per_pair, dimensions]);
    Tensor::from_data(data, (&device, dtype))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;
    use crate::testing::{Cpu, assert_close, for_each_backend, tensor2, values};

    const WEIGHTS: [f64; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];

    fn dot(p: &[f64], q: &[f64]) -> f64 {
        p.iter().zip(q).map(|(p, q)| p * q).sum()
    }

    fn equal_lengths_make_an_arc_at_constant_speed<B: Backend>() {
        // 3·(cos φ, sin φ) with φ from 20° to 140°, and a pair the other way round.
        let at = |degrees: f64| {
            let angle = degrees.to_radians();
            [3.0 * angle.cos(), 3.0 * angle.sin()]
        };
        let from = tensor2::<B, 2>([at(20.0), at(-30.0)]);
        let to = tensor2::<B, 2>([at(140.0), at(-90.0)]);
        let path = slerp(from, to, &WEIGHTS);
        assert_eq!(path.dims(), [10, 2]);
        let degrees = [
            20.0, 50.0, 80.0, 110.0, 140.0, -30.0, -45.0, -60.0, -75.0, -90.0,
        ];
        assert_close(&values(path), degrees.map(at).as_flattened(), 1e-6, 1e-6);
    }

    fn unequal_lengths_follow_the_formula<B: Backend>() {
        // Orthogonal: cos(w·π/2)·p + sin(w·π/2)·q.
        let from = tensor2::<B, 3>([[1.0, 2.0, 2.0]]);
        let to = tensor2::<B, 3>([[0.0, -5.0, 5.0]]);
        let path = values(slerp(from, to, &WEIGHTS));
        for (z, weight) in path.chunks(3).zip(WEIGHTS) {
            let (sin, cos) = (weight * std::f64::consts::FRAC_PI_2).sin_cos();
            let expected = [cos, 2.0 * cos - 5.0 * sin, 2.0 * cos + 5.0 * sin];
            assert_close(z, &expected, 1e-6, 1e-6);
            let squared = 9.0 * cos * cos + 50.0 * sin * sin;
            assert_close(&[dot(z, z)], &[squared], 1e-6, 0.0);
        }
    }

    fn ends_are_the_latents_to_the_bit<B: Backend>() {
        let mut stream = Stream::new(5, "z");
        let parts = Latent::normal(50)
            .with_categorical("digit", 10)
            .with_continuous("slant", 4);
        for prior in [Latent::normal(64), Latent::uniform(64), parts] {
            let from = prior.draw::<B>(6, &mut stream, &Default::default());
            let to = prior.draw::<B>(6, &mut stream, &Default::default());
            let path = prior
                .path(from.clone(), to.clone(), 4)
                .expect("enough steps");
            assert_eq!(path.dims(), [24, 64]);
            let path = path.reshape([6, 4, 64]);
            let ends = [0, 3].map(|j| values(path.clone().narrow(1, j, 1)));
            assert_eq!(ends, [values(from), values(to)]);
        }
    }

    fn parallel_opposite_and_zero_latents_take_the_straight_line<B: Backend>() {
        let from = tensor2::<B, 2>([[1.0, 2.0], [1.0, 2.0], [0.0, 0.0], [1.0, 2.0]]);
        let to = tensor2::<B, 2>([[1.0, 2.0], [-3.0, -6.0], [4.0, 8.0], [3.0, 6.0]]);
        let path = values(slerp(from.clone(), to.clone(), &WEIGHTS));
        let lengths = |from: f64, to: f64| WEIGHTS.map(|w| from + w * (to - from));
        let expected: Vec<f64> = [(1.0, 1.0), (1.0, -3.0), (0.0, 4.0), (1.0, 3.0)]
            .into_iter()
            .flat_map(|(from, to)| lengths(from, to))
            .flat_map(|length| [length, 2.0 * length])
            .collect();
        assert_close(&path, &expected, 1e-6, 1e-6);
        assert_eq!(path, values(lerp(from, to, &WEIGHTS)));
    }

    for_each_backend!(
        equal_lengths_make_an_arc_at_constant_speed,
        unequal_lengths_follow_the_formula,
        ends_are_the_latents_to_the_bit,
        parallel_opposite_and_zero_latents_take_the_straight_line,
    );

    #[test]
    fn the_circle_and_the_line_agree_where_one_takes_over_from_the_other() {
        // q = (1, ε): the second component at weight w is w·ε either way.
        for epsilon in [1e-7, 0.99e-6, 1.01e-6, 1e-5] {
            let path = slerp(
                tensor2::<Cpu, 2>([[1.0, 0.0]]),
                tensor2::<Cpu, 2>([[1.0, epsilon]]),
                &WEIGHTS,
            );
            let expected = WEIGHTS.map(|w| [1.0, w * epsilon]);
            assert_close(&values(path), expected.as_flattened(), 1e-6, 0.0);
        }
    }

    #[test]
    fn angles_keep_their_digits_near_0_and_pi() {
        for small in [1e-9, 1e-6, 1e-3] {
            let q = [f64::cos(small), f64::sin(small)];
            assert_close(&[angle(&[1.0, 0.0], &q)], &[small], 1e-9, 0.0);
            let opposite = q.map(|x| -x);
            let supplement = std::f64::consts::PI - angle(&[1.0, 0.0], &opposite);
            assert_close(&[supplement], &[small], 1e-6, 0.0);
        }
    }

    #[test]
    fn a_path_of_a_normal_prior_keeps_its_length_and_a_straight_line_does_not() {
        let prior = Latent::normal(512);
        let mut stream = Stream::new(9, "z");
        let [from, to] = [(); 2].map(|()| prior.draw::<Cpu>(1, &mut stream, &Default::default()));
        let length = |z: &[f64]| (dot(z, z) / 512.0).sqrt();
        let ends = [&from, &to].map(|z| length(&values(z.clone())));
        let [shorter, longer] = [ends[0].min(ends[1]), ends[0].max(ends[1])];
        let middle = |path: Tensor<Cpu, 2>| length(&values(path.narrow(0, 1, 1)));
        let arc = middle(
            prior
                .path(from.clone(), to.clone(), 3)
                .expect("enough steps"),
        );
        assert!((shorter..=longer).contains(&arc), "{arc}");
        // ‖p + q‖/2 of orthogonal vectors is √½ of their length; the cosine's standard deviation
        // is 1/√512.
        let line = middle(lerp(from, to, &[0.0, 0.5, 1.0]));
        assert!((line - 0.5_f64.sqrt()).abs() < 0.1, "{line}");
    }

    #[test]
    fn a_uniform_prior_keeps_to_straight_lines_in_its_box() {
        let from = tensor2::<Cpu, 2>([[-1.0, 1.0]]);
        let to = tensor2::<Cpu, 2>([[1.0, 1.0]]);
        let path = Latent::uniform(2).path(from, to, 5).expect("enough steps");
        let expected = [-1.0, 1.0, -0.5, 1.0, 0.0, 1.0, 0.5, 1.0, 1.0, 1.0];
        assert_close(&values(path), &expected, 0.0, 1e-7);
    }

    #[test]
    fn each_part_goes_its_own_way_and_a_class_is_never_mixed() {
        let prior = Latent::normal(2)
            .with_categorical("digit", 3)
            .with_continuous("slant", 1);
        let from = tensor2::<Cpu, 6>([[2.0, 0.0, 1.0, 0.0, 0.0, -1.0]]);
        let to = tensor2::<Cpu, 6>([[0.0, 2.0, 0.0, 0.0, 1.0, 1.0]]);
        let path = values(prior.path(from, to, 5).expect("enough steps"));
        let at = |w: f64| {
            let (sin, cos) = (w * std::f64::consts::FRAC_PI_2).sin_cos();
            let late = f64::from(u8::from(w > 0.5));
            let slant = 2.0 * w - 1.0;
            [2.0 * cos, 2.0 * sin, 1.0 - late, 0.0, late, slant]
        };
        let expected = WEIGHTS.map(at);
        assert_close(&path, expected.as_flattened(), 1e-6, 1e-6);
        for row in path.chunks_exact(6) {
            assert!(row[2..5].iter().all(|x| *x == 0.0 || *x == 1.0), "{row:?}");
        }
    }

    #[test]
    fn a_path_of_too_few_or_too_many_steps_is_refused() {
        for (steps, told) in [
            (0, "`steps` = 0"),
            (1, "`steps` = 1"),
            (1 << 40, "`steps` = 1×2×1099511627776"),
            (usize::MAX, "`steps` = 1×2×"),
        ] {
            let z = tensor2::<Cpu, 2>([[1.0, 2.0]]);
            let error = Latent::normal(2).path(z.clone(), z, steps).unwrap_err();
            assert!(error.to_string().contains(told), "{error}");
        }
    }

    #[test]
    #[should_panic(expected = "paths need as many ends as beginnings")]
    fn ends_of_another_shape_panic() {
        let from = tensor2::<Cpu, 2>([[1.0, 2.0], [3.0, 4.0]]);
        slerp(from, tensor2::<Cpu, 2>([[1.0, 2.0]]), &[0.5]);
    }
}
