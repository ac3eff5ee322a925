//! What a step measures of itself for the health watch, without reading anything back.

use burn::module::AutodiffModule;
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use burn::tensor::backend::AutodiffBackend;

use super::gradients::names;
use crate::network::Sample;

/// Numbers of one step that tell whether it is well, still on the device.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Vitals<B: AutodiffBackend> {
    /// Of the generator's gradients.
    pub generator_gradients: GradientNorms<B>,
    /// Of the discriminator's gradients, in its last step.
    pub discriminator_gradients: GradientNorms<B>,
    /// How different the real samples of the last batch are, `[1]`.
    ///
    /// ```text
    /// mean over i of ‖x_i − x_{i+1}‖²,   the last one next to the first
    /// ```
    ///
    /// An estimate of the mean squared distance of two samples.
    pub real_diversity: Tensor<B::InnerBackend, 1>,
    /// The same of the generated samples, `[1]`.
    pub fake_diversity: Tensor<B::InnerBackend, 1>,
}

/// The size of a network's gradients before clipping, parameter by parameter.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GradientNorms<B: AutodiffBackend> {
    /// The parameters that have a gradient, by their dotted names.
    pub names: Vec<String>,
    /// ‖g‖² of each, `[parameters]`.
    pub squared_norms: Tensor<B::InnerBackend, 1>,
}

impl<B: AutodiffBackend> GradientNorms<B> {
    pub(super) fn new<M: AutodiffModule<B>>(
        module: &M,
        gradients: &GradientsParams,
        squared_norms: Tensor<B::InnerBackend, 1>,
    ) -> Self {
        Self {
            names: names::<B, M>(module, gradients),
            squared_norms,
        }
    }
}

/// The mean squared distance of a sample to its neighbour in the batch, `[1]`; 0 for a single one.
#[inline(never)]
pub(crate) fn diversity<S: Sample<B>, B: AutodiffBackend>(
    samples: S,
) -> Tensor<B::InnerBackend, 1> {
    let samples = samples.into_inner();
    let batch = samples.batch_size();
    let device = samples.device();
    if batch < 2 {
        return Tensor::zeros([1], &device);
    }
    let next = S::Inner::concatenate(vec![
        samples.clone().narrow(1, batch - 1),
        samples.clone().narrow(0, 1),
    ]);
    let weights = Tensor::full([batch], -1.0, &device);
    samples.add_scaled(next, weights).squared_norms().mean()
}

crate::compiled::compiled! {
    diversity::<Tensor<Tape, 2>, Tape>,
    diversity::<Tensor<Tape, 4>, Tape>,
}
