//! What optimisers remember, as named tensors: looked through before it is taken up.

use std::collections::HashMap;

use burn::module::ParamId;
use burn::tensor::TensorData;

use crate::records::{Parameter, Stored};

/// The names of what is remembered of a parameter, after its own.
pub(super) const TIME: &str = "time";
pub(super) const MOMENT_1: &str = "moment_1";
pub(super) const MOMENT_2: &str = "moment_2";
pub(super) const VELOCITY: &str = "velocity";

/// What was remembered of one parameter.
pub(super) enum Moments {
    /// The steps that Adam has seen, the mean gradient and the mean square.
    Adam(u64, [TensorData; 2]),
    /// The velocity of stochastic gradient descent.
    Sgd(TensorData),
}

/// What tensors hold of the memory of a network's parameters; or what is not of these parameters,
/// or could not have come from at most `steps` steps.
pub(super) fn memories(
    stored: Vec<Stored>,
    network: &[Parameter],
    steps: u64,
) -> Result<Vec<(ParamId, Moments)>, String> {
    let mut tensors: HashMap<String, Stored> = HashMap::with_capacity(stored.len());
    tensors.extend(
        stored
            .into_iter()
            .map(|tensor| (tensor.about.name.clone(), tensor)),
    );
    let mut memories = Vec::new();
    for parameter in network {
        let taken = [TIME, MOMENT_1, MOMENT_2, VELOCITY].map(|moment| {
            let name = format!("{}.{moment}", parameter.about.name);
            tensors.remove(&name)
        });
        let moments = match taken {
            [None, None, None, None] => continue,
            [Some(time), Some(first), Some(second), None] => {
                adam(parameter, steps, time, [first, second])
            }
            [None, None, None, Some(velocity)] => {
                moment(parameter, &velocity).map(|()| Moments::Sgd(velocity.data))
            }
            _ => Err("is not what an optimiser remembers".to_owned()),
        };
        let moments = moments.map_err(|problem| {
            format!("what it remembers of `{}` {problem}", parameter.about.name)
        })?;
        memories.push((parameter.id, moments));
    }
    match tensors.keys().min() {
        Some(name) => Err(format!(
            "it remembers `{name}`, which is of no parameter of its network"
        )),
        None => Ok(memories),
    }
}

fn adam(
    parameter: &Parameter,
    steps: u64,
    time: Stored,
    moments: [Stored; 2],
) -> Result<Moments, String> {
    let seen = time.data.as_slice::<u64>().ok();
    let seen = match (seen, time.about.shape.as_slice()) {
        (Some([seen]), [1]) => *seen,
        _ => return Err(format!("is no number of steps (`{TIME}`)")),
    };
    if !(1..=steps).contains(&seen) {
        return Err(format!("has seen {seen} steps, the network {steps}"));
    }
    for tensor in &moments {
        moment(parameter, tensor)?;
    }
    if moments[1].data.iter::<f64>().any(|value| value < 0.0) {
        return Err(format!("has a mean square below 0 (`{MOMENT_2}`)"));
    }
    Ok(Moments::Adam(seen, moments.map(|tensor| tensor.data)))
}

/// Refuses a moment that is not made as its parameter is.
fn moment(parameter: &Parameter, tensor: &Stored) -> Result<(), String> {
    let (own, about) = (&parameter.about, &tensor.about);
    let name = about.name.rsplit('.').next().unwrap_or_default();
    if about.shape != own.shape {
        return Err(format!(
            "has shape {:?} (`{name}`), the parameter {:?}",
            about.shape, own.shape
        ));
    }
    if about.dtype != own.dtype {
        return Err(format!(
            "is of type {:?} (`{name}`), the parameter of {:?}",
            about.dtype, own.dtype
        ));
    }
    if about.same_as.is_some() {
        return Err(format!("is no memory of its own (`{name}`)"));
    }
    Ok(())
}
