//! KV cache events for routers that send a prompt where its prefix is cached (llm-d, AIBrix, Dynamo).
//!
//! Owns a ZeroMQ PUB socket on which each step's stored and evicted blocks go out, and a ROUTER socket
//! that repeats what a subscriber has missed. A message has three frames: topic, sequence number (8
//! bytes, big-endian, from 0), batch. Off unless an address is set, and then nothing is recorded.
//! Subscribers that do not keep up lose batches, see the gap in the numbers and ask for a repeat; nobody
//! waits for them. The first batch says that the cache is empty, which it is after a restart.
//!
//! Events carry token ids: keep the port inside the cluster. Sequences with a `cache_salt` have no
//! events. Called by `serve` (sockets) and by the engine's observer (events).

mod batch;
mod zmtp;

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use engine::KvEvents;
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, broadcast, mpsc};
use tokio::time::timeout;

use self::zmtp::Received;

/// Batches that may wait for a slow subscriber before it loses the oldest.
const MAX_QUEUED_BATCHES: usize = 1024;
/// Batches kept for repeats, and the bytes that they may take together.
const MAX_KEPT_BATCHES: usize = 10_000;
const MAX_KEPT_BYTES: usize = 64 << 20;
/// Peers connected to each socket; further ones are closed at once.
const MAX_PEERS: usize = 64;
/// Topics of one subscriber.
const MAX_TOPICS: usize = 64;
/// For the handshake, and for a peer to take what is written to it.
const PEER_TIMEOUT: Duration = Duration::from_secs(10);
/// Ends a repeat: -1 as a sequence number.
const END_OF_REPLAY: [u8; 8] = [0xff; 8];

/// Where events are published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KvEventsConfig {
    /// Address of the PUB socket.
    pub publish: SocketAddr,
    /// Address of the ROUTER socket for repeats.
    pub replay: Option<SocketAddr>,
    /// First frame of every message, with `{model}` for the served name; `None` is `kv@HOST@{model}`.
    /// llm-d's indexer expects `kv@POD_IP:PORT@MODEL`, whose first half only the pod's manifest knows.
    pub topic: Option<String>,
}

/// The bound sockets, before the server runs.
pub(crate) struct KvEventSockets {
    publisher: KvPublisher,
    publish: std::net::TcpListener,
    replay: Option<std::net::TcpListener>,
}

impl KvEventSockets {
    pub(crate) fn bind(config: &KvEventsConfig) -> io::Result<Self> {
        let listen = |address: SocketAddr| {
            let listener = std::net::TcpListener::bind(address).map_err(|error| {
                io::Error::new(error.kind(), format!("{address} for KV events: {error}"))
            })?;
            listener.set_nonblocking(true)?;
            Ok::<_, io::Error>(listener)
        };
        Ok(Self {
            publisher: KvPublisher::new(config.topic.clone()),
            publish: listen(config.publish)?,
            replay: config.replay.map(listen).transpose()?,
        })
    }

    pub(crate) fn publisher(&self) -> KvPublisher {
        self.publisher.clone()
    }

    pub(crate) fn addrs(&self) -> (SocketAddr, Option<SocketAddr>) {
        let addr = |listener: &std::net::TcpListener| {
            listener.local_addr().expect("a bound socket has an address")
        };
        (addr(&self.publish), self.replay.as_ref().map(addr))
    }

    /// Serves on the current runtime until the set is dropped.
    pub(crate) fn serve(self) -> io::Result<tokio::task::JoinSet<()>> {
        let publish = TcpListener::from_std(self.publish)?;
        let replay = self.replay.map(TcpListener::from_std).transpose()?;
        let mut serving = tokio::task::JoinSet::new();
        serving.spawn(self.publisher.serve(publish, replay));
        Ok(serving)
    }
}

struct Batch {
    number: u64,
    payload: Vec<u8>,
}

#[derive(Default)]
struct History {
    batches: VecDeque<Arc<Batch>>,
    num_bytes: usize,
    /// Number of the next batch.
    next: u64,
}

struct Shared {
    /// As configured.
    template: Option<String>,
    /// Known when the model is.
    topic: OnceLock<String>,
    live: broadcast::Sender<Arc<Batch>>,
    history: Mutex<History>,
}

/// The publisher. Cloning shares it.
#[derive(Clone)]
pub(crate) struct KvPublisher {
    shared: Arc<Shared>,
}

impl KvPublisher {
    pub(crate) fn new(template: Option<String>) -> Self {
        let (live, _) = broadcast::channel(MAX_QUEUED_BATCHES);
        let (topic, history) = (OnceLock::new(), Mutex::default());
        let publisher = Self { shared: Arc::new(Shared { template, topic, live, history }) };
        publisher.publish(batch::all_cleared(SystemTime::now()));
        publisher
    }

    /// The model that the topic names. Called before events come.
    pub(crate) fn set_model(&self, model: &str) {
        self.shared.topic.get_or_init(|| {
            if let Some(template) = &self.shared.template {
                return template.replace("{model}", model);
            }
            let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
            let host = Some(host.trim()).filter(|host| !host.is_empty());
            format!("kv@{}@{model}", host.unwrap_or("localhost"))
        });
    }

    /// Sends a step's events. Never waits.
    pub(crate) fn on_events(&self, events: &KvEvents) {
        self.publish(batch::encode(events, SystemTime::now()));
    }

    fn publish(&self, payload: Vec<u8>) {
        let mut history = self.history();
        let batch = Arc::new(Batch { number: history.next, payload });
        history.next += 1;
        history.num_bytes += batch.payload.len();
        history.batches.push_back(batch.clone());
        while history.batches.len() > MAX_KEPT_BATCHES || history.num_bytes > MAX_KEPT_BYTES {
            let oldest = history.batches.pop_front().expect("bytes are of batches");
            history.num_bytes -= oldest.payload.len();
        }
        // Sent under the lock, so that numbers go out in order. Without subscribers it fails.
        let _ = self.shared.live.send(batch);
    }

    /// Serves both sockets until it is dropped.
    pub(crate) async fn serve(self, publish: TcpListener, replay: Option<TcpListener>) {
        let other = self.clone();
        let live = accept(publish, "PUB", move |socket| self.clone().feed(socket));
        let repeats = async {
            if let Some(replay) = replay {
                accept(replay, "ROUTER", move |socket| other.clone().repeat(socket)).await;
            }
        };
        tokio::join!(live, repeats);
    }

    /// One subscriber: its subscriptions come in, matching batches go out.
    async fn feed(self, socket: TcpStream) -> io::Result<()> {
        let (reader, writer) = socket.into_split();
        let batches = self.shared.live.subscribe();
        let (wants, wanted) = mpsc::channel(MAX_TOPICS);
        tokio::select! {
            ended = read_subscriptions(reader, wants) => ended,
            ended = self.write_batches(writer, batches, wanted) => ended,
        }
    }

    async fn write_batches(
        &self,
        mut writer: OwnedWriteHalf,
        mut batches: broadcast::Receiver<Arc<Batch>>,
        mut wanted: mpsc::Receiver<Received>,
    ) -> io::Result<()> {
        let mut topics: Vec<Vec<u8>> = Vec::new();
        loop {
            let bytes = tokio::select! {
                batch = batches.recv() => {
                    let batch = match batch {
                        Ok(batch) => batch,
                        // The numbers tell the subscriber what it has missed.
                        Err(broadcast::error::RecvError::Lagged(_)) => continue,
                        Err(broadcast::error::RecvError::Closed) => return Ok(()),
                    };
                    let topic = self.shared.topic.get().map_or("", String::as_str).as_bytes();
                    if !topics.iter().any(|prefix| topic.starts_with(prefix)) {
                        continue;
                    }
                    zmtp::message(&[topic, &batch.number.to_be_bytes(), &batch.payload])
                }
                received = wanted.recv() => match received {
                    Some(Received::Ping(context)) => zmtp::pong(&context),
                    Some(Received::Subscribe(topic)) if topics.len() < MAX_TOPICS => {
                        topics.push(topic);
                        continue;
                    }
                    Some(Received::Cancel(topic)) => {
                        if let Some(index) = topics.iter().position(|known| *known == topic) {
                            topics.swap_remove(index);
                        }
                        continue;
                    }
                    Some(_) => continue,
                    None => return Ok(()),
                },
            };
            write(&mut writer, &bytes).await?;
        }
    }

    /// One client of the replay socket: a first number comes in, the kept batches from it on go out.
    async fn repeat(self, mut socket: TcpStream) -> io::Result<()> {
        loop {
            let frames = match zmtp::receive(&mut socket).await? {
                Received::Message(frames) => frames,
                Received::Ping(context) => {
                    write(&mut socket, &zmtp::pong(&context)).await?;
                    continue;
                }
                Received::Subscribe(_) | Received::Cancel(_) => continue,
            };
            // A REQ socket puts an empty frame in front, and expects it back.
            let [empty, first] = frames.as_slice() else { continue };
            let Ok(first) = <[u8; 8]>::try_from(first.as_slice()) else { continue };
            if !empty.is_empty() {
                continue;
            }
            let first = u64::from_be_bytes(first);
            let kept: Vec<Arc<Batch>> = self.history().batches.iter().cloned().collect();
            for batch in kept.iter().filter(|batch| batch.number >= first) {
                let frames: [&[u8]; 3] = [b"", &batch.number.to_be_bytes(), &batch.payload];
                write(&mut socket, &zmtp::message(&frames)).await?;
            }
            write(&mut socket, &zmtp::message(&[b"", &END_OF_REPLAY, b""])).await?;
        }
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.shared.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a subscriber says, until it leaves.
async fn read_subscriptions(
    mut reader: OwnedReadHalf,
    wants: mpsc::Sender<Received>,
) -> io::Result<()> {
    loop {
        let received = match zmtp::receive(&mut reader).await? {
            // The form of subscriptions before version 3.1.
            Received::Message(frames) => match frames.first().and_then(|body| body.split_first()) {
                Some((1, topic)) => Received::Subscribe(topic.to_vec()),
                Some((0, topic)) => Received::Cancel(topic.to_vec()),
                _ => continue,
            },
            other => other,
        };
        if wants.send(received).await.is_err() {
            return Ok(());
        }
    }
}

/// Accepts peers, shakes hands, and serves each on a task of its own.
async fn accept<F, S>(listener: TcpListener, socket_type: &'static str, serve: F)
where
    F: Fn(TcpStream) -> S + Clone + Send + Sync + 'static,
    S: Future<Output = io::Result<()>> + Send + 'static,
{
    /// After a failed accept, for want of file descriptors for example.
    const PAUSE: Duration = Duration::from_millis(100);
    let places = Arc::new(Semaphore::new(MAX_PEERS));
    let mut peers = tokio::task::JoinSet::new();
    loop {
        let Ok((mut socket, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        while peers.try_join_next().is_some() {}
        let Ok(place) = places.clone().try_acquire_owned() else { continue };
        let serve = serve.clone();
        peers.spawn(async move {
            let peer = async {
                socket.set_nodelay(true)?;
                timeout(PEER_TIMEOUT, zmtp::shake_hands(&mut socket, socket_type)).await??;
                serve(socket).await
            };
            if let Err(error) = peer.await {
                tracing::debug!(%error, socket_type, "a reader of KV events has left");
            }
            drop(place);
        });
    }
}

async fn write(writer: &mut (impl AsyncWriteExt + Unpin), bytes: &[u8]) -> io::Result<()> {
    timeout(PEER_TIMEOUT, writer.write_all(bytes)).await?
}
