//! Tables in CSV files, plain and compressed: `TableSettings`.

use burn_gan::data::table::{ColumnKind, TableSettings};

use super::{Input, Mutant, Outcome, Reader};
use crate::mutate::text::{Text, gzip};
use crate::random::Random;

pub struct TableFile;

const PLAIN: &[u8] = b"age,work, pay,since,member\n39, State-gov,2.50,2020-01-31,yes\n50,?,1e3,1999-12-31,no\n, \"a, \"\"b\"\"\", ,2001-05-05,yes\n";

const TEXT: Text = Text {
    plain: PLAIN,
    parts: [b"0,0,0,0,0\n", b"0", b"\"0,"],
    doublings: 23,
};

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
        Mutant {
            bytes: TEXT.mutate(random, seed, other),
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
