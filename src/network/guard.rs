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

/// Whether the words of a panic are about one of these sizes, so that who chose it is to blame.
pub(crate) fn is_about(words: &str, sizes: &[usize]) -> bool {
    let numbers = words.split(|c: char| !c.is_ascii_digit());
    let mut numbers = numbers.filter_map(|number| number.parse::<usize>().ok());
    !is_of_the_machine(words) && numbers.any(|number| sizes.contains(&number))
}

/// Whether the words of a panic tell of a machine that has no threads or no memory left.
pub(crate) fn is_of_the_machine(words: &str) -> bool {
    const PARTS: [&str; 8] = [
        "os {",
        "os error",
        "thread pool",
        "threadpool",
        "memory",
        "alloc",
        "device lost",
        "poison",
    ];
    let words = words.to_lowercase();
    PARTS.iter().any(|part| words.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_blamed_where_a_panic_names_them_and_the_machine_is_not() {
        let linear = "a linear layer of weight [3, 16] can't take an input of shape [4, 5]";
        assert!(is_about(linear, &[5]));
        assert!(!is_about(linear, &[7]));
        // 16 is no 1 and no 6.
        assert!(!is_about(linear, &[1, 6]));
        let threads = "The global thread pool has not been initialized.: ThreadPoolBuildError { \
                       kind: IOError(Os { code: 11, kind: WouldBlock, message: \"Resource \
                       temporarily unavailable\" }) }";
        assert!(!is_about(threads, &[11]));
        assert!(!is_about("memory allocation of 64 bytes failed", &[64]));
        assert!(!is_about(
            "called `Option::unwrap()` on a `None` value",
            &[1]
        ));
    }

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
