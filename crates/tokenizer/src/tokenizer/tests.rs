use super::*;
use crate::gguf::GgufVocab;

/// Row N4 of the survival table: texts that must not hurt.
#[test]
fn hostile_texts_encode_or_are_refused() {
    let tokens = (0..=255).map(|byte| crate::byte_level::char_of(byte).to_string()).collect();
    let vocab = GgufVocab {
        model: "gpt2".to_owned(),
        pre: Some("qwen2".to_owned()),
        tokens,
        ..GgufVocab::default()
    };
    let tokenizer = Tokenizer::from_gguf(vocab).unwrap();
    for text in ["", "\0\0", "\u{feff}\u{202e}\u{fffd}", "<|im_end|>", "\u{1f468}\u{200d}\u{1f469}"]
    {
        let ids = tokenizer.encode(text, EncodeOptions::PROMPT).unwrap();
        assert_eq!(tokenizer.decode(&ids, true), text);
    }
    assert_eq!(tokenizer.min_num_tokens(27 << 20), (27 << 20) / 2, "a token has two bytes as text");
    let too_long = "a".repeat(MAX_TEXT_BYTES + 1);
    let error = tokenizer.encode(&too_long, EncodeOptions::PROMPT).unwrap_err();
    assert!(matches!(error, EncodeError::TextTooLong { limit: MAX_TEXT_BYTES, .. }));
    assert_eq!(tokenizer.decode(&[u32::MAX, 1 << 31], false), "");
    assert_eq!(tokenizer.token_bytes(u32::MAX), b"");
}
