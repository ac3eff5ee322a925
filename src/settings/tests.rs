//! Every type of settings, walked through: an extra name is refused wherever it stands.

use std::fs;
use std::path::Path;

use burn::module::Initializer;
use burn::nn::PaddingConfig2d;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::data::{BatchPlan, ImageShape, LastBatch, Mixture, PixelRange};
use crate::divergence::{Gaussian, Interval};
use crate::latent::Latent;
use crate::models::{
    DcganDiscriminatorConfig, DcganGeneratorConfig, ImageDiscriminatorConfig, ImageGeneratorConfig,
    ImageNetwork, LightDiscriminatorConfig, LightGeneratorConfig, MlpDiscriminatorConfig,
    MlpGeneratorConfig, ResNetDiscriminatorConfig, ResNetGeneratorConfig,
    StyleGan2DiscriminatorConfig, StyleGan2GeneratorConfig,
};
use crate::network::Network;
use crate::network::{Affine, Augmentation, DiffAugment, Fill};
use crate::nn::Activation;
use crate::nn::{
    BatchNormConfig, ConditionalBatchNormConfig, Conv2dConfig, ConvTranspose2dConfig,
    EqualizedConv2dConfig, EqualizedLinearConfig, Fir, LinearConfig, MaxoutConfig, MinibatchStd,
    ModulatedConv2dConfig, SelfAttentionConfig, SkipExcitationConfig,
};
use crate::objective::{Ada, Probability, Transformations};
use crate::objective::{EnergyBased, FDivergence, FGan, LeastSquares};
use crate::objective::{
    LabelSmoothing, Loss, Objective, Pairing, SecondOrder, Term, TermKind, TopK,
};
use crate::settings::numbers::{Name, Numbers};
use crate::step::{EmaConfig, OptimizerConfig};
use crate::train::health::{Collapse, Explosion, MemoryGrowth, Overfitting, Saturation, Vanishing};
use crate::train::{Curve, HealthConfig, Limits, Policy, Ramp, Schedule, TrainerConfig};

/// A name that is near to none.
const EXTRA: &str = "qqq_zzz";

/// What reading `settings` as a `T` is refused with.
#[track_caller]
fn refusal<T: DeserializeOwned>(settings: &Value) -> String {
    let text = settings.to_string();
    match serde_json::from_str::<T>(&text) {
        Ok(_) => panic!("accepted: {text}"),
        Err(error) => error.to_string(),
    }
}

/// Each object in `value` gets the extra name once, alone.
fn with_extra(value: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    match value {
        Value::Object(fields) => {
            let mut extended = fields.clone();
            extended.insert(EXTRA.to_owned(), json!(1));
            found.push(Value::Object(extended));
            for (key, inner) in fields {
                for changed in with_extra(inner) {
                    let mut outer = fields.clone();
                    outer.insert(key.clone(), changed);
                    found.push(Value::Object(outer));
                }
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                for changed in with_extra(inner) {
                    let mut outer = items.clone();
                    outer[index] = changed;
                    found.push(Value::Array(outer));
                }
            }
        }
        _ => {}
    }
    found
}

/// Where a setting is, in settings that are stored.
fn pointer(name: &str) -> String {
    format!("/{}", name.replace(['.', '['], "/").replace(']', ""))
}

/// The floating-point numbers in stored settings.
fn floats(value: &Value) -> usize {
    match value {
        // burn's initialisers, which don't hand out theirs.
        Value::Object(fields) => fields
            .iter()
            .filter(|(key, _)| *key != "initializer")
            .map(|(_, inner)| floats(inner))
            .sum(),
        Value::Array(items) => items.iter().map(floats).sum(),
        Value::Number(number) => usize::from(number.is_f64()),
        _ => 0,
    }
}

/// Every floating-point number is handed out, under the name that it is stored by.
#[track_caller]
fn hands_out_its_numbers<T: Numbers>(settings: &mut T, stored: &Value) {
    let mut count = 0;
    settings.numbers(Name::Whole, &mut |name, number| {
        let name = name.to_string();
        if !name.is_empty() {
            let value = stored.pointer(&pointer(&name)).and_then(Value::as_f64);
            assert_eq!(value, Some(number.get()), "{name} in {stored}");
        }
        count += 1;
    });
    assert_eq!(count, floats(stored), "{stored}");
}

/// [`walk_names`], and the settings hand out their numbers.
#[track_caller]
fn walk<T: Serialize + DeserializeOwned + Numbers>(settings: &T) -> usize {
    let stored = serde_json::to_value(settings).expect("settings serialise");
    let mut copy: T = serde_json::from_value(stored.clone()).expect("and come back");
    hands_out_its_numbers(&mut copy, &stored);
    walk_names(settings)
}

/// The settings come back as they are, and with an extra name in any of their objects they don't.
#[track_caller]
fn walk_names<T: Serialize + DeserializeOwned>(settings: &T) -> usize {
    let value = serde_json::to_value(settings).expect("settings serialise");
    let text = value.to_string();
    let again: T = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(serde_json::to_value(again).expect("and again"), value);
    let extended = with_extra(&value);
    for settings in &extended {
        let error = refusal::<T>(settings);
        // As a setting, or as a choice of an enum.
        let named = error.contains(&format!("`{EXTRA}`"));
        assert!(named && error.contains("unknown "), "{settings}: {error}");
        // From a value as from text: what is stored is read that way.
        assert!(serde_json::from_value::<T>(settings.clone()).is_err());
    }
    extended.len()
}

/// One of every penalty.
fn penalties() -> Vec<Term> {
    let images = Augmentation::Images {
        shift: 1,
        flip: true,
        fill: Fill::Edge,
    };
    vec![
        Term::r1(1.0),
        Term::r2(1.0),
        Term::wgan_gp(1.0),
        Term::dragan(1.0),
        Term::zero_centered(1.0),
        Term::lecam(1.0),
        Term::consistency(1.0, Augmentation::Noise { std: 0.1 }),
        Term::balanced_consistency(1.0, images),
        Term::latent_consistency(1.0, 0.1),
        Term::latent_diversity(1.0, 0.1),
        Term::orthogonal(1.0, Network::Generator),
        Term::path_length(1.0),
        Term::invariant_information(1.0, ["digit"], images),
    ]
}

/// With as much inside as there can be.
fn objective() -> Objective {
    let divergence = FDivergence::WeightedJensenShannon { pi: 0.3 };
    let mut objective = Objective::new(Loss::f_divergence(divergence))
        .with_pairing(Pairing::Paired)
        .with_second_order(SecondOrder::finite_differences())
        .with_label_smoothing(LabelSmoothing::one_sided(0.1))
        .with_weight_clipping(0.01)
        .with_top_k(TopK::new(0.5, 0.99))
        .with_term(Term::feature_matching_alone());
    objective.terms = penalties();
    objective
}

/// Settings with a tag within settings with a tag.
fn in_parts() -> Latent {
    Latent::normal(2)
        .with_categorical("digit", 3)
        .with_continuous("slant", 1)
}

fn trainer() -> TrainerConfig {
    let mut health = HealthConfig::rolling_back();
    health.collapse.policy = Policy::rollback();
    TrainerConfig::new(10, 4, Latent::uniform(2))
        .with_objective(objective())
        .with_generator_optimizer(OptimizerConfig::adam_w(1e-3, 0.1))
        .with_discriminator_optimizer(OptimizerConfig::sgd(1e-3, 0.0))
        .with_schedule(Schedule::Cosine { floor: 0.1 })
        .with_ramp(Ramp::cosine("ema.samples", 1.0, 5))
        .with_ema(EmaConfig::half_life(10.0).with_ramp_up(0.1))
        .with_health(health)
        .with_limits(Limits::default().with_memory(1 << 30))
}

#[test]
fn an_extra_name_is_refused_at_every_depth_of_every_type() {
    // Trainer, batches, latent, objective and 24 objects in it and its penalties, …
    assert!(walk(&trainer()) > 40);
    walk(&TrainerConfig::new(1, 1, Latent::normal(1)));
    walk(&objective());
    for loss in Loss::all() {
        walk(&loss);
        walk(&Objective::new(loss));
    }
    for penalty in penalties() {
        assert!(walk(&penalty) >= 1);
        walk(&penalty.kind);
    }
    for config in [
        OptimizerConfig::adam(1e-3),
        OptimizerConfig::adam_w(1e-3, 0.1),
        OptimizerConfig::sgd(1e-3, 0.9),
    ] {
        assert_eq!(walk(&config), 1);
    }
    for schedule in [
        Schedule::Constant,
        Schedule::Cosine { floor: 0.1 },
        Schedule::Linear { floor: 0.1 },
        Schedule::LinearAfter {
            from: 0.8,
            floor: 0.1,
        },
    ] {
        assert_eq!(walk(&schedule), 1);
    }
    assert_eq!(walk(&Latent::normal(3)), 1);
    assert_eq!(walk(&Latent::uniform(3)), 1);
    // The prior and each of its parts.
    assert_eq!(walk(&in_parts()), 4);
    assert_eq!(walk(&EmaConfig::decay(0.9)), 1);
    assert_eq!(walk(&EmaConfig::half_life(9.0)), 1);
    assert_eq!(walk(&Ramp::linear("x", 1.0, 2)), 1);
    for policy in [
        Policy::Log,
        Policy::Halt,
        Policy::rollback(),
        Policy::Ignore,
    ] {
        walk(&policy);
    }
    walk(&HealthConfig::default());
    walk(&Limits::default().with_seconds(1.0));
    walk(&Saturation::default());
    walk(&Explosion::default());
    walk(&Vanishing::default());
    walk(&Collapse::default());
    walk(&Overfitting::default());
    walk(&MemoryGrowth::default());
    for second_order in [SecondOrder::Exact, SecondOrder::finite_differences()] {
        walk(&second_order);
    }
    walk(&TopK::new(0.5, 0.9));
    walk(&Term::feature_matching_alone());
    walk(&LabelSmoothing::default());
    walk(&LeastSquares::default());
    walk(&EnergyBased { margin: 1.0 });
    walk(&FGan {
        divergence: FDivergence::Alpha { alpha: 0.5 },
        saturating: true,
    });
    walk(&BatchPlan::new(4));
    walk_names(&Gaussian::new(0.0, 1.0).unwrap());
    walk_names(&Interval::new(0.0, 1.0, 10).unwrap());
    walk_names(&Mixture::ring());
    for (pairing, last) in [
        (Pairing::None, LastBatch::Drop),
        (Pairing::Average, LastBatch::Keep),
    ] {
        walk(&pairing);
        walk(&last);
    }
    walk(&PixelRange::Unit);
    walk(&Curve::Linear);
    walk(&Network::Generator);
}

#[test]
fn an_extra_name_is_refused_in_the_settings_of_networks_and_layers() {
    let initializer = Initializer::Normal {
        mean: 0.0,
        std: 0.02,
    };
    let mlp = MlpGeneratorConfig::new(2, [2]).with_initializer(initializer.clone());
    // The config, its activation, and the initialiser that burn reads.
    assert_eq!(walk(&mlp), 5);
    walk(&MlpGeneratorConfig::new(2, [2]));
    walk(&MlpDiscriminatorConfig::new([2]).with_initializer(initializer.clone()));
    walk(&DcganGeneratorConfig::new(2, [1, 8, 8]));
    walk(&DcganDiscriminatorConfig::new([1, 8, 8]));
    walk(&ImageGeneratorConfig::new(
        ImageNetwork::Dcgan,
        2,
        [1, 8, 8],
    ));
    walk(&ImageDiscriminatorConfig::new(
        ImageNetwork::Light,
        [1, 8, 8],
    ));
    walk(&ResNetGeneratorConfig::new(2, [1, 8, 8]));
    walk(&ResNetDiscriminatorConfig::new([1, 8, 8]));
    walk(&ConditionalBatchNormConfig::new(2, 3));
    walk(&LightGeneratorConfig::new(2, [1, 8, 8]));
    walk(&LightDiscriminatorConfig::new([1, 8, 8]));
    walk(&StyleGan2GeneratorConfig::new(2, [1, 8, 8]));
    walk(&StyleGan2DiscriminatorConfig::new([1, 8, 8]));
    walk(&ImageShape::new([1, 8, 8]));
    walk(&Activation::LEAKY);
    walk(&Activation::Tanh);
    walk(&LinearConfig::new(1, 2));
    walk(&LinearConfig::new(1, 2).with_initializer(initializer));
    walk(&Conv2dConfig::new([1, 2], [3, 3]).with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1)));
    walk(&ConvTranspose2dConfig::new([1, 2], [3, 3]));
    walk(&MaxoutConfig::new(1, 2, 3));
    walk(&EqualizedLinearConfig::new(1, 2));
    walk(&EqualizedConv2dConfig::new([1, 2], [3, 3]));
    walk(&ModulatedConv2dConfig::new([1, 2], 3, 4));
    walk(&SelfAttentionConfig::new(8));
    walk(&SkipExcitationConfig::new([1, 2]));
    walk(&Fir::blur(Fir::BINOMIAL));
    walk(&BatchNormConfig::new(2));
    walk(&MinibatchStd::new(4));
    walk(&Augmentation::Noise { std: 0.1 });
    walk(&Augmentation::Scale { std: 0.1 });
    walk(&Augmentation::Affine(Affine::default()));
    walk(&Augmentation::DiffAugment(DiffAugment::ALL));
    walk(&Ada::new(Probability::adaptive(1e3)));
    walk(&Ada::new(Probability::Fixed(0.5)).with_transformations(Transformations::R3GAN));
    walk(&Augmentation::Images {
        shift: 1,
        flip: false,
        fill: Fill::Value(0.5),
    });
}

#[test]
fn a_slip_is_answered_with_the_name_that_was_meant() {
    let trainer = serde_json::to_value(trainer()).unwrap();
    for (place, slip, meant) in [
        ("", "warmup", "warm_up"),
        ("", "gradient_cliping", "gradient_clipping"),
        ("", "micro_batch", "micro_batches"),
        ("", "emas", "ema"),
        ("/batches", "batchsize", "batch_size"),
        ("/latent", "dimension", "dimensions"),
        ("/schedule", "flor", "floor"),
        ("/ema", "rampup", "ramp_up"),
        ("/generator_optimizer", "weight_decays", "weight_decay"),
        ("/discriminator_optimizer", "momentums", "momentum"),
        ("/objective", "topk", "top_k"),
        ("/objective/top_k", "flor", "floor"),
        (
            "/objective/second_order/finite_differences",
            "stepp",
            "step",
        ),
        ("/objective/terms/2", "wieght", "weight"),
        ("/objective/terms/2/kind/wgan_gp", "onesided", "one_sided"),
        (
            "/objective/terms/7/kind/balanced_consistency/augmentation/images",
            "flipp",
            "flip",
        ),
        ("/objective/loss/f_divergence", "saturated", "saturating"),
        ("/health/collapse", "check", "checks"),
        ("/health/collapse/policy/rollback", "atmost", "at_most"),
        ("/ramps/0", "step", "steps"),
    ] {
        let mut settings = trainer.clone();
        let group = settings.pointer_mut(place).expect(place);
        group[slip] = json!(1);
        let error = refusal::<TrainerConfig>(&settings);
        let told = format!("unknown setting `{slip}`: did you mean `{meant}`?");
        assert!(error.contains(&told), "{place}: {error}");
    }
    // A place in the text is told where there is one.
    let error = serde_json::from_str::<TopK>("{\n\"floor\": 0.5, \"decai\": 0.9}").unwrap_err();
    assert_eq!(
        error.to_string(),
        "unknown setting `decai`: did you mean `decay`? at line 2 column 21"
    );
}

#[test]
fn a_name_of_another_variant_is_refused_with_those_of_this_one() {
    let mut adam = serde_json::to_value(OptimizerConfig::adam(1e-3)).unwrap();
    adam["weight_decay"] = json!(0.1);
    let error = refusal::<OptimizerConfig>(&adam);
    assert!(
        error.contains("unknown setting `weight_decay`: `adam` has `learning_rate`, `beta_1`"),
        "{error}"
    );
    let constant = json!({"schedule": "constant", "floor": 0.1});
    let error = refusal::<Schedule>(&constant);
    assert!(
        error.contains("unknown setting `floor`: `constant` has no settings"),
        "{error}"
    );
    let mlp = serde_json::to_value(MlpGeneratorConfig::new(2, [2])).unwrap();
    let mut dropped = mlp.clone();
    dropped["dropout"] = json!(0.5);
    let error = refusal::<MlpGeneratorConfig>(&dropped);
    assert!(error.contains("unknown setting `dropout`: "), "{error}");
}

#[test]
fn an_unknown_choice_is_refused_with_the_nearest() {
    for (settings, told) in [
        (
            json!({"schedule": "cosin", "floor": 0.1}),
            "unknown schedule `cosin`: did you mean `cosine`?",
        ),
        (
            json!({"floor": 0.1}),
            "missing field `schedule`, which says which one it is: constant, cosine, linear, linear_after",
        ),
        (json!({"schedule": "cosine"}), "missing field `floor`"),
        (json!({"schedule": "cosine", "floor": "x"}), "expected f64"),
        (json!({"schedule": "cosine", "floor": [1]}), "invalid type"),
        (json!([1, 2]), "expected the settings of `Schedule`"),
    ] {
        let error = refusal::<Schedule>(&settings);
        assert!(error.contains(told), "{error}");
    }
    let error = refusal::<Loss>(&json!("hing"));
    assert!(
        error.contains("unknown Loss `hing`: did you mean `hinge`?"),
        "{error}"
    );
    let error = refusal::<TermKind>(&json!({"wgan-gp": {}}));
    assert!(error.contains("did you mean `wgan_gp`?"), "{error}");
    let error = refusal::<LinearConfig>(&json!({
        "d_input": 1, "d_output": 1, "bias": true, "initializer": {"Norml": {}},
    }));
    assert!(
        error.contains("unknown Initializer `Norml`: did you mean `Normal`?"),
        "{error}"
    );
}

#[test]
fn other_formats_are_read_as_strictly() {
    // MessagePack, where enums are no objects that a person reads.
    let stored = rmp_serde::to_vec_named(&trainer()).unwrap();
    let read: TrainerConfig = rmp_serde::from_slice(&stored).unwrap();
    assert_eq!(read, trainer());
    let stored = rmp_serde::to_vec_named(&in_parts()).unwrap();
    assert_eq!(
        rmp_serde::from_slice::<Latent>(&stored).unwrap(),
        in_parts()
    );
    let value = serde_json::to_value(TopK::new(0.5, 0.9)).unwrap();
    let mut extended = value.clone();
    extended["decai"] = json!(1);
    let error = rmp_serde::from_slice::<TopK>(&rmp_serde::to_vec_named(&extended).unwrap());
    let error = error.unwrap_err().to_string();
    assert!(error.contains("did you mean `decay`?"), "{error}");
}

#[test]
fn what_lies_too_deep_in_tagged_settings_is_refused() {
    let nested = |depth: usize| {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        format!(r#"{{"parts":{open}{close},"distribution":"parts"}}"#)
    };
    let error = |text: &str| {
        serde_json::from_str::<Latent>(text)
            .unwrap_err()
            .to_string()
    };
    assert!(
        error(&nested(8)).contains("invalid type"),
        "{}",
        error(&nested(8))
    );
    assert!(error(&nested(9)).contains("nested more than 8 deep"));
    // A format that has no bound of its own: 100,000 lists of one in each other.
    let mut lists = vec![0x81, 0xa5];
    lists.extend(b"parts");
    lists.extend(vec![0x91; 100_000]);
    let error = rmp_serde::from_slice::<Latent>(&lists).unwrap_err();
    assert!(
        error.to_string().contains("nested more than 8 deep"),
        "{error}"
    );
}

#[test]
fn a_name_that_comes_twice_is_refused() {
    for (text, told) in [
        (
            r#"{"schedule":"cosine","floor":0.1,"floor":0.2}"#,
            "duplicate field `floor`",
        ),
        (
            r#"{"schedule":"constant","schedule":"constant"}"#,
            "duplicate field `schedule`",
        ),
    ] {
        let error = serde_json::from_str::<Schedule>(text).unwrap_err();
        assert!(error.to_string().contains(told), "{error}");
    }
    let error = serde_json::from_str::<TopK>(r#"{"floor":0.1,"floor":0.2}"#).unwrap_err();
    assert!(error.to_string().contains("duplicate field"), "{error}");
}

/// Public types that are read by serde's own derive: what a run wrote, read back; names of what a
/// program brings; losses without settings; and three that are read through a private type of
/// settings.
const RECORDS: [&str; 45] = [
    "Estimate",
    "ExtractorId",
    "Finding",
    "FindingKind",
    "GanRecordItem",
    "HealthState",
    "Histogram",
    "LossPart",
    "LossReading",
    "Measurement",
    "Memories",
    "ModeCoverage",
    "ModeStatistics",
    "MomentsKey",
    "NonFinite",
    "Provenance",
    "RealAgainstReal",
    "ReportFinding",
    "SampleSet",
    "Score",
    "Severity",
    "Stream",
    // What was fitted to series, and to a table.
    "SeriesScale",
    "CategoryCode",
    "ColumnSchema",
    "ConditionColumn",
    "NormalMixture",
    "NumberCode",
    "NumberScale",
    "SavedTable",
    "TableCode",
    "TableConditions",
    "TableTransform",
    //
    "CustomLoss",
    "CustomAugment",
    "CustomTerm",
    // Read from its names in one string.
    "DiffAugment",
    //
    "Hinge",
    "MaximumLikelihood",
    "Minimax",
    "NonSaturating",
    "Wasserstein",
    //
    "Gaussian",
    "Interval",
    "Mixture",
];

#[test]
fn a_type_that_is_read_is_settings_or_a_known_record() {
    let mut unknown = Vec::new();
    let mut settings = 0;
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for file in rust_files(&source) {
        let text = fs::read_to_string(&file).expect("a source file");
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or("");
        settings += text.matches("\nsettings! {\n").count();
        let mut reads = false;
        for line in text.lines() {
            if line.starts_with("#[derive(") {
                reads = line.contains("Deserialize");
            }
            let words: Vec<&str> = line.split(' ').collect();
            if let ["pub", "struct" | "enum", name, ..] = words[..] {
                let name = name.split(['<', '(', ';']).next().unwrap_or(name);
                if reads && !RECORDS.contains(&name) {
                    unknown.push(format!("{name} in {}", file.display()));
                }
            }
            if !line.starts_with(['#', '/']) {
                reads = false;
            }
        }
    }
    assert!(settings > 40, "{settings}");
    assert!(
        unknown.is_empty(),
        "define settings in `settings! {{ … }}`, so that unknown names are refused, and list a record \
         in `RECORDS`: {unknown:#?}"
    );
}

fn rust_files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a source folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            // Tests read what they like.
            if path.file_name().is_some_and(|name| name != "tests") {
                found.extend(rust_files(&path));
            }
        } else if path.extension().is_some_and(|ext| ext == "rs")
            && path.file_name().is_some_and(|name| name != "tests.rs")
        {
            found.push(path);
        }
    }
    found.sort();
    found
}
