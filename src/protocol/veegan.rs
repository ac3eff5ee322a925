//! VEEGAN's ten Gaussians in 1,200 dimensions.

use burn::module::Initializer;
use burn::tensor::backend::AutodiffBackend;
use burn::tensor::{Tensor, TensorData};
use rand::RngExt;
use rand_distr::StandardNormal;
use serde::Serialize;

use super::{
    Column, Evaluation, MaxoutDiscriminator, MaxoutDiscriminatorConfig, NormalizedGenerator,
    NormalizedGeneratorConfig, Protocol, ResultTable, Samples,
};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::latent::Latent;
use crate::metrics::Better;
use crate::objective::{Loss, Objective};
use crate::random::{Stream, derived_seed};
use crate::sizes;
use crate::step::{EmaConfig, OptimizerConfig};
use crate::train::{Schedule, TrainerConfig};

/// What all coordinates of a mode's mean are.
const MEANS: [f32; 10] = [-1.0, -0.5, 0.0, 0.5, -2.0, -2.5, 10.0, 0.25, -13.0, -5.5];
/// Coordinates with noise of deviation 1; the others are the mean's.
const NOISY: usize = 700;
const DIMENSIONS: usize = 1_200;
const POINTS: usize = 100_000;
const BATCH: usize = 100;
const EVALUATED: usize = 2_500;
/// VEEGAN's radius of high quality, in standard deviations.
const SIGMAS: f64 = 10.0;
/// The distance of real points from their mean is χ with 700 degrees of freedom: 26.45 on average,
/// with a deviation of 0.707. Between these bounds, three deviations away, are 99.7 % of them.
const SHELL: (f64, f64) = (24.33, 28.57);
/// Components of a latent.
const LATENT: usize = 32;

/// The protocol of VEEGAN's third synthetic data set: ten Gaussians of 700 dimensions in a space of
/// 1,200.
///
/// | | |
/// |---|---|
/// | data | 100,000 points; all 1,200 coordinates of mode k's mean are cₖ = −1, −0.5, 0, 0.5, −2, −2.5, 10, 0.25, −13, −5.5; the first 700 have noise N(0, 1) |
/// | networks | those of [`Pacgan`](super::Pacgan), with 1,200 numbers to a sample and latents of 32 |
/// | evaluation | 2,500 samples; one is of high quality if it lies within 10 standard deviations of the nearest mean; a mode is captured by one of high quality |
///
/// The rule, 10 standard deviations, is the paper's. **Real points do not pass it**: noise in 700
/// dimensions puts a point 26.5 deviations from its mean (√700), and none nearer than 22, so that
/// the data itself captures no mode and has no sample of high quality. The rule counts samples of
/// generators whose modes have shrunk to at most 0.38 of the data's spread. So
/// [`VeeganCoverage`] has beside it what the data does pass: the share of samples whose distance is
/// that of real points, and the spread.
///
/// The data is PacGAN's reading of VEEGAN's: the paper's text gives the numbers of dimensions and
/// modes only, and no networks.
///
/// Srivastava, Valkov, Russell, Gutmann, Sutton 2017, *VEEGAN: reducing mode collapse in GANs using
/// implicit variational learning*, arXiv:1705.07761, section 5.1 and table 1; Elfeki, Couprie,
/// Riviere, Elhoseiny 2018, *GDPP*, arXiv:1812.00068, for the other rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Veegan {
    latent: usize,
}

impl Default for Veegan {
    fn default() -> Self {
        Self::new()
    }
}

impl Veegan {
    /// The protocol, with latents of 32 numbers.
    pub fn new() -> Self {
        Self { latent: LATENT }
    }

    /// Components of a latent.
    ///
    /// # Errors
    /// If there are none, or more than 2²⁴.
    pub fn with_latent(mut self, latent: usize) -> Result<Self> {
        sizes::size("latent", latent)?;
        self.latent = latent;
        Ok(self)
    }

    /// Samples, row-major `[count, 1200]`, as points of a picture: the mean of all coordinates,
    /// which tells the mode, and the distance from the nearest mode's mean in standard deviations.
    ///
    /// # Panics
    /// If the length is no multiple of 1,200.
    pub fn view(samples: &[f32]) -> Vec<[f64; 2]> {
        assert!(
            samples.len().is_multiple_of(DIMENSIONS),
            "{} numbers are no rows of {DIMENSIONS}",
            samples.len()
        );
        let rows = samples.chunks_exact(DIMENSIONS);
        rows.map(|row| {
            let sum: f64 = row.iter().map(|x| f64::from(*x)).sum();
            let (_, [noisy, constant]) = nearest(row);
            [sum / DIMENSIONS as f64, (noisy + constant).sqrt()]
        })
        .collect()
    }
}

/// The points: each is made when it is asked for, by its index, so that they are the same ones in
/// every epoch without being held in memory (480 MB).
#[derive(Debug, Clone)]
pub struct VeeganPoints {
    seed: u64,
}

impl VeeganPoints {
    /// 100,000 points that the seed decides.
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The point at an index, `[1200]`, and its mode.
    pub fn point(&self, index: usize) -> (Vec<f32>, usize) {
        let seed = derived_seed(self.seed, "point", index as u64);
        let mut stream = Stream::new(seed, "point");
        let rng = stream.rng();
        let mode = rng.random_range(0..MEANS.len());
        let mut point = vec![MEANS[mode]; DIMENSIONS];
        for coordinate in &mut point[..NOISY] {
            *coordinate += rng.sample::<f32, _>(StandardNormal);
        }
        (point, mode)
    }
}

impl<B: AutodiffBackend> Dataset<B> for VeeganPoints {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn len(&self) -> usize {
        POINTS
    }

    fn batch(&self, indices: &[usize], device: &B::Device) -> Result<(Tensor<B, 2>, ())> {
        let points = indices.iter().flat_map(|index| {
            assert!(*index < POINTS, "point {index} of {POINTS}");
            self.point(*index).0
        });
        let data = TensorData::new(points.collect::<Vec<f32>>(), [indices.len(), DIMENSIONS]);
        Ok((Tensor::from_data(data, device), ()))
    }

    fn digest(&self) -> Option<String> {
        Some(format!("veegan points of seed {}", self.seed))
    }
}

/// What VEEGAN's rule says of samples, and what the data passes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VeeganCoverage {
    /// Modes whose mean is the nearest to a sample of high quality.
    pub modes_captured: usize,
    /// Modes of the data.
    pub modes_total: usize,
    /// Share of samples within 10 standard deviations of the nearest mean; 0 of real points.
    pub high_quality: f64,
    /// Modes whose mean is the nearest to a sample at a distance of real points (24.33 to 28.57).
    pub modes_at_real_distance: usize,
    /// Share of samples at such a distance: 0.997 of real points.
    pub at_real_distance: f64,
    /// The root of the mean square of samples' noisy coordinates around the nearest mean: 1 of
    /// real points.
    pub spread: f64,
    /// The same of the coordinates without noise: 0 of real points.
    pub off_constant: f64,
    /// The number of samples.
    pub samples: usize,
    /// Those among them with a coordinate that is NaN or infinite, which count in no share.
    pub not_finite: usize,
}

impl VeeganCoverage {
    /// Measures samples, row-major `[count, 1200]`.
    ///
    /// # Errors
    /// If there are none, or the length is no multiple of 1,200.
    pub fn measure(samples: &[f32]) -> Result<Self> {
        if samples.is_empty() || !samples.len().is_multiple_of(DIMENSIONS) {
            return Err(Error::data(
                "samples",
                format!(
                    "has {} numbers; expected [count, {DIMENSIONS}] with a count of at least 1",
                    samples.len()
                ),
            ));
        }
        let count = samples.len() / DIMENSIONS;
        let mut captured = [[false; MEANS.len()]; 2];
        let mut within = [0_usize; 2];
        let (mut noisy, mut constant, mut finite) = (0.0, 0.0, 0_usize);
        for sample in samples.chunks_exact(DIMENSIONS) {
            if sample.iter().any(|x| !x.is_finite()) {
                continue;
            }
            finite += 1;
            let (mode, squares) = nearest(sample);
            noisy += squares[0];
            constant += squares[1];
            let distance = (squares[0] + squares[1]).sqrt();
            let passes = [distance <= SIGMAS, (SHELL.0..=SHELL.1).contains(&distance)];
            for rule in 0..2 {
                if passes[rule] {
                    captured[rule][mode] = true;
                    within[rule] += 1;
                }
            }
        }
        let modes = captured.map(|modes| modes.iter().filter(|captured| **captured).count());
        let shares = within.map(|within| within as f64 / count as f64);
        // Of no finite sample there is no spread.
        let root = |squares: f64, width: usize| match finite {
            0 => 0.0,
            _ => (squares / (finite * width) as f64).sqrt(),
        };
        Ok(Self {
            modes_captured: modes[0],
            modes_total: MEANS.len(),
            high_quality: shares[0],
            modes_at_real_distance: modes[1],
            at_real_distance: shares[1],
            spread: root(noisy, NOISY),
            off_constant: root(constant, DIMENSIONS - NOISY),
            samples: count,
            not_finite: count - finite,
        })
    }
}

/// The mode whose mean is nearest, and the squared distance from it in the coordinates with noise
/// and in those without.
fn nearest(sample: &[f32]) -> (usize, [f64; 2]) {
    let squares = |values: &[f32], mean: f32| -> f64 {
        let squares = values.iter().map(|x| f64::from(*x) - f64::from(mean));
        squares.map(|x| x * x).sum()
    };
    let mut nearest = (0, [f64::INFINITY, f64::INFINITY]);
    for (mode, mean) in MEANS.iter().enumerate() {
        let parts = [
            squares(&sample[..NOISY], *mean),
            squares(&sample[NOISY..], *mean),
        ];
        if parts[0] + parts[1] < nearest.1[0] + nearest.1[1] {
            nearest = (mode, parts);
        }
    }
    nearest
}

impl<B: AutodiffBackend> Protocol<B, 2> for Veegan {
    type Generator = NormalizedGenerator<B>;
    type Discriminator = MaxoutDiscriminator<B>;
    type Data = VeeganPoints;

    fn published(&self) -> ResultTable {
        let columns = [
            Column::new("modes_captured", "modes (of 10)", Better::Higher, 1),
            Column::new("high_quality_percent", "high quality %", Better::Higher, 1),
        ];
        let veegan = "Srivastava et al. 2017, table 1: 5 trials";
        let gdpp = "Elfeki et al. 2018";
        let row = |modes, quality| [Some((modes, None)), Some((quality, None))];
        ResultTable::new("VEEGAN's ten Gaussians in 1,200 dimensions", columns)
            .published("GAN", &row(1.6, 2.0), veegan)
            .published("VEEGAN", &row(5.5, 28.3), veegan)
            .published("WGAN-GP", &row(6.4, 29.5), gdpp)
            .published("GDPP-GAN", &row(7.4, 48.3), gdpp)
    }

    fn epochs(&self) -> u64 {
        // Not in the paper: PacGAN's.
        400
    }

    fn steps_per_epoch(&self) -> u64 {
        (POINTS / BATCH) as u64
    }

    fn plain(&self, steps: u64) -> TrainerConfig {
        TrainerConfig::new(steps, BATCH, Latent::normal(self.latent))
            .with_objective(Objective::new(Loss::NonSaturating))
            .with_optimizers(OptimizerConfig::adam(1e-4).with_betas(0.8, 0.999))
    }

    fn recommended(&self, steps: u64) -> TrainerConfig {
        TrainerConfig::new(steps, BATCH, Latent::normal(self.latent))
            .with_objective(Objective::recommended())
            .with_optimizers(OptimizerConfig::adam(1e-3).with_betas(0.0, 0.99))
            .with_schedule(Schedule::Cosine { floor: 0.01 })
            .with_ema(EmaConfig::decay(0.998))
    }

    fn data(&self, seed: u64) -> Result<VeeganPoints> {
        Ok(VeeganPoints::new(seed))
    }

    fn networks(
        &self,
        _objective: &Objective,
        device: &B::Device,
    ) -> Result<(Self::Generator, Self::Discriminator)> {
        let std = 0.02;
        let generator = NormalizedGeneratorConfig {
            latent: self.latent,
            dimensions: DIMENSIONS,
            hidden: vec![400; 4],
            epsilon: 1e-4,
            momentum: 0.05,
            initial_deviation: std,
        };
        let discriminator = MaxoutDiscriminatorConfig {
            dimensions: DIMENSIONS,
            hidden: vec![200; 3],
            pieces: 5,
            input_dropout: 0.0,
            hidden_dropout: 0.0,
            initializer: Initializer::Normal { mean: 0.0, std },
        };
        Ok((generator.init(device)?, discriminator.init(device)?))
    }

    fn evaluated(&self) -> usize {
        EVALUATED
    }

    fn evaluate(&self, samples: &mut Samples<'_>) -> Result<Evaluation> {
        let coverage = VeeganCoverage::measure(&samples.draw(EVALUATED))?;
        Ok(Evaluation {
            numbers: vec![
                coverage.modes_captured as f64,
                100.0 * coverage.high_quality,
            ],
            details: serde_json::to_value(&coverage)
                .map_err(|error| Error::data("coverage", error.to_string()))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Cpu, values};
    use burn::backend::Autodiff;

    type B = Autodiff<Cpu>;

    /// `count` samples of each of these modes whose noisy coordinates are all `noise` off.
    fn on_modes(modes: &[usize], count: usize, noise: f32) -> Vec<f32> {
        let one = |mode: &usize| {
            let mut sample = vec![MEANS[*mode]; DIMENSIONS];
            sample[..NOISY].iter_mut().for_each(|x| *x += noise);
            sample
        };
        let samples = modes.iter().flat_map(|mode| vec![one(mode); count]);
        samples.flatten().collect()
    }

    #[test]
    fn real_points_do_not_pass_the_papers_rule_and_have_their_distance() {
        let points = VeeganPoints::new(4);
        let (samples, modes): (Vec<_>, Vec<_>) = (0..1_000).map(|i| points.point(i)).unzip();
        let samples = samples.concat();
        let coverage = VeeganCoverage::measure(&samples).expect("points");
        assert_eq!((coverage.modes_captured, coverage.high_quality), (0, 0.0));
        assert_eq!(coverage.modes_at_real_distance, 10);
        // 99.7 %; 98.5 % would be seven standard errors away.
        assert!(coverage.at_real_distance > 0.985, "{coverage:?}");
        assert!((coverage.spread - 1.0).abs() < 0.01, "{coverage:?}");
        assert_eq!(coverage.off_constant, 0.0);
        // Each belongs to the mode that it was drawn from.
        for (sample, mode) in samples.chunks(DIMENSIONS).zip(modes) {
            assert_eq!(nearest(sample).0, mode);
        }
    }

    #[test]
    fn points_are_the_same_whenever_they_are_asked_for() {
        let points = VeeganPoints::new(7);
        let device = Default::default();
        let batch = |indices: &[usize]| {
            let (batch, ()) = Dataset::<B>::batch(&points, indices, &device).expect("points");
            values(batch)
        };
        let (both, second) = (batch(&[5, 99_999]), batch(&[99_999]));
        assert_eq!(both[DIMENSIONS..], second);
        // Without noise the coordinates are the mean's.
        let constant = &second[NOISY..];
        assert!(constant.iter().all(|x| *x == constant[0]));
        assert_ne!(VeeganPoints::new(8).point(5).0, points.point(5).0);
    }

    #[test]
    fn samples_within_ten_deviations_count() {
        // 0.3·√700 = 7.94 deviations.
        let near = on_modes(&[0, 6, 9], 2, 0.3);
        let coverage = VeeganCoverage::measure(&near).expect("samples");
        assert_eq!((coverage.modes_captured, coverage.high_quality), (3, 1.0));
        assert!((coverage.spread - 0.3).abs() < 1e-6);
        assert_eq!(
            (coverage.modes_at_real_distance, coverage.at_real_distance),
            (0, 0.0)
        );
        // 0.4·√700 = 10.6: too far. Mode 6 stands alone, so that it stays the nearest.
        let far = [near, on_modes(&[6], 2, 0.4)].concat();
        let coverage = VeeganCoverage::measure(&far).expect("samples");
        assert_eq!((coverage.modes_captured, coverage.high_quality), (3, 0.75));
    }

    #[test]
    fn what_is_not_finite_counts_in_no_share() {
        let mut samples = on_modes(&[6], 2, 0.0);
        samples[3] = f32::NAN;
        let coverage = VeeganCoverage::measure(&samples).expect("samples");
        assert_eq!((coverage.high_quality, coverage.not_finite), (0.5, 1));
        let error = VeeganCoverage::measure(&samples[1..])
            .unwrap_err()
            .to_string();
        assert!(error.contains("expected [count, 1200]"), "{error}");
        assert!(VeeganCoverage::measure(&[]).is_err());
    }

    #[test]
    fn a_trial_is_evaluated_by_the_rule_of_the_table() {
        let mut samples = Samples::from_fn(|count| on_modes(&[6], count, 0.1));
        let evaluation = Protocol::<B, 2>::evaluate(&Veegan::new(), &mut samples).expect("samples");
        assert_eq!(evaluation.numbers, [1.0, 100.0]);
        let table = Protocol::<B, 2>::published(&Veegan::new());
        assert!(table.to_string().contains("GDPP-GAN"));
        table
            .repeats(&[evaluation])
            .expect("a number for each column");
        Protocol::<B, 2>::plain(&Veegan::new(), 10)
            .validate()
            .expect("plain");
        let recommended = Protocol::<B, 2>::recommended(&Veegan::new(), 10);
        recommended.validate().expect("recommended");
    }

    #[test]
    fn a_picture_shows_the_mode_and_the_distance() {
        let view = Veegan::view(&on_modes(&[6], 1, 1.0));
        let [mean, distance] = view[0];
        assert!((mean - (10.0 + 700.0 / 1200.0)).abs() < 1e-4);
        assert!((distance - 700f64.sqrt()).abs() < 1e-3);
    }
}
