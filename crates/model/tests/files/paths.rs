//! Row F6: what is opened stays in the model's folder and is a regular file.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use model::ModelFiles;
use serde_json::json;

use crate::builders::{Folder, Gguf, assert_refused, llama_tensors, safetensors_file};

/// Replaces the single file by an index that lists `shard`.
fn with_index(shard: &str) -> Folder {
    let folder = Folder::llama();
    fs::remove_file(folder.path().join("model.safetensors")).unwrap();
    let index = json!({ "weight_map": { "lm_head.weight": shard } });
    folder.write("model.safetensors.index.json", index.to_string());
    folder
}

#[test]
fn f6_shard_names_stay_in_the_folder() {
    for shard in [
        "../outside.safetensors",
        "/outside.safetensors",
        "sub/inside.safetensors",
        "a\\b.safetensors",
        "..",
        ".hidden.safetensors",
        "",
        "zero\0.safetensors",
        "weights.bin",
    ] {
        assert_refused(with_index(shard).path(), "shard");
    }
}

#[test]
fn f6_index_that_lies() {
    let folder = with_index("missing.safetensors");
    assert_refused(folder.path(), "missing.safetensors");
    folder.write("missing.safetensors", safetensors_file(&llama_tensors()[..2]));
    assert_refused(folder.path(), "lm_head.weight");
    let path = folder.write("model.safetensors.index.json", "{}");
    assert_refused(folder.path(), "weight_map");
    let shards: serde_json::Map<_, _> =
        (0..600).map(|i| (i.to_string(), json!(format!("{i}.safetensors")))).collect();
    fs::write(&path, json!({ "weight_map": shards }).to_string()).unwrap();
    assert_refused(folder.path(), "600");
    fs::write(&path, r#"{"weight_map":{"a":"x.safetensors","a":"y.safetensors"}}"#).unwrap();
    assert_refused(folder.path(), "twice");
}

/// The hub cache stores files this way: `snapshots/<commit>/<file> -> ../../blobs/<etag>`.
#[test]
fn f6_symbolic_links_are_followed() {
    let real = Folder::llama();
    let linked = tempfile::tempdir().unwrap();
    for name in ["config.json", "model.safetensors"] {
        symlink(real.path().join(name), linked.path().join(name)).unwrap();
    }
    assert!(ModelFiles::open(linked.path()).is_ok());
}

#[test]
fn f6_only_regular_files() {
    for name in ["model.safetensors", "config.json"] {
        let folder = Folder::llama();
        let path = folder.path().join(name);
        fs::remove_file(&path).unwrap();
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        assert_refused(folder.path(), "regular file");
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_refused(folder.path(), "regular file");
        fs::remove_dir(&path).unwrap();
        symlink("/dev/zero", &path).unwrap();
        assert_refused(folder.path(), "regular file");
    }
}

#[test]
fn f6_truncated_shard() {
    let folder = Folder::llama();
    let bytes = safetensors_file(&llama_tensors());
    for len in [bytes.len() - 1, bytes.len() / 2, 9] {
        folder.write("model.safetensors", &bytes[..len]);
        assert_refused(folder.path(), "model.safetensors");
    }
}

/// A file that shrinks after it was opened is an error, not a signal.
#[test]
fn f6_truncated_after_opening() {
    let folder = Folder::llama();
    let model = folder.open().unwrap();
    let file = fs::File::options().write(true).open(folder.path().join("model.safetensors"));
    file.unwrap().set_len(100).unwrap();
    let role = model.spec.roles().next().unwrap();
    assert!(model.load(role).is_err());
}

#[test]
fn folders_without_a_model() {
    let folder = tempfile::tempdir().unwrap();
    assert_refused(folder.path(), "neither config.json nor a .gguf file");
    fs::write(folder.path().join("one.gguf"), Gguf::llama().build()).unwrap();
    assert!(ModelFiles::open(folder.path()).is_ok());
    fs::write(folder.path().join("two.gguf"), Gguf::llama().build()).unwrap();
    assert_refused(folder.path(), "several .gguf files");
    assert_refused(&folder.path().join("missing"), "missing");
    let pickled = Folder::llama();
    fs::rename(pickled.path().join("model.safetensors"), pickled.path().join("pytorch_model.bin"))
        .unwrap();
    assert_refused(pickled.path(), "pickled");
}
