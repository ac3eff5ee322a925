//! ADA's transformations by golden values, by counting, and by what must be exact.

use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};

use super::compose::Strength;
use super::draws::{Drawn, Draws};
use super::forms::{Chromatic, Geometric};
use super::{Ada, Transformations};
use crate::network::Fill;
use crate::network::augmentation_golden::{Case, Given, check};
use crate::objective::{Augment, Probability, SampleAugment};
use crate::random::Stream;
use crate::testing::{
    assert_close, for_each_autodiff_backend, for_each_backend, on_wgpu, tensor1, values,
};

/// A case's transformations, each made if p is above 0.
fn given(case: &Case) -> Draws {
    let drawn = |name: &str| case.of::<2>(name);
    let geometry = [
        ("x_flip", Geometric::XFlip),
        ("rotation_90", Geometric::Rotation90),
        ("integer_translation", Geometric::IntegerTranslation),
        ("isotropic_scaling", Geometric::IsotropicScaling),
        ("rotation", Geometric::Rotation),
        ("anisotropic_scaling", Geometric::AnisotropicScaling),
        ("rotation_after", Geometric::Rotation),
        ("fractional_translation", Geometric::FractionalTranslation),
    ];
    let colour = [
        ("brightness", Chromatic::Brightness),
        ("contrast", Chromatic::Contrast),
        ("luma_flip", Chromatic::LumaFlip),
        ("hue", Chromatic::Hue),
        ("saturation", Chromatic::Saturation),
    ];
    fn made<K>(kind: K, numbers: Vec<[f64; 2]>) -> Drawn<K> {
        Drawn {
            kind,
            above: vec![0.0; numbers.len()],
            numbers,
        }
    }
    let geometry = geometry.into_iter();
    let colour = colour.into_iter();
    Draws {
        geometry: geometry
            .filter_map(|(name, kind)| Some(made(kind, drawn(name)?)))
            .collect(),
        colour: colour
            .filter_map(|(name, kind)| Some(made(kind, drawn(name)?)))
            .collect(),
        noise: None,
        cutout: drawn("cutout").map(|numbers| made((), numbers)),
    }
}

/// With p here, or on the device.
struct Transformed {
    known: bool,
}

impl Given for Transformed {
    fn change<B: Backend>(&self, case: &Case, x: Tensor<B, 4>) -> Tensor<B, 4> {
        let strength = if self.known {
            Strength::Known(1.0)
        } else {
            Strength::OnDevice(tensor1([1.0]))
        };
        let stream = &mut Stream::new(1, "no noise");
        given(case).apply(x, &strength, case.fill(), stream)
    }
}

mod golden {
    use super::*;

    fn every_transformation_agrees_in_value_and_in_both_gradients<B: AutodiffBackend>() {
        for known in [true, false] {
            check::<B>("ada", &Transformed { known }, 1e-5);
        }
    }

    for_each_autodiff_backend!(every_transformation_agrees_in_value_and_in_both_gradients);
    on_wgpu!(Autodiff<Wgpu>; every_transformation_agrees_in_value_and_in_both_gradients);
}

/// In double precision, by burn's operations.
#[test]
fn every_transformation_agrees_to_nine_digits() {
    crate::testing::settle_precision();
    type Double = burn::backend::Autodiff<burn::backend::NdArray<f64>>;
    for known in [true, false] {
        check::<Double>("ada", &Transformed { known }, 1e-8);
    }
}

/// Images of whole numbers, all different.
fn numbered<B: Backend>(shape: [usize; 4]) -> Tensor<B, 4> {
    let count = shape.iter().product::<usize>();
    let numbers = (0..count).map(|i| i as f64 - 40.0).collect::<Vec<f64>>();
    tensor1::<B>(numbers).reshape(shape)
}

fn at<B: Backend>(p: f64) -> Vec<Tensor<B, 1>> {
    vec![tensor1([p]), tensor1([0.0])]
}

fn applied<B: Backend>(ada: &Ada, x: &Tensor<B, 4>, state: &[Tensor<B, 1>], seed: u64) -> Vec<f64> {
    values(ada.apply(x.clone(), state, &mut Stream::new(seed, "ada")))
}

fn flips_turns_and_whole_shifts_move_pixels_whole<B: Backend>() {
    for probability in [Probability::Fixed(1.0), Probability::adaptive(1e3)] {
        let ada = Ada::new(probability).with_transformations(Transformations::BLIT);
        for shape in [[40, 3, 8, 8], [40, 1, 6, 9]] {
            let x = numbered::<B>(shape);
            let before = values(x.clone());
            let after = applied(&ada, &x, &at(1.0), 3);
            let size = shape[1] * shape[2] * shape[3];
            let mut same = 0;
            for (before, after) in before.chunks(size).zip(after.chunks(size)) {
                // Not one number that was not there, bit for bit.
                assert!(
                    after.iter().all(|pixel| before.contains(pixel)),
                    "{after:?}"
                );
                same += usize::from(before == after);
            }
            assert!(same < 10, "{same} of 40 as they were");
        }
    }
}

fn p_on_the_device_and_p_here_are_one<B: Backend>() {
    let shape = [24, 3, 6, 6];
    let x = tensor1::<B>(
        (0..24 * 108)
            .map(|i| (0.37 * f64::from(i)).sin())
            .collect::<Vec<_>>(),
    );
    let x: Tensor<B, 4> = x.reshape(shape);
    let all = Transformations {
        noise: 1.0,
        ..Transformations::R3GAN
    };
    let draws = Draws::new(&all, 24, &mut Stream::new(5, "draws"));
    for p in [0.0, 0.3, 0.8, 1.0] {
        let [here, there] = [Strength::Known(p), Strength::OnDevice(tensor1([p]))].map(|p| {
            let stream = &mut Stream::new(6, "noise");
            values(draws.apply(x.clone(), &p, Fill::Reflect, stream))
        });
        assert_close(&here, &there, 1e-4, 1e-4);
        let as_it_was = here == values(x.clone());
        assert_eq!(as_it_was, p == 0.0, "at p = {p}");
    }
}

fn as_many_samples_are_transformed_as_p_says<B: Backend>() {
    let batch = 4_000;
    let only = |transformations: Transformations, p: f64| {
        let ada = Ada::new(Probability::Fixed(p)).with_transformations(transformations);
        let x = numbered::<B>([batch, 1, 2, 2]).mul_scalar(0.01);
        let before = values(x.clone());
        let after = applied(&ada, &x, &[], 9);
        let pairs = before.chunks(4).zip(after.chunks(4));
        pairs.filter(|(before, after)| before != after).count() as f64 / batch as f64
    };
    let none = Transformations::NONE;
    // Half of a coin's samples stay, a quarter of those that are turned; of two turns by an angle one
    // at least.
    for (transformations, p, expected) in [
        (
            Transformations {
                brightness: 1.0,
                ..none
            },
            0.3,
            0.3,
        ),
        (
            Transformations {
                brightness: 0.5,
                ..none
            },
            0.8,
            0.4,
        ),
        (
            Transformations {
                x_flip: 1.0,
                ..none
            },
            0.6,
            0.3,
        ),
        (
            Transformations {
                rotation_90: 1.0,
                ..none
            },
            0.8,
            0.6,
        ),
        (
            Transformations {
                rotation: 1.0,
                ..none
            },
            0.36,
            0.36,
        ),
        (
            Transformations {
                rotation: 0.5,
                ..none
            },
            1.0,
            0.5,
        ),
        (
            Transformations {
                luma_flip: 1.0,
                ..none
            },
            1.0,
            0.5,
        ),
        (Transformations { noise: 1.0, ..none }, 0.7, 0.7),
        (
            Transformations {
                hue: 1.0,
                saturation: 1.0,
                ..none
            },
            1.0,
            0.0,
        ),
    ] {
        let found = only(transformations, p);
        // Five standard errors, of at most √(¼/4,000).
        assert!(
            (found - expected).abs() <= 0.04,
            "{found} is not {expected}"
        );
    }
}

fn an_adaptive_one_starts_at_nothing<B: Backend>() {
    let ada = Ada::new(Probability::adaptive(1e3));
    let x = numbered::<B>([4, 3, 5, 5]);
    assert_eq!(applied(&ada, &x, &[], 1), values(x.clone()));
    assert_eq!(applied(&ada, &x, &at(0.0), 1), values(x.clone()));
    assert_ne!(applied(&ada, &x, &at(1.0), 1), values(x));
}

/// Half of a batch gets what it gets in the whole.
fn a_share_of_a_batch_is_transformed_as_in_the_whole<B: Backend>() {
    let ada = Ada::new(Probability::Fixed(0.7)).with_transformations(Transformations {
        noise: 1.0,
        ..Transformations::R3GAN
    });
    let x = numbered::<B>([8, 3, 4, 4]).mul_scalar(0.01);
    let stream = Stream::new(4, "ada");
    let whole = values(ada.apply(x.clone(), &[], &mut stream.clone()));
    let halves = (0..2).flat_map(|half| {
        let share = x.clone().narrow(0, 4 * half, 4);
        values(ada.apply(share, &[], &mut stream.for_share(half, 2)))
    });
    assert_close(&halves.collect::<Vec<_>>(), &whole, 1e-6, 1e-6);
}

for_each_backend!(
    flips_turns_and_whole_shifts_move_pixels_whole,
    p_on_the_device_and_p_here_are_one,
    as_many_samples_are_transformed_as_p_says,
    an_adaptive_one_starts_at_nothing,
    a_share_of_a_batch_is_transformed_as_in_the_whole,
    an_image_and_its_mask_stay_together,
);
on_wgpu!(
    Wgpu;
    flips_turns_and_whole_shifts_move_pixels_whole,
    p_on_the_device_and_p_here_are_one,
);

#[test]
fn draws_have_the_papers_distributions() {
    let batch = 5_000;
    let all = Transformations {
        noise: 1.0,
        ..Transformations::R3GAN
    };
    let draws = Draws::new(&all, batch, &mut Stream::new(3, "draws"));
    let moments = |numbers: &[[f64; 2]]| {
        let all = numbers.iter().flatten();
        let count = 2.0 * numbers.len() as f64;
        let mean = all.clone().sum::<f64>() / count;
        (mean, all.map(|x| x * x).sum::<f64>() / count)
    };
    let near = |numbers: &[[f64; 2]], mean: f64, square: f64| {
        let (m, s) = moments(numbers);
        // Of 10,000 numbers: at least five standard errors.
        assert!(
            (m - mean).abs() < 0.05 && (s - square).abs() < 0.08,
            "{m} {s}"
        );
    };
    assert_eq!(draws.geometry.len(), 8);
    for drawn in &draws.geometry {
        match drawn.kind {
            Geometric::XFlip | Geometric::Rotation90 => near(&drawn.numbers, 0.5, 1.0 / 3.0),
            Geometric::IntegerTranslation | Geometric::Rotation => {
                near(&drawn.numbers, 0.0, 1.0 / 3.0);
            }
            _ => near(&drawn.numbers, 0.0, 1.0),
        }
    }
    for drawn in &draws.colour {
        match drawn.kind {
            Chromatic::LumaFlip => near(&drawn.numbers, 0.5, 1.0 / 3.0),
            Chromatic::Hue => near(&drawn.numbers, 0.0, 1.0 / 3.0),
            _ => near(&drawn.numbers, 0.0, 1.0),
        }
    }
    near(&draws.noise.expect("on").numbers, 0.0, 1.0);
    near(&draws.cutout.expect("on").numbers, 0.5, 1.0 / 3.0);
}

#[test]
fn colours_are_for_pictures_that_have_them() {
    type B = crate::testing::Cpu;
    let ada = Ada::new(Probability::Fixed(1.0));
    let of = |channels| {
        let x = Tensor::<B, 4>::zeros([2, channels, 4, 4], &Default::default());
        let attempt = || applied(&ada, &x, &[], 1);
        crate::network::guard::quietly(attempt)
    };
    for channels in [1, 3, 4] {
        assert!(of(channels).is_ok(), "{channels}");
    }
    for channels in [2, 5] {
        let words = of(channels).expect_err("no colours");
        assert!(
            words.contains(&format!("images of {channels} channels")),
            "{words}"
        );
    }
    // Whatever the channels, pixels can be moved.
    let geometry = ada.with_transformations(Transformations::GEOMETRY);
    let x = Tensor::<B, 4>::ones([2, 7, 4, 4], &Default::default());
    assert_close(
        &applied(&geometry, &x, &[], 1),
        &[1.0; 2 * 7 * 16],
        1e-5,
        0.0,
    );
}

#[test]
fn wrong_settings_are_refused_by_name() {
    let with =
        |transformations| Ada::new(Probability::Fixed(0.5)).with_transformations(transformations);
    let none = Transformations::NONE;
    for (ada, field) in [
        (with(none), "ada.transformations.x_flip"),
        (
            with(Transformations { hue: 1.5, ..none }),
            "ada.transformations.hue",
        ),
        (
            with(Transformations {
                cutout: f64::NAN,
                ..none
            }),
            "ada.transformations.cutout",
        ),
        (Ada::new(Probability::Fixed(-0.1)), "ada.probability.fixed"),
        (
            Ada::new(Probability::adaptive(0.0)),
            "ada.probability.adaptive.samples",
        ),
        (
            Ada::new(Probability::Fixed(0.5)).with_fill(Fill::Value(f64::NAN)),
            "ada.fill.value",
        ),
    ] {
        let error = Augment::Ada(ada).validate().expect_err(field).to_string();
        assert!(error.contains(&format!("`{field}`")), "{error}");
    }
    Augment::ada(5e5).validate().expect("valid settings");
}

#[test]
fn settings_that_are_not_said_are_the_papers() {
    let read: Augment = serde_json::from_str(
        r#"{"ada":{"probability":{"fixed":0.3},"transformations":{"hue":0.0,"cutout":1.0}}}"#,
    )
    .expect("settings");
    let expected = Ada::new(Probability::Fixed(0.3)).with_transformations(Transformations {
        hue: 0.0,
        cutout: 1.0,
        ..Transformations::BGC
    });
    assert_eq!(read, Augment::Ada(expected));
    let slip = r#"{"ada":{"probability":{"fixed":0.3},"transformations":{"huw":0.0}}}"#;
    let error = serde_json::from_str::<Augment>(slip)
        .expect_err("a slip")
        .to_string();
    assert!(error.contains("did you mean `hue`"), "{error}");
}

/// An image and its mask, moved alike.
#[derive(Debug, Clone)]
struct Masked<B: Backend> {
    image: Tensor<B, 4>,
    mask: Tensor<B, 3>,
}
crate::impl_sample!(Masked { image, mask });

fn an_image_and_its_mask_stay_together<B: Backend>() {
    let image = numbered::<B>([16, 1, 6, 6]);
    let mask = image.clone().add_scalar(1_000.0).reshape([16, 6, 6]);
    let ada = Ada::new(Probability::Fixed(1.0)).with_transformations(Transformations::BLIT);
    let both = Masked { image, mask };
    let both = ada.apply(both, &[], &mut Stream::new(1, "both"));
    let image: Vec<f64> = values(both.image).iter().map(|x| x + 1_000.0).collect();
    assert_eq!(values(both.mask), image);
}
