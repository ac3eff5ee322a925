use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::*;
use crate::error::check;
use crate::latent::Latent;
use crate::settings::numbers::Numbers;
use crate::testing::Cpu;
use crate::train::TrainerConfig;

settings! {
/// As `TrainerConfig`, with less in it.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Settings {
    steps: u64,
    seed: u64,
    batches: Batches,
    objective: Objective,
    generator_optimizer: Optimizer,
    discriminator_optimizer: Optimizer,
    ema: Option<Average>,
    gradient_clipping: Option<f64>,
    health: Health,
    #[serde(default)]
    ramps: Vec<Ramp>,
}
}

settings! {
/// Without a number that could move.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Batches {
    batch_size: usize,
    shuffle: bool,
}
}

settings! {
/// With a list in it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(default)]
struct Objective {
    terms: Vec<Term>,
    top_k: Option<f64>,
}
}

settings! {
/// A term.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Term {
    kind: Kind,
    weight: f64,
    interval: usize,
}
}

settings! {
/// With functions in it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    R1,
    WganGp { target: f64, one_sided: bool },
    Custom(Custom),
}
}

/// As `Named`: stored as a name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Custom {
    name: String,
    #[serde(skip)]
    function: Option<u32>,
}

impl Numbers for Custom {}

settings! {
#[tag = "optimizer"]
/// With numbers of both precisions.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Optimizer {
    Adam { learning_rate: f64, beta_2: f32 },
}
}

settings! {
#[tag = "length"]
/// With a number that may be off.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Average {
    HalfLife { samples: f64, ramp_up: Option<f64> },
}
}

settings! {
/// What stays.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Health {
    ratio: f64,
}
}

impl Ramped for Settings {
    fn ramps(&self) -> &[Ramp] {
        &self.ramps
    }

    fn check(&self) -> Result<()> {
        let Optimizer::Adam { beta_2, .. } = self.generator_optimizer;
        check::below_one("generator_optimizer.beta_2", beta_2.into())
    }
}

fn settings() -> Settings {
    let optimizer = Optimizer::Adam {
        learning_rate: 2e-4,
        beta_2: 0.9,
    };
    let penalty = |kind, weight| Term {
        kind,
        weight,
        interval: 1,
    };
    let custom = Custom {
        name: "drift".to_owned(),
        function: Some(7),
    };
    let wgan_gp = Kind::WganGp {
        target: 1.0,
        one_sided: false,
    };
    Settings {
        steps: 1_000,
        seed: u64::MAX,
        batches: Batches {
            batch_size: 64,
            shuffle: true,
        },
        objective: Objective {
            terms: vec![
                penalty(Kind::R1, 0.1 + 0.2),
                penalty(wgan_gp, 10.0),
                penalty(Kind::Custom(custom), 1e-3),
            ],
            top_k: None,
        },
        generator_optimizer: optimizer.clone(),
        discriminator_optimizer: optimizer,
        ema: Some(Average::HalfLife {
            samples: 0.0,
            ramp_up: None,
        }),
        gradient_clipping: None,
        health: Health { ratio: 0.5 },
        ramps: Vec::new(),
    }
}

fn ramped(ramps: &[Ramp]) -> Settings {
    Settings {
        ramps: ramps.to_vec(),
        ..settings()
    }
}

/// R3GAN's.
fn ramps() -> Vec<Ramp> {
    vec![
        Ramp::cosine("generator_optimizer.learning_rate", 5e-5, 800),
        Ramp::cosine("generator_optimizer.beta_2", 0.99, 800),
        Ramp::cosine("objective.terms[0].weight", 0.03, 400),
        Ramp::linear("objective.terms[1].kind.wgan_gp.target", 0.0, 400),
        Ramp::linear("ema.samples", 5e5, 800),
    ]
}

fn message(ramps: &[Ramp]) -> String {
    Ramps::new(&ramped(ramps)).unwrap_err().to_string()
}

#[test]
fn a_ramp_follows_its_curve() {
    let cosine = Ramp::cosine("x", 2.0, 6);
    let linear = Ramp::linear("x", 2.0, 6);
    // cos(π·t/6) = 1, √3/2, ½, 0, −½, −√3/2, −1.
    let high = 0.75_f64.sqrt();
    let waves = [1.0, high, 0.5, 0.0, -0.5, -high, -1.0];
    for (step, wave) in waves.into_iter().enumerate() {
        let value = cosine.value(10.0, step as u64);
        assert!((value - (6.0 + 4.0 * wave)).abs() < 1e-12, "{step}");
        let value = linear.value(10.0, step as u64);
        let expected = 10.0 - 8.0 * step as f64 / 6.0;
        assert!((value - expected).abs() < 1e-12, "{step}");
    }
    for ramp in [cosine, linear] {
        for from in [0.1 + 0.2, -7e300, 1e-300] {
            assert_eq!(ramp.value(from, 0), from);
            assert_eq!(ramp.value(from, 6), 2.0);
            assert_eq!(ramp.value(from, u64::MAX), 2.0);
        }
    }
}

#[test]
fn settings_at_step_0_are_the_original_ones() {
    let original = ramped(&ramps());
    let mut ramps = Ramps::new(&original).unwrap();
    assert_eq!(*ramps.at(0), original);
    // A rollback goes back there.
    assert_ne!(*ramps.at(500), original);
    assert_eq!(*ramps.at(0), original);
}

#[test]
fn settings_move_and_the_others_stay() {
    let mut expected = ramped(&ramps());
    let mut ramps = Ramps::new(&expected).unwrap();
    expected.generator_optimizer = Optimizer::Adam {
        learning_rate: 1.25e-4,
        beta_2: ((f64::from(0.9_f32) + 0.99) / 2.0) as f32,
    };
    expected.objective.terms[0].weight = 0.03;
    expected.objective.terms[1].kind = Kind::WganGp {
        target: 0.0,
        one_sided: false,
    };
    expected.ema = Some(Average::HalfLife {
        samples: 2.5e5,
        ramp_up: None,
    });
    let mut half_way = (*ramps.at(400)).clone();
    let Optimizer::Adam { learning_rate, .. } = &mut half_way.generator_optimizer;
    assert!((*learning_rate - 1.25e-4).abs() < 1e-18);
    *learning_rate = 1.25e-4;
    assert_eq!(half_way, expected);
    let at_the_end = Optimizer::Adam {
        learning_rate: 5e-5,
        beta_2: 0.99,
    };
    assert_eq!(ramps.at(9_999).generator_optimizer, at_the_end);
}

#[test]
fn functions_that_are_stored_as_a_name_are_kept() {
    let ramps = [Ramp::linear("objective.terms[2].weight", 0.0, 10)];
    let moved = Ramps::new(&ramped(&ramps)).unwrap().at(5);
    let custom = &moved.objective.terms[2];
    assert_eq!(custom.weight, 5e-4);
    assert_eq!(custom.kind, settings().objective.terms[2].kind);
}

#[test]
fn without_ramps_settings_stay() {
    let mut ramps = Ramps::new(&settings()).unwrap();
    assert_eq!(*ramps.at(77), settings());
}

#[test]
fn settings_are_moved_in_place() {
    let mut ramps = Ramps::new(&ramped(&ramps())).unwrap();
    let place = Arc::as_ptr(&ramps.at(1));
    assert_eq!(Arc::as_ptr(&ramps.at(2)), place);
    // Those that somebody holds stay as they are.
    let held = ramps.at(3);
    let before = (*held).clone();
    assert_ne!(*ramps.at(4), before);
    assert_eq!(*held, before);
}

#[test]
fn unknown_names_are_refused_with_near_ones() {
    // A slip in the last part, in the first, a group, and nothing alike.
    let error = message(&[Ramp::cosine("generator_optimizer.beta2", 0.9, 1)]);
    assert_eq!(
        error,
        "invalid setting `ramps[0].setting` = generator_optimizer.beta2: is no number; \
         did you mean generator_optimizer.beta_2, generator_optimizer.learning_rate?"
    );
    let error = message(&[Ramp::cosine("optimizer.beta_2", 0.9, 1)]);
    let both = "mean discriminator_optimizer.beta_2, generator_optimizer.beta_2?";
    assert!(error.contains(both), "{error}");
    let error = message(&[Ramp::cosine("objective.terms[1]", 0.9, 1)]);
    let inner = "mean objective.terms[1].kind.wgan_gp.target, \
                 objective.terms[1].weight?";
    assert!(error.contains(inner), "{error}");
    let error = message(&[Ramp::cosine("generator_optimizer.learning_rat", 0.9, 1)]);
    let likeliest = "did you mean generator_optimizer.learning_rate, ";
    assert!(error.contains(likeliest), "{error}");
    for (name, meant) in [
        ("generator_optimizer/beta_2", "generator_optimizer.beta_2"),
        ("ema_samples", "ema.samples"),
        ("ema.samples ", "ema.samples"),
        ("objectiv.terms[0].weigth", "objective.terms[0].weight"),
    ] {
        let error = message(&[Ramp::cosine(name, 0.9, 1)]);
        assert!(error.contains(&format!("did you mean {meant}")), "{error}");
    }
    for name in ["gamma", ""] {
        let error = message(&[Ramp::cosine(name, 0.9, 1)]);
        assert!(error.contains("those that can move are "), "{error}");
        assert!(error.contains("ema.samples"), "{error}");
        assert!(!error.contains("ramps[0].to"), "{error}");
    }
}

#[test]
fn settings_that_are_no_floating_point_numbers_are_refused() {
    for (name, told) in [
        ("steps", "is a whole number, 1000"),
        ("seed", "is a whole number, 18446744073709551615"),
        ("batches.batch_size", "is a whole number, 64"),
        ("objective.terms[0].interval", "is a whole number, 1"),
        ("batches.shuffle", "is true, no number"),
        ("generator_optimizer.optimizer", "is \"adam\", no number"),
        ("objective.terms[0].kind", "is \"r1\", no number"),
        ("gradient_clipping", "`gradient_clipping` is off; give it"),
        ("ema.ramp_up", "`ema.ramp_up` is off; give it"),
        ("objective.top_k.decay", "`objective.top_k` is off; give it"),
        ("ramps[0].to", "stays as it is over a run"),
        ("ramps", "stays as it is over a run"),
        ("health.ratio", "stays as it is over a run"),
        ("health.collapse.ratio", "stays as it is over a run"),
    ] {
        let error = message(&[Ramp::cosine(name, 0.5, 10)]);
        assert!(error.contains(told), "{error}");
        assert!(error.contains(&format!("`ramps[0].setting` = {name}: ")));
    }
}

#[test]
fn ramps_without_an_end_are_refused() {
    for to in [f64::NAN, f64::INFINITY] {
        let error = message(&[Ramp::cosine("ema.samples", to, 1)]);
        assert!(error.contains("`ramps[0].to` = "), "{error}");
    }
    let error = message(&[
        Ramp::cosine("ema.samples", 1.0, 1),
        Ramp::linear("objective.terms[0].weight", 1.0, 0),
    ]);
    assert!(error.contains("`ramps[1].steps` = 0"), "{error}");
}

#[test]
fn two_ramps_of_one_setting_are_refused() {
    let ramp = Ramp::cosine("ema.samples", 1.0, 1);
    let other = Ramp::cosine("objective.terms[0].weight", 1.0, 1);
    let error = message(&[other, ramp.clone(), ramp]);
    assert!(
        error.contains("`ramps[2].setting` = ema.samples"),
        "{error}"
    );
    assert!(error.contains("by ramps[1]; keep one"), "{error}");
}

#[test]
fn an_end_that_no_run_can_be_made_with_is_refused() {
    // Below 1 in double precision, 1 in the setting's own.
    for to in [1.5, 1.0 - 1e-12, 1e300] {
        let error = message(&[Ramp::cosine("generator_optimizer.beta_2", to, 300)]);
        assert!(error.contains("`generator_optimizer.beta_2` = "), "{error}");
        assert!(error.contains("bring it there by step 300"), "{error}");
    }
}

#[test]
fn ramps_are_stored_by_name() {
    let ramp = Ramp::linear("ema.samples", 5e5, 800);
    let json = serde_json::to_string(&ramp).unwrap();
    assert_eq!(
        json,
        r#"{"setting":"ema.samples","to":500000.0,"steps":800,"curve":"linear"}"#
    );
    assert_eq!(serde_json::from_str::<Ramp>(&json).unwrap(), ramp);
    let short: Ramp = serde_json::from_str(r#"{"setting":"x","to":1,"steps":2}"#).unwrap();
    assert_eq!(short, Ramp::cosine("x", 1.0, 2));
}

#[test]
fn a_custom_loss_keeps_its_functions_while_settings_move() {
    use crate::objective::{Loss, Objective, Term};

    let objective = Objective::new(Loss::custom::<Cpu>("own", crate::objective::Hinge))
        .with_term(Term::r1(1.0));
    let config = TrainerConfig::new(10, 4, Latent::normal(2))
        .with_objective(objective)
        .with_ramp(Ramp::linear("objective.terms[0].weight", 0.0, 10));
    let moved = Ramps::new(&config).unwrap().at(5);
    assert_eq!(moved.objective.terms[0].weight, 0.5);
    moved.validate().expect("the loss has its functions");
}

#[test]
fn the_groups_that_stay_are_settings_of_a_run() {
    let config = TrainerConfig::new(10, 4, Latent::normal(2));
    let stored = serde_json::to_value(config).unwrap();
    for group in refusal::STILL {
        assert!(stored.get(group).is_some(), "{group}");
    }
}
