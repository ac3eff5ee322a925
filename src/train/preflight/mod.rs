//! What can be told before the first step: what can't work, and what usually does not.

mod look;
mod passes;
mod processes;
mod settings;
#[cfg(test)]
mod tests;
mod warning;

pub(super) use look::not_finite;
pub(super) use processes::of_a_process;
pub use warning::Warning;

use crate::pair::{GanOf, Pair};
use burn::module::AutodiffModule;
use burn::tensor::Device;

use super::TrainerConfig;
use super::feed::{self, Data};
use super::limits::check_memory;
use crate::error::Result;
use crate::network::{Condition, Discriminator, Generator, Sample, initialize};
use crate::nn::LayerKind;

/// Looks at settings, networks and the first batches of the data, and lists what usually does not
/// work.
///
/// Networks are tried without a tape: weights, running statistics and the spectral norms' vectors
/// stay what they are, and no stream of the run is drawn from. What an objective asks of networks
/// is [`Objective::probe`](crate::objective::Objective::probe)'s to find. Where so many `processes` have
/// a part of each batch, the settings are those of a part.
///
/// # Errors
/// If there is no batch, micro-batches don't cut one evenly, a sample is not finite, a label is no
/// class of a network, networks and data disagree on a shape, or the data lies far outside of the
/// generator's range.
pub(super) fn check<P: Pair>(
    config: &TrainerConfig,
    gan: &GanOf<P>,
    data: &Data<'_, P>,
    processes: usize,
    device: &Device<P::Backend>,
) -> Result<Vec<Warning>> {
    settings::mixing(config, gan.generator.style_space().is_some())?;
    if processes > 1 {
        processes::synchronized::<P::Backend>(config)?;
    }
    let batches = config
        .batches
        .epoch(data.len(), config.seed, 0)
        .map_err(|error| error.within("batches"))?;
    let parts = settings::parts(config, &batches)?;
    let (generator, discriminator) = (&gan.generator, &gan.discriminator);
    check_memory::<P::Generator, P::Discriminator, P::Backend>(
        config,
        generator,
        discriminator,
        0,
        device,
    )?;
    let look = look::at(data, &batches, &feed::classes::<P>(gan), device)?;
    let sample = look.real.shape().iter().skip(1).product();
    check_memory::<P::Generator, P::Discriminator, P::Backend>(
        config,
        generator,
        discriminator,
        sample,
        device,
    )?;

    // A copy without the tape of weights that are not drawn yet would draw others.
    initialize(generator);
    initialize(discriminator);
    let real_shape = look.real.shape();
    let drawn_shape = passes::generator::<P::Backend, P::Generator>(
        config,
        generator,
        &look.condition,
        real_shape[0],
        device,
    )?;
    passes::one_shape(&drawn_shape, &real_shape)?;
    let alike = look::without_spread::<P::Backend, P::Sample>(&look.real);
    let judge = discriminator.valid();
    let (real, condition) = (look.real.into_inner(), look.condition.inner());
    for size in &parts {
        passes::discriminator(&judge, &real, &condition, *size)?;
    }

    let mut warnings = Vec::new();
    if gan.is_unseeded() {
        warnings.push(Warning::UnseededWeights { seed: config.seed });
    }
    warnings.extend(settings::clipping_with_momentum(config));
    warnings.extend(settings::small_data_set(config, data.len()));
    if let Some(range) = generator.output_range() {
        warnings.extend(look::against(look.range, range)?);
    }
    if alike {
        let samples = real_shape[0];
        warnings.push(Warning::NoSpread { samples });
    }
    let known = [generator.classes(), discriminator.classes()];
    let known = known.into_iter().flatten().max();
    warnings.extend(look::labels(&look.labels, known));
    let spectral = LayerKind::SpectralNorm.is_in(discriminator);
    warnings.extend(settings::nothing_keeps_smooth(config, spectral));
    if let Some(range) = passes::bounds(&judge, &real, &condition, parts[0]) {
        warnings.push(Warning::BoundedDiscriminator { range });
    }
    let half = real_shape[0] / 2;
    if !LayerKind::MinibatchStd.is_in(discriminator)
        && passes::mixes_samples(&judge, &real, &condition, half) == Some(true)
    {
        warnings.push(Warning::MixedSamples { samples: half });
    }
    let norms = LayerKind::BatchNorm.paths_in(discriminator, "discriminator");
    let under_penalties = settings::norms_under_penalties(config, &norms);
    warnings.extend(under_penalties.filter(|_| {
        // Norms beside the logits, such as those of a head for codes, are of no matter.
        let training = P::Discriminator::from_inner(discriminator.valid());
        let real = P::Sample::from_inner(real.clone());
        passes::mixes_samples(&training, &real, &look.condition, half) != Some(false)
    }));
    if config.micro_batches > 1 || processes > 1 {
        let mut sources = LayerKind::BatchNorm.paths_in(generator, "generator");
        sources.extend(norms);
        let norms = sources.len();
        let samples = parts[0];
        if passes::mixes_samples(&judge, &real, &condition, samples) == Some(true) {
            sources.push("discriminator".to_owned());
        }
        let of_processes = match config.synchronized_batch_norm {
            true => &sources[norms..],
            false => &sources[..],
        };
        if processes > 1 && !of_processes.is_empty() {
            warnings.push(Warning::StatisticsOfProcesses {
                sources: of_processes.to_vec(),
                processes,
                samples: real_shape[0],
            });
        }
        if config.micro_batches == 1 {
            return Ok(warnings);
        }
        sources.extend(settings::over_a_batch(config));
        if !sources.is_empty() {
            warnings.push(Warning::StatisticsOfMicroBatches {
                sources,
                micro_batches: config.micro_batches,
                samples,
            });
        }
    }
    Ok(warnings)
}
