//! Tables to be trained on.

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};

use super::conditions::{ConditionFrequency, TableConditions};
use super::transform::Coded;
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::network::Vectors;
use crate::random::Stream;

/// Draws for each row of the table…
const DRAWS: usize = 64;
/// …but no more than so many in all.
const MOST: usize = 1 << 22;

/// The rows of a coded table, `[batch, width]`, conditioned on nothing.
#[derive(Debug, Clone)]
pub struct TableRows {
    coded: Coded,
    digest: String,
}

/// Rows drawn for a condition each (training by sampling): a column of names at random, one of its
/// values by ln(1 + rows), a row that has it.
///
/// ```text
/// column ~ U,   P(value) ∝ ln(1 + rows with the value),   row ~ U(rows with the value)
/// ```
///
/// So values that few rows have are met often. Samples are `[batch, width]`, conditions
/// [`Vectors`] of [`TableConditions`]; with the real batch's conditions for generated rows
/// ([`ConditionRule::Real`](crate::network::ConditionRule::Real), the default) both sides of a step
/// have the same. The data set's length is that of a list of draws that the seed decides, up to 64 for
/// each row: an epoch shows each draw once.
///
/// Xu et al. 2019, arXiv:1907.00503, section 4.3.
#[derive(Debug, Clone)]
pub struct TableDraws {
    coded: Coded,
    conditions: TableConditions,
    /// For each column of the conditions the rows by their values, and where those of each value
    /// begin.
    rows: Vec<(Vec<u32>, Vec<usize>)>,
    seed: u64,
    len: usize,
    digest: String,
}

fn gather<B: Backend>(coded: &Coded, rows: &[usize], device: &B::Device) -> Tensor<B, 2> {
    let mut values = Vec::with_capacity(rows.len() * coded.width());
    rows.iter()
        .for_each(|row| coded.write_row(*row, &mut values));
    let shape = [rows.len(), coded.width()];
    Tensor::from_data(TensorData::new(values, shape), device)
}

impl TableRows {
    /// The rows of a table; `digest` is the table's ([`Table::digest`](super::Table::digest)).
    pub fn new(coded: Coded, digest: String) -> Self {
        Self { coded, digest }
    }
}

impl<B: Backend> Dataset<B> for TableRows {
    type Sample = Tensor<B, 2>;
    type Condition = ();

    fn len(&self) -> usize {
        self.coded.rows()
    }

    fn batch(&self, indices: &[usize], device: &B::Device) -> Result<(Tensor<B, 2>, ())> {
        Ok((gather(&self.coded, indices, device), ()))
    }

    fn conditions(&self, _indices: &[usize], _device: &B::Device) -> Result<()> {
        Ok(())
    }

    fn digest(&self) -> Option<String> {
        Some(self.digest.clone())
    }
}

impl TableDraws {
    /// Draws of rows; `digest` is the table's ([`Table::digest`](super::Table::digest)).
    ///
    /// # Errors
    /// If there are more than 2³² rows, or the conditions are of another table.
    pub fn new(
        coded: Coded,
        conditions: TableConditions,
        seed: u64,
        digest: String,
    ) -> Result<Self> {
        let count = coded.rows();
        if u32::try_from(count).is_err() {
            return Err(Error::data(
                "table",
                format!("has {count} rows, more than 2³²"),
            ));
        }
        let mut rows = Vec::with_capacity(conditions.columns().len());
        for column in conditions.columns() {
            let slots = coded
                .columns()
                .get(column.column)
                .map(|cells| cells.slots());
            let counts = slots.map(|slots| {
                let mut counts = vec![0_u64; column.counts.len()];
                for slot in slots {
                    if let Some(count) = counts.get_mut(*slot as usize) {
                        *count += 1;
                    }
                }
                (slots, counts)
            });
            let Some((slots, _)) = counts.filter(|(_, counts)| *counts == column.counts) else {
                let problem = "has not the values that the conditions were made of";
                return Err(Error::data("coded table", problem));
            };
            let mut order: Vec<u32> = (0..count as u32).collect();
            order.sort_by_key(|row| slots[*row as usize]);
            let mut starts = vec![0];
            for count in &column.counts {
                starts.push(starts[starts.len() - 1] + *count as usize);
            }
            rows.push((order, starts));
        }
        Ok(Self {
            len: count.max((count * DRAWS).min(MOST)),
            coded,
            conditions,
            rows,
            seed,
            digest: format!("{digest}-{seed}"),
        })
    }

    /// What rows are conditioned on.
    pub fn table_conditions(&self) -> &TableConditions {
        &self.conditions
    }

    /// The place of the condition in the vector, and the row.
    fn draw(&self, index: usize) -> (usize, usize) {
        // Seeds of neighbours are far apart.
        let seed = self.seed ^ (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut stream = Stream::new(seed, "training by sampling");
        let (column, slot) = self
            .conditions
            .draw(ConditionFrequency::Logarithm, &mut stream);
        let (rows, starts) = &self.rows[column];
        let own = &rows[starts[slot]..starts[slot + 1]];
        let row = own[stream.index(own.len())];
        (self.conditions.place(column, slot), row as usize)
    }

    fn vectors<B: Backend>(&self, places: &[usize], device: &B::Device) -> Vectors<B> {
        let shape = [places.len(), self.conditions.width()];
        let values = TensorData::new(self.conditions.vectors(places), shape);
        Vectors::new(Tensor::from_data(values, device))
    }
}

impl<B: Backend> Dataset<B> for TableDraws {
    type Sample = Tensor<B, 2>;
    type Condition = Vectors<B>;

    fn len(&self) -> usize {
        self.len
    }

    fn batch(&self, indices: &[usize], device: &B::Device) -> Result<(Tensor<B, 2>, Vectors<B>)> {
        let drawn = indices.iter().map(|index| self.draw(*index));
        let (places, rows): (Vec<usize>, Vec<usize>) = drawn.unzip();
        Ok((
            gather(&self.coded, &rows, device),
            self.vectors(&places, device),
        ))
    }

    fn conditions(&self, indices: &[usize], device: &B::Device) -> Result<Vectors<B>> {
        let places: Vec<usize> = indices.iter().map(|index| self.draw(*index).0).collect();
        Ok(self.vectors(&places, device))
    }

    fn digest(&self) -> Option<String> {
        Some(self.digest.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Column, Table, TableTransform, TransformSettings};
    use super::*;
    use crate::testing::{Cpu, values};

    fn coded() -> (TableTransform, Coded) {
        // 90 rows of a, 9 of b, 1 of c.
        let codes: Vec<u32> = (0..100)
            .map(|i| u32::from(i >= 90) + u32::from(i == 99))
            .collect();
        let numbers = (0..100).map(f64::from).collect();
        let table = Table::new(vec![
            Column::continuous("x", numbers),
            Column::categorical("c", codes, ["a", "b", "c"]),
            Column::categorical("one", vec![0; 100], ["only"]),
        ]);
        let table = table.expect("a table");
        let transform = TableTransform::fit(&table, &TransformSettings::default());
        let transform = transform.expect("a transform");
        let coded = transform.encode(&table, &mut Stream::new(1, "modes"));
        (transform, coded.expect("numbers"))
    }

    #[test]
    fn rare_values_are_drawn_by_the_logarithm_and_rows_have_them() {
        let (transform, coded) = coded();
        let conditions = TableConditions::of(&transform, &coded).expect("a column of names");
        assert_eq!((conditions.width(), conditions.heads()), (3, vec![2]));
        let width = coded.width();
        let start = width - 4;
        let data = TableDraws::new(coded, conditions, 7, String::new()).expect("draws");
        let count = Dataset::<Cpu>::len(&data);
        assert_eq!(count, 6_400);
        let indices: Vec<usize> = (0..count).collect();
        let device = Default::default();
        let (rows, told) = Dataset::<Cpu>::batch(&data, &indices, &device).expect("rows");
        let (rows, told) = (values(rows), values(told.values));
        let mut counts = [0.0; 3];
        for (row, told) in rows.chunks(width).zip(told.chunks(3)) {
            // The row has the value that it was drawn for.
            assert_eq!(row[start..start + 3], *told);
            counts
                .iter_mut()
                .zip(told)
                .for_each(|(count, told)| *count += told);
        }
        let logs = [91f64.ln(), 10f64.ln(), 2f64.ln()];
        let all: f64 = logs.iter().sum();
        for (count, log) in counts.iter().zip(logs) {
            // Five standard errors at most.
            assert!((count / 6_400.0 - log / all).abs() < 0.032, "{counts:?}");
        }
        let alone = Dataset::<Cpu>::conditions(&data, &[5, 4_000], &device).expect("vectors");
        let again = Dataset::<Cpu>::batch(&data, &[5, 4_000], &device)
            .expect("rows")
            .1;
        assert_eq!(values(alone.values), values(again.values));
    }

    #[test]
    fn conditions_of_another_table_are_refused() {
        let (transform, coded) = coded();
        let conditions = TableConditions::of(&transform, &coded).expect("a column of names");
        let other = Table::new(vec![
            Column::continuous("x", vec![1.0, 2.0]),
            Column::categorical("c", vec![0, 1], ["a", "b", "c"]),
            Column::categorical("one", vec![0, 0], ["only"]),
        ]);
        let other = transform.encode(&other.expect("a table"), &mut Stream::new(1, "modes"));
        let error = TableDraws::new(other.expect("numbers"), conditions, 0, String::new());
        assert!(
            error
                .expect_err("others")
                .to_string()
                .contains("has not the values")
        );
    }
}
