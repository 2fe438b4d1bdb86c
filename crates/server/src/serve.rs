//! The server's run: listen before anything is loaded, serve, drain, stop.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum_server::Handle;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::config::{CONNECTION_BUFFER_BYTES, NUM_EDGE_THREADS, ServerConfig};
use crate::connections::LimitedAcceptor;
use crate::exchange::unix_seconds;
use crate::flight::{DumpHandle, Watchdog};
use crate::kv_events::KvEventSockets;
use crate::lifecycle::{Hang, Lifecycle};
use crate::metrics::Metrics;
use crate::prepare::PreparationPool;
use crate::request_body::BodyRoom;
use crate::router;
use crate::state::AppState;
use crate::trace::Tracer;

/// How often histograms are folded and the open requests counted while draining.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);
const DRAIN_POLL: Duration = Duration::from_millis(10);
/// How long connections may take to send what they have once no request is open.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// Why the server stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitReason {
    /// Asked to stop, and every request ended in time.
    Drained,
    /// Asked to stop; requests were still open at the deadline and were aborted.
    DrainTimedOut,
    /// Asked twice: stopped at once.
    Forced,
    /// The model could not be loaded.
    LoadFailed,
    /// The engine died, or a step never ended.
    EngineDead,
    /// The steps that warm the device up never ended; the loader is left in its call.
    WarmUpHung,
}

/// A bound server that does not answer yet.
pub struct Server {
    listener: TcpListener,
    control: Control,
    kv_events: Option<KvEventSockets>,
}

/// What decides when a server stops.
struct Control {
    state: AppState,
    stop: StopHandle,
    dump: DumpHandle,
}

/// Asks a running server to stop. Each call goes one step further: grace (if one is set), drain,
/// stop at once. Signals do the same.
#[derive(Clone)]
pub struct StopHandle {
    num_requests: watch::Sender<u32>,
}

impl StopHandle {
    /// Counts one wish to stop.
    pub fn stop(&self) {
        self.num_requests.send_modify(|count| *count += 1);
    }

    async fn asked(&self, times: u32) {
        let mut count = self.num_requests.subscribe();
        // The sender lives in `self`, so this cannot fail.
        let _ = count.wait_for(|count| *count >= times).await;
    }
}

impl Server {
    /// Opens the port. From here on clients can connect; they are answered once `run` is called.
    pub fn bind(config: ServerConfig) -> io::Result<Self> {
        let addrs: Vec<SocketAddr> =
            (config.host.as_str(), config.port).to_socket_addrs()?.collect();
        let listener = TcpListener::bind(addrs.as_slice())?;
        let metrics = Arc::new(Metrics::new(config.legacy_metrics));
        let tracer = match &config.otlp_traces_endpoint {
            Some(endpoint) => Some(Tracer::start(endpoint.clone(), metrics.clone())?),
            None => None,
        };
        let kv_events = config.kv_events.as_ref().map(KvEventSockets::bind).transpose()?;
        let publisher = kv_events.as_ref().map(KvEventSockets::publisher);
        let lifecycle = Lifecycle::new(metrics, publisher, config.step_timeout);
        let state = AppState {
            preparation: PreparationPool::new(&config.limits),
            body_room: BodyRoom::new(&config.limits),
            config: Arc::new(config),
            lifecycle,
            tracer,
            started_at: unix_seconds(),
        };
        let stop = StopHandle { num_requests: watch::Sender::new(0) };
        let control = Control { state, stop, dump: DumpHandle::new() };
        Ok(Self { listener, control, kv_events })
    }

    /// The address clients connect to.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// The addresses of the KV event sockets, the one for repeats last.
    pub fn kv_events_addrs(&self) -> Option<(SocketAddr, Option<SocketAddr>)> {
        self.kv_events.as_ref().map(KvEventSockets::addrs)
    }

    /// For the loader: progress, readiness, failure.
    pub fn lifecycle(&self) -> Lifecycle {
        self.control.state.lifecycle.clone()
    }

    /// Stops this server from another thread.
    pub fn stop_handle(&self) -> StopHandle {
        self.control.stop.clone()
    }

    /// Has this server's flight recorder dumped from another thread.
    pub fn dump_handle(&self) -> DumpHandle {
        self.control.dump.clone()
    }

    /// The service without a socket.
    pub fn router(&self) -> Router {
        router::router(self.control.state.clone())
    }

    /// Serves on a runtime of its own until stopped; SIGTERM and SIGINT stop it, SIGQUIT has the
    /// flight recorder dumped.
    pub fn run(self) -> io::Result<ExitReason> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(NUM_EDGE_THREADS)
            // Preparation jobs, flight recorder dumps, and name look-ups of the runtime itself.
            .max_blocking_threads(self.control.state.config.limits.max_preparing + 2)
            .thread_name("edge")
            .enable_all()
            .build()?;
        let (stop, dump) = (self.stop_handle(), self.dump_handle());
        let reason = runtime.block_on(async {
            let signals = tokio::spawn(forward_signals(stop, dump)?);
            let reason = self.serve().await;
            signals.abort();
            reason
        });
        // A blocking job may still be at work for a client that has gone.
        runtime.shutdown_background();
        reason
    }

    /// Serves on the current runtime until [`StopHandle::stop`]; installs no signal handlers.
    pub async fn serve(self) -> io::Result<ExitReason> {
        let app = self.router().into_make_service();
        let Self { listener, control, kv_events } = self;
        let publishing = kv_events.map(KvEventSockets::serve).transpose()?;
        let limits = &control.state.config.limits;
        let handle = Handle::<SocketAddr>::new();
        let mut server = axum_server::from_tcp(listener)?
            .acceptor(LimitedAcceptor::new(limits.max_connections))
            .first_request_timeout(limits.header_timeout)
            .handle(handle.clone());
        server
            .http_builder()
            .http1()
            .header_read_timeout(limits.header_timeout)
            .max_buf_size(CONNECTION_BUFFER_BYTES);
        server
            .http_builder()
            .http2()
            .keep_alive_interval(Some(limits.header_timeout))
            .max_send_buf_size(CONNECTION_BUFFER_BYTES);
        let mut serving = tokio::spawn(server.serve(app));
        let upkeep = tokio::spawn(upkeep(control.state.lifecycle.metrics().clone()));
        let root = control.state.config.machine_root.clone();
        let _gpus = control.state.lifecycle.metrics().read_gpus(root);
        let watchdog = Arc::new(control.watchdog());
        let watching = tokio::spawn(watchdog.clone().run());
        let Stop { reason, num_heeded } = tokio::select! {
            stop = control.until_stopped() => stop,
            ended = &mut serving => {
                upkeep.abort();
                watching.abort();
                return ended.unwrap_or_else(|panic| Err(io::Error::other(panic)))
                    .map(|()| ExitReason::Drained);
            }
        };
        if reason != ExitReason::Forced {
            handle.graceful_shutdown(Some(FLUSH_TIMEOUT));
            // A further wish to stop cuts this short, too.
            tokio::select! {
                _ = &mut serving => {}
                () = control.stop.asked(num_heeded + 1) => {}
            }
        }
        handle.shutdown();
        upkeep.abort();
        if reason == ExitReason::EngineDead {
            watchdog.dump_fatal().await;
        }
        watching.abort();
        drop(publishing);
        if let Some(tracer) = &control.state.tracer {
            tracer.flush().await;
        }
        Ok(reason)
    }
}

/// How a run ends.
struct Stop {
    reason: ExitReason,
    /// Wishes to stop that have had their effect; one more hurries what is left.
    num_heeded: u32,
}

impl Control {
    fn watchdog(&self) -> Watchdog {
        Watchdog::new(self.state.lifecycle.clone(), self.dump.clone(), &self.state.config)
    }

    /// Waits for a reason to stop, and drains if there is time for it.
    async fn until_stopped(&self) -> Stop {
        let lifecycle = &self.state.lifecycle;
        tokio::select! {
            () = lifecycle.failed() => Stop { reason: ExitReason::LoadFailed, num_heeded: 1 },
            () = self.engine_gone() => Stop { reason: ExitReason::EngineDead, num_heeded: 1 },
            hang = lifecycle.hung(self.state.config.death_linger) => Stop {
                reason: match hang {
                    Hang::WarmUp => ExitReason::WarmUpHung,
                    Hang::Step => ExitReason::EngineDead,
                },
                num_heeded: 1,
            },
            () = self.stop.asked(1) => self.leave().await,
        }
    }

    /// Grace, then drain; a wish to stop during either goes on to the next.
    async fn leave(&self) -> Stop {
        let num_heeded = self.grace().await;
        let reason = tokio::select! {
            reason = self.drain() => reason,
            () = self.stop.asked(num_heeded + 1) => ExitReason::Forced,
            _ = self.state.lifecycle.hung(self.state.config.death_linger) => ExitReason::EngineDead,
        };
        Stop { reason, num_heeded }
    }

    /// Readiness is red, and requests are still taken while load balancers hear of it. Returns the
    /// number of wishes to stop that led to its end.
    async fn grace(&self) -> u32 {
        let lifecycle = &self.state.lifecycle;
        lifecycle.announce_leaving();
        let grace = self.state.config.shutdown_grace;
        // Before a model is ready nobody was told to come here.
        if grace.is_zero() || lifecycle.served_model().is_none() {
            return 1;
        }
        tracing::info!(grace_s = grace.as_secs_f64(), "leaving: not ready, still taking requests");
        tokio::select! {
            () = sleep(grace) => 1,
            () = lifecycle.engine_died() => 1,
            _ = lifecycle.hung(self.state.config.death_linger) => 1,
            () = self.stop.asked(2) => 2,
        }
    }

    /// After the engine's death, clients and probes are still told for a while.
    async fn engine_gone(&self) {
        self.state.lifecycle.engine_died().await;
        tokio::select! {
            () = sleep(self.state.config.death_linger) => {}
            () = self.stop.asked(1) => {}
        }
    }

    /// Takes no new requests and waits for the running ones; aborts them at the deadline.
    async fn drain(&self) -> ExitReason {
        let lifecycle = &self.state.lifecycle;
        lifecycle.begin_drain();
        let num_open = lifecycle.num_in_flight();
        tracing::info!(num_open, "draining");
        let started = Instant::now();
        let reason = match timeout(self.state.config.drain_timeout, self.idle()).await {
            Ok(()) => ExitReason::Drained,
            Err(_) => ExitReason::DrainTimedOut,
        };
        if let Some(model) = lifecycle.served_model() {
            model.engine.shutdown();
        }
        if reason == ExitReason::DrainTimedOut {
            tracing::warn!(num_open = lifecycle.num_in_flight(), "drain deadline reached");
            // The aborted requests still end their streams properly.
            let _ = timeout(FLUSH_TIMEOUT, self.idle()).await;
        }
        tracing::info!(duration_ms = started.elapsed().as_millis() as u64, "drained");
        // Requests end early with a dead engine, which must not look like a clean stop.
        if lifecycle.is_engine_dead() { ExitReason::EngineDead } else { reason }
    }

    async fn idle(&self) {
        while self.state.lifecycle.num_in_flight() > 0 {
            sleep(DRAIN_POLL).await;
        }
    }
}

async fn upkeep(metrics: Arc<Metrics>) {
    loop {
        sleep(UPKEEP_INTERVAL).await;
        metrics.run_upkeep();
    }
}

fn forward_signals(stop: StopHandle, dump: DumpHandle) -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut quit = signal(SignalKind::quit())?;
    Ok(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => stop.stop(),
                _ = interrupt.recv() => stop.stop(),
                _ = quit.recv() => dump.dump(),
            }
        }
    })
}
