//! Batches in their order, read by the thread that asks for them or ahead of it by others.

use std::collections::VecDeque;
use std::fmt::{self, Debug};
use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::loading::Loading;
use super::order::BatchIndices;
use crate::error::{Error, Result};
use crate::network::guard::caught;

/// Reads the samples at some places in the data set.
type Read<'a, T> = dyn Fn(&[usize]) -> Result<T> + Sync + 'a;

/// A batch, by whoever it was read.
pub(crate) struct Loaded<T> {
    /// The places of its samples in the data set.
    pub(crate) indices: Vec<usize>,
    pub(crate) batch: Result<T>,
}

/// Gives batch after batch of an order, each with the error or the panic that reading it ended in.
///
/// Which thread reads a batch decides nothing about it: the order is made by the one that asks, and
/// batches are given back in it. Threads live as long as [`Loader::scope`].
pub(crate) struct Loader<'a, T> {
    shared: &'a Shared<'a, T>,
    /// The batches that nobody has begun to read.
    order: BatchIndices,
    /// The place in the data after the batches that were given.
    place: (u64, u64),
    /// Batches that are read beside those that are asked for.
    ahead: usize,
}

/// What threads work on together.
struct Shared<'a, T> {
    read: &'a Read<'a, T>,
    queue: Mutex<Queue<T>>,
    /// There is something to read, or nothing will be any more.
    wanted: Condvar,
    /// A batch was read.
    finished: Condvar,
}

/// Batches that are read ahead, in their order.
struct Queue<T> {
    tasks: VecDeque<Task<T>>,
    /// The number of the first of them, counted over the loader's life: what is read of a batch
    /// that was given up does not pass for another.
    first: u64,
    closed: bool,
}

struct Task<T> {
    indices: Vec<usize>,
    /// The place in the data after it.
    place: (u64, u64),
    progress: Progress<T>,
}

enum Progress<T> {
    Waiting,
    Reading,
    Read(Result<T>),
}

impl<T: Send> Loader<'_, T> {
    /// Does `work` with a loader; its threads end with it, however it ends. Where the system has no
    /// threads left, those that there are read, or the one that asks.
    pub(crate) fn scope<R>(
        loading: Loading,
        order: BatchIndices,
        read: &Read<'_, T>,
        work: impl FnOnce(Loader<'_, T>) -> R,
    ) -> R {
        let shared = Shared {
            read,
            queue: Mutex::new(Queue {
                tasks: VecDeque::new(),
                first: 0,
                closed: false,
            }),
            wanted: Condvar::new(),
            finished: Condvar::new(),
        };
        thread::scope(|scope| {
            let loader = Loader {
                shared: &shared,
                place: order.place(),
                order,
                ahead: loading.batches(),
            };
            for number in 0..loading.threads {
                let thread = thread::Builder::new().name(format!("loader {number}"));
                if thread.spawn_scoped(scope, || shared.serve()).is_err() {
                    break;
                }
            }
            work(loader)
        })
    }

    /// The place in the data after the batches that were given.
    pub(crate) fn place(&self) -> (u64, u64) {
        self.place
    }

    /// Goes on in another order, or at another place of it. What was read ahead is given up.
    pub(crate) fn go_on(&mut self, order: BatchIndices) {
        self.place = order.place();
        self.order = order;
        let given_up = {
            let mut queue = self.shared.queue();
            queue.first += queue.tasks.len() as u64;
            mem::take(&mut queue.tasks)
        };
        drop(given_up);
    }

    /// Waits until the next `count` batches are read, and has more read ahead, of the `left` that
    /// will be asked for. Without threads it does nothing.
    ///
    /// What waits for a batch should hold no lock that reading one could take.
    pub(crate) fn make_ready(&mut self, count: usize, left: usize) {
        if self.ahead == 0 {
            return;
        }
        let most = self.ahead.saturating_add(count).min(left);
        {
            let mut queue = self.shared.queue();
            while queue.tasks.len() < most {
                let indices = self.order.next_batch();
                queue.tasks.push_back(Task {
                    indices,
                    place: self.order.place(),
                    progress: Progress::Waiting,
                });
            }
        }
        self.shared.wanted.notify_all();
        for number in 0..count.min(most) {
            self.shared.finish(number);
        }
    }

    /// The next batch; read now, where it is not yet.
    pub(crate) fn next_batch(&mut self) -> Loaded<T> {
        let mut queue = self.shared.queue();
        if queue.tasks.is_empty() {
            drop(queue);
            let indices = self.order.next_batch();
            self.place = self.order.place();
            let batch = self.shared.read(&indices);
            return Loaded { indices, batch };
        }
        drop(queue);
        self.shared.finish(0);
        queue = self.shared.queue();
        let Some(Task {
            indices,
            place,
            progress: Progress::Read(batch),
        }) = queue.tasks.pop_front()
        else {
            unreachable!("the first batch was read");
        };
        queue.first += 1;
        self.place = place;
        Loaded { indices, batch }
    }
}

impl<T> Drop for Loader<'_, T> {
    fn drop(&mut self) {
        self.shared.queue().closed = true;
        self.shared.wanted.notify_all();
    }
}

impl<T> Debug for Loader<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loader")
            .field("place", &self.place)
            .field("ahead", &self.ahead)
            .finish_non_exhaustive()
    }
}

impl<T> Shared<'_, T> {
    fn queue(&self) -> MutexGuard<'_, Queue<T>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, indices: &[usize]) -> Result<T> {
        caught(|| (self.read)(indices)).unwrap_or_else(|words| {
            Err(Error::Panic {
                what: "reading a batch".to_owned(),
                words,
            })
        })
    }

    /// Reads what is there to be read, until the loader is gone.
    fn serve(&self) {
        let mut queue = self.queue();
        while !queue.closed {
            let waiting = |task: &Task<T>| matches!(task.progress, Progress::Waiting);
            match queue.tasks.iter().position(waiting) {
                Some(number) => queue = self.take_up(queue, number),
                None => {
                    let woken = self.wanted.wait(queue);
                    queue = woken.unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }

    /// Sees to it that a batch of the queue is read: it reads one itself that nobody has begun
    /// with.
    fn finish(&self, number: usize) {
        let mut queue = self.queue();
        loop {
            queue = match queue.tasks[number].progress {
                Progress::Waiting => self.take_up(queue, number),
                Progress::Reading => {
                    let woken = self.finished.wait(queue);
                    woken.unwrap_or_else(PoisonError::into_inner)
                }
                Progress::Read(_) => return,
            };
        }
    }

    /// Reads a batch of the queue, which is free in the meantime.
    fn take_up<'q>(
        &'q self,
        mut queue: MutexGuard<'q, Queue<T>>,
        number: usize,
    ) -> MutexGuard<'q, Queue<T>> {
        let task = &mut queue.tasks[number];
        task.progress = Progress::Reading;
        let indices = task.indices.clone();
        let id = queue.first + number as u64;
        drop(queue);
        let batch = self.read(&indices);
        let mut queue = self.queue();
        let number = id.checked_sub(queue.first).map(|number| number as usize);
        match number.and_then(|number| queue.tasks.get_mut(number)) {
            Some(task) => task.progress = Progress::Read(batch),
            None => {
                drop(queue);
                drop(batch);
                queue = self.queue();
            }
        }
        self.finished.notify_all();
        queue
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;
    use crate::data::{BatchPlan, LastBatch};

    const SAMPLES: usize = 23;
    const THREADS: [usize; 4] = [0, 1, 3, 8];

    fn order(place: (u64, u64)) -> BatchIndices {
        let plan = BatchPlan::new(4).with_last(LastBatch::Keep);
        BatchIndices::from(&plan, 7, SAMPLES, place).expect("valid settings")
    }

    /// Reads a sample as ten times its place, some of them slowly.
    fn tenfold(indices: &[usize]) -> Result<Vec<usize>> {
        thread::sleep(Duration::from_millis(indices[0] as u64 % 3 * 2));
        Ok(indices.iter().map(|index| 10 * index).collect())
    }

    fn scope<R>(
        threads: usize,
        read: impl Fn(&[usize]) -> Result<Vec<usize>> + Sync,
        work: impl FnOnce(Loader<'_, Vec<usize>>) -> R,
    ) -> R {
        Loader::scope(Loading::on_threads(threads), order((0, 0)), &read, work)
    }

    #[test]
    fn any_number_of_threads_gives_the_batches_of_the_order() {
        for threads in THREADS {
            scope(threads, tenfold, |mut loader| {
                let mut expected = order((0, 0));
                for step in 0..40 {
                    // Two to a step, as with two discriminator steps.
                    if step % 2 == 0 {
                        loader.make_ready(2, 40 - step);
                    }
                    let Loaded { indices, batch } = loader.next_batch();
                    assert_eq!(indices, expected.next_batch());
                    assert_eq!(loader.place(), expected.place());
                    let tenfold: Vec<usize> = indices.iter().map(|index| 10 * index).collect();
                    assert_eq!(batch.expect("a batch"), tenfold);
                }
            });
        }
    }

    #[test]
    fn no_more_is_read_than_may_be_ahead_and_nothing_after_the_end() {
        const STEPS: usize = 30;
        for threads in THREADS {
            let begun = AtomicUsize::new(0);
            let read = |indices: &[usize]| {
                begun.fetch_add(1, Ordering::SeqCst);
                Ok(indices.to_vec())
            };
            scope(threads, read, |mut loader| {
                for given in 0..STEPS {
                    loader.make_ready(1, STEPS - given);
                    loader.next_batch().batch.expect("a batch");
                    thread::sleep(Duration::from_millis(1));
                    let begun = begun.load(Ordering::SeqCst);
                    assert!(begun <= given + 1 + 2 * threads, "{threads}: {begun}");
                }
            });
            assert_eq!(begun.into_inner(), STEPS, "{threads}");
        }
    }

    #[test]
    fn threads_read_at_the_same_time() {
        let (inside, most) = (Mutex::new(0), AtomicUsize::new(0));
        let met = Condvar::new();
        let read = |indices: &[usize]| {
            let mut count = inside.lock().expect("a count");
            *count += 1;
            most.fetch_max(*count, Ordering::SeqCst);
            met.notify_all();
            // Until there are three, who waits no longer then.
            let waited = met.wait_timeout_while(count, Duration::from_secs(10), |_| {
                most.load(Ordering::SeqCst) < 3
            });
            *waited.expect("a count").0 -= 1;
            Ok(indices.to_vec())
        };
        scope(3, read, |mut loader| {
            loader.make_ready(1, 20);
            loader.next_batch().batch.expect("a batch");
        });
        assert!(most.into_inner() >= 3);
    }

    #[test]
    fn errors_and_panics_come_with_their_batch() {
        let mut batches = order((0, 0));
        let batches: Vec<_> = (0..12).map(|_| batches.next_batch()).collect();
        let (fails, panics) = (batches[3].clone(), batches[5].clone());
        let read = |indices: &[usize]| {
            if indices == fails {
                return Err(Error::data("seven.png", "is no picture"));
            }
            assert!(indices != panics, "no memory");
            tenfold(indices)
        };
        for threads in THREADS {
            scope(threads, read, |mut loader| {
                for (number, expected) in batches.iter().enumerate() {
                    loader.make_ready(1, 12 - number);
                    let Loaded { indices, batch } = loader.next_batch();
                    assert_eq!(indices, *expected);
                    match (number, batch) {
                        (3, Err(Error::Data { .. })) => {}
                        (5, Err(Error::Panic { words, .. })) => {
                            assert!(words.starts_with("no memory"), "{words}");
                        }
                        (3 | 5, other) => panic!("{threads}, {number}: {other:?}"),
                        (_, batch) => assert!(batch.is_ok()),
                    }
                }
            });
        }
    }

    #[test]
    fn after_a_jump_the_batches_from_there_follow() {
        for threads in THREADS {
            scope(threads, tenfold, |mut loader| {
                for place in [(0, 0), (0, 8), (2, 20), (0, 4)] {
                    let mut expected = order(place);
                    loader.go_on(order(place));
                    assert_eq!(loader.place(), place);
                    for _ in 0..5 {
                        loader.make_ready(1, 100);
                        let Loaded { indices, batch } = loader.next_batch();
                        assert_eq!(indices, expected.next_batch());
                        assert_eq!(batch.expect("a batch").len(), indices.len());
                        assert_eq!(loader.place(), expected.place());
                    }
                }
            });
        }
    }

    #[test]
    fn threads_end_with_the_scope_however_it_ends() {
        for threads in THREADS {
            let reading = AtomicUsize::new(0);
            let read = |indices: &[usize]| {
                reading.fetch_add(1, Ordering::SeqCst);
                let read = tenfold(indices);
                reading.fetch_sub(1, Ordering::SeqCst);
                read
            };
            // With much left to be read, before anything was, and by a panic.
            scope(threads, read, |mut loader| {
                loader.make_ready(1, 100);
                loader.next_batch().batch.expect("a batch");
            });
            assert_eq!(reading.load(Ordering::SeqCst), 0);
            scope(threads, read, |loader| drop(loader));
            let panicked = caught(|| {
                scope(threads, read, |mut loader| {
                    loader.make_ready(1, 100);
                    panic!("a step");
                });
            });
            assert!(panicked.is_err_and(|words| words.starts_with("a step")));
            assert_eq!(reading.load(Ordering::SeqCst), 0);
        }
    }
}
