//! Linear algebra that metrics share, in double precision, by faer.
//!
//! Where faer splits work, sums may come out otherwise in their last bit. So it is told to split into
//! the same number of parts on every machine, and rayon gives those to the threads that there are.

use faer::dyn_stack::{MemBuffer, MemStack};
#[cfg(feature = "series")]
use faer::linalg::cholesky::llt;
use faer::linalg::cholesky::llt_pivoting::factor::{cholesky_in_place, cholesky_in_place_scratch};
use faer::linalg::matmul::matmul;
use faer::linalg::svd::{ComputeSvdVectors, svd, svd_scratch};
use faer::{Accum, Mat, MatRef, Par};

use crate::error::{Error, Result};

/// The parts that work is split into.
fn parts() -> Par {
    Par::rayon(8)
}

/// The product of two matrices.
pub(super) fn product(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Mat<f64> {
    let mut product = Mat::zeros(a.nrows(), b.ncols());
    matmul(&mut product, Accum::Replace, a, b, 1.0, parts());
    product
}

/// The sum of the singular values.
pub(super) fn nuclear_norm(metric: &str, matrix: &Mat<f64>) -> Result<f64> {
    let (rows, columns) = matrix.shape();
    let none = ComputeSvdVectors::No;
    let scratch = svd_scratch::<f64>(rows, columns, none, none, parts(), Default::default());
    let mut values = faer::diag::Diag::<f64>::zeros(rows.min(columns));
    svd(
        matrix.as_ref(),
        values.as_mut(),
        None,
        None,
        parts(),
        MemStack::new(&mut MemBuffer::new(scratch)),
        Default::default(),
    )
    .map_err(|error| Error::data(metric, format!("singular values did not settle: {error:?}")))?;
    Ok(values.column_vector().iter().sum())
}

/// The solution x of `matrix · x = right` for a symmetric matrix whose eigenvalues are above 0. What is above
/// the diagonal is not read.
#[cfg(feature = "series")]
pub(super) fn solve(metric: &str, matrix: Mat<f64>, right: Mat<f64>) -> Result<Mat<f64>> {
    let (mut lower, mut solution) = (matrix, right);
    let size = lower.nrows();
    let scratch = llt::factor::cholesky_in_place_scratch::<f64>(size, parts(), Default::default());
    let stack = &mut MemBuffer::new(scratch);
    let stack = MemStack::new(stack);
    let none = Default::default();
    llt::factor::cholesky_in_place(lower.as_mut(), none, parts(), stack, Default::default())
        .map_err(|error| {
            let problem = format!(
                "the equations can't be solved: {error:?}; look for numbers that are too large"
            );
            Error::data(metric, problem)
        })?;
    llt::solve::solve_in_place(lower.as_ref(), solution.as_mut(), parts(), stack);
    Ok(solution)
}

/// A matrix as L Lᵀ of another order of its rows and columns.
pub(super) struct Cholesky {
    /// Lower triangle; columns from `rank` on mean nothing, nor what is above the diagonal.
    pub(super) lower: Mat<f64>,
    pub(super) rank: usize,
    /// Which row of the matrix each row of L belongs to.
    pub(super) order: Vec<usize>,
}

/// The decomposition of a symmetric matrix without negative eigenvalues, the largest pivots first.
/// It ends where what is left is below `size · 2.2e-16` of the largest. What is above the diagonal is
/// not read.
pub(super) fn cholesky(metric: &str, matrix: Mat<f64>) -> Result<Cholesky> {
    let size = matrix.nrows();
    let mut lower = matrix;
    let (mut order, mut back) = (vec![0_usize; size], vec![0_usize; size]);
    let scratch = cholesky_in_place_scratch::<usize, f64>(size, parts(), Default::default());
    let decomposed = cholesky_in_place(
        lower.as_mut(),
        &mut order,
        &mut back,
        parts(),
        MemStack::new(&mut MemBuffer::new(scratch)),
        Default::default(),
    );
    let rank = match decomposed {
        Ok((info, _)) => info.rank,
        Err(error) => {
            let problem = format!("the covariance can't be decomposed: {error:?}");
            return Err(Error::data(metric, problem));
        }
    };
    Ok(Cholesky { lower, rank, order })
}
