//! A data set of a program's own that fails at sample 37 of epoch 2: the run stores the state after its
//! last whole step, ends with an error that names sample and file, and goes on with repaired data as the
//! run that was never disturbed.

use std::fs;
use std::path::{Path, PathBuf};

use burn_gan::burn::backend::{Autodiff, Flex};
use burn_gan::burn::tensor::{Device, Tensor, TensorData};
use burn_gan::data::{BatchPlan, Dataset, Loading, Mixture};
use burn_gan::models::{
    MlpDiscriminator, MlpDiscriminatorConfig, MlpGenerator, MlpGeneratorConfig,
};
use burn_gan::random::Stream;
use burn_gan::step::EmaConfig;
use burn_gan::train::{
    Checkpoints, Rhythm, Run, Start, StepEvent, Trainer, TrainerConfig, observe_fn,
};
use burn_gan::{Error, Gan, Latent, Result};

type B = Autodiff<Flex>;
type Pair = Gan<MlpGenerator<B, 2>, MlpDiscriminator<B, 2>, B>;

const SAMPLES: usize = 60;
const BATCH: usize = 6;
/// Ten steps to an epoch.
const STEPS: u64 = 40;
/// Counted from 0, as epochs are: the third of them.
const EPOCH: u64 = 2;
const SAMPLE: usize = 37;
const SEED: u64 = 7;

/// Points of the plane, a file each, which is read whenever its sample is asked for.
struct Files(PathBuf);

impl Files {
    fn path(&self, index: usize) -> PathBuf {
        self.0.join(format!("{index}.txt"))
    }

    fn write(&self, index: usize) {
        let point = Mixture::ring().sample(1, &mut Stream::new(index as u64, "point"));
        let text = format!("{} {}", point[0], point[1]);
        fs::write(self.path(index), text).expect("a file");
    }

    fn point(&self, index: usize) -> Result<[f32; 2]> {
        let path = self.path(index);
        let text = fs::read_to_string(&path).map_err(|source| Error::io(&path, source))?;
        let numbers = text
            .split(' ')
            .map(str::parse)
            .collect::<Result<Vec<f32>, _>>();
        match numbers.as_deref() {
            Ok([x, y]) => Ok([*x, *y]),
            _ => Err(Error::data(path, "holds no point; write two numbers")),
        }
    }
}

impl Dataset<B> for Files {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn len(&self) -> usize {
        SAMPLES
    }

    fn batch(&self, indices: &[usize], device: &Device<B>) -> Result<(Tensor<B, 2>, ())> {
        let points = indices.iter().map(|index| self.point(*index));
        let numbers = points.collect::<Result<Vec<_>>>()?.concat();
        let shape = [indices.len(), 2];
        Ok((
            Tensor::from_data(TensorData::new(numbers, shape), device),
            (),
        ))
    }
}

/// A run on the files, from networks of this seed; `threads` read them ahead.
fn run(
    data: &Files,
    seed: u64,
    threads: usize,
    checkpoints: Option<&Path>,
    watch: impl FnMut(u64),
) -> Result<Run<Pair>> {
    let device = Default::default();
    let gan = Gan::<_, _, B>::seeded(
        MlpGeneratorConfig::new(4, [2])
            .with_hidden([8])
            .init::<B, 2>(&device)?,
        MlpDiscriminatorConfig::new([2])
            .with_hidden([8])
            .with_dropout(0.2)
            .init::<B, 2>(&device)?,
        seed,
        &device,
    );
    let config = TrainerConfig::new(STEPS, BATCH, Latent::normal(4))
        .with_seed(SEED)
        .with_ema(EmaConfig::half_life(100.0))
        .with_loading(Loading::on_threads(threads).with_ahead(1));
    let mut watch = watch;
    let mut trainer = Trainer::new(config, &device)?.observe(
        Rhythm::Every(1),
        observe_fn(|event: &StepEvent<'_, Pair>| {
            watch(event.step);
            Ok(())
        }),
    );
    if let Some(folder) = checkpoints {
        trainer = trainer.with_checkpoints(Checkpoints::new(folder).start(Start::Resume));
    }
    trainer.run(gan, data)
}

fn files(folder: &Path) -> Files {
    let files = Files(folder.join("points"));
    fs::create_dir(&files.0).expect("a folder");
    (0..SAMPLES).for_each(|index| files.write(index));
    files
}

fn stored(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder of checkpoints");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    names
        .filter_map(|name| name.into_string().ok())
        .filter(|name| name.ends_with(".checkpoint"))
        .collect()
}

#[test]
fn a_data_set_that_fails_in_the_middle_loses_nothing() {
    let scratch = tempfile::tempdir().expect("a folder");
    let data = files(scratch.path());
    let undisturbed = run(&data, 1, 0, None, |_| {}).expect("a run");

    // Which file that is, and the step that asks for it.
    let batches = BatchPlan::new(BATCH)
        .epoch(SAMPLES, SEED, EPOCH)
        .expect("an epoch");
    let index = batches.concat()[SAMPLE];
    let per_epoch = batches.len() as u64;
    let step = EPOCH * per_epoch + (SAMPLE / BATCH) as u64 + 1;

    /// What is done to the file, and the words of the error.
    type Damage = (fn(&Path), &'static str);
    let damages: [Damage; 2] = [
        (
            |path| fs::write(path, "0.5 O.7").expect("a file"),
            "holds no point; write two numbers",
        ),
        (|path| fs::remove_file(path).expect("a file"), "os error 2"),
    ];
    for (threads, (damage, words)) in [0, 3, 0, 3].into_iter().zip([damages, damages].concat()) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = data.path(index);
        // The file goes in epoch 2, before a thread that reads ahead has come to it.
        let watch = |done| {
            if done == EPOCH * per_epoch {
                damage(&path);
            }
        };
        let error = run(&data, 1, threads, Some(folder.path()), watch).expect_err("a broken file");
        let Error::Data {
            path: file,
            problem,
        } = &error
        else {
            panic!("{error}");
        };
        assert_eq!(*file, path);
        let place = format!("step {step}: sample {index} (counted from 0) of the data set: ");
        assert!(
            problem.starts_with(&place) && problem.contains(words),
            "{error}"
        );

        let names = stored(folder.path());
        assert_eq!(names.len(), 1, "{names:?}");
        assert!(names[0].contains(&(step - 1).to_string()), "{names:?}");

        data.write(index);
        let resumed = run(&data, 2, 3 - threads, Some(folder.path()), |_| {}).expect("a run");
        assert!(resumed.resumed_from.is_some() && resumed.ending.is_finished());
        assert_eq!(resumed.state.digest(), undisturbed.state.digest());
    }
}
