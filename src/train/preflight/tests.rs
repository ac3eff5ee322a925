//! Each rule with a pairing that breaks it and one that does not.

use crate::gan::Gan;
use burn::module::{AutodiffModule, Module};
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Distribution, Tensor};

use super::*;
use crate::data::{BatchPlan, Dataset, LastBatch, MemoryDataset};
use crate::latent::Latent;
use crate::models::{
    CodeHeadConfig, DcganDiscriminatorConfig, DcganGeneratorConfig, MlpDiscriminator,
    MlpDiscriminatorConfig, MlpGenerator, MlpGeneratorConfig,
};
use crate::network::{Discriminator, Generator, Packed, Verdict};
use crate::nn::Activation;
use crate::nn::{Linear, LinearConfig, MinibatchStd, SpectralNorm};
use crate::objective::{Loss, Objective, Pairing, Term, TopK};
use crate::step::OptimizerConfig;
use crate::testing::{for_each_autodiff_backend, parameters, values};

fn config(batch_size: usize) -> TrainerConfig {
    // Without the term that the recommended objective has.
    TrainerConfig::new(1, batch_size, Latent::normal(3))
        .with_objective(Objective::new(Loss::NonSaturating))
}

/// Points whose numbers run evenly from `low` to `high`.
fn points(count: usize, dimensions: usize, low: f32, high: f32) -> MemoryDataset<2> {
    let last = (count * dimensions - 1) as f32;
    let values = (0..count * dimensions)
        .map(|i| low + (high - low) * i as f32 / last)
        .collect();
    MemoryDataset::new(values, [dimensions]).expect("whole samples")
}

/// Enough of them for no warning about a small data set.
fn many(low: f32, high: f32) -> MemoryDataset<2> {
    points(1_000, 2, low, high)
}

fn generator<B: Backend>(dimensions: usize, output: Activation) -> MlpGenerator<B, 2> {
    let config = MlpGeneratorConfig::new(3, [dimensions]).with_hidden([4]);
    let config = config.with_output(output);
    config.init(&Default::default()).expect("valid settings")
}

fn discriminator<B: Backend>(dimensions: usize) -> MlpDiscriminator<B, 2> {
    let config = MlpDiscriminatorConfig::new([dimensions]).with_hidden([4]);
    config.init(&Default::default()).expect("valid settings")
}

/// A pair whose weights a seed decides.
fn seeded<G: Module<B>, D: Module<B>, B: Backend>(generator: G, discriminator: D) -> Gan<G, D, B> {
    Gan::seeded(generator, discriminator, 1, &Default::default())
}

fn pair<B: Backend>() -> Gan<MlpGenerator<B, 2>, MlpDiscriminator<B, 2>, B> {
    seeded(generator(2, Activation::Tanh), discriminator(2))
}

fn checked<P: Pair>(
    config: &TrainerConfig,
    pair: &P,
    data: &impl Dataset<P::Backend, Sample = P::Sample, Condition = P::Condition>,
) -> Result<Vec<Warning>> {
    check::<P>(config, pair.gan(), data, 1, &Default::default())
}

#[track_caller]
fn refused(result: Result<Vec<Warning>>, words: &[&str]) {
    let error = result.expect_err("it can't work").to_string();
    for words in words {
        assert!(error.contains(words), "no `{words}` in: {error}");
    }
}

fn networks_and_data_must_have_one_shape<B: AutodiffBackend>() {
    let (config, data) = (config(8), many(-1.0, 1.0));
    assert_eq!(checked(&config, &pair::<B>(), &data).expect("fits"), []);

    let wide = seeded::<_, _, B>(generator(3, Activation::Tanh), discriminator(2));
    refused(
        checked(&config, &wide, &data),
        &["`generator`", "[3]", "[2]"],
    );
    let wide = seeded::<_, _, B>(generator(2, Activation::Tanh), discriminator(3));
    refused(
        checked(&config, &wide, &data),
        &["`discriminator`", "[8, 2]", "8 samples", "(a linear layer"],
    );
    let mut longer = config;
    longer.latent = Latent::normal(5);
    refused(
        checked(&longer, &pair::<B>(), &data),
        &["`latent` = 5", "generator"],
    );
    // The first layer takes the embedded labels as well, and names the size of both together.
    let device = Default::default();
    let generator = MlpGeneratorConfig::new(3, [2]).with_hidden([4]);
    let discriminator = MlpDiscriminatorConfig::new([2]).with_hidden([4]);
    let conditional = Gan::<_, _, B>::new(
        generator
            .init_conditional::<B, 2>(2, &device)
            .expect("valid settings"),
        discriminator
            .init_conditional::<B, 2>(2, &device)
            .expect("valid settings"),
    );
    let labels = (0..1_000).map(|i| i % 2).collect();
    let labelled = data.with_labels(labels, 2).expect("two classes");
    refused(
        checked(&longer, &conditional, &labelled),
        &["`latent` = 5", "generator"],
    );
}

/// Panics whatever it is given, as a machine without threads lets networks do.
#[derive(Module, Debug)]
struct Failing<B: Backend> {
    head: Linear<B>,
}

const NO_THREADS: &str = "The global thread pool has not been initialized.: ThreadPoolBuildError { \
                          kind: IOError(Os { code: 3, kind: WouldBlock }) }";

impl<B: Backend> Generator<B> for Failing<B> {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn generate(&self, latent: Tensor<B, 2>, _condition: &()) -> Tensor<B, 2> {
        assert!(latent.dims()[0] == 0, "{NO_THREADS}");
        self.head.forward(latent)
    }
}

impl<B: Backend> Discriminator<B> for Failing<B> {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn discriminate(&self, sample: Tensor<B, 2>, _condition: &()) -> Verdict<B> {
        assert!(sample.dims()[0] == 0, "{NO_THREADS}");
        self.head.forward(sample).into()
    }
}

fn a_panic_that_is_not_about_a_setting_blames_none<B: AutodiffBackend>() {
    let failing = || Failing::<B> {
        head: LinearConfig::new(3, 2).init(&Default::default()),
    };
    let data = many(-1.0, 1.0);
    // Latents of three numbers, and a code of 3.
    let generator_fails = checked(&config(8), &Gan::new(failing(), discriminator(2)), &data);
    let gan = Gan::new(generator(2, Activation::Tanh), failing());
    let discriminator_fails = checked(&config(8), &gan, &data);
    for (result, network, given) in [
        (generator_fails, "the generator panicked", "[4, 3]"),
        (discriminator_fails, "the discriminator panicked", "[8, 2]"),
    ] {
        let error = result.expect_err("it can't work").to_string();
        assert!(!error.contains("invalid setting"), "{error}");
        for words in [network, "ThreadPoolBuildError", given] {
            assert!(error.contains(words), "no `{words}` in: {error}");
        }
    }
}

fn a_number_that_is_not_finite_is_found_by_its_sample<B: AutodiffBackend>() {
    for (wrong, words) in [
        (f32::NAN, "holds NaN"),
        (f32::NEG_INFINITY, "an infinity"),
        (1e30, "too large"),
    ] {
        let mut values = points(40, 2, -1.0, 1.0).values().to_vec();
        values[2 * 7 + 1] = wrong;
        let data = MemoryDataset::<2>::unchecked(values, [2]);
        // Shuffled: its place in the batch is another than in the data.
        refused(
            checked(&config(10), &pair::<B>(), &data),
            &["sample 7 (counted from 0)", words],
        );
        // Four batches are looked at: of two samples each they hold it, of one they do not.
        let mut stored = config(2);
        stored.batches.shuffle = false;
        refused(checked(&stored, &pair::<B>(), &data), &["sample 7", words]);
        stored.batches.batch_size = 1;
        assert!(checked(&stored, &pair::<B>(), &data).is_ok());
    }
}

fn data_is_compared_with_the_range_of_the_generator<B: AutodiffBackend>() {
    let out = "data_out_of_range";
    let half = "data_in_half_of_range";
    let cases = [
        (Activation::Tanh, -1.0, 1.0, None),
        // Within the tolerance of a thousandth.
        (Activation::Tanh, -1.001, 1.001, None),
        (Activation::Tanh, -1.01, 1.0, Some(out)),
        // Standardised data, and more.
        (Activation::Tanh, -4.0, 4.0, Some(out)),
        (Activation::Tanh, 0.0, 20.0, Some(out)),
        (Activation::Tanh, 0.0, 1.0, Some(half)),
        (Activation::Tanh, -0.7, -0.1, Some(half)),
        (Activation::Tanh, -0.1, 0.9, None),
        (Activation::Sigmoid, 0.0, 1.0, None),
        (Activation::Sigmoid, -1.0, 1.0, Some(out)),
        (Activation::Sigmoid, 0.5, 1.0, Some(half)),
        (Activation::Relu, 0.0, 300.0, None),
        (Activation::Relu, -1.0, 300.0, Some(out)),
        (Activation::Identity, -9.0, 255.0, None),
    ];
    for (output, low, high, expected) in cases {
        let gan = seeded::<_, _, B>(generator(2, output), discriminator(2));
        // One batch, so that all of the data is seen.
        let warnings = checked(&config(1_000), &gan, &many(low, high)).expect("it can work");
        let names: Vec<_> = warnings.iter().map(Warning::name).collect();
        assert_eq!(
            names,
            Vec::from_iter(expected),
            "{output:?}, [{low}, {high}]"
        );
    }
}

fn data_far_outside_of_the_generators_range_is_refused<B: AutodiffBackend>() {
    for (output, low, high, words) in [
        (
            Activation::Tanh,
            0.0,
            255.0,
            ["[0, 255]", "[-1, 1]", "255 times", "PixelRange::Symmetric"],
        ),
        (
            Activation::Sigmoid,
            -128.0,
            127.0,
            ["[-128, 127]", "[0, 1]", "128 times", "PixelRange::Unit"],
        ),
    ] {
        let gan = seeded::<_, _, B>(generator(2, output), discriminator(2));
        refused(checked(&config(1_000), &gan, &many(low, high)), &words);
    }
}

/// A linear layer behind which something is done to its output.
#[derive(Module, Debug)]
struct Ends<B: Backend> {
    linear: Linear<B>,
    how: usize,
}

impl<B: Backend> Discriminator<B> for Ends<B> {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn discriminate(&self, sample: Tensor<B, 2>, _condition: &()) -> Verdict<B> {
        let x = self.linear.forward(sample);
        Verdict::from(match self.how {
            0 => x,
            1 => burn::tensor::activation::sigmoid(x),
            2 => x.tanh(),
            3 => burn::tensor::activation::relu(x),
            4 => x * 0.0,
            // Half a tanh: bounded, and no probability.
            5 => x.tanh() * 0.5,
            // Statistics of the batch, outside of any layer that is known.
            _ => {
                let mean = x.clone().mean_dim(0);
                x - mean
            }
        })
    }
}

fn ends<B: Backend>(how: usize) -> Ends<B> {
    Ends {
        linear: LinearConfig::new(2, 1).init(&Default::default()),
        how,
    }
}

fn a_discriminator_that_ends_in_an_activation_is_warned_of<B: AutodiffBackend>() {
    let data = many(-1.0, 1.0);
    for (how, expected) in [
        (0, None),
        (1, Some([0.0, 1.0])),
        (2, Some([-1.0, 1.0])),
        (3, None),
        (4, None),
        (5, None),
    ] {
        let gan = seeded::<_, _, B>(generator(2, Activation::Tanh), ends(how));
        let expected = expected.map(|range| Warning::BoundedDiscriminator { range });
        let warnings = checked(&config(8), &gan, &data).expect("it can work");
        assert_eq!(warnings, Vec::from_iter(expected), "{how}");
    }
    // Hidden activations with bounds are none of the output.
    for activation in [Activation::Tanh, Activation::Sigmoid, Activation::Relu] {
        for seed in 0..5 {
            let judge = MlpDiscriminatorConfig::new([2])
                .with_hidden([4, 4])
                .with_activation(activation);
            let judge = judge.init::<B, 2>(&Default::default()).expect("settings");
            let generator = generator(2, Activation::Tanh);
            let gan = Gan::<_, _, B>::seeded(generator, judge, seed, &Default::default());
            assert_eq!(checked(&config(8), &gan, &data).expect("fits"), []);
        }
    }
}

fn a_discriminator_that_mixes_samples_is_warned_of<B: AutodiffBackend>() {
    let gan = seeded::<_, _, B>(generator(2, Activation::Tanh), ends(6));
    let warnings = checked(&config(8), &gan, &many(-1.0, 1.0)).expect("it can work");
    assert_eq!(warnings, [Warning::MixedSamples { samples: 4 }]);
    // A single sample can't be mixed with itself.
    let gan = seeded::<_, _, B>(generator(2, Activation::Identity), ends(6));
    let alone = checked(&config(1), &gan, &many(-1.0, 1.0));
    assert_eq!(alone.expect("it can work"), []);
}

/// Behind a spectral norm.
#[derive(Module, Debug)]
struct Smooth<B: Backend> {
    linear: SpectralNorm<B, Linear<B>>,
}

impl<B: Backend> Discriminator<B> for Smooth<B> {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn discriminate(&self, sample: Tensor<B, 2>, _condition: &()) -> Verdict<B> {
        Verdict::from(self.linear.forward(sample))
    }
}

fn a_loss_that_needs_a_smooth_discriminator_asks_for_something_that_keeps_it<B: AutodiffBackend>() {
    let data = many(-1.0, 1.0);
    let with = |objective| config(8).with_objective(objective);
    let warning = |loss: &str| Warning::NothingKeepsSmooth {
        loss: loss.to_owned(),
    };
    let plain = |objective| checked(&with(objective), &pair::<B>(), &data).expect("it can work");
    assert_eq!(plain(Objective::sngan_hinge()), [warning("hinge")]);
    let wasserstein = Objective::new(Loss::Wasserstein);
    assert_eq!(plain(wasserstein.clone()), [warning("Wasserstein")]);
    for kept in [
        Objective::new(Loss::NonSaturating),
        Objective::wgan_gp(),
        Objective::sngan_hinge().with_term(Term::r1(1.0)),
    ] {
        assert_eq!(plain(kept), []);
    }
    let weightless = Objective::sngan_hinge().with_term(Term::r1(0.0));
    assert_eq!(plain(weightless), [warning("hinge")]);
    let smooth = Smooth::<B> {
        linear: SpectralNorm::new(LinearConfig::new(2, 1).init(&Default::default())),
    };
    let gan = seeded(generator(2, Activation::Tanh), smooth);
    let checked = checked(&with(Objective::sngan_hinge()), &gan, &data);
    assert_eq!(checked.expect("it can work"), []);
}

fn labels_of_one_class_and_classes_without_a_sample_are_warned_of<B: AutodiffBackend>() {
    let device = Default::default();
    let of = |classes: usize, label: fn(usize) -> usize| {
        let generator = MlpGeneratorConfig::new(3, [2]).with_hidden([4]);
        let discriminator = MlpDiscriminatorConfig::new([2]).with_hidden([4]);
        let gan = seeded::<_, _, B>(
            generator
                .init_conditional::<B, 2>(classes, &device)
                .expect("valid settings"),
            discriminator
                .init_conditional::<B, 2>(classes, &device)
                .expect("valid settings"),
        );
        let labels = (0..1_000).map(label).collect();
        let data = many(-1.0, 1.0)
            .with_labels(labels, classes)
            .expect("labels");
        checked(&config(8), &gan, &data).expect("it can work")
    };
    // The last sample alone is of class 4: all labels are looked at, not the first batches alone.
    assert_eq!(of(5, |i| if i == 999 { 4 } else { i % 4 }), []);
    assert_eq!(
        of(5, |_| 3),
        [Warning::OneClass {
            class: 3,
            samples: 1_000,
            classes: 5
        }]
    );
    let missing = |missing: &[usize], count, classes| Warning::MissingClasses {
        missing: missing.to_vec(),
        count,
        samples: 1_000,
        classes,
    };
    assert_eq!(of(5, |i| 2 * (i % 3)), [missing(&[1, 3], 2, 5)]);
    let first: Vec<usize> = (2..12).collect();
    assert_eq!(of(20, |i| i % 2), [missing(&first, 18, 20)]);
    // One class is no condition, but nothing is missing.
    assert_eq!(of(1, |_| 0), []);
}

#[test]
fn labels_of_the_first_batches_count_where_there_are_enough_of_them() {
    let seen = |classes: &[i64], samples| look::Labels {
        classes: classes.iter().copied().collect(),
        samples,
        all: false,
    };
    assert_eq!(look::labels(&seen(&[0, 1, 2], 79), Some(4)), None);
    assert!(look::labels(&seen(&[0, 1, 2], 80), Some(4)).is_some());
    assert_eq!(look::labels(&seen(&[0, 1, 2, 3], 80), Some(4)), None);
    assert_eq!(look::labels(&seen(&[], 80), Some(4)), None);
}

fn data_without_spread_is_warned_of<B: AutodiffBackend>() {
    let of = |values: Vec<f32>| {
        let data = MemoryDataset::<2>::new(values, [2]).expect("pairs");
        let gan = seeded::<_, _, B>(generator(2, Activation::Identity), discriminator(2));
        checked(&config(8), &gan, &data).expect("it can work")
    };
    let alike = [Warning::NoSpread { samples: 8 }];
    assert_eq!(of(vec![0.5; 2_000]), alike);
    assert_eq!(of(vec![0.0; 2_000]), alike);
    // Constant, column by column.
    assert_eq!(of([0.25, -3.0].repeat(1_000)), alike);
    // Small differences are differences.
    let close = (0..2_000).map(|i| 1.0 + (i % 5) as f32 * 1e-3).collect();
    assert_eq!(of(close), []);
}

fn images(count: usize) -> MemoryDataset<4> {
    let values = (0..count * 256).map(|i| (i % 17) as f32 / 8.0 - 1.0);
    MemoryDataset::new(values.collect(), [1, 16, 16]).expect("whole samples")
}

fn dcgan<B: Backend>(
    batch_norm: bool,
) -> Gan<crate::models::DcganGenerator<B>, crate::models::DcganDiscriminator<B>, B> {
    let device = Default::default();
    let generator = DcganGeneratorConfig::new(3, [1, 16, 16]).with_width(2);
    let discriminator = DcganDiscriminatorConfig::new([1, 16, 16])
        .with_width(2)
        .with_batch_norm(batch_norm);
    seeded(
        generator.init(&device).expect("valid settings"),
        discriminator.init(&device).expect("valid settings"),
    )
}

fn batch_norm_and_penalties_on_single_samples_are_warned_of<B: AutodiffBackend>() {
    let data = images(1_000);
    let with =
        |penalty| config(8).with_objective(Objective::new(Loss::NonSaturating).with_term(penalty));
    let of = |penalty, batch_norm| {
        checked(&with(penalty), &dcgan::<B>(batch_norm), &data).expect("it can work")
    };
    for penalty in [
        Term::r1(1.0),
        Term::r2(1.0),
        Term::wgan_gp(10.0),
        Term::dragan(10.0),
        Term::zero_centered(1.0),
    ] {
        let expected = Warning::BatchNormUnderPenalty {
            layers: vec!["discriminator.blocks.1.norm".to_owned()],
            penalty: penalty.kind.info().name().to_owned(),
        };
        assert_eq!(of(penalty.clone(), true), [expected]);
        assert_eq!(of(penalty, false), []);
    }
    assert_eq!(of(Term::r1(0.0), true), []);
    assert_eq!(of(Term::lecam(0.1), true), []);
    // The generator's norms are its own affair.
    assert_eq!(of(Term::path_length(2.0), true), []);
}

/// A discriminator of a user's own, with burn's batch norm.
#[derive(Module, Debug)]
struct Theirs<B: Backend> {
    linear: Linear<B>,
    norm: burn::nn::BatchNorm<B>,
}

impl<B: Backend> Discriminator<B> for Theirs<B> {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn discriminate(&self, sample: Tensor<B, 2>, _condition: &()) -> Verdict<B> {
        Verdict::from(self.norm.forward(self.linear.forward(sample)))
    }
}

fn a_batch_norm_of_burn_is_found_too<B: AutodiffBackend>() {
    let device = Default::default();
    let theirs = Theirs::<B> {
        linear: LinearConfig::new(2, 1).init(&device),
        norm: burn::nn::BatchNormConfig::new(1).init(&device),
    };
    let gan = seeded(generator(2, Activation::Tanh), theirs);
    let config =
        config(8).with_objective(Objective::new(Loss::NonSaturating).with_term(Term::r1(1.0)));
    let warnings = checked(&config, &gan, &many(-1.0, 1.0)).expect("it can work");
    let expected = Warning::BatchNormUnderPenalty {
        layers: vec!["discriminator.norm".to_owned()],
        penalty: "r1".to_owned(),
    };
    assert_eq!(warnings, [expected]);
}

fn a_batch_norm_beside_the_logits_is_no_matter<B: AutodiffBackend>() {
    let device = Default::default();
    let prior = Latent::normal(3).with_categorical("kind", 4);
    let generator = DcganGeneratorConfig::new(prior.dimensions(), [1, 16, 16]).with_width(2);
    let discriminator = DcganDiscriminatorConfig::new([1, 16, 16]).with_width(2);
    for batch_norm in [false, true] {
        let discriminator = (discriminator.clone().with_batch_norm(batch_norm))
            .init_recovering(&prior, &CodeHeadConfig::new(), &device)
            .expect("a discriminator");
        let gan = seeded::<_, _, B>(generator.init(&device).expect("a generator"), discriminator);
        let config = TrainerConfig::new(1, 8, prior.clone())
            .with_objective(Objective::new(Loss::NonSaturating).with_term(Term::r1(1.0)));
        let warnings = checked(&config, &gan, &images(1_000)).expect("it can work");
        let told = warnings.iter().map(Warning::name).collect::<Vec<_>>();
        let expected = ["batch_norm_under_penalty"];
        assert_eq!(told, expected[..usize::from(batch_norm)]);
    }
}

#[test]
fn clipping_goes_without_momentum() {
    let of = |optimizer, clipped: bool| {
        let mut objective = Objective::new(Loss::Wasserstein);
        objective.weight_clipping = clipped.then_some(0.01);
        let config = config(8)
            .with_discriminator_optimizer(optimizer)
            .with_objective(objective);
        settings::clipping_with_momentum(&config)
    };
    let warning = |setting: &str, value| {
        Some(Warning::ClippingWithMomentum {
            limit: 0.01,
            setting: format!("discriminator_optimizer.{setting}"),
            value,
        })
    };
    let adam = OptimizerConfig::adam(1e-4);
    assert_eq!(of(adam, true), warning("beta_1", 0.5));
    assert_eq!(of(adam.with_betas(0.0, 0.9), true), None);
    assert_eq!(of(adam, false), None);
    let adam_w = OptimizerConfig::adam_w(1e-4, 0.1);
    assert_eq!(of(adam_w, true), warning("beta_1", 0.5));
    let sgd = OptimizerConfig::sgd(1e-3, 0.75);
    assert_eq!(of(sgd, true), warning("momentum", 0.75));
    assert_eq!(of(OptimizerConfig::sgd(1e-3, 0.0), true), None);
    // The generator's momentum is not at fault.
    let mut config =
        config(8).with_objective(Objective::new(Loss::NonSaturating).with_weight_clipping(0.01));
    config.discriminator_optimizer = OptimizerConfig::sgd(1e-3, 0.0);
    config.generator_optimizer = adam;
    assert_eq!(settings::clipping_with_momentum(&config), None);
}

/// Judges samples by what is behind a minibatch standard deviation.
#[derive(Module, Debug)]
struct Compares<B: Backend> {
    spread: MinibatchStd,
    linear: Linear<B>,
}

impl<B: Backend> Discriminator<B> for Compares<B> {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn discriminate(&self, sample: Tensor<B, 2>, _condition: &()) -> Verdict<B> {
        Verdict::from(self.linear.forward(self.spread.forward(sample)))
    }
}

fn statistics_of_micro_batches_are_warned_of<B: AutodiffBackend>() {
    let data = many(-1.0, 1.0);
    let four = config(8).with_micro_batches(4);
    assert_eq!(checked(&four, &pair::<B>(), &data).expect("fits"), []);

    let device = Default::default();
    let compares = Compares::<B> {
        spread: MinibatchStd::new(4),
        linear: LinearConfig::new(3, 1).init(&device),
    };
    let gan = seeded(generator(2, Activation::Tanh), compares);
    assert_eq!(checked(&config(8), &gan, &data).expect("fits"), []);
    let expected = Warning::StatisticsOfMicroBatches {
        sources: vec!["discriminator".to_owned()],
        micro_batches: 4,
        samples: 2,
    };
    assert_eq!(checked(&four, &gan, &data).expect("fits"), [expected]);

    let of = |batch_norm, config: TrainerConfig| {
        checked(&config, &dcgan::<B>(batch_norm), &images(1_000)).expect("it can work")
    };
    assert_eq!(of(true, config(8)), []);
    let mut sources = vec![
        "generator.norm".to_owned(),
        "generator.blocks.0.norm".to_owned(),
    ];
    let expected = |sources: &[String]| Warning::StatisticsOfMicroBatches {
        sources: sources.to_vec(),
        micro_batches: 4,
        samples: 2,
    };
    assert_eq!(of(false, four.clone()), [expected(&sources)]);
    sources.push("discriminator.blocks.1.norm".to_owned());
    assert_eq!(of(true, four), [expected(&sources)]);
}

#[test]
fn objectives_that_look_at_a_whole_batch_are_named() {
    let of = |objective| settings::over_a_batch(&config(8).with_objective(objective));
    let plain = Objective::new(Loss::NonSaturating);
    assert!(of(plain.clone().with_term(Term::r1(1.0))).is_empty());
    assert!(of(plain.clone().with_pairing(Pairing::Paired)).is_empty());
    assert!(of(plain.clone().with_term(Term::lecam(0.0))).is_empty());
    let mut all = plain
        .with_pairing(Pairing::Average)
        .with_term(Term::lecam(0.1))
        .with_term(Term::dragan(10.0))
        .with_term(Term::path_length(2.0));
    all.top_k = Some(TopK::new(0.5, 0.99));
    all.terms.push(Term::feature_matching_alone());
    let expected = [
        "objective.pairing",
        "objective.terms.le_cam",
        "objective.terms.dragan",
        "objective.terms.path_length",
        "objective.terms.feature_matching",
        "objective.top_k",
    ];
    assert_eq!(of(all), expected);
}

fn micro_batches_cut_every_batch_evenly<B: AutodiffBackend>() {
    let data = points(1_003, 2, -1.0, 1.0);
    refused(
        checked(&config(8).with_micro_batches(3), &pair::<B>(), &data),
        &["`micro_batches` = 3", "the batch size, 8"],
    );
    let plan = BatchPlan::new(8);
    let keep = config(8)
        .with_micro_batches(2)
        .with_batches(plan.clone().with_last(LastBatch::Keep));
    refused(
        checked(&keep, &pair::<B>(), &data),
        &["`micro_batches` = 2", "of 3 samples", "`drop`"],
    );
    let drop = keep.with_batches(plan);
    assert_eq!(checked(&drop, &pair::<B>(), &data).expect("even"), []);
}

fn packs_cut_every_batch_evenly<B: AutodiffBackend>() {
    let packed = Packed::new(discriminator::<B>(2 * 3), 3);
    let gan = seeded(generator(2, Activation::Tanh), packed);
    let data = points(1_001, 2, -1.0, 1.0);
    assert_eq!(checked(&config(9), &gan, &data).expect("three packs"), []);
    let words = ["`discriminator`", "8 samples", "can't be packed by 3"];
    refused(checked(&config(8), &gan, &data), &words);
    // 9 is three packs, its half is none.
    let halves = config(18).with_micro_batches(3);
    assert_eq!(checked(&halves, &gan, &data).expect("two packs each"), []);
    let halves = config(12).with_micro_batches(3);
    refused(checked(&halves, &gan, &data), &["4 samples", "packed by 3"]);
    // 1,001 = 111·9 + 2.
    let keep = BatchPlan::new(9).with_last(LastBatch::Keep);
    refused(
        checked(&config(9).with_batches(keep), &gan, &data),
        &["2 samples", "can't be packed by 3"],
    );
}

fn labels_must_be_classes_of_both_networks<B: AutodiffBackend>() {
    let device = Default::default();
    let gan = |drawn, judged| {
        let generator = MlpGeneratorConfig::new(3, [2]).with_hidden([4]);
        let discriminator = MlpDiscriminatorConfig::new([2]).with_hidden([4]);
        seeded::<_, _, B>(
            generator
                .init_conditional::<B, 2>(drawn, &device)
                .expect("valid settings"),
            discriminator
                .init_conditional::<B, 2>(judged, &device)
                .expect("valid settings"),
        )
    };
    // Of a thousand samples one is of class 5.
    let mut labels: Vec<usize> = (0..1_000).map(|i| i % 5).collect();
    labels[321] = 5;
    let data = many(-1.0, 1.0).with_labels(labels, 6).expect("six classes");
    let config = config(1_000);
    assert_eq!(checked(&config, &gan(6, 6), &data).expect("fits"), []);
    refused(
        checked(&config, &gan(5, 6), &data),
        &[
            "sample 321",
            "label 5",
            "generator",
            "5 classes, labels 0 to 4",
        ],
    );
    refused(
        checked(&config, &gan(6, 3), &data),
        &["label 3", "discriminator", "3 classes, labels 0 to 2"],
    );
}

fn weights_without_a_seed_are_warned_of<B: AutodiffBackend>() {
    let data = points(1_000, 2, -1.0, 1.0);
    let config = config(8).with_seed(42);
    let pair = || (generator(2, Activation::Tanh), discriminator(2));
    let (drawn, judge) = pair();
    let gan = Gan::<_, _, B>::new(drawn, judge);
    assert_eq!(
        checked(&config, &gan, &data).expect("it can work"),
        [Warning::UnseededWeights { seed: 42 }]
    );
    let (drawn, judge) = pair();
    let gan = seeded::<_, _, B>(drawn, judge);
    assert_eq!(checked(&config, &gan, &data).expect("it can work"), []);
}

#[test]
fn few_samples_are_warned_of_unless_something_is_done_about_it() {
    let of = |penalty: Option<Term>, samples| {
        let mut objective = Objective::new(Loss::NonSaturating);
        objective.terms.extend(penalty);
        settings::small_data_set(&config(8).with_objective(objective), samples)
    };
    let warning = Some(Warning::SmallDataSet { samples: 999 });
    assert_eq!(of(None, 999), warning);
    assert_eq!(of(None, 1_000), None);
    assert_eq!(of(Some(Term::r1(1.0)), 999), warning);
    assert_eq!(of(Some(Term::lecam(0.0)), 999), warning);
    assert_eq!(of(Some(Term::lecam(0.1)), 999), None);
}

fn less_than_a_batch_is_refused_with_the_way_out<B: AutodiffBackend>() {
    let data = points(63, 2, -1.0, 1.0);
    refused(
        checked(&config(64), &pair::<B>(), &data),
        &["`batches.batch_size` = 64", "63 samples", "at most 63"],
    );
    // Kept, it is one short batch.
    let keep = BatchPlan::new(64).with_last(LastBatch::Keep);
    let config = config(64).with_batches(keep);
    let warnings = checked(&config, &pair::<B>(), &data).expect("one batch");
    assert_eq!(warnings, [Warning::SmallDataSet { samples: 63 }]);
    // Shorter than the batch that is drawn.
    let two = points(2, 2, -1.0, 1.0);
    let warnings = checked(&config, &pair::<B>(), &two).expect("one batch");
    assert_eq!(warnings, [Warning::SmallDataSet { samples: 2 }]);
}

fn a_check_changes_nothing<B: AutodiffBackend>() {
    let device = B::Device::default();
    let generator = DcganGeneratorConfig::new(3, [1, 16, 16]).with_width(2);
    let discriminator = MlpDiscriminatorConfig::new([1, 16, 16])
        .with_hidden([4])
        .with_dropout(0.5);
    let gan = seeded::<_, _, B>(
        generator.init(&device).expect("valid settings"),
        discriminator.init::<B, 4>(&device).expect("valid settings"),
    );
    let fresh = parameters(&gan.valid());
    // Running statistics on their way: a pass with the tape moved them.
    let z = Tensor::<B, 2>::random([8, 3], Distribution::Default, &device);
    let _ = gan.generator.generate(z.clone(), &());
    let moved = parameters(&gan.clone().valid());
    assert_ne!(fresh, moved);

    let draw = || values(Tensor::<B, 1>::random([5], Distribution::Default, &device));
    B::seed(&device, 3);
    let next = draw();
    B::seed(&device, 3);
    let config = config(8).with_micro_batches(2);
    let warnings = checked(&config, &gan, &images(1_000)).expect("it can work");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert_eq!(draw(), next);
    assert_eq!(parameters(&gan.valid()), moved);
    assert_eq!(
        checked(&config, &gan, &images(1_000)).expect("again"),
        warnings
    );
    // The statistics go on as if nothing had happened in between.
    let _ = gan.generator.generate(z, &());
    assert_ne!(parameters(&gan.valid()), moved);
}

for_each_autodiff_backend!(
    networks_and_data_must_have_one_shape,
    a_panic_that_is_not_about_a_setting_blames_none,
    a_number_that_is_not_finite_is_found_by_its_sample,
    data_is_compared_with_the_range_of_the_generator,
    data_far_outside_of_the_generators_range_is_refused,
    a_discriminator_that_ends_in_an_activation_is_warned_of,
    a_discriminator_that_mixes_samples_is_warned_of,
    a_loss_that_needs_a_smooth_discriminator_asks_for_something_that_keeps_it,
    labels_of_one_class_and_classes_without_a_sample_are_warned_of,
    data_without_spread_is_warned_of,
    batch_norm_and_penalties_on_single_samples_are_warned_of,
    a_batch_norm_of_burn_is_found_too,
    a_batch_norm_beside_the_logits_is_no_matter,
    statistics_of_micro_batches_are_warned_of,
    micro_batches_cut_every_batch_evenly,
    packs_cut_every_batch_evenly,
    labels_must_be_classes_of_both_networks,
    less_than_a_batch_is_refused_with_the_way_out,
    weights_without_a_seed_are_warned_of,
    a_check_changes_nothing,
);

#[test]
fn warnings_are_sentences_with_numbers_and_a_name_that_is_stored() {
    let layers = ["a.norm", "b.norm", "c.norm"].map(str::to_owned).to_vec();
    let all = [
        (
            Warning::DataOutOfRange {
                data: [-0.0, 255.0],
                generator: [-1.0, 1.0],
            },
            "the data lies in [0, 255], the generator draws in [-1, 1]: it can't draw all of it; \
             rescale it to [-1, 1] (pixels: `PixelRange::Symmetric`)",
        ),
        (
            Warning::DataInHalfOfRange {
                data: [1.0 / 3.0, 0.4],
                generator: [0.0, 1.0],
            },
            "the data lies in [0.3333, 0.4], the generator draws in [0, 1]: half of its range is \
             left empty, which alone gives it away; rescale it to [0, 1] (pixels: \
             `PixelRange::Unit`)",
        ),
        (
            Warning::BatchNormUnderPenalty {
                layers: layers[..1].to_vec(),
                penalty: "r1".to_owned(),
            },
            "the penalty `r1` is about the gradient at each sample, and `a.norm` mixes the \
             samples of a batch; leave batch norm out of the discriminator \
             (`with_batch_norm(false)`) or take spectral or layer norms",
        ),
        (
            Warning::ClippingWithMomentum {
                limit: 0.01,
                setting: "discriminator_optimizer.beta_1".to_owned(),
                value: 0.5,
            },
            "weights are clipped to ±0.01 behind an optimiser with momentum \
             (`discriminator_optimizer.beta_1` = 0.5), with which such critics become unstable; \
             set it to 0, or take a gradient penalty instead of clipping",
        ),
        (
            Warning::StatisticsOfMicroBatches {
                sources: layers,
                micro_batches: 4,
                samples: 16,
            },
            "`a.norm` and 2 more take statistics over the batch, and each of 4 micro-batches of \
             16 samples has its own: the step is not that of the whole batch; do without, or set \
             `micro_batches` to 1",
        ),
        (
            Warning::BoundedDiscriminator { range: [0.0, 1.0] },
            "the discriminator's output stays in [0, 1] for samples of any size, as behind a \
             sigmoid: losses take logits and apply that themselves; leave its last activation out",
        ),
        (
            Warning::MixedSamples { samples: 4 },
            "what the discriminator says of 4 samples changes when others are in their batch: meant \
             so for statistics over a batch (`nn::MinibatchStd` is known), and otherwise a mistake \
             such as a `reshape` across samples; penalties on gradients take samples one by one",
        ),
        (
            Warning::NothingKeepsSmooth {
                loss: "hinge".to_owned(),
            },
            "nothing keeps the discriminator smooth, as the hinge loss needs it: put \
             `nn::SpectralNorm` around its layers, or add a penalty (`Term::r1`, \
             `Term::wgan_gp`)",
        ),
        (
            Warning::OneClass {
                class: 3,
                samples: 100,
                classes: 10,
            },
            "all 100 samples that were looked at have label 3, of 10 classes: networks learn one \
             condition only; check how labels are read, and shuffle the data",
        ),
        (
            Warning::MissingClasses {
                missing: vec![4],
                count: 1,
                samples: 100,
                classes: 10,
            },
            "1 of 10 classes (4) does not occur among the 100 samples that were looked at: what the \
             generator draws for it nobody judges; check the labels, or make the networks for fewer \
             classes",
        ),
        (
            Warning::MissingClasses {
                missing: vec![4, 5],
                count: 3,
                samples: 100,
                classes: 10,
            },
            "3 of 10 classes (4, 5, …) do not occur among the 100 samples that were looked at: what \
             the generator draws for them nobody judges; check the labels, or make the networks for \
             fewer classes",
        ),
        (
            Warning::NoSpread { samples: 64 },
            "the 64 samples that were looked at are all alike: there is no distribution to learn; \
             check how the data is read and scaled",
        ),
        (
            Warning::UnseededWeights { seed: 42 },
            "weights were drawn without a seed (`Gan::new`), which `seed` = 42 does not decide: the \
             run can't be repeated; make the pair with `Gan::seeded`",
        ),
        (
            Warning::SmallDataSet { samples: 60 },
            "the data set has 60 samples, few enough for a discriminator to learn by heart; for \
             images add DiffAugment or ADA (`Objective::with_augment`), for others LeCam \
             (`Term::lecam`) or consistency under an augmentation (`Term::consistency`), and watch samples for copies of the data",
        ),
    ];
    for (warning, sentence) in all {
        assert_eq!(warning.to_string(), sentence);
        let stored = serde_json::to_value(&warning).expect("a warning serialises");
        assert_eq!(stored["warning"], warning.name());
    }
}
