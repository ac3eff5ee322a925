//! Stopping a run from outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::error::{Error, Result};

/// Where the system has it; nobody asks for it elsewhere.
const SIGHUP: i32 = 1;

/// What nobody asked for yet, and what is no signal's number.
const NOTHING: usize = 0;
const REQUEST: usize = usize::MAX;

/// A wish to stop that a run looks at after each step: it then saves a checkpoint, where it has
/// them, and ends with [`Ending::Interrupted`](super::Ending::Interrupted).
///
/// ```
/// use burn_gan::train::Interrupt;
///
/// let interrupt = Interrupt::new();
/// let button = interrupt.clone();
/// assert!(!interrupt.is_requested());
/// button.request();
/// assert!(interrupt.is_requested());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Interrupt {
    asked: Arc<AtomicUsize>,
    /// Whether the next signal ends the process at once.
    impatient: Arc<AtomicBool>,
}

impl Interrupt {
    /// A wish that only [`request`](Self::request) makes.
    pub fn new() -> Self {
        Self::default()
    }

    /// A wish that Ctrl-C (SIGINT) and SIGTERM make, and on Linux SIGHUP, which comes when the
    /// terminal is closed, unless the program was started to outlive it (`nohup`). A second signal
    /// ends the process at once, with 128 + its number: 130, 143 or 129.
    ///
    /// Call it once in a program: it changes what these signals do for the whole process.
    ///
    /// # Errors
    /// If the system refuses the handlers.
    pub fn on_signals() -> Result<Self> {
        let interrupt = Self::default();
        let hang_up = hang_up_ends_the_process().then_some(SIGHUP);
        for signal in [SIGINT, SIGTERM].into_iter().chain(hang_up) {
            // In this order: the first signal finds the flag down and puts it up.
            flag::register_conditional_shutdown(signal, 128 + signal, interrupt.impatient.clone())
                .and_then(|_| flag::register(signal, interrupt.impatient.clone()))
                .and_then(|_| {
                    flag::register_usize(signal, interrupt.asked.clone(), signal as usize)
                })
                .map_err(|error| Error::io(format!("handler of signal {signal}"), error))?;
        }
        Ok(interrupt)
    }

    /// Asks the run to stop after its current step.
    pub fn request(&self) {
        self.asked.store(REQUEST, Ordering::Release);
    }

    /// Whether somebody asked.
    pub fn is_requested(&self) -> bool {
        self.asked.load(Ordering::Acquire) != NOTHING
    }

    /// The number of the signal that asked, if one did.
    pub fn signal(&self) -> Option<i32> {
        match self.asked.load(Ordering::Acquire) {
            NOTHING | REQUEST => None,
            signal => i32::try_from(signal).ok(),
        }
    }

    /// A run looks from now on: the first signal only asks it to stop.
    pub(super) fn wait(&self) {
        self.impatient.store(self.is_requested(), Ordering::Release);
    }

    /// Nobody looks any more: from now on the first signal ends the process.
    pub(super) fn stop_waiting(&self) {
        self.impatient.store(true, Ordering::Release);
    }
}

/// Whether SIGHUP would end the process. Where that can't be told it is left alone: a handler would
/// undo `nohup`.
fn hang_up_ends_the_process() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    ignored_signals(&status).is_some_and(|ignored| ignored & 1 == 0)
}

/// The mask of ignored signals in Linux's account of a process; bit 0 is signal 1.
fn ignored_signals(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(line.trim(), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hang_up_that_is_ignored_is_read_from_the_systems_account() {
        let status = |mask: &str| format!("Name:\tring\nSigBlk:\t0000000000000000\n{mask}\n");
        let ignored = |mask: &str| ignored_signals(&status(mask));
        assert_eq!(ignored("SigIgn:\t0000000000001000"), Some(0x1000));
        assert_eq!(ignored("SigIgn:\t0000000000001001"), Some(0x1001));
        assert_eq!(ignored("SigCgt:\t0000000000001001"), None);
        assert_eq!(ignored("SigIgn:\tnone"), None);
    }
}
