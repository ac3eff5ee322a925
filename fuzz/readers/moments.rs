//! Moments of features in a file, as a program uses them: opened, a distance taken, stored anew.

use burn_gan::metrics::{
    ExtractorId, Features, FrechetDistance, Moments, MomentsCache, MomentsKey,
};

use super::{Input, Mutant, Outcome, Reader};
use crate::mutate::{bytes, sealed};
use crate::random::Random;

pub struct MomentsFile;

/// So many samples of 2 or 3 features, in no way alike.
fn features(count: u16, dimensions: u16) -> Features {
    let value = |i: u16| f32::from(i * i % 31) / 8.0 - f32::from(i % 7);
    let values = (0..count * dimensions).map(value).collect();
    let features = Features::new(values, dimensions.into()).expect("rows");
    features.with_extractor(ExtractorId::new("classifier").with_hash("0123abcd"))
}

fn stored(features: &Features, with_key: bool) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let moments = Moments::of(features).expect("moments");
    let path = if with_key {
        let cache = MomentsCache::new(folder.path());
        let key = MomentsKey::of(features);
        cache.put(&key, &moments).expect("a written file");
        cache.path(&key)
    } else {
        let path = folder.path().join("data.moments");
        moments.save(&path).expect("a written file");
        path
    };
    std::fs::read(path).expect("the file")
}

/// Whether what was read is the same when it is stored and read again.
fn read(input: &Input<'_>) -> burn_gan::Result<bool> {
    let moments = Moments::open(input.path)?;
    // Refused or not: such moments may have no covariance, or one that overflows.
    let _ = FrechetDistance::default().between_moments(&moments, &moments);
    let again = input.scratch.join("again.moments");
    moments.save(&again)?;
    Ok(Moments::open(&again)? == moments)
}

impl Reader for MomentsFile {
    fn name(&self) -> &'static str {
        "moments"
    }

    fn make_seeds(&self) -> Vec<(&'static str, Vec<u8>)> {
        vec![
            ("saved.moments", stored(&features(9, 2), false)),
            ("cached.moments", stored(&features(40, 3), true)),
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
            Ok(false) => Outcome::Broken("stored again, it is something else".to_owned()),
            Ok(true) => Outcome::Accepted,
        }
    }

    fn has_checksum(&self) -> bool {
        true
    }
}
