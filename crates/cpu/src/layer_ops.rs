//! The device's layer operations: argument checks, then the kernels of `ops` over the pool.
//!
//! Sizes that the decoder controls are asserted; what comes from the engine (tokens, positions,
//! slots, blocks) is checked against tables and cache, and a violation fails the step.

use backend::{
    AttentionSpec, BufferKind, DeviceError, LayerOps, QkvSpec, RopeTable, StepEnd, StepRows,
    StepRun,
};
use types::{Sampled, StepInput};

use crate::activations::Activations;
use crate::device::{CpuBuffer, CpuDevice};
use crate::kv::{CpuKvCache, NewTokens};
use crate::linear;
use crate::ops::attention::Attention;
use crate::ops::norm::{add_row, rms_norm_row};
use crate::ops::qkv::{MAX_NORM_HEAD_DIM, QkvPreparation};
use crate::ops::silu::silu_mul_row;
use crate::par::{for_each_row, for_each_row_pair};
use crate::weight::CpuWeight;
use crate::workspace::Workspace;

/// Splits the device's fields where an operation needs the pool and the workspace together.
macro_rules! workspace {
    ($device:expr) => {
        $device.workspace.as_mut().expect("reserve_workspace comes before the first step")
    };
}

impl CpuDevice {
    fn step_workspace(&self) -> &Workspace {
        self.workspace.as_ref().expect("reserve_workspace comes before the first step")
    }

    /// Rounds what an operation has written, if the device's activations are not f32.
    fn store(&self, rows: usize, out: &mut CpuBuffer) {
        if self.activations == Activations::F32 {
            return;
        }
        let cols = out.cols();
        for_each_row(&self.pool, out.first_mut(rows), cols, |_, row| self.activations.store(row));
    }

    /// The step's blocks and slots must exist in the cache, and its blocks must be the step's.
    fn check_cache(&self, op: &str, cache: &CpuKvCache) -> Result<(), DeviceError> {
        let Workspace { limits, step, .. } = self.step_workspace();
        let layout = cache.layout();
        assert!(
            layout.block_size == limits.block_size
                && layout.num_kv_heads == limits.num_kv_heads
                && layout.head_dim == limits.head_dim,
            "the KV cache has another shape than the step limits"
        );
        if step.max_block as usize >= layout.num_blocks {
            let (block, num_blocks) = (step.max_block, layout.num_blocks);
            return Err(self.failed(op, format!("block {block} of a cache of {num_blocks} blocks")));
        }
        Ok(())
    }
}

impl LayerOps for CpuDevice {
    fn begin_step(&mut self, input: &StepInput) -> Result<StepRun, DeviceError> {
        let Workspace { limits, step, samplers, sampled, .. } = workspace!(self);
        sampled.clear();
        if input.num_tokens() > limits.max_num_batched_tokens
            || input.num_seqs() > limits.max_num_seqs
        {
            let (tokens, seqs) = (input.num_tokens(), input.num_seqs());
            let reason =
                format!("{tokens} tokens of {seqs} sequences exceed the reserved {limits:?}");
            return Err(self.failed("begin_step", reason));
        }
        step.set(input, limits.block_size);
        let admitted = input.admitted.iter().try_for_each(|seq| samplers.admit(seq));
        admitted.map_err(|error| self.failed("begin_step", error.to_string()))?;
        Ok(StepRun::Compute(StepRows::of(input)))
    }

    fn finish_step(&mut self) -> Result<StepEnd, DeviceError> {
        Ok(StepEnd::Launched)
    }

    fn collect(&mut self, out: &mut Vec<Sampled>) -> Result<(), DeviceError> {
        out.append(&mut workspace!(self).sampled);
        Ok(())
    }

    fn set_rope(&mut self, table: RopeTable) -> Result<(), DeviceError> {
        let half = table.rotary_dim / 2;
        let whole = half > 0 && table.cos.len().is_multiple_of(half);
        if !whole || table.cos.len() != table.sin.len() {
            return Err(self.failed("set_rope", "cosines and sines are not [positions, half]"));
        }
        self.rope = Some(table);
        Ok(())
    }

    fn embed(
        &mut self,
        table: &CpuWeight,
        scale: f32,
        out: &mut CpuBuffer,
    ) -> Result<(), DeviceError> {
        let table = table.matrix();
        assert_eq!(out.cols(), table.cols(), "the embedding is as wide as the hidden state");
        let token_ids = &self.step_workspace().step.token_ids;
        if let Some(token) = token_ids.iter().find(|token| **token as usize >= table.rows()) {
            let reason = format!("token {token} of a vocabulary of {}", table.rows());
            return Err(self.failed("embed", reason));
        }
        let (cols, activations) = (table.cols(), self.activations);
        for_each_row(&self.pool, out.first_mut(token_ids.len()), cols, |row, out| {
            table.dequantize_row(token_ids[row] as usize, out);
            if scale != 1.0 {
                out.iter_mut().for_each(|value| *value *= scale);
            }
            activations.store(out);
        });
        Ok(())
    }

    fn rms_norm(
        &mut self,
        rows: usize,
        x: &CpuBuffer,
        weight: &CpuWeight,
        eps: f32,
        out: &mut CpuBuffer,
    ) -> Result<(), DeviceError> {
        let (weight, isa, activations) = (weight.vector(), self.isa, self.activations);
        assert!(x.cols() == weight.len() && out.cols() == weight.len(), "rms_norm: widths differ");
        let (x, cols) = (x.first(rows), x.cols());
        for_each_row(&self.pool, out.first_mut(rows), cols, |row, out| {
            rms_norm_row(isa, &x[row * cols..][..cols], weight, eps, out);
            activations.store(out);
        });
        Ok(())
    }

    fn add_rms_norm(
        &mut self,
        rows: usize,
        residual: &mut CpuBuffer,
        delta: &CpuBuffer,
        weight: &CpuWeight,
        eps: f32,
        out: &mut CpuBuffer,
    ) -> Result<(), DeviceError> {
        let (weight, isa, cols) = (weight.vector(), self.isa, weight.vector().len());
        let activations = self.activations;
        let widths = [residual.cols(), delta.cols(), out.cols()];
        assert_eq!(widths, [cols; 3], "add_rms_norm: widths differ");
        let delta = delta.first(rows);
        let residual = (residual.first_mut(rows), cols);
        let out = (out.first_mut(rows), cols);
        for_each_row_pair(&self.pool, residual, out, |row, residual, out| {
            add_row(isa, residual, &delta[row * cols..][..cols]);
            // The norm reads the sum as it was stored.
            activations.store(residual);
            rms_norm_row(isa, residual, weight, eps, out);
            activations.store(out);
        });
        Ok(())
    }

    fn linear(
        &mut self,
        rows: usize,
        x: &CpuBuffer,
        weight: &CpuWeight,
        bias: Option<&CpuWeight>,
        out: &mut CpuBuffer,
    ) -> Result<(), DeviceError> {
        let weight = weight.matrix();
        assert!(x.cols() == weight.cols() && out.cols() == weight.rows(), "linear: widths differ");
        let (workspace, bias) = (&mut workspace!(self).linear, bias.map(CpuWeight::vector));
        linear::linear(
            &self.pool,
            workspace,
            rows,
            x.first(rows),
            weight,
            bias,
            out.first_mut(rows),
        );
        if out.kind() == BufferKind::Activation {
            self.store(rows, out);
        }
        Ok(())
    }

    fn rope_and_cache(
        &mut self,
        layer: usize,
        qkv: &mut CpuBuffer,
        spec: &QkvSpec,
        qk_norm: Option<(&CpuWeight, &CpuWeight)>,
        cache: &mut CpuKvCache,
    ) -> Result<(), DeviceError> {
        self.check_cache("rope_and_cache", cache)?;
        let row_len = QkvPreparation::row_len(spec);
        assert_eq!(qkv.cols(), row_len, "rope_and_cache: rows are not fused QKV");
        let layout = cache.layout();
        assert!(
            spec.num_kv_heads == layout.num_kv_heads && spec.head_dim == layout.head_dim,
            "rope_and_cache: the cache has other heads"
        );
        if qk_norm.is_some() && spec.head_dim > MAX_NORM_HEAD_DIM {
            let reason = format!("heads of {} are too wide for the q/k norm", spec.head_dim);
            return Err(self.failed("rope_and_cache", reason));
        }
        let rope = self.rope.as_ref().expect("set_rope comes before the first step");
        let step = &self.step_workspace().step;
        if step.max_position as usize >= rope.cos.len() / (rope.rotary_dim / 2) {
            let reason = format!("position {} is past the rotation table", step.max_position);
            return Err(self.failed("rope_and_cache", reason));
        }
        let rows = qkv.first_mut(step.positions.len());
        QkvPreparation {
            pool: &self.pool,
            isa: self.isa,
            spec: *spec,
            rope,
            positions: &step.positions,
            qk_norm: qk_norm.map(|(query, key)| (query.vector(), key.vector())),
        }
        .run(rows);
        if self.activations != Activations::F32 {
            for_each_row(&self.pool, rows, row_len, |_, row| self.activations.store(row));
        }
        let keys_start = spec.num_heads * spec.head_dim;
        let new = NewTokens { qkv: rows, row_len, keys_start, slots: &step.slots };
        cache.write(&self.pool, self.isa, layer, &new);
        Ok(())
    }

    fn paged_attention(
        &mut self,
        layer: usize,
        qkv: &CpuBuffer,
        cache: &CpuKvCache,
        spec: &AttentionSpec,
        out: &mut CpuBuffer,
    ) -> Result<(), DeviceError> {
        self.check_cache("paged_attention", cache)?;
        let Workspace { limits, step, attention, .. } = workspace!(self);
        assert_eq!(spec.num_heads, limits.num_heads, "paged_attention: other heads than reserved");
        assert_eq!(out.cols(), spec.num_heads * limits.head_dim, "paged_attention: output width");
        let num_tokens = step.positions.len();
        let job = Attention {
            pool: &self.pool,
            isa: self.isa,
            step,
            qkv: qkv.first(num_tokens),
            qkv_len: qkv.cols(),
            cache,
            layer,
            spec: *spec,
        };
        match self.activations {
            Activations::F32 => job.run(attention, out.first_mut(num_tokens)),
            Activations::Bf16 => job.run_tiled(out.first_mut(num_tokens)),
        }
        self.store(num_tokens, out);
        Ok(())
    }

    fn silu_mul(
        &mut self,
        rows: usize,
        gate_up: &CpuBuffer,
        out: &mut CpuBuffer,
    ) -> Result<(), DeviceError> {
        let (cols, isa, activations) = (out.cols(), self.isa, self.activations);
        assert_eq!(gate_up.cols(), 2 * cols, "silu_mul: a row is [gate, up]");
        let gate_up = gate_up.first(rows);
        for_each_row(&self.pool, out.first_mut(rows), cols, |row, out| {
            let (gate, up) = gate_up[row * 2 * cols..][..2 * cols].split_at(cols);
            silu_mul_row(isa, gate, up, out);
            activations.store(out);
        });
        Ok(())
    }

    fn gather_rows(&mut self, x: &CpuBuffer, out: &mut CpuBuffer) -> Result<(), DeviceError> {
        let (cols, step) = (x.cols(), &self.step_workspace().step);
        assert_eq!(out.cols(), cols, "gather_rows: widths differ");
        let x = x.first(step.token_ids.len());
        let out = out.first_mut(step.logits_indices.len());
        for (out, &idx) in out.chunks_exact_mut(cols).zip(&step.logits_indices) {
            out.copy_from_slice(&x[idx as usize * cols..][..cols]);
        }
        Ok(())
    }

    fn sample(&mut self, logits: &mut CpuBuffer) -> Result<(), DeviceError> {
        let Workspace { limits, step, samplers, sampled, .. } = workspace!(self);
        assert_eq!(logits.cols(), limits.vocab_size, "sample: another vocabulary than reserved");
        let logits = logits.first_mut(step.sample.len());
        let result = samplers.run(&self.pool, &step.sample, logits, sampled);
        result.map_err(|error| self.failed("sample", error.to_string()))
    }

    fn read_row(&mut self, buffer: &CpuBuffer, row: usize) -> Result<Vec<f32>, DeviceError> {
        let cols = buffer.cols();
        if row >= buffer.rows() {
            return Err(self.failed("read_row", format!("row {row} of {}", buffer.rows())));
        }
        Ok(buffer.first(row + 1)[row * cols..].to_vec())
    }
}
