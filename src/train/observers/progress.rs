//! How far a run is, on a terminal or in a log.

use crate::pair::Pair;
use std::time::Duration;

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};

use crate::error::Result;
use crate::readback::scalar;
use crate::terminal::say;
use crate::text::{digits, visible};
use crate::train::{Notice, Observer, StepEvent};

/// Losses are read back at most this often: on a GPU each reading waits for the device.
const READING_PAUSE: Duration = Duration::from_millis(500);
/// Plain lines where there is no terminal.
const LINES: u64 = 10;

/// An observer that shows a progress bar with steps and real samples per second, the time left, the
/// losses and what evaluators have measured last; plain lines on standard error, one for each tenth
/// of the run, where there is no terminal.
///
/// Pace and time left are those of this process: a resumed run starts the bar at its step. Notices
/// stand as lines above the bar, but those of checkpoints written.
///
/// Give it the rhythm `Every(1)`: it paces itself.
///
/// ```
/// use burn_gan::burn::backend::{Autodiff, Flex};
/// use burn_gan::data::MemoryDataset;
/// use burn_gan::models::{MlpDiscriminatorConfig, MlpGeneratorConfig};
/// use burn_gan::train::{Progress, Rhythm, Trainer, TrainerConfig};
/// use burn_gan::{Gan, Latent};
///
/// let device = Default::default();
/// let gan = Gan::<_, _, Autodiff<Flex>>::seeded(
///     MlpGeneratorConfig::new(2, [2]).with_hidden([8]).init(&device)?,
///     MlpDiscriminatorConfig::new([2]).with_hidden([8]).init(&device)?,
///     1,
///     &device,
/// );
/// let data = MemoryDataset::<2>::new(vec![0.5; 32], [2])?;
/// Trainer::new(TrainerConfig::new(6, 8, Latent::normal(2)), &device)?
///     .observe(Rhythm::Every(1), Progress::new())
///     .run(gan, &data)?;
/// # Ok::<(), burn_gan::Error>(())
/// ```
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
        Self::on(ProgressDrawTarget::stderr())
    }

    pub(super) fn on(target: ProgressDrawTarget) -> Self {
        // A run that is stopped leaves the bar where it was.
        let bar = ProgressBar::with_draw_target(None, target).with_finish(ProgressFinish::Abandon);
        // The template is a constant of ours: if it did not parse, the plain bar would do.
        if let Ok(style) = ProgressStyle::with_template("{bar:32} {pos}/{len} steps  {msg}") {
            bar.set_style(style);
        }
        Self {
            bar,
            last_reading: None,
        }
    }

    /// Both losses, and what evaluators have measured last.
    fn numbers<P: Pair>(event: &StepEvent<'_, P>) -> String {
        let mut text = format!(
            "D {:.4}  G {:.4}",
            scalar(&event.outcome.discriminator_loss),
            scalar(&event.outcome.generator_loss)
        );
        for number in event.measurements {
            text += &format!("  {} {}", visible(&number.name), digits(number.value));
        }
        text
    }
}

/// How fast a session of a run is.
#[derive(Debug, Clone, Copy)]
struct Pace {
    step: u64,
    steps: u64,
    samples: u64,
    session: Duration,
    session_steps: u64,
}

impl Pace {
    fn of<P: Pair>(event: &StepEvent<'_, P>) -> Self {
        Self {
            step: event.step,
            steps: event.steps,
            samples: event.samples,
            session: event.session,
            session_steps: event.session_steps,
        }
    }

    /// Steps a second, samples a second and the time left.
    fn text(self) -> String {
        let steps = self.session_steps as f64 / self.session.as_secs_f64();
        // Every step shows as many samples as another.
        let samples = steps * self.samples as f64 / self.step as f64;
        let left = self.steps.saturating_sub(self.step) as f64;
        let pace = format!("{} steps/s  {} samples/s", rate(steps), rate(samples));
        match Duration::try_from_secs_f64(left / steps) {
            Ok(time) if left > 0.0 => format!("{pace}  {} left", HumanDuration(time)),
            // The end; or no step was made and no time has passed, so that there is no pace yet.
            _ => pace,
        }
    }
}

/// A rate in about three digits.
fn rate(value: f64) -> String {
    let digits = match value {
        ..10.0 => 2,
        10.0..100.0 => 1,
        _ => 0,
    };
    format!("{value:.digits$}")
}

impl<P: Pair> Observer<P> for Progress {
    fn shows_notices(&self) -> bool {
        true
    }

    fn observe(&mut self, event: &StepEvent<'_, P>) -> Result<()> {
        let done = event.step == event.steps;
        let text = || format!("{}  {}", Pace::of(event).text(), Self::numbers(event));
        if self.bar.is_hidden() {
            let tenth = event.steps.div_ceil(LINES).max(1);
            if done || event.step.is_multiple_of(tenth) {
                let seconds = event.elapsed.as_secs_f64();
                let (step, steps) = (event.step, event.steps);
                say(format_args!(
                    "step {step}/{steps}  {seconds:.0} s  {}",
                    text()
                ));
            }
            return Ok(());
        }
        if self.bar.length() != Some(event.steps) {
            self.bar.set_length(event.steps);
        }
        self.bar.set_position(event.step);
        let due = self
            .last_reading
            .is_none_or(|last| event.session.saturating_sub(last) >= READING_PAUSE);
        if due || done {
            self.bar.set_message(text());
            self.last_reading = Some(event.session);
        }
        if done {
            self.bar.finish();
        }
        Ok(())
    }

    fn notice(&mut self, notice: &Notice) {
        if matches!(notice, Notice::Saved { .. }) {
            return;
        }
        if self.bar.is_hidden() {
            say(notice);
        } else {
            self.bar.println(notice.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pace_and_time_left_are_of_this_session() {
        // Resumed after 900 of 1,000 steps of 64 samples; 20 steps in 40 seconds since.
        let pace = Pace {
            step: 920,
            steps: 1_000,
            samples: 920 * 64,
            session: Duration::from_secs(40),
            session_steps: 20,
        };
        // Half a step and 32 samples a second: 80 steps take 160 seconds.
        assert_eq!(pace.text(), "0.50 steps/s  32.0 samples/s  3 minutes left");
    }

    #[test]
    fn before_any_time_has_passed_there_is_no_time_left() {
        let pace = Pace {
            step: 1,
            steps: 10,
            samples: 0,
            session: Duration::ZERO,
            session_steps: 0,
        };
        assert!(!pace.text().contains("left"), "{}", pace.text());
    }

    #[test]
    fn rates_have_about_three_digits() {
        assert_eq!(
            [0.5, 9.0, 12.34, 1234.5].map(rate),
            ["0.50", "9.00", "12.3", "1234"]
        );
    }
}
