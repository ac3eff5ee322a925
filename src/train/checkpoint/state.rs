//! A run's state as the sections of a checkpoint, and back.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::file::{File, Header, refuse};
use super::place;
use crate::error::Result;
use crate::objective::ObjectiveCounts;
use crate::pair::Pair;
use crate::random::Stream;
use crate::records::{self, Node, Stored};
use crate::step::{Part, StoredState, TrainState};
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
const MEMORY: &str = "memory";
const EMA: &str = "ema";
const POSITION: &str = "position";

/// All that a file may hold.
const SECTIONS: [&str; 7] = [
    NETWORKS,
    GENERATOR_OPTIMIZER,
    DISCRIMINATOR_OPTIMIZER,
    OBJECTIVE,
    MEMORY,
    POSITION,
    EMA,
];

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
    sections(&state.stored(), position, settings)
}

fn sections(
    state: &StoredState,
    position: &Position,
    settings: serde_json::Value,
) -> Result<Draft, String> {
    let lists = [
        (NETWORKS, Some(&state.networks)),
        (GENERATOR_OPTIMIZER, Some(&state.generator_optimizer)),
        (
            DISCRIMINATOR_OPTIMIZER,
            Some(&state.discriminator_optimizer),
        ),
        (MEMORY, Some(&state.memory)),
        (EMA, state.ema.as_ref()),
    ];
    let mut sections = Vec::new();
    for (name, tensors) in lists {
        let Some(tensors) = tensors else {
            continue;
        };
        records::finite(tensors).map_err(|problem| match name {
            NETWORKS => problem,
            GENERATOR_OPTIMIZER | DISCRIMINATOR_OPTIMIZER => {
                "an optimiser remembers numbers that are not finite".to_owned()
            }
            name => format!("{name}: {problem}"),
        })?;
        sections.push((name, records::write(tensors)));
    }
    let plain = |error: rmp_serde::encode::Error| error.to_string();
    let counts = rmp_serde::to_vec_named(&state.counts).map_err(plain);
    sections.push((OBJECTIVE, counts));
    let position = rmp_serde::to_vec_named(position).map_err(plain);
    sections.push((POSITION, position));
    let written = |(name, bytes): (&'static str, Result<Vec<u8>, String>)| {
        let bytes = bytes.map_err(|problem| format!("its {name} can't be written: {problem}"))?;
        Ok((name, bytes))
    };
    Ok(Draft {
        header: Header::new(state.step, settings),
        sections: sections
            .into_iter()
            .map(written)
            .collect::<Result<_, String>>()?,
    })
}

/// The state that a checkpoint holds, in the networks of `state`, whose settings stay in force.
/// Where something in it is not right, nothing has changed; where all is, `state` is not to be used
/// any more, since it shares its running statistics with what is returned.
pub(super) fn restore<P: Pair>(
    file: &File,
    state: &TrainState<P>,
    device: &Device<P::Backend>,
) -> Result<(TrainState<P>, Position)> {
    let (stored, position) = read(file)?;
    let restored = state.restored(stored, device);
    Ok((restored.map_err(|problem| misfit(file, problem))?, position))
}

/// What a file holds, looked through as far as that can be done without the networks.
fn read(file: &File) -> Result<(StoredState, Position)> {
    known_sections(file)?;
    let tensors = |name| {
        let stored = records::read(&file.required(name)?);
        stored.map_err(|problem| wrong(file, name, &problem))
    };
    let networks = tensors(NETWORKS)?;
    let counts: ObjectiveCounts = plain(file, OBJECTIVE)?;
    let memory = tensors(MEMORY)?;
    objective(file, &counts, &memory, &networks)?;
    let position: Position = plain(file, POSITION)?;
    let header = &file.header;
    place::check(&position, header.step, &counts, &header.settings)
        .map_err(|problem| wrong(file, POSITION, &problem))?;
    let ema = match file.names().any(|name| name == EMA) {
        true => Some(tensors(EMA)?),
        false => None,
    };
    let stored = StoredState {
        step: header.step,
        networks,
        generator_optimizer: tensors(GENERATOR_OPTIMIZER)?,
        discriminator_optimizer: tensors(DISCRIMINATOR_OPTIMIZER)?,
        ema,
        memory,
        counts,
    };
    Ok((stored, position))
}

/// What does not fit the networks of the program.
fn misfit(file: &File, (part, problem): (Part, String)) -> crate::Error {
    let section = match part {
        Part::Networks => {
            let problem = format!("belongs to other networks: {problem}");
            return refuse(&file.path, problem);
        }
        Part::GeneratorOptimizer => GENERATOR_OPTIMIZER,
        Part::DiscriminatorOptimizer => DISCRIMINATOR_OPTIMIZER,
        Part::Ema => EMA,
    };
    wrong(file, section, &problem)
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

/// Refuses what no objective remembers.
fn objective(
    file: &File,
    counts: &ObjectiveCounts,
    memory: &[Stored],
    networks: &[Stored],
) -> Result<()> {
    if !counts.is_of_its_purpose() {
        let problem = "its random numbers are another stream's";
        return Err(wrong(file, OBJECTIVE, problem));
    }
    let types: Vec<_> = networks.iter().map(|tensor| tensor.about.dtype).collect();
    let is_custom = |term: usize| {
        let kind = &file.header.settings["objective"]["terms"][term]["kind"];
        kind.get("custom").is_some()
    };
    counts
        .check(memory, &types, is_custom)
        .map_err(|problem| wrong(file, MEMORY, &problem))
}
