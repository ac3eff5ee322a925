//! The network's weights from a safetensors file.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::backend::Backend;
use burn_store::TensorSnapshot;
use sha2::{Digest, Sha256};

use super::network::{CLASSES, FEATURES, Folded, InceptionNetwork, UnitPlan, plan, units};
use crate::error::{Error, Result};
use crate::files;
use crate::models::{refuse, stored_tensors};
use crate::text::hex;

/// Added to a variance by the network's batch norms.
const EPSILON: f64 = 1e-3;

/// The network of a file, and the file's hash.
pub(super) fn read<B: Backend>(
    path: &Path,
    device: &B::Device,
) -> Result<(InceptionNetwork<B>, String)> {
    let bytes = files::read(path).map_err(|error| Error::io(path, error))?;
    let hash = hex(&Sha256::digest(&bytes));
    let mut file = File {
        path,
        tensors: stored_tensors(path, bytes)?,
    };
    let plan = plan();
    let mut folded = Vec::new();
    for unit in units(&plan) {
        folded.push(file.unit(unit)?);
    }
    let classes = file.classes()?;
    if let Some(name) = file.tensors.keys().next() {
        return Err(file.foreign(format!("the network has no `{name}`")));
    }
    let network = InceptionNetwork::new(&plan, folded, classes, device);
    Ok((network, hash))
}

/// The tensors of a file that nobody has asked for yet.
struct File<'a> {
    path: &'a Path,
    tensors: BTreeMap<String, TensorSnapshot>,
}

impl File<'_> {
    fn foreign(&self, problem: String) -> Error {
        refuse(
            self.path,
            format!("holds other weights than those of FID's Inception network: {problem}"),
        )
    }

    /// The numbers of a tensor.
    fn take(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let Some(found) = self.tensors.remove(name) else {
            return Err(self.foreign(format!("`{name}` is missing")));
        };
        if found.shape[..] != *shape {
            return Err(self.foreign(format!(
                "`{name}` has shape {:?}, the network needs {shape:?}",
                found.shape
            )));
        }
        if !found.dtype.is_float() {
            return Err(self.foreign(format!(
                "`{name}` is of type {:?}, the network needs floats",
                found.dtype
            )));
        }
        let data = found.to_data();
        let data = data.map_err(|error| self.foreign(format!("`{name}`: {error}")))?;
        let numbers: Vec<f32> = data.iter().collect();
        match numbers.iter().find(|number| !number.is_finite()) {
            Some(number) => Err(self.foreign(format!("`{name}` holds {number}"))),
            None => Ok(numbers),
        }
    }

    /// A convolution with the batch norm after it folded into it.
    ///
    /// ```text
    /// γ·(w∗x − μ)/√(σ² + ε) + β = (w·γ/√(σ² + ε))∗x + (β − μ·γ/√(σ² + ε))
    /// ```
    fn unit(&mut self, plan: &UnitPlan) -> Result<Folded> {
        let UnitPlan {
            name,
            channels: [inputs, outputs],
            kernel: [height, width],
            ..
        } = plan;
        let shape = [*outputs, *inputs, *height, *width];
        let mut weight = self.take(&format!("{name}.conv.weight"), &shape)?;
        let mut norm = |part: &str| self.take(&format!("{name}.bn.{part}"), &[*outputs]);
        let [gamma, beta] = [norm("weight")?, norm("bias")?];
        let [mean, variance] = [norm("running_mean")?, norm("running_var")?];
        // PyTorch's count of the batches, which nothing depends on.
        let _ = self
            .tensors
            .remove(&format!("{name}.bn.num_batches_tracked"));
        let mut bias = Vec::with_capacity(*outputs);
        let patches = weight.chunks_exact_mut(inputs * height * width);
        for (channel, patch) in patches.enumerate() {
            let variance = f64::from(variance[channel]) + EPSILON;
            if !(variance > 0.0) {
                return Err(self.foreign(format!(
                    "`{name}.bn.running_var` holds {}, which is no variance",
                    variance - EPSILON
                )));
            }
            let scale = f64::from(gamma[channel]) / variance.sqrt();
            for number in patch {
                *number = (f64::from(*number) * scale) as f32;
            }
            bias.push((f64::from(beta[channel]) - f64::from(mean[channel]) * scale) as f32);
        }
        Ok((weight, bias))
    }

    /// The last layer, where the file has it.
    fn classes(&mut self) -> Result<Option<Folded>> {
        let has = |name: &str| self.tensors.contains_key(name);
        if !has("fc.weight") && !has("fc.bias") {
            return Ok(None);
        }
        let weight = self.take("fc.weight", &[CLASSES, FEATURES])?;
        Ok(Some((weight, self.take("fc.bias", &[CLASSES])?)))
    }
}
