//! Two networks of your own, trained on points of the plane.
//!
//! `cargo run --release --example own_networks`

use burn_gan::data::Mixture;
use burn_gan::nn::{Linear, LinearConfig};
use burn_gan::prelude::*;

#[derive(Module, Debug)]
struct Forger<B: Backend> {
    hidden: Linear<B>,
    output: Linear<B>,
}

impl<B: Backend> Generator<B> for Forger<B> {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn generate(&self, latent: Tensor<B, 2>, _condition: &()) -> Tensor<B, 2> {
        self.output.forward(self.hidden.forward(latent).tanh())
    }
}

#[derive(Module, Debug)]
struct Policeman<B: Backend> {
    hidden: Linear<B>,
    output: Linear<B>,
}

impl<B: Backend> Discriminator<B> for Policeman<B> {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn discriminate(&self, sample: Tensor<B, 2>, _condition: &()) -> Verdict<B> {
        let hidden = self.hidden.forward(sample).tanh();
        self.output.forward(hidden).into()
    }
}

fn main() -> burn_gan::Result<()> {
    let device = Default::default();
    let layer = |from, to| LinearConfig::new(from, to).init::<Autodiff<Flex>>(&device);
    let forger = Forger {
        hidden: layer(4, 64),
        output: layer(64, 2),
    };
    let policeman = Policeman {
        hidden: layer(2, 64),
        output: layer(64, 1),
    };
    let gan = Gan::seeded(forger, policeman, 1, &device);
    let points = Mixture::ring().sample(1_000, &mut Stream::new(1, "points"));
    let data = MemoryDataset::<2>::new(points, [2])?;
    let config = TrainerConfig::new(300, 64, Latent::normal(4)).with_seed(1);
    let run = Trainer::new(config, &device)?
        .observe(Rhythm::Every(1), Progress::new())
        .run(gan, &data)?;
    println!("{} steps, in state {}", run.state.step, run.state.digest());
    Ok(())
}
