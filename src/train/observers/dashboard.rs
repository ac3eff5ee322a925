//! burn's terminal dashboard, driven by a run of this crate.

use crate::pair::Pair;
use std::collections::BTreeMap;
use std::fmt;
use std::io::IsTerminal;
use std::sync::Arc;

use burn::data::dataloader::Progress;
use burn_train::Interrupter;
use burn_train::metric::{
    MetricAttributes, MetricDefinition, MetricEntry, MetricId, NumericAttributes, NumericEntry,
    SerializedEntry,
};
use burn_train::renderer::tui::TuiMetricsRendererWrapper;
use burn_train::renderer::{
    MetricState, MetricsRenderer, MetricsRendererTraining, ProgressType, TrainingProgress,
};

use crate::error::Result;
use crate::terminal::say;
use crate::text::visible;
use crate::train::{Interrupt, Notice, Observer, Reading, StepEvent};

/// An observer that shows burn's terminal dashboard: every number of the
/// [`Reading`] as a plot, with progress and learning rates. Needs the feature `dashboard`.
///
/// The keys are burn's: `←` and `→` choose the plot, `↑` and `↓` its kind, `q` then `s` stops the
/// run through the [`Interrupt`] given, to which the trainer must listen; `q` then `k` panics. The
/// dashboard takes the whole terminal, Ctrl-C included, from the first call until the observer is
/// dropped: no other observer should write to it, [`Progress`](super::Progress) in particular.
/// Notices are written to standard error when it is closed. Where standard output is no terminal it
/// shows nothing.
///
/// Its thread keeps one CPU core busy (burn-train 0.21 waits for events without sleeping): it is
/// for runs on a GPU. Each reading waits for the device: give it a rhythm of tens of steps.
///
/// ```
/// use burn_gan::burn::backend::{Autodiff, Flex};
/// use burn_gan::data::MemoryDataset;
/// use burn_gan::models::{MlpDiscriminatorConfig, MlpGeneratorConfig};
/// use burn_gan::train::Dashboard;
/// use burn_gan::train::{Interrupt, Rhythm, Trainer, TrainerConfig};
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
/// let interrupt = Interrupt::new();
/// # if std::io::IsTerminal::is_terminal(&std::io::stdout()) { return Ok::<(), burn_gan::Error>(()); }
/// Trainer::new(TrainerConfig::new(6, 8, Latent::normal(2)), &device)?
///     .observe(Rhythm::Every(2), Dashboard::new(interrupt))
///     .run(gan, &data)?;
/// # Ok::<(), burn_gan::Error>(())
/// ```
pub struct Dashboard {
    interrupt: Interrupt,
    screen: Option<Screen>,
    /// Lines to write when the screen is closed.
    told: Vec<String>,
}

/// An open dashboard.
struct Screen {
    renderer: TuiMetricsRendererWrapper,
    quit: Interrupter,
    /// Steps made before this process began; the time left is told from there.
    start: u64,
    /// The numbers that have a plot, and the step of the last value in it.
    shown: BTreeMap<String, u64>,
}

impl fmt::Debug for Dashboard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dashboard")
            .field("interrupt", &self.interrupt)
            .field("open", &self.screen.is_some())
            .finish_non_exhaustive()
    }
}

impl Dashboard {
    /// A dashboard whose quit key makes the wish `interrupt`.
    pub fn new(interrupt: Interrupt) -> Self {
        Self {
            interrupt,
            screen: None,
            told: Vec::new(),
        }
    }
}

impl Screen {
    fn open(start: u64) -> Self {
        let quit = Interrupter::new();
        let checkpoint = usize::try_from(start).ok();
        let renderer = TuiMetricsRendererWrapper::new(quit.clone(), checkpoint);
        Self {
            renderer,
            quit,
            start,
            shown: BTreeMap::new(),
        }
    }

    fn show(&mut self, reading: &Reading, steps: u64) {
        for number in &reading.numbers {
            let name = visible(&number.name.replace('_', " ")).into_owned();
            match self.shown.insert(name.clone(), number.step) {
                // Measured before the last call.
                Some(step) if step == number.step => continue,
                Some(_) => {}
                None => self.renderer.register_metric(MetricDefinition {
                    metric_id: id(&name),
                    name: name.clone(),
                    description: None,
                    attributes: MetricAttributes::Numeric(NumericAttributes {
                        unit: None,
                        higher_is_better: false,
                    }),
                }),
            }
            self.renderer.update_train(state(&name, number.value));
        }
        // A rollback may go behind the start, from which burn counts in unsigned numbers.
        let progress = Progress {
            items_processed: count(reading.step.max(self.start)),
            items_total: count(steps),
        };
        let item = TrainingProgress {
            progress: None,
            global_progress: progress.clone(),
            iteration: Some(count(reading.step)),
        };
        let indicator = ProgressType::Detailed {
            tag: "Step".to_owned(),
            progress,
        };
        self.renderer.render_train(item, vec![indicator]);
    }
}

fn id(name: &str) -> MetricId {
    MetricId::new(Arc::new(name.to_owned()))
}

fn count(steps: u64) -> usize {
    usize::try_from(steps).unwrap_or(usize::MAX)
}

/// A value for the plots; one that is not finite is told as text alone.
fn state(name: &str, value: f64) -> MetricState {
    let text = format!("{value:.4}");
    let entry = MetricEntry::new(id(name), SerializedEntry::new(text, value.to_string()));
    if value.is_finite() {
        MetricState::Numeric(entry, NumericEntry::Value(value))
    } else {
        MetricState::Generic(entry)
    }
}

impl<P: Pair> Observer<P> for Dashboard {
    fn shows_notices(&self) -> bool {
        true
    }

    fn observe(&mut self, event: &StepEvent<'_, P>) -> Result<()> {
        if self.screen.is_none() && std::io::stdout().is_terminal() {
            let start = event.step.saturating_sub(event.session_steps);
            self.screen = Some(Screen::open(start));
        }
        let Some(screen) = &mut self.screen else {
            return Ok(());
        };
        screen.show(event.reading(), event.steps);
        if screen.quit.should_stop() {
            self.interrupt.request();
        }
        Ok(())
    }

    fn notice(&mut self, notice: &Notice) {
        if !matches!(notice, Notice::Saved { .. }) {
            self.told.push(notice.to_string());
        }
    }
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        // Closes the screen, so that the lines stay.
        self.screen = None;
        for line in &self.told {
            say(line);
        }
    }
}
