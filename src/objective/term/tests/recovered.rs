//! What a discriminator tells beside its logit (classes, codes) by closed forms, with gradients by
//! central differences in f64.

use burn::backend::{Autodiff, NdArray};
use burn::module::Module;
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Tensor, TensorData};

use super::super::auxiliary_class::cross_entropy;
use super::{central_differences, fixed};
use crate::gan::Gan;
use crate::latent::Latent;
use crate::network::{Augmentation, Discriminator, Generator, Labels, Network, Sample, Verdict};
use crate::nn::{Linear, LinearConfig};
use crate::objective::term::{AuxiliaryClass, TermKind};
use crate::objective::{Batch, Loss, Objective, ObjectiveState, Term};
use crate::testing::{
    assert_close, assign, floats, for_each_autodiff_backend, gradients, parameters,
    settle_precision, tensor2, values,
};

/// Latents to points; the classes are not looked at.
#[derive(Module, Debug)]
struct Points<B: Backend> {
    linear: Linear<B>,
}

impl<B: Backend> Generator<B> for Points<B> {
    type Sample = Tensor<B, 2>;
    type Condition = Labels<B>;

    fn generate(&self, latent: Tensor<B, 2>, _condition: &Labels<B>) -> Tensor<B, 2> {
        self.linear.forward(latent).tanh()
    }
}

/// Points to a logit, three classes, and two codes.
#[derive(Module, Debug)]
struct Teller<B: Backend> {
    hidden: Linear<B>,
    logit: Linear<B>,
    classes: Linear<B>,
    digit: Linear<B>,
    slant: Linear<B>,
}

impl<B: Backend> Discriminator<B> for Teller<B> {
    type Sample = Tensor<B, 2>;
    type Condition = Labels<B>;

    fn discriminate(&self, sample: Tensor<B, 2>, _condition: &Labels<B>) -> Verdict<B> {
        let hidden = self.hidden.forward(sample).tanh();
        Verdict::from(self.logit.forward(hidden.clone()))
            .with_class_logits(self.classes.forward(hidden.clone()))
            .with_output("digit", self.digit.forward(hidden.clone()))
            .with_output("slant", self.slant.forward(hidden))
    }
}

type Networks<B> = Gan<Points<B>, Teller<B>, B>;

/// One number of noise, a code of four classes, two numbers.
fn prior() -> Latent {
    Latent::normal(1)
        .with_categorical("digit", 4)
        .with_continuous("slant", 2)
}

const LATENTS: [[f64; 7]; 3] = [
    [0.3, 0.0, 1.0, 0.0, 0.0, 0.5, -0.25],
    [-1.2, 0.0, 0.0, 0.0, 1.0, -1.0, 0.75],
    [0.7, 1.0, 0.0, 0.0, 0.0, 0.1, 0.0],
];
const DIGITS: [usize; 3] = [1, 3, 0];
const REAL: [[f64; 2]; 3] = [[1.0, 0.5], [-0.5, 2.0], [0.25, -1.0]];
const REAL_CLASSES: [usize; 3] = [2, 0, 1];
const FAKE_CLASSES: [usize; 3] = [1, 1, 0];

struct Case<B: AutodiffBackend> {
    generator: Points<B>,
    discriminator: Teller<B>,
}

impl<B: AutodiffBackend> Case<B> {
    fn new() -> Self {
        let device = Default::default();
        let linear = |from, to| LinearConfig::new(from, to).init(&device);
        let generator = Points {
            linear: linear(7, 2),
        };
        let discriminator = Teller {
            hidden: linear(2, 5),
            logit: linear(5, 1),
            classes: linear(5, 3),
            digit: linear(5, 4),
            slant: linear(5, 2),
        };
        Self {
            generator: fixed::<B, _>(generator, 0.0),
            discriminator: fixed::<B, _>(discriminator, 0.5),
        }
    }

    /// The weighted term of one network's half.
    fn term(&self, network: Network, term: &Term) -> Tensor<B, 1> {
        let device = Default::default();
        let objective = Objective::new(Loss::NonSaturating).with_term(term.clone());
        objective.validate().expect("valid settings");
        let labels = |classes: &[usize]| Labels::from_slice(classes, 3, &device).expect("classes");
        let (latent, prior) = (tensor2(LATENTS), prior());
        let fake_condition = labels(&FAKE_CLASSES);
        let fake = self.generator.generate(latent.clone(), &fake_condition);
        let fake = match network {
            Network::Discriminator => fake.detach(),
            Network::Generator => fake,
        };
        let batch = Batch {
            real: &tensor2(REAL),
            real_condition: &labels(&REAL_CLASSES),
            fake: &fake,
            fake_condition: &fake_condition,
            log_probabilities: None,
            latent: &latent,
            prior: Some(&prior),
        };
        let state = &mut ObjectiveState::default();
        let terms = match network {
            Network::Discriminator => {
                let (g, d) = (&self.generator, &self.discriminator);
                objective
                    .discriminator_cost::<Networks<B>>(state, g, d, &batch)
                    .terms
            }
            Network::Generator => {
                let (g, d) = (&self.generator, self.discriminator.clone().no_grad());
                objective
                    .generator_cost::<Networks<B>>(state, g, &d, &batch)
                    .terms
            }
        };
        terms.expect("it is due")
    }

    fn fake(&self) -> Tensor<B, 2> {
        let none = Labels::new(Tensor::zeros([3], &Default::default()));
        self.generator.generate(tensor2(LATENTS), &none).detach()
    }

    fn verdict(&self, points: Tensor<B, 2>) -> Verdict<B> {
        let none = Labels::new(Tensor::zeros([3], &Default::default()));
        self.discriminator.discriminate(points, &none)
    }
}

/// −(1/n)·Σ_i ln softmax(l_i)[c_i], number by number.
fn surprise(logits: &[f64], classes: &[usize]) -> f64 {
    let width = logits.len() / classes.len();
    let rows = logits.chunks(width).zip(classes);
    let of_row = |(row, class): (&[f64], &usize)| {
        row.iter().map(|l| l.exp()).sum::<f64>().ln() - row[*class]
    };
    rows.map(of_row).sum::<f64>() / classes.len() as f64
}

/// Softmaxes that one can write down.
fn cross_entropy_is_its_closed_form<B: Backend>() {
    let of = |rows: [[f64; 3]; 2], classes: [i32; 2]| {
        let classes = Tensor::from_ints(classes, &Default::default());
        values(cross_entropy::<B>(tensor2(rows), classes))[0]
    };
    let (two, three) = (2.0f64.ln(), 3.0f64.ln());
    let close = |found: f64, expected: f64| assert_close(&[found], &[expected], 1e-5, 1e-6);
    // Shares (1, 2, 3)/6 and (1, 1, 1)/3.
    let rows = [[0.0, two, three], [5.0, 5.0, 5.0]];
    close(of(rows, [0, 2]), (6.0f64.ln() + three) / 2.0);
    close(of(rows, [1, 0]), (three + three) / 2.0);
    close(of(rows, [2, 1]), (two + three) / 2.0);
    // Where a softmax would overflow, or round to 1.
    close(
        of([[200.0, 0.0, 0.0], [0.0, -200.0, 0.0]], [1, 1]),
        200.0 + 0.5 * two,
    );
    close(of([[90.0, 0.0, 0.0], [0.0, 0.0, 60.0]], [0, 2]), 0.0);
}

fn classes_cost_their_surprise<B: AutodiffBackend>() {
    let case = Case::<B>::new();
    let class_logits = |points| values(case.verdict(points).class_logits.expect("class logits"));
    let real = surprise(&class_logits(tensor2(REAL)), &REAL_CLASSES);
    let fake = surprise(&class_logits(case.fake()), &FAKE_CLASSES);
    let with_ratio = |fake_ratio| {
        let kind = TermKind::AuxiliaryClass(AuxiliaryClass { fake_ratio });
        Term::new(kind, 1.0)
    };
    for (network, term, expected) in [
        (
            Network::Discriminator,
            Term::auxiliary_class(2.0),
            2.0 * (real + fake),
        ),
        (Network::Generator, Term::auxiliary_class(2.0), 2.0 * fake),
        (Network::Discriminator, with_ratio(0.25), real + 0.25 * fake),
        (Network::Discriminator, with_ratio(0.0), real),
        (Network::Generator, with_ratio(0.0), fake),
    ] {
        let found = values(case.term(network, &term));
        assert_close(&found, &[expected], 1e-5, 0.0);
    }
}

fn codes_cost_what_is_not_recovered<B: AutodiffBackend>() {
    let case = Case::<B>::new();
    let verdict = case.verdict(case.fake());
    let output = |name: &str| values(verdict.output(name).cloned().expect("a code"));
    let digit = surprise(&output("digit"), &DIGITS);
    let slants = LATENTS.iter().flat_map(|latent| latent[5..].to_vec());
    let slant = output("slant")
        .iter()
        .zip(slants)
        .map(|(q, c)| 0.5 * (c - q).powi(2))
        .sum::<f64>()
        / 3.0;
    for (codes, expected) in [
        (vec!["digit"], digit),
        (vec!["slant"], slant),
        (vec!["slant", "digit"], digit + slant),
    ] {
        let term = Term::mutual_information(0.5, codes);
        for network in [Network::Discriminator, Network::Generator] {
            let found = values(case.term(network, &term));
            assert_close(&found, &[0.5 * expected], 1e-5, 0.0);
        }
    }
}

/// −I of the codes' shares in two batches, number by number.
fn minus_information(here: &[f64], there: &[f64], kinds: usize) -> f64 {
    let shares = |logits: &[f64]| {
        let rows = logits.chunks(kinds).map(|row| {
            let all: f64 = row.iter().map(|l| l.exp()).sum();
            row.iter().map(|l| l.exp() / all).collect::<Vec<_>>()
        });
        rows.collect::<Vec<_>>()
    };
    let (here, there) = (shares(here), shares(there));
    let together = |a: usize, b: usize| {
        let pairs = here.iter().zip(&there);
        pairs.map(|(x, y)| x[a] * y[b] + x[b] * y[a]).sum::<f64>() / (2 * here.len()) as f64
    };
    let alone = |a| (0..kinds).map(|b| together(a, b)).sum::<f64>();
    let of_pair = |(a, b): (usize, usize)| {
        let p = together(a, b);
        -p * (p / (alone(a) * alone(b))).ln()
    };
    let pairs = (0..kinds).flat_map(|a| (0..kinds).map(move |b| (a, b)));
    pairs.map(of_pair).sum()
}

fn codes_of_real_samples_should_stay<B: AutodiffBackend>() {
    let mut case = Case::<B>::new();
    // One that is sure of what it sees: shares of nearly the same size have no information.
    let numbers = parameters::<B, _>(&case.discriminator).into_iter();
    let larger = numbers.map(|numbers| numbers.iter().map(|x| 8.0 * x).collect());
    case.discriminator = assign::<B, _>(case.discriminator, larger.collect());
    let digit = |points| {
        values(
            case.verdict(points)
                .output("digit")
                .cloned()
                .expect("a code"),
        )
    };
    let noise = Augmentation::Noise { std: 0.5 };
    let mut stream = ObjectiveState::<B>::default().noise;
    let changed = tensor2::<B, 2>(REAL).augment(&noise, &mut stream);
    let expected = minus_information(&digit(tensor2(REAL)), &digit(changed), 4);
    let term = Term::invariant_information(2.0, ["digit"], noise);
    let found = values(case.term(Network::Discriminator, &term));
    assert_close(&found, &[2.0 * expected], 1e-4, 1e-6);
    assert!(expected < -1e-3, "{expected}");
}

/// Tables of shares that one can write down.
fn invariant_information_is_its_closed_form<B: Backend>() {
    let of = |rows| {
        values(super::super::invariant_information::minus_information::<B>(
            tensor2(rows),
        ))[0]
    };
    let close = |found: f64, expected: f64| assert_close(&[found], &[expected], 1e-5, 1e-6);
    let (ln2, ln3) = (2.0f64.ln(), 3.0f64.ln());
    // Each value is kept: −ln 2 of two values that are as frequent.
    close(of([[0.5, 0.0], [0.0, 0.5]]), -ln2);
    // One value for all, and values that know nothing of each other: nothing.
    close(of([[1.0, 0.0], [0.0, 0.0]]), 0.0);
    close(of([[0.25, 0.25], [0.25, 0.25]]), 0.0);
    // (5, 1; 1, 5)/12, from a table that is not symmetric: ln 2 less the entropy of (5, 1)/6.
    let entropy = 6.0f64.ln() - 5.0 / 6.0 * 5.0f64.ln();
    close(
        of([[5.0 / 12.0, 2.0 / 12.0], [0.0, 5.0 / 12.0]]),
        entropy - ln2,
    );
    // Values as frequent as (3, 1)/4 that are kept.
    close(of([[0.75, 0.0], [0.0, 0.25]]), 0.75 * ln3 - 2.0 * ln2);
}

for_each_autodiff_backend!(
    cross_entropy_is_its_closed_form,
    classes_cost_their_surprise,
    codes_cost_what_is_not_recovered,
    codes_of_real_samples_should_stay,
    invariant_information_is_its_closed_form,
);

#[test]
fn gradients_are_central_differences() {
    settle_precision();
    type B = Autodiff<NdArray<f64>>;
    let case = Case::<B>::new();
    for term in [
        Term::auxiliary_class(1.0),
        Term::mutual_information(1.0, ["digit", "slant"]),
        Term::invariant_information(1.0, ["digit"], Augmentation::Noise { std: 0.5 }),
    ] {
        let of = |network, generator: &Points<B>, discriminator: &Teller<B>| {
            let case = Case {
                generator: generator.clone(),
                discriminator: discriminator.clone(),
            };
            values(case.term(network, &term))[0]
        };
        let of_discriminator = case.term(Network::Discriminator, &term).backward();
        let found = gradients::<B, _>(&case.discriminator, &of_discriminator).concat();
        let expected = central_differences::<B, _>(&case.discriminator, |d| {
            of(Network::Discriminator, &case.generator, d)
        });
        assert_close(&found, &expected, 1e-7, 1e-9);
        assert!(expected.iter().any(|g| g.abs() > 1e-3));
        if !term.kind.info().acts_on(Network::Generator) {
            continue;
        }
        let of_generator = case.term(Network::Generator, &term).backward();
        let found = gradients::<B, _>(&case.generator, &of_generator).concat();
        let expected = central_differences::<B, _>(&case.generator, |g| {
            of(Network::Generator, g, &case.discriminator)
        });
        assert_close(&found, &expected, 1e-7, 1e-9);
        assert!(expected.iter().any(|g| g.abs() > 1e-3));
    }
}

/// The words of the error that a probe gives for a term.
fn refusal<D>(discriminator: &D, prior: Option<&Latent>, term: Term) -> String
where
    D: crate::network::TrainableDiscriminator<Cpu>
        + Discriminator<Cpu, Sample = Tensor<Cpu, 2>, Condition = Labels<Cpu>>,
{
    let device = Default::default();
    let generator = Case::<Cpu>::new().generator;
    let labels = Labels::from_slice(&REAL_CLASSES, 3, &device).expect("classes");
    let objective = Objective::new(Loss::NonSaturating).with_term(term);
    let (real, latent) = (tensor2(REAL), tensor2(LATENTS));
    let probed = objective.probe::<Gan<Points<Cpu>, D, Cpu>>(
        &generator,
        discriminator,
        &real,
        &labels,
        &latent,
        prior,
    );
    probed.expect_err("it can't be computed").to_string()
}

type Cpu = Autodiff<crate::testing::Cpu>;

/// Logits alone.
#[derive(Module, Debug)]
struct Taciturn<B: Backend> {
    logit: Linear<B>,
}

impl<B: Backend> Discriminator<B> for Taciturn<B> {
    type Sample = Tensor<B, 2>;
    type Condition = Labels<B>;

    fn discriminate(&self, sample: Tensor<B, 2>, _condition: &Labels<B>) -> Verdict<B> {
        self.logit.forward(sample).into()
    }
}

#[test]
fn what_the_networks_do_not_give_is_named_before_a_run() {
    let teller = Case::<Cpu>::new().discriminator;
    let taciturn = Taciturn {
        logit: LinearConfig::new(2, 1).init(&Default::default()),
    };
    let prior = prior();
    let wider = Latent::normal(1).with_categorical("digit", 6);
    let codes = |name: &str| Term::mutual_information(1.0, [name]);
    let noise = Augmentation::Noise { std: 0.5 };
    let kept = |name: &str| Term::invariant_information(1.0, [name], noise);
    for (error, told) in [
        (
            refusal(&taciturn, Some(&prior), Term::auxiliary_class(1.0)),
            "Verdict::class_logits",
        ),
        (
            refusal(&taciturn, Some(&prior), codes("digit")),
            "Verdict::with_output(\"digit\"",
        ),
        (
            refusal(&teller, Some(&prior), codes("dgit")),
            "is no code of the prior, which has digit, slant",
        ),
        (
            refusal(&teller, None, codes("digit")),
            "in a step without a prior",
        ),
        (
            refusal(&teller, Some(&wider), codes("digit")),
            "the code `digit` and what the discriminator recovers of it",
        ),
        (
            refusal(&taciturn, Some(&prior), kept("digit")),
            "Verdict::with_output(\"digit\"",
        ),
        (
            refusal(&teller, Some(&prior), kept("slant")),
            "`slant` is continuous",
        ),
        (
            refusal(&teller, Some(&wider), kept("digit")),
            "the values of the code `digit` and what the discriminator sees of it",
        ),
    ] {
        assert!(error.contains(told), "{error}");
        assert!(error.contains("`terms` = "), "{error}");
    }
}

#[test]
fn a_class_for_each_sample_is_wanted() {
    type B = crate::testing::Cpu;
    let logits = floats::<B, 2>(TensorData::from([[0.0f64, 1.0], [1.0, 0.0]]));
    let classes = Tensor::from_ints([0, 1, 1], &Default::default());
    let failed = crate::network::guard::quietly(|| cross_entropy(logits, classes));
    assert!(failed.is_err());
}

#[test]
fn wrong_settings_are_refused_by_name() {
    for (term, field) in [
        (
            Term::mutual_information::<&str>(1.0, []),
            "kind.mutual_information.codes",
        ),
        (
            Term::invariant_information::<&str>(1.0, [], Augmentation::Noise { std: 0.5 }),
            "kind.invariant_information.codes",
        ),
        (
            Term::new(
                TermKind::AuxiliaryClass(AuxiliaryClass {
                    fake_ratio: f64::NAN,
                }),
                1.0,
            ),
            "kind.auxiliary_class.fake_ratio",
        ),
    ] {
        let error = term.validate().expect_err(field).to_string();
        assert!(error.contains(&format!("`{field}`")), "{error}");
    }
}
