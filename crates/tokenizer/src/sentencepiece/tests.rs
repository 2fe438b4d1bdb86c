use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::gguf::GgufVocab;
use crate::tokenizer::{EncodeOptions, Tokenizer};

/// Specials, the 256 bytes, then pieces with scores.
fn vocab(pieces: &[(&str, f32)]) -> GgufVocab {
    let mut vocab = GgufVocab {
        model: "llama".to_owned(),
        tokens: ["<unk>", "<s>", "</s>"].map(str::to_owned).to_vec(),
        scores: vec![0.0; 3],
        token_types: vec![2, 3, 3],
        bos_token_id: Some(1),
        eos_token_id: Some(2),
        unknown_token_id: Some(0),
        ..GgufVocab::default()
    };
    for byte in 0..=255_u8 {
        vocab.tokens.push(format!("<0x{byte:02X}>"));
        vocab.scores.push(0.0);
        vocab.token_types.push(6);
    }
    for &(piece, score) in pieces {
        vocab.tokens.push(piece.to_owned());
        vocab.scores.push(score);
        vocab.token_types.push(1);
    }
    vocab
}

fn texts(tokenizer: &Tokenizer, ids: &[TokenId]) -> Vec<String> {
    ids.iter().map(|&id| tokenizer.token_text(id).unwrap().to_owned()).collect()
}

const PIECES: [(&str, f32); 10] = [
    ("\u{2581}", -5.0),
    ("a", -1.0),
    ("b", -2.0),
    ("c", -3.0),
    ("ab", -0.5),
    ("bc", -0.25),
    ("abc", -4.0),
    ("\u{2581}a", -0.1),
    ("\u{2581}\u{2581}", -6.0),
    ("aa", -0.7),
];

fn tokenizer() -> &'static Tokenizer {
    static TOKENIZER: LazyLock<Tokenizer> =
        LazyLock::new(|| Tokenizer::from_gguf(vocab(&PIECES)).unwrap());
    &TOKENIZER
}

#[test]
fn the_best_score_merges_first_and_the_leftmost_of_equals() {
    let tokenizer = tokenizer();
    for (text, expected) in [
        ("abc", &["\u{2581}a", "bc"][..]),
        ("babc", &["\u{2581}", "b", "abc"]),
        ("baaa", &["\u{2581}", "b", "aa", "a"]),
        ("  a", &["\u{2581}\u{2581}", "\u{2581}a"]),
        ("\u{e9}", &["\u{2581}", "<0xC3>", "<0xA9>"]),
        ("a\0", &["\u{2581}a", "<0x00>"]),
    ] {
        let ids = tokenizer.encode(text, EncodeOptions::PLAIN).unwrap();
        assert_eq!(texts(tokenizer, &ids), expected, "{text:?}");
        assert_eq!(tokenizer.decode(&ids, true), text);
    }
}

#[test]
fn special_tokens_are_read_and_added_only_when_asked_for() {
    let tokenizer = tokenizer();
    let prompt = tokenizer.encode("a</s>a", EncodeOptions::PROMPT).unwrap();
    assert_eq!(texts(tokenizer, &prompt), ["<s>", "\u{2581}a", "</s>", "\u{2581}a"]);
    assert_eq!(tokenizer.decode(&prompt, false), "<s> a</s> a");
    let plain = tokenizer.encode("a</s>", EncodeOptions::PLAIN).unwrap();
    assert!(!plain.contains(&2));
    assert_eq!(tokenizer.decode(&plain, true), "a</s>");
}

#[test]
fn without_space_prefix_text_is_taken_as_it_is() {
    let tokenizer =
        Tokenizer::from_gguf(GgufVocab { add_space_prefix: Some(false), ..vocab(&PIECES) })
            .unwrap();
    let ids = tokenizer.encode(" ab", EncodeOptions::PLAIN).unwrap();
    assert_eq!(texts(&tokenizer, &ids), ["\u{2581}a", "b"]);
    assert_eq!(tokenizer.decode(&ids, true), " ab");
}

#[test]
fn vocabularies_that_cannot_write_every_text_are_refused() {
    let mut no_byte = vocab(&PIECES);
    no_byte.tokens[3 + 0x41] = "x-unused".to_owned();
    no_byte.token_types[3 + 0x41] = 1;
    assert!(Tokenizer::from_gguf(no_byte.clone()).is_ok());
    no_byte.unknown_token_id = None;
    let error = Tokenizer::from_gguf(no_byte).unwrap_err().to_string();
    assert!(error.contains("<0x41>"), "{error}");
    let mut bad_score = vocab(&PIECES);
    bad_score.scores[260] = f32::NAN;
    let error = Tokenizer::from_gguf(bad_score).unwrap_err().to_string();
    assert!(error.contains("scores[260]"), "{error}");
}

/// Score-driven merging as the definition has it: look at all neighbours each time.
fn merge_naively(pieces: &[(&str, f32)], text: &str) -> Vec<String> {
    let marked = format!("\u{2581}{}", text.replace(' ', "\u{2581}"));
    let mut symbols: Vec<String> = marked.chars().map(String::from).collect();
    loop {
        let mut best: Option<(f32, usize)> = None;
        for left in 1..symbols.len() {
            let joint = format!("{}{}", symbols[left - 1], symbols[left]);
            let score = pieces.iter().find(|(piece, _)| *piece == joint).map(|&(_, score)| score);
            if let Some(score) = score.filter(|&s| best.is_none_or(|(best, _)| s > best)) {
                best = Some((score, left - 1));
            }
        }
        let Some((_, left)) = best else { return symbols };
        let right = symbols.remove(left + 1);
        symbols[left].push_str(&right);
    }
}

proptest! {
    #[test]
    fn the_heap_merges_as_the_definition_does(text in "[abc ]{1,60}") {
        let tokenizer = tokenizer();
        let ids = tokenizer.encode(&text, EncodeOptions::PLAIN).unwrap();
        prop_assert_eq!(texts(tokenizer, &ids), merge_naively(&PIECES, &text));
        prop_assert_eq!(tokenizer.decode(&ids, true), text);
    }
}
