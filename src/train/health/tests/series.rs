//! Runs as a watch sees them: healthy ones, with the noise that real ones have, to plant faults in.

use std::sync::Arc;

use crate::train::health::*;

/// splitmix64, and normal numbers as sums of uniform ones.
#[derive(Debug, Clone)]
pub(super) struct Noise(u64);

impl Noise {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in [0, 1).
    pub(super) fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Mean 0, variance 1.
    pub(super) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }

    /// Lognormal with median 1, σ of its logarithm.
    pub(super) fn factor(&mut self, sigma: f64) -> f64 {
        (sigma * self.normal()).exp()
    }
}

pub(super) fn gradients(norm: f64) -> GradientReading {
    let names: Arc<[String]> = ["layers.0.weight", "layers.0.bias", "layers.1.weight"]
        .map(str::to_owned)
        .into();
    GradientReading {
        names,
        squared_norms: [0.6, 0.1, 0.3].map(|share| share * norm * norm).to_vec(),
    }
}

/// What a healthy GAN shows after `step` steps: noisy norms with rare tenfold spikes, losses
/// around 2 ln 2 and ln 2 that swing slowly, separation between guessing and .99, samples nearly
/// as different as real ones, a small gap, memory at rest after the start.
pub(super) fn healthy(step: u64, every: u64, noise: &mut Noise) -> VitalSigns {
    let swing = (step as f64 / 700.0).sin();
    let since = step.saturating_sub(if step < every { 1 } else { every });
    let losses = (since + 1..=step)
        .map(|step| LossReading {
            step,
            discriminator: (1.2 + 0.4 * swing) * noise.factor(0.3),
            discriminator_penalty: step.is_multiple_of(2).then(|| 0.05 * noise.factor(0.8)),
            generator: (1.5 - 0.9 * swing) * noise.factor(0.5),
            generator_penalty: None,
        })
        .collect();
    let mut norm = |base: f64| {
        let spike = if noise.uniform() < 0.01 { 10.0 } else { 1.0 };
        base * (1.5 * swing).exp() * noise.factor(0.5) * spike
    };
    let (generator, discriminator) = (norm(0.8), norm(2.0));
    let js: f64 = 0.35 + 0.3 * swing + 0.02 * noise.normal();
    let logit = 0.8 + 0.6 * swing;
    // Means over 64 logits of standard deviation 1.
    let mut mean = |of: f64| of + noise.normal() / 8.0;
    let held_out = HeldOutReading {
        training: mean(logit),
        held_out: mean(logit - 0.1),
        fake: mean(-logit),
    };
    let start = 1.0 - (-(step as f64) / 60.0).exp();
    VitalSigns {
        step,
        losses,
        loss_of_guessing: Some(2.0 * std::f64::consts::LN_2),
        generator_gradients: Some(gradients(generator)),
        discriminator_gradients: Some(gradients(discriminator)),
        logits: Some(LogitReading {
            separated: 0.8 + 0.19 * swing,
            js_lower_bound: js.clamp(0.0, 0.68),
            real_mean: logit,
            fake_mean: -logit,
        }),
        diversity: Some(DiversityReading {
            real: 200.0 * noise.factor(0.05),
            fake: 150.0 * noise.factor(0.1),
        }),
        held_out: Some(held_out),
        weights: Vec::new(),
        spoilt_samples: Vec::new(),
        measurements: Vec::new(),
        resident_bytes: Some((6e8 + 9e8 * start + 2e7 * noise.normal().abs()) as u64),
    }
}

/// The steps at which health is checked.
pub(super) fn checks(every: u64, steps: u64) -> impl Iterator<Item = u64> {
    let config = HealthConfig {
        every,
        ..HealthConfig::default()
    };
    (1..=steps).filter(move |step| config.is_due(*step, steps))
}

/// What a watch with the default settings finds in a healthy run of `steps` steps with a fault in
/// it.
pub(super) fn run(steps: u64, mut fault: impl FnMut(&mut VitalSigns)) -> Vec<Finding> {
    let mut watch = HealthWatch::new(HealthConfig::default()).unwrap();
    let mut noise = Noise::new(7);
    checks(10, steps)
        .flat_map(|step| {
            let mut signs = healthy(step, 10, &mut noise);
            fault(&mut signs);
            watch.check(&signs)
        })
        .collect()
}
