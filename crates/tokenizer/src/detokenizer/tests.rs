use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::byte_level::char_of;
use crate::gguf::GgufVocab;

/// Bytes 0..256 as tokens 0..256, then some longer tokens, then two special ones.
fn byte_tokenizer() -> &'static Tokenizer {
    static TOKENIZER: LazyLock<Tokenizer> = LazyLock::new(build_byte_tokenizer);
    &TOKENIZER
}

fn build_byte_tokenizer() -> Tokenizer {
    let long: [&[u8]; 4] = [b" the", &[0xf0, 0x9f], &[0x98, 0x80, 0xe4], &[0xbd, 0xa0, b'!']];
    let mut tokens: Vec<String> = (0..=255).map(|byte| char_of(byte).to_string()).collect();
    tokens.extend(long.iter().map(|bytes| bytes.iter().map(|&byte| char_of(byte)).collect()));
    let mut token_types = vec![1; tokens.len()];
    tokens.extend(["<|end|>".to_owned(), "\u{e9}".to_owned()]);
    token_types.extend([3, 3]);
    let vocab = GgufVocab {
        model: "gpt2".to_owned(),
        pre: Some("gpt-2".to_owned()),
        tokens,
        token_types,
        ..GgufVocab::default()
    };
    Tokenizer::from_gguf(vocab).unwrap()
}

const PLAIN: DetokenizeOptions = DetokenizeOptions { skip_special: true, continues_text: true };

fn deltas(tokenizer: &Tokenizer, ids: &[TokenId], options: DetokenizeOptions) -> Vec<String> {
    let mut detokenizer = Detokenizer::new(tokenizer, options);
    let mut deltas: Vec<String> = ids
        .iter()
        .map(|&id| {
            let mut delta = String::new();
            detokenizer.push(tokenizer, id, &mut delta);
            delta
        })
        .collect();
    let mut last = String::new();
    detokenizer.finish(&mut last);
    deltas.push(last);
    deltas
}

#[test]
fn an_emoji_over_several_tokens_comes_out_whole() {
    let tokenizer = byte_tokenizer();
    // U+1F600 and U+4F60 over three tokens that each break a character.
    assert_eq!(
        deltas(tokenizer, &[256, 257, 258, 259], PLAIN),
        [" the", "", "\u{1f600}", "\u{4f60}!", ""]
    );
}

#[test]
fn what_stays_incomplete_is_one_replacement_character() {
    let tokenizer = byte_tokenizer();
    assert_eq!(deltas(tokenizer, &[257], PLAIN), ["", "\u{fffd}"]);
    assert_eq!(deltas(tokenizer, &[257, u32::from(b'a')], PLAIN), ["", "\u{fffd}a", ""]);
}

#[test]
fn special_tokens_show_only_when_asked_for() {
    let tokenizer = byte_tokenizer();
    let ids = [u32::from(b'a'), 260, 261, u32::from(b'b'), 99_999];
    assert_eq!(deltas(tokenizer, &ids, PLAIN).concat(), "ab");
    let all = DetokenizeOptions { skip_special: false, continues_text: true };
    assert_eq!(deltas(tokenizer, &ids, all).concat(), "a<|end|>\u{e9}b");
    // A skipped token inside a character leaves the character whole.
    assert_eq!(deltas(tokenizer, &[0xc3, 260, 0xa9], PLAIN), ["", "", "\u{e9}", ""]);
}

proptest! {
    #[test]
    fn deltas_are_the_lossy_reading_of_all_bytes(ids in prop::collection::vec(0_u32..262, 0..80)) {
        let tokenizer = byte_tokenizer();
        let bytes: Vec<u8> = ids
            .iter()
            .filter(|&&id| !tokenizer.is_special(id))
            .flat_map(|&id| tokenizer.token_bytes(id).to_vec())
            .collect();
        let expected = String::from_utf8_lossy(&bytes);
        prop_assert_eq!(deltas(tokenizer, &ids, PLAIN).concat(), expected.clone());
        prop_assert_eq!(tokenizer.decode(&ids, true), expected);
    }

    #[test]
    fn text_survives_any_cut_into_bytes(text in "\\PC{0,40}") {
        let tokenizer = byte_tokenizer();
        let ids: Vec<TokenId> = text.bytes().map(u32::from).collect();
        prop_assert_eq!(deltas(tokenizer, &ids, PLAIN).concat(), text);
    }
}
