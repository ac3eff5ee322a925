use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::*;
use crate::error::Error;
use crate::models::{
    DcganGeneratorConfig, ImageGeneratorConfig, ImageNetwork, LightGeneratorConfig,
    MlpDiscriminatorConfig, MlpGeneratorConfig, R3ganGeneratorConfig, ResNetGeneratorConfig,
    SavedGenerator, SeriesGeneratorConfig, StyleGan2GeneratorConfig,
};
use crate::network::{Generator, Labels, TruncatedStyles, Vectors, mean_style};
use crate::nn::Activation;
use crate::random::Stream;
use crate::testing::{Cpu, assert_close, for_each_backend, values};
use crate::{Latent, Result};

/// Draws its latents, and its class as the last number where it is told one.
#[derive(Module, Debug, Clone)]
struct Copies {}

impl<B: Backend> Generator<B> for Copies {
    type Sample = Tensor<B, 2>;
    type Condition = Labels<B>;

    fn generate(&self, latent: Tensor<B, 2>, condition: &Labels<B>) -> Tensor<B, 2> {
        let classes = condition.classes.clone().float().unsqueeze_dim(1);
        Tensor::cat(vec![latent, classes], 1)
    }
}

/// Two numbers and a class of three.
fn copies<B: Backend>() -> Sampler<B> {
    Sampler::conditional(Copies {}, Latent::normal(2), 3, &B::Device::default())
}

fn points() -> Sampler<Cpu> {
    let device = Default::default();
    let generator = MlpGeneratorConfig::new(4, [2]).with_hidden([8]);
    let generator = generator.init::<Cpu, 2>(&device).expect("valid settings");
    Sampler::new(generator, Latent::normal(4), &device)
}

#[test]
fn a_sampler_knows_the_range_of_its_samples() {
    let device = Default::default();
    let config = DcganGeneratorConfig::new(4, [1, 8, 8]).with_width(2);
    let range = |output| {
        let generator = config.clone().with_output(output);
        let generator = generator.init_conditional::<Cpu>(3, &device);
        let generator = generator.expect("valid settings");
        Sampler::conditional(generator, Latent::normal(4), 3, &device).output_range()
    };
    assert_eq!(range(Activation::Tanh), Some((-1.0, 1.0)));
    assert_eq!(range(Activation::Sigmoid), Some((0.0, 1.0)));
    assert_eq!(range(Activation::Relu), None);
}

fn the_seed_decides_samples_and_batches_do_not<B: Backend>() {
    let drawn = |seed, batch| {
        let sampler = copies::<B>().with_seed(seed);
        let mut sampler = sampler.with_batch(batch).expect("a batch");
        sampler.draw(10).expect("samples")
    };
    let all = drawn(1, 100);
    assert_eq!((all.count(), all.shape()), (10, &[3][..]));
    assert_eq!(all, drawn(1, 3));
    assert_ne!(all, drawn(2, 100));
    // In parts as at once.
    let mut sampler = copies::<B>().with_seed(1);
    let parts: Vec<f32> = [4, 6]
        .iter()
        .flat_map(|count| sampler.draw(*count).expect("samples").into_values())
        .collect();
    assert_eq!(parts, all.values());
    // What was asked for is what was told.
    let labels = all.labels().expect("classes");
    assert_eq!(labels, [0, 1, 2, 0, 1, 2, 0, 1, 2, 0]);
    for (row, label) in all.rows().zip(labels) {
        assert_eq!(row[2], *label as f32);
    }
    let told = copies::<B>().draw_labelled(&[2, 2, 0]).expect("samples");
    assert_eq!(
        told.rows().map(|row| row[2]).collect::<Vec<_>>(),
        [2.0, 2.0, 0.0]
    );
}

#[test]
fn truncated_samples_come_from_the_middle_of_the_prior() {
    let mut sampler = copies::<Cpu>().with_truncation(0.3).expect("normal");
    let drawn = sampler.draw(200).expect("samples");
    let most = |drawn: &Drawn| {
        drawn
            .rows()
            .flat_map(|row| [row[0].abs(), row[1].abs()])
            .fold(0.0, f32::max)
    };
    assert!(most(&drawn) <= 0.3);
    assert!(most(&copies::<Cpu>().draw(200).expect("samples")) > 1.0);
}

fn styles_go_towards_their_mean<B: Backend>() {
    let device = B::Device::default();
    let config = StyleGan2GeneratorConfig::new(4, [1, 8, 8]).with_widest(2);
    let config = config.with_style(4).with_mapping_layers(2);
    let generator = config.init_conditional::<B>(2, &device).expect("valid");
    crate::network::initialize(&generator);
    // A uniform prior has no tails, which styles do not need.
    let prior = Latent::uniform(4);
    let drawn = |psi: Option<f32>| {
        let sampler = Sampler::<B>::conditional(generator.clone(), prior.clone(), 2, &device);
        let sampler = sampler.with_seed(2).with_batch(3).expect("a batch");
        let mut sampler = match psi {
            None => sampler,
            Some(psi) => sampler.with_truncation(psi).expect("a part of the way"),
        };
        let values = sampler.draw(6).expect("samples").into_values();
        values.into_iter().map(f64::from).collect::<Vec<_>>()
    };
    // The mean over both classes in turns, and a style drawn towards it.
    let turns = |count| {
        let turns: Vec<usize> = (0..count).map(|place| place % 2).collect();
        Labels::from_slice(&turns, 2, &device).expect("labels")
    };
    let mut stream = Stream::new(0, "mean style");
    let mean = mean_style::<B, _>(&generator, &prior, 10_000, turns, &mut stream, &device);
    let expected = |psi| {
        let truncated = TruncatedStyles::new(generator.clone(), mean.clone(), psi);
        let truncated = truncated.expect("a style space");
        let latents = prior.draw(6, &mut Stream::new(2, "samples"), &device);
        values(truncated.generate(latents, &turns(6)))
    };
    // Sums of batches of three and of six.
    assert_close(&drawn(Some(0.5)), &expected(0.5), 1e-4, 1e-4);
    assert_close(&drawn(Some(1.0)), &drawn(None), 1e-4, 1e-4);
    let still = drawn(Some(0.0));
    assert_close(&still[..64], &still[64..128], 1e-5, 1e-5);
    let far = |a: &[f64], b: &[f64]| {
        a.iter()
            .zip(b)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f64::max)
    };
    assert!(far(&drawn(Some(0.5)), &drawn(None)) > 1e-2);
    for psi in [-0.1, 1.1, f32::NAN, f32::INFINITY] {
        let sampler = Sampler::<B>::conditional(generator.clone(), prior.clone(), 2, &device);
        let error = sampler
            .with_truncation(psi)
            .expect_err("no part of a way")
            .to_string();
        assert!(
            error.contains("`threshold`") && error.contains("from 0 to 1"),
            "{error}"
        );
    }
}

fn the_mean_style_is_that_of_the_vectors_given<B: Backend>() {
    let device = B::Device::default();
    let config = StyleGan2GeneratorConfig::new(4, [1, 8, 8]).with_widest(2);
    let config = config.with_style(4).with_mapping_layers(2);
    let generator = config.init_on_vectors::<B>(SIZE, &device).expect("valid");
    let sampler = Sampler::on_vectors(generator, Latent::normal(4), SIZE, &device);
    let mut sampler = sampler.with_truncation(0.0).expect("a part of the way");
    assert!(sampler.draw(1).is_err(), "without vectors");
    let mut sampler = sampler.with_vectors(vectors(), SIZE).expect("vectors");
    let both = sampler.draw(1).expect("a sample");
    let mut sampler = sampler
        .with_vectors(vectors()[..SIZE].to_vec(), SIZE)
        .expect("one");
    // Nothing of the latents is left, and the mean is another.
    assert_ne!(sampler.draw(1).expect("a sample"), both);
}

#[test]
fn accepted_samples_have_as_many_of_each_class_as_any() {
    let mut sampler = copies::<Cpu>();
    // Of class 2 a sixth as many.
    let chosen = sampler
        .draw_accepted(30, 50, |drawn| {
            let keep = drawn.rows().map(|row| match row[2] as usize {
                2 => row[0] > 0.97,
                _ => row[0] > 0.0,
            });
            Ok(keep.collect())
        })
        .expect("enough");
    let labels = chosen.samples.labels().expect("classes");
    for class in 0..3 {
        assert_eq!(labels.iter().filter(|label| **label == class).count(), 10);
    }
    assert!(chosen.samples.rows().all(|row| row[0] > 0.0));
    assert!(
        chosen.share() > 0.05 && chosen.share() < 0.5,
        "{}",
        chosen.share()
    );

    let error = sampler.draw_accepted(5, 3, |drawn| Ok(vec![false; drawn.count()]));
    let error = error.expect_err("none is kept").to_string();
    assert!(
        error.contains("`tries` = 3") && error.contains("kept 0 of 100"),
        "{error}"
    );
    let error = sampler.draw_accepted(5, 3, |_| Ok(vec![true]));
    let error = error.expect_err("one answer").to_string();
    assert!(error.contains("`accept` = 1 answers"), "{error}");
}

#[test]
fn the_best_of_each_class_are_kept() {
    let mut sampler = copies::<Cpu>().with_seed(3).with_batch(7).expect("a batch");
    let by = |drawn: &Drawn| Ok(drawn.rows().map(|row| row[0]).collect());
    let chosen = sampler.draw_best(6, 20, by).expect("samples");
    assert_eq!((chosen.samples.count(), chosen.drawn), (6, 120));
    assert_eq!(chosen.samples.labels(), Some(&[0, 0, 1, 1, 2, 2][..]));
    // The second of forty normal numbers is above 0.9 but once in 10⁴.
    assert!(chosen.samples.rows().all(|row| row[0] > 0.9));
    // Each class has its best first.
    let firsts: Vec<f32> = chosen.samples.rows().map(|row| row[0]).collect();
    assert!(firsts.chunks_exact(2).all(|pair| pair[0] >= pair[1]));
    let error = sampler.draw_best(6, 2, |drawn| Ok(vec![f32::NAN; drawn.count()]));
    assert!(
        error
            .expect_err("NaN")
            .to_string()
            .contains("`score` = NaN")
    );
}

#[test]
fn a_discriminators_logits_are_those_of_its_verdict() -> Result<()> {
    let device = Default::default();
    let discriminator = MlpDiscriminatorConfig::new([2]).init::<Cpu, 2>(&device)?;
    let drawn = points().draw(5)?;
    let found = logits(&discriminator, &drawn, &device)?;
    let samples = Tensor::<Cpu, 1>::from_floats(drawn.values(), &device).reshape([5, 2]);
    use crate::network::Discriminator;
    let expected = discriminator.discriminate(samples, &()).logits.into_data();
    assert_eq!(found, expected.to_vec::<f32>().expect("floats"));

    let told = MlpDiscriminatorConfig::new([2]).init_conditional::<Cpu, 2>(3, &device)?;
    let error = logits(&told, &drawn, &device)
        .expect_err("no labels")
        .to_string();
    assert!(error.contains("`labels`"), "{error}");
    Ok(())
}

/// What a generator is saved with, and what five samples of it are conditioned on.
struct Case<'a, S, C> {
    settings: &'a S,
    latent: &'a Latent,
    condition: C,
    classes: Option<usize>,
    vectors: Option<Vec<f32>>,
}

/// Saves a generator, opens it without being told what it is, and compares their samples. It is made
/// here: without optimisation one frame would hold those of all cases, too many for a thread's stack.
fn opened_as_it_was<B: Backend, S, G, const R: usize>(
    case: Case<S, G::Condition>,
    make: impl FnOnce() -> Result<G>,
) where
    S: serde::Serialize + std::fmt::Debug,
    G: Generator<B, Sample = Tensor<B, R>>,
{
    let device = B::Device::default();
    let name = format!("{:?}, {:?}", case.settings, (case.classes, &case.vectors));
    let generator = make().expect(&name);
    crate::network::initialize(&generator);
    let latents = (case.latent).draw(5, &mut Stream::new(3, "samples"), &device);
    let expected = generator.generate(latents, &case.condition);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("generator.gan");
    SavedGenerator::save(&path, case.settings, case.latent, generator).expect(&name);
    let sampler = Sampler::<B>::open(&path, &device).expect(&name);
    let size = case.vectors.as_ref().map(|_| SIZE);
    assert_eq!(
        (sampler.classes(), sampler.vector_size()),
        (case.classes, size),
        "{name}"
    );
    assert_eq!(sampler.latent(), case.latent, "{name}");
    let mut sampler = match case.vectors {
        None => sampler,
        Some(vectors) => sampler.with_vectors(vectors, SIZE).expect(&name),
    }
    .with_seed(3);
    let drawn = sampler.draw(5).expect(&name);
    assert_eq!(drawn.shape(), &expected.dims()[1..], "{name}");
    let expected: Vec<f32> = expected.into_data().iter().collect();
    // The same operations on the same numbers.
    assert_eq!(drawn.values(), expected, "{name}");
}

/// The numbers of a vector.
const SIZE: usize = 4;

/// Two vectors.
fn vectors() -> Vec<f32> {
    vec![1.0, 0.0, -0.5, 2.0, 0.0, 1.0, 0.5, -2.0]
}

fn every_stock_generator_is_opened_with_its_condition<B: Backend>() {
    let device = B::Device::default();
    let latent = &Latent::normal(6);
    let labels = || Labels::from_slice(&[0, 1, 2, 0, 1], 3, &device).expect("labels");
    // In turns.
    let rows = || {
        let turns: Vec<f32> = vectors().into_iter().cycle().take(5 * SIZE).collect();
        let values = Tensor::<B, 1>::from_floats(turns.as_slice(), &device);
        Vectors::new(values.reshape([5, SIZE]))
    };
    macro_rules! opened {
        ($settings:expr, $generator:expr, $condition:expr, $classes:expr, $vectors:expr) => {{
            let case = Case {
                settings: $settings,
                latent,
                condition: $condition,
                classes: $classes,
                vectors: $vectors,
            };
            opened_as_it_was::<B, _, _, _>(case, || $generator);
        }};
    }
    macro_rules! each {
        ($settings:expr $(, $rank:literal)?) => {{
            let settings = &$settings;
            opened!(settings, settings.init::<B $(, $rank)?>(&device), (), None, None);
            opened!(
                settings,
                settings.init_conditional::<B $(, $rank)?>(3, &device),
                labels(),
                Some(3),
                None
            );
        }};
    }
    macro_rules! with_vectors {
        ($settings:expr $(, $rank:literal)?) => {{
            let settings = &$settings;
            each!(*settings $(, $rank)?);
            opened!(
                settings,
                settings.init_on_vectors::<B $(, $rank)?>(SIZE, &device),
                rows(),
                None,
                Some(vectors())
            );
        }};
    }
    let image = [2, 8, 8];
    let points = |shape: &[usize]| MlpGeneratorConfig::new(6, shape).with_hidden([5]);
    with_vectors!(points(&[2]), 2);
    with_vectors!(points(&[3, 2]), 3);
    with_vectors!(points(&image), 4);
    with_vectors!(points(&[2, 1, 2, 2]), 5);
    with_vectors!(DcganGeneratorConfig::new(6, image).with_width(2));
    with_vectors!(ResNetGeneratorConfig::new(6, image).with_width(2));
    with_vectors!(ResNetGeneratorConfig::big(6, image).with_width(2));
    with_vectors!(ResNetGeneratorConfig::big_deep(6, image).with_width(2));
    let styled = StyleGan2GeneratorConfig::new(6, image).with_widest(2);
    with_vectors!(styled.with_style(4).with_mapping_layers(2));
    let plain = R3ganGeneratorConfig::new(6, image).with_widths([6, 4]);
    with_vectors!(plain.with_group_width(2));
    with_vectors!(LightGeneratorConfig::new(6, image).with_widest(2));
    each!(SeriesGeneratorConfig::new(6, [2, 12]).with_width(2));
    for network in ImageNetwork::ALL {
        with_vectors!(ImageGeneratorConfig::new(network, 6, image).with_width(2));
    }
}

#[test]
fn other_saved_generators_are_named() -> Result<()> {
    let folder = tempfile::tempdir().expect("a folder");
    let (device, latent) = (Default::default(), Latent::normal(4));
    let path = |name: &str| folder.path().join(name);
    let points = MlpGeneratorConfig::new(4, [2]).with_hidden([8]);

    #[derive(serde::Serialize)]
    struct Mine {}
    SavedGenerator::save(
        path("mine"),
        &Mine {},
        &latent,
        points.init::<Cpu, 2>(&device)?,
    )?;
    let error = Sampler::<Cpu>::open(path("mine"), &device).expect_err("not ours");
    assert!(
        error.to_string().contains("`SavedGenerator::<Mine>`"),
        "{error}"
    );
    Ok(())
}

/// The vector that it is told, and nothing of the latent.
#[derive(Module, Debug, Clone)]
struct Repeats {}

impl<B: Backend> Generator<B> for Repeats {
    type Sample = Tensor<B, 2>;
    type Condition = Vectors<B>;

    fn generate(&self, _latent: Tensor<B, 2>, condition: &Vectors<B>) -> Tensor<B, 2> {
        condition.values.clone()
    }
}

fn repeats<B: Backend>() -> Sampler<B> {
    Sampler::on_vectors(Repeats {}, Latent::normal(2), SIZE, &B::Device::default())
}

fn vectors_take_turns<B: Backend>() {
    let expected: Vec<f32> = vectors().into_iter().cycle().take(7 * SIZE).collect();
    for batch in [100, 3] {
        let sampler = repeats::<B>().with_batch(batch).expect("a batch");
        let mut sampler = sampler.with_vectors(vectors(), SIZE).expect("vectors");
        assert_eq!(sampler.draw(7).expect("samples").values(), expected);
        // Seven are an odd number.
        let next = sampler.draw(1).expect("a sample");
        assert_eq!((next.values(), next.labels()), (&vectors()[SIZE..], None));
        let latents = Tensor::zeros([3, 2], &Default::default());
        let given = sampler.generate(latents, &[]).expect("samples");
        assert_eq!(given.values(), &expected[..3 * SIZE]);
    }
}

fn codes_are_fixed_in_what_is_drawn_without<B: Backend>() {
    let latent = Latent::normal(2)
        .with_categorical("digit", 3)
        .with_continuous("slant", 2);
    let device = B::Device::default();
    let drawn = |codes: &[(usize, f32)]| {
        let sampler = Sampler::<B>::conditional(Copies {}, latent.clone(), 2, &device);
        let sampler = sampler.with_seed(1).with_batch(4).expect("a batch");
        let fixed = (codes.iter()).try_fold(sampler, |sampler, (code, value)| {
            sampler.with_code(*code, *value)
        });
        fixed.expect("codes").draw(9).expect("samples")
    };
    let (plain, fixed) = (drawn(&[]), drawn(&[(0, 1.0), (2, 0.25)]));
    for (plain, fixed) in plain.rows().zip(fixed.rows()) {
        assert_eq!(
            (&fixed[..2], &fixed[2..5]),
            (&plain[..2], &[0.0, 1.0, 0.0][..])
        );
        assert_eq!((fixed[5], fixed[6], fixed[7]), (plain[5], 0.25, plain[7]));
    }
    assert!(plain.rows().any(|row| row[3] != 1.0) && plain.rows().all(|row| row[6] != 0.25));
    // The last word counts.
    assert_eq!(drawn(&[(0, 2.0), (0, 1.0), (2, 0.25)]), fixed);
}

for_each_backend!(
    the_seed_decides_samples_and_batches_do_not,
    every_stock_generator_is_opened_with_its_condition,
    styles_go_towards_their_mean,
    the_mean_style_is_that_of_the_vectors_given,
    vectors_take_turns,
    codes_are_fixed_in_what_is_drawn_without,
);

#[test]
fn vectors_that_are_not_the_generators_are_refused() {
    let refused = |result: Result<Sampler<Cpu>>, words: &[&str]| {
        let error = result.expect_err("refused").to_string();
        for words in words {
            assert!(error.contains(words), "no `{words}` in: {error}");
        }
    };
    refused(
        repeats().with_vectors(vectors(), 2),
        &["`size` = 2", "must be 4"],
    );
    refused(
        repeats().with_vectors(vec![], SIZE),
        &["`vectors.len()` = 0"],
    );
    refused(
        repeats().with_vectors(vec![1.0; 5], SIZE),
        &["`vectors.len()` = 5"],
    );
    for wrong in [f32::NAN, f32::INFINITY] {
        let mut all = vectors();
        all[6] = wrong;
        let named = format!("`vectors` = {wrong}");
        refused(
            repeats().with_vectors(all, SIZE),
            &[&named, "vector 1, number 2"],
        );
    }
    refused(
        copies().with_vectors(vectors(), SIZE),
        &["conditioned on none"],
    );
    refused(points().with_code(0, 0.0), &["`code` = 0", "has no codes"]);
    let latents = Tensor::zeros([3, 2], &Default::default());
    for error in [
        repeats::<Cpu>().draw(1),
        repeats::<Cpu>().generate(latents, &[]),
        repeats::<Cpu>()
            .draw_accepted(1, 1, |_| Ok(vec![true]))
            .map(|chosen| chosen.samples),
    ] {
        let error = error.expect_err("no vectors").to_string();
        assert!(
            error.contains("`vectors` = none") && error.contains("`Sampler::with_vectors`"),
            "{error}"
        );
    }
}

#[test]
fn what_can_not_be_drawn_is_refused() {
    let mut sampler = points();
    let of = |result: Result<Drawn>| result.expect_err("refused").to_string();
    assert!(of(sampler.draw(0)).contains("`count` = 0"));
    assert!(of(sampler.draw_labelled(&[0])).contains("`labels`"));
    assert!(of(copies::<Cpu>().draw_labelled(&[0, 3])).contains("`labels` = 3"));
    assert!(points().with_batch(0).is_err());
    for threshold in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        assert!(points().with_truncation(threshold).is_err());
    }
    let device = Default::default();
    let uniform = MlpGeneratorConfig::new(4, [2]).init::<Cpu, 2>(&device);
    let uniform = Sampler::new(
        uniform.expect("valid settings"),
        Latent::uniform(4),
        &device,
    );
    assert!(uniform.with_truncation(1.0).is_err());
    // Overflows.
    let broken = MlpGeneratorConfig::new(4, [2]).with_output(crate::nn::Activation::Identity);
    let broken = broken.init::<Cpu, 2>(&device).expect("valid settings");
    let broken = broken.map(&mut Huge);
    let mut broken = Sampler::new(broken, Latent::normal(4), &device);
    assert!(of(broken.draw(2)).contains("left all bounds"));
}

struct Huge;

impl<B: Backend> burn::module::ModuleMapper<B> for Huge {
    fn map_float<const D: usize>(
        &mut self,
        parameter: burn::module::Param<Tensor<B, D>>,
    ) -> burn::module::Param<Tensor<B, D>> {
        parameter.map(|weights| weights.mul_scalar(1e30))
    }
}

#[cfg(feature = "files")]
mod files {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Images of 2 × 3 whose pixels are a sixth of their place, and red, green and blue by turns full.
    #[derive(Module, Debug, Clone)]
    struct Ramp {}

    impl<B: Backend> Generator<B> for Ramp {
        type Sample = Tensor<B, 4>;
        type Condition = Labels<B>;

        fn generate(&self, latent: Tensor<B, 2>, condition: &Labels<B>) -> Tensor<B, 4> {
            let device = latent.device();
            let [count, _] = latent.dims();
            let pixels: Tensor<B, 1> = Tensor::arange(0..6, &device).float().div_scalar(5.0);
            let grey = pixels.reshape([1, 1, 2, 3]).repeat_dim(0, count);
            let class = condition.classes.clone().float().reshape([count, 1, 1, 1]);
            let class = class.repeat_dim(2, 2).repeat_dim(3, 3);
            Tensor::cat(vec![grey.clone(), class, grey.neg()], 1)
        }
    }

    fn ramp() -> Sampler<Cpu> {
        let sampler = Sampler::conditional(Ramp {}, Latent::normal(1), 2, &Default::default());
        sampler.with_batch(2).expect("a batch")
    }

    fn files(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).expect("a folder").map(|entry| {
            let entry = entry.expect("an entry");
            entry.file_name().to_string_lossy().into_owned()
        });
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn images_lie_in_folders_of_their_class() -> Result<()> {
        let folder = tempfile::tempdir().expect("a folder");
        let names = ["blanks & all".to_owned(), "two".to_owned()];
        let mut seen = Vec::new();
        let out = folder.path().join("out");
        let written = write_images(&mut ramp(), 5, &out, [0.0, 1.0], &names, |n| seen.push(n))?;
        assert_eq!((written.count, seen), (5, vec![2, 4, 5]));
        assert_eq!(files(&out), names);
        let first = out.join("blanks & all");
        assert_eq!(files(&first), ["000001.png", "000003.png", "000005.png"]);
        assert_eq!(files(&out.join("two")), ["000002.png", "000004.png"]);
        let image = image::open(out.join("two/000002.png")).expect("a picture");
        let pixels: Vec<[u8; 3]> = image.to_rgb8().pixels().map(|pixel| pixel.0).collect();
        // Row by row, and blue below black.
        let expected = [0, 51, 102, 153, 204, 255].map(|red| [red, 255, 0]);
        assert_eq!((image.width(), pixels), (3, expected.to_vec()));

        let again = write_images(&mut ramp(), 5, &out, [0.0, 1.0], &names, |_| ());
        assert!(
            again
                .expect_err("not empty")
                .to_string()
                .contains("empty one")
        );
        let elsewhere = folder.path().join("other");
        for (range, names) in [
            ([1.0, 1.0], vec![]),
            ([f32::NAN, 1.0], vec![]),
            ([0.0, 1.0], vec!["a".to_owned()]),
            ([0.0, 1.0], vec!["a".to_owned(), "a".to_owned()]),
            ([0.0, 1.0], vec!["a".to_owned(), "../b".to_owned()]),
            ([0.0, 1.0], vec!["a".to_owned(), "..".to_owned()]),
        ] {
            let refused = write_images(&mut ramp(), 5, &elsewhere, range, &names, |_| ());
            assert!(matches!(refused, Err(Error::Setting { .. })), "{names:?}");
        }
        let points = write_images(&mut points(), 5, &elsewhere, [0.0, 1.0], &[], |_| ());
        let message = points.expect_err("no images").to_string();
        assert!(message.contains("[channels, height, width]"), "{message}");
        Ok(())
    }

    #[test]
    fn arrays_are_what_was_drawn() -> Result<()> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("samples.npy");
        let written = write_npy(&mut ramp(), 5, &path, |_| ())?;
        let read = |path: &Path| {
            let bytes = fs::read(path).expect("a file");
            let file = npyz::NpyFile::new(std::io::Cursor::new(bytes)).expect("an array");
            (file.shape().to_vec(), file)
        };
        let (shape, array) = read(&path);
        assert_eq!(shape, [5, 3, 2, 3]);
        let values: Vec<f32> = array.into_vec().expect("floats");
        assert_eq!(values, ramp().draw(5)?.values());
        let labels = written.labels.expect("classes");
        assert_eq!(labels, folder.path().join("samples.labels.npy"));
        let (shape, array) = read(&labels);
        assert_eq!(shape, [5]);
        assert_eq!(array.into_vec::<i64>().expect("labels"), [0, 1, 0, 1, 0]);
        assert_eq!(write_npy(&mut points(), 3, &path, |_| ())?.labels, None);
        // Nothing half-written is left.
        assert_eq!(files(folder.path()), ["samples.labels.npy", "samples.npy"]);
        assert!(write_npy(&mut points(), 0, &path, |_| ()).is_err());
        assert_eq!(files(folder.path()), ["samples.labels.npy", "samples.npy"]);
        Ok(())
    }

    #[test]
    fn tables_have_a_header_and_the_class_last() -> Result<()> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("rows.csv");
        let names = ["a, b", "c", "d"].map(str::to_owned);
        let columns = ["x", "y", "z"].map(str::to_owned);
        write_table(&mut copies::<Cpu>(), 4, &path, &columns, &names, |_| ())?;
        let mut reader = csv::Reader::from_path(&path).expect("a table");
        let header = reader.headers().expect("a header").clone();
        assert_eq!(header.iter().collect::<Vec<_>>(), ["x", "y", "z", "class"]);
        let drawn = copies::<Cpu>().draw(4)?;
        let rows: Vec<csv::StringRecord> =
            reader.records().map(|row| row.expect("a row")).collect();
        assert_eq!(rows.len(), 4);
        for (row, sample) in rows.iter().zip(drawn.rows()) {
            let numbers: Vec<f32> = row
                .iter()
                .take(3)
                .map(|x| x.parse().expect("a number"))
                .collect();
            assert_eq!(numbers, sample);
        }
        assert_eq!(&rows[3][3], "a, b");
        write_table(&mut points(), 2, &path, &[], &[], |_| ())?;
        let text = fs::read_to_string(&path).expect("a table");
        assert_eq!(text.lines().next(), Some("x1,x2"));
        let wrong = write_table(&mut points(), 2, &path, &names, &[], |_| ());
        assert!(
            wrong
                .expect_err("three")
                .to_string()
                .contains("`columns` = 3")
        );
        assert_eq!(fs::read_to_string(&path).expect("the old table"), text);
        Ok(())
    }
}
