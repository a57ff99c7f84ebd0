//! `POST /v1/responses`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;

use super::metered_endpoint::answer;
use super::state::GatewayState;
use crate::openai::Endpoint;

/// Metered like every call; what is particular to it stands in `openai`.
pub async fn create(State(state): State<Arc<GatewayState>>, request: Request) -> Response {
    answer(state, Endpoint::Responses, request).await
}
