//! The kernels one level of automatic differentiation up, to any height.
//!
//! The forward pass of an operation on `Autodiff<B>` is the operation on `B`, and so is its
//! backward pass. With `B` a tape itself, that tape records both: gradients can be differentiated
//! again.

use std::fmt::Debug;

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::tensor::TensorMetadata;
use burn::tensor::backend::AutodiffBackend;
use burn::tensor::ops::{FloatTensor, FloatTensorOps};

use super::activation::Elementwise;
use super::backend::Kernels;
use super::bilinear::Bilinear;
use super::picture::{Part, Picture};
use super::rearrange::Rearrange;
use super::resample::Resample;

/// Adds to the gradient of a parent that wants one. A macro, because burn's type of a node has no
/// public name.
macro_rules! register {
    ($B:ty, $gradients:expr, $parent:expr, $gradient:expr) => {
        // A frozen parent is none: its gradient is not even computed.
        if let Some(node) = $parent {
            let id = node.id;
            // The sum is ours to take, since both may lie with their channels innermost: a tensor
            // of the parent's node finds the gradient that is there.
            let mut fresh = Autodiff::<$B>::from_inner($gradient);
            fresh.node = node;
            let sum = match $gradients.remove::<$B>(&fresh) {
                Some(old) => <$B as Kernels>::add(old, fresh.primitive),
                None => fresh.primitive,
            };
            $gradients.register::<$B>(id, sum);
        }
    };
}

/// The backward pass of `f(operation(x, w) + b)`; parents x, w and, where there is one, b.
#[derive(Debug)]
struct LayerStep {
    operation: Bilinear,
    activation: Elementwise,
}

impl<B: Kernels, const N: usize> Backward<B, N> for LayerStep {
    /// x, w and f's output.
    type State = (FloatTensor<B>, FloatTensor<B>, Option<FloatTensor<B>>);

    fn backward(
        self,
        ops: Ops<Self::State, N>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let (x, weight, y) = ops.state;
        let mut gradient = gradients.consume::<B>(&ops.node);
        if let Some(y) = y {
            gradient = B::activation_gradient(self.activation, gradient, y.clone());
            B::recycle(y);
        }
        let mut parents = ops.parents.into_iter();
        let operation = self.operation;
        register!(
            B,
            gradients,
            parents.next().flatten(),
            operation.first_gradient::<B>(gradient.clone(), weight.clone())
        );
        register!(
            B,
            gradients,
            parents.next().flatten(),
            operation.second_gradient::<B>(gradient.clone(), x.clone())
        );
        let sums = if operation.has_bias_per_sample() {
            B::sample_sums
        } else {
            B::channel_sums
        };
        register!(
            B,
            gradients,
            parents.next().flatten(),
            sums(gradient.clone())
        );
        B::recycle(gradient);
        B::recycle(weight);
        B::recycle(x);
    }
}

/// The backward pass of g·f′(y) with respect to g, for an f whose slope is piecewise constant.
#[derive(Debug)]
struct SlopeStep(Elementwise);

impl<B: Kernels> Backward<B, 1> for SlopeStep {
    type State = FloatTensor<B>;

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let gradient = gradients.consume::<B>(&ops.node);
        let [parent] = ops.parents;
        register!(
            B,
            gradients,
            parent,
            B::activation_gradient(self.0, gradient, ops.state)
        );
    }
}

/// The backward pass of f(x).
#[derive(Debug)]
struct ApplyStep(Elementwise);

impl<B: Kernels> Backward<B, 1> for ApplyStep {
    /// x.
    type State = FloatTensor<B>;

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let gradient = gradients.consume::<B>(&ops.node);
        let [parent] = ops.parents;
        let x = ops.state;
        register!(
            B,
            gradients,
            parent,
            B::activation_gradient(self.0, gradient, x.clone())
        );
        B::recycle(x);
    }
}

/// The backward pass of a smooth f′(x).
///
/// ```text
/// tanh″ = −2·tanh·tanh′,     sigmoid″(x) = −tanh(x/2)·sigmoid′(x)
/// ```
#[derive(Debug)]
struct CurvatureStep(Elementwise);

impl<B: Kernels> Backward<B, 1> for CurvatureStep {
    /// x.
    type State = FloatTensor<B>;

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let gradient = gradients.consume::<B>(&ops.node);
        let [parent] = ops.parents;
        let x = ops.state;
        let curved = |x: FloatTensor<B>| {
            let factor = match self.0 {
                Elementwise::Tanh => {
                    let tanh = B::apply(Elementwise::Tanh, x.clone());
                    B::times(tanh, -2.0)
                }
                _ => B::float_neg(B::apply(Elementwise::Tanh, B::times(x.clone(), 0.5))),
            };
            let gradient = B::bilinear(Bilinear::Elementwise, gradient, factor);
            B::activation_gradient(self.0, gradient, x)
        };
        register!(B, gradients, parent, curved(x));
    }
}

/// The backward pass of what changes nothing but the order in memory.
#[derive(Debug)]
struct SameStep;

impl<B: Kernels> Backward<B, 1> for SameStep {
    type State = ();

    fn backward(
        self,
        ops: Ops<(), 1>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let gradient = gradients.consume::<B>(&ops.node);
        let [parent] = ops.parents;
        register!(B, gradients, parent, gradient);
    }
}

/// The backward pass of a sum of two.
#[derive(Debug)]
struct AddStep;

impl<B: Kernels> Backward<B, 2> for AddStep {
    type State = ();

    fn backward(
        self,
        ops: Ops<(), 2>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let gradient = gradients.consume::<B>(&ops.node);
        let [first, second] = ops.parents;
        register!(B, gradients, first, gradient.clone());
        register!(B, gradients, second, gradient);
    }
}

/// A linear map whose transposed one is of the same kind.
trait Linear: Debug + Clone + Send + 'static {
    fn apply<B: Kernels>(&self, x: FloatTensor<B>) -> FloatTensor<B>;

    /// The map whose matrix is this one's transposed.
    fn transposed(self) -> Self;
}

/// A product with a number.
#[derive(Debug, Clone)]
struct Times(f32);

impl Linear for Times {
    fn apply<B: Kernels>(&self, x: FloatTensor<B>) -> FloatTensor<B> {
        B::times(x, self.0)
    }

    fn transposed(self) -> Self {
        self
    }
}

impl Linear for Resample {
    fn apply<B: Kernels>(&self, x: FloatTensor<B>) -> FloatTensor<B> {
        B::resample(self, x)
    }

    fn transposed(self) -> Self {
        Self::transposed(&self)
    }
}

impl Linear for Rearrange {
    fn apply<B: Kernels>(&self, x: FloatTensor<B>) -> FloatTensor<B> {
        B::rearrange(*self, x)
    }

    fn transposed(self) -> Self {
        Self::transposed(self)
    }
}

/// The backward pass of a linear map: the transposed one.
#[derive(Debug)]
struct LinearStep<L>(L);

impl<B: Kernels, L: Linear> Backward<B, 1> for LinearStep<L> {
    type State = ();

    fn backward(
        self,
        ops: Ops<(), 1>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let gradient = gradients.consume::<B>(&ops.node);
        let [parent] = ops.parents;
        register!(
            B,
            gradients,
            parent,
            self.0.transposed().apply::<B>(gradient)
        );
    }
}

/// A linear map on a tape.
fn linear<B: Kernels, L: Linear>(map: L, x: FloatTensor<Autodiff<B>>) -> FloatTensor<Autodiff<B>> {
    let inner = map.apply::<B>(x.primitive);
    Backward::<B, 1>::prepare::<NoCheckpointing>(LinearStep(map), [x.node])
        .compute_bound()
        .stateless(inner)
}

/// The backward pass of a gated linear unit.
#[derive(Debug)]
struct GatedStep;

impl<B: Kernels> Backward<B, 1> for GatedStep {
    /// x.
    type State = FloatTensor<B>;

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let gradient = gradients.consume::<B>(&ops.node);
        let [parent] = ops.parents;
        let x = ops.state;
        register!(B, gradients, parent, B::gated_gradient(gradient, x.clone()));
        B::recycle(x);
    }
}

/// The backward pass of taking one of each unit's pieces.
#[derive(Debug)]
struct ChosenStep {
    pieces: usize,
}

impl<B: Kernels> Backward<B, 1> for ChosenStep {
    /// The places.
    type State = FloatTensor<B>;

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let gradient = gradients.consume::<B>(&ops.node);
        let [parent] = ops.parents;
        register!(
            B,
            gradients,
            parent,
            B::scattered(gradient, ops.state, self.pieces)
        );
    }
}

/// The backward pass of putting a number at its place among its unit's pieces.
#[derive(Debug)]
struct ScatteredStep {
    pieces: usize,
}

impl<B: Kernels> Backward<B, 1> for ScatteredStep {
    /// The places.
    type State = FloatTensor<B>;

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let gradient = gradients.consume::<B>(&ops.node);
        let [parent] = ops.parents;
        register!(
            B,
            gradients,
            parent,
            B::chosen(gradient, ops.state, self.pieces)
        );
    }
}

/// The backward pass of a map of pictures, with respect to the pictures.
#[derive(Debug)]
struct PictureStep {
    picture: Picture,
    part: Part,
}

impl<B: Kernels> Backward<B, 1> for PictureStep {
    /// The map's numbers.
    type State = FloatTensor<B>;

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let gradient = gradients.consume::<B>(&ops.node);
        let [parent] = ops.parents;
        register!(
            B,
            gradients,
            parent,
            B::picture(self.picture, self.part.backward(), gradient, ops.state)
        );
    }
}

impl<B: Kernels> Kernels for Autodiff<B> {
    fn layer(
        operation: Bilinear,
        activation: Elementwise,
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: Option<FloatTensor<Self>>,
    ) -> FloatTensor<Self> {
        let step = LayerStep {
            operation,
            activation,
        };
        let (bias, bias_node) = match bias {
            Some(bias) => (Some(bias.primitive), Some(bias.node)),
            None => (None, None),
        };
        let (inner_x, inner_weight) = (x.primitive, weight.primitive);
        let y = B::layer(
            operation,
            activation,
            inner_x.clone(),
            inner_weight.clone(),
            bias,
        );
        // What the output is needed for is the activation's slope.
        debug_assert!(activation.is_piecewise_linear());
        let kept = (activation != Elementwise::Identity).then(|| y.clone());
        let saved = (inner_x, inner_weight, kept);
        // The number of parents is a part of the type.
        macro_rules! record {
            ($count:literal, $nodes:expr) => {{
                let prepared = Backward::<B, $count>::prepare::<NoCheckpointing>(step, $nodes);
                match prepared.compute_bound().stateful() {
                    OpsKind::Tracked(prepared) => prepared.finish(saved, y),
                    OpsKind::UnTracked(prepared) => prepared.finish(y),
                }
            }};
        }
        match bias_node {
            Some(bias) => record!(3, [x.node, weight.node, bias]),
            None => record!(2, [x.node, weight.node]),
        }
    }

    fn activation_gradient(
        activation: Elementwise,
        gradient: FloatTensor<Self>,
        y: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        if activation.is_piecewise_linear() {
            let inner = B::activation_gradient(activation, gradient.primitive, y.primitive.clone());
            // y is no parent: nothing depends on it smoothly, and a parent must get a gradient.
            let prepared = Backward::<B, 1>::prepare::<NoCheckpointing>(
                SlopeStep(activation),
                [gradient.node],
            );
            return match prepared.compute_bound().stateful() {
                OpsKind::Tracked(prepared) => prepared.finish(y.primitive, inner),
                OpsKind::UnTracked(prepared) => prepared.finish(inner),
            };
        }
        let slope = Self::smooth_slope(activation, y);
        Self::bilinear(Bilinear::Elementwise, gradient, slope)
    }

    fn apply(activation: Elementwise, x: FloatTensor<Self>) -> FloatTensor<Self> {
        let y = B::apply(activation, x.primitive.clone());
        let step = ApplyStep(activation);
        let prepared = Backward::<B, 1>::prepare::<NoCheckpointing>(step, [x.node]);
        match prepared.compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(x.primitive, y),
            OpsKind::UnTracked(prepared) => prepared.finish(y),
        }
    }

    fn smooth_slope(activation: Elementwise, x: FloatTensor<Self>) -> FloatTensor<Self> {
        let slope = B::smooth_slope(activation, x.primitive.clone());
        let step = CurvatureStep(activation);
        let prepared = Backward::<B, 1>::prepare::<NoCheckpointing>(step, [x.node]);
        match prepared.compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(x.primitive, slope),
            OpsKind::UnTracked(prepared) => prepared.finish(slope),
        }
    }

    fn add(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        let inner = B::add(a.primitive, b.primitive);
        Backward::<B, 2>::prepare::<NoCheckpointing>(AddStep, [a.node, b.node])
            .compute_bound()
            .stateless(inner)
    }

    fn times(x: FloatTensor<Self>, factor: f32) -> FloatTensor<Self> {
        linear::<B, _>(Times(factor), x)
    }

    fn resample(filter: &Resample, x: FloatTensor<Self>) -> FloatTensor<Self> {
        linear::<B, _>(filter.clone(), x)
    }

    fn rearrange(map: Rearrange, x: FloatTensor<Self>) -> FloatTensor<Self> {
        linear::<B, _>(map, x)
    }

    fn gated(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let y = B::gated(x.primitive.clone());
        let prepared = Backward::<B, 1>::prepare::<NoCheckpointing>(GatedStep, [x.node]);
        match prepared.compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(x.primitive, y),
            OpsKind::UnTracked(prepared) => prepared.finish(y),
        }
    }

    fn gated_gradient(gradient: FloatTensor<Self>, x: FloatTensor<Self>) -> FloatTensor<Self> {
        // Of operations that have derivatives on this tape.
        let of = x.shape()[1];
        let count = of / 2;
        let [a, b] = [0, count].map(|first| {
            let take = Rearrange::Take { first, count, of };
            Self::rearrange(take, x.clone())
        });
        let times = |a, b| Self::bilinear(Bilinear::Elementwise, a, b);
        let for_a = times(
            gradient.clone(),
            Self::apply(Elementwise::Sigmoid, b.clone()),
        );
        let for_b = Self::activation_gradient(Elementwise::Sigmoid, times(gradient, a), b);
        let [for_a, for_b] = [(0, for_a), (count, for_b)].map(|(first, half)| {
            let put = Rearrange::Put { first, count, of };
            Self::rearrange(put, half)
        });
        Self::add(for_a, for_b)
    }

    fn channels_last(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let inner = B::channels_last(x.primitive);
        Backward::<B, 1>::prepare::<NoCheckpointing>(SameStep, [x.node])
            .compute_bound()
            .stateless(inner)
    }

    fn winners(x: FloatTensor<Self>, pieces: usize) -> FloatTensor<Self> {
        Self::from_inner(B::winners(x.primitive, pieces))
    }

    fn chosen(x: FloatTensor<Self>, places: FloatTensor<Self>, pieces: usize) -> FloatTensor<Self> {
        let places = places.primitive;
        let y = B::chosen(x.primitive, places.clone(), pieces);
        let step = ChosenStep { pieces };
        let prepared = Backward::<B, 1>::prepare::<NoCheckpointing>(step, [x.node]);
        match prepared.compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(places, y),
            OpsKind::UnTracked(prepared) => prepared.finish(y),
        }
    }

    fn scattered(
        y: FloatTensor<Self>,
        places: FloatTensor<Self>,
        pieces: usize,
    ) -> FloatTensor<Self> {
        let places = places.primitive;
        let x = B::scattered(y.primitive, places.clone(), pieces);
        let step = ScatteredStep { pieces };
        let prepared = Backward::<B, 1>::prepare::<NoCheckpointing>(step, [y.node]);
        match prepared.compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(places, x),
            OpsKind::UnTracked(prepared) => prepared.finish(x),
        }
    }

    fn picture(
        picture: Picture,
        part: Part,
        x: FloatTensor<Self>,
        numbers: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let numbers = numbers.primitive;
        let y = B::picture(picture, part, x.primitive, numbers.clone());
        let step = PictureStep { picture, part };
        let prepared = Backward::<B, 1>::prepare::<NoCheckpointing>(step, [x.node]);
        match prepared.compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(numbers, y),
            OpsKind::UnTracked(prepared) => prepared.finish(y),
        }
    }

    fn recycle(tensor: FloatTensor<Self>) {
        B::recycle(tensor.primitive);
    }

    fn channel_sums(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let shape = x.shape();
        let mut sums = x;
        for axis in (0..shape.num_dims()).filter(|axis| *axis != 1) {
            sums = Self::float_sum_dim(sums, axis);
        }
        Self::float_reshape(sums, [shape[1]].into())
    }

    fn sample_sums(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let shape = x.shape();
        let mut sums = x;
        for axis in 2..shape.num_dims() {
            sums = Self::float_sum_dim(sums, axis);
        }
        Self::float_reshape(sums, [shape[0], shape[1]].into())
    }
}
