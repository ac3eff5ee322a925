//! Images in CSV files, plain and compressed: `PixelCsv`.

use burn_gan::data::{LabelColumn, PixelCsv};

use super::{Input, Mutant, Outcome, Reader};
use crate::mutate::text::{Text, gzip};
use crate::random::Random;

pub struct PixelFile;

const PLAIN: &[u8] = b"0,16,8,4,7\n1,2,3,4,5\n9,9.5,1e1,0,7\n";

const TEXT: Text = Text {
    plain: PLAIN,
    parts: [b"0,0,0,0,0\n", b"0", b"\"0,"],
    doublings: 23,
};

impl Reader for PixelFile {
    fn name(&self) -> &'static str {
        "pixel_csv"
    }

    fn make_seeds(&self) -> Vec<(&'static str, Vec<u8>)> {
        let header = [&b"a,b,c,d,label\n"[..], PLAIN].concat();
        vec![
            ("plain.csv", PLAIN.to_vec()),
            ("plain.csv.gz", gzip(PLAIN)),
            ("header.csv", header),
        ]
    }

    fn mutate(&self, random: &mut Random, seed: &[u8], other: &[u8]) -> Mutant {
        Mutant {
            bytes: TEXT.mutate(random, seed, other),
            sealed: false,
        }
    }

    fn read(&self, input: &Input<'_>) -> Outcome {
        let label = match input.bytes.len() % 3 {
            0 => LabelColumn::First,
            1 => LabelColumn::Named("label".to_owned()),
            _ => LabelColumn::Last,
        };
        let csv = PixelCsv::new([1, 2, 2]).with_ends(0.0, 16.0);
        // Seeds are read the one way or the other.
        let read = csv.clone().read(input.path);
        let read = read.or_else(|_| csv.with_label(label).read(input.path));
        match read {
            Err(error) => Outcome::refused(error),
            Ok(table) => {
                let inside = table.pixels.iter().all(|pixel| (0.0..=1.0).contains(pixel));
                let labelled = table
                    .labels
                    .iter()
                    .all(|label| *label < table.classes.len());
                if inside && labelled && table.labels.len() == table.len() && !table.is_empty() {
                    Outcome::Accepted
                } else {
                    Outcome::Broken(format!("{} images", table.len()))
                }
            }
        }
    }
}
