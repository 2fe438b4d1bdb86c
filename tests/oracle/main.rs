//! The oracle against the reference implementation: without this, agreement with the oracle would
//! prove little.
#![forbid(unsafe_code)]

#[path = "mod.rs"]
mod oracle;

use std::path::{Path, PathBuf};

use backend::DType;
use oracle::{Oracle, dequantize::dequantize_row};
use serde_json::Value;

/// The reference's own float32 error against float64 is 2.4e-5 at most over all goldens; both sides
/// have one, and logits are around 4 to 9.
const LOGIT_TOLERANCE: f32 = 1e-4;

fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens")
}

fn read_json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).expect("a golden is committed");
    serde_json::from_str(&text).expect("a golden is JSON")
}

fn numbers(value: &Value) -> Vec<f32> {
    let list = value.as_array().expect("a list of numbers");
    list.iter().map(|v| v.as_f64().expect("a number") as f32).collect()
}

fn token_ids(value: &Value) -> Vec<u32> {
    let list = value.as_array().expect("a list of ids");
    list.iter().map(|v| v.as_u64().expect("an id") as u32).collect()
}

fn check_model(model: &str, golden: &str) {
    let oracle = Oracle::open(&goldens().join(model));
    let golden = read_json(&goldens().join(golden));
    for prompt in golden["prompts"].as_array().expect("prompts") {
        let got = oracle.logits(&token_ids(&prompt["ids"]));
        for row in prompt["logits"].as_array().expect("logits") {
            let position = row["position"].as_u64().expect("a position") as usize;
            let want = numbers(&row["values"]);
            assert_eq!(got[position].len(), want.len(), "{model}: vocabulary");
            let pairs = got[position].iter().zip(&want);
            let worst = pairs.map(|(got, want)| (got - want).abs()).fold(0.0, f32::max);
            assert!(
                worst < LOGIT_TOLERANCE,
                "{model}: prompt of {} tokens, position {position}: logits differ by {worst}",
                prompt["ids"].as_array().map_or(0, Vec::len),
            );
        }
    }
}

#[test]
fn folders_of_each_family_give_the_reference_logits() {
    for folder in ["llama", "llama3-rope", "mistral", "qwen2", "qwen3"] {
        check_model(folder, &format!("{folder}/golden.json"));
    }
}

#[test]
fn gguf_files_of_each_type_give_the_reference_logits() {
    for name in [
        "llama3-f16",
        "llama-spm-bf16",
        "llama-legacy-quants",
        "llama-k-quants",
        "qwen2-q8_0",
        "qwen3-f16",
    ] {
        check_model(&format!("gguf/{name}.gguf"), &format!("gguf/{name}.golden.json"));
    }
}

#[test]
fn quantised_blocks_have_the_reference_values() {
    let golden = read_json(&goldens().join("quants.json"));
    for dtype in [
        DType::Q8_0,
        DType::Q4_0,
        DType::Q4_1,
        DType::Q5_0,
        DType::Q5_1,
        DType::Q4_K,
        DType::Q5_K,
        DType::Q6_K,
    ] {
        let of_type = &golden[format!("{dtype:?}")];
        for block in of_type["blocks"].as_array().expect("blocks") {
            let hex = block["hex"].as_str().expect("hex");
            let bytes: Vec<u8> = (0..hex.len() / 2)
                .map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).expect("hex digits"))
                .collect();
            let got = dequantize_row(dtype, &bytes);
            let want = numbers(&block["values"]);
            // Products of an f16, a 6-bit and a 5-bit number are exact in f32; what is left is the
            // rounding of one subtraction, in case it was fused.
            let largest = want.iter().fold(0.0f32, |max, v| max.max(v.abs()));
            for (idx, (got, want)) in got.iter().zip(&want).enumerate() {
                let delta = (got - want).abs();
                assert!(
                    delta <= largest * f32::EPSILON,
                    "{dtype:?} {} element {idx}: {got} instead of {want}",
                    block["case"],
                );
            }
            assert_eq!(got.len(), want.len());
        }
    }
}

#[test]
fn smollm2_gives_the_reference_logits() {
    let path = std::env::var_os("ROPEWAY_TEST_MODEL").expect(
        "ROPEWAY_TEST_MODEL names the SmolLM2 GGUF; scripts/test.sh fetches it and sets it",
    );
    let oracle = Oracle::open(Path::new(&path));
    let golden = read_json(&goldens().join("smollm2.json"));
    for prompt in golden["prompts"].as_array().expect("prompts") {
        let logits = oracle.logits(&token_ids(&prompt["ids"]));
        let last = logits.last().expect("a prompt has tokens");
        for (ids, values) in [("top_ids", "top_logits"), ("sampled_ids", "sampled_logits")] {
            for (id, want) in token_ids(&prompt[ids]).into_iter().zip(numbers(&prompt[values])) {
                let got = last[id as usize];
                assert!((got - want).abs() < 1e-3, "token {id}: {got} instead of {want}");
            }
        }
    }
}
