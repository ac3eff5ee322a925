//! Passes through networks that may panic.
//!
//! The process has one panic hook, and it is the program's. A filter is put before it when the
//! first watched section of the process begins, and stays: it hands every panic on to the program's
//! hook, but those of a thread inside [`quietly`]. Hooks are not changed again after that, so that
//! sections may overlap in any number of threads; only where the program set another hook since,
//! the filter is put before that one. A hook that the program wraps around the filter hears what
//! the program lets it hear.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;

/// Runs `work`; a panic of this thread becomes an error of its words, and nothing is printed.
///
/// In a program built with `panic = "abort"` it stays a panic.
pub(crate) fn quietly<R>(work: impl FnOnce() -> R) -> Result<R, String> {
    let watch = Watch {
        quiet: true,
        ..WATCH.get()
    };
    watched(watch, work).map_err(Caught::words)
}

/// Runs `work`; a panic of this thread becomes an error of its words and its place in the source.
/// The program's hook hears of it (by default it prints the panic), unless this is inside
/// [`quietly`].
///
/// In a program built with `panic = "abort"` it stays a panic.
pub(crate) fn caught<R>(work: impl FnOnce() -> R) -> Result<R, String> {
    let watch = Watch {
        noted: true,
        ..WATCH.get()
    };
    watched(watch, work).map_err(Caught::with_place)
}

/// Runs `work`, which may fail: an error or a panic ([`caught`]) as its words.
pub(crate) fn tried<R, E: ToString>(work: impl FnOnce() -> Result<R, E>) -> Result<R, String> {
    match caught(work) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(words) => Err(words),
    }
}

/// What a panic left.
struct Caught {
    panic: Box<dyn Any + Send>,
    /// Its place in the source, where the filter saw it.
    place: Option<String>,
}

impl Caught {
    fn words(self) -> String {
        words_of(self.panic.as_ref()).to_owned()
    }

    fn with_place(self) -> String {
        let words = words_of(self.panic.as_ref());
        match self.place {
            Some(place) => format!("{words} ({place})"),
            None => words.to_owned(),
        }
    }
}

/// What the filter does with a panic of this thread.
#[derive(Debug, Clone, Copy)]
struct Watch {
    /// Whether it is kept from the program's hook.
    quiet: bool,
    /// Whether its place is noted.
    noted: bool,
}

thread_local! {
    static WATCH: Cell<Watch> = const {
        Cell::new(Watch {
            quiet: false,
            noted: false,
        })
    };
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

fn watched<R>(watch: Watch, work: impl FnOnce() -> R) -> Result<R, Caught> {
    let mut work = Some(work);
    let mut result = None;
    let caught = watched_call(watch, &mut || result = work.take().map(|work| work()));
    match (caught, result) {
        (Err(caught), _) => Err(caught),
        (Ok(()), Some(result)) => Ok(result),
        (Ok(()), None) => unreachable!("work is called once"),
    }
}

/// Compiled once, whatever the work is.
fn watched_call(watch: Watch, work: &mut dyn FnMut()) -> Result<(), Caught> {
    install_filter();
    let before = WATCH.replace(watch);
    let outer = PLACE.take();
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    let place = PLACE.replace(outer);
    WATCH.set(before);
    result.map_err(|panic| {
        // Either it came from another thread, or the filter is not there.
        if place.is_none() {
            filter().doubtful = true;
        }
        Caught { panic, place }
    })
}

/// The filter that was put before the program's hook.
struct Filter {
    /// Ends with it: a `set_hook` of the program drops what was there.
    alive: Weak<()>,
    /// Where it lies, to be told from other hooks.
    address: usize,
    /// Whether a panic passed it by: the program may have taken it away and kept it.
    doubtful: bool,
}

static FILTER: Mutex<Filter> = Mutex::new(Filter {
    alive: Weak::new(),
    address: 0,
    doubtful: false,
});

fn filter() -> MutexGuard<'static, Filter> {
    FILTER.lock().unwrap_or_else(PoisonError::into_inner)
}

fn install_filter() {
    let mut filter = filter();
    let alive = filter.alive.strong_count() > 0;
    // A hook can't be changed while its thread unwinds.
    if (alive && !filter.doubtful) || thread::panicking() {
        return;
    }
    filter.doubtful = false;
    let program = panic::take_hook();
    if alive && address(program.as_ref()) == filter.address {
        panic::set_hook(program);
        return;
    }
    let token = Arc::new(());
    filter.alive = Arc::downgrade(&token);
    let hook: Box<Hook> = Box::new(move |info| {
        let _alive = &token;
        if !kept(info) {
            program(info);
        }
    });
    filter.address = address(hook.as_ref());
    panic::set_hook(hook);
}

type Hook = dyn Fn(&PanicHookInfo<'_>) + Send + Sync;

fn address(hook: &Hook) -> usize {
    ptr::from_ref(hook).cast::<()>().addr()
}

/// Whether a panic is kept from the program's hook. A thread that is ending has no watch any more.
fn kept(info: &PanicHookInfo<'_>) -> bool {
    let Ok(watch) = WATCH.try_with(Cell::get) else {
        return false;
    };
    if watch.noted || watch.quiet {
        let place = info.location().map(ToString::to_string);
        let _ = PLACE.try_with(|noted| noted.replace(place));
    }
    watch.quiet
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
    use std::sync::Barrier;

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

    /// The words of the panics that a hook of the program hears.
    #[derive(Clone, Default)]
    struct Heard(Arc<Mutex<Vec<String>>>);

    impl Heard {
        /// As a program does it.
        fn set_hook(&self) {
            let heard = self.clone();
            panic::set_hook(Box::new(move |info| {
                let words = words_of(info.payload()).to_owned();
                heard.lock().push(words);
            }));
        }

        fn lock(&self) -> MutexGuard<'_, Vec<String>> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }

        fn take(&self) -> Vec<String> {
            let mut words = std::mem::take(&mut *self.lock());
            words.sort_unstable();
            words
        }
    }

    /// Leaves the standard hook, as the test binary has it.
    struct Back;

    impl Drop for Back {
        fn drop(&mut self) {
            if !thread::panicking() {
                drop(panic::take_hook());
            }
        }
    }

    fn loudly(words: String) {
        assert!(panic::catch_unwind(move || panic::panic_any(words)).is_err());
    }

    #[test]
    fn a_hook_of_the_program_hears_its_own_panics_and_no_others() {
        let _back = Back;
        let rounds = 50;
        for threads in [2, 8] {
            let heard = Heard::default();
            heard.set_hook();
            // The program has panics of its own once the first section began.
            assert_eq!(quietly(|| 1), Ok(1));
            let start = Barrier::new(threads + 1);
            thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(|| {
                        start.wait();
                        for round in 0..rounds {
                            let tried: Result<(), _> = quietly(|| panic!("trial {round}"));
                            assert_eq!(tried, Err(format!("trial {round}")));
                        }
                    });
                }
                start.wait();
                for round in 0..rounds {
                    loudly(format!("{round:02}"));
                }
            });
            let expected: Vec<_> = (0..rounds).map(|round| format!("{round:02}")).collect();
            assert_eq!(heard.take(), expected, "{threads} threads");

            // It is still there.
            loudly("after".to_owned());
            assert_eq!(heard.take(), ["after"]);
        }
    }

    #[test]
    fn a_hook_that_is_set_later_is_heeded_too() {
        let _back = Back;
        let [first, second, third] = [0; 3].map(|_| Heard::default());
        first.set_hook();
        let tried: Result<(), _> = quietly(|| panic!("trial"));
        assert!(tried.is_err());

        // Instead of the first.
        second.set_hook();
        let tried: Result<(), _> = quietly(|| panic!("trial"));
        assert!(tried.is_err());
        loudly("between".to_owned());
        assert_eq!(
            (first.take(), second.take()),
            (vec![], vec!["between".to_owned()])
        );

        // In the middle of a section.
        let tried: Result<(), _> = quietly(|| third.set_hook());
        assert!(tried.is_ok());
        loudly("after".to_owned());
        let tried: Result<(), _> = quietly(|| panic!("trial"));
        assert!(tried.is_err());
        assert_eq!(
            (second.take(), third.take()),
            (vec![], vec!["after".to_owned()])
        );
    }

    #[test]
    fn a_filter_that_the_program_keeps_aside_is_missed_once() {
        let _back = Back;
        let [first, second] = [0; 2].map(|_| Heard::default());
        first.set_hook();
        assert_eq!(quietly(|| 7), Ok(7));
        let aside = panic::take_hook();
        second.set_hook();
        for _ in 0..3 {
            let tried: Result<(), _> = quietly(|| panic!("trial"));
            assert!(tried.is_err());
        }
        assert_eq!(second.take(), ["trial"]);
        // The program puts back what it had.
        panic::set_hook(aside);
        let tried: Result<(), _> = quietly(|| panic!("trial"));
        assert!(tried.is_err());
        loudly("after".to_owned());
        assert_eq!(
            (first.take(), second.take()),
            (vec!["after".to_owned()], vec![])
        );
    }

    #[test]
    fn a_panic_of_another_thread_adds_no_filter() {
        let _back = Back;
        assert_eq!(quietly(|| 7), Ok(7));
        let before = filter().address;
        let handed: Result<(), _> = quietly(|| panic::resume_unwind(Box::new("handed on")));
        assert!(handed.is_err() && quietly(|| 7).is_ok());
        assert_eq!(filter().address, before);
    }

    #[test]
    fn sections_nest() {
        let _back = Back;
        let heard = Heard::default();
        heard.set_hook();
        let outer: Result<(), _> = quietly(|| {
            let inner: Result<(), _> = quietly(|| panic!("inner"));
            assert_eq!(inner, Err("inner".to_owned()));
            let inner: Result<(), _> = caught(|| panic!("noted"));
            assert!(inner.is_err_and(|words| words.starts_with("noted (")));
            panic!("outer");
        });
        assert_eq!(outer, Err("outer".to_owned()));
        assert_eq!(heard.take(), Vec::<String>::new());
        loudly("after".to_owned());
        assert_eq!(heard.take(), ["after"]);
    }

    #[test]
    fn a_caught_panic_is_heard_and_names_its_place() {
        let _back = Back;
        let heard = Heard::default();
        heard.set_hook();
        assert_eq!(caught(|| 7), Ok(7));
        let line = line!() + 1;
        let panicked: Result<(), _> = caught(|| panic!("label {}", 5));
        let expected = format!("label 5 ({}:{line}:", file!());
        assert!(
            panicked
                .as_ref()
                .is_err_and(|words| words.starts_with(&expected)),
            "{panicked:?}"
        );
        assert_eq!(heard.take(), ["label 5"]);
        // A trial in between leaves no place of its own.
        let panicked: Result<(), _> = caught(|| {
            let trial: Result<(), _> = quietly(|| panic!("trial"));
            assert!(trial.is_err());
            panic::resume_unwind(Box::new("handed on"));
        });
        assert_eq!(panicked, Err("handed on".to_owned()));
        assert_eq!(heard.take(), Vec::<String>::new());
    }
}
