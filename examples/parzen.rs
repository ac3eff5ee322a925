//! The table of the first GAN paper, with rows of this crate's in it: Parzen window's log-likelihood
//! of handwritten digits.
//!
//! ```text
//! cargo run --release --example parzen -- --data-dir DIR --epochs 50
//! ```
//!
//! Trains with the networks and settings of Goodfellow et al. 2014 (`burn_gan::protocol::Goodfellow`)
//! on the training digits but the last 1,000, which choose the window's width, and scores the test
//! digits. The out folder gets `table.txt`, `table.json`, `table.svg` and a picture of each trial's samples.

mod common;
#[path = "common/protocols.rs"]
mod protocols;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use burn_gan::Result;
use burn_gan::burn::tensor::backend::AutodiffBackend;
use burn_gan::data::{ImageShape, Mnist};
use burn_gan::plot::{GridStyle, image_grid};
use burn_gan::protocol::{Goodfellow, Samples};
use clap::Parser;
use common::{Common, Program};
use protocols::Rows;

/// Trains the first GAN on digits and prints the table of its paper with rows of its own.
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    common: Common,

    #[command(flatten)]
    rows: Rows,

    /// Folder with MNIST's four files, plain or gzip
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
}

/// Images in a picture, and how many of them in a row.
const IMAGES: usize = 100;
const COLUMNS: usize = 20;

fn main() -> ExitCode {
    let args = Args::parse();
    common::main_with(args.common.backend, args)
}

impl Program for Args {
    fn run<B: AutodiffBackend>(self, device: B::Device) -> Result<u8> {
        let [train, test] = [Mnist::train(&self.data_dir)?, Mnist::test(&self.data_dir)?];
        let protocol = Goodfellow::new(&train, &test)?;
        let shape = ImageShape::new([1, train.height, train.width]);
        let picture = |_: &str, samples: &mut Samples<'_>, path: &Path| {
            let path = path.with_extension("png");
            let style = GridStyle {
                range: (0.0, 1.0),
                columns: COLUMNS,
                ..GridStyle::default()
            };
            image_grid(&samples.draw(IMAGES), shape, &style)?.save(&path)?;
            Ok(path)
        };
        (self.rows).train::<B, 2, _>(&self.common, &[], &protocol, picture, &device)
    }
}
