//! Why nothing fits, in numbers.

use std::fmt;

use backend::Device;

use super::planner::{Planner, Wish};
use super::remedy::{Remedy, remedies};
use super::{Bytes, MIN_AUTO_MODEL_LEN, MemoryPlan, SERVER_RESERVE_BYTES};

/// The numbers of a plan that does not fit, and what would make it fit.
#[derive(Debug)]
pub struct Shortage {
    /// The plan for the context asked for, or for the shortest that would be chosen.
    plan: MemoryPlan,
    /// What one sequence of that context needs.
    one_seq_bytes: u64,
    /// The KV cache's size, if the operator gave one.
    asked_kv_bytes: Option<u64>,
    memory_utilization: f64,
    remedies: Vec<Remedy>,
}

impl Shortage {
    pub(super) fn new<D: Device>(planner: &Planner<'_, D>, wish: &Wish) -> Self {
        let request = &wish.request;
        let shortest = MIN_AUTO_MODEL_LEN.min(planner.spec.max_position);
        let context = request.max_model_len.unwrap_or(shortest);
        let plan = planner.with_context(wish, context);
        let needed_blocks = context.div_ceil(request.block_size);
        let asked_blocks = request.num_blocks.map(|n| planner.kv_bytes(request, n));
        Self {
            one_seq_bytes: planner.kv_bytes(request, needed_blocks),
            asked_kv_bytes: asked_blocks.or(request.kv_cache_bytes),
            memory_utilization: request.memory_utilization,
            remedies: remedies(planner, wish, &plan),
            plan,
        }
    }
}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = &self.plan;
        let fixed = plan.weights_bytes + plan.buffers_bytes + plan.workspace_bytes;
        let (one_seq, context) = (Bytes(self.one_seq_bytes), plan.limits.max_model_len);
        let needed = fixed.saturating_add(self.one_seq_bytes.max(self.asked_kv_bytes.unwrap_or(0)));
        writeln!(f, "  weights          {}", Bytes(plan.weights_bytes))?;
        writeln!(f, "  activations      {}", Bytes(plan.buffers_bytes))?;
        writeln!(f, "  workspace        {}", Bytes(plan.workspace_bytes))?;
        match self.asked_kv_bytes {
            Some(asked) => writeln!(
                f,
                "  KV cache         {} asked for; one sequence of {context} tokens takes {one_seq}",
                Bytes(asked)
            )?,
            None => {
                writeln!(f, "  KV cache         {one_seq} for one sequence of {context} tokens")?;
            }
        }
        writeln!(f, "  needed           {}", Bytes(needed))?;
        writeln!(
            f,
            "  budget           {} (memory utilization {} of {}, less {} for the server)",
            Bytes(plan.budget_bytes),
            self.memory_utilization,
            plan.host,
            Bytes(SERVER_RESERVE_BYTES)
        )?;
        match self.remedies.as_slice() {
            [] => write!(f, "No change of options makes it fit; use a smaller model"),
            remedies => {
                write!(f, "Any of these would make it fit:")?;
                remedies.iter().try_for_each(|remedy| write!(f, "\n  {remedy}"))
            }
        }
    }
}
