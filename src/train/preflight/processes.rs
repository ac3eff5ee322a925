//! What a group of processes can't train.

use burn::tensor::backend::Backend;

use crate::error::{Error, Result};
use crate::process::can_be_synchronized;
use crate::train::TrainerConfig;

/// The settings of a run as one of `processes` processes sees them: with its part of the batch.
///
/// # Errors
/// If processes and micro-batches don't cut a batch evenly, or a term of the objective is about the
/// batch as a whole and has no way over processes.
pub(in crate::train) fn of_a_process(
    config: &TrainerConfig,
    samples: usize,
    processes: usize,
) -> Result<TrainerConfig> {
    let mut own = config.clone();
    if processes == 1 {
        return Ok(own);
    }
    let batches = config
        .batches
        .epoch(samples, config.seed, 0)
        .map_err(|error| error.within("batches"))?;
    let parts = processes * config.micro_batches.max(1);
    // Only the last batch can be another than the first.
    for batch in batches.first().into_iter().chain(batches.last()) {
        let size = batch.len();
        if !size.is_multiple_of(parts) {
            let cut = match config.micro_batches {
                0 | 1 => format!("{processes} processes"),
                more => format!("{processes} processes with {more} micro-batches each"),
            };
            return Err(Error::setting(
                "batches.batch_size",
                size,
                match size == config.batches.batch_size {
                    true => format!("is not cut evenly by {cut}; take a multiple of {parts}"),
                    false => format!(
                        "is the size of an epoch's last batch, which {cut} do not cut evenly; drop short \
                         batches (`batches.last` = `drop`)"
                    ),
                },
            ));
        }
    }
    for (index, term) in config.objective.terms.iter().enumerate() {
        let info = term.kind.info();
        if term.weight != 0.0 && !info.adds_up_over_processes() {
            return Err(Error::setting(
                &format!("objective.terms[{index}]"),
                info.name(),
                format!(
                    "is about the batch as a whole, and each of {processes} processes would take it over \
                     its own part; leave it out (`r1` and `wgan_gp` are about single samples), or train \
                     in one process"
                ),
            ));
        }
    }
    let whole = batches.first().map_or(config.batches.batch_size, Vec::len);
    own.batches.batch_size = whole / processes;
    own.batches.last = crate::data::LastBatch::Drop;
    Ok(own)
}

/// Whether batch norms can be synchronised, where they are to be.
///
/// # Errors
/// If the backend has no such operation.
pub(super) fn synchronized<B: Backend>(config: &TrainerConfig) -> Result<()> {
    if config.synchronized_batch_norm && !can_be_synchronized::<B>() {
        return Err(Error::setting(
            "synchronized_batch_norm",
            true,
            "is there for the backends Flex, NdArray and Wgpu as burn names them; take one of them, or \
             leave it off",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Latent;
    use crate::data::{BatchPlan, LastBatch};
    use crate::objective::{Loss, Objective, Term};

    fn config(batch: usize) -> TrainerConfig {
        TrainerConfig::new(1, batch, Latent::normal(2))
    }

    fn refusal(config: &TrainerConfig, samples: usize, processes: usize) -> String {
        let refused = of_a_process(config, samples, processes);
        refused.expect_err("a refusal").to_string()
    }

    #[test]
    fn a_batch_that_is_not_cut_evenly_is_refused() {
        let own = of_a_process(&config(12), 100, 3).expect("parts of four");
        assert_eq!(own.batches.batch_size, 4);
        assert_eq!(of_a_process(&config(7), 100, 1).expect("alone"), config(7));
        let error = refusal(&config(10), 100, 3);
        assert!(
            error.contains("`batches.batch_size` = 10: is not cut"),
            "{error}"
        );
        let error = refusal(&config(12).with_micro_batches(2), 100, 4);
        assert!(
            error.contains("2 micro-batches each; take a multiple of 8"),
            "{error}"
        );
        // 100 = 8·12 + 4.
        let kept = BatchPlan::new(12).with_last(LastBatch::Keep);
        let error = refusal(&config(12).with_batches(kept), 100, 3);
        assert!(
            error.contains("`batches.batch_size` = 4: is the size of"),
            "{error}"
        );
    }

    #[test]
    fn a_term_of_the_whole_batch_without_a_way_over_processes_is_refused() {
        let with =
            |term: Term| config(12).with_objective(Objective::new(Loss::Hinge).with_term(term));
        let error = refusal(&with(Term::dragan(10.0)), 100, 2);
        assert!(error.contains("`objective.terms[0]` = dragan: "), "{error}");
        for term in [
            Term::r1(1.0),
            Term::lecam(0.1),
            Term::path_length(2.0),
            Term::feature_matching(1.0),
        ] {
            of_a_process(&with(term), 100, 2).expect("it adds up");
        }
        of_a_process(&with(Term::dragan(10.0)), 100, 1).expect("one process");
        of_a_process(&with(Term::dragan(0.0)), 100, 2).expect("it is off");
    }
}
