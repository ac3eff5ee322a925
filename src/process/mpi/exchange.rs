//! Messages that are posted without blocking and asked after, and signs of life beside them.

use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use ::mpi::Tag;
use ::mpi::datatype::Equivalence;
use ::mpi::point_to_point::{Destination, Source};
use ::mpi::request::{LocalScope, Request, StaticScope, scope};
use ::mpi::topology::SimpleCommunicator;
use ::mpi::traits::Communicator;

use super::speaker::{park, pause, told};
use super::{Answer, Order, Patience, Place};
use crate::error::{Error, Result};

/// What messages are.
const DATA: Tag = 1;
/// A question: are you there?
const PING: Tag = 2;
/// And its answer.
const PONG: Tag = 3;
/// Somebody can't go on, and why.
const FAIL: Tag = 4;
/// The first process has stored what it had to.
const BYE: Tag = 5;

/// What messages without words hold.
static SIGN: [u8; 1] = [0];

/// Between two looks for mail while messages are waited for.
const LOOKS: Duration = Duration::from_millis(5);
/// Longer words are cut.
const WORDS: usize = 4_000;

/// How messages failed to come.
pub(super) enum Outcome<'a> {
    /// Another process has told why it can't go on.
    Told(Error),
    /// Nothing was heard of these.
    Silent { ranks: &'a [usize], seconds: u64 },
    /// These are there, but don't come.
    Late { ranks: &'a [usize], seconds: u64 },
}

/// Signs of life and bad news, sent and received beside the messages.
pub(super) struct Mail {
    place: Place,
    patience: Patience,
    /// When each was last heard of.
    heard: Vec<Instant>,
    /// Signs that are on their way.
    signs: Vec<Request<'static, [u8], StaticScope>>,
    /// Who has given up, and why.
    failure: Option<(usize, String)>,
    /// Whether the first process is done.
    bye: bool,
    looked: Instant,
}

impl Mail {
    pub(super) fn new(place: Place, patience: Patience) -> Self {
        let now = Instant::now();
        Self {
            place,
            patience,
            heard: vec![now; place.size],
            signs: Vec::new(),
            failure: None,
            bye: false,
            looked: now,
        }
    }

    /// What another process has given up for.
    pub(super) fn failure(&self) -> Option<Error> {
        let failure = self.failure.as_ref();
        failure.map(|(rank, words)| told(*rank, words))
    }

    fn send(&mut self, world: &SimpleCommunicator, to: usize, tag: Tag) {
        let to = world.process_at_rank(to as i32);
        let sign = to.immediate_send_with_tag(StaticScope, &SIGN[..], tag);
        self.signs.push(sign);
        self.sweep();
    }

    /// Drops the signs that have gone out.
    fn sweep(&mut self) {
        let signs = std::mem::take(&mut self.signs);
        self.signs = signs
            .into_iter()
            .filter_map(|sign| sign.test().err())
            .collect();
    }

    /// Leaves the signs that have not gone out to the library: what they hold lives for ever.
    pub(super) fn forget(&mut self) {
        self.sweep();
        self.signs.drain(..).for_each(std::mem::forget);
    }

    /// Reads what has come, and answers.
    pub(super) fn look(&mut self, world: &SimpleCommunicator) {
        self.looked = Instant::now();
        let any = world.any_process();
        for tag in [PING, PONG, FAIL, BYE] {
            while let Some((message, status)) = any.immediate_matched_probe_with_tag(tag) {
                let from = usize::try_from(status.source_rank()).unwrap_or(0);
                let count = status.count(u8::equivalent_datatype());
                let mut bytes = vec![0_u8; usize::try_from(count).unwrap_or(0)];
                message.matched_receive_into(&mut bytes[..]);
                self.heard[from] = Instant::now();
                match tag {
                    PING => self.send(world, from, PONG),
                    FAIL if self.failure.is_none() => {
                        let words = String::from_utf8_lossy(&bytes).into_owned();
                        self.failure = Some((from, words));
                    }
                    BYE => self.bye = true,
                    _ => {}
                }
            }
        }
    }

    /// Tells all others why this process can't go on.
    pub(super) fn tell_all(&mut self, world: &SimpleCommunicator, words: &str) {
        let mut words = words.as_bytes().to_vec();
        words.truncate(WORDS);
        // Once in a program, and the library may send it whenever it likes.
        let words: &'static [u8] = Vec::leak(words);
        for to in (0..self.place.size).filter(|to| *to != self.place.rank) {
            let to = world.process_at_rank(to as i32);
            let sent = to.immediate_send_with_tag(StaticScope, words, FAIL);
            self.signs.push(sent);
        }
        self.sweep();
    }

    /// After an error: answers others until the program has done what it had to, and the first process
    /// has too. MPI is left as it is.
    pub(super) fn linger(
        &mut self,
        world: &SimpleCommunicator,
        orders: &Receiver<Order>,
        answers: &Sender<Result<Answer>>,
    ) -> ! {
        let tick = Duration::from_millis(10);
        loop {
            self.look(world);
            self.sweep();
            match orders.recv_timeout(tick) {
                Ok(Order::Finish) | Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
                // It was told before that the group is broken.
                Ok(_) | Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {}
            }
        }
        let asked = Instant::now();
        if self.place.rank == 0 {
            for to in 1..self.place.size {
                self.send(world, to, BYE);
            }
            // So that it goes out: a moment of attention is all that it takes.
            while !self.signs.is_empty() && asked.elapsed() < Duration::from_millis(500) {
                self.look(world);
                self.sweep();
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        let first_is_there = |mail: &Self| {
            mail.place.rank > 0 && !mail.bye && mail.heard[0].elapsed() < mail.patience.silence
        };
        let mut pinged = asked;
        while first_is_there(self) && asked.elapsed() < 4 * self.patience.silence {
            if pinged.elapsed() > self.patience.silence / 8 {
                pinged = Instant::now();
                self.send(world, 0, PING);
            }
            self.look(world);
            std::thread::sleep(tick);
        }
        let _ = answers.send(Ok(Answer::Done));
        park()
    }
}

/// A message that is under way, and with whom.
type Posted<'a, 'b, T> = (usize, Option<Request<'a, [T], &'b LocalScope<'a>>>);

/// Posts all messages and waits for them. Where they don't come, `give_up` is called with the reason;
/// it never returns, since what is posted belongs to MPI.
pub(super) fn exchange<T: Equivalence>(
    world: &SimpleCommunicator,
    mail: &mut Mail,
    outgoing: &[(usize, &[T])],
    incoming: Vec<(usize, &mut [T])>,
    give_up: impl FnOnce(&mut Mail, Outcome<'_>) -> std::convert::Infallible,
) {
    let mut incoming = incoming;
    scope(|scope| {
        let mut receives: Vec<Posted<'_, '_, T>> = Vec::new();
        for (from, into) in &mut incoming {
            let source = world.process_at_rank(*from as i32);
            let request = source.immediate_receive_into_with_tag(scope, &mut **into, DATA);
            receives.push((*from, Some(request)));
        }
        let mut sends: Vec<Posted<'_, '_, T>> = Vec::new();
        for (to, what) in outgoing {
            let target = world.process_at_rank(*to as i32);
            let request = target.immediate_send_with_tag(scope, *what, DATA);
            sends.push((*to, Some(request)));
        }
        let begun = Instant::now();
        let mut moved = begun;
        let mut asked = begun;
        loop {
            let before = open(&receives) + open(&sends);
            advance(&mut receives);
            advance(&mut sends);
            let left = open(&receives) + open(&sends);
            if left == 0 {
                return;
            }
            if left < before {
                moved = Instant::now();
            }
            if mail.looked.elapsed() < LOOKS {
                pause(moved);
                continue;
            }
            mail.look(world);
            mail.sweep();
            if let Some(error) = mail.failure() {
                match give_up(mail, Outcome::Told(error)) {}
            }
            let waited = begun.elapsed();
            let Patience { silence, longest } = mail.patience;
            let missing = missing(&receives, &sends);
            if asked.elapsed() > silence / 8 {
                asked = Instant::now();
                for rank in &missing {
                    mail.send(world, *rank, PING);
                }
            }
            // Whoever was asked has had the time to answer.
            let is_silent =
                |rank: &usize| waited > silence && mail.heard[*rank].max(begun).elapsed() > silence;
            let silent: Vec<usize> = missing.iter().copied().filter(is_silent).collect();
            if !silent.is_empty() {
                let outcome = Outcome::Silent {
                    ranks: &silent,
                    seconds: silence.as_secs(),
                };
                match give_up(mail, outcome) {}
            }
            if moved.elapsed() > longest {
                let outcome = Outcome::Late {
                    ranks: &missing,
                    seconds: longest.as_secs(),
                };
                match give_up(mail, outcome) {}
            }
        }
    });
}

fn open<T>(posted: &[Posted<'_, '_, T>]) -> usize {
    posted
        .iter()
        .filter(|(_, request)| request.is_some())
        .count()
}

/// Asks after each message that is under way.
fn advance<T>(posted: &mut [Posted<'_, '_, T>]) {
    for (_, slot) in posted {
        if let Some(request) = slot.take() {
            *slot = request.test().err();
        }
    }
}

/// Those whose messages have not come; where all have, those who have not taken theirs.
fn missing<T>(receives: &[Posted<'_, '_, T>], sends: &[Posted<'_, '_, T>]) -> Vec<usize> {
    let open = |posted: &[Posted<'_, '_, T>]| -> Vec<usize> {
        let open = posted.iter().filter(|(_, request)| request.is_some());
        open.map(|(rank, _)| *rank).collect()
    };
    let mut ranks = open(receives);
    if ranks.is_empty() {
        ranks = open(sends);
    }
    ranks.sort_unstable();
    ranks
}
