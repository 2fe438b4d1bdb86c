//! A small TCP balancer in the place of a Service: each connection goes to one of the endpoints, in
//! turn. It keeps count, so that a test can wait for what in a cluster only time decides.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Connections of one endpoint.
#[derive(Default)]
struct Count {
    /// Given to the endpoint and not ended.
    open: AtomicUsize,
    /// Given to the endpoint in all.
    accepted: AtomicUsize,
    /// Of the open ones, those for which it has not yet sent a byte.
    unanswered: AtomicUsize,
}

#[derive(Default)]
struct Endpoints {
    /// Those that get new connections.
    addresses: Vec<String>,
    counts: HashMap<String, Arc<Count>>,
    next: usize,
}

/// A running balancer.
#[derive(Clone)]
pub(crate) struct Balancer {
    endpoints: Arc<Mutex<Endpoints>>,
    address: String,
}

impl Balancer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let balancer = Self { endpoints: Arc::default(), address };
        let running = balancer.clone();
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.expect("the listener works");
                let (address, count) = running.choose();
                tokio::spawn(async move {
                    carry(client, &address, &count).await;
                    count.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        balancer
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// From now on the endpoint gets connections.
    pub(crate) fn add(&self, address: &str) {
        let mut endpoints = self.endpoints.lock().expect("no holder panicked");
        endpoints.addresses.push(address.to_owned());
        endpoints.counts.insert(address.to_owned(), Arc::default());
    }

    /// From now on it gets no new ones; those it has go on.
    pub(crate) fn remove(&self, address: &str) {
        let mut endpoints = self.endpoints.lock().expect("no holder panicked");
        endpoints.addresses.retain(|other| other != address);
    }

    pub(crate) fn num_open(&self, address: &str) -> usize {
        self.count(address).open.load(Ordering::SeqCst)
    }

    pub(crate) fn num_unanswered(&self, address: &str) -> usize {
        self.count(address).unanswered.load(Ordering::SeqCst)
    }

    pub(crate) fn num_accepted(&self, address: &str) -> usize {
        self.count(address).accepted.load(Ordering::SeqCst)
    }

    fn count(&self, address: &str) -> Arc<Count> {
        self.endpoints.lock().expect("no holder panicked").counts[address].clone()
    }

    /// The next endpoint; counted under the same lock, so that after `remove` no count grows.
    fn choose(&self) -> (String, Arc<Count>) {
        let mut endpoints = self.endpoints.lock().expect("no holder panicked");
        endpoints.next += 1;
        let index = endpoints.next % endpoints.addresses.len();
        let address = endpoints.addresses[index].clone();
        let count = endpoints.counts[&address].clone();
        count.open.fetch_add(1, Ordering::SeqCst);
        count.accepted.fetch_add(1, Ordering::SeqCst);
        count.unanswered.fetch_add(1, Ordering::SeqCst);
        (address, count)
    }
}

/// Carries bytes both ways until the server has ended. What fails is seen by the client.
async fn carry(client: TcpStream, address: &str, count: &Count) {
    let mut is_unanswered = true;
    if let Ok(server) = TcpStream::connect(address).await {
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let requests =
            tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
        let mut buffer = vec![0; 16 << 10];
        while let Ok(num_bytes @ 1..) = from_server.read(&mut buffer).await {
            if std::mem::take(&mut is_unanswered) {
                count.unanswered.fetch_sub(1, Ordering::SeqCst);
            }
            if to_client.write_all(&buffer[..num_bytes]).await.is_err() {
                break;
            }
        }
        requests.abort();
    }
    if is_unanswered {
        count.unanswered.fetch_sub(1, Ordering::SeqCst);
    }
}
