//! Batch normalisation whose scale and shift depend on a condition.

use burn::module::{Content, DisplaySettings, Initializer, Module, ModuleDisplay, RunningState};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::batch_norm::Statistics;
use super::spectral_option::normable;
use super::{Activation, BatchNormConfig, Linear, LinearConfig, SpectralOption, modulate};
use crate::error::{Result, check};
use crate::settings::settings;
use crate::sizes;

settings! {
/// Settings of a [`ConditionalBatchNorm`] layer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConditionalBatchNormConfig {
    /// Channels, the second axis of the input.
    pub num_features: usize,
    /// Numbers that a sample's condition is given as.
    pub condition: usize,
    /// ε, added to the variance; 1e-5 by default.
    pub epsilon: f64,
    /// The weight of a new batch in the running statistics; 0.1 by default.
    pub momentum: f64,
    /// How the maps from the condition are drawn; by default all are 0, so that the layer begins as a
    /// plain norm.
    #[serde(deserialize_with = "crate::settings::foreign")]
    pub initializer: Initializer,
    /// Whether the maps from the condition are spectrally normalised (BigGAN); false by default.
    #[serde(default)]
    pub spectral_norm: bool,
}
}

impl ConditionalBatchNormConfig {
    /// A norm over so many channels, conditioned on vectors of so many numbers.
    pub fn new(num_features: usize, condition: usize) -> Self {
        let plain = BatchNormConfig::new(num_features);
        Self {
            num_features,
            condition,
            epsilon: plain.epsilon,
            momentum: plain.momentum,
            initializer: Initializer::Zeros,
            spectral_norm: false,
        }
    }

    /// ε, added to the variance.
    pub fn with_epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// The weight of a new batch in the running statistics.
    pub fn with_momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }

    /// How the maps from the condition are drawn.
    pub fn with_initializer(mut self, initializer: Initializer) -> Self {
        self.initializer = initializer;
        self
    }

    /// Whether the maps from the condition are spectrally normalised.
    pub fn with_spectral_norm(mut self, spectral_norm: bool) -> Self {
        self.spectral_norm = spectral_norm;
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// If there is no channel or no number of a condition, more than 2²⁴ of either, ε is not above 0, the
    /// momentum is not in [0, 1], or maps that begin at 0 are to be spectrally normalised.
    pub fn validate(&self) -> Result<()> {
        sizes::size("num_features", self.num_features)?;
        sizes::size("condition", self.condition)?;
        sizes::weights("condition", &[self.condition, self.num_features])?;
        check::positive("epsilon", self.epsilon)?;
        check::at_most_one("momentum", self.momentum)?;
        normable(self.spectral_norm, &self.initializer)
    }

    /// Makes the layer: running mean 0 and variance 1.
    ///
    /// # Panics
    /// If the settings are not [valid](Self::validate).
    pub fn init<B: Backend>(&self, device: &B::Device) -> ConditionalBatchNorm<B> {
        if let Err(error) = self.validate() {
            panic!("{error}");
        }
        let map = || {
            let map = LinearConfig::new(self.condition, self.num_features)
                .with_bias(false)
                .with_initializer(self.initializer.clone())
                .init(device);
            SpectralOption::new(map, self.spectral_norm)
        };
        let channels = [self.num_features];
        ConditionalBatchNorm {
            gain: map(),
            shift: map(),
            running_mean: RunningState::new(Tensor::zeros(channels, device)),
            running_var: RunningState::new(Tensor::ones(channels, device)),
            momentum: self.momentum,
            epsilon: self.epsilon,
        }
    }
}

/// Batch normalisation of `[batch, channels, …]` with a scale and a shift of each sample's condition.
///
/// ```text
/// y = (1 + c·G)·x̂ + c·S          x̂ = (x − mean)/√(variance + ε)
/// ```
///
/// c, `[batch, condition]`, is the condition as numbers: a learned vector of its class, shared by all
/// the norms of a network (BigGAN), with a part of the latent beside it or not; or the class itself, 1 at
/// its place and 0 elsewhere, and then G and S hold a scale and a shift for each class (SNGAN). G and S
/// are `[condition, channels]`. Statistics are as for [`BatchNorm`](super::BatchNorm).
///
/// Dumoulin, Shlens, Kudlur 2016, *A learned representation for artistic style*, arXiv:1610.07629; de
/// Vries et al. 2017, arXiv:1707.00683; Brock, Donahue, Simonyan 2018, arXiv:1809.11096.
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::nn::{Activation, ConditionalBatchNormConfig};
///
/// let device = Default::default();
/// let norm = ConditionalBatchNormConfig::new(3, 10).init::<Flex>(&device);
/// let images = Tensor::<Flex, 4>::ones([2, 3, 4, 5], &device);
/// let condition = Tensor::zeros([2, 10], &device);
/// let images = norm.forward_activated(images, condition, Activation::Relu);
/// assert_eq!(images.dims(), [2, 3, 4, 5]);
/// ```
#[derive(Module, Debug)]
#[module(custom_display)]
pub struct ConditionalBatchNorm<B: Backend> {
    gain: SpectralOption<B, Linear<B>>,
    shift: SpectralOption<B, Linear<B>>,
    running_mean: RunningState<Tensor<B, 1>>,
    running_var: RunningState<Tensor<B, 1>>,
    momentum: f64,
    epsilon: f64,
}

impl<B: Backend> ConditionalBatchNorm<B> {
    /// Applies the layer, then an activation; the output has the input's shape.
    ///
    /// # Panics
    /// If the input's rank is below 2, its second axis is not the layer's channels, or the condition is
    /// not `[batch, condition]`.
    pub fn forward_activated<const R: usize>(
        &self,
        input: Tensor<B, R>,
        condition: Tensor<B, 2>,
        activation: Activation,
    ) -> Tensor<B, R> {
        let [channels] = self.running_mean.value().dims();
        assert!(
            R >= 2 && input.dims()[1] == channels && condition.dims()[0] == input.dims()[0],
            "a conditional batch norm of {channels} channels can't take an input of shape {:?} with \
             conditions {:?}",
            input.dims(),
            condition.dims()
        );
        let gain = self.gain.forward(condition.clone()).add_scalar(1.0);
        let shift = self.shift.forward(condition);
        let device = input.device();
        let statistics = Statistics {
            mean: &self.running_mean,
            variance: &self.running_var,
            momentum: self.momentum,
            epsilon: self.epsilon,
        };
        let (one, none) = (
            Tensor::ones([channels], (&device, input.dtype())),
            Tensor::zeros([channels], (&device, input.dtype())),
        );
        let normalized = statistics.normalize(input, one, none, Activation::Identity);
        modulate(normalized, gain, Some(shift), activation)
    }
}

impl<B: Backend> ModuleDisplay for ConditionalBatchNorm<B> {
    fn custom_settings(&self) -> Option<DisplaySettings> {
        DisplaySettings::new()
            .with_new_line_after_attribute(false)
            .optional()
    }

    fn custom_content(&self, content: Content) -> Option<Content> {
        let [channels] = self.running_mean.value().dims();
        content
            .add("num_features", &channels)
            .add("momentum", &self.momentum)
            .add("epsilon", &self.epsilon)
            .optional()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::BatchNorm;
    use crate::testing::{assert_close, assign, for_each_autodiff_backend, tensor1, values};
    use burn::module::AutodiffModule;
    use burn::tensor::backend::AutodiffBackend;

    fn a_class_has_a_plain_norm_s_output_scaled_and_shifted<B: AutodiffBackend>() {
        let device = Default::default();
        let images: Vec<f64> = (0..2 * 3 * 4).map(|i| (f64::from(i) * 0.9).sin()).collect();
        let x = || tensor1::<B>(&images).reshape([2, 3, 4, 1]);
        let plain: BatchNorm<B> = BatchNormConfig::new(3).init(&device);
        let layer = ConditionalBatchNormConfig::new(3, 2).init::<B>(&device);
        let (gain, shift) = (
            [0.5, -1.0, 2.0, 0.0, 0.25, -0.5],
            [1.0, 2.0, 3.0, -1.0, -2.0, -3.0],
        );
        let parameters = vec![gain.to_vec(), shift.to_vec(), vec![0.0; 3], vec![1.0; 3]];
        let layer = assign::<B, _>(layer, parameters);
        // The second class, then the first.
        let condition = tensor1::<B>([0.0, 1.0, 1.0, 0.0]).reshape([2, 2]);
        let expected = |normal: Vec<f64>| -> Vec<f64> {
            let class = |sample: usize| 1 - sample;
            let at = |i: usize| class(i / 12) * 3 + i / 4 % 3;
            let changed = |(i, x): (usize, f64)| (1.0 + gain[at(i)]) * x + shift[at(i)];
            normal.into_iter().enumerate().map(changed).collect()
        };
        let found = layer.forward_activated(x(), condition.clone(), Activation::Identity);
        let normal = values(plain.forward(x()));
        assert_close(&values(found), &expected(normal), 1e-5, 1e-5);
        // In evaluation, by the running statistics.
        let found =
            layer
                .valid()
                .forward_activated(x().inner(), condition.inner(), Activation::Identity);
        let normal = values(plain.valid().forward(x().inner()));
        assert_close(&values(found), &expected(normal), 1e-5, 1e-5);
    }

    for_each_autodiff_backend!(a_class_has_a_plain_norm_s_output_scaled_and_shifted);

    #[test]
    fn wrong_settings_are_refused_by_name() {
        let config = || ConditionalBatchNormConfig::new(3, 2);
        for (wrong, field) in [
            (ConditionalBatchNormConfig::new(0, 2), "`num_features`"),
            (ConditionalBatchNormConfig::new(3, 0), "`condition`"),
            (config().with_epsilon(f64::NAN), "`epsilon`"),
            (config().with_momentum(1.5), "`momentum`"),
            (config().with_spectral_norm(true), "`initializer`"),
        ] {
            let error = wrong.validate().expect_err(field).to_string();
            assert!(error.contains(field), "no {field} in {error}");
        }
    }
}
