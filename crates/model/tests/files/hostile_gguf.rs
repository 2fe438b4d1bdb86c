//! Row F3: GGUF files that lie, and row F4 for their metadata.

use std::fs::File;

use crate::builders::{Gguf, GgufFile, assert_refused, gguf_array, gguf_string};

fn assert_bytes_refused(bytes: &[u8], place: &str) {
    assert_refused(&GgufFile::new(bytes).path, place);
}

fn assert_changed_refused(place: &str, change: impl FnOnce(&mut Gguf)) {
    let mut gguf = Gguf::llama();
    change(&mut gguf);
    assert_bytes_refused(&gguf.build(), place);
}

#[test]
fn f3_magic_version_and_counts() {
    let valid = Gguf::llama().build();
    let with = |at: usize, bytes: &[u8]| {
        let mut changed = valid.clone();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        changed
    };
    assert_bytes_refused(b"", "magic");
    assert_bytes_refused(&with(0, b"GGML"), "magic");
    assert_bytes_refused(&with(4, &1u32.to_le_bytes()), "version");
    assert_bytes_refused(&with(4, &3u32.to_be_bytes()), "big-endian");
    for count in [1 << 63, u64::MAX, 1 << 32, 20_000] {
        assert_bytes_refused(&with(8, &count.to_le_bytes()), "tensor count");
        assert_bytes_refused(&with(16, &count.to_le_bytes()), "metadata count");
    }
}

#[test]
fn f3_strings_and_arrays() {
    const KEY: &str = "x.hostile";
    for (kind, value) in [
        (8, (1u64 << 60).to_le_bytes().to_vec()),
        (8, u64::MAX.to_le_bytes().to_vec()),
        (8, [&2u64.to_le_bytes()[..], &[0xff, 0xfe]].concat()),
        (9, gguf_array(9, 1, &gguf_array(4, 1, &[0; 4]))),
        (9, gguf_array(8, 1 << 62, &[])),
        (9, gguf_array(4, 1 << 63, &[])),
        (9, gguf_array(12, u64::MAX, &[])),
        (9, gguf_array(8, 1, &(1u64 << 60).to_le_bytes())),
        (9, gguf_array(13, 1, &[0; 8])),
        (7, vec![2]),
        (13, vec![0; 8]),
        (u32::MAX, vec![0; 8]),
    ] {
        assert_changed_refused(KEY, |gguf| gguf.set(KEY, kind, value.clone()));
    }
    assert_changed_refused("appears twice", |gguf| {
        gguf.metadata.push(("general.architecture".into(), 8, gguf_string("llama")));
    });
    assert_changed_refused("metadata key", |gguf| gguf.u32(&"k".repeat(70_000), 1));
}

/// Lengths that the file could hold, if it were not sparse.
#[test]
fn f3_limits_hold_in_a_sparse_file() {
    for (kind, value) in [
        (8, (1u64 << 34).to_le_bytes().to_vec()),
        (9, gguf_array(8, 1 << 34, &[])),
        (9, gguf_array(0, 1 << 34, &[])),
    ] {
        let mut gguf = Gguf::llama();
        gguf.metadata.insert(0, ("x.hostile".into(), kind, value));
        let file = GgufFile::new(&gguf.build());
        File::options().write(true).open(&file.path).unwrap().set_len(1 << 40).unwrap();
        assert_refused(&file.path, "x.hostile");
    }
}

#[test]
fn f3_alignment() {
    for alignment in [0, 3, 4, 48, 1 << 31] {
        assert_changed_refused("general.alignment", |gguf| {
            gguf.u32("general.alignment", alignment)
        });
    }
    assert_changed_refused("general.alignment", |gguf| gguf.text("general.alignment", "32"));
    let mut gguf = Gguf::llama();
    gguf.u32("general.alignment", 64);
    gguf.alignment = 64;
    assert!(gguf.write().open().is_ok());
}

#[test]
fn f3_tensor_infos() {
    const NAME: &str = "blk.0.ffn_up.weight";
    for dims in [
        vec![],
        vec![32, 64, 1, 1, 1],
        vec![1 << 32, 1 << 32],
        vec![u64::MAX, 1],
        vec![1 << 62, 4],
        vec![0, 64],
        vec![32, 0],
        vec![32, 1 << 40],
        vec![64, 32],
    ] {
        assert_changed_refused(NAME, |gguf| gguf.tensor(NAME).1 = dims.clone());
    }
    assert_changed_refused("IQ2_XXS", |gguf| gguf.tensor(NAME).2 = 16);
    assert_changed_refused("number 4294967295", |gguf| gguf.tensor(NAME).2 = u32::MAX);
    // 32 columns are no whole 256-element block.
    assert_changed_refused(NAME, |gguf| gguf.tensor(NAME).2 = 14);
    assert_changed_refused("tensor name", |gguf| gguf.tensor(NAME).0 = "n".repeat(300));
    assert_changed_refused("appears twice", |gguf| {
        gguf.tensor(NAME).0 = "blk.1.ffn_up.weight".into();
    });
}

#[test]
fn f3_tensor_offsets() {
    let gguf = Gguf::llama();
    let mut at = 0;
    let mut offsets = Vec::new();
    for tensor in &gguf.tensors {
        offsets.push(at);
        at = (at + tensor.3.len() as u64).next_multiple_of(32);
    }
    assert!(GgufFile::new(&gguf.build_at(&offsets)).open().is_ok());
    let name = gguf.tensors[3].0.clone();
    for (offset, place) in [
        (offsets[3] + 1, name.as_str()),
        (u64::MAX - 31, name.as_str()),
        (1 << 40, name.as_str()),
        (at, name.as_str()),
        (offsets[4], "share the bytes"),
        (0, "share the bytes"),
    ] {
        let mut offsets = offsets.clone();
        offsets[3] = offset;
        assert_bytes_refused(&gguf.build_at(&offsets), place);
    }
    let bytes = gguf.build();
    assert_bytes_refused(&bytes[..bytes.len() - 1], "of a file with");
    for len in [30, 200, 700, 1500, 3000] {
        assert_bytes_refused(&bytes[..len], "the file is damaged");
    }
}

#[test]
fn f4_metadata_that_lies() {
    for (key, value) in [
        ("llama.block_count", 0),
        ("llama.block_count", 1_000_000_000),
        ("llama.attention.head_count", 5),
        ("llama.attention.head_count_kv", 3),
        ("llama.attention.key_length", 2048),
        ("llama.attention.value_length", 4),
        ("llama.rope.dimension_count", 10),
        ("llama.rope.dimension_count", 3),
        ("llama.vocab_size", 41),
        ("llama.expert_count", 8),
        ("llama.context_length", 0),
        ("split.count", 2),
        ("tokenizer.ggml.eos_token_id", 40),
        ("tokenizer.ggml.bos_token_id", u32::MAX),
        ("tokenizer.ggml.padding_token_id", 40),
        ("tokenizer.ggml.tokens", 1),
        ("tokenizer.ggml.merges", 1),
        ("tokenizer.ggml.add_bos_token", 1),
    ] {
        assert_changed_refused(key, |gguf| {
            if key == "llama.attention.value_length" {
                gguf.u32("llama.attention.key_length", 8);
            }
            gguf.u32(key, value);
        });
    }
    for (key, value) in [
        ("llama.rope.freq_base", f32::NAN),
        ("llama.rope.freq_base", 0.0),
        ("llama.rope.scaling.factor", f32::INFINITY),
        ("llama.attention.layer_norm_rms_epsilon", -1.0),
    ] {
        assert_changed_refused(key, |gguf| gguf.f32(key, value));
    }
    for key in ["general.architecture", "llama.embedding_length", "tokenizer.ggml.model"] {
        assert_changed_refused(key, |gguf| gguf.remove(key));
    }
    assert_changed_refused("mamba", |gguf| gguf.text("general.architecture", "mamba"));
    assert_changed_refused("longrope", |gguf| gguf.text("llama.rope.scaling.type", "longrope"));
    let scores = gguf_array(6, 3, &[0; 12]);
    assert_changed_refused("scores", |gguf| gguf.set("tokenizer.ggml.scores", 9, scores));
    assert_changed_refused("attn_output.bias", |gguf| {
        gguf.tensors.push(("blk.0.attn_output.bias".into(), vec![32], 0, vec![0; 128]));
    });
    assert_changed_refused("rope_freqs.weight", |gguf| {
        gguf.tensors.push(("rope_freqs.weight".into(), vec![4], 0, vec![0; 16]));
    });
}
