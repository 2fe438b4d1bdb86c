//! The limits of a step's launches at the sizes of real models: what the product launches, counted
//! on the emulator by a sample of each launch's work-groups. Not measured on hardware.
//!
//! Weights and scores are zero; `counts.rs` and `gemm_counts.rs` count with numbers in them.

use std::path::PathBuf;
use std::process::Command;

use cdna3::counters::machine::hbm_bytes;
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

/// Products ask for x once in each work-group, from L2 after the first time: the gate of
/// [`MOST_BYTES`] is missed by all of them. What is reached, by batch.
const REACHED_BY_PRODUCTS: [(usize, f64); 3] = [(1, 1.10), (8, 1.54), (64, 5.15)];

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

/// The step's products with the bytes that each cannot do without: weights, x and output once.
fn products<'a>(
    shape: &ModelShape,
    batch: usize,
    launches: &'a [Launch],
) -> Vec<(&'a Launch, f64)> {
    let found: Vec<&Launch> = launches.iter().filter(|launch| launch.is_product()).collect();
    // Gate and up become one output where the product ends in it.
    let is_fused = launches.iter().all(|launch| launch.kernel != "silu_mul");
    let width = |n| if is_fused && n == 2 * shape.intermediate { n / 2 } else { n };
    let per_layer = shape.layer_products();
    let (layers, head) = found.split_at(found.len() - 1);
    let layers = layers
        .iter()
        .zip(per_layer.iter().cycle())
        .map(|(launch, &(n, k))| (*launch, (2 * (n * k + batch * (k + width(n)))) as f64));
    let (n, k) = (shape.vocab, shape.hidden);
    layers.chain([(head[0], (2 * (n * k + batch * k) + 4 * batch * n) as f64)]).collect()
}

fn check_products(shape: &ModelShape, case: &StepCase, launches: &[Launch]) {
    let reached = REACHED_BY_PRODUCTS.iter().find(|(batch, _)| *batch == case.batch);
    let (_, most) = reached.expect("every batch has its limit");
    let mut worst: [f64; 2] = [0.0; 2];
    for (launch, least) in products(shape, case.batch, launches) {
        let counters = &launch.counters;
        let name = format!("{} {case:?} {} {:?}", shape.name, launch.kernel, launch.grid);
        let asked = launch.asked_bytes() / least;
        let moved = hbm_bytes(counters, launch.num_groups()) / least;
        worst = [worst[0].max(asked), worst[1].max(moved)];
        assert!(asked <= *most, "{name}: {asked} of the least bytes");
        assert!(moved <= MOST_BYTES, "{name}: HBM moves {moved} of the least bytes");
        assert!(counters.read.line_use() >= LEAST_LINE_USE, "{name}: {}", counters.read.line_use());
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
    let layers = of("attn_decode").count();
    assert!(layers > 0, "a step attends");
    let ratio = all.map(Launch::asked_bytes).sum::<f64>() / (layers * least) as f64;
    println!("  attention: asked {ratio:.3} of the least");
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
        for launch in &launches {
            let c = &launch.counters;
            let (share, busy, lds) = (c.mfma_vector_share(), c.mfma_busy(), c.lds_share());
            let name = &launch.kernel;
            if name.starts_with("gemm_big") {
                println!("  {name} {:?}: share {share:.3}, LDS {lds:.3}", launch.grid);
                assert!(share >= 0.85, "{name} {:?}: MFMA {share}", launch.grid);
                assert!(lds <= 0.60, "{name} {:?}: LDS {lds}", launch.grid);
            }
            if name.starts_with("attn_prefill") {
                println!("  {name} {:?}: share {share:.3}, busy {busy:.3}", launch.grid);
                assert!(busy >= 0.70, "{name} {:?}: busy {busy}", launch.grid);
            }
        }
        check_conflicts(shape, &case, &launches);
    }
}
