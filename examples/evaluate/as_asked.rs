//! Whether generated images are of the classes that they were asked for.

use burn_gan::Result;
use burn_gan::metrics::{ClassAccuracy, ExtractorId};
use burn_gan::prelude::*;
use serde::Serialize;

use crate::Args;
use crate::common;
use crate::sets::{ImageSets, Sets};

const NAME: &str = "class_accuracy";

/// The share of generated images that are of the class asked for, and how often the classifier is right about
/// real ones.
#[derive(Serialize)]
pub struct AsAsked {
    accuracy: f64,
    standard_error: f64,
    generated: usize,
    /// Of real images, where their classes are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    accuracy_of_real: Option<f64>,
    /// Of each class asked for: how many images were taken for which.
    counts: Vec<Vec<usize>>,
    classifier: ExtractorId,
    seed: u64,
}

impl Args {
    /// Whether it can be measured; refused in words where it was asked for and can't.
    pub fn can_be_as_asked<B: Backend>(&self, images: &ImageSets<B>) -> Result<bool> {
        let problem = match (&self.classifier, images.classes()) {
            (None, _) => "needs `--classifier`",
            (_, None) => "needs a generator that is told classes",
            (Some(_), Some(_)) => return Ok(true),
        };
        self.refused(NAME, problem)?;
        Ok(false)
    }

    /// The share, printed; from logits of the classifier `classifier`.
    pub fn as_asked<B: Backend>(
        &self,
        images: &ImageSets<B>,
        logits: &Sets,
        classifier: ExtractorId,
    ) -> Result<Option<AsAsked>> {
        let Some((asked, classes)) = images.asked().zip(images.classes()) else {
            return Ok(None);
        };
        let known = logits.generated.dimensions();
        if known != classes {
            let problem = format!(
                "needs a classifier of the generator's {classes} classes, and this one has {known}"
            );
            self.refused(NAME, &problem)?;
            return Ok(None);
        }
        let found = ClassAccuracy::of_logits(&logits.generated, &asked)?;
        let labels = &images.real.labels;
        let real = match images.real.classes.len() == known {
            true => Some(ClassAccuracy::of_logits(&logits.real, labels)?.accuracy()),
            false => None,
        };
        let beside = real.map_or_else(String::new, |real| format!(" (real samples {real:.4})"));
        common::print(format_args!(
            "{NAME} {:.4} ± {:.4}{beside}",
            found.accuracy(),
            found.standard_error()
        ));
        Ok(Some(AsAsked {
            accuracy: found.accuracy(),
            standard_error: found.standard_error(),
            generated: asked.len(),
            accuracy_of_real: real,
            counts: found.counts().to_vec(),
            classifier,
            seed: self.common.seed,
        }))
    }
}
