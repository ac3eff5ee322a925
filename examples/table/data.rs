//! The table: read, cut into two parts, coded.

use std::path::PathBuf;

use burn_gan::data::table::{
    Coded, ColumnKind, SavedTable, Table, TableConditions, TableSettings, TableTransform,
    TransformSettings,
};
use burn_gan::random::Stream;
use burn_gan::{Error, Result};

/// Fewer rows are no measure.
const FEWEST: usize = 8;

#[derive(Debug, Clone, clap::Args)]
pub struct Data {
    /// CSV file, plain or gzip
    #[arg(long, value_name = "FILE")]
    pub data: PathBuf,

    /// Column of names that a classifier is to tell by the others
    #[arg(long, value_name = "COLUMN")]
    pub target: String,

    /// How the file is read and coded, as JSON: kinds of columns, missing values, rare names [default: guessed]
    #[arg(long, value_name = "FILE")]
    pub settings: Option<PathBuf>,

    /// Lines before the table
    #[arg(long, value_name = "N")]
    pub skip: Option<u64>,

    /// Share of the rows that is held back; 0 to train on all of them and have no scores
    #[arg(long, default_value_t = 0.2, value_name = "SHARE")]
    pub held_back: f64,
}

/// What a run is made of.
pub struct Parts {
    pub training: Table,
    /// `None` where all rows are trained on.
    pub held_back: Option<Table>,
    pub saved: SavedTable,
    pub coded: Coded,
    /// How the transform was fitted.
    pub transform: TransformSettings,
}

impl Data {
    pub fn open(&self, seed: u64) -> Result<Parts> {
        let mut settings = match &self.settings {
            Some(file) => TableSettings::open(file)?,
            None => TableSettings::default(),
        };
        if let Some(skip) = self.skip {
            settings = settings.with_skip(skip);
        }
        let mut table = settings.read(&self.data)?;
        // A target that looks like numbers is one of names all the same.
        if table.column(&self.target)?.schema.kind.is_numeric() {
            settings = settings.with_kind(&self.target, ColumnKind::Categorical);
            table = settings.read(&self.data)?;
        }
        let rows = table.rows();
        let (training, held_back) = match self.held_back {
            0.0 => (table, None),
            held_back => {
                let stream = &mut Stream::new(seed, "held back");
                let (training, held_back) = table.split(1.0 - held_back, stream)?;
                (training, Some(held_back))
            }
        };
        let fewest = (held_back.iter().map(Table::rows)).fold(training.rows(), usize::min);
        if fewest < FEWEST {
            let problem = format!(
                "must leave {FEWEST} rows in each part of {rows}; 0 holds none back, and there are no scores"
            );
            return Err(Error::setting("held-back", self.held_back, problem));
        }
        let transform = TableTransform::fit(&training, &settings.transform)
            .map_err(|error| error.within("transform"))?;
        let coded = transform.encode(&training, &mut Stream::new(seed, "modes"))?;
        let conditions = TableConditions::of(&transform, &coded);
        Ok(Parts {
            training,
            held_back,
            saved: SavedTable {
                transform,
                conditions,
            },
            coded,
            transform: settings.transform,
        })
    }
}
