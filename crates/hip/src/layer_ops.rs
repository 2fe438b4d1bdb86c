//! The layer operations: checks of what the engine gives, then launches on the one stream.
//!
//! Sizes that the decoder controls are asserted; tokens, positions and blocks are checked on the
//! host, since a kernel that reads elsewhere would take the device down.

use backend::{
    AddNorm, AttentionSpec, BufferKind, DeviceError, LayerOps, QkvSpec, RopeTable, StepEnd, StepRun,
};
use types::{Sampled, StepCounts, StepInput};

use crate::buffers::{HipBuffer, HipKvCache, padded_head};
use crate::device::{HipDevice, Rope};
use crate::error::HipFailure;
use crate::flights::MAX_IN_FLIGHT;
use crate::gemm_shape::{GemmKernel, GemmShape, gemm_shape};
use crate::graphs::Reach;
use crate::launch::PADDED_HEAD_DIMS;
use crate::params::{
    AttnDecodeParams, AttnPrefillParams, AttnReduceParams, EmbedParams, GatherRowsParams,
    GemmParams, RmsNormParams, RopeAndCacheParams, SiluMulParams,
};
use crate::weight::HipWeight;
use crate::workspace::{Run, SEGMENT_TOKENS, Workspace, partial_segments};

/// `SILU_MUL` and `OUT_F32` of `kernels/gemm.h`.
const GEMM_SILU_MUL: u32 = 1;
const GEMM_OUT_F32: u32 = 2;

impl HipDevice {
    pub(crate) fn work(&self) -> &Workspace {
        self.work.as_ref().expect("reserve_workspace comes before the first step")
    }

    pub(crate) fn work_mut(&mut self) -> &mut Workspace {
        self.work.as_mut().expect("reserve_workspace comes before the first step")
    }

    pub(crate) fn done<T>(
        &self,
        op: &str,
        result: Result<T, HipFailure>,
    ) -> Result<T, DeviceError> {
        result.map_err(|failure| self.error(op, failure))
    }

    /// The result of an operation's launches. What a capture refuses is noted, and the step is run
    /// again without one.
    fn launched(&self, op: &str, result: Result<(), HipFailure>) -> Result<(), DeviceError> {
        match (result, &self.work) {
            (Err(failure), Some(work)) if matches!(work.run, Run::Capture(_)) => {
                work.capture_failure.borrow_mut().get_or_insert(failure);
                Ok(())
            }
            (result, _) => self.done(op, result),
        }
    }

    fn note_reach(&self, note: impl FnOnce(&mut Reach)) {
        let reach = &self.work().reach;
        let mut noted = reach.get();
        note(&mut noted);
        reach.set(noted);
    }

    fn check_cache(&self, op: &str, cache: &HipKvCache) -> Result<(), DeviceError> {
        let Workspace { limits, step, .. } = self.work();
        let layout = &cache.layout;
        assert!(
            layout.num_kv_heads == limits.num_kv_heads && layout.head_dim == limits.head_dim,
            "the KV cache has another shape than the step limits"
        );
        if step.max_block as usize >= layout.num_blocks {
            let (block, num_blocks) = (step.max_block, layout.num_blocks);
            return Err(self.failed(op, format!("block {block} of a cache of {num_blocks} blocks")));
        }
        self.note_reach(|reach| reach.num_blocks = layout.num_blocks);
        Ok(())
    }

    fn norm(
        &self,
        rows: usize,
        x: &HipBuffer,
        delta: Option<&HipBuffer>,
        weight: &HipWeight,
        eps: f32,
        out: &HipBuffer,
    ) -> Result<(), HipFailure> {
        let (weight, cols) = weight.vector();
        assert!(x.cols == cols && out.cols == cols && rows <= x.rows, "rms_norm: widths differ");
        assert!(delta.is_none_or(|delta| delta.cols == cols), "add_rms_norm: widths differ");
        let params = RmsNormParams {
            x: x.memory.address(),
            delta: delta.map_or(0, |delta| delta.memory.address()),
            weight,
            out: out.memory.address(),
            cols: cols as u32,
            eps,
        };
        let kernels = &self.kernels;
        let kernel = if delta.is_some() { &kernels.add_rms_norm } else { &kernels.rms_norm };
        self.stream.launch(kernel, [rows, 1, 1], 256, &params)
    }

    fn gemm(&self, params: &GemmParams) -> Result<(), HipFailure> {
        let [rows, n, k] = [params.rows, params.n, params.k].map(|size| size as usize);
        let GemmShape { kernel, grid, num_lanes } = gemm_shape(rows, n, k);
        let kernel = match kernel {
            GemmKernel::Skinny(place) => &self.kernels.gemm_skinny[place],
            GemmKernel::Mid(place) => &self.kernels.gemm_mid[place],
            GemmKernel::Big(place) => &self.kernels.gemm_big[place],
        };
        self.stream.launch(kernel, grid, num_lanes, params)
    }

    fn decode(
        &self,
        layer: usize,
        qkv: &HipBuffer,
        cache: &HipKvCache,
        spec: &AttentionSpec,
        out: &HipBuffer,
    ) -> Result<(), HipFailure> {
        let Workspace { limits, step, partial_out, partial_stats, .. } = self.work();
        let ((k_cache, v_cache), scales) = (cache.layer(layer), cache.scales(layer));
        let num_segments = step.longest_decode.div_ceil(SEGMENT_TOKENS);
        let params = AttnDecodeParams {
            qkv: qkv.memory.address(),
            k_cache,
            v_cache,
            block_tables: step.at.block_tables,
            block_table_start: step.at.block_table_start,
            seq_lens: step.at.seq_lens,
            query_start_loc: step.at.query_start_loc,
            out: out.memory.address(),
            partial_out: partial_out.address(),
            partial_stats: partial_stats.address(),
            qkv_stride: qkv.stride() as u32,
            num_heads: spec.num_heads as u32,
            num_kv_heads: limits.num_kv_heads as u32,
            head_dim: limits.head_dim as u32,
            block_stride: cache.block_stride() as u32,
            num_segments: num_segments as u32,
            window: spec.sliding_window.unwrap_or(0),
            scale: spec.scale * scales.key,
            soft_cap: spec.soft_cap.unwrap_or(0.0),
            v_scale: scales.value,
        };
        if num_segments < 2 {
            return self.decode_part(params, step.num_seqs, cache.is_fp8());
        }
        // Partial results of so many sequences fit the workspace.
        let per_part = partial_segments(limits) / num_segments;
        for first in (0..step.num_seqs).step_by(per_part) {
            let offset = (first * size_of::<u32>()) as u64;
            let part = AttnDecodeParams {
                block_table_start: params.block_table_start + offset,
                seq_lens: params.seq_lens + offset,
                query_start_loc: params.query_start_loc + offset,
                ..params
            };
            self.decode_part(part, per_part.min(step.num_seqs - first), cache.is_fp8())?;
        }
        Ok(())
    }

    /// Decode attention of `num_seqs` sequences, the first of which is where `params` points.
    fn decode_part(
        &self,
        params: AttnDecodeParams,
        num_seqs: usize,
        is_fp8: bool,
    ) -> Result<(), HipFailure> {
        let limits = &self.work().limits;
        let (num_heads, num_segments) = (params.num_heads as usize, params.num_segments as usize);
        let group = (num_heads / limits.num_kv_heads).div_ceil(16);
        let grid = [limits.num_kv_heads * group, num_segments, num_seqs];
        let padded = padded_head(limits.head_dim);
        let kernel = &self.kernels.cache(is_fp8).attn_decode[head_index(padded)];
        self.stream.launch(kernel, grid, 64, &params)?;
        if num_segments < 2 {
            return Ok(());
        }
        let params = AttnReduceParams {
            seq_lens: params.seq_lens,
            query_start_loc: params.query_start_loc,
            partial_out: params.partial_out,
            partial_stats: params.partial_stats,
            out: params.out,
            num_heads: params.num_heads,
            head_dim: params.head_dim,
            num_segments: params.num_segments,
            window: params.window,
            v_scale: params.v_scale,
            reserved: 0,
        };
        let grid = [num_seqs, (num_heads * padded).div_ceil(1024), 1];
        self.stream.launch(&self.kernels.attn_reduce, grid, 256, &params)
    }

    fn prefill(
        &self,
        layer: usize,
        qkv: &HipBuffer,
        cache: &HipKvCache,
        spec: &AttentionSpec,
        out: &HipBuffer,
    ) -> Result<(), HipFailure> {
        let Workspace { limits, step, .. } = self.work();
        let ((k_cache, v_cache), scales) = (cache.layer(layer), cache.scales(layer));
        let params = AttnPrefillParams {
            qkv: qkv.memory.address(),
            k_cache,
            v_cache,
            block_tables: step.at.block_tables,
            block_table_start: step.at.block_table_start,
            seq_lens: step.at.seq_lens,
            query_start_loc: step.at.query_start_loc,
            out: out.memory.address(),
            qkv_stride: qkv.stride() as u32,
            num_heads: spec.num_heads as u32,
            num_kv_heads: limits.num_kv_heads as u32,
            head_dim: limits.head_dim as u32,
            block_stride: cache.block_stride() as u32,
            min_query_len: 2,
            window: spec.sliding_window.unwrap_or(0),
            scale: spec.scale * scales.key,
            soft_cap: spec.soft_cap.unwrap_or(0.0),
            v_scale: scales.value,
        };
        let padded = padded_head(limits.head_dim);
        let rows_per_group = if padded > 128 { 128 } else { 256 };
        let rows = step.longest_prefill * (spec.num_heads / limits.num_kv_heads);
        let grid = [limits.num_kv_heads, rows.div_ceil(rows_per_group), step.num_seqs];
        let kernel = &self.kernels.cache(cache.is_fp8()).attn_prefill[head_index(padded)];
        self.stream.launch(kernel, grid, 512, &params)
    }
}

/// A product without bias, residual or SiLU-mul; `weight` is address, rows and columns.
fn gemm_params(
    rows: usize,
    x: &HipBuffer,
    (w, n, k): (u64, usize, usize),
    out: &HipBuffer,
) -> GemmParams {
    assert!(x.cols == k && rows <= x.rows && rows <= out.rows, "a product of other sizes");
    assert!(x.kind == BufferKind::Activation && out.kind != BufferKind::Scratch, "other buffers");
    GemmParams {
        x: x.memory.address(),
        w,
        bias: 0,
        residual: 0,
        out: out.memory.address(),
        partial: 0,
        rows: rows as u32,
        n: n as u32,
        k: k as u32,
        x_stride: x.stride() as u32,
        out_stride: out.stride() as u32,
        flags: if out.kind == BufferKind::Logits { GEMM_OUT_F32 } else { 0 },
    }
}

fn head_index(padded: usize) -> usize {
    let found = PADDED_HEAD_DIMS.iter().position(|size| *size == padded);
    found.expect("reserve_workspace refuses other heads")
}

impl LayerOps for HipDevice {
    fn max_steps_in_flight(&self) -> usize {
        MAX_IN_FLIGHT
    }

    fn step_counts(&self) -> StepCounts {
        self.work.as_ref().map(|work| work.graphs.counts).unwrap_or_default()
    }

    fn begin_step(&mut self, input: &StepInput) -> Result<StepRun, DeviceError> {
        self.begin(input)
    }

    fn finish_step(&mut self) -> Result<StepEnd, DeviceError> {
        self.finish()
    }

    fn collect(&mut self, out: &mut Vec<Sampled>) -> Result<(), DeviceError> {
        self.collect_oldest(out)
    }

    fn set_rope(&mut self, table: RopeTable) -> Result<(), DeviceError> {
        let half = table.rotary_dim / 2;
        let whole = half > 0 && table.cos.len().is_multiple_of(half);
        if !whole || table.cos.len() != table.sin.len() {
            let reason = "cosines and sines are not [positions, half]".to_owned();
            return Err(self.failed("set_rope", reason));
        }
        let bytes = table.cos.len() * 4;
        let upload = |device: &mut Self| {
            let (cos, sin) = (device.gpu.alloc(bytes)?, device.gpu.alloc(bytes)?);
            device.upload_f32(&cos, &table.cos)?;
            device.upload_f32(&sin, &table.sin)?;
            Ok(Rope { half, num_positions: table.cos.len() / half, cos, sin })
        };
        let rope = upload(self).map_err(|failure| self.error("the rotation table", failure))?;
        let forgotten = self.forget_graphs();
        self.done("the rotation table", forgotten)?;
        self.rope = Some(rope);
        Ok(())
    }

    fn embed(
        &mut self,
        table: &HipWeight,
        scale: f32,
        out: &mut HipBuffer,
    ) -> Result<(), DeviceError> {
        let (address, rows, cols) = table.matrix();
        assert_eq!(out.cols, cols, "the embedding is as wide as the hidden state");
        let step = &self.work().step;
        if step.max_token as usize >= rows {
            let reason = format!("token {} of a vocabulary of {rows}", step.max_token);
            return Err(self.failed("embed", reason));
        }
        self.note_reach(|reach| reach.num_tokens = rows);
        let params = EmbedParams {
            token_ids: step.at.token_ids,
            table: address,
            out: out.memory.address(),
            cols: cols as u32,
            vocab_size: rows as u32,
            scale,
            reserved: 0,
        };
        let grid = [step.num_tokens, 1, 1];
        self.launched("embed", self.stream.launch(&self.kernels.embed, grid, 256, &params))
    }

    fn rms_norm(
        &mut self,
        rows: usize,
        x: &HipBuffer,
        weight: &HipWeight,
        eps: f32,
        out: &mut HipBuffer,
    ) -> Result<(), DeviceError> {
        self.launched("rms_norm", self.norm(rows, x, None, weight, eps, out))
    }

    fn add_rms_norm(
        &mut self,
        rows: usize,
        residual: &mut HipBuffer,
        delta: &HipBuffer,
        weight: &HipWeight,
        eps: f32,
        out: &mut HipBuffer,
    ) -> Result<(), DeviceError> {
        self.launched("add_rms_norm", self.norm(rows, residual, Some(delta), weight, eps, out))
    }

    fn linear(
        &mut self,
        rows: usize,
        x: &HipBuffer,
        weight: &HipWeight,
        bias: Option<&HipWeight>,
        out: &mut HipBuffer,
    ) -> Result<(), DeviceError> {
        assert_eq!(out.cols, weight.matrix().1, "linear: widths differ");
        let mut params = gemm_params(rows, x, weight.matrix(), out);
        params.bias = bias.map_or(0, |bias| bias.vector().0);
        self.launched("linear", self.gemm(&params))
    }

    fn linear_add_norm(
        &mut self,
        rows: usize,
        x: &HipBuffer,
        weight: &HipWeight,
        to: AddNorm<'_, Self>,
    ) -> Result<(), DeviceError> {
        let AddNorm { residual, norm, eps, out, .. } = to;
        assert_eq!(residual.cols, weight.matrix().1, "linear_add_norm: widths differ");
        let mut params = gemm_params(rows, x, weight.matrix(), residual);
        params.residual = params.out;
        self.launched("linear_add_norm", self.gemm(&params))?;
        self.launched("linear_add_norm", self.norm(rows, residual, None, norm, eps, out))
    }

    fn linear_silu_mul(
        &mut self,
        rows: usize,
        x: &HipBuffer,
        gate_up: &HipWeight,
        _scratch: &mut HipBuffer,
        out: &mut HipBuffer,
    ) -> Result<(), DeviceError> {
        assert_eq!(2 * out.cols, gate_up.gate_up().1, "linear_silu_mul: widths differ");
        let mut params = gemm_params(rows, x, gate_up.gate_up(), out);
        params.flags |= GEMM_SILU_MUL;
        self.launched("linear_silu_mul", self.gemm(&params))
    }

    fn lm_head(
        &mut self,
        rows: usize,
        x: &HipBuffer,
        weight: &HipWeight,
        logits: &mut HipBuffer,
    ) -> Result<(), DeviceError> {
        let work = self.work.as_mut().expect("reserve_workspace comes before the first step");
        let (widths, rows_at_most) = ([logits.cols, weight.matrix().1], work.limits.max_num_seqs);
        assert_eq!(
            widths, [work.limits.vocab_size; 2],
            "lm_head: another vocabulary than reserved"
        );
        assert!(logits.kind == BufferKind::Logits && rows <= rows_at_most, "lm_head: no logits");
        let mut params = gemm_params(rows, x, weight.matrix(), logits);
        params.partial = work.samplers.parts_to_fill();
        self.launched("lm_head", self.gemm(&params))
    }

    fn rope_and_cache(
        &mut self,
        layer: usize,
        qkv: &mut HipBuffer,
        spec: &QkvSpec,
        qk_norm: Option<(&HipWeight, &HipWeight)>,
        cache: &mut HipKvCache,
    ) -> Result<(), DeviceError> {
        self.check_cache("rope_and_cache", cache)?;
        let rope = self.rope.as_ref().expect("set_rope comes before the first step");
        let step = &self.work().step;
        if step.max_position as usize >= rope.num_positions {
            let reason = format!("position {} is past the rotation table", step.max_position);
            return Err(self.failed("rope_and_cache", reason));
        }
        self.note_reach(|reach| reach.num_positions = rope.num_positions);
        let num_heads = spec.num_heads + 2 * spec.num_kv_heads;
        assert_eq!(qkv.cols, num_heads * spec.head_dim, "rows are not fused QKV");
        let ((k_cache, v_cache), scales) = (cache.layer(layer), cache.scales(layer));
        let params = RopeAndCacheParams {
            qkv: qkv.memory.address(),
            positions: step.at.positions,
            slots: step.at.slots,
            cos: rope.cos.address(),
            sin: rope.sin.address(),
            q_norm: qk_norm.map_or(0, |(q, _)| q.vector().0),
            k_norm: qk_norm.map_or(0, |(_, k)| k.vector().0),
            k_cache,
            v_cache,
            num_heads: spec.num_heads as u32,
            num_kv_heads: spec.num_kv_heads as u32,
            head_dim: spec.head_dim as u32,
            half_rotary: rope.half as u32,
            block_stride: cache.block_stride() as u32,
            eps: spec.norm_eps,
            k_factor: 1.0 / scales.key,
            v_factor: 1.0 / scales.value,
        };
        let lanes = (padded_head(spec.head_dim) / 8).next_power_of_two();
        let grid = [step.num_tokens, (num_heads * lanes).div_ceil(256), 1];
        let kernel = &self.kernels.cache(cache.is_fp8()).rope_and_cache;
        let result = self.stream.launch(kernel, grid, 256, &params);
        self.launched("rope_and_cache", result)
    }

    fn paged_attention(
        &mut self,
        layer: usize,
        qkv: &HipBuffer,
        cache: &HipKvCache,
        spec: &AttentionSpec,
        out: &mut HipBuffer,
    ) -> Result<(), DeviceError> {
        self.check_cache("paged_attention", cache)?;
        let Workspace { limits, step, .. } = self.work();
        assert_eq!(out.cols, spec.num_heads * limits.head_dim, "paged_attention: output width");
        let (has_decode, has_prefill) = (step.longest_decode > 0, step.longest_prefill > 0);
        if has_decode {
            self.launched("paged_attention", self.decode(layer, qkv, cache, spec, out))?;
        }
        if has_prefill {
            self.launched("paged_attention", self.prefill(layer, qkv, cache, spec, out))?;
        }
        Ok(())
    }

    fn silu_mul(
        &mut self,
        rows: usize,
        gate_up: &HipBuffer,
        out: &mut HipBuffer,
    ) -> Result<(), DeviceError> {
        assert_eq!(gate_up.cols, 2 * out.cols, "silu_mul: a row is [gate, up]");
        let params = SiluMulParams {
            gate_up: gate_up.memory.address(),
            out: out.memory.address(),
            cols: out.cols as u32,
            reserved: 0,
        };
        let grid = [out.cols.div_ceil(2048), rows, 1];
        self.launched("silu_mul", self.stream.launch(&self.kernels.silu_mul, grid, 256, &params))
    }

    fn gather_rows(&mut self, x: &HipBuffer, out: &mut HipBuffer) -> Result<(), DeviceError> {
        let step = &self.work().step;
        assert!(out.cols == x.cols && step.num_logits <= out.rows, "gather_rows: shapes differ");
        let params = GatherRowsParams {
            x: x.memory.address(),
            indices: step.at.logits_indices,
            out: out.memory.address(),
            cols: x.cols as u32,
            reserved: 0,
        };
        let grid = [step.num_logits, 1, 1];
        self.launched(
            "gather_rows",
            self.stream.launch(&self.kernels.gather_rows, grid, 256, &params),
        )
    }

    fn sample(&mut self, logits: &mut HipBuffer) -> Result<(), DeviceError> {
        let Workspace { limits, samplers, step, run, .. } = self.work();
        assert_eq!(logits.cols, limits.vocab_size, "sample: another vocabulary than reserved");
        // A graph's rows are padded, and its key says what samples.
        let (mode, num_rows) = match run {
            Run::Capture(key) => (key.mode, key.num_rows),
            _ => (samplers.mode(&step.sample), step.sample.len()),
        };
        let rows = (step.at.sample, num_rows);
        let result = samplers.launch(&self.stream, &self.kernels, mode, rows, &logits.memory);
        self.launched("sample", result)?;
        self.work_mut().has_sampled = true;
        Ok(())
    }

    fn read_row(&mut self, buffer: &HipBuffer, row: usize) -> Result<Vec<f32>, DeviceError> {
        if row >= buffer.rows || buffer.kind == BufferKind::Scratch {
            return Err(self.failed("read_row", format!("row {row} of {}", buffer.rows)));
        }
        let row_bytes = buffer.stride() * buffer.element_bytes();
        let read = || {
            let mut host = self.gpu.alloc_pinned(row_bytes)?;
            self.stream.download(&mut host, &buffer.memory, row * row_bytes, row_bytes)?;
            self.stream.synchronize()?;
            Ok(host)
        };
        let host = read().map_err(|failure| self.error("read_row", failure))?;
        Ok(match buffer.kind {
            BufferKind::Logits => host.as_slice::<f32>(buffer.cols).to_vec(),
            BufferKind::Activation | BufferKind::Scratch => host
                .as_slice::<u16>(buffer.cols)
                .iter()
                .map(|x| self.activations.widen(*x))
                .collect(),
        })
    }
}
