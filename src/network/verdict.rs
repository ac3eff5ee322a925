//! What a discriminator says.

use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};

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
    pub fn inner(self) -> Verdict<B::InnerBackend> {
        self.map(Tensor::inner)
    }

    /// A verdict on a tape that nothing of it is recorded on.
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
