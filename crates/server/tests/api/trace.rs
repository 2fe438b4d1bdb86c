//! Traces by OTLP, as a collector receives them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request};
use axum::routing::post as at_post;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::fixture::{Answer, Setup, TestServer, chat_body, eventually, post};

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const SECRET: &str = "zebra";

/// A protobuf message by field number, read by the wire format's rules alone.
#[derive(Clone, Debug, Default)]
struct Fields(BTreeMap<u64, Vec<Field>>);

#[derive(Clone, Debug)]
enum Field {
    Number(u64),
    Bytes(Vec<u8>),
}

impl Fields {
    fn parse(mut bytes: &[u8]) -> Self {
        let mut fields = Self::default();
        while !bytes.is_empty() {
            let tag = varint(&mut bytes);
            let field = match tag & 7 {
                0 => Field::Number(varint(&mut bytes)),
                1 => {
                    let (value, rest) = bytes.split_at(8);
                    bytes = rest;
                    Field::Number(u64::from_le_bytes(value.try_into().unwrap()))
                }
                2 => {
                    let len = varint(&mut bytes) as usize;
                    let (value, rest) = bytes.split_at(len);
                    bytes = rest;
                    Field::Bytes(value.to_vec())
                }
                other => panic!("wire type {other}"),
            };
            fields.0.entry(tag >> 3).or_default().push(field);
        }
        fields
    }

    fn all(&self, number: u64) -> Vec<Self> {
        let fields = self.0.get(&number).into_iter().flatten();
        fields
            .map(|field| match field {
                Field::Bytes(bytes) => Self::parse(bytes),
                Field::Number(_) => panic!("field {number} is no message"),
            })
            .collect()
    }

    fn bytes(&self, number: u64) -> Vec<u8> {
        match self.0.get(&number).map(Vec::as_slice) {
            None => Vec::new(),
            Some([Field::Bytes(bytes)]) => bytes.clone(),
            other => panic!("field {number}: {other:?}"),
        }
    }

    fn text(&self, number: u64) -> String {
        String::from_utf8(self.bytes(number)).unwrap()
    }

    fn number(&self, number: u64) -> u64 {
        match self.0.get(&number).map(Vec::as_slice) {
            None => 0,
            Some([Field::Number(value)]) => *value,
            other => panic!("field {number}: {other:?}"),
        }
    }

    /// `repeated KeyValue` as JSON.
    fn attributes(&self, number: u64) -> BTreeMap<String, Value> {
        let pairs = self.all(number);
        pairs.iter().map(|pair| (pair.text(1), any_value(&pair.all(2)[0]))).collect()
    }
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let (byte, rest) = bytes.split_first().unwrap();
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}

/// `AnyValue`: 1 string, 3 int, 4 double, 5 array.
fn any_value(any: &Fields) -> Value {
    match any.0.keys().next() {
        Some(1) => any.text(1).into(),
        Some(3) => (any.number(3) as i64).into(),
        Some(4) => f64::from_bits(any.number(4)).into(),
        Some(5) => any.all(5)[0].all(1).iter().map(any_value).collect(),
        other => panic!("value {other:?}"),
    }
}

/// A span as trace.proto has it.
#[derive(Clone, Debug)]
struct Span {
    trace_id: Vec<u8>,
    id: Vec<u8>,
    state: String,
    parent: Vec<u8>,
    name: String,
    kind: u64,
    start: u64,
    end: u64,
    attributes: BTreeMap<String, Value>,
    status: u64,
}

#[derive(Clone, Default)]
struct Collector {
    spans: Arc<Mutex<Vec<Span>>>,
    bodies: Arc<Mutex<Vec<u8>>>,
}

impl Collector {
    /// Starts it and returns its URL.
    async fn start(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1/traces", listener.local_addr().unwrap());
        let collector = self.clone();
        let receive = async move |headers: HeaderMap, body: Bytes| {
            assert_eq!(headers["content-type"], "application/x-protobuf");
            collector.receive(&body);
        };
        let app = axum::Router::new().route("/v1/traces", at_post(receive));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        url
    }

    fn receive(&self, body: &[u8]) {
        self.bodies.lock().unwrap().extend_from_slice(body);
        for resource_spans in Fields::parse(body).all(1) {
            let resource = resource_spans.all(1)[0].attributes(1);
            assert_eq!(resource["service.name"], "ropeway");
            for scope_spans in resource_spans.all(2) {
                assert_eq!(scope_spans.all(1)[0].text(1), "server");
                self.spans.lock().unwrap().extend(scope_spans.all(2).iter().map(|span| Span {
                    trace_id: span.bytes(1),
                    id: span.bytes(2),
                    state: span.text(3),
                    parent: span.bytes(4),
                    name: span.text(5),
                    kind: span.number(6),
                    start: span.number(7),
                    end: span.number(8),
                    attributes: span.attributes(9),
                    status: span.all(15).first().map_or(0, |status| status.number(3)),
                }));
            }
        }
    }

    fn named(&self, name: &str) -> Vec<Span> {
        self.spans.lock().unwrap().iter().filter(|span| span.name == name).cloned().collect()
    }
}

fn traced(endpoint: String) -> TestServer {
    let mut setup = Setup::answering("abc");
    setup.config.otlp_traces_endpoint = Some(endpoint);
    setup.start()
}

async fn send(server: &TestServer, body: Value, headers: &[(&'static str, &str)]) -> Answer {
    let mut request: Request<Body> = post("/v1/chat/completions", body.to_string());
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    server.send(request).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_one_span_with_its_phases_below() {
    let collector = Collector::default();
    let server = traced(collector.start().await);
    let messages = json!([{"role": "user", "content": SECRET}]);
    let body = json!({"messages": messages, "stream": true, "n": 2, "max_tokens": 9});
    let headers = [("traceparent", TRACEPARENT), ("tracestate", "a=1")];
    assert_eq!(send(&server, body, &headers).await.status, 200);
    eventually("the span arrives", || !collector.named("chat tiny").is_empty()).await;
    let [root] = &collector.named("chat tiny")[..] else { panic!("one span a request") };
    assert_eq!(root.trace_id[..4], [0x0a, 0xf7, 0x65, 0x19]);
    assert_eq!((root.parent.len(), root.parent[0], root.kind), (8, 0xb7, 2));
    assert_eq!((root.state.as_str(), root.status), ("a=1", 0));
    for (key, value) in [
        ("gen_ai.operation.name", json!("chat")),
        ("gen_ai.request.model", json!("tiny")),
        ("gen_ai.request.max_tokens", json!(9)),
        ("gen_ai.request.choice.count", json!(2)),
        ("gen_ai.usage.output_tokens", json!(8)),
        ("gen_ai.response.finish_reasons", json!(["stop", "stop"])),
        ("gen_ai.response.id", json!("chatcmpl-test-id")),
    ] {
        assert_eq!(root.attributes[key], value, "{key}");
    }
    assert!(root.attributes["gen_ai.usage.input_tokens"].as_u64() > Some(5));
    let ttft = root.attributes["gen_ai.latency.time_to_first_token"].as_f64().unwrap();
    let e2e = root.attributes["gen_ai.latency.e2e"].as_f64().unwrap();
    assert!(0.0 < ttft && ttft <= e2e, "{ttft} {e2e}");
    for index in 0..2 {
        let phase = |name: &str| {
            let spans = collector.named(name);
            let of = |span: &&Span| span.attributes["ropeway.choice.index"] == index;
            spans.iter().find(of).unwrap_or_else(|| panic!("{name} of {index}")).clone()
        };
        let [queue, prefill, decode] = ["queue", "prefill", "decode"].map(phase);
        assert_eq!((queue.end, prefill.end), (prefill.start, decode.start), "no gap");
        assert!(root.start <= queue.start && decode.end <= root.end);
        for span in [queue, prefill, decode] {
            assert_eq!((&span.trace_id, &span.parent), (&root.trace_id, &root.id));
            assert!(span.start <= span.end && span.kind == 1);
        }
    }
    assert_eq!(collector.named("prepare")[0].start, root.start);
    let text = String::from_utf8_lossy(&collector.bodies.lock().unwrap()).into_owned();
    assert!(!text.contains(SECRET), "a prompt is in a span");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_that_the_caller_does_not_record_is_left_out() {
    let collector = Collector::default();
    let server = traced(collector.start().await);
    let unsampled = TRACEPARENT.replace("-01", "-00");
    send(&server, chat_body(json!({})), &[("traceparent", &unsampled)]).await;
    send(&server, chat_body(json!({})), &[("traceparent", "nonsense")]).await;
    eventually("the other span arrives", || !collector.named("chat tiny").is_empty()).await;
    let [root] = &collector.named("chat tiny")[..] else { panic!("one is recorded") };
    assert_eq!((root.parent.len(), root.trace_id.len()), (0, 16), "a trace of its own");
    assert_ne!(root.trace_id[..4], [0x0a, 0xf7, 0x65, 0x19]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failed_and_aborted_requests_have_spans() {
    let collector = Collector::default();
    let mut setup = Setup::answering("abc");
    setup.config.otlp_traces_endpoint = Some(collector.start().await);
    setup.gate = Box::new(|_| Err(engine::ExecError::Step("no".into())));
    let server = setup.start();
    assert_eq!(server.complete(json!({})).await.status, 500);
    eventually("the span arrives", || !collector.named("text_completion tiny").is_empty()).await;
    let root = &collector.named("text_completion tiny")[0];
    assert_eq!(root.status, 2, "an error");
    assert_eq!(root.attributes["gen_ai.response.finish_reasons"], json!(["error"]));
    assert!(!root.attributes.contains_key("gen_ai.latency.time_to_first_token"));
    assert_eq!(collector.named("queue").len(), 1);
    assert!(collector.named("prefill").is_empty());
}

/// Nobody listens there; requests do not notice, and the spans are counted as lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_collector_costs_spans_only() {
    // Bound and not listening: connections are refused, and nobody else gets the port.
    let deaf = tokio::net::TcpSocket::new_v4().unwrap();
    deaf.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let server = traced(format!("http://{}/v1/traces", deaf.local_addr().unwrap()));
    for _ in 0..3 {
        assert_eq!(server.chat(json!({})).await.status, 200);
    }
    let lost = async || {
        let text = server.get("/metrics").await.text();
        let line = "ropeway:trace_spans_total{outcome=\"export_failed\"} ";
        let line = text.lines().find_map(|l| l.strip_prefix(line)).expect("it is counted");
        line.parse::<u32>().unwrap()
    };
    while lost().await < 3 * 5 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A collector that takes the connection and never answers: the queue fills, nobody waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stuck_collector_fills_a_queue_and_no_more() {
    let stuck = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = traced(format!("http://{}/v1/traces", stuck.local_addr().unwrap()));
    let dropped = async || {
        let text = server.get("/metrics").await.text();
        let line = "ropeway:trace_spans_total{outcome=\"queue_full\"} ";
        text.lines().find_map(|l| l.strip_prefix(line)).expect("it is counted") != "0"
    };
    while !dropped().await {
        let sent = (0..64).map(|_| server.complete(json!({"max_tokens": 1})));
        for answer in futures_util::future::join_all(sent).await {
            assert_eq!(answer.status, 200);
        }
    }
}

#[tokio::test]
async fn without_an_endpoint_there_are_no_spans() {
    let server = Setup::answering("abc").start();
    let request = post("/v1/chat/completions", chat_body(json!({})).to_string());
    assert_eq!(server.router.clone().oneshot(request).await.unwrap().status(), 200);
    assert!(!server.get("/metrics").await.text().contains("trace_spans"));
}
