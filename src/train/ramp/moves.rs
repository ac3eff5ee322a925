//! The settings of each step, in which ramped numbers move.

use std::sync::Arc;

use serde::Serialize;

use super::{Ramp, refusal};
use crate::error::{Error, Result};
use crate::settings::numbers::{Name, Numbers};

/// Settings whose numbers can move.
pub(in crate::train) trait Ramped: Numbers + Clone + Serialize {
    /// How they move.
    fn ramps(&self) -> &[Ramp];

    /// Checks every setting but the ramps.
    ///
    /// # Errors
    /// The first wrong setting, by its dotted name.
    fn check(&self) -> Result<()>;
}

/// The settings of each step.
#[derive(Debug, Clone)]
pub(in crate::train) struct Ramps<C> {
    settings: Arc<C>,
    moves: Vec<Move>,
}

/// A ramp, where it acts, and where it starts.
#[derive(Debug, Clone)]
struct Move {
    /// Which one of the settings' [`Numbers`] it is, from 0.
    place: usize,
    from: f64,
    ramp: Ramp,
}

impl<C: Ramped> Ramps<C> {
    /// Finds the setting of each ramp.
    ///
    /// # Errors
    /// If a ramp is wrong in itself, is not of a floating-point setting with a value, is the
    /// second one of its setting, or leads to settings that no run can be made with.
    pub(in crate::train) fn new(settings: &C) -> Result<Self> {
        let mut found = Self {
            settings: Arc::new(settings.clone()),
            moves: Vec::with_capacity(settings.ramps().len()),
        };
        let numbers = match settings.ramps() {
            [] => return Ok(found),
            _ => numbers(&mut settings.clone()),
        };
        for (index, ramp) in settings.ramps().iter().enumerate() {
            let within = |error: Error| error.within(&format!("ramps[{index}]"));
            ramp.validate().map_err(within)?;
            let refused =
                |problem: String| within(Error::setting("setting", &ramp.setting, problem));
            let number = numbers.iter().position(|(name, _)| *name == ramp.setting);
            let place = match number {
                Some(place) if !refusal::is_still(&ramp.setting) => place,
                _ => return Err(refused(refusal::of(settings, &numbers, &ramp.setting))),
            };
            if let Some(first) = found.moves.iter().position(|m| m.place == place) {
                return Err(refused(format!(
                    "is ramped already, by ramps[{first}]; keep one of the two"
                )));
            }
            found.moves.push(Move {
                place,
                from: numbers[place].1,
                ramp: ramp.clone(),
            });
        }
        for Ramp { steps, .. } in settings.ramps() {
            found.at(*steps).check().map_err(|error| match error {
                Error::Setting {
                    field,
                    value,
                    problem,
                } => Error::setting(
                    &field,
                    value,
                    format!("{problem}; the ramps bring it there by step {steps}"),
                ),
                other => other,
            })?;
        }
        Ok(found)
    }

    /// The settings at `step` (from 0). At step 0 they are the original ones; without ramps they
    /// always are.
    pub(in crate::train) fn at(&mut self, step: u64) -> Arc<C> {
        if !self.moves.is_empty() {
            let mut place = 0;
            // In place, unless somebody still holds those of another step.
            Arc::make_mut(&mut self.settings).numbers(Name::Whole, &mut |_, mut number| {
                if let Some(found) = self.moves.iter().find(|m| m.place == place) {
                    number.set(found.ramp.value(found.from, step));
                }
                place += 1;
            });
        }
        Arc::clone(&self.settings)
    }
}

/// All floating-point settings by name, with their values; the place of each is its index.
fn numbers(settings: &mut impl Numbers) -> Vec<(String, f64)> {
    let mut found = Vec::new();
    settings.numbers(Name::Whole, &mut |name, number| {
        found.push((name.to_string(), number.get()));
    });
    found
}
