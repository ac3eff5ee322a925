//! Published tables of mode collapse, with rows of this crate's in them.
//!
//! ```text
//! cargo run --release --example mode_collapse -- --protocol pacgan-ring --epochs 40
//! cargo run --release --example classifier -- --data-dir DIR
//! cargo run --release --example mode_collapse -- --protocol stacked-mnist --data-dir DIR \
//!     --classifier out/classifier/digits.classifier --epochs 5 --trials 1
//! ```
//!
//! Trains by the protocol of a paper (its data, networks and settings: `burn_gan::protocol`), scores
//! by the paper's rules, and prints its table: `table.txt`, `table.json` and `table.svg` in the out folder, with
//! a picture of what each trial draws. A row of the data itself, by the same rules, says what perfect
//! looks like; `table.json` has the seeds, samples and classifier of each row. Papers train for hundreds
//! of epochs: `--epochs` shortens all runs alike.

mod common;
#[path = "common/protocols.rs"]
mod protocols;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use burn_gan::burn::tensor::backend::AutodiffBackend;
use burn_gan::data::{ImageShape, Mnist};
use burn_gan::plot::{GridStyle, Scatter, image_grid};
use burn_gan::protocol::{ClassifierReader, Pacgan, Protocol, Samples, StackedMnist, Veegan};
use burn_gan::{Error, Result};
use clap::{Parser, ValueEnum};
use common::{Common, Program};
use protocols::Rows;

/// Trains by a published protocol and prints the paper's table with rows of its own.
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    common: Common,

    /// Which protocol
    #[arg(long, value_enum, default_value_t = Name::PacganRing, value_name = "NAME")]
    protocol: Name,

    #[command(flatten)]
    rows: Rows,

    /// Samples that the discriminator of pacgan-ring and pacgan-grid judges together
    #[arg(long, default_value_t = 1, value_name = "N")]
    packing: usize,

    /// Components of veegan-1200d's latents
    #[arg(long, default_value_t = 32, value_name = "N")]
    latent: usize,

    /// Folder with MNIST's four files, for stacked-mnist
    #[arg(long, value_name = "DIR", required_if_eq("protocol", "stacked-mnist"))]
    data_dir: Option<PathBuf>,

    /// A digit classifier that the example `classifier` has saved, for stacked-mnist
    #[arg(long, value_name = "FILE", required_if_eq("protocol", "stacked-mnist"))]
    classifier: Option<PathBuf>,

    /// Channels of stacked-mnist's DCGAN at half the full size
    #[arg(long, default_value_t = 64, value_name = "N")]
    width: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Name {
    /// Eight Gaussians on a ring (Lin et al. 2017)
    PacganRing,
    /// Twenty-five Gaussians on a grid (Lin et al. 2017)
    PacganGrid,
    /// Ten Gaussians in 1,200 dimensions (Srivastava et al. 2017)
    #[value(name = "veegan-1200d")]
    Veegan1200d,
    /// A thousand kinds of triples of digits (Lin et al. 2017)
    StackedMnist,
}

/// Points in a picture of 1,200 dimensions.
const POINTS: usize = 500;
/// Points in a picture of the plane.
const PLANE_POINTS: usize = 2_500;
/// Images in a picture, and how many of them in a row.
const IMAGES: usize = 64;
const COLUMNS: usize = 16;

fn main() -> ExitCode {
    let args = Args::parse();
    common::main_with(args.common.backend, args)
}

impl Program for Args {
    fn run<B: AutodiffBackend>(self, device: B::Device) -> Result<u8> {
        match self.protocol {
            Name::PacganRing => self.pacgan::<B>(Pacgan::ring(), 1.5, device),
            Name::PacganGrid => self.pacgan::<B>(Pacgan::grid(), 5.5, device),
            Name::Veegan1200d => self.veegan::<B>(device),
            Name::StackedMnist => self.stacked_mnist::<B>(device),
        }
    }
}

impl Args {
    fn train<B: AutodiffBackend, const R: usize, P: Protocol<B, R>>(
        &self,
        protocol: &P,
        picture: impl Fn(&str, &mut Samples<'_>, &Path) -> Result<PathBuf>,
        device: &B::Device,
    ) -> Result<u8> {
        let options = [
            ("protocol", common::name(&self.protocol)),
            ("packing", self.packing.to_string()),
            ("width", self.width.to_string()),
            ("latent", self.latent.to_string()),
        ];
        (self.rows).train::<B, R, P>(&self.common, &options, protocol, picture, device)
    }

    fn pacgan<B: AutodiffBackend>(
        &self,
        protocol: Pacgan,
        edge: f64,
        device: B::Device,
    ) -> Result<u8> {
        let protocol = protocol.with_pack(self.packing)?;
        let data = Protocol::<B, 2>::data(&protocol, self.common.seed)?;
        let picture = |title: &str, samples: &mut Samples<'_>, path: &Path| {
            let path = path.with_extension("svg");
            common::scatter(title, &data, &samples.draw(PLANE_POINTS), edge).save(&path)?;
            Ok(path)
        };
        self.train::<B, 2, _>(&protocol, picture, &device)
    }

    fn veegan<B: AutodiffBackend>(&self, device: B::Device) -> Result<u8> {
        let protocol = Veegan::new().with_latent(self.latent)?;
        let data = Protocol::<B, 2>::data(&protocol, self.common.seed)?;
        let real: Vec<f32> = (0..POINTS).flat_map(|index| data.point(index).0).collect();
        let picture = |title: &str, samples: &mut Samples<'_>, path: &Path| {
            let path = path.with_extension("svg");
            let [real, drawn] = [&real, &samples.draw(POINTS)].map(|set| Veegan::view(set));
            Scatter::new(title, real, drawn)
                .with_labels("mean of the coordinates", "distance from the nearest mean")
                .save(&path)?;
            Ok(path)
        };
        self.train::<B, 2, _>(&protocol, picture, &device)
    }

    fn stacked_mnist<B: AutodiffBackend>(&self, device: B::Device) -> Result<u8> {
        let (Some(folder), Some(file)) = (&self.data_dir, &self.classifier) else {
            // The command line asks for both.
            let problem = "stacked-mnist needs `--data-dir` and `--classifier`";
            return Err(Error::setting("protocol", "stacked-mnist", problem));
        };
        let reader = ClassifierReader::<B::InnerBackend>::open(file, &device)?;
        let protocol = StackedMnist::new(Mnist::train(folder)?, reader)?.with_width(self.width);
        let shape = ImageShape::new(protocol.image());
        let picture = |_: &str, samples: &mut Samples<'_>, path: &Path| {
            let path = path.with_extension("png");
            let style = GridStyle {
                columns: COLUMNS,
                ..GridStyle::default()
            };
            image_grid(&samples.draw(IMAGES), shape, &style)?.save(&path)?;
            Ok(path)
        };
        self.train::<B, 4, _>(&protocol, picture, &device)
    }
}
