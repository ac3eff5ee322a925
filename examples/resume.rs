//! A run that goes on where it was stopped: press Ctrl-C, and start it again.
//!
//! `cargo run --release --example resume`

use burn_gan::data::Mixture;
use burn_gan::models::{MlpDiscriminatorConfig, MlpGeneratorConfig};
use burn_gan::prelude::*;
use burn_gan::train::Interrupt;

fn main() -> burn_gan::Result<()> {
    type B = Autodiff<Flex>;
    let device = Default::default();
    let generator = MlpGeneratorConfig::new(4, [2]).init::<B, 2>(&device)?;
    let discriminator = MlpDiscriminatorConfig::new([2]).init::<B, 2>(&device)?;
    let gan = Gan::seeded(generator, discriminator, 1, &device);
    let points = Mixture::ring().sample(1_000, &mut Stream::new(1, "points"));
    let data = MemoryDataset::<2>::new(points, [2])?;

    // One folder for each run; the next start finds the newest checkpoint in it.
    let checkpoints = Checkpoints::new("runs/resume")
        .every(100)
        .start(Start::Resume);
    let config = TrainerConfig::new(500, 64, Latent::normal(4)).with_seed(1);
    let run = Trainer::new(config, &device)?
        .with_checkpoints(checkpoints)
        .stop_on(&Interrupt::on_signals()?)
        .observe(Rhythm::Every(1), Progress::new())
        .run(gan, &data)?;
    // The same digest, however often the run was stopped on the way.
    println!("step {}, in state {}", run.state.step, run.state.digest());
    std::process::exit(run.exit_code().into());
}
