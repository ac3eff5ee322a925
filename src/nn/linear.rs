//! A linear layer that can be differentiated twice.

use burn::module::{Content, DisplaySettings, Initializer, Module, ModuleDisplay, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;

use super::Activation;
use crate::error::Result;
use crate::settings::settings;
use crate::sizes;

settings! {
/// Settings of a [`Linear`] layer.
///
/// ```
/// use burn_gan::burn::{backend::Flex, tensor::Tensor};
/// use burn_gan::nn::LinearConfig;
///
/// let device = Default::default();
/// let layer = LinearConfig::new(4, 2).with_bias(false).init::<Flex>(&device);
/// assert_eq!(layer.forward(Tensor::<Flex, 3>::ones([5, 3, 4], &device)).dims(), [5, 3, 2]);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LinearConfig {
    /// Size of the input features.
    pub d_input: usize,
    /// Size of the output features.
    pub d_output: usize,
    /// Whether a bias is added; true by default.
    pub bias: bool,
    /// How weight and bias are drawn; U(±1/√d_input) by default, as in PyTorch.
    #[serde(deserialize_with = "crate::settings::foreign")]
    pub initializer: Initializer,
    /// How the bias is drawn, where not as the weight.
    #[serde(default, deserialize_with = "crate::settings::foreign")]
    pub bias_initializer: Option<Initializer>,
}
}

impl LinearConfig {
    /// A layer from `d_input` to `d_output` features, with bias.
    pub fn new(d_input: usize, d_output: usize) -> Self {
        Self {
            d_input,
            d_output,
            bias: true,
            initializer: Initializer::KaimingUniform {
                gain: 1.0 / 3f64.sqrt(),
                fan_out_only: false,
            },
            bias_initializer: None,
        }
    }

    /// Whether a bias is added.
    pub fn with_bias(mut self, bias: bool) -> Self {
        self.bias = bias;
        self
    }

    /// How weight and bias are drawn.
    pub fn with_initializer(mut self, initializer: Initializer) -> Self {
        self.initializer = initializer;
        self
    }

    /// How the bias is drawn, where not as the weight.
    pub fn with_bias_initializer(mut self, initializer: Initializer) -> Self {
        self.bias_initializer = Some(initializer);
        self
    }

    /// Checks the sizes.
    ///
    /// # Errors
    /// If a size is 0 or above 2²⁴, or there are more than 2²⁸ weights.
    pub fn validate(&self) -> Result<()> {
        sizes::size("d_input", self.d_input)?;
        sizes::size("d_output", self.d_output)?;
        sizes::weights("d_output", &[self.d_input, self.d_output])
    }

    /// Makes the layer; its weights are drawn at first use.
    ///
    /// # Panics
    /// If the settings are not [valid](Self::validate).
    #[inline(never)]
    pub fn init<B: Backend>(&self, device: &B::Device) -> Linear<B> {
        if let Err(error) = self.validate() {
            panic!("{error}");
        }
        let (fan_in, fan_out) = (Some(self.d_input), Some(self.d_output));
        let weight =
            self.initializer
                .init_with([self.d_input, self.d_output], fan_in, fan_out, device);
        let bias = self.bias.then(|| {
            self.bias_initializer
                .as_ref()
                .unwrap_or(&self.initializer)
                .init_with([self.d_output], fan_in, fan_out, device)
        });
        Linear { weight, bias }
    }
}

/// A linear layer, `[…, d_input]` to `[…, d_output]`, that can be differentiated twice.
///
/// ```text
/// y = x·W + b
/// ```
///
/// burn's own layer of this name runs on an operation whose backward pass has no derivative: inside
/// an exact gradient penalty it panics. This one is a matrix product and a sum, on the CPU backend
/// Flex in kernels of this crate's own. Its parameters have burn's names and layout, `weight`
/// `[d_input, d_output]` and `bias` `[d_output]`, so that records are exchangeable.
#[derive(Module, Debug)]
#[module(custom_display)]
pub struct Linear<B: Backend> {
    weight: Param<Tensor<B, 2>>,
    bias: Option<Param<Tensor<B, 1>>>,
}

impl<B: Backend> Linear<B> {
    /// Applies the layer.
    ///
    /// # Shapes
    /// - input: `[…, d_input]`, of rank 2 or more
    /// - output: `[…, d_output]`
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
        self.forward_with(input, self.weight.val(), activation)
    }

    pub(super) fn weight(&self) -> &Param<Tensor<B, 2>> {
        &self.weight
    }

    pub(super) fn bias(&self) -> Option<&Param<Tensor<B, 1>>> {
        self.bias.as_ref()
    }

    /// The layer with another bias.
    pub(super) fn with_bias(mut self, bias: Option<Param<Tensor<B, 1>>>) -> Self {
        self.bias = bias;
        self
    }

    /// Applies the layer with another weight in the place of its own.
    #[inline(never)]
    pub(super) fn forward_with<const R: usize>(
        &self,
        input: Tensor<B, R>,
        weight: Tensor<B, 2>,
        activation: Activation,
    ) -> Tensor<B, R> {
        let bias = self.bias.as_ref().map(Param::val);
        affine(input, weight, bias, activation)
    }
}

/// f(x·W + b), `[…, d_input]` to `[…, d_output]`.
pub(super) fn affine<B: Backend, const R: usize>(
    input: Tensor<B, R>,
    weight: Tensor<B, 2>,
    bias: Option<Tensor<B, 1>>,
    activation: Activation,
) -> Tensor<B, R> {
    let [d_input, d_output] = weight.dims();
    let mut shape = input.dims();
    assert!(
        R >= 2 && shape[R - 1] == d_input,
        "a linear layer of weight [{d_input}, {d_output}] can't take an input of shape {shape:?}"
    );
    // One flat matrix product: a batched one would copy the weight for every row of the batch.
    let rows = shape[..R - 1].iter().product();
    let input: Tensor<B, 2> = input.reshape([rows, d_input]);
    shape[R - 1] = d_output;
    #[cfg(feature = "flex")]
    if let Some(output) = crate::kernels::linear(&input, &weight, bias.as_ref(), activation) {
        crate::kernels::released(input);
        crate::kernels::released(weight);
        return output.reshape(shape);
    }
    let mut output = match d_output == 1 && fuses::<B>(&input.device()) {
        true => (input * weight.swap_dims(0, 1)).sum_dim(1),
        false => input.matmul(weight),
    };
    if let Some(bias) = bias {
        output = output + bias.unsqueeze();
    }
    activation.apply(output.reshape(shape))
}

/// Whether operations are fused, on GPUs: burn 0.21 makes one kernel of a product with a single column and what
/// follows, and its numbers are wrong where an odd number of them is summed, forwards or backwards.
fn fuses<B: Backend>(device: &B::Device) -> bool {
    B::name(device).contains("fusion")
}

impl<B: Backend> ModuleDisplay for Linear<B> {
    fn custom_settings(&self) -> Option<DisplaySettings> {
        DisplaySettings::new()
            .with_new_line_after_attribute(false)
            .optional()
    }

    fn custom_content(&self, content: Content) -> Option<Content> {
        let [d_input, d_output] = self.weight.shape().dims();
        content
            .add("d_input", &d_input)
            .add("d_output", &d_output)
            .add("bias", &self.bias.is_some())
            .optional()
    }
}

crate::compiled::compiled! {
    LinearConfig::init::<Plain>,
    LinearConfig::init::<Tape>,
    Linear::<Plain>::forward_with::<2>,
    Linear::<Tape>::forward_with::<2>,
    Linear::<Tapes>::forward_with::<2>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        assert_close, floats, for_each_autodiff_backend, for_each_backend, on_wgpu, values,
    };
    use burn::nn::LinearConfig as BurnLinearConfig;
    use burn::tensor::TensorData;
    use burn::tensor::backend::AutodiffBackend;

    fn agrees_with_burns_layer<B: Backend>() {
        let device = Default::default();
        let theirs = BurnLinearConfig::new(5, 3).init::<B>(&device);
        crate::network::initialize(&theirs);
        let ours = Linear {
            weight: theirs.weight.clone(),
            bias: theirs.bias.clone(),
        };
        let x = Tensor::<B, 1, burn::tensor::Int>::arange(0..60, &device)
            .float()
            .div_scalar(30.0)
            .reshape([4, 3, 5]);
        assert_close(
            &values(ours.forward(x.clone())),
            &values(theirs.forward(x)),
            1e-6,
            1e-6,
        );
    }

    fn weights_lie_within_the_fan_in_bound<B: Backend>() {
        let device = Default::default();
        let layer = LinearConfig::new(16, 300).init::<B>(&device);
        let weights = values(layer.weight.val());
        let largest = weights.iter().fold(0.0f64, |m, w| m.max(w.abs()));
        // 4,800 draws from U(±1/4): the largest misses .24 with probability .96^4800.
        assert!((0.24..=0.25).contains(&largest), "{largest}");
    }

    for_each_backend!(agrees_with_burns_layer, weights_lie_within_the_fan_in_bound);

    fn numbers(seed: f64, count: usize) -> Vec<f64> {
        (0..count).map(|i| (seed + 1.3 * i as f64).sin()).collect()
    }

    /// A logit, as layers with an equalised learning rate give it too: of scaled weights.
    fn one_output_is_a_sum_of_products<B: AutodiffBackend>() {
        for (rows, width) in [(4, 1), (4, 3), (3, 4), (3, 5), (4, 8), (5, 17)] {
            let [x, w, c] = [(1.0, rows * width), (2.0, width), (3.0, rows)]
                .map(|(seed, count)| numbers(seed, count));
            let input = floats::<B, 2>(TensorData::new(x.clone(), [rows, width])).require_grad();
            let weight = floats::<B, 2>(TensorData::new(w.clone(), [width, 1])).require_grad();
            let bias = floats::<B, 1>(TensorData::new(vec![0.7], [1])).require_grad();
            let scaled = (weight.clone() * 0.5, Some(bias.clone() * 0.5));
            let output = affine(input.clone(), scaled.0, scaled.1, Activation::Identity);
            assert_eq!(output.dims(), [rows, 1]);
            let products = |row: &[f64]| row.iter().zip(&w).map(|(x, w)| x * w).sum::<f64>();
            let expected: Vec<f64> = x.chunks(width).map(|x| 0.5 * products(x) + 0.35).collect();
            assert_close(&values(output.clone()), &expected, 1e-5, 1e-5);

            let of_output = floats::<B, 2>(TensorData::new(c.clone(), [rows, 1]));
            let tape = (output * of_output).sum().backward();
            let by_input = values(input.grad(&tape).expect("a gradient"));
            let expected: Vec<f64> = c
                .iter()
                .flat_map(|c| w.iter().map(move |w| 0.5 * c * w))
                .collect();
            assert_close(&by_input, &expected, 1e-5, 1e-5);
            let by_weight = values(weight.grad(&tape).expect("a gradient"));
            let column = |i: usize| x.chunks(width).zip(&c).map(|(x, c)| 0.5 * c * x[i]).sum();
            let expected: Vec<f64> = (0..width).map(column).collect();
            assert_close(&by_weight, &expected, 1e-5, 1e-5);
            let by_bias = values(bias.grad(&tape).expect("a gradient"));
            assert_close(&by_bias, &[0.5 * c.iter().sum::<f64>()], 1e-5, 1e-5);
        }
    }

    mod one_output {
        use super::*;
        for_each_autodiff_backend!(one_output_is_a_sum_of_products);
        on_wgpu!(Autodiff<Wgpu>; one_output_is_a_sum_of_products);
    }
    on_wgpu!(Wgpu; agrees_with_burns_layer);

    #[test]
    #[should_panic(expected = "weight [4, 2] can't take an input of shape [3, 5]")]
    fn a_wrong_width_panics_with_both_shapes() {
        let device = Default::default();
        let layer = LinearConfig::new(4, 2).init::<crate::testing::Cpu>(&device);
        let _ = layer.forward(Tensor::<_, 2>::ones([3, 5], &device));
    }
}
