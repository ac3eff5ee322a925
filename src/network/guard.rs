//! Passes through networks that may panic.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::thread;

/// Runs `work`; a panic of this thread becomes an error of its words, and nothing is printed.
///
/// In a program built with `panic = "abort"` it stays a panic.
pub(crate) fn quietly<R>(work: impl FnOnce() -> R) -> Result<R, String> {
    let here = thread::current().id();
    let previous = Arc::new(panic::take_hook());
    let others = Arc::clone(&previous);
    panic::set_hook(Box::new(move |info| {
        if thread::current().id() != here {
            others(info);
        }
    }));
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    drop(panic::take_hook());
    if let Ok(previous) = Arc::try_unwrap(previous) {
        panic::set_hook(previous);
    }
    result.map_err(|panic| words_of(panic.as_ref()).to_owned())
}

fn words_of(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_words_and_a_value_passes() {
        assert_eq!(quietly(|| 7), Ok(7));
        let literal: Result<(), _> = quietly(|| panic!("no"));
        assert_eq!(literal, Err("no".to_owned()));
        let shape = [2, 3];
        let made: Result<(), _> = quietly(|| panic!("shape {shape:?}"));
        assert_eq!(made, Err("shape [2, 3]".to_owned()));
        let number: Result<(), _> = quietly(|| panic::panic_any(7));
        assert_eq!(number, Err("without a message".to_owned()));
    }
}
