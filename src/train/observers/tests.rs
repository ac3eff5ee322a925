//! The observers in runs.

use crate::pair::Pair;
use std::path::Path;
use std::sync::{Arc, Mutex};

use burn::tensor::backend::AutodiffBackend;
use indicatif::{ProgressDrawTarget, TermLike};

use super::{History, JsonLines, Progress};
use crate::Latent;
use crate::data::{MemoryDataset, Mixture};
use crate::error::Result;
use crate::gan::Gan;
use crate::models::{
    Conditional, LabelEmbedding, MlpDiscriminator, MlpDiscriminatorConfig, MlpGenerator,
    MlpGeneratorConfig,
};
use crate::objective::{Loss, Objective, Term};
use crate::random::Stream;
use crate::step::OptimizerConfig;
use crate::testing::{Cpu, for_each_autodiff_backend};
use crate::train::{
    Memories, Notice, Observer, Rhythm, Schedule, StepEvent, Trainer, TrainerConfig, measure_fn,
};

type Points<B> = (MlpGenerator<B, 2>, MlpDiscriminator<B, 2>);

fn run<B: AutodiffBackend>(
    config: TrainerConfig,
    rhythm: Rhythm,
    observer: impl Observer<Gan<MlpGenerator<B, 2>, MlpDiscriminator<B, 2>, B>>,
) {
    let device = Default::default();
    let points = Mixture::ring().sample(64, &mut Stream::new(3, "points"));
    let data = MemoryDataset::<2>::new(points, [2]).expect("pairs of numbers");
    let generator = MlpGeneratorConfig::new(3, [2]).with_hidden([8]);
    let discriminator = MlpDiscriminatorConfig::new([2]).with_hidden([8]);
    let networks: Points<B> = (
        generator.init(&device).expect("valid settings"),
        discriminator.init(&device).expect("valid settings"),
    );
    let gan = Gan::seeded(networks.0, networks.1, 1, &device);
    Trainer::new(config, &device)
        .expect("valid settings")
        .observe(rhythm, observer)
        .run(gan, &data)
        .expect("a run");
}

fn config(steps: u64) -> TrainerConfig {
    TrainerConfig::new(steps, 16, Latent::normal(3))
        .with_objective(Objective::new(Loss::NonSaturating).with_term(Term::r1(0.1).every(2)))
}

/// Hands on the steps behind one alone, as a resumed run has them.
struct After<O>(u64, O);

impl<P: Pair, O> Observer<P> for After<O>
where
    O: Observer<P>,
{
    fn observe(&mut self, event: &StepEvent<'_, P>) -> Result<()> {
        if event.step > self.0 {
            self.1.observe(event)?;
        }
        Ok(())
    }
}

fn recall<B: AutodiffBackend>(
    observer: &mut impl Observer<Gan<MlpGenerator<B, 2>, MlpDiscriminator<B, 2>, B>>,
    step: u64,
    memories: &Memories,
) {
    observer.recall(step, memories).expect("a memory");
}

fn notice<B: AutodiffBackend>(
    observer: &mut impl Observer<Gan<MlpGenerator<B, 2>, MlpDiscriminator<B, 2>, B>>,
    notice: Notice,
) {
    observer.notice(&notice);
}

/// The lines of a log, with the one thing left out that no two runs share.
fn lines(path: &Path) -> Vec<serde_json::Value> {
    let log = std::fs::read_to_string(path).expect("a log");
    assert!(log.ends_with('\n'));
    (log.lines())
        .map(|line| {
            let mut line: serde_json::Value = serde_json::from_str(line).expect("JSON");
            let fields = line.as_object_mut().expect("an object");
            let seconds = fields.remove("seconds");
            assert_eq!(seconds.is_some(), !fields.contains_key("notice"));
            line
        })
        // Preflight finds these data sets small.
        .filter(|line| line["notice"] != "warning")
        .collect()
}

fn a_log_after_a_recall_is_that_of_a_run_never_disturbed<B: AutodiffBackend>() {
    let folder = tempfile::tempdir().expect("a folder");
    let (whole, cut) = (
        folder.path().join("new/whole.jsonl"),
        folder.path().join("new/cut.jsonl"),
    );
    run::<B>(config(12), Rhythm::Every(2), JsonLines::new(&whole));

    // Killed after 9 steps while it wrote a line; the last checkpoint was made after 4.
    run::<B>(config(9), Rhythm::Every(2), JsonLines::new(&cut));
    let mut log = std::fs::read(&cut).expect("a log");
    log.extend(br#"{"step":10,"seconds":0.1,"sam"#);
    std::fs::write(&cut, &log).expect("a log");
    let mut resumed = JsonLines::new(&cut);
    recall::<B>(&mut resumed, 4, &Memories::default());
    run::<B>(config(12), Rhythm::Every(2), After(4, &mut resumed));
    assert_eq!(lines(&cut), lines(&whole));

    // A rollback in the same process.
    recall::<B>(&mut resumed, 6, &Memories::default());
    run::<B>(config(12), Rhythm::Every(2), After(6, &mut resumed));
    assert_eq!(lines(&cut), lines(&whole));

    let all = lines(&whole);
    let steps: Vec<_> = all.iter().map(|line| line["step"].as_u64()).collect();
    assert_eq!(steps, [2, 4, 6, 8, 10, 12].map(Some));
    assert_eq!(all[1]["samples"], 64);
    // R1 was due at the discriminator's steps 0, 2, 4, …: never in a generator's even step.
    assert!((all.iter()).all(|line| line["discriminator_terms"].is_null()));
}

fn a_run_from_the_beginning_replaces_the_log_and_keeps_early_notices<B: AutodiffBackend>() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log.jsonl");
    std::fs::write(&path, "another run's\n").expect("a file");
    let mut log = JsonLines::new(&path);
    let looked = folder.path().to_owned();
    notice::<B>(&mut log, Notice::NothingToResume { folder: looked });
    let before = std::fs::read_to_string(&path).expect("a log");
    assert_eq!(before, "another run's\n", "nothing has begun yet");
    run::<B>(config(2), Rhythm::AtEnd, &mut log);
    let stopped = Notice::Interrupted {
        step: 2,
        signal: Some(2),
    };
    notice::<B>(&mut log, stopped);
    let kinds: Vec<_> = (lines(&path).iter())
        .map(|line| {
            (
                line["step"].as_u64(),
                line["notice"].as_str().map(str::to_owned),
            )
        })
        .collect();
    assert_eq!(
        kinds,
        [
            (Some(0), Some("nothing_to_resume".to_owned())),
            (Some(2), None),
            (Some(2), Some("interrupted".to_owned())),
        ]
    );
}

fn numbers_that_are_not_finite_are_named_and_findings_bring_evidence<B: AutodiffBackend>() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log.jsonl");
    // A learning rate that throws every weight out of f32 and f64 within some steps.
    let wild = config(30).with_optimizers(OptimizerConfig::sgd(1e30, 0.9));
    run::<B>(wild, Rhythm::Every(1), JsonLines::new(&path));
    let lines = lines(&path);
    let is_named =
        |value: &serde_json::Value| matches!(value.as_str(), Some("NaN" | "inf" | "-inf"));
    assert!(
        lines.iter().any(|line| is_named(&line["generator_loss"])),
        "{lines:?}"
    );
    let finding = lines.iter().find(|line| line["notice"] == "finding");
    let evidence = &finding.expect("a finding")["evidence"];
    assert!(evidence.is_object(), "{evidence}");
}

fn a_history_remembers_what_lies_before_a_step<B: AutodiffBackend>() {
    let mut whole = History::new();
    let schedule = Schedule::Cosine { floor: 0.0 };
    let config = config(8).with_schedule(schedule);
    run::<B>(config.clone(), Rhythm::Every(2), &mut whole);

    let mut memories = Memories::default();
    Observer::<Gan<MlpGenerator<B, 2>, MlpDiscriminator<B, 2>, B>>::remember(&whole, &mut memories)
        .expect("a memory");
    let mut other = History::new().with_name("coarse");
    recall::<B>(&mut other, 4, &memories);
    assert!(other.readings().is_empty(), "it has another name");

    let mut resumed = History::new();
    recall::<B>(&mut resumed, 4, &memories);
    assert_eq!(resumed.readings(), &whole.readings()[..2]);
    run::<B>(config, Rhythm::Every(2), After(4, &mut resumed));
    assert_eq!(resumed.readings(), whole.readings());

    // Half a cosine wave over 8 steps: at its fifth step, half way, the rate has halved.
    let rates: Vec<f64> = whole
        .points("generator_rate")
        .iter()
        .map(|(_, rate)| *rate)
        .collect();
    for (rate, done) in rates.iter().zip([1.0, 3.0, 5.0, 7.0]) {
        let factor = 0.5 * (1.0 + (std::f64::consts::PI * done / 8.0).cos());
        assert!((rate - 2e-4 * factor).abs() < 1e-12, "{rates:?}");
    }
}

for_each_autodiff_backend!(
    a_log_after_a_recall_is_that_of_a_run_never_disturbed,
    a_run_from_the_beginning_replaces_the_log_and_keeps_early_notices,
    numbers_that_are_not_finite_are_named_and_findings_bring_evidence,
    a_history_remembers_what_lies_before_a_step,
);

type B = burn::backend::Autodiff<Cpu>;

#[test]
fn a_log_that_cannot_be_written_is_an_error_of_the_next_call() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    std::fs::write(&file, "").expect("a file");
    let mut log = JsonLines::new(file.join("log.jsonl"));
    // A notice has nobody to tell; the next call does.
    let stopped = Notice::Interrupted {
        step: 1,
        signal: None,
    };
    notice::<B>(&mut log, stopped);
    let error = Arc::new(Mutex::new(None));
    run::<B>(config(1), Rhythm::AtEnd, Catch(log, error.clone()));
    let error = error.lock().expect("one thread").take();
    assert!(error.expect("an error").contains("file"));
}

/// Keeps an observer's error.
struct Catch<O>(O, Arc<Mutex<Option<String>>>);

impl<O: Observer<Gan<MlpGenerator<B, 2>, MlpDiscriminator<B, 2>, B>>>
    Observer<Gan<MlpGenerator<B, 2>, MlpDiscriminator<B, 2>, B>> for Catch<O>
{
    fn observe(
        &mut self,
        event: &StepEvent<'_, Gan<MlpGenerator<B, 2>, MlpDiscriminator<B, 2>, B>>,
    ) -> Result<()> {
        let error = self.0.observe(event).err().map(|error| error.to_string());
        *self.1.lock().expect("one thread") = error;
        Ok(())
    }
}

/// A terminal that keeps what is written.
#[derive(Debug, Clone, Default)]
struct Screen(Arc<Mutex<String>>);

impl Screen {
    fn push(&self, text: &str) -> std::io::Result<()> {
        self.0.lock().expect("one thread").push_str(text);
        Ok(())
    }
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        200
    }
    fn move_cursor_up(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }
    fn move_cursor_down(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }
    fn move_cursor_right(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }
    fn move_cursor_left(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }
    fn write_line(&self, text: &str) -> std::io::Result<()> {
        self.push(text).and_then(|()| self.push("\n"))
    }
    fn write_str(&self, text: &str) -> std::io::Result<()> {
        self.push(text)
    }
    fn clear_line(&self) -> std::io::Result<()> {
        self.push("\n")
    }
    fn flush(&self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_bar_shows_steps_pace_losses_and_notices() {
    let screen = Screen::default();
    let mut progress = Progress::on(ProgressDrawTarget::term_like(Box::new(screen.clone())));
    run::<B>(config(6), Rhythm::Every(1), After(2, &mut progress));
    let saved = Notice::Saved {
        step: 6,
        file: "checkpoint.gan".into(),
        bytes: 1,
        seconds: 0.1,
    };
    notice::<B>(&mut progress, saved);
    let stopped = Notice::Interrupted {
        step: 6,
        signal: Some(15),
    };
    notice::<B>(&mut progress, stopped);
    let text = screen.0.lock().expect("one thread").clone();
    assert!(!text.contains("2/6 steps"), "{text}");
    let finished = (text.lines()).rfind(|line| line.contains("6/6 steps"));
    let finished = finished.expect("the end");
    for part in ["steps/s", "samples/s", "  D ", "  G "] {
        assert!(finished.contains(part), "{part}: {finished}");
    }
    assert!(!finished.contains("left"), "{finished}");
    assert!(text.contains("stopped by signal 15 after step 6"), "{text}");
    assert!(!text.contains("checkpoint.gan"), "{text}");
}

#[test]
fn a_bar_shows_what_was_measured_last_in_a_form_that_steers_no_terminal() {
    let screen = Screen::default();
    let mut progress = Progress::on(ProgressDrawTarget::term_like(Box::new(screen.clone())));
    let device = Default::default();
    let gan = Gan::seeded(
        (MlpGeneratorConfig::new(3, [2]).init::<B, 2>(&device)).expect("valid settings"),
        (MlpDiscriminatorConfig::new([2]).init::<B, 2>(&device)).expect("valid settings"),
        1,
        &device,
    );
    let measure = |event: &StepEvent<'_, Gan<MlpGenerator<B, 2>, MlpDiscriminator<B, 2>, B>>| {
        Ok(31.25 * event.step as f64)
    };
    let data = MemoryDataset::<2>::new(vec![0.5; 32], [2]).expect("pairs of numbers");
    Trainer::new(config(5), &device)
        .expect("valid settings")
        .evaluate(Rhythm::Every(4), measure_fn("fid\u{1b}[2J", measure))
        .observe(Rhythm::Every(1), &mut progress)
        .run(gan, &data)
        .expect("a run");
    let text = screen.0.lock().expect("one thread").clone();
    // The end is measured in every rhythm.
    assert!(text.contains(r"  fid\u{1b}[2J 156"), "{text}");
}

/// A terminal that is gone: a closed window, a pipe that nobody reads.
#[derive(Debug)]
struct Gone;

impl Gone {
    fn fail(&self) -> std::io::Result<()> {
        Err(std::io::ErrorKind::BrokenPipe.into())
    }
}

impl TermLike for Gone {
    fn width(&self) -> u16 {
        0
    }
    fn move_cursor_up(&self, _: usize) -> std::io::Result<()> {
        self.fail()
    }
    fn move_cursor_down(&self, _: usize) -> std::io::Result<()> {
        self.fail()
    }
    fn move_cursor_right(&self, _: usize) -> std::io::Result<()> {
        self.fail()
    }
    fn move_cursor_left(&self, _: usize) -> std::io::Result<()> {
        self.fail()
    }
    fn write_line(&self, _: &str) -> std::io::Result<()> {
        self.fail()
    }
    fn write_str(&self, _: &str) -> std::io::Result<()> {
        self.fail()
    }
    fn clear_line(&self) -> std::io::Result<()> {
        self.fail()
    }
    fn flush(&self) -> std::io::Result<()> {
        self.fail()
    }
}

#[test]
fn a_bar_survives_a_terminal_that_is_gone() {
    let mut progress = Progress::on(ProgressDrawTarget::term_like(Box::new(Gone)));
    run::<B>(config(6), Rhythm::Every(1), &mut progress);
    let stopped = Notice::Interrupted {
        step: 6,
        signal: Some(1),
    };
    notice::<B>(&mut progress, stopped);
}

#[test]
fn without_a_terminal_nothing_breaks() {
    let mut progress = Progress::on(ProgressDrawTarget::hidden());
    run::<B>(config(3), Rhythm::Every(1), &mut progress);
}

#[cfg(feature = "plot")]
mod pictures {
    use super::*;
    use crate::network::Labels;
    use crate::plot::GridSize;
    use crate::report::Report;
    use crate::train::observers::{Interpolations, LossChart, SampleGrid};

    type Draws<B> = MlpGenerator<B, 4>;
    type Judges<B> = MlpDiscriminator<B, 4>;

    const IMAGE: [usize; 3] = [1, 16, 16];

    fn images() -> MemoryDataset<4> {
        images_of(IMAGE)
    }

    fn images_of(shape: [usize; 3]) -> MemoryDataset<4> {
        let pixels =
            Stream::new(1, "images").uniform(8 * shape.iter().product::<usize>(), -1.0, 1.0);
        MemoryDataset::new(pixels, shape).expect("images")
    }

    fn draw<B: AutodiffBackend>(
        steps: u64,
        rhythm: Rhythm,
        observer: impl Observer<Gan<Draws<B>, Judges<B>, B>>,
    ) {
        draw_of(IMAGE, steps, rhythm, observer);
    }

    fn draw_of<B: AutodiffBackend>(
        image: [usize; 3],
        steps: u64,
        rhythm: Rhythm,
        observer: impl Observer<Gan<Draws<B>, Judges<B>, B>>,
    ) {
        let device = Default::default();
        let generator = MlpGeneratorConfig::new(3, image).with_hidden([8]);
        let discriminator = MlpDiscriminatorConfig::new(image).with_hidden([8]);
        let gan = Gan::<_, _, B>::seeded(
            generator.init(&device).expect("valid settings"),
            discriminator.init(&device).expect("valid settings"),
            1,
            &device,
        );
        let config = TrainerConfig::new(steps, 4, Latent::normal(3))
            .with_optimizers(OptimizerConfig::adam(1e-2));
        Trainer::new(config, &device)
            .expect("valid settings")
            .observe(rhythm, observer)
            .run(gan, &images_of(image))
            .expect("a run");
    }

    /// The pictures of a report that is saved in `folder`: caption, path and step.
    fn told_pictures(report: &Report, folder: &Path) -> Vec<(String, String, Option<u64>)> {
        let file = report.save(folder).expect("a report");
        let text = std::fs::read_to_string(file).expect("a report");
        let report: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let pictures = report["pictures"].as_array().expect("a list").iter();
        let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
        pictures
            .map(|p| (text(&p["caption"]), text(&p["path"]), p["step"].as_u64()))
            .collect()
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).expect("a folder");
        let mut names: Vec<String> = entries
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        names
    }

    fn grid_of(rows: usize, columns: usize) -> GridSize {
        GridSize { rows, columns }
    }

    fn size(path: &Path) -> (u32, u32) {
        image::image_dimensions(path).expect("a picture")
    }

    fn a_grid_is_drawn_in_its_rhythm_under_the_steps_name<B: AutodiffBackend>() {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path();
        let prior = Latent::normal(3);
        let mut grid = SampleGrid::<B>::new(out, &prior, grid_of(2, 3), 1, &Default::default())
            .expect("valid settings")
            .with_scale(2);
        draw::<B>(5, Rhythm::Every(2), &mut grid);
        let files = [
            "samples-000002.png",
            "samples-000004.png",
            "samples-000005.png",
        ];
        assert_eq!(names(out), files);
        let pictures: Vec<_> = [2, 4, 5]
            .into_iter()
            .zip(files.map(|f| out.join(f)))
            .collect();
        assert_eq!(grid.pictures(), pictures);
        let report = grid.report(Report::new("p"));
        let told = [2, 4, 5].into_iter().zip(files);
        let told = told.map(|(step, file)| ("Samples".into(), file.into(), Some(step)));
        assert_eq!(told_pictures(&report, out), told.collect::<Vec<_>>());
        // Three columns and two rows of 16 · 2 pixels, 2 between and around.
        assert_eq!(size(&pictures[0].1), (3 * 34 + 2, 2 * 34 + 2));

        // The same latents and weights give the same picture, to the byte.
        let first = std::fs::read(&pictures[0].1).expect("a picture");
        let again = SampleGrid::<B>::new(out, &prior, grid_of(2, 3), 1, &Default::default());
        draw::<B>(
            2,
            Rhythm::AtEnd,
            again.expect("valid settings").with_scale(2),
        );
        assert_eq!(std::fs::read(&pictures[0].1).expect("a picture"), first);
        assert_ne!(std::fs::read(&pictures[1].1).expect("a picture"), first);

        let mut memories = Memories::default();
        Observer::<Gan<Draws<B>, Judges<B>, B>>::remember(&grid, &mut memories).expect("a memory");
        let moved =
            SampleGrid::<B>::new("elsewhere", &prior, grid_of(2, 3), 1, &Default::default());
        let mut moved = moved.expect("valid settings");
        Observer::<Gan<Draws<B>, Judges<B>, B>>::recall(&mut moved, 4, &memories)
            .expect("a memory");
        let expected = [2, 4].map(|s| {
            (
                s,
                Path::new("elsewhere").join(format!("samples-{s:06}.png")),
            )
        });
        assert_eq!(moved.pictures(), expected);
    }

    fn images_of_any_number_of_channels_are_drawn<B: AutodiffBackend>() {
        let folder = tempfile::tempdir().expect("a folder");
        // Channels, and the images' width in the picture.
        for (channels, wide) in [(2, 4), (4, 4), (3, 4), (5, 5 * 4), (9, 3 * 4)] {
            let name = format!("channels{channels}");
            let grid = SampleGrid::<B>::new(
                folder.path(),
                &Latent::normal(3),
                grid_of(1, 2),
                1,
                &Default::default(),
            );
            let mut grid = grid.expect("valid settings").with_name(name);
            let image = [channels, 4, 4];
            let check = Observer::<Gan<Draws<B>, Judges<B>, B>>::check(&grid, &image);
            check.expect("it can be drawn");
            draw_of::<B>(image, 1, Rhythm::AtEnd, &mut grid);
            let (width, _) = size(&grid.pictures()[0].1);
            assert_eq!(width as usize, 2 * (wide + 2) + 2, "{channels} channels");
        }
    }

    fn what_cannot_be_drawn_is_refused_before_a_run<B: AutodiffBackend>() {
        let device = Default::default();
        let prior = Latent::normal(3);
        let grid = || {
            SampleGrid::<B>::new("x", &prior, grid_of(2, 8), 1, &device).expect("valid settings")
        };
        #[track_caller]
        fn says(refused: Result<()>, words: &[&str]) {
            let error = refused.expect_err("it can't be drawn").to_string();
            for words in words {
                assert!(error.contains(words), "no `{words}` in: {error}");
            }
        }
        fn check<B: AutodiffBackend>(
            grid: impl Observer<Gan<Draws<B>, Judges<B>, B>>,
            shape: &[usize],
        ) -> Result<()> {
            grid.check(shape)
        }
        check::<B>(grid(), &[3, 64, 64]).expect("it can be drawn");
        check::<B>(&mut grid(), &[3, 64, 64]).expect("it can be drawn");
        says(
            check::<B>(&mut grid().with_scale(100), &[3, 64, 64]),
            &[
                "`samples.shape.width`",
                "8 images of 64 pixels at scale 100",
            ],
        );
        says(check::<B>(grid(), &[64]), &["`samples.samples`", "[64]"]);
        says(
            check::<B>(grid().with_range(1.0, 1.0), &[1, 8, 8]),
            &["`samples.style.range`"],
        );
        says(
            check::<B>(grid().with_scale(0), &[1, 8, 8]),
            &["`samples.style.scale` = 0"],
        );
        let walks = Interpolations::<B>::new("x", &prior, grid_of(2, 5), 1, &device);
        let walks = walks.expect("valid settings").with_scale(200);
        says(
            check::<B>(walks, &[5, 8, 8]),
            &["5 images of 5 channels of 8 pixels"],
        );
        // One label too few for the images.
        let labels = Labels::<B>::from_slice(&[0; 15], 2, &device).expect("labels");
        let told = grid().with_conditions(&labels);
        let refused = Observer::<
            Gan<
                Conditional<B, LabelEmbedding<B>, Draws<B>>,
                Conditional<B, LabelEmbedding<B>, MlpDiscriminator<B, 4>>,
                B,
            >,
        >::check(&told, &[1, 8, 8]);
        says(refused, &["`samples.conditions` = 15 labels", "16 images"]);
    }

    fn walks_have_a_row_each<B: AutodiffBackend>() {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path();
        let walks = Interpolations::<B>::new(
            out,
            &Latent::normal(3),
            grid_of(2, 5),
            1,
            &Default::default(),
        );
        let mut walks = walks.expect("valid settings");
        let truncated = walks.clone().with_name("truncated").with_truncation(0.5);
        draw::<B>(1, Rhythm::AtEnd, &mut walks);
        draw::<B>(1, Rhythm::AtEnd, truncated.expect("a threshold"));
        let files = ["interpolation-000001.png", "truncated-000001.png"];
        assert_eq!(names(out), files);
        let caption = "Between two latents, left to right".to_owned();
        let told = [(caption, files[0].to_owned(), None)];
        assert_eq!(told_pictures(&walks.report(Report::new("p")), out), told);
        assert_eq!(size(&out.join(files[0])), (5 * 18 + 2, 2 * 18 + 2));
        let [plain, truncated] =
            files.map(|file| std::fs::read(out.join(file)).expect("a picture"));
        assert_ne!(plain, truncated);
    }

    fn a_conditional_generator_is_told_its_labels<B: AutodiffBackend>() {
        let folder = tempfile::tempdir().expect("a folder");
        let device = Default::default();
        let generator = MlpGeneratorConfig::new(3, IMAGE)
            .init_conditional::<B, 4>(2, &device)
            .expect("valid settings");
        let discriminator = MlpDiscriminatorConfig::new(IMAGE)
            .init_conditional::<B, 4>(2, &device)
            .expect("valid settings");
        let gan = Gan::<_, _, B>::seeded(generator, discriminator, 1, &device);
        let data = images()
            .with_labels(vec![0, 1, 0, 1, 0, 1, 0, 1], 2)
            .expect("labels");
        let asked = Labels::<B>::from_slice(&[0, 1, 0, 1], 2, &device).expect("labels");
        let prior = Latent::normal(3);
        let grid = SampleGrid::<B>::new(folder.path(), &prior, grid_of(2, 2), 1, &device);
        Trainer::new(TrainerConfig::new(1, 4, prior), &device)
            .expect("valid settings")
            .observe(
                Rhythm::AtEnd,
                grid.expect("valid settings")
                    .with_conditions(&asked)
                    .with_trained_weights(),
            )
            .run(gan, &data)
            .expect("a run");
        assert_eq!(names(folder.path()), ["samples-000001.png"]);
    }

    fn a_loss_chart_goes_on_where_a_checkpoint_left_it<B: AutodiffBackend>() {
        let folder = tempfile::tempdir().expect("a folder");
        let (whole, cut) = (folder.path().join("a.svg"), folder.path().join("b.svg"));
        let mut chart = LossChart::new(&whole);
        run::<B>(config(6), Rhythm::Every(1), &mut chart);
        let mut memories = Memories::default();
        Observer::<Gan<MlpGenerator<B, 2>, MlpDiscriminator<B, 2>, B>>::remember(
            &chart,
            &mut memories,
        )
        .expect("a memory");
        let mut resumed = LossChart::new(&cut);
        recall::<B>(&mut resumed, 3, &memories);
        run::<B>(config(6), Rhythm::Every(1), After(3, &mut resumed));
        let [whole, cut] = [whole, cut].map(|path| std::fs::read_to_string(path).expect("a chart"));
        assert_eq!(whole, cut);
        assert!(whole.contains("discriminator terms") && !whole.contains("generator terms"));
    }

    for_each_autodiff_backend!(
        a_grid_is_drawn_in_its_rhythm_under_the_steps_name,
        images_of_any_number_of_channels_are_drawn,
        what_cannot_be_drawn_is_refused_before_a_run,
        walks_have_a_row_each,
        a_conditional_generator_is_told_its_labels,
        a_loss_chart_goes_on_where_a_checkpoint_left_it,
    );

    #[test]
    fn grids_without_images_are_refused_by_name() {
        let prior = Latent::normal(3);
        let grid = |rows, columns| {
            SampleGrid::<B>::new("x", &prior, grid_of(rows, columns), 1, &Default::default()).err()
        };
        let walks = |rows, columns| {
            Interpolations::<B>::new("x", &prior, grid_of(rows, columns), 1, &Default::default())
                .err()
        };
        let says = |error: Option<crate::Error>, field: &str| {
            let error = error.expect("refused").to_string();
            assert!(error.contains(field), "{error}");
        };
        says(grid(2, 0), "`columns` = 0");
        says(grid(0, 2), "`rows` = 0");
        says(walks(0, 2), "`rows` = 0");
        says(walks(2, 1), "`columns` = 1");
        for many in [1 << 40, usize::MAX] {
            says(grid(2, many), "`rows` = 2×");
            says(grid(many, 2), "`rows` = ");
            says(walks(many, 2), "`rows` = ");
            says(walks(2, many), "`rows` = 2×");
        }
    }
}
