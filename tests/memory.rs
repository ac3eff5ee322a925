//! Ten thousand steps with every penalty keep memory flat: no graph outlives its step.
//!
//! Reads Linux's `/proc`; elsewhere there is nothing to read and nothing to check.
#![cfg(target_os = "linux")]

use burn_gan::burn::backend::{Autodiff, Flex};
use burn_gan::data::{MemoryDataset, Mixture};
use burn_gan::models::{
    MlpDiscriminator, MlpDiscriminatorConfig, MlpGenerator, MlpGeneratorConfig,
};
use burn_gan::network::Augmentation;
use burn_gan::network::Network;
use burn_gan::objective::{Loss, Objective, Pairing, SecondOrder, Term};
use burn_gan::random::Stream;
use burn_gan::train::observe_fn;
use burn_gan::train::{Rhythm, StepEvent, Trainer, TrainerConfig};
use burn_gan::{Gan, Latent};

type B = Autodiff<Flex>;
type Event<'a> = StepEvent<'a, Gan<MlpGenerator<B, 2>, MlpDiscriminator<B, 2>, B>>;

/// Resident memory in MiB.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has /proc");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1));
    kib.and_then(|kib| kib.parse::<f64>().ok())
        .expect("resident memory in kB")
        / 1024.0
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Trains a small pair for ten thousand steps and compares its memory early and late.
fn memory_stays_flat(objective: Objective) {
    let device = Default::default();
    let ring = Mixture::ring().sample(1_000, &mut Stream::new(1, "ring"));
    let data = MemoryDataset::<2>::new(ring, [2]).expect("pairs of numbers");
    let gan = Gan::<_, _, B>::seeded(
        MlpGeneratorConfig::new(4, [2])
            .with_hidden([16])
            .init(&device)
            .expect("valid settings"),
        MlpDiscriminatorConfig::new([2])
            .with_hidden([16])
            .init(&device)
            .expect("valid settings"),
        1,
        &device,
    );
    let config = TrainerConfig::new(10_000, 16, Latent::normal(4)).with_objective(objective);
    let mut memory = Vec::new();
    Trainer::new(config, &device)
        .expect("valid settings")
        .observe(
            Rhythm::Every(10),
            observe_fn(|event: &Event<'_>| {
                memory.push((event.step, resident()));
                Ok(())
            }),
        )
        .run(gan, &data)
        .expect("a run");

    let between = |from: u64, to: u64| {
        let inside = memory.iter().filter(|(step, _)| (from..=to).contains(step));
        median(&mut inside.map(|(_, mib)| *mib).collect::<Vec<_>>())
    };
    let early = between(1_000, 2_000);
    let late = between(9_000, 10_000);
    println!("resident memory: {early:.1} MiB early, {late:.1} MiB late");
    assert!(
        late <= (early * 1.05).max(early + 4.0),
        "memory grew from {early:.1} to {late:.1} MiB"
    );
}

/// Penalties on gradients, of both networks.
fn second_order() -> Objective {
    Objective::new(Loss::NonSaturating)
        .with_term(Term::r1(0.1))
        .with_term(Term::r2(0.1))
        .with_term(Term::wgan_gp(0.1))
        .with_term(Term::dragan(0.1))
        .with_term(Term::zero_centered(0.1))
        .with_term(Term::path_length(0.1))
}

// Of all penalties together: what any of them kept would show.

#[test]
fn ten_thousand_steps_with_every_exact_penalty() {
    memory_stays_flat(second_order());
}

#[test]
fn ten_thousand_steps_with_penalties_by_finite_differences() {
    memory_stays_flat(second_order().with_second_order(SecondOrder::finite_differences()));
}

#[test]
fn ten_thousand_steps_with_every_other_penalty() {
    let noise = Augmentation::Noise { std: 0.05 };
    let objective = Objective::new(Loss::NonSaturating)
        .with_pairing(Pairing::Average)
        .with_term(Term::lecam(0.1))
        .with_term(Term::consistency(0.1, noise))
        .with_term(Term::balanced_consistency(0.1, noise))
        .with_term(Term::latent_consistency(0.1, 0.1))
        .with_term(Term::latent_diversity(0.1, 0.1))
        .with_term(Term::orthogonal(1e-4, Network::Generator))
        .with_term(Term::orthogonal(1e-4, Network::Discriminator));
    memory_stays_flat(objective);
}
