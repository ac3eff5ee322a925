//! Batch normalisation of Flex tensors, with its backward pass on a tape.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::{Autodiff, Flex};
use burn::tensor::ops::FloatTensor;

use super::activation::Elementwise;
use super::buffers;
use super::norm;
use super::storage::{channels_last, from_channels_last_like, from_rows, recycle};

/// What training normalises with, and what comes out beside y.
pub(super) struct Trained {
    pub(super) y: FloatTensor<Autodiff<Flex>>,
    /// The batch's own mean, `[channels]`.
    pub(super) mean: FlexTensor,
    /// Its biased variance, `[channels]`.
    pub(super) variance: FlexTensor,
}

fn vector(numbers: &[f32]) -> FlexTensor {
    let mut buffer = buffers::take(numbers.len());
    buffer.copy_from_slice(numbers);
    from_rows(buffer, &[numbers.len()])
}

/// f(γ·x̂ + β) with the batch's statistics.
pub(super) fn train(
    x: FloatTensor<Autodiff<Flex>>,
    gamma: FloatTensor<Autodiff<Flex>>,
    beta: FloatTensor<Autodiff<Flex>>,
    epsilon: f32,
    activation: Elementwise,
) -> Trained {
    let shape = x.primitive.layout().shape().to_vec();
    let (y, gamma_values, mean, variance, inverse_deviation) = {
        let numbers = channels_last(&x.primitive);
        let gamma = channels_last(&gamma.primitive);
        let beta = channels_last(&beta.primitive);
        let statistics = norm::statistics(&numbers, shape[1]);
        let inverse = norm::inverse_deviation(&statistics.variance, epsilon);
        let scale: Vec<f32> = gamma.iter().zip(&inverse).map(|(g, i)| g * i).collect();
        let y = norm::normalize(&numbers, &statistics.mean, &scale, &beta, activation);
        (
            from_channels_last_like(y, &shape, &x.primitive),
            gamma.to_vec(),
            statistics.mean,
            statistics.variance,
            inverse,
        )
    };
    let (mean_tensor, variance) = (vector(&mean), vector(&variance));
    let step = NormStep { activation };
    let prepared =
        Backward::<Flex, 3>::prepare::<NoCheckpointing>(step, [x.node, gamma.node, beta.node]);
    let y = match prepared.compute_bound().stateful() {
        OpsKind::Tracked(prepared) => {
            let saved = Saved {
                x: x.primitive,
                y: y.clone(),
                gamma: gamma_values,
                mean,
                inverse_deviation,
            };
            prepared.finish(saved, y)
        }
        OpsKind::UnTracked(prepared) => prepared.finish(y),
    };
    Trained {
        y,
        mean: mean_tensor,
        variance,
    }
}

/// f(γ·(x − mean)/√(variance + ε) + β) with given statistics.
pub(super) fn infer(
    x: &FlexTensor,
    gamma: &FlexTensor,
    beta: &FlexTensor,
    mean: &FlexTensor,
    variance: &FlexTensor,
    epsilon: f32,
    activation: Elementwise,
) -> FlexTensor {
    let inverse = norm::inverse_deviation(&channels_last(variance), epsilon);
    let scale: Vec<f32> = channels_last(gamma)
        .iter()
        .zip(&inverse)
        .map(|(g, i)| g * i)
        .collect();
    let y = norm::normalize(
        &channels_last(x),
        &channels_last(mean),
        &scale,
        &channels_last(beta),
        activation,
    );
    from_channels_last_like(y, x.layout().shape(), x)
}

/// What the backward pass needs.
#[derive(Debug, Clone)]
struct Saved {
    x: FlexTensor,
    y: FlexTensor,
    gamma: Vec<f32>,
    mean: Vec<f32>,
    inverse_deviation: Vec<f32>,
}

/// The backward pass; parents x, γ and β.
#[derive(Debug)]
struct NormStep {
    activation: Elementwise,
}

impl Backward<Flex, 3> for NormStep {
    type State = Saved;

    fn backward(
        self,
        ops: Ops<Saved, 3>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let gradient = gradients.consume::<Flex>(&ops.node);
        let saved = ops.state;
        let found = norm::gradients(
            &channels_last(&gradient),
            &channels_last(&saved.x),
            &channels_last(&saved.y),
            &saved.gamma,
            &saved.mean,
            &saved.inverse_deviation,
            self.activation,
        );
        recycle(gradient);
        let shape = saved.x.layout().shape().to_vec();
        let fresh = from_channels_last_like(found.x, &shape, &saved.x);
        recycle(saved.y);
        recycle(saved.x);
        let [x, gamma, beta] = ops.parents;
        if let Some(node) = x {
            gradients.register::<Flex>(node.id, fresh);
        }
        if let Some(node) = gamma {
            gradients.register::<Flex>(node.id, vector(&found.gamma));
        }
        if let Some(node) = beta {
            gradients.register::<Flex>(node.id, vector(&found.beta));
        }
    }
}
