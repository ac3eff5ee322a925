//! What an objective takes over the whole batch, where a process has a part of it.

use std::cell::RefCell;

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};

use super::{Alone, ProcessGroup};
use crate::error::{Error, Result};

/// Means over a group of processes for an objective's terms, which can't return an error: the first
/// one is kept here, and whoever asked for the cost takes it out.
///
/// All parts of a batch have one length, so a mean over processes is a mean over the batch.
#[derive(Debug)]
pub(crate) struct Across<'a> {
    group: &'a dyn ProcessGroup,
    failure: RefCell<Option<Error>>,
}

impl Across<'static> {
    /// Over one process: everything stays as it is.
    pub(crate) fn nobody() -> Self {
        Self::of(&Alone)
    }
}

impl<'a> Across<'a> {
    pub(crate) fn of(group: &'a dyn ProcessGroup) -> Self {
        Self {
            group,
            failure: RefCell::new(None),
        }
    }

    /// Whether there is one process only.
    pub(crate) fn is_alone(&self) -> bool {
        self.group.size() == 1
    }

    pub(crate) fn size(&self) -> usize {
        self.group.size()
    }

    /// The first error of the group since the last call.
    pub(crate) fn failed(&self) -> Result<()> {
        match self.failure.borrow_mut().take() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// The sum over the processes, number by number. Where the group has failed, the numbers stay:
    /// the step that they belong to is given up.
    fn sums(&self, numbers: Vec<f64>) -> Vec<f64> {
        if self.failure.borrow().is_some() {
            return numbers;
        }
        match self.group.sum_f64(numbers.clone()) {
            Ok(sums) => sums,
            Err(error) => {
                *self.failure.borrow_mut() = Some(error);
                numbers
            }
        }
    }

    /// The mean over the processes, without a tape. Every process gets the same bits.
    pub(crate) fn mean<B: Backend, const R: usize>(&self, x: Tensor<B, R>) -> Tensor<B, R> {
        if self.is_alone() {
            return x.detach();
        }
        let x = x.detach();
        let (device, dtype, shape) = (x.device(), x.dtype(), x.shape());
        let sums = self.sums(x.into_data().iter::<f64>().collect());
        let share = 1.0 / self.group.size() as f64;
        let means: Vec<f64> = sums.into_iter().map(|sum| sum * share).collect();
        Tensor::from_data(TensorData::new(means, shape), (&device, dtype))
    }

    /// The mean over the processes, on the tape of this process' part.
    ///
    /// ```text
    /// m_r + stop(M − m_r),   M = mean over r of m_r
    /// ```
    ///
    /// It has M's value and m_r's gradient. A cost that is one function c of M on every process is
    /// averaged over processes in the end, so that the gradient is dc/dM times the mean of the m_r'
    /// gradients, which is M's: exact. A cost that each process has of its own, with M in it, needs
    /// [`mean_in_own_cost`](Self::mean_in_own_cost).
    pub(crate) fn mean_on_tape<B: Backend, const R: usize>(&self, x: Tensor<B, R>) -> Tensor<B, R> {
        if self.is_alone() {
            return x;
        }
        let beyond = self.mean(x.clone()) - x.clone().detach();
        x + beyond
    }

    /// What is to be added to a process' own cost so that its gradient with respect to the mean M over
    /// all processes, in the place of which it has a constant, is right; 0 in value.
    ///
    /// ```text
    /// g·(m_r − stop(m_r)),   g = mean over s of ∂c_s/∂M
    /// ```
    ///
    /// `slope` is this process' ∂c_r/∂M.
    pub(crate) fn mean_in_own_cost<B: Backend>(
        &self,
        x: Tensor<B, 1>,
        slope: Tensor<B, 1>,
    ) -> Tensor<B, 1> {
        let slope = self.mean(slope);
        let own = x.clone() - x.detach();
        (own * slope).sum()
    }

    /// The rows of all processes, one process after the other: `[batch]` from `[part]`, without a
    /// tape.
    pub(crate) fn rows(&self, own: &[f64]) -> Vec<f64> {
        let (rank, size) = (self.group.rank(), self.group.size());
        let mut all = vec![0.0; own.len() * size];
        all[rank * own.len()..(rank + 1) * own.len()].copy_from_slice(own);
        // A sum of one number and zeros is that number.
        self.sums(all)
    }

    /// Where this process' rows begin among all, of so many each.
    pub(crate) fn first_row(&self, own: usize) -> usize {
        self.group.rank() * own
    }
}
