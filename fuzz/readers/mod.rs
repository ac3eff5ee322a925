//! What reads files and settings, each with its seeds, its mutations and what it promises.

mod arrays;
mod checkpoint;
mod cifar;
mod classifier;
mod features;
mod generator;
mod idx;
mod inception;
mod labels;
mod moments;
mod pictures;
mod pixel_csv;
mod planted;
mod safetensors;
mod series;
mod settings;
mod state_dict;
mod table_csv;

pub use planted::FAULTS;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::random::Random;

/// A mutated input.
pub struct Mutant {
    pub bytes: Vec<u8>,
    /// Whether a checksum over the contents was made anew: without it, a reader that has one must
    /// refuse what was changed.
    pub sealed: bool,
}

/// What a reader is given.
pub struct Input<'a> {
    /// The file that holds `bytes`.
    pub path: &'a Path,
    pub bytes: &'a [u8],
    /// Whether a checksum must have caught what was done to it.
    pub must_be_refused: bool,
    /// A folder that is the reader's own.
    pub scratch: &'a Path,
}

/// What became of an input.
#[derive(Debug, PartialEq)]
pub enum Outcome {
    Accepted,
    /// With its reason.
    Refused(String),
    /// A promise that was not kept.
    Broken(String),
}

impl Outcome {
    /// A crate's error as a refusal.
    pub fn refused(error: impl std::fmt::Display) -> Self {
        Self::Refused(error.to_string())
    }
}

/// Something that reads.
pub trait Reader: Sync {
    fn name(&self) -> &'static str;

    /// What its file is called.
    fn file(&self) -> &'static str {
        "input"
    }

    /// Valid inputs, by their files' names.
    fn make_seeds(&self) -> Vec<(&'static str, Vec<u8>)>;

    /// A changed seed. `other` is another one, or the same.
    fn mutate(&self, random: &mut Random, seed: &[u8], other: &[u8]) -> Mutant;

    fn read(&self, input: &Input<'_>) -> Outcome;

    /// Whether its files bear a checksum.
    fn has_checksum(&self) -> bool {
        false
    }
}

/// All of them.
pub fn all() -> [&'static dyn Reader; 23] {
    [
        &idx::Idx,
        &arrays::ArrayFile,
        &checkpoint::Checkpoint,
        &cifar::CifarFile,
        &classifier::SavedClassifierFile,
        &features::FeatureFile,
        &generator::SavedGeneratorFile,
        &inception::InceptionFile,
        &labels::LabelFile,
        &moments::MomentsFile,
        &pictures::Pictures("bmp"),
        &pictures::Pictures("gif"),
        &pictures::Pictures("jpeg"),
        &pictures::Pictures("png"),
        &pictures::Pictures("tiff"),
        &pictures::Pictures("webp"),
        &pixel_csv::PixelFile,
        &series::SeriesFile {
            name: "series_csv",
            file: "series.csv",
        },
        &series::SeriesFile {
            name: "series_ts",
            file: "series.ts",
        },
        &table_csv::TableFile,
        &safetensors::Safetensors,
        &settings::Settings,
        &state_dict::StateDict,
    ]
}

/// The reader of this name: one of [`all`], or the one that fails on purpose.
pub fn by_name(name: &str) -> Option<&'static dyn Reader> {
    let planted: &dyn Reader = &planted::Planted;
    all()
        .into_iter()
        .chain([planted])
        .find(|reader| reader.name() == name)
}

pub fn folder(kind: &str, reader: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz")
        .join(kind)
        .join(reader)
}

/// Writes every reader's seeds.
pub fn make_seeds() -> ExitCode {
    for reader in all() {
        let folder = folder("seeds", reader.name());
        if let Err(error) = write_seeds(reader, &folder) {
            eprintln!("fuzz: {}: {error}", folder.display());
            return ExitCode::FAILURE;
        }
        println!("made {}", folder.display());
    }
    ExitCode::SUCCESS
}

fn write_seeds(reader: &dyn Reader, folder: &Path) -> std::io::Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(folder)?;
    for (name, bytes) in reader.make_seeds() {
        std::fs::write(folder.join(name), bytes)?;
    }
    Ok(())
}

/// The files of a folder, by name; none where there is no folder.
pub fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    paths.sort();
    paths
        .into_iter()
        .filter_map(|path| {
            let bytes = std::fs::read(&path).ok()?;
            Some((path, bytes))
        })
        .collect()
}
