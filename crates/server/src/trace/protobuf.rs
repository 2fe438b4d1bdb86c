//! OTLP's request of spans as protobuf bytes.
//!
//! Written by hand after opentelemetry-proto's `trace/v1/trace.proto`, `common/v1/common.proto` and
//! `collector/trace/v1/trace_service.proto`, whose field numbers are the constants below, and the
//! protobuf encoding specification: it is all that is needed of both, and a fraction of what an SDK
//! brings. Pure: values in, bytes out. Called by `exporter`.

/// An attribute's value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Text(String),
    Int(i64),
    Double(f64),
    Texts(Vec<String>),
}

/// Key and value.
pub(crate) type Attribute = (&'static str, Value);

/// `SpanKind` of the two kinds that exist here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Internal = 1,
    Server = 2,
}

/// One finished span.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Span {
    pub(crate) trace_id: [u8; 16],
    pub(crate) span_id: [u8; 8],
    pub(crate) parent_id: Option<[u8; 8]>,
    /// As the caller sent it; empty if it did not.
    pub(crate) trace_state: String,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
    pub(crate) attributes: Vec<Attribute>,
    /// Ended with an error of the server's.
    pub(crate) has_failed: bool,
}

/// `STATUS_CODE_ERROR`.
const STATUS_ERROR: u64 = 2;

/// An `ExportTraceServiceRequest` of one resource and one scope.
pub(crate) fn request(resource: &[Attribute], scope: (&str, &str), spans: &[Span]) -> Vec<u8> {
    let mut message = Message::default();
    message.nested(1, |resource_spans| {
        resource_spans.nested(1, |message| attributes(message, 1, resource));
        resource_spans.nested(2, |scope_spans| {
            scope_spans.nested(1, |message| {
                message.bytes(1, scope.0.as_bytes());
                message.bytes(2, scope.1.as_bytes());
            });
            for span in spans {
                scope_spans.nested(2, |message| encode(message, span));
            }
        });
    });
    message.0
}

fn encode(message: &mut Message, span: &Span) {
    message.bytes(1, &span.trace_id);
    message.bytes(2, &span.span_id);
    message.bytes(3, span.trace_state.as_bytes());
    message.bytes(4, span.parent_id.as_ref().map_or(&[], |id| &id[..]));
    message.bytes(5, span.name.as_bytes());
    message.varint(6, span.kind as u64);
    message.fixed64(7, span.start_ns);
    message.fixed64(8, span.end_ns);
    attributes(message, 9, &span.attributes);
    if span.has_failed {
        message.nested(15, |status| status.varint(3, STATUS_ERROR));
    }
}

fn attributes(message: &mut Message, field: u32, attributes: &[Attribute]) {
    for (key, value) in attributes {
        message.nested(field, |pair| {
            pair.bytes(1, key.as_bytes());
            pair.nested(2, |any| any_value(any, value));
        });
    }
}

/// A member of `AnyValue`'s `oneof`, which is written even where it is the type's default.
fn any_value(message: &mut Message, value: &Value) {
    match value {
        Value::Text(text) => message.present_bytes(1, text.as_bytes()),
        Value::Int(number) => message.present_varint(3, *number as u64),
        Value::Double(number) => message.present_fixed64(4, number.to_bits()),
        Value::Texts(texts) => message.nested(5, |array| {
            for text in texts {
                array.nested(1, |any| any.present_bytes(1, text.as_bytes()));
            }
        }),
    }
}

const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const LENGTH: u32 = 2;

/// A message in the making. Fields that hold their type's default are left out, as proto3 does.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn tag(&mut self, field: u32, wire_type: u32) {
        self.raw_varint(u64::from(field << 3 | wire_type));
    }

    fn raw_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn varint(&mut self, field: u32, value: u64) {
        if value != 0 {
            self.present_varint(field, value);
        }
    }

    fn present_varint(&mut self, field: u32, value: u64) {
        self.tag(field, VARINT);
        self.raw_varint(value);
    }

    fn fixed64(&mut self, field: u32, value: u64) {
        if value != 0 {
            self.present_fixed64(field, value);
        }
    }

    fn present_fixed64(&mut self, field: u32, value: u64) {
        self.tag(field, FIXED64);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn bytes(&mut self, field: u32, value: &[u8]) {
        if !value.is_empty() {
            self.present_bytes(field, value);
        }
    }

    fn present_bytes(&mut self, field: u32, value: &[u8]) {
        self.tag(field, LENGTH);
        self.raw_varint(value.len() as u64);
        self.0.extend_from_slice(value);
    }

    fn nested(&mut self, field: u32, fill: impl FnOnce(&mut Self)) {
        let mut inner = Self::default();
        fill(&mut inner);
        self.present_bytes(field, &inner.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The encoding specification's own examples: 150 as a varint, "testing" as bytes.
    #[test]
    fn the_specifications_examples() {
        let mut message = Message::default();
        message.varint(1, 150);
        message.bytes(2, b"testing");
        message.nested(3, |inner| inner.varint(1, 150));
        let expected = [
            &[0x08, 0x96, 0x01][..],
            &[0x12, 0x07, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6e, 0x67],
            &[0x1a, 0x03, 0x08, 0x96, 0x01],
        ];
        assert_eq!(message.0, expected.concat());
    }

    #[test]
    fn defaults_are_left_out_and_members_of_a_oneof_are_not() {
        let mut message = Message::default();
        message.varint(1, 0);
        message.bytes(2, b"");
        message.fixed64(3, 0);
        assert!(message.0.is_empty());
        any_value(&mut message, &Value::Int(0));
        assert_eq!(message.0, [0x18, 0x00]);
    }

    #[test]
    fn negative_numbers_take_ten_bytes() {
        let mut message = Message::default();
        any_value(&mut message, &Value::Int(-1));
        let expected = [&[0x18][..], &[0xff; 9], &[0x01]].concat();
        assert_eq!(message.0, expected);
    }
}
