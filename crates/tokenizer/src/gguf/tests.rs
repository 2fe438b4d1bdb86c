use std::time::{Duration, Instant};

use super::*;
use crate::byte_level::char_of;
use crate::tokenizer::EncodeOptions;

/// A byte-level vocabulary: two special tokens, the bytes, a tool tag, and the results of these
/// merges.
fn vocab(pre: &str, merges: &[&str]) -> GgufVocab {
    let mut vocab = GgufVocab {
        model: "gpt2".to_owned(),
        pre: Some(pre.to_owned()),
        tokens: ["<|im_start|>", "<|im_end|>"].map(str::to_owned).to_vec(),
        token_types: vec![3, 3],
        merges: merges.iter().map(|&merge| merge.to_owned()).collect(),
        bos_token_id: Some(0),
        eos_token_id: Some(1),
        ..GgufVocab::default()
    };
    vocab.tokens.extend((0..=255).map(|byte| char_of(byte).to_string()));
    vocab.tokens.push("<tool>".to_owned());
    vocab.tokens.extend(merges.iter().map(|merge| merge.replace(' ', "")));
    vocab.token_types.resize(vocab.tokens.len(), 1);
    vocab.token_types[258] = 4;
    vocab
}

const MERGES: [&str; 7] =
    ["h e", "l l", "he ll", "hell o", "\u{120} hello", "1 2", "\u{120} \u{120}"];

fn pieces(tokenizer: &Tokenizer, text: &str, options: EncodeOptions) -> Vec<String> {
    let ids = tokenizer.encode(text, options).unwrap();
    ids.iter().map(|&id| String::from_utf8_lossy(tokenizer.token_bytes(id)).into_owned()).collect()
}

#[test]
fn each_pre_tokeniser_cuts_in_its_own_way() {
    for (pre, text, expected) in [
        ("gpt-2", "hello hello 12", &["hello", " hello", " ", "12"][..]),
        ("smollm", "hello 12", &["hello", " ", "1", "2"]),
        ("qwen2", "hello12  hello", &["hello", "1", "2", " ", " hello"]),
        ("llama-bpe", "hello 12", &["hello", " ", "12"]),
        ("default", "hello12", &["hello", "12"]),
        ("tekken", "12", &["1", "2"]),
    ] {
        let tokenizer = Tokenizer::from_gguf(vocab(pre, &MERGES)).unwrap();
        assert_eq!(pieces(&tokenizer, text, EncodeOptions::PLAIN), expected, "{pre}");
    }
}

#[test]
fn every_served_kind_compiles_and_keeps_all_text() {
    let text = "Hello, w\u{f6}rld's 123 \u{4f60}\u{597d}\u{3042}\u{d55c} \u{1f600}\t\n\n  x()[]{} 3.14 e\u{301} \0";
    for pre in pre_tokenizer::served_names().split(", ") {
        let tokenizer = Tokenizer::from_gguf(vocab(pre, &MERGES)).unwrap();
        let ids = tokenizer.encode(text, EncodeOptions::PLAIN).unwrap();
        assert_eq!(tokenizer.decode(&ids, true), text, "{pre}");
        assert!(ids.len() >= tokenizer.min_num_tokens(text.len()), "{pre}");
        assert!(tokenizer.min_num_tokens(text.len()) > 1);
    }
}

#[test]
fn special_text_is_special_only_when_parsed() {
    let tokenizer = Tokenizer::from_gguf(vocab("smollm", &MERGES)).unwrap();
    let text = "<|im_start|>hello<|im_end|><tool>";
    assert_eq!(
        pieces(&tokenizer, text, EncodeOptions::RENDERED),
        ["<|im_start|>", "hello", "<|im_end|>", "<tool>"]
    );
    let plain = tokenizer.encode(text, EncodeOptions::PLAIN).unwrap();
    assert!(!plain.iter().any(|&id| tokenizer.is_special(id)));
    assert_eq!(plain.last(), Some(&258));
    assert_eq!(tokenizer.decode(&plain, true), text);
}

#[test]
fn begin_and_end_follow_the_file_then_the_kind() {
    let count = |vocab: GgufVocab| {
        Tokenizer::from_gguf(vocab).unwrap().encode("h", EncodeOptions::PROMPT).unwrap().len()
    };
    assert_eq!(count(vocab("smollm", &MERGES)), 1);
    assert_eq!(count(vocab("llama-bpe", &MERGES)), 2);
    assert_eq!(count(GgufVocab { add_bos_token: Some(false), ..vocab("llama-bpe", &MERGES) }), 1);
    assert_eq!(count(GgufVocab { add_bos_token: Some(true), ..vocab("smollm", &MERGES) }), 2);
    assert_eq!(count(GgufVocab { add_eos_token: Some(true), ..vocab("llama-bpe", &MERGES) }), 3);
}

#[test]
fn roles_are_found() {
    let file = GgufVocab { chat_template: Some("{{ x }}".to_owned()), ..vocab("smollm", &MERGES) };
    let tokenizer = Tokenizer::from_gguf(file).unwrap();
    assert_eq!(
        (tokenizer.bos_id(), tokenizer.eos_id(), tokenizer.eot_id()),
        (Some(0), Some(1), Some(1))
    );
    assert_eq!(tokenizer.stop_ids(), [1]);
    assert_eq!(tokenizer.chat_template(true), Some("{{ x }}"));
    assert_eq!(tokenizer.id_of("hello"), Some(262));
    assert_eq!(tokenizer.token_text(263), Some("\u{120}hello"));
    assert_eq!(tokenizer.vocab_size(), 266);
    assert_eq!(tokenizer.kind(258), Some(TokenKind::UserDefined));
    assert_eq!(tokenizer.kind(266), None);
}

#[test]
fn malformed_metadata_names_the_key() {
    let good = || vocab("smollm", &MERGES);
    let merges = |rule: &str| GgufVocab { merges: vec![rule.to_owned()], ..good() };
    let cases = [
        (GgufVocab { model: "bert".to_owned(), ..good() }, "tokenizer.ggml.model"),
        (vocab("martian", &MERGES), "tokenizer.ggml.pre"),
        (
            GgufVocab {
                tokens: vec![],
                token_types: vec![],
                bos_token_id: None,
                eos_token_id: None,
                merges: vec![],
                ..good()
            },
            "tokenizer.ggml.tokens",
        ),
        (GgufVocab { token_types: vec![1; 3], ..good() }, "tokenizer.ggml.token_type"),
        (GgufVocab { token_types: vec![9; 266], ..good() }, "tokenizer.ggml.token_type[0]"),
        (GgufVocab { token_types: vec![6; 266], ..good() }, "tokenizer.ggml.tokens[0]"),
        (GgufVocab { scores: vec![0.0; 3], ..good() }, "tokenizer.ggml.scores"),
        (GgufVocab { model: "llama".to_owned(), ..good() }, "tokenizer.ggml.scores"),
        (GgufVocab { eos_token_id: Some(266), ..good() }, "tokenizer.ggml.eos_token_id"),
        (GgufVocab { unknown_token_id: Some(u32::MAX), ..good() }, "unknown_token_id"),
        (merges("h martian"), "tokenizer.ggml.merges[0]"),
        (merges("h x"), "tokenizer.ggml.merges[0]"),
        (merges("h"), "tokenizer.ggml.merges[0]"),
        (merges(" h"), "tokenizer.ggml.merges[0]"),
        (merges("h e l"), "tokenizer.ggml.merges[0]"),
    ];
    for (vocab, field) in cases {
        let error = Tokenizer::from_gguf(vocab).unwrap_err().to_string();
        assert!(error.contains(field), "{field}: {error}");
    }
    let unknown_pre = Tokenizer::from_gguf(vocab("martian", &MERGES)).unwrap_err().to_string();
    assert!(unknown_pre.contains("smollm, ") && unknown_pre.contains("qwen2"), "{unknown_pre}");
}

#[test]
fn sizes_above_the_limits_are_refused() {
    let tokens = vec![String::new(); MAX_VOCAB_TOKENS + 1];
    let many_tokens = GgufVocab { tokens, token_types: vec![], ..vocab("smollm", &[]) };
    assert!(matches!(Tokenizer::from_gguf(many_tokens), Err(LoadError::TooLarge { .. })));
    let merges = vec![String::new(); MAX_MERGES + 1];
    let many_merges = GgufVocab { merges, ..vocab("smollm", &[]) };
    assert!(matches!(Tokenizer::from_gguf(many_merges), Err(LoadError::TooLarge { .. })));
}

#[test]
fn rules_in_a_circle_end() {
    // Each result is part of another rule; growing texts make it end all the same.
    let tokenizer =
        Tokenizer::from_gguf(vocab("gpt-2", &["a b", "b a", "ab a", "a ba", "aba b"])).unwrap();
    let text = "ab".repeat(1000);
    let ids = tokenizer.encode(&text, EncodeOptions::PLAIN).unwrap();
    assert_eq!(tokenizer.decode(&ids, true), text);
}

/// A quadratic encoder would need hours for a million bytes without a space; the bound only has
/// to be far from both.
#[test]
fn a_long_word_is_no_quadratic_trouble() {
    let merges: Vec<String> = (0..6).map(|n| format!("{0} {0}", "a".repeat(1 << n))).collect();
    let merges: Vec<&str> = merges.iter().map(String::as_str).collect();
    let byte_level = Tokenizer::from_gguf(vocab("smollm", &merges)).unwrap();
    let text = "a".repeat(1 << 20);
    let start = Instant::now();
    assert_eq!(byte_level.encode(&text, EncodeOptions::PLAIN).unwrap().len(), 1 << 14);
    let spaces = " ".repeat(1 << 20);
    assert_eq!(byte_level.encode(&spaces, EncodeOptions::PLAIN).unwrap().len(), 1 << 20);
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}
