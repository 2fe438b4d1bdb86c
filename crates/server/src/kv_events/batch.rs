//! A step's cache events as msgpack, in the form that vLLM publishes and llm-d's indexer reads.
//!
//! Arrays by position, as msgspec writes tagged structs with `array_like`: the batch is
//! `[timestamp, [event, ...], data_parallel_rank]`, an event `[tag, field, ...]`. Sources: vLLM's
//! `distributed/kv_events.py`; llm-d-kv-cache's `engineadapter/vllm_adapter.go`, which refuses tags
//! that it does not know; the MessagePack specification.

use std::time::{SystemTime, UNIX_EPOCH};

use engine::{KvEvent, KvEvents};

/// Where the blocks are. vLLM's word for the device that computes, whichever it is.
const MEDIUM: &str = "GPU";
/// There is one engine in a process.
const DATA_PARALLEL_RANK: u64 = 0;

/// The batch of one step.
pub(super) fn encode(events: &KvEvents, at: SystemTime) -> Vec<u8> {
    let mut out = begin(events.list.len(), at);
    for event in &events.list {
        match event {
            KvEvent::Stored { hashes, parent, tokens } => {
                array(&mut out, 8);
                text(&mut out, "BlockStored");
                let hashes = &events.hashes[hashes.clone()];
                array(&mut out, hashes.len());
                hashes.iter().for_each(|hash| number(&mut out, *hash));
                match parent {
                    Some(parent) => number(&mut out, *parent),
                    None => nil(&mut out),
                }
                let tokens = &events.tokens[tokens.clone()];
                let block_size = tokens.len() / hashes.len().max(1);
                array(&mut out, tokens.len());
                tokens.iter().for_each(|token| number(&mut out, u64::from(*token)));
                number(&mut out, block_size as u64);
                // No adapters: neither id nor name.
                nil(&mut out);
                text(&mut out, MEDIUM);
                nil(&mut out);
            }
            KvEvent::Removed { hash } => {
                array(&mut out, 3);
                text(&mut out, "BlockRemoved");
                array(&mut out, 1);
                number(&mut out, *hash);
                text(&mut out, MEDIUM);
            }
        }
    }
    number(&mut out, DATA_PARALLEL_RANK);
    out
}

/// The batch that says that nothing is cached.
pub(super) fn all_cleared(at: SystemTime) -> Vec<u8> {
    let mut out = begin(1, at);
    array(&mut out, 1);
    text(&mut out, "AllBlocksCleared");
    number(&mut out, DATA_PARALLEL_RANK);
    out
}

/// Everything up to the first event.
fn begin(num_events: usize, at: SystemTime) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 + 64 * num_events);
    array(&mut out, 3);
    let seconds = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    out.push(0xcb);
    out.extend_from_slice(&seconds.to_be_bytes());
    array(&mut out, num_events);
    out
}

fn nil(out: &mut Vec<u8>) {
    out.push(0xc0);
}

fn array(out: &mut Vec<u8>, len: usize) {
    match len {
        0..=15 => out.push(0x90 | len as u8),
        16..=0xffff => {
            out.push(0xdc);
            out.extend_from_slice(&(len as u16).to_be_bytes());
        }
        _ => {
            out.push(0xdd);
            out.extend_from_slice(&(len as u32).to_be_bytes());
        }
    }
}

/// Short texts only: tags and the medium.
fn text(out: &mut Vec<u8>, text: &'static str) {
    debug_assert!(text.len() < 32, "a fixstr holds less than 32 bytes");
    out.push(0xa0 | text.len() as u8);
    out.extend_from_slice(text.as_bytes());
}

fn number(out: &mut Vec<u8>, value: u64) {
    match value {
        0..=0x7f => out.push(value as u8),
        0x80..=0xff => out.extend_from_slice(&[0xcc, value as u8]),
        0x100..=0xffff => {
            out.push(0xcd);
            out.extend_from_slice(&(value as u16).to_be_bytes());
        }
        0x1_0000..=0xffff_ffff => {
            out.push(0xce);
            out.extend_from_slice(&(value as u32).to_be_bytes());
        }
        _ => {
            out.push(0xcf);
            out.extend_from_slice(&value.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Read back by an independent implementation.
    fn decode(bytes: &[u8]) -> serde_json::Value {
        rmp_serde::from_slice(bytes).expect("it is msgpack")
    }

    #[test]
    fn events_by_position() {
        let events = KvEvents {
            list: vec![
                KvEvent::Removed { hash: 70_000 },
                KvEvent::Stored { hashes: 0..2, parent: None, tokens: 0..16 },
                KvEvent::Stored { hashes: 2..3, parent: Some(u64::MAX), tokens: 16..24 },
            ],
            hashes: vec![1, u64::MAX, 300],
            tokens: (0..24).map(|n| n * 5_000).collect(),
        };
        let at = UNIX_EPOCH + Duration::from_millis(1_500);
        let tokens: Vec<u32> = events.tokens.clone();
        let expected = serde_json::json!([
            1.5,
            [
                ["BlockRemoved", [70_000], "GPU"],
                ["BlockStored", [1, u64::MAX], null, tokens[..16], 8, null, "GPU", null],
                ["BlockStored", [300], u64::MAX, tokens[16..], 8, null, "GPU", null],
            ],
            0
        ]);
        assert_eq!(decode(&encode(&events, at)), expected);
        let cleared = serde_json::json!([1.5, [["AllBlocksCleared"]], 0]);
        assert_eq!(decode(&all_cleared(at)), cleared);
    }

    #[test]
    fn numbers_at_the_edges_of_their_forms() {
        for value in [0, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000, 0xffff_ffff, 1 << 32, u64::MAX]
        {
            let mut out = Vec::new();
            number(&mut out, value);
            assert_eq!(decode(&out), value);
        }
        for len in [0, 15, 16, 0xffff, 0x1_0000] {
            let mut out = Vec::new();
            array(&mut out, len);
            out.resize(out.len() + len, 0);
            assert_eq!(decode(&out).as_array().map(Vec::len), Some(len));
        }
    }
}
