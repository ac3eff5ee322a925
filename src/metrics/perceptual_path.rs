//! How fast what a generator draws changes on the way from one latent to another.

use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor};
use serde::Serialize;

use super::extractor::FeatureExtractor;
use crate::error::{Error, Result, check};
use crate::latent::{Latent, Weights, on_lines};
use crate::network::{Condition, Generator, for_all_layers};
use crate::random::Stream;
use crate::settings::settings;
use crate::sizes;

const NAME: &str = "perceptual_path_length";

settings! {
/// Where a path lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PathSpace {
    /// Among latents, as [`Latent::path`](crate::Latent::path) goes: on an arc between normal ones.
    #[default]
    Latents,
    /// Among styles, on a straight line between those of two latents: for generators with a
    /// [style space](crate::network::StyleSpace).
    Styles,
}
}

settings! {
/// At which place of a path its speed is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PathPlace {
    /// At a random one.
    #[default]
    Anywhere,
    /// At its beginning, which is a latent that the prior draws; StyleGAN2's numbers are of these.
    Beginning,
}
}

settings! {
/// The perceptual path length: how much features change on the way from one latent to another, per
/// squared length of way.
///
/// ```text
/// PPL = E ‖f(G(z(t))) − f(G(z(t + ε)))‖² / ε²,    z the path between two draws of the prior
/// ```
///
/// over pairs of latents and places t, without the lowest and the highest hundredth of them. Small
/// where a generator's samples change smoothly, large where they pass through others on the way. With
/// LPIPS's features, weighted as LPIPS has them, it is the number of Karras et al. 2018,
/// *A style-based generator architecture for generative adversarial networks*, arXiv:1812.04948
/// (section 4.1); with those of another extractor it is another number, comparable with its like.
/// *Bias*: none; a generator that always draws the same has 0. *Cost*: two samples and their features for
/// each pair.
///
/// ```
/// use burn_gan::burn::backend::Flex;
/// use burn_gan::metrics::{PerceptualPathLength, Raw};
/// use burn_gan::models::MlpGeneratorConfig;
/// use burn_gan::{Latent, random::Stream};
///
/// let device = Default::default();
/// let generator = MlpGeneratorConfig::new(8, [2]).init::<Flex, 2>(&device)?;
/// let length = PerceptualPathLength { pairs: 500, ..PerceptualPathLength::default() };
/// let stream = &mut Stream::new(1, "paths");
/// let prior = Latent::normal(8);
/// let measured = length.measure::<Flex, _, _>(&generator, &prior, &Raw, |_| (), stream, &device)?;
/// assert!(measured.mean > 0.0);
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(default)]
pub struct PerceptualPathLength {
    /// Pairs of latents; 50,000 by default.
    pub pairs: usize,
    /// Where the path lies; among latents by default.
    pub space: PathSpace,
    /// At which place of it; anywhere by default.
    pub place: PathPlace,
    /// ε, the length of the step, in units of a path; 1e-4 by default.
    pub epsilon: f64,
    /// The share of pairs that is left out at each end, below 0.5; 0.01 by default.
    pub cut: f64,
    /// Pairs that are drawn at once; 64 by default.
    pub batch_size: usize,
}
}

impl Default for PerceptualPathLength {
    fn default() -> Self {
        Self {
            pairs: 50_000,
            space: PathSpace::Latents,
            place: PathPlace::Anywhere,
            epsilon: 1e-4,
            cut: 0.01,
            batch_size: 64,
        }
    }
}

/// What [`PerceptualPathLength`] measures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PathLengths {
    /// The mean over the pairs that are left.
    pub mean: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// The pairs that are left.
    pub pairs: usize,
    /// The pairs that were left out.
    pub left_out: usize,
}

impl PerceptualPathLength {
    /// Checks the settings.
    ///
    /// # Errors
    /// If there are fewer than two pairs, ε is not in (0, 1), the share that is left out is not in
    /// [0, 0.5), or the batch is empty or too large.
    pub fn validate(&self) -> Result<()> {
        check::at_least("pairs", self.pairs, 2)?;
        if !(self.epsilon > 0.0 && self.epsilon < 1.0) {
            return Err(Error::setting(
                "epsilon",
                self.epsilon,
                "must be a part of the path, above 0 and below 1",
            ));
        }
        if !(0.0..0.5).contains(&self.cut) {
            return Err(Error::setting(
                "cut",
                self.cut,
                "must be at least 0 and below 0.5: so much is left out at each end",
            ));
        }
        check::at_least("batch_size", self.batch_size, 1)?;
        check::at_most("batch_size", self.batch_size, sizes::BATCH / 2)
    }

    /// Measures a generator without a tape. `condition` gives conditions of so many samples; both
    /// ends of a step have the same one.
    ///
    /// # Errors
    /// If a setting is wrong; if paths are to lie among styles and the generator has none; if the
    /// extractor can't work on its samples, or a distance is not finite.
    pub fn measure<B, G, E>(
        &self,
        generator: &G,
        prior: &Latent,
        extractor: &E,
        condition: impl Fn(usize) -> G::Condition,
        stream: &mut Stream,
        device: &B::Device,
    ) -> Result<PathLengths>
    where
        B: Backend,
        G: Generator<B>,
        E: FeatureExtractor<B, G::Sample> + ?Sized,
    {
        self.validate()?;
        let space = match (self.space, generator.style_space()) {
            (PathSpace::Latents, _) => None,
            (PathSpace::Styles, Some(space)) => Some(space),
            (PathSpace::Styles, None) => {
                return Err(Error::setting(
                    "space",
                    "styles",
                    "needs a generator with a style space; this one has none, take `latents`",
                ));
            }
        };
        self.lengths(prior, stream, device, |from, to, ends| {
            let batch = from.dims()[0];
            let one = condition(batch);
            let pairs: Vec<i32> = (0..batch as i32).flat_map(|pair| [pair, pair]).collect();
            let pairs = Tensor::<B, 1, Int>::from_ints(pairs.as_slice(), device);
            let both = Condition::select(&one, pairs);
            let samples = match space {
                None => generator.generate(prior.between(from, to, ends), &both),
                Some(space) => {
                    let [from, to] = [from, to].map(|latent| space.map_latent(latent, &one));
                    let styles = for_all_layers(on_lines(from, to, ends), space.layers());
                    space.synthesize(styles, &both)
                }
            };
            extractor.extract(samples)
        })
    }

    /// Measures whatever makes features of latents, such as a sampler with an extractor behind it.
    /// `features` gives a row for each of the latents `[2 · pairs, latent]`, in which the two ends of a
    /// step follow each other: what samples are conditioned on has to be the same for both.
    ///
    /// # Errors
    /// If a setting is wrong, or if paths are to lie among styles; those of `features`; if it gives
    /// not a row for each latent, or a distance is not finite.
    pub fn measure_by<B: Backend>(
        &self,
        prior: &Latent,
        mut features: impl FnMut(Tensor<B, 2>) -> Result<Tensor<B, 2>>,
        stream: &mut Stream,
        device: &B::Device,
    ) -> Result<PathLengths> {
        self.validate()?;
        if self.space == PathSpace::Styles {
            return Err(Error::setting(
                "space",
                "styles",
                "needs the generator itself, not what is drawn from it; take `latents`",
            ));
        }
        self.lengths(prior, stream, device, |from, to, ends| {
            features(prior.between(from, to, ends))
        })
    }

    /// The lengths between features of both ends of each step, `[2 · batch, dimensions]`, which are made
    /// of a path's two latents and the places of the step's ends on it.
    fn lengths<B: Backend>(
        &self,
        prior: &Latent,
        stream: &mut Stream,
        device: &B::Device,
        mut features: impl FnMut(Tensor<B, 2>, Tensor<B, 2>, Weights<'_>) -> Result<Tensor<B, 2>>,
    ) -> Result<PathLengths> {
        let mut speeds = Vec::with_capacity(self.pairs);
        while speeds.len() < self.pairs {
            let batch = self.batch_size.min(self.pairs - speeds.len());
            let [from, to] = [0, 1].map(|_| prior.draw::<B>(batch, stream, device));
            let places = match self.place {
                PathPlace::Anywhere => stream.uniform(batch, 0.0, 1.0),
                PathPlace::Beginning => vec![0.0; batch],
            };
            let ends: Vec<[f64; 2]> = places
                .iter()
                .map(|place| [f64::from(*place), f64::from(*place) + self.epsilon])
                .collect();
            let features = features(from, to, Weights::Own(&ends))?;
            let [rows, dimensions] = features.dims();
            if rows != 2 * batch {
                return Err(Error::data(
                    NAME,
                    format!("the extractor made {rows} rows of {} samples", 2 * batch),
                ));
            }
            let features: Tensor<B, 3> = features.reshape([batch, 2, dimensions]);
            let [first, second] = [0, 1].map(|end| features.clone().narrow(1, end, 1));
            let distances: Tensor<B, 3> = (second - first).square().sum_dim(2);
            let distances = distances.into_data();
            let speed = |distance: f64| distance / (self.epsilon * self.epsilon);
            speeds.extend(distances.iter::<f64>().map(speed));
        }
        if let Some(place) = speeds.iter().position(|speed| !speed.is_finite()) {
            return Err(Error::data(
                NAME,
                format!(
                    "the features of pair {place} are {} apart; look for what is not finite in the \
                     generator's samples",
                    speeds[place]
                ),
            ));
        }
        Ok(self.of_speeds(speeds))
    }

    /// Mean and standard error without both ends.
    fn of_speeds(&self, mut speeds: Vec<f64>) -> PathLengths {
        speeds.sort_by(f64::total_cmp);
        let all = speeds.len();
        // The values at these percentiles stay, whichever side they are rounded to.
        let last = (all - 1) as f64;
        let first = (self.cut * last).floor() as usize;
        let end = ((1.0 - self.cut) * last).ceil() as usize;
        let kept = &speeds[first..=end.min(all - 1)];
        let count = kept.len() as f64;
        let mean = kept.iter().sum::<f64>() / count;
        let squares = kept.iter().map(|speed| (speed - mean).powi(2)).sum::<f64>();
        PathLengths {
            mean,
            standard_error: (squares / (count - 1.0).max(1.0) / count).sqrt(),
            pairs: kept.len(),
            left_out: all - kept.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Raw;
    use crate::network::StyleSpace;
    use crate::testing::{Cpu, assert_close, for_each_backend, tensor2, values};
    use burn::module::{Module, Param};

    /// G(z) = A·z, and the same between styles, which are twice the latents.
    #[derive(Module, Debug)]
    struct Matrix<B: Backend> {
        matrix: Param<Tensor<B, 2>>,
        styled: bool,
    }

    impl<B: Backend> Generator<B> for Matrix<B> {
        type Sample = Tensor<B, 2>;
        type Condition = ();

        fn generate(&self, latent: Tensor<B, 2>, _condition: &()) -> Tensor<B, 2> {
            latent.matmul(self.matrix.val())
        }

        fn style_space(&self) -> Option<&dyn StyleSpace<B, Tensor<B, 2>, ()>> {
            self.styled.then_some(self as _)
        }
    }

    impl<B: Backend> StyleSpace<B, Tensor<B, 2>, ()> for Matrix<B> {
        fn layers(&self) -> usize {
            2
        }

        fn map_latent(&self, latent: Tensor<B, 2>, _condition: &()) -> Tensor<B, 2> {
            latent * 2.0
        }

        fn synthesize(&self, styles: Tensor<B, 3>, _condition: &()) -> Tensor<B, 2> {
            let styles: Tensor<B, 3> = styles.mean_dim(1);
            self.generate(styles.squeeze_dim(1), &())
        }
    }

    /// Σ A² is 15.
    fn matrix<B: Backend>(styled: bool) -> Matrix<B> {
        let matrix = tensor2::<B, 2>([[1.0, 2.0], [-3.0, 1.0]]);
        let matrix = Param::from_tensor(matrix);
        Matrix { matrix, styled }
    }

    fn measured<B: Backend>(
        length: &PerceptualPathLength,
        generator: &Matrix<B>,
        prior: &Latent,
    ) -> Result<PathLengths> {
        let stream = &mut Stream::new(7, "paths");
        let device = Default::default();
        length.measure::<B, _, _>(generator, prior, &Raw, |_| (), stream, &device)
    }

    fn all(pairs: usize) -> PerceptualPathLength {
        PerceptualPathLength {
            pairs,
            cut: 0.0,
            // Steps that single precision resolves to four digits.
            epsilon: 1e-2,
            ..PerceptualPathLength::default()
        }
    }

    fn what_is_drawn_by_others_has_the_lengths_of_the_generator<B: Backend>() {
        let (length, prior) = (all(50), Latent::normal(2));
        let generator = matrix::<B>(false);
        let drawn = |latents: Tensor<B, 2>| Raw.extract(generator.generate(latents, &()));
        let stream = &mut Stream::new(7, "paths");
        let device = Default::default();
        let found = length.measure_by::<B>(&prior, drawn, stream, &device);
        let own = measured(&length, &generator, &prior);
        assert_eq!(found.expect("lengths"), own.expect("lengths"));
        let styles = PerceptualPathLength {
            space: PathSpace::Styles,
            ..all(50)
        };
        let error = styles.measure_by::<B>(&prior, drawn, stream, &device);
        let error = error.expect_err("no styles").to_string();
        assert!(error.contains("`space` = styles"), "{error}");
    }

    /// On a line E‖A(q − p)‖² is 2σ²·ΣA², with σ² 1/3 of a uniform prior.
    fn a_linear_generator_has_its_closed_form_on_lines<B: Backend>() {
        let prior = Latent::uniform(2);
        let found = measured::<B>(&all(4_000), &matrix(false), &prior).expect("lengths");
        let distance = (found.mean - 10.0).abs();
        // Five standard errors.
        assert!(distance < 5.0 * found.standard_error, "{found:?}");
        assert!(found.standard_error < 0.2, "{found:?}");
        assert_eq!((found.pairs, found.left_out), (4_000, 0));
        // Of a normal prior in the space of styles: σ² is 4.
        let styles = PerceptualPathLength {
            space: PathSpace::Styles,
            ..all(4_000)
        };
        let prior = Latent::normal(2);
        let found = measured::<B>(&styles, &matrix(true), &prior).expect("lengths");
        let distance = (found.mean - 120.0).abs();
        assert!(distance < 5.0 * found.standard_error, "{found:?}");
    }

    /// At the beginning of an arc of angle Ω its derivative is Ω/sin Ω·(q − p·cos Ω).
    fn a_linear_generator_has_its_closed_form_on_arcs<B: Backend>() {
        let length = PerceptualPathLength {
            place: PathPlace::Beginning,
            epsilon: 1e-3,
            batch_size: 50,
            ..all(50)
        };
        let prior = Latent::normal(2);
        let found = measured::<B>(&length, &matrix(false), &prior).expect("lengths");
        let stream = &mut Stream::new(7, "paths");
        let draw = |stream: &mut Stream| values(prior.draw::<B>(50, stream, &Default::default()));
        let (from, to) = (draw(stream), draw(stream));
        let exact = from.chunks(2).zip(to.chunks(2)).map(|(p, q)| {
            let (p_norm, q_norm) = (p[0].hypot(p[1]), q[0].hypot(q[1]));
            let cosine = (p[0] * q[0] + p[1] * q[1]) / (p_norm * q_norm);
            let angle = cosine.acos();
            let d = [0, 1].map(|i| angle / angle.sin() * (q[i] - p[i] * cosine));
            (d[0] - 3.0 * d[1]).powi(2) + (2.0 * d[0] + d[1]).powi(2)
        });
        let exact: f64 = exact.sum::<f64>() / 50.0;
        assert_close(&[found.mean], &[exact], 5e-3, 0.0);
    }

    for_each_backend!(
        a_linear_generator_has_its_closed_form_on_lines,
        a_linear_generator_has_its_closed_form_on_arcs,
        what_is_drawn_by_others_has_the_lengths_of_the_generator,
    );

    #[test]
    fn both_ends_are_left_out() {
        let length = PerceptualPathLength {
            cut: 0.1,
            ..PerceptualPathLength::default()
        };
        // 0, 1, …, 20 in another order; a tenth at each end are two of them.
        let speeds: Vec<f64> = (0..21).map(|i| f64::from(i * 8 % 21)).collect();
        let found = length.of_speeds(speeds);
        assert_eq!((found.pairs, found.left_out, found.mean), (17, 4, 10.0));
        // Σ (i − 10)² for i from 2 to 18 is 408.
        assert!((found.standard_error - (408.0 / 16.0 / 17.0f64).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn what_has_no_path_is_refused() {
        let refused = |length: PerceptualPathLength, generator: &Matrix<Cpu>| {
            let found = measured::<Cpu>(&length, generator, &Latent::normal(2));
            found.expect_err("no path").to_string()
        };
        let styles = PerceptualPathLength {
            space: PathSpace::Styles,
            ..all(4)
        };
        let error = refused(styles, &matrix(false));
        assert!(error.contains("`space` = styles"), "{error}");
        for (length, words) in [
            (PerceptualPathLength { pairs: 1, ..all(4) }, "`pairs` = 1"),
            (
                PerceptualPathLength {
                    epsilon: f64::NAN,
                    ..all(4)
                },
                "`epsilon` = NaN",
            ),
            (PerceptualPathLength { cut: 0.5, ..all(4) }, "`cut` = 0.5"),
            (
                PerceptualPathLength {
                    batch_size: 0,
                    ..all(4)
                },
                "`batch_size` = 0",
            ),
        ] {
            let error = refused(length, &matrix(false));
            assert!(error.contains(words), "{error}");
        }
        let broken = Matrix {
            matrix: Param::from_tensor(tensor2::<Cpu, 2>([[1.0, f64::NAN]; 2])),
            styled: false,
        };
        let error = refused(all(4), &broken);
        assert!(error.starts_with("perceptual_path_length: "), "{error}");
    }
}
