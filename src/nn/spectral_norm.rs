//! Spectral normalisation: a layer whose largest stretch is 1.

use burn::module::{Module, ModuleMapper, Param, ParamId};
use burn::nn::Embedding;
use burn::tensor::backend::Backend;
use burn::tensor::module::embedding;
use burn::tensor::{Distribution, Int, Tensor};

use super::layer_kind::{BurnGanSpectralNorm, LayerKind};
use super::weight_matrix::{outputs_second, weight_matrix};
use super::{Activation, Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d, Linear};

/// Keeps a norm from being divided by 0.
const EPSILON: f64 = 1e-12;

/// A layer with its weight divided by its largest singular value.
///
/// ```text
/// σ = uᵀ·W·v,     the layer computes with W/σ
/// ```
///
/// W is the weight as a matrix, outputs by inputs: `[d_output, d_input]` of a linear layer,
/// `[channels_out, channels_in·height·width]` of a convolution. u and v, unit vectors, follow its
/// first singular vectors by power iteration. They are buffers, stored with the module, and
/// [`update_spectral_norms`] moves them by an explicit call: the training step makes one iteration
/// before each step of their network, [`Gan::new`](crate::Gan::new) fifteen at the start. So
/// `forward` changes nothing, a gradient penalty is exact with any u and v, and σ is differentiated
/// through W alone, as in the paper. A layer that is not part of a `Gan` is warmed up by hand:
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::nn::{LinearConfig, SpectralNorm, update_spectral_norms};
///
/// let device = Default::default();
/// let layer = SpectralNorm::new(LinearConfig::new(4, 3).init::<Flex>(&device));
/// let layer = update_spectral_norms(layer, 15);
/// assert_eq!(layer.forward(Tensor::<Flex, 2>::ones([2, 4], &device)).dims(), [2, 3]);
/// ```
///
/// Miyato, Kataoka, Koyama, Yoshida 2018, *Spectral normalization for generative adversarial
/// networks*, arXiv:1802.05957.
#[derive(Module, Debug)]
pub struct SpectralNorm<B: Backend, L> {
    /// The first field, so that who walks through the others knows what they are in.
    mark: BurnGanSpectralNorm<B>,
    layer: L,
    u: Param<Tensor<B, 1>>,
    v: Param<Tensor<B, 1>>,
}

/// A unit vector from the backend's generator, drawn at first use; no gradient.
fn unit_vector<B: Backend>(length: usize, device: B::Device) -> Param<Tensor<B, 1>> {
    Param::uninitialized(
        ParamId::new(),
        move |device: &B::Device, _| {
            unit(Tensor::random(
                [length],
                Distribution::Normal(0.0, 1.0),
                device,
            ))
        },
        device,
        false,
        [length].into(),
    )
}

/// x/‖x‖.
fn unit<B: Backend>(x: Tensor<B, 1>) -> Tensor<B, 1> {
    let norm = x.clone().square().sum().sqrt().clamp_min(EPSILON);
    x / norm
}

/// A layer that can be wrapped: [`Linear`], [`Embedding`], [`Conv1d`], [`Conv2d`],
/// [`ConvTranspose1d`], [`ConvTranspose2d`].
pub trait Normalizable<B: Backend> {
    /// Outputs and inputs of its weight as a matrix, and the weight's device.
    #[doc(hidden)]
    fn outputs_and_inputs(&self) -> ([usize; 2], B::Device);
}

impl<B: Backend> Normalizable<B> for Linear<B> {
    fn outputs_and_inputs(&self) -> ([usize; 2], B::Device) {
        let [inputs, outputs] = self.weight().lazy_shape().dims();
        ([outputs, inputs], self.weight().lazy_device())
    }
}

impl<B: Backend> Normalizable<B> for Embedding<B> {
    fn outputs_and_inputs(&self) -> ([usize; 2], B::Device) {
        let [classes, features] = self.weight.lazy_shape().dims();
        ([features, classes], self.weight.lazy_device())
    }
}

impl<B: Backend> Normalizable<B> for Conv2d<B> {
    fn outputs_and_inputs(&self) -> ([usize; 2], B::Device) {
        let [outputs, inputs, height, width] = self.weight().lazy_shape().dims();
        let size = [outputs, inputs * height * width];
        (size, self.weight().lazy_device())
    }
}

impl<B: Backend> Normalizable<B> for ConvTranspose2d<B> {
    fn outputs_and_inputs(&self) -> ([usize; 2], B::Device) {
        let [inputs, outputs, height, width] = self.weight().lazy_shape().dims();
        let size = [outputs, inputs * height * width];
        (size, self.weight().lazy_device())
    }
}

impl<B: Backend> Normalizable<B> for Conv1d<B> {
    fn outputs_and_inputs(&self) -> ([usize; 2], B::Device) {
        let [outputs, inputs, kernel] = self.weight().lazy_shape().dims();
        ([outputs, inputs * kernel], self.weight().lazy_device())
    }
}

impl<B: Backend> Normalizable<B> for ConvTranspose1d<B> {
    fn outputs_and_inputs(&self) -> ([usize; 2], B::Device) {
        let [inputs, outputs, kernel] = self.weight().lazy_shape().dims();
        ([outputs, inputs * kernel], self.weight().lazy_device())
    }
}

impl<B: Backend, L: Normalizable<B>> SpectralNorm<B, L> {
    /// Wraps a linear layer, a convolution or a transposed convolution; u and v are drawn at first
    /// use.
    pub fn new(layer: L) -> Self {
        let ([outputs, inputs], device) = layer.outputs_and_inputs();
        Self {
            mark: BurnGanSpectralNorm::new(),
            layer,
            u: unit_vector(outputs, device.clone()),
            v: unit_vector(inputs, device),
        }
    }
}

impl<B: Backend, L> SpectralNorm<B, L> {
    /// The layer as it is.
    pub(crate) fn layer(&self) -> &L {
        &self.layer
    }

    /// The layer as it is, without its norm.
    pub(crate) fn into_layer(self) -> L {
        self.layer
    }

    /// W/σ with σ = uᵀ·W·v, u and v constant.
    fn over_sigma<const R: usize>(
        &self,
        weight: Tensor<B, R>,
        outputs_second: bool,
    ) -> Tensor<B, R> {
        let rows = weight_matrix(weight.clone(), outputs_second);
        // Products and sums: a matrix product with a single column gains nothing.
        let u: Tensor<B, 2> = self.u.val().detach().unsqueeze_dim(1);
        let v: Tensor<B, 2> = self.v.val().detach().unsqueeze_dim(0);
        let sigma = (rows * u * v).sum();
        weight / sigma.reshape([1; R])
    }
}

impl<B: Backend> SpectralNorm<B, Linear<B>> {
    /// Applies the layer, `[…, d_input]` to `[…, d_output]`.
    ///
    /// # Panics
    /// If the last dimension is not `d_input`.
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
        let weight = self.layer.weight().val();
        let weight = self.over_sigma(weight, true);
        self.layer.forward_with(input, weight, activation)
    }
}

impl<B: Backend> SpectralNorm<B, Embedding<B>> {
    /// The rows of the normalised table: indices `[batch, count]` to `[batch, count, features]`.
    pub fn forward(&self, indices: Tensor<B, 2, Int>) -> Tensor<B, 3> {
        embedding(self.over_sigma(self.layer.weight.val(), true), indices)
    }
}

impl<B: Backend> SpectralNorm<B, Conv2d<B>> {
    /// Applies the layer, `[batch, channels_in, height, width]` to
    /// `[batch, channels_out, height, width]`.
    pub fn forward(&self, input: Tensor<B, 4>) -> Tensor<B, 4> {
        self.forward_activated(input, Activation::Identity)
    }

    /// Applies the layer, then an activation, in one operation where there is a kernel for it.
    pub fn forward_activated(&self, input: Tensor<B, 4>, activation: Activation) -> Tensor<B, 4> {
        let weight = self.over_sigma(self.layer.weight().val(), false);
        self.layer.forward_with(input, weight, activation)
    }
}

impl<B: Backend> SpectralNorm<B, ConvTranspose2d<B>> {
    /// Applies the layer, `[batch, channels_in, height, width]` to
    /// `[batch, channels_out, height, width]`.
    pub fn forward(&self, input: Tensor<B, 4>) -> Tensor<B, 4> {
        self.forward_activated(input, Activation::Identity)
    }

    /// Applies the layer, then an activation, in one operation where there is a kernel for it.
    pub fn forward_activated(&self, input: Tensor<B, 4>, activation: Activation) -> Tensor<B, 4> {
        let weight = self.over_sigma(self.layer.weight().val(), true);
        self.layer.forward_with(input, weight, activation)
    }
}

impl<B: Backend> SpectralNorm<B, Conv1d<B>> {
    /// Applies the layer, `[batch, channels_in, time]` to `[batch, channels_out, time]`.
    pub fn forward(&self, input: Tensor<B, 3>) -> Tensor<B, 3> {
        self.forward_activated(input, Activation::Identity)
    }

    /// Applies the layer, then an activation, in one operation where there is a kernel for it.
    pub fn forward_activated(&self, input: Tensor<B, 3>, activation: Activation) -> Tensor<B, 3> {
        let weight = self.over_sigma(self.layer.weight().val(), false);
        self.layer.forward_with(input, weight, activation)
    }
}

impl<B: Backend> SpectralNorm<B, ConvTranspose1d<B>> {
    /// Applies the layer, `[batch, channels_in, time]` to `[batch, channels_out, time]`.
    pub fn forward(&self, input: Tensor<B, 3>) -> Tensor<B, 3> {
        self.forward_activated(input, Activation::Identity)
    }

    /// Applies the layer, then an activation, in one operation where there is a kernel for it.
    pub fn forward_activated(&self, input: Tensor<B, 3>, activation: Activation) -> Tensor<B, 3> {
        let weight = self.over_sigma(self.layer.weight().val(), true);
        self.layer.forward_with(input, weight, activation)
    }
}

/// Moves u and v of every [`SpectralNorm`] within a module by `iterations` power iterations.
///
/// ```text
/// v ← Wᵀ·u/‖Wᵀ·u‖,     u ← W·v/‖W·v‖
/// ```
///
/// A module without such layers comes back as it is.
pub fn update_spectral_norms<B: Backend, M: Module<B>>(module: M, iterations: usize) -> M {
    if !LayerKind::OwnSpectralNorm.is_in(&module) {
        return module;
    }
    module.map(&mut PowerIteration::<B> {
        iterations,
        path: Vec::new(),
        depth: None,
        weight: None,
        v: None,
    })
}

/// Walks through the mark, `layer.weight`, `u` and `v` of each wrapper, in this order.
struct PowerIteration<B: Backend> {
    iterations: usize,
    /// Fields that the walk is in, with the layers they belong to, the innermost last.
    path: Vec<(String, Option<LayerKind>)>,
    /// How deep in the path the fields of the wrapper are that the walk is in.
    depth: Option<usize>,
    /// The weight of the wrapper that the walk is in, as a matrix.
    weight: Option<Tensor<B, 2>>,
    v: Option<Tensor<B, 1>>,
}

impl<B: Backend> PowerIteration<B> {
    fn iterate(&mut self, mut u: Tensor<B, 1>) -> Tensor<B, 1> {
        let Some(weight) = self.weight.take() else {
            return u;
        };
        for _ in 0..self.iterations {
            let column: Tensor<B, 2> = u.clone().unsqueeze_dim(1);
            let v = unit((weight.clone() * column).sum_dim(0).squeeze_dim::<1>(0));
            let row: Tensor<B, 2> = v.clone().unsqueeze_dim(0);
            u = unit((weight.clone() * row).sum_dim(1).squeeze_dim::<1>(1));
            self.v = Some(v);
        }
        u
    }
}

impl<B: Backend> ModuleMapper<B> for PowerIteration<B> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        let layer = LayerKind::of(container_type);
        if layer == Some(LayerKind::OwnSpectralNorm) {
            self.depth = self.path.len().checked_sub(1);
        }
        self.path.push((name.to_owned(), layer));
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
        if self.depth.is_some_and(|depth| self.path.len() < depth) {
            self.depth = None;
        }
    }

    #[inline(never)]
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        let fields = self.depth.and_then(|depth| self.path.get(depth..));
        match fields {
            Some([(wrapped, _), (name, layer)]) if wrapped == "layer" && name == "weight" => {
                let weight = param.val().detach();
                self.weight = Some(weight_matrix(weight, outputs_second(D, *layer)));
                param
            }
            Some([(name, _)]) if name == "u" => {
                let length = param.dims()[0];
                let u = self.iterate(param.val().reshape([length]));
                param.map(|old| u.detach().reshape(old.dims()))
            }
            Some([(name, _)]) if name == "v" => match self.v.take() {
                Some(v) => param.map(|old| v.detach().reshape(old.dims())),
                None => param,
            },
            _ => param,
        }
    }
}

crate::compiled::compiled! {
    <PowerIteration<Tape> as burn::module::ModuleMapper<Tape>>::map_float::<1>,
    <PowerIteration<Tape> as burn::module::ModuleMapper<Tape>>::map_float::<2>,
    <PowerIteration<Tape> as burn::module::ModuleMapper<Tape>>::map_float::<4>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::initialize;
    use crate::nn::{Conv2dConfig, ConvTranspose2dConfig, LinearConfig};
    use crate::testing::{assert_close, assign, for_each_backend, on_wgpu, parameters, values};
    use burn::module::AutodiffModule;
    use burn::record::{FullPrecisionSettings, NamedMpkBytesRecorder, Recorder};
    use burn::tensor::backend::AutodiffBackend;

    /// The largest singular value of a matrix of rows, by many power iterations in f64.
    fn largest_singular_value(rows: &[Vec<f64>]) -> f64 {
        let inputs = rows[0].len();
        let mut v: Vec<f64> = (0..inputs).map(|i| 1.0 + i as f64 * 0.37).collect();
        let mut sigma = 0.0;
        for _ in 0..2_000 {
            let u: Vec<f64> = rows
                .iter()
                .map(|row| row.iter().zip(&v).map(|(w, v)| w * v).sum())
                .collect();
            sigma = u.iter().map(|u| u * u).sum::<f64>().sqrt();
            v = (0..inputs)
                .map(|i| rows.iter().zip(&u).map(|(row, u)| row[i] * u / sigma).sum())
                .collect();
            let norm = v.iter().map(|v| v * v).sum::<f64>().sqrt();
            v.iter_mut().for_each(|v| *v /= norm);
        }
        sigma
    }

    fn a_linear_layer_is_divided_by_its_largest_singular_value<B: Backend>() {
        let device = Default::default();
        let plain = LinearConfig::new(8, 4).init::<B>(&device);
        initialize(&plain);
        let all = parameters(&plain);
        // [in, out] columns are the matrix's rows.
        let rows: Vec<Vec<f64>> = (0..4)
            .map(|out| (0..8).map(|input| all[0][input * 4 + out]).collect())
            .collect();
        let sigma = largest_singular_value(&rows);
        let layer = SpectralNorm::new(plain.clone());
        initialize(&layer);
        let layer = update_spectral_norms(layer, 300);
        let x = Tensor::<B, 2>::eye(8, &device);
        let bias = all[1].clone();
        let expected: Vec<f64> = values(plain.forward(x.clone()))
            .iter()
            .enumerate()
            .map(|(i, y)| (y - bias[i % 4]) / sigma + bias[i % 4])
            .collect();
        assert_close(&values(layer.forward(x)), &expected, 1e-4, 1e-5);
    }

    fn convolutions_are_divided_by_theirs<B: Backend>() {
        let device = Default::default();
        let plain = Conv2dConfig::new([2, 4], [2, 2])
            .with_bias(false)
            .init::<B>(&device);
        initialize(&plain);
        let rows: Vec<Vec<f64>> = parameters(&plain)[0]
            .chunks(8)
            .map(<[f64]>::to_vec)
            .collect();
        let sigma = largest_singular_value(&rows);
        let layer = SpectralNorm::new(plain.clone());
        let layer = update_spectral_norms(layer, 300);
        let x = Tensor::<B, 4>::ones([1, 2, 3, 3], &device);
        let expected: Vec<f64> = values(plain.forward(x.clone()))
            .iter()
            .map(|y| y / sigma)
            .collect();
        assert_close(&values(layer.forward(x)), &expected, 1e-4, 1e-6);

        let plain = ConvTranspose2dConfig::new([2, 4], [2, 2])
            .with_bias(false)
            .init::<B>(&device);
        initialize(&plain);
        let all = parameters(&plain).remove(0);
        // [in, out, 2, 2]: the matrix's row is an output channel.
        let rows: Vec<Vec<f64>> = (0..4)
            .map(|out| {
                (0..2)
                    .flat_map(|input| all[(input * 4 + out) * 4..][..4].to_vec())
                    .collect()
            })
            .collect();
        let sigma = largest_singular_value(&rows);
        let layer = SpectralNorm::new(plain.clone());
        let layer = update_spectral_norms(layer, 300);
        let x = Tensor::<B, 4>::ones([1, 2, 3, 3], &device);
        let expected: Vec<f64> = values(plain.forward(x.clone()))
            .iter()
            .map(|y| y / sigma)
            .collect();
        assert_close(&values(layer.forward(x)), &expected, 1e-4, 1e-6);
    }

    /// Output, and gradients by input and parameters, of Σ (i + 1)·yᵢ/10.
    fn outcome<B: AutodiffBackend, M: Module<B>, const R: usize>(
        module: &M,
        shape: [usize; R],
        run: impl Fn(&M, Tensor<B, R>) -> Tensor<B, R>,
    ) -> Vec<Vec<f64>> {
        let device = Default::default();
        let ramp = |shape: [usize; R], scale: f64| {
            let count = shape.iter().product::<usize>() as i64;
            let numbers = Tensor::<B, 1, burn::tensor::Int>::arange(0..count, &device).float();
            numbers.mul_scalar(scale).reshape(shape)
        };
        // On both sides of 0.
        let x = ramp(shape, 0.1).sub_scalar(0.5).require_grad();
        let y = run(module, x.clone());
        let gradients = (y.clone() * ramp(y.dims(), 0.1).add_scalar(0.1))
            .sum()
            .backward();
        let by_input = x.grad(&gradients).expect("a gradient by the input");
        let mut found = vec![values(y), values(by_input)];
        found.extend(crate::testing::gradients::<B, _>(module, &gradients));
        found
    }

    #[track_caller]
    fn same(found: &[Vec<f64>], expected: &[Vec<f64>], what: &str) {
        assert_eq!(found.len(), expected.len(), "{what}");
        for (found, expected) in found.iter().zip(expected) {
            assert_close(found, expected, 1e-5, 1e-6);
        }
    }

    fn an_activation_in_the_layer_is_one_after_it<B: AutodiffBackend>() {
        let device = Default::default();
        let linear = SpectralNorm::new(LinearConfig::new(4, 3).init::<B>(&device));
        let conv = Conv2dConfig::new([2, 3], [2, 2]).init::<B>(&device);
        let conv = SpectralNorm::new(conv);
        let back = ConvTranspose2dConfig::new([2, 3], [2, 2]).init::<B>(&device);
        let back = SpectralNorm::new(back);
        initialize(&linear);
        initialize(&conv);
        initialize(&back);
        for activation in [
            Activation::Identity,
            Activation::Relu,
            Activation::LEAKY,
            Activation::Tanh,
            Activation::Sigmoid,
        ] {
            let what = format!("{activation:?}");
            same(
                &outcome(&linear, [3, 4], |l, x| l.forward_activated(x, activation)),
                &outcome(&linear, [3, 4], |l, x| activation.apply(l.forward(x))),
                &what,
            );
            let images = [2, 2, 3, 3];
            same(
                &outcome(&conv, images, |l, x| l.forward_activated(x, activation)),
                &outcome(&conv, images, |l, x| activation.apply(l.forward(x))),
                &what,
            );
            same(
                &outcome(&back, images, |l, x| l.forward_activated(x, activation)),
                &outcome(&back, images, |l, x| activation.apply(l.forward(x))),
                &what,
            );
        }
    }

    mod activated {
        use super::an_activation_in_the_layer_is_one_after_it;
        crate::testing::for_each_autodiff_backend!(an_activation_in_the_layer_is_one_after_it);
    }

    for_each_backend!(
        a_linear_layer_is_divided_by_its_largest_singular_value,
        convolutions_are_divided_by_theirs,
    );
    on_wgpu!(Wgpu; a_linear_layer_is_divided_by_its_largest_singular_value);

    type B = burn::backend::Autodiff<crate::testing::Cpu>;

    fn layer() -> SpectralNorm<B, Linear<B>> {
        let layer = SpectralNorm::new(LinearConfig::new(3, 2).init::<B>(&Default::default()));
        initialize(&layer);
        layer
    }

    #[test]
    fn a_forward_pass_changes_nothing_and_an_update_only_the_vectors() {
        let layer = layer();
        let before = parameters::<B, _>(&layer);
        let _ = layer.forward(Tensor::<B, 2>::ones([4, 3], &Default::default()));
        assert_eq!(parameters::<B, _>(&layer), before);
        let updated = update_spectral_norms(layer.clone(), 1);
        let after = parameters::<B, _>(&updated);
        assert_eq!(before[..2], after[..2]);
        assert_ne!(before[2], after[2]);
        assert_ne!(before[3], after[3]);
        // The original is another module now.
        assert_eq!(parameters::<B, _>(&layer), before);
    }

    #[test]
    fn the_vectors_take_no_gradient_and_are_stored() {
        let layer = update_spectral_norms(layer(), 2);
        let y = layer.forward(Tensor::<B, 2>::ones([4, 3], &Default::default()));
        let gradients = burn::optim::GradientsParams::from_grads(y.sum().backward(), &layer);
        assert_eq!(gradients.len(), 2, "weight and bias");
        let expected = parameters::<B, _>(&layer);
        assert_eq!(parameters(&layer.valid()), expected);
        let recorder = NamedMpkBytesRecorder::<FullPrecisionSettings>::new();
        let bytes = recorder
            .record(layer.into_record(), ())
            .expect("a record in memory");
        let record = recorder
            .load(bytes, &Default::default())
            .expect("a readable record");
        let again = self::layer().load_record(record);
        assert_eq!(parameters::<B, _>(&again), expected);
        assert!(!again.u.is_require_grad());
    }

    #[test]
    fn a_gan_starts_with_warm_vectors() {
        let device = Default::default();
        let cold = SpectralNorm::new(LinearConfig::new(2, 2).init::<B>(&device));
        // Singular values 3 and 1: fifteen iterations find the first to 3^-30.
        let cold = assign::<B, _>(
            cold,
            vec![
                vec![3.0, 0.0, 0.0, 1.0],
                vec![0.0, 0.0],
                vec![0.6, 0.8],
                vec![0.8, -0.6],
            ],
        );
        let gan = crate::Gan::<_, _, B>::new(LinearConfig::new(1, 1).init::<B>(&device), cold);
        let y = gan.discriminator.forward(Tensor::<B, 2>::eye(2, &device));
        assert_close(&values(y), &[1.0, 0.0, 0.0, 1.0 / 3.0], 1e-5, 1e-5);
    }
}
