//! A group of threads of one process, for tests of the step.
//!
//! A whole run can't be tested so: the first step of a run holds the backend's generator, which is
//! the process', until it is over.

use std::ops::AddAssign;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use super::{ProcessGroup, lost};
use crate::error::Result;

/// What threads have put down for each other.
#[derive(Debug, Default)]
struct Table {
    /// By rank, of the operation that goes on.
    given: Vec<Option<Vec<u8>>>,
    /// How many have taken.
    taken: usize,
    failed: Option<(usize, String)>,
}

#[derive(Debug)]
pub(crate) struct Threads {
    rank: usize,
    size: usize,
    table: Arc<(Mutex<Table>, Condvar)>,
}

/// Runs `work` on as many threads, each as one of a group; what they come to, by rank.
pub(crate) fn together<R: Send>(size: usize, work: impl Fn(&Threads) -> R + Sync) -> Vec<R> {
    let table = Table {
        given: vec![None; size],
        ..Table::default()
    };
    let table = Arc::new((Mutex::new(table), Condvar::new()));
    thread::scope(|scope| {
        let started: Vec<_> = (0..size)
            .map(|rank| {
                let group = Threads {
                    rank,
                    size,
                    table: table.clone(),
                };
                let work = &work;
                scope.spawn(move || work(&group))
            })
            .collect();
        started
            .into_iter()
            .map(|thread| thread.join().expect("a thread that ends"))
            .collect()
    })
}

impl Threads {
    /// What all have given, by rank.
    fn all(&self, own: Vec<u8>) -> Result<Vec<Vec<u8>>> {
        let (table, changed) = &*self.table;
        let mut table = table.lock().expect("a table");
        let failed = |table: &Table| {
            let failed = table.failed.as_ref();
            failed.map(|(rank, words)| lost("a test", format!("rank {rank} has given up: {words}")))
        };
        // The last operation's leftovers are taken by everybody first.
        while table.given[self.rank].is_some() && failed(&table).is_none() {
            table = changed.wait(table).expect("a table");
        }
        table.given[self.rank] = Some(own);
        changed.notify_all();
        while table.given.iter().any(Option::is_none) && failed(&table).is_none() {
            table = changed.wait(table).expect("a table");
        }
        if let Some(error) = failed(&table) {
            return Err(error);
        }
        let all = table.given.iter().flatten().cloned().collect();
        table.taken += 1;
        if table.taken == self.size {
            table.taken = 0;
            table.given.fill(None);
            changed.notify_all();
        } else {
            // Nobody gives anew before all have taken.
            while table.given[self.rank].is_some() && failed(&table).is_none() {
                table = changed.wait(table).expect("a table");
            }
        }
        Ok(all)
    }

    /// The sum in the order of the ranks, of numbers of `N` bytes.
    fn sum<T: Copy + AddAssign, const N: usize>(
        &self,
        values: Vec<T>,
        write: fn(T) -> [u8; N],
        read: fn([u8; N]) -> T,
    ) -> Result<Vec<T>> {
        let all = self.all(values.into_iter().flat_map(write).collect())?;
        let mut all = all.iter().map(|bytes| -> Vec<T> {
            let numbers = bytes.as_chunks::<N>().0.iter();
            numbers.map(|bytes| read(*bytes)).collect()
        });
        let mut sum = all.next().unwrap_or_default();
        for more in all {
            assert_eq!(sum.len(), more.len(), "sums of two lengths");
            sum.iter_mut()
                .zip(more)
                .for_each(|(sum, more)| *sum += more);
        }
        Ok(sum)
    }
}

impl ProcessGroup for Threads {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn sum_f32(&self, values: Vec<f32>) -> Result<Vec<f32>> {
        self.sum(values, f32::to_le_bytes, f32::from_le_bytes)
    }

    fn sum_f64(&self, values: Vec<f64>) -> Result<Vec<f64>> {
        self.sum(values, f64::to_le_bytes, f64::from_le_bytes)
    }

    fn broadcast(&self, bytes: Vec<u8>) -> Result<Vec<u8>> {
        Ok(self.all(bytes)?.swap_remove(0))
    }

    fn gather(&self, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>> {
        let all = self.all(bytes)?;
        Ok(if self.rank == 0 { all } else { Vec::new() })
    }

    fn barrier(&self) -> Result<()> {
        self.all(Vec::new()).map(drop)
    }

    fn fail(&self, problem: &str) {
        let (table, changed) = &*self.table;
        let mut table = table.lock().expect("a table");
        table.failed.get_or_insert((self.rank, problem.to_owned()));
        changed.notify_all();
    }
}

#[test]
fn sums_are_taken_in_the_order_of_the_ranks() {
    // In another order the small numbers would be lost, or not.
    let numbers = [1e8_f32, 3.0, -1e8, 5.0];
    let expected = ((numbers[0] + numbers[1]) + numbers[2]) + numbers[3];
    for _ in 0..20 {
        let sums = together(4, |group| {
            let mut sums = Vec::new();
            for step in 0..5 {
                let own = vec![numbers[group.rank()], step as f32];
                sums.push(group.sum_f32(own).expect("a sum"));
            }
            sums
        });
        for of_a_rank in sums {
            for (step, sum) in of_a_rank.into_iter().enumerate() {
                assert_eq!(sum, [expected, 4.0 * step as f32]);
            }
        }
    }
}

#[test]
fn who_gives_up_ends_the_others_by_name() {
    let ended = together(3, |group| {
        if group.rank() == 1 {
            group.fail("no data");
            return String::new();
        }
        let error = group.barrier().expect_err("nobody to wait for");
        error.to_string()
    });
    for (rank, words) in ended.iter().enumerate() {
        assert!(
            rank == 1 || words.contains("rank 1 has given up: no data"),
            "{words}"
        );
    }
}
