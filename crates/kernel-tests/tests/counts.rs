//! What attention asks of memory, LDS and the matrix units, counted on the emulator with random
//! scores, so that maxima move and accumulators are rescaled. Not measured on hardware.

#[expect(dead_code, reason = "parity is held in attention.rs")]
mod paged;

use kernel_tests::{CacheType, Counted, Element};
use paged::{Bench, Seq, Shape};

/// One KV head of a layer: the others repeat it.
fn slice(group: usize, cache: CacheType) -> Shape {
    Shape {
        num_heads: group,
        num_kv_heads: 1,
        head_dim: 128,
        window: 0,
        soft_cap: 0.0,
        scale: 0.088,
        element: Element::Bf16,
        cache,
        kv_scales: [1.0, 1.0],
    }
}

/// Bytes that decode and its merge cannot do without: keys and values, queries and output, partial
/// results written and read, the block table.
fn minimal_decode_bytes(shape: &Shape, length: usize) -> usize {
    let segments = length.div_ceil(256);
    let partials =
        if segments > 1 { segments * shape.num_heads * (shape.head_dim + 2) * 8 } else { 0 };
    length * shape.num_kv_heads * shape.head_dim * 2 * shape.cache.bytes()
        + shape.num_heads * shape.head_dim * 4
        + partials
        + 4 * length.div_ceil(16)
}

fn assert_no_conflicts(launch: &Counted) {
    let conflicts = launch.counters.lds_conflict_cycles();
    assert_eq!(conflicts, 0, "{}: cycles lost to bank conflicts", launch.kernel);
}

#[test]
fn decode_asks_for_little_more_than_it_must() {
    let mut bench = Bench::new();
    bench.device.count(u64::MAX);
    // Groups of Llama-3.1-8B, Qwen2.5-1.5B and Llama-3.1-70B.
    let cases =
        [(4, 1024), (6, 1024), (8, 1024), (4, 8192), (8, 8192)].map(|c| (c, CacheType::Plain));
    let fp8 = [(8, 1024), (8, 8192)].map(|c| (c, CacheType::Fp8));
    for ((group, length), cache) in cases.into_iter().chain(fp8) {
        let shape = slice(group, cache);
        bench.run(&shape, &[Seq { id: 1, context: length - 1, new: 1 }], 2);
        let launches = bench.device.counted();
        let asked: f64 = launches.iter().map(Counted::asked_bytes).sum();
        let ratio = asked / minimal_decode_bytes(&shape, length) as f64;
        println!("{cache:?} group {group} length {length}: {ratio:.4} of minimal");
        assert!(
            ratio <= 1.05,
            "{cache:?} group {group} length {length}: {ratio} times the minimal bytes"
        );
        for launch in launches {
            assert_no_conflicts(launch);
            let line_use = launch.counters.read.line_use();
            println!("  {}: lines {line_use:.4}", launch.kernel);
            // Lengths and starts of sequences share no lines with others: they are the rest.
            assert!(line_use >= 0.99, "{}: {line_use} of the lines are used", launch.kernel);
        }
        let first = launches[0].counters.first_wait.expect("decode waits for keys");
        assert!(first.bytes_min >= 16 << 10, "{} bytes in flight", first.bytes_min);
    }
}

/// A prompt of 8192 tokens; a sample of the work-groups, which all see their own prefix.
#[test]
fn prefill_is_bound_by_matrix_operations() {
    let mut bench = Bench::new();
    bench.device.count(2);
    bench.run(&slice(4, CacheType::Plain), &[Seq { id: 1, context: 0, new: 8192 }], 1);
    let [launch] = bench.device.counted() else { panic!("one launch") };
    let counters = &launch.counters;
    println!("{}\n{counters}", launch.kernel);
    let (busy, share) = (counters.mfma_busy(), counters.mfma_vector_share());
    println!("matrix units busy {busy:.3}, share of vector issue {share:.3}");
    println!("LDS {:.3}", counters.lds_share());
    assert!(busy >= 0.70, "matrix units are busy for {busy} of the time");
    assert_no_conflicts(launch);
}

/// Instructions of a tile beyond those of the loop's cheapest round show in the long run: rescaling,
/// merging, scalar work. Random scores; a work-group of 8 waves of which all see every tile.
#[test]
fn prefill_tiles_execute_few_instructions() {
    let mut bench = Bench::new();
    let shape = slice(4, CacheType::Plain);
    let mut instructions = |context| {
        bench.run(&shape, &[Seq { id: 1, context, new: 64 }], 2);
        bench.num_instructions
    };
    let (short, long) = (instructions(512), instructions(1536));
    let per_tile = (long - short) as f64 / (8.0 * 1024.0 / 32.0);
    // 64 matrix operations, of 16 clocks each. Measured 397.2 with clang 19.1.
    assert!(per_tile <= 410.0, "{per_tile} instructions per tile and wave");
}

/// Bytes of a prompt's queries and results, and of its keys and values in the cache.
fn prompt_bytes(shape: &Shape, tokens: usize) -> [usize; 2] {
    let rows = 2 * tokens * shape.num_heads * shape.head_dim * 2;
    let cached = 2 * tokens * shape.num_kv_heads * shape.head_dim * shape.cache.bytes();
    [rows, cached]
}

/// A work-group of 256 rows asks once for the keys and values that its last row sees, FP8 as plain:
/// eight waves share them, so that an FP8 cache halves what comes from it.
#[test]
fn prefill_asks_for_keys_and_values_once_a_work_group() {
    let mut bench = Bench::new();
    bench.device.count(u64::MAX);
    let tokens = 256;
    // A KV head of Qwen2.5-1.5B and of Llama-3.1-8B.
    for (group, cache) in
        [6, 4].into_iter().flat_map(|group| CacheType::ALL.map(|cache| (group, cache)))
    {
        let shape = slice(group, cache);
        bench.run(&shape, &[Seq { id: 1, context: 0, new: tokens }], 1);
        let [launch] = bench.device.counted() else { panic!("one launch") };
        let [rows, cached] = prompt_bytes(&shape, tokens);
        let num_groups = tokens * group / 256;
        let seen: usize = (1..=num_groups)
            .map(|i| (256 * i).div_ceil(group).next_multiple_of(32) * cached / tokens)
            .sum();
        let asked = (launch.counters.read.bytes + launch.counters.written.bytes) as usize;
        let ratios = launch.over(rows + cached + 4 * tokens / 16);
        println!("{cache:?} group {group}: {ratios}");
        assert_eq!(asked, rows + seen, "{cache:?} group {group}");
        // HBM moves each of them once: work-groups of a head share what they see.
        assert!(ratios.hbm <= 1.01, "{cache:?} group {group}: {ratios}");
        assert_no_conflicts(launch);
    }
}
