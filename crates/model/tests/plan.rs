//! The memory plan over the goldens' files and a device that only counts: every way to fit and not
//! to fit, and that every remedy named in a refusal is one.
#![allow(clippy::unwrap_used, reason = "a failed test says where")]

use std::path::Path;

use backend::{
    BufferKind, Device, DeviceError, KvDType, KvLayout, KvScales, RowSource, StepLimits,
    TensorShape,
};
use model::{
    DEFAULT_KV_CACHE_BYTES, HostMemory, MAX_NUM_BATCHED_TOKENS, MAX_NUM_SEQS, MIN_AUTO_MODEL_LEN,
    MemoryLimitSource, MemoryPlan, ModelFiles, PlanError, PlanRequest, SERVER_RESERVE_BYTES,
};
use proptest::prelude::*;

/// The context of the tiny models.
const CONTEXT: usize = 512;

/// Sizes like a real device's, alignment included; nothing can be allocated.
struct CountingDevice;

fn nothing<T>() -> Result<T, DeviceError> {
    Err(DeviceError::Unsupported { device: "counting".into(), what: "allocation".into() })
}

impl Device for CountingDevice {
    type Buffer = ();
    type Weight = ();
    type KvCache = ();

    fn name(&self) -> String {
        "counting".into()
    }

    /// Has no FP8, and counts nothing for what it refuses.
    fn check(&self, layout: &KvLayout, _: &StepLimits) -> Result<(), DeviceError> {
        if layout.dtype == KvDType::Fp8 { nothing() } else { Ok(()) }
    }

    fn weight_bytes(&self, parts: &[TensorShape]) -> usize {
        parts.iter().map(|part| part.rows * part.dtype.row_bytes(part.cols).unwrap() + 64).sum()
    }

    fn upload_weight<S: RowSource>(&mut self, _: &[S]) -> Result<(), S::Error> {
        Ok(nothing()?)
    }

    fn buffer_bytes(&self, _: BufferKind, rows: usize, cols: usize) -> usize {
        rows * cols * 4 + 64
    }

    fn alloc_buffer(&mut self, _: BufferKind, _: usize, _: usize) -> Result<(), DeviceError> {
        nothing()
    }

    fn kv_cache_bytes(&self, layout: &KvLayout) -> usize {
        layout.num_blocks * layout.block_bytes() + 64
    }

    fn alloc_kv_cache(&mut self, _: &KvLayout, _: &[KvScales]) -> Result<(), DeviceError> {
        nothing()
    }

    fn workspace_bytes(&self, limits: &StepLimits) -> usize {
        let tables = limits.max_num_seqs * limits.max_model_len.div_ceil(limits.block_size) * 4;
        tables + limits.max_num_batched_tokens * limits.max_linear_cols
    }

    fn reserve_workspace(&mut self, _: &StepLimits) -> Result<(), DeviceError> {
        nothing()
    }
}

fn llama() -> ModelFiles {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens/llama");
    ModelFiles::open(&folder).expect("the golden model opens")
}

fn request() -> PlanRequest {
    PlanRequest {
        block_size: 16,
        kv_dtype: KvDType::BF16,
        max_model_len: None,
        max_num_seqs: 8,
        max_num_batched_tokens: 64,
        kv_cache_bytes: None,
        num_blocks: None,
        memory_utilization: 1.0,
    }
}

/// A machine with this much beyond what is kept for the server.
fn host(bytes: u64) -> HostMemory {
    let bytes = SERVER_RESERVE_BYTES + bytes;
    HostMemory { limit_bytes: bytes, available_bytes: bytes, source: MemoryLimitSource::Machine }
}

const PLENTY: u64 = 1 << 30;

fn plan(request: &PlanRequest, host: HostMemory) -> Result<MemoryPlan, PlanError> {
    MemoryPlan::new(&llama(), &CountingDevice, request, host)
}

fn fits(request: &PlanRequest, host: HostMemory) -> MemoryPlan {
    plan(request, host).unwrap_or_else(|error| panic!("must fit: {error}"))
}

fn refusal(request: &PlanRequest, host: HostMemory) -> String {
    match plan(request, host) {
        Err(error @ PlanError::DoesNotFit(_)) => error.to_string(),
        other => panic!("must not fit: {other:?}"),
    }
}

/// What everything but the KV cache takes, for this request and context.
fn fixed_bytes(request: &PlanRequest) -> u64 {
    let plan = fits(request, host(PLENTY));
    plan.total_bytes() - plan.kv_cache_bytes
}

#[test]
fn the_parts_are_what_the_device_says() {
    let (files, request) = (llama(), request());
    let plan = fits(&request, host(PLENTY));
    let spec = &files.spec;
    let file_bytes: usize =
        files.tensors().map(|(_, s)| s.rows * s.dtype.row_bytes(s.cols).unwrap()).sum();
    // 2 norms, q, k, v, o, gate, up, down of each layer; embedding, LM head, final norm.
    let num_parts = 9 * spec.num_layers + 3 - usize::from(spec.tie_word_embeddings);
    assert_eq!(plan.weights_bytes, (file_bytes + 64 * num_parts) as u64);
    let heads = spec.num_heads + 2 * spec.num_kv_heads + spec.num_heads;
    let token_cols = 3 * spec.hidden_size + heads * spec.head_dim + 3 * spec.intermediate_size;
    let seq_cols = spec.hidden_size + spec.vocab_size;
    assert_eq!(plan.buffers_bytes, (4 * (64 * token_cols + 8 * seq_cols) + 9 * 64) as u64);
    let rope = spec.rope.table(CONTEXT);
    let rope_bytes = (rope.cos.len() + rope.sin.len()) * 4;
    let scratch = CountingDevice.workspace_bytes(&plan.step_limits(spec));
    assert_eq!(plan.workspace_bytes, (scratch + rope_bytes) as u64);
    let kv = &plan.kv_layout;
    assert_eq!(plan.kv_cache_bytes, (kv.block_bytes() * kv.num_blocks + 64) as u64);
    assert_eq!(plan.budget_bytes, PLENTY);
}

#[test]
fn with_plenty_every_sequence_has_its_full_context() {
    let plan = fits(&request(), host(PLENTY));
    assert_eq!(plan.limits.max_model_len, CONTEXT);
    assert_eq!(plan.limits.num_blocks, 8 * CONTEXT / 16, "more would never be used");
    let text = plan.to_string();
    assert!(text.contains("max model len    512 tokens of the model's 512"), "{text}");
    assert!(text.contains("full sequences   8.0 at once"), "{text}");
}

#[test]
fn an_open_cache_takes_little_of_the_host_and_all_it_can_use_of_a_gpu() {
    let (request, plenty) =
        (PlanRequest { max_num_seqs: MAX_NUM_SEQS, ..request() }, host(1 << 40));
    let on_host = fits(&request, plenty.clone());
    assert!(on_host.kv_cache_bytes <= DEFAULT_KV_CACHE_BYTES, "{on_host}");
    let on_gpu = fits(&request, HostMemory { source: MemoryLimitSource::Device, ..plenty });
    assert_eq!(on_gpu.limits.num_blocks, MAX_NUM_SEQS * CONTEXT / 16, "every sequence in full");
    assert!(on_gpu.kv_cache_bytes > DEFAULT_KV_CACHE_BYTES, "{on_gpu}");
}

#[test]
fn the_budget_is_the_smaller_of_share_and_available_less_the_reserve() {
    let half = PlanRequest { memory_utilization: 0.5, ..request() };
    let machine = HostMemory { limit_bytes: 4 << 30, available_bytes: 3 << 30, ..host(0) };
    assert_eq!(fits(&half, machine.clone()).budget_bytes, (2 << 30) - SERVER_RESERVE_BYTES);
    let busy = HostMemory { available_bytes: 1 << 30, ..machine };
    assert_eq!(fits(&half, busy).budget_bytes, (1 << 30) - SERVER_RESERVE_BYTES);
}

#[test]
fn an_open_kv_cache_takes_what_is_left() {
    let full = PlanRequest { max_model_len: Some(CONTEXT), ..request() };
    let fixed = fixed_bytes(&full);
    let block = fits(&full, host(PLENTY)).kv_layout.block_bytes() as u64;
    let plan = fits(&full, host(fixed + 40 * block + 64));
    assert_eq!(plan.limits.num_blocks, 40);
    let plan = fits(&full, host(fixed + 40 * block + 63));
    assert_eq!(plan.limits.num_blocks, 39, "one byte less is one block less");
    refusal(&full, host(fixed + 32 * block + 63));
}

#[test]
fn what_the_device_has_no_code_for_is_refused_whatever_fits() {
    let request = PlanRequest { kv_dtype: KvDType::Fp8, ..request() };
    for bytes in [0, PLENTY] {
        let refused = plan(&request, host(bytes));
        let is_unsupported =
            matches!(refused, Err(PlanError::Device(DeviceError::Unsupported { .. })));
        assert!(is_unsupported, "{bytes} bytes: {refused:?}");
    }
}

#[test]
fn an_open_context_is_shortened_to_what_fits_and_not_below_what_is_useful() {
    let exactly = |tokens: usize| {
        let short = PlanRequest { max_model_len: Some(tokens), ..request() };
        let block = fits(&short, host(PLENTY)).kv_layout.block_bytes() as u64;
        fixed_bytes(&short) + (tokens / 16) as u64 * block + 64
    };
    for tokens in [MIN_AUTO_MODEL_LEN, 304, CONTEXT] {
        assert_eq!(fits(&request(), host(exactly(tokens))).limits.max_model_len, tokens);
        if tokens > MIN_AUTO_MODEL_LEN {
            let plan = fits(&request(), host(exactly(tokens) - 1));
            assert_eq!(plan.limits.max_model_len, tokens - 16);
        }
    }
    refusal(&request(), host(exactly(MIN_AUTO_MODEL_LEN) - 1));
    let asked = PlanRequest { max_model_len: Some(16), ..request() };
    assert_eq!(fits(&asked, host(exactly(16))).limits.max_model_len, 16, "asked for is given");
}

#[test]
fn an_explicit_kv_cache_is_taken_at_its_word_or_refused() {
    let block = fits(&request(), host(PLENTY)).kv_layout.block_bytes() as u64;
    let bytes = |kv_cache_bytes| PlanRequest { kv_cache_bytes: Some(kv_cache_bytes), ..request() };
    let blocks = |num_blocks| PlanRequest { num_blocks: Some(num_blocks), ..request() };

    let plan = fits(&bytes(20 * block + 64 + block / 2), host(PLENTY));
    assert_eq!((plan.limits.num_blocks, plan.limits.max_model_len), (20, 320));
    let plan = fits(&blocks(5000), host(PLENTY));
    assert_eq!(plan.limits.num_blocks, 5000, "more than useful, but asked for");
    let both = PlanRequest { num_blocks: Some(33), ..bytes(20 * block) };
    assert_eq!(fits(&both, host(PLENTY)).limits.num_blocks, 33, "the number overrides");

    let small = refusal(&bytes(4 * block), host(PLENTY));
    assert!(small.contains("one sequence of 256 tokens takes"), "{small}");
    assert!(small.contains(&format!("--kv-cache-memory {}", 16 * block + 64)), "{small}");
    let small = refusal(&blocks(4), host(PLENTY));
    assert!(small.contains("--num-blocks 16"), "{small}");
    assert!(!small.contains("memory limit"), "more memory does not help: {small}");

    let full = PlanRequest { max_model_len: Some(CONTEXT), ..request() };
    let room = fixed_bytes(&full) + 100 * block + 64;
    let large = PlanRequest { kv_cache_bytes: Some(PLENTY), ..full.clone() };
    let large = refusal(&large, host(room));
    assert!(large.contains("1.00 GiB asked for"), "{large}");
    assert!(large.contains(&format!("--kv-cache-memory {}", 100 * block + 64)), "{large}");
    let large = refusal(&PlanRequest { num_blocks: Some(101), ..full }, host(room));
    assert!(large.contains("--num-blocks 100"), "{large}");
}

#[test]
fn sizes_that_no_memory_could_serve_are_refused_by_name() {
    let too_long = PlanRequest { max_model_len: Some(CONTEXT + 1), ..request() };
    let error = plan(&too_long, host(PLENTY)).unwrap_err();
    assert!(matches!(error, PlanError::ContextTooLong { asked: 513, context: CONTEXT }));
    assert!(error.to_string().contains("--max-model-len 513"), "{error}");
    for (flag, request) in [
        ("--max-num-seqs", PlanRequest { max_num_seqs: MAX_NUM_SEQS + 1, ..request() }),
        (
            "--max-num-batched-tokens",
            PlanRequest { max_num_batched_tokens: MAX_NUM_BATCHED_TOKENS + 1, ..request() },
        ),
        ("--num-blocks", PlanRequest { num_blocks: Some(usize::MAX), ..request() }),
    ] {
        let error = plan(&request, host(PLENTY)).unwrap_err();
        assert!(matches!(error, PlanError::TooLarge { .. }), "{error}");
        assert!(error.to_string().starts_with(flag), "{error}");
    }
    let endless = PlanRequest { kv_cache_bytes: Some(u64::MAX), ..request() };
    refusal(&endless, host(PLENTY));
}

#[test]
fn a_refusal_has_the_numbers_and_what_to_do() {
    let request = PlanRequest {
        kv_dtype: KvDType::F32,
        max_model_len: Some(CONTEXT),
        max_num_seqs: 64,
        max_num_batched_tokens: 512,
        memory_utilization: 0.8,
        ..request()
    };
    let machine = HostMemory { limit_bytes: 337_920_000, available_bytes: 300 << 20, ..host(0) };
    insta::assert_snapshot!("does_not_fit", refusal(&request, machine));
}

#[test]
fn when_no_single_option_helps_a_combination_is_named() {
    let large = PlanRequest {
        kv_dtype: KvDType::F32,
        max_model_len: Some(CONTEXT),
        max_num_seqs: 512,
        max_num_batched_tokens: 4096,
        ..request()
    };
    let text = refusal(&large, host(2 << 20));
    let line = remedy_lines(&text).find(|line| line.matches("--").count() > 1);
    assert!(line.is_some(), "{text}");
}

#[test]
fn a_hopeless_machine_is_told_so() {
    let text = refusal(&request(), host(0));
    assert_eq!(remedy_lines(&text).count(), 1, "{text}");
    assert!(text.contains("  a memory limit of "), "{text}");
}

fn remedy_lines(text: &str) -> impl Iterator<Item = &str> {
    let list = text.split_once("Any of these would make it fit:\n").map_or("", |(_, list)| list);
    list.lines().map(str::trim)
}

/// Does what a line of a refusal says.
fn apply(line: &str, request: &mut PlanRequest, host: &mut HostMemory) {
    if let Some(sizes) = line.strip_prefix("a memory limit of ") {
        let mut numbers = sizes.split(' ').filter_map(|word| word.parse::<u64>().ok());
        host.limit_bytes = numbers.next().expect("the limit") << 20;
        host.available_bytes = numbers.next().expect("what is available") << 20;
        return;
    }
    let words: Vec<&str> = line.split(' ').collect();
    for flag in words.chunks(2) {
        let value = flag[1];
        match flag[0] {
            "--max-model-len" => request.max_model_len = Some(value.parse().unwrap()),
            "--kv-cache-memory" => request.kv_cache_bytes = Some(value.parse().unwrap()),
            "--num-blocks" => request.num_blocks = Some(value.parse().unwrap()),
            "--kv-cache-dtype" => {
                assert_eq!(value, "bf16");
                request.kv_dtype = KvDType::BF16;
            }
            "--max-num-batched-tokens" => request.max_num_batched_tokens = value.parse().unwrap(),
            "--max-num-seqs" => request.max_num_seqs = value.parse().unwrap(),
            "--memory-utilization" => request.memory_utilization = value.parse().unwrap(),
            other => panic!("unknown remedy {other} in {line}"),
        }
    }
}

fn any_request() -> impl Strategy<Value = PlanRequest> {
    let sizes = (1usize..300, 1usize..2000).prop_map(|(seqs, more)| (seqs, seqs + more));
    (
        prop::sample::select(vec![8, 16, 32, 128]),
        prop::sample::select(vec![KvDType::F32, KvDType::F16]),
        prop::option::of(1usize..=CONTEXT),
        sizes,
        prop::option::weighted(0.3, 0u64..8 << 20),
        prop::option::weighted(0.3, 1usize..500),
        1u32..=100,
    )
        .prop_map(|(block_size, kv_dtype, max_model_len, sizes, kv_bytes, blocks, share)| {
            PlanRequest {
                block_size,
                kv_dtype,
                max_model_len,
                max_num_seqs: sizes.0,
                max_num_batched_tokens: sizes.1,
                kv_cache_bytes: kv_bytes,
                num_blocks: blocks,
                memory_utilization: f64::from(share) / 100.0,
            }
        })
}

fn any_host() -> impl Strategy<Value = HostMemory> {
    (0u64..12 << 20, 0u64..12 << 20, 1u32..=4).prop_map(|(available, beyond, times)| {
        let available_bytes = SERVER_RESERVE_BYTES + available;
        HostMemory {
            limit_bytes: available_bytes * u64::from(times) + beyond,
            available_bytes,
            source: MemoryLimitSource::Machine,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn plans_fit_and_remedies_work(request in any_request(), host in any_host()) {
        let files = llama();
        let new = |request: &PlanRequest, host: &HostMemory| {
            MemoryPlan::new(&files, &CountingDevice, request, host.clone())
        };
        match new(&request, &host) {
            Ok(plan) => {
                let limits = plan.limits;
                prop_assert!(plan.total_bytes() <= plan.budget_bytes);
                prop_assert!(limits.num_blocks * limits.block_size >= limits.max_model_len);
                prop_assert_eq!(limits.num_blocks, plan.kv_layout.num_blocks);
                if request.max_model_len.is_none() && limits.max_model_len < CONTEXT {
                    let longer = Some((limits.max_model_len + 16).min(CONTEXT));
                    let longer = PlanRequest { max_model_len: longer, ..request.clone() };
                    prop_assert!(new(&longer, &host).is_err() || request.block_size > 16);
                }
            }
            Err(PlanError::DoesNotFit(shortage)) => {
                let text = shortage.to_string();
                for line in remedy_lines(&text) {
                    let (mut request, mut host) = (request.clone(), host.clone());
                    apply(line, &mut request, &mut host);
                    prop_assert!(request.max_num_batched_tokens >= request.max_num_seqs, "{}", line);
                    prop_assert!(new(&request, &host).is_ok(), "{line} does not help:\n{text}");
                }
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }
}
