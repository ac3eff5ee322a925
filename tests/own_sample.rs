//! A sample type of a program's own, by the public API alone: a struct of two tensors trains like one
//! tensor with the same numbers, whether the trait is implemented by the macro or by hand.

use burn_gan::burn;
use burn_gan::burn::backend::{Autodiff, Flex};
use burn_gan::burn::module::Module;
use burn_gan::burn::tensor::backend::{AutodiffBackend, Backend};
use burn_gan::burn::tensor::{Tensor, TensorData};
use burn_gan::data::{Dataset, MemoryDataset};
use burn_gan::models::{
    MlpDiscriminator, MlpDiscriminatorConfig, MlpGenerator, MlpGeneratorConfig,
};
use burn_gan::network::{Augmentation, Discriminator, Generator, Packed, Sample, Verdict};
use burn_gan::objective::r1;
use burn_gan::objective::{Loss, Objective, SecondOrder, Term};
use burn_gan::random::Stream;
use burn_gan::train::{History, Rhythm, Trainer, TrainerConfig};
use burn_gan::{Gan, Latent, Result};

type B = Autodiff<Flex>;

/// Points of the plane, each with a mark.
#[derive(Debug, Clone)]
pub struct Marked<B: Backend> {
    /// `[batch, 2]`.
    point: Tensor<B, 2>,
    /// `[batch, 1, 1]`.
    mark: Tensor<B, 3>,
}

burn_gan::impl_sample!(Marked { point, mark });

/// The same by the seven methods that have no body.
#[derive(Debug, Clone)]
pub struct ByHand<B: Backend> {
    point: Tensor<B, 2>,
    mark: Tensor<B, 3>,
}

impl<B: Backend> Sample<B> for ByHand<B> {
    type Lifted = ByHand<Autodiff<B>>;
    type Inner
        = ByHand<B::InnerBackend>
    where
        B: AutodiffBackend;

    fn lift(self) -> Self::Lifted {
        ByHand {
            point: self.point.lift(),
            mark: self.mark.lift(),
        }
    }

    fn into_inner(self) -> Self::Inner
    where
        B: AutodiffBackend,
    {
        ByHand {
            point: self.point.inner(),
            mark: self.mark.inner(),
        }
    }

    fn from_inner(inner: Self::Inner) -> Self
    where
        B: AutodiffBackend,
    {
        ByHand {
            point: Tensor::from_inner(inner.point),
            mark: Tensor::from_inner(inner.mark),
        }
    }

    fn leaf(self) -> Self
    where
        B: AutodiffBackend,
    {
        ByHand {
            point: self.point.leaf(),
            mark: self.mark.leaf(),
        }
    }

    fn take_gradient(&self, gradients: &mut B::Gradients) -> Option<Self::Inner>
    where
        B: AutodiffBackend,
    {
        // The discriminator below reads both.
        Some(ByHand {
            point: self.point.grad_remove(gradients)?,
            mark: self.mark.grad_remove(gradients)?,
        })
    }

    fn rows(self) -> Tensor<B, 2> {
        Tensor::cat(vec![self.point, self.mark.flatten(1, 2)], 1)
    }

    fn with_rows(&self, rows: Tensor<B, 2>) -> Self {
        let batch = rows.dims()[0];
        ByHand {
            point: rows.clone().narrow(1, 0, 2),
            mark: rows.narrow(1, 2, 1).reshape([batch, 1, 1]),
        }
    }
}

/// From three numbers a sample, and back.
trait Three<B: Backend>: Sample<B> {
    fn of(rows: Tensor<B, 2>) -> Self;
}

type Whole<B> = Tensor<B, 2>;

impl<B: Backend> Three<B> for Whole<B> {
    fn of(rows: Tensor<B, 2>) -> Self {
        rows
    }
}

macro_rules! of_two {
    ($name:ident) => {
        impl<B: Backend> Three<B> for $name<B> {
            fn of(rows: Tensor<B, 2>) -> Self {
                let batch = rows.dims()[0];
                $name {
                    point: rows.clone().narrow(1, 0, 2),
                    mark: rows.narrow(1, 2, 1).reshape([batch, 1, 1]),
                }
            }
        }
    };
}
of_two!(Marked);
of_two!(ByHand);

/// What is compared: logits of the trained discriminator, samples of the trained generator, and the
/// penalties of all steps.
struct Trained {
    logits: Vec<f64>,
    samples: Vec<f64>,
    penalties: Vec<f64>,
}

fn numbers<B: Backend, const R: usize>(tensor: Tensor<B, R>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}

fn points(count: usize, seed: u64) -> Tensor<B, 2> {
    let numbers = Stream::new(seed, "points").normal(3 * count);
    Tensor::from_data(TensorData::new(numbers, [count, 3]), &Default::default())
}

/// The same two networks and the same data for a sample type.
macro_rules! pair {
    ($module:ident, $sample:ident) => {
        mod $module {
            use super::*;

            #[derive(Module, Debug)]
            pub struct Draws<B: Backend> {
                mlp: MlpGenerator<B, 2>,
            }

            impl<B: Backend> Generator<B> for Draws<B> {
                type Sample = $sample<B>;
                type Condition = ();

                fn generate(&self, latent: Tensor<B, 2>, _condition: &()) -> $sample<B> {
                    Three::of(self.mlp.generate(latent, &()))
                }
            }

            #[derive(Module, Debug)]
            pub struct Judges<B: Backend> {
                mlp: MlpDiscriminator<B, 2>,
            }

            impl<B: Backend> Discriminator<B> for Judges<B> {
                type Sample = $sample<B>;
                type Condition = ();

                fn discriminate(&self, sample: $sample<B>, _condition: &()) -> Verdict<B> {
                    self.mlp.discriminate(Sample::rows(sample), &())
                }
            }

            struct Data(MemoryDataset<2>);

            impl Dataset<B> for Data {
                type Sample = $sample<B>;
                type Condition = ();

                fn len(&self) -> usize {
                    Dataset::<B>::len(&self.0)
                }

                fn batch(
                    &self,
                    indices: &[usize],
                    device: &<B as burn::tensor::backend::BackendTypes>::Device,
                ) -> Result<($sample<B>, ())> {
                    let (rows, ()) = Dataset::<B>::batch(&self.0, indices, device)?;
                    Ok((Three::of(rows), ()))
                }
            }

            pub fn networks() -> Result<Gan<Draws<B>, Judges<B>, B>> {
                let device = Default::default();
                let generator = MlpGeneratorConfig::new(4, [3]).with_hidden([8]);
                let discriminator = MlpDiscriminatorConfig::new([3])
                    .with_hidden([8])
                    .with_activation(burn_gan::nn::Activation::Tanh);
                let draws = Draws {
                    mlp: generator.init(&device)?,
                };
                let judges = Judges {
                    mlp: discriminator.init(&device)?,
                };
                Ok(Gan::seeded(draws, judges, 3, &device))
            }

            pub(super) fn train(objective: Objective) -> Result<Trained> {
                let device = Default::default();
                let numbers_of_data = Stream::new(2, "data").uniform(3 * 2_000, -1.0, 1.0);
                let data = Data(MemoryDataset::new(numbers_of_data, [3])?);
                let config = TrainerConfig::new(8, 16, Latent::normal(4))
                    .with_objective(objective)
                    .with_seed(3);
                let mut history = History::new();
                let run = Trainer::new(config, &device)?
                    .observe(Rhythm::Every(1), &mut history)
                    .run(networks()?, &data)?;
                let gan = run.state.gan;
                let verdict = gan.discriminator.discriminate(Three::of(points(5, 1)), &());
                let latent = Latent::normal(4).draw(5, &mut Stream::new(1, "z"), &device);
                let readings = history.readings().iter();
                Ok(Trained {
                    logits: numbers(verdict.logits),
                    samples: numbers(Sample::rows(gan.generator.generate(latent, &()))),
                    penalties: readings
                        .filter_map(|reading| {
                            let terms = reading.get("discriminator_terms");
                            terms.or(reading.get("generator_terms"))
                        })
                        .collect(),
                })
            }

            /// R1 of the untrained discriminator.
            pub fn r1_of_points() -> Result<f64> {
                let gan = networks()?;
                let penalty = r1::<B, _>(&gan.discriminator, Three::of(points(6, 4)), &());
                Ok(numbers(penalty)[0])
            }
        }
    };
}

pair!(whole, Whole);
pair!(marked, Marked);
pair!(by_hand, ByHand);

fn assert_close(what: &str, found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    assert!(!found.is_empty(), "{what}");
    for (f, e) in found.iter().zip(expected) {
        let bound = 1e-5 + 1e-4 * e.abs();
        assert!((f - e).abs() <= bound, "{what}: {f} is not {e}");
    }
}

fn objectives() -> Vec<(&'static str, Objective)> {
    let with = |term| Objective::new(Loss::NonSaturating).with_term(term);
    let noise = Augmentation::Noise { std: 0.1 };
    let differences = with(Term::r1(0.5));
    let differences = differences.with_second_order(SecondOrder::finite_differences());
    vec![
        ("r1", with(Term::r1(0.5))),
        ("r1 by differences", differences),
        ("wgan-gp", Objective::wgan_gp()),
        ("dragan", with(Term::dragan(1.0))),
        ("r3gan", Objective::r3gan(0.1)),
        ("path length", with(Term::path_length(0.5))),
        ("diversity", with(Term::latent_diversity(0.5, 0.1))),
        ("consistency", with(Term::balanced_consistency(0.5, noise))),
    ]
}

#[test]
fn a_struct_of_two_tensors_trains_like_one_tensor() -> Result<()> {
    for (name, objective) in objectives() {
        let expected = whole::train(objective.clone())?;
        for (how, found) in [
            ("by the macro", marked::train(objective.clone())?),
            ("by hand", by_hand::train(objective.clone())?),
        ] {
            let what = |part: &str| format!("{name} {how}: {part}");
            assert_close(&what("penalties"), &found.penalties, &expected.penalties);
            assert_close(&what("logits"), &found.logits, &expected.logits);
            assert_close(&what("samples"), &found.samples, &expected.samples);
        }
    }
    Ok(())
}

#[test]
fn a_gradient_penalty_goes_over_the_numbers_of_both_tensors() -> Result<()> {
    let expected = whole::r1_of_points()?;
    assert!(expected > 1e-4, "{expected}");
    for found in [marked::r1_of_points()?, by_hand::r1_of_points()?] {
        assert!(
            (found - expected).abs() <= 1e-6 * expected,
            "{found} is not {expected}"
        );
    }
    Ok(())
}

#[test]
fn every_operation_is_that_of_the_joined_tensor() {
    fn check<S: Three<B>>() {
        let (x, y) = (points(4, 5), points(4, 6));
        let of = |rows: &Tensor<B, 2>| S::of(rows.clone());
        let weights = Tensor::<B, 1>::from_floats([0.5, -1.0, 2.0, 0.0], &Default::default());
        let w = || weights.clone();
        let rows = |sample: S| numbers(sample.rows());
        let close = |found: Vec<f64>, expected: Vec<f64>| assert_close("", &found, &expected);

        assert_eq!(of(&x).shape(), [4, 3]);
        assert_eq!(of(&x).batch_size(), 4);
        close(
            numbers(of(&x).squared_norms()),
            numbers(Sample::squared_norms(x.clone())),
        );
        close(
            numbers(of(&x).dot(of(&y))),
            numbers(Sample::dot(x.clone(), y.clone())),
        );
        close(numbers(of(&x).spread()), numbers(Sample::spread(&x)));
        close(
            rows(of(&x).add_scaled(of(&y), w())),
            numbers(Sample::add_scaled(x.clone(), y.clone(), w())),
        );
        close(
            rows(of(&x).interpolate(of(&y), w())),
            numbers(Sample::interpolate(x.clone(), y.clone(), w())),
        );
        for (found, expected) in of(&x)
            .extremes()
            .into_iter()
            .zip(Sample::extremes(x.clone()))
        {
            close(numbers(found), numbers(expected));
        }
        let draw = || Stream::new(7, "noise");
        close(
            rows(of(&x).standard_normal_like(&mut draw())),
            numbers(Sample::standard_normal_like(&x, &mut draw())),
        );
        close(
            rows(of(&x).narrow(1, 2)),
            numbers(Tensor::narrow(x.clone(), 0, 1, 2)),
        );
        let indices = || Tensor::from_ints([3, 1, 1], &Default::default());
        close(
            rows(of(&x).select(indices())),
            numbers(Tensor::select(x.clone(), 0, indices())),
        );
        close(
            rows(S::concatenate(vec![of(&x), of(&y)])),
            numbers(Tensor::cat(vec![x.clone(), y.clone()], 0)),
        );
        close(rows(of(&x).detach()), numbers(x.clone()));
    }
    check::<Whole<B>>();
    check::<Marked<B>>();
    check::<ByHand<B>>();
}

#[test]
fn what_nothing_depends_on_has_no_gradient() {
    let sample = || Marked::of(points(3, 8)).leaf();
    let leaf = sample();
    let mut gradients = leaf.point.clone().square().sum().backward();
    let gradient = leaf.take_gradient(&mut gradients).expect("of the points");
    assert_eq!(
        numbers(gradient.point),
        numbers(leaf.point.clone().mul_scalar(2.0))
    );
    assert_eq!(numbers(gradient.mark), [0.0; 3]);
    let (one, other) = (sample(), sample());
    let mut gradients = one.mark.clone().sum().backward();
    assert!(other.take_gradient(&mut gradients).is_none());
}

/// An image and its mask.
#[derive(Debug, Clone)]
struct Masked<B: Backend> {
    image: Tensor<B, 4>,
    mask: Tensor<B, 3>,
}

burn_gan::impl_sample!(Masked { image, mask });

#[test]
fn an_image_and_its_mask_are_shifted_and_mirrored_alike() {
    let pixels = Stream::new(3, "pixels").uniform(16 * 36, -1.0, 1.0);
    let device = Default::default();
    let mask = Tensor::<Flex, 3>::from_data(TensorData::new(pixels, [16, 6, 6]), &device);
    let sample = Masked {
        image: mask.clone().reshape([16, 1, 6, 6]),
        mask: mask.clone(),
    };
    let change = Augmentation::Images {
        shift: 2,
        flip: true,
        fill: Default::default(),
    };
    let mut stream = Stream::new(4, "augmentation");
    let changed = sample.augment(&change, &mut stream);
    assert_eq!(numbers(changed.image), numbers(changed.mask.clone()));
    assert_ne!(numbers(changed.mask), numbers(mask.clone()));
    // The stream has moved as for one of them.
    let mut alone = Stream::new(4, "augmentation");
    Sample::augment(mask, &change, &mut alone);
    assert_eq!(stream, alone);
}

#[test]
fn packs_are_made_in_each_field() {
    let sample = || Masked::<Flex> {
        image: Tensor::ones([6, 2, 4, 4], &Default::default()),
        mask: Tensor::ones([6, 4, 4], &Default::default()),
    };
    let packed = sample().pack(3);
    assert_eq!(packed.image.dims(), [2, 6, 4, 4]);
    assert_eq!(packed.mask.dims(), [2, 12, 4]);

    /// Judges by the first dimension after the batch.
    #[derive(Module, Debug)]
    struct Widths<B: Backend> {
        backend: std::marker::PhantomData<B>,
    }
    impl<B: Backend> Discriminator<B> for Widths<B> {
        type Sample = Masked<B>;
        type Condition = ();

        fn discriminate(&self, sample: Masked<B>, _condition: &()) -> Verdict<B> {
            let [batch, channels, ..] = sample.image.dims();
            let device = sample.image.device();
            Verdict::from(Tensor::full([batch, 1], channels as f64, &device))
        }
    }
    let judge = Widths::<Flex> {
        backend: std::marker::PhantomData,
    };
    let logits = Packed::new(judge, 2).discriminate(sample(), &()).logits;
    assert_eq!(numbers(logits), [4.0; 3]);
}
