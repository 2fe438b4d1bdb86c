//! A plan as the executor's flat arrays.

use types::{AdmittedSeq, DeferredToken, SampleRow, StepInput};

use crate::scheduler::Scheduler;
use crate::sequence::Sequence;
use crate::step::{PlannedSeq, StepPlan};

impl Scheduler {
    /// Writes the plan into `input`, which is cleared first. To be called right after
    /// [`Self::plan`]: panics if a sequence of the plan was aborted in between, because its
    /// blocks are no longer its own.
    pub fn fill(&self, plan: &StepPlan, input: &mut StepInput) {
        input.clear();
        input.query_start_loc.push(0);
        input.block_table_start.push(0);
        for planned in &plan.seqs {
            let idx = self.seqs.live_idx(planned.key).expect("a plan is filled in at once");
            self.fill_seq(planned, self.seqs.get(idx), input);
        }
        for admission in &plan.admitted {
            let idx = self.seqs.live_idx(admission.key).expect("a plan is filled in at once");
            let seq = self.seqs.get(idx);
            let is_read = seq.sampling.has_penalties();
            input.admitted.push(AdmittedSeq {
                slot: admission.slot,
                params: seq.sampling.clone(),
                tokens: if is_read { seq.tokens.clone() } else { Vec::new() },
                num_prompt: seq.num_prompt as u32,
            });
        }
    }

    fn fill_seq(&self, planned: &PlannedSeq, seq: &Sequence, input: &mut StepInput) {
        let running = seq.running();
        let blocks = running.table.blocks();
        let block_size = self.config.block_size as u32;
        let (start, end) = (planned.start, planned.start + planned.len);
        let num_known = seq.tokens.len().min(end as usize);
        input.token_ids.extend_from_slice(&seq.tokens[start as usize..num_known]);
        if num_known < end as usize {
            // At most the last one: only the step in flight before this one samples unknown tokens.
            let token_idx = input.token_ids.len() as u32;
            input.deferred.push(DeferredToken { token_idx, slot: running.slot });
            input.token_ids.push(0);
        }
        input.positions.extend(start..end);
        input.slot_mapping.extend((start..end).map(|position| {
            let block = blocks[(position / block_size) as usize];
            block.0 * block_size + position % block_size
        }));
        input.query_start_loc.push(input.token_ids.len() as u32);
        input.seq_lens.push(end);
        input.block_tables.extend(blocks.iter().map(|block| block.0));
        input.block_table_start.push(input.block_tables.len() as u32);
        if planned.samples {
            input.logits_indices.push(input.token_ids.len() as u32 - 1);
            let num_output = end - seq.num_prompt as u32;
            input.sample.push(SampleRow { slot: running.slot, num_output });
        }
    }
}
