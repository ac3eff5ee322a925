//! Samples that are kept out of more that were drawn.

use super::{Drawn, Sampler};
use crate::error::{Error, Result, check};
use burn::tensor::backend::Backend;

/// Samples that were kept, and out of how many.
#[derive(Debug, Clone, PartialEq)]
pub struct Chosen {
    /// Those that were kept.
    pub samples: Drawn,
    /// How many were drawn.
    pub drawn: usize,
}

impl Chosen {
    /// The share of samples that were kept.
    pub fn share(&self) -> f64 {
        self.samples.count() as f64 / self.drawn as f64
    }
}

impl<B: Backend> Sampler<B> {
    /// Draws until `count` samples are accepted, of each class as many as [`draw`](Self::draw)
    /// gives. `accept` says of each sample of a batch whether it is kept: because a classifier sees
    /// in it what was asked for, say.
    ///
    /// ```
    /// # use burn_gan::burn::backend::Flex;
    /// # use burn_gan::models::MlpGeneratorConfig;
    /// # use burn_gan::sampling::Sampler;
    /// # use burn_gan::Latent;
    /// # let device = Default::default();
    /// # let generator = MlpGeneratorConfig::new(8, [2]).init::<Flex, 2>(&device)?;
    /// let mut sampler = Sampler::new(generator, Latent::normal(8), &device);
    /// let right = sampler.draw_accepted(50, 100, |drawn| {
    ///     Ok(drawn.rows().map(|point| point[0] > 0.0).collect())
    /// })?;
    /// assert_eq!(right.samples.count(), 50);
    /// assert!(right.samples.rows().all(|point| point[0] > 0.0) && right.share() < 1.0);
    /// # Ok::<(), burn_gan::Error>(())
    /// ```
    ///
    /// # Errors
    /// If `count` is 0, a number of a sample is not finite, `accept` fails or answers for another
    /// number of samples, or `tries` times as many samples as were asked for did not do.
    pub fn draw_accepted(
        &mut self,
        count: usize,
        tries: usize,
        mut accept: impl FnMut(&Drawn) -> Result<Vec<bool>>,
    ) -> Result<Chosen> {
        check::at_least("count", count, 1)?;
        check::at_least("tries", tries, 1)?;
        // How many of each class are still to come; without classes all are of one.
        let mut wanted = vec![0_usize; self.classes().unwrap_or(1)];
        let classes = wanted.len();
        for place in 0..count {
            wanted[place % classes] += 1;
        }
        let (mut kept, mut drawn): (Option<Drawn>, usize) = (None, 0);
        let mut missing = count;
        while missing > 0 {
            if drawn >= count.saturating_mul(tries) {
                let problem = format!(
                    "kept {} of {drawn} samples, and {count} are wanted; accept more of them, or \
                     allow more tries",
                    count - missing
                );
                return Err(Error::setting("tries", tries, problem));
            }
            let batch = match self.classes() {
                None => self.draw(self.batch())?,
                Some(_) => self.draw_labelled(&in_turns(&wanted, self.batch()))?,
            };
            drawn += batch.count();
            let accepted = accept(&batch)?;
            same_count("accept", accepted.len(), &batch)?;
            let mut places = Vec::new();
            for (place, accepted) in accepted.into_iter().enumerate() {
                let class = batch.labels().map_or(0, |labels| labels[place]);
                if accepted && wanted[class] > 0 {
                    wanted[class] -= 1;
                    places.push(place);
                }
            }
            missing -= places.len();
            let chosen = batch.select(&places);
            match &mut kept {
                Some(kept) => kept.append(chosen),
                None => kept = Some(chosen),
            }
        }
        Ok(Chosen {
            samples: kept.expect("at least one was wanted"),
            drawn,
        })
    }

    /// Draws `of` times as many samples and keeps the best `count` by their scores, of each class as
    /// many as [`draw`](Self::draw) gives: by the discriminator's logits, say
    /// ([`logits`](super::logits)).
    ///
    /// Memory: all that are drawn.
    ///
    /// # Errors
    /// If `count` or `of` is 0, a number of a sample or a score is not finite, or `score` fails or
    /// answers for another number of samples.
    pub fn draw_best(
        &mut self,
        count: usize,
        of: usize,
        mut score: impl FnMut(&Drawn) -> Result<Vec<f32>>,
    ) -> Result<Chosen> {
        check::at_least("count", count, 1)?;
        check::at_least("of", of, 1)?;
        let classes = self.classes().unwrap_or(1);
        let mut chosen: Option<Drawn> = None;
        for class in 0..classes.min(count) {
            let wanted = (count - class).div_ceil(classes);
            let (mut candidates, mut scores): (Option<Drawn>, Vec<f32>) = (None, Vec::new());
            let mut left = wanted * of;
            while left > 0 {
                let size = left.min(self.batch());
                let batch = match self.classes() {
                    None => self.draw(size)?,
                    Some(_) => self.draw_labelled(&vec![class; size])?,
                };
                let found = score(&batch)?;
                same_count("score", found.len(), &batch)?;
                if let Some(wrong) = found.iter().find(|score| !score.is_finite()) {
                    return Err(Error::setting("score", wrong, "must be a finite number"));
                }
                scores.extend(found);
                left -= size;
                match &mut candidates {
                    Some(all) => all.append(batch),
                    None => candidates = Some(batch),
                }
            }
            let candidates = candidates.expect("at least one is wanted");
            let mut places: Vec<usize> = (0..scores.len()).collect();
            // Of equal ones the first.
            places.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
            places.truncate(wanted);
            let best = candidates.select(&places);
            match &mut chosen {
                Some(chosen) => chosen.append(best),
                None => chosen = Some(best),
            }
        }
        Ok(Chosen {
            samples: chosen.expect("at least one was wanted"),
            drawn: count * of,
        })
    }
}

/// So many labels, of classes that are still wanted, in turns.
fn in_turns(wanted: &[usize], count: usize) -> Vec<usize> {
    let classes: Vec<usize> = (0..wanted.len())
        .filter(|class| wanted[*class] > 0)
        .collect();
    (0..count)
        .map(|place| classes[place % classes.len()])
        .collect()
}

fn same_count(setting: &str, answers: usize, batch: &Drawn) -> Result<()> {
    if answers == batch.count() {
        return Ok(());
    }
    let problem = format!("must answer for each of {} samples", batch.count());
    Err(Error::setting(
        setting,
        format!("{answers} answers"),
        problem,
    ))
}
