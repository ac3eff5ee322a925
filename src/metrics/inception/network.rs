//! The network: its plan, and its layers.

use burn::module::{Module, Param};
use burn::nn::PaddingConfig2d;
use burn::tensor::backend::Backend;
use burn::tensor::module::{avg_pool2d, max_pool2d};
use burn::tensor::{Tensor, TensorData};

use crate::nn::{Activation, Conv2d, channels_last};

/// Height and width of an image as the network takes it.
pub(super) const SIDE: usize = 299;
/// Features of an image.
pub(super) const FEATURES: usize = 2_048;
/// Classes of the last layer.
pub(super) const CLASSES: usize = 1_008;

/// A convolution, batch norm and ReLU: what the file has under one name.
#[derive(Debug, Clone)]
pub(super) struct UnitPlan {
    /// The last part of its name in the file.
    pub(super) name: String,
    pub(super) channels: [usize; 2],
    pub(super) kernel: [usize; 2],
    pub(super) stride: usize,
    pub(super) padding: [usize; 2],
}

/// What comes before the convolutions of a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pool {
    None,
    /// The mean of 3 × 3 pixels, of those that lie in the image.
    Average,
    /// The largest of 3 × 3 pixels.
    Max,
    /// The largest of 3 × 3 pixels, of every second place, without a border.
    Halving,
}

/// Convolutions one after the other behind a pooling, and at their end several side by side.
#[derive(Debug, Clone)]
pub(super) struct BranchPlan {
    pool: Pool,
    chain: Vec<UnitPlan>,
    fork: Vec<UnitPlan>,
}

impl BranchPlan {
    fn units(&self) -> impl Iterator<Item = &UnitPlan> {
        self.chain.iter().chain(&self.fork)
    }
}

/// Branches whose outputs lie side by side, in their order.
pub(super) type BlockPlan = Vec<BranchPlan>;

/// How a kernel moves.
#[derive(Clone, Copy)]
enum Moves {
    /// Over every pixel, zeros around the image.
    Same,
    /// Over every pixel that it fits around.
    Inside,
    /// Over every second one of these.
    Halving,
}
use Moves::{Halving, Inside, Same};

/// Name, channels of the output, kernel, and how it moves.
type Unit = (&'static str, usize, [usize; 2], Moves);

/// The units of a chain that begins with so many channels.
fn chain(block: &str, mut inputs: usize, units: &[Unit]) -> Vec<UnitPlan> {
    let unit = |(name, outputs, kernel, moves): &Unit| {
        let channels = [inputs, *outputs];
        inputs = *outputs;
        UnitPlan {
            name: format!("{block}{name}"),
            channels,
            kernel: *kernel,
            stride: match moves {
                Halving => 2,
                Same | Inside => 1,
            },
            padding: match moves {
                Same => kernel.map(|size| size / 2),
                Inside | Halving => [0, 0],
            },
        }
    };
    units.iter().map(unit).collect()
}

/// A block of so many channels under a name, branch by branch.
struct Mixed {
    name: &'static str,
    inputs: usize,
    branches: BlockPlan,
}

impl Mixed {
    fn new(name: &'static str, inputs: usize) -> Self {
        Self {
            name,
            inputs,
            branches: Vec::new(),
        }
    }

    fn branch(self, units: &[Unit]) -> Self {
        self.pooled(Pool::None, units)
    }

    fn pooled(mut self, pool: Pool, units: &[Unit]) -> Self {
        self.branches.push(BranchPlan {
            pool,
            chain: chain(self.name, self.inputs, units),
            fork: Vec::new(),
        });
        self
    }

    /// A branch that ends in several convolutions of the same.
    fn forked(mut self, units: &[Unit], ends: &[Unit]) -> Self {
        let inputs = units.last().map_or(self.inputs, |unit| unit.1);
        let fork = ends
            .iter()
            .flat_map(|end| chain(self.name, inputs, &[*end]));
        self.branches.push(BranchPlan {
            pool: Pool::None,
            fork: fork.collect(),
            chain: chain(self.name, self.inputs, units),
        });
        self
    }
}

/// 35 × 35 pixels.
fn mixed_5(name: &'static str, inputs: usize, pooled: usize) -> BlockPlan {
    Mixed::new(name, inputs)
        .branch(&[("branch1x1", 64, [1, 1], Same)])
        .branch(&[
            ("branch5x5_1", 48, [1, 1], Same),
            ("branch5x5_2", 64, [5, 5], Same),
        ])
        .branch(&[
            ("branch3x3dbl_1", 64, [1, 1], Same),
            ("branch3x3dbl_2", 96, [3, 3], Same),
            ("branch3x3dbl_3", 96, [3, 3], Same),
        ])
        .pooled(Pool::Average, &[("branch_pool", pooled, [1, 1], Same)])
        .branches
}

/// 17 × 17 pixels.
fn mixed_6(name: &'static str, inner: usize) -> BlockPlan {
    Mixed::new(name, 768)
        .branch(&[("branch1x1", 192, [1, 1], Same)])
        .branch(&[
            ("branch7x7_1", inner, [1, 1], Same),
            ("branch7x7_2", inner, [1, 7], Same),
            ("branch7x7_3", 192, [7, 1], Same),
        ])
        .branch(&[
            ("branch7x7dbl_1", inner, [1, 1], Same),
            ("branch7x7dbl_2", inner, [7, 1], Same),
            ("branch7x7dbl_3", inner, [1, 7], Same),
            ("branch7x7dbl_4", inner, [7, 1], Same),
            ("branch7x7dbl_5", 192, [1, 7], Same),
        ])
        .pooled(Pool::Average, &[("branch_pool", 192, [1, 1], Same)])
        .branches
}

/// 8 × 8 pixels.
fn mixed_7(name: &'static str, inputs: usize, pool: Pool) -> BlockPlan {
    Mixed::new(name, inputs)
        .branch(&[("branch1x1", 320, [1, 1], Same)])
        .forked(
            &[("branch3x3_1", 384, [1, 1], Same)],
            &[
                ("branch3x3_2a", 384, [1, 3], Same),
                ("branch3x3_2b", 384, [3, 1], Same),
            ],
        )
        .forked(
            &[
                ("branch3x3dbl_1", 448, [1, 1], Same),
                ("branch3x3dbl_2", 384, [3, 3], Same),
            ],
            &[
                ("branch3x3dbl_3a", 384, [1, 3], Same),
                ("branch3x3dbl_3b", 384, [3, 1], Same),
            ],
        )
        .pooled(pool, &[("branch_pool", 192, [1, 1], Same)])
        .branches
}

/// The whole network.
pub(super) fn plan() -> Vec<BlockPlan> {
    let stem = |inputs, pool, units: &[Unit]| Mixed::new("", inputs).pooled(pool, units).branches;
    vec![
        stem(
            3,
            Pool::None,
            &[
                ("Conv2d_1a_3x3", 32, [3, 3], Halving),
                ("Conv2d_2a_3x3", 32, [3, 3], Inside),
                ("Conv2d_2b_3x3", 64, [3, 3], Same),
            ],
        ),
        stem(
            64,
            Pool::Halving,
            &[
                ("Conv2d_3b_1x1", 80, [1, 1], Same),
                ("Conv2d_4a_3x3", 192, [3, 3], Inside),
            ],
        ),
        stem(192, Pool::Halving, &[]),
        mixed_5("Mixed_5b.", 192, 32),
        mixed_5("Mixed_5c.", 256, 64),
        mixed_5("Mixed_5d.", 288, 64),
        Mixed::new("Mixed_6a.", 288)
            .branch(&[("branch3x3", 384, [3, 3], Halving)])
            .branch(&[
                ("branch3x3dbl_1", 64, [1, 1], Same),
                ("branch3x3dbl_2", 96, [3, 3], Same),
                ("branch3x3dbl_3", 96, [3, 3], Halving),
            ])
            .pooled(Pool::Halving, &[])
            .branches,
        mixed_6("Mixed_6b.", 128),
        mixed_6("Mixed_6c.", 160),
        mixed_6("Mixed_6d.", 160),
        mixed_6("Mixed_6e.", 192),
        Mixed::new("Mixed_7a.", 768)
            .branch(&[
                ("branch3x3_1", 192, [1, 1], Same),
                ("branch3x3_2", 320, [3, 3], Halving),
            ])
            .branch(&[
                ("branch7x7x3_1", 192, [1, 1], Same),
                ("branch7x7x3_2", 192, [1, 7], Same),
                ("branch7x7x3_3", 192, [7, 1], Same),
                ("branch7x7x3_4", 192, [3, 3], Halving),
            ])
            .pooled(Pool::Halving, &[])
            .branches,
        mixed_7("Mixed_7b.", 1_280, Pool::Average),
        mixed_7("Mixed_7c.", 2_048, Pool::Max),
    ]
}

/// Names and sizes of all convolutions.
pub(super) fn units(plan: &[BlockPlan]) -> impl Iterator<Item = &UnitPlan> {
    plan.iter().flatten().flat_map(BranchPlan::units)
}

/// The last layer, `[2048, 1008]` and `[1008]`.
#[derive(Module, Debug)]
struct Classes<B: Backend> {
    weight: Param<Tensor<B, 2>>,
    bias: Param<Tensor<B, 1>>,
}

#[derive(Module, Debug)]
struct Branch<B: Backend> {
    pool: Pool,
    chain: Vec<Conv2d<B>>,
    fork: Vec<Conv2d<B>>,
}

impl<B: Backend> Branch<B> {
    fn forward(&self, x: Tensor<B, 4>) -> Vec<Tensor<B, 4>> {
        let mut x = pooled(x, self.pool);
        for conv in &self.chain {
            x = conv.forward_activated(x, Activation::Relu);
        }
        if self.fork.is_empty() {
            return vec![x];
        }
        let ends = self.fork.iter();
        ends.map(|conv| conv.forward_activated(x.clone(), Activation::Relu))
            .collect()
    }
}

#[derive(Module, Debug)]
struct Block<B: Backend> {
    branches: Vec<Branch<B>>,
}

/// Inception v3 as FID means it, its batch norms folded into its convolutions: for looking at
/// images, not for training.
///
/// Images `[batch, 3, 299, 299]` of about [−1, 1]; [`Inception`](super::Inception) makes them of
/// others.
#[derive(Module, Debug)]
pub struct InceptionNetwork<B: Backend> {
    blocks: Vec<Block<B>>,
    classes: Option<Classes<B>>,
}

/// A weight `[out, in, height, width]` and a bias `[out]`.
pub(super) type Folded = (Vec<f32>, Vec<f32>);

impl<B: Backend> InceptionNetwork<B> {
    /// The network of a plan, its units in the plan's order, and the last layer's weight
    /// `[classes, features]` and bias.
    pub(super) fn new(
        plan: &[BlockPlan],
        units: impl IntoIterator<Item = Folded>,
        classes: Option<Folded>,
        device: &B::Device,
    ) -> Self {
        let mut units = units.into_iter();
        let mut conv = |plan: &UnitPlan| {
            let (weight, bias) = units.next().expect("a unit for each of the plan");
            let ([inputs, outputs], [height, width]) = (plan.channels, plan.kernel);
            let weight = TensorData::new(weight, [outputs, inputs, height, width]);
            let bias = TensorData::new(bias, [outputs]);
            let [above, left] = plan.padding;
            Conv2d::of(
                Tensor::from_data(weight, device),
                Tensor::from_data(bias, device),
                [plan.stride; 2],
                PaddingConfig2d::Explicit(above, left, above, left),
            )
        };
        let mut branch = |plan: &BranchPlan| Branch {
            pool: plan.pool,
            chain: plan.chain.iter().map(&mut conv).collect(),
            fork: plan.fork.iter().map(&mut conv).collect(),
        };
        let blocks = plan.iter().map(|plan| Block {
            branches: plan.iter().map(&mut branch).collect(),
        });
        let blocks = blocks.collect();
        let classes = classes.map(|(weight, bias)| {
            let weight = TensorData::new(weight, [bias.len(), FEATURES]);
            let weight = Tensor::<B, 2>::from_data(weight, device).transpose();
            let bias = Tensor::from_data(TensorData::new(bias, [CLASSES]), device);
            Classes {
                weight: Param::from_tensor(weight).set_require_grad(false),
                bias: Param::from_tensor(bias).set_require_grad(false),
            }
        });
        Self { blocks, classes }
    }

    /// The means of the last block, `[batch, 2048]`.
    ///
    /// # Panics
    /// If images have other than 3 channels, or are smaller than 75 × 75.
    pub fn features(&self, images: Tensor<B, 4>) -> Tensor<B, 2> {
        let [batch, channels, height, width] = images.dims();
        assert!(
            channels == 3 && height.min(width) >= 75,
            "the Inception network takes [batch, 3, 299, 299], not {:?}",
            images.dims()
        );
        let mut x = channels_last(images);
        for block in &self.blocks {
            let branches = block.branches.iter();
            let parts = branches.flat_map(|branch| branch.forward(x.clone()));
            x = side_by_side(parts.collect());
        }
        let [_, channels, height, width] = x.dims();
        let pixels: Tensor<B, 3> = x.reshape([batch, channels, height * width]);
        pixels.mean_dim(2).reshape([batch, channels])
    }

    /// Whether it has the last layer.
    pub fn has_classes(&self) -> bool {
        self.classes.is_some()
    }

    /// The logits of features, `[batch, 1008]`, with or without the last layer's bias.
    ///
    /// # Panics
    /// If it has no last layer ([`has_classes`](Self::has_classes)).
    pub fn logits(&self, features: Tensor<B, 2>, bias: bool) -> Tensor<B, 2> {
        let classes = self.classes.as_ref();
        let classes = classes.expect("a network with its last layer");
        let logits = features.matmul(classes.weight.val());
        match bias {
            true => logits + classes.bias.val().unsqueeze(),
            false => logits,
        }
    }
}

fn pooled<B: Backend>(x: Tensor<B, 4>, pool: Pool) -> Tensor<B, 4> {
    let pooled = match pool {
        Pool::None => return x,
        // Without the border: where published weights come from, zeros are not counted.
        Pool::Average => avg_pool2d(x, [3, 3], [1, 1], [1, 1], false, false),
        Pool::Max => max_pool2d(x, [3, 3], [1, 1], [1, 1], [1, 1], false),
        Pool::Halving => max_pool2d(x, [3, 3], [2, 2], [0, 0], [1, 1], false),
    };
    channels_last(pooled)
}

/// Channels of the first, then of the second, …
fn side_by_side<B: Backend>(parts: Vec<Tensor<B, 4>>) -> Tensor<B, 4> {
    if parts.len() == 1 {
        return parts.into_iter().next().expect("one part");
    }
    // As they lie where the kernels have them: the channels of a pixel one after the other.
    #[cfg(feature = "flex")]
    {
        let last = parts.iter().map(crate::kernels::channels_last);
        if let Some(last) = last.collect::<Option<Vec<_>>>() {
            let pixels = last.into_iter().map(|part| part.permute([0, 2, 3, 1]));
            return Tensor::cat(pixels.collect(), 3).permute([0, 3, 1, 2]);
        }
    }
    Tensor::cat(parts, 1)
}
