//! Shapes, conditions and settings of the stock networks.

use burn::module::{AutodiffModule, Module};
use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};

use super::*;
use crate::network::{Discriminator, Generator, Labels, Packed, Vectors};
use crate::objective::r1;
use crate::testing::{
    assert_close, assign, for_each_autodiff_backend, for_each_backend, tensor2, values,
};

/// The shapes the issue names, an odd one, and the smallest.
const IMAGES: [[usize; 3]; 6] = [
    [1, 28, 28],
    [3, 32, 32],
    [2, 24, 40],
    [1, 29, 33],
    [4, 8, 8],
    [1, 9, 15],
];

fn dcgan_draws_and_judges_images_of_any_size<B: Backend>() {
    let device = Default::default();
    for image in IMAGES {
        let generator = DcganGeneratorConfig::new(5, image).with_width(2);
        let generator = generator.init::<B>(&device).expect("valid settings");
        let samples = generator.generate(Tensor::ones([2, 5], &device), &());
        let [channels, height, width] = image;
        assert_eq!(samples.dims(), [2, channels, height, width]);
        let discriminator = DcganDiscriminatorConfig::new(image).with_width(2);
        let discriminator = discriminator.init::<B>(&device).expect("valid settings");
        let verdict = discriminator.discriminate(samples.clone(), &());
        assert_eq!(verdict.logits.dims(), [2, 1]);
        // What goes into a hidden layer comes from all of the image.
        let hidden = DcganDiscriminatorConfig::new(image)
            .with_width(2)
            .with_features(3);
        let hidden = hidden.init::<B>(&device).expect("valid settings");
        let verdict = hidden.discriminate(samples, &());
        let features = verdict.features.expect("the hidden layer's");
        assert_eq!((verdict.logits.dims(), features.dims()), ([2, 1], [2, 3]));
    }
}

fn mlp_draws_and_judges_samples_of_any_shape<B: Backend>() {
    let device = Default::default();
    let generator = MlpGeneratorConfig::new(5, [3, 4])
        .init::<B, 3>(&device)
        .expect("valid settings");
    let samples = generator.generate(Tensor::ones([2, 5], &device), &());
    assert_eq!(samples.dims(), [2, 3, 4]);
    let discriminator = MlpDiscriminatorConfig::new([3, 4])
        .init::<B, 3>(&device)
        .expect("valid settings");
    assert_eq!(
        discriminator.discriminate(samples, &()).logits.dims(),
        [2, 1]
    );
}

fn a_discriminator_reads_waves_of_its_samples<B: Backend>() {
    let device = Default::default();
    let config = MlpDiscriminatorConfig::new([2]).with_frequencies([4.0, 16.0]);
    let judge = config.init::<B, 2>(&device).expect("valid settings");
    // 2·(1 + 2·2) numbers of a point, and 512, 256 units.
    let weights = 10 * 512 + 512 + 512 * 256 + 256 + 256 + 1;
    assert_eq!(judge.num_params(), weights);
    let x = Tensor::<B, 2>::ones([4, 2], &device);
    assert_eq!(judge.discriminate(x.clone(), &()).logits.dims(), [4, 1]);
    let conditional = config.init_conditional::<B, 2>(3, &device);
    let labels = Labels::from_slice(&[0, 1, 2, 0], 3, &device).expect("labels in range");
    let verdict = conditional
        .expect("valid settings")
        .discriminate(x, &labels);
    assert_eq!(verdict.logits.dims(), [4, 1]);
    let wrong = config.with_frequencies([0.0]).init::<B, 2>(&device);
    let error = wrong.expect_err("no frequency").to_string();
    assert!(error.contains("`frequencies`"), "{error}");
}

fn labels_matter_to_conditional_networks<B: Backend>() {
    let device = Default::default();
    let labels = |classes: [usize; 2]| {
        Labels::<B>::from_slice(&classes, 3, &device).expect("labels in range")
    };
    let latent = || Tensor::<B, 2>::ones([2, 5], &device);
    // Rows of one product may differ in their last bits: a GPU adds them in different orders.
    let differ = |rows: Vec<f64>| {
        let (first, second) = rows.split_at(rows.len() / 2);
        let far = |(a, b): (&f64, &f64)| (a - b).abs() > 1e-5 * a.abs().max(b.abs());
        first.iter().zip(second).any(far)
    };

    let mlp = MlpGeneratorConfig::new(5, [6]).init_conditional::<B, 2>(3, &device);
    let mlp = mlp.expect("valid settings");
    assert!(differ(values(mlp.generate(latent(), &labels([0, 2])))));
    assert!(!differ(values(mlp.generate(latent(), &labels([2, 2])))));
    let judge = MlpDiscriminatorConfig::new([6]).init_conditional::<B, 2>(3, &device);
    let judge = judge.expect("valid settings");
    let x = Tensor::<B, 2>::ones([2, 6], &device);
    assert!(differ(values(
        judge.discriminate(x.clone(), &labels([0, 1])).logits
    )));
    assert!(!differ(values(
        judge.discriminate(x, &labels([1, 1])).logits
    )));

    let dcgan = DcganGeneratorConfig::new(5, [1, 8, 10]).with_width(2);
    let dcgan = dcgan
        .init_conditional::<B>(3, &device)
        .expect("valid settings");
    assert!(differ(values(dcgan.generate(latent(), &labels([0, 2])))));
    let judge = DcganDiscriminatorConfig::new([1, 8, 10]).with_width(2);
    let judge = judge
        .init_conditional::<B>(3, &device)
        .expect("valid settings");
    let x = Tensor::<B, 4>::ones([2, 1, 8, 10], &device);
    assert!(differ(values(
        judge.discriminate(x.clone(), &labels([0, 1])).logits
    )));
    assert!(!differ(values(
        judge.discriminate(x, &labels([1, 1])).logits
    )));
}

/// Conditions are no constants to the stock networks, and no one of a pack is passed over.
fn vectors_and_packs_matter_to_stock_networks<B: Backend>() {
    let device = Default::default();
    let differ = |a: Vec<f64>, b: Vec<f64>| {
        a.iter()
            .zip(&b)
            .any(|(a, b)| (a - b).abs() > 1e-5 * a.abs().max(b.abs()))
    };
    // Vectors of two samples; the second's last number is x.
    let vectors = |x: f64| Vectors::new(tensor2::<B, 3>([[1.0, 2.0, 3.0], [1.0, 2.0, x]]));
    let labels =
        |class: usize| Labels::<B>::from_slice(&[1, class], 3, &device).expect("labels in range");
    let latent = || Tensor::<B, 2>::ones([2, 5], &device);
    let points = || Tensor::<B, 2>::ones([2, 6], &device);
    let images = || Tensor::<B, 4>::ones([2, 1, 8, 10], &device);

    let mlp = MlpGeneratorConfig::new(5, [6]).init_on_vectors::<B, 2>(3, &device);
    let mlp = mlp.expect("valid settings");
    let draw = |x| values(mlp.generate(latent(), &vectors(x)));
    assert!(differ(draw(3.0), draw(4.0)));
    let dcgan = DcganGeneratorConfig::new(5, [1, 8, 10]).with_width(2);
    let dcgan = dcgan.init_on_vectors::<B>(3, &device);
    let dcgan = dcgan.expect("valid settings");
    let draw = |x| values(dcgan.generate(latent(), &vectors(x)));
    assert!(differ(draw(3.0), draw(4.0)));

    let judge = MlpDiscriminatorConfig::new([6]).with_pack(2);
    let told = judge.init_conditional::<B, 2>(3, &device);
    let told = Packed::new(told.expect("valid settings"), 2);
    let logits = |class| values(told.discriminate(points(), &labels(class)).logits);
    assert_eq!(logits(0).len(), 1);
    assert!(differ(logits(0), logits(2)));
    let told = judge.init_on_vectors::<B, 2>(3, &device);
    let told = Packed::new(told.expect("valid settings"), 2);
    let logits = |x| values(told.discriminate(points(), &vectors(x)).logits);
    assert!(differ(logits(3.0), logits(4.0)));

    let judge = DcganDiscriminatorConfig::new([1, 8, 10])
        .with_width(2)
        .with_pack(2);
    let told = judge.init_conditional::<B>(3, &device);
    let told = Packed::new(told.expect("valid settings"), 2);
    let logits = |class| values(told.discriminate(images(), &labels(class)).logits);
    assert_eq!(logits(0).len(), 1);
    assert!(differ(logits(0), logits(2)));
    let told = judge.init_on_vectors::<B>(3, &device);
    let told = Packed::new(told.expect("valid settings"), 2);
    let logits = |x| values(told.discriminate(images(), &vectors(x)).logits);
    assert!(differ(logits(3.0), logits(4.0)));
    let plain = judge.init::<B>(&device).expect("valid settings");
    let verdict = Packed::new(plain, 2).discriminate(images(), &());
    assert_eq!(verdict.logits.dims(), [1, 1]);
}

/// `v·W + b` of each vector of a pack.
fn vectors_are_mapped_one_by_one<B: Backend>() {
    let embedding = VectorEmbedding::<B>::new(2, 3, &Default::default()).expect("sizes");
    let embedding = assign(
        embedding,
        vec![vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], vec![0.5, 0.0, -0.5]],
    );
    let vectors = tensor2::<B, 4>([[1.0, 0.0, 0.0, 1.0], [1.0, 1.0, 2.0, 0.0]]);
    let features = embedding.forward(&Vectors::new(vectors));
    assert_eq!(features.dims(), [2, 6]);
    assert_close(
        &values(features),
        &[1.5, 2.0, 2.5, 4.5, 5.0, 5.5, 5.5, 7.0, 8.5, 2.5, 4.0, 5.5],
        1e-6,
        0.0,
    );
}

fn every_discriminator_takes_exact_penalties<B: AutodiffBackend>() {
    fn finite<B: AutodiffBackend, M: AutodiffModule<B> + Module<B>>(
        net: &M,
        penalty: Tensor<B, 1>,
    ) {
        let gradients = crate::testing::gradients::<B, _>(net, &penalty.backward()).concat();
        assert!(gradients.iter().all(|g| g.is_finite()));
        assert!(gradients.iter().any(|g| *g != 0.0));
    }
    let device = Default::default();
    let labels = Labels::<B>::from_slice(&[0, 2], 3, &device).expect("labels in range");
    let image = [1, 8, 8];
    let x = Tensor::<B, 2>::ones([2, 64], &device).reshape([2, 1, 8, 8]);

    let net = DcganDiscriminatorConfig::new(image).with_width(2);
    let plain = net.init::<B>(&device).expect("valid settings");
    finite(&plain, r1::<B, _>(&plain, x.clone(), &()));
    let told = net
        .init_conditional::<B>(3, &device)
        .expect("valid settings");
    finite(&told, r1::<B, _>(&told, x.clone(), &labels));
    let net = net.with_batch_norm(false).with_features(3);
    let told = net.init_projected::<B>(3, &device).expect("valid settings");
    finite(&told, r1::<B, _>(&told, x.clone(), &labels));
    let net = MlpDiscriminatorConfig::new(image).with_dropout(0.2);
    let told = net
        .init_conditional::<B, 4>(3, &device)
        .expect("valid settings");
    finite(&told, r1::<B, _>(&told, x.clone(), &labels));
    let told = net.init_on_vectors::<B, 4>(2, &device);
    let told = told.expect("valid settings");
    let vectors = Vectors::new(Tensor::<B, 2>::ones([2, 2], &device));
    finite(&told, r1::<B, _>(&told, x, &vectors));
}

for_each_backend!(
    mlp_draws_and_judges_samples_of_any_shape,
    a_discriminator_reads_waves_of_its_samples,
    labels_matter_to_conditional_networks,
    vectors_and_packs_matter_to_stock_networks,
    vectors_are_mapped_one_by_one,
);

/// Six image sizes are some fifty shapes of convolutions, each of which wgpu would tune for
/// seconds; its convolutions are tested by the parity of whole runs.
#[test]
fn dcgan_draws_and_judges_images_of_any_size_on_cpus() {
    dcgan_draws_and_judges_images_of_any_size::<crate::testing::Cpu>();
    dcgan_draws_and_judges_images_of_any_size::<burn::backend::NdArray>();
}

mod second_order {
    use super::*;
    for_each_autodiff_backend!(every_discriminator_takes_exact_penalties);
}

#[test]
fn networks_know_their_range_and_their_classes() {
    type B = crate::testing::Cpu;
    let device = Default::default();
    let range = |output| {
        let config = MlpGeneratorConfig::new(2, [3]).with_output(output);
        let plain = config.init::<B, 2>(&device).expect("valid settings");
        let told = config.init_conditional::<B, 2>(4, &device);
        let told = told.expect("valid settings");
        assert_eq!(plain.output_range(), told.output_range());
        assert_eq!((plain.classes(), told.classes()), (None, Some(4)));
        // Far out on both sides, the network keeps to what it says.
        if let Some((low, high)) = plain.output_range() {
            let latents = Tensor::<B, 2>::from_floats([[1e3, -1e3], [-1e3, 1e3]], &device);
            let drawn = values(plain.generate(latents, &()));
            assert!(drawn.iter().all(|x| (low..=high).contains(x)), "{drawn:?}");
        }
        plain.output_range()
    };
    assert_eq!(range(Activation::Tanh), Some((-1.0, 1.0)));
    assert_eq!(range(Activation::Sigmoid), Some((0.0, 1.0)));
    assert_eq!(range(Activation::Relu), Some((0.0, f64::INFINITY)));
    assert_eq!(range(Activation::LEAKY), None);
    assert_eq!(range(Activation::Identity), None);

    let images = DcganGeneratorConfig::new(2, [1, 8, 8]).with_width(2);
    let images = images.init::<B>(&device).expect("valid settings");
    assert_eq!(images.output_range(), Some((-1.0, 1.0)));
    let judge = DcganDiscriminatorConfig::new([1, 8, 8]).with_width(2);
    let plain = judge.init::<B>(&device).expect("valid settings");
    let told = judge.init_conditional::<B>(7, &device);
    assert_eq!(plain.classes(), None);
    assert_eq!(told.expect("valid settings").classes(), Some(7));
    let judge = MlpDiscriminatorConfig::new([3]).with_pack(2);
    let told = judge.init_conditional::<B, 2>(5, &device);
    let packed = Packed::new(told.expect("valid settings"), 2);
    assert_eq!(packed.classes(), Some(5));
    let on_vectors = judge.init_on_vectors::<B, 2>(5, &device);
    assert_eq!(on_vectors.expect("valid settings").classes(), None);
}

#[test]
fn wrong_settings_are_refused_by_name() {
    type B = crate::testing::Cpu;
    let device = Default::default();
    let refused = |result: crate::Result<()>| result.expect_err("wrong").to_string();
    let small = DcganGeneratorConfig::new(5, [1, 7, 28]);
    assert!(refused(small.validate()).contains("`image.height` = 7: must be at least 8"));
    let none = DcganDiscriminatorConfig::new([0, 8, 8]);
    assert!(refused(none.validate()).contains("`image.channels` = 0"));
    let rank = MlpGeneratorConfig::new(5, [2, 2]).init::<B, 2>(&device);
    assert!(refused(rank.map(|_| ())).contains("`shape` = [2, 2]"));
    let dropout = MlpDiscriminatorConfig::new([2]).with_dropout(1.0);
    assert!(refused(dropout.init::<B, 2>(&device).map(|_| ())).contains("`dropout` = 1"));
    let hidden = MlpGeneratorConfig::new(5, [2]).with_hidden([4, 0]);
    assert!(refused(hidden.init::<B, 2>(&device).map(|_| ())).contains("`hidden` = 0"));
    let latent = MlpGeneratorConfig::new(0, [2]).init_conditional::<B, 2>(3, &device);
    assert!(refused(latent.map(|_| ())).contains("`latent` = 0"));
    let classes = DcganGeneratorConfig::new(5, [1, 8, 8]).init_conditional::<B>(0, &device);
    assert!(refused(classes.map(|_| ())).contains("`classes` = 0"));
    let size = DcganGeneratorConfig::new(5, [1, 8, 8]).init_on_vectors::<B>(0, &device);
    assert!(refused(size.map(|_| ())).contains("`size` = 0"));
    for pack in [0, 1_001, usize::MAX] {
        let told = format!("`pack` = {pack}");
        let points = MlpDiscriminatorConfig::new([2]).with_pack(pack);
        assert!(refused(points.init::<B, 2>(&device).map(|_| ())).contains(&told));
        let images = DcganDiscriminatorConfig::new([1, 8, 8]).with_pack(pack);
        assert!(refused(images.validate()).contains(&told));
        assert!(refused(images.init_conditional::<B>(3, &device).map(|_| ())).contains(&told));
    }
}

#[test]
fn sizes_that_no_memory_holds_are_refused_before_anything_is_made_of_them() {
    type B = crate::testing::Cpu;
    let device = Default::default();
    #[track_caller]
    fn refused<T>(result: crate::Result<T>, field: &str) {
        let error = result.err().expect("too large").to_string();
        assert!(error.contains(&format!("`{field}` = ")), "{error}");
    }
    for size in [1_000_000_000, 1 << 32, 1_000_000_000_000, usize::MAX] {
        let hidden = MlpGeneratorConfig::new(5, [2]).with_hidden([size]);
        refused(hidden.init::<B, 2>(&device), "hidden");
        refused(hidden.init_conditional::<B, 2>(3, &device), "hidden");
        let hidden = MlpDiscriminatorConfig::new([2]).with_hidden([4, size]);
        refused(hidden.init::<B, 2>(&device), "hidden");
        let latent = MlpGeneratorConfig::new(size, [2]);
        refused(latent.init::<B, 2>(&device), "latent");
        refused(latent.init_conditional::<B, 2>(3, &device), "latent");
        let shape = MlpGeneratorConfig::new(5, [size, size]);
        refused(shape.init::<B, 3>(&device), "shape");
        let shape = MlpDiscriminatorConfig::new([size, 2]);
        refused(shape.init_conditional::<B, 3>(3, &device), "shape");
        let small = DcganGeneratorConfig::new(5, [1, 8, 8]).with_width(2);
        refused(small.clone().with_width(size).init::<B>(&device), "width");
        refused(small.init_conditional::<B>(size, &device), "classes");
        let latent = DcganGeneratorConfig::new(size, [1, 8, 8]);
        refused(latent.init_conditional::<B>(3, &device), "latent");
        let image = DcganDiscriminatorConfig::new([1, size, 8]);
        refused(image.init::<B>(&device), "image.shape");
        let image = DcganDiscriminatorConfig::new([size, 8, 8]);
        refused(image.init_conditional::<B>(3, &device), "image.shape");
    }
    // Sizes that may be, whose products may not.
    let wide = MlpGeneratorConfig::new(5, [2]).with_hidden([1 << 20, 1 << 20]);
    refused(wide.init::<B, 2>(&device), "hidden");
    let many = MlpGeneratorConfig::new(5, [2]).with_hidden(vec![1 << 14; 9]);
    refused(many.init::<B, 2>(&device), "hidden");
    let deep = MlpGeneratorConfig::new(5, [2]).with_hidden(vec![1; 1_001]);
    refused(deep.init::<B, 2>(&device), "hidden.len()");
    let doubled = DcganGeneratorConfig::new(5, [1, 1 << 12, 1 << 12]).with_width(64);
    refused(doubled.init::<B>(&device), "width");
    let projected = DcganGeneratorConfig::new(1 << 20, [3, 64, 64]);
    refused(projected.init::<B>(&device), "width");
}
