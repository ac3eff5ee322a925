//! Running statistics that belong to averaged weights.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::Arc;

use burn::module::{AutodiffModule, Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};

use crate::error::Result;
use crate::latent::Latent;
use crate::network::Generator;
use crate::network::guard::quietly;
use crate::pair::{Pair, Sampler};
use crate::random::{Stream, alone, reseed};

/// The latents, the latents' conditions and the generator of a device draw from here.
const PURPOSE: &str = "standing statistics";
/// Samples that the statistics are taken over, about.
const SAMPLES: usize = 2_048;
/// Batches that they are cut into, at least and at most.
const BATCHES: [usize; 2] = [8, 32];
/// How much larger than a batch's statistics the number is that tells their weight.
const LARGE: f64 = 1e4;
/// How far the weights of a layer's channels may be apart.
const ONE_WEIGHT: f64 = 1e-3;

/// What the running statistics of an averaged generator are drawn with.
///
/// The running mean and variance of a batch norm belong to the weights that moved them. Averaged
/// weights make other activations: with the statistics of the trained weights their samples come
/// out washed out. So whoever asks the average for its generator gets one whose statistics are
/// those of its own activations, over batches drawn for it:
///
/// ```text
/// running ← (1/n)·Σ_i statistics of batch i,     z_i from the prior, in training mode
/// ```
///
/// Every buffer that a pass in training mode moves by `(1 − m)·old + m·batch` is one of these,
/// whatever its layer is called. A [`Trainer`](crate::train::Trainer) sets this up for every
/// average; a loop of one's own does by
/// [`TrainState::with_standing_statistics`](super::super::TrainState::with_standing_statistics).
///
/// Standing statistics of Brock, Donahue, Simonyan 2018, *Large scale GAN training for high
/// fidelity natural image synthesis*, arXiv:1809.11096; for averaged weights Izmailov, Podoprikhin,
/// Garipov, Vetrov, Wilson 2018, *Averaging weights leads to wider optima and better
/// generalization*, arXiv:1803.05407.
#[derive(Debug, Clone)]
pub struct StandingStatistics<C> {
    latent: Latent,
    truncation: Option<f32>,
    batch_size: usize,
    /// One for each batch.
    conditions: Arc<Vec<C>>,
    seed: u64,
}

impl<C: Clone + Send + 'static> StandingStatistics<C> {
    /// Statistics over as many batches as there are conditions, `batch_size` latents each.
    ///
    /// # Panics
    /// If there is no condition or no sample.
    pub fn new(latent: Latent, batch_size: usize, seed: u64, conditions: Vec<C>) -> Self {
        assert!(
            !conditions.is_empty() && batch_size > 0,
            "statistics over {} batches of {batch_size} samples",
            conditions.len()
        );
        Self {
            latent,
            truncation: None,
            batch_size,
            conditions: Arc::new(conditions),
            seed,
        }
    }

    /// Statistics of truncated latents ([`Latent::draw_truncated`]), for an average that truncated samples
    /// are drawn from ([`Sampler::with_truncation`](crate::sampling::Sampler::with_truncation)) with the same
    /// threshold: those of the whole prior are of other activations.
    ///
    /// # Errors
    /// If the prior has no normal part, or the threshold is not a finite number above 0.
    pub fn with_truncation(mut self, threshold: f32) -> Result<Self> {
        self.latent.check_truncation(threshold)?;
        self.truncation = Some(threshold);
        Ok(self)
    }

    /// For a run: the conditions of random samples of its data, which `condition` reads. `None` for
    /// a generator without running statistics.
    pub(crate) fn of_run<P: Pair<Condition = C>>(
        generator: &P::Generator,
        latent: &Latent,
        [batch_size, samples]: [usize; 2],
        seed: u64,
        mut condition: impl FnMut(&[usize]) -> Result<C>,
    ) -> Result<Option<Self>> {
        let mut stream = Stream::new(seed, "conditions of standing statistics");
        let mut draw = || {
            let indices: Vec<usize> = (0..batch_size).map(|_| stream.index(samples)).collect();
            condition(&indices)
        };
        let first = Self::new(latent.clone(), batch_size, seed, vec![draw()?]);
        // A network that can't make the pass is reported by the first step.
        let moved = quietly(|| !first.moved::<P>(&generator.valid()).is_empty());
        if moved != Ok(true) {
            return Ok(None);
        }
        let batches = SAMPLES.div_ceil(batch_size).clamp(BATCHES[0], BATCHES[1]);
        let mut conditions = (*first.conditions).clone();
        while conditions.len() < batches {
            // Nothing to read where there is no condition.
            let next = if TypeId::of::<C>() == TypeId::of::<()>() {
                conditions[0].clone()
            } else {
                draw()?
            };
            conditions.push(next);
        }
        Ok(Some(Self::new(
            latent.clone(),
            batch_size,
            seed,
            conditions,
        )))
    }

    /// A copy of `average` whose running statistics are those of its own activations.
    pub(super) fn redrawn<P: Pair<Condition = C>>(&self, average: &Sampler<P>) -> Sampler<P> {
        // Layers that draw at random do so from the backend's generator.
        let _alone = alone();
        let moved = self.moved::<P>(average);
        if moved.is_empty() {
            return copy::<P>(average).valid();
        }
        let full = |number: &dyn Fn(&[f64]) -> f64| -> Values {
            let numbers = |values: &Vec<f64>| vec![number(values); values.len()];
            moved.iter().map(|(id, now)| (*id, numbers(now))).collect()
        };
        let zeros = full(&|_| 0.0);
        let large =
            full(&|values| LARGE * values.iter().fold(1.0, |most: f64, x| most.max(x.abs())));
        // From 0 a pass leads to m·batch, from a large number L to (1 − m)·L + m·batch.
        let mut latents = self.latents();
        let mut sums = self.pass::<P>(average, &zeros, &mut latents, 0);
        let from_large = self.pass::<P>(average, &large, &mut self.latents(), 0);
        let weights: HashMap<ParamId, f64> = sums
            .iter()
            .filter_map(|(id, start)| {
                let kept = start.iter().zip(&from_large[id]).zip(&large[id]);
                let kept: Vec<f64> = kept.map(|((s, l), large)| (l - s) / large).collect();
                let mean = kept.iter().sum::<f64>() / kept.len() as f64;
                let one = kept.iter().all(|kept| (kept - mean).abs() < ONE_WEIGHT);
                // Other buffers than running means are left as they are.
                (one && mean > -ONE_WEIGHT && mean < 1.0 - 1e-6).then_some((*id, 1.0 - mean))
            })
            .collect();
        sums.retain(|id, _| weights.contains_key(id));
        let batches = self.conditions.len();
        for batch in 1..batches {
            let next = self.pass::<P>(average, &zeros, &mut latents, batch);
            for (id, sum) in &mut sums {
                for (sum, next) in sum.iter_mut().zip(&next[id]) {
                    *sum += next;
                }
            }
        }
        for (id, sum) in &mut sums {
            let total = batches as f64 * weights[id];
            sum.iter_mut().for_each(|sum| *sum /= total);
        }
        set::<P::Backend, _>(copy::<P>(average), &sums).valid()
    }

    fn latents(&self) -> Stream {
        Stream::new(self.seed, PURPOSE)
    }

    /// The values of the buffers that a pass in training mode moves, before it.
    fn moved<P: Pair<Condition = C>>(&self, average: &Sampler<P>) -> Values {
        let before = values(average, None);
        let after = self.pass::<P>(average, &Values::new(), &mut self.latents(), 0);
        let mut moved = before;
        moved.retain(|id, values| after.get(id).is_some_and(|after| after != values));
        moved
    }

    /// What buffers are after a pass in training mode that begins with some of them at `start`; all
    /// of them where `start` is empty.
    fn pass<P: Pair<Condition = C>>(
        &self,
        average: &Sampler<P>,
        start: &Values,
        latents: &mut Stream,
        batch: usize,
    ) -> Values {
        let generator = set::<P::Backend, _>(copy::<P>(average), start);
        let device = generator.devices().into_iter().next().unwrap_or_default();
        reseed::<P::Backend>(&device, self.seed, PURPOSE, batch as u64);
        let count = self.batch_size;
        let latent = match self.truncation {
            None => self.latent.draw(count, latents, &device),
            Some(threshold) => {
                match (self.latent).draw_truncated(count, threshold, latents, &device) {
                    Ok(latent) => latent,
                    Err(error) => unreachable!("the threshold was looked at: {error}"),
                }
            }
        };
        let _ = generator.generate(latent, &self.conditions[batch]);
        // `valid` takes the statistics of the pass in.
        values(&generator.valid(), (!start.is_empty()).then_some(start))
    }
}

/// Numbers of parameters by their ids.
type Values = HashMap<ParamId, Vec<f64>>;

/// A copy on the tape with running statistics of its own.
fn copy<P: Pair>(average: &Sampler<P>) -> P::Generator {
    P::Generator::from_inner(average.clone()).no_grad()
}

/// All values, or those of the ids in `only`.
fn values<B: Backend, M: Module<B>>(module: &M, only: Option<&Values>) -> Values {
    struct Reader<'a>(Values, Option<&'a Values>);
    impl<B: Backend> ModuleVisitor<B> for Reader<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
            if self.1.is_none_or(|only| only.contains_key(&param.id)) {
                let data = param.val().into_data();
                self.0.insert(param.id, data.iter::<f64>().collect());
            }
        }
    }
    let mut reader = Reader(Values::new(), only);
    module.visit(&mut reader);
    reader.0
}

fn set<B: Backend, M: Module<B>>(module: M, values: &Values) -> M {
    struct Writer<'a>(&'a Values);
    impl<B: Backend> ModuleMapper<B> for Writer<'_> {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
            let Some(values) = self.0.get(&param.id) else {
                return param;
            };
            let (id, old, mapper) = param.consume();
            let data = TensorData::new(values.clone(), old.shape());
            let new = Tensor::from_data(data, (&old.device(), old.dtype()));
            Param::from_mapped_value(id, new, mapper)
        }
    }
    if values.is_empty() {
        return module;
    }
    module.map(&mut Writer(values))
}
