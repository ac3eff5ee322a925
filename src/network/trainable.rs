//! The two bounds that generic code writes.

use burn::backend::Autodiff;
use burn::module::{AutodiffModule, HasAutodiffModule, ModuleDisplay};
use burn::tensor::backend::AutodiffBackend;

use super::{Condition, Discriminator, Generator, Sample};

/// What a network draws or judges.
pub type SampleOf<D, B> = <D as Discriminator<B>>::Sample;
/// What a network is told.
pub type ConditionOf<D, B> = <D as Discriminator<B>>::Condition;
/// A generator without its tape, for sampling and metrics.
pub type InnerGenerator<G, B> = <G as AutodiffModule<B>>::InnerModule;
/// A generator one level of automatic differentiation up, for the path length penalty.
pub type LiftedGenerator<G, B> = <G as HasAutodiffModule<Autodiff<B>>>::TrainModule;

/// A backend that training can go on: every [`AutodiffBackend`], that is `Autodiff<B>` for any `B`.
///
/// Not to be implemented by hand; code that is generic over `B: AutodiffBackend` has it. It is
/// there for the sentence that the compiler says where a tape is missing:
///
/// ```compile_fail,E0277
/// use burn_gan::burn::backend::Flex;
/// use burn_gan::network::TrainingBackend;
///
/// fn trains_on<B: TrainingBackend>() {}
/// trains_on::<Flex>(); // `Flex` keeps no tape to train by: write `Autodiff<Flex>`
/// ```
///
/// ```
/// use burn_gan::burn::backend::{Autodiff, Flex};
/// use burn_gan::network::TrainingBackend;
///
/// fn trains_on<B: TrainingBackend>() {}
/// trains_on::<Autodiff<Flex>>();
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` keeps no tape to train by: write `Autodiff<{Self}>`",
    label = "a backend without a tape",
    note = "`type B = burn_gan::burn::backend::Autodiff<{Self}>;` and networks made for that `B`"
)]
pub trait TrainingBackend: AutodiffBackend {}

#[diagnostic::do_not_recommend]
impl<B: AutodiffBackend> TrainingBackend for B {}

/// A generator that can be trained and, lifted one level up, differentiated twice: every
/// [`Generator`] whose module is derived.
///
/// Not to be implemented by hand; a blanket implementation covers all that qualify.
pub trait TrainableGenerator<B: TrainingBackend>:
    Generator<B>
    + ModuleDisplay
    + AutodiffModule<
        B,
        InnerModule: Generator<
            B::InnerBackend,
            Sample = <<Self as Generator<B>>::Sample as Sample<B>>::Inner,
            Condition = <<Self as Generator<B>>::Condition as Condition<B>>::Inner,
        >,
    > + HasAutodiffModule<
        Autodiff<B>,
        TrainModule: Generator<
            Autodiff<B>,
            Sample = <<Self as Generator<B>>::Sample as Sample<B>>::Lifted,
            Condition = <<Self as Generator<B>>::Condition as Condition<B>>::Lifted,
        >,
    > + 'static
{
}

impl<B, G> TrainableGenerator<B> for G
where
    B: AutodiffBackend,
    G: Generator<B>
        + ModuleDisplay
        + AutodiffModule<
            B,
            InnerModule: Generator<
                B::InnerBackend,
                Sample = <<G as Generator<B>>::Sample as Sample<B>>::Inner,
                Condition = <<G as Generator<B>>::Condition as Condition<B>>::Inner,
            >,
        > + HasAutodiffModule<
            Autodiff<B>,
            TrainModule: Generator<
                Autodiff<B>,
                Sample = <<G as Generator<B>>::Sample as Sample<B>>::Lifted,
                Condition = <<G as Generator<B>>::Condition as Condition<B>>::Lifted,
            >,
        > + 'static,
{
}

/// A discriminator that can be trained and, lifted one level up, differentiated twice: every
/// [`Discriminator`] whose module is derived.
///
/// Not to be implemented by hand; a blanket implementation covers all that qualify.
pub trait TrainableDiscriminator<B: TrainingBackend>:
    Discriminator<B>
    + ModuleDisplay
    + AutodiffModule<
        B,
        InnerModule: Discriminator<
            B::InnerBackend,
            Sample = <<Self as Discriminator<B>>::Sample as Sample<B>>::Inner,
            Condition = <<Self as Discriminator<B>>::Condition as Condition<B>>::Inner,
        >,
    > + HasAutodiffModule<
        Autodiff<B>,
        TrainModule: Discriminator<
            Autodiff<B>,
            Sample = <<Self as Discriminator<B>>::Sample as Sample<B>>::Lifted,
            Condition = <<Self as Discriminator<B>>::Condition as Condition<B>>::Lifted,
        >,
    > + 'static
{
}

impl<B, D> TrainableDiscriminator<B> for D
where
    B: AutodiffBackend,
    D: Discriminator<B>
        + ModuleDisplay
        + AutodiffModule<
            B,
            InnerModule: Discriminator<
                B::InnerBackend,
                Sample = <<D as Discriminator<B>>::Sample as Sample<B>>::Inner,
                Condition = <<D as Discriminator<B>>::Condition as Condition<B>>::Inner,
            >,
        > + HasAutodiffModule<
            Autodiff<B>,
            TrainModule: Discriminator<
                Autodiff<B>,
                Sample = <<D as Discriminator<B>>::Sample as Sample<B>>::Lifted,
                Condition = <<D as Discriminator<B>>::Condition as Condition<B>>::Lifted,
            >,
        > + 'static,
{
}

const _: () = {
    // The inner halves of a trainable pair can be used as networks: a compile-time check that the
    // bounds above are implied to users.
    fn _draws<B: AutodiffBackend, G: TrainableGenerator<B>>(
        generator: &G,
        latent: burn::tensor::Tensor<B::InnerBackend, 2>,
        condition: &G::Condition,
    ) -> <<G as Generator<B>>::Sample as Sample<B>>::Inner {
        generator.valid().generate(latent, &condition.inner())
    }
};
