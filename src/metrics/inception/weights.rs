//! The network's weights from a safetensors file.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use burn::tensor::DType;
use burn::tensor::backend::Backend;
use burn_store::TensorSnapshot;
use sha2::{Digest, Sha256};

use super::network::{
    BlockPlan, CLASSES, FEATURES, Folded, InceptionNetwork, UnitPlan, plan, units,
};
use crate::error::{Error, Result};
use crate::files;
use crate::models::{refuse, stored_tensors};
use crate::network::guard::quietly;
use crate::text::hex;

/// The last layer's.
const WEIGHT: &str = "fc.weight";
const BIAS: &str = "fc.bias";
/// Of a batch norm, each `[channels]`.
const NORM: [&str; 4] = ["weight", "bias", "running_mean", "running_var"];
/// Added to a variance by the network's batch norms.
const EPSILON: f64 = 1e-3;

/// The network of a file, and the file's hash.
pub(super) fn read<B: Backend>(
    path: &Path,
    device: &B::Device,
) -> Result<(InceptionNetwork<B>, String)> {
    let bytes = files::read(path).map_err(|error| Error::io(path, error))?;
    let hash = hex(&Sha256::digest(&bytes));
    let file = File {
        path,
        tensors: stored_tensors(path, bytes)?,
    };
    let plan = plan();
    // Names and shapes first: numbers are read when all of them fit.
    let classes = file.fits(&plan)?;
    let folded = units(&plan).map(|unit| file.unit(unit));
    let folded = folded.collect::<Result<Vec<_>>>()?;
    let classes = match classes {
        true => Some((file.take(WEIGHT)?, file.take(BIAS)?)),
        false => None,
    };
    let network = InceptionNetwork::new(&plan, folded, classes, device);
    Ok((network, hash))
}

/// The tensors of a file by their names.
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

    /// Refuses tensors that are not the network's; whether the last layer is among them.
    fn fits(&self, plan: &[BlockPlan]) -> Result<bool> {
        let mut known = HashSet::new();
        for unit in units(plan) {
            let [inputs, outputs] = unit.channels;
            let [height, width] = unit.kernel;
            let name = format!("{}.conv.weight", unit.name);
            self.fits_as(&name, &[outputs, inputs, height, width])?;
            known.insert(name);
            for part in NORM {
                let name = format!("{}.bn.{part}", unit.name);
                self.fits_as(&name, &[outputs])?;
                known.insert(name);
            }
            // PyTorch's count of the batches, on which nothing depends.
            known.insert(format!("{}.bn.num_batches_tracked", unit.name));
        }
        let classes = [WEIGHT, BIAS].map(|name| self.tensors.contains_key(name));
        let classes = classes.contains(&true);
        if classes {
            self.fits_as(WEIGHT, &[CLASSES, FEATURES])?;
            self.fits_as(BIAS, &[CLASSES])?;
            known.extend([WEIGHT, BIAS].map(str::to_owned));
        }
        match self.tensors.keys().find(|name| !known.contains(*name)) {
            Some(name) => Err(self.foreign(format!("the network has no `{name}`"))),
            None => Ok(classes),
        }
    }

    /// Refuses a tensor that is missing, of another shape or no floats.
    fn fits_as(&self, name: &str, shape: &[usize]) -> Result<()> {
        let problem = match self.tensors.get(name) {
            None => format!("`{name}` is missing"),
            Some(found) if found.shape[..] != *shape => format!(
                "`{name}` has shape {:?}, the network needs {shape:?}",
                found.shape
            ),
            Some(found) if !found.dtype.is_float() => format!(
                "`{name}` is of type {:?}, the network needs floats",
                found.dtype
            ),
            Some(_) => return Ok(()),
        };
        Err(self.foreign(problem))
    }

    /// The numbers of a tensor that was found to fit.
    fn take(&self, name: &str) -> Result<Vec<f32>> {
        let data = quietly(|| self.tensors[name].to_data())
            .map_err(|words| self.foreign(format!("`{name}`: {words}")))?
            .map_err(|error| self.foreign(format!("`{name}`: {error}")))?;
        let numbers: Vec<f32> = data
            .convert_dtype(DType::F32)
            .into_vec()
            .map_err(|error| self.foreign(format!("`{name}` can't be read: {error:?}")))?;
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
    fn unit(&self, plan: &UnitPlan) -> Result<Folded> {
        let name = &plan.name;
        let mut weight = self.take(&format!("{name}.conv.weight"))?;
        let norm = |part: usize| self.take(&format!("{name}.bn.{}", NORM[part]));
        let (gamma, beta, mean, variance) = (norm(0)?, norm(1)?, norm(2)?, norm(3)?);
        let mut bias = Vec::with_capacity(beta.len());
        let patch = weight.len() / beta.len();
        for (channel, patch) in weight.chunks_exact_mut(patch).enumerate() {
            let spread = f64::from(variance[channel]) + EPSILON;
            if !(spread > 0.0) {
                return Err(self.foreign(format!(
                    "`{name}.bn.running_var` holds {}, which is no variance",
                    variance[channel]
                )));
            }
            let scale = f64::from(gamma[channel]) / spread.sqrt();
            for number in patch {
                *number = (f64::from(*number) * scale) as f32;
            }
            bias.push((f64::from(beta[channel]) - f64::from(mean[channel]) * scale) as f32);
        }
        Ok((weight, bias))
    }
}
