//! What stock networks of images can be conditioned on, whichever it is: shapes of all, on both backends.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::*;
use crate::Latent;
use crate::network::{Discriminator, Generator, Labels, Vectors, initialize};
use crate::testing::{for_each_backend, values};

const IMAGE: [usize; 3] = [2, 8, 8];
const BATCH: usize = 3;

fn images<B: Backend>() -> Tensor<B, 4> {
    Tensor::ones([BATCH, IMAGE[0], IMAGE[1], IMAGE[2]], &B::Device::default())
}

fn vectors<B: Backend>(numbers: [f32; 2]) -> Vectors<B> {
    let all = Tensor::<B, 1>::from_floats(numbers, &B::Device::default());
    Vectors::new(all.unsqueeze::<2>().repeat_dim(0, BATCH))
}

fn labels<B: Backend>() -> Labels<B> {
    Labels::from_slice(&[1, 0, 4], 5, &B::Device::default()).expect("labels")
}

fn discriminators() -> Vec<ImageDiscriminatorConfig> {
    let config = |network| ImageDiscriminatorConfig::new(network, IMAGE).with_width(2);
    ImageNetwork::ALL.map(config).into()
}

/// Logits of a sample: of the light pair one for each part.
fn judged(network: ImageNetwork) -> usize {
    if network == ImageNetwork::Light {
        25
    } else {
        1
    }
}

fn verdicts_have_as_many_features_as_they_say<B: Backend>() {
    let device = B::Device::default();
    for config in discriminators() {
        let network = config.init::<B>(&device).expect("valid settings");
        let verdict = network.discriminate(images(), &());
        let said = config.verdict_features().expect("valid settings");
        let features = verdict.features.expect("features").dims();
        assert_eq!(features, [BATCH, said], "{:?}", config.network);
        assert!(config.with_width(0).verdict_features().is_err());
    }
    let hidden = DcganDiscriminatorConfig::new(IMAGE)
        .with_width(2)
        .with_features(7);
    assert_eq!(hidden.verdict_features().expect("valid settings"), 7);
}

fn generators_are_told_vectors<B: Backend>() {
    let device = B::Device::default();
    for network in ImageNetwork::ALL {
        let config = ImageGeneratorConfig::new(network, 6, IMAGE).with_width(2);
        let generator = config.init_on_vectors::<B>(2, &device).expect("valid");
        initialize(&generator);
        let latent = || Tensor::<B, 2>::ones([BATCH, 6], &device);
        let one = generator.generate(latent(), &vectors([1.0, -1.0]));
        assert_eq!(one.dims(), [BATCH, 2, 8, 8], "{network:?}");
        let error = config.init_on_vectors::<B>(0, &device).map(|_| ());
        let error = error.expect_err("no numbers").to_string();
        assert!(error.contains("`size` = 0"), "{network:?}: {error}");
    }
}

fn discriminators_are_told_vectors<B: Backend>() {
    let device = B::Device::default();
    for config in discriminators() {
        let network = config.network;
        // Of two channels all may be dead, by chance.
        let config = config.with_width(16);
        let projected = config.init_projected_on_vectors::<B>(2, &device);
        let projected = projected.expect("valid settings");
        initialize(&projected);
        let one = projected.discriminate(images(), &vectors([1.0, -1.0]));
        assert_eq!(one.logits.dims(), [BATCH, judged(network)], "{network:?}");
        let other = projected.discriminate(images(), &vectors([-1.0, 3.0]));
        assert_ne!(values(one.logits), values(other.logits), "{network:?}");
        let error = config
            .init_projected_on_vectors::<B>(0, &device)
            .map(|_| ());
        let error = error.expect_err("no numbers").to_string();
        assert!(error.contains("`size` = 0"), "{network:?}: {error}");
    }
}

fn discriminators_tell_classes<B: Backend>() {
    let device = B::Device::default();
    for config in discriminators() {
        let network = config.network;
        let telling = config.init_classifying::<B>(5, &device).expect("valid");
        assert_eq!(telling.classes(), Some(5));
        let verdict = telling.discriminate(images(), &labels());
        assert_eq!(
            verdict.logits.dims(),
            [BATCH, judged(network)],
            "{network:?}"
        );
        let told = verdict.class_logits.expect("class logits");
        assert_eq!(told.dims(), [BATCH, 5], "{network:?}");
        let error = config.init_classifying::<B>(0, &device).map(|_| ());
        let error = error.expect_err("no class").to_string();
        assert!(error.contains("`classes` = 0"), "{network:?}: {error}");
    }
}

fn discriminators_recover_codes<B: Backend>() {
    let device = B::Device::default();
    let prior = Latent::normal(4)
        .with_categorical("digit", 3)
        .with_continuous("slant", 2);
    let head = CodeHeadConfig::new().with_hidden(4);
    for config in discriminators() {
        let network = config.network;
        let recovering = config.init_recovering::<B>(&prior, &head, &device);
        let verdict = recovering.expect("valid").discriminate(images(), &());
        assert_eq!(
            verdict.logits.dims(),
            [BATCH, judged(network)],
            "{network:?}"
        );
        for (name, width) in [("digit", 3), ("slant", 2)] {
            let code = verdict.output(name).expect("a code").dims();
            assert_eq!(code, [BATCH, width], "{network:?}");
        }
        let none = config.init_recovering::<B>(&Latent::normal(4), &head, &device);
        let error = none.map(|_| ()).expect_err("no codes").to_string();
        assert!(error.contains("has no codes"), "{network:?}: {error}");
    }
}

fn the_networks_own_settings_make_the_same<B: Backend>() {
    let device = B::Device::default();
    let prior = Latent::normal(4).with_categorical("digit", 3);
    let head = CodeHeadConfig::new().with_hidden(0);
    macro_rules! all {
        ($config:expr, $logits:expr) => {{
            let (config, logits) = ($config, $logits);
            let features = config.verdict_features().expect("valid settings");
            let own = config
                .init_projected_on_vectors::<B>(2, &device)
                .expect("valid");
            let verdict = own.discriminate(images(), &vectors([1.0, 2.0]));
            assert_eq!(verdict.logits.dims(), [BATCH, logits]);
            assert_eq!(
                verdict.features.expect("features").dims(),
                [BATCH, features]
            );
            let own = config.init_classifying::<B>(5, &device).expect("valid");
            let verdict = own.discriminate(images(), &labels());
            assert_eq!(verdict.class_logits.expect("classes").dims(), [BATCH, 5]);
            let own = config
                .init_recovering::<B>(&prior, &head, &device)
                .expect("valid");
            let verdict = own.discriminate(images(), &());
            assert_eq!(verdict.output("digit").expect("a code").dims(), [BATCH, 3]);
        }};
    }
    all!(DcganDiscriminatorConfig::new(IMAGE).with_width(2), 1);
    all!(ResNetDiscriminatorConfig::new(IMAGE).with_width(4), 1);
    all!(ResNetDiscriminatorConfig::big_deep(IMAGE).with_width(4), 1);
    all!(StyleGan2DiscriminatorConfig::new(IMAGE).with_widest(3), 1);
    all!(R3ganDiscriminatorConfig::new(IMAGE).with_widths([8, 8]), 1);
    all!(LightDiscriminatorConfig::new(IMAGE).with_widest(8), 25);
    let packed = DcganDiscriminatorConfig::new(IMAGE)
        .with_width(2)
        .with_pack(2);
    let error = packed
        .init_projected_on_vectors::<B>(2, &device)
        .map(|_| ());
    assert!(error.expect_err("packs").to_string().contains("`pack` = 2"));
}

for_each_backend!(
    verdicts_have_as_many_features_as_they_say,
    generators_are_told_vectors,
    discriminators_are_told_vectors,
    discriminators_tell_classes,
    discriminators_recover_codes,
    the_networks_own_settings_make_the_same,
);
