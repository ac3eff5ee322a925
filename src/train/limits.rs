//! What a run may take: memory and time.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};
use serde::Serialize;

use super::TrainerConfig;
use crate::error::{Error, Result, check};
use crate::settings::settings;
use crate::step::OptimizerConfig;

settings! {
/// How much memory and time a run may take.
///
/// ```
/// use burn_gan::Latent;
/// use burn_gan::train::{Limits, TrainerConfig};
///
/// // 2 GB, and a quarter of an hour.
/// let limits = Limits::default().with_memory(2_000_000_000).with_seconds(900.0);
/// let config = TrainerConfig::new(1_000, 64, Latent::normal(16)).with_limits(limits);
/// config.validate()?;
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[serde(default)]
pub struct Limits {
    /// Bytes that the run may take on its device.
    ///
    /// Before the first step, what it needs at least is compared with it:
    ///
    /// ```text
    /// (weights, gradients, the optimisers' moments, the average)
    ///   + discriminator steps × batch × (numbers of a sample + of a latent)
    ///   + batches that are read ahead × batch × numbers of a sample
    ///   + batch / micro-batches × numbers of a sample
    /// ```
    ///
    /// What layers keep for their gradients comes on top, as do the program and its data. `None` is
    /// the memory of the machine for backends on its processor where the system tells it (Linux),
    /// and no limit elsewhere.
    pub memory: Option<u64>,
    /// Seconds that the run may take, those before a checkpoint that it goes on from counted;
    /// `None` for no limit. It ends after the step in which they are over, as if it were
    /// interrupted: with a checkpoint, where it has them.
    pub seconds: Option<f64>,
}
}

impl Limits {
    /// Bytes that the run may take on its device.
    pub fn with_memory(mut self, bytes: u64) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// Seconds that the run may take.
    pub fn with_seconds(mut self, seconds: f64) -> Self {
        self.seconds = Some(seconds);
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// If the memory is 0, or the seconds are not above 0.
    pub fn validate(&self) -> Result<()> {
        if self.memory == Some(0) {
            return Err(Error::setting(
                "memory",
                0,
                "leaves nothing to run in; leave it out for no limit",
            ));
        }
        match self.seconds {
            Some(seconds) => check::positive("seconds", seconds),
            None => Ok(()),
        }
    }
}

impl TrainerConfig {
    /// Compares what a run with these networks needs at least with [`Limits::memory`], samples left
    /// out. A [`Trainer`](super::Trainer) does it too, with samples counted, but is given a
    /// [`Gan`](crate::Gan), whose weights are drawn: here those that are not drawn yet are counted
    /// without drawing them.
    ///
    /// ```
    /// use burn_gan::Latent;
    /// use burn_gan::burn::backend::{Autodiff, Flex};
    /// use burn_gan::models::{MlpDiscriminatorConfig, MlpGeneratorConfig};
    /// use burn_gan::train::{Limits, TrainerConfig};
    ///
    /// type B = Autodiff<Flex>;
    /// let device = Default::default();
    /// let generator = MlpGeneratorConfig::new(16, [2]).init::<B, 2>(&device)?;
    /// let discriminator = MlpDiscriminatorConfig::new([2]).init::<B, 2>(&device)?;
    /// let config = TrainerConfig::new(1_000, 64, Latent::normal(16))
    ///     .with_limits(Limits::default().with_memory(100_000));
    /// let refused = config.check_memory::<B, _, _>(&generator, &discriminator, &device);
    /// assert!(refused.unwrap_err().to_string().contains("`limits.memory` = 100000 B: "));
    /// # Ok::<(), burn_gan::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] for `limits.memory`, with what is needed and what to lower.
    pub fn check_memory<B, G, D>(
        &self,
        generator: &G,
        discriminator: &D,
        device: &B::Device,
    ) -> Result<()>
    where
        B: AutodiffBackend,
        G: Module<B>,
        D: Module<B>,
    {
        check_memory::<G, D, B>(self, generator, discriminator, 0, device)
    }
}

/// What a run needs at least, in numbers of the backend's float type.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Needs {
    /// Weights, gradients, moments, the average.
    networks: f64,
    /// Batches and latents of a step.
    batches: f64,
}

/// Refuses a run that needs more memory than it may take. Weights that are not drawn yet are
/// counted without drawing them. `sample` is how many numbers a sample has, 0 where that is not
/// known yet.
///
/// # Errors
/// [`Error::Setting`] for `limits.memory`, with what is needed and what to lower.
pub(super) fn check_memory<G, D, B>(
    config: &TrainerConfig,
    generator: &G,
    discriminator: &D,
    sample: usize,
    device: &B::Device,
) -> Result<()>
where
    B: AutodiffBackend,
    G: Module<B>,
    D: Module<B>,
{
    let (value, limit) = match config.limits.memory {
        Some(bytes) => (gigabytes(bytes as f64), bytes as f64),
        None => match machine::<B>(device) {
            Some(bytes) => (
                format!("none, so the machine's {}", gigabytes(bytes)),
                bytes,
            ),
            None => return Ok(()),
        },
    };
    let needs = needs(
        config,
        Numbers::of::<B, G>(generator),
        Numbers::of::<B, D>(discriminator),
        sample,
    );
    let bytes = std::mem::size_of::<B::FloatElem>() as f64;
    let [networks, batches] = [needs.networks * bytes, needs.batches * bytes];
    if networks + batches <= limit {
        return Ok(());
    }
    Err(Error::setting(
        "limits.memory",
        value,
        format!(
            "is less than the {} that the run needs at least: {} for weights, their gradients and \
             moments (make the networks smaller), {} for the batches of a step (lower \
             `batches.batch_size`, `discriminator_steps`, `latent.dimensions` or \
             `loading.threads`); or raise it",
            gigabytes(networks + batches),
            gigabytes(networks),
            gigabytes(batches)
        ),
    ))
}

fn needs(
    config: &TrainerConfig,
    generator: Numbers,
    discriminator: Numbers,
    sample: usize,
) -> Needs {
    let [g, d] = [generator, discriminator];
    let moments = |numbers: Numbers, optimizer: &OptimizerConfig| match optimizer {
        OptimizerConfig::Sgd { momentum: 0.0, .. } => 0.0,
        OptimizerConfig::Sgd { .. } => numbers.trained,
        _ => 2.0 * numbers.trained,
    };
    let average = config.ema.map_or(0.0, |_| g.all);
    let networks = g.all
        + d.all
        // The networks take their steps one after the other.
        + g.trained.max(d.trained)
        + moments(g, &config.generator_optimizer)
        + moments(d, &config.discriminator_optimizer)
        + average;
    let batch = config.batches.batch_size as f64;
    let latent = config.latent.dimensions() as f64;
    let generated = batch / config.micro_batches.max(1) as f64 * sample as f64;
    let ahead = config.loading.batches() as f64 * batch * sample as f64;
    let batches =
        config.discriminator_steps as f64 * batch * (sample as f64 + latent) + ahead + generated;
    Needs { networks, batches }
}

/// How many numbers a network holds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Numbers {
    all: f64,
    /// Those with a gradient.
    trained: f64,
}

impl Numbers {
    fn of<B: Backend, M: Module<B>>(module: &M) -> Self {
        let mut numbers = Self::default();
        module.visit(&mut numbers);
        numbers
    }
}

impl<B: Backend> ModuleVisitor<B> for Numbers {
    fn visit_float<const R: usize>(&mut self, param: &Param<Tensor<B, R>>) {
        let shape = param.lazy_shape();
        let count: f64 = shape.iter().map(|size| *size as f64).product();
        self.all += count;
        // What is not drawn yet are weights: buffers are made at once.
        if !param.is_initialized() || param.val().is_require_grad() {
            self.trained += count;
        }
    }
}

/// The memory of the machine, or of the container on it, for backends that compute in it.
#[inline(never)]
fn machine<B: AutodiffBackend>(device: &B::Device) -> Option<f64> {
    let name = B::name(device);
    if !name.contains("flex") && !name.contains("ndarray") {
        return None;
    }
    let told = |file| std::fs::read_to_string(file).ok();
    let machine = told("/proc/meminfo").as_deref().and_then(total);
    // `max` where there is no limit.
    let container = told("/sys/fs/cgroup/memory.max").and_then(|text| text.trim().parse().ok());
    match (machine, container) {
        (Some(machine), Some(container)) => Some(f64::min(machine, container)),
        (machine, container) => machine.or(container),
    }
}

/// `MemTotal` and `SwapTotal` of Linux's `/proc/meminfo`, in bytes.
fn total(meminfo: &str) -> Option<f64> {
    let kilobytes = |name: &str| {
        let line = meminfo.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse::<f64>().ok()
    };
    Some((kilobytes("MemTotal:")? + kilobytes("SwapTotal:").unwrap_or(0.0)) * 1024.0)
}

fn gigabytes(bytes: f64) -> String {
    match bytes {
        ..1e6 => format!("{bytes:.0} B"),
        1e6..1e9 => format!("{:.1} MB", bytes / 1e6),
        _ => format!("{:.1} GB", bytes / 1e9),
    }
}

crate::compiled::compiled! {
    machine::<Tape>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Loading, MemoryDataset};
    use crate::gan::Gan;
    use crate::latent::Latent;
    use crate::models::{
        MlpDiscriminator, MlpDiscriminatorConfig, MlpGenerator, MlpGeneratorConfig,
    };
    use crate::step::EmaConfig;
    use crate::testing::for_each_autodiff_backend;
    use crate::train::Trainer;

    /// Two latents to two numbers over so many hidden units, and back to a logit; not drawn yet.
    fn pair<B: AutodiffBackend>(width: usize) -> (MlpGenerator<B, 2>, MlpDiscriminator<B, 2>) {
        let device = Default::default();
        let generator = MlpGeneratorConfig::new(2, [2]).with_hidden([width]);
        let discriminator = MlpDiscriminatorConfig::new([2]).with_hidden([width]);
        (
            generator.init(&device).expect("valid settings"),
            discriminator.init(&device).expect("valid settings"),
        )
    }

    fn config() -> TrainerConfig {
        TrainerConfig::new(1, 4, Latent::normal(2))
    }

    #[test]
    fn wrong_limits_are_refused_by_name() {
        let refusal = |limits: Limits| {
            let refused = config().with_limits(limits).validate();
            refused.expect_err("a wrong limit").to_string()
        };
        let error = refusal(Limits::default().with_memory(0));
        assert!(error.contains("`limits.memory` = 0: "), "{error}");
        for seconds in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let error = refusal(Limits::default().with_seconds(seconds));
            assert!(error.contains("`limits.seconds` = "), "{error}");
        }
    }

    fn needs_are_counted_by_hand<B: AutodiffBackend>() {
        let (generator, discriminator) = pair::<B>(3);
        // 2·3 + 3 + 3·2 + 2 and 2·3 + 3 + 3·1 + 1.
        let g = Numbers::of::<B, _>(&generator);
        let d = Numbers::of::<B, _>(&discriminator);
        assert_eq!((g.all, g.trained), (17.0, 17.0));
        assert_eq!((d.all, d.trained), (13.0, 13.0));
        // Adam: weights, gradients of the larger one, two moments; 4·(2 + 2) and 4·2 generated.
        let plain = needs(&config(), g, d, 2);
        assert_eq!((plain.networks, plain.batches), (30.0 + 17.0 + 60.0, 24.0));
        let sgd = config()
            .with_optimizers(OptimizerConfig::sgd(0.1, 0.0))
            .with_ema(EmaConfig::decay(0.9))
            .with_discriminator_steps(3)
            .with_micro_batches(2);
        let lean = needs(&sgd, g, d, 2);
        assert_eq!((lean.networks, lean.batches), (30.0 + 17.0 + 17.0, 52.0));
        // Six batches ahead: 6·4·2.
        let ahead = config().with_loading(Loading::on_threads(3));
        assert_eq!(needs(&ahead, g, d, 2).batches, 24.0 + 48.0);
    }

    fn a_run_that_needs_more_is_refused_before_weights_are_drawn<B: AutodiffBackend>() {
        let device = Default::default();
        // 2²⁰ units: 56 MB with gradients and moments.
        let (generator, discriminator) = pair::<B>(1 << 20);
        let limited = config().with_limits(Limits::default().with_memory(50_000_000));
        let refused = limited.check_memory::<B, _, _>(&generator, &discriminator, &device);
        let error = refused.expect_err("too much").to_string();
        assert!(
            error.contains("`limits.memory` = 50.0 MB: is less than the ")
                && error.contains("batches.batch_size"),
            "{error}"
        );
        struct Drawn(usize);
        impl<B: Backend> ModuleVisitor<B> for Drawn {
            fn visit_float<const R: usize>(&mut self, param: &Param<Tensor<B, R>>) {
                self.0 += usize::from(param.is_initialized());
            }
        }
        let mut drawn = Drawn(0);
        Module::<B>::visit(&generator, &mut drawn);
        Module::<B>::visit(&discriminator, &mut drawn);
        assert_eq!(drawn.0, 0);
    }

    fn a_trainer_counts_samples_too<B: AutodiffBackend>() {
        let device = Default::default();
        let (generator, discriminator) = pair::<B>(3);
        let gan = Gan::new(generator, discriminator);
        let data = MemoryDataset::<2>::new(vec![0.5; 32], [2]).expect("data");
        // 107 numbers of the networks, 24 of a step's batches, 4 or 8 bytes each.
        let size = std::mem::size_of::<B::FloatElem>() as u64;
        let checked = |numbers: u64| {
            let limits = Limits::default().with_memory(numbers * size);
            let trainer = Trainer::new(config().with_limits(limits), &device);
            trainer.expect("valid settings").check(&gan, &data)
        };
        checked(131).expect("enough");
        let error = checked(130).expect_err("too little").to_string();
        assert!(error.contains("`limits.memory` = "), "{error}");
    }

    for_each_autodiff_backend!(
        needs_are_counted_by_hand,
        a_run_that_needs_more_is_refused_before_weights_are_drawn,
        a_trainer_counts_samples_too,
    );

    #[test]
    fn the_machines_memory_is_read() {
        let told = "MemTotal:       16384 kB\nMemFree: 3 kB\nSwapTotal:       1024 kB\n";
        assert_eq!(total(told), Some(17_408.0 * 1024.0));
        assert_eq!(total("MemTotal: much"), None);
        assert_eq!(total(""), None);
    }
}
