//! What the normaliser, pre-tokeniser and decoder of a `tokenizer.json` may be.
//!
//! Each is a step or a `Sequence` of steps. A step that is not listed here is refused by name, so
//! that no text grows without bound, and decoding can work from single tokens.

use serde_json::Value;

use crate::error::{LoadError, Origin};
use crate::vocabulary::{ByteStyle, SPACE_MARK};

/// Most bytes of patterns in one file; the longest in use have 2 KiB.
pub(super) const MAX_PATTERN_BYTES: usize = 16 << 10;
/// Most steps of one sequence, nested ones included.
pub(super) const MAX_STEPS: usize = 32;
/// Most times a normaliser may make a text longer; Llama's three bytes for a space make 3.
pub(super) const MAX_GROWTH: usize = 64;

/// How tokens become text again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decoding {
    pub(super) style: ByteStyle,
    pub(super) strips_leading_space: bool,
}

/// How normalising changes the length of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Growth {
    /// A text gets at most this many times shorter; `None` if there is no bound.
    pub(super) max_shrink: Option<usize>,
}

/// The steps of a value: itself, or what its `Sequence` holds.
fn steps<'a>(
    root: &'a Value,
    list_name: &str,
    field: &str,
    origin: &Origin,
) -> Result<Vec<(&'a str, &'a Value)>, LoadError> {
    let mut found = Vec::new();
    let mut open = vec![root];
    let mut num_seen = 0;
    while let Some(step) = open.pop() {
        num_seen += 1;
        origin.at_most(field, num_seen, MAX_STEPS)?;
        let kind = step["type"]
            .as_str()
            .ok_or_else(|| origin.malformed(format!("{field}.type"), "missing"))?;
        if kind == "Sequence" {
            let inner = step[list_name]
                .as_array()
                .ok_or_else(|| origin.malformed(format!("{field}.{list_name}"), "not a list"))?;
            open.extend(inner.iter().rev());
        } else {
            found.push((kind, step));
        }
    }
    Ok(found)
}

/// Adds up the patterns' sizes against [`MAX_PATTERN_BYTES`].
fn check_patterns(steps: &[(&str, &Value)], field: &str, origin: &Origin) -> Result<(), LoadError> {
    let size = |(_, step): &(&str, &Value)| {
        let pattern = &step["pattern"];
        let text = pattern["Regex"].as_str().or_else(|| pattern["String"].as_str());
        text.map_or(0, str::len)
    };
    let num_bytes = steps.iter().map(size).sum();
    origin.at_most(&format!("{field}.pattern"), num_bytes, MAX_PATTERN_BYTES)
}

/// Checks `normalizer`.
pub(super) fn check_normalizer(
    normalizer: Option<&Value>,
    origin: &Origin,
) -> Result<Growth, LoadError> {
    const FIELD: &str = "normalizer";
    let Some(normalizer) = normalizer else { return Ok(Growth { max_shrink: Some(1) }) };
    let steps = steps(normalizer, "normalizers", FIELD, origin)?;
    check_patterns(&steps, FIELD, origin)?;
    let mut growth: usize = 1;
    let mut max_shrink = Some(1);
    for (kind, step) in steps {
        match kind {
            // Composing makes three bytes of at most nine (a Hangul syllable).
            "NFC" => max_shrink = max_shrink.map(|shrink: usize| shrink.saturating_mul(3)),
            "NFD" | "NFKC" | "NFKD" => max_shrink = None,
            "Prepend" => {
                let prefix = step["prepend"].as_str().map_or(0, str::len);
                origin.at_most("normalizer.prepend", prefix, MAX_GROWTH)?;
            }
            "Replace" => {
                let content = step["content"].as_str().map_or(0, str::len);
                growth = growth.saturating_mul(content.max(1));
                let pattern = step["pattern"]["String"].as_str().map(str::len);
                if pattern.is_none_or(|pattern| pattern > content) {
                    max_shrink = None;
                }
            }
            other => {
                let served = "NFC, NFD, NFKC, NFKD, Prepend, Replace, Sequence";
                return Err(origin.unsupported("normalizer.type", other, served));
            }
        }
    }
    origin.at_most("normalizer.content", growth, MAX_GROWTH)?;
    Ok(Growth { max_shrink })
}

/// Checks `pre_tokenizer`; true if it passes all text on.
pub(super) fn check_pre_tokenizer(
    pre_tokenizer: Option<&Value>,
    origin: &Origin,
) -> Result<bool, LoadError> {
    const FIELD: &str = "pre_tokenizer";
    let Some(pre_tokenizer) = pre_tokenizer else { return Ok(true) };
    let steps = steps(pre_tokenizer, "pretokenizers", FIELD, origin)?;
    check_patterns(&steps, FIELD, origin)?;
    let mut keeps_text = true;
    for (kind, step) in steps {
        match kind {
            "ByteLevel" | "Digits" | "Metaspace" => {}
            "Split" | "Punctuation" => keeps_text &= step["behavior"] != "Removed",
            other => {
                let served = "ByteLevel, Digits, Metaspace, Punctuation, Split, Sequence";
                return Err(origin.unsupported("pre_tokenizer.type", other, served));
            }
        }
    }
    Ok(keeps_text)
}

/// Reads how tokens become text from `decoder`, or from `pre_tokenizer` if there is none.
pub(super) fn decoding(
    decoder: Option<&Value>,
    pre_tokenizer: Option<&Value>,
    origin: &Origin,
) -> Result<Decoding, LoadError> {
    const SERVED: &str =
        "ByteLevel, Metaspace, or Sequence of Replace, ByteFallback, Fuse and Strip";
    let byte_level = Decoding { style: ByteStyle::ByteLevel, strips_leading_space: false };
    let steps = match (decoder, pre_tokenizer) {
        (Some(decoder), _) => steps(decoder, "decoders", "decoder", origin)?,
        (None, Some(pre_tokenizer)) => {
            let steps = steps(pre_tokenizer, "pretokenizers", "pre_tokenizer", origin)?;
            let is_byte_level = steps.iter().any(|&(kind, _)| kind == "ByteLevel");
            return match is_byte_level {
                true => Ok(byte_level),
                false => Err(origin.unsupported("decoder", "null", SERVED)),
            };
        }
        (None, None) => return Err(origin.unsupported("decoder", "null", SERVED)),
    };
    if steps.iter().any(|&(kind, _)| kind == "ByteLevel") {
        return Ok(byte_level);
    }
    let mut strips_leading_space = false;
    for (kind, step) in steps {
        match kind {
            "Fuse" | "ByteFallback" => {}
            "Replace" if step["pattern"]["String"] == SPACE_MARK.to_string() => {}
            "Strip" if step["content"] == " " && step["stop"] == 0 => {
                strips_leading_space = step["start"].as_u64().is_some_and(|start| start > 0);
            }
            "Metaspace" => {
                let scheme = step["prepend_scheme"].as_str().unwrap_or("always");
                strips_leading_space = scheme != "never" && step["add_prefix_space"] != false;
            }
            other => return Err(origin.unsupported("decoder.type", other, SERVED)),
        }
    }
    Ok(Decoding { style: ByteStyle::SentencePiece, strips_leading_space })
}
