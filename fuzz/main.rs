//! Mutated files and settings for everything that reads them: none may panic, hang, end the process
//! or take memory that the file does not account for.
//!
//! ```text
//! cargo test --test fuzz                                      the inputs that once failed, and a few hundred more
//! cargo test --test fuzz -- --mutations 200000                the long run
//! cargo test --test fuzz -- --reader idx --seconds 60         one reader
//! cargo test --test fuzz -- --reader idx --seed 3 --case 17   one finding again
//! cargo test --test fuzz -- --make-seeds                      the seeds anew, after a format has changed
//! ```
//!
//! A case is a function of (reader, seed, number). Each reader's cases run in a process of their own:
//! what ends it (a stack that overflows, an abort, a hang) is a finding like any other, and the next
//! process goes on after it.

mod mutate;
mod options;
mod random;
mod readers;
mod supervisor;
mod worker;

use std::process::ExitCode;

use cap::Cap;
use mimalloc::MiMalloc;

use options::{Options, Task};

/// Counts what is allocated; each case is given its limit.
#[global_allocator]
static ALLOCATOR: Cap<MiMalloc> = Cap::new(MiMalloc, usize::MAX);

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("fuzz: {problem}");
            return ExitCode::from(2);
        }
    };
    match options.task {
        Task::List => {
            for reader in readers::all() {
                println!("{}: test", reader.name());
            }
            ExitCode::SUCCESS
        }
        Task::MakeSeeds => readers::make_seeds(),
        Task::Work(ref order) => worker::work(&options, order),
        Task::Run => supervisor::run(&options),
    }
}
