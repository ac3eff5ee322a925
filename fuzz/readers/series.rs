//! Series in `.ts` and CSV files, plain and compressed: `SeriesSettings`.

use burn_gan::data::series::{MissingValues, SeriesSettings};

use super::{Input, Mutant, Outcome, Reader};
use crate::mutate::text::{Text, gzip};
use crate::random::Random;

/// The files of one format.
pub struct SeriesFile {
    pub name: &'static str,
    pub file: &'static str,
}

const TS: &[u8] = b"# two days\n@problemName Days\n@timeStamps false\n@univariate true\n@classLabel true up down\n@data\n1,2.5,3,4:up\n4,?,2e1,-1:down\n";
const CSV: &[u8] = b"time,load,kind\n0,1.5,a\n1,2.5,a\n2,?,a\n3,1e3,b\n4,-1,b\n5,0,b\n";

impl SeriesFile {
    fn is_ts(&self) -> bool {
        self.name == "series_ts"
    }

    fn text(&self) -> Text {
        Text {
            plain: if self.is_ts() { TS } else { CSV },
            parts: [b"0,0,0,0:up\n", b"0,", b"0,0,a\n"],
            doublings: 22,
        }
    }
}

impl Reader for SeriesFile {
    fn name(&self) -> &'static str {
        self.name
    }

    fn file(&self) -> &'static str {
        self.file
    }

    fn make_seeds(&self) -> Vec<(&'static str, Vec<u8>)> {
        vec![
            ("plain", self.text().plain.to_vec()),
            ("plain.gz", gzip(self.text().plain)),
        ]
    }

    fn mutate(&self, random: &mut Random, seed: &[u8], other: &[u8]) -> Mutant {
        Mutant {
            bytes: self.text().mutate(random, seed, other),
            sealed: false,
        }
    }

    fn read(&self, input: &Input<'_>) -> Outcome {
        let mut settings = SeriesSettings::default()
            .with_missing(MissingValues::Interpolate)
            .with_memory(16 << 20);
        if !self.is_ts() {
            settings = settings.with_columns(["load"]).with_class("kind");
        }
        if input.bytes.len().is_multiple_of(3) {
            settings = settings.with_window(3);
        }
        match settings.read(input.path) {
            Err(error) => Outcome::refused(error),
            Ok(set) => {
                let values = set.values();
                let numbers = set.count() * set.channels() * set.time();
                let whole = numbers > 0 && values.len() == numbers;
                match whole && values.iter().all(|value| value.is_finite()) {
                    true => Outcome::Accepted,
                    false => Outcome::Broken(format!("{} values", values.len())),
                }
            }
        }
    }
}
