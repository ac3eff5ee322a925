//! Samples from a generator that was saved to a file.
//!
//! `cargo run --release --example saved`

use burn_gan::data::Mixture;
use burn_gan::models::{MlpDiscriminatorConfig, MlpGeneratorConfig, SavedGenerator};
use burn_gan::prelude::*;
use burn_gan::sampling::Sampler;

fn main() -> burn_gan::Result<()> {
    type B = Autodiff<Flex>;
    let device = Default::default();
    let latent = Latent::normal(4);
    let settings = MlpGeneratorConfig::new(4, [2]);
    let generator = settings.init::<B, 2>(&device)?;
    let discriminator = MlpDiscriminatorConfig::new([2]).init::<B, 2>(&device)?;
    let gan = Gan::seeded(generator, discriminator, 1, &device);
    let points = Mixture::ring().sample(1_000, &mut Stream::new(1, "points"));
    let data = MemoryDataset::<2>::new(points, [2])?;
    let config = TrainerConfig::new(200, 64, latent.clone()).with_seed(1);
    let run = Trainer::new(config, &device)?.run(gan, &data)?;

    let path = "runs/saved/generator.gan";
    SavedGenerator::save(path, &settings, &latent, run.state.sampler())?;

    // Another program needs the file alone, and not to know which network is in it.
    let mut sampler = Sampler::<Flex>::open(path, &device)?.with_seed(7);
    for point in sampler.draw(10)?.rows() {
        println!("{:7.3} {:7.3}", point[0], point[1]);
    }
    Ok(())
}
