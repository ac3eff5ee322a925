//! A penalty of your own: a term beside the adversarial loss.
//!
//! `cargo run --release --example own_penalty`

use burn_gan::data::Mixture;
use burn_gan::models::{
    MlpDiscriminator, MlpDiscriminatorConfig, MlpGenerator, MlpGeneratorConfig,
};
use burn_gan::network::Network;
use burn_gan::objective::{CostTerm, Memory, Pass, TermInfo};
use burn_gan::prelude::*;

/// Keeps real logits near 0, as progressive growing does: E D(x)².
#[derive(Debug)]
struct Drift;

impl TermInfo for Drift {
    fn name(&self) -> &str {
        "drift"
    }

    fn acts_on(&self, network: Network) -> bool {
        network == Network::Discriminator
    }
}

impl<P: Pair> CostTerm<P> for Drift {
    fn value(
        &self,
        pass: &Pass<'_, P>,
        _noise: &mut Stream,
        _memory: &mut Memory<P::Backend>,
    ) -> Tensor<P::Backend, 1> {
        pass.real.logits().clone().square().mean()
    }
}

fn main() -> burn_gan::Result<()> {
    type B = Autodiff<Flex>;
    type Networks = Gan<MlpGenerator<B, 2>, MlpDiscriminator<B, 2>, B>;
    let device = Default::default();
    let generator = MlpGeneratorConfig::new(4, [2]).init(&device)?;
    let discriminator = MlpDiscriminatorConfig::new([2]).init(&device)?;
    let gan = Networks::seeded(generator, discriminator, 1, &device);
    let points = Mixture::ring().sample(1_000, &mut Stream::new(1, "points"));
    let data = MemoryDataset::<2>::new(points, [2])?;
    let objective = Objective::wgan_gp().with_term(Term::custom::<Networks>(1e-3, Drift));
    let config = TrainerConfig::new(100, 64, Latent::normal(4))
        .with_seed(1)
        .with_objective(objective);
    let run = Trainer::new(config, &device)?
        .observe(Rhythm::Every(1), Progress::new())
        .run(gan, &data)?;
    println!("{} steps with a custom penalty", run.state.step);
    Ok(())
}
