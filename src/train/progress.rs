//! How far a run is, on a terminal or in a log.

use std::time::Duration;

use burn::tensor::backend::AutodiffBackend;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::history::scalar;
use super::{Observer, StepEvent, StepOutcome};
use crate::error::Result;
use crate::network::{TrainableDiscriminator, TrainableGenerator};

/// Losses are read back at most this often: on a GPU each reading waits for the device.
const READING_PAUSE: Duration = Duration::from_millis(500);
/// Plain lines where there is no terminal.
const LINES: u64 = 10;

/// An observer that shows a progress bar with steps per second, the time left and the losses;
/// plain lines on standard error, one for each tenth of the run, where there is no terminal.
///
/// Give it the rhythm `Every(1)`: it paces itself.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    last_reading: Option<Duration>,
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

impl Progress {
    /// A bar on standard error.
    pub fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        // The template is a constant of ours: if it did not parse, the plain bar would do.
        if let Ok(style) =
            ProgressStyle::with_template("{bar:32} {pos}/{len} steps  {per_sec}  {eta} left  {msg}")
        {
            bar.set_style(style);
        }
        Self {
            bar,
            last_reading: None,
        }
    }

    fn losses<B: AutodiffBackend>(outcome: &StepOutcome<B>) -> String {
        format!(
            "D {:.4}  G {:.4}",
            scalar(&outcome.discriminator_loss),
            scalar(&outcome.generator_loss)
        )
    }
}

impl<G, D, B> Observer<G, D, B> for Progress
where
    B: AutodiffBackend,
    G: TrainableGenerator<B>,
    D: TrainableDiscriminator<B>,
{
    fn observe(&mut self, event: &StepEvent<'_, G, D, B>) -> Result<()> {
        let done = event.step == event.steps;
        if self.bar.is_hidden() {
            if done
                || event
                    .step
                    .is_multiple_of(event.steps.div_ceil(LINES).max(1))
            {
                eprintln!(
                    "step {}/{}  {:.0} s  {}",
                    event.step,
                    event.steps,
                    event.elapsed.as_secs_f64(),
                    Self::losses(event.outcome)
                );
            }
            return Ok(());
        }
        if self.bar.length() != Some(event.steps) {
            self.bar.set_length(event.steps);
        }
        self.bar.set_position(event.step);
        let due = self
            .last_reading
            .is_none_or(|last| event.elapsed.saturating_sub(last) >= READING_PAUSE);
        if due || done {
            self.bar.set_message(Self::losses(event.outcome));
            self.last_reading = Some(event.elapsed);
        }
        if done {
            self.bar.finish();
        }
        Ok(())
    }
}
