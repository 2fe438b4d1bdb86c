//! Models that cannot be served: the program says why and what to do, in one line, and fails.
#![forbid(unsafe_code)]

mod server_process;

use std::path::Path;
use std::process::{Command, Stdio};

use server_process::golden;
use tempfile::TempDir;

/// Exit code of a model that could not be loaded.
const EXIT_FAILED: i32 = 1;

/// Serves `model`, which must fail, and returns all of standard error.
fn refusal(model: &Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_ropeway"))
        .arg("serve")
        .arg(model)
        .args(["--port", "0", "--log-format", "json", "--log-level", "error"])
        // Nothing on this machine may answer for a hub.
        .env("HF_HUB_OFFLINE", "1")
        .stdin(Stdio::null())
        .output()
        .expect("the binary starts");
    let text = String::from_utf8(output.stderr).expect("readable text");
    assert_eq!(output.status.code(), Some(EXIT_FAILED), "{text}");
    text
}

/// The refusal must be one line that begins like an error, is no panic, and has all of `parts`.
fn refused(model: &Path, parts: &[&str]) {
    let text = refusal(model);
    assert!(text.starts_with("error: "), "{text}");
    assert_eq!(text.trim_end().lines().count(), 1, "more than one line: {text}");
    assert!(!text.contains("panicked"), "{text}");
    let repeated = text.trim_end().rsplit(": ").zip(text.trim_end().rsplit(": ").skip(1));
    assert!(repeated.into_iter().all(|(one, other)| one != other), "said twice: {text}");
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing: {text}");
    }
}

/// A copy of the golden folder `name` without `left_out`.
fn folder_without(name: &str, left_out: &[&str]) -> TempDir {
    let copy = tempfile::tempdir().expect("a temporary folder");
    for entry in std::fs::read_dir(golden(name)).expect("a folder") {
        let entry = entry.expect("an entry");
        if !left_out.iter().any(|file| entry.file_name() == *file) {
            std::fs::copy(entry.path(), copy.path().join(entry.file_name())).expect("a copy");
        }
    }
    copy
}

/// A file beside nothing else, with these bytes.
fn file(name: &str, bytes: &[u8]) -> (TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).expect("the file is written");
    (folder, path)
}

fn gguf() -> Vec<u8> {
    std::fs::read(golden("gguf/llama3-f16.gguf")).expect("a golden is committed")
}

/// `bytes` with the first `from` replaced by `to`, of the same length.
fn replaced(mut bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let at = bytes.windows(from.len()).position(|window| window == from).expect("it is there");
    bytes[at..at + to.len()].copy_from_slice(to);
    bytes
}

#[test]
fn a_missing_path() {
    refused(Path::new("no/such/model.gguf"), &["no/such/model.gguf", "neither an existing path"]);
}

#[test]
fn gguf_cut_in_its_tensors() {
    let bytes = gguf();
    let (_folder, path) = file("cut.gguf", &bytes[..bytes.len() - 1_000]);
    refused(&path, &["cut.gguf", ".weight", "fetch it again"]);
}

#[test]
fn gguf_cut_in_its_header() {
    let (_folder, path) = file("cut.gguf", &gguf()[..500]);
    refused(&path, &["cut.gguf", "fetch it again"]);
}

#[test]
fn not_a_gguf_at_all() {
    let (_folder, path) = file("page.gguf", b"<!doctype html><title>Sign in</title>");
    refused(&path, &["page.gguf", "GGUF", "fetch it again"]);
}

#[test]
fn gguf_of_an_unknown_architecture() {
    // The value of general.architecture: its length, then its text.
    let (from, to) = (b"\x05\0\0\0\0\0\0\0llama", b"\x05\0\0\0\0\0\0\0lhama");
    let (_folder, path) = file("odd.gguf", &replaced(gguf(), from, to));
    refused(&path, &["odd.gguf", "`lhama`", "served are llama, qwen2, qwen3"]);
}

#[test]
fn folder_of_an_unknown_architecture() {
    let folder = folder_without("llama", &[]);
    let config = std::fs::read_to_string(golden("llama/config.json")).expect("a config");
    let config =
        config.replace("LlamaForCausalLM", "LhamaForCausalLM").replace("\"llama\"", "\"lhama\"");
    std::fs::write(folder.path().join("config.json"), config).expect("the file is written");
    refused(folder.path(), &["config.json", "`LhamaForCausalLM`", "served are LlamaForCausalLM"]);
}

#[test]
fn folder_without_a_tokenizer() {
    let folder = folder_without("llama", &["tokenizer.json", "tokenizer_config.json"]);
    refused(folder.path(), &["tokenizer.json", "is missing", "fetch it"]);
}

#[test]
fn folder_without_weights() {
    let folder = folder_without("llama", &["model.safetensors"]);
    refused(folder.path(), &["model.safetensors"]);
}

#[test]
fn folder_with_one_shard_missing() {
    let folder = folder_without("mistral", &["model-00002-of-00002.safetensors"]);
    refused(folder.path(), &["model-00002-of-00002.safetensors"]);
}

#[test]
fn an_empty_folder() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    refused(folder.path(), &["config.json"]);
}
