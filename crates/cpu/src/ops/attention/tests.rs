//! Paged attention against naive f64, and its bit-equality in every way to compute it.

use backend::{AttentionSpec, KvDType, KvLayout, KvScales, StepLimits, fp8_from_f32, fp8_to_f32};
use half::{bf16, f16};
use types::StepInput;

use super::{Attention, AttentionWorkspace};
use crate::isa::Isa;
use crate::kv::{CpuKvCache, NewTokens};
use crate::ops::testing::{assert_close, for_each_isa, noise};
use crate::pool::Pool;
use crate::step::StepState;

/// A model's attention shape and how to compute it.
#[derive(Clone, Copy, Debug)]
struct Setup {
    num_heads: usize,
    num_kv_heads: usize,
    head_dim: usize,
    block_size: usize,
    dtype: KvDType,
    window: Option<u32>,
    soft_cap: Option<f32>,
    isa: Isa,
    num_threads: usize,
    /// In the order of a bf16 matrix unit.
    tiled: bool,
}

const LLAMA_LIKE: Setup = Setup {
    num_heads: 6,
    num_kv_heads: 2,
    head_dim: 16,
    block_size: 16,
    dtype: KvDType::F32,
    window: None,
    soft_cap: None,
    isa: Isa::Scalar,
    num_threads: 2,
    tiled: false,
};

/// Of the layer that these tests use, if its cache is FP8.
const SCALES: KvScales = KvScales { key: 0.033, value: 0.017 };

impl Setup {
    fn limits(&self) -> StepLimits {
        StepLimits {
            max_num_seqs: 8,
            max_num_batched_tokens: 2048,
            max_model_len: 2048,
            vocab_size: 1,
            max_linear_cols: 1,
            num_heads: self.num_heads,
            num_kv_heads: self.num_kv_heads,
            head_dim: self.head_dim,
            block_size: self.block_size,
        }
    }

    fn num_blocks(&self) -> usize {
        MAX_LEN.div_ceil(self.block_size) * NUM_TABLES
    }

    /// One of three block tables that share no block; neighbours are apart and out of order.
    fn table(&self, salt: usize) -> Vec<u32> {
        let blocks = (0..self.num_blocks() as u32).rev();
        blocks.skip(salt).step_by(NUM_TABLES).collect()
    }

    fn row_len(&self) -> usize {
        (self.num_heads + 2 * self.num_kv_heads) * self.head_dim
    }

    /// The fused row of a sequence's token.
    fn qkv(&self, seq: u64, position: usize) -> Vec<f32> {
        noise(self.row_len(), seq << 32 | position as u64).iter().map(|v| v * 3.0).collect()
    }

    fn scale(&self) -> f32 {
        (self.head_dim as f32).powf(-0.5)
    }

    fn spec(&self) -> AttentionSpec {
        AttentionSpec {
            num_heads: self.num_heads,
            scale: self.scale(),
            sliding_window: self.window,
            soft_cap: self.soft_cap,
        }
    }

    /// What the cache gives back of a number, times `scale` in FP8.
    fn stored(&self, value: f32, scale: f32) -> f64 {
        f64::from(match self.dtype {
            KvDType::F32 => value,
            KvDType::F16 => f16::from_f32(value).to_f32(),
            KvDType::BF16 => bf16::from_f32(value).to_f32(),
            KvDType::Fp8 => fp8_to_f32(fp8_from_f32(value * (1.0 / scale))) * scale,
        })
    }

    /// Attention of one head of one token, in f64.
    fn naive(&self, rows: &[Vec<f32>], position: usize, head: usize) -> Vec<f64> {
        let dim = self.head_dim;
        let kv_head = head * self.num_kv_heads / self.num_heads;
        let query = &rows[position][head * dim..][..dim];
        let key_at = (self.num_heads + kv_head) * dim;
        let value_at = (self.num_heads + self.num_kv_heads + kv_head) * dim;
        let first = self.window.map_or(0, |w| (position + 1).saturating_sub(w as usize));
        let score = |row: &Vec<f32>| {
            let dot: f64 = (0..dim)
                .map(|i| f64::from(query[i]) * self.stored(row[key_at + i], SCALES.key))
                .sum();
            let score = dot * f64::from(self.scale());
            self.soft_cap.map_or(score, |cap| f64::from(cap) * (score / f64::from(cap)).tanh())
        };
        let scores: Vec<f64> = rows[first..=position].iter().map(score).collect();
        let max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = scores.iter().map(|score| (score - max).exp()).collect();
        let total: f64 = weights.iter().sum();
        let mean = |i: usize| {
            let values = rows[first..=position].iter().zip(&weights);
            values.map(|(row, w)| w * self.stored(row[value_at + i], SCALES.value)).sum::<f64>()
                / total
        };
        (0..dim).map(mean).collect()
    }
}

/// A cache full of NaN (as stale memory may be) and the machinery around it.
struct Bench {
    setup: Setup,
    pool: Pool,
    cache: CpuKvCache,
    workspace: AttentionWorkspace,
    step: StepState,
}

/// New tokens of one sequence in a step.
struct Chunk<'a> {
    seq: u64,
    start: usize,
    len: usize,
    table: &'a [u32],
}

/// Longest sequence of these tests; there are blocks for [`NUM_TABLES`] of them.
const MAX_LEN: usize = 720;
const NUM_TABLES: usize = 3;

impl Bench {
    fn new(setup: Setup) -> Self {
        let layout = KvLayout {
            num_layers: 2,
            num_blocks: setup.num_blocks(),
            block_size: setup.block_size,
            num_kv_heads: setup.num_kv_heads,
            head_dim: setup.head_dim,
            dtype: setup.dtype,
        };
        let pool = Pool::new(setup.num_threads).unwrap();
        let mut cache = CpuKvCache::new("cpu", &layout, &[KvScales::default(), SCALES]).unwrap();
        let slots: Vec<u32> = (0..(setup.num_blocks() * setup.block_size) as u32).collect();
        let qkv = vec![f32::NAN; slots.len() * setup.row_len()];
        let keys_start = setup.num_heads * setup.head_dim;
        let new = NewTokens { qkv: &qkv, row_len: setup.row_len(), keys_start, slots: &slots };
        cache.write(&pool, setup.isa, 1, &new);
        let workspace = AttentionWorkspace::new(&setup.limits(), setup.num_threads);
        Self { step: StepState::new(&setup.limits()), setup, pool, cache, workspace }
    }

    /// Writes the chunks' keys and values, then attends: one row per token, chunk after chunk.
    fn run(&mut self, chunks: &[Chunk<'_>]) -> Vec<Vec<f32>> {
        let (setup, block_size) = (self.setup, self.setup.block_size);
        let mut input = StepInput { query_start_loc: vec![0], ..Default::default() };
        input.block_table_start.push(0);
        let mut qkv = Vec::new();
        for chunk in chunks {
            for position in chunk.start..chunk.start + chunk.len {
                qkv.extend(setup.qkv(chunk.seq, position));
                input.token_ids.push(0);
                input.positions.push(position as u32);
                let block = chunk.table[position / block_size] as usize;
                input.slot_mapping.push((block * block_size + position % block_size) as u32);
            }
            input.query_start_loc.push(input.token_ids.len() as u32);
            input.seq_lens.push((chunk.start + chunk.len) as u32);
            input.block_tables.extend(chunk.table);
            input.block_table_start.push(input.block_tables.len() as u32);
        }
        self.step.set(&input, block_size);
        let row_len = setup.row_len();
        let keys_start = setup.num_heads * setup.head_dim;
        let new = NewTokens { qkv: &qkv, row_len, keys_start, slots: &input.slot_mapping };
        self.cache.write(&self.pool, setup.isa, 1, &new);
        let out_len = setup.num_heads * setup.head_dim;
        let mut out = vec![f32::NAN; input.token_ids.len() * out_len];
        let attention = Attention {
            pool: &self.pool,
            isa: setup.isa,
            step: &self.step,
            qkv: &qkv,
            qkv_len: row_len,
            cache: &self.cache,
            layer: 1,
            spec: setup.spec(),
        };
        if setup.tiled {
            attention.run_tiled(&mut out);
        } else {
            attention.run(&mut self.workspace, &mut out);
        }
        out.chunks_exact(out_len).map(<[f32]>::to_vec).collect()
    }
}

fn check_naive(setup: Setup, len: usize, tolerance: f64) {
    let rows: Vec<Vec<f32>> = (0..len).map(|position| setup.qkv(1, position)).collect();
    let chunk = Chunk { seq: 1, start: 0, len, table: &setup.table(1) };
    let out = Bench::new(setup).run(&[chunk]);
    let mut worst = 0.0f64;
    for position in [0, 1, len / 3, len / 2, len - 2, len - 1] {
        for head in 0..setup.num_heads {
            let expect = setup.naive(&rows, position, head);
            let got = &out[position][head * setup.head_dim..][..setup.head_dim];
            for (got, expect) in got.iter().zip(expect) {
                assert_close(*got, expect, tolerance, &format!("{setup:?} at {position}"));
                worst = worst.max((f64::from(*got) - expect).abs());
            }
        }
    }
    println!("{worst:.1e} is the largest error of {setup:?}");
}

/// Values are up to 3 and probabilities carry f32 scores up to 9 * sqrt(head_dim): measured floor
/// 6e-6 over the cases below; bound about four times that.
const TOLERANCE: f64 = 2.5e-5;

#[test]
fn matches_f64_for_all_shapes() {
    for_each_isa(|isa| {
        let base = Setup { isa, ..LLAMA_LIKE };
        check_naive(base, 300, TOLERANCE);
        check_naive(Setup { num_heads: 1, num_kv_heads: 1, head_dim: 8, ..base }, 17, TOLERANCE);
        check_naive(Setup { num_heads: 9, num_kv_heads: 3, head_dim: 64, ..base }, 530, TOLERANCE);
        check_naive(Setup { head_dim: 72, block_size: 8, ..base }, 33, TOLERANCE);
        check_naive(Setup { head_dim: 80, block_size: 24, ..base }, 290, TOLERANCE);
        check_naive(Setup { head_dim: 20, block_size: 32, ..base }, 40, TOLERANCE);
        check_naive(Setup { head_dim: 112, block_size: 128, ..base }, 260, TOLERANCE);
        check_naive(Setup { num_heads: 40, num_kv_heads: 1, head_dim: 32, ..base }, 45, TOLERANCE);
    });
}

#[test]
fn matches_f64_for_all_element_types_windows_and_caps() {
    for_each_isa(|isa| {
        let base = Setup { isa, ..LLAMA_LIKE };
        check_naive(Setup { dtype: KvDType::F16, ..base }, 290, TOLERANCE);
        check_naive(Setup { dtype: KvDType::BF16, ..base }, 290, TOLERANCE);
        check_naive(Setup { dtype: KvDType::Fp8, ..base }, 290, TOLERANCE);
        let wide = Setup { dtype: KvDType::Fp8, head_dim: 72, block_size: 8, ..base };
        check_naive(Setup { soft_cap: Some(5.0), window: Some(20), ..wide }, 290, TOLERANCE);
        check_naive(Setup { window: Some(1), ..base }, 290, TOLERANCE);
        check_naive(Setup { window: Some(37), ..base }, 600, TOLERANCE);
        check_naive(Setup { window: Some(300), ..base }, 600, TOLERANCE);
        check_naive(Setup { soft_cap: Some(5.0), ..base }, 290, TOLERANCE);
        check_naive(Setup { soft_cap: Some(5.0), window: Some(20), ..base }, 290, TOLERANCE);
    });
}

/// Every way to compute a sequence gives the bits of computing it alone, whole, by one thread.
fn check_invariance(setup: Setup) {
    const LEN: usize = 600;
    let whole = |setup: Setup| {
        let chunk = Chunk { seq: 1, start: 0, len: LEN, table: &setup.table(1) };
        Bench::new(setup).run(&[chunk])
    };
    let expect = whole(Setup { num_threads: 1, ..setup });
    for num_threads in [2, 3] {
        assert!(whole(Setup { num_threads, ..setup }) == expect, "{num_threads} threads {setup:?}");
    }
    for (chunk_len, num_threads) in [(1, 1), (29, 3), (64, 2), (300, 2)] {
        let mut bench = Bench::new(Setup { num_threads, ..setup });
        for start in (0..LEN).step_by(chunk_len) {
            let len = chunk_len.min(LEN - start);
            let out = bench.run(&[Chunk { seq: 1, start, len, table: &setup.table(2) }]);
            assert!(
                out == expect[start..start + len],
                "chunks of {chunk_len} at {start} {setup:?}"
            );
        }
    }
}

#[test]
fn bits_do_not_depend_on_chunks_tables_or_threads() {
    for_each_isa(|isa| {
        let base = Setup { isa, ..LLAMA_LIKE };
        check_invariance(base);
        check_invariance(Setup { dtype: KvDType::BF16, soft_cap: Some(8.0), ..base });
        check_invariance(Setup { dtype: KvDType::Fp8, ..base });
        check_invariance(Setup { window: Some(270), block_size: 24, head_dim: 24, ..base });
    });
}

/// Probabilities of bf16 are off by 2^-9 at most and values are up to 3: measured floor 2.4e-3
/// over the cases below; bound twice that.
const TILED_TOLERANCE: f64 = 5e-3;

#[test]
fn tiles_with_rounded_probabilities_stay_near_f64_and_keep_their_bits() {
    let base = Setup { tiled: true, dtype: KvDType::BF16, ..LLAMA_LIKE };
    check_naive(base, 300, TILED_TOLERANCE);
    check_naive(Setup { num_heads: 9, num_kv_heads: 3, ..base }, 530, TILED_TOLERANCE);
    check_naive(Setup { head_dim: 72, block_size: 8, ..base }, 33, TILED_TOLERANCE);
    check_naive(Setup { window: Some(37), ..base }, 600, TILED_TOLERANCE);
    check_naive(Setup { window: Some(300), soft_cap: Some(5.0), ..base }, 600, TILED_TOLERANCE);
    check_naive(Setup { dtype: KvDType::F32, block_size: 24, ..base }, 290, TILED_TOLERANCE);
    check_naive(Setup { dtype: KvDType::F16, ..base }, 290, TILED_TOLERANCE);
    check_invariance(base);
    check_invariance(Setup { window: Some(270), block_size: 24, head_dim: 24, ..base });
}

#[test]
fn bits_do_not_depend_on_company() {
    for_each_isa(|isa| {
        let setup = Setup { isa, num_threads: 3, ..LLAMA_LIKE };
        let mut alone = Bench::new(setup);
        let first = alone.run(&[Chunk { seq: 1, start: 0, len: 520, table: &setup.table(0) }]);
        let next = alone.run(&[Chunk { seq: 1, start: 520, len: 1, table: &setup.table(0) }]);
        let mut batch = Bench::new(setup);
        let tables = [setup.table(0), setup.table(1), setup.table(2)];
        let chunk = |seq, start, len, table| Chunk { seq, start, len, table };
        let out = batch.run(&[
            chunk(7, 0, 40, &tables[1][..]),
            chunk(1, 0, 520, &tables[0]),
            chunk(8, 0, 300, &tables[2]),
        ]);
        assert!(out[40..560] == first, "{isa} in a mixed prefill");
        let out = batch.run(&[
            chunk(8, 300, 33, &tables[2]),
            chunk(7, 40, 1, &tables[1]),
            chunk(1, 520, 1, &tables[0]),
        ]);
        assert!(out[34..] == next, "{isa} decoding beside a prefill");
    });
}

#[test]
fn a_shared_prefix_gives_the_same_bits() {
    let setup = Setup { isa: Isa::detect(), ..LLAMA_LIKE };
    let mut bench = Bench::new(setup);
    let expect = bench.run(&[Chunk { seq: 1, start: 0, len: 400, table: &setup.table(0) }]);
    // Another sequence of equal content: its first 20 blocks are the other's, the rest its own.
    let mut shared = setup.table(0);
    shared[20..].copy_from_slice(&setup.table(1)[20..]);
    let out = bench.run(&[Chunk { seq: 1, start: 320, len: 80, table: &shared }]);
    assert!(out == expect[320..]);
}

#[test]
fn workspace_is_what_was_planned() {
    for num_threads in [1, 3] {
        let setup = Setup { num_threads, ..LLAMA_LIKE };
        let mut bench = Bench::new(setup);
        bench.run(&[Chunk { seq: 1, start: 0, len: 700, table: &setup.table(0) }]);
        bench.run(&[Chunk { seq: 1, start: 700, len: 1, table: &setup.table(0) }]);
        let planned = AttentionWorkspace::bytes(&LLAMA_LIKE.limits(), num_threads);
        assert_eq!(bench.workspace.allocated_bytes(), planned);
    }
}
