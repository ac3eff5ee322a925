//! What draws the images of a stored run of the examples `images` and `mnist`.

use burn_gan::burn::module::AutodiffModule;
use burn_gan::burn::tensor::backend::AutodiffBackend;
use burn_gan::models::{
    DcganDiscriminatorConfig, DcganGeneratorConfig, ImageDiscriminatorConfig, ImageGeneratorConfig,
    MlpDiscriminatorConfig, MlpGeneratorConfig,
};
use burn_gan::network::{TrainableDiscriminator, TrainableGenerator};
use burn_gan::objective::TermKind;
use burn_gan::prelude::*;
use burn_gan::sampling::Sampler;
use burn_gan::step::StandingStatistics;
use burn_gan::train::StoredRun;
use burn_gan::{Error, Result};
use serde::Deserialize;

use crate::sets::turns;

/// The classes of so many samples, in turns.
fn in_turns<B: Backend>(count: usize, classes: usize, device: &B::Device) -> Result<Labels<B>> {
    Labels::from_slice(&turns(count, classes), classes, device)
}

/// What the example `images` stores of its networks.
#[derive(Deserialize)]
struct Described {
    generator: ImageGeneratorConfig,
    discriminator: ImageDiscriminatorConfig,
    classes: Option<usize>,
    /// How the discriminator goes by them, where it is no projection.
    condition: Option<DiscriminatorCondition>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum DiscriminatorCondition {
    Auxiliary,
}

/// Batches that standing statistics are taken over.
const BATCHES: usize = 8;

/// That of a checkpoint of the example `images`, which says what its networks are; `None` of another
/// one's.
pub fn of_described<B: AutodiffBackend>(
    stored: &StoredRun,
    device: &B::Device,
) -> Result<Option<Sampler<B::InnerBackend>>> {
    if stored.settings()["generator"].is_null() {
        return Ok(None);
    }
    let Described {
        generator,
        discriminator,
        classes,
        condition,
    } = Described::deserialize(stored.settings()).map_err(|error| {
        let problem = format!("says of its networks what this version does not read: {error}");
        Error::data(stored.path(), problem)
    })?;
    let config = stored.config()?;
    let (batch, latent) = (config.batches.batch_size, config.latent);
    Ok(Some(match classes {
        None => {
            let networks = (
                generator.init::<B>(device)?,
                discriminator.init::<B>(device)?,
            );
            let generator = restored(stored, networks, vec![(); BATCHES], device)?;
            Sampler::new(generator, latent, device)
        }
        Some(classes) => {
            let generator = generator.init_conditional::<B>(classes, device)?;
            let labels = vec![in_turns(batch, classes, device)?; BATCHES];
            let generator = match condition {
                None => {
                    let discriminator = discriminator.init_projected::<B>(classes, device)?;
                    restored(stored, (generator, discriminator), labels, device)?
                }
                Some(DiscriminatorCondition::Auxiliary) => {
                    let discriminator = discriminator.init_classifying::<B>(classes, device)?;
                    restored(stored, (generator, discriminator), labels, device)?
                }
            };
            Sampler::conditional(generator, latent, classes, device)
        }
    }))
}

/// That of a checkpoint of the example `mnist`, whose options are stored in it.
pub fn of_mnist<B: AutodiffBackend>(
    stored: &StoredRun,
    image: [usize; 3],
    device: &B::Device,
) -> Result<Sampler<B::InnerBackend>> {
    const CLASSES: usize = 10;
    let config = stored.config()?;
    let option = |name: &str| {
        stored.settings()[name]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let latent = config.latent.dimensions();
    let width: Option<usize> = option("--width").parse().ok();
    let r1 = config
        .objective
        .terms
        .iter()
        .find(|term| term.kind == TermKind::R1);
    let penalised = r1.is_some_and(|term| term.weight > 0.0);
    let mlp = (
        MlpGeneratorConfig::new(latent, image),
        MlpDiscriminatorConfig::new(image),
    );
    let width = width.unwrap_or_default();
    let dcgan = (
        DcganGeneratorConfig::new(latent, image).with_width(width),
        DcganDiscriminatorConfig::new(image)
            .with_width(width)
            .with_batch_norm(!penalised),
    );
    let (latent, told) = (config.latent.clone(), option("--labels") == "true");
    Ok(match (option("--model").as_str(), told) {
        ("mlp", false) => {
            let networks = (mlp.0.init::<B, 4>(device)?, mlp.1.init::<B, 4>(device)?);
            Sampler::new(
                restored(stored, networks, vec![(); BATCHES], device)?,
                latent,
                device,
            )
        }
        ("mlp", true) => {
            let networks = (
                mlp.0.init_conditional::<B, 4>(CLASSES, device)?,
                mlp.1.init_conditional::<B, 4>(CLASSES, device)?,
            );
            let labels = vec![in_turns(config.batches.batch_size, CLASSES, device)?; BATCHES];
            let generator = restored(stored, networks, labels, device)?;
            Sampler::conditional(generator, latent, CLASSES, device)
        }
        ("dcgan", false) => {
            let networks = (dcgan.0.init::<B>(device)?, dcgan.1.init::<B>(device)?);
            Sampler::new(
                restored(stored, networks, vec![(); BATCHES], device)?,
                latent,
                device,
            )
        }
        ("dcgan", true) => {
            let networks = (
                dcgan.0.init_conditional::<B>(CLASSES, device)?,
                dcgan.1.init_conditional::<B>(CLASSES, device)?,
            );
            let labels = vec![in_turns(config.batches.batch_size, CLASSES, device)?; BATCHES];
            let generator = restored(stored, networks, labels, device)?;
            Sampler::conditional(generator, latent, CLASSES, device)
        }
        _ => {
            let problem = "is no checkpoint of the examples `images` or `mnist`, which store in it what \
                           their networks are; a program of your own reads its checkpoints by \
                           `train::StoredRun`";
            return Err(Error::data(stored.path(), problem));
        }
    })
}

/// What draws the samples of a stored run: the average where there is one, with statistics of its
/// own.
fn restored<B, G, D>(
    stored: &StoredRun,
    (generator, discriminator): (G, D),
    conditions: Vec<G::Condition>,
    device: &B::Device,
) -> Result<G::InnerModule>
where
    B: AutodiffBackend,
    G: TrainableGenerator<B> + AutodiffModule<B>,
    D: TrainableDiscriminator<B, Sample = G::Sample, Condition = G::Condition>,
{
    let config = stored.config()?;
    let batch = config.batches.batch_size;
    let standing = StandingStatistics::new(config.latent, batch, config.seed, conditions);
    let gan = Gan::<G, D, B>::seeded(generator, discriminator, config.seed, device);
    let state = stored
        .state(gan, device)?
        .with_standing_statistics(standing);
    Ok(state.sampler())
}
