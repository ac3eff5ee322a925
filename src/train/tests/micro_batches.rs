//! A step in parts is the step in one piece; gradients are measured and clipped as a whole.

use crate::network::TrainingBackend;
use crate::pair::Pair;
use burn::module::AutodiffModule;
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use burn::tensor::backend::AutodiffBackend;

use crate::Latent;
use crate::data::{Dataset, MemoryDataset, Mixture};
use crate::gan::Gan;
use crate::models::{MlpDiscriminator, MlpGenerator};
use crate::objective::{Loss, Objective, Pairing, Term};
use crate::random::Stream;
use crate::step::{Hooks, OptimizerConfig, StepBatch, StepOutcome, StepSettings, TrainState, step};
use crate::testing::{
    PointsGan, assert_close, for_each_autodiff_backend, parameters, points_gan, values,
};

type State<B> = TrainState<PointsGan<B>>;

/// Plain descent, so that a parameter's change is its gradient.
fn state<B: AutodiffBackend>() -> State<B> {
    let sgd = OptimizerConfig::sgd(0.1, 0.0);
    TrainState::new(points_gan(), sgd, sgd).expect("valid settings")
}

fn batch<B, P>(count: usize) -> StepBatch<P>
where
    B: TrainingBackend,
    P: Pair<Backend = B, Sample = Tensor<B, 2>, Condition = ()>,
{
    let points = Mixture::ring().sample(count, &mut Stream::new(3, "points"));
    let points = MemoryDataset::<2>::new(points, [2]).expect("pairs of numbers");
    let device = Default::default();
    let indices: Vec<usize> = (0..count).collect();
    StepBatch::new(
        points.batch(&indices, &device).expect("a batch").0,
        (),
        Latent::normal(3).draw(count, &mut Stream::new(1, "z"), &device),
    )
}

fn one_step<B: AutodiffBackend>(settings: &StepSettings<'_>) -> (State<B>, StepOutcome<B>) {
    let batches = vec![batch(12), batch(12)];
    step(state(), settings, batches, &mut ())
}

fn a_step_in_parts_is_the_step_in_one_piece<B: AutodiffBackend>() {
    for pairing in [Pairing::None, Pairing::Paired] {
        let objective = Objective::new(Loss::NonSaturating)
            .with_pairing(pairing)
            .with_term(Term::r1(0.3))
            .with_term(Term::r2(0.3).every(2));
        let mut settings = StepSettings::new(&objective);
        let (whole, seen) = one_step::<B>(&settings);
        let before = parameters::<B, _>(&state::<B>().gan);
        let expected = parameters::<B, _>(&whole.gan);
        // In pairs the discriminator's last bias cancels out.
        let moved = before.iter().zip(&expected).filter(|(b, e)| b != e).count();
        assert!(moved >= before.len() - 1, "{moved} of {}", before.len());
        for parts in [2, 3, 12] {
            settings.micro_batches = parts;
            let (parted, seen_in_parts) = one_step::<B>(&settings);
            for (parted, whole) in parameters::<B, _>(&parted.gan).iter().zip(&expected) {
                assert_close(parted, whole, 1e-5, 1e-6);
            }
            assert_close(
                &values(seen_in_parts.discriminator_loss),
                &values(seen.discriminator_loss.clone()),
                1e-5,
                1e-6,
            );
            assert_close(
                &values(seen_in_parts.generator_loss),
                &values(seen.generator_loss.clone()),
                1e-5,
                1e-6,
            );
            assert_close(
                &values(seen_in_parts.discriminator_terms.expect("R1 is due")),
                &values(seen.discriminator_terms.clone().expect("R1 is due")),
                1e-5,
                1e-6,
            );
            assert_close(
                &values(seen_in_parts.real.logits),
                &values(seen.real.logits.clone()),
                1e-5,
                1e-6,
            );
            // Parts are no steps: lazy penalties count steps.
            assert_eq!(parted.objective.discriminator_steps(), 2);
            assert_eq!(parted.objective.generator_steps(), 1);
        }
    }
}

/// Sees the gradients before they are clipped.
#[derive(Default)]
struct Seen {
    discriminator: f64,
    generator: f64,
}

fn norm<B: AutodiffBackend, M: AutodiffModule<B>>(module: &M, gradients: &GradientsParams) -> f64 {
    struct Norm<'a>(&'a GradientsParams, f64);
    impl<B: AutodiffBackend> burn::module::ModuleVisitor<B> for Norm<'_> {
        fn visit_float<const D: usize>(&mut self, param: &burn::module::Param<Tensor<B, D>>) {
            let gradient = self.0.get::<B::InnerBackend, D>(param.id);
            let gradient = gradient.map(values).unwrap_or_default();
            self.1 += gradient.iter().map(|g| g * g).sum::<f64>();
        }
    }
    let mut norm = Norm(gradients, 0.0);
    module.visit(&mut norm);
    norm.1.sqrt()
}

impl<B: AutodiffBackend> Hooks<Gan<MlpGenerator<B, 2>, MlpDiscriminator<B, 2>, B>> for (Seen, B) {
    fn discriminator_gradients(
        &mut self,
        discriminator: &MlpDiscriminator<B, 2>,
        gradients: GradientsParams,
    ) -> GradientsParams {
        self.0.discriminator = norm::<B, _>(discriminator, &gradients);
        gradients
    }

    fn generator_gradients(
        &mut self,
        generator: &MlpGenerator<B, 2>,
        gradients: GradientsParams,
    ) -> GradientsParams {
        self.0.generator = norm::<B, _>(generator, &gradients);
        gradients
    }
}

fn gradients_are_clipped_by_their_norm_together<B: AutodiffBackend>() {
    let objective = Objective::new(Loss::NonSaturating);
    let moved = |limit: Option<f64>| {
        let mut settings = StepSettings::new(&objective);
        settings.gradient_clipping = limit;
        settings.vitals = true;
        let mut hooks = (Seen::default(), B::default());
        let (after, outcome) = step(state::<B>(), &settings, vec![batch(12)], &mut hooks);
        let (before, after) = (state::<B>().gan.generator, after.gan.generator);
        let pairs = parameters::<B, _>(&before).concat().into_iter();
        let moved = pairs.zip(parameters::<B, _>(&after).concat());
        let change = moved.map(|(b, a)| (b - a).powi(2)).sum::<f64>().sqrt() / 0.1;
        let vitals = outcome.vitals.expect("it was asked for");
        let squares = values(vitals.generator_gradients.squared_norms);
        assert_eq!(
            vitals.generator_gradients.names,
            [
                "mlp.layers.0.weight",
                "mlp.layers.0.bias",
                "mlp.layers.1.weight",
                "mlp.layers.1.bias"
            ]
        );
        assert_close(
            &[squares.iter().sum::<f64>().sqrt()],
            &[hooks.0.generator],
            1e-5,
            0.0,
        );
        assert!(hooks.0.discriminator > 0.0);
        (hooks.0.generator, change)
    };
    let (norm, change) = moved(None);
    assert_close(&[change], &[norm], 1e-4, 0.0);
    // The discriminator's step is clipped too, so that the generator's gradient is another one.
    let (before, change) = moved(Some(norm / 4.0));
    assert!(before > norm / 2.0, "{before}");
    assert_close(&[change], &[norm / 4.0], 1e-4, 0.0);
    let (before, change) = moved(Some(norm * 100.0));
    assert_close(&[before, change], &[norm, norm], 1e-4, 0.0);
}

fn diversity_is_the_mean_distance_of_neighbours<B: AutodiffBackend>() {
    let objective = Objective::new(Loss::NonSaturating);
    let mut settings = StepSettings::new(&objective);
    settings.vitals = true;
    let real = batch::<B, _>(12);
    let step_batch = real.clone();
    let real = real.real;
    let (_, outcome) = step(state::<B>(), &settings, vec![step_batch], &mut ());
    let points = values(real);
    let expected = (0..12)
        .map(|i| {
            let j = (i + 1) % 12;
            (points[2 * i] - points[2 * j]).powi(2)
                + (points[2 * i + 1] - points[2 * j + 1]).powi(2)
        })
        .sum::<f64>()
        / 12.0;
    let vitals = outcome.vitals.expect("it was asked for");
    assert_close(&values(vitals.real_diversity), &[expected], 1e-5, 0.0);
    assert!(values(vitals.fake_diversity)[0] > 0.0);
}

for_each_autodiff_backend!(
    a_step_in_parts_is_the_step_in_one_piece,
    gradients_are_clipped_by_their_norm_together,
    diversity_is_the_mean_distance_of_neighbours,
);
