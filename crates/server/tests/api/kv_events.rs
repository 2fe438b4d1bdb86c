//! KV cache events as a ZeroMQ subscriber receives them.

use std::collections::HashSet;
use std::net::SocketAddr;

use serde_json::{Value, json};
use server::KvEventsConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::fixture::{Setup, WAIT, completion_body, post};

/// As configured, and as sent.
const TOPIC_TEMPLATE: &str = "kv@10.0.0.7:8000@{model}";
const TOPIC: &str = "kv@10.0.0.7:8000@tiny";
const BLOCK: usize = 16;
/// The fewest that hold the longest request.
const NUM_BLOCKS: usize = 32;

/// The peer's side of ZMTP 3.0, as RFC 23 has it.
struct Peer(TcpStream);

impl Peer {
    async fn connect(addr: SocketAddr, socket_type: &str) -> Self {
        let mut socket = TcpStream::connect(addr).await.unwrap();
        let mut greeting = [0; 64];
        greeting[..12].copy_from_slice(b"\xff\0\0\0\0\0\0\0\0\x7f\x03\0");
        greeting[12..16].copy_from_slice(b"NULL");
        socket.write_all(&greeting).await.unwrap();
        socket.read_exact(&mut greeting).await.unwrap();
        assert_eq!((greeting[0], greeting[9], &greeting[12..17]), (0xff, 0x7f, &b"NULL\0"[..]));
        let mut peer = Self(socket);
        let length = socket_type.len() as u8;
        let ready = [b"\x05READY\x0bSocket-Type\0\0\0", &[length][..], socket_type.as_bytes()];
        peer.send(4, &ready.concat()).await;
        let (flags, body) = peer.frame().await;
        assert_eq!((flags, &body[..6]), (4, &b"\x05READY"[..]));
        peer
    }

    async fn send(&mut self, flags: u8, body: &[u8]) {
        let head = [flags, body.len() as u8];
        self.0.write_all(&[&head, body].concat()).await.unwrap();
    }

    async fn frame(&mut self) -> (u8, Vec<u8>) {
        let read = async {
            let flags = self.0.read_u8().await.unwrap();
            let len = match flags & 2 {
                0 => u64::from(self.0.read_u8().await.unwrap()),
                _ => self.0.read_u64().await.unwrap(),
            };
            let mut body = vec![0; len as usize];
            self.0.read_exact(&mut body).await.unwrap();
            (flags, body)
        };
        tokio::time::timeout(WAIT, read).await.expect("a frame in time")
    }

    async fn message(&mut self) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        loop {
            let (flags, body) = self.frame().await;
            frames.push(body);
            if flags & 1 == 0 {
                return frames;
            }
        }
    }

    /// Number and content of the next batch.
    async fn batch(&mut self) -> (u64, Value) {
        let frames = self.message().await;
        let [topic, number, payload] = &frames[..] else { panic!("three frames: {frames:?}") };
        assert_eq!(topic, TOPIC.as_bytes());
        (u64::from_be_bytes(number[..].try_into().unwrap()), decode(payload))
    }
}

fn decode(payload: &[u8]) -> Value {
    rmp_serde::from_slice(payload).unwrap()
}

struct Publishing {
    router: axum::Router,
    publish: SocketAddr,
    replay: SocketAddr,
    stop: server::StopHandle,
    exit: tokio::task::JoinHandle<std::io::Result<server::ExitReason>>,
}

fn serve(num_blocks: usize) -> Publishing {
    let mut setup = Setup::answering("abc");
    setup.num_blocks = num_blocks;
    setup.config.kv_events = Some(KvEventsConfig {
        publish: "127.0.0.1:0".parse().unwrap(),
        replay: Some("127.0.0.1:0".parse().unwrap()),
        topic: Some(TOPIC_TEMPLATE.to_owned()),
    });
    let test = setup.start();
    let (publish, replay) = test.server.kv_events_addrs().unwrap();
    let (router, stop) = (test.router.clone(), test.server.stop_handle());
    let exit = tokio::spawn(test.server.serve());
    Publishing { router, publish, replay: replay.unwrap(), stop, exit }
}

impl Publishing {
    /// A completion of one token behind these.
    async fn complete(&self, tokens: &[u32], salt: Option<&str>) {
        use tower::ServiceExt;
        let mut body = completion_body(json!({"prompt": tokens, "max_tokens": 1}));
        if let Some(salt) = salt {
            body["cache_salt"] = salt.into();
        }
        let request = post("/v1/completions", body.to_string());
        assert_eq!(self.router.clone().oneshot(request).await.unwrap().status(), 200);
    }

    /// Every batch so far, by the replay socket.
    async fn replayed(&self, from: u64) -> Vec<(u64, Value)> {
        let mut peer = Peer::connect(self.replay, "REQ").await;
        peer.send(1, b"").await;
        peer.send(0, &from.to_be_bytes()).await;
        let mut batches = Vec::new();
        loop {
            let frames = peer.message().await;
            let [empty, number, payload] = &frames[..] else { panic!("three frames: {frames:?}") };
            assert!(empty.is_empty());
            if number[..] == [0xff; 8] {
                assert!(payload.is_empty());
                return batches;
            }
            batches.push((u64::from_be_bytes(number[..].try_into().unwrap()), decode(payload)));
        }
    }

    async fn stopped(self) {
        self.stop.stop();
        self.exit.await.unwrap().unwrap();
    }
}

fn tokens(first: u32) -> Vec<u32> {
    (0..40).map(|n| (first + n) % 250).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stored_blocks_are_told_in_order_and_repeated_on_demand() {
    let server = serve(4096);
    assert_eq!(server.replayed(0).await[0].1[1], json!([["AllBlocksCleared"]]));
    server.complete(&tokens(0), None).await;
    // The same prompt again adds nothing; another tenant's is nobody's business.
    server.complete(&tokens(0), None).await;
    server.complete(&tokens(7), Some("tenant")).await;
    server.complete(&tokens(100), None).await;
    let batches = loop {
        let batches = server.replayed(0).await;
        if batches.len() >= 3 {
            break batches;
        }
    };
    let numbers: Vec<u64> = batches.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [0, 1, 2]);
    for (batch, first) in batches[1..].iter().zip([0, 100]) {
        let (at, events, rank) = (&batch.1[0], &batch.1[1], &batch.1[2]);
        assert!(at.as_f64().unwrap() > 1.7e9 && *rank == 0, "{batch:?}");
        let [event] = &events.as_array().unwrap()[..] else { panic!("one event: {events}") };
        let hashes = event[1].as_array().unwrap();
        assert_eq!((&event[0], hashes.len()), (&json!("BlockStored"), 2));
        assert!(hashes.iter().all(Value::is_u64) && hashes[0] != hashes[1]);
        assert_eq!((&event[2], &event[3]), (&Value::Null, &json!(tokens(first)[..2 * BLOCK])));
        assert_eq!(
            &event.as_array().unwrap()[4..],
            &[json!(BLOCK), Value::Null, json!("GPU"), Value::Null]
        );
    }
    assert_eq!(server.replayed(2).await.len(), 1, "only what is asked for");
    server.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscribers_get_their_topics_live_with_removals() {
    let server = serve(NUM_BLOCKS);
    let mut all = Peer::connect(server.publish, "SUB").await;
    // An empty prefix is every topic; the form is that of ZMTP 3.0.
    all.send(0, b"\x01").await;
    let mut other = Peer::connect(server.publish, "SUB").await;
    other.send(4, b"\x09SUBSCRIBEkv@10.0.0.8").await;
    let mut one = Peer::connect(server.publish, "SUB").await;
    one.send(4, b"\x09SUBSCRIBEkv@10.0.0.7").await;
    // Commands and answers are in order: once this comes back, the subscription counts.
    for peer in [&mut all, &mut other, &mut one] {
        peer.send(4, b"\x04PING\0\0context").await;
        assert_eq!(peer.frame().await, (4, b"\x04PONGcontext".to_vec()));
    }
    let mut known: HashSet<u64> = HashSet::new();
    let (mut num_removed, mut next) = (0, None);
    for first in 0..6 {
        // Eleven full blocks each, so that six prompts do not fit.
        let prompt: Vec<u32> = (0..180).map(|n| (first * 41 + n) % 250).collect();
        server.complete(&prompt, None).await;
        let (number, batch) = one.batch().await;
        assert!(next.is_none_or(|next| next == number), "no batch is missing");
        next = Some(number + 1);
        for event in batch[1].as_array().unwrap() {
            let hashes = event[1].as_array().unwrap().iter().map(|hash| hash.as_u64().unwrap());
            match event[0].as_str().unwrap() {
                "BlockStored" => known.extend(hashes),
                "BlockRemoved" => {
                    for hash in hashes {
                        assert!(known.remove(&hash), "removed and never stored");
                        num_removed += 1;
                    }
                }
                other => panic!("{other}"),
            }
        }
    }
    assert!(num_removed >= 6 * 11 - NUM_BLOCKS, "only {num_removed} were removed");
    assert!(known.len() <= NUM_BLOCKS, "{known:?}");
    let (_, batch) = all.batch().await;
    assert!(batch[1].as_array().is_some_and(|events| !events.is_empty()));
    // Whoever subscribed to another pod has heard nothing: its next frame is a heartbeat's.
    other.send(4, b"\x04PING\0\0").await;
    assert_eq!(other.frame().await, (4, b"\x04PONG".to_vec()));
    server.stopped().await;
}

/// Peers that speak something else, or too much, are cut off and leave the others alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_are_cut_off() {
    let server = serve(64);
    let mut http = TcpStream::connect(server.publish).await.unwrap();
    http.write_all(&b"GET / HTTP/1.1\r\nhost: x\r\n\r\n".repeat(4)).await.unwrap();
    let mut rest = Vec::new();
    // A reset is as good as an end.
    let _ = tokio::time::timeout(WAIT, http.read_to_end(&mut rest)).await.expect("cut off");
    let mut greedy = Peer::connect(server.publish, "SUB").await;
    greedy.0.write_all(&[2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]).await.unwrap();
    let _ = tokio::time::timeout(WAIT, greedy.0.read_to_end(&mut rest)).await.expect("cut off");
    assert_eq!(server.replayed(0).await.len(), 1);
    server.stopped().await;
}
