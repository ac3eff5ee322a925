//! The windows that are trained on, and those that are held out.

use std::path::PathBuf;

use burn_gan::data::series::{
    MissingValues, SeriesScale, SeriesScaling, SeriesSet, SeriesSettings,
};
use burn_gan::prelude::Stream;
use burn_gan::{Error, Result};
use clap::builder::RangedU64ValueParser;
use clap::{Args, ValueEnum};

#[derive(Debug, Clone, Args)]
pub struct DataArgs {
    /// A `.ts` or CSV file, plain or gzip
    #[arg(long, value_name = "FILE")]
    pub data: PathBuf,

    /// A file of held-out series [default: a quarter of the windows of --data]
    #[arg(long, value_name = "FILE")]
    test: Option<PathBuf>,

    /// Moments of a window [default: whole series]
    #[arg(long, value_name = "N")]
    window: Option<usize>,

    /// Moments from one window to the next [default: a window's]
    #[arg(long, value_name = "N", requires = "window")]
    stride: Option<usize>,

    /// The columns of a CSV file that are channels [default: all others]
    #[arg(long, value_name = "NAME", num_args = 1..)]
    columns: Vec<String>,

    /// The column of a CSV file that names the class
    #[arg(long, value_name = "NAME")]
    class: Option<String>,

    /// The column of a CSV file that names the series
    #[arg(long, value_name = "NAME")]
    series: Option<String>,

    /// Fill in missing values from their neighbours
    #[arg(long)]
    interpolate: bool,

    /// Over what ranges values are scaled
    #[arg(long, value_enum, default_value_t = Scaling::PerChannel, value_name = "NAME")]
    scaling: Scaling,

    /// Leave the classes out
    #[arg(long)]
    unlabelled: bool,

    /// Train on so many windows alone, drawn by the seed
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    limit: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Scaling {
    /// Each channel over all windows
    PerChannel,
    /// Each window by itself
    PerSeries,
}

/// What is trained on, what is held out, and the scale of the first.
pub struct Parts {
    pub training: SeriesSet,
    pub held_out: SeriesSet,
    pub scale: SeriesScale,
}

impl DataArgs {
    pub fn open(&self, seed: u64) -> Result<Parts> {
        let settings = SeriesSettings {
            window: self.window,
            stride: self.stride,
            columns: self.columns.clone(),
            class: self.class.clone(),
            series: self.series.clone(),
            missing: match self.interpolate {
                true => MissingValues::Interpolate,
                false => MissingValues::Refuse,
            },
            ..SeriesSettings::default()
        };
        let read = |file: &PathBuf| -> Result<SeriesSet> {
            let mut series = settings.read(file)?;
            if self.unlabelled {
                series.classes.clear();
                series.labels.clear();
            }
            Ok(series)
        };
        let all = read(&self.data)?;
        let order = Stream::new(seed, "held out").permutation(all.count());
        let (mut training, held_out) = match &self.test {
            Some(file) => (all, read(file)?),
            None if all.count() < 4 => {
                let problem = format!("has {} windows: too few to hold a quarter out", all.count());
                return Err(Error::data(&self.data, problem));
            }
            None => {
                let (rest, chosen) = order.split_at(all.count() / 4);
                (all.only(chosen)?, all.only(rest)?)
            }
        };
        if let Some(limit) = self.limit {
            if limit > training.count() {
                let problem = format!(
                    "is more than the {} windows that there are",
                    training.count()
                );
                return Err(Error::setting("limit", limit, problem));
            }
            let order = Stream::new(seed, "limit").permutation(training.count());
            training = training.only(&order[..limit])?;
        }
        let scaling = match self.scaling {
            Scaling::PerChannel => SeriesScaling::PerChannel,
            Scaling::PerSeries => SeriesScaling::PerSeries,
        };
        let scale = SeriesScale::fit(scaling, &training)?;
        Ok(Parts {
            training,
            held_out,
            scale,
        })
    }
}

impl Parts {
    /// Labels of generated windows, in the shares of the training ones; none where there are no classes.
    pub fn labels(&self, count: usize) -> Vec<usize> {
        self.training
            .labels
            .iter()
            .copied()
            .cycle()
            .take(count)
            .collect()
    }
}
