//! The numbers that a health check looks at.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::train::Measurement;

/// The numbers of one check, on the host. What was not measured is left out, and is not judged.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct VitalSigns {
    /// The step, from 1, after which they were measured.
    pub step: u64,
    /// The losses of every step since the last check, in order.
    pub losses: Vec<LossReading>,
    /// What the discriminator's loss is where it tells nothing apart, of a loss that has a scale.
    pub loss_of_guessing: Option<f64>,
    /// The generator's gradients in this step.
    pub generator_gradients: Option<GradientReading>,
    /// The discriminator's gradients in its last step.
    pub discriminator_gradients: Option<GradientReading>,
    /// The logits of the last discriminator step's batches.
    pub logits: Option<LogitReading>,
    /// How much samples differ from each other.
    pub diversity: Option<DiversityReading>,
    /// The discriminator on data that it is not trained on.
    pub held_out: Option<HeldOutReading>,
    /// Dotted names of the parameters that hold a number that is not finite. Only looked for
    /// where a loss or a gradient is not finite.
    pub weights: Vec<String>,
    /// The samples of the data set, by their places in it, that hold a number that is not finite.
    /// Only looked for where a loss is not finite, among those that the first such step was made
    /// with.
    pub spoilt_samples: Vec<usize>,
    /// The newest of each number that evaluators of the run have measured.
    pub measurements: Vec<Measurement>,
    /// Memory of the process, in bytes.
    pub resident_bytes: Option<u64>,
}

/// The losses of one step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LossReading {
    /// The step, from 1.
    pub step: u64,
    /// The discriminator's loss without penalties.
    pub discriminator: f64,
    /// Its weighted penalties; `None` where none was due.
    pub discriminator_penalty: Option<f64>,
    /// The generator's loss without penalties.
    pub generator: f64,
    /// Its weighted penalties; `None` where none was due.
    pub generator_penalty: Option<f64>,
}

/// The gradients of one network in one step, before any clipping.
#[derive(Debug, Clone, PartialEq)]
pub struct GradientReading {
    /// Dotted names of the parameters that have a gradient, in the module's order.
    pub names: Arc<[String]>,
    /// For each of them the sum of its gradient's squares.
    pub squared_norms: Vec<f64>,
}

impl GradientReading {
    /// The norm of all gradients together.
    ///
    /// ```text
    /// ‖g‖ = √(Σ_i ‖g_i‖²)
    /// ```
    pub fn norm(&self) -> f64 {
        self.squared_norms.iter().sum::<f64>().sqrt()
    }
}

/// What the discriminator says of a real and a generated batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogitReading {
    /// How often a real sample's logit lies above a generated one's, over all pairs of the batch,
    /// ties counted half: the area under the ROC curve. ½ is guessing, 1 is complete separation.
    pub separated: f64,
    /// The lower bound on JS(p_data ‖ p_g) that the logits show, in nats, at most ln 2
    /// ([`js_lower_bound`](crate::divergence::js_lower_bound)).
    pub js_lower_bound: f64,
    /// The mean logit of real samples.
    pub real_mean: f64,
    /// The mean logit of generated samples.
    pub fake_mean: f64,
}

/// The mean squared distance between two samples of a batch.
///
/// ```text
/// E ‖x − x′‖²
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DiversityReading {
    /// Between real samples.
    pub real: f64,
    /// Between generated samples.
    pub fake: f64,
}

impl DiversityReading {
    /// fake / real; `None` where one is not finite, or real samples are all alike.
    pub fn ratio(&self) -> Option<f64> {
        let ratio = self.fake / self.real;
        (self.real > 0.0 && self.real.is_finite() && ratio.is_finite()).then_some(ratio)
    }
}

/// Mean logits of the discriminator in inference mode.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeldOutReading {
    /// Of real samples that it is trained on.
    pub training: f64,
    /// Of real samples that it has never seen.
    pub held_out: f64,
    /// Of generated samples.
    pub fake: f64,
}

impl HeldOutReading {
    /// How far the discriminator takes unseen real samples for generated ones: 0 if it judges
    /// them as those that it knows, 1 if it judges them as generated. `None` unless known samples
    /// lie above generated ones and all three means are finite.
    ///
    /// ```text
    /// r_v = (E D(training) − E D(held out)) / (E D(training) − E D(G(z)))
    /// ```
    ///
    /// Karras, Aittala, Hellsten, Laine, Lehtinen, Aila 2020, *Training generative adversarial
    /// networks with limited data*, arXiv:2006.06676, equation 1.
    pub fn gap(&self) -> Option<f64> {
        let separation = self.training - self.fake;
        let gap = (self.training - self.held_out) / separation;
        (separation > 0.0 && gap.is_finite()).then_some(gap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_norm_is_that_of_all_gradients_in_a_row() {
        let reading = GradientReading {
            names: ["weight".to_owned(), "bias".to_owned()].into(),
            squared_norms: vec![9.0, 16.0],
        };
        assert_eq!(reading.norm(), 5.0);
    }

    #[test]
    fn a_gap_is_the_share_of_the_way_from_training_to_generated() {
        let reading = |training, held_out, fake| HeldOutReading {
            training,
            held_out,
            fake,
        };
        assert_eq!(reading(3.0, 3.0, -1.0).gap(), Some(0.0));
        assert_eq!(reading(3.0, 2.0, -1.0).gap(), Some(0.25));
        assert_eq!(reading(3.0, -1.0, -1.0).gap(), Some(1.0));
        assert_eq!(reading(-1.0, 0.0, 1.0).gap(), None);
        assert_eq!(reading(f64::NAN, 0.0, 1.0).gap(), None);
        assert_eq!(reading(f64::INFINITY, 0.0, 1.0).gap(), None);
    }

    #[test]
    fn diversity_has_no_ratio_where_real_samples_are_alike() {
        let ratio = |real, fake| DiversityReading { real, fake }.ratio();
        assert_eq!(ratio(2.0, 0.5), Some(0.25));
        assert_eq!(ratio(0.0, 0.0), None);
        assert_eq!(ratio(f64::INFINITY, 1.0), None);
        assert_eq!(ratio(1.0, f64::NAN), None);
    }
}
