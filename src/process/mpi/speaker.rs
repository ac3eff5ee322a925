//! The thread that speaks MPI: it takes orders, and answers other processes that ask for it.

use std::ops::AddAssign;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use ::mpi::datatype::Equivalence;
use ::mpi::environment::Universe;
use ::mpi::topology::SimpleCommunicator;
use ::mpi::traits::Communicator;
use ::mpi::{Threading, environment};

use super::exchange::{Mail, Outcome, exchange};
use super::{Answer, Order, Patience, Place};
use crate::error::{Error, Result};
use crate::process::lost;

/// How often mail is looked for while there is nothing to do.
const IDLE: Duration = Duration::from_millis(50);
/// Sums of fewer numbers go whole to everybody: one message instead of two.
const SMALL: usize = 1_024;
/// Bytes of one message at most: MPI counts in 32 bits.
const PIECE: usize = 1 << 28;

/// Starts MPI and serves until the program has finished with it.
pub(super) fn speak(
    orders: &Receiver<Order>,
    answers: &Sender<Result<Answer>>,
    who: &Sender<Result<Place>>,
    patience: Patience,
) {
    // This thread is the one that started MPI and the only one that calls it.
    let Some((universe, provided)) = environment::initialize_with_threading(Threading::Funneled)
    else {
        let started = lost("starting MPI", "it was started before in this program");
        let _ = who.send(Err(started));
        return;
    };
    let world = universe.world();
    let place = Place {
        rank: usize::try_from(world.rank()).unwrap_or(0),
        size: usize::try_from(world.size()).unwrap_or(1),
    };
    if provided < Threading::Funneled {
        let problem = "this build of MPI can't be used in a program with threads";
        let _ = who.send(Err(lost("starting MPI", problem)));
        return;
    }
    if who.send(Ok(place)).is_err() {
        return;
    }
    Speaker {
        orders,
        answers,
        place,
        mail: Mail::new(place, patience),
        world,
    }
    .serve(universe);
}

struct Speaker<'a> {
    orders: &'a Receiver<Order>,
    answers: &'a Sender<Result<Answer>>,
    world: SimpleCommunicator,
    place: Place,
    mail: Mail,
}

impl Speaker<'_> {
    fn serve(mut self, universe: Universe) {
        loop {
            match self.orders.recv_timeout(IDLE) {
                Ok(Order::Finish) => {
                    let _ = self.answers.send(Ok(Answer::Done));
                    break;
                }
                Ok(order) => {
                    let failed = match self.mail.failure() {
                        Some(error) => Err(error),
                        None => self.obey(order),
                    };
                    let broken = failed.is_err();
                    if self.answers.send(failed).is_err() {
                        break;
                    }
                    if broken {
                        self.mail.linger(&self.world, self.orders, self.answers);
                    }
                }
                Err(RecvTimeoutError::Timeout) => self.mail.look(&self.world),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.mail.forget();
        // Waits for the others to come to their end.
        drop(universe);
    }

    fn obey(&mut self, order: Order) -> Result<Answer> {
        match order {
            Order::SumF32(values) => self.sum(values).map(Answer::F32),
            Order::SumF64(values) => self.sum(values).map(Answer::F64),
            Order::Broadcast(bytes) => self.broadcast(bytes).map(Answer::Bytes),
            Order::Gather(bytes) => self.gather(bytes).map(Answer::Each),
            Order::Barrier => self.sum(vec![0.0_f32]).map(|_| Answer::Done),
            Order::Fail(words) => {
                self.mail.tell_all(&self.world, &words);
                Err(lost("giving up", words))
            }
            Order::Finish => Ok(Answer::Done),
        }
    }

    /// Posts messages and waits for them. Where they don't come, the error is answered from in
    /// there, and this does not return: what is posted must not be given up.
    fn exchange<T: Equivalence>(
        &mut self,
        operation: &str,
        outgoing: &[(usize, &[T])],
        incoming: Vec<(usize, &mut [T])>,
    ) {
        let world = &self.world;
        let (orders, answers) = (self.orders, self.answers);
        exchange(
            world,
            &mut self.mail,
            outgoing,
            incoming,
            |mail, outcome| {
                let problem = match outcome {
                    Outcome::Told(error) => error,
                    Outcome::Silent { ranks, seconds } => lost(
                        operation,
                        format!(
                            "{} for {seconds} s: killed, stopped, or behind a line that is cut; start all \
                         again, from the last checkpoint where there is one",
                            named(ranks, "has not answered", "have not answered")
                        ),
                    ),
                    Outcome::Late { ranks, seconds } => lost(
                        operation,
                        format!(
                            "{} within {seconds} s, though running; if measuring or reading takes so \
                         long there, allow for it by `Patience::longest`",
                            named(ranks, "has not come", "have not come")
                        ),
                    ),
                };
                let _ = answers.send(Err(problem));
                mail.linger(world, orders, answers)
            },
        );
    }

    /// Where each process' part of so many numbers begins and ends.
    fn part(&self, of: usize, count: usize) -> std::ops::Range<usize> {
        let begin = |rank: usize| rank * count / self.place.size;
        begin(of)..begin(of + 1)
    }

    fn others(&self) -> impl Iterator<Item = usize> + use<> {
        let Place { rank, size } = self.place;
        // Each begins with its next one, so that not all send to the first at once.
        (1..size).map(move |step| (rank + step) % size)
    }

    fn sum<T>(&mut self, mut values: Vec<T>) -> Result<Vec<T>>
    where
        T: Equivalence + Copy + Default + AddAssign,
    {
        let Place { rank, size } = self.place;
        if size == 1 {
            return Ok(values);
        }
        let count = values.len();
        let operation = format!("a sum of {count} numbers");
        let whole = count <= SMALL;
        let own = match whole {
            true => 0..count,
            false => self.part(rank, count),
        };
        // What the others have for this process' part.
        let mut theirs = vec![T::default(); own.len() * (size - 1)];
        {
            let mut incoming = Vec::new();
            let mut left = theirs.as_mut_slice();
            for from in self.others() {
                let (part, rest) = left.split_at_mut(own.len());
                left = rest;
                incoming.push((from, part));
            }
            let outgoing: Vec<(usize, &[T])> = self
                .others()
                .map(|to| match whole {
                    true => (to, values.as_slice()),
                    false => (to, &values[self.part(to, count)]),
                })
                .collect();
            self.exchange(&operation, &outgoing, incoming);
        }
        // In the order of the ranks, wherever a part was received.
        let received = |of: usize| {
            let place = (of + size - rank) % size - 1;
            &theirs[place * own.len()..(place + 1) * own.len()]
        };
        let mut sum: Vec<T> = match rank {
            0 => values[own.clone()].to_vec(),
            _ => received(0).to_vec(),
        };
        for of in 1..size {
            let more = match of == rank {
                true => &values[own.clone()],
                false => received(of),
            };
            for (sum, more) in sum.iter_mut().zip(more) {
                *sum += *more;
            }
        }
        if whole {
            return Ok(sum);
        }
        values[own.clone()].copy_from_slice(&sum);
        // Each part back to everybody.
        let mut incoming: Vec<(usize, &mut [T])> = Vec::new();
        let mut left = values.as_mut_slice();
        for of in 0..size {
            let (part, rest) = left.split_at_mut(self.part(of, count).len());
            left = rest;
            if of != rank {
                incoming.push((of, part));
            }
        }
        let outgoing: Vec<(usize, &[T])> = self.others().map(|to| (to, sum.as_slice())).collect();
        self.exchange(&operation, &outgoing, incoming);
        Ok(values)
    }

    /// Along a tree: every process that has the bytes hands them on, so that the number of those that
    /// have them doubles.
    fn broadcast(&mut self, mut bytes: Vec<u8>) -> Result<Vec<u8>> {
        let Place { rank, size } = self.place;
        let operation = "the first process' message to all";
        let mut length = [bytes.len() as u64];
        let mut reach = 1;
        while reach < size {
            if rank < reach {
                let to = rank + reach;
                if to < size {
                    self.exchange(operation, &[(to, length.as_slice())], Vec::new());
                    for piece in bytes.chunks(PIECE) {
                        self.exchange(operation, &[(to, piece)], Vec::new());
                    }
                }
            } else if rank < 2 * reach {
                let from = rank - reach;
                self.exchange(operation, &[], vec![(from, length.as_mut_slice())]);
                bytes = self.receive(operation, from, length[0])?;
            }
            reach *= 2;
        }
        Ok(bytes)
    }

    fn gather(&mut self, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>> {
        let Place { rank, size } = self.place;
        let operation = "what all tell the first process";
        let mut length = [bytes.len() as u64];
        if rank > 0 {
            self.exchange(operation, &[(0, length.as_slice())], Vec::new());
            for piece in bytes.chunks(PIECE) {
                self.exchange(operation, &[(0, piece)], Vec::new());
            }
            return Ok(Vec::new());
        }
        let mut each = vec![bytes];
        for from in 1..size {
            self.exchange(operation, &[], vec![(from, length.as_mut_slice())]);
            each.push(self.receive(operation, from, length[0])?);
        }
        Ok(each)
    }

    fn receive(&mut self, operation: &str, from: usize, length: u64) -> Result<Vec<u8>> {
        let size = usize::try_from(length).map_err(|_| {
            lost(
                operation,
                format!("{length} bytes are more than memory holds"),
            )
        })?;
        let mut bytes = vec![0; size];
        for piece in bytes.chunks_mut(PIECE) {
            self.exchange(operation, &[], vec![(from, piece)]);
        }
        Ok(bytes)
    }
}

/// `rank 3 has not come`, `ranks 3, 5 have not come`.
fn named(ranks: &[usize], one: &str, many: &str) -> String {
    let shown: Vec<String> = ranks.iter().take(8).map(usize::to_string).collect();
    let more = match ranks.len() - shown.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    match ranks {
        [rank] => format!("rank {rank} {one}"),
        _ => format!("ranks {}{more} {many}", shown.join(", ")),
    }
}

/// Parks the thread for good: the process ends without it.
pub(super) fn park() -> ! {
    loop {
        thread::park();
    }
}

/// Waits a little, longer the longer nothing has moved.
pub(super) fn pause(still_since: Instant) {
    let still = still_since.elapsed();
    if still < Duration::from_millis(2) {
        thread::yield_now();
    } else if still < Duration::from_millis(50) {
        thread::sleep(Duration::from_micros(50));
    } else {
        thread::sleep(Duration::from_micros(500));
    }
}

/// An error that another process has told.
pub(super) fn told(rank: usize, words: &str) -> Error {
    lost(
        "an operation of the group",
        format!("rank {rank} has given up: {words}"),
    )
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn ranks_are_named() {
        assert_eq!(named(&[3], "is gone", "are gone"), "rank 3 is gone");
        let many: Vec<usize> = (1..12).collect();
        assert_eq!(
            named(&many, "is gone", "are gone"),
            "ranks 1, 2, 3, 4, 5, 6, 7, 8 and 3 more are gone"
        );
    }
}
