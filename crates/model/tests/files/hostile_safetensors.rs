//! Rows F1 and F2: safetensors headers that lie.

use std::fs::File;

use crate::builders::{Folder, assert_refused, llama_tensors, raw_safetensors, safetensors_file};

/// A folder whose weights are these bytes.
fn assert_bytes_refused(bytes: &[u8], place: &str) {
    let folder = Folder::llama();
    folder.write("model.safetensors", bytes);
    assert_refused(folder.path(), place);
}

#[test]
fn f1_header_lengths() {
    let valid = safetensors_file(&llama_tensors());
    for len in [0, 1, valid.len() as u64, 101 << 20, 1 << 63, u64::MAX] {
        let mut bytes = valid.clone();
        bytes[..8].copy_from_slice(&len.to_le_bytes());
        assert_bytes_refused(&bytes, "header");
    }
    assert_bytes_refused(&[], "header");
    assert_bytes_refused(&valid[..7], "header");
    assert_bytes_refused(&valid[..100], "header");
}

/// A header that is really there, in a file that takes no space on disk.
#[test]
fn f1_header_larger_than_the_limit_in_a_sparse_file() {
    let folder = Folder::llama();
    let path = folder.write("model.safetensors", (200u64 << 20).to_le_bytes());
    File::options().write(true).open(path).unwrap().set_len(1 << 40).unwrap();
    assert_refused(folder.path(), "header");
}

#[test]
fn f1_header_text() {
    for header in ["[]", "  {}", "{\"a\": ", "nonsense", &"{\"a\":".repeat(1000)] {
        assert_bytes_refused(&raw_safetensors(header, 0), "header");
    }
    let mut not_utf8 = raw_safetensors("{\"ab\":{}}", 0);
    not_utf8[10] = 0xff;
    assert_bytes_refused(&not_utf8, "header");
}

#[test]
fn f2_entries_that_lie() {
    let entry = |dtype: &str, shape: &str, begin: u64, end: u64| {
        format!(r#"{{"dtype":"{dtype}","shape":{shape},"data_offsets":[{begin},{end}]}}"#)
    };
    for (header, place) in [
        (format!(r#"{{"t":{}}}"#, entry("F32", "[4294967296,4294967296,4]", 0, 16)), "`t`"),
        (format!(r#"{{"t":{}}}"#, entry("F32", "[9223372036854775807,2]", 0, 16)), "`t`"),
        (format!(r#"{{"t":{}}}"#, entry("F32", "[4]", 16, 0)), "`t`"),
        (format!(r#"{{"t":{}}}"#, entry("F32", "[4]", 0, 12)), "`t`"),
        (format!(r#"{{"t":{}}}"#, entry("F32", "[8]", 0, 32)), "data_offsets"),
        (format!(r#"{{"t":{}}}"#, entry("F32", "[4]", 8, 24)), "data_offsets"),
        (format!(r#"{{"t":{}}}"#, entry("F32", "[0]", 0, 0)), "`t`"),
        (format!(r#"{{"t":{}}}"#, entry("X7", "[4]", 0, 16)), "X7"),
        (format!(r#"{{"t":{}}}"#, entry("F32", "[1,1,1,1,1,1,1,1,4]", 0, 16)), "dimensions"),
        (format!(r#"{{"t":{}}}"#, entry("F32", "[-4]", 0, 16)), "header"),
        (r#"{"t":{"dtype":"F32"}}"#.into(), "`t`"),
        (format!(r#"{{"t":{0},"t":{0}}}"#, entry("F32", "[4]", 0, 16)), "twice"),
        (format!(r#"{{"t":{0},"u":{0}}}"#, entry("F32", "[4]", 0, 16)), "overlap"),
    ] {
        let place = place.trim_matches('`');
        assert_bytes_refused(&raw_safetensors(&header, 16), place);
    }
}

#[test]
fn f2_a_million_entries() {
    let entries: Vec<String> = (0..1_000_000).map(|i| format!("\"{i:x}\":{{}}")).collect();
    assert_bytes_refused(&raw_safetensors(&format!("{{{}}}", entries.join(",")), 0), "header");
    let entries = &entries[..300_000];
    let header = format!("{{{}}}", entries.join(","));
    assert!(header.len() < 4 << 20);
    assert_bytes_refused(&raw_safetensors(&header, 0), "entries");
    let shape = "1,".repeat(1_900_000);
    let header = format!(r#"{{"t":{{"shape":[{shape}1]}}}}"#);
    assert_bytes_refused(&raw_safetensors(&header, 0), "dimensions");
}

#[test]
fn unserved_types_are_refused_by_tensor() {
    let mut header = String::from("{");
    let mut at = 0;
    for (name, shape, numbers) in llama_tensors() {
        let end = at + numbers.len();
        let entry = format!(
            r#""{name}":{{"dtype":"F8_E4M3","shape":{shape:?},"data_offsets":[{at},{end}]}},"#
        );
        header.push_str(&entry);
        at = end;
    }
    let header = format!("{}}}", header.trim_end_matches(','));
    assert_bytes_refused(&raw_safetensors(&header, at), "F8_E4M3");
}
