//! Passes through the networks, without a tape.

use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};

use crate::error::{Error, Result};
use crate::network::guard::{is_about, is_of_the_machine, quietly};
use crate::network::{Condition, Discriminator, Generator, Sample, TrainableGenerator};
use crate::random::Stream;
use crate::train::TrainerConfig;

/// Samples that are drawn to see their shape.
const DRAWN: usize = 4;
/// Logits of one sample in two batches agree to this, relative to the largest, where samples are
/// judged one by one: GPUs add in no fixed order.
const EQUAL: f64 = 1e-3;
/// The factors on samples whose verdicts tell whether a discriminator's output has bounds.
const SCALES: [f64; 7] = [1.0, -1.0, 10.0, -10.0, 1e3, -1e3, 1e5];
/// Outputs that differ by less are constant.
const VARIES: f64 = 1e-3;
/// How far a rounded output may lie outside of its bounds.
const ROUNDED: f64 = 1e-5;

/// The shape of a drawn batch.
pub(super) fn generator<B, G>(
    config: &TrainerConfig,
    generator: &G,
    condition: &G::Condition,
    batch_size: usize,
    device: &B::Device,
) -> Result<Vec<usize>>
where
    B: AutodiffBackend,
    G: TrainableGenerator<B>,
{
    let count = DRAWN.min(batch_size);
    // A stream of its own: the run's latents stay what they are.
    let mut stream = Stream::new(config.seed, "preflight");
    let latent = config
        .latent
        .draw::<B::InnerBackend>(count, &mut stream, device);
    let draw = |latent: Tensor<B::InnerBackend, 2>| {
        quietly(|| {
            let condition = condition.narrow(0, count).inner();
            generator.valid().generate(latent, &condition).shape()
        })
    };
    let dimensions = config.latent.dimensions();
    draw(latent).map_err(|words| {
        // Layers that join latents with something else name another size, which moves with it.
        let wider = draw(Tensor::zeros([count, dimensions + 1], device));
        let moves = !is_of_the_machine(&words) && wider.as_ref() != Err(&words);
        if is_about(&words, &[dimensions]) || moves {
            return Error::setting(
                "latent",
                dimensions,
                format!(
                    "the generator can't draw samples from latents of so many components \
                     ({words}); prior and generator need one size"
                ),
            );
        }
        Error::Network {
            network: "generator".to_owned(),
            problem: format!("{words} (it was given latents of shape [{count}, {dimensions}])"),
        }
    })
}

/// Drawn and real samples must agree in all but the batch.
pub(super) fn one_shape(drawn: &[usize], real: &[usize]) -> Result<()> {
    if drawn[1..] == real[1..] {
        return Ok(());
    }
    Err(Error::setting(
        "generator",
        format!("samples of shape {:?}", &drawn[1..]),
        format!(
            "those of the data set have shape {:?}; make the generator for the data's shape, or \
             bring the data into the generator's",
            &real[1..]
        ),
    ))
}

/// Judges the first `count` real samples.
pub(super) fn discriminator<B, D>(
    judge: &D,
    real: &D::Sample,
    condition: &D::Condition,
    count: usize,
) -> Result<()>
where
    B: Backend,
    D: Discriminator<B>,
{
    // The shortest batch comes last: the first one holds as many.
    let count = count.min(real.batch_size());
    let logits = logits::<B, D>(judge, real, condition, count);
    logits.map(|_| ()).map_err(|words| {
        let mut shape = real.shape();
        shape[0] = count;
        // Flattened, and flattened but for the channels, as layers may name it.
        let mut sizes = shape.clone();
        sizes.push(shape[1..].iter().product());
        sizes.push(shape.iter().skip(2).product());
        if !is_about(&words, &sizes) {
            return Error::Network {
                network: "discriminator".to_owned(),
                problem: format!("{words} (it was given real samples of shape {shape:?})"),
            };
        }
        Error::setting(
            "discriminator",
            format!("a network for other batches than {shape:?}"),
            format!(
                "can't judge a batch of {count} samples of the data set, of shape {:?} each \
                 ({words}); make it for this shape, and if it joins samples, take batches and \
                 micro-batches that it can cut",
                &shape[1..]
            ),
        )
    })
}

/// Whether logits of samples depend on the others of their batch: those of `count` samples alone are
/// compared with those of twice as many. `None` where that does not tell.
pub(super) fn mixes_samples<B, D>(
    judge: &D,
    real: &D::Sample,
    condition: &D::Condition,
    count: usize,
) -> Option<bool>
where
    B: Backend,
    D: Discriminator<B>,
{
    if count == 0 || real.batch_size() < 2 * count {
        return None;
    }
    let of = |count| logits::<B, D>(judge, real, condition, count).unwrap_or_default();
    let (alone, together) = (of(count), of(2 * count));
    // A network that draws at random would seem to mix.
    if alone.is_empty() || alone != of(count) || together.len() != 2 * alone.len() {
        return None;
    }
    let largest = together
        .iter()
        .fold(0.0f64, |largest, x| largest.max(x.abs()));
    let mut pairs = alone.iter().zip(&together);
    Some(pairs.any(|(a, b)| (a - b).abs() > EQUAL * largest))
}

/// The bounds of the discriminator's output, if it has those of a sigmoid or a tanh: what it says
/// of the samples at any size and either sign stays in them, without being constant.
///
/// A network that ends in a linear layer leaves them at large samples, unless that layer follows a
/// norm or bounded activations; then no output comes to a bound and no further. A sigmoid behind
/// such layers comes to none either, and is not told.
pub(super) fn bounds<B, D>(
    judge: &D,
    real: &D::Sample,
    condition: &D::Condition,
    count: usize,
) -> Option<[f64; 2]>
where
    B: Backend,
    D: Discriminator<B>,
{
    let count = count.min(real.batch_size());
    let real = real.clone().narrow(0, count);
    let device = real.device();
    let mut all = Vec::new();
    for scale in SCALES {
        // x + (s − 1)·x
        let weights = Tensor::full([count], scale - 1.0, &device);
        let scaled = real.clone().add_scaled(real.clone(), weights);
        all.extend(logits::<B, D>(judge, &scaled, condition, count).ok()?);
    }
    let least = all.iter().copied().fold(f64::INFINITY, f64::min);
    let most = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // A last layer of zeros says nothing yet.
    if !(most - least > VARIES) {
        return None;
    }
    let keeps = |low: f64| {
        let within = least >= low - ROUNDED && most <= 1.0 + ROUNDED;
        within && (least < low + VARIES || most > 1.0 - VARIES)
    };
    [0.0, -1.0]
        .into_iter()
        .find(|low| keeps(*low))
        .map(|low| [low, 1.0])
}

/// The logits of the first `count` samples, or the words of a panic.
fn logits<B, D>(
    judge: &D,
    real: &D::Sample,
    condition: &D::Condition,
    count: usize,
) -> Result<Vec<f64>, String>
where
    B: Backend,
    D: Discriminator<B>,
{
    quietly(|| {
        let real = real.clone().narrow(0, count);
        let verdict = judge.discriminate(real, &condition.narrow(0, count));
        verdict.logits.into_data().iter::<f64>().collect()
    })
}
