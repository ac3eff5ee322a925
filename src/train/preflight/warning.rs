//! What usually does not work.

use std::fmt;

use serde::Serialize;

/// Something that usually does not work, found before the first step. The run goes on.
///
/// Displayed as a sentence with the numbers and the way out.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "warning", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Warning {
    /// The generator can't draw what the data holds.
    DataOutOfRange {
        /// The smallest and the largest number of the samples that were looked at.
        data: [f64; 2],
        /// The range of the generator's output.
        generator: [f64; 2],
    },
    /// The data lies on one side of the middle of the generator's range.
    DataInHalfOfRange {
        /// The smallest and the largest number of the samples that were looked at.
        data: [f64; 2],
        /// The range of the generator's output.
        generator: [f64; 2],
    },
    /// A penalty on the gradients of single samples meets layers that mix the samples of a batch.
    /// Gulrajani et al. 2017, arXiv:1704.00028, section 4.
    BatchNormUnderPenalty {
        /// The layers' paths.
        layers: Vec<String>,
        /// The penalty's name.
        penalty: String,
    },
    /// Weights are clipped behind an optimiser with momentum. Arjovsky, Chintala, Bottou 2017,
    /// arXiv:1701.07875, section 4.
    ClippingWithMomentum {
        /// The limit on weights.
        limit: f64,
        /// The optimiser's setting, dotted.
        setting: String,
        /// Its value.
        value: f64,
    },
    /// Statistics over a batch become statistics over its micro-batches.
    StatisticsOfMicroBatches {
        /// What takes them: layers by their paths, `discriminator` where only its verdicts show
        /// it, and settings of the objective.
        sources: Vec<String>,
        /// Parts of a batch.
        micro_batches: usize,
        /// Samples in a part.
        samples: usize,
    },
    /// The networks take statistics over what a process has of the batch: each process of the group its
    /// own.
    StatisticsOfProcesses {
        /// What takes them: layers by their paths, `discriminator` where only its verdicts show it.
        sources: Vec<String>,
        /// How many there are.
        processes: usize,
        /// Samples in a part of the batch.
        samples: usize,
    },
    /// The discriminator's output has bounds, as behind a sigmoid or a tanh; losses take logits.
    BoundedDiscriminator {
        /// The bounds that outputs keep for samples of any size.
        range: [f64; 2],
    },
    /// What the discriminator says of a sample depends on the others of its batch, by no layer that
    /// is known to do that.
    MixedSamples {
        /// Samples that were judged alone, and again among twice as many.
        samples: usize,
    },
    /// A loss that needs a smooth discriminator, and nothing that keeps it smooth: no spectral
    /// norm, no penalty, no clipping of weights. Miyato et al. 2018, arXiv:1802.05957; Arjovsky,
    /// Chintala, Bottou 2017, arXiv:1701.07875.
    NothingKeepsSmooth {
        /// The loss's name.
        loss: String,
    },
    /// All labels are one class.
    OneClass {
        /// The class.
        class: i64,
        /// How many samples were looked at.
        samples: usize,
        /// For how many classes the networks are made, or the data says it has.
        classes: usize,
    },
    /// Classes that no sample has.
    MissingClasses {
        /// The classes, of very many the first ones.
        missing: Vec<usize>,
        /// How many there are.
        count: usize,
        /// How many samples were looked at.
        samples: usize,
        /// For how many classes the networks are made.
        classes: usize,
    },
    /// All samples are alike.
    NoSpread {
        /// How many were looked at.
        samples: usize,
    },
    /// Weights were drawn that no seed decides ([`Gan::new`](crate::Gan::new)).
    UnseededWeights {
        /// The run's seed.
        seed: u64,
    },
    /// So few samples that a discriminator learns them by heart.
    SmallDataSet {
        /// How many.
        samples: usize,
    },
}

impl Warning {
    /// The kind's name in logs: `data_out_of_range`, `small_data_set`, …
    pub fn name(&self) -> &'static str {
        match self {
            Self::DataOutOfRange { .. } => "data_out_of_range",
            Self::DataInHalfOfRange { .. } => "data_in_half_of_range",
            Self::BatchNormUnderPenalty { .. } => "batch_norm_under_penalty",
            Self::ClippingWithMomentum { .. } => "clipping_with_momentum",
            Self::StatisticsOfMicroBatches { .. } => "statistics_of_micro_batches",
            Self::StatisticsOfProcesses { .. } => "statistics_of_processes",
            Self::BoundedDiscriminator { .. } => "bounded_discriminator",
            Self::MixedSamples { .. } => "mixed_samples",
            Self::NothingKeepsSmooth { .. } => "nothing_keeps_smooth",
            Self::OneClass { .. } => "one_class",
            Self::MissingClasses { .. } => "missing_classes",
            Self::NoSpread { .. } => "no_spread",
            Self::UnseededWeights { .. } => "unseeded_weights",
            Self::SmallDataSet { .. } => "small_data_set",
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DataOutOfRange { data, generator } => write!(
                f,
                "the data lies in {}, the generator draws in {}: it can't draw all of it; {}",
                Interval(*data),
                Interval(*generator),
                way_into(*generator)
            ),
            Self::DataInHalfOfRange { data, generator } => write!(
                f,
                "the data lies in {}, the generator draws in {}: half of its range is left \
                 empty, which alone gives it away; {}",
                Interval(*data),
                Interval(*generator),
                way_into(*generator)
            ),
            Self::BatchNormUnderPenalty { layers, penalty } => write!(
                f,
                "the penalty `{penalty}` is about the gradient at each sample, and {} {} the \
                 samples of a batch; leave batch norm out of the discriminator \
                 (`with_batch_norm(false)`) or take spectral or layer norms",
                Paths(layers),
                if layers.len() == 1 { "mixes" } else { "mix" }
            ),
            Self::ClippingWithMomentum {
                limit,
                setting,
                value,
            } => write!(
                f,
                "weights are clipped to ±{limit} behind an optimiser with momentum (`{setting}` \
                 = {value}), with which such critics become unstable; set it to 0, or take a \
                 gradient penalty instead of clipping"
            ),
            Self::StatisticsOfMicroBatches {
                sources,
                micro_batches,
                samples,
            } => write!(
                f,
                "{} {} statistics over the batch, and each of {micro_batches} micro-batches of \
                 {samples} samples has its own: the step is not that of the whole batch; do \
                 without, or set `micro_batches` to 1",
                Paths(sources),
                if sources.len() == 1 { "takes" } else { "take" }
            ),
            Self::StatisticsOfProcesses {
                sources,
                processes,
                samples,
            } => write!(
                f,
                "{} {} statistics over the batch, and each of {processes} processes has its own of \
                 {samples} samples, running statistics too (the first process' are stored): the run is \
                 not that of one process; set `synchronized_batch_norm` for batch norms, or take a \
                 larger batch, or layers without such statistics",
                Paths(sources),
                if sources.len() == 1 { "takes" } else { "take" }
            ),
            Self::BoundedDiscriminator { range } => write!(
                f,
                "the discriminator's output stays in {} for samples of any size, as behind a {}: \
                 losses take logits and apply that themselves; leave its last activation out",
                Interval(*range),
                if range[0] < 0.0 { "tanh" } else { "sigmoid" }
            ),
            Self::MixedSamples { samples } => write!(
                f,
                "what the discriminator says of {samples} samples changes when others are in their \
                 batch: meant so for statistics over a batch (`nn::MinibatchStd` is known), and \
                 otherwise a mistake such as a `reshape` across samples; penalties on gradients take \
                 samples one by one"
            ),
            Self::NothingKeepsSmooth { loss } => write!(
                f,
                "nothing keeps the discriminator smooth, as the {loss} loss needs it: put \
                 `nn::SpectralNorm` around its layers, or add a penalty (`Term::r1`, \
                 `Term::wgan_gp`)"
            ),
            Self::OneClass {
                class,
                samples,
                classes,
            } => write!(
                f,
                "all {samples} samples that were looked at have label {class}, of {classes} classes: \
                 networks learn one condition only; check how labels are read, and shuffle the data"
            ),
            Self::MissingClasses {
                missing,
                count,
                samples,
                classes,
            } => {
                let mut names: Vec<String> = missing.iter().map(usize::to_string).collect();
                if *count > missing.len() {
                    names.push("…".to_owned());
                }
                write!(
                    f,
                    "{count} of {classes} classes ({}) {} among the {samples} samples that were \
                     looked at: what the generator draws for {} nobody judges; check the labels, or \
                     make the networks for fewer classes",
                    names.join(", "),
                    if *count == 1 {
                        "does not occur"
                    } else {
                        "do not occur"
                    },
                    if *count == 1 { "it" } else { "them" }
                )
            }
            Self::NoSpread { samples } => write!(
                f,
                "the {samples} samples that were looked at are all alike: there is no distribution \
                 to learn; check how the data is read and scaled"
            ),
            Self::UnseededWeights { seed } => write!(
                f,
                "weights were drawn without a seed (`Gan::new`), which `seed` = {seed} does not \
                 decide: the run can't be repeated; make the pair with `Gan::seeded`"
            ),
            Self::SmallDataSet { samples } => write!(
                f,
                "the data set has {samples} samples, few enough for a discriminator to learn by \
                 heart; for images add DiffAugment or ADA (`Objective::with_augment`), for others \
                 LeCam (`Term::lecam`) or consistency under an augmentation \
                 (`Term::consistency`), and watch samples for copies of the data"
            ),
        }
    }
}

/// `[low, high]`, in as many digits as a person reads.
pub(super) struct Interval(pub(super) [f64; 2]);

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [low, high] = self.0.map(|x| {
            let rounded = (x * 1e4).round() / 1e4;
            if x == 0.0 || rounded != 0.0 {
                rounded + 0.0
            } else {
                x
            }
        });
        write!(f, "[{low}, {high}]")
    }
}

/// The first by its path, the others by their number.
struct Paths<'a>(&'a [String]);

impl fmt::Display for Paths<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => write!(f, "nothing"),
            [only] => write!(f, "`{only}`"),
            [first, rest @ ..] => write!(f, "`{first}` and {} more", rest.len()),
        }
    }
}

pub(super) fn way_into(generator: [f64; 2]) -> &'static str {
    match generator {
        [-1.0, 1.0] => "rescale it to [-1, 1] (pixels: `PixelRange::Symmetric`)",
        [0.0, 1.0] => "rescale it to [0, 1] (pixels: `PixelRange::Unit`)",
        _ => "rescale it, or give the generator another output activation",
    }
}
