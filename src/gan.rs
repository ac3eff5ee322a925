//! A generator and a discriminator as one burn module.

use std::fmt;
use std::marker::PhantomData;

use burn::module::{
    AutodiffModule, Content, Devices, HasAutodiffModule, Module, ModuleDisplay,
    ModuleDisplayDefault, ModuleMapper, ModuleVisitor,
};
use burn::record::{PrecisionSettings, Record};
use burn::tensor::backend::{AutodiffBackend, Backend};
use serde::{Deserialize, Serialize};

use crate::network::{draw, initialize};
use crate::nn::update_spectral_norms;
use crate::random::{alone, reseed};

/// Power iterations of spectral norms before the first step, as in PyTorch.
const WARM_UP: usize = 15;

/// A generator and a discriminator, trained against each other.
///
/// A `Gan` is a burn module itself: `valid()`, `save_file`, `num_params`, `to_device` work on the
/// pair, and its halves appear as `generator` and `discriminator` in parameter paths, so that no
/// two parameters share one.
///
/// ```
/// use burn_gan::burn::{backend::{Autodiff, Flex}, module::{AutodiffModule, Module}};
/// use burn_gan::models::{MlpDiscriminatorConfig, MlpGeneratorConfig};
/// use burn_gan::Gan;
///
/// type B = Autodiff<Flex>;
/// let device = Default::default();
/// let generator = MlpGeneratorConfig::new(16, [2]).init::<B, 2>(&device)?;
/// let discriminator = MlpDiscriminatorConfig::new([2]).init::<B, 2>(&device)?;
/// let gan = Gan::seeded(generator, discriminator, 42, &device);
/// assert!(gan.num_params() > 0);
/// let without_tape: Gan<_, _, Flex> = gan.valid();
/// # let _ = without_tape;
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Gan<G, D, B: Backend> {
    /// The network that draws samples.
    pub generator: G,
    /// The network that judges them.
    pub discriminator: D,
    /// Whether weights were drawn that no seed decides.
    unseeded: bool,
    backend: PhantomData<B>,
}

impl<G: Module<B>, D: Module<B>, B: Backend> Gan<G, D, B> {
    /// Joins two networks. Parameters that are not drawn yet are drawn now, and spectral norms
    /// ([`nn::SpectralNorm`](crate::nn::SpectralNorm)) make their first power iterations.
    ///
    /// For networks whose weights are loaded. New ones would be drawn from a generator that nobody
    /// seeded: a trainer warns of it, and [`seeded`](Self::seeded) is what makes a run repeatable.
    pub fn new(generator: G, discriminator: D) -> Self {
        let drawn = [draw(&generator), draw(&discriminator)];
        Self {
            unseeded: drawn.contains(&true),
            ..Self::warmed_up(generator, discriminator)
        }
    }

    /// Joins two networks; parameters that are not drawn yet are drawn from `seed`, each network
    /// from its own, so that changing one does not change the other.
    ///
    /// The numbers are the backend's: the same on every run and in every thread, not on every
    /// backend.
    pub fn seeded(generator: G, discriminator: D, seed: u64, device: &B::Device) -> Self {
        // Other threads draw from the same generator.
        let _alone = alone();
        reseed::<B>(device, seed, "initialize generator", 0);
        initialize(&generator);
        reseed::<B>(device, seed, "initialize discriminator", 0);
        initialize(&discriminator);
        Self::warmed_up(generator, discriminator)
    }

    /// Spectral norms start near their singular vectors.
    fn warmed_up(generator: G, discriminator: D) -> Self {
        Self::joined(
            update_spectral_norms(generator, WARM_UP),
            update_spectral_norms(discriminator, WARM_UP),
        )
    }
}

impl<G, D, B: Backend> Gan<G, D, B> {
    fn joined(generator: G, discriminator: D) -> Self {
        Self {
            generator,
            discriminator,
            unseeded: false,
            backend: PhantomData,
        }
    }

    /// The same networks in another form.
    fn of(unseeded: bool, generator: G, discriminator: D) -> Self {
        Self {
            unseeded,
            ..Self::joined(generator, discriminator)
        }
    }

    /// Whether weights were drawn that no seed decides.
    pub(crate) fn is_unseeded(&self) -> bool {
        self.unseeded
    }
}

/// The stored state of a [`Gan`].
#[doc(hidden)]
#[derive(Debug, Clone)]
pub struct GanRecord<G, D> {
    /// The generator's record.
    pub generator: G,
    /// The discriminator's record.
    pub discriminator: D,
}

/// The serialisable form of a [`GanRecord`].
#[doc(hidden)]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GanRecordItem<G, D> {
    generator: G,
    discriminator: D,
}

impl<B: Backend, G: Record<B>, D: Record<B>> Record<B> for GanRecord<G, D> {
    type Item<S: PrecisionSettings> = GanRecordItem<G::Item<S>, D::Item<S>>;

    fn into_item<S: PrecisionSettings>(self) -> Self::Item<S> {
        GanRecordItem {
            generator: self.generator.into_item(),
            discriminator: self.discriminator.into_item(),
        }
    }

    fn from_item<S: PrecisionSettings>(item: Self::Item<S>, device: &B::Device) -> Self {
        Self {
            generator: G::from_item(item.generator, device),
            discriminator: D::from_item(item.discriminator, device),
        }
    }
}

const CONTAINER: &str = "Struct:Gan";

// burn's derive takes the first generic parameter for the backend; here it is the last.
impl<G: Module<B>, D: Module<B>, B: Backend> Module<B> for Gan<G, D, B> {
    type Record = GanRecord<G::Record, D::Record>;

    fn collect_devices(&self, devices: Devices<B>) -> Devices<B> {
        self.discriminator
            .collect_devices(self.generator.collect_devices(devices))
    }

    fn fork(self, device: &B::Device) -> Self {
        let (generator, discriminator) = (self.generator, self.discriminator);
        Self::of(
            self.unseeded,
            generator.fork(device),
            discriminator.fork(device),
        )
    }

    fn to_device(self, device: &B::Device) -> Self {
        Self::of(
            self.unseeded,
            self.generator.to_device(device),
            self.discriminator.to_device(device),
        )
    }

    fn visit<V: ModuleVisitor<B>>(&self, visitor: &mut V) {
        visitor.enter_module("generator", CONTAINER);
        self.generator.visit(visitor);
        visitor.exit_module("generator", CONTAINER);
        visitor.enter_module("discriminator", CONTAINER);
        self.discriminator.visit(visitor);
        visitor.exit_module("discriminator", CONTAINER);
    }

    fn map<M: ModuleMapper<B>>(self, mapper: &mut M) -> Self {
        mapper.enter_module("generator", CONTAINER);
        let generator = self.generator.map(mapper);
        mapper.exit_module("generator", CONTAINER);
        mapper.enter_module("discriminator", CONTAINER);
        let discriminator = self.discriminator.map(mapper);
        mapper.exit_module("discriminator", CONTAINER);
        Self::of(self.unseeded, generator, discriminator)
    }

    fn load_record(self, record: Self::Record) -> Self {
        Self::joined(
            self.generator.load_record(record.generator),
            self.discriminator.load_record(record.discriminator),
        )
    }

    fn into_record(self) -> Self::Record {
        GanRecord {
            generator: self.generator.into_record(),
            discriminator: self.discriminator.into_record(),
        }
    }
}

impl<G, D, B> AutodiffModule<B> for Gan<G, D, B>
where
    B: AutodiffBackend,
    G: AutodiffModule<B>,
    D: AutodiffModule<B>,
{
    type InnerModule = Gan<G::InnerModule, D::InnerModule, B::InnerBackend>;

    fn valid(&self) -> Self::InnerModule {
        Gan::of(
            self.unseeded,
            self.generator.valid(),
            self.discriminator.valid(),
        )
    }

    fn from_inner(module: Self::InnerModule) -> Self {
        Self::of(
            module.unseeded,
            G::from_inner(module.generator),
            D::from_inner(module.discriminator),
        )
    }
}

impl<G, D, B> HasAutodiffModule<B> for Gan<G, D, B::InnerBackend>
where
    B: AutodiffBackend,
    G: Module<B::InnerBackend> + HasAutodiffModule<B>,
    D: Module<B::InnerBackend> + HasAutodiffModule<B>,
{
    type TrainModule = Gan<G::TrainModule, D::TrainModule, B>;
}

impl<G, D, B> ModuleDisplayDefault for Gan<G, D, B>
where
    B: Backend,
    G: Module<B> + ModuleDisplay,
    D: Module<B> + ModuleDisplay,
{
    fn content(&self, content: Content) -> Option<Content> {
        content
            .set_top_level_type("Gan")
            .add("generator", &self.generator)
            .add("discriminator", &self.discriminator)
            .optional()
    }

    fn num_params(&self) -> usize {
        Module::num_params(self)
    }
}

impl<G, D, B> ModuleDisplay for Gan<G, D, B>
where
    B: Backend,
    G: Module<B> + ModuleDisplay,
    D: Module<B> + ModuleDisplay,
{
}

impl<G, D, B> fmt::Display for Gan<G, D, B>
where
    B: Backend,
    G: Module<B> + ModuleDisplay,
    D: Module<B> + ModuleDisplay,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&ModuleDisplay::format(self, Default::default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{
        MlpDiscriminator, MlpDiscriminatorConfig, MlpGenerator, MlpGeneratorConfig,
    };
    use crate::testing::{Cpu, for_each_autodiff_backend, parameters};
    use burn::module::Param;
    use burn::record::{FullPrecisionSettings, NamedMpkFileRecorder};
    use burn::tensor::Tensor;

    fn gan<B: Backend>(seed: u64) -> Gan<MlpGenerator<B, 2>, MlpDiscriminator<B, 2>, B> {
        let device = Default::default();
        let generator = MlpGeneratorConfig::new(3, [2]).with_hidden([4]);
        let discriminator = MlpDiscriminatorConfig::new([2]).with_hidden([5]);
        Gan::seeded(
            generator.init(&device).expect("valid settings"),
            discriminator.init(&device).expect("valid settings"),
            seed,
            &device,
        )
    }

    #[derive(Default)]
    struct Paths {
        path: Vec<String>,
        all: Vec<String>,
    }

    impl<B: Backend> ModuleVisitor<B> for Paths {
        fn visit_float<const D: usize>(&mut self, _param: &Param<Tensor<B, D>>) {
            self.all.push(self.path.join("."));
        }
        fn enter_module(&mut self, name: &str, _container_type: &str) {
            self.path.push(name.to_owned());
        }
        fn exit_module(&mut self, _name: &str, _container_type: &str) {
            self.path.pop();
        }
    }

    #[test]
    fn the_halves_have_their_own_paths() {
        let mut paths = Paths::default();
        gan::<Cpu>(1).visit(&mut paths);
        assert_eq!(paths.all.len(), 8);
        assert_eq!(paths.all[0], "generator.mlp.layers.0.weight");
        assert_eq!(paths.all[4], "discriminator.mlp.layers.0.weight");
        let mut unique = paths.all.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), paths.all.len());
    }

    fn it_is_a_module_like_any_other<B: AutodiffBackend>() {
        let device = B::Device::default();
        let first = gan::<B>(1);
        assert_eq!(
            Module::num_params(&first),
            3 * 4 + 4 + 4 * 2 + 2 + 2 * 5 + 5 + 5 + 1
        );
        assert_eq!(first.devices(), vec![device.clone()]);
        let shown = first.to_string();
        assert!(
            shown.contains("Gan") && shown.contains("discriminator"),
            "{shown}"
        );
        let expected = parameters::<B, _>(&first);

        // Without its tape, with a new one, and lifted a level above the old one.
        let inner: Gan<_, _, B::InnerBackend> = first.valid();
        assert_eq!(parameters(&inner), expected);
        assert_eq!(parameters::<B, _>(&inner.train::<B>()), expected);
        let lifted = first.clone().train::<burn::backend::Autodiff<B>>();
        assert_eq!(parameters(&lifted), expected);

        let folder = tempfile::tempdir().expect("a temporary folder");
        let recorder = NamedMpkFileRecorder::<FullPrecisionSettings>::new();
        let path = folder.path().join("gan");
        first
            .to_device(&device)
            .save_file(&path, &recorder)
            .expect("a written file");
        let other = gan::<B>(2);
        assert_ne!(parameters::<B, _>(&other), expected);
        let loaded = other
            .load_file(&path, &recorder, &device)
            .expect("a readable file");
        assert_eq!(parameters::<B, _>(&loaded), expected);
    }

    fn a_seed_decides_both_networks<B: AutodiffBackend>() {
        let first = gan::<B>(1);
        assert_eq!(parameters::<B, _>(&first), parameters::<B, _>(&gan(1)));
        let other = gan::<B>(2);
        assert_ne!(
            parameters::<B, _>(&first.generator),
            parameters::<B, _>(&other.generator)
        );
        assert_ne!(
            parameters::<B, _>(&first.discriminator),
            parameters::<B, _>(&other.discriminator)
        );
    }

    fn a_seed_decides_in_every_thread<B: AutodiffBackend>() {
        let alone: Vec<_> = (0..4).map(|seed| parameters::<B, _>(&gan(seed))).collect();
        for _ in 0..20 {
            let start = std::sync::Barrier::new(alone.len());
            let drawn = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..4)
                    .map(|seed| {
                        let start = &start;
                        scope.spawn(move || {
                            start.wait();
                            parameters::<B, _>(&gan(seed))
                        })
                    })
                    .collect();
                threads
                    .into_iter()
                    .map(|thread| thread.join().expect("a drawn pair"))
                    .collect::<Vec<_>>()
            });
            assert_eq!(drawn, alone);
        }
    }

    fn weights_that_no_seed_decides_are_known<B: AutodiffBackend>() {
        let device = B::Device::default();
        let networks = || {
            let generator = MlpGeneratorConfig::new(3, [2]).init::<B, 2>(&device);
            let discriminator = MlpDiscriminatorConfig::new([2]).init::<B, 2>(&device);
            (
                generator.expect("valid settings"),
                discriminator.expect("valid settings"),
            )
        };
        let (generator, discriminator) = networks();
        let drawn = Gan::<_, _, B>::new(generator, discriminator);
        assert!(drawn.is_unseeded() && drawn.clone().is_unseeded());
        assert!(drawn.valid().is_unseeded() && drawn.valid().train::<B>().is_unseeded());
        assert!(drawn.clone().no_grad().to_device(&device).is_unseeded());
        let (generator, discriminator) = networks();
        let seeded = Gan::<_, _, B>::seeded(generator, discriminator, 1, &device);
        assert!(!seeded.is_unseeded() && !seeded.valid().is_unseeded());
        // Weights that are there already, and weights that a record brings.
        let joined = Gan::<_, _, B>::new(seeded.generator.clone(), seeded.discriminator.clone());
        assert!(!joined.is_unseeded());
        assert!(!drawn.load_record(seeded.into_record()).is_unseeded());
    }

    for_each_autodiff_backend!(
        it_is_a_module_like_any_other,
        a_seed_decides_both_networks,
        a_seed_decides_in_every_thread,
        weights_that_no_seed_decides_are_known,
    );
}
