//! Server-sent events: bytes in, the data of each event out.
//!
//! The format is the WHATWG HTML standard's "Server-sent events"; of its fields only `data`
//! matters to the OpenAI API. Pieces may be cut anywhere, even inside a character.

use std::collections::VecDeque;

use reqwest::Response;
use serde_json::Value;

use super::ClientError;

/// The longest line believed; one chunk of an answer is far shorter.
const MAX_LINE_BYTES: usize = 16 << 20;

/// Last event of a stream.
const DONE: &str = "[DONE]";

/// The events of one answer, as JSON.
pub(crate) struct EventStream {
    response: Response,
    decoder: EventDecoder,
}

impl EventStream {
    pub(super) fn new(response: Response) -> Self {
        Self { response, decoder: EventDecoder::default() }
    }

    /// The next event, or `None` after `[DONE]`. An error object in the stream is an error.
    pub(crate) async fn next(&mut self) -> Result<Option<Value>, ClientError> {
        loop {
            if let Some(data) = self.decoder.events.pop_front() {
                return parse_event(&data);
            }
            match self.response.chunk().await.map_err(ClientError::Connection)? {
                Some(bytes) => self.decoder.push(&bytes).map_err(ClientError::Protocol)?,
                None => {
                    return Err(ClientError::Protocol("the stream ended before [DONE]".to_owned()));
                }
            }
        }
    }
}

fn parse_event(data: &str) -> Result<Option<Value>, ClientError> {
    if data == DONE {
        return Ok(None);
    }
    let event: Value = serde_json::from_str(data)
        .map_err(|error| ClientError::Protocol(format!("an event is not JSON: {error}")))?;
    match event.pointer("/error/message").and_then(Value::as_str) {
        Some(message) => Err(ClientError::Protocol(message.to_owned())),
        None => Ok(Some(event)),
    }
}

/// Splits bytes into lines and lines into events.
#[derive(Debug, Default)]
struct EventDecoder {
    line: Vec<u8>,
    data: Option<String>,
    events: VecDeque<String>,
}

impl EventDecoder {
    fn push(&mut self, bytes: &[u8]) -> Result<(), String> {
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            if self.line.len() + piece.len() > MAX_LINE_BYTES {
                return Err(format!("a line is longer than {MAX_LINE_BYTES} bytes"));
            }
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                self.finish_line()?;
            }
        }
        Ok(())
    }

    fn finish_line(&mut self) -> Result<(), String> {
        let line = std::str::from_utf8(&self.line).map_err(|_| "a line is not UTF-8".to_owned())?;
        let line = line.trim_end_matches(['\n', '\r']);
        if line.is_empty() {
            self.events.extend(self.data.take());
        } else if let Some(value) = line.strip_prefix("data:") {
            let value = value.strip_prefix(' ').unwrap_or(value);
            match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            }
        }
        self.line.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = ": keep-alive\n\ndata: {\"a\":\"\u{e9}\u{1f600}\"}\n\nevent: x\r\ndata:one\r\ndata: two\r\n\r\ndata: [DONE]\n\n";

    fn decode(pieces: &[&[u8]]) -> Vec<String> {
        let mut decoder = EventDecoder::default();
        for piece in pieces {
            decoder.push(piece).unwrap();
        }
        decoder.events.into()
    }

    #[test]
    fn every_split_gives_the_same_events() {
        let bytes = STREAM.as_bytes();
        let whole = decode(&[bytes]);
        assert_eq!(whole, ["{\"a\":\"\u{e9}\u{1f600}\"}", "one\ntwo", "[DONE]"]);
        for split in 0..=bytes.len() {
            assert_eq!(decode(&[&bytes[..split], &bytes[split..]]), whole, "split at {split}");
        }
    }

    #[test]
    fn an_endless_line_is_refused() {
        let mut decoder = EventDecoder::default();
        let piece = vec![b'x'; MAX_LINE_BYTES];
        assert!(decoder.push(&piece).is_ok());
        assert!(decoder.push(b"x").unwrap_err().contains("longer"));
    }

    #[test]
    fn done_errors_and_chunks() {
        assert!(parse_event("[DONE]").unwrap().is_none());
        assert_eq!(parse_event("{\"id\":1}").unwrap().unwrap()["id"], 1);
        let error = parse_event(r#"{"error":{"message":"engine died"}}"#).unwrap_err();
        assert!(error.to_string().contains("engine died"));
        assert!(parse_event("{").is_err());
    }
}
