//! Settings from JSON, as a program reads them: parsed, validated, stored and read again.

use burn_gan::Gan;
use std::fmt::Debug;

use burn_gan::burn::backend::{Autodiff, Flex};
use burn_gan::data::{BatchPlan, Mixture};
use burn_gan::models::{
    DcganDiscriminatorConfig, DcganGeneratorConfig, MlpDiscriminator, MlpDiscriminatorConfig,
    MlpGenerator, MlpGeneratorConfig,
};
use burn_gan::objective::{Objective, Term};
use burn_gan::random::Stream;
use burn_gan::step::{EmaConfig, OptimizerConfig};
use burn_gan::train::health::HealthConfig;
use burn_gan::train::{Ramp, Schedule, Trainer, TrainerConfig};
use burn_gan::{Latent, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Input, Mutant, Outcome, Reader};
use crate::mutate::{bytes, json};
use crate::random::Random;

pub struct Settings;

type B = Autodiff<Flex>;
type Anyone<'a> = Trainer<'a, Gan<MlpGenerator<B, 2>, MlpDiscriminator<B, 2>, B>>;

/// One type's part: what the text is as one of its values.
fn read<T>(text: &[u8], validate: impl Fn(&T) -> Result<()>) -> Outcome
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let value: T = match serde_json::from_slice(text) {
        Ok(value) => value,
        // serde_json's own words, which it does not escape.
        Err(error) => return Outcome::refused(error.to_string().escape_debug()),
    };
    if let Err(error) = validate(&value) {
        return Outcome::refused(error);
    }
    let stored = match serde_json::to_vec(&value) {
        Ok(stored) => stored,
        Err(error) => return Outcome::Broken(format!("valid settings can't be stored: {error}")),
    };
    match serde_json::from_slice::<T>(&stored) {
        Err(error) => Outcome::Broken(format!("stored settings can't be read: {error}")),
        Ok(again) if again != value => {
            Outcome::Broken(format!("{value:?} comes back as {again:?}"))
        }
        Ok(_) => Outcome::Accepted,
    }
}

/// Whether a network of these settings is small, as far as their numbers say: valid settings may
/// well ask for more memory than a case has.
fn is_small(text: &[u8]) -> bool {
    let numbers = text.split(|byte| !byte.is_ascii_digit());
    text.len() < 1_000
        && numbers
            .filter(|digits| !digits.is_empty())
            .all(|digits| digits.len() <= 2)
}

impl Reader for Settings {
    fn name(&self) -> &'static str {
        "settings"
    }

    fn make_seeds(&self) -> Vec<(&'static str, Vec<u8>)> {
        fn text(value: &impl Serialize) -> Vec<u8> {
            serde_json::to_vec_pretty(value).expect("settings")
        }
        let objective = Objective::recommended()
            .with_term(Term::lecam(0.1))
            .with_term(Term::wgan_gp(10.0).every(4));
        let trainer = TrainerConfig::new(1_000, 16, Latent::normal(8))
            .with_seed(7)
            .with_batches(BatchPlan::new(16))
            .with_objective(objective.clone())
            .with_optimizers(OptimizerConfig::adam(1e-3).with_betas(0.0, 0.99))
            .with_discriminator_optimizer(OptimizerConfig::sgd(1e-2, 0.9))
            .with_schedule(Schedule::Cosine { floor: 0.05 })
            .with_warm_up(10)
            .with_ramp(Ramp::cosine("generator_optimizer.beta_2", 0.999, 500))
            .with_ema(EmaConfig::half_life(1_000.0).with_ramp_up(0.05))
            .with_gradient_clipping(1.0)
            .with_micro_batches(2)
            .with_health(HealthConfig::rolling_back());
        let in_parts = Latent::normal(4)
            .with_categorical("digit", 10)
            .with_continuous("slant", 2);
        let generator = MlpGeneratorConfig::new(4, [2]).with_hidden([8, 8]);
        let discriminator = MlpDiscriminatorConfig::new([2])
            .with_hidden([8])
            .with_dropout(0.25);
        vec![
            ("trainer.json", text(&trainer)),
            ("objective.json", text(&objective)),
            ("health.json", text(&HealthConfig::default())),
            ("latent.json", text(&Latent::uniform(3))),
            ("latent-parts.json", text(&in_parts)),
            ("mixture.json", text(&Mixture::ring())),
            ("mlp-generator.json", text(&generator)),
            ("mlp-discriminator.json", text(&discriminator)),
            (
                "dcgan-generator.json",
                text(&DcganGeneratorConfig::new(8, [1, 16, 16]).with_width(4)),
            ),
            (
                "dcgan-discriminator.json",
                text(&DcganDiscriminatorConfig::new([1, 16, 16]).with_width(4)),
            ),
        ]
    }

    fn mutate(&self, random: &mut Random, seed: &[u8], other: &[u8]) -> Mutant {
        let mut bytes = seed.to_vec();
        let blind = random.one_in(6);
        for _ in 0..=random.below(3) {
            if blind {
                bytes::mutate(random, &mut bytes, other);
            } else {
                json::mutate(random, &mut bytes);
            }
        }
        Mutant {
            bytes,
            sealed: false,
        }
    }

    fn read(&self, input: &Input<'_>) -> Outcome {
        let text = input.bytes;
        let device = Default::default();
        let small = is_small(text);
        let outcomes = [
            read::<TrainerConfig>(text, |config| {
                config.validate()?;
                // Ramps are looked up here.
                Anyone::new(config.clone(), &device).map(|_| ())
            }),
            read::<Objective>(text, Objective::validate),
            read::<HealthConfig>(text, HealthConfig::validate),
            read::<Latent>(text, |latent| {
                latent.validate()?;
                if small {
                    let mut stream = Stream::new(1, "latents");
                    latent.draw::<Flex>(2, &mut stream, &device);
                    latent.codes();
                }
                Ok(())
            }),
            read::<Mixture>(text, |_| Ok(())),
            read::<MlpGeneratorConfig>(text, |config| {
                if small {
                    config.init::<Flex, 2>(&device)?;
                }
                Ok(())
            }),
            read::<MlpDiscriminatorConfig>(text, |config| {
                if small {
                    config.init::<Flex, 2>(&device)?;
                }
                Ok(())
            }),
            read::<DcganGeneratorConfig>(text, |config| {
                config.validate()?;
                if small {
                    config.init::<Flex>(&device)?;
                }
                Ok(())
            }),
            read::<DcganDiscriminatorConfig>(text, |config| {
                config.validate()?;
                if small {
                    config.init::<Flex>(&device)?;
                }
                Ok(())
            }),
        ];
        let mut refusal = String::new();
        let mut accepted = false;
        for outcome in outcomes {
            match outcome {
                Outcome::Broken(_) => return outcome,
                Outcome::Accepted => accepted = true,
                // The longest: that of the type that it nearly was, as often as not.
                Outcome::Refused(why) if why.len() > refusal.len() => refusal = why,
                Outcome::Refused(_) => {}
            }
        }
        if accepted {
            Outcome::Accepted
        } else {
            Outcome::Refused(refusal)
        }
    }
}
