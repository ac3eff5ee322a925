//! One run in several processes over MPI is the run of one process; what differs is refused, and a process
//! that dies or hangs ends the others.
//!
//! The tests start `mpirun`, which starts this binary again, through `child`. More kills than the usual
//! three: `BURN_GAN_KILLS=40 cargo test --features mpi --test processes killed`.

#[path = "../child/mod.rs"]
mod child;
mod timing;
mod training;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use burn_gan::process::{Mpi, Patience, ProcessGroup};
use burn_gan::random::Stream;
use child::{Order, asked, newest, repetitions};

/// Longer than any of these runs takes.
const LONGEST: Duration = Duration::from_secs(120);

/// What a group of processes said, and its exit code.
struct Said {
    words: String,
    code: Option<i32>,
    seconds: f64,
}

impl Said {
    /// What the processes printed after `name`, by rank.
    fn by_rank(&self, name: &str) -> Vec<(usize, String)> {
        let mut found: Vec<(usize, String)> = (self.words.lines())
            .filter_map(|line| {
                let rest = &line[line.find("rank ")? + 5..];
                let (rank, rest) = rest.split_once(' ')?;
                let value = rest.strip_prefix(name)?.trim();
                Some((rank.parse().ok()?, value.to_owned()))
            })
            .collect();
        found.sort();
        found
    }

    /// The one digest that all of `count` processes came to.
    #[track_caller]
    fn digest(&self, count: usize) -> String {
        let digests = self.by_rank("digest ");
        assert_eq!(digests.len(), count, "exit {:?}: {}", self.code, self.words);
        let first = digests[0].1.clone();
        assert!(digests.iter().all(|(_, own)| *own == first), "{digests:?}");
        assert_eq!(self.code, Some(0), "{}", self.words);
        first
    }
}

/// Starts a case in so many processes, or in this number of micro-batches of one that MPI knows nothing
/// of, and does something with what it says.
fn started(order: &Order, processes: Option<usize>, at: impl FnMut(&str)) -> Said {
    started_on(order, processes, 1, at)
}

/// [`started`], with so many threads in each process.
fn started_on(
    order: &Order,
    processes: Option<usize>,
    threads: usize,
    mut at: impl FnMut(&str),
) -> Said {
    let begun = Instant::now();
    let mut command = match processes {
        None => order.command(),
        Some(count) => order.within(&[
            "mpirun",
            "--allow-run-as-root",
            "--oversubscribe",
            "--bind-to",
            "none",
            "-n",
            &count.to_string(),
        ]),
    };
    // Containers may not look into each other's memory; OpenMPI then says so at length.
    command
        .env("OMPI_MCA_btl_vader_single_copy_mechanism", "none")
        .env("RAYON_NUM_THREADS", threads.to_string())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("mpirun of OpenMPI, and this test");
    let mut errors = BufReader::new(child.stderr.take().expect("its errors"));
    let errors = std::thread::spawn(move || {
        let mut words = Vec::new();
        let _ = std::io::Read::read_to_end(&mut errors, &mut words);
        String::from_utf8_lossy(&words).into_owned()
    });
    let watched = child.id();
    let (over, waiting) = std::sync::mpsc::channel::<()>();
    let guard = std::thread::spawn(move || {
        let ended = waiting.recv_timeout(LONGEST);
        if ended == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            send("-KILL", watched);
        }
    });
    let mut words = String::new();
    for line in BufReader::new(child.stdout.take().expect("its output")).split(b'\n') {
        let line = String::from_utf8_lossy(&line.expect("a line")).into_owned();
        at(&line);
        words += &line;
        words.push('\n');
    }
    let code = child.wait().expect("its end").code();
    drop(over);
    guard.join().expect("a guard");
    words += &errors.join().expect("its errors");
    Said {
        words,
        code,
        seconds: begun.elapsed().as_secs_f64(),
    }
}

fn run(order: &Order, processes: Option<usize>) -> Said {
    started(order, processes, |_| {})
}

fn send(signal: &str, process: u32) {
    let sent = Command::new("kill")
        .args([signal, &process.to_string()])
        .status();
    assert!(sent.is_ok());
}

fn order(case: &str, folder: &Path) -> Order {
    Order::new(case, folder)
}

/// The other half of each test.
#[test]
fn child() {
    let Some(case) = asked("CASE") else {
        return;
    };
    match case.as_str() {
        "operations" => operations(),
        "times" => times(),
        "steps" => timing::steps(),
        other => training::train(other),
    }
}

/// Every operation, of many sizes.
fn operations() {
    let group = Mpi::start().expect("MPI");
    let (rank, size) = (group.rank(), group.size());
    let number = |rank: usize, index: usize| {
        let stretch = 10f32.powi((index % 7) as i32 - 3);
        ((rank * 31 + index) % 97) as f32 * 1.1 * stretch - 20.0
    };
    for count in [0, 1, 2, 3, 5, 1_000, 1_024, 1_025, 5_000, 100_003] {
        let own: Vec<f32> = (0..count).map(|index| number(rank, index)).collect();
        let sum = group.sum_f32(own).expect("a sum");
        assert_eq!(sum.len(), count);
        for (index, sum) in sum.iter().enumerate() {
            let expected = (1..size).fold(number(0, index), |sum, rank| sum + number(rank, index));
            assert_eq!(sum.to_bits(), expected.to_bits(), "{index} of {count}");
        }
        let own: Vec<f64> = (0..count).map(|index| number(rank, index).into()).collect();
        let sum = group.sum_f64(own).expect("a sum");
        for (index, sum) in sum.iter().enumerate() {
            let number = |rank| f64::from(number(rank, index));
            let expected = (1..size).fold(number(0), |sum, rank| sum + number(rank));
            assert_eq!(sum.to_bits(), expected.to_bits(), "{index} of {count}");
        }
        let bytes: Vec<u8> = (0..count * 7).map(|byte| (byte % 251) as u8).collect();
        let given = if rank == 0 {
            bytes.clone()
        } else {
            vec![1; rank]
        };
        assert_eq!(group.broadcast(given).expect("bytes"), bytes);
        let gathered = group.gather(vec![rank as u8; count + rank]).expect("bytes");
        if rank == 0 {
            assert_eq!(gathered.len(), size);
            for (rank, bytes) in gathered.iter().enumerate() {
                assert_eq!(*bytes, vec![rank as u8; count + rank]);
            }
        } else {
            assert!(gathered.is_empty());
        }
        group.barrier().expect("all come");
    }
    println!("rank {rank} digest done");
    group.finish();
    let error = group.barrier().expect_err("it is over").to_string();
    assert!(error.contains("finished before"), "{error}");
}

/// How long sums take, in milliseconds: the median of 21.
fn times() {
    let patience = Patience::default();
    let group = Mpi::with_patience(patience).expect("MPI");
    for count in [1_000, 100_000, 1_000_000, 2_500_000, 10_000_000] {
        let mut taken: Vec<f64> = (0..21)
            .map(|_| {
                let own = vec![1.0_f32; count];
                group.barrier().expect("all come");
                let begun = Instant::now();
                group.sum_f32(own).expect("a sum");
                begun.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        taken.sort_by(f64::total_cmp);
        if group.is_first() {
            println!(
                "{count} numbers: {:.2} ms, least {:.2}",
                taken[10], taken[0]
            );
        }
    }
}

#[test]
fn operations_do_what_they_say() {
    let folder = tempfile::tempdir().expect("a folder");
    for count in [1, 2, 3, 4] {
        run(&order("operations", folder.path()), Some(count)).digest(count);
    }
}

/// Not a test: `cargo test --features mpi --test processes -- --ignored --nocapture sums_take`.
#[test]
#[ignore = "a measurement"]
fn sums_take() {
    let folder = tempfile::tempdir().expect("a folder");
    for count in [2, 4] {
        let said = run(&order("times", folder.path()), Some(count));
        println!("{count} processes\n{}", said.words);
    }
}

/// Not a test: two processes of one thread and one of two, in turns. `cargo test --release --features mpi
/// --test processes -- --ignored --nocapture steps_take`.
#[test]
#[ignore = "a measurement"]
fn steps_take() {
    let folder = tempfile::tempdir().expect("a folder");
    for r1 in [0, 1] {
        for round in 0..3 {
            for (processes, threads) in [(1, 2), (2, 1)] {
                let order = order("steps", folder.path())
                    .with("STEPS", 15)
                    .with("R1", r1);
                let said = started_on(&order, Some(processes), threads, |_| {});
                let line = said.words.lines().find(|line| line.contains("median"));
                let line = line.unwrap_or(&said.words);
                println!("R1 {r1} round {round}: {processes} × {threads} threads: {line}");
            }
        }
    }
}

/// One process with as many micro-batches, then so many processes.
fn is_the_run_of_one_process(case: &str, sizes: &[usize]) {
    let folder = |name: &str| {
        let folder = tempfile::Builder::new().prefix(name).tempdir();
        folder.expect("a folder")
    };
    for size in sizes {
        let alone = folder("alone");
        let alone = order(case, alone.path())
            .with("STEPS", 50)
            .with("PARTS", size);
        let expected = run(&alone, None).digest(1);
        for _ in 0..2 {
            let together = folder("together");
            let together = order(case, together.path())
                .with("STEPS", 50)
                .with("PARTS", 1);
            let found = run(&together, Some(*size)).digest(*size);
            assert_eq!(found, expected, "{case} in {size} processes");
        }
    }
}

#[test]
fn the_recommended_objective_is_the_same_in_any_number_of_processes() {
    is_the_run_of_one_process("recommended", &[1, 2, 3, 4]);
}

#[test]
fn r3gan_is_the_same_in_any_number_of_processes() {
    is_the_run_of_one_process("r3gan", &[2]);
}

#[test]
fn wgan_gp_is_the_same_in_any_number_of_processes() {
    is_the_run_of_one_process("wgan_gp", &[2, 3]);
}

#[test]
fn ac_gan_is_the_same_in_any_number_of_processes() {
    is_the_run_of_one_process("ac_gan", &[2, 3, 4]);
}

#[test]
fn diff_augment_is_the_same_in_any_number_of_processes() {
    is_the_run_of_one_process("diff_augment", &[2, 3, 4]);
}

/// Batch norms in both networks, a penalty that differentiates twice through them.
#[test]
fn synchronized_batch_norm_is_that_of_the_whole_batch() {
    let trained = |case: &str, processes: Option<usize>| -> Vec<f64> {
        let folder = tempfile::tempdir().expect("a folder");
        let order = order(case, folder.path())
            .with("STEPS", 30)
            .with("PARTS", 1);
        let said = run(&order, processes);
        assert_eq!(said.code, Some(0), "{}", said.words);
        if case == "batch_norm" {
            said.digest(processes.unwrap_or(1));
        }
        let (_, numbers) = said.by_rank("numbers ").swap_remove(0);
        let numbers = numbers.trim_matches(['[', ']']).split(", ");
        numbers
            .map(|number| number.parse().expect("a number"))
            .collect()
    };
    let furthest = |found: &[f64], expected: &[f64]| {
        assert_eq!(found.len(), expected.len());
        let pairs = found.iter().zip(expected);
        let apart = pairs.map(|(a, b)| (a - b).abs() / b.abs().max(1.0));
        apart.fold(0.0, f64::max)
    };
    let expected = trained("batch_norm", None);
    let local = furthest(&trained("local_batch_norm", Some(3)), &expected);
    for count in [2, 3] {
        let apart = furthest(&trained("batch_norm", Some(count)), &expected);
        println!("{count} processes: {apart:.2e}; each by itself: {local:.2e}");
        assert!(
            apart < 1e-5 && apart < local / 100.0,
            "{count} processes: {apart:.2e}"
        );
    }
}

#[test]
fn what_differs_is_refused_before_the_first_step() {
    for (case, named) in [
        (
            "other settings",
            "`generator_optimizer.learning_rate` is 0.01 on rank 0, 0.02 on rank 1",
        ),
        ("other data", "others on rank 0 than on rank 1"),
        ("less data", "`samples` is 96 on rank 0, 95 on rank 1"),
        (
            "other networks",
            "`networks[0][1]` is 16 on rank 0, 8 on rank 1",
        ),
        (
            "dragan",
            "`objective.terms[0]` = dragan: is about the batch as a whole",
        ),
        (
            "uneven",
            "`batches.batch_size` = 12: is not cut evenly by 5 processes",
        ),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let processes = if case == "uneven" { 5 } else { 2 };
        let order = order(case, folder.path())
            .with("STEPS", 50)
            .with("PARTS", 1);
        let said = run(&order, Some(processes));
        assert!(said.words.contains(named), "{case}: {}", said.words);
        assert_ne!(said.code, Some(0), "{case}");
        assert!(!said.words.contains("step 1 "), "{case}: {}", said.words);
        assert_eq!(newest(folder.path()), None, "{case}");
    }
}

/// The process that said who it is in this line, as rank and id.
fn who(line: &str) -> Option<(usize, u32)> {
    let rest = &line[line.find("rank ")? + 5..];
    let (rank, rest) = rest.split_once(' ')?;
    let process = rest.strip_prefix("process ")?.trim();
    Some((rank.parse().ok()?, process.parse().ok()?))
}

#[test]
fn an_error_of_one_process_ends_all_with_its_words_and_a_checkpoint() {
    let folder = tempfile::tempdir().expect("a folder");
    let order = order("failing data", folder.path())
        .with("STEPS", 50)
        .with("PARTS", 1);
    let said = run(&order, Some(3));
    let words = "rank 2 has given up: points.bin: step 5: a batch of 4 samples";
    assert!(said.words.contains(words), "{}", said.words);
    assert_ne!(said.code, Some(0));
    // The steps before it are stored.
    assert_eq!(
        newest(folder.path()).map(|(step, _)| step),
        Some(4),
        "{}",
        said.words
    );
}

#[test]
fn a_signal_to_any_process_ends_all_with_one_checkpoint() {
    for rank in [0, 2] {
        let folder = tempfile::tempdir().expect("a folder");
        let order = order("slow", folder.path())
            .with("STEPS", 10_000)
            .with("PARTS", 1);
        let mut process = None;
        let said = started(&order, Some(3), |line| {
            if let Some((_, id)) = who(line).filter(|(who, _)| *who == rank) {
                process = Some(id);
            }
            if line.contains("step 5 ")
                && let Some(id) = process
            {
                send("-TERM", id);
            }
        });
        let endings = said.by_rank("ended ");
        assert_eq!(endings.len(), 3, "{}", said.words);
        assert!(
            endings.iter().all(|(_, how)| how == "stopped by SIGTERM"),
            "{endings:?}"
        );
        let (step, _) = newest(folder.path()).expect("a checkpoint");
        assert!((5..2_000).contains(&step), "{step}");
        let count = std::fs::read_dir(folder.path()).expect("a folder").count();
        // With the lock.
        assert!(count <= 2, "{count} files");
        assert_eq!(said.code, Some(143), "{}", said.words);
    }
}

#[test]
fn a_process_that_is_stopped_is_named_in_the_stated_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let order = (order("slow", folder.path()).with("STEPS", 10_000))
        .with("PARTS", 1)
        .with("SILENCE", 3);
    let mut process = None;
    let mut stopped = None;
    let said = started(&order, Some(3), |line| {
        if let Some((_, id)) = who(line).filter(|(who, _)| *who == 1) {
            process = Some(id);
        }
        if line.contains("step 5 ")
            && let Some(id) = process
        {
            send("-STOP", id);
            stopped = Some(Instant::now());
        }
    });
    let taken = stopped.expect("it was stopped").elapsed().as_secs_f64();
    let named = "rank 1 has not answered for 3 s";
    assert!(said.words.contains(named), "{}", said.words);
    assert!(taken < 20.0, "{taken} s of {}", said.seconds);
    assert_ne!(said.code, Some(0));
}

#[test]
fn killed_and_started_again_it_is_the_run_that_was_not() {
    let kills = repetitions("KILLS", 3);
    let mut moments = Stream::new(u64::from(std::process::id()), "kills");
    let steps = 60;
    let undisturbed = |count: usize| {
        let folder = tempfile::tempdir().expect("a folder");
        let order = order("stored", folder.path())
            .with("STEPS", steps)
            .with("PARTS", 1);
        run(&order, Some(count)).digest(count)
    };
    let expected = [undisturbed(2), undisturbed(3)];
    for round in 0..kills {
        let folder = tempfile::tempdir().expect("a folder");
        let order = order("stored", folder.path())
            .with("STEPS", steps)
            .with("PARTS", 1);
        let count = 2 + round % 2;
        let step = format!("step {} ", 2 + moments.index(steps as usize - 10));
        let mut processes = Vec::new();
        let said = started(&order, Some(count), |line| {
            processes.extend(who(line));
            if line.contains(&step) {
                // Another one, the first one, all.
                for (rank, id) in &processes {
                    let is_meant = match round % 3 {
                        0 => *rank == 1,
                        1 => *rank == 0,
                        _ => true,
                    };
                    if is_meant {
                        send("-KILL", *id);
                    }
                }
            }
        });
        assert_ne!(said.code, Some(0), "{}", said.words);
        assert!(said.seconds < 60.0, "{} s", said.seconds);
        let other = tempfile::tempdir().expect("a folder");
        for entry in std::fs::read_dir(folder.path()).expect("a folder") {
            let entry = entry.expect("an entry");
            std::fs::copy(entry.path(), other.path().join(entry.file_name())).expect("a copy");
        }
        let again = run(&order, Some(count));
        assert_eq!(
            again.digest(count),
            expected[count - 2],
            "after {step}: {}",
            again.words
        );
        // With another number of processes it goes on and comes to its end.
        let order = Order::new("stored", other.path())
            .with("STEPS", steps)
            .with("PARTS", 1);
        run(&order, Some(5 - count)).digest(5 - count);
    }
}

#[test]
fn a_finding_sends_all_back_to_the_first_process_checkpoint() {
    let folder = tempfile::tempdir().expect("a folder");
    let order = order("rolled back", folder.path())
        .with("STEPS", 30)
        .with("PARTS", 1);
    let said = run(&order, Some(2));
    said.digest(2);
    assert!(
        said.words.contains("rank 0 notice rolled_back"),
        "{}",
        said.words
    );
}
