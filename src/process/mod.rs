//! A group of processes that train one GAN together.
//!
//! What the step and the trainer need of a group is the trait [`ProcessGroup`]: who one is, sums,
//! and a few messages. [`Alone`] is the group of one process, which everything takes where nobody
//! says otherwise; it does nothing. `Mpi` (feature `mpi`) is a group that `mpirun` or Slurm has
//! started, on one machine or on many. `docs/processes.md` tells how to start one, and what is
//! exact.
//!
//! Each process takes its [share](crate::step::Share) of every batch; what shares add up to is
//! summed, and each process makes the same update with the same bits.

mod across;
mod alone;
// Without a backend of burn's no statistics are taken over processes.
#[cfg_attr(
    not(any(feature = "flex", feature = "ndarray", feature = "wgpu")),
    allow(dead_code, unused_imports)
)]
mod means;
#[cfg(feature = "mpi")]
mod mpi;
#[cfg(test)]
pub(crate) mod threads;

use std::fmt::Debug;

pub(crate) use across::Across;
pub use alone::Alone;
// Who takes statistics by a kernel asks.
#[cfg(feature = "flex")]
pub(crate) use means::is_synchronized;
pub(crate) use means::{can_be_synchronized, mean_of_all, synchronized};
#[cfg(feature = "mpi")]
pub use mpi::{Mpi, Patience};

use crate::error::{Error, Result};

/// A group of processes that train one GAN together, as seen by one of them.
///
/// All processes of a group call the same operations in the same order, each with values of the same
/// lengths. Operations wait for the other processes, and end with an error where one of them is
/// gone or has [given up](Self::fail); after an error the group is of no use any more, and every
/// further operation fails at once.
///
/// Sums are taken in the order of the ranks, from the first one on, whatever the number of processes:
///
/// ```text
/// ((x_0 + x_1) + x_2) + … + x_{n−1}
/// ```
///
/// So they are the sums of one process that adds up as many shares, to the last bit, and the same ones
/// on every process and at every repetition.
pub trait ProcessGroup: Debug {
    /// The number of this process in the group, from 0. The first one stores checkpoints, measures
    /// and shows.
    fn rank(&self) -> usize;

    /// How many processes there are, at least 1.
    fn size(&self) -> usize;

    /// The sum over all processes, number by number, in the order of the ranks.
    ///
    /// # Errors
    /// [`Error::Process`] if a process is gone, does not come, or has given up.
    fn sum_f32(&self, values: Vec<f32>) -> Result<Vec<f32>>;

    /// As [`sum_f32`](Self::sum_f32), in double precision.
    ///
    /// # Errors
    /// As [`sum_f32`](Self::sum_f32).
    fn sum_f64(&self, values: Vec<f64>) -> Result<Vec<f64>>;

    /// The bytes that the first process has given; the others' are dropped and may be empty.
    ///
    /// # Errors
    /// As [`sum_f32`](Self::sum_f32).
    fn broadcast(&self, bytes: Vec<u8>) -> Result<Vec<u8>>;

    /// At the first process what each has given, by rank; nothing at the others. Lengths may differ.
    ///
    /// # Errors
    /// As [`sum_f32`](Self::sum_f32).
    fn gather(&self, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>>;

    /// Waits until all processes have come here.
    ///
    /// # Errors
    /// As [`sum_f32`](Self::sum_f32).
    fn barrier(&self) -> Result<()>;

    /// Tells the others that this process can't go on, and why: their next operation, or the one
    /// that they wait in, ends with an error of these words.
    fn fail(&self, problem: &str);

    /// Whether this is the process that stores, measures and shows.
    fn is_first(&self) -> bool {
        self.rank() == 0
    }
}

/// A group that somebody else holds: a program may train several GANs with one.
impl<G: ProcessGroup + ?Sized> ProcessGroup for &G {
    fn rank(&self) -> usize {
        (**self).rank()
    }
    fn size(&self) -> usize {
        (**self).size()
    }
    fn sum_f32(&self, values: Vec<f32>) -> Result<Vec<f32>> {
        (**self).sum_f32(values)
    }
    fn sum_f64(&self, values: Vec<f64>) -> Result<Vec<f64>> {
        (**self).sum_f64(values)
    }
    fn broadcast(&self, bytes: Vec<u8>) -> Result<Vec<u8>> {
        (**self).broadcast(bytes)
    }
    fn gather(&self, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>> {
        (**self).gather(bytes)
    }
    fn barrier(&self) -> Result<()> {
        (**self).barrier()
    }
    fn fail(&self, problem: &str) {
        (**self).fail(problem);
    }
}

/// The error of a group.
pub(crate) fn lost(operation: &str, problem: impl Into<String>) -> Error {
    Error::Process {
        operation: operation.to_owned(),
        problem: problem.into(),
    }
}
