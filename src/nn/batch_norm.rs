//! Batch normalisation.

use burn::module::{
    Content, DisplaySettings, Initializer, Module, ModuleDisplay, Param, RunningState,
};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::Activation;
use super::fixed_statistics::are_statistics_fixed;
use crate::error::{Result, check};
use crate::process::mean_of_all;
use crate::settings::settings;
use crate::sizes;

settings! {
/// Settings of a [`BatchNorm`] layer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BatchNormConfig {
    /// Channels, the second axis of the input.
    pub num_features: usize,
    /// ε, added to the variance; 1e-5 by default.
    pub epsilon: f64,
    /// The weight of a new batch in the running statistics; .1 by default.
    pub momentum: f64,
}
}

impl BatchNormConfig {
    /// A norm over this many channels.
    pub fn new(num_features: usize) -> Self {
        Self {
            num_features,
            epsilon: 1e-5,
            momentum: 0.1,
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

    /// Checks the settings.
    ///
    /// # Errors
    /// If there is no channel or more than 2²⁴, ε is not above 0, or the momentum is not in [0, 1].
    pub fn validate(&self) -> Result<()> {
        sizes::size("num_features", self.num_features)?;
        check::positive("epsilon", self.epsilon)?;
        check::at_most_one("momentum", self.momentum)
    }

    /// Makes the layer: γ = 1, β = 0, running mean 0 and variance 1.
    ///
    /// # Panics
    /// If the settings are not [valid](Self::validate).
    pub fn init<B: Backend>(&self, device: &B::Device) -> BatchNorm<B> {
        if let Err(error) = self.validate() {
            panic!("{error}");
        }
        let channels = [self.num_features];
        BatchNorm {
            gamma: Initializer::Ones.init(channels, device),
            beta: Initializer::Zeros.init(channels, device),
            running_mean: RunningState::new(Tensor::zeros(channels, device)),
            running_var: RunningState::new(Tensor::ones(channels, device)),
            momentum: self.momentum,
            epsilon: self.epsilon,
        }
    }
}

/// Batch normalisation of the channels, the second axis of `[batch, channels, …]`.
///
/// ```text
/// y = γ·(x − mean)/√(variance + ε) + β
/// running ← (1 − momentum)·running + momentum·batch
/// ```
///
/// With a tape (`Autodiff`) the statistics are the batch's own, over all axes but the second, the
/// variance biased, and the running ones follow; without one they are the running ones. So
/// `valid()` turns training off, as in burn's layer of this name, whose mathematics, names
/// and layout (`gamma`, `beta`, `running_mean`, `running_var`, `[channels]` each) it has. PyTorch's
/// running variance differs by n/(n − 1). In a group of processes the batch is what a process has of
/// it, or the whole ([`TrainerConfig::synchronized_batch_norm`]). A run may fix its statistics
/// ([`TrainerConfig::frozen_batch_norm`]). On the CPU backend Flex it runs on
/// kernels of this crate's own; under second order, over all processes, and elsewhere, on burn's
/// operations.
///
/// Ioffe, Szegedy 2015, *Batch normalization: accelerating deep network training by reducing
/// internal covariate shift*, arXiv:1502.03167.
///
/// [`TrainerConfig::frozen_batch_norm`]: crate::train::TrainerConfig::frozen_batch_norm
/// [`TrainerConfig::synchronized_batch_norm`]: crate::train::TrainerConfig::synchronized_batch_norm
#[derive(Module, Debug)]
#[module(custom_display)]
pub struct BatchNorm<B: Backend> {
    gamma: Param<Tensor<B, 1>>,
    beta: Param<Tensor<B, 1>>,
    running_mean: RunningState<Tensor<B, 1>>,
    running_var: RunningState<Tensor<B, 1>>,
    momentum: f64,
    epsilon: f64,
}

impl<B: Backend> BatchNorm<B> {
    /// Applies the layer; the output has the input's shape.
    ///
    /// # Panics
    /// If the input's rank is below 2, or its second axis is not the layer's channels.
    pub fn forward<const R: usize>(&self, input: Tensor<B, R>) -> Tensor<B, R> {
        self.forward_activated(input, Activation::Identity)
    }

    /// Applies the layer, then an activation, in one operation where there is a kernel for it.
    ///
    /// # Panics
    /// As [`forward`](Self::forward).
    pub fn forward_activated<const R: usize>(
        &self,
        input: Tensor<B, R>,
        activation: Activation,
    ) -> Tensor<B, R> {
        let [channels] = self.gamma.shape().dims();
        assert!(
            R >= 2 && input.dims()[1] == channels,
            "a batch norm of {channels} channels can't take an input of shape {:?}",
            input.dims()
        );
        self.statistics()
            .normalize(input, self.gamma.val(), self.beta.val(), activation)
    }

    fn statistics(&self) -> Statistics<'_, B> {
        Statistics {
            mean: &self.running_mean,
            variance: &self.running_var,
            momentum: self.momentum,
            epsilon: self.epsilon,
        }
    }
}

/// What a batch is normalised with: the layer's running statistics, and how they follow.
pub(super) struct Statistics<'a, B: Backend> {
    pub(super) mean: &'a RunningState<Tensor<B, 1>>,
    pub(super) variance: &'a RunningState<Tensor<B, 1>>,
    pub(super) momentum: f64,
    pub(super) epsilon: f64,
}

impl<B: Backend> Statistics<'_, B> {
    /// f(γ·x̂ + β), γ and β `[channels]`; with a tape by the batch's own statistics, which the running
    /// ones then follow, without one, and where statistics are fixed, by those.
    pub(super) fn normalize<const R: usize>(
        &self,
        input: Tensor<B, R>,
        gamma: Tensor<B, 1>,
        beta: Tensor<B, 1>,
        activation: Activation,
    ) -> Tensor<B, R> {
        if B::ad_enabled(&input.device()) && !are_statistics_fixed() {
            self.train(input, gamma, beta, activation)
        } else {
            self.infer(input, gamma, beta, activation)
        }
    }

    fn train<const R: usize>(
        &self,
        input: Tensor<B, R>,
        gamma: Tensor<B, 1>,
        beta: Tensor<B, 1>,
        activation: Activation,
    ) -> Tensor<B, R> {
        // The kernel has the statistics and the output in one operation: nothing can come between.
        #[cfg(feature = "flex")]
        if !crate::process::is_synchronized()
            && let Some(normalized) = crate::kernels::batch_norm_training(
                &input,
                [&gamma, &beta],
                self.epsilon,
                activation,
            )
        {
            crate::kernels::released(input);
            self.follow(normalized.mean, normalized.variance);
            return normalized.y;
        }
        let [channels] = gamma.dims();
        // One row for each channel, whatever the rank.
        let rows = |x: Tensor<B, R>| -> Tensor<B, 2> {
            let count = x.shape().num_elements() / channels;
            x.swap_dims(0, 1).reshape([channels, count])
        };
        let mean = mean_of_all(rows(input.clone()).mean_dim(1).reshape([channels]));
        let centered = input - along_channels(mean.clone());
        let squares = rows(centered.clone().square());
        let variance = mean_of_all(squares.mean_dim(1).reshape([channels]));
        self.follow(mean.detach(), variance.clone().detach());
        self.scale(centered, variance, gamma, beta, activation)
    }

    fn infer<const R: usize>(
        &self,
        input: Tensor<B, R>,
        gamma: Tensor<B, 1>,
        beta: Tensor<B, 1>,
        activation: Activation,
    ) -> Tensor<B, R> {
        let device = input.device();
        let mean = self.mean.value().to_device(&device);
        let variance = self.variance.value().to_device(&device);
        #[cfg(feature = "flex")]
        if let Some(output) = crate::kernels::batch_norm_inference(
            &input,
            [&gamma, &beta],
            [&mean, &variance],
            self.epsilon,
            activation,
        ) {
            crate::kernels::released(input);
            return output;
        }
        let centered = input - along_channels(mean);
        self.scale(centered, variance, gamma, beta, activation)
    }

    fn scale<const R: usize>(
        &self,
        centered: Tensor<B, R>,
        variance: Tensor<B, 1>,
        gamma: Tensor<B, 1>,
        beta: Tensor<B, 1>,
        activation: Activation,
    ) -> Tensor<B, R> {
        let deviation = along_channels(variance.add_scalar(self.epsilon).sqrt());
        let output = centered / deviation * along_channels(gamma) + along_channels(beta);
        activation.apply(output)
    }

    /// Moves the running statistics towards a batch's.
    fn follow(&self, mean: Tensor<B, 1>, variance: Tensor<B, 1>) {
        for (running, batch) in [(self.mean, mean), (self.variance, variance)] {
            let old = running.value_sync().to_device(&batch.device());
            let new = old.mul_scalar(1.0 - self.momentum) + batch.mul_scalar(self.momentum);
            running.update(new.detach());
        }
    }
}

/// `[channels]` as `[1, channels, 1, …]`.
fn along_channels<B: Backend, const R: usize>(x: Tensor<B, 1>) -> Tensor<B, R> {
    let mut shape = [1; R];
    shape[1] = x.dims()[0];
    x.reshape(shape)
}

impl<B: Backend> ModuleDisplay for BatchNorm<B> {
    fn custom_settings(&self) -> Option<DisplaySettings> {
        DisplaySettings::new()
            .with_new_line_after_attribute(false)
            .optional()
    }

    fn custom_content(&self, content: Content) -> Option<Content> {
        let [channels] = self.gamma.shape().dims();
        content
            .add("num_features", &channels)
            .add("momentum", &self.momentum)
            .add("epsilon", &self.epsilon)
            .optional()
    }
}
