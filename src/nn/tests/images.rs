//! The layers of images against PyTorch in float64 (`tests/golden/image_layers.py`): outputs,
//! gradients, and the gradients of half a squared gradient.

use std::marker::PhantomData;

use burn::backend::{Autodiff, NdArray};
use burn::module::{HasAutodiffModule, Module};
use burn::nn::{
    GroupNorm, GroupNormConfig, InstanceNorm, InstanceNormConfig, LayerNorm, LayerNormConfig,
    PaddingConfig2d,
};
use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};
use serde::Deserialize;

use crate::nn::{
    Activation, EqualizedConv2d, EqualizedConv2dConfig, EqualizedLinear, EqualizedLinearConfig,
    Fir, ModulatedConv2d, ModulatedConv2dConfig, NoiseInjection, ResidualScale, SelfAttention,
    SelfAttentionConfig, SkipExcitation, SkipExcitationConfig, adaptive_mean_pool, balanced_sum,
    gated_linear_unit, max_pool, mean_pool, modulate, pixel_norm, pixel_shuffle, pixel_unshuffle,
    resize_bilinear, upsample_bilinear, upsample_nearest,
};
use crate::testing::golden::{Function, IN_F32, IN_F64, Passes, Tolerance};
use crate::testing::{for_each_autodiff_backend, on_wgpu, on_wgpu_by_hand, tensor1};

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    layer: Settings,
    #[serde(flatten)]
    passes: Passes,
}

#[derive(Deserialize, Clone, Debug)]
#[serde(rename_all = "snake_case")]
enum Settings {
    Fir(Fir),
    UpsampleBilinear(usize),
    ResizeBilinear([usize; 2]),
    AdaptiveMeanPool([usize; 2]),
    MeanPool(usize),
    MaxPool(usize),
    UpsampleNearest(usize),
    /// By each channel's mean, and its mean square.
    Modulate(()),
    PixelShuffle(usize),
    PixelUnshuffle(usize),
    PixelNorm(()),
    GatedLinearUnit(()),
    BalancedSum(()),
    Noise(()),
    ResidualScale(()),
    EqualizedLinear {
        sizes: [usize; 2],
        numbers: [f64; 3],
    },
    EqualizedConv {
        sizes: [usize; 4],
        numbers: [f64; 3],
    },
    Modulated {
        sizes: [usize; 6],
        up: bool,
        demodulate: bool,
        bias: bool,
    },
    Attention {
        sizes: [usize; 3],
        pooling: bool,
    },
    Excitation {
        low: [usize; 3],
        high: [usize; 3],
    },
    BurnLayerNorm([usize; 2]),
    BurnGroupNorm([usize; 2]),
    BurnInstanceNorm([usize; 2]),
}

/// A layer with what it needs to be a function of one tensor.
#[derive(Module, Debug)]
struct With<B: Backend, L> {
    layer: L,
    #[module(skip)]
    settings: Settings,
    backend: PhantomData<B>,
}

/// No layer: what is left are functions without parameters.
#[derive(Module, Debug)]
struct Nothing<B: Backend> {
    backend: PhantomData<B>,
}

impl<B: Backend> Function<B, 4, 4> for With<B, Nothing<B>> {
    fn apply(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        match &self.settings {
            Settings::Fir(fir) => fir.forward(x),
            Settings::UpsampleBilinear(factor) => upsample_bilinear(x, *factor),
            Settings::ResizeBilinear(size) => resize_bilinear(x, *size),
            Settings::AdaptiveMeanPool(size) => adaptive_mean_pool(x, *size),
            Settings::MeanPool(factor) => mean_pool(x, *factor),
            Settings::MaxPool(factor) => max_pool(x, *factor),
            Settings::UpsampleNearest(factor) => upsample_nearest(x, *factor),
            Settings::Modulate(()) => {
                let [batch, channels, ..] = x.dims();
                let mean = |x: Tensor<B, 4>| x.mean_dim(3).mean_dim(2).reshape([batch, channels]);
                let (scale, shift) = (mean(x.clone()), mean(x.clone().square()));
                modulate(x, scale, Some(shift), Activation::Tanh)
            }
            Settings::PixelShuffle(factor) => pixel_shuffle(x, *factor),
            Settings::PixelUnshuffle(factor) => pixel_unshuffle(x, *factor),
            Settings::PixelNorm(()) => pixel_norm(x),
            Settings::GatedLinearUnit(()) => gated_linear_unit(x),
            Settings::BalancedSum(()) => balanced_sum(x.clone(), x.square()),
            other => panic!("{other:?} has parameters"),
        }
    }
}

impl<B: Backend> Function<B, 4, 4> for With<B, NoiseInjection<B>> {
    fn apply(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        let [batch, _, height, width] = x.dims();
        let steps = (0..batch * height * width).map(|i| ((i * 37) % 11) as f64 / 5.0 - 1.0);
        let steps = tensor1::<B>(steps.collect::<Vec<_>>());
        self.layer
            .forward_with(x, steps.reshape([batch, 1, height, width]))
    }
}

impl<B: Backend> Function<B, 4, 4> for With<B, ResidualScale<B>> {
    fn apply(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        self.layer.forward(x.clone(), x.square())
    }
}

impl<B: Backend> Function<B, 2, 2> for With<B, EqualizedLinear<B>> {
    fn apply(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        let Settings::EqualizedLinear { numbers, .. } = self.settings else {
            panic!("another layer's settings");
        };
        let slope = numbers[2];
        self.layer
            .forward_activated(x, Activation::LeakyRelu { slope })
    }
}

impl<B: Backend> Function<B, 4, 4> for With<B, EqualizedConv2d<B>> {
    fn apply(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        let Settings::EqualizedConv { numbers, .. } = self.settings else {
            panic!("another layer's settings");
        };
        let slope = numbers[2];
        self.layer
            .forward_activated(x, Activation::LeakyRelu { slope })
    }
}

/// The images whose numbers begin at `start`, in the middle of a row.
fn part<B: Backend>(x: &Tensor<B, 2>, start: usize, shape: [usize; 3]) -> Tensor<B, 4> {
    let [channels, height, width] = shape;
    let batch = x.dims()[0];
    let numbers = x.clone().narrow(1, start, channels * height * width);
    numbers.reshape([batch, channels, height, width])
}

impl<B: Backend> Function<B, 2, 4> for With<B, ModulatedConv2d<B>> {
    fn apply(&self, x: Tensor<B, 2>) -> Tensor<B, 4> {
        let Settings::Modulated { sizes, .. } = self.settings else {
            panic!("another layer's settings");
        };
        let [inputs, _, _, style, height, width] = sizes;
        let images = part(&x, 0, [inputs, height, width]);
        let styles = x.narrow(1, inputs * height * width, style);
        self.layer.forward(images, styles)
    }
}

impl<B: Backend> Function<B, 4, 4> for With<B, SelfAttention<B>> {
    fn apply(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        self.layer.forward(x)
    }
}

impl<B: Backend> Function<B, 2, 4> for With<B, SkipExcitation<B>> {
    fn apply(&self, x: Tensor<B, 2>) -> Tensor<B, 4> {
        let Settings::Excitation { low, high } = self.settings else {
            panic!("another layer's settings");
        };
        let small = part(&x, 0, low);
        let large = part(&x, low.iter().product(), high);
        self.layer.forward(small, large)
    }
}

impl<B: Backend> Function<B, 2, 2> for With<B, LayerNorm<B>> {
    fn apply(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        self.layer.forward(x)
    }
}

impl<B: Backend> Function<B, 4, 4> for With<B, GroupNorm<B>> {
    fn apply(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        self.layer.forward(x)
    }
}

impl<B: Backend> Function<B, 4, 4> for With<B, InstanceNorm<B>> {
    fn apply(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        self.layer.forward(x)
    }
}

fn compare<B: AutodiffBackend, L, const R: usize, const S: usize>(
    case: &Case,
    layer: L,
    tolerance: Tolerance,
) where
    With<B, L>: Function<B, R, S>
        + HasAutodiffModule<Autodiff<B>, TrainModule: Function<Autodiff<B>, R, S>>,
{
    let with = With {
        layer,
        settings: case.layer.clone(),
        backend: PhantomData,
    };
    case.passes
        .compare::<B, _, R, S>(&case.name, with, tolerance);
}

fn compare_one<B: AutodiffBackend>(case: &Case, tolerance: Tolerance) {
    let device = &B::Device::default();
    match case.layer {
        Settings::Noise(()) => {
            compare::<B, _, 4, 4>(case, NoiseInjection::new(0, device), tolerance)
        }
        Settings::ResidualScale(()) => {
            compare::<B, _, 4, 4>(case, ResidualScale::new(0.0, device), tolerance)
        }
        Settings::EqualizedLinear {
            sizes: [inputs, outputs],
            numbers: [rate, gain, _],
        } => {
            let config = EqualizedLinearConfig::new(inputs, outputs);
            let config = config.with_lr_multiplier(rate).with_gain(gain);
            compare::<B, _, 2, 2>(case, config.init(device), tolerance)
        }
        Settings::EqualizedConv {
            sizes: [inputs, outputs, groups, stride],
            numbers: [rate, gain, _],
        } => {
            let config = EqualizedConv2dConfig::new([inputs, outputs], [3, 3])
                .with_groups(groups)
                .with_stride([stride, stride])
                .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                .with_lr_multiplier(rate)
                .with_gain(gain);
            compare::<B, _, 4, 4>(case, config.init(device), tolerance)
        }
        Settings::Modulated {
            sizes: [inputs, outputs, kernel, style, _, _],
            up,
            demodulate,
            bias,
        } => {
            let config = ModulatedConv2dConfig::new([inputs, outputs], kernel, style)
                .with_upsampling(up)
                .with_demodulation(demodulate)
                .with_bias(bias);
            compare::<B, _, 2, 4>(case, config.init(device), tolerance)
        }
        Settings::Attention {
            sizes: [channels, keys, values],
            pooling,
        } => {
            let config = SelfAttentionConfig::new(channels)
                .with_keys(keys)
                .with_values(values)
                .with_pooling(pooling)
                .with_spectral_norm(false);
            compare::<B, _, 4, 4>(case, config.init(device), tolerance)
        }
        Settings::Excitation { low, high } => {
            let config = SkipExcitationConfig::new([low[0], high[0]]);
            compare::<B, _, 2, 4>(case, config.init(device), tolerance)
        }
        Settings::BurnLayerNorm([features, _]) => {
            compare::<B, _, 2, 2>(case, LayerNormConfig::new(features).init(device), tolerance)
        }
        Settings::BurnGroupNorm([features, groups]) => {
            let config = GroupNormConfig::new(groups, features);
            compare::<B, _, 4, 4>(case, config.init(device), tolerance)
        }
        Settings::BurnInstanceNorm([features, _]) => {
            let config = InstanceNormConfig::new(features);
            compare::<B, _, 4, 4>(case, config.init(device), tolerance)
        }
        _ => {
            let nothing = Nothing {
                backend: PhantomData,
            };
            compare::<B, _, 4, 4>(case, nothing, tolerance)
        }
    }
}

/// Every case whose name begins with one of these, and how many there are.
fn compare_all<B: AutodiffBackend>(kinds: &[&str], tolerance: Tolerance) -> usize {
    let golden: Golden =
        serde_json::from_str(include_str!("../../../tests/golden/image_layers.json"))
            .expect("golden values parse");
    let wanted = |case: &&Case| kinds.iter().any(|kind| case.name.starts_with(kind));
    let cases = golden.cases.iter().filter(wanted);
    cases.map(|case| compare_one::<B>(case, tolerance)).count()
}

fn filters_match_pytorch<B: AutodiffBackend>() {
    assert_eq!(compare_all::<B>(&["fir_"], IN_F32), 4);
}

fn resized_images_match_pytorch<B: AutodiffBackend>() {
    assert_eq!(compare_all::<B>(&["bilinear_", "adaptive_"], IN_F32), 6);
    assert_eq!(
        compare_all::<B>(&["pixel_shuffle", "pixel_unshuffle"], IN_F32),
        2
    );
}

fn pooled_and_repeated_images_match_pytorch<B: AutodiffBackend>() {
    assert_eq!(compare_all::<B>(&POOLED, IN_F32), 4);
}

const POOLED: [&str; 4] = ["mean_pool", "max_pool", "upsample_", "scaled_"];

fn what_goes_pixel_by_pixel_matches_pytorch<B: AutodiffBackend>() {
    let kinds = ["pixel_norm", "gated_", "balanced_", "noise", "residual_"];
    assert_eq!(compare_all::<B>(&kinds, IN_F32), 5);
}

fn equalized_layers_match_pytorch<B: AutodiffBackend>() {
    assert_eq!(compare_all::<B>(&["equalized_"], IN_F32), 4);
}

fn modulated_convolutions_match_those_with_a_weight_for_each_sample<B: AutodiffBackend>() {
    assert_eq!(compare_all::<B>(&["modulated_"], IN_F32), 4);
}

fn attention_and_excitation_match_pytorch<B: AutodiffBackend>() {
    assert_eq!(compare_all::<B>(&["attention_", "excitation"], IN_F32), 4);
}

/// What the documentation promises of burn's own: nothing here stands in for them.
fn burns_norms_match_pytorch_in_both_orders<B: AutodiffBackend>() {
    assert_eq!(compare_all::<B>(&["burn_"], IN_F32), 3);
}

#[test]
fn in_f64_they_match_to_nine_digits() {
    crate::testing::settle_precision();
    type B = Autodiff<NdArray<f64>>;
    let ours = [
        "fir_",
        "bilinear_",
        "adaptive_",
        "pixel_",
        "gated_",
        "balanced_",
        "noise",
        "residual_",
        "equalized_",
        "modulated_",
        "attention_",
        "excitation",
    ];
    assert_eq!(compare_all::<B>(&ours, IN_F64), 29);
    assert_eq!(compare_all::<B>(&POOLED, IN_F64), 4);
    // burn's group norm divides by a scalar, which it rounds to f32 in the backward pass.
    let rounded = Tolerance {
        first: 1e-7,
        second: 1e-6,
        ..IN_F64
    };
    assert_eq!(compare_all::<B>(&["burn_"], rounded), 3);
}

for_each_autodiff_backend!(
    filters_match_pytorch,
    resized_images_match_pytorch,
    pooled_and_repeated_images_match_pytorch,
    what_goes_pixel_by_pixel_matches_pytorch,
    equalized_layers_match_pytorch,
    modulated_convolutions_match_those_with_a_weight_for_each_sample,
    attention_and_excitation_match_pytorch,
    burns_norms_match_pytorch_in_both_orders,
);

on_wgpu!(Autodiff<Wgpu>; attention_and_excitation_match_pytorch);
on_wgpu_by_hand!(
    Autodiff<Wgpu>;
    filters_match_pytorch,
    resized_images_match_pytorch,
    pooled_and_repeated_images_match_pytorch,
    what_goes_pixel_by_pixel_matches_pytorch,
    equalized_layers_match_pytorch,
    modulated_convolutions_match_those_with_a_weight_for_each_sample,
);
