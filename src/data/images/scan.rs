//! Work on every file of a folder, on threads, with its progress.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};

use crate::terminal::say;

/// What a scan is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScanStage {
    /// Every file's header is read.
    Headers,
    /// Every picture is decoded.
    Pixels,
}

impl ScanStage {
    /// What it does, in a word or two.
    pub fn words(self) -> &'static str {
        match self {
            Self::Headers => "reading headers",
            Self::Pixels => "decoding",
        }
    }
}

/// How far a scan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScanProgress {
    /// What it is at.
    pub stage: ScanStage,
    /// Files that are done.
    pub done: usize,
    /// Files in all.
    pub total: usize,
}

/// Shows how far a scan is: a bar on a terminal, a line every ten seconds elsewhere. Scans of less
/// than a second show nothing.
///
/// ```no_run
/// use burn_gan::data::{ImageConfig, ImageFolder, ScanBar};
///
/// let mut bar = ScanBar::new();
/// let photos = ImageFolder::new("photos", ImageConfig::new(64, 64))
///     .with_check(true)
///     .open_with(|progress| bar.show(progress))?;
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug)]
pub struct ScanBar {
    bar: ProgressBar,
    stage: Option<(ScanStage, Instant)>,
    said: Instant,
}

const QUIET: Duration = Duration::from_secs(1);
const LINES: Duration = Duration::from_secs(10);

impl Default for ScanBar {
    fn default() -> Self {
        Self::new()
    }
}

impl ScanBar {
    /// A bar on standard error.
    pub fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
            .with_finish(ProgressFinish::AndClear);
        // The template is a constant of ours: if it did not parse, the plain bar would do.
        if let Ok(style) = ProgressStyle::with_template("{bar:32} {pos}/{len} pictures  {msg}") {
            bar.set_style(style);
        }
        Self {
            bar,
            stage: None,
            said: Instant::now(),
        }
    }

    /// Shows it.
    pub fn show(&mut self, progress: ScanProgress) {
        let begun = match self.stage {
            Some((stage, begun)) if stage == progress.stage => begun,
            _ => {
                let now = Instant::now();
                self.stage = Some((progress.stage, now));
                self.said = now;
                now
            }
        };
        let done = progress.done == progress.total;
        if begun.elapsed() < QUIET {
            return;
        }
        if !self.bar.is_hidden() {
            self.bar.set_length(progress.total as u64);
            self.bar.set_message(progress.stage.words());
            self.bar.set_position(progress.done as u64);
            if done {
                self.bar.reset();
                self.bar.finish_and_clear();
            }
        } else if done || self.said.elapsed() >= LINES {
            self.said = Instant::now();
            say(format_args!(
                "{}: {} of {} pictures",
                progress.stage.words(),
                progress.done,
                progress.total
            ));
        }
    }
}

/// Files are waited for more than worked on, so that a few threads help on one core too; memory is
/// taken for each.
const LEAST_THREADS: usize = 2;
const MOST_THREADS: usize = 16;

/// What `work` makes of each number below `count`, in their order.
///
/// Threads take the numbers one after the other; `progress` is called on this thread. A panic of
/// `work` is this function's.
pub(super) fn each<T: Send>(
    count: usize,
    work: impl Fn(usize) -> T + Sync,
    mut progress: impl FnMut(usize),
) -> Vec<T> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let threads = threads.clamp(LEAST_THREADS, MOST_THREADS).min(count);
    let (next, stopped) = (AtomicUsize::new(0), AtomicBool::new(false));
    let mut made: Vec<Option<T>> = (0..count).map(|_| None).collect();
    let (sender, receiver) = mpsc::channel();
    let serve = &|sender: mpsc::Sender<(usize, T)>| {
        while !stopped.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count || sender.send((number, work(number))).is_err() {
                break;
            }
        }
    };
    thread::scope(|scope| {
        // Whatever ends this thread ends the others.
        let _stop = Stop(&stopped);
        for _ in 0..threads {
            let sender = sender.clone();
            let thread = thread::Builder::new().name("scan".to_owned());
            // Where the system has none left, this one does it in the end.
            if thread.spawn_scoped(scope, move || serve(sender)).is_err() {
                break;
            }
        }
        drop(sender);
        for (done, (number, what)) in receiver.into_iter().enumerate() {
            made[number] = Some(what);
            progress(done + 1);
        }
    });
    // A thread that panicked has ended the scope with its panic; what is missing no thread was there
    // for.
    let made = made.into_iter().enumerate();
    made.map(|(number, what)| what.unwrap_or_else(|| work(number)))
        .collect()
}

struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_and_progress_counts_to_the_end() {
        for count in [0, 1, 2, 100] {
            let mut steps = Vec::new();
            let slow = |number: usize| {
                thread::sleep(Duration::from_micros((number % 7) as u64 * 100));
                10 * number
            };
            let made = each(count, slow, |done| steps.push(done));
            assert_eq!(
                made,
                (0..count).map(|number| 10 * number).collect::<Vec<_>>()
            );
            assert_eq!(steps, (1..=count).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_panic_of_the_work_or_of_the_progress_ends_it() {
        use crate::network::guard::quietly;
        let failing = |number: usize| assert!(number != 5, "five");
        assert!(quietly(|| each(20, failing, |_| ())).is_err());
        assert!(quietly(|| each(1_000, |number| number, |done| assert!(done < 3))).is_err());
    }
}
