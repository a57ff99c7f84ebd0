//! `/livez`, `/readyz` and `/metrics`: for the operator's probes, not for clients.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderMap, StatusCode};
use serde_json::json;
use tokio::time::timeout;

use super::errors::GatewayError;
use super::state::GatewayState;
use crate::telemetry;

/// Longest the database may take to answer a readiness probe, seconds.
const PING_TIMEOUT_SECONDS: u64 = 2;
const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// Any of these means that a proxy passed the request on for somebody else.
const FORWARDED: [HeaderName; 4] = [
    HeaderName::from_static("forwarded"),
    HeaderName::from_static("via"),
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-real-ip"),
];

/// 200 while the process runs; asks nobody.
pub async fn livez() -> Response {
    Json(json!({"status": "live"})).into_response()
}

/// 200 when a call could be metered now, 503 while draining or without the database.
pub async fn readyz(State(state): State<Arc<GatewayState>>) -> Response {
    if state.is_draining() {
        return unready("draining");
    }
    match timeout(Duration::from_secs(PING_TIMEOUT_SECONDS), state.database.ping()).await {
        Ok(Ok(())) => Json(json!({"status": "ready"})).into_response(),
        Ok(Err(_)) | Err(_) => unready("database_unavailable"),
    }
}

/// Prometheus text. On the public listener only when that is bound to loopback, and never through a proxy.
pub async fn metrics(State(state): State<Arc<GatewayState>>, headers: HeaderMap) -> Response {
    if !state.metrics_on_public_listener || FORWARDED.iter().any(|name| headers.contains_key(name)) {
        return GatewayError::UnknownPath.into_response();
    }
    scrape(State(state)).await
}

/// Prometheus text on the operator's own listener.
pub async fn scrape(State(state): State<Arc<GatewayState>>) -> Response {
    metrics::gauge!(telemetry::CALLS_IN_FLIGHT).set(state.calls.under_way() as f64);
    ([(CONTENT_TYPE, PROMETHEUS_TEXT)], state.prometheus.render()).into_response()
}

fn unready(reason: &'static str) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"status": "unready", "reason": reason}))).into_response()
}
