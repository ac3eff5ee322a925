//! A group of processes over MPI (feature `mpi`).
//!
//! One thread of the process speaks MPI, all others wait for it: nothing that blocks in the library
//! can keep the run from ending with an error, and no call of the library comes from two threads.
//! All messages are posted without blocking and asked after, so that it is known from whom one is
//! missing.

mod exchange;
mod patience;
mod speaker;

use std::fmt;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};

pub use patience::Patience;

use super::{ProcessGroup, lost};
use crate::error::{Error, Result};
use speaker::speak;

/// What the program asks the thread that speaks MPI.
enum Order {
    SumF32(Vec<f32>),
    SumF64(Vec<f64>),
    Broadcast(Vec<u8>),
    Gather(Vec<u8>),
    Barrier,
    Fail(String),
    Finish,
}

/// What it answers.
enum Answer {
    F32(Vec<f32>),
    F64(Vec<f64>),
    Bytes(Vec<u8>),
    Each(Vec<Vec<u8>>),
    Done,
}

/// Who this process is.
#[derive(Debug, Clone, Copy)]
struct Place {
    rank: usize,
    size: usize,
}

/// The processes that `mpirun`, `srun` or another starter of MPI's has started together.
///
/// ```no_run
/// use burn_gan::process::{Mpi, ProcessGroup};
///
/// let group = Mpi::start()?;
/// println!("process {} of {}", group.rank(), group.size());
/// group.finish();
/// # Ok::<(), burn_gan::Error>(())
/// ```
///
/// A sum is one message from each process to each other one with that one's part of the numbers,
/// which it adds up in the order of the ranks, and one back: twice the numbers over each line, as
/// the best orders of a sum have it, and the same bits everywhere.
///
/// A process that is gone, or stopped, is found by its silence, a hung one by the longest wait
/// ([`Patience`]): the error names it. When an operation has failed, MPI is not closed at the end
/// (that would wait for the process that is gone); the first process tells the others that it has
/// stored what it had to, and all leave. `mpirun` ends the others by itself, within a second or two,
/// where a process of it was killed.
pub struct Mpi {
    place: Place,
    line: Mutex<Line>,
}

/// The line to the thread that speaks MPI.
struct Line {
    orders: Sender<Order>,
    answers: Receiver<Result<Answer>>,
    speaker: Option<JoinHandle<()>>,
    /// Why no operation can succeed any more.
    broken: Option<Error>,
}

impl fmt::Debug for Mpi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mpi")
            .field("rank", &self.place.rank)
            .field("size", &self.place.size)
            .finish_non_exhaustive()
    }
}

impl Mpi {
    /// Whether the environment says that a starter of MPI's has started this process: OpenMPI's, MPICH's
    /// and its relatives', or Slurm's with more than one task.
    pub fn has_started_this() -> bool {
        let is_set = |name: &&str| std::env::var_os(name).is_some();
        let tasks = std::env::var("SLURM_NTASKS").ok();
        let tasks = tasks.and_then(|tasks| tasks.parse::<usize>().ok());
        [
            "OMPI_COMM_WORLD_SIZE",
            "PMI_SIZE",
            "PMIX_RANK",
            "MPI_LOCALNRANKS",
        ]
        .iter()
        .any(is_set)
            || (is_set(&"SLURM_PROCID") && tasks.is_some_and(|tasks| tasks > 1))
    }

    /// Starts MPI, once in a program, with the usual [`Patience`].
    ///
    /// # Errors
    /// [`Error::Process`] if MPI was started before.
    pub fn start() -> Result<Self> {
        Self::with_patience(Patience::default())
    }

    /// Starts MPI, once in a program.
    ///
    /// # Errors
    /// [`Error::Setting`] for a time that is no time; [`Error::Process`] if MPI was started before,
    /// or can't be used from a thread.
    pub fn with_patience(patience: Patience) -> Result<Self> {
        patience.validate()?;
        let (orders, asked) = mpsc::channel();
        let (answer, answers) = mpsc::channel();
        let (who, told) = mpsc::channel();
        let speaker = thread::Builder::new()
            .name("mpi".to_owned())
            .spawn(move || speak(&asked, &answer, &who, patience))
            .map_err(|error| {
                lost(
                    "starting MPI",
                    format!("there is no thread for it: {error}"),
                )
            })?;
        let place = told
            .recv()
            .unwrap_or_else(|_| Err(lost("starting MPI", "the library ended the thread")))?;
        Ok(Self {
            place,
            line: Mutex::new(Line {
                orders,
                answers,
                speaker: Some(speaker),
                broken: None,
            }),
        })
    }

    /// Ends MPI, when all processes of the group have come to it; the last that a program does with
    /// the group, and what dropping it does. Further operations fail.
    ///
    /// After an error nobody is waited for but the first process, for at most the time of
    /// [`Patience::silence`]: it may have a checkpoint to write.
    pub fn finish(&self) {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(speaker) = line.speaker.take() else {
            return;
        };
        let was_whole = line.broken.is_none();
        let problem = lost("an operation", "the group was finished before");
        line.broken.get_or_insert(problem);
        if line.orders.send(Order::Finish).is_err() {
            return;
        }
        // Its answer comes when it may be left, in MPI or not.
        if line.answers.recv().is_ok_and(|answer| answer.is_ok()) && was_whole {
            // It panics nowhere that matters now.
            drop(speaker.join());
        }
    }

    fn ask(&self, order: Order) -> Result<Answer> {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = &line.broken {
            return Err(again(error));
        }
        let gone = |_| lost("an operation", "the thread that speaks MPI has ended");
        let answer = match line.orders.send(order) {
            Ok(()) => line.answers.recv().unwrap_or_else(|_| Err(gone(()))),
            Err(_) => Err(gone(())),
        };
        if let Err(error) = &answer {
            line.broken = Some(again(error));
        }
        answer
    }
}

/// The same error once more.
fn again(error: &Error) -> Error {
    match error {
        Error::Process { operation, problem } => lost(operation, problem),
        other => lost("an operation", other.to_string()),
    }
}

/// What was asked for is what is answered.
fn other() -> ! {
    unreachable!("an answer of another kind than the order")
}

impl ProcessGroup for Mpi {
    fn rank(&self) -> usize {
        self.place.rank
    }

    fn size(&self) -> usize {
        self.place.size
    }

    fn sum_f32(&self, values: Vec<f32>) -> Result<Vec<f32>> {
        match self.ask(Order::SumF32(values))? {
            Answer::F32(sum) => Ok(sum),
            _ => other(),
        }
    }

    fn sum_f64(&self, values: Vec<f64>) -> Result<Vec<f64>> {
        match self.ask(Order::SumF64(values))? {
            Answer::F64(sum) => Ok(sum),
            _ => other(),
        }
    }

    fn broadcast(&self, bytes: Vec<u8>) -> Result<Vec<u8>> {
        match self.ask(Order::Broadcast(bytes))? {
            Answer::Bytes(bytes) => Ok(bytes),
            _ => other(),
        }
    }

    fn gather(&self, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>> {
        match self.ask(Order::Gather(bytes))? {
            Answer::Each(each) => Ok(each),
            _ => other(),
        }
    }

    fn barrier(&self) -> Result<()> {
        self.ask(Order::Barrier).map(drop)
    }

    fn fail(&self, problem: &str) {
        // It breaks the group, as it is meant to.
        let _ = self.ask(Order::Fail(problem.to_owned()));
    }
}

impl Drop for Mpi {
    fn drop(&mut self) {
        self.finish();
    }
}
