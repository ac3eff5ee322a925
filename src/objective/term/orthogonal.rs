//! Orthogonal regularisation.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::{CostTerm, Term, TermInfo, TermKind};
use crate::network::{Network, Sample};
use crate::nn::{LayerKind, outputs_second, weight_matrix};

use crate::objective::pass::{Memory, Pass};
use crate::pair::Pair;
use crate::random::Stream;
use crate::settings::settings;

settings! {
/// Filters of a layer should not look alike.
///
/// ```text
/// Σ_W ‖(WᵀW) ⊙ (1 − I)‖²_F
/// ```
///
/// Brock, Donahue, Simonyan 2018, *Large scale GAN training for high fidelity natural image
/// synthesis*, arXiv:1809.11096; [`orthogonal`] says which weights count.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Orthogonal {
    /// Whose filters; the generator's in the paper.
    pub network: Network,
}
}

impl Term {
    /// [`Orthogonal`] regularisation of one network; β is 1e-4 in the paper.
    pub fn orthogonal(beta: f64, network: Network) -> Self {
        Self::new(TermKind::Orthogonal(Orthogonal { network }), beta)
    }
}

impl TermInfo for Orthogonal {
    fn name(&self) -> &str {
        "orthogonal"
    }

    fn acts_on(&self, network: Network) -> bool {
        network == self.network
    }
}

impl<P: Pair> CostTerm<P> for Orthogonal {
    fn value(
        &self,
        pass: &Pass<'_, P>,
        _noise: &mut Stream,
        _memory: &mut Memory<P::Backend>,
    ) -> Tensor<P::Backend, 1> {
        let device = pass.real.sample.device();
        match self.network {
            Network::Generator => orthogonal(pass.generator, &device),
            Network::Discriminator => orthogonal(pass.discriminator, &device),
        }
    }
}

/// Orthogonal regularisation without the diagonal: filters of a layer should not look alike.
///
/// ```text
/// R = Σ_W ‖(WᵀW) ⊙ (1 − I)‖²_F
/// ```
///
/// The columns of W are a layer's filters: the outputs of a linear layer, the output channels of
/// a convolution with all that each of them reads. Every trainable weight of rank 2 to 5 counts,
/// embeddings apart; biases, scales and buffers do not. Returns `[1]`; 0 for a module without
/// weights.
///
/// Brock, Donahue, Simonyan 2018, *Large scale GAN training for high fidelity natural image
/// synthesis*, arXiv:1809.11096, section 3.1.
pub fn orthogonal<B: Backend, M: Module<B>>(module: &M, device: &B::Device) -> Tensor<B, 1> {
    let mut weights = Weights {
        layers: Vec::new(),
        sum: None,
    };
    module.visit(&mut weights);
    weights.sum.unwrap_or_else(|| Tensor::zeros([1], device))
}

struct Weights<B: Backend> {
    /// The layers that the visit is in, the innermost last.
    layers: Vec<Option<LayerKind>>,
    sum: Option<Tensor<B, 1>>,
}

impl<B: Backend> ModuleVisitor<B> for Weights<B> {
    fn enter_module(&mut self, _name: &str, container_type: &str) {
        self.layers.push(LayerKind::of(container_type));
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.layers.pop();
    }

    #[inline(never)]
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let layer = self.layers.last().copied().flatten();
        let weight = param.val();
        if D < 2 || !weight.is_require_grad() || layer == Some(LayerKind::Embedding) {
            return;
        }
        let rows = weight_matrix(weight, outputs_second(D, layer));
        let filters = rows.dims()[0];
        let gram = rows.clone().matmul(rows.transpose());
        let off_diagonal = Tensor::eye(filters, &gram.device()).neg().add_scalar(1.0);
        let penalty = (gram * off_diagonal).square().sum();
        self.sum = Some(match self.sum.take() {
            Some(sum) => sum + penalty,
            None => penalty,
        });
    }
}

crate::compiled::compiled! {
    <Weights<Tape> as burn::module::ModuleVisitor<Tape>>::visit_float::<1>,
    <Weights<Tape> as burn::module::ModuleVisitor<Tape>>::visit_float::<2>,
    <Weights<Tape> as burn::module::ModuleVisitor<Tape>>::visit_float::<4>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{LabelEmbedding, MlpDiscriminatorConfig};
    use crate::nn::LinearConfig;
    use crate::testing::{
        assert_close, assign, for_each_autodiff_backend, gradients, parameters, values,
    };
    use burn::nn::conv::{Conv2dConfig, ConvTranspose2dConfig};
    use burn::tensor::backend::AutodiffBackend;

    /// Σ over pairs of different filters of their squared inner product, by loops.
    fn by_hand(filters: &[Vec<f64>]) -> f64 {
        let mut sum = 0.0;
        for (i, a) in filters.iter().enumerate() {
            for (j, b) in filters.iter().enumerate() {
                if i != j {
                    sum += a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>().powi(2);
                }
            }
        }
        sum
    }

    fn filters_are_columns_channels_and_transposed_channels<B: AutodiffBackend>() {
        let device = Default::default();
        let linear = LinearConfig::new(3, 2).init::<B>(&device);
        let linear = assign::<B, _>(
            linear,
            vec![vec![1.0, 2.0, 0.5, -1.0, 0.0, 3.0], vec![9.0, 9.0]],
        );
        let expected = by_hand(&[vec![1.0, 0.5, 0.0], vec![2.0, -1.0, 3.0]]);
        assert_close(
            &values(orthogonal::<B, _>(&linear, &device)),
            &[expected],
            1e-5,
            0.0,
        );

        let conv = Conv2dConfig::new([2, 3], [1, 2])
            .with_bias(false)
            .init::<B>(&device);
        let all = &parameters::<B, _>(&conv)[0];
        let filters: Vec<Vec<f64>> = all.chunks(4).map(<[f64]>::to_vec).collect();
        let found = values(orthogonal::<B, _>(&conv, &device));
        assert_close(&found, &[by_hand(&filters)], 1e-4, 1e-9);

        let transposed = ConvTranspose2dConfig::new([2, 3], [1, 2])
            .with_bias(false)
            .init::<B>(&device);
        let all = &parameters::<B, _>(&transposed)[0];
        // [in, out, 1, 2]: filter `out` reads both inputs.
        let filters: Vec<Vec<f64>> = (0..3)
            .map(|out| {
                (0..2)
                    .flat_map(|input| all[(input * 3 + out) * 2..][..2].to_vec())
                    .collect()
            })
            .collect();
        let found = values(orthogonal::<B, _>(&transposed, &device));
        assert_close(&found, &[by_hand(&filters)], 1e-4, 1e-9);
    }

    fn its_gradient_reaches_every_weight_and_no_bias<B: AutodiffBackend>() {
        let device = Default::default();
        let network = MlpDiscriminatorConfig::new([3])
            .with_hidden([4, 5])
            .init::<B, 2>(&device)
            .expect("valid sizes");
        crate::network::initialize(&network);
        let penalty = orthogonal::<B, _>(&network, &device);
        let found = gradients::<B, _>(&network, &penalty.backward());
        let largest = |values: &Vec<f64>| values.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        let largest: Vec<f64> = found.iter().map(largest).collect();
        // Weight, bias of three layers; the last has one filter, which looks like no other.
        assert!(largest[0] > 0.0 && largest[2] > 0.0, "{largest:?}");
        assert_eq!([largest[1], largest[3], largest[4], largest[5]], [0.0; 4]);
    }

    fn embeddings_are_left_out<B: AutodiffBackend>() {
        let device = Default::default();
        let embedding = LabelEmbedding::<B>::new(4, 3, &device).expect("valid sizes");
        assert_eq!(values(orthogonal::<B, _>(&embedding, &device)), [0.0]);
    }

    for_each_autodiff_backend!(
        filters_are_columns_channels_and_transposed_channels,
        its_gradient_reaches_every_weight_and_no_bias,
        embeddings_are_left_out,
    );
}
