//! The pictures that are trained on, and those that are held back.

use burn_gan::data::PixelRange;
use burn_gan::prelude::*;
use burn_gan::{Error, Result};
use clap::builder::RangedU64ValueParser;

use crate::pictures::{PictureArgs, Pictures, Set};

/// The values of pixels, those of generators that end in tanh.
pub const RANGE: PixelRange = PixelRange::Symmetric;

/// Images from a folder, or from memory: one type, so that a training is compiled once.
pub type Data<'a, B, C> = dyn Dataset<B, Sample = Tensor<B, 4>, Condition = C> + 'a;

/// Images alone.
pub fn unlabelled<B: Backend>(pictures: &Pictures) -> Box<Data<'_, B, ()>> {
    match &pictures.set {
        Set::Folder(images) => Box::new(images),
        Set::Memory(data) => Box::new(data.samples()),
    }
}

/// Images with their classes.
pub fn labelled<B: Backend>(pictures: &Pictures) -> Result<Box<Data<'_, B, Labels<B>>>> {
    Ok(match &pictures.set {
        Set::Folder(images) => Box::new(images.labelled()?),
        Set::Memory(data) => Box::new(data),
    })
}

#[derive(Debug, Clone, clap::Args)]
pub struct DataArgs {
    #[command(flatten)]
    pub pictures: PictureArgs,

    /// Train on each picture as it is and with left and right exchanged
    #[arg(long)]
    mirror: bool,

    /// Train on these classes alone, by name
    #[arg(long, value_name = "CLASS", num_args = 1.., conflicts_with = "labels")]
    only: Vec<String>,

    /// Train on so many samples alone, drawn by the seed; the others stay for the distance
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    limit: Option<usize>,
}

/// The part that is trained on, and the rest, if there is one.
pub struct Parts {
    pub training: Pictures,
    pub held_back: Option<Pictures>,
}

impl DataArgs {
    /// Opens the data, and tells what is odd about it.
    pub fn open(&self, seed: u64) -> Result<Parts> {
        let mut all = self.pictures.open(RANGE, self.mirror)?;
        if !self.only.is_empty() {
            all = all.only(&all.of_classes(&self.only)?)?;
        }
        let count = all.count();
        let Some(limit) = self.limit.filter(|limit| *limit != count) else {
            return Ok(Parts {
                training: all,
                held_back: None,
            });
        };
        if limit > count {
            let problem = format!("is more than the {count} samples that there are");
            return Err(Error::setting("limit", limit, problem));
        }
        let order = Stream::new(seed, "limit").permutation(count);
        let (training, rest) = order.split_at(limit);
        Ok(Parts {
            training: all.only(training)?,
            held_back: Some(all.only(rest)?),
        })
    }
}
