//! What every handler shares. Cloning is a few pointer copies.

use std::sync::Arc;

use crate::config::ServerConfig;
use crate::lifecycle::Lifecycle;
use crate::prepare::PreparationPool;
use crate::request_body::BodyRoom;
use crate::trace::Tracer;

#[derive(Clone)]
pub(crate) struct AppState {
    pub(crate) config: Arc<ServerConfig>,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) preparation: PreparationPool,
    pub(crate) body_room: BodyRoom,
    /// Present if traces are exported.
    pub(crate) tracer: Option<Tracer>,
    /// Unix time of the server's start, shown as the models' creation time.
    pub(crate) started_at: u64,
}
