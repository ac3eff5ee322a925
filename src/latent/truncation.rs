//! Draws from the middle of the prior.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use super::{Latent, Part};
use crate::error::{Error, Result};
use crate::random::Stream;

impl Latent {
    /// Draws a batch of latents from the truncated prior, `[batch, dimensions]`: each component
    /// is drawn again until it is at most `threshold` away from 0.
    ///
    /// ```text
    /// p(z) ∝ exp(−z²/2) for |z| ≤ threshold, else 0
    /// ```
    ///
    /// For samples from a trained generator, not for training: smaller thresholds give better
    /// samples that differ less (the truncation trick; Brock, Donahue, Simonyan 2018, *Large scale
    /// GAN training for high fidelity natural image synthesis*, arXiv:1809.11096, section 3.1).
    ///
    /// Draws are exact and cost at most 1.27 trials a component on average, at any threshold:
    /// where the bounds are narrow, trials are uniform between them and kept with probability
    /// exp(−z²/2) (Robert 1995, *Simulation of truncated normal variables*, arXiv:0907.4010). How
    /// far the stream moves depends on the numbers drawn.
    ///
    /// Generators that scale latents to one length first, StyleGAN2 and the light pair, take little notice
    /// of it; the former's styles are truncated instead ([`TruncatedStyles`](crate::network::TruncatedStyles)).
    ///
    /// Of a prior in parts the normal ones are truncated; uniform ones and codes are drawn whole.
    ///
    /// # Errors
    /// If the prior has no normal part, or the threshold is not a finite number above 0.
    ///
    /// ```
    /// use burn_gan::burn::backend::Flex;
    /// use burn_gan::{Latent, random::Stream};
    ///
    /// let mut stream = Stream::new(42, "samples");
    /// let z = Latent::normal(16).draw_truncated::<Flex>(4, 0.5, &mut stream, &Default::default())?;
    /// assert_eq!(z.dims(), [4, 16]);
    /// assert!(z.abs().max().into_scalar() <= 0.5);
    /// # Ok::<(), burn_gan::Error>(())
    /// ```
    pub fn draw_truncated<B: Backend>(
        &self,
        batch: usize,
        threshold: f32,
        stream: &mut Stream,
        device: &B::Device,
    ) -> Result<Tensor<B, 2>> {
        self.check_truncation(threshold)?;
        Ok(self.draw_parts(batch, device, |part| match *part {
            Part::Normal { dimensions } => {
                let rng = stream.rng();
                let draws = 0..batch * dimensions;
                draws.map(|_| truncated_normal(threshold, rng)).collect()
            }
            _ => part.draw(batch, stream),
        }))
    }

    /// Refuses what [`draw_truncated`](Self::draw_truncated) does.
    pub(crate) fn check_truncation(&self, threshold: f32) -> Result<()> {
        let normal = |part: &Part| matches!(part, Part::Normal { .. });
        if !self.as_parts().iter().any(normal) {
            return Err(Error::setting(
                "threshold",
                threshold,
                "cuts the tails of a normal prior, and this one has no normal part; draw from a \
                 uniform one with narrower bounds",
            ));
        }
        if !(threshold > 0.0) || threshold.is_infinite() {
            return Err(Error::setting(
                "threshold",
                threshold,
                "must be a number above 0; `draw` draws from the whole prior",
            ));
        }
        Ok(())
    }
}

/// √(π/2): below it a uniform trial is kept more often than a normal one.
const NARROW: f32 = 1.253_314_1;

/// One draw from N(0, 1) given that it is in [−threshold, threshold].
fn truncated_normal(threshold: f32, rng: &mut impl Rng) -> f32 {
    loop {
        if threshold > NARROW {
            let z: f32 = rng.sample(StandardNormal);
            if z.abs() <= threshold {
                return z;
            }
        } else {
            let z = threshold * (2.0 * rng.random::<f32>() - 1.0);
            if rng.random::<f32>() < (-0.5 * z * z).exp() {
                return z;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Cpu, for_each_backend, values};

    fn draw(count: usize, threshold: f32, seed: u64) -> Vec<f64> {
        let mut stream = Stream::new(seed, "z");
        let z = Latent::normal(8).draw_truncated::<Cpu>(
            count / 8,
            threshold,
            &mut stream,
            &Default::default(),
        );
        values(z.expect("a valid threshold"))
    }

    /// E zᵖ under the truncated density by Simpson's rule.
    fn moment(power: i32, threshold: f64) -> f64 {
        let intervals = 2_000;
        let width = 2.0 * threshold / f64::from(intervals);
        let integral = |power: i32| -> f64 {
            (0..=intervals)
                .map(|i| {
                    let z = -threshold + f64::from(i) * width;
                    let weight = match i {
                        0 => 1.0,
                        i if i == intervals => 1.0,
                        i if i % 2 == 1 => 4.0,
                        _ => 2.0,
                    };
                    weight * z.powi(power) * (-0.5 * z * z).exp()
                })
                .sum()
        };
        integral(power) / integral(0)
    }

    #[test]
    fn draws_have_the_moments_of_the_truncated_density_and_keep_its_bound() {
        let count = 100_000;
        // The last two lie on both sides of the change of method.
        for threshold in [0.01_f32, 0.5, 2.0, 5.0, 1.25, 1.26] {
            let draws = draw(count, threshold, 1);
            let bound = f64::from(threshold);
            assert!(draws.iter().all(|z| z.abs() <= bound), "{threshold}");
            for power in 1..=4 {
                let mean = draws.iter().map(|z| z.powi(power)).sum::<f64>() / count as f64;
                let expected = moment(power, bound);
                let variance = moment(2 * power, bound) - expected * expected;
                // Five standard errors.
                let allowed = 5.0 * (variance / count as f64).sqrt();
                assert!(
                    (mean - expected).abs() < allowed,
                    "E z^{power} at {threshold}: {mean} is not {expected} within {allowed}"
                );
            }
        }
    }

    #[test]
    fn the_variance_at_threshold_1_is_the_known_one() {
        // 1 − 2·φ(1)/(2·Φ(1) − 1).
        let expected = 1.0 - 2.0 * 0.241_970_724_519_143_4 / 0.682_689_492_137_085_9;
        assert!((moment(2, 1.0) - expected).abs() < 1e-12);
    }

    #[test]
    fn few_trials_are_wasted() {
        // At worst 0.789 of the trials are kept: 1.27 trials of two numbers each for a draw.
        struct Counting<R>(R, u64);
        impl<R: Rng> rand::rand_core::TryRng for Counting<R> {
            type Error = std::convert::Infallible;
            fn try_next_u32(&mut self) -> std::result::Result<u32, Self::Error> {
                self.1 += 1;
                Ok(self.0.next_u32())
            }
            fn try_next_u64(&mut self) -> std::result::Result<u64, Self::Error> {
                self.1 += 1;
                Ok(self.0.next_u64())
            }
            fn try_fill_bytes(&mut self, to: &mut [u8]) -> std::result::Result<(), Self::Error> {
                self.0.fill_bytes(to);
                Ok(())
            }
        }
        for threshold in [1e-30, 0.01, 1.25, 1.26, 3.0] {
            let mut stream = Stream::new(3, "z");
            let mut rng = Counting(stream.rng(), 0);
            for _ in 0..10_000 {
                truncated_normal(threshold, &mut rng);
            }
            assert!(rng.1 < 30_000, "{threshold}: {} numbers", rng.1);
        }
    }

    fn the_seed_decides_the_draws<B: Backend>() {
        for threshold in [0.5, 2.0] {
            let mut stream = Stream::new(7, "z");
            let mut next = || {
                let prior = Latent::normal(8);
                let z = prior.draw_truncated::<B>(5, threshold, &mut stream, &Default::default());
                values(z.expect("a valid threshold"))
            };
            let (first, second) = (next(), next());
            assert_eq!(first, draw(40, threshold, 7));
            assert_ne!(first, second);
            assert_ne!(first, draw(40, threshold, 8));
        }
    }

    for_each_backend!(the_seed_decides_the_draws);

    #[test]
    fn codes_and_uniform_parts_are_drawn_whole() {
        let prior = Latent::normal(4)
            .with_categorical("digit", 3)
            .with_continuous("slant", 2)
            .with_part(Part::uniform(2));
        let (count, device) = (500, Default::default());
        let mut stream = Stream::new(2, "z");
        let z = prior.draw_truncated::<Cpu>(count, 0.1, &mut stream, &device);
        let z = z.expect("a normal part");
        assert_eq!(z.dims(), [count, 11]);
        let largest = |x: Tensor<Cpu, 2>| values(x.abs().max())[0];
        assert!(largest(z.clone().narrow(1, 0, 4)) <= 0.1);
        let digits = values(prior.code("digit").expect("a code").of(&z));
        for row in digits.chunks_exact(3) {
            assert_eq!(row.iter().filter(|x| **x == 1.0).count(), 1);
            assert_eq!(row.iter().filter(|x| **x == 0.0).count(), 2);
        }
        // 1,000 draws from U[−1, 1): all within 0.9 with probability 10⁻⁴⁶.
        for offset in [7, 9] {
            assert!(largest(z.clone().narrow(1, offset, 2)) > 0.9);
        }
    }

    #[test]
    fn a_uniform_prior_and_wrong_thresholds_are_refused() {
        let refused = |prior: Latent, threshold: f32| {
            let mut stream = Stream::new(1, "z");
            let z = prior.draw_truncated::<Cpu>(2, threshold, &mut stream, &Default::default());
            z.unwrap_err().to_string()
        };
        for threshold in [0.0, -0.1, f32::NAN, f32::INFINITY] {
            let error = refused(Latent::normal(2), threshold);
            assert!(error.contains(&format!("`threshold` = {threshold}: ")));
        }
        let codes = Latent::parts([Part::categorical("digit", 3), Part::uniform(2)]);
        for prior in [Latent::uniform(2), codes] {
            let error = refused(prior, 0.5);
            assert!(error.contains("narrower bounds"), "{error}");
        }
    }
}
