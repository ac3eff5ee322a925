//! Batches from a data set that may fail: every one is looked at before it is trained on.

use crate::pair::{GanOf, Pair};
use burn::tensor::backend::Backend;

use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::network::guard::quietly;
use crate::network::{Condition, Discriminator, Generator, Sample};

/// What every batch of a run must be.
#[derive(Debug, Clone, Default)]
pub(super) struct Expected {
    /// The shape of a sample, without the batch; empty where it is not known yet.
    pub(super) shape: Vec<usize>,
    /// The networks that have a number of classes, and that number.
    pub(super) classes: Vec<(&'static str, usize)>,
}

/// The networks that have a number of classes, and that number.
pub(super) fn classes<P: Pair>(gan: &GanOf<P>) -> Vec<(&'static str, usize)> {
    let networks = [
        ("generator", gan.generator.classes()),
        ("discriminator", gan.discriminator.classes()),
    ];
    let with_classes = |(network, classes): (_, Option<usize>)| Some((network, classes?));
    networks.into_iter().filter_map(with_classes).collect()
}

/// A batch of samples with what is known about them.
pub(super) type Delivered<T, B> = (<T as Dataset<B>>::Sample, <T as Dataset<B>>::Condition);

/// The samples at `indices`, checked for their number and their shape, and for their labels where
/// reading those back makes no device wait.
///
/// # Errors
/// If the data set fails or panics, or gives anything else than was asked for: the sample is named.
pub(super) fn batch<B: Backend, T: Dataset<B> + ?Sized>(
    data: &T,
    indices: &[usize],
    expected: &Expected,
    device: &B::Device,
) -> Result<Delivered<T, B>> {
    let (sample, condition) = match read(data, indices, device) {
        Ok(batch) => batch,
        Err(problem) => return Err(named(data, indices, expected, &problem, device)),
    };
    let shape = sample.shape();
    let whole = shape.first() == Some(&indices.len())
        && (expected.shape.is_empty() || shape[1..] == expected.shape[..]);
    if !whole {
        let problem = format!(
            "a batch of {} samples came with shape {shape:?}{}",
            indices.len(),
            if expected.shape.is_empty() {
                String::new()
            } else {
                format!(", where samples have shape {:?}", expected.shape)
            }
        );
        return Err(named(data, indices, expected, &problem, device));
    }
    if on_the_host::<B>(device) {
        labels_within(indices, &condition, &expected.classes)?;
    }
    Ok((sample, condition))
}

/// Refuses labels that a network has no class for, and a number of them that is not the batch's.
pub(super) fn labels_within<B: Backend, C: Condition<B>>(
    indices: &[usize],
    condition: &C,
    classes: &[(&'static str, usize)],
) -> Result<()> {
    if classes.is_empty() {
        return Ok(());
    }
    let Some(labels) = condition.labels() else {
        return Ok(());
    };
    if labels.len() != indices.len() {
        return Err(Error::data(
            "data set",
            format!(
                "a batch of {} samples came with {} labels; give one for each",
                indices.len(),
                labels.len()
            ),
        ));
    }
    for (network, classes) in classes {
        let known = |label: i64| usize::try_from(label).is_ok_and(|label| label < *classes);
        let pairs = indices.iter().zip(&labels);
        if let Some((index, label)) = pairs.into_iter().find(|(_, label)| !known(**label)) {
            return Err(Error::data(
                "data set",
                format!(
                    "sample {index} (counted from 0) has label {label}, and the {network} was made \
                     for {classes} classes, labels 0 to {}; make it for more classes, or change \
                     the labels",
                    classes - 1
                ),
            ));
        }
    }
    Ok(())
}

/// Whether tensors lie in the host's memory, so that reading one waits for nothing.
fn on_the_host<B: Backend>(device: &B::Device) -> bool {
    let name = B::name(device);
    ["flex", "ndarray"].iter().any(|host| name.contains(host))
}

fn read<B: Backend, T: Dataset<B> + ?Sized>(
    data: &T,
    indices: &[usize],
    device: &B::Device,
) -> Result<Delivered<T, B>, String> {
    match quietly(|| data.batch(indices, device)) {
        Ok(Ok(batch)) => Ok(batch),
        Ok(Err(error)) => Err(error.to_string()),
        Err(words) => Err(format!("reading it panicked: {words}")),
    }
}

/// The error of a batch that failed: its samples are asked for one by one, to name the one at fault.
fn named<B: Backend, T: Dataset<B> + ?Sized>(
    data: &T,
    indices: &[usize],
    expected: &Expected,
    problem: &str,
    device: &B::Device,
) -> Error {
    for index in indices {
        let problem = match read(data, &[*index], device) {
            Err(problem) => problem,
            Ok((sample, _)) => {
                let shape = sample.shape();
                let fits = shape.first() == Some(&1)
                    && (expected.shape.is_empty() || shape[1..] == expected.shape[..]);
                if fits {
                    continue;
                }
                let needed = match expected.shape.as_slice() {
                    [] => "one sample".to_owned(),
                    shape => format!("one sample of shape {shape:?}"),
                };
                format!("came with shape {shape:?}, where {needed} was asked for")
            }
        };
        return Error::data(
            "data set",
            format!("sample {index} (counted from 0): {problem}"),
        );
    }
    let shown: Vec<String> = indices.iter().take(3).map(usize::to_string).collect();
    let more = if indices.len() > shown.len() {
        ", …"
    } else {
        ""
    };
    Error::data(
        "data set",
        format!(
            "a batch of {} samples ({}{more}, counted from 0): {problem}; each of them alone can be \
             read",
            indices.len(),
            shown.join(", ")
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Cpu;
    use burn::tensor::Tensor;

    /// A data set of points that does to sample 7 what it is told.
    struct Faulty(fn(&mut Vec<[f32; 2]>) -> Result<()>);

    impl Dataset<Cpu> for Faulty {
        type Sample = Tensor<Cpu, 2>;
        type Condition = ();

        fn len(&self) -> usize {
            10
        }

        fn batch(
            &self,
            indices: &[usize],
            device: &<Cpu as burn::tensor::backend::BackendTypes>::Device,
        ) -> Result<(Tensor<Cpu, 2>, ())> {
            let mut rows = vec![[0.5, 0.5]; indices.len()];
            if indices.contains(&7) {
                (self.0)(&mut rows)?;
            }
            let count = rows.len();
            let flat: Vec<f32> = rows.into_iter().flatten().collect();
            let points = Tensor::<Cpu, 1>::from_floats(flat.as_slice(), device);
            Ok((points.reshape([count, 2]), ()))
        }
    }

    fn refused(fault: fn(&mut Vec<[f32; 2]>) -> Result<()>) -> String {
        let expected = Expected {
            shape: vec![2],
            classes: Vec::new(),
        };
        let device = Default::default();
        let data = Faulty(fault);
        assert!(batch(&data, &[1, 2, 3], &expected, &device).is_ok());
        let error = batch(&data, &[1, 7, 3], &expected, &device).map(|_| ());
        error.expect_err("a fault").to_string()
    }

    #[test]
    fn the_sample_at_fault_is_named() {
        let error = refused(|_| Err(Error::data("seven.png", "is no picture")));
        assert_eq!(
            error,
            "data set: sample 7 (counted from 0): seven.png: is no picture"
        );
        let error = refused(|_| panic!("seven is missing"));
        assert_eq!(
            error,
            "data set: sample 7 (counted from 0): reading it panicked: seven is missing"
        );
        let error = refused(|rows| {
            rows.pop();
            Ok(())
        });
        assert!(error.contains("sample 7 (counted from 0): "), "{error}");
        assert!(error.contains("[0, 2]"), "{error}");
    }

    #[test]
    fn labels_without_a_class_are_named() {
        use crate::network::Labels;
        let labels = |values: [i32; 3]| -> Result<()> {
            let labels = Labels::<Cpu>::new(Tensor::from_ints(values, &Default::default()));
            labels_within::<Cpu, _>(&[4, 5, 6], &labels, &[("generator", 3)])
        };
        assert!(labels([0, 1, 2]).is_ok());
        for wrong in [3, -1] {
            let error = labels([0, wrong, 2]).expect_err("no such class");
            let text = error.to_string();
            assert!(text.contains(&format!("sample 5 (counted from 0) has label {wrong}")));
            assert!(text.contains("3 classes, labels 0 to 2"), "{text}");
        }
    }
}
