//! What a discriminator says.

use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};

/// The name of the output in which a discriminator returns how badly it made each sample again,
/// `[batch, 1]`, for [`Reconstruction`](crate::objective::Reconstruction).
pub const RECONSTRUCTION: &str = "reconstruction";

/// What a discriminator says about a batch. It reaches losses and terms of an objective whole, for
/// real and for generated samples.
///
/// Most discriminators return logits alone: `Verdict::from(logits)`, or `.into()`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Verdict<B: Backend> {
    /// One logit per sample and patch, `[batch, patches]`: ln of the odds that the sample is
    /// real. `patches` is 1 unless the network judges regions of a sample.
    pub logits: Tensor<B, 2>,
    /// Class logits of an auxiliary classifier, `[batch, classes]`.
    pub class_logits: Option<Tensor<B, 2>>,
    /// Features of an inner layer, `[batch, features]`, for feature matching.
    pub features: Option<Tensor<B, 2>>,
    /// Whatever else a network returns, `[batch, numbers]` each, by its name.
    pub outputs: Vec<(String, Tensor<B, 2>)>,
}

impl<B: Backend> Verdict<B> {
    /// Adds the class logits of an auxiliary classifier, `[batch, classes]`.
    pub fn with_class_logits(mut self, class_logits: Tensor<B, 2>) -> Self {
        self.class_logits = Some(class_logits);
        self
    }

    /// Adds features of an inner layer, `[batch, features]`.
    pub fn with_features(mut self, features: Tensor<B, 2>) -> Self {
        self.features = Some(features);
        self
    }

    /// Adds whatever else a network returns, `[batch, numbers]`, in the place of an output of this
    /// name: the codes that it recovers from a sample, say.
    pub fn with_output(mut self, name: impl Into<String>, output: Tensor<B, 2>) -> Self {
        let name = name.into();
        self.outputs.retain(|(known, _)| *known != name);
        self.outputs.push((name, output));
        self
    }

    /// The output of this name, `[batch, numbers]`.
    pub fn output(&self, name: &str) -> Option<&Tensor<B, 2>> {
        let mut outputs = self.outputs.iter();
        let (_, output) = outputs.find(|(known, _)| known == name)?;
        Some(output)
    }

    /// The same verdict made of other tensors.
    fn map<C: Backend>(self, tensor: impl Fn(Tensor<B, 2>) -> Tensor<C, 2>) -> Verdict<C> {
        Verdict {
            logits: tensor(self.logits),
            class_logits: self.class_logits.map(&tensor),
            features: self.features.map(&tensor),
            outputs: (self.outputs.into_iter())
                .map(|(name, output)| (name, tensor(output)))
                .collect(),
        }
    }

    /// The same verdict, cut from the tape.
    pub fn detach(self) -> Self {
        self.map(Tensor::detach)
    }

    /// Verdicts on parts of a batch, one after the other.
    ///
    /// # Panics
    /// If there is none, or they differ in what they hold or in how wide it is.
    #[inline(never)]
    pub fn concatenate(verdicts: Vec<Self>) -> Self {
        let Some(first) = verdicts.first().cloned() else {
            panic!("no verdicts to concatenate");
        };
        if verdicts.len() == 1 {
            return first;
        }
        let differ = "a discriminator returned a part of its verdict for some of a batch only";
        assert!(
            (verdicts.iter()).all(|verdict| verdict.outputs.len() == first.outputs.len()),
            "{differ}"
        );
        let joined = |part: &dyn Fn(&Self) -> Option<Tensor<B, 2>>| {
            let parts: Vec<_> = verdicts.iter().filter_map(part).collect();
            assert!(
                parts.is_empty() || parts.len() == verdicts.len(),
                "{differ}"
            );
            (!parts.is_empty()).then(|| Tensor::cat(parts, 0))
        };
        let outputs = first.outputs.iter().filter_map(|(name, _)| {
            let output = joined(&|verdict| verdict.output(name).cloned())?;
            Some((name.clone(), output))
        });
        Self {
            logits: Tensor::cat(verdicts.iter().map(|v| v.logits.clone()).collect(), 0),
            class_logits: joined(&|verdict| verdict.class_logits.clone()),
            features: joined(&|verdict| verdict.features.clone()),
            outputs: outputs.collect(),
        }
    }
}

impl<B: AutodiffBackend> Verdict<B> {
    /// The same verdict without the outermost tape.
    #[inline(never)]
    pub fn inner(self) -> Verdict<B::InnerBackend> {
        self.map(Tensor::inner)
    }

    /// A verdict on a tape that nothing of it is recorded on.
    #[inline(never)]
    pub fn from_inner(inner: Verdict<B::InnerBackend>) -> Self {
        inner.map(Tensor::from_inner)
    }
}

impl<B: Backend> From<Tensor<B, 2>> for Verdict<B> {
    fn from(logits: Tensor<B, 2>) -> Self {
        Self {
            logits,
            class_logits: None,
            features: None,
            outputs: Vec::new(),
        }
    }
}

crate::compiled::compiled! {
    Verdict::<Plain>::concatenate,
    Verdict::<Tape>::concatenate,
    Verdict::<Tape>::inner,
    Verdict::<Tapes>::inner,
    Verdict::<Tape>::from_inner,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{for_each_autodiff_backend, tensor2, values};

    fn whole<B: Backend>(start: f64) -> Verdict<B> {
        let numbers = |at: f64| tensor2::<B, 2>([[at, at + 1.0], [at + 2.0, at + 3.0]]);
        Verdict::from(numbers(start).narrow(1, 0, 1))
            .with_class_logits(numbers(start + 10.0))
            .with_features(numbers(start + 20.0))
            .with_output("digit", numbers(start + 30.0))
            .with_output("slant", numbers(start + 40.0).narrow(1, 1, 1))
    }

    /// All that a verdict holds, logits first.
    fn parts<B: Backend>(verdict: &Verdict<B>) -> Vec<([usize; 2], Vec<f64>)> {
        let first = [
            Some(verdict.logits.clone()),
            verdict.class_logits.clone(),
            verdict.features.clone(),
        ];
        let outputs = ["digit", "slant"].map(|name| verdict.output(name).cloned());
        let all = first.into_iter().chain(outputs).flatten();
        all.map(|part| (part.dims(), values(part))).collect()
    }

    fn outputs_are_known_by_their_names<B: Backend>() {
        let verdict = whole::<B>(0.0);
        assert_eq!(parts(&verdict).len(), 5);
        assert!(verdict.output("digits").is_none());
        // In the place of the one that has the name.
        let verdict = verdict.with_output("digit", tensor2::<B, 1>([[7.0], [8.0]]));
        assert_eq!(verdict.outputs.len(), 2);
        let digit = verdict.output("digit").cloned().expect("an output");
        assert_eq!(values(digit), [7.0, 8.0]);
        let plain = Verdict::from(tensor2::<B, 1>([[1.0]]));
        assert!(plain.class_logits.is_none() && plain.features.is_none());
        assert!(plain.outputs.is_empty());
    }

    fn parts_of_a_batch_are_joined_whole<B: Backend>() {
        let mut second = whole::<B>(100.0);
        // In whatever order a network adds them.
        second.outputs.reverse();
        let both = Verdict::concatenate(vec![whole(0.0), second]);
        assert_eq!(values(both.logits.clone()), [0.0, 2.0, 100.0, 102.0]);
        let joined = parts(&both);
        let [first, second] = [0.0, 100.0].map(|start| parts(&whole::<B>(start)));
        for ((joined, first), second) in joined.iter().zip(first).zip(second) {
            assert_eq!(joined.0, [4, first.0[1]]);
            assert_eq!(joined.1, [first.1, second.1].concat());
        }
        let one = Verdict::concatenate(vec![whole::<B>(3.0)]);
        assert_eq!(parts(&one), parts(&whole::<B>(3.0)));
    }

    fn verdicts_leave_the_tape_and_come_back<B: AutodiffBackend>() {
        let weight = tensor2::<B, 1>([[2.0], [3.0]]).require_grad();
        let on_tape = |verdict: Verdict<B>| {
            verdict.map(|part| {
                let columns = part.dims()[1];
                part * weight.clone().repeat_dim(1, columns)
            })
        };
        let reaches = |part: Tensor<B, 2>| {
            let total = part.sum() + weight.clone().sum() * 0.0;
            let slope = weight.grad(&total.backward()).expect("a gradient");
            values(slope).iter().any(|slope| *slope != 0.0)
        };
        let every = |verdict: Verdict<B>| {
            let outputs = verdict.outputs.into_iter().map(|(_, part)| part);
            let others = [verdict.class_logits, verdict.features];
            let others = others.into_iter().flatten().chain(outputs);
            [verdict.logits]
                .into_iter()
                .chain(others)
                .map(reaches)
                .collect::<Vec<_>>()
        };
        let verdict = on_tape(whole(1.0));
        let expected = parts(&verdict);
        assert_eq!(every(verdict.clone()), [true; 5]);
        assert_eq!(parts(&verdict.clone().detach()), expected);
        assert_eq!(every(verdict.clone().detach()), [false; 5]);
        let inner = verdict.inner();
        assert_eq!(parts(&inner), expected);
        let again = Verdict::<B>::from_inner(inner);
        assert_eq!(parts(&again), expected);
        assert_eq!(every(again), [false; 5]);
    }

    for_each_autodiff_backend!(
        outputs_are_known_by_their_names,
        parts_of_a_batch_are_joined_whole,
        verdicts_leave_the_tape_and_come_back,
    );

    type Cpu = crate::testing::Cpu;

    #[test]
    fn what_is_said_about_a_part_of_a_batch_only_is_not_lost_silently() {
        let plain = || Verdict::from(tensor2::<Cpu, 1>([[1.0], [2.0]]));
        let numbers = || tensor2::<Cpu, 2>([[1.0, 2.0], [3.0, 4.0]]);
        for other in [
            plain().with_class_logits(numbers()),
            plain().with_features(numbers()),
            plain().with_output("digit", numbers()),
        ] {
            for pair in [vec![plain(), other.clone()], vec![other, plain()]] {
                let joined = crate::network::guard::quietly(|| Verdict::concatenate(pair));
                assert!(joined.is_err());
            }
        }
        let named = |name: &str| plain().with_output(name, numbers());
        let pair = vec![named("digit"), named("slant")];
        assert!(crate::network::guard::quietly(|| Verdict::concatenate(pair)).is_err());
    }

    #[test]
    #[should_panic(expected = "no verdicts to concatenate")]
    fn no_verdicts_are_none() {
        let _ = Verdict::<Cpu>::concatenate(Vec::new());
    }
}
