//! What every handler shares. Cloning is a few pointer copies.

use std::sync::Arc;

use crate::config::ServerConfig;
use crate::lifecycle::Lifecycle;
use crate::prepare::PreparationPool;

#[derive(Clone)]
pub(crate) struct AppState {
    pub(crate) config: Arc<ServerConfig>,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) preparation: PreparationPool,
    /// Unix time of the server's start, shown as the models' creation time.
    pub(crate) started_at: u64,
}
