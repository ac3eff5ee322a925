//! Tables in CSV files, plain and compressed: `TableSettings`.

use std::io::Write;

use burn_gan::data::table::{ColumnKind, TableSettings};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::{Input, Mutant, Outcome, Reader};
use crate::mutate::bytes;
use crate::random::Random;

pub struct TableFile;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

const PLAIN: &[u8] = b"age,work, pay,since,member\n39, State-gov,2.50,2020-01-31,yes\n50,?,1e3,1999-12-31,no\n, \"a, \"\"b\"\"\", ,2001-05-05,yes\n";

impl Reader for TableFile {
    fn name(&self) -> &'static str {
        "table_csv"
    }

    fn make_seeds(&self) -> Vec<(&'static str, Vec<u8>)> {
        vec![
            ("plain.csv", PLAIN.to_vec()),
            ("plain.csv.gz", gzip(PLAIN)),
            ("tabs.csv", b"1\t2.5\tx\n2\t3.5\ty\n".to_vec()),
        ]
    }

    fn mutate(&self, random: &mut Random, seed: &[u8], other: &[u8]) -> Mutant {
        let zipped = seed.starts_with(&[0x1f, 0x8b]);
        let inside = zipped && random.one_in(2);
        let mut changed = if inside {
            PLAIN.to_vec()
        } else {
            seed.to_vec()
        };
        for _ in 0..=random.below(3) {
            bytes::mutate(random, &mut changed, other);
        }
        if inside && random.one_in(16) {
            // Far more than the file is long.
            let part = match random.below(3) {
                0 => b"0,0,0,0,0\n".to_vec(),
                1 => b"0".to_vec(),
                _ => b"\"0,".to_vec(),
            };
            changed.extend(part.repeat(1 << random.below(23)));
        }
        Mutant {
            bytes: if inside { gzip(&changed) } else { changed },
            sealed: false,
        }
    }

    fn read(&self, input: &Input<'_>) -> Outcome {
        let mut settings = TableSettings {
            memory: 16 << 20,
            ..TableSettings::default()
        };
        if input.bytes.len().is_multiple_of(3) {
            settings = settings.with_kind("age", ColumnKind::Integer);
        }
        let read = settings.read(input.path);
        // Seeds are read without what is said of a column that they have not.
        let read = read.or_else(|_| {
            settings.columns.clear();
            settings.read(input.path)
        });
        match read {
            Err(error) => Outcome::refused(error),
            Ok(table) => {
                let columns = table.columns().iter();
                let whole = columns.clone().all(|column| column.len() == table.rows());
                // Every cell can be written.
                columns.for_each(|column| (0..column.len()).for_each(|row| drop(column.text(row))));
                match whole && table.rows() > 0 {
                    true => Outcome::Accepted,
                    false => Outcome::Broken(format!("{} rows", table.rows())),
                }
            }
        }
    }
}
