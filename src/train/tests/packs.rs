//! Stock networks that are conditioned, in packs.

use burn::backend::Autodiff;
use burn::tensor::backend::AutodiffBackend;

use crate::data::{Dataset, LabelledDataset, MemoryDataset};
use crate::models::{
    DcganDiscriminatorConfig, DcganGeneratorConfig, MlpDiscriminatorConfig, MlpGeneratorConfig,
};
use crate::network::{Packed, Vectors};
use crate::objective::{Loss, Objective, Term};
use crate::pair::Pair;
use crate::random::Stream;
use crate::testing::{Cpu, for_each_autodiff_backend, parameters};
use crate::train::{Trainer, TrainerConfig};
use crate::{Gan, Latent, Result};

/// The weights move in two steps and stay finite.
fn trains<P: Pair>(
    pair: P,
    data: &impl Dataset<P::Backend, Sample = P::Sample, Condition = P::Condition>,
) {
    let device = Default::default();
    let gan = pair.into_gan();
    let before = parameters::<P::Backend, _>(&gan.discriminator);
    let config = TrainerConfig::new(2, 6, Latent::normal(3))
        // Without a pairing: in it, a condition that real and generated samples share may cancel.
        .with_objective(Objective::new(Loss::NonSaturating).with_term(Term::r1(0.1)))
        .with_seed(1);
    let trainer = Trainer::new(config, &device).expect("valid settings");
    let run = trainer.run(gan, data).expect("a run");
    let after = parameters::<P::Backend, _>(&run.state.gan.discriminator);
    assert!(after.iter().flatten().all(|w| w.is_finite()));
    // The first is the embedding of the conditions.
    assert_ne!(after[0], before[0]);
}

fn points() -> MemoryDataset<2> {
    let points = Stream::new(1, "points").normal(24);
    MemoryDataset::new(points, [2]).expect("points")
}

fn images() -> MemoryDataset<4> {
    let pixels = Stream::new(2, "pixels").uniform(12 * 64, -1.0, 1.0);
    MemoryDataset::new(pixels, [1, 8, 8]).expect("images")
}

fn labelled<const R: usize>(data: MemoryDataset<R>) -> LabelledDataset<R> {
    let labels = (0..12).map(|i| i % 3).collect();
    data.with_labels(labels, 3).expect("labels")
}

/// Points with vectors of two numbers.
struct Attributes;

impl<B: burn::tensor::backend::Backend> Dataset<B> for Attributes {
    type Sample = burn::tensor::Tensor<B, 2>;
    type Condition = Vectors<B>;

    fn len(&self) -> usize {
        12
    }

    fn batch(
        &self,
        indices: &[usize],
        device: &B::Device,
    ) -> Result<(Self::Sample, Self::Condition)> {
        let (points, ()) = points().batch(indices, device)?;
        Ok((points.clone(), Vectors::new(points.mul_scalar(2.0))))
    }
}

fn a_conditional_mlp_trains_in_packs<B: AutodiffBackend>() {
    let device = Default::default();
    let generator = MlpGeneratorConfig::new(3, [2]).with_hidden([4]);
    let discriminator = MlpDiscriminatorConfig::new([2]).with_hidden([4]);
    for pack in [2, 3] {
        let inner = discriminator.clone().with_pack(pack);
        trains(
            Gan::<_, _, B>::seeded(
                generator.init_conditional(3, &device).expect("settings"),
                Packed::<B, _>::new(inner.init_conditional(3, &device).expect("settings"), pack),
                5,
                &device,
            ),
            &labelled(points()),
        );
        trains(
            Gan::<_, _, B>::seeded(
                generator.init_on_vectors(2, &device).expect("settings"),
                Packed::<B, _>::new(inner.init_on_vectors(2, &device).expect("settings"), pack),
                5,
                &device,
            ),
            &Attributes,
        );
    }
}

for_each_autodiff_backend!(a_conditional_mlp_trains_in_packs);

#[test]
fn a_conditional_dcgan_trains_in_packs() {
    type B = Autodiff<Cpu>;
    let device = Default::default();
    let generator = DcganGeneratorConfig::new(3, [1, 8, 8]).with_width(2);
    let inner = DcganDiscriminatorConfig::new([1, 8, 8])
        .with_width(2)
        .with_batch_norm(false)
        .with_pack(3);
    let inner = inner.init_conditional::<B>(3, &device).expect("settings");
    trains(
        Gan::<_, _, B>::seeded(
            generator.init_conditional(3, &device).expect("settings"),
            Packed::<B, _>::new(inner, 3),
            5,
            &device,
        ),
        &labelled(images()),
    );
}
