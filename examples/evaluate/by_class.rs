//! Recall of each class of the real samples.

use burn_gan::metrics::{ClassRecall, Metric, PrecisionRecall};
use burn_gan::{Error, Result};
use serde::Serialize;

use crate::Args;
use crate::asked::Asked;
use crate::common;
use crate::images::Images;
use crate::sets::{self, Sets};

/// A class's recall, and that of held-out real samples.
#[derive(Serialize)]
pub struct Line {
    class: String,
    /// Real samples of the class.
    real: usize,
    recall: f64,
    coverage: f64,
    /// The same of held-out samples in the place of generated ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    recall_of_real: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    coverage_of_real: Option<f64>,
}

impl Args {
    /// The real images' classes, where they were asked for; before anything is measured.
    pub fn needs_classes(&self, real: &Images) -> Result<()> {
        if self.by_class && real.classes.is_empty() {
            let problem = format!(
                "needs to know the real images' classes, and {} has none: put them into a folder for \
                 each class",
                self.data_dir.display()
            );
            return Err(Error::setting("by_class", true, problem));
        }
        Ok(())
    }

    /// Recall and coverage of each class, printed; by the settings that `--metrics` has for them.
    pub fn by_class(&self, real: &Images, sets: &Sets) -> Result<Vec<Line>> {
        let asked = self.asked().into_iter().find_map(|asked| match asked {
            Asked::OfFeatures(Metric::PrecisionRecall(settings)) => Some(settings),
            _ => None,
        });
        let settings: PrecisionRecall = asked.unwrap_or_default();
        let found = settings.by_class(&sets.real, &real.labels, &sets.generated)?;
        // As many as there are generated ones, so that the two compare.
        let of_real = sets.held_out.as_ref().map(|held_out| {
            let held_out = sets::first(held_out, sets.generated.count());
            settings.by_class(&sets.real, &real.labels, &held_out)
        });
        let of_real = of_real.transpose()?;
        let lines = found.into_iter().enumerate().map(|(place, class)| {
            let of_real = of_real.as_ref().map(|classes| &classes[place]);
            line(&real.classes[class.class], &class, of_real)
        });
        let lines: Vec<Line> = lines.collect();
        for line in &lines {
            let beside = |value: Option<f64>| {
                value.map_or_else(String::new, |value| format!(" (real samples {value:.3})"))
            };
            common::print(format_args!(
                "{}: recall {:.3}{}, coverage {:.3}{}, of {} real samples",
                line.class,
                line.recall,
                beside(line.recall_of_real),
                line.coverage,
                beside(line.coverage_of_real),
                line.real
            ));
        }
        Ok(lines)
    }
}

fn line(name: &str, class: &ClassRecall, of_real: Option<&ClassRecall>) -> Line {
    Line {
        class: name.to_owned(),
        real: class.real,
        recall: class.recall,
        coverage: class.coverage,
        recall_of_real: of_real.map(|class| class.recall),
        coverage_of_real: of_real.map(|class| class.coverage),
    }
}
