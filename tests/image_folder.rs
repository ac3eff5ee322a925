//! Runs on a folder of pictures: the same for any number of loader threads, any share of them in
//! memory and after a stop in the middle; on a disk that is slow, threads read ahead.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use burn_gan::burn::backend::{Autodiff, Flex};
use burn_gan::burn::tensor::{Device, Tensor};
use burn_gan::data::{Dataset, ImageColor, ImageConfig, ImageFolder, Images, Loading};
use burn_gan::models::{MlpDiscriminatorConfig, MlpGeneratorConfig};
use burn_gan::network::Labels;
use burn_gan::train::{
    Checkpoints, Interrupt, Rhythm, Start, StepEvent, Trainer, TrainerConfig, observe_fn,
};
use burn_gan::{Gan, Latent, Result};

type B = Autodiff<Flex>;

const STEPS: u64 = 14;
const SIDE: usize = 4;
/// Long beside a step of these networks.
const DELAY: Duration = Duration::from_millis(100);

/// A bitmap of 6 × 5 pixels that is its number's own.
fn bitmap(number: u8) -> Vec<u8> {
    let (width, height) = (6_usize, 5_usize);
    let row = (3 * width).next_multiple_of(4);
    let mut file = b"BM".to_vec();
    file.extend(((54 + row * height) as u32).to_le_bytes());
    file.extend([0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0]);
    file.extend((width as u32).to_le_bytes());
    file.extend((height as u32).to_le_bytes());
    file.extend([1, 0, 24, 0]);
    file.extend([0; 24]);
    let pixels = (0..row * height).map(|at| (at as u8).wrapping_mul(7 + number));
    file.extend(pixels);
    file
}

fn pictures(folder: &Path) {
    for number in 0..23_u8 {
        let class = folder.join(["cats & dogs", "ducks"][usize::from(number % 2)]);
        fs::create_dir_all(&class).expect("a folder");
        fs::write(class.join(format!("{number}.bmp")), bitmap(number)).expect("a file");
    }
}

fn open(folder: &Path, memory: usize) -> Result<Images> {
    let config = ImageConfig::new(SIDE, SIDE)
        .with_color(ImageColor::Rgb)
        .with_mirror(true);
    ImageFolder::new(folder, config).with_memory(memory).open()
}

/// The digest of a conditional run, and the time that its steps took. With checkpoints it goes on
/// where there are some, and stops after the step `stop`.
fn run(
    data: &impl Dataset<B, Sample = Tensor<B, 4>, Condition = Labels<B>>,
    threads: usize,
    checkpoints: Option<(&Path, u64)>,
) -> Result<(String, Duration)> {
    let device = Default::default();
    let shape = [3, SIDE, SIDE];
    let gan = Gan::<_, _, B>::seeded(
        MlpGeneratorConfig::new(4, shape)
            .with_hidden([8])
            .init_conditional::<B, 4>(2, &device)?,
        MlpDiscriminatorConfig::new(shape)
            .with_hidden([8])
            .init_conditional::<B, 4>(2, &device)?,
        1,
        &device,
    );
    let config = TrainerConfig::new(STEPS, 5, Latent::normal(4))
        .with_seed(7)
        .with_loading(Loading::on_threads(threads));
    let interrupt = Interrupt::new();
    let (button, stop) = (interrupt.clone(), checkpoints.map(|(_, stop)| stop));
    let mut trainer = Trainer::new(config, &device)?.stop_on(&interrupt).observe(
        Rhythm::Every(1),
        observe_fn(move |event: &StepEvent<'_, _>| {
            if Some(event.step) == stop {
                button.request();
            }
            Ok(())
        }),
    );
    if let Some((folder, _)) = checkpoints {
        trainer = trainer.with_checkpoints(Checkpoints::new(folder).start(Start::Resume));
    }
    let run = trainer.run(gan, data)?;
    Ok((run.state.digest(), run.elapsed))
}

/// Pictures each batch of which takes its time.
struct Slow<T>(T);

impl<T: Dataset<B>> Dataset<B> for Slow<T> {
    type Sample = T::Sample;
    type Condition = T::Condition;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn batch(&self, indices: &[usize], device: &Device<B>) -> Result<(T::Sample, T::Condition)> {
        thread::sleep(DELAY);
        self.0.batch(indices, device)
    }

    fn conditions(&self, indices: &[usize], device: &Device<B>) -> Result<T::Condition> {
        self.0.conditions(indices, device)
    }
}

#[test]
fn threads_memory_and_stops_change_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    pictures(folder.path());
    let pictures = |memory: usize| {
        let images = open(folder.path(), memory).expect("pictures");
        assert_eq!((images.len(), images.classes().len()), (46, 2));
        images.labelled().expect("labels")
    };
    let (expected, _) = run(&pictures(1 << 20), 0, None).expect("a run");
    // All in memory, none, and some.
    for memory in [1 << 20, 0, 500] {
        for threads in [1, 3, 8] {
            let (digest, _) = run(&pictures(memory), threads, None).expect("a run");
            assert_eq!(digest, expected, "{threads} threads, {memory} bytes");
        }
    }
    let of_memory = pictures(0).to_memory().expect("samples");
    let (digest, _) = run(&of_memory, 2, None).expect("a run");
    assert_eq!(digest, expected, "decoded before the first step");
    // Stopped in the first epoch and in the second, which begins after nine steps.
    for stop in [4, 11] {
        let stored = tempfile::tempdir().expect("a folder");
        run(&pictures(500), 3, Some((stored.path(), stop))).expect("a run that stops");
        let (digest, _) = run(&pictures(0), 2, Some((stored.path(), 0))).expect("a resumed run");
        assert_eq!(digest, expected, "stopped after {stop}");
    }
}

#[test]
fn a_run_is_not_resumed_on_other_pictures() {
    let folder = tempfile::tempdir().expect("a folder");
    pictures(folder.path());
    let stored = tempfile::tempdir().expect("a folder");
    let images = open(folder.path(), 0).expect("pictures");
    let labelled = images.labelled().expect("labels");
    run(&labelled, 0, Some((stored.path(), 4))).expect("a run that stops");
    fs::write(folder.path().join("ducks/1.bmp"), bitmap(99)).expect("a file");
    let images = open(folder.path(), 0).expect("pictures");
    let labelled = images.labelled().expect("labels");
    let error = run(&labelled, 0, Some((stored.path(), 0)))
        .expect_err("other data")
        .to_string();
    assert!(error.contains("data"), "{error}");
}

#[test]
fn threads_read_ahead_of_a_slow_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    pictures(folder.path());
    let images = open(folder.path(), 0).expect("pictures");
    let slow = Slow(images.labelled().expect("labels"));
    let (expected, alone) = run(&slow, 0, None).expect("a run");
    assert!(alone >= STEPS as u32 * DELAY, "{alone:?}");
    let (digest, ahead) = run(&slow, 4, None).expect("a run");
    assert_eq!(digest, expected);
    // Four at a time take a quarter.
    assert!(ahead < alone / 2, "{ahead:?}, {alone:?} without threads");
}
