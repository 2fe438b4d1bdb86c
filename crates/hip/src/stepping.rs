//! The life of a step on the device: begun (as a graph that is there, under capture, or operation by
//! operation), finished, collected. One wait a step, in `collect`.
//!
//! Owns the choice between these ways; operations themselves are in `layer_ops`. A step that is begun
//! and not finished (an error, or a test that only reads buffers) is cleared away by the next one.

use backend::{DeviceError, StepEnd, StepRows, StepRun};
use types::{Sampled, StepInput};

use crate::admission::AdmitError;
use crate::device::HipDevice;
use crate::error::HipFailure;
use crate::flights::MAX_IN_FLIGHT;
use crate::graphs::{GraphKey, Reach};
use crate::params::TakeLastTokensParams;
use crate::step::StepState;
use crate::workspace::{Run, SEGMENT_TOKENS, Workspace, max_segments};

/// Threads of `advance`.
const ADVANCE_THREADS: u32 = 1024;

impl HipDevice {
    /// Clears away what a step that was not finished has left behind.
    fn clear_away(&mut self) -> Result<(), HipFailure> {
        self.gpu.make_current()?;
        let work = self.work_mut();
        work.has_sampled = false;
        work.capture_failure.take();
        match std::mem::replace(&mut work.run, Run::Nothing) {
            Run::Nothing => return Ok(()),
            Run::Eager => {}
            Run::Capture(_) | Run::Replay(_) => {
                work.decode.as_mut().expect("a graph needs it").undescribe();
            }
        }
        self.stream.abandon_capture();
        self.stream.synchronize()
    }

    fn check_step(&self, input: &StepInput) -> Result<(), DeviceError> {
        let Workspace { limits, flights, .. } = self.work();
        let (tokens, seqs) = (input.num_tokens(), input.num_seqs());
        if tokens > limits.max_num_batched_tokens || seqs > limits.max_num_seqs {
            let reason =
                format!("{tokens} tokens of {seqs} sequences exceed the reserved {limits:?}");
            return Err(self.failed("begin_step", reason));
        }
        if flights.num_in_flight() == MAX_IN_FLIGHT {
            let reason = format!("{MAX_IN_FLIGHT} steps wait to be collected");
            return Err(self.failed("begin_step", reason));
        }
        let is_there = |deferred: &types::DeferredToken| {
            (deferred.token_idx as usize) < tokens
                && (deferred.slot.0 as usize) < limits.max_num_seqs
        };
        if !input.deferred.iter().all(is_there) {
            let reason = "a deferred token of no token or slot".to_owned();
            return Err(self.failed("begin_step", reason));
        }
        Ok(())
    }

    pub(crate) fn begin(&mut self, input: &StepInput) -> Result<StepRun, DeviceError> {
        let cleared = self.clear_away();
        self.done("begin_step", cleared)?;
        self.check_step(input)?;
        let Self { work, stream, kernels, .. } = self;
        let work = work.as_mut().expect("clear_away has found it");
        let begun = work.samplers.begin_step(stream, kernels, &input.admitted, &input.sample);
        match begun {
            Ok(()) => {}
            Err(AdmitError::Hip(failure)) => return self.done("begin_step", Err(failure)),
            Err(error) => return Err(self.failed("begin_step", error.to_string())),
        }
        work.step.set(input, work.limits.block_size);
        let Some(key) = work.graph_key(input) else { return self.begin_eager(input) };
        if let Some(reach) = work.graphs.reach(key) {
            self.check_reach(reach)?;
            self.work_mut().describe(input);
            self.work_mut().run = Run::Replay(key);
            return Ok(StepRun::Replay);
        }
        match self.begin_capture(input, key) {
            Ok(()) => {
                let rows = StepRows { num_tokens: key.num_rows, num_logits: key.num_rows };
                Ok(StepRun::Compute(rows))
            }
            Err(failure) => {
                self.refuse_graphs(&failure);
                let cleared = self.clear_away();
                self.done("begin_step", cleared)?;
                let work = self.work_mut();
                work.step.set(input, work.limits.block_size);
                self.begin_eager(input)
            }
        }
    }

    fn begin_eager(&mut self, input: &StepInput) -> Result<StepRun, DeviceError> {
        let Self { work, stream, kernels, .. } = self;
        let work = work.as_mut().expect("reserve_workspace comes before the first step");
        // From here on there may be work that only a wait clears away.
        work.run = Run::Eager;
        let place = work.flights.next_place();
        let uploaded = work.step.upload(stream, input, place).and_then(|()| {
            let StepState { at, deferred_at, num_deferred, .. } = work.step;
            let params = TakeLastTokensParams {
                deferred: deferred_at,
                last_tokens: work.samplers.last_tokens(),
                token_ids: at.token_ids,
                num_deferred: num_deferred as u32,
                reserved: 0,
            };
            let grid = [num_deferred.div_ceil(256), 1, 1];
            stream.launch(&kernels.take_last_tokens, grid, 256, &params)
        });
        self.done("begin_step", uploaded)?;
        Ok(StepRun::Compute(StepRows::of(input)))
    }

    fn begin_capture(&mut self, input: &StepInput, key: GraphKey) -> Result<(), HipFailure> {
        let Self { work, stream, kernels, .. } = self;
        let work = work.as_mut().expect("reserve_workspace comes before the first step");
        stream.begin_capture()?;
        work.run = Run::Capture(key);
        work.describe(input);
        let decode = work.decode.as_ref().expect("a key needs it");
        let params = decode.advance_params(key.num_rows);
        work.step.set_fixed(key.num_rows, key.num_segments * SEGMENT_TOKENS, decode.addresses());
        stream.launch(&kernels.advance, [1, 1, 1], ADVANCE_THREADS, &params)
    }

    fn check_reach(&self, reach: Reach) -> Result<(), DeviceError> {
        let step = &self.work().step;
        let bounds = [
            ("token", step.max_token, reach.num_tokens),
            ("position", step.max_position, reach.num_positions),
            ("block", step.max_block, reach.num_blocks),
        ];
        for (what, value, end) in bounds {
            if value as usize >= end {
                let reason = format!("{what} {value} of {end}");
                return Err(self.failed("begin_step", reason));
            }
        }
        Ok(())
    }

    fn refuse_graphs(&mut self, failure: &HipFailure) {
        let name = self.gpu.label();
        self.work_mut().graphs.refuse(&name, failure);
    }

    pub(crate) fn finish(&mut self) -> Result<StepEnd, DeviceError> {
        match self.work().run {
            Run::Nothing => return Err(self.failed("finish_step", "no step was begun".to_owned())),
            Run::Eager => self.work_mut().graphs.counts.eager += 1,
            Run::Replay(key) => {
                let Self { work, stream, .. } = self;
                let work = work.as_mut().expect("it has begun a step");
                let launched = stream.launch_graph(work.graphs.used(key));
                work.graphs.counts.replayed += 1;
                work.has_sampled = true;
                self.done("a graph", launched)?;
            }
            Run::Capture(key) => {
                if let Err(failure) = self.end_capture(key) {
                    self.refuse_graphs(&failure);
                    return Ok(StepEnd::Again);
                }
                let Self { work, stream, .. } = self;
                let work = work.as_mut().expect("it has begun a step");
                let launched = stream.launch_graph(work.graphs.used(key));
                self.done("a graph", launched)?;
            }
        }
        let launched = self.mark_end();
        self.done("finish_step", launched)?;
        Ok(StepEnd::Launched)
    }

    /// Turns what was written down into a graph that is kept.
    fn end_capture(&mut self, key: GraphKey) -> Result<(), HipFailure> {
        let Self { work, stream, .. } = self;
        let work = work.as_mut().expect("it has begun a step");
        if let Some(failure) = work.capture_failure.take() {
            stream.abandon_capture();
            return Err(failure);
        }
        let exec = stream.end_capture()?;
        while work.graphs.is_full(exec.num_nodes()) {
            // It may be running.
            stream.synchronize()?;
            work.graphs.drop_one();
        }
        let nodes = exec.num_nodes();
        tracing::debug!(?key, nodes, "captured a decode step");
        work.graphs.insert(key, exec, work.reach.get());
        Ok(())
    }

    /// All work of the step is on the stream: asks for the results and marks the end.
    fn mark_end(&mut self) -> Result<(), HipFailure> {
        let Self { work, stream, .. } = self;
        let work = work.as_mut().expect("it has begun a step");
        work.run = Run::Nothing;
        let has_sampled = std::mem::replace(&mut work.has_sampled, false);
        let rows = if has_sampled { &work.step.sample[..] } else { &[] };
        if has_sampled {
            work.samplers.fetch(stream, rows)?;
        }
        work.flights.launched(stream, rows)
    }

    pub(crate) fn collect_oldest(&mut self, out: &mut Vec<Sampled>) -> Result<(), DeviceError> {
        let work = self.work_mut();
        if work.flights.num_in_flight() == 0 {
            return Err(self.failed("collect", "no step is under way".to_owned()));
        }
        let Workspace { flights, samplers, decode, .. } = work;
        let rows = match flights.collect() {
            Ok(rows) => rows,
            Err(failure) => {
                samplers.forget();
                return self.done("collect", Err(failure));
            }
        };
        if rows.is_empty() {
            return Ok(());
        }
        let first = out.len();
        samplers.take(out);
        if let Some(decode) = decode {
            for (row, sampled) in rows.iter().zip(&out[first..]) {
                decode.sampled(row.slot.0, sampled.token);
            }
        }
        Ok(())
    }
}

impl Workspace {
    /// The shape of the graph that can run the step that was set; `None` if none can.
    fn graph_key(&self, input: &StepInput) -> Option<GraphKey> {
        let decode = self.decode.as_ref()?;
        if !decode.takes(input) {
            return None;
        }
        let num_segments = self.step.longest_decode.div_ceil(SEGMENT_TOKENS);
        let mode = self.samplers.mode(&input.sample);
        self.graphs.key(input.num_seqs(), num_segments, max_segments(&self.limits), mode)
    }

    /// Writes the step's descriptor; its graph must be launched.
    fn describe(&mut self, input: &StepInput) {
        let is_settled = self.flights.num_in_flight() == 0;
        let decode = self.decode.as_mut().expect("a key needs it");
        decode.describe(input, is_settled);
    }
}
