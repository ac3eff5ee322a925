//! A saved generator, as its documentation says to use one: opened, a network made from its
//! settings, restored, samples drawn.

use burn_gan::Latent;
use burn_gan::burn::backend::Flex;
use burn_gan::models::{MlpGeneratorConfig, SavedGenerator};
use burn_gan::network::Generator;
use burn_gan::random::Stream;

use super::{Input, Mutant, Outcome, Reader};
use crate::mutate::{bytes, sealed};
use crate::random::Random;

pub struct SavedGeneratorFile;

const DRAWN: usize = 4;

fn saved(settings: &MlpGeneratorConfig, latent: Latent) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("generator.gan");
    let generator = settings
        .init::<Flex, 2>(&Default::default())
        .expect("valid settings");
    SavedGenerator::save::<Flex, _>(&path, settings, &latent, generator).expect("a written file");
    std::fs::read(&path).expect("the file")
}

fn read(input: &Input<'_>) -> burn_gan::Result<Vec<usize>> {
    let device = Default::default();
    let saved = SavedGenerator::<MlpGeneratorConfig>::open(input.path)?;
    let fresh = saved.settings().init::<Flex, 2>(&device)?;
    let generator = saved.restore(fresh)?;
    let latents = saved
        .latent()
        .draw(DRAWN, &mut Stream::new(1, "sample"), &device);
    Ok(generator.generate(latents, &()).dims().to_vec())
}

impl Reader for SavedGeneratorFile {
    fn name(&self) -> &'static str {
        "generator"
    }

    fn make_seeds(&self) -> Vec<(&'static str, Vec<u8>)> {
        let small = MlpGeneratorConfig::new(2, [2]).with_hidden([3]);
        let deep = MlpGeneratorConfig::new(3, [5]).with_hidden([4, 2]);
        vec![
            ("small.gan", saved(&small, Latent::normal(2))),
            ("deep.gan", saved(&deep, Latent::uniform(3))),
        ]
    }

    fn mutate(&self, random: &mut Random, seed: &[u8], other: &[u8]) -> Mutant {
        if !random.one_in(5)
            && let Some(bytes) = sealed::mutate(random, seed, other)
        {
            return Mutant {
                bytes,
                sealed: true,
            };
        }
        let mut bytes = seed.to_vec();
        for _ in 0..=random.below(2) {
            bytes::mutate(random, &mut bytes, other);
        }
        Mutant {
            bytes,
            sealed: false,
        }
    }

    fn read(&self, input: &Input<'_>) -> Outcome {
        match read(input) {
            Err(error) => Outcome::refused(error),
            Ok(_) if input.must_be_refused => {
                Outcome::Broken("a changed file was opened".to_owned())
            }
            Ok(shape) if shape[0] != DRAWN => {
                Outcome::Broken(format!("drew samples of shape {shape:?}"))
            }
            Ok(_) => Outcome::Accepted,
        }
    }

    fn has_checksum(&self) -> bool {
        true
    }
}
