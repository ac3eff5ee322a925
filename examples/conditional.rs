//! Points of the class that is asked for: both networks are conditioned on labels.
//!
//! `cargo run --release --example conditional`

use burn_gan::data::Mixture;
use burn_gan::models::{MlpDiscriminatorConfig, MlpGeneratorConfig};
use burn_gan::network::ConditionRule;
use burn_gan::prelude::*;

const CLASSES: usize = 8;

fn main() -> burn_gan::Result<()> {
    type B = Autodiff<Flex>;
    let device = Default::default();
    let generator = MlpGeneratorConfig::new(4, [2]).init_conditional::<B, 2>(CLASSES, &device)?;
    let discriminator =
        MlpDiscriminatorConfig::new([2]).init_conditional::<B, 2>(CLASSES, &device)?;
    let gan = Gan::seeded(generator, discriminator, 1, &device);

    // A point's label is the mode of the ring that it lies at.
    let points = Mixture::ring().sample(2_000, &mut Stream::new(1, "points"));
    let eighth = |point: &[f32]| {
        let turn = point[1].atan2(point[0]) / std::f32::consts::TAU;
        (turn * CLASSES as f32).round().rem_euclid(CLASSES as f32) as usize
    };
    let labels = points.chunks_exact(2).map(eighth).collect();
    let data = MemoryDataset::<2>::new(points, [2])?.with_labels(labels, CLASSES)?;

    let latent = Latent::normal(4);
    let config = TrainerConfig::new(400, 64, latent.clone())
        .with_seed(1)
        .with_conditions(ConditionRule::Uniform);
    let run = Trainer::new(config, &device)?
        .observe(Rhythm::Every(1), Progress::new())
        .run(gan, &data)?;

    let asked: Vec<usize> = (0..CLASSES).collect();
    let asked = Labels::from_slice(&asked, CLASSES, &device)?;
    let z = latent.draw(CLASSES, &mut Stream::new(1, "samples"), &device);
    println!(
        "one point of each class: {}",
        run.state.sampler().generate(z, &asked)
    );
    Ok(())
}
