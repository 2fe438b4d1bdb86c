//! Sequences of reproducible keys, values and queries in a paged cache, and their attention: by
//! the kernels, and naively in f64.

use kernel_tests::{
    BLOCK_SIZE, CacheShape, CacheType, Device, Element, FP8_NAN, Noise, Params, fp8_code,
    fp8_value, u32_bytes,
};

const SEGMENT: usize = 256;

/// Heads and scores.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) num_heads: usize,
    pub(crate) num_kv_heads: usize,
    pub(crate) head_dim: usize,
    /// 0: none.
    pub(crate) window: usize,
    /// 0: none.
    pub(crate) soft_cap: f32,
    pub(crate) scale: f32,
    /// Of queries and results, and of keys and values in a plain cache.
    pub(crate) element: Element,
    pub(crate) cache: CacheType,
    /// Of stored keys and values; 1 in a plain cache.
    pub(crate) kv_scales: [f32; 2],
}

impl Shape {
    /// What the cache gives back of a key (1) or value (2).
    fn stored(&self, kind: u64, value: f32) -> f32 {
        match self.cache {
            CacheType::Plain => value,
            CacheType::Fp8 => fp8_value(self.code(kind, value)) * self.kv_scales[kind as usize - 1],
        }
    }

    fn code(&self, kind: u64, value: f32) -> u8 {
        fp8_code(value / self.kv_scales[kind as usize - 1])
    }

    /// A number as the cache holds it.
    fn put(&self, kind: u64, value: f32, at: usize, cache: &mut [u8]) {
        match self.cache {
            CacheType::Plain => {
                cache[2 * at..2 * at + 2].copy_from_slice(&self.element.bytes(&[value]));
            }
            CacheType::Fp8 => cache[at] = self.code(kind, value),
        }
    }

    /// What kernels' names have of the types.
    fn infix(&self) -> &'static str {
        match (self.element, self.cache) {
            (Element::F16, CacheType::Plain) => "f16_",
            (_, cache) => cache.infix(),
        }
    }

    fn padded(&self) -> usize {
        self.head_dim.next_multiple_of(32)
    }

    /// Elements of a fused row.
    fn row(&self) -> usize {
        (self.num_heads + 2 * self.num_kv_heads) * self.head_dim
    }
}

/// `new` tokens after `context` cached ones of a sequence whose numbers are those of `id`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seq {
    pub(crate) id: u64,
    pub(crate) context: usize,
    pub(crate) new: usize,
}

impl Seq {
    fn len(&self) -> usize {
        self.context + self.new
    }

    /// The vector of one head at one position; `kind` 0 query, 1 key, 2 value. Keys and values are
    /// what the cache holds of them.
    fn vector(&self, kind: u64, head: usize, position: usize, shape: &Shape) -> Vec<f32> {
        let seed = ((self.id * 4 + kind) * 4096 + head as u64) * 65_536 + position as u64;
        let mut noise = Noise::new(seed).f32s(shape.head_dim, if kind == 2 { 1.0 } else { 2.0 });
        noise.iter_mut().for_each(|value| *value = shape.element.rounded(*value));
        let mut vector = noise;
        if kind > 0 {
            vector.iter_mut().for_each(|value| *value = shape.stored(kind, *value));
        }
        vector
    }
}

/// Attention of every new token, `[tokens, num_heads, head_dim]`.
pub(crate) fn reference(shape: &Shape, seqs: &[Seq]) -> Vec<f64> {
    let mut out = Vec::new();
    for seq in seqs {
        let all = |kind| -> Vec<Vec<Vec<f32>>> {
            let heads = 0..shape.num_kv_heads;
            let head = |h| (0..seq.len()).map(|at| seq.vector(kind, h, at, shape)).collect();
            heads.map(head).collect()
        };
        let (keys, values) = (all(1), all(2));
        for position in seq.context..seq.len() {
            for head in 0..shape.num_heads {
                let kv_head = head * shape.num_kv_heads / shape.num_heads;
                let query = seq.vector(0, head, position, shape);
                out.extend(attend(shape, &query, position, &keys[kv_head], &values[kv_head]));
            }
        }
    }
    out
}

fn attend(
    shape: &Shape,
    query: &[f32],
    position: usize,
    keys: &[Vec<f32>],
    values: &[Vec<f32>],
) -> Vec<f64> {
    let window = if shape.window == 0 { usize::MAX } else { shape.window };
    let first = (position + 1).saturating_sub(window);
    let score = |key: &Vec<f32>| {
        let dot: f64 = query.iter().zip(key).map(|(&q, &k)| f64::from(q) * f64::from(k)).sum();
        let score = dot * f64::from(shape.scale);
        let cap = f64::from(shape.soft_cap);
        if cap > 0.0 { cap * (score / cap).tanh() } else { score }
    };
    let scores: Vec<f64> = keys[first..=position].iter().map(score).collect();
    let max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = scores.iter().map(|score| (score - max).exp()).collect();
    let sum: f64 = weights.iter().sum();
    let mut out = vec![0.0; shape.head_dim];
    for (weight, value) in weights.iter().zip(&values[first..=position]) {
        out.iter_mut().zip(value).for_each(|(out, &v)| *out += weight / sum * f64::from(v));
    }
    out
}

/// One step's arrays.
struct Step {
    tables: Vec<u32>,
    table_start: Vec<u32>,
    seq_lens: Vec<u32>,
    query_start: Vec<u32>,
    qkv: Vec<u8>,
    keys: Vec<u8>,
    values: Vec<u8>,
}

impl Step {
    /// What no token has written is NaN, in the cache and in the fused rows.
    fn new(shape: &Shape, seqs: &[Seq]) -> Self {
        let num_blocks = seqs.iter().map(|s| s.len().div_ceil(BLOCK_SIZE)).sum::<usize>() + 2;
        let cache = CacheShape {
            num_kv_heads: shape.num_kv_heads,
            head_dim: shape.head_dim,
            num_blocks,
            cache_type: shape.cache,
        };
        let nan = match shape.cache {
            CacheType::Plain => shape.element.bytes(&[f32::NAN]).repeat(cache.len()),
            CacheType::Fp8 => vec![FP8_NAN; cache.len()],
        };
        let mut step = Self {
            tables: Vec::new(),
            table_start: vec![0],
            seq_lens: Vec::new(),
            query_start: vec![0],
            qkv: Vec::new(),
            keys: nan.clone(),
            values: nan,
        };
        // Blocks of a sequence lie apart and out of order.
        let mut free: Vec<u32> = (0..num_blocks as u32).collect();
        let mut noise = Noise::new(3);
        for seq in seqs {
            let table: Vec<u32> = (0..seq.len().div_ceil(BLOCK_SIZE))
                .map(|_| free.swap_remove(noise.below(free.len())))
                .collect();
            step.write_cache(shape, &cache, seq, &table);
            step.write_queries(shape, seq);
            step.tables.extend(&table);
            step.table_start.push(step.tables.len() as u32);
            step.seq_lens.push(seq.len() as u32);
            step.query_start.push(step.query_start.last().expect("starts with 0") + seq.new as u32);
        }
        step
    }

    fn write_cache(&mut self, shape: &Shape, cache: &CacheShape, seq: &Seq, table: &[u32]) {
        for position in 0..seq.len() {
            let slot = table[position / BLOCK_SIZE] as usize * BLOCK_SIZE + position % BLOCK_SIZE;
            for head in 0..shape.num_kv_heads {
                let key = seq.vector(1, head, position, shape);
                let value = seq.vector(2, head, position, shape);
                for d in 0..shape.padded() {
                    let number = |v: &[f32]| v.get(d).copied().unwrap_or(0.0);
                    shape.put(1, number(&key), cache.key(slot, head, d), &mut self.keys);
                    shape.put(2, number(&value), cache.value(slot, head, d), &mut self.values);
                }
            }
        }
    }

    fn write_queries(&mut self, shape: &Shape, seq: &Seq) {
        for position in seq.context..seq.len() {
            let start = self.qkv.len();
            for head in 0..shape.num_heads {
                let query = seq.vector(0, head, position, shape);
                self.qkv.extend(shape.element.bytes(&query));
            }
            let rest = shape.row() - (self.qkv.len() - start) / 2;
            self.qkv.extend(shape.element.bytes(&vec![f32::NAN; rest]));
        }
    }
}

/// The attention kernels on a device.
pub(crate) struct Bench {
    pub(crate) device: Device,
    /// Executed by the last run, each wave counted.
    pub(crate) num_instructions: u64,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let files = ["attn_decode.hip", "attn_reduce.hip", "attn_prefill.hip"];
        Self { device: Device::load_all(&files), num_instructions: 0 }
    }

    /// Attention of a step; sequences with at least `min_query_len` new tokens by prefill.
    pub(crate) fn run(&mut self, shape: &Shape, seqs: &[Seq], min_query_len: usize) -> Vec<f32> {
        let step = Step::new(shape, seqs);
        let device = &mut self.device;
        device.reset();
        self.num_instructions = 0;
        let num_tokens = seqs.iter().map(|s| s.new).sum::<usize>();
        let max_len = seqs.iter().map(Seq::len).max().unwrap_or(0);
        let num_segments = max_len.div_ceil(SEGMENT);
        let out_len = num_tokens * shape.num_heads * shape.head_dim;
        let query_start = device.allocate("query_start", &u32_bytes(&step.query_start));
        let seq_lens = device.allocate("seq_lens", &u32_bytes(&step.seq_lens));
        let out = device.poisoned("out", out_len * 2);
        let inputs = Params::new()
            .u64(device.allocate("qkv", &step.qkv))
            .u64(device.allocate("keys", &step.keys))
            .u64(device.allocate("values", &step.values))
            .u64(device.allocate("tables", &u32_bytes(&step.tables)))
            .u64(device.allocate("table_start", &u32_bytes(&step.table_start)))
            .u64(seq_lens)
            .u64(query_start)
            .u64(out);
        let shape_of = |params: Params| {
            params
                .size(shape.row())
                .size(shape.num_heads)
                .size(shape.num_kv_heads)
                .size(shape.head_dim)
                .size(shape.num_kv_heads * shape.padded() * BLOCK_SIZE * shape.cache.bytes())
        };
        let [k_scale, v_scale] = shape.kv_scales;
        let scores = |params: Params| {
            let params = params.size(shape.window).f32(shape.scale * k_scale);
            params.f32(shape.soft_cap).f32(v_scale)
        };
        let group = shape.num_heads / shape.num_kv_heads;
        let template = shape.padded();
        if seqs.iter().any(|s| s.new >= min_query_len) {
            let rows = seqs.iter().map(|s| s.new).max().unwrap_or(0) * group;
            let per_tile = if template <= 128 { 256 } else { 128 };
            let params = scores(shape_of(inputs.clone()).size(min_query_len));
            let grid = [shape.num_kv_heads, rows.div_ceil(per_tile), seqs.len()];
            let kernel = format!("attn_prefill_{}d{template}", shape.infix());
            let report = device.launch(&kernel, grid, 512, &params);
            self.num_instructions += report.num_wave_instructions;
        }
        if min_query_len > 1 && seqs.iter().any(|s| s.new == 1) {
            let partials = seqs.len() * shape.num_heads * num_segments;
            let partial_out = device.poisoned("partial_out", partials * shape.padded() * 4);
            let stats = device.poisoned("partial_stats", partials * 8);
            let params = shape_of(inputs.u64(partial_out).u64(stats)).size(num_segments);
            let grid = [shape.num_kv_heads * group.div_ceil(16), num_segments, seqs.len()];
            let kernel = format!("attn_decode_{}d{template}", shape.infix());
            device.launch(&kernel, grid, 64, &scores(params));
            let params = Params::new()
                .u64(seq_lens)
                .u64(query_start)
                .u64(partial_out)
                .u64(stats)
                .u64(out)
                .size(shape.num_heads)
                .size(shape.head_dim)
                .size(num_segments)
                .size(shape.window)
                .f32(v_scale)
                .u32(0);
            let grid = [seqs.len(), (shape.num_heads * shape.padded() / 4).div_ceil(256), 1];
            device.launch(&shape.element.kernel("attn_reduce"), grid, 256, &params);
        }
        shape.element.widened(&device.bytes("out"))
    }
}
