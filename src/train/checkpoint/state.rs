//! A run's state as the sections of a checkpoint, and back.

use crate::pair::{InnerBackend, Pair};
use burn::module::{AutodiffModule, Module};
use burn::tensor::Device;
use burn::tensor::backend::{AutodiffBackend, Backend};
use serde::{Deserialize, Serialize};

use super::file::{File, Header, refuse};
use super::place;
use crate::error::Result;
use crate::network::guard::quietly;
use crate::network::{Parameter, parameters};
use crate::objective::ObjectiveState;
use crate::random::Stream;
use crate::records::{self, Ids, Node, Precision};
use crate::step::{Ema, NetworkOptimizer, TrainState};
use crate::train::{Finding, HealthState, LossReading, Measurement, Memories};

/// What a run knows beside its networks: where it is in its data, its random numbers, its health.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::train) struct Position {
    /// The epoch of the next batch, and how many of its samples are used up.
    pub(in crate::train) epoch: u64,
    pub(in crate::train) used: u64,
    /// Real samples shown to the discriminator.
    pub(in crate::train) samples: u64,
    pub(in crate::train) latents: Stream,
    /// Conditions of generated batches, and which styles are mixed.
    pub(in crate::train) conditions: Stream,
    pub(in crate::train) styles: Stream,
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
    /// The newest of each number that an evaluator has measured.
    pub(in crate::train) measurements: Vec<Measurement>,
}

const NETWORKS: &str = "networks";
const GENERATOR_OPTIMIZER: &str = "generator_optimizer";
const DISCRIMINATOR_OPTIMIZER: &str = "discriminator_optimizer";
const OBJECTIVE: &str = "objective";
const EMA: &str = "ema";
const PARAMETERS: &str = "parameters";
const POSITION: &str = "position";

/// All that a file may hold.
const SECTIONS: [&str; 7] = [
    PARAMETERS,
    NETWORKS,
    GENERATOR_OPTIMIZER,
    DISCRIMINATOR_OPTIMIZER,
    OBJECTIVE,
    POSITION,
    EMA,
];

/// A parameter's name and shape.
type Shape = (String, Vec<usize>);

fn shapes(parameters: &[Parameter]) -> Vec<Shape> {
    let pair = |parameter: &Parameter| (parameter.name.clone(), parameter.shape.clone());
    parameters.iter().map(pair).collect()
}

/// A module's parameters with the ids that they have in a record.
fn renamed<B: Backend, M: Module<B>>(module: &M, ids: &Ids) -> Vec<Parameter> {
    let mut all = parameters(module);
    for parameter in &mut all {
        parameter.id = ids.get(&parameter.id).copied().unwrap_or(parameter.id);
    }
    all
}

fn precision_of(parameters: &[Parameter]) -> Precision {
    Precision::of(parameters.iter().map(|parameter| parameter.dtype))
}

/// A checkpoint that is not written yet.
pub(super) struct Draft {
    pub(super) header: Header,
    pub(super) sections: Vec<(&'static str, Vec<u8>)>,
}

/// Everything that the next step depends on, as bytes; or what can't be stored. What would be
/// refused when it is read is not written.
pub(super) fn draft<P: Pair>(
    state: &TrainState<P>,
    position: &Position,
    settings: serde_json::Value,
) -> Result<Draft, String> {
    let parameters = parameters::<P::Backend, _>(&state.gan);
    let precision = precision_of(&parameters);
    let mut sections = vec![
        (
            PARAMETERS,
            rmp_serde::to_vec_named(&shapes(&parameters)).map_err(|error| error.to_string()),
        ),
        // A clone's record brings pending running statistics in.
        (
            NETWORKS,
            precision.write::<P::Backend, _>(state.gan.clone().into_record()),
        ),
        (
            GENERATOR_OPTIMIZER,
            state.generator_optimizer.write(precision),
        ),
        (
            DISCRIMINATOR_OPTIMIZER,
            state.discriminator_optimizer.write(precision),
        ),
        (
            OBJECTIVE,
            precision.write::<P::Backend, _>(state.objective.clone()),
        ),
        (
            POSITION,
            rmp_serde::to_vec_named(position).map_err(|error| error.to_string()),
        ),
    ];
    if let Some(ema) = &state.ema {
        sections.push((EMA, precision.write::<InnerBackend<P>, _>(ema.record())));
    }
    let written = |(name, bytes): (&'static str, Result<Vec<u8>, String>)| {
        let bytes = bytes.map_err(|problem| format!("its {name} can't be written: {problem}"))?;
        Ok((name, bytes))
    };
    let sections: Vec<_> = sections
        .into_iter()
        .map(written)
        .collect::<Result<_, String>>()?;
    for (name, bytes) in &sections {
        let look = |bytes| records::sound(bytes, &mut |_, _, _| Ok(()));
        match *name {
            PARAMETERS | POSITION => Ok(()),
            // The kind of optimiser stands first; names would be ids.
            GENERATOR_OPTIMIZER | DISCRIMINATOR_OPTIMIZER => look(&bytes[1..])
                .map_err(|_| "an optimiser remembers numbers that are not finite".to_owned()),
            NETWORKS => look(bytes),
            name => look(bytes).map_err(|problem| format!("{name}: {problem}")),
        }?;
    }
    Ok(Draft {
        header: Header::new(state.step, precision.name(), settings),
        sections,
    })
}

/// The state that a checkpoint holds, in the networks of `state`, whose settings stay in force.
/// Where something in it is not right, nothing has changed; where all is, `state` is not to be used
/// any more, since it shares its running statistics with what is returned.
///
/// Networks and optimisers are restored together: what optimisers remember is keyed by the
/// parameters' ids, and ids that belong to no parameter are refused.
pub(super) fn restore<P: Pair>(
    file: &File,
    state: &TrainState<P>,
    device: &Device<P::Backend>,
) -> Result<(TrainState<P>, Position)> {
    let needed = parameters::<P::Backend, _>(&state.gan);
    let precision = precision_of(&needed);
    known_sections(file)?;
    let stored: Vec<Shape> = plain(file, PARAMETERS)?;
    same_networks(file, &stored, &shapes(&needed))?;
    same_precision(file, precision)?;

    let (objective, counts) = objective::<P::Backend>(file, precision, device)?;
    let position: Position = plain(file, POSITION)?;
    let header = &file.header;
    place::check(&position, header.step, counts, &header.settings)
        .map_err(|problem| wrong(file, POSITION, &problem))?;

    // Everything is read before the first of it is put in its place.
    let record_of = |name| file.required(name);
    let (networks, ids) = records::fitting(precision, record_of(NETWORKS)?, &state.gan, device)
        .map_err(|problem| wrong(file, NETWORKS, &problem))?;
    let generator_optimizer = optimizer(
        file,
        GENERATOR_OPTIMIZER,
        &state.generator_optimizer,
        &renamed::<P::Backend, _>(&state.gan.generator, &ids),
        (precision, header.step),
        device,
    )?;
    let discriminator_optimizer = optimizer(
        file,
        DISCRIMINATOR_OPTIMIZER,
        &state.discriminator_optimizer,
        &renamed::<P::Backend, _>(&state.gan.discriminator, &ids),
        (precision, counts.discriminator_steps),
        device,
    )?;
    let average = match (state.ema.is_some(), file.optional(EMA)?) {
        (true, Some(bytes)) => {
            let own = state.gan.generator.valid();
            let (record, its) = records::fitting(precision, bytes, &own, device)
                .map_err(|problem| wrong(file, EMA, &problem))?;
            // By them it finds the weights that it follows.
            if its.iter().any(|(own, stored)| ids.get(own) != Some(stored)) {
                let problem = "its parameters have other ids than the networks'";
                return Err(wrong(file, EMA, problem));
            }
            Some(record)
        }
        _ => None,
    };
    // A used module holds updates of its running statistics that would come back later; `valid`
    // takes them in, so that none is left.
    let _ = state.gan.valid();
    let standing = state
        .ema
        .as_ref()
        .and_then(Ema::standing_statistics)
        .cloned();
    let put = || {
        let gan = state.gan.clone().load_record(networks);
        // An average that was not kept before starts at the restored weights.
        let ema = state.ema.as_ref().map(|_| match average {
            Some(record) => Ema::restored(gan.generator.valid().load_record(record)),
            None => Ema::new(&gan.generator),
        });
        (gan, ema)
    };
    let (gan, ema) = quietly(put).map_err(|problem| wrong(file, NETWORKS, &problem))?;
    let restored = TrainState {
        gan,
        generator_optimizer,
        discriminator_optimizer,
        objective,
        ema: ema.map(|ema| ema.with_standing_statistics(standing)),
        step: header.step,
    };
    Ok((restored, position))
}

fn wrong(file: &File, section: &str, problem: &str) -> crate::Error {
    refuse(
        &file.path,
        format!("can't be restored: in its {section}, {problem}"),
    )
}

/// A section of plain values: exactly as this version writes them.
fn plain<T: serde::de::DeserializeOwned + Serialize>(file: &File, name: &str) -> Result<T> {
    let bytes = file.required(name)?;
    let read = || -> Result<T, String> {
        // Nothing is nested or claimed that a stack or memory could not hold.
        Node::read(&bytes)?;
        let value: T = rmp_serde::from_slice(&bytes).map_err(|error| error.to_string())?;
        let again = rmp_serde::to_vec_named(&value).map_err(|error| error.to_string())?;
        if again == bytes {
            Ok(value)
        } else {
            Err("values are not as this version of the crate writes them".to_owned())
        }
    };
    read().map_err(|problem| wrong(file, name, &problem))
}

fn known_sections(file: &File) -> Result<()> {
    match file.names().find(|name| !SECTIONS.contains(name)) {
        Some(name) => Err(refuse(
            &file.path,
            format!("has a section `{name}` that this version of the crate does not know"),
        )),
        None => Ok(()),
    }
}

/// Refuses numbers of another precision than the networks'.
fn same_precision(file: &File, needed: Precision) -> Result<()> {
    let stored = &file.header.precision;
    if *stored == needed.name() {
        return Ok(());
    }
    Err(refuse(
        &file.path,
        format!(
            "has numbers of `{stored}` precision, the networks are of `{}`",
            needed.name()
        ),
    ))
}

/// How many steps of each network the objective has counted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counts {
    pub(super) generator_steps: u64,
    pub(super) discriminator_steps: u64,
}

fn objective<B: Backend>(
    file: &File,
    precision: Precision,
    device: &B::Device,
) -> Result<(ObjectiveState<B>, Counts)> {
    let bytes = file.required(OBJECTIVE)?;
    let custom = |index: usize| {
        let kind = &file.header.settings["objective"]["penalties"][index]["kind"];
        kind.get("custom").is_some()
    };
    let look = |name: &str, shape: &[usize], dtype: &str| {
        let mut path = name.split('.').skip(1);
        let index = path.next().and_then(|index| index.parse().ok());
        if dtype != precision.dtype() {
            return Err(format!("`{name}` is of type {dtype}"));
        }
        // What a program's own penalty remembers is its own affair.
        if shape.len() == 1 && (shape == [1] || index.is_some_and(custom)) {
            Ok(())
        } else {
            Err(format!("`{name}` has shape {shape:?}, a memory has [1]"))
        }
    };
    let read = || -> Result<ObjectiveState<B>, String> {
        records::sound(&bytes, &mut { look })?;
        let state = precision.read::<B, ObjectiveState<B>>(bytes.clone(), device)?;
        let again = precision.write::<B, _>(state.clone())?;
        // Beside it stands burn's version, which may be another.
        if Node::read(&again)?.get("item") != Node::read(&bytes)?.get("item") {
            return Err("values are not as this version of the crate writes them".to_owned());
        }
        if !state.is_of_its_purpose() {
            return Err("its random numbers are another stream's".to_owned());
        }
        Ok(state)
    };
    let state = read().map_err(|problem| wrong(file, OBJECTIVE, &problem))?;
    let counts = Counts {
        generator_steps: state.generator_steps(),
        discriminator_steps: state.discriminator_steps(),
    };
    Ok((state, counts))
}

/// An optimiser with what the file holds of its memory.
fn optimizer<M: AutodiffModule<B>, B: AutodiffBackend>(
    file: &File,
    name: &'static str,
    optimizer: &NetworkOptimizer<M, B>,
    network: &[Parameter],
    (precision, steps): (Precision, u64),
    device: &B::Device,
) -> Result<NetworkOptimizer<M, B>> {
    let mut optimizer = optimizer.clone();
    optimizer
        .read(precision, &file.required(name)?, network, steps, device)
        .map_err(|problem| wrong(file, name, &problem))?;
    Ok(optimizer)
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
