//! Half a step of several processes: one buffer, one sum.

use burn::tensor::backend::Backend;
use burn::tensor::{DType, Tensor};

use super::flat::{Flat, Real, put_gradients, take_gradients};
use super::{HalfStep, TrainState};
use crate::error::Result;
use crate::network::{Network, Verdict};
use crate::pair::{InnerBackend, Pair};
use crate::process::{ProcessGroup, lost};

/// How many numbers a run has summed beside a step's own.
pub(crate) const WISHES: usize = 5;

/// The group that a step is made in, and what a run wants to know of all processes.
#[derive(Debug)]
pub(crate) struct Together<'a> {
    pub(crate) group: &'a dyn ProcessGroup,
    /// Summed with the first half of the step: the own ones before, the sums after it.
    pub(crate) wishes: [f64; WISHES],
    /// Whether they are summed.
    pub(crate) told: bool,
}

impl<'a> Together<'a> {
    pub(crate) fn of(group: &'a dyn ProcessGroup) -> Self {
        Self {
            group,
            wishes: [0.0; WISHES],
            told: false,
        }
    }

    fn is_alone(&self) -> bool {
        self.group.size() == 1
    }
}

/// Sums half a step over the processes of the group. In a group of one nothing happens.
///
/// ```text
/// | gradients | which are there | losses, terms | memories | diversity | logits | wishes | mark |
/// ```
///
/// What is a sum over shares is summed as it is; memories and the diversity are means; logits are
/// gathered, each process' in a place of its own among zeros. `diversity` is a process' own one, where
/// the health watch asks for it, and comes back as the mean.
#[allow(clippy::type_complexity)]
pub(super) fn summed<P: Pair>(
    half: Box<HalfStep<P>>,
    state: &TrainState<P>,
    together: &mut Together<'_>,
    diversity: Option<Tensor<InnerBackend<P>, 1>>,
) -> Result<(Box<HalfStep<P>>, Option<Tensor<InnerBackend<P>, 1>>)> {
    if together.is_alone() {
        return Ok((half, diversity));
    }
    match half.loss.dtype() {
        DType::F64 => summed_in::<P, f64>(half, state, together, diversity),
        _ => summed_in::<P, f32>(half, state, together, diversity),
    }
}

#[allow(clippy::type_complexity)]
fn summed_in<P: Pair, N: Real>(
    mut half: Box<HalfStep<P>>,
    state: &TrainState<P>,
    together: &mut Together<'_>,
    diversity: Option<Tensor<InnerBackend<P>, 1>>,
) -> Result<(Box<HalfStep<P>>, Option<Tensor<InnerBackend<P>, 1>>)> {
    let group = together.group;
    let (rank, size) = (group.rank(), group.size());
    let share = 1.0 / size as f64;
    let device = half.loss.device();
    let dtype = half.loss.dtype();

    let mut flat = Flat::<N>::default();
    let gradients = std::mem::take(&mut half.gradients);
    let (kept, mark) = match half.network {
        Network::Generator => {
            put_gradients::<P::Backend, _, N>(&state.gan.generator, gradients, &mut flat)
        }
        Network::Discriminator => {
            put_gradients::<P::Backend, _, N>(&state.gan.discriminator, gradients, &mut flat)
        }
    };
    flat.tensor(half.loss.clone());
    if let Some(terms) = &half.terms {
        flat.tensor(terms.clone());
    }
    for number in half.objective.remembered() {
        flat.tensor(number.clone().inner());
    }
    if let Some(diversity) = &diversity {
        flat.tensor(diversity.clone());
    }
    for verdict in half.verdicts.iter().flatten() {
        for rows in gathered(verdict) {
            let numbers = rows.shape().num_elements();
            flat.zeros(rank * numbers);
            flat.tensor(rows);
            flat.zeros((size - 1 - rank) * numbers);
        }
    }
    if !together.told {
        for wish in together.wishes {
            flat.put(wish);
        }
    }
    flat.put(f64::from(mark));

    let mut sums = flat.summed(group)?;
    half.gradients = match half.network {
        Network::Generator => {
            take_gradients::<P::Backend, _, N>(&state.gan.generator, &kept, &mut sums)
        }
        Network::Discriminator => {
            take_gradients::<P::Backend, _, N>(&state.gan.discriminator, &kept, &mut sums)
        }
    };
    half.loss = sums.tensor_like([1], (&device, dtype));
    half.terms = (half.terms.take()).map(|_| sums.tensor_like([1], (&device, dtype)));
    half.objective.replace_remembered(|number| {
        let place = (&device, number.dtype());
        let sum: Tensor<InnerBackend<P>, 1> = sums.tensor_like(number.dims(), place);
        Tensor::from_inner(sum.mul_scalar(share))
    });
    let diversity = diversity.map(|diversity| {
        let sum: Tensor<InnerBackend<P>, 1> = sums.tensor_like([1], (&device, diversity.dtype()));
        sum.mul_scalar(share)
    });
    half.verdicts = half.verdicts.take().map(|verdicts| {
        verdicts.map(|verdict| {
            let mut rows = gathered(&verdict).map(|rows| {
                let [own, width] = rows.dims();
                sums.tensor_like([own * size, width], (&device, rows.dtype()))
            });
            let Some(logits) = rows.next() else {
                unreachable!("a verdict has logits");
            };
            let class_logits = rows.next();
            let whole = Verdict::from(logits);
            match class_logits {
                Some(class_logits) => whole.with_class_logits(class_logits),
                None => whole,
            }
        })
    });
    if !together.told {
        together.wishes = together.wishes.map(|_| sums.take());
        together.told = true;
    }
    // Equal marks of all give so many times this one: below 2²⁴ that is exact in single precision.
    if sums.take() != f64::from(mark) * size as f64 {
        let whose = match half.network {
            Network::Generator => "the sum of the generator's gradients",
            Network::Discriminator => "the sum of the discriminator's gradients",
        };
        let problem = "processes have gradients of other shapes, or in another order in memory: run the \
                       same program on the same kind of processor everywhere";
        return Err(lost(whose, problem));
    }
    half.shares *= size;
    half.samples *= size;
    Ok((half, diversity))
}

/// What is gathered of a verdict, in its order: logits, then class logits.
fn gathered<B: Backend>(verdict: &Verdict<B>) -> impl Iterator<Item = Tensor<B, 2>> {
    let logits = Some(verdict.logits.clone());
    [logits, verdict.class_logits.clone()].into_iter().flatten()
}
