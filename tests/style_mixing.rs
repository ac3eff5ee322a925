//! A generator with a style space (Karras, Laine, Aila 2018, arXiv:1812.04948): style mixing, path
//! length in the space of its styles, truncation towards the mean style.

use burn_gan::burn::backend::{Autodiff, Flex};
use burn_gan::burn::module::{AutodiffModule, Module, ModuleVisitor, Param};
use burn_gan::burn::optim::GradientsParams;
use burn_gan::burn::tensor::Tensor;
use burn_gan::burn::tensor::backend::{AutodiffBackend, Backend};
use burn_gan::data::{MemoryDataset, Mixture};
use burn_gan::models::{
    MlpDiscriminator, MlpDiscriminatorConfig, MlpGenerator, MlpGeneratorConfig,
};
use burn_gan::network::{
    Generator, StyleSpace, TrainableGenerator, for_all_layers, mean_style, truncate_styles,
};
use burn_gan::nn::{Linear, LinearConfig};
use burn_gan::objective::{Loss, Objective, SecondOrder, Term};
use burn_gan::random::Stream;
use burn_gan::step::{
    OptimizerConfig, Share, StepBatch, StepSettings, StyleMixing, TrainState, generator_gradients,
};
use burn_gan::train::{Run, Trainer, TrainerConfig};
use burn_gan::{Gan, Latent, Result, burn};

/// A mapping network from latents to styles, and a constant that two layers change, each in a style
/// of its own.
#[derive(Module, Debug)]
struct Styled<B: Backend> {
    mapping: [Linear<B>; 2],
    /// The style of a layer to a scale of its units.
    scales: [Linear<B>; 2],
    layers: [Linear<B>; 2],
    output: Linear<B>,
}

/// The width of styles and layers.
const WIDTH: usize = 8;

impl<B: Backend> Styled<B> {
    fn new(device: &B::Device) -> Self {
        let wide = |from| LinearConfig::new(from, WIDTH).init(device);
        Self {
            mapping: [wide(3), wide(WIDTH)],
            scales: [wide(WIDTH), wide(WIDTH)],
            layers: [wide(1), wide(WIDTH)],
            output: LinearConfig::new(WIDTH, 2).init(device),
        }
    }
}

impl<B: Backend> Generator<B> for Styled<B> {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn generate(&self, latent: Tensor<B, 2>, condition: &()) -> Tensor<B, 2> {
        let styles = for_all_layers(self.map_latent(latent, condition), self.layers());
        self.synthesize(styles, condition)
    }

    fn style_space(&self) -> Option<&dyn StyleSpace<B, Tensor<B, 2>, ()>> {
        Some(self)
    }
}

impl<B: Backend> StyleSpace<B, Tensor<B, 2>, ()> for Styled<B> {
    fn layers(&self) -> usize {
        2
    }

    fn map_latent(&self, latent: Tensor<B, 2>, _condition: &()) -> Tensor<B, 2> {
        let [first, second] = &self.mapping;
        second.forward(first.forward(latent).tanh())
    }

    fn synthesize(&self, styles: Tensor<B, 3>, _condition: &()) -> Tensor<B, 2> {
        let [batch, _, _] = styles.dims();
        let mut x = Tensor::ones([batch, 1], &styles.device());
        for (layer, scale) in self.scales.iter().enumerate() {
            let style: Tensor<B, 2> = styles.clone().narrow(1, layer, 1).squeeze_dim(1);
            let scale = scale.forward(style) + 1.0;
            x = (self.layers[layer].forward(x) * scale).tanh();
        }
        self.output.forward(x)
    }
}

type B = Autodiff<Flex>;
type Of<G> = Gan<G, MlpDiscriminator<B, 2>, B>;
type Networks = Of<Styled<B>>;

fn pair<G>(generator: G) -> Of<G>
where
    G: TrainableGenerator<B> + Generator<B, Sample = Tensor<B, 2>, Condition = ()>,
{
    let device = Default::default();
    let discriminator = MlpDiscriminatorConfig::new([2]).with_hidden([16]);
    let discriminator = discriminator.init(&device).expect("valid sizes");
    Gan::seeded(generator, discriminator, 3, &device)
}

fn styled() -> Networks {
    pair(Styled::new(&Default::default()))
}

fn plain() -> Of<MlpGenerator<B, 2>> {
    let generator = MlpGeneratorConfig::new(3, [2]).with_hidden([8]);
    pair(generator.init(&Default::default()).expect("valid sizes"))
}

fn latents(count: usize, seed: u64) -> Tensor<B, 2> {
    Latent::normal(3).draw(count, &mut Stream::new(seed, "latent"), &Default::default())
}

fn state<G>(gan: Of<G>) -> TrainState<Of<G>>
where
    G: TrainableGenerator<B> + Generator<B, Sample = Tensor<B, 2>, Condition = ()>,
{
    let adam = OptimizerConfig::adam(1e-3);
    TrainState::new(gan, adam, adam).expect("valid settings")
}

fn trained<G>(gan: Of<G>, mixing: f64, objective: Objective) -> Result<Run<Of<G>>>
where
    G: TrainableGenerator<B> + Generator<B, Sample = Tensor<B, 2>, Condition = ()>,
{
    let points = Mixture::ring().sample(64, &mut Stream::new(1, "points"));
    let data = MemoryDataset::<2>::new(points, [2])?;
    let config = TrainerConfig::new(20, 16, Latent::normal(3))
        .with_seed(4)
        .with_style_mixing(mixing)
        .with_objective(objective);
    Trainer::new(config, &Default::default())?.run(gan, &data)
}

fn with_path_length() -> Objective {
    Objective::new(Loss::NonSaturating).with_term(Term::path_length(2.0).every(4))
}

#[test]
fn styles_are_mixed_in_training() {
    let digest = |mixing| {
        let run = trained(styled(), mixing, with_path_length()).expect("a run");
        assert!(run.ending.is_finished());
        run.state.digest()
    };
    assert_eq!(digest(0.9), digest(0.9));
    assert_ne!(digest(0.9), digest(0.0));
}

#[test]
fn samples_are_mixed_from_their_crossover_on() {
    let state = state(styled());
    let objective = Objective::default();
    let settings = StepSettings::new(&objective);
    let points = |latent: Tensor<B, 2>, mixing: Option<StyleMixing<Networks>>| {
        let mut batch = StepBatch::<Networks>::new(latents(3, 7), (), latent);
        batch = match mixing {
            Some(mixing) => batch.with_mixing(mixing),
            None => batch,
        };
        // Real samples are not looked at here: three points of any kind.
        batch.real = Tensor::zeros([3, 2], &Default::default());
        let half = generator_gradients(&state, &settings, &batch, Share::WHOLE, None);
        let points = half
            .fake
            .sample
            .into_data()
            .iter::<f64>()
            .collect::<Vec<_>>();
        points.chunks(2).map(<[f64]>::to_vec).collect::<Vec<_>>()
    };
    let (first, second) = (latents(3, 1), latents(3, 2));
    let of_first = points(first.clone(), None);
    let of_second = points(second.clone(), None);
    let mixing = StyleMixing::new(second, vec![2, 1, 0]);
    let mixed = points(first, Some(mixing));
    let near = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6);
    assert!(
        near(&mixed[0], &of_first[0]),
        "both layers take the first style"
    );
    assert!(!near(&mixed[1], &of_first[1]) && !near(&mixed[1], &of_second[1]));
    assert!(
        near(&mixed[2], &of_second[2]),
        "both layers take the second style"
    );
}

/// All gradients of a module, in visiting order.
fn numbers<A: AutodiffBackend, M: AutodiffModule<A>>(
    module: &M,
    gradients: &GradientsParams,
) -> Vec<f64> {
    struct Reader<'a>(Vec<f64>, &'a GradientsParams);
    impl<A: AutodiffBackend> ModuleVisitor<A> for Reader<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<A, D>>) {
            let gradient = self.1.get::<A::InnerBackend, D>(param.id);
            let gradient = gradient.expect("a gradient of every weight");
            self.0.extend(gradient.into_data().iter::<f64>());
        }
    }
    let mut reader = Reader(Vec::new(), gradients);
    module.visit(&mut reader);
    reader.0
}

#[test]
fn path_length_in_styles_is_the_same_exact_and_by_differences() {
    let state = state(styled());
    let batch = StepBatch::<Networks>::new(
        Tensor::zeros([8, 2], &Default::default()),
        (),
        latents(8, 1),
    );
    let with = |second_order, weight| {
        let objective = Objective::new(Loss::NonSaturating)
            .with_term(Term::path_length(weight))
            .with_second_order(second_order);
        let settings = StepSettings::new(&objective);
        let half = generator_gradients(&state, &settings, &batch, Share::WHOLE, None);
        let value = half.terms.map(|terms| f64::from(terms.into_scalar()));
        (value, numbers(&state.gan.generator, &half.gradients))
    };
    // What the loss has part in goes away in a difference.
    let (_, loss) = with(SecondOrder::Exact, 0.0);
    let term = |second_order| {
        let (value, gradients) = with(second_order, 100.0);
        let of_term = gradients.iter().zip(&loss).map(|(all, loss)| all - loss);
        (value.expect("it is due"), of_term.collect::<Vec<_>>())
    };
    let (exact_value, exact) = term(SecondOrder::Exact);
    let (value, differences) = term(SecondOrder::finite_differences());
    assert!(exact_value > 0.0);
    assert!(
        (value / exact_value - 1.0).abs() < 1e-4,
        "{value} {exact_value}"
    );
    let largest = |all: &[f64]| all.iter().fold(0.0f64, |most, x| most.max(x.abs()));
    // Among them the mapping network's, the first 3·8 + 8 + 8·8 + 8 numbers.
    assert!(largest(&exact[..104]) > 0.01 * largest(&exact));
    let apart: Vec<f64> = exact.iter().zip(&differences).map(|(e, d)| e - d).collect();
    let error = largest(&apart) / largest(&exact);
    println!("by differences: {error:.1e} of the largest gradient");
    assert!(error < 1e-3, "{error:e}");
}

#[test]
fn truncation_draws_styles_to_their_mean() {
    let generator = styled().generator.valid();
    let (prior, device) = (Latent::normal(3), Default::default());
    let mut stream = Stream::new(5, "mean style");
    let mean = mean_style(&generator, &prior, 2_500, |_| (), &mut stream, &device);
    assert_eq!(mean.dims(), [1, WIDTH]);
    // The mean of the same 2,500 latents, drawn in pieces of at most 1,000.
    let mut again = Stream::new(5, "mean style");
    let latents = [1_000, 1_000, 500].map(|count| prior.draw(count, &mut again, &device));
    let styles = generator.map_latent(Tensor::cat(latents.to_vec(), 0), &());
    let numbers = |x: Tensor<Flex, 2>| x.into_data().iter::<f64>().collect::<Vec<_>>();
    let expected = numbers(styles.mean_dim(0));
    for (found, expected) in numbers(mean.clone()).iter().zip(expected) {
        // Sums of 2,500 numbers in f32.
        assert!((found - expected).abs() < 1e-5, "{found} {expected}");
    }
    let styles = generator.map_latent(prior.draw(4, &mut stream, &device), &());
    let draw = |psi| {
        let styles = truncate_styles(styles.clone(), mean.clone(), psi);
        let styles = for_all_layers(styles, generator.layers());
        numbers(generator.synthesize(styles, &()))
    };
    let none = draw(0.0);
    for point in none.chunks(2) {
        assert_eq!(point, &none[..2], "all of them the mean style's");
    }
    let spread = |points: &[f64]| {
        let apart = |point: &[f64]| (point[0] - none[0]).hypot(point[1] - none[1]);
        points.chunks(2).map(apart).sum::<f64>()
    };
    assert!(0.0 < spread(&draw(0.5)) && spread(&draw(0.5)) < spread(&draw(1.0)));
}

#[test]
fn a_generator_without_styles_does_not_notice() {
    let run = trained(plain(), 0.0, with_path_length()).expect("path length is in the latent");
    assert!(run.ending.is_finished());
    let error = trained(plain(), 0.9, with_path_length()).expect_err("nothing to mix");
    let error = error.to_string();
    assert!(
        error.contains("`style_mixing` = 0.9: needs a generator with a style space"),
        "{error}"
    );
}
