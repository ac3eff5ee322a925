//! The halves of a step: shares of a batch add up, and a loop of one's own is the step.

use burn::backend::{Autodiff, NdArray};
use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Tensor, TensorData};

use super::{
    HalfStep, OptimizerConfig, Share, StepBatch, StepSettings, StyleMixing, TrainState, apply,
    begin_discriminator, begin_step, discriminator_gradients, generator_gradients, step,
};
use crate::gan::Gan;
use crate::network::DiffAugment;
use crate::network::{
    Augmentation, Discriminator, Fill, Generator, Network, StyleSpace, Verdict, for_all_layers,
};
use crate::nn::{Linear, LinearConfig, SpectralNorm};
use crate::objective::{Ada, Probability, Transformations};
use crate::objective::{Augment, Loss, Objective, Pairing, Term};
use crate::pair::Pair;
use crate::random::Stream;
use crate::testing::{
    assert_close, assign, floats, for_each_autodiff_backend, parameters, settle_precision, values,
};

/// Latents of three numbers to styles of four, and those, one for each of two layers, to images of
/// 3×3 pixels.
#[derive(Module, Debug)]
struct Styled<B: Backend> {
    mapping: Linear<B>,
    first: Linear<B>,
    second: Linear<B>,
}

impl<B: Backend> Generator<B> for Styled<B> {
    type Sample = Tensor<B, 4>;
    type Condition = ();

    fn generate(&self, latent: Tensor<B, 2>, condition: &()) -> Tensor<B, 4> {
        let styles = for_all_layers(self.map_latent(latent, condition), self.layers());
        self.synthesize(styles, condition)
    }

    fn style_space(&self) -> Option<&dyn StyleSpace<B, Tensor<B, 4>, ()>> {
        Some(self)
    }
}

impl<B: Backend> StyleSpace<B, Tensor<B, 4>, ()> for Styled<B> {
    fn layers(&self) -> usize {
        2
    }

    fn map_latent(&self, latent: Tensor<B, 2>, _condition: &()) -> Tensor<B, 2> {
        self.mapping.forward(latent).tanh()
    }

    fn synthesize(&self, styles: Tensor<B, 3>, _condition: &()) -> Tensor<B, 4> {
        let [batch, _, _] = styles.dims();
        let [first, second] =
            [0, 1].map(|layer| styles.clone().narrow(1, layer, 1).squeeze_dim::<2>(1));
        let pixels = self.first.forward(first).tanh() + self.second.forward(second).tanh();
        pixels.reshape([batch, 1, 3, 3])
    }
}

/// Images of 3×3 pixels to logits, class logits, features and an output.
#[derive(Module, Debug)]
struct Talkative<B: Backend> {
    hidden: SpectralNorm<B, Linear<B>>,
    logits: Linear<B>,
    classes: Linear<B>,
    code: Linear<B>,
}

impl<B: Backend> Discriminator<B> for Talkative<B> {
    type Sample = Tensor<B, 4>;
    type Condition = ();

    fn discriminate(&self, sample: Tensor<B, 4>, _condition: &()) -> Verdict<B> {
        let hidden = self.hidden.forward(sample.flatten(1, 3)).tanh();
        Verdict::from(self.logits.forward(hidden.clone()))
            .with_class_logits(self.classes.forward(hidden.clone()))
            .with_output("code", self.code.forward(hidden.clone()))
            .with_features(hidden)
    }
}

type Networks<B> = Gan<Styled<B>, Talkative<B>, B>;

/// Weights of the module's own precision, the same on every backend.
fn fixed<B: Backend, M: Module<B>>(module: M, start: f64) -> M {
    let mut at = start;
    let mut next = |_: &f64| {
        at += 1.7;
        0.9 * at.sin()
    };
    let all = parameters::<B, _>(&module);
    let all = all
        .iter()
        .map(|numbers| numbers.iter().map(&mut next).collect());
    let all = all.collect();
    assign(module, all)
}

fn state<B: AutodiffBackend>() -> TrainState<Networks<B>> {
    let device = Default::default();
    let linear = |from, to| LinearConfig::new(from, to).init(&device);
    let generator = Styled {
        mapping: linear(3, 4),
        first: linear(4, 9),
        second: linear(4, 9),
    };
    let discriminator = Talkative {
        hidden: SpectralNorm::new(linear(9, 6)),
        logits: linear(6, 1),
        classes: linear(6, 3),
        code: linear(6, 2),
    };
    let gan = Gan::new(
        fixed::<B, _>(generator, 0.0),
        fixed::<B, _>(discriminator, 0.5),
    );
    let adam = OptimizerConfig::adam(1e-2);
    let state = TrainState::new(gan, adam, adam).expect("valid settings");
    state.with_seed(5).with_ema()
}

/// Twelve images with latents.
fn batch<P: Pair<Sample = Tensor<B, 4>, Condition = (), Backend = B>, B: AutodiffBackend>(
    seed: u64,
) -> StepBatch<P> {
    let mut stream = Stream::new(seed, "batch");
    let mut drawn = |shape: &[usize]| {
        TensorData::new(stream.normal(shape.iter().product()), shape.to_vec()).convert::<f64>()
    };
    StepBatch::new(floats(drawn(&[12, 1, 3, 3])), (), floats(drawn(&[12, 3]))).with_mixing(
        StyleMixing::new(floats(drawn(&[12, 3])), (0..12).map(|i| i % 3).collect()),
    )
}

fn shifts() -> Augmentation {
    Augmentation::Images {
        shift: 1,
        flip: true,
        fill: Fill::Reflect,
    }
}

/// Objectives whose cost is a mean over samples, most of them with draws.
fn objectives() -> Vec<Objective> {
    let noise = Augmentation::Noise { std: 0.2 };
    vec![
        Objective::new(Loss::Wasserstein)
            .with_term(Term::wgan_gp(10.0))
            .with_term(Term::latent_diversity(0.3, 0.5)),
        Objective::new(Loss::Hinge)
            .with_term(Term::consistency(2.0, shifts()))
            .with_term(Term::zero_centered(1.0))
            .with_term(Term::latent_consistency(1.0, 0.5)),
        Objective::new(Loss::NonSaturating)
            .with_pairing(Pairing::Paired)
            .with_term(Term::r1(0.3))
            .with_term(Term::r2(0.2))
            .with_term(Term::balanced_consistency(1.0, noise))
            .with_augment(Augment::with_probability(shifts(), Probability::Fixed(0.5))),
        Objective::new(Loss::NonSaturating)
            .with_term(Term::wgan_gp(1.0))
            .with_augment(Augment::always(noise)),
        Objective::new(Loss::NonSaturating)
            .with_term(Term::r1(0.5))
            .with_augment(Augment::diff_augment(DiffAugment::ALL)),
        Objective::new(Loss::Hinge)
            .with_pairing(Pairing::Paired)
            .with_augment_real(shifts())
            .with_augment(Augment::Ada(
                Ada::new(Probability::Fixed(0.8)).with_transformations(Transformations::R3GAN),
            )),
    ]
}

/// All gradients of a module, in visiting order; zeros where there is none.
fn numbers<B: AutodiffBackend, M: Module<B>>(
    module: &M,
    gradients: &GradientsParams,
) -> Vec<Vec<f64>> {
    struct Reader<'a>(Vec<Vec<f64>>, &'a GradientsParams);
    impl<B: AutodiffBackend> ModuleVisitor<B> for Reader<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
            let gradient = self.1.get::<B::InnerBackend, D>(param.id).map(values);
            let none = || vec![0.0; param.val().shape().num_elements()];
            self.0.push(gradient.unwrap_or_else(none));
        }
    }
    let mut reader = Reader(Vec::new(), gradients);
    module.visit(&mut reader);
    reader.0
}

fn gradients<B: AutodiffBackend>(
    state: &TrainState<Networks<B>>,
    half: &HalfStep<Networks<B>>,
) -> Vec<Vec<f64>> {
    match half.network {
        Network::Generator => numbers::<B, _>(&state.gan.generator, &half.gradients),
        Network::Discriminator => numbers::<B, _>(&state.gan.discriminator, &half.gradients),
    }
}

/// Half a step of one network, in so many parts.
fn half_in_parts<B: AutodiffBackend>(
    network: Network,
    state: &TrainState<Networks<B>>,
    settings: &StepSettings<'_>,
    batch: &StepBatch<Networks<B>>,
    parts: usize,
) -> HalfStep<Networks<B>> {
    let one = |share| match network {
        Network::Generator => generator_gradients(state, settings, batch, share, None),
        Network::Discriminator => discriminator_gradients(state, settings, batch, share),
    };
    let mut shares = Share::all(parts).map(one);
    let mut sum = shares.next().expect("a share");
    for share in shares {
        sum.add(share, state);
    }
    sum
}

/// What the objective carries, as bytes.
fn remembered<B: AutodiffBackend>(state: &TrainState<Networks<B>>) -> (Vec<u8>, Vec<Vec<u8>>) {
    let (counts, tensors) = state.objective.stored();
    let counts = rmp_serde::to_vec(&counts).expect("plain values");
    let bytes = tensors.iter().map(|stored| stored.data.bytes.to_vec());
    (counts, bytes.collect())
}

/// Within `tolerance` of the largest number.
#[track_caller]
fn agree(found: &[f64], expected: &[f64], tolerance: f64) {
    let largest = expected.iter().fold(0.0f64, |most, x| most.max(x.abs()));
    assert_close(found, expected, tolerance, tolerance * largest);
}

fn shares_are_the_whole_batch<B: AutodiffBackend>(tolerance: f64) {
    for objective in objectives() {
        objective.validate().expect("valid settings");
        let settings = StepSettings::new(&objective);
        let (state, batch) = (state::<B>(), batch(3));
        for network in [Network::Discriminator, Network::Generator] {
            let half = |parts| half_in_parts(network, &state, &settings, &batch, parts);
            let whole = half(1);
            let expected = gradients(&state, &whole);
            let moved = expected.iter().filter(|g| g.iter().any(|g| *g != 0.0));
            // Heads beside the logits have no part in these objectives.
            assert!(moved.count() >= 3, "{objective:?}");
            for parts in [2, 3, 12] {
                let sum = half(parts);
                let found = gradients(&state, &sum).concat();
                agree(&found, &expected.concat(), tolerance);
                assert_eq!(sum.terms.is_some(), whole.terms.is_some());
                let [found, expected] = [&sum, &whole].map(|half| {
                    let costs = [Some(half.loss.clone()), half.terms.clone()];
                    costs
                        .into_iter()
                        .flatten()
                        .flat_map(values)
                        .collect::<Vec<_>>()
                });
                agree(&found, &expected, tolerance);
                let [found, expected] = [&sum, &whole].map(|half| values(half.fake.sample.clone()));
                agree(&found, &expected, tolerance);
                let verdicts = sum.verdicts.iter().flatten();
                for (found, expected) in verdicts.zip(whole.verdicts.iter().flatten()) {
                    let [found, expected] = [found, expected].map(|verdict| {
                        [
                            values(verdict.logits.clone()),
                            values(verdict.class_logits.clone().expect("class logits")),
                            values(verdict.features.clone().expect("features")),
                            values(verdict.output("code").cloned().expect("a code")),
                        ]
                    });
                    for (found, expected) in found.iter().zip(&expected) {
                        agree(found, expected, tolerance);
                    }
                }
                // The stream stands where the whole batch leaves it, and no share is left over.
                let [parted, whole] = [sum, half(1)].map(|half| {
                    let (after, _) = apply(state.clone(), &settings, half, &mut ());
                    remembered(&after)
                });
                assert_eq!(parted, whole);
                assert_ne!(parted, remembered(&state));
            }
        }
    }
}

fn shares_add_up_to_the_whole_batch<B: AutodiffBackend>() {
    shares_are_the_whole_batch::<B>(1e-5);
}

#[test]
fn in_double_precision_shares_add_up_to_twelve_digits() {
    settle_precision();
    shares_are_the_whole_batch::<Autodiff<NdArray<f64>>>(1e-12);
}

fn the_memory_of_shares_is_the_average<B: AutodiffBackend>() {
    let objective = Objective::new(Loss::NonSaturating).with_term(Term::lecam(0.3));
    let remembered = |parts| {
        let mut settings = StepSettings::new(&objective);
        settings.micro_batches = parts;
        let mut state = state::<B>();
        let mut all = Vec::new();
        for seed in 0..3 {
            // So that rounding in a step is not seen in the next.
            let before = (state.gan.clone(), state.discriminator_optimizer.clone());
            state = step(state, &settings, vec![batch(seed)], &mut ()).0;
            (state.gan, state.discriminator_optimizer) = before;
            all.extend(state.objective.memory(0).iter().cloned().flat_map(values));
        }
        all
    };
    let whole = remembered(1);
    assert_eq!(whole.len(), 6);
    assert_ne!(whole[0], whole[2], "it moves");
    for parts in [2, 3] {
        assert_close(&remembered(parts), &whole, 1e-5, 1e-6);
    }
}

fn an_augmentation_adapts_once_by_the_whole_batch<B: AutodiffBackend>() {
    let probability = Probability::Adaptive {
        target: 0.0,
        samples: 100.0,
        interval: 2,
    };
    let augment = Augment::with_probability(Augmentation::Noise { std: 0.2 }, probability);
    let objective = Objective::new(Loss::NonSaturating).with_augment(augment);
    let run = |parts| {
        let mut settings = StepSettings::new(&objective);
        settings.micro_batches = parts;
        let mut state = state::<B>();
        let mut seen = Vec::new();
        for seed in 0..6 {
            let outcome;
            (state, outcome) = step(state, &settings, vec![batch(seed)], &mut ());
            let p = outcome.augmentation.expect("it adapts");
            seen.push((values(p)[0], values(outcome.real.logits)));
        }
        (seen, state.objective.augmentation().to_vec())
    };
    let (whole, state_of_whole) = run(1);
    for (step, pair) in whole.windows(2).enumerate() {
        // Every second step moves p by 24 of 100 samples, unless it stops at 0.
        let by = (pair[1].0 - pair[0].0).abs();
        let moves = step % 2 == 0;
        let right = by < 1e-6 || (moves && (by - 0.24).abs() < 1e-6);
        assert!(right, "{by} after step {step}");
    }
    assert!(whole.iter().any(|(p, _)| *p > 0.2), "{whole:?}");
    for parts in [2, 3] {
        let (parted, state) = run(parts);
        for ((p, logits), (whole_p, whole_logits)) in parted.iter().zip(&whole) {
            assert_eq!(p, whole_p);
            assert_close(logits, whole_logits, 1e-3, 1e-4);
        }
        for (found, expected) in state.into_iter().zip(state_of_whole.clone()) {
            assert_close(&values(found), &values(expected), 1e-6, 1e-6);
        }
    }
}

fn a_loop_of_ones_own_is_the_step<B: AutodiffBackend>() {
    let augment = Augment::with_probability(
        Augmentation::Noise { std: 0.2 },
        Probability::adaptive(100.0),
    );
    let objective = Objective::new(Loss::NonSaturating)
        .with_term(Term::r1(0.3))
        .with_term(Term::lecam(0.1))
        .with_term(Term::wgan_gp(0.1).every(2))
        .with_term(Term::path_length(0.5))
        .with_weight_clipping(0.8)
        .with_augment(augment);
    for parts in [1, 3] {
        let mut settings = StepSettings::new(&objective);
        settings.micro_batches = parts;
        settings.gradient_clipping = Some(0.5);
        settings.ema_decay = 0.9;
        let mut whole = state::<B>();
        let mut own = state::<B>();
        for seed in 0..3 {
            let batches = || vec![batch::<Networks<B>, B>(seed), batch(seed + 10)];
            whole = step(whole, &settings, batches(), &mut ()).0;

            own = begin_step(own);
            let mut fake = None;
            for batch in batches() {
                own = begin_discriminator(own, &mut ());
                let half = half_in_parts(Network::Discriminator, &own, &settings, &batch, parts);
                fake = (parts == 1).then(|| half.fake.clone());
                own = apply(own, &settings, half, &mut ()).0;
            }
            let last = &batches()[1];
            let half = match fake {
                Some(fake) => generator_gradients(&own, &settings, last, Share::WHOLE, Some(fake)),
                None => half_in_parts(Network::Generator, &own, &settings, last, parts),
            };
            own = apply(own, &settings, half, &mut ()).0;
            own.step += 1;
            let generator = &own.gan.generator;
            own.ema = own.ema.map(|ema| ema.update(generator, settings.ema_decay));
            assert_eq!(own.digest(), whole.digest(), "step {seed} in {parts} parts");
        }
        assert_ne!(own.digest(), state::<B>().digest());
    }
}

fn verdicts_reach_the_outcome_whole<B: AutodiffBackend>() {
    let objective = Objective::default();
    for parts in [1, 3] {
        let mut settings = StepSettings::new(&objective);
        settings.micro_batches = parts;
        // As the discriminator is in its half of the step.
        let before = begin_discriminator(begin_step(state::<B>()), &mut ());
        let given = batch::<Networks<B>, B>(3);
        let fake = given.generate(&before.gan.generator, &objective).sample;
        let judge = |sample| before.gan.discriminator.discriminate(sample, &()).inner();
        let expected = [judge(given.real.clone()), judge(fake.detach())];
        let (_, outcome) = step(state::<B>(), &settings, vec![given], &mut ());
        for (found, expected) in [outcome.real, outcome.fake].iter().zip(&expected) {
            let [found, expected] = [found, expected].map(|verdict| {
                let parts = [
                    Some(verdict.logits.clone()),
                    verdict.class_logits.clone(),
                    verdict.features.clone(),
                    verdict.output("code").cloned(),
                ];
                parts.map(|part| part.map(|part| (part.dims(), values(part))))
            });
            for (found, expected) in found.into_iter().zip(expected) {
                let ((found_dims, found), (dims, expected)) =
                    (found.expect("a part"), expected.expect("a part"));
                assert_eq!(found_dims, dims);
                assert_close(&found, &expected, 1e-5, 1e-6);
            }
        }
    }
}

for_each_autodiff_backend!(
    shares_add_up_to_the_whole_batch,
    the_memory_of_shares_is_the_average,
    an_augmentation_adapts_once_by_the_whole_batch,
    a_loop_of_ones_own_is_the_step,
    verdicts_reach_the_outcome_whole,
);

#[test]
#[should_panic(expected = "there is no part 2 of 2 parts")]
fn a_part_that_is_not_there_panics() {
    let _ = Share::new(2, 2);
}

#[test]
#[should_panic(expected = "5 micro-batches must divide a batch of 12")]
fn parts_that_do_not_divide_a_batch_panic() {
    type B = Autodiff<crate::testing::Cpu>;
    let _ = batch::<Networks<B>, B>(1).share(Share::new(1, 5));
}
