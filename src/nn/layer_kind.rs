//! What a layer is, as the rest of the crate finds out.
//!
//! burn's visitors tell fields' names and the names of the types they stand in, nothing else of a
//! layer, and don't come to layers without parameters. What is concluded from that is all here.

use std::fmt::{self, Write};
use std::marker::PhantomData;

use burn::module::{Module, ModuleVisitor};
use burn::tensor::backend::Backend;

/// Layers that something depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LayerKind {
    /// This crate's batch norm, conditional or not, burn's, or another one of that name.
    BatchNorm,
    /// A transposed convolution of any rank, whose weight is `[in, out, …]`.
    ConvTranspose,
    /// A vector for each class.
    Embedding,
    /// [`MinibatchStd`](super::MinibatchStd), or another one of that name.
    MinibatchStd,
    /// [`SpectralNorm`](super::SpectralNorm), or another one of that name.
    SpectralNorm,
    /// [`SpectralNorm`](super::SpectralNorm) and no other, since its buffers are changed.
    OwnSpectralNorm,
}

impl LayerKind {
    /// The layer that a visitor is in, by the type of the container that it is told. It is in
    /// [`OwnSpectralNorm`](Self::OwnSpectralNorm) when it comes to the layer's first field, the
    /// mark.
    pub(crate) fn of(container: &str) -> Option<Self> {
        match container.strip_prefix("Struct:")? {
            "BatchNorm" | "ConditionalBatchNorm" => Some(Self::BatchNorm),
            "ConvTranspose1d" | "ConvTranspose2d" | "ConvTranspose3d" => Some(Self::ConvTranspose),
            "Embedding" => Some(Self::Embedding),
            "MinibatchStd" => Some(Self::MinibatchStd),
            "SpectralNorm" => Some(Self::SpectralNorm),
            "BurnGanSpectralNorm" => Some(Self::OwnSpectralNorm),
            _ => None,
        }
    }

    /// Whether a module holds such a layer.
    pub(crate) fn is_in<B: Backend, M: Module<B>>(self, module: &M) -> bool {
        if self == Self::MinibatchStd {
            return mentions(module, "MinibatchStd");
        }
        let mut search = Search {
            kind: self,
            found: false,
        };
        module.visit(&mut search);
        search.found
    }

    /// The paths of all such layers within a module; they begin with `name`, the module's own. For
    /// layers with parameters.
    pub(crate) fn paths_in<B: Backend, M: Module<B>>(self, module: &M, name: &str) -> Vec<String> {
        let mut finder = Finder {
            kind: self,
            path: vec![name.to_owned()],
            found: Vec::new(),
        };
        module.visit(&mut finder);
        finder.found
    }
}

/// A field by which visitors know a [`SpectralNorm`](super::SpectralNorm) from a user's own layer
/// of that name and with those fields: it alone has one of this type.
#[derive(Module, Debug)]
pub struct BurnGanSpectralNorm<B: Backend> {
    burn_gan: PhantomData<B>,
}

impl<B: Backend> BurnGanSpectralNorm<B> {
    pub(super) fn new() -> Self {
        Self {
            burn_gan: PhantomData,
        }
    }
}

struct Search {
    kind: LayerKind,
    found: bool,
}

impl<B: Backend> ModuleVisitor<B> for Search {
    fn enter_module(&mut self, _name: &str, container_type: &str) {
        self.found |= LayerKind::of(container_type) == Some(self.kind);
    }
}

struct Finder {
    kind: LayerKind,
    path: Vec<String>,
    found: Vec<String>,
}

impl<B: Backend> ModuleVisitor<B> for Finder {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        if LayerKind::of(container_type) == Some(self.kind) {
            // Once for each of its parameters.
            let path = self.path.join(".");
            if self.found.last() != Some(&path) {
                self.found.push(path);
            }
        }
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }
}

/// So much of a network's `Debug` form is looked at.
const LONGEST: usize = 1 << 20;

/// Whether a module's `Debug` form has the word, which is how a layer without parameters is found;
/// of parameters it has no more than the ids.
fn mentions<B: Backend, M: Module<B>>(module: &M, word: &str) -> bool {
    let mut words = Words {
        word,
        found: false,
        left: LONGEST,
    };
    // The error that ends it early is ours.
    let _ = write!(words, "{module:?}");
    words.found
}

/// Looks for a word in what is written, and ends it once it was found.
struct Words<'a> {
    word: &'a str,
    found: bool,
    /// Bytes that are still looked at.
    left: usize,
}

impl fmt::Write for Words<'_> {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        self.found |= part == self.word;
        self.left = self.left.saturating_sub(part.len());
        if self.found || self.left == 0 {
            return Err(fmt::Error);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{
        BatchNormConfig, ConditionalBatchNormConfig, ConvTranspose2dConfig, Linear, LinearConfig,
        MinibatchStd, SpectralNorm,
    };
    use crate::testing::Cpu;

    /// A network with something in it, in a field and in a list.
    #[derive(Module, Debug)]
    struct Network<B: Backend, L> {
        first: Linear<B>,
        field: L,
        list: Vec<L>,
    }

    /// A network with what has no parameters.
    #[derive(Module, Debug)]
    struct Still<B: Backend> {
        first: Linear<B>,
        std: MinibatchStd,
    }

    /// The names and fields of this crate's layer.
    mod own {
        use burn::module::{Module, Param};
        use burn::tensor::Tensor;
        use burn::tensor::backend::Backend;

        #[derive(Module, Debug)]
        pub(super) struct SpectralNorm<B: Backend> {
            pub(super) layer: super::Linear<B>,
            pub(super) u: Param<Tensor<B, 1>>,
            pub(super) v: Param<Tensor<B, 1>>,
        }
    }

    const ALL: [LayerKind; 6] = [
        LayerKind::BatchNorm,
        LayerKind::ConvTranspose,
        LayerKind::Embedding,
        LayerKind::MinibatchStd,
        LayerKind::SpectralNorm,
        LayerKind::OwnSpectralNorm,
    ];

    fn linear() -> Linear<Cpu> {
        LinearConfig::new(2, 2).init(&Default::default())
    }

    #[track_caller]
    fn holds_only<M: Module<Cpu>>(module: &M, kinds: &[LayerKind]) {
        for other in ALL {
            let is_one = kinds.contains(&other);
            assert_eq!(other.is_in::<Cpu, M>(module), is_one, "{other:?}");
        }
    }

    #[track_caller]
    fn is_found<L>(kinds: &[LayerKind], layer: L)
    where
        L: Module<Cpu> + burn::module::ModuleDisplay,
    {
        holds_only(&layer, kinds);
        let network = Network {
            first: linear(),
            field: layer.clone(),
            list: vec![layer.clone(), layer],
        };
        holds_only(&network, kinds);
    }

    #[test]
    fn each_layer_is_found_wherever_it_stands_and_nothing_else() {
        let device = Default::default();
        is_found(&[], linear());
        is_found(
            &[LayerKind::BatchNorm],
            BatchNormConfig::new(2).init::<Cpu>(&device),
        );
        is_found(
            &[LayerKind::BatchNorm],
            burn::nn::BatchNormConfig::new(2).init::<Cpu>(&device),
        );
        is_found(
            &[LayerKind::BatchNorm],
            ConditionalBatchNormConfig::new(2, 3).init::<Cpu>(&device),
        );
        is_found(
            &[LayerKind::ConvTranspose],
            ConvTranspose2dConfig::new([1, 1], [1, 1]).init::<Cpu>(&device),
        );
        is_found(
            &[LayerKind::ConvTranspose],
            burn::nn::conv::ConvTranspose1dConfig::new([1, 1], 1).init::<Cpu>(&device),
        );
        is_found(
            &[LayerKind::ConvTranspose],
            burn::nn::conv::ConvTranspose2dConfig::new([1, 1], [1, 1]).init::<Cpu>(&device),
        );
        is_found(
            &[LayerKind::ConvTranspose],
            burn::nn::conv::ConvTranspose3dConfig::new([1, 1], [1, 1, 1]).init::<Cpu>(&device),
        );
        is_found(
            &[LayerKind::Embedding],
            burn::nn::EmbeddingConfig::new(2, 2).init::<Cpu>(&device),
        );
        is_found(
            &[LayerKind::SpectralNorm, LayerKind::OwnSpectralNorm],
            SpectralNorm::new(linear()),
        );
        let still = Still {
            first: linear(),
            std: MinibatchStd::new(2),
        };
        holds_only(&still, &[LayerKind::MinibatchStd]);
    }

    #[test]
    fn the_vectors_of_another_spectral_norm_stay_whatever_its_fields() {
        let device = Default::default();
        let ours = SpectralNorm::new(linear());
        crate::network::initialize(&ours);
        let vector = || {
            let values = burn::tensor::Tensor::<Cpu, 1>::from_floats([0.6, 0.8], &device);
            burn::module::Param::from_tensor(values).set_require_grad(false)
        };
        let theirs = own::SpectralNorm {
            layer: linear(),
            u: vector(),
            v: vector(),
        };
        holds_only(&theirs, &[LayerKind::SpectralNorm]);
        // Side by side, and the vectors of the one move, those of the other don't.
        let both = (theirs, ours);
        crate::network::initialize::<Cpu, _>(&both);
        let before = crate::testing::parameters::<Cpu, _>(&both);
        let both = crate::nn::update_spectral_norms::<Cpu, _>(both, 1);
        let after = crate::testing::parameters::<Cpu, _>(&both);
        // Weight, bias, u, v of each.
        assert_eq!(after.len(), 8);
        assert_eq!(before[..6], after[..6]);
        assert_ne!(before[6], after[6]);
        assert_ne!(before[7], after[7]);
    }

    #[test]
    fn paths_lead_to_layers() {
        let norm = || BatchNormConfig::new(2).init::<Cpu>(&Default::default());
        let network = Network {
            first: linear(),
            field: norm(),
            list: vec![norm(), norm()],
        };
        let paths = LayerKind::BatchNorm.paths_in::<Cpu, _>(&network, "generator");
        let expected = ["generator.field", "generator.list.0", "generator.list.1"];
        assert_eq!(paths, expected);
    }
}
