//! What the processes of a group agree on beside their steps: that they train the same, with which
//! state they begin, what the first one has found, and when they stop.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::checkpoint::{Position, packed, side_by_side, unpacked};
use super::feed::{self, Data, Expected};
use super::{Ending, Finding};
use crate::error::Result;
use crate::network::{Condition, Sample};
use crate::pair::Pair;
use crate::process::{ProcessGroup, lost};
use crate::random::{FNV_START, fnv1a_more};
use crate::step::{TrainState, WISHES};

/// Samples by which processes know that they have the same data.
const LOOKED_AT: usize = 8;
/// Numbers of samples may differ by so much, relatively: sums are taken in another order on other
/// processors.
const ROUNDING: f64 = 1e-5;
/// Differences that are told, at most.
const TOLD: usize = 6;

const START: &str = "the start of the run";

fn written(value: &impl Serialize) -> Result<Vec<u8>> {
    rmp_serde::to_vec_named(value).map_err(|error| lost("a message", error.to_string()))
}

fn read<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    rmp_serde::from_slice(bytes).map_err(|error| lost("a message", error.to_string()))
}

/// What a process is about to train, to be compared.
#[derive(Serialize, Deserialize)]
struct Facts {
    /// Settings, the crate's version, the backend, options of the program, shapes, labels; as JSON.
    plain: String,
    /// Of a few samples.
    numbers: Vec<f64>,
}

/// Refuses a group whose processes do not train the same, before the first step and on all of them.
///
/// # Errors
/// [`Error::Process`](crate::Error::Process) with what differs, and where.
pub(super) fn agree<P: Pair>(
    group: &dyn ProcessGroup,
    settings: &Value,
    gan: &crate::pair::GanOf<P>,
    data: &Data<'_, P>,
    expected: &Expected,
    device: &Device<P::Backend>,
) -> Result<()> {
    if group.size() == 1 {
        return Ok(());
    }
    let own = facts::<P>(settings, gan, data, expected, device)?;
    let all = group.gather(written(&own)?)?;
    let mut told = String::new();
    for (rank, facts) in all.iter().enumerate().skip(1) {
        let theirs: Facts = read(facts)?;
        let found = between(&own, &theirs, rank)?;
        if !found.is_empty() && told.is_empty() {
            let more = found.len().saturating_sub(TOLD);
            let shown: Vec<String> = found.into_iter().take(TOLD).collect();
            told = shown.join("; ");
            if more > 0 {
                told += &format!("; and {more} more");
            }
        }
    }
    let told = group.broadcast(told.into_bytes())?;
    if told.is_empty() {
        return Ok(());
    }
    let told = String::from_utf8_lossy(&told);
    Err(lost(
        START,
        format!(
            "the processes do not train the same: {told}; start one program with the same options and the \
             same data everywhere"
        ),
    ))
}

fn facts<P: Pair>(
    settings: &Value,
    gan: &crate::pair::GanOf<P>,
    data: &Data<'_, P>,
    expected: &Expected,
    device: &Device<P::Backend>,
) -> Result<Facts> {
    let last = data.len().saturating_sub(1);
    let mut places: Vec<usize> = (0..LOOKED_AT)
        .map(|place| place * last / (LOOKED_AT - 1))
        .collect();
    places.dedup();
    let (sample, condition) = feed::batch(data, &places, expected, device)?;
    let labels = Condition::<P::Backend>::labels(&condition);
    let [least, most] = sample.clone().extremes();
    let numbers = [sample.squared_norms(), least, most]
        .into_iter()
        .flat_map(|numbers| numbers.into_data().iter::<f64>().collect::<Vec<f64>>())
        .collect();
    let mut plain = settings.clone();
    plain["networks"] = json!(shapes::<P::Backend, _>(gan));
    plain["shape of a sample"] = json!(expected.shape);
    plain["labels of some samples"] = json!(labels);
    Ok(Facts {
        plain: plain.to_string(),
        numbers,
    })
}

/// The shapes of all parameters, in visiting order.
fn shapes<B: AutodiffBackend, M: Module<B>>(module: &M) -> Vec<Vec<usize>> {
    struct Shapes(Vec<Vec<usize>>);
    impl<B: Backend> ModuleVisitor<B> for Shapes {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
            self.0.push(param.lazy_shape().iter().copied().collect());
        }
    }
    let mut shapes = Shapes(Vec::new());
    module.visit(&mut shapes);
    shapes.0
}

/// What differs between the first process and another one, in words.
fn between(first: &Facts, other: &Facts, rank: usize) -> Result<Vec<String>> {
    let parsed = |facts: &Facts| {
        let value = serde_json::from_str::<Value>(&facts.plain);
        value.map_err(|error| lost(START, error.to_string()))
    };
    let other_rank = format!("rank {rank}");
    let names = ["rank 0", other_rank.as_str()];
    let mut found = side_by_side(names, &parsed(first)?, &parsed(other)?);
    let differ = |(a, b): (&f64, &f64)| {
        let near = (a - b).abs() <= ROUNDING * a.abs().max(b.abs());
        !(near || a.to_bits() == b.to_bits())
    };
    let mut pairs = first.numbers.iter().zip(&other.numbers);
    let same_count = first.numbers.len() == other.numbers.len();
    if found.is_empty() && (!same_count || pairs.any(differ)) {
        found.push(format!(
            "some samples of the data are others on rank 0 than on rank {rank}"
        ));
    }
    Ok(found)
}

/// The state that the first process begins with, or goes back to, on all of them.
///
/// # Errors
/// If the group fails, or a process has other networks.
pub(super) fn hand_on<P: Pair>(
    group: &dyn ProcessGroup,
    (state, position): (TrainState<P>, Position),
    settings: &Value,
    device: &Device<P::Backend>,
) -> Result<(TrainState<P>, Position)> {
    if group.size() == 1 {
        return Ok((state, position));
    }
    if group.is_first() {
        let bytes = packed(&state, &position, settings.clone())?;
        group.broadcast(bytes)?;
        return Ok((state, position));
    }
    let bytes = group.broadcast(Vec::new())?;
    unpacked(&bytes, &state, device)
}

/// What the first process makes of a health check.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Judgement {
    GoOn,
    Halt(Finding),
    RollBack(Finding, f64),
}

/// Compares the weights of all processes, and tells all what the first one has found.
///
/// Weights that were the same stay so by the same updates, unless processors round differently; the
/// run must not go on then.
///
/// # Errors
/// If the group fails, or the weights of a process are others than the first one's.
pub(super) fn judge<P: Pair>(
    group: &dyn ProcessGroup,
    state: &TrainState<P>,
    own: impl FnOnce() -> Result<Judgement>,
) -> Result<Judgement> {
    if group.size() == 1 {
        return own();
    }
    let mark = weights::<P>(state);
    let all = group.gather(mark.to_le_bytes().to_vec())?;
    if !group.is_first() {
        return read(&group.broadcast(Vec::new())?);
    }
    let other = all.iter().position(|other| **other != mark.to_le_bytes());
    if let Some(rank) = other {
        return Err(lost(
            &format!("the check after step {}", state.step),
            format!(
                "the weights of rank {rank} are no longer those of rank 0: its processor rounds \
                 differently, or its program draws or changes something by itself (a hook, a layer); go \
                 back to the last checkpoint, on processors of one kind"
            ),
        ));
    }
    let judgement = own()?;
    group.broadcast(written(&judgement)?)?;
    Ok(judgement)
}

/// A number that tells the weights of one training state from those of another; buffers, such as
/// running statistics, do not count.
fn weights<P: Pair>(state: &TrainState<P>) -> u64 {
    struct Mark(u64);
    impl<B: Backend> ModuleVisitor<B> for Mark {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
            if !param.is_require_grad() {
                return;
            }
            let data = param.val().into_data();
            for bytes in data.as_bytes().chunks(8) {
                let mut word = [0; 8];
                word[..bytes.len()].copy_from_slice(bytes);
                self.0 = fnv1a_more(self.0, u64::from_le_bytes(word));
                self.0 ^= self.0 >> 29;
            }
        }
    }
    let mut mark = Mark(FNV_START);
    state.gan.visit(&mut mark);
    mark.0
}

/// What a process wishes: a number for each reason to stop. Summed over the group, every process comes
/// to the same.
pub(super) fn wishes(asked: bool, signal: Option<i32>, time_is_up: bool) -> [f64; WISHES] {
    let mut wishes = [0.0; WISHES];
    if asked {
        let place = match signal {
            Some(2) => 0,
            Some(15) => 1,
            Some(1) => 2,
            _ => 3,
        };
        wishes[place] = 1.0;
    }
    wishes[4] = f64::from(u8::from(time_is_up));
    wishes
}

/// How the run is to end by the wishes of all; `None` where nobody has one.
pub(super) fn ending(wishes: [f64; WISHES]) -> Option<Ending> {
    let [interrupt, terminate, hang_up, request, time] = wishes.map(|count| count > 0.0);
    let signal = match (interrupt, terminate, hang_up) {
        (true, ..) => Some(2),
        (_, true, _) => Some(15),
        (.., true) => Some(1),
        _ => None,
    };
    if signal.is_some() || request {
        return Some(Ending::Interrupted { signal });
    }
    time.then_some(Ending::TimeUp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_wish_of_any_process_ends_all_for_its_reason() {
        let sum = |all: &[[f64; WISHES]]| {
            let mut sum = [0.0; WISHES];
            for wishes in all {
                (0..WISHES).for_each(|place| sum[place] += wishes[place]);
            }
            sum
        };
        let none = wishes(false, None, false);
        assert!(ending(sum(&[none, none])).is_none());
        for (signal, asked) in [(2, Some(2)), (15, Some(15)), (1, Some(1)), (10, None)] {
            let one = wishes(true, Some(signal), false);
            match ending(sum(&[none, one, none])) {
                Some(Ending::Interrupted { signal }) => assert_eq!(signal, asked),
                other => panic!("{other:?}"),
            }
        }
        let time = wishes(false, None, true);
        assert!(matches!(ending(sum(&[time, time])), Some(Ending::TimeUp)));
        let button = wishes(true, None, false);
        let both = ending(sum(&[time, button]));
        assert!(matches!(both, Some(Ending::Interrupted { signal: None })));
    }

    #[test]
    fn differences_name_the_setting_and_both_ranks() {
        let facts = |steps: u64, number: f64| Facts {
            plain: json!({"steps": steps, "networks": [[2, 3], [3]]}).to_string(),
            numbers: vec![1.0, number],
        };
        let found = |a: &Facts, b: &Facts| between(a, b, 3).expect("facts");
        assert!(found(&facts(5, 2.0), &facts(5, 2.000_000_1)).is_empty());
        assert_eq!(
            found(&facts(5, 2.0), &facts(6, 2.0)),
            ["`steps` is 5 on rank 0, 6 on rank 3"]
        );
        let data = found(&facts(5, 2.0), &facts(5, 2.1));
        assert!(
            data[0].contains("others on rank 0 than on rank 3"),
            "{data:?}"
        );
    }
}
