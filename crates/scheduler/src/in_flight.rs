//! Steps in flight: planned, and not yet committed or failed. With `max_in_flight` of 2 a step is
//! planned while the one before it runs.
//!
//! **What is assumed.** Each sequence that samples in the step in flight is taken to go on: it gets
//! a place, and if need be a block, for a token that nobody knows yet. The executor puts the token
//! there itself (`types::DeferredToken`). A sequence that has `max_tokens` tokens or fills the
//! context with the step in flight is known to end and gets nothing. Everything else that is
//! decided from tokens waits until they are known: stops, names in the prefix cache, readmission
//! after a preemption.
//!
//! **What if it does not go on.** A sequence may stop at its commit, be aborted, or fail while the
//! next step computes it already. That row is wasted: nobody asks for its token, since the plan
//! finds the sequence gone. Meanwhile its blocks and its sampler slot are free, and may be given
//! away while the device still writes to them. This is safe because steps take effect in the order
//! of their launches:
//! - A new owner's writes to a block come with a later step, and an owner reads only positions that
//!   it wrote itself or found sealed. So it never sees what the wasted row left there.
//! - A wasted row writes at or behind its sequence's last known token. The blocks that a commit
//!   seals end before that one, so no block that the cache names or shares is ever hit.
//! - A sampler slot is set up again by the step that admits its new owner, after the wasted row has
//!   sampled. The new owner's own sample is then the last one of the slot before any deferred token
//!   is read from it: a token is only unknown while the step that samples it is in flight.
//! - A preempted sequence in flight has lost its blocks in the same way, but not its token, which
//!   its commit appends while it waits.

use crate::scheduler::Scheduler;
use crate::step::StepPlan;

impl Scheduler {
    /// Books a complete plan as in flight, unless it is empty.
    pub(crate) fn take_off(&mut self, plan: &mut StepPlan) {
        if plan.is_empty() {
            return;
        }
        for planned in &plan.seqs {
            let seq = self.seqs.get_mut(planned.key.idx);
            seq.running_mut().num_computed += planned.len as usize;
            seq.num_steps_in_flight += 1;
            seq.num_unknown += usize::from(planned.samples);
        }
        plan.number = self.num_plans;
        self.num_plans += 1;
        self.num_in_flight += 1;
    }

    /// Books the oldest step in flight as over. An empty plan never was in flight.
    pub(crate) fn land(&mut self, plan: &StepPlan) {
        if plan.is_empty() {
            return;
        }
        let oldest = self.num_plans - self.num_in_flight as u64;
        assert!(self.num_in_flight > 0 && plan.number == oldest, "plans are settled in order");
        self.num_in_flight -= 1;
    }
}
