use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::*;
use crate::error::Error;
use crate::models::{
    DcganGeneratorConfig, MlpDiscriminatorConfig, MlpGeneratorConfig, ResNetGeneratorConfig,
    SavedGenerator,
};
use crate::network::{Generator, Labels};
use crate::nn::Activation;
use crate::testing::{Cpu, for_each_backend};
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

for_each_backend!(the_seed_decides_samples_and_batches_do_not);

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

#[test]
fn any_saved_stock_generator_is_opened() -> Result<()> {
    let folder = tempfile::tempdir().expect("a folder");
    let (device, latent) = (Default::default(), Latent::normal(4));
    let path = |name: &str| folder.path().join(name);
    let points = MlpGeneratorConfig::new(4, [2]).with_hidden([8]);
    SavedGenerator::save(
        path("points"),
        &points,
        &latent,
        points.init::<Cpu, 2>(&device)?,
    )?;
    let series = MlpGeneratorConfig::new(4, [3, 5]).with_hidden([8]);
    let told = series.init_conditional::<Cpu, 3>(4, &device)?;
    SavedGenerator::save(path("series"), &series, &latent, told)?;
    let images = DcganGeneratorConfig::new(4, [1, 8, 8]).with_width(2);
    SavedGenerator::save(
        path("images"),
        &images,
        &latent,
        images.init::<Cpu>(&device)?,
    )?;
    let told = images.init_conditional::<Cpu>(2, &device)?;
    SavedGenerator::save(path("told"), &images, &latent, told)?;
    let residual = ResNetGeneratorConfig::big(6, [1, 8, 8]).with_width(2);
    let prior = Latent::normal(6);
    let alone = residual.init::<Cpu>(&device)?;
    SavedGenerator::save(path("residual"), &residual, &prior, alone)?;
    let told = residual.init_conditional::<Cpu>(2, &device)?;
    SavedGenerator::save(path("told residual"), &residual, &prior, told)?;
    for (name, shape, classes) in [
        ("points", &[2][..], None),
        ("series", &[3, 5], Some(4)),
        ("images", &[1, 8, 8], None),
        ("told", &[1, 8, 8], Some(2)),
        ("residual", &[1, 8, 8], None),
        ("told residual", &[1, 8, 8], Some(2)),
    ] {
        let mut sampler = Sampler::<Cpu>::open(path(name), &device)?;
        assert_eq!(
            (sampler.draw(3)?.shape(), sampler.classes()),
            (shape, classes)
        );
    }

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
