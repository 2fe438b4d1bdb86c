use std::fs;

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::byte_level::char_of;
use crate::tokenizer::EncodeOptions;

/// A byte-level `tokenizer.json`: the bytes, `he`, and two added tokens.
fn byte_level_json() -> serde_json::Value {
    let mut vocab: serde_json::Map<String, serde_json::Value> =
        (0..=255_u8).map(|byte| (char_of(byte).to_string(), json!(byte))).collect();
    vocab.insert("he".to_owned(), json!(256));
    json!({
        "version": "1.0",
        "added_tokens": [
            { "id": 257, "content": "<|im_end|>", "special": true },
            { "id": 258, "content": "<think>", "special": false },
        ],
        "normalizer": { "type": "NFC" },
        "pre_tokenizer": { "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true },
        "post_processor": null,
        "decoder": { "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true },
        "model": { "type": "BPE", "vocab": vocab, "merges": ["h e"] },
    })
}

/// A SentencePiece-like `tokenizer.json` as Llama 2 has it.
fn llama_json() -> serde_json::Value {
    let mut vocab = serde_json::Map::new();
    let specials = ["<unk>", "<s>", "</s>"].map(str::to_owned);
    let bytes = (0..=255_u8).map(|byte| format!("<0x{byte:02X}>"));
    let pieces = ["\u{2581}", "a", "b", "\u{2581}a", "ab"].map(str::to_owned);
    for (id, token) in specials.into_iter().chain(bytes).chain(pieces).enumerate() {
        vocab.insert(token, json!(id));
    }
    json!({
        "added_tokens": [
            { "id": 0, "content": "<unk>", "special": true },
            { "id": 1, "content": "<s>", "special": true },
            { "id": 2, "content": "</s>", "special": true },
        ],
        "normalizer": { "type": "Sequence", "normalizers": [
            { "type": "Prepend", "prepend": "\u{2581}" },
            { "type": "Replace", "pattern": { "String": " " }, "content": "\u{2581}" },
        ] },
        "pre_tokenizer": null,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [
                { "SpecialToken": { "id": "<s>", "type_id": 0 } },
                { "Sequence": { "id": "A", "type_id": 0 } },
            ],
            "pair": [
                { "Sequence": { "id": "A", "type_id": 0 } },
                { "Sequence": { "id": "B", "type_id": 1 } },
            ],
            "special_tokens": { "<s>": { "id": "<s>", "ids": [1], "tokens": ["<s>"] } },
        },
        "decoder": { "type": "Sequence", "decoders": [
            { "type": "Replace", "pattern": { "String": "\u{2581}" }, "content": " " },
            { "type": "ByteFallback" },
            { "type": "Fuse" },
            { "type": "Strip", "content": " ", "start": 1, "stop": 0 },
        ] },
        "model": {
            "type": "BPE", "unk_token": "<unk>", "fuse_unk": true, "byte_fallback": true,
            "vocab": vocab, "merges": [["\u{2581}", "a"], ["a", "b"]],
        },
    })
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = TempDir::new().unwrap();
    for (name, text) in files {
        fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

fn load(json: &serde_json::Value, config: &str) -> Result<Tokenizer, LoadError> {
    let text = json.to_string();
    let dir = folder(&[("tokenizer.json", &text), ("tokenizer_config.json", config)]);
    Tokenizer::from_hf_folder(dir.path())
}

#[test]
fn a_byte_level_folder() {
    let config = r#"{ "eos_token": { "content": "<|im_end|>" }, "bos_token": null, "add_bos_token": false }"#;
    let tokenizer = load(&byte_level_json(), config).unwrap();
    let text = "he said <think>\u{1f600}e\u{301}<|im_end|>";
    let ids = tokenizer.encode(text, EncodeOptions::PROMPT).unwrap();
    assert_eq!((ids[0], *ids.last().unwrap()), (256, 257));
    assert!(ids.contains(&258));
    assert_eq!(tokenizer.decode(&ids, true), "he said <think>\u{1f600}\u{e9}");
    let plain = tokenizer.encode("<|im_end|>", EncodeOptions::PLAIN).unwrap();
    assert!(!plain.contains(&257));
    assert_eq!(
        (tokenizer.bos_id(), tokenizer.eos_id(), tokenizer.eot_id()),
        (None, Some(257), Some(257))
    );
    assert_eq!((tokenizer.vocab_size(), tokenizer.chat_template(false)), (259, None));
    // NFC makes three bytes of nine; the longest token has ten.
    assert_eq!(tokenizer.min_num_tokens(3000), 100);
}

#[test]
fn a_sentencepiece_folder() {
    let config = r#"{ "bos_token": "<s>", "eos_token": "</s>", "add_eos_token": true }"#;
    let tokenizer = load(&llama_json(), config).unwrap();
    let ids = tokenizer.encode("ab a\u{e9}", EncodeOptions::PROMPT).unwrap();
    let texts: Vec<&str> = ids.iter().filter_map(|&id| tokenizer.token_text(id)).collect();
    assert_eq!(texts, ["<s>", "\u{2581}a", "b", "\u{2581}a", "<0xC3>", "<0xA9>", "</s>"]);
    assert_eq!(tokenizer.decode(&ids, true), "ab a\u{e9}");
    assert_eq!(tokenizer.unknown_id(), Some(0));
    let without = load(&llama_json(), r#"{ "bos_token": "<s>", "add_bos_token": false }"#).unwrap();
    assert!(!without.encode("a", EncodeOptions::PROMPT).unwrap().contains(&1));
}

#[test]
fn chat_templates_in_their_three_places() {
    let text = byte_level_json().to_string();
    let named = r#"{ "chat_template": [{ "name": "default", "template": "D" }, { "name": "tool_use", "template": "T" }] }"#;
    let template = |files: &[(&str, &str)], has_tools| {
        let dir = folder(files);
        fs::write(dir.path().join("tokenizer.json"), &text).unwrap();
        let tokenizer = Tokenizer::from_hf_folder(dir.path()).unwrap();
        tokenizer.chat_template(has_tools).map(str::to_owned)
    };
    let config = "tokenizer_config.json";
    assert_eq!(template(&[], false), None);
    assert_eq!(template(&[(config, r#"{ "chat_template": "S" }"#)], true).as_deref(), Some("S"));
    assert_eq!(template(&[(config, named)], false).as_deref(), Some("D"));
    assert_eq!(template(&[(config, named)], true).as_deref(), Some("T"));
    let both = [(config, named), ("chat_template.jinja", "J")];
    assert_eq!(template(&both, true).as_deref(), Some("J"));
}

/// Row F5 of the survival table: each change to a good file is an error that names the field.
#[test]
fn malformed_files_name_the_field() {
    let cases: [(&str, serde_json::Value, &str); 22] = [
        ("/model/type", json!("Unigram"), "model.type"),
        ("/model/merges", json!(["h martian"]), "model.merges[0]"),
        ("/model/merges", json!(["h x"]), "model.merges[0]"),
        ("/model/merges", json!([["", "h"]]), "model.merges[0]"),
        ("/model/merges", json!(["h"]), "model.merges[0]"),
        ("/model/merges", json!([["h", "e", "l"]]), "line 1"),
        ("/model/vocab", json!({ "a": 0, "b": 0 }), "both have id 0"),
        ("/model/vocab", json!({ "a": 0, "b": 9 }), "model.vocab"),
        ("/model/vocab", json!({ "a": -1 }), "line 1"),
        ("/model/vocab", json!([["a", 0.5]]), "model.vocab"),
        ("/model/vocab", json!({}), "added_tokens[0]"),
        ("/added_tokens/0/id", json!(300), "added_tokens[0]"),
        ("/added_tokens/0/id", json!(258), "added_tokens[1]"),
        ("/added_tokens/0/content", json!(""), "added_tokens[0]"),
        ("/decoder", json!({ "type": "WordPiece" }), "decoder"),
        ("/normalizer", json!({ "type": "Precompiled" }), "normalizer"),
        (
            "/normalizer",
            json!({ "type": "Replace", "pattern": { "String": "a" }, "content": "b".repeat(1000) }),
            "normalizer.content",
        ),
        ("/pre_tokenizer", json!({ "type": "BertPreTokenizer" }), "pre_tokenizer"),
        (
            "/pre_tokenizer",
            json!({ "type": "Split", "pattern": { "Regex": "(" }, "behavior": "Isolated", "invert": false }),
            "pre_tokenizer",
        ),
        (
            "/pre_tokenizer",
            json!({ "type": "Split", "pattern": { "Regex": "a".repeat(1 << 20) }, "behavior": "Isolated", "invert": false }),
            "pre_tokenizer",
        ),
        (
            "/pre_tokenizer",
            json!({ "type": "Sequence", "pretokenizers": vec![json!({ "type": "ByteLevel" }); 100] }),
            "pre_tokenizer",
        ),
        ("/post_processor", json!({ "type": "Martian" }), "post_processor"),
    ];
    for (pointer, value, field) in cases {
        let mut file = byte_level_json();
        if pointer == "/model/vocab" {
            file["model"]["merges"] = json!([]);
        }
        *file.pointer_mut(pointer).unwrap() = value;
        let error = load(&file, "{}").unwrap_err().to_string();
        assert!(
            error.contains(field) && error.contains("tokenizer.json"),
            "{pointer}: {error:.300}"
        );
    }
    for (field, value) in [
        ("dropout", json!(0.1)),
        ("end_of_word_suffix", json!("</w>")),
        ("unk_token", json!("<unk>")),
        ("byte_fallback", json!(true)),
    ] {
        let mut file = byte_level_json();
        file["model"][field] = value;
        let error = load(&file, "{}").unwrap_err().to_string();
        assert!(error.contains("model."), "{field}: {error}");
    }
    let error = load(&byte_level_json(), r#"{ "eos_token": "<eos>" }"#).unwrap_err().to_string();
    assert!(error.contains("tokenizer_config.json") && error.contains("eos_token"), "{error}");
}

#[test]
fn files_that_are_no_files_are_refused() {
    let dir = folder(&[]);
    assert!(matches!(Tokenizer::from_hf_folder(dir.path()), Err(LoadError::Missing { .. })));
    fs::create_dir(dir.path().join("tokenizer.json")).unwrap();
    let error = Tokenizer::from_hf_folder(dir.path()).unwrap_err().to_string();
    assert!(error.contains("not a regular file"), "{error}");
    for text in ["", "{", "[]", "null", "{\"model\": 3}", &"[".repeat(100_000)] {
        let dir = folder(&[("tokenizer.json", text)]);
        assert!(matches!(Tokenizer::from_hf_folder(dir.path()), Err(LoadError::Malformed { .. })));
    }
    let dir = folder(&[]);
    fs::write(dir.path().join("tokenizer.json"), [0xff, 0xfe]).unwrap();
    assert!(matches!(Tokenizer::from_hf_folder(dir.path()), Err(LoadError::Malformed { .. })));
}

#[test]
fn a_vocabulary_above_the_limit_ends_the_parse() {
    use std::fmt::Write;
    let mut text = String::from(r#"{"model":{"type":"BPE","merges":[],"vocab":{"#);
    for id in 0..=MAX_VOCAB_TOKENS {
        write!(text, "\"{id}\":{id},").unwrap();
    }
    text.push_str("\"x\":0}}}");
    let dir = folder(&[("tokenizer.json", &text)]);
    let error = Tokenizer::from_hf_folder(dir.path()).unwrap_err().to_string();
    assert!(error.contains("more than 1048576 tokens"), "{error}");
}

/// Patterns that grow or backtrack without bound end by the engine's own limits.
#[test]
fn hostile_patterns_end() {
    let split = |pattern: &str| {
        let mut file = byte_level_json();
        file["pre_tokenizer"] = json!({ "type": "Sequence", "pretokenizers": [
            { "type": "Split", "pattern": { "Regex": pattern }, "behavior": "Isolated", "invert": false },
            { "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false },
        ] });
        load(&file, "{}")
    };
    assert!(split("(?:(?:a{1000}){1000}){1000}").is_err());
    let _ = split("(?:(?:(?=a)a{900}){900}){900}");
    assert!(split(&"(".repeat(10_000)).is_err());
    let tokenizer = split("(?:(?=a)a*a*)*b").unwrap();
    let text = "a".repeat(20_000);
    let ids = tokenizer.encode(&text, EncodeOptions::PLAIN).unwrap();
    assert_eq!(tokenizer.decode(&ids, true), text);
}
