//! Batch norms whose statistics stay from a step on.

use burn::module::AutodiffModule;
use burn::tensor::backend::AutodiffBackend;

use super::networks::{Normed, Restless, restless};
use crate::data::{MemoryDataset, Mixture};
use crate::random::Stream;
use crate::testing::{for_each_autodiff_backend, parameters};
use crate::train::{Trainer, TrainerConfig};
use crate::{Gan, Latent};

type Networks<B> = Gan<Normed<B>, Restless<B>, B>;

/// Means and variances of both networks' norms, and the weights before them.
fn found<B: AutodiffBackend>(gan: &Networks<B>) -> (Vec<Vec<f64>>, Vec<Vec<f64>>) {
    // A linear layer, a norm (γ, β, mean, variance), a linear layer each.
    let generator = parameters::<B::InnerBackend, _>(&gan.generator.valid());
    let discriminator = parameters::<B::InnerBackend, _>(&gan.discriminator.valid());
    let behind = discriminator.len() - 4;
    let statistics = [&generator[4..6], &discriminator[behind..behind + 2]].concat();
    (statistics, [&generator[..2], &discriminator[..2]].concat())
}

fn statistics_stay_from_the_step_that_was_said<B: AutodiffBackend>() {
    let device = Default::default();
    let points = Mixture::ring().sample(64, &mut Stream::new(5, "points"));
    let points = MemoryDataset::<2>::new(points, [2]).expect("pairs of numbers");
    let after = |steps: u64, frozen: Option<u64>| {
        let mut config = TrainerConfig::new(steps, 8, Latent::normal(3)).with_seed(2);
        config.frozen_batch_norm = frozen;
        let trainer = Trainer::<Networks<B>>::new(config, &device).expect("valid settings");
        let run = trainer.run(restless(1, 6), &points).expect("a run");
        found(&run.state.gan)
    };
    let (then, weights) = after(3, None);
    let (frozen, frozen_weights) = after(6, Some(3));
    assert_eq!(frozen, then);
    assert!(frozen_weights != weights);
    let (moved, moved_weights) = after(6, None);
    assert!((0..4).all(|place| moved[place] != then[place]));
    assert!(moved_weights != frozen_weights);
    // Later than the run's end is never.
    assert_eq!(after(3, Some(3)), (then, weights));
}

for_each_autodiff_backend!(statistics_stay_from_the_step_that_was_said);

#[test]
fn statistics_that_nobody_has_learnt_are_not_kept() {
    let config = TrainerConfig::new(3, 8, Latent::normal(3)).with_frozen_batch_norm(0);
    let error = config.validate().expect_err("no statistics").to_string();
    assert!(error.contains("`frozen_batch_norm` = 0"), "{error}");
}
