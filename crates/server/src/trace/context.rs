//! Who called: W3C Trace Context, as sent in `traceparent` and `tracestate`.
//!
//! A header that the recommendation calls invalid is as good as none (section 3.2: restart the trace).

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;

/// Longest `tracestate` passed on; the recommendation asks for 512 characters at least.
const MAX_STATE_BYTES: usize = 512;
/// The `sampled` flag.
const SAMPLED: u8 = 1;

/// The caller's span.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TraceContext {
    /// `None` starts a trace of its own.
    pub(crate) parent: Option<Parent>,
}

/// A valid `traceparent`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parent {
    pub(crate) trace_id: [u8; 16],
    pub(crate) span_id: [u8; 8],
    /// The caller records this trace, so we do.
    pub(crate) is_sampled: bool,
    pub(crate) state: String,
}

impl<S: Sync> FromRequestParts<S> for TraceContext {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self { parent: parent(&parts.headers) })
    }
}

fn parent(headers: &HeaderMap) -> Option<Parent> {
    let mut values = headers.get_all("traceparent").iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    let mut parent = parse(value.to_str().ok()?)?;
    let states = headers.get_all("tracestate").iter().filter_map(|value| value.to_str().ok());
    let state = states.collect::<Vec<_>>().join(",");
    if state.len() <= MAX_STATE_BYTES {
        parent.state = state;
    }
    Some(parent)
}

/// `version-traceid-parentid-flags` in lower-case hexadecimal.
fn parse(text: &str) -> Option<Parent> {
    let (version, rest) = text.split_once('-')?;
    let version = hex::<1>(version)?[0];
    let mut fields = rest.split('-');
    let trace_id = hex::<16>(fields.next()?)?;
    let span_id = hex::<8>(fields.next()?)?;
    let flags = hex::<1>(fields.next()?)?[0];
    // Version ff is invalid; only versions after 00 may have more fields.
    if version == 0xff || (version == 0 && fields.next().is_some()) {
        return None;
    }
    if trace_id == [0; 16] || span_id == [0; 8] {
        return None;
    }
    let is_sampled = flags & SAMPLED != 0;
    Some(Parent { trace_id, span_id, is_sampled, state: String::new() })
}

fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn the_recommendations_example() {
        let parent = parse(VALID).expect("it is valid");
        assert_eq!(parent.trace_id[..2], [0x0a, 0xf7]);
        assert_eq!(parent.span_id, [0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31]);
        assert!(parent.is_sampled);
        assert!(!parse(&VALID.replace("-01", "-00")).expect("it is valid").is_sampled);
        assert!(parse(&format!("cc{}-later-fields", &VALID[2..])).is_some());
    }

    #[test]
    fn what_is_invalid_is_none() {
        for text in [
            "",
            "00",
            &VALID[..VALID.len() - 1],
            &VALID.to_uppercase(),
            &VALID.replace("b7ad6b7169203331", "0000000000000000"),
            &VALID.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            &format!("ff{}", &VALID[2..]),
            &format!("{VALID}-extra"),
            &VALID.replace("0af7", "0xf7"),
            &VALID.replace("-01", "-1"),
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn two_parents_are_none_and_states_are_joined() {
        let mut headers = HeaderMap::new();
        headers.append("traceparent", VALID.parse().expect("a value"));
        headers.append("tracestate", "a=1".parse().expect("a value"));
        headers.append("tracestate", "b=2".parse().expect("a value"));
        assert_eq!(parent(&headers).expect("valid").state, "a=1,b=2");
        headers.append("tracestate", "c".repeat(MAX_STATE_BYTES).parse().expect("a value"));
        assert_eq!(parent(&headers).expect("valid").state, "");
        headers.append("traceparent", VALID.parse().expect("a value"));
        assert_eq!(parent(&headers), None);
    }
}
