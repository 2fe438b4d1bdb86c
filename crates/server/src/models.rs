//! `GET /v1/models`, `/v1/models/{id}` and `/version`.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::error::ApiError;
use crate::served_model::ServedModel;
use crate::state::AppState;
use crate::validate::resolve_model;
use crate::wire::{ModelCard, ModelList};

/// `GET /v1/models`.
pub(crate) async fn list(State(state): State<AppState>) -> Result<Response, ApiError> {
    let model = state.lifecycle.model()?;
    let data = model.names.iter().map(|name| card(name, &model, state.started_at)).collect();
    Ok(Json(ModelList { object: "list", data }).into_response())
}

/// `GET /v1/models/{id}`; ids may contain slashes.
pub(crate) async fn get(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let model = state.lifecycle.model()?;
    let name = resolve_model(Some(id), &model)?;
    Ok(Json(card(&name, &model, state.started_at)).into_response())
}

fn card<'a>(name: &'a str, model: &'a ServedModel, created: u64) -> ModelCard<'a> {
    ModelCard {
        id: name,
        object: "model",
        created,
        owned_by: "ropeway",
        root: model.canonical_name(),
        parent: None,
        max_model_len: model.engine.limits().max_model_len,
    }
}

#[derive(Serialize)]
struct Version {
    version: &'static str,
}

/// `GET /version`.
pub(crate) async fn version() -> Response {
    Json(Version { version: env!("CARGO_PKG_VERSION") }).into_response()
}
