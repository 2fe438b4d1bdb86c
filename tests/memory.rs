//! Memory from the outside and the inside: what the plan says is what is allocated, loading takes
//! little more, serving takes nothing more, and a limit that is too small is refused in words.

mod counting_allocator;
mod local_model;
mod server_process;

use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};

use counting_allocator::{live_bytes, peak_bytes, reset_peak};
use cpu::{CpuConfig, CpuDevice};
use local_model::{Silent, Sizes, greedy};
use model::{HostMemory, MemoryPlan, ModelExecutor, ModelFiles};
use server_process::{golden, real_model};
use types::{EngineRequest, SamplingParams, TokenId};

/// What loading allocates beside the plan: the handles of the weights, about 1 KiB a layer, and the
/// parameters of empty sampler slots. Measured: 32 KB on the real model.
const LOAD_SLACK_BYTES: usize = 128 << 10;

/// What serving may add to the plan: the scheduler's tables and the step's arrays, both sized at
/// start, and the tokens, hashes and streams of the requests in the test. Measured: 120 KB.
const SERVING_SLACK_BYTES: usize = 1 << 20;

/// The allocator counts for the whole process, so one test measures at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Measured {
    executor: ModelExecutor<CpuDevice>,
    plan: MemoryPlan,
    /// Held by everything else in this process, the opened files not included.
    other_bytes: usize,
}

/// Loads a model and checks what that took.
fn load(path: &std::path::Path, sizes: Sizes) -> Measured {
    let files = ModelFiles::open(path).expect("the model opens");
    let config = CpuConfig { num_threads: Some(sizes.num_threads), ..CpuConfig::default() };
    let device = CpuDevice::new(config).expect("the CPU device starts");
    let host = HostMemory::read().expect("the machine says how much memory it has");
    let request = local_model::plan_request(&files, sizes);
    let plan = MemoryPlan::new(&files, &device, &request, host).expect("the plan fits");
    let total = plan.total_bytes() as usize;
    let largest_tensor = files
        .tensors()
        .map(|(_, shape)| shape.rows * shape.dtype.row_bytes(shape.cols).expect("whole rows"))
        .max()
        .expect("a model has tensors");

    let before_bytes = live_bytes();
    reset_peak();
    let executor = ModelExecutor::load(device, &files, &plan, &|_| ()).expect("the model loads");
    let peak = peak_bytes() - before_bytes;
    let held = live_bytes() - before_bytes;
    println!("{}: planned {total}, held {held}, peak {peak}", path.display());
    assert!(
        held.abs_diff(total) <= LOAD_SLACK_BYTES,
        "planned {total}, allocated {held}: off by {}",
        held as i64 - total as i64
    );
    assert!(
        peak <= total + largest_tensor + LOAD_SLACK_BYTES,
        "planned {total}, largest tensor {largest_tensor}, peak while loading {peak}"
    );
    drop(files);
    Measured { executor, plan, other_bytes: live_bytes() - held }
}

#[test]
fn the_plan_is_what_is_allocated_and_serving_adds_nothing() {
    let _alone = alone();
    the_plan_is_what_is_allocated();
    // Last, because the engine's thread may still be giving memory back when this returns.
    a_ready_process_does_not_grow_under_mixed_load();
}

fn the_plan_is_what_is_allocated() {
    let small = Sizes { max_model_len: 512, num_blocks: 64, ..Sizes::default() };
    for name in ["llama", "qwen2", "qwen3", "mistral", "gguf/llama-k-quants.gguf"] {
        load(&golden(name), small);
    }
    load(&real_model(), Sizes::default());
    let other = Sizes {
        max_num_seqs: 3,
        max_num_batched_tokens: 100,
        num_threads: 1,
        block_size: 32,
        kv_dtype: backend::KvDType::F32,
        ..Sizes::default()
    };
    load(&real_model(), other);
}

fn sampled(prompt: &[TokenId], max_tokens: u32, seed: u64) -> EngineRequest {
    let sampling = SamplingParams {
        temperature: 0.9,
        top_p: 0.95,
        presence_penalty: 0.3,
        logprobs: Some(3),
        seed,
        ..SamplingParams::default()
    };
    EngineRequest { sampling: sampling.into(), ..greedy(prompt, max_tokens) }
}

fn a_ready_process_does_not_grow_under_mixed_load() {
    let sizes = Sizes {
        max_num_seqs: 8,
        max_num_batched_tokens: 64,
        num_blocks: 16,
        max_model_len: 256,
        prefix_caching: true,
        ..Sizes::default()
    };
    let Measured { mut executor, plan, other_bytes } = load(&real_model(), sizes);
    executor.warm_up(&|_| ()).expect("the warm-up runs");
    let config = local_model::engine_config(sizes);
    let engine = engine::start(Box::new(executor), config, Box::new(Silent)).expect("it starts");
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    reset_peak();
    let mut num_preemptions = 0;
    for round in 0..2u32 {
        let requests = (0..10).map(|i| {
            let len = [3, 17, 40, 90, 70][i as usize % 5];
            let prompt: Vec<TokenId> = (0..len).map(|t| 100 + t * 7 + i + round).collect();
            if i % 3 == 0 { sampled(&prompt, 60, u64::from(i)) } else { greedy(&prompt, 60) }
        });
        let mut streams = engine.submit(requests.collect()).expect("the queue has room");
        // Two clients leave early.
        streams.truncate(8);
        runtime.block_on(async {
            for stream in &mut streams {
                let stats = local_model::collect(stream).await.stats;
                num_preemptions += stats.num_preemptions;
            }
        });
    }
    runtime.block_on(async {
        engine.begin_drain();
        engine.drained().await;
    });
    let peak = peak_bytes();
    assert!(num_preemptions > 0, "sixteen blocks are too few for eight sequences");
    let grown = peak as i64 - other_bytes as i64 - plan.total_bytes() as i64;
    println!("peak while serving: plan + {grown}");
    assert!(grown <= SERVING_SLACK_BYTES as i64, "the process grew {grown} bytes beyond its plan");
}

fn ropeway(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ropeway")).args(args).output().expect("the binary starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn dry_run_and_inspect_print_the_plan() {
    let _alone = alone();
    let model = golden("llama");
    let model = model.to_str().expect("a readable path");
    let options = ["--num-blocks", "40", "--max-num-seqs", "4", "--threads", "1"];
    for command in [["serve", model, "--dry-run"].as_slice(), &["inspect", model]] {
        let output = ropeway(&[command, &options].concat());
        let stdout = text(&output.stdout);
        assert!(output.status.success(), "{command:?}: {}", text(&output.stderr));
        assert!(stdout.contains("(40 blocks of 16 tokens, "), "{stdout}");
        assert!(stdout.contains("max model len    512 tokens of the model's 512"), "{stdout}");
        assert!(stdout.contains("full sequences   1.2 at once"), "{stdout}");
    }
    let output = ropeway(&[["inspect", model, "--json"].as_slice(), &options].concat());
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let plan = &json["memory_plan"];
    let bytes = |key: &str| plan[key].as_u64().expect("a size");
    let parts = ["weights_bytes", "buffers_bytes", "workspace_bytes", "kv_cache_bytes"];
    assert_eq!(bytes("total_bytes"), parts.iter().map(|key| bytes(key)).sum::<u64>());
    assert_eq!(bytes("num_blocks"), 40);
}

#[test]
fn what_does_not_fit_is_refused_with_the_numbers() {
    let _alone = alone();
    let model = golden("llama");
    let model = model.to_str().expect("a readable path");
    let too_large = ["--kv-cache-memory", "64T"];
    let commands: [&[&str]; 3] =
        [&["serve", model, "--dry-run"], &["inspect", model], &["serve", model, "--port", "0"]];
    for command in commands {
        let output = ropeway(&[command, &too_large].concat());
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{command:?}: {stderr}");
        assert!(stderr.contains("does not fit in memory"), "{stderr}");
        assert!(stderr.contains("64.00 TiB asked for"), "{stderr}");
        assert!(stderr.contains("  --kv-cache-memory "), "{stderr}");
    }
    let output = ropeway(&["serve", model, "--dry-run", "--max-model-len", "513"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("more than the model's context of 512 tokens"));
}
