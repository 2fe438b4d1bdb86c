//! The limits of a step's launches at the sizes of real models: what the product launches, counted
//! on the emulator by a sample of each launch's work-groups. Not measured on hardware.
//!
//! Weights and scores are zero; `counts.rs` and `gemm_counts.rs` count with numbers in them.

use std::path::PathBuf;
use std::process::Command;

use cdna3::counters::machine::{
    CLOCK_HZ, HBM_BYTES_PER_S, MATRIX_CLOCK_HZ, NUM_CUS, Resource, SIMDS_PER_CU, hbm_bytes,
};
use kernel_tests::{
    LLAMA_8B, LLAMA_70B_RANK, Launch, ModelShape, QWEN_1_5B, StepCase, StepEstimate, count_steps,
};

/// Work-groups of each launch that are run.
const SAMPLE: usize = 4;
const BATCHES: [usize; 3] = [1, 8, 64];
const CONTEXTS: [usize; 3] = [1 << 10, 8 << 10, 32 << 10];
const PROMPTS: [usize; 2] = [2 << 10, 8 << 10];

/// What a launch may ask for, or HBM must move, over the least.
const MOST_BYTES: f64 = 1.05;
/// Of the bytes of lines that are read. Lengths, and the ends of rows, are the rest.
const LEAST_LINE_USE: f64 = 0.99;

/// Of the vector issue of large products, whatever their epilogue. Wanted: 0.85.
const LEAST_MFMA_SHARE: f64 = 0.92;

/// Prompts whose products the big kernel's tiles would leave most of the GPU idle.
const SMALL_PROMPTS: [usize; 3] = [128, 256, 512];
/// Of the time that matrix units or memory need at least, in products of [`SMALL_PROMPTS`].
const LEAST_SMALL_SHARE: f64 = 0.93;

/// Products ask for x once in each work-group, from L2 after the first time: the gate of
/// [`MOST_BYTES`] is missed where a work-group has few columns. What is reached, by batch and by the
/// row tiles and column tiles of a work-group.
const REACHED_BY_PRODUCTS: [(usize, &str, f64); 8] = [
    (1, "1x1", 1.095),
    (1, "1x2", 1.04),
    (1, "1x4", 1.02),
    (8, "1x1", 1.53),
    (8, "1x2", 1.26),
    (8, "1x4", 1.13),
    (64, "4x1", 4.90),
    (64, "4x2", 3.00),
];
/// Bytes that a wave of a product has in flight at least. Wanted: 8 KB. Missed with one column tile where
/// slices of k are short: its wave asks for all of its slice.
fn least_first_bytes(kernel: &str, k: usize) -> u64 {
    let is_short = kernel.ends_with("1x1") && k.div_ceil(32).div_ceil(8) < 8;
    if is_short { (k.div_ceil(32) / 8 * 1024) as u64 } else { 8 << 10 }
}

/// Of streaming a product's weights, x and output, by batch.
const LEAST_PRODUCT_SHARE: [(usize, f64); 3] = [(1, 0.99), (8, 0.99), (64, 0.90)];

/// The emulator's library, which cargo builds beside this test.
fn emulator() -> PathBuf {
    let this = std::env::current_exe().expect("this program has a path");
    let library = this.parent().expect("it lies in a folder").join("libhip_emu.so");
    assert!(library.is_file(), "cargo builds {}", library.display());
    library
}

/// Every case with its launches.
fn steps(shape: &ModelShape, cases: Vec<StepCase>) -> Vec<(StepCase, Vec<Launch>)> {
    let mut program = Command::new(env!("CARGO_BIN_EXE_steps"));
    let launches = count_steps(&mut program, &emulator(), shape, SAMPLE, &cases);
    cases.into_iter().zip(launches).collect()
}

fn decode_cases() -> Vec<StepCase> {
    BATCHES.iter().flat_map(|&b| CONTEXTS.map(|c| StepCase::decode(b, c))).collect()
}

/// One of a step's products.
struct Product<'a> {
    launch: &'a Launch,
    /// Weights, x, output, and the residual where it is added, once.
    least_bytes: f64,
    adds_residual: bool,
    /// Multiply-adds.
    num_products: f64,
    /// Columns of the weight.
    k: usize,
}

fn products<'a>(shape: &ModelShape, batch: usize, launches: &'a [Launch]) -> Vec<Product<'a>> {
    let found: Vec<&Launch> = launches.iter().filter(|launch| launch.is_product()).collect();
    // A product may end in SiLU-mul, which halves its output, or in the residual stream, which it
    // then reads too.
    let is_fused = launches.iter().all(|launch| launch.kernel != "silu_mul");
    let adds = |n| is_fused && n == shape.hidden;
    let halves = |n| is_fused && n == 2 * shape.intermediate;
    let width = |n| match (halves(n), adds(n)) {
        (true, _) => n / 2,
        (_, true) => 2 * n,
        _ => n,
    };
    let per_layer = shape.layer_products();
    let (layers, head) = found.split_at(found.len() - 1);
    let layers = layers.iter().zip(per_layer.iter().cycle()).map(|(launch, &(n, k))| Product {
        launch,
        least_bytes: (2 * (n * k + batch * (k + width(n)))) as f64,
        adds_residual: adds(n),
        num_products: (batch * n * k) as f64,
        k,
    });
    let (n, k) = (shape.vocab, shape.hidden);
    let least_bytes = (2 * (n * k + batch * k) + 4 * batch * n) as f64;
    let num_products = (batch * n * k) as f64;
    let head = Product { launch: head[0], least_bytes, adds_residual: false, num_products, k };
    layers.chain([head]).collect()
}

fn check_products(shape: &ModelShape, case: &StepCase, launches: &[Launch]) {
    let least = LEAST_PRODUCT_SHARE.iter().find(|(batch, _)| *batch == case.batch);
    let (_, least_share) = least.expect("every batch has its limit");
    let mut worst: [f64; 2] = [0.0; 2];
    for Product { launch, least_bytes, adds_residual, k, .. } in
        products(shape, case.batch, launches)
    {
        let counters = &launch.counters;
        let name = format!("{} {case:?} {} {:?}", shape.name, launch.kernel, launch.grid);
        let asked = launch.asked_bytes() / least_bytes;
        let moved = hbm_bytes(counters, launch.num_groups()) / least_bytes;
        worst = [worst[0].max(asked), worst[1].max(moved)];
        let share = least_bytes / HBM_BYTES_PER_S / launch.bound.seconds;
        let first = counters.first_wait.expect("products wait for weights").bytes_min;
        assert!(first >= least_first_bytes(&launch.kernel, k), "{name}: {first} bytes in flight");
        println!("  {name}: asked {asked:.3}, share {share:.3}, {:?}", launch.bound.limit);
        let mut reached = REACHED_BY_PRODUCTS.iter();
        let is_of = |&&(batch, tiles, _): &&(usize, &str, f64)| {
            batch == case.batch && launch.kernel.ends_with(tiles)
        };
        let (.., most) = reached.find(is_of).expect("every kernel has its limit");
        assert!(share >= *least_share, "{name}: {share} of the limit");
        assert!(asked <= *most, "{name}: {asked} of the least bytes");
        assert!(moved <= MOST_BYTES, "{name}: HBM moves {moved} of the least bytes");
        // Work-groups beside complete the residual's lines: `gemm_counts.rs` counts them together.
        let line_use = counters.read.line_use();
        assert!(adds_residual || line_use >= LEAST_LINE_USE, "{name}: {line_use}");
    }
    println!("  products: asked at most {:.3} of the least, HBM {:.3}", worst[0], worst[1]);
}

/// Decode and its merge; `counts.rs` states the least bytes of one KV head.
fn check_attention(shape: &ModelShape, case: &StepCase, launches: &[Launch]) {
    let segments = case.context.div_ceil(256);
    let heads = shape.num_heads;
    let partials = if segments > 1 { segments * heads * (128 + 2) * 8 } else { 0 };
    let cache = case.context * shape.num_kv_heads * 128 * 4;
    let least = case.batch * (cache + heads * 128 * 4 + partials + 4 * case.context.div_ceil(16));
    let of = |name: &'static str| launches.iter().filter(move |l| l.kernel.starts_with(name));
    let all = of("attn_decode").chain(of("attn_reduce"));
    // Large batches attend in several launches a layer; four products a layer, and the LM head.
    let layers = launches.iter().filter(|launch| launch.is_product()).count() / 4;
    let ratio = all.map(Launch::asked_bytes).sum::<f64>() / (layers * least) as f64;
    println!("  attention: asked {ratio:.3} of the least");
    assert!(ratio >= 0.99, "{} {case:?}: {ratio} is less than the least", shape.name);
    assert!(ratio <= MOST_BYTES, "{} {case:?}: attention asks for {ratio}", shape.name);
    for launch in of("attn_decode") {
        let first = launch.counters.first_wait.expect("decode waits for keys");
        assert!(first.bytes_min >= 16 << 10, "{case:?}: {} bytes in flight", first.bytes_min);
        let line_use = launch.counters.read.line_use();
        assert!(line_use >= LEAST_LINE_USE, "{} {case:?}: {line_use}", shape.name);
    }
}

fn check_conflicts(shape: &ModelShape, case: &StepCase, launches: &[Launch]) {
    for launch in launches {
        let lost = launch.counters.lds_conflict_cycles();
        assert_eq!(lost, 0, "{} {case:?}: bank conflicts of {}", shape.name, launch.kernel);
    }
}

fn decode(shape: &ModelShape) -> Vec<(StepCase, StepEstimate)> {
    let estimates = steps(shape, decode_cases()).into_iter().map(|(case, launches)| {
        println!("{}: batch {}, context {}", shape.name, case.batch, case.context);
        check_products(shape, &case, &launches);
        check_attention(shape, &case, &launches);
        check_conflicts(shape, &case, &launches);
        let estimate = StepEstimate::new(shape, &case, &launches);
        println!("{estimate}");
        (case, estimate)
    });
    estimates.collect()
}

#[test]
fn decode_of_llama_8b_reaches_three_fifths_of_the_weights_roof() {
    let estimates = decode(&LLAMA_8B);
    for (case, estimate) in estimates.iter().filter(|(case, _)| case.batch == 1) {
        assert!(estimate.weights_share() >= 0.60, "{case:?}: {estimate}");
    }
}

#[test]
fn decode_of_qwen_1_5b() {
    decode(&QWEN_1_5B);
}

#[test]
fn decode_of_a_rank_of_llama_70b() {
    decode(&LLAMA_70B_RANK);
}

/// Prompts of Llama-3.1-8B: products and attention are bound by the matrix units.
#[test]
fn prefill_of_llama_8b() {
    let shape = &LLAMA_8B;
    for (case, launches) in steps(shape, PROMPTS.map(StepCase::prefill).to_vec()) {
        println!("{}: prompt of {}", shape.name, case.context);
        // The LM head has one row.
        let mut products = products(shape, case.context, &launches);
        products.pop();
        for Product { launch, .. } in products {
            let name = format!("{} {:?}", launch.kernel, launch.grid);
            let (share, lds) = (launch.counters.mfma_vector_share(), launch.counters.lds_share());
            println!("  {name}: share {share:.3}, LDS {lds:.3}");
            assert!(share >= LEAST_MFMA_SHARE, "{name}: MFMA {share}");
            assert!(lds <= 0.60, "{name}: LDS {lds}");
        }
        for launch in launches.iter().filter(|launch| launch.kernel.starts_with("attn_prefill")) {
            let (share, busy) = (launch.counters.mfma_vector_share(), launch.counters.mfma_busy());
            println!("  {} {:?}: share {share:.3}, busy {busy:.3}", launch.kernel, launch.grid);
            assert!(busy >= 0.70, "{} {:?}: busy {busy}", launch.kernel, launch.grid);
        }
        check_conflicts(shape, &case, &launches);
    }
}

/// The slowest resource but HBM, of which a sample overstates what neighbours share: matrix units at
/// the clock under matrix load, the others at the usual one.
fn slowest_on_chip(launch: &Launch) -> (Resource, f64) {
    let bound = &launch.bound;
    let on_chip = bound.resources.iter().filter(|(resource, _)| *resource != Resource::Hbm);
    let times = on_chip.map(|&(resource, seconds)| {
        let is_matrix = resource == Resource::Mfma;
        let clock_hz = if is_matrix { MATRIX_CLOCK_HZ } else { CLOCK_HZ };
        (resource, seconds * bound.clock_hz / clock_hz)
    });
    times.max_by(|a, b| a.1.total_cmp(&b.1)).expect("a launch uses some resource")
}

/// Products of small prompts keep the matrix units of all compute units busy, or memory.
#[test]
fn small_prompts_of_llama_8b_fill_the_gpu() {
    let shape = &LLAMA_8B;
    for (case, launches) in steps(shape, SMALL_PROMPTS.map(StepCase::prefill).to_vec()) {
        let mut products = products(shape, case.context, &launches);
        products.pop();
        for Product { launch, least_bytes, num_products, .. } in products {
            let matrix = num_products / (256.0 * (NUM_CUS * SIMDS_PER_CU) as f64 * MATRIX_CLOCK_HZ);
            let hbm = least_bytes / HBM_BYTES_PER_S;
            let (limit, seconds) = slowest_on_chip(launch);
            let share = matrix.max(hbm) / seconds.max(hbm);
            let name = format!("{} rows {} {:?}", case.context, launch.kernel, launch.grid);
            let us = seconds.max(hbm) * 1e6;
            println!("  {name}: {us:.1} us, share {share:.3}, {limit:?} {:.1} us", seconds * 1e6);
            assert!(share >= LEAST_SMALL_SHARE, "{name}: {share} of the limit");
        }
        check_conflicts(shape, &case, &launches);
    }
}
