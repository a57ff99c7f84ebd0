//! `GET /v1/models` and `GET /v1/models/{id}`: what the caller's account and key may use, as of now.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use serde::Serialize;

use super::errors::GatewayError;
use super::state::GatewayState;
use crate::database::ListedModel;

#[derive(Serialize)]
struct ModelList {
    object: &'static str,
    data: Vec<Model>,
}

#[derive(Serialize)]
struct Model {
    id: String,
    object: &'static str,
    created: i64,
    owned_by: String,
}

/// All of them.
///
/// # Errors
/// 401, 403 or 503 as a [`GatewayError`].
pub async fn list(
    State(state): State<Arc<GatewayState>>,
    headers: HeaderMap,
) -> Result<Response, GatewayError> {
    let data = offered(&state, &headers).await?.into_iter().map(Model::from).collect();
    Ok(Json(ModelList { object: "list", data }).into_response())
}

/// One of them; one that is not offered is as unknown as one that does not exist.
///
/// # Errors
/// 401, 403, 404 or 503 as a [`GatewayError`].
pub async fn retrieve(
    State(state): State<Arc<GatewayState>>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, GatewayError> {
    // An id that is not UTF-8 names nothing.
    let Path(id) = id.map_err(|_| GatewayError::UnknownPath)?;
    let found = offered(&state, &headers).await?.into_iter().find(|listed| listed.model == id);
    let listed = found.ok_or(GatewayError::ModelNotFound { model: id })?;
    Ok(Json(Model::from(listed)).into_response())
}

async fn offered(state: &GatewayState, headers: &HeaderMap) -> Result<Vec<ListedModel>, GatewayError> {
    let caller = state.authenticator.caller_now(headers).await?;
    state.database.model_list(caller.account_id, caller.api_key_id).await.map_err(|error| {
        tracing::warn!(%error, "listing the models failed");
        GatewayError::MeteringUnavailable
    })
}

impl From<ListedModel> for Model {
    fn from(listed: ListedModel) -> Self {
        Self {
            id: listed.model,
            object: "model",
            created: listed.created_at.unix_timestamp(),
            owned_by: listed.owned_by,
        }
    }
}
