//! A loss of your own: three functions of a logit.
//!
//! `cargo run --release --example own_loss`

use burn_gan::data::Mixture;
use burn_gan::models::{MlpDiscriminatorConfig, MlpGeneratorConfig};
use burn_gan::objective::{AdversarialLoss, softplus};
use burn_gan::prelude::*;

/// The non-saturating loss at a temperature: logits are divided by it.
#[derive(Debug)]
struct Tempered(f64);

impl<B: Backend> AdversarialLoss<B> for Tempered {
    fn real(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        softplus(-logits.mul_scalar(1.0 / self.0))
    }

    fn fake(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        softplus(logits.mul_scalar(1.0 / self.0))
    }

    fn generator(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        AdversarialLoss::<B>::real(self, logits)
    }
}

fn main() -> burn_gan::Result<()> {
    type B = Autodiff<Flex>;
    let device = Default::default();
    let generator = MlpGeneratorConfig::new(4, [2]).init::<B, 2>(&device)?;
    let discriminator = MlpDiscriminatorConfig::new([2]).init::<B, 2>(&device)?;
    let gan = Gan::seeded(generator, discriminator, 1, &device);
    let points = Mixture::ring().sample(1_000, &mut Stream::new(1, "points"));
    let data = MemoryDataset::<2>::new(points, [2])?;

    // The name stands for the loss in stored settings.
    let loss = Loss::custom::<B>("tempered", Tempered(2.0));
    let config = TrainerConfig::new(100, 64, Latent::normal(4))
        .with_seed(1)
        .with_objective(Objective::new(loss).with_term(Term::r1(0.05)));
    let run = Trainer::new(config, &device)?
        .observe(Rhythm::Every(1), Progress::new())
        .run(gan, &data)?;
    println!("{} steps under a custom loss", run.state.step);
    Ok(())
}
