//! Numbers that a program measures itself: computed once, in log, history and report, choosing the best
//! checkpoint, watched, and the same in a run that was stopped and resumed.

use std::path::Path;

use burn_gan::burn::backend::{Autodiff, Flex};
use burn_gan::burn::module::AutodiffModule;
use burn_gan::data::{MemoryDataset, Mixture};
use burn_gan::metrics::{Better, Features, PrecisionRecall, Raw, Scorer, SlicedWasserstein};
use burn_gan::models::{
    MlpDiscriminator, MlpDiscriminatorConfig, MlpGenerator, MlpGeneratorConfig,
};
use burn_gan::network::Generator;
use burn_gan::random::Stream;
use burn_gan::report::Report;
use burn_gan::step::OptimizerConfig;
use burn_gan::train::health::{HealthConfig, Policy, Worsening};
use burn_gan::train::{
    Checkpoints, Ending, Evaluator, History, Interrupt, JsonLines, Notice, Rhythm, Run,
    SampleScores, Start, StepEvent, Tolerated, Trainer, TrainerConfig, best_checkpoint, measure_fn,
    observe_fn,
};
use burn_gan::{Error, Gan, Latent, Result};
use serde_json::{Value, json};

type B = Autodiff<Flex>;
type Points = Gan<MlpGenerator<B, 2>, MlpDiscriminator<B, 2>, B>;
type Event<'a> = StepEvent<'a, Points>;

const STEPS: u64 = 12;

fn gan() -> Points {
    let device = Default::default();
    let generator = MlpGeneratorConfig::new(2, [2]).with_hidden([8]);
    let discriminator = MlpDiscriminatorConfig::new([2]).with_hidden([8]);
    Gan::seeded(
        generator.init(&device).expect("valid settings"),
        discriminator.init(&device).expect("valid settings"),
        1,
        &device,
    )
}

fn data() -> MemoryDataset<2> {
    let points = Stream::new(3, "points").uniform(64, -1.0, 1.0);
    MemoryDataset::new(points, [2]).expect("pairs of numbers")
}

fn config() -> TrainerConfig {
    TrainerConfig::new(STEPS, 8, Latent::normal(2))
}

fn trainer<'a>(config: TrainerConfig) -> Trainer<'a, Points> {
    Trainer::new(config, &Default::default()).expect("valid settings")
}

/// Two numbers of a kind of evaluator of its own: how far the step is from the sixth, and how far the
/// generator's samples are spread.
#[derive(Default)]
struct Distance {
    calls: Vec<u64>,
}

impl Evaluator<Points> for Distance {
    fn names(&self) -> Vec<String> {
        vec!["distance".to_owned(), "spread".to_owned()]
    }

    fn evaluate(&mut self, event: &Event<'_>) -> Result<Vec<f64>> {
        self.calls.push(event.step);
        let device = Default::default();
        let mut stream = Stream::new(event.step, "spread");
        let latent = Latent::normal(2).draw(64, &mut stream, &device);
        let samples = event.state.gan.generator.valid().generate(latent, &());
        let spread: f32 = samples.var(0).sum().into_scalar();
        Ok(vec![event.step.abs_diff(6) as f64, f64::from(spread)])
    }
}

/// What is left of a run: its observers in `folder`, with the checkpoints.
struct Left {
    run: Run<Points>,
    history: History,
    calls: Vec<u64>,
}

fn log(folder: &Path) -> Vec<Value> {
    let log = std::fs::read_to_string(folder.join("log.jsonl")).expect("a log");
    let lines = log.lines().map(|line| {
        let mut line: Value = serde_json::from_str(line).expect("JSON");
        let fields = line.as_object_mut().expect("an object");
        fields.remove("seconds");
        line
    });
    // What a resume tells is no reading.
    lines.filter(|line| line["notice"].is_null()).collect()
}

/// A run to step `stop`, or to its end, that goes on from the checkpoints there are.
fn left(folder: &Path, stop: u64) -> Left {
    let interrupt = Interrupt::new();
    let button = interrupt.clone();
    let (mut history, mut distance) = (History::new(), Distance::default());
    let checkpoints = Checkpoints::new(folder.join("checkpoints"))
        .every(4)
        .keep(1)
        .keep_best("distance", Better::Lower)
        .start(Start::Resume);
    let run = trainer(config())
        .with_checkpoints(checkpoints)
        .stop_on(&interrupt)
        .evaluate(Rhythm::Every(2), &mut distance)
        .observe(Rhythm::Every(3), &mut history)
        .observe(Rhythm::Every(3), JsonLines::new(folder.join("log.jsonl")))
        .observe(
            Rhythm::Every(1),
            observe_fn(move |event: &Event<'_>| {
                if event.step == stop {
                    button.request();
                }
                Ok(())
            }),
        )
        .run(gan(), &data())
        .expect("a run");
    Left {
        run,
        history,
        calls: distance.calls,
    }
}

/// The name of the best checkpoint and its number.
fn best(folder: &Path) -> (String, f64) {
    let best = best_checkpoint(folder.join("checkpoints"), Better::Lower).expect("a folder");
    let (file, value) = best.expect("a best checkpoint");
    let name = file.file_name().expect("a file").to_string_lossy();
    (name.into_owned(), value)
}

#[test]
fn a_number_is_measured_once_and_seen_by_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let Left {
        run,
        history,
        calls,
    } = left(folder.path(), 99);
    assert_eq!(calls, [2, 4, 6, 8, 10, 12]);

    // What was measured between two readings has its own step.
    let points = [(2, 4.0), (6, 0.0), (8, 2.0), (12, 6.0)];
    assert_eq!(history.points("distance"), points);
    let spread = history.points("spread");
    let steps: Vec<u64> = spread.iter().map(|(step, _)| *step).collect();
    assert_eq!(steps, [2, 6, 8, 12]);
    assert!(spread.iter().all(|(_, spread)| *spread > 0.0));
    assert_eq!(history.points("generator_loss").len(), 4);

    let lines = log(folder.path());
    let told: Vec<_> = (lines.iter())
        .map(|line| (&line["step"], &line["distance"], &line["measured"]))
        .collect();
    let earlier = |step: u64| json!({"distance": step, "spread": step});
    assert_eq!(
        told,
        [
            (&json!(3), &json!(4.0), &earlier(2)),
            (&json!(6), &json!(0.0), &Value::Null),
            (&json!(9), &json!(2.0), &earlier(8)),
            (&json!(12), &json!(6.0), &Value::Null),
        ]
    );
    assert_eq!(lines[3]["spread"], json!(spread[3].1));

    // No checkpoint is due after step 6: it is there since its number is the best.
    let expected = ("step-000000006.checkpoint".to_owned(), 0.0);
    assert_eq!(best(folder.path()), expected);

    let report = history.report(run.report(Report::new("points")));
    let report = report.save(folder.path()).expect("a report");
    let report = std::fs::read_to_string(report).expect("a report");
    let report: Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!(report["metrics"]["distance"], json!(6.0));
    assert_eq!(report["metrics"]["spread"], json!(spread[3].1));
    assert_eq!(
        report["curves"]["distance"]["distance"],
        json!([[2.0, 4.0], [6.0, 0.0], [8.0, 2.0], [12.0, 6.0]])
    );
    assert_eq!(report["curves"]["loss"]["generator"][0][0], json!(3.0));
}

#[test]
fn a_resumed_run_has_measured_what_the_run_has_that_was_never_stopped() {
    let whole = tempfile::tempdir().expect("a folder");
    let expected = left(whole.path(), 99);
    for stop in 1..STEPS {
        let folder = tempfile::tempdir().expect("a folder");
        let first = left(folder.path(), stop);
        assert!(matches!(first.run.ending, Ending::Interrupted { .. }));
        let second = left(folder.path(), 99);
        assert_eq!(second.run.state.digest(), expected.run.state.digest());
        assert_eq!(
            second.history.readings(),
            expected.history.readings(),
            "stopped after {stop}"
        );
        assert_eq!(second.run.measurements, expected.run.measurements);
        assert_eq!(
            log(folder.path()),
            log(whole.path()),
            "stopped after {stop}"
        );
        let calls = [first.calls, second.calls].concat();
        assert_eq!(calls, expected.calls, "stopped after {stop}");
        assert_eq!(
            best(folder.path()),
            best(whole.path()),
            "stopped after {stop}"
        );
    }
}

#[test]
fn observers_of_the_step_find_the_number_and_later_ones_the_newest() {
    let mut seen = Vec::new();
    trainer(config())
        .evaluate(Rhythm::Every(5), Distance::default())
        .observe(
            Rhythm::Every(4),
            observe_fn(|event: &Event<'_>| {
                let number = event.measurements.first();
                let number = number.map(|number| (number.step, number.value));
                assert_eq!(
                    event.reading().get("distance"),
                    number.map(|(_, value)| value)
                );
                seen.push((event.step, number));
                Ok(())
            }),
        )
        .run(gan(), &data())
        .expect("a run");
    let expected = [(4, None), (8, Some((5, 1.0))), (12, Some((12, 6.0)))];
    assert_eq!(seen, expected);
}

#[test]
fn what_cannot_be_told_apart_or_is_measured_by_nobody_is_refused_before_the_run() {
    let one = |name: &str| measure_fn(name, |_: &Event<'_>| Ok(1.0));
    let refusal = |trainer: Trainer<'_, Points>| {
        let error = trainer.run(gan(), &data()).expect_err("refused");
        assert!(matches!(error, Error::Setting { .. }), "{error}");
        error.to_string()
    };
    let twice = trainer(config())
        .evaluate(Rhythm::AtEnd, one("distance"))
        .evaluate(Rhythm::Every(2), Distance::default());
    let message = refusal(twice);
    assert!(
        message.contains("distance") && message.contains("two evaluators"),
        "{message}"
    );
    for name in ["generator_loss", "step", ""] {
        let message = refusal(trainer(config()).evaluate(Rhythm::AtEnd, one(name)));
        assert!(message.contains("`evaluate.name`"), "{message}");
    }

    let folder = tempfile::tempdir().expect("a folder");
    let checkpoints = |name: &str| Checkpoints::new(folder.path()).keep_best(name, Better::Lower);
    let unknown = trainer(config())
        .evaluate(Rhythm::AtEnd, one("kid"))
        .with_checkpoints(checkpoints("fid"));
    let message = refusal(unknown);
    for part in ["`checkpoints.keep_best` = fid", "`kid`"] {
        assert!(message.contains(part), "{message}");
    }
    let mut watched = config();
    watched.health.worsening = vec![Worsening::new("fid", Better::Lower)];
    let message = refusal(trainer(watched));
    assert!(
        message.contains("`health.worsening[0].name` = fid"),
        "{message}"
    );

    // The step's own numbers need no evaluator.
    let own = trainer(config()).with_checkpoints(checkpoints("generator_loss").every(3));
    let run = own.run(gan(), &data()).expect("a run");
    let (_, loss) = best_checkpoint(folder.path(), Better::Lower)
        .expect("a folder")
        .expect("a best checkpoint");
    assert!(run.ending.is_finished() && loss > 0.0);
}

#[test]
fn an_evaluator_that_fails_ends_the_run_after_its_step_is_stored_unless_it_is_tolerated() {
    for panics in [false, true] {
        let fails = || {
            measure_fn("fid", move |event: &Event<'_>| {
                if event.step != 4 {
                    return Ok(1.0);
                }
                assert!(!panics, "no features");
                Err(Error::data("features", "no features"))
            })
        };
        let folder = tempfile::tempdir().expect("a folder");
        let stored = trainer(config()).with_checkpoints(Checkpoints::new(folder.path()));
        let mut seen = Vec::new();
        let error = stored
            .evaluate(Rhythm::Every(2), fails())
            .observe(
                Rhythm::Every(1),
                observe_fn(|event: &Event<'_>| {
                    seen.push(event.step);
                    Ok(())
                }),
            )
            .run(gan(), &data())
            .expect_err("it fails");
        assert!(error.to_string().contains("no features"), "{error}");
        assert_eq!(seen, [1, 2, 3, 4]);
        assert!(folder.path().join("step-000000004.checkpoint").exists());

        let run = trainer(config())
            .evaluate(Rhythm::Every(2), Tolerated(fails()))
            .run(gan(), &data())
            .expect("a run");
        let told: Vec<_> = (run.notices.iter())
            .filter_map(|notice| match notice {
                Notice::NotMeasured { step, metric, .. } => Some((*step, metric.as_str())),
                _ => None,
            })
            .collect();
        assert_eq!(told, [(4, "fid")]);
        assert_eq!(run.measurements.len(), 1);
        assert_eq!(run.measurements[0].step, 12);
    }
}

#[test]
fn a_number_that_is_not_finite_is_told_and_never_the_best() {
    let folder = tempfile::tempdir().expect("a folder");
    let score = measure_fn("score", |event: &Event<'_>| {
        Ok(match event.step {
            2 => 0.5,
            4 => f64::INFINITY,
            6 => f64::NAN,
            _ => 0.25,
        })
    });
    let run = trainer(config())
        .with_checkpoints(
            Checkpoints::new(folder.path())
                .every(2)
                .keep_best("score", Better::Higher),
        )
        .evaluate(Rhythm::Every(2), score)
        .run(gan(), &data())
        .expect("a run");
    let told = run
        .notices
        .iter()
        .filter(|notice| notice.name() == "not_measured");
    assert_eq!(told.count(), 2);
    let best = best_checkpoint(folder.path(), Better::Higher).expect("a folder");
    let file = folder.path().join("step-000000002.checkpoint");
    assert_eq!(best, Some((file, 0.5)));
}

#[test]
fn a_run_whose_number_gets_worse_is_halted_where_that_is_asked_for() {
    let worse = |policy| {
        let mut config = config();
        config.health = HealthConfig {
            every: 1,
            worsening: vec![Worsening {
                evaluations: 2,
                policy,
                ..Worsening::new("score", Better::Higher)
            }],
            ..HealthConfig::default()
        };
        // Best after step 4, and worse after 6, 8, …
        let score = measure_fn("score", |event: &Event<'_>| {
            Ok(if event.step > 4 {
                1.0
            } else {
                event.step as f64
            })
        });
        trainer(config)
            .evaluate(Rhythm::Every(2), score)
            .run(gan(), &data())
            .expect("a run")
    };
    let halted = worse(Policy::Halt);
    assert_eq!(halted.state.step, 8);
    assert!(
        matches!(&halted.ending, Ending::Halted(finding) if finding.name() == "measurement_worsened"),
        "{}",
        halted.ending
    );
    let told = worse(Policy::Log);
    assert!(told.ending.is_finished());
    let evidence = told.findings[0].evidence();
    assert!(
        evidence.contains("`score` is 1.00, its best was 4.00 at step 4"),
        "{evidence}"
    );
}

/// What people come for: the checkpoint with the best score is kept, and a recall that falls is told.
#[test]
fn scores_of_samples_choose_the_checkpoint_and_are_watched() {
    let folder = tempfile::tempdir().expect("a folder");
    let points = |seed| Mixture::ring().sample(200, &mut Stream::new(seed, "points"));
    let features = |seed| Features::new(points(seed), 2).expect("pairs of numbers");
    let scorer = Scorer::new(features(1).with_set("training"))
        .with_held_out(features(2).with_set("held out"))
        .with_metric(SlicedWasserstein::default())
        .with_metric(PrecisionRecall::default());
    // At this rate the generator leaves the data at once.
    let mut config = config().with_optimizers(OptimizerConfig::adam(0.5));
    config.health = HealthConfig {
        every: 1,
        worsening: vec![Worsening {
            evaluations: 2,
            policy: Policy::Log,
            ..Worsening::new("recall", Better::Higher)
        }],
        ..HealthConfig::default()
    };
    let checkpoints = Checkpoints::new(folder.path().join("checkpoints"))
        .every(1)
        .keep(1)
        .keep_best("sliced_wasserstein", Better::Lower);
    let mut history = History::new();
    let mut scores = SampleScores::new(Raw, scorer, 200);
    let run = trainer(config)
        .with_checkpoints(checkpoints)
        .evaluate(Rhythm::Every(1), &mut scores)
        .observe(Rhythm::Every(1), &mut history)
        .observe(
            Rhythm::Every(1),
            JsonLines::new(folder.path().join("log.jsonl")),
        )
        .run(
            gan(),
            &MemoryDataset::new(points(1), [2]).expect("pairs of numbers"),
        )
        .expect("a run");
    assert!(run.ending.is_finished());

    let distances = history.points("sliced_wasserstein");
    assert_eq!(distances.len() as u64, STEPS);
    let (step, least) = *(distances.iter())
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .expect("a point");
    assert!(step < STEPS, "the last is the best: nothing to choose");
    assert_eq!(
        best(folder.path()),
        (format!("step-{step:09}.checkpoint"), least)
    );
    // With their provenance they are the last ones, for a report.
    let last = scores.measure().last();
    assert_eq!(last[0].value(), distances[distances.len() - 1].1);
    assert_eq!(last[0].provenance.real.name, "training");
    let told = log(folder.path());
    for (line, (_, distance)) in told.iter().zip(&distances) {
        assert_eq!(line["sliced_wasserstein"], json!(distance));
        assert!(line["precision"].is_number() && line["recall"].is_number());
    }
    let evidence: Vec<String> = run
        .findings
        .iter()
        .map(|finding| finding.evidence())
        .collect();
    assert!(
        evidence.iter().any(|text| text.contains("`recall` is")),
        "{evidence:?}"
    );
}
