//! Whether a stored place in a run can be one.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use super::state::Position;
use crate::objective::ObjectiveCounts;
use crate::records::Node;
use crate::train::{Finding, LossReading, Measurement, Memories};

/// No run counts so far.
const MOST: u64 = 1 << 53;
/// Seconds; no run takes so long. What is left to [`Duration`]'s end is longer than any session.
const LONGEST: f64 = 1e11;

/// Refuses a position that no run of `step` steps, made with these settings, comes to.
pub(super) fn check(
    position: &Position,
    step: u64,
    counts: &ObjectiveCounts,
    settings: &Value,
) -> Result<(), String> {
    let need = |right: bool, problem: &dyn Fn() -> String| {
        if right { Ok(()) } else { Err(problem()) }
    };
    let (generator_steps, discriminator_steps) =
        (counts.generator_steps, counts.discriminator_steps);
    need(step <= MOST, &|| {
        format!("{step} steps are more than any run makes")
    })?;
    need(generator_steps == step, &|| {
        format!("the objective has counted {generator_steps} steps, the run {step}")
    })?;
    need((step..=MOST).contains(&discriminator_steps), &|| {
        format!("{discriminator_steps} discriminator steps in {step} steps can't be")
    })?;
    let samples = position.samples;
    need((discriminator_steps..=MOST).contains(&samples), &|| {
        format!("{samples} samples shown in {discriminator_steps} discriminator steps can't be")
    })?;
    let (epoch, used) = (position.epoch, position.used);
    let data = settings["samples"].as_u64().unwrap_or(MOST);
    // An epoch has at least one sample, and the next one may have begun.
    need(epoch <= samples + 1 && used <= data, &|| {
        format!("its place, {used} samples into epoch {epoch}, lies beyond the data")
    })?;
    let elapsed = position.elapsed;
    need((0.0..=LONGEST).contains(&elapsed), &|| {
        format!("a training time of {elapsed} s can't be")
    })?;
    // It is turned into one.
    let time = Duration::try_from_secs_f64(elapsed);
    need(time.is_ok(), &|| {
        format!("a training time of {elapsed} s can't be")
    })?;
    let scale = position.rate_scale;
    need(scale > 0.0 && scale <= 1.0, &|| {
        format!("a factor of {scale} on the learning rates can't be")
    })?;
    need(scale == 1.0 || position.rollbacks > 0, &|| {
        format!("a factor of {scale} on the learning rates can't be without a rollback")
    })?;
    need(u64::from(position.rollbacks) <= MOST.min(1 << 20), &|| {
        format!("{} rollbacks can't be", position.rollbacks)
    })?;
    for (stream, purpose, what) in [
        (&position.latents, "latent", "latents"),
        (&position.conditions, "conditions", "conditions"),
        (&position.styles, "styles", "styles"),
    ] {
        need(stream.is_for(purpose), &|| {
            format!("its {what} are another stream's")
        })?;
    }
    unread(&position.unread, step)?;
    findings(&position.findings)?;
    let health = rmp_serde::to_vec_named(&position.health).map_err(|error| error.to_string())?;
    let health = Node::read(&health)?;
    health
        .finite()
        .map_err(|problem| format!("what the health watch knows: {problem}"))?;
    counted("health", &health)?;
    memories(&position.memories)?;
    measurements(&position.measurements, step)
}

/// Losses that wait to be looked at are of steps that were made, in their order; whether they are
/// finite is what is to be looked at.
fn unread(losses: &[LossReading], step: u64) -> Result<(), String> {
    let mut last = 0;
    for loss in losses {
        if loss.step <= last || loss.step > step {
            return Err(format!("a loss of step {} can't wait there", loss.step));
        }
        last = loss.step;
    }
    Ok(())
}

fn findings(findings: &[Finding]) -> Result<(), String> {
    for finding in findings {
        if finding.step == 0 || finding.step > MOST {
            return Err(format!("a finding of step {} can't be", finding.step));
        }
        let bytes = rmp_serde::to_vec_named(finding).map_err(|error| error.to_string())?;
        let finite = Node::read(&bytes)?.finite();
        finite.map_err(|problem| format!("a finding: {problem}"))?;
    }
    Ok(())
}

/// Counts, steps and bytes are not below 0, and leave room to be counted on.
fn counted(path: &str, node: &Node<'_>) -> Result<(), String> {
    match node {
        Node::Integer(count) if !(0..=i128::from(MOST)).contains(count) => {
            Err(format!("`{path}` = {count} can't be"))
        }
        Node::List(nodes) => nodes.iter().try_for_each(|node| counted(path, node)),
        Node::Map(entries) => entries
            .iter()
            .try_for_each(|(name, node)| counted(&format!("{path}.{name}"), node)),
        _ => Ok(()),
    }
}

/// Each number once, of a step that was made; whether it is finite is what it tells.
fn measurements(numbers: &[Measurement], step: u64) -> Result<(), String> {
    let mut names = BTreeSet::new();
    for number in numbers {
        let name = &number.name;
        if !(1..=step).contains(&number.step) || !names.insert(name) {
            let of = number.step;
            return Err(format!(
                "a measurement `{name}` of step {of} can't be there"
            ));
        }
    }
    Ok(())
}

/// Observers read their memories themselves; a stack must be able to hold what is nested in them.
fn memories(memories: &Memories) -> Result<(), String> {
    memories.values().try_for_each(|(name, bytes)| {
        let read = Node::read(bytes).map(|_| ());
        read.map_err(|problem| format!("the memory `{name}` can't be read: {problem}"))
    })
}
