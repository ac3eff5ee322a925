//! The group of one process.

use super::ProcessGroup;
use crate::error::Result;

/// The group of one process: every operation gives back what it was given, at once.
#[derive(Debug, Clone, Copy, Default)]
pub struct Alone;

impl ProcessGroup for Alone {
    fn rank(&self) -> usize {
        0
    }

    fn size(&self) -> usize {
        1
    }

    fn sum_f32(&self, values: Vec<f32>) -> Result<Vec<f32>> {
        Ok(values)
    }

    fn sum_f64(&self, values: Vec<f64>) -> Result<Vec<f64>> {
        Ok(values)
    }

    fn broadcast(&self, bytes: Vec<u8>) -> Result<Vec<u8>> {
        Ok(bytes)
    }

    fn gather(&self, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>> {
        Ok(vec![bytes])
    }

    fn barrier(&self) -> Result<()> {
        Ok(())
    }

    fn fail(&self, _problem: &str) {}
}
