//! Networks that an objective can't be trained with are found before training.

use burn::backend::Autodiff;
use burn::module::Module;
use burn::nn::pool::{AvgPool2d, AvgPool2dConfig};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::{Normed, generator, latents, mlp};
use crate::error::Result;
use crate::gan::Gan;
use crate::models::{MlpDiscriminatorConfig, MlpGenerator};
use crate::network::{Discriminator, TrainableDiscriminator, Verdict, initialize};
use crate::nn::Activation;
use crate::nn::{Linear, LinearConfig};
use crate::objective::probe::Trial;
use crate::objective::{Loss, Objective, ObjectiveState, SecondOrder, Term};
use crate::testing::{Cpu, parameters, values};

type B = Autodiff<Cpu>;
type Networks<D> = Gan<MlpGenerator<B, 2>, D, B>;

/// burn's own linear layer, which has no second derivative.
#[derive(Module, Debug)]
struct Theirs<B: Backend> {
    first: burn::nn::Linear<B>,
    last: burn::nn::Linear<B>,
}

impl<B: Backend> Theirs<B> {
    fn new() -> Self {
        let device = Default::default();
        let layer = |from, to| burn::nn::LinearConfig::new(from, to).init(&device);
        let network = Self {
            first: layer(2, 8),
            last: layer(8, 1),
        };
        initialize(&network);
        network
    }

    /// The same weights in our layers.
    fn in_ours(&self) -> Ours<B> {
        let ours = Ours {
            first: LinearConfig::new(2, 8).init(&Default::default()),
            last: LinearConfig::new(8, 1).init(&Default::default()),
        };
        crate::testing::assign(ours, parameters(self))
    }
}

impl<B: Backend> Discriminator<B> for Theirs<B> {
    type Sample = Tensor<B, 2>;
    type Condition = ();
    fn discriminate(&self, sample: Tensor<B, 2>, _condition: &()) -> Verdict<B> {
        self.last.forward(self.first.forward(sample).tanh()).into()
    }
}

#[derive(Module, Debug)]
struct Ours<B: Backend> {
    first: Linear<B>,
    last: Linear<B>,
}

impl<B: Backend> Discriminator<B> for Ours<B> {
    type Sample = Tensor<B, 2>;
    type Condition = ();
    fn discriminate(&self, sample: Tensor<B, 2>, _condition: &()) -> Verdict<B> {
        self.last.forward(self.first.forward(sample).tanh()).into()
    }
}

/// An average pooling on the sample's path.
#[derive(Module, Debug)]
struct Pooled<B: Backend> {
    pool: AvgPool2d,
    head: Linear<B>,
}

impl<B: Backend> Discriminator<B> for Pooled<B> {
    type Sample = Tensor<B, 4>;
    type Condition = ();
    fn discriminate(&self, sample: Tensor<B, 4>, _condition: &()) -> Verdict<B> {
        let x = self.pool.forward(sample).flatten::<2>(1, 3);
        self.head.forward(x.tanh()).into()
    }
}

fn points() -> Tensor<B, 2> {
    crate::testing::tensor2([[0.3, -1.2], [0.7, 1.1], [0.2, -0.4], [-0.6, 0.9]])
}

fn probe<D>(objective: &Objective, discriminator: &D) -> Result<()>
where
    D: TrainableDiscriminator<B> + Discriminator<B, Sample = Tensor<B, 2>, Condition = ()>,
{
    let g = generator(&[2]);
    let latent = latents(4);
    objective.probe::<Networks<D>>(&g, discriminator, &points(), &(), &latent, None)
}

fn with_r1() -> Objective {
    Objective::new(Loss::NonSaturating).with_term(Term::r1(1.0))
}

#[test]
fn a_layer_without_a_second_derivative_is_named_with_both_ways_out() {
    let error = probe(&with_r1(), &Theirs::new()).expect_err("burn's linear layer");
    let error = error.to_string();
    for words in [
        "r1",
        "linear_x_backward",
        "burn_gan::nn",
        "finite_differences",
    ] {
        assert!(error.contains(words), "`{words}` is not in: {error}");
    }
}

#[test]
fn a_pooling_on_the_samples_path_is_found_too() {
    let discriminator = Pooled::<B> {
        pool: AvgPool2dConfig::new([2, 2]).with_strides([2, 2]).init(),
        head: LinearConfig::new(4, 1).init(&Default::default()),
    };
    let real = Tensor::ones([4, 1, 4, 4], &Default::default());
    let g = generator::<B, 4>(&[1, 4, 4]);
    let error = with_r1()
        .probe::<Gan<MlpGenerator<B, 4>, Pooled<B>, B>>(
            &g,
            &discriminator,
            &real,
            &(),
            &latents(4),
            None,
        )
        .expect_err("a pooling");
    assert!(
        error.to_string().contains("avg pool 2d backward"),
        "{error}"
    );
}

#[test]
fn what_the_crate_has_passes_with_every_penalty() {
    let mut objective = with_r1();
    for penalty in [
        Term::r2(1.0),
        Term::wgan_gp(10.0),
        Term::dragan(10.0),
        Term::zero_centered(1.0),
        Term::path_length(1.0),
        Term::path_length(2.0).every(4),
    ] {
        objective = objective.with_term(penalty);
    }
    probe(&objective, &mlp(2, [4], Activation::Relu)).expect("twice differentiable");
    let by_differences = objective.with_second_order(SecondOrder::finite_differences());
    probe(&by_differences, &Theirs::new()).expect("differentiable once");
}

/// After a caught panic burn's tape is whole: the other way out can be taken in the same process.
#[test]
fn finite_differences_train_what_the_probe_refused() {
    let theirs = Theirs::<B>::new();
    assert!(probe(&with_r1(), &theirs).is_err());
    let ours = theirs.in_ours();
    let g = generator(&[2]);
    let fake = points() * 0.5;
    let exact = super::discriminator_cost(
        &with_r1(),
        &mut ObjectiveState::default(),
        (&g, &ours),
        &points(),
        &fake,
        &(),
    );
    let by_differences = super::discriminator_cost(
        &with_r1().with_second_order(SecondOrder::finite_differences()),
        &mut ObjectiveState::default(),
        (&g, &theirs),
        &points(),
        &fake,
        &(),
    );
    let exact = crate::testing::gradients::<B, _>(&ours, &exact.total().backward());
    let differences =
        crate::testing::gradients::<B, _>(&theirs, &by_differences.total().backward());
    for (exact, differences) in exact.iter().zip(&differences) {
        let scale = exact.iter().fold(0.0f64, |m, g| m.max(g.abs()));
        crate::testing::assert_close(differences, exact, 0.0, 0.01 * scale);
    }
}

#[test]
fn differences_refuse_layers_that_draw_at_random() {
    let dropout = MlpDiscriminatorConfig::new([2])
        .with_dropout(0.5)
        .init::<B, 2>(&Default::default())
        .expect("valid settings");
    let objective = with_r1().with_second_order(SecondOrder::finite_differences());
    let error = probe(&objective, &dropout)
        .expect_err("dropout")
        .to_string();
    assert!(
        error.contains("dropout") && error.contains("Exact"),
        "{error}"
    );
    // Exact penalties don't mind.
    probe(&with_r1(), &dropout).expect("one mask for both derivatives");
}

/// Judges nothing but its bias.
#[derive(Module, Debug)]
struct Deaf<B: Backend> {
    head: Linear<B>,
    cut: bool,
}

impl<B: Backend> Discriminator<B> for Deaf<B> {
    type Sample = Tensor<B, 2>;
    type Condition = ();
    fn discriminate(&self, sample: Tensor<B, 2>, _condition: &()) -> Verdict<B> {
        let input = if self.cut {
            sample.detach()
        } else {
            Tensor::ones(sample.dims(), &sample.device())
        };
        self.head.forward(input).into()
    }
}

#[test]
fn a_discriminator_that_ignores_its_input_is_told_so_under_any_objective() {
    for cut in [false, true] {
        let deaf = Deaf::<B> {
            head: LinearConfig::new(2, 1).init(&Default::default()),
            cut,
        };
        let plain = Objective::new(Loss::NonSaturating);
        let by_differences = with_r1().with_second_order(SecondOrder::finite_differences());
        for objective in [plain, with_r1(), by_differences] {
            let error = probe(&objective, &deaf).expect_err("nothing can be learnt");
            let error = error.to_string();
            assert!(
                error.contains("output does not depend on its input"),
                "{error}"
            );
            assert!(!error.contains("finite_differences"), "{error}");
        }
    }
}

/// Panics whatever it is given, as a machine without threads lets networks do.
#[derive(Module, Debug)]
struct Tired<B: Backend> {
    head: Linear<B>,
}

impl<B: Backend> Discriminator<B> for Tired<B> {
    type Sample = Tensor<B, 2>;
    type Condition = ();
    fn discriminate(&self, sample: Tensor<B, 2>, _condition: &()) -> Verdict<B> {
        assert!(sample.dims()[0] == 0, "no threads left: Os {{ code: 11 }}");
        self.head.forward(sample).into()
    }
}

#[test]
fn a_network_that_fails_without_the_penalty_is_not_blamed_on_the_penalty() {
    let tired = Tired::<B> {
        head: LinearConfig::new(2, 1).init(&Default::default()),
    };
    let error = with_r1().try_terms::<Networks<Tired<B>>>(&Trial {
        generator: &generator(&[2]),
        discriminator: &tired,
        real: &points(),
        condition: &(),
        latent: &latents(4),
        prior: None,
    });
    let error = error.expect_err("it panics").to_string();
    assert!(
        error.contains("the discriminator panicked") && error.contains("code: 11"),
        "{error}"
    );
    assert!(!error.contains("finite_differences"), "{error}");
}

#[test]
fn feature_matching_wants_features() {
    let objective = Objective::new(Loss::NonSaturating).with_term(Term::feature_matching_alone());
    probe(&objective, &mlp(2, [4], Activation::Relu)).expect("stock networks have features");
    let error = probe(&objective, &Theirs::new()).expect_err("no features");
    assert!(error.to_string().contains("Verdict::features"), "{error}");
}

#[test]
fn a_probe_leaves_running_statistics_alone() {
    let discriminator = Normed::<B>::new();
    let statistics = || {
        let net = burn::module::AutodiffModule::valid(&discriminator);
        values(net.norm.running_mean.value())
    };
    let before = statistics();
    probe(&with_r1(), &discriminator).expect("batch norm has second derivatives");
    probe(
        &with_r1().with_second_order(SecondOrder::finite_differences()),
        &discriminator,
    )
    .expect("batch norm draws nothing");
    assert_eq!(statistics(), before);
}

/// Should burn learn to differentiate its linear layer twice, this test says so.
#[test]
#[should_panic(expected = "linear_x_backward")]
fn burns_own_linear_layer_still_panics() {
    let _ = crate::objective::term::r1::<B, _>(&Theirs::new(), points(), &()).backward();
}
