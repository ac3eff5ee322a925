//! Samples in host memory.

use std::slice::ChunksExact;

/// Samples that were drawn, row-major one after the other, and what they were conditioned on.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawn {
    values: Vec<f32>,
    shape: Vec<usize>,
    labels: Option<Vec<usize>>,
}

impl Drawn {
    /// Whole samples of `shape`, which has at least one number; a label for each, if any.
    pub(super) fn new(values: Vec<f32>, shape: Vec<usize>, labels: Option<Vec<usize>>) -> Self {
        Self {
            values,
            shape,
            labels,
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.values.len() / self.size()
    }

    /// The shape of a sample: `[channels, height, width]` of an image, `[numbers]` of a point.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The numbers of a sample.
    fn size(&self) -> usize {
        self.shape.iter().product()
    }

    /// All numbers, row-major `[count, …shape]`.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// All numbers, row-major `[count, …shape]`.
    pub fn into_values(self) -> Vec<f32> {
        self.values
    }

    /// The numbers of each sample.
    pub fn rows(&self) -> ChunksExact<'_, f32> {
        self.values.chunks_exact(self.size())
    }

    /// The class of each sample, where the generator is told classes.
    pub fn labels(&self) -> Option<&[usize]> {
        self.labels.as_deref()
    }

    /// Those at these places, in this order.
    ///
    /// # Panics
    /// If there is no sample at a place.
    pub fn select(&self, places: &[usize]) -> Self {
        let size = self.size();
        let mut values = Vec::with_capacity(places.len() * size);
        for place in places {
            values.extend_from_slice(&self.values[place * size..(place + 1) * size]);
        }
        let of_places = |labels: &Vec<usize>| places.iter().map(|place| labels[*place]).collect();
        Self {
            values,
            shape: self.shape.clone(),
            labels: self.labels.as_ref().map(of_places),
        }
    }

    /// Appends samples of the same generator.
    pub(super) fn append(&mut self, more: Self) {
        self.values.extend(more.values);
        if let (Some(labels), Some(more)) = (&mut self.labels, more.labels) {
            labels.extend(more);
        }
    }
}
