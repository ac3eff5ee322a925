//! Generated tables.

use std::fmt;
use std::path::Path;

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};

use crate::data::table::{
    ConditionFrequency, RowFilter, SavedTable, Table, TableCode, TableConditions, TableTransform,
};
use crate::error::{Error, Result, check};
use crate::latent::Latent;
use crate::models::{SavedGenerator, TabularGeneratorConfig};
use crate::network::{Generator, Vectors};
use crate::random::Stream;

/// Rows drawn at once, where nothing else is asked for.
const BATCH: usize = 500;
/// Rows that are drawn for each row that is asked for, before a condition is given up.
const TRIES: usize = 1_000;

type Draw<B> = dyn Fn(Tensor<B, 2>, Option<Vectors<B>>) -> Vec<f32>;

/// A trained generator of rows that tables are drawn from.
///
/// The seed decides the rows. Conditions are columns of names and their values as often as the training
/// table has them, or those that are asked for: a value that the generator was trained to be
/// conditioned on is told to it, and rows that have it not, or not the others that are asked for, are
/// drawn again (rejection).
///
/// ```
/// use burn_gan::burn::backend::Flex;
/// use burn_gan::data::table::{Column, Table, TableTransform, TransformSettings};
/// use burn_gan::models::TabularGeneratorConfig;
/// use burn_gan::sampling::TableSampler;
///
/// let table = Table::new(vec![
///     Column::integer("age", (20..70).map(f64::from).collect()),
///     Column::categorical("sex", (0..50).map(|i| i % 2).collect(), ["f", "m"]),
/// ])?;
/// let transform = TableTransform::fit(&table, &TransformSettings::default())?;
/// let device = Default::default();
/// let config = TabularGeneratorConfig::new(transform.heads());
/// let generator = config.init::<Flex>(&device)?;
/// let mut sampler = TableSampler::new(generator, config.prior(), transform, &device);
/// let rows = sampler.draw(30)?;
/// assert_eq!((rows.rows(), rows.columns()[1].schema.name.as_str()), (30, "sex"));
/// let women = sampler.draw_where(10, &["sex = f".parse()?])?;
/// assert!((0..10).all(|row| women.columns()[1].text(row) == "f"));
/// # Ok::<(), burn_gan::Error>(())
/// ```
pub struct TableSampler<B: Backend> {
    draw: Box<Draw<B>>,
    latent: Latent,
    transform: TableTransform,
    conditions: Option<TableConditions>,
    device: B::Device,
    stream: Stream,
    batch: usize,
}

impl<B: Backend> fmt::Debug for TableSampler<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableSampler")
            .field("latent", &self.latent)
            .field("batch", &self.batch)
            .finish_non_exhaustive()
    }
}

impl<B: Backend> TableSampler<B> {
    /// Draws from a saved [`TabularGenerator`](crate::models::TabularGenerator): its file
    /// ([`SavedGenerator`]), and that of its table ([`SavedTable`]).
    ///
    /// # Errors
    /// Those of [`SavedGenerator::open`], [`SavedGenerator::restore`] and [`SavedTable::open`]; if the two
    /// do not go together.
    pub fn open(
        generator: impl AsRef<Path>,
        table: impl AsRef<Path>,
        device: &B::Device,
    ) -> Result<Self> {
        let SavedTable {
            transform,
            conditions,
        } = SavedTable::open(&table)?;
        let saved = SavedGenerator::<TabularGeneratorConfig>::open(&generator)?;
        let settings = saved.settings();
        let conditioned = conditions
            .as_ref()
            .map(TableConditions::heads)
            .unwrap_or_default();
        if settings.heads != transform.heads()
            || settings.conditioned != conditioned
            || settings.prior() != *saved.latent()
        {
            let problem = format!("is not the table of {}", generator.as_ref().display());
            return Err(Error::data(table, problem));
        }
        let latent = saved.latent().clone();
        Ok(match conditions {
            None => {
                let generator = saved.restore(settings.init::<B>(device)?)?;
                Self::new(generator, latent, transform, device)
            }
            Some(conditions) => {
                let generator = saved.restore(settings.init_conditional::<B>(device)?)?;
                Self::conditional(generator, latent, transform, conditions, device)
            }
        })
    }

    /// Draws from a generator that is conditioned on nothing.
    pub fn new<G>(
        generator: G,
        latent: Latent,
        transform: TableTransform,
        device: &B::Device,
    ) -> Self
    where
        G: Generator<B, Sample = Tensor<B, 2>, Condition = ()> + 'static,
    {
        let draw = move |latents, _| {
            generator
                .generate(latents, &())
                .into_data()
                .iter()
                .collect()
        };
        Self::of(Box::new(draw), latent, transform, None, device)
    }

    /// Draws from a generator that is conditioned on values of these columns.
    pub fn conditional<G>(
        generator: G,
        latent: Latent,
        transform: TableTransform,
        conditions: TableConditions,
        device: &B::Device,
    ) -> Self
    where
        G: Generator<B, Sample = Tensor<B, 2>, Condition = Vectors<B>> + 'static,
    {
        let draw = move |latents, vectors: Option<Vectors<B>>| {
            let Some(vectors) = vectors else {
                panic!("a generator that is conditioned on vectors needs some");
            };
            generator
                .generate(latents, &vectors)
                .into_data()
                .iter()
                .collect()
        };
        Self::of(Box::new(draw), latent, transform, Some(conditions), device)
    }

    fn of(
        draw: Box<Draw<B>>,
        latent: Latent,
        transform: TableTransform,
        conditions: Option<TableConditions>,
        device: &B::Device,
    ) -> Self {
        Self {
            draw,
            latent,
            transform,
            conditions,
            device: device.clone(),
            stream: Stream::new(0, "rows"),
            batch: BATCH,
        }
    }

    /// Sets the seed; 0 by default. Rows begin anew with it.
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.stream = Stream::new(seed, "rows");
        self
    }

    /// Sets how many rows are drawn at once; 500 by default.
    ///
    /// # Errors
    /// If it is 0.
    pub fn with_batch(mut self, batch: usize) -> Result<Self> {
        check::at_least("batch", batch, 1)?;
        self.batch = batch;
        Ok(self)
    }

    /// How rows are coded.
    pub fn transform(&self) -> &TableTransform {
        &self.transform
    }

    /// The next rows, at least one.
    ///
    /// # Errors
    /// If none are asked for, or the generator draws numbers that are not finite.
    pub fn draw(&mut self, count: usize) -> Result<Table> {
        check::at_least("count", count, 1)?;
        let mut values = Vec::with_capacity(count * self.transform.width());
        let mut left = count;
        while left > 0 {
            let rows = left.min(self.batch);
            values.extend(self.values(rows, None));
            left -= rows;
        }
        self.transform.decode_values(&values)
    }

    /// The next rows that have these values, at least one.
    ///
    /// # Errors
    /// As [`draw`](Self::draw); if a column is none of the table's, a column of names has not the value,
    /// or fewer than one in a thousand rows that are drawn has all values.
    pub fn draw_where(&mut self, count: usize, filters: &[RowFilter]) -> Result<Table> {
        if filters.is_empty() {
            return self.draw(count);
        }
        let values = self.values_where(count, filters)?;
        self.transform.decode_values(&values)
    }

    /// As many rows of each value of a column of names, in random order: for a classifier of that column
    /// whose classes are unequal. One row more of the first values where `count` can't be divided.
    ///
    /// Put them beside the real rows, of which those of a rare class weigh more, not rows of the rare
    /// class alone: what tells generated rows from real ones would then tell the classes
    /// (`docs/tables.md`, with what it is worth).
    ///
    /// # Errors
    /// As [`draw_where`](Self::draw_where); if the column is one of numbers, or there are fewer rows than
    /// values.
    pub fn draw_balanced(&mut self, count: usize, column: &str) -> Result<Table> {
        let values = self.values_of(column)?;
        check::at_least("count", count, values.len())?;
        let width = self.transform.width();
        let mut drawn: Vec<f32> = Vec::with_capacity(count * width);
        for (place, value) in values.iter().enumerate() {
            let rows = count / values.len() + usize::from(place < count % values.len());
            let filter = RowFilter {
                column: column.to_owned(),
                value: value.clone(),
            };
            drawn.extend(self.values_where(rows, &[filter])?);
        }
        let order = self.stream.permutation(count);
        let rows = order
            .iter()
            .flat_map(|row| &drawn[row * width..(row + 1) * width]);
        let mixed: Vec<f32> = rows.copied().collect();
        self.transform.decode_values(&mixed)
    }

    /// The values of a column of names that a row can have.
    fn values_of(&self, column: &str) -> Result<Vec<String>> {
        let mut columns = self.transform.columns();
        match columns.find(|(schema, _)| schema.name == column) {
            Some((_, TableCode::Category(code))) => {
                Ok(code.names.iter().chain(&code.merged).cloned().collect())
            }
            Some(_) => {
                let problem = "is a column of numbers, which has no values to be balanced";
                Err(Error::setting("column", column, problem))
            }
            None => Err(self.no_column(column)),
        }
    }

    fn no_column(&self, column: &str) -> Error {
        let columns = self.transform.columns();
        let near =
            crate::settings::nearest(column, columns.map(|(schema, _)| schema.name.as_str()));
        let hint = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
        let problem = format!("is no column of the table{hint}");
        Error::setting("condition", column, problem)
    }

    /// Numbers of so many rows that have these values.
    fn values_where(&mut self, count: usize, filters: &[RowFilter]) -> Result<Vec<f32>> {
        check::at_least("count", count, 1)?;
        let told = self.told(filters)?;
        let width = self.transform.width();
        let mut kept: Vec<f32> = Vec::with_capacity(count * width);
        let mut drawn = 0;
        while kept.len() < count * width {
            if drawn >= TRIES * count.max(10) {
                let words = filters
                    .iter()
                    .map(|f| format!("{} = {}", f.column, f.value));
                let words: Vec<String> = words.collect();
                return Err(Error::setting(
                    "condition",
                    words.join(", "),
                    format!(
                        "has {} of {drawn} generated rows, fewer than one in {TRIES} for each of \
                         {count} that are asked for; ask for fewer values together",
                        kept.len() / width
                    ),
                ));
            }
            let values = self.values(self.batch, told);
            drawn += self.batch;
            let table = self.transform.decode_values(&values)?;
            let mut has = vec![true; table.rows()];
            for filter in filters {
                let own = filter.matches(&table)?;
                has.iter_mut().zip(own).for_each(|(has, own)| *has &= own);
            }
            let rows = values.chunks_exact(width).zip(has);
            rows.filter(|(_, has)| *has)
                .for_each(|(row, _)| kept.extend_from_slice(row));
        }
        kept.truncate(count * width);
        Ok(kept)
    }

    /// Numbers of rows; with this entry of the condition's vector, or one for each by its frequency.
    fn values(&mut self, count: usize, told: Option<usize>) -> Vec<f32> {
        let latents = self.latent.draw(count, &mut self.stream, &self.device);
        let vectors = self.conditions.as_ref().map(|conditions| {
            let places: Vec<usize> = (0..count)
                .map(|_| {
                    told.unwrap_or_else(|| {
                        let frequency = ConditionFrequency::Rows;
                        let (column, slot) = conditions.draw(frequency, &mut self.stream);
                        conditions.place(column, slot)
                    })
                })
                .collect();
            let shape = [count, conditions.width()];
            let values = TensorData::new(conditions.vectors(&places), shape);
            Vectors::new(Tensor::from_data(values, &self.device))
        });
        (self.draw)(latents, vectors)
    }

    /// The entry of the condition's vector that the generator is told: of the rarest value that it was
    /// trained on. Refuses values that no row can have.
    fn told(&self, filters: &[RowFilter]) -> Result<Option<usize>> {
        let mut rarest: Option<(u64, usize)> = None;
        for filter in filters {
            let mut columns = self.transform.columns().enumerate();
            let found = columns.find(|(_, (schema, _))| schema.name == filter.column);
            let Some((place, (schema, code))) = found else {
                return Err(self.no_column(&filter.column));
            };
            let TableCode::Category(code) = code else {
                continue;
            };
            let value = Some(filter.value.as_str()).filter(|value| !value.is_empty());
            // A merged name stands for others.
            let own = value.is_none_or(|value| {
                code.names
                    .iter()
                    .chain(&code.merged)
                    .any(|name| name == value)
            });
            let slot = code.slot(value).filter(|_| own);
            let Some(slot) = slot else {
                let near =
                    crate::settings::nearest(&filter.value, code.names.iter().map(String::as_str));
                let hint = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
                let problem = format!("is no value of the column `{}`{hint}", schema.name);
                return Err(Error::setting("condition", &filter.value, problem));
            };
            if let Some(conditions) = &self.conditions
                && let Some(column) = conditions.find(place)
            {
                let count = conditions.columns()[column].counts[slot];
                if rarest.is_none_or(|(least, _)| count < least) {
                    rarest = Some((count, conditions.place(column, slot)));
                }
            }
        }
        Ok(rarest.map(|(_, place)| place))
    }
}
