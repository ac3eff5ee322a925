//! A run's state as the sections of a checkpoint, and back.

use std::collections::HashSet;

use burn::module::{AutodiffModule, Module, ParamId};
use burn::tensor::backend::AutodiffBackend;
use serde::{Deserialize, Serialize};

use super::file::{File, Header, refuse};
use super::records::Precision;
use crate::error::Result;
use crate::gan::Gan;
use crate::network::{
    InnerGenerator, Parameter, TrainableDiscriminator, TrainableGenerator, parameters,
};
use crate::objective::ObjectiveState;
use crate::random::Stream;
use crate::train::{
    Ema, Finding, HealthState, LossReading, Memories, NetworkOptimizer, TrainState,
};

/// What a run knows beside its networks: where it is in its data, its random numbers, its health.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::train) struct Position {
    /// The epoch of the next batch, and how many of its samples are used up.
    pub(in crate::train) epoch: u64,
    pub(in crate::train) used: u64,
    /// Real samples shown to the discriminator.
    pub(in crate::train) samples: u64,
    pub(in crate::train) latents: Stream,
    /// Seconds of training.
    pub(in crate::train) elapsed: f64,
    /// The factor that rollbacks have put on both learning rates.
    pub(in crate::train) rate_scale: f64,
    pub(in crate::train) rollbacks: u32,
    pub(in crate::train) health: HealthState,
    /// Losses that the health watch has not looked at yet.
    pub(in crate::train) unread: Vec<LossReading>,
    pub(in crate::train) findings: Vec<Finding>,
    pub(in crate::train) memories: Memories,
}

const NETWORKS: &str = "networks";
const GENERATOR_OPTIMIZER: &str = "generator_optimizer";
const DISCRIMINATOR_OPTIMIZER: &str = "discriminator_optimizer";
const OBJECTIVE: &str = "objective";
const EMA: &str = "ema";
const PARAMETERS: &str = "parameters";
const POSITION: &str = "position";

/// A parameter's name and shape.
type Shape = (String, Vec<usize>);

fn shapes(parameters: &[Parameter]) -> Vec<Shape> {
    let pair = |parameter: &Parameter| (parameter.name.clone(), parameter.shape.clone());
    parameters.iter().map(pair).collect()
}

fn ids(parameters: &[Parameter]) -> HashSet<ParamId> {
    parameters.iter().map(|parameter| parameter.id).collect()
}

/// A checkpoint that is not written yet.
pub(super) struct Draft {
    pub(super) header: Header,
    pub(super) sections: Vec<(&'static str, Vec<u8>)>,
}

/// Everything that the next step depends on, as bytes; or what can't be stored.
pub(super) fn draft<G, D, B>(
    state: &TrainState<G, D, B>,
    position: &Position,
    settings: serde_json::Value,
) -> Result<Draft, String>
where
    B: AutodiffBackend,
    G: TrainableGenerator<B>,
    D: TrainableDiscriminator<B>,
{
    let parameters = parameters::<B, _>(&state.gan);
    let precision = Precision::of(parameters.iter().map(|parameter| parameter.dtype));
    let plain = |name: &str, bytes: Result<Vec<u8>, rmp_serde::encode::Error>| {
        bytes.map_err(|error| format!("{name}: {error}"))
    };
    let mut sections = vec![
        (
            PARAMETERS,
            plain(PARAMETERS, rmp_serde::to_vec_named(&shapes(&parameters)))?,
        ),
        // A clone's record brings pending running statistics in.
        (
            NETWORKS,
            precision.write::<B, _>(state.gan.clone().into_record())?,
        ),
        (
            GENERATOR_OPTIMIZER,
            state.generator_optimizer.write(precision)?,
        ),
        (
            DISCRIMINATOR_OPTIMIZER,
            state.discriminator_optimizer.write(precision)?,
        ),
        (OBJECTIVE, precision.write::<B, _>(state.objective.clone())?),
        (
            POSITION,
            plain(POSITION, rmp_serde::to_vec_named(position))?,
        ),
    ];
    if let Some(ema) = &state.ema {
        sections.push((EMA, precision.write::<B::InnerBackend, _>(ema.record())?));
    }
    Ok(Draft {
        header: Header::new(state.step, precision.name(), settings),
        sections,
    })
}

/// The state that a checkpoint holds, in the networks of `state`, whose settings stay in force.
///
/// Networks and optimisers are restored together: what optimisers remember is keyed by the
/// parameters' ids, and ids that belong to no parameter are refused.
pub(super) fn restore<G, D, B>(
    file: &File,
    state: TrainState<G, D, B>,
    device: &B::Device,
) -> Result<(TrainState<G, D, B>, Position)>
where
    B: AutodiffBackend,
    G: TrainableGenerator<B>,
    D: TrainableDiscriminator<B>,
{
    let wrong = |name: &'static str| {
        move |problem: String| {
            refuse(
                &file.path,
                format!("can't be restored: its {name} can't be read: {problem}"),
            )
        }
    };
    let precision = match file.header.precision.as_str() {
        "full" => Precision::Full,
        "double" => Precision::Double,
        other => {
            return Err(refuse(
                &file.path,
                format!("has numbers of unknown precision `{other}`"),
            ));
        }
    };
    let stored: Vec<Shape> = plain(file, PARAMETERS)?;
    same_networks(file, &stored, &shapes(&parameters::<B, _>(&state.gan)))?;
    let position: Position = plain(file, POSITION)?;

    let record = precision
        .read::<B, <Gan<G, D, B> as Module<B>>::Record>(file.required(NETWORKS)?, device)
        .map_err(wrong(NETWORKS))?;
    // A used module holds updates of its running statistics that would come back later; `valid`
    // takes them in, so that none is left.
    let _ = state.gan.valid();
    let gan = state.gan.load_record(record);

    let mut generator_optimizer = state.generator_optimizer;
    generator_optimizer
        .read(precision, file.required(GENERATOR_OPTIMIZER)?, device)
        .map_err(wrong(GENERATOR_OPTIMIZER))?;
    let mut discriminator_optimizer = state.discriminator_optimizer;
    discriminator_optimizer
        .read(precision, file.required(DISCRIMINATOR_OPTIMIZER)?, device)
        .map_err(wrong(DISCRIMINATOR_OPTIMIZER))?;
    same_ids(
        file,
        GENERATOR_OPTIMIZER,
        &generator_optimizer,
        &ids(&parameters::<B, _>(&gan.generator)),
    )?;
    same_ids(
        file,
        DISCRIMINATOR_OPTIMIZER,
        &discriminator_optimizer,
        &ids(&parameters::<B, _>(&gan.discriminator)),
    )?;
    let objective = precision
        .read::<B, ObjectiveState<B>>(file.required(OBJECTIVE)?, device)
        .map_err(wrong(OBJECTIVE))?;
    // An average that was not kept before starts at the restored weights.
    let ema = match (state.ema.is_some(), file.section(EMA)) {
        (false, _) => None,
        (true, None) => Some(Ema::new(&gan.generator)),
        (true, Some(bytes)) => {
            let record = precision
                .read::<B::InnerBackend, <InnerGenerator<G, B> as Module<B::InnerBackend>>::Record>(
                    bytes, device,
                )
                .map_err(wrong(EMA))?;
            Some(Ema::restored(&gan.generator, record))
        }
    };
    let restored = TrainState {
        gan,
        generator_optimizer,
        discriminator_optimizer,
        objective,
        ema,
        step: file.header.step,
    };
    Ok((restored, position))
}

fn plain<T: serde::de::DeserializeOwned>(file: &File, name: &str) -> Result<T> {
    rmp_serde::from_slice(file.required(name)?).map_err(|error| {
        refuse(
            &file.path,
            format!("can't be restored: its {name} can't be read: {error}"),
        )
    })
}

/// Refuses a checkpoint of other networks: the first difference by name.
fn same_networks(file: &File, stored: &[Shape], now: &[Shape]) -> Result<()> {
    for index in 0..stored.len().max(now.len()) {
        let problem = match (stored.get(index), now.get(index)) {
            (Some(stored), Some(now)) if stored == now => continue,
            (Some((stored, shape)), Some((now, needed))) if stored == now => {
                format!("`{stored}` has shape {shape:?} in it, the network needs {needed:?}")
            }
            (Some((stored, _)), Some((now, _))) => {
                format!("it has `{stored}` where the network has `{now}`")
            }
            (Some((stored, _)), None) => format!("the network has no `{stored}`"),
            (None, Some((now, _))) => format!("it has no `{now}`"),
            (None, None) => continue,
        };
        return Err(refuse(
            &file.path,
            format!("belongs to other networks: {problem}"),
        ));
    }
    Ok(())
}

/// Refuses what an optimiser remembers of parameters that its network has not.
fn same_ids<M: AutodiffModule<B>, B: AutodiffBackend>(
    file: &File,
    name: &str,
    optimizer: &NetworkOptimizer<M, B>,
    network: &HashSet<ParamId>,
) -> Result<()> {
    let strangers = optimizer
        .parameters()
        .into_iter()
        .filter(|id| !network.contains(id))
        .count();
    if strangers > 0 {
        return Err(refuse(
            &file.path,
            format!(
                "is inconsistent: its {name} remembers {strangers} parameters that its networks \
                 do not have"
            ),
        ));
    }
    Ok(())
}
