//! Batches from a data set that may fail: every one is looked at before it is trained on.

use std::path::PathBuf;

use crate::pair::{GanOf, Pair};
use burn::tensor::backend::Backend;

use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::network::guard::quietly;
use crate::network::{Condition, Discriminator, Generator, Sample};

/// Data for a pair of networks.
pub(super) type Data<'a, P> = dyn Dataset<<P as Pair>::Backend, Sample = <P as Pair>::Sample, Condition = <P as Pair>::Condition>
    + 'a;

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
/// If the data set fails or panics, or gives anything else than was asked for: the sample is named,
/// and its file where the data set knows one.
#[inline(never)]
pub(super) fn batch<B: Backend, T: Dataset<B> + ?Sized>(
    data: &T,
    indices: &[usize],
    expected: &Expected,
    device: &B::Device,
) -> Result<Delivered<T, B>> {
    let read = |indices: &[usize]| {
        let (sample, condition) = attempt(|| data.batch(indices, device))?;
        fits(&sample.shape(), indices.len(), &expected.shape)?;
        Ok((sample, condition))
    };
    let (sample, condition) = read(indices).map_err(|fault| named(indices, fault, read))?;
    if on_the_host::<B>(device) {
        labels_within(indices, &condition, &expected.classes)?;
    }
    Ok((sample, condition))
}

/// What is known about the samples at `indices`, without the samples; checked as in [`batch`].
///
/// # Errors
/// As [`batch`].
#[inline(never)]
pub(super) fn conditions<B: Backend, T: Dataset<B> + ?Sized>(
    data: &T,
    indices: &[usize],
    expected: &Expected,
    device: &B::Device,
) -> Result<T::Condition> {
    let read = |indices: &[usize]| attempt(|| data.conditions(indices, device));
    let condition = read(indices).map_err(|fault| named(indices, fault, read))?;
    if on_the_host::<B>(device) {
        labels_within(indices, &condition, &expected.classes)?;
    }
    Ok(condition)
}

/// Refuses labels that a network has no class for, and a number of them that is not the batch's.
#[inline(never)]
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

/// What is wrong with a batch.
struct Fault {
    /// The file at fault, where the data set names one.
    file: Option<PathBuf>,
    problem: String,
}

impl Fault {
    /// The error of what is at fault, a sample or a batch.
    fn of(self, what: &str) -> Error {
        let problem = self.problem;
        match self.file {
            Some(file) => Error::data(file, format!("{what} of the data set: {problem}")),
            None => Error::data("data set", format!("{what}: {problem}")),
        }
    }
}

fn attempt<R>(read: impl FnOnce() -> Result<R>) -> Result<R, Fault> {
    let (file, problem) = match quietly(read) {
        Ok(Ok(read)) => return Ok(read),
        Ok(Err(Error::Data { path, problem })) => (Some(path), problem),
        Ok(Err(Error::Io { path, source })) => (Some(path), source.to_string()),
        Ok(Err(error)) => (None, error.to_string()),
        Err(words) => (None, format!("reading it panicked: {words}")),
    };
    Err(Fault { file, problem })
}

/// Whether `count` samples were delivered, each of the shape that samples have (empty where that is
/// not known).
fn fits(delivered: &[usize], count: usize, shape: &[usize]) -> Result<(), Fault> {
    if delivered.first() == Some(&count) && (shape.is_empty() || delivered[1..] == *shape) {
        return Ok(());
    }
    let each = match shape {
        [] => String::new(),
        shape => format!(", each of shape {shape:?}"),
    };
    Err(Fault {
        file: None,
        problem: format!("came with shape {delivered:?}; asked for: {count}{each}"),
    })
}

/// The error of a batch that failed: its samples are asked for one by one, to name the one at
/// fault.
fn named<R>(
    indices: &[usize],
    mut fault: Fault,
    read: impl Fn(&[usize]) -> Result<R, Fault>,
) -> Error {
    for index in indices {
        if let Err(fault) = read(&[*index]) {
            return fault.of(&format!("sample {index} (counted from 0)"));
        }
    }
    let shown: Vec<String> = indices.iter().take(3).map(usize::to_string).collect();
    let more = if indices.len() > shown.len() {
        ", …"
    } else {
        ""
    };
    fault.problem += "; each of them alone can be read";
    fault.of(&format!(
        "a batch of {} samples ({}{more}, counted from 0)",
        indices.len(),
        shown.join(", ")
    ))
}

crate::compiled::compiled! {
    labels_within::<Tape, ()>,
    labels_within::<Tape, crate::network::Labels<Tape>>,
    batch::<Tape, dyn Dataset<Tape, Sample = burn::tensor::Tensor<Tape, 2>, Condition = ()>>,
    batch::<Tape, dyn Dataset<Tape, Sample = burn::tensor::Tensor<Tape, 2>, Condition = crate::network::Labels<Tape>>>,
    batch::<Tape, dyn Dataset<Tape, Sample = burn::tensor::Tensor<Tape, 4>, Condition = ()>>,
    batch::<Tape, dyn Dataset<Tape, Sample = burn::tensor::Tensor<Tape, 4>, Condition = crate::network::Labels<Tape>>>,
    conditions::<Tape, dyn Dataset<Tape, Sample = burn::tensor::Tensor<Tape, 2>, Condition = ()>>,
    conditions::<Tape, dyn Dataset<Tape, Sample = burn::tensor::Tensor<Tape, 2>, Condition = crate::network::Labels<Tape>>>,
    conditions::<Tape, dyn Dataset<Tape, Sample = burn::tensor::Tensor<Tape, 4>, Condition = ()>>,
    conditions::<Tape, dyn Dataset<Tape, Sample = burn::tensor::Tensor<Tape, 4>, Condition = crate::network::Labels<Tape>>>,
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
            "seven.png: sample 7 (counted from 0) of the data set: is no picture"
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
    fn the_file_at_fault_is_the_errors_file() {
        let expected = Expected::default();
        let device = Default::default();
        type Fault = fn(&mut Vec<[f32; 2]>) -> Result<()>;
        let faults: [Fault; 2] = [
            |_| Err(Error::data("seven.png", "is no picture")),
            |_| Err(Error::io("seven.png", std::io::ErrorKind::NotFound.into())),
        ];
        for fault in faults {
            let error = batch(&Faulty(fault), &[1, 7], &expected, &device).map(|_| ());
            let Err(Error::Data { path, problem }) = error else {
                panic!("{error:?}");
            };
            assert_eq!(path, std::path::Path::new("seven.png"));
            assert!(
                problem.starts_with("sample 7 (counted from 0) of"),
                "{problem}"
            );
        }
        // Settings of a data set have no file.
        let data = Faulty(|_| Err(Error::setting("size", 7, "is odd")));
        let error = batch(&data, &[7], &expected, &device).map(|_| ());
        let text = error.expect_err("a fault").to_string();
        assert!(text.starts_with("data set: sample 7"), "{text}");
    }

    #[test]
    fn a_batch_that_fails_but_none_of_its_samples_is_named_as_a_whole() {
        struct Narrow;
        impl Dataset<Cpu> for Narrow {
            type Sample = Tensor<Cpu, 2>;
            type Condition = ();

            fn len(&self) -> usize {
                10
            }

            fn batch(
                &self,
                indices: &[usize],
                device: &burn::tensor::Device<Cpu>,
            ) -> Result<(Tensor<Cpu, 2>, ())> {
                match indices.len() {
                    1 => Ok((Tensor::zeros([1, 2], device), ())),
                    _ => Err(Error::data("volume.tar", "is locked")),
                }
            }
        }
        let (expected, device) = (Expected::default(), Default::default());
        let failed = batch(&Narrow, &[4, 3, 2, 1], &expected, &device).map(|_| ());
        assert_eq!(
            failed.expect_err("a fault").to_string(),
            "volume.tar: a batch of 4 samples (4, 3, 2, …, counted from 0) of the data set: is locked; \
             each of them alone can be read"
        );
        let failed = conditions(&Narrow, &[4, 3], &expected, &device);
        let text = failed.expect_err("a fault").to_string();
        assert!(text.starts_with("volume.tar: a batch of 2 "), "{text}");
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
